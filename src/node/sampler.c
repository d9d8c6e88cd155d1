// SPDX-License-Identifier: Apache-2.0
/* sampler.c - rates and recent latencies, once a second; see sampler.h. */
#include "node/sampler.h"

#include <stdlib.h>

#include "base/clock.h"
#include "node/ask.h"
#include "node/node_private.h"
#include "node/status_private.h"

void sampler_init(struct sampler *sampler)
{
    *sampler = (struct sampler){0};
    uv_mutex_init(&sampler->lock);
}

void sampler_done(struct sampler *sampler)
{
    free(sampler->rates);
    sampler->rates = NULL;
    uv_mutex_destroy(&sampler->lock);
}

static void sample_one(struct sampler *sampler, uint32_t id, uint64_t count, double seconds)
{
    for (uint32_t i = 0; i < sampler->rate_count; i++) {
        struct sampler_rate *rate = &sampler->rates[i];

        if (rate->id == id) {
            rate->per_s = (double)(count - rate->count) / seconds;
            rate->count = count;
            return;
        }
    }
    sampler->rates =
        bytes_realloc(sampler->rates, (sampler->rate_count + 1) * sizeof(sampler->rates[0]));
    sampler->rates[sampler->rate_count++] = (struct sampler_rate){.id = id, .count = count};
}

/* Quantiles of the acknowledgements since the oldest sample that is kept. */
static void sample_acks(struct sampler *sampler, const struct status_totals *totals)
{
    uint64_t *oldest = sampler->ack_history[sampler->ack_next];
    uint64_t recent[STATS_BUCKETS];

    for (uint32_t i = 0; i < STATS_BUCKETS; i++) {
        recent[i] = totals->ack_us[i] - oldest[i];
        oldest[i] = totals->ack_us[i];
    }
    sampler->ack_next = (sampler->ack_next + 1) % SAMPLER_SECONDS;
    sampler->ack_p50_us = stats_quantile_us(recent, 0.5);
    sampler->ack_p99_us = stats_quantile_us(recent, 0.99);
}

static void on_sampled(void *context, struct read *read, int rc, const struct err *err)
{
    struct node *node = context;
    struct sampler *sampler = &node->sampler;
    struct status_read *status = (struct status_read *)read;
    uint64_t now_ns = clock_mono_ns(node->clock);
    double seconds = (double)(now_ns - sampler->sampled_ns) / 1e9;
    struct status_totals totals;

    (void)err;
    sampler->sampling = false;
    if (rc == 0 && seconds > 0) {
        status_add_up(node, &totals);
        uv_mutex_lock(&sampler->lock);
        sampler->accepted_per_s = (double)(totals.accepted - sampler->accepted) / seconds;
        sampler->accepted = totals.accepted;
        sampler->sampled_ns = now_ns;
        for (uint32_t i = 0; i < status->thing_count; i++) {
            const struct thing *thing = &status->things[i];

            if (thing->kind == THING_STREAM)
                sample_one(sampler, thing->id, thing->stat.rows, seconds);
            else if (thing->kind == THING_BOARD)
                sample_one(sampler, thing->id, thing->board.moves, seconds);
        }
        sample_acks(sampler, &totals);
        uv_mutex_unlock(&sampler->lock);
    }
    read_free(read);
}

void sampler_tick(struct sampler *sampler, struct node *node)
{
    if (sampler->sampling || clock_mono_ns(node->clock) - sampler->sampled_ns < 1000000000u)
        return;
    sampler->sampling = true;
    ask_read(&node->workers[0], status_read_new(node), on_sampled, node);
}

double sampler_rate_of(const struct sampler *sampler, uint32_t id)
{
    for (uint32_t i = 0; i < sampler->rate_count; i++)
        if (sampler->rates[i].id == id)
            return sampler->rates[i].per_s;
    return 0;
}
