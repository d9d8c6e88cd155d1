// SPDX-License-Identifier: Apache-2.0
/*
 * json_text.h - the small pieces of JSON: numbers, words, escapes.
 *
 * The functions that are called for every value of every row are inline. All of them look at bytes
 * behind a value, at most JSON_SIMD_PADDING of them (json_simd.h), and stop at a line feed.
 *
 * Thread: any.
 */
#ifndef TALLYWHEEL_WIRE_JSON_TEXT_H
#define TALLYWHEEL_WIRE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

/* Digits that always fit an int64_t. */
#define JSON_TEXT_INT_DIGITS_MAX 18

/* Up to here every integer is a double. */
#define JSON_TEXT_MANTISSA_MAX (INT64_C(1) << 53)

/* The largest power of ten that is a double. */
#define JSON_TEXT_POWER_MAX 22

/* Where the JSON number at `at` ends, or NULL if it is none. */
const char *json_text_number_end(const char *at);

/* Whether every backslash in a string begins an escape that JSON has. */
bool json_text_escapes_are_valid(struct span text);

static inline bool json_text_is_digit(char c)
{
    return (unsigned char)(c - '0') <= 9;
}

static inline bool json_text_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* What may stand behind a number or a word. */
static inline bool json_text_ends(char c)
{
    return c == ',' || c == '}' || c == ']' || json_text_is_space(c);
}

static inline uint64_t json_text_load(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static inline bool json_text_is_eight_digits(uint64_t word)
{
    return ((word & 0xf0f0f0f0f0f0f0f0u) |
            (((word + 0x0606060606060606u) & 0xf0f0f0f0f0f0f0f0u) >> 4)) == 0x3333333333333333u;
}

/* Three multiplications: digits to pairs, to fours, to eight. */
static inline uint64_t json_text_eight_digits(uint64_t word)
{
    word = (word & 0x0f0f0f0f0f0f0f0fu) * 2561 >> 8;
    word = (word & 0x00ff00ff00ff00ffu) * 6553601 >> 16;
    return (word & 0x0000ffff0000ffffu) * 42949672960001u >> 32;
}

/* Reads digits onto *value; returns where they end. More than 18 make the value meaningless. */
static inline const char *json_text_digits(const char *at, uint64_t *value)
{
    uint64_t word = json_text_load(at);
    uint64_t sum = *value;

    if (json_text_is_eight_digits(word)) {
        sum = sum * 100000000 + json_text_eight_digits(word);
        at += 8;
    }
    while (json_text_is_digit(*at)) {
        sum = sum * 10 + (uint64_t)(*at - '0');
        at++;
    }
    *value = sum;
    return at;
}

/* A JSON integer of at most 18 digits. False: it is something else, or longer. */
static inline bool json_text_int(const char *at, int64_t *out_value)
{
    bool negative = *at == '-';
    const char *start = at + negative;
    uint64_t value = 0;
    const char *end = json_text_digits(start, &value);

    if (end == start || end - start > JSON_TEXT_INT_DIGITS_MAX ||
        (*start == '0' && end - start > 1) || !json_text_ends(*end))
        return false;
    *out_value = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* A JSON number without exponent whose mantissa and power of ten are exact doubles. */
static inline bool json_text_plain_double(const char *at, double *out_value)
{
    static const double powers[JSON_TEXT_POWER_MAX + 1] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    bool negative = *at == '-';
    const char *start = at + negative;
    uint64_t mantissa = 0;
    const char *end = json_text_digits(start, &mantissa);
    ptrdiff_t whole = end - start;
    ptrdiff_t fraction = 0;
    double value;

    if (whole == 0 || (*start == '0' && whole > 1))
        return false;
    if (*end == '.') {
        const char *point = end + 1;

        end = json_text_digits(point, &mantissa);
        fraction = end - point;
        if (fraction == 0)
            return false;
    }
    if (whole + fraction > JSON_TEXT_INT_DIGITS_MAX || mantissa > JSON_TEXT_MANTISSA_MAX ||
        !json_text_ends(*end))
        return false;
    value = (double)mantissa / powers[fraction];
    *out_value = negative ? -value : value;
    return true;
}

static inline bool json_text_is_word(const char *at, const char *word, size_t size)
{
    return memcmp(at, word, size) == 0 && json_text_ends(at[size]);
}

#endif
