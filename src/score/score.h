// SPDX-License-Identifier: Apache-2.0
/*
 * score.h - score strategies: how the events of a member become its score on a board.
 *
 * A strategy is one file that exports a const table. It works on whole batches: the board loads
 * the entries that a batch touches into score_state, calls `fold` with all their rows in journal
 * order, and writes them back. What a strategy must remember beyond the score and when it was
 * reached lives in `extra` bytes of the entry, zeroed for a new one.
 *
 * `reached_ms` is the event time of the event that last changed the score; it breaks ties. It must
 * not depend on the order of arrival more than the score itself does. The rules:
 *
 *   last   an event at or after the entry's latest takes over; reached moves if the value differs
 *   sum    saturates at the ends of its type; reached is the latest event with a value other than 0
 *   max    a better value sets reached; an equal one at an earlier time moves it back
 *   min    likewise
 *   count  reached is the latest event
 *   set    for boards that take scores directly: arrival order counts, not event time
 *
 * To add one: write score_<name>.c, declare its table here, list it in score.c, say in
 * docs/reference what it does, and test it in tests/unit/score/test_score.c.
 *
 * Thread: pure functions over what is passed; any.
 */
#ifndef TALLYWHEEL_SCORE_SCORE_H
#define TALLYWHEEL_SCORE_SCORE_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define SCORE_EXTRA_BYTES_MAX 16

/* A score is an int64 or a double; which, the board knows (is_int). */
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
    int64_t event_ms;
    union score_value value; /* of the score's type; 1 if the strategy takes no value */
};

struct score_strategy {
    const char *name;
    uint32_t arg_count;   /* fields that the call takes: 0 for count, 1 for the others */
    uint32_t extra_bytes; /* at most SCORE_EXTRA_BYTES_MAX */
    bool always_int;      /* the score is an int whatever the field (count) */
    /* Rows in journal order. No clock, no allocation. */
    void (*fold)(struct score_state *states, const struct score_row *rows, uint32_t count,
                 bool is_int);
};

extern const struct score_strategy score_last;
extern const struct score_strategy score_sum;
extern const struct score_strategy score_max;
extern const struct score_strategy score_min;
extern const struct score_strategy score_count;
extern const struct score_strategy score_set; /* not in the registry: of boards without a stream */

/* By name, or NULL. */
const struct score_strategy *score_find(struct span name);

/* "last, sum, max, min, count": for error messages. */
const char *score_names(void);

#endif
