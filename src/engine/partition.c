// SPDX-License-Identifier: Apache-2.0
/*
 * partition.c - see partition.h.
 *
 * A batch is folded in this order: which rows count (duplicates, late ones), the series of those
 * rows for every grouping, every metric, every board.
 */
#include "engine/partition.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "engine/board_changes.h"
#include "engine/board_seasons.h"
#include "engine/catalog.h"
#include "engine/stream_state.h"
#include "keyspace/keyspace.h"
#include "metric/grouping.h"
#include "metric/metric.h"
#include "model/batch.h"
#include "model/board_change.h"
#include "board/board.h"

/* A grouping that metrics of one stream share. */
struct shared_grouping {
    uint32_t stream_id;
    struct grouping grouping;
    uint32_t *series; /* scratch of the batch that is being folded, by row */
    uint32_t series_capacity;
};

/* A table that metrics of one grouping share. */
struct shared_table {
    struct shared_grouping *shared;
    struct metric_table table;
};

struct hosted_metric {
    uint32_t id;
    uint32_t stream_id;
    struct shared_table *table;
    struct metric metric;
};

struct hosted_board {
    uint32_t id;
    uint32_t stream_id;
    uint32_t member_column;
    struct board_bans bans;
    struct board_seasons *seasons;
};

struct partition {
    uint32_t number;
    struct partition_limits limits;
    struct catalog *catalog;
    struct stream_state **streams;
    uint32_t stream_count;
    struct shared_grouping **groupings;
    uint32_t grouping_count;
    struct shared_table **tables;
    uint32_t table_count;
    struct hosted_metric **metrics;
    uint32_t metric_count;
    struct hosted_board **boards;
    uint32_t board_count;
    struct keyspace *keyspace;
    uint64_t orphan_rows; /* rows of streams that had been dropped */
    uint32_t *rows;       /* scratch: the rows of a batch that count */
    uint32_t *free_rows;  /* scratch: those whose member is not banned */
    uint32_t row_capacity;
};

struct partition *partition_new(uint32_t number, const struct partition_limits *limits)
{
    struct partition *partition = bytes_alloc_zero(1, sizeof(*partition));

    partition->number = number;
    partition->limits = *limits;
    partition->catalog = catalog_new();
    partition->keyspace =
        keyspace_new((struct keyspace_limits){limits->keys_max, limits->key_members_max});
    return partition;
}

static void free_grouping(struct shared_grouping *shared)
{
    grouping_done(&shared->grouping);
    free(shared->series);
    free(shared);
}

static void free_table(struct shared_table *shared)
{
    metric_table_done(&shared->table);
    free(shared);
}

static void free_metric(struct hosted_metric *hosted)
{
    metric_done(&hosted->metric);
    free(hosted);
}

static void free_board(struct hosted_board *hosted)
{
    board_bans_done(&hosted->bans);
    board_seasons_free(hosted->seasons);
    free(hosted);
}

void partition_free(struct partition *partition)
{
    if (partition == NULL)
        return;
    for (uint32_t i = 0; i < partition->metric_count; i++)
        free_metric(partition->metrics[i]);
    for (uint32_t i = 0; i < partition->board_count; i++)
        free_board(partition->boards[i]);
    for (uint32_t i = 0; i < partition->table_count; i++)
        free_table(partition->tables[i]);
    for (uint32_t i = 0; i < partition->grouping_count; i++)
        free_grouping(partition->groupings[i]);
    for (uint32_t i = 0; i < partition->stream_count; i++)
        stream_state_free(partition->streams[i]);
    free(partition->metrics);
    free(partition->boards);
    free(partition->tables);
    free(partition->groupings);
    free(partition->streams);
    free(partition->rows);
    free(partition->free_rows);
    catalog_free(partition->catalog);
    keyspace_free(partition->keyspace);
    free(partition);
}

/* Adds to one of the partition's lists of pointers. */
static void *list_add(void *list, uint32_t *count, void *item)
{
    void **grown = bytes_realloc(list, (*count + 1) * sizeof(void *));

    grown[(*count)++] = item;
    return grown;
}

/* The order of the list is part of nothing, but keeping it keeps hashes comparable. */
static void list_remove(void *list, uint32_t *count, uint32_t index)
{
    void **items = list;

    memmove(items + index, items + index + 1, (*count - index - 1) * sizeof(void *));
    (*count)--;
}

static struct stream_state *find_stream(const struct partition *partition, uint32_t id)
{
    for (uint32_t i = 0; i < partition->stream_count; i++)
        if (partition->streams[i]->id == id)
            return partition->streams[i];
    return NULL;
}

static void drop_stream(struct partition *partition, uint32_t id)
{
    for (uint32_t i = 0; i < partition->stream_count; i++) {
        if (partition->streams[i]->id != id)
            continue;
        stream_state_free(partition->streams[i]);
        list_remove(partition->streams, &partition->stream_count, i);
        return;
    }
}

static void put_stream(struct partition *partition, const struct catalog_stream *stream)
{
    struct stream_state *state = find_stream(partition, stream->id);

    if (state != NULL) {
        stream_state_redefine(state, &stream->def);
        return;
    }
    state = stream_state_new(stream->id, &stream->def, partition->limits.ids_max,
                             (struct producers_limits){partition->limits.producers_max,
                                                       partition->limits.sequences_max});
    partition->streams = list_add(partition->streams, &partition->stream_count, state);
}

static struct shared_grouping *share_grouping(struct partition *partition,
                                              const struct catalog_metric *metric)
{
    struct shared_grouping *shared;

    for (uint32_t i = 0; i < partition->grouping_count; i++) {
        shared = partition->groupings[i];
        if (shared->stream_id == metric->stream_id &&
            shared->grouping.by_count == metric->def.by_count &&
            memcmp(shared->grouping.by, metric->by, metric->def.by_count * sizeof(metric->by[0])) ==
                0) {
            shared->grouping.users++;
            return shared;
        }
    }
    shared = bytes_alloc_zero(1, sizeof(*shared));
    shared->stream_id = metric->stream_id;
    grouping_init(&shared->grouping, metric->by, metric->def.by_count, metric->plain,
                  partition->limits.series_max);
    shared->grouping.users = 1;
    partition->groupings = list_add(partition->groupings, &partition->grouping_count, shared);
    return shared;
}

static void unshare_grouping(struct partition *partition, struct shared_grouping *shared)
{
    if (--shared->grouping.users > 0)
        return;
    for (uint32_t i = 0; i < partition->grouping_count; i++)
        if (partition->groupings[i] == shared)
            list_remove(partition->groupings, &partition->grouping_count, i);
    free_grouping(shared);
}

/* A table with the same grouping, width and keep into which nothing was folded, or a new one. */
static struct shared_table *share_table(struct partition *partition,
                                        const struct catalog_metric *metric)
{
    struct shared_grouping *grouping = share_grouping(partition, metric);
    struct shared_table *shared;

    for (uint32_t i = 0; i < partition->table_count; i++) {
        shared = partition->tables[i];
        if (shared->shared == grouping && shared->table.every_ms == metric->def.every_ms &&
            shared->table.keep_ms == metric->def.keep_ms && metric_table_is_open(&shared->table))
            return shared;
    }
    shared = bytes_alloc_zero(1, sizeof(*shared));
    shared->shared = grouping;
    metric_table_init(&shared->table, &grouping->grouping, metric->def.every_ms,
                      metric->def.keep_ms);
    partition->tables = list_add(partition->tables, &partition->table_count, shared);
    return shared;
}

static void unshare_table(struct partition *partition, struct shared_table *shared)
{
    struct shared_grouping *grouping = shared->shared;

    if (--shared->table.users == 0) {
        for (uint32_t i = 0; i < partition->table_count; i++)
            if (partition->tables[i] == shared)
                list_remove(partition->tables, &partition->table_count, i);
        free_table(shared);
    }
    unshare_grouping(partition, grouping); /* each metric holds it once */
}

static void drop_metric(struct partition *partition, uint32_t id)
{
    for (uint32_t i = 0; i < partition->metric_count; i++) {
        struct hosted_metric *hosted = partition->metrics[i];

        if (hosted->id != id)
            continue;
        unshare_table(partition, hosted->table);
        free_metric(hosted);
        list_remove(partition->metrics, &partition->metric_count, i);
        return;
    }
}

static void put_metric(struct partition *partition, const struct catalog_metric *metric)
{
    struct hosted_metric *hosted = bytes_alloc_zero(1, sizeof(*hosted));

    hosted->id = metric->id;
    hosted->stream_id = metric->stream_id;
    hosted->table = share_table(partition, metric);
    metric_init(&hosted->metric, &metric->def, &metric->strategy, &hosted->table->table);
    partition->metrics = list_add(partition->metrics, &partition->metric_count, hosted);
}

static void drop_board(struct partition *partition, uint32_t id)
{
    for (uint32_t i = 0; i < partition->board_count; i++) {
        if (partition->boards[i]->id != id)
            continue;
        free_board(partition->boards[i]);
        list_remove(partition->boards, &partition->board_count, i);
        return;
    }
}

static struct hosted_board *find_board(const struct partition *partition, uint32_t id)
{
    for (uint32_t i = 0; i < partition->board_count; i++)
        if (partition->boards[i]->id == id)
            return partition->boards[i];
    return NULL;
}

/* `bans`: of the board as it was defined before, taken over. */
static int put_board(struct partition *partition, const struct catalog_board *board,
                     struct board_bans *bans, struct err *err)
{
    struct hosted_board *hosted = bytes_alloc_zero(1, sizeof(*hosted));
    const struct stream_state *stream = find_stream(partition, board->stream_id);
    struct board_limits limits = {partition->limits.board_members_max,
                                  partition->limits.board_segments_max};
    int rc;

    rc = board_seasons_new(&hosted->seasons, board, limits,
                           stream != NULL ? stream->stat.watermark_ms : INT64_MIN, err);
    if (rc < 0) {
        free(hosted);
        return rc;
    }
    hosted->id = board->id;
    hosted->stream_id = board->stream_id;
    hosted->member_column = (uint32_t)board->member_column;
    hosted->bans = *bans;
    *bans = (struct board_bans){0};
    partition->boards = list_add(partition->boards, &partition->board_count, hosted);
    return 0;
}

int partition_define(struct partition *partition, struct span record, struct err *err)
{
    struct catalog_change change;
    struct board_bans bans = {0};
    int rc = catalog_apply(partition->catalog, record, &change, err);

    if (rc < 0)
        return rc;
    if (change.dropped_stream_id != UINT32_MAX)
        drop_stream(partition, change.dropped_stream_id);
    if (change.dropped && change.kind == DEFINITION_STREAM)
        drop_stream(partition, change.id);
    if ((change.dropped || change.restarted) && change.kind == DEFINITION_METRIC)
        drop_metric(partition, change.id);
    if ((change.dropped || change.restarted) && change.kind == DEFINITION_BOARD) {
        struct hosted_board *hosted = find_board(partition, change.id);

        if (hosted != NULL && change.restarted) {
            bans = hosted->bans;
            hosted->bans = (struct board_bans){0};
        }
        drop_board(partition, change.id);
    }
    if (change.dropped)
        return 0;
    if (change.stream != NULL)
        put_stream(partition, change.stream);
    if (change.metric != NULL)
        put_metric(partition, change.metric);
    rc = change.board != NULL ? put_board(partition, change.board, &bans, err) : 0;
    board_bans_done(&bans);
    return rc;
}

int partition_change(struct partition *partition, struct span record,
                     struct board_change_result *out_result, struct err *err)
{
    struct board_change_result result = {.outcome = BOARD_CHANGE_NO_BOARD};
    struct board_change change;
    struct hosted_board *hosted;
    int rc = board_change_decode(&change, record, err);

    if (rc < 0)
        return rc;
    hosted = find_board(partition, change.board_id);
    if (hosted != NULL &&
        (change.board_version == 0 ||
         change.board_version == board_definition(board_seasons_current(hosted->seasons))->version))
        board_changes_fold(hosted->seasons, &hosted->bans, partition->limits.board_members_max,
                           &change, &result);
    if (out_result != NULL)
        *out_result = result;
    else
        bytes_done(&result.taken);
    return 0;
}

/* An older version's columns are the first ones of today's. */
static int check_columns(const struct batch *batch, const struct stream_state *stream,
                         struct err *err)
{
    bool fits = batch->column_count <= stream->def.field_count;

    for (uint32_t i = 0; fits && i < batch->column_count; i++)
        fits = batch->columns[i].type == stream->def.fields[i].type;
    if (fits && stream->def.key_field >= (int32_t)batch->column_count)
        fits = false;
    if (!fits)
        return err_set(err, ERR_CORRUPT, "a batch does not have the columns of stream \"%s\"",
                       stream->def.name);
    return 0;
}

static void fold_metrics(struct partition *partition, const struct stream_state *stream,
                         const struct batch *batch, uint32_t row_count)
{
    for (uint32_t i = 0; i < partition->grouping_count; i++) {
        struct shared_grouping *shared = partition->groupings[i];

        if (shared->stream_id != stream->id)
            continue;
        if (row_count > shared->series_capacity) {
            shared->series = bytes_realloc(shared->series, row_count * sizeof(uint32_t));
            shared->series_capacity = row_count;
        }
        grouping_fold(&shared->grouping, batch, partition->rows, row_count, shared->series);
    }
    for (uint32_t i = 0; i < partition->table_count; i++) {
        struct shared_table *shared = partition->tables[i];

        if (shared->shared->stream_id == stream->id)
            metric_table_fold(&shared->table, batch, partition->rows, shared->shared->series,
                              row_count);
    }
    for (uint32_t i = 0; i < partition->metric_count; i++)
        if (partition->metrics[i]->stream_id == stream->id)
            metric_fold(&partition->metrics[i]->metric, batch, partition->rows, row_count);
    for (uint32_t i = 0; i < partition->table_count; i++)
        if (partition->tables[i]->shared->stream_id == stream->id)
            metric_table_expire(&partition->tables[i]->table, stream->stat.watermark_ms,
                                partition->limits.panes_max);
}

/* Leaves out the rows of members that are banned; their replies say that they were not taken. */
static void fold_unbanned(struct partition *partition, struct hosted_board *hosted,
                          const struct batch *batch, uint32_t row_count, int64_t lateness_ms,
                          struct board_reply *replies)
{
    uint32_t kept = board_bans_filter(&hosted->bans, batch, hosted->member_column, partition->rows,
                                      row_count, partition->free_rows);
    struct board_reply *kept_replies = NULL;
    uint32_t next = 0;

    if (replies != NULL)
        kept_replies = bytes_alloc_zero(kept + 1, sizeof(*kept_replies));
    if (kept > 0)
        board_seasons_fold(hosted->seasons, batch, partition->free_rows, kept, lateness_ms,
                           kept_replies);
    for (uint32_t i = 0; i < row_count && replies != NULL; i++) {
        bool is_kept = next < kept && partition->free_rows[next] == partition->rows[i];

        replies[i] = is_kept ? kept_replies[next] : (struct board_reply){.taken = false};
        next += is_kept;
    }
    free(kept_replies);
}

int partition_fold(struct partition *partition, struct batch *batch, struct board_reply *replies,
                   struct err *err)
{
    struct stream_state *stream = find_stream(partition, batch->stream_id);
    uint32_t row_count;

    if (stream == NULL) {
        partition->orphan_rows += batch->row_count;
        return 0;
    }
    if (batch->column_count < stream->def.field_count)
        batch_extend(batch, &stream->def);
    if (check_columns(batch, stream, err) < 0)
        return ERR_CORRUPT;
    if (batch->row_count > partition->row_capacity) {
        partition->rows = bytes_realloc(partition->rows, batch->row_count * sizeof(uint32_t));
        partition->free_rows =
            bytes_realloc(partition->free_rows, batch->row_count * sizeof(uint32_t));
        partition->row_capacity = batch->row_count;
    }
    row_count = stream_state_select(stream, batch, partition->rows);
    fold_metrics(partition, stream, batch, row_count);
    for (uint32_t i = 0; i < partition->board_count; i++) {
        struct hosted_board *hosted = partition->boards[i];

        if (hosted->stream_id != stream->id)
            continue;
        if (hosted->bans.count > 0)
            fold_unbanned(partition, hosted, batch, row_count, stream->def.lateness_ms, replies);
        else
            board_seasons_fold(hosted->seasons, batch, partition->rows, row_count,
                               stream->def.lateness_ms, replies);
    }
    return 0;
}

const struct catalog *partition_catalog(const struct partition *partition)
{
    return partition->catalog;
}

const struct metric *partition_metric(const struct partition *partition, uint32_t id)
{
    for (uint32_t i = 0; i < partition->metric_count; i++)
        if (partition->metrics[i]->id == id)
            return &partition->metrics[i]->metric;
    return NULL;
}

struct board_seasons *partition_seasons(const struct partition *partition, uint32_t id)
{
    const struct hosted_board *hosted = find_board(partition, id);

    return hosted != NULL ? hosted->seasons : NULL;
}

const struct board *partition_board(const struct partition *partition, uint32_t id)
{
    struct board_seasons *seasons = partition_seasons(partition, id);
    struct board *board = seasons != NULL ? board_seasons_current(seasons) : NULL;

    if (board != NULL)
        board_settle(board);
    return board;
}

const struct board *partition_board_season(const struct partition *partition, uint32_t id,
                                           int64_t start_ms)
{
    struct board_seasons *seasons = partition_seasons(partition, id);
    struct board *board = seasons != NULL ? board_seasons_find(seasons, start_ms) : NULL;

    if (board != NULL)
        board_settle(board);
    return board;
}

bool partition_is_banned(const struct partition *partition, uint32_t board_id, struct span member)
{
    const struct hosted_board *hosted = find_board(partition, board_id);

    return hosted != NULL && board_bans_has(&hosted->bans, member);
}

bool partition_ban_at(const struct partition *partition, uint32_t board_id, uint32_t index,
                      struct span *out_member)
{
    const struct hosted_board *hosted = find_board(partition, board_id);

    if (hosted == NULL || index >= hosted->bans.count)
        return false;
    *out_member = (struct span){hosted->bans.items[index].member, hosted->bans.items[index].size};
    return true;
}

void partition_settle(struct partition *partition)
{
    for (uint32_t i = 0; i < partition->board_count; i++)
        board_seasons_settle_much(partition->boards[i]->seasons);
    keyspace_settle(partition->keyspace);
}

void partition_execute(struct partition *partition, const struct command_list *commands,
                       int64_t wall_ms, struct bytes *replies, size_t *out_ends)
{
    keyspace_execute(partition->keyspace, commands, wall_ms, replies, out_ends);
}

const struct keyspace *partition_keyspace(const struct partition *partition)
{
    return partition->keyspace;
}

void partition_set_listpack(struct partition *partition, uint32_t members_max, uint32_t bytes_max)
{
    keyspace_set_listpack(partition->keyspace, members_max, bytes_max);
}

bool partition_stream_stat(const struct partition *partition, uint32_t stream_id,
                           struct partition_stream_stat *out_stat)
{
    const struct stream_state *stream = find_stream(partition, stream_id);

    if (stream == NULL)
        return false;
    *out_stat = stream->stat;
    return true;
}

uint64_t partition_hash(const struct partition *partition)
{
    uint64_t hash = hash_u64(partition->orphan_rows);

    for (uint32_t i = 0; i < partition->stream_count; i++)
        hash = hash_mix(hash, stream_state_hash(partition->streams[i]));
    for (uint32_t i = 0; i < partition->metric_count; i++)
        hash = hash_mix(hash, metric_hash(&partition->metrics[i]->metric));
    for (uint32_t i = 0; i < partition->board_count; i++)
        hash = hash_mix(hash_mix(hash, board_seasons_hash(partition->boards[i]->seasons)),
                        board_bans_hash(&partition->boards[i]->bans));
    return hash_mix(hash, keyspace_hash(partition->keyspace));
}

uint64_t partition_bytes(const struct partition *partition)
{
    uint64_t bytes = sizeof(*partition) + 2 * partition->row_capacity * sizeof(uint32_t);

    for (uint32_t i = 0; i < partition->stream_count; i++)
        bytes += stream_state_bytes(partition->streams[i]);
    for (uint32_t i = 0; i < partition->grouping_count; i++)
        bytes += grouping_bytes(&partition->groupings[i]->grouping) +
                 partition->groupings[i]->series_capacity * sizeof(uint32_t);
    for (uint32_t i = 0; i < partition->table_count; i++)
        bytes += metric_table_bytes(&partition->tables[i]->table);
    for (uint32_t i = 0; i < partition->metric_count; i++)
        bytes += metric_bytes(&partition->metrics[i]->metric);
    for (uint32_t i = 0; i < partition->board_count; i++)
        bytes += board_seasons_bytes(partition->boards[i]->seasons) +
                 board_bans_bytes(&partition->boards[i]->bans);
    return bytes + keyspace_bytes(partition->keyspace);
}
