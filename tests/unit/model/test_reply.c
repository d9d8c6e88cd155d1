// SPDX-License-Identifier: Apache-2.0
/* test_reply.c - tokens come back as they were written, and whole values can be skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/reply.h"

static struct reply_token next(const struct bytes *from, size_t *at, enum reply_kind kind)
{
    struct reply_token token = {0};

    assert_true(reply_next(bytes_span(from), at, &token));
    assert_int_equal(token.kind, kind);
    return token;
}

static void expect_text(struct reply_token token, const char *text)
{
    assert_int_equal(token.text.size, strlen(text));
    assert_memory_equal(token.text.data, text, strlen(text));
}

static void test_kinds(void **state)
{
    struct bytes out = {0};
    struct reply_token token;
    size_t at = 0;

    (void)state;
    reply_null(&out);
    reply_null_array(&out);
    reply_int(&out, INT64_MIN);
    reply_double(&out, -0.25);
    reply_bool(&out, true);
    reply_bool(&out, false);
    reply_status(&out, "OK");
    reply_error(&out, "ERR wrong number of arguments for '%s' command", "zadd");
    reply_bulk(&out, (struct span){"a\0b", 3});
    reply_bulk(&out, (struct span){NULL, 0});
    reply_text(&out, SPAN_LITERAL("# Server"));
    reply_aggregate(&out, REPLY_PUSH, 4000000000u);

    next(&out, &at, REPLY_NULL);
    next(&out, &at, REPLY_NULL_ARRAY);
    assert_true(next(&out, &at, REPLY_INT).i == INT64_MIN);
    assert_true(next(&out, &at, REPLY_DOUBLE).f == -0.25);
    assert_int_equal(next(&out, &at, REPLY_BOOL).i, 1);
    assert_int_equal(next(&out, &at, REPLY_BOOL).i, 0);
    expect_text(next(&out, &at, REPLY_STATUS), "OK");
    expect_text(next(&out, &at, REPLY_ERROR), "ERR wrong number of arguments for 'zadd' command");
    token = next(&out, &at, REPLY_BULK);
    assert_int_equal(token.text.size, 3);
    assert_memory_equal(token.text.data, "a\0b", 3);
    assert_int_equal(next(&out, &at, REPLY_BULK).text.size, 0);
    expect_text(next(&out, &at, REPLY_TEXT), "# Server");
    assert_true(next(&out, &at, REPLY_PUSH).count == 4000000000u);
    assert_false(reply_next(bytes_span(&out), &at, &token));
    assert_int_equal(at, out.size);
    bytes_done(&out);
}

static void test_late_count(void **state)
{
    struct bytes out = {0};
    size_t at = 0;

    (void)state;
    reply_int(&out, 7);
    size_t outer = reply_aggregate_begin(&out, REPLY_ARRAY);
    size_t inner = reply_aggregate_begin(&out, REPLY_MAP);
    for (int i = 0; i < 200; i++)
        reply_int(&out, i);
    reply_aggregate_end(&out, inner, 100);
    reply_aggregate_end(&out, outer, 1);
    next(&out, &at, REPLY_INT);
    assert_int_equal(next(&out, &at, REPLY_ARRAY).count, 1);
    assert_int_equal(next(&out, &at, REPLY_MAP).count, 100);
    for (int i = 0; i < 200; i++)
        assert_int_equal(next(&out, &at, REPLY_INT).i, i);
    assert_int_equal(at, out.size);
    bytes_done(&out);
}

static void test_skip(void **state)
{
    struct bytes out = {0};
    size_t at = 0;

    (void)state;
    reply_aggregate(&out, REPLY_ARRAY, 4);
    reply_aggregate(&out, REPLY_PAIRS, 2);
    for (int i = 0; i < 2; i++) {
        reply_bulk(&out, SPAN_LITERAL("member"));
        reply_double(&out, i);
    }
    reply_aggregate(&out, REPLY_ARRAY, 0);
    reply_aggregate(&out, REPLY_MAP, 1);
    reply_status(&out, "key");
    reply_aggregate(&out, REPLY_SET, 1);
    reply_null(&out);
    reply_null_array(&out);
    size_t end = out.size;
    reply_int(&out, 42);
    reply_skip(bytes_span(&out), &at);
    assert_int_equal(at, end);
    reply_skip(bytes_span(&out), &at);
    assert_int_equal(at, out.size);
    bytes_done(&out);
}

static void test_long_error(void **state)
{
    struct bytes out = {0};
    char *text = malloc(100001);
    size_t at = 0;

    (void)state;
    memset(text, 'x', 100000);
    text[100000] = '\0';
    reply_error(&out, "ERR %s", text);
    reply_int(&out, 1);
    struct reply_token token = next(&out, &at, REPLY_ERROR);
    assert_int_equal(token.text.size, 100004);
    assert_int_equal(token.text.data[100003], 'x');
    assert_int_equal(next(&out, &at, REPLY_INT).i, 1);
    free(text);
    bytes_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_late_count),
        cmocka_unit_test(test_skip),
        cmocka_unit_test(test_long_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
