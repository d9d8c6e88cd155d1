// SPDX-License-Identifier: Apache-2.0
/* zset_model_ops.c - see zset_model.h: the operations. */
#include "support/zset_model_ops.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "model/command.h"
#include "model/reply.h"

/* ---- one score ---- */

enum outcome { ADDED, CHANGED, SAME, NOT_HELD, NOT_A_NUMBER };

/* `key` may be NULL only if nothing will be added. */
static enum outcome put(struct zset_key *key, uint32_t flags, struct span member, double score)
{
    struct zset_member *old = zset_find(key, member);

    if (old == NULL) {
        if (flags & COMMAND_XX)
            return NOT_HELD;
        zset_put(key, member, score);
        return ADDED;
    }
    if (flags & COMMAND_NX)
        return NOT_HELD;
    if (flags & COMMAND_INCR)
        score = old->score + score;
    if (isnan(score))
        return NOT_A_NUMBER;
    if (((flags & COMMAND_GT) && score <= old->score) ||
        ((flags & COMMAND_LT) && score >= old->score))
        return NOT_HELD;
    if (score == old->score)
        return SAME;
    zset_put(key, member, score);
    return CHANGED;
}

static void zadd(const struct op *op)
{
    struct zset_key *key = key_of(op, 0);
    uint32_t counts[NOT_A_NUMBER + 1] = {0};
    enum outcome last = NOT_HELD;

    if (key == NULL && !has(op, COMMAND_XX))
        key = zset_key_make(op->model, arg(op, 0));
    for (uint32_t i = 1; i < op->command->arg_count; i += 2) {
        last = put(key, op->command->flags, arg(op, i + 1), arg_score(op, i));
        counts[last]++;
    }
    if (last == NOT_A_NUMBER)
        reply_error(op->out, "ERR resulting score is not a number (NaN)");
    else if (!has(op, COMMAND_INCR))
        reply_int(op->out, counts[ADDED] + (has(op, COMMAND_CH) ? counts[CHANGED] : 0));
    else if (last == NOT_HELD)
        reply_null(op->out);
    else
        reply_double(op->out, zset_find(key, arg(op, 2))->score);
    if (counts[ADDED] + counts[CHANGED] > 0)
        zset_changed(op->model, key);
}

static void zrem(const struct op *op)
{
    struct zset_key *key = key_of(op, 0);
    uint32_t removed = 0;

    for (uint32_t i = 1; key != NULL && i < op->command->arg_count; i++) {
        struct zset_member *member = zset_find(key, arg(op, i));

        if (member == NULL)
            continue;
        zset_take(key, (uint32_t)(member - key->members), (uint32_t)(member - key->members) + 1);
        removed++;
    }
    if (removed > 0)
        zset_changed(op->model, key);
    reply_int(op->out, removed);
}

static void reply_score(const struct op *op, uint32_t i)
{
    struct zset_member *member = zset_find(key_of(op, 0), arg(op, i));

    if (member != NULL)
        reply_double(op->out, member->score);
    else
        reply_null(op->out);
}

static void zscore(const struct op *op)
{
    if (has(op, COMMAND_COUNTED))
        reply_aggregate(op->out, REPLY_ARRAY, op->command->arg_count - 1);
    for (uint32_t i = 1; i < op->command->arg_count; i++)
        reply_score(op, i);
}

/* In the order asked for. */
static int64_t rank_of(const struct op *op, struct zset_key *key, const struct zset_member *member)
{
    int64_t rank = member - key->members;

    return has(op, COMMAND_REV) ? (int64_t)key->count - 1 - rank : rank;
}

static void zrank(const struct op *op)
{
    struct zset_key *key = key_of(op, 0);
    struct zset_member *member = zset_find(key, arg(op, 1));

    if (member == NULL && has(op, COMMAND_WITHSCORES)) {
        reply_null_array(op->out);
    } else if (member == NULL) {
        reply_null(op->out);
    } else {
        if (has(op, COMMAND_WITHSCORES))
            reply_aggregate(op->out, REPLY_ARRAY, 2);
        reply_int(op->out, rank_of(op, key, member));
        if (has(op, COMMAND_WITHSCORES))
            reply_double(op->out, member->score);
    }
}

static void tw_update(const struct op *op)
{
    struct zset_key *key = key_of(op, 0);
    struct zset_member *old = zset_find(key, arg(op, 2));
    int64_t size = size_of(key);
    int64_t old_rank = old != NULL ? rank_of(op, key, old) : size;
    double old_score = old != NULL ? old->score : 0;
    enum outcome outcome;
    int64_t rank;

    if (key == NULL && has(op, COMMAND_XX)) {
        reply_null(op->out);
        return;
    }
    if (key == NULL)
        key = zset_key_make(op->model, arg(op, 0));
    outcome = put(key, op->command->flags, arg(op, 2), arg_score(op, 1));
    if (outcome == ADDED || outcome == CHANGED)
        zset_changed(op->model, key);
    if (outcome == NOT_A_NUMBER) {
        reply_error(op->out, "ERR resulting score is not a number (NaN)");
        return;
    }
    if (zset_find(key, arg(op, 2)) == NULL) {
        reply_null(op->out);
        return;
    }
    rank = rank_of(op, key, zset_find(key, arg(op, 2)));
    reply_aggregate(op->out, REPLY_MAP, 5);
    reply_bulk(op->out, span_of("old_score"));
    if (outcome == ADDED)
        reply_null(op->out);
    else
        reply_double(op->out, old_score);
    reply_bulk(op->out, span_of("score"));
    reply_score(op, 2);
    reply_bulk(op->out, span_of("old_rank"));
    if (outcome == ADDED)
        reply_null(op->out);
    else
        reply_int(op->out, old_rank);
    reply_bulk(op->out, span_of("rank"));
    reply_int(op->out, rank);
    reply_bulk(op->out, span_of("passed"));
    reply_int(op->out, rank < old_rank ? old_rank - rank : 0);
}

/* ---- ranges: which members, one by one ---- */

/* Whether a member is inside the bound at argument `i`. */
static bool is_inside(const struct op *op, const struct zset_key *key, uint32_t rank, uint32_t i,
                      bool is_low)
{
    const struct zset_member *member = &key->members[rank];
    enum command_bound kind = (enum command_bound)arg(op, i).data[0];
    int order;

    if (kind == COMMAND_BOUND_LEAST || kind == COMMAND_BOUND_GREATEST)
        return (kind == COMMAND_BOUND_LEAST) == is_low;
    if (has(op, COMMAND_BY_SCORE)) {
        double score = arg_score(op, i + 1);

        order = member->score < score ? -1 : member->score > score;
    } else {
        struct zset_name bound = {.size = (uint32_t)arg(op, i + 1).size};

        memcpy(bound.data, arg(op, i + 1).data, bound.size);
        order =
            member->score > key->members[0].score ? 1 : zset_compare_names(&member->name, &bound);
    }
    if (order == 0)
        return kind == COMMAND_BOUND_INCLUSIVE;
    return is_low ? order > 0 : order < 0;
}

/* The members of the bounds at argument `i`, then of offset and limit, ascending. */
void zset_model_ops_range(const struct op *op, const struct zset_key *key, uint32_t i,
                          int64_t offset, int64_t limit, uint32_t *out_from, uint32_t *out_to)
{
    int64_t size = size_of(key);
    int64_t from = 0;
    int64_t to = size;

    if (has(op, COMMAND_BY_RANK) && size > 0) {
        from = arg_int(op, i + 1) < 0 ? arg_int(op, i + 1) + size : arg_int(op, i + 1);
        to = arg_int(op, i + 3) < 0 ? arg_int(op, i + 3) + size + 1 : arg_int(op, i + 3) + 1;
        from = from < 0 ? 0 : from;
        to = to > size ? size : to;
        if (has(op, COMMAND_REV)) {
            int64_t first = size - to;

            to = size - from;
            from = first;
        }
    } else if (size > 0) {
        while (from < size && !is_inside(op, key, (uint32_t)from, i, true))
            from++;
        while (to > 0 && !is_inside(op, key, (uint32_t)to - 1, i + 2, false))
            to--;
    }
    if (offset < 0 || from >= to)
        to = from = 0;
    for (; offset > 0 && from < to; offset--)
        *(has(op, COMMAND_REV) ? &to : &from) += has(op, COMMAND_REV) ? -1 : 1;
    while (limit >= 0 && to - from > limit)
        *(has(op, COMMAND_REV) ? &from : &to) += has(op, COMMAND_REV) ? 1 : -1;
    *out_from = (uint32_t)from;
    *out_to = (uint32_t)to;
}

void zset_model_ops_reply(const struct op *op, const struct zset_key *key, uint32_t from,
                          uint32_t to, bool reversed, enum reply_kind kind)
{
    reply_aggregate(op->out, kind, to - from);
    for (uint32_t i = 0; i < to - from; i++) {
        const struct zset_member *member = &key->members[reversed ? to - 1 - i : from + i];

        reply_name(op->out, &member->name);
        if (kind == REPLY_PAIRS)
            reply_double(op->out, member->score);
    }
}

static void zrange(const struct op *op)
{
    struct zset_key *key = key_of(op, 0);
    uint32_t from, to;

    zset_model_ops_range(op, key, 1, arg_int(op, 5), arg_int(op, 6), &from, &to);
    zset_model_ops_reply(op, key, from, to, has(op, COMMAND_REV),
                         has(op, COMMAND_WITHSCORES) ? REPLY_PAIRS : REPLY_ARRAY);
}

static void zcount(const struct op *op)
{
    uint32_t from, to;

    zset_model_ops_range(op, key_of(op, 0), 1, 0, -1, &from, &to);
    reply_int(op->out, to - from);
}

static void zremrange(const struct op *op)
{
    struct zset_key *key = key_of(op, 0);
    uint32_t from, to;

    zset_model_ops_range(op, key, 1, 0, -1, &from, &to);
    reply_int(op->out, to - from);
    if (from == to)
        return;
    zset_take(key, from, to);
    zset_changed(op->model, key);
}

static void zpop(const struct op *op)
{
    int64_t count = arg_int(op, op->command->key_count);
    struct zset_key *key = NULL;
    uint32_t i = 0;
    uint32_t from, to;

    while (i < op->command->key_count && key == NULL)
        key = key_of(op, i++);
    if (key == NULL || count == 0) {
        if (has(op, COMMAND_MPOP))
            reply_null_array(op->out);
        else
            reply_aggregate(op->out, has(op, COMMAND_COUNTED) ? REPLY_PAIRS : REPLY_ARRAY, 0);
        return;
    }
    count = count < key->count ? count : key->count;
    from = has(op, COMMAND_MAX) ? key->count - (uint32_t)count : 0;
    to = from + (uint32_t)count;
    if (has(op, COMMAND_MPOP)) {
        reply_aggregate(op->out, REPLY_ARRAY, 2);
        reply_name(op->out, &key->name);
        reply_aggregate(op->out, REPLY_ARRAY, (uint32_t)count);
    } else {
        reply_aggregate(op->out, has(op, COMMAND_COUNTED) ? REPLY_PAIRS : REPLY_ARRAY,
                        has(op, COMMAND_COUNTED) ? (uint32_t)count : 2 * (uint32_t)count);
    }
    for (i = 0; i < count; i++) {
        struct zset_member *member = &key->members[has(op, COMMAND_MAX) ? to - 1 - i : from + i];

        if (has(op, COMMAND_MPOP))
            reply_aggregate(op->out, REPLY_ARRAY, 2);
        reply_name(op->out, &member->name);
        reply_double(op->out, member->score);
    }
    zset_take(key, from, to);
    zset_changed(op->model, key);
}

static void tw_around(const struct op *op)
{
    struct zset_key *key = key_of(op, 0);
    struct zset_member *member = zset_find(key, arg(op, 1));
    int64_t from, to, rank;

    if (member == NULL) {
        reply_null_array(op->out);
        return;
    }
    rank = rank_of(op, key, member);
    from = rank - arg_int(op, 2) < 0 ? 0 : rank - arg_int(op, 2);
    to = rank + arg_int(op, 2) >= key->count ? key->count - 1 : rank + arg_int(op, 2);
    reply_aggregate(op->out, REPLY_ARRAY, (uint32_t)(to - from + 1));
    for (int64_t i = from; i <= to; i++) {
        struct zset_member *row = &key->members[has(op, COMMAND_REV) ? key->count - 1 - i : i];

        reply_aggregate(op->out, REPLY_ARRAY, 3);
        reply_int(op->out, i);
        reply_name(op->out, &row->name);
        reply_double(op->out, row->score);
    }
}

static void tw_among(const struct op *op)
{
    struct zset_key *key = key_of(op, 0);
    size_t at = reply_aggregate_begin(op->out, REPLY_ARRAY);
    uint32_t count = 0;

    for (uint32_t i = 0; i < size_of(key); i++) {
        struct zset_member *row = &key->members[has(op, COMMAND_REV) ? key->count - 1 - i : i];
        bool is_asked = false;

        for (uint32_t j = 1; j < op->command->arg_count; j++)
            is_asked |= zset_find(key, arg(op, j)) == row;
        if (!is_asked)
            continue;
        reply_aggregate(op->out, REPLY_ARRAY, 4);
        reply_int(op->out, count++);
        reply_name(op->out, &row->name);
        reply_double(op->out, row->score);
        reply_int(op->out, i);
    }
    reply_aggregate_end(op->out, at, count);
}

static void plain(const struct op *op)
{
    struct zset_key *key = op->command->key_count > 0 ? key_of(op, 0) : NULL;
    uint32_t count = 0;

    switch (op->command->op) {
    case COMMAND_ZCARD:
        reply_int(op->out, size_of(key));
        break;
    case COMMAND_TYPE:
        reply_status(op->out, key != NULL ? "zset" : "none");
        break;
    case COMMAND_VERSION:
        reply_int(op->out, zset_version(op->model, arg(op, 0)));
        break;
    case COMMAND_DBSIZE:
        for (uint32_t i = 0; i < op->model->count; i++)
            count += zset_key_find(op->model, span_of_name(&op->model->keys[i].name)) != NULL;
        reply_int(op->out, count);
        break;
    case COMMAND_FLUSH:
        while (op->model->count > 0)
            zset_key_remove(op->model, &op->model->keys[0]);
        reply_status(op->out, "OK");
        break;
    default:
        assert(!"an operation that is not modelled");
    }
}

void zset_model_operate(struct zset_model *model, const struct command_list *list,
                        const struct command *command, struct bytes *out)
{
    static void (*const table[])(const struct op *) = {
        [COMMAND_ZADD] = zadd,
        [COMMAND_ZREM] = zrem,
        [COMMAND_ZREMRANGE] = zremrange,
        [COMMAND_ZPOP] = zpop,
        [COMMAND_ZSTORE] = zset_model_keys_zstore,
        [COMMAND_ZRANGESTORE] = zset_model_keys_zrangestore,
        [COMMAND_ZALGEBRASTORE] = zset_model_keys_zalgebrastore,
        [COMMAND_DEL] = zset_model_keys_del,
        [COMMAND_EXPIREAT] = zset_model_keys_expireat,
        [COMMAND_PERSIST] = zset_model_keys_persist,
        [COMMAND_RENAME] = zset_model_keys_rename,
        [COMMAND_COPY] = zset_model_keys_copy,
        [COMMAND_TW_UPDATE] = tw_update,
        [COMMAND_ZSCORE] = zscore,
        [COMMAND_ZRANK] = zrank,
        [COMMAND_ZCOUNT] = zcount,
        [COMMAND_ZRANGE] = zrange,
        [COMMAND_ZALGEBRA] = zset_model_keys_zalgebra,
        [COMMAND_ZDUMP] = zset_model_keys_zdump,
        [COMMAND_EXISTS] = zset_model_keys_exists,
        [COMMAND_EXPIRY] = zset_model_keys_expiry,
        [COMMAND_TW_AROUND] = tw_around,
        [COMMAND_TW_AMONG] = tw_among,
    };
    struct op op = {model, list, command, out};

    if (command->op < sizeof(table) / sizeof(table[0]) && table[command->op] != NULL)
        table[command->op](&op);
    else
        plain(&op);
}
