// SPDX-License-Identifier: Apache-2.0
/*
 * timestamp.h - what clients call a time, as milliseconds since 1970-01-01 UTC.
 *
 * A number is taken by its size: |x| below 1e11 is seconds (up to the year 5138), below 1e14
 * milliseconds, below 1e17 microseconds, anything else nanoseconds. So a count of milliseconds is
 * understood from 1973-03-03 on (and before 1966-10-31). A text is either such a number in digits,
 * or RFC 3339: a date ("2021-04-01", midnight UTC) or a date and a time with its offset
 * ("2021-04-01T12:30:00.25+02:00"; the T may be a space, letters may be small, second 60 is the
 * next minute's first). Finer than a millisecond is cut off, towards the past.
 *
 * Times lie in the years 1 to 9999.
 *
 * Thread: any.
 */
#ifndef TALLYWHEEL_WIRE_TIMESTAMP_H
#define TALLYWHEEL_WIRE_TIMESTAMP_H

#include <stdint.h>

#include "base/bytes.h"

#define TIMESTAMP_MS_MIN (-62135596800000) /* 0001-01-01T00:00:00Z */
#define TIMESTAMP_MS_MAX 253402300799999   /* 9999-12-31T23:59:59.999Z */

/*
 * All return NULL, or what is wrong with it as the end of a sentence ("is no date…"), and leave
 * out_ms alone then.
 */
const char *timestamp_from_int(int64_t value, int64_t *out_ms);

/* A number as JSON writes it: -12, 12.5, 1.6e9. The fraction is exact but where there is an "e". */
const char *timestamp_from_number(struct span number, int64_t *out_ms);

const char *timestamp_from_text(struct span text, int64_t *out_ms);

#endif
