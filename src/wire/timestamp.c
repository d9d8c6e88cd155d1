// SPDX-License-Identifier: Apache-2.0
/* timestamp.c - see timestamp.h. */
#include "wire/timestamp.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "wire/json_simd.h"

#define SECONDS_LIMIT 100000000000            /* 1e11 */
#define MILLISECONDS_LIMIT 100000000000000    /* 1e14 */
#define MICROSECONDS_LIMIT 100000000000000000 /* 1e17 */

#define DAY_SECONDS 86400

static const char out_of_range[] = "is not in the years 1 to 9999";
static const char not_a_time[] =
    "is not a time: expected epoch seconds, ms, us or ns, or text such as "
    "\"2021-04-01T12:00:00Z\" or \"2021-04-01\"";

static int64_t floor_div(int64_t value, int64_t divisor)
{
    return value / divisor - (value % divisor < 0);
}

static const char *checked(int64_t ms, int64_t *out_ms)
{
    if (ms < TIMESTAMP_MS_MIN || ms > TIMESTAMP_MS_MAX)
        return out_of_range;
    *out_ms = ms;
    return NULL;
}

const char *timestamp_from_int(int64_t value, int64_t *out_ms)
{
    if (value > -SECONDS_LIMIT && value < SECONDS_LIMIT)
        return checked(value * 1000, out_ms);
    if (value > -MILLISECONDS_LIMIT && value < MILLISECONDS_LIMIT)
        return checked(value, out_ms);
    if (value > -MICROSECONDS_LIMIT && value < MICROSECONDS_LIMIT)
        return checked(floor_div(value, 1000), out_ms);
    return checked(floor_div(value, 1000000), out_ms);
}

/* The value of the digits at `*at`, which moves past them; -1 if there are more than 18. */
static int64_t digits(const char **at, const char *end)
{
    const char *p = *at;
    int64_t value = 0;

    while (p < end && *p >= '0' && *p <= '9') {
        if (p - *at == 18)
            return -1;
        value = value * 10 + (*p - '0');
        p++;
    }
    *at = p;
    return value;
}

/* With an exponent: as exact as a double is. */
static const char *from_double(struct span number, int64_t *out_ms)
{
    double value;

    if (!json_simd_double(number.data, number.size, &value) || !(fabs(value) < 0x1p63))
        return out_of_range;
    if (fabs(value) < SECONDS_LIMIT)
        return checked((int64_t)floor(value * 1000), out_ms);
    return timestamp_from_int((int64_t)floor(value), out_ms);
}

/* `fraction` holds the digits behind the point; `negative` applies to both. */
static const char *from_parts(bool negative, int64_t whole, struct span fraction, int64_t *out_ms)
{
    int64_t thousandths = 0;
    bool rest = false;

    for (size_t i = 0; i < 3; i++)
        thousandths = thousandths * 10 + (i < fraction.size ? fraction.data[i] - '0' : 0);
    for (size_t i = 3; i < fraction.size; i++)
        rest |= fraction.data[i] != '0';
    if (whole < SECONDS_LIMIT) {
        int64_t ms = whole * 1000 + thousandths;

        return checked(negative ? -ms - rest : ms, out_ms);
    }
    rest |= thousandths != 0;
    return timestamp_from_int(negative ? -whole - rest : whole, out_ms);
}

const char *timestamp_from_number(struct span number, int64_t *out_ms)
{
    const char *at = number.data;
    const char *end = at + number.size;
    bool negative = at < end && *at == '-';
    const char *start;
    struct span fraction = {0};
    int64_t whole;

    at += negative;
    start = at;
    whole = digits(&at, end);
    if (whole >= 0 && at > start && at < end && *at == '.') {
        fraction.data = ++at;
        while (at < end && *at >= '0' && *at <= '9')
            at++;
        fraction.size = (size_t)(at - fraction.data);
    }
    if (whole >= 0 && at > start && at == end)
        return from_parts(negative, whole, fraction, out_ms);
    if (start < end && *start >= '0' && *start <= '9') {
        /* 19 digits may still be nanoseconds; more, or an exponent, is for a double. */
        char text[24];
        char *stop;
        long long value;

        if (memchr(number.data, 'e', number.size) || memchr(number.data, 'E', number.size))
            return from_double(number, out_ms);
        if (number.size > 20)
            return out_of_range;
        memcpy(text, number.data, number.size);
        text[number.size] = '\0';
        value = strtoll(text, &stop, 10);
        if (*stop == '\0' && value < INT64_MAX && value > INT64_MIN)
            return timestamp_from_int(value, out_ms);
        return *stop == '\0' ? out_of_range : not_a_time;
    }
    return not_a_time;
}

/* Two digits at `at`, or a number of 100 or more. */
static uint32_t pair(const char *at)
{
    uint32_t high = (uint32_t)(unsigned char)at[0] - '0';
    uint32_t low = (uint32_t)(unsigned char)at[1] - '0';

    return high > 9 || low > 9 ? 100 : high * 10 + low;
}

static bool is_leap(uint32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1970-01-01 to the first of a month; the date is known to be one. */
static int64_t days_from_date(uint32_t year, uint32_t month, uint32_t day)
{
    static const uint16_t before_month[12] = {0,   31,  59,  90,  120, 151,
                                              181, 212, 243, 273, 304, 334};
    int64_t past = (int64_t)year - 1; /* whole years since 0001-01-01 */
    int64_t days = past * 365 + past / 4 - past / 100 + past / 400;

    days += before_month[month - 1] + (month > 2 && is_leap(year)) + (day - 1);
    return days - 719162; /* 0001-01-01 to 1970-01-01 */
}

static const char *parse_date(const char *at, int64_t *out_days)
{
    static const uint8_t month_days[12] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t century = pair(at);
    uint32_t year = pair(at + 2);
    uint32_t month = pair(at + 5);
    uint32_t day = pair(at + 8);

    if (century > 99 || year > 99 || at[4] != '-' || month > 99 || at[7] != '-' || day > 99)
        return not_a_time;
    year += century * 100;
    if (month < 1 || month > 12 || day < 1 || day > month_days[month - 1] ||
        (month == 2 && day == 29 && !is_leap(year)))
        return "is a day that no calendar has";
    if (year < 1)
        return out_of_range;
    *out_days = days_from_date(year, month, day);
    return NULL;
}

/* What follows the seconds: a fraction, then the offset. */
static const char *parse_offset(const char *at, const char *end, int64_t *out_ms,
                                int64_t *out_offset_seconds)
{
    int64_t ms = 0;
    int64_t unit = 100;
    uint32_t hours;
    uint32_t minutes;

    if (at < end && *at == '.') {
        const char *start = ++at;

        for (; at < end && *at >= '0' && *at <= '9'; at++, unit /= 10)
            ms += (*at - '0') * unit;
        if (at == start)
            return not_a_time;
    }
    *out_ms = ms;
    *out_offset_seconds = 0;
    if (at == end)
        return "has no offset from UTC: end it with Z or with one such as +02:00";
    if (end - at == 1 && (*at == 'Z' || *at == 'z'))
        return NULL;
    if (end - at != 6 || (*at != '+' && *at != '-') || at[3] != ':')
        return not_a_time;
    hours = pair(at + 1);
    minutes = pair(at + 4);
    if (hours > 23 || minutes > 59)
        return "has an offset from UTC that does not exist";
    *out_offset_seconds = (int64_t)(hours * 60 + minutes) * (*at == '-' ? -60 : 60);
    return NULL;
}

const char *timestamp_from_text(struct span text, int64_t *out_ms)
{
    const char *at = text.data;
    const char *end = at + text.size;
    const char *wrong;
    int64_t days;
    int64_t ms;
    int64_t offset_seconds;
    uint32_t hour;
    uint32_t minute;
    uint32_t second;

    if (text.size < 10 || at[4] != '-') {
        for (const char *p = at; p < end; p++)
            if (*p < '0' || *p > '9')
                return not_a_time;
        return timestamp_from_number(text, out_ms);
    }
    wrong = parse_date(at, &days);
    if (wrong != NULL)
        return wrong;
    if (text.size == 10)
        return checked(days * DAY_SECONDS * 1000, out_ms);
    if (text.size < 19 || (at[10] != 'T' && at[10] != 't' && at[10] != ' ') || at[13] != ':' ||
        at[16] != ':')
        return not_a_time;
    hour = pair(at + 11);
    minute = pair(at + 14);
    second = pair(at + 17);
    if (hour > 99 || minute > 99 || second > 99)
        return not_a_time;
    if (hour > 23 || minute > 59 || second > 60)
        return "is an hour that no clock shows";
    wrong = parse_offset(at + 19, end, &ms, &offset_seconds);
    if (wrong != NULL)
        return wrong;
    return checked(
        (days * DAY_SECONDS + hour * 3600 + minute * 60 + second - offset_seconds) * 1000 + ms,
        out_ms);
}
