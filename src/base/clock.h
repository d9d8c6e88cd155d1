// SPDX-License-Identifier: Apache-2.0
/*
 * clock.h - the two clocks, behind a table so that a simulation can bring its own.
 *
 * Thread: any.
 */
#ifndef TALLYWHEEL_BASE_CLOCK_H
#define TALLYWHEEL_BASE_CLOCK_H

#include <stdint.h>

struct clock {
    /* Milliseconds since 1970-01-01 UTC. May jump. */
    int64_t (*wall_ms)(const struct clock *clock);
    /* Nanoseconds since some start; never goes back. */
    uint64_t (*mono_ns)(const struct clock *clock);
};

extern const struct clock clock_system;

static inline int64_t clock_wall_ms(const struct clock *clock)
{
    return clock->wall_ms(clock);
}

static inline uint64_t clock_mono_ns(const struct clock *clock)
{
    return clock->mono_ns(clock);
}

#endif
