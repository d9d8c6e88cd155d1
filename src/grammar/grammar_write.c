// SPDX-License-Identifier: Apache-2.0
/*
 * grammar_write.c - ZADD, ZREM, the pops and those of them that wait, and TW.UPDATE.
 *
 * Thread: plain functions; any.
 */
#include <math.h>
#include <stdlib.h>

#include "grammar/grammar_private.h"

#define PAIRS_ON_STACK 32

/* The flags of ZADD from word `at` on; returns where they end. */
static uint32_t read_zadd_flags(const struct grammar *grammar, uint32_t at, bool ranks,
                                uint32_t *out_flags)
{
    static const struct {
        const char *word;
        uint32_t flag;
    } words[] = {
        {"nx", COMMAND_NX}, {"xx", COMMAND_XX}, {"gt", COMMAND_GT},
        {"lt", COMMAND_LT}, {"ch", COMMAND_CH}, {"incr", COMMAND_INCR},
    };

    for (; at < grammar->count; at++) {
        size_t i = 0;

        /* Scores hardly ever begin with a letter, members stand behind one. */
        if (grammar->args[at].size > 4 || grammar->args[at].size < 2)
            return at;
        while (i < sizeof(words) / sizeof(words[0]) && !grammar_at(grammar, at, words[i].word))
            i++;
        if (i < sizeof(words) / sizeof(words[0]))
            *out_flags |= words[i].flag;
        else if (ranks && grammar_at(grammar, at, "rev"))
            *out_flags |= COMMAND_REV;
        else
            return at;
    }
    return at;
}

static bool check_zadd_flags(struct grammar *grammar, uint32_t flags)
{
    uint32_t order = flags & (COMMAND_GT | COMMAND_LT | COMMAND_NX);

    if ((flags & COMMAND_NX) != 0 && (flags & COMMAND_XX) != 0)
        return grammar_fail(grammar, "XX and NX options at the same time are not compatible");
    if ((order & (order - 1)) != 0)
        return grammar_fail(grammar,
                            "GT, LT, and/or NX options at the same time are not compatible");
    return true;
}

/* All scores are read before the first is put: one that is wrong leaves nothing behind. */
static bool put_pairs(struct grammar *grammar, enum command_op op, uint32_t flags, uint32_t at)
{
    uint32_t pair_count = (grammar->count - at) / 2;
    double on_stack[PAIRS_ON_STACK];
    double *scores = on_stack;
    bool ok = true;

    if (pair_count > PAIRS_ON_STACK)
        scores = bytes_alloc(pair_count * sizeof(scores[0]));
    for (uint32_t i = 0; ok && i < pair_count; i++)
        ok = grammar_score(grammar, at + 2 * i, NULL, &scores[i]);
    if (ok) {
        grammar_put(grammar, op, flags);
        for (uint32_t i = 0; i < pair_count; i++) {
            command_list_score(grammar->list, scores[i]);
            command_list_arg(grammar->list, grammar->args[at + 2 * i + 1]);
        }
    }
    if (scores != on_stack)
        free(scores);
    return ok;
}

/* ZINCRBY is ZADD with INCR, and takes its options, though there is no room for any. */
static bool put_zadd(struct grammar *grammar, uint32_t flags)
{
    uint32_t at = read_zadd_flags(grammar, 2, false, &flags);
    uint32_t words = grammar->count - at;

    if (words == 0 || words % 2 != 0)
        return grammar_fail_syntax(grammar);
    if (!check_zadd_flags(grammar, flags))
        return false;
    if ((flags & COMMAND_INCR) != 0 && words > 2)
        return grammar_fail(grammar, "INCR option supports a single increment-element pair");
    return put_pairs(grammar, COMMAND_ZADD, flags, at);
}

bool grammar_zadd(struct grammar *grammar)
{
    return put_zadd(grammar, 0);
}

bool grammar_zincrby(struct grammar *grammar)
{
    return put_zadd(grammar, COMMAND_INCR);
}

/* TW.UPDATE key [NX|XX] [GT|LT] [INCR] [REV] score member */
bool grammar_tw_update(struct grammar *grammar)
{
    uint32_t flags = 0;
    uint32_t at = read_zadd_flags(grammar, 2, true, &flags);

    if (grammar->count - at != 2 || (flags & COMMAND_CH) != 0)
        return grammar_fail_syntax(grammar);
    return check_zadd_flags(grammar, flags) && put_pairs(grammar, COMMAND_TW_UPDATE, flags, at);
}

bool grammar_zrem(struct grammar *grammar)
{
    grammar_put(grammar, COMMAND_ZREM, 0);
    grammar_put_args(grammar, 2, grammar->count);
    return true;
}

/* ---- pops ---- */

static bool pop(struct grammar *grammar, uint32_t flags)
{
    int64_t count = 1;

    if (grammar->count > 3)
        return grammar_fail_syntax(grammar);
    if (grammar->count == 3) {
        if (!grammar_int_between(grammar, 2, 0, INT64_MAX,
                                 "value is out of range, must be positive", &count))
            return false;
        flags |= COMMAND_COUNTED;
    }
    grammar_put(grammar, COMMAND_ZPOP, flags);
    command_list_int(grammar->list, count);
    return true;
}

bool grammar_zpopmin(struct grammar *grammar)
{
    return pop(grammar, 0);
}

bool grammar_zpopmax(struct grammar *grammar)
{
    return pop(grammar, COMMAND_MAX);
}

/* Word `at`: seconds, perhaps with a fraction. Rounded up, so that no wait becomes endless. */
static bool read_timeout(struct grammar *grammar, uint32_t at)
{
    long double ms;

    if (!grammar_seconds_read(grammar->args[at], &ms))
        return grammar_fail(grammar, "timeout is not a float or out of range");
    ms *= 1000;
    if (ms > (long double)INT64_MAX)
        return grammar_fail(grammar, "timeout is out of range");
    ms = ceill(ms);
    if (ms < 0)
        return grammar_fail(grammar, "timeout is negative");
    if (ms > (long double)(INT64_MAX - grammar->now_ms))
        return grammar_fail(grammar, "timeout is out of range");
    grammar->timeout_ms = (int64_t)ms;
    return true;
}

/* `at` is where the number of keys stands. */
static bool pop_many(struct grammar *grammar, uint32_t at, bool waits)
{
    uint32_t flags = COMMAND_MPOP | COMMAND_COUNTED;
    int64_t key_count;
    int64_t count = -1;
    uint32_t where;

    if (!grammar_int_between(grammar, at, 1, INT64_MAX, "numkeys should be greater than 0",
                             &key_count))
        return false;
    if (key_count >= grammar->count - at - 1)
        return grammar_fail_syntax(grammar);
    where = at + (uint32_t)key_count + 1;
    if (grammar_at(grammar, where, "max"))
        flags |= COMMAND_MAX;
    else if (!grammar_at(grammar, where, "min"))
        return grammar_fail_syntax(grammar);
    for (uint32_t i = where + 1; i < grammar->count; i += 2) {
        if (count != -1 || i + 1 == grammar->count || !grammar_at(grammar, i, "count"))
            return grammar_fail_syntax(grammar);
        if (!grammar_int_between(grammar, i + 1, 1, INT64_MAX, "count should be greater than 0",
                                 &count))
            return false;
    }
    if ((waits && !read_timeout(grammar, 1)) || !grammar_check_keys(grammar, (uint64_t)key_count))
        return false;
    command_list_add(grammar->list, COMMAND_ZPOP, flags);
    grammar_put_keys(grammar, at + 1, where);
    command_list_int(grammar->list, count < 0 ? 1 : count);
    return true;
}

bool grammar_zmpop(struct grammar *grammar)
{
    return pop_many(grammar, 1, false);
}

bool grammar_bzmpop(struct grammar *grammar)
{
    return pop_many(grammar, 2, true);
}

static bool pop_waiting(struct grammar *grammar, uint32_t flags)
{
    if (!read_timeout(grammar, grammar->count - 1) ||
        !grammar_check_keys(grammar, grammar->count - 2))
        return false;
    command_list_add(grammar->list, COMMAND_ZPOP, flags | COMMAND_MPOP | COMMAND_COUNTED);
    grammar_put_keys(grammar, 1, grammar->count - 1);
    command_list_int(grammar->list, 1);
    grammar->shape = GRAMMAR_POPPED;
    return true;
}

bool grammar_bzpopmin(struct grammar *grammar)
{
    return pop_waiting(grammar, 0);
}

bool grammar_bzpopmax(struct grammar *grammar)
{
    return pop_waiting(grammar, COMMAND_MAX);
}
