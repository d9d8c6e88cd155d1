// SPDX-License-Identifier: Apache-2.0
/* board_query.c - see board.h: what can be asked about the entries of a board. */
#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "board/board_place.h"
#include "board/board_private.h"

#define PREFETCH_AHEAD 16u
#define QUERY_GROUP 256u
#define RUN_GROUP 512u
#define LEVEL_RUN 32u

void board_get(const struct board *board, uint32_t entry, struct board_entry *out_entry)
{
    const struct board_entries *entries = &board->entries;
    uint64_t bits = entry_score_bits(entries, entry);
    int64_t reached_ms = entry_reached_ms(entries, entry);

    *out_entry = (struct board_entry){
        .entry = entry,
        .segment = entry_segment(entries, entry),
        .score = board_value(board, bits),
        .reached_ms = reached_ms,
        .key = {.score = board_score_key(board, bits), .member = entry_member(entries, entry)},
    };
    ranktree_ties(&board->pool, entry, out_entry->key.ties);
}

bool board_find(const struct board *board, uint32_t segment, struct span member,
                struct board_entry *out_entry)
{
    struct entry_key key = {0, member, segment};
    uint32_t id;

    if (segment >= board->trees.count || member.size > ENTRY_MEMBER_BYTES_MAX ||
        (member.size == 0 && !board->bind.owned))
        return false;
    key.hash = board_entries_hash(&board->entries, hash_bytes(member.data, member.size), segment);
    id = board_entries_find(&board->entries, &key);
    if (id == ENTRY_NONE)
        return false;
    board_get(board, id, out_entry);
    return true;
}

void board_find_many(const struct board *board, const struct board_name *names, uint32_t count,
                     uint32_t *out_entries)
{
    struct entry_key keys[QUERY_GROUP];

    for (uint32_t base = 0; base < count; base += QUERY_GROUP) {
        uint32_t size = count - base < QUERY_GROUP ? count - base : QUERY_GROUP;

        for (uint32_t i = 0; i < size; i++) {
            const struct board_name *name = &names[base + i];

            keys[i] = (struct entry_key){0, name->member, name->segment};
            keys[i].hash = board_entries_hash(
                &board->entries, hash_bytes(name->member.data, name->member.size), name->segment);
            board_entries_prefetch(&board->entries, keys[i].hash);
        }
        for (uint32_t i = 0; size > 1 && i < size; i++)
            board_entries_prefetch_record(&board->entries, keys[i].hash);
        for (uint32_t i = 0; i < size; i++)
            out_entries[base + i] = board_entries_find(&board->entries, &keys[i]);
    }
}

void board_rank_many(const struct board *board, const uint32_t *entries, uint32_t count,
                     uint32_t *out_ranks)
{
    struct ranktree_query queries[QUERY_GROUP];

    assert(board_is_settled(board));
    for (uint32_t base = 0; base < count; base += QUERY_GROUP) {
        uint32_t size = count - base < QUERY_GROUP ? count - base : QUERY_GROUP;

        for (uint32_t i = 0; i < size && i < PREFETCH_AHEAD; i++)
            entry_prefetch(&board->entries, entries[base + i]);
        for (uint32_t i = 0; i < size; i++) {
            uint32_t id = entries[base + i];

            if (i + PREFETCH_AHEAD < size)
                entry_prefetch(&board->entries, entries[base + i + PREFETCH_AHEAD]);
            queries[i] = (struct ranktree_query){
                .tree = board_tree(board, entry_segment(&board->entries, id)),
                .score = board_place(board,
                                     board_score_key(board, entry_score_bits(&board->entries, id)),
                                     entry_reached_ms(&board->entries, id)),
                .id = id,
            };
        }
        ranktree_rank_many(&board->pool, queries, size, out_ranks + base);
    }
}

uint32_t board_rank(const struct board *board, uint32_t entry)
{
    uint32_t rank;

    board_rank_many(board, &entry, 1, &rank);
    return rank;
}

/* The inverse of ranktree_tie; boards whose ties go by member have no use for it. */
static int64_t reached_of_tie(const struct board *board, uint64_t tie)
{
    uint64_t up = board->def.ties == BOARD_TIES_LAST ? ~tie : tie;

    return entry_clamp_reached((int64_t)(up ^ SCORE_KEY_SIGN));
}

uint32_t board_count_better(const struct board *board, uint32_t segment, const struct rank_key *key)
{
    struct rank_key placed = *key;

    assert(board_is_settled(board));
    if (segment >= board->trees.count)
        return 0;
    if (!board_place_fits(board, key->score)) /* all are better, or none is */
        return board_place_first(board, key->score) == 0 ? 0 : board_tree(board, segment)->count;
    placed.score =
        board_place(board, key->score, reached_of_tie(board, key->ties[board->entries.sub_count]));
    return ranktree_count_better(&board->pool, board_tree(board, segment), &placed);
}

uint32_t board_count_better_score(const struct board *board, uint32_t segment, uint64_t score)
{
    assert(board_is_settled(board));
    if (segment >= board->trees.count)
        return 0;
    return ranktree_count_better_score(&board->pool, board_tree(board, segment),
                                       board_place_first(board, score));
}

uint32_t board_count_better_level(const struct board *board, uint32_t segment,
                                  const struct rank_key *key)
{
    uint64_t level[BOARD_LEVEL_WORDS_MAX];
    uint32_t words = 1 + board->entries.sub_count;
    struct rank_key first;

    if (words == 1)
        return board_count_better_score(board, segment, key->score);
    rank_level_of(key, level, words);
    first = rank_level_first(level, words);
    return board_count_better(board, segment, &first);
}

uint32_t board_run(const struct board *board, uint32_t segment, uint32_t from, uint32_t count,
                   struct board_entry *out_entries)
{
    uint32_t ids[RUN_GROUP];
    uint32_t filled = 0;

    assert(board_is_settled(board));
    if (segment >= board->trees.count)
        return 0;
    while (filled < count) {
        uint32_t wanted = count - filled < RUN_GROUP ? count - filled : RUN_GROUP;
        uint32_t got =
            ranktree_run(&board->pool, board_tree(board, segment), from + filled, wanted, ids);

        for (uint32_t i = 0; i < got && i < PREFETCH_AHEAD; i++)
            entry_prefetch(&board->entries, ids[i]);
        for (uint32_t i = 0; i < got; i++) {
            if (i + PREFETCH_AHEAD < got)
                entry_prefetch(&board->entries, ids[i + PREFETCH_AHEAD]);
            board_get(board, ids[i], &out_entries[filled++]);
        }
        if (got < wanted)
            break;
    }
    return filled;
}

uint32_t board_above(const struct board *board, uint32_t segment, const struct rank_key *key,
                     uint32_t count, struct board_entry *out_entries)
{
    uint32_t rank = board_count_better(board, segment, key);
    uint32_t size = rank < count ? rank : count;

    return board_run(board, segment, rank - size, size, out_entries);
}

uint32_t board_below(const struct board *board, uint32_t segment, const struct rank_key *key,
                     uint32_t count, struct board_entry *out_entries)
{
    uint32_t rank = board_count_better(board, segment, key);
    uint32_t filled;

    if (count == 0)
        return 0;
    /* The key itself, if it is here, is the first of the run. */
    filled = board_run(board, segment, rank, 1, out_entries);
    if (filled == 0)
        return 0;
    if (rank_key_compare(&out_entries[0].key, key) == 0)
        return board_run(board, segment, rank + 1, count, out_entries);
    return 1 + board_run(board, segment, rank + 1, count - 1, out_entries + 1);
}

/* Levels of one word: the tree finds the next one without looking at entries. */
static uint32_t distinct_scores(const struct board *board, uint32_t segment, uint64_t from,
                                uint64_t end, uint64_t *out_scores, uint32_t max)
{
    uint32_t count = ranktree_distinct_scores(&board->pool, board_tree(board, segment),
                                              board->tie_bits, board_place_first(board, from),
                                              board_place_first(board, end), out_scores, max);

    for (uint32_t i = 0; i < count; i++)
        out_scores[i] = board_place_score(board, out_scores[i]);
    return count;
}

static uint32_t rank_of_level(const struct board *board, uint32_t segment, const uint64_t *level)
{
    struct rank_key first = rank_level_first(level, 1 + board->entries.sub_count);

    return board_count_better(board, segment, &first);
}

static void level_of_entry(const struct board *board, uint32_t id, uint64_t *out_level)
{
    out_level[0] = board_score_key(board, entry_score_bits(&board->entries, id));
    for (uint32_t i = 0; i < board->entries.sub_count; i++)
        out_level[1 + i] = entry_sub(&board->entries, id, i);
}

/* Walks the entries in runs; one that was all of one level is followed by a jump to the next. */
uint32_t board_distinct_levels(const struct board *board, uint32_t segment, const uint64_t *from,
                               const uint64_t *end, uint64_t *out_levels, uint32_t max)
{
    uint32_t words = 1 + board->entries.sub_count;
    uint32_t count = 0;
    uint32_t rank, until;

    assert(board_is_settled(board));
    if (segment >= board->trees.count)
        return 0;
    if (words == 1)
        return distinct_scores(board, segment, from[0], end[0], out_levels, max);
    rank = rank_of_level(board, segment, from);
    until = rank_of_level(board, segment, end);
    while (rank < until) {
        uint32_t before = count;
        uint32_t ids[LEVEL_RUN];
        uint32_t got = ranktree_run(&board->pool, board_tree(board, segment), rank,
                                    until - rank < LEVEL_RUN ? until - rank : LEVEL_RUN, ids);

        for (uint32_t i = 0; i < got; i++) {
            uint64_t level[BOARD_LEVEL_WORDS_MAX];

            level_of_entry(board, ids[i], level);
            if (count > 0 &&
                rank_level_compare(level, out_levels + (size_t)(count - 1) * words, words) == 0)
                continue;
            if (count == max)
                return count;
            memcpy(out_levels + (size_t)count++ * words, level, words * sizeof(level[0]));
        }
        rank += got;
        if (count <= before + 1) {
            uint64_t next[BOARD_LEVEL_WORDS_MAX];

            memcpy(next, out_levels + (size_t)(count - 1) * words, words * sizeof(next[0]));
            rank = rank_level_next(next, words) ? rank_of_level(board, segment, next) : until;
        }
    }
    return count;
}
