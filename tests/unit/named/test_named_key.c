// SPDX-License-Identifier: Apache-2.0
/*
 * test_named_key.c - which keys name a board, a segment, a season, a stream, or nothing; and which
 * commands have them as keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/err.h"
#include "engine/catalog.h"
#include "keys/keys.h"
#include "model/command.h"
#include "model/reply.h"
#include "named/named.h"
#include "node/worker.h"

/* What named/ looks at of a worker, which is not run. */
static struct worker worker;

static void define(enum definition_kind kind, const char *name, const char *text)
{
    json_t *tree = json_loads(text, 0, NULL);
    struct bytes record = {0};
    struct catalog_change change;
    struct err err = {0};
    bool unchanged;

    if (catalog_prepare(worker.catalog, kind, name, tree, 1, "test", &record, &unchanged, &err) < 0)
        fail_msg("%s: %s", name, err.text);
    assert_int_equal(catalog_apply(worker.catalog, bytes_span(&record), &change, &err), 0);
    bytes_done(&record);
    json_decref(tree);
}

static void drop(enum definition_kind kind, const char *name)
{
    struct bytes record = {0};
    struct catalog_change change;
    bool unchanged;

    assert_int_equal(
        catalog_prepare(worker.catalog, kind, name, NULL, 1, "test", &record, &unchanged, NULL), 0);
    assert_int_equal(catalog_apply(worker.catalog, bytes_span(&record), &change, NULL), 0);
    bytes_done(&record);
}

static int setup(void **state)
{
    (void)state;
    worker.catalog = catalog_new();
    worker.now_ms = INT64_C(1700000000000);
    uv_loop_init(&worker.loop);
    named_open(&worker);
    define(DEFINITION_STREAM, "plays",
           "{\"fields\":{\"p\":\"string\",\"x\":\"int\",\"r\":\"string\"},\"key\":\"p\"}");
    define(DEFINITION_BOARD, "flat", "{}");
    define(DEFINITION_BOARD, "whole", "{\"type\":\"int\"}");
    define(DEFINITION_BOARD, "one", "{\"by\":[\"region\"]}");
    define(DEFINITION_BOARD, "two", "{\"by\":[\"region\",\"level\"]}");
    define(DEFINITION_BOARD, "week",
           "{\"stream\":\"plays\",\"member\":\"p\",\"score\":\"sum(x)\",\"period\":\"weekly\"}");
    define(DEFINITION_BOARD, "both",
           "{\"stream\":\"plays\",\"member\":\"p\",\"score\":\"sum(x)\",\"period\":\"weekly\","
           "\"by\":[\"r\"]}");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    named_close(&worker);
    uv_run(&worker.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&worker.loop), 0);
    catalog_free(worker.catalog);
    return 0;
}

static struct named_key find(const char *text)
{
    struct named_key key;
    enum named_kind kind = named_find(&worker, span_of(text), &key);

    assert_int_equal(key.kind, kind);
    assert_int_equal(named_is(&worker, span_of(text)), key.kind != NAMED_NOTHING);
    return key;
}

static void is_label(struct named_key key, uint32_t index, const char *text)
{
    assert_int_equal(key.kind, NAMED_BOARD);
    assert_true(span_equal(key.labels[index], span_of(text)));
}

static void is_wrong(const char *text, const char *reason)
{
    struct named_key key = find(text);

    assert_int_equal(key.kind, NAMED_WRONG);
    if (strstr(key.reason, reason) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", text, key.reason, reason);
}

static void test_names(void **state)
{
    static const char *const plain[] = {
        "",     "f",          "fla",     "flatt", "flat:", "flat:x", "flat@2024-01-01",
        "Flat", "board:flat", "plays:x", "other", ":flat", "@"};

    (void)state;
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        assert_int_equal(find(plain[i]).kind, NAMED_NOTHING);
    assert_int_equal(find("flat").kind, NAMED_BOARD);
    assert_int_equal(find("plays").kind, NAMED_STREAM);
    is_label(find("one:EU"), 0, "EU");
    is_label(find("one:"), 0, "");
    is_label(find("one:a:b@c"), 0, "a:b@c");
    is_label(find("two:EU:5"), 0, "EU");
    is_label(find("two:EU:5:6"), 1, "5:6");
    is_wrong("one", "one:<region>");
    is_wrong("two:EU", "two:<region>:<level>");
}

static void test_seasons(void **state)
{
    struct named_key key = find("week@2023-11-13");

    (void)state;
    assert_int_equal(key.kind, NAMED_BOARD);
    assert_true(key.season_given);
    assert_int_equal(key.season_ms, INT64_C(1699833600000));
    assert_false(find("week").season_given);
    assert_int_equal(find("week@1699833600000").season_ms, INT64_C(1699833600000));
    is_wrong("week@soon", "season");
    key = find("both:a@b@2023-11-13");
    is_label(key, 0, "a@b");
    assert_true(key.season_given);
    key = find("both:a@b");
    is_label(key, 0, "a@b");
    assert_false(key.season_given);
}

/* A name is one until its definition goes, and from the moment it comes. */
static void test_changes(void **state)
{
    (void)state;
    assert_int_equal(find("zebra").kind, NAMED_NOTHING);
    define(DEFINITION_BOARD, "zebra", "{}");
    assert_int_equal(find("zebra").kind, NAMED_BOARD);
    drop(DEFINITION_BOARD, "zebra");
    assert_int_equal(find("zebra").kind, NAMED_NOTHING);
    define(DEFINITION_STREAM, "zebra", "{\"fields\":{\"x\":\"int\"}}");
    assert_int_equal(find("zebra").kind, NAMED_STREAM);
    drop(DEFINITION_STREAM, "zebra");
    assert_int_equal(find("zebra").kind, NAMED_NOTHING);
}

static void concerns(enum command_op op, const char *first, const char *second, const char *error)
{
    struct command_list list = {0};
    struct bytes out = {0};
    bool found;

    command_list_add(&list, op, 0);
    command_list_key(&list, span_of(first));
    if (second != NULL)
        command_list_key(&list, span_of(second));
    found = named_concerns(&worker, &list, &out);
    assert_int_equal(found, error != NULL);
    if (error != NULL && *error != '\0') {
        struct reply_token token;
        size_t at = 0;

        assert_true(reply_next(bytes_span(&out), &at, &token));
        assert_int_equal(token.kind, REPLY_ERROR);
        assert_non_null(memmem(token.text.data, token.text.size, error, strlen(error)));
    } else {
        assert_int_equal(out.size, 0);
    }
    command_list_done(&list);
    bytes_done(&out);
}

static void test_commands(void **state)
{
    (void)state;
    concerns(COMMAND_ZCARD, "plain", NULL, NULL);
    concerns(COMMAND_ZCARD, "flat", NULL, "");
    concerns(COMMAND_ZCARD, "plays", NULL, "WRONGTYPE");
    concerns(COMMAND_ZCARD, "one", NULL, "one:<region>");
    concerns(COMMAND_TYPE, "plays", NULL, "");
    concerns(COMMAND_ZALGEBRA, "plain", "flat", "");
    concerns(COMMAND_ZALGEBRASTORE, "plain", "flat", "");
    concerns(COMMAND_ZALGEBRASTORE, "flat", "plain", "nothing can be stored");
    concerns(COMMAND_COPY, "flat", "plain", "");
    concerns(COMMAND_COPY, "plain", "flat", "nothing can be stored");
    concerns(COMMAND_DEL, "plain", "plays", "no plain key");
    concerns(COMMAND_RENAME, "plain", "plain", NULL);
    concerns(COMMAND_ZPOP, "plain", "flat", "ZREM");
}

static bool exact(const char *key, const char *score, int64_t *out_value)
{
    const struct span words[] = {SPAN_LITERAL("zadd"), span_of(key), span_of(score),
                                 SPAN_LITERAL("m")};
    struct command_list list = {0};
    struct bytes out = {0};
    bool ok;

    command_list_add(&list, COMMAND_ZADD, 0);
    command_list_key(&list, words[1]);
    command_list_score(&list, strtod(score, NULL));
    command_list_arg(&list, words[3]);
    ok = named_exact(&worker, &list, words, 4, &out);
    assert_int_equal(ok, out.size == 0);
    *out_value = command_arg_int(&list, &list.commands[0], 1);
    command_list_done(&list);
    bytes_done(&out);
    return ok;
}

static void test_exact(void **state)
{
    double one = 1;
    int64_t value;

    (void)state;
    assert_true(exact("whole", "9007199254740993", &value));
    assert_int_equal(value, INT64_C(9007199254740993));
    assert_true(exact("whole", "-9223372036854775807", &value));
    assert_int_equal(value, -INT64_MAX);
    assert_true(exact("whole", "1e3", &value));
    assert_int_equal(value, 1000);
    assert_false(exact("whole", "9223372036854775808", &value));
    assert_false(exact("whole", "1.5", &value));
    assert_false(exact("whole", "1e300", &value));
    assert_false(exact("flat", "inf", &value));
    assert_true(exact("flat", "1", &value)); /* doubles stay what they are */
    assert_memory_equal(&value, &one, sizeof(one));
    assert_true(exact("plain", "inf", &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),   cmocka_unit_test(test_seasons),
        cmocka_unit_test(test_changes), cmocka_unit_test(test_commands),
        cmocka_unit_test(test_exact),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
