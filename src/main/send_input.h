// SPDX-License-Identifier: Apache-2.0
/*
 * send_input.h - reads a file or a pipe and cuts it into request bodies at line ends.
 *
 * NDJSON passes through as it is; CSV becomes NDJSON on the way (send_csv.h). Nothing is
 * allocated per line. A line may be at most SEND_LINE_BYTES_MAX long.
 *
 * Thread: the main thread.
 */
#ifndef TALLYWHEEL_MAIN_SEND_INPUT_H
#define TALLYWHEEL_MAIN_SEND_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct err;
struct send_csv;
struct send_tally;

#define SEND_LINE_BYTES_MAX (16u << 20)

/* One request body. All zero is a valid empty one. */
struct send_batch {
    struct bytes body;    /* NDJSON; every line ends in '\n' */
    struct bytes lines;   /* u32 a line of body: its line in the input minus first_line; empty if
                             the lines of the input are simply consecutive */
    uint64_t first_line;  /* line of the input, from 1, of the first line of body */
    uint32_t line_count;  /* of body */
    uint64_t input_bytes; /* how much of the input went into it */
};

void send_batch_done(struct send_batch *batch);
/* The input's line for line `n` of body (from 1), and the text of that line. */
uint64_t send_batch_line(const struct send_batch *batch, uint64_t n, struct span *out_text);

enum send_format { SEND_AUTO, SEND_NDJSON, SEND_CSV };

struct send_input {
    int fd;
    bool regular;            /* a file: never waits, and has a size */
    uint64_t size;           /* of a file, 0 if not known */
    bool started;            /* the byte order mark has been dealt with */
    bool ended;              /* read to its end; what is left is in the buffer */
    enum send_format format; /* SEND_AUTO until the first bytes were seen */
    size_t batch_bytes;
    struct bytes buffer; /* what was read and not yet taken: from `begin` on */
    size_t begin;
    uint64_t line;  /* of the input, from 1, that stands at `begin` */
    bool long_line; /* no line end within the buffer: read on even though it is full */
    struct send_csv *csv;
};

/* `path` is "-" for standard input. Looks at the name's ending if the format is SEND_AUTO. */
int send_input_open(struct send_input *input, const char *path, enum send_format format,
                    size_t batch_bytes, struct err *err);
void send_input_close(struct send_input *input);

/* Whether the next read would not have to wait. */
bool send_input_readable(const struct send_input *input);

/* Whether more may be read before something is taken. */
bool send_input_wants(const struct send_input *input);

/*
 * Reads once. 1 if something came, 0 at the end, negative on failure. After the first bytes
 * `format` is known; for SEND_CSV the caller then sets `csv` up before it takes anything.
 */
int send_input_read(struct send_input *input, struct err *err);

/*
 * Moves at most `lines_max` whole lines, about batch_bytes of them, to an empty batch. 1 if there
 * were any, 0 if there is no whole line yet (or at all, once ended), negative if a line is too
 * long. CSV records that make no sense go to the tally as rejects.
 */
int send_input_take(struct send_input *input, uint32_t lines_max, struct send_batch *batch,
                    struct send_tally *tally, struct err *err);

#endif
