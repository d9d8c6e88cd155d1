// SPDX-License-Identifier: Apache-2.0
/*
 * cli.c - see cli.h.
 *
 * A new command is one struct cli_command in its own file and one line in `commands` below; help,
 * "did you mean" and docs/reference/cli.md (`tallywheel help --markdown`, which a test compares)
 * follow from it.
 */
#include "main/cli.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "main/client.h"
#include "main/query.h"
#include "main/send.h"
#include "main/serve.h"
#include "main/text.h"
#include "main/top.h"

static const struct cli_option serve_options[] = {
    {"config", CLI_TEXT, offsetof(struct cli_serve_options, config), "FILE",
     "the YAML file with settings, streams, metrics and boards"},
    {"data", CLI_TEXT, offsetof(struct cli_serve_options, data), "DIR",
     "the folder of the journal; made if it is not there (./data)"},
    {"http", CLI_TEXT, offsetof(struct cli_serve_options, http), "ADDRESS",
     "where to listen, such as 127.0.0.1:7411 (the default) or 0.0.0.0:80"},
    {"resp", CLI_TEXT, offsetof(struct cli_serve_options, resp), "ADDRESS",
     "where to listen for clients of Redis, such as 127.0.0.1:7410 (the default)"},
    {"set", CLI_LIST, offsetof(struct cli_serve_options, set), "NAME=VALUE",
     "overrides one setting of the config, such as durability=written; may be repeated"},
};

const struct cli_command cli_serve = {
    .name = "serve",
    .summary = "run the server",
    .arguments = "",
    .about = "Runs the server until SIGTERM or Ctrl-C: recovers what the data folder holds, then "
             "prints where the page and each port are. Both signals stop it cleanly; nothing that "
             "was acknowledged is lost either way. Settings come from the command line, then the "
             "config, then the defaults.",
    .examples = "tallywheel serve\n"
                "tallywheel serve --config tallywheel.yaml --data /var/lib/tallywheel\n"
                "tallywheel serve --http 127.0.0.1:0 --set durability=memory",
    .options = serve_options,
    .option_count = sizeof(serve_options) / sizeof(serve_options[0]),
    .run = serve_main,
};

struct help_options {
    bool markdown;
    struct cli_list about;
};

static int help_run(int argc, char **argv);
static int version_run(int argc, char **argv);

static const struct cli_option help_options[] = {
    {"markdown", CLI_FLAG, offsetof(struct help_options, markdown), NULL,
     "everything as one Markdown page"},
};

static const struct cli_command command_help = {
    .name = "help",
    .summary = "explain a command",
    .arguments = "[COMMAND]",
    .about = "Lists the commands, or explains one of them.",
    .examples = "tallywheel help send",
    .options = help_options,
    .option_count = 1,
    .arguments_max = 1,
    .arguments_offset = offsetof(struct help_options, about),
    .run = help_run,
};

static const struct cli_command command_version = {
    .name = "version",
    .summary = "print the version",
    .arguments = "",
    .about = "Prints the version of this program. `tallywheel status` prints the server's.",
    .examples = "tallywheel version",
    .run = version_run,
};

static const struct cli_command *const commands[] = {
    &cli_serve,
    &send_command,
    &top_command,
    &query_command,
    &query_status_command,
    &query_get_command,
    &serve_config_command,
    &command_version,
    &command_help,
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const struct cli_command *find_command(const char *name)
{
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[COMMAND_COUNT];
    const char *nearest;

    for (uint32_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i]->name;
    nearest = cli_args_nearest(name, names, sizeof(names[0]), COMMAND_COUNT);
    if (nearest != NULL)
        fprintf(stderr, "tallywheel: unknown command \"%s\"; did you mean \"%s\"?\n", name,
                nearest);
    else
        fprintf(stderr, "tallywheel: unknown command \"%s\"; `tallywheel help` lists them\n", name);
    return CLI_USAGE;
}

static const char overview[] =
    "Tallywheel: events go in; leaderboards and windowed metrics come out, live.\n";

static const char environment[] =
    "  TALLYWHEEL_URL          the server that commands talk to (" CLIENT_URL_DEFAULT ")\n"
    "  NO_COLOR                if set and not empty, no colours\n";

static void print_overview(FILE *out)
{
    fprintf(out, "%s\nUsage: tallywheel COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands\n", overview);
    for (uint32_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-23s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out,
            "\n`tallywheel help COMMAND` explains one of them, with examples.\n\n"
            "Environment\n%s\n"
            "Exit codes: 0 done, 1 the server refused something, 2 wrong usage, 3 not reached.\n",
            environment);
}

static int print_markdown(void)
{
    struct bytes page = {0};

    bytes_put_text(&page, "# The command line\n\n"
                          "Written by `tallywheel help --markdown`; a test keeps it true. "
                          "See also the manual page, `man tallywheel`.\n\n"
                          "| command | what it does |\n|---|---|\n");
    for (uint32_t i = 0; i < COMMAND_COUNT; i++)
        bytes_format(&page, "| [`%s`](#tallywheel-%s) | %s |\n", commands[i]->name,
                     commands[i]->name, commands[i]->summary);
    bytes_put_text(&page,
                   "\nOptions are `--name value` or `--name=value`; options of one letter also "
                   "take one dash. `--` ends them.\nCounts take `k`, `M` and `G` (thousands), "
                   "sizes `KiB`, `MiB`, `GiB`, `KB`, `MB` and `GB`.\n\n"
                   "| environment | meaning |\n|---|---|\n"
                   "| `TALLYWHEEL_URL` | the server that commands talk to, if `--url` is not "
                   "given (`" CLIENT_URL_DEFAULT "`) |\n"
                   "| `NO_COLOR` | if set and not empty, no colours; there are none outside a "
                   "terminal |\n\n"
                   "| exit code | meaning |\n|---|---|\n"
                   "| 0 | done; for `send`: every event was accepted |\n"
                   "| 1 | the server refused something: some events, an unknown board, … |\n"
                   "| 2 | the command line makes no sense; nothing was done |\n"
                   "| 3 | the server or the input could not be reached, or went away |\n"
                   "| 130 | interrupted with Ctrl-C |\n");
    for (uint32_t i = 0; i < COMMAND_COUNT; i++)
        cli_args_markdown(commands[i], &page);
    text_print(&page);
    bytes_done(&page);
    return CLI_DONE;
}

static int print_help(const struct cli_command *command)
{
    struct bytes text = {0};

    cli_args_help(command, &text);
    text_print(&text);
    bytes_done(&text);
    return CLI_DONE;
}

static int help_run(int argc, char **argv)
{
    struct help_options options = {0};
    const struct cli_command *command;
    struct err err = {0};

    if (cli_args_parse(&command_help, argc, argv, &options, &err) < 0)
        return cli_args_fail(&command_help, &err);
    if (options.markdown)
        return print_markdown();
    if (options.about.count == 0) {
        print_overview(stdout);
        return CLI_DONE;
    }
    command = find_command(options.about.items[0]);
    return command != NULL ? print_help(command) : unknown_command(options.about.items[0]);
}

static int version_run(int argc, char **argv)
{
    struct err err = {0};

    if (cli_args_parse(&command_version, argc, argv, NULL, &err) < 0)
        return cli_args_fail(&command_version, &err);
    printf("tallywheel %s\n", TALLYWHEEL_VERSION);
    return CLI_DONE;
}

/* Output that did not arrive (a full disk) must not look like success. */
static int finish(int code)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == CLI_DONE) {
        perror("tallywheel: cannot write to standard output");
        return CLI_UNREACHABLE;
    }
    return code;
}

int cli_main(int argc, char **argv)
{
    const struct cli_command *command;

    /* The width of characters: text is UTF-8 wherever this runs. */
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        setlocale(LC_CTYPE, "");
    if (argc < 2) {
        print_overview(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_overview(stdout);
        return finish(CLI_DONE);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("tallywheel %s\n", TALLYWHEEL_VERSION);
        return finish(CLI_DONE);
    }
    command = find_command(argv[1]);
    if (command == NULL)
        return unknown_command(argv[1]);
    if (cli_args_want_help(argc - 1, argv + 1))
        return finish(print_help(command));
    return finish(command->run(argc - 1, argv + 1));
}
