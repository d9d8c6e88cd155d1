// SPDX-License-Identifier: Apache-2.0
/*
 * strategy_last.c - the value of the latest event time.
 *
 * Among values of the same event time the greatest wins: any rule that depended on arrival would
 * make the answer depend on which partition a row went to.
 */
#include "strategy/strategy.h"

struct last_int_state {
    uint64_t count;
    int64_t event_ms;
    int64_t value;
};

static void last_int_take(struct last_int_state *state, int64_t event_ms, int64_t value)
{
    if (state->count > 0 &&
        (event_ms < state->event_ms || (event_ms == state->event_ms && value <= state->value)))
        return;
    state->event_ms = event_ms;
    state->value = value;
}

static void last_int_fold(const struct strategy_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        struct last_int_state *state = rows->states[i];

        last_int_take(state, rows->event_ms[i], rows->ints[i]);
        state->count++;
    }
}

static void last_int_merge(void *into, const void *from)
{
    struct last_int_state *state = into;
    const struct last_int_state *other = from;

    if (other->count > 0)
        last_int_take(state, other->event_ms, other->value);
    state->count += other->count;
}

static struct value last_int_read(const void *from)
{
    const struct last_int_state *state = from;

    if (state->count == 0)
        return (struct value){VALUE_NONE, {.i = 0}};
    return (struct value){VALUE_INT, {.i = state->value}};
}

const struct strategy_ops strategy_last_int = {
    "last", sizeof(struct last_int_state), last_int_fold, last_int_merge, last_int_read,
};

struct last_float_state {
    uint64_t count;
    int64_t event_ms;
    double value;
};

static void last_float_take(struct last_float_state *state, int64_t event_ms, double value)
{
    if (state->count > 0 &&
        (event_ms < state->event_ms || (event_ms == state->event_ms && value <= state->value)))
        return;
    state->event_ms = event_ms;
    state->value = value;
}

static void last_float_fold(const struct strategy_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        struct last_float_state *state = rows->states[i];

        last_float_take(state, rows->event_ms[i], rows->floats[i]);
        state->count++;
    }
}

static void last_float_merge(void *into, const void *from)
{
    struct last_float_state *state = into;
    const struct last_float_state *other = from;

    if (other->count > 0)
        last_float_take(state, other->event_ms, other->value);
    state->count += other->count;
}

static struct value last_float_read(const void *from)
{
    const struct last_float_state *state = from;

    if (state->count == 0)
        return (struct value){VALUE_NONE, {.i = 0}};
    return (struct value){VALUE_FLOAT, {.f = state->value}};
}

const struct strategy_ops strategy_last_float = {
    "last", sizeof(struct last_float_state), last_float_fold, last_float_merge, last_float_read,
};
