// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_config.c - any bytes as a config file: settings, definitions, and what they print.
 *
 * Nothing may crash, whatever is refused has a text, and whatever is taken prints as something that
 * is taken again and prints the same.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/yaml.h"
#include "model/definition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

union any_def {
    struct stream_def stream;
    struct metric_def metric;
    struct board_def board;
};

static void require(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void check_err(const struct err *err, int rc)
{
    require(err->code == rc, "the code of an error is what was returned");
    require(err->text[0] != '\0', "an error has a text");
    require(memchr(err->text, '\0', sizeof(err->text)) != NULL, "a text ends");
}

static int parse(enum definition_kind kind, const char *name, const json_t *tree,
                 union any_def *out_def, struct err *err)
{
    switch (kind) {
    case DEFINITION_STREAM:
        return stream_def_parse(&out_def->stream, name, tree, err);
    case DEFINITION_METRIC:
        return metric_def_parse(&out_def->metric, name, tree, err);
    case DEFINITION_BOARD:
        return board_def_parse(&out_def->board, name, tree, err);
    }
    abort();
}

static void print(enum definition_kind kind, const union any_def *def, struct bytes *out)
{
    struct stream_def direct;

    switch (kind) {
    case DEFINITION_STREAM:
        stream_def_print(&def->stream, out);
        break;
    case DEFINITION_METRIC:
        metric_def_print(&def->metric, out);
        break;
    case DEFINITION_BOARD:
        board_def_print(&def->board, out);
        if (def->board.stream[0] == '\0')
            board_def_stream(&def->board, &direct);
        break;
    }
}

static void check_definition(const struct conf *conf, enum definition_kind kind, const char *name,
                             const json_t *tree)
{
    static union any_def def;
    struct err err = {0};
    struct bytes first = {0};
    struct bytes second = {0};
    json_t *again = NULL;
    int rc = parse(kind, name, tree, &def, &err);

    if (rc < 0) {
        check_err(&err, rc);
        conf_locate(conf, &err);
        check_err(&err, rc);
        return;
    }
    print(kind, &def, &first);
    require(yaml_read_json(&again, "print", bytes_span(&first), &err) == 0,
            "what is printed is JSON");
    require(parse(kind, name, again, &def, &err) == 0, "what is printed is taken");
    print(kind, &def, &second);
    require(span_equal(bytes_span(&first), bytes_span(&second)), "it prints the same");
    json_decref(again);
    bytes_done(&first);
    bytes_done(&second);
}

static void check_print(const struct conf *conf)
{
    struct conf again;
    struct err err = {0};
    struct bytes first = {0};

    conf_init(&again);
    conf_print(conf, &first);
    require(conf_read(&again, "print", bytes_span(&first), &err) == 0,
            "printed settings are taken");
    require(strcmp(again.data, conf->data) == 0, "printed text reads back");
    require(memcmp(&again.limits, &conf->limits, sizeof(again.limits)) == 0, "so do limits");
    conf_done(&again);
    bytes_done(&first);
}

static void check_config(struct span text)
{
    struct conf conf;
    struct err err = {0};
    int rc;

    conf_init(&conf);
    rc = conf_read(&conf, "fuzz.yaml", text, &err);
    if (rc < 0) {
        check_err(&err, rc);
        conf_done(&conf);
        return;
    }
    rc = conf_check(&conf, &err);
    if (rc < 0)
        check_err(&err, rc);
    check_print(&conf);
    for (uint32_t i = 0; i < conf.definition_count; i++) {
        const struct conf_definition *definition = &conf.definitions[i];
        enum definition_kind kind = DEFINITION_STREAM;

        while (strcmp(definition_kind_text(kind), definition->kind) != 0)
            kind++;
        check_definition(&conf, kind, definition->name, definition->tree);
    }
    conf_done(&conf);
}

/* The bytes as one assignment of --set. */
static void check_set(struct span text)
{
    struct conf conf;
    struct err err = {0};
    char *assignment = bytes_dup(text);
    int rc;

    conf_init(&conf);
    rc = conf_set(&conf, assignment, &err);
    if (rc < 0)
        check_err(&err, rc);
    free(assignment);
    conf_done(&conf);
}

/* The bytes as a body of PUT, whatever kind it is for. */
static void check_put(struct span text)
{
    struct conf conf;
    struct err err = {0};
    json_t *tree = NULL;
    int rc = yaml_read_json(&tree, "body", text, &err);

    if (rc < 0) {
        check_err(&err, rc);
        return;
    }
    conf_init(&conf);
    for (enum definition_kind kind = DEFINITION_STREAM; kind <= DEFINITION_BOARD; kind++)
        check_definition(&conf, kind, "x", tree);
    json_decref(tree);
    conf_done(&conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};

    check_config(text);
    check_put(text);
    if (size < 256)
        check_set(text);
    return 0;
}
