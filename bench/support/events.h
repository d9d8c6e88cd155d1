// SPDX-License-Identifier: Apache-2.0
/*
 * events.h - the events that all figures are about, and the definitions that fold them.
 *
 *     {"player":"player-0123456","host":"host-012345","points":731,"load":0.734102,"at":17…123}
 *
 * One stream, two metrics by host, one board of players: as text for the server, as a config, and
 * for what runs in the driver's own process.
 *
 * Bodies are made before anything is timed. Their times are written anew each time that they are
 * sent: second `s` of the clock, with the milliseconds that the body was made with, so that the
 * events of a body are out of order within a second.
 */
#ifndef TALLYWHEEL_BENCH_SUPPORT_EVENTS_H
#define TALLYWHEEL_BENCH_SUPPORT_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct random;

#define EVENTS_STREAM "plays"
#define EVENTS_METRIC_COUNT "plays_by_host"
#define EVENTS_METRIC_AVG "load_by_host"
#define EVENTS_BOARD "season"

struct events_shape {
    uint32_t members;
    uint32_t series; /* distinct hosts */
    uint32_t points; /* of an event: below this; the fewer, the more members share a score */
};

/* Events of a request, as NDJSON. */
struct events_body {
    char *text;
    size_t size;
    uint32_t event_count;
    uint32_t *time_starts; /* where each event's time stands in text */
};

/* Members "player-0000000" on; at least `size` bytes of random events. */
void events_body_random(struct events_body *body, const struct events_shape *shape,
                        struct random *random, size_t size);

/*
 * At most about `size` bytes of events of members `first_member` and following, each once, with
 * hosts in turn. Returns the member after the last.
 */
uint32_t events_body_fill(struct events_body *body, const struct events_shape *shape,
                          struct random *random, size_t size, uint32_t first_member);
void events_body_done(struct events_body *body);

/* Writes the times of all events anew: within the second that ended `wall_ms` at the latest. */
void events_body_stamp(struct events_body *body, int64_t wall_ms);

/* The name of a member or a host, zero-terminated. */
void events_member(char *out_name, size_t size, uint32_t member);
void events_host(char *out_name, size_t size, uint32_t host);

/* streams:, metrics: and boards: of a config file. `every` is the width of a pane ("10s"). */
void events_print_config(struct bytes *out, const char *every);

#endif
