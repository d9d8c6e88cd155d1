// SPDX-License-Identifier: Apache-2.0
/*
 * score_math.h - exp2 and log2 that give the same bits on every machine.
 *
 * Those of the C library differ in their last bits between versions and processors, which would
 * make two replays of one journal differ. These use only IEEE additions, multiplications and one
 * division, in a fixed order (the build forbids fusing them). Against the exact values, the
 * relative error of exp2 is below 1e-15; log2 is off by less than 1e-15 of its value or of 1,
 * whichever is more, and by less than 1e-15 of its value around 1.
 *
 * Thread: pure functions; any.
 */
#ifndef TALLYWHEEL_SCORE_SCORE_MATH_H
#define TALLYWHEEL_SCORE_SCORE_MATH_H

#include <stdint.h>
#include <string.h>

#define SCORE_MATH_STEPS 32

/* 2^(i/32), rounded to nearest. */
extern const double score_math_powers[SCORE_MATH_STEPS + 1];

/* 2^f for f from 0 to 1. The remainder of a step is at most 1/64: its Taylor series is short. */
static inline double score_exp2_fraction(double f)
{
    int32_t step = (int32_t)(f * SCORE_MATH_STEPS + 0.5);
    double r = f - (double)step * (1.0 / SCORE_MATH_STEPS);
    double r2 = r * r;
    double low = 0x1.62e42fefa39efp-1 + r * 0x1.ebfbdff82c58fp-3;    /* ln 2, (ln 2)^2 / 2 */
    double mid = 0x1.c6b08d704a0c0p-5 + r * 0x1.3b2ab6fba4e77p-7;    /* / 3!, 4! */
    double high = 0x1.5d87fe78a6731p-10 + r * 0x1.430912f86c787p-13; /* / 5!, 6! */
    double series = r * (low + r2 * (mid + r2 * high));
    double power = score_math_powers[step];

    return power + power * series;
}

/* 2^n for n from -1022 to 1023. */
static inline double score_power_of_two(int64_t n)
{
    uint64_t bits = (uint64_t)(n + 1023) << 52;
    double power;

    memcpy(&power, &bits, sizeof(power));
    return power;
}

double score_exp2(double x);
double score_log2(double x); /* NaN below 0, -inf at 0 */

/* x^y by way of log2 and exp2: as exact as y * log2(x) allows. Whole y also for negative x. */
double score_pow(double x, double y);

#endif
