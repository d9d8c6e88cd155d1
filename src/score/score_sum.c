// SPDX-License-Identifier: Apache-2.0
/*
 * score_sum.c - the sum of the values. An integer sum stays at the end of int64 that it runs into
 * until values of the other sign bring it back; a double likewise, and never becomes infinite.
 */
#include "score/score.h"

#include <float.h>

/* Sums of panes that are all smaller than this add up without reaching the end of int64. */
#define SMALL ((int64_t)1 << 48)

static int64_t add_ints(int64_t a, int64_t b)
{
    int64_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return b < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

static double add_floats(double a, double b)
{
    double sum = a + b;

    if (sum > DBL_MAX)
        return DBL_MAX;
    return sum < -DBL_MAX ? -DBL_MAX : sum;
}

static void sum_fold(const struct score_call *call, struct score_state *states,
                     const struct score_rows *rows)
{
    bool is_int = call->is_int;

    for (uint32_t i = 0; i < rows->count; i++) {
        const struct score_row *row = &rows->rows[i];
        struct score_state *state = &states[row->state];
        union score_value value = row->value;

        if (state->fresh) {
            state->score = value;
            state->reached_ms = row->event_ms;
            state->fresh = false;
            continue;
        }
        if (value.bits == 0)
            continue;
        if (is_int)
            state->score.i = add_ints(state->score.i, value.i);
        else
            state->score.f = add_floats(state->score.f, value.f);
        if (row->event_ms > state->reached_ms)
            state->reached_ms = row->event_ms;
    }
}

static void sum_merge(const struct score_call *call, struct score_state *into,
                      const struct score_state *from)
{
    if (call->is_int)
        into->score.i = add_ints(into->score.i, from->score.i);
    else
        into->score.f = add_floats(into->score.f, from->score.f);
    if (from->reached_ms > into->reached_ms)
        into->reached_ms = from->reached_ms;
}

static bool is_small(int64_t value)
{
    return value > -SMALL && value < SMALL;
}

/* Ints only, and none that may have met the end of their type on the way. */
static bool sum_subtract(const struct score_call *call, struct score_state *into,
                         const struct score_state *from)
{
    if (!call->is_int || !is_small(into->score.i) || !is_small(from->score.i))
        return false;
    into->score.i -= from->score.i;
    return true;
}

const struct score_strategy score_sum = {
    .name = "sum",
    .usage = "sum(f)",
    .arg_min = 1,
    .arg_count = 1,
    .args = {SCORE_ARG_FIELD},
    .can = SCORE_CAN_MERGE,
    .fold = sum_fold,
    .merge = sum_merge,
    .subtract = sum_subtract,
    .show = score_show_same,
    .unshow = score_show_same,
};
