// SPDX-License-Identifier: Apache-2.0
/*
 * http_harness.h - a server on a thread of its own, and a client that is as rude as a test wants.
 *
 * The test's thread is the client: plain blocking sockets, five seconds until a read fails.
 */
#ifndef TALLYWHEEL_TESTS_HTTP_HARNESS_H
#define TALLYWHEEL_TESTS_HTTP_HARNESS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/bytes.h"
#include "base/err.h"
#include "http/http.h"
#include "http/http_parse.h"

/* ---- what the server's thread tells the test's ---- */

struct tally {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t value;
};

#define TALLY_INIT                                                                                 \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0                                     \
    }

static inline void tally_set(struct tally *tally, uint64_t value)
{
    pthread_mutex_lock(&tally->lock);
    tally->value = value;
    pthread_cond_broadcast(&tally->changed);
    pthread_mutex_unlock(&tally->lock);
}

static inline uint64_t tally_get(struct tally *tally)
{
    pthread_mutex_lock(&tally->lock);
    uint64_t value = tally->value;
    pthread_mutex_unlock(&tally->lock);
    return value;
}

static inline void tally_count(struct tally *tally)
{
    pthread_mutex_lock(&tally->lock);
    tally->value++;
    pthread_cond_broadcast(&tally->changed);
    pthread_mutex_unlock(&tally->lock);
}

/* Waits until it is at least `wanted`. */
static inline void tally_wait(struct tally *tally, uint64_t wanted)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&tally->lock);
    while (tally->value < wanted && rc == 0)
        rc = pthread_cond_timedwait(&tally->changed, &tally->lock, &until);
    uint64_t value = tally->value;
    pthread_mutex_unlock(&tally->lock);
    if (value < wanted)
        fail_msg("%llu, not %llu, after 20 s", (unsigned long long)value,
                 (unsigned long long)wanted);
}

/* ---- server ---- */

struct harness {
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t stop;
    uv_async_t drain;
    uv_sem_t ready;
    uv_sem_t drained;
    struct route_table *routes;
    struct http_server *server;
    struct http_options options;
    uint16_t port;
    bool first;
    uint32_t drain_ms;
    struct http_counters counters; /* at the end */
};

static inline void harness_on_stop(uv_async_t *async)
{
    struct harness *harness = async->data;

    harness->counters = *http_server_counters(harness->server);
    http_server_free(harness->server);
    uv_close((uv_handle_t *)&harness->stop, NULL);
    uv_close((uv_handle_t *)&harness->drain, NULL);
}

static inline void harness_on_drained(void *user)
{
    struct harness *harness = user;

    uv_sem_post(&harness->drained);
}

static inline void harness_on_drain(uv_async_t *async)
{
    struct harness *harness = async->data;

    http_server_drain(harness->server, harness->drain_ms, "maintenance", harness_on_drained,
                      harness);
}

static inline void *harness_run(void *user)
{
    struct harness *harness = user;
    struct err err = {0};

    uv_loop_init(&harness->loop);
    harness->stop.data = harness->drain.data = harness;
    uv_async_init(&harness->loop, &harness->stop, harness_on_stop);
    uv_async_init(&harness->loop, &harness->drain, harness_on_drain);
    if (http_server_new(&harness->server, &harness->loop, harness->routes, &harness->options,
                        &err) < 0 ||
        http_server_listen(harness->server, "127.0.0.1", harness->port, harness->first,
                           &harness->port, &err) < 0) {
        fprintf(stderr, "harness: %s\n", err.text);
        abort();
    }
    uv_sem_post(&harness->ready);
    uv_run(&harness->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&harness->loop) != 0) {
        fprintf(stderr, "harness: the loop is not empty\n");
        abort();
    }
    return NULL;
}

/* `harness->options`, port and first may be set before. */
static inline void harness_start(struct harness *harness, const struct route *routes, size_t count)
{
    struct err err;

    if (route_table_new(&harness->routes, routes, count, &err) < 0)
        fail_msg("%s", err.text);
    uv_sem_init(&harness->ready, 0);
    uv_sem_init(&harness->drained, 0);
    pthread_create(&harness->thread, NULL, harness_run, harness);
    uv_sem_wait(&harness->ready);
}

static inline void harness_stop(struct harness *harness)
{
    uv_async_send(&harness->stop);
    pthread_join(harness->thread, NULL);
    route_table_free(harness->routes);
    uv_sem_destroy(&harness->ready);
    uv_sem_destroy(&harness->drained);
}

/* ---- handlers that several tests use ---- */

static inline void handler_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

static inline void handler_hello(struct http_request *request)
{
    http_reply(request, 200, "text/plain", "hello", 5);
}

/* ---- client ---- */

struct client {
    int fd;
    struct bytes buffer; /* read, but not used */
};

struct client_reply {
    int status;
    struct bytes head; /* zero-terminated */
    struct bytes body; /* zero-terminated */
};

static inline struct client client_open(uint16_t port)
{
    const struct timeval timeout = {.tv_sec = 5};
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct client client = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};

    assert_true(client.fd >= 0);
    setsockopt(client.fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(client.fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    assert_int_equal(connect(client.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return client;
}

static inline void client_close(struct client *client)
{
    close(client->fd);
    bytes_done(&client->buffer);
}

/* False if the server closed. */
static inline bool client_send_bytes(struct client *client, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        ssize_t sent = send(client->fd, at, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

static inline void client_send(struct client *client, const char *text)
{
    assert_true(client_send_bytes(client, text, strlen(text)));
}

/* Reads on; 0 at the end, negative on a reset or a timeout. */
static inline ssize_t client_fill(struct client *client)
{
    char *room = bytes_reserve(&client->buffer, 65536);
    ssize_t size = recv(client->fd, room, 65536, 0);

    if (size > 0)
        client->buffer.size += (size_t)size;
    return size;
}

static inline void client_use(struct client *client, size_t size)
{
    memmove(client->buffer.data, client->buffer.data + size, client->buffer.size - size);
    client->buffer.size -= size;
}

static inline bool client_closed(struct client *client)
{
    ssize_t size;

    while ((size = client_fill(client)) > 0)
        bytes_clear(&client->buffer);
    return size == 0;
}

/* Waits for `text` and uses up everything to its end. */
static inline void client_expect(struct client *client, const char *text)
{
    char *found;

    while (!(found = client->buffer.size
                         ? memmem(client->buffer.data, client->buffer.size, text, strlen(text))
                         : NULL)) {
        if (client_fill(client) <= 0)
            fail_msg("no \"%s\" in \"%s\"", text, bytes_text(&client->buffer));
    }
    client_use(client, (size_t)(found - client->buffer.data) + strlen(text));
}

static inline void client_read_chunks(struct client *client, struct bytes *body)
{
    struct http_chunks chunks = {0};

    for (;;) {
        const char *cursor = client->buffer.data;
        const char *end = cursor + client->buffer.size;
        struct span data;
        enum http_chunk result;
        while ((result = http_chunks_next(&chunks, &cursor, end, &data)) == HTTP_CHUNK_DATA)
            bytes_put(body, data.data, data.size);
        assert_int_not_equal(result, HTTP_CHUNK_BAD);
        client_use(client, (size_t)(cursor - client->buffer.data));
        if (result == HTTP_CHUNK_END)
            return;
        assert_true(client_fill(client) > 0);
    }
}

static inline struct client_reply client_read(struct client *client, bool has_body)
{
    struct client_reply reply = {0};
    size_t head_size;

    while ((head_size = http_parse_head_size(client->buffer.data, client->buffer.size, 0)) == 0) {
        if (client_fill(client) <= 0)
            fail_msg("no reply, only \"%s\"", bytes_text(&client->buffer));
    }
    bytes_put(&reply.head, client->buffer.data, head_size);
    client_use(client, head_size);
    bytes_text(&reply.head);
    assert_int_equal(sscanf(reply.head.data, "HTTP/1.1 %d ", &reply.status), 1);
    const char *length = strstr(reply.head.data, "Content-Length: ");
    if (has_body && length) {
        size_t size = strtoul(length + 16, NULL, 10);
        while (client->buffer.size < size) {
            if (client_fill(client) <= 0)
                fail_msg("the body ends after %zu of %zu bytes", client->buffer.size, size);
        }
        bytes_put(&reply.body, client->buffer.data, size);
        client_use(client, size);
    } else if (has_body && strstr(reply.head.data, "Transfer-Encoding: chunked")) {
        client_read_chunks(client, &reply.body);
    }
    bytes_text(&reply.body);
    return reply;
}

static inline void client_reply_done(struct client_reply *reply)
{
    bytes_done(&reply->head);
    bytes_done(&reply->body);
}

/* Reads a reply and compares its status and, unless NULL, a part of its body. */
static inline void client_expect_reply(struct client *client, int status, const char *body)
{
    struct client_reply reply = client_read(client, true);

    if (reply.status != status)
        fail_msg("status %d, not %d: %s", reply.status, status, reply.body.data);
    if (body && !strstr(reply.body.data, body))
        fail_msg("no \"%s\" in \"%s\"", body, reply.body.data);
    client_reply_done(&reply);
}

static inline void client_get(struct client *client, const char *path)
{
    char text[2048];

    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    client_send(client, text);
}

#endif
