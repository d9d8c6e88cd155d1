// SPDX-License-Identifier: Apache-2.0
/*
 * ops_key.c - keys as a whole: DEL, EXISTS, TYPE, ZCARD, VERSION, ENCODING, deadlines, RENAME,
 * COPY, FLUSH.
 */
#include "keyspace/keyspace_private.h"

void ops_key_del(const struct operation *call)
{
    uint32_t removed = 0;

    for (uint32_t i = 0; i < call->command->key_count; i++) {
        uint32_t id = key_table_of(call, i);

        if (id == KEY_NONE)
            continue;
        key_table_remove(call->keyspace, id);
        removed++;
    }
    reply_int(call->out, removed);
}

void ops_key_exists(const struct operation *call)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < call->command->key_count; i++)
        count += key_table_of(call, i) != KEY_NONE;
    reply_int(call->out, count);
}

void ops_key_zcard(const struct operation *call)
{
    uint32_t id = key_table_of(call, 0);

    reply_int(call->out, id == KEY_NONE ? 0 : key_at(call->keyspace, id)->member_count);
}

void ops_key_type(const struct operation *call)
{
    reply_status(call->out, key_table_of(call, 0) != KEY_NONE ? "zset" : "none");
}

void ops_key_version(const struct operation *call)
{
    reply_int(call->out, (int64_t)key_table_version(call->keyspace, call_arg(call, 0)));
}

void ops_key_encoding(const struct operation *call)
{
    uint32_t id = key_table_of(call, 0);

    if (id == KEY_NONE)
        reply_null(call->out);
    else if (key_at(call->keyspace, id)->flags & KEY_GREW)
        reply_bulk(call->out, SPAN_LITERAL("skiplist"));
    else
        reply_bulk(call->out, SPAN_LITERAL("listpack"));
}

/* ---- deadlines ---- */

/* No deadline is one that never comes: GT never holds for it, LT always. */
static bool may_set(const struct operation *call, const struct key *key, int64_t at_ms)
{
    bool has_one = key->deadline != DEADLINE_NONE;
    int64_t old_ms = has_one ? expire_at(call->keyspace, key) : 0;

    if ((call_has(call, COMMAND_NX) && has_one) || (call_has(call, COMMAND_XX) && !has_one))
        return false;
    if (call_has(call, COMMAND_GT) && (!has_one || at_ms <= old_ms))
        return false;
    return !call_has(call, COMMAND_LT) || !has_one || at_ms < old_ms;
}

void ops_key_expireat(const struct operation *call)
{
    struct keyspace *keyspace = call->keyspace;
    uint32_t id = key_table_of(call, 0);
    int64_t at_ms = call_int(call, 1);

    if (id == KEY_NONE || !may_set(call, key_at(keyspace, id), at_ms)) {
        reply_int(call->out, 0);
        return;
    }
    if (at_ms <= keyspace->now_ms) {
        key_table_remove(keyspace, id);
    } else {
        expire_set(keyspace, id, at_ms);
        key_table_changed(keyspace, id);
    }
    reply_int(call->out, 1);
}

void ops_key_persist(const struct operation *call)
{
    struct keyspace *keyspace = call->keyspace;
    uint32_t id = key_table_of(call, 0);
    bool had_one = id != KEY_NONE && key_at(keyspace, id)->deadline != DEADLINE_NONE;

    if (had_one) {
        expire_clear(keyspace, id);
        key_table_changed(keyspace, id);
    }
    reply_int(call->out, had_one);
}

void ops_key_expiry(const struct operation *call)
{
    uint32_t id = key_table_of(call, 0);
    int64_t ms;

    if (id == KEY_NONE || key_at(call->keyspace, id)->deadline == DEADLINE_NONE) {
        reply_int(call->out, id == KEY_NONE ? -2 : -1);
        return;
    }
    ms = expire_at(call->keyspace, key_at(call->keyspace, id));
    if (!call_has(call, COMMAND_ABSOLUTE))
        ms -= call->keyspace->now_ms;
    if (!call_has(call, COMMAND_MS))
        ms = ms / 1000 + (ms % 1000 >= 500);
    reply_int(call->out, ms);
}

/* ---- new names ---- */

void ops_key_rename(const struct operation *call)
{
    struct keyspace *keyspace = call->keyspace;
    bool if_free = call_has(call, COMMAND_NX);
    uint32_t from = key_table_of(call, 0);
    uint32_t to = key_table_of(call, 1);

    if (from == KEY_NONE) {
        reply_error(call->out, "ERR no such key");
        return;
    }
    if (if_free && to != KEY_NONE) {
        reply_int(call->out, 0);
        return;
    }
    if (from != to) {
        if (to != KEY_NONE)
            key_table_remove(keyspace, to);
        if (!key_table_rename(keyspace, from, call_arg(call, 1), &to)) {
            key_table_refuse(keyspace, call_arg(call, 1), call->out);
            return;
        }
        key_table_changed(keyspace, to);
        key_table_gained(keyspace, to);
    }
    if (if_free)
        reply_int(call->out, 1);
    else
        reply_status(call->out, "OK");
}

void ops_key_copy(const struct operation *call)
{
    struct keyspace *keyspace = call->keyspace;
    uint32_t from = key_table_of(call, 0);
    uint32_t to = key_table_of(call, 1);
    struct elements elements = {0};
    struct bytes reply = {0};
    struct key *key;

    if (from == KEY_NONE || from == to || (to != KEY_NONE && !call_has(call, COMMAND_REPLACE))) {
        reply_int(call->out, 0);
        return;
    }
    key = key_at(keyspace, from);
    elements_collect(keyspace, key->segment, (struct rank_range){0, key->member_count}, &elements);
    elements_own(keyspace, &elements);
    to = elements_store(keyspace, call_arg(call, 1), &elements, &reply);
    elements_done(&elements);
    if (to == KEY_NONE) { /* the reply is an error */
        bytes_put(call->out, reply.data, reply.size);
    } else {
        key_at(keyspace, to)->flags |= key->flags & KEY_GREW;
        if (key->deadline != DEADLINE_NONE)
            expire_set(keyspace, to, expire_at(keyspace, key));
        reply_int(call->out, 1);
    }
    bytes_done(&reply);
}

void ops_key_flush(const struct operation *call)
{
    struct keyspace *keyspace = call->keyspace;
    int rc;

    key_table_flushed(keyspace);
    key_table_done(keyspace);
    keyspace->deadline_count = 0;
    keyspace->gained.count = 0;
    keyspace->dead.count = 0;
    rc = key_table_init(keyspace);
    assert(rc == 0);
    reply_status(call->out, "OK");
}
