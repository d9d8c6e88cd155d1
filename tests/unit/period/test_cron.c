// SPDX-License-Identifier: Apache-2.0
/* test_cron.c - expressions right and wrong, and their firings against a walk by minute. */
#include "period/cron.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/err.h"

static struct cron parse(const char *text)
{
    struct cron cron;
    struct err err = {0};

    if (cron_parse(&cron, span_of(text), &err) < 0)
        fail_msg("%s: %s", text, err.text);
    return cron;
}

static int64_t minute_of(const char *text)
{
    struct tm tm = {0};

    assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &tm));
    return timegm(&tm) / 60;
}

static void expect_next(const char *cron_text, const char *from, const char *next)
{
    struct cron cron = parse(cron_text);

    if (cron_next(&cron, minute_of(from)) != minute_of(next))
        fail_msg("%s after %s: %+lld minutes", cron_text, from,
                 (long long)(cron_next(&cron, minute_of(from)) - minute_of(next)));
    assert_true(cron_previous(&cron, minute_of(next)) == minute_of(next));
    assert_true(cron_previous(&cron, minute_of(next) - 1) <= minute_of(from));
}

static void test_cases(void **unused)
{
    (void)unused;
    expect_next("0 6 * * 1", "2026-11-24 10:12", "2026-11-30 06:00");
    expect_next("0 6 * * mon", "2026-11-30 06:00", "2026-12-07 06:00");
    expect_next("*/15 * * * *", "2026-01-01 00:00", "2026-01-01 00:15");
    expect_next("*/15 * * * *", "2025-12-31 23:59", "2026-01-01 00:00");
    expect_next("0 0 29 2 *", "2096-03-01 00:00", "2104-02-29 00:00"); /* 2100 is none */
    expect_next("0 0 1 JAN,jul *", "2026-02-01 00:00", "2026-07-01 00:00");
    expect_next("30 9-17/4 * * 1-5", "2026-11-27 17:30", "2026-11-30 09:30");
    expect_next("0 0 13 * 5", "2026-11-14 00:00", "2026-11-20 00:00");  /* either will do */
    expect_next("0 0 */2 * 1", "2026-11-23 00:00", "2026-12-07 00:00"); /* both, with a "*" */
    expect_next("0 0 * * 7", "2026-11-24 00:00", "2026-11-29 00:00");
    expect_next("0 0 * * 0", "2026-11-24 00:00", "2026-11-29 00:00");
    expect_next("5,10-12,50 1 * * *", "2026-11-24 01:10", "2026-11-24 01:11");
    expect_next("0 0 1 3 */7", "2020-03-02 00:00", "2026-03-01 00:00");  /* both again */
    expect_next("0 0 29 2 */7", "2088-02-29 00:00", "2128-02-29 00:00"); /* 40 years */
    expect_next("0 0 31 * *", "2026-01-31 00:00", "2026-03-31 00:00");
    expect_next("59 23 31 12 *", "1969-01-01 00:00", "1969-12-31 23:59"); /* before 1970 */
    expect_next("  0\t0  1 1 * ", "1899-06-01 00:00", "1900-01-01 00:00");
}

static void test_errors(void **unused)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"", "0 fields, expected five: minute, hour, day of the month, month, day of the week"},
        {"0 6 * *", "4 fields, expected five: minute, hour, day of the month, month, day of the "
                    "week"},
        {"0 6 * * 1 2026", "more than five fields: minute, hour, day of the month, month, day of "
                           "the week"},
        {"60 6 * * 1", "\"60\" is no minute: write * or numbers from 0 to 59 as in \"3\", \"1-5\", "
                       "\"*/2\", \"1,15\""},
        {"0 24 * * 1", "\"24\" is no hour: write * or numbers from 0 to 23 as in \"3\", \"1-5\", "
                       "\"*/2\", \"1,15\""},
        {"0 0 0 * *", "\"0\" is no day of the month: write * or numbers from 1 to 31 as in \"3\", "
                      "\"1-5\", \"*/2\", \"1,15\""},
        {"0 0 * foo *", "\"foo\" is no month: write * or numbers from 1 to 12 as in \"3\", "
                        "\"1-5\", \"*/2\", \"1,15\", or jan to dec"},
        {"0 0 * * 8", "\"8\" is no day of the week: write * or numbers from 0 to 7 as in \"3\", "
                      "\"1-5\", \"*/2\", \"1,15\", or sun to sat"},
        {"0 0 30 2 *", "never fires: there is no such day in any year"},
    };
    static const char *const bad[] = {"5-1 * * * *", "1, * * * *",    "*/0 * * * *", "5/2 * * * *",
                                      ", * * * *",   "1-2-3 * * * *", "** * * * *",  "-1 * * * *",
                                      "1e1 * * * *", "0001 * * * *",  "*/ * * * *",  "1- * * * *"};
    struct cron cron;
    struct err err;

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(cron_parse(&cron, span_of(cases[i].text), &err) < 0);
        assert_string_equal(err.text, cases[i].message);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (cron_parse(&cron, span_of(bad[i]), &err) == 0)
            fail_msg("accepted: %s", bad[i]);
}

/* Does it fire at a minute? From what the C library says of the date. */
static bool fires(const struct tm *tm, int minute_step, int hour, int day, int month, int weekday)
{
    bool day_fits = day < 0 || tm->tm_mday == day;
    bool weekday_fits = weekday < 0 || tm->tm_wday == weekday;
    bool either = day >= 0 && weekday >= 0;

    return tm->tm_min % minute_step == 0 && (hour < 0 || tm->tm_hour == hour) &&
           (month < 0 || tm->tm_mon + 1 == month) &&
           (either ? day_fits || weekday_fits : day_fits && weekday_fits);
}

static const char *put(char text[12], int number)
{
    if (number < 0)
        return "*";
    snprintf(text, 12, "%d", number);
    return text;
}

/* A hundred days, minute by minute. */
static void walk(int minute_step, int hour, int day, int month, int weekday, int64_t from)
{
    char text[64], parts[4][12];
    struct cron cron;
    int64_t last = -1;
    int64_t next;

    snprintf(text, sizeof(text), "*/%d %s %s %s %s", minute_step, put(parts[0], hour),
             put(parts[1], day), put(parts[2], month), put(parts[3], weekday));
    cron = parse(text);
    next = cron_next(&cron, from - 1);
    for (int64_t minute = from; minute < from + 100 * 1440; minute++) {
        time_t at = minute * 60;
        struct tm tm;

        gmtime_r(&at, &tm);
        if (fires(&tm, minute_step, hour, day, month, weekday)) {
            if (next != minute)
                fail_msg("%s: %lld, not %lld", text, (long long)next, (long long)minute);
            last = minute;
            next = cron_next(&cron, minute);
        }
        if (last >= 0 && minute % 97 == 0)
            assert_true(cron_previous(&cron, minute) == last);
        assert_true(next > minute);
    }
}

static void test_walk(void **unused)
{
    int64_t from = minute_of("2027-12-05 13:21");

    (void)unused;
    walk(1, -1, -1, -1, -1, from);
    walk(7, 23, -1, -1, -1, from);
    walk(30, 6, -1, -1, 1, from);
    walk(20, 0, 29, 2, -1, from);
    walk(60, -1, 13, -1, 5, from);
    walk(15, 12, 1, 1, 0, from);
    walk(15, 12, 1, -1, 6, minute_of("1965-11-05 00:00"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
