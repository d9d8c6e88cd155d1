// SPDX-License-Identifier: Apache-2.0
/*
 * label.h - a cell of a batch as label text.
 *
 * Strings as they are, ints and times in decimal, bools as true and false, floats in the shortest
 * form that reads back, a missing value as "".
 *
 * Thread: pure; any.
 */
#ifndef TALLYWHEEL_MODEL_LABEL_H
#define TALLYWHEEL_MODEL_LABEL_H

#include <stdint.h>

#include "base/bytes.h"

struct column;

/* Appends the text to `out`. */
void label_put(const struct column *column, uint32_t row, struct bytes *out);

/* Equal for two rows exactly if their label text is equal (but for floats that print alike). */
uint64_t label_bits(const struct column *column, uint32_t row);

#endif
