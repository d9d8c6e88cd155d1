// SPDX-License-Identifier: Apache-2.0
/*
 * board_fold.c - folds rows into a board; see board_fold in board.h.
 *
 * Rows are taken FOLD_ROWS_MAX at a time, in these steps:
 *
 *   1. segments   the `by` values of each row, looked up once for each distinct tuple
 *   2. touched    rows are told apart by (segment, member code); each distinct pair is one
 *                 touched entry, however many rows it has
 *   3. entries    all touched entries are found or made, in prefetched groups
 *   4. score      their scores are loaded, the strategy folds all rows in order
 *   5. write back scores are written to the records; entries whose position changes wait for
 *                 board_settle
 *
 * The first three are board_touch (board_touch.c), the others are here.
 */
#include <assert.h>
#include <float.h>
#include <stdlib.h>

#include "rank/board_place.h"
#include "rank/board_private.h"
#include "model/batch.h"

#define FOLD_ROWS_MAX 8192u
#define CAPACITY_MIN 64u

#define RESIZE(array, count) (array) = bytes_realloc((array), (count) * sizeof((array)[0]))

static void fold_room(struct fold *fold, uint32_t row_count)
{
    size_t n = fold->capacity > 0 ? fold->capacity : CAPACITY_MIN;

    /* As small as the rows allow: a batch of one row clears 128 slots, not thousands. */
    for (fold->slot_mask = 2 * CAPACITY_MIN - 1; fold->slot_mask + 1 < 2 * row_count;)
        fold->slot_mask = 2 * fold->slot_mask + 1;
    if (row_count <= fold->capacity)
        return;
    while (n < row_count)
        n *= 2;
    RESIZE(fold->row_segments, n);
    RESIZE(fold->row_touched, n);
    RESIZE(fold->touched, n);
    RESIZE(fold->keys, n);
    RESIZE(fold->ids, n);
    RESIZE(fold->is_new, n);
    RESIZE(fold->states, n);
    RESIZE(fold->score_rows, n);
    RESIZE(fold->modes, n);
    RESIZE(fold->tuples, n);
    RESIZE(fold->slots, 2 * n);
    fold->capacity = (uint32_t)n;
}

void board_fold_done(struct fold *fold)
{
    free(fold->row_segments);
    free(fold->row_touched);
    free(fold->touched);
    free(fold->keys);
    free(fold->ids);
    free(fold->is_new);
    free(fold->states);
    free(fold->score_rows);
    free(fold->modes);
    free(fold->tuples);
    free(fold->slots);
    free(fold->code_touched);
    bytes_done(&fold->text);
    bytes_done(&fold->labels);
}

uint64_t board_fold_bytes(const struct fold *fold)
{
    uint64_t per_row = 5 * sizeof(uint32_t) + sizeof(struct touched) + sizeof(struct entry_key) +
                       sizeof(bool) + sizeof(struct score_state) + sizeof(struct score_row) +
                       sizeof(uint8_t) + sizeof(struct tuple);

    return fold->capacity * per_row + fold->code_capacity * sizeof(uint32_t) + fold->text.capacity +
           fold->labels.capacity;
}

/* ---- 4. score ---- */

static double clamp_float(double value)
{
    if (value > DBL_MAX)
        return DBL_MAX;
    if (value < -DBL_MAX)
        return -DBL_MAX;
    return value == 0.0 ? 0.0 : value; /* one zero, not two */
}

static union score_value value_of_row(const struct board *board, const struct batch *batch,
                                      uint32_t row)
{
    const struct column *column;
    union score_value value = {.i = 1};

    if (board->bind.score_column >= 0) {
        column = &batch->columns[board->bind.score_column];
        if (column->type == FIELD_FLOAT) {
            assert(!board->is_int);
            value.f = clamp_float(column->floats[row]);
            return value;
        }
        value.i = column->type == FIELD_BOOL ? column->bools[row] : column->ints[row];
    }
    if (!board->is_int)
        value.f = (double)value.i;
    return value;
}

static uint8_t mode_of_row(const struct board *board, const struct batch *batch, uint32_t row)
{
    int64_t mode;

    if (board->bind.mode_column < 0)
        return 0;
    mode = batch->columns[board->bind.mode_column].ints[row];
    return mode >= SCORE_SET && mode <= SCORE_MIN ? (uint8_t)mode : SCORE_SET;
}

static const struct score_strategy *strategy_of(const struct board *board, uint8_t mode)
{
    static const struct score_strategy *const by_mode[] = {
        [SCORE_SET] = &score_set,
        [SCORE_ADD] = &score_sum,
        [SCORE_MAX] = &score_max,
        [SCORE_MIN] = &score_min,
    };

    return board->strategy != NULL ? board->strategy : by_mode[mode];
}

static uint32_t list_score_rows(struct board *board, const struct batch *batch,
                                const uint32_t *rows, uint32_t row_count)
{
    struct fold *fold = &board->fold;
    uint32_t count = 0;

    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t touched = fold->row_touched[i];

        if (touched == FOLD_NONE)
            continue;
        if (fold->ids[touched] == ENTRY_NONE) {
            board->refused++;
            continue;
        }
        fold->modes[count] = mode_of_row(board, batch, rows[i]);
        fold->score_rows[count++] = (struct score_row){
            .state = touched,
            .event_ms = entry_clamp_reached(batch->event_ms[rows[i]]),
            .value = value_of_row(board, batch, rows[i]),
        };
    }
    return count;
}

static void fold_scores(struct board *board, uint32_t count)
{
    struct fold *fold = &board->fold;

    for (uint32_t begin = 0, end; begin < count; begin = end) {
        uint8_t mode = fold->modes[begin];

        for (end = begin + 1; end < count && fold->modes[end] == mode;)
            end++;
        strategy_of(board, mode)
            ->fold(fold->states, fold->score_rows + begin, end - begin, board->is_int);
    }
}

static struct rank_key key_of_state(const struct board *board, uint32_t id,
                                    const struct score_state *state)
{
    return (struct rank_key){board_score_key(board, state->score.bits),
                             ranktree_tie(board->def.ties, state->reached_ms),
                             entry_member(&board->entries, id)};
}

/* fold_scores with what each row did. */
static void fold_scores_replying(struct board *board, uint32_t row_count,
                                 struct board_reply *replies)
{
    struct fold *fold = &board->fold;
    uint32_t at = 0;

    for (uint32_t i = 0; i < row_count; i++) {
        struct board_reply *reply = &replies[i];
        uint32_t touched = fold->row_touched[i];
        struct score_state *state = &fold->states[touched == FOLD_NONE ? 0 : touched];
        uint32_t id;

        *reply = (struct board_reply){.segment = fold->row_segments[i],
                                      .entry = BOARD_ENTRY_NONE,
                                      .refused = touched == FOLD_NONE &&
                                                 fold->row_segments[i] == BOARD_SEGMENT_NONE};
        if (touched == FOLD_NONE)
            continue;
        id = fold->ids[touched];
        reply->refused = id == ENTRY_NONE;
        if (reply->refused)
            continue;
        reply->taken = true;
        reply->entry = id;
        reply->existed = !state->fresh;
        if (reply->existed) {
            reply->old_score = board_value(board, state->score.bits);
            reply->old_key = key_of_state(board, id, state);
        }
        strategy_of(board, fold->modes[at])
            ->fold(fold->states, &fold->score_rows[at], 1, board->is_int);
        at++;
        reply->score = board_value(board, state->score.bits);
        reply->key = key_of_state(board, id, state);
    }
}

/* ---- 5. write back ---- */

/* Writes entries back; those whose position changes will move. */
static void write_back(struct board *board)
{
    struct fold *fold = &board->fold;
    bool timed = board->def.ties != BOARD_TIES_MEMBER;

    for (uint32_t i = 0; i < fold->touched_count; i++) {
        const struct touched *touched = &fold->touched[i];
        const struct score_state *state = &fold->states[i];
        struct standing old = {touched->old_bits, touched->old_reached_ms};
        struct standing now = {state->score.bits, state->reached_ms};
        uint32_t id = fold->ids[i];

        if (id == ENTRY_NONE)
            continue;
        assert(!state->fresh);
        entry_set(&board->entries, id, now.bits, now.reached_ms);
        if (board->entries.extra_bytes > 0)
            memcpy(entry_extra(&board->entries, id), state->extra, board->entries.extra_bytes);
        if (fold->is_new[i])
            board_pend(board, id, touched->segment, NULL, &now);
        else if (now.bits != old.bits || (timed && now.reached_ms != old.reached_ms))
            board_pend(board, id, touched->segment, &old, &now);
    }
}

void board_fold(struct board *board, const struct batch *batch, const uint32_t *rows,
                uint32_t row_count, struct board_reply *replies)
{
    for (uint32_t begin = 0; begin < row_count; begin += FOLD_ROWS_MAX) {
        uint32_t count = row_count - begin < FOLD_ROWS_MAX ? row_count - begin : FOLD_ROWS_MAX;
        uint32_t scored;

        if (!board->based)
            board_place_begin(board, entry_clamp_reached(batch->event_ms[rows[begin]]));
        fold_room(&board->fold, count);
        board_touch(board, batch, rows + begin, count);
        scored = list_score_rows(board, batch, rows + begin, count);
        if (replies != NULL)
            fold_scores_replying(board, count, replies + begin);
        else
            fold_scores(board, scored);
        write_back(board);
        board_pending_bound(board);
    }
}
