// SPDX-License-Identifier: Apache-2.0
/* board_def.c - reads and prints the definition of a board, and makes the stream behind one. */
#include "model/definition.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/conf_text.h"
#include "base/err.h"
#include "base/json.h"
#include "model/definition_private.h"

#define CALL_EXAMPLE "sum(points) or last(rating)"
#define SUBSCORE_EXAMPLE "max(points)"
#define DIRECT_IDLE_MS 10000
#define EXPIRE_MS_MIN 1000
#define MILESTONE_MAX 9007199254740992.0
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct board_reader {
    struct board_def def;
    bool has_type;
    bool has_keep;
};

static const char *const order_texts[] = {[BOARD_DESC] = "desc", [BOARD_ASC] = "asc"};

static const char *const ties_texts[] = {[BOARD_TIES_FIRST] = "first",
                                         [BOARD_TIES_LAST] = "last",
                                         [BOARD_TIES_MEMBER] = "member",
                                         [BOARD_TIES_SHARED] = "shared"};

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
    int rc = definition_read_word(&ties, "rule for ties", ties_texts, 4, path, value, err);

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

static int read_subscore_score(void *state, const struct definition_path *path,
                               const struct json_t *value, struct err *err)
{
    return definition_read_call(&((struct board_subscore *)state)->score, SUBSCORE_EXAMPLE, path,
                                value, err);
}

static int read_subscore_order(void *state, const struct definition_path *path,
                               const struct json_t *value, struct err *err)
{
    uint32_t order;
    int rc = definition_read_word(&order, "order", order_texts, 2, path, value, err);

    if (rc == 0)
        ((struct board_subscore *)state)->order = (enum board_order)order;
    return rc;
}

static const struct definition_key subscore_keys[] = {
    {"score", read_subscore_score},
    {"order", read_subscore_order},
};

static int read_subscores(void *state, const struct definition_path *path,
                          const struct json_t *value, struct err *err)
{
    struct board_def *def = &((struct board_reader *)state)->def;
    size_t count = json_array_size(value);

    if (!json_is_array(value))
        return err_set(err, ERR_INVALID,
                       "%s: expected a list such as [{score: " SUBSCORE_EXAMPLE ", order: desc}], "
                       "got %s",
                       path->text, conf_quote_value(value).text);
    if (count > SUBSCORES_MAX)
        return err_set(err, ERR_INVALID, "%s: %zu subscores, at most %d", path->text, count,
                       SUBSCORES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct definition_path at = definition_path_index(path, i);
        int rc = definition_read_keys(&def->subscores[i], subscore_keys, COUNT_OF(subscore_keys),
                                      &at, json_array_get(value, i), err);

        if (rc < 0)
            return rc;
        if (def->subscores[i].score.name[0] == '\0')
            return err_set(err, ERR_INVALID,
                           "%s.score: missing, write a call such as " SUBSCORE_EXAMPLE, at.text);
    }
    def->subscore_count = (uint32_t)count;
    return 0;
}

static int read_period(void *state, const struct definition_path *path, const struct json_t *value,
                       struct err *err)
{
    return period_def_read(&((struct board_reader *)state)->def.period, path, value, err);
}

static int read_time_zone(void *state, const struct definition_path *path,
                          const struct json_t *value, struct err *err)
{
    return period_def_read_zone(&((struct board_reader *)state)->def.period, path, value, err);
}

static int read_keep(void *state, const struct definition_path *path, const struct json_t *value,
                     struct err *err)
{
    struct board_reader *reader = state;

    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > SEASONS_KEEP_MAX)
        return err_set(err, ERR_INVALID,
                       "%s: expected how many closed seasons to keep, 0 to %d, got %s", path->text,
                       SEASONS_KEEP_MAX, conf_quote_value(value).text);
    reader->def.keep = (uint32_t)json_integer_value(value);
    reader->has_keep = true;
    return 0;
}

static int read_expire(void *state, const struct definition_path *path, const struct json_t *value,
                       struct err *err)
{
    return definition_read_duration(&((struct board_reader *)state)->def.expire_ms, EXPIRE_MS_MIN,
                                    DEFINITION_MS_MAX, path, value, err);
}

static int read_milestones(void *state, const struct definition_path *path,
                           const struct json_t *value, struct err *err)
{
    struct board_def *def = &((struct board_reader *)state)->def;
    size_t count = json_array_size(value);

    if (!json_is_array(value))
        return err_set(err, ERR_INVALID,
                       "%s: expected a list of scores such as [1000, 5000], got %s", path->text,
                       conf_quote_value(value).text);
    if (count > MILESTONES_MAX)
        return err_set(err, ERR_INVALID, "%s: %zu scores, at most %d", path->text, count,
                       MILESTONES_MAX);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(value, i);
        double score = json_is_number(item) ? json_number_value(item) : NAN;

        if (!(fabs(score) <= MILESTONE_MAX))
            return err_set(err, ERR_INVALID, "%s[%zu]: expected a score up to 2^53, got %s",
                           path->text, i, conf_quote_value(item).text);
        def->milestones[i] = score == 0 ? 0.0 : score;
    }
    def->milestone_count = (uint32_t)count;
    return 0;
}

static const struct definition_key board_keys[] = {
    {"stream", read_stream},
    {"member", read_member},
    {"score", read_score},
    {"order", read_order},
    {"ties", read_ties},
    {"by", read_by},
    {"type", read_type},
    {"subscores", read_subscores},
    {"period", read_period},
    {"time_zone", read_time_zone},
    {"keep", read_keep},
    {"expire", read_expire},
    {"milestones", read_milestones},
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

/* What the keys about time and the milestones mean together with the others. */
static int check_time(struct board_reader *reader, const struct definition_path *path,
                      struct err *err)
{
    struct board_def *def = &reader->def;

    if (!period_has_seasons(&def->period) && (reader->has_keep || def->period.time_zone[0] != '\0'))
        return err_set(err, ERR_INVALID, "%s.%s: only with a period that has seasons", path->text,
                       reader->has_keep ? "keep" : "time_zone");
    if (period_has_seasons(&def->period) && !reader->has_keep)
        def->keep = SEASONS_KEEP_DEFAULT;
    for (uint32_t i = 1; i < def->milestone_count; i++) {
        double before = def->milestones[i - 1];
        double score = def->milestones[i];

        if (def->order == BOARD_DESC ? score <= before : score >= before)
            return err_set(err, ERR_INVALID,
                           "%s.milestones[%u]: not better than the one before: with order: %s, "
                           "each must be %s",
                           path->text, i, order_texts[def->order],
                           def->order == BOARD_DESC ? "greater" : "smaller");
    }
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
    if (def->subscore_count > 0)
        return err_set(err, ERR_INVALID,
                       "%s.subscores: only for a board on a stream, whose fields they are of",
                       path->text);
    if (def->period.kind == PERIOD_ROLLING)
        return err_set(err, ERR_INVALID,
                       "%s.period: rolling is only for a board on a stream: scores that are set "
                       "can not be added up",
                       path->text);
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
        rc = definition_read_keys(&reader, board_keys, COUNT_OF(board_keys), &path, tree, err);
    if (rc == 0 && reader.def.stream[0] != '\0')
        rc = check_on_stream(&reader, &path, err);
    else if (rc == 0)
        rc = check_direct(&reader.def, &path, err);
    if (rc == 0)
        rc = check_time(&reader, &path, err);
    if (rc == 0)
        *out_def = reader.def;
    return rc;
}

/* What boards did not always have: written only where it is not the default. */
static void print_more(const struct board_def *def, struct json_out *json)
{
    if (def->subscore_count > 0) {
        json_out_key(json, "subscores");
        json_out_array(json);
        for (uint32_t i = 0; i < def->subscore_count; i++) {
            json_out_object(json);
            definition_print_call(&def->subscores[i].score, "score", json);
            json_out_key(json, "order");
            json_out_text(json, order_texts[def->subscores[i].order]);
            json_out_object_end(json);
        }
        json_out_array_end(json);
    }
    period_def_print(&def->period, json);
    if (period_has_seasons(&def->period) && def->keep != SEASONS_KEEP_DEFAULT) {
        json_out_key(json, "keep");
        json_out_uint(json, def->keep);
    }
    if (def->expire_ms > 0)
        definition_print_duration("expire", def->expire_ms, json);
    if (def->milestone_count == 0)
        return;
    json_out_key(json, "milestones");
    json_out_array(json);
    for (uint32_t i = 0; i < def->milestone_count; i++)
        json_out_double(json, def->milestones[i]);
    json_out_array_end(json);
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
    print_more(def, &json);
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
