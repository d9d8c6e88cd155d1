// SPDX-License-Identifier: Apache-2.0
/*
 * transcript.h - what the NDJSON decoder makes of a body, as text to compare.
 *
 * A row is "3 player=\"ann\" points=12", a reject "3! reason"; a line each.
 */
#ifndef TALLYWHEEL_TESTS_TRANSCRIPT_H
#define TALLYWHEEL_TESTS_TRANSCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/ndjson.h"

struct stream_def;

struct transcript {
    const struct stream_def *def;
    struct bytes text;
    uint64_t row_count;
    uint64_t reject_count;
    uint64_t stop_after; /* stop at this row; 0: never */
};

/* player string (the key), points int, score float, ok bool, at time; none but the key required. */
struct stream_def transcript_stream(void);

void transcript_done(struct transcript *transcript);

/*
 * Feeds `ndjson`, begun anew with `form`, and notes what comes out. The body is cut into pieces:
 * the next is next_piece(ctx, bytes left) bytes long. NULL: one piece. Each piece lies in a block
 * of its own size. Returns what ndjson_finish returned.
 */
int transcript_take(struct transcript *transcript, struct ndjson *ndjson, enum ndjson_form form,
                    struct span body, size_t (*next_piece)(void *ctx, size_t left), void *ctx);

#endif
