// SPDX-License-Identifier: Apache-2.0
/*
 * catalog.h - what is defined: streams, metrics and boards, by name and by id.
 *
 * Definitions are journal records like any other: prepare checks a wish against what is defined
 * and writes the record; apply folds a record. So a catalog is itself a fold of the journal, and
 * each partition has its own; each worker has one more, to decode rows with.
 *
 * A record is one JSON object:
 *   {"op":"put","kind":"boards","name":"season","id":7,"version":2,"wall_ms":…,"author":"config",
 *    "definition":{…}}                                          or "op":"drop", no definition
 * with "files" behind it where the definition names any (catalog_files.h).
 * Ids are given out by prepare, count up over all kinds, and are never reused.
 *
 * Changing a stream may add fields and change its durations; its other fields, key, time and id
 * stay as they were. Changing a metric or a board starts it anew; so does a script whose text has
 * changed since.
 *
 * Thread: the owner's. Entries stay valid until they are dropped or the catalog ends.
 */
#ifndef TALLYWHEEL_ENGINE_CATALOG_H
#define TALLYWHEEL_ENGINE_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "strategy/strategy.h"
#include "score/score.h"
#include "engine/catalog_files.h"
#include "model/definition.h"

struct err;
struct json_t;
struct period_zone;

struct catalog_stream {
    uint32_t id;
    struct stream_def def;
    bool of_board; /* the stream behind a board that takes scores directly */
};

struct catalog_metric {
    uint32_t id;
    struct metric_def def;
    uint32_t stream_id;
    struct strategy strategy;
    uint32_t by[BY_FIELDS_MAX]; /* columns */
    bool plain;                 /* one string field: see metric/grouping.h */
};

struct catalog_board {
    uint32_t id;
    struct board_def def;
    uint32_t stream_id;
    int32_t member_column;
    struct score_call score; /* without a strategy on boards that take scores directly */
    int32_t mode_column;     /* -1, or BOARD_STREAM_MODE */
    bool score_is_int;
    uint32_t by[BY_FIELDS_MAX];
    struct score_call subscores[SUBSCORES_MAX]; /* scripts are for who folds to make */
    struct catalog_files files;
    struct period_zone *zone; /* NULL: UTC */
};

/* Where prepare gets the files that a definition names. */
struct catalog_loader {
    void *context;
    /* Appends a file's bytes. May block. NULL: there are none. */
    int (*load)(void *context, enum catalog_file_kind kind, const char *name, struct bytes *out,
                struct err *err);
};

struct catalog {
    struct catalog_stream **streams; /* in order of definition */
    uint32_t stream_count;
    struct catalog_metric **metrics;
    uint32_t metric_count;
    struct catalog_board **boards;
    uint32_t board_count;
    uint32_t id_next;
    struct catalog_loader loader; /* set by who prepares */
};

/* What apply did. The pointers are into the catalog; `dropped_id` is gone from it. */
struct catalog_change {
    enum definition_kind kind;
    bool dropped;
    uint32_t id;                         /* of what was made, changed or dropped */
    bool restarted;                      /* it was there before and starts anew */
    const struct catalog_stream *stream; /* also the new stream of a board */
    const struct catalog_metric *metric;
    const struct catalog_board *board;
    uint32_t dropped_stream_id; /* the stream of a dropped board of its own, or UINT32_MAX */
};

/* "streams", "metrics", "boards"; false for anything else, NULL included. */
bool catalog_kind_by_text(const char *text, enum definition_kind *out_kind);

struct catalog *catalog_new(void);
void catalog_free(struct catalog *catalog);

const struct catalog_stream *catalog_find_stream(const struct catalog *catalog, struct span name);
const struct catalog_metric *catalog_find_metric(const struct catalog *catalog, struct span name);
const struct catalog_board *catalog_find_board(const struct catalog *catalog, struct span name);
const struct catalog_stream *catalog_stream_by_id(const struct catalog *catalog, uint32_t id);

/*
 * Checks that `tree` may become (or, with NULL, that there may be dropped) the definition `name`,
 * and appends the journal record to `out_record`. If it is the same as what is defined,
 * *out_unchanged is set and no record is written. Errors: ERR_INVALID (bad definition),
 * ERR_CONFLICT (does not fit what is defined: other fields, or still in use), ERR_NOT_FOUND.
 */
int catalog_prepare(const struct catalog *catalog, enum definition_kind kind, const char *name,
                    const struct json_t *tree, int64_t wall_ms, const char *author,
                    struct bytes *out_record, bool *out_unchanged, struct err *err);

/* The version of a definition; 0 if there is none. */
uint32_t catalog_version(const struct catalog *catalog, enum definition_kind kind,
                         struct span name);

/* Folds a record. ERR_CORRUPT if it is none, which a record of prepare never is. */
int catalog_apply(struct catalog *catalog, struct span record, struct catalog_change *out_change,
                  struct err *err);

/*
 * Appends the definition as JSON, with "name" and "version" first; ERR_NOT_FOUND if there is none.
 */
int catalog_print(const struct catalog *catalog, enum definition_kind kind, struct span name,
                  struct bytes *out, struct err *err);

/* Appends a JSON array of all definitions of that kind (streams of boards left out). */
void catalog_print_all(const struct catalog *catalog, enum definition_kind kind, struct bytes *out);

#endif
