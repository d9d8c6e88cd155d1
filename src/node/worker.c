// SPDX-License-Identifier: Apache-2.0
/* worker.c - see worker.h. */
#include "node/worker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/say.h"
#include "engine/catalog.h"
#include "node/data_folder.h"
#include "node/host.h"
#include "node/node_private.h"
#include "node/submission.h"

void worker_touch(struct worker *worker)
{
    worker->now_ms = clock_wall_ms(worker->node->clock);
}

int worker_init(struct worker *worker, struct node *node, uint32_t number)
{
    *worker = (struct worker){.node = node, .number = number};
    if (uv_loop_init(&worker->loop) < 0)
        goto fail;
    if (mailbox_init(&worker->mailbox, &worker->loop, worker) < 0) {
        uv_loop_close(&worker->loop);
        goto fail;
    }
    ingest_init(&worker->ingest, worker);
    watch_local_init(&worker->watches, worker);
    worker->catalog = catalog_new();
    worker->catalog->loader = (struct catalog_loader){node->conf->data, data_folder_load};
    worker_touch(worker);
    return 0;
fail:
    worker->node = NULL; /* nothing to be done with it */
    return ERR_INTERNAL;
}

static void run(void *context)
{
    struct worker *worker = context;

    uv_sem_wait(&worker->node->go);
    if (!worker->node->abandoned)
        uv_run(&worker->loop, UV_RUN_DEFAULT);
}

int worker_run(struct worker *worker)
{
    char name[16];

    snprintf(name, sizeof(name), "worker-%u", worker->number);
    if (uv_thread_create(&worker->thread, run, worker) < 0)
        return ERR_INTERNAL;
    pthread_setname_np(worker->thread, name);
    return 0;
}

void worker_begin(struct worker *worker)
{
    worker->under_way++;
}

void worker_end(struct worker *worker)
{
    assert(worker->under_way > 0);
    if (--worker->under_way > 0 || !worker->settling)
        return;
    worker->settling = false;
    node_worker_settled(worker);
}

void worker_settle(struct worker *worker)
{
    worker_begin(worker);
    worker->settling = true;
    for (uint32_t i = 0; i < worker->node->partition_count; i++)
        if (worker->node->hosts[i].worker == worker)
            host_settle(&worker->node->hosts[i]);
    ingest_flush(&worker->ingest);
    if (worker->flush != NULL)
        worker->flush(worker);
    worker_end(worker);
}

void worker_close(struct worker *worker)
{
    struct node *node = worker->node;

    worker->closed = true;
    for (uint32_t i = 0; node->hosts != NULL && i < node->partition_count; i++)
        if (node->hosts[i].worker == worker)
            host_leave(&node->hosts[i]);
    ingest_close(&worker->ingest);
    mailbox_leave(&worker->mailbox);
}

void worker_done(struct worker *worker)
{
    if (!worker->closed)
        worker_close(worker);
    ingest_done(&worker->ingest);
    watch_local_done(&worker->watches);
    catalog_free(worker->catalog);
    mailbox_close(&worker->mailbox);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&worker->loop) < 0)
        say_warn("node", "worker %u ended with open handles", worker->number);
}

void worker_send(struct worker *worker, struct message *message)
{
    mailbox_send(&worker->mailbox, message);
}

static void run_submit(struct message *message, struct worker *receiver)
{
    struct submission *submission = (struct submission *)message;

    host_submit(&receiver->node->hosts[submission->partition], submission);
}

void worker_submit(struct worker *worker, struct submission *submission)
{
    struct host *host = &worker->node->hosts[submission->partition];

    worker_begin(worker);
    atomic_fetch_add_explicit(&worker->node->ingest_bytes, submission->bytes, memory_order_relaxed);
    if (host->worker == worker) {
        host_submit(host, submission);
        return;
    }
    submission->message.run = run_submit;
    worker_send(host->worker, &submission->message);
}

void worker_submit_record(struct worker *worker, uint32_t partition, enum journal_record_type type,
                          struct span record,
                          void (*returned)(struct submission *submission, struct worker *origin),
                          void *context)
{
    struct submission *submission = bytes_alloc_zero(1, sizeof(*submission));

    submission->origin = worker;
    submission->partition = partition;
    submission->type = type;
    submission->returned = returned;
    submission->context = context;
    bytes_put(&submission->record, record.data, record.size);
    worker_submit(worker, submission);
}

void worker_free_record(struct submission *submission)
{
    bytes_done(&submission->record);
    bytes_done(&submission->change.taken);
    free(submission);
}

static void come_back(struct submission *submission, struct worker *origin)
{
    struct ingest *ingest = &origin->ingest;

    atomic_fetch_sub_explicit(&origin->node->ingest_bytes, submission->bytes, memory_order_relaxed);
    submission->returned(submission, origin);
    if (ingest->on_room != NULL && !ingest_is_tight(origin))
        ingest->on_room(ingest->on_room_context);
    worker_end(origin);
}

static void run_returned(struct message *message, struct worker *receiver)
{
    come_back((struct submission *)message, receiver);
}

void worker_return(struct worker *origin, struct submission *submission, struct worker *host)
{
    if (origin == host) {
        come_back(submission, origin);
        return;
    }
    submission->message.run = run_returned;
    worker_send(origin, &submission->message);
}
