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

static void last_fold(const struct score_call *call, struct score_state *states,
                      const struct score_rows *rows)
{
    (void)call; /* equal scores have equal bits: -0.0 and NaN do not get here */
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct score_row *row = &rows->rows[i];
        struct score_state *state = &states[row->state];
        int64_t latest_ms;

        memcpy(&latest_ms, state->extra, sizeof(latest_ms));
        if (!state->fresh && row->event_ms < latest_ms)
            continue;
        memcpy(state->extra, &row->event_ms, sizeof(latest_ms));
        if (!state->fresh && state->score.bits == row->value.bits)
            continue;
        state->score = row->value;
        state->reached_ms = row->event_ms;
        state->fresh = false;
    }
}

static int64_t latest_of(const struct score_state *state)
{
    int64_t latest_ms;

    memcpy(&latest_ms, state->extra, sizeof(latest_ms));
    return latest_ms;
}

/* The later one as it is: in a rolling period, a repeated value is reached anew in each pane. */
static void last_merge(const struct score_call *call, struct score_state *into,
                       const struct score_state *from)
{
    (void)call;
    if (latest_of(into) < latest_of(from))
        *into = *from;
}

/* What was not the latest leaves no trace. */
static bool last_subtract(const struct score_call *call, struct score_state *into,
                          const struct score_state *from)
{
    (void)call;
    return latest_of(from) < latest_of(into);
}

static void set_fold(const struct score_call *call, struct score_state *states,
                     const struct score_rows *rows)
{
    (void)call;
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct score_row *row = &rows->rows[i];
        struct score_state *state = &states[row->state];

        if (!state->fresh && state->score.bits == row->value.bits)
            continue;
        state->score = row->value;
        state->reached_ms = row->event_ms;
        state->fresh = false;
    }
}

const struct score_strategy score_last = {
    .name = "last",
    .usage = "last(f)",
    .arg_min = 1,
    .arg_count = 1,
    .args = {SCORE_ARG_FIELD},
    .extra_bytes = sizeof(int64_t),
    .can = SCORE_CAN_MERGE,
    .fold = last_fold,
    .merge = last_merge,
    .subtract = last_subtract,
    .show = score_show_same,
    .unshow = score_show_same,
};

const struct score_strategy score_set = {
    .name = "set",
    .usage = "set(f)",
    .arg_min = 1,
    .arg_count = 1,
    .args = {SCORE_ARG_FIELD},
    .fold = set_fold,
    .merge = score_merge_unsupported,
    .subtract = score_subtract_unsupported,
    .show = score_show_same,
    .unshow = score_show_same,
};
