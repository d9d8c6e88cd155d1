// SPDX-License-Identifier: Apache-2.0
/*
 * label_set.h - distinct byte strings with dense ids, for the time of one read.
 *
 * Much like base/intern.h, but small when it holds little: a read has one for each partition.
 *
 * Thread: one owner at a time.
 */
#ifndef TALLYWHEEL_QUERY_LABEL_SET_H
#define TALLYWHEEL_QUERY_LABEL_SET_H

#include <stdint.h>

#include "base/bytes.h"

/* All zero is an empty set. */
struct label_set {
    uint32_t count; /* ids are 0..count-1 */
    uint32_t capacity;
    uint64_t *starts; /* count + 1 */
    uint32_t *slots;  /* id + 1; 0 is free */
    uint32_t slot_count;
    struct bytes text;
};

void label_set_clear(struct label_set *set);
void label_set_done(struct label_set *set);

/* The id of `text`, a new one if it is not there yet. */
uint32_t label_set_put(struct label_set *set, struct span text);

/* Valid until the next put. */
static inline struct span label_set_get(const struct label_set *set, uint32_t id)
{
    return (struct span){set->text.data + set->starts[id], set->starts[id + 1] - set->starts[id]};
}

/* A tuple of labels as one string, and back: each label's size, then its bytes. */
void label_set_encode(struct bytes *out, const struct span *labels, uint32_t count);
void label_set_decode(struct span tuple, struct span *out_labels, uint32_t count);

#endif
