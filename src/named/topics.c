// SPDX-License-Identifier: Apache-2.0
/* topics.c - see topics.h. */
#include "named/topics.h"

#include <stdlib.h>
#include <uv.h>

#include "base/err.h"
#include "model/reply.h"
#include "node/watch.h"
#include "node/worker.h"
#include "resp/resp_connection.h"
#include "resp/resp_print.h"

#define PREFIX SPAN_LITERAL("tw:")
#define RETRY_MS 50 /* how often is looked whether a slow client has room again */

struct topic {
    struct topic *next;
    struct watch *watch;
    char *path;
};

struct topics {
    struct worker *worker;
    struct topics_client client;
    struct topic *first;
    uv_timer_t timer; /* runs while somebody is behind */
    bool is_behind;
};

/* A message as the hub encodes it, once. */
struct encoded {
    struct resp_block *resp2;
    struct resp_block *resp3;
};

bool topics_is(struct span channel)
{
    struct span prefix = PREFIX;

    return channel.size > prefix.size && memcmp(channel.data, prefix.data, prefix.size) == 0;
}

static struct span path_of(struct span channel)
{
    return (struct span){channel.data + PREFIX.size, channel.size - PREFIX.size};
}

/* ---- messages ---- */

static struct resp_block *print_block(const struct bytes *tokens, enum resp_protocol protocol)
{
    struct bytes text = {0};
    struct resp_block *block;

    resp_print(&text, bytes_span(tokens), protocol);
    block = resp_block_new(bytes_span(&text));
    bytes_done(&text);
    return block;
}

static void *encode(const struct watch_message *message)
{
    struct encoded *encoded = bytes_alloc(sizeof(*encoded));
    struct bytes channel = {0};
    struct bytes tokens = {0};

    bytes_put(&channel, PREFIX.data, PREFIX.size);
    bytes_put(&channel, message->topic.data, message->topic.size);
    reply_aggregate(&tokens, REPLY_PUSH, 3);
    reply_bulk(&tokens, SPAN_LITERAL("message"));
    reply_bulk(&tokens, bytes_span(&channel));
    reply_bulk(&tokens, message->json);
    encoded->resp2 = print_block(&tokens, RESP_PROTOCOL_2);
    encoded->resp3 = print_block(&tokens, RESP_PROTOCOL_3);
    bytes_done(&channel);
    bytes_done(&tokens);
    return encoded;
}

static void release(void *context)
{
    struct encoded *encoded = context;

    resp_block_unref(encoded->resp2);
    resp_block_unref(encoded->resp3);
    free(encoded);
}

static void on_timer(uv_timer_t *timer)
{
    struct topics *topics = timer->data;

    if (!topics->client.has_room(topics->client.context))
        return;
    topics->is_behind = false;
    uv_timer_stop(timer);
    for (struct topic *topic = topics->first; topic != NULL; topic = topic->next)
        if (topic->watch->behind)
            watch_resync(topic->watch);
}

static bool push(struct watch *watch, enum watch_event event, void *context)
{
    struct topics *topics = watch->context;
    const struct encoded *encoded = context;

    if (event == WATCH_READY)
        return true;
    if (topics->client.has_room(topics->client.context)) {
        topics->client.deliver(topics->client.context, encoded->resp2, encoded->resp3);
        return true;
    }
    if (!topics->is_behind) {
        topics->is_behind = true;
        uv_timer_start(&topics->timer, on_timer, RETRY_MS, RETRY_MS);
    }
    return false;
}

static const struct watch_format format = {WATCH_SLOT_RESP, encode, release, push};

/* ---- what a client watches ---- */

struct topics *topics_new(struct worker *worker, const struct topics_client *client)
{
    struct topics *topics = bytes_alloc_zero(1, sizeof(*topics));

    topics->worker = worker;
    topics->client = *client;
    topics->timer.data = topics;
    uv_timer_init(&worker->loop, &topics->timer);
    return topics;
}

static void remove_topic(struct topic **at)
{
    struct topic *topic = *at;

    *at = topic->next;
    watch_close(topic->watch);
    free(topic->path);
    free(topic);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void topics_free(struct topics *topics)
{
    if (topics == NULL)
        return;
    while (topics->first != NULL)
        remove_topic(&topics->first);
    uv_close((uv_handle_t *)&topics->timer, on_timer_closed);
}

static struct topic **find(struct topics *topics, struct span path)
{
    struct topic **at = &topics->first;

    while (*at != NULL && !span_equal(span_of((*at)->path), path))
        at = &(*at)->next;
    return at;
}

int topics_open(struct topics *topics, struct span channel, struct err *err)
{
    struct topic **at = find(topics, path_of(channel));
    struct topic *topic;
    int rc;

    if (*at != NULL)
        return 0;
    topic = bytes_alloc_zero(1, sizeof(*topic));
    rc = watch_open(&topic->watch, topics->worker, path_of(channel), (struct span){"", 0}, &format,
                    topics, err);
    if (rc < 0) {
        free(topic);
        return rc;
    }
    topic->path = bytes_dup(path_of(channel));
    *at = topic;
    return 0;
}

void topics_close(struct topics *topics, struct span channel)
{
    struct topic **at = find(topics, path_of(channel));

    if (*at != NULL)
        remove_topic(at);
}
