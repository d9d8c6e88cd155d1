// SPDX-License-Identifier: Apache-2.0
/*
 * metric_table.h - the panes of metrics that have a grouping and a width in common.
 *
 * Two metrics by the same fields, in panes of the same width, kept as long, put each row into the
 * same pane of the same series. So they share records: a record holds a state of each, and a row
 * finds its record once, however many metrics it feeds. A metric joins a table only while that is
 * empty, and begins a new one otherwise: what has been folded stays as it is.
 *
 * Thread: the partition's.
 */
#ifndef TALLYWHEEL_METRIC_METRIC_TABLE_H
#define TALLYWHEEL_METRIC_METRIC_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "metric/pane.h"

struct batch;
struct grouping;

struct metric_table {
    struct grouping *grouping; /* shared; the partition's */
    int64_t every_ms;
    int64_t keep_ms;
    uint32_t users; /* metrics that share it */
    struct pane_store panes;
    struct arena heads;    /* struct pane_head by series id */
    uint64_t dropped_rows; /* too old: their pane has been dropped already */
    /* Of the rows that were folded last. */
    uint32_t row_capacity;
    int64_t *numbers;
    uint32_t *records; /* PANE_RECORD_NONE: the row is too old */
};

void metric_table_init(struct metric_table *table, struct grouping *grouping, int64_t every_ms,
                       int64_t keep_ms);
void metric_table_done(struct metric_table *table);

/* Whether one more metric may join: nothing has been folded yet. */
bool metric_table_is_open(const struct metric_table *table);

/* Makes room for one more state in the records of an open table; where it begins in them. */
uint32_t metric_table_join(struct metric_table *table, uint32_t state_bytes);

/*
 * Finds or makes the record of each of the `row_count` rows of `batch` that `rows` lists; `series`
 * are their series, as grouping_fold gave them. Then each metric folds (metric_fold).
 */
void metric_table_fold(struct metric_table *table, const struct batch *batch, const uint32_t *rows,
                       const uint32_t *series, uint32_t row_count);

/*
 * Drops panes that end at or before `watermark_ms` - keep (none if all are kept), and the oldest
 * beyond `panes_max`.
 */
void metric_table_expire(struct metric_table *table, int64_t watermark_ms, uint32_t panes_max);

uint64_t metric_table_bytes(const struct metric_table *table);

/* The number of the pane that holds an event time; rounds down, also before 1970. */
static inline int64_t metric_table_number(const struct metric_table *table, int64_t event_ms)
{
    int64_t number = event_ms / table->every_ms;

    return number - (event_ms % table->every_ms < 0);
}

#endif
