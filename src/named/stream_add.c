// SPDX-License-Identifier: Apache-2.0
/*
 * stream_add.c - XADD: one event of a defined stream; and XLEN.
 *
 * An event goes the way of those of POST /v1/streams/S/events, into the batch that all requests of
 * the worker share. Its id is known when it has been folded.
 *
 * Thread: the worker's; collect the partition's.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/conf.h"
#include "engine/catalog.h"
#include "engine/partition.h"
#include "grammar/grammar.h"
#include "model/reply.h"
#include "named/named_private.h"
#include "named/named_stream.h"
#include "named/stream_private.h"
#include "node/ask.h"
#include "node/ingest.h"
#include "node/node.h"
#include "node/worker.h"
#include "query/read.h"
#include "wire/text_row.h"

const struct catalog_stream *stream_find(struct worker *worker, struct span key, bool silent,
                                         struct bytes *out)
{
    const struct catalog_stream *stream = catalog_find_stream(worker->catalog, key);

    if (stream != NULL && !stream->of_board)
        return stream;
    if (catalog_find_board(worker->catalog, key) != NULL)
        reply_error(out, "WRONGTYPE Operation against a key holding the wrong kind of value");
    else if (!silent)
        reply_error(out,
                    "ERR stream \"%.*s\" is not defined: PUT /v1/streams/NAME defines one, with "
                    "its fields",
                    (int)(key.size < 100 ? key.size : 100), key.data);
    return NULL;
}

void stream_reply(struct bytes *out, named_done_fn *done, void *context)
{
    done(context, bytes_span(out));
    bytes_done(out);
}

/* ---- XADD ---- */

struct add_call {
    struct ingest_request request; /* first */
    named_done_fn *done;
    void *context;
};

static void put_added(const struct add_call *call, struct bytes *out)
{
    const struct ingest_request *request = &call->request;
    const struct ingest_offset *offset = request->offsets;

    if (request->failed > 0) {
        reply_error(out, "ERR %s", request->failure.text);
    } else if (request->rejected > 0) {
        struct span reason = ingest_reject_reason(request, 0);

        reply_error(out, "ERR %.*s", (int)reason.size, reason.data);
    } else if (request->duplicates > 0) {
        reply_error(out, "DUPLICATE stream \"%s\" has had an event with this \"%s\"",
                    request->def.name, request->def.fields[request->def.id_field].name);
    } else if (request->late > 0) {
        reply_error(out, "LATE the event is older than the `lateness` of stream \"%s\" allows",
                    request->def.name);
    } else {
        assert(request->offset_count == 1);
        stream_id_put(
            out, (struct stream_id){(uint64_t)offset->wall_ms,
                                    offset->offset * node_partition_count(request->worker->node) +
                                        offset->partition});
    }
}

static void on_added(struct ingest_request *request)
{
    struct add_call *call = (struct add_call *)request;
    struct bytes out = {0};

    put_added(call, &out);
    ingest_request_done(request);
    stream_reply(&out, call->done, call->context);
    free(call);
}

/* The words between the key and the fields; false with an error reply. */
static bool read_options(const struct span *words, uint32_t count, uint32_t *out_at,
                         bool *out_no_make, struct bytes *out)
{
    uint32_t at = 2;

    *out_no_make = false;
    for (; at < count; at++) {
        if (grammar_is(words[at], "nomkstream")) {
            *out_no_make = true;
        } else if (grammar_is(words[at], "maxlen") || grammar_is(words[at], "minid")) {
            reply_error(out, "ERR a defined stream is the journal, and is not trimmed");
            return false;
        } else {
            break;
        }
    }
    if (at < count && !span_equal(words[at], SPAN_LITERAL("*"))) {
        reply_error(out, "ERR the ids of a defined stream are given by the server: expected *");
        return false;
    }
    *out_at = at + 1;
    if (*out_at < count && (count - *out_at) % 2 == 0)
        return true;
    reply_error(out, "ERR wrong number of arguments for 'xadd' command");
    return false;
}

void stream_add(struct worker *worker, const struct span *words, uint32_t count,
                named_done_fn *done, void *context)
{
    size_t string_bytes_max = (size_t)node_conf(worker->node)->limits.string_bytes;
    struct cell cells[STREAM_FIELDS_MAX];
    const struct catalog_stream *stream = NULL;
    struct bytes out = {0};
    struct err err = {0};
    struct add_call *call;
    bool no_make;
    uint32_t at;

    if (read_options(words, count, &at, &no_make, &out))
        stream = stream_find(worker, words[1], no_make, &out);
    if (stream != NULL && ingest_is_full(worker))
        reply_error(&out, "ERR too much is being written (limits.ingest_bytes); try again later");
    else if (stream != NULL &&
             text_row_read(&stream->def, words + at, count - at, string_bytes_max, cells, &err) < 0)
        reply_error(&out, "ERR %s", err.text);
    else if (stream == NULL && out.size == 0)
        reply_null(&out);
    if (out.size > 0) {
        stream_reply(&out, done, context);
        return;
    }
    call = bytes_alloc(sizeof(*call));
    ingest_request_init(&call->request, worker, stream);
    call->request.done = on_added;
    call->done = done;
    call->context = context;
    ingest_row(&call->request, cells, 1);
    ingest_end(&call->request);
}

/* ---- XLEN ---- */

struct length_read {
    struct read read; /* first */
    uint32_t stream_id;
    uint64_t *rows; /* by partition */
    named_done_fn *done;
    void *context;
};

static void length_collect(struct read *read, const struct partition *partition, uint32_t slot)
{
    struct length_read *length = (struct length_read *)read;
    struct partition_stream_stat stat;

    length->rows[slot] = partition_stream_stat(partition, length->stream_id, &stat) ? stat.rows : 0;
}

static int length_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    (void)read;
    (void)err;
    *out_step = READ_DONE;
    return 0;
}

static const struct read_ops length_ops = {
    .name = "named_length", .collect = length_collect, .merge = length_merge};

static void on_length(void *context, struct read *read, int rc, const struct err *err)
{
    struct length_read *length = context;
    struct bytes out = {0};
    uint64_t sum = 0;

    (void)rc;
    (void)err;
    for (uint32_t i = 0; i < read->partition_count; i++)
        sum += length->rows[i];
    reply_int(&out, (int64_t)sum);
    stream_reply(&out, length->done, length->context);
    free(length->rows);
    free(length);
}

void stream_length(struct worker *worker, struct span key, named_done_fn *done, void *context)
{
    struct bytes out = {0};
    const struct catalog_stream *stream = stream_find(worker, key, true, &out);
    struct length_read *length;

    if (stream == NULL) {
        if (out.size == 0)
            reply_int(&out, 0);
        stream_reply(&out, done, context);
        return;
    }
    length = bytes_alloc_zero(1, sizeof(*length));
    length->read.ops = &length_ops;
    length->read.partition_count = node_partition_count(worker->node);
    length->stream_id = stream->id;
    length->rows = bytes_alloc_zero(length->read.partition_count, sizeof(length->rows[0]));
    length->done = done;
    length->context = context;
    ask_read(worker, &length->read, on_length, length);
}
