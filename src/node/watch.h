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
 * Whoever owns connections watches in a format of its own: how a message is encoded for its
 * protocol, and how it is queued on a connection. The hub encodes each message once for each
 * format in which somebody watches the topic, whatever the number of watches and workers, and a
 * watch gets what its format made:
 *
 *     static void *encode(const struct watch_message *message)
 *     {
 *         return block_new(message->topic, message->json);     one reference
 *     }
 *
 *     static bool push(struct watch *watch, enum watch_event event, void *encoded)
 *     {
 *         if (event == WATCH_READY)
 *             return true;                                     nothing for the client
 *         if (queued_bytes(watch->context) > MAX)
 *             return false;                                    and watch_resync when it has drained
 *         queue(watch->context, block_ref(encoded));           bytes are shared, never copied
 *         return true;
 *     }
 *
 *     static const struct watch_format format = {WATCH_SLOT_RESP, encode, block_unref, push};
 *
 *     watch_open(&watch, worker, topic, (struct span){"", 0}, &format, connection, &err);
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
 * What a message is. WATCH_READY is none for the client: the watch has got what it needs to begin
 * with, a snapshot, an error, or what it had missed.
 */
enum watch_event { WATCH_SNAPSHOT, WATCH_CHANGE, WATCH_GAP, WATCH_ERROR, WATCH_READY };

/* One for each format that there is in a process. */
enum watch_slot { WATCH_SLOT_HTTP, WATCH_SLOT_RESP, WATCH_SLOTS };

/* A message as text: immutable, and shared by all who watch. Valid as long as encode runs. */
struct watch_message {
    enum watch_event event;
    struct span event_text; /* "change" */
    struct span topic;      /* the path that was watched */
    struct span id;         /* "<boot>-<sequence>": who saw it has seen all up to it */
    struct span json;       /* {"event":…,"topic":…,…} in one line, without the id */
};

/* A static table; all that watch in one slot have the same. */
struct watch_format {
    enum watch_slot slot;

    /*
     * Worker 0's thread. What it returns is shared by all watches of the format; it may be a pair,
     * such as the same message in RESP2 and RESP3.
     */
    void *(*encode)(const struct watch_message *message);

    /* Any thread: gives back what encode returned; queues may hold references of their own. */
    void (*release)(void *encoded);

    /*
     * The watch's worker. `encoded` is borrowed; NULL for WATCH_READY. Return false if it could
     * not be queued: the watch gets nothing more until watch_resync. For WATCH_READY the result
     * does not matter. May close this watch, and returns true then.
     */
    bool (*push)(struct watch *watch, enum watch_event event, void *encoded);
};

struct watch {
    struct worker *worker;
    struct watch_room *room;
    struct watch *next;
    uint64_t number; /* of its join: messages for an earlier one, or another watch, pass by */
    bool joined;     /* gets what all in the room get; before, only what is for itself */
    bool behind;     /* a push was refused */
    const struct watch_format *format;
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
               struct span last_id, const struct watch_format *format, void *context,
               struct err *err);

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
