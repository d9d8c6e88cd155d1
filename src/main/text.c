// SPDX-License-Identifier: Apache-2.0
/* text.c - see text.h. */
#include "main/text.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define ELLIPSIS "\xe2\x80\xa6"    /* U+2026 */
#define DAY_MS 86400000

/* The digits of a whole number in groups of three. */
static void put_groups(struct bytes *out, const char *digits, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            bytes_put_char(out, ',');
        bytes_put_char(out, digits[i]);
    }
}

void text_put_grouped(struct bytes *out, int64_t value)
{
    char digits[24];
    int size = snprintf(digits, sizeof(digits), "%" PRId64, value);
    int sign = value < 0;

    if (sign)
        bytes_put_char(out, '-');
    put_groups(out, digits + sign, (size_t)(size - sign));
}

/* Three digits that matter: 1.52, 15.2, 152. */
static void put_three(struct bytes *out, double value)
{
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

    bytes_format(out, "%.*f", decimals, value);
}

void text_put_short(struct bytes *out, double value)
{
    static const char *const units[] = {"k", "M", "G", "T"};
    int unit = -1;

    if (value < 0) {
        bytes_put_char(out, '-');
        value = -value;
    }
    while (value >= 999.5 && unit < 3) {
        value /= 1000;
        unit++;
    }
    if (unit < 0) {
        bytes_format(out, "%.0f", value);
    } else {
        put_three(out, value);
        bytes_format(out, " %s", units[unit]);
    }
}

void text_put_size(struct bytes *out, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;

    while (bytes >= 1023.5 && unit < 4) {
        bytes /= 1024;
        unit++;
    }
    if (unit == 0)
        bytes_format(out, "%.0f B", bytes);
    else
        bytes_format(out, bytes < 9.95 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

void text_put_clock(struct bytes *out, double seconds)
{
    uint64_t whole = seconds > 0 ? (uint64_t)llround(seconds) : 0;
    uint64_t days = whole / 86400, hours = whole / 3600, minutes = whole / 60 % 60;

    if (days > 0)
        bytes_format(out, "%" PRIu64 " d %02" PRIu64 ":%02" PRIu64, days, hours % 24, minutes);
    else if (hours > 0)
        bytes_format(out, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, hours, minutes, whole % 60);
    else
        bytes_format(out, "%" PRIu64 ":%02" PRIu64, minutes, whole % 60);
}

void text_put_time(struct bytes *out, int64_t wall_ms, int64_t step_ms, char separator)
{
    int64_t ms = wall_ms % 1000;
    time_t seconds;
    struct tm calendar;

    if (ms < 0)
        ms += 1000;
    seconds = (time_t)((wall_ms - ms) / 1000);
    if (gmtime_r(&seconds, &calendar) == NULL) {
        bytes_format(out, "%" PRId64, wall_ms);
        return;
    }
    bytes_format(out, "%04d-%02d-%02d", calendar.tm_year + 1900, calendar.tm_mon + 1,
                 calendar.tm_mday);
    if (step_ms > 0 && step_ms % DAY_MS == 0 && wall_ms % DAY_MS == 0)
        return;
    bytes_format(out, "%c%02d:%02d:%02d", separator, calendar.tm_hour, calendar.tm_min,
                 calendar.tm_sec);
    if (ms != 0 || (step_ms > 0 && step_ms % 1000 != 0))
        bytes_format(out, ".%03d", (int)ms);
    if (separator == 'T')
        bytes_put_char(out, 'Z');
}

static void put_double(struct bytes *out, double value)
{
    char text[40];
    int digits = 15;

    do {
        snprintf(text, sizeof(text), "%.*g", digits, value);
    } while (strtod(text, NULL) != value && ++digits <= 17);
    bytes_put_text(out, text);
}

void text_put_number(struct bytes *out, const struct json_t *value)
{
    if (json_is_integer(value))
        bytes_format(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        put_double(out, json_real_value(value));
}

void text_put_number_short(struct bytes *out, const struct json_t *value)
{
    if (json_is_real(value))
        bytes_format(out, "%.10g", json_real_value(value));
    else
        text_put_number(out, value);
}

void text_put_number_grouped(struct bytes *out, const struct json_t *value)
{
    char plain[48];
    size_t start, size;

    if (json_is_integer(value)) {
        text_put_grouped(out, json_integer_value(value));
        return;
    }
    start = out->size;
    text_put_number(out, value);
    size = out->size - start;
    if (size == 0 || size >= sizeof(plain) || memchr(out->data + start, 'e', size) != NULL)
        return;
    memcpy(plain, out->data + start, size);
    plain[size] = '\0';
    out->size = start;
    start = plain[0] == '-';
    if (start > 0)
        bytes_put_char(out, '-');
    size = strspn(plain + start, "0123456789");
    put_groups(out, plain + start, size);
    bytes_put_text(out, plain + start + size);
}

/*
 * One character at `text`: its bytes and its columns. Broken bytes count as one character without
 * columns and set *out_ok to false, like control characters and what a terminal could take for
 * an order (also U+0080..U+009F and the marks that turn the direction of text).
 */
static size_t next_character(struct span text, uint32_t *out_columns, bool *out_ok)
{
    mbstate_t state = {0};
    wchar_t wide;
    size_t size = mbrtowc(&wide, text.data, text.size, &state);
    int columns;

    *out_columns = 1;
    *out_ok = false;
    if (size == 0 || size == (size_t)-1 || size == (size_t)-2)
        return 1;
    if (wide < 0x20 || (wide >= 0x7f && wide < 0xa0) || (wide >= 0x200e && wide <= 0x200f) ||
        (wide >= 0x2028 && wide <= 0x202e) || (wide >= 0x2066 && wide <= 0x2069))
        return size;
    columns = wcwidth(wide);
    *out_columns = columns >= 0 ? (uint32_t)columns : 1;
    *out_ok = true;
    return size;
}

void text_put_clean(struct bytes *out, struct span text)
{
    while (text.size > 0) {
        uint32_t columns;
        bool ok;
        size_t size = next_character(text, &columns, &ok);

        if (ok)
            bytes_put(out, text.data, size);
        else
            bytes_put_text(out, REPLACEMENT);
        text.data += size;
        text.size -= size;
    }
}

/* The bytes of a colour sequence ("\033[31m") at the start of `text`, 0 if there is none. */
static size_t colour_size(struct span text)
{
    if (text.size < 3 || text.data[0] != '\033' || text.data[1] != '[')
        return 0;
    for (size_t i = 2; i < text.size; i++) {
        if (text.data[i] == 'm')
            return i + 1;
    }
    return 0;
}

uint32_t text_width(struct span text)
{
    uint32_t width = 0;

    while (text.size > 0) {
        uint32_t columns = 0;
        bool ok;
        size_t size = colour_size(text);

        if (size == 0)
            size = next_character(text, &columns, &ok);
        width += columns;
        text.data += size;
        text.size -= size;
    }
    return width;
}

void text_put_cut(struct bytes *out, struct span text, uint32_t width)
{
    struct bytes clean = {0};
    uint32_t used = 0;
    struct span rest;

    text_put_clean(&clean, text);
    rest = bytes_span(&clean);
    if (text_width(rest) > width) {
        while (rest.size > 0) {
            uint32_t columns;
            bool ok;
            size_t size = next_character(rest, &columns, &ok);

            if (used + columns + 1 > width)
                break;
            used += columns;
            rest.data += size;
            rest.size -= size;
        }
        clean.size -= rest.size;
        if (width > 0)
            bytes_put_text(&clean, ELLIPSIS);
    }
    bytes_put(out, clean.data, clean.size);
    bytes_done(&clean);
}

void text_put_csv(struct bytes *out, struct span text)
{
    bool quote = false;

    for (size_t i = 0; i < text.size && !quote; i++)
        quote = text.data[i] == '"' || text.data[i] == ',' || text.data[i] == '\n' ||
                text.data[i] == '\r';
    if (!quote) {
        bytes_put(out, text.data, text.size);
        return;
    }
    bytes_put_char(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"')
            bytes_put_char(out, '"');
        bytes_put_char(out, text.data[i]);
    }
    bytes_put_char(out, '"');
}

/* The string at the start of `json`, both quotes included. */
static size_t json_string_size(struct span json)
{
    size_t size = 1;

    while (size < json.size && json.data[size] != '"')
        size += json.data[size] == '\\' ? 2 : 1;
    return size < json.size ? size + 1 : json.size;
}

void text_put_json(struct bytes *out, struct span json)
{
    int depth = 0;

    for (size_t i = 0; i < json.size; i++) {
        char c = json.data[i];
        struct span rest = {json.data + i, json.size - i};
        size_t skip;

        if (c == '"') {
            skip = json_string_size(rest);
            bytes_put(out, rest.data, skip);
            i += skip - 1;
        } else if (c == '{' || c == '[') {
            for (skip = 1; skip < rest.size && strchr(" \t\r\n", rest.data[skip]); skip++)
                ;
            bytes_put_char(out, c);
            if (skip < rest.size && (rest.data[skip] == '}' || rest.data[skip] == ']')) {
                bytes_put_char(out, rest.data[skip]);
                i += skip;
            } else {
                bytes_format(out, "\n%*s", ++depth * 2, "");
            }
        } else if (c == '}' || c == ']') {
            depth -= depth > 0;
            bytes_format(out, "\n%*s%c", depth * 2, "", c);
        } else if (c == ',') {
            bytes_format(out, ",\n%*s", depth * 2, "");
        } else if (c == ':') {
            bytes_put_text(out, ": ");
        } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
            bytes_put_char(out, c);
        }
    }
    bytes_put_char(out, '\n');
}

void text_print(const struct bytes *text)
{
    if (text->size > 0)
        (void)!fwrite(text->data, 1, text->size, stdout);
}

bool text_is_terminal(int fd)
{
    const char *term = getenv("TERM");

    return isatty(fd) == 1 && (term == NULL || strcmp(term, "dumb") != 0);
}

bool text_has_colour(int fd)
{
    const char *no_color = getenv("NO_COLOR");

    return text_is_terminal(fd) && (no_color == NULL || no_color[0] == '\0');
}

void text_terminal_size(int fd, uint32_t *out_columns, uint32_t *out_rows)
{
    struct winsize size = {0};

    if (ioctl(fd, TIOCGWINSZ, &size) != 0)
        size = (struct winsize){0};
    *out_columns = size.ws_col > 0 ? size.ws_col : 80;
    *out_rows = size.ws_row > 0 ? size.ws_row : 24;
}

void text_table_done(struct text_table *table)
{
    if (table == NULL)
        return;
    bytes_done(&table->text);
    bytes_done(&table->ends);
}

void text_table_end_cell(struct text_table *table)
{
    uint32_t end = (uint32_t)table->text.size;

    bytes_put(&table->ends, &end, sizeof(end));
    table->cell_count++;
}

void text_table_add(struct text_table *table, struct span text)
{
    text_put_clean(&table->text, text);
    text_table_end_cell(table);
}

static struct span table_cell(const struct text_table *table, uint32_t index)
{
    uint32_t ends[2] = {0, 0};

    if (index > 0)
        memcpy(&ends[0], table->ends.data + (size_t)(index - 1) * 4, 4);
    memcpy(&ends[1], table->ends.data + (size_t)index * 4, 4);
    return (struct span){table->text.data + ends[0], ends[1] - ends[0]};
}

void text_table_print(const struct text_table *table, bool dim_header, struct bytes *out)
{
    uint32_t widths[TEXT_COLUMNS_MAX] = {0};
    uint32_t columns = table->column_count;

    assert(columns > 0 && columns <= TEXT_COLUMNS_MAX);
    for (uint32_t i = 0; i < table->cell_count; i++) {
        uint32_t width = text_width(table_cell(table, i));
        if (width > widths[i % columns])
            widths[i % columns] = width;
    }
    for (uint32_t i = 0; i < table->cell_count; i++) {
        struct span cell = table_cell(table, i);
        uint32_t column = i % columns;
        int pad = (int)(widths[column] - text_width(cell));

        if (i == 0 && dim_header)
            bytes_put_text(out, "\033[2m");
        if (table->right[column])
            bytes_format(out, "%*s", pad, "");
        bytes_put(out, cell.data, cell.size);
        if (column + 1 < columns) {
            bytes_format(out, "%*s", (table->right[column] ? 0 : pad) + 2, "");
            continue;
        }
        while (out->size > 0 && out->data[out->size - 1] == ' ')
            out->size--;
        if (i + 1 == columns && dim_header)
            bytes_put_text(out, "\033[0m");
        bytes_put_char(out, '\n');
    }
}
