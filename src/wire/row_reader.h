// SPDX-License-Identifier: Apache-2.0
/*
 * row_reader.h - one JSON object, whose tokens are known, to the cells of a row.
 *
 * What ndjson.c hands every line to. row_skip.c is the part of it that reads what no field wants.
 *
 * Thread: one owner at a time.
 */
#ifndef TALLYWHEEL_WIRE_ROW_READER_H
#define TALLYWHEEL_WIRE_ROW_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "model/batch.h"
#include "model/definition.h"

struct json_simd;

#define ROW_REASON_BYTES_MAX 512

/* Nesting that a field's value may have before it is refused. */
#define ROW_DEPTH_MAX 256

/* Keys that a row may have and still find them where the row before had them. */
#define ROW_KEYS_EXPECTED 64

#define FIELD_UNKNOWN (-1)

/*
 * A key to compare with, as it stands in JSON text without escapes: the quote behind it belongs to
 * it, so that equal bytes mean an equal key. A key that cannot be held (too long, or with escapes)
 * is zeros, which no text holds: it never matches.
 */
struct row_key {
    char quoted[NAME_BYTES_MAX];
    uint64_t masks[2]; /* which bits of the first 16 bytes count */
    uint32_t size;     /* with the quote */
    int32_t field;     /* FIELD_UNKNOWN: not one of the stream's */
};

enum row_verdict {
    ROW_GOOD,
    ROW_WRONG,  /* JSON, but not an event of this stream */
    ROW_BROKEN, /* not one object of JSON */
};

/* Turns objects into cells. Keys are first looked for where the row before had them. */
struct row_reader {
    /* The stream. */
    uint32_t field_count;
    uint64_t required; /* bit a field */
    enum field_type types[STREAM_FIELDS_MAX];
    char names[STREAM_FIELDS_MAX][NAME_BYTES_MAX];
    size_t string_bytes_max;
    struct json_simd *simd;

    struct row_key expected[ROW_KEYS_EXPECTED]; /* by position in the row */
    uint32_t expected_count;

    /* The text at hand. */
    const char *base;
    const uint32_t *token; /* the next one; those of a block end in the offset of a line feed */
    uint32_t row_start;
    uint32_t row_end;
    bool may_escape; /* there is a backslash somewhere in the block */

    /* The row at hand. */
    struct cell cells[STREAM_FIELDS_MAX];
    struct bytes unescaped; /* the strings of the row that had escapes */
    bool wrong;             /* `reason` says why */
    char reason[ROW_REASON_BYTES_MAX];
};

void row_reader_init(struct row_reader *reader, struct json_simd *simd, size_t string_bytes_max);
void row_reader_done(struct row_reader *reader);
void row_reader_reset(struct row_reader *reader, const struct stream_def *def);

/*
 * Reads the object that begins at reader->token and must be all there is before `row_end`, an
 * offset into base. Cells or a reason are in the reader. The token is somewhere in the row after
 * that. base[last token] is a line feed, and JSON_SIMD_PADDING bytes behind it can be read.
 */
enum row_verdict row_reader_read(struct row_reader *reader, uint32_t row_end);

/* ---- for row_reader.c and row_skip.c ---- */

/* The first thing that is wrong with a row is what is told. */
void row_reader_wrong(struct row_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3), cold));

/* Returns NULL: there is no next token. */
const uint32_t *row_reader_broken(struct row_reader *reader, const uint32_t *token,
                                  const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));

/* The token after the value that begins at `token`, or NULL if it is not JSON. */
const uint32_t *row_skip_value(struct row_reader *reader, const uint32_t *token);

/* The bytes between the quotes. The string is closed; only space follows up to the next token. */
static inline struct span row_reader_string(const struct row_reader *reader, const uint32_t *token)
{
    const char *start = reader->base + token[0] + 1;
    const char *end = reader->base + token[1] - 1;

    while (*end != '"')
        end--;
    return (struct span){start, (size_t)(end - start)};
}

static inline bool row_reader_has_escape(const struct row_reader *reader, struct span text)
{
    return reader->may_escape && memchr(text.data, '\\', text.size) != NULL;
}

#endif
