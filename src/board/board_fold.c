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
#include <stdlib.h>

#include "board/board_place.h"
#include "board/board_private.h"
#include "model/batch.h"
#include "score/score_batch.h"

#define FOLD_ROWS_MAX 8192u
#define CAPACITY_MIN 64u

#define RESIZE(array, count) (array) = bytes_realloc((array), (count) * sizeof((array)[0]))

static void fold_room(struct fold *fold, uint32_t row_count, uint32_t sub_count)
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
    RESIZE(fold->more, n * (SCORE_COLUMNS_MAX - 1));
    RESIZE(fold->modes, n);
    if (sub_count > 0) {
        RESIZE(fold->sub_states, n * sub_count);
        RESIZE(fold->old_subs, n * sub_count);
    }
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
    free(fold->more);
    free(fold->modes);
    free(fold->sub_states);
    free(fold->old_subs);
    free(fold->tuples);
    free(fold->slots);
    free(fold->code_touched);
    bytes_done(&fold->text);
    bytes_done(&fold->labels);
}

uint64_t board_fold_bytes(const struct fold *fold, uint32_t sub_count)
{
    uint64_t per_row = 5 * sizeof(uint32_t) + sizeof(struct touched) + sizeof(struct entry_key) +
                       sizeof(bool) + sizeof(struct score_state) + sizeof(struct score_row) +
                       (SCORE_COLUMNS_MAX - 1) * sizeof(double) + sizeof(uint8_t) +
                       sizeof(struct tuple) +
                       sub_count * (sizeof(struct score_state) + sizeof(uint64_t));

    return fold->capacity * per_row + fold->code_capacity * sizeof(uint32_t) + fold->text.capacity +
           fold->labels.capacity;
}

/* ---- 4. score ---- */

static uint8_t mode_of_row(const struct board *board, const struct batch *batch, uint32_t row)
{
    int64_t mode;

    if (board->bind.mode_column < 0)
        return 0;
    mode = batch->columns[board->bind.mode_column].ints[row];
    if (mode < 0 || mode > UINT8_MAX || (mode & SCORE_MODE_MASK) > SCORE_MIN)
        return SCORE_SET;
    return (uint8_t)mode;
}

static const struct score_strategy *strategy_of(const struct board *board, uint8_t mode)
{
    static const struct score_strategy *const by_mode[] = {
        [SCORE_SET] = &score_set,
        [SCORE_ADD] = &score_sum,
        [SCORE_MAX] = &score_max,
        [SCORE_MIN] = &score_min,
    };

    return board->score.strategy != NULL ? board->score.strategy : by_mode[mode & SCORE_MODE_MASK];
}

/* Whether the score of a state is better by a condition than the one it had. */
static bool is_beyond(const struct board *board, uint8_t mode, uint64_t old_bits, uint64_t bits)
{
    struct value old = board_value(board, old_bits);
    struct value now = board_value(board, bits);
    bool greater = board->is_int ? now.i > old.i : now.f > old.f;
    bool less = board->is_int ? now.i < old.i : now.f < old.f;

    return ((mode & SCORE_IF_GREATER) == 0 || greater) && ((mode & SCORE_IF_LESS) == 0 || less);
}

/* Folds one score row with conditions; false if they do not hold, and the state is as it was. */
static bool fold_if(struct board *board, uint32_t index)
{
    struct fold *fold = &board->fold;
    const struct score_rows row = {fold->score_rows + index, 1, fold->more};
    struct score_state *state = &fold->states[fold->score_rows[index].state];
    struct score_state before = *state;
    uint8_t mode = fold->modes[index];

    if ((mode & (state->fresh ? SCORE_IF_PRESENT : SCORE_IF_ABSENT)) != 0)
        return false;
    strategy_of(board, mode)->fold(&board->score, fold->states, &row);
    if (before.fresh || is_beyond(board, mode, before.score.bits, state->score.bits))
        return true;
    *state = before;
    return false;
}

/* Folds score rows that have one mode; false if a condition of a single one did not hold. */
static bool fold_rows(struct board *board, uint32_t begin, uint32_t count)
{
    struct fold *fold = &board->fold;
    const struct score_rows rows = {fold->score_rows + begin, count, fold->more};
    bool held = true;

    if ((fold->modes[begin] & ~SCORE_MODE_MASK) == 0) {
        strategy_of(board, fold->modes[begin])->fold(&board->score, fold->states, &rows);
        return true;
    }
    for (uint32_t i = begin; i < begin + count; i++)
        held = fold_if(board, i);
    return held;
}

static uint32_t list_score_rows(struct board *board, const struct batch *batch,
                                const uint32_t *rows, uint32_t row_count)
{
    struct fold *fold = &board->fold;
    uint32_t more = board->score.column_count > 1 ? board->score.column_count - 1 : 0;
    uint32_t count = 0;

    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t touched = fold->row_touched[i];

        if (touched == FOLD_NONE)
            continue;
        if (fold->ids[touched] == ENTRY_NONE) {
            board->refused++;
            continue;
        }
        if (more > 0)
            score_batch_more(&board->score, batch, rows[i], fold->more + (size_t)count * more);
        fold->modes[count] = mode_of_row(board, batch, rows[i]);
        fold->score_rows[count] = (struct score_row){
            .state = touched,
            .more = count * more,
            .event_ms = entry_clamp_reached(batch->event_ms[rows[i]]),
            .value = score_batch_value(&board->score, batch, rows[i]),
        };
        count++;
    }
    return count;
}

static void fold_scores(struct board *board, uint32_t count)
{
    struct fold *fold = &board->fold;

    for (uint32_t begin = 0, end; begin < count; begin = end) {
        for (end = begin + 1; end < count && fold->modes[end] == fold->modes[begin];)
            end++;
        fold_rows(board, begin, end - begin);
    }
}

static struct rank_key key_of_state(const struct board *board, uint32_t id,
                                    const struct score_state *state)
{
    return (struct rank_key){board_score_key(board, state->score.bits),
                             {ranktree_tie(board->def.ties, state->reached_ms)},
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
        reply->existed = !state->fresh;
        if (reply->existed) {
            reply->old_score = board_value(board, state->score.bits);
            reply->old_key = key_of_state(board, id, state);
        }
        reply->taken = fold_rows(board, at++, 1);
        reply->withheld = !reply->taken;
        if (state->fresh)
            continue;
        reply->entry = id;
        reply->score = board_value(board, state->score.bits);
        reply->key = key_of_state(board, id, state);
    }
}

/* ---- 5. write back ---- */

/* An entry was made for rows whose conditions did not hold: there was nobody to change. */
static void take_back(struct board *board, uint32_t index)
{
    const struct fold *fold = &board->fold;

    assert(fold->is_new[index]);
    board_entries_remove(&board->entries, fold->ids[index], fold->keys[index].hash);
    board_entries_free(&board->entries, fold->ids[index]);
}

/* Writes entries back; those whose position changes will move. */
static void write_back(struct board *board)
{
    struct fold *fold = &board->fold;
    uint32_t extra_bytes = board->subs.reached_at;
    bool timed = board_ties_by_time(board->def.ties);

    for (uint32_t i = 0; i < fold->touched_count; i++) {
        const struct touched *touched = &fold->touched[i];
        const struct score_state *state = &fold->states[i];
        struct standing old = {touched->old_bits, touched->old_reached_ms, NULL};
        struct standing now = {state->score.bits, state->reached_ms, NULL};
        uint32_t id = fold->ids[i];
        bool changed = false;

        if (id == ENTRY_NONE)
            continue;
        if (state->fresh) {
            take_back(board, i);
            continue;
        }
        if (extra_bytes > 0)
            memcpy(entry_extra(&board->entries, id), state->extra, extra_bytes);
        if (board->subs.count > 0) {
            changed = board_subs_store(board, i, id, &now);
            old.subs = &fold->old_subs[i * board->subs.count];
        }
        entry_set(&board->entries, id, now.bits, now.reached_ms);
        if (fold->is_new[i])
            board_pend(board, id, touched->segment, NULL, &now);
        else if (changed || now.bits != old.bits || (timed && now.reached_ms != old.reached_ms))
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
        fold_room(&board->fold, count, board->subs.count);
        board_touch(board, batch, rows + begin, count);
        scored = list_score_rows(board, batch, rows + begin, count);
        if (replies != NULL)
            fold_scores_replying(board, count, replies + begin);
        else
            fold_scores(board, scored);
        board_subs_fold(board, batch, rows + begin, count);
        write_back(board);
        board_pending_bound(board);
    }
}
