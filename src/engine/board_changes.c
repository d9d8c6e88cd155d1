// SPDX-License-Identifier: Apache-2.0
/* board_changes.c - see board_changes.h. */
#include "engine/board_changes.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "engine/board_seasons.h"
#include "model/batch.h"
#include "model/board_change.h"
#include "model/label.h"
#include "board/board.h"

/* ---- bans ---- */

void board_bans_done(struct board_bans *bans)
{
    for (uint32_t i = 0; i < bans->count; i++)
        free(bans->items[i].member);
    free(bans->items);
    *bans = (struct board_bans){0};
}

/* Where the member is, or belongs. */
static uint32_t find_ban(const struct board_bans *bans, struct span member, uint64_t hash,
                         bool *out_found)
{
    uint32_t low = 0;
    uint32_t high = bans->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct board_ban *ban = &bans->items[middle];
        int order = ban->hash < hash ? -1 : ban->hash > hash;

        if (order == 0)
            order = span_compare((struct span){ban->member, ban->size}, member);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *out_found = low < bans->count && bans->items[low].hash == hash &&
                 span_equal((struct span){bans->items[low].member, bans->items[low].size}, member);
    return low;
}

static bool is_banned(const struct board_bans *bans, struct span member, uint64_t hash)
{
    bool found;

    find_ban(bans, member, hash, &found);
    return found;
}

bool board_bans_has(const struct board_bans *bans, struct span member)
{
    return bans->count > 0 && is_banned(bans, member, hash_bytes(member.data, member.size));
}

static enum board_change_outcome ban(struct board_bans *bans, uint32_t bans_max, struct span member)
{
    uint64_t hash = hash_bytes(member.data, member.size);
    bool found;
    uint32_t at = find_ban(bans, member, hash, &found);

    if (found)
        return BOARD_CHANGE_BANNED;
    if (bans->count >= bans_max)
        return BOARD_CHANGE_FULL;
    if (bans->count == bans->capacity) {
        bans->capacity = bans->capacity > 0 ? 2 * bans->capacity : 16;
        bans->items = bytes_realloc(bans->items, bans->capacity * sizeof(bans->items[0]));
    }
    memmove(bans->items + at + 1, bans->items + at, (bans->count - at) * sizeof(bans->items[0]));
    bans->items[at] = (struct board_ban){hash, bytes_dup(member), (uint32_t)member.size};
    bans->count++;
    return BOARD_CHANGE_DONE;
}

static enum board_change_outcome unban(struct board_bans *bans, struct span member)
{
    bool found;
    uint32_t at = find_ban(bans, member, hash_bytes(member.data, member.size), &found);

    if (!found)
        return BOARD_CHANGE_ABSENT;
    free(bans->items[at].member);
    bans->count--;
    memmove(bans->items + at, bans->items + at + 1, (bans->count - at) * sizeof(bans->items[0]));
    return BOARD_CHANGE_DONE;
}

uint64_t board_bans_hash(const struct board_bans *bans)
{
    uint64_t hash = hash_mix(bans->count, bans->rows);

    for (uint32_t i = 0; i < bans->count; i++)
        hash = hash_mix(hash, bans->items[i].hash);
    return hash;
}

uint64_t board_bans_bytes(const struct board_bans *bans)
{
    uint64_t bytes = bans->capacity * sizeof(bans->items[0]);

    for (uint32_t i = 0; i < bans->count; i++)
        bytes += bans->items[i].size + 1;
    return bytes;
}

/* String members: each distinct one is looked up once. */
static uint32_t filter_by_code(const struct board_bans *bans, const struct column *column,
                               const uint32_t *rows, uint32_t row_count, uint32_t *out_rows)
{
    enum { UNKNOWN, FREE, BANNED };
    uint8_t *known = bytes_alloc_zero(column->dictionary.count, sizeof(known[0]));
    uint32_t kept = 0;

    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t code = column->codes[rows[i]];

        if (known[code] == UNKNOWN && code == BATCH_CODE_NONE)
            known[code] = FREE;
        else if (known[code] == UNKNOWN)
            known[code] =
                is_banned(bans, batch_string(column, code), column->dictionary.hashes[code])
                    ? BANNED
                    : FREE;
        if (known[code] == FREE)
            out_rows[kept++] = rows[i];
    }
    free(known);
    return kept;
}

uint32_t board_bans_filter(struct board_bans *bans, const struct batch *batch,
                           uint32_t member_column, const uint32_t *rows, uint32_t row_count,
                           uint32_t *out_rows)
{
    const struct column *column = &batch->columns[member_column];
    struct bytes text = {0};
    uint32_t kept = 0;

    if (column->type == FIELD_STRING) {
        kept = filter_by_code(bans, column, rows, row_count, out_rows);
    } else {
        for (uint32_t i = 0; i < row_count; i++) {
            bytes_clear(&text);
            label_put(column, rows[i], &text);
            if (text.size == 0 || !board_bans_has(bans, bytes_span(&text)))
                out_rows[kept++] = rows[i];
        }
        bytes_done(&text);
    }
    bans->rows += row_count - kept;
    return kept;
}

/* ---- the entries of a member ---- */

struct found {
    struct board_entry *items;
    uint32_t count;
    uint32_t capacity;
};

static bool labels_match(const struct board *board, uint32_t segment, const struct span *filter,
                         uint32_t filter_count)
{
    struct span labels[BY_FIELDS_MAX];

    if (filter_count == 0)
        return true;
    board_segment_labels(board, segment, labels);
    for (uint32_t i = 0; i < filter_count; i++)
        if (filter[i].data != NULL && !span_equal(filter[i], labels[i]))
            return false;
    return true;
}

/* In order of segments. */
static void find_entries(const struct board *board, struct span member, const struct span *filter,
                         uint32_t filter_count, struct found *found)
{
    uint32_t segment_count = board_counts(board).segments;

    *found = (struct found){NULL, 0, 0};
    for (uint32_t segment = 0; segment < segment_count; segment++) {
        struct board_entry entry;

        if (!board_find(board, segment, member, &entry) ||
            !labels_match(board, segment, filter, filter_count))
            continue;
        if (found->count == found->capacity) {
            found->capacity = found->capacity > 0 ? 2 * found->capacity : 4;
            found->items = bytes_realloc(found->items, found->capacity * sizeof(found->items[0]));
        }
        found->items[found->count++] = entry;
    }
}

static void gather(const struct board *board, const struct found *found, struct bytes *out)
{
    uint32_t by_count = board_definition(board)->by_count;
    struct bytes state = {0};

    for (uint32_t i = 0; i < found->count; i++) {
        struct span labels[BY_FIELDS_MAX];

        board_segment_labels(board, found->items[i].segment, labels);
        bytes_clear(&state);
        board_save(board, found->items[i].entry, &state);
        board_change_put_entry(out, labels, by_count, bytes_span(&state));
    }
    bytes_done(&state);
}

uint32_t board_changes_gather(const struct board *board, struct span member, struct bytes *out)
{
    struct found found;

    find_entries(board, member, NULL, 0, &found);
    gather(board, &found, out);
    free(found.items);
    return found.count;
}

/* Whether a member has exactly these entries; their order may be that of another partition. */
static bool has_exactly(const struct board *board, struct span member, const struct found *found,
                        struct span entries)
{
    uint32_t by_count = board_definition(board)->by_count;
    struct span labels[BY_FIELDS_MAX];
    struct span wanted;
    struct bytes state = {0};
    uint32_t count = 0;
    bool same = true;

    while (same && board_change_next_entry(&entries, labels, by_count, &wanted)) {
        struct board_entry entry;

        bytes_clear(&state);
        same = board_find(board, board_segment_find(board, labels), member, &entry);
        if (same) {
            board_save(board, entry.entry, &state);
            same = span_equal(bytes_span(&state), wanted);
        }
        count++;
    }
    bytes_done(&state);
    return same && entries.size == 0 && count == found->count;
}

/* A season that a change is about. */
struct target {
    struct board_seasons *seasons;
    int64_t start_ms;
    struct board *board;
};

static void remove_found(const struct target *target, struct span member, const struct found *found)
{
    for (uint32_t i = 0; i < found->count; i++) {
        bool removed = board_seasons_remove(target->seasons, target->start_ms,
                                            found->items[i].segment, member);

        assert(removed);
        (void)removed;
    }
}

/* Makes all of them, or none. */
static bool restore(const struct target *target, struct span member, struct span entries)
{
    struct board *board = target->board;
    uint32_t by_count = board_definition(board)->by_count;
    struct span labels[BY_FIELDS_MAX];
    struct span state;
    struct found made;

    while (board_change_next_entry(&entries, labels, by_count, &state)) {
        if (board_restore(board, labels, member, state))
            continue;
        find_entries(board, member, NULL, 0, &made);
        remove_found(target, member, &made);
        free(made.items);
        return false;
    }
    return true;
}

/* ---- changes ---- */

static enum board_change_outcome rename_member(const struct target *target,
                                               const struct board_bans *bans,
                                               const struct board_change *change,
                                               const struct found *found)
{
    struct bytes entries = {0};
    struct found others;
    bool is_taken;
    bool made;

    if (found->count == 0)
        return BOARD_CHANGE_ABSENT;
    if (change->to.size == 0 || board_bans_has(bans, change->to))
        return BOARD_CHANGE_BANNED;
    find_entries(target->board, change->to, NULL, 0, &others);
    is_taken = others.count > 0;
    free(others.items);
    if (is_taken)
        return BOARD_CHANGE_PRESENT;
    gather(target->board, found, &entries);
    made = restore(target, change->to, bytes_span(&entries));
    bytes_done(&entries);
    if (!made)
        return BOARD_CHANGE_FULL;
    remove_found(target, change->member, found);
    return BOARD_CHANGE_DONE;
}

static enum board_change_outcome give(const struct target *target, const struct board_bans *bans,
                                      const struct board_change *change, const struct found *found)
{
    if (board_bans_has(bans, change->member))
        return BOARD_CHANGE_BANNED;
    if (change->replaced.size == 0 && found->count > 0)
        return BOARD_CHANGE_PRESENT;
    if (!has_exactly(target->board, change->member, found, change->replaced))
        return BOARD_CHANGE_MOVED;
    remove_found(target, change->member, found);
    return restore(target, change->member, change->entries) ? BOARD_CHANGE_DONE : BOARD_CHANGE_FULL;
}

static enum board_change_outcome take(const struct target *target,
                                      const struct board_change *change, const struct found *found,
                                      struct bytes *out_taken)
{
    if (found->count == 0)
        return BOARD_CHANGE_ABSENT;
    if (change->entries.size > 0 &&
        !has_exactly(target->board, change->member, found, change->entries))
        return BOARD_CHANGE_MOVED;
    gather(target->board, found, out_taken);
    remove_found(target, change->member, found);
    return BOARD_CHANGE_DONE;
}

/* The next season that is not closed, from the newest; false behind the last. */
static bool next_open(struct board_seasons *seasons, uint32_t *at, bool only_current,
                      struct target *out_target)
{
    struct board_season season;

    while (board_seasons_list(seasons, *at, &season, 1) == 1) {
        (*at)++;
        if (season.closed || (only_current && !season.current))
            continue;
        *out_target =
            (struct target){seasons, season.start_ms, board_seasons_find(seasons, season.start_ms)};
        return true;
    }
    return false;
}

/* Removes a member from the segments of the given labels, in all open seasons. */
static uint32_t remove_member(struct board_seasons *seasons, const struct board_change *change)
{
    struct target target;
    uint32_t removed = 0;

    for (uint32_t at = 0; next_open(seasons, &at, false, &target);) {
        struct found found;

        find_entries(target.board, change->member, change->by, change->by_count, &found);
        remove_found(&target, change->member, &found);
        removed += found.count;
        free(found.items);
    }
    return removed;
}

/* Where a member is moved: in the season that the change names, or in the current one. */
static bool find_target(struct board_seasons *seasons, const struct board_change *change,
                        struct target *out_target)
{
    struct board *board;
    uint32_t at = 0;

    if (!change->in_season)
        return next_open(seasons, &at, true, out_target);
    board = board_seasons_open(seasons, change->season_ms);
    *out_target = (struct target){seasons, change->season_ms, board};
    return board != NULL;
}

static enum board_change_outcome move_member(struct board_seasons *seasons,
                                             const struct board_bans *bans,
                                             const struct board_change *change,
                                             struct board_change_result *out_result)
{
    enum board_change_outcome outcome = BOARD_CHANGE_ABSENT;
    struct target target;
    struct found found;

    if (!find_target(seasons, change, &target))
        return BOARD_CHANGE_NO_SEASON;
    find_entries(target.board, change->member, NULL, 0, &found);
    out_result->entries = found.count;
    if (change->op == BOARD_CHANGE_RENAME)
        outcome = rename_member(&target, bans, change, &found);
    else if (change->op == BOARD_CHANGE_GIVE)
        outcome = give(&target, bans, change, &found);
    else
        outcome = take(&target, change, &found, &out_result->taken);
    free(found.items);
    return outcome;
}

void board_changes_fold(struct board_seasons *seasons, struct board_bans *bans, uint32_t bans_max,
                        const struct board_change *change, struct board_change_result *out_result)
{
    uint32_t by_count = board_definition(board_seasons_current(seasons))->by_count;

    *out_result = (struct board_change_result){BOARD_CHANGE_ABSENT, 0, {0}};
    switch (change->op) {
    case BOARD_CHANGE_REMOVE:
        if (change->by_count != 0 && change->by_count != by_count)
            break; /* the board has been split otherwise since */
        out_result->entries = remove_member(seasons, change);
        if (out_result->entries > 0)
            out_result->outcome = BOARD_CHANGE_DONE;
        break;
    case BOARD_CHANGE_BAN:
        out_result->outcome = ban(bans, bans_max, change->member);
        if (out_result->outcome == BOARD_CHANGE_DONE)
            out_result->entries = remove_member(seasons, change);
        break;
    case BOARD_CHANGE_UNBAN:
        out_result->outcome = unban(bans, change->member);
        break;
    case BOARD_CHANGE_RENAME:
    case BOARD_CHANGE_GIVE:
    case BOARD_CHANGE_TAKE:
        out_result->outcome = move_member(seasons, bans, change, out_result);
        break;
    }
}
