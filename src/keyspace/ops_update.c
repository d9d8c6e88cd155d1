// SPDX-License-Identifier: Apache-2.0
/*
 * ops_update.c - what leaderboards ask for beyond Redis: TW.UPDATE, TW.AROUND, TW.AMONG.
 *
 * Ranks count from 0, as those of ZRANK: from the least score, or with COMMAND_REV from the
 * greatest, which is then "best".
 */
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "keyspace/keyspace_private.h"

static uint32_t turned(bool reversed, uint32_t rank, uint32_t size)
{
    return reversed ? size - 1 - rank : rank;
}

/* ---- TW.UPDATE ---- */

/* Where a member stands; false if it is not there. */
static bool standing(const struct operation *call, uint32_t key, uint32_t *out_rank)
{
    struct keyspace *keyspace = call->keyspace;
    struct board_entry entry;

    board_settle(keyspace->board);
    if (!board_find(keyspace->board, key_at(keyspace, key)->segment, call_arg(call, 2), &entry))
        return false;
    *out_rank = turned(call_has(call, COMMAND_REV), board_rank(keyspace->board, entry.entry),
                       key_at(keyspace, key)->member_count);
    return true;
}

static void reply_update(const struct operation *call, const struct board_op_result *result,
                         uint32_t old_rank, uint32_t rank, uint32_t size_before)
{
    struct bytes *out = call->out;
    uint32_t came_from = result->existed ? old_rank : size_before;

    reply_aggregate(out, REPLY_MAP, 5);
    reply_bulk(out, SPAN_LITERAL("old_score"));
    if (result->existed)
        reply_double(out, result->old_score);
    else
        reply_null(out);
    reply_bulk(out, SPAN_LITERAL("score"));
    reply_double(out, result->score);
    reply_bulk(out, SPAN_LITERAL("old_rank"));
    if (result->existed)
        reply_int(out, old_rank);
    else
        reply_null(out);
    reply_bulk(out, SPAN_LITERAL("rank"));
    reply_int(out, rank);
    reply_bulk(out, SPAN_LITERAL("passed"));
    reply_int(out, came_from > rank ? came_from - rank : 0);
}

/* The op itself; false with an error reply, and no key left behind. */
static bool update(const struct operation *call, uint32_t id, struct board_op_result *out_result)
{
    struct keyspace *keyspace = call->keyspace;
    struct key *key = key_at(keyspace, id);
    uint32_t flags = call->command->flags;
    struct board_op op = {
        .segment = key->segment,
        .kind = flags & COMMAND_INCR ? BOARD_OP_ADD : BOARD_OP_SET,
        .conditions = run_conditions(flags),
        .member = call_arg(call, 2),
        .score = run_score(call_score(call, 1)),
    };

    board_apply(keyspace->board, &op, 1, keyspace->now_ms, out_result);
    if (out_result->changed && !out_result->existed) {
        key->member_count++;
        key_table_grew(keyspace, key, op.member.size);
        key_table_gained(keyspace, id);
    }
    if (out_result->changed)
        key_table_changed(keyspace, id);
    if (!out_result->is_nan && !out_result->refused)
        return true;
    run_refuse(call->out, out_result);
    return false;
}

void ops_update_tw_update(const struct operation *call)
{
    struct keyspace *keyspace = call->keyspace;
    struct span name = call_arg(call, 0);
    uint32_t id = key_table_find(keyspace, name);
    struct board_op_result result;
    uint32_t old_rank = 0;
    uint32_t rank = 0;
    uint32_t size_before;

    if (!run_check_member(call_arg(call, 2), call->out))
        return;
    if (isnan(call_score(call, 1))) {
        run_refuse(call->out, &(struct board_op_result){.is_nan = true});
        return;
    }
    if (id == KEY_NONE && !call_has(call, COMMAND_XX)) {
        id = key_table_make(keyspace, name, hash_bytes(name.data, name.size));
        if (id == KEY_NONE) {
            key_table_refuse(keyspace, name, call->out);
            return;
        }
    }
    if (id == KEY_NONE) {
        reply_null(call->out);
        return;
    }
    size_before = key_at(keyspace, id)->member_count;
    standing(call, id, &old_rank);
    if (update(call, id, &result)) {
        if (standing(call, id, &rank))
            reply_update(call, &result, old_rank, rank, size_before);
        else
            reply_null(call->out);
    }
    if (key_at(keyspace, id)->member_count == 0)
        key_table_remove(keyspace, id);
}

/* ---- TW.AROUND ---- */

void ops_update_tw_around(const struct operation *call)
{
    struct keyspace *keyspace = call->keyspace;
    bool reversed = call_has(call, COMMAND_REV);
    uint32_t id = key_table_of(call, 0);
    int64_t wanted = call_int(call, 2);
    struct elements rows = {0};
    struct board_entry entry;
    struct rank_range range;
    uint32_t size, rank, reach;

    if (id == KEY_NONE ||
        !board_find(keyspace->board, key_at(keyspace, id)->segment, call_arg(call, 1), &entry)) {
        reply_null_array(call->out);
        return;
    }
    board_settle(keyspace->board);
    size = key_at(keyspace, id)->member_count;
    rank = board_rank(keyspace->board, entry.entry);
    reach = wanted < 0 ? 0 : wanted > size ? size : (uint32_t)wanted;
    range.from = rank > reach ? rank - reach : 0;
    range.to = reach < size - rank ? rank + reach + 1 : size;
    elements_collect(keyspace, key_at(keyspace, id)->segment, range, &rows);
    reply_aggregate(call->out, REPLY_ARRAY, rows.count);
    for (uint32_t i = 0; i < rows.count; i++) {
        uint32_t at = reversed ? rows.count - 1 - i : i;

        reply_aggregate(call->out, REPLY_ARRAY, 3);
        reply_int(call->out, turned(reversed, range.from + at, size));
        reply_bulk(call->out, rows.items[at].member);
        reply_double(call->out, rows.items[at].score);
    }
    elements_done(&rows);
}

/* ---- TW.AMONG ---- */

static int compare_ranks(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* The local ranks of those of the call's members that are there, each once, ascending. */
static uint32_t ranks_among(const struct operation *call, uint32_t segment, uint32_t *ranks)
{
    struct keyspace *keyspace = call->keyspace;
    uint32_t *entries = bytes_alloc(call->command->arg_count * sizeof(entries[0]));
    struct board_entry entry;
    uint32_t count = 0;
    uint32_t distinct = 0;

    for (uint32_t i = 1; i < call->command->arg_count; i++)
        if (board_find(keyspace->board, segment, call_arg(call, i), &entry))
            entries[count++] = entry.entry;
    board_settle(keyspace->board);
    board_rank_many(keyspace->board, entries, count, ranks);
    free(entries);
    qsort(ranks, count, sizeof(ranks[0]), compare_ranks);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || ranks[i] != ranks[i - 1])
            ranks[distinct++] = ranks[i];
    return distinct;
}

void ops_update_tw_among(const struct operation *call)
{
    struct keyspace *keyspace = call->keyspace;
    bool reversed = call_has(call, COMMAND_REV);
    uint32_t id = key_table_of(call, 0);
    uint32_t *ranks = bytes_alloc(call->command->arg_count * sizeof(ranks[0]));
    uint32_t segment = id != KEY_NONE ? key_at(keyspace, id)->segment : BOARD_SEGMENT_NONE;
    uint32_t count = id != KEY_NONE ? ranks_among(call, segment, ranks) : 0;

    reply_aggregate(call->out, REPLY_ARRAY, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rank = ranks[reversed ? count - 1 - i : i];
        struct board_entry entry;
        uint32_t got = board_run(keyspace->board, segment, rank, 1, &entry);

        assert(got == 1);
        reply_aggregate(call->out, REPLY_ARRAY, 4);
        reply_int(call->out, i);
        reply_bulk(call->out, entry.key.member);
        reply_double(call->out, entry.score.f);
        reply_int(call->out, turned(reversed, rank, key_at(keyspace, id)->member_count));
    }
    free(ranks);
}
