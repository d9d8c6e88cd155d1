// SPDX-License-Identifier: Apache-2.0
/*
 * board_scores.c - scores as a question names them and as an answer shows them; see board_read.h.
 *
 * What a board stores as a score is not always what is meant: a decayed sum is stored so that it
 * orders members for all time, and shown as what it has decayed to. The subscores of an entry are
 * read from its key, whose words can be turned back into values.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "board/board.h"
#include "query/read_params.h"
#include "query/read_request.h"
#include "query_board/board_read.h"
#include "score/score_key.h"

#define SHOWN_STEPS 128 /* of a half-life, for those who watch */
#define SHOWN_STEP_MS_MIN 1000

/* ---- ranges of scores ---- */

static int parse_score(const struct board_read *board_read, const char *name, struct span text,
                       struct value *out_value, struct err *err)
{
    char digits[64];
    char *end;
    size_t shown = text.size < 40 ? text.size : 40;
    bool valid = text.size > 0 && text.size < sizeof(digits);

    if (valid) {
        memcpy(digits, text.data, text.size);
        digits[text.size] = '\0';
        valid = strspn(digits, "+-.0123456789eE") == text.size; /* no "inf", no white space */
    }
    if (valid) {
        errno = 0;
        out_value->type = board_read->score_is_int ? VALUE_INT : VALUE_FLOAT;
        if (board_read->score_is_int)
            out_value->i = strtoll(digits, &end, 10);
        else
            out_value->f = strtod(digits, &end);
        valid = *end == '\0' && end != digits &&
                (board_read->score_is_int ? errno == 0 : isfinite(out_value->f));
    }
    if (valid)
        return 0;
    return err_set(err, ERR_INVALID, "%s=%.*s: expected %s, as the scores of board \"%s\" are",
                   name, (int)shown, text.data,
                   board_read->score_is_int ? "a whole number of 64 bits" : "a number",
                   board_read->name);
}

static int parse_bound(const struct board_read *board_read, const struct read_request *request,
                       const char *included, const char *excluded, struct board_bound *out_bound,
                       struct err *err)
{
    struct span text = {NULL, 0};
    struct span other = {NULL, 0};
    bool has_included = read_params_find(request, included, &text);
    bool has_excluded = read_params_find(request, excluded, &other);

    if (has_included && has_excluded)
        return err_set(err, ERR_INVALID, "give %s or %s, not both", included, excluded);
    *out_bound =
        (struct board_bound){has_included || has_excluded, has_excluded, {.type = VALUE_NONE}};
    if (!out_bound->given)
        return 0;
    return parse_score(board_read, has_included ? included : excluded, has_included ? text : other,
                       &out_bound->score, err);
}

int board_read_range(const struct board_read *board_read, const struct read_request *request,
                     struct board_range *out_range, struct err *err)
{
    struct board_range range = {.given = false};
    bool is_desc = board_read->order == BOARD_DESC;
    int rc =
        parse_bound(board_read, request, "min", "above", is_desc ? &range.worst : &range.best, err);

    if (rc == 0)
        rc = parse_bound(board_read, request, "max", "below", is_desc ? &range.best : &range.worst,
                         err);
    if (rc < 0)
        return rc;
    range.given = range.best.given || range.worst.given;
    *out_range = range;
    return 0;
}

static bool is_shown_otherwise(const struct score_call *call)
{
    return call->strategy != NULL && (call->strategy->can & SCORE_CAN_SHOW) != 0;
}

static uint64_t bound_key(const struct board_read *board_read, const struct board_bound *bound)
{
    struct value score = bound->score;

    if (!bound->given)
        return 0;
    if (is_shown_otherwise(&board_read->score) && isfinite(score.f)) {
        union score_value shown = {.f = score.f};

        score.f = board_read->score.strategy
                      ->unshow(&board_read->score, shown, board_read_shown_ms(board_read))
                      .f;
    }
    return score_key_of(score, board_read->order);
}

struct board_range_keys board_range_keys(const struct board_range *range,
                                         const struct board_read *board_read)
{
    const struct board_bound *best = &range->best;
    const struct board_bound *worst = &range->worst;
    struct board_range_keys keys = {
        .from = bound_key(board_read, best),
        .end = bound_key(board_read, worst),
    };

    if (range->nothing)
        return (struct board_range_keys){.from = 1, .end = 0};
    keys.open = !worst->given || (!worst->excluded && keys.end == UINT64_MAX);
    if (best->excluded && keys.from == UINT64_MAX)
        keys.open = false; /* beyond the worst there is: from >= end */
    else if (best->excluded)
        keys.from++;
    if (worst->given && !worst->excluded && !keys.open && keys.end < UINT64_MAX)
        keys.end++;
    return keys;
}

void board_range_count(const struct board_range_keys *keys, const struct board *board,
                       uint32_t segment, uint64_t *out_better, uint64_t *out_within)
{
    uint64_t until = keys->open ? board_segment_size(board, segment)
                                : board_count_better_score(board, segment, keys->end);

    *out_better = keys->from > 0 ? board_count_better_score(board, segment, keys->from) : 0;
    *out_within = until > *out_better ? until - *out_better : 0;
}

/* ---- as they are shown ---- */

/* The shortest half-life that anything shown has; 0: nothing has one. */
static int64_t half_life_ms(const struct board_read *board_read)
{
    int64_t least = 0;

    for (uint32_t i = 0; i <= board_read->subscore_count; i++) {
        const struct score_call *call = i > 0 ? &board_read->subscores[i - 1] : &board_read->score;

        if (is_shown_otherwise(call) && (least == 0 || call->decay.half_life_ms < least))
            least = call->decay.half_life_ms;
    }
    return least;
}

bool board_read_fades(const struct board_read *board_read)
{
    return half_life_ms(board_read) > 0;
}

int64_t board_read_shown_ms(const struct board_read *board_read)
{
    int64_t shown_ms = board_read->read.now_ms;
    int64_t step_ms = half_life_ms(board_read) / SHOWN_STEPS;

    if (step_ms < SHOWN_STEP_MS_MIN)
        step_ms = SHOWN_STEP_MS_MIN;
    if (board_read->read.watched)
        shown_ms -= shown_ms % step_ms;
    if (board_read->seasonal && !board_read->all_seasons && shown_ms > board_read->season_end_ms)
        shown_ms = board_read->season_end_ms;
    return shown_ms;
}

static struct value show(const struct score_call *call, struct value score, int64_t shown_ms)
{
    union score_value stored = {.f = score.f};

    if (score.type == VALUE_NONE || !is_shown_otherwise(call))
        return score;
    return (struct value){.type = VALUE_FLOAT, .f = call->strategy->show(call, stored, shown_ms).f};
}

struct value board_read_shown(const struct board_read *board_read, struct value score)
{
    return show(&board_read->score, score, board_read_shown_ms(board_read));
}

void board_read_print_score_as(const struct board_read *board_read, const char *const names[2],
                               struct value score, const struct rank_key *key,
                               struct json_out *json)
{
    int64_t shown_ms = board_read_shown_ms(board_read);

    json_out_key(json, names[0]);
    value_print(show(&board_read->score, score, shown_ms), json);
    if (board_read->subscore_count == 0)
        return;
    json_out_key(json, names[1]);
    if (score.type == VALUE_NONE) {
        json_out_null(json);
        return;
    }
    json_out_array(json);
    for (uint32_t i = 0; i < board_read->subscore_count; i++) {
        const struct score_call *call = &board_read->subscores[i];
        struct value value = {.type = VALUE_NONE};

        if (key->ties[i] != BOARD_SUBSCORE_NONE)
            value = show(
                call, score_key_value(key->ties[i], call->is_int, board_read->subscore_orders[i]),
                shown_ms);
        value_print(value, json);
    }
    json_out_array_end(json);
}

void board_read_print_score(const struct board_read *board_read, struct value score,
                            const struct rank_key *key, struct json_out *json)
{
    static const char *const names[] = {"score", "subscores"};

    board_read_print_score_as(board_read, names, score, key, json);
}
