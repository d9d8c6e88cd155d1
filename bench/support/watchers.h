// SPDX-License-Identifier: Apache-2.0
/*
 * watchers.h - many clients that watch topics over server-sent events, and how late they hear.
 *
 * Each message says as of when (`at`) it holds all that was acknowledged. So a body of events has
 * been heard of by a watcher when the first message arrives whose `at` is not before the
 * acknowledgement, and the times from its sending and from its acknowledgement to that arrival can
 * be taken: for every body and every watcher. Times are rounded so that they are never too short.
 *
 * Thread: watchers_said by the one that sends; the watchers have a thread of their own; everything
 * else before watchers_start or after watchers_stop.
 */
#ifndef TALLYWHEEL_BENCH_SUPPORT_WATCHERS_H
#define TALLYWHEEL_BENCH_SUPPORT_WATCHERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "support/histogram.h"

#define WATCHERS_BODIES_MAX (1u << 18)

/* A body of events that was acknowledged. */
struct watched_body {
    uint64_t sent_ns; /* when the kernel had taken its last byte */
    uint64_t acked_ns;
    int64_t acked_ms; /* by the wall clock, rounded up */
};

struct watched_topic {
    char *path;
    uint32_t watcher_count;
    uint32_t ticks; /* messages in the window that somebody got */
    int64_t last_at_ms;
};

struct watcher {
    int fd;
    uint32_t topic;
    uint32_t ticks; /* messages in the window */
    uint32_t next;  /* the first body that it has not heard of */
    bool began;     /* it has its snapshot */
    struct bytes input;
};

struct watchers {
    int epoll;
    uint32_t count;
    struct watcher *watchers;
    uint32_t topic_count;
    struct watched_topic *topics;
    struct watched_body *bodies;
    _Atomic uint32_t body_count;
    _Atomic uint32_t began_count;
    _Atomic int64_t window_begin_ms; /* messages of this time are measured */
    _Atomic int64_t window_end_ms;
    _Atomic bool stops;
    pthread_t thread;
    /* What was measured. */
    struct histogram tick;  /* from a message's `at` to its arrival */
    struct histogram acked; /* from the acknowledgement of a body to its being heard of */
    struct histogram sent;  /* from its sending */
    uint64_t messages;
    uint64_t bytes;
    uint64_t gaps;
    uint64_t cpu_ns; /* of the thread */
};

/*
 * Connects: watcher i watches paths[i % path_count]. Raises the limit of open files if need be, so
 * before the server is started, watchers_raise_limit(count).
 */
void watchers_raise_limit(uint32_t count);
void watchers_open(struct watchers *watchers, uint16_t port, uint32_t count,
                   const char *const *paths, uint32_t path_count);
void watchers_close(struct watchers *watchers);

/* Begins to listen, and waits until all have their snapshot. */
void watchers_start(struct watchers *watchers);

/* A body was acknowledged just now. */
void watchers_said(struct watchers *watchers, uint64_t sent_ns);

/* Measures messages that hold what was acknowledged from now on, for so long. */
void watchers_measure(struct watchers *watchers, double seconds);
void watchers_stop(struct watchers *watchers);

/* How many messages of the window did not come to one that should have got them. */
uint64_t watchers_missed(const struct watchers *watchers);

/* The most and the least messages of the window that a topic had. */
void watchers_ticks(const struct watchers *watchers, uint32_t *out_least, uint32_t *out_most);

#endif
