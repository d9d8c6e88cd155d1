// SPDX-License-Identifier: Apache-2.0
/*
 * cli_args.h - what a command of the command line is, and how its arguments become a struct.
 *
 * A command describes itself once, as data: its options say their name, kind, place in the
 * command's own options struct, and help. Parsing, `--help`, "did you mean" and the reference
 * page (docs/reference/cli.md) all read that one description.
 *
 * Thread: the main thread, before any other exists.
 */
#ifndef TALLYWHEEL_MAIN_CLI_ARGS_H
#define TALLYWHEEL_MAIN_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes;
struct err;

#define CLI_LIST_MAX 64

/* How the process ends; documented in tallywheel(1). */
enum cli_exit {
    CLI_DONE = 0,
    CLI_REFUSED = 1,     /* the server took some or nothing of it, or answered with an error */
    CLI_USAGE = 2,       /* the command line makes no sense */
    CLI_UNREACHABLE = 3, /* the server, or the input, could not be reached or went away */
    CLI_INTERRUPTED = 130,
};

/* Values of a repeatable option, or the arguments that are no options. */
struct cli_list {
    uint32_t count;
    const char *items[CLI_LIST_MAX];
};

enum cli_kind {
    CLI_FLAG,  /* bool; takes no value */
    CLI_TEXT,  /* const char * */
    CLI_COUNT, /* uint64_t: 12, 12k, 3M, 1_000_000 */
    CLI_BYTES, /* uint64_t: 4096, 64KiB, 1MiB, 1MB */
    CLI_LIST,  /* struct cli_list; may be given again and again */
};

struct cli_option {
    const char *name; /* without dashes; one letter also answers to one dash */
    enum cli_kind kind;
    size_t offset;     /* of the field in the command's options struct */
    const char *value; /* what stands for the value in help, NULL for a flag */
    const char *help;
};

struct cli_command {
    const char *name;
    const char *summary;   /* one line, no full stop */
    const char *arguments; /* "FILE|-" in help; "" for none */
    const char *about;     /* paragraphs */
    const char *examples;  /* lines of shell */
    const struct cli_option *options;
    uint32_t option_count;
    uint32_t arguments_min;
    uint32_t arguments_max;
    size_t arguments_offset; /* of a struct cli_list; read only if arguments_max > 0 */
    /* argv[0] is the command's name. Returns an enum cli_exit. */
    int (*run)(int argc, char **argv);
};

/*
 * Reads argv[1..] into the struct at `options`, which holds the defaults. Values point into argv.
 * 0, or ERR_INVALID with one sentence that names the nearest option if there is one.
 */
int cli_args_parse(const struct cli_command *command, int argc, char **argv, void *options,
                   struct err *err);

/* True if --help or -h stands among the arguments before a "--". */
bool cli_args_want_help(int argc, char **argv);

/* The help of a command, for a terminal. */
void cli_args_help(const struct cli_command *command, struct bytes *out);

/* The same as Markdown. */
void cli_args_markdown(const struct cli_command *command, struct bytes *out);

/* "tallywheel send: <text>" on stderr; returns CLI_USAGE. */
int cli_args_fail(const struct cli_command *command, const struct err *err);

/* Numbers as options write them. 0 or ERR_INVALID. */
int cli_args_count(const char *text, uint64_t *out_count, struct err *err);
int cli_args_bytes(const char *text, uint64_t *out_bytes, struct err *err);

/* Splits "key=value"; false if there is no '=' or no key. Key is cut to fit. */
bool cli_args_pair(const char *text, char *out_key, size_t key_size, const char **out_value);

/*
 * Which of `count` names (stride bytes apart, each a const char * first in its item) is near
 * enough to `word` to be what was meant; NULL if none is.
 */
const char *cli_args_nearest(const char *word, const void *items, size_t stride, uint32_t count);

#endif
