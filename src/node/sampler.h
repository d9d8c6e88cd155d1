// SPDX-License-Identifier: Apache-2.0
/*
 * sampler.h - how fast counters grow: taken once a second.
 *
 * Latencies are over the last SAMPLER_SECONDS samples.
 *
 * Threads: worker 0 samples; the results are read by all, under the lock.
 */
#ifndef TALLYWHEEL_NODE_SAMPLER_H
#define TALLYWHEEL_NODE_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "node/stats.h"

struct node;

#define SAMPLER_SECONDS 10

/* A counter of something with an id (a stream, a board), and how fast it grows. */
struct sampler_rate {
    uint32_t id;
    uint64_t count;
    double per_s;
};

struct sampler {
    uv_mutex_t lock;
    uint64_t sampled_ns;
    bool sampling; /* an ask is under way */
    uint64_t accepted;
    double accepted_per_s;
    struct sampler_rate *rates;
    uint32_t rate_count;
    uint64_t ack_history[SAMPLER_SECONDS][STATS_BUCKETS];
    uint32_t ack_next;
    uint64_t ack_p50_us;
    uint64_t ack_p99_us;
};

void sampler_init(struct sampler *sampler);
void sampler_done(struct sampler *sampler);

/* Worker 0, on every tick. */
void sampler_tick(struct sampler *sampler, struct node *node);

/* How fast the counter with that id grows, a second; 0 if there is none. Under the lock. */
double sampler_rate_of(const struct sampler *sampler, uint32_t id);

#endif
