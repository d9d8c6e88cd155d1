// SPDX-License-Identifier: Apache-2.0
/* stream_def.c - reads and prints the definition of a stream. */
#include "model/definition.h"

#include <jansson.h>
#include <string.h>

#include "base/conf_text.h"
#include "base/err.h"
#include "base/json.h"
#include "model/definition_private.h"

#define FIELD_TYPE_COUNT (FIELD_TIME + 1)

#define DEDUPE_MS_DEFAULT 600000
#define LATENESS_MS_DEFAULT 30000
#define AHEAD_MS_DEFAULT 60000
#define IDLE_MS_DEFAULT 10000

/* key, time and id name fields, which may stand behind them in the object: kept until the end. */
struct stream_reader {
    struct stream_def def;
    char key[NAME_BYTES_MAX];
    char time[NAME_BYTES_MAX];
    char id[NAME_BYTES_MAX];
    bool has_dedupe;
};

static int read_field(struct stream_def *def, const struct definition_path *path, const char *name,
                      const json_t *value, struct err *err)
{
    const char *types[FIELD_TYPE_COUNT];
    struct field *field = &def->fields[def->field_count];
    struct definition_path at;
    uint32_t type;
    int rc;

    if (def->field_count == STREAM_FIELDS_MAX)
        return err_set(err, ERR_INVALID, "%s: more than %d fields", path->text, STREAM_FIELDS_MAX);
    rc = definition_check_name(name, path, err);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < FIELD_TYPE_COUNT; i++)
        types[i] = field_type_text((enum field_type)i);
    at = definition_path_key(path, name);
    rc = definition_read_word(&type, "type", types, FIELD_TYPE_COUNT, &at, value, err);
    if (rc < 0)
        return rc;
    memcpy(field->name, name, strlen(name));
    field->type = (enum field_type)type;
    def->field_count++;
    return 0;
}

static int read_fields(void *state, const struct definition_path *path, const json_t *value,
                       struct err *err)
{
    struct stream_reader *reader = state;
    const char *name;
    json_t *type;

    if (!json_is_object(value))
        return err_set(err, ERR_INVALID,
                       "%s: expected fields with their types such as {player: string, points: "
                       "int}, got %s",
                       path->text, conf_quote_value(value).text);
    json_object_foreach((json_t *)value, name, type)
    {
        int rc = read_field(&reader->def, path, name, type, err);

        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_key(void *state, const struct definition_path *path, const json_t *value,
                    struct err *err)
{
    return definition_read_name(((struct stream_reader *)state)->key, "a field", path, value, err);
}

static int read_time(void *state, const struct definition_path *path, const json_t *value,
                     struct err *err)
{
    return definition_read_name(((struct stream_reader *)state)->time, "a field", path, value, err);
}

static int read_id(void *state, const struct definition_path *path, const json_t *value,
                   struct err *err)
{
    return definition_read_name(((struct stream_reader *)state)->id, "a field", path, value, err);
}

static int read_dedupe(void *state, const struct definition_path *path, const json_t *value,
                       struct err *err)
{
    struct stream_reader *reader = state;

    reader->has_dedupe = true;
    return definition_read_duration(&reader->def.dedupe_ms, 1000, DEFINITION_MS_MAX, path, value,
                                    err);
}

static int read_lateness(void *state, const struct definition_path *path, const json_t *value,
                         struct err *err)
{
    return definition_read_duration(&((struct stream_reader *)state)->def.lateness_ms, 0,
                                    DEFINITION_MS_MAX, path, value, err);
}

static int read_ahead(void *state, const struct definition_path *path, const json_t *value,
                      struct err *err)
{
    return definition_read_duration(&((struct stream_reader *)state)->def.ahead_ms, 0,
                                    DEFINITION_MS_MAX, path, value, err);
}

static int read_idle(void *state, const struct definition_path *path, const json_t *value,
                     struct err *err)
{
    return definition_read_duration(&((struct stream_reader *)state)->def.idle_ms, 100,
                                    DEFINITION_MS_MAX, path, value, err);
}

static const struct definition_key stream_keys[] = {
    {"fields", read_fields}, {"key", read_key},       {"time", read_time},
    {"id", read_id},         {"dedupe", read_dedupe}, {"lateness", read_lateness},
    {"ahead", read_ahead},   {"idle", read_idle},
};

int32_t stream_def_field(const struct stream_def *def, struct span name)
{
    for (uint32_t i = 0; i < def->field_count; i++)
        if (span_equal(name, span_of(def->fields[i].name)))
            return (int32_t)i;
    return -1;
}

/* The field that key, time or id names. -1 is for none. */
static int resolve_field(const struct stream_def *def, const struct definition_path *path,
                         const char *role, const char *name, int32_t *out_index, struct err *err)
{
    const char *names[STREAM_FIELDS_MAX];
    char list[256];
    int32_t index;

    if (*name == '\0') {
        *out_index = -1;
        return 0;
    }
    index = stream_def_field(def, span_of(name));
    if (index < 0) {
        for (uint32_t i = 0; i < def->field_count; i++)
            names[i] = def->fields[i].name;
        conf_join(list, sizeof(list), names, def->field_count);
        return err_set(err, ERR_INVALID, "%s.%s: no field \"%s\", the fields are %s", path->text,
                       role, name, list);
    }
    *out_index = index;
    return 0;
}

/* Keys and ids are hashed as they stand: text and whole numbers have one form, floats do not. */
static int check_hashable(const struct stream_def *def, const struct definition_path *path,
                          const char *role, int32_t index, struct err *err)
{
    enum field_type type;

    if (index < 0)
        return 0;
    type = def->fields[index].type;
    if (type == FIELD_STRING || type == FIELD_INT)
        return 0;
    return err_set(err, ERR_INVALID, "%s.%s: field \"%s\" is of type %s, a%s %s is string or int",
                   path->text, role, def->fields[index].name, field_type_text(type),
                   role[0] == 'i' ? "n" : "", role);
}

static int check_stream(struct stream_reader *reader, const struct definition_path *path,
                        struct err *err)
{
    struct stream_def *def = &reader->def;
    int rc;

    if (def->field_count == 0)
        return err_set(err, ERR_INVALID,
                       "%s.fields: missing, write at least one such as fields: {player: string}",
                       path->text);
    rc = resolve_field(def, path, "key", reader->key, &def->key_field, err);
    if (rc == 0)
        rc = check_hashable(def, path, "key", def->key_field, err);
    if (rc == 0)
        rc = resolve_field(def, path, "id", reader->id, &def->id_field, err);
    if (rc == 0)
        rc = check_hashable(def, path, "id", def->id_field, err);
    if (rc == 0)
        rc = resolve_field(def, path, "time", reader->time, &def->time_field, err);
    if (rc < 0)
        return rc;
    if (def->time_field >= 0 && def->fields[def->time_field].type != FIELD_TIME)
        return err_set(err, ERR_INVALID, "%s.time: field \"%s\" is of type %s, it must be time",
                       path->text, def->fields[def->time_field].name,
                       field_type_text(def->fields[def->time_field].type));
    if (reader->has_dedupe && def->id_field < 0)
        return err_set(err, ERR_INVALID,
                       "%s.dedupe: there is nothing to tell duplicates by, say which field is the "
                       "id",
                       path->text);
    return 0;
}

int stream_def_parse(struct stream_def *out_def, const char *name, const struct json_t *tree,
                     struct err *err)
{
    struct stream_reader reader = {
        .def = {.dedupe_ms = DEDUPE_MS_DEFAULT,
                .lateness_ms = LATENESS_MS_DEFAULT,
                .ahead_ms = AHEAD_MS_DEFAULT,
                .idle_ms = IDLE_MS_DEFAULT},
    };
    struct definition_path path;
    int rc;

    rc = definition_start(DEFINITION_STREAM, name, reader.def.name, &path, err);
    if (rc == 0)
        rc = definition_read_keys(&reader, stream_keys,
                                  sizeof(stream_keys) / sizeof(stream_keys[0]), &path, tree, err);
    if (rc == 0)
        rc = check_stream(&reader, &path, err);
    if (rc == 0)
        *out_def = reader.def;
    return rc;
}

static void print_role(const struct stream_def *def, const char *role, int32_t index,
                       struct json_out *out)
{
    if (index < 0)
        return;
    json_out_key(out, role);
    json_out_text(out, def->fields[index].name);
}

void stream_def_print(const struct stream_def *def, struct bytes *out)
{
    struct json_out json;

    json_out_init(&json, out);
    json_out_object(&json);
    json_out_key(&json, "fields");
    json_out_object(&json);
    for (uint32_t i = 0; i < def->field_count; i++) {
        json_out_key(&json, def->fields[i].name);
        json_out_text(&json, field_type_text(def->fields[i].type));
    }
    json_out_object_end(&json);
    print_role(def, "key", def->key_field, &json);
    print_role(def, "time", def->time_field, &json);
    print_role(def, "id", def->id_field, &json);
    /* Without an id there is nothing that dedupe would mean, and the reader refuses it. */
    if (def->id_field >= 0)
        definition_print_duration("dedupe", def->dedupe_ms, &json);
    definition_print_duration("lateness", def->lateness_ms, &json);
    definition_print_duration("ahead", def->ahead_ms, &json);
    definition_print_duration("idle", def->idle_ms, &json);
    json_out_object_end(&json);
}
