// SPDX-License-Identifier: Apache-2.0
/*
 * grammar_range.c - everything that has a lower and an upper bound.
 *
 * ZRANGE and its older relatives are one grammar: what the name fixes can no longer be said by an
 * option. With REV the greater bound of scores and members comes first; ranks stay as they are.
 *
 * Thread: plain functions; any.
 */
#include "grammar/grammar_private.h"

#define BY_ANY (COMMAND_BY_RANK | COMMAND_BY_SCORE | COMMAND_BY_LEX)

static const char not_a_float[] = "min or max is not a float";
static const char not_a_member[] = "min or max not valid string range item";

struct range {
    uint32_t flags;
    int64_t offset;
    int64_t limit; /* -1: all */
    int64_t start; /* by rank */
    int64_t end;
    struct grammar_bound low;
    struct grammar_bound high;
};

/* Words `at` and `at` + 1. */
static bool read_bounds(struct grammar *grammar, uint32_t at, struct range *range)
{
    bool swapped = (range->flags & COMMAND_REV) != 0;
    struct span low;
    struct span high;

    if ((range->flags & COMMAND_BY_RANK) != 0)
        return grammar_int(grammar, at, &range->start) && grammar_int(grammar, at + 1, &range->end);
    low = grammar->args[at + swapped];
    high = grammar->args[at + !swapped];
    if ((range->flags & COMMAND_BY_SCORE) != 0)
        return (grammar_score_bound(low, &range->low) && grammar_score_bound(high, &range->high)) ||
               grammar_fail(grammar, not_a_float);
    return (grammar_lex_bound(low, &range->low) && grammar_lex_bound(high, &range->high)) ||
           grammar_fail(grammar, not_a_member);
}

static void put_bounds(struct grammar *grammar, const struct range *range)
{
    if ((range->flags & COMMAND_BY_RANK) != 0) {
        grammar_put_rank_bound(grammar, range->start);
        grammar_put_rank_bound(grammar, range->end);
    } else if ((range->flags & COMMAND_BY_SCORE) != 0) {
        grammar_put_score_bound(grammar, &range->low);
        grammar_put_score_bound(grammar, &range->high);
    } else {
        grammar_put_lex_bound(grammar, &range->low);
        grammar_put_lex_bound(grammar, &range->high);
    }
}

/* The options from word `at` on. `by_free`, `rev_free`: the name has not fixed them. */
static bool read_options(struct grammar *grammar, uint32_t at, bool store, bool by_free,
                         bool rev_free, struct range *range)
{
    for (; at < grammar->count; at++) {
        bool by_known = !by_free || (range->flags & BY_ANY) != 0;
        bool rev_known = !rev_free || (range->flags & COMMAND_REV) != 0;

        if (!store && grammar_at(grammar, at, "withscores")) {
            range->flags |= COMMAND_WITHSCORES;
        } else if (at + 2 < grammar->count && grammar_at(grammar, at, "limit")) {
            if (!grammar_int(grammar, at + 1, &range->offset) ||
                !grammar_int(grammar, at + 2, &range->limit))
                return false;
            at += 2;
        } else if (!rev_known && grammar_at(grammar, at, "rev")) {
            range->flags |= COMMAND_REV;
        } else if (!by_known && grammar_at(grammar, at, "bylex")) {
            range->flags |= COMMAND_BY_LEX;
        } else if (!by_known && grammar_at(grammar, at, "byscore")) {
            range->flags |= COMMAND_BY_SCORE;
        } else {
            return grammar_fail_syntax(grammar);
        }
    }
    return true;
}

/* `at` is where the first bound stands. `fixed` are the flags that the name says. */
static bool read_range(struct grammar *grammar, uint32_t at, bool store, uint32_t fixed,
                       bool rev_free, struct range *range)
{
    *range = (struct range){.flags = fixed, .limit = -1};
    if (!read_options(grammar, at + 2, store, (fixed & BY_ANY) == 0, rev_free, range))
        return false;
    if ((range->flags & BY_ANY) == 0)
        range->flags |= COMMAND_BY_RANK;
    if (range->limit != -1 && (range->flags & COMMAND_BY_RANK) != 0)
        return grammar_fail(grammar, "syntax error, LIMIT is only supported in combination with "
                                     "either BYSCORE or BYLEX");
    if ((range->flags & COMMAND_WITHSCORES) != 0 && (range->flags & COMMAND_BY_LEX) != 0)
        return grammar_fail(grammar, "syntax error, WITHSCORES not supported in combination with "
                                     "BYLEX");
    if ((range->flags & COMMAND_BY_RANK) != 0)
        range->offset = 0; /* LIMIT n -1 is no limit, and an offset without one says nothing */
    return read_bounds(grammar, at, range);
}

static bool put_range(struct grammar *grammar, uint32_t fixed, bool rev_free)
{
    struct range range;

    if (!read_range(grammar, 2, false, fixed, rev_free, &range))
        return false;
    grammar_put(grammar, COMMAND_ZRANGE, range.flags);
    put_bounds(grammar, &range);
    command_list_int(grammar->list, range.offset);
    command_list_int(grammar->list, range.limit);
    return true;
}

bool grammar_zrange(struct grammar *grammar)
{
    return put_range(grammar, 0, true);
}

bool grammar_zrangebylex(struct grammar *grammar)
{
    return put_range(grammar, COMMAND_BY_LEX, false);
}

bool grammar_zrangebyscore(struct grammar *grammar)
{
    return put_range(grammar, COMMAND_BY_SCORE, false);
}

bool grammar_zrevrange(struct grammar *grammar)
{
    return put_range(grammar, COMMAND_BY_RANK | COMMAND_REV, false);
}

bool grammar_zrevrangebylex(struct grammar *grammar)
{
    return put_range(grammar, COMMAND_BY_LEX | COMMAND_REV, false);
}

bool grammar_zrevrangebyscore(struct grammar *grammar)
{
    return put_range(grammar, COMMAND_BY_SCORE | COMMAND_REV, false);
}

bool grammar_zrangestore(struct grammar *grammar)
{
    struct range range;

    if (!read_range(grammar, 3, true, 0, true, &range))
        return false;
    command_list_add(grammar->list, COMMAND_ZRANGESTORE, range.flags);
    grammar_put_keys(grammar, 1, 3);
    put_bounds(grammar, &range);
    command_list_int(grammar->list, range.offset);
    command_list_int(grammar->list, range.limit);
    return true;
}

/* Key, low and high are all there is. */
static bool put_plain(struct grammar *grammar, enum command_op op, uint32_t flags)
{
    struct range range = {.flags = flags};

    if (!read_bounds(grammar, 2, &range))
        return false;
    grammar_put(grammar, op, flags);
    put_bounds(grammar, &range);
    return true;
}

bool grammar_zcount(struct grammar *grammar)
{
    return put_plain(grammar, COMMAND_ZCOUNT, COMMAND_BY_SCORE);
}

bool grammar_zlexcount(struct grammar *grammar)
{
    return put_plain(grammar, COMMAND_ZCOUNT, COMMAND_BY_LEX);
}

bool grammar_zremrangebylex(struct grammar *grammar)
{
    return put_plain(grammar, COMMAND_ZREMRANGE, COMMAND_BY_LEX);
}

bool grammar_zremrangebyrank(struct grammar *grammar)
{
    return put_plain(grammar, COMMAND_ZREMRANGE, COMMAND_BY_RANK);
}

bool grammar_zremrangebyscore(struct grammar *grammar)
{
    return put_plain(grammar, COMMAND_ZREMRANGE, COMMAND_BY_SCORE);
}
