// SPDX-License-Identifier: Apache-2.0
/*
 * elements.c - members and scores of keys, in arrays: collected, stored, removed, replied.
 *
 * What is collected points into the records of the board, which stays true until the board
 * changes. Whoever changes it between collecting and using copies the bytes first: elements_own.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "keyspace/keyspace_private.h"

void elements_done(struct elements *elements)
{
    free(elements->items);
    *elements = (struct elements){0};
}

static void reserve(struct elements *elements, uint32_t extra)
{
    uint64_t wanted = (uint64_t)elements->count + extra;
    uint64_t capacity = elements->capacity > 0 ? elements->capacity : 16;

    if (wanted <= elements->capacity)
        return;
    while (capacity < wanted)
        capacity *= 2;
    assert(capacity <= UINT32_MAX);
    elements->items = bytes_realloc(elements->items, capacity * sizeof(elements->items[0]));
    elements->capacity = (uint32_t)capacity;
}

void elements_add(struct elements *elements, struct span member, double score)
{
    reserve(elements, 1);
    elements->items[elements->count++] = (struct algebra_element){member, score};
}

void elements_collect(struct keyspace *keyspace, uint32_t segment, struct rank_range range,
                      struct elements *elements)
{
    uint32_t from = range.from;

    board_settle(keyspace->board);
    reserve(elements, range.to - range.from);
    while (from < range.to) {
        uint32_t wanted = range.to - from < PAGE_ENTRIES ? range.to - from : PAGE_ENTRIES;
        uint32_t got = board_run(keyspace->board, segment, from, wanted, keyspace->page);

        assert(got == wanted);
        for (uint32_t i = 0; i < got; i++)
            elements_add(elements, keyspace->page[i].key.member, keyspace->page[i].score.f);
        from += got;
    }
}

void elements_own(struct keyspace *keyspace, struct elements *elements)
{
    size_t total = 0;
    char *to;

    for (uint32_t i = 0; i < elements->count; i++)
        total += elements->items[i].member.size;
    bytes_clear(&keyspace->members);
    to = bytes_reserve(&keyspace->members, total);
    for (uint32_t i = 0; i < elements->count; i++) {
        struct span *member = &elements->items[i].member;

        if (member->size > 0)
            memcpy(to, member->data, member->size);
        member->data = to;
        to += member->size;
    }
}

/* Applies one kind of op to all; the last result that was refused. */
static struct board_op_result apply(struct keyspace *keyspace, uint32_t id, enum board_op_kind kind,
                                    const struct elements *elements)
{
    struct key *key = key_at(keyspace, id);
    struct board_op_result refused = {0};
    struct board_op ops[64];
    struct board_op_result results[64];

    for (uint32_t base = 0; base < elements->count; base += 64) {
        uint32_t count = elements->count - base < 64 ? elements->count - base : 64;

        for (uint32_t i = 0; i < count; i++)
            ops[i] = (struct board_op){
                .segment = key->segment,
                .kind = (uint8_t)kind,
                .member = elements->items[base + i].member,
                .score = run_score(elements->items[base + i].score),
            };
        board_apply(keyspace->board, ops, count, keyspace->now_ms, results);
        for (uint32_t i = 0; i < count; i++) {
            key->member_count += !results[i].existed && results[i].exists;
            key->member_count -= results[i].existed && !results[i].exists;
            if (results[i].exists)
                key_table_grew(keyspace, key, ops[i].member.size);
            if (results[i].refused)
                refused = results[i];
        }
    }
    return refused;
}

/* Why these cannot become a key in place of `old`, as an error reply; or true. */
static bool can_store(struct keyspace *keyspace, struct span name, uint32_t old,
                      const struct elements *elements, struct bytes *out)
{
    uint32_t freed = old != KEY_NONE ? key_at(keyspace, old)->member_count : 0;
    uint32_t used = board_counts(keyspace->board).entries - freed;

    if (old == KEY_NONE && (name.size > KEYSPACE_NAME_BYTES_MAX ||
                            keyspace->keys.count >= keyspace->limits.keys_max)) {
        key_table_refuse(keyspace, name, out);
        return false;
    }
    for (uint32_t i = 0; i < elements->count; i++)
        if (!run_check_member(elements->items[i].member, out))
            return false;
    if (elements->count > keyspace->limits.members_max - used) {
        run_refuse(out, &(struct board_op_result){.refused = true});
        return false;
    }
    return true;
}

uint32_t elements_store(struct keyspace *keyspace, struct span name,
                        const struct elements *elements, struct bytes *out)
{
    uint32_t old = key_table_find(keyspace, name);
    struct board_op_result refused;
    uint32_t id;

    if (elements->count > 0 && !can_store(keyspace, name, old, elements, out))
        return KEY_NONE;
    if (old != KEY_NONE)
        key_table_remove(keyspace, old);
    if (elements->count == 0) {
        reply_int(out, 0);
        return KEY_NONE;
    }
    id = key_table_make(keyspace, name, hash_bytes(name.data, name.size));
    if (id == KEY_NONE) {
        key_table_refuse(keyspace, name, out);
        return KEY_NONE;
    }
    refused = apply(keyspace, id, BOARD_OP_SET, elements);
    if (key_at(keyspace, id)->member_count == 0) {
        run_refuse(out, &refused);
        key_table_remove(keyspace, id);
        return KEY_NONE;
    }
    key_table_changed(keyspace, id);
    key_table_gained(keyspace, id);
    if (refused.refused)
        run_refuse(out, &refused);
    else
        reply_int(out, key_at(keyspace, id)->member_count);
    return id;
}

void elements_remove(struct keyspace *keyspace, uint32_t id, const struct elements *elements)
{
    if (elements->count == 0)
        return;
    if (elements->count < key_at(keyspace, id)->member_count)
        apply(keyspace, id, BOARD_OP_REMOVE, elements);
    else
        key_at(keyspace, id)->member_count = 0;
    if (key_at(keyspace, id)->member_count == 0)
        key_table_remove(keyspace, id);
    else
        key_table_changed(keyspace, id);
}

static void reply_page(const struct board_entry *entries, uint32_t count, bool reversed,
                       bool with_scores, struct bytes *out)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct board_entry *entry = &entries[reversed ? count - 1 - i : i];

        reply_bulk(out, entry->key.member);
        if (with_scores)
            reply_double(out, entry->score.f);
    }
}

bool elements_reply(struct keyspace *keyspace, uint32_t segment, struct rank_range range,
                    bool reversed, bool with_scores, struct bytes *out)
{
    uint32_t left = range.to - range.from;
    size_t begin = out->size;

    board_settle(keyspace->board);
    reply_aggregate(out, with_scores ? REPLY_PAIRS : REPLY_ARRAY, left);
    while (left > 0) {
        uint32_t wanted = left < PAGE_ENTRIES ? left : PAGE_ENTRIES;
        uint32_t from = reversed ? range.from + left - wanted : range.to - left;
        uint32_t got = board_run(keyspace->board, segment, from, wanted, keyspace->page);

        assert(got == wanted);
        reply_page(keyspace->page, got, reversed, with_scores, out);
        left -= got;
        if (keyspace_reply_overflows(keyspace, out, begin))
            return false;
    }
    return true;
}
