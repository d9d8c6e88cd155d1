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

#include "base/arena.h"
#include "metric/pane.h"
#include "strategy/strategy.h"
#include "model/definition.h"

struct batch;
struct grouping;

struct metric {
    struct metric_def def;
    struct strategy strategy;
    struct grouping *grouping; /* shared; the partition's */
    struct pane_store panes;
    struct arena heads;    /* struct pane_head by series id */
    uint64_t dropped_rows; /* too old: their pane has been dropped already */
    /* Scratch of metric_fold. */
    uint32_t scratch_capacity;
    int64_t *numbers;
    uint32_t *records;
    void **states;
    double *floats;
    int64_t *ints;
    int64_t *times;
};

void metric_init(struct metric *metric, const struct metric_def *def,
                 const struct strategy *strategy, struct grouping *grouping);
void metric_done(struct metric *metric);

/*
 * Folds the `row_count` rows of `batch` that `rows` lists; `series` are their series, as
 * grouping_fold gave them.
 */
void metric_fold(struct metric *metric, const struct batch *batch, const uint32_t *rows,
                 const uint32_t *series, uint32_t row_count);

/*
 * Drops panes that end at or before `watermark_ms` - keep (none if the metric keeps all), and the
 * oldest beyond `panes_max`.
 */
void metric_expire(struct metric *metric, int64_t watermark_ms, uint32_t panes_max);

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

/*
 * The start of the `count`-th newest pane at or below `end_ms` that holds data, or of the oldest
 * if there are fewer; INT64_MAX if there is none.
 */
int64_t metric_latest_start(const struct metric *metric, int64_t end_ms, uint32_t count);

/* A hash of all records, their labels and states: equal for two folds of one journal. */
uint64_t metric_hash(const struct metric *metric);

uint64_t metric_bytes(const struct metric *metric);

#endif
