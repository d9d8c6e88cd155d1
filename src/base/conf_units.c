// SPDX-License-Identifier: Apache-2.0
/* conf_units.c - see conf_units.h. */
#include "base/conf_units.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/conf_text.h"
#include "base/err.h"

struct unit {
    const char *name;
    int64_t factor;
};

/* Largest first. Not printed: weeks and years, which people read less easily than days. */
static const struct unit duration_units[] = {
    {"y", 365 * INT64_C(86400000)},
    {"w", 7 * INT64_C(86400000)},
    {"d", INT64_C(86400000)},
    {"h", 3600000},
    {"m", 60000},
    {"s", 1000},
    {"ms", 1},
};
#define DURATION_UNIT_COUNT (sizeof(duration_units) / sizeof(duration_units[0]))
#define DURATION_UNIT_PRINTED 2

static const struct unit size_units[] = {
    {"TiB", INT64_C(1) << 40},
    {"GiB", INT64_C(1) << 30},
    {"MiB", INT64_C(1) << 20},
    {"KiB", INT64_C(1) << 10},
    {"B", 1},
};
#define SIZE_UNIT_COUNT (sizeof(size_units) / sizeof(size_units[0]))

static const struct unit count_units[] = {
    {"G", 1000000000},
    {"M", 1000000},
    {"k", 1000},
};
#define COUNT_UNIT_COUNT (sizeof(count_units) / sizeof(count_units[0]))

/* Takes decimal digits off the front. False if there is none or they overflow. */
static bool take_digits(struct span *text, int64_t *out_value)
{
    int64_t value = 0;
    size_t count = 0;

    while (count < text->size && text->data[count] >= '0' && text->data[count] <= '9') {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, text->data[count] - '0', &value))
            return false;
        count++;
    }
    if (count == 0)
        return false;
    *text = (struct span){text->data + count, text->size - count};
    *out_value = value;
    return true;
}

/* Takes the letters of a unit off the front: its index from `first` on, or -1. */
static int take_unit(struct span *text, const struct unit *units, size_t count, size_t first)
{
    size_t letters = 0;

    while (letters < text->size && (text->data[letters] < '0' || text->data[letters] > '9'))
        letters++;
    for (size_t i = first; i < count; i++) {
        if (span_equal((struct span){text->data, letters}, span_of(units[i].name))) {
            *text = (struct span){text->data + letters, text->size - letters};
            return (int)i;
        }
    }
    return -1;
}

/* One number and at most one unit, possibly with a space between. */
static bool parse_single(struct span text, const struct unit *units, size_t count,
                         int64_t *out_value)
{
    int64_t value;
    int unit;

    if (!take_digits(&text, &value))
        return false;
    if (text.size > 1 && text.data[0] == ' ')
        text = (struct span){text.data + 1, text.size - 1};
    if (text.size > 0) {
        unit = take_unit(&text, units, count, 0);
        if (unit < 0 || text.size > 0 || __builtin_mul_overflow(value, units[unit].factor, &value))
            return false;
    }
    *out_value = value;
    return true;
}

static bool parse_compound(struct span text, int64_t *out_ms)
{
    size_t next_unit = 0;
    int64_t sum = 0;

    /* "1h30m": each unit once, the larger first, so that "1m5m" is seen as the slip it is. */
    while (text.size > 0) {
        int64_t value;
        int unit;

        if (!take_digits(&text, &value))
            return false;
        unit = take_unit(&text, duration_units, DURATION_UNIT_COUNT, next_unit);
        if (unit < 0 || __builtin_mul_overflow(value, duration_units[unit].factor, &value) ||
            __builtin_add_overflow(sum, value, &sum))
            return false;
        next_unit = (size_t)unit + 1;
    }
    if (next_unit == 0)
        return false; /* nothing at all */
    *out_ms = sum;
    return true;
}

int conf_duration_parse(struct span text, int64_t *out_ms, struct err *err)
{
    if (parse_single(text, duration_units, DURATION_UNIT_COUNT, out_ms) ||
        parse_compound(text, out_ms))
        return 0;
    return err_set(err, ERR_INVALID,
                   "%s is not a duration: write whole numbers with ms, s, m, h, d, w or y, such "
                   "as 500ms, 30s or 1h30m",
                   conf_quote(text).text);
}

int conf_size_parse(struct span text, int64_t *out_bytes, struct err *err)
{
    if (parse_single(text, size_units, SIZE_UNIT_COUNT, out_bytes))
        return 0;
    return err_set(err, ERR_INVALID,
                   "%s is not a size: write a whole number of bytes, or one with KiB, MiB, GiB "
                   "or TiB, such as 64MiB",
                   conf_quote(text).text);
}

int conf_count_parse(struct span text, int64_t *out_count, struct err *err)
{
    if (parse_single(text, count_units, COUNT_UNIT_COUNT, out_count))
        return 0;
    return err_set(err, ERR_INVALID,
                   "%s is not a count: write a whole number, or one with k, M or G, such as 50k",
                   conf_quote(text).text);
}

/* With the largest unit that divides it. */
static void print_single(int64_t value, const struct unit *units, size_t count, struct bytes *out)
{
    assert(value >= 0);
    for (size_t i = 0; i < count; i++) {
        if (value != 0 && value % units[i].factor == 0 && units[i].factor > 1) {
            bytes_format(out, "%lld%s", (long long)(value / units[i].factor), units[i].name);
            return;
        }
    }
    bytes_format(out, "%lld", (long long)value);
}

void conf_duration_print(int64_t ms, struct bytes *out)
{
    assert(ms >= 0);
    if (ms == 0)
        bytes_put_char(out, '0');
    for (size_t i = DURATION_UNIT_PRINTED; i < DURATION_UNIT_COUNT; i++) {
        if (ms >= duration_units[i].factor)
            bytes_format(out, "%lld%s", (long long)(ms / duration_units[i].factor),
                         duration_units[i].name);
        ms %= duration_units[i].factor;
    }
}

void conf_size_print(int64_t size_bytes, struct bytes *out)
{
    print_single(size_bytes, size_units, SIZE_UNIT_COUNT, out);
}

void conf_count_print(int64_t count, struct bytes *out)
{
    print_single(count, count_units, COUNT_UNIT_COUNT, out);
}
