// SPDX-License-Identifier: Apache-2.0
/*
 * listener.h - a listening TCP socket on a worker's loop.
 *
 * Every worker has a socket of its own on the same address (SO_REUSEPORT), so that the kernel
 * spreads connections over workers and no accepted socket ever changes threads.
 *
 * Thread: the loop's.
 */
#ifndef TALLYWHEEL_NET_LISTENER_H
#define TALLYWHEEL_NET_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct err;
struct listener;

/*
 * `fd` is a connected socket, non-blocking, close-on-exec, TCP_NODELAY; the callee owns it. May
 * call listener_close.
 */
typedef void listener_accept_fn(void *user, int fd);

struct listener_options {
    const char *host; /* a name, an address, or NULL for all addresses; IPv6 without brackets */
    uint16_t port;    /* 0: the kernel picks one; see listener_port */
    /*
     * Fail if anybody listens there already. True for the first listener of the process on that
     * address, false for those of the other workers, which share it.
     */
    bool first;
    int backlog; /* 0: 1024 */
};

/* Starts to accept. ERR_IO or ERR_INVALID (an unknown host) with the address in the text. */
int listener_open(struct listener **out_listener, uv_loop_t *loop,
                  const struct listener_options *options, listener_accept_fn *on_accept, void *user,
                  struct err *err);

/* The port that it is bound to. */
uint16_t listener_port(const struct listener *listener);

/*
 * Stops accepting at once. The socket and the memory go in the loop's next turn, so the loop has
 * to run once more before it is closed. NULL is fine.
 */
void listener_close(struct listener *listener);

#endif
