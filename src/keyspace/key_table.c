// SPDX-License-Identifier: Apache-2.0
/*
 * key_table.c - keys by name: finding, making, removing, renaming.
 *
 * A key that is removed leaves the table at once; its record stays until the next list begins, so
 * that ids and names which one list has noted (keyspace_gained, the keys of a run) never come to
 * mean another key.
 *
 * The limit of keys is checked here: the table itself has room for one more, for the moment in
 * which a rename has both names.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "keyspace/keyspace_private.h"

int key_table_init(struct keyspace *keyspace)
{
    struct board_def def = {
        .name = "keys",
        .score_type = FIELD_FLOAT,
        .order = BOARD_ASC,
        .ties = BOARD_TIES_MEMBER,
    };
    struct board_bind bind = {.score_column = -1, .mode_column = 0, .owned = true};
    struct board_limits limits = {
        .entries_max = keyspace->limits.members_max,
        .segments_max = keyspace->limits.keys_max,
    };

    board_entries_init(&keyspace->keys, KEY_EXTRA_BYTES, 0, false, keyspace->limits.keys_max + 1);
    return board_new(&keyspace->board, &def, &bind, limits, NULL);
}

void key_table_done(struct keyspace *keyspace)
{
    board_entries_done(&keyspace->keys);
    board_free(keyspace->board);
    keyspace->board = NULL;
}

void key_list_add(struct key_list *list, uint32_t id)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity > 0 ? 2 * list->capacity : 64;
        list->ids = bytes_realloc(list->ids, list->capacity * sizeof(list->ids[0]));
    }
    list->ids[list->count++] = id;
}

bool key_table_is_past(const struct keyspace *keyspace, uint32_t id)
{
    const struct key *key = key_at(keyspace, id);

    return !keyspace->writing && key->deadline != DEADLINE_NONE &&
           expire_at(keyspace, key) <= keyspace->now_ms;
}

uint32_t key_table_find_hashed(const struct keyspace *keyspace, struct span name, uint64_t hash)
{
    struct entry_key key = {hash, name, 0};
    uint32_t id;

    if (name.size > KEYSPACE_NAME_BYTES_MAX)
        return KEY_NONE;
    id = board_entries_find(&keyspace->keys, &key);
    return id != KEY_NONE && key_table_is_past(keyspace, id) ? KEY_NONE : id;
}

uint32_t key_table_find(const struct keyspace *keyspace, struct span name)
{
    return key_table_find_hashed(keyspace, name, hash_bytes(name.data, name.size));
}

void key_table_look_ahead(const struct keyspace *keyspace, const struct command_list *list,
                          uint32_t first, uint32_t count, uint64_t *out_hashes)
{
    struct span last = {NULL, 0};

    for (uint32_t i = 0; i < count; i++) {
        struct span name = command_arg(list, &list->commands[first + i], 0);

        if (i > 0 && span_equal(name, last)) {
            out_hashes[i] = out_hashes[i - 1];
            continue;
        }
        last = name;
        out_hashes[i] = hash_bytes(name.data, name.size);
        board_entries_prefetch(&keyspace->keys, out_hashes[i]);
    }
    for (uint32_t i = 1; i < count; i++)
        if (out_hashes[i] != out_hashes[i - 1])
            board_entries_prefetch_record(&keyspace->keys, out_hashes[i]);
}

uint32_t key_table_of(const struct operation *call, uint32_t index)
{
    return key_table_find(call->keyspace, call_arg(call, index));
}

/* A record for a name that is not there, without a segment. */
static uint32_t put(struct keyspace *keyspace, struct span name, uint64_t hash)
{
    struct entry_key key = {hash, name, 0};
    bool is_new;
    uint32_t id;

    if (name.size > KEYSPACE_NAME_BYTES_MAX)
        return KEY_NONE;
    id = board_entries_put(&keyspace->keys, &key, &is_new);
    if (id == KEY_NONE)
        return KEY_NONE;
    assert(is_new);
    *key_at(keyspace, id) = (struct key){
        .segment = BOARD_SEGMENT_NONE,
        .deadline = DEADLINE_NONE,
    };
    return id;
}

static void take_out(struct keyspace *keyspace, uint32_t id)
{
    struct span name = key_name(keyspace, id);

    board_entries_remove(&keyspace->keys, id, hash_bytes(name.data, name.size));
    key_list_add(&keyspace->dead, id);
}

/*
 * Versions of removal need no counter of their own: a version belongs to one state of one key, so
 * what is left of it, with the mark, comes up once only. A key without one never had members.
 */
void key_table_ended(struct keyspace *keyspace, uint32_t id)
{
    struct span name = key_name(keyspace, id);
    uint64_t version = key_version(keyspace, id);

    if (version > 0)
        keyspace->removed[hash_bytes(name.data, name.size) % REMOVED_BUCKETS] =
            version | REMOVED_MARK;
}

uint32_t key_table_make(struct keyspace *keyspace, struct span name, uint64_t hash)
{
    uint32_t id;

    if (keyspace->keys.count >= keyspace->limits.keys_max)
        return KEY_NONE;
    id = put(keyspace, name, hash);
    if (id == KEY_NONE)
        return KEY_NONE;
    key_at(keyspace, id)->segment = board_segment_take(keyspace->board);
    assert(key_at(keyspace, id)->segment != BOARD_SEGMENT_NONE); /* as many as keys */
    return id;
}

void key_table_refuse(const struct keyspace *keyspace, struct span name, struct bytes *out)
{
    if (name.size > KEYSPACE_NAME_BYTES_MAX)
        reply_error(out, "ERR a key is longer than %u bytes", (unsigned)KEYSPACE_NAME_BYTES_MAX);
    else if (keyspace->keys.count >= keyspace->limits.keys_max)
        reply_error(out, "ERR the limit of keys is reached (limits.keys)");
    else
        reply_error(out, "ERR there is no room for this key beside others like it");
}

void key_table_remove(struct keyspace *keyspace, uint32_t id)
{
    key_table_ended(keyspace, id);
    key_table_drop(keyspace, id);
}

void key_table_drop(struct keyspace *keyspace, uint32_t id)
{
    expire_clear(keyspace, id);
    board_segment_give(keyspace->board, key_at(keyspace, id)->segment);
    take_out(keyspace, id);
}

bool key_table_rename(struct keyspace *keyspace, uint32_t id, struct span name, uint32_t *out_id)
{
    uint32_t fresh = put(keyspace, name, hash_bytes(name.data, name.size));
    const struct key *from;
    struct key *to;

    if (fresh == KEY_NONE)
        return false;
    from = key_at(keyspace, id);
    to = key_at(keyspace, fresh);
    to->segment = from->segment;
    to->member_count = from->member_count;
    to->flags = from->flags & KEY_GREW;
    to->deadline = from->deadline;
    expire_moved(keyspace, fresh);
    key_table_ended(keyspace, id);
    take_out(keyspace, id);
    *out_id = fresh;
    return true;
}

uint64_t key_table_version(const struct keyspace *keyspace, struct span name)
{
    uint64_t hash = hash_bytes(name.data, name.size);
    struct entry_key key = {hash, name, 0};
    uint32_t id = KEY_NONE;

    if (name.size <= KEYSPACE_NAME_BYTES_MAX)
        id = board_entries_find(&keyspace->keys, &key);
    if (id == KEY_NONE)
        return keyspace->removed[hash % REMOVED_BUCKETS];
    return key_version(keyspace, id) | (key_table_is_past(keyspace, id) ? REMOVED_MARK : 0);
}

static void next_version(struct keyspace *keyspace)
{
    if (++keyspace->version > KEY_VERSION_MAX)
        keyspace->version = 1;
}

/* Many keys are in every bucket: then it is not asked which. */
static void note_all_removed(struct keyspace *keyspace)
{
    uint64_t cursor = 0;

    if (keyspace->keys.count >= 8 * REMOVED_BUCKETS) {
        next_version(keyspace);
        for (uint32_t i = 0; i < REMOVED_BUCKETS; i++)
            keyspace->removed[i] = keyspace->version | REMOVED_MARK;
        return;
    }
    do {
        uint32_t count = board_entries_scan(&keyspace->keys, cursor, PAGE_ENTRIES, keyspace->ids,
                                            PAGE_ENTRIES, &cursor);

        for (uint32_t i = 0; i < count; i++)
            key_table_ended(keyspace, keyspace->ids[i]);
    } while (cursor != 0);
}

void key_table_flushed(struct keyspace *keyspace)
{
    note_all_removed(keyspace);
    for (uint32_t i = 0; i < keyspace->gained.count; i++) {
        struct span name = key_name(keyspace, keyspace->gained.ids[i]);
        uint32_t size = (uint32_t)name.size;

        bytes_put(&keyspace->flushed, &size, sizeof(size));
        bytes_put(&keyspace->flushed, name.data, name.size);
    }
}

void key_table_changed(struct keyspace *keyspace, uint32_t id)
{
    next_version(keyspace);
    entry_set_word(&keyspace->keys, id, keyspace->version << 2 | entry_flags(&keyspace->keys, id));
}

void key_table_gained(struct keyspace *keyspace, uint32_t id)
{
    struct key *key = key_at(keyspace, id);

    if (key->flags & KEY_GAINED)
        return;
    key->flags |= KEY_GAINED;
    key_list_add(&keyspace->gained, id);
}

void key_table_begin_list(struct keyspace *keyspace)
{
    for (uint32_t i = 0; i < keyspace->dead.count; i++)
        board_entries_free(&keyspace->keys, keyspace->dead.ids[i]);
    keyspace->dead.count = 0;
    keyspace->gained.count = 0;
    bytes_clear(&keyspace->flushed);
}

/* A key that has gained and is not counted yet, by its name. */
static void count_gained(struct keyspace *keyspace, struct key_list *counted, uint32_t id)
{
    if (id == KEY_NONE || (key_at(keyspace, id)->flags & KEY_GAINED) == 0)
        return;
    key_at(keyspace, id)->flags &= (uint8_t)~KEY_GAINED;
    key_list_add(counted, id);
}

/* The record of this name, whatever its deadline. */
static uint32_t find_any(const struct keyspace *keyspace, struct span name)
{
    struct entry_key key = {hash_bytes(name.data, name.size), name, 0};

    return board_entries_find(&keyspace->keys, &key);
}

/* Keys that were removed after they had gained may have come again, and keep their place then. */
static void count_again(struct keyspace *keyspace)
{
    struct key_list counted = {0};
    size_t at = 0;

    while (at < keyspace->flushed.size) {
        uint32_t size;

        memcpy(&size, keyspace->flushed.data + at, sizeof(size));
        at += sizeof(size);
        count_gained(keyspace, &counted,
                     find_any(keyspace, (struct span){keyspace->flushed.data + at, size}));
        at += size;
    }
    for (uint32_t i = 0; i < keyspace->gained.count; i++) {
        uint32_t id = keyspace->gained.ids[i];

        if (key_is_removed(keyspace, id))
            id = find_any(keyspace, key_name(keyspace, id));
        count_gained(keyspace, &counted, id);
    }
    free(keyspace->gained.ids);
    keyspace->gained = counted;
}

void key_table_end_list(struct keyspace *keyspace)
{
    const struct key_list *gained = &keyspace->gained;

    if (keyspace->dead.count > 0 || keyspace->flushed.size > 0) {
        count_again(keyspace);
        return;
    }
    for (uint32_t i = 0; i < gained->count; i++)
        key_at(keyspace, gained->ids[i])->flags &= (uint8_t)~KEY_GAINED;
}
