// SPDX-License-Identifier: Apache-2.0
/*
 * channels.c - SUBSCRIBE, PUBLISH and their relatives: pubsub/pubsub.h for sessions.
 *
 * A channel that is a live topic (named/topics.h) is subscribed to like any other, and watched
 * besides; nobody can publish to it.
 *
 * Thread: the worker's.
 */
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "base/err.h"
#include "command/answer.h"
#include "command/command_private.h"
#include "model/reply.h"
#include "named/topics.h"
#include "node/mailbox.h"
#include "node/node.h"
#include "node/worker.h"
#include "pubsub/pubsub.h"
#include "resp/resp_connection.h"

#define PUSH_PARTS 8 /* topics take this part of limits.resp_push_bytes */

static struct session *session_of(struct subscriber *subscriber)
{
    return (struct session *)((char *)subscriber - offsetof(struct session, subscriber));
}

void channels_deliver(struct subscriber *subscriber, struct resp_block *resp2,
                      struct resp_block *resp3)
{
    session_push(session_of(subscriber), resp2, resp3);
}

/* What Redis counts in its replies: shard channels apart from the others. */
static uint32_t count_of(const struct session *session, enum pubsub_kind kind)
{
    const uint32_t *count = session->subscriber.count;

    return kind == PUBSUB_SHARD ? count[PUBSUB_SHARD]
                                : count[PUBSUB_CHANNEL] + count[PUBSUB_PATTERN];
}

bool channels_subscribed(const struct session *session)
{
    const uint32_t *count = session->subscriber.count;

    return count[PUBSUB_CHANNEL] + count[PUBSUB_PATTERN] + count[PUBSUB_SHARD] > 0;
}

void channels_leave(struct session *session)
{
    topics_free(session->topics);
    session->topics = NULL;
    pubsub_unsubscribe_all(session->owner->hub, &session->subscriber);
}

/* ---- live topics ---- */

/*
 * A client that is slow must miss messages, not be cut off; and what a command under way holds
 * back is queued too.
 */
static bool has_room(void *context)
{
    const struct session *session = context;
    int64_t most = session->owner->server->conf->limits.resp_push_bytes / PUSH_PARTS;

    return session->connection != NULL && session->blocked == NULL && session->reading == NULL &&
           (int64_t)resp_connection_output_bytes(session->connection) <= most;
}

static void deliver(void *context, struct resp_block *resp2, struct resp_block *resp3)
{
    session_push(context, resp2, resp3);
}

/* False, and the error is in the reply. */
static bool watch(struct invocation *invocation, struct span channel)
{
    struct session *session = invocation->session;
    const struct topics_client client = {session, has_room, deliver};
    struct err err = {0};

    if (session->topics == NULL)
        session->topics = topics_new(session->owner->worker, &client);
    if (topics_open(session->topics, channel, &err) == 0)
        return true;
    reply_error(invocation->out, "ERR %s", err.text);
    return false;
}

static void unwatch(struct session *session, enum pubsub_kind kind, struct span channel)
{
    if (session->topics != NULL && kind == PUBSUB_CHANNEL && topics_is(channel))
        topics_close(session->topics, channel);
}

static void put_change(struct invocation *invocation, const char *word, const struct span *name,
                       uint32_t count)
{
    reply_aggregate(invocation->out, REPLY_PUSH, 3);
    reply_bulk(invocation->out, span_of(word));
    if (name != NULL)
        reply_bulk(invocation->out, *name);
    else
        reply_null(invocation->out);
    reply_int(invocation->out, count);
}

static void subscribe(struct invocation *invocation, enum pubsub_kind kind, const char *word)
{
    struct session *session = invocation->session;
    int64_t most = session->owner->server->conf->limits.resp_subscriptions;
    const uint32_t *count = session->subscriber.count;

    for (uint32_t i = 1; i < invocation->count; i++) {
        if (count[PUBSUB_CHANNEL] + count[PUBSUB_PATTERN] + count[PUBSUB_SHARD] >= most) {
            reply_error(invocation->out,
                        "ERR more subscriptions than limits.resp_subscriptions allows");
            return;
        }
        if (invocation->args[i].size > SESSION_NAME_BYTES_MAX) {
            reply_error(invocation->out, "ERR the name of a channel is longer than 65536 bytes");
            return;
        }
        if (kind == PUBSUB_CHANNEL && topics_is(invocation->args[i]) &&
            !watch(invocation, invocation->args[i]))
            return;
        pubsub_subscribe(session->owner->hub, &session->subscriber, kind, invocation->args[i]);
        put_change(invocation, word, &invocation->args[i], count_of(session, kind));
    }
}

static void unsubscribe(struct invocation *invocation, enum pubsub_kind kind, const char *word)
{
    struct session *session = invocation->session;
    struct bytes copy = {0};
    struct span name;

    for (uint32_t i = 1; i < invocation->count; i++) {
        pubsub_unsubscribe(session->owner->hub, &session->subscriber, kind, invocation->args[i]);
        unwatch(session, kind, invocation->args[i]);
        put_change(invocation, word, &invocation->args[i], count_of(session, kind));
    }
    if (invocation->count > 1)
        return;
    if (!pubsub_any(&session->subscriber, kind, &name))
        put_change(invocation, word, NULL, count_of(session, kind));
    while (pubsub_any(&session->subscriber, kind, &name)) {
        bytes_clear(&copy);
        bytes_put(&copy, name.data, name.size);
        name = bytes_span(&copy);
        pubsub_unsubscribe(session->owner->hub, &session->subscriber, kind, name);
        unwatch(session, kind, name);
        put_change(invocation, word, &name, count_of(session, kind));
    }
    bytes_done(&copy);
}

void channels_subscribe(struct invocation *invocation)
{
    subscribe(invocation, PUBSUB_CHANNEL, "subscribe");
}

void channels_psubscribe(struct invocation *invocation)
{
    subscribe(invocation, PUBSUB_PATTERN, "psubscribe");
}

void channels_ssubscribe(struct invocation *invocation)
{
    subscribe(invocation, PUBSUB_SHARD, "ssubscribe");
}

void channels_unsubscribe(struct invocation *invocation)
{
    unsubscribe(invocation, PUBSUB_CHANNEL, "unsubscribe");
}

void channels_punsubscribe(struct invocation *invocation)
{
    unsubscribe(invocation, PUBSUB_PATTERN, "punsubscribe");
}

void channels_sunsubscribe(struct invocation *invocation)
{
    unsubscribe(invocation, PUBSUB_SHARD, "sunsubscribe");
}

static void publish(struct invocation *invocation, enum pubsub_kind kind)
{
    if (kind == PUBSUB_CHANNEL && topics_is(invocation->args[1])) {
        reply_error(invocation->out, "ERR channels that begin with tw: are live topics");
        return;
    }
    reply_int(invocation->out, pubsub_publish(command_worker_of(invocation)->hub, kind,
                                              invocation->args[1], invocation->args[2]));
}

/*
 * A message that goes round the workers before it is published. Each looks at its sockets before
 * it runs what other workers have sent, so an UNSUBSCRIBE that came before the PUBLISH, on another
 * worker, is in effect when this is back.
 */
struct fence {
    struct message message; /* first */
    struct command_worker *origin;
    struct slot *slot;
    uint64_t left; /* workers to go to: a bit for each */
    enum pubsub_kind kind;
    bool is_barrier;
    size_t channel_size;
    size_t text_size;
    char bytes[]; /* the channel, then the text */
};

static void publish_behind(struct fence *fence)
{
    struct command_worker *owner = fence->origin;
    struct session *session = fence->slot->session;
    struct bytes tokens = {0};

    reply_int(&tokens,
              pubsub_publish(owner->hub, fence->kind,
                             (struct span){fence->bytes, fence->channel_size},
                             (struct span){fence->bytes + fence->channel_size, fence->text_size}));
    session->publishing--;
    if (fence->is_barrier)
        session_lift(session);
    session_slot_answer(fence->slot, bytes_span(&tokens));
    bytes_done(&tokens);
    free(fence);
    worker_end(owner->worker);
}

static void run_fence(struct message *message, struct worker *receiver)
{
    struct fence *fence = (struct fence *)message;
    uint32_t next = fence->origin->worker->number;

    if (fence->left == 0 && receiver->number == next) {
        publish_behind(fence);
        return;
    }
    if (fence->left != 0) {
        next = (uint32_t)__builtin_ctzll(fence->left);
        fence->left &= fence->left - 1;
    }
    worker_send(node_worker(receiver->node, next), message);
}

bool channels_publish_behind(struct invocation *invocation)
{
    struct session *session = invocation->session;
    struct command_worker *owner = session->owner;
    struct span channel = invocation->args[1];
    struct span text = invocation->args[2];
    enum pubsub_kind kind =
        invocation->spec->answer == channels_spublish ? PUBSUB_SHARD : PUBSUB_CHANNEL;
    uint32_t worker_count = node_worker_count(owner->node);
    struct fence *fence;

    if (kind == PUBSUB_CHANNEL && topics_is(channel))
        return false; /* it will be refused */
    if (session->publishing == 0 && pubsub_elsewhere(owner->hub, kind, channel) == 0)
        return false;
    fence = bytes_alloc(sizeof(*fence) + channel.size + text.size);
    *fence = (struct fence){
        .message.run = run_fence,
        .origin = owner,
        .slot = session_slot(session),
        .kind = kind,
        .is_barrier = channels_subscribed(session),
        .channel_size = channel.size,
        .text_size = text.size,
    };
    if (channel.size > 0)
        memcpy(fence->bytes, channel.data, channel.size);
    if (text.size > 0)
        memcpy(fence->bytes + channel.size, text.data, text.size);
    session->publishing++;
    if (fence->is_barrier)
        session_barrier(session);
    worker_begin(owner->worker);
    /* Those of one session come back in their order: all go round by the same way. */
    fence->left = worker_count < 64 ? (UINT64_C(1) << worker_count) - 1 : UINT64_MAX;
    fence->left &= ~(UINT64_C(1) << owner->worker->number);
    run_fence(&fence->message, owner->worker);
    return true;
}

void channels_publish(struct invocation *invocation)
{
    publish(invocation, PUBSUB_CHANNEL);
}

void channels_spublish(struct invocation *invocation)
{
    publish(invocation, PUBSUB_SHARD);
}

/* ---- PUBSUB ---- */

struct listing {
    struct bytes *out;
    uint32_t count;
};

static void list_name(void *context, struct span name)
{
    struct listing *listing = context;

    reply_bulk(listing->out, name);
    listing->count++;
}

static void put_channels(struct invocation *invocation, enum pubsub_kind kind)
{
    struct listing listing = {.out = invocation->out};
    const struct span *pattern = invocation->count > 2 ? &invocation->args[2] : NULL;
    size_t at;

    if (invocation->count > 3) {
        reply_error(invocation->out, "ERR wrong number of arguments for '%s' command",
                    invocation->spec->name);
        return;
    }
    at = reply_aggregate_begin(invocation->out, REPLY_ARRAY);
    pubsub_each(command_worker_of(invocation)->server->pubsub, kind, pattern, list_name, &listing);
    reply_aggregate_end(invocation->out, at, listing.count);
}

void channels_channels(struct invocation *invocation)
{
    put_channels(invocation, PUBSUB_CHANNEL);
}

void channels_shardchannels(struct invocation *invocation)
{
    put_channels(invocation, PUBSUB_SHARD);
}

static void put_counts(struct invocation *invocation, enum pubsub_kind kind)
{
    struct pubsub *pubsub = command_worker_of(invocation)->server->pubsub;

    reply_aggregate(invocation->out, REPLY_ARRAY, 2 * (invocation->count - 2));
    for (uint32_t i = 2; i < invocation->count; i++) {
        reply_bulk(invocation->out, invocation->args[i]);
        reply_int(invocation->out, pubsub_count(pubsub, kind, invocation->args[i]));
    }
}

void channels_numsub(struct invocation *invocation)
{
    put_counts(invocation, PUBSUB_CHANNEL);
}

void channels_shardnumsub(struct invocation *invocation)
{
    put_counts(invocation, PUBSUB_SHARD);
}

void channels_numpat(struct invocation *invocation)
{
    reply_int(invocation->out,
              pubsub_names(command_worker_of(invocation)->server->pubsub, PUBSUB_PATTERN));
}
