// SPDX-License-Identifier: Apache-2.0
/*
 * node.h - the runtime: workers and the partitions they host, from start to stop.
 *
 *     node_new     opens the data folder and the journals
 *     node_start   starts the workers; each replays its partitions in the background
 *                  then what the config defines is defined, and the node is ready
 *     node_stop    drains, commits what was taken, and ends the workers
 *     node_free
 *
 * What serves connections is hooked in: the node knows no protocol.
 */
#ifndef TALLYWHEEL_NODE_NODE_H
#define TALLYWHEEL_NODE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct clock;
struct conf;
struct err;
struct host;
struct journal;
struct journal_ops;
struct node;
struct worker;

enum node_state {
    NODE_RECOVERING, /* replaying journals; reads and writes are refused with 503 */
    NODE_READY,
    NODE_DRAINING,
    NODE_FAILED, /* a journal could not be opened or replayed */
};

struct node_hooks {
    void *context;

    /* The worker's thread: start to listen. ERR_* stops the node: drain and close follow. */
    int (*start)(void *context, struct worker *worker, struct err *err);

    /*
     * The worker's thread: finish what is running, close all watches, then call
     * node_worker_drained. Nothing new is begun after that.
     */
    void (*drain)(void *context, struct worker *worker);

    /* The worker's thread, after everything has been committed: close all handles. */
    void (*close)(void *context, struct worker *worker);
};

/*
 * Opens the data folder of `conf`, makes it if missing. The number of partitions is fixed when it
 * is made: asking for another one later is ERR_CONFLICT. `conf`, `clock`, `hooks` must outlive it.
 */
int node_new(struct node **out_node, const struct conf *conf, const struct clock *clock,
             const struct journal_ops *journal, const struct node_hooks *hooks, struct err *err);

/* Starts the workers. Returns at once. After an error only node_free is left to do. */
int node_start(struct node *node, struct err *err);

/* Any thread, after node_start: begins to stop. May be called more than once. */
void node_stop(struct node *node);

/* Waits until all workers have ended. 0, or the error that stopped the node. */
int node_join(struct node *node, struct err *err);

void node_free(struct node *node);

enum node_state node_state(const struct node *node);
uint32_t node_partition_count(const struct node *node);
uint32_t node_worker_count(const struct node *node);
struct worker *node_worker(const struct node *node, uint32_t number); /* to send to; any thread */
const struct conf *node_conf(const struct node *node);

/* The journal of a partition, to read from: journal_ops.read, in any thread. */
struct journal *node_journal(const struct node *node, uint32_t partition);

/* Partitions that take no writes until there is room on the disk, or until a restart. */
void node_refusing(const struct node *node, uint32_t *out_full, uint32_t *out_failed);

/* Bytes of journal replayed so far and in all, while recovering. */
void node_recovery(const struct node *node, uint64_t *out_done, uint64_t *out_total);

/* The host of a partition: for its worker's thread, and for the main one before workers run. */
struct host *node_host(struct node *node, uint32_t partition);

/* Any thread: counts up whenever a group of records has been folded. */
uint64_t node_folded(const struct node *node);

/* From hooks->drain. */
void node_worker_drained(struct worker *worker);

/* Told when the state changes; from some worker's thread. One listener. */
void node_on_state(struct node *node, void (*told)(void *context, enum node_state state),
                   void *context);

#endif
