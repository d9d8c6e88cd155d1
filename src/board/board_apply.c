// SPDX-License-Identifier: Apache-2.0
/*
 * board_apply.c - scores and removals one by one, and segments that the owner makes; see board.h.
 *
 * Each op is applied by itself, because what it does may depend on the one before it (conditions,
 * a member that was just removed). What makes a long list cheap is that the memory of a whole
 * group is asked for before: first the buckets of the table, then the records.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "board/board_place.h"
#include "board/board_private.h"

#define GROUP 128u

static uint32_t *count_of(struct board *board, uint32_t segment)
{
    return arena_at(&board->counts, segment);
}

static double score_of(const struct board *board, uint32_t id)
{
    return board_value(board, entry_score_bits(&board->entries, id)).f;
}

static uint64_t bits_of(double score)
{
    uint64_t bits;

    memcpy(&bits, &score, sizeof(bits));
    return bits;
}

static struct standing standing_of(const struct board *board, uint32_t id)
{
    return (struct standing){entry_score_bits(&board->entries, id),
                             entry_reached_ms(&board->entries, id), NULL};
}

static void add_entry(struct board *board, const struct entry_key *key, double score,
                      int64_t event_ms, struct board_op_result *result)
{
    struct standing now = {bits_of(score), event_ms, NULL};
    bool is_new;
    uint32_t id = board_entries_put(&board->entries, key, &is_new);

    if (id == ENTRY_NONE) {
        board->refused++;
        result->refused = true;
        return;
    }
    entry_set(&board->entries, id, now.bits, now.reached_ms);
    board_pend(board, id, key->segment, NULL, &now);
    (*count_of(board, key->segment))++;
    result->exists = true;
    result->changed = true;
    result->score = score;
}

static void change_entry(struct board *board, uint32_t id, uint32_t segment, double score,
                         int64_t event_ms)
{
    struct standing old = standing_of(board, id);
    struct standing now = {bits_of(score), event_ms, NULL};

    entry_set(&board->entries, id, now.bits, now.reached_ms);
    board_pend(board, id, segment, &old, &now);
}

static bool conditions_hold(const struct board_op *op, bool exists, double old, double score)
{
    if (exists && (op->conditions & BOARD_IF_ABSENT))
        return false;
    if (!exists)
        return !(op->conditions & BOARD_IF_PRESENT);
    if ((op->conditions & BOARD_IF_GREATER) && !(score > old))
        return false;
    return !(op->conditions & BOARD_IF_LESS) || score < old;
}

static void put_score(struct board *board, const struct board_op *op, const struct entry_key *key,
                      uint32_t id, int64_t event_ms, struct board_op_result *result)
{
    double score = op->score;

    if (result->existed && op->kind == BOARD_OP_ADD)
        score += result->old_score;
    if (result->existed && (op->conditions & BOARD_IF_ABSENT))
        return;
    if (isnan(score)) {
        result->is_nan = true;
        return;
    }
    result->held = conditions_hold(op, result->existed, result->old_score, score);
    if (!result->held)
        return;
    if (!result->existed) {
        add_entry(board, key, score, event_ms, result);
        return;
    }
    if (score == result->old_score) /* 0 and -0 are the same score: the first one stays */
        return;
    change_entry(board, id, op->segment, score, event_ms);
    result->changed = true;
    result->score = score;
}

static void remove_entry(struct board *board, const struct entry_key *key, uint32_t id)
{
    struct standing old = standing_of(board, id);

    board_entries_remove(&board->entries, id, key->hash);
    board_pend_removal(board, id, key->segment, &old);
    if (board->bind.owned)
        (*count_of(board, key->segment))--;
}

static void apply_one(struct board *board, const struct board_op *op, const struct entry_key *key,
                      int64_t event_ms, struct board_op_result *result)
{
    uint32_t id = board_entries_find(&board->entries, key);

    *result = (struct board_op_result){.existed = id != ENTRY_NONE, .exists = id != ENTRY_NONE};
    if (result->existed && !board->is_int)
        result->old_score = result->score = score_of(board, id);
    if (op->kind != BOARD_OP_REMOVE) {
        assert(board->bind.owned);
        put_score(board, op, key, id, event_ms, result);
        return;
    }
    result->held = true;
    if (!result->existed)
        return;
    remove_entry(board, key, id);
    result->exists = false;
    result->changed = true;
}

void board_apply(struct board *board, const struct board_op *ops, uint32_t count, int64_t event_ms,
                 struct board_op_result *results)
{
    struct entry_key keys[GROUP];

    event_ms = entry_clamp_reached(event_ms);
    for (uint32_t base = 0; base < count; base += GROUP) {
        uint32_t size = count - base < GROUP ? count - base : GROUP;

        for (uint32_t i = 0; i < size; i++) {
            const struct board_op *op = &ops[base + i];

            keys[i] = (struct entry_key){0, op->member, op->segment};
            keys[i].hash = board_entries_hash(
                &board->entries, hash_bytes(op->member.data, op->member.size), op->segment);
            board_entries_prefetch(&board->entries, keys[i].hash);
        }
        for (uint32_t i = 0; size > 1 && i < size; i++)
            board_entries_prefetch_record(&board->entries, keys[i].hash);
        for (uint32_t i = 0; i < size; i++)
            apply_one(board, &ops[base + i], &keys[i], event_ms, &results[base + i]);
        board_pending_bound(board);
    }
}

/* ---- states ---- */

/* The bytes of the score's own strategy; those of subscores are behind them. */
static uint32_t score_bytes(const struct board *board)
{
    return board->subs.count > 0 ? board->subs.reached_at : board->entries.extra_bytes;
}

void board_state_get(const struct board *board, uint32_t entry, struct score_state *out_states)
{
    const struct board_entries *entries = &board->entries;

    out_states[0] = (struct score_state){
        .score = {.bits = entry_score_bits(entries, entry)},
        .reached_ms = entry_reached_ms(entries, entry),
    };
    memcpy(out_states[0].extra, entry_extra(entries, entry), score_bytes(board));
    if (board->subs.count > 0)
        board_subs_get(board, entry, out_states);
}

void board_state_put(struct board *board, uint32_t entry, const struct score_state *states)
{
    struct board_entries *entries = &board->entries;
    struct standing old = {entry_score_bits(entries, entry), entry_reached_ms(entries, entry),
                           NULL};
    struct standing now = {states[0].score.bits, states[0].reached_ms, NULL};
    uint64_t old_subs[SUBSCORES_MAX];
    bool timed = board_ties_by_time(board->def.ties);
    bool changed = false;

    assert(!states[0].fresh);
    memcpy(entry_extra(entries, entry), states[0].extra, score_bytes(board));
    if (board->subs.count > 0) {
        changed = board_subs_put(board, entry, states, &now, old_subs);
        old.subs = old_subs;
    }
    entry_set(entries, entry, now.bits, now.reached_ms);
    if (changed || now.bits != old.bits || (timed && now.reached_ms != old.reached_ms))
        board_pend(board, entry, entry_segment(entries, entry), &old, &now);
    board_pending_bound(board);
}

/* ---- segments ---- */

uint32_t board_segment_take(struct board *board)
{
    uint32_t segment;

    assert(board->bind.owned);
    if (board->free_segment_count > 0)
        return board->free_segments[--board->free_segment_count];
    if (board->trees.count >= board->limits.segments_max)
        return BOARD_SEGMENT_NONE;
    segment = arena_take(&board->trees, 1);
    arena_take(&board->counts, 1);
    *board_tree(board, segment) = (struct ranktree){0};
    *count_of(board, segment) = 0;
    return segment;
}

static void remove_all(struct board *board, uint32_t segment)
{
    uint32_t ids[GROUP];
    uint32_t from = 0;
    uint32_t got;

    board_settle(board);
    while ((got = ranktree_run(&board->pool, board_tree(board, segment), from, GROUP, ids)) > 0) {
        for (uint32_t i = 0; i < got; i++)
            entry_prefetch(&board->entries, ids[i]);
        for (uint32_t i = 0; i < got; i++) {
            struct span member = entry_member(&board->entries, ids[i]);
            uint64_t hash =
                board_entries_hash(&board->entries, hash_bytes(member.data, member.size), segment);

            board_entries_remove(&board->entries, ids[i], hash);
            board_entries_free(&board->entries, ids[i]);
        }
        from += got;
    }
    ranktree_clear(&board->pool, board_tree(board, segment));
}

void board_segment_give(struct board *board, uint32_t segment)
{
    assert(board->bind.owned);
    if (*count_of(board, segment) > 0)
        remove_all(board, segment);
    else if (board_tree(board, segment)->count > 0)
        board_settle(board); /* its removals wait */
    *count_of(board, segment) = 0;
    if (board->free_segment_count == board->free_segment_capacity) {
        board->free_segment_capacity =
            board->free_segment_capacity > 0 ? 2 * board->free_segment_capacity : 64;
        board->free_segments =
            bytes_realloc(board->free_segments, board->free_segment_capacity * sizeof(uint32_t));
    }
    board->free_segments[board->free_segment_count++] = segment;
}

uint32_t board_segment_count(const struct board *board, uint32_t segment)
{
    assert(board->bind.owned);
    return *(const uint32_t *)arena_at(&board->counts, segment);
}

uint32_t board_scan(const struct board *board, uint32_t segment, uint64_t cursor, uint32_t scan,
                    struct board_entry *out_entries, uint32_t max, uint64_t *out_next)
{
    uint32_t *ids = bytes_alloc(max * sizeof(ids[0]));
    uint32_t count = board_entries_scan(&board->entries, cursor, scan, ids, max, out_next);
    uint32_t filled = 0;

    for (uint32_t i = 0; i < count; i++)
        if (entry_segment(&board->entries, ids[i]) == segment)
            board_get(board, ids[i], &out_entries[filled++]);
    free(ids);
    return filled;
}

/* ---- another name for a member ----
 *
 *     0   u64   score, the bits of the int64 or the double
 *     8   i64   reached_ms
 *     16  ...   what the strategy remembers
 *
 * These bytes are in journals, but mean something only to boards of the same definition.
 */

#define SAVED_HEAD_BYTES 16

void board_save(const struct board *board, uint32_t entry, struct bytes *out)
{
    uint64_t bits = entry_score_bits(&board->entries, entry);
    int64_t reached_ms = entry_reached_ms(&board->entries, entry);

    bytes_put(out, &bits, sizeof(bits));
    bytes_put(out, &reached_ms, sizeof(reached_ms));
    bytes_put(out, entry_extra(&board->entries, entry), board->entries.extra_bytes);
}

/* The segment of these labels, a new one if there is none yet. */
static uint32_t put_segment(struct board *board, const struct span *labels)
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
            intern_put(&board->segments, bytes_span(&tuple), hash_bytes(tuple.data, tuple.size));
    if (segment != INTERN_NONE && segment == board->trees.count)
        arena_take(&board->trees, 1);
    bytes_done(&tuple);
    return segment;
}

bool board_restore(struct board *board, const struct span *labels, struct span member,
                   struct span state)
{
    struct entry_key key = {0, member, put_segment(board, labels)};
    struct standing now = {0};
    bool is_new;
    uint32_t id;

    assert(!board->bind.owned);
    if (state.size != SAVED_HEAD_BYTES + board->entries.extra_bytes || key.segment == INTERN_NONE)
        return false;
    memcpy(&now.bits, state.data, sizeof(now.bits));
    memcpy(&now.reached_ms, state.data + sizeof(now.bits), sizeof(now.reached_ms));
    now.reached_ms = entry_clamp_reached(now.reached_ms);
    if (!board->based)
        board_place_begin(board, now.reached_ms);
    key.hash =
        board_entries_hash(&board->entries, hash_bytes(member.data, member.size), key.segment);
    id = board_entries_put(&board->entries, &key, &is_new);
    if (id == ENTRY_NONE)
        return false;
    assert(is_new);
    entry_set(&board->entries, id, now.bits, now.reached_ms);
    memcpy(entry_extra(&board->entries, id), state.data + SAVED_HEAD_BYTES,
           board->entries.extra_bytes);
    board_pend(board, id, key.segment, NULL, &now);
    board_pending_bound(board);
    return true;
}
