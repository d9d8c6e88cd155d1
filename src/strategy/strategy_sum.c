// SPDX-License-Identifier: Apache-2.0
/* strategy_sum.c - the sum; exact for ints, compensated for floats. */
#include "strategy/strategy.h"
#include "strategy/sum_state.h"

static struct value sum_int_read(const void *from)
{
    const struct int_sum_state *state = from;
    struct value none = {VALUE_NONE, {.i = 0}};

    if (state->count == 0)
        return none;
    if (state->high == ((int64_t)state->low < 0 ? -1 : 0))
        return (struct value){VALUE_INT, {.i = (int64_t)state->low}};
    return (struct value){VALUE_FLOAT, {.f = int_sum_double(state)}};
}

static struct value sum_float_read(const void *from)
{
    const struct float_sum_state *state = from;

    if (state->count == 0)
        return (struct value){VALUE_NONE, {.i = 0}};
    return (struct value){VALUE_FLOAT, {.f = float_sum_double(state)}};
}

const struct strategy_ops strategy_sum_int = {
    "sum", sizeof(struct int_sum_state), sum_state_fold_int, sum_state_merge_int, sum_int_read,
};
const struct strategy_ops strategy_sum_float = {
    "sum",          sizeof(struct float_sum_state), sum_state_fold_float, sum_state_merge_float,
    sum_float_read,
};
