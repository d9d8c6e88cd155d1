// SPDX-License-Identifier: Apache-2.0
/* test_batch_codec.c - batches through bytes and back, and bytes that are no batch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/hash.h"
#include "model/batch.h"
#include "model/definition.h"

static struct stream_def stream(enum field_type type, int32_t time_field)
{
    struct stream_def def = {
        .name = "plays",
        .version = 9,
        .field_count = 2,
        .fields = {{"value", type}, {"at", FIELD_TIME}},
        .key_field = -1,
        .time_field = time_field,
        .id_field = -1,
    };

    return def;
}

static void assert_same_column(const struct column *a, const struct column *b, uint32_t row_count)
{
    assert_int_equal(a->type, b->type);
    for (uint32_t row = 0; row < row_count; row++) {
        switch (a->type) {
        case FIELD_INT:
        case FIELD_TIME:
            assert_true(a->ints[row] == b->ints[row]);
            break;
        case FIELD_FLOAT:
            if (isnan(a->floats[row]))
                assert_true(isnan(b->floats[row]));
            else
                assert_memory_equal(&a->floats[row], &b->floats[row], sizeof(double));
            break;
        case FIELD_STRING:
            assert_int_equal(a->codes[row], b->codes[row]);
            break;
        case FIELD_BOOL:
            assert_int_equal(a->bools[row], b->bools[row]);
            break;
        }
    }
    if (a->type != FIELD_STRING)
        return;
    assert_int_equal(a->dictionary.count, b->dictionary.count);
    for (uint32_t code = 1; code < a->dictionary.count; code++) {
        assert_true(span_equal(batch_string(a, code), batch_string(b, code)));
        assert_true(a->dictionary.hashes[code] == b->dictionary.hashes[code]);
    }
}

/* The batch read from exactly its bytes; every shorter piece of them must be refused. */
static struct batch *decode(const struct bytes *encoded, bool try_prefixes)
{
    char *exact = malloc(encoded->size);
    struct batch *batch = NULL;
    struct err err;

    memcpy(exact, encoded->data, encoded->size);
    if (batch_decode(&batch, exact, encoded->size, &err) < 0)
        fail_msg("%s", err.text);
    free(exact);
    for (size_t size = 0; try_prefixes && size < encoded->size; size++) {
        struct batch *none = NULL;

        exact = malloc(size > 0 ? size : 1);
        memcpy(exact, encoded->data, size);
        assert_int_equal(batch_decode(&none, exact, size, &err), ERR_CORRUPT);
        assert_null(none);
        free(exact);
    }
    return batch;
}

/* Through bytes and back: everything is as it was, and gives the same bytes again. */
static void round_trip(const struct batch *batch)
{
    struct bytes first = {0};
    struct bytes second = {0};
    struct batch *back;

    bytes_put_text(&first, "before"); /* it is appended to what is there */
    batch_encode(batch, &first);
    assert_memory_equal(first.data, "before", 6);
    memmove(first.data, first.data + 6, first.size -= 6);
    back = decode(&first, first.size < 3000);
    assert_int_equal(back->stream_id, batch->stream_id);
    assert_int_equal(back->stream_version, batch->stream_version);
    assert_int_equal(back->row_count, batch->row_count);
    assert_int_equal(back->column_count, batch->column_count);
    assert_int_equal(back->wall_ms, batch->wall_ms);
    assert_int_equal(back->event_ms_owned, batch->event_ms_owned);
    for (uint32_t i = 0; i < batch->column_count; i++)
        assert_same_column(&back->columns[i], &batch->columns[i], batch->row_count);
    for (uint32_t row = 0; row < batch->row_count; row++) {
        assert_true(back->event_ms[row] == batch->event_ms[row]);
        assert_int_equal(back->outcomes[row], 0);
    }
    batch_encode(back, &second);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    batch_free(back);
    bytes_done(&first);
    bytes_done(&second);
}

/* A batch of one column of values, and of times that go up by `step`; returns its bytes' size. */
static size_t column_trip(enum field_type type, const struct cell *cells, uint32_t count,
                          int64_t step)
{
    struct stream_def def = stream(type, count % 2 == 0 ? 1 : -1);
    struct batch *batch = batch_new(&def, 5);
    struct bytes bytes = {0};
    size_t size;

    for (uint32_t i = 0; i < count; i++) {
        struct cell row[2] = {cells[i], {.present = true, .i = 1617235200000 + i * step}};

        batch_append(batch, row);
    }
    batch_stamp(batch, 1617235200999);
    round_trip(batch);
    batch_encode(batch, &bytes);
    size = bytes.size;
    bytes_done(&bytes);
    batch_free(batch);
    return size;
}

static struct cell int_cell(int64_t value)
{
    return (struct cell){.present = value != BATCH_INT_NONE, .i = value};
}

static void test_ints(void **state)
{
    static const int64_t runs[][4] = {
        {0, 0, 0, 0},
        {7, 7, 7, 7},
        {INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN},
        {0, 255, 1, 3},
        {0, 255, 1, INT64_MIN},
        {0, 254, 1, INT64_MIN},
        {-5, 65530, 9, 8},
        {-5, 65531, 9, 8},
        {0, UINT32_MAX, 1, 2},
        {0, (int64_t)UINT32_MAX + 1, 1, 2},
        {INT64_MAX, INT64_MIN + 1, 0, 1},
        {INT64_MAX, INT64_MIN + 1, 0, INT64_MIN},
        {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MIN},
        {-1, -1, INT64_MIN, -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        struct cell cells[40];

        for (int j = 0; j < 40; j++)
            cells[j] = int_cell(runs[i][j % 4]);
        for (uint32_t count = 0; count < 40; count++)
            column_trip(FIELD_INT, cells, count, 1000);
    }
}

static void test_floats(void **state)
{
    static const double runs[][4] = {
        {0, 1, 2, 3},
        {0.5, 1.25, 3, 4},
        {0.1, 0.2, 0.3, 1234.5},
        {0.0001, 1, 2, 3},
        {0.00001, 1, 2, 3},
        {0.1 + 0.2, 1, 2, 3},
        {-0.0, 0, 1, 2},
        {1e300, 1, 2, 3},
        {5e-324, 1, 2, 3},
        {NAN, 1.5, NAN, 2},
        {NAN, NAN, NAN, NAN},
        {9007199254740992.0, 1, 2, 3},
        {2251799813685248.0, 0.5, 1, 2},
        {2251799813685247.0, 1, 2, 3},
        {M_PI, M_E, 1, 2},
        {-12.34, 99.99, 0, 7},
        {225179981368524.7, 0.01, 0, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        struct cell cells[40];

        for (int j = 0; j < 40; j++)
            cells[j] = (struct cell){.present = !isnan(runs[i][j % 4]), .f = runs[i][j % 4]};
        for (uint32_t count = 0; count < 40; count += 3)
            column_trip(FIELD_FLOAT, cells, count, 1);
    }
}

/* Every number of up to two digits after the point is told from its neighbours, and is small. */
static void test_decimals(void **state)
{
    struct cell cells[10000];

    (void)state;
    for (int i = 0; i < 10000; i++)
        cells[i] = (struct cell){.present = true, .f = (double)(i * 7) / 100};
    assert_true(column_trip(FIELD_FLOAT, cells, 10000, 0) < 10000 * 4 + 100);
}

static void test_bools(void **state)
{
    struct cell cells[40];

    (void)state;
    for (int pattern = 0; pattern < 81; pattern++) {
        int rest = pattern;

        for (int j = 0; j < 4; j++, rest /= 3)
            for (int k = j; k < 40; k += 4)
                cells[k] = (struct cell){.present = rest % 3 != 2, .i = rest % 3};
        for (uint32_t count = 0; count < 12; count++)
            column_trip(FIELD_BOOL, cells, count, 1);
    }
}

static void test_strings(void **state)
{
    static const uint32_t distinct[] = {1, 2, 255, 256, 257, 300, 65535, 65536, 70000};
    const uint32_t count = 70000;
    struct cell *cells = malloc(count * sizeof(*cells));
    char(*texts)[16] = malloc(count * sizeof(*texts));

    (void)state;
    for (size_t i = 0; i < sizeof(distinct) / sizeof(distinct[0]); i++) {
        for (uint32_t j = 0; j < count; j++) {
            snprintf(texts[j], sizeof(texts[j]), "%u", j % distinct[i] * 31);
            cells[j] = (struct cell){.present = j % 11 != 5 || distinct[i] == 70000,
                                     .text = span_of(texts[j])};
        }
        column_trip(FIELD_STRING, cells, count, 3);
        column_trip(FIELD_STRING, cells, 100, 3);
    }
    for (uint32_t j = 0; j < 10; j++)
        cells[j].present = false;
    column_trip(FIELD_STRING, cells, 10, 0);
    cells[4] = (struct cell){.present = true, .text = {"", 0}};
    column_trip(FIELD_STRING, cells, 10, 0);
    column_trip(FIELD_STRING, cells + 4, 1, 0);
    free(texts);
    free(cells);
}

/* A column of distinct strings costs no codes, and long strings no more than their bytes. */
static void test_sizes(void **state)
{
    struct cell cells[1000];
    char texts[1000][24];
    char *text = malloc(100000);
    size_t size;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(texts[i], sizeof(texts[i]), "match-%04d", i);
        cells[i] = (struct cell){.present = true, .text = span_of(texts[i])};
    }
    size = column_trip(FIELD_STRING, cells, 1000, 1);
    assert_in_range(size, 1000 * 12, 1000 * 12 + 100); /* 10 of text, 2 of time */
    memset(text, 'x', 100000);
    for (int i = 0; i < 10; i++)
        cells[i].text = (struct span){text, 10000 * (size_t)(i + 1)};
    size = column_trip(FIELD_STRING, cells, 10, 1);
    assert_in_range(size, 550000, 550000 + 200);
    free(text);
}

/* A thousand equal rows are padded; that they are is what bounds a reader's memory. */
static void test_padding(void **state)
{
    struct cell cells[10000];
    size_t size;

    (void)state;
    for (int i = 0; i < 10000; i++)
        cells[i] = int_cell(5);
    size = column_trip(FIELD_INT, cells, 10000, 0);
    assert_int_equal(size, 10000 * 2 / 8);
}

/* A decoded batch takes more rows; its dictionary knows its strings. */
static void test_append_to_decoded(void **state)
{
    struct stream_def def = stream(FIELD_STRING, 1);
    struct batch *batch = batch_new(&def, 5);
    struct bytes bytes = {0};
    struct batch *back;

    (void)state;
    for (int i = 0; i < 50; i++) {
        char text[16];
        struct cell row[2] = {{.present = true}, {.present = true, .i = i}};

        snprintf(text, sizeof(text), "%d", i % 20);
        row[0].text = span_of(text);
        batch_append(batch, row);
    }
    batch_encode(batch, &bytes);
    back = decode(&bytes, false);
    for (int round = 0; round < 2; round++) {
        uint32_t before = back->row_count;

        for (int i = 0; i < 200; i++) {
            char text[16];
            struct cell row[2] = {{.present = true}, {.present = true, .i = 100 + i}};

            snprintf(text, sizeof(text), "%d", i % 40);
            row[0].text = span_of(text);
            batch_append(back, row);
        }
        assert_int_equal(back->columns[0].dictionary.count, 41);
        assert_int_equal(back->event_ms[before + 199], 299);
        round_trip(back);
        batch_reset(back);
    }
    /* Reset before any append. */
    batch_free(back);
    back = decode(&bytes, false);
    batch_reset(back);
    batch_append(back, (struct cell[]){{.present = true, .text = {"x", 1}}, {.present = false}});
    assert_int_equal(back->columns[0].codes[0], 1);
    batch_free(back);
    batch_free(batch);
    bytes_done(&bytes);
}

/* Any byte may be anything: what is refused is refused with a reason, the rest is a batch. */
static void test_damage(void **state)
{
    struct stream_def def = stream(FIELD_STRING, 1);
    struct batch *batch = batch_new(&def, 5);
    struct bytes bytes = {0};

    (void)state;
    for (int i = 0; i < 20; i++) {
        char text[16];
        struct cell row[2] = {{.present = true}, {.present = true, .i = i * i}};

        snprintf(text, sizeof(text), "%*d", i % 7, i % 13);
        row[0].text = span_of(text);
        batch_append(batch, row);
    }
    batch_encode(batch, &bytes);
    for (size_t at = 0; at < bytes.size; at++) {
        for (int value = 0; value < 256; value++) {
            char kept = bytes.data[at];
            char *exact = malloc(bytes.size);
            struct batch *back = NULL;
            struct err err = {0};

            bytes.data[at] = (char)value;
            memcpy(exact, bytes.data, bytes.size);
            if (batch_decode(&back, exact, bytes.size, &err) == 0) {
                for (uint32_t row = 0; row < back->row_count; row++)
                    if (back->columns[0].type == FIELD_STRING)
                        batch_string(&back->columns[0], back->columns[0].codes[row]);
                batch_free(back);
            } else {
                assert_null(back);
                assert_true(strlen(err.text) > 10);
            }
            free(exact);
            bytes.data[at] = kept;
        }
    }
    bytes_done(&bytes);
    batch_free(batch);
}

/* A few bytes that claim billions of rows or strings. */
static void test_claims(void **state)
{
    struct cell cells[8];
    struct stream_def def = stream(FIELD_STRING, 1);
    struct batch *batch = batch_new(&def, 5);
    struct bytes bytes = {0};
    struct batch *none = NULL;
    struct err err;
    uint32_t many = 4000000000u;

    (void)state;
    cells[0] = (struct cell){.present = true, .text = {"ann", 3}};
    cells[1] = int_cell(1);
    batch_append(batch, cells);
    batch_encode(batch, &bytes);
    memcpy(bytes.data + 4, &many, 4); /* rows */
    assert_int_equal(batch_decode(&none, bytes.data, bytes.size, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.text, "more rows than bytes"));
    bytes_clear(&bytes);
    batch_encode(batch, &bytes);
    memcpy(bytes.data + 36, &many, 4); /* strings */
    assert_int_equal(batch_decode(&none, bytes.data, bytes.size, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.text, "column 0: more strings than text"));
    bytes_done(&bytes);
    batch_free(batch);
}

/* Rows of producers between rows of nobody; every damaged byte is refused or read as something. */
static void test_parts(void **state)
{
    static const char *const names[] = {"a", "sender with a longer name", "b"};
    struct stream_def def = stream(FIELD_INT, 1);
    struct batch *batch = batch_new(&def, 5);
    struct batch *back;
    struct bytes bytes = {0};
    uint32_t lines[3] = {0};

    (void)state;
    for (uint32_t row = 0; row < 60; row++) {
        struct cell cells[2] = {{true, {.i = row}}, {true, {.i = row}}};
        uint32_t who = row / 7 % 4;

        batch_append(batch, cells);
        if (who == 3)
            continue;
        if (row == 45)
            lines[who] = 0; /* sent again, right behind itself */
        batch_claim(batch, span_of(names[who]), UINT64_MAX - who, lines[who],
                    lines[who] + 1 + row * row * 100);
        lines[who] += 1 + row * row * 100;
    }
    assert_int_equal(batch->part_count, 8);
    round_trip(batch);
    batch_encode(batch, &bytes);
    back = decode(&bytes, true);
    assert_int_equal(back->part_count, batch->part_count);
    for (uint32_t i = 0; i < back->part_count; i++) {
        const struct batch_part *part = &back->parts[i];

        assert_memory_equal(part, &batch->parts[i], offsetof(struct batch_part, name_start));
        assert_true(span_equal(batch_producer(back, part), batch_producer(batch, part)));
    }
    assert_int_equal(back->line_count, batch->line_count);
    assert_memory_equal(back->lines, batch->lines, back->line_count * sizeof(uint32_t));
    batch_free(back);
    for (size_t at = 0; at < bytes.size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            struct batch *damaged = NULL;
            struct err err;

            bytes.data[at] ^= (char)(1 << bit);
            if (batch_decode(&damaged, bytes.data, bytes.size, &err) == 0)
                batch_free(damaged);
            bytes.data[at] ^= (char)(1 << bit);
        }
    }
    batch_reset(batch);
    assert_int_equal(batch->part_count, 0);
    batch_free(batch);
    bytes_done(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ints),     cmocka_unit_test(test_floats),
        cmocka_unit_test(test_decimals), cmocka_unit_test(test_bools),
        cmocka_unit_test(test_strings),  cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_padding),  cmocka_unit_test(test_append_to_decoded),
        cmocka_unit_test(test_damage),   cmocka_unit_test(test_claims),
        cmocka_unit_test(test_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
