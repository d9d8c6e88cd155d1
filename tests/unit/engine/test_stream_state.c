// SPDX-License-Identifier: Apache-2.0
/*
 * test_stream_state.c - which rows count: against a model that looks at one row after the other,
 * with the rows cut into batches in any way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "engine/stream_state.h"
#include "model/batch.h"

#define ROWS 3000
#define LATENESS_MS 200

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t limit)
{
    random_state += 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash_u64(random_state) % limit);
}

static struct stream_def make_def(int32_t id_field, enum field_type id_type, int32_t time_field)
{
    struct stream_def def = {
        .name = "s",
        .version = 1,
        .field_count = 2,
        .fields = {{"id", FIELD_STRING}, {"at", FIELD_TIME}},
        .key_field = -1,
        .time_field = time_field,
        .id_field = id_field,
        .dedupe_ms = 100000,
        .lateness_ms = LATENESS_MS,
        .idle_ms = 1000,
    };

    def.fields[0].type = id_type;
    return def;
}

struct input {
    uint32_t ids[ROWS];
    int64_t at_ms[ROWS];
    uint8_t outcomes[ROWS]; /* of the model */
    uint64_t totals[ROW_STALE + 1];
    int64_t watermark_ms;
};

static struct input *make_input(bool has_ids)
{
    struct input *input = calloc(1, sizeof(*input));
    bool *known = calloc(ROWS, sizeof(bool));

    input->watermark_ms = INT64_MIN;
    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t id = random_below(ROWS);
        int64_t at_ms = (int64_t)i - 1000 - random_below(random_below(4) == 0 ? 400 : 150);

        input->ids[i] = id;
        input->at_ms[i] = at_ms;
        if (has_ids && known[id]) {
            input->outcomes[i] = ROW_DUPLICATE;
        } else if (input->watermark_ms != INT64_MIN && at_ms < input->watermark_ms - LATENESS_MS) {
            input->outcomes[i] = ROW_LATE;
        } else {
            known[id] = true;
            if (at_ms > input->watermark_ms)
                input->watermark_ms = at_ms;
        }
        input->totals[input->outcomes[i]]++;
    }
    free(known);
    return input;
}

static void append(struct batch *batch, const struct input *input, uint32_t i,
                   enum field_type id_type)
{
    struct cell cells[2] = {{true, {.i = input->ids[i]}}, {true, {.i = input->at_ms[i]}}};
    char text[20];

    if (id_type == FIELD_STRING) {
        snprintf(text, sizeof(text), "id-%u", input->ids[i]);
        cells[0].text = span_of(text);
    }
    batch_append(batch, cells);
}

static uint64_t run(const struct input *input, const struct stream_def *def, uint32_t batch_rows)
{
    struct stream_state *stream =
        stream_state_new(3, def, 1000000, (struct producers_limits){10, 8});
    struct batch *batch = batch_new(def, 3);
    uint32_t *rows = malloc(ROWS * sizeof(*rows));
    uint64_t hash;

    assert_true(stream->stat.watermark_ms == INT64_MIN);
    for (uint32_t base = 0; base < ROWS; base += batch_rows) {
        uint32_t size = ROWS - base < batch_rows ? ROWS - base : batch_rows;
        uint32_t accepted = 0;
        uint32_t count;

        batch_reset(batch);
        for (uint32_t i = 0; i < size; i++)
            append(batch, input, base + i, def->fields[0].type);
        batch_stamp(batch, 5000 + base);
        count = stream_state_select(stream, batch, rows);
        for (uint32_t i = 0; i < size; i++) {
            assert_int_equal(batch->outcomes[i], input->outcomes[base + i]);
            if (input->outcomes[base + i] == ROW_ACCEPTED) {
                assert_true(accepted < count);
                assert_int_equal(rows[accepted++], i);
            }
        }
        assert_int_equal(count, accepted);
        assert_int_equal(stream->stat.wall_ms, 5000 + base);
    }
    assert_int_equal(stream->stat.rows, input->totals[ROW_ACCEPTED]);
    assert_int_equal(stream->stat.duplicates, input->totals[ROW_DUPLICATE]);
    assert_int_equal(stream->stat.late, input->totals[ROW_LATE]);
    assert_true(stream->stat.watermark_ms == input->watermark_ms);
    assert_true(stream_state_bytes(stream) >= sizeof(*stream));
    hash = stream_state_hash(stream);
    batch_free(batch);
    stream_state_free(stream);
    free(rows);
    return hash;
}

static void test_select(void **state)
{
    static const enum field_type types[] = {FIELD_STRING, FIELD_INT, FIELD_STRING};

    (void)state;
    for (uint32_t kind = 0; kind < 3; kind++) {
        struct stream_def def = make_def(kind < 2 ? 0 : -1, types[kind], 1);
        struct input *input = make_input(kind < 2);
        uint64_t hash = run(input, &def, 1);

        assert_true(input->totals[ROW_LATE] > 50);
        assert_true(kind == 2 || input->totals[ROW_DUPLICATE] > 50);
        assert_true(run(input, &def, 7) == hash);
        assert_true(run(input, &def, 1000) == hash);
        assert_true(run(input, &def, ROWS) == hash);
        free(input);
    }
}

/* Without a time field the time of arrival counts, and nothing is ever late. */
static void test_arrival(void **state)
{
    struct stream_def def = make_def(-1, FIELD_STRING, -1);
    struct stream_state *stream = stream_state_new(1, &def, 100, (struct producers_limits){10, 8});
    struct batch *batch = batch_new(&def, 1);
    struct cell cells[2] = {{0}};
    uint32_t rows[2];

    (void)state;
    batch_append(batch, cells);
    batch_append(batch, cells);
    batch_stamp(batch, 777);
    assert_int_equal(stream_state_select(stream, batch, rows), 2);
    assert_int_equal(stream->stat.watermark_ms, 777);
    batch_stamp(batch, 700); /* the clock was set back a little */
    assert_int_equal(stream_state_select(stream, batch, rows), 2);
    assert_int_equal(stream->stat.watermark_ms, 777);
    assert_int_equal(stream->stat.wall_ms, 777);
    batch_free(batch);
    stream_state_free(stream);
    stream_state_free(NULL);
}

static void test_redefine(void **state)
{
    struct stream_def def = make_def(0, FIELD_INT, 1);
    struct stream_state *stream = stream_state_new(1, &def, 100, (struct producers_limits){10, 8});
    struct batch *batch = batch_new(&def, 1);
    struct cell cells[2] = {{true, {.i = 5}}, {true, {.i = 1000}}};
    uint32_t rows[1];

    (void)state;
    batch_append(batch, cells);
    assert_int_equal(stream_state_select(stream, batch, rows), 1);
    def.lateness_ms = 5;
    stream_state_redefine(stream, &def);
    assert_int_equal(stream_state_select(stream, batch, rows), 0); /* still known */
    assert_int_equal(stream->stat.duplicates, 1);
    batch_reset(batch);
    cells[0].i = 6;
    cells[1].i = 994;
    batch_append(batch, cells);
    assert_int_equal(stream_state_select(stream, batch, rows), 0);
    assert_int_equal(stream->stat.late, 1);
    batch_free(batch);
    stream_state_free(stream);
}

/* Sends lines `from` to `to` of a request, cut into batches at random. */
static void send_lines(struct stream_state *stream, const struct stream_def *def, uint64_t sequence,
                       uint32_t from, uint32_t to, uint64_t *totals)
{
    struct batch *batch = batch_new(def, 1);
    uint32_t rows[64];

    for (uint32_t line = from; line <= to; line++) {
        struct cell cells[2] = {{true, {.i = 0}}, {true, {.i = line}}};
        char text[40];

        snprintf(text, sizeof(text), "%llu/%u", (unsigned long long)sequence, line);
        cells[0].text = span_of(text);
        batch_append(batch, cells);
        batch_claim(batch, SPAN_LITERAL("p"), sequence, line - 1, line);
        if (line < to && batch->row_count < 60 && random_below(10) > 0)
            continue;
        batch_stamp(batch, 1);
        stream_state_select(stream, batch, rows);
        for (uint32_t i = 0; i < batch->row_count; i++)
            totals[batch->outcomes[i]]++;
        batch_reset(batch);
    }
    batch_free(batch);
}

/* Requests that break off are sent again, from their beginning or with what follows missing. */
static void test_producers(void **state)
{
    for (int has_ids = 0; has_ids < 2; has_ids++) {
        struct stream_def def = make_def(has_ids ? 0 : -1, FIELD_STRING, -1);
        struct stream_state *stream =
            stream_state_new(1, &def, 100000, (struct producers_limits){10, 4});
        uint64_t rows = 0;

        (void)state;
        for (uint64_t sequence = 1; sequence < 200; sequence++) {
            uint32_t lines = 1 + random_below(300);
            uint32_t taken = random_below(lines + 1);
            uint64_t totals[ROW_STALE + 1] = {0};

            send_lines(stream, &def, sequence, 1, taken, totals);
            assert_int_equal(totals[ROW_ACCEPTED], taken);
            if (taken + 1 < lines)
                send_lines(stream, &def, sequence, taken + 2, lines, totals);
            assert_int_equal(totals[ROW_ACCEPTED], taken);
            assert_int_equal(totals[ROW_GAP], taken + 1 < lines ? lines - taken - 1 : 0);
            for (int again = 0; again < 2; again++)
                send_lines(stream, &def, sequence, 1, lines, totals);
            assert_int_equal(totals[ROW_ACCEPTED], lines);
            assert_int_equal(totals[ROW_DUPLICATE], taken + lines);
            rows += lines;
            if (sequence > 5) {
                send_lines(stream, &def, sequence - 5, 1, 10, totals);
                assert_int_equal(totals[ROW_STALE], 10);
            }
        }
        assert_int_equal(stream->stat.rows, rows);
        assert_int_equal(stream->stat.late, 0);
        stream_state_free(stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_producers),
        cmocka_unit_test(test_select),
        cmocka_unit_test(test_arrival),
        cmocka_unit_test(test_redefine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
