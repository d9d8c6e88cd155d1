// SPDX-License-Identifier: Apache-2.0
/*
 * send.h - `tallywheel send`: a file or a pipe into a stream, as fast as the server takes it.
 *
 * Thread: the main thread.
 */
#ifndef TALLYWHEEL_MAIN_SEND_H
#define TALLYWHEEL_MAIN_SEND_H

struct cli_command;

extern const struct cli_command send_command;

#endif
