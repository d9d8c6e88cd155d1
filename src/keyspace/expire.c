// SPDX-License-Identifier: Apache-2.0
/*
 * expire.c - the deadlines of keys: a binary heap, each key knowing its place in it.
 *
 * The order is (deadline, name), so keys that pass together are removed in an order that depends
 * on nothing else: neither on ids nor on when they got their deadlines.
 */
#include <stdlib.h>

#include "keyspace/keyspace_private.h"

#define DEADLINES_MIN 64u

static bool is_before(const struct keyspace *keyspace, const struct deadline *a,
                      const struct deadline *b)
{
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms;
    return span_compare(key_name(keyspace, a->key), key_name(keyspace, b->key)) < 0;
}

static void place(struct keyspace *keyspace, uint32_t at, struct deadline deadline)
{
    keyspace->deadlines[at] = deadline;
    key_at(keyspace, deadline.key)->deadline = at;
}

/* The place `at` is free, or about to be: finds the one where `deadline` belongs, and puts it. */
static void sift(struct keyspace *keyspace, uint32_t at, struct deadline deadline)
{
    struct deadline *heap = keyspace->deadlines;

    while (at > 0 && is_before(keyspace, &deadline, &heap[(at - 1) / 2])) {
        place(keyspace, at, heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child >= keyspace->deadline_count)
            break;
        if (child + 1 < keyspace->deadline_count &&
            is_before(keyspace, &heap[child + 1], &heap[child]))
            child++;
        if (!is_before(keyspace, &heap[child], &deadline))
            break;
        place(keyspace, at, heap[child]);
        at = child;
    }
    place(keyspace, at, deadline);
}

int64_t expire_at(const struct keyspace *keyspace, const struct key *key)
{
    return keyspace->deadlines[key->deadline].at_ms;
}

void expire_set(struct keyspace *keyspace, uint32_t id, int64_t at_ms)
{
    uint32_t at = key_at(keyspace, id)->deadline;

    if (at == DEADLINE_NONE) {
        if (keyspace->deadline_count == keyspace->deadline_capacity) {
            uint32_t capacity = keyspace->deadline_capacity;

            keyspace->deadline_capacity = capacity > 0 ? 2 * capacity : DEADLINES_MIN;
            keyspace->deadlines = bytes_realloc(
                keyspace->deadlines, keyspace->deadline_capacity * sizeof(keyspace->deadlines[0]));
        }
        at = keyspace->deadline_count++;
        keyspace->deadlines[at] = (struct deadline){at_ms, id};
    }
    sift(keyspace, at, (struct deadline){at_ms, id});
}

void expire_clear(struct keyspace *keyspace, uint32_t id)
{
    uint32_t at = key_at(keyspace, id)->deadline;
    struct deadline last;

    if (at == DEADLINE_NONE)
        return;
    assert(keyspace->deadlines[at].key == id);
    key_at(keyspace, id)->deadline = DEADLINE_NONE;
    last = keyspace->deadlines[--keyspace->deadline_count];
    if (last.key != id)
        sift(keyspace, at, last);
}

void expire_moved(struct keyspace *keyspace, uint32_t id)
{
    uint32_t at = key_at(keyspace, id)->deadline;

    if (at == DEADLINE_NONE)
        return;
    /* The name is another one, which decides among equal deadlines. */
    keyspace->deadlines[at].key = id;
    sift(keyspace, at, keyspace->deadlines[at]);
}

void expire_passed(struct keyspace *keyspace)
{
    while (keyspace->deadline_count > 0 && keyspace->deadlines[0].at_ms <= keyspace->now_ms) {
        key_table_remove(keyspace, keyspace->deadlines[0].key);
        keyspace->expired++;
    }
}

/* Those that have passed are a tree at the top of the heap: as many steps as there are of them. */
uint32_t expire_passed_count(const struct keyspace *keyspace)
{
    uint64_t waiting[64]; /* what is left to look at: a place of each level */
    uint32_t depth = 0;
    uint32_t count = 0;

    waiting[depth++] = 0;
    while (depth > 0) {
        uint64_t at = waiting[--depth];

        if (at >= keyspace->deadline_count || keyspace->deadlines[at].at_ms > keyspace->now_ms)
            continue;
        count++;
        waiting[depth++] = 2 * at + 1;
        waiting[depth++] = 2 * at + 2;
    }
    return count;
}
