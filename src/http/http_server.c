// SPDX-License-Identifier: Apache-2.0
/*
 * http_server.c - one server on one loop: the library's context, the hooks into the loop, sweeping
 * out what takes too long, draining.
 *
 * libwebsockets gives us sockets with an event loop, flow control and (with a certificate) TLS; it
 * is told nothing of HTTP. See http_private.h.
 */
#include "http/http.h"

#include <assert.h>
#include <libwebsockets.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/say.h"
#include "http/http_private.h"
#include "net/listener.h"

#define SWEEP_MS 250
/* So many may be open beyond the limit, to be told that they are too many. */
#define REFUSALS_MAX 64
/* The library closes its handles within two turns of the loop. */
#define CLOSING_TURNS 4

/* ---- the library ---- */

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
/* Contexts are made and ended by one thread at a time: the library loads its plug-in then. */
static pthread_mutex_t library_lock = PTHREAD_MUTEX_INITIALIZER;

static void library_say(int level, const char *line)
{
    say(level == LLL_ERR ? SAY_WARN : SAY_DEBUG, "serve", "libwebsockets: %.*s",
        (int)strcspn(line, "\n"), line);
}

static void library_init(void)
{
    lws_set_log_level(LLL_ERR | LLL_WARN, library_say);
}

static int on_socket(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                     size_t size)
{
    struct http_connection *connection;

    (void)user;
    switch (reason) {
    case LWS_CALLBACK_RAW_RX:
        connection = lws_get_opaque_user_data(wsi);
        http_connection_input(connection, in, size);
        break;
    case LWS_CALLBACK_RAW_WRITEABLE:
        connection = lws_get_opaque_user_data(wsi);
        http_output_writable(connection);
        break;
    case LWS_CALLBACK_RAW_CLOSE:
        connection = lws_get_opaque_user_data(wsi);
        lws_set_opaque_user_data(wsi, NULL);
        if (connection)
            http_connection_gone(connection);
        break;
    default:
        break;
    }
    return 0;
}

static const struct lws_protocols protocols[] = {
    {.name = "tallywheel", .callback = on_socket, .rx_buffer_size = HTTP_READ_BYTES_MAX},
    {.name = NULL},
};

static int library_open(struct http_server *server, struct err *err)
{
    void *loops[] = {server->loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .foreign_loops = loops,
        .pt_serv_buf_size = HTTP_READ_BYTES_MAX,
        .vhost_name = "tallywheel",
    };

    pthread_once(&library_once, library_init);
    pthread_mutex_lock(&library_lock);
    server->context = lws_create_context(&info);
    if (server->context)
        server->vhost = lws_create_vhost(server->context, &info);
    pthread_mutex_unlock(&library_lock);
    if (!server->context || !server->vhost)
        return err_set(err, ERR_INTERNAL,
                       "libwebsockets cannot start on libuv; is the package "
                       "libwebsockets-evlib-uv installed?");
    return 0;
}

void http_server_stop_reads(struct http_connection *connection, bool stop)
{
    lws_rx_flow_control(connection->wsi, !stop);
}

/* ---- accepting ---- */

static void on_accept(void *user, int fd)
{
    static const char refusal[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                                  "Content-Length: 0\r\nConnection: close\r\n\r\n";
    struct http_server *server = user;
    uint64_t limit = server->options.connections_max;
    lws_adopt_desc_t how = {
        .vh = server->vhost,
        .type = LWS_ADOPT_SOCKET,
        .fd = {.sockfd = fd},
        .vh_prot_name = protocols[0].name,
    };

    server->counters.connections_total++;
    if (server->counters.connections >= limit + REFUSALS_MAX) {
        server->counters.refused_total++;
        (void)!send(fd, refusal, sizeof(refusal) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        close(fd);
        return;
    }
    struct lws *wsi = lws_adopt_descriptor_vhost_via_info(&how); /* closes fd if it fails */
    if (!wsi) {
        server->counters.refused_total++;
        return;
    }
    struct http_connection *connection = http_connection_new(server, wsi, fd);
    lws_set_opaque_user_data(wsi, connection);
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0); /* ours are in http_connection_sweep */
    if (server->counters.connections > limit) {
        server->counters.refused_total++;
        http_connection_refuse(connection, 503, "unavailable",
                               "too many connections are open; try again later");
    }
}

int http_server_listen(struct http_server *server, const char *host, uint16_t port, bool first,
                       uint16_t *out_port, struct err *err)
{
    struct listener_options options = {.host = host, .port = port, .first = first};
    struct listener *listener;

    if (server->listener_count == HTTP_LISTENERS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d addresses to listen on", HTTP_LISTENERS_MAX);
    int rc = listener_open(&listener, server->loop, &options, on_accept, server, err);
    if (rc < 0)
        return rc;
    server->listeners[server->listener_count++] = listener;
    if (out_port)
        *out_port = listener_port(listener);
    return 0;
}

static void close_listeners(struct http_server *server)
{
    while (server->listener_count > 0)
        listener_close(server->listeners[--server->listener_count]);
}

/* ---- the loop's hooks ---- */

static void on_idle(uv_idle_t *idle)
{
    (void)idle;
}

/* Just before the loop waits. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct http_server *server = prepare->data;
    struct http_connection *touched = server->touched;

    server->touched = NULL;
    while (touched) {
        struct http_connection *connection = touched;
        touched = connection->touched_next;
        connection->touched = false;
        http_connection_work(connection);
    }
    /* What the work itself gave rise to comes after the others have had their turn. */
    if (server->touched)
        uv_idle_start(&server->idle, on_idle);
    else
        uv_idle_stop(&server->idle);
    if (server->draining && !server->connections && server->on_drained) {
        void (*on_drained)(void *user) = server->on_drained;
        server->on_drained = NULL;
        on_drained(server->drained_user);
    }
}

static void on_sweep(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    uint64_t now_ms = http_now_ms(server);
    bool cut = server->draining && now_ms >= server->drain_deadline_ms;

    for (struct http_connection *connection = server->connections; connection;
         connection = connection->next) {
        if (cut) {
            connection->kill = true;
            http_connection_touch(connection);
        } else {
            http_connection_sweep(connection, now_ms);
        }
    }
}

/* ---- life ---- */

static char **copy_texts(const char *const *texts, size_t count)
{
    char **copies = bytes_alloc_zero(count + 1, sizeof(*copies));

    for (size_t i = 0; i < count; i++)
        copies[i] = bytes_dup(span_of(texts[i]));
    return copies;
}

static void free_texts(char **texts)
{
    for (size_t i = 0; texts && texts[i]; i++)
        free(texts[i]);
    free(texts);
}

static void default_bytes(size_t *value, size_t otherwise)
{
    if (*value == 0)
        *value = otherwise;
}

static void default_number(uint32_t *value, uint32_t otherwise)
{
    if (*value == 0)
        *value = otherwise;
}

static void default_options(struct http_options *options)
{
    default_bytes(&options->body_bytes_max, 64u << 20);
    default_bytes(&options->head_bytes_max, 32u << 10);
    default_number(&options->connections_max, 8192);
    default_number(&options->head_ms_max, 10000);
    default_number(&options->idle_ms_max, 75000);
    default_number(&options->body_stall_ms_max, 30000);
    default_number(&options->write_stall_ms_max, 30000);
    default_number(&options->live_keep_alive_ms, 15000);
    default_bytes(&options->live_queued_bytes_max, 1u << 20);
    default_bytes(&options->message_bytes_max, 64u << 10);
}

static void server_free(struct http_server *server)
{
    http_output_free_spares(server);
    free_texts(server->allow_origins);
    free_texts(server->allow_hosts);
    free(server->scratch);
    free(server);
}

int http_server_new(struct http_server **out_server, uv_loop_t *loop,
                    const struct route_table *routes, const struct http_options *options,
                    struct err *err)
{
    struct http_server *server = bytes_alloc_zero(1, sizeof(*server));

    server->loop = loop;
    server->routes = routes;
    server->options = *options;
    default_options(&server->options);
    int rc = library_open(server, err);
    if (rc < 0) {
        free(server);
        return rc;
    }
    server->allow_origins = copy_texts(options->allow_origins, options->allow_origin_count);
    server->allow_hosts = copy_texts(options->allow_hosts, options->allow_host_count);
    server->scratch = bytes_alloc(HTTP_WRITE_BYTES_MAX);
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

void http_server_drain(struct http_server *server, uint32_t ms, const char *reason,
                       void (*on_drained)(void *user), void *user)
{
    struct http_connection *next;

    assert(!server->draining);
    server->draining = true;
    server->drain_deadline_ms = http_now_ms(server) + ms;
    server->drain_reason = reason;
    server->on_drained = on_drained;
    server->drained_user = user;
    close_listeners(server);
    for (struct http_connection *c = server->connections; c; c = next) {
        next = c->next;
        http_connection_drain(c);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct http_server *server = handle->data;

    if (--server->open_handles == 0)
        server_free(server);
}

static void on_closing_turn(uv_timer_t *timer)
{
    struct http_server *server = timer->data;

    if (--server->turns_left > 0)
        return;
    /* On a loop that is not its own, the library frees itself only when it is asked again. */
    pthread_mutex_lock(&library_lock);
    lws_context_destroy(server->context);
    pthread_mutex_unlock(&library_lock);
    uv_close((uv_handle_t *)&server->sweep, on_handle_closed);
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    assert(!server->closing);
    server->closing = true;
    close_listeners(server);
    while (server->connections)
        lws_set_timeout(server->connections->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
    uv_close((uv_handle_t *)&server->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&server->idle, on_handle_closed);
    pthread_mutex_lock(&library_lock);
    lws_context_destroy(server->context);
    pthread_mutex_unlock(&library_lock);
    server->turns_left = CLOSING_TURNS;
    uv_timer_start(&server->sweep, on_closing_turn, 1, 1);
}

const struct http_counters *http_server_counters(const struct http_server *server)
{
    return &server->counters;
}
