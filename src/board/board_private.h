// SPDX-License-Identifier: Apache-2.0
/*
 * board_private.h - what a board is made of. Private to board*.c.
 */
#ifndef TALLYWHEEL_BOARD_BOARD_PRIVATE_H
#define TALLYWHEEL_BOARD_BOARD_PRIVATE_H

#include "base/intern.h"
#include "board/board.h"
#include "rank/board_entries.h"
#include "rank/ranktree.h"
#include "score/score.h"
#include "score/score_key.h"

#define FOLD_NONE UINT32_MAX

/* An entry that a part of a batch touches: found once, however many rows it has. */
struct touched {
    uint64_t raw; /* label_bits of the member: with the segment, what makes it distinct */
    uint32_t segment;
    uint32_t text_at; /* of a member that is no string: where its text is in fold.text */
    uint32_t text_size;
    uint64_t old_bits;
    int64_t old_reached_ms;
};

/* An entry on its way into a tree that is built anew. */
struct rebuilt {
    uint32_t segment;
    uint32_t id;
};

/* A distinct tuple of `by` values in a part of a batch. */
struct tuple {
    uint32_t row;
    uint32_t segment;
};

/* Memory of board_fold, kept from batch to batch. Arrays are of `capacity` items. */
struct fold {
    uint32_t capacity;
    uint32_t touched_count;
    uint32_t *row_segments;
    uint32_t *row_touched; /* FOLD_NONE: the row is left out */
    struct touched *touched;
    struct entry_key *keys;
    uint32_t *ids;
    bool *is_new;
    struct score_state *states;
    struct score_row *score_rows;
    struct score_state *sub_states; /* of subscores: sub_count for each touched entry */
    uint64_t *old_subs;             /* their keys, as the records had them */
    double *more;                   /* second and third values of score_rows; NULL on most boards */
    uint8_t *modes;                 /* of score_rows, enum score_mode with its conditions */
    struct tuple *tuples;
    uint32_t *slots; /* open addressing, 2 a row or more; FOLD_NONE is free */
    uint32_t slot_mask;
    uint32_t *code_touched; /* by code of the member's dictionary; FOLD_NONE is free */
    uint32_t code_capacity;
    struct bytes text;
    struct bytes labels; /* one encoded tuple */
};

/*
 * What board_settle has to do, and its memory; see board_settle.c. Arrays grow with what waits, up
 * to PENDING_MAX and what one part of a batch adds.
 */
struct settling {
    struct ranktree_move *moves; /* one for each entry that waits */
    uint64_t *ties;              /* of the moves: the old keys and the new ones of each */
    uint32_t *segments;          /* of the moves; only with `by` */
    uint32_t count;
    uint32_t capacity;
    uint32_t tie_words;         /* of a move, old and new */
    struct pending_slot *slots; /* the moves by entry: open addressing, 2 a move or more */
    uint32_t slot_mask;
    uint32_t gone;                /* moves of entries that were removed */
    bool is_wide;                 /* some score does not fit the places of the board: */
    uint64_t wide;                /* the key of the farthest such score */
    struct ranktree_move *sorted; /* moves by segment, and what sorting them takes */
    uint32_t *order;
    uint32_t *order_other;
    uint32_t sorted_capacity;
};

/* The subscores of a board, and where they lie in the extra bytes of a record: board_subs.c. */
struct board_subs {
    uint32_t count;
    struct score_call calls[SUBSCORES_MAX];
    enum board_order orders[SUBSCORES_MAX];
    uint32_t reached_at; /* when the score itself was reached */
    uint32_t state_at[SUBSCORES_MAX];
};

struct board {
    struct board_def def;
    struct board_bind bind;
    struct board_limits limits;
    struct score_call score; /* without a strategy if rows have a mode */
    struct board_subs subs;
    bool is_int;
    uint32_t tie_bits; /* of a place in the tree: board_place.h */
    bool based;        /* base_ms is set */
    int64_t base_ms;
    struct board_entries entries;
    struct ranktree_pool pool;
    struct intern segments;  /* label tuples, in order of arrival; only with `by` */
    struct arena trees;      /* a struct ranktree for each segment */
    struct arena counts;     /* u32 for each segment: its entries; only with bind.owned */
    uint32_t *free_segments; /* that were given back; only with bind.owned */
    uint32_t free_segment_count;
    uint32_t free_segment_capacity;
    uint64_t moves;
    uint64_t skipped;
    uint64_t refused;
    struct fold fold;
    struct settling settling;
    struct board_changes *changes; /* for those who follow: board_changes.h */
};

static inline struct ranktree *board_tree(const struct board *board, uint32_t segment)
{
    return arena_at(&board->trees, segment);
}

static inline uint64_t board_score_key(const struct board *board, uint64_t bits)
{
    return score_key_of_bits(bits, board->is_int, board->def.order);
}

static inline struct value board_value(const struct board *board, uint64_t bits)
{
    struct value value = {.type = board->is_int ? VALUE_INT : VALUE_FLOAT};

    if (board->is_int)
        value.i = (int64_t)bits;
    else
        memcpy(&value.f, &bits, sizeof(bits));
    return value;
}

/* Appends a label to an encoded tuple: a u16 length and the text. False if it is too long. */
bool board_tuple_put(struct bytes *tuple, struct span label);

/* Fills row_segments, row_touched, touched, ids, is_new and states of the board's fold. */
void board_touch(struct board *board, const struct batch *batch, const uint32_t *rows,
                 uint32_t row_count);

/* How an entry stands, or stood. */
struct standing {
    uint64_t bits;
    int64_t reached_ms;
    const uint64_t *subs; /* keys of the subscores; NULL: those of the record */
};

/* Bytes of a record that subscores take, behind the `extra_bytes` of the score. */
uint32_t board_subs_init(struct board_subs *subs, const struct board_def *def,
                         const struct score_call *calls, uint32_t extra_bytes);

/* Loads the states of the subscores of touched entry `index`, and sets the score's own reached. */
void board_subs_load(struct board *board, uint32_t index, uint32_t id);

/* Folds rows into the states of all subscores; rows without values leave a subscore alone. */
void board_subs_fold(struct board *board, const struct batch *batch, const uint32_t *rows,
                     uint32_t row_count);

/* Writes them back. `now` becomes the standing of the entry; true if subscores changed. */
bool board_subs_store(struct board *board, uint32_t index, uint32_t id, struct standing *now);

/*
 * The same for one entry, with states as board_state_get has them: `states` begin with that of the
 * score. `out_old` are the keys that the subscores had.
 */
void board_subs_get(const struct board *board, uint32_t id, struct score_state *out_states);
bool board_subs_put(struct board *board, uint32_t id, const struct score_state *states,
                    struct standing *now, uint64_t *out_old);

/* Says that an entry stands elsewhere now. `old` is NULL for a new one. */
void board_pend(struct board *board, uint32_t id, uint32_t segment, const struct standing *old,
                const struct standing *now);

/* Says that an entry has been removed from the table. Settling frees its record. */
void board_pend_removal(struct board *board, uint32_t id, uint32_t segment,
                        const struct standing *old);

/* Notes how an entry stood, for those who follow. `old` is NULL for a new one. */
void board_changes_note(struct board *board, uint32_t id, uint32_t segment,
                        const struct standing *old);

struct board_changes *board_changes_new(void);
void board_changes_free(struct board_changes *changes);
uint64_t board_changes_bytes(const struct board_changes *changes);

/* Settles if the list is full; only when all records agree with what was pended. */
void board_pending_bound(struct board *board);

void board_settling_done(struct settling *settling);
uint64_t board_settling_bytes(const struct settling *settling);

void board_fold_done(struct fold *fold);
uint64_t board_fold_bytes(const struct fold *fold, uint32_t sub_count);

#endif
