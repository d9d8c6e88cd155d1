// SPDX-License-Identifier: Apache-2.0
/*
 * board.h - one leaderboard on one partition.
 *
 * A board folds rows of its stream into entries. An entry is a member within a segment (the tuple
 * of the board's `by` values, as label texts; a board without `by` has the one segment 0). Each
 * segment is a counted tree of its entries, best first, so every question is a few steps down it:
 * how many are better than a key, which entry stands at a rank, who is next to whom.
 *
 * Ranks here are local to the partition and count from 0. Ranks over partitions come from adding
 * up board_count_better for one rank_key, which need not be a key of this partition (a "foreign"
 * key); rows over partitions come from merging board_run by rank_key_compare. Only
 * rank_key_compare decides who is better.
 *
 * board_fold is deterministic: the same rows in the same batches give the same entries, with the
 * same ids, and the same board_hash, which does not depend on where batches begin and end either.
 *
 * The trees are brought up to date when somebody asks (board_settle): between reads, entries that
 * changed only wait in a list, so an entry that changes often moves once, and one settling has
 * many moves next to each other. Every question about ranks and about the size of a segment needs
 * a settled board, and asserts it; board_find, board_get and board_search do not.
 *
 * Entries and segments are never removed, so ids and the spans that answers hold (member names,
 * labels) stay valid as long as the board; scores and ranks change with each fold.
 *
 * Thread: the partition's.
 */
#ifndef TALLYWHEEL_RANK_BOARD_H
#define TALLYWHEEL_RANK_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "rank/rank_key.h"
#include "model/definition.h"
#include "model/value.h"

struct batch;
struct board;
struct err;

#define BOARD_ENTRY_NONE UINT32_MAX
#define BOARD_SEGMENT_NONE UINT32_MAX
#define BOARD_SEGMENT_ANY (UINT32_MAX - 1) /* for board_search: all segments */

/* Where the board's fields are among the columns of its stream's batches. */
struct board_bind {
    uint32_t member_column; /* any type; its label text is the member */
    int32_t score_column;   /* -1: the strategy takes no value (count) */
    int32_t mode_column;    /* enum score_mode a row; -1: the strategy of the definition */
    uint32_t by_count;
    uint32_t by_columns[BY_FIELDS_MAX];
    bool score_is_int; /* scores are int64, else double */
};

struct board_limits {
    uint32_t entries_max;
    uint32_t segments_max;
};

/*
 * The strategy is found by def->score.name; a board without a stream has none and needs a
 * mode_column. ERR_INVALID if there is no such strategy.
 */
int board_new(struct board **out_board, const struct board_def *def, const struct board_bind *bind,
              struct board_limits limits, struct err *err);
void board_free(struct board *board);

/* What one row did. Keys and scores are as of just before and just after that row. */
struct board_reply {
    bool taken;   /* false: skipped (no member or no score) or refused (the board is full) */
    bool refused; /* the board is full */
    bool existed; /* the entry was there before: old_* are set */
    uint32_t segment;
    uint32_t entry;
    struct value old_score;
    struct value score;
    struct rank_key old_key;
    struct rank_key key;
};

/*
 * Folds the rows of `batch` whose indexes stand in `rows`, in that order. A row without a member
 * or without a score is skipped and counted; a row that needs a new entry or segment when the
 * board is full is refused and counted. `replies` is NULL or has room for `row_count`.
 */
void board_fold(struct board *board, const struct batch *batch, const uint32_t *rows,
                uint32_t row_count, struct board_reply *replies);

/*
 * Brings the trees up to date with the entries; cheap if they are. The list of what waits is
 * bounded: folding settles by itself when it is full.
 */
void board_settle(struct board *board);
bool board_is_settled(const struct board *board);

/* board_settle if so much waits that a read would notice: for a moment when nobody does. */
void board_settle_much(struct board *board);

const struct board_def *board_definition(const struct board *board);

struct board_counts {
    uint32_t entries;
    uint32_t segments;
    uint64_t moves;   /* entries placed or moved in a tree */
    uint64_t skipped; /* rows without a member or a score */
    uint64_t refused; /* rows refused because the board is full */
};

struct board_counts board_counts(const struct board *board);
uint64_t board_memory_bytes(const struct board *board);

/* A hash of all entries: segment labels, member, score, reached, strategy state. Scans all. */
uint64_t board_hash(const struct board *board);

/* Verifies every tree against the entries, by assert; for tests. */
void board_check(const struct board *board);

/* ---- segments ---- */

/* The segment of these label texts, one for each `by` of the definition; or BOARD_SEGMENT_NONE. */
uint32_t board_segment_find(const struct board *board, const struct span *labels);

/* How many entries it has. 0 for BOARD_SEGMENT_NONE. */
uint32_t board_segment_size(const struct board *board, uint32_t segment);

/* Fills one label text for each `by`. */
void board_segment_labels(const struct board *board, uint32_t segment, struct span *out_labels);

struct board_segment {
    uint32_t segment;
    uint32_t size;
    struct span labels[BY_FIELDS_MAX];
};

/*
 * Lists segments that have entries, in order of arrival, beginning at segment id `from`. `filter`
 * is NULL or has one span for each `by`: a label must equal it unless its data is NULL. Looks at
 * no more than `scan_max` segments. Returns how many were filled; `out_next` is where to go on, or
 * BOARD_SEGMENT_NONE at the end.
 */
uint32_t board_segments(const struct board *board, uint32_t from, const struct span *filter,
                        uint32_t scan_max, struct board_segment *out_segments, uint32_t max,
                        uint32_t *out_next);

/* ---- entries; every function takes BOARD_SEGMENT_NONE for "a segment that is not here" ---- */

struct board_entry {
    uint32_t entry;
    uint32_t segment;
    struct value score;
    int64_t reached_ms; /* event time of the event that last changed the score */
    struct rank_key key;
};

/* False if the member is not in the segment. */
bool board_find(const struct board *board, uint32_t segment, struct span member,
                struct board_entry *out_entry);

/* The entry of an id that an answer gave. */
void board_get(const struct board *board, uint32_t entry, struct board_entry *out_entry);

/* How many entries of its segment are better: the local rank, from 0. */
uint32_t board_rank(const struct board *board, uint32_t entry);

/* board_rank for many entries, which may be of several segments; misses overlap. */
void board_rank_many(const struct board *board, const uint32_t *entries, uint32_t count,
                     uint32_t *out_ranks);

/* How many entries are better than a key; the key may be foreign. */
uint32_t board_count_better(const struct board *board, uint32_t segment,
                            const struct rank_key *key);

/* How many entries have a better score (rank_key.score): for competition ranks ("1224"). */
uint32_t board_count_better_score(const struct board *board, uint32_t segment, uint64_t score);

/* `count` entries from local rank `from`, best first. Returns how many there were. */
uint32_t board_run(const struct board *board, uint32_t segment, uint32_t from, uint32_t count,
                   struct board_entry *out_entries);

/* The last `count` entries that are better than a key, best first. */
uint32_t board_above(const struct board *board, uint32_t segment, const struct rank_key *key,
                     uint32_t count, struct board_entry *out_entries);

/* The first `count` entries that are worse than a key, best first. */
uint32_t board_below(const struct board *board, uint32_t segment, const struct rank_key *key,
                     uint32_t count, struct board_entry *out_entries);

/*
 * The distinct scores (rank_key.score, ascending: best first) that are at least `from` and better
 * than `end`; at most `max`. For dense ranks ("1223"): partitions' lists are united. Begin with
 * from = 0 and go on with from = last + 1 while `max` were filled. UINT64_MAX as `end` is all but
 * the one worst conceivable score.
 */
uint32_t board_distinct_scores(const struct board *board, uint32_t segment, uint64_t from,
                               uint64_t end, uint64_t *out_scores, uint32_t max);

/*
 * Entries whose member contains `needle`: ASCII, Latin, Greek and Cyrillic letters match without
 * regard to case. In order of arrival from cursor `from` (0 to begin). Looks at no more than
 * `scan_max` entries, so the caller can give others a turn. Returns how many were filled;
 * `out_next` is where to go on, or BOARD_ENTRY_NONE at the end.
 */
uint32_t board_search(const struct board *board, uint32_t segment, struct span needle,
                      uint32_t from, uint32_t scan_max, struct board_entry *out_entries,
                      uint32_t max, uint32_t *out_next);

#endif
