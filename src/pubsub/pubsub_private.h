// SPDX-License-Identifier: Apache-2.0
/* pubsub_private.h - what the files of pubsub/ share; never leaves this folder. */
#ifndef TALLYWHEEL_PUBSUB_PUBSUB_PRIVATE_H
#define TALLYWHEEL_PUBSUB_PUBSUB_PRIVATE_H

#include <uv.h>

#include "pubsub/pubsub.h"

#define PUBSUB_WORKERS_MAX 64

/* A channel or pattern that somebody has subscribed to. */
struct pubsub_name {
    struct pubsub_name *next;
    uint64_t hash;
    uint32_t *counts; /* for each worker */
    uint32_t total;
    size_t size;
    char *text;
};

struct pubsub_names {
    struct pubsub_name **slots; /* a power of two of them */
    uint32_t slot_count;
    uint32_t count;
};

struct pubsub {
    uint32_t worker_count;
    uv_rwlock_t lock;
    struct pubsub_names names[PUBSUB_KIND_COUNT];
    struct pubsub_hub *hubs[PUBSUB_WORKERS_MAX]; /* each of its own worker only */
};

/* One subscriber more or less on a worker. */
void pubsub_change(struct pubsub *pubsub, enum pubsub_kind kind, struct span text, uint32_t worker,
                   int change);

/* Who gets a message: a bit for each worker, and how many in all. */
uint32_t pubsub_targets(struct pubsub *pubsub, enum pubsub_kind kind, struct span channel,
                        uint64_t *out_targets);

#endif
