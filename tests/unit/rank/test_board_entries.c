// SPDX-License-Identifier: Apache-2.0
/*
 * test_board_entries.c - records and the table that finds them: growth over many pages, long and
 * short members, segments, limits, hashes made to collide, removal, and walks while entries come
 * and go.
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
    board_entries_init(&entries, 5 + 16, 2, true, UINT32_MAX);
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
            entry_set_sub(&entries, ids[base + i], 0, base + i);
            entry_set_sub(&entries, ids[base + i], 1, UINT64_MAX);
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
        assert_true(entry_sub(&entries, ids[i], 0) == i);
        assert_true(entry_sub(&entries, ids[i], 1) == UINT64_MAX);
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
    board_entries_init(&entries, 0, 0, false, 2);
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
    board_entries_init(&entries, 0, 0, false, 2);
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

static struct entry_key numbered(const struct board_entries *entries, uint32_t i, char *name,
                                 size_t size)
{
    name_of(i, name, size);
    return key_of(entries, name, i % 3);
}

static void remove_and_free(struct board_entries *entries, const struct entry_key *key)
{
    uint32_t id = board_entries_find(entries, key);

    assert_int_not_equal(id, ENTRY_NONE);
    board_entries_remove(entries, id, key->hash);
    assert_int_equal(board_entries_find(entries, key), ENTRY_NONE);
    assert_true(entry_flags(entries, id) & ENTRY_DEAD);
    assert_true(span_equal(entry_member(entries, id), key->member));
    board_entries_free(entries, id);
}

/* Entries that come and go forever take no more memory, and are found, walked and scanned. */
static void test_churn(void **state)
{
    enum { COUNT = 20000, ROUNDS = 50 };
    struct board_entries entries;
    struct entry_key key;
    char name[700];
    uint64_t bytes;
    uint32_t *ids = calloc(COUNT + 1024, sizeof(ids[0]));
    uint32_t units, middle = 0, walked = 0;
    uint64_t cursor = 0;
    bool is_new;

    (void)state;
    board_entries_init(&entries, 3, 0, true, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        key = numbered(&entries, i, name, sizeof(name));
        assert_int_not_equal(board_entries_put(&entries, &key, &is_new), ENTRY_NONE);
    }
    bytes = board_entries_bytes(&entries);
    units = entries.records.count;
    for (uint32_t i = 0; i < COUNT * ROUNDS; i++) {
        uint32_t id;

        key = numbered(&entries, i, name, sizeof(name));
        remove_and_free(&entries, &key);
        key = numbered(&entries, i + COUNT, name, sizeof(name));
        id = board_entries_put(&entries, &key, &is_new);
        assert_true(is_new && id != ENTRY_NONE);
        assert_int_equal(entry_flags(&entries, id), 0);
        assert_true(entry_score_bits(&entries, id) == 0 && entry_reached_ms(&entries, id) == 0);
        assert_int_equal(entry_extra(&entries, id)[2], 0);
        entry_set(&entries, id, UINT64_MAX, -1);
        memset(entry_extra(&entries, id), 0xff, 3);
        if (i == COUNT * ROUNDS / 2)
            middle = entries.records.count;
    }
    assert_int_equal(entries.count, COUNT);
    /* As much as it takes to have had the most of every size at once, and not more later. */
    assert_in_range(middle, units, units + units / 8);
    assert_in_range(entries.records.count, middle, middle + middle / 100);
    assert_in_range(board_entries_bytes(&entries), 0, bytes + bytes / 2);

    for (uint32_t i = COUNT * ROUNDS; i < COUNT * (ROUNDS + 1); i++) {
        key = numbered(&entries, i, name, sizeof(name));
        assert_int_not_equal(board_entries_find(&entries, &key), ENTRY_NONE);
        key = numbered(&entries, i - COUNT, name, sizeof(name));
        assert_int_equal(board_entries_find(&entries, &key), ENTRY_NONE);
    }
    for (uint32_t id = board_entries_next(&entries, 0); id != ENTRY_NONE;
         id = board_entries_next(&entries, board_entries_after(&entries, id)))
        walked++;
    assert_int_equal(walked, COUNT);
    walked = 0;
    do
        walked += board_entries_scan(&entries, cursor, 10, ids + walked, 1024, &cursor);
    while (cursor != 0);
    assert_int_equal(walked, COUNT);
    board_entries_done(&entries);
    free(ids);
}

/* Buckets that overflow into each other lose and find the right entries, page after page. */
static void test_spill(void **state)
{
    enum { COUNT = 600 };
    struct board_entries entries;
    bool present[2 * COUNT] = {false};
    uint64_t seed = 5;
    uint32_t count = 0;

    (void)state;
    board_entries_init(&entries, 0, 0, false, COUNT);
    for (uint32_t round = 0; round < 60000; round++) {
        char name[32];
        struct entry_key key;
        uint32_t i, id;
        bool is_new;

        seed = hash_u64(seed + round);
        i = (uint32_t)(seed % (2 * COUNT));
        snprintf(name, sizeof(name), "spill-%u", (unsigned)i);
        key = key_of(&entries, name, 0);
        /* All in a few of the buckets: these bits pick one. */
        key.hash = (key.hash & ~0xff00ull) | (uint64_t)(i % 5) << 8;
        id = board_entries_find(&entries, &key);
        assert_int_equal(id != ENTRY_NONE, present[i]);
        if (present[i]) {
            board_entries_remove(&entries, id, key.hash);
            board_entries_free(&entries, id);
            count--;
        } else {
            if (count == COUNT)
                continue;
            id = board_entries_put(&entries, &key, &is_new);
            assert_true(is_new && id != ENTRY_NONE);
            count++;
        }
        present[i] = !present[i];
        assert_int_equal(entries.count, count);
    }
    board_entries_done(&entries);
}

static void test_empty_member(void **state)
{
    struct board_entries entries;
    struct entry_key keys[3];
    bool is_new;
    uint32_t id;

    (void)state;
    board_entries_init(&entries, 0, 0, true, 10);
    for (uint32_t i = 0; i < 3; i++) {
        keys[i] = key_of(&entries, i == 1 ? "x" : "", i);
        id = board_entries_put(&entries, &keys[i], &is_new);
        assert_true(is_new);
        assert_int_equal(entry_member(&entries, id).size, i == 1);
    }
    id = board_entries_next(&entries, 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(id, board_entries_find(&entries, &keys[i]));
        id = board_entries_next(&entries, board_entries_after(&entries, id));
    }
    assert_int_equal(id, ENTRY_NONE);
    remove_and_free(&entries, &keys[0]);
    assert_int_equal(board_entries_find(&entries, &keys[0]), ENTRY_NONE);
    assert_int_equal(board_entries_next(&entries, 0), board_entries_find(&entries, &keys[1]));
    board_entries_done(&entries);
}

/* However the smallest records lie at the end of a page, a walk meets each. */
static void test_page_ends(void **state)
{
    enum { COUNT = 106000, SHIFTS = 12 };

    (void)state;
    for (uint32_t shift = 0; shift < SHIFTS; shift++) {
        struct board_entries entries;
        uint32_t walked = 0;

        board_entries_init(&entries, 0, 0, true, UINT32_MAX);
        for (uint32_t i = 0; i < COUNT; i++) {
            struct entry_key key = key_of(&entries, i < shift ? "xy" : "", i);
            bool is_new;

            entry_set(&entries, board_entries_put(&entries, &key, &is_new), i, 0);
        }
        for (uint32_t id = board_entries_next(&entries, 0); id != ENTRY_NONE;
             id = board_entries_next(&entries, board_entries_after(&entries, id)))
            assert_true(entry_score_bits(&entries, id) == walked++);
        assert_int_equal(walked, COUNT);
        board_entries_done(&entries);
    }
}

/* Whatever comes, goes and splits, a scan gives what is there all along once. */
static void test_scan(void **state)
{
    enum { STAYS = 3000, OTHERS = 60000 };
    struct board_entries entries;
    uint32_t ids[1024];
    uint8_t *seen = calloc(STAYS, 1);
    char name[32];
    struct entry_key key;
    bool is_new;

    (void)state;
    for (uint32_t round = 0; round < 6; round++) {
        uint32_t put = 0, gone = 0;
        uint64_t cursor = 0;

        memset(seen, 0, STAYS);
        board_entries_init(&entries, 0, 0, false, UINT32_MAX);
        for (uint32_t i = 0; i < STAYS; i++) {
            snprintf(name, sizeof(name), "stays-%u", (unsigned)i);
            key = key_of(&entries, name, 0);
            entry_set(&entries, board_entries_put(&entries, &key, &is_new), i + 1, 0);
        }
        do {
            uint64_t next;
            uint32_t count =
                board_entries_scan(&entries, cursor, 1 + round * 300, ids, 1024, &next);

            assert_true(next == 0 || next > cursor);
            cursor = next;
            for (uint32_t i = 0; i < count; i++) {
                uint64_t number = entry_score_bits(&entries, ids[i]);

                if (number > 0)
                    assert_int_equal(++seen[number - 1], 1);
            }
            for (uint32_t i = 0; i < 200 * (round + 1) && put < OTHERS; i++) {
                snprintf(name, sizeof(name), "other-%u", (unsigned)put++);
                key = key_of(&entries, name, 0);
                assert_int_not_equal(board_entries_put(&entries, &key, &is_new), ENTRY_NONE);
            }
            for (; round % 2 > 0 && gone + 500 < put; gone++) {
                snprintf(name, sizeof(name), "other-%u", (unsigned)gone);
                key = key_of(&entries, name, 0);
                remove_and_free(&entries, &key);
            }
        } while (cursor != 0);
        for (uint32_t i = 0; i < STAYS; i++)
            assert_int_equal(seen[i], 1);
        board_entries_done(&entries);
    }
    free(seen);
}

/* A cursor that no walk gave, and one from before all went: less is given, nothing else. */
static void test_emptied(void **state)
{
    enum { COUNT = 70000 };
    struct board_entries entries;
    struct entry_key key;
    char name[700];
    uint32_t ids[1024];
    uint64_t full, next;
    bool is_new;
    uint32_t late = 0, found;

    (void)state;
    board_entries_init(&entries, 0, 0, true, COUNT);
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            key = numbered(&entries, i, name, sizeof(name));
            late = board_entries_put(&entries, &key, &is_new);
        }
        full = board_entries_bytes(&entries);
        for (uint32_t i = 0; i < COUNT; i++) {
            key = numbered(&entries, i, name, sizeof(name));
            remove_and_free(&entries, &key);
        }
        assert_int_equal(board_entries_next(&entries, 0), ENTRY_NONE);
        assert_true(board_entries_bytes(&entries) < full / 100);
    }
    assert_int_equal(board_entries_seek(&entries, late), ENTRY_NONE);
    for (uint32_t i = 0; i < 1000; i++) {
        key = numbered(&entries, 7 * i, name, sizeof(name));
        assert_int_not_equal(board_entries_put(&entries, &key, &is_new), ENTRY_NONE);
    }
    for (uint32_t from = 0; from < entries.records.count + 100; from++) {
        found = board_entries_seek(&entries, from);
        assert_true(found == ENTRY_NONE || found >= from);
        if (found != ENTRY_NONE) {
            struct span member = entry_member(&entries, found);

            key = (struct entry_key){0, member, entry_segment(&entries, found)};
            key.hash =
                board_entries_hash(&entries, hash_bytes(member.data, member.size), key.segment);
            assert_int_equal(board_entries_find(&entries, &key), found);
        }
    }
    for (uint64_t cursor = 1; cursor != 0; cursor <<= 1) {
        found = board_entries_scan(&entries, cursor, 1, ids, 1024, &next);
        assert_true(found <= 1000 && (next == 0 || next > cursor));
        for (uint32_t i = 0; i < found; i++) {
            struct span member = entry_member(&entries, ids[i]);

            assert_true(board_entries_hash(&entries, hash_bytes(member.data, member.size),
                                           entry_segment(&entries, ids[i])) >= cursor);
        }
    }
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
    board_entries_init(&entries, 0, 0, false, UINT32_MAX);
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
        cmocka_unit_test(test_growth),        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_reached_range), cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_churn),         cmocka_unit_test(test_spill),
        cmocka_unit_test(test_empty_member),  cmocka_unit_test(test_page_ends),
        cmocka_unit_test(test_scan),          cmocka_unit_test(test_emptied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
