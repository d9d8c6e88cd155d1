// SPDX-License-Identifier: Apache-2.0
/* metric_def.c - reads and prints the definition of a metric. */
#include "model/definition.h"

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "model/definition_private.h"

#define CALL_EXAMPLE "count() or sum(points)"

static int read_stream(void *state, const struct definition_path *path, const struct json_t *value,
                       struct err *err)
{
    return definition_read_name(((struct metric_def *)state)->stream, "a stream", path, value, err);
}

static int read_value(void *state, const struct definition_path *path, const struct json_t *value,
                      struct err *err)
{
    return definition_read_call(&((struct metric_def *)state)->value, CALL_EXAMPLE, path, value,
                                err);
}

static int read_by(void *state, const struct definition_path *path, const struct json_t *value,
                   struct err *err)
{
    struct metric_def *def = state;

    return definition_read_by(def->by, &def->by_count, path, value, err);
}

static int read_every(void *state, const struct definition_path *path, const struct json_t *value,
                      struct err *err)
{
    return definition_read_duration(&((struct metric_def *)state)->every_ms,
                                    DEFINITION_EVERY_MS_MIN, DEFINITION_EVERY_MS_MAX, path, value,
                                    err);
}

static int read_keep(void *state, const struct definition_path *path, const struct json_t *value,
                     struct err *err)
{
    return definition_read_duration(&((struct metric_def *)state)->keep_ms, 0, DEFINITION_MS_MAX,
                                    path, value, err);
}

static const struct definition_key metric_keys[] = {
    {"stream", read_stream}, {"value", read_value}, {"by", read_by},
    {"every", read_every},   {"keep", read_keep},
};

static int check_metric(const struct metric_def *def, const struct definition_path *path,
                        struct err *err)
{
    struct bytes every = {0};

    if (def->stream[0] == '\0')
        return err_set(err, ERR_INVALID, "%s.stream: missing, name the stream that is measured",
                       path->text);
    if (def->value.name[0] == '\0')
        return err_set(err, ERR_INVALID, "%s.value: missing, write a call such as " CALL_EXAMPLE,
                       path->text);
    if (def->every_ms == 0)
        return err_set(err, ERR_INVALID, "%s.every: missing, write the width of a pane such as 1s",
                       path->text);
    if (def->keep_ms == 0 || def->keep_ms >= def->every_ms)
        return 0;
    duration_print(def->every_ms, &every);
    err_set(err, ERR_INVALID, "%s.keep: shorter than one pane, which is %s wide", path->text,
            bytes_text(&every));
    bytes_done(&every);
    return ERR_INVALID;
}

int metric_def_parse(struct metric_def *out_def, const char *name, const struct json_t *tree,
                     struct err *err)
{
    struct metric_def def = {.version = 0};
    struct definition_path path;
    int rc;

    rc = definition_start(DEFINITION_METRIC, name, def.name, &path, err);
    if (rc == 0)
        rc = definition_read_keys(&def, metric_keys, sizeof(metric_keys) / sizeof(metric_keys[0]),
                                  &path, tree, err);
    if (rc == 0)
        rc = check_metric(&def, &path, err);
    if (rc == 0)
        *out_def = def;
    return rc;
}

void metric_def_print(const struct metric_def *def, struct bytes *out)
{
    struct json_out json;

    json_out_init(&json, out);
    json_out_object(&json);
    json_out_key(&json, "stream");
    json_out_text(&json, def->stream);
    definition_print_call(&def->value, "value", &json);
    definition_print_by(def->by, def->by_count, &json);
    definition_print_duration("every", def->every_ms, &json);
    definition_print_duration("keep", def->keep_ms, &json);
    json_out_object_end(&json);
}
