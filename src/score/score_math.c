// SPDX-License-Identifier: Apache-2.0
/* score_math.c - see score_math.h. */
#include "score/score_math.h"

#include <math.h>

const double score_math_powers[SCORE_MATH_STEPS + 1] = {
    0x1.0000000000000p+0, 0x1.059b0d3158574p+0, 0x1.0b5586cf9890fp+0, 0x1.11301d0125b51p+0,
    0x1.172b83c7d517bp+0, 0x1.1d4873168b9aap+0, 0x1.2387a6e756238p+0, 0x1.29e9df51fdee1p+0,
    0x1.306fe0a31b715p+0, 0x1.371a7373aa9cbp+0, 0x1.3dea64c123422p+0, 0x1.44e086061892dp+0,
    0x1.4bfdad5362a27p+0, 0x1.5342b569d4f82p+0, 0x1.5ab07dd485429p+0, 0x1.6247eb03a5585p+0,
    0x1.6a09e667f3bcdp+0, 0x1.71f75e8ec5f74p+0, 0x1.7a11473eb0187p+0, 0x1.82589994cce13p+0,
    0x1.8ace5422aa0dbp+0, 0x1.93737b0cdc5e5p+0, 0x1.9c49182a3f090p+0, 0x1.a5503b23e255dp+0,
    0x1.ae89f995ad3adp+0, 0x1.b7f76f2fb5e47p+0, 0x1.c199bdd85529cp+0, 0x1.cb720dcef9069p+0,
    0x1.d5818dcfba487p+0, 0x1.dfc97337b9b5fp+0, 0x1.ea4afa2a490dap+0, 0x1.f50765b6e4540p+0,
    0x1.0000000000000p+1,
};

double score_exp2(double x)
{
    double whole;

    if (isnan(x))
        return x;
    if (x >= 1024.0)
        return HUGE_VAL;
    if (x < -1080.0)
        return 0.0;
    whole = floor(x);
    return ldexp(score_exp2_fraction(x - whole), (int)whole); /* ldexp rounds at most once */
}

/*
 * x = 2^e m with m between 1/sqrt 2 and sqrt 2, and log m = 2 artanh((m - 1) / (m + 1)), whose
 * argument is below 0.172: nine terms of the series are enough.
 */
double score_log2(double x)
{
    double m, z, z2, sum;
    int e;

    if (isnan(x) || x < 0)
        return NAN;
    if (x == 0)
        return -HUGE_VAL;
    if (isinf(x))
        return x;
    m = frexp(x, &e);
    if (m < 0x1.6a09e667f3bcdp-1) {
        m *= 2;
        e--;
    }
    z = (m - 1) / (m + 1);
    z2 = z * z;
    sum = 1.0 / 19;
    for (int n = 17; n >= 3; n -= 2)
        sum = sum * z2 + 1.0 / n;
    sum = z + z * (sum * z2);
    return (double)e + sum * 0x1.71547652b82fep+1; /* 2 / ln 2 */
}

double score_pow(double x, double y)
{
    double power;
    double whole = trunc(y);

    if (y == 0 || x == 1)
        return 1.0;
    if (isnan(x) || isnan(y))
        return NAN;
    if (x < 0 && whole != y)
        return NAN;
    power = score_exp2(y * score_log2(fabs(x)));
    return x < 0 && fmod(whole, 2) != 0 ? -power : power;
}
