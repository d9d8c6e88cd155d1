// SPDX-License-Identifier: Apache-2.0
/*
 * score_last.c - the value of the latest event, by event time; of several at one time, the one
 * that arrived last.
 *
 * Extra state: when that event was, which is later than reached_ms if it repeated the value.
 *
 * The same file holds `set`, for boards that take scores directly: there, arrival order is what
 * the client sees, so it is what counts.
 */
#include "score/score.h"

static void last_fold(struct score_state *states, const struct score_row *rows, uint32_t count,
                      bool is_int)
{
    (void)is_int; /* equal scores have equal bits: -0.0 and NaN do not get here */
    for (uint32_t i = 0; i < count; i++) {
        struct score_state *state = &states[rows[i].state];
        int64_t latest_ms;

        memcpy(&latest_ms, state->extra, sizeof(latest_ms));
        if (!state->fresh && rows[i].event_ms < latest_ms)
            continue;
        memcpy(state->extra, &rows[i].event_ms, sizeof(latest_ms));
        if (!state->fresh && state->score.bits == rows[i].value.bits)
            continue;
        state->score = rows[i].value;
        state->reached_ms = rows[i].event_ms;
        state->fresh = false;
    }
}

static void set_fold(struct score_state *states, const struct score_row *rows, uint32_t count,
                     bool is_int)
{
    (void)is_int;
    for (uint32_t i = 0; i < count; i++) {
        struct score_state *state = &states[rows[i].state];

        if (!state->fresh && state->score.bits == rows[i].value.bits)
            continue;
        state->score = rows[i].value;
        state->reached_ms = rows[i].event_ms;
        state->fresh = false;
    }
}

const struct score_strategy score_last = {
    .name = "last",
    .arg_count = 1,
    .extra_bytes = sizeof(int64_t),
    .fold = last_fold,
};

const struct score_strategy score_set = {
    .name = "set",
    .arg_count = 1,
    .fold = set_fold,
};
