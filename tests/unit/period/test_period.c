// SPDX-License-Identifier: Apache-2.0
/*
 * test_period.c - zones against what the C library makes of the same files, and seasons against a
 * walk through time that looks at the library's local clock.
 */
#include "period/period.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/err.h"
#include "period/calendar.h"
#include "period/period_zone.h"

#define FOLDER "/usr/share/zoneinfo/"

static const char *const zone_names[] = {
    "Europe/Berlin",    "America/New_York",    "America/Sao_Paulo", "Asia/Kolkata",
    "Africa/Cairo",     "Australia/Lord_Howe", "Pacific/Apia",      "Asia/Kathmandu",
    "America/St_Johns", "Europe/Dublin",       "Africa/Casablanca", "Asia/Tehran",
    "Asia/Beirut",      "America/Havana",      "Antarctica/Troll",  "Etc/UTC",
};

#define ZONE_COUNT (sizeof(zone_names) / sizeof(zone_names[0]))

static void read_file(const char *name, struct bytes *out)
{
    char path[200];
    FILE *file;

    snprintf(path, sizeof(path), FOLDER "%s", name);
    file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s: missing", path);
    out->size = fread(bytes_reserve(out, PERIOD_ZONE_BYTES_MAX), 1, PERIOD_ZONE_BYTES_MAX, file);
    fclose(file);
}

static struct period_zone *load(const char *name)
{
    struct period_zone *zone;
    struct bytes text = {0};
    struct err err = {0};
    char variable[200];

    read_file(name, &text);
    if (period_zone_load(&zone, bytes_span(&text), &err) < 0)
        fail_msg("%s: %s", name, err.text);
    bytes_done(&text);
    snprintf(variable, sizeof(variable), ":" FOLDER "%s", name);
    setenv("TZ", variable, 1);
    tzset();
    return zone;
}

static int64_t offset_of_library(int64_t utc_s)
{
    time_t at = utc_s;
    struct tm tm;

    assert_non_null(localtime_r(&at, &tm));
    return tm.tm_gmtoff;
}

static int64_t utc(const char *text)
{
    struct tm tm = {0};

    assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
    return timegm(&tm);
}

/* From 1900 to 2150, beyond every table. */
static void test_offsets(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ZONE_COUNT; i++) {
        struct period_zone *zone = load(zone_names[i]);

        for (int64_t at = utc("1900-01-01 00:00:00"); at < utc("2150-01-01 00:00:00");
             at += 40000 + at % 7919)
            if (period_zone_offset(zone, at) != offset_of_library(at))
                fail_msg("%s at %lld: %d, not %lld", zone_names[i], (long long)at,
                         period_zone_offset(zone, at), (long long)offset_of_library(at));
        period_zone_free(zone);
    }
    assert_int_equal(period_zone_offset(NULL, 5), 0);
    assert_true(period_zone_utc(NULL, 5) == 5);
    period_zone_free(NULL);
}

/* Every change of a zone: the last second before it and the first after it. */
static void test_changes(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ZONE_COUNT; i++) {
        struct period_zone *zone = load(zone_names[i]);
        int64_t at = utc("1905-01-01 00:00:00");
        uint32_t count = 0;

        while ((at = period_zone_changes(zone, at)) < utc("2100-01-01 00:00:00")) {
            assert_true(period_zone_offset(zone, at) == offset_of_library(at));
            assert_true(period_zone_offset(zone, at - 1) == offset_of_library(at - 1));
            assert_true(period_zone_changed(zone, at) == at);
            assert_true(period_zone_changed(zone, at + 60) == at);
            count++;
        }
        if (strcmp(zone_names[i], "Europe/Berlin") == 0)
            assert_true(count > 200);
        period_zone_free(zone);
    }
}

/* The first instant at which the library's clock shows a local time or more, second by second. */
static void test_local(void **unused)
{
    static const struct {
        const char *zone;
        const char *local;
        const char *instant;
    } cases[] = {
        {"Europe/Berlin", "2026-03-29 01:59:59", "2026-03-29 00:59:59"},
        {"Europe/Berlin", "2026-03-29 02:30:00", "2026-03-29 01:00:00"}, /* skipped */
        {"Europe/Berlin", "2026-03-29 03:00:00", "2026-03-29 01:00:00"},
        {"Europe/Berlin", "2026-10-25 02:30:00", "2026-10-25 00:30:00"}, /* twice */
        {"Europe/Berlin", "2026-10-25 03:00:00", "2026-10-25 02:00:00"},
        {"Pacific/Apia", "2011-12-30 12:00:00", "2011-12-30 10:00:00"}, /* a day that was not */
        {"Africa/Cairo", "2026-04-24 00:00:00", "2026-04-23 22:00:00"}, /* no midnight */
        {"America/Havana", "2026-11-01 00:30:00", "2026-11-01 04:30:00"},
        {"Europe/Berlin", "2098-07-01 00:00:00", "2098-06-30 22:00:00"}, /* by the rule */
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct period_zone *zone = load(cases[i].zone);
        int64_t got = period_zone_utc(zone, utc(cases[i].local));

        if (got != utc(cases[i].instant))
            fail_msg("%s %s: %+lld s", cases[i].zone, cases[i].local,
                     (long long)(got - utc(cases[i].instant)));
        period_zone_free(zone);
    }
}

/* Does a season begin now, by the library's clock there and a step before? */
static bool begins(const struct tm *now, const struct tm *before, enum period_kind kind)
{
    bool new_hour = now->tm_min == 0 || now->tm_gmtoff != before->tm_gmtoff;
    int64_t day = calendar_days(now->tm_year + 1900, now->tm_mon + 1, now->tm_mday);
    int64_t day_before = calendar_days(before->tm_year + 1900, before->tm_mon + 1, before->tm_mday);

    if (kind == PERIOD_HOURLY)
        return new_hour;
    if (kind == PERIOD_DAILY)
        return day > day_before;
    if (kind == PERIOD_WEEKLY) /* counted from a Monday */
        return (day + 3 + 700000) / 7 > (day_before + 3 + 700000) / 7;
    return now->tm_mon != before->tm_mon && day > day_before;
}

#define STEP 900 /* clocks are changed at quarters of an hour */

/* Walks in small steps; where a date comes again, it is not a new one. */
static void walk(const struct period_zone *zone, const char *name, enum period_kind kind,
                 int64_t from, int64_t days)
{
    struct period_def def = {.kind = kind};
    struct period period;
    struct period_season season;
    int64_t start = -1;
    int64_t latest_local = INT64_MIN;

    period_init(&period, &def, zone);
    for (int64_t at = from; at < from + days * 86400; at += STEP) {
        time_t times[2] = {at - STEP, at};
        struct tm tm[2];

        localtime_r(&times[0], &tm[0]);
        localtime_r(&times[1], &tm[1]);
        if (begins(&tm[1], &tm[0], kind) &&
            (kind == PERIOD_HOURLY || at + tm[1].tm_gmtoff >= latest_local)) {
            if (start >= 0) {
                season = period_season_of(&period, at * 1000 - 1);
                if (season.start_ms != start * 1000 || season.end_ms != at * 1000)
                    fail_msg("%s kind %d: season of %lld is %lld to %lld, not %lld to %lld", name,
                             kind, (long long)at - 1, (long long)season.start_ms / 1000,
                             (long long)season.end_ms / 1000, (long long)start, (long long)at);
            }
            start = at;
        }
        if (at + tm[1].tm_gmtoff > latest_local)
            latest_local = at + tm[1].tm_gmtoff;
        if (start >= 0 && at % 7 == 0) {
            season = period_season_of(&period, at * 1000);
            assert_true(season.start_ms == start * 1000);
        }
    }
}

static void test_seasons(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ZONE_COUNT; i++) {
        struct period_zone *zone = load(zone_names[i]);

        for (int kind = PERIOD_HOURLY; kind <= PERIOD_MONTHLY; kind++) {
            walk(zone, zone_names[i], (enum period_kind)kind, utc("2026-03-05 00:00:00"), 65);
            walk(zone, zone_names[i], (enum period_kind)kind, utc("2026-09-20 00:00:00"), 65);
        }
        walk(zone, zone_names[i], PERIOD_DAILY, utc("2011-12-20 00:00:00"), 20);
        walk(zone, zone_names[i], PERIOD_WEEKLY, utc("2045-01-01 00:00:00"), 365);
        period_zone_free(zone);
    }
}

static void test_known(void **unused)
{
    struct period_def def = {.kind = PERIOD_WEEKLY};
    struct period period;
    struct period_season season, other;

    (void)unused;
    period_init(&period, &def, NULL);
    season = period_season_of(&period, utc("2026-11-24 10:00:00") * 1000 + 1);
    assert_true(season.start_ms == utc("2026-11-23 00:00:00") * 1000);
    assert_true(season.end_ms == utc("2026-11-30 00:00:00") * 1000);
    other = period_season_after(&period, &season);
    assert_true(other.start_ms == season.end_ms);
    other = period_season_before(&period, &other);
    assert_memory_equal(&other, &season, sizeof(season));

    def.kind = PERIOD_MONTHLY;
    period_init(&period, &def, NULL);
    season = period_season_of(&period, utc("1968-02-29 23:59:59") * 1000 + 999);
    assert_true(season.start_ms == utc("1968-02-01 00:00:00") * 1000);
    assert_true(season.end_ms == utc("1968-03-01 00:00:00") * 1000);
    (void)period_season_of(&period, INT64_MIN);
    (void)period_season_of(&period, INT64_MAX);

    def.kind = PERIOD_NONE;
    period_init(&period, &def, NULL);
    season = period_season_of(&period, 5);
    assert_true(season.start_ms == INT64_MIN && season.end_ms == INT64_MAX);
    assert_false(period_has_seasons(&def));
}

static void test_cron(void **unused)
{
    struct period_def def = {.kind = PERIOD_CRON, .cron = "30 2 * * *"};
    struct period_zone *zone = load("Europe/Berlin");
    struct period period;
    struct period_season season;

    (void)unused;
    assert_true(period_has_seasons(&def));
    period_init(&period, &def, zone);
    /* 02:30 is skipped: the season begins when the clocks go from 02:00 to 03:00. */
    season = period_season_of(&period, utc("2026-03-29 12:00:00") * 1000);
    assert_true(season.start_ms == utc("2026-03-29 01:00:00") * 1000);
    assert_true(season.end_ms == utc("2026-03-30 00:30:00") * 1000);
    season = period_season_of(&period, utc("2026-03-29 00:59:59") * 1000);
    assert_true(season.end_ms == utc("2026-03-29 01:00:00") * 1000);
    /* 02:30 comes twice: only the first counts. */
    season = period_season_of(&period, utc("2026-10-25 01:45:00") * 1000);
    assert_true(season.start_ms == utc("2026-10-25 00:30:00") * 1000);
    assert_true(season.end_ms == utc("2026-10-26 01:30:00") * 1000);
    period_zone_free(zone);

    snprintf(def.cron, sizeof(def.cron), "0 0 29 2 *");
    period_init(&period, &def, NULL);
    season = period_season_of(&period, utc("2099-01-01 00:00:00") * 1000);
    assert_true(season.start_ms == utc("2096-02-29 00:00:00") * 1000);
    assert_true(season.end_ms == utc("2104-02-29 00:00:00") * 1000);
}

static void test_rolling(void **unused)
{
    static const struct {
        int64_t rolling, pane;
    } cases[] = {
        {60000, 5000},
        {3600000, 300000},
        {86400000, 3600000},
        {7 * INT64_C(86400000), 21600000},
        {30 * INT64_C(86400000), 86400000},
        {365 * INT64_C(86400000), 365 * INT64_C(2700000)},
        {1009, 1009},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct period_def def = {.kind = PERIOD_ROLLING,
                                 .rolling_ms = cases[i].rolling,
                                 .pane_ms = period_pane_default(cases[i].rolling)};

        assert_true(def.rolling_ms % def.pane_ms == 0);
        assert_true(period_pane_count(&def) <= 32);
        if (i < 5)
            assert_int_equal(def.pane_ms, cases[i].pane);
        assert_true(period_pane_start(&def, -1) == -def.pane_ms);
        assert_true(period_pane_start(&def, def.pane_ms) == def.pane_ms);
        assert_false(period_has_seasons(&def));
    }
}

/* Damaged files are refused, cut anywhere; no damage is followed out of the file. */
static void test_damage(void **unused)
{
    struct bytes text = {0};
    struct period_zone *zone;
    struct err err;

    (void)unused;
    read_file("Europe/Berlin", &text);
    for (size_t size = 0; size + 1 < text.size; size++)
        assert_true(period_zone_load(&zone, (struct span){text.data, size}, &err) < 0);
    for (size_t at = 0; at < text.size; at++) {
        for (int flip = 1; flip < 256; flip *= 4) {
            text.data[at] = (char)(text.data[at] ^ flip);
            if (period_zone_load(&zone, bytes_span(&text), NULL) == 0) {
                for (int64_t day = -40000; day < 60000; day += 777)
                    (void)period_zone_utc(zone, day * 86400);
                period_zone_free(zone);
            }
            text.data[at] = (char)(text.data[at] ^ flip);
        }
    }
    bytes_done(&text);
    assert_true(period_zone_load(&zone, SPAN_LITERAL("hello"), &err) < 0);
    assert_string_equal(err.text, "not a time zone (TZif of version 2 or later)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets), cmocka_unit_test(test_changes),
        cmocka_unit_test(test_local),   cmocka_unit_test(test_seasons),
        cmocka_unit_test(test_known),   cmocka_unit_test(test_cron),
        cmocka_unit_test(test_rolling), cmocka_unit_test(test_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
