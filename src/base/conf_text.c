// SPDX-License-Identifier: Apache-2.0
/* conf_text.c - see conf_text.h. */
#include "base/conf_text.h"

#include <ctype.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Longer words are no slips of a name. */
#define NEAREST_BYTES_MAX 64

struct conf_quote conf_quote(struct span text)
{
    static const char ellipsis[] = "\u2026";
    struct conf_quote quote;
    size_t room = sizeof(quote.text) - sizeof(ellipsis) - 2; /* two quotation marks */
    size_t take = text.size <= room ? text.size : room;
    size_t size = 0;

    /* Never half a character. */
    while (take < text.size && take > 0 && ((unsigned char)text.data[take] & 0xc0) == 0x80)
        take--;
    quote.text[size++] = '"';
    for (size_t i = 0; i < take; i++) {
        unsigned char c = (unsigned char)text.data[i];

        quote.text[size++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    if (take < text.size) {
        memcpy(quote.text + size, ellipsis, sizeof(ellipsis) - 1);
        size += sizeof(ellipsis) - 1;
    }
    quote.text[size++] = '"';
    quote.text[size] = '\0';
    return quote;
}

struct conf_quote conf_quote_value(const struct json_t *value)
{
    struct conf_quote quote = {"nothing"};

    if (value == NULL)
        return quote;
    switch (json_typeof(value)) {
    case JSON_STRING:
        return conf_quote((struct span){json_string_value(value), json_string_length(value)});
    case JSON_INTEGER:
        snprintf(quote.text, sizeof(quote.text), "%lld", (long long)json_integer_value(value));
        break;
    case JSON_REAL:
        snprintf(quote.text, sizeof(quote.text), "%g", json_real_value(value));
        break;
    case JSON_OBJECT:
        snprintf(quote.text, sizeof(quote.text), "an object");
        break;
    case JSON_ARRAY:
        snprintf(quote.text, sizeof(quote.text), "a list");
        break;
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        snprintf(quote.text, sizeof(quote.text), "%s",
                 json_is_null(value) ? "null" : (json_is_true(value) ? "true" : "false"));
        break;
    }
    return quote;
}

/* Edits (insert, drop, replace, swap neighbours) from one word to the other, letter case aside. */
static uint32_t edit_distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    uint8_t rows[3][NEAREST_BYTES_MAX + 1];
    uint8_t *before = rows[0];
    uint8_t *last = rows[1];
    uint8_t *row = rows[2];

    for (size_t j = 0; j <= b_size; j++)
        last[j] = (uint8_t)j;
    memcpy(before, last, b_size + 1);
    for (size_t i = 1; i <= a_size; i++) {
        uint8_t *spare = before;

        row[0] = (uint8_t)i;
        for (size_t j = 1; j <= b_size; j++) {
            int x = tolower((unsigned char)a[i - 1]);
            int y = tolower((unsigned char)b[j - 1]);
            uint32_t best = last[j - 1] + (x != y);

            if (last[j] + 1u < best)
                best = last[j] + 1u;
            if (row[j - 1] + 1u < best)
                best = row[j - 1] + 1u;
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                y == tolower((unsigned char)a[i - 2]) && before[j - 2] + 1u < best)
                best = before[j - 2] + 1u;
            row[j] = (uint8_t)best;
        }
        before = last;
        last = row;
        row = spare;
    }
    return last[b_size];
}

const char *conf_nearest(struct span word, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    uint32_t nearest_distance = UINT32_MAX;

    if (word.size == 0 || word.size > NEAREST_BYTES_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(candidates[i]);
        size_t longer = size > word.size ? size : word.size;
        uint32_t distance;

        if (size > NEAREST_BYTES_MAX)
            continue;
        distance = edit_distance(word.data, word.size, candidates[i], size);
        /* A third of the letters may be wrong: "filds" is fields, "x" is nothing. */
        if (distance * 3 <= longer && distance < nearest_distance) {
            nearest = candidates[i];
            nearest_distance = distance;
        }
    }
    return nearest;
}

void conf_join(char *out, size_t out_bytes, const char *const *words, size_t count)
{
    static const char ellipsis[] = ", \u2026";
    size_t size = 0;

    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t wanted = size + strlen(words[i]) + 2 + (i + 1 < count ? sizeof(ellipsis) : 1);

        if (wanted > out_bytes) {
            if (size + sizeof(ellipsis) <= out_bytes)
                memcpy(out + size, ellipsis, sizeof(ellipsis));
            return;
        }
        size += (size_t)snprintf(out + size, out_bytes - size, "%s%s", i > 0 ? ", " : "", words[i]);
    }
}
