// SPDX-License-Identifier: Apache-2.0
/* score_min.c - the smallest value; reached at the earliest event that had it. */
#include "score/score.h"

static bool is_better(const struct score_call *call, union score_value a, union score_value b)
{
    return call->is_int ? a.i < b.i : a.f < b.f;
}

static void min_fold(const struct score_call *call, struct score_state *states,
                     const struct score_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct score_row *row = &rows->rows[i];
        struct score_state *state = &states[row->state];

        if (state->fresh || is_better(call, row->value, state->score)) {
            state->score = row->value;
            state->reached_ms = row->event_ms;
            state->fresh = false;
        } else if (row->value.bits == state->score.bits && row->event_ms < state->reached_ms) {
            state->reached_ms = row->event_ms;
        }
    }
}

static void min_merge(const struct score_call *call, struct score_state *into,
                      const struct score_state *from)
{
    if (is_better(call, from->score, into->score) ||
        (from->score.bits == into->score.bits && from->reached_ms < into->reached_ms))
        *into = *from;
}

/* What was not the best leaves no trace. */
static bool min_subtract(const struct score_call *call, struct score_state *into,
                         const struct score_state *from)
{
    (void)call;
    return from->score.bits != into->score.bits || from->reached_ms != into->reached_ms;
}

const struct score_strategy score_min = {
    .name = "min",
    .usage = "min(f)",
    .arg_min = 1,
    .arg_count = 1,
    .args = {SCORE_ARG_FIELD},
    .can = SCORE_CAN_MERGE,
    .fold = min_fold,
    .merge = min_merge,
    .subtract = min_subtract,
    .show = score_show_same,
    .unshow = score_show_same,
};
