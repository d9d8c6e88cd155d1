// SPDX-License-Identifier: Apache-2.0
/* board.c - see board.h: making and ending a board, its segments, its totals. */
#include "board/board.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "board/board_place.h"
#include "board/board_private.h"

#define TREES_PER_PAGE (1u << 12)

/* The score as the definition says it, where nobody has resolved it: of one column or none. */
static int score_of_def(struct score_call *out_score, const struct board_def *def,
                        const struct board_bind *bind, struct err *err)
{
    const struct score_strategy *strategy = score_find(span_of(def->score.name));

    if (strategy == NULL)
        return err_set(err, ERR_INVALID,
                       "boards.%s.score: unknown strategy \"%s\", expected one of %s", def->name,
                       def->score.name, score_names());
    assert(!(strategy->can & (SCORE_NEEDS_FILE | SCORE_CAN_SHOW)));
    *out_score = score_call_direct(strategy, bind->score_is_int);
    out_score->is_int = bind->score_is_int || strategy->can & SCORE_IS_INT;
    out_score->column_count = bind->score_column >= 0 ? 1 : 0;
    out_score->columns[0] = bind->score_column >= 0 ? (uint32_t)bind->score_column : 0;
    return 0;
}

int board_new(struct board **out_board, const struct board_def *def, const struct board_bind *bind,
              struct board_limits limits, struct err *err)
{
    struct score_call score = score_call_direct(NULL, bind->score_is_int);
    const struct score_strategy *strategy;
    struct board *board;
    uint32_t extra_bytes;
    int rc;

    if (bind->score != NULL) {
        score = *bind->score;
    } else if (bind->mode_column < 0 && !bind->owned) {
        rc = score_of_def(&score, def, bind, err);
        if (rc < 0)
            return rc;
    }
    strategy = score.strategy;
    assert(bind->by_count == def->by_count && bind->by_count <= BY_FIELDS_MAX);
    assert(strategy == NULL || strategy->extra_bytes <= SCORE_EXTRA_BYTES_MAX);

    board = bytes_alloc_zero(1, sizeof(*board));
    board->def = *def;
    board->bind = *bind;
    board->limits = limits;
    board->changes = board_changes_new();
    board->bind.score = NULL; /* the copy is what counts */
    board->score = score;
    board->is_int = score.is_int;
    board->bind.subscores = NULL;
    extra_bytes = strategy != NULL ? strategy->extra_bytes : 0;
    extra_bytes += board_subs_init(&board->subs, def, bind->subscores, extra_bytes);
    board_entries_init(&board->entries, extra_bytes, board->subs.count,
                       def->by_count > 0 || bind->owned, limits.entries_max);
    if (bind->owned && !board_ties_by_time(def->ties))
        board_entries_untime(&board->entries); /* nobody asks */
    board->tie_bits = board_place_tie_bits(board);
    ranktree_pool_init(&board->pool, &board->entries, def->ties);
    arena_init(&board->trees, sizeof(struct ranktree), TREES_PER_PAGE);
    if (bind->owned)
        arena_init(&board->counts, sizeof(uint32_t), TREES_PER_PAGE);
    else if (def->by_count > 0)
        intern_init(&board->segments, limits.segments_max);
    else
        arena_take(&board->trees, 1);
    *out_board = board;
    return 0;
}

void board_free(struct board *board)
{
    if (board == NULL)
        return;
    ranktree_pool_done(&board->pool);
    board_entries_done(&board->entries);
    if (board->def.by_count > 0)
        intern_done(&board->segments);
    arena_done(&board->trees);
    if (board->bind.owned)
        arena_done(&board->counts);
    free(board->free_segments);
    board_fold_done(&board->fold);
    board_settling_done(&board->settling);
    board_changes_free(board->changes);
    free(board);
}

const struct board_def *board_definition(const struct board *board)
{
    return &board->def;
}

struct board_counts board_counts(const struct board *board)
{
    return (struct board_counts){
        .entries = board->entries.count,
        .segments = board->trees.count,
        .moves = board->moves,
        .skipped = board->skipped,
        .refused = board->refused,
    };
}

uint64_t board_memory_bytes(const struct board *board)
{
    return sizeof(*board) + board_entries_bytes(&board->entries) +
           ranktree_pool_bytes(&board->pool) + arena_bytes(&board->trees) +
           (board->bind.owned ? arena_bytes(&board->counts) : 0) +
           board->free_segment_capacity * sizeof(uint32_t) +
           (board->def.by_count > 0 ? intern_bytes(&board->segments) : 0) +
           board_fold_bytes(&board->fold, board->subs.count) +
           board_settling_bytes(&board->settling) + board_changes_bytes(board->changes);
}

/*
 * A sum over the entries: ids, and with them the order of a walk, depend on when records of removed
 * entries were given to others, which depends on when the board was settled.
 */
uint64_t board_hash(const struct board *board)
{
    const struct board_entries *entries = &board->entries;
    uint64_t sum = 0;
    uint64_t hash = entries->count;
    uint32_t id = board_entries_next(entries, 0);

    for (; id != ENTRY_NONE; id = board_entries_next(entries, board_entries_after(entries, id))) {
        struct span member = entry_member(entries, id);
        uint64_t one = hash_mix(hash_bytes(member.data, member.size), entry_segment(entries, id));

        one = hash_mix(one, entry_score_bits(entries, id));
        one = hash_mix(one, (uint64_t)entry_reached_ms(entries, id));
        if (entries->extra_bytes > 0)
            one = hash_mix(one, hash_bytes(entry_extra(entries, id), entries->extra_bytes));
        sum += one;
    }
    hash = hash_mix(hash, sum);
    /* Segment ids mean their labels, in order of arrival. */
    for (uint32_t i = 0; board->def.by_count > 0 && i < board->segments.count; i++) {
        struct span tuple = intern_get(&board->segments, i);

        hash = hash_mix(hash, hash_bytes(tuple.data, tuple.size));
    }
    return hash;
}

void board_check(const struct board *board)
{
    uint64_t total = 0;
    uint32_t count = 0;
    uint32_t id = board_entries_next(&board->entries, 0);

    assert(board_is_settled(board));
    for (uint32_t i = 0; i < board->trees.count; i++) {
        ranktree_check(&board->pool, board_tree(board, i));
        total += board_tree(board, i)->count;
    }
    for (; id != ENTRY_NONE;
         id = board_entries_next(&board->entries, board_entries_after(&board->entries, id))) {
        struct board_entry entry;
        uint32_t found;

        board_get(board, id, &entry);
        assert(board_run(board, entry.segment, board_rank(board, id), 1, &entry) == 1);
        assert(entry.entry == id);
        assert(board_find(board, entry.segment, entry.key.member, &entry) && entry.entry == id);
        found = board_count_better(board, entry.segment, &entry.key);
        assert(found == board_rank(board, id));
        count++;
    }
    assert(total == count && count == board->entries.count);
}

bool board_tuple_put(struct bytes *tuple, struct span label)
{
    uint16_t size = (uint16_t)label.size;

    if (label.size > UINT16_MAX)
        return false;
    bytes_put(tuple, &size, sizeof(size));
    bytes_put(tuple, label.data, label.size);
    return tuple->size <= INTERN_STRING_BYTES_MAX;
}

uint32_t board_segment_find(const struct board *board, const struct span *labels)
{
    struct bytes tuple = {0};
    uint32_t segment = INTERN_NONE;
    bool fits = true;

    if (board->def.by_count == 0)
        return 0;
    for (uint32_t i = 0; i < board->def.by_count && fits; i++)
        fits = board_tuple_put(&tuple, labels[i]);
    if (fits)
        segment =
            intern_find(&board->segments, bytes_span(&tuple), hash_bytes(tuple.data, tuple.size));
    bytes_done(&tuple);
    return segment;
}

uint32_t board_segment_size(const struct board *board, uint32_t segment)
{
    assert(board_is_settled(board));
    return segment < board->trees.count ? board_tree(board, segment)->count : 0;
}

void board_segment_labels(const struct board *board, uint32_t segment, struct span *out_labels)
{
    struct span tuple;

    if (board->def.by_count == 0)
        return;
    tuple = intern_get(&board->segments, segment);
    for (uint32_t i = 0; i < board->def.by_count; i++) {
        uint16_t size;

        memcpy(&size, tuple.data, sizeof(size));
        out_labels[i] = (struct span){tuple.data + sizeof(size), size};
        tuple.data += sizeof(size) + size;
    }
}

static bool labels_match(const struct span *labels, const struct span *filter, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (filter[i].data != NULL && !span_equal(labels[i], filter[i]))
            return false;
    return true;
}

uint32_t board_segments(const struct board *board, uint32_t from, const struct span *filter,
                        uint32_t scan_max, struct board_segment *out_segments, uint32_t max,
                        uint32_t *out_next)
{
    uint32_t count = board->trees.count;
    uint32_t filled = 0;
    uint32_t at = from;

    assert(board_is_settled(board));
    for (; at < count && filled < max && scan_max > 0; at++, scan_max--) {
        struct board_segment *segment = &out_segments[filled];

        *segment = (struct board_segment){.segment = at, .size = board_tree(board, at)->count};
        if (segment->size == 0)
            continue;
        board_segment_labels(board, at, segment->labels);
        if (filter == NULL || labels_match(segment->labels, filter, board->def.by_count))
            filled++;
    }
    *out_next = at < count ? at : BOARD_SEGMENT_NONE;
    return filled;
}
