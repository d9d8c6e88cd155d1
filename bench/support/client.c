// SPDX-License-Identifier: Apache-2.0
/* client.c - see client.h. */
#include "support/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "support/figures.h"

#define REPLY_ROOM 16384u
#define EVENTS_MAX 64
#define SILENCE_NS 30000000000u

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0)
        figures_fail("socket: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        close(fd);
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static void watch(struct client *client, struct client_connection *connection, int operation,
                  bool write)
{
    struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0u)};

    event.data.ptr = connection;
    if (epoll_ctl(client->epoll, operation, connection->fd, &event) < 0)
        figures_fail("epoll_ctl: %s", strerror(errno));
    connection->wants_write = write;
}

static void put_idle(struct client *client, struct client_connection *connection)
{
    connection->next_idle = client->idle;
    client->idle = connection;
    client->idle_count++;
}

void client_open(struct client *client, uint16_t port, uint32_t count, client_reply_fn *on_reply,
                 void *context)
{
    *client = (struct client){.count = count, .on_reply = on_reply, .context = context};
    /* Waiting to within a microsecond instead of 50. */
    (void)prctl(PR_SET_TIMERSLACK, 1000);
    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    client->connections = bytes_alloc_zero(count, sizeof(client->connections[0]));
    client->heard_ns = figures_now_ns();
    for (uint32_t i = 0; i < count; i++) {
        struct client_connection *connection = &client->connections[i];

        connection->fd = connect_to(port);
        if (connection->fd < 0)
            figures_fail("cannot connect to port %u: %s", port, strerror(errno));
        watch(client, connection, EPOLL_CTL_ADD, false);
        put_idle(client, connection);
    }
}

void client_close(struct client *client)
{
    for (uint32_t i = 0; i < client->count; i++) {
        close(client->connections[i].fd);
        bytes_done(&client->connections[i].reply);
    }
    free(client->connections);
    close(client->epoll);
    *client = (struct client){0};
}

struct client_connection *client_take(struct client *client)
{
    struct client_connection *connection = client->idle;

    if (connection != NULL) {
        client->idle = connection->next_idle;
        client->idle_count--;
    }
    return connection;
}

static void push_out(struct client *client, struct client_connection *connection)
{
    size_t total = connection->head.size + connection->body.size;

    while (connection->sent < total) {
        struct iovec parts[2];
        struct msghdr message = {.msg_iov = parts};
        size_t in_body;
        ssize_t size;

        if (connection->sent < connection->head.size) {
            parts[message.msg_iovlen++] =
                (struct iovec){(char *)(uintptr_t)connection->head.data + connection->sent,
                               connection->head.size - connection->sent};
            in_body = 0;
        } else {
            in_body = connection->sent - connection->head.size;
        }
        if (connection->body.size > in_body)
            parts[message.msg_iovlen++] =
                (struct iovec){(char *)(uintptr_t)connection->body.data + in_body,
                               connection->body.size - in_body};
        size = sendmsg(connection->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size < 0 && errno == EAGAIN) {
            if (!connection->wants_write)
                watch(client, connection, EPOLL_CTL_MOD, true);
            return;
        }
        if (size < 0)
            figures_fail("the server closed a connection: %s", strerror(errno));
        connection->sent += (size_t)size;
    }
    connection->sent_ns = figures_now_ns();
    if (connection->wants_write)
        watch(client, connection, EPOLL_CTL_MOD, false);
}

void client_send(struct client *client, struct client_connection *connection, struct span head,
                 struct span body)
{
    connection->head = head;
    connection->body = body;
    connection->sent = 0;
    connection->sent_ns = 0;
    bytes_clear(&connection->reply);
    push_out(client, connection);
}

/* The size of the head of the reply in `reply`, its status and its body; 0 if it is not whole. */
static size_t parse_reply(struct bytes *reply, int *out_status, struct span *out_body)
{
    const char *text = bytes_text(reply);
    const char *end = strstr(text, "\r\n\r\n");
    const char *length;
    size_t head;
    size_t body;

    if (end == NULL)
        return 0;
    head = (size_t)(end - text) + 4;
    length = strcasestr(text, "\r\ncontent-length:");
    if (strncmp(text, "HTTP/1.1 ", 9) != 0 || length == NULL || length > end)
        figures_fail("a reply that this client does not understand: %.200s", text);
    body = strtoull(length + 17, NULL, 10);
    if (reply->size < head + body)
        return 0;
    *out_status = (int)strtol(text + 9, NULL, 10);
    *out_body = (struct span){text + head, body};
    return head;
}

static void read_in(struct client *client, struct client_connection *connection)
{
    char *room = bytes_reserve(&connection->reply, REPLY_ROOM);
    ssize_t size = recv(connection->fd, room, REPLY_ROOM, MSG_DONTWAIT);
    struct span body;
    int status;

    if (size < 0 && errno == EAGAIN)
        return;
    if (size <= 0)
        figures_fail("the server closed a connection%s%s", size < 0 ? ": " : "",
                     size < 0 ? strerror(errno) : "");
    connection->reply.size += (size_t)size;
    if (parse_reply(&connection->reply, &status, &body) == 0)
        return;
    if (connection->sent < connection->head.size + connection->body.size)
        figures_fail("status %d before the request was sent: %.*s", status, (int)body.size,
                     body.data);
    client->on_reply(client->context, connection, status, body);
    put_idle(client, connection);
}

void client_poll(struct client *client, uint64_t wait_ns)
{
    struct timespec wait = {(time_t)(wait_ns / 1000000000u), (long)(wait_ns % 1000000000u)};
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_pwait2(client->epoll, events, EVENTS_MAX, &wait, NULL);
    uint64_t now_ns = figures_now_ns();

    if (count < 0 && errno != EINTR)
        figures_fail("epoll_pwait2: %s", strerror(errno));
    if (count > 0 || client->idle_count == client->count)
        client->heard_ns = now_ns;
    else if (now_ns - client->heard_ns > SILENCE_NS)
        figures_fail("no reply for %u s", (unsigned)(SILENCE_NS / 1000000000u));
    for (int i = 0; i < count; i++) {
        struct client_connection *connection = events[i].data.ptr;

        if ((events[i].events & EPOLLOUT) != 0 && connection->wants_write)
            push_out(client, connection);
        if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
            read_in(client, connection);
    }
}

void client_finish(struct client *client)
{
    while (client->idle_count < client->count)
        client_poll(client, 100000000u);
}

int client_get(uint16_t port, const char *path, struct bytes *out_body)
{
    struct bytes text = {0};
    struct span body;
    int status = -1;
    int fd = connect_to(port);

    if (fd < 0)
        return -1;
    bytes_format(&text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);
    if (send(fd, text.data, text.size, MSG_NOSIGNAL) == (ssize_t)text.size) {
        bytes_clear(&text);
        for (;;) {
            ssize_t size = recv(fd, bytes_reserve(&text, REPLY_ROOM), REPLY_ROOM, 0);

            if (size <= 0)
                break;
            text.size += (size_t)size;
            if (parse_reply(&text, &status, &body) == 0)
                continue;
            bytes_clear(out_body);
            bytes_put(out_body, body.data, body.size);
            break;
        }
    }
    bytes_done(&text);
    close(fd);
    return status;
}

double client_number(struct span json, const char *name)
{
    char key[64];
    const char *at;

    snprintf(key, sizeof(key), "\"%s\":", name);
    at = memmem(json.data, json.size, key, strlen(key));
    return at != NULL ? strtod(at + strlen(key), NULL) : -1;
}
