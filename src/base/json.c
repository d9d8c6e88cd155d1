// SPDX-License-Identifier: Apache-2.0
/* json.c - see json.h. */
#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Integers up to here are exact as doubles, and short as text. */
#define EXACT_INTEGER_MAX 9007199254740992.0

void json_out_init(struct json_out *out, struct bytes *bytes)
{
    *out = (struct json_out){.bytes = bytes};
}

static void before_value(struct json_out *out)
{
    if (out->comma[out->depth])
        bytes_put_char(out->bytes, ',');
    out->comma[out->depth] = true;
}

static void open_level(struct json_out *out, char c)
{
    before_value(out);
    bytes_put_char(out->bytes, c);
    out->depth++;
    assert(out->depth < JSON_DEPTH_MAX);
    out->comma[out->depth] = false;
}

static void close_level(struct json_out *out, char c)
{
    assert(out->depth > 0);
    out->depth--;
    bytes_put_char(out->bytes, c);
}

void json_out_object(struct json_out *out)
{
    open_level(out, '{');
}

void json_out_object_end(struct json_out *out)
{
    close_level(out, '}');
}

void json_out_array(struct json_out *out)
{
    open_level(out, '[');
}

void json_out_array_end(struct json_out *out)
{
    close_level(out, ']');
}

void json_out_key(struct json_out *out, const char *key)
{
    json_out_key_span(out, span_of(key));
}

void json_out_key_span(struct json_out *out, struct span key)
{
    before_value(out);
    json_put_string(out->bytes, key);
    bytes_put_char(out->bytes, ':');
    out->comma[out->depth] = false; /* the value follows at once */
}

void json_out_string(struct json_out *out, struct span text)
{
    before_value(out);
    json_put_string(out->bytes, text);
}

void json_out_text(struct json_out *out, const char *text)
{
    json_out_string(out, span_of(text));
}

void json_out_int(struct json_out *out, int64_t value)
{
    before_value(out);
    json_put_int(out->bytes, value);
}

void json_out_uint(struct json_out *out, uint64_t value)
{
    before_value(out);
    bytes_format(out->bytes, "%llu", (unsigned long long)value);
}

void json_out_bool(struct json_out *out, bool value)
{
    before_value(out);
    bytes_put_text(out->bytes, value ? "true" : "false");
}

void json_out_null(struct json_out *out)
{
    before_value(out);
    bytes_put_text(out->bytes, "null");
}

void json_out_double(struct json_out *out, double value)
{
    before_value(out);
    json_put_double(out->bytes, value);
}

void json_out_raw(struct json_out *out, struct span json)
{
    before_value(out);
    bytes_put(out->bytes, json.data, json.size);
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

void json_put_string(struct bytes *bytes, struct span text)
{
    char *at = bytes_reserve(bytes, text.size * 6 + 2);
    char *start = at;

    *at++ = '"';
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (is_plain(c)) {
            *at++ = (char)c;
        } else if (c == '"' || c == '\\') {
            *at++ = '\\';
            *at++ = (char)c;
        } else if (c == '\n') {
            *at++ = '\\';
            *at++ = 'n';
        } else {
            static const char hex[] = "0123456789abcdef";

            memcpy(at, "\\u00", 4);
            at[4] = hex[c >> 4];
            at[5] = hex[c & 15];
            at += 6;
        }
    }
    *at++ = '"';
    bytes->size += (size_t)(at - start);
}

void json_put_int(struct bytes *bytes, int64_t value)
{
    char digits[20];
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    int count = 0;
    char *at;

    do {
        digits[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    at = bytes_reserve(bytes, sizeof(digits) + 1);
    if (value < 0) {
        *at++ = '-';
        bytes->size++;
    }
    bytes->size += (size_t)count;
    while (count > 0)
        *at++ = digits[--count];
}

void json_put_double(struct bytes *bytes, double value)
{
    char text[40];

    if (!isfinite(value)) {
        bytes_put_text(bytes, "null");
        return;
    }
    if (value == floor(value) && fabs(value) < EXACT_INTEGER_MAX &&
        !(value == 0 && signbit(value))) {
        json_put_int(bytes, (int64_t)value);
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof(text), "%.*g", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
    bytes_put_text(bytes, text);
}
