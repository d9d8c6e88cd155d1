// SPDX-License-Identifier: Apache-2.0
/* test_yaml.c - YAML becomes the tree that the same JSON becomes, or an error with a place. */
#include "base/yaml.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"

static void expect_tree(const char *yaml, const char *json)
{
    json_t *wanted = NULL;
    json_t *got = NULL;
    struct err err = {0};

    if (yaml_read(&got, "t.yaml", span_of(yaml), &err) != 0)
        fail_msg("%s: %s", yaml, err.text);
    if (yaml_read_json(&wanted, "t.json", span_of(json), &err) != 0)
        fail_msg("%s: %s", json, err.text);
    if (!json_equal(got, wanted)) {
        char *text = json_dumps(got, JSON_ENCODE_ANY);

        print_error("%s gave %s\n", yaml, text);
        free(text);
        fail();
    }
    json_decref(got);
    json_decref(wanted);
}

static void expect_error(const char *yaml, size_t size, const char *text)
{
    json_t *tree = NULL;
    struct err err = {0};

    assert_int_equal(yaml_read(&tree, "t.yaml", (struct span){yaml, size}, &err), ERR_INVALID);
    assert_null(tree);
    if (strncmp(err.text, text, strlen(text)) != 0)
        fail_msg("%s\ngave  %s\nnot   %s", yaml, err.text, text);
}

static void test_scalars(void **state)
{
    (void)state;
    expect_tree("[null, ~, Null, NULL, ]", "[null,null,null,null]");
    expect_tree("a:", "{\"a\":null}");
    expect_tree("[true, True, TRUE, false, False, FALSE]", "[true,true,true,false,false,false]");
    /* Words of YAML 1.1 that are plain strings since. */
    expect_tree("[yes, No, on, off, y, tRue]", "[\"yes\",\"No\",\"on\",\"off\",\"y\",\"tRue\"]");
    expect_tree("[0, -1, +7, 0x1F, 0o17, 007]", "[0,-1,7,31,15,7]");
    expect_tree("[9223372036854775807, -9223372036854775808]",
                "[9223372036854775807,-9223372036854775808]");
    expect_tree("[1.5, -.5, 1., 1e3, 2E-2, +1.0]", "[1.5,-0.5,1.0,1000.0,0.02,1.0]");
    expect_tree("[1_000, 0b1, 1.2.3, e5, '-', +, ., 0x, 10s, 1e, \"+-1\"]",
                "[\"1_000\",\"0b1\",\"1.2.3\",\"e5\",\"-\",\"+\",\".\",\"0x\",\"10s\",\"1e\","
                "\"+-1\"]");
    expect_tree("['1', \"true\", !!str 12, ! null]", "[\"1\",\"true\",\"12\",\"null\"]");
    expect_tree("http: 127.0.0.1:7411", "{\"http\":\"127.0.0.1:7411\"}");
    expect_tree("a: |\n  x\n  y\n", "{\"a\":\"x\\ny\\n\"}");
    expect_tree("a: \"\\u00e4\\n\"", "{\"a\":\"ä\\n\"}");
}

static void test_containers(void **state)
{
    (void)state;
    expect_tree("", "null");
    expect_tree("# nothing\n", "null");
    expect_tree("---\na: 1\n...\n", "{\"a\":1}");
    expect_tree("\xef\xbb\xbf"
                "a: 1",
                "{\"a\":1}");
    expect_tree("a: {b: [1, {c: d}], e: []}\nf: {}\n",
                "{\"a\":{\"b\":[1,{\"c\":\"d\"}],\"e\":[]},\"f\":{}}");
    expect_tree("- - 1\n  - 2\n- x: y\n", "[[1,2],{\"x\":\"y\"}]");
    expect_tree("1: a\ntrue: b\n", "{\"1\":\"a\",\"true\":\"b\"}");
    expect_tree("{\"a\": [1, 2.5, \"x\", null, true]}", "{\"a\":[1,2.5,\"x\",null,true]}");
}

/* Order matters: it is the order of a stream's fields. */
static void test_order_is_kept(void **state)
{
    json_t *tree = NULL;
    const char *key;
    json_t *value;
    char seen[8] = "";

    (void)state;
    assert_int_equal(yaml_read(&tree, "t", span_of("{z: 1, b: 2, a: 3, q: 4}"), NULL), 0);
    json_object_foreach(tree, key, value)
    {
        strncat(seen, key, 1);
    }
    assert_string_equal(seen, "zbaq");
    json_decref(tree);
}

static void test_errors(void **state)
{
    static const struct {
        const char *yaml;
        const char *text;
    } cases[] = {
        {"a: 1\nb: 2\na: 3\n", "t.yaml:3:1: \"a\" stands twice, first on line 1"},
        {"x:\n  - {k: 1, k: 2}", "t.yaml:2:12: \"k\" stands twice, first on line 2"},
        {"x: {a: 1}\ny: {a: 1, \"a\": 2}", "t.yaml:2:11: \"a\" stands twice, first on line 2"},
        {"a: &x 1", "t.yaml:1:4: anchors and aliases"},
        {"a: &x [1]", "t.yaml:1:4: anchors and aliases"},
        {"&k a: 1", "t.yaml:1:1: anchors and aliases"},
        {"a: *x", "t.yaml:1:4: anchors and aliases"},
        {"a: !!int 12", "t.yaml:1:4: \"tag:yaml.org,2002:int\" is a tag"},
        {"a: !x {}", "t.yaml:1:4: \"!x\" is a tag"},
        {"a: 1\n---\nb: 2\n", "t.yaml:2:1: a second document"},
        {"a: 9223372036854775808", "t.yaml:1:4: \"9223372036854775808\" does not fit"},
        {"a: .inf", "t.yaml:1:4: \".inf\" is no number that JSON can hold"},
        {"a: -.INF", "t.yaml:1:4: \"-.INF\" is no number"},
        {"a: .nan", "t.yaml:1:4: \".nan\" is no number"},
        {"a: 1e999", "t.yaml:1:4: \"1e999\" is too large"},
        {"? [1]\n: 2", "t.yaml:1:3: a key must be a word"},
        {"\"\": 2", "t.yaml:1:1: a key is empty"},
        {"a: \"x\\0y\"", "t.yaml:1:4: a zero byte in a string"},
        {"\"x\\0y\": 1", "t.yaml:1:1: a zero byte in a key"},
        {"a: [1, 2", "t.yaml:2:1: did not find expected ',' or ']', while parsing a flow sequence "
                     "that begins at line 1"},
        {"a: 1\n\tb: 2", "t.yaml:2:1: "},
        {"a: 'x", "t.yaml:1:6: "},
        {"a: 1\n b: 2", "t.yaml:2:3: "},
        {"a: x\nb: \xff", "t.yaml:2:4: "},
        {"a: \x01", "t.yaml:1:4: control characters are not allowed"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_error(cases[i].yaml, strlen(cases[i].yaml), cases[i].text);
    expect_error("a: 1\0", 5, "t.yaml:1:5: ");
}

static void test_bounds(void **state)
{
    struct bytes text = {0};
    json_t *tree = NULL;
    struct err err = {0};

    (void)state;
    for (int i = 0; i < YAML_DEPTH_MAX; i++)
        bytes_put_char(&text, '[');
    for (int i = 0; i < YAML_DEPTH_MAX; i++)
        bytes_put_char(&text, ']');
    assert_int_equal(yaml_read(&tree, "t", bytes_span(&text), &err), 0);
    json_decref(tree);
    tree = NULL;

    bytes_clear(&text);
    for (int i = 0; i < 100000; i++)
        bytes_put_char(&text, '[');
    expect_error(text.data, text.size, "t.yaml:1:33: lists and objects are nested too deeply");

    bytes_clear(&text);
    bytes_put_char(&text, '[');
    for (int i = 0; i < YAML_NODES_MAX; i++)
        bytes_put_text(&text, "0,");
    bytes_put_char(&text, ']');
    assert_int_equal(yaml_read_json(&tree, "t", bytes_span(&text), &err), ERR_TOO_LARGE);

    bytes_clear(&text);
    memset(bytes_reserve(&text, YAML_TEXT_BYTES_MAX + 1), ' ', YAML_TEXT_BYTES_MAX + 1);
    text.size = YAML_TEXT_BYTES_MAX + 1;
    assert_int_equal(yaml_read(&tree, "t", bytes_span(&text), &err), ERR_TOO_LARGE);
    assert_int_equal(yaml_read_json(&tree, "t", bytes_span(&text), &err), ERR_TOO_LARGE);
    bytes_done(&text);
}

static void test_locate(void **state)
{
    const char *text = "streams:\n"
                       "  plays:\n"
                       "    fields: {player: string, points: integr}\n"
                       "  plays2: {}\n"
                       "boards:\n"
                       "  season:\n"
                       "    by:\n"
                       "      - region\n"
                       "      - \"a b\"\n";
    static const struct {
        const char *path;
        uint32_t line;
        uint32_t column;
    } cases[] = {
        {"streams.plays.fields.points: unknown type", 3, 30},
        {"streams.plays: missing", 2, 3},
        {"streams.plays2: missing", 4, 3},
        {"streams.plays.key: no field", 2, 3},
        {"boards.season.by[1]: x", 9, 9},
        {"boards.season.by[0]", 8, 9},
        {"boards.season.by[2]", 7, 5},
        {"streams", 1, 1},
    };
    uint32_t line;
    uint32_t column;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(yaml_locate(span_of(text), cases[i].path, &line, &column));
        if (line != cases[i].line || column != cases[i].column)
            fail_msg("%s is at %u:%u", cases[i].path, line, column);
    }
    assert_false(yaml_locate(span_of(text), "stream", &line, &column));
    assert_false(yaml_locate(span_of(text), "streamss: x", &line, &column));
    assert_false(yaml_locate(span_of(""), "a", &line, &column));
}

static void test_json(void **state)
{
    json_t *tree = NULL;
    struct err err = {0};

    (void)state;
    assert_int_equal(yaml_read_json(&tree, "body", span_of("{\"a\":1,\n\"a\":2}"), &err),
                     ERR_INVALID);
    assert_non_null(strstr(err.text, "body:2:"));
    assert_non_null(strstr(err.text, "duplicate"));
    assert_int_equal(yaml_read_json(&tree, "body", span_of(""), &err), ERR_INVALID);
    assert_int_equal(yaml_read_json(&tree, "body", (struct span){NULL, 0}, &err), ERR_INVALID);
    assert_int_equal(yaml_read_json(&tree, "body", span_of("{} x"), &err), ERR_INVALID);
    assert_null(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars),       cmocka_unit_test(test_containers),
        cmocka_unit_test(test_order_is_kept), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_bounds),        cmocka_unit_test(test_locate),
        cmocka_unit_test(test_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
