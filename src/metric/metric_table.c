// SPDX-License-Identifier: Apache-2.0
/* metric_table.c - see metric_table.h. Heads and records are fetched ahead of use. */
#include "metric/metric_table.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "metric/grouping.h"
#include "model/batch.h"

#define PREFETCH_AHEAD 16u
#define HEADS_PER_PAGE (1u << 17) /* 2 MiB: large enough for a huge page */

void metric_table_init(struct metric_table *table, struct grouping *grouping, int64_t every_ms,
                       int64_t keep_ms)
{
    *table = (struct metric_table){.grouping = grouping, .every_ms = every_ms, .keep_ms = keep_ms};
    pane_store_init(&table->panes, 0);
    arena_init(&table->heads, sizeof(struct pane_head), HEADS_PER_PAGE);
}

void metric_table_done(struct metric_table *table)
{
    if (table == NULL)
        return;
    pane_store_done(&table->panes);
    arena_done(&table->heads);
    free(table->numbers);
    free(table->records);
}

bool metric_table_is_open(const struct metric_table *table)
{
    return table->panes.pane_count == 0 && table->panes.number_min == INT64_MIN;
}

uint32_t metric_table_join(struct metric_table *table, uint32_t state_bytes)
{
    uint32_t offset = table->panes.state_bytes;

    assert(metric_table_is_open(table));
    pane_store_done(&table->panes);
    pane_store_init(&table->panes, offset + state_bytes);
    table->users++;
    return offset;
}

static void reserve(struct metric_table *table, uint32_t row_count)
{
    uint32_t series_count = grouping_count(table->grouping);

    if (series_count > table->heads.count)
        arena_take(&table->heads, series_count - table->heads.count);
    if (row_count <= table->row_capacity)
        return;
    table->numbers = bytes_realloc(table->numbers, row_count * sizeof(int64_t));
    table->records = bytes_realloc(table->records, row_count * sizeof(uint32_t));
    table->row_capacity = row_count;
}

/* Rows mostly share a pane with the row before: a division is saved by comparing bounds. */
static void number_rows(struct metric_table *table, const struct batch *batch, const uint32_t *rows,
                        uint32_t row_count)
{
    int64_t every_ms = table->every_ms;
    int64_t number = metric_table_number(table, batch->event_ms[rows[0]]);
    int64_t start_ms = number * every_ms;

    for (uint32_t i = 0; i < row_count; i++) {
        int64_t event_ms = batch->event_ms[rows[i]];

        if (event_ms < start_ms || event_ms - start_ms >= every_ms) {
            number = metric_table_number(table, event_ms);
            start_ms = number * every_ms;
        }
        table->numbers[i] = number;
    }
}

/* The record of (series, pane): the head, or some steps down the list, or a new one there. */
static uint32_t find_record(struct metric_table *table, uint32_t series, int64_t number)
{
    struct pane_store *store = &table->panes;
    struct pane_head *head = arena_at(&table->heads, series);
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

static void find_records(struct metric_table *table, const uint32_t *series, uint32_t row_count)
{
    for (uint32_t i = 0; i < row_count && i < PREFETCH_AHEAD; i++)
        __builtin_prefetch(arena_at(&table->heads, series[i]), 1);
    for (uint32_t i = 0; i < row_count; i++) {
        if (i + PREFETCH_AHEAD < row_count)
            __builtin_prefetch(arena_at(&table->heads, series[i + PREFETCH_AHEAD]), 1);
        if (table->numbers[i] < table->panes.number_min) {
            table->records[i] = PANE_RECORD_NONE;
            table->dropped_rows++;
            continue;
        }
        table->records[i] = find_record(table, series[i], table->numbers[i]);
        __builtin_prefetch(pane_record_at(&table->panes, table->records[i]), 1);
    }
}

void metric_table_fold(struct metric_table *table, const struct batch *batch, const uint32_t *rows,
                       const uint32_t *series, uint32_t row_count)
{
    if (row_count == 0)
        return;
    reserve(table, row_count);
    number_rows(table, batch, rows, row_count);
    find_records(table, series, row_count);
}

void metric_table_expire(struct metric_table *table, int64_t watermark_ms, uint32_t panes_max)
{
    struct pane_store *store = &table->panes;
    int64_t number;

    if (store->pane_count > panes_max)
        pane_store_drop(store, store->panes[store->pane_count - panes_max].number);
    if (table->keep_ms <= 0 || watermark_ms == INT64_MIN)
        return;
    number = metric_table_number(table, watermark_ms - table->keep_ms);
    if (number > store->number_min)
        pane_store_drop(store, number);
}

uint64_t metric_table_bytes(const struct metric_table *table)
{
    return pane_store_bytes(&table->panes) + arena_bytes(&table->heads) +
           (uint64_t)table->row_capacity * (sizeof(int64_t) + sizeof(uint32_t));
}
