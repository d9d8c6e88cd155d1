// SPDX-License-Identifier: Apache-2.0
/* metric.c - see metric.h. The values of the rows are put side by side for one call. */
#include "metric/metric.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "metric/grouping.h"
#include "model/batch.h"

void metric_init(struct metric *metric, const struct metric_def *def,
                 const struct strategy *strategy, struct metric_table *table)
{
    *metric = (struct metric){.def = *def, .strategy = *strategy, .table = table};
    metric->state_offset = metric_table_join(table, strategy->ops->state_bytes);
}

void metric_done(struct metric *metric)
{
    if (metric == NULL)
        return;
    free(metric->states);
    free(metric->floats);
    free(metric->ints);
    free(metric->times);
}

static void reserve(struct metric *metric, uint32_t row_count)
{
    if (row_count <= metric->row_capacity)
        return;
    metric->states = bytes_realloc(metric->states, row_count * sizeof(void *));
    metric->floats = bytes_realloc(metric->floats, row_count * sizeof(double));
    metric->ints = bytes_realloc(metric->ints, row_count * sizeof(int64_t));
    metric->times = bytes_realloc(metric->times, row_count * sizeof(int64_t));
    metric->row_capacity = row_count;
}

/* The metric's own state in a record. */
static void *state_at(const struct metric *metric, uint32_t reference)
{
    return (char *)pane_record_state(pane_record_at(&metric->table->panes, reference)) +
           metric->state_offset;
}

/* Puts rows that have a value side by side; returns how many there are. */
static uint32_t gather(struct metric *metric, const struct batch *batch, const uint32_t *rows,
                       uint32_t row_count)
{
    int32_t field = metric->strategy.field;
    const struct column *column = field >= 0 ? &batch->columns[field] : NULL;
    uint32_t count = 0;

    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t row = rows[i];

        if (metric->table->records[i] == PANE_RECORD_NONE)
            continue;
        if (column != NULL) {
            switch (column->type) {
            case FIELD_FLOAT:
                if (isnan(column->floats[row]))
                    continue;
                metric->floats[count] = column->floats[row];
                break;
            case FIELD_INT:
            case FIELD_TIME:
                if (column->ints[row] == BATCH_INT_NONE)
                    continue;
                metric->ints[count] = column->ints[row];
                break;
            case FIELD_STRING:
                if (column->codes[row] == BATCH_CODE_NONE)
                    continue;
                break;
            case FIELD_BOOL:
                if (column->bools[row] == BATCH_BOOL_NONE)
                    continue;
                break;
            }
        }
        metric->times[count] = batch->event_ms[row];
        metric->states[count++] = state_at(metric, metric->table->records[i]);
    }
    return count;
}

void metric_fold(struct metric *metric, const struct batch *batch, const uint32_t *rows,
                 uint32_t row_count)
{
    struct strategy_rows values;

    if (row_count == 0)
        return;
    reserve(metric, row_count);
    values = (struct strategy_rows){
        .count = gather(metric, batch, rows, row_count),
        .states = metric->states,
        .ints = metric->ints,
        .floats = metric->floats,
        .event_ms = metric->times,
    };
    metric->strategy.ops->fold(&values);
}

static int64_t first_number_from(const struct metric *metric, int64_t start_ms)
{
    int64_t number = metric_table_number(metric->table, start_ms);

    return number * metric->def.every_ms < start_ms ? number + 1 : number;
}

static void scan_pane(const struct metric *metric, const struct pane *pane, metric_visit_fn *visit,
                      void *context)
{
    int64_t start_ms = pane->number * metric->def.every_ms;

    for (uint32_t block = pane->block_first; block != PANE_RECORD_NONE;
         block = pane_store_next_block(&metric->table->panes, block)) {
        uint32_t count = block == pane->block_last ? pane->block_used : pane_block_records(block);

        for (uint32_t i = 0; i < count; i++) {
            const struct pane_record *record = pane_record_at(&metric->table->panes, block + i);

            visit(context, record->series, start_ms, state_at(metric, block + i));
        }
    }
}

void metric_scan(const struct metric *metric, int64_t start_ms, int64_t end_ms,
                 metric_visit_fn *visit, void *context)
{
    const struct pane_store *store = &metric->table->panes;
    uint32_t at = pane_store_lower(store, first_number_from(metric, start_ms));
    int64_t number_end = first_number_from(metric, end_ms);

    for (; at < store->pane_count && store->panes[at].number < number_end; at++)
        scan_pane(metric, &store->panes[at], visit, context);
}

void metric_scan_series(const struct metric *metric, uint32_t series, int64_t start_ms,
                        int64_t end_ms, metric_visit_fn *visit, void *context)
{
    const struct pane_store *store = &metric->table->panes;
    int64_t first = first_number_from(metric, start_ms);
    int64_t number_end = first_number_from(metric, end_ms);
    const struct pane_head *head;
    uint32_t at;
    int64_t number;

    if (series >= metric->table->heads.count)
        return;
    head = arena_at(&metric->table->heads, series);
    at = head->record_plus_one - 1;
    number = head->number;
    if (first < store->number_min)
        first = store->number_min;
    while (at != PANE_RECORD_NONE && number >= first) {
        struct pane_record *record = pane_record_at(store, at);

        if (number < number_end)
            visit(context, series, number * metric->def.every_ms, state_at(metric, at));
        at = record->older;
        number = record->older_number;
    }
}

struct hash_walk {
    const struct metric *metric;
    uint64_t hash;
};

static void hash_record(void *context, uint32_t series, int64_t pane_start_ms, const void *state)
{
    struct hash_walk *walk = context;

    walk->hash = hash_mix(walk->hash, hash_mix(series, (uint64_t)pane_start_ms));
    walk->hash = hash_mix(walk->hash, hash_bytes(state, walk->metric->strategy.ops->state_bytes));
}

uint64_t metric_hash(const struct metric *metric)
{
    struct hash_walk walk = {metric, hash_bytes(metric->def.name, strlen(metric->def.name))};

    for (uint32_t i = 0; i < grouping_count(metric->table->grouping); i++) {
        struct span tuple = intern_get(&metric->table->grouping->tuples, i);

        walk.hash = hash_mix(walk.hash, hash_bytes(tuple.data, tuple.size));
    }
    for (uint32_t i = 0; i < metric->table->panes.pane_count; i++)
        scan_pane(metric, &metric->table->panes.panes[i], hash_record, &walk);
    return walk.hash;
}

uint64_t metric_bytes(const struct metric *metric)
{
    return (uint64_t)metric->row_capacity * (3 * sizeof(int64_t) + sizeof(void *));
}
