// SPDX-License-Identifier: Apache-2.0
/*
 * watch.h - live subscriptions: a topic is asked again on every tick, and what changed is pushed.
 *
 * A topic is the path of a read ("boards/season/top?n=10"). The hub (worker 0) holds each topic
 * that somebody watches once, asks it like any read, compares the answer with the one before, and
 * makes one message of the difference, encoded once for all who watch it on all workers.
 *
 * Messages of all topics share one sequence, so that a client can come back with the number of
 * the last one it saw: a topic keeps its newest messages, and whoever missed no more than those
 * gets them; anybody else gets a `gap` and a new snapshot. A topic that nobody watches is kept for
 * a while, so that a short break costs nothing.
 *
 * The number only says what was seen if every topic of the client was up to date when it came. So
 * whoever serves several watches to one client must not number what it sends before all of them
 * are ready, or while one is behind.
 *
 * Threads: watch_open and watch_close on the watcher's worker; the hub on worker 0.
 */
#ifndef TALLYWHEEL_NODE_WATCH_H
#define TALLYWHEEL_NODE_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"
#include "base/err.h"

struct node;
struct watch;
struct watch_room;
struct watch_topic;
struct worker;

/*
 * What a message is. WATCH_READY is none for the client (`push` is NULL): the watch has got what
 * it needs to begin with, a snapshot, an error, or what it had missed.
 */
enum watch_event { WATCH_SNAPSHOT, WATCH_CHANGE, WATCH_GAP, WATCH_ERROR, WATCH_READY };

/*
 * A message has come. `push` is what hooks->push_new made; borrowed. Return false if it could not
 * be queued: the watch gets nothing more until watch_resync. Not asked for WATCH_READY.
 */
typedef bool watch_push_fn(struct watch *watch, enum watch_event event, void *push);

struct watch {
    struct worker *worker;
    struct watch_room *room;
    struct watch *next;
    uint64_t number; /* of its join: messages for an earlier one, or another watch, pass by */
    bool joined;     /* gets what all in the room get; before, only what is for itself */
    bool behind;     /* a push was refused */
    watch_push_fn *push;
    void *context;
};

/* The watches of one worker, by topic. */
struct watch_local {
    struct worker *worker;
    struct watch_room *rooms;
    uint64_t number_next;
};

void watch_local_init(struct watch_local *local, struct worker *worker);
void watch_local_done(struct watch_local *local);

/*
 * Begins to watch; messages come later. `last_id` is the id of the last message that the client
 * has seen ("<boot>-<sequence>"), or empty. ERR_LIMIT beyond limits.watches. What is wrong with the
 * topic itself comes as a WATCH_ERROR message.
 */
int watch_open(struct watch **out_watch, struct worker *worker, struct span topic,
               struct span last_id, watch_push_fn *push, void *context, struct err *err);

/* No message comes after this. */
void watch_close(struct watch *watch);

/* The queue has room again: sends a gap and a snapshot. */
void watch_resync(struct watch *watch);

struct watch_hub {
    struct node *node;
    uv_timer_t timer;
    bool timer_open;
    struct watch_topic *topics;
    uint32_t topic_count;
    uint64_t sequence;
    uint64_t boot; /* tells the sequence of this start from any other's */
    uint64_t tick_count;
    _Atomic uint32_t watch_count; /* over all workers */
};

void watch_hub_init(struct watch_hub *hub, struct node *node);
void watch_hub_start(struct watch_hub *hub); /* worker 0: begins to tick */
void watch_hub_stop(struct watch_hub *hub);  /* worker 0: closes its timer */
void watch_hub_done(struct watch_hub *hub);

#endif
