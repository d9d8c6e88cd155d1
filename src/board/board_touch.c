// SPDX-License-Identifier: Apache-2.0
/*
 * board_touch.c - finds the entries that a part of a batch touches: steps 1 to 3 of board_fold.c.
 */
#include <math.h>

#include "base/hash.h"
#include "board/board_private.h"
#include "model/batch.h"
#include "score/score_batch.h"
#include "model/label.h"

static void clear_slots(struct fold *fold)
{
    memset(fold->slots, 0xff, ((size_t)fold->slot_mask + 1) * sizeof(fold->slots[0]));
}

/* ---- 1. segments ---- */

static bool same_tuple(const struct board *board, const struct batch *batch, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < board->bind.by_count; i++) {
        const struct column *column = &batch->columns[board->bind.by_columns[i]];

        if (label_bits(column, a) != label_bits(column, b))
            return false;
    }
    return true;
}

/* BOARD_SEGMENT_NONE if there is no room for another segment. */
static uint32_t segment_of_row(struct board *board, const struct batch *batch, uint32_t row)
{
    struct bytes *labels = &board->fold.labels;
    uint32_t segment;

    bytes_clear(labels);
    for (uint32_t i = 0; i < board->bind.by_count; i++) {
        const struct column *column = &batch->columns[board->bind.by_columns[i]];
        struct bytes *text = &board->fold.text;

        bytes_clear(text);
        label_put(column, row, text);
        if (!board_tuple_put(labels, bytes_span(text)))
            return BOARD_SEGMENT_NONE;
    }
    segment =
        intern_put(&board->segments, bytes_span(labels), hash_bytes(labels->data, labels->size));
    if (segment != INTERN_NONE && segment == board->trees.count)
        arena_take(&board->trees, 1);
    return segment;
}

static void find_segments(struct board *board, const struct batch *batch, const uint32_t *rows,
                          uint32_t row_count)
{
    struct fold *fold = &board->fold;
    uint32_t tuple_count = 0;

    if (board->bind.by_count == 0) {
        memset(fold->row_segments, 0, row_count * sizeof(fold->row_segments[0]));
        return;
    }
    clear_slots(fold);
    for (uint32_t i = 0; i < row_count; i++) {
        uint64_t hash = 0;
        uint32_t at;

        for (uint32_t j = 0; j < board->bind.by_count; j++)
            hash = hash_mix(hash, label_bits(&batch->columns[board->bind.by_columns[j]], rows[i]));
        for (at = (uint32_t)hash & fold->slot_mask; fold->slots[at] != FOLD_NONE;
             at = (at + 1) & fold->slot_mask)
            if (same_tuple(board, batch, fold->tuples[fold->slots[at]].row, rows[i]))
                break;
        if (fold->slots[at] == FOLD_NONE) {
            fold->tuples[tuple_count] =
                (struct tuple){rows[i], segment_of_row(board, batch, rows[i])};
            fold->slots[at] = tuple_count++;
        }
        fold->row_segments[i] = fold->tuples[fold->slots[at]].segment;
    }
}

/* ---- 2. touched ---- */

/* Whether the row has a member; for a string, one that is not empty. */
static bool has_member(const struct column *column, uint32_t row)
{
    switch (column->type) {
    case FIELD_STRING:
        return column->codes[row] != BATCH_CODE_NONE &&
               batch_string(column, column->codes[row]).size - 1 < ENTRY_MEMBER_BYTES_MAX;
    case FIELD_INT:
    case FIELD_TIME:
        return column->ints[row] != BATCH_INT_NONE;
    case FIELD_FLOAT:
        return !isnan(column->floats[row]);
    case FIELD_BOOL:
        return column->bools[row] != BATCH_BOOL_NONE;
    }
    return false;
}

static uint32_t touched_new(struct fold *fold, const struct column *column, uint32_t row,
                            uint64_t raw, uint32_t segment)
{
    uint32_t index = fold->touched_count++;
    struct touched *touched = &fold->touched[index];

    *touched = (struct touched){.raw = raw, .segment = segment};
    if (column->type != FIELD_STRING) {
        touched->text_at = (uint32_t)fold->text.size;
        label_put(column, row, &fold->text);
        touched->text_size = (uint32_t)fold->text.size - touched->text_at;
    }
    return index;
}

/* Without segments and with string members, a code is an entry: no hashing. */
static void touch_by_code(struct board *board, const struct column *column, const uint32_t *rows,
                          uint32_t row_count)
{
    struct fold *fold = &board->fold;

    if (column->dictionary.count > fold->code_capacity) {
        uint32_t old = fold->code_capacity;

        fold->code_capacity = column->dictionary.count + column->dictionary.count / 2;
        fold->code_touched =
            bytes_realloc(fold->code_touched, fold->code_capacity * sizeof(fold->code_touched[0]));
        memset(fold->code_touched + old, 0xff,
               (fold->code_capacity - old) * sizeof(fold->code_touched[0]));
    }
    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t *touched;

        if (fold->row_touched[i] == FOLD_NONE)
            continue;
        touched = &fold->code_touched[column->codes[rows[i]]];
        if (*touched == FOLD_NONE)
            *touched = touched_new(fold, column, rows[i], column->codes[rows[i]], 0);
        fold->row_touched[i] = *touched;
    }
    for (uint32_t i = 0; i < fold->touched_count; i++)
        fold->code_touched[fold->touched[i].raw] = FOLD_NONE;
}

static void touch_by_hash(struct board *board, const struct column *column, const uint32_t *rows,
                          uint32_t row_count)
{
    struct fold *fold = &board->fold;

    clear_slots(fold);
    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t segment = fold->row_segments[i];
        uint64_t raw;
        uint32_t at;

        if (fold->row_touched[i] == FOLD_NONE)
            continue;
        raw = label_bits(column, rows[i]);
        for (at = (uint32_t)hash_mix(raw, segment) & fold->slot_mask; fold->slots[at] != FOLD_NONE;
             at = (at + 1) & fold->slot_mask) {
            const struct touched *touched = &fold->touched[fold->slots[at]];

            if (touched->raw == raw && touched->segment == segment)
                break;
        }
        if (fold->slots[at] == FOLD_NONE)
            fold->slots[at] = touched_new(fold, column, rows[i], raw, segment);
        fold->row_touched[i] = fold->slots[at];
    }
}

static void find_touched(struct board *board, const struct batch *batch, const uint32_t *rows,
                         uint32_t row_count)
{
    const struct column *column = &batch->columns[board->bind.member_column];
    struct fold *fold = &board->fold;

    for (uint32_t i = 0; i < row_count; i++) {
        fold->row_touched[i] = 0;
        if (!has_member(column, rows[i]) || !score_batch_has(&board->score, batch, rows[i])) {
            board->skipped++;
            fold->row_touched[i] = FOLD_NONE;
        } else if (fold->row_segments[i] == BOARD_SEGMENT_NONE) {
            board->refused++;
            fold->row_touched[i] = FOLD_NONE;
        }
    }
    fold->touched_count = 0;
    bytes_clear(&fold->text);
    if (board->bind.by_count == 0 && column->type == FIELD_STRING)
        touch_by_code(board, column, rows, row_count);
    else
        touch_by_hash(board, column, rows, row_count);
}

/* ---- 3. entries ---- */

static void find_entries(struct board *board, const struct batch *batch)
{
    const struct column *column = &batch->columns[board->bind.member_column];
    uint32_t extra_bytes = board->subs.reached_at;
    struct fold *fold = &board->fold;

    for (uint32_t i = 0; i < fold->touched_count; i++) {
        const struct touched *touched = &fold->touched[i];
        struct entry_key *key = &fold->keys[i];
        uint64_t hash;

        if (column->type == FIELD_STRING) {
            key->member = batch_string(column, (uint32_t)touched->raw);
            hash = column->dictionary.hashes[touched->raw];
        } else {
            key->member = (struct span){fold->text.data + touched->text_at, touched->text_size};
            hash = hash_bytes(key->member.data, key->member.size);
        }
        key->segment = touched->segment;
        key->hash = board_entries_hash(&board->entries, hash, touched->segment);
    }
    board_entries_put_many(&board->entries, fold->keys, fold->touched_count, fold->ids,
                           fold->is_new);
    for (uint32_t i = 0; i < fold->touched_count; i++) {
        struct touched *touched = &fold->touched[i];
        struct score_state *state = &fold->states[i];
        uint32_t id = fold->ids[i];

        if (id == ENTRY_NONE)
            continue;
        touched->old_bits = entry_score_bits(&board->entries, id);
        touched->old_reached_ms = entry_reached_ms(&board->entries, id);
        state->score.bits = touched->old_bits;
        state->reached_ms = touched->old_reached_ms;
        state->fresh = fold->is_new[i];
        if (extra_bytes > 0)
            memcpy(state->extra, entry_extra(&board->entries, id), extra_bytes);
        if (board->subs.count > 0)
            board_subs_load(board, i, id);
    }
}

void board_touch(struct board *board, const struct batch *batch, const uint32_t *rows,
                 uint32_t row_count)
{
    find_segments(board, batch, rows, row_count);
    find_touched(board, batch, rows, row_count);
    find_entries(board, batch);
}
