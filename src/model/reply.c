// SPDX-License-Identifier: Apache-2.0
/*
 * reply.c - see reply.h.
 *
 * Writing a token is one check for room and a few stores: a server that answers a million commands
 * a second writes a million of these.
 */
#include "model/reply.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static char *token(struct bytes *out, enum reply_kind kind, size_t payload_bytes)
{
    size_t size = out->size;
    char *at = size + 1 + payload_bytes <= out->capacity ? out->data + size
                                                         : bytes_reserve(out, 1 + payload_bytes);

    *at = (char)kind;
    out->size = size + 1 + payload_bytes;
    return at + 1;
}

static void token_text(struct bytes *out, enum reply_kind kind, const char *text, size_t text_size)
{
    uint32_t size = (uint32_t)text_size;

    assert(size == text_size);
    char *to = token(out, kind, sizeof(size) + text_size);
    memcpy(to, &size, sizeof(size));
    if (size > 0)
        memcpy(to + sizeof(size), text, size);
}

void reply_null(struct bytes *out)
{
    token(out, REPLY_NULL, 0);
}

void reply_null_array(struct bytes *out)
{
    token(out, REPLY_NULL_ARRAY, 0);
}

void reply_int(struct bytes *out, int64_t value)
{
    memcpy(token(out, REPLY_INT, sizeof(value)), &value, sizeof(value));
}

void reply_double(struct bytes *out, double value)
{
    memcpy(token(out, REPLY_DOUBLE, sizeof(value)), &value, sizeof(value));
}

void reply_bool(struct bytes *out, bool value)
{
    *token(out, REPLY_BOOL, 1) = (char)value;
}

void reply_status(struct bytes *out, const char *text)
{
    token_text(out, REPLY_STATUS, text, strlen(text));
}

void reply_error(struct bytes *out, const char *format, ...)
{
    size_t at = out->size;
    va_list args;
    va_list again;

    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    assert(length >= 0);
    uint32_t size = (uint32_t)length;
    char *to = token(out, REPLY_ERROR, sizeof(size) + size + 1); /* with vsnprintf's terminator */
    memcpy(to, &size, sizeof(size));
    vsnprintf(to + sizeof(size), (size_t)size + 1, format, again);
    out->size = at + 1 + sizeof(size) + size;
    va_end(again);
    va_end(args);
}

void reply_bulk(struct bytes *out, struct span value)
{
    token_text(out, REPLY_BULK, value.data, value.size);
}

void reply_text(struct bytes *out, struct span value)
{
    token_text(out, REPLY_TEXT, value.data, value.size);
}

void reply_aggregate(struct bytes *out, enum reply_kind kind, uint32_t count)
{
    assert(kind >= REPLY_ARRAY && kind <= REPLY_PUSH);
    memcpy(token(out, kind, sizeof(count)), &count, sizeof(count));
}

size_t reply_aggregate_begin(struct bytes *out, enum reply_kind kind)
{
    size_t at = out->size;

    reply_aggregate(out, kind, 0);
    return at;
}

void reply_aggregate_end(struct bytes *out, size_t at, uint32_t count)
{
    assert(at + 1 + sizeof(count) <= out->size);
    assert(out->data[at] >= REPLY_ARRAY && out->data[at] <= REPLY_PUSH);
    memcpy(out->data + at + 1, &count, sizeof(count));
}

/* ---- reading ---- */

static const char *payload(struct span from, size_t *at, size_t size)
{
    const char *data = from.data + *at;

    assert(from.size - *at >= size);
    *at += size;
    return data;
}

static uint32_t payload_u32(struct span from, size_t *at)
{
    uint32_t value;

    memcpy(&value, payload(from, at, sizeof(value)), sizeof(value));
    return value;
}

bool reply_next(struct span from, size_t *at, struct reply_token *out_token)
{
    if (*at >= from.size)
        return false;
    out_token->count = 0;
    out_token->kind = (enum reply_kind)from.data[(*at)++];
    switch (out_token->kind) {
    case REPLY_NULL:
    case REPLY_NULL_ARRAY:
        return true;
    case REPLY_INT:
        memcpy(&out_token->i, payload(from, at, sizeof(out_token->i)), sizeof(out_token->i));
        return true;
    case REPLY_DOUBLE:
        memcpy(&out_token->f, payload(from, at, sizeof(out_token->f)), sizeof(out_token->f));
        return true;
    case REPLY_BOOL:
        out_token->i = *payload(from, at, 1);
        return true;
    case REPLY_STATUS:
    case REPLY_ERROR:
    case REPLY_BULK:
    case REPLY_TEXT:
        out_token->text.size = payload_u32(from, at);
        out_token->text.data = payload(from, at, out_token->text.size);
        return true;
    case REPLY_ARRAY:
    case REPLY_PAIRS:
    case REPLY_MAP:
    case REPLY_TABLE:
    case REPLY_SET:
    case REPLY_PUSH:
        out_token->count = payload_u32(from, at);
        return true;
    }
    assert(!"a reply token of an unknown kind");
    return false;
}

void reply_skip(struct span from, size_t *at)
{
    uint64_t values_left = 1;
    struct reply_token next;

    while (values_left > 0) {
        bool there = reply_next(from, at, &next);
        assert(there);
        values_left--;
        if (next.kind == REPLY_PAIRS || next.kind == REPLY_MAP || next.kind == REPLY_TABLE)
            values_left += 2 * (uint64_t)next.count;
        else if (next.kind >= REPLY_ARRAY)
            values_left += next.count;
    }
}
