// SPDX-License-Identifier: Apache-2.0
/*
 * board_settle.c - brings the trees up to date with the entries that have changed.
 *
 * Folding writes the records of entries, and puts a move of each whose position changes into a
 * list: from where its tree has it to where it belongs. An entry that changes again before the
 * list is settled gets its move changed, which a small hash table of the entries that wait finds.
 * Settling hands all moves of a tree over together.
 *
 * The point is that moves get cheaper the more of them go together: sorted by position, several
 * land in each leaf, whose misses and restructuring they share. And as long as nobody asks for
 * ranks, an entry that changes ten times moves once.
 *
 * What waits is bounded, since a read waits for the settling: PENDING_MAX entries take some
 * milliseconds, and keep the table in the cache of a core.
 */
#include <assert.h>
#include <stdlib.h>

#include "board/board_place.h"
#include "board/board_private.h"

#define PENDING_MAX (3u << 13)  /* with a part of a batch on top they fit into a power of two */
#define PENDING_MUCH (1u << 10) /* settles in a fraction of a millisecond */
#define CAPACITY_MIN 64u
#define TREES_AHEAD 8u
#define RADIX_BITS 8u
#define RADIX_BUCKETS (1u << RADIX_BITS)

struct pending_slot {
    uint32_t id; /* ENTRY_NONE: free */
    uint32_t move;
};

void board_settling_done(struct settling *settling)
{
    free(settling->moves);
    free(settling->ties);
    free(settling->segments);
    free(settling->slots);
    free(settling->sorted);
    free(settling->order);
    free(settling->order_other);
}

uint64_t board_settling_bytes(const struct settling *settling)
{
    uint64_t ties = settling->capacity * settling->tie_words * sizeof(uint64_t);
    uint64_t slots = settling->slots != NULL ? settling->slot_mask + 1 : 0;

    return settling->capacity * sizeof(struct ranktree_move) + ties +
           (settling->segments != NULL ? settling->capacity * sizeof(uint32_t) : 0) +
           slots * sizeof(struct pending_slot) +
           settling->sorted_capacity * (sizeof(struct ranktree_move) + 2 * sizeof(uint32_t));
}

/* ---- the list ---- */

/* The slot of an entry, or the free one where it belongs. */
static struct pending_slot *find_slot(const struct settling *settling, uint32_t id)
{
    uint32_t at = (uint32_t)((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15) >> 32);

    for (;; at++) {
        struct pending_slot *slot = &settling->slots[at & settling->slot_mask];

        if (slot->id == id || slot->id == ENTRY_NONE)
            return slot;
    }
}

static void grow(struct board *board)
{
    struct settling *settling = &board->settling;
    uint32_t n = settling->capacity > 0 ? 2 * settling->capacity : CAPACITY_MIN;

    settling->tie_words = 2 * (board->entries.sub_count + 1);
    settling->moves = bytes_realloc(settling->moves, n * sizeof(settling->moves[0]));
    settling->ties = bytes_realloc(settling->ties, n * settling->tie_words * sizeof(uint64_t));
    if (board->entries.segmented)
        settling->segments = bytes_realloc(settling->segments, n * sizeof(uint32_t));
    settling->slots = bytes_realloc(settling->slots, 2 * (size_t)n * sizeof(settling->slots[0]));
    memset(settling->slots, 0xff, 2 * (size_t)n * sizeof(settling->slots[0]));
    settling->slot_mask = 2 * n - 1;
    settling->capacity = n;
    for (uint32_t i = 0; i < settling->count; i++)
        *find_slot(settling, settling->moves[i].id) =
            (struct pending_slot){settling->moves[i].id, i};
}

/* Of two score keys the one that is farther from the middle, where 0 is. */
static uint64_t farther(uint64_t a, uint64_t b)
{
    uint64_t far_a = a > SCORE_KEY_SIGN ? a - SCORE_KEY_SIGN : SCORE_KEY_SIGN - a;
    uint64_t far_b = b > SCORE_KEY_SIGN ? b - SCORE_KEY_SIGN : SCORE_KEY_SIGN - b;

    return far_b > far_a ? b : a;
}

/* Places are those of today's bits: when they change, all trees are built from the records. */
static uint64_t place_of(struct board *board, const struct standing *standing)
{
    struct settling *settling = &board->settling;
    uint64_t key = board_score_key(board, standing->bits);

    if (!board_place_fits(board, key)) {
        settling->wide = settling->is_wide ? farther(settling->wide, key) : key;
        settling->is_wide = true;
    }
    return board_place(board, key, standing->reached_ms);
}

/* Sets the old (0) or the new (1) tie keys of a move of an entry. */
static void put_ties(struct board *board, uint32_t id, const struct standing *standing,
                     uint32_t move, uint32_t which)
{
    uint32_t words = board->settling.tie_words / 2;
    uint64_t *ties = &board->settling.ties[((size_t)move * 2 + which) * words];

    for (uint32_t i = 0; i + 1 < words; i++)
        ties[i] = standing->subs != NULL ? standing->subs[i] : entry_sub(&board->entries, id, i);
    ties[words - 1] = ranktree_tie(board->def.ties, standing->reached_ms);
}

/* The list grows no more: moves are told where their ties are. */
static void aim_ties(struct settling *settling)
{
    for (uint32_t i = 0; i < settling->count; i++) {
        settling->moves[i].old_ties = &settling->ties[(size_t)i * settling->tie_words];
        settling->moves[i].ties = settling->moves[i].old_ties + settling->tie_words / 2;
    }
}

/* The move of an entry: the one that waits already, or a new one from where it stood. */
static struct ranktree_move *move_of(struct board *board, uint32_t id, uint32_t segment,
                                     const struct standing *old)
{
    struct settling *settling = &board->settling;
    struct pending_slot *slot;

    board->moves++;
    if (settling->count == settling->capacity)
        grow(board);
    slot = find_slot(settling, id);
    if (slot->id == ENTRY_NONE) {
        if (old != NULL)
            put_ties(board, id, old, settling->count, 0);
        *slot = (struct pending_slot){id, settling->count};
        if (settling->segments != NULL)
            settling->segments[settling->count] = segment;
        settling->moves[settling->count++] = (struct ranktree_move){
            .old_score = old != NULL ? place_of(board, old) : 0,
            .id = id,
            .is_new = old == NULL,
        };
    }
    return &settling->moves[slot->move];
}

void board_pend(struct board *board, uint32_t id, uint32_t segment, const struct standing *old,
                const struct standing *now)
{
    struct ranktree_move *move = move_of(board, id, segment, old);

    board_changes_note(board, id, segment, old);
    move->score = place_of(board, now);
    put_ties(board, id, now, (uint32_t)(move - board->settling.moves), 1);
}

void board_pend_removal(struct board *board, uint32_t id, uint32_t segment,
                        const struct standing *old)
{
    board_changes_note(board, id, segment, old);
    move_of(board, id, segment, old)->is_gone = true;
    board->settling.gone++;
}

static void clear_slots(struct settling *settling)
{
    if (settling->count > settling->capacity / 16)
        memset(settling->slots, 0xff,
               ((size_t)settling->slot_mask + 1) * sizeof(settling->slots[0]));
    else /* backwards: what was put in last cannot be in the way of what came before */
        for (uint32_t i = settling->count; i-- > 0;)
            find_slot(settling, settling->moves[i].id)->id = ENTRY_NONE;
}

/* ---- settling ---- */

/* Entries that came and went between two settlings: no tree knows of them. */
static void drop_never_placed(struct board *board)
{
    struct settling *settling = &board->settling;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < settling->count; i++) {
        struct ranktree_move move = settling->moves[i];

        if (move.is_gone && move.is_new) {
            board_entries_free(&board->entries, move.id);
            continue;
        }
        settling->moves[kept] = move;
        if (settling->segments != NULL)
            settling->segments[kept] = settling->segments[i];
        kept++;
    }
    settling->count = kept;
}

/* The records of removed entries, when no tree compares with them any more. */
static void free_gone(struct board *board)
{
    struct settling *settling = &board->settling;

    for (uint32_t i = 0; i < settling->count; i++)
        if (settling->moves[i].is_gone)
            board_entries_free(&board->entries, settling->moves[i].id);
}

static void sorting_room(struct settling *settling)
{
    if (settling->sorted_capacity >= settling->count)
        return;
    settling->sorted_capacity = settling->capacity;
    settling->sorted =
        bytes_realloc(settling->sorted, settling->capacity * sizeof(settling->sorted[0]));
    settling->order = bytes_realloc(settling->order, settling->capacity * sizeof(uint32_t));
    settling->order_other =
        bytes_realloc(settling->order_other, settling->capacity * sizeof(uint32_t));
}

/* A stable sort of `order` by segment. */
static void sort_by_segment(struct board *board)
{
    struct settling *settling = &board->settling;

    sorting_room(settling);
    for (uint32_t i = 0; i < settling->count; i++)
        settling->order[i] = i;

    for (uint32_t shift = 0; shift < 32 && (board->trees.count - 1) >> shift > 0;
         shift += RADIX_BITS) {
        uint32_t starts[RADIX_BUCKETS] = {0};
        uint32_t *other = settling->order_other;
        uint32_t sum = 0;

        for (uint32_t i = 0; i < settling->count; i++)
            starts[settling->segments[i] >> shift & (RADIX_BUCKETS - 1)]++;
        for (uint32_t i = 0; i < RADIX_BUCKETS; i++) {
            uint32_t here = starts[i];

            starts[i] = sum;
            sum += here;
        }
        for (uint32_t i = 0; i < settling->count; i++) {
            uint32_t index = settling->order[i];

            other[starts[settling->segments[index] >> shift & (RADIX_BUCKETS - 1)]++] = index;
        }
        settling->order_other = settling->order;
        settling->order = other;
    }
}

/* Trees of the segments to come are fetched ahead: first the struct, then the top node. */
static void prefetch_trees(const struct board *board, uint32_t at)
{
    const struct settling *settling = &board->settling;

    if (at + 2 * TREES_AHEAD < settling->count)
        __builtin_prefetch(
            board_tree(board, settling->segments[settling->order[at + 2 * TREES_AHEAD]]));
    if (at + TREES_AHEAD < settling->count)
        ranktree_prefetch(&board->pool,
                          board_tree(board, settling->segments[settling->order[at + TREES_AHEAD]]));
}

static void move_by_segment(struct board *board)
{
    struct settling *settling = &board->settling;

    sort_by_segment(board);
    for (uint32_t begin = 0, end; begin < settling->count; begin = end) {
        uint32_t segment = settling->segments[settling->order[begin]];

        for (end = begin; end < settling->count; end++) {
            uint32_t index = settling->order[end];

            if (settling->segments[index] != segment)
                break;
            prefetch_trees(board, end);
            settling->sorted[end] = settling->moves[index];
        }
        ranktree_move_many(&board->pool, board_tree(board, segment), settling->sorted + begin,
                           end - begin);
    }
}

static bool is_one_segment(const struct settling *settling)
{
    for (uint32_t i = 1; settling->segments != NULL && i < settling->count; i++)
        if (settling->segments[i] != settling->segments[0])
            return false;
    return true;
}

bool board_is_settled(const struct board *board)
{
    return board->settling.count == 0;
}

void board_settle(struct board *board)
{
    struct settling *settling = &board->settling;

    if (settling->count == 0)
        return;
    clear_slots(settling);
    aim_ties(settling);
    if (settling->gone > 0)
        drop_never_placed(board); /* maybe all */
    if (settling->is_wide)
        board_place_widen(board, settling->wide); /* builds all trees from the records */
    else if (settling->count > 0 && is_one_segment(settling))
        ranktree_move_many(
            &board->pool, board_tree(board, settling->segments != NULL ? settling->segments[0] : 0),
            settling->moves, settling->count);
    else
        move_by_segment(board);
    if (settling->gone > 0)
        free_gone(board);
    settling->is_wide = false;
    settling->gone = 0;
    settling->count = 0;
}

void board_settle_much(struct board *board)
{
    if (board->settling.count >= PENDING_MUCH)
        board_settle(board);
}

void board_pending_bound(struct board *board)
{
    if (board->settling.count >= PENDING_MAX)
        board_settle(board);
}
