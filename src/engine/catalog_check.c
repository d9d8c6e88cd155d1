// SPDX-License-Identifier: Apache-2.0
/* catalog_check.c - does a definition fit the streams that there are? See catalog_private.h. */
#include "engine/catalog_private.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "period/period_zone.h"
#include "score/score.h"
#include "score/score_script.h"

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
    board->mode_column = BOARD_STREAM_MODE;
    board->score_is_int = board->def.score_type == FIELD_INT;
    board->score = score_call_direct(NULL, board->score_is_int); /* a strategy by row */
    for (uint32_t i = 0; i < board->def.by_count; i++)
        board->by[i] = BOARD_STREAM_BY + i;
}

/* Compiles a call's script, to see whether it does and what it can do. */
static int check_script(const struct score_call *score, const struct call *call,
                        const struct catalog_files *files, bool merges, struct err *err)
{
    const char *name = score_call_file(call);
    struct score_call with_script = *score;
    const struct catalog_file *file;
    int rc = 0;

    if (name != NULL) {
        file = catalog_files_find(files, CATALOG_SCRIPT, name);
        if (file == NULL)
            return err_set(err, ERR_CORRUPT, "the script \"%s\" is missing", name);
        rc = score_script_new(&with_script.script, bytes_span(&file->bytes), name, err);
        if (rc < 0)
            return rc;
    }
    if (merges && !score_can_merge(&with_script))
        rc = err_set(err, ERR_INVALID, "%s has no function \"merge\", which a rolling period needs",
                     name);
    score_script_free(with_script.script);
    return rc;
}

static int bind_score(struct score_call *out_score, const struct call *call,
                      const struct stream_def *stream, const struct board_def *def,
                      const struct catalog_files *files, struct err *err)
{
    struct score_call score;
    int rc = score_resolve(&score, call, stream, err);

    if (rc == 0)
        rc = check_script(&score, call, files, def->period.kind == PERIOD_ROLLING, err);
    if (rc == 0)
        *out_score = score;
    return rc;
}

static int bind_scores(struct catalog_board *board, const struct stream_def *stream,
                       const struct catalog_files *files, struct err *err)
{
    const struct board_def *def = &board->def;
    int rc = bind_score(&board->score, &def->score, stream, def, files, err);

    if (rc < 0) {
        err_prefix(err, "boards.%s.score", def->name);
        return rc;
    }
    board->score_is_int = board->score.is_int;
    for (uint32_t i = 0; i < def->subscore_count; i++) {
        rc = bind_score(&board->subscores[i], &def->subscores[i].score, stream, def, files, err);
        if (rc < 0) {
            err_prefix(err, "boards.%s.subscores[%u].score", def->name, i);
            return rc;
        }
    }
    return 0;
}

/* Last: what it makes is not lost to a later failure. */
static int bind_zone(struct catalog_board *board, const struct catalog_files *files,
                     struct err *err)
{
    const char *name = board->def.period.time_zone;
    const struct catalog_file *file;
    int rc;

    if (name[0] == '\0')
        return 0;
    file = catalog_files_find(files, CATALOG_ZONE, name);
    if (file == NULL)
        return err_set(err, ERR_CORRUPT, "boards.%s.time_zone: \"%s\" is missing", board->def.name,
                       name);
    rc = period_zone_load(&board->zone, bytes_span(&file->bytes), err);
    if (rc < 0)
        err_prefix(err, "boards.%s.time_zone: \"%s\"", board->def.name, name);
    return rc;
}

int catalog_bind_board(const struct catalog *catalog, const struct board_def *def,
                       const struct catalog_files *files, struct catalog_board *out_board,
                       struct err *err)
{
    struct catalog_board board = {.def = *def, .mode_column = -1};
    const struct catalog_stream *stream;
    int rc;

    if (def->stream[0] == '\0') {
        bind_direct_board(&board);
        rc = bind_zone(&board, files, err);
        if (rc == 0)
            *out_board = board;
        return rc;
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
    rc = bind_scores(&board, &stream->def, files, err);
    if (rc == 0)
        rc = bind_by(&stream->def, "boards", def->name, def->by, def->by_count, board.by, err);
    if (rc == 0)
        rc = bind_zone(&board, files, err);
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
