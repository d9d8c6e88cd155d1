// SPDX-License-Identifier: Apache-2.0
/*
 * board_seasons.h - a board as a partition hosts it: its seasons, the window of a rolling period,
 * members that expire, milestones.
 *
 * Each season is a struct board of its own; a board without seasons has one that lasts for ever.
 * A row goes to the season of its event time. The season that the watermark is in is the current
 * one. A season closes when the watermark has passed its end by the stream's lateness: then no row
 * can come for it any more, and it stays as it is. The `keep` newest closed seasons are kept.
 *
 * Whatever happens because the watermark moves (a season begins, closes or goes, a pane leaves the
 * window, members expire) happens just before the row that moves it is folded. So the state depends
 * on the rows and their order, not on where batches begin and end.
 *
 * Thread: the partition's.
 */
#ifndef TALLYWHEEL_ENGINE_BOARD_SEASONS_H
#define TALLYWHEEL_ENGINE_BOARD_SEASONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "engine/milestones.h"
#include "board/board.h"

struct batch;
struct board_seasons;
struct catalog_board;
struct err;
struct score_script_stat;

/*
 * `watermark_ms` is that of the stream, INT64_MIN if it had no event. `catalog_board` is borrowed
 * until the board ends.
 */
int board_seasons_new(struct board_seasons **out_seasons, const struct catalog_board *catalog_board,
                      struct board_limits limits, int64_t watermark_ms, struct err *err);
void board_seasons_free(struct board_seasons *seasons);

/*
 * Folds the rows of a batch that the stream accepted, in order. `lateness_ms` is the stream's.
 * `replies`: as in board_fold; only for boards that take scores directly.
 */
void board_seasons_fold(struct board_seasons *seasons, const struct batch *batch,
                        const uint32_t *rows, uint32_t row_count, int64_t lateness_ms,
                        struct board_reply *replies);

/* Removes a member from the season that begins at `start_ms` (see board_seasons_find). */
bool board_seasons_remove(struct board_seasons *seasons, int64_t start_ms, uint32_t segment,
                          struct span member);

struct board_season {
    int64_t start_ms; /* INT64_MIN to INT64_MAX: a board without seasons */
    int64_t end_ms;
    bool closed;
    bool current;
    uint32_t entries;
};

/*
 * Lists seasons from the newest, at most `max`, after skipping `skip`; returns how many. While a
 * board with seasons has had no event, it has one of all time: see board_season_is_real.
 */
uint32_t board_seasons_list(const struct board_seasons *seasons, uint32_t skip,
                            struct board_season *out_seasons, uint32_t max);

/* False for what stands for the first season until there is an event. */
static inline bool board_season_is_real(const struct board_season *season)
{
    return season->start_ms != INT64_MIN || season->end_ms != INT64_MAX;
}

/* The season that begins at `start_ms`; false if there is none. */
bool board_seasons_get(const struct board_seasons *seasons, int64_t start_ms,
                       struct board_season *out_season);

/* Where the newest season ended that `keep` has let go of; INT64_MIN: none has been. */
int64_t board_seasons_gone_ms(const struct board_seasons *seasons);

/*
 * No row can come any more for a season that ends then or before, be it here or not; INT64_MIN
 * while there was no event.
 */
int64_t board_seasons_over_ms(const struct board_seasons *seasons);

/* The current season; there always is one. Not settled. */
struct board *board_seasons_current(const struct board_seasons *seasons);

/* The season that begins at `start_ms`, or NULL. */
struct board *board_seasons_find(const struct board_seasons *seasons, int64_t start_ms);

/*
 * The same, if it is not closed. One that is not there begins, unless no row can come for it any
 * more, or none has come at all yet.
 */
struct board *board_seasons_open(struct board_seasons *seasons, int64_t start_ms);

/* milestones_read */
uint32_t board_seasons_milestones(const struct board_seasons *seasons, uint64_t after,
                                  struct milestone_event *out_events, uint32_t max);

/* What became of the calls of the board's script; false if it has none. */
bool board_seasons_script_stat(const struct board_seasons *seasons,
                               struct score_script_stat *out_stat);

/* Rows that came for a closed season, or from before a rolling window. */
uint64_t board_seasons_left_out(const struct board_seasons *seasons);

void board_seasons_settle_much(struct board_seasons *seasons);
uint64_t board_seasons_hash(const struct board_seasons *seasons);
uint64_t board_seasons_bytes(const struct board_seasons *seasons);

#endif
