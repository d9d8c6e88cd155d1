// SPDX-License-Identifier: Apache-2.0
/*
 * rank_style.h - which number an entry's rank is, and how to find the one that a page begins with.
 *
 *     scores         9  7  7  5
 *     ordinal        1  2  3  4    ties have been decided by the board
 *     competition    1  2  2  4    one more than how many have a better score
 *     dense          1  2  2  3    one more than how many better scores there are
 *
 * Scores are equal here only if subscores are too: both say on which level an entry is (board.h).
 * Ranks are counted on along a page, so only the first entry's has to be found. For a competition
 * rank every partition counts, once. Dense ranks need the union of the partitions' distinct
 * levels: each gives its next ones, and what lies at or below the least of the last levels given
 * is known to be complete; so it takes a round for each `step_max` levels, and its cost grows with
 * the depth of the page. Many levels are counted in one such walk, down to the worst of them.
 *
 * Thread: collect in the partition's, the rest in the asker's.
 */
#ifndef TALLYWHEEL_QUERY_BOARD_RANK_STYLE_H
#define TALLYWHEEL_QUERY_BOARD_RANK_STYLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "board/board.h"
#include "model/definition.h"
#include "rank/rank_key.h"

struct answer;
struct board_read;
struct entry_item;
struct err;
struct read_request;

enum rank_style { RANK_ORDINAL, RANK_COMPETITION, RANK_DENSE };

/* What a board's ranks are unless a question says otherwise. */
enum rank_style rank_style_of_ties(enum board_ties ties);

/* The parameter `ranks`; `otherwise` if it was not given. */
int rank_style_parse(const struct read_request *request, enum rank_style otherwise,
                     enum rank_style *out_style, struct err *err);

/*
 * The same where ranks of several segments are counted one by one, which dense ones can not be:
 * ERR_INVALID for those.
 */
int rank_style_parse_counted(const struct read_request *request, enum rank_style otherwise,
                             enum rank_style *out_style, struct err *err);

/* The style of a word; ERR_INVALID if there is none. */
int rank_style_of_text(struct span text, enum rank_style *out_style, struct err *err);
const char *rank_style_text(enum rank_style style);

/*
 * The share of the others that do not stand above, in percent: 100 for the first. `above` is how
 * many members do, in the sense of the style: equal scores do not, unless ranks are ordinal.
 */
double rank_style_percentile(uint64_t above, uint64_t size);

struct rank_style_slot {
    uint64_t better;  /* entries on better levels than the first target */
    uint64_t *levels; /* dense: `count` of `step_max`, the first ones from `from` */
    uint32_t count;
};

/* A level (board.h) that ranks above are counted for. */
struct rank_style_target {
    uint64_t level[BOARD_LEVEL_WORDS_MAX];
    uint64_t above; /* the result */
};

/* How many ranks there are above the ones of some entries: competition of one, dense of any. */
struct rank_style_count {
    enum rank_style style;
    uint32_t slot_count;
    uint32_t step_max;
    uint32_t words;                    /* of a level */
    struct rank_style_target *targets; /* distinct levels, best first; words beyond are 0 */
    uint32_t target_count;
    uint32_t target_next;                 /* dense: those before are done */
    uint64_t from[BOARD_LEVEL_WORDS_MAX]; /* dense: all below has been counted */
    bool began;                           /* dense: `from` is not the first */
    uint64_t seen;                        /* dense: so many ranks have been */
    uint64_t above;                       /* the result for the first target: ranks */
    uint64_t better;                      /* and members */
    struct rank_style_slot *slots;
};

/* `subscore_count` is that of the board. */
void rank_style_count_init(struct rank_style_count *count, enum rank_style style,
                           uint32_t subscore_count, uint32_t slot_count, uint32_t step_max);
void rank_style_count_done(struct rank_style_count *count);

/*
 * Begins for an entry that has `better` better entries. True if the result stands already, as it
 * does for ordinal ranks and at the top.
 */
bool rank_style_count_begin(struct rank_style_count *count, const struct rank_key *key,
                            uint64_t better);

/* Begins to count dense ranks for the levels of many entries. True if there are none. */
bool rank_style_count_begin_many(struct rank_style_count *count, const struct entry_item *items,
                                 uint32_t item_count);

/* The result for one of these. */
uint64_t rank_style_count_above(const struct rank_style_count *count, const struct rank_key *key);

/* Whether two entries stand on one level. */
bool rank_style_count_ties(const struct rank_style_count *count, const struct rank_key *a,
                           const struct rank_key *b);

/* One partition's part of a round. `board` may be NULL. */
void rank_style_count_collect(struct rank_style_count *count, uint32_t slot,
                              const struct board *board, uint32_t segment);

/* After all collects. True if the results stand. */
bool rank_style_count_merge(struct rank_style_count *count);

/*
 * Prints entries as rows. `better` is how many stand before the first, whose ranks were counted.
 * With `size`, of the segment, each is given its percentile too; 0: not.
 */
void rank_style_print(const struct rank_style_count *count, const struct board_read *board_read,
                      const struct entry_item *items, uint32_t item_count, uint64_t better,
                      uint64_t size, struct answer *out_answer);

#endif
