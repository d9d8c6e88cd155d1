// SPDX-License-Identifier: Apache-2.0
/*
 * grammar_number.c - numbers and keywords in the words of a command.
 *
 * Scores are mostly short decimals. Up to 15 digits are exact in a double, and so are the powers
 * of ten up to 22, so one division rounds as strtod would (Clinger's fast path). All else goes to
 * strtod, which also knows "inf", "infinity" and hexadecimal numbers, as Redis does.
 *
 * Thread: plain functions; any.
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "grammar/grammar.h"
#include "grammar/grammar_private.h"

#define EXACT_DIGITS 15
#define TEXT_BYTES_MAX 512 /* a longer number is none that anybody means */

static const double powers_of_ten[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                       1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

bool grammar_is(struct span text, const char *word)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if (c >= 'A' && c <= 'Z')
            c = (char)(c | 0x20);
        if (c != word[i]) /* also at the end of `word`, unless it holds a zero byte */
            return false;
        if (c == '\0')
            return false;
    }
    return word[text.size] == '\0';
}

/* Digits without a leading zero; false when there are none, or too many for `most`. */
static bool read_digits(const char *at, size_t size, uint64_t most, uint64_t *out_value)
{
    uint64_t value = 0;

    if (size == 0 || size > 20 || (at[0] == '0' && size > 1))
        return false;
    for (size_t i = 0; i < size; i++) {
        uint64_t digit = (uint64_t)(unsigned char)at[i] - '0';

        if (digit > 9 || value > (most - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out_value = value;
    return true;
}

bool grammar_int_read(struct span text, int64_t *out_value)
{
    bool minus = text.size > 0 && text.data[0] == '-';
    uint64_t value;

    if (!read_digits(text.data + minus, text.size - minus, (uint64_t)INT64_MAX + minus, &value))
        return false;
    if (minus && value == 0)
        return false;
    *out_value = minus ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

/* strtoul's idea of a number: nothing is 0, and a minus counts from the other end. */
bool grammar_cursor_read(struct span text, uint64_t *out_value)
{
    bool minus = text.size > 0 && text.data[0] == '-';
    size_t at = text.size > 0 && (minus || text.data[0] == '+');
    uint64_t value = 0;

    if (at > 0 && text.size == 1)
        return false;
    while (at + 1 < text.size && text.data[at] == '0')
        at++;
    if (at < text.size && !read_digits(text.data + at, text.size - at, UINT64_MAX, &value))
        return false;
    *out_value = minus ? 0 - value : value;
    return true;
}

/* An optional minus, at most EXACT_DIGITS digits, perhaps a point among them, nothing else. */
static bool read_short(struct span text, double *out_value)
{
    const char *at = text.data;
    const char *end = text.data + text.size;
    bool minus = at < end && *at == '-';
    uint64_t value = 0;
    const char *point = NULL;
    double result;

    at += minus;
    if (end - at > EXACT_DIGITS + 1 || at == end)
        return false;
    for (const char *c = at; c < end; c++) {
        uint32_t digit = (uint32_t)(unsigned char)*c - '0';

        if (digit <= 9)
            value = value * 10 + digit;
        else if (*c == '.' && point == NULL)
            point = c;
        else
            return false;
    }
    if (end - at - (point != NULL) > EXACT_DIGITS || end - at == (point != NULL))
        return false; /* too long, or a lone point */
    result = (double)value;
    if (point != NULL)
        result /= powers_of_ten[end - point - 1];
    *out_value = minus ? -result : result;
    return true;
}

/* strtod over a copy, as spans have no end of their own. False if it does not take all of it. */
static bool read_long(struct span text, double *out_value)
{
    char copy[TEXT_BYTES_MAX + 1];
    char *end;

    if (text.size > TEXT_BYTES_MAX || memchr(text.data, 0, text.size) != NULL)
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    errno = 0;
    *out_value = strtod(copy, &end);
    return end == copy + text.size && !isnan(*out_value);
}

bool grammar_score_read(struct span text, double *out_value)
{
    double value;

    if (read_short(text, out_value))
        return true;
    if (text.size == 0 || isspace((unsigned char)text.data[0]) || !read_long(text, &value))
        return false;
    if (errno == ERANGE && (isinf(value) || fpclassify(value) == FP_ZERO))
        return false;
    *out_value = value;
    return true;
}

bool grammar_seconds_read(struct span text, long double *out_value)
{
    char copy[TEXT_BYTES_MAX + 1];
    char *end;

    if (text.size == 0 || text.size > TEXT_BYTES_MAX || isspace((unsigned char)text.data[0]))
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    errno = 0;
    *out_value = strtold(copy, &end);
    return end == copy + text.size && !isnan(*out_value) &&
           (errno != ERANGE || (isfinite(*out_value) && *out_value != 0));
}

/*
 * Redis reads bounds more loosely than scores: nothing at all is 0, blanks may stand in front, and
 * a zero byte ends the text.
 */
bool grammar_score_bound(struct span text, struct grammar_bound *out_bound)
{
    text.size = strnlen(text.data, text.size);
    out_bound->kind = COMMAND_BOUND_INCLUSIVE;
    if (text.size > 0 && text.data[0] == '(') {
        out_bound->kind = COMMAND_BOUND_EXCLUSIVE;
        text.data++;
        text.size--;
    }
    if (text.size == 0) {
        out_bound->score = 0;
        return true;
    }
    return read_short(text, &out_bound->score) || read_long(text, &out_bound->score);
}

bool grammar_lex_bound(struct span text, struct grammar_bound *out_bound)
{
    if (text.size == 0)
        return false;
    out_bound->lex = (struct span){text.data + 1, text.size - 1};
    switch (text.data[0]) {
    case '-':
        out_bound->kind = COMMAND_BOUND_LEAST;
        return text.size == 1;
    case '+':
        out_bound->kind = COMMAND_BOUND_GREATEST;
        return text.size == 1;
    case '[':
        out_bound->kind = COMMAND_BOUND_INCLUSIVE;
        return true;
    case '(':
        out_bound->kind = COMMAND_BOUND_EXCLUSIVE;
        return true;
    default:
        return false;
    }
}
