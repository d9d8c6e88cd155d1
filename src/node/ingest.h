// SPDX-License-Identifier: Apache-2.0
/*
 * ingest.h - rows from requests into batches, batches to partitions, and answers back.
 *
 * A worker has one open submission for each stream and partition; all requests of the worker
 * append to it. It is sent off when it is full, when it is `commit_delay` old, or, at the end of a
 * turn of the loop, when its partition is not busy: so a lone event does not wait, and a flood
 * makes large batches.
 *
 * A request knows which rows of which batches are its own. When the last of them has returned it is
 * done: what was accepted, what was a duplicate, what was late.
 *
 * The rows of a producer's request go to the same partitions whenever and wherever it is sent, in
 * the order of its lines: that is what engine/producers.h builds on.
 *
 * Thread: the worker's.
 */
#ifndef TALLYWHEEL_NODE_INGEST_H
#define TALLYWHEEL_NODE_INGEST_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"
#include "base/err.h"
#include "model/batch.h"

struct board_reply;
struct catalog_stream;
struct submission;
struct worker;

struct ingest_reject {
    uint64_t line;
    size_t reason_start; /* in reject_text */
    size_t reason_size;
};

/* What one partition did with the rows of a request. */
struct ingest_offset {
    uint32_t partition;
    uint64_t offset; /* of the request's last row there */
    int64_t wall_ms; /* when that was appended */
};

#define INGEST_RECENT 16

struct ingest_request {
    struct worker *worker;
    uint32_t stream_id;
    struct stream_def def;
    uint32_t pending; /* submissions that hold rows of it */
    bool ended;       /* all rows have been given */
    uint64_t ended_ns;
    uint64_t accepted;
    uint64_t duplicates;
    uint64_t late;
    uint64_t rejected;
    struct ingest_reject *rejects; /* the first limits.rejects_listed of them */
    uint32_t reject_count;
    uint32_t reject_capacity;
    struct bytes reject_text;
    struct ingest_offset *offsets;
    uint32_t offset_count;
    uint64_t failed; /* rows that could not be committed */
    struct err failure;
    struct bytes producer; /* its name; empty: the request is of none */
    uint64_t sequence;
    uint32_t *previous;             /* of a producer: the last line that went to each partition */
    uint64_t stale;                 /* rows that nobody can tell whether they were folded */
    uint32_t recent[INGEST_RECENT]; /* where the open submission of a partition was last found */
    void *context;
    /* All rows are decided. The request may be freed inside. */
    void (*done)(struct ingest_request *request);
};

struct ingest {
    struct worker *worker;
    struct submission **open; /* those that have rows, in order of opening */
    uint32_t open_count;
    uint32_t open_capacity;
    struct submission *pool; /* returned ones, with their memory */
    uint32_t pool_count;
    uint32_t next_partition; /* where rows of streams without a key go */
    uv_check_t check;
    uv_timer_t timer;
    bool timer_active;
    void (*on_room)(void *context); /* in-flight bytes have fallen below half the limit */
    void *on_room_context;
};

void ingest_init(struct ingest *ingest, struct worker *worker);
void ingest_flush(struct ingest *ingest); /* sends all open batches */
void ingest_close(struct ingest *ingest); /* closes its handles */
void ingest_done(struct ingest *ingest);

/* Begins a request: fills in all but `context` and `done`. */
void ingest_request_init(struct ingest_request *request, struct worker *worker,
                         const struct catalog_stream *stream);
void ingest_request_done(struct ingest_request *request);

/*
 * Before the first row: the request is number `sequence` of `producer` (1 to
 * PRODUCER_NAME_BYTES_MAX bytes), and each of its rows is taken once however often it is sent.
 */
void ingest_request_produced(struct ingest_request *request, struct span producer,
                             uint64_t sequence);

/*
 * Takes a row: checks its event time against `ahead`, picks the partition, appends. A row that is
 * refused is counted and listed with `line`.
 */
void ingest_row(struct ingest_request *request, const struct cell *cells, uint64_t line);

/* Counts and lists a row that could not be read. */
void ingest_reject(struct ingest_request *request, uint64_t line, const char *reason);

/* Why the `index`-th listed row was refused; valid until the next reject. */
struct span ingest_reject_reason(const struct ingest_request *request, uint32_t index);

/* No more rows. `done` is called when all are decided: maybe from inside. */
void ingest_end(struct ingest_request *request);

/* Bytes that were taken in and are not yet decided, over all workers, exceed the limit. */
bool ingest_is_full(const struct worker *worker);

/* Half the limit is used: whoever streams a body should pause until on_room. */
bool ingest_is_tight(const struct worker *worker);

/*
 * A submission of its own for rows that want replies (scores given directly to a board). The
 * caller appends to submission->batch, sets context and returned, and sends it with ingest_send.
 */
struct submission *ingest_take(struct ingest *ingest, const struct catalog_stream *stream,
                               uint32_t partition);
void ingest_send(struct ingest *ingest, struct submission *submission);

/* Gives a returned submission back to the pool. */
void ingest_recycle(struct ingest *ingest, struct submission *submission);

/* The partition of a row: by its key, its id, or this worker's own in turn. */
uint32_t ingest_partition(struct ingest *ingest, const struct stream_def *def,
                          const struct cell *cells);

#endif
