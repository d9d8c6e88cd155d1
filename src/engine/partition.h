// SPDX-License-Identifier: Apache-2.0
/*
 * partition.h - one partition: a deterministic state machine over its journal.
 *
 *     state(n+1) = fold(state(n), record[n])
 *
 * A partition sees only committed records, in order. It reads no clock, no disk and no socket:
 * time comes with the batch. So two folds of one journal give the same partition_hash, and what a
 * reader sees has been committed.
 *
 * Per stream it keeps a watermark: the greatest event time so far. A row whose event time lies
 * more than `lateness` behind the watermark, as it stands when the row's turn comes, is late: it
 * is counted and changes nothing. So a pane that ends at or before watermark - lateness never
 * changes again: its values are final.
 *
 * Thread: the worker that hosts the partition; nobody else touches it.
 */
#ifndef TALLYWHEEL_ENGINE_PARTITION_H
#define TALLYWHEEL_ENGINE_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct batch;
struct board;
struct board_change_result;
struct board_reply;
struct board_seasons;
struct catalog;
struct command_list;
struct err;
struct keyspace;
struct metric;
struct partition;

struct partition_limits {
    uint32_t series_max;        /* series per list of `by` fields */
    uint32_t panes_max;         /* panes of one metric that hold data; beyond, the oldest go */
    uint32_t ids_max;           /* event ids that a stream remembers; beyond, the oldest go */
    uint32_t producers_max;     /* producers that a stream remembers */
    uint32_t sequences_max;     /* and requests of each */
    uint32_t board_members_max; /* entries per board */
    uint32_t board_segments_max;
    uint32_t keys_max;        /* plain keys (keyspace/keyspace.h) */
    uint32_t key_members_max; /* of all plain keys together */
};

struct partition_stream_stat {
    uint64_t rows; /* accepted */
    uint64_t late;
    uint64_t duplicates;
    int64_t watermark_ms; /* INT64_MIN: no event yet */
    int64_t wall_ms;      /* when its newest batch was appended */
};

struct partition *partition_new(uint32_t number, const struct partition_limits *limits);
void partition_free(struct partition *partition);

/* Folds a definition record (engine/catalog.h). */
int partition_define(struct partition *partition, struct span record, struct err *err);

/*
 * Folds a batch and fills its outcomes. `replies`: NULL, or room for row_count; filled for a board
 * that takes scores directly. ERR_CORRUPT if the batch does not fit its stream (a damaged
 * journal); a batch of a stream that has been dropped since is counted and ignored.
 */
int partition_fold(struct partition *partition, struct batch *batch, struct board_reply *replies,
                   struct err *err);

/*
 * Folds a change of a member of a board (model/board_change.h). `out_result` may be NULL. A change
 * that does not fit what it meets changes nothing, and is no error. ERR_CORRUPT if it is none.
 */
int partition_change(struct partition *partition, struct span record,
                     struct board_change_result *out_result, struct err *err);

/*
 * Executes commands on plain keys, see keyspace_execute. `wall_ms` is when the list was journaled,
 * or now for one without writes. A replay passes NULL for both results.
 */
void partition_execute(struct partition *partition, const struct command_list *commands,
                       int64_t wall_ms, struct bytes *replies, size_t *out_ends);

const struct keyspace *partition_keyspace(const struct partition *partition);

/* See keyspace_set_listpack. */
void partition_set_listpack(struct partition *partition, uint32_t members_max, uint32_t bytes_max);

/* The catalog as of the last definition folded. */
const struct catalog *partition_catalog(const struct partition *partition);

/*
 * By the id that the catalog gives; NULL if there is none. Valid until the next definition. The
 * board is settled (board/board.h): what its trees have put off is done here, and changes nothing
 * that can be seen.
 */
const struct metric *partition_metric(const struct partition *partition, uint32_t id);
const struct board *partition_board(const struct partition *partition, uint32_t id);

/* The season of a board that begins at `start_ms`, settled too; NULL if there is none. */
const struct board *partition_board_season(const struct partition *partition, uint32_t id,
                                           int64_t start_ms);

/* All that is hosted of a board: its list of seasons, milestones, removals (board_seasons.h). */
struct board_seasons *partition_seasons(const struct partition *partition, uint32_t id);

/* Whether a member is banned from a board; false if there is no such board. */
bool partition_is_banned(const struct partition *partition, uint32_t board_id, struct span member);

/* Who is banned from a board here, by an index from 0; false behind the last. In no order. */
bool partition_ban_at(const struct partition *partition, uint32_t board_id, uint32_t index,
                      struct span *out_member);

/* For a moment when nobody waits: does part of what the next read would have to. */
void partition_settle(struct partition *partition);

/* False if there is no such stream. */
bool partition_stream_stat(const struct partition *partition, uint32_t stream_id,
                           struct partition_stream_stat *out_stat);

/* A hash over the whole state. Scans all of it. */
uint64_t partition_hash(const struct partition *partition);

/* Bytes of memory that the state takes. */
uint64_t partition_bytes(const struct partition *partition);

#endif
