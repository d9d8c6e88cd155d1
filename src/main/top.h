// SPDX-License-Identifier: Apache-2.0
/*
 * top.h - `tallywheel top`: a board, live on the terminal.
 *
 * Thread: the main thread.
 */
#ifndef TALLYWHEEL_MAIN_TOP_H
#define TALLYWHEEL_MAIN_TOP_H

#include <stdbool.h>

#include "base/bytes.h"

struct cli_command;

extern const struct cli_command top_command;

/*
 * Takes a server-sent event stream apart, in whatever pieces it arrives: fields `id` and `data`,
 * comments, line ends LF, CRLF or CR, several data lines joined by LF.
 */
#define TOP_SSE_BYTES_MAX (64u << 20)

/* All zero, with on_event set, is a parser at the start of a stream. */
struct top_sse {
    void (*on_event)(void *context, struct span data);
    void *context;
    struct bytes line; /* the part of a line that has come so far */
    struct bytes data;
    struct bytes id; /* of the last event; empty: none yet */
    bool has_data;
    bool after_cr; /* a LF that follows is part of the line end before */
};

void top_sse_done(struct top_sse *sse);

/* A new connection: forgets what was half-read, keeps the id. */
void top_sse_restart(struct top_sse *sse);

/* False if a line or an event is larger than TOP_SSE_BYTES_MAX. */
bool top_sse_feed(struct top_sse *sse, struct span bytes);

#endif
