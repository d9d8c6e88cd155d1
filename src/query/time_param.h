// SPDX-License-Identifier: Apache-2.0
/*
 * time_param.h - a point in time, as a parameter of a read names it.
 *
 *     1577836800000             milliseconds since 1970, maybe negative
 *     2020-01-01                midnight UTC
 *     2020-01-01T12:00:00Z      RFC 3339; with a fraction (cut to milliseconds) and any offset
 *     now, -5m, +1h             relative to the moment of reading
 *
 * A relative one stays so: a watch reads it anew on every tick.
 *
 * Thread: any; plain values.
 */
#ifndef TALLYWHEEL_QUERY_TIME_PARAM_H
#define TALLYWHEEL_QUERY_TIME_PARAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct err;

#define TIME_PARAM_MS_MAX INT64_C(8640000000000000) /* as far as JavaScript's dates go */

struct time_param {
    bool is_relative;
    int64_t ms; /* since 1970, or since now */
};

/* ERR_INVALID names the parameter. */
int time_param_parse(struct span text, const char *name, struct time_param *out_time,
                     struct err *err);

/* The point in time, within ±TIME_PARAM_MS_MAX. */
int64_t time_param_ms(struct time_param time, int64_t now_ms);

#endif
