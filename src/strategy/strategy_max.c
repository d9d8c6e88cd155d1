// SPDX-License-Identifier: Apache-2.0
/* strategy_max.c - the largest value. */
#include "strategy/strategy.h"

struct max_int_state {
    uint64_t count;
    int64_t value;
};

static void max_int_fold(const struct strategy_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        struct max_int_state *state = rows->states[i];

        if (state->count == 0 || rows->ints[i] > state->value)
            state->value = rows->ints[i];
        state->count++;
    }
}

static void max_int_merge(void *into, const void *from)
{
    struct max_int_state *state = into;
    const struct max_int_state *other = from;

    if (other->count > 0 && (state->count == 0 || other->value > state->value))
        state->value = other->value;
    state->count += other->count;
}

static struct value max_int_read(const void *from)
{
    const struct max_int_state *state = from;

    if (state->count == 0)
        return (struct value){VALUE_NONE, {.i = 0}};
    return (struct value){VALUE_INT, {.i = state->value}};
}

const struct strategy_ops strategy_max_int = {
    "max", sizeof(struct max_int_state), max_int_fold, max_int_merge, max_int_read,
};

struct max_float_state {
    uint64_t count;
    double value;
};

static void max_float_fold(const struct strategy_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        struct max_float_state *state = rows->states[i];

        if (state->count == 0 || rows->floats[i] > state->value)
            state->value = rows->floats[i];
        state->count++;
    }
}

static void max_float_merge(void *into, const void *from)
{
    struct max_float_state *state = into;
    const struct max_float_state *other = from;

    if (other->count > 0 && (state->count == 0 || other->value > state->value))
        state->value = other->value;
    state->count += other->count;
}

static struct value max_float_read(const void *from)
{
    const struct max_float_state *state = from;

    if (state->count == 0)
        return (struct value){VALUE_NONE, {.i = 0}};
    return (struct value){VALUE_FLOAT, {.f = state->value}};
}

const struct strategy_ops strategy_max_float = {
    "max", sizeof(struct max_float_state), max_float_fold, max_float_merge, max_float_read,
};
