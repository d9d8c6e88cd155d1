// SPDX-License-Identifier: Apache-2.0
/* conf.c - see conf.h. The values themselves are read in conf_value.c. */
#include "base/conf.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf_text.h"
#include "base/conf_units.h"
#include "base/conf_value.h"
#include "base/err.h"
#include "base/yaml.h"

#define LIMITS_KEY "limits"
#define LIMITS_PREFIX LIMITS_KEY "."
#define COMMENT_COLUMN 44 /* of what conf_print says about origins */

#define SETTING_ROW(kind, name, ...)                                                               \
    {#name, CONF_KIND_##kind, offsetof(struct conf, name), __VA_ARGS__},
#define LIMIT_ROW(kind, name, ...)                                                                 \
    {LIMITS_PREFIX #name, CONF_KIND_##kind, offsetof(struct conf, limits.name), __VA_ARGS__},

const struct conf_setting conf_settings[] = {CONF_SETTINGS(SETTING_ROW) CONF_LIMITS(LIMIT_ROW)};

/* What else may stand at the top of the file, in the order in which definitions are made. */
static const char *const sections[] = {"streams", "metrics", "boards"};
#define SECTION_COUNT (sizeof(sections) / sizeof(sections[0]))

void conf_init(struct conf *conf)
{
    *conf = (struct conf){0};
    for (size_t i = 0; i < CONF_SETTING_COUNT; i++) {
        struct err err = {0};
        int rc =
            conf_value_parse(conf, &conf_settings[i], span_of(conf_settings[i].default_text), &err);

        assert(rc == 0); /* the table itself is wrong */
        (void)rc;
    }
}

void conf_done(struct conf *conf)
{
    if (conf == NULL)
        return;
    for (size_t i = 0; i < CONF_SETTING_COUNT; i++)
        conf_value_done(conf, &conf_settings[i]);
    free(conf->definitions);
    free(conf->source);
    bytes_done(&conf->text);
    json_decref(conf->tree);
    *conf = (struct conf){0};
}

static const struct conf_setting *find_setting(struct span path)
{
    for (size_t i = 0; i < CONF_SETTING_COUNT; i++)
        if (span_equal(path, span_of(conf_settings[i].path)))
            return &conf_settings[i];
    return NULL;
}

static void set_origin(struct conf *conf, const struct conf_setting *setting,
                       enum conf_origin origin)
{
    conf->origins[setting - conf_settings] = origin;
}

static bool is_limit(const struct conf_setting *setting)
{
    return strncmp(setting->path, LIMITS_PREFIX, strlen(LIMITS_PREFIX)) == 0;
}

/* The last word of a path. */
static const char *path_leaf(const char *path)
{
    const char *dot = strrchr(path, '.');

    return dot != NULL ? dot + 1 : path;
}

/* The path that was meant by an unknown one: a near path, or one whose last word is near. */
static const char *suggest(const char *path)
{
    const char *candidates[CONF_SETTING_COUNT + SECTION_COUNT + 1];
    size_t count = 0;
    const char *nearest;

    for (size_t i = 0; i < CONF_SETTING_COUNT; i++)
        candidates[count++] = conf_settings[i].path;
    for (size_t i = 0; i < SECTION_COUNT; i++)
        candidates[count++] = sections[i];
    candidates[count++] = LIMITS_KEY;
    nearest = conf_nearest(span_of(path), candidates, count);
    if (nearest != NULL)
        return nearest;
    for (size_t i = 0; i < CONF_SETTING_COUNT; i++)
        candidates[i] = path_leaf(conf_settings[i].path);
    nearest = conf_nearest(span_of(path_leaf(path)), candidates, CONF_SETTING_COUNT);
    for (size_t i = 0; i < CONF_SETTING_COUNT && nearest != NULL; i++)
        if (candidates[i] == nearest)
            return conf_settings[i].path;
    return NULL;
}

static bool is_plain_key(const char *key)
{
    return *key != '\0' && strlen(key) < CONF_QUOTE_BYTES &&
           strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
               strlen(key);
}

static int fail_unknown(const char *prefix, const char *key, struct err *err)
{
    bool in_limits = strcmp(prefix, LIMITS_PREFIX) == 0;
    const char *known[CONF_SETTING_COUNT + SECTION_COUNT + 1];
    char list[320];
    char path[2 * CONF_QUOTE_BYTES];
    const char *meant;
    size_t count = 0;

    snprintf(path, sizeof(path), "%s%s", prefix,
             is_plain_key(key) ? key : conf_quote(span_of(key)).text);
    meant = suggest(path);
    if (meant != NULL)
        return err_set(err, ERR_INVALID, "%s: unknown setting, did you mean %s?", path, meant);
    for (size_t i = 0; i < CONF_SETTING_COUNT; i++)
        if (in_limits == is_limit(&conf_settings[i]))
            known[count++] = path_leaf(conf_settings[i].path);
    if (!in_limits) {
        known[count++] = LIMITS_KEY;
        for (size_t i = 0; i < SECTION_COUNT; i++)
            known[count++] = sections[i];
    }
    conf_join(list, sizeof(list), known, count);
    return err_set(err, ERR_INVALID, "%s: unknown setting, expected one of %s", path, list);
}

static int read_setting(struct conf *conf, const char *prefix, const char *key, const json_t *value,
                        struct err *err)
{
    const struct conf_setting *setting;
    char path[CONF_QUOTE_BYTES];
    int rc;

    /* A dot in the key itself leads nowhere: limits.tick is no other way to write a path. */
    snprintf(path, sizeof(path), "%s%s", prefix, key);
    setting = strchr(key, '.') == NULL ? find_setting(span_of(path)) : NULL;
    if (setting == NULL)
        return fail_unknown(prefix, key, err);
    rc = conf_value_read(conf, setting, value, err);
    if (rc == 0)
        set_origin(conf, setting, CONF_FROM_FILE);
    return rc;
}

static int read_limits(struct conf *conf, json_t *limits, struct err *err)
{
    const char *key;
    json_t *value;

    if (json_is_null(limits))
        return 0;
    if (!json_is_object(limits))
        return err_set(err, ERR_INVALID,
                       LIMITS_KEY ": expected settings such as body_bytes: "
                                  "64MiB, got %s",
                       conf_quote_value(limits).text);
    json_object_foreach(limits, key, value)
    {
        int rc = read_setting(conf, LIMITS_PREFIX, key, value, err);

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Lists the definitions of a section behind those that are listed already. */
static int read_section(struct conf *conf, const char *section, struct err *err)
{
    json_t *tree = json_object_get(conf->tree, section);
    const char *key;
    json_t *value;

    if (tree == NULL || json_is_null(tree))
        return 0;
    if (!json_is_object(tree))
        return err_set(err, ERR_INVALID, "%s: expected names, each with its definition, got %s",
                       section, conf_quote_value(tree).text);
    conf->definitions =
        bytes_realloc(conf->definitions, (conf->definition_count + json_object_size(tree)) *
                                             sizeof(conf->definitions[0]));
    json_object_foreach(tree, key, value)
    {
        conf->definitions[conf->definition_count++] =
            (struct conf_definition){.kind = section, .name = key, .tree = value};
    }
    return 0;
}

static bool is_section(const char *key)
{
    for (size_t i = 0; i < SECTION_COUNT; i++)
        if (strcmp(key, sections[i]) == 0)
            return true;
    return false;
}

static int read_tree(struct conf *conf, struct err *err)
{
    const char *key;
    json_t *value;
    int rc = 0;

    if (json_is_null(conf->tree))
        return 0;
    if (!json_is_object(conf->tree))
        return err_set(err, ERR_INVALID,
                       "%s: expected settings such as http: 127.0.0.1:7411, got "
                       "%s",
                       conf->source, conf_quote_value(conf->tree).text);
    json_object_foreach(conf->tree, key, value)
    {
        if (strcmp(key, LIMITS_KEY) == 0)
            rc = read_limits(conf, value, err);
        else if (!is_section(key))
            rc = read_setting(conf, "", key, value, err);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        rc = read_section(conf, sections[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int conf_read(struct conf *conf, const char *source, struct span text, struct err *err)
{
    int rc;

    assert(conf->tree == NULL); /* one file */
    rc = yaml_read(&conf->tree, source, text, err);
    if (rc < 0)
        return rc;
    conf->source = bytes_dup(span_of(source));
    bytes_put(&conf->text, text.data, text.size);
    rc = read_tree(conf, err);
    if (rc < 0)
        conf_locate(conf, err);
    return rc;
}

int conf_load(struct conf *conf, const char *path, struct err *err)
{
    struct bytes text = {0};
    FILE *file = fopen(path, "rb");
    int read_errno;
    int rc;

    if (file == NULL)
        return err_set_errno(err, errno, "%s: cannot be read", path);
    /* One byte more than is allowed, so that yaml_read sees what is too large. */
    while (text.size <= YAML_TEXT_BYTES_MAX) {
        size_t want = 65536;
        size_t got = fread(bytes_reserve(&text, want), 1, want, file);

        text.size += got;
        if (got < want)
            break;
    }
    read_errno = ferror(file) ? errno : 0;
    fclose(file);
    if (read_errno != 0)
        rc = err_set_errno(err, read_errno, "%s: cannot be read", path);
    else
        rc = conf_read(conf, path, bytes_span(&text), err);
    bytes_done(&text);
    return rc;
}

int conf_set(struct conf *conf, const char *assignment, struct err *err)
{
    const char *equals = strchr(assignment, '=');
    const struct conf_setting *setting;
    char name[CONF_QUOTE_BYTES];
    struct err inner = {0};
    int rc;

    if (equals == NULL || equals == assignment)
        return err_set(err, ERR_INVALID, "--set %s: expected name=value, such as tick=50ms",
                       conf_quote(span_of(assignment)).text);
    setting = find_setting((struct span){assignment, (size_t)(equals - assignment)});
    if (setting != NULL) {
        rc = conf_value_parse(conf, setting, span_of(equals + 1), &inner);
    } else {
        snprintf(name, sizeof(name), "%.*s", (int)(equals - assignment), assignment);
        rc = fail_unknown("", name, &inner);
    }
    if (rc < 0)
        return err_set(err, rc, "--set %s", inner.text);
    set_origin(conf, setting, CONF_FROM_SET);
    return 0;
}

/* Puts the place before an error about a setting, if it is the file that set it. */
static int fail_located(const struct conf *conf, const char *path, struct err *err)
{
    const struct conf_setting *setting = find_setting(span_of(path));

    assert(setting != NULL);
    if (conf->origins[setting - conf_settings] == CONF_FROM_FILE)
        conf_locate(conf, err);
    return ERR_INVALID;
}

/* One size that may not be above another one. */
struct size_order {
    const char *smaller;
    int64_t smaller_bytes;
    const char *larger;
    int64_t larger_bytes;
    const char *why;
};

static int check_order(const struct conf *conf, const struct size_order *order, struct err *err)
{
    struct bytes smaller = {0};
    struct bytes larger = {0};

    if (order->smaller_bytes <= order->larger_bytes)
        return 0;
    conf_size_print(order->smaller_bytes, &smaller);
    conf_size_print(order->larger_bytes, &larger);
    err_set(err, ERR_INVALID, "%s: %s is more than %s, which is %s: %s", order->smaller,
            bytes_text(&smaller), order->larger, bytes_text(&larger), order->why);
    bytes_done(&smaller);
    bytes_done(&larger);
    return fail_located(conf, order->smaller, err);
}

int conf_check(const struct conf *conf, struct err *err)
{
    const struct conf_limits *limits = &conf->limits;
    const struct size_order orders[] = {
        {"limits.string_bytes", limits->string_bytes, "limits.line_bytes", limits->line_bytes,
         "no such string could arrive"},
        {"limits.line_bytes", limits->line_bytes, "limits.body_bytes", limits->body_bytes,
         "no such event could arrive"},
        {"limits.body_bytes", limits->body_bytes, "limits.ingest_bytes", limits->ingest_bytes,
         "such a request could never be taken"},
        {"batch_bytes", conf->batch_bytes, "segment_bytes", conf->segment_bytes,
         "a batch lies in one segment"},
    };

    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        int rc = check_order(conf, &orders[i], err);

        if (rc < 0)
            return rc;
    }
    if (conf->definition_count <= limits->definitions)
        return 0;
    err_set(err, ERR_INVALID,
            "limits.definitions: %lld, but the file defines %u streams, metrics and boards",
            (long long)limits->definitions, conf->definition_count);
    return fail_located(conf, "limits.definitions", err);
}

void conf_locate(const struct conf *conf, struct err *err)
{
    uint32_t line;
    uint32_t column;
    struct err plain;

    if (err == NULL || conf->source == NULL ||
        !yaml_locate(bytes_span(&conf->text), err->text, &line, &column))
        return;
    plain = *err;
    err_set(err, plain.code, "%s:%u:%u: %s", conf->source, line, column, plain.text);
}

uint32_t conf_cores(void)
{
    cpu_set_t set;
    int count = 1;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        count = CPU_COUNT(&set);
    if (count < 1)
        count = 1;
    return count > CONF_CORES_MAX ? CONF_CORES_MAX : (uint32_t)count;
}

static const char *origin_text(const struct conf *conf, size_t index)
{
    switch (conf->origins[index]) {
    case CONF_FROM_DEFAULT:
        return "default";
    case CONF_FROM_FILE:
        return "file";
    case CONF_FROM_SET:
        return "--set";
    }
    assert(!"an unknown origin");
    return "";
}

void conf_print(const struct conf *conf, struct bytes *out)
{
    bool in_limits = false;

    for (size_t i = 0; i < CONF_SETTING_COUNT; i++) {
        const struct conf_setting *setting = &conf_settings[i];
        size_t start;

        if (is_limit(setting) && !in_limits) {
            bytes_put_text(out, "limits:\n");
            in_limits = true;
        }
        start = out->size;
        bytes_format(out, "%s%s: ", in_limits ? "  " : "", path_leaf(setting->path));
        conf_value_print(conf, setting, out);
        do {
            bytes_put_char(out, ' ');
        } while (out->size - start < COMMENT_COLUMN);
        bytes_format(out, "# %s\n", origin_text(conf, i));
    }
}

static void print_range(const struct conf_setting *setting, struct bytes *out)
{
    void (*print)(int64_t, struct bytes *) = NULL;

    if (setting->kind == CONF_KIND_DURATION)
        print = conf_duration_print;
    else if (setting->kind == CONF_KIND_SIZE)
        print = conf_size_print;
    else if (setting->kind == CONF_KIND_COUNT || setting->kind == CONF_KIND_CORES)
        print = conf_count_print;
    if (print == NULL)
        return;
    print(setting->min, out);
    bytes_put_text(out, " to ");
    print(setting->max, out);
}

static void print_table(bool limits, struct bytes *out)
{
    bytes_put_text(out, "| setting | default | range | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < CONF_SETTING_COUNT; i++) {
        const struct conf_setting *setting = &conf_settings[i];

        if (is_limit(setting) != limits)
            continue;
        bytes_format(out, "| `%s` | ", setting->path);
        if (*setting->default_text != '\0')
            bytes_format(out, "`%s` | ", setting->default_text);
        else
            bytes_put_text(out, "none | ");
        print_range(setting, out);
        bytes_format(out, " | %s |\n", setting->help);
    }
}

void conf_reference_print(struct bytes *out)
{
    print_table(false, out);
    bytes_put_text(out, "\nLimits stand under `limits:`. Nothing grows beyond them; what happens "
                        "instead is part of the meaning.\n\n");
    print_table(true, out);
}
