// SPDX-License-Identifier: Apache-2.0
/* score_max.c - the largest value; reached at the earliest event that had it. */
#include "score/score.h"

static void max_fold(struct score_state *states, const struct score_row *rows, uint32_t count,
                     bool is_int)
{
    for (uint32_t i = 0; i < count; i++) {
        struct score_state *state = &states[rows[i].state];
        union score_value value = rows[i].value;
        bool better = is_int ? value.i > state->score.i : value.f > state->score.f;

        if (state->fresh || better) {
            state->score = value;
            state->reached_ms = rows[i].event_ms;
            state->fresh = false;
        } else if (value.bits == state->score.bits && rows[i].event_ms < state->reached_ms) {
            state->reached_ms = rows[i].event_ms;
        }
    }
}

const struct score_strategy score_max = {
    .name = "max",
    .arg_count = 1,
    .fold = max_fold,
};
