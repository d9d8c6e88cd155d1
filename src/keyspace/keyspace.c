// SPDX-License-Identifier: Apache-2.0
/* keyspace.c - see keyspace.h: making and ending a keyspace, its totals, its hash. */
#include "keyspace/keyspace.h"

#include <stdlib.h>

#include "base/hash.h"
#include "keyspace/keyspace_private.h"

#define LISTPACK_MEMBERS_MAX 128
#define LISTPACK_BYTES_MAX 64
#define REPLY_BYTES_MAX ((size_t)1 << 30)
#define KEPT_BYTES_MAX (1u << 20) /* of buffers that a large command has grown */

struct keyspace *keyspace_new(struct keyspace_limits limits)
{
    struct keyspace *keyspace = bytes_alloc_zero(1, sizeof(*keyspace));
    int rc;

    assert(limits.keys_max > 0 && limits.keys_max < UINT32_MAX - 1);
    keyspace->limits = limits;
    keyspace->listpack_members_max = LISTPACK_MEMBERS_MAX;
    keyspace->listpack_bytes_max = LISTPACK_BYTES_MAX;
    keyspace->reply_bytes_max = REPLY_BYTES_MAX;
    keyspace->run = run_new();
    keyspace->lookup = lookup_new();
    keyspace->page = bytes_alloc(PAGE_ENTRIES * sizeof(keyspace->page[0]));
    keyspace->ids = bytes_alloc(PAGE_ENTRIES * sizeof(keyspace->ids[0]));
    keyspace->removed = bytes_alloc_zero(REMOVED_BUCKETS, sizeof(keyspace->removed[0]));
    rc = key_table_init(keyspace);
    assert(rc == 0);
    return keyspace;
}

void keyspace_free(struct keyspace *keyspace)
{
    if (keyspace == NULL)
        return;
    key_table_done(keyspace);
    run_free(keyspace->run);
    lookup_free(keyspace->lookup);
    free(keyspace->deadlines);
    free(keyspace->gained.ids);
    free(keyspace->dead.ids);
    free(keyspace->page);
    free(keyspace->ids);
    free(keyspace->removed);
    bytes_done(&keyspace->members);
    bytes_done(&keyspace->unread);
    bytes_done(&keyspace->flushed);
    free(keyspace);
}

bool keyspace_gained(const struct keyspace *keyspace, uint32_t index, struct span *out_key)
{
    if (index >= keyspace->gained.count)
        return false;
    *out_key = key_name(keyspace, keyspace->gained.ids[index]);
    return true;
}

struct keyspace_counts keyspace_counts(const struct keyspace *keyspace)
{
    return (struct keyspace_counts){
        .keys = keyspace->keys.count,
        .members = board_counts(keyspace->board).entries,
        .expiring = keyspace->deadline_count,
        .expired = keyspace->expired,
    };
}

void keyspace_set_listpack(struct keyspace *keyspace, uint32_t members_max, uint32_t bytes_max)
{
    keyspace->listpack_members_max = members_max;
    keyspace->listpack_bytes_max = bytes_max;
}

void keyspace_settle(struct keyspace *keyspace)
{
    board_settle_much(keyspace->board);
}

void keyspace_trim(struct keyspace *keyspace)
{
    if (keyspace->members.capacity > KEPT_BYTES_MAX)
        bytes_done(&keyspace->members);
    if (keyspace->unread.capacity > KEPT_BYTES_MAX)
        bytes_done(&keyspace->unread);
    if (keyspace->flushed.capacity > KEPT_BYTES_MAX)
        bytes_done(&keyspace->flushed);
}

void keyspace_reply_refuse(const struct keyspace *keyspace, struct bytes *out)
{
    reply_error(out, "ERR the reply is larger than %zu bytes", keyspace->reply_bytes_max);
}

bool keyspace_reply_overflows(const struct keyspace *keyspace, struct bytes *out, size_t begin)
{
    if (out->size - begin <= keyspace->reply_bytes_max)
        return false;
    out->size = begin;
    keyspace_reply_refuse(keyspace, out);
    return true;
}

uint32_t keyspace_random(struct keyspace *keyspace, uint32_t limit)
{
    keyspace->random += 0x9e3779b97f4a7c15u;
    return (uint32_t)((hash_u64(keyspace->random ^ (uint64_t)keyspace->now_ms) >> 32) * limit >>
                      32);
}

/* All of a key, its members in order. */
static uint64_t hash_key(const struct keyspace *keyspace, uint32_t id)
{
    const struct key *key = key_at(keyspace, id);
    struct span name = key_name(keyspace, id);
    uint64_t hash = hash_mix(hash_bytes(name.data, name.size), key_version(keyspace, id));

    hash = hash_mix(hash, key->member_count);
    if (key->deadline != DEADLINE_NONE)
        hash = hash_mix(hash, (uint64_t)expire_at(keyspace, key));
    for (uint32_t from = 0; from < key->member_count; from += PAGE_ENTRIES) {
        uint32_t got = board_run(keyspace->board, key->segment, from, PAGE_ENTRIES, keyspace->page);

        for (uint32_t i = 0; i < got; i++) {
            const struct board_entry *entry = &keyspace->page[i];
            uint64_t bits;

            memcpy(&bits, &entry->score.f, sizeof(bits));
            hash = hash_mix(hash, hash_bytes(entry->key.member.data, entry->key.member.size));
            hash = hash_mix(hash, bits);
        }
    }
    return hash;
}

/* Where keys lie says what was there before them: the sum does not depend on it. */
uint64_t keyspace_hash(const struct keyspace *keyspace)
{
    uint64_t sum = 0;
    uint64_t cursor = 0;

    board_settle(keyspace->board);
    do {
        uint32_t count = board_entries_scan(&keyspace->keys, cursor, PAGE_ENTRIES, keyspace->ids,
                                            PAGE_ENTRIES, &cursor);

        for (uint32_t i = 0; i < count; i++)
            sum += hash_key(keyspace, keyspace->ids[i]);
    } while (cursor != 0);
    sum +=
        hash_bytes((const char *)keyspace->removed, REMOVED_BUCKETS * sizeof(keyspace->removed[0]));
    return hash_mix(hash_mix(keyspace->version, keyspace->keys.count), sum);
}

uint64_t keyspace_bytes(const struct keyspace *keyspace)
{
    return sizeof(*keyspace) + run_bytes() + lookup_bytes() + board_memory_bytes(keyspace->board) +
           board_entries_bytes(&keyspace->keys) +
           (uint64_t)keyspace->deadline_capacity * sizeof(struct deadline) +
           ((uint64_t)keyspace->gained.capacity + keyspace->dead.capacity) * sizeof(uint32_t) +
           keyspace->members.capacity + keyspace->unread.capacity + keyspace->flushed.capacity +
           REMOVED_BUCKETS * sizeof(keyspace->removed[0]) +
           PAGE_ENTRIES * (sizeof(struct board_entry) + sizeof(uint32_t));
}
