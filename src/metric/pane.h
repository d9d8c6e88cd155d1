// SPDX-License-Identifier: Apache-2.0
/*
 * pane.h - the panes of one metric and the records in them; see metric.h for the idea.
 *
 * A record is a 16-byte header and a state. A reference to one is 32 bits: the upper two say
 * which size of block it lies in, the rest is its index in that size's arena.
 *
 * Thread: the partition's.
 */
#ifndef TALLYWHEEL_METRIC_PANE_H
#define TALLYWHEEL_METRIC_PANE_H

#include <stdint.h>

#include "base/arena.h"

#define PANE_BLOCK_SIZES 4
#define PANE_RECORD_NONE UINT32_MAX

struct pane_record {
    uint32_t series;
    uint32_t older;       /* the same series' next older record, or PANE_RECORD_NONE */
    int64_t older_number; /* its pane; if that pane is dropped, so is the record */
    /* the state follows */
};

/* The newest record of a series. */
struct pane_head {
    int64_t number;
    uint32_t record_plus_one; /* 0: the series has none, so that zeroed memory is empty */
    uint32_t unused;
};

struct pane {
    int64_t number;
    uint32_t record_count;
    uint32_t block_count;
    uint32_t block_first; /* reference of the block's first record */
    uint32_t block_last;
    uint32_t block_used; /* records used in the last block */
};

struct pane_store {
    uint32_t state_bytes;
    struct arena records[PANE_BLOCK_SIZES];
    struct arena links[PANE_BLOCK_SIZES]; /* u32 a block: the next block of the pane */
    uint32_t free_blocks[PANE_BLOCK_SIZES];
    struct pane *panes; /* by number, ascending */
    uint32_t pane_count;
    uint32_t pane_capacity;
    int64_t number_min; /* panes below this have been dropped */
};

void pane_store_init(struct pane_store *store, uint32_t state_bytes);
void pane_store_done(struct pane_store *store);

/* The pane of that number, made if missing. Its address holds until the next pane is made. */
struct pane *pane_store_get(struct pane_store *store, int64_t number);

/* The index of the first pane whose number is at least `number`. */
uint32_t pane_store_lower(const struct pane_store *store, int64_t number);

/* A new zeroed record in `pane`. */
uint32_t pane_store_take(struct pane_store *store, struct pane *pane, uint32_t series);

/* Drops all panes below `number`. */
void pane_store_drop(struct pane_store *store, int64_t number);

/* How many records a block of `reference` holds. */
uint32_t pane_block_records(uint32_t reference);

/* The next block of a pane after that of `reference`, or PANE_RECORD_NONE. */
uint32_t pane_store_next_block(const struct pane_store *store, uint32_t reference);

uint64_t pane_store_bytes(const struct pane_store *store);

static inline struct pane_record *pane_record_at(const struct pane_store *store, uint32_t reference)
{
    return arena_at(&store->records[reference >> 30], reference & 0x3fffffffu);
}

static inline void *pane_record_state(struct pane_record *record)
{
    return record + 1;
}

#endif
