// SPDX-License-Identifier: Apache-2.0
/* test_dedupe.c - ids are remembered for the window, forgotten soon after, and bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "engine/dedupe.h"

#define WINDOW_MS 1000
#define IDS 20000

static struct dedupe_id make_id(uint64_t number)
{
    return (struct dedupe_id){hash_u64(number), hash_u64(number + 1000000)};
}

/* Time goes on, with some ids late; every id of the window is known, all others are not. */
static void test_window(void **state)
{
    struct dedupe dedupe;
    int64_t *event_ms = malloc(IDS * sizeof(*event_ms));
    int64_t watermark_ms = INT64_MIN;
    uint64_t most_bytes = 0;

    (void)state;
    dedupe_init(&dedupe, WINDOW_MS, 1000000);
    for (uint32_t i = 0; i < IDS; i++) {
        struct dedupe_id id = make_id(i);

        event_ms[i] = (int64_t)i - 3000 - (int64_t)(hash_u64(i) % 400);
        assert_false(dedupe_has(&dedupe, id));
        dedupe_add(&dedupe, id, event_ms[i]);
        assert_true(dedupe_has(&dedupe, id));
        if (event_ms[i] > watermark_ms) {
            watermark_ms = event_ms[i];
            dedupe_expire(&dedupe, watermark_ms);
        }
        if (i % 500 != 0)
            continue;
        for (uint32_t j = 0; j <= i; j++) {
            bool known = dedupe_has(&dedupe, make_id(j));

            if (event_ms[j] > watermark_ms - WINDOW_MS)
                assert_true(known);
            if (event_ms[j] <= watermark_ms - WINDOW_MS - WINDOW_MS / 4)
                assert_false(known);
        }
        if (dedupe_bytes(&dedupe) > most_bytes)
            most_bytes = dedupe_bytes(&dedupe);
        assert_in_range(dedupe.id_count, 0, WINDOW_MS * 2);
    }
    assert_in_range(most_bytes, 1, IDS * sizeof(struct dedupe_id));
    dedupe_done(&dedupe);
    free(event_ms);
}

static void test_limit(void **state)
{
    struct dedupe dedupe;

    (void)state;
    dedupe_init(&dedupe, WINDOW_MS, 100);
    for (uint32_t i = 0; i < 1000; i++) {
        dedupe_add(&dedupe, make_id(i), (int64_t)i * 10);
        assert_in_range(dedupe.id_count, 1, 100);
        assert_true(dedupe_has(&dedupe, make_id(i)));
    }
    assert_false(dedupe_has(&dedupe, make_id(1)));
    dedupe_done(&dedupe);
}

/* The id that looks like a free slot, a window of nothing, and nothing at all. */
static void test_edges(void **state)
{
    struct dedupe_id zero = {0, 0};
    struct dedupe dedupe;

    (void)state;
    dedupe_init(&dedupe, 0, 10);
    assert_false(dedupe_has(&dedupe, zero));
    dedupe_expire(&dedupe, INT64_MIN);
    dedupe_expire(&dedupe, 5);
    dedupe_add(&dedupe, zero, -5);
    assert_true(dedupe_has(&dedupe, zero));
    dedupe_expire(&dedupe, 0);
    assert_false(dedupe_has(&dedupe, zero));
    dedupe_done(&dedupe);
    dedupe_done(&dedupe);
    dedupe_done(NULL);
}

static void test_hash(void **state)
{
    struct dedupe dedupes[3];

    (void)state;
    for (uint32_t run = 0; run < 3; run++) {
        dedupe_init(&dedupes[run], WINDOW_MS, 10000);
        for (uint32_t i = 0; i < 500; i++)
            dedupe_add(&dedupes[run], make_id(run == 2 && i == 499 ? 7777 : i), i * 3);
    }
    assert_true(dedupe_hash(&dedupes[0]) == dedupe_hash(&dedupes[1]));
    assert_true(dedupe_hash(&dedupes[0]) != dedupe_hash(&dedupes[2]));
    for (uint32_t run = 0; run < 3; run++)
        dedupe_done(&dedupes[run]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
