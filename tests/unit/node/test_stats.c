// SPDX-License-Identifier: Apache-2.0
/* test_stats.c - the latency histogram keeps what it promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "node/stats.h"

static uint32_t only_bucket(uint64_t us)
{
    struct stats stats = {0};
    uint64_t buckets[STATS_BUCKETS] = {0};
    uint32_t found = UINT32_MAX;

    stats_ack(&stats, us);
    stats_collect_ack(&stats, buckets);
    for (uint32_t i = 0; i < STATS_BUCKETS; i++)
        if (buckets[i] > 0) {
            assert_int_equal(buckets[i], 1);
            assert_int_equal(found, UINT32_MAX);
            found = i;
        }
    assert_int_not_equal(found, UINT32_MAX);
    assert_int_equal(atomic_load(&stats.ack_us_total), us);
    return found;
}

static void test_ends_grow(void **state)
{
    (void)state;
    for (uint32_t i = 1; i < STATS_BUCKETS; i++)
        assert_true(stats_bucket_end_us(i) > stats_bucket_end_us(i - 1));
}

/* A value lies below its bucket's end and not below the end of the one before. */
static void expect_between(uint64_t us)
{
    uint32_t bucket = only_bucket(us);

    assert_true(us < stats_bucket_end_us(bucket));
    assert_true(bucket == 0 || us >= stats_bucket_end_us(bucket - 1));
}

static void test_buckets_hold_their_values(void **state)
{
    (void)state;
    for (uint64_t us = 0; us < 5000; us++)
        expect_between(us);
    for (uint32_t bit = 12; bit < 33; bit++) {
        uint64_t power = (uint64_t)1 << bit;

        expect_between(power - 1);
        expect_between(power);
        expect_between(power + 1);
        expect_between(power + power / 3);
    }
}

static void test_longest(void **state)
{
    (void)state;
    assert_int_equal(only_bucket(UINT64_MAX), STATS_BUCKETS - 1);
    assert_int_equal(only_bucket((uint64_t)1 << 50), STATS_BUCKETS - 1);
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

#define SAMPLES 10000

static void test_quantiles_are_close(void **state)
{
    static const double shares[] = {0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0};
    static uint64_t values[SAMPLES];
    struct stats stats = {0};
    uint64_t buckets[STATS_BUCKETS] = {0};

    (void)state;
    for (uint32_t i = 0; i < SAMPLES; i++) {
        values[i] = 8 + hash_u64(i) % ((uint64_t)1 << (4 + hash_u64(i + SAMPLES) % 20));
        stats_ack(&stats, values[i]);
    }
    stats_collect_ack(&stats, buckets);
    qsort(values, SAMPLES, sizeof(values[0]), compare);
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        uint32_t at = (uint32_t)(shares[i] * SAMPLES + 0.5) - 1;
        double exact = (double)values[at];
        double read = (double)stats_quantile_us(buckets, shares[i]);

        assert_true(read > exact);
        assert_true(read <= exact * 1.125 + 1);
    }
}

static void test_nothing_counted(void **state)
{
    uint64_t buckets[STATS_BUCKETS] = {0};

    (void)state;
    assert_int_equal(stats_quantile_us(buckets, 0.5), 0);
    assert_int_equal(stats_quantile_us(buckets, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends_grow),       cmocka_unit_test(test_buckets_hold_their_values),
        cmocka_unit_test(test_longest),         cmocka_unit_test(test_quantiles_are_close),
        cmocka_unit_test(test_nothing_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
