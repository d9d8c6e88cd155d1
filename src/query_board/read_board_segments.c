// SPDX-License-Identifier: Apache-2.0
/*
 * read_board_segments.c - boards/B/segments: the values of `by` that a board has, the largest
 * segment first.
 *
 * Every partition lists its segments, a bounded number in each round; sizes are summed by labels.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/json.h"
#include "engine/partition.h"
#include "query/answer.h"
#include "query_board/board_read.h"
#include "query/label_set.h"
#include "query/read_request.h"
#include "query_board/read_board.h"
#include "board/board.h"

#define SEGMENTS_DEFAULT 1000
#define LIST_STEP 256u

struct segments_slot {
    uint32_t next; /* cursor; BOARD_SEGMENT_NONE: through */
    bool here;
    struct label_set labels;
    uint32_t *sizes; /* by id of `labels` */
    uint32_t size_capacity;
};

struct segment_row {
    struct span labels; /* encoded */
    uint64_t size;
};

struct segments_read {
    struct board_read base; /* first */
    uint64_t offset;
    uint64_t limit;
    struct segments_slot *slots;
    struct label_set labels;
    struct segment_row *rows; /* sorted */
    uint32_t row_count;
};

static void segments_reset(struct read *read)
{
    struct segments_read *segments = (struct segments_read *)read;

    for (uint32_t i = 0; i < read->partition_count; i++) {
        segments->slots[i].next = 0;
        segments->slots[i].here = false;
        label_set_clear(&segments->slots[i].labels);
    }
    label_set_clear(&segments->labels);
    free(segments->rows);
    segments->rows = NULL;
    segments->row_count = 0;
}

static void segments_free(struct read *read)
{
    struct segments_read *segments = (struct segments_read *)read;

    for (uint32_t i = 0; segments->slots != NULL && i < read->partition_count; i++) {
        label_set_done(&segments->slots[i].labels);
        free(segments->slots[i].sizes);
    }
    free(segments->slots);
    label_set_done(&segments->labels);
    free(segments->rows);
    board_read_done(&segments->base);
    free(segments);
}

static void add_segments(const struct segments_read *segments, struct segments_slot *slot,
                         const struct board_segment *found, uint32_t count)
{
    struct bytes tuple = {0};

    for (uint32_t i = 0; i < count; i++) {
        uint32_t id;

        bytes_clear(&tuple);
        label_set_encode(&tuple, found[i].labels, segments->base.by_count);
        id = label_set_put(&slot->labels, bytes_span(&tuple));
        if (id >= slot->size_capacity) {
            slot->size_capacity = slot->size_capacity > 0 ? slot->size_capacity * 2 : LIST_STEP;
            slot->sizes = bytes_realloc(slot->sizes, slot->size_capacity * sizeof(slot->sizes[0]));
        }
        slot->sizes[id] = found[i].size;
    }
    bytes_done(&tuple);
}

static void segments_collect(struct read *read, const struct partition *partition, uint32_t number)
{
    struct segments_read *segments = (struct segments_read *)read;
    struct segments_slot *slot = &segments->slots[number];
    const struct board *board = board_read_board(&segments->base, partition);
    struct board_segment *found;
    uint32_t looked = 0;

    slot->here = board != NULL;
    if (board == NULL) {
        slot->next = BOARD_SEGMENT_NONE;
        return;
    }
    found = bytes_alloc(LIST_STEP * sizeof(*found));
    while (slot->next != BOARD_SEGMENT_NONE && looked < segments->base.limits.scan_entries_max) {
        uint32_t count = board_segments(board, slot->next, segments->base.by_values, LIST_STEP,
                                        found, LIST_STEP, &slot->next);

        add_segments(segments, slot, found, count);
        looked += LIST_STEP;
    }
    free(found);
}

static int compare_rows(const void *a, const void *b)
{
    const struct segment_row *first = a;
    const struct segment_row *second = b;
    struct span first_labels[BY_FIELDS_MAX] = {{NULL, 0}};
    struct span second_labels[BY_FIELDS_MAX] = {{NULL, 0}};
    uint32_t count = 0;

    if (first->size != second->size)
        return first->size > second->size ? -1 : 1;
    /* Tuples of one board have equally many labels: as many as fit into the text. */
    for (size_t at = 0; at < first->labels.size; count++) {
        uint32_t size;

        memcpy(&size, first->labels.data + at, sizeof(size));
        at += sizeof(size) + size;
    }
    label_set_decode(first->labels, first_labels, count);
    label_set_decode(second->labels, second_labels, count);
    for (uint32_t i = 0; i < count; i++) {
        int order = span_compare(first_labels[i], second_labels[i]);

        if (order != 0)
            return order;
    }
    return 0;
}

static void sum_sizes(struct segments_read *segments)
{
    uint64_t total = 0;

    for (uint32_t p = 0; p < segments->base.read.partition_count; p++)
        total += segments->slots[p].labels.count;
    segments->rows = bytes_alloc_zero(total + 1, sizeof(segments->rows[0]));
    for (uint32_t p = 0; p < segments->base.read.partition_count; p++) {
        const struct segments_slot *slot = &segments->slots[p];

        for (uint32_t i = 0; i < slot->labels.count; i++) {
            uint32_t id = label_set_put(&segments->labels, label_set_get(&slot->labels, i));

            segments->rows[id].size += slot->sizes[i];
        }
    }
    segments->row_count = segments->labels.count;
    for (uint32_t i = 0; i < segments->row_count; i++)
        segments->rows[i].labels = label_set_get(&segments->labels, i);
    qsort(segments->rows, segments->row_count, sizeof(segments->rows[0]), compare_rows);
}

static int segments_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    struct segments_read *segments = (struct segments_read *)read;
    bool here = false;
    bool through = true;

    for (uint32_t i = 0; i < read->partition_count; i++) {
        here = here || segments->slots[i].here;
        through = through && segments->slots[i].next == BOARD_SEGMENT_NONE;
    }
    if (!here)
        return board_read_gone(&segments->base, err);
    *out_step = through ? READ_DONE : READ_AGAIN;
    if (through)
        sum_sizes(segments);
    return 0;
}

static void segments_print(struct read *read, struct answer *out_answer)
{
    struct segments_read *segments = (struct segments_read *)read;
    struct bytes key = {0};
    struct json_out json;

    json_out_init(&json, &out_answer->head);
    board_read_print_board(&segments->base, &json);
    json_out_key(&json, "by");
    json_out_array(&json);
    for (uint32_t i = 0; i < segments->base.by_count; i++)
        json_out_text(&json, segments->base.by[i]);
    json_out_array_end(&json);
    json_out_key(&json, "count");
    json_out_uint(&json, segments->row_count);
    out_answer->rows_name = "segments";
    for (uint64_t i = segments->offset;
         i < segments->row_count && i - segments->offset < segments->limit; i++) {
        struct span labels[BY_FIELDS_MAX];

        label_set_decode(segments->rows[i].labels, labels, segments->base.by_count);
        bytes_clear(&key);
        json_out_init(&json, &key);
        board_read_print_labels(&segments->base, labels, &json);
        answer_row_begin(out_answer, (struct span){"", 0}, bytes_span(&key));
        bytes_put_text(&out_answer->text, "{\"by\":");
        bytes_put(&out_answer->text, key.data, key.size);
        bytes_format(&out_answer->text, ",\"size\":%llu}",
                     (unsigned long long)segments->rows[i].size);
        answer_row_end(out_answer);
    }
    bytes_done(&key);
}

static const struct read_ops segments_ops = {
    "board_segments", segments_collect, segments_merge,
    segments_print,   segments_reset,   segments_free,
};

int read_board_segments_parse(struct read **out_read, const struct read_request *request,
                              struct err *err)
{
    static const char *const names[] = {"offset", "limit", NULL};
    struct segments_read *segments = bytes_alloc_zero(1, sizeof(*segments));
    int rc;

    segments->base.read.ops = &segments_ops;
    segments->base.read.partition_count = request->partition_count;
    segments->slots = bytes_alloc_zero(request->partition_count, sizeof(segments->slots[0]));
    rc = board_read_init(&segments->base, request, names, BOARD_READ_BY_ANY, err);
    if (rc == 0)
        rc = read_params_uint(request, "offset", 0, 0, UINT32_MAX, NULL, &segments->offset, err);
    if (rc == 0)
        rc = read_params_uint(request, "limit", SEGMENTS_DEFAULT, 1,
                              request->limits->page_entries_max, "page_entries", &segments->limit,
                              err);
    if (rc < 0) {
        segments_free(&segments->base.read);
        return rc;
    }
    segments_reset(&segments->base.read);
    *out_read = &segments->base.read;
    return 0;
}
