// SPDX-License-Identifier: Apache-2.0
/*
 * score_weighted_average.c - the sum of value times weight, divided by the sum of the weights.
 *
 * Extra state: both sums, compensated. Only weights above 0 have a meaning as such; a row with any
 * other is left out, unless it is the member's first: then the member stands at 0 until one with
 * a weight comes. Ints are taken as doubles, so beyond 2^53 they are rounded.
 */
#include "score/score.h"

#include <assert.h>

#include "score/score_total.h"

struct weighted_state {
    struct float_total values; /* times their weights */
    struct float_total weights;
};

static_assert(sizeof(struct weighted_state) <= SCORE_EXTRA_BYTES_MAX, "it fits the extra bytes");

static double mean_of(const struct weighted_state *weighted)
{
    double weights = float_total_double(weighted->weights);

    return weights > 0 ? score_tidy_double(float_total_double(weighted->values) / weights) : 0.0;
}

static void weighted_fold(const struct score_call *call, struct score_state *states,
                          const struct score_rows *rows)
{
    (void)call; /* always doubles */
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct score_row *row = &rows->rows[i];
        struct score_state *state = &states[row->state];
        struct weighted_state *weighted = (void *)state->extra;
        double weight = rows->more[row->more];
        bool counts = weight > 0;
        /* Where no weight has counted yet, the first that does sets reached. */
        bool begins = state->fresh || (counts && !(weighted->weights.sum > 0));

        if (counts) {
            float_total_add(&weighted->values, score_tidy_double(row->value.f * weight));
            float_total_add(&weighted->weights, weight);
        } else if (!state->fresh) {
            continue;
        }
        state->score.f = mean_of(weighted);
        if (begins || row->event_ms > state->reached_ms)
            state->reached_ms = row->event_ms;
        state->fresh = false;
    }
}

static void weighted_merge(const struct score_call *call, struct score_state *into,
                           const struct score_state *from)
{
    struct weighted_state *weighted = (void *)into->extra;
    const struct weighted_state *other = (const void *)from->extra;

    (void)call;
    float_total_add(&weighted->values, other->values.sum);
    weighted->values.lost += other->values.lost;
    float_total_add(&weighted->weights, other->weights.sum);
    weighted->weights.lost += other->weights.lost;
    into->score.f = mean_of(weighted);
    if (from->reached_ms > into->reached_ms)
        into->reached_ms = from->reached_ms;
}

const struct score_strategy score_weighted_average = {
    .name = "weighted_average",
    .usage = "weighted_average(f, weight)",
    .arg_min = 2,
    .arg_count = 2,
    .args = {SCORE_ARG_DOUBLE, SCORE_ARG_DOUBLE},
    .extra_bytes = sizeof(struct weighted_state),
    .can = SCORE_CAN_MERGE | SCORE_IS_DOUBLE,
    .fold = weighted_fold,
    .merge = weighted_merge,
    .subtract = score_subtract_unsupported,
    .show = score_show_same,
    .unshow = score_show_same,
};
