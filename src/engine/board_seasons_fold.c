// SPDX-License-Identifier: Apache-2.0
/*
 * board_seasons_fold.c - what rows do to a hosted board, and what the watermark does that they
 * move; see board_seasons.h.
 *
 * Folding cuts a batch where the watermark comes to the next thing that is due (`next_ms`); between
 * cuts nothing happens but that rows are folded.
 */
#include <assert.h>
#include <stdlib.h>

#include "engine/board_seasons_private.h"
#include "model/batch.h"
#include "rank/board_entries.h"

#define REMOVE_AT_ONCE 1024u

/* ---- what happens when the watermark moves ---- */

/* When a row happened; within the years 855 to 3084, so that nothing overflows. */
static int64_t time_of(const struct batch *batch, uint32_t row)
{
    return entry_clamp_reached(batch->event_ms[row]);
}

/* An entry ends: whatever else knows of it forgets it. */
static void forget(struct board_seasons *seasons, struct season *season, uint32_t entry)
{
    if (seasons->def.expire_ms > 0)
        member_expiry_forget(&season->expiry, entry);
    if (seasons->rolling != NULL)
        rolling_forget(seasons->rolling, entry);
    id_map_remove(&season->reached, entry);
}

/* At most REMOVE_AT_ONCE entries; their names are copied, as removing gives their room away. */
void board_seasons_remove_some(struct board_seasons *seasons, struct season *season,
                               const uint32_t *entries, uint32_t count)
{
    struct board_op *ops = bytes_alloc_zero(count, sizeof(ops[0]));
    struct board_op_result *results = bytes_alloc(count * sizeof(results[0]));
    struct bytes names = {0};
    size_t at = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct board_entry entry;

        board_get(season->board, entries[i], &entry);
        ops[i] = (struct board_op){.segment = entry.segment, .kind = BOARD_OP_REMOVE};
        ops[i].member.size = entry.key.member.size;
        bytes_put(&names, entry.key.member.data, entry.key.member.size);
        forget(seasons, season, entries[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        ops[i].member.data = names.data + at;
        at += ops[i].member.size;
    }
    board_apply(season->board, ops, count, seasons->watermark_ms, results);
    bytes_done(&names);
    free(results);
    free(ops);
}

static void remove_entries(struct board_seasons *seasons, struct season *season,
                           const uint32_t *entries, uint32_t count)
{
    for (uint32_t at = 0; at < count; at += REMOVE_AT_ONCE)
        board_seasons_remove_some(seasons, season, entries + at,
                                  count - at < REMOVE_AT_ONCE ? count - at : REMOVE_AT_ONCE);
}

/* A season's members expire by the watermark, but by no more than the season's end. */
static void expire(struct board_seasons *seasons, struct season *season)
{
    uint32_t *entries;
    uint32_t count;
    int64_t now_ms = seasons->watermark_ms;

    if (seasons->def.expire_ms == 0 || season->closed)
        return;
    if (now_ms >= season->bounds.end_ms)
        now_ms = season->bounds.end_ms - 1;
    if (now_ms < member_expiry_next(&season->expiry))
        return;
    entries = bytes_alloc(REMOVE_AT_ONCE * sizeof(entries[0]));
    while ((count = member_expiry_enter(&season->expiry, now_ms, entries, REMOVE_AT_ONCE)) > 0)
        board_seasons_remove_some(seasons, season, entries, count);
    free(entries);
}

/* The index of the season of a time, or of where it belongs. */
static uint32_t index_of(const struct board_seasons *seasons, int64_t event_ms)
{
    uint32_t index = seasons->count;

    while (index > 0 && event_ms < seasons->list[index - 1]->bounds.end_ms)
        index--;
    return index;
}

static bool is_in(const struct season *season, int64_t event_ms)
{
    return event_ms >= season->bounds.start_ms && event_ms < season->bounds.end_ms;
}

/* The season of a time that is not closed, made if it is not there. */
static struct season *take_season(struct board_seasons *seasons, int64_t event_ms)
{
    uint32_t index = index_of(seasons, event_ms);
    struct season *season;
    int rc;

    if (index < seasons->count && is_in(seasons->list[index], event_ms))
        return seasons->list[index];
    rc = board_season_new(&season, seasons, period_season_of(&seasons->period, event_ms), NULL);
    assert(rc == 0); /* the first one could be made, and all are alike */
    seasons->list = bytes_realloc(seasons->list, (seasons->count + 1) * sizeof(seasons->list[0]));
    memmove(seasons->list + index + 1, seasons->list + index,
            (seasons->count - index) * sizeof(seasons->list[0]));
    seasons->list[index] = season;
    seasons->count++;
    if (seasons->current >= index)
        seasons->current++;
    expire(seasons, season); /* its clock begins */
    return season;
}

static int64_t close_ms(const struct board_seasons *seasons, const struct season *season)
{
    int64_t at;

    return __builtin_add_overflow(season->bounds.end_ms, seasons->lateness_ms, &at) ? INT64_MAX
                                                                                    : at;
}

/* Closes what the watermark has passed, and lets go of closed seasons beyond `keep`. */
static void close_seasons(struct board_seasons *seasons)
{
    uint32_t closed = 0;
    uint32_t gone;

    for (uint32_t i = 0; i < seasons->current; i++) {
        struct season *season = seasons->list[i];

        if (!season->closed && seasons->watermark_ms >= close_ms(seasons, season)) {
            season->closed = true;
            member_expiry_done(&season->expiry);
            season->expiry = (struct member_expiry){0};
            id_map_done(&season->reached);
        }
        if (season->closed) {
            closed++;
            if (season->bounds.end_ms > seasons->closed_until_ms)
                seasons->closed_until_ms = season->bounds.end_ms;
        }
    }
    if (closed <= seasons->def.keep)
        return;
    gone = closed - seasons->def.keep; /* the closed ones are the first */
    for (uint32_t i = 0; i < gone; i++) {
        seasons->gone_ms = seasons->list[i]->bounds.end_ms;
        board_season_free(seasons->list[i]);
    }
    seasons->count -= gone;
    seasons->current -= gone;
    memmove(seasons->list, seasons->list + gone, seasons->count * sizeof(seasons->list[0]));
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void plan_next(struct board_seasons *seasons)
{
    int64_t next_ms = INT64_MAX;

    if (period_has_seasons(&seasons->def.period))
        next_ms = least(next_ms, seasons->list[seasons->current]->bounds.end_ms);
    for (uint32_t i = 0; i < seasons->count; i++) {
        const struct season *season = seasons->list[i];

        if (season->closed)
            continue;
        if (i != seasons->current)
            next_ms = least(next_ms, close_ms(seasons, season));
        if (seasons->def.expire_ms > 0 && seasons->watermark_ms < season->bounds.end_ms)
            next_ms = least(next_ms, member_expiry_next(&season->expiry));
    }
    if (seasons->rolling != NULL)
        next_ms = least(next_ms, rolling_next(seasons->rolling));
    seasons->next_ms = next_ms;
}

static void enter_window(struct board_seasons *seasons)
{
    const uint32_t *gone;
    uint32_t count;

    if (seasons->rolling == NULL || seasons->watermark_ms < rolling_next(seasons->rolling))
        return;
    count = rolling_enter(seasons->rolling, seasons->list[0]->board, seasons->watermark_ms, &gone);
    remove_entries(seasons, seasons->list[0], gone, count);
}

/* The watermark has moved to where something is to be done. */
void board_seasons_tick(struct board_seasons *seasons)
{
    if (period_has_seasons(&seasons->def.period)) {
        if (!seasons->begun) /* the season that stood for the first one becomes it */
            seasons->list[0]->bounds = period_season_of(&seasons->period, seasons->watermark_ms);
        for (uint32_t i = 0; i < seasons->count; i++)
            expire(seasons, seasons->list[i]);
        (void)take_season(seasons, seasons->watermark_ms);
        seasons->current = index_of(seasons, seasons->watermark_ms);
        close_seasons(seasons);
    } else {
        expire(seasons, seasons->list[0]);
        enter_window(seasons);
    }
    seasons->begun = true;
    plan_next(seasons);
}

struct board *board_seasons_open(struct board_seasons *seasons, int64_t start_ms)
{
    struct period_season bounds = period_season_of(&seasons->period, start_ms);
    struct season *season;

    if (!seasons->begun || bounds.start_ms != start_ms ||
        bounds.end_ms <= board_seasons_over_ms(seasons) ||
        bounds.end_ms <= seasons->closed_until_ms)
        return NULL;
    season = take_season(seasons, start_ms);
    plan_next(seasons);
    return season->closed ? NULL : season->board;
}

/* ---- folding ---- */

static void fold_season(struct board_seasons *seasons, struct season *season,
                        const struct batch *batch, const uint32_t *rows, uint32_t count,
                        struct board_reply *replies)
{
    bool looks =
        seasons->rolling != NULL || seasons->def.expire_ms > 0 || seasons->def.milestone_count > 0;

    if (looks && replies == NULL) {
        if (count > seasons->reply_capacity) {
            seasons->replies = bytes_realloc(seasons->replies, count * sizeof(seasons->replies[0]));
            seasons->reply_capacity = count;
        }
        replies = seasons->replies;
    }
    board_fold(season->board, batch, rows, count, replies);
    if (seasons->def.expire_ms > 0)
        for (uint32_t i = 0; i < count; i++)
            if (replies[i].taken)
                member_expiry_touch(&season->expiry, replies[i].entry, time_of(batch, rows[i]));
    if (seasons->def.milestone_count > 0)
        milestones_fold(&seasons->milestones, &season->reached, season->board,
                        season->bounds.start_ms, batch, rows, count, replies);
    if (seasons->rolling != NULL)
        rolling_fold(seasons->rolling, batch, rows, count, replies);
}

static bool is_left_out(const struct board_seasons *seasons, int64_t event_ms)
{
    return event_ms < seasons->closed_until_ms ||
           (seasons->rolling != NULL && !rolling_has(seasons->rolling, event_ms));
}

/* How many rows from `begin` on belong to the season of the first. */
static uint32_t run_of(const struct board_seasons *seasons, const struct season *season,
                       const struct batch *batch, const uint32_t *rows, uint32_t count)
{
    uint32_t at = 1;

    while (at < count && is_in(season, time_of(batch, rows[at])) &&
           !is_left_out(seasons, time_of(batch, rows[at])))
        at++;
    return at;
}

/* Rows in runs of one season: the order of what milestones and replies tell is that of the rows. */
static void fold_in_order(struct board_seasons *seasons, const struct batch *batch,
                          const uint32_t *rows, uint32_t count, struct board_reply *replies)
{
    for (uint32_t begin = 0, size; begin < count; begin += size) {
        int64_t event_ms = time_of(batch, rows[begin]);
        struct season *season;

        size = 1;
        if (is_left_out(seasons, event_ms)) {
            seasons->left_out++;
            if (replies != NULL)
                replies[begin] =
                    (struct board_reply){.segment = BOARD_SEGMENT_NONE, .entry = BOARD_ENTRY_NONE};
            continue;
        }
        season = take_season(seasons, event_ms);
        size = run_of(seasons, season, batch, rows + begin, count - begin);
        fold_season(seasons, season, batch, rows + begin, size,
                    replies != NULL ? replies + begin : NULL);
    }
}

/* Rows season by season: around the end of one, rows of two alternate. */
static void fold_by_season(struct board_seasons *seasons, const struct batch *batch,
                           const uint32_t *rows, uint32_t count)
{
    if (count > seasons->row_capacity) {
        seasons->rows[0] = bytes_realloc(seasons->rows[0], count * sizeof(uint32_t));
        seasons->rows[1] = bytes_realloc(seasons->rows[1], count * sizeof(uint32_t));
        seasons->row_capacity = count;
    }
    while (count > 0) {
        int64_t event_ms = time_of(batch, rows[0]);
        bool left_out = is_left_out(seasons, event_ms);
        struct season *season = left_out ? NULL : take_season(seasons, event_ms);
        uint32_t mine = 0;
        uint32_t others = 0;

        for (uint32_t i = 0; i < count; i++) {
            int64_t at_ms = time_of(batch, rows[i]);

            /* `others` is never ahead of i, so rows may lie in the same list. */
            if (is_left_out(seasons, at_ms))
                seasons->left_out++;
            else if (season != NULL && is_in(season, at_ms))
                seasons->rows[0][mine++] = rows[i];
            else
                seasons->rows[1][others++] = rows[i];
        }
        if (mine > 0)
            fold_season(seasons, season, batch, seasons->rows[0], mine, NULL);
        rows = seasons->rows[1];
        count = others;
    }
}

/* Rows that do not move the watermark to where something is to be done. */
static void fold_rows(struct board_seasons *seasons, const struct batch *batch,
                      const uint32_t *rows, uint32_t count, struct board_reply *replies)
{
    const struct season *season;

    if (count == 0)
        return;
    season = seasons->list[seasons->current];
    if (!is_left_out(seasons, time_of(batch, rows[0])) && is_in(season, time_of(batch, rows[0])) &&
        run_of(seasons, season, batch, rows, count) == count)
        fold_season(seasons, seasons->list[seasons->current], batch, rows, count, replies);
    else if (replies != NULL || seasons->def.milestone_count > 0)
        fold_in_order(seasons, batch, rows, count, replies);
    else
        fold_by_season(seasons, batch, rows, count);
    plan_next(seasons); /* a late row may have begun a season */
}

void board_seasons_fold(struct board_seasons *seasons, const struct batch *batch,
                        const uint32_t *rows, uint32_t row_count, int64_t lateness_ms,
                        struct board_reply *replies)
{
    uint32_t begin = 0;

    if (lateness_ms != seasons->lateness_ms) {
        seasons->lateness_ms = lateness_ms;
        seasons->next_ms = INT64_MIN; /* whatever is due by now is done at the next row */
    }
    for (uint32_t i = 0; i < row_count; i++) {
        int64_t event_ms = time_of(batch, rows[i]);
        int64_t watermark_ms = event_ms > seasons->watermark_ms ? event_ms : seasons->watermark_ms;

        if (watermark_ms >= seasons->next_ms) {
            /* The rows before it are folded as of before it. */
            fold_rows(seasons, batch, rows + begin, i - begin,
                      replies != NULL ? replies + begin : NULL);
            begin = i;
            seasons->watermark_ms = watermark_ms;
            board_seasons_tick(seasons);
        }
        seasons->watermark_ms = watermark_ms;
    }
    fold_rows(seasons, batch, rows + begin, row_count - begin,
              replies != NULL ? replies + begin : NULL);
    /* A season that a late row began may be over already. */
    if (seasons->begun && seasons->watermark_ms >= seasons->next_ms)
        board_seasons_tick(seasons);
}
