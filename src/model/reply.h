// SPDX-License-Identifier: Apache-2.0
/*
 * reply.h - what a command answers, before it is known how a client wants it written.
 *
 * A reply is a sequence of tokens in a struct bytes: a byte for the kind, then a payload in native
 * byte order. An aggregate (array, pairs, map, set, push) is followed by its elements. Whoever
 * executes a command writes tokens; whoever owns the connection reads them and writes RESP2 or
 * RESP3 (resp/resp_print.h). So executing knows nothing of a client, and replies can be merged.
 *
 *     kind                payload
 *     REPLY_NULL          -                  no value
 *     REPLY_NULL_ARRAY    -                  no array: RESP2 tells it from no value
 *     REPLY_INT           i64
 *     REPLY_DOUBLE        f64                a bulk string in RESP2
 *     REPLY_BOOL          u8                 1 or 0 in RESP2
 *     REPLY_STATUS        u32 size, bytes    "OK"
 *     REPLY_ERROR         u32 size, bytes    "ERR syntax error", with the code in front
 *     REPLY_BULK          u32 size, bytes
 *     REPLY_TEXT          u32 size, bytes    a verbatim "txt" string in RESP3, a bulk in RESP2
 *     REPLY_ARRAY         u32 count          count elements follow
 *     REPLY_PAIRS         u32 count          2 * count elements follow: an array of arrays of two
 *                                            in RESP3, one flat array in RESP2
 *     REPLY_MAP           u32 count          2 * count elements follow: a flat array in RESP2
 *     REPLY_TABLE         u32 count          2 * count elements follow: an array of arrays of two
 *                                            in RESP2, a map in RESP3
 *     REPLY_SET           u32 count          count elements follow: an array in RESP2
 *     REPLY_PUSH          u32 count          count elements follow: an array in RESP2
 *
 * Thread: plain values; any.
 */
#ifndef TALLYWHEEL_MODEL_REPLY_H
#define TALLYWHEEL_MODEL_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum reply_kind {
    REPLY_NULL = 1,
    REPLY_NULL_ARRAY,
    REPLY_INT,
    REPLY_DOUBLE,
    REPLY_BOOL,
    REPLY_STATUS,
    REPLY_ERROR,
    REPLY_BULK,
    REPLY_TEXT,
    REPLY_ARRAY,
    REPLY_PAIRS,
    REPLY_MAP,
    REPLY_TABLE,
    REPLY_SET,
    REPLY_PUSH,
};

void reply_null(struct bytes *out);
void reply_null_array(struct bytes *out);
void reply_int(struct bytes *out, int64_t value);
void reply_double(struct bytes *out, double value);
void reply_bool(struct bytes *out, bool value);
void reply_status(struct bytes *out, const char *text);
void reply_error(struct bytes *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void reply_bulk(struct bytes *out, struct span value);
void reply_text(struct bytes *out, struct span value);

/* One of the aggregates; `count` elements (or pairs of them) must follow. */
void reply_aggregate(struct bytes *out, enum reply_kind kind, uint32_t count);

/*
 * An aggregate whose count is known only afterwards: begin gives the place of the token, end
 * writes the count into it.
 */
size_t reply_aggregate_begin(struct bytes *out, enum reply_kind kind);
void reply_aggregate_end(struct bytes *out, size_t at, uint32_t count);

struct reply_token {
    enum reply_kind kind;
    int64_t i;        /* REPLY_INT, REPLY_BOOL */
    double f;         /* REPLY_DOUBLE */
    struct span text; /* of kinds with bytes; valid as long as what was read from */
    uint32_t count;   /* of aggregates */
};

/*
 * Reads the token at `*at` of `from` and moves `*at` behind it. False at the end. The tokens are
 * of this process: damage is a bug, and asserted.
 */
bool reply_next(struct span from, size_t *at, struct reply_token *out_token);

/* Moves `*at` behind the whole value that begins there, elements included. */
void reply_skip(struct span from, size_t *at);

#endif
