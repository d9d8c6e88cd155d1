// SPDX-License-Identifier: Apache-2.0
/* status_print.c - the status as JSON; see docs/reference/http.md. */
#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/json.h"
#include "node/node_private.h"
#include "node/status_private.h"
#include "query/answer.h"

static const char *state_text(enum node_state state)
{
    static const char *const texts[] = {"recovering", "ready", "draining", "failed"};

    return texts[state];
}

static void put_ingest(const struct node *node, struct json_out *json)
{
    const struct sampler *sampler = &node->sampler;
    struct status_totals totals;

    status_add_up(node, &totals);
    json_out_key(json, "connections");
    json_out_uint(json, totals.connections);
    json_out_key(json, "ingest");
    json_out_object(json);
    json_out_key(json, "events");
    json_out_uint(json, totals.accepted);
    json_out_key(json, "events_per_s");
    json_out_double(json, sampler->accepted_per_s);
    json_out_key(json, "rejected");
    json_out_uint(json, totals.rejected);
    json_out_key(json, "late");
    json_out_uint(json, totals.late);
    json_out_key(json, "duplicates");
    json_out_uint(json, totals.duplicates);
    json_out_key(json, "requests");
    json_out_uint(json, totals.ingest_requests);
    json_out_key(json, "in_flight_bytes");
    json_out_uint(json, atomic_load_explicit(&node->ingest_bytes, memory_order_relaxed));
    json_out_key(json, "ack_ms");
    json_out_object(json);
    json_out_key(json, "p50");
    json_out_double(json, (double)sampler->ack_p50_us / 1e3);
    json_out_key(json, "p99");
    json_out_double(json, (double)sampler->ack_p99_us / 1e3);
    json_out_object_end(json);
    json_out_object_end(json);
}

static const char *partition_state_text(int failed)
{
    if (failed == 0)
        return "ok";
    return failed == ERR_FULL ? "full" : "failed";
}

static void put_partitions(const struct status_read *status, struct json_out *json)
{
    json_out_key(json, "partitions");
    json_out_array(json);
    for (uint32_t i = 0; i < status->read.partition_count; i++) {
        const struct status_slot *slot = &status->slots[i];

        json_out_object(json);
        json_out_key(json, "partition");
        json_out_uint(json, i);
        json_out_key(json, "worker");
        json_out_uint(json, slot->worker);
        json_out_key(json, "state");
        json_out_text(json, partition_state_text(slot->failed));
        json_out_key(json, "offset");
        json_out_uint(json, slot->journal.offset_end);
        json_out_key(json, "events");
        json_out_uint(json, slot->rows);
        json_out_key(json, "journal_bytes");
        json_out_uint(json, slot->journal.bytes);
        json_out_key(json, "segments");
        json_out_uint(json, slot->journal.segment_count);
        json_out_key(json, "memory_bytes");
        json_out_uint(json, slot->memory_bytes);
        json_out_object_end(json);
    }
    json_out_array_end(json);
}

static void put_stream(const struct sampler *sampler, const struct thing *thing,
                       struct json_out *json)
{
    json_out_key(json, "events");
    json_out_uint(json, thing->stat.rows);
    json_out_key(json, "events_per_s");
    json_out_double(json, sampler_rate_of(sampler, thing->id));
    json_out_key(json, "late");
    json_out_uint(json, thing->stat.late);
    json_out_key(json, "duplicates");
    json_out_uint(json, thing->stat.duplicates);
    json_out_key(json, "watermark_ms");
    if (thing->stat.watermark_ms == INT64_MIN)
        json_out_null(json);
    else
        json_out_int(json, thing->stat.watermark_ms);
}

static void put_metric(const struct thing *thing, struct json_out *json)
{
    json_out_key(json, "stream");
    json_out_text(json, thing->stream);
    json_out_key(json, "series");
    json_out_uint(json, thing->series);
    json_out_key(json, "panes");
    json_out_uint(json, thing->panes);
    json_out_key(json, "every_ms");
    json_out_int(json, thing->every_ms);
    json_out_key(json, "overflow_rows");
    json_out_uint(json, thing->overflow_rows);
}

static void put_script(const struct thing *thing, struct json_out *json)
{
    json_out_key(json, "script");
    json_out_object(json);
    json_out_key(json, "failed");
    json_out_uint(json, thing->script.failed);
    json_out_key(json, "over_steps");
    json_out_uint(json, thing->script.over_steps);
    json_out_key(json, "over_memory");
    json_out_uint(json, thing->script.over_memory);
    json_out_key(json, "message");
    if (thing->script_message[0] != '\0')
        json_out_text(json, thing->script_message);
    else
        json_out_null(json);
    json_out_object_end(json);
}

static void put_board(const struct sampler *sampler, const struct thing *thing,
                      struct json_out *json)
{
    json_out_key(json, "stream");
    json_out_text(json, thing->stream);
    json_out_key(json, "members");
    json_out_uint(json, thing->board.entries);
    json_out_key(json, "segments");
    json_out_uint(json, thing->board.segments);
    json_out_key(json, "moves_per_s");
    json_out_double(json, sampler_rate_of(sampler, thing->id));
    json_out_key(json, "skipped");
    json_out_uint(json, thing->board.skipped);
    json_out_key(json, "refused");
    json_out_uint(json, thing->board.refused);
    json_out_key(json, "left_out");
    json_out_uint(json, thing->left_out);
    if (thing->scripted)
        put_script(thing, json);
}

static void put_things(const struct status_read *status, enum thing_kind kind, const char *key,
                       struct json_out *json)
{
    const struct sampler *sampler = &status->node->sampler;

    json_out_key(json, key);
    json_out_array(json);
    for (uint32_t i = 0; i < status->thing_count; i++) {
        const struct thing *thing = &status->things[i];

        if (thing->kind != kind || strchr(thing->name, ':') != NULL)
            continue; /* the stream behind a board that takes scores directly is not shown */
        json_out_object(json);
        json_out_key(json, "name");
        json_out_text(json, thing->name);
        if (kind == THING_STREAM)
            put_stream(sampler, thing, json);
        else if (kind == THING_METRIC)
            put_metric(thing, json);
        else
            put_board(sampler, thing, json);
        json_out_object_end(json);
    }
    json_out_array_end(json);
}

static void put_recovery(const struct node *node, struct json_out *json)
{
    uint64_t done;
    uint64_t total;

    node_recovery(node, &done, &total);
    json_out_key(json, "recovery");
    json_out_object(json);
    json_out_key(json, "done_bytes");
    json_out_uint(json, done);
    json_out_key(json, "total_bytes");
    json_out_uint(json, total);
    json_out_object_end(json);
}

void status_print(struct read *read, struct answer *out_answer)
{
    struct status_read *status = (struct status_read *)read;
    struct node *node = status->node;
    uint64_t memory_bytes = 0;
    struct json_out json;

    for (uint32_t i = 0; i < read->partition_count; i++)
        memory_bytes += status->slots[i].memory_bytes;
    uv_mutex_lock(&node->sampler.lock);
    json_out_init(&json, &out_answer->head);
    json_out_key(&json, "version");
    json_out_text(&json, TALLYWHEEL_VERSION);
    json_out_key(&json, "state");
    json_out_text(&json, state_text(node_state(node)));
    json_out_key(&json, "uptime_ms");
    json_out_uint(&json, (clock_mono_ns(node->clock) - node->start_ns) / 1000000);
    json_out_key(&json, "now_ms");
    json_out_int(&json, clock_wall_ms(node->clock));
    json_out_key(&json, "durability");
    json_out_text(&json, conf_durability_text(node->conf->durability));
    json_out_key(&json, "workers");
    json_out_uint(&json, node->worker_count);
    json_out_key(&json, "watches");
    json_out_uint(&json, atomic_load(&node->hub.watch_count));
    json_out_key(&json, "memory_bytes");
    json_out_uint(&json, memory_bytes);
    put_ingest(node, &json);
    put_partitions(status, &json);
    put_things(status, THING_STREAM, "streams", &json);
    put_things(status, THING_BOARD, "boards", &json);
    put_things(status, THING_METRIC, "metrics", &json);
    put_recovery(node, &json);
    uv_mutex_unlock(&node->sampler.lock);
}
