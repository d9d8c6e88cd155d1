// SPDX-License-Identifier: Apache-2.0
/* board_place.c - see board_place.h. */
#include "board/board_place.h"

#include <stdlib.h>

#define REBUILD_GROUP 8192u

/* Most of the range lies ahead; an eighth is for events that are older than the first. */
void board_place_begin(struct board *board, int64_t event_ms)
{
    board->based = true;
    board->base_ms = event_ms - ((int64_t)1 << (board->tie_bits + board_place_shift(board) - 3));
}

static int by_segment(const void *a, const void *b)
{
    const struct rebuilt *left = a;
    const struct rebuilt *right = b;

    if (left->segment != right->segment)
        return left->segment < right->segment ? -1 : 1;
    return (left->id > right->id) - (left->id < right->id);
}

/* `ties` has room for those of the group. */
static void insert_group(struct board *board, struct rebuilt *group, uint32_t count,
                         struct ranktree_move *moves, uint64_t (*ties)[RANK_TIES_MAX])
{
    const struct board_entries *entries = &board->entries;

    qsort(group, count, sizeof(group[0]), by_segment);
    for (uint32_t begin = 0, end; begin < count; begin = end) {
        uint32_t segment = group[begin].segment;

        for (end = begin; end < count && group[end].segment == segment; end++) {
            uint32_t id = group[end].id;

            ranktree_ties(&board->pool, id, ties[end - begin]);
            moves[end - begin] = (struct ranktree_move){
                .score = board_place(board, board_score_key(board, entry_score_bits(entries, id)),
                                     entry_reached_ms(entries, id)),
                .ties = ties[end - begin],
                .id = id,
                .is_new = true,
            };
        }
        ranktree_move_many(&board->pool, board_tree(board, segment), moves, end - begin);
    }
}

static void rebuild(struct board *board)
{
    const struct board_entries *entries = &board->entries;
    struct rebuilt *group = bytes_alloc(REBUILD_GROUP * sizeof(group[0]));
    struct ranktree_move *moves = bytes_alloc(REBUILD_GROUP * sizeof(moves[0]));
    uint64_t(*ties)[RANK_TIES_MAX] = bytes_alloc(REBUILD_GROUP * sizeof(ties[0]));
    uint32_t id = board_entries_next(entries, 0);
    uint32_t count = 0;

    ranktree_pool_done(&board->pool);
    ranktree_pool_init(&board->pool, entries, board->def.ties);
    for (uint32_t i = 0; i < board->trees.count; i++)
        *board_tree(board, i) = (struct ranktree){0};
    for (; id != ENTRY_NONE; id = board_entries_next(entries, board_entries_after(entries, id))) {
        group[count++] = (struct rebuilt){entry_segment(entries, id), id};
        if (count == REBUILD_GROUP) {
            insert_group(board, group, count, moves, ties);
            count = 0;
        }
    }
    insert_group(board, group, count, moves, ties);
    free(group);
    free(moves);
    free(ties);
}

void board_place_widen(struct board *board, uint64_t score_key)
{
    while (!board_place_fits(board, score_key))
        board->tie_bits -= 16;
    rebuild(board);
}
