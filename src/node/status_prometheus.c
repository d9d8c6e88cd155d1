// SPDX-License-Identifier: Apache-2.0
/*
 * status_prometheus.c - the status in the text format that Prometheus scrapes (version 0.0.4).
 *
 * Source: the exposition formats page of the Prometheus documentation.
 */
#include "base/err.h"
#include "base/json.h"
#include "node/node_private.h"
#include "node/status_private.h"

static void put_head(struct bytes *out, const char *name, const char *type, const char *help)
{
    bytes_format(out, "# HELP tallywheel_%s %s\n# TYPE tallywheel_%s %s\n", name, help, name, type);
}

static void put_counters(const struct status_totals *totals, struct bytes *out)
{
#define PUT_COUNTER(name, help)                                                                    \
    put_head(out, #name "_total", "counter", help ".");                                            \
    bytes_format(out, "tallywheel_" #name "_total %llu\n", (unsigned long long)totals->name);
    STATS_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
}

/* A bucket for each power of two of microseconds, in seconds as Prometheus wants them. */
static void put_acks(const struct status_totals *totals, struct bytes *out)
{
    uint64_t seen = 0;

    put_head(out, "ack_seconds", "histogram",
             "Time from the last byte of a request to its acknowledgement.");
    for (uint32_t i = 0; i < STATS_BUCKETS; i++) {
        seen += totals->ack_us[i];
        if (i % 8 == 7 && i < 200)
            bytes_format(out, "tallywheel_ack_seconds_bucket{le=\"%g\"} %llu\n",
                         (double)stats_bucket_end_us(i) / 1e6, (unsigned long long)seen);
    }
    bytes_format(out,
                 "tallywheel_ack_seconds_bucket{le=\"+Inf\"} %llu\n"
                 "tallywheel_ack_seconds_sum %.6f\n"
                 "tallywheel_ack_seconds_count %llu\n",
                 (unsigned long long)seen, (double)totals->ack_us_total / 1e6,
                 (unsigned long long)seen);
}

struct family {
    const char *name;
    const char *type;
    const char *help;
    enum thing_kind kind;
    double (*value)(const struct thing *thing);
};

static double stream_rows(const struct thing *thing)
{
    return (double)thing->stat.rows;
}

static double stream_late(const struct thing *thing)
{
    return (double)thing->stat.late;
}

static double stream_watermark(const struct thing *thing)
{
    return thing->stat.watermark_ms == INT64_MIN ? 0 : (double)thing->stat.watermark_ms / 1e3;
}

static double metric_series(const struct thing *thing)
{
    return (double)thing->series;
}

static double metric_panes(const struct thing *thing)
{
    return (double)thing->panes;
}

static double metric_overflow(const struct thing *thing)
{
    return (double)thing->overflow_rows;
}

static double board_members(const struct thing *thing)
{
    return (double)thing->board.entries;
}

static double board_moves(const struct thing *thing)
{
    return (double)thing->board.moves;
}

static double board_refused(const struct thing *thing)
{
    return (double)thing->board.refused;
}

static double board_left_out(const struct thing *thing)
{
    return (double)thing->left_out;
}

static double board_script_failures(const struct thing *thing)
{
    return (double)(thing->script.failed + thing->script.over_steps + thing->script.over_memory);
}

static const struct family families[] = {
    {"stream_events_total", "counter", "Events folded.", THING_STREAM, stream_rows},
    {"stream_late_total", "counter", "Events that came too late.", THING_STREAM, stream_late},
    {"stream_watermark_seconds", "gauge", "Greatest event time.", THING_STREAM, stream_watermark},
    {"metric_series", "gauge", "Series, of the partition with the most.", THING_METRIC,
     metric_series},
    {"metric_panes", "gauge", "Panes that hold data.", THING_METRIC, metric_panes},
    {"metric_overflow_total", "counter", "Events counted as __other__.", THING_METRIC,
     metric_overflow},
    {"board_members", "gauge", "Members ranked.", THING_BOARD, board_members},
    {"board_moves_total", "counter", "Members placed or moved.", THING_BOARD, board_moves},
    {"board_refused_total", "counter", "Events refused by a full board.", THING_BOARD,
     board_refused},
    {"board_left_out_total", "counter", "Events for a closed season, or before a rolling window.",
     THING_BOARD, board_left_out},
    {"board_script_failures_total", "counter", "Calls of the board's scripts that failed.",
     THING_BOARD, board_script_failures},
};

static void put_families(const struct status_read *status, struct bytes *out)
{
    static const char *const labels[] = {"stream", "metric", "board"};

    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        const struct family *family = &families[i];

        put_head(out, family->name, family->type, family->help);
        for (uint32_t j = 0; j < status->thing_count; j++)
            if (status->things[j].kind == family->kind)
                bytes_format(out, "tallywheel_%s{%s=\"%s\"} %.15g\n", family->name,
                             labels[family->kind], status->things[j].name,
                             family->value(&status->things[j]));
    }
}

static void put_partitions(const struct status_read *status, struct bytes *out)
{
    put_head(out, "journal_bytes", "gauge", "Committed bytes of the journal.");
    for (uint32_t i = 0; i < status->read.partition_count; i++)
        bytes_format(out, "tallywheel_journal_bytes{partition=\"%u\"} %llu\n", i,
                     (unsigned long long)status->slots[i].journal.bytes);
    put_head(out, "journal_offset", "gauge", "One past the newest committed offset.");
    for (uint32_t i = 0; i < status->read.partition_count; i++)
        bytes_format(out, "tallywheel_journal_offset{partition=\"%u\"} %llu\n", i,
                     (unsigned long long)status->slots[i].journal.offset_end);
    put_head(out, "partition_memory_bytes", "gauge", "Memory that the state takes.");
    for (uint32_t i = 0; i < status->read.partition_count; i++)
        bytes_format(out, "tallywheel_partition_memory_bytes{partition=\"%u\"} %llu\n", i,
                     (unsigned long long)status->slots[i].memory_bytes);
    put_head(out, "partition_failed", "gauge", "1 if the partition takes no more writes.");
    for (uint32_t i = 0; i < status->read.partition_count; i++)
        bytes_format(out, "tallywheel_partition_failed{partition=\"%u\"} %d\n", i,
                     status->slots[i].failed != 0 && status->slots[i].failed != ERR_FULL);
    put_head(out, "partition_full", "gauge",
             "1 while the partition takes no writes because the disk is full.");
    for (uint32_t i = 0; i < status->read.partition_count; i++)
        bytes_format(out, "tallywheel_partition_full{partition=\"%u\"} %d\n", i,
                     status->slots[i].failed == ERR_FULL);
}

void status_print_prometheus(struct read *read, struct bytes *out)
{
    const struct status_read *status = (const struct status_read *)read;
    struct status_totals totals;

    status_add_up(status->node, &totals);
    put_counters(&totals, out);
    put_acks(&totals, out);
    put_families(status, out);
    put_partitions(status, out);
    put_head(out, "connections", "gauge", "Open connections.");
    bytes_format(out, "tallywheel_connections %llu\n", (unsigned long long)totals.connections);
    put_head(out, "watches", "gauge", "Topics that are watched.");
    bytes_format(out, "tallywheel_watches %u\n", atomic_load(&status->node->hub.watch_count));
    put_head(out, "ingest_in_flight_bytes", "gauge", "Taken in and not yet decided.");
    bytes_format(out, "tallywheel_ingest_in_flight_bytes %llu\n",
                 (unsigned long long)atomic_load(&status->node->ingest_bytes));
}
