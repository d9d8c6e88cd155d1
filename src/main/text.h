// SPDX-License-Identifier: Apache-2.0
/*
 * text.h - text for people: numbers, durations, sizes, colours, and tables that line up.
 *
 * Whatever comes from a server is cleaned of control characters before it reaches a terminal.
 *
 * Thread: the main thread.
 */
#ifndef TALLYWHEEL_MAIN_TEXT_H
#define TALLYWHEEL_MAIN_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct json_t;

/* 12,345,678 */
void text_put_grouped(struct bytes *out, int64_t value);
/* Three digits that matter and a unit: 950, 1.52 k, 23.8 M */
void text_put_short(struct bytes *out, double value);
/* 512 B, 1.5 KiB, 23 MiB */
void text_put_size(struct bytes *out, double bytes);
/* 0:42, 12:07, 3:04:05, 2 d 03:04 */
void text_put_clock(struct bytes *out, double seconds);
/* 2026-01-31T12:00:00Z; milliseconds only where they are not zero, the time of day only if
 * step_ms is not a whole number of days. `separator` stands between date and time. */
void text_put_time(struct bytes *out, int64_t wall_ms, int64_t step_ms, char separator);
/* A JSON number as the shortest text that reads back; nothing for null. */
void text_put_number(struct bytes *out, const struct json_t *value);
/* The same in at most ten digits that matter. */
void text_put_number_short(struct bytes *out, const struct json_t *value);
/* The same as text_put_number with thousands grouped. */
void text_put_number_grouped(struct bytes *out, const struct json_t *value);
/* UTF-8 with control characters and broken bytes replaced. */
void text_put_clean(struct bytes *out, struct span text);
/* The columns that clean UTF-8 takes on a terminal. Colour sequences take none. */
uint32_t text_width(struct span text);
/* At most `width` columns of clean text, the last one "…" where something is cut. */
void text_put_cut(struct bytes *out, struct span text, uint32_t width);
/* One cell of a CSV file (RFC 4180). */
void text_put_csv(struct bytes *out, struct span text);

/* JSON laid out for reading, its numbers and strings as they stand. */
void text_put_json(struct bytes *out, struct span json);

/* Puts what was built on standard output. */
void text_print(const struct bytes *text);

/* Whether `fd` is a terminal that may be drawn on. */
bool text_is_terminal(int fd);
/* Whether colours may be used on it (NO_COLOR, TERM=dumb). */
bool text_has_colour(int fd);
/* Columns and rows of a terminal; 80 by 24 if it does not say. */
void text_terminal_size(int fd, uint32_t *out_columns, uint32_t *out_rows);

#define TEXT_COLUMNS_MAX 24

/* A table: cells row by row, the first row being the header. All zero is a valid empty one. */
struct text_table {
    uint32_t column_count;
    bool right[TEXT_COLUMNS_MAX]; /* the column is aligned right */
    struct bytes text;            /* all cells, one after the other */
    struct bytes ends;            /* u32 a cell: where it ends in `text` */
    uint32_t cell_count;
};

void text_table_done(struct text_table *table);
/* Adds the next cell; `text` is cleaned. Rows fill up from left to right. */
void text_table_add(struct text_table *table, struct span text);
/* Ends a cell whose text the caller put into table->text. */
void text_table_end_cell(struct text_table *table);
/* Lines without trailing spaces. `dim_header` draws the header in grey. */
void text_table_print(const struct text_table *table, bool dim_header, struct bytes *out);

#endif
