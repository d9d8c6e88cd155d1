// SPDX-License-Identifier: Apache-2.0
/*
 * period_zone.h - a time zone: how far its clocks are from UTC, and when they are changed.
 *
 * It is read from the bytes of a TZif file (RFC 8536), which the caller brings along: what folds
 * sees no files, and a replay must see the same zone whatever the system has today
 * (docs/decisions/012-seasons-and-zones.md). Beyond the table of the file its rule in the form of
 * POSIX ("CET-1CEST,M3.5.0,M10.5.0/3") goes on for ever. Leap seconds are not in it.
 *
 * Thread: immutable once loaded; any.
 */
#ifndef TALLYWHEEL_PERIOD_PERIOD_ZONE_H
#define TALLYWHEEL_PERIOD_PERIOD_ZONE_H

#include <stdint.h>

#include "base/bytes.h"

struct err;
struct period_zone;

#define PERIOD_ZONE_BYTES_MAX 65536

/* ERR_INVALID if it is no TZif file of version 2 or later, or not a sane one. */
int period_zone_load(struct period_zone **out_zone, struct span tzif, struct err *err);
void period_zone_free(struct period_zone *zone);

/* Seconds to add to UTC at an instant. Here and below, NULL is UTC itself. */
int32_t period_zone_offset(const struct period_zone *zone, int64_t utc_s);

/* When the clocks were last changed, at or before an instant; INT64_MIN if never. */
int64_t period_zone_changed(const struct period_zone *zone, int64_t utc_s);

/* When they are changed next, after an instant; INT64_MAX if never. */
int64_t period_zone_changes(const struct period_zone *zone, int64_t utc_s);

/*
 * The first instant at which a clock there shows `local_s` (seconds from 1970-01-01 00:00) or
 * more. So a time that is skipped is the moment of the change, and one that comes twice is its
 * first coming; a later `local_s` never gives an earlier instant.
 */
int64_t period_zone_utc(const struct period_zone *zone, int64_t local_s);

#endif
