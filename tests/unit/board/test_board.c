// SPDX-License-Identifier: Apache-2.0
/*
 * test_board.c - boards, case by case: replies, limits, the ends of the number types, search, the
 * list of segments, and many segments with long members. See test_board_model.c for the rest.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "model/batch.h"
#include "board/board.h"
#include "score/score_key.h"
#include "support/board_setup.h"

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state += 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash_u64(random_state) % limit);
}

static const struct board_setup plain = {.score = "sum", .ties = BOARD_TIES_FIRST, .is_int = true};

static void put(struct board *board, const struct board_setup *setup, const char *member,
                const char *region, int64_t i, double f, int64_t event_ms,
                struct board_reply *reply)
{
    struct stream_def def = board_setup_stream(setup);
    struct batch *batch = batch_new(&def, 0);
    struct cell cells[6] = {{0}};
    uint32_t row = 0;

    cells[0] = (struct cell){.present = true, .text = span_of(member)};
    cells[1].present = true;
    if (setup->is_int)
        cells[1].i = i;
    else
        cells[1].f = f;
    cells[3] = (struct cell){.present = true, .text = span_of(region)};
    cells[5] = (struct cell){.present = true, .i = event_ms};
    batch_append(batch, cells);
    board_fold(board, batch, &row, 1, reply);
    board_settle(board);
    batch_free(batch);
}

static void test_replies(void **state)
{
    struct board *board = board_setup_board(&plain, board_setup_no_limits);
    struct board_reply reply;

    (void)state;
    put(board, &plain, "ann", "", 5, 0, 100, &reply);
    assert_true(reply.taken && !reply.existed && !reply.refused);
    assert_int_equal(reply.score.i, 5);
    put(board, &plain, "ann", "", -7, 0, 90, &reply);
    assert_true(reply.taken && reply.existed);
    assert_int_equal(reply.old_score.i, 5);
    assert_int_equal(reply.score.i, -2);
    assert_true(rank_key_compare(&reply.old_key, &reply.key) < 0);
    assert_true(span_equal(reply.key.member, SPAN_LITERAL("ann")));
    put(board, &plain, "", "", 1, 0, 90, &reply);
    assert_true(!reply.taken && !reply.refused);
    assert_int_equal(reply.entry, BOARD_ENTRY_NONE);
    assert_int_equal(board_counts(board).skipped, 1);
    assert_int_equal(board_counts(board).entries, 1);
    board_free(board);
}

static void test_limits(void **state)
{
    struct board_setup setup = plain;
    struct board_reply reply;
    struct board *board;

    (void)state;
    setup.by_count = 1;
    board = board_setup_board(&setup, (struct board_limits){.entries_max = 3, .segments_max = 2});
    put(board, &setup, "a", "x", 1, 0, 1, &reply);
    put(board, &setup, "b", "y", 1, 0, 1, &reply);
    assert_true(reply.taken);
    put(board, &setup, "a", "z", 1, 0, 1, &reply); /* a third segment */
    assert_true(reply.refused && !reply.taken);
    put(board, &setup, "a", "y", 1, 0, 1, &reply);
    assert_true(reply.taken);
    put(board, &setup, "c", "y", 1, 0, 1, &reply); /* a fourth entry */
    assert_true(reply.refused && !reply.taken);
    put(board, &setup, "b", "y", 1, 0, 1, &reply); /* what is there goes on */
    assert_true(reply.taken);
    assert_int_equal(reply.score.i, 2);
    assert_int_equal(board_counts(board).refused, 2);
    board_check(board);
    board_free(board);
}

static void test_ends(void **state)
{
    struct board_setup setup = plain;
    struct board *board = board_setup_board(&setup, board_setup_no_limits);
    struct board_entry run[3];

    (void)state;
    put(board, &setup, "top", "", INT64_MAX, 0, 1, NULL);
    put(board, &setup, "top", "", 5, 0, INT64_MAX, NULL);
    put(board, &setup, "low", "", INT64_MIN + 1, 0, 1, NULL);
    put(board, &setup, "low", "", -5, 0, INT64_MIN, NULL);
    put(board, &setup, "mid", "", 0, 0, 1, NULL);
    assert_int_equal(board_run(board, 0, 0, 3, run), 3);
    assert_true(run[0].score.i == INT64_MAX && run[2].score.i == INT64_MIN);
    assert_true(run[0].reached_ms == ((int64_t)1 << 45) - 1); /* as far as it is kept */
    board_check(board);
    board_free(board);

    setup.is_int = false;
    board = board_setup_board(&setup, board_setup_no_limits);
    put(board, &setup, "top", "", 0, DBL_MAX, 1, NULL);
    put(board, &setup, "top", "", 0, DBL_MAX, 2, NULL);
    put(board, &setup, "inf", "", 0, -HUGE_VAL, 1, NULL);
    put(board, &setup, "one", "", 0, -0.0, 5, NULL);
    put(board, &setup, "two", "", 0, 0.0, 4, NULL); /* the same score, earlier */
    assert_int_equal(board_run(board, 0, 0, 3, run), 3);
    assert_true(run[0].score.f == DBL_MAX);
    assert_true(span_equal(run[1].key.member, SPAN_LITERAL("two")));
    assert_true(run[1].key.score == run[2].key.score);
    board_check(board);
    board_free(board);
}

static void test_score_key(void **state)
{
    static const double floats[] = {-DBL_MAX, -1.5, -DBL_MIN, -4e-320, 0.0,
                                    4e-320,   1.0,  1.5,      DBL_MAX};
    static const int64_t ints[] = {INT64_MIN, -1, 0, 1, INT64_MAX};

    (void)state;
    for (int order = 0; order < 2; order++) {
        enum board_order way = order == 0 ? BOARD_DESC : BOARD_ASC;

        for (size_t i = 0; i < 9; i++) {
            uint64_t key = score_key_of((struct value){.type = VALUE_FLOAT, .f = floats[i]}, way);

            assert_true(score_key_value(key, false, way).f == floats[i]);
            if (i > 0)
                assert_true((score_key_of((struct value){.type = VALUE_FLOAT, .f = floats[i - 1]},
                                          way) < key) == (way == BOARD_ASC));
        }
        for (size_t i = 0; i < 5; i++) {
            uint64_t key = score_key_of((struct value){.type = VALUE_INT, .i = ints[i]}, way);

            assert_true(score_key_value(key, true, way).i == ints[i]);
            if (i > 0)
                assert_true((score_key_of((struct value){.type = VALUE_INT, .i = ints[i - 1]},
                                          way) < key) == (way == BOARD_ASC));
        }
    }
}

static void test_search(void **state)
{
    static const char *const names[] = {"M\xc3\xbcller, Karl",
                                        "M\xc3\x9cLLER, Eva",
                                        "muller",
                                        "\xd0\x98\xd0\x92\xd0\x90\xd0\x9d",
                                        "Carlsen",
                                        "x"};
    struct board_setup setup = plain;
    struct board_entry found[8];
    struct board *board;
    uint32_t next = 0;
    uint32_t total = 0;
    uint32_t calls = 0;

    (void)state;
    setup.by_count = 1;
    board = board_setup_board(&setup, board_setup_no_limits);
    for (uint32_t i = 0; i < 6; i++)
        put(board, &setup, names[i], i % 2 ? "odd" : "even", i, 0, i, NULL);
    assert_int_equal(board_search(board, BOARD_SEGMENT_ANY, SPAN_LITERAL("m\xc3\xbcLL"), 0, 100,
                                  found, 8, &next),
                     2);
    assert_int_equal(next, BOARD_ENTRY_NONE);
    assert_int_equal(
        board_search(board, BOARD_SEGMENT_NONE, SPAN_LITERAL("m"), 0, 100, found, 8, &next), 0);
    assert_int_equal(board_search(board, 1, SPAN_LITERAL("m\xc3\xbc"), 0, 100, found, 8, &next), 1);
    assert_int_equal(found[0].score.i, 1);
    assert_int_equal(board_search(board, BOARD_SEGMENT_ANY, SPAN_LITERAL("\xd0\xb2\xd0\xb0"), 0,
                                  100, found, 8, &next),
                     1);
    assert_int_equal(
        board_search(board, BOARD_SEGMENT_ANY, SPAN_LITERAL("sen"), 0, 100, found, 8, &next), 1);
    assert_int_equal(
        board_search(board, BOARD_SEGMENT_ANY, SPAN_LITERAL("nobody"), 0, 100, found, 8, &next), 0);
    /* Bit by bit: two entries looked at a call. */
    for (next = 0; next != BOARD_ENTRY_NONE; calls++)
        total +=
            board_search(board, BOARD_SEGMENT_ANY, SPAN_LITERAL("L"), next, 2, found, 8, &next);
    assert_int_equal(total, 4);
    assert_int_equal(calls, 3);
    /* One answer a call. */
    total = 0;
    for (next = 0, calls = 0; next != BOARD_ENTRY_NONE && calls < 10; calls++)
        total +=
            board_search(board, BOARD_SEGMENT_ANY, SPAN_LITERAL(""), next, 100, found, 1, &next);
    assert_int_equal(total, 6);
    board_free(board);
}

static void test_segment_list(void **state)
{
    struct board_setup setup = plain;
    struct board_segment list[16];
    struct span filter[2] = {{NULL, 0}, {"", 0}};
    struct board *board;
    uint32_t next;

    (void)state;
    setup.by_count = 1;
    board = board_setup_board(&setup, board_setup_no_limits);
    for (uint32_t i = 0; i < 10; i++) {
        char region[16];

        snprintf(region, sizeof(region), "r%u", (unsigned)(i % 5));
        put(board, &setup, i < 5 ? "a" : "b", region, 1, 0, 1, NULL);
    }
    assert_int_equal(board_segments(board, 0, NULL, 100, list, 3, &next), 3);
    assert_int_equal(next, 3);
    assert_true(span_equal(list[2].labels[0], SPAN_LITERAL("r2")));
    assert_int_equal(list[2].size, 2);
    assert_int_equal(board_segments(board, next, filter, 100, list, 16, &next), 2);
    assert_int_equal(next, BOARD_SEGMENT_NONE);
    filter[0] = SPAN_LITERAL("r4");
    assert_int_equal(board_segments(board, 0, filter, 100, list, 16, &next), 1);
    assert_int_equal(list[0].segment, 4);
    assert_int_equal(board_segments(board, 0, filter, 2, list, 16, &next), 0);
    assert_int_equal(next, 2);
    board_free(board);
}

/* Long names, more pages of the table and of records than one, and many tiny segments. */
static void test_many(void **state)
{
    struct board_setup setup = plain;
    struct stream_def def;
    struct board *board;
    struct batch *batch;
    uint32_t *rows = calloc(8192, sizeof(rows[0]));
    char *name = calloc(1, 1001);

    (void)state;
    random_state = 5;
    setup.by_count = 1;
    def = board_setup_stream(&setup);
    board = board_setup_board(&setup, board_setup_no_limits);
    batch = batch_new(&def, 0);
    memset(name, 'n', 1000);
    for (uint32_t i = 0; i < 8192; i++)
        rows[i] = i;
    for (uint32_t round = 0; round < 6; round++) {
        batch_reset(batch);
        for (uint32_t i = 0; i < 8192; i++) {
            struct cell cells[6] = {{0}};
            char region[16];
            uint32_t member = random_below(20000);

            snprintf(name, 16, "%u", (unsigned)member);
            name[strlen(name)] = 'n';
            if (member % 4 != 0)
                name[10 + member % 300] = '\0';
            snprintf(region, sizeof(region), "%u", (unsigned)(member % 5000));
            cells[0] = (struct cell){.present = true, .text = span_of(name)};
            cells[1] = (struct cell){.present = true, .i = random_below(10)};
            cells[3] = (struct cell){.present = true, .text = span_of(region)};
            cells[5] = (struct cell){.present = true, .i = round};
            batch_append(batch, cells);
            if (member % 4 != 0)
                name[10 + member % 300] = 'n';
        }
        board_fold(board, batch, rows, 8192, NULL);
        board_settle(board);
        board_check(board);
    }
    assert_in_range(board_counts(board).entries, 15000, 20000);
    assert_in_range(board_counts(board).segments, 4900, 5000);
    free(name);
    free(rows);
    batch_free(batch);
    board_free(board);
}

static void test_unknown_strategy(void **state)
{
    struct board_def def = {.name = "b"};
    struct board_bind bind = {.mode_column = -1};
    struct board *board = NULL;

    (void)state;
    snprintf(def.score.name, sizeof(def.score.name), "median");
    assert_true(board_new(&board, &def, &bind, board_setup_no_limits, NULL) < 0);
    assert_null(board);
    board_free(board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_ends),    cmocka_unit_test(test_score_key),
        cmocka_unit_test(test_search),  cmocka_unit_test(test_segment_list),
        cmocka_unit_test(test_many),    cmocka_unit_test(test_unknown_strategy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
