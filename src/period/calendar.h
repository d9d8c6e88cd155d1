// SPDX-License-Identifier: Apache-2.0
/*
 * calendar.h - days since 1970 and the Gregorian calendar, which holds for all time here.
 *
 * Years are counted from a 1 March, so that the day a leap year adds is a year's last: then the
 * months before it have the same lengths every year. 400 years have 146097 days.
 *
 * Thread: pure functions; any.
 */
#ifndef TALLYWHEEL_PERIOD_CALENDAR_H
#define TALLYWHEEL_PERIOD_CALENDAR_H

#include <stdint.h>

#define DAY_SECONDS 86400
#define DAY_MINUTES 1440

struct calendar_date {
    int64_t year;
    int32_t month; /* 1 to 12 */
    int32_t day;   /* 1 to 31 */
};

/* Division that rounds down, also below zero. */
static inline int64_t calendar_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days from 1970-01-01. `month` may be anything: 13 is January of the next year. */
static inline int64_t calendar_days(int64_t year, int64_t month, int64_t day)
{
    int64_t months = year * 12 + month - 3; /* since March of the year 0 */
    int64_t march_year = calendar_floor_div(months, 12);
    int64_t march_month = months - march_year * 12;
    int64_t leaps = calendar_floor_div(march_year, 4) - calendar_floor_div(march_year, 100) +
                    calendar_floor_div(march_year, 400);

    /* Months from March on have 31, 30, 31, 30, 31 days, over and over: 153 in five. */
    return march_year * 365 + leaps + (march_month * 153 + 2) / 5 + day - 1 - 719468;
}

static inline struct calendar_date calendar_date_of(int64_t days)
{
    int64_t since = days + 719468; /* 0000-03-01 */
    int64_t era = calendar_floor_div(since, 146097);
    int64_t in_era = since - era * 146097;
    int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (year * 365 + year / 4 - year / 100);
    int64_t march_month = (in_year * 5 + 2) / 153;
    struct calendar_date date = {
        .year = era * 400 + year + (march_month >= 10),
        .month = (int32_t)(march_month < 10 ? march_month + 3 : march_month - 9),
        .day = (int32_t)(in_year - (march_month * 153 + 2) / 5 + 1),
    };

    return date;
}

/* 0 is Sunday. 1970-01-01 was a Thursday. */
static inline int32_t calendar_weekday(int64_t days)
{
    return (int32_t)(days + 4 - calendar_floor_div(days + 4, 7) * 7);
}

#endif
