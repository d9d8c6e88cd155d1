// SPDX-License-Identifier: Apache-2.0
/* rolling.c - see rolling.h. */
#include "engine/rolling.h"

#include <assert.h>
#include <stdlib.h>

#include "model/batch.h"
#include "board/board.h"
#include "rank/board_entries.h"
#include "score/score_batch.h"

#define NONE UINT32_MAX
#define STATE_HEAD_BYTES 16     /* score and reached */
#define REACHED_NEVER INT64_MIN /* a subscore without a value; times are clamped far above */

void rolling_init(struct rolling *rolling, const struct period_def *period,
                  const struct score_call *score, const struct score_call *subscores,
                  uint32_t subscore_count)
{
    *rolling = (struct rolling){
        .period = *period,
        .calls = {*score},
        .call_count = 1 + subscore_count,
        .pane_count = period_pane_count(period),
    };
    for (uint32_t i = 0; i < subscore_count; i++)
        rolling->calls[1 + i] = subscores[i];
    for (uint32_t i = 0; i < rolling->call_count; i++)
        rolling->state_bytes += STATE_HEAD_BYTES + rolling->calls[i].strategy->extra_bytes;
    assert(rolling->pane_count <= PERIOD_PANES_MAX);
}

static void clear_pane(struct rolling_pane *pane)
{
    id_map_done(&pane->slots);
    free(pane->entries);
    bytes_done(&pane->states);
    *pane = (struct rolling_pane){0};
}

void rolling_done(struct rolling *rolling)
{
    for (uint32_t i = 0; i < rolling->pane_count; i++)
        clear_pane(&rolling->panes[i]);
    free(rolling->gone);
}

static struct rolling_pane *pane_at(struct rolling *rolling, int64_t start_ms)
{
    int64_t number = start_ms / rolling->period.pane_ms;
    int64_t index = number % rolling->pane_count;

    return &rolling->panes[index < 0 ? index + rolling->pane_count : index];
}

static int64_t window_start(const struct rolling *rolling)
{
    return rolling->pane_ms - (int64_t)(rolling->pane_count - 1) * rolling->period.pane_ms;
}

int64_t rolling_next(const struct rolling *rolling)
{
    return rolling->begun ? rolling->pane_ms + rolling->period.pane_ms : INT64_MIN;
}

bool rolling_has(const struct rolling *rolling, int64_t event_ms)
{
    return event_ms >= window_start(rolling);
}

/* All states of a slot. */
static void load(const struct rolling *rolling, const struct rolling_pane *pane, uint32_t slot,
                 struct score_state *out_states)
{
    const char *at = pane->states.data + (size_t)slot * rolling->state_bytes;

    for (uint32_t i = 0; i < rolling->call_count; i++) {
        struct score_state *state = &out_states[i];
        uint32_t extra_bytes = rolling->calls[i].strategy->extra_bytes;

        *state = (struct score_state){.fresh = false};
        memcpy(&state->score, at, sizeof(state->score));
        memcpy(&state->reached_ms, at + 8, sizeof(state->reached_ms));
        memcpy(state->extra, at + STATE_HEAD_BYTES, extra_bytes);
        state->fresh = state->reached_ms == REACHED_NEVER;
        at += STATE_HEAD_BYTES + extra_bytes;
    }
}

static void store(const struct rolling *rolling, struct rolling_pane *pane, uint32_t slot,
                  const struct score_state *states)
{
    char *at = pane->states.data + (size_t)slot * rolling->state_bytes;

    for (uint32_t i = 0; i < rolling->call_count; i++) {
        const struct score_state *state = &states[i];
        uint32_t extra_bytes = rolling->calls[i].strategy->extra_bytes;
        int64_t reached_ms = state->fresh ? REACHED_NEVER : state->reached_ms;

        memcpy(at, &state->score, sizeof(state->score));
        memcpy(at + 8, &reached_ms, sizeof(reached_ms));
        memcpy(at + STATE_HEAD_BYTES, state->extra, extra_bytes);
        at += STATE_HEAD_BYTES + extra_bytes;
    }
}

/* The slot of an entry in a pane, made if it is not there. */
static uint32_t take_slot(struct rolling *rolling, struct rolling_pane *pane, uint32_t entry,
                          bool *out_new)
{
    uint32_t *slot = id_map_put(&pane->slots, entry, out_new);

    if (!*out_new)
        return *slot;
    if (pane->count == pane->capacity) {
        pane->capacity = pane->capacity > 0 ? 2 * pane->capacity : 16;
        pane->entries = bytes_realloc(pane->entries, pane->capacity * sizeof(pane->entries[0]));
    }
    *slot = pane->count;
    pane->entries[pane->count] = entry;
    bytes_reserve(&pane->states, rolling->state_bytes);
    pane->states.size += rolling->state_bytes;
    return pane->count++;
}

static void fold_row(const struct score_call *call, struct score_state *state,
                     const struct batch *batch, uint32_t row, int64_t event_ms)
{
    double more[SCORE_COLUMNS_MAX];
    struct score_row score_row = {.event_ms = event_ms};
    struct score_rows one = {&score_row, 1, more};

    if (!score_batch_has(call, batch, row))
        return;
    score_batch_more(call, batch, row, more);
    score_row.value = score_batch_value(call, batch, row);
    call->strategy->fold(call, state, &one);
}

void rolling_fold(struct rolling *rolling, const struct batch *batch, const uint32_t *rows,
                  uint32_t row_count, const struct board_reply *replies)
{
    for (uint32_t i = 0; i < row_count; i++) {
        int64_t event_ms = entry_clamp_reached(batch->event_ms[rows[i]]);
        struct score_state states[1 + SUBSCORES_MAX];
        struct rolling_pane *pane;
        uint32_t slot;
        bool is_new;

        if (!replies[i].taken)
            continue;
        assert(rolling_has(rolling, event_ms) && event_ms < rolling_next(rolling));
        pane = pane_at(rolling, period_pane_start(&rolling->period, event_ms));
        pane->start_ms = period_pane_start(&rolling->period, event_ms);
        pane->used = true;
        slot = take_slot(rolling, pane, replies[i].entry, &is_new);
        if (!is_new)
            load(rolling, pane, slot, states);
        for (uint32_t j = 0; j < rolling->call_count; j++) {
            if (is_new)
                states[j] = (struct score_state){.fresh = true};
            fold_row(&rolling->calls[j], &states[j], batch, rows[i], event_ms);
        }
        store(rolling, pane, slot, states);
    }
}

/* Merges the panes of the window that an entry is in, oldest first. False if there are none. */
static bool merge_panes(struct rolling *rolling, uint32_t entry, struct score_state *out_states)
{
    bool any = false;

    for (uint32_t i = 0; i < rolling->call_count; i++)
        out_states[i] = (struct score_state){.fresh = true};
    for (uint32_t i = 0; i < rolling->pane_count; i++) {
        int64_t start_ms = window_start(rolling) + (int64_t)i * rolling->period.pane_ms;
        const struct rolling_pane *pane = pane_at(rolling, start_ms);
        const uint32_t *slot = id_map_find(&pane->slots, entry);
        struct score_state states[1 + SUBSCORES_MAX];

        if (slot == NULL || !pane->used || pane->start_ms != start_ms)
            continue;
        load(rolling, pane, *slot, states);
        for (uint32_t j = 0; j < rolling->call_count; j++) {
            if (out_states[j].fresh)
                out_states[j] = states[j];
            else if (!states[j].fresh)
                rolling->calls[j].strategy->merge(&rolling->calls[j], &out_states[j], &states[j]);
        }
        any = true;
    }
    return any;
}

static bool is_in_window(struct rolling *rolling, uint32_t entry)
{
    for (uint32_t i = 0; i < rolling->pane_count; i++)
        if (rolling->panes[i].used && rolling->panes[i].start_ms >= window_start(rolling) &&
            id_map_find(&rolling->panes[i].slots, entry) != NULL)
            return true;
    return false;
}

static void list_gone(struct rolling *rolling, uint32_t *count, uint32_t entry)
{
    if (*count == rolling->gone_capacity) {
        rolling->gone_capacity = rolling->gone_capacity > 0 ? 2 * rolling->gone_capacity : 64;
        rolling->gone =
            bytes_realloc(rolling->gone, rolling->gone_capacity * sizeof(rolling->gone[0]));
    }
    rolling->gone[(*count)++] = entry;
}

/*
 * Takes the states of a pane back from the entry's, where all strategies can. What was reached in
 * the pane that leaves was reached later in the others.
 */
static bool subtract(const struct rolling *rolling, struct score_state *states,
                     const struct score_state *parts)
{
    for (uint32_t i = 0; i < rolling->call_count; i++) {
        const struct score_call *call = &rolling->calls[i];

        if (parts[i].fresh)
            continue;
        if (states[i].reached_ms < window_start(rolling) ||
            !call->strategy->subtract(call, &states[i], &parts[i]))
            return false;
    }
    return true;
}

/* An entry is in no pane any more but those that leave: it is listed once. */
static void forget_gone(struct rolling *rolling, uint32_t entry)
{
    for (uint32_t i = 0; i < rolling->pane_count; i++) {
        const uint32_t *other = id_map_find(&rolling->panes[i].slots, entry);

        if (other != NULL)
            rolling->panes[i].entries[*other] = NONE;
    }
}

/* The window has moved past a pane. `alone`: no other pane leaves with it. */
static void leave_pane(struct rolling *rolling, struct board *board, struct rolling_pane *pane,
                       bool alone, uint32_t *gone_count)
{
    for (uint32_t slot = 0; slot < pane->count; slot++) {
        uint32_t entry = pane->entries[slot];
        struct score_state parts[1 + SUBSCORES_MAX];
        struct score_state states[1 + SUBSCORES_MAX];

        if (entry == NONE)
            continue;
        if (!is_in_window(rolling, entry)) {
            list_gone(rolling, gone_count, entry);
            if (!alone)
                forget_gone(rolling, entry);
            continue;
        }
        load(rolling, pane, slot, parts);
        board_state_get(board, entry, states);
        if (!alone || !subtract(rolling, states, parts)) {
            bool any = merge_panes(rolling, entry, states);

            assert(any);
            (void)any;
        }
        board_state_put(board, entry, states);
    }
}

uint32_t rolling_enter(struct rolling *rolling, struct board *board, int64_t watermark_ms,
                       const uint32_t **out_gone)
{
    uint32_t gone_count = 0;
    uint32_t leaving = 0;
    bool alone;

    rolling->pane_ms = period_pane_start(&rolling->period, watermark_ms);
    rolling->begun = true;
    for (uint32_t i = 0; i < rolling->pane_count; i++)
        if (rolling->panes[i].used && rolling->panes[i].start_ms < window_start(rolling))
            leaving++;
    alone = leaving == 1;
    for (; leaving > 0; leaving--) {
        struct rolling_pane *oldest = NULL;

        for (uint32_t i = 0; i < rolling->pane_count; i++) {
            struct rolling_pane *pane = &rolling->panes[i];

            if (pane->used && pane->start_ms < window_start(rolling) &&
                (oldest == NULL || pane->start_ms < oldest->start_ms))
                oldest = pane;
        }
        leave_pane(rolling, board, oldest, alone, &gone_count);
        clear_pane(oldest);
    }
    *out_gone = rolling->gone;
    return gone_count;
}

void rolling_forget(struct rolling *rolling, uint32_t entry)
{
    for (uint32_t i = 0; i < rolling->pane_count; i++) {
        struct rolling_pane *pane = &rolling->panes[i];
        const uint32_t *slot = id_map_find(&pane->slots, entry);

        if (slot == NULL)
            continue;
        pane->entries[*slot] = NONE;
        id_map_remove(&pane->slots, entry);
    }
}

uint64_t rolling_bytes(const struct rolling *rolling)
{
    uint64_t bytes = rolling->gone_capacity * sizeof(rolling->gone[0]);

    for (uint32_t i = 0; i < rolling->pane_count; i++)
        bytes += id_map_bytes(&rolling->panes[i].slots) + rolling->panes[i].states.capacity +
                 rolling->panes[i].capacity * sizeof(uint32_t);
    return bytes;
}
