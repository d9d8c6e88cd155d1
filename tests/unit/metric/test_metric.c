// SPDX-License-Identifier: Apache-2.0
/*
 * test_metric.c - panes against a recount: rows out of order, panes that are dropped, scans over
 * all series and along one, and the same hash however the rows are cut into batches.
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
#include "metric/grouping.h"
#include "metric/metric.h"
#include "metric/metric_table.h"
#include "model/batch.h"

#define EVERY_MS 100
#define SERIES_MAX 3001
#define PANES 200
#define PANE_FIRST (-50) /* of the recount: the number of its first pane */

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t limit)
{
    random_state += 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash_u64(random_state) % limit);
}

static const struct stream_def stream = {
    .name = "s",
    .field_count = 3,
    .fields = {{"label", FIELD_INT}, {"points", FIELD_INT}, {"at", FIELD_TIME}},
    .key_field = -1,
    .time_field = 2,
    .id_field = -1,
};

struct fixture {
    struct grouping grouping;
    struct metric_table table;
    struct metric before; /* shares the records: what it holds must not touch the metric's own */
    struct metric metric;
    struct metric behind;
    int64_t sums[SERIES_MAX][PANES]; /* by label */
    uint32_t counts[SERIES_MAX][PANES];
};

static struct fixture *fixture_new(uint32_t series_max, int64_t keep_ms)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct metric_def def = {.name = "m", .every_ms = EVERY_MS, .keep_ms = keep_ms};
    struct strategy strategy = {&strategy_sum_int, 1, FIELD_INT};
    struct strategy count_rows = {&strategy_count, -1, FIELD_INT};
    struct strategy greatest = {&strategy_max_int, 1, FIELD_INT};
    uint32_t by[] = {0};

    grouping_init(&fixture->grouping, by, 1, false, series_max);
    metric_table_init(&fixture->table, &fixture->grouping, EVERY_MS, keep_ms);
    metric_init(&fixture->before, &def, &count_rows, &fixture->table);
    metric_init(&fixture->metric, &def, &strategy, &fixture->table);
    metric_init(&fixture->behind, &def, &greatest, &fixture->table);
    return fixture;
}

static void fixture_free(struct fixture *fixture)
{
    metric_done(&fixture->before);
    metric_done(&fixture->metric);
    metric_done(&fixture->behind);
    metric_table_done(&fixture->table);
    grouping_done(&fixture->grouping);
    free(fixture);
}

static void add(struct batch *batch, uint32_t label, int64_t points, int64_t at_ms)
{
    struct cell cells[3] = {
        {true, {.i = label}}, {points != INT64_MIN, {.i = points}}, {true, {.i = at_ms}}};

    batch_append(batch, cells);
}

static void fold(struct fixture *fixture, struct batch *batch)
{
    uint32_t *rows = malloc((batch->row_count + 1) * sizeof(*rows));
    uint32_t *series = malloc((batch->row_count + 1) * sizeof(*series));

    for (uint32_t i = 0; i < batch->row_count; i++)
        rows[i] = i;
    grouping_fold(&fixture->grouping, batch, rows, batch->row_count, series);
    metric_table_fold(&fixture->table, batch, rows, series, batch->row_count);
    metric_fold(&fixture->before, batch, rows, batch->row_count);
    metric_fold(&fixture->metric, batch, rows, batch->row_count);
    metric_fold(&fixture->behind, batch, rows, batch->row_count);
    free(rows);
    free(series);
}

static void count(struct fixture *fixture, const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->row_count; i++) {
        int64_t at_ms = batch->event_ms[i] - (int64_t)PANE_FIRST * EVERY_MS;
        uint32_t label = (uint32_t)batch->columns[0].ints[i];

        assert_in_range(at_ms, 0, PANES * EVERY_MS - 1);
        fixture->counts[label][at_ms / EVERY_MS]++;
        if (batch->columns[1].ints[i] != BATCH_INT_NONE)
            fixture->sums[label][at_ms / EVERY_MS] += batch->columns[1].ints[i];
    }
}

/* ---- what a scan sees ---- */

struct seen {
    struct fixture *fixture;
    uint32_t records;
    int64_t last_ms;
    bool backwards;
};

static void see(void *context, uint32_t series, int64_t start_ms, const void *state)
{
    struct seen *seen = context;
    struct span label;
    char text[20];
    uint32_t number;
    uint32_t pane = (uint32_t)(start_ms / EVERY_MS - PANE_FIRST);
    struct value value = strategy_sum_int.read(state);

    grouping_labels(&seen->fixture->grouping, series, &label);
    snprintf(text, sizeof(text), "%.*s", (int)label.size, label.data);
    number = (uint32_t)atol(text);
    assert_int_equal(start_ms % EVERY_MS, 0);
    assert_true(seen->fixture->counts[number][pane] > 0);
    assert_true((value.type == VALUE_NONE ? 0 : value.i) == seen->fixture->sums[number][pane]);
    if (seen->records > 0)
        assert_true(seen->backwards ? start_ms < seen->last_ms : start_ms >= seen->last_ms);
    seen->last_ms = start_ms;
    seen->records++;
}

static uint32_t recount(const struct fixture *fixture, uint32_t label_from, uint32_t label_end,
                        int64_t start_ms, int64_t end_ms)
{
    uint32_t records = 0;

    for (uint32_t label = label_from; label < label_end; label++)
        for (int64_t pane = 0; pane < PANES; pane++) {
            int64_t pane_ms = (pane + PANE_FIRST) * EVERY_MS;

            records += pane_ms >= start_ms && pane_ms < end_ms && fixture->counts[label][pane] > 0;
        }
    return records;
}

/* `from_ms`: panes before have been dropped. */
static void check(struct fixture *fixture, int64_t from_ms)
{
    for (uint32_t i = 0; i < 30; i++) {
        int64_t start_ms = (int64_t)random_below(PANES * EVERY_MS) + PANE_FIRST * EVERY_MS - 500;
        int64_t end_ms = start_ms + random_below(PANES * EVERY_MS / 2);
        int64_t begin_ms = start_ms > from_ms ? start_ms : from_ms;
        uint32_t series = random_below(grouping_count(&fixture->grouping));
        struct seen seen = {.fixture = fixture};
        struct span label;
        char text[20];
        uint32_t number;

        if (i == 0) {
            start_ms = -100000;
            begin_ms = from_ms;
            end_ms = 100000;
        }
        metric_scan(&fixture->metric, start_ms, end_ms, see, &seen);
        assert_int_equal(seen.records, recount(fixture, 0, SERIES_MAX, begin_ms, end_ms));
        if (series == GROUPING_OTHER)
            continue;
        grouping_labels(&fixture->grouping, series, &label);
        snprintf(text, sizeof(text), "%.*s", (int)label.size, label.data);
        number = (uint32_t)atol(text);
        seen = (struct seen){.fixture = fixture, .backwards = true};
        metric_scan_series(&fixture->metric, series, start_ms, end_ms, see, &seen);
        assert_int_equal(seen.records, recount(fixture, number, number + 1, begin_ms, end_ms));
    }
}

static void test_out_of_order(void **state)
{
    static const uint32_t varieties[] = {1, 5, 300, 3000};

    (void)state;
    for (uint32_t v = 0; v < 4; v++) {
        struct fixture *fixture = fixture_new(10000, 0);

        for (uint32_t round = 0; round < 12; round++) {
            struct batch *batch = batch_new(&stream, 1);

            for (uint32_t i = 0; i < 1 + random_below(3000); i++)
                add(batch, random_below(varieties[v]),
                    random_below(20) == 0 ? INT64_MIN : (int64_t)random_below(100) - 50,
                    (int64_t)random_below(PANES * EVERY_MS) + PANE_FIRST * EVERY_MS);
            fold(fixture, batch);
            count(fixture, batch);
            batch_free(batch);
        }
        check(fixture, INT64_MIN);
        assert_int_equal(fixture->table.dropped_rows, 0);
        fixture_free(fixture);
    }
}

/* Time goes on, old panes are dropped, their blocks are used again; some rows come too late. */
static void test_expire(void **state)
{
    struct fixture *fixture = fixture_new(10000, 2000);
    int64_t now_ms = PANE_FIRST * EVERY_MS;
    uint64_t dropped = 0;
    uint64_t bytes = 0;

    (void)state;
    for (uint32_t round = 0; now_ms < (PANES + PANE_FIRST - 5) * EVERY_MS; round++) {
        struct batch *batch = batch_new(&stream, 1);
        struct batch *kept = batch_new(&stream, 1);
        int64_t oldest_ms = fixture->table.panes.number_min;

        oldest_ms = oldest_ms == INT64_MIN ? INT64_MIN : oldest_ms * EVERY_MS;
        for (uint32_t i = 0; i < 500; i++) {
            int64_t at_ms = now_ms - random_below(3000);

            if (at_ms < PANE_FIRST * EVERY_MS)
                at_ms = PANE_FIRST * EVERY_MS;
            add(batch, i % 200, i, at_ms);
            if (at_ms >= oldest_ms)
                add(kept, i % 200, i, at_ms);
            else
                dropped++;
        }
        fold(fixture, batch);
        count(fixture, kept);
        metric_table_expire(&fixture->table, now_ms, 1000);
        assert_true(fixture->table.panes.panes[0].number * EVERY_MS > now_ms - 2000 - EVERY_MS);
        check(fixture, fixture->table.panes.number_min * EVERY_MS);
        assert_int_equal(fixture->table.dropped_rows, dropped);
        if (round == 100)
            bytes = metric_table_bytes(&fixture->table);
        batch_free(batch);
        batch_free(kept);
        now_ms += 130;
    }
    assert_true(dropped > 0 && bytes > 0);
    assert_true(metric_table_bytes(&fixture->table) <= bytes + bytes / 4);
    fixture_free(fixture);
}

struct shared_seen {
    uint64_t records;
    int64_t rows;
    int64_t greatest;
};

static void see_count(void *context, uint32_t series, int64_t start_ms, const void *state)
{
    struct shared_seen *seen = context;

    (void)series;
    (void)start_ms;
    seen->records++;
    seen->rows += strategy_count.read(state).i;
}

static void see_greatest(void *context, uint32_t series, int64_t start_ms, const void *state)
{
    struct value value = strategy_max_int.read(state);
    struct shared_seen *seen = context;

    (void)series;
    (void)start_ms;
    if (value.type == VALUE_INT && value.i > seen->greatest)
        seen->greatest = value.i;
}

/* Three metrics in one table: each finds its own state, and the table closes with the first row. */
static void test_shared_records(void **state)
{
    struct fixture *fixture = fixture_new(100, 0);
    struct batch *batch = batch_new(&stream, 1);
    struct shared_seen seen = {.greatest = INT64_MIN};

    (void)state;
    assert_true(metric_table_is_open(&fixture->table));
    assert_int_equal(fixture->table.users, 3);
    for (int i = 0; i < 1000; i++)
        add(batch, (uint32_t)i % 10, i % 3 == 0 ? INT64_MIN : i, (int64_t)(i % 7) * EVERY_MS);
    fold(fixture, batch);
    count(fixture, batch);
    assert_false(metric_table_is_open(&fixture->table));
    check(fixture, INT64_MIN);
    metric_scan(&fixture->before, INT64_MIN / 2, INT64_MAX / 2, see_count, &seen);
    metric_scan(&fixture->behind, INT64_MIN / 2, INT64_MAX / 2, see_greatest, &seen);
    assert_int_equal(seen.records, 70);
    assert_int_equal(seen.rows, 1000);
    assert_int_equal(seen.greatest, 998);
    batch_free(batch);
    fixture_free(fixture);
}

static void test_panes_max(void **state)
{
    struct fixture *fixture = fixture_new(10, 0);
    struct batch *batch = batch_new(&stream, 1);

    (void)state;
    for (int i = 0; i < 40; i++)
        add(batch, 1, 1, (int64_t)i * 2 * EVERY_MS);
    fold(fixture, batch);
    count(fixture, batch);
    metric_table_expire(&fixture->table, INT64_MIN, 40);
    assert_int_equal(fixture->table.panes.pane_count, 40);
    metric_table_expire(&fixture->table, INT64_MIN, 7);
    assert_int_equal(fixture->table.panes.pane_count, 7);
    assert_int_equal(fixture->table.panes.panes[0].number, 66);
    check(fixture, 66 * EVERY_MS);
    fold(fixture, batch); /* what is older than that is dropped and counted */
    assert_int_equal(fixture->table.dropped_rows, 33);
    assert_int_equal(fixture->table.panes.pane_count, 7);
    batch_free(batch);
    fixture_free(fixture);
}

/* The same rows in other batches give the same hash; another row another one. */
static void test_hash(void **state)
{
    enum { ROWS = 4000 };
    uint64_t hashes[4];

    (void)state;
    for (uint32_t run = 0; run < 4; run++) {
        struct fixture *fixture = fixture_new(100, 0);
        struct batch *batch = batch_new(&stream, 1);
        uint64_t seed = random_state;

        random_state = 77;
        for (uint32_t i = 0; i < ROWS; i++) {
            uint32_t label = random_below(150); /* some go to the overflow */
            int64_t points = random_below(1000);
            int64_t at_ms = random_below(PANES * EVERY_MS);

            if (run == 3 && i == 2000)
                points++;
            add(batch, label, points, at_ms);
            if (batch->row_count == (run == 0 ? 1u : run * 37)) {
                fold(fixture, batch);
                batch_reset(batch);
            }
        }
        fold(fixture, batch);
        hashes[run] = metric_hash(&fixture->metric);
        random_state = seed;
        batch_free(batch);
        fixture_free(fixture);
    }
    assert_true(hashes[0] == hashes[1]);
    assert_true(hashes[1] == hashes[2]);
    assert_true(hashes[2] != hashes[3]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out_of_order), cmocka_unit_test(test_expire),
        cmocka_unit_test(test_panes_max),    cmocka_unit_test(test_shared_records),
        cmocka_unit_test(test_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
