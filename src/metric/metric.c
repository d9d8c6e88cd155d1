// SPDX-License-Identifier: Apache-2.0
/*
 * metric.c - see metric.h.
 *
 * The fold goes column by column: the pane number of every row, then (in groups, prefetched) the
 * record of every row, then the values, then one call of the strategy.
 */
#include "metric/metric.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "metric/grouping.h"
#include "model/batch.h"

#define PREFETCH_AHEAD 16u
#define HEADS_PER_PAGE (1u << 17) /* 2 MiB: large enough for a huge page */

void metric_init(struct metric *metric, const struct metric_def *def,
                 const struct strategy *strategy, struct grouping *grouping)
{
    *metric = (struct metric){.def = *def, .strategy = *strategy, .grouping = grouping};
    pane_store_init(&metric->panes, strategy->ops->state_bytes);
    arena_init(&metric->heads, sizeof(struct pane_head), HEADS_PER_PAGE);
}

void metric_done(struct metric *metric)
{
    if (metric == NULL)
        return;
    pane_store_done(&metric->panes);
    arena_done(&metric->heads);
    free(metric->numbers);
    free(metric->records);
    free(metric->states);
    free(metric->floats);
    free(metric->ints);
    free(metric->times);
}

static void reserve(struct metric *metric, uint32_t row_count)
{
    uint32_t series_count = grouping_count(metric->grouping);

    if (series_count > metric->heads.count)
        arena_take(&metric->heads, series_count - metric->heads.count);
    if (row_count <= metric->scratch_capacity)
        return;
    metric->numbers = bytes_realloc(metric->numbers, row_count * sizeof(int64_t));
    metric->records = bytes_realloc(metric->records, row_count * sizeof(uint32_t));
    metric->states = bytes_realloc(metric->states, row_count * sizeof(void *));
    metric->floats = bytes_realloc(metric->floats, row_count * sizeof(double));
    metric->ints = bytes_realloc(metric->ints, row_count * sizeof(int64_t));
    metric->times = bytes_realloc(metric->times, row_count * sizeof(int64_t));
    metric->scratch_capacity = row_count;
}

/* Rounds down, also before 1970. */
static int64_t pane_number(int64_t event_ms, int64_t every_ms)
{
    int64_t number = event_ms / every_ms;

    return number - (event_ms % every_ms < 0);
}

/* Rows mostly share a pane with the row before: a division is saved by comparing bounds. */
static void number_rows(struct metric *metric, const struct batch *batch, const uint32_t *rows,
                        uint32_t row_count)
{
    int64_t every_ms = metric->def.every_ms;
    int64_t number = pane_number(batch->event_ms[rows[0]], every_ms);
    int64_t start_ms = number * every_ms;

    for (uint32_t i = 0; i < row_count; i++) {
        int64_t event_ms = batch->event_ms[rows[i]];

        if (event_ms < start_ms || event_ms - start_ms >= every_ms) {
            number = pane_number(event_ms, every_ms);
            start_ms = number * every_ms;
        }
        metric->numbers[i] = number;
    }
}

/* The record of (series, pane): the head, or some steps down the list, or a new one there. */
static uint32_t find_record(struct metric *metric, uint32_t series, int64_t number)
{
    struct pane_store *store = &metric->panes;
    struct pane_head *head = arena_at(&metric->heads, series);
    uint32_t newer = PANE_RECORD_NONE;
    uint32_t at = head->record_plus_one - 1; /* none: wraps to PANE_RECORD_NONE */
    int64_t at_number = head->number;
    uint32_t reference;
    struct pane_record *record;

    while (at != PANE_RECORD_NONE && at_number > number) {
        struct pane_record *passed = pane_record_at(store, at);

        newer = at;
        at = passed->older;
        at_number = passed->older_number;
    }
    if (at != PANE_RECORD_NONE && at_number == number)
        return at;
    if (at != PANE_RECORD_NONE && at_number < store->number_min)
        at = PANE_RECORD_NONE; /* dropped since */
    reference = pane_store_take(store, pane_store_get(store, number), series);
    record = pane_record_at(store, reference);
    record->older = at;
    record->older_number = at != PANE_RECORD_NONE ? at_number : INT64_MIN;
    if (newer == PANE_RECORD_NONE) {
        head->number = number;
        head->record_plus_one = reference + 1;
    } else {
        pane_record_at(store, newer)->older = reference;
        pane_record_at(store, newer)->older_number = number;
    }
    return reference;
}

static void find_records(struct metric *metric, const uint32_t *series, uint32_t row_count)
{
    for (uint32_t i = 0; i < row_count && i < PREFETCH_AHEAD; i++)
        __builtin_prefetch(arena_at(&metric->heads, series[i]), 1);
    for (uint32_t i = 0; i < row_count; i++) {
        if (i + PREFETCH_AHEAD < row_count)
            __builtin_prefetch(arena_at(&metric->heads, series[i + PREFETCH_AHEAD]), 1);
        if (metric->numbers[i] < metric->panes.number_min) {
            metric->records[i] = PANE_RECORD_NONE;
            metric->dropped_rows++;
            continue;
        }
        metric->records[i] = find_record(metric, series[i], metric->numbers[i]);
        __builtin_prefetch(pane_record_at(&metric->panes, metric->records[i]), 1);
    }
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

        if (metric->records[i] == PANE_RECORD_NONE)
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
        metric->states[count++] =
            pane_record_state(pane_record_at(&metric->panes, metric->records[i]));
    }
    return count;
}

void metric_fold(struct metric *metric, const struct batch *batch, const uint32_t *rows,
                 const uint32_t *series, uint32_t row_count)
{
    struct strategy_rows values;

    if (row_count == 0)
        return;
    reserve(metric, row_count);
    number_rows(metric, batch, rows, row_count);
    find_records(metric, series, row_count);
    values = (struct strategy_rows){
        .count = gather(metric, batch, rows, row_count),
        .states = metric->states,
        .ints = metric->ints,
        .floats = metric->floats,
        .event_ms = metric->times,
    };
    metric->strategy.ops->fold(&values);
}

void metric_expire(struct metric *metric, int64_t watermark_ms, uint32_t panes_max)
{
    struct pane_store *store = &metric->panes;
    int64_t number;

    if (store->pane_count > panes_max)
        pane_store_drop(store, store->panes[store->pane_count - panes_max].number);
    if (metric->def.keep_ms <= 0 || watermark_ms == INT64_MIN)
        return;
    number = pane_number(watermark_ms - metric->def.keep_ms, metric->def.every_ms);
    if (number > store->number_min)
        pane_store_drop(store, number);
}

static int64_t first_number_from(const struct metric *metric, int64_t start_ms)
{
    int64_t number = pane_number(start_ms, metric->def.every_ms);

    return number * metric->def.every_ms < start_ms ? number + 1 : number;
}

static void scan_pane(const struct metric *metric, const struct pane *pane, metric_visit_fn *visit,
                      void *context)
{
    int64_t start_ms = pane->number * metric->def.every_ms;

    for (uint32_t block = pane->block_first; block != PANE_RECORD_NONE;
         block = pane_store_next_block(&metric->panes, block)) {
        uint32_t count = block == pane->block_last ? pane->block_used : pane_block_records(block);

        for (uint32_t i = 0; i < count; i++) {
            struct pane_record *record = pane_record_at(&metric->panes, block + i);

            visit(context, record->series, start_ms, pane_record_state(record));
        }
    }
}

void metric_scan(const struct metric *metric, int64_t start_ms, int64_t end_ms,
                 metric_visit_fn *visit, void *context)
{
    const struct pane_store *store = &metric->panes;
    uint32_t at = pane_store_lower(store, first_number_from(metric, start_ms));
    int64_t number_end = first_number_from(metric, end_ms);

    for (; at < store->pane_count && store->panes[at].number < number_end; at++)
        scan_pane(metric, &store->panes[at], visit, context);
}

void metric_scan_series(const struct metric *metric, uint32_t series, int64_t start_ms,
                        int64_t end_ms, metric_visit_fn *visit, void *context)
{
    const struct pane_store *store = &metric->panes;
    int64_t first = first_number_from(metric, start_ms);
    int64_t number_end = first_number_from(metric, end_ms);
    const struct pane_head *head;
    uint32_t at;
    int64_t number;

    if (series >= metric->heads.count)
        return;
    head = arena_at(&metric->heads, series);
    at = head->record_plus_one - 1;
    number = head->number;
    if (first < store->number_min)
        first = store->number_min;
    while (at != PANE_RECORD_NONE && number >= first) {
        struct pane_record *record = pane_record_at(store, at);

        if (number < number_end)
            visit(context, series, number * metric->def.every_ms, pane_record_state(record));
        at = record->older;
        number = record->older_number;
    }
}

int64_t metric_latest_start(const struct metric *metric, int64_t end_ms, uint32_t count)
{
    const struct pane_store *store = &metric->panes;
    uint32_t end = store->pane_count;

    if (end_ms < INT64_MAX)
        end = pane_store_lower(store, pane_number(end_ms, metric->def.every_ms) + 1);
    if (end == 0 || count == 0)
        return INT64_MAX;
    return store->panes[end > count ? end - count : 0].number * metric->def.every_ms;
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

    for (uint32_t i = 0; i < grouping_count(metric->grouping); i++) {
        struct span tuple = intern_get(&metric->grouping->tuples, i);

        walk.hash = hash_mix(walk.hash, hash_bytes(tuple.data, tuple.size));
    }
    for (uint32_t i = 0; i < metric->panes.pane_count; i++)
        scan_pane(metric, &metric->panes.panes[i], hash_record, &walk);
    return walk.hash;
}

uint64_t metric_bytes(const struct metric *metric)
{
    return pane_store_bytes(&metric->panes) + arena_bytes(&metric->heads) +
           (uint64_t)metric->scratch_capacity *
               (4 * sizeof(int64_t) + sizeof(uint32_t) + sizeof(void *));
}
