// SPDX-License-Identifier: Apache-2.0
/*
 * grammar_generic.c - commands on keys of any kind: existence, names, deadlines, scans.
 *
 * Thread: plain functions; any.
 */
#include "grammar/grammar_private.h"
#include "model/reply.h"

/* All words behind the name are keys. */
static bool put_keys(struct grammar *grammar, enum command_op op)
{
    if (!grammar_check_keys(grammar, grammar->count - 1))
        return false;
    command_list_add(grammar->list, op, 0);
    grammar_put_keys(grammar, 1, grammar->count);
    return true;
}

static bool put_key(struct grammar *grammar, enum command_op op, uint32_t flags)
{
    grammar_put(grammar, op, flags);
    return true;
}

bool grammar_del(struct grammar *grammar)
{
    return put_keys(grammar, COMMAND_DEL);
}

bool grammar_exists(struct grammar *grammar)
{
    return put_keys(grammar, COMMAND_EXISTS);
}

bool grammar_type(struct grammar *grammar)
{
    return put_key(grammar, COMMAND_TYPE, 0);
}

bool grammar_persist(struct grammar *grammar)
{
    return put_key(grammar, COMMAND_PERSIST, 0);
}

bool grammar_ttl(struct grammar *grammar)
{
    return put_key(grammar, COMMAND_EXPIRY, 0);
}

bool grammar_pttl(struct grammar *grammar)
{
    return put_key(grammar, COMMAND_EXPIRY, COMMAND_MS);
}

bool grammar_expiretime(struct grammar *grammar)
{
    return put_key(grammar, COMMAND_EXPIRY, COMMAND_ABSOLUTE);
}

bool grammar_pexpiretime(struct grammar *grammar)
{
    return put_key(grammar, COMMAND_EXPIRY, COMMAND_ABSOLUTE | COMMAND_MS);
}

/* ---- deadlines ---- */

static bool read_expire_flags(struct grammar *grammar, uint32_t *out_flags)
{
    uint32_t flags = 0;

    for (uint32_t at = 3; at < grammar->count; at++) {
        if (grammar_at(grammar, at, "nx")) {
            flags |= COMMAND_NX;
        } else if (grammar_at(grammar, at, "xx")) {
            flags |= COMMAND_XX;
        } else if (grammar_at(grammar, at, "gt")) {
            flags |= COMMAND_GT;
        } else if (grammar_at(grammar, at, "lt")) {
            flags |= COMMAND_LT;
        } else {
            struct span word = grammar->args[at];

            reply_error(grammar->error, "ERR Unsupported option %.*s",
                        (int)(word.size < 128 ? word.size : 128), word.data);
            return false;
        }
    }
    if ((flags & COMMAND_NX) != 0 && (flags & ~(uint32_t)COMMAND_NX) != 0)
        return grammar_fail(grammar,
                            "NX and XX, GT or LT options at the same time are not compatible");
    if ((flags & COMMAND_GT) != 0 && (flags & COMMAND_LT) != 0)
        return grammar_fail(grammar, "GT and LT options at the same time are not compatible");
    *out_flags = flags;
    return true;
}

static bool put_expire(struct grammar *grammar, int64_t unit_ms, int64_t from_ms)
{
    uint32_t flags = 0;
    int64_t when;

    if (!read_expire_flags(grammar, &flags) || !grammar_int(grammar, 2, &when))
        return false;
    if (__builtin_mul_overflow(when, unit_ms, &when) ||
        __builtin_add_overflow(when, from_ms, &when)) {
        reply_error(grammar->error, "ERR invalid expire time in '%s' command", grammar->name);
        return false;
    }
    grammar_put(grammar, COMMAND_EXPIREAT, flags);
    command_list_int(grammar->list, when);
    return true;
}

bool grammar_expire(struct grammar *grammar)
{
    return put_expire(grammar, 1000, grammar->now_ms);
}

bool grammar_expireat(struct grammar *grammar)
{
    return put_expire(grammar, 1000, 0);
}

bool grammar_pexpire(struct grammar *grammar)
{
    return put_expire(grammar, 1, grammar->now_ms);
}

bool grammar_pexpireat(struct grammar *grammar)
{
    return put_expire(grammar, 1, 0);
}

/* ---- names ---- */

static bool put_two_keys(struct grammar *grammar, enum command_op op, uint32_t flags)
{
    command_list_add(grammar->list, op, flags);
    grammar_put_keys(grammar, 1, 3);
    return true;
}

bool grammar_rename(struct grammar *grammar)
{
    return put_two_keys(grammar, COMMAND_RENAME, 0);
}

bool grammar_renamenx(struct grammar *grammar)
{
    return put_two_keys(grammar, COMMAND_RENAME, COMMAND_NX);
}

bool grammar_copy(struct grammar *grammar)
{
    uint32_t flags = 0;

    for (uint32_t at = 3; at < grammar->count; at++) {
        int64_t number;

        if (grammar_at(grammar, at, "replace")) {
            flags |= COMMAND_REPLACE;
        } else if (at + 1 < grammar->count && grammar_at(grammar, at, "db")) {
            if (!grammar_int(grammar, ++at, &number))
                return false;
            if (number < INT32_MIN || number > INT32_MAX)
                return grammar_fail(grammar, "value is out of range, value must between "
                                             "-2147483648 and 2147483647");
            if (number != 0)
                return grammar_fail(grammar, "DB index is out of range");
        } else {
            return grammar_fail_syntax(grammar);
        }
    }
    if (span_equal(grammar->args[1], grammar->args[2]))
        return grammar_fail(grammar, "source and destination objects are the same");
    return put_two_keys(grammar, COMMAND_COPY, flags);
}

/* ---- all keys ---- */

static bool put_nothing(struct grammar *grammar, enum command_op op)
{
    command_list_add(grammar->list, op, 0);
    return true;
}

bool grammar_dbsize(struct grammar *grammar)
{
    return put_nothing(grammar, COMMAND_DBSIZE);
}

bool grammar_randomkey(struct grammar *grammar)
{
    return put_nothing(grammar, COMMAND_RANDOMKEY);
}

bool grammar_flush(struct grammar *grammar)
{
    if (grammar->count > 2 || (grammar->count == 2 && !grammar_at(grammar, 1, "async") &&
                               !grammar_at(grammar, 1, "sync")))
        return grammar_fail_syntax(grammar);
    return put_nothing(grammar, COMMAND_FLUSH);
}

bool grammar_keys(struct grammar *grammar)
{
    command_list_add(grammar->list, COMMAND_KEYS, 0);
    grammar_put_args(grammar, 1, 2);
    return true;
}

bool grammar_scan(struct grammar *grammar)
{
    struct span pattern = {"", 0};
    struct span type = {NULL, 0};
    int64_t count = 10;

    if (!grammar_cursor_read(grammar->args[1], &grammar->cursor))
        return grammar_fail(grammar, "invalid cursor");
    if (!grammar_scan_options(grammar, 2, &count, &pattern, &type))
        return false;
    grammar->shape =
        type.data == NULL || grammar_is(type, "zset") ? GRAMMAR_SCAN : GRAMMAR_SCAN_NOTHING;
    command_list_add(grammar->list, COMMAND_SCAN, 0);
    command_list_int(grammar->list, 0);
    command_list_int(grammar->list, count);
    command_list_arg(grammar->list, pattern);
    return true;
}

/* ---- OBJECT and MEMORY: the key is word 2 ---- */

static bool put_object(struct grammar *grammar, enum command_op op, enum grammar_shape shape)
{
    grammar->shape = shape;
    command_list_add(grammar->list, op, 0);
    grammar_put_keys(grammar, 2, 3);
    return true;
}

bool grammar_object_encoding(struct grammar *grammar)
{
    return put_object(grammar, COMMAND_ENCODING, GRAMMAR_AS_IS);
}

bool grammar_object_freq(struct grammar *grammar)
{
    return put_object(grammar, COMMAND_ENCODING, GRAMMAR_FREQUENCY);
}

bool grammar_object_idletime(struct grammar *grammar)
{
    return put_object(grammar, COMMAND_ENCODING, GRAMMAR_IDLE);
}

bool grammar_object_refcount(struct grammar *grammar)
{
    return put_object(grammar, COMMAND_ENCODING, GRAMMAR_REFERENCES);
}

bool grammar_memory_usage(struct grammar *grammar)
{
    int64_t samples;

    for (uint32_t at = 3; at < grammar->count; at += 2) {
        if (at + 1 == grammar->count || !grammar_at(grammar, at, "samples"))
            return grammar_fail_syntax(grammar);
        if (!grammar_int(grammar, at + 1, &samples))
            return false;
        if (samples < 0)
            return grammar_fail_syntax(grammar);
    }
    return put_object(grammar, COMMAND_ZCARD, GRAMMAR_MEMORY);
}
