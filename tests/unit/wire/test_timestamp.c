// SPDX-License-Identifier: Apache-2.0
/* test_timestamp.c - every way to write a time, and the ways that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "wire/timestamp.h"

#define BAD INT64_MIN

/* Numbers are copied: what stands behind them must not matter, but a line feed must. */
static int64_t number(const char *text)
{
    char padded[256] = {0};
    int64_t ms = BAD;
    int size = snprintf(padded, sizeof(padded), "%s", text);
    const char *problem;

    padded[size] = '\n';
    problem = timestamp_from_number((struct span){padded, (size_t)size}, &ms);
    assert_true((problem == NULL) == (ms != BAD));
    return ms;
}

static int64_t text(const char *string)
{
    int64_t ms = BAD;
    struct span span = span_of(string);
    char *exact = malloc(span.size + 1); /* a sanitizer sees a read behind it */
    const char *problem;

    memcpy(exact, span.data, span.size);
    exact = realloc(exact, span.size > 0 ? span.size : 1);
    problem = timestamp_from_text((struct span){exact, span.size}, &ms);
    assert_true((problem == NULL) == (ms != BAD));
    free(exact);
    return ms;
}

static int64_t integer(int64_t value)
{
    int64_t ms = BAD;
    const char *problem = timestamp_from_int(value, &ms);

    assert_true((problem == NULL) == (ms != BAD));
    return ms;
}

static void test_units(void **state)
{
    (void)state;
    assert_int_equal(integer(0), 0);
    assert_int_equal(integer(1617235200), 1617235200000);
    assert_int_equal(integer(1617235200123), 1617235200123);
    assert_int_equal(integer(1617235200123456), 1617235200123);
    assert_int_equal(integer(1617235200123456789), 1617235200123);
    assert_int_equal(integer(99999999999), 99999999999000);
    assert_int_equal(integer(100000000000), 100000000000);
    assert_int_equal(integer(99999999999999), 99999999999999);
    assert_int_equal(integer(100000000000000), 100000000000);
    assert_int_equal(integer(99999999999999999), 99999999999999);
    assert_int_equal(integer(100000000000000000), 100000000000);
    assert_int_equal(integer(-1), -1000);
    assert_int_equal(integer(-100000000000001), -100000000001);
    assert_int_equal(integer(INT64_MAX), 9223372036854);
    assert_int_equal(integer(INT64_MIN + 1), -9223372036855);
    assert_int_equal(integer(-62135596800), TIMESTAMP_MS_MIN);
    assert_int_equal(integer(-62135596801), BAD);
    assert_int_equal(integer(-99999999999999), BAD);
}

static void test_numbers(void **state)
{
    (void)state;
    assert_int_equal(number("1617235200"), 1617235200000);
    assert_int_equal(number("1617235200.5"), 1617235200500);
    assert_int_equal(number("1.123"), 1123); /* not 1122, as a double would have it */
    assert_int_equal(number("1.1239999999999999999999999"), 1123);
    assert_int_equal(number("-1.5"), -1500);
    assert_int_equal(number("-1.0001"), -1001);
    assert_int_equal(number("-0.5"), -500);
    assert_int_equal(number("0.0004"), 0);
    assert_int_equal(number("1617235200123.9"), 1617235200123);
    assert_int_equal(number("-1617235200123.9"), -1617235200124);
    assert_int_equal(number("1.6172352e9"), 1617235200000);
    assert_int_equal(number("1.6172352E12"), 1617235200000);
    assert_int_equal(number("1617235200123456789"), 1617235200123);
    assert_int_equal(number("9223372036854775806"), 9223372036854);
    assert_int_equal(number("99999999999999999999"), BAD);
    assert_int_equal(number("999999999999999999999999999999999999"), BAD);
    assert_int_equal(number("1e300"), BAD);
    assert_int_equal(number("1e999"), BAD);
    assert_int_equal(number("-1e11"), -100000000000);
}

static void test_texts(void **state)
{
    (void)state;
    assert_int_equal(text("2021-04-01T00:00:00Z"), 1617235200000);
    assert_int_equal(text("2021-04-01t00:00:00z"), 1617235200000);
    assert_int_equal(text("2021-04-01 00:00:00Z"), 1617235200000);
    assert_int_equal(text("2021-04-01"), 1617235200000);
    assert_int_equal(text("2021-04-01T02:00:00+02:00"), 1617235200000);
    assert_int_equal(text("2021-03-31T18:30:00-05:30"), 1617235200000);
    assert_int_equal(text("2021-04-01T00:00:00.5Z"), 1617235200500);
    assert_int_equal(text("2021-04-01T00:00:00.123456789Z"), 1617235200123);
    assert_int_equal(text("2016-12-31T23:59:60Z"), 1483228800000);
    assert_int_equal(text("0001-01-01T00:00:00Z"), TIMESTAMP_MS_MIN);
    assert_int_equal(text("9999-12-31T23:59:59.999Z"), TIMESTAMP_MS_MAX);
    assert_int_equal(text("1969-12-31T23:59:59.250Z"), -750);
    assert_int_equal(text("2000-02-29"), 951782400000);
    assert_int_equal(text("1617235200"), 1617235200000);
    assert_int_equal(text("1617235200123"), 1617235200123);
}

static void test_no_texts(void **state)
{
    static const char *const bad[] = {
        "",
        "x",
        "yesterday",
        "2021",
        "2021-04",
        "2021-4-1",
        "2021-02-29",
        "1900-02-29",
        "2021-13-01",
        "2021-00-01",
        "2021-04-31",
        "2021-04-00",
        "0000-01-01",
        "2021-04-01T",
        "2021-04-01T00:00:00",
        "2021-04-01T00:00Z",
        "2021-04-01T24:00:00Z",
        "2021-04-01T00:60:00Z",
        "2021-04-01T00:00:61Z",
        "2021-04-01T00:00:00.Z",
        "2021-04-01T00:00:00+24:00",
        "2021-04-01T00:00:00+01:60",
        "2021-04-01T00:00:00+0100",
        "2021-04-01T00:00:00Zx",
        "2021-04-01T00:00:00+01:00x",
        "2021-04-01x",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2021/04/01",
        "-1",
        "1.5",
        "20 1-04-01",
        "202104010000000000000",
        " 2021-04-01",
        "2021-04-01T00:00:0xZ",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (strcmp(bad[i], "2021") == 0)
            continue; /* digits: seconds */
        if (text(bad[i]) != BAD)
            fail_msg("\"%s\" was taken for a time", bad[i]);
    }
}

/* Against the C library, over days that reach into all corners of the calendar. */
static void test_calendar(void **state)
{
    (void)state;
    for (int64_t seconds = -62135596800; seconds < 253402300800; seconds += 86400 * 13 + 3661) {
        char string[64];
        struct tm tm;
        time_t when = (time_t)seconds;

        gmtime_r(&when, &tm);
        snprintf(string, sizeof(string), "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        if (text(string) != seconds * 1000)
            fail_msg("%s: %lld, not %lld", string, (long long)text(string),
                     (long long)seconds * 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units),    cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_texts),    cmocka_unit_test(test_no_texts),
        cmocka_unit_test(test_calendar),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
