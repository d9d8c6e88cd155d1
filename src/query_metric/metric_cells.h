// SPDX-License-Identifier: Apache-2.0
/*
 * metric_cells.h - the part of a metric's answer that one partition has.
 *
 * A query asks for some of the metric's labels and lays steps over its panes. All records that
 * agree in those labels and lie in the same step are merged into one cell.
 *
 * The labels of a series never change, so which group it belongs to, or that it does not match, is
 * found out once and kept while the read lives: a watch looks at new series only.
 *
 * Thread: one owner at a time.
 */
#ifndef TALLYWHEEL_QUERY_METRIC_METRIC_CELLS_H
#define TALLYWHEEL_QUERY_METRIC_METRIC_CELLS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/definition.h"
#include "query/label_set.h"

struct metric;
struct strategy_ops;

/* A label must be equal to the value of one of its conditions, if it has any. */
struct metric_condition {
    uint32_t label; /* its position among the metric's */
    struct span value;
};

struct metric_query {
    uint32_t by_count;
    uint32_t by[BY_FIELDS_MAX]; /* positions among the metric's labels */
    struct metric_condition *conditions;
    uint32_t condition_count;
    int64_t step_ms;
};

struct metric_cell {
    int64_t bucket_ms; /* where its step begins */
    uint32_t group;
};

/* All zero but for `state_bytes` is empty. */
struct metric_cells {
    uint32_t state_bytes;
    /* Kept by clear. */
    struct label_set groups; /* encoded labels */
    uint32_t *series_groups; /* by series */
    uint32_t series_count;
    uint32_t series_capacity;
    uint32_t *matched; /* the series that match, if there are conditions */
    uint32_t matched_count;
    uint32_t matched_capacity;
    /* Dropped by clear. */
    struct metric_cell *cells;
    char *states;
    uint32_t cell_count;
    uint32_t cell_capacity;
    uint32_t *slots; /* cell + 1; 0 is free */
    uint32_t slot_count;
    int64_t *buckets; /* what metric_cells_latest found, newest first */
    uint32_t bucket_count;
};

void metric_cells_clear(struct metric_cells *cells);
void metric_cells_done(struct metric_cells *cells);

/* The state of a cell, new and empty if it is not there yet. Valid until the next one. */
void *metric_cells_get(struct metric_cells *cells, uint32_t group, int64_t bucket_ms);

static inline const void *metric_cells_state(const struct metric_cells *cells, uint32_t cell)
{
    return cells->states + (size_t)cell * cells->state_bytes;
}

/* Rounds down to a whole step, also before 1970. */
int64_t metric_cells_bucket(int64_t ms, int64_t step_ms);

/*
 * Finds the newest `count` steps in [start_ms, end_ms) in which series that match have data; fills
 * `buckets`.
 */
void metric_cells_latest(struct metric_cells *cells, const struct metric *metric,
                         const struct metric_query *query, int64_t start_ms, int64_t end_ms,
                         uint32_t count);

/* Fills cells from the panes that begin in [start_ms, end_ms); gives up beyond `cells_max`. */
void metric_cells_collect(struct metric_cells *cells, const struct metric *metric,
                          const struct metric_query *query, int64_t start_ms, int64_t end_ms,
                          uint32_t cells_max);

/* Adds the cells of another partition; gives up beyond `cells_max`. */
void metric_cells_merge(struct metric_cells *cells, const struct metric_cells *from,
                        const struct strategy_ops *ops, uint32_t cells_max);

/* Sorts times, newest first, and returns the `count`-th distinct one, or the last there is. */
int64_t metric_cells_newest(int64_t *times, uint32_t time_count, uint64_t count);

/* The cells in the order of labels and time, in new memory (to free). */
uint32_t *metric_cells_sort(const struct metric_cells *cells, uint32_t by_count);

#endif
