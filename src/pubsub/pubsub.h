// SPDX-License-Identifier: Apache-2.0
/*
 * pubsub.h - channels: who has subscribed to what, and messages on their way to them.
 *
 * Each worker has a hub, which knows the subscriptions of its own sessions. What all workers have
 * in common is how many subscribers each worker has for each channel and pattern, behind one lock
 * (read by who publishes, written when a worker's count changes). So a publisher knows at once
 * how many will get a message, and only workers that have a subscriber are sent it, by mailbox. A
 * message is encoded once a worker and protocol, and shared by all subscribers there.
 *
 * Messages of one publisher arrive in their order.
 *
 * Thread: struct pubsub any; a hub and its subscribers their worker's.
 */
#ifndef TALLYWHEEL_PUBSUB_PUBSUB_H
#define TALLYWHEEL_PUBSUB_PUBSUB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct pubsub;
struct pubsub_hub;
struct resp_block;
struct subscription;
struct worker;

enum pubsub_kind { PUBSUB_CHANNEL, PUBSUB_PATTERN, PUBSUB_SHARD, PUBSUB_KIND_COUNT };

/* Embedded in who subscribes. All zero but `deliver` has subscribed to nothing. */
struct subscriber {
    /* The same message in both protocols; valid during the call. */
    void (*deliver)(struct subscriber *subscriber, struct resp_block *resp2,
                    struct resp_block *resp3);
    struct subscription *first[PUBSUB_KIND_COUNT];
    uint32_t count[PUBSUB_KIND_COUNT];
};

/* ---- what all workers share ---- */

struct pubsub *pubsub_new(uint32_t worker_count);
void pubsub_free(struct pubsub *pubsub);

/* Subscribers of a channel or pattern, over all workers. */
uint32_t pubsub_count(struct pubsub *pubsub, enum pubsub_kind kind, struct span name);

/* How many channels or patterns there are; and each that matches `pattern` (NULL: all). */
uint32_t pubsub_names(struct pubsub *pubsub, enum pubsub_kind kind);
void pubsub_each(struct pubsub *pubsub, enum pubsub_kind kind, const struct span *pattern,
                 void (*found)(void *context, struct span name), void *context);

/* ---- a worker's ---- */

struct pubsub_hub *pubsub_hub_new(struct pubsub *pubsub, struct worker *worker);

/* No subscriber is left. Messages may still arrive until the worker's loop has ended. */
void pubsub_hub_close(struct pubsub_hub *hub);

/* False if it had subscribed already. */
bool pubsub_subscribe(struct pubsub_hub *hub, struct subscriber *subscriber, enum pubsub_kind kind,
                      struct span name);

/* False if it had not. */
bool pubsub_unsubscribe(struct pubsub_hub *hub, struct subscriber *subscriber,
                        enum pubsub_kind kind, struct span name);

/* The name of some subscription of a kind; false if it has none. Valid until the next change. */
bool pubsub_any(const struct subscriber *subscriber, enum pubsub_kind kind, struct span *out_name);

void pubsub_unsubscribe_all(struct pubsub_hub *hub, struct subscriber *subscriber);

/* The other workers that have somebody who would get it: a bit for each. */
uint64_t pubsub_elsewhere(struct pubsub_hub *hub, enum pubsub_kind kind, struct span channel);

/* How many get it. Subscribers of this worker have been given it when this returns. */
uint32_t pubsub_publish(struct pubsub_hub *hub, enum pubsub_kind kind, struct span channel,
                        struct span message);

/* Redis's patterns: * ? [a-z] [^a] and a backslash. */
bool pubsub_match(struct span pattern, struct span text);

#endif
