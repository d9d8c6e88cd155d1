// SPDX-License-Identifier: Apache-2.0
/*
 * text_row.h - names and texts to the cells of a row: an event that came without JSON.
 *
 * Texts are read as people write values, and as `tallywheel send` reads CSV: spaces around a number
 * do not matter, a plus sign and leading zeros neither; bools are true false 1 0 yes no t f y n in
 * any case; times as in timestamp.h. An empty text is no value, but of a string the empty one.
 *
 * Thread: plain functions; any.
 */
#ifndef TALLYWHEEL_WIRE_TEXT_ROW_H
#define TALLYWHEEL_WIRE_TEXT_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct cell;
struct err;
struct stream_def;

/* No byte sequence that UTF-8 does not have. */
bool text_row_is_utf8(struct span text);

/*
 * Fills all cells of the stream from `count` words: a field's name, its text, and so on. Spans
 * point into the words. ERR_INVALID: a name that is no field, or that comes twice, a text that is
 * no value of its field, a field that is required and missing.
 */
int text_row_read(const struct stream_def *def, const struct span *words, uint32_t count,
                  size_t string_bytes_max, struct cell *out_cells, struct err *err);

#endif
