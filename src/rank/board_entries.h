// SPDX-License-Identifier: Apache-2.0
/*
 * board_entries.h - the entries of a board: one record each, found by segment and member.
 *
 * A record holds everything about an entry in one piece, so that a row of a batch costs one cache
 * miss for the table and one or two for the record:
 *
 *     0   u64   score, the bits of the int64 or the double
 *     8   i46   reached_ms, clamped to 46 bits (the years 855 to 3084)
 *     .   2 bits  flags: ENTRY_DEAD
 *     14  ...   what strategies remember beyond that (extra_bytes)
 *     .   u64   order-preserving keys of the subscores, the last of the extra bytes (sub_count)
 *     .   u32   segment, only on boards with `by`
 *     .   u8    length of the member; 255: a u16 follows
 *     .   ...   the member
 *
 * An entry's id is where its record begins, in units of 2 bytes: 8 GiB of records a board. Records
 * never move; none crosses a page. Ids grow in order of arrival until entries are removed: the
 * room of a record that was freed goes to the next entry of its size class (up to 128 bytes each
 * size is one, beyond that in steps of a sixteenth). A walk over ids is a walk through memory: a
 * dead record keeps its flag and its length, and what is left over at the end of a page is marked.
 * When the last of many entries has been freed, all memory is given back.
 *
 * The table is extendible hashing: a directory picked by the upper bits of the hash points to
 * pages of 64 buckets of one cache line; a full page splits in two, which takes some 20 us, so
 * there is no pause for a rehash of everything and never two tables at once. A bucket is 12 tags of
 * 8 bits, compared at once, and their ids. One that is full spills into the next of its page, and
 * counts how many passed it by, so that a search knows where to end also when entries have gone.
 * Members made to share the upper bits of their hash fill one page; when it could only be split
 * by a directory out of proportion, further ones of those bits (at least 16) are refused.
 *
 * Thread: the owner.
 */
#ifndef TALLYWHEEL_RANK_BOARD_ENTRIES_H
#define TALLYWHEEL_RANK_BOARD_ENTRIES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"

#define ENTRY_NONE UINT32_MAX
#define ENTRY_SIZE_CLASSES 224u
#define ENTRY_MEMBER_BYTES_MAX UINT16_MAX

#define ENTRY_REACHED_AT 8
#define ENTRY_EXTRA_AT 14 /* 9 if untimed */
#define ENTRY_REACHED_MIN (-((int64_t)1 << 45))
#define ENTRY_REACHED_MAX (((int64_t)1 << 45) - 1)

/* Flags of a record, beside reached_ms. */
#define ENTRY_FLAGS 3u
#define ENTRY_DEAD 2u /* removed; the record is still there for the tree, or for reuse */

struct board_entries {
    struct arena records; /* items of 2 bytes */
    uint32_t count;
    uint32_t count_max;
    uint32_t extra_bytes;
    bool untimed;      /* records have no reached_ms, only the flags */
    uint32_t extra_at; /* offset of the extra bytes */
    uint32_t sub_count;
    uint32_t subs_at; /* offset of the subscores' keys */
    bool segmented;
    uint32_t segment_at; /* offset of the segment, and of the member's length */
    uint32_t length_at;
    struct arena pages;  /* of the table */
    uint32_t *directory; /* page by the upper `depth` bits of the hash */
    uint32_t depth;
    uint32_t directory_min; /* so large it may grow whatever the number of pages */
    uint32_t removed;       /* records that are dead but not free */
    bool emptied;           /* all memory was given back once: ids of before mean nothing */
    uint32_t free_lists[ENTRY_SIZE_CLASSES];
};

/* Which entry: the hash is that of board_entries_hash. */
struct entry_key {
    uint64_t hash;
    struct span member;
    uint32_t segment;
};

/* `extra_bytes` include the 8 of each of the `sub_count` subscores. */
void board_entries_init(struct board_entries *entries, uint32_t extra_bytes, uint32_t sub_count,
                        bool segmented, uint32_t count_max);

/*
 * Right after init: records get no reached_ms, which is 0 for all of them then, and are 5 bytes
 * smaller.
 */
void board_entries_untime(struct board_entries *entries);

void board_entries_done(struct board_entries *entries);

/* From hash_bytes of the member. */
uint64_t board_entries_hash(const struct board_entries *entries, uint64_t member_hash,
                            uint32_t segment);

uint32_t board_entries_find(const struct board_entries *entries, const struct entry_key *key);

/*
 * The entries of all keys, which must be distinct; new ones for those that are not there, with
 * score, reached and extra all zero, and out_new set. ENTRY_NONE where the limit refused one.
 */
void board_entries_put_many(struct board_entries *entries, const struct entry_key *keys,
                            uint32_t count, uint32_t *out_ids, bool *out_new);

/*
 * Takes an entry out of the table, so that it is not found any more, and marks its record
 * ENTRY_DEAD. The record stays as it is (the tree may still compare with it) until
 * board_entries_free gives its room to later entries.
 */
void board_entries_remove(struct board_entries *entries, uint32_t id, uint64_t hash);
void board_entries_free(struct board_entries *entries, uint32_t id);

/*
 * Walks entries in the order of their hashes, as far as that is the order of the pages, dead ones
 * left out: an entry that is there during a whole walk is given exactly once, whatever comes, goes
 * or splits. From cursor 0 until `out_next` is 0. Goes by whole pages (up to 768 entries) until it
 * has seen `scan` entries, and fills at most `max`, which must be 1024 or more.
 */
uint32_t board_entries_scan(const struct board_entries *entries, uint64_t cursor, uint32_t scan,
                            uint32_t *out_ids, uint32_t max, uint64_t *out_next);

/* Asks for the memory that finding a hash will read: first the table, some later the record. */
void board_entries_prefetch(const struct board_entries *entries, uint64_t hash);
void board_entries_prefetch_record(const struct board_entries *entries, uint64_t hash);

/* One entry; see board_entries_put_many. */
uint32_t board_entries_put(struct board_entries *entries, const struct entry_key *key,
                           bool *out_new);

/*
 * The first entry at or after position `from`, or ENTRY_NONE: walks all that are not dead by id.
 * `from` is 0, an id, or what board_entries_after gave; board_entries_seek takes also one of an
 * earlier time, before others came and went.
 */
uint32_t board_entries_seek(const struct board_entries *entries, uint32_t from);
uint32_t board_entries_next(const struct board_entries *entries, uint32_t from);

/* The position behind an entry. */
uint32_t board_entries_after(const struct board_entries *entries, uint32_t id);

uint64_t board_entries_bytes(const struct board_entries *entries);

static inline char *entry_at(const struct board_entries *entries, uint32_t id)
{
    return arena_at(&entries->records, id);
}

static inline void entry_prefetch(const struct board_entries *entries, uint32_t id)
{
    const char *at = entry_at(entries, id);

    __builtin_prefetch(at);
    __builtin_prefetch(at + 32); /* the name often lies in the next line */
}

static inline uint64_t entry_score_bits(const struct board_entries *entries, uint32_t id)
{
    uint64_t bits;

    memcpy(&bits, entry_at(entries, id), sizeof(bits));
    return bits;
}

/* reached_ms in the upper 46 of 48 bits, flags in the lower 2. */
static inline uint64_t entry_word(const struct board_entries *entries, uint32_t id)
{
    const char *at = entry_at(entries, id) + ENTRY_REACHED_AT;
    uint32_t low;
    int16_t high;

    memcpy(&low, at, sizeof(low));
    memcpy(&high, at + sizeof(low), sizeof(high));
    return (uint64_t)(int64_t)high << 32 | low;
}

static inline void entry_set_word(struct board_entries *entries, uint32_t id, uint64_t word)
{
    char *at = entry_at(entries, id) + ENTRY_REACHED_AT;
    uint32_t low = (uint32_t)word;
    uint16_t high = (uint16_t)(word >> 32);

    memcpy(at, &low, sizeof(low));
    memcpy(at + sizeof(low), &high, sizeof(high));
}

static inline int64_t entry_reached_ms(const struct board_entries *entries, uint32_t id)
{
    if (entries->untimed)
        return 0;
    return (int64_t)entry_word(entries, id) >> 2;
}

static inline uint32_t entry_flags(const struct board_entries *entries, uint32_t id)
{
    return (uint32_t)entry_at(entries, id)[ENTRY_REACHED_AT] & ENTRY_FLAGS;
}

static inline void entry_set_flags(struct board_entries *entries, uint32_t id, uint32_t flags)
{
    char *at = entry_at(entries, id) + ENTRY_REACHED_AT;

    *at = (char)(((uint8_t)*at & ~ENTRY_FLAGS) | flags);
}

static inline int64_t entry_clamp_reached(int64_t reached_ms)
{
    if (reached_ms < ENTRY_REACHED_MIN)
        return ENTRY_REACHED_MIN;
    return reached_ms > ENTRY_REACHED_MAX ? ENTRY_REACHED_MAX : reached_ms;
}

/* `reached_ms` has been clamped. Flags stay as they are. */
static inline void entry_set(struct board_entries *entries, uint32_t id, uint64_t score_bits,
                             int64_t reached_ms)
{
    memcpy(entry_at(entries, id), &score_bits, sizeof(score_bits));
    if (entries->untimed)
        return;
    entry_set_word(entries, id, (uint64_t)reached_ms << 2 | entry_flags(entries, id));
}

static inline char *entry_extra(const struct board_entries *entries, uint32_t id)
{
    return entry_at(entries, id) + entries->extra_at;
}

/* The key of a subscore: smaller is better. */
static inline uint64_t entry_sub(const struct board_entries *entries, uint32_t id, uint32_t index)
{
    uint64_t key;

    memcpy(&key, entry_at(entries, id) + entries->subs_at + index * sizeof(key), sizeof(key));
    return key;
}

static inline void entry_set_sub(struct board_entries *entries, uint32_t id, uint32_t index,
                                 uint64_t key)
{
    memcpy(entry_at(entries, id) + entries->subs_at + index * sizeof(key), &key, sizeof(key));
}

static inline uint32_t entry_segment(const struct board_entries *entries, uint32_t id)
{
    uint32_t segment = 0;

    if (entries->segmented)
        memcpy(&segment, entry_at(entries, id) + entries->segment_at, sizeof(segment));
    return segment;
}

static inline struct span entry_member(const struct board_entries *entries, uint32_t id)
{
    const char *at = entry_at(entries, id) + entries->length_at;
    uint8_t length = (uint8_t)*at;
    uint16_t wide;

    if (length < UINT8_MAX)
        return (struct span){at + 1, length};
    memcpy(&wide, at + 1, sizeof(wide));
    return (struct span){at + 1 + sizeof(wide), wide};
}

#endif
