// SPDX-License-Identifier: Apache-2.0
/* resp_print.c - see resp_print.h. */
#include "resp/resp_print.h"

#include <assert.h>

#include "model/reply.h"

/* A kind, a number, CR LF. */
#define HEAD_BYTES_MAX (1 + RESP_INT_BYTES_MAX + 2)

static char *reserve(struct bytes *out, size_t size)
{
    return out->size + size <= out->capacity ? out->data + out->size : bytes_reserve(out, size);
}

static char *print_end(char *to)
{
    to[0] = '\r';
    to[1] = '\n';
    return to + 2;
}

static char *print_head(char *to, char kind, int64_t value)
{
    *to++ = kind;
    /* Most of what is counted has one digit. */
    if (value >= 0 && value < 10)
        *to++ = (char)('0' + value);
    else
        to += resp_int_print(to, value);
    return print_end(to);
}

static void put_head(struct bytes *out, char kind, int64_t value)
{
    char *to = reserve(out, HEAD_BYTES_MAX);

    out->size += (size_t)(print_head(to, kind, value) - to);
}

static void put_text(struct bytes *out, const char *text)
{
    bytes_put(out, text, strlen(text));
}

static void put_bulk(struct bytes *out, struct span value)
{
    char *begin = reserve(out, HEAD_BYTES_MAX + value.size + 2);
    char *to = print_head(begin, '$', (int64_t)value.size);

    if (value.size > 0)
        memcpy(to, value.data, value.size);
    out->size += (size_t)(print_end(to + value.size) - begin);
}

static void put_verbatim(struct bytes *out, struct span value)
{
    put_head(out, '=', (int64_t)value.size + 4);
    bytes_put(out, "txt:", 4);
    bytes_put(out, value.data, value.size);
    bytes_put(out, "\r\n", 2);
}

/* A line of its own, whatever is in it. */
static void put_line(struct bytes *out, char kind, struct span value)
{
    char *begin = reserve(out, 1 + value.size + 2);
    char *to = begin;

    *to++ = kind;
    for (size_t i = 0; i < value.size; i++) {
        char c = value.data[i];
        *to++ = c == '\r' || c == '\n' ? ' ' : c;
    }
    out->size += (size_t)(print_end(to) - begin);
}

static void put_double(struct bytes *out, double value, enum resp_protocol protocol)
{
    char text[RESP_DOUBLE_BYTES_MAX];
    size_t size = resp_double_print(text, value);

    if (protocol == RESP_PROTOCOL_3)
        put_line(out, ',', (struct span){text, size});
    else
        put_bulk(out, (struct span){text, size});
}

void resp_double_put(struct bytes *out, double value)
{
    out->size += resp_double_print(reserve(out, RESP_DOUBLE_BYTES_MAX), value);
}

void resp_int_put(struct bytes *out, int64_t value)
{
    out->size += resp_int_print(reserve(out, RESP_INT_BYTES_MAX), value);
}

/*
 * Aggregates are not nested here: their elements are just the values that follow. Only pairs in
 * RESP3 need to know where a pair begins.
 */
static void print_value(struct bytes *out, struct span tokens, size_t *at,
                        const struct reply_token *token, enum resp_protocol protocol);

static void print_values(struct bytes *out, struct span tokens, size_t *at, uint64_t count,
                         enum resp_protocol protocol)
{
    struct reply_token token;

    for (uint64_t i = 0; i < count; i++) {
        bool there = reply_next(tokens, at, &token);
        assert(there);
        print_value(out, tokens, at, &token, protocol);
    }
}

/* In one array, or in one of their own each. */
static void print_pairs(struct bytes *out, struct span tokens, size_t *at, uint32_t count,
                        bool flat, enum resp_protocol protocol)
{
    if (flat) {
        put_head(out, '*', 2 * (int64_t)count);
        print_values(out, tokens, at, 2 * (uint64_t)count, protocol);
        return;
    }
    put_head(out, '*', count);
    for (uint32_t i = 0; i < count; i++) {
        put_head(out, '*', 2);
        print_values(out, tokens, at, 2, protocol);
    }
}

static void print_aggregate(struct bytes *out, struct span tokens, size_t *at,
                            const struct reply_token *token, enum resp_protocol protocol)
{
    bool is_3 = protocol == RESP_PROTOCOL_3;
    uint64_t values = token->count;

    switch (token->kind) {
    case REPLY_PAIRS:
        print_pairs(out, tokens, at, token->count, !is_3, protocol);
        return;
    case REPLY_TABLE:
        if (!is_3) {
            print_pairs(out, tokens, at, token->count, false, protocol);
            return;
        }
        put_head(out, '%', (int64_t)values);
        values *= 2;
        break;
    case REPLY_MAP:
        put_head(out, is_3 ? '%' : '*', (int64_t)(is_3 ? values : 2 * values));
        values *= 2;
        break;
    case REPLY_SET:
        put_head(out, is_3 ? '~' : '*', (int64_t)values);
        break;
    case REPLY_PUSH:
        put_head(out, is_3 ? '>' : '*', (int64_t)values);
        break;
    default:
        put_head(out, '*', (int64_t)values);
        break;
    }
    print_values(out, tokens, at, values, protocol);
}

static void print_value(struct bytes *out, struct span tokens, size_t *at,
                        const struct reply_token *token, enum resp_protocol protocol)
{
    bool is_3 = protocol == RESP_PROTOCOL_3;

    switch (token->kind) {
    case REPLY_NULL:
        put_text(out, is_3 ? "_\r\n" : "$-1\r\n");
        break;
    case REPLY_NULL_ARRAY:
        put_text(out, is_3 ? "_\r\n" : "*-1\r\n");
        break;
    case REPLY_INT:
        put_head(out, ':', token->i);
        break;
    case REPLY_DOUBLE:
        put_double(out, token->f, protocol);
        break;
    case REPLY_BOOL:
        if (is_3)
            put_text(out, token->i ? "#t\r\n" : "#f\r\n");
        else
            put_head(out, ':', token->i);
        break;
    case REPLY_STATUS:
        put_line(out, '+', token->text);
        break;
    case REPLY_ERROR:
        put_line(out, '-', token->text);
        break;
    case REPLY_BULK:
        put_bulk(out, token->text);
        break;
    case REPLY_TEXT:
        if (is_3)
            put_verbatim(out, token->text);
        else
            put_bulk(out, token->text);
        break;
    case REPLY_ARRAY:
    case REPLY_PAIRS:
    case REPLY_MAP:
    case REPLY_TABLE:
    case REPLY_SET:
    case REPLY_PUSH:
        print_aggregate(out, tokens, at, token, protocol);
        break;
    }
}

bool resp_print_next(struct bytes *out, struct span tokens, size_t *at, enum resp_protocol protocol)
{
    struct reply_token token;

    if (!reply_next(tokens, at, &token))
        return false;
    print_value(out, tokens, at, &token, protocol);
    return true;
}

void resp_print(struct bytes *out, struct span tokens, enum resp_protocol protocol)
{
    size_t at = 0;

    while (resp_print_next(out, tokens, &at, protocol)) {
    }
}
