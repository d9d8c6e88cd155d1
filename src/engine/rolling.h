// SPDX-License-Identifier: Apache-2.0
/*
 * rolling.h - a board over the last so much time, made of panes.
 *
 * The board itself holds, for each entry, what its strategies (of the score and of subscores) make
 * of all rows in the window. Beside it, each pane holds what they make of the rows in that pane
 * alone. When the watermark
 * enters a pane, the oldest one leaves the window: for each entry in it, its part is subtracted
 * where the strategy can do that exactly (score.h), or else the entry's other panes are merged
 * anew; an entry that was in no other pane is removed.
 *
 * A row that is older than the window, which takes a `lateness` longer than it, is left out.
 *
 * Thread: the partition's.
 */
#ifndef TALLYWHEEL_ENGINE_ROLLING_H
#define TALLYWHEEL_ENGINE_ROLLING_H

#include <stdint.h>

#include "base/bytes.h"
#include "engine/id_map.h"
#include "period/period.h"
#include "score/score.h"

struct batch;
struct board;
struct board_reply;

struct rolling_pane {
    int64_t start_ms;
    bool used;
    struct id_map slots; /* which state is an entry's */
    uint32_t *entries;   /* by slot, in order of arrival; UINT32_MAX: removed */
    uint32_t count;
    uint32_t capacity;
    struct bytes states; /* by slot: for each call, score, reached, extra */
};

struct rolling {
    struct period_def period;
    struct score_call calls[1 + SUBSCORES_MAX]; /* of the score, and of subscores */
    uint32_t call_count;
    uint32_t state_bytes; /* of a slot */
    bool begun;
    int64_t pane_ms;                             /* start of the watermark's pane */
    struct rolling_pane panes[PERIOD_PANES_MAX]; /* by start, around */
    uint32_t pane_count;
    uint32_t *gone; /* scratch */
    uint32_t gone_capacity;
};

/* The calls are copied; their scripts stay the owner's. */
void rolling_init(struct rolling *rolling, const struct period_def *period,
                  const struct score_call *score, const struct score_call *subscores,
                  uint32_t subscore_count);
void rolling_done(struct rolling *rolling);

/* The watermark at which the next pane begins. */
int64_t rolling_next(const struct rolling *rolling);

/* Is a row within the window? The watermark is in its pane already. */
bool rolling_has(const struct rolling *rolling, int64_t event_ms);

/* Folds rows, all within the window, that the board has folded: replies say into which entries. */
void rolling_fold(struct rolling *rolling, const struct batch *batch, const uint32_t *rows,
                  uint32_t row_count, const struct board_reply *replies);

/*
 * The watermark moves. Entries that stay get their new states in the board; those that have no pane
 * left are listed and forgotten: the caller removes them. The list is valid until the next call.
 */
uint32_t rolling_enter(struct rolling *rolling, struct board *board, int64_t watermark_ms,
                       const uint32_t **out_gone);

/* The entry is gone. */
void rolling_forget(struct rolling *rolling, uint32_t entry);

uint64_t rolling_bytes(const struct rolling *rolling);

#endif
