// SPDX-License-Identifier: Apache-2.0
/* status.c - the read of the server's own health: collect and merge; see status.h. */
#include "node/status.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/board_seasons.h"
#include "engine/catalog.h"
#include "metric/grouping.h"
#include "metric/metric.h"
#include "node/node_private.h"
#include "node/status_private.h"

static struct thing *add_thing(struct status_slot *slot, enum thing_kind kind, uint32_t id,
                               const char *name, const char *stream)
{
    struct thing *thing;

    slot->things = bytes_realloc(slot->things, (slot->thing_count + 1) * sizeof(*thing));
    thing = &slot->things[slot->thing_count++];
    *thing = (struct thing){.kind = kind, .id = id};
    memcpy(thing->name, name, NAME_BYTES_MAX);
    memcpy(thing->stream, stream, NAME_BYTES_MAX);
    return thing;
}

static void collect_board(struct status_slot *slot, const struct partition *partition,
                          const struct catalog_board *board)
{
    const struct board_seasons *seasons = partition_seasons(partition, board->id);
    struct thing *thing;

    if (seasons == NULL)
        return;
    thing = add_thing(slot, THING_BOARD, board->id, board->def.name, board->def.stream);
    thing->board = board_counts(partition_board(partition, board->id));
    thing->left_out = board_seasons_left_out(seasons);
    thing->scripted = board_seasons_script_stat(seasons, &thing->script);
    if (thing->scripted) /* the text is the script's own */
        snprintf(thing->script_message, sizeof(thing->script_message), "%s", thing->script.message);
    thing->script.message = NULL;
}

static void collect_things(struct status_slot *slot, const struct partition *partition)
{
    const struct catalog *catalog = partition_catalog(partition);
    struct thing *thing;

    for (uint32_t i = 0; i < catalog->stream_count; i++) {
        const struct catalog_stream *stream = catalog->streams[i];

        thing = add_thing(slot, THING_STREAM, stream->id, stream->def.name, stream->def.name);
        partition_stream_stat(partition, stream->id, &thing->stat);
        slot->rows += thing->stat.rows;
    }
    for (uint32_t i = 0; i < catalog->metric_count; i++) {
        const struct metric *metric = partition_metric(partition, catalog->metrics[i]->id);

        if (metric == NULL)
            continue;
        thing = add_thing(slot, THING_METRIC, catalog->metrics[i]->id, metric->def.name,
                          metric->def.stream);
        thing->every_ms = metric->def.every_ms;
        thing->series = grouping_count(metric->table->grouping) - 1; /* __other__ is always there */
        thing->panes = metric->table->panes.pane_count;
        thing->overflow_rows = metric->table->grouping->overflow_rows;
    }
    for (uint32_t i = 0; i < catalog->board_count; i++)
        collect_board(slot, partition, catalog->boards[i]);
}

static void status_collect(struct read *read, const struct partition *partition, uint32_t number)
{
    struct status_read *status = (struct status_read *)read;
    const struct host *host = &status->node->hosts[number];
    struct status_slot *slot = &status->slots[number];

    free(slot->things);
    *slot = (struct status_slot){.worker = host->worker->number, .failed = host->failed};
    host->journal->ops->stat(host->journal, &slot->journal);
    if (!host->ready)
        return;
    slot->memory_bytes = partition_bytes(partition);
    collect_things(slot, partition);
}

static void merge_thing(struct thing *into, const struct thing *from)
{
    into->stat.rows += from->stat.rows;
    into->stat.late += from->stat.late;
    into->stat.duplicates += from->stat.duplicates;
    if (from->stat.watermark_ms > into->stat.watermark_ms)
        into->stat.watermark_ms = from->stat.watermark_ms;
    if (from->series > into->series)
        into->series = from->series; /* the same labels are in several partitions: at least */
    if (from->panes > into->panes)
        into->panes = from->panes;
    into->overflow_rows += from->overflow_rows;
    into->board.entries += from->board.entries;
    if (from->board.segments > into->board.segments)
        into->board.segments = from->board.segments;
    into->board.moves += from->board.moves;
    into->board.skipped += from->board.skipped;
    into->board.refused += from->board.refused;
    into->left_out += from->left_out;
    into->script.failed += from->script.failed;
    into->script.over_steps += from->script.over_steps;
    into->script.over_memory += from->script.over_memory;
    if (from->script_message[0] != '\0')
        memcpy(into->script_message, from->script_message, sizeof(into->script_message));
}

static struct thing *find_thing(struct status_read *status, uint32_t id)
{
    for (uint32_t i = 0; i < status->thing_count; i++)
        if (status->things[i].id == id)
            return &status->things[i];
    return NULL;
}

static int status_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    struct status_read *status = (struct status_read *)read;

    (void)err;
    status->thing_count = 0;
    for (uint32_t i = 0; i < read->partition_count; i++) {
        struct status_slot *slot = &status->slots[i];

        for (uint32_t j = 0; j < slot->thing_count; j++) {
            struct thing *thing = find_thing(status, slot->things[j].id);

            if (thing != NULL) {
                merge_thing(thing, &slot->things[j]);
                continue;
            }
            status->things = bytes_realloc(status->things,
                                           (status->thing_count + 1) * sizeof(status->things[0]));
            status->things[status->thing_count++] = slot->things[j];
        }
    }
    *out_step = READ_DONE;
    return 0;
}

static void status_reset(struct read *read)
{
    read->round = 0;
}

static void status_free(struct read *read)
{
    struct status_read *status = (struct status_read *)read;

    for (uint32_t i = 0; i < read->partition_count; i++)
        free(status->slots[i].things);
    free(status->slots);
    free(status->things);
    free(status);
}

void status_add_up(const struct node *node, struct status_totals *totals)
{
    *totals = (struct status_totals){0};
    for (uint32_t i = 0; i < node->worker_count; i++) {
        const struct stats *stats = &node->workers[i].stats;

#define TOTAL_ADD(name, help)                                                                      \
    totals->name += atomic_load_explicit(&stats->name, memory_order_relaxed);
        STATS_COUNTERS(TOTAL_ADD)
#undef TOTAL_ADD
        totals->connections += atomic_load_explicit(&stats->connections, memory_order_relaxed);
        totals->ack_us_total += atomic_load_explicit(&stats->ack_us_total, memory_order_relaxed);
        stats_collect_ack(stats, totals->ack_us);
    }
}

static const struct read_ops status_ops = {
    "status", status_collect, status_merge, status_print, status_reset, status_free,
};

struct read *status_read_new(struct node *node)
{
    struct status_read *status = bytes_alloc_zero(1, sizeof(*status));

    status->read.ops = &status_ops;
    status->read.partition_count = node->partition_count;
    status->node = node;
    status->slots = bytes_alloc_zero(node->partition_count, sizeof(status->slots[0]));
    return &status->read;
}
