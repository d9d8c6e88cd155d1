// SPDX-License-Identifier: Apache-2.0
/* cli_args.c - see cli_args.h. */
#include "main/cli_args.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

#define WORD_BYTES_MAX 32
#define HELP_COLUMN 26
#define HELP_WIDTH 96

/* Insertions, deletions, replacements and swaps of neighbours between two words. */
static uint32_t distance(const char *a, const char *b)
{
    uint32_t rows[3][WORD_BYTES_MAX + 1];
    size_t a_size = strlen(a), b_size = strlen(b);
    uint32_t *before = rows[0], *above = rows[1], *row = rows[2];

    if (a_size > WORD_BYTES_MAX || b_size > WORD_BYTES_MAX)
        return UINT32_MAX;
    for (size_t j = 0; j <= b_size; j++)
        row[j] = (uint32_t)j;
    for (size_t i = 1; i <= a_size; i++) {
        uint32_t *spare = before;
        before = above;
        above = row;
        row = spare;
        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= b_size; j++) {
            uint32_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
    }
    return row[b_size];
}

const char *cli_args_nearest(const char *word, const void *items, size_t stride, uint32_t count)
{
    size_t size = strlen(word);
    uint32_t best = size <= 3 ? 2 : (uint32_t)size / 3 + 2; /* one more than what is accepted */
    const char *found = NULL;

    for (uint32_t i = 0; i < count; i++) {
        const char *name;
        uint32_t far;

        memcpy(&name, (const char *)items + i * stride, sizeof(name));
        far = distance(word, name);
        /* "conn" means "connections", however far that is. */
        if (size >= 3 && strncmp(name, word, size) == 0)
            far = 1;
        if (far < best) {
            best = far;
            found = name;
        }
    }
    return found;
}

static int parse_scaled(const char *text, const char *const *units, const uint64_t *scales,
                        uint64_t *out, const char *what, struct err *err)
{
    uint64_t value = 0;
    const char *at = text;

    if (*at < '0' || *at > '9')
        return err_set(err, ERR_INVALID, "\"%s\" is not %s", text, what);
    for (; (*at >= '0' && *at <= '9') || *at == '_'; at++) {
        if (*at == '_')
            continue;
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            return err_set(err, ERR_INVALID, "\"%s\" is too large", text);
    }
    for (uint32_t i = 0; units[i] != NULL; i++) {
        if (strcasecmp(at, units[i]) != 0)
            continue;
        if (__builtin_mul_overflow(value, scales[i], &value))
            return err_set(err, ERR_INVALID, "\"%s\" is too large", text);
        *out = value;
        return 0;
    }
    return err_set(err, ERR_INVALID, "\"%s\" is not %s", text, what);
}

int cli_args_count(const char *text, uint64_t *out_count, struct err *err)
{
    static const char *const units[] = {"", "k", "m", "g", NULL};
    static const uint64_t scales[] = {1, 1000, 1000000, 1000000000};

    return parse_scaled(text, units, scales, out_count, "a count, such as 500, 10k or 2M", err);
}

int cli_args_bytes(const char *text, uint64_t *out_bytes, struct err *err)
{
    static const char *const units[] = {"",    "b",  "k", "kib", "kb", "m",
                                        "mib", "mb", "g", "gib", "gb", NULL};
    static const uint64_t scales[] = {1,       1,       1 << 10,    1 << 10,    1000,      1 << 20,
                                      1 << 20, 1000000, 1ull << 30, 1ull << 30, 1000000000};

    return parse_scaled(text, units, scales, out_bytes, "a size, such as 64KiB or 1MiB", err);
}

bool cli_args_pair(const char *text, char *out_key, size_t key_size, const char **out_value)
{
    const char *equals = strchr(text, '=');

    if (equals == NULL || equals == text)
        return false;
    snprintf(out_key, key_size, "%.*s", (int)(equals - text), text);
    *out_value = equals + 1;
    return true;
}

static int list_add(struct cli_list *list, const char *item, struct err *err)
{
    if (list->count == CLI_LIST_MAX)
        return err_set(err, ERR_INVALID, "more than %d of \"%s\"", CLI_LIST_MAX, item);
    list->items[list->count++] = item;
    return 0;
}

static int store_value(const struct cli_option *option, const char *value, char *options,
                       struct err *err)
{
    void *field = options + option->offset;
    int rc = 0;

    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)field = true;
        break;
    case CLI_TEXT:
        *(const char **)field = value;
        break;
    case CLI_COUNT:
        rc = cli_args_count(value, field, err);
        break;
    case CLI_BYTES:
        rc = cli_args_bytes(value, field, err);
        break;
    case CLI_LIST:
        rc = list_add(field, value, err);
        break;
    }
    if (rc < 0)
        err_prefix(err, "--%s", option->name);
    return rc;
}

static const struct cli_option *find_option(const struct cli_command *command, const char *name,
                                            size_t size)
{
    for (uint32_t i = 0; i < command->option_count; i++) {
        const struct cli_option *option = &command->options[i];
        if (strlen(option->name) == size && memcmp(option->name, name, size) == 0)
            return option;
    }
    return NULL;
}

static int unknown_option(const struct cli_command *command, const char *arg, const char *name,
                          size_t size, struct err *err)
{
    char word[WORD_BYTES_MAX + 1];
    const char *nearest;

    snprintf(word, sizeof(word), "%.*s", (int)size, name);
    nearest =
        cli_args_nearest(word, command->options, sizeof(*command->options), command->option_count);
    if (nearest != NULL)
        return err_set(err, ERR_INVALID, "unknown option %.*s; did you mean --%s?",
                       (int)(name + size - arg), arg, nearest);
    return err_set(err, ERR_INVALID, "unknown option %.*s; see `tallywheel help %s`",
                   (int)(name + size - arg), arg, command->name);
}

/* One option at argv[*at], which may take argv[*at + 1] too. */
static int parse_option(const struct cli_command *command, int argc, char **argv, int *at,
                        char *options, struct err *err)
{
    const char *arg = argv[*at];
    bool two_dashes = arg[1] == '-';
    const char *name = arg + (two_dashes ? 2 : 1);
    const char *equals = strchr(name, '=');
    size_t size = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const struct cli_option *option = find_option(command, name, size);
    const char *value = equals != NULL ? equals + 1 : NULL;

    if (option == NULL || (!two_dashes && size != 1))
        return unknown_option(command, arg, name, size, err);
    if (option->kind == CLI_FLAG) {
        if (value != NULL)
            return err_set(err, ERR_INVALID, "--%s takes no value", option->name);
    } else if (value == NULL) {
        if (*at + 1 >= argc)
            return err_set(err, ERR_INVALID, "--%s needs a value: --%s %s", option->name,
                           option->name, option->value);
        value = argv[++*at];
    }
    return store_value(option, value, options, err);
}

int cli_args_parse(const struct cli_command *command, int argc, char **argv, void *options,
                   struct err *err)
{
    struct cli_list none = {0};
    struct cli_list *arguments = &none;
    bool only_arguments = false;
    int rc;

    if (command->arguments_max > 0)
        arguments = (struct cli_list *)((char *)options + command->arguments_offset);
    assert(command->arguments_max <= CLI_LIST_MAX);
    for (int i = 1; i < argc; i++) {
        if (!only_arguments && strcmp(argv[i], "--") == 0) {
            only_arguments = true;
            continue;
        }
        if (!only_arguments && argv[i][0] == '-' && argv[i][1] != '\0') {
            rc = parse_option(command, argc, argv, &i, options, err);
            if (rc < 0)
                return rc;
            continue;
        }
        if (arguments->count == command->arguments_max)
            return err_set(err, ERR_INVALID,
                           "\"%s\" is one argument too many; see `tallywheel "
                           "help %s`",
                           argv[i], command->name);
        arguments->items[arguments->count++] = argv[i];
    }
    if (arguments->count < command->arguments_min)
        return err_set(err, ERR_INVALID, "%s is missing; see `tallywheel help %s`",
                       command->arguments, command->name);
    return 0;
}

bool cli_args_want_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

int cli_args_fail(const struct cli_command *command, const struct err *err)
{
    fprintf(stderr, "tallywheel %s: %s\n", command->name, err->text);
    return CLI_USAGE;
}

/* Text in lines of at most HELP_WIDTH, all but the first behind `indent` spaces. */
static void put_wrapped(struct bytes *out, const char *text, int indent)
{
    int column = indent;

    while (*text != '\0') {
        size_t word = strcspn(text, " \n");
        if (column > indent && column + 1 + (int)word > HELP_WIDTH) {
            bytes_format(out, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            bytes_put_char(out, ' ');
            column++;
        }
        bytes_put(out, text, word);
        column += (int)word;
        text += word;
        if (*text == '\n') {
            bytes_format(out, "\n%*s", indent, "");
            column = indent;
        }
        text += *text != '\0';
    }
    bytes_put_char(out, '\n');
}

static void put_usage(const struct cli_command *command, struct bytes *out)
{
    bytes_format(out, "tallywheel %s%s%s%s", command->name,
                 command->option_count > 0 ? " [OPTIONS]" : "",
                 command->arguments[0] != '\0' ? " " : "", command->arguments);
}

static void put_option_name(const struct cli_option *option, struct bytes *out)
{
    bytes_format(out, "--%s%s%s", option->name, option->value != NULL ? " " : "",
                 option->value != NULL ? option->value : "");
}

void cli_args_help(const struct cli_command *command, struct bytes *out)
{
    bytes_put_text(out, "Usage: ");
    put_usage(command, out);
    bytes_put_text(out, "\n\n");
    put_wrapped(out, command->about, 0);
    if (command->option_count > 0)
        bytes_put_text(out, "\nOptions\n");
    for (uint32_t i = 0; i < command->option_count; i++) {
        size_t start = out->size;
        size_t used;

        bytes_put_text(out, "  ");
        put_option_name(&command->options[i], out);
        used = out->size - start;
        if (used + 2 > HELP_COLUMN)
            bytes_format(out, "\n%*s", HELP_COLUMN, "");
        else
            bytes_format(out, "%*s", (int)(HELP_COLUMN - used), "");
        put_wrapped(out, command->options[i].help, HELP_COLUMN);
    }
    bytes_put_text(out, "\nExamples\n  ");
    for (const char *at = command->examples; *at != '\0'; at++) {
        bytes_put_char(out, *at);
        if (*at == '\n')
            bytes_put_text(out, "  ");
    }
    bytes_put_char(out, '\n');
}

/* A cell of a Markdown table. */
static void put_cell(struct bytes *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            bytes_put_char(out, '\\');
        bytes_put_char(out, *text == '\n' ? ' ' : *text);
    }
}

void cli_args_markdown(const struct cli_command *command, struct bytes *out)
{
    bytes_format(out, "\n## tallywheel %s\n\n    ", command->name);
    put_usage(command, out);
    bytes_put_text(out, "\n\n");
    put_wrapped(out, command->about, 0);
    if (command->option_count > 0)
        bytes_put_text(out, "\n| option | what it does |\n|---|---|\n");
    for (uint32_t i = 0; i < command->option_count; i++) {
        struct bytes name = {0};

        put_option_name(&command->options[i], &name);
        bytes_put_text(out, "| `");
        put_cell(out, bytes_text(&name));
        bytes_put_text(out, "` | ");
        put_cell(out, command->options[i].help);
        bytes_put_text(out, " |\n");
        bytes_done(&name);
    }
    bytes_format(out, "\n```sh\n%s\n```\n", command->examples);
}
