// SPDX-License-Identifier: Apache-2.0
/* execute.c - a list of commands, in order: see run.c and lookup.c; all others one by one. */
#include "keyspace/keyspace_private.h"

typedef void operation_fn(const struct operation *call);

static operation_fn *const operations[] = {
    [COMMAND_ZREMRANGE] = ops_range_zremrange,
    [COMMAND_ZPOP] = ops_pop_zpop,
    [COMMAND_ZSTORE] = ops_algebra_zstore,
    [COMMAND_ZRANGESTORE] = ops_range_zrangestore,
    [COMMAND_ZALGEBRASTORE] = ops_algebra_zalgebrastore,
    [COMMAND_DEL] = ops_key_del,
    [COMMAND_EXPIREAT] = ops_key_expireat,
    [COMMAND_PERSIST] = ops_key_persist,
    [COMMAND_RENAME] = ops_key_rename,
    [COMMAND_FLUSH] = ops_key_flush,
    [COMMAND_TW_UPDATE] = ops_update_tw_update,
    [COMMAND_COPY] = ops_key_copy,
    [COMMAND_ZCARD] = ops_key_zcard,
    [COMMAND_ZCOUNT] = ops_range_zcount,
    [COMMAND_ZRANGE] = ops_range_zrange,
    [COMMAND_ZRANDMEMBER] = ops_pop_zrandmember,
    [COMMAND_ZSCAN] = ops_scan_zscan,
    [COMMAND_ZALGEBRA] = ops_algebra_zalgebra,
    [COMMAND_ZDUMP] = ops_algebra_zdump,
    [COMMAND_EXISTS] = ops_key_exists,
    [COMMAND_TYPE] = ops_key_type,
    [COMMAND_EXPIRY] = ops_key_expiry,
    [COMMAND_KEYS] = ops_scan_keys,
    [COMMAND_SCAN] = ops_scan_scan,
    [COMMAND_DBSIZE] = ops_scan_dbsize,
    [COMMAND_RANDOMKEY] = ops_scan_randomkey,
    [COMMAND_VERSION] = ops_key_version,
    [COMMAND_TW_AROUND] = ops_update_tw_around,
    [COMMAND_TW_AMONG] = ops_update_tw_among,
    [COMMAND_ENCODING] = ops_key_encoding,
};

static bool is_run(uint16_t op)
{
    return op == COMMAND_ZADD || op == COMMAND_ZREM;
}

static bool is_lookup(uint16_t op)
{
    return op == COMMAND_ZSCORE || op == COMMAND_ZRANK;
}

/* Whether the keys of an IF_WATCHED are as they were. */
static bool is_watch_held(const struct operation *call)
{
    uint32_t key_count = call->command->key_count;

    for (uint32_t i = 0; i < key_count; i++) {
        uint64_t version = key_table_version(call->keyspace, call_arg(call, i));

        if (version != (uint64_t)call_int(call, key_count + i))
            return false;
    }
    return true;
}

/* How many commands behind an IF_WATCHED are left out. */
static uint32_t skipped_by(const struct operation *call, uint32_t left)
{
    bool is_held = is_watch_held(call);
    int64_t count = call_int(call, call->command->arg_count - 1);

    reply_bool(call->out, is_held);
    if (is_held || count <= 0)
        return 0;
    return count < left ? (uint32_t)count : left;
}

/* A list whose replies have become very many: what only reads is not executed any more. */
static bool refuse_read(const struct operation *call)
{
    if (call->out->size <= call->keyspace->reply_bytes_max ||
        command_is_write((enum command_op)call->command->op))
        return false;
    reply_error(call->out, "ERR the replies to one batch of commands are larger than %zu bytes",
                call->keyspace->reply_bytes_max);
    return true;
}

/* Executes command `i`, or those that go together with it; returns the next one. */
static uint32_t execute_next(struct keyspace *keyspace, const struct command_list *list, uint32_t i,
                             struct bytes *out, size_t *out_ends)
{
    struct operation call = {keyspace, list, &list->commands[i], out};
    uint32_t next = i + 1;

    if (is_run(call.command->op))
        return run_execute(keyspace, list, i, list->count, out,
                           out_ends != NULL ? out_ends + i : NULL);
    if (is_lookup(call.command->op))
        return lookup_execute(keyspace, list, i, out, out_ends + i);
    if (call.command->op == COMMAND_IF_WATCHED)
        next += skipped_by(&call, list->count - next);
    else if (!refuse_read(&call))
        operations[call.command->op](&call);
    for (; i < next && out_ends != NULL; i++)
        out_ends[i] = out->size;
    return next;
}

void keyspace_execute(struct keyspace *keyspace, const struct command_list *list, int64_t wall_ms,
                      struct bytes *replies, size_t *out_ends)
{
    uint32_t i = 0;

    keyspace->now_ms = wall_ms;
    keyspace->writing = list->write_count > 0;
    key_table_begin_list(keyspace);
    if (keyspace->writing)
        expire_passed(keyspace);
    while (i < list->count) {
        bool is_write = command_is_write((enum command_op)list->commands[i].op);

        if (replies != NULL) {
            i = execute_next(keyspace, list, i, replies, out_ends);
        } else if (is_write) {
            bytes_clear(&keyspace->unread);
            i = execute_next(keyspace, list, i, &keyspace->unread, NULL);
        } else {
            i++;
        }
    }
    key_table_end_list(keyspace);
    keyspace_trim(keyspace);
}
