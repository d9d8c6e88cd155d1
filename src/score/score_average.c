// SPDX-License-Identifier: Apache-2.0
/*
 * score_average.c - the mean of the values. Extra state: how many there were, and their total,
 * exact for ints and compensated for doubles (score_total.h). The score is a double, rounded from
 * the exact quotient of ints once or twice.
 */
#include "score/score.h"

#include <assert.h>

#include "score/score_total.h"

struct average_state {
    uint64_t count;
    union {
        struct int_total ints;
        struct float_total floats;
    };
};

static_assert(sizeof(struct average_state) <= SCORE_EXTRA_BYTES_MAX, "it fits the extra bytes");

static double mean_of(const struct score_call *call, const struct average_state *average)
{
    double total =
        call->value_is_int ? int_total_double(average->ints) : float_total_double(average->floats);

    return score_tidy_double(total / (double)average->count);
}

static void average_fold(const struct score_call *call, struct score_state *states,
                         const struct score_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct score_row *row = &rows->rows[i];
        struct score_state *state = &states[row->state];
        struct average_state *average = (void *)state->extra;

        average->count++;
        if (call->value_is_int)
            int_total_add(&average->ints, int_total_of(row->value.i));
        else
            float_total_add(&average->floats, row->value.f);
        state->score.f = mean_of(call, average);
        if (state->fresh || row->event_ms > state->reached_ms)
            state->reached_ms = row->event_ms;
        state->fresh = false;
    }
}

static void average_merge(const struct score_call *call, struct score_state *into,
                          const struct score_state *from)
{
    struct average_state *average = (void *)into->extra;
    const struct average_state *other = (const void *)from->extra;

    average->count += other->count;
    if (call->value_is_int) {
        int_total_add(&average->ints, other->ints);
    } else {
        float_total_add(&average->floats, other->floats.sum);
        average->floats.lost += other->floats.lost;
    }
    into->score.f = mean_of(call, average);
    if (from->reached_ms > into->reached_ms)
        into->reached_ms = from->reached_ms;
}

static bool average_subtract(const struct score_call *call, struct score_state *into,
                             const struct score_state *from)
{
    struct average_state *average = (void *)into->extra;
    const struct average_state *other = (const void *)from->extra;

    if (!call->value_is_int)
        return false;
    average->count -= other->count;
    int_total_subtract(&average->ints, other->ints);
    into->score.f = mean_of(call, average);
    return true;
}

const struct score_strategy score_average = {
    .name = "average",
    .usage = "average(f)",
    .arg_min = 1,
    .arg_count = 1,
    .args = {SCORE_ARG_FIELD},
    .extra_bytes = sizeof(struct average_state),
    .can = SCORE_CAN_MERGE | SCORE_IS_DOUBLE,
    .fold = average_fold,
    .merge = average_merge,
    .subtract = average_subtract,
    .show = score_show_same,
    .unshow = score_show_same,
};
