// SPDX-License-Identifier: Apache-2.0
/*
 * answer.h - what a read found, in a form that can be printed, and compared with an earlier one.
 *
 * An answer is a head (members of a JSON object) and rows. A row has a key that tells it from the
 * others, and its JSON. Rows of a board are entries, keyed by member; rows of a metric are points,
 * keyed by time, that belong to a group: the labels of their series. Groups are consecutive rows.
 *
 *     printed:   {<head>,"entries":[<row>,<row>]}
 *     grouped:   {<head>,"series":[{"labels":<group>,"points":[<row>,<row>]}]}
 *     whole:     {<head>}                      rows_name is NULL
 *
 * Most answers say how things stand. One that `tells` says besides what has happened since it was
 * last asked: that is not found by comparing, it stands in `told`.
 *
 * Thread: one owner at a time.
 */
#ifndef TALLYWHEEL_QUERY_ANSWER_H
#define TALLYWHEEL_QUERY_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct answer_row {
    uint64_t group_start; /* offsets into `text` */
    uint64_t key_start;
    uint64_t json_start;
    uint32_t group_size; /* 0: rows have no groups */
    uint32_t key_size;
    uint32_t json_size;
};

struct answer {
    const char *rows_name; /* "entries", "series", …; a literal; NULL: all is in the head */
    struct bytes head;     /* `"board":"season","size":3`; no braces */
    struct bytes text;
    struct answer_row *rows;
    uint32_t row_count;
    uint32_t row_capacity;
    bool tells;
    struct bytes told; /* members of a live "change" message; empty: nothing has happened */
};

/* All zero is a valid empty answer. */
void answer_done(struct answer *answer);

/*
 * Adds a row. `group` is label JSON or empty; give rows of one group in a row (its text is stored
 * once). Afterwards the row's JSON is what the caller appends to answer->text before
 * answer_row_end.
 */
void answer_row_begin(struct answer *answer, struct span group, struct span key);
void answer_row_end(struct answer *answer);

/* The whole answer as JSON: what a GET gets. */
void answer_print(const struct answer *answer, struct bytes *out);

/*
 * One line of JSON a row: an entry as it is, a point as {"labels":…,"point":[…]}; an answer without
 * rows is one line.
 */
void answer_print_ndjson(const struct answer *answer, struct bytes *out);

/*
 * What changed from `old` to `new`, as the members of a live "change" message without braces:
 *   rows:     "changed":[…],"removed":[keys],<head, if it changed>
 *   grouped:  "changed":[{"labels":…,"points":[…]}],<head, if it changed>   (no "removed")
 *   whole:    "answer":{<head>}
 *   told:     what the new one has to tell
 * Returns false, and appends nothing, if nothing changed.
 */
bool answer_diff(const struct answer *old_answer, const struct answer *new_answer,
                 struct bytes *out);

#endif
