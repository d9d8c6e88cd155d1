// SPDX-License-Identifier: Apache-2.0
/*
 * score_lua.c - the score that a script computes: lua(file) or lua(file, f, g, h).
 *
 * The script's `fold` gets the member's state, the time of the event and its fields; what it
 * returns is the score. It reached that score at the latest event that changed it. A call that
 * fails leaves a member as it was; one whose first event fails stands at 0. Extra state: the
 * script's four numbers.
 *
 * Everything about the language and its limits is in score_script.h.
 */
#include "score/score.h"

#include <assert.h>

#include "score/score_script.h"

static_assert(SCORE_SCRIPT_NUMBERS * sizeof(double) <= SCORE_EXTRA_BYTES_MAX,
              "the numbers fit the extra bytes");

static void lua_fold_row(const struct score_call *call, struct score_state *state,
                         const struct score_row *row, const double *more)
{
    double *numbers = (void *)state->extra;
    double values[SCORE_COLUMNS_MAX] = {row->value.f};
    union score_value score = {.f = 0};
    bool fresh = state->fresh;

    for (uint32_t i = 1; i < call->column_count; i++)
        values[i] = more[row->more + i - 1];
    if (fresh) {
        (void)score_script_init(call->script, numbers);
        state->score.f = 0;
        state->reached_ms = row->event_ms;
        state->fresh = false;
    }
    if (score_script_fold(call->script, numbers, row->event_ms, values, call->column_count,
                          &score.f) != SCORE_SCRIPT_SCORE)
        return;
    if (score.bits == state->score.bits && !fresh)
        return;
    state->score = score;
    if (row->event_ms > state->reached_ms)
        state->reached_ms = row->event_ms;
}

static void lua_fold(const struct score_call *call, struct score_state *states,
                     const struct score_rows *rows)
{
    assert(call->script != NULL);
    for (uint32_t i = 0; i < rows->count; i++)
        lua_fold_row(call, &states[rows->rows[i].state], &rows->rows[i], rows->more);
}

static void lua_merge(const struct score_call *call, struct score_state *into,
                      const struct score_state *from)
{
    double score;

    if (score_script_merge(call->script, (void *)into->extra, (const void *)from->extra, &score) ==
        SCORE_SCRIPT_SCORE)
        into->score.f = score;
    if (from->reached_ms > into->reached_ms)
        into->reached_ms = from->reached_ms;
}

const struct score_strategy score_lua = {
    .name = "lua",
    .usage = "lua(file) or lua(file, f, g, h)",
    .arg_min = 1,
    .arg_count = 4,
    .args = {SCORE_ARG_FILE, SCORE_ARG_DOUBLE, SCORE_ARG_DOUBLE, SCORE_ARG_DOUBLE},
    .extra_bytes = SCORE_SCRIPT_NUMBERS * sizeof(double),
    .can = SCORE_CAN_MERGE | SCORE_IS_DOUBLE | SCORE_NEEDS_FILE,
    .fold = lua_fold,
    .merge = lua_merge,
    .subtract = score_subtract_unsupported,
    .show = score_show_same,
    .unshow = score_show_same,
};
