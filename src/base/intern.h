// SPDX-License-Identifier: Apache-2.0
/*
 * intern.h - distinct byte strings get dense 32-bit ids, in order of arrival.
 *
 * Members of a board and label sets of a metric are interned once per partition; everything else
 * is arrays indexed by the id. The table is open addressing with linear probing over
 * {hash tag, id} pairs, so that a probe costs one cache line and the string is touched only to
 * confirm. Look-ups come in batches: the table's lines and then the strings' are prefetched for
 * the whole group before any is read, which is what keeps a million members cheap.
 *
 * Ids are never reused. Strings are at most INTERN_STRING_BYTES_MAX long.
 *
 * Thread: the owner.
 */
#ifndef TALLYWHEEL_BASE_INTERN_H
#define TALLYWHEEL_BASE_INTERN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"

#define INTERN_NONE UINT32_MAX
#define INTERN_STRING_BYTES_MAX 65535

struct intern_slot {
    uint32_t tag; /* upper half of the hash */
    uint32_t id;  /* INTERN_NONE: free */
};

struct intern {
    struct intern_slot *slots;
    uint32_t slot_count; /* power of two */
    uint32_t count;      /* ids handed out */
    struct arena starts; /* u32 a string: where it begins in `text`, in units of 2 bytes */
    struct arena text;   /* u16 length, then the bytes; a string never crosses a page */
    uint32_t count_max;
};

/* At most `count_max` strings are taken; more are refused (INTERN_NONE). */
void intern_init(struct intern *intern, uint32_t count_max);
void intern_done(struct intern *intern);

/* The id of `key`, whose hash_bytes is `hash`, or INTERN_NONE. */
uint32_t intern_find(const struct intern *intern, struct span key, uint64_t hash);

/* The id of `key`, a new one if it is not there yet; INTERN_NONE when full. */
uint32_t intern_put(struct intern *intern, struct span key, uint64_t hash);

/*
 * intern_put for `count` keys at once. Equal keys get equal ids. Where an id equals or is above
 * what `intern->count` was before the call, the string is new.
 */
void intern_put_many(struct intern *intern, const struct span *keys, const uint64_t *hashes,
                     uint32_t count, uint32_t *out_ids);

/* The string of an id; valid as long as the intern. */
struct span intern_get(const struct intern *intern, uint32_t id);

uint64_t intern_bytes(const struct intern *intern);

#endif
