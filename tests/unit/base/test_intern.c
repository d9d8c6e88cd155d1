// SPDX-License-Identifier: Apache-2.0
/*
 * test_intern.c - a million strings, in an order with duplicates, against ids that follow from how
 * the strings were made, so that the check knows nothing of hashing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/intern.h"

#define MANY 1000000u

/* The text of number `n`: different lengths, many shared beginnings. */
static struct span text_of(uint32_t n, char *buffer)
{
    int length = snprintf(buffer, 64, "%.*s%u", (int)(n % 23), "player-of-some-country-", n);

    return (struct span){buffer, (size_t)length};
}

static uint32_t put(struct intern *intern, struct span key)
{
    return intern_put(intern, key, hash_bytes(key.data, key.size));
}

static uint32_t find(const struct intern *intern, struct span key)
{
    return intern_find(intern, key, hash_bytes(key.data, key.size));
}

/* Every number comes again and again: ids go by first arrival, in `expected`. */
static void test_a_million_strings(void **state)
{
    uint32_t *expected = bytes_alloc(MANY * sizeof(expected[0]));
    struct intern intern;
    uint32_t next = 0;
    uint64_t seed = 1;
    char buffer[64];

    (void)state;
    memset(expected, 0xff, MANY * sizeof(expected[0]));
    intern_init(&intern, MANY);
    for (uint32_t i = 0; i < 2 * MANY; i++) {
        uint32_t n;

        seed = hash_u64(seed + i);
        n = (uint32_t)(seed % MANY);
        if (expected[n] == INTERN_NONE)
            expected[n] = next++;
        if (put(&intern, text_of(n, buffer)) != expected[n])
            fail_msg("put %u: not %u", n, expected[n]);
    }
    assert_int_equal(intern.count, next);
    assert_true(next > MANY / 2 && next < MANY);
    for (uint32_t n = 0; n < MANY; n++) {
        struct span key = text_of(n, buffer);

        if (find(&intern, key) != expected[n])
            fail_msg("find %u: not %u", n, expected[n]);
        if (expected[n] != INTERN_NONE && !span_equal(intern_get(&intern, expected[n]), key))
            fail_msg("get %u: another string", n);
    }
    /* At most 70 % full, so it grew; and it is accounted. */
    assert_true((uint64_t)intern.slot_count * 7 >= (uint64_t)next * 10 - 10);
    assert_true(intern_bytes(&intern) > (uint64_t)next * 20);
    assert_true(intern_bytes(&intern) < (uint64_t)next * 80);
    intern_done(&intern);
    free(expected);
}

static void test_many_at_once(void **state)
{
    enum { BATCH = 1000, ROUNDS = 200 };
    struct span *keys = bytes_alloc(BATCH * sizeof(keys[0]));
    char(*buffers)[64] = bytes_alloc(BATCH * sizeof(buffers[0]));
    uint64_t *hashes = bytes_alloc(BATCH * sizeof(hashes[0]));
    uint32_t *ids = bytes_alloc(BATCH * sizeof(ids[0]));
    struct intern many;
    struct intern one;
    uint64_t seed = 1;

    (void)state;
    intern_init(&many, MANY);
    intern_init(&one, MANY);
    for (int round = 0; round < ROUNDS; round++) {
        /* Odd sizes too, and none. */
        uint32_t count = round % 7 == 0 ? (uint32_t)round : BATCH;
        uint32_t before = many.count;

        for (uint32_t i = 0; i < count; i++) {
            seed = hash_u64(seed + 1);
            keys[i] = text_of((uint32_t)(seed % 50000), buffers[i]);
            hashes[i] = hash_bytes(keys[i].data, keys[i].size);
        }
        intern_put_many(&many, keys, hashes, count, ids);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(ids[i], intern_put(&one, keys[i], hashes[i]));
            assert_true(ids[i] < many.count);
        }
        assert_true(many.count >= before);
        assert_int_equal(many.count, one.count);
    }
    assert_true(many.count > 40000);
    intern_done(&many);
    intern_done(&one);
    free(keys);
    free(buffers);
    free(hashes);
    free(ids);
}

static void test_lengths(void **state)
{
    char *text = bytes_alloc(INTERN_STRING_BYTES_MAX);
    struct intern intern;

    (void)state;
    memset(text, 'x', INTERN_STRING_BYTES_MAX);
    intern_init(&intern, 100000);
    /* Empty and with zeros inside; long ones fill pages up and leave rests. */
    assert_int_equal(put(&intern, SPAN_LITERAL("")), 0);
    assert_int_equal(put(&intern, SPAN_LITERAL("\0")), 1);
    assert_int_equal(put(&intern, SPAN_LITERAL("\0\0")), 2);
    assert_int_equal(put(&intern, (struct span){NULL, 0}), 0);
    for (uint32_t i = 0; i < 60; i++)
        assert_int_equal(put(&intern, (struct span){text, INTERN_STRING_BYTES_MAX - i}), 3 + i);
    for (uint32_t i = 0; i < 60; i++) {
        assert_int_equal(intern_get(&intern, 3 + i).size, INTERN_STRING_BYTES_MAX - i);
        assert_memory_equal(intern_get(&intern, 3 + i).data, text, INTERN_STRING_BYTES_MAX - i);
    }
    assert_int_equal(intern_get(&intern, 0).size, 0);
    intern_done(&intern);
    intern_done(&intern);
    intern_done(NULL);
    free(text);
}

/* Different strings whose hashes are equal, which a stranger may produce on purpose. */
static void test_equal_hashes(void **state)
{
    struct intern intern;
    char buffer[64];

    (void)state;
    intern_init(&intern, 10000);
    for (uint32_t n = 0; n < 2000; n++)
        assert_int_equal(intern_put(&intern, text_of(n, buffer), UINT64_MAX), n);
    for (uint32_t n = 0; n < 2000; n++)
        assert_int_equal(intern_find(&intern, text_of(n, buffer), UINT64_MAX), n);
    assert_int_equal(intern_find(&intern, text_of(2000, buffer), UINT64_MAX), INTERN_NONE);
    intern_done(&intern);
}

static void test_full(void **state)
{
    struct intern intern;
    char buffer[64];

    (void)state;
    intern_init(&intern, 100);
    for (uint32_t n = 0; n < 200; n++)
        assert_int_equal(put(&intern, text_of(n, buffer)), n < 100 ? n : INTERN_NONE);
    assert_int_equal(put(&intern, text_of(7, buffer)), 7);
    assert_int_equal(find(&intern, text_of(150, buffer)), INTERN_NONE);
    assert_int_equal(intern.count, 100);
    intern_done(&intern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_million_strings),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_equal_hashes),
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
