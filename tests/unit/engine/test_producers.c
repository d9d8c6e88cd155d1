// SPDX-License-Identifier: Apache-2.0
/*
 * test_producers.c - against a model that keeps every request of every producer, and at the limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/hash.h"
#include "engine/producers.h"

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t limit)
{
    random_state += 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash_u64(random_state) % limit);
}

static enum producers_answer take(struct producers *producers, uint32_t who, uint64_t sequence,
                                  uint32_t previous, uint32_t last, uint32_t *out_line)
{
    char name[32];

    snprintf(name, sizeof(name), "producer %u", who);
    return producers_take(producers, span_of(name), sequence, previous, last, out_line);
}

enum { PRODUCERS = 40, SEQUENCES = 60, LINES = 50 };

/* Nothing is forgotten: each line is new exactly once, and none is passed over. */
static void test_each_line_once(void **state)
{
    static uint32_t folded[PRODUCERS][SEQUENCES];
    struct producers producers;
    struct producers again;

    (void)state;
    producers_init(&producers, (struct producers_limits){PRODUCERS, SEQUENCES});
    producers_init(&again, (struct producers_limits){PRODUCERS, SEQUENCES});
    for (uint32_t i = 0; i < 200000; i++) {
        uint32_t who = random_below(PRODUCERS);
        uint32_t sequence = random_below(SEQUENCES);
        uint32_t *line = &folded[who][sequence];
        uint32_t previous = random_below(LINES);
        uint32_t last = previous + 1 + random_below(LINES - previous);
        uint32_t seen = 12345;
        enum producers_answer answer = take(&producers, who, sequence, previous, last, &seen);

        assert_int_equal(take(&again, who, sequence, previous, last, &seen), answer);
        if (previous > *line) {
            assert_int_equal(answer, PRODUCERS_GAP);
            assert_int_equal(seen, 12345);
            continue;
        }
        assert_int_equal(answer, PRODUCERS_TAKEN);
        assert_int_equal(seen, *line);
        if (last > *line)
            *line = last;
    }
    assert_true(producers_hash(&producers) == producers_hash(&again));
    assert_true(producers_bytes(&producers) > 0);
    take(&again, 3, 3, 0, LINES + 1, &folded[0][0]);
    assert_true(producers_hash(&producers) != producers_hash(&again));
    producers_done(&producers);
    producers_done(&again);
}

static void test_requests_are_forgotten_from_the_lowest(void **state)
{
    struct producers producers;
    uint32_t line;

    (void)state;
    producers_init(&producers, (struct producers_limits){4, 3});
    for (uint64_t sequence = 10; sequence <= 50; sequence += 10)
        assert_int_equal(take(&producers, 1, sequence, 0, 5, &line), PRODUCERS_TAKEN);
    for (uint64_t sequence = 30; sequence <= 50; sequence += 10) {
        assert_int_equal(take(&producers, 1, sequence, 0, 5, &line), PRODUCERS_TAKEN);
        assert_int_equal(line, 5);
    }
    assert_int_equal(take(&producers, 1, 10, 0, 5, &line), PRODUCERS_STALE);
    assert_int_equal(take(&producers, 1, 20, 0, 5, &line), PRODUCERS_STALE);
    assert_int_equal(take(&producers, 1, 20, 3, 5, &line), PRODUCERS_STALE);
    assert_int_equal(take(&producers, 1, 25, 0, 5, &line), PRODUCERS_STALE); /* would be next */
    assert_int_equal(take(&producers, 1, 35, 0, 5, &line), PRODUCERS_TAKEN); /* 30 goes */
    assert_int_equal(line, 0);
    assert_int_equal(take(&producers, 1, 30, 0, 5, &line), PRODUCERS_STALE);
    assert_int_equal(take(&producers, 1, 40, 0, 9, &line), PRODUCERS_TAKEN);
    assert_int_equal(line, 5);
    assert_int_equal(take(&producers, 1, 60, 2, 9, &line), PRODUCERS_GAP); /* forgets nothing */
    assert_int_equal(take(&producers, 1, 35, 0, 5, &line), PRODUCERS_TAKEN);
    assert_int_equal(line, 5);
    assert_int_equal(take(&producers, 2, 1, 0, 5, &line), PRODUCERS_TAKEN); /* another's */
    producers_done(&producers);
}

/* Those used last are known, all others begin anew: told by the time of each one's last use. */
static void test_the_silent_are_forgotten(void **state)
{
    enum { KNOWN = 100, ALL = 250 };
    uint32_t used[ALL] = {0};
    struct producers producers;
    uint32_t line;

    (void)state;
    producers_init(&producers, (struct producers_limits){KNOWN, 8});
    for (uint32_t now = 1; now < 30000; now++) {
        uint32_t who = random_below(random_below(2) == 0 ? ALL : KNOWN);
        uint32_t newer = 0;

        for (uint32_t other = 0; other < ALL; other++)
            newer += used[other] > used[who];
        assert_int_equal(take(&producers, who, 1, 0, 7, &line), PRODUCERS_TAKEN);
        assert_int_equal(line, used[who] > 0 && newer < KNOWN ? 7 : 0);
        used[who] = now;
    }
    assert_int_equal(producers.count, KNOWN);
    producers_done(&producers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_line_once),
        cmocka_unit_test(test_requests_are_forgotten_from_the_lowest),
        cmocka_unit_test(test_the_silent_are_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
