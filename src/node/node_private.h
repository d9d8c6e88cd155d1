// SPDX-License-Identifier: Apache-2.0
/* node_private.h - what the files of node/ share about the node itself. */
#ifndef TALLYWHEEL_NODE_NODE_PRIVATE_H
#define TALLYWHEEL_NODE_NODE_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "node/define.h"
#include "node/host.h"
#include "node/node.h"
#include "node/sampler.h"
#include "node/watch.h"
#include "node/worker.h"
#include "query/read.h"

struct node {
    const struct conf *conf;
    const struct clock *clock;
    const struct journal_ops *journal;
    const struct node_hooks *hooks;
    int folder_lock; /* an open file, locked while this process uses the data folder */
    uint32_t worker_count;
    struct worker *workers;
    uint32_t partition_count;
    struct host *hosts;
    struct read_limits read_limits;
    int64_t start_ms;
    uint64_t start_ns;
    _Atomic int state;
    _Atomic uint64_t ingest_bytes; /* taken in and not yet decided */
    _Atomic uint32_t hosts_failed; /* that take no more writes */
    _Atomic uint32_t hosts_full;   /* that take none until there is room on the disk */
    _Atomic uint32_t recovering;   /* hosts that have not replayed yet */
    _Atomic uint32_t phase_left;   /* workers that the next step of stopping waits for */
    _Atomic int stop_asked;
    uv_sem_t go;            /* posted once a worker: all threads are there */
    bool abandoned;         /* or not all: those that are end at once */
    struct definer definer; /* worker 0's */
    struct watch_hub hub;   /* worker 0's */
    struct sampler sampler; /* worker 0 writes, all read under its lock */
    uv_mutex_t failure_lock;
    struct err failure;
    void (*told)(void *context, enum node_state state);
    void *told_context;
};

/* Any thread: node_stop has been called. */
bool node_is_stopping(const struct node *node);

/* From the host's worker. */
void node_host_ready(struct node *node, struct host *host, int rc, const struct err *err);
void node_host_failed(struct node *node, struct host *host);
void node_host_full(struct node *node, bool full);

/* From the worker: nothing that it began is under way any more. */
void node_worker_settled(struct worker *worker);

/* All definitions of the config have been made (worker 0). */
void node_defined(struct node *node, int rc, const struct err *err);

#endif
