// SPDX-License-Identifier: Apache-2.0
/*
 * node_harness.h - a real node inside a test, without sockets.
 *
 * The hooks listen to nothing. The test's thread has work done on a worker's thread
 * (node_harness_run, node_client.h) and waits for what comes of it. Whatever has not happened after
 * 20 seconds ends the process with a message: a test never hangs and never sleeps.
 *
 * The config that all begin with defines three streams (see node_harness.c), a board "season" of
 * sum(points) by player, and a metric "total" of sum(points).
 */
#ifndef TALLYWHEEL_TESTS_SUPPORT_NODE_NODE_HARNESS_H
#define TALLYWHEEL_TESTS_SUPPORT_NODE_NODE_HARNESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/err.h"
#include "node/node.h"
#include "node/node_private.h"
#include "support/tally.h"

struct journal_ops;

/* ---- the node ---- */

struct node_harness {
    struct conf conf;
    char *folder;
    bool keeps_folder;
    struct node *node;
    struct node_hooks hooks;
    struct tally states[4]; /* how often each enum node_state was told */
    struct tally decided;   /* ready, or failed */
    struct tally started;   /* workers whose start hook ran */
    struct tally closed;
    int32_t fail_start; /* the worker whose start hook fails; -1: none */
    void (*at_start)(void *context, struct worker *worker);
    void (*at_drain)(void *context, struct worker *worker); /* before it counts as drained */
    void *context;
};

/*
 * `settings`: YAML lines to begin the config with, or NULL. `folder`: NULL makes a new one, which
 * goes away with the harness; another harness's folder is used and left alone.
 */
struct node_harness *node_harness_new(const char *settings, const char *folder,
                                      const struct journal_ops *journal);

/* The same, but hands on the error of node_new; the harness is freed then. */
int node_harness_try_new(struct node_harness **out_harness, const char *settings,
                         const char *folder, const struct journal_ops *journal, struct err *err);

/* Starts it. _ready also waits until it is ready. */
void node_harness_start(struct node_harness *harness);
void node_harness_ready(struct node_harness *harness);

/* node_stop and node_join. */
int node_harness_stop(struct node_harness *harness, struct err *err);

/* Stops it if it runs, wants no error then, and wants that no push is left. */
void node_harness_free(struct node_harness *harness);

/* Frees the node and keeps the harness with its folder: to look at the journals. */
void node_harness_end(struct node_harness *harness);

/* Does something in a worker's thread and waits until it has been done. */
void node_harness_run(struct node_harness *harness, uint32_t worker,
                      void (*work)(void *context, struct worker *worker), void *context);

/* The same without waiting. */
void node_harness_post(struct node_harness *harness, uint32_t worker,
                       void (*work)(void *context, struct worker *worker), void *context);

/* The hash of all partitions: after node_harness_stop. */
uint64_t node_harness_hash(const struct node_harness *harness);

/* ---- live messages: for the formats that tests watch in ---- */

struct node_push {
    char *id;
    char *json;
};

struct watch_message;

void *node_push_encode(const struct watch_message *message);
void node_push_release(void *encoded);

/* Pushes that have not been given back, and all that were made. */
uint32_t node_push_count(void);
uint32_t node_push_total(void);

#endif
