// SPDX-License-Identifier: Apache-2.0
/*
 * yaml.c - see yaml.h.
 *
 * libyaml gives events; a stack of open containers turns them into a tree without recursion. The
 * path of the current node is kept as text beside the stack, because errors name it and because
 * yaml_locate is nothing but a second reading that compares paths.
 */
#include "base/yaml.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/conf_text.h"
#include "base/err.h"

/* An open container. A mapping has a key between the event of its key and that of its value. */
struct yaml_frame {
    json_t *container;
    char *key; /* owned; NULL while a key is expected, or in a sequence */
    size_t key_bytes;
    size_t path_size; /* of the container itself */
};

struct yaml_reader {
    yaml_parser_t parser;
    const char *source;
    struct span text;
    struct err *err;
    json_t *root;
    uint32_t document_count;
    uint32_t node_count;
    uint32_t depth;
    struct yaml_frame frames[YAML_DEPTH_MAX];
    struct bytes path;  /* of the current node */
    const char *target; /* what yaml_locate looks for, or NULL */
    size_t found_bytes; /* length of the longest path found so far */
    yaml_mark_t found;
};

static const char alias_text[] =
    "anchors and aliases (& and *) are not supported: write the value in each place";

static int fail_at(struct yaml_reader *reader, yaml_mark_t mark, const char *what)
{
    return err_set(reader->err, ERR_INVALID, "%s:%zu:%zu: %s", reader->source, mark.line + 1,
                   mark.column + 1, what);
}

static int fail_quoting(struct yaml_reader *reader, yaml_mark_t mark, struct span text,
                        const char *what)
{
    char sentence[CONF_QUOTE_BYTES + 128];

    snprintf(sentence, sizeof(sentence), "%s %s", conf_quote(text).text, what);
    return fail_at(reader, mark, sentence);
}

static int fail_no_memory(struct yaml_reader *reader)
{
    return err_set(reader->err, ERR_MEMORY, "%s: no memory for the tree", reader->source);
}

/* Line and column of a byte, for errors that libyaml gives only an offset to. */
static yaml_mark_t mark_of_offset(struct span text, size_t offset)
{
    yaml_mark_t mark = {.index = offset};

    for (size_t i = 0; i < offset && i < text.size; i++) {
        if (text.data[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if (((unsigned char)text.data[i] & 0xc0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

/* What libyaml found wrong. */
static int fail_syntax(struct yaml_reader *reader)
{
    yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem != NULL ? parser->problem : "cannot be read";
    char sentence[256];

    if (parser->error == YAML_MEMORY_ERROR)
        return fail_no_memory(reader);
    if (parser->error == YAML_READER_ERROR)
        return fail_at(reader, mark_of_offset(reader->text, parser->problem_offset), problem);
    if (parser->context == NULL)
        return fail_at(reader, parser->problem_mark, problem);
    snprintf(sentence, sizeof(sentence), "%s, %s that begins at line %zu", problem, parser->context,
             parser->context_mark.line + 1);
    return fail_at(reader, parser->problem_mark, sentence);
}

/* Remembers the place of the current node if the target leads through it. */
static void note_place(struct yaml_reader *reader, yaml_mark_t mark)
{
    size_t size = reader->path.size;
    char next;

    if (reader->target == NULL || size <= reader->found_bytes ||
        strncmp(reader->target, bytes_text(&reader->path), size) != 0)
        return;
    next = reader->target[size];
    if (next == '\0' || next == '.' || next == '[' || next == ':') {
        reader->found_bytes = size;
        reader->found = mark;
    }
}

static bool all_digits(const char *text, const char *digits)
{
    return *text != '\0' && text[strspn(text, digits)] == '\0';
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_float(const char *text)
{
    size_t before;
    size_t after = 0;

    if (*text == '-' || *text == '+')
        text++;
    before = strspn(text, "0123456789");
    text += before;
    if (*text == '.') {
        text++;
        after = strspn(text, "0123456789");
        text += after;
    }
    if (before + after == 0)
        return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        if (*text == '-' || *text == '+')
            text++;
        return all_digits(text, "0123456789");
    }
    return *text == '\0';
}

static bool is_not_finite(const char *text)
{
    static const char *const infinities[] = {".inf", ".Inf", ".INF", NULL};
    static const char *const nans[] = {".nan", ".NaN", ".NAN", NULL};

    if (is_one_of(text, nans))
        return true;
    return is_one_of(*text == '-' || *text == '+' ? text + 1 : text, infinities);
}

/* A number by the core schema. 1 and *out_value if `text` is one, 0 if it is none, or an error. */
static int number_value(struct yaml_reader *reader, yaml_mark_t mark, const char *text,
                        json_t **out_value)
{
    const char *unsigned_text = *text == '-' || *text == '+' ? text + 1 : text;
    int base = 0;
    double real;

    if (all_digits(unsigned_text, "0123456789"))
        base = 10;
    else if (strncmp(text, "0x", 2) == 0 && all_digits(text + 2, "0123456789abcdefABCDEF"))
        base = 16;
    else if (strncmp(text, "0o", 2) == 0 && all_digits(text + 2, "01234567"))
        base = 8;
    if (base > 0) {
        long long value;

        errno = 0;
        value = strtoll(base == 10 ? text : text + 2, NULL, base);
        if (errno == ERANGE)
            return fail_quoting(reader, mark, span_of(text), "does not fit into 64 bits");
        *out_value = json_integer(value);
        return 1;
    }
    if (is_not_finite(text))
        return fail_quoting(reader, mark, span_of(text),
                            "is no number that JSON can hold; quote it if it is a string");
    if (!is_float(text))
        return 0;
    real = strtod(text, NULL);
    if (!isfinite(real))
        return fail_quoting(reader, mark, span_of(text), "is too large for a number");
    *out_value = json_real(real);
    return 1;
}

/* A plain scalar by the core schema of YAML 1.2. */
static int plain_value(struct yaml_reader *reader, yaml_mark_t mark, struct span text,
                       json_t **out_value)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    int rc;

    if (is_one_of(text.data, nulls)) {
        *out_value = json_null();
        return 0;
    }
    if (is_one_of(text.data, trues) || is_one_of(text.data, falses)) {
        *out_value = json_boolean(text.data[0] == 't' || text.data[0] == 'T');
        return 0;
    }
    rc = number_value(reader, mark, text.data, out_value);
    if (rc < 0)
        return rc;
    if (rc == 0)
        *out_value = json_stringn(text.data, text.size);
    return 0;
}

static int check_tag(struct yaml_reader *reader, yaml_mark_t mark, const yaml_char_t *anchor,
                     const yaml_char_t *tag, const char *allowed)
{
    const char *text = (const char *)tag;

    if (anchor != NULL)
        return fail_at(reader, mark, alias_text);
    if (text == NULL || strcmp(text, "!") == 0 || strcmp(text, allowed) == 0)
        return 0;
    return fail_quoting(reader, mark, span_of(text), "is a tag, and only !!str is supported");
}

static int scalar_value(struct yaml_reader *reader, const yaml_event_t *event, json_t **out_value)
{
    struct span text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    json_t *value = NULL;
    int rc;

    if (memchr(text.data, '\0', text.size) != NULL)
        return fail_at(reader, event->start_mark, "a zero byte in a string");
    rc = check_tag(reader, event->start_mark, event->data.scalar.anchor, event->data.scalar.tag,
                   YAML_STR_TAG);
    if (rc < 0)
        return rc;
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && event->data.scalar.tag == NULL)
        rc = plain_value(reader, event->start_mark, text, &value);
    else
        value = json_stringn(text.data, text.size);
    if (rc < 0)
        return rc;
    if (value == NULL)
        return fail_no_memory(reader);
    *out_value = value;
    return 0;
}

/* Puts a finished scalar or a fresh container where it belongs; takes `value` in any case. */
static int place_value(struct yaml_reader *reader, json_t *value)
{
    struct yaml_frame *top;
    int rc;

    if (reader->depth == 0) {
        assert(reader->root == NULL);
        reader->root = value;
        return 0;
    }
    top = &reader->frames[reader->depth - 1];
    if (top->key == NULL) {
        rc = json_array_append_new(top->container, value);
    } else {
        rc = json_object_setn_new(top->container, top->key, top->key_bytes, value);
        free(top->key);
        top->key = NULL;
    }
    return rc < 0 ? fail_no_memory(reader) : 0;
}

static int fail_twice(struct yaml_reader *reader, yaml_mark_t mark, struct span key)
{
    char what[64] = "stands twice here";
    uint32_t line;
    uint32_t column;

    if (reader->target == NULL &&
        yaml_locate(reader->text, bytes_text(&reader->path), &line, &column))
        snprintf(what, sizeof(what), "stands twice, first on line %u", line);
    return fail_quoting(reader, mark, key, what);
}

static int take_key(struct yaml_reader *reader, const yaml_event_t *event)
{
    struct yaml_frame *top = &reader->frames[reader->depth - 1];
    struct span key;
    int rc;

    if (event->type != YAML_SCALAR_EVENT)
        return fail_at(reader, event->start_mark, "a key must be a word, not a list or an object");
    key = (struct span){(const char *)event->data.scalar.value, event->data.scalar.length};
    rc = check_tag(reader, event->start_mark, event->data.scalar.anchor, event->data.scalar.tag,
                   YAML_STR_TAG);
    if (rc < 0)
        return rc;
    if (key.size == 0)
        return fail_at(reader, event->start_mark, "a key is empty");
    if (memchr(key.data, '\0', key.size) != NULL)
        return fail_at(reader, event->start_mark, "a zero byte in a key");
    if (top->path_size > 0)
        bytes_put_char(&reader->path, '.');
    bytes_put(&reader->path, key.data, key.size);
    if (json_object_getn(top->container, key.data, key.size) != NULL)
        return fail_twice(reader, event->start_mark, key);
    note_place(reader, event->start_mark);
    top->key = bytes_dup(key);
    top->key_bytes = key.size;
    return 0;
}

/* Moves the path to the node that begins now. A mapping's path moved with its key. */
static void enter_node(struct yaml_reader *reader, yaml_mark_t mark)
{
    struct yaml_frame *top;

    if (reader->depth == 0)
        return;
    top = &reader->frames[reader->depth - 1];
    if (!json_is_array(top->container))
        return;
    reader->path.size = top->path_size;
    bytes_format(&reader->path, "[%zu]", json_array_size(top->container));
    note_place(reader, mark);
}

static int open_container(struct yaml_reader *reader, const yaml_event_t *event)
{
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    json_t *container;
    int rc;

    if (is_map)
        rc = check_tag(reader, event->start_mark, event->data.mapping_start.anchor,
                       event->data.mapping_start.tag, YAML_MAP_TAG);
    else
        rc = check_tag(reader, event->start_mark, event->data.sequence_start.anchor,
                       event->data.sequence_start.tag, YAML_SEQ_TAG);
    if (rc < 0)
        return rc;
    if (reader->depth == YAML_DEPTH_MAX)
        return fail_at(reader, event->start_mark, "lists and objects are nested too deeply");
    container = is_map ? json_object() : json_array();
    if (container == NULL)
        return fail_no_memory(reader);
    rc = place_value(reader, container);
    if (rc < 0)
        return rc;
    reader->frames[reader->depth++] =
        (struct yaml_frame){.container = container, .path_size = reader->path.size};
    return 0;
}

static void close_container(struct yaml_reader *reader)
{
    assert(reader->depth > 0 && reader->frames[reader->depth - 1].key == NULL);
    reader->depth--;
}

static int take_node(struct yaml_reader *reader, const yaml_event_t *event)
{
    struct yaml_frame *top = reader->depth > 0 ? &reader->frames[reader->depth - 1] : NULL;
    json_t *value = NULL;
    int rc;

    if (event->type == YAML_ALIAS_EVENT)
        return fail_at(reader, event->start_mark, alias_text);
    if (reader->node_count++ == YAML_NODES_MAX)
        return fail_at(reader, event->start_mark, "too many values in one file");
    if (top != NULL && json_is_object(top->container) && top->key == NULL) {
        reader->path.size = top->path_size;
        return take_key(reader, event);
    }
    enter_node(reader, event->start_mark);
    if (event->type != YAML_SCALAR_EVENT)
        return open_container(reader, event);
    rc = scalar_value(reader, event, &value);
    return rc < 0 ? rc : place_value(reader, value);
}

/* 1 when the stream has ended, 0 to go on, or an error. */
static int take_event(struct yaml_reader *reader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_STREAM_END_EVENT:
        return 1;
    case YAML_DOCUMENT_START_EVENT:
        if (reader->document_count++ > 0)
            return fail_at(reader, event->start_mark, "a second document (---) in one file");
        return 0;
    case YAML_ALIAS_EVENT:
    case YAML_SCALAR_EVENT:
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return take_node(reader, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_container(reader);
        return 0;
    default:
        return 0;
    }
}

static int read_events(struct yaml_reader *reader)
{
    int rc = 0;

    if (yaml_parser_initialize(&reader->parser) == 0)
        return fail_no_memory(reader);
    yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader->parser, (const unsigned char *)reader->text.data,
                                 reader->text.size);
    while (rc == 0) {
        yaml_event_t event;

        if (yaml_parser_parse(&reader->parser, &event) == 0) {
            rc = fail_syntax(reader);
            break;
        }
        rc = take_event(reader, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&reader->parser);
    for (uint32_t i = 0; i < reader->depth; i++)
        free(reader->frames[i].key);
    bytes_done(&reader->path);
    return rc < 0 ? rc : 0;
}

static int check_size(const char *source, struct span text, struct err *err)
{
    if (text.size <= YAML_TEXT_BYTES_MAX)
        return 0;
    return err_set(err, ERR_TOO_LARGE, "%s: %zu bytes, at most %d are read", source, text.size,
                   YAML_TEXT_BYTES_MAX);
}

int yaml_read(struct json_t **out_tree, const char *source, struct span text, struct err *err)
{
    struct yaml_reader reader = {.source = source, .text = text, .err = err};
    int rc = check_size(source, text, err);

    if (rc < 0)
        return rc;
    rc = read_events(&reader);
    if (rc < 0) {
        json_decref(reader.root);
        return rc;
    }
    *out_tree = reader.root != NULL ? reader.root : json_null();
    return 0;
}

int yaml_read_json(struct json_t **out_tree, const char *source, struct span text, struct err *err)
{
    size_t value_count = 1;
    json_error_t error;
    json_t *tree;
    int rc = check_size(source, text, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < text.size; i++)
        value_count += strchr("[{,:", text.data[i]) != NULL && text.data[i] != '\0';
    if (value_count > YAML_NODES_MAX)
        return err_set(err, ERR_TOO_LARGE, "%s: too many values", source);
    tree = json_loadb(text.data != NULL ? text.data : "", text.size,
                      JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (tree == NULL)
        return err_set(err, ERR_INVALID, "%s:%d:%d: %s", source, error.line > 0 ? error.line : 1,
                       error.column > 0 ? error.column : 1, error.text);
    *out_tree = tree;
    return 0;
}

bool yaml_locate(struct span text, const char *path, uint32_t *out_line, uint32_t *out_column)
{
    struct yaml_reader reader = {.source = "", .text = text, .target = path};

    if (text.size > YAML_TEXT_BYTES_MAX)
        return false;
    read_events(&reader); /* text that ends in an error still has the places before it */
    json_decref(reader.root);
    if (reader.found_bytes == 0)
        return false;
    *out_line = (uint32_t)reader.found.line + 1;
    *out_column = (uint32_t)reader.found.column + 1;
    return true;
}
