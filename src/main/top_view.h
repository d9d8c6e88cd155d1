// SPDX-License-Identifier: Apache-2.0
/*
 * top_view.h - what `tallywheel top` shows: the rows of a board, how they moved, and how they
 * are drawn on a terminal of any size.
 *
 * Thread: the main thread.
 */
#ifndef TALLYWHEEL_MAIN_TOP_VIEW_H
#define TALLYWHEEL_MAIN_TOP_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct err;
struct json_t;

#define TOP_ROWS_MAX 200

struct top_row {
    char *member;
    char *score; /* as text */
    double value;
    int64_t rank;
    int64_t rank_move; /* ranks gained since it last stood still; negative: lost */
    double score_move;
    bool entered;      /* was not on the board before */
    uint64_t moved_ns; /* 0: never */
};

enum top_state { TOP_CONNECTING, TOP_LIVE, TOP_LOST };

struct top_view {
    const char *board;
    const char *segment; /* "region=EU mode=blitz", or "" */
    uint32_t rows_max;   /* how many rows were asked for */
    uint32_t row_count;
    struct top_row rows[TOP_ROWS_MAX];
    int64_t size;
    bool filled; /* has had a snapshot */
    enum top_state state;
    uint64_t lost_ns; /* TOP_LOST: since when, and when the next try is */
    uint64_t retry_at_ns;
    char trouble[256]; /* TOP_LOST: why */
};

void top_view_done(struct top_view *view);

/*
 * One message of /v1/live. 0 if it was taken, or the code of an error message that will not get
 * better by trying again (an unknown board).
 */
int top_view_apply(struct top_view *view, const struct json_t *message, uint64_t now_ns,
                   struct err *err);

/* A whole screen, from the top left corner on. */
void top_view_draw(const struct top_view *view, uint32_t columns, uint32_t rows, bool colour,
                   uint64_t now_ns, struct bytes *out);

/* The answer of GET /v1/boards/B/top as a plain table. */
void top_view_put_table(const struct json_t *answer, bool colour, struct bytes *out);

#endif
