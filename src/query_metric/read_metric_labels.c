// SPDX-License-Identifier: Apache-2.0
/* read_metric_labels.c - metrics/M/labels: the values that each label of a metric has. */
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/catalog.h"
#include "engine/partition.h"
#include "metric/grouping.h"
#include "metric/metric.h"
#include "query/answer.h"
#include "query/label_set.h"
#include "query/read_params.h"
#include "query/read_request.h"
#include "query_metric/read_metric.h"

struct labels_slot {
    bool here;
    uint32_t series_next; /* those before have been seen; kept by reset */
    uint64_t overflow_rows;
    struct label_set values[BY_FIELDS_MAX]; /* by label; kept by reset: labels never go */
};

struct labels_read {
    struct read read; /* first */
    uint32_t id;
    uint32_t version;
    char name[NAME_BYTES_MAX];
    uint32_t by_count;
    char by[BY_FIELDS_MAX][NAME_BYTES_MAX];
    struct read_limits limits;
    struct labels_slot *slots;
    struct label_set values[BY_FIELDS_MAX];
};

static void labels_reset(struct read *read)
{
    struct labels_read *labels = (struct labels_read *)read;

    for (uint32_t i = 0; i < labels->by_count; i++)
        label_set_clear(&labels->values[i]);
}

static void labels_free(struct read *read)
{
    struct labels_read *labels = (struct labels_read *)read;

    for (uint32_t i = 0; i < labels->by_count; i++) {
        for (uint32_t p = 0; labels->slots != NULL && p < read->partition_count; p++)
            label_set_done(&labels->slots[p].values[i]);
        label_set_done(&labels->values[i]);
    }
    free(labels->slots);
    free(labels);
}

/* Series 0 is the overflow, and always there. */
static void labels_collect(struct read *read, const struct partition *partition, uint32_t number)
{
    struct labels_read *labels = (struct labels_read *)read;
    struct labels_slot *slot = &labels->slots[number];
    const struct metric *metric = partition_metric(partition, labels->id);
    uint32_t count;

    slot->here = metric != NULL && metric->def.version == labels->version;
    if (!slot->here)
        return;
    slot->overflow_rows = metric->table->grouping->overflow_rows;
    count = grouping_count(metric->table->grouping);
    if (slot->series_next == 0)
        slot->series_next = GROUPING_OTHER + 1;
    for (; slot->series_next < count; slot->series_next++) {
        struct span found[BY_FIELDS_MAX];

        grouping_labels(metric->table->grouping, slot->series_next, found);
        for (uint32_t i = 0; i < labels->by_count; i++)
            label_set_put(&slot->values[i], found[i]);
    }
}

static int labels_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    struct labels_read *labels = (struct labels_read *)read;
    uint64_t total = 0;
    bool here = false;

    for (uint32_t p = 0; p < read->partition_count; p++) {
        const struct labels_slot *slot = &labels->slots[p];

        here = here || slot->here;
        for (uint32_t i = 0; slot->here && i < labels->by_count; i++) {
            for (uint32_t id = 0; id < slot->values[i].count; id++)
                label_set_put(&labels->values[i], label_set_get(&slot->values[i], id));
            if (slot->overflow_rows > 0)
                label_set_put(&labels->values[i], SPAN_LITERAL(GROUPING_OTHER_LABEL));
        }
    }
    if (!here)
        return err_set(err, ERR_NOT_FOUND,
                       "metric \"%s\" was dropped or defined anew while it was read", labels->name);
    for (uint32_t i = 0; i < labels->by_count; i++)
        total += labels->values[i].count;
    if (total > labels->limits.query_points_max)
        return err_set(err, ERR_INVALID,
                       "metric \"%s\" has %llu values of labels, more than the setting "
                       "limits.query_points, %u",
                       labels->name, (unsigned long long)total, labels->limits.query_points_max);
    *out_step = READ_DONE;
    return 0;
}

static int compare_spans(const void *a, const void *b)
{
    return span_compare(*(const struct span *)a, *(const struct span *)b);
}

static void print_values(const struct label_set *set, struct json_out *json)
{
    struct span *values = bytes_alloc((set->count + 1) * sizeof(*values));

    for (uint32_t i = 0; i < set->count; i++)
        values[i] = label_set_get(set, i);
    qsort(values, set->count, sizeof(*values), compare_spans);
    json_out_array(json);
    for (uint32_t i = 0; i < set->count; i++)
        json_out_string(json, values[i]);
    json_out_array_end(json);
    free(values);
}

static void labels_print(struct read *read, struct answer *out_answer)
{
    struct labels_read *labels = (struct labels_read *)read;
    struct json_out json;

    json_out_init(&json, &out_answer->head);
    json_out_key(&json, "metric");
    json_out_text(&json, labels->name);
    json_out_key(&json, "labels");
    json_out_object(&json);
    for (uint32_t i = 0; i < labels->by_count; i++) {
        json_out_key(&json, labels->by[i]);
        print_values(&labels->values[i], &json);
    }
    json_out_object_end(&json);
}

static const struct read_ops labels_ops = {
    "metric_labels", labels_collect, labels_merge, labels_print, labels_reset, labels_free,
};

int read_metric_labels_parse(struct read **out_read, const struct read_request *request,
                             struct err *err)
{
    struct span name = request->parts[1];
    const struct catalog_metric *metric = catalog_find_metric(request->catalog, name);
    static const char *const names[] = {NULL};
    struct read_params_known known = {.names = names};
    struct labels_read *labels;
    int rc = read_params_check(request, &known, err);

    if (rc < 0)
        return rc;
    if (metric == NULL)
        return err_set(err, ERR_NOT_FOUND,
                       "metric \"%.*s\" is not defined; GET /v1/metrics lists what is",
                       (int)(name.size < 100 ? name.size : 100), name.data);
    labels = bytes_alloc_zero(1, sizeof(*labels));
    labels->read.ops = &labels_ops;
    labels->id = metric->id;
    labels->version = metric->def.version;
    memcpy(labels->name, metric->def.name, sizeof(labels->name));
    labels->by_count = metric->def.by_count;
    memcpy(labels->by, metric->def.by, sizeof(labels->by));
    labels->limits = *request->limits;
    labels->slots = bytes_alloc_zero(request->partition_count, sizeof(labels->slots[0]));
    *out_read = &labels->read;
    return 0;
}
