// SPDX-License-Identifier: Apache-2.0
/* test_score_average.c - means of ints and doubles, with and without weights. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "score/score.h"

static struct score_call call_of(const struct score_strategy *strategy, bool value_is_int)
{
    return (struct score_call){.strategy = strategy, .value_is_int = value_is_int};
}

static double add_int(struct score_state *state, int64_t value, int64_t event_ms)
{
    struct score_call call = call_of(&score_average, true);
    struct score_row row = {.event_ms = event_ms, .value = {.i = value}};
    struct score_rows rows = {&row, 1, NULL};

    score_average.fold(&call, state, &rows);
    return state->score.f;
}

static double add_float(struct score_state *state, double value)
{
    struct score_call call = call_of(&score_average, false);
    struct score_row row = {.event_ms = 1, .value = {.f = value}};
    struct score_rows rows = {&row, 1, NULL};

    score_average.fold(&call, state, &rows);
    return state->score.f;
}

static double add_weighted(struct score_state *state, double value, double weight, int64_t event_ms)
{
    struct score_call call = call_of(&score_weighted_average, false);
    double more[2] = {-1, weight};
    struct score_row row = {.more = 1, .event_ms = event_ms, .value = {.f = value}};
    struct score_rows rows = {&row, 1, more};

    score_weighted_average.fold(&call, state, &rows);
    return state->score.f;
}

static void test_ints(void **unused)
{
    struct score_state state = {.fresh = true};

    (void)unused;
    assert_true(add_int(&state, 4, 100) == 4);
    assert_true(add_int(&state, 5, 50) == 4.5);
    assert_int_equal(state.reached_ms, 100);
    assert_true(add_int(&state, 0, 200) == 3);
    assert_int_equal(state.reached_ms, 200);
    assert_true(add_int(&state, -9, 201) == 0);
    assert_true(state.score.bits == 0);

    /* Beyond 2^53 and beyond int64, exactly. */
    state = (struct score_state){.fresh = true};
    add_int(&state, INT64_MAX, 1);
    add_int(&state, INT64_MAX, 1);
    add_int(&state, INT64_MAX, 1);
    add_int(&state, INT64_MIN + 1, 1);
    add_int(&state, INT64_MIN + 1, 1);
    add_int(&state, INT64_MIN + 1, 1);
    assert_true(state.score.f == 0);
    assert_true(add_int(&state, 7, 1) == 1);
}

static void test_floats(void **unused)
{
    struct score_state state = {.fresh = true};

    (void)unused;
    add_float(&state, 1e16);
    for (int i = 0; i < 1000; i++)
        add_float(&state, 1); /* each alone is lost beside 1e16 */
    assert_true(add_float(&state, -1e16) == 1000.0 / 1002.0);

    /* Never infinite, never NaN. */
    state = (struct score_state){.fresh = true};
    for (int i = 0; i < 5; i++)
        assert_true(isfinite(add_float(&state, DBL_MAX)));
    for (int i = 0; i < 20; i++)
        assert_true(isfinite(add_float(&state, -DBL_MAX)));
    assert_true(state.score.f < 0);
    state = (struct score_state){.fresh = true};
    add_float(&state, -0.0);
    assert_true(state.score.bits == 0);
}

static void test_weights(void **unused)
{
    struct score_state state = {.fresh = true};

    (void)unused;
    assert_true(add_weighted(&state, 9, 0, 50) == 0); /* a member without a weight stands at 0 */
    assert_int_equal(state.reached_ms, 50);
    assert_true(add_weighted(&state, 10, 1, 40) == 10);
    assert_int_equal(state.reached_ms, 40);
    assert_true(add_weighted(&state, 20, 3, 60) == 17.5);
    assert_int_equal(state.reached_ms, 60);
    assert_true(add_weighted(&state, 1000, 0, 70) == 17.5);
    assert_true(add_weighted(&state, 1000, -5, 70) == 17.5);
    assert_int_equal(state.reached_ms, 60);
    assert_true(add_weighted(&state, -35, 4, 61) == -8.75);
    assert_true(isfinite(add_weighted(&state, DBL_MAX, DBL_MAX, 62)));
    assert_true(isfinite(add_weighted(&state, -DBL_MAX, DBL_MAX, 62)));
}

static void test_weights_merge(void **unused)
{
    struct score_call call = call_of(&score_weighted_average, false);
    struct score_state whole = {.fresh = true};
    struct score_state parts[3] = {{.fresh = true}, {.fresh = true}, {.fresh = true}};

    (void)unused;
    for (int i = 0; i < 300; i++) {
        double value = (i * 37 % 101) * 0.01;
        double weight = i % 7;

        add_weighted(&whole, value, weight, i);
        add_weighted(&parts[i / 100], value, weight, i);
    }
    score_weighted_average.merge(&call, &parts[0], &parts[1]);
    score_weighted_average.merge(&call, &parts[0], &parts[2]);
    assert_true(fabs(parts[0].score.f - whole.score.f) < 1e-15);
    assert_int_equal(parts[0].reached_ms, whole.reached_ms);
}

static void test_resolve(void **unused)
{
    struct stream_def stream = {.name = "s",
                                .field_count = 4,
                                .fields = {{"player", FIELD_STRING},
                                           {"points", FIELD_INT},
                                           {"rate", FIELD_FLOAT},
                                           {"at", FIELD_TIME}}};
    static const struct {
        struct call call;
        bool is_int;
        bool value_is_int;
        uint32_t columns;
    } good[] = {
        {{"count", 0, {""}}, true, true, 0},
        {{"sum", 1, {"points"}}, true, true, 1},
        {{"sum", 1, {"rate"}}, false, false, 1},
        {{"average", 1, {"points"}}, false, true, 1},
        {{"weighted_average", 2, {"points", "points"}}, false, false, 2},
        {{"decayed_sum", 2, {"points", "7d"}}, false, false, 1},
        {{"lua", 1, {"x.lua"}}, false, true, 0},
        {{"lua", 4, {"x.lua", "points", "rate", "rate"}}, false, false, 3},
    };
    struct score_call call;
    struct err err;

    (void)unused;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(score_resolve(&call, &good[i].call, &stream, &err), 0);
        assert_int_equal(call.is_int, good[i].is_int);
        assert_int_equal(call.value_is_int, good[i].value_is_int);
        assert_int_equal(call.column_count, good[i].columns);
        assert_string_equal(call.strategy->name, good[i].call.name);
    }
    assert_string_equal(score_call_file(&good[6].call), "x.lua");
    assert_null(score_call_file(&good[5].call));
    assert_int_equal(call.columns[2], 2);
    assert_false(score_can_merge(&call)); /* without its script */
}

static void test_resolve_errors(void **unused)
{
    struct stream_def stream = {
        .name = "s", .field_count = 2, .fields = {{"player", FIELD_STRING}, {"points", FIELD_INT}}};
    static const struct {
        struct call call;
        const char *text;
    } bad[] = {
        {{"total", 1, {"points"}},
         "unknown strategy \"total\", expected one of last, sum, max, min, count, average, "
         "weighted_average, decayed_sum, lua"},
        {{"sum", 0, {""}}, "sum has 0 arguments, write sum(f)"},
        {{"count", 1, {"points"}}, "count has 1 argument, write count()"},
        {{"weighted_average", 1, {"points"}},
         "weighted_average has 1 argument, write weighted_average(f, weight)"},
        {{"sum", 1, {"goals"}}, "stream \"s\" has no field \"goals\""},
        {{"weighted_average", 2, {"points", "player"}},
         "field \"player\" is of type string, expected int or float"},
        {{"decayed_sum", 2, {"points", "100ms"}}, "a half-life is from 1s to 100y"},
        {{"decayed_sum", 2, {"points", "101y"}}, "a half-life is from 1s to 100y"},
    };
    struct score_call call;
    struct err err;

    (void)unused;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_true(score_resolve(&call, &bad[i].call, &stream, &err) < 0);
        assert_string_equal(err.text, bad[i].text);
    }
    assert_true(score_resolve(&call, &(struct call){"decayed_sum", 2, {"points", "soon"}}, &stream,
                              &err) < 0);
    assert_int_equal(strncmp(err.text, "soon: ", 6), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ints),    cmocka_unit_test(test_floats),
        cmocka_unit_test(test_weights), cmocka_unit_test(test_weights_merge),
        cmocka_unit_test(test_resolve), cmocka_unit_test(test_resolve_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
