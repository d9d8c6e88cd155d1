// SPDX-License-Identifier: Apache-2.0
/*
 * send_csv.c - see send_csv.h.
 *
 * One pass over the bytes: a cell is written to the body the moment it ends. A record that turns
 * out to be cut off or senseless is taken back by cutting the body where the record began.
 */
#include "main/send_csv.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "main/send_input.h"
#include "main/send_report.h"

#define COLUMNS_MAX 256

struct column {
    struct bytes prefix; /* `,"name":` */
    enum field_type type;
    bool sent;
};

struct send_csv {
    char separator;
    uint32_t column_count;
    struct column columns[COLUMNS_MAX];
    struct bytes scratch; /* a quoted cell without its doubled quotes */
};

struct cell {
    struct span text;
    bool quoted;
    bool last;          /* a line end follows, no separator */
    bool malformed;     /* something stands between the closing quote and what must follow */
    uint32_t line_ends; /* inside the quotes */
};

void send_csv_free(struct send_csv *csv)
{
    if (csv == NULL)
        return;
    for (uint32_t i = 0; i < csv->column_count; i++)
        bytes_done(&csv->columns[i].prefix);
    bytes_done(&csv->scratch);
    free(csv);
}

static const char *read_plain_cell(char separator, const char *at, struct cell *out_cell)
{
    const char *end = at;
    size_t size;

    while (*end != separator && *end != '\n')
        end++;
    size = (size_t)(end - at);
    out_cell->last = *end == '\n';
    if (out_cell->last && size > 0 && end[-1] == '\r')
        size--;
    out_cell->text = (struct span){at, size};
    return end + 1;
}

/* NULL if the quote is not closed before `end`. */
static const char *read_quoted_cell(struct send_csv *csv, const char *at, const char *end,
                                    struct cell *out_cell)
{
    const char *start = at + 1, *quote;
    bool doubled = false;

    bytes_clear(&csv->scratch);
    for (;;) {
        quote = memchr(start, '"', (size_t)(end - start));
        if (quote == NULL)
            return NULL;
        if (quote[1] != '"') /* there is at least a line end behind */
            break;
        doubled = true;
        bytes_put(&csv->scratch, start, (size_t)(quote + 1 - start));
        start = quote + 2;
    }
    out_cell->quoted = true;
    out_cell->text = (struct span){start, (size_t)(quote - start)};
    for (const char *c = at; c < quote; c++)
        out_cell->line_ends += *c == '\n';
    if (doubled) {
        bytes_put(&csv->scratch, start, (size_t)(quote - start));
        out_cell->text = bytes_span(&csv->scratch);
    }
    at = quote + 1;
    if (*at == '\r' && at[1] == '\n')
        at++;
    out_cell->malformed = *at != csv->separator && *at != '\n';
    while (*at != csv->separator && *at != '\n')
        at++;
    out_cell->last = *at == '\n';
    return at + 1;
}

/* Reads the cell at `at`; `end` stands behind the last line end of what there is. */
static const char *read_cell(struct send_csv *csv, const char *at, const char *end,
                             struct cell *out_cell)
{
    *out_cell = (struct cell){0};
    if (*at == '"')
        return read_quoted_cell(csv, at, end, out_cell);
    return read_plain_cell(csv->separator, at, out_cell);
}

/* 0: as it is, otherwise what follows the backslash; 'u' for \u00XX. */
static const char escapes[256] = {
    [0x00] = 'u', [0x01] = 'u', [0x02] = 'u', [0x03] = 'u',  [0x04] = 'u', [0x05] = 'u',
    [0x06] = 'u', [0x07] = 'u', [0x08] = 'b', [0x09] = 't',  [0x0a] = 'n', [0x0b] = 'u',
    [0x0c] = 'f', [0x0d] = 'r', [0x0e] = 'u', [0x0f] = 'u',  [0x10] = 'u', [0x11] = 'u',
    [0x12] = 'u', [0x13] = 'u', [0x14] = 'u', [0x15] = 'u',  [0x16] = 'u', [0x17] = 'u',
    [0x18] = 'u', [0x19] = 'u', [0x1a] = 'u', [0x1b] = 'u',  [0x1c] = 'u', [0x1d] = 'u',
    [0x1e] = 'u', [0x1f] = 'u', ['"'] = '"',  ['\\'] = '\\',
};

static void put_string(struct bytes *body, struct span text)
{
    static const char hex[] = "0123456789abcdef";
    char *out = bytes_reserve(body, text.size * 6 + 2);
    char *start = out;

    *out++ = '"';
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        char escape = escapes[c];

        if (escape == 0) {
            *out++ = (char)c;
            continue;
        }
        *out++ = '\\';
        *out++ = escape;
        if (escape == 'u') {
            *out++ = '0';
            *out++ = '0';
            *out++ = hex[c >> 4];
            *out++ = hex[c & 15];
        }
    }
    *out++ = '"';
    body->size += (size_t)(out - start);
}

static size_t digits(const char *at, const char *end)
{
    const char *start = at;

    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return (size_t)(at - start);
}

static struct span trimmed(struct span text)
{
    while (text.size > 0 && (*text.data == ' ' || *text.data == '\t')) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

/*
 * Writes text that is a number as people write them (+5, 007, .5) as JSON does (5, 7, 0.5).
 * False, and nothing written, if it is none.
 */
static bool put_number(struct bytes *body, struct span text)
{
    const char *at = text.data, *end = at + text.size, *whole, *rest;
    bool minus = at < end && *at == '-';
    size_t whole_size, fraction_size = 0;

    if (at < end && (*at == '-' || *at == '+'))
        at++;
    whole = at;
    whole_size = digits(at, end);
    rest = at += whole_size;
    if (at < end && *at == '.') {
        fraction_size = digits(at + 1, end);
        at += 1 + fraction_size;
        if (fraction_size == 0)
            rest = at; /* "5." is 5 */
    }
    if (whole_size + fraction_size == 0)
        return false;
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '-' || *at == '+'))
            at++;
        if (digits(at, end) == 0)
            return false;
        at += digits(at, end);
    }
    if (at != end)
        return false;
    for (; whole_size > 1 && *whole == '0'; whole_size--)
        whole++;
    if (minus)
        bytes_put_char(body, '-');
    if (whole_size == 0)
        bytes_put_char(body, '0');
    bytes_put(body, whole, whole_size);
    bytes_put(body, rest, (size_t)(end - rest));
    return true;
}

static bool is_one_of(struct span text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strlen(*words) == text.size && strncasecmp(text.data, *words, text.size) == 0)
            return true;
    }
    return false;
}

static bool put_bool(struct bytes *body, struct span text)
{
    static const char *const yes[] = {"true", "1", "yes", "t", "y", NULL};
    static const char *const no[] = {"false", "0", "no", "f", "n", NULL};

    if (is_one_of(text, yes))
        bytes_put_text(body, "true");
    else if (is_one_of(text, no))
        bytes_put_text(body, "false");
    else
        return false;
    return true;
}

/* Writes `"name":value`; `first` in its object. False if there is nothing to write. */
static bool put_cell(struct bytes *body, const struct column *column, const struct cell *cell,
                     bool first)
{
    struct span text = cell->text;
    bool done = false;

    if (column->type != FIELD_STRING)
        text = trimmed(text);
    if (text.size == 0 && (!cell->quoted || column->type != FIELD_STRING))
        return false;
    bytes_put(body, column->prefix.data + first, column->prefix.size - first);
    if (column->type == FIELD_BOOL)
        done = put_bool(body, text);
    else if (column->type != FIELD_STRING)
        done = put_number(body, text);
    if (!done)
        put_string(body, text);
    return true;
}

enum record_state { RECORD_PUT, RECORD_BLANK, RECORD_CUT, RECORD_BAD };

struct record {
    const char *next;   /* behind it */
    uint32_t line_ends; /* in it, the last one included */
    char reason[128];   /* why it is bad */
};

static enum record_state put_record(struct send_csv *csv, const char *at, const char *end,
                                    struct bytes *body, struct record *out_record)
{
    struct cell cell = {0};
    uint32_t count = 0;
    bool first = true, malformed = false;

    *out_record = (struct record){.next = at};
    bytes_put_char(body, '{');
    do {
        const char *next = read_cell(csv, out_record->next, end, &cell);

        if (next == NULL)
            return RECORD_CUT;
        out_record->next = next;
        out_record->line_ends += cell.line_ends;
        malformed |= cell.malformed;
        if (count < csv->column_count && csv->columns[count].sent &&
            put_cell(body, &csv->columns[count], &cell, first))
            first = false;
        count++;
    } while (!cell.last);
    out_record->line_ends++;
    if (count == 1 && cell.text.size == 0 && !cell.quoted)
        return RECORD_BLANK;
    if (malformed)
        snprintf(out_record->reason, sizeof(out_record->reason),
                 "something follows the closing quote of a cell");
    else if (count != csv->column_count)
        snprintf(out_record->reason, sizeof(out_record->reason),
                 "%u cell%s where the header has %u", count, count == 1 ? "" : "s",
                 csv->column_count);
    else
        return RECORD_PUT;
    return RECORD_BAD;
}

static void reject(struct send_tally *tally, uint64_t line, const char *reason, const char *start,
                   const char *end)
{
    while (end > start && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    send_report_reject(tally, line, span_of(reason), (struct span){start, (size_t)(end - start)});
    tally->lines++;
}

size_t send_csv_take(struct send_csv *csv, struct span data, bool ended, size_t body_bytes,
                     uint32_t lines_max, uint64_t *io_line, struct send_batch *batch,
                     struct send_tally *tally)
{
    const char *at = data.data;
    const char *last = memrchr(data.data, '\n', data.size);
    const char *end = last != NULL ? last + 1 : at;
    uint64_t first_line = *io_line;

    batch->first_line = first_line;
    while (at < end && batch->body.size < body_bytes && batch->line_count < lines_max &&
           *io_line - first_line < UINT32_MAX / 2) {
        size_t before = batch->body.size;
        uint32_t delta = (uint32_t)(*io_line - first_line);
        struct record record;
        enum record_state state = put_record(csv, at, end, &batch->body, &record);

        if (state == RECORD_PUT) {
            bytes_put(&batch->body, "}\n", 2);
            bytes_put(&batch->lines, &delta, sizeof(delta));
            batch->line_count++;
        } else {
            batch->body.size = before;
        }
        if (state == RECORD_CUT && !ended)
            break;
        if (state == RECORD_CUT) {
            reject(tally, *io_line, "a quoted cell of this record is never closed", at, end);
            at = end;
            break;
        }
        if (state == RECORD_BAD)
            reject(tally, *io_line, record.reason, at, record.next);
        *io_line += record.line_ends;
        at = record.next;
    }
    return (size_t)(at - data.data);
}

static const struct field *find_field(const struct send_fields *fields, struct span name)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        if (span_equal(span_of(fields->items[i].name), name))
            return &fields->items[i];
    }
    return NULL;
}

static int add_column(struct send_csv *csv, struct span name, const struct send_fields *fields,
                      struct bytes *out_unknown, struct err *err)
{
    struct column *column = &csv->columns[csv->column_count];
    const struct field *field = find_field(fields, name);

    if (csv->column_count == COLUMNS_MAX)
        return err_set(err, ERR_INVALID, "the header has more than %d columns", COLUMNS_MAX);
    *column = (struct column){.sent = field != NULL};
    csv->column_count++;
    if (field == NULL) {
        bytes_put(out_unknown, name.data, name.size);
        bytes_put_char(out_unknown, '\n');
        return 0;
    }
    column->type = field->type;
    bytes_put_char(&column->prefix, ',');
    json_put_string(&column->prefix, name);
    bytes_put_char(&column->prefix, ':');
    for (uint32_t i = 0; i + 1 < csv->column_count; i++) {
        if (span_equal(bytes_span(&csv->columns[i].prefix), bytes_span(&column->prefix)))
            return err_set(err, ERR_INVALID, "the header names \"%s\" twice", field->name);
    }
    return 0;
}

/* The separator that the header line has most of. */
static char find_separator(const char *at, const char *end)
{
    uint32_t counts[3] = {0};
    static const char separators[] = ",;\t";
    uint32_t best = 0;

    for (; at < end && *at != '\n'; at++) {
        for (uint32_t i = 0; i < 3; i++)
            counts[i] += *at == separators[i];
    }
    for (uint32_t i = 1; i < 3; i++) {
        if (counts[i] > counts[best])
            best = i;
    }
    return separators[best];
}

int send_csv_open(struct send_csv **out_csv, struct span data, bool ended,
                  const struct send_fields *fields, size_t *out_taken, uint64_t *io_line,
                  struct bytes *out_unknown, struct err *err)
{
    const char *last = data.size > 0 ? memrchr(data.data, '\n', data.size) : NULL;
    const char *at = data.data, *end;
    struct send_csv *csv;
    struct cell cell = {0};
    int rc = 0;

    *out_csv = NULL;
    *out_taken = 0;
    if (last == NULL)
        return ended ? err_set(err, ERR_INVALID,
                               "the input is empty; CSV begins with a header "
                               "line")
                     : 0;
    end = last + 1;
    csv = bytes_alloc_zero(1, sizeof(*csv));
    csv->separator = find_separator(at, end);
    do {
        at = read_cell(csv, at, end, &cell);
        if (at == NULL || cell.malformed)
            rc = err_set(err, ERR_INVALID,
                         "the header of the CSV makes no sense: a quoted name "
                         "is not closed");
        else
            rc = add_column(csv, trimmed(cell.text), fields, out_unknown, err);
        *io_line += cell.line_ends + cell.last;
    } while (rc == 0 && !cell.last);
    for (uint32_t i = 0; rc == 0 && !csv->columns[i].sent; i++) {
        if (i + 1 == csv->column_count)
            rc = err_set(err, ERR_INVALID,
                         "no column of the CSV header is a field of the stream; "
                         "is the first line a header?");
    }
    if (rc < 0) {
        send_csv_free(csv);
        return rc;
    }
    *out_taken = (size_t)(at - data.data);
    *out_csv = csv;
    return 0;
}
