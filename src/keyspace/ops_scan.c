// SPDX-License-Identifier: Apache-2.0
/*
 * ops_scan.c - walks: KEYS, SCAN, ZSCAN, DBSIZE, RANDOMKEY.
 *
 * A cursor of SCAN and ZSCAN is a hash: a walk goes through keys, or through the entries of the
 * board, in the order of their hashes, which nothing that happens meanwhile changes. The lower 16
 * bits are always 0 (a page of the table has more than 2^16 hashes), and are left out, so that
 * there is room for the number of the partition and for the sign of an i64.
 *
 * ZSCAN of a small key gives all at once, by rank. A large one shares the board with others: what
 * a step looks at grows with how many others there are, up to a bound, so steps may give nothing.
 */
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/json.h"
#include "keyspace/keyspace_private.h"

#define CURSOR_SHIFT 16
#define SMALL_KEY 512u
#define LOOKED_AT_MAX (1u << 15)
#define TRIES 64

static void reply_cursor(struct bytes *out, uint64_t cursor)
{
    char text[24];
    char *at = text + sizeof(text);

    do {
        *--at = (char)('0' + cursor % 10);
        cursor /= 10;
    } while (cursor > 0);
    reply_bulk(out, (struct span){at, (size_t)(text + sizeof(text) - at)});
}

static bool is_wanted(struct span pattern, struct span name)
{
    return pattern.size == 0 || glob_match(pattern, name);
}

/* How many to look at, from a COUNT. */
static uint32_t bounded(int64_t count, uint32_t max)
{
    return count < 1 ? 1 : count > max ? max : (uint32_t)count;
}

/* ---- keys ---- */

/* Replies the keys from a cursor on that match; returns how many. */
static uint32_t reply_keys(struct keyspace *keyspace, uint64_t cursor, uint32_t looked_at,
                           struct span pattern, struct bytes *out, uint64_t *out_next)
{
    uint32_t count = board_entries_scan(&keyspace->keys, cursor, looked_at, keyspace->ids,
                                        PAGE_ENTRIES, out_next);
    uint32_t replied = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct span name = key_name(keyspace, keyspace->ids[i]);

        if (key_table_is_past(keyspace, keyspace->ids[i]) || !is_wanted(pattern, name))
            continue;
        reply_bulk(out, name);
        replied++;
    }
    return replied;
}

void ops_scan_keys(const struct operation *call)
{
    struct span pattern = call_arg(call, 0);
    uint64_t cursor = 0;
    uint32_t count = 0;
    size_t at = reply_aggregate_begin(call->out, REPLY_ARRAY);

    if (glob_is_literal(pattern)) {
        if (key_table_of(call, 0) != KEY_NONE) {
            reply_bulk(call->out, pattern);
            count++;
        }
    } else {
        do {
            count += reply_keys(call->keyspace, cursor, PAGE_ENTRIES, pattern, call->out, &cursor);
            if (keyspace_reply_overflows(call->keyspace, call->out, at))
                return;
        } while (cursor != 0);
    }
    reply_aggregate_end(call->out, at, count);
}

void ops_scan_scan(const struct operation *call)
{
    uint64_t cursor = (uint64_t)call_int(call, 0) << CURSOR_SHIFT;
    int64_t wanted = call_int(call, 1);
    struct bytes names = {0};
    uint32_t count = 0;
    uint32_t looked_at = 0;

    do {
        count += reply_keys(call->keyspace, cursor, bounded(wanted, PAGE_ENTRIES),
                            call_arg(call, 2), &names, &cursor);
        looked_at += PAGE_ENTRIES;
    } while (cursor != 0 && looked_at < bounded(wanted, LOOKED_AT_MAX));
    reply_aggregate(call->out, REPLY_ARRAY, 2);
    reply_cursor(call->out, cursor >> CURSOR_SHIFT);
    reply_aggregate(call->out, REPLY_ARRAY, count);
    bytes_put(call->out, names.data, names.size);
    bytes_done(&names);
}

void ops_scan_dbsize(const struct operation *call)
{
    const struct keyspace *keyspace = call->keyspace;
    uint32_t past = keyspace->writing ? 0 : expire_passed_count(keyspace);

    reply_int(call->out, keyspace->keys.count - past);
}

/*
 * The keys of one entry of the table's directory, chosen evenly: all entries have about as many.
 */
static uint32_t random_key(struct keyspace *keyspace)
{
    uint32_t depth = keyspace->keys.depth;
    uint64_t span = UINT64_MAX >> depth; /* of hashes, from the first */
    uint64_t from =
        depth == 0 ? 0 : (uint64_t)keyspace_random(keyspace, 1u << depth) << (64 - depth);
    uint64_t next;
    uint32_t count =
        board_entries_scan(&keyspace->keys, from, 1, keyspace->ids, PAGE_ENTRIES, &next);
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t id = keyspace->ids[i];
        struct span name = key_name(keyspace, id);

        if (hash_bytes(name.data, name.size) - from <= span && !key_table_is_past(keyspace, id))
            keyspace->ids[kept++] = id;
    }
    return kept > 0 ? keyspace->ids[keyspace_random(keyspace, kept)] : KEY_NONE;
}

/* The first key of a walk. */
static uint32_t any_key(struct keyspace *keyspace)
{
    uint64_t cursor = 0;

    do {
        uint32_t count = board_entries_scan(&keyspace->keys, cursor, PAGE_ENTRIES, keyspace->ids,
                                            PAGE_ENTRIES, &cursor);

        for (uint32_t i = 0; i < count; i++)
            if (!key_table_is_past(keyspace, keyspace->ids[i]))
                return keyspace->ids[i];
    } while (cursor != 0);
    return KEY_NONE;
}

void ops_scan_randomkey(const struct operation *call)
{
    struct keyspace *keyspace = call->keyspace;
    uint32_t id = KEY_NONE;

    for (uint32_t i = 0; i < TRIES && keyspace->keys.count > 0 && id == KEY_NONE; i++)
        id = random_key(keyspace);
    if (id == KEY_NONE)
        id = any_key(keyspace);
    if (id == KEY_NONE)
        reply_null(call->out);
    else
        reply_bulk(call->out, key_name(keyspace, id));
}

/* ---- members ---- */

/* Scores are text here, whatever the protocol. */
static void reply_score_text(struct bytes *out, double score)
{
    struct bytes text = {0};

    if (isinf(score))
        bytes_put_text(&text, score > 0 ? "inf" : "-inf");
    else
        json_put_double(&text, score);
    reply_bulk(out, bytes_span(&text));
    bytes_done(&text);
}

static uint32_t reply_members(const struct board_entry *entries, uint32_t count,
                              struct span pattern, struct bytes *out)
{
    uint32_t replied = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (!is_wanted(pattern, entries[i].key.member))
            continue;
        reply_bulk(out, entries[i].key.member);
        reply_score_text(out, entries[i].score.f);
        replied += 2;
    }
    return replied;
}

/* What to look at for `wanted` members of a key that is one of many on the board. */
static uint32_t stretched(const struct keyspace *keyspace, const struct key *key, int64_t wanted)
{
    uint64_t factor = board_counts(keyspace->board).entries / key->member_count + 1;

    return bounded((int64_t)(bounded(wanted, LOOKED_AT_MAX) * factor), LOOKED_AT_MAX);
}

/* Replies the members from a cursor on that match; returns how many tokens, and where to go on. */
static uint32_t reply_some(struct keyspace *keyspace, const struct key *key, uint64_t *cursor,
                           uint32_t looked_at, struct span pattern, struct bytes *out)
{
    uint32_t replied = 0;
    uint32_t count;

    if (key->member_count <= SMALL_KEY) {
        board_settle(keyspace->board);
        count = board_run(keyspace->board, key->segment, 0, key->member_count, keyspace->page);
        *cursor = 0;
        return reply_members(keyspace->page, count, pattern, out);
    }
    for (uint32_t seen = 0; seen < looked_at; seen += PAGE_ENTRIES) {
        count = board_scan(keyspace->board, key->segment, *cursor, bounded(looked_at, PAGE_ENTRIES),
                           keyspace->page, PAGE_ENTRIES, cursor);
        replied += reply_members(keyspace->page, count, pattern, out);
        if (*cursor == 0)
            break;
    }
    return replied;
}

void ops_scan_zscan(const struct operation *call)
{
    struct keyspace *keyspace = call->keyspace;
    uint32_t id = key_table_of(call, 0);
    uint64_t cursor = (uint64_t)call_int(call, 1) << CURSOR_SHIFT;
    struct bytes rows = {0};
    uint32_t count = 0;

    if (id != KEY_NONE) {
        const struct key *key = key_at(keyspace, id);

        count = reply_some(keyspace, key, &cursor, stretched(keyspace, key, call_int(call, 2)),
                           call_arg(call, 3), &rows);
    } else {
        cursor = 0;
    }
    reply_aggregate(call->out, REPLY_ARRAY, 2);
    reply_cursor(call->out, cursor >> CURSOR_SHIFT);
    reply_aggregate(call->out, REPLY_ARRAY, count);
    bytes_put(call->out, rows.data, rows.size);
    bytes_done(&rows);
}
