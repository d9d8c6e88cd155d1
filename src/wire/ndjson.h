// SPDX-License-Identifier: Apache-2.0
/*
 * ndjson.h - JSON events, as they arrive in pieces of a body, to typed rows.
 *
 * A body is one of three forms:
 *   lines    one object a line (NDJSON). Lines end in LF or CRLF; the last may end with the body;
 *            blank lines count but give nothing. An object never spans lines.
 *   array    [ object, object, ... ]: `line` is the number of the element, from 1.
 *   object   one object, over as many lines as it likes: `line` is the one that it begins on.
 * NDJSON_AUTO tells them apart: a body that begins with [ is an array; one that begins with {
 * is lines, unless its first line ends inside of an object and the whole body is one object.
 * A byte order mark before the body is skipped.
 *
 * A bad line is rejected with its number and a reason for a person, and never costs the good ones.
 * An array that breaks between its elements cannot be followed any further: what came before is
 * kept, and the rest is one reject.
 *
 * How fields are read:
 *   string   a JSON string, at most string_bytes_max bytes
 *   int      a JSON number without a remainder (12, -3, 5.0, 1e3), above INT64_MIN
 *   float    a JSON number
 *   bool     true or false
 *   time     a JSON number or string, as wire/timestamp.h says
 * Fields that are missing or null are cells that are not present; the stream's key, time and id
 * are required. Of a field that is given twice the last is taken (all of them must be good).
 * Fields that the stream does not have are ignored, but must be JSON.
 *
 * Memory: a line at most is held between calls, and a block of token offsets. A decoder is made to
 * be reused (ndjson_reset), which costs no allocation.
 *
 * Thread: one owner at a time.
 */
#ifndef TALLYWHEEL_WIRE_NDJSON_H
#define TALLYWHEEL_WIRE_NDJSON_H

#include <stddef.h>
#include <stdint.h>

struct ndjson;
struct row_sink;
struct stream_def;

/* What line_bytes_max may be. */
#define NDJSON_LINE_BYTES_MIN 128
#define NDJSON_LINE_BYTES_MAX (1 << 30)

#define NDJSON_LINE_BYTES_MAX_DEFAULT 1048576
#define NDJSON_STRING_BYTES_MAX_DEFAULT 65535

struct ndjson_limits {
    size_t line_bytes_max;   /* a line, an element of an array, or a single object */
    size_t string_bytes_max; /* the value of a string field */
};

enum ndjson_form {
    NDJSON_AUTO,
    NDJSON_LINES, /* application/x-ndjson: never an array, never an object over lines */
    NDJSON_JSON,  /* application/json: as AUTO, but a broken object over lines is one reject */
};

/* The body is of form NDJSON_AUTO. `def` is copied; `sink` must live as long as it is fed. */
struct ndjson *ndjson_new(const struct stream_def *def, const struct ndjson_limits *limits,
                          const struct row_sink *sink);
void ndjson_free(struct ndjson *ndjson);

/* Begins a new body, of whatever stream; the limits stay. */
void ndjson_reset(struct ndjson *ndjson, const struct stream_def *def, enum ndjson_form form,
                  const struct row_sink *sink);

/*
 * The next piece of the body, of any size; `data` is not kept. How the body is cut into pieces
 * changes nothing but when the sink is called. 0, or what the sink's `row` stopped it with.
 */
int ndjson_feed(struct ndjson *ndjson, const char *data, size_t size);

/* The body is at its end. Same return as ndjson_feed. Feed no more before ndjson_reset. */
int ndjson_finish(struct ndjson *ndjson);

#endif
