// SPDX-License-Identifier: Apache-2.0
/*
 * routes_events.c - GET /v1/streams/S/events: the journal itself, as NDJSON.
 *
 * Read in a disk thread, at most EVENTS_MAX rows an answer; the last row's offset says where to go
 * on. The journal holds what was committed: also rows that were duplicates or late.
 */
#include <stdlib.h>
#include <uv.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/catalog.h"
#include "journal/journal.h"
#include "model/batch.h"
#include "node/node.h"
#include "node/worker.h"
#include "http/http.h"
#include "serve/serve_private.h"

#define LIMIT_DEFAULT 1000
#define EVENTS_MAX 100000

struct events_call {
    struct http_request *request; /* NULL: the client has left */
    struct node *node;
    uv_work_t work;
    struct stream_def def;
    uint32_t stream_id;
    uint32_t partition_first;
    uint32_t partition_end;
    uint32_t partition; /* being read */
    uint64_t from;
    uint64_t to; /* the first offset that is not wanted */
    uint64_t left;
    struct bytes text;
    int rc;
    struct err err;
};

static void put_cell(const struct column *column, uint32_t row, struct json_out *json)
{
    switch (column->type) {
    case FIELD_INT:
    case FIELD_TIME:
        if (column->ints[row] == BATCH_INT_NONE)
            json_out_null(json);
        else
            json_out_int(json, column->ints[row]);
        break;
    case FIELD_FLOAT:
        json_out_double(json, column->floats[row]); /* NaN, which is none, is null */
        break;
    case FIELD_STRING:
        if (column->codes[row] == BATCH_CODE_NONE)
            json_out_null(json);
        else
            json_out_string(json, batch_string(column, column->codes[row]));
        break;
    case FIELD_BOOL:
        if (column->bools[row] == BATCH_BOOL_NONE)
            json_out_null(json);
        else
            json_out_bool(json, column->bools[row] != 0);
        break;
    }
}

static void put_row(struct events_call *call, const struct batch *batch, uint32_t row,
                    uint64_t offset)
{
    struct json_out json;

    json_out_init(&json, &call->text);
    json_out_object(&json);
    json_out_key(&json, "offset");
    json_out_uint(&json, offset);
    json_out_key(&json, "partition");
    json_out_uint(&json, call->partition);
    json_out_key(&json, "arrived_at");
    json_out_int(&json, batch->wall_ms);
    for (uint32_t i = 0; i < batch->column_count; i++) {
        json_out_key(&json, call->def.fields[i].name);
        put_cell(&batch->columns[i], row, &json);
    }
    json_out_object_end(&json);
    bytes_put_char(&call->text, '\n');
    call->left--;
}

static int on_record(void *context, const struct journal_record *record, struct err *err)
{
    struct events_call *call = context;
    struct batch *batch;
    int rc;

    if (call->left == 0 || record->offset >= call->to)
        return 1;
    if (record->type != JOURNAL_BATCH)
        return 0;
    rc = batch_decode(&batch, record->payload.data, record->payload.size, err);
    if (rc < 0)
        return rc;
    for (uint32_t row = 0; batch->stream_id == call->stream_id && row < batch->row_count; row++) {
        uint64_t offset = record->offset + row;

        if (call->left > 0 && offset >= call->from && offset < call->to)
            put_row(call, batch, row, offset);
    }
    batch_free(batch);
    return 0;
}

static void read_work(uv_work_t *work)
{
    struct events_call *call = work->data;

    for (call->partition = call->partition_first;
         call->rc == 0 && call->left > 0 && call->partition < call->partition_end;
         call->partition++) {
        struct journal *journal = node_journal(call->node, call->partition);

        call->rc = journal->ops->read(journal, call->from, on_record, call, &call->err);
    }
}

static void free_call(struct events_call *call)
{
    bytes_done(&call->text);
    free(call);
}

static void read_done(uv_work_t *work, int status)
{
    struct events_call *call = work->data;

    (void)status;
    if (call->request != NULL && call->rc < 0)
        http_reply_err(call->request, &call->err);
    else if (call->request != NULL)
        http_reply_bytes(call->request, 200, "application/x-ndjson", &call->text);
    free_call(call);
}

/* A whole number from the query, or its default; false, and answered, if it is none. */
static bool number_of(struct http_request *request, const char *name, uint64_t max,
                      uint64_t otherwise, uint64_t *out_number)
{
    struct span text = http_request_query(request, name);
    uint64_t number = 0;

    if (text.data == NULL) {
        *out_number = otherwise;
        return true;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || number > (UINT64_MAX - 9) / 10)
            break;
        number = number * 10 + (uint64_t)(text.data[i] - '0');
        if (i + 1 == text.size && number <= max) {
            *out_number = number;
            return true;
        }
    }
    http_reply_error(request, 400, "invalid", "%s: expected a whole number from 0 to %llu", name,
                     (unsigned long long)max);
    return false;
}

static void on_request(struct http_request *request)
{
    struct serve_worker *served = serve_of(request);
    struct span name = http_request_param(request, "name");
    uint32_t count = node_partition_count(served->node);
    const struct catalog_stream *stream;
    struct events_call *call;
    uint64_t from;
    uint64_t to;
    uint64_t limit;
    uint64_t partition;

    if (!serve_ready(request))
        return;
    stream = catalog_find_stream(served->worker->catalog, name);
    if (stream == NULL || stream->of_board) {
        http_reply_error(request, 404, "not_found",
                         "stream \"%.*s\" is not defined; GET /v1/streams lists what is",
                         (int)name.size, name.data);
        return;
    }
    if (!number_of(request, "from", UINT64_MAX, 0, &from) ||
        !number_of(request, "to", UINT64_MAX, UINT64_MAX, &to) ||
        !number_of(request, "limit", EVENTS_MAX, LIMIT_DEFAULT, &limit) ||
        !number_of(request, "partition", count - 1, count, &partition))
        return;
    call = bytes_alloc_zero(1, sizeof(*call));
    call->request = request;
    call->node = served->node;
    call->def = stream->def;
    call->stream_id = stream->id;
    call->from = from;
    call->to = to;
    call->left = limit;
    call->partition_first = partition < count ? (uint32_t)partition : 0;
    call->partition_end = partition < count ? (uint32_t)partition + 1 : count;
    call->work.data = call;
    http_request_set_state(request, call);
    uv_queue_work(&served->worker->loop, &call->work, read_work, read_done);
}

static void on_gone(struct http_request *request)
{
    struct events_call *call = http_request_state(request);

    if (call != NULL)
        call->request = NULL;
}

const struct route_ops routes_events_get = {.on_request = on_request, .on_gone = on_gone};
