// SPDX-License-Identifier: Apache-2.0
/* definition.c - what the three kinds of definition share: see definition_private.h. */
#include "model/definition.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/conf_text.h"
#include "base/err.h"
#include "base/json.h"
#include "model/definition_private.h"

/* Leaves room for the "board:" of board_def_stream. */
#define NAME_LETTERS_MAX 56
#define KEYS_MAX 16

static const char *const kind_texts[] = {
    [DEFINITION_STREAM] = "streams",
    [DEFINITION_METRIC] = "metrics",
    [DEFINITION_BOARD] = "boards",
};

static const char *const type_texts[] = {
    [FIELD_INT] = "int",   [FIELD_FLOAT] = "float", [FIELD_STRING] = "string",
    [FIELD_BOOL] = "bool", [FIELD_TIME] = "time",
};

const char *field_type_text(enum field_type type)
{
    assert(type <= FIELD_TIME);
    return type_texts[type];
}

const char *definition_kind_text(enum definition_kind kind)
{
    assert(kind <= DEFINITION_BOARD);
    return kind_texts[kind];
}

struct definition_path definition_path_key(const struct definition_path *parent, const char *key)
{
    struct definition_path path = *parent;
    size_t size = strlen(path.text);

    snprintf(path.text + size, sizeof(path.text) - size, ".%s", key);
    return path;
}

struct definition_path definition_path_index(const struct definition_path *parent, size_t index)
{
    struct definition_path path = *parent;
    size_t size = strlen(path.text);

    snprintf(path.text + size, sizeof(path.text) - size, "[%zu]", index);
    return path;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name(struct span text)
{
    if (text.size == 0 || text.size > NAME_LETTERS_MAX || !is_letter(text.data[0]))
        return false;
    for (size_t i = 1; i < text.size; i++)
        if (!is_letter(text.data[i]) && !is_digit(text.data[i]) && text.data[i] != '.' &&
            text.data[i] != '-')
            return false;
    return true;
}

int definition_check_name(const char *name, const struct definition_path *path, struct err *err)
{
    if (is_name(span_of(name)))
        return 0;
    return err_set(err, ERR_INVALID,
                   "%s: %s is not a name: up to %d letters, digits, \"_\", \".\" and \"-\", a "
                   "letter or \"_\" first",
                   path->text, conf_quote(span_of(name)).text, NAME_LETTERS_MAX);
}

static void copy_name(char out_name[NAME_BYTES_MAX], const char *name)
{
    size_t size = strlen(name);

    assert(size < NAME_BYTES_MAX);
    memset(out_name, 0, NAME_BYTES_MAX);
    memcpy(out_name, name, size);
}

int definition_start(enum definition_kind kind, const char *name, char out_name[NAME_BYTES_MAX],
                     struct definition_path *out_path, struct err *err)
{
    struct definition_path path = {{0}};
    int rc;

    snprintf(path.text, sizeof(path.text), "%s", definition_kind_text(kind));
    rc = definition_check_name(name, &path, err);
    if (rc < 0)
        return rc;
    copy_name(out_name, name);
    *out_path = definition_path_key(&path, name);
    return 0;
}

static int fail_unknown_key(const struct definition_key *keys, size_t key_count,
                            const struct definition_path *path, const char *key, struct err *err)
{
    const char *names[KEYS_MAX];
    const char *nearest;
    char list[256];

    assert(key_count <= KEYS_MAX);
    for (size_t i = 0; i < key_count; i++)
        names[i] = keys[i].name;
    conf_join(list, sizeof(list), names, key_count);
    nearest = conf_nearest(span_of(key), names, key_count);
    if (nearest != NULL)
        return err_set(err, ERR_INVALID, "%s: unknown key %s, did you mean \"%s\"? Known keys: %s",
                       path->text, conf_quote(span_of(key)).text, nearest, list);
    return err_set(err, ERR_INVALID, "%s: unknown key %s, expected one of %s", path->text,
                   conf_quote(span_of(key)).text, list);
}

int definition_read_keys(void *state, const struct definition_key *keys, size_t key_count,
                         const struct definition_path *path, const struct json_t *tree,
                         struct err *err)
{
    const char *name;
    json_t *value;

    if (!json_is_object(tree))
        return err_set(err, ERR_INVALID, "%s: expected an object, got %s", path->text,
                       conf_quote_value(tree).text);
    /* jansson walks objects in the order in which keys were put in; it wants them not const. */
    json_object_foreach((json_t *)tree, name, value)
    {
        struct definition_path at;
        size_t i = 0;
        int rc;

        while (i < key_count && strcmp(keys[i].name, name) != 0)
            i++;
        if (i == key_count)
            return fail_unknown_key(keys, key_count, path, name, err);
        at = definition_path_key(path, name);
        rc = keys[i].read(state, &at, value, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int definition_read_name(char out_name[NAME_BYTES_MAX], const char *what,
                         const struct definition_path *path, const struct json_t *value,
                         struct err *err)
{
    int rc;

    if (!json_is_string(value))
        return err_set(err, ERR_INVALID, "%s: expected the name of %s, got %s", path->text, what,
                       conf_quote_value(value).text);
    rc = definition_check_name(json_string_value(value), path, err);
    if (rc == 0)
        copy_name(out_name, json_string_value(value));
    return rc;
}

int definition_read_by(char out_by[BY_FIELDS_MAX][NAME_BYTES_MAX], uint32_t *out_count,
                       const struct definition_path *path, const struct json_t *value,
                       struct err *err)
{
    size_t count = json_array_size(value);

    if (!json_is_array(value))
        return err_set(err, ERR_INVALID, "%s: expected a list of fields such as [region], got %s",
                       path->text, conf_quote_value(value).text);
    if (count > BY_FIELDS_MAX)
        return err_set(err, ERR_INVALID, "%s: %zu fields, at most %d", path->text, count,
                       BY_FIELDS_MAX);
    for (size_t i = 0; i < count; i++) {
        struct definition_path at = definition_path_index(path, i);
        int rc = definition_read_name(out_by[i], "a field", &at, json_array_get(value, i), err);

        if (rc < 0)
            return rc;
        for (size_t j = 0; j < i; j++)
            if (strcmp(out_by[i], out_by[j]) == 0)
                return err_set(err, ERR_INVALID, "%s: \"%s\" stands twice", at.text, out_by[i]);
    }
    *out_count = (uint32_t)count;
    return 0;
}

int definition_read_duration(int64_t *out_ms, int64_t min_ms, int64_t max_ms,
                             const struct definition_path *path, const struct json_t *value,
                             struct err *err)
{
    struct bytes bound = {0};
    struct err inner = {0};
    int64_t ms = 0;
    bool small;
    int rc = 0;

    if (json_is_integer(value))
        ms = json_integer_value(value);
    else if (json_is_string(value))
        rc = duration_parse(span_of(json_string_value(value)), &ms, &inner);
    else
        return err_set(err, ERR_INVALID, "%s: expected a duration such as 30s, got %s", path->text,
                       conf_quote_value(value).text);
    if (rc < 0)
        return err_set(err, rc, "%s: %s", path->text, inner.text);
    small = ms < min_ms;
    if (small || ms > max_ms) {
        duration_print(small ? min_ms : max_ms, &bound);
        rc = err_set(err, ERR_INVALID, "%s: %s is too %s, at %s %s", path->text,
                     conf_quote_value(value).text, small ? "short" : "long",
                     small ? "least" : "most", bytes_text(&bound));
        bytes_done(&bound);
        return rc;
    }
    *out_ms = ms;
    return 0;
}

int definition_read_word(uint32_t *out_index, const char *what, const char *const *words,
                         uint32_t count, const struct definition_path *path,
                         const struct json_t *value, struct err *err)
{
    char list[128];

    for (uint32_t i = 0; i < count && json_is_string(value); i++) {
        if (strcmp(json_string_value(value), words[i]) == 0) {
            *out_index = i;
            return 0;
        }
    }
    conf_join(list, sizeof(list), words, count);
    if (!json_is_string(value))
        return err_set(err, ERR_INVALID, "%s: expected one of %s, got %s", path->text, list,
                       conf_quote_value(value).text);
    return err_set(err, ERR_INVALID, "%s: unknown %s %s, expected one of %s", path->text, what,
                   conf_quote_value(value).text, list);
}

static struct span trim(struct span text)
{
    while (text.size > 0 && text.data[0] == ' ')
        text = (struct span){text.data + 1, text.size - 1};
    while (text.size > 0 && text.data[text.size - 1] == ' ')
        text.size--;
    return text;
}

/* A field, a number, a duration, the name of a file: what needs no quoting. */
static bool is_argument(struct span text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if (!is_letter(c) && !is_digit(c) && (c == '\0' || strchr("./+-", c) == NULL))
            return false;
    }
    return text.size > 0 && text.size < NAME_BYTES_MAX;
}

static bool parse_args(struct call *call, struct span text)
{
    if (trim(text).size == 0)
        return true;
    for (;;) {
        const char *comma = memchr(text.data, ',', text.size);
        size_t size = comma != NULL ? (size_t)(comma - text.data) : text.size;
        struct span arg = trim((struct span){text.data, size});

        if (call->arg_count == CALL_ARGS_MAX || !is_argument(arg))
            return false;
        memcpy(call->args[call->arg_count++], arg.data, arg.size);
        if (comma == NULL)
            return true;
        text = (struct span){comma + 1, text.size - size - 1};
    }
}

/* name ( arg , arg … ) */
static bool parse_call(struct call *out_call, struct span text)
{
    struct call call = {.arg_count = 0};
    const char *paren;
    struct span name;

    text = trim(text);
    paren = text.size > 0 ? memchr(text.data, '(', text.size) : NULL;
    if (paren == NULL || text.data[text.size - 1] != ')')
        return false;
    name = trim((struct span){text.data, (size_t)(paren - text.data)});
    if (!is_name(name))
        return false;
    memcpy(call.name, name.data, name.size);
    if (!parse_args(&call, (struct span){paren + 1, (size_t)(text.data + text.size - paren) - 2}))
        return false;
    *out_call = call;
    return true;
}

int definition_read_call(struct call *out_call, const char *example,
                         const struct definition_path *path, const struct json_t *value,
                         struct err *err)
{
    if (json_is_string(value) &&
        parse_call(out_call, (struct span){json_string_value(value), json_string_length(value)}))
        return 0;
    return err_set(err, ERR_INVALID, "%s: expected a call such as %s, got %s", path->text, example,
                   conf_quote_value(value).text);
}

void definition_print_call(const struct call *call, const char *key, struct json_out *out)
{
    struct bytes text = {0};

    bytes_format(&text, "%s(", call->name);
    for (uint32_t i = 0; i < call->arg_count; i++)
        bytes_format(&text, "%s%s", i > 0 ? ", " : "", call->args[i]);
    bytes_put_char(&text, ')');
    json_out_key(out, key);
    json_out_string(out, bytes_span(&text));
    bytes_done(&text);
}

void definition_print_by(const char by[BY_FIELDS_MAX][NAME_BYTES_MAX], uint32_t count,
                         struct json_out *out)
{
    json_out_key(out, "by");
    json_out_array(out);
    for (uint32_t i = 0; i < count; i++)
        json_out_text(out, by[i]);
    json_out_array_end(out);
}

void definition_print_duration(const char *key, int64_t ms, struct json_out *out)
{
    struct bytes text = {0};

    duration_print(ms, &text);
    json_out_key(out, key);
    json_out_string(out, bytes_span(&text));
    bytes_done(&text);
}
