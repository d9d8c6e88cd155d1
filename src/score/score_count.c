// SPDX-License-Identifier: Apache-2.0
/* score_count.c - how many events there were. */
#include "score/score.h"

static void count_fold(struct score_state *states, const struct score_row *rows, uint32_t count,
                       bool is_int)
{
    (void)is_int; /* always an int */
    for (uint32_t i = 0; i < count; i++) {
        struct score_state *state = &states[rows[i].state];

        if (state->fresh || rows[i].event_ms > state->reached_ms)
            state->reached_ms = rows[i].event_ms;
        state->score.i = state->fresh ? 1 : state->score.i + 1;
        state->fresh = false;
    }
}

const struct score_strategy score_count = {
    .name = "count",
    .arg_count = 0,
    .always_int = true,
    .fold = count_fold,
};
