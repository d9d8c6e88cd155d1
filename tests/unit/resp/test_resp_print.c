// SPDX-License-Identifier: Apache-2.0
/*
 * test_resp_print.c - replies in both protocols, and numbers as text.
 *
 * Doubles are held against strtod and printf: the text reads back, and no text of fewer digits
 * does. Their form is held against a table.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/reply.h"
#include "resp/resp_print.h"

static void expect(struct bytes *tokens, const char *resp2, const char *resp3)
{
    struct bytes out = {0};

    resp_print(&out, bytes_span(tokens), RESP_PROTOCOL_2);
    assert_string_equal(bytes_text(&out), resp2);
    bytes_clear(&out);
    resp_print(&out, bytes_span(tokens), RESP_PROTOCOL_3);
    assert_string_equal(bytes_text(&out), resp3);
    bytes_clear(tokens);
    bytes_done(&out);
}

static void test_values(void **state)
{
    struct bytes tokens = {0};

    (void)state;
    reply_null(&tokens);
    expect(&tokens, "$-1\r\n", "_\r\n");
    reply_null_array(&tokens);
    expect(&tokens, "*-1\r\n", "_\r\n");
    reply_int(&tokens, 0);
    reply_int(&tokens, -1);
    reply_int(&tokens, 1234567);
    reply_int(&tokens, INT64_MIN);
    expect(&tokens, ":0\r\n:-1\r\n:1234567\r\n:-9223372036854775808\r\n",
           ":0\r\n:-1\r\n:1234567\r\n:-9223372036854775808\r\n");
    reply_double(&tokens, 1.5);
    expect(&tokens, "$3\r\n1.5\r\n", ",1.5\r\n");
    reply_double(&tokens, INFINITY);
    reply_double(&tokens, -INFINITY);
    expect(&tokens, "$3\r\ninf\r\n$4\r\n-inf\r\n", ",inf\r\n,-inf\r\n");
    reply_bool(&tokens, true);
    reply_bool(&tokens, false);
    expect(&tokens, ":1\r\n:0\r\n", "#t\r\n#f\r\n");
    reply_status(&tokens, "OK");
    expect(&tokens, "+OK\r\n", "+OK\r\n");
    reply_error(&tokens, "ERR syntax error");
    expect(&tokens, "-ERR syntax error\r\n", "-ERR syntax error\r\n");
    reply_error(&tokens, "ERR unknown command 'a\r\n+OK\r\n'");
    expect(&tokens, "-ERR unknown command 'a  +OK  '\r\n", "-ERR unknown command 'a  +OK  '\r\n");
    reply_bulk(&tokens, SPAN_LITERAL("a\r\nb"));
    reply_bulk(&tokens, SPAN_LITERAL(""));
    expect(&tokens, "$4\r\na\r\nb\r\n$0\r\n\r\n", "$4\r\na\r\nb\r\n$0\r\n\r\n");
    reply_text(&tokens, SPAN_LITERAL("# Server"));
    expect(&tokens, "$8\r\n# Server\r\n", "=12\r\ntxt:# Server\r\n");
    bytes_done(&tokens);
}

static void test_aggregates(void **state)
{
    struct bytes tokens = {0};

    (void)state;
    reply_aggregate(&tokens, REPLY_ARRAY, 3);
    reply_int(&tokens, 1);
    reply_aggregate(&tokens, REPLY_ARRAY, 0);
    reply_null(&tokens);
    expect(&tokens, "*3\r\n:1\r\n*0\r\n$-1\r\n", "*3\r\n:1\r\n*0\r\n_\r\n");
    reply_aggregate(&tokens, REPLY_PAIRS, 2);
    reply_bulk(&tokens, SPAN_LITERAL("a"));
    reply_double(&tokens, 1);
    reply_bulk(&tokens, SPAN_LITERAL("b"));
    reply_double(&tokens, 2.5);
    expect(&tokens, "*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$3\r\n2.5\r\n",
           "*2\r\n*2\r\n$1\r\na\r\n,1\r\n*2\r\n$1\r\nb\r\n,2.5\r\n");
    reply_aggregate(&tokens, REPLY_PAIRS, 0);
    expect(&tokens, "*0\r\n", "*0\r\n");
    reply_aggregate(&tokens, REPLY_MAP, 2);
    reply_status(&tokens, "server");
    reply_aggregate(&tokens, REPLY_SET, 1);
    reply_int(&tokens, 1);
    reply_status(&tokens, "proto");
    reply_int(&tokens, 3);
    expect(&tokens, "*4\r\n+server\r\n*1\r\n:1\r\n+proto\r\n:3\r\n",
           "%2\r\n+server\r\n~1\r\n:1\r\n+proto\r\n:3\r\n");
    reply_aggregate(&tokens, REPLY_PUSH, 3);
    for (int i = 0; i < 3; i++)
        reply_bulk(&tokens, SPAN_LITERAL("x"));
    expect(&tokens, "*3\r\n$1\r\nx\r\n$1\r\nx\r\n$1\r\nx\r\n",
           ">3\r\n$1\r\nx\r\n$1\r\nx\r\n$1\r\nx\r\n");
    /* As ZMPOP answers: a key, and pairs below it. */
    reply_aggregate(&tokens, REPLY_ARRAY, 2);
    reply_bulk(&tokens, SPAN_LITERAL("key"));
    reply_aggregate(&tokens, REPLY_PAIRS, 1);
    reply_bulk(&tokens, SPAN_LITERAL("a"));
    reply_double(&tokens, -1);
    expect(&tokens, "*2\r\n$3\r\nkey\r\n*2\r\n$1\r\na\r\n$2\r\n-1\r\n",
           "*2\r\n$3\r\nkey\r\n*1\r\n*2\r\n$1\r\na\r\n,-1\r\n");
    bytes_done(&tokens);
}

static void test_one_at_a_time(void **state)
{
    struct bytes tokens = {0};
    struct bytes out = {0};
    size_t at = 0;

    (void)state;
    reply_int(&tokens, 1);
    reply_aggregate(&tokens, REPLY_PAIRS, 1);
    reply_int(&tokens, 2);
    reply_int(&tokens, 3);
    reply_null(&tokens);
    assert_true(resp_print_next(&out, bytes_span(&tokens), &at, RESP_PROTOCOL_3));
    assert_true(resp_print_next(&out, bytes_span(&tokens), &at, RESP_PROTOCOL_3));
    assert_string_equal(bytes_text(&out), ":1\r\n*1\r\n*2\r\n:2\r\n:3\r\n");
    assert_true(resp_print_next(&out, bytes_span(&tokens), &at, RESP_PROTOCOL_2));
    assert_false(resp_print_next(&out, bytes_span(&tokens), &at, RESP_PROTOCOL_2));
    assert_string_equal(bytes_text(&out), ":1\r\n*1\r\n*2\r\n:2\r\n:3\r\n$-1\r\n");
    bytes_done(&tokens);
    bytes_done(&out);
}

static void print_double(char *to, double value)
{
    to[resp_double_print(to, value)] = '\0';
}

static void test_double_form(void **state)
{
    static const struct {
        double value;
        const char *text;
    } table[] = {
        {0, "0"},
        {-0.0, "-0"},
        {3, "3"},
        {-17, "-17"},
        {0.1, "0.1"},
        {0.30000000000000004, "0.30000000000000004"},
        {-2.5, "-2.5"},
        {3.14159, "3.14159"},
        {1234.5678901234, "1234.5678901234"},
        {12345.678901234, "1.2345678901234e+4"},
        {123456.789, "123456.789"},
        {0.0001, "0.0001"},
        {0.000001, "0.000001"},
        {0.0000001, "1e-7"},
        {1.5e-7, "1.5e-7"},
        {-1.5e-7, "-1.5e-7"},
        {0.00012345678, "1.2345678e-4"},
        {0.12219, "0.12219"},
        {673136162761606.25, "673136162761606.2"},
        {673136162761606.75, "673136162761606.8"},
        {1024.0625, "1024.0625"},
        {99999999999999.98, "99999999999999.98"},
        {0.00001, "0.00001"},
        {0.000012345678901234567, "1.2345678901234568e-5"},
        {999999999999999.9, "999999999999999.9"},
        {0.0012345678, "0.0012345678"},
        {9007199254740992, "9007199254740992"},
        {9007199254740993.0, "9007199254740992"},
        {1e15, "1000000000000000"},
        {1e18, "1000000000000000000"},
        {4611686018427387904, "4611686018427387904"},
        {-4611686018427387904, "-4611686018427387904"},
        {4611686018427388928, "4611686018427389000"},
        {1e19, "1e+19"},
        {1e20, "1e+20"},
        {-1e20, "-1e+20"},
        {123456789012345680000.0, "123456789012345680000"},
        {1.5e300, "1.5e+300"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {5e-324, "5e-324"},
        {1.5e105, "1.5e+105"},
        {1e-100, "1e-100"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
        {NAN, "nan"},
    };
    char text[RESP_DOUBLE_BYTES_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        print_double(text, table[i].value);
        assert_string_equal(text, table[i].text);
    }
}

static int digits_of(const char *text)
{
    char digits[40];
    int count = 0;

    for (; *text && *text != 'e'; text++) {
        if (*text >= '0' && *text <= '9' && (count > 0 || *text != '0'))
            digits[count++] = *text;
    }
    while (count > 1 && digits[count - 1] == '0')
        count--;
    return count;
}

static void check_double(double value)
{
    char text[RESP_DOUBLE_BYTES_MAX + 1];
    char shorter[40];

    print_double(text, value);
    if (strtod(text, NULL) != value)
        fail_msg("%s is not %.17g", text, value);
    bool is_integer = fabs(value) <= 0x1p62 && value == floor(value);
    int count = digits_of(text);
    if (is_integer)
        return;
    if (count > 17)
        fail_msg("%s has %d digits", text, count);
    if (count > 1) {
        snprintf(shorter, sizeof(shorter), "%.*e", count - 2, value);
        if (strtod(shorter, NULL) == value)
            fail_msg("%s, but %s would do", text, shorter);
    }
}

static void test_double_digits(void **state)
{
    uint64_t random = 0x9e3779b97f4a7c15;

    (void)state;
    for (int i = 0; i < 60000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint64_t bits = random ^ (random >> 29);
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (isfinite(value))
            check_double(value);
        check_double((double)(int64_t)bits / 1e6);
        check_double((double)(bits >> 40) / 100);
        check_double((double)(bits >> 12) / 1024);
        check_double((double)(int32_t)bits * 0.1);
        check_double((double)(bits >> 30) * 1e-9);
        check_double(log((double)(bits >> 20)));
    }
    for (int i = -1074; i < 1024; i++) {
        check_double(ldexp(1, i));
        check_double(nextafter(ldexp(1, i), 0));
        check_double(nextafter(ldexp(1, i), INFINITY));
    }
}

static void test_int(void **state)
{
    struct bytes out = {0};
    char text[32];

    (void)state;
    for (int64_t value = 1; value > 0 && value < INT64_MAX / 10; value = value * 10 + 7) {
        for (int64_t step = -1; step <= 1; step++) {
            bytes_clear(&out);
            resp_int_put(&out, -value + step);
            snprintf(text, sizeof(text), "%lld", (long long)(-value + step));
            assert_string_equal(bytes_text(&out), text);
        }
    }
    bytes_clear(&out);
    resp_int_put(&out, INT64_MIN);
    resp_double_put(&out, 0.5);
    assert_string_equal(bytes_text(&out), "-92233720368547758080.5");
    bytes_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),        cmocka_unit_test(test_aggregates),
        cmocka_unit_test(test_one_at_a_time), cmocka_unit_test(test_double_form),
        cmocka_unit_test(test_double_digits), cmocka_unit_test(test_int),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
