// SPDX-License-Identifier: Apache-2.0
/*
 * resp_harness.h - a server on a thread of its own with an owner that echoes, and blocking clients.
 *
 * What the owner does with a command (replies are in the order of commands):
 *
 *     PING, ECHO x     answers
 *     HOLD x           answers x a little later; what comes behind waits for it
 *     BIG n            answers n bytes
 *     PAUSE            answers, and pauses the connection for a little while
 *     WAIT             answers when the connection drains
 *     SUB, PUB n       n bytes of 'p' are pushed to all who have subscribed; answers how many
 *     QUEUED           answers the most output that any connection has had at the end of a turn
 *     QUIT, DIE        finishes the connection, kills it
 *
 * Everything is in one test process: the server's thread runs the loop, the test's thread the
 * clients.
 */
#ifndef TESTS_UNIT_RESP_RESP_HARNESS_H
#define TESTS_UNIT_RESP_RESP_HARNESS_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "resp/resp_connection.h"
#include "resp/resp_server.h"

struct harness {
    pthread_t thread;
    uv_loop_t loop;
    uv_timer_t later; /* runs while somebody holds or pauses */
    uv_async_t stop;
    uv_async_t drain;
    uv_sem_t ready;
    uv_sem_t drained;
    uv_sem_t goings; /* one for each connection that is gone */
    struct resp_server *server;
    struct resp_limits limits;
    uint16_t port;
    uint32_t drain_ms;
    uint64_t queued_max;
    atomic_uint opened;
    atomic_uint gone;
    atomic_uint turns;
    struct resp_counters counters; /* at the end */
};

/* What the owner has for each connection. */
struct echo {
    struct bytes replies; /* that wait, in order */
    uint32_t count;
    bool holds;
    bool waits;
    bool paused;
    bool subscribed;
};

static inline struct harness *harness_of(struct resp_connection *connection)
{
    return resp_server_user(resp_connection_server(connection));
}

/* ---- the owner ---- */

static inline void echo_release(struct resp_connection *connection)
{
    struct echo *echo = resp_connection_user(connection);

    if (echo->holds || echo->waits || echo->count == 0)
        return;
    bytes_put(resp_connection_output(connection), echo->replies.data, echo->replies.size);
    resp_connection_answered(connection, echo->count);
    echo->count = 0;
    bytes_clear(&echo->replies);
}

static inline void echo_reply(struct resp_connection *connection, const char *text, size_t size)
{
    struct echo *echo = resp_connection_user(connection);

    bytes_format(&echo->replies, "$%zu\r\n", size);
    bytes_put(&echo->replies, text, size);
    bytes_put(&echo->replies, "\r\n", 2);
    echo->count++;
    echo_release(connection);
}

static inline void echo_on_later(uv_timer_t *timer)
{
    struct harness *harness = timer->data;

    for (struct resp_connection *c = resp_server_first(harness->server); c;
         c = resp_connection_next(c)) {
        struct echo *echo = resp_connection_user(c);
        if (echo->paused)
            resp_connection_resume(c);
        echo->paused = false;
        echo->holds = false;
        echo_release(c);
    }
}

static inline void echo_later(struct resp_connection *connection)
{
    struct harness *harness = harness_of(connection);

    if (!uv_is_active((uv_handle_t *)&harness->later))
        uv_timer_start(&harness->later, echo_on_later, 2, 0);
}

static inline uint64_t echo_publish(struct resp_connection *connection, size_t size)
{
    struct bytes bytes = {0};
    uint64_t count = 0;

    bytes_reserve(&bytes, size);
    memset(bytes.data, 'p', size);
    bytes.size = size;
    struct resp_block *block = resp_block_new(bytes_span(&bytes));
    assert_int_equal(resp_block_bytes(block).size, size);
    for (struct resp_connection *c = resp_server_first(resp_connection_server(connection)); c;
         c = resp_connection_next(c)) {
        if (((struct echo *)resp_connection_user(c))->subscribed)
            count += resp_connection_push(c, block);
    }
    resp_block_unref(block);
    bytes_done(&bytes);
    return count;
}

static inline void echo_number(struct resp_connection *connection, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    echo_reply(connection, text, strlen(text));
}

static inline bool echo_is(struct span arg, const char *word)
{
    return span_equal(arg, span_of(word));
}

static inline size_t echo_size(const struct span *args, uint32_t count)
{
    char text[24] = "0";

    if (count > 1 && args[1].size < sizeof(text))
        memcpy(text, args[1].data, args[1].size);
    return strtoul(text, NULL, 10);
}

static inline void echo_on_command(struct resp_connection *connection, const struct span *args,
                                   uint32_t count)
{
    struct echo *echo = resp_connection_user(connection);
    struct span second = count > 1 ? args[1] : (struct span){"", 0};

    if (echo_is(args[0], "ECHO")) {
        echo_reply(connection, second.data, second.size);
    } else if (echo_is(args[0], "HOLD")) {
        echo->holds = true;
        echo_reply(connection, second.data, second.size);
        echo_later(connection);
    } else if (echo_is(args[0], "BIG")) {
        char *big = malloc(echo_size(args, count) + 1);
        memset(big, 'b', echo_size(args, count));
        echo_reply(connection, big, echo_size(args, count));
        free(big);
    } else if (echo_is(args[0], "PAUSE")) {
        echo->paused = true;
        resp_connection_pause(connection);
        echo_reply(connection, "paused", 6);
        echo_later(connection);
    } else if (echo_is(args[0], "WAIT")) {
        echo->waits = true;
        echo_reply(connection, "drained", 7);
    } else if (echo_is(args[0], "SUB")) {
        echo->subscribed = true;
        echo_reply(connection, "subscribed", 10);
    } else if (echo_is(args[0], "PUB")) {
        echo_number(connection, echo_publish(connection, echo_size(args, count)));
    } else if (echo_is(args[0], "QUEUED")) {
        echo_number(connection, harness_of(connection)->queued_max);
    } else if (echo_is(args[0], "QUIT")) {
        echo_reply(connection, "OK", 2);
        resp_connection_finish(connection);
    } else if (echo_is(args[0], "DIE")) {
        resp_connection_kill(connection);
    } else {
        echo_reply(connection, "PONG", 4);
    }
}

static inline void echo_on_broken(struct resp_connection *connection, const char *text)
{
    struct echo *echo = resp_connection_user(connection);

    bytes_format(&echo->replies, "-ERR %s\r\n", text);
    echo->count++;
    echo_release(connection);
}

static inline void echo_on_open(struct resp_connection *connection)
{
    assert_true(resp_connection_protocol(connection) == RESP_PROTOCOL_2);
    assert_null(resp_connection_user(connection));
    assert_true(strncmp(resp_connection_peer(connection), "127.0.0.1:", 10) == 0);
    assert_true(strncmp(resp_connection_local(connection), "127.0.0.1:", 10) == 0);
    resp_connection_set_user(connection, calloc(1, sizeof(struct echo)));
    atomic_fetch_add(&harness_of(connection)->opened, 1);
}

static inline void echo_on_turn(void *user)
{
    struct harness *harness = user;

    atomic_fetch_add(&harness->turns, 1);
    for (struct resp_connection *c = resp_server_first(harness->server); c;
         c = resp_connection_next(c)) {
        if (resp_connection_output_bytes(c) > harness->queued_max)
            harness->queued_max = resp_connection_output_bytes(c);
    }
}

static inline void echo_on_drain(struct resp_connection *connection)
{
    struct echo *echo = resp_connection_user(connection);

    echo->waits = false;
    echo_release(connection);
}

static inline void echo_on_gone(struct resp_connection *connection)
{
    struct echo *echo = resp_connection_user(connection);

    atomic_fetch_add(&harness_of(connection)->gone, 1);
    uv_sem_post(&harness_of(connection)->goings);
    bytes_done(&echo->replies);
    free(echo);
}

static const struct resp_ops echo_ops = {
    .on_open = echo_on_open,
    .on_command = echo_on_command,
    .on_broken = echo_on_broken,
    .on_turn = echo_on_turn,
    .on_drain = echo_on_drain,
    .on_gone = echo_on_gone,
};

/* ---- the server's thread ---- */

static inline void harness_on_stop(uv_async_t *async)
{
    struct harness *harness = async->data;

    harness->counters = *resp_server_counters(harness->server);
    resp_server_free(harness->server);
    uv_close((uv_handle_t *)&harness->stop, NULL);
    uv_close((uv_handle_t *)&harness->drain, NULL);
    uv_close((uv_handle_t *)&harness->later, NULL);
}

static inline void harness_on_drained(void *user)
{
    struct harness *harness = user;

    uv_sem_post(&harness->drained);
}

static inline void harness_on_drain(uv_async_t *async)
{
    struct harness *harness = async->data;

    resp_server_drain(harness->server, harness->drain_ms, harness_on_drained, harness);
}

static inline void *harness_run(void *user)
{
    struct harness *harness = user;
    struct resp_options options = {.ops = &echo_ops, .user = harness, .limits = harness->limits};
    struct err err = {0};

    uv_loop_init(&harness->loop);
    harness->stop.data = harness->drain.data = harness->later.data = harness;
    uv_async_init(&harness->loop, &harness->stop, harness_on_stop);
    uv_async_init(&harness->loop, &harness->drain, harness_on_drain);
    uv_timer_init(&harness->loop, &harness->later);
    if (resp_server_new(&harness->server, &harness->loop, &options, &err) < 0 ||
        resp_server_listen(harness->server, "127.0.0.1", 0, true, &harness->port, &err) < 0) {
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

/* `harness->limits` may be set before. */
static inline void harness_start(struct harness *harness)
{
    const struct sigaction ignored = {.sa_handler = SIG_IGN};

    sigaction(SIGPIPE, &ignored, NULL);
    uv_sem_init(&harness->ready, 0);
    uv_sem_init(&harness->drained, 0);
    uv_sem_init(&harness->goings, 0);
    pthread_create(&harness->thread, NULL, harness_run, harness);
    uv_sem_wait(&harness->ready);
}

static inline void harness_stop(struct harness *harness)
{
    uv_async_send(&harness->stop);
    pthread_join(harness->thread, NULL);
    uv_sem_destroy(&harness->ready);
    uv_sem_destroy(&harness->drained);
    uv_sem_destroy(&harness->goings);
    assert_int_equal(atomic_load(&harness->opened), atomic_load(&harness->gone));
}

/* ---- clients ---- */

static inline int client_open(const struct harness *harness)
{
    const struct timeval timeout = {.tv_sec = 10};
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(harness->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* False if the server has closed. */
static inline bool client_send(int fd, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

static inline void client_say(int fd, const char *text)
{
    assert_true(client_send(fd, text, strlen(text)));
}

/* Reads exactly what is expected. */
static inline void client_expect(int fd, const char *expected, size_t size)
{
    char buffer[65536];

    while (size > 0) {
        ssize_t got = recv(fd, buffer, size < sizeof(buffer) ? size : sizeof(buffer), 0);
        if (got <= 0)
            fail_msg("closed or late, with \"%.60s\" missing", expected);
        assert_memory_equal(buffer, expected, got);
        expected += got;
        size -= (size_t)got;
    }
}

static inline void client_expect_text(int fd, const char *expected)
{
    client_expect(fd, expected, strlen(expected));
}

/* Reads to the end; false if it does not come, or comes as a reset with `clean`. */
static inline bool client_ended(int fd, bool clean)
{
    char buffer[65536];
    ssize_t got;

    while ((got = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
    }
    return got == 0 || (!clean && errno == ECONNRESET);
}

#endif
