// SPDX-License-Identifier: Apache-2.0
/* strategy_min.c - the smallest value. */
#include "strategy/strategy.h"

struct min_int_state {
    uint64_t count;
    int64_t value;
};

static void min_int_fold(const struct strategy_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        struct min_int_state *state = rows->states[i];

        if (state->count == 0 || rows->ints[i] < state->value)
            state->value = rows->ints[i];
        state->count++;
    }
}

static void min_int_merge(void *into, const void *from)
{
    struct min_int_state *state = into;
    const struct min_int_state *other = from;

    if (other->count > 0 && (state->count == 0 || other->value < state->value))
        state->value = other->value;
    state->count += other->count;
}

static struct value min_int_read(const void *from)
{
    const struct min_int_state *state = from;

    if (state->count == 0)
        return (struct value){VALUE_NONE, {.i = 0}};
    return (struct value){VALUE_INT, {.i = state->value}};
}

const struct strategy_ops strategy_min_int = {
    "min", sizeof(struct min_int_state), min_int_fold, min_int_merge, min_int_read,
};

struct min_float_state {
    uint64_t count;
    double value;
};

static void min_float_fold(const struct strategy_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        struct min_float_state *state = rows->states[i];

        if (state->count == 0 || rows->floats[i] < state->value)
            state->value = rows->floats[i];
        state->count++;
    }
}

static void min_float_merge(void *into, const void *from)
{
    struct min_float_state *state = into;
    const struct min_float_state *other = from;

    if (other->count > 0 && (state->count == 0 || other->value < state->value))
        state->value = other->value;
    state->count += other->count;
}

static struct value min_float_read(const void *from)
{
    const struct min_float_state *state = from;

    if (state->count == 0)
        return (struct value){VALUE_NONE, {.i = 0}};
    return (struct value){VALUE_FLOAT, {.f = state->value}};
}

const struct strategy_ops strategy_min_float = {
    "min", sizeof(struct min_float_state), min_float_fold, min_float_merge, min_float_read,
};
