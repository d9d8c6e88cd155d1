// SPDX-License-Identifier: Apache-2.0
/*
 * row_sink.h - where a decoder puts what it read: typed rows, and what it had to refuse.
 *
 * Thread: the decoder calls it in the thread that feeds it.
 */
#ifndef TALLYWHEEL_WIRE_ROW_SINK_H
#define TALLYWHEEL_WIRE_ROW_SINK_H

#include <stdint.h>

struct cell;

struct row_sink {
    void *ctx;

    /*
     * A row: one cell for each field of the stream, each of its field's type. Strings are valid
     * until it returns. `line` counts from 1. A negative return stops the decoder, which then
     * returns this value from what it was doing and from all later calls.
     */
    int (*row)(void *ctx, const struct cell *cells, uint64_t line);

    /* A line that gives no row; `reason` is a sentence for a person, valid until it returns. */
    void (*reject)(void *ctx, uint64_t line, const char *reason);
};

#endif
