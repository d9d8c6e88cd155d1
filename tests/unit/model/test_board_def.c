// SPDX-License-Identifier: Apache-2.0
/* test_board_def.c - subscores, periods, milestones and the rest of a board's definition. */
#include "model/definition.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/yaml.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define ON_STREAM "stream: s, member: m, score: sum(p)"

static int parse(const char *yaml, struct board_def *out_def, struct err *err)
{
    json_t *tree = NULL;
    int rc;

    if (yaml_read(&tree, "t", span_of(yaml), err) != 0)
        fail_msg("%s: %s", yaml, err->text);
    rc = board_def_parse(out_def, "x", tree, err);
    json_decref(tree);
    return rc;
}

static struct board_def parsed(const char *yaml)
{
    struct board_def def;
    struct err err = {0};

    memset(&def, 0, sizeof(def));
    if (parse(yaml, &def, &err) != 0)
        fail_msg("%s: %s", yaml, err.text);
    return def;
}

/* What is written, and that it reads back as the same bytes. */
static void expect_print(const char *yaml, const char *json)
{
    struct board_def def = parsed(yaml);
    struct board_def again = parsed(json);
    struct bytes text = {0};

    board_def_print(&def, &text);
    assert_string_equal(bytes_text(&text), json);
    assert_memory_equal(&def, &again, sizeof(def));
    bytes_done(&text);
}

static void test_read(void **state)
{
    struct board_def def =
        parsed("{" ON_STREAM ", ties: shared, expire: 30d, milestones: [-5, 0.5, 1000],"
               " subscores: [{score: max(p), order: asc}, {score: count()}],"
               " period: weekly, time_zone: Europe/Berlin, keep: 52}");

    (void)state;
    assert_int_equal(def.ties, BOARD_TIES_SHARED);
    assert_false(board_ties_by_time(def.ties));
    assert_int_equal(def.subscore_count, 2);
    assert_string_equal(def.subscores[0].score.name, "max");
    assert_int_equal(def.subscores[0].order, BOARD_ASC);
    assert_string_equal(def.subscores[1].score.name, "count");
    assert_int_equal(def.subscores[1].order, BOARD_DESC);
    assert_int_equal(def.period.kind, PERIOD_WEEKLY);
    assert_string_equal(def.period.time_zone, "Europe/Berlin");
    assert_int_equal(def.keep, 52);
    assert_true(def.expire_ms == INT64_C(30) * 86400000);
    assert_int_equal(def.milestone_count, 3);
    assert_true(def.milestones[0] == -5 && def.milestones[1] == 0.5 && def.milestones[2] == 1000);

    def = parsed("{period: {cron: '0  6 * * 1 '}}");
    assert_int_equal(def.period.kind, PERIOD_CRON);
    assert_string_equal(def.period.cron, "0 6 * * 1");
    assert_int_equal(def.keep, SEASONS_KEEP_DEFAULT);
    def = parsed("{" ON_STREAM ", period: {rolling: 7d}}");
    assert_int_equal(def.period.kind, PERIOD_ROLLING);
    assert_true(def.period.rolling_ms == INT64_C(7) * 86400000);
    assert_int_equal(def.period.pane_ms, 6 * 3600000);
    assert_int_equal(def.keep, 0);
    def = parsed("{period: none}");
    assert_int_equal(def.period.kind, PERIOD_NONE);
}

static void test_print(void **state)
{
    (void)state;
    expect_print("{period: none, subscores: [], milestones: []}",
                 "{\"type\":\"float\",\"order\":\"desc\",\"ties\":\"first\",\"by\":[]}");
    expect_print("{period: daily, keep: 10, time_zone: UTC, ties: shared}",
                 "{\"type\":\"float\",\"order\":\"desc\",\"ties\":\"shared\",\"by\":[],"
                 "\"period\":\"daily\"}");
    expect_print("{milestones: [10.0, 2.5], order: asc, expire: 90s, keep: 0, period: hourly, "
                 "time_zone: America/Argentina/Ushuaia}",
                 "{\"type\":\"float\",\"order\":\"asc\",\"ties\":\"first\",\"by\":[],"
                 "\"period\":\"hourly\",\"time_zone\":\"America/Argentina/Ushuaia\",\"keep\":0,"
                 "\"expire\":\"1m30s\",\"milestones\":[10,2.5]}");
    expect_print("{" ON_STREAM ", period: {rolling: 7d, pane: 6h}}",
                 "{\"stream\":\"s\",\"member\":\"m\",\"score\":\"sum(p)\",\"order\":\"desc\","
                 "\"ties\":\"first\",\"by\":[],\"period\":{\"rolling\":\"7d\"}}");
    expect_print("{" ON_STREAM ", period: daily, subscores: [{score: 'last(p)'}]}",
                 "{\"stream\":\"s\",\"member\":\"m\",\"score\":\"sum(p)\",\"order\":\"desc\","
                 "\"ties\":\"first\",\"by\":[],\"subscores\":[{\"score\":\"last(p)\",\"order\":"
                 "\"desc\"}],\"period\":\"daily\"}");
    expect_print("{" ON_STREAM ", period: {pane: 1d, rolling: 7d}}",
                 "{\"stream\":\"s\",\"member\":\"m\",\"score\":\"sum(p)\",\"order\":\"desc\","
                 "\"ties\":\"first\",\"by\":[],\"period\":{\"rolling\":\"7d\",\"pane\":\"1d\"}}");
    expect_print("{period: {cron: '0 0 1 jan,jul *'}}",
                 "{\"type\":\"float\",\"order\":\"desc\",\"ties\":\"first\",\"by\":[],"
                 "\"period\":{\"cron\":\"0 0 1 jan,jul *\"}}");
}

static void test_errors(void **state)
{
    static const struct {
        const char *yaml;
        const char *text;
    } cases[] = {
        {"{" ON_STREAM ", subscores: max(p)}", "subscores: expected a list such as [{score: "
                                               "max(points), order: desc}], got \"max(p)\""},
        {"{" ON_STREAM ", subscores: [{score: max(p)}, {order: asc}]}",
         "subscores[1].score: missing, write a call such as max(points)"},
        {"{" ON_STREAM ", subscores: [{score: max}]}",
         "subscores[0].score: expected a call such as max(points), got \"max\""},
        {"{" ON_STREAM ", subscores: [{score: max(p), ord: asc}]}",
         "subscores[0]: unknown key \"ord\", expected one of score, order"},
        {"{" ON_STREAM ", subscores: [{}, {}, {}, {}, {}]}", "subscores: 5 subscores, at most 4"},
        {"{subscores: [{score: max(p)}]}",
         "subscores: only for a board on a stream, whose fields they are of"},
        {"{period: yearly}", "period: expected one of none, hourly, daily, weekly, monthly, {cron: "
                             "\"0 6 * * 1\"}, {rolling: 7d}, got \"yearly\""},
        {"{period: {}}", "period: write one of {cron: \"0 6 * * 1\"} and {rolling: 7d}"},
        {"{period: {cron: '0 0 * * *', rolling: 7d}}",
         "period: write one of {cron: \"0 6 * * 1\"} and {rolling: 7d}"},
        {"{period: {cron: '0 0 * *'}}", "period.cron: 4 fields, expected five: minute, hour, day "
                                        "of the month, month, day of the week"},
        {"{period: {cron: 5}}", "period.cron: expected five fields such as \"0 6 * * 1\", got 5"},
        {"{period: {cron: '0 0 * * *', pane: 1d}}", "period.pane: only with rolling"},
        {"{" ON_STREAM ", period: {rolling: 7d, pane: 2d}}",
         "period.pane: rolling must be a multiple of it"},
        {"{" ON_STREAM ", period: {rolling: 7d, pane: 1h}}", "period.pane: more than 64 panes"},
        {"{" ON_STREAM ", period: {rolling: 1s}}",
         "period.rolling: \"1s\" is too short, at least 1m"},
        {"{period: {rolling: 7d}}", "period: rolling is only for a board on a stream: scores that "
                                    "are set can not be added up"},
        {"{time_zone: Europe/Berlin}", "time_zone: only with a period that has seasons"},
        {"{" ON_STREAM ", period: {rolling: 7d}, keep: 5}",
         "keep: only with a period that has seasons"},
        {"{period: daily, time_zone: ../../etc/passwd}",
         "time_zone: expected the name of a time zone such as Europe/Berlin, got "
         "\"../../etc/passwd\""},
        {"{period: daily, time_zone: /etc/localtime}",
         "time_zone: expected the name of a time zone such as Europe/Berlin, got "
         "\"/etc/localtime\""},
        {"{period: daily, keep: -1}",
         "keep: expected how many closed seasons to keep, 0 to 10000, got -1"},
        {"{expire: 10ms}", "expire: \"10ms\" is too short, at least 1s"},
        {"{milestones: 5}", "milestones: expected a list of scores such as [1000, 5000], got 5"},
        {"{milestones: [1, x]}", "milestones[1]: expected a score up to 2^53, got \"x\""},
        {"{milestones: [1e300]}", "milestones[0]: expected a score up to 2^53, got 1e+300"},
        {"{milestones: [5, 5]}", "milestones[1]: not better than the one before: with order: desc, "
                                 "each must be greater"},
        {"{milestones: [5, 6], order: asc}", "milestones[1]: not better than the one before: with "
                                             "order: asc, each must be smaller"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct board_def def;
        struct board_def before;
        struct err err = {0};

        memset(&def, 7, sizeof(def));
        before = def;
        if (parse(cases[i].yaml, &def, &err) != ERR_INVALID)
            fail_msg("taken: %s", cases[i].yaml);
        if (strncmp(err.text, "boards.x.", 9) != 0 || strcmp(err.text + 9, cases[i].text) != 0)
            fail_msg("%s\ngave  %s\nnot   boards.x.%s", cases[i].yaml, err.text, cases[i].text);
        assert_memory_equal(&def, &before, sizeof(def));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
