// SPDX-License-Identifier: Apache-2.0
/*
 * test_board_entries.c - records and the table that finds them: growth over many pages, long and
 * short members, segments, limits, and hashes made to collide.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "rank/board_entries.h"

static struct entry_key key_of(const struct board_entries *entries, const char *member,
                               uint32_t segment)
{
    struct entry_key key = {0, span_of(member), segment};

    key.hash = board_entries_hash(entries, hash_bytes(member, strlen(member)), segment);
    return key;
}

static uint32_t put(struct board_entries *entries, const struct entry_key *key, bool *out_new)
{
    uint32_t id;

    board_entries_put_many(entries, key, 1, &id, out_new);
    return id;
}

static void name_of(uint32_t i, char *out, size_t size)
{
    int length = snprintf(out, size, "%u-", (unsigned)i);
    size_t wanted = i % 97 == 0 ? 200 + i % 400 : 5 + i % 20;

    while ((size_t)length < wanted && (size_t)length + 1 < size)
        out[length++] = (char)('a' + i % 26);
    out[length] = '\0';
}

static void test_growth(void **state)
{
    enum { COUNT = 120000, GROUP = 100 };
    static uint32_t ids[COUNT];
    static char names[GROUP][700];
    struct board_entries entries;
    uint32_t walked = 0;
    uint32_t id;

    (void)state;
    board_entries_init(&entries, 5, true, UINT32_MAX);
    for (uint32_t base = 0; base < COUNT; base += GROUP) {
        struct entry_key keys[GROUP];
        bool is_new[GROUP];

        for (uint32_t i = 0; i < GROUP; i++) {
            name_of((base + i) / 2, names[i], sizeof(names[i]));
            keys[i] = key_of(&entries, names[i], (base + i) % 2);
        }
        board_entries_put_many(&entries, keys, GROUP, ids + base, is_new);
        for (uint32_t i = 0; i < GROUP; i++) {
            assert_true(is_new[i] && ids[base + i] != ENTRY_NONE);
            assert_true(base + i == 0 || ids[base + i] > ids[base + i - 1]);
            assert_int_equal(entry_reached_ms(&entries, ids[base + i]), 0);
            entry_set(&entries, ids[base + i], base + i, -(int64_t)(base + i) * 1000000);
            memset(entry_extra(&entries, ids[base + i]), 0x77, 5);
        }
    }
    assert_int_equal(entries.count, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        char name[700];
        struct entry_key key;
        bool is_new;

        name_of(i / 2, name, sizeof(name));
        key = key_of(&entries, name, i % 2);
        assert_int_equal(board_entries_find(&entries, &key), ids[i]);
        assert_int_equal(put(&entries, &key, &is_new), ids[i]);
        assert_false(is_new);
        assert_true(entry_score_bits(&entries, ids[i]) == i);
        assert_true(entry_reached_ms(&entries, ids[i]) == -(int64_t)i * 1000000);
        assert_int_equal(entry_segment(&entries, ids[i]), i % 2);
        assert_true(span_equal(entry_member(&entries, ids[i]), span_of(name)));
        assert_int_equal(entry_extra(&entries, ids[i])[4], 0x77);
        key.segment = 2;
        assert_int_equal(board_entries_find(&entries, &key), ENTRY_NONE);
    }
    for (id = board_entries_next(&entries, 0); id != ENTRY_NONE;
         id = board_entries_next(&entries, board_entries_after(&entries, id)))
        assert_int_equal(id, ids[walked++]);
    assert_int_equal(walked, COUNT);
    assert_true(board_entries_bytes(&entries) < COUNT * 100ull);
    board_entries_done(&entries);
}

static void test_limit(void **state)
{
    struct board_entries entries;
    struct entry_key key;
    bool is_new;

    (void)state;
    board_entries_init(&entries, 0, false, 2);
    key = key_of(&entries, "a", 0);
    assert_int_not_equal(put(&entries, &key, &is_new), ENTRY_NONE);
    key = key_of(&entries, "b", 0);
    assert_int_not_equal(put(&entries, &key, &is_new), ENTRY_NONE);
    key = key_of(&entries, "c", 0);
    assert_int_equal(put(&entries, &key, &is_new), ENTRY_NONE);
    key = key_of(&entries, "a", 0);
    assert_int_not_equal(put(&entries, &key, &is_new), ENTRY_NONE);
    assert_false(is_new);
    assert_int_equal(entries.count, 2);
    board_entries_done(&entries);
    board_entries_done(NULL);
}

static void test_reached_range(void **state)
{
    static const int64_t times[] = {ENTRY_REACHED_MIN, -1, 0, 1, 1700000000000, ENTRY_REACHED_MAX};
    struct board_entries entries;
    struct entry_key key;
    bool is_new;
    uint32_t id;

    (void)state;
    board_entries_init(&entries, 0, false, 2);
    key = key_of(&entries, "a", 0);
    id = put(&entries, &key, &is_new);
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        entry_set(&entries, id, UINT64_MAX, times[i]);
        assert_true(entry_reached_ms(&entries, id) == times[i]);
        assert_true(span_equal(entry_member(&entries, id), SPAN_LITERAL("a")));
    }
    assert_true(entry_clamp_reached(INT64_MIN) == ENTRY_REACHED_MIN);
    assert_true(entry_clamp_reached(INT64_MAX) == ENTRY_REACHED_MAX);
    board_entries_done(&entries);
}

#define SHARED_BITS 13

static uint64_t upper_bits(const char *name)
{
    return hash_bytes(name, strlen(name)) >> (64 - SHARED_BITS);
}

static bool is_evil(const char *name)
{
    return upper_bits(name) == 0x1234;
}

/* Members that share the upper bits of their hash are refused at last; all others are not. */
static void test_hostile(void **state)
{
    struct board_entries entries;
    struct entry_key key;
    char name[32];
    char first[32] = "";
    bool is_new;
    uint32_t taken = 0;

    (void)state;
    board_entries_init(&entries, 0, false, UINT32_MAX);
    entries.directory_min = 1024; /* or finding evil members takes too long */
    for (uint32_t i = 0, tried = 0; tried < 900; i++) {
        snprintf(name, sizeof(name), "evil-%u", (unsigned)i);
        if (!is_evil(name))
            continue;
        if (tried++ == 0)
            memcpy(first, name, sizeof(first));
        key = key_of(&entries, name, 0);
        if (put(&entries, &key, &is_new) != ENTRY_NONE)
            taken++;
    }
    assert_in_range(taken, 600, 768);
    assert_true(board_entries_bytes(&entries) < 8u << 20);
    for (uint32_t i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "good-%u", (unsigned)i);
        if (upper_bits(name) >> 3 == 0x1234 >> 3)
            continue; /* may share their page */
        key = key_of(&entries, name, 0);
        assert_int_not_equal(put(&entries, &key, &is_new), ENTRY_NONE);
        assert_true(is_new);
    }
    key = key_of(&entries, first, 0);
    assert_int_not_equal(board_entries_find(&entries, &key), ENTRY_NONE);
    board_entries_done(&entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_reached_range),
        cmocka_unit_test(test_hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
