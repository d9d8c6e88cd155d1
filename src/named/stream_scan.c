// SPDX-License-Identifier: Apache-2.0
/*
 * stream_scan.c - rows of a stream between two ids, from the journals of all partitions.
 *
 * In each partition the place of the first id is found by bisection: wall times of records never
 * go back. Then its next rows are read, as many as are wanted of all; the rows of all partitions
 * are sorted by id and cut. From the end, a window is read that is doubled until it has enough.
 *
 * Thread: a disk thread, but for new, begin, put and free.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/json.h"
#include "journal/journal.h"
#include "model/batch.h"
#include "model/reply.h"
#include "named/stream_private.h"
#include "node/node.h"
#include "node/worker.h"
#include "resp/resp_print.h"

#define WINDOW_MIN 256u

/* ---- ids ---- */

static bool read_part(struct span text, uint64_t *out_value)
{
    uint64_t value = 0;

    if (text.size == 0 || text.size > 20)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint64_t digit = (uint64_t)(text.data[i] - '0');

        if (text.data[i] < '0' || text.data[i] > '9' || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out_value = value;
    return true;
}

bool stream_id_read(struct span text, uint64_t otherwise, struct stream_id *out_id)
{
    const char *dash = text.size > 0 ? memchr(text.data, '-', text.size) : NULL;
    struct stream_id id = {0, otherwise};
    struct span head = text;

    if (dash != NULL) {
        head.size = (size_t)(dash - text.data);
        if (!read_part((struct span){dash + 1, text.size - head.size - 1}, &id.n))
            return false;
    }
    if (!read_part(head, &id.ms))
        return false;
    *out_id = id;
    return true;
}

void stream_id_put(struct bytes *out, struct stream_id id)
{
    char text[48];

    snprintf(text, sizeof(text), "%llu-%llu", (unsigned long long)id.ms, (unsigned long long)id.n);
    reply_bulk(out, span_of(text));
}

/* ---- rows ---- */

/* False if the row has no value there. */
static bool put_cell(struct stream_scan *scan, const struct column *column, uint32_t row)
{
    struct bytes *text = &scan->scratch;

    bytes_clear(text);
    switch (column->type) {
    case FIELD_INT:
    case FIELD_TIME:
        if (column->ints[row] == BATCH_INT_NONE)
            return false;
        resp_int_put(text, column->ints[row]);
        return true;
    case FIELD_FLOAT:
        if (column->floats[row] != column->floats[row])
            return false;
        resp_double_put(text, column->floats[row]);
        return true;
    case FIELD_STRING:
        if (column->codes[row] == BATCH_CODE_NONE)
            return false;
        bytes_put(text, batch_string(column, column->codes[row]).data,
                  batch_string(column, column->codes[row]).size);
        return true;
    case FIELD_BOOL:
        if (column->bools[row] == BATCH_BOOL_NONE)
            return false;
        bytes_put_text(text, column->bools[row] != 0 ? "true" : "false");
        return true;
    }
    return false;
}

static void add_row(struct stream_scan *scan, const struct batch *batch, uint32_t row,
                    struct stream_id id)
{
    struct scan_row *added;
    uint32_t words = 0;
    size_t at;

    if (scan->row_count == scan->row_capacity) {
        scan->row_capacity = scan->row_capacity > 0 ? 2 * scan->row_capacity : 64;
        scan->rows = bytes_realloc(scan->rows, scan->row_capacity * sizeof(scan->rows[0]));
    }
    added = &scan->rows[scan->row_count++];
    *added = (struct scan_row){.id = id, .at = scan->text.size, .partition = scan->partition};
    reply_aggregate(&scan->text, REPLY_ARRAY, 2);
    stream_id_put(&scan->text, id);
    at = reply_aggregate_begin(&scan->text, REPLY_ARRAY);
    for (uint32_t i = 0; i < batch->column_count; i++) {
        if (!put_cell(scan, &batch->columns[i], row))
            continue;
        reply_bulk(&scan->text, span_of(scan->def.fields[i].name));
        reply_bulk(&scan->text, bytes_span(&scan->scratch));
        words += 2;
    }
    reply_aggregate_end(&scan->text, at, words);
    added->size = (uint32_t)(scan->text.size - added->at);
}

/* Whether nothing behind this record is wanted. */
static bool is_behind(struct stream_scan *scan, const struct journal_record *record)
{
    if ((uint64_t)record->wall_ms >= scan->settled_ms) {
        scan->held_back = true;
        return true;
    }
    return (uint64_t)record->wall_ms > scan->to.ms;
}

static int on_record(void *context, const struct journal_record *record, struct err *err)
{
    struct stream_scan *scan = context;
    struct batch *batch;
    int rc;

    if (is_behind(scan, record) || record->offset >= scan->probed_end)
        return 1;
    scan->nexts[scan->partition] = record->offset + record->count;
    if (record->type != JOURNAL_BATCH || (uint64_t)record->wall_ms < scan->from.ms)
        return 0;
    rc = batch_decode(&batch, record->payload.data, record->payload.size, err);
    if (rc < 0)
        return rc;
    for (uint32_t row = 0; batch->stream_id == scan->stream_id && row < batch->row_count; row++) {
        struct stream_id id = {(uint64_t)record->wall_ms,
                               (record->offset + row) * scan->partition_count + scan->partition};

        if (!scan->reversed && scan->row_count - scan->first >= scan->limit) {
            scan->nexts[scan->partition] = record->offset + row;
            batch_free(batch);
            return 1;
        }
        if (stream_id_compare(id, scan->from) >= 0 && stream_id_compare(id, scan->to) <= 0)
            add_row(scan, batch, row, id);
    }
    batch_free(batch);
    return 0;
}

/* ---- places ---- */

static int on_probe(void *context, const struct journal_record *record, struct err *err)
{
    struct stream_scan *scan = context;

    (void)err;
    scan->probed_ms = record->wall_ms;
    scan->offset = record->offset;
    scan->probed_end = record->offset + record->count;
    return 1;
}

/* The offset of the first record whose time is not before `ms`. */
static uint64_t find_ms(struct stream_scan *scan, struct journal *journal, uint64_t ms)
{
    struct journal_stat stat;
    uint64_t low, high;

    journal->ops->stat(journal, &stat);
    low = stat.offset_first;
    high = stat.offset_end;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        scan->probed_end = 0;
        scan->rc = journal->ops->read(journal, middle, on_probe, scan, &scan->err);
        if (scan->rc < 0)
            break;
        if (scan->probed_end == 0 || (uint64_t)scan->probed_ms >= ms)
            high = scan->probed_end != 0 && scan->offset < middle ? scan->offset : middle;
        else
            low = scan->probed_end;
    }
    return low;
}

static void read_forward(struct stream_scan *scan, struct journal *journal)
{
    uint64_t start = scan->starts[scan->partition];

    if (start == UINT64_MAX)
        start = scan->from.ms > 0 ? find_ms(scan, journal, scan->from.ms) : 0;
    scan->nexts[scan->partition] = start;
    scan->probed_end = UINT64_MAX;
    if (scan->rc == 0)
        scan->rc = journal->ops->read(journal, start, on_record, scan, &scan->err);
}

/* Drops all but the last `limit` rows of the partition. */
static void keep_last(struct stream_scan *scan)
{
    uint32_t count = scan->row_count - scan->first;

    if (count <= scan->limit)
        return;
    memmove(&scan->rows[scan->first], &scan->rows[scan->row_count - scan->limit],
            scan->limit * sizeof(scan->rows[0]));
    scan->row_count = scan->first + scan->limit;
}

static void read_backward(struct stream_scan *scan, struct journal *journal)
{
    uint64_t window = scan->limit > WINDOW_MIN ? scan->limit : WINDOW_MIN;
    size_t text_size = scan->text.size;
    struct journal_stat stat;
    uint64_t end, start;

    journal->ops->stat(journal, &stat);
    end = scan->to.ms < INT64_MAX ? find_ms(scan, journal, scan->to.ms + 1) : stat.offset_end;
    do {
        start = end > stat.offset_first + window ? end - window : stat.offset_first;
        scan->row_count = scan->first;
        scan->text.size = text_size;
        scan->probed_end = end;
        if (scan->rc == 0)
            scan->rc = journal->ops->read(journal, start, on_record, scan, &scan->err);
        window *= 4;
    } while (scan->rc == 0 && scan->row_count - scan->first < scan->limit &&
             start > stat.offset_first);
    keep_last(scan);
}

/* ---- all partitions ---- */

static int compare_rows(const void *a, const void *b)
{
    return stream_id_compare(((const struct scan_row *)a)->id, ((const struct scan_row *)b)->id);
}

static void cut(struct stream_scan *scan)
{
    uint32_t from = 0;

    qsort(scan->rows, scan->row_count, sizeof(scan->rows[0]), compare_rows);
    if (scan->row_count <= scan->limit)
        return;
    if (scan->reversed) {
        from = scan->row_count - scan->limit;
        memmove(scan->rows, scan->rows + from, scan->limit * sizeof(scan->rows[0]));
    }
    for (uint32_t i = scan->limit; !scan->reversed && i < scan->row_count; i++) {
        uint64_t offset = scan->rows[i].id.n / scan->partition_count;
        uint64_t *next = &scan->nexts[scan->rows[i].partition];

        if (offset < *next)
            *next = offset;
    }
    scan->row_count = scan->limit;
}

static void read_work(uv_work_t *work)
{
    struct stream_scan *scan = (struct stream_scan *)work;

    for (scan->partition = 0; scan->partition < scan->partition_count && scan->rc == 0;
         scan->partition++) {
        struct journal *journal = node_journal(scan->node, scan->partition);

        scan->first = scan->row_count;
        if (scan->reversed)
            read_backward(scan, journal);
        else
            read_forward(scan, journal);
    }
    if (scan->row_count > 0)
        cut(scan);
}

static void read_done(uv_work_t *work, int status)
{
    struct stream_scan *scan = (struct stream_scan *)work;

    struct worker *worker = scan->worker;

    (void)status;
    scan->done(scan);
    worker_end(worker);
}

struct stream_scan *stream_scan_new(struct worker *worker, const struct stream_def *def,
                                    uint32_t stream_id)
{
    struct stream_scan *scan = bytes_alloc_zero(1, sizeof(*scan));

    scan->node = worker->node;
    scan->def = *def;
    scan->stream_id = stream_id;
    scan->partition_count = node_partition_count(worker->node);
    scan->to = (struct stream_id){UINT64_MAX, UINT64_MAX};
    scan->settled_ms = UINT64_MAX;
    scan->limit = STREAM_ROWS_MAX;
    scan->starts = bytes_alloc(scan->partition_count * sizeof(scan->starts[0]));
    scan->nexts = bytes_alloc_zero(scan->partition_count, sizeof(scan->nexts[0]));
    for (uint32_t i = 0; i < scan->partition_count; i++)
        scan->starts[i] = UINT64_MAX;
    return scan;
}

void stream_scan_begin(struct stream_scan *scan, struct worker *worker)
{
    scan->worker = worker;
    worker_begin(worker);
    uv_queue_work(&worker->loop, &scan->work, read_work, read_done);
}

void stream_scan_free(struct stream_scan *scan)
{
    free(scan->starts);
    free(scan->nexts);
    free(scan->rows);
    bytes_done(&scan->text);
    bytes_done(&scan->scratch);
    free(scan);
}

void stream_scan_put(const struct stream_scan *scan, struct bytes *out)
{
    reply_aggregate(out, REPLY_ARRAY, scan->row_count);
    for (uint32_t i = 0; i < scan->row_count; i++) {
        const struct scan_row *row = &scan->rows[scan->reversed ? scan->row_count - 1 - i : i];

        bytes_put(out, scan->text.data + row->at, row->size);
    }
}
