// SPDX-License-Identifier: Apache-2.0
/* board_seasons_private.h - what a hosted board is made of. Private to board_seasons*.c. */
#ifndef TALLYWHEEL_ENGINE_BOARD_SEASONS_PRIVATE_H
#define TALLYWHEEL_ENGINE_BOARD_SEASONS_PRIVATE_H

#include "engine/board_seasons.h"
#include "engine/member_expiry.h"
#include "engine/rolling.h"
#include "period/period.h"
#include "score/score.h"

struct season {
    struct period_season bounds;
    struct board *board;
    bool closed;
    struct member_expiry expiry; /* only with def.expire_ms */
    struct id_map reached;       /* milestones of entries, as bits */
};

struct board_seasons {
    struct board_def def;
    struct board_bind bind;
    struct score_call score;
    struct score_call subscores[SUBSCORES_MAX];
    struct score_script *scripts[1 + SUBSCORES_MAX]; /* of the score and of subscores; or NULL */
    struct board_limits limits;
    struct period period;
    struct rolling *rolling; /* or NULL */
    struct milestones milestones;
    struct season **list; /* by start */
    uint32_t count;
    uint32_t current;
    bool begun; /* there is a watermark */
    int64_t watermark_ms;
    int64_t lateness_ms;
    int64_t next_ms;         /* the watermark at which something is to be done */
    int64_t closed_until_ms; /* rows from before this are left out */
    int64_t gone_ms;         /* the end of the newest season that `keep` has let go of */
    uint64_t left_out;
    struct board_reply *replies; /* scratch, as the others */
    uint32_t reply_capacity;
    uint32_t *rows[2];
    uint32_t row_capacity;
};

int board_season_new(struct season **out_season, const struct board_seasons *seasons,
                     struct period_season bounds, struct err *err);
void board_season_free(struct season *season);

/* Removes entries by their ids, not very many at once, and makes everything forget them. */
void board_seasons_remove_some(struct board_seasons *seasons, struct season *season,
                               const uint32_t *entries, uint32_t count);

/* The watermark has moved to where something is to be done. */
void board_seasons_tick(struct board_seasons *seasons);

#endif
