// SPDX-License-Identifier: Apache-2.0
/*
 * client.h - a few keep-alive HTTP connections to loopback, driven by epoll, as cheap as can be.
 *
 * The machine that is measured is the machine that measures, so what the client spends is taken
 * from the server. One request at a time on a connection; the caller keeps what it sends until the
 * reply has come. Anything unexpected (a connection that closes, nothing for half a minute) ends
 * the process with a message.
 *
 * Thread: one owner.
 */
#ifndef TALLYWHEEL_BENCH_SUPPORT_CLIENT_H
#define TALLYWHEEL_BENCH_SUPPORT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct client;

struct client_connection {
    int fd;
    bool wants_write;
    struct span head; /* what is being sent */
    struct span body;
    size_t sent;
    uint64_t due_ns;  /* when the request should have been sent; the caller's */
    uint64_t sent_ns; /* when the kernel had taken its last byte */
    void *context;    /* the caller's */
    struct bytes reply;
    struct client_connection *next_idle;
};

/* `body` is the reply's. */
typedef void client_reply_fn(void *context, struct client_connection *connection, int status,
                             struct span body);

struct client {
    int epoll;
    uint32_t count;
    uint32_t idle_count;
    struct client_connection *connections;
    struct client_connection *idle;
    client_reply_fn *on_reply;
    void *context;
    uint64_t heard_ns; /* when anything last came */
};

void client_open(struct client *client, uint16_t port, uint32_t count, client_reply_fn *on_reply,
                 void *context);
void client_close(struct client *client);

/* A connection that waits for a request, or NULL; it is the caller's until client_send. */
struct client_connection *client_take(struct client *client);

void client_send(struct client *client, struct client_connection *connection, struct span head,
                 struct span body);

/* Handles what has happened; waits for at most `wait_ns` if nothing has. */
void client_poll(struct client *client, uint64_t wait_ns);

/* Until all replies have come. */
void client_finish(struct client *client);

/*
 * One GET on a connection of its own, to *out_body. The status, or -1 if nothing listens there or
 * the connection was closed.
 */
int client_get(uint16_t port, const char *path, struct bytes *out_body);

/* The number after `"name":` in a JSON text, or -1. */
double client_number(struct span json, const char *name);

#endif
