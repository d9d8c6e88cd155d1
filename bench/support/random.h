// SPDX-License-Identifier: Apache-2.0
/* random.h - the same random numbers in every run: SplitMix64 from a fixed seed. */
#ifndef TALLYWHEEL_BENCH_SUPPORT_RANDOM_H
#define TALLYWHEEL_BENCH_SUPPORT_RANDOM_H

#include <stdint.h>

#include "base/hash.h"

struct random {
    uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
    random->state += 0x9e3779b97f4a7c15u;
    return hash_u64(random->state);
}

/* Below `bound`, which is not 0. */
static inline uint32_t random_below(struct random *random, uint32_t bound)
{
    return (uint32_t)(((random_next(random) >> 32) * bound) >> 32);
}

#endif
