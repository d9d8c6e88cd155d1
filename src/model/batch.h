// SPDX-License-Identifier: Apache-2.0
/*
 * batch.h - rows of one stream, in columns, on their way to one partition.
 *
 * A batch is what is appended, committed and folded at once. In memory as in the journal it is
 * columnar: a column a field; strings are codes into the column's own dictionary, so that each
 * distinct string is hashed, compared and looked up once a batch and not once a row.
 *
 * A field that an event lacks (or that is null) is a reserved value, never a separate bitmap:
 * INT64_MIN for int and time, NaN for float, code 0 for string, BATCH_BOOL_NONE for bool.
 *
 * Thread: one owner at a time; a batch moves whole from the worker that decoded it to the worker
 * that folds it, and back.
 */
#ifndef TALLYWHEEL_MODEL_BATCH_H
#define TALLYWHEEL_MODEL_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "model/definition.h"

struct err;

#define BATCH_INT_NONE INT64_MIN
#define BATCH_CODE_NONE 0u
#define BATCH_BOOL_NONE 2

/* Distinct strings of a column. Code 0 is reserved for "none"; codes are dense from 1. */
struct dictionary {
    uint32_t count; /* codes handed out, code 0 included: at least 1 */
    uint32_t capacity;
    uint32_t *starts; /* `count` + 1 entries: where the string of a code begins in text */
    uint64_t *hashes; /* hash_bytes of each string; [0] is unused */
    struct bytes text;
    uint32_t *slots; /* open addressing: codes, 0 is free */
    uint32_t slot_count;
};

struct column {
    enum field_type type;
    union {
        int64_t *ints;   /* FIELD_INT, FIELD_TIME (epoch ms) */
        double *floats;  /* FIELD_FLOAT */
        uint32_t *codes; /* FIELD_STRING */
        uint8_t *bools;  /* FIELD_BOOL: 0, 1, BATCH_BOOL_NONE */
    };
    struct dictionary dictionary; /* FIELD_STRING */
};

/*
 * What became of a row when it was folded. GAP: rows of the same request that come before it have
 * not been folded; STALE: its request is older than those that are remembered of its producer.
 */
enum row_outcome { ROW_ACCEPTED, ROW_DUPLICATE, ROW_LATE, ROW_GAP, ROW_STALE };

#define PRODUCER_NAME_BYTES_MAX 128

/*
 * Consecutive rows that one request of a producer brought. Its rows are known by their lines in the
 * request, which ascend: so it shows which of them have been folded before.
 */
struct batch_part {
    uint64_t sequence; /* of the request */
    uint32_t first_row;
    uint32_t row_count;
    uint32_t first_line; /* where the line of first_row stands in batch->lines */
    uint32_t previous;   /* the line of the request's last row before these here; 0: none */
    uint32_t name_start; /* of the producer, in batch->producers */
    uint32_t name_size;
};

struct batch {
    uint32_t stream_id;      /* engine/catalog.h gives them out */
    uint32_t stream_version; /* the version whose fields the columns are */
    uint32_t row_count;
    uint32_t row_capacity;
    uint32_t column_count;
    struct column *columns;
    int64_t *event_ms;   /* a row's event time; aliases the time column if there is one */
    bool event_ms_owned; /* there is no time column: filled with wall_ms when appended */
    uint8_t *outcomes;   /* enum row_outcome a row, written by the fold */
    int64_t wall_ms;     /* when it was appended to the journal */
    uint64_t offset;     /* the journal offset of row 0, given by the append */

    /* Only for rows that producers brought; in order of rows, not all of which need be of one. */
    struct batch_part *parts;
    uint32_t part_count;
    uint32_t part_capacity;
    uint32_t *lines; /* of the rows of parts, one after the other */
    uint32_t line_count;
    uint32_t line_capacity;
    struct bytes producers; /* their names */
};

/* One value of a row on its way into a batch. */
struct cell {
    bool present;
    union {
        int64_t i;        /* int, time in epoch ms, bool as 0 or 1 */
        double f;         /* float */
        struct span text; /* string; copied by batch_append */
    };
};

/* An empty batch with the columns of `def`. */
struct batch *batch_new(const struct stream_def *def, uint32_t stream_id);
void batch_free(struct batch *batch);

/* Empties it for new rows of the same stream version; memory is kept. */
void batch_reset(struct batch *batch);

/*
 * Appends a row: one cell for each column, of the column's type. `event_ms` of a stream without a
 * time field is filled at append to the journal (batch_stamp). Never fails: limits are the
 * caller's to check (batch_bytes, row_count).
 */
void batch_append(struct batch *batch, const struct cell *cells);

/*
 * Says who brought the row that was appended last: line `line` (from 1) of the request `sequence`
 * of `producer` (1 to PRODUCER_NAME_BYTES_MAX bytes). `previous` is the line of the request's row
 * that went to the same partition before it, 0 for none.
 */
void batch_claim(struct batch *batch, struct span producer, uint64_t sequence, uint32_t previous,
                 uint32_t line);

static inline struct span batch_producer(const struct batch *batch, const struct batch_part *part)
{
    return (struct span){batch->producers.data + part->name_start, part->name_size};
}

/* Adds the columns that `def`, a newer version of the batch's stream, has more; all "none". */
void batch_extend(struct batch *batch, const struct stream_def *def);

/* Sets wall_ms, and the event time of all rows where the stream has no time field. */
void batch_stamp(struct batch *batch, int64_t wall_ms);

/* About how many bytes batch_encode will write. Cheap. */
size_t batch_bytes(const struct batch *batch);

/* The string of a code; an empty span for BATCH_CODE_NONE. Valid until the batch changes. */
static inline struct span batch_string(const struct column *column, uint32_t code)
{
    const struct dictionary *dictionary = &column->dictionary;

    if (code == BATCH_CODE_NONE)
        return (struct span){"", 0};
    return (struct span){dictionary->text.data + dictionary->starts[code],
                         dictionary->starts[code + 1] - dictionary->starts[code]};
}

/*
 * Appends the batch in its journal form to `out`. The byte layout stands at the top of
 * batch_codec.c. stream_id, stream_version, row_count and wall_ms are part of it; offset is not.
 */
void batch_encode(const struct batch *batch, struct bytes *out);

/*
 * The batch in `data`. Everything is checked: a damaged or hostile input gives ERR_CORRUPT, never a
 * read outside `data`, and never more memory than a small multiple of `size`. Column types come
 * from the bytes; the caller compares them with the stream's. Outcomes are zeroed.
 */
int batch_decode(struct batch **out_batch, const void *data, size_t size, struct err *err);

#endif
