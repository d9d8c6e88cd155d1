// SPDX-License-Identifier: Apache-2.0
/* intern.c - see intern.h. */
#include "base/intern.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/say.h"

#define TEXT_UNIT 2u
#define TEXT_PAGE_UNITS (1u << 20) /* 2 MiB a page */
#define SLOT_COUNT_MIN 64u
#define GROUP 32u

static struct intern_slot *slots_new(uint32_t count)
{
    size_t size = (size_t)count * sizeof(struct intern_slot);
    struct intern_slot *slots =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (slots == MAP_FAILED) {
        say_error("memory", "the system refused %zu bytes; lower the limits", size);
        abort();
    }
    if (size >= 2u << 20)
        (void)madvise(slots, size, MADV_HUGEPAGE);
    memset(slots, 0xff, size);
    return slots;
}

void intern_init(struct intern *intern, uint32_t count_max)
{
    *intern = (struct intern){.slot_count = SLOT_COUNT_MIN, .count_max = count_max};
    intern->slots = slots_new(SLOT_COUNT_MIN);
    arena_init(&intern->starts, sizeof(uint32_t), 1u << 19);
    arena_init(&intern->text, TEXT_UNIT, TEXT_PAGE_UNITS);
}

void intern_done(struct intern *intern)
{
    if (intern == NULL)
        return;
    if (intern->slots != NULL)
        munmap(intern->slots, (size_t)intern->slot_count * sizeof(struct intern_slot));
    intern->slots = NULL;
    arena_done(&intern->starts);
    arena_done(&intern->text);
}

static inline uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

static inline uint32_t start_of(const struct intern *intern, uint32_t id)
{
    return *(const uint32_t *)arena_at(&intern->starts, id);
}

struct span intern_get(const struct intern *intern, uint32_t id)
{
    const char *at;
    uint16_t length;

    assert(id < intern->count);
    at = arena_at(&intern->text, start_of(intern, id));
    memcpy(&length, at, sizeof(length));
    return (struct span){at + sizeof(length), length};
}

/* The home of a tag: its upper bits, so that growing keeps the order and reads no string. */
static inline uint32_t home_of(const struct intern *intern, uint32_t tag)
{
    return (uint32_t)(((uint64_t)tag * intern->slot_count) >> 32);
}

uint32_t intern_find(const struct intern *intern, struct span key, uint64_t hash)
{
    uint32_t mask = intern->slot_count - 1;
    uint32_t tag = tag_of(hash);

    for (uint32_t i = home_of(intern, tag);; i = (i + 1) & mask) {
        const struct intern_slot *slot = &intern->slots[i];

        if (slot->id == INTERN_NONE)
            return INTERN_NONE;
        if (slot->tag == tag && span_equal(intern_get(intern, slot->id), key))
            return slot->id;
    }
}

static void place(struct intern *intern, struct intern_slot slot)
{
    uint32_t mask = intern->slot_count - 1;
    uint32_t i = home_of(intern, slot.tag);

    while (intern->slots[i].id != INTERN_NONE)
        i = (i + 1) & mask;
    intern->slots[i] = slot;
}

static void grow(struct intern *intern)
{
    uint32_t old_count = intern->slot_count;
    struct intern_slot *old = intern->slots;

    assert(old_count < 1u << 31);
    intern->slot_count = old_count * 2;
    intern->slots = slots_new(intern->slot_count);
    for (uint32_t i = 0; i < old_count; i++)
        if (old[i].id != INTERN_NONE)
            place(intern, old[i]);
    munmap(old, (size_t)old_count * sizeof(struct intern_slot));
}

/* A string never crosses a page: the rest of a page that is too small for it stays unused. */
static uint32_t store_text(struct intern *intern, struct span key)
{
    uint32_t units = (uint32_t)(sizeof(uint16_t) + key.size + TEXT_UNIT - 1) / TEXT_UNIT;
    uint32_t left = TEXT_PAGE_UNITS - (intern->text.count & intern->text.page_mask);
    uint16_t length = (uint16_t)key.size;
    uint32_t start;
    char *at;

    if (units > left)
        arena_take(&intern->text, left);
    start = arena_take(&intern->text, units);
    at = arena_at(&intern->text, start);
    memcpy(at, &length, sizeof(length));
    if (key.size > 0)
        memcpy(at + sizeof(length), key.data, key.size);
    return start;
}

uint32_t intern_put(struct intern *intern, struct span key, uint64_t hash)
{
    uint32_t id = intern_find(intern, key, hash);

    if (id != INTERN_NONE || intern->count >= intern->count_max)
        return id;
    assert(key.size <= INTERN_STRING_BYTES_MAX);
    if ((uint64_t)intern->count * 10 >= (uint64_t)intern->slot_count * 7)
        grow(intern);
    id = arena_take(&intern->starts, 1);
    *(uint32_t *)arena_at(&intern->starts, id) = store_text(intern, key);
    intern->count++;
    place(intern, (struct intern_slot){tag_of(hash), id});
    return id;
}

void intern_put_many(struct intern *intern, const struct span *keys, const uint64_t *hashes,
                     uint32_t count, uint32_t *out_ids)
{
    for (uint32_t base = 0; base < count; base += GROUP) {
        uint32_t size = count - base < GROUP ? count - base : GROUP;

        for (uint32_t i = 0; i < size; i++)
            __builtin_prefetch(&intern->slots[home_of(intern, tag_of(hashes[base + i]))]);
        for (uint32_t i = 0; i < size; i++) {
            uint32_t id = intern->slots[home_of(intern, tag_of(hashes[base + i]))].id;

            if (id != INTERN_NONE)
                __builtin_prefetch(arena_at(&intern->starts, id));
        }
        for (uint32_t i = 0; i < size; i++) {
            uint32_t id = intern->slots[home_of(intern, tag_of(hashes[base + i]))].id;

            if (id != INTERN_NONE)
                __builtin_prefetch(arena_at(&intern->text, start_of(intern, id)));
        }
        for (uint32_t i = 0; i < size; i++)
            out_ids[base + i] = intern_put(intern, keys[base + i], hashes[base + i]);
    }
}

uint64_t intern_bytes(const struct intern *intern)
{
    return (uint64_t)intern->slot_count * sizeof(struct intern_slot) +
           arena_bytes(&intern->starts) + arena_bytes(&intern->text);
}
