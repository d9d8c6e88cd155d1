// SPDX-License-Identifier: Apache-2.0
/*
 * grammar_algebra.c - unions, intersections and differences of sorted sets.
 *
 * Thread: plain functions; any.
 */
#include <stdlib.h>

#include "grammar/grammar_private.h"
#include "model/reply.h"

struct algebra {
    uint32_t at; /* where the number of keys stands */
    uint32_t key_count;
    uint32_t flags;
    int64_t limit;
    double *weights; /* NULL: all 1 */
};

static bool read_key_count(struct grammar *grammar, struct algebra *algebra)
{
    int64_t key_count;

    if (!grammar_int(grammar, algebra->at, &key_count))
        return false;
    if (key_count < 1) {
        reply_error(grammar->error, "ERR at least 1 input key is needed for '%s' command",
                    grammar->name);
        return false;
    }
    if (key_count > grammar->count - algebra->at - 1)
        return grammar_fail_syntax(grammar);
    if (!grammar_check_keys(grammar, (uint64_t)key_count + (algebra->at - 1)))
        return false;
    algebra->key_count = (uint32_t)key_count;
    return true;
}

/* WEIGHTS, with as many weights as keys, at word `at`. */
static bool read_weights(struct grammar *grammar, uint32_t at, struct algebra *algebra)
{
    if (algebra->weights == NULL)
        algebra->weights = bytes_alloc(algebra->key_count * sizeof(algebra->weights[0]));
    for (uint32_t i = 0; i < algebra->key_count; i++)
        if (!grammar_score(grammar, at + 1 + i, "weight value is not a float",
                           &algebra->weights[i]))
            return false;
    return true;
}

static bool read_aggregate(struct grammar *grammar, uint32_t at, struct algebra *algebra)
{
    algebra->flags &= ~(uint32_t)(COMMAND_AGGREGATE_MIN | COMMAND_AGGREGATE_MAX);
    if (grammar_at(grammar, at + 1, "min"))
        algebra->flags |= COMMAND_AGGREGATE_MIN;
    else if (grammar_at(grammar, at + 1, "max"))
        algebra->flags |= COMMAND_AGGREGATE_MAX;
    else if (!grammar_at(grammar, at + 1, "sum"))
        return grammar_fail_syntax(grammar);
    return true;
}

static bool read_options(struct grammar *grammar, bool store, struct algebra *algebra)
{
    bool card = (algebra->flags & COMMAND_CARD) != 0;
    bool adds = (algebra->flags & COMMAND_DIFF) == 0 && !card;
    uint32_t at = algebra->at + 1 + algebra->key_count;

    while (at < grammar->count) {
        uint32_t left = grammar->count - at;

        if (adds && left > algebra->key_count && grammar_at(grammar, at, "weights")) {
            if (!read_weights(grammar, at, algebra))
                return false;
            at += 1 + algebra->key_count;
        } else if (adds && left >= 2 && grammar_at(grammar, at, "aggregate")) {
            if (!read_aggregate(grammar, at, algebra))
                return false;
            at += 2;
        } else if (!store && !card && grammar_at(grammar, at, "withscores")) {
            algebra->flags |= COMMAND_WITHSCORES;
            at++;
        } else if (card && left >= 2 && grammar_at(grammar, at, "limit")) {
            if (!grammar_int_between(grammar, at + 1, 0, INT64_MAX, "LIMIT can't be negative",
                                     &algebra->limit))
                return false;
            at += 2;
        } else {
            return grammar_fail_syntax(grammar);
        }
    }
    return true;
}

static bool put_algebra(struct grammar *grammar, bool store, uint32_t flags)
{
    struct algebra algebra = {.at = store ? 2 : 1, .flags = flags};
    bool ok = read_key_count(grammar, &algebra) && read_options(grammar, store, &algebra);

    if (ok) {
        command_list_add(grammar->list, store ? COMMAND_ZALGEBRASTORE : COMMAND_ZALGEBRA,
                         algebra.flags);
        if (store)
            grammar_put_keys(grammar, 1, 2);
        grammar_put_keys(grammar, algebra.at + 1, algebra.at + 1 + algebra.key_count);
        for (uint32_t i = 0; i < algebra.key_count; i++)
            command_list_score(grammar->list, algebra.weights == NULL ? 1.0 : algebra.weights[i]);
        if (!store)
            command_list_int(grammar->list, algebra.limit);
    }
    free(algebra.weights);
    return ok;
}

bool grammar_zunion(struct grammar *grammar)
{
    return put_algebra(grammar, false, COMMAND_UNION);
}

bool grammar_zunionstore(struct grammar *grammar)
{
    return put_algebra(grammar, true, COMMAND_UNION);
}

bool grammar_zinter(struct grammar *grammar)
{
    return put_algebra(grammar, false, COMMAND_INTER);
}

bool grammar_zinterstore(struct grammar *grammar)
{
    return put_algebra(grammar, true, COMMAND_INTER);
}

bool grammar_zintercard(struct grammar *grammar)
{
    return put_algebra(grammar, false, COMMAND_INTER | COMMAND_CARD);
}

bool grammar_zdiff(struct grammar *grammar)
{
    return put_algebra(grammar, false, COMMAND_DIFF);
}

bool grammar_zdiffstore(struct grammar *grammar)
{
    return put_algebra(grammar, true, COMMAND_DIFF);
}
