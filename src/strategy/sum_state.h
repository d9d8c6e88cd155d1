// SPDX-License-Identifier: Apache-2.0
/*
 * sum_state.h - the running sums that sum and avg share.
 *
 * Ints are summed in 128 bits and so never overflow. Floats are summed with Neumaier's
 * compensation (A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher
 * Summen", 1974), so that the order of rows changes the result by no more than about one unit in
 * the last place.
 */
#ifndef TALLYWHEEL_STRATEGY_SUM_STATE_H
#define TALLYWHEEL_STRATEGY_SUM_STATE_H

#include <math.h>
#include <stdint.h>

struct int_sum_state {
    uint64_t count;
    uint64_t low; /* the 128-bit sum, two's complement */
    int64_t high;
};

struct float_sum_state {
    uint64_t count;
    double sum;
    double lost; /* what rounding took from `sum` so far */
};

static inline void int_sum_add(struct int_sum_state *state, uint64_t low, int64_t high)
{
    state->high += high + (__builtin_add_overflow(state->low, low, &state->low) ? 1 : 0);
}

static inline double int_sum_double(const struct int_sum_state *state)
{
    return (double)((__int128)state->high * ((__int128)1 << 64) + (__int128)state->low);
}

static inline void float_sum_add(struct float_sum_state *state, double value)
{
    double sum = state->sum + value;

    if (fabs(state->sum) >= fabs(value))
        state->lost += (state->sum - sum) + value;
    else
        state->lost += (value - sum) + state->sum;
    state->sum = sum;
}

/* A sum that overflowed to infinity has NaN in `lost`: the infinity is the answer. */
static inline double float_sum_double(const struct float_sum_state *state)
{
    return isfinite(state->sum) ? state->sum + state->lost : state->sum;
}

struct strategy_rows;

/* The fold and merge slots of both strategies. */
void sum_state_fold_int(const struct strategy_rows *rows);
void sum_state_fold_float(const struct strategy_rows *rows);
void sum_state_merge_int(void *into, const void *from);
void sum_state_merge_float(void *into, const void *from);

#endif
