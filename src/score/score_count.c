// SPDX-License-Identifier: Apache-2.0
/* score_count.c - how many events there were. */
#include "score/score.h"

static void count_fold(const struct score_call *call, struct score_state *states,
                       const struct score_rows *rows)
{
    (void)call; /* always an int */
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct score_row *row = &rows->rows[i];
        struct score_state *state = &states[row->state];

        if (state->fresh || row->event_ms > state->reached_ms)
            state->reached_ms = row->event_ms;
        state->score.i = state->fresh ? 1 : state->score.i + 1;
        state->fresh = false;
    }
}

static void count_merge(const struct score_call *call, struct score_state *into,
                        const struct score_state *from)
{
    (void)call;
    into->score.i += from->score.i;
    if (from->reached_ms > into->reached_ms)
        into->reached_ms = from->reached_ms;
}

static bool count_subtract(const struct score_call *call, struct score_state *into,
                           const struct score_state *from)
{
    (void)call;
    into->score.i -= from->score.i;
    return true;
}

const struct score_strategy score_count = {
    .name = "count",
    .usage = "count()",
    .can = SCORE_CAN_MERGE | SCORE_IS_INT,
    .fold = count_fold,
    .merge = count_merge,
    .subtract = count_subtract,
    .show = score_show_same,
    .unshow = score_show_same,
};
