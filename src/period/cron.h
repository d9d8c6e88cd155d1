// SPDX-License-Identifier: Apache-2.0
/*
 * cron.h - when a cron expression fires: "0 6 * * 1", Mondays at six.
 *
 * Five fields: minute (0-59), hour (0-23), day of the month (1-31), month (1-12 or jan-dec), day of
 * the week (0-7 or sun-sat; 0 and 7 are Sunday). A field is a list, as in "1,15", of numbers,
 * ranges "9-17", all "*", and of the latter two with a step, as in "0-30/10". Where both a day of
 * the month and a day of the week are given, either will do; a field that begins with "*" is none
 * that is given.
 *
 * Times here are minutes of a clock without a zone, counted from 1970-01-01 00:00.
 *
 * Thread: plain values; any.
 */
#ifndef TALLYWHEEL_PERIOD_CRON_H
#define TALLYWHEEL_PERIOD_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct err;

struct cron {
    uint64_t minutes; /* bit by value, as in the others */
    uint32_t hours;
    uint32_t days;
    uint16_t months;
    uint8_t weekdays;
    bool any_day; /* "*" */
    bool any_weekday;
};

/* ERR_INVALID with the field that is wrong, or if there is no such day in any year. */
int cron_parse(struct cron *out_cron, struct span text, struct err *err);

/* The first firing after a minute, and the last one at or before it. */
int64_t cron_next(const struct cron *cron, int64_t minute);
int64_t cron_previous(const struct cron *cron, int64_t minute);

#endif
