// SPDX-License-Identifier: Apache-2.0
/* board_entries.c - see board_entries.h. */
#include "rank/board_entries.h"

#include <assert.h>
#include <stdlib.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/hash.h"

#define RECORD_UNIT 2u
#define RECORD_PAGE_UNITS (1u << 20) /* 2 MiB */
#define BUCKET_SLOTS 12u
#define PAGE_BUCKETS 64u
#define PAGE_USED_MAX (PAGE_BUCKETS * BUCKET_SLOTS * 7 / 8)
#define PAGES_PER_ARENA_PAGE 512u /* 2 MiB */
#define DIRECTORY_PER_PAGE 64u    /* hashes of honest members need 2 to 4 */
#define DIRECTORY_MIN 65536u
#define GROUP 32u

/* A cache line. Tag 0 is a free slot; slots fill from the front. */
struct bucket {
    uint8_t tags[BUCKET_SLOTS];
    uint8_t spilled; /* a string that belongs here went to a bucket further on */
    uint8_t depth;   /* of the page; in its first bucket */
    uint16_t used;   /* slots of the page; in its first bucket */
    uint32_t ids[BUCKET_SLOTS];
};

static_assert(sizeof(struct bucket) == 64, "a bucket is a cache line");

static inline uint8_t tag_of(uint64_t hash)
{
    uint8_t tag = (uint8_t)hash;

    return tag != 0 ? tag : 1;
}

static inline uint32_t bucket_of(uint64_t hash)
{
    return (uint32_t)(hash >> 8) % PAGE_BUCKETS;
}

static inline struct bucket *page_of(const struct board_entries *entries, uint64_t hash)
{
    /* In two steps: a shift by 64 is not defined. */
    uint32_t index = (uint32_t)(hash >> 32 >> (32 - entries->depth));

    return arena_at(&entries->pages, entries->directory[index]);
}

/* Bit i is set if slot i has the tag. */
static inline uint32_t bucket_match(const struct bucket *bucket, uint8_t tag)
{
#if defined(__SSE2__)
    __m128i tags = _mm_loadu_si128((const __m128i *)bucket->tags);
    __m128i same = _mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag));

    return (uint32_t)_mm_movemask_epi8(same) & ((1u << BUCKET_SLOTS) - 1);
#else
    uint32_t mask = 0;

    for (uint32_t i = 0; i < BUCKET_SLOTS; i++)
        mask |= (uint32_t)(bucket->tags[i] == tag) << i;
    return mask;
#endif
}

void board_entries_init(struct board_entries *entries, uint32_t extra_bytes, bool segmented,
                        uint32_t count_max)
{
    uint32_t segment_bytes = segmented ? sizeof(uint32_t) : 0;

    *entries = (struct board_entries){
        .count_max = count_max,
        .extra_bytes = extra_bytes,
        .segmented = segmented,
        .directory_min = DIRECTORY_MIN,
        .segment_at = ENTRY_EXTRA_AT + extra_bytes,
        .length_at = ENTRY_EXTRA_AT + extra_bytes + segment_bytes,
    };
    arena_init(&entries->records, RECORD_UNIT, RECORD_PAGE_UNITS);
    arena_init(&entries->pages, PAGE_BUCKETS * sizeof(struct bucket), PAGES_PER_ARENA_PAGE);
    entries->directory = bytes_alloc(sizeof(entries->directory[0]));
    entries->directory[0] = arena_take(&entries->pages, 1);
}

void board_entries_done(struct board_entries *entries)
{
    if (entries == NULL)
        return;
    arena_done(&entries->records);
    arena_done(&entries->pages);
    free(entries->directory);
    entries->directory = NULL;
}

uint64_t board_entries_hash(const struct board_entries *entries, uint64_t member_hash,
                            uint32_t segment)
{
    return entries->segmented ? hash_mix(member_hash, segment) : member_hash;
}

static bool is_entry(const struct board_entries *entries, uint32_t id, const struct entry_key *key)
{
    return entry_segment(entries, id) == key->segment &&
           span_equal(entry_member(entries, id), key->member);
}

uint32_t board_entries_find(const struct board_entries *entries, const struct entry_key *key)
{
    const struct bucket *page = page_of(entries, key->hash);
    uint8_t tag = tag_of(key->hash);
    uint32_t at = bucket_of(key->hash);

    for (uint32_t step = 0; step < PAGE_BUCKETS; step++) {
        const struct bucket *bucket = &page[(at + step) % PAGE_BUCKETS];

        for (uint32_t mask = bucket_match(bucket, tag); mask != 0; mask &= mask - 1) {
            uint32_t id = bucket->ids[__builtin_ctz(mask)];

            if (is_entry(entries, id, key))
                return id;
        }
        if (!bucket->spilled)
            break;
    }
    return ENTRY_NONE;
}

/* The page has a free slot. */
static void place(struct bucket *page, uint64_t hash, uint32_t id)
{
    assert(page->used < PAGE_BUCKETS * BUCKET_SLOTS);
    for (uint32_t at = bucket_of(hash);; at = (at + 1) % PAGE_BUCKETS) {
        struct bucket *bucket = &page[at];
        uint32_t free_mask = bucket_match(bucket, 0);

        if (free_mask != 0) {
            uint32_t slot = (uint32_t)__builtin_ctz(free_mask);

            bucket->tags[slot] = tag_of(hash);
            bucket->ids[slot] = id;
            page->used++;
            return;
        }
        bucket->spilled = 1;
    }
}

static uint64_t hash_of(const struct board_entries *entries, uint32_t id)
{
    struct span member = entry_member(entries, id);

    return board_entries_hash(entries, hash_bytes(member.data, member.size),
                              entry_segment(entries, id));
}

/* False if only hostile members can ask for it: those of one page share too many bits. */
static bool directory_double(struct board_entries *entries)
{
    uint32_t count = 1u << entries->depth;

    if (count >= entries->directory_min + DIRECTORY_PER_PAGE * entries->pages.count)
        return false;
    entries->directory =
        bytes_realloc(entries->directory, 2 * (size_t)count * sizeof(entries->directory[0]));
    for (uint32_t i = count; i-- > 0;) {
        entries->directory[2 * i + 1] = entries->directory[i];
        entries->directory[2 * i] = entries->directory[i];
    }
    entries->depth++;
    return true;
}

/* Splits the page that `hash` leads to, if it may be split. */
static bool split(struct board_entries *entries, uint64_t hash)
{
    struct bucket *page = page_of(entries, hash);
    uint32_t depth = page->depth;
    uint32_t ids[PAGE_BUCKETS * BUCKET_SLOTS];
    uint32_t count = 0;
    uint32_t first, span, fresh_index;
    struct bucket *fresh;

    if (depth == entries->depth && !directory_double(entries))
        return false;
    for (uint32_t i = 0; i < PAGE_BUCKETS; i++)
        for (uint32_t slot = 0; slot < BUCKET_SLOTS && page[i].tags[slot] != 0; slot++)
            ids[count++] = page[i].ids[slot];
    for (uint32_t i = 0; i < count; i++)
        entry_prefetch(entries, ids[i]);

    fresh_index = arena_take(&entries->pages, 1);
    fresh = arena_at(&entries->pages, fresh_index);
    memset(page, 0, PAGE_BUCKETS * sizeof(*page));
    page->depth = fresh->depth = (uint8_t)(depth + 1);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t entry_hash = hash_of(entries, ids[i]);

        place(entry_hash << depth >> 63 ? fresh : page, entry_hash, ids[i]);
    }

    /* The directory's entries of the old page are adjacent; the upper half is the new page's. */
    span = 1u << (entries->depth - depth);
    first = (uint32_t)(hash >> 32 >> (32 - entries->depth)) & ~(span - 1);
    for (uint32_t i = span / 2; i < span; i++)
        entries->directory[first + i] = fresh_index;
    return true;
}

static uint32_t record_new(struct board_entries *entries, const struct entry_key *key)
{
    uint32_t length_bytes = key->member.size < UINT8_MAX ? 1 : 3;
    uint32_t size = entries->length_at + length_bytes + (uint32_t)key->member.size;
    uint32_t units = (size + RECORD_UNIT - 1) / RECORD_UNIT;
    uint32_t used = entries->records.count & entries->records.page_mask;
    uint16_t wide = (uint16_t)key->member.size;
    uint32_t id;
    char *at;

    if (used + units > RECORD_PAGE_UNITS)
        arena_take(&entries->records, RECORD_PAGE_UNITS - used);
    id = arena_take(&entries->records, units);
    at = entry_at(entries, id);
    if (entries->segmented)
        memcpy(at + entries->segment_at, &key->segment, sizeof(key->segment));
    at += entries->length_at;
    *at = (char)(length_bytes == 1 ? key->member.size : UINT8_MAX);
    if (length_bytes == 3)
        memcpy(at + 1, &wide, sizeof(wide));
    if (key->member.size > 0)
        memcpy(at + length_bytes, key->member.data, key->member.size);
    return id;
}

static uint32_t put_new(struct board_entries *entries, const struct entry_key *key)
{
    uint32_t id;

    assert(key->member.size > 0 && key->member.size <= ENTRY_MEMBER_BYTES_MAX);
    /* A page of room is left, so that no record begins where ENTRY_NONE would be. */
    if (entries->count >= entries->count_max ||
        entries->records.count >= UINT32_MAX - 2 * RECORD_PAGE_UNITS)
        return ENTRY_NONE;
    while (page_of(entries, key->hash)->used >= PAGE_USED_MAX)
        if (!split(entries, key->hash))
            return ENTRY_NONE;
    id = record_new(entries, key);
    place(page_of(entries, key->hash), key->hash, id);
    entries->count++;
    return id;
}

void board_entries_put_many(struct board_entries *entries, const struct entry_key *keys,
                            uint32_t count, uint32_t *out_ids, bool *out_new)
{
    for (uint32_t base = 0; base < count; base += GROUP) {
        uint32_t end = count - base < GROUP ? count : base + GROUP;

        for (uint32_t i = base; i < end; i++)
            __builtin_prefetch(&page_of(entries, keys[i].hash)[bucket_of(keys[i].hash)]);
        for (uint32_t i = base; i < end; i++) {
            const struct bucket *bucket = &page_of(entries, keys[i].hash)[bucket_of(keys[i].hash)];
            uint32_t mask = bucket_match(bucket, tag_of(keys[i].hash));

            if (mask != 0)
                entry_prefetch(entries, bucket->ids[__builtin_ctz(mask)]);
        }
        for (uint32_t i = base; i < end; i++) {
            out_ids[i] = board_entries_find(entries, &keys[i]);
            out_new[i] = out_ids[i] == ENTRY_NONE;
            if (out_new[i])
                out_ids[i] = put_new(entries, &keys[i]);
        }
    }
}

uint32_t board_entries_after(const struct board_entries *entries, uint32_t id)
{
    struct span member = entry_member(entries, id);
    const char *end = member.data + member.size;

    return id + (uint32_t)(end - entry_at(entries, id) + RECORD_UNIT - 1) / RECORD_UNIT;
}

uint32_t board_entries_next(const struct board_entries *entries, uint32_t from)
{
    uint32_t left;

    if (from >= entries->records.count)
        return ENTRY_NONE;
    left = RECORD_PAGE_UNITS - (from & entries->records.page_mask);
    /* No member is empty, so a length of zero (or no room for one) is the rest of a page. */
    if (left * RECORD_UNIT > entries->length_at && entry_member(entries, from).size > 0)
        return from;
    return from + left < entries->records.count ? from + left : ENTRY_NONE;
}

uint64_t board_entries_bytes(const struct board_entries *entries)
{
    return arena_bytes(&entries->records) + arena_bytes(&entries->pages) +
           ((uint64_t)sizeof(entries->directory[0]) << entries->depth);
}
