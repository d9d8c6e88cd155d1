// SPDX-License-Identifier: Apache-2.0
/*
 * board_ranges.c - pages of a defined board: ZCARD, ZCOUNT, ZRANGE and its relatives, ZDUMP.
 *
 * A range in the order of the board is one page of query/read_board_top.h. One in the other order
 * is a page too, turned around; where it begins depends on how many entries there are, so these
 * are counted first, unless all are wanted. (Entries that come in between move the page.)
 *
 * Thread: the worker's.
 */
#include <math.h>
#include <stdlib.h>

#include "model/reply.h"
#include "named/named_private.h"
#include "query_board/read_board_top.h"
#include "query/read.h"

/* ---- ranges of scores ---- */

static const struct board_range range_none = {.given = true, .nothing = true};

/* The least and the greatest integer within two bounds; false if there is none. */
static bool int_bounds(double low, bool low_out, double high, bool high_out, int64_t *out_low,
                       int64_t *out_high)
{
    const double beyond = 9223372036854775808.0;

    low = low_out && low == floor(low) && fabs(low) < 9007199254740992.0 ? low + 1 : ceil(low);
    high =
        high_out && high == ceil(high) && fabs(high) < 9007199254740992.0 ? high - 1 : floor(high);
    if (low >= beyond || high < -beyond || low > high)
        return false;
    *out_low = low < -beyond ? INT64_MIN : (int64_t)low;
    *out_high = high >= beyond ? INT64_MAX : (int64_t)high;
    if (low_out && fabs(low) >= 9007199254740992.0 && low >= -beyond && (*out_low)++ == INT64_MAX)
        return false;
    if (high_out && fabs(high) >= 9007199254740992.0 && high < beyond && (*out_high)-- == INT64_MIN)
        return false;
    return *out_low <= *out_high;
}

static enum command_bound bound_of(const struct named_call *call, uint32_t index)
{
    return (enum command_bound)call_arg(call, index).data[0];
}

/* The bounds of arguments 1 to 4. */
static struct board_range score_range(const struct named_call *call)
{
    bool low_out = bound_of(call, 1) == COMMAND_BOUND_EXCLUSIVE;
    bool high_out = bound_of(call, 3) == COMMAND_BOUND_EXCLUSIVE;
    double low = command_arg_score(&call->list, call_command(call), 2);
    double high = command_arg_score(&call->list, call_command(call), 4);
    struct value low_value = {.type = VALUE_FLOAT, .f = low};
    struct value high_value = {.type = VALUE_FLOAT, .f = high};
    bool desc = call->order == BOARD_DESC;
    struct board_bound best, worst;

    if (call->is_int) {
        low_value.type = high_value.type = VALUE_INT;
        if (!int_bounds(low, low_out, high, high_out, &low_value.i, &high_value.i))
            return range_none;
        low_out = high_out = false;
    }
    best = worst = (struct board_bound){true, low_out, low_value};
    *(desc ? &best : &worst) = (struct board_bound){true, high_out, high_value};
    return (struct board_range){.given = true, .best = best, .worst = worst};
}

/* ---- counts ---- */

static void on_count(struct named_call *call, struct read *read)
{
    struct board_page page;

    read_board_top_get(read, &page);
    reply_int(&call->out, (int64_t)page.within);
    read_free(read);
    named_finish(call);
}

void board_ranges_zcard(struct named_call *call)
{
    named_ask(call, read_board_top_new(&call->place, NULL, 0, 0), on_count);
}

void board_ranges_zcount(struct named_call *call)
{
    struct board_range range = score_range(call);

    named_ask(call, read_board_top_new(&call->place, &range, 0, 0), on_count);
}

/* ---- pages ---- */

static void put_entry(struct bytes *out, struct read *read, const struct entry_item *item,
                      bool scores)
{
    reply_bulk(out, item->key.member);
    if (scores)
        named_put_score(out, named_shown(read, item->score));
}

static void on_page(struct named_call *call, struct read *read)
{
    bool scores = call_has(call, COMMAND_WITHSCORES);
    bool forward = call_is_forward(call);
    struct board_page page;

    read_board_top_get(read, &page);
    reply_aggregate(&call->out, scores ? REPLY_PAIRS : REPLY_ARRAY, page.count);
    for (uint32_t i = 0; i < page.count; i++)
        put_entry(&call->out, read, &page.items[forward ? i : page.count - 1 - i], scores);
    read_free(read);
    named_finish(call);
}

/* `count` entries in the order asked for, after `from` others of `total`. */
static void ask_page(struct named_call *call, const struct board_range *range, uint64_t from,
                     uint64_t count, uint64_t total)
{
    if (from >= total)
        count = 0;
    else if (count > total - from)
        count = total - from;
    if (count == 0) {
        reply_aggregate(&call->out, call_has(call, COMMAND_WITHSCORES) ? REPLY_PAIRS : REPLY_ARRAY,
                        0);
        named_finish(call);
        return;
    }
    if (!call_is_forward(call))
        from = total - from - count;
    if (named_again(call))
        named_ask(
            call,
            read_board_top_new(&call->place, range, from,
                               count < READ_BOARD_TOP_ALL ? (uint32_t)count : READ_BOARD_TOP_ALL),
            on_page);
}

/* ZRANGE by rank: the size is known. */
static void on_size(struct named_call *call, struct read *read)
{
    int64_t start = call_int(call, 2);
    int64_t stop = call_int(call, 4);
    struct board_page page;
    int64_t size;

    read_board_top_get(read, &page);
    read_free(read);
    size = (int64_t)page.size;
    start = start < 0 ? start + size : start;
    stop = stop < 0 ? stop + size : stop;
    start = start < 0 ? 0 : start;
    stop = stop >= size ? size - 1 : stop;
    ask_page(call, NULL, (uint64_t)start, stop < start ? 0 : (uint64_t)(stop - start + 1),
             page.size);
}

static void range_by_rank(struct named_call *call)
{
    int64_t start = call_int(call, 2);
    int64_t stop = call_int(call, 4);

    if (start == 0 && stop == -1)
        named_ask(call, read_board_top_new(&call->place, NULL, 0, READ_BOARD_TOP_ALL), on_page);
    else if (start >= 0 && stop >= start && call_is_forward(call))
        ask_page(call, NULL, (uint64_t)start,
                 stop - start < READ_BOARD_TOP_ALL ? (uint64_t)(stop - start + 1)
                                                   : READ_BOARD_TOP_ALL,
                 UINT64_MAX);
    else
        named_ask(call, read_board_top_new(&call->place, NULL, 0, 0), on_size);
}

/* ZRANGE by score, backwards: how many are in the range is known. */
static void on_within(struct named_call *call, struct read *read)
{
    struct board_range range = score_range(call);
    int64_t limit = call_int(call, 6);
    struct board_page page;

    read_board_top_get(read, &page);
    read_free(read);
    ask_page(call, &range, (uint64_t)call_int(call, 5), limit < 0 ? UINT64_MAX : (uint64_t)limit,
             page.within);
}

static void range_by_score(struct named_call *call)
{
    struct board_range range = score_range(call);
    int64_t offset = call_int(call, 5);
    int64_t limit = call_int(call, 6);

    if (offset < 0 || limit == 0)
        ask_page(call, &range, 0, 0, 0);
    else if (offset == 0 && limit < 0)
        named_ask(call, read_board_top_new(&call->place, &range, 0, READ_BOARD_TOP_ALL), on_page);
    else if (call_is_forward(call))
        ask_page(call, &range, (uint64_t)offset,
                 limit < 0 || limit > READ_BOARD_TOP_ALL ? READ_BOARD_TOP_ALL : (uint64_t)limit,
                 UINT64_MAX);
    else
        named_ask(call, read_board_top_new(&call->place, &range, 0, 0), on_within);
}

void board_ranges_zrange(struct named_call *call)
{
    if (call_has(call, COMMAND_BY_SCORE))
        range_by_score(call);
    else
        range_by_rank(call);
}

/* ---- for commands over several keys ---- */

static void on_dump(struct named_call *call, struct read *read)
{
    struct board_page page;

    read_board_top_get(read, &page);
    if (page.count == 0) {
        reply_null(&call->out);
    } else {
        reply_aggregate(&call->out, REPLY_ARRAY, 2);
        reply_int(&call->out, 0); /* no deadline */
        reply_aggregate(&call->out, REPLY_PAIRS, page.count);
        for (uint32_t i = page.count; i-- > 0;) {
            struct value score = named_shown(read, page.items[i].score);

            reply_bulk(&call->out, page.items[i].key.member);
            reply_double(&call->out, score.type == VALUE_INT ? (double)score.i : score.f);
        }
    }
    read_free(read);
    named_finish(call);
}

/* As one set of doubles, as what is made of it will be. */
void board_ranges_zdump(struct named_call *call)
{
    named_ask(call, read_board_top_new(&call->place, NULL, 0, READ_BOARD_TOP_ALL), on_dump);
}
