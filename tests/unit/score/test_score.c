// SPDX-License-Identifier: Apache-2.0
/* test_score.c - the rules of each score strategy, case by case, and the registry. */
#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "score/score.h"

/* Folds one int event; returns the score. */
static int64_t fold(const struct score_strategy *strategy, struct score_state *state, int64_t value,
                    int64_t event_ms)
{
    struct score_row row = {.state = 0, .event_ms = event_ms, .value = {.i = value}};

    strategy->fold(state, &row, 1, true);
    return state->score.i;
}

static double fold_float(const struct score_strategy *strategy, struct score_state *state,
                         double value, int64_t event_ms)
{
    struct score_row row = {.state = 0, .event_ms = event_ms, .value = {.f = value}};

    strategy->fold(state, &row, 1, false);
    return state->score.f;
}

static void test_registry(void **state)
{
    (void)state;
    assert_ptr_equal(score_find(SPAN_LITERAL("sum")), &score_sum);
    assert_ptr_equal(score_find(SPAN_LITERAL("last")), &score_last);
    assert_ptr_equal(score_find(SPAN_LITERAL("max")), &score_max);
    assert_ptr_equal(score_find(SPAN_LITERAL("min")), &score_min);
    assert_ptr_equal(score_find(SPAN_LITERAL("count")), &score_count);
    assert_null(score_find(SPAN_LITERAL("set")));
    assert_null(score_find(SPAN_LITERAL("")));
    assert_null(score_find(SPAN_LITERAL("summ")));
    assert_non_null(strstr(score_names(), "last, sum, max, min, count"));
    assert_int_equal(score_count.arg_count, 0);
    assert_true(score_count.always_int);
}

static void test_last(void **unused)
{
    struct score_state state = {.fresh = true};

    (void)unused;
    assert_int_equal(fold(&score_last, &state, 5, 100), 5);
    assert_false(state.fresh);
    assert_int_equal(state.reached_ms, 100);
    assert_int_equal(fold(&score_last, &state, 7, 99), 5);  /* older */
    assert_int_equal(fold(&score_last, &state, 5, 200), 5); /* the same again */
    assert_int_equal(state.reached_ms, 100);
    assert_int_equal(fold(&score_last, &state, 9, 150), 5); /* older than the repeat */
    assert_int_equal(fold(&score_last, &state, 9, 200), 9); /* at the same time, later */
    assert_int_equal(state.reached_ms, 200);
    assert_int_equal(fold(&score_last, &state, -1, 201), -1);
    /* Before the epoch. */
    state = (struct score_state){.fresh = true};
    assert_int_equal(fold(&score_last, &state, 0, -500), 0);
    assert_int_equal(state.reached_ms, -500);
    assert_int_equal(fold(&score_last, &state, 3, -400), 3);
}

static void test_sum(void **unused)
{
    struct score_state state = {.fresh = true};

    (void)unused;
    assert_int_equal(fold(&score_sum, &state, 0, 100), 0);
    assert_int_equal(state.reached_ms, 100);
    assert_int_equal(fold(&score_sum, &state, 4, 90), 4);
    assert_int_equal(state.reached_ms, 100); /* an earlier event does not move it back */
    assert_int_equal(fold(&score_sum, &state, 0, 300), 4);
    assert_int_equal(state.reached_ms, 100); /* nothing changed */
    assert_int_equal(fold(&score_sum, &state, -6, 300), -2);
    assert_int_equal(state.reached_ms, 300);
    assert_true(fold(&score_sum, &state, INT64_MIN + 1, 301) == INT64_MIN);
    assert_true(fold(&score_sum, &state, 5, 302) == INT64_MIN + 5);
    assert_true(fold(&score_sum, &state, INT64_MAX, 303) == 4);
    assert_true(fold(&score_sum, &state, INT64_MAX, 304) == INT64_MAX);

    state = (struct score_state){.fresh = true};
    fold_float(&score_sum, &state, -DBL_MAX, 1);
    assert_true(fold_float(&score_sum, &state, -DBL_MAX, 1) == -DBL_MAX);
    assert_true(fold_float(&score_sum, &state, DBL_MAX, 1) == 0);
    assert_true(fold_float(&score_sum, &state, 0.5, 1) == 0.5);
}

static void test_max_and_min(void **unused)
{
    struct score_state state = {.fresh = true};

    (void)unused;
    assert_int_equal(fold(&score_max, &state, -5, 100), -5);
    assert_int_equal(fold(&score_max, &state, -6, 50), -5);
    assert_int_equal(state.reached_ms, 100);
    assert_int_equal(fold(&score_max, &state, -5, 60), -5); /* reached earlier */
    assert_int_equal(state.reached_ms, 60);
    assert_int_equal(fold(&score_max, &state, -5, 70), -5);
    assert_int_equal(state.reached_ms, 60);
    assert_int_equal(fold(&score_max, &state, 8, 40), 8);
    assert_int_equal(state.reached_ms, 40);

    state = (struct score_state){.fresh = true};
    assert_true(fold_float(&score_min, &state, 1.5, 100) == 1.5);
    assert_true(fold_float(&score_min, &state, 2.5, 50) == 1.5);
    assert_true(fold_float(&score_min, &state, -2.5, 120) == -2.5);
    assert_int_equal(state.reached_ms, 120);
    assert_true(fold_float(&score_min, &state, -2.5, 110) == -2.5);
    assert_int_equal(state.reached_ms, 110);
}

static void test_count(void **unused)
{
    struct score_state state = {.fresh = true};

    (void)unused;
    assert_int_equal(fold(&score_count, &state, 1, 100), 1);
    assert_int_equal(fold(&score_count, &state, 1, 50), 2);
    assert_int_equal(state.reached_ms, 100);
    assert_int_equal(fold(&score_count, &state, 1, 101), 3);
    assert_int_equal(state.reached_ms, 101);
}

static void test_set(void **unused)
{
    struct score_state state = {.fresh = true};

    (void)unused;
    assert_int_equal(fold(&score_set, &state, 4, 100), 4);
    assert_int_equal(fold(&score_set, &state, 5, 90), 5); /* arrival order counts */
    assert_int_equal(state.reached_ms, 90);
    assert_int_equal(fold(&score_set, &state, 5, 200), 5);
    assert_int_equal(state.reached_ms, 90);
}

/* Rows of several entries, in order. */
static void test_batch(void **unused)
{
    struct score_state states[2] = {{.fresh = true}, {.fresh = true}};
    const struct score_row rows[] = {
        {0, 1, {.i = 1}}, {1, 1, {.i = 10}}, {0, 2, {.i = 2}}, {1, 2, {.i = 20}}};

    (void)unused;
    score_sum.fold(states, rows, 4, true);
    assert_int_equal(states[0].score.i, 3);
    assert_int_equal(states[1].score.i, 30);
    score_max.fold(states, rows, 0, true);
    assert_int_equal(states[1].score.i, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registry), cmocka_unit_test(test_last),
        cmocka_unit_test(test_sum),      cmocka_unit_test(test_max_and_min),
        cmocka_unit_test(test_count),    cmocka_unit_test(test_set),
        cmocka_unit_test(test_batch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
