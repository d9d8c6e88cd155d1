// SPDX-License-Identifier: Apache-2.0
/* catalog_check.c - does a definition fit the streams that there are? See catalog_private.h. */
#include "engine/catalog_private.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "score/score.h"

static const struct catalog_stream *require_stream(const struct catalog *catalog, const char *kind,
                                                   const char *name, const char *stream_name,
                                                   struct err *err)
{
    const struct catalog_stream *stream = catalog_find_stream(catalog, span_of(stream_name));

    if (stream == NULL || stream->of_board) {
        err_set(err, ERR_INVALID, "%s.%s.stream: stream \"%s\" is not defined; define it first",
                kind, name, stream_name);
        return NULL;
    }
    return stream;
}

static int bind_by(const struct stream_def *stream, const char *kind, const char *name,
                   const char by[][NAME_BYTES_MAX], uint32_t by_count, uint32_t *out_by,
                   struct err *err)
{
    for (uint32_t i = 0; i < by_count; i++) {
        int32_t field = stream_def_field(stream, span_of(by[i]));

        if (field < 0)
            return err_set(err, ERR_INVALID, "%s.%s.by[%u]: stream \"%s\" has no field \"%s\"",
                           kind, name, i, stream->name, by[i]);
        out_by[i] = (uint32_t)field;
    }
    return 0;
}

int catalog_bind_metric(const struct catalog *catalog, const struct metric_def *def,
                        struct catalog_metric *out_metric, struct err *err)
{
    const struct catalog_stream *stream =
        require_stream(catalog, "metrics", def->name, def->stream, err);
    struct catalog_metric metric = {.def = *def};
    int rc;

    if (stream == NULL)
        return ERR_INVALID;
    metric.stream_id = stream->id;
    rc = strategy_resolve(&metric.strategy, &def->value, &stream->def, err);
    if (rc < 0) {
        err_prefix(err, "metrics.%s.value", def->name);
        return rc;
    }
    rc = bind_by(&stream->def, "metrics", def->name, def->by, def->by_count, metric.by, err);
    if (rc < 0)
        return rc;
    metric.plain = def->by_count == 1 && stream->def.fields[metric.by[0]].type == FIELD_STRING;
    *out_metric = metric;
    return 0;
}

static void bind_direct_board(struct catalog_board *board)
{
    board->member_column = BOARD_STREAM_MEMBER;
    board->score_column = BOARD_STREAM_SCORE;
    board->mode_column = BOARD_STREAM_MODE;
    board->score_is_int = board->def.score_type == FIELD_INT;
    for (uint32_t i = 0; i < board->def.by_count; i++)
        board->by[i] = BOARD_STREAM_BY + i;
}

static int bind_score(struct catalog_board *board, const struct stream_def *stream, struct err *err)
{
    const struct call *call = &board->def.score;
    const struct score_strategy *strategy = score_find(span_of(call->name));
    const char *name = board->def.name;
    enum field_type type;
    int32_t field;

    if (strategy == NULL)
        return err_set(err, ERR_INVALID,
                       "boards.%s.score: unknown strategy \"%s\", expected one of %s", name,
                       call->name, score_names());
    if (call->arg_count != strategy->arg_count)
        return err_set(err, ERR_INVALID, "boards.%s.score: %s takes %u field%s, got %u", name,
                       call->name, strategy->arg_count, strategy->arg_count == 1 ? "" : "s",
                       call->arg_count);
    board->score_column = -1;
    board->score_is_int = true;
    if (strategy->arg_count == 0)
        return 0;
    field = stream_def_field(stream, span_of(call->args[0]));
    if (field < 0)
        return err_set(err, ERR_INVALID, "boards.%s.score: stream \"%s\" has no field \"%s\"", name,
                       stream->name, call->args[0]);
    type = stream->fields[field].type;
    if (type != FIELD_INT && type != FIELD_FLOAT)
        return err_set(err, ERR_INVALID,
                       "boards.%s.score: field \"%s\" is of type %s, expected int or float", name,
                       call->args[0], field_type_text(type));
    board->score_column = field;
    board->score_is_int = type == FIELD_INT || strategy->always_int;
    return 0;
}

int catalog_bind_board(const struct catalog *catalog, const struct board_def *def,
                       struct catalog_board *out_board, struct err *err)
{
    struct catalog_board board = {.def = *def, .mode_column = -1};
    const struct catalog_stream *stream;
    int rc;

    if (def->stream[0] == '\0') {
        bind_direct_board(&board);
        *out_board = board;
        return 0;
    }
    stream = require_stream(catalog, "boards", def->name, def->stream, err);
    if (stream == NULL)
        return ERR_INVALID;
    board.stream_id = stream->id;
    board.member_column = stream_def_field(&stream->def, span_of(def->member));
    if (board.member_column < 0)
        return err_set(err, ERR_INVALID, "boards.%s.member: stream \"%s\" has no field \"%s\"",
                       def->name, stream->def.name, def->member);
    if (board.member_column != stream->def.key_field)
        return err_set(err, ERR_INVALID,
                       "boards.%s.member: must be the key of stream \"%s\"%s%s, so that all events "
                       "of a member meet in one partition",
                       def->name, stream->def.name, stream->def.key_field >= 0 ? ", " : "",
                       stream->def.key_field >= 0 ? stream->def.fields[stream->def.key_field].name
                                                  : "");
    rc = bind_score(&board, &stream->def, err);
    if (rc == 0)
        rc = bind_by(&stream->def, "boards", def->name, def->by, def->by_count, board.by, err);
    if (rc < 0)
        return rc;
    *out_board = board;
    return 0;
}

static const char *field_name(const struct stream_def *def, int32_t field)
{
    return field >= 0 ? def->fields[field].name : "";
}

static int same_role(const struct stream_def *old, const struct stream_def *def, const char *role,
                     int32_t old_field, int32_t field, struct err *err)
{
    if (strcmp(field_name(old, old_field), field_name(def, field)) == 0)
        return 0;
    return err_set(err, ERR_CONFLICT,
                   "streams.%s.%s: cannot change from \"%s\" to \"%s\" once the stream is defined; "
                   "define a new stream instead",
                   def->name, role, field_name(old, old_field), field_name(def, field));
}

int catalog_extend_stream(const struct stream_def *old, struct stream_def *def, struct err *err)
{
    struct stream_def result = *def;
    int rc = same_role(old, def, "key", old->key_field, def->key_field, err);

    if (rc == 0)
        rc = same_role(old, def, "time", old->time_field, def->time_field, err);
    if (rc == 0)
        rc = same_role(old, def, "id", old->id_field, def->id_field, err);
    if (rc < 0)
        return rc;
    memcpy(result.fields, old->fields, sizeof(result.fields));
    result.field_count = old->field_count;
    for (uint32_t i = 0; i < old->field_count; i++) {
        int32_t field = stream_def_field(def, span_of(old->fields[i].name));

        if (field < 0 || def->fields[field].type != old->fields[i].type)
            return err_set(err, ERR_CONFLICT,
                           "streams.%s.fields.%s: was %s and cannot change or go once the stream "
                           "is defined; fields may only be added",
                           def->name, old->fields[i].name, field_type_text(old->fields[i].type));
    }
    for (uint32_t i = 0; i < def->field_count; i++)
        if (stream_def_field(old, span_of(def->fields[i].name)) < 0)
            result.fields[result.field_count++] = def->fields[i];
    assert(result.field_count == def->field_count);
    result.key_field = old->key_field;
    result.time_field = old->time_field;
    result.id_field = old->id_field;
    *def = result;
    return 0;
}
