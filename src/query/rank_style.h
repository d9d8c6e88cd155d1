// SPDX-License-Identifier: Apache-2.0
/*
 * rank_style.h - which number an entry's rank is, and how to find the one that a page begins with.
 *
 *     scores         9  7  7  5
 *     ordinal        1  2  3  4    ties have been decided by the board
 *     competition    1  2  2  4    one more than how many have a better score
 *     dense          1  2  2  3    one more than how many better scores there are
 *
 * Ranks are counted on along a page, so only the first entry's has to be found. For a competition
 * rank every partition counts, once. Dense ranks need the union of the partitions' distinct
 * scores: each gives its next ones, and what lies at or below the least of the last scores given
 * is known to be complete; so it takes a round for each `step_max` scores, and its cost grows with
 * the depth of the page.
 *
 * Thread: collect in the partition's, the rest in the asker's.
 */
#ifndef TALLYWHEEL_QUERY_RANK_STYLE_H
#define TALLYWHEEL_QUERY_RANK_STYLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct answer;
struct board;
struct entry_item;
struct err;
struct read_request;

enum rank_style { RANK_ORDINAL, RANK_COMPETITION, RANK_DENSE };

/* The parameter `ranks`; ordinal if it was not given. */
int rank_style_parse(const struct read_request *request, enum rank_style *out_style,
                     struct err *err);
const char *rank_style_text(enum rank_style style);

struct rank_style_slot {
    uint64_t better;  /* competition */
    uint64_t *scores; /* dense: `count` of `step_max`, the first ones from `from` */
    uint32_t count;
};

/* How many ranks there are above the one of an entry. */
struct rank_style_count {
    enum rank_style style;
    uint32_t slot_count;
    uint32_t step_max;
    uint64_t score; /* the entry's rank_key.score */
    uint64_t from;  /* dense: all below has been counted */
    uint64_t above; /* the result */
    struct rank_style_slot *slots;
};

void rank_style_count_init(struct rank_style_count *count, enum rank_style style,
                           uint32_t slot_count, uint32_t step_max);
void rank_style_count_done(struct rank_style_count *count);

/*
 * Begins for an entry that has `better` better entries. True if the result stands already, as it
 * does for ordinal ranks and at the top.
 */
bool rank_style_count_begin(struct rank_style_count *count, uint64_t score, uint64_t better);

/* One partition's part of a round. `board` may be NULL. */
void rank_style_count_collect(struct rank_style_count *count, uint32_t slot,
                              const struct board *board, uint32_t segment);

/* After all collects. True if the result stands. */
bool rank_style_count_merge(struct rank_style_count *count);

/*
 * Prints entries as rows. `better` is how many stand before the first, `above` its
 * rank_style_count.
 */
void rank_style_print(enum rank_style style, const struct entry_item *items, uint32_t count,
                      uint64_t better, uint64_t above, struct answer *out_answer);

#endif
