// SPDX-License-Identifier: Apache-2.0
/* metric_cells.c - see metric_cells.h. */
#include "query_metric/metric_cells.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "metric/grouping.h"
#include "metric/metric.h"

#define GROUP_NONE UINT32_MAX
#define SERIES_COST 4u /* a record of a series' list costs about that many of a pane's block */

void metric_cells_clear(struct metric_cells *cells)
{
    cells->cell_count = 0;
    if (cells->slots != NULL)
        memset(cells->slots, 0, cells->slot_count * sizeof(cells->slots[0]));
    free(cells->buckets);
    cells->buckets = NULL;
    cells->bucket_count = 0;
}

void metric_cells_done(struct metric_cells *cells)
{
    label_set_done(&cells->groups);
    free(cells->series_groups);
    free(cells->matched);
    free(cells->cells);
    free(cells->states);
    free(cells->slots);
    free(cells->buckets);
    *cells = (struct metric_cells){0};
}

/* ---- the table of cells ---- */

static uint32_t *find_slot(const struct metric_cells *cells, uint32_t group, int64_t bucket_ms)
{
    uint32_t mask = cells->slot_count - 1;
    uint32_t at = (uint32_t)hash_mix(group, (uint64_t)bucket_ms) & mask;

    for (; cells->slots[at] != 0; at = (at + 1) & mask) {
        const struct metric_cell *cell = &cells->cells[cells->slots[at] - 1];

        if (cell->group == group && cell->bucket_ms == bucket_ms)
            break;
    }
    return &cells->slots[at];
}

static void grow(struct metric_cells *cells)
{
    cells->cell_capacity = cells->cell_capacity > 0 ? cells->cell_capacity * 2 : 64;
    assert(cells->cell_capacity < UINT32_MAX / 4);
    cells->cells = bytes_realloc(cells->cells, cells->cell_capacity * sizeof(cells->cells[0]));
    cells->states = bytes_realloc(cells->states, (size_t)cells->cell_capacity * cells->state_bytes);
    free(cells->slots);
    cells->slot_count = cells->cell_capacity * 2;
    cells->slots = bytes_alloc_zero(cells->slot_count, sizeof(cells->slots[0]));
    for (uint32_t i = 0; i < cells->cell_count; i++)
        *find_slot(cells, cells->cells[i].group, cells->cells[i].bucket_ms) = i + 1;
}

void *metric_cells_get(struct metric_cells *cells, uint32_t group, int64_t bucket_ms)
{
    uint32_t *slot;
    char *state;

    assert(cells->state_bytes > 0);
    if (cells->cell_count == cells->cell_capacity)
        grow(cells);
    slot = find_slot(cells, group, bucket_ms);
    if (*slot != 0)
        return cells->states + (size_t)(*slot - 1) * cells->state_bytes;
    cells->cells[cells->cell_count] = (struct metric_cell){bucket_ms, group};
    state = cells->states + (size_t)cells->cell_count * cells->state_bytes;
    memset(state, 0, cells->state_bytes);
    *slot = ++cells->cell_count;
    return state;
}

/* ---- series ---- */

static bool series_matches(const struct metric_query *query, const struct span *labels)
{
    uint32_t wanted = 0; /* bits, by label */
    uint32_t met = 0;

    for (uint32_t i = 0; i < query->condition_count; i++) {
        const struct metric_condition *condition = &query->conditions[i];

        wanted |= 1u << condition->label;
        if (span_equal(labels[condition->label], condition->value))
            met |= 1u << condition->label;
    }
    return wanted == met;
}

static void add_matched(struct metric_cells *cells, uint32_t series)
{
    if (cells->matched_count == cells->matched_capacity) {
        cells->matched_capacity = cells->matched_capacity > 0 ? cells->matched_capacity * 2 : 16;
        cells->matched =
            bytes_realloc(cells->matched, cells->matched_capacity * sizeof(cells->matched[0]));
    }
    cells->matched[cells->matched_count++] = series;
}

/* Finds the group of each series that has come since the last time. */
static void group_series(struct metric_cells *cells, const struct metric *metric,
                         const struct metric_query *query)
{
    uint32_t count = grouping_count(metric->table->grouping);
    struct bytes tuple = {0};

    if (count > cells->series_capacity) {
        cells->series_capacity = count + count / 2;
        cells->series_groups = bytes_realloc(
            cells->series_groups, cells->series_capacity * sizeof(cells->series_groups[0]));
    }
    for (uint32_t series = cells->series_count; series < count; series++) {
        struct span labels[BY_FIELDS_MAX];
        struct span chosen[BY_FIELDS_MAX];

        grouping_labels(metric->table->grouping, series, labels);
        cells->series_groups[series] = GROUP_NONE;
        if (!series_matches(query, labels))
            continue;
        for (uint32_t i = 0; i < query->by_count; i++)
            chosen[i] = labels[query->by[i]];
        bytes_clear(&tuple);
        label_set_encode(&tuple, chosen, query->by_count);
        cells->series_groups[series] = label_set_put(&cells->groups, bytes_span(&tuple));
        if (query->condition_count > 0)
            add_matched(cells, series);
    }
    if (count > cells->series_count)
        cells->series_count = count;
    bytes_done(&tuple);
}

/* ---- panes ---- */

int64_t metric_cells_bucket(int64_t ms, int64_t step_ms)
{
    int64_t rest = ms % step_ms;

    return ms - rest - (rest < 0 ? step_ms : 0);
}

/* The panes of a store that begin in [start_ms, end_ms): [first, end). */
struct pane_range {
    uint32_t first;
    uint32_t end;
};

static int64_t pane_start_ms(const struct metric *metric, uint32_t pane)
{
    return metric->table->panes.panes[pane].number * metric->def.every_ms;
}

/* The number of the first pane that begins at or after `ms`. */
static int64_t number_from(const struct metric *metric, int64_t ms)
{
    int64_t start_ms = metric_cells_bucket(ms, metric->def.every_ms);

    return start_ms / metric->def.every_ms + (start_ms < ms);
}

static struct pane_range find_panes(const struct metric *metric, int64_t start_ms, int64_t end_ms)
{
    struct pane_range range = {
        pane_store_lower(&metric->table->panes, number_from(metric, start_ms)),
        pane_store_lower(&metric->table->panes, number_from(metric, end_ms)),
    };

    if (range.end < range.first)
        range.end = range.first;
    return range;
}

/* Whether few series match, so that following their lists costs less than reading all panes. */
static bool by_series(const struct metric_cells *cells, const struct metric *metric,
                      const struct metric_query *query, struct pane_range range)
{
    uint64_t records = 0;
    uint64_t newest = metric->table->panes.pane_count - range.first; /* lists begin at the newest */

    if (query->condition_count == 0)
        return false;
    for (uint32_t i = range.first; i < range.end; i++)
        records += metric->table->panes.panes[i].record_count;
    return cells->matched_count * newest * SERIES_COST < records;
}

struct mark_walk {
    const struct metric_cells *cells;
    const struct metric *metric;
    bool *marks; /* by pane */
    bool found;
};

static void mark_pane(void *context, uint32_t series, int64_t start_ms, const void *state)
{
    struct mark_walk *walk = context;
    uint32_t pane =
        pane_store_lower(&walk->metric->table->panes, start_ms / walk->metric->def.every_ms);

    (void)series;
    (void)state;
    walk->marks[pane] = true;
}

static void find_match(void *context, uint32_t series, int64_t start_ms, const void *state)
{
    struct mark_walk *walk = context;

    (void)start_ms;
    (void)state;
    walk->found = walk->found || walk->cells->series_groups[series] != GROUP_NONE;
}

static bool pane_has_match(struct mark_walk *walk, uint32_t pane)
{
    int64_t start_ms = pane_start_ms(walk->metric, pane);

    if (walk->marks != NULL)
        return walk->marks[pane];
    walk->found = false;
    metric_scan(walk->metric, start_ms, start_ms + 1, find_match, walk);
    return walk->found;
}

void metric_cells_latest(struct metric_cells *cells, const struct metric *metric,
                         const struct metric_query *query, int64_t start_ms, int64_t end_ms,
                         uint32_t count)
{
    struct mark_walk walk = {.cells = cells, .metric = metric};
    struct pane_range range = find_panes(metric, start_ms, end_ms);
    uint32_t pane_count = range.end - range.first;

    group_series(cells, metric, query);
    if (by_series(cells, metric, query, range)) {
        walk.marks = bytes_alloc_zero(metric->table->panes.pane_count, sizeof(bool));
        for (uint32_t i = 0; i < cells->matched_count; i++)
            metric_scan_series(metric, cells->matched[i], start_ms, end_ms, mark_pane, &walk);
    }
    free(cells->buckets);
    cells->bucket_count = 0;
    cells->buckets =
        bytes_alloc((pane_count < count ? pane_count : count) * sizeof(cells->buckets[0]) + 1);
    for (uint32_t i = range.end; i > range.first && cells->bucket_count < count; i--) {
        int64_t bucket_ms = metric_cells_bucket(pane_start_ms(metric, i - 1), query->step_ms);

        if (cells->bucket_count > 0 && cells->buckets[cells->bucket_count - 1] == bucket_ms)
            continue;
        if (query->condition_count == 0 || pane_has_match(&walk, i - 1))
            cells->buckets[cells->bucket_count++] = bucket_ms;
    }
    free(walk.marks);
}

struct cell_walk {
    struct metric_cells *cells;
    const struct strategy_ops *ops;
    int64_t step_ms;
    int64_t pane_ms;   /* of the record before: mostly the same */
    int64_t bucket_ms; /* of that pane */
    uint32_t cells_max;
};

static void take_record(void *context, uint32_t series, int64_t start_ms, const void *state)
{
    struct cell_walk *walk = context;
    uint32_t group = walk->cells->series_groups[series];

    if (group == GROUP_NONE || walk->cells->cell_count > walk->cells_max)
        return;
    if (start_ms != walk->pane_ms) {
        walk->pane_ms = start_ms;
        walk->bucket_ms = metric_cells_bucket(start_ms, walk->step_ms);
    }
    walk->ops->merge(metric_cells_get(walk->cells, group, walk->bucket_ms), state);
}

void metric_cells_collect(struct metric_cells *cells, const struct metric *metric,
                          const struct metric_query *query, int64_t start_ms, int64_t end_ms,
                          uint32_t cells_max)
{
    struct pane_range range = find_panes(metric, start_ms, end_ms);
    struct cell_walk walk = {.cells = cells,
                             .ops = metric->strategy.ops,
                             .step_ms = query->step_ms,
                             .pane_ms = INT64_MIN,
                             .cells_max = cells_max};

    group_series(cells, metric, query);
    if (by_series(cells, metric, query, range)) {
        for (uint32_t i = 0; i < cells->matched_count && cells->cell_count <= cells_max; i++)
            metric_scan_series(metric, cells->matched[i], start_ms, end_ms, take_record, &walk);
        return;
    }
    for (uint32_t i = range.first; i < range.end && cells->cell_count <= cells_max; i++) {
        int64_t pane_ms = pane_start_ms(metric, i);

        metric_scan(metric, pane_ms, pane_ms + 1, take_record, &walk);
    }
}

/* ---- cells of several partitions ---- */

void metric_cells_merge(struct metric_cells *cells, const struct metric_cells *from,
                        const struct strategy_ops *ops, uint32_t cells_max)
{
    uint32_t *groups = bytes_alloc((from->groups.count + 1) * sizeof(*groups));

    memset(groups, 0xff, from->groups.count * sizeof(*groups));
    for (uint32_t i = 0; i < from->cell_count && cells->cell_count <= cells_max; i++) {
        const struct metric_cell *cell = &from->cells[i];

        if (groups[cell->group] == GROUP_NONE)
            groups[cell->group] =
                label_set_put(&cells->groups, label_set_get(&from->groups, cell->group));
        ops->merge(metric_cells_get(cells, groups[cell->group], cell->bucket_ms),
                   metric_cells_state(from, i));
    }
    free(groups);
}

static int compare_newest(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a;
    int64_t second = *(const int64_t *)b;

    return (first < second) - (first > second);
}

int64_t metric_cells_newest(int64_t *times, uint32_t time_count, uint64_t count)
{
    uint64_t distinct = 1;

    qsort(times, time_count, sizeof(*times), compare_newest);
    for (uint32_t i = 1; i < time_count; i++) {
        if (times[i] == times[i - 1])
            continue;
        if (distinct++ == count)
            return times[i - 1];
    }
    return times[time_count - 1];
}

/* A group on its way into the order of labels. */
struct group_sort {
    struct span labels[BY_FIELDS_MAX];
    uint32_t by_count;
    uint32_t group;
};

static int compare_groups(const void *a, const void *b)
{
    const struct group_sort *first = a;
    const struct group_sort *second = b;

    for (uint32_t i = 0; i < first->by_count; i++) {
        int order = span_compare(first->labels[i], second->labels[i]);

        if (order != 0)
            return order;
    }
    return 0;
}

struct cell_sort {
    int64_t bucket_ms;
    uint32_t place; /* of its group */
    uint32_t cell;
};

static int compare_cells(const void *a, const void *b)
{
    const struct cell_sort *first = a;
    const struct cell_sort *second = b;

    if (first->place != second->place)
        return first->place < second->place ? -1 : 1;
    return (first->bucket_ms > second->bucket_ms) - (first->bucket_ms < second->bucket_ms);
}

uint32_t *metric_cells_sort(const struct metric_cells *cells, uint32_t by_count)
{
    uint32_t *order = bytes_alloc(((size_t)cells->cell_count + 1) * sizeof(*order));
    struct group_sort *groups = bytes_alloc((cells->groups.count + 1) * sizeof(*groups));
    uint32_t *places = bytes_alloc((cells->groups.count + 1) * sizeof(*places));
    struct cell_sort *sorted = bytes_alloc(((size_t)cells->cell_count + 1) * sizeof(*sorted));

    for (uint32_t i = 0; i < cells->groups.count; i++) {
        groups[i].group = i;
        groups[i].by_count = by_count;
        label_set_decode(label_set_get(&cells->groups, i), groups[i].labels, by_count);
    }
    qsort(groups, cells->groups.count, sizeof(*groups), compare_groups);
    for (uint32_t i = 0; i < cells->groups.count; i++)
        places[groups[i].group] = i;
    for (uint32_t i = 0; i < cells->cell_count; i++)
        sorted[i] = (struct cell_sort){cells->cells[i].bucket_ms, places[cells->cells[i].group], i};
    qsort(sorted, cells->cell_count, sizeof(*sorted), compare_cells);
    for (uint32_t i = 0; i < cells->cell_count; i++)
        order[i] = sorted[i].cell;
    free(groups);
    free(places);
    free(sorted);
    return order;
}
