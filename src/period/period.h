// SPDX-License-Identifier: Apache-2.0
/*
 * period.h - when the seasons of a board begin and end.
 *
 * A season lasts from one boundary to the next. Boundaries are times of a clock in the board's time
 * zone: full hours, midnights, midnights before a Monday or before the first of a month, or the
 * firings of a cron expression. A time that the clocks skip counts when they are changed, one that
 * comes twice counts the first time (period_zone_utc). Hours are different: each is as long as it
 * is, so an hour that comes twice is two seasons, and one during which clocks are changed by less
 * than an hour ends there.
 *
 * A rolling period has no seasons: its board is over the last so much time, in panes.
 *
 * Thread: pure functions; any. A period must not outlive its zone.
 */
#ifndef TALLYWHEEL_PERIOD_PERIOD_H
#define TALLYWHEEL_PERIOD_PERIOD_H

#include <stdbool.h>
#include <stdint.h>

#include "period/cron.h"

struct period_zone;

#define PERIOD_TEXT_BYTES_MAX 64 /* with the zero */
#define PERIOD_PANES_MAX 64

enum period_kind {
    PERIOD_NONE,
    PERIOD_HOURLY,
    PERIOD_DAILY,
    PERIOD_WEEKLY, /* from Monday */
    PERIOD_MONTHLY,
    PERIOD_CRON,
    PERIOD_ROLLING,
};

/* As a definition says it; a plain value. */
struct period_def {
    enum period_kind kind;
    char cron[PERIOD_TEXT_BYTES_MAX];
    int64_t rolling_ms;
    int64_t pane_ms;                       /* rolling_ms is a multiple of it */
    char time_zone[PERIOD_TEXT_BYTES_MAX]; /* "": UTC */
};

struct period {
    struct period_def def;
    struct cron cron;
    const struct period_zone *zone; /* NULL: UTC */
};

/* From and to, in ms; `end_ms` is not in it. */
struct period_season {
    int64_t start_ms;
    int64_t end_ms;
};

/* The definition has been checked: its cron can be parsed. `zone` is not owned; NULL is UTC. */
void period_init(struct period *out_period, const struct period_def *def,
                 const struct period_zone *zone);

/* Has it seasons? Not "none", not rolling. */
bool period_has_seasons(const struct period_def *def);

/*
 * The season of an event. Without seasons it is all time. The first and the last season that touch
 * the hundred thousand years around 1970 go on to the ends of int64.
 */
struct period_season period_season_of(const struct period *period, int64_t event_ms);

/* The season that begins where another ends, and the one that ends where another begins. */
struct period_season period_season_after(const struct period *period,
                                         const struct period_season *season);
struct period_season period_season_before(const struct period *period,
                                          const struct period_season *season);

/* Of a rolling period: how many panes it has, and the start of the pane of an event. */
uint32_t period_pane_count(const struct period_def *def);
int64_t period_pane_start(const struct period_def *def, int64_t event_ms);

/*
 * The width of the panes of a rolling period where none is asked for: the smallest usual one that
 * divides it into at most 32, or a 32th of it.
 */
int64_t period_pane_default(int64_t rolling_ms);

#endif
