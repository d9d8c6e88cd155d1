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
#include "model/command.h"
#include "node/node_private.h"
#include "node/submission.h"
#include "node/worker.h"

/* How long to wait before looking for room on a full disk: doubled from the first to the second. */
#define RETRY_MS_MIN 100u
#define RETRY_MS_MAX 2000u

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
        .producers_max = (uint32_t)conf->limits.producers,
        .sequences_max = (uint32_t)conf->limits.producer_sequences,
        .keys_max = (uint32_t)conf->limits.keys,
        .key_members_max = (uint32_t)conf->limits.key_members,
    };
    char folder[4096];
    struct journal_options options = {
        .folder = folder,
        .partition = number,
        .durability = (enum journal_durability)conf->durability,
        .segment_bytes = (uint64_t)conf->segment_bytes,
    };

    *host = (struct host){.node = node, .worker = worker, .number = number};
    host->commits_in_place =
        conf->durability == CONF_MEMORY && (node->journal->can & JOURNAL_CAN_COMMIT_IN_PLACE) != 0;
    snprintf(folder, sizeof(folder), "%s/partition-%03u/journal", conf->data, number);
    host->partition = partition_new(number, &limits);
    host->retry.data = host;
    uv_timer_init(&worker->loop, &host->retry);
    uv_unref((uv_handle_t *)&host->retry);
    host->retry_open = true;
    return node->journal->open(&host->journal, &options, err);
}

void host_leave(struct host *host)
{
    if (!host->retry_open)
        return;
    host->retry_open = false;
    uv_close((uv_handle_t *)&host->retry, NULL);
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
    command_list_done(&host->replayed);
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
    if (record->wall_ms > host->stamp_ms)
        host->stamp_ms = record->wall_ms;
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
    case JOURNAL_BOARD_CHANGE:
        rc = partition_change(host->partition, record->payload, NULL, err);
        break;
    case JOURNAL_COMMANDS:
        rc = command_list_decode(&host->replayed, record->payload, err);
        if (rc == 0)
            partition_execute(host->partition, &host->replayed, record->wall_ms, NULL, NULL);
        command_list_clear(&host->replayed);
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

/* The time now, but never before a time that was given out. */
static int64_t stamp(struct host *host)
{
    int64_t now_ms = clock_wall_ms(host->node->clock);

    if (now_ms > host->stamp_ms)
        host->stamp_ms = now_ms;
    return host->stamp_ms;
}

int64_t host_settled_ms(struct host *host)
{
    return host->group_records > 0 ? host->group_ms : stamp(host);
}

static int append_one(struct host *host, struct submission *submission)
{
    struct journal_record record = {.type = submission->type, .count = 1};
    int rc;

    record.wall_ms = stamp(host);
    if (host->group_records == 0)
        host->group_ms = record.wall_ms;
    switch (submission->type) {
    case JOURNAL_BATCH:
        batch_stamp(submission->batch, record.wall_ms);
        bytes_clear(&host->encoded);
        batch_encode(submission->batch, &host->encoded);
        record.count = submission->batch->row_count;
        record.payload = bytes_span(&host->encoded);
        break;
    case JOURNAL_COMMANDS:
        submission->wall_ms = record.wall_ms;
        bytes_clear(&host->encoded);
        command_list_encode(submission->commands, &host->encoded);
        record.payload = bytes_span(&host->encoded);
        break;
    case JOURNAL_DEFINITION:
    case JOURNAL_BOARD_CHANGE:
        record.payload = bytes_span(&submission->record);
        break;
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

static void hold(struct host *host, struct submission *submission)
{
    if (host->held_first == NULL)
        host->held_first = submission;
    else
        host->held_last->next = submission;
    host->held_last = submission;
}

static void refuse_held(struct host *host)
{
    while (host->held_first != NULL) {
        struct submission *submission = host->held_first;

        host->held_first = submission->next;
        submission->next = NULL;
        refuse(host, submission);
    }
}

/* No writes for now, or ever again. */
static void turn_away(struct host *host, struct submission *submission)
{
    if (host->failed == ERR_FULL && submission->type == JOURNAL_DEFINITION && !host->settling)
        hold(host, submission);
    else
        refuse(host, submission);
}

/* Nothing is known of what reached the disk: no more writes. */
static void fail_for_good(struct host *host, int rc, const struct err *err)
{
    host->failed = ERR_UNAVAILABLE;
    err_set(&host->failure, ERR_UNAVAILABLE,
            "partition %u takes no more events: %s; restart the server once that is mended",
            host->number, err->text);
    say_error("journal", "%s (%s)", host->failure.text, err_code_text(rc));
    node_host_failed(host->node, host);
    refuse_held(host);
}

/* ---- a full disk ---- */

static void look_for_room(uv_timer_t *timer);

static void look_later(struct host *host)
{
    if (host->retry_open)
        uv_timer_start(&host->retry, look_for_room, host->retry_ms, 0);
    host->retry_ms = host->retry_ms * 2 < RETRY_MS_MAX ? host->retry_ms * 2 : RETRY_MS_MAX;
}

static void put_full(struct host *host, const struct err *err)
{
    host->failed = ERR_FULL;
    err_set(&host->failure, ERR_FULL,
            "partition %u takes no events as the disk is full: %.350s; it goes on by itself when "
            "there is room",
            host->number, err->text);
}

static void fail(struct host *host, int rc, const struct err *err)
{
    if (host->failed != 0)
        return;
    if (rc != ERR_FULL) {
        fail_for_good(host, rc, err);
        return;
    }
    put_full(host, err);
    say_error("journal", "%s", host->failure.text);
    node_host_full(host->node, true);
    host->full_ns = clock_mono_ns(host->node->clock);
    host->retry_ms = RETRY_MS_MIN;
    look_later(host);
}

static void advance(struct host *host);

static void go_on(struct host *host)
{
    host->failed = 0;
    say_info("journal", "partition %u: there is room on the disk, events are taken again (%.1f s)",
             host->number, (double)(clock_mono_ns(host->node->clock) - host->full_ns) / 1e9);
    if (host->held_first != NULL) { /* they came first */
        host->held_last->next = host->queue_first;
        if (host->queue_first == NULL)
            host->queue_last = host->held_last;
        host->queue_first = host->held_first;
        host->held_first = host->held_last = NULL;
    }
    advance(host);
}

static void resume_work(uv_work_t *work)
{
    struct host *host = work->data;

    host->work_rc = host->journal->ops->resume(host->journal, &host->work_err);
}

static void resume_done(uv_work_t *work, int status)
{
    struct host *host = work->data;

    (void)status;
    if (host->work_rc == ERR_FULL) {
        put_full(host, &host->work_err);
        look_later(host);
        return;
    }
    node_host_full(host->node, false);
    if (host->work_rc < 0)
        fail_for_good(host, host->work_rc, &host->work_err);
    else
        go_on(host);
}

static void look_for_room(uv_timer_t *timer)
{
    struct host *host = timer->data;

    host->work.data = host;
    uv_queue_work(&host->worker->loop, &host->work, resume_work, resume_done);
}

void host_settle(struct host *host)
{
    host->settling = true;
    refuse_held(host);
}

/* ---- the cycle ---- */

static void execute(struct host *host, struct submission *submission)
{
    if (submission->wall_ms == 0)
        submission->wall_ms = clock_wall_ms(host->node->clock);
    partition_execute(host->partition, submission->commands, submission->wall_ms,
                      submission->command_replies, submission->command_ends);
    if (host->executed != NULL && submission->commands->write_count > 0)
        host->executed(host);
}

static void fold_one(struct host *host, struct submission *submission)
{
    struct span record = bytes_span(&submission->record);

    switch (submission->type) {
    case JOURNAL_DEFINITION:
        keep_definition(host, record);
        submission->rc = partition_define(host->partition, record, &submission->err);
        break;
    case JOURNAL_BOARD_CHANGE:
        submission->rc =
            partition_change(host->partition, record, &submission->change, &submission->err);
        break;
    case JOURNAL_COMMANDS:
        execute(host, submission);
        break;
    case JOURNAL_BATCH:
        submission->rc = partition_fold(host->partition, submission->batch, submission->replies,
                                        &submission->err);
        break;
    }
}

static bool is_record(const struct submission *submission)
{
    return submission->type != JOURNAL_COMMANDS || submission->commands->write_count > 0;
}

/* Folds a group that is committed, or refuses it. */
static void end_group(struct host *host, struct submission *group, bool committed)
{
    host->folding = true;
    while (group != NULL) {
        struct submission *submission = group;

        group = submission->next;
        submission->next = NULL;
        if (!committed && is_record(submission)) {
            turn_away(host, submission);
            continue;
        }
        fold_one(host, submission);
        give_back(host, submission);
    }
    host->folding = false;
    atomic_fetch_add_explicit(&host->folded, 1, memory_order_relaxed);
}

static struct submission *take_group(struct host *host)
{
    struct submission *group = host->group_first;

    host->group_first = host->group_last = NULL;
    host->group_records = 0;
    return group;
}

/* Appends all that is queued to the open group. Lists that only read go with it, unwritten. */
static void append_queue(struct host *host)
{
    while (host->queue_first != NULL) {
        struct submission *submission = host->queue_first;
        bool writes = is_record(submission);
        int rc;

        host->queue_first = submission->next;
        submission->next = NULL;
        if (host->failed != 0 && writes) {
            turn_away(host, submission);
            continue;
        }
        rc = writes ? append_one(host, submission) : 0;
        if (rc == ERR_TOO_LARGE) { /* its own fault */
            submission->rc = rc;
            give_back(host, submission);
            continue;
        }
        if (rc < 0) {
            fail(host, rc, &submission->err);
            turn_away(host, submission);
            continue;
        }
        if (host->group_first == NULL)
            host->group_first = submission;
        else
            host->group_last->next = submission;
        host->group_last = submission;
        host->group_records += writes;
    }
    host->queue_last = NULL;
}

static void commit_work(uv_work_t *work)
{
    struct host *host = work->data;

    host->work_rc = host->journal->ops->commit(host->journal, &host->work_err);
}

static void commit_done(uv_work_t *work, int status);

/* Whether a commit is under way now: the group has records, and a disk to wait for. */
static bool start_commit(struct host *host)
{
    if (host->group_records == 0 || host->commits_in_place)
        return false;
    host->journal->ops->seal(host->journal);
    host->committing = true;
    atomic_store_explicit(&host->busy, true, memory_order_relaxed);
    host->work.data = host;
    uv_queue_work(&host->worker->loop, &host->work, commit_work, commit_done);
    return true;
}

static bool commit_in_place(struct host *host)
{
    if (host->group_records == 0)
        return true;
    host->journal->ops->seal(host->journal);
    host->work_rc = host->journal->ops->commit(host->journal, &host->work_err);
    if (host->work_rc < 0)
        fail(host, host->work_rc, &host->work_err);
    return host->work_rc == 0;
}

/* Goes on with what is queued until a commit is under way or nothing is left. */
static void advance(struct host *host)
{
    while (!host->committing && !host->folding) {
        append_queue(host);
        if (host->group_first == NULL)
            break;
        if (!start_commit(host)) {
            bool committed = commit_in_place(host);

            end_group(host, take_group(host), committed);
        }
    }
}

static void commit_done(uv_work_t *work, int status)
{
    struct host *host = work->data;
    struct submission *group = take_group(host);
    bool committed = host->work_rc == 0; /* the next commit may overwrite it before this ends */

    (void)status;
    host->committing = false;
    atomic_store_explicit(&host->busy, false, memory_order_relaxed);
    if (committed) {
        append_queue(host);
        start_commit(host); /* the disk goes on while this group is folded */
    } else {
        fail(host, host->work_rc, &host->work_err);
    }
    end_group(host, group, committed);
    advance(host);
    if (!host->committing)
        partition_settle(host->partition);
}

void host_submit(struct host *host, struct submission *submission)
{
    submission->next = NULL;
    if (submission->at_once) {
        fold_one(host, submission);
        give_back(host, submission);
        return;
    }
    if (host->queue_first == NULL)
        host->queue_first = submission;
    else
        host->queue_last->next = submission;
    host->queue_last = submission;
    advance(host);
}
