// SPDX-License-Identifier: Apache-2.0
/*
 * pubsub_hub.c - the subscriptions of one worker's sessions; see pubsub.h.
 *
 * A topic is a channel or pattern with at least one subscriber here. A subscription hangs in two
 * lists, that of its topic and that of its subscriber; looking one up walks the shorter of both.
 *
 * Thread: the worker's.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "model/reply.h"
#include "node/mailbox.h"
#include "node/node.h"
#include "node/worker.h"
#include "pubsub/pubsub_private.h"
#include "resp/resp_connection.h"
#include "resp/resp_print.h"

#define SLOTS_FIRST 64

struct topic {
    struct topic *next; /* in its slot */
    struct topic *pattern_next;
    struct topic *pattern_previous;
    struct subscription *first;
    uint32_t count;
    enum pubsub_kind kind;
    uint64_t hash;
    size_t size;
    char text[];
};

struct subscription {
    struct topic *topic;
    struct subscriber *subscriber;
    struct subscription *topic_next;
    struct subscription *topic_previous;
    struct subscription *subscriber_next;
    struct subscription *subscriber_previous;
};

struct pubsub_hub {
    struct pubsub *pubsub;
    struct worker *worker;
    struct topic **slots;
    uint32_t slot_count;
    uint32_t topic_count;
    struct topic *patterns; /* those among the topics, for every message is tried on each */
    struct bytes tokens;    /* scratch of a message */
    struct bytes printed;
};

/* A message on its way to another worker. */
struct parcel {
    struct message message; /* first */
    struct pubsub *pubsub;
    enum pubsub_kind kind;
    size_t channel_size;
    size_t text_size;
    char bytes[]; /* the channel, then the text */
};

struct pubsub_hub *pubsub_hub_new(struct pubsub *pubsub, struct worker *worker)
{
    struct pubsub_hub *hub = bytes_alloc_zero(1, sizeof(*hub));

    hub->pubsub = pubsub;
    hub->worker = worker;
    hub->slot_count = SLOTS_FIRST;
    hub->slots = bytes_alloc_zero(SLOTS_FIRST, sizeof(hub->slots[0]));
    pubsub->hubs[worker->number] = hub;
    return hub;
}

void pubsub_hub_close(struct pubsub_hub *hub)
{
    if (hub == NULL)
        return;
    assert(hub->topic_count == 0);
    hub->pubsub->hubs[hub->worker->number] = NULL;
    bytes_done(&hub->tokens);
    bytes_done(&hub->printed);
    free(hub->slots);
    free(hub);
}

/* Kinds have names of their own. */
static uint64_t topic_hash(enum pubsub_kind kind, struct span name)
{
    return hash_bytes_seeded(name.data, name.size, (uint64_t)kind);
}

static struct topic **find_topic(struct pubsub_hub *hub, enum pubsub_kind kind, struct span name)
{
    uint64_t hash = topic_hash(kind, name);
    struct topic **at = &hub->slots[hash & (hub->slot_count - 1)];

    while (*at != NULL && ((*at)->hash != hash || (*at)->kind != kind ||
                           !span_equal((struct span){(*at)->text, (*at)->size}, name)))
        at = &(*at)->next;
    return at;
}

static void grow(struct pubsub_hub *hub)
{
    uint32_t slot_count = hub->slot_count * 2;
    struct topic **slots = bytes_alloc_zero(slot_count, sizeof(slots[0]));

    for (uint32_t i = 0; i < hub->slot_count; i++)
        while (hub->slots[i] != NULL) {
            struct topic *topic = hub->slots[i];

            hub->slots[i] = topic->next;
            topic->next = slots[topic->hash & (slot_count - 1)];
            slots[topic->hash & (slot_count - 1)] = topic;
        }
    free(hub->slots);
    hub->slots = slots;
    hub->slot_count = slot_count;
}

static struct topic *topic_of(struct pubsub_hub *hub, enum pubsub_kind kind, struct span name)
{
    struct topic **at = find_topic(hub, kind, name);
    struct topic *topic = *at;

    if (topic != NULL)
        return topic;
    if (hub->topic_count >= hub->slot_count) {
        grow(hub);
        at = find_topic(hub, kind, name);
    }
    topic = bytes_alloc_zero(1, sizeof(*topic) + name.size);
    topic->kind = kind;
    topic->hash = topic_hash(kind, name);
    topic->size = name.size;
    if (name.size > 0)
        memcpy(topic->text, name.data, name.size);
    *at = topic;
    hub->topic_count++;
    if (kind == PUBSUB_PATTERN) {
        topic->pattern_next = hub->patterns;
        if (hub->patterns != NULL)
            hub->patterns->pattern_previous = topic;
        hub->patterns = topic;
    }
    return topic;
}

static struct subscription *find_subscription(const struct topic *topic,
                                              const struct subscriber *subscriber)
{
    struct subscription *at;

    if (topic->count < subscriber->count[topic->kind]) {
        for (at = topic->first; at != NULL && at->subscriber != subscriber; at = at->topic_next)
            continue;
        return at;
    }
    for (at = subscriber->first[topic->kind]; at != NULL && at->topic != topic;
         at = at->subscriber_next)
        continue;
    return at;
}

bool pubsub_subscribe(struct pubsub_hub *hub, struct subscriber *subscriber, enum pubsub_kind kind,
                      struct span name)
{
    struct topic *topic = topic_of(hub, kind, name);
    struct subscription *subscription = find_subscription(topic, subscriber);

    if (subscription != NULL)
        return false;
    subscription = bytes_alloc_zero(1, sizeof(*subscription));
    subscription->topic = topic;
    subscription->subscriber = subscriber;
    subscription->topic_next = topic->first;
    if (topic->first != NULL)
        topic->first->topic_previous = subscription;
    topic->first = subscription;
    topic->count++;
    subscription->subscriber_next = subscriber->first[kind];
    if (subscriber->first[kind] != NULL)
        subscriber->first[kind]->subscriber_previous = subscription;
    subscriber->first[kind] = subscription;
    subscriber->count[kind]++;
    pubsub_change(hub->pubsub, kind, name, hub->worker->number, 1);
    return true;
}

static void remove_topic(struct pubsub_hub *hub, struct topic *topic)
{
    *find_topic(hub, topic->kind, (struct span){topic->text, topic->size}) = topic->next;
    hub->topic_count--;
    if (topic->kind == PUBSUB_PATTERN) {
        if (topic->pattern_previous != NULL)
            topic->pattern_previous->pattern_next = topic->pattern_next;
        else
            hub->patterns = topic->pattern_next;
        if (topic->pattern_next != NULL)
            topic->pattern_next->pattern_previous = topic->pattern_previous;
    }
    free(topic);
}

static void remove_subscription(struct pubsub_hub *hub, struct subscription *subscription)
{
    struct topic *topic = subscription->topic;
    struct subscriber *subscriber = subscription->subscriber;

    pubsub_change(hub->pubsub, topic->kind, (struct span){topic->text, topic->size},
                  hub->worker->number, -1);
    if (subscription->topic_previous != NULL)
        subscription->topic_previous->topic_next = subscription->topic_next;
    else
        topic->first = subscription->topic_next;
    if (subscription->topic_next != NULL)
        subscription->topic_next->topic_previous = subscription->topic_previous;
    if (subscription->subscriber_previous != NULL)
        subscription->subscriber_previous->subscriber_next = subscription->subscriber_next;
    else
        subscriber->first[topic->kind] = subscription->subscriber_next;
    if (subscription->subscriber_next != NULL)
        subscription->subscriber_next->subscriber_previous = subscription->subscriber_previous;
    subscriber->count[topic->kind]--;
    if (--topic->count == 0)
        remove_topic(hub, topic);
    free(subscription);
}

bool pubsub_unsubscribe(struct pubsub_hub *hub, struct subscriber *subscriber,
                        enum pubsub_kind kind, struct span name)
{
    struct topic *topic = *find_topic(hub, kind, name);
    struct subscription *subscription = topic != NULL ? find_subscription(topic, subscriber) : NULL;

    if (subscription == NULL)
        return false;
    remove_subscription(hub, subscription);
    return true;
}

bool pubsub_any(const struct subscriber *subscriber, enum pubsub_kind kind, struct span *out_name)
{
    const struct topic *topic;

    if (subscriber->first[kind] == NULL)
        return false;
    topic = subscriber->first[kind]->topic;
    *out_name = (struct span){topic->text, topic->size};
    return true;
}

void pubsub_unsubscribe_all(struct pubsub_hub *hub, struct subscriber *subscriber)
{
    for (int kind = 0; kind < PUBSUB_KIND_COUNT; kind++)
        while (subscriber->first[kind] != NULL)
            remove_subscription(hub, subscriber->first[kind]);
}

/* ---- messages ---- */

static struct resp_block *print(struct pubsub_hub *hub, enum resp_protocol protocol)
{
    bytes_clear(&hub->printed);
    resp_print(&hub->printed, bytes_span(&hub->tokens), protocol);
    return resp_block_new(bytes_span(&hub->printed));
}

static void deliver(struct pubsub_hub *hub, const struct topic *topic, struct span channel,
                    struct span text)
{
    static const struct span words[] = {
        [PUBSUB_CHANNEL] = {"message", 7},
        [PUBSUB_PATTERN] = {"pmessage", 8},
        [PUBSUB_SHARD] = {"smessage", 8},
    };
    bool pattern = topic->kind == PUBSUB_PATTERN;
    struct resp_block *blocks[2];

    bytes_clear(&hub->tokens);
    reply_aggregate(&hub->tokens, REPLY_PUSH, pattern ? 4 : 3);
    reply_bulk(&hub->tokens, words[topic->kind]);
    if (pattern)
        reply_bulk(&hub->tokens, (struct span){topic->text, topic->size});
    reply_bulk(&hub->tokens, channel);
    reply_bulk(&hub->tokens, text);
    blocks[0] = print(hub, RESP_PROTOCOL_2);
    blocks[1] = print(hub, RESP_PROTOCOL_3);
    /* Nobody leaves meanwhile: connections end at the end of the turn. */
    for (struct subscription *at = topic->first; at != NULL; at = at->topic_next)
        at->subscriber->deliver(at->subscriber, blocks[0], blocks[1]);
    resp_block_unref(blocks[0]);
    resp_block_unref(blocks[1]);
}

static void deliver_here(struct pubsub_hub *hub, enum pubsub_kind kind, struct span channel,
                         struct span text)
{
    struct topic *topic = *find_topic(hub, kind, channel);

    if (topic != NULL)
        deliver(hub, topic, channel, text);
    for (topic = kind == PUBSUB_CHANNEL ? hub->patterns : NULL; topic != NULL;
         topic = topic->pattern_next)
        if (pubsub_match((struct span){topic->text, topic->size}, channel))
            deliver(hub, topic, channel, text);
}

static void run_parcel(struct message *message, struct worker *receiver)
{
    struct parcel *parcel = (struct parcel *)message;
    struct pubsub_hub *hub = parcel->pubsub->hubs[receiver->number];

    if (hub != NULL)
        deliver_here(hub, parcel->kind, (struct span){parcel->bytes, parcel->channel_size},
                     (struct span){parcel->bytes + parcel->channel_size, parcel->text_size});
    free(parcel);
}

static void send_parcel(struct pubsub_hub *hub, uint32_t worker, enum pubsub_kind kind,
                        struct span channel, struct span text)
{
    struct parcel *parcel = bytes_alloc(sizeof(*parcel) + channel.size + text.size);

    *parcel = (struct parcel){.message.run = run_parcel,
                              .pubsub = hub->pubsub,
                              .kind = kind,
                              .channel_size = channel.size,
                              .text_size = text.size};
    if (channel.size > 0)
        memcpy(parcel->bytes, channel.data, channel.size);
    if (text.size > 0)
        memcpy(parcel->bytes + channel.size, text.data, text.size);
    worker_send(node_worker(hub->worker->node, worker), &parcel->message);
}

uint64_t pubsub_elsewhere(struct pubsub_hub *hub, enum pubsub_kind kind, struct span channel)
{
    uint64_t targets;

    pubsub_targets(hub->pubsub, kind, channel, &targets);
    return targets & ~(UINT64_C(1) << hub->worker->number);
}

uint32_t pubsub_publish(struct pubsub_hub *hub, enum pubsub_kind kind, struct span channel,
                        struct span message)
{
    uint64_t targets;
    uint32_t count = pubsub_targets(hub->pubsub, kind, channel, &targets);
    uint32_t here = hub->worker->number;

    if ((targets >> here & 1) != 0)
        deliver_here(hub, kind, channel, message);
    targets &= ~(UINT64_C(1) << here);
    for (; targets != 0; targets &= targets - 1)
        send_parcel(hub, (uint32_t)__builtin_ctzll(targets), kind, channel, message);
    return count;
}
