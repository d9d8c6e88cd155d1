// SPDX-License-Identifier: Apache-2.0
/* clock.c - the system's clocks; see clock.h. */
#include "base/clock.h"

#include <time.h>

static int64_t clock_system_wall_ms(const struct clock *clock)
{
    struct timespec now;

    (void)clock;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t clock_system_mono_ns(const struct clock *clock)
{
    struct timespec now;

    (void)clock;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

const struct clock clock_system = {clock_system_wall_ms, clock_system_mono_ns};
