// SPDX-License-Identifier: Apache-2.0
/* test_json.c - what is written reads back as the same, by another parser (jansson). */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/json.h"

static void expect_double(double value, const char *text)
{
    struct bytes bytes = {0};

    json_put_double(&bytes, value);
    assert_string_equal(bytes_text(&bytes), text);
    bytes_done(&bytes);
}

static void expect_text(struct span text, const char *written)
{
    struct bytes bytes = {0};

    json_put_string(&bytes, text);
    assert_string_equal(bytes_text(&bytes), written);
    bytes_done(&bytes);
}

static void test_structure(void **state)
{
    struct bytes bytes = {0};
    struct json_out out;

    (void)state;
    json_out_init(&out, &bytes);
    json_out_object(&out);
    json_out_key(&out, "a");
    json_out_int(&out, -1);
    json_out_key_span(&out, SPAN_LITERAL("b\""));
    json_out_array(&out);
    json_out_array(&out);
    json_out_array_end(&out);
    json_out_object(&out);
    json_out_object_end(&out);
    json_out_null(&out);
    json_out_bool(&out, true);
    json_out_bool(&out, false);
    json_out_raw(&out, SPAN_LITERAL("[1,2]"));
    json_out_text(&out, "x");
    json_out_uint(&out, UINT64_MAX);
    json_out_double(&out, 0.5);
    json_out_double(&out, NAN);
    json_out_array_end(&out);
    json_out_key(&out, "c");
    json_out_string(&out, SPAN_LITERAL(""));
    json_out_object_end(&out);
    assert_string_equal(bytes_text(&bytes),
                        "{\"a\":-1,\"b\\\"\":[[],{},null,true,false,[1,2],\"x\","
                        "18446744073709551615,0.5,null],\"c\":\"\"}");
    assert_int_equal(out.depth, 0);
    bytes_done(&bytes);
}

static void test_depth(void **state)
{
    struct bytes bytes = {0};
    struct json_out out;

    (void)state;
    json_out_init(&out, &bytes);
    for (int i = 0; i < JSON_DEPTH_MAX - 1; i++)
        json_out_array(&out);
    json_out_int(&out, 1);
    json_out_int(&out, 2);
    for (int i = 0; i < JSON_DEPTH_MAX - 1; i++)
        json_out_array_end(&out);
    assert_int_equal(bytes.size, 2 * (JSON_DEPTH_MAX - 1) + 3);
    assert_non_null(strstr(bytes_text(&bytes), "[[1,2]]"));
    bytes_done(&bytes);
}

static void test_strings(void **state)
{
    char all[256];
    struct bytes bytes = {0};
    json_t *read;

    (void)state;
    expect_text(SPAN_LITERAL(""), "\"\"");
    expect_text(SPAN_LITERAL("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
    expect_text(SPAN_LITERAL("\n\t\x01\x1f\x7f"), "\"\\n\\u0009\\u0001\\u001f\x7f\"");
    expect_text(SPAN_LITERAL("a\0b"), "\"a\\u0000b\"");
    expect_text(SPAN_LITERAL("h\xc3\xa9llo \xf0\x9f\x8e\xb2"), "\"h\xc3\xa9llo \xf0\x9f\x8e\xb2\"");
    for (int i = 0; i < 127; i++)
        all[i] = (char)(i + 1);
    json_put_string(&bytes, (struct span){all, 127});
    read = json_loadb(bytes.data, bytes.size, JSON_DECODE_ANY, NULL);
    assert_non_null(read);
    assert_int_equal(json_string_length(read), 127);
    assert_memory_equal(json_string_value(read), all, 127);
    json_decref(read);
    bytes_done(&bytes);
}

static void test_integers(void **state)
{
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-1, "-1"},
        {9, "9"},
        {10, "10"},
        {-1000000, "-1000000"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes bytes = {0};

        bytes_put_text(&bytes, "x");
        json_put_int(&bytes, cases[i].value);
        assert_string_equal(bytes_text(&bytes) + 1, cases[i].text);
        bytes_done(&bytes);
    }
}

static void test_doubles(void **state)
{
    (void)state;
    expect_double(0, "0");
    expect_double(1, "1");
    expect_double(-17, "-17");
    expect_double(0.1, "0.1");
    expect_double(1.5, "1.5");
    expect_double(100000000, "100000000");
    expect_double(0.30000000000000004, "0.30000000000000004");
    expect_double(9007199254740991.0, "9007199254740991");
    expect_double(-9007199254740991.0, "-9007199254740991");
    expect_double(NAN, "null");
    expect_double(INFINITY, "null");
    expect_double(-INFINITY, "null");
}

/* As bits, so that minus zero and the smallest numbers count. */
static void expect_round_trip(double value)
{
    struct bytes bytes = {0};
    json_t *read;
    double back;

    json_put_double(&bytes, value);
    read = json_loadb(bytes.data, bytes.size, JSON_DECODE_ANY, NULL);
    if (read == NULL)
        fail_msg("not JSON: %s", bytes_text(&bytes));
    back = json_is_integer(read) ? (double)json_integer_value(read) : json_real_value(read);
    if (signbit(value) != 0 && value == 0)
        back = strtod(bytes_text(&bytes), NULL); /* jansson reads -0 as an integer */
    if (memcmp(&back, &value, sizeof(back)) != 0)
        fail_msg("%a was written as %s", value, bytes_text(&bytes));
    assert_true(bytes.size <= 25);
    json_decref(read);
    bytes_done(&bytes);
}

static void test_doubles_round_trip(void **state)
{
    static const double edges[] = {
        0.0,
        -0.0,
        DBL_MIN,
        DBL_MAX,
        -DBL_MAX,
        DBL_EPSILON,
        DBL_TRUE_MIN,
        1.0 / 3,
        1e15,
        1e16,
        1e17,
        1e21,
        1e22,
        1e-5,
        1e300,
        4503599627370496.5,
        9007199254740992.0,
        9007199254740994.0,
        123456789.125,
        18446744073709551616.0,
    };
    uint64_t seed = 3;

    (void)state;
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
        expect_round_trip(edges[i]);
    for (int i = 0; i < 20000; i++) {
        double value;

        seed = hash_u64(seed + 1);
        memcpy(&value, &seed, sizeof(value));
        if (isfinite(value))
            expect_round_trip(value);
        expect_round_trip((double)(int64_t)(seed >> 20) / 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structure), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_strings),   cmocka_unit_test(test_integers),
        cmocka_unit_test(test_doubles),   cmocka_unit_test(test_doubles_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
