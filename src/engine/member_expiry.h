// SPDX-License-Identifier: Apache-2.0
/*
 * member_expiry.h - which entries of a board have been silent for longer than `expire`.
 *
 * Time is cut into buckets of a 64th of `expire`. Each entry knows the latest bucket that it had an
 * event in, and stands in the list of every bucket that ever was its latest. When the watermark
 * enters a bucket, the lists of those that lie more than `expire` behind it are looked through:
 * an entry whose latest bucket that still is has expired. So a silent member goes between `expire`
 * and two buckets (a 32nd of it) later, and the work for an entry is a few steps for each bucket
 * that it is active in. An event that comes so late that it would have expired already counts as
 * if it were in the oldest bucket that has not.
 *
 * All depends on rows and their order alone. The owner calls member_expiry_enter when a row moves
 * the watermark over `next_ms`, before that row is folded.
 *
 * Thread: the partition's.
 */
#ifndef TALLYWHEEL_ENGINE_MEMBER_EXPIRY_H
#define TALLYWHEEL_ENGINE_MEMBER_EXPIRY_H

#include <stdint.h>

#include "engine/id_map.h"

#define EXPIRY_BUCKETS 64

struct expiry_list {
    uint32_t *ids;
    uint32_t count;
    uint32_t capacity;
};

struct member_expiry {
    int64_t width_ms;
    int64_t bucket;                               /* of the watermark */
    bool begun;                                   /* there is a watermark */
    struct id_map latest;                         /* the low half of each entry's latest bucket */
    struct expiry_list lists[EXPIRY_BUCKETS + 2]; /* by bucket, around */
};

void member_expiry_init(struct member_expiry *expiry, int64_t expire_ms);
void member_expiry_done(struct member_expiry *expiry);

/* The watermark at which the next bucket begins. */
int64_t member_expiry_next(const struct member_expiry *expiry);

/* An entry has had an event. The watermark is in its bucket already. */
void member_expiry_touch(struct member_expiry *expiry, uint32_t entry, int64_t event_ms);

/* The entry is gone. */
void member_expiry_forget(struct member_expiry *expiry, uint32_t entry);

/*
 * The watermark moves; gives entries that have expired, in the order in which they came into their
 * buckets, at most `max` of them: again until it returns 0. Each is forgotten when it is given.
 */
uint32_t member_expiry_enter(struct member_expiry *expiry, int64_t watermark_ms,
                             uint32_t *out_entries, uint32_t max);

uint64_t member_expiry_bytes(const struct member_expiry *expiry);

#endif
