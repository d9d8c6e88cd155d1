// SPDX-License-Identifier: Apache-2.0
/* score.c - the registry of score strategies, and calls of them; see score.h. */
#include "score/score.h"

#include <assert.h>
#include <stddef.h>

#include "base/err.h"
#include "score/score_decay.h"
#include "score/score_script.h"

static const struct score_strategy *const strategies[] = {
    &score_last,
    &score_sum,
    &score_max,
    &score_min,
    &score_count,
    &score_average,
    &score_weighted_average,
    &score_decayed_sum,
    &score_lua,
};

#define STRATEGY_COUNT (sizeof(strategies) / sizeof(strategies[0]))

const struct score_strategy *score_find(struct span name)
{
    for (size_t i = 0; i < STRATEGY_COUNT; i++)
        if (span_equal(name, span_of(strategies[i]->name)))
            return strategies[i];
    return NULL;
}

const char *score_names(void)
{
    return "last, sum, max, min, count, average, weighted_average, decayed_sum, lua";
}

const char *score_call_file(const struct call *call)
{
    const struct score_strategy *strategy = score_find(span_of(call->name));

    for (uint32_t i = 0; strategy != NULL && i < call->arg_count && i < strategy->arg_count; i++)
        if (strategy->args[i] == SCORE_ARG_FILE)
            return call->args[i];
    return NULL;
}

static int resolve_field(struct score_call *out, const char *text, bool as_double,
                         const struct stream_def *stream, struct err *err)
{
    int32_t field = stream_def_field(stream, span_of(text));
    enum field_type type;

    if (field < 0)
        return err_set(err, ERR_INVALID, "stream \"%s\" has no field \"%s\"", stream->name, text);
    type = stream->fields[field].type;
    if (type != FIELD_INT && type != FIELD_FLOAT)
        return err_set(err, ERR_INVALID, "field \"%s\" is of type %s, expected int or float", text,
                       field_type_text(type));
    assert(out->column_count < SCORE_COLUMNS_MAX);
    if (out->column_count == 0)
        out->value_is_int = type == FIELD_INT && !as_double;
    out->columns[out->column_count++] = (uint32_t)field;
    return 0;
}

static int resolve_arg(struct score_call *out, enum score_arg arg, const char *text,
                       const struct stream_def *stream, struct err *err)
{
    struct err inner = {0};
    int64_t ms;

    switch (arg) {
    case SCORE_ARG_FIELD:
    case SCORE_ARG_DOUBLE:
        return resolve_field(out, text, arg == SCORE_ARG_DOUBLE, stream, err);
    case SCORE_ARG_DURATION:
        if (duration_parse(span_of(text), &ms, &inner) < 0)
            return err_set(err, ERR_INVALID, "%s: %s", text, inner.text);
        return score_decay_init(&out->decay, ms, err);
    case SCORE_ARG_FILE:
        return 0;
    }
    return 0;
}

int score_resolve(struct score_call *out_call, const struct call *call,
                  const struct stream_def *stream, struct err *err)
{
    const struct score_strategy *strategy = score_find(span_of(call->name));
    struct score_call made = {.strategy = strategy, .value_is_int = true};

    if (strategy == NULL)
        return err_set(err, ERR_INVALID, "unknown strategy \"%s\", expected one of %s", call->name,
                       score_names());
    if (call->arg_count < strategy->arg_min || call->arg_count > strategy->arg_count)
        return err_set(err, ERR_INVALID, "%s has %u argument%s, write %s", call->name,
                       call->arg_count, call->arg_count == 1 ? "" : "s", strategy->usage);
    for (uint32_t i = 0; i < call->arg_count; i++) {
        int rc = resolve_arg(&made, (enum score_arg)strategy->args[i], call->args[i], stream, err);

        if (rc < 0)
            return rc;
    }
    made.is_int =
        strategy->can & SCORE_IS_INT || (made.value_is_int && !(strategy->can & SCORE_IS_DOUBLE));
    *out_call = made;
    return 0;
}

struct score_call score_call_direct(const struct score_strategy *strategy, bool is_int)
{
    return (struct score_call){
        .strategy = strategy,
        .is_int = is_int,
        .value_is_int = is_int,
        .column_count = 1,
        .columns = {BOARD_STREAM_SCORE},
    };
}

bool score_can_merge(const struct score_call *call)
{
    if (call->strategy->can & SCORE_NEEDS_FILE)
        return call->script != NULL && score_script_can_merge(call->script);
    return call->strategy->can & SCORE_CAN_MERGE;
}

void score_merge_unsupported(const struct score_call *call, struct score_state *into,
                             const struct score_state *from)
{
    (void)call;
    (void)into;
    (void)from;
    assert(!"states of this strategy can not be merged");
}

bool score_subtract_unsupported(const struct score_call *call, struct score_state *into,
                                const struct score_state *from)
{
    (void)call;
    (void)into;
    (void)from;
    return false;
}

union score_value score_show_same(const struct score_call *call, union score_value score,
                                  int64_t now_ms)
{
    (void)call;
    (void)now_ms;
    return score;
}
