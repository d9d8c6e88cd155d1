// SPDX-License-Identifier: Apache-2.0
/*
 * routes_ingest.c - POST /v1/streams/S/events: a body of events, decoded as it comes in.
 *
 * A body is never held: its rows go to open batches at once, and what was taken stays taken if the
 * client leaves in the middle (it was told nothing, and may send again). With the headers
 * Tallywheel-Producer and Tallywheel-Sequence, sending again takes only what was not taken.
 */
#include <stdlib.h>
#include <strings.h>

#include "base/conf.h"
#include "base/err.h"
#include "base/json.h"
#include "engine/catalog.h"
#include "node/ingest.h"
#include "node/node.h"
#include "node/worker.h"
#include "http/http.h"
#include "http/inflate.h"
#include "serve/serve_private.h"
#include "wire/ndjson.h"
#include "wire/row_sink.h"

struct ingest_call {
    struct http_request *request; /* NULL: the client has left, or was answered already */
    struct serve_worker *served;
    struct ingest_request rows;
    struct row_sink sink;
    struct ndjson *decoder;
    struct inflate *inflate; /* NULL: a plain body */
    struct ingest_call *paused_next;
    bool paused;
};

/* ---- decoders are pooled: a request of one event should not pay for one ---- */

static struct ndjson *take_decoder(struct ingest_call *call, enum ndjson_form form)
{
    struct serve_worker *served = call->served;
    const struct conf *conf = node_conf(call->rows.worker->node);
    struct ndjson_limits limits = {
        .line_bytes_max = (size_t)conf->limits.line_bytes,
        .string_bytes_max = (size_t)conf->limits.string_bytes,
    };
    struct ndjson *decoder;

    if (served->decoder_count > 0)
        decoder = served->decoders[--served->decoder_count];
    else
        decoder = ndjson_new(&call->rows.def, &limits, &call->sink);
    ndjson_reset(decoder, &call->rows.def, form, &call->sink);
    return decoder;
}

static void give_decoder(struct serve_worker *served, struct ndjson *decoder)
{
    if (served->decoder_count < SERVE_DECODERS_MAX)
        served->decoders[served->decoder_count++] = decoder;
    else
        ndjson_free(decoder);
}

/* ---- rows ---- */

static int on_row(void *ctx, const struct cell *cells, uint64_t line)
{
    ingest_row(ctx, cells, line);
    return 0;
}

static void on_reject(void *ctx, uint64_t line, const char *reason)
{
    ingest_reject(ctx, line, reason);
}

/* ---- the answer ---- */

static void put_rejects(const struct ingest_request *rows, struct json_out *json)
{
    json_out_key(json, "rejected");
    json_out_array(json);
    for (uint32_t i = 0; i < rows->reject_count; i++) {
        json_out_object(json);
        json_out_key(json, "line");
        json_out_uint(json, rows->rejects[i].line);
        json_out_key(json, "reason");
        json_out_string(json, ingest_reject_reason(rows, i));
        json_out_object_end(json);
    }
    json_out_array_end(json);
    json_out_key(json, "rejected_count");
    json_out_uint(json, rows->rejected);
}

static void put_answer(const struct ingest_request *rows, struct bytes *text)
{
    struct json_out json;

    json_out_init(&json, text);
    json_out_object(&json);
    json_out_key(&json, "accepted");
    json_out_uint(&json, rows->accepted);
    json_out_key(&json, "duplicates");
    json_out_uint(&json, rows->duplicates);
    json_out_key(&json, "late");
    json_out_uint(&json, rows->late);
    put_rejects(rows, &json);
    json_out_key(&json, "offsets");
    json_out_object(&json);
    for (uint32_t i = 0; i < rows->offset_count; i++) {
        char partition[16];

        snprintf(partition, sizeof(partition), "%u", rows->offsets[i].partition);
        json_out_key(&json, partition);
        json_out_uint(&json, rows->offsets[i].offset);
    }
    json_out_object_end(&json);
    json_out_object_end(&json);
}

static void reply(struct ingest_call *call)
{
    const struct ingest_request *rows = &call->rows;
    uint64_t taken = rows->accepted + rows->duplicates + rows->late;
    struct bytes text = {0};

    if (rows->failed == 0 && rows->stale > 0) {
        http_reply_error(call->request, 409, "conflict",
                         "sequence %llu of producer \"%.*s\" is older than those that are "
                         "remembered, so nobody knows what was taken of it (%llu events of this "
                         "request were not taken, %llu were)",
                         (unsigned long long)rows->sequence, (int)rows->producer.size,
                         rows->producer.data, (unsigned long long)rows->stale,
                         (unsigned long long)taken);
        return;
    }
    if (rows->failed > 0) {
        if (rows->failure.code == ERR_FULL)
            http_reply_header(call->request, "Retry-After", "2");
        http_reply_error(
            call->request, err_code_status(rows->failure.code), err_code_text(rows->failure.code),
            "%s (%llu events of this request were not taken, %llu were)", rows->failure.text,
            (unsigned long long)rows->failed, (unsigned long long)taken);
        return;
    }
    put_answer(rows, &text);
    http_reply_bytes(call->request, taken == 0 && rows->rejected > 0 ? 400 : 200,
                     "application/json", &text);
    bytes_done(&text);
}

static void free_call(struct ingest_call *call)
{
    if (call->decoder != NULL)
        give_decoder(call->served, call->decoder);
    inflate_free(call->inflate);
    ingest_request_done(&call->rows);
    free(call);
}

static void on_done(struct ingest_request *rows)
{
    struct ingest_call *call = rows->context;

    if (call->request != NULL)
        reply(call);
    free_call(call);
}

/* ---- room ---- */

static void pause_body(struct ingest_call *call)
{
    call->paused = true;
    call->paused_next = call->served->paused;
    call->served->paused = call;
    http_request_pause(call->request);
}

static void unlist_paused(struct ingest_call *call)
{
    struct ingest_call **at = &call->served->paused;

    if (!call->paused)
        return;
    while (*at != call)
        at = &(*at)->paused_next;
    *at = call->paused_next;
    call->paused = false;
}

void routes_ingest_room(struct serve_worker *served)
{
    while (served->paused != NULL && !ingest_is_tight(served->worker)) {
        struct ingest_call *call = served->paused;

        unlist_paused(call);
        http_request_resume(call->request);
    }
}

/* ---- the request ---- */

static enum ndjson_form form_of(struct span type)
{
    if (type.size >= 16 && strncasecmp(type.data, "application/json", 16) == 0)
        return NDJSON_JSON;
    if ((type.size >= 20 && strncasecmp(type.data, "application/x-ndjson", 20) == 0) ||
        (type.size >= 18 && strncasecmp(type.data, "application/ndjson", 18) == 0))
        return NDJSON_LINES;
    return NDJSON_AUTO;
}

/* NULL, and answered, if the body cannot be taken. */
static const struct catalog_stream *check(struct http_request *request)
{
    struct serve_worker *served = serve_of(request);
    struct span name = http_request_param(request, "name");
    struct span encoding = http_request_header(request, "content-encoding");
    const struct catalog_stream *stream = catalog_find_stream(served->worker->catalog, name);

    if (stream == NULL || stream->of_board) {
        http_reply_error(request, 404, "not_found",
                         "stream \"%.*s\" is not defined; GET /v1/streams lists what is",
                         (int)name.size, name.data);
        return NULL;
    }
    if (encoding.size > 0 && !span_equal(encoding, SPAN_LITERAL("gzip")) &&
        !span_equal(encoding, SPAN_LITERAL("identity"))) {
        http_reply_error(request, 415, "unsupported",
                         "Content-Encoding \"%.*s\" is not understood; send gzip or plain text",
                         (int)encoding.size, encoding.data);
        return NULL;
    }
    if (ingest_is_full(served->worker)) {
        stats_add(&served->worker->stats.ingest_refused, 1);
        http_reply_header(request, "Retry-After", "1");
        http_reply_error(request, 429, "limit",
                         "more is in flight than `ingest_bytes` allows; try again in a second");
        return NULL;
    }
    return stream;
}

static bool read_sequence(struct span text, uint64_t *out_sequence)
{
    uint64_t sequence = 0;

    if (text.size == 0)
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9' ||
            __builtin_mul_overflow(sequence, 10, &sequence) ||
            __builtin_add_overflow(sequence, (uint64_t)(text.data[i] - '0'), &sequence))
            return false;
    *out_sequence = sequence;
    return true;
}

/* Who sends this, and the how manieth request it is. False, and answered, if that is no sense. */
static bool check_producer(struct http_request *request, struct span *out_producer,
                           uint64_t *out_sequence)
{
    struct span producer = http_request_header(request, "tallywheel-producer");
    struct span sequence = http_request_header(request, "tallywheel-sequence");

    *out_producer = producer;
    if (producer.size == 0 && sequence.size == 0)
        return true;
    if (producer.size == 0 || producer.size > PRODUCER_NAME_BYTES_MAX) {
        http_reply_error(request, 400, "invalid",
                         "Tallywheel-Producer: expected a name of 1 to %d bytes, and "
                         "Tallywheel-Sequence with it",
                         PRODUCER_NAME_BYTES_MAX);
        return false;
    }
    if (!read_sequence(sequence, out_sequence)) {
        http_reply_error(request, 400, "invalid",
                         "Tallywheel-Sequence: expected a whole number from 0 to "
                         "18446744073709551615, the same when the request is sent again");
        return false;
    }
    return true;
}

static void on_request(struct http_request *request)
{
    struct serve_worker *served = serve_of(request);
    struct span encoding = http_request_header(request, "content-encoding");
    const struct catalog_stream *stream;
    struct ingest_call *call;
    struct span producer;
    uint64_t sequence = 0;

    if (!serve_ready(request))
        return;
    stream = check(request);
    if (stream == NULL || !check_producer(request, &producer, &sequence))
        return;
    call = bytes_alloc_zero(1, sizeof(*call));
    call->request = request;
    call->served = served;
    ingest_request_init(&call->rows, served->worker, stream);
    call->rows.context = call;
    call->rows.done = on_done;
    if (producer.size > 0)
        ingest_request_produced(&call->rows, producer, sequence);
    call->sink = (struct row_sink){&call->rows, on_row, on_reject};
    call->decoder = take_decoder(call, form_of(http_request_header(request, "content-type")));
    if (span_equal(encoding, SPAN_LITERAL("gzip")))
        call->inflate = inflate_new((size_t)node_conf(served->node)->limits.body_bytes);
    http_request_set_state(request, call);
}

/* The rest of the body is of no use: the client is told, its rows so far stay taken. */
static void give_up(struct ingest_call *call, const struct err *err)
{
    struct http_request *request = call->request;

    call->request = NULL;
    http_request_set_state(request, NULL);
    http_reply_err(request, err);
    ingest_end(&call->rows);
}

static int give_plain(void *context, const char *data, size_t size)
{
    return ndjson_feed(context, data, size);
}

static void on_body(struct http_request *request, const char *data, size_t size)
{
    struct ingest_call *call = http_request_state(request);
    struct err err = {0};
    int rc;

    worker_touch(call->served->worker);
    if (call->inflate != NULL)
        rc = inflate_feed(call->inflate, data, size, give_plain, call->decoder, &err);
    else
        rc = ndjson_feed(call->decoder, data, size);
    if (rc < 0)
        give_up(call, &err);
    else if (ingest_is_tight(call->served->worker))
        pause_body(call);
}

static void on_end(struct http_request *request)
{
    struct ingest_call *call = http_request_state(request);
    struct err err = {0};

    if (call->inflate != NULL && inflate_finish(call->inflate, &err) < 0) {
        give_up(call, &err);
        return;
    }
    ndjson_finish(call->decoder);
    ingest_end(&call->rows);
}

static void on_gone(struct http_request *request)
{
    struct ingest_call *call = http_request_state(request);

    if (call == NULL)
        return;
    unlist_paused(call);
    call->request = NULL;
    if (!call->rows.ended)
        ingest_end(&call->rows);
}

const struct route_ops routes_ingest_post = {
    .on_request = on_request,
    .on_body = on_body,
    .on_end = on_end,
    .on_gone = on_gone,
};
