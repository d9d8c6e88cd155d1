// SPDX-License-Identifier: Apache-2.0
/*
 * test_keyspace_model.c - random lists of commands against an oracle that keeps sorted arrays.
 *
 * Each list is executed three times: as a whole, command by command, and from its journal payload
 * without replies. The replies of the first must be those of the oracle, the three states the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/hash.h"
#include "keyspace/keyspace.h"
#include "model/command.h"
#include "model/reply.h"
#include "support/key_script.h"
#include "support/zset_model.h"

#define LIST_MAX 60

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state += 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash_u64(random_state) % limit);
}

static bool one_in(uint32_t n)
{
    return random_below(n) == 0;
}

/* ---- random commands ---- */

static const char *const key_names[] = {"a", "b", "c", "", "{t}long key", "e", "f"};
static uint32_t key_count = 7;
static uint32_t member_count = 14;

static struct span random_key(void)
{
    return span_of(key_names[random_below(key_count)]);
}

static void add_member(struct command_list *list)
{
    char text[96];
    uint32_t i = random_below(member_count);

    memset(text, 'y', sizeof(text));
    if (i == 0)
        command_list_arg(list, SPAN_LITERAL(""));
    else if (i == 1)
        command_list_arg(list, (struct span){text, 70});
    else
        command_list_arg(list,
                         (struct span){text, (size_t)snprintf(text, sizeof(text), "m%u\xff", i)});
}

static double random_score(void)
{
    static const double scores[] = {0,
                                    -0.0,
                                    1,
                                    2,
                                    0.1,
                                    -3,
                                    1e300,
                                    5e-324,
                                    2.5,
                                    1e20,
                                    -1e300,
                                    __builtin_inf(),
                                    -__builtin_inf()};

    if (one_in(3))
        return random_below(5);
    return scores[random_below(sizeof(scores) / sizeof(scores[0]) - (one_in(3) ? 0 : 2))];
}

static uint32_t random_flags(uint32_t flags)
{
    uint32_t chosen = 0;

    for (; flags != 0; flags &= flags - 1)
        if (one_in(3))
            chosen |= flags & -flags;
    return chosen;
}

static uint32_t random_by(void)
{
    return COMMAND_BY_RANK << random_below(3);
}

static void add_bound(struct command_list *list, uint32_t flags)
{
    char kind = (char)random_below(flags & COMMAND_BY_RANK ? 1 : 4);

    command_list_arg(list, (struct span){&kind, 1});
    if (kind == COMMAND_BOUND_LEAST || kind == COMMAND_BOUND_GREATEST)
        command_list_arg(list, (struct span){NULL, 0});
    else if (flags & COMMAND_BY_RANK)
        command_list_int(list, (int64_t)random_below(24) - 12);
    else if (flags & COMMAND_BY_SCORE)
        command_list_score(list, random_score());
    else
        add_member(list);
}

static void add_bounds(struct command_list *list, uint32_t flags)
{
    add_bound(list, flags);
    add_bound(list, flags);
}

static void add_limit(struct command_list *list)
{
    command_list_int(list, one_in(3) ? (int64_t)random_below(6) - 1 : 0);
    command_list_int(list, one_in(3) ? (int64_t)random_below(6) - 1 : -1);
}

static void begin(struct command_list *list, enum command_op op, uint32_t flags, uint32_t keys)
{
    command_list_add(list, op, flags);
    for (uint32_t i = 0; i < keys; i++)
        command_list_key(list, random_key());
}

static void add_pairs(struct command_list *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        command_list_score(list, random_score());
        add_member(list);
    }
}

static void add_zadd(struct command_list *list)
{
    uint32_t flags =
        one_in(3) ? random_flags(COMMAND_NX | COMMAND_XX | COMMAND_GT | COMMAND_LT) : 0;

    flags |= random_flags(COMMAND_CH | COMMAND_INCR);
    begin(list, COMMAND_ZADD, flags, 1);
    add_pairs(list, flags & COMMAND_INCR ? 1 : 1 + random_below(4));
}

static void add_algebra(struct command_list *list, bool is_store)
{
    uint32_t flags = COMMAND_UNION << random_below(3);
    uint32_t keys = 1 + random_below(4);

    if (one_in(2))
        flags |= COMMAND_AGGREGATE_MIN << random_below(2);
    if (!is_store)
        flags |= one_in(2) ? COMMAND_WITHSCORES : 0;
    if (!is_store && (flags & COMMAND_INTER) && one_in(2))
        flags |= COMMAND_CARD;
    begin(list, is_store ? COMMAND_ZALGEBRASTORE : COMMAND_ZALGEBRA, flags, keys + is_store);
    for (uint32_t i = 0; i < keys; i++)
        command_list_score(list, one_in(2) ? 1 : random_score());
    if (!is_store)
        command_list_int(list, random_below(4));
}

static void add_write(struct command_list *list, int64_t now_ms)
{
    uint32_t flags = random_by();

    switch (random_below(13)) {
    case 0:
        begin(list, COMMAND_ZREMRANGE, flags, 1);
        add_bounds(list, flags);
        break;
    case 1:
        flags = random_flags(COMMAND_MAX | COMMAND_COUNTED | COMMAND_MPOP);
        begin(list, COMMAND_ZPOP, flags, flags & COMMAND_MPOP ? 1 + random_below(3) : 1);
        command_list_int(list, flags & (COMMAND_COUNTED | COMMAND_MPOP) ? random_below(6) : 1);
        break;
    case 2:
        begin(list, COMMAND_ZSTORE, 0, 1);
        add_pairs(list, random_below(5));
        break;
    case 3:
        flags |= random_flags(COMMAND_REV);
        begin(list, COMMAND_ZRANGESTORE, flags, 2);
        add_bounds(list, flags);
        add_limit(list);
        break;
    case 4:
        add_algebra(list, true);
        break;
    case 5:
        begin(list, COMMAND_DEL, 0, 1 + random_below(2));
        break;
    case 6:
    case 7:
        begin(list, COMMAND_EXPIREAT,
              random_flags(one_in(2) ? COMMAND_NX | COMMAND_XX : COMMAND_GT | COMMAND_LT), 1);
        command_list_int(list, now_ms + random_below(3000) - 100);
        break;
    case 8:
        begin(list, COMMAND_PERSIST, 0, 1);
        break;
    case 9:
        begin(list, COMMAND_RENAME, random_flags(COMMAND_NX), 2);
        break;
    case 10:
        begin(list, COMMAND_COPY, random_flags(COMMAND_REPLACE), 2);
        break;
    case 11:
        begin(list, COMMAND_TW_UPDATE,
              random_flags(COMMAND_XX | COMMAND_GT | COMMAND_INCR | COMMAND_REV), 1);
        add_pairs(list, 1);
        break;
    default:
        begin(list, one_in(30) ? COMMAND_FLUSH : COMMAND_PERSIST, 0, 0);
        if (list->commands[list->count - 1].op == COMMAND_PERSIST)
            command_list_key(list, random_key());
    }
}

static void add_read(struct command_list *list)
{
    static const enum command_op plain[] = {COMMAND_ZCARD,  COMMAND_TYPE,   COMMAND_VERSION,
                                            COMMAND_EXISTS, COMMAND_EXPIRY, COMMAND_ZDUMP};
    uint32_t flags = random_by();

    switch (random_below(8)) {
    case 0:
        begin(list, COMMAND_ZSCORE, random_flags(COMMAND_COUNTED), 1);
        add_member(list);
        if (list->commands[list->count - 1].flags != 0)
            add_member(list);
        break;
    case 1:
        begin(list, COMMAND_ZRANK, random_flags(COMMAND_REV | COMMAND_WITHSCORES), 1);
        add_member(list);
        break;
    case 2:
        flags = COMMAND_BY_SCORE << random_below(2);
        begin(list, COMMAND_ZCOUNT, flags, 1);
        add_bounds(list, flags);
        break;
    case 3:
        flags |= random_flags(COMMAND_REV | COMMAND_WITHSCORES);
        begin(list, COMMAND_ZRANGE, flags, 1);
        add_bounds(list, flags);
        add_limit(list);
        break;
    case 4:
        add_algebra(list, false);
        break;
    case 5:
        begin(list, COMMAND_TW_AROUND, random_flags(COMMAND_REV), 1);
        add_member(list);
        command_list_int(list, random_below(5));
        break;
    case 6:
        begin(list, COMMAND_TW_AMONG, random_flags(COMMAND_REV), 1);
        for (uint32_t i = 0; i < 4; i++)
            add_member(list);
        break;
    default:
        flags = random_flags(COMMAND_MS | COMMAND_ABSOLUTE);
        begin(list, one_in(8) ? COMMAND_DBSIZE : plain[random_below(6)], flags, 1);
        if (list->commands[list->count - 1].op == COMMAND_DBSIZE) {
            command_list_drop(list);
            command_list_add(list, COMMAND_DBSIZE, 0);
        }
    }
}

/* On versions that hold, mostly; the commands that it decides on follow. */
static void add_watched(struct command_list *list, const struct zset_model *model)
{
    int64_t versions[2] = {0, 0};

    begin(list, COMMAND_IF_WATCHED, 0, 2);
    for (uint32_t i = 0; i < 2; i++) {
        struct span name = command_arg(list, &list->commands[list->count - 1], i);

        for (uint32_t k = 0; k < model->count; k++)
            if (span_equal(name, (struct span){model->keys[k].name.data, model->keys[k].name.size}))
                versions[i] = model->keys[k].version;
    }
    command_list_int(list, versions[0]);
    command_list_int(list, versions[1]);
    command_list_int(list, random_below(6));
}

static void random_list(struct command_list *list, const struct zset_model *model, int64_t now_ms)
{
    uint32_t count = 1 + random_below(LIST_MAX);
    uint32_t reads = one_in(3) ? 100 : one_in(2) ? 30 : 0; /* in a hundred */
    uint32_t runs = 30 + random_below(70);                 /* in a hundred writes */

    command_list_clear(list);
    while (list->count < count) {
        if (random_below(100) < reads)
            add_read(list);
        else if (one_in(20))
            add_watched(list, model);
        else if (random_below(100) >= runs)
            add_write(list, now_ms);
        else if (one_in(3))
            begin(list, COMMAND_ZREM, 0, 1), add_member(list), add_member(list);
        else
            add_zadd(list);
    }
    /* What is decided on is in the list. */
    for (uint32_t i = 0; i < list->count; i++) {
        const struct command *command = &list->commands[i];
        int64_t left = list->count - i - 1;

        if (command->op == COMMAND_IF_WATCHED &&
            command_arg_int(list, command, command->arg_count - 1) > left)
            memcpy(list->data.data + list->args[command->arg_begin + command->arg_count - 1].at,
                   &left, sizeof(left));
    }
}

/* ---- the three ways ---- */

static void print_part(struct span replies, uint32_t begin_at, uint32_t end_at, struct bytes *out)
{
    bytes_clear(out);
    key_script_print((struct span){replies.data + begin_at, end_at - begin_at}, out);
}

static void compare_replies(const struct command_list *list, struct span given,
                            const size_t *given_ends, struct span wanted, const size_t *wanted_ends)
{
    struct bytes texts[2] = {{0}, {0}};

    for (uint32_t i = 0; i < list->count; i++) {
        print_part(given, i > 0 ? given_ends[i - 1] : 0, given_ends[i], &texts[0]);
        print_part(wanted, i > 0 ? wanted_ends[i - 1] : 0, wanted_ends[i], &texts[1]);
        if (!span_equal(bytes_span(&texts[0]), bytes_span(&texts[1])))
            fail_msg("command %u, %s, flags %x, gave\n%s\nwanted\n%s", i,
                     command_op_text((enum command_op)list->commands[i].op),
                     list->commands[i].flags, bytes_text(&texts[0]), bytes_text(&texts[1]));
    }
    bytes_done(&texts[0]);
    bytes_done(&texts[1]);
}

/* Command by command, but what an IF_WATCHED decides on stays with it. */
static void execute_apart(struct keyspace *keyspace, const struct command_list *list,
                          int64_t now_ms)
{
    struct command_list part = {0};
    struct bytes replies = {0};
    size_t ends[LIST_MAX + 1];

    for (uint32_t i = 0; i < list->count;) {
        uint32_t end = i + 1;

        command_list_clear(&part);
        for (; i < end; i++) {
            const struct command *command = &list->commands[i];

            if (command->op == COMMAND_IF_WATCHED) {
                uint32_t last =
                    i + 1 + (uint32_t)command_arg_int(list, command, command->arg_count - 1);

                end = last > end ? last : end;
            }
            command_list_copy(&part, list, i);
        }
        keyspace_execute(keyspace, &part, now_ms, &replies, ends);
    }
    bytes_done(&replies);
    command_list_done(&part);
}

/* As a replay does. */
static void execute_again(struct keyspace *keyspace, const struct command_list *list,
                          int64_t now_ms)
{
    struct command_list again = {0};
    struct bytes payload = {0};
    struct err err;

    if (list->write_count == 0)
        return;
    command_list_encode(list, &payload);
    assert_int_equal(command_list_decode(&again, bytes_span(&payload), &err), 0);
    assert_int_equal(again.count, list->write_count);
    keyspace_execute(keyspace, &again, now_ms, NULL, NULL);
    bytes_done(&payload);
    command_list_done(&again);
}

/* KEYS, SCAN and DBSIZE agree with the oracle, and RANDOMKEY gives one of them. */
static void check_walks(struct keyspace *keyspace, struct zset_model *model, int64_t now_ms)
{
    struct command_list list = {0};
    struct bytes replies = {0};
    struct reply_token token;
    size_t ends[4];
    size_t at = 0;
    int64_t size;

    key_script_add(&list, "DBSIZE");
    key_script_add(&list, "KEYS | *");
    key_script_add(&list, "SCAN | 0 1 ''");
    key_script_add(&list, "RANDOMKEY");
    keyspace_execute(keyspace, &list, now_ms, &replies, ends);
    assert_true(reply_next(bytes_span(&replies), &at, &token));
    size = token.i;
    assert_true(reply_next(bytes_span(&replies), &at, &token));
    assert_int_equal(token.count, size);
    for (int64_t i = 0; i < size; i++) {
        bool found = false;

        assert_true(reply_next(bytes_span(&replies), &at, &token));
        for (uint32_t k = 0; k < model->count; k++)
            found |= span_equal(token.text,
                                (struct span){model->keys[k].name.data, model->keys[k].name.size});
        assert_true(found);
    }
    assert_true(reply_next(bytes_span(&replies), &at, &token)); /* [0 [...]] */
    assert_true(reply_next(bytes_span(&replies), &at, &token));
    assert_true(span_equal(token.text, SPAN_LITERAL("0")));
    assert_true(reply_next(bytes_span(&replies), &at, &token));
    assert_int_equal(token.count, size);
    at = ends[2];
    assert_true(reply_next(bytes_span(&replies), &at, &token));
    assert_int_equal(token.kind, size > 0 ? REPLY_BULK : REPLY_NULL);
    command_list_done(&list);
    bytes_done(&replies);
}

static void run_lists(uint64_t seed, uint32_t lists)
{
    struct keyspace_limits limits = {.keys_max = 100, .members_max = 1000};
    struct keyspace *whole = keyspace_new(limits);
    struct keyspace *apart = keyspace_new(limits);
    struct keyspace *again = keyspace_new(limits);
    struct zset_model model = {0};
    struct command_list list = {0};
    struct bytes replies[2] = {{0}, {0}};
    size_t ends[2][LIST_MAX + 1];
    int64_t now_ms = 1000000;

    random_state = seed;
    for (uint32_t i = 0; i < lists; i++) {
        random_list(&list, &model, now_ms);
        bytes_clear(&replies[0]);
        bytes_clear(&replies[1]);
        keyspace_execute(whole, &list, now_ms, &replies[0], ends[0]);
        zset_model_execute(&model, &list, now_ms, &replies[1], ends[1]);
        compare_replies(&list, bytes_span(&replies[0]), ends[0], bytes_span(&replies[1]), ends[1]);
        execute_apart(apart, &list, now_ms);
        execute_again(again, &list, now_ms);
        assert_int_equal(keyspace_hash(whole), keyspace_hash(apart));
        assert_int_equal(keyspace_hash(whole), keyspace_hash(again));
        assert_int_equal(keyspace_counts(whole).members, keyspace_counts(apart).members);
        if (one_in(10))
            check_walks(whole, &model, now_ms);
        if (one_in(4))
            now_ms += random_below(1500);
    }
    keyspace_free(whole);
    keyspace_free(apart);
    keyspace_free(again);
    zset_model_done(&model);
    command_list_done(&list);
    bytes_done(&replies[0]);
    bytes_done(&replies[1]);
}

static void test_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++)
        run_lists(seed, 60);
}

/* One key, few members: emptied and made again all the time. */
static void test_random_tight(void **state)
{
    (void)state;
    key_count = 2;
    member_count = 4;
    for (uint64_t seed = 101; seed <= 200; seed++)
        run_lists(seed, 60);
    key_count = 7;
    member_count = 14;
}

/* Many members: several pages of a range, several parts of a run. */
static void test_random_wide(void **state)
{
    (void)state;
    key_count = 3;
    member_count = 400;
    for (uint64_t seed = 201; seed <= 204; seed++)
        run_lists(seed, 150);
    key_count = 7;
    member_count = 14;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_random_tight),
        cmocka_unit_test(test_random_wide),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
