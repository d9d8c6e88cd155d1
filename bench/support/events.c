// SPDX-License-Identifier: Apache-2.0
/* events.c - see events.h. */
#include "support/events.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/random.h"

#define EVENT_BYTES_MAX 160u
#define TIME_DIGITS 13u
#define SECOND_DIGITS 10u

void events_member(char *out_name, size_t size, uint32_t member)
{
    snprintf(out_name, size, "player-%07u", member);
}

void events_host(char *out_name, size_t size, uint32_t host)
{
    snprintf(out_name, size, "host-%06u", host);
}

static void put_event(struct events_body *body, const struct events_shape *shape,
                      struct random *random, uint32_t member, uint32_t host)
{
    uint64_t bits = random_next(random);
    char *text = body->text + body->size;
    char name[24];
    char host_name[24];
    int size;

    events_member(name, sizeof(name), member);
    events_host(host_name, sizeof(host_name), host);
    size = snprintf(text, EVENT_BYTES_MAX,
                    "{\"player\":\"%s\",\"host\":\"%s\",\"points\":%u,\"load\":0.%06u,\"at\":"
                    "1700000000%03u}\n",
                    name, host_name, (unsigned)((bits & 0xffffffffu) % shape->points),
                    (unsigned)((bits >> 32) % 1000000), (unsigned)((bits >> 52) % 1000));
    assert(size > 0 && (uint32_t)size < EVENT_BYTES_MAX);
    body->size += (size_t)size;
    /* The line ends with the time, a brace and the line break. */
    body->time_starts[body->event_count++] = (uint32_t)(body->size - 2 - TIME_DIGITS);
}

static void make_room(struct events_body *body, size_t size)
{
    *body = (struct events_body){0};
    body->text = bytes_alloc(size + EVENT_BYTES_MAX);
    body->time_starts = bytes_alloc((size / 64 + 2) * sizeof(body->time_starts[0]));
}

void events_body_random(struct events_body *body, const struct events_shape *shape,
                        struct random *random, size_t size)
{
    make_room(body, size);
    while (body->size < size)
        put_event(body, shape, random, random_below(random, shape->members),
                  random_below(random, shape->series));
}

uint32_t events_body_fill(struct events_body *body, const struct events_shape *shape,
                          struct random *random, size_t size, uint32_t first_member)
{
    uint32_t member = first_member;

    make_room(body, size);
    for (; body->size < size && member < shape->members; member++)
        put_event(body, shape, random, member, member % shape->series);
    return member;
}

void events_body_done(struct events_body *body)
{
    free(body->text);
    free(body->time_starts);
    *body = (struct events_body){0};
}

void events_body_stamp(struct events_body *body, int64_t wall_ms)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%0*lld", (int)SECOND_DIGITS, (long long)(wall_ms / 1000 - 1));
    for (uint32_t i = 0; i < body->event_count; i++)
        memcpy(body->text + body->time_starts[i], digits, SECOND_DIGITS);
}

void events_print_config(struct bytes *out, const char *every)
{
    bytes_format(out,
                 "streams:\n"
                 "  " EVENTS_STREAM ":\n"
                 "    fields: {player: string, host: string, points: int, load: float, at: time}\n"
                 "    key: player\n"
                 "    time: at\n"
                 "    lateness: 30s\n"
                 "metrics:\n"
                 "  " EVENTS_METRIC_COUNT ": {stream: " EVENTS_STREAM
                 ", value: count(), by: [host], every: %s}\n"
                 "  " EVENTS_METRIC_AVG ": {stream: " EVENTS_STREAM
                 ", value: avg(load), by: [host], every: %s}\n"
                 "boards:\n"
                 "  " EVENTS_BOARD ": {stream: " EVENTS_STREAM
                 ", member: player, score: sum(points)}\n",
                 every, every);
}
