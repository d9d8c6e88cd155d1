// SPDX-License-Identifier: Apache-2.0
/*
 * read.h - a question to all partitions: parse, collect, merge, print.
 *
 * A read is named by its path, as in the HTTP API without "/v1/": "boards/season/top?n=10"; what
 * makes one of a path is query_parse/read_parse.h. The same read answers a GET, and is asked again
 * on every tick for whoever watches it.
 *
 * It goes in rounds. In each, collect runs once for every partition, in that partition's thread,
 * and writes only its own slot of the read (copies, no pointers into the partition); then merge
 * runs in the thread that asked, and either has the answer, or wants another round with what it
 * has learned (an exact page deep inside a board takes several). Merging does not care where a
 * partial came from.
 *
 * A kind of read is a const table, `struct read_ops`, and a struct whose first member is struct
 * read. The kinds are listed in query_parse/read_parse.c.
 */
#ifndef TALLYWHEEL_QUERY_READ_H
#define TALLYWHEEL_QUERY_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct answer;
struct err;
struct partition;
struct read;

/* Bounds on what one read may cost; from conf. */
struct read_limits {
    uint32_t page_entries_max; /* `n` of board pages */
    uint32_t query_points_max; /* points of a metric's answer */
    uint32_t search_results_max;
    uint32_t
        scan_entries_max; /* entries that one collect may look at (search): more is another round */
};

struct read_param {
    struct span name; /* percent-decoded */
    struct span value;
};

enum read_step {
    READ_DONE,  /* print has the answer */
    READ_AGAIN, /* collect once more */
};

struct read_ops {
    const char *name;
    /*
     * The partition's thread. `slot` is the partition's number. Never fails: errors go in the slot.
     */
    void (*collect)(struct read *read, const struct partition *partition, uint32_t slot);
    /* The asker's thread, after all collects. Negative: error. */
    int (*merge)(struct read *read, enum read_step *out_step, struct err *err);
    /* The asker's thread, after READ_DONE. Fills an empty answer. */
    void (*print)(struct read *read, struct answer *out_answer);
    /* Makes it ready to be asked again from the first round (a watch, on the next tick). */
    void (*reset)(struct read *read);
    void (*free)(struct read *read);
};

struct read {
    const struct read_ops *ops;
    uint32_t partition_count;
    int64_t now_ms; /* the asker's wall clock when the read began; for relative times, idle */
    bool watched;   /* it is asked again and again: what changes with time alone goes in steps */
    uint64_t round; /* 0, 1, … */
};

/* NULL is allowed. */
void read_free(struct read *read);

#endif
