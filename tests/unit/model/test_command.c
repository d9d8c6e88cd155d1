// SPDX-License-Identifier: Apache-2.0
/* test_command.c - lists of commands: making them, and the journal payload of their writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "model/command.h"
#include "support/key_script.h"

static const char *const writes[] = {
    "ZADD.NX.CH z | 1.5 a 2 '' -inf c",
    "ZADD.INCR.GT '' | 1 a",
    "ZREM z | a b ''",
    "ZREMRANGE.BY_RANK z | [0 [-1",
    "ZREMRANGE.BY_SCORE z | (1 [inf",
    "ZREMRANGE.BY_LEX z | - (b",
    "ZPOP.MAX.MPOP.COUNTED a b c | 5",
    "ZSTORE z |",
    "ZSTORE z | 1 a 2 b",
    "ZRANGESTORE.BY_SCORE.REV to from | - + 1 -1",
    "ZALGEBRASTORE.INTER.AGGREGATE_MIN to a b | 1 2.5",
    "DEL a b c",
    "EXPIREAT.NX a | 1234567890123",
    "PERSIST a",
    "RENAME.NX a b",
    "FLUSH",
    "TW_UPDATE.INCR.REV a | 1 m",
    "COPY.REPLACE a b",
    "IF_WATCHED a b | 1 0 2",
    "ZADD z | 1 a",
    "DEL b",
};

#define WRITE_COUNT (sizeof(writes) / sizeof(writes[0]))

static void expect_same(const struct command_list *a, uint32_t i, const struct command_list *b,
                        uint32_t j)
{
    const struct command *x = &a->commands[i];
    const struct command *y = &b->commands[j];

    assert_int_equal(x->op, y->op);
    assert_int_equal(x->flags, y->flags);
    assert_int_equal(x->key_count, y->key_count);
    assert_int_equal(x->arg_count, y->arg_count);
    for (uint32_t arg = 0; arg < x->arg_count; arg++)
        assert_true(span_equal(command_arg(a, x, arg), command_arg(b, y, arg)));
}

static void test_lists(void **state)
{
    struct command_list list = {0};
    struct command_list copy = {0};
    const struct command *command;

    (void)state;
    command_list_done(NULL);
    command_list_add(&list, COMMAND_ZADD, COMMAND_NX);
    command_list_key(&list, SPAN_LITERAL("key"));
    command_list_score(&list, 0.5);
    command_list_arg(&list, SPAN_LITERAL(""));
    command_list_add(&list, COMMAND_ZRANGE, 0);
    command_list_key(&list, SPAN_LITERAL("other"));
    command_list_int(&list, -3);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.write_count, 1);
    command = &list.commands[1];
    assert_int_equal(command->key_count, 1);
    assert_int_equal(command->arg_count, 2);
    assert_int_equal(command_arg_int(&list, command, 1), -3);
    assert_true(command_arg_score(&list, &list.commands[0], 1) == 0.5);
    assert_int_equal(command_arg(&list, &list.commands[0], 2).size, 0);

    command_list_copy(&copy, &list, 1);
    command_list_copy(&copy, &list, 0);
    expect_same(&copy, 0, &list, 1);
    expect_same(&copy, 1, &list, 0);
    assert_int_equal(copy.write_count, 1);

    command_list_drop(&list);
    command_list_drop(&list);
    assert_int_equal(list.count + list.write_count + list.arg_count, 0);
    assert_int_equal(list.data.size, 0);
    command_list_add(&list, COMMAND_FLUSH, 0);
    command_list_drop(&list);
    command_list_clear(&copy);
    assert_int_equal(copy.count + copy.write_count + copy.arg_count, 0);
    command_list_done(&list);
    command_list_done(&copy);
}

static void test_words(void **state)
{
    (void)state;
    assert_true(command_is_write(COMMAND_ZADD) && command_is_write(COMMAND_COPY));
    assert_false(command_is_write(COMMAND_ZSCORE) || command_is_write(COMMAND_ENCODING));
    assert_string_equal(command_op_text(COMMAND_ZPOP), "ZPOP");
    assert_string_equal(command_op_text((enum command_op)63), "unknown");
}

static void test_codec(void **state)
{
    struct command_list list = {0};
    struct command_list again = {0};
    struct bytes payload = {0};
    struct bytes second = {0};
    struct err err;

    (void)state;
    for (size_t i = 0; i < WRITE_COUNT; i++) {
        key_script_add(&list, "ZCARD z"); /* reads are not written */
        key_script_add(&list, writes[i]);
    }
    assert_int_equal(list.write_count, WRITE_COUNT);
    command_list_encode(&list, &payload);
    assert_int_equal(command_list_decode(&again, bytes_span(&payload), &err), 0);
    assert_int_equal(again.count, WRITE_COUNT);
    for (uint32_t i = 0; i < WRITE_COUNT; i++) {
        if (again.commands[i].op != COMMAND_IF_WATCHED)
            expect_same(&again, i, &list, 2 * i + 1);
    }
    command_list_encode(&again, &second);
    assert_true(span_equal(bytes_span(&payload), bytes_span(&second)));
    assert_int_equal(command_list_decode(&again, bytes_span(&payload), &err), 0); /* adds */
    assert_int_equal(again.count, 2 * WRITE_COUNT);
    command_list_done(&list);
    command_list_done(&again);
    bytes_done(&payload);
    bytes_done(&second);
}

/* What IF_WATCHED decides on is counted without the reads that are not written. */
static void test_watched_count(void **state)
{
    static const struct {
        int64_t claimed;
        int64_t written;
    } cases[] = {{0, 0}, {1, 0}, {2, 1}, {3, 1}, {4, 2}, {5, 3}, {100, 3}};
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct command_list list = {0};
        struct command_list again = {0};
        struct bytes payload = {0};

        command_list_add(&list, COMMAND_IF_WATCHED, 0);
        command_list_key(&list, SPAN_LITERAL("a"));
        command_list_int(&list, 7);
        command_list_int(&list, cases[i].claimed);
        key_script_add(&list, "ZCARD a");
        key_script_add(&list, "DEL a");
        key_script_add(&list, "ZCARD a");
        key_script_add(&list, "DEL b");
        key_script_add(&list, "DEL c");
        command_list_encode(&list, &payload);
        assert_int_equal(command_list_decode(&again, bytes_span(&payload), &err), 0);
        assert_int_equal(again.count, 4);
        assert_int_equal(command_arg_int(&again, &again.commands[0], 1), 7);
        assert_int_equal(command_arg_int(&again, &again.commands[0], 2), cases[i].written);
        command_list_done(&list);
        command_list_done(&again);
        bytes_done(&payload);
    }
}

static void expect_refused(struct span payload)
{
    struct command_list list = {0};
    struct err err = {0};

    key_script_add(&list, "DEL a");
    assert_int_equal(command_list_decode(&list, payload, &err), ERR_CORRUPT);
    assert_int_equal(list.count + list.write_count + list.arg_count, 0);
    assert_true(strncmp(err.text, "commands: ", 10) == 0);
    command_list_done(&list);
}

/* Commands that are no writes, or have the wrong arguments, cannot come out of a payload. */
static void test_wrong_commands(void **state)
{
    static const char *const wrong[] = {
        "ZADD z |",
        "ZADD z | 1",
        "ZADD z | nan a",
        "ZADD.INCR z | 1 a 2 b",
        "ZADD.MAX z | 1 a",
        "ZADD a b | 1 a",
        "ZADD z | 1 a 2 b 3",
        "ZREM z",
        "ZREMRANGE z | - +",
        "ZREMRANGE.BY_RANK.BY_LEX z | - +",
        "ZREMRANGE.BY_RANK z | - +",
        "ZREMRANGE.BY_RANK z | (0 [1",
        "ZREMRANGE.BY_SCORE z | (nan [1",
        "ZREMRANGE.BY_SCORE z | - + -",
        "ZPOP | 1",
        "ZPOP z | -1",
        "ZPOP z | 1 2",
        "ZSTORE z | 1",
        "ZRANGESTORE.BY_RANK a b | [0 [1 0",
        "ZRANGESTORE.BY_RANK a | [0 [1 0 1",
        "ZALGEBRASTORE.UNION to | 1",
        "ZALGEBRASTORE.UNION to a | 1 2",
        "ZALGEBRASTORE.UNION to a | nan",
        "ZALGEBRASTORE.UNION.INTER to a | 1",
        "ZALGEBRASTORE to a | 1",
        "ZALGEBRASTORE.UNION.AGGREGATE_MIN.AGGREGATE_MAX to a | 1",
        "DEL",
        "EXPIREAT a",
        "PERSIST",
        "RENAME a",
        "COPY a b c",
        "FLUSH a",
        "TW_UPDATE a | 1 m 2 n",
        "IF_WATCHED a | 1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct command_list list = {0};
        struct bytes payload = {0};

        key_script_add(&list, wrong[i]);
        command_list_encode(&list, &payload);
        expect_refused(bytes_span(&payload));
        command_list_done(&list);
        bytes_done(&payload);
    }
}

static void test_damage(void **state)
{
    struct command_list list = {0};
    struct bytes payload = {0};
    struct err err;

    (void)state;
    expect_refused(SPAN_LITERAL(""));
    expect_refused(SPAN_LITERAL("\x02"));
    expect_refused(SPAN_LITERAL("\x01\x40\x00\x01\x02\x01z\x01m"));           /* ZSCORE: a read */
    expect_refused(SPAN_LITERAL("\x01\x00\x00\x00\x00"));                     /* no operation */
    expect_refused(SPAN_LITERAL("\x01\x0c\x00\x80\x00\x00"));                 /* a 0 of two bytes */
    expect_refused(SPAN_LITERAL("\x01\x08\x00\x01\x01\xff\xff\xff\xff\x0f")); /* 4 GiB follow */
    expect_refused(SPAN_LITERAL("\x01\x08\x00\x01\xff\xff\xff\xff\x0f"));
    expect_refused(SPAN_LITERAL("\x01\x08\x00\x02\x01\x01"
                                "a"));                        /* more keys than arguments */
    expect_refused(SPAN_LITERAL("\x01\x0c\x00\x00\x00\x00")); /* a rest */

    /* Every prefix of a payload is a payload of fewer commands, or refused. */
    for (size_t i = 0; i < WRITE_COUNT - 3; i++)
        key_script_add(&list, writes[i]);
    command_list_encode(&list, &payload);
    for (size_t size = 0; size < payload.size; size++) {
        char *exact = bytes_alloc(size);
        struct command_list again = {0};
        int rc;

        memcpy(exact, payload.data, size);
        rc = command_list_decode(&again, (struct span){exact, size}, &err);
        assert_true(rc == ERR_CORRUPT || again.count < list.count);
        command_list_done(&again);
        free(exact);
    }
    command_list_done(&list);
    bytes_done(&payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),          cmocka_unit_test(test_words),
        cmocka_unit_test(test_codec),          cmocka_unit_test(test_watched_count),
        cmocka_unit_test(test_wrong_commands), cmocka_unit_test(test_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
