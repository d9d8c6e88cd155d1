// SPDX-License-Identifier: Apache-2.0
/* member_expiry.c - see member_expiry.h. */
#include "engine/member_expiry.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bytes.h"

#define LISTS (EXPIRY_BUCKETS + 2)

static int64_t bucket_of(const struct member_expiry *expiry, int64_t ms)
{
    return ms / expiry->width_ms - (ms % expiry->width_ms < 0);
}

static struct expiry_list *list_of(struct member_expiry *expiry, int64_t bucket)
{
    return &expiry->lists[((uint64_t)bucket + ((uint64_t)1 << 63)) % LISTS];
}

void member_expiry_init(struct member_expiry *expiry, int64_t expire_ms)
{
    /* Rounded up: EXPIRY_BUCKETS whole buckets are no shorter than `expire`. */
    *expiry = (struct member_expiry){.width_ms = (expire_ms + EXPIRY_BUCKETS - 1) / EXPIRY_BUCKETS};
    assert(expiry->width_ms > 0);
}

void member_expiry_done(struct member_expiry *expiry)
{
    id_map_done(&expiry->latest);
    for (uint32_t i = 0; i < LISTS; i++)
        free(expiry->lists[i].ids);
}

int64_t member_expiry_next(const struct member_expiry *expiry)
{
    return expiry->begun ? (expiry->bucket + 1) * expiry->width_ms : INT64_MIN;
}

void member_expiry_touch(struct member_expiry *expiry, uint32_t entry, int64_t event_ms)
{
    int64_t bucket = bucket_of(expiry, event_ms);
    struct expiry_list *list;
    uint32_t *latest;
    bool is_new;

    assert(expiry->begun && bucket <= expiry->bucket);
    if (bucket < expiry->bucket - EXPIRY_BUCKETS)
        bucket = expiry->bucket - EXPIRY_BUCKETS;
    latest = id_map_put(&expiry->latest, entry, &is_new);
    if (!is_new && (int32_t)((uint32_t)bucket - *latest) <= 0)
        return;
    *latest = (uint32_t)bucket;
    list = list_of(expiry, bucket);
    if (list->count == list->capacity) {
        list->capacity = list->capacity > 0 ? 2 * list->capacity : 16;
        list->ids = bytes_realloc(list->ids, list->capacity * sizeof(list->ids[0]));
    }
    list->ids[list->count++] = entry;
}

void member_expiry_forget(struct member_expiry *expiry, uint32_t entry)
{
    id_map_remove(&expiry->latest, entry);
}

/* Looks through the list of a bucket that is over; the part that has been looked at is cut off. */
static uint32_t expire_list(struct member_expiry *expiry, int64_t bucket, uint32_t *out_entries,
                            uint32_t max)
{
    struct expiry_list *list = list_of(expiry, bucket);
    uint32_t filled = 0;
    uint32_t at = 0;

    if (list->count == 0)
        return 0;
    for (; at < list->count && filled < max; at++) {
        const uint32_t *latest = id_map_find(&expiry->latest, list->ids[at]);

        if (latest == NULL || *latest != (uint32_t)bucket)
            continue;
        id_map_remove(&expiry->latest, list->ids[at]);
        out_entries[filled++] = list->ids[at];
    }
    list->count -= at;
    memmove(list->ids, list->ids + at, list->count * sizeof(list->ids[0]));
    if (list->count == 0) {
        free(list->ids);
        *list = (struct expiry_list){0};
    }
    return filled;
}

uint32_t member_expiry_enter(struct member_expiry *expiry, int64_t watermark_ms,
                             uint32_t *out_entries, uint32_t max)
{
    int64_t bucket = bucket_of(expiry, watermark_ms);
    int64_t last;
    uint32_t filled = 0;

    assert(!expiry->begun || bucket >= expiry->bucket);
    if (!expiry->begun) {
        expiry->begun = true;
        expiry->bucket = bucket;
        return 0;
    }
    /* Lists are of the buckets from bucket - EXPIRY_BUCKETS to bucket: those of before it moved. */
    last = bucket - EXPIRY_BUCKETS - 1;
    if (last > expiry->bucket)
        last = expiry->bucket;
    for (int64_t at = expiry->bucket - EXPIRY_BUCKETS; at <= last && filled < max; at++)
        filled += expire_list(expiry, at, out_entries + filled, max - filled);
    if (filled == 0)
        expiry->bucket = bucket;
    return filled;
}

uint64_t member_expiry_bytes(const struct member_expiry *expiry)
{
    uint64_t bytes = id_map_bytes(&expiry->latest);

    for (uint32_t i = 0; i < LISTS; i++)
        bytes += expiry->lists[i].capacity * sizeof(uint32_t);
    return bytes;
}
