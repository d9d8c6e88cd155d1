// SPDX-License-Identifier: Apache-2.0
/*
 * test_strategy.c - every strategy against a recount, in any order and however the rows are split
 * over states that are merged afterwards.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/hash.h"
#include "strategy/strategy.h"

#define ROWS 400
#define PARTS 5
#define STATE_BYTES_MAX 64

static const struct strategy_ops *const all[] = {
    &strategy_count,     &strategy_sum_int,  &strategy_sum_float,  &strategy_avg_int,
    &strategy_avg_float, &strategy_min_int,  &strategy_min_float,  &strategy_max_int,
    &strategy_max_float, &strategy_last_int, &strategy_last_float,
};

static const bool is_float[] = {false, false, true, false, true, false,
                                true,  false, true, false, true};

static uint64_t random_state = 1;

static uint64_t random_next(void)
{
    random_state += 0x9e3779b97f4a7c15u;
    return hash_u64(random_state);
}

struct rows {
    uint32_t count;
    int64_t ints[ROWS];
    double floats[ROWS];
    int64_t event_ms[ROWS];
};

/* Multiples of a quarter, so that sums are exact in any order. */
static void make_rows(struct rows *rows, uint32_t count, uint32_t range)
{
    rows->count = count;
    for (uint32_t i = 0; i < count; i++) {
        rows->ints[i] = (int64_t)(random_next() % range) - range / 2;
        rows->floats[i] = (double)rows->ints[i] / 4;
        rows->event_ms[i] = (int64_t)(random_next() % 50);
    }
}

static double number(const struct rows *rows, uint32_t i, bool floats)
{
    return floats ? rows->floats[i] : (double)rows->ints[i];
}

static double recount(const char *name, const struct rows *rows, bool floats)
{
    double sum = 0;
    uint32_t best = 0;

    for (uint32_t i = 0; i < rows->count; i++) {
        double value = number(rows, i, floats);
        double of_best = number(rows, best, floats);

        sum += value;
        if ((strcmp(name, "min") == 0 && value < of_best) ||
            (strcmp(name, "max") == 0 && value > of_best))
            best = i;
        if (strcmp(name, "last") == 0 &&
            (rows->event_ms[i] > rows->event_ms[best] ||
             (rows->event_ms[i] == rows->event_ms[best] && value > of_best)))
            best = i;
    }
    if (strcmp(name, "count") == 0)
        return rows->count;
    if (strcmp(name, "sum") == 0)
        return sum;
    return strcmp(name, "avg") == 0 ? sum / rows->count : number(rows, best, floats);
}

static double read_number(const struct strategy_ops *ops, const void *state)
{
    struct value value = ops->read(state);

    assert_int_not_equal(value.type, VALUE_NONE);
    return value.type == VALUE_INT ? (double)value.i : value.f;
}

/* Deals the rows out to PARTS states, in pieces, and merges those in a random tree. */
static void fold_parts(const struct strategy_ops *ops, const struct rows *rows, bool floats,
                       uint64_t parts[PARTS][STATE_BYTES_MAX / 8])
{
    void *states[ROWS];

    memset(parts, 0, sizeof(uint64_t) * PARTS * STATE_BYTES_MAX / 8);
    for (uint32_t i = 0; i < rows->count; i++)
        states[i] = parts[random_next() % PARTS];
    for (uint32_t i = 0; i < rows->count;) {
        uint32_t size = 1 + (uint32_t)(random_next() % 100);
        struct strategy_rows piece = {.states = states + i, .event_ms = rows->event_ms + i};

        piece.count = size < rows->count - i ? size : rows->count - i;
        if (floats)
            piece.floats = rows->floats + i;
        else
            piece.ints = rows->ints + i;
        ops->fold(&piece);
        i += piece.count;
    }
    for (uint32_t step = PARTS; step > 1; step--) {
        uint32_t from = (uint32_t)(random_next() % step);
        uint32_t into = (from + 1) % step;
        uint64_t merged[STATE_BYTES_MAX / 8];

        ops->merge(parts[into], parts[from]);
        memcpy(merged, parts[into], sizeof(merged));
        memcpy(parts[from], parts[step - 1], sizeof(merged));
        if (into != step - 1)
            memcpy(parts[into], merged, sizeof(merged));
        else
            memcpy(parts[from], merged, sizeof(merged));
    }
}

static void test_recount(void **state)
{
    static const uint32_t counts[] = {1, 2, 7, 100, ROWS};
    uint64_t parts[PARTS][STATE_BYTES_MAX / 8];

    (void)state;
    for (size_t s = 0; s < sizeof(all) / sizeof(all[0]); s++) {
        assert_int_equal(all[s]->state_bytes % 8, 0);
        assert_in_range(all[s]->state_bytes, 8, STATE_BYTES_MAX);
        for (uint32_t run = 0; run < 100; run++) {
            struct rows rows;

            make_rows(&rows, counts[run % 5], run % 2 == 0 ? 4 : 1000000);
            fold_parts(all[s], &rows, is_float[s], parts);
            if (read_number(all[s], parts[0]) != recount(all[s]->name, &rows, is_float[s]))
                fail_msg("%s: %.17g, expected %.17g", all[s]->name, read_number(all[s], parts[0]),
                         recount(all[s]->name, &rows, is_float[s]));
        }
    }
}

/* All zero is empty: it reads as nothing, and merging it changes nothing. */
static void test_empty(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof(all) / sizeof(all[0]); s++) {
        uint64_t empty[STATE_BYTES_MAX / 8] = {0};
        uint64_t parts[PARTS][STATE_BYTES_MAX / 8];
        uint64_t zero[STATE_BYTES_MAX / 8] = {0};
        struct rows rows;
        double before;

        if (strcmp(all[s]->name, "count") == 0)
            assert_int_equal(all[s]->read(empty).i, 0);
        else
            assert_int_equal(all[s]->read(empty).type, VALUE_NONE);
        make_rows(&rows, 10, 1000);
        rows.ints[0] = -5000; /* so that an empty state's zero would be the greatest … */
        rows.floats[0] = -1250;
        fold_parts(all[s], &rows, is_float[s], parts);
        before = read_number(all[s], parts[0]);
        all[s]->merge(parts[0], empty);
        assert_true(read_number(all[s], parts[0]) == before);
        all[s]->merge(zero, parts[0]);
        assert_true(read_number(all[s], zero) == before);
    }
}

static void fold_one(const struct strategy_ops *ops, void *state, int64_t integer, double floating)
{
    int64_t event_ms = 0;
    struct strategy_rows rows = {1, &state, &integer, &floating, &event_ms};

    ops->fold(&rows);
}

/* Ints are exact at the ends of their range, and beyond in the sum. */
static void test_int_range(void **state)
{
    uint64_t sum[STATE_BYTES_MAX / 8] = {0};
    uint64_t least[STATE_BYTES_MAX / 8] = {0};
    uint64_t most[STATE_BYTES_MAX / 8] = {0};

    (void)state;
    for (int i = 0; i < 3; i++)
        fold_one(&strategy_sum_int, sum, INT64_MAX, 0);
    assert_int_equal(strategy_sum_int.read(sum).type, VALUE_FLOAT);
    assert_true(strategy_sum_int.read(sum).f == 3.0 * 9223372036854775807.0);
    for (int i = 0; i < 3; i++)
        fold_one(&strategy_sum_int, sum, -INT64_MAX, 0);
    fold_one(&strategy_sum_int, sum, INT64_MIN + 1, 0);
    assert_int_equal(strategy_sum_int.read(sum).type, VALUE_INT);
    assert_true(strategy_sum_int.read(sum).i == INT64_MIN + 1);
    fold_one(&strategy_min_int, least, INT64_MAX, 0);
    assert_true(strategy_min_int.read(least).i == INT64_MAX);
    fold_one(&strategy_max_int, most, INT64_MIN + 1, 0);
    assert_true(strategy_max_int.read(most).i == INT64_MIN + 1);
}

/* A sum that plain addition gets wrong by far. */
static void test_compensation(void **state)
{
    uint64_t sum[STATE_BYTES_MAX / 8] = {0};
    uint64_t part[STATE_BYTES_MAX / 8] = {0};
    uint64_t huge[STATE_BYTES_MAX / 8] = {0};

    (void)state;
    fold_one(&strategy_sum_float, sum, 0, 1e100);
    for (int i = 0; i < 1000; i++)
        fold_one(&strategy_sum_float, sum, 0, 0.5);
    fold_one(&strategy_sum_float, sum, 0, -1e100);
    assert_true(strategy_sum_float.read(sum).f == 500);
    fold_one(&strategy_sum_float, part, 0, 1e100);
    fold_one(&strategy_sum_float, part, 0, 0.5);
    fold_one(&strategy_sum_float, sum, 0, -1e100);
    strategy_sum_float.merge(sum, part);
    assert_true(strategy_sum_float.read(sum).f == 500.5);
    fold_one(&strategy_sum_float, huge, 0, DBL_MAX);
    fold_one(&strategy_sum_float, huge, 0, DBL_MAX);
    assert_true(isinf(strategy_sum_float.read(huge).f));
}

static struct call make_call(const char *name, uint32_t arg_count, const char *arg)
{
    struct call call = {.arg_count = arg_count};

    snprintf(call.name, sizeof(call.name), "%s", name);
    snprintf(call.args[0], sizeof(call.args[0]), "%s", arg);
    return call;
}

static void resolve_fails(const struct call *call, const struct stream_def *stream,
                          const char *part)
{
    struct strategy strategy;
    struct err err = {0};

    assert_int_equal(strategy_resolve(&strategy, call, stream, &err), ERR_INVALID);
    if (strstr(err.text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, part);
}

static void test_resolve(void **state)
{
    struct stream_def stream = {
        .name = "s",
        .field_count = 3,
        .fields = {{"i", FIELD_INT}, {"f", FIELD_FLOAT}, {"t", FIELD_STRING}}};
    struct strategy strategy;
    struct call call;

    (void)state;
    call = make_call("sum", 1, "i");
    assert_int_equal(strategy_resolve(&strategy, &call, &stream, NULL), 0);
    assert_ptr_equal(strategy.ops, &strategy_sum_int);
    assert_int_equal(strategy.field, 0);
    call = make_call("sum", 1, "f");
    assert_int_equal(strategy_resolve(&strategy, &call, &stream, NULL), 0);
    assert_ptr_equal(strategy.ops, &strategy_sum_float);
    call = make_call("count", 0, "");
    assert_int_equal(strategy_resolve(&strategy, &call, &stream, NULL), 0);
    assert_int_equal(strategy.field, -1);
    call = make_call("count", 1, "t");
    assert_int_equal(strategy_resolve(&strategy, &call, &stream, NULL), 0);
    assert_int_equal(strategy.field, 2);
    call = make_call("median", 1, "i");
    resolve_fails(&call, &stream, "count, sum, avg, min, max, last");
    call = make_call("sum", 0, "");
    resolve_fails(&call, &stream, "takes one field");
    call = make_call("sum", 2, "i");
    resolve_fails(&call, &stream, "takes one field");
    call = make_call("sum", 1, "t");
    resolve_fails(&call, &stream, "of type string");
    call = make_call("sum", 1, "x");
    resolve_fails(&call, &stream, "no field \"x\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recount),   cmocka_unit_test(test_empty),
        cmocka_unit_test(test_int_range), cmocka_unit_test(test_compensation),
        cmocka_unit_test(test_resolve),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
