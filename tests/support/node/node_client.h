// SPDX-License-Identifier: Apache-2.0
/*
 * node_client.h - what a client does to a node, without a protocol: events, reads, definitions.
 *
 * Thread: the test's.
 */
#ifndef TALLYWHEEL_TESTS_SUPPORT_NODE_NODE_CLIENT_H
#define TALLYWHEEL_TESTS_SUPPORT_NODE_NODE_CLIENT_H

#include <stdint.h>

#include "base/err.h"
#include "model/definition.h"

struct ingest_request;
struct node_harness;
struct tally;

/* ---- rows ---- */

/* Rows for one request: numbers `first` to `first + count - 1`. Zero it, then fill in the top. */
struct node_feed {
    const char *stream; /* "plays", "steps" or "notes" */
    uint64_t first;
    uint64_t count;
    uint32_t players; /* row i is of player i % players and has 1 point */
    struct tally *done;
    /* what became of it; after `done` has been raised */
    uint32_t done_count;
    uint64_t accepted;
    uint64_t duplicates;
    uint64_t late;
    uint64_t rejected;
    uint64_t failed;
    struct err failure;
    uint32_t offset_count;
    struct ingest_request *request;
};

/* Gives the rows on that worker; `done` is raised by one when all are decided. */
void node_feed_post(struct node_harness *harness, uint32_t worker, struct node_feed *feed);

/* The same, and waits. */
void node_feed_run(struct node_harness *harness, uint32_t worker, struct node_feed *feed);

/* ---- reads ---- */

/* Asks, from that worker. The answer as JSON text, to free(); NULL if it failed. */
char *node_client_get(struct node_harness *harness, uint32_t worker, const char *path,
                      struct err *err);

/* The sum of all scores of the board "season". */
uint64_t node_client_points(struct node_harness *harness, uint32_t worker);

/* ---- definitions ---- */

/* JSON with ' for "; NULL drops. Returns what became of it. */
int node_client_define(struct node_harness *harness, uint32_t worker, enum definition_kind kind,
                       const char *name, const char *json, uint32_t version, struct err *err);

/* As GET prints it on that worker, to free(); NULL if it is not defined there. */
char *node_client_definition(struct node_harness *harness, uint32_t worker,
                             enum definition_kind kind, const char *name);

#endif
