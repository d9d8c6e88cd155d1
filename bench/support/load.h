// SPDX-License-Identifier: Apache-2.0
/*
 * load.h - sends bodies of events to a server, as fast as it takes them or at a steady rate, and
 * measures what that does: rate, latency, processor time on both sides.
 *
 * Every reply must say that all events of its body were accepted; anything else ends the driver.
 *
 * Thread: one owner.
 */
#ifndef TALLYWHEEL_BENCH_SUPPORT_LOAD_H
#define TALLYWHEEL_BENCH_SUPPORT_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "support/client.h"
#include "support/events.h"
#include "support/histogram.h"
#include "support/server.h"

struct random;

struct load_body {
    struct events_body events;
    struct bytes head;
    bool in_flight;
};

/* Bodies to send in turn. */
struct load_pool {
    struct load_body *bodies;
    uint32_t count;
    uint32_t next;
};

struct load {
    const struct server *server;
    struct client client;
    uint64_t accepted; /* in all */
    /* Since the last measurement began. */
    uint64_t events;
    uint64_t bytes;
    struct histogram ack; /* from a request's last byte given to the kernel to its reply */
    struct histogram due; /* from when a request should have been sent to its reply */
};

struct load_result {
    double seconds;
    double events;
    double bytes;
    double server_cpu_ns;
    double client_cpu_ns;
};

void load_open(struct load *load, const struct server *server, uint32_t connections);
void load_close(struct load *load);

/* `bytes` of random events in bodies of about `body_bytes`. */
void load_pool_random(struct load_pool *pool, const struct events_shape *shape,
                      struct random *random, size_t bytes, size_t body_bytes);
void load_pool_done(struct load_pool *pool);

/* Every member once, every host as often as need be. */
void load_fill(struct load *load, const struct events_shape *shape, struct random *random,
               size_t body_bytes);

/*
 * For `seconds`, at `rate` events a second in evenly spaced requests; 0: as fast as it goes, with
 * a request on every connection. The latencies are in load->ack and load->due afterwards.
 */
struct load_result load_run(struct load *load, struct load_pool *pool, double rate, double seconds);

#endif
