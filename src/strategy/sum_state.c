// SPDX-License-Identifier: Apache-2.0
/* sum_state.c - see sum_state.h. */
#include "strategy/sum_state.h"

#include "strategy/strategy.h"

void sum_state_fold_int(const struct strategy_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        struct int_sum_state *state = rows->states[i];

        state->count++;
        int_sum_add(state, (uint64_t)rows->ints[i], rows->ints[i] < 0 ? -1 : 0);
    }
}

void sum_state_merge_int(void *into, const void *from)
{
    struct int_sum_state *state = into;
    const struct int_sum_state *other = from;

    state->count += other->count;
    int_sum_add(state, other->low, other->high);
}

void sum_state_fold_float(const struct strategy_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        struct float_sum_state *state = rows->states[i];

        state->count++;
        float_sum_add(state, rows->floats[i]);
    }
}

void sum_state_merge_float(void *into, const void *from)
{
    struct float_sum_state *state = into;
    const struct float_sum_state *other = from;

    state->count += other->count;
    float_sum_add(state, other->sum);
    state->lost += other->lost;
}
