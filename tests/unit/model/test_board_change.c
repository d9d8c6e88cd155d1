// SPDX-License-Identifier: Apache-2.0
/* test_board_change.c - the record of a change of a member: there and back, and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "model/board_change.h"

static struct board_change sample(void)
{
    return (struct board_change){
        .op = BOARD_CHANGE_GIVE,
        .board_id = 70000,
        .board_version = 3,
        .by_count = 3,
        .by = {SPAN_LITERAL("EU"), {NULL, 0}, SPAN_LITERAL("")},
        .member = SPAN_LITERAL("Ada \0 L"),
        .to = SPAN_LITERAL("Grace"),
        .entries = SPAN_LITERAL("entries"),
        .replaced = SPAN_LITERAL(""),
    };
}

static void test_round_trip(void **state)
{
    struct board_change change = sample();
    struct board_change back;
    struct bytes record = {0};
    struct err err = {0};

    (void)state;
    board_change_encode(&change, &record);
    assert_int_equal(board_change_decode(&back, bytes_span(&record), &err), 0);
    assert_int_equal(back.op, change.op);
    assert_int_equal(back.board_id, change.board_id);
    assert_int_equal(back.board_version, change.board_version);
    assert_int_equal(back.by_count, 3);
    assert_true(span_equal(back.by[0], change.by[0]));
    assert_null(back.by[1].data);
    assert_non_null(back.by[2].data);
    assert_int_equal(back.by[2].size, 0);
    assert_true(span_equal(back.member, change.member));
    assert_true(span_equal(back.to, change.to));
    assert_true(span_equal(back.entries, change.entries));
    assert_int_equal(back.replaced.size, 0);
    bytes_done(&record);
}

/* Cut anywhere, or longer than it says, or of another version: refused, nothing is filled in. */
static void test_damaged(void **state)
{
    struct board_change change = sample();
    struct board_change untouched = {.board_id = 5};
    struct bytes record = {0};
    struct err err = {0};

    (void)state;
    board_change_encode(&change, &record);
    for (size_t size = 0; size < record.size; size++)
        assert_int_equal(board_change_decode(&untouched, (struct span){record.data, size}, &err),
                         ERR_CORRUPT);
    bytes_put_char(&record, 0);
    assert_int_equal(board_change_decode(&untouched, bytes_span(&record), &err), ERR_CORRUPT);
    record.size--;
    record.data[0] = 2;
    assert_int_equal(board_change_decode(&untouched, bytes_span(&record), &err), ERR_CORRUPT);
    record.data[0] = 1;
    record.data[1] = 0;
    assert_int_equal(board_change_decode(&untouched, bytes_span(&record), &err), ERR_CORRUPT);
    record.data[1] = 7;
    assert_int_equal(board_change_decode(&untouched, bytes_span(&record), &err), ERR_CORRUPT);
    record.data[1] = 1;
    record.data[10] = 9; /* more labels than there can be */
    assert_int_equal(board_change_decode(&untouched, bytes_span(&record), &err), ERR_CORRUPT);
    assert_int_equal(untouched.board_id, 5);
    bytes_done(&record);
}

static void test_entries(void **state)
{
    struct span labels[2] = {SPAN_LITERAL("EU"), SPAN_LITERAL("")};
    struct bytes entries = {0};
    struct span found[2];
    struct span rest;
    struct span item;

    (void)state;
    board_change_put_entry(&entries, labels, 2, SPAN_LITERAL("one"));
    board_change_put_entry(&entries, labels, 2, SPAN_LITERAL(""));
    rest = bytes_span(&entries);
    assert_true(board_change_next_entry(&rest, found, 2, &item));
    assert_true(span_equal(item, SPAN_LITERAL("one")) && span_equal(found[0], labels[0]));
    assert_true(board_change_next_entry(&rest, found, 2, &item));
    assert_int_equal(item.size, 0);
    assert_int_equal(rest.size, 0);
    assert_false(board_change_next_entry(&rest, found, 2, &item));
    rest = bytes_span(&entries);
    assert_false(board_change_next_entry(&rest, found, 1, &item));
    rest = (struct span){entries.data, 11};
    assert_false(board_change_next_entry(&rest, found, 2, &item));
    bytes_done(&entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
