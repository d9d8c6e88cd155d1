// SPDX-License-Identifier: Apache-2.0
/* host.c - see host.h. */
#include "node/host.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/say.h"
#include "engine/partition.h"
#include "journal/journal.h"
#include "model/batch.h"
#include "node/node_private.h"
#include "node/submission.h"
#include "node/worker.h"

int host_open(struct host *host, struct node *node, struct worker *worker, uint32_t number,
              struct err *err)
{
    const struct conf *conf = node->conf;
    struct partition_limits limits = {
        .series_max = (uint32_t)conf->limits.metric_series,
        .panes_max = (uint32_t)conf->limits.metric_panes,
        .board_members_max = (uint32_t)conf->limits.board_members,
        .board_segments_max = (uint32_t)conf->limits.board_segments,
        .ids_max = (uint32_t)conf->limits.stream_ids,
    };
    char folder[4096];
    struct journal_options options = {
        .folder = folder,
        .partition = number,
        .durability = (enum journal_durability)conf->durability,
        .segment_bytes = (uint64_t)conf->segment_bytes,
    };

    *host = (struct host){.node = node, .worker = worker, .number = number};
    snprintf(folder, sizeof(folder), "%s/partition-%03u/journal", conf->data, number);
    host->partition = partition_new(number, &limits);
    return node->journal->open(&host->journal, &options, err);
}

void host_close(struct host *host)
{
    if (host == NULL)
        return;
    if (host->journal != NULL)
        host->journal->ops->close(host->journal);
    partition_free(host->partition);
    for (uint32_t i = 0; i < host->definition_count; i++)
        bytes_done(&host->definitions[i]);
    free(host->definitions);
    bytes_done(&host->encoded);
}

static void keep_definition(struct host *host, struct span record)
{
    host->definitions = bytes_realloc(host->definitions,
                                      (host->definition_count + 1) * sizeof(host->definitions[0]));
    host->definitions[host->definition_count] = (struct bytes){0};
    bytes_put(&host->definitions[host->definition_count++], record.data, record.size);
}

/* ---- replay ---- */

static int replay_record(void *context, const struct journal_record *record, struct err *err)
{
    struct host *host = context;
    struct batch *batch;
    int rc;

    if (node_is_stopping(host->node))
        return 1;
    atomic_fetch_add_explicit(&host->replayed_bytes, record->payload.size, memory_order_relaxed);
    switch (record->type) {
    case JOURNAL_DEFINITION:
        keep_definition(host, record->payload);
        rc = partition_define(host->partition, record->payload, err);
        break;
    case JOURNAL_BATCH:
        rc = batch_decode(&batch, record->payload.data, record->payload.size, err);
        if (rc < 0)
            break;
        batch->offset = record->offset;
        atomic_fetch_add_explicit(&host->replayed_rows, batch->row_count, memory_order_relaxed);
        rc = partition_fold(host->partition, batch, NULL, err);
        batch_free(batch);
        break;
    default:
        rc = err_set(err, ERR_CORRUPT, "record of unknown type %d: written by a newer version?",
                     (int)record->type);
    }
    if (rc < 0)
        err_prefix(err, "partition %u, offset %llu", host->number,
                   (unsigned long long)record->offset);
    return rc;
}

static void replay_work(uv_work_t *work)
{
    struct host *host = work->data;
    uint64_t start_ns = clock_mono_ns(host->node->clock);

    host->work_rc =
        host->journal->ops->read(host->journal, 0, replay_record, host, &host->work_err);
    host->replay_ns = clock_mono_ns(host->node->clock) - start_ns;
}

static void replay_done(uv_work_t *work, int status)
{
    struct host *host = work->data;

    (void)status;
    if (host->work_rc == 0 && !node_is_stopping(host->node))
        host->ready = true;
    node_host_ready(host->node, host, host->work_rc, &host->work_err);
}

void host_replay(struct host *host)
{
    host->work.data = host;
    uv_queue_work(&host->worker->loop, &host->work, replay_work, replay_done);
}

/* ---- commit ---- */

static void give_back(struct host *host, struct submission *submission)
{
    worker_return(submission->origin, submission, host->worker);
}

static int append_one(struct host *host, struct submission *submission)
{
    struct journal_record record = {.type = submission->type, .count = 1};
    int rc;

    record.wall_ms = clock_wall_ms(host->node->clock);
    if (submission->type == JOURNAL_BATCH) {
        batch_stamp(submission->batch, record.wall_ms);
        bytes_clear(&host->encoded);
        batch_encode(submission->batch, &host->encoded);
        record.count = submission->batch->row_count;
        record.payload = bytes_span(&host->encoded);
    } else {
        record.payload = bytes_span(&submission->definition);
    }
    rc = host->journal->ops->append(host->journal, &record, &submission->err);
    if (rc == 0 && submission->type == JOURNAL_BATCH)
        submission->batch->offset = record.offset;
    return rc;
}

static void refuse(struct host *host, struct submission *submission)
{
    submission->rc = host->failed;
    submission->err = host->failure;
    give_back(host, submission);
}

/* After a failed commit nothing is known of what reached the disk: no more writes. */
static void fail(struct host *host, int rc, const struct err *err)
{
    if (host->failed != 0)
        return;
    host->failed = ERR_UNAVAILABLE;
    err_set(&host->failure, ERR_UNAVAILABLE,
            "partition %u takes no more events: %s; restart the server once that is mended",
            host->number, err->text);
    say_error("journal", "%s (%s)", host->failure.text, err_code_text(rc));
    node_host_failed(host->node, host);
}

static void fold_one(struct host *host, struct submission *submission)
{
    if (submission->type == JOURNAL_DEFINITION) {
        keep_definition(host, bytes_span(&submission->definition));
        submission->rc = partition_define(host->partition, bytes_span(&submission->definition),
                                          &submission->err);
    } else {
        submission->rc = partition_fold(host->partition, submission->batch, submission->replies,
                                        &submission->err);
    }
}

static void commit_work(uv_work_t *work)
{
    struct host *host = work->data;

    host->work_rc = host->journal->ops->commit(host->journal, &host->work_err);
}

static void pump(struct host *host);

static void commit_done(uv_work_t *work, int status)
{
    struct host *host = work->data;
    struct submission *group = host->group_first;
    bool committed = host->work_rc == 0; /* the next commit may overwrite it before this ends */

    (void)status;
    host->group_first = host->group_last = NULL;
    host->committing = false;
    atomic_store_explicit(&host->busy, false, memory_order_relaxed);
    if (!committed)
        fail(host, host->work_rc, &host->work_err);
    else
        pump(host); /* the disk goes on while this group is folded */
    while (group != NULL) {
        struct submission *submission = group;

        group = submission->next;
        submission->next = NULL;
        if (!committed) {
            refuse(host, submission);
            continue;
        }
        fold_one(host, submission);
        give_back(host, submission);
    }
    atomic_fetch_add_explicit(&host->folded, 1, memory_order_relaxed);
    if (host->failed != 0)
        pump(host); /* refuses what is queued */
    if (!host->committing)
        partition_settle(host->partition);
}

/* Appends all that is queued and starts its commit, unless one is under way. */
static void pump(struct host *host)
{
    if (host->committing)
        return;
    while (host->queue_first != NULL) {
        struct submission *submission = host->queue_first;
        int rc;

        host->queue_first = submission->next;
        submission->next = NULL;
        if (host->failed != 0) {
            refuse(host, submission);
            continue;
        }
        rc = append_one(host, submission);
        if (rc < 0) {
            fail(host, rc, &submission->err);
            refuse(host, submission);
            continue;
        }
        if (host->group_first == NULL)
            host->group_first = submission;
        else
            host->group_last->next = submission;
        host->group_last = submission;
    }
    host->queue_last = NULL;
    if (host->group_first != NULL) {
        host->journal->ops->seal(host->journal);
        host->committing = true;
        atomic_store_explicit(&host->busy, true, memory_order_relaxed);
        host->work.data = host;
        uv_queue_work(&host->worker->loop, &host->work, commit_work, commit_done);
    }
}

void host_submit(struct host *host, struct submission *submission)
{
    submission->next = NULL;
    if (host->queue_first == NULL)
        host->queue_first = submission;
    else
        host->queue_last->next = submission;
    host->queue_last = submission;
    pump(host);
}
