// SPDX-License-Identifier: Apache-2.0
/*
 * metric.h - one metric on one partition: panes of aggregate states, a state per series.
 *
 * A pane is the slice [number * every, (number + 1) * every) of event time. It holds a record for
 * each series that has rows in it: {series, link to the series' next older record, state}. Records
 * live in arenas, in blocks that belong to a pane: a pane's blocks grow from 4 records to 2048, so
 * that both a pane of one series and a pane of a million are compact, a pane is read in memory
 * order, and dropping it gives its blocks back.
 *
 * A series' records are a list, newest pane first; its head is found by series id. Rows that come
 * in order find their record in one step, a late row walks as many steps as it is panes late.
 *
 * Panes are closed by the watermark, never by the clock: whoever reads decides what is final.
 *
 * Thread: the partition's.
 */
#ifndef TALLYWHEEL_METRIC_METRIC_H
#define TALLYWHEEL_METRIC_METRIC_H

#include <stdint.h>

#include "metric/metric_table.h"
#include "strategy/strategy.h"
#include "model/definition.h"

struct batch;

struct metric {
    struct metric_def def;
    struct strategy strategy;
    struct metric_table *table; /* shared; the partition's */
    uint32_t state_offset;      /* of its state in a record */
    /* Scratch of metric_fold. */
    uint32_t row_capacity;
    void **states;
    double *floats;
    int64_t *ints;
    int64_t *times;
};

/* Joins `table`, which is open; its grouping, width and keep are those of `def`. */
void metric_init(struct metric *metric, const struct metric_def *def,
                 const struct strategy *strategy, struct metric_table *table);
void metric_done(struct metric *metric);

/* Folds the rows that metric_table_fold has just found the records of. */
void metric_fold(struct metric *metric, const struct batch *batch, const uint32_t *rows,
                 uint32_t row_count);

/* One record of a scan. `state` is the strategy's. */
typedef void metric_visit_fn(void *context, uint32_t series, int64_t pane_start_ms,
                             const void *state);

/*
 * Visits every record of the panes that start in [start_ms, end_ms), pane by pane in order of
 * time.
 */
void metric_scan(const struct metric *metric, int64_t start_ms, int64_t end_ms,
                 metric_visit_fn *visit, void *context);

/* The same for one series, newest pane first. */
void metric_scan_series(const struct metric *metric, uint32_t series, int64_t start_ms,
                        int64_t end_ms, metric_visit_fn *visit, void *context);

/* A hash of all records, their labels and states: equal for two folds of one journal. */
uint64_t metric_hash(const struct metric *metric);

/* Without the table's. */
uint64_t metric_bytes(const struct metric *metric);

#endif
