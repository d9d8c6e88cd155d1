// SPDX-License-Identifier: Apache-2.0
/*
 * test_score_decay.c - decayed_sum against sums in which every value is decayed by itself, in
 * extended precision and with the C library's exp2l; and our exp2, log2 and pow against theirs.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "score/score.h"
#include "score/score_decay.h"
#include "score/score_key.h"
#include "score/score_math.h"

#define DAY INT64_C(86400000)
#define NOW INT64_C(1790000000000)

static uint64_t random_state = 11;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static double random_unit(void)
{
    return (double)(random_next() >> 11) * 0x1p-53;
}

static struct score_call call_of(int64_t half_life_ms)
{
    struct score_call call = {.strategy = &score_decayed_sum};

    assert_int_equal(score_decay_init(&call.decay, half_life_ms, NULL), 0);
    return call;
}

static void add(const struct score_call *call, struct score_state *state, double value,
                int64_t event_ms)
{
    struct score_row row = {.event_ms = event_ms, .value = {.f = value}};
    struct score_rows rows = {&row, 1, NULL};

    score_decayed_sum.fold(call, state, &rows);
}

static double show(const struct score_call *call, const struct score_state *state, int64_t now_ms)
{
    return score_decayed_sum.show(call, state->score, now_ms).f;
}

static void test_show(void **unused)
{
    struct score_call call = call_of(7 * DAY);
    struct score_state state = {.fresh = true};

    (void)unused;
    add(&call, &state, 10, NOW);
    assert_int_equal(state.reached_ms, NOW);
    assert_true(show(&call, &state, NOW) == 10); /* as it was sent */
    assert_true(show(&call, &state, NOW + 7 * DAY) == 5);
    assert_true(show(&call, &state, NOW + 70 * DAY) == 10.0 / 1024);
    assert_true(show(&call, &state, NOW - 7 * DAY) == 20);
    add(&call, &state, 0.1, NOW + 7 * DAY);
    assert_true(show(&call, &state, NOW + 7 * DAY) == 5.1);
    add(&call, &state, -5.1, NOW + 7 * DAY); /* a penalty that takes all: all but rounding */
    assert_true(fabs(show(&call, &state, NOW + 7 * DAY)) < 1e-14);
    add(&call, &state, -3, NOW + 8 * DAY);
    assert_true(show(&call, &state, NOW + 8 * DAY) == -3);
    assert_true(show(&call, &state, NOW + 15 * DAY) == -1.5);

    /* Late: worth what it would have become. */
    state = (struct score_state){.fresh = true};
    add(&call, &state, 1, NOW);
    add(&call, &state, 8, NOW - 21 * DAY);
    assert_true(show(&call, &state, NOW) == 2);
    assert_int_equal(state.reached_ms, NOW);

    /* Whole points, of whatever time, are shown as whole points. */
    for (int i = 0; i < 2000; i++) {
        int64_t at = NOW + (int64_t)(random_next() % (uint64_t)(400 * DAY));
        double value = (double)(random_next() % 100000);

        state = (struct score_state){.fresh = true};
        add(&call, &state, value, at);
        assert_true(show(&call, &state, at) == value);
    }
}

static void test_zero(void **unused)
{
    struct score_call call = call_of(DAY);
    struct score_state state = {.fresh = true};

    (void)unused;
    add(&call, &state, 0, NOW);
    assert_true(state.score.bits == 0);
    assert_false(state.fresh);
    assert_int_equal(state.reached_ms, NOW);
    assert_true(show(&call, &state, NOW) == 0);
    add(&call, &state, 3, NOW - 5);
    add(&call, &state, -3, NOW - 5);
    assert_true(state.score.bits == 0); /* exactly nothing */
    add(&call, &state, 0, NOW + 9);
    assert_int_equal(state.reached_ms, NOW); /* nothing changed */
}

/* Random members: what is shown, and the order of what is stored, at several times. */
static void oracle(int64_t half_life_ms, int64_t base, double tolerance)
{
    enum { MEMBERS = 40, EVENTS = 60 };
    struct score_call call = call_of(half_life_ms);
    static struct score_state states[MEMBERS];
    static double values[MEMBERS][EVENTS];
    static int64_t times[MEMBERS][EVENTS];

    for (int m = 0; m < MEMBERS; m++) {
        states[m] = (struct score_state){.fresh = true};
        for (int e = 0; e < EVENTS; e++) {
            values[m][e] = (random_unit() - 0.3) * exp2((double)(random_next() % 30));
            times[m][e] = base + (int64_t)(random_unit() * 20 * (double)half_life_ms);
            add(&call, &states[m], values[m][e], times[m][e]);
        }
    }
    for (int later = 20; later <= 60; later += 20) {
        int64_t now = base + later * half_life_ms;
        long double sums[MEMBERS];
        long double sizes[MEMBERS];

        for (int m = 0; m < MEMBERS; m++) {
            sums[m] = sizes[m] = 0;
            for (int e = 0; e < EVENTS; e++) {
                long double age = (long double)(now - times[m][e]) / (long double)half_life_ms;

                sums[m] += values[m][e] * exp2l(-age);
                sizes[m] += fabsl(values[m][e] * exp2l(-age));
            }
            if (fabsl(show(&call, &states[m], now) - sums[m]) > tolerance * (double)sizes[m])
                fail_msg("half-life %lld: %.17g, not %.17Lg", (long long)half_life_ms,
                         show(&call, &states[m], now), sums[m]);
        }
        for (int a = 0; a < MEMBERS; a++) {
            for (int b = 0; b < MEMBERS; b++) {
                uint64_t key_a = score_key_of_bits(states[a].score.bits, false, BOARD_ASC);
                uint64_t key_b = score_key_of_bits(states[b].score.bits, false, BOARD_ASC);
                long double apart = sums[a] - sums[b];

                if (fabsl(apart) > tolerance * (double)(sizes[a] + sizes[b]))
                    assert_int_equal(key_a < key_b, apart < 0);
            }
        }
    }
}

static void test_oracle(void **unused)
{
    (void)unused;
    oracle(7 * DAY, NOW, 1e-11);
    oracle(DAY, NOW, 1e-11);
    oracle(3600 * 1000, NOW, 1e-10);
    oracle(12345, NOW, 1e-7);
    oracle(1000, NOW, 1e-6);
    oracle(365 * DAY, INT64_C(4000000000000), 1e-11);
    oracle(60000, -INT64_C(5000000000000), 1e-7); /* the year 1811 */
    oracle(365 * DAY, -INT64_C(3000000000000), 1e-11);
}

/* No time and no value leads out of the range, and all order rightly. */
static void test_extremes(void **unused)
{
    static const int64_t times[] = {INT64_MIN, -((int64_t)1 << 43), -1,       0, 1,
                                    NOW,       (int64_t)1 << 43,    INT64_MAX};
    static const double sizes[] = {0x1p-1074, DBL_MIN, 1e-300, 1, 3.7, 1e300, DBL_MAX};

    (void)unused;
    for (int64_t half_life = 1000; half_life < SCORE_HALF_LIFE_MS_MAX; half_life *= 97) {
        struct score_call call = call_of(half_life);

        for (size_t t = 0; t < sizeof(times) / sizeof(times[0]); t++) {
            uint64_t before = 0;

            for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                struct score_state up = {.fresh = true};
                struct score_state down = {.fresh = true};
                double shown;

                add(&call, &up, sizes[i], times[t]);
                add(&call, &down, -sizes[i], times[t]);
                assert_true(up.score.bits > before && up.score.bits < (uint64_t)0x7ff << 52);
                assert_true(down.score.bits == (up.score.bits | (uint64_t)1 << 63));
                before = up.score.bits;
                shown = show(&call, &up, times[t]);
                assert_true(isfinite(shown) && fabs(shown / sizes[i] - 1) < 1e-5);
                assert_true(isfinite(show(&call, &up, INT64_MAX)));
                assert_true(isfinite(show(&call, &up, INT64_MIN)));
                for (int n = 0; n < 40; n++)
                    add(&call, &up, sizes[i], times[t]);
                assert_true(up.score.bits > before && up.score.bits < (uint64_t)0x7ff << 52);
            }
        }
    }
}

static void test_merge_and_unshow(void **unused)
{
    struct score_call call = call_of(DAY);
    struct score_state whole = {.fresh = true};
    struct score_state parts[2] = {{.fresh = true}, {.fresh = true}};

    (void)unused;
    for (int i = 0; i < 100; i++) {
        double value = random_unit() * 100 - 20;

        add(&call, &whole, value, NOW + i * 10000);
        add(&call, &parts[i / 50], value, NOW + i * 10000);
    }
    score_decayed_sum.merge(&call, &parts[0], &parts[1]);
    assert_true(fabs(show(&call, &parts[0], NOW) / show(&call, &whole, NOW) - 1) < 1e-11);
    assert_int_equal(parts[0].reached_ms, whole.reached_ms);
    assert_false(score_decayed_sum.subtract(&call, &whole, &parts[1]));

    for (int i = -50; i < 50; i++) {
        union score_value stored =
            score_decayed_sum.unshow(&call, (union score_value){.f = i / 8.0}, NOW);

        assert_true(score_decayed_sum.show(&call, stored, NOW).f == i / 8.0);
    }
}

static double ulps(double got, long double want)
{
    return (double)fabsl((got - want) / want) / 0x1p-52;
}

static void test_math(void **unused)
{
    (void)unused;
    for (int i = 0; i < 100000; i++) {
        double x = random_unit() * 2000 - 1000;
        double f = random_unit();
        double y = exp2(random_unit() * 2000 - 1000);
        double near = 1 + (random_unit() - 0.5) * 0x1p-10;

        assert_true(ulps(score_exp2_fraction(f), exp2l(f)) < 4);
        assert_true(ulps(score_exp2(x), exp2l(x)) < 4);
        assert_true(ulps(score_log2(near), log2l(near)) < 4);
        if (fabs(log2(y)) > 1)
            assert_true(ulps(score_log2(y), log2l(y)) < 4);
        assert_true(ulps(score_pow(1 + f, 20 * f), powl(1 + f, 20 * f)) < 100);
    }
    for (int i = -1022; i <= 1023; i++) {
        assert_true(score_exp2(i) == ldexp(1, i) && score_power_of_two(i) == ldexp(1, i));
        assert_true(score_log2(ldexp(1, i)) == i);
    }
    assert_true(score_exp2(1024) == HUGE_VAL && score_exp2(-1e9) == 0 && isnan(score_exp2(NAN)));
    assert_true(score_exp2(-1074) == 0x1p-1074);
    assert_true(score_log2(0) == -HUGE_VAL && isnan(score_log2(-1)) && isinf(score_log2(HUGE_VAL)));
    assert_true(score_pow(-2, 3) == -8 && score_pow(-2, 2) == 4 && isnan(score_pow(-2, 0.5)));
    assert_true(score_pow(0, 0) == 1 && score_pow(0, 2) == 0 && score_pow(2, 10) == 1024);
    assert_true(isnan(score_pow(NAN, 1)) && score_pow(4, 0.5) == 2);
}

/* Bits that every machine must get: a change of these breaks the replay of every journal. */
static void test_same_bits(void **unused)
{
    struct score_call call = call_of(7 * DAY);
    struct score_state state = {.fresh = true};
    uint64_t mantissa;

    (void)unused;
    for (int i = 0; i < 1000; i++)
        add(&call, &state, i * 0.37 - 50, NOW + i * INT64_C(7654321));
    memcpy(&mantissa, state.extra, sizeof(mantissa));
    if (state.score.bits != UINT64_C(0x249598d0ad393c88) ||
        mantissa != UINT64_C(0x3ff31a15a727910d))
        fail_msg("%#llx %#llx", (unsigned long long)state.score.bits, (unsigned long long)mantissa);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_show),
        cmocka_unit_test(test_zero),
        cmocka_unit_test(test_oracle),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_merge_and_unshow),
        cmocka_unit_test(test_math),
        cmocka_unit_test(test_same_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
