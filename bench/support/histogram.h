// SPDX-License-Identifier: Apache-2.0
/*
 * histogram.h - latencies, each to within 1.6 %: 64 buckets a power of two, in nanoseconds.
 *
 * Thread: one owner.
 */
#ifndef TALLYWHEEL_BENCH_SUPPORT_HISTOGRAM_H
#define TALLYWHEEL_BENCH_SUPPORT_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS 64u
#define HISTOGRAM_BUCKETS (HISTOGRAM_STEPS * 40u)

struct histogram {
    uint64_t count;
    uint64_t max_ns;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_reset(struct histogram *histogram);
void histogram_add(struct histogram *histogram, uint64_t ns);

/* The value that the share `q` does not exceed, in milliseconds; 0 if there is none. */
double histogram_ms(const struct histogram *histogram, double q);

#endif
