// SPDX-License-Identifier: Apache-2.0
/*
 * period_zone.c - see period_zone.h.
 *
 * A TZif file holds its data twice, for readers of 32 and of 64 bits:
 *
 *     44 bytes  header: "TZif", version, 15 zero, six counts as u32
 *     ..        data block of 32-bit times, skipped
 *     44 bytes  header again
 *     ..        times (i64 each), types (u8 each), type records (i32 offset, u8 dst, u8 name),
 *               names, leap seconds (12 bytes each), two lists of flags
 *     ..        "\n", the rule, "\n"
 *
 * all big endian. Asked for an instant, the zone gives the segment around it: a stretch of time
 * with one offset. Segments come from the table, and from the rule once it is over.
 */
#include "period/period_zone.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "period/calendar.h"

#define HEADER_BYTES 44
#define OFFSET_MAX (26 * 3600) /* no clock is farther from UTC; POSIX allows 24:59:59 */
#define RULE_TIME_MAX (167 * 3600)

struct segment {
    int64_t start_s;
    int64_t end_s; /* exclusive */
    int32_t offset;
};

enum rule_kind { RULE_NONE, RULE_JULIAN, RULE_DAY, RULE_MONTH };

/* On which day of a year and when the clocks are changed. */
struct rule_date {
    enum rule_kind kind;
    int32_t day; /* Jn: 1 to 365 without 29 February; n: 0 to 365; Mm.w.d: d, 0 is Sunday */
    int32_t month;
    int32_t week; /* 1 to 5; 5 is the last */
    int32_t time_s;
};

struct rule {
    bool is_set;
    bool has_summer;
    int32_t offset;
    int32_t summer_offset;
    struct rule_date begins; /* by the clock that is about to change */
    struct rule_date ends;
};

struct period_zone {
    uint32_t count;
    int64_t *times;   /* ascending */
    int32_t *offsets; /* from that time on */
    int32_t first_offset;
    struct rule rule;
};

/* ---- the rule's text ---- */

static bool take_char(struct span *text, char c)
{
    if (text->size == 0 || text->data[0] != c)
        return false;
    *text = (struct span){text->data + 1, text->size - 1};
    return true;
}

/* "CET" or "<+03>" */
static bool take_name(struct span *text)
{
    bool quoted = take_char(text, '<');
    uint32_t letters = 0;

    while (text->size > 0) {
        char c = text->data[0];
        bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        bool is_other = (c >= '0' && c <= '9') || c == '+' || c == '-';

        if (!is_letter && !(quoted && is_other))
            break;
        (void)take_char(text, c);
        letters++;
    }
    return letters >= 3 && (!quoted || take_char(text, '>'));
}

static bool take_number(struct span *text, int32_t least, int32_t most, int32_t *out_number)
{
    int32_t number = 0;
    uint32_t digits = 0;

    while (text->size > 0 && text->data[0] >= '0' && text->data[0] <= '9' && digits < 4) {
        number = number * 10 + (text->data[0] - '0');
        (void)take_char(text, text->data[0]);
        digits++;
    }
    *out_number = number;
    return digits > 0 && number >= least && number <= most;
}

/* [+-]hh[:mm[:ss]] in seconds */
static bool take_time(struct span *text, int32_t hours_max, int32_t *out_s)
{
    bool negative = take_char(text, '-');
    int32_t hours, minutes = 0, seconds = 0;

    if (!negative)
        (void)take_char(text, '+');
    if (!take_number(text, 0, hours_max, &hours))
        return false;
    if (take_char(text, ':')) {
        if (!take_number(text, 0, 59, &minutes))
            return false;
        if (take_char(text, ':') && !take_number(text, 0, 59, &seconds))
            return false;
    }
    *out_s = (hours * 3600 + minutes * 60 + seconds) * (negative ? -1 : 1);
    return true;
}

/* M3.5.0/3, J60, 59 */
static bool take_date(struct span *text, struct rule_date *out_date)
{
    struct rule_date date = {.kind = RULE_DAY, .time_s = 2 * 3600};

    if (take_char(text, 'M')) {
        date.kind = RULE_MONTH;
        if (!take_number(text, 1, 12, &date.month) || !take_char(text, '.') ||
            !take_number(text, 1, 5, &date.week) || !take_char(text, '.') ||
            !take_number(text, 0, 6, &date.day))
            return false;
    } else if (take_char(text, 'J')) {
        date.kind = RULE_JULIAN;
        if (!take_number(text, 1, 365, &date.day))
            return false;
    } else if (!take_number(text, 0, 365, &date.day)) {
        return false;
    }
    if (take_char(text, '/') && !take_time(text, RULE_TIME_MAX / 3600, &date.time_s))
        return false;
    *out_date = date;
    return true;
}

static bool parse_rule(struct rule *out_rule, struct span text)
{
    struct rule rule = {.is_set = true};

    if (text.size == 0) { /* the last offset of the table goes on */
        *out_rule = (struct rule){.is_set = false};
        return true;
    }
    if (!take_name(&text) || !take_time(&text, 24, &rule.offset))
        return false;
    rule.offset = -rule.offset; /* POSIX counts west of Greenwich */
    if (text.size > 0) {
        rule.has_summer = true;
        rule.summer_offset = rule.offset + 3600;
        if (!take_name(&text))
            return false;
        if (text.size > 0 && text.data[0] != ',') {
            if (!take_time(&text, 24, &rule.summer_offset))
                return false;
            rule.summer_offset = -rule.summer_offset;
        }
        if (!take_char(&text, ',') || !take_date(&text, &rule.begins) || !take_char(&text, ',') ||
            !take_date(&text, &rule.ends))
            return false;
    }
    *out_rule = rule;
    return text.size == 0;
}

/* ---- segments ---- */

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* The instant of a change in a year, by clocks that show `offset`. */
static int64_t rule_instant(const struct rule_date *date, int64_t year, int32_t offset)
{
    int64_t days = calendar_days(year, 1, 1);

    if (date->kind == RULE_DAY) {
        days += date->day;
    } else if (date->kind == RULE_JULIAN) {
        days += date->day - 1 + (is_leap(year) && date->day >= 60);
    } else {
        int64_t first = calendar_days(year, date->month, 1);
        int64_t next = calendar_days(year, date->month + 1, 1);

        days = first + (date->day - calendar_weekday(first) + 7) % 7 + (date->week - 1) * 7;
        if (days >= next)
            days -= 7;
    }
    return days * DAY_SECONDS + date->time_s - offset;
}

static int32_t last_offset(const struct period_zone *zone)
{
    return zone->count > 0 ? zone->offsets[zone->count - 1] : zone->first_offset;
}

#define RULE_YEARS 3

/* The segment of an instant at which the table is over. */
static struct segment rule_segment(const struct period_zone *zone, int64_t utc_s)
{
    const struct rule *rule = &zone->rule;
    int64_t table_end = zone->count > 0 ? zone->times[zone->count - 1] : INT64_MIN;
    struct segment segment = {table_end, INT64_MAX,
                              rule->is_set ? rule->offset : last_offset(zone)};
    struct segment changes[2 * RULE_YEARS];
    int64_t year;

    if (!rule->is_set || !rule->has_summer)
        return segment;
    year = calendar_date_of(calendar_floor_div(utc_s, DAY_SECONDS)).year;
    for (int i = 0; i < RULE_YEARS; i++) {
        int64_t at = year + i - 1;
        struct segment summer = {rule_instant(&rule->begins, at, rule->offset), 0,
                                 rule->summer_offset};
        struct segment winter = {rule_instant(&rule->ends, at, rule->summer_offset), 0,
                                 rule->offset};
        bool summer_first = summer.start_s < winter.start_s;

        changes[2 * i] = summer_first ? summer : winter;
        changes[2 * i + 1] = summer_first ? winter : summer;
    }
    /* Before the first change of these years it is as before its last one of the year. */
    segment.offset = changes[1].offset;
    for (int i = 0; i < 2 * RULE_YEARS; i++) {
        if (changes[i].start_s > utc_s) {
            segment.end_s = changes[i].start_s;
            break;
        }
        segment.offset = changes[i].offset;
        if (changes[i].start_s > segment.start_s)
            segment.start_s = changes[i].start_s;
    }
    return segment;
}

static struct segment segment_at(const struct period_zone *zone, int64_t utc_s)
{
    uint32_t low = 0;
    uint32_t high = zone->count;

    while (low < high) { /* how many changes were at or before it */
        uint32_t middle = (low + high) / 2;

        if (zone->times[middle] <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->count)
        return rule_segment(zone, utc_s);
    return (struct segment){low > 0 ? zone->times[low - 1] : INT64_MIN, zone->times[low],
                            low > 0 ? zone->offsets[low - 1] : zone->first_offset};
}

int32_t period_zone_offset(const struct period_zone *zone, int64_t utc_s)
{
    return zone != NULL ? segment_at(zone, utc_s).offset : 0;
}

int64_t period_zone_changed(const struct period_zone *zone, int64_t utc_s)
{
    return zone != NULL ? segment_at(zone, utc_s).start_s : INT64_MIN;
}

int64_t period_zone_changes(const struct period_zone *zone, int64_t utc_s)
{
    return zone != NULL ? segment_at(zone, utc_s).end_s : INT64_MAX;
}

int64_t period_zone_utc(const struct period_zone *zone, int64_t local_s)
{
    struct segment segment;

    if (zone == NULL)
        return local_s;
    /* Clocks of earlier segments have not come so far. */
    segment = segment_at(zone, local_s - OFFSET_MAX);
    for (;;) {
        int64_t utc_s = local_s - segment.offset;

        if (utc_s < segment.start_s)
            utc_s = segment.start_s;
        if (utc_s < segment.end_s)
            return utc_s;
        segment = segment_at(zone, segment.end_s);
    }
}

/* ---- the file ---- */

static uint32_t read_u32(const char *at)
{
    const uint8_t *bytes = (const uint8_t *)at;

    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int64_t read_i64(const char *at)
{
    return (int64_t)((uint64_t)read_u32(at) << 32 | read_u32(at + 4));
}

/* The counts of a header. */
struct counts {
    uint32_t utc_flags, standard_flags, leaps, times, types, letters;
};

/* Where a data block ends that begins behind the header at `at`; 0 if it does not fit. */
static size_t read_header(struct span tzif, size_t at, size_t time_bytes, struct counts *out_counts)
{
    const char *header = tzif.data + at;
    uint32_t counts[6];
    uint64_t size = HEADER_BYTES;

    if (at + HEADER_BYTES > tzif.size || memcmp(header, "TZif", 4) != 0 || header[4] < '2')
        return 0;
    for (uint32_t i = 0; i < 6; i++)
        counts[i] = read_u32(header + 20 + 4 * i);
    *out_counts = (struct counts){counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]};
    size += (uint64_t)counts[3] * (time_bytes + 1) + (uint64_t)counts[4] * 6 + counts[5] +
            (uint64_t)counts[2] * (time_bytes + 4) + counts[1] + counts[0];
    return at + size <= tzif.size ? (size_t)(at + size) : 0;
}

/* The table: times, then a type for each, then the types. */
static bool read_table(struct period_zone *zone, const char *at, const struct counts *counts)
{
    const char *indexes = at + (size_t)counts->times * 8;
    const char *types = indexes + counts->times;

    zone->times = bytes_alloc_zero(counts->times + 1, sizeof(zone->times[0]));
    zone->offsets = bytes_alloc_zero(counts->times + 1, sizeof(zone->offsets[0]));
    for (uint32_t i = 0; i < counts->types; i++) {
        int32_t offset = (int32_t)read_u32(types + (size_t)i * 6);

        if (offset < -OFFSET_MAX || offset > OFFSET_MAX)
            return false;
    }
    zone->first_offset = (int32_t)read_u32(types);
    for (uint32_t i = 0; i < counts->times; i++) {
        int64_t time_s = read_i64(at + (size_t)i * 8);
        uint8_t type = (uint8_t)indexes[i];

        if (type >= counts->types || (i > 0 && time_s <= zone->times[i - 1]))
            return false;
        zone->times[i] = time_s;
        zone->offsets[i] = (int32_t)read_u32(types + (size_t)type * 6);
    }
    zone->count = counts->times;
    return true;
}

static bool read_zone(struct period_zone *zone, struct span tzif)
{
    struct counts counts;
    size_t second = read_header(tzif, 0, 4, &counts);
    size_t end = second > 0 ? read_header(tzif, second, 8, &counts) : 0;
    const char *newline;

    if (end == 0 || counts.types == 0 || counts.leaps > 0 ||
        !read_table(zone, tzif.data + second + HEADER_BYTES, &counts))
        return false;
    if (end == tzif.size || tzif.data[end] != '\n')
        return false;
    newline = memchr(tzif.data + end + 1, '\n', tzif.size - end - 1);
    if (newline == NULL)
        return false;
    return parse_rule(&zone->rule,
                      (struct span){tzif.data + end + 1, (size_t)(newline - tzif.data) - end - 1});
}

int period_zone_load(struct period_zone **out_zone, struct span tzif, struct err *err)
{
    struct period_zone *zone;

    if (tzif.size > PERIOD_ZONE_BYTES_MAX)
        return err_set(err, ERR_INVALID, "a time zone of %zu bytes, at most %d", tzif.size,
                       PERIOD_ZONE_BYTES_MAX);
    zone = bytes_alloc_zero(1, sizeof(*zone));
    if (!read_zone(zone, tzif)) {
        period_zone_free(zone);
        return err_set(err, ERR_INVALID, "not a time zone (TZif of version 2 or later)");
    }
    *out_zone = zone;
    return 0;
}

void period_zone_free(struct period_zone *zone)
{
    if (zone == NULL)
        return;
    free(zone->times);
    free(zone->offsets);
    free(zone);
}
