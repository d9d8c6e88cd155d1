// SPDX-License-Identifier: Apache-2.0
/* test_batch.c - rows go in, columns and dictionaries come out; through growth and reuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "model/batch.h"
#include "model/definition.h"

static struct stream_def stream(int32_t time_field)
{
    struct stream_def def = {
        .name = "plays",
        .version = 3,
        .field_count = 5,
        .fields = {{"player", FIELD_STRING},
                   {"points", FIELD_INT},
                   {"score", FIELD_FLOAT},
                   {"ok", FIELD_BOOL},
                   {"at", FIELD_TIME}},
        .key_field = 0,
        .time_field = time_field,
        .id_field = -1,
    };

    return def;
}

static void append(struct batch *batch, const char *player, int64_t points, int64_t at_ms)
{
    struct cell cells[5] = {
        {.present = player != NULL},
        {.present = true, .i = points},
        {.present = true, .f = (double)points / 2},
        {.present = true, .i = points % 2},
        {.present = true, .i = at_ms},
    };

    if (player != NULL)
        cells[0].text = span_of(player);
    batch_append(batch, cells);
}

static void assert_string(const struct batch *batch, uint32_t row, const char *expected)
{
    const struct column *column = &batch->columns[0];
    struct span text = batch_string(column, column->codes[row]);

    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

static void test_columns(void **state)
{
    struct stream_def def = stream(4);
    struct batch *batch = batch_new(&def, 17);
    const struct cell nothing[5] = {0};

    (void)state;
    assert_int_equal(batch->stream_id, 17);
    assert_int_equal(batch->stream_version, 3);
    assert_int_equal(batch->row_count, 0);
    append(batch, "ann", 5, 1000);
    append(batch, "bob", 6, 2000);
    append(batch, "ann", 7, 3000);
    append(batch, "", 8, 4000);
    batch_append(batch, nothing);
    assert_int_equal(batch->row_count, 5);
    assert_string(batch, 0, "ann");
    assert_string(batch, 1, "bob");
    assert_int_equal(batch->columns[0].codes[2], batch->columns[0].codes[0]);
    assert_string(batch, 3, "");
    assert_int_not_equal(batch->columns[0].codes[3], BATCH_CODE_NONE);
    assert_int_equal(batch->columns[0].codes[4], BATCH_CODE_NONE);
    assert_int_equal(batch_string(&batch->columns[0], BATCH_CODE_NONE).size, 0);
    assert_int_equal(batch->columns[0].dictionary.count, 4);
    for (uint32_t code = 1; code < 4; code++) {
        struct span text = batch_string(&batch->columns[0], code);

        assert_true(batch->columns[0].dictionary.hashes[code] == hash_bytes(text.data, text.size));
    }
    assert_int_equal(batch->columns[1].ints[2], 7);
    assert_true(batch->columns[1].ints[4] == BATCH_INT_NONE);
    assert_true(batch->columns[2].floats[1] == 3.0);
    assert_true(isnan(batch->columns[2].floats[4]));
    assert_int_equal(batch->columns[3].bools[0], 1);
    assert_int_equal(batch->columns[3].bools[1], 0);
    assert_int_equal(batch->columns[3].bools[4], BATCH_BOOL_NONE);
    assert_ptr_equal(batch->event_ms, batch->columns[4].ints);
    assert_int_equal(batch->event_ms[3], 4000);
    batch_stamp(batch, 99);
    assert_int_equal(batch->wall_ms, 99);
    assert_int_equal(batch->event_ms[3], 4000);
    batch_free(batch);
    batch_free(NULL);
}

static void test_no_time_field(void **state)
{
    struct stream_def def = stream(-1);
    struct batch *batch = batch_new(&def, 1);

    (void)state;
    for (int i = 0; i < 1000; i++)
        append(batch, "ann", i, i);
    batch_stamp(batch, 123456);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(batch->event_ms[i], 123456);
    assert_int_equal(batch->columns[4].ints[7], 7);
    batch_free(batch);
}

/* Fills with `count` rows of `distinct` players and looks at all of them. */
static void fill_and_check(struct batch *batch, uint32_t count, uint32_t distinct)
{
    for (uint32_t i = 0; i < count; i++) {
        char player[32];

        snprintf(player, sizeof(player), "player-%u", i * 7919 % distinct);
        append(batch, player, i, 1000 + i);
    }
    assert_int_equal(batch->row_count, count);
    assert_int_equal(batch->columns[0].dictionary.count, 1 + (count < distinct ? count : distinct));
    for (uint32_t i = 0; i < count; i++) {
        char player[32];

        snprintf(player, sizeof(player), "player-%u", i * 7919 % distinct);
        assert_string(batch, i, player);
        assert_int_equal(batch->columns[1].ints[i], i);
        assert_int_equal(batch->event_ms[i], 1000 + i);
        assert_int_equal(batch->outcomes[i], ROW_ACCEPTED);
    }
}

static void test_growth_and_reset(void **state)
{
    static const uint32_t sizes[][2] = {{1, 1},         {63, 63},     {64, 64},   {65, 65},
                                        {20000, 20000}, {1, 1},       {5, 3},     {20000, 100},
                                        {3, 2},         {2000, 2000}, {100, 100}, {0, 1}};
    struct stream_def def = stream(4);
    struct batch *batch = batch_new(&def, 1);

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        fill_and_check(batch, sizes[i][0], sizes[i][1]);
        batch->offset = 7;
        batch_reset(batch);
        assert_int_equal(batch->row_count, 0);
        assert_int_equal(batch->offset, 0);
        assert_int_equal(batch->columns[0].dictionary.count, 1);
    }
    batch_free(batch);
}

/* Lengths on all sides of the short paths of hashing and comparing; equal but for one byte. */
static void test_string_lengths(void **state)
{
    struct stream_def def = stream(4);
    struct batch *batch = batch_new(&def, 1);
    uint32_t count = 0;

    (void)state;
    for (uint32_t size = 0; size < 300; size++) {
        for (uint32_t change = 0; change <= size; change += change < 20 ? 1 : 37) {
            char text[301];

            memset(text, 'a', sizeof(text));
            if (change < size)
                text[change] = 'b';
            text[size] = '\0';
            append(batch, text, 0, 0);
            append(batch, text, 0, 0);
            assert_int_equal(batch->columns[0].codes[2 * count], count + 1);
            assert_int_equal(batch->columns[0].codes[2 * count + 1], count + 1);
            assert_string(batch, 2 * count, text);
            count++;
        }
    }
    batch_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_no_time_field),
        cmocka_unit_test(test_growth_and_reset),
        cmocka_unit_test(test_string_lengths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
