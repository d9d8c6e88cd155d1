// SPDX-License-Identifier: Apache-2.0
/*
 * test_grouping.c - series of rows: the same labels have the same series, whatever the types, the
 * batch and the order; what is over the limit has series 0.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "metric/grouping.h"
#include "model/batch.h"
#include "model/label.h"

#define ROWS 500

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t limit)
{
    random_state += 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash_u64(random_state) % limit);
}

static struct stream_def make_stream(void)
{
    return (struct stream_def){
        .name = "s",
        .field_count = 5,
        .fields = {{"text", FIELD_STRING},
                   {"int", FIELD_INT},
                   {"float", FIELD_FLOAT},
                   {"bool", FIELD_BOOL},
                   {"other", FIELD_STRING}},
        .key_field = -1,
        .time_field = -1,
        .id_field = -1,
    };
}

static struct batch *make_batch(uint32_t row_count, uint32_t variety)
{
    struct stream_def def = make_stream();
    struct batch *batch = batch_new(&def, 1);

    for (uint32_t i = 0; i < row_count; i++) {
        char text[20];
        char other[20];
        struct cell cells[5] = {{0}};

        snprintf(text, sizeof(text), "t%u", random_below(variety));
        snprintf(other, sizeof(other), "%u", random_below(variety));
        cells[0] = (struct cell){random_below(9) > 0, {.text = span_of(text)}};
        cells[1] = (struct cell){random_below(9) > 0, {.i = (int64_t)random_below(variety) - 2}};
        cells[2] = (struct cell){random_below(9) > 0, {.f = random_below(variety) / 8.0}};
        cells[3] = (struct cell){random_below(9) > 0, {.i = random_below(2)}};
        cells[4] = (struct cell){random_below(9) > 0, {.text = span_of(other)}};
        batch_append(batch, cells);
    }
    batch_stamp(batch, 5);
    return batch;
}

/* The labels of the series that a row got must be the row's own. */
static void check_rows(const struct grouping *grouping, const struct batch *batch,
                       const uint32_t *rows, uint32_t row_count, const uint32_t *series)
{
    for (uint32_t i = 0; i < row_count; i++) {
        struct span labels[BY_FIELDS_MAX];

        assert_true(series[i] < grouping_count(grouping));
        grouping_labels(grouping, series[i], labels);
        for (uint32_t j = 0; j < grouping->by_count; j++) {
            struct bytes text = {0};

            if (series[i] == GROUPING_OTHER)
                bytes_put_text(&text, GROUPING_OTHER_LABEL);
            else
                label_put(&batch->columns[grouping->by[j]], rows[i], &text);
            assert_true(span_equal(labels[j], bytes_span(&text)));
            bytes_done(&text);
        }
    }
}

static void check_distinct(const struct grouping *grouping)
{
    for (uint32_t a = 0; a < grouping_count(grouping); a++)
        for (uint32_t b = 0; b < a; b++)
            assert_false(
                span_equal(intern_get(&grouping->tuples, a), intern_get(&grouping->tuples, b)));
}

static void run(const uint32_t *by, uint32_t by_count, bool plain, uint32_t series_max,
                uint32_t variety)
{
    struct grouping grouping;
    uint32_t rows[ROWS];
    uint32_t series[ROWS];
    uint64_t others = 0;

    grouping_init(&grouping, by, by_count, plain, series_max);
    for (uint32_t round = 0; round < 8; round++) {
        uint32_t total = 1 + random_below(ROWS);
        struct batch *batch = make_batch(total, variety);
        uint32_t count = 0;

        for (uint32_t i = 0; i < total; i++)
            if (random_below(5) > 0)
                rows[count++] = i;
        grouping_fold(&grouping, batch, rows, count, series);
        check_rows(&grouping, batch, rows, count, series);
        for (uint32_t i = 0; i < count; i++)
            others += series[i] == GROUPING_OTHER;
        batch_free(batch);
    }
    check_distinct(&grouping);
    assert_int_equal(grouping.overflow_rows, others);
    assert_true(grouping_count(&grouping) <= series_max + 1);
    assert_true((others > 0) == (series_max < 50));
    assert_true(grouping_bytes(&grouping) > 0);
    grouping_done(&grouping);
}

static void test_labels(void **state)
{
    static const uint32_t all[] = {0, 1, 2, 3, 4};
    static const uint32_t mixed[] = {4, 1};
    static const uint32_t text[] = {0};
    static const uint32_t integer[] = {1};

    (void)state;
    run(text, 1, true, 1000, 40);
    run(text, 1, false, 1000, 40);
    run(integer, 1, false, 1000, 40);
    run(mixed, 2, false, 5000, 30);
    run(all, 5, false, 100000, 4);
}

static void test_overflow(void **state)
{
    static const uint32_t mixed[] = {3, 2};
    static const uint32_t text[] = {0};

    (void)state;
    run(text, 1, true, 7, 40);
    run(mixed, 2, false, 12, 40);
    run(text, 1, true, 1, 3);
}

/* Series that exist keep theirs when the limit is reached. */
static void test_full(void **state)
{
    static const uint32_t by[] = {1};
    struct stream_def def = make_stream();
    struct batch *batch = batch_new(&def, 1);
    struct grouping grouping;
    uint32_t rows[10];
    uint32_t series[10];

    (void)state;
    for (uint32_t i = 0; i < 10; i++) {
        struct cell cells[5] = {{0}};

        cells[1] = (struct cell){true, {.i = i % 4}};
        batch_append(batch, cells);
        rows[i] = i;
    }
    grouping_init(&grouping, by, 1, false, 2);
    grouping_fold(&grouping, batch, rows, 10, series);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(series[i], i % 4 < 2 ? i % 4 + 1 : GROUPING_OTHER);
    assert_int_equal(grouping.overflow_rows, 4);
    grouping_done(&grouping);
    batch_free(batch);
}

/* A label that looks like the overflow's is the overflow's; tuples do not run into each other. */
static void test_lookalikes(void **state)
{
    static const uint32_t by[] = {0, 4};
    static const char *const texts[][2] = {
        {"ab", "c"}, {"a", "bc"}, {"", "abc"}, {"__other__", "__other__"}, {"ab", "c"}};
    struct stream_def def = make_stream();
    struct batch *batch = batch_new(&def, 1);
    struct grouping grouping;
    uint32_t rows[5];
    uint32_t series[5];

    (void)state;
    for (uint32_t i = 0; i < 5; i++) {
        struct cell cells[5] = {{0}};

        cells[0] = (struct cell){true, {.text = span_of(texts[i][0])}};
        cells[4] = (struct cell){true, {.text = span_of(texts[i][1])}};
        batch_append(batch, cells);
        rows[i] = i;
    }
    grouping_init(&grouping, by, 2, false, 100);
    grouping_fold(&grouping, batch, rows, 5, series);
    check_rows(&grouping, batch, rows, 3, series);
    assert_int_not_equal(series[0], series[1]);
    assert_int_not_equal(series[1], series[2]);
    assert_int_equal(series[3], GROUPING_OTHER);
    assert_int_equal(series[4], series[0]);
    grouping_done(&grouping);
    batch_free(batch);
}

static void test_no_by(void **state)
{
    struct batch *batch = make_batch(3, 3);
    struct grouping grouping;
    uint32_t rows[] = {0, 1, 2};
    uint32_t series[] = {9, 9, 9};

    (void)state;
    grouping_init(&grouping, NULL, 0, false, 1);
    grouping_fold(&grouping, batch, rows, 3, series);
    for (int i = 0; i < 3; i++)
        assert_int_equal(series[i], 1);
    assert_int_equal(grouping.overflow_rows, 0);
    grouping_done(&grouping);
    grouping_done(NULL);
    batch_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels), cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_full),   cmocka_unit_test(test_lookalikes),
        cmocka_unit_test(test_no_by),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
