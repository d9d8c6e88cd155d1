// SPDX-License-Identifier: Apache-2.0
/*
 * score.h - score strategies: how the events of a member become its score on a board.
 *
 * A strategy is one file that exports a const table. It works on whole batches: the board loads
 * the entries that a batch touches into score_state, calls `fold` with all their rows in journal
 * order, and writes them back. What a strategy must remember beyond the score and when it was
 * reached lives in `extra` bytes of the entry, zeroed for a new one.
 *
 * A definition calls a strategy with fields of the stream and other arguments, as in
 * decayed_sum(points, 7d). score_resolve checks such a call against the stream, by what the table
 * of the strategy says it takes, and makes a score_call of it.
 *
 * `reached_ms` is the event time of the event that last changed the score; it breaks ties. It must
 * not depend on the order of arrival more than the score itself does. The rules:
 *
 *   last     an event at or after the entry's latest takes over; reached moves if the value differs
 *   sum      saturates at the ends of its type; reached is the latest event with a value other
 *            than 0
 *   max      a better value sets reached; an equal one at an earlier time moves it back
 *   min      likewise
 *   count    reached is the latest event
 *   average  likewise; the score is a double
 *   weighted_average  the latest event with a weight above 0; others are left out
 *   decayed_sum       like sum; what is stored orders members for all time (score_decayed_sum.c)
 *   lua      the latest event that changed the score (score_lua.c)
 *   set      for boards that take scores directly: arrival order counts, not event time
 *
 * States of one member over disjoint spans of time can be merged, which is what a rolling period
 * does. Merging gives the score that folding all rows would have given: exactly for last, max, min,
 * count, average of ints and sum of ints that stays within its type; to the rounding of doubles
 * for the others. lua merges as its file says.
 *
 * To add one: write score_<name>.c, declare its table here, list it in score.c, say in
 * docs/reference what it does, and test it in tests/unit/score/.
 *
 * Thread: pure functions over what is passed; any. A score_call with a script belongs to one
 * thread at a time.
 */
#ifndef TALLYWHEEL_SCORE_SCORE_H
#define TALLYWHEEL_SCORE_SCORE_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "model/definition.h"

struct err;
struct score_script;
struct score_strategy;

#define SCORE_EXTRA_BYTES_MAX 32
#define SCORE_COLUMNS_MAX 3

/* A score is an int64 or a double; which, the score_call knows (is_int). */
union score_value {
    int64_t i;
    double f;
    uint64_t bits;
};

/* An entry while a batch is folded. */
struct score_state {
    union score_value score;
    int64_t reached_ms;
    bool fresh; /* no row yet: fold sets score and reached from the first one, and clears it */
    alignas(8) uint8_t extra[SCORE_EXTRA_BYTES_MAX];
};

struct score_row {
    uint32_t state; /* index among the states */
    uint32_t more;  /* where its further values begin in score_rows.more; 0 if it has none */
    int64_t event_ms;
    union score_value value; /* an int64 if the call says value_is_int; 1 if it takes no value */
};

struct score_rows {
    const struct score_row *rows; /* in journal order */
    uint32_t count;
    const double *more; /* the second and third value of each row; never NaN, never infinite */
};

/* What one argument of a strategy is. */
enum score_arg {
    SCORE_ARG_FIELD,    /* an int or float field: the value */
    SCORE_ARG_DOUBLE,   /* an int or float field that the strategy wants as a double */
    SCORE_ARG_DURATION, /* "7d" */
    SCORE_ARG_FILE,     /* the name of a script */
};

#define SCORE_ARGS_MAX CALL_ARGS_MAX

/* What decayed_sum works out once, see there. */
struct score_decay {
    int64_t half_life_ms;
    double inverse; /* of half_life_ms */
    int64_t exponent_min;
    uint32_t fraction_bits;
    uint32_t digits; /* how many decimal digits of a shown score are meant */
};

/* A strategy as a definition asked for it. All a fold needs to know beside states and rows. */
struct score_call {
    const struct score_strategy *strategy;
    bool is_int;       /* scores are int64, else double */
    bool value_is_int; /* score_row.value is */
    uint32_t column_count;
    uint32_t columns[SCORE_COLUMNS_MAX]; /* fields of the stream: the values of a row, in order */
    struct score_decay decay;
    struct score_script *script; /* lua only: set by who makes it (score_script.h); not owned */
};

enum score_can {
    SCORE_CAN_MERGE = 1,  /* merge works; for lua the script must say too, see score_can_merge */
    SCORE_CAN_SHOW = 2,   /* what is stored is not what is shown */
    SCORE_IS_INT = 4,     /* the score is an int whatever the field (count) */
    SCORE_IS_DOUBLE = 8,  /* the score is a double whatever the field (average) */
    SCORE_NEEDS_FILE = 16 /* score_call.script must be set */
};

struct score_strategy {
    const char *name;
    const char *usage;            /* "sum(f)": for messages */
    uint32_t arg_min;             /* how many arguments the call takes */
    uint32_t arg_count;           /* at most */
    uint8_t args[SCORE_ARGS_MAX]; /* enum score_arg */
    uint32_t extra_bytes;         /* at most SCORE_EXTRA_BYTES_MAX */
    uint32_t can;                 /* enum score_can */
    /* No clock, no allocation. */
    void (*fold)(const struct score_call *call, struct score_state *states,
                 const struct score_rows *rows);
    /*
     * Adds what `from` has seen to `into`; neither is fresh. Their rows must be of disjoint times
     * (panes). Only with SCORE_CAN_MERGE.
     */
    void (*merge)(const struct score_call *call, struct score_state *into,
                  const struct score_state *from);
    /*
     * Takes back a merge of `from`, which was among what `into` was merged of and not all of it.
     * True: `into` is as merging the others would have made it, bit for bit. False: it can not be
     * done from these states alone, `into` is unchanged, and the others must be merged anew.
     * reached_ms is right if `from` is the oldest of the panes.
     */
    bool (*subtract)(const struct score_call *call, struct score_state *into,
                     const struct score_state *from);
    /* What is shown at `now_ms` for a stored score; a double with SCORE_CAN_SHOW. */
    union score_value (*show)(const struct score_call *call, union score_value score,
                              int64_t now_ms);
    /* The score that would be stored for what is shown at `now_ms`: for bounds of a range. */
    union score_value (*unshow)(const struct score_call *call, union score_value shown,
                                int64_t now_ms);
};

extern const struct score_strategy score_last;
extern const struct score_strategy score_sum;
extern const struct score_strategy score_max;
extern const struct score_strategy score_min;
extern const struct score_strategy score_count;
extern const struct score_strategy score_average;
extern const struct score_strategy score_weighted_average;
extern const struct score_strategy score_decayed_sum;
extern const struct score_strategy score_lua;
extern const struct score_strategy score_set; /* not in the registry: of boards without a stream */

/* By name, or NULL. */
const struct score_strategy *score_find(struct span name);

/* "last, sum, max, …": for error messages. */
const char *score_names(void);

/* The argument that is the name of a file, or NULL: it must be loaded and made a script. */
const char *score_call_file(const struct call *call);

/*
 * Resolves a call against a stream. ERR_INVALID names the strategies there are, the arguments they
 * take, or the argument that does not fit.
 */
int score_resolve(struct score_call *out_call, const struct call *call,
                  const struct stream_def *stream, struct err *err);

/* The call of a strategy on a score that is sent directly: set, sum, max, min, of one type. */
struct score_call score_call_direct(const struct score_strategy *strategy, bool is_int);

/* Does merge work? Needed for a rolling period. */
bool score_can_merge(const struct score_call *call);

/* What score_strategy.merge and subtract are where there is no better; for strategies' tables. */
void score_merge_unsupported(const struct score_call *call, struct score_state *into,
                             const struct score_state *from);
bool score_subtract_unsupported(const struct score_call *call, struct score_state *into,
                                const struct score_state *from);
union score_value score_show_same(const struct score_call *call, union score_value score,
                                  int64_t now_ms);

#endif
