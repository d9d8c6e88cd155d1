// SPDX-License-Identifier: Apache-2.0
/* test_time_param.c - points in time as parameters name them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "query/time_param.h"

#define NOW_MS INT64_C(1600000000000)

static void check(const char *text, int64_t wanted_ms)
{
    struct time_param time;
    struct err err = {0};

    if (time_param_parse(span_of(text), "start", &time, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    if (time_param_ms(time, NOW_MS) != wanted_ms)
        fail_msg("%s is %lld, expected %lld", text, (long long)time_param_ms(time, NOW_MS),
                 (long long)wanted_ms);
}

static void test_valid(void **state)
{
    (void)state;
    check("0", 0);
    check("-1", -1);
    check("1577836800000", INT64_C(1577836800000));
    check("8640000000000000", TIME_PARAM_MS_MAX);
    check("1970-01-01", 0);
    check("2020-01-01", INT64_C(1577836800000));
    check("2020-02-29T23:59:60Z", INT64_C(1583020800000));
    check("2000-03-01T00:00:00z", INT64_C(951868800000));
    check("1969-12-31T23:59:59.999Z", -1);
    check("0001-01-01", INT64_C(-62135596800000));
    check("9999-12-31t23:59:59.9999Z", INT64_C(253402300799999));
    check("2020-01-01 01:00:00+01:00", INT64_C(1577836800000));
    check("2020-01-01T00:00:00 01:00", INT64_C(1577833200000)); /* the + was not encoded */
    check("2019-12-31T22:30:00.25-01:30", INT64_C(1577836800250));
    check("now", NOW_MS);
    check("-5m", NOW_MS - 300000);
    check("+1h30m", NOW_MS + 5400000);
    check("-250ms", NOW_MS - 250);
}

static void test_invalid(void **state)
{
    static const char *const texts[] = {
        "",
        "-",
        "+",
        "now ",
        "5m",
        "--5m",
        "-5x",
        "8640000000000001",
        "99999999999999999999",
        "2020-1-1",
        "2020-00-01",
        "2020-02-30",
        "2021-02-29",
        "1900-02-29",
        "2020-01-01T",
        "2020-01-01T00:00",
        "2020-01-01T24:00:00Z",
        "2020-01-01T00:60:00Z",
        "2020-01-01T00:00:00",
        "2020-01-01T00:00:00.Z",
        "2020-01-01T00:00:00+1:00",
        "2020-01-01T00:00:00+24:00",
        "2020-01-01T00:00:00Zx",
        "0000-01-01",
        "12.5",
        "1e9",
        "yesterday",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct time_param time;
        struct err err = {0};

        if (time_param_parse(span_of(texts[i]), "start", &time, &err) != ERR_INVALID)
            fail_msg("%s was taken", texts[i]);
    }
}

/* Every day of 800 years against counting. */
static void test_days(void **state)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t days = 0;

    (void)state;
    for (int year = 1970; year < 2770; year++) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        for (int month = 1; month <= 12; month++) {
            for (int day = 1; day <= lengths[month - 1] + (leap && month == 2); day++) {
                struct time_param time;
                char text[40];

                snprintf(text, sizeof(text), "%04d-%02d-%02d", year, month, day);
                assert_int_equal(time_param_parse(span_of(text), "start", &time, NULL), 0);
                assert_int_equal(time.ms, days * 86400000);
                days++;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_days),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
