// SPDX-License-Identifier: Apache-2.0
/*
 * read_metric_range.c - metrics/M: values over time, in steps, by labels.
 *
 * Times are rounded to whole steps, so that no step is shown in part. `latest` takes a round more,
 * to find the newest steps that hold data over all partitions; then every partition gives its
 * cells (metric_cells.h), and the strategy merges them.
 *
 * A step is final when no event that is still accepted can change it: when the watermark of every
 * partition is a whole lateness past its end. A partition that has never had an event of the
 * stream does not count, and one that has been silent for longer than the stream's `idle` does not
 * hold back those that are ahead of it.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/catalog.h"
#include "engine/partition.h"
#include "metric/metric.h"
#include "query/answer.h"
#include "query_metric/metric_cells.h"
#include "query/read_params.h"
#include "query/read_request.h"
#include "query_metric/read_metric.h"
#include "query/time_param.h"

#define LATEST_DEFAULT 60
#define POINTS_MAX 100000000u                       /* whatever the limit says */
#define STEP_MS_MAX (INT64_C(100) * 366 * 86400000) /* a hundred years */

enum range_phase { RANGE_LATEST, RANGE_CELLS };

struct range_slot {
    bool here;
    struct partition_stream_stat stat;
    int64_t lateness_ms;
    int64_t idle_ms;
    struct metric_cells cells;
};

struct range_read {
    struct read read; /* first */
    uint32_t id;
    uint32_t version;
    uint32_t stream_id;
    char name[NAME_BYTES_MAX];
    int64_t every_ms;
    const struct strategy_ops *ops;
    char by[BY_FIELDS_MAX][NAME_BYTES_MAX]; /* that were asked for: query.by_count */
    struct metric_query query;
    struct bytes text; /* what the conditions point to */
    bool has_start;
    bool has_end;
    struct time_param start;
    struct time_param end;
    uint64_t latest; /* 0: all */
    uint32_t points_max;
    enum range_phase phase;
    int64_t start_ms; /* of this time, whole steps; set in the first round */
    int64_t end_ms;
    struct range_slot *slots;
    struct metric_cells cells; /* merged */
    uint32_t *order;           /* cells, by labels and time */
    int64_t first_ms;          /* buckets before are left out */
    int64_t complete_ms;       /* a step that ends by then is final */
};

static void range_reset(struct read *read)
{
    struct range_read *range = (struct range_read *)read;

    range->phase = range->latest > 0 ? RANGE_LATEST : RANGE_CELLS;
    for (uint32_t i = 0; i < read->partition_count; i++)
        metric_cells_clear(&range->slots[i].cells);
    metric_cells_clear(&range->cells);
    label_set_clear(&range->cells.groups);
    free(range->order);
    range->order = NULL;
}

static void range_free(struct read *read)
{
    struct range_read *range = (struct range_read *)read;

    for (uint32_t i = 0; range->slots != NULL && i < read->partition_count; i++)
        metric_cells_done(&range->slots[i].cells);
    free(range->slots);
    metric_cells_done(&range->cells);
    free(range->order);
    free(range->query.conditions);
    bytes_done(&range->text);
    free(range);
}

/* ---- collect ---- */

/* All slots compute the same; nothing is shared between the threads. */
static void first_times(const struct range_read *range, int64_t *out_start_ms, int64_t *out_end_ms)
{
    int64_t step_ms = range->query.step_ms;
    int64_t now_ms = range->read.now_ms;

    *out_start_ms = -TIME_PARAM_MS_MAX;
    *out_end_ms = TIME_PARAM_MS_MAX;
    if (range->has_start)
        *out_start_ms = metric_cells_bucket(time_param_ms(range->start, now_ms), step_ms);
    if (range->has_end) {
        int64_t end_ms = time_param_ms(range->end, now_ms);

        *out_end_ms = metric_cells_bucket(end_ms, step_ms);
        if (*out_end_ms < end_ms)
            *out_end_ms += step_ms;
    }
}

static void range_collect(struct read *read, const struct partition *partition, uint32_t number)
{
    struct range_read *range = (struct range_read *)read;
    struct range_slot *slot = &range->slots[number];
    const struct metric *metric = partition_metric(partition, range->id);
    const struct catalog_stream *stream =
        catalog_stream_by_id(partition_catalog(partition), range->stream_id);
    int64_t start_ms;
    int64_t end_ms;

    slot->here = metric != NULL && metric->def.version == range->version && stream != NULL &&
                 partition_stream_stat(partition, range->stream_id, &slot->stat);
    if (!slot->here) {
        metric_cells_clear(&slot->cells);
        return;
    }
    slot->lateness_ms = stream->def.lateness_ms;
    slot->idle_ms = stream->def.idle_ms;
    first_times(range, &start_ms, &end_ms);
    if (range->phase == RANGE_LATEST) {
        metric_cells_latest(&slot->cells, metric, &range->query, start_ms, end_ms,
                            (uint32_t)range->latest);
        return;
    }
    if (range->latest > 0)
        start_ms = range->start_ms;
    metric_cells_collect(&slot->cells, metric, &range->query, start_ms, end_ms, range->points_max);
}

/* ---- merge ---- */

/* Where the newest steps begin, over all partitions. False if there is no data. */
static bool find_start(struct range_read *range)
{
    uint64_t total = 0;
    uint32_t count = 0;
    int64_t *times;

    for (uint32_t i = 0; i < range->read.partition_count; i++)
        total += range->slots[i].cells.bucket_count;
    if (total == 0)
        return false;
    times = bytes_alloc(total * sizeof(*times));
    for (uint32_t i = 0; i < range->read.partition_count; i++) {
        const struct metric_cells *cells = &range->slots[i].cells;

        if (cells->bucket_count > 0)
            memcpy(times + count, cells->buckets, cells->bucket_count * sizeof(*times));
        count += cells->bucket_count;
    }
    range->start_ms = metric_cells_newest(times, count, range->latest);
    free(times);
    return true;
}

/* Up to where every partition that counts has seen everything. */
static int64_t complete_until(const struct range_read *range)
{
    int64_t ahead_ms = INT64_MIN;
    int64_t least_ms = INT64_MAX;
    int64_t lateness_ms = 0;

    for (uint32_t i = 0; i < range->read.partition_count; i++) {
        const struct range_slot *slot = &range->slots[i];

        if (slot->here && slot->stat.watermark_ms > ahead_ms)
            ahead_ms = slot->stat.watermark_ms;
    }
    for (uint32_t i = 0; i < range->read.partition_count; i++) {
        const struct range_slot *slot = &range->slots[i];

        if (!slot->here || slot->stat.watermark_ms == INT64_MIN)
            continue;
        if (slot->lateness_ms > lateness_ms)
            lateness_ms = slot->lateness_ms;
        if (slot->stat.watermark_ms < ahead_ms &&
            range->read.now_ms - slot->stat.wall_ms > slot->idle_ms)
            continue;
        if (slot->stat.watermark_ms < least_ms)
            least_ms = slot->stat.watermark_ms;
    }
    if (least_ms == INT64_MAX || least_ms < INT64_MIN + lateness_ms)
        return INT64_MIN;
    return least_ms - lateness_ms;
}

static int too_many(const struct range_read *range, struct err *err)
{
    return err_set(err, ERR_INVALID,
                   "the answer has more than %u points, the setting limits.query_points; ask for "
                   "less time (start, end, latest), a longer step, fewer labels (by) or fewer "
                   "series (where.…)",
                   range->points_max);
}

static int merge_cells(struct range_read *range, struct err *err)
{
    for (uint32_t p = 0; p < range->read.partition_count; p++) {
        if (range->slots[p].cells.cell_count > range->points_max)
            return too_many(range, err);
        metric_cells_merge(&range->cells, &range->slots[p].cells, range->ops, range->points_max);
    }
    return range->cells.cell_count > range->points_max ? too_many(range, err) : 0;
}

/* Events that were folded since the first round may have brought newer steps. */
static void cut_latest(struct range_read *range)
{
    uint32_t count = range->cells.cell_count;
    int64_t *times;

    range->first_ms = INT64_MIN;
    if (range->latest == 0 || count == 0)
        return;
    times = bytes_alloc(count * sizeof(*times));
    for (uint32_t i = 0; i < count; i++)
        times[i] = range->cells.cells[i].bucket_ms;
    range->first_ms = metric_cells_newest(times, count, range->latest);
    free(times);
}

static int range_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    struct range_read *range = (struct range_read *)read;
    bool here = false;
    int rc;

    for (uint32_t i = 0; i < read->partition_count; i++)
        here = here || range->slots[i].here;
    if (!here)
        return err_set(err, ERR_NOT_FOUND,
                       "metric \"%s\" was dropped or defined anew while it was read", range->name);
    if (range->phase == RANGE_LATEST && find_start(range)) {
        range->phase = RANGE_CELLS;
        *out_step = READ_AGAIN;
        return 0;
    }
    rc = merge_cells(range, err);
    if (rc < 0)
        return rc;
    cut_latest(range);
    range->order = metric_cells_sort(&range->cells, range->query.by_count);
    range->complete_ms = complete_until(range);
    *out_step = READ_DONE;
    return 0;
}

/* ---- print ---- */

static void print_labels(const struct range_read *range, uint32_t group, struct bytes *out)
{
    struct span labels[BY_FIELDS_MAX];
    struct json_out json;

    label_set_decode(label_set_get(&range->cells.groups, group), labels, range->query.by_count);
    bytes_clear(out);
    json_out_init(&json, out);
    json_out_object(&json);
    for (uint32_t i = 0; i < range->query.by_count; i++) {
        json_out_key(&json, range->by[i]);
        json_out_string(&json, labels[i]);
    }
    json_out_object_end(&json);
}

static void print_point(const struct range_read *range, uint32_t cell, struct span labels,
                        struct answer *out_answer)
{
    int64_t bucket_ms = range->cells.cells[cell].bucket_ms;
    bool is_final = bucket_ms + range->query.step_ms <= range->complete_ms;
    struct json_out json;
    char key[24];

    snprintf(key, sizeof(key), "%lld", (long long)bucket_ms);
    answer_row_begin(out_answer, labels, span_of(key));
    json_out_init(&json, &out_answer->text);
    json_out_array(&json);
    json_out_int(&json, bucket_ms);
    value_print(range->ops->read(metric_cells_state(&range->cells, cell)), &json);
    json_out_text(&json, is_final ? "final" : "provisional");
    json_out_array_end(&json);
    answer_row_end(out_answer);
}

static void range_print(struct read *read, struct answer *out_answer)
{
    struct range_read *range = (struct range_read *)read;
    struct bytes labels = {0};
    uint32_t group = UINT32_MAX;
    struct json_out json;

    json_out_init(&json, &out_answer->head);
    json_out_key(&json, "metric");
    json_out_text(&json, range->name);
    json_out_key(&json, "unit_ms");
    json_out_int(&json, range->every_ms);
    json_out_key(&json, "step_ms");
    json_out_int(&json, range->query.step_ms);
    out_answer->rows_name = "series";
    for (uint32_t i = 0; i < range->cells.cell_count; i++) {
        uint32_t cell = range->order[i];

        if (range->cells.cells[cell].bucket_ms < range->first_ms)
            continue;
        if (range->cells.cells[cell].group != group) {
            group = range->cells.cells[cell].group;
            print_labels(range, group, &labels);
        }
        print_point(range, cell, bytes_span(&labels), out_answer);
    }
    bytes_done(&labels);
}

static const struct read_ops range_ops = {
    "metric_range", range_collect, range_merge, range_print, range_reset, range_free,
};

/* ---- parse ---- */

static int32_t find_label(const struct metric_def *def, struct span name)
{
    for (uint32_t i = 0; i < def->by_count; i++)
        if (span_equal(span_of(def->by[i]), name))
            return (int32_t)i;
    return -1;
}

static int unknown_label(const struct metric_def *def, struct span name, struct err *err)
{
    struct bytes list = {0};
    int rc;

    for (uint32_t i = 0; i < def->by_count; i++)
        bytes_format(&list, "%s%s", i > 0 ? ", " : "", def->by[i]);
    rc = err_set(err, ERR_INVALID, "by: metric \"%s\" has no label \"%.*s\"%s%s", def->name,
                 (int)(name.size < 100 ? name.size : 100), name.data,
                 def->by_count > 0 ? ", expected some of " : "", bytes_text(&list));
    bytes_done(&list);
    return rc;
}

static int parse_by(struct range_read *range, const struct read_request *request,
                    const struct metric_def *def, struct err *err)
{
    struct metric_query *query = &range->query;
    struct span rest;

    if (!read_params_find(request, "by", &rest)) {
        query->by_count = def->by_count;
        for (uint32_t i = 0; i < def->by_count; i++)
            query->by[i] = i;
        memcpy(range->by, def->by, sizeof(range->by));
        return 0;
    }
    while (rest.size > 0) {
        const char *comma = memchr(rest.data, ',', rest.size);
        struct span name = {rest.data, comma != NULL ? (size_t)(comma - rest.data) : rest.size};
        int32_t label = find_label(def, name);

        if (label < 0)
            return unknown_label(def, name, err);
        for (uint32_t i = 0; i < query->by_count; i++)
            if (query->by[i] == (uint32_t)label)
                return err_set(err, ERR_INVALID, "by: \"%s\" is named twice", def->by[label]);
        memcpy(range->by[query->by_count], def->by[label], NAME_BYTES_MAX);
        query->by[query->by_count++] = (uint32_t)label;
        rest = comma != NULL ? (struct span){comma + 1, rest.size - name.size - 1}
                             : (struct span){rest.data, 0};
    }
    return 0;
}

static void parse_where(struct range_read *range, const struct read_request *request,
                        const struct read_params_known *known)
{
    struct metric_query *query = &range->query;
    size_t total = 0;

    for (uint32_t i = 0; i < request->param_count; i++)
        total += request->params[i].value.size;
    bytes_reserve(&range->text, total + 1); /* so that spans stay valid */
    query->conditions = bytes_alloc((request->param_count + 1) * sizeof(query->conditions[0]));
    for (uint32_t i = 0; i < request->param_count; i++) {
        struct span value = request->params[i].value;
        int32_t label = read_params_field(request, i, known);

        if (label < 0)
            continue;
        query->conditions[query->condition_count++] = (struct metric_condition){
            (uint32_t)label, {range->text.data + range->text.size, value.size}};
        bytes_put(&range->text, value.data, value.size);
    }
}

static int parse_step(struct range_read *range, const struct read_request *request, struct err *err)
{
    struct span text;
    int64_t step_ms;
    struct bytes every = {0};
    int rc = 0;

    range->query.step_ms = range->every_ms;
    if (!read_params_find(request, "step", &text))
        return 0;
    if (duration_parse(text, &step_ms, err) < 0) {
        err_prefix(err, "step");
        return ERR_INVALID;
    }
    duration_print(range->every_ms, &every);
    if (step_ms < range->every_ms || step_ms % range->every_ms != 0)
        rc = err_set(err, ERR_INVALID,
                     "step=%.*s: must be a whole number of panes, which are %s wide",
                     (int)(text.size < 100 ? text.size : 100), text.data, bytes_text(&every));
    else if (step_ms > STEP_MS_MAX)
        rc = err_set(err, ERR_INVALID, "step=%.*s: longer than a hundred years",
                     (int)(text.size < 100 ? text.size : 100), text.data);
    bytes_done(&every);
    range->query.step_ms = step_ms;
    return rc;
}

static int parse_times(struct range_read *range, const struct read_request *request,
                       struct err *err)
{
    struct span text;
    int rc = 0;

    range->has_start = read_params_find(request, "start", &text);
    if (range->has_start)
        rc = time_param_parse(text, "start", &range->start, err);
    if (rc < 0)
        return rc;
    range->has_end = read_params_find(request, "end", &text);
    if (range->has_end)
        rc = time_param_parse(text, "end", &range->end, err);
    if (rc < 0)
        return rc;
    return read_params_uint(request, "latest", range->has_start ? 0 : LATEST_DEFAULT, 1,
                            range->points_max, "query_points", &range->latest, err);
}

int read_metric_range_parse(struct read **out_read, const struct read_request *request,
                            struct err *err)
{
    struct span name = request->parts[1];
    const struct catalog_metric *metric = catalog_find_metric(request->catalog, name);
    static const char *const names[] = {"start", "end", "step", "by", "latest", NULL};
    struct read_params_known known = {.names = names, .prefix = "where.", .prefix_repeats = true};
    struct range_read *range;
    int rc;

    if (metric == NULL)
        return err_set(err, ERR_NOT_FOUND,
                       "metric \"%.*s\" is not defined; GET /v1/metrics lists what is",
                       (int)(name.size < 100 ? name.size : 100), name.data);
    known.fields = metric->def.by;
    known.field_count = metric->def.by_count;
    rc = read_params_check(request, &known, err);
    if (rc < 0)
        return rc;
    range = bytes_alloc_zero(1, sizeof(*range));
    range->read.ops = &range_ops;
    range->read.partition_count = request->partition_count;
    range->id = metric->id;
    range->version = metric->def.version;
    range->stream_id = metric->stream_id;
    memcpy(range->name, metric->def.name, sizeof(range->name));
    range->every_ms = metric->def.every_ms;
    range->ops = metric->strategy.ops;
    range->points_max = request->limits->query_points_max < POINTS_MAX
                            ? request->limits->query_points_max
                            : POINTS_MAX;
    range->slots = bytes_alloc_zero(request->partition_count, sizeof(range->slots[0]));
    range->cells.state_bytes = range->ops->state_bytes;
    for (uint32_t i = 0; i < request->partition_count; i++)
        range->slots[i].cells.state_bytes = range->ops->state_bytes;
    parse_where(range, request, &known);
    rc = parse_by(range, request, &metric->def, err);
    if (rc == 0)
        rc = parse_step(range, request, err);
    if (rc == 0)
        rc = parse_times(range, request, err);
    if (rc < 0) {
        range_free(&range->read);
        return rc;
    }
    range_reset(&range->read);
    *out_read = &range->read;
    return 0;
}
