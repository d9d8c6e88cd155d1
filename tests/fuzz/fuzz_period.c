// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_period.c - the files of time zones and cron expressions: whatever is taken must have
 * boundaries that go forward.
 *
 * Input that begins with "TZif" is a zone, anything else an expression.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "period/cron.h"
#include "period/period.h"
#include "period/period_zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t times[] = {INT64_MIN, -INT64_C(3000000000000), -1,
                                0,         INT64_C(1700000000000),  INT64_C(5000000000000),
                                INT64_MAX};

#define TIME_COUNT (sizeof(times) / sizeof(times[0]))

static void walk(const struct period_def *def, const struct period_zone *zone)
{
    struct period period;

    period_init(&period, def, zone);
    for (size_t i = 0; i < TIME_COUNT; i++) {
        struct period_season season = period_season_of(&period, times[i]);

        assert(season.start_ms < season.end_ms);
        assert(season.start_ms <= times[i] && season.end_ms >= times[i]);
        for (int step = 0; step < 3 && season.end_ms < INT64_MAX; step++) {
            struct period_season next = period_season_of(&period, season.end_ms);

            assert(next.start_ms == season.end_ms && next.end_ms > season.end_ms);
            season = next;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    struct period_zone *zone;
    struct cron cron;

    if (size >= 4 && memcmp(data, "TZif", 4) == 0) {
        if (period_zone_load(&zone, text, NULL) < 0)
            return 0;
        for (int kind = PERIOD_HOURLY; kind <= PERIOD_MONTHLY; kind++)
            walk(&(struct period_def){.kind = (enum period_kind)kind}, zone);
        period_zone_free(zone);
        return 0;
    }
    if (size < PERIOD_TEXT_BYTES_MAX && memchr(data, 0, size) == NULL &&
        cron_parse(&cron, text, NULL) == 0) {
        struct period_def def = {.kind = PERIOD_CRON};

        memcpy(def.cron, data, size);
        walk(&def, NULL);
    }
    return 0;
}
