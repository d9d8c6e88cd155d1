// SPDX-License-Identifier: Apache-2.0
/*
 * conf_units.h - durations, sizes and counts as people write them.
 *
 *   duration   250ms  30s  10m  1h30m  7d  2w  1y (365 d); a bare number is milliseconds
 *   size       64MiB  256KiB  1GiB  2TiB;                  a bare number is bytes
 *   count      100  10k  50M  2G (powers of ten)
 *
 * Whole numbers only: "1.5h" is refused with a hint. What is printed reads back as the same value.
 *
 * Thread: any; no state.
 */
#ifndef TALLYWHEEL_BASE_CONF_UNITS_H
#define TALLYWHEEL_BASE_CONF_UNITS_H

#include <stdint.h>

#include "base/bytes.h"

struct err;

int conf_duration_parse(struct span text, int64_t *out_ms, struct err *err);
int conf_size_parse(struct span text, int64_t *out_bytes, struct err *err);
int conf_count_parse(struct span text, int64_t *out_count, struct err *err);

/* With the largest units that are exact: "1h30m", "7d", "0". Not for negative values. */
void conf_duration_print(int64_t ms, struct bytes *out);
void conf_size_print(int64_t size_bytes, struct bytes *out);
void conf_count_print(int64_t count, struct bytes *out);

#endif
