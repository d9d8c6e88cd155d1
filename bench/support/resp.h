// SPDX-License-Identifier: Apache-2.0
/*
 * resp.h - connections that send pipelines of RESP commands and count the replies, by epoll.
 *
 * A closed loop: each connection sends a pipeline of `depth` commands in one write, waits for as
 * many replies, and sends the next. What is sent comes from the caller's `fill`; what comes back is
 * parsed just far enough to count it and to notice what is not as it should be: an error or a nil
 * ends the process with a message, so no figure is of commands that did nothing.
 *
 * Thread: one owner.
 */
#ifndef TALLYWHEEL_BENCH_SUPPORT_RESP_H
#define TALLYWHEEL_BENCH_SUPPORT_RESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"

struct histogram;

/* Where a server listens, and which process it is. */
struct resp_server {
    const char *name;
    char host[64];
    uint16_t port;
    pid_t pid;
};

struct resp_connection {
    int fd;
    bool wants_write;
    struct bytes out;
    size_t sent;
    uint64_t sent_ns; /* when the pipeline was begun */
    uint32_t awaited; /* replies of it that have not come */
    uint64_t left;    /* elements that are missing from the reply at hand */
    struct bytes in;  /* what has come of an element that is not complete */
};

/* Appends one command to `out`. */
typedef void resp_fill_fn(void *context, struct bytes *out);

struct resp {
    const struct resp_server *server;
    int epoll;
    uint32_t count;
    struct resp_connection *connections;
    resp_fill_fn *fill;
    void *context;
    uint32_t depth;
    uint64_t command_count; /* that have been answered in resp_run */
};

/* "HOST:PORT", with an IPv4 address. */
void resp_server_parse(struct resp_server *server, const char *name, const char *address,
                       double pid);

void resp_open(struct resp *resp, const struct resp_server *server, uint32_t count);
void resp_close(struct resp *resp);

/*
 * Sends and counts until `seconds` are over or `most` commands have been begun, and until all of
 * these are answered. Each pipeline's time, from its write to its last reply, goes to `latency`
 * (NULL: nowhere).
 */
void resp_run(struct resp *resp, uint32_t depth, resp_fill_fn *fill, void *context, double seconds,
              uint64_t most, struct histogram *latency);

/* One command of words that are separated by blanks, on the first connection; its integer. */
long long resp_ask(struct resp *resp, const char *words);

/* Appends one command of `count` words. */
void resp_put(struct bytes *out, const struct span *words, uint32_t count);

/* Processor time and memory of the server's process. */
uint64_t resp_server_cpu_ns(const struct resp_server *server);
double resp_server_rss_bytes(const struct resp_server *server);

#endif
