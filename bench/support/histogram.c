// SPDX-License-Identifier: Apache-2.0
/* histogram.c - see histogram.h. */
#include "support/histogram.h"

#include <string.h>

void histogram_reset(struct histogram *histogram)
{
    memset(histogram, 0, sizeof(*histogram));
}

/* Below 2 * STEPS a bucket is one nanosecond wide; then it doubles with every STEPS buckets. */
static uint32_t bucket_of(uint64_t ns)
{
    uint32_t shift;
    uint32_t bucket;

    if (ns < 2 * HISTOGRAM_STEPS)
        return (uint32_t)ns;
    shift = 63u - (uint32_t)__builtin_clzll(ns) - 6u;
    bucket = shift * HISTOGRAM_STEPS + (uint32_t)(ns >> shift);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static uint64_t bucket_end_ns(uint32_t bucket)
{
    uint32_t shift;

    if (bucket < 2 * HISTOGRAM_STEPS)
        return bucket;
    shift = bucket / HISTOGRAM_STEPS - 1;
    return ((uint64_t)(bucket - shift * HISTOGRAM_STEPS + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
    histogram->count++;
    histogram->buckets[bucket_of(ns)]++;
    if (ns > histogram->max_ns)
        histogram->max_ns = ns;
}

double histogram_ms(const struct histogram *histogram, double q)
{
    uint64_t wanted = (uint64_t)(q * (double)histogram->count);
    uint64_t seen = 0;

    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS && histogram->count > 0; i++) {
        seen += histogram->buckets[i];
        if (seen > wanted || seen == histogram->count) {
            uint64_t end_ns = bucket_end_ns(i);

            return (double)(end_ns < histogram->max_ns ? end_ns : histogram->max_ns) / 1e6;
        }
    }
    return 0;
}
