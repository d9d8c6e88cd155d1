// SPDX-License-Identifier: Apache-2.0
/*
 * resp_connection.c - what a connection is to its owner, and when it is over.
 *
 * A connection ends by lingering: what is queued goes out, our half is closed, and input is dropped
 * until the client closes its half. Closing at once while a client still sends would reset the
 * connection and take our last words with it.
 */
#include "resp/resp_connection.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "resp/resp_private.h"

#define LINGER_MS 1000

/* ---- what the owner may ask ---- */

struct resp_server *resp_connection_server(const struct resp_connection *connection)
{
    return connection->server;
}

struct resp_connection *resp_connection_next(const struct resp_connection *connection)
{
    return connection->next;
}

uint64_t resp_connection_id(const struct resp_connection *connection)
{
    return connection->id;
}

void *resp_connection_user(const struct resp_connection *connection)
{
    return connection->user;
}

void resp_connection_set_user(struct resp_connection *connection, void *user)
{
    connection->user = user;
}

enum resp_protocol resp_connection_protocol(const struct resp_connection *connection)
{
    return connection->protocol;
}

void resp_connection_set_protocol(struct resp_connection *connection, enum resp_protocol protocol)
{
    assert(protocol == RESP_PROTOCOL_2 || protocol == RESP_PROTOCOL_3);
    connection->protocol = protocol;
}

const char *resp_connection_peer(const struct resp_connection *connection)
{
    return connection->peer;
}

const char *resp_connection_local(const struct resp_connection *connection)
{
    return connection->local;
}

int resp_connection_fd(const struct resp_connection *connection)
{
    return connection->fd;
}

const struct resp_connection_counters *resp_connection_counters(
    const struct resp_connection *connection)
{
    return &connection->counters;
}

size_t resp_connection_input_bytes(const struct resp_connection *connection)
{
    return connection->input.size;
}

size_t resp_connection_output_bytes(const struct resp_connection *connection)
{
    return (size_t)resp_output_bytes(connection);
}

bool resp_connection_is_closing(const struct resp_connection *connection)
{
    return connection->killed || connection->shut || connection->closed;
}

/* ---- what it may do ---- */

void resp_connection_answered(struct resp_connection *connection, uint32_t count)
{
    assert(count <= connection->pending);
    connection->pending -= count;
    if (!connection->touched && (connection->input.size > 0 || connection->finishing))
        resp_server_touch(connection);
}

void resp_connection_pause(struct resp_connection *connection)
{
    connection->paused = true;
}

void resp_connection_resume(struct resp_connection *connection)
{
    connection->paused = false;
    resp_server_touch(connection);
}

void resp_connection_finish(struct resp_connection *connection)
{
    connection->finishing = true;
    resp_server_touch(connection);
}

void resp_connection_stop(struct resp_connection *connection)
{
    connection->stopping = true;
    resp_connection_finish(connection);
}

void resp_connection_kill(struct resp_connection *connection)
{
    connection->killed = true;
    resp_server_touch(connection);
}

/* ---- life ---- */

static void print_address(char to[RESP_ADDRESS_BYTES], const struct sockaddr_storage *address)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
    char text[INET6_ADDRSTRLEN] = "?";

    if (address->ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
        snprintf(to, RESP_ADDRESS_BYTES, "[%s]:%u", text, ntohs(in6->sin6_port));
    } else {
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
        snprintf(to, RESP_ADDRESS_BYTES, "%s:%u", text, ntohs(in->sin_port));
    }
}

static void read_addresses(struct resp_connection *connection)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);

    getpeername(connection->fd, (struct sockaddr *)&address, &size);
    print_address(connection->peer, &address);
    size = sizeof(address);
    getsockname(connection->fd, (struct sockaddr *)&address, &size);
    print_address(connection->local, &address);
}

static void on_ignored_close(uv_handle_t *handle)
{
    struct resp_connection *connection = handle->data;
    struct resp_server *server = connection->server;

    free(connection);
    resp_server_release(server);
}

struct resp_connection *resp_connection_open(struct resp_server *server, int fd)
{
    static atomic_uint_fast64_t last_id;
    struct resp_connection *connection = bytes_alloc_zero(1, sizeof(*connection));

    connection->server = server;
    connection->fd = fd;
    connection->protocol = RESP_PROTOCOL_2;
    uv_tcp_init(server->loop, &connection->tcp);
    connection->tcp.data = connection;
    server->open_handles++;
    if (uv_tcp_open(&connection->tcp, fd) < 0) {
        close(fd);
        uv_close((uv_handle_t *)&connection->tcp, on_ignored_close);
        return NULL;
    }
    connection->id = atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
    connection->counters.opened_ms = connection->counters.last_read_ms = uv_now(server->loop);
    read_addresses(connection);
    connection->next = server->connections;
    if (connection->next)
        connection->next->previous = connection;
    server->connections = connection;
    server->counters.connections++;
    resp_input_update(connection);
    if (server->ops->on_open)
        server->ops->on_open(connection);
    return connection;
}

static void on_closed(uv_handle_t *handle)
{
    struct resp_connection *connection = handle->data;
    struct resp_server *server = connection->server;

    resp_output_done(&connection->output);
    resp_output_done(&connection->writing);
    resp_parser_done(&connection->parser);
    bytes_done(&connection->input);
    resp_server_forget(connection);
    free(connection);
    resp_server_release(server);
}

void resp_connection_close(struct resp_connection *connection)
{
    struct resp_server *server = connection->server;

    assert(!connection->closed);
    connection->closed = true;
    if (connection->next)
        connection->next->previous = connection->previous;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        server->connections = connection->next;
    server->counters.connections--;
    server->ops->on_gone(connection);
    uv_close((uv_handle_t *)&connection->tcp, on_closed);
}

/* ---- the end of a turn ---- */

/* Everything that was asked has been answered, and the answers are out. */
static void linger(struct resp_connection *connection)
{
    if (connection->ended) {
        connection->killed = true;
    } else if (!connection->shut) {
        connection->shut = true;
        connection->shut_ms = uv_now(connection->server->loop);
        shutdown(connection->fd, SHUT_WR);
    }
}

/*
 * Nobody will send more: the client has said so, or the server stops. What the client has sent is
 * answered in the first case, unless it waits for something that may never happen.
 */
static void settle_last(struct resp_connection *connection)
{
    const struct resp_ops *ops = connection->server->ops;

    if (connection->input.size == 0 || connection->starved)
        connection->finishing = true;
    if (connection->pending > 0 && ops->on_drain)
        ops->on_drain(connection);
}

void resp_connection_settle(struct resp_connection *connection)
{
    struct resp_server *server = connection->server;

    if (connection->closed)
        return;
    if ((connection->ended || connection->stopping) && !connection->killed)
        settle_last(connection);
    if (!connection->killed && resp_output_flush(connection) < 0)
        connection->killed = true;
    if (!connection->killed && resp_output_bytes(connection) > server->limits.output_bytes_hard) {
        server->counters.slow_total++;
        connection->killed = true;
    }
    if (connection->finishing) {
        bytes_done(&connection->input);
        if (connection->pending == 0 && resp_output_bytes(connection) == 0)
            linger(connection);
    }
    if (connection->killed) {
        resp_connection_close(connection);
        return;
    }
    resp_input_update(connection);
    if (connection->input.size > 0 && !connection->starved && resp_input_is_open(connection))
        resp_server_touch(connection);
}

static bool is_idle_too_long(const struct resp_connection *connection, uint64_t now_ms)
{
    uint32_t ms_max = connection->server->limits.idle_ms_max;

    return ms_max > 0 && connection->pending == 0 && !connection->gets_pushes &&
           now_ms - connection->counters.last_read_ms > ms_max;
}

static bool is_slow_too_long(struct resp_connection *connection, uint64_t now_ms)
{
    const struct resp_limits *limits = &connection->server->limits;

    if (connection->push_soft_since_ms == 0)
        return false;
    if (resp_output_bytes(connection) <= limits->push_bytes_soft) {
        connection->push_soft_since_ms = 0;
        return false;
    }
    return now_ms > connection->push_soft_since_ms + limits->push_soft_ms;
}

void resp_connection_sweep(struct resp_connection *connection, uint64_t now_ms)
{
    struct resp_counters *counters = &connection->server->counters;

    if (connection->killed) {
        return;
    } else if (connection->shut) {
        if (now_ms - connection->shut_ms > LINGER_MS)
            resp_connection_kill(connection);
    } else if (is_slow_too_long(connection, now_ms)) {
        counters->slow_total++;
        resp_connection_kill(connection);
    } else if (is_idle_too_long(connection, now_ms)) {
        counters->idle_total++;
        resp_connection_kill(connection);
    }
}
