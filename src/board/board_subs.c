// SPDX-License-Identifier: Apache-2.0
/*
 * board_subs.c - subscores: what decides among equal scores, each with a strategy, a field and a
 * direction of its own.
 *
 * A record of a board with subscores has, in its extra bytes, behind what the score's strategy
 * remembers:
 *
 *     i64        when the score itself was reached
 *     per sub    i64 when it was reached, and what its strategy remembers
 *     u64 ...    the keys of the subscores, smaller is better, which the tree compares
 *
 * A subscore without a value so far has the worst key of all. The time reached of the entry, which
 * decides among those that are equal in everything, is the latest of all of these: when the
 * standing as a whole was reached.
 *
 * Thread: the partition's.
 */
#include <assert.h>

#include "model/batch.h"
#include "board/board_private.h"
#include "score/score_batch.h"

#define SUB_NONE BOARD_SUBSCORE_NONE

uint32_t board_subs_init(struct board_subs *subs, const struct board_def *def,
                         const struct score_call *calls, uint32_t extra_bytes)
{
    uint32_t at = extra_bytes + sizeof(int64_t);

    *subs = (struct board_subs){.count = def->subscore_count, .reached_at = extra_bytes};
    if (subs->count == 0)
        return 0;
    for (uint32_t i = 0; i < subs->count; i++) {
        subs->calls[i] = calls[i];
        subs->orders[i] = def->subscores[i].order;
        subs->state_at[i] = at;
        at += sizeof(int64_t) + calls[i].strategy->extra_bytes;
    }
    return at - extra_bytes + subs->count * (uint32_t)sizeof(uint64_t);
}

/* The states of a subscore, by touched entry. */
static struct score_state *states_of(const struct board *board, uint32_t sub)
{
    return board->fold.sub_states + (size_t)sub * board->fold.capacity;
}

static uint64_t key_of(const struct board_subs *subs, uint32_t sub, uint64_t bits)
{
    return score_key_of_bits(bits, subs->calls[sub].is_int, subs->orders[sub]);
}

static uint64_t bits_of(const struct board_subs *subs, uint32_t sub, uint64_t key)
{
    struct value value = score_key_value(key, subs->calls[sub].is_int, subs->orders[sub]);
    union score_value score;

    if (value.type == VALUE_INT)
        score.i = value.i;
    else
        score.f = value.f;
    return score.bits;
}

static void load_one(const struct board *board, uint32_t sub, uint32_t id,
                     struct score_state *out_state)
{
    const struct board_subs *subs = &board->subs;
    const char *at = entry_extra(&board->entries, id) + subs->state_at[sub];
    uint64_t key = entry_sub(&board->entries, id, sub);

    *out_state = (struct score_state){.fresh = key == SUB_NONE};
    if (out_state->fresh)
        return;
    out_state->score.bits = bits_of(subs, sub, key);
    memcpy(&out_state->reached_ms, at, sizeof(int64_t));
    memcpy(out_state->extra, at + sizeof(int64_t), subs->calls[sub].strategy->extra_bytes);
}

/* Returns the key that it has now. */
static uint64_t store_one(struct board *board, uint32_t sub, uint32_t id,
                          const struct score_state *state)
{
    const struct board_subs *subs = &board->subs;
    char *at = entry_extra(&board->entries, id) + subs->state_at[sub];
    uint64_t key = state->fresh ? SUB_NONE : key_of(subs, sub, state->score.bits);

    entry_set_sub(&board->entries, id, sub, key);
    if (state->fresh)
        return key;
    memcpy(at, &state->reached_ms, sizeof(int64_t));
    memcpy(at + sizeof(int64_t), state->extra, subs->calls[sub].strategy->extra_bytes);
    return key;
}

void board_subs_load(struct board *board, uint32_t index, uint32_t id)
{
    const struct board_subs *subs = &board->subs;
    struct fold *fold = &board->fold;
    const char *extra = entry_extra(&board->entries, id);

    memcpy(&fold->states[index].reached_ms, extra + subs->reached_at, sizeof(int64_t));
    for (uint32_t i = 0; i < subs->count; i++) {
        uint64_t *old = &fold->old_subs[index * subs->count + i];

        *old = fold->is_new[index] ? SUB_NONE : entry_sub(&board->entries, id, i);
        if (fold->is_new[index])
            states_of(board, i)[index] = (struct score_state){.fresh = true};
        else
            load_one(board, i, id, &states_of(board, i)[index]);
    }
}

static void fold_one(struct board *board, uint32_t sub, const struct batch *batch,
                     const uint32_t *rows, uint32_t row_count)
{
    const struct score_call *call = &board->subs.calls[sub];
    uint32_t more = call->column_count > 1 ? call->column_count - 1 : 0;
    struct fold *fold = &board->fold;
    struct score_rows score_rows = {fold->score_rows, 0, fold->more};

    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t touched = fold->row_touched[i];

        if (touched == FOLD_NONE || fold->ids[touched] == ENTRY_NONE ||
            !score_batch_has(call, batch, rows[i]))
            continue;
        if (more > 0)
            score_batch_more(call, batch, rows[i], fold->more + (size_t)score_rows.count * more);
        fold->score_rows[score_rows.count] = (struct score_row){
            .state = touched,
            .more = score_rows.count * more,
            .event_ms = entry_clamp_reached(batch->event_ms[rows[i]]),
            .value = score_batch_value(call, batch, rows[i]),
        };
        score_rows.count++;
    }
    call->strategy->fold(call, states_of(board, sub), &score_rows);
}

void board_subs_fold(struct board *board, const struct batch *batch, const uint32_t *rows,
                     uint32_t row_count)
{
    for (uint32_t i = 0; i < board->subs.count; i++)
        fold_one(board, i, batch, rows, row_count);
}

bool board_subs_store(struct board *board, uint32_t index, uint32_t id, struct standing *now)
{
    const struct board_subs *subs = &board->subs;
    bool changed = false;

    memcpy(entry_extra(&board->entries, id) + subs->reached_at, &now->reached_ms, sizeof(int64_t));
    for (uint32_t i = 0; i < subs->count; i++) {
        const struct score_state *state = &states_of(board, i)[index];
        uint64_t key = store_one(board, i, id, state);

        changed = changed || key != board->fold.old_subs[index * subs->count + i];
        if (!state->fresh && state->reached_ms > now->reached_ms)
            now->reached_ms = state->reached_ms;
    }
    return changed;
}

void board_subs_get(const struct board *board, uint32_t id, struct score_state *out_states)
{
    memcpy(&out_states[0].reached_ms, entry_extra(&board->entries, id) + board->subs.reached_at,
           sizeof(int64_t));
    for (uint32_t i = 0; i < board->subs.count; i++)
        load_one(board, i, id, &out_states[1 + i]);
}

bool board_subs_put(struct board *board, uint32_t id, const struct score_state *states,
                    struct standing *now, uint64_t *out_old)
{
    bool changed = false;

    memcpy(entry_extra(&board->entries, id) + board->subs.reached_at, &now->reached_ms,
           sizeof(int64_t));
    for (uint32_t i = 0; i < board->subs.count; i++) {
        const struct score_state *state = &states[1 + i];

        out_old[i] = entry_sub(&board->entries, id, i);
        changed = (store_one(board, i, id, state) != out_old[i]) || changed;
        if (!state->fresh && state->reached_ms > now->reached_ms)
            now->reached_ms = state->reached_ms;
    }
    return changed;
}

uint32_t board_subscores(const struct board *board, uint32_t entry, struct value *out_subscores,
                         bool *out_present)
{
    const struct board_subs *subs = &board->subs;

    for (uint32_t i = 0; i < subs->count; i++) {
        uint64_t key = entry_sub(&board->entries, entry, i);

        out_present[i] = key != SUB_NONE;
        out_subscores[i] = score_key_value(key, subs->calls[i].is_int, subs->orders[i]);
    }
    return subs->count;
}
