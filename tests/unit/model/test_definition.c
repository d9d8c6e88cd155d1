// SPDX-License-Identifier: Apache-2.0
/* test_definition.c - streams, metrics and boards: read, refused, printed, and read again. */
#include "model/definition.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/yaml.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

union any_def {
    struct stream_def stream;
    struct metric_def metric;
    struct board_def board;
};

static int parse(enum definition_kind kind, const char *name, const char *yaml,
                 union any_def *out_def, struct err *err)
{
    json_t *tree = NULL;
    int rc;

    if (yaml_read(&tree, "t", span_of(yaml), err) != 0)
        fail_msg("%s: %s", yaml, err->text);
    if (kind == DEFINITION_STREAM)
        rc = stream_def_parse(&out_def->stream, name, tree, err);
    else if (kind == DEFINITION_METRIC)
        rc = metric_def_parse(&out_def->metric, name, tree, err);
    else
        rc = board_def_parse(&out_def->board, name, tree, err);
    json_decref(tree);
    return rc;
}

static void print(enum definition_kind kind, const union any_def *def, struct bytes *out)
{
    if (kind == DEFINITION_STREAM)
        stream_def_print(&def->stream, out);
    else if (kind == DEFINITION_METRIC)
        metric_def_print(&def->metric, out);
    else
        board_def_print(&def->board, out);
}

static void expect_error(enum definition_kind kind, const char *yaml, const char *text)
{
    union any_def def;
    struct err err = {0};

    assert_int_equal(parse(kind, "x", yaml, &def, &err), ERR_INVALID);
    assert_int_equal(err.code, ERR_INVALID);
    if (strcmp(err.text, text) != 0)
        fail_msg("%s\ngave  %s\nnot   %s", yaml, err.text, text);
}

/* Reads, prints, compares with `json`, reads that and compares every byte of the struct. */
static void expect_print(enum definition_kind kind, const char *yaml, const char *json)
{
    union any_def def;
    union any_def again;
    struct bytes text = {0};
    struct err err = {0};

    memset(&def, 0, sizeof(def));
    memset(&again, 0, sizeof(again));
    if (parse(kind, "x", yaml, &def, &err) != 0)
        fail_msg("%s: %s", yaml, err.text);
    print(kind, &def, &text);
    assert_string_equal(bytes_text(&text), json);
    if (parse(kind, "x", json, &again, &err) != 0)
        fail_msg("%s: %s", json, err.text);
    assert_memory_equal(&def, &again, sizeof(def));
    bytes_done(&text);
}

static void test_stream(void **state)
{
    union any_def def;
    struct err err = {0};

    (void)state;
    if (parse(DEFINITION_STREAM, "plays",
              "fields: {player: string, points: int, rate: float, won: bool, at: time}\n"
              "key: player\ntime: at\nid: points\ndedupe: 1h\nlateness: 0\nahead: 2500\nidle: 1d",
              &def, &err) != 0)
        fail_msg("%s", err.text);
    assert_string_equal(def.stream.name, "plays");
    assert_int_equal(def.stream.version, 0);
    assert_int_equal(def.stream.field_count, 5);
    for (int i = 0; i < 5; i++) {
        static const enum field_type types[] = {FIELD_STRING, FIELD_INT, FIELD_FLOAT, FIELD_BOOL,
                                                FIELD_TIME};

        assert_int_equal(def.stream.fields[i].type, types[i]);
    }
    assert_string_equal(def.stream.fields[3].name, "won");
    assert_int_equal(def.stream.key_field, 0);
    assert_int_equal(def.stream.time_field, 4);
    assert_int_equal(def.stream.id_field, 1);
    assert_int_equal(def.stream.dedupe_ms, 3600000);
    assert_int_equal(def.stream.lateness_ms, 0);
    assert_int_equal(def.stream.ahead_ms, 2500);
    assert_int_equal(def.stream.idle_ms, 86400000);
    assert_int_equal(stream_def_field(&def.stream, SPAN_LITERAL("rate")), 2);
    assert_int_equal(stream_def_field(&def.stream, SPAN_LITERAL("rat")), -1);
    assert_int_equal(stream_def_field(&def.stream, SPAN_LITERAL("")), -1);

    assert_int_equal(parse(DEFINITION_STREAM, "s", "fields: {a: int}", &def, &err), 0);
    assert_int_equal(def.stream.key_field, -1);
    assert_int_equal(def.stream.time_field, -1);
    assert_int_equal(def.stream.id_field, -1);
    assert_int_equal(def.stream.dedupe_ms, 600000);
    assert_int_equal(def.stream.lateness_ms, 30000);
    assert_int_equal(def.stream.ahead_ms, 60000);
    assert_int_equal(def.stream.idle_ms, 10000);
}

static void test_stream_errors(void **state)
{
    static const struct {
        const char *yaml;
        const char *text;
    } cases[] = {
        {"fields: {points: integr}", "streams.x.fields.points: unknown type \"integr\", expected "
                                     "one of int, float, string, bool, time"},
        {"fields: {points: 5}",
         "streams.x.fields.points: expected one of int, float, string, bool, time, got 5"},
        {"fields: [a]", "streams.x.fields: expected fields with their types such as {player: "
                        "string, points: int}, got a list"},
        {"fields: {a b: int}", "streams.x.fields: \"a b\" is not a name: up to 56 letters, digits, "
                               "\"_\", \".\" and \"-\", a letter or \"_\" first"},
        {"fields: {}", "streams.x.fields: missing, write at least one such as fields: {player: "
                       "string}"},
        {"{}", "streams.x.fields: missing, write at least one such as fields: {player: string}"},
        {"5", "streams.x: expected an object, got 5"},
        {"null", "streams.x: expected an object, got null"},
        {"fields: {a: int}\nkey: b", "streams.x.key: no field \"b\", the fields are a"},
        {"key: b\nfields: {a: float}\n", "streams.x.key: no field \"b\", the fields are a"},
        {"fields: {a: float}\nkey: a",
         "streams.x.key: field \"a\" is of type float, a key is string or int"},
        {"fields: {a: time}\nid: a",
         "streams.x.id: field \"a\" is of type time, an id is string or int"},
        {"fields: {a: int}\ntime: a",
         "streams.x.time: field \"a\" is of type int, it must be time"},
        {"fields: {a: int}\ntime: 5", "streams.x.time: expected the name of a field, got 5"},
        {"fields: {a: int}\nkey:", "streams.x.key: expected the name of a field, got null"},
        {"fields: {a: int}\ndedupe: 5m", "streams.x.dedupe: there is nothing to tell duplicates "
                                         "by, say which field is the id"},
        {"fields: {a: int}\nid: a\ndedupe: 1ms",
         "streams.x.dedupe: \"1ms\" is too short, at least 1s"},
        {"fields: {a: int}\nlateness: -5", "streams.x.lateness: -5 is too short, at least 0"},
        {"fields: {a: int}\nlateness: 101y",
         "streams.x.lateness: \"101y\" is too long, at most 36500d"},
        {"fields: {a: int}\nahead: soon",
         "streams.x.ahead: \"soon\" is not a duration: write whole numbers with ms, s, m, h, d, w "
         "or y, such as 500ms, 30s or 1h30m"},
        {"fields: {a: int}\nidle: 1.5", "streams.x.idle: expected a duration such as 30s, got 1.5"},
        {"filds: {a: int}", "streams.x: unknown key \"filds\", did you mean \"fields\"? Known "
                            "keys: fields, key, time, id, dedupe, lateness, ahead, idle"},
        {"fields: {a: int}\nvalidate: []",
         "streams.x: unknown key \"validate\", expected one of fields, key, time, id, dedupe, "
         "lateness, ahead, idle"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect_error(DEFINITION_STREAM, cases[i].yaml, cases[i].text);
}

static void test_stream_bounds(void **state)
{
    struct bytes yaml = {0};
    union any_def def;
    struct err err = {0};

    (void)state;
    bytes_put_text(&yaml, "fields:\n");
    for (int i = 0; i < STREAM_FIELDS_MAX; i++)
        bytes_format(&yaml, "  f%d: int\n", i);
    assert_int_equal(parse(DEFINITION_STREAM, "x", bytes_text(&yaml), &def, &err), 0);
    assert_int_equal(def.stream.field_count, STREAM_FIELDS_MAX);
    bytes_put_text(&yaml, "  one_more: int\n");
    expect_error(DEFINITION_STREAM, bytes_text(&yaml), "streams.x.fields: more than 64 fields");
    bytes_done(&yaml);
}

static void test_names(void **state)
{
    static const char *const good[] = {"a", "_", "A-b.c_9",
                                       "a2345678901234567890123456789012345678901234567890123456"};
    static const char *const bad[] = {"",
                                      "1a",
                                      "-a",
                                      ".a",
                                      "a b",
                                      "a/b",
                                      "ä",
                                      "a\n",
                                      "a:b",
                                      "a\"",
                                      "a23456789012345678901234567890123456789012345678901234567"};
    union any_def def;
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_int_equal(parse(DEFINITION_BOARD, good[i], "{}", &def, &err), 0);
        assert_string_equal(def.board.name, good[i]);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(parse(DEFINITION_BOARD, bad[i], "{}", &def, &err), ERR_INVALID);
        assert_int_equal(strncmp(err.text, "boards: \"", 9), 0);
        assert_non_null(strstr(err.text, "is not a name: up to 56 letters"));
    }
}

static void test_metric(void **state)
{
    union any_def def;
    struct err err = {0};

    (void)state;
    if (parse(DEFINITION_METRIC, "m",
              "{stream: plays, value: ' quantile( 0.99 , points )', by: [region, tier], "
              "every: 100ms, keep: 2d}",
              &def, &err) != 0)
        fail_msg("%s", err.text);
    assert_string_equal(def.metric.stream, "plays");
    assert_string_equal(def.metric.value.name, "quantile");
    assert_int_equal(def.metric.value.arg_count, 2);
    assert_string_equal(def.metric.value.args[0], "0.99");
    assert_string_equal(def.metric.value.args[1], "points");
    assert_int_equal(def.metric.by_count, 2);
    assert_string_equal(def.metric.by[1], "tier");
    assert_int_equal(def.metric.every_ms, 100);
    assert_int_equal(def.metric.keep_ms, 172800000);
}

static void test_metric_errors(void **state)
{
    static const struct {
        const char *yaml;
        const char *text;
    } cases[] = {
        {"{}", "metrics.x.stream: missing, name the stream that is measured"},
        {"{stream: s}", "metrics.x.value: missing, write a call such as count() or sum(points)"},
        {"{stream: s, value: count()}",
         "metrics.x.every: missing, write the width of a pane such as 1s"},
        {"{stream: s, value: count(), every: 99ms}",
         "metrics.x.every: \"99ms\" is too short, at least 100ms"},
        {"{stream: s, value: count(), every: 1s, keep: 500ms}",
         "metrics.x.keep: shorter than one pane, which is 1s wide"},
        {"{stream: s, value: count(), every: 1s, keep: {10s: 2d}}",
         "metrics.x.keep: expected a duration such as 30s, got an object"},
        {"{stream: s, value: count(), every: 1s, by: region}",
         "metrics.x.by: expected a list of fields such as [region], got \"region\""},
        {"{stream: s, value: count(), every: 1s, by: [a, b, a]}",
         "metrics.x.by[2]: \"a\" stands twice"},
        {"{stream: s, value: count(), every: 1s, by: [a, [b]]}",
         "metrics.x.by[1]: expected the name of a field, got a list"},
        {"{by: [a, b, c, d, e, f, g, h, i]}", "metrics.x.by: 9 fields, at most 8"},
        {"{stream: 7}", "metrics.x.stream: expected the name of a stream, got 7"},
        {"{stream: a b}", "metrics.x.stream: \"a b\" is not a name: up to 56 letters, digits, "
                          "\"_\", \".\" and \"-\", a letter or \"_\" first"},
        {"{evry: 1s}", "metrics.x: unknown key \"evry\", did you mean \"every\"? Known keys: "
                       "stream, value, by, every, keep"},
    };
    static const char *const calls[] = {
        "sum(",
        "sum",
        "",
        "()",
        "(a)",
        "sum(a))",
        "sum((a)",
        "sum(a,)",
        "sum(,a)",
        "sum(a b)",
        "sum(a) x",
        "1(a)",
        "sum(a,b,c,d,e)",
        "sum(\\\"a\\\")",
        ")(",
        "s m(a)",
        "sum(a234567890123456789012345678901234567890123456789012345678901234)"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect_error(DEFINITION_METRIC, cases[i].yaml, cases[i].text);
    expect_error(DEFINITION_METRIC, "{value: sum(}",
                 "metrics.x.value: expected a call such as count() or sum(points), got \"sum(\"");
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        struct bytes yaml = {0};
        union any_def def;
        struct err err = {0};

        bytes_format(&yaml, "{stream: s, every: 1s, value: \"%s\"}", calls[i]);
        if (parse(DEFINITION_METRIC, "x", bytes_text(&yaml), &def, &err) != ERR_INVALID)
            fail_msg("%s was taken", calls[i]);
        assert_int_equal(strncmp(err.text, "metrics.x.value: expected a call", 32), 0);
        bytes_done(&yaml);
    }
}

static void test_board(void **state)
{
    union any_def def;
    struct err err = {0};

    (void)state;
    if (parse(DEFINITION_BOARD, "b",
              "{stream: plays, member: player, score: min(strokes), order: asc, ties: member, "
              "by: [region]}",
              &def, &err) != 0)
        fail_msg("%s", err.text);
    assert_string_equal(def.board.stream, "plays");
    assert_string_equal(def.board.member, "player");
    assert_string_equal(def.board.score.name, "min");
    assert_string_equal(def.board.score.args[0], "strokes");
    assert_int_equal(def.board.order, BOARD_ASC);
    assert_int_equal(def.board.ties, BOARD_TIES_MEMBER);
    assert_int_equal(def.board.by_count, 1);

    assert_int_equal(parse(DEFINITION_BOARD, "b", "{}", &def, &err), 0);
    assert_string_equal(def.board.stream, "");
    assert_string_equal(def.board.score.name, "");
    assert_int_equal(def.board.score_type, FIELD_FLOAT);
    assert_int_equal(def.board.order, BOARD_DESC);
    assert_int_equal(def.board.ties, BOARD_TIES_FIRST);
}

static void test_board_errors(void **state)
{
    static const struct {
        const char *yaml;
        const char *text;
    } cases[] = {
        {"{stream: s}", "boards.x.member: missing, name the field that says who scores"},
        {"{stream: s, member: m}",
         "boards.x.score: missing, write a call such as sum(points) or last(rating)"},
        {"{stream: s, member: m, score: sum(p), type: int}",
         "boards.x.type: the score of a board on a stream has the type that its fields give it, "
         "leave this out"},
        {"{stream: s, member: m, score: sum(p), by: [r, m]}",
         "boards.x.by[1]: \"m\" is the member: each segment would rank one alone"},
        {"{member: m}", "boards.x.member: only for a board on a stream: name its stream, or leave "
                        "this out to send scores directly"},
        {"{score: sum(p)}", "boards.x.score: only for a board on a stream: name its stream, or "
                            "leave this out to send scores directly"},
        {"{by: [region, mode]}", "boards.x.by[1]: \"mode\" has a meaning of its own in a score "
                                 "that is sent directly, choose another name"},
        {"{type: string}", "boards.x.type: unknown type \"string\", expected one of int, float"},
        {"{order: up}", "boards.x.order: unknown order \"up\", expected one of desc, asc"},
        {"{order: true}", "boards.x.order: expected one of desc, asc, got true"},
        {"{ties: none}", "boards.x.ties: unknown rule for ties \"none\", expected one of first, "
                         "last, member, shared"},
        {"{by: [r, 5]}", "boards.x.by[1]: expected the name of a field, got 5"},
        {"{perod: weekly}", "boards.x: unknown key \"perod\", did you mean \"period\"? Known "
                            "keys: stream, member, score, order, ties, by, type, subscores, "
                            "period, time_zone, keep, expire, milestones"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect_error(DEFINITION_BOARD, cases[i].yaml, cases[i].text);
}

static void test_print(void **state)
{
    (void)state;
    expect_print(DEFINITION_STREAM, "fields: {b: string, a: float}",
                 "{\"fields\":{\"b\":\"string\",\"a\":\"float\"},\"lateness\":\"30s\",\"ahead\":"
                 "\"1m\",\"idle\":\"10s\"}");
    expect_print(
        DEFINITION_STREAM,
        "{fields: {k: int, t: time, i: string}, key: k, time: t, id: i, lateness: 90061001,"
        " ahead: 0}",
        "{\"fields\":{\"k\":\"int\",\"t\":\"time\",\"i\":\"string\"},\"key\":\"k\","
        "\"time\":\"t\",\"id\":\"i\",\"dedupe\":\"10m\",\"lateness\":\"1d1h1m1s1ms\","
        "\"ahead\":\"0\",\"idle\":\"10s\"}");
    expect_print(DEFINITION_METRIC, "{stream: s, value: count(), every: 1s}",
                 "{\"stream\":\"s\",\"value\":\"count()\",\"by\":[],\"every\":\"1s\",\"keep\":"
                 "\"0\"}");
    expect_print(DEFINITION_METRIC,
                 "{keep: 7d, every: 1m, by: [a, b], value: 'q(0.9,x)', stream: s}",
                 "{\"stream\":\"s\",\"value\":\"q(0.9, x)\",\"by\":[\"a\",\"b\"],\"every\":\"1m\","
                 "\"keep\":\"7d\"}");
    expect_print(DEFINITION_BOARD, "{}",
                 "{\"type\":\"float\",\"order\":\"desc\",\"ties\":\"first\",\"by\":[]}");
    expect_print(DEFINITION_BOARD, "{type: int, order: asc, ties: last, by: [z]}",
                 "{\"type\":\"int\",\"order\":\"asc\",\"ties\":\"last\",\"by\":[\"z\"]}");
    expect_print(DEFINITION_BOARD, "{stream: s, member: m, score: last(x), ties: member}",
                 "{\"stream\":\"s\",\"member\":\"m\",\"score\":\"last(x)\",\"order\":\"desc\","
                 "\"ties\":\"member\",\"by\":[]}");
}

static void test_failure_leaves_out(void **state)
{
    union any_def def;
    union any_def before;
    struct err err = {0};

    (void)state;
    memset(&def, 7, sizeof(def));
    before = def;
    parse(DEFINITION_STREAM, "x", "{fields: {a: int}, key: b}", &def, &err);
    parse(DEFINITION_METRIC, "x", "{stream: s, value: count()}", &def, &err);
    parse(DEFINITION_BOARD, "x", "{stream: s}", &def, &err);
    assert_memory_equal(&def, &before, sizeof(def));
}

static void test_board_stream(void **state)
{
    const char *name = "b2345678901234567890123456789012345678901234567890123456";
    union any_def def;
    struct stream_def stream;
    struct err err = {0};

    (void)state;
    assert_int_equal(parse(DEFINITION_BOARD, name, "{type: int, by: [region, tier]}", &def, &err),
                     0);
    def.board.version = 9;
    board_def_stream(&def.board, &stream);
    assert_int_equal(strncmp(stream.name, "board:b234567", 13), 0);
    assert_string_equal(stream.name + 6, name);
    assert_int_equal(stream.version, 9);
    assert_int_equal(stream.field_count, 5);
    assert_int_equal(stream.key_field, BOARD_STREAM_MEMBER);
    assert_int_equal(stream.time_field, -1);
    assert_int_equal(stream.id_field, -1);
    assert_string_equal(stream.fields[BOARD_STREAM_MEMBER].name, "member");
    assert_int_equal(stream.fields[BOARD_STREAM_MEMBER].type, FIELD_STRING);
    assert_string_equal(stream.fields[BOARD_STREAM_SCORE].name, "score");
    assert_int_equal(stream.fields[BOARD_STREAM_SCORE].type, FIELD_INT);
    assert_string_equal(stream.fields[BOARD_STREAM_MODE].name, "mode");
    assert_int_equal(stream.fields[BOARD_STREAM_MODE].type, FIELD_INT);
    assert_string_equal(stream.fields[BOARD_STREAM_BY + 1].name, "tier");
    assert_int_equal(stream.fields[BOARD_STREAM_BY + 1].type, FIELD_STRING);
}

static void test_words(void **state)
{
    int64_t ms = 0;

    (void)state;
    assert_string_equal(definition_kind_text(DEFINITION_STREAM), "streams");
    assert_string_equal(definition_kind_text(DEFINITION_METRIC), "metrics");
    assert_string_equal(definition_kind_text(DEFINITION_BOARD), "boards");
    assert_string_equal(field_type_text(FIELD_INT), "int");
    assert_string_equal(field_type_text(FIELD_TIME), "time");
    assert_int_equal(duration_parse(span_of("1h30m"), &ms, NULL), 0);
    assert_int_equal(ms, 5400000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream),        cmocka_unit_test(test_stream_errors),
        cmocka_unit_test(test_stream_bounds), cmocka_unit_test(test_names),
        cmocka_unit_test(test_metric),        cmocka_unit_test(test_metric_errors),
        cmocka_unit_test(test_board),         cmocka_unit_test(test_board_errors),
        cmocka_unit_test(test_print),         cmocka_unit_test(test_failure_leaves_out),
        cmocka_unit_test(test_board_stream),  cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
