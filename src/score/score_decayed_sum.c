// SPDX-License-Identifier: Apache-2.0
/*
 * score_decayed_sum.c - a sum in which every value halves each half_life.
 *
 * Forward decay (G. Cormode, V. Shkapenyuk, D. Srivastava, B. Xu, "Forward Decay: A Practical Time
 * Decay Model for Streaming Systems", 2009): instead of shrinking what is old, what is new weighs
 * more, 2^((event_ms - landmark) / half_life). All sums of a board then differ from the decayed
 * ones by one common factor, so their order is the right one at any time, nothing has to be touched
 * as time passes, and a late event gets just the weight it would have had in time.
 *
 * Such sums leave the range of a double within 1024 half-lives of the landmark. So they are kept
 * as a mantissa and an exponent of its own, an integer: the landmark is 1970 for all boards and
 * all time, and there is nothing to renormalise. Adding is aligning the exponents.
 *
 * What is stored as the score orders like the sum:
 *
 *     1    sign
 *     ..   exponent - exponent_min, as many bits as the half-life makes necessary
 *     ..   fraction_bits of the mantissa's fraction: 27 with a half-life of 1 s, 39 with 1 h,
 *          47 with 7 d. Sums that are equal in all of them are equal scores
 *
 * read as the bits of a double, which also order by sign and magnitude; all zero is 0. Extra state:
 * the mantissa in full, with its sign. `show` gives what the sum has decayed to, to as many decimal
 * digits as the fraction holds, at most 12; a value added at the same time shows as it was sent.
 *
 * Times count as if they were between the years 1691 and 2248.
 */
#include "score/score_decay.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "score/score_math.h"
#include "score/score_total.h"

#define TIME_MAX ((int64_t)1 << 43)
#define MANTISSA_BITS 52
#define MAGNITUDE_BITS 62 /* so it is below the bits of infinity */
#define DIGITS_MAX 12
/* A double has exponents of -1074 to 1023; many of them add up to some more. */
#define EXPONENT_BELOW 1200
#define EXPONENT_ABOVE 1300
#define SIGN ((uint64_t)1 << 63)
#define FRACTION (((uint64_t)1 << MANTISSA_BITS) - 1)

/* mantissa * 2^exponent. In its one form, the mantissa is 0 or, but for its sign, 1 to below 2. */
struct wide {
    double mantissa;
    int64_t exponent;
};

int score_decay_init(struct score_decay *out_decay, int64_t half_life_ms, struct err *err)
{
    int64_t half_lives, exponents;
    uint32_t bits = 1;

    if (half_life_ms < SCORE_HALF_LIFE_MS_MIN || half_life_ms > SCORE_HALF_LIFE_MS_MAX)
        return err_set(err, ERR_INVALID, "a half-life is from 1s to 100y");
    half_lives = TIME_MAX / half_life_ms + 1;
    exponents = 2 * half_lives + EXPONENT_BELOW + EXPONENT_ABOVE;
    while (exponents >> bits > 0)
        bits++;
    *out_decay = (struct score_decay){
        .half_life_ms = half_life_ms,
        .inverse = 1.0 / (double)half_life_ms,
        .exponent_min = -half_lives - EXPONENT_BELOW,
        .fraction_bits = MAGNITUDE_BITS - bits,
    };
    assert(out_decay->fraction_bits < MANTISSA_BITS);
    out_decay->digits = (out_decay->fraction_bits - 1) * 3 / 10;
    if (out_decay->digits > DIGITS_MAX)
        out_decay->digits = DIGITS_MAX;
    return 0;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static double double_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* value * 2^exponent, in its one form. */
static inline struct wide wide_of(double value, int64_t exponent)
{
    uint64_t bits = bits_of(value);
    int64_t own = (int64_t)(bits >> MANTISSA_BITS & 0x7ff);

    if (own == 0) {
        if (bits << 1 == 0)
            return (struct wide){0};
        bits = bits_of(value * 0x1p64); /* subnormal */
        own = (int64_t)(bits >> MANTISSA_BITS & 0x7ff) - 64;
    }
    return (struct wide){double_of((bits & (SIGN | FRACTION)) | bits_of(1.0)),
                         exponent + own - 1023};
}

/* The sum in its one form; `a` is in it, the mantissa of `b` may be up to 4. */
static inline struct wide wide_add(struct wide a, struct wide b)
{
    int64_t ahead = a.exponent - b.exponent;

    if (b.mantissa == 0)
        return a;
    if (a.mantissa == 0)
        return wide_of(b.mantissa, b.exponent);
    if (ahead < 0) {
        struct wide other = a;

        a = b;
        b = other;
        ahead = -ahead;
    }
    if (ahead > 2 * MANTISSA_BITS)
        return wide_of(a.mantissa, a.exponent);
    return wide_of(a.mantissa + b.mantissa * score_power_of_two(-ahead), a.exponent);
}

static int64_t clamp_time(int64_t ms)
{
    return ms < -TIME_MAX ? -TIME_MAX : ms > TIME_MAX ? TIME_MAX : ms;
}

/* How many whole half-lives since the landmark, and the rest of one, from 0 to below 1. */
static inline int64_t half_lives_of(const struct score_decay *decay, int64_t ms, double *out_rest)
{
    int64_t time_ms = clamp_time(ms);
    int64_t whole = (int64_t)((double)time_ms * decay->inverse); /* nearly, and cheaper than / */
    int64_t rest_ms = time_ms - whole * decay->half_life_ms;

    if (rest_ms < 0) {
        rest_ms += decay->half_life_ms;
        whole--;
    } else if (rest_ms >= decay->half_life_ms) {
        rest_ms -= decay->half_life_ms;
        whole++;
    }
    *out_rest = (double)rest_ms * decay->inverse;
    return whole;
}

/* A value with the weight of its time; the mantissa may be up to 4. */
static inline struct wide term_of(const struct score_decay *decay, double value, int64_t event_ms)
{
    double rest;
    int64_t whole = half_lives_of(decay, event_ms, &rest);
    struct wide term = wide_of(value, whole);

    term.mantissa *= score_exp2_fraction(rest);
    return term;
}

static inline uint64_t pack(const struct score_decay *decay, struct wide sum)
{
    uint64_t bits = bits_of(sum.mantissa);
    uint32_t cut = MANTISSA_BITS - decay->fraction_bits;

    if (sum.mantissa == 0)
        return 0;
    assert(sum.exponent > decay->exponent_min);
    return (bits & SIGN) | (uint64_t)(sum.exponent - decay->exponent_min) << decay->fraction_bits |
           (bits & FRACTION) >> cut;
}

/* From the score alone: the mantissa is cut. */
static inline struct wide unpack(const struct score_decay *decay, uint64_t bits)
{
    uint64_t magnitude = bits & ~SIGN;
    uint32_t cut = MANTISSA_BITS - decay->fraction_bits;
    int64_t exponent = (int64_t)(magnitude >> decay->fraction_bits) + decay->exponent_min;

    if (magnitude == 0)
        return (struct wide){0};
    return (struct wide){double_of((bits & SIGN) | bits_of(1.0) | (magnitude << cut & FRACTION)),
                         exponent};
}

static inline struct wide load(const struct score_decay *decay, const struct score_state *state)
{
    struct wide sum = unpack(decay, state->score.bits);

    memcpy(&sum.mantissa, state->extra, sizeof(sum.mantissa));
    return sum;
}

static inline void store(const struct score_decay *decay, struct score_state *state,
                         struct wide sum)
{
    memcpy(state->extra, &sum.mantissa, sizeof(sum.mantissa));
    state->score.bits = pack(decay, sum);
}

static void decayed_fold(const struct score_call *call, struct score_state *states,
                         const struct score_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct score_row *row = &rows->rows[i];
        struct score_state *state = &states[row->state];

        if (row->value.bits == 0 && !state->fresh)
            continue;
        store(&call->decay, state,
              wide_add(load(&call->decay, state),
                       term_of(&call->decay, row->value.f, row->event_ms)));
        if (state->fresh || row->event_ms > state->reached_ms)
            state->reached_ms = row->event_ms;
        state->fresh = false;
    }
}

static void decayed_merge(const struct score_call *call, struct score_state *into,
                          const struct score_state *from)
{
    store(&call->decay, into, wide_add(load(&call->decay, into), load(&call->decay, from)));
    if (from->reached_ms > into->reached_ms)
        into->reached_ms = from->reached_ms;
}

/* Cuts the digits that the fraction can not tell. */
static double round_digits(double value, uint32_t digits)
{
    char text[64];

    snprintf(text, sizeof(text), "%.*e", (int)digits - 1, value);
    return score_tidy_double(strtod(text, NULL));
}

static union score_value decayed_show(const struct score_call *call, union score_value score,
                                      int64_t now_ms)
{
    struct wide sum = unpack(&call->decay, score.bits);
    double rest;
    int64_t whole = half_lives_of(&call->decay, now_ms, &rest);
    int64_t exponent = sum.exponent - whole;

    if (exponent > 2000)
        exponent = 2000;
    if (exponent < -2000)
        exponent = -2000;
    return (union score_value){
        .f = round_digits(ldexp(sum.mantissa / score_exp2_fraction(rest), (int)exponent),
                          call->decay.digits)};
}

static union score_value decayed_unshow(const struct score_call *call, union score_value shown,
                                        int64_t now_ms)
{
    struct wide term = term_of(&call->decay, score_tidy_double(shown.f), now_ms);

    return (union score_value){.bits = pack(&call->decay, wide_of(term.mantissa, term.exponent))};
}

const struct score_strategy score_decayed_sum = {
    .name = "decayed_sum",
    .usage = "decayed_sum(f, half_life)",
    .arg_min = 2,
    .arg_count = 2,
    .args = {SCORE_ARG_DOUBLE, SCORE_ARG_DURATION},
    .extra_bytes = sizeof(double),
    .can = SCORE_CAN_MERGE | SCORE_CAN_SHOW | SCORE_IS_DOUBLE,
    .fold = decayed_fold,
    .merge = decayed_merge,
    .subtract = score_subtract_unsupported,
    .show = decayed_show,
    .unshow = decayed_unshow,
};
