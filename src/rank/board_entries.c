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
#define EXACT_UNITS 64u          /* records up to this size share room with none but their own */
#define EMPTIED_UNITS (1u << 19) /* less is not worth to be given back */
#define LENGTH_BYTES 3u          /* every record has room for the longest length */
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
    uint8_t spilled; /* entries that went by to a bucket further on; SPILLED_MAX stays */
    uint8_t depth;   /* of the page; in its first bucket */
    uint16_t used;   /* slots of the page; in its first bucket */
    uint32_t ids[BUCKET_SLOTS];
};

#define SPILLED_MAX UINT8_MAX

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

/* No records yet, and a table of one page. */
static void begin_empty(struct board_entries *entries)
{
    for (uint32_t i = 0; i < ENTRY_SIZE_CLASSES; i++)
        entries->free_lists[i] = ENTRY_NONE;
    entries->depth = 0;
    entries->directory = bytes_realloc(entries->directory, sizeof(entries->directory[0]));
    entries->directory[0] = arena_take(&entries->pages, 1);
}

void board_entries_init(struct board_entries *entries, uint32_t extra_bytes, uint32_t sub_count,
                        bool segmented, uint32_t count_max)
{
    uint32_t segment_bytes = segmented ? sizeof(uint32_t) : 0;
    uint32_t sub_bytes = sub_count * sizeof(uint64_t);

    assert(extra_bytes >= sub_bytes);
    *entries = (struct board_entries){
        .count_max = count_max,
        .extra_bytes = extra_bytes,
        .extra_at = ENTRY_EXTRA_AT,
        .sub_count = sub_count,
        .subs_at = ENTRY_EXTRA_AT + extra_bytes - sub_bytes,
        .segmented = segmented,
        .directory_min = DIRECTORY_MIN,
        .segment_at = ENTRY_EXTRA_AT + extra_bytes,
        .length_at = ENTRY_EXTRA_AT + extra_bytes + segment_bytes,
    };
    arena_init(&entries->records, RECORD_UNIT, RECORD_PAGE_UNITS);
    arena_init(&entries->pages, PAGE_BUCKETS * sizeof(struct bucket), PAGES_PER_ARENA_PAGE);
    begin_empty(entries);
}

void board_entries_untime(struct board_entries *entries)
{
    uint32_t saved = ENTRY_EXTRA_AT - (ENTRY_REACHED_AT + 1);

    assert(entries->count == 0 && !entries->untimed);
    entries->untimed = true;
    entries->extra_at -= saved;
    entries->subs_at -= saved;
    entries->segment_at -= saved;
    entries->length_at -= saved;
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
        if (bucket->spilled < SPILLED_MAX)
            bucket->spilled++;
    }
}

/* Takes an entry out that is in the page. */
static void displace(struct bucket *page, uint64_t hash, uint32_t id)
{
    for (uint32_t at = bucket_of(hash);; at = (at + 1) % PAGE_BUCKETS) {
        struct bucket *bucket = &page[at];
        uint32_t last = BUCKET_SLOTS - 1;

        for (uint32_t mask = bucket_match(bucket, tag_of(hash)); mask != 0; mask &= mask - 1) {
            uint32_t slot = (uint32_t)__builtin_ctz(mask);

            if (bucket->ids[slot] != id)
                continue;
            while (bucket->tags[last] == 0)
                last--;
            bucket->tags[slot] = bucket->tags[last];
            bucket->ids[slot] = bucket->ids[last];
            bucket->tags[last] = 0;
            page->used--;
            return;
        }
        assert(bucket->spilled > 0);
        if (bucket->spilled < SPILLED_MAX)
            bucket->spilled--;
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

static uint32_t log2_of(uint32_t units)
{
    return 31 - (uint32_t)__builtin_clz(units);
}

/* How much room a member's record takes. Every size up to EXACT_UNITS, then 16 to each doubling. */
static uint32_t units_of(const struct board_entries *entries, size_t member_bytes)
{
    size_t length_bytes = member_bytes < UINT8_MAX ? 1 : LENGTH_BYTES;
    uint32_t size = (uint32_t)(length_bytes + member_bytes);
    uint32_t units, step;

    if (size < LENGTH_BYTES)
        size = LENGTH_BYTES;
    units = (entries->length_at + size + RECORD_UNIT - 1) / RECORD_UNIT;
    if (units <= EXACT_UNITS)
        return units;
    step = 1u << (log2_of(units) - 4);
    return (units + step - 1) & ~(step - 1);
}

static uint32_t *free_list_of(struct board_entries *entries, uint32_t units)
{
    uint32_t size_class = units;

    if (units > EXACT_UNITS) {
        uint32_t log2 = log2_of(units);

        size_class = EXACT_UNITS + (log2 - log2_of(EXACT_UNITS)) * 16 + (units >> (log2 - 4)) - 16;
    }
    assert(size_class < ENTRY_SIZE_CLASSES);
    return &entries->free_lists[size_class];
}

static void record_set_length(const struct board_entries *entries, uint32_t id, size_t length,
                              bool is_wide)
{
    char *at = entry_at(entries, id) + entries->length_at;
    uint16_t wide = (uint16_t)length;

    *at = (char)(is_wide ? UINT8_MAX : length);
    if (is_wide)
        memcpy(at + 1, &wide, sizeof(wide));
}

/* What a page has no room for any more is marked by a length that no record has. */
static bool is_page_rest(const struct board_entries *entries, uint32_t at, uint32_t units_left)
{
    const char *length;

    if (units_left * RECORD_UNIT < entries->length_at + LENGTH_BYTES)
        return true;
    length = entry_at(entries, at) + entries->length_at;
    return (uint8_t)length[0] == UINT8_MAX && length[1] == 0 && length[2] == 0;
}

static void end_page(struct board_entries *entries, uint32_t units_left)
{
    uint32_t at = arena_take(&entries->records, units_left);

    if (units_left * RECORD_UNIT >= entries->length_at + LENGTH_BYTES)
        record_set_length(entries, at, 0, true);
}

/* Room for a record, zero; ENTRY_NONE if there are as many as ids can tell apart. */
static uint32_t record_take(struct board_entries *entries, uint32_t units)
{
    uint32_t *list = free_list_of(entries, units);
    uint32_t used = entries->records.count & entries->records.page_mask;
    uint32_t id = *list;

    if (id != ENTRY_NONE) {
        memcpy(list, entry_at(entries, id), sizeof(*list));
        memset(entry_at(entries, id), 0, entries->length_at);
        return id;
    }
    /* A page of room is left, so that no record begins where ENTRY_NONE would be. */
    if (entries->records.count >= UINT32_MAX - 2 * RECORD_PAGE_UNITS)
        return ENTRY_NONE;
    if (used + units > RECORD_PAGE_UNITS)
        end_page(entries, RECORD_PAGE_UNITS - used);
    return arena_take(&entries->records, units);
}

static uint32_t record_new(struct board_entries *entries, const struct entry_key *key)
{
    uint32_t id = record_take(entries, units_of(entries, key->member.size));
    bool is_wide = key->member.size >= UINT8_MAX;
    char *at;

    if (id == ENTRY_NONE)
        return ENTRY_NONE;
    at = entry_at(entries, id);
    if (entries->segmented)
        memcpy(at + entries->segment_at, &key->segment, sizeof(key->segment));
    record_set_length(entries, id, key->member.size, is_wide);
    if (key->member.size > 0)
        memcpy(at + entries->length_at + (is_wide ? LENGTH_BYTES : 1), key->member.data,
               key->member.size);
    return id;
}

static uint32_t put_new(struct board_entries *entries, const struct entry_key *key)
{
    uint32_t id;

    assert(key->member.size <= ENTRY_MEMBER_BYTES_MAX);
    if (entries->count >= entries->count_max)
        return ENTRY_NONE;
    while (page_of(entries, key->hash)->used >= PAGE_USED_MAX)
        if (!split(entries, key->hash))
            return ENTRY_NONE;
    id = record_new(entries, key);
    if (id == ENTRY_NONE)
        return ENTRY_NONE;
    place(page_of(entries, key->hash), key->hash, id);
    entries->count++;
    return id;
}

uint32_t board_entries_put(struct board_entries *entries, const struct entry_key *key,
                           bool *out_new)
{
    uint32_t id = board_entries_find(entries, key);

    *out_new = id == ENTRY_NONE;
    return id != ENTRY_NONE ? id : put_new(entries, key);
}

/*
 * Always inline: a call of a function that does nothing but prefetch is one without effect to gcc,
 * and is left out.
 */
__attribute__((always_inline)) static inline void prefetch_bucket(
    const struct board_entries *entries, uint64_t hash)
{
    __builtin_prefetch(&page_of(entries, hash)[bucket_of(hash)]);
}

__attribute__((always_inline)) static inline void prefetch_record(
    const struct board_entries *entries, uint64_t hash)
{
    const struct bucket *bucket = &page_of(entries, hash)[bucket_of(hash)];
    uint32_t mask = bucket_match(bucket, tag_of(hash));

    if (mask != 0)
        entry_prefetch(entries, bucket->ids[__builtin_ctz(mask)]);
}

void board_entries_put_many(struct board_entries *entries, const struct entry_key *keys,
                            uint32_t count, uint32_t *out_ids, bool *out_new)
{
    for (uint32_t base = 0; base < count; base += GROUP) {
        uint32_t end = count - base < GROUP ? count : base + GROUP;

        for (uint32_t i = base; i < end; i++)
            prefetch_bucket(entries, keys[i].hash);
        for (uint32_t i = base; i < end; i++)
            prefetch_record(entries, keys[i].hash);
        for (uint32_t i = base; i < end; i++)
            out_ids[i] = board_entries_put(entries, &keys[i], &out_new[i]);
    }
}

void board_entries_remove(struct board_entries *entries, uint32_t id, uint64_t hash)
{
    assert((entry_flags(entries, id) & ENTRY_DEAD) == 0);
    displace(page_of(entries, hash), hash, id);
    entry_set_flags(entries, id, entry_flags(entries, id) | ENTRY_DEAD);
    entries->count--;
    entries->removed++;
}

void board_entries_free(struct board_entries *entries, uint32_t id)
{
    uint32_t *list = free_list_of(entries, units_of(entries, entry_member(entries, id).size));

    assert((entry_flags(entries, id) & ENTRY_DEAD) != 0 && entries->removed > 0);
    entries->removed--;
    if (entries->count + entries->removed == 0 && entries->records.count >= EMPTIED_UNITS) {
        arena_reset(&entries->records);
        arena_reset(&entries->pages);
        begin_empty(entries);
        entries->emptied = true;
        return;
    }
    memcpy(entry_at(entries, id), list, sizeof(*list));
    *list = id;
}

/* Appends the entries of a page that do not come before the cursor. */
static uint32_t scan_page(const struct board_entries *entries, const struct bucket *page,
                          bool is_whole, uint64_t cursor, uint32_t *out_ids)
{
    uint32_t filled = 0;

    for (uint32_t i = 0; i < PAGE_BUCKETS; i++)
        for (uint32_t slot = 0; slot < BUCKET_SLOTS && page[i].tags[slot] != 0; slot++)
            if (is_whole || hash_of(entries, page[i].ids[slot]) >= cursor)
                out_ids[filled++] = page[i].ids[slot];
    return filled;
}

uint32_t board_entries_scan(const struct board_entries *entries, uint64_t cursor, uint32_t scan,
                            uint32_t *out_ids, uint32_t max, uint64_t *out_next)
{
    uint32_t filled = 0;
    uint32_t seen = 0;

    assert(max >= 1024);
    do {
        const struct bucket *page = page_of(entries, cursor);
        uint64_t last = UINT64_MAX >> page->depth; /* hash of the page, from its first one */

        if (page->used > max - filled)
            break;
        filled += scan_page(entries, page, (cursor & last) == 0, cursor, out_ids + filled);
        seen += page->used;
        cursor = (cursor | last) + 1;
    } while (cursor != 0 && seen < scan);
    *out_next = cursor;
    return filled;
}

void board_entries_prefetch(const struct board_entries *entries, uint64_t hash)
{
    prefetch_bucket(entries, hash);
}

void board_entries_prefetch_record(const struct board_entries *entries, uint64_t hash)
{
    prefetch_record(entries, hash);
}

uint32_t board_entries_after(const struct board_entries *entries, uint32_t id)
{
    return id + units_of(entries, entry_member(entries, id).size);
}

/* The first record at or after `from`, alive or not. */
static uint32_t next_record(const struct board_entries *entries, uint32_t from)
{
    uint32_t left = RECORD_PAGE_UNITS - (from & entries->records.page_mask);

    if (from >= entries->records.count)
        return ENTRY_NONE;
    if (!is_page_rest(entries, from, left))
        return from;
    return from + left < entries->records.count ? from + left : ENTRY_NONE;
}

uint32_t board_entries_next(const struct board_entries *entries, uint32_t from)
{
    uint32_t id = next_record(entries, from);

    while (id != ENTRY_NONE && (entry_flags(entries, id) & ENTRY_DEAD) != 0)
        id = next_record(entries, board_entries_after(entries, id));
    return id;
}

uint32_t board_entries_seek(const struct board_entries *entries, uint32_t from)
{
    uint32_t at = from;

    /* Records begin where they always did, unless all of them went. */
    if (entries->emptied && from < entries->records.count)
        for (at = from & ~entries->records.page_mask; at < from && at != ENTRY_NONE;)
            at = next_record(entries, board_entries_after(entries, at));
    return board_entries_next(entries, at);
}

uint64_t board_entries_bytes(const struct board_entries *entries)
{
    return arena_bytes(&entries->records) + arena_bytes(&entries->pages) +
           ((uint64_t)sizeof(entries->directory[0]) << entries->depth);
}
