// SPDX-License-Identifier: Apache-2.0
/* zset_model_keys.c - see zset_model.h: the operations on whole keys. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "model/command.h"
#include "model/reply.h"
#include "support/zset_model_ops.h"

/* `fresh` takes the place of the key of argument 0, and is used up. */
static void store(const struct op *op, struct zset_key *fresh)
{
    struct zset_key *key = key_of(op, 0);

    if (key != NULL)
        zset_key_remove(op->model, key);
    reply_int(op->out, fresh->count);
    for (uint32_t i = 0; i < fresh->count; i++)
        if (fresh->members[i].score == 0)
            fresh->members[i].score = 0;
    if (fresh->count > 0) {
        key = zset_key_make(op->model, arg(op, 0));
        key->members = fresh->members;
        key->count = fresh->count;
        zset_changed(op->model, key);
    } else {
        free(fresh->members);
    }
}

static struct zset_key copy_of(const struct zset_key *key, uint32_t from, uint32_t to)
{
    struct zset_key copy = {0};

    for (uint32_t i = from; i < to; i++)
        zset_put(&copy, span_of_name(&key->members[i].name), key->members[i].score);
    return copy;
}

void zset_model_keys_zstore(const struct op *op)
{
    struct zset_key fresh = {0};

    for (uint32_t i = 1; i < op->command->arg_count; i += 2)
        zset_put(&fresh, arg(op, i + 1), arg_score(op, i));
    store(op, &fresh);
}

void zset_model_keys_zrangestore(const struct op *op)
{
    struct zset_key *key = key_of(op, 1);
    struct zset_key fresh;
    uint32_t from, to;

    zset_model_ops_range(op, key, 2, arg_int(op, 6), arg_int(op, 7), &from, &to);
    fresh = copy_of(key, from, to);
    store(op, &fresh);
}

static double aggregated(const struct op *op, double a, double b)
{
    double sum = a + b;

    if (has(op, COMMAND_AGGREGATE_MIN))
        return b < a ? b : a;
    if (has(op, COMMAND_AGGREGATE_MAX))
        return b > a ? b : a;
    return isnan(sum) ? 0 : sum;
}

/* What the sources from argument `first` on give for a member; false if it does not belong. */
static bool algebra_score(const struct op *op, uint32_t first, struct span member,
                          double *out_score)
{
    uint32_t count = op->command->key_count - first;
    uint32_t order[16];
    uint32_t found = 0;

    assert(count <= 16);
    if (has(op, COMMAND_DIFF)) {
        for (uint32_t i = 1; i < count; i++)
            if (zset_find(key_of(op, first + i), member) != NULL)
                return false;
        if (zset_find(key_of(op, first), member) == NULL)
            return false;
        *out_score = zset_find(key_of(op, first), member)->score;
        return true;
    }
    for (uint32_t i = 0; i < count; i++) { /* smaller keys first, equal ones as they stand */
        uint32_t place = 0;

        for (uint32_t j = 0; j < count; j++) {
            uint32_t a = size_of(key_of(op, first + j));
            uint32_t b = size_of(key_of(op, first + i));

            place += a < b || (a == b && j < i);
        }
        order[place] = i;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct zset_member *in = zset_find(key_of(op, first + order[i]), member);
        double score;

        if (in == NULL)
            continue;
        score = in->score * arg_score(op, op->command->key_count + order[i]);
        if (isnan(score) && (found == 0 || has(op, COMMAND_UNION)))
            score = 0;
        *out_score = found == 0 ? score : aggregated(op, *out_score, score);
        found++;
    }
    return has(op, COMMAND_UNION) ? found > 0 : found == count;
}

static struct zset_key algebra_of(const struct op *op, uint32_t first)
{
    struct zset_key result = {0};

    for (uint32_t i = first; i < op->command->key_count; i++) {
        struct zset_key *key = key_of(op, i);

        for (uint32_t j = 0; j < size_of(key); j++) {
            struct span member = span_of_name(&key->members[j].name);
            double score = 0;

            if (!algebra_score(op, first, member, &score))
                continue;
            zset_put(&result, member, score);
            zset_find(&result, member)->score = score; /* -0 stays, until it is stored */
        }
    }
    return result;
}

void zset_model_keys_zalgebra(const struct op *op)
{
    struct zset_key result = algebra_of(op, 0);
    int64_t limit = arg_int(op, op->command->arg_count - 1);

    if (has(op, COMMAND_CARD))
        reply_int(op->out, limit > 0 && limit < result.count ? limit : result.count);
    else
        zset_model_ops_reply(op, &result, 0, result.count, false,
                             has(op, COMMAND_WITHSCORES) ? REPLY_PAIRS : REPLY_ARRAY);
    free(result.members);
}

void zset_model_keys_zalgebrastore(const struct op *op)
{
    struct zset_key result = algebra_of(op, 1);

    store(op, &result);
}

void zset_model_keys_zdump(const struct op *op)
{
    struct zset_key *key = key_of(op, 0);

    if (key == NULL) {
        reply_null(op->out);
        return;
    }
    reply_aggregate(op->out, REPLY_ARRAY, 2);
    reply_int(op->out, key->deadline_ms);
    zset_model_ops_reply(op, key, 0, key->count, false, REPLY_PAIRS);
}

/* RENAME and COPY: `moved` of what argument 0 names becomes argument 1. */
static void give(const struct op *op, bool is_copy)
{
    struct zset_key *from = key_of(op, 0);
    struct zset_key *to = key_of(op, 1);
    struct zset_key moved;

    if (from == to)
        return;
    moved = copy_of(from, 0, from->count);
    moved.deadline_ms = from->deadline_ms;
    if (to != NULL)
        zset_key_remove(op->model, to);
    if (!is_copy)
        zset_key_remove(op->model, key_of(op, 0));
    to = zset_key_make(op->model, arg(op, 1));
    to->members = moved.members;
    to->count = moved.count;
    to->deadline_ms = moved.deadline_ms;
    zset_changed(op->model, to);
}

void zset_model_keys_rename(const struct op *op)
{
    if (key_of(op, 0) == NULL) {
        reply_error(op->out, "ERR no such key");
    } else if (has(op, COMMAND_NX) && key_of(op, 1) != NULL) {
        reply_int(op->out, 0);
    } else {
        give(op, false);
        if (has(op, COMMAND_NX))
            reply_int(op->out, 1);
        else
            reply_status(op->out, "OK");
    }
}

void zset_model_keys_copy(const struct op *op)
{
    bool may = key_of(op, 0) != NULL && key_of(op, 0) != key_of(op, 1) &&
               (has(op, COMMAND_REPLACE) || key_of(op, 1) == NULL);

    if (may)
        give(op, true);
    reply_int(op->out, may);
}

void zset_model_keys_del(const struct op *op)
{
    int64_t removed = 0;

    for (uint32_t i = 0; i < op->command->key_count; i++) {
        if (key_of(op, i) == NULL)
            continue;
        zset_key_remove(op->model, key_of(op, i));
        removed++;
    }
    reply_int(op->out, removed);
}

void zset_model_keys_exists(const struct op *op)
{
    int64_t count = 0;

    for (uint32_t i = 0; i < op->command->key_count; i++)
        count += key_of(op, i) != NULL;
    reply_int(op->out, count);
}

void zset_model_keys_expireat(const struct op *op)
{
    struct zset_key *key = key_of(op, 0);
    int64_t at_ms = arg_int(op, 1);
    bool may = key != NULL;

    if (may && has(op, COMMAND_NX))
        may = key->deadline_ms == 0;
    if (may && has(op, COMMAND_XX | COMMAND_GT))
        may = key->deadline_ms != 0;
    if (may && has(op, COMMAND_GT))
        may = at_ms > key->deadline_ms;
    if (may && has(op, COMMAND_LT) && key->deadline_ms != 0)
        may = at_ms < key->deadline_ms;
    reply_int(op->out, may);
    if (!may)
        return;
    key->deadline_ms = at_ms;
    if (at_ms <= op->model->now_ms)
        zset_key_remove(op->model, key);
    else
        zset_changed(op->model, key);
}

void zset_model_keys_persist(const struct op *op)
{
    struct zset_key *key = key_of(op, 0);
    bool may = key != NULL && key->deadline_ms != 0;

    reply_int(op->out, may);
    if (!may)
        return;
    key->deadline_ms = 0;
    zset_changed(op->model, key);
}

void zset_model_keys_expiry(const struct op *op)
{
    struct zset_key *key = key_of(op, 0);
    int64_t ms;

    if (key == NULL || key->deadline_ms == 0) {
        reply_int(op->out, key == NULL ? -2 : -1);
        return;
    }
    ms = key->deadline_ms - (has(op, COMMAND_ABSOLUTE) ? 0 : op->model->now_ms);
    reply_int(op->out, has(op, COMMAND_MS) ? ms : (ms + 500) / 1000);
}
