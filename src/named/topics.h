// SPDX-License-Identifier: Apache-2.0
/*
 * topics.h - live topics as channels: who subscribes to "tw:boards/season/top?n=10" gets what
 * GET /v1/live?topic=boards/season/top?n=10 sends, a message of JSON each.
 *
 * The first message is a snapshot, then come changes. A message is encoded once for all clients of
 * all workers. Who does not take them fast enough misses some, and then gets a gap and a new
 * snapshot; nobody waits for it.
 *
 * Thread: the worker's.
 */
#ifndef TALLYWHEEL_NAMED_TOPICS_H
#define TALLYWHEEL_NAMED_TOPICS_H

#include <stdbool.h>

#include "base/bytes.h"

struct err;
struct resp_block;
struct topics;
struct worker;

struct topics_client {
    void *context;
    bool (*has_room)(void *context);
    /* The same message in both protocols. */
    void (*deliver)(void *context, struct resp_block *resp2, struct resp_block *resp3);
};

/* Whether a channel is a topic: "tw:" and a path. */
bool topics_is(struct span channel);

/* What one client watches. */
struct topics *topics_new(struct worker *worker, const struct topics_client *client);
void topics_free(struct topics *topics); /* closes all; NULL is fine */

/* ERR_LIMIT: there are too many watches (limits.watches). Watched already: 0. */
int topics_open(struct topics *topics, struct span channel, struct err *err);
void topics_close(struct topics *topics, struct span channel);

#endif
