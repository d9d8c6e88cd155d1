// SPDX-License-Identifier: Apache-2.0
/*
 * strategy.h - how the values of a pane become a number.
 *
 * A strategy works on flat states of a fixed size, so that a pane is an array and a snapshot is a
 * write. Three rules keep every answer exact over partitions and out of order:
 *   - all bytes zero is the empty state;
 *   - fold takes rows in any order and gives the same state (but for rounding of float sums, which
 *     are compensated);
 *   - merge is associative and commutative, and merging is as good as having folded all rows.
 *
 * A strategy has one table for ints and one for floats, so that ints stay exact. Each lives in a
 * file of its own (strategy_sum.c, …); strategy.c is the registry by name.
 *
 * Thread: pure functions; any.
 */
#ifndef TALLYWHEEL_STRATEGY_STRATEGY_H
#define TALLYWHEEL_STRATEGY_STRATEGY_H

#include <stdbool.h>
#include <stdint.h>

#include "model/definition.h"
#include "model/value.h"

struct err;

/* Rows with a value, each with the state it belongs to. States may repeat. */
struct strategy_rows {
    uint32_t count;
    void *const *states;
    const int64_t *ints;     /* set for the int tables */
    const double *floats;    /* set for the float tables; never NaN */
    const int64_t *event_ms; /* for those that care which came first */
};

struct strategy_ops {
    const char *name;
    uint32_t state_bytes; /* a multiple of 8 */
    void (*fold)(const struct strategy_rows *rows);
    void (*merge)(void *into, const void *from);
    struct value (*read)(const void *state);
};

/* A strategy as a definition asked for it. */
struct strategy {
    const struct strategy_ops *ops;
    int32_t field;              /* the stream's field that holds the value, or -1: it takes none */
    enum field_type field_type; /* FIELD_INT or FIELD_FLOAT where there is a field */
};

/*
 * Resolves a call against a stream: "sum(points)". ERR_INVALID names the strategies there are,
 * the arguments they take, or the field that does not fit.
 */
int strategy_resolve(struct strategy *out_strategy, const struct call *call,
                     const struct stream_def *stream, struct err *err);

extern const struct strategy_ops strategy_count;
extern const struct strategy_ops strategy_sum_int;
extern const struct strategy_ops strategy_sum_float;
extern const struct strategy_ops strategy_avg_int;
extern const struct strategy_ops strategy_avg_float;
extern const struct strategy_ops strategy_min_int;
extern const struct strategy_ops strategy_min_float;
extern const struct strategy_ops strategy_max_int;
extern const struct strategy_ops strategy_max_float;
extern const struct strategy_ops strategy_last_int;
extern const struct strategy_ops strategy_last_float;

#endif
