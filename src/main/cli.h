// SPDX-License-Identifier: Apache-2.0
/*
 * cli.h - the command line: which commands there are, and who runs them.
 *
 * Thread: the main thread.
 */
#ifndef TALLYWHEEL_MAIN_CLI_H
#define TALLYWHEEL_MAIN_CLI_H

#include "main/cli_args.h"

/* What `tallywheel serve` takes; serve_main() gets it with cli_args_parse(&cli_serve, ...). */
struct cli_serve_options {
    const char *config; /* a YAML file, NULL: none */
    const char *data;   /* overrides the config's, like the rest */
    const char *http;
    const char *resp;
    struct cli_list set; /* "name=value" */
};

extern const struct cli_command cli_serve;

/* The whole program but main() itself. Returns an enum cli_exit. */
int cli_main(int argc, char **argv);

#endif
