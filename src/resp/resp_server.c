// SPDX-License-Identifier: Apache-2.0
/*
 * resp_server.c - one server on one loop: the hooks into the loop, accepting, sweeping, draining.
 *
 * libuv runs prepare handles just before the loop waits. There the touched connections are walked,
 * the owner has its say (on_turn), and everything that was queued is written. What is touched later
 * than that must not wait for a socket to wake the loop, so an idle handle runs while anybody is
 * touched.
 */
#include "resp/resp_server.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "net/listener.h"
#include "resp/resp_private.h"

#define SWEEP_MS 250

/* ---- the loop's hooks ---- */

static void on_idle(uv_idle_t *idle)
{
    (void)idle;
}

static void add(struct resp_connections *list, struct resp_connection *connection)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity > 0 ? 2 * list->capacity : 64;
        list->items = bytes_realloc(list->items, list->capacity * sizeof(*list->items));
    }
    list->items[list->count++] = connection;
}

void resp_server_touch(struct resp_connection *connection)
{
    struct resp_server *server = connection->server;

    if (connection->touched || connection->closed)
        return;
    connection->touched = true;
    if (server->touched.count == 0 && !server->closing)
        uv_idle_start(&server->idle, on_idle);
    add(&server->touched, connection);
}

void resp_server_forget(struct resp_connection *connection)
{
    struct resp_connections *touched = &connection->server->touched;

    for (uint32_t i = 0; connection->touched && i < touched->count; i++) {
        if (touched->items[i] == connection) {
            touched->items[i] = touched->items[--touched->count];
            break;
        }
    }
}

/* Makes the touched ones those that are worked on; what they give rise to is touched anew. */
static void take_touched(struct resp_server *server)
{
    struct resp_connections taken = server->touched;

    server->touched = server->working;
    server->touched.count = 0;
    server->working = taken;
    for (uint32_t i = 0; i < taken.count; i++)
        taken.items[i]->touched = false;
}

static void settle_working(struct resp_server *server)
{
    for (uint32_t i = 0; i < server->working.count; i++)
        resp_connection_settle(server->working.items[i]);
    server->working.count = 0;
}

/* Just before the loop waits. Connections that are closed here are freed later in the turn. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct resp_server *server = prepare->data;

    if (server->touched.count > 0) {
        take_touched(server);
        for (uint32_t i = 0; i < server->working.count; i++)
            resp_input_walk(server->working.items[i]);
        if (server->ops->on_turn)
            server->ops->on_turn(server->user);
        /* Answers that came just now for others go out in this turn too. */
        for (uint32_t i = 0; i < server->touched.count; i++)
            add(&server->working, server->touched.items[i]);
        for (uint32_t i = 0; i < server->working.count; i++)
            server->working.items[i]->touched = false;
        server->touched.count = 0;
        settle_working(server);
    }
    if (server->touched.count == 0)
        uv_idle_stop(&server->idle);
    else
        uv_idle_start(&server->idle, on_idle);
    if (server->draining && !server->connections && server->on_drained) {
        void (*on_drained)(void *user) = server->on_drained;
        server->on_drained = NULL;
        on_drained(server->drained_user);
    }
}

static void on_sweep(uv_timer_t *timer)
{
    struct resp_server *server = timer->data;
    uint64_t now_ms = uv_now(server->loop);
    bool cut = server->draining && now_ms >= server->drain_deadline_ms;

    for (struct resp_connection *connection = server->connections; connection;
         connection = connection->next) {
        if (cut)
            resp_connection_kill(connection);
        else
            resp_connection_sweep(connection, now_ms);
    }
}

/* ---- accepting ---- */

static void on_accept(void *user, int fd)
{
    static const char refusal[] = "-ERR max number of clients reached\r\n";
    struct resp_server *server = user;

    server->counters.connections_total++;
    if (server->counters.connections >= server->limits.connections_max) {
        server->counters.refused_total++;
        (void)!send(fd, refusal, sizeof(refusal) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        close(fd);
        return;
    }
    if (!resp_connection_open(server, fd))
        server->counters.refused_total++;
}

int resp_server_listen(struct resp_server *server, const char *host, uint16_t port, bool first,
                       uint16_t *out_port, struct err *err)
{
    struct listener_options options = {.host = host, .port = port, .first = first};
    struct listener *listener;

    if (server->listener_count == RESP_LISTENERS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d addresses to listen on", RESP_LISTENERS_MAX);
    int rc = listener_open(&listener, server->loop, &options, on_accept, server, err);
    if (rc < 0)
        return rc;
    server->listeners[server->listener_count++] = listener;
    if (out_port)
        *out_port = listener_port(listener);
    return 0;
}

static void close_listeners(struct resp_server *server)
{
    while (server->listener_count > 0)
        listener_close(server->listeners[--server->listener_count]);
}

/* ---- life ---- */

static void default_size(uint64_t *value, uint64_t otherwise)
{
    if (*value == 0)
        *value = otherwise;
}

static void default_number(uint32_t *value, uint32_t otherwise)
{
    if (*value == 0)
        *value = otherwise;
}

static void default_limits(struct resp_limits *limits)
{
    default_number(&limits->parse.args_max, resp_parse_limits_default.args_max);
    default_size(&limits->parse.bulk_bytes_max, resp_parse_limits_default.bulk_bytes_max);
    default_number(&limits->parse.line_bytes_max, resp_parse_limits_default.line_bytes_max);
    default_number(&limits->connections_max, 10000);
    default_size(&limits->input_bytes_max, 1u << 30);
    default_number(&limits->pending_max, 8192);
    default_size(&limits->output_bytes_soft, 1u << 20);
    default_size(&limits->output_bytes_hard, (uint64_t)2 << 30);
    default_size(&limits->push_bytes_hard, 32u << 20);
    default_size(&limits->push_bytes_soft, 8u << 20);
    default_number(&limits->push_soft_ms, 60000);
}

int resp_server_new(struct resp_server **out_server, uv_loop_t *loop,
                    const struct resp_options *options, struct err *err)
{
    const struct resp_ops *ops = options->ops;

    if (!ops || !ops->on_command || !ops->on_broken || !ops->on_gone)
        return err_set(err, ERR_INTERNAL, "a RESP server without an owner");
    struct resp_server *server = bytes_alloc_zero(1, sizeof(*server));
    server->loop = loop;
    server->ops = ops;
    server->user = options->user;
    server->limits = options->limits;
    default_limits(&server->limits);
    server->read_buffer = bytes_alloc(RESP_JOINED_BYTES_MAX + RESP_READ_BYTES);
    server->prepare.data = server->idle.data = server->sweep.data = server;
    uv_prepare_init(loop, &server->prepare);
    uv_idle_init(loop, &server->idle);
    uv_timer_init(loop, &server->sweep);
    server->open_handles = 3;
    uv_prepare_start(&server->prepare, on_prepare);
    uv_timer_start(&server->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    *out_server = server;
    return 0;
}

void resp_server_drain(struct resp_server *server, uint32_t ms, void (*on_drained)(void *user),
                       void *user)
{
    assert(!server->draining);
    server->draining = true;
    server->drain_deadline_ms = uv_now(server->loop) + ms;
    server->on_drained = on_drained;
    server->drained_user = user;
    close_listeners(server);
    uv_idle_start(&server->idle, on_idle);
    for (struct resp_connection *c = server->connections; c; c = c->next)
        resp_connection_stop(c);
}

void resp_server_release(struct resp_server *server)
{
    assert(server->open_handles > 0);
    if (--server->open_handles > 0)
        return;
    resp_output_free_spares(server);
    free(server->touched.items);
    free(server->working.items);
    free(server->buffers);
    free(server->read_buffer);
    free(server);
}

static void on_handle_closed(uv_handle_t *handle)
{
    resp_server_release(handle->data);
}

void resp_server_free(struct resp_server *server)
{
    if (!server)
        return;
    assert(!server->closing);
    server->closing = true;
    close_listeners(server);
    while (server->connections)
        resp_connection_close(server->connections);
    uv_close((uv_handle_t *)&server->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&server->idle, on_handle_closed);
    uv_close((uv_handle_t *)&server->sweep, on_handle_closed);
}

/* ---- what the owner may ask ---- */

void *resp_server_user(const struct resp_server *server)
{
    return server->user;
}

const struct resp_counters *resp_server_counters(const struct resp_server *server)
{
    return &server->counters;
}

struct resp_connection *resp_server_first(const struct resp_server *server)
{
    return server->connections;
}
