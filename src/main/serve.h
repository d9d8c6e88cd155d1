// SPDX-License-Identifier: Apache-2.0
/*
 * serve.h - `tallywheel serve`: the server from its command line to its end.
 *
 * Thread: the main thread.
 */
#ifndef TALLYWHEEL_MAIN_SERVE_H
#define TALLYWHEEL_MAIN_SERVE_H

struct cli_command;

extern const struct cli_command serve_config_command;

/* argv[0] is "serve". Returns an enum cli_exit. */
int serve_main(int argc, char **argv);

#endif
