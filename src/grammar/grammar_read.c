// SPDX-License-Identifier: Apache-2.0
/*
 * grammar_read.c - reads of one sorted set by member: scores, ranks, neighbours, scans.
 *
 * Thread: plain functions; any.
 */
#include "grammar/grammar_private.h"

bool grammar_zcard(struct grammar *grammar)
{
    grammar_put(grammar, COMMAND_ZCARD, 0);
    return true;
}

bool grammar_zscore(struct grammar *grammar)
{
    grammar_put(grammar, COMMAND_ZSCORE, 0);
    grammar_put_args(grammar, 2, 3);
    return true;
}

bool grammar_zmscore(struct grammar *grammar)
{
    grammar_put(grammar, COMMAND_ZSCORE, COMMAND_COUNTED);
    grammar_put_args(grammar, 2, grammar->count);
    return true;
}

static bool put_rank(struct grammar *grammar, uint32_t flags)
{
    if (grammar->count > 4)
        return grammar_fail_arity(grammar);
    if (grammar->count == 4) {
        if (!grammar_at(grammar, 3, "withscore"))
            return grammar_fail_syntax(grammar);
        flags |= COMMAND_WITHSCORES;
    }
    grammar_put(grammar, COMMAND_ZRANK, flags);
    grammar_put_args(grammar, 2, 3);
    return true;
}

bool grammar_zrank(struct grammar *grammar)
{
    return put_rank(grammar, 0);
}

bool grammar_zrevrank(struct grammar *grammar)
{
    return put_rank(grammar, COMMAND_REV);
}

bool grammar_zrandmember(struct grammar *grammar)
{
    uint32_t flags = 0;
    int64_t count = 1;

    if (grammar->count > 2) {
        if (!grammar_int(grammar, 2, &count))
            return false;
        if (count == INT64_MIN)
            return grammar_fail(grammar, "value is out of range, value must between "
                                         "-9223372036854775807 and 9223372036854775807");
        flags |= COMMAND_COUNTED;
        if (grammar->count > 4 || (grammar->count == 4 && !grammar_at(grammar, 3, "withscores")))
            return grammar_fail_syntax(grammar);
        if (grammar->count == 4) {
            if (count < -(INT64_MAX / 2) || count > INT64_MAX / 2)
                return grammar_fail(grammar, "value is out of range");
            flags |= COMMAND_WITHSCORES;
        }
    }
    grammar_put(grammar, COMMAND_ZRANDMEMBER, flags);
    command_list_int(grammar->list, count);
    return true;
}

/*
 * Redis looks at the key before it looks at the options: of a key that is not there, wrong ones are
 * never noticed. So what is wrong is only said if the key has members.
 */
static bool put_scan_refused(struct grammar *grammar, size_t error_at)
{
    bool syntax = memmem(grammar->error->data + error_at, grammar->error->size - error_at, "syntax",
                         6) != NULL;

    grammar->error->size = error_at;
    grammar->shape = syntax ? GRAMMAR_ZSCAN_SYNTAX : GRAMMAR_ZSCAN_NUMBER;
    grammar_put(grammar, COMMAND_ZCARD, 0);
    return true;
}

bool grammar_zscan(struct grammar *grammar)
{
    size_t error_at = grammar->error->size;
    struct span pattern = {"", 0};
    int64_t count = 10;
    uint64_t cursor;

    if (!grammar_cursor_read(grammar->args[2], &cursor))
        return grammar_fail(grammar, "invalid cursor");
    if (!grammar_scan_options(grammar, 3, &count, &pattern, NULL))
        return put_scan_refused(grammar, error_at);
    grammar_put(grammar, COMMAND_ZSCAN, 0);
    command_list_int(grammar->list, (int64_t)cursor);
    command_list_int(grammar->list, count);
    command_list_arg(grammar->list, pattern);
    return true;
}

/* TW.AROUND key member n [REV] */
bool grammar_tw_around(struct grammar *grammar)
{
    uint32_t flags = 0;
    int64_t count;

    if (!grammar_int_between(grammar, 3, 0, INT64_MAX, "value is out of range, must be positive",
                             &count))
        return false;
    if (grammar->count > 5 || (grammar->count == 5 && !grammar_at(grammar, 4, "rev")))
        return grammar_fail_syntax(grammar);
    if (grammar->count == 5)
        flags |= COMMAND_REV;
    grammar_put(grammar, COMMAND_TW_AROUND, flags);
    grammar_put_args(grammar, 2, 3);
    command_list_int(grammar->list, count);
    return true;
}

/* TW.AMONG key nummembers member [member ...] [REV] */
bool grammar_tw_among(struct grammar *grammar)
{
    uint32_t flags = 0;
    int64_t count;
    uint32_t end;

    if (!grammar_int_between(grammar, 2, 1, INT64_MAX, "nummembers should be greater than 0",
                             &count))
        return false;
    if (count > grammar->count - 3)
        return grammar_fail_syntax(grammar);
    end = 3 + (uint32_t)count;
    if (grammar->count > end + 1 || (grammar->count == end + 1 && !grammar_at(grammar, end, "rev")))
        return grammar_fail_syntax(grammar);
    if (grammar->count == end + 1)
        flags |= COMMAND_REV;
    grammar_put(grammar, COMMAND_TW_AMONG, flags);
    grammar_put_args(grammar, 3, end);
    return true;
}
