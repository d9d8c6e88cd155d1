// SPDX-License-Identifier: Apache-2.0
/* watch_private.h - what travels between a worker's watches (watch.c) and the hub (watch_hub.c). */
#ifndef TALLYWHEEL_NODE_WATCH_PRIVATE_H
#define TALLYWHEEL_NODE_WATCH_PRIVATE_H

#include "node/mailbox.h"
#include "node/watch.h"

/*
 * All watches of one topic on one worker. Made with the first of them; ends when it is empty and
 * the hub has said that it will send nothing more.
 */
struct watch_room {
    struct watch_room *next; /* the worker's rooms */
    struct worker *worker;
    char *topic;
    struct watch *watches;
    bool leaving;                /* a WATCH_LEAVE is on its way, or its WATCH_LEFT back */
    bool rejoined;               /* a WATCH_JOIN was sent since */
    struct watch_room *hub_next; /* the hub's: rooms of the topic */
};

/* A message with what the formats have made of it. Counted by references. */
struct watch_shared {
    struct watch_message message; /* its texts lie behind the struct */
    _Atomic uint32_t references;
    /*
     * By slot. The hub fills a slot before it tells a watch of that slot, maybe while workers read
     * other slots.
     */
    const struct watch_format *formats[WATCH_SLOTS];
    void *encoded[WATCH_SLOTS];
    char texts[];
};

enum watch_note_kind {
    WATCH_JOIN,  /* to the hub: one more watch, which needs a snapshot */
    WATCH_LEAVE, /* to the hub: the room is empty */
    WATCH_LEFT,  /* to the room: the hub has forgotten it */
    WATCH_TELL,  /* to the room: a message for one watch or all */
};

struct watch_note {
    struct message message;
    enum watch_note_kind kind;
    struct watch_room *room;
    uint64_t watch_number; /* 0: all in the room */
    uint64_t last_sequence;
    bool resumes;                      /* join: the client has seen last_sequence */
    bool resync;                       /* join: after a gap */
    const struct watch_format *format; /* join */
    enum watch_event event;            /* tell */
    struct watch_shared *shared;
};

/* Worker 0. */
void watch_hub_receive(struct message *message, struct worker *receiver);

/* The room's worker. */
void watch_room_receive(struct message *message, struct worker *receiver);

/* Worker 0: one reference, for the maker. */
struct watch_shared *watch_shared_new(const struct watch_message *message);
void watch_shared_encode(struct watch_shared *shared, const struct watch_format *format);

/* Any thread. */
struct watch_shared *watch_shared_ref(struct watch_shared *shared);
void watch_shared_unref(struct watch_shared *shared);

struct watch_note *watch_note_new(enum watch_note_kind kind, struct watch_room *room);

#endif
