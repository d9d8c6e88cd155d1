// SPDX-License-Identifier: Apache-2.0
/* ingest.c - see ingest.h. */
#include "node/ingest.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/hash.h"
#include "base/json.h"
#include "engine/catalog.h"
#include "node/host.h"
#include "node/node_private.h"
#include "node/submission.h"
#include "node/worker.h"

#define POOL_MAX 64u
#define ROWS_MAX 65536u /* of a batch: whatever they weigh */
#define ROWS_PER_WEIGHING 32u

static void send_ready(struct ingest *ingest, bool all);

static void on_check(uv_check_t *check)
{
    struct ingest *ingest = check->data;

    if (ingest->open_count > 0)
        send_ready(ingest, false);
}

static void on_timer(uv_timer_t *timer)
{
    struct ingest *ingest = timer->data;

    ingest->timer_active = false;
    send_ready(ingest, true);
}

void ingest_init(struct ingest *ingest, struct worker *worker)
{
    *ingest = (struct ingest){.worker = worker, .next_partition = worker->number};
    ingest->check.data = ingest;
    ingest->timer.data = ingest;
    uv_check_init(&worker->loop, &ingest->check);
    uv_check_start(&ingest->check, on_check);
    uv_timer_init(&worker->loop, &ingest->timer);
}

void ingest_flush(struct ingest *ingest)
{
    send_ready(ingest, true);
}

void ingest_close(struct ingest *ingest)
{
    uv_close((uv_handle_t *)&ingest->check, NULL);
    uv_close((uv_handle_t *)&ingest->timer, NULL);
}

static void free_submission(struct submission *submission)
{
    batch_free(submission->batch);
    free(submission->parts);
    free(submission->replies);
    bytes_done(&submission->record);
    free(submission);
}

void ingest_done(struct ingest *ingest)
{
    while (ingest->pool != NULL) {
        struct submission *submission = ingest->pool;

        ingest->pool = submission->next;
        free_submission(submission);
    }
    for (uint32_t i = 0; i < ingest->open_count; i++)
        free_submission(ingest->open[i]);
    free(ingest->open);
    ingest->open = NULL;
    ingest->open_count = 0;
}

/* ---- submissions ---- */

/* The fold gives rows of an older version the newer one's columns: those are of no more use. */
static bool fits(const struct batch *batch, const struct catalog_stream *stream)
{
    return batch->stream_id == stream->id && batch->stream_version == stream->def.version &&
           batch->column_count == stream->def.field_count;
}

struct submission *ingest_take(struct ingest *ingest, const struct catalog_stream *stream,
                               uint32_t partition)
{
    struct submission **at = &ingest->pool;
    struct submission *submission;

    while (*at != NULL && !fits((*at)->batch, stream))
        at = &(*at)->next;
    submission = *at;
    if (submission != NULL) {
        *at = submission->next;
        ingest->pool_count--;
        batch_reset(submission->batch);
    } else {
        submission = bytes_alloc_zero(1, sizeof(*submission));
        submission->batch = batch_new(&stream->def, stream->id);
    }
    submission->next = NULL;
    submission->origin = ingest->worker;
    submission->partition = partition;
    submission->type = JOURNAL_BATCH;
    submission->part_count = 0;
    submission->rc = 0;
    submission->bytes = 0;
    submission->opened_ns = clock_mono_ns(ingest->worker->node->clock);
    submission->returned = NULL;
    return submission;
}

static void drop_oldest(struct ingest *ingest)
{
    struct submission **at = &ingest->pool;

    while ((*at)->next != NULL)
        at = &(*at)->next;
    free_submission(*at);
    *at = NULL;
    ingest->pool_count--;
}

void ingest_recycle(struct ingest *ingest, struct submission *submission)
{
    free(submission->replies);
    submission->replies = NULL;
    if (ingest->pool_count >= POOL_MAX)
        drop_oldest(ingest); /* maybe of a stream that has changed since */
    submission->next = ingest->pool;
    ingest->pool = submission;
    ingest->pool_count++;
}

/* ---- answers ---- */

static void note_offset(struct ingest_request *request, uint32_t partition, uint64_t offset,
                        int64_t wall_ms)
{
    for (uint32_t i = 0; i < request->offset_count; i++)
        if (request->offsets[i].partition == partition) {
            if (offset > request->offsets[i].offset)
                request->offsets[i] = (struct ingest_offset){partition, offset, wall_ms};
            return;
        }
    request->offsets =
        bytes_realloc(request->offsets, (request->offset_count + 1) * sizeof(request->offsets[0]));
    request->offsets[request->offset_count++] = (struct ingest_offset){partition, offset, wall_ms};
}

static void finish(struct ingest_request *request)
{
    struct stats *stats = &request->worker->stats;
    uint64_t now_ns = clock_mono_ns(request->worker->node->clock);

    stats_add(&stats->accepted, request->accepted);
    stats_add(&stats->duplicates, request->duplicates);
    stats_add(&stats->late, request->late);
    stats_add(&stats->rejected, request->rejected);
    stats_add(&stats->ingest_requests, 1);
    if (request->failed > 0)
        stats_add(&stats->ingest_failed, 1);
    stats_ack(stats, (now_ns - request->ended_ns) / 1000);
    request->done(request);
}

static void settle_part(const struct submission *submission, const struct submission_part *part)
{
    struct ingest_request *request = part->request;
    const struct batch *batch = submission->batch;
    uint32_t end = part->first_row + part->row_count;

    if (submission->rc < 0) {
        request->failed += part->row_count;
        request->failure = submission->err;
    } else {
        uint64_t gap_rows = 0;

        for (uint32_t row = part->first_row; row < end; row++) {
            request->accepted += batch->outcomes[row] == ROW_ACCEPTED;
            request->duplicates += batch->outcomes[row] == ROW_DUPLICATE;
            request->late += batch->outcomes[row] == ROW_LATE;
            request->stale += batch->outcomes[row] == ROW_STALE;
            gap_rows += batch->outcomes[row] == ROW_GAP;
        }
        if (gap_rows > 0 && request->failed == 0)
            err_set(&request->failure, ERR_UNAVAILABLE,
                    "an earlier part of the request was not taken; send it again with the same "
                    "sequence");
        request->failed += gap_rows;
        note_offset(request, submission->partition, batch->offset + end - 1, batch->wall_ms);
    }
    request->pending--;
    if (request->ended && request->pending == 0)
        finish(request);
}

static void on_returned(struct submission *submission, struct worker *origin)
{
    for (uint32_t i = 0; i < submission->part_count; i++)
        settle_part(submission, &submission->parts[i]);
    ingest_recycle(&origin->ingest, submission);
}

/* ---- sending ---- */

void ingest_send(struct ingest *ingest, struct submission *submission)
{
    struct node *node = ingest->worker->node;

    ingest->next_partition += node->worker_count; /* the next batch of rows without a key */
    if (ingest->next_partition >= node->partition_count)
        ingest->next_partition = ingest->worker->number % node->partition_count;
    submission->bytes = batch_bytes(submission->batch);
    worker_submit(ingest->worker, submission);
}

static bool is_ready(const struct ingest *ingest, const struct submission *submission,
                     uint64_t now_ns)
{
    const struct node *node = ingest->worker->node;
    const struct host *host = &node->hosts[submission->partition];

    return !atomic_load_explicit(&host->busy, memory_order_relaxed) ||
           now_ns - submission->opened_ns >= (uint64_t)node->conf->commit_delay * 1000000u;
}

/* Sends the open submissions that are due, or all of them; a timer sees to what is left. */
static void send_ready(struct ingest *ingest, bool all)
{
    const struct node *node = ingest->worker->node;
    uint64_t now_ns = clock_mono_ns(node->clock);
    uint32_t kept = 0;
    uint32_t count = ingest->open_count;

    for (uint32_t i = 0; i < count; i++) {
        struct submission *submission = ingest->open[i];

        if (all || is_ready(ingest, submission, now_ns))
            ingest_send(ingest, submission);
        else
            ingest->open[kept++] = submission;
    }
    ingest->open_count = kept;
    if (kept > 0 && !ingest->timer_active) {
        ingest->timer_active = true;
        uv_timer_start(&ingest->timer, on_timer, (uint64_t)node->conf->commit_delay, 0);
    }
}

static void send_open(struct ingest *ingest, uint32_t index)
{
    struct submission *submission = ingest->open[index];

    memmove(&ingest->open[index], &ingest->open[index + 1],
            (ingest->open_count - index - 1) * sizeof(ingest->open[0]));
    ingest->open_count--;
    ingest_send(ingest, submission);
}

static bool is_open_for(const struct submission *submission, const struct ingest_request *request,
                        uint32_t partition)
{
    return submission->partition == partition &&
           submission->batch->stream_id == request->stream_id &&
           submission->batch->stream_version == request->def.version;
}

/* The open submission of (stream version, partition); its index is returned. */
static uint32_t find_open(struct ingest *ingest, struct ingest_request *request, uint32_t partition)
{
    struct catalog_stream stream;

    /* Rows of a request find theirs where the last one to the partition did. */
    if (request->recent[partition % INGEST_RECENT] < ingest->open_count &&
        is_open_for(ingest->open[request->recent[partition % INGEST_RECENT]], request, partition))
        return request->recent[partition % INGEST_RECENT];
    for (uint32_t i = 0; i < ingest->open_count; i++) {
        if (!is_open_for(ingest->open[i], request, partition))
            continue;
        request->recent[partition % INGEST_RECENT] = i;
        return i;
    }
    if (ingest->open_count == ingest->open_capacity) {
        ingest->open_capacity = ingest->open_capacity > 0 ? ingest->open_capacity * 2 : 16;
        ingest->open = bytes_realloc(ingest->open, ingest->open_capacity * sizeof(ingest->open[0]));
    }
    stream.id = request->stream_id;
    stream.def = request->def;
    ingest->open[ingest->open_count] = ingest_take(ingest, &stream, partition);
    ingest->open[ingest->open_count]->returned = on_returned;
    return ingest->open_count++;
}

static void claim_row(struct submission *submission, struct ingest_request *request)
{
    uint32_t row = submission->batch->row_count - 1;
    struct submission_part *last;

    if (submission->part_count > 0) {
        last = &submission->parts[submission->part_count - 1];
        if (last->request == request) {
            last->row_count++;
            return;
        }
    }
    if (submission->part_count == submission->part_capacity) {
        submission->part_capacity =
            submission->part_capacity > 0 ? submission->part_capacity * 2 : 4;
        submission->parts = bytes_realloc(submission->parts,
                                          submission->part_capacity * sizeof(submission->parts[0]));
    }
    submission->parts[submission->part_count++] = (struct submission_part){request, row, 1};
    request->pending++;
}

/* ---- rows ---- */

void ingest_request_init(struct ingest_request *request, struct worker *worker,
                         const struct catalog_stream *stream)
{
    *request = (struct ingest_request){.worker = worker, .stream_id = stream->id};
    request->def = stream->def;
}

void ingest_request_done(struct ingest_request *request)
{
    free(request->rejects);
    free(request->offsets);
    free(request->previous);
    bytes_done(&request->producer);
    bytes_done(&request->reject_text);
    request->previous = NULL;
    request->rejects = NULL;
    request->offsets = NULL;
}

void ingest_request_produced(struct ingest_request *request, struct span producer,
                             uint64_t sequence)
{
    assert(producer.size > 0 && producer.size <= PRODUCER_NAME_BYTES_MAX);
    bytes_put(&request->producer, producer.data, producer.size);
    request->sequence = sequence;
    request->previous = bytes_alloc_zero(request->worker->node->partition_count, sizeof(uint32_t));
}

void ingest_reject(struct ingest_request *request, uint64_t line, const char *reason)
{
    size_t size = strlen(reason);

    request->rejected++;
    if (request->reject_count >= (uint32_t)request->worker->node->conf->limits.rejects_listed)
        return;
    if (request->reject_count == request->reject_capacity) {
        request->reject_capacity = request->reject_capacity > 0 ? request->reject_capacity * 2 : 8;
        request->rejects =
            bytes_realloc(request->rejects, request->reject_capacity * sizeof(request->rejects[0]));
    }
    request->rejects[request->reject_count++] =
        (struct ingest_reject){line, request->reject_text.size, size};
    bytes_put(&request->reject_text, reason, size);
}

struct span ingest_reject_reason(const struct ingest_request *request, uint32_t index)
{
    const struct ingest_reject *reject = &request->rejects[index];

    return (struct span){request->reject_text.data + reject->reason_start, reject->reason_size};
}

uint32_t ingest_partition(struct ingest *ingest, const struct stream_def *def,
                          const struct cell *cells)
{
    const struct node *node = ingest->worker->node;
    const struct cell *key;
    uint64_t hash;

    if (def->key_field < 0) {
        uint32_t partition = ingest->next_partition;

        if (def->id_field < 0) {
            return partition % node->partition_count;
        }
        key = &cells[def->id_field]; /* a retried event must meet the one before */
    } else {
        key = &cells[def->key_field];
    }
    if (def->fields[key - cells].type == FIELD_STRING) {
        hash = hash_bytes(key->text.data, key->text.size);
    } else {
        hash = hash_u64((uint64_t)key->i);
    }
    return (uint32_t)(((hash >> 32) * node->partition_count) >> 32);
}

/* All rows of a request without keys go to one partition, the same when it is sent again. */
static uint32_t partition_of(struct ingest_request *request, const struct cell *cells)
{
    const struct stream_def *def = &request->def;
    const struct node *node = request->worker->node;
    uint64_t hash;

    if (request->producer.size == 0 || def->key_field >= 0 || def->id_field >= 0)
        return ingest_partition(&request->worker->ingest, def, cells);
    hash = hash_mix(hash_bytes(request->producer.data, request->producer.size), request->sequence);
    return (uint32_t)(((hash >> 32) * node->partition_count) >> 32);
}

static void claim_for_producer(struct ingest_request *request, struct batch *batch,
                               uint32_t partition, uint64_t line)
{
    batch_claim(batch, bytes_span(&request->producer), request->sequence,
                request->previous[partition], (uint32_t)line);
    request->previous[partition] = (uint32_t)line;
}

/* Weighing a batch costs about as much as adding a row, so it is not done for each. */
static bool is_big(const struct batch *batch, size_t bytes_max)
{
    if (batch->row_count % ROWS_PER_WEIGHING != 0)
        return false;
    return batch->row_count >= ROWS_MAX || batch_bytes(batch) >= bytes_max;
}

void ingest_row(struct ingest_request *request, const struct cell *cells, uint64_t line)
{
    struct ingest *ingest = &request->worker->ingest;
    const struct node *node = request->worker->node;
    const struct stream_def *def = &request->def;
    struct submission *submission;
    uint32_t partition;
    uint32_t at;

    if (request->producer.size > 0 && line > UINT32_MAX) {
        ingest_reject(request, line, "a request of a producer has at most 4294967295 lines");
        return;
    }
    if (def->time_field >= 0 &&
        cells[def->time_field].i > request->worker->now_ms + def->ahead_ms) {
        char reason[160];

        snprintf(reason, sizeof(reason),
                 "field \"%s\": %lld is further in the future than \"ahead\" of the stream allows "
                 "(%lld ms)",
                 def->fields[def->time_field].name, (long long)cells[def->time_field].i,
                 (long long)def->ahead_ms);
        ingest_reject(request, line, reason);
        return;
    }
    partition = partition_of(request, cells);
    at = find_open(ingest, request, partition);
    submission = ingest->open[at];
    batch_append(submission->batch, cells);
    if (request->producer.size > 0)
        claim_for_producer(request, submission->batch, partition, line);
    claim_row(submission, request);
    if (is_big(submission->batch, (size_t)node->conf->batch_bytes))
        send_open(ingest, at);
}

void ingest_end(struct ingest_request *request)
{
    request->ended = true;
    request->ended_ns = clock_mono_ns(request->worker->node->clock);
    if (request->pending == 0)
        finish(request);
}

bool ingest_is_full(const struct worker *worker)
{
    return atomic_load_explicit(&worker->node->ingest_bytes, memory_order_relaxed) >
           (uint64_t)worker->node->conf->limits.ingest_bytes;
}

bool ingest_is_tight(const struct worker *worker)
{
    return atomic_load_explicit(&worker->node->ingest_bytes, memory_order_relaxed) >
           (uint64_t)worker->node->conf->limits.ingest_bytes / 2;
}
