// SPDX-License-Identifier: Apache-2.0
/*
 * ops_range.c - ranges by rank, score and member: ZCOUNT, ZRANGE, ZREMRANGE, ZRANGESTORE.
 *
 * Every range becomes one of local ranks first; then they are all the same. By member only has a
 * meaning where all scores are equal: the score of the first is taken for all.
 */
#include "keyspace/keyspace_private.h"
#include "score/score_key.h"

static uint64_t score_key(double score)
{
    return score_key_of((struct value){.type = VALUE_FLOAT, .f = score}, BOARD_ASC);
}

/* How many members stand before a bound: with `after`, those that are equal to it also do. */
static uint32_t before_score(const struct keyspace *keyspace, uint32_t segment, double score,
                             bool after)
{
    return board_count_better_score(keyspace->board, segment, score_key(score) + after);
}

static uint32_t before_member(const struct keyspace *keyspace, uint32_t segment, struct span member,
                              bool after)
{
    struct board_entry first;
    struct board_entry same;
    uint32_t count;

    if (board_run(keyspace->board, segment, 0, 1, &first) == 0)
        return 0;
    first.key.member = member;
    count = board_count_better(keyspace->board, segment, &first.key);
    if (after && board_find(keyspace->board, segment, member, &same) &&
        same.key.score == first.key.score)
        count++;
    return count;
}

/* The two arguments of a bound, from `index`: how many members are outside of it, below it. */
static uint32_t before_bound(const struct operation *call, const struct key *key, uint32_t index,
                             bool is_low)
{
    enum command_bound kind = (enum command_bound)call_arg(call, index).data[0];
    bool after = is_low ? kind == COMMAND_BOUND_EXCLUSIVE : kind == COMMAND_BOUND_INCLUSIVE;

    if (kind == COMMAND_BOUND_LEAST)
        return 0;
    if (kind == COMMAND_BOUND_GREATEST)
        return key->member_count;
    if (call_has(call, COMMAND_BY_SCORE))
        return before_score(call->keyspace, key->segment, call_score(call, index + 1), after);
    return before_member(call->keyspace, key->segment, call_arg(call, index + 1), after);
}

static struct rank_range by_rank(const struct operation *call, uint32_t size, uint32_t index)
{
    int64_t start = call_int(call, index + 1);
    int64_t stop = call_int(call, index + 3);
    struct rank_range range = {0, 0};

    start = start < 0 ? start + (int64_t)size : start;
    stop = stop < 0 ? stop + (int64_t)size : stop;
    start = start < 0 ? 0 : start;
    stop = stop >= (int64_t)size ? (int64_t)size - 1 : stop;
    if (start > stop || start >= (int64_t)size)
        return range;
    range = (struct rank_range){(uint32_t)start, (uint32_t)stop + 1};
    if (call_has(call, COMMAND_REV))
        range = (struct rank_range){size - range.to, size - range.from};
    return range;
}

/* The range of the bounds that begin at argument `index`. The board gets settled. */
static struct rank_range resolve(const struct operation *call, uint32_t id, uint32_t index)
{
    const struct key *key = key_at(call->keyspace, id);
    struct rank_range range;

    if (call_has(call, COMMAND_BY_RANK))
        return by_rank(call, key->member_count, index);
    board_settle(call->keyspace->board);
    range.from = before_bound(call, key, index, true);
    range.to = before_bound(call, key, index + 2, false);
    if (range.to < range.from)
        range.to = range.from;
    return range;
}

/* LIMIT: what is left of a range in the order asked for. */
static struct rank_range limited(const struct operation *call, struct rank_range range,
                                 int64_t offset, int64_t limit)
{
    uint32_t size = range.to - range.from;
    uint32_t skipped, taken;

    if (offset < 0 || offset >= (int64_t)size)
        return (struct rank_range){range.from, range.from};
    skipped = (uint32_t)offset;
    taken = limit < 0 || limit > (int64_t)(size - skipped) ? size - skipped : (uint32_t)limit;
    if (call_has(call, COMMAND_REV))
        return (struct rank_range){range.to - skipped - taken, range.to - skipped};
    return (struct rank_range){range.from + skipped, range.from + skipped + taken};
}

void ops_range_zcount(const struct operation *call)
{
    uint32_t id = key_table_of(call, 0);
    struct rank_range range = {0, 0};

    if (id != KEY_NONE)
        range = resolve(call, id, 1);
    reply_int(call->out, range.to - range.from);
}

void ops_range_zrange(const struct operation *call)
{
    bool with_scores = call_has(call, COMMAND_WITHSCORES);
    uint32_t id = key_table_of(call, 0);
    struct rank_range range;

    if (id == KEY_NONE) {
        reply_aggregate(call->out, with_scores ? REPLY_PAIRS : REPLY_ARRAY, 0);
        return;
    }
    range = limited(call, resolve(call, id, 1), call_int(call, 5), call_int(call, 6));
    elements_reply(call->keyspace, key_at(call->keyspace, id)->segment, range,
                   call_has(call, COMMAND_REV), with_scores, call->out);
}

void ops_range_zremrange(const struct operation *call)
{
    struct keyspace *keyspace = call->keyspace;
    uint32_t id = key_table_of(call, 0);
    struct elements removed = {0};

    if (id != KEY_NONE) {
        elements_collect(keyspace, key_at(keyspace, id)->segment, resolve(call, id, 1), &removed);
        elements_own(keyspace, &removed);
        elements_remove(keyspace, id, &removed);
    }
    reply_int(call->out, removed.count);
    elements_done(&removed);
}

void ops_range_zrangestore(const struct operation *call)
{
    struct keyspace *keyspace = call->keyspace;
    uint32_t id = key_table_of(call, 1);
    struct elements elements = {0};

    if (id != KEY_NONE) {
        struct rank_range range = resolve(call, id, 2);

        range = limited(call, range, call_int(call, 6), call_int(call, 7));
        elements_collect(keyspace, key_at(keyspace, id)->segment, range, &elements);
        elements_own(keyspace, &elements);
    }
    elements_store(keyspace, call_arg(call, 0), &elements, call->out);
    elements_done(&elements);
}
