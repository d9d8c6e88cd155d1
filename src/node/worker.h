// SPDX-License-Identifier: Apache-2.0
/*
 * worker.h - one thread: a loop, a mailbox, the partitions it hosts, the rows it takes in.
 *
 * There is a worker for each core. What serves connections (serve/) hooks into it by node_hooks.
 * Everything in struct worker belongs to its thread, except the mailbox and the statistics.
 */
#ifndef TALLYWHEEL_NODE_WORKER_H
#define TALLYWHEEL_NODE_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "journal/journal.h"
#include "node/ingest.h"
#include "node/mailbox.h"
#include "node/stats.h"
#include "node/watch.h"

struct catalog;
struct keys;
struct named;
struct node;
struct submission;

struct worker {
    struct node *node;
    uint32_t number;
    uv_thread_t thread;
    uv_loop_t loop;
    struct mailbox mailbox;
    struct message command; /* start and stop, from the node */
    struct ingest ingest;
    struct watch_local watches;
    struct catalog *catalog; /* to decode and to answer with; follows the partitions' */
    int64_t now_ms;          /* the wall clock, as of worker_touch */
    struct stats stats;
    uint32_t under_way; /* what it has begun with other workers and waits for */
    bool settling;      /* the node is told when that is over */
    bool closed;
    void *served;        /* what serve/ hooked in */
    void *commanded;     /* what command/ hooked in */
    struct keys *keys;   /* what keys/ did */
    struct named *named; /* what named/ did; this sends off what the two hold: */
    void (*flush)(struct worker *worker);
};

/* The main thread. */
int worker_init(struct worker *worker, struct node *node, uint32_t number);
int worker_run(struct worker *worker); /* starts the thread; it waits for node->go */

/*
 * The worker's thread: something begins that other workers have a part in, and it is over. A
 * worker does not close before everything it has begun is over, so no message is ever lost.
 */
void worker_begin(struct worker *worker);
void worker_end(struct worker *worker);

/* The worker's thread: sends off what it holds; node_worker_settled follows when all is over. */
void worker_settle(struct worker *worker);

/* The worker's thread: closes its handles, so that its loop ends. */
void worker_close(struct worker *worker);

/* The main thread, after the thread has ended, or if it never ran. */
void worker_done(struct worker *worker);

/* The worker's thread: reads the wall clock. Once for each piece of work, not for each row. */
void worker_touch(struct worker *worker);

/* Any thread. Messages to oneself go through the loop as well. */
void worker_send(struct worker *worker, struct message *message);

/* The origin's thread: hands a submission to the host of its partition, and counts its bytes. */
void worker_submit(struct worker *worker, struct submission *submission);

/*
 * The origin's thread: has a record other than a batch journaled and folded. `returned` is called
 * on this worker, and frees the submission with worker_free_record.
 */
void worker_submit_record(struct worker *worker, uint32_t partition, enum journal_record_type type,
                          struct span record,
                          void (*returned)(struct submission *submission, struct worker *origin),
                          void *context);
void worker_free_record(struct submission *submission);

/* The host's thread: gives a submission back to its origin. */
void worker_return(struct worker *origin, struct submission *submission, struct worker *host);

#endif
