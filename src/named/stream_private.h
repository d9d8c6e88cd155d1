// SPDX-License-Identifier: Apache-2.0
/*
 * stream_private.h - what stream_*.c share; never leaves this folder.
 */
#ifndef TALLYWHEEL_NAMED_STREAM_PRIVATE_H
#define TALLYWHEEL_NAMED_STREAM_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"
#include "base/err.h"
#include "model/definition.h"

struct catalog_stream;
struct named;
struct node;
struct worker;

#define STREAM_ROWS_MAX 100000u /* that one command gives */

struct stream_id {
    uint64_t ms;
    uint64_t n;
};

static inline int stream_id_compare(struct stream_id a, struct stream_id b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return a.n != b.n ? (a.n < b.n ? -1 : 1) : 0;
}

/* "5-3"; "5" with `otherwise` behind it. False if it is neither. */
bool stream_id_read(struct span text, uint64_t otherwise, struct stream_id *out_id);
void stream_id_put(struct bytes *out, struct stream_id id); /* as a bulk reply */

/* ---- stream_scan.c: a piece of a stream, read in a disk thread ---- */

/* A row: its id, and its reply token text. */
struct scan_row {
    struct stream_id id;
    uint64_t at;
    uint32_t size;
    uint32_t partition;
};

struct stream_scan {
    uv_work_t work; /* first */
    struct worker *worker;
    struct node *node;
    struct stream_def def;
    uint32_t stream_id;
    uint32_t partition_count;
    bool reversed;         /* the greatest ids first */
    struct stream_id from; /* included */
    struct stream_id to;   /* included */
    uint64_t settled_ms;   /* nothing from then on; UINT64_MAX: all that is committed */
    uint32_t limit;
    uint64_t *starts; /* where to begin, by partition; UINT64_MAX: to be found by `from` */
    uint64_t *nexts;  /* where a read of what is behind the last row would begin */
    bool held_back;   /* there are rows that are not settled */
    struct scan_row *rows;
    uint32_t row_count;
    uint32_t row_capacity;
    struct bytes text;
    struct bytes scratch;
    uint64_t offset; /* of the record that is looked at, and its partition */
    uint32_t partition;
    uint32_t first; /* of the partition's rows */
    int64_t probed_ms;
    uint64_t probed_end;
    int rc;
    struct err err;
    void *context;
    void (*done)(struct stream_scan *scan);
};

/* Of a stream that is defined; the caller sets the rest, from `reversed` on. */
struct stream_scan *stream_scan_new(struct worker *worker, const struct stream_def *def,
                                    uint32_t stream_id);
void stream_scan_begin(struct stream_scan *scan, struct worker *worker); /* `done` on the worker */
void stream_scan_free(struct stream_scan *scan);

/* Appends the rows as a reply. */
void stream_scan_put(const struct stream_scan *scan, struct bytes *out);

/* ---- stream_cursor.c: where to begin behind an id that was the last of a read ---- */

void stream_cursors_note(struct named *named, const struct stream_scan *scan);
bool stream_cursors_find(const struct named *named, uint32_t stream, struct stream_id id,
                         uint64_t *out_starts, uint32_t partition_count);
void stream_cursors_done(struct named *named);

/* ---- stream_read.c ---- */

/* `ms`: everything before it is committed, in all partitions. */
void stream_settled(struct worker *worker, void (*done)(void *context, uint64_t ms), void *context);

/* ---- stream_add.c ---- */

/*
 * The stream of a key, or NULL with an error reply in `out`; without one if `silent` and nothing is
 * named so.
 */
const struct catalog_stream *stream_find(struct worker *worker, struct span key, bool silent,
                                         struct bytes *out);

/* Calls `done` with the reply, and ends it. */
void stream_reply(struct bytes *out, void (*done)(void *context, struct span tokens),
                  void *context);

#endif
