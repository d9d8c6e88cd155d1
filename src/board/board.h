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
 * Ids and the spans that answers hold (member names, labels) stay valid until the next fold or
 * board_apply: an entry may be removed then, and its id be given to another.
 *
 * The trees are brought up to date when somebody asks (board_settle): between reads, entries that
 * changed only wait in a list, so an entry that changes often moves once, and one settling has
 * many moves next to each other. Every question about ranks and every board_segment_size needs a
 * settled board, and asserts it; board_find, board_get and board_search do not.
 *
 * Thread: the partition's.
 */
#ifndef TALLYWHEEL_BOARD_BOARD_H
#define TALLYWHEEL_BOARD_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "rank/rank_key.h"
#include "model/definition.h"
#include "model/value.h"

struct batch;
struct board;
struct board_entry;
struct err;
struct score_call;
struct score_state;

#define BOARD_ENTRY_NONE UINT32_MAX
#define BOARD_SEGMENT_NONE UINT32_MAX
#define BOARD_SUBSCORE_NONE UINT64_MAX     /* a tie key: the subscore has no value so far */
#define BOARD_SEGMENT_ANY (UINT32_MAX - 1) /* for board_search: all segments */

/* Where the board's fields are among the columns of its stream's batches. */
struct board_bind {
    uint32_t member_column; /* any type; its label text is the member */
    int32_t score_column;   /* -1: the strategy takes no value (count) */
    int32_t mode_column;    /* enum score_mode and score_condition; -1: the definition's strategy */
    uint32_t by_count;
    uint32_t by_columns[BY_FIELDS_MAX];
    bool score_is_int; /* scores are int64, else double */
    /* The score as it was resolved; copied. NULL: def->score.name, of one column. */
    const struct score_call *score;
    const struct score_call *subscores; /* def->subscore_count of them; copied */
    bool owned; /* segments are made by board_segment_take, scores come by board_apply; boards whose
                 * ties go by member keep no reached_ms */
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
    bool taken;    /* false: skipped (no member or no score), refused or withheld */
    bool refused;  /* the board is full */
    bool withheld; /* a condition of the row did not hold: nothing changed */
    bool existed;  /* the entry was there before: old_* are set */
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

/* ---- scores and removals one by one, for boards with bind.owned and for removals ---- */

enum board_op_kind { BOARD_OP_SET, BOARD_OP_ADD, BOARD_OP_REMOVE };

/* Conditions of BOARD_OP_SET and BOARD_OP_ADD; where one does not hold, nothing changes. */
enum board_op_if {
    BOARD_IF_ABSENT = 1,
    BOARD_IF_PRESENT = 2,
    BOARD_IF_GREATER = 4, /* the new score; holds for a member that is not there */
    BOARD_IF_LESS = 8,
};

struct board_op {
    uint32_t segment;
    uint8_t kind;
    uint8_t conditions;
    struct span member; /* 1 to ENTRY_MEMBER_BYTES_MAX bytes, or 0 on boards with bind.owned */
    double score;       /* not NaN; the boards are of doubles */
};

struct board_op_result {
    bool existed;
    bool exists;
    bool changed; /* added, removed, or another score */
    bool held;    /* the conditions held */
    bool is_nan;  /* inf - inf: nothing changed */
    bool refused; /* the board is full */
    double old_score;
    double score;
};

/*
 * Applies ops in order. Members are found in prefetched groups, so many at once are cheaper.
 * `event_ms` is when they happened, for board_entry.reached_ms. `results` has room for `count`.
 * BOARD_OP_REMOVE works on every board; the others on boards with bind.owned.
 */
void board_apply(struct board *board, const struct board_op *ops, uint32_t count, int64_t event_ms,
                 struct board_op_result *results);

/* ---- another name for a member ---- */

/*
 * Appends what an entry is beside its segment and member: its score, when it was reached, what the
 * strategy remembers. For board_restore of a board of the same definition.
 */
void board_save(const struct board *board, uint32_t entry, struct bytes *out);

/*
 * Makes an entry of what board_save wrote, in the segment of these labels. The member must not be
 * in it. False if the board is full, or `state` is none of its own. Not with bind.owned.
 */
bool board_restore(struct board *board, const struct span *labels, struct span member,
                   struct span state);

/* ---- states: what strategies know of an entry, for boards whose owner merges them ---- */

/*
 * Fills 1 + def.subscore_count states, that of the score first. A subscore without a value so far
 * is fresh.
 */
void board_state_get(const struct board *board, uint32_t entry, struct score_state *out_states);

/* Puts other states in the place of an entry's own. */
void board_state_put(struct board *board, uint32_t entry, const struct score_state *states);

/* ---- owned segments: bind.owned ---- */

/* A new segment without entries, or BOARD_SEGMENT_NONE if there are segments_max. */
uint32_t board_segment_take(struct board *board);

/* Removes the entries of a segment, and ends it. Its id may be given again. */
void board_segment_give(struct board *board, uint32_t segment);

/* How many entries a segment has, settled or not. */
uint32_t board_segment_count(const struct board *board, uint32_t segment);

/*
 * Walks the entries of a segment in the order of their hashes, which does not change when others
 * come and go: one that is there during a whole walk is found exactly once. From cursor 0 until
 * `out_next` is 0. Looks at about `scan` entries of the board, whatever their segment; fills at
 * most `max`, which must be 1024 or more.
 */
uint32_t board_scan(const struct board *board, uint32_t segment, uint64_t cursor, uint32_t scan,
                    struct board_entry *out_entries, uint32_t max, uint64_t *out_next);

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

struct board_name {
    uint32_t segment;
    struct span member;
};

/* board_find for many members: their entries, or BOARD_ENTRY_NONE; misses overlap. */
void board_find_many(const struct board *board, const struct board_name *names, uint32_t count,
                     uint32_t *out_entries);

/* The entry of an id that an answer gave. */
void board_get(const struct board *board, uint32_t entry, struct board_entry *out_entry);

/*
 * The subscores of an entry, at most SUBSCORES_MAX; returns how many. One without a value so far
 * is not present.
 */
uint32_t board_subscores(const struct board *board, uint32_t entry, struct value *out_subscores,
                         bool *out_present);

/* How many entries of its segment are better: the local rank, from 0. */
uint32_t board_rank(const struct board *board, uint32_t entry);

/* board_rank for many entries, which may be of several segments; misses overlap. */
void board_rank_many(const struct board *board, const uint32_t *entries, uint32_t count,
                     uint32_t *out_ranks);

/* How many entries are better than a key; the key may be foreign. */
uint32_t board_count_better(const struct board *board, uint32_t segment,
                            const struct rank_key *key);

/* How many entries have a better score (rank_key.score), whatever their subscores. */
uint32_t board_count_better_score(const struct board *board, uint32_t segment, uint64_t score);

/*
 * Entries of equal score and equal subscores are on one level: what decides among them is when they
 * got there, and their names. For competition ranks ("1224"): how many entries are on better levels
 * than a key, which may be foreign. Without subscores it is board_count_better_score.
 */
uint32_t board_count_better_level(const struct board *board, uint32_t segment,
                                  const struct rank_key *key);

/* `count` entries from local rank `from`, best first. Returns how many there were. */
uint32_t board_run(const struct board *board, uint32_t segment, uint32_t from, uint32_t count,
                   struct board_entry *out_entries);

/* The last `count` entries that are better than a key, best first. */
uint32_t board_above(const struct board *board, uint32_t segment, const struct rank_key *key,
                     uint32_t count, struct board_entry *out_entries);

/* The first `count` entries that are worse than a key, best first. */
uint32_t board_below(const struct board *board, uint32_t segment, const struct rank_key *key,
                     uint32_t count, struct board_entry *out_entries);

/* The words of a level: the score's key, then those of the subscores. */
#define BOARD_LEVEL_WORDS_MAX (1 + SUBSCORES_MAX)

/*
 * The distinct levels (ascending: best first) that are at least `from` and better than `end`; at
 * most `max`. Each is 1 + def.subscore_count words, as the bounds are. For dense ranks ("1223"):
 * partitions' lists are united. Begin with all 0, and go on behind the last while `max` were
 * filled. All words UINT64_MAX as `end` is all but the one worst conceivable level.
 */
uint32_t board_distinct_levels(const struct board *board, uint32_t segment, const uint64_t *from,
                               const uint64_t *end, uint64_t *out_levels, uint32_t max);

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
