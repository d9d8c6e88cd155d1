// SPDX-License-Identifier: Apache-2.0
/*
 * score_total.h - running totals that a strategy keeps in the extra bytes of an entry.
 *
 * Ints are added in 128 bits and never overflow: 2^64 values of 64 bits fit. Doubles are added
 * with Neumaier's compensation (docs/decisions/006-exact-sums.md); a total that would be infinite
 * stays at the end of its type instead, so no NaN comes of it.
 *
 * Thread: plain values; any.
 */
#ifndef TALLYWHEEL_SCORE_SCORE_TOTAL_H
#define TALLYWHEEL_SCORE_SCORE_TOTAL_H

#include <float.h>
#include <math.h>
#include <stdint.h>

struct int_total {
    uint64_t low; /* two's complement */
    int64_t high;
};

struct float_total {
    double sum;
    double lost; /* what rounding took from `sum` so far */
};

static inline void int_total_add(struct int_total *total, struct int_total other)
{
    total->high +=
        other.high + (__builtin_add_overflow(total->low, other.low, &total->low) ? 1 : 0);
}

static inline void int_total_subtract(struct int_total *total, struct int_total other)
{
    total->high -=
        other.high + (__builtin_sub_overflow(total->low, other.low, &total->low) ? 1 : 0);
}

static inline struct int_total int_total_of(int64_t value)
{
    return (struct int_total){(uint64_t)value, value < 0 ? -1 : 0};
}

/* The nearest double: one rounding. */
static inline double int_total_double(struct int_total total)
{
    return (double)((__int128)total.high * ((__int128)1 << 64) + (__int128)total.low);
}

static inline void float_total_add(struct float_total *total, double value)
{
    double sum = total->sum + value;

    if (!(sum <= DBL_MAX && sum >= -DBL_MAX)) {
        total->sum = sum > 0 ? DBL_MAX : -DBL_MAX;
        total->lost = 0;
        return;
    }
    if (fabs(total->sum) >= fabs(value))
        total->lost += (total->sum - sum) + value;
    else
        total->lost += (value - sum) + total->sum;
    total->sum = sum;
}

static inline double float_total_double(struct float_total total)
{
    return total.sum + total.lost;
}

/* A score must be finite, and have one zero. */
static inline double score_tidy_double(double value)
{
    if (value > DBL_MAX)
        return DBL_MAX;
    if (value < -DBL_MAX)
        return -DBL_MAX;
    return value == 0.0 ? 0.0 : value;
}

#endif
