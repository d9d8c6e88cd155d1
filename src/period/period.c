// SPDX-License-Identifier: Apache-2.0
/*
 * period.c - see period.h.
 *
 * Boundaries are numbered: days, weeks and months by their count since 1970, firings by their
 * minute. `boundary` is the instant of a number. As boundaries never come earlier for later
 * numbers, the season of an event begins with the last boundary that is not after it, which is
 * found from a guess by the local clock, one or two steps away at most.
 */
#include "period/period.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "period/calendar.h"
#include "period/period_zone.h"

#define TIME_MAX_MS (INT64_C(3155760000) * 1000000)
#define HOUR_SECONDS 3600
#define MINUTE_MS 60000
#define HOUR_MS 3600000
#define DAY_MS 86400000
#define PANES_DEFAULT 32

/* 1970-01-05 was the first Monday. */
#define FIRST_MONDAY 4

void period_init(struct period *out_period, const struct period_def *def,
                 const struct period_zone *zone)
{
    struct period period = {.def = *def, .zone = zone};

    if (def->kind == PERIOD_CRON) {
        int rc = cron_parse(&period.cron, span_of(def->cron), NULL);

        assert(rc == 0);
    }
    *out_period = period;
}

bool period_has_seasons(const struct period_def *def)
{
    return def->kind != PERIOD_NONE && def->kind != PERIOD_ROLLING;
}

static int64_t local_of(const struct period *period, int64_t utc_s)
{
    return utc_s + period_zone_offset(period->zone, utc_s);
}

/* The number of the last boundary at or before a local time. */
static int64_t number_at(const struct period *period, int64_t local_s)
{
    int64_t days = calendar_floor_div(local_s, DAY_SECONDS);
    struct calendar_date date;

    switch (period->def.kind) {
    case PERIOD_DAILY:
        return days;
    case PERIOD_WEEKLY:
        return calendar_floor_div(days - FIRST_MONDAY, 7);
    case PERIOD_MONTHLY:
        date = calendar_date_of(days);
        return date.year * 12 + date.month - 1;
    case PERIOD_CRON:
        return cron_previous(&period->cron, calendar_floor_div(local_s, 60));
    case PERIOD_NONE:
    case PERIOD_HOURLY:
    case PERIOD_ROLLING:
        break;
    }
    assert(!"a period whose boundaries are numbered");
    return 0;
}

static int64_t number_after(const struct period *period, int64_t number)
{
    return period->def.kind == PERIOD_CRON ? cron_next(&period->cron, number) : number + 1;
}

static int64_t number_before(const struct period *period, int64_t number)
{
    return period->def.kind == PERIOD_CRON ? cron_previous(&period->cron, number - 1) : number - 1;
}

static int64_t boundary(const struct period *period, int64_t number)
{
    int64_t local_s = 0;

    if (period->def.kind == PERIOD_DAILY)
        local_s = number * DAY_SECONDS;
    else if (period->def.kind == PERIOD_WEEKLY)
        local_s = (number * 7 + FIRST_MONDAY) * DAY_SECONDS;
    else if (period->def.kind == PERIOD_MONTHLY)
        local_s = calendar_days(0, number + 1, 1) * DAY_SECONDS;
    else
        local_s = number * 60;
    return period_zone_utc(period->zone, local_s);
}

/* The seasons at the ends of time have no other end. */
static struct period_season season_of(int64_t start_s, int64_t end_s)
{
    return (struct period_season){
        start_s * 1000 <= -TIME_MAX_MS ? INT64_MIN : start_s * 1000,
        end_s * 1000 > TIME_MAX_MS ? INT64_MAX : end_s * 1000,
    };
}

static struct period_season hour_of(const struct period *period, int64_t utc_s)
{
    int64_t offset = period_zone_offset(period->zone, utc_s);
    int64_t start_s = calendar_floor_div(utc_s + offset, HOUR_SECONDS) * HOUR_SECONDS - offset;
    int64_t end_s = start_s + HOUR_SECONDS;
    int64_t changed_s = period_zone_changed(period->zone, utc_s);
    int64_t changes_s = period_zone_changes(period->zone, utc_s);

    if (changed_s > start_s)
        start_s = changed_s;
    if (changes_s < end_s)
        end_s = changes_s;
    return season_of(start_s, end_s);
}

struct period_season period_season_of(const struct period *period, int64_t event_ms)
{
    int64_t utc_s, number, start_s, end_s;

    if (!period_has_seasons(&period->def))
        return (struct period_season){INT64_MIN, INT64_MAX};
    if (event_ms < -TIME_MAX_MS)
        event_ms = -TIME_MAX_MS;
    if (event_ms > TIME_MAX_MS)
        event_ms = TIME_MAX_MS;
    utc_s = calendar_floor_div(event_ms, 1000);
    if (period->def.kind == PERIOD_HOURLY)
        return hour_of(period, utc_s);
    number = number_at(period, local_of(period, utc_s));
    while ((start_s = boundary(period, number)) > utc_s)
        number = number_before(period, number);
    for (;;) {
        number = number_after(period, number);
        end_s = boundary(period, number);
        if (end_s > utc_s)
            return season_of(start_s, end_s);
        start_s = end_s;
    }
}

struct period_season period_season_after(const struct period *period,
                                         const struct period_season *season)
{
    return period_season_of(period, season->end_ms);
}

struct period_season period_season_before(const struct period *period,
                                          const struct period_season *season)
{
    return period_season_of(period, season->start_ms - 1);
}

uint32_t period_pane_count(const struct period_def *def)
{
    assert(def->kind == PERIOD_ROLLING && def->pane_ms > 0);
    return (uint32_t)(def->rolling_ms / def->pane_ms);
}

int64_t period_pane_start(const struct period_def *def, int64_t event_ms)
{
    assert(def->kind == PERIOD_ROLLING && def->pane_ms > 0);
    return calendar_floor_div(event_ms, def->pane_ms) * def->pane_ms;
}

int64_t period_pane_default(int64_t rolling_ms)
{
    static const int64_t usual[] = {
        1000,
        5000,
        10000,
        30000,
        MINUTE_MS,
        5 * MINUTE_MS,
        10 * MINUTE_MS,
        30 * MINUTE_MS,
        HOUR_MS,
        3 * (int64_t)HOUR_MS,
        6 * (int64_t)HOUR_MS,
        12 * (int64_t)HOUR_MS,
        DAY_MS,
        7 * (int64_t)DAY_MS,
        30 * (int64_t)DAY_MS,
    };

    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        if (rolling_ms % usual[i] == 0 && rolling_ms / usual[i] <= PANES_DEFAULT)
            return usual[i];
    for (int64_t count = PANES_DEFAULT; count > 1; count--)
        if (rolling_ms % count == 0)
            return rolling_ms / count;
    return rolling_ms;
}
