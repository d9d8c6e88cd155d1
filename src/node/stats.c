// SPDX-License-Identifier: Apache-2.0
/* stats.c - see stats.h. */
#include "node/stats.h"

#define SUB_BITS 3
#define SUB_COUNT (1u << SUB_BITS)

static uint32_t bucket_of(uint64_t us)
{
    uint32_t exponent;
    uint32_t bucket;

    if (us < SUB_COUNT)
        return (uint32_t)us;
    exponent = 63 - (uint32_t)__builtin_clzll(us);
    bucket = (exponent - SUB_BITS + 1) * SUB_COUNT +
             (uint32_t)(us >> (exponent - SUB_BITS) & (SUB_COUNT - 1));
    return bucket < STATS_BUCKETS ? bucket : STATS_BUCKETS - 1;
}

uint64_t stats_bucket_end_us(uint32_t bucket)
{
    uint32_t exponent;

    if (bucket < SUB_COUNT)
        return bucket + 1;
    exponent = bucket / SUB_COUNT - 1;
    return ((uint64_t)SUB_COUNT + bucket % SUB_COUNT + 1) << exponent;
}

void stats_ack(struct stats *stats, uint64_t us)
{
    stats_add(&stats->ack_us[bucket_of(us)], 1);
    stats_add(&stats->ack_us_total, us);
}

void stats_collect_ack(const struct stats *stats, uint64_t *buckets)
{
    for (uint32_t i = 0; i < STATS_BUCKETS; i++)
        buckets[i] += atomic_load_explicit(&stats->ack_us[i], memory_order_relaxed);
}

uint64_t stats_quantile_us(const uint64_t *buckets, double q)
{
    uint64_t total = 0;
    uint64_t seen = 0;

    for (uint32_t i = 0; i < STATS_BUCKETS; i++)
        total += buckets[i];
    for (uint32_t i = 0; i < STATS_BUCKETS; i++) {
        seen += buckets[i];
        if (total > 0 && (double)seen >= q * (double)total)
            return stats_bucket_end_us(i);
    }
    return 0;
}
