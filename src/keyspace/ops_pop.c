// SPDX-License-Identifier: Apache-2.0
/*
 * ops_pop.c - members that the key chooses: ZPOPMIN, ZPOPMAX, ZMPOP, ZRANDMEMBER.
 */
#include <stdlib.h>

#include "keyspace/keyspace_private.h"

#define DRAWS_MAX (1 << 22) /* of ZRANDMEMBER with repetition: what bounds the reply */

/* ---- ZPOP ---- */

static void reply_none_popped(const struct operation *call)
{
    if (call_has(call, COMMAND_MPOP))
        reply_null_array(call->out);
    else
        reply_aggregate(call->out, call_has(call, COMMAND_COUNTED) ? REPLY_PAIRS : REPLY_ARRAY, 0);
}

static void reply_popped(const struct operation *call, struct span name,
                         const struct elements *popped)
{
    struct bytes *out = call->out;
    bool in_rows = call_has(call, COMMAND_MPOP);

    if (in_rows) {
        reply_aggregate(out, REPLY_ARRAY, 2);
        reply_bulk(out, name);
        reply_aggregate(out, REPLY_ARRAY, popped->count);
    } else if (call_has(call, COMMAND_COUNTED)) {
        reply_aggregate(out, REPLY_PAIRS, popped->count);
    } else {
        reply_aggregate(out, REPLY_ARRAY, 2 * popped->count);
    }
    for (uint32_t i = 0; i < popped->count; i++) {
        uint32_t at = call_has(call, COMMAND_MAX) ? popped->count - 1 - i : i;

        if (in_rows)
            reply_aggregate(out, REPLY_ARRAY, 2);
        reply_bulk(out, popped->items[at].member);
        reply_double(out, popped->items[at].score);
    }
}

void ops_pop_zpop(const struct operation *call)
{
    struct keyspace *keyspace = call->keyspace;
    int64_t wanted = call_int(call, call->command->key_count);
    struct elements popped = {0};
    uint32_t id = KEY_NONE;
    uint32_t index = 0;
    uint32_t size, count;

    for (; index < call->command->key_count && id == KEY_NONE; index++)
        id = key_table_of(call, index);
    if (id == KEY_NONE || wanted <= 0) {
        reply_none_popped(call);
        return;
    }
    size = key_at(keyspace, id)->member_count;
    count = wanted < size ? (uint32_t)wanted : size;
    elements_collect(keyspace, key_at(keyspace, id)->segment,
                     call_has(call, COMMAND_MAX) ? (struct rank_range){size - count, size}
                                                 : (struct rank_range){0, count},
                     &popped);
    elements_own(keyspace, &popped);
    reply_popped(call, call_arg(call, index - 1), &popped);
    elements_remove(keyspace, id, &popped);
    elements_done(&popped);
}

/* ---- ZRANDMEMBER ---- */

static void reply_at(const struct operation *call, uint32_t segment, uint32_t rank)
{
    struct board_entry entry;
    uint32_t got = board_run(call->keyspace->board, segment, rank, 1, &entry);

    assert(got == 1);
    reply_bulk(call->out, entry.key.member);
    if (call_has(call, COMMAND_WITHSCORES))
        reply_double(call->out, entry.score.f);
}

/*
 * `count` distinct ranks below `size`: drawn again if they were drawn before. Where that is more
 * than half of all, those that are left out are drawn.
 */
static void reply_distinct(const struct operation *call, uint32_t segment, uint32_t size,
                           uint32_t count)
{
    uint64_t *drawn = bytes_alloc_zero(size / 64 + 1, sizeof(drawn[0]));
    bool is_rest = count > size / 2;
    uint32_t draws = is_rest ? size - count : count;
    size_t begin = call->out->size;

    reply_aggregate(call->out, call_has(call, COMMAND_WITHSCORES) ? REPLY_PAIRS : REPLY_ARRAY,
                    count);
    while (draws > 0) {
        uint32_t rank = keyspace_random(call->keyspace, size);

        if (drawn[rank / 64] >> rank % 64 & 1)
            continue;
        drawn[rank / 64] |= (uint64_t)1 << rank % 64;
        draws--;
        if (!is_rest)
            reply_at(call, segment, rank);
        if (keyspace_reply_overflows(call->keyspace, call->out, begin))
            goto done;
    }
    for (uint32_t rank = 0; is_rest && rank < size; rank++) {
        if (!(drawn[rank / 64] >> rank % 64 & 1))
            reply_at(call, segment, rank);
        if (keyspace_reply_overflows(call->keyspace, call->out, begin))
            break;
    }
done:
    free(drawn);
}

/* `count` draws, each of all. */
static void reply_repeated(const struct operation *call, uint32_t segment, uint32_t size,
                           uint32_t count)
{
    size_t begin = call->out->size;

    reply_aggregate(call->out, call_has(call, COMMAND_WITHSCORES) ? REPLY_PAIRS : REPLY_ARRAY,
                    count);
    for (uint32_t i = 0; i < count; i++) {
        reply_at(call, segment, keyspace_random(call->keyspace, size));
        if (keyspace_reply_overflows(call->keyspace, call->out, begin))
            return;
    }
}

static void reply_many(const struct operation *call, uint32_t id, int64_t wanted)
{
    enum reply_kind kind = call_has(call, COMMAND_WITHSCORES) ? REPLY_PAIRS : REPLY_ARRAY;
    uint32_t size = id != KEY_NONE ? key_at(call->keyspace, id)->member_count : 0;
    uint32_t segment = id != KEY_NONE ? key_at(call->keyspace, id)->segment : BOARD_SEGMENT_NONE;

    if (wanted < -DRAWS_MAX) {
        reply_error(call->out, "ERR value is out of range");
    } else if (size == 0 || wanted == 0) {
        reply_aggregate(call->out, kind, 0);
    } else if (wanted >= size) {
        elements_reply(call->keyspace, segment, (struct rank_range){0, size}, false,
                       kind == REPLY_PAIRS, call->out);
    } else if (wanted > 0) {
        reply_distinct(call, segment, size, (uint32_t)wanted);
    } else {
        reply_repeated(call, segment, size, (uint32_t)-wanted);
    }
}

void ops_pop_zrandmember(const struct operation *call)
{
    uint32_t id = key_table_of(call, 0);

    board_settle(call->keyspace->board);
    if (call_has(call, COMMAND_COUNTED))
        reply_many(call, id, call_int(call, 1));
    else if (id == KEY_NONE)
        reply_null(call->out);
    else
        reply_at(call, key_at(call->keyspace, id)->segment,
                 keyspace_random(call->keyspace, key_at(call->keyspace, id)->member_count));
}
