// SPDX-License-Identifier: Apache-2.0
/*
 * routes_live.c - GET /v1/live: what changes, over server-sent events or WebSocket.
 *
 * A connection holds a list of watches. A push that does not fit its queue is refused, and all
 * after it; when the queue has drained, the watches that missed something get a gap and a new
 * snapshot. As long as some watch is not up to date, messages go out without their number: a
 * client that comes back with a number has seen everything up to it, in all of its topics.
 */
#include <jansson.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "node/watch.h"
#include "node/worker.h"
#include "http/http.h"
#include "serve/serve_private.h"

#define TOPICS_MAX 256 /* of one connection */

struct topic {
    struct topic *next;
    char *path;
    struct watch *watch;
    bool unready;
};

struct live_call {
    struct serve_worker *served;
    struct http_live *live;
    struct topic *topics;
    uint32_t topic_count;
    uint32_t unready; /* watches that have not got what they begin with */
    bool refusing;    /* the queue is full */
};

static struct topic *topic_of(struct live_call *call, const struct watch *watch)
{
    struct topic *topic = call->topics;

    while (topic != NULL && topic->watch != watch)
        topic = topic->next;
    return topic;
}

static void mark_unready(struct live_call *call, struct topic *topic)
{
    call->unready += !topic->unready;
    topic->unready = true;
}

static void mark_ready(struct live_call *call, struct topic *topic)
{
    if (topic == NULL)
        return;
    call->unready -= topic->unready;
    topic->unready = false;
}

static void *encode(const struct watch_message *message)
{
    return http_shared_new(message->id, message->event_text, message->json);
}

static void release(void *encoded)
{
    http_shared_unref(encoded);
}

static bool on_push(struct watch *watch, enum watch_event event, void *push)
{
    struct live_call *call = watch->context;

    if (event == WATCH_READY) {
        if (!watch->behind)
            mark_ready(call, topic_of(call, watch));
        return true;
    }
    if (call->refusing)
        return false;
    call->refusing = call->unready > 0 ? !http_live_push_unnumbered(call->live, push)
                                       : !http_live_push(call->live, push);
    return !call->refusing;
}

static const struct watch_format format = {WATCH_SLOT_HTTP, encode, release, on_push};

/* An error that concerns one topic goes to this connection alone. */
static void push_error(struct live_call *call, struct span topic, const struct err *err)
{
    struct bytes text = {0};
    struct json_out json;
    struct http_shared *shared;

    json_out_init(&json, &text);
    json_out_object(&json);
    json_out_key(&json, "event");
    json_out_text(&json, "error");
    json_out_key(&json, "topic");
    json_out_string(&json, topic);
    json_out_key(&json, "error");
    json_out_object(&json);
    json_out_key(&json, "code");
    json_out_text(&json, err_code_text(err->code));
    json_out_key(&json, "message");
    json_out_text(&json, err->text);
    json_out_object_end(&json);
    json_out_object_end(&json);
    shared = http_shared_new((struct span){"", 0}, SPAN_LITERAL("error"), bytes_span(&text));
    http_live_push(call->live, shared);
    http_shared_unref(shared);
    bytes_done(&text);
}

static struct topic **find_topic(struct live_call *call, struct span path)
{
    struct topic **at = &call->topics;

    while (*at != NULL && !span_equal(span_of((*at)->path), path))
        at = &(*at)->next;
    return at;
}

static void add_topic(struct live_call *call, struct span path, struct span last_id)
{
    struct topic **at = find_topic(call, path);
    struct topic *topic;
    struct err err = {0};

    if (*at != NULL)
        return; /* watched already */
    if (call->topic_count >= TOPICS_MAX) {
        err_set(&err, ERR_LIMIT, "a connection watches at most %d topics", TOPICS_MAX);
        push_error(call, path, &err);
        return;
    }
    topic = bytes_alloc_zero(1, sizeof(*topic));
    if (watch_open(&topic->watch, call->served->worker, path, last_id, &format, call, &err) < 0) {
        free(topic);
        push_error(call, path, &err);
        return;
    }
    topic->path = bytes_dup(path);
    mark_unready(call, topic);
    *at = topic;
    call->topic_count++;
}

static void drop_topic(struct live_call *call, struct topic **at)
{
    struct topic *topic = *at;

    if (topic == NULL)
        return;
    *at = topic->next;
    mark_ready(call, topic);
    call->topic_count--;
    watch_close(topic->watch);
    free(topic->path);
    free(topic);
}

static void on_message(struct http_live *live, const char *text, size_t size)
{
    struct live_call *call = http_live_user(live);
    json_error_t error;
    json_t *root = json_loadb(text, size, 0, &error);
    const char *watch = json_string_value(json_object_get(root, "watch"));
    const char *unwatch = json_string_value(json_object_get(root, "unwatch"));
    struct err err = {0};

    if (watch != NULL) {
        add_topic(call, span_of(watch), (struct span){"", 0});
    } else if (unwatch != NULL) {
        drop_topic(call, find_topic(call, span_of(unwatch)));
    } else {
        err_set(&err, ERR_INVALID, "expected {\"watch\":\"<topic>\"} or {\"unwatch\":\"<topic>\"}");
        push_error(call, (struct span){"", 0}, &err);
    }
    json_decref(root);
}

static void on_drain(struct http_live *live)
{
    struct live_call *call = http_live_user(live);

    call->refusing = false;
    for (struct topic *topic = call->topics; topic != NULL; topic = topic->next)
        if (topic->watch->behind) {
            mark_unready(call, topic);
            watch_resync(topic->watch);
        }
}

static void on_live_gone(struct http_live *live)
{
    struct live_call *call = http_live_user(live);

    while (call->topics != NULL)
        drop_topic(call, &call->topics);
    free(call);
}

static const struct http_live_ops live_ops = {
    .on_message = on_message,
    .on_drain = on_drain,
    .on_gone = on_live_gone,
};

static void on_request(struct http_request *request)
{
    struct span last_id = http_request_header(request, "last-event-id");
    struct live_call *call;
    struct span name;
    struct span value;

    if (!serve_ready(request))
        return;
    if (http_request_query(request, "topic").data == NULL && !http_request_is_websocket(request)) {
        http_reply_error(request, 400, "invalid",
                         "name what to watch, as in /v1/live?topic=boards/NAME/top");
        return;
    }
    if (last_id.size == 0)
        last_id = http_request_query(request, "last_event_id");
    call = bytes_alloc_zero(1, sizeof(*call));
    call->served = serve_of(request);
    call->live = http_live_start(request, &live_ops, call);
    if (call->live == NULL) {
        free(call);
        return;
    }
    for (size_t i = 0; http_request_query_at(request, i, &name, &value); i++)
        if (span_equal(name, SPAN_LITERAL("topic")))
            add_topic(call, value, last_id);
}

const struct route_ops routes_live_get = {.on_request = on_request};
