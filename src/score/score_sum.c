// SPDX-License-Identifier: Apache-2.0
/*
 * score_sum.c - the sum of the values. An integer sum stays at the end of int64 that it runs into
 * until values of the other sign bring it back; a double likewise, and never becomes infinite.
 */
#include "score/score.h"

#include <float.h>

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

static void sum_fold(struct score_state *states, const struct score_row *rows, uint32_t count,
                     bool is_int)
{
    for (uint32_t i = 0; i < count; i++) {
        struct score_state *state = &states[rows[i].state];
        union score_value value = rows[i].value;

        if (state->fresh) {
            state->score = value;
            state->reached_ms = rows[i].event_ms;
            state->fresh = false;
            continue;
        }
        if (value.bits == 0)
            continue;
        if (is_int)
            state->score.i = add_ints(state->score.i, value.i);
        else
            state->score.f = add_floats(state->score.f, value.f);
        if (rows[i].event_ms > state->reached_ms)
            state->reached_ms = rows[i].event_ms;
    }
}

const struct score_strategy score_sum = {
    .name = "sum",
    .arg_count = 1,
    .fold = sum_fold,
};
