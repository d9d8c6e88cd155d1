// SPDX-License-Identifier: Apache-2.0
/* board_def.c - reads and prints the definition of a board, and makes the stream behind one. */
#include "model/definition.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "model/definition_private.h"

#define CALL_EXAMPLE "sum(points) or last(rating)"
#define DIRECT_IDLE_MS 10000

struct board_reader {
    struct board_def def;
    bool has_type;
};

static const char *const order_texts[] = {[BOARD_DESC] = "desc", [BOARD_ASC] = "asc"};

static const char *const ties_texts[] = {
    [BOARD_TIES_FIRST] = "first", [BOARD_TIES_LAST] = "last", [BOARD_TIES_MEMBER] = "member"};

/* FIELD_INT and FIELD_FLOAT are the first two of enum field_type. */
static const char *const score_type_texts[] = {[FIELD_INT] = "int", [FIELD_FLOAT] = "float"};

/* Fields of the stream behind a board without one; `by` may not be called like them. */
static const struct field direct_fields[] = {
    [BOARD_STREAM_MEMBER] = {"member", FIELD_STRING},
    [BOARD_STREAM_SCORE] = {"score", FIELD_FLOAT},
    [BOARD_STREAM_MODE] = {"mode", FIELD_INT},
};

static int read_stream(void *state, const struct definition_path *path, const struct json_t *value,
                       struct err *err)
{
    return definition_read_name(((struct board_reader *)state)->def.stream, "a stream", path, value,
                                err);
}

static int read_member(void *state, const struct definition_path *path, const struct json_t *value,
                       struct err *err)
{
    return definition_read_name(((struct board_reader *)state)->def.member, "a field", path, value,
                                err);
}

static int read_score(void *state, const struct definition_path *path, const struct json_t *value,
                      struct err *err)
{
    return definition_read_call(&((struct board_reader *)state)->def.score, CALL_EXAMPLE, path,
                                value, err);
}

static int read_type(void *state, const struct definition_path *path, const struct json_t *value,
                     struct err *err)
{
    struct board_reader *reader = state;
    uint32_t type;
    int rc;

    rc = definition_read_word(&type, "type", score_type_texts, 2, path, value, err);
    if (rc < 0)
        return rc;
    reader->has_type = true;
    reader->def.score_type = (enum field_type)type;
    return 0;
}

static int read_order(void *state, const struct definition_path *path, const struct json_t *value,
                      struct err *err)
{
    uint32_t order;
    int rc = definition_read_word(&order, "order", order_texts, 2, path, value, err);

    if (rc == 0)
        ((struct board_reader *)state)->def.order = (enum board_order)order;
    return rc;
}

static int read_ties(void *state, const struct definition_path *path, const struct json_t *value,
                     struct err *err)
{
    uint32_t ties;
    int rc = definition_read_word(&ties, "rule for ties", ties_texts, 3, path, value, err);

    if (rc == 0)
        ((struct board_reader *)state)->def.ties = (enum board_ties)ties;
    return rc;
}

static int read_by(void *state, const struct definition_path *path, const struct json_t *value,
                   struct err *err)
{
    struct board_def *def = &((struct board_reader *)state)->def;

    return definition_read_by(def->by, &def->by_count, path, value, err);
}

static const struct definition_key board_keys[] = {
    {"stream", read_stream}, {"member", read_member}, {"score", read_score}, {"order", read_order},
    {"ties", read_ties},     {"by", read_by},         {"type", read_type},
};

static int check_on_stream(const struct board_reader *reader, const struct definition_path *path,
                           struct err *err)
{
    const struct board_def *def = &reader->def;

    if (def->member[0] == '\0')
        return err_set(err, ERR_INVALID, "%s.member: missing, name the field that says who scores",
                       path->text);
    if (def->score.name[0] == '\0')
        return err_set(err, ERR_INVALID, "%s.score: missing, write a call such as " CALL_EXAMPLE,
                       path->text);
    if (reader->has_type)
        return err_set(err, ERR_INVALID,
                       "%s.type: the score of a board on a stream has the type that its fields "
                       "give it, leave this out",
                       path->text);
    for (uint32_t i = 0; i < def->by_count; i++)
        if (strcmp(def->by[i], def->member) == 0)
            return err_set(err, ERR_INVALID,
                           "%s.by[%u]: \"%s\" is the member: each segment would rank one alone",
                           path->text, i, def->by[i]);
    return 0;
}

static int check_direct(const struct board_def *def, const struct definition_path *path,
                        struct err *err)
{
    const char *extra = def->member[0] != '\0' ? "member" : "score";

    if (def->member[0] != '\0' || def->score.name[0] != '\0')
        return err_set(err, ERR_INVALID,
                       "%s.%s: only for a board on a stream: name its stream, or leave this out "
                       "to send scores directly",
                       path->text, extra);
    for (uint32_t i = 0; i < def->by_count; i++)
        for (uint32_t j = 0; j < BOARD_STREAM_BY; j++)
            if (strcmp(def->by[i], direct_fields[j].name) == 0)
                return err_set(err, ERR_INVALID,
                               "%s.by[%u]: \"%s\" has a meaning of its own in a score that is sent "
                               "directly, choose another name",
                               path->text, i, def->by[i]);
    return 0;
}

int board_def_parse(struct board_def *out_def, const char *name, const struct json_t *tree,
                    struct err *err)
{
    struct board_reader reader = {.def = {.score_type = FIELD_FLOAT}};
    struct definition_path path;
    int rc;

    rc = definition_start(DEFINITION_BOARD, name, reader.def.name, &path, err);
    if (rc == 0)
        rc = definition_read_keys(&reader, board_keys, sizeof(board_keys) / sizeof(board_keys[0]),
                                  &path, tree, err);
    if (rc == 0 && reader.def.stream[0] != '\0')
        rc = check_on_stream(&reader, &path, err);
    else if (rc == 0)
        rc = check_direct(&reader.def, &path, err);
    if (rc == 0)
        *out_def = reader.def;
    return rc;
}

void board_def_print(const struct board_def *def, struct bytes *out)
{
    struct json_out json;

    json_out_init(&json, out);
    json_out_object(&json);
    if (def->stream[0] != '\0') {
        json_out_key(&json, "stream");
        json_out_text(&json, def->stream);
        json_out_key(&json, "member");
        json_out_text(&json, def->member);
        definition_print_call(&def->score, "score", &json);
    } else {
        assert(def->score_type <= FIELD_FLOAT);
        json_out_key(&json, "type");
        json_out_text(&json, score_type_texts[def->score_type]);
    }
    json_out_key(&json, "order");
    json_out_text(&json, order_texts[def->order]);
    json_out_key(&json, "ties");
    json_out_text(&json, ties_texts[def->ties]);
    definition_print_by(def->by, def->by_count, &json);
    json_out_object_end(&json);
}

void board_def_stream(const struct board_def *board, struct stream_def *out_stream)
{
    struct stream_def *stream = out_stream;

    assert(board->stream[0] == '\0' && board->score_type <= FIELD_FLOAT);
    *stream = (struct stream_def){
        .version = board->version,
        .field_count = BOARD_STREAM_BY + board->by_count,
        .key_field = BOARD_STREAM_MEMBER,
        .time_field = -1,
        .id_field = -1,
        .idle_ms = DIRECT_IDLE_MS,
    };
    snprintf(stream->name, sizeof(stream->name), "board:%.*s", NAME_BYTES_MAX - 7, board->name);
    memcpy(stream->fields, direct_fields, sizeof(direct_fields));
    stream->fields[BOARD_STREAM_SCORE].type = board->score_type;
    for (uint32_t i = 0; i < board->by_count; i++) {
        struct field *field = &stream->fields[BOARD_STREAM_BY + i];

        memcpy(field->name, board->by[i], sizeof(field->name));
        field->type = FIELD_STRING;
    }
}
