// SPDX-License-Identifier: Apache-2.0
/* strategy_avg.c - the mean: the sum of sum_state.h over its count. */
#include "strategy/strategy.h"
#include "strategy/sum_state.h"

static struct value avg_int_read(const void *from)
{
    const struct int_sum_state *state = from;

    if (state->count == 0)
        return (struct value){VALUE_NONE, {.i = 0}};
    return (struct value){VALUE_FLOAT, {.f = int_sum_double(state) / (double)state->count}};
}

static struct value avg_float_read(const void *from)
{
    const struct float_sum_state *state = from;

    if (state->count == 0)
        return (struct value){VALUE_NONE, {.i = 0}};
    return (struct value){VALUE_FLOAT, {.f = float_sum_double(state) / (double)state->count}};
}

const struct strategy_ops strategy_avg_int = {
    "avg", sizeof(struct int_sum_state), sum_state_fold_int, sum_state_merge_int, avg_int_read,
};
const struct strategy_ops strategy_avg_float = {
    "avg",          sizeof(struct float_sum_state), sum_state_fold_float, sum_state_merge_float,
    avg_float_read,
};
