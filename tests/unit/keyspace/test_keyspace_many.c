// SPDX-License-Identifier: Apache-2.0
/*
 * test_keyspace_many.c - what only shows with many keys and members: commands and runs beyond what
 * the board takes at once, walks while keys come and go, random choices, memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "keyspace/keyspace_private.h"
#include "model/command.h"
#include "model/reply.h"
#include "support/key_script.h"

#define NOW_MS 1000000

static struct keyspace *keyspace;
static struct command_list list;
static struct bytes replies;
static size_t *ends;

static int begin(void **state)
{
    (void)state;
    keyspace = keyspace_new((struct keyspace_limits){1000000, 1000000});
    return 0;
}

static int end(void **state)
{
    (void)state;
    keyspace_free(keyspace);
    command_list_done(&list);
    bytes_done(&replies);
    free(ends);
    ends = NULL;
    return 0;
}

/* Executes the list, and empties it; the replies stay. */
static void execute(struct keyspace *by)
{
    ends = bytes_realloc(ends, list.count * sizeof(ends[0]));
    bytes_clear(&replies);
    keyspace_execute(by, &list, NOW_MS, &replies, ends);
    command_list_clear(&list);
}

static struct reply_token first_token(size_t *at)
{
    struct reply_token token = {0};

    assert_true(reply_next(bytes_span(&replies), at, &token));
    return token;
}

static void add_name(bool is_key, const char *format, uint32_t i)
{
    char text[32];
    struct span name = {text, (size_t)snprintf(text, sizeof(text), format, i)};

    if (is_key)
        command_list_key(&list, name);
    else
        command_list_arg(&list, name);
}

static void add_zadd(const char *key_format, uint32_t key, double score, uint32_t member)
{
    command_list_add(&list, COMMAND_ZADD, 0);
    add_name(true, key_format, key);
    command_list_score(&list, score);
    add_name(false, "m%u", member);
}

/* One command of more members than fit a part. */
static void test_long_commands(void **state)
{
    size_t at = 0;

    (void)state;
    command_list_add(&list, COMMAND_ZADD, COMMAND_CH);
    command_list_key(&list, SPAN_LITERAL("z"));
    for (uint32_t i = 0; i < 5000; i++) {
        command_list_score(&list, i % 3);
        add_name(false, "m%u", i % 4000); /* 1000 of them twice, 666 with another score */
    }
    key_script_add(&list, "ZCARD z");
    command_list_add(&list, COMMAND_ZREM, 0);
    command_list_key(&list, SPAN_LITERAL("z"));
    for (uint32_t i = 3000; i < 6000; i++)
        add_name(false, "m%u", i);
    key_script_add(&list, "ZCARD z");
    key_script_add(&list, "ZREMRANGE.BY_RANK z | [0 [-3");
    key_script_add(&list, "ZREMRANGE.BY_RANK z | [0 [-1");
    key_script_add(&list, "ZADD z | 1 a");
    execute(keyspace);
    /* i and i + 4000 differ by one of three: all are another score */
    assert_int_equal(first_token(&at).i, 4000 + 1000);
    assert_int_equal(first_token(&at).i, 4000);
    assert_int_equal(first_token(&at).i, 1000);
    assert_int_equal(first_token(&at).i, 3000);
    assert_int_equal(first_token(&at).i, 2998);
    assert_int_equal(first_token(&at).i, 2);
    assert_int_equal(first_token(&at).i, 1);
    assert_int_equal(keyspace_counts(keyspace).members, 1);
}

/* Scores and ranks of many members and keys, in commands long and short. */
static void test_long_lookups(void **state)
{
    struct reply_token token;
    size_t at = 0;

    (void)state;
    for (uint32_t i = 0; i < 6000; i++)
        add_zadd("key:%u", i % 3, i, i);
    execute(keyspace);
    command_list_add(&list, COMMAND_ZSCORE, COMMAND_COUNTED);
    add_name(true, "key:%u", 1);
    for (uint32_t i = 0; i < 5000; i++)
        add_name(false, "m%u", i);
    for (uint32_t i = 0; i < 3000; i++) {
        command_list_add(&list, i % 4 == 0 ? COMMAND_ZSCORE : COMMAND_ZRANK,
                         i % 4 == 1 ? COMMAND_REV : 0);
        add_name(true, "key:%u", i / 10 % 4); /* key:3 is not there */
        add_name(false, "m%u", i * 2);
    }
    execute(keyspace);
    assert_int_equal(first_token(&at).count, 5000);
    for (uint32_t i = 0; i < 5000; i++) {
        token = first_token(&at);
        assert_int_equal(token.kind, i % 3 == 1 ? REPLY_DOUBLE : REPLY_NULL);
        assert_true(i % 3 != 1 || token.f == i);
    }
    assert_int_equal(ends[0], at);
    for (uint32_t i = 0; i < 3000; i++) {
        bool is_there = i / 10 % 4 == i * 2 % 3;
        uint32_t rank = i * 2 / 3;

        token = first_token(&at);
        assert_int_equal(ends[i + 1], at);
        if (!is_there)
            assert_int_equal(token.kind, REPLY_NULL);
        else if (i % 4 == 0)
            assert_true(token.f == i * 2);
        else
            assert_int_equal(token.i, i % 4 == 1 ? 1999 - rank : rank);
    }
}

static void add_mixed(uint32_t i)
{
    uint32_t random = (uint32_t)hash_u64(i + 1);

    if (random % 4 == 0) {
        command_list_add(&list, COMMAND_ZREM, 0);
        add_name(true, "key:%u", random / 4 % 700);
        for (uint32_t j = 0; j < 3; j++)
            add_name(false, "m%u", (random >> (12 + j)) % 4);
        return;
    }
    command_list_add(&list, COMMAND_ZADD, random % 8 == 1 ? COMMAND_INCR : 0);
    add_name(true, "key:%u", random / 4 % 700);
    for (uint32_t j = 0; j < (random % 8 == 1 ? 1 : 1 + random % 3); j++) {
        command_list_score(&list, random % 10 + j);
        add_name(false, "m%u", (random >> (12 + j)) % 4);
    }
}

/* Runs over many keys, longer than what goes together, are what their commands are apart. */
static void test_long_runs(void **state)
{
    struct keyspace *apart = keyspace_new((struct keyspace_limits){1000, 1000000});
    struct bytes whole_replies = {0};

    (void)state;
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < 5000; i++)
            add_mixed(round * 5000 + i);
        execute(keyspace);
        bytes_clear(&whole_replies);
        bytes_put(&whole_replies, replies.data, replies.size);
        for (uint32_t i = 0, at = 0; i < 5000; i++) {
            add_mixed(round * 5000 + i);
            execute(apart);
            assert_memory_equal(replies.data, whole_replies.data + at, replies.size);
            at += (uint32_t)replies.size;
        }
        assert_int_equal(keyspace_hash(keyspace), keyspace_hash(apart));
    }
    assert_true(keyspace_counts(keyspace).keys > 300);
    keyspace_free(apart);
    bytes_done(&whole_replies);
}

/* Marks what a walk gives: those of `format` with a number below `count`. */
static void mark(struct span name, const char *format, uint32_t count, uint8_t *seen)
{
    char text[64];
    uint32_t number;

    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    if (sscanf(text, format, &number) == 1 && number < count)
        seen[number]++;
}

/* Of a walk from cursor 0, a step; returns the cursor. */
static int64_t step(const char *format, uint32_t count, uint8_t *seen, uint32_t each)
{
    struct reply_token token;
    size_t at = 0;
    int64_t cursor;

    assert_int_equal(first_token(&at).count, 2);
    token = first_token(&at);
    cursor = strtoll(token.text.data, NULL, 10);
    token = first_token(&at);
    for (uint32_t i = token.count; i > 0; i -= each) {
        mark(first_token(&at).text, format, count, seen);
        if (each == 2)
            first_token(&at);
    }
    return cursor;
}

static void test_scan(void **state)
{
    uint8_t *seen = bytes_alloc_zero(20000, 1);
    int64_t cursor = 0;
    uint32_t steps = 0;

    (void)state;
    for (uint32_t i = 0; i < 20000; i++)
        add_zadd("key:%u", i, 1, 1);
    execute(keyspace);
    do {
        command_list_add(&list, COMMAND_SCAN, 0);
        command_list_int(&list, cursor);
        command_list_int(&list, 10);
        command_list_arg(&list, SPAN_LITERAL(""));
        execute(keyspace);
        cursor = step("key:%u", 20000, seen, 1);
        assert_true(cursor >= 0 && cursor < (int64_t)1 << 48);
        for (uint32_t i = 0; i < 1000; i++) /* others come, and pages split; some go */
            add_zadd("other:%u", steps * 1000 + i, 1, 1);
        for (uint32_t i = 0; i < 50; i++) {
            command_list_add(&list, COMMAND_DEL, 0);
            add_name(true, "key:%u", 19999 - (steps * 50 + i) % 2000);
        }
        execute(keyspace);
    } while (cursor != 0 && ++steps < 1000);
    assert_int_equal(cursor, 0);
    assert_true(steps > 10);
    for (uint32_t i = 0; i < 18000; i++)
        assert_int_equal(seen[i], 1);
    free(seen);
}

static void test_zscan(void **state)
{
    uint8_t *seen = bytes_alloc_zero(3000, 1);
    int64_t cursor = 0;
    uint32_t steps = 0;

    (void)state;
    for (uint32_t i = 0; i < 20000; i++)
        add_zadd("key:%u", i < 3000 ? 0 : i, i, i);
    execute(keyspace);
    do {
        command_list_add(&list, COMMAND_ZSCAN, 0);
        add_name(true, "key:%u", 0);
        command_list_int(&list, cursor);
        command_list_int(&list, 100);
        command_list_arg(&list, SPAN_LITERAL("m*"));
        execute(keyspace);
        cursor = step("m%u", 3000, seen, 2);
        for (uint32_t i = 0; i < 100; i++) {
            add_zadd("key:%u", 0, steps, i * 30);
            add_zadd("key:%u", 0, 1, 3000 + steps * 100 + i);
        }
        execute(keyspace);
    } while (cursor != 0 && ++steps < 1000);
    assert_int_equal(cursor, 0);
    assert_true(steps > 5);
    for (uint32_t i = 0; i < 3000; i++)
        assert_int_equal(seen[i], 1);
    free(seen);
}

/* Counts of the keys or members named "...<number>" in the replies. */
static void count_names(const char *format, uint32_t count, uint32_t *counts)
{
    struct reply_token token;
    size_t at = 0;

    while (reply_next(bytes_span(&replies), &at, &token)) {
        uint8_t seen[64] = {0};

        if (token.kind != REPLY_BULK)
            continue;
        mark(token.text, format, count, seen);
        for (uint32_t i = 0; i < count; i++)
            counts[i] += seen[i];
    }
}

/* What a walk over deadlines removes is what has passed, whatever was set, moved and taken back. */
static void test_deadlines(void **state)
{
    static int64_t at_ms[3000];
    struct keyspace_counts counts;
    int64_t now_ms = NOW_MS;

    (void)state;
    for (uint32_t i = 0; i < 3000; i++)
        add_zadd("key:%u", i, 1, 1);
    execute(keyspace);
    for (uint32_t round = 0; round < 40; round++) {
        uint32_t alive = 0;
        uint32_t expiring = 0;

        now_ms += 50;
        for (uint32_t n = 0; n < 500; n++) {
            uint64_t random = hash_u64(round * 500 + n + 1);
            uint32_t i = (uint32_t)(random % 3000);

            if (at_ms[i] != 0 && at_ms[i] <= now_ms)
                continue;
            at_ms[i] = random >> 32 & 3 ? now_ms + 1 + (int64_t)(random >> 40 & 255) * 8 : 0;
            command_list_add(&list, at_ms[i] != 0 ? COMMAND_EXPIREAT : COMMAND_PERSIST, 0);
            add_name(true, "key:%u", i);
            if (at_ms[i] != 0)
                command_list_int(&list, at_ms[i]);
        }
        keyspace_execute(keyspace, &list, now_ms, NULL, NULL);
        command_list_clear(&list);
        for (uint32_t i = 0; i < 3000; i++) {
            alive += at_ms[i] == 0 || at_ms[i] > now_ms;
            expiring += at_ms[i] > now_ms;
        }
        counts = keyspace_counts(keyspace);
        assert_int_equal(counts.keys, alive);
        assert_int_equal(counts.members, alive);
        assert_int_equal(counts.expiring, expiring);
        assert_int_equal(counts.expired, 3000 - alive);
    }
    assert_true(counts.expired > 1000 && counts.expiring > 100);
}

/* Replies have a limit: of one command, and of all before a read. */
static void test_reply_limit(void **state)
{
    static const char *const too_large[] = {
        "ZRANGE.BY_RANK.REV.WITHSCORES key:0 | [0 [-1 0 -1",
        "ZRANDMEMBER.COUNTED key:0 | -3000",
        "ZRANDMEMBER.COUNTED key:0 | 2999",
        "ZRANDMEMBER.COUNTED key:0 | 1400",
        "ZALGEBRA.UNION key:0 | 1 #0",
        "KEYS | *",
        "ZDUMP key:0",
    };
    struct reply_token token;
    size_t at = 0;

    (void)state;
    for (uint32_t i = 0; i < 3000; i++) {
        add_zadd("key:%u", i, i, i);
        add_zadd("key:%u", 0, i, i);
    }
    execute(keyspace);
    keyspace->reply_bytes_max = 10000;
    for (size_t i = 0; i < sizeof(too_large) / sizeof(too_large[0]); i++)
        key_script_add(&list, too_large[i]);
    key_script_add(&list, "ZADD key:0 | 5 another");
    execute(keyspace);
    for (size_t i = 0; i < sizeof(too_large) / sizeof(too_large[0]); i++) {
        token = first_token(&at);
        if (token.kind != REPLY_ERROR)
            fail_msg("%s", too_large[i]);
        assert_int_equal(ends[i], at);
    }
    for (uint32_t i = 0; i < 4; i++)
        key_script_add(&list, "ZRANGE.BY_RANK key:0 | [0 [500 0 -1");
    key_script_add(&list, "ZADD key:1 | 5 another");
    execute(keyspace);
    at = ends[2];
    assert_int_equal(first_token(&at).kind, REPLY_ERROR);
    assert_int_equal(first_token(&at).i, 1);
}

/* All within what chance gives: chi-square below 40 for 20 equal shares is as good as sure. */
static void expect_even(const uint32_t *counts, uint32_t count, uint32_t draws)
{
    double expected = (double)draws / count;
    double sum = 0;

    for (uint32_t i = 0; i < count; i++)
        sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    assert_true(sum < 60);
}

static void test_random_choices(void **state)
{
    uint32_t counts[20] = {0};

    (void)state;
    for (uint32_t i = 0; i < 20; i++) {
        add_zadd("key:%u", i, 1, 1);
        add_zadd("key:%u", 0, 1, i);
    }
    execute(keyspace);
    for (uint32_t i = 0; i < 4000; i++)
        key_script_add(&list, "RANDOMKEY");
    execute(keyspace);
    count_names("key:%u", 20, counts);
    expect_even(counts, 20, 4000);

    memset(counts, 0, sizeof(counts));
    key_script_add(&list, "ZRANDMEMBER.COUNTED key:0 | -4000");
    execute(keyspace);
    count_names("m%u", 20, counts);
    expect_even(counts, 20, 4000);

    for (uint32_t wanted = 1; wanted < 20; wanted += 6) { /* distinct */
        char text[64];

        memset(counts, 0, sizeof(counts));
        snprintf(text, sizeof(text), "ZRANDMEMBER.COUNTED.WITHSCORES key:0 | %u", wanted);
        key_script_add(&list, text);
        execute(keyspace);
        count_names("m%u", 20, counts);
        for (uint32_t i = 0; i < 20; i++) {
            assert_true(counts[i] <= 1);
            wanted -= counts[i];
        }
        assert_int_equal(wanted, 0);
        wanted = (uint32_t)strtoul(strchr(text, '|') + 2, NULL, 10);
    }
}

/* With a table of many pages, all parts of it are chosen. */
static void test_random_of_many(void **state)
{
    uint32_t quarters[4] = {0};
    struct reply_token token;
    size_t at = 0;

    (void)state;
    for (uint32_t i = 0; i < 20000; i++)
        add_zadd("key:%u", i, 1, 1);
    execute(keyspace);
    for (uint32_t i = 0; i < 4000; i++)
        key_script_add(&list, "RANDOMKEY");
    execute(keyspace);
    while (reply_next(bytes_span(&replies), &at, &token))
        quarters[hash_bytes(token.text.data, token.text.size) >> 62]++;
    for (uint32_t i = 0; i < 4; i++)
        assert_in_range(quarters[i], 850, 1150);
}

/* What a key more costs, once buffers and tables have their size. */
static void test_memory(void **state)
{
    uint64_t empty = keyspace_bytes(keyspace);
    uint64_t before = 0;
    uint64_t each;

    (void)state;
    for (uint32_t i = 0; i < 500000; i++) {
        add_zadd("user:%07u", i, i, i);
        if (list.count == 10000)
            execute(keyspace);
        if (i + 1 == 100000) {
            keyspace_hash(keyspace); /* settles */
            before = keyspace_bytes(keyspace);
        }
    }
    assert_int_equal(keyspace_counts(keyspace).keys, 500000);
    keyspace_hash(keyspace);
    each = (keyspace_bytes(keyspace) - before) / 400000;
    printf("a key of 12 bytes with one member of 7: %llu bytes\n", (unsigned long long)each);
    assert_true(each < 160);
    key_script_add(&list, "FLUSH");
    execute(keyspace);
    assert_true(keyspace_bytes(keyspace) < empty + (1u << 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_long_commands, begin, end),
        cmocka_unit_test_setup_teardown(test_long_lookups, begin, end),
        cmocka_unit_test_setup_teardown(test_long_runs, begin, end),
        cmocka_unit_test_setup_teardown(test_scan, begin, end),
        cmocka_unit_test_setup_teardown(test_zscan, begin, end),
        cmocka_unit_test_setup_teardown(test_deadlines, begin, end),
        cmocka_unit_test_setup_teardown(test_reply_limit, begin, end),
        cmocka_unit_test_setup_teardown(test_random_choices, begin, end),
        cmocka_unit_test_setup_teardown(test_random_of_many, begin, end),
        cmocka_unit_test_setup_teardown(test_memory, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
