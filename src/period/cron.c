// SPDX-License-Identifier: Apache-2.0
/* cron.c - see cron.h. */
#include "period/cron.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "period/calendar.h"

#define FIELD_COUNT 5
#define NAME_LETTERS 3
/* A 29 February that is a Sunday comes within 40 years, over a century whose last year has none. */
#define SEARCH_DAYS (41 * 366)

struct cron_field {
    const char *what;
    uint32_t least;
    uint32_t most;
    const char *const *names; /* NULL: numbers only */
    uint32_t name_count;
};

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                          "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static const struct cron_field fields[FIELD_COUNT] = {
    {"minute", 0, 59, NULL, 0},
    {"hour", 0, 23, NULL, 0},
    {"day of the month", 1, 31, NULL, 0},
    {"month", 1, 12, month_names, 12},
    {"day of the week", 0, 7, weekday_names, 7},
};

static int fail(const struct cron_field *field, struct span text, struct err *err)
{
    return err_set(err, ERR_INVALID,
                   "\"%.*s\" is no %s: write * or numbers from %u to %u as in \"3\", \"1-5\", "
                   "\"*/2\", \"1,15\"%s",
                   (int)(text.size < 40 ? text.size : 40), text.data, field->what, field->least,
                   field->most,
                   field->names == NULL ? ""
                   : field->least == 0  ? ", or sun to sat"
                                        : ", or jan to dec");
}

/* Takes a number from the front of `text`; at most three digits. */
static bool take_number(struct span *text, uint32_t *out_number)
{
    uint32_t number = 0;
    uint32_t digits = 0;

    while (text->size > 0 && text->data[0] >= '0' && text->data[0] <= '9' && digits < 3) {
        number = number * 10 + (uint32_t)(text->data[0] - '0');
        *text = (struct span){text->data + 1, text->size - 1};
        digits++;
    }
    *out_number = number;
    return digits > 0;
}

static bool take_value(const struct cron_field *field, struct span *text, uint32_t *out_value)
{
    if (take_number(text, out_value))
        return *out_value >= field->least && *out_value <= field->most;
    for (uint32_t i = 0; i < field->name_count && text->size >= NAME_LETTERS; i++) {
        if (strncasecmp(text->data, field->names[i], NAME_LETTERS) == 0) {
            *out_value = field->least + i;
            *text = (struct span){text->data + NAME_LETTERS, text->size - NAME_LETTERS};
            return true;
        }
    }
    return false;
}

static bool take_char(struct span *text, char c)
{
    if (text->size == 0 || text->data[0] != c)
        return false;
    *text = (struct span){text->data + 1, text->size - 1};
    return true;
}

/* One element of a list: "*", "3", "1-5", and a step behind the first or the last. */
static bool parse_item(const struct cron_field *field, struct span text, uint64_t *bits)
{
    uint32_t first = field->least;
    uint32_t last = field->most;
    uint32_t step = 1;
    bool is_one = false;

    if (!take_char(&text, '*')) {
        if (!take_value(field, &text, &first))
            return false;
        last = first;
        is_one = !take_char(&text, '-');
        if (!is_one && !take_value(field, &text, &last))
            return false;
    }
    if (text.size > 0 &&
        (is_one || !take_char(&text, '/') || !take_number(&text, &step) || step == 0))
        return false;
    if (text.size > 0 || first > last)
        return false;
    for (uint32_t value = first; value <= last; value += step)
        *bits |= (uint64_t)1 << value;
    return true;
}

static int parse_field(const struct cron_field *field, struct span text, uint64_t *out_bits,
                       struct err *err)
{
    struct span whole = text;
    uint64_t bits = 0;

    for (;;) {
        const char *comma = memchr(text.data, ',', text.size);
        size_t size = comma != NULL ? (size_t)(comma - text.data) : text.size;

        if (!parse_item(field, (struct span){text.data, size}, &bits))
            return fail(field, whole, err);
        if (comma == NULL)
            break;
        text = (struct span){comma + 1, text.size - size - 1};
    }
    *out_bits = bits;
    return 0;
}

/* Takes a word from the front of `text`; empty at the end. */
static struct span take_word(struct span *text)
{
    struct span word;

    while (text->size > 0 && (text->data[0] == ' ' || text->data[0] == '\t'))
        *text = (struct span){text->data + 1, text->size - 1};
    word = (struct span){text->data, 0};
    while (word.size < text->size && text->data[word.size] != ' ' && text->data[word.size] != '\t')
        word.size++;
    *text = (struct span){text->data + word.size, text->size - word.size};
    return word;
}

static bool fires_on(const struct cron *cron, int64_t days)
{
    struct calendar_date date = calendar_date_of(days);
    bool day = cron->days >> date.day & 1;
    bool weekday = cron->weekdays >> calendar_weekday(days) & 1;

    if (!(cron->months >> date.month & 1))
        return false;
    return cron->any_day || cron->any_weekday ? day && weekday : day || weekday;
}

int cron_parse(struct cron *out_cron, struct span text, struct err *err)
{
    struct cron cron = {0};
    uint64_t bits[FIELD_COUNT];
    bool any[FIELD_COUNT];

    for (uint32_t i = 0; i < FIELD_COUNT; i++) {
        struct span word = take_word(&text);
        int rc;

        if (word.size == 0)
            return err_set(err, ERR_INVALID,
                           "%u fields, expected five: minute, hour, day of the month, month, day "
                           "of the week",
                           i);
        rc = parse_field(&fields[i], word, &bits[i], err);
        if (rc < 0)
            return rc;
        any[i] = word.data[0] == '*';
    }
    if (take_word(&text).size > 0)
        return err_set(err, ERR_INVALID,
                       "more than five fields: minute, hour, day of the month, month, day of the "
                       "week");
    cron.minutes = bits[0];
    cron.hours = (uint32_t)bits[1];
    cron.days = (uint32_t)bits[2];
    cron.months = (uint16_t)bits[3];
    cron.weekdays = (uint8_t)((bits[4] | bits[4] >> 7) & 0x7f);
    cron.any_day = any[2];
    cron.any_weekday = any[4];
    for (int64_t days = 0; days < SEARCH_DAYS; days++) {
        if (fires_on(&cron, days)) {
            *out_cron = cron;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, "never fires: there is no such day in any year");
}

/* The first minute of the day, from `from` on, at which it fires; or -1. */
static int32_t first_minute(const struct cron *cron, int32_t from)
{
    for (int32_t minute = from; minute < DAY_MINUTES;) {
        if (!(cron->hours >> minute / 60 & 1))
            minute = (minute / 60 + 1) * 60;
        else if (cron->minutes >> minute % 60 & 1)
            return minute;
        else
            minute++;
    }
    return -1;
}

static int32_t last_minute(const struct cron *cron, int32_t from)
{
    for (int32_t minute = from; minute >= 0;) {
        if (!(cron->hours >> minute / 60 & 1))
            minute = minute / 60 * 60 - 1;
        else if (cron->minutes >> minute % 60 & 1)
            return minute;
        else
            minute--;
    }
    return -1;
}

int64_t cron_next(const struct cron *cron, int64_t minute)
{
    int64_t day = calendar_floor_div(minute + 1, DAY_MINUTES);
    int32_t from = (int32_t)(minute + 1 - day * DAY_MINUTES);

    for (int64_t end = day + SEARCH_DAYS; day <= end; day++, from = 0) {
        int32_t at = fires_on(cron, day) ? first_minute(cron, from) : -1;

        if (at >= 0)
            return day * DAY_MINUTES + at;
    }
    assert(!"a parsed expression fires");
    return minute + 1;
}

int64_t cron_previous(const struct cron *cron, int64_t minute)
{
    int64_t day = calendar_floor_div(minute, DAY_MINUTES);
    int32_t from = (int32_t)(minute - day * DAY_MINUTES);

    for (int64_t end = day - SEARCH_DAYS; day >= end; day--, from = DAY_MINUTES - 1) {
        int32_t at = fires_on(cron, day) ? last_minute(cron, from) : -1;

        if (at >= 0)
            return day * DAY_MINUTES + at;
    }
    assert(!"a parsed expression fires");
    return minute;
}
