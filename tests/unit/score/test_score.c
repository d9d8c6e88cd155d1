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
    struct score_rows rows = {&row, 1, NULL};
    struct score_call call = score_call_direct(strategy, true);

    strategy->fold(&call, state, &rows);
    return state->score.i;
}

static double fold_float(const struct score_strategy *strategy, struct score_state *state,
                         double value, int64_t event_ms)
{
    struct score_row row = {.state = 0, .event_ms = event_ms, .value = {.f = value}};
    struct score_rows rows = {&row, 1, NULL};
    struct score_call call = score_call_direct(strategy, false);

    strategy->fold(&call, state, &rows);
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
    assert_true(score_count.can & SCORE_IS_INT);
    assert_ptr_equal(score_find(SPAN_LITERAL("average")), &score_average);
    assert_ptr_equal(score_find(SPAN_LITERAL("weighted_average")), &score_weighted_average);
    assert_ptr_equal(score_find(SPAN_LITERAL("decayed_sum")), &score_decayed_sum);
    assert_ptr_equal(score_find(SPAN_LITERAL("lua")), &score_lua);
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
    const struct score_row list[] = {
        {0, 0, 1, {.i = 1}}, {1, 0, 1, {.i = 10}}, {0, 0, 2, {.i = 2}}, {1, 0, 2, {.i = 20}}};
    struct score_rows rows = {list, 4, NULL};
    struct score_call call = score_call_direct(&score_sum, true);

    (void)unused;
    score_sum.fold(&call, states, &rows);
    assert_int_equal(states[0].score.i, 3);
    assert_int_equal(states[1].score.i, 30);
    rows.count = 0;
    score_max.fold(&call, states, &rows);
    assert_int_equal(states[1].score.i, 30);
}

static uint64_t random_next(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return *random >> 33;
}

#define PANES 5
#define PANE_MS 1000

/*
 * A member's rows in panes: merging the panes, in any order, gives what folding all rows gives;
 * and where the oldest can be subtracted, what is left is the merge of the others, bit for bit.
 */
static void merge_panes(const struct score_strategy *strategy, uint64_t *random, bool same_reached)
{
    struct score_call call = score_call_direct(strategy, true);
    struct score_state whole = {.fresh = true};
    struct score_state panes[PANES];
    struct score_state merged, others;
    bool backwards = random_next(random) % 2;

    if (strategy->can & SCORE_IS_DOUBLE)
        call.is_int = false;
    for (uint32_t pane = 0; pane < PANES; pane++) {
        uint32_t count = 1 + (uint32_t)(random_next(random) % 4);

        panes[pane] = (struct score_state){.fresh = true};
        for (uint32_t i = 0; i < count; i++) {
            struct score_row row = {.event_ms =
                                        pane * PANE_MS + (int64_t)(random_next(random) % PANE_MS),
                                    .value = {.i = 1 + (int64_t)(random_next(random) % 5)}};
            struct score_rows rows = {&row, 1, NULL};

            strategy->fold(&call, &panes[pane], &rows);
            strategy->fold(&call, &whole, &rows);
        }
    }
    merged = panes[backwards ? PANES - 1 : 0];
    for (uint32_t i = 1; i < PANES; i++)
        strategy->merge(&call, &merged, &panes[backwards ? PANES - 1 - i : i]);
    assert_true(merged.score.bits == whole.score.bits);
    if (same_reached)
        assert_true(merged.reached_ms == whole.reached_ms);
    assert_memory_equal(merged.extra, whole.extra, sizeof(whole.extra));

    others = panes[1];
    for (uint32_t i = 2; i < PANES; i++)
        strategy->merge(&call, &others, &panes[i]);
    whole = merged;
    if (strategy->subtract(&call, &merged, &panes[0]))
        assert_memory_equal(&merged, &others, sizeof(merged));
    else
        assert_memory_equal(&merged, &whole, sizeof(merged));
}

static void test_merge(void **unused)
{
    uint64_t random = 5;

    (void)unused;
    for (uint32_t i = 0; i < 500; i++) {
        merge_panes(&score_sum, &random, true);
        merge_panes(&score_count, &random, true);
        merge_panes(&score_average, &random, true);
        merge_panes(&score_max, &random, true);
        merge_panes(&score_min, &random, true);
        merge_panes(&score_last, &random, false);
    }
}

static void test_subtract_limits(void **unused)
{
    struct score_call ints = score_call_direct(&score_sum, true);
    struct score_call floats = score_call_direct(&score_sum, false);
    struct score_state big = {.score = {.i = INT64_MAX}};
    struct score_state small = {.score = {.i = 5}};

    (void)unused;
    assert_false(score_sum.subtract(&ints, &big, &small)); /* it may have stopped at the end */
    assert_false(score_sum.subtract(&ints, &small, &big));
    assert_false(score_sum.subtract(&floats, &small, &small));
    score_sum.merge(&ints, &big, &small);
    assert_true(big.score.i == INT64_MAX);
    /* The best leaves a trace, what is worse does not. */
    assert_false(score_max.subtract(&ints, &small, &small));
    assert_true(score_max.subtract(&ints, &big, &small));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registry),
        cmocka_unit_test(test_last),
        cmocka_unit_test(test_sum),
        cmocka_unit_test(test_max_and_min),
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_subtract_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
