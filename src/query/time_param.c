// SPDX-License-Identifier: Apache-2.0
/* time_param.c - see time_param.h. */
#include "query/time_param.h"

#include "base/err.h"
#include "model/definition.h"

#define DAY_MS INT64_C(86400000)

/* Reads exactly `count` digits; false if there are others. */
static bool take_digits(struct span *rest, size_t count, int *out_value)
{
    int value = 0;

    if (rest->size < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (rest->data[i] < '0' || rest->data[i] > '9')
            return false;
        value = value * 10 + (rest->data[i] - '0');
    }
    *rest = (struct span){rest->data + count, rest->size - count};
    *out_value = value;
    return true;
}

static bool take_char(struct span *rest, const char *any_of)
{
    if (rest->size == 0 || rest->data[0] == '\0' || strchr(any_of, rest->data[0]) == NULL)
        return false;
    *rest = (struct span){rest->data + 1, rest->size - 1};
    return true;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

/* Days since 1970 of a date of the Gregorian calendar, counting years from March. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t month_from_march = month > 2 ? month - 3 : month + 9;
    int64_t era_days = y * 365 + y / 4 - y / 100 + y / 400;

    return era_days + (153 * month_from_march + 2) / 5 + day - 1 - 719468;
}

static bool take_date(struct span *rest, int64_t *out_ms)
{
    int year;
    int month;
    int day;

    if (!take_digits(rest, 4, &year) || !take_char(rest, "-") || !take_digits(rest, 2, &month) ||
        !take_char(rest, "-") || !take_digits(rest, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > month_days(year, month))
        return false;
    *out_ms = days_of(year, month, day) * DAY_MS;
    return true;
}

/* ".25": digits beyond milliseconds are cut. */
static bool take_fraction(struct span *rest, int64_t *out_ms)
{
    int64_t unit = 100;
    int digit;

    *out_ms = 0;
    if (!take_char(rest, "."))
        return true;
    if (!take_digits(rest, 1, &digit))
        return false;
    do {
        *out_ms += digit * unit;
        unit /= 10;
    } while (take_digits(rest, 1, &digit));
    return true;
}

/* "Z", "+02:00" */
static bool take_offset(struct span *rest, int64_t *out_ms)
{
    bool west = rest->size > 0 && rest->data[0] == '-';
    int hour;
    int minute;

    *out_ms = 0;
    if (take_char(rest, "Zz"))
        return true;
    /* A "+" that was not encoded arrives as a space. */
    if (!take_char(rest, "+- ") || !take_digits(rest, 2, &hour) || !take_char(rest, ":") ||
        !take_digits(rest, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *out_ms = (hour * INT64_C(60) + minute) * 60000 * (west ? -1 : 1);
    return true;
}

static bool take_time(struct span *rest, int64_t *out_ms)
{
    int hour;
    int minute;
    int second;
    int64_t fraction_ms;
    int64_t offset_ms;

    if (!take_char(rest, "Tt ") || !take_digits(rest, 2, &hour) || !take_char(rest, ":") ||
        !take_digits(rest, 2, &minute) || !take_char(rest, ":") || !take_digits(rest, 2, &second) ||
        hour > 23 || minute > 59 || second > 60 || !take_fraction(rest, &fraction_ms) ||
        !take_offset(rest, &offset_ms))
        return false;
    *out_ms = ((hour * INT64_C(60) + minute) * 60 + second) * 1000 + fraction_ms - offset_ms;
    return true;
}

static bool parse_rfc3339(struct span text, int64_t *out_ms)
{
    int64_t time_ms = 0;

    if (!take_date(&text, out_ms))
        return false;
    if (text.size > 0 && !take_time(&text, &time_ms))
        return false;
    *out_ms += time_ms;
    return text.size == 0;
}

/* Digits only, maybe after a minus. */
static bool parse_ms(struct span text, int64_t *out_ms)
{
    bool negative = take_char(&text, "-");
    int64_t value = 0;
    int digit;

    if (text.size == 0)
        return false;
    while (take_digits(&text, 1, &digit)) {
        value = value * 10 + digit;
        if (value > TIME_PARAM_MS_MAX)
            return false;
    }
    *out_ms = negative ? -value : value;
    return text.size == 0;
}

int time_param_parse(struct span text, const char *name, struct time_param *out_time,
                     struct err *err)
{
    struct span rest = text;
    bool negative = text.size > 0 && text.data[0] == '-';
    int64_t ms;

    if (span_equal(text, SPAN_LITERAL("now"))) {
        *out_time = (struct time_param){true, 0};
        return 0;
    }
    if (parse_ms(text, &ms) || parse_rfc3339(text, &ms)) {
        *out_time = (struct time_param){false, ms};
        return 0;
    }
    /* A "+" that was not encoded arrives as a space. */
    if (take_char(&rest, "-+ ") && duration_parse(rest, &ms, NULL) == 0 && ms >= 0 &&
        ms <= TIME_PARAM_MS_MAX) {
        *out_time = (struct time_param){true, negative ? -ms : ms};
        return 0;
    }
    return err_set(err, ERR_INVALID,
                   "%s=%.*s: expected milliseconds since 1970, a time such as "
                   "2020-01-01T00:00:00Z, \"now\", or one relative to now such as -5m",
                   name, (int)(text.size < 100 ? text.size : 100), text.data);
}

int64_t time_param_ms(struct time_param time, int64_t now_ms)
{
    int64_t ms = time.ms;

    if (time.is_relative && __builtin_add_overflow(ms, now_ms, &ms))
        ms = time.ms < 0 ? -TIME_PARAM_MS_MAX : TIME_PARAM_MS_MAX;
    if (ms > TIME_PARAM_MS_MAX)
        return TIME_PARAM_MS_MAX;
    return ms < -TIME_PARAM_MS_MAX ? -TIME_PARAM_MS_MAX : ms;
}
