// SPDX-License-Identifier: Apache-2.0
/*
 * listener.c - a listening TCP socket on a worker's loop; see listener.h.
 *
 * When the process is out of file descriptors, accepting stops for a moment instead of spinning on
 * a socket that stays readable.
 */
#include "net/listener.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/say.h"

#define ACCEPTS_A_TURN 64
#define REST_MS 100

struct listener {
    uv_poll_t poll;
    uv_timer_t rest; /* runs while out of descriptors */
    int fd;
    int open_handles;
    bool closing;
    bool said_full;
    uint16_t port;
    listener_accept_fn *on_accept;
    void *user;
};

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_rested(uv_timer_t *timer)
{
    struct listener *listener = timer->data;

    uv_poll_start(&listener->poll, UV_READABLE, on_readable);
}

static void rest(struct listener *listener)
{
    if (!listener->said_full)
        say_warn("serve", "cannot accept connections for now: %s", strerror(errno));
    listener->said_full = true;
    uv_poll_stop(&listener->poll);
    uv_timer_start(&listener->rest, on_rested, REST_MS, 0);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;
    const int on = 1;

    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_A_TURN && !listener->closing; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                rest(listener);
            else if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO)
                continue;
            return;
        }
        listener->said_full = false;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        listener->on_accept(listener->user, fd);
    }
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&address)->sin6_port
                                               : ((const struct sockaddr_in *)&address)->sin_port);
}

/* A bound socket, or -1 with errno. */
static int bind_socket(const struct addrinfo *address, bool share)
{
    const int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        (share && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0) ||
        bind(fd, address->ai_addr, address->ai_addrlen) < 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static int open_socket(const struct addrinfo *address, const struct listener_options *options)
{
    /*
     * Sharing would let a second server steal half of the connections without a word, so the first
     * listener asks without sharing whether the address is free. Two sockets that share may both
     * listen; one that does not share fails in listen.
     */
    if (options->first && options->port != 0) {
        int probe = bind_socket(address, false);
        if (probe < 0)
            return -1;
        if (listen(probe, 1) < 0) {
            int saved = errno;
            close(probe);
            errno = saved;
            return -1;
        }
        close(probe);
    }
    int fd = bind_socket(address, true);
    if (fd >= 0 && listen(fd, options->backlog > 0 ? options->backlog : 1024) < 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static int resolve_and_open(const struct listener_options *options, struct err *err)
{
    const struct addrinfo hints = {
        .ai_flags = AI_PASSIVE, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    const char *host = options->host ? options->host : "*";
    struct addrinfo *addresses = NULL;
    char service[8];
    int fd = -1;

    snprintf(service, sizeof(service), "%u", options->port);
    int rc = getaddrinfo(options->host, service, &hints, &addresses);
    if (rc != 0)
        return err_set(err, ERR_INVALID, "cannot listen on %s:%u: %s", host, options->port,
                       gai_strerror(rc));
    for (const struct addrinfo *a = addresses; a && fd < 0; a = a->ai_next)
        fd = open_socket(a, options);
    int saved = errno;
    freeaddrinfo(addresses);
    if (fd < 0)
        return err_set_errno(err, saved, "cannot listen on %s:%u", host, options->port);
    return fd;
}

int listener_open(struct listener **out_listener, uv_loop_t *loop,
                  const struct listener_options *options, listener_accept_fn *on_accept, void *user,
                  struct err *err)
{
    int fd = resolve_and_open(options, err);

    if (fd < 0)
        return fd;
    struct listener *listener = bytes_alloc_zero(1, sizeof(*listener));
    listener->fd = fd;
    listener->port = port_of(fd);
    listener->on_accept = on_accept;
    listener->user = user;
    listener->poll.data = listener;
    listener->rest.data = listener;
    int rc = uv_poll_init(loop, &listener->poll, fd);
    if (rc < 0) {
        close(fd);
        free(listener);
        return err_set(err, ERR_IO, "cannot watch a listening socket: %s", uv_strerror(rc));
    }
    uv_timer_init(loop, &listener->rest);
    listener->open_handles = 2;
    uv_poll_start(&listener->poll, UV_READABLE, on_readable);
    *out_listener = listener;
    return 0;
}

uint16_t listener_port(const struct listener *listener)
{
    return listener->port;
}

static void on_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;

    assert(listener->open_handles > 0);
    if (--listener->open_handles > 0)
        return;
    close(listener->fd);
    free(listener);
}

void listener_close(struct listener *listener)
{
    if (!listener || listener->closing)
        return;
    listener->closing = true;
    uv_close((uv_handle_t *)&listener->poll, on_closed);
    uv_close((uv_handle_t *)&listener->rest, on_closed);
}
