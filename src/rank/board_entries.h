// SPDX-License-Identifier: Apache-2.0
/*
 * board_entries.h - the entries of a board: one record each, found by segment and member.
 *
 * A record holds everything about an entry in one piece, so that a row of a batch costs one cache
 * miss for the table and one or two for the record:
 *
 *     0   u64   score, the bits of the int64 or the double
 *     8   i48   reached_ms, clamped to 48 bits (the years -2490 to 6429)
 *     14  ...   what the strategy remembers beyond that (extra_bytes)
 *     .   u32   segment, only on boards with `by`
 *     .   u8    length of the member; 255: a u16 follows
 *     .   ...   the member
 *
 * An entry's id is where its record begins, in units of 2 bytes: 8 GiB of records a board. Records
 * never move and never end; none crosses a page; the rest of a page is zero. Ids grow in order of
 * arrival, so a walk over them is a walk through memory.
 *
 * The table is extendible hashing: a directory picked by the upper bits of the hash points to
 * pages of 64 buckets of one cache line; a full page splits in two, which takes some 20 us, so
 * there is no pause for a rehash of everything and never two tables at once. A bucket is 12 tags of
 * 8 bits, compared at once, and their ids. One that is full spills into the next of its page.
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
#define ENTRY_MEMBER_BYTES_MAX UINT16_MAX

#define ENTRY_REACHED_AT 8
#define ENTRY_EXTRA_AT 14
#define ENTRY_REACHED_MIN (-((int64_t)1 << 47))
#define ENTRY_REACHED_MAX (((int64_t)1 << 47) - 1)

struct board_entries {
    struct arena records; /* items of 2 bytes */
    uint32_t count;
    uint32_t count_max;
    uint32_t extra_bytes;
    bool segmented;
    uint32_t segment_at; /* offset of the segment, and of the member's length */
    uint32_t length_at;
    struct arena pages;  /* of the table */
    uint32_t *directory; /* page by the upper `depth` bits of the hash */
    uint32_t depth;
    uint32_t directory_min; /* so large it may grow whatever the number of pages */
};

/* Which entry: the hash is that of board_entries_hash. */
struct entry_key {
    uint64_t hash;
    struct span member;
    uint32_t segment;
};

void board_entries_init(struct board_entries *entries, uint32_t extra_bytes, bool segmented,
                        uint32_t count_max);
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

/* The first entry at or after position `from`, or ENTRY_NONE: walks all in order of arrival. */
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

static inline int64_t entry_reached_ms(const struct board_entries *entries, uint32_t id)
{
    const char *at = entry_at(entries, id) + ENTRY_REACHED_AT;
    uint32_t low;
    int16_t high;

    memcpy(&low, at, sizeof(low));
    memcpy(&high, at + sizeof(low), sizeof(high));
    return (int64_t)((uint64_t)(int64_t)high << 32 | low);
}

static inline int64_t entry_clamp_reached(int64_t reached_ms)
{
    if (reached_ms < ENTRY_REACHED_MIN)
        return ENTRY_REACHED_MIN;
    return reached_ms > ENTRY_REACHED_MAX ? ENTRY_REACHED_MAX : reached_ms;
}

/* `reached_ms` has been clamped. */
static inline void entry_set(struct board_entries *entries, uint32_t id, uint64_t score_bits,
                             int64_t reached_ms)
{
    char *at = entry_at(entries, id);
    uint32_t low = (uint32_t)reached_ms;
    int16_t high = (int16_t)(reached_ms >> 32);

    memcpy(at, &score_bits, sizeof(score_bits));
    memcpy(at + ENTRY_REACHED_AT, &low, sizeof(low));
    memcpy(at + ENTRY_REACHED_AT + sizeof(low), &high, sizeof(high));
}

static inline char *entry_extra(const struct board_entries *entries, uint32_t id)
{
    return entry_at(entries, id) + ENTRY_EXTRA_AT;
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
