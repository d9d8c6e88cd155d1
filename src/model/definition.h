// SPDX-License-Identifier: Apache-2.0
/*
 * definition.h - what a user defines: streams, metrics and boards.
 *
 * A definition arrives as a JSON tree (from the YAML config or from PUT) and becomes one of the
 * structs below, or one error that says where and what. It holds names, not pointers: whether a
 * stream exists and a strategy fits a field is the engine's to check (engine/catalog.h).
 *
 * Thread: plain values; any.
 */
#ifndef TALLYWHEEL_MODEL_DEFINITION_H
#define TALLYWHEEL_MODEL_DEFINITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "period/period.h"

struct err;
struct json_t;

#define NAME_BYTES_MAX 64 /* with the zero */
#define STREAM_FIELDS_MAX 64
#define BY_FIELDS_MAX 8
#define CALL_ARGS_MAX 4
#define SUBSCORES_MAX 4
#define MILESTONES_MAX 32
#define SEASONS_KEEP_MAX 10000
#define SEASONS_KEEP_DEFAULT 10

enum field_type { FIELD_INT, FIELD_FLOAT, FIELD_STRING, FIELD_BOOL, FIELD_TIME };

struct field {
    char name[NAME_BYTES_MAX];
    enum field_type type;
};

/*
 * A stream: a named, typed kind of event. Fields are only ever appended, so the rows of an older
 * version are a prefix of the newer one's.
 */
struct stream_def {
    char name[NAME_BYTES_MAX];
    uint32_t version; /* counts up from 1 with every change */
    uint32_t field_count;
    struct field fields[STREAM_FIELDS_MAX];
    int32_t key_field;  /* index, or -1: rows stay on the partition that received them */
    int32_t time_field; /* index of a FIELD_TIME, or -1: event time is the time of arrival */
    int32_t id_field;   /* index, or -1: no deduplication */
    int64_t dedupe_ms;  /* how long an id is remembered, in event time */
    int64_t lateness_ms;
    int64_t ahead_ms; /* further in the future than this beyond the wall clock: rejected */
    int64_t idle_ms;
};

/* "sum(points)", "quantile(0.99, points)": a strategy's name and its arguments as they stand. */
struct call {
    char name[NAME_BYTES_MAX];
    uint32_t arg_count;
    char args[CALL_ARGS_MAX][NAME_BYTES_MAX];
};

/* A metric: a windowed aggregate over a stream. */
struct metric_def {
    char name[NAME_BYTES_MAX];
    uint32_t version;
    char stream[NAME_BYTES_MAX];
    struct call value;
    uint32_t by_count;
    char by[BY_FIELDS_MAX][NAME_BYTES_MAX];
    int64_t every_ms; /* the width of a pane, 100 ms or more */
    int64_t keep_ms;  /* panes older than this behind the watermark are dropped; 0: never */
};

enum board_order { BOARD_DESC, BOARD_ASC };

/*
 * Who stands first among equal scores: who reached it first, last, or by the member's bytes.
 * Shared is by the member's bytes too, but ranks are of the style "competition" unless a query asks
 * for another: members of equal score share one.
 */
enum board_ties { BOARD_TIES_FIRST, BOARD_TIES_LAST, BOARD_TIES_MEMBER, BOARD_TIES_SHARED };

/* Does the time a score was reached order members of equal score? */
static inline bool board_ties_by_time(enum board_ties ties)
{
    return ties == BOARD_TIES_FIRST || ties == BOARD_TIES_LAST;
}

/* What decides among members of equal score, before the rule for ties. */
struct board_subscore {
    struct call score;
    enum board_order order;
};

/*
 * A board: a leaderboard. Without a stream it takes scores directly (POST /v1/boards/B/scores)
 * through a stream of its own, see board_def_stream.
 */
struct board_def {
    char name[NAME_BYTES_MAX];
    uint32_t version;
    char stream[NAME_BYTES_MAX]; /* "": takes scores directly */
    char member[NAME_BYTES_MAX]; /* a field of the stream: its key */
    struct call score;           /* unset (name "") without a stream */
    enum field_type score_type;  /* FIELD_INT or FIELD_FLOAT; read only without a stream */
    enum board_order order;
    enum board_ties ties;
    uint32_t by_count;
    char by[BY_FIELDS_MAX][NAME_BYTES_MAX];
    uint32_t subscore_count;
    struct board_subscore subscores[SUBSCORES_MAX]; /* the first decides first */
    struct period_def period;
    uint32_t keep;     /* how many closed seasons are kept; 0 without seasons */
    int64_t expire_ms; /* a member without an event for this long is removed; 0: never */
    uint32_t milestone_count;
    double milestones[MILESTONES_MAX]; /* each better than the one before; never NaN or infinite */
};

enum definition_kind { DEFINITION_STREAM, DEFINITION_METRIC, DEFINITION_BOARD };

/* "streams", "metrics", "boards": the word in the config and in the URL. */
const char *definition_kind_text(enum definition_kind kind);

/* "int", "float", "string", "bool", "time". */
const char *field_type_text(enum field_type type);

/* The index of a field by name, or -1. */
int32_t stream_def_field(const struct stream_def *def, struct span name);

/*
 * Each of these reads one object, fills in defaults (see docs/reference/config.md), and refuses
 * unknown keys, wrong types and bad values: ERR_INVALID and a text such as
 * `streams.plays.fields.points: unknown type "integr", expected one of int, float, string, bool,
 * time`. `version` is left 0.
 */
int stream_def_parse(struct stream_def *out_def, const char *name, const struct json_t *tree,
                     struct err *err);
int metric_def_parse(struct metric_def *out_def, const char *name, const struct json_t *tree,
                     struct err *err);
int board_def_parse(struct board_def *out_def, const char *name, const struct json_t *tree,
                    struct err *err);

/* The definition as canonical JSON (the object that PUT takes, all defaults written out). */
void stream_def_print(const struct stream_def *def, struct bytes *out);
void metric_def_print(const struct metric_def *def, struct bytes *out);
void board_def_print(const struct board_def *def, struct bytes *out);

/*
 * The stream behind a board that takes scores directly. Fields, in this order: member (string,
 * the key), score (the board's score_type), mode (int, an enum score_mode), then the `by` fields
 * (string). Its name is "board:" and the board's name (cut to fit: board names are at most
 * NAME_BYTES_MAX - 7 bytes), which no user's stream can have.
 */
void board_def_stream(const struct board_def *board, struct stream_def *out_stream);

#define BOARD_STREAM_MEMBER 0
#define BOARD_STREAM_SCORE 1
#define BOARD_STREAM_MODE 2
#define BOARD_STREAM_BY 3

enum score_mode { SCORE_SET, SCORE_ADD, SCORE_MAX, SCORE_MIN };

/* What a row of that stream may ask for besides, in the same field. Both are in journals. */
enum score_condition {
    SCORE_IF_ABSENT = 16,  /* the member is not on the board */
    SCORE_IF_PRESENT = 32, /* it is */
    SCORE_IF_GREATER = 64, /* so would its score be, or it is not on the board */
    SCORE_IF_LESS = 128,
};
#define SCORE_MODE_MASK 15

/* "7d", "10m", "30s", "250ms", "1h30m", or a plain number of milliseconds. 0 or ERR_INVALID. */
int duration_parse(struct span text, int64_t *out_ms, struct err *err);

/* The shortest text that duration_parse reads back: "7d". */
void duration_print(int64_t ms, struct bytes *out);

#endif
