// SPDX-License-Identifier: Apache-2.0
/*
 * stats.h - the server's own numbers: counters and a latency histogram per worker.
 *
 * Each worker writes its own with relaxed atomics; anybody may read and add them up.
 *
 * The histogram has 8 buckets a power of two, from 1 microsecond on: a quantile is read to within
 * 12.5 %.
 */
#ifndef TALLYWHEEL_NODE_STATS_H
#define TALLYWHEEL_NODE_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#define STATS_BUCKETS 256

/* name, help: what /metrics says */
#define STATS_COUNTERS(X)                                                                          \
    X(accepted, "Events accepted")                                                                 \
    X(duplicates, "Events recognised as duplicates by their id")                                   \
    X(late, "Events later than the lateness of their stream")                                      \
    X(rejected, "Events rejected as malformed")                                                    \
    X(ingest_requests, "Requests that brought events")                                             \
    X(ingest_refused, "Requests refused because too much was in flight")                           \
    X(ingest_failed, "Requests whose events could not be committed")                               \
    X(reads, "Reads answered")                                                                     \
    X(pushes, "Live messages pushed")                                                              \
    X(gaps, "Live messages dropped for slow watchers")

struct stats {
#define STATS_MEMBER(name, help) _Atomic uint64_t name;
    STATS_COUNTERS(STATS_MEMBER)
#undef STATS_MEMBER
    _Atomic uint64_t ack_us[STATS_BUCKETS]; /* from a request's last byte to its answer */
    _Atomic uint64_t ack_us_total;
    _Atomic uint64_t connections; /* open now; what serves them keeps it */
};

static inline void stats_add(_Atomic uint64_t *counter, uint64_t value)
{
    atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

void stats_ack(struct stats *stats, uint64_t us);

/* Adds the buckets of `stats` to `buckets`. */
void stats_collect_ack(const struct stats *stats, uint64_t *buckets);

/* The value below which the share `q` of the counted lies, in microseconds; 0 if none. */
uint64_t stats_quantile_us(const uint64_t *buckets, double q);

/* The upper end of a bucket, in microseconds. */
uint64_t stats_bucket_end_us(uint32_t bucket);

#endif
