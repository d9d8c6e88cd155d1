// SPDX-License-Identifier: Apache-2.0
/*
 * season_list.h - which seasons a board has, over all partitions.
 *
 * Partitions may know different ones: a season begins where a row comes for it, and one that is
 * over goes once `keep` newer ones are. One that any partition has let go of is left out, since
 * what the others have of it is not all.
 *
 * Thread: collect in the partition's, the rest in the asker's.
 */
#ifndef TALLYWHEEL_QUERY_BOARD_SEASON_LIST_H
#define TALLYWHEEL_QUERY_BOARD_SEASON_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/board_seasons.h"

struct board_read;
struct json_out;
struct partition;

/* What one partition knows. All zero is empty. */
struct season_list {
    bool here; /* the board is */
    int64_t gone_ms;
    int64_t over_ms;
    struct board_season *items; /* newest first */
    uint32_t count;
    uint32_t capacity;
};

/* A season over all partitions. */
struct season_row {
    int64_t start_ms;
    int64_t end_ms;
    bool current;
    bool closed; /* wherever it is */
    bool final;  /* and it can not begin any more where it is not */
    uint64_t entries;
};

void season_list_done(struct season_list *list);

void season_list_collect(struct season_list *list, const struct board_read *board_read,
                         const struct partition *partition);

/* The seasons of all, newest first, in new memory (to free). */
struct season_row *season_list_unite(const struct season_list *lists, uint32_t list_count,
                                     uint32_t *out_count);

/* "season":…,"season_end":…,"current":…,"closed":…,"final":… */
void season_row_print(const struct season_row *row, struct json_out *json);

#endif
