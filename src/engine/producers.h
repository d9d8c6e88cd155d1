// SPDX-License-Identifier: Apache-2.0
/*
 * producers.h - which requests of a producer have been folded, and how far.
 *
 * A producer numbers its requests. The rows of one that come to a partition are known by their
 * lines, which ascend, and they are folded in that order; so one number a request says all: the
 * line up to which it has been folded. When the request is sent again, rows up to that line are
 * duplicates and the others are new, however it was cut into batches before and is cut now.
 *
 * That only holds without gaps. A part of a request says which line went before it, and is not
 * taken unless that has been folded: it may have met a full disk when there was room again for
 * the part behind it.
 *
 * Memory is bounded. Of a producer the requests with the highest numbers are remembered; one with a
 * lower number than any that was forgotten is refused as stale, never taken for new. Of the
 * producers those heard of last are remembered; one that comes back later begins anew.
 *
 * Names are kept as 128-bit hashes, like ids (dedupe.h). State depends on nothing but the calls in
 * their order.
 *
 * Thread: the partition's.
 */
#ifndef TALLYWHEEL_ENGINE_PRODUCERS_H
#define TALLYWHEEL_ENGINE_PRODUCERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct producers_limits {
    uint32_t producers_max; /* 1 at least; 0 is taken as 1, as it is for the next */
    uint32_t sequences_max; /* requests of each */
};

struct producer_request {
    uint64_t sequence;
    uint32_t line; /* folded up to here */
};

struct producer {
    uint64_t name[2];
    bool has_forgotten;
    uint64_t forgotten;                /* the highest sequence that was */
    struct producer_request *requests; /* by sequence, ascending */
    uint32_t request_count;
    uint32_t request_capacity;
    uint32_t older; /* in order of last use; UINT32_MAX: none */
    uint32_t newer;
};

struct producers {
    struct producers_limits limits;
    struct producer *items;
    uint32_t count;
    uint32_t capacity;
    uint32_t *slots; /* open addressing: index + 1, 0 is free */
    uint32_t slot_count;
    uint32_t oldest;
    uint32_t newest;
};

enum producers_answer {
    PRODUCERS_TAKEN, /* rows behind *out_line are new, and are noted as folded */
    PRODUCERS_GAP,   /* nothing is: what went before is missing */
    PRODUCERS_STALE, /* nothing is: nobody knows any more what was folded */
};

void producers_init(struct producers *producers, struct producers_limits limits);
void producers_done(struct producers *producers);

/* A part of a request: lines up to `last`, of which the one before the first is `previous`. */
enum producers_answer producers_take(struct producers *producers, struct span name,
                                     uint64_t sequence, uint32_t previous, uint32_t last,
                                     uint32_t *out_line);

uint64_t producers_hash(const struct producers *producers);
uint64_t producers_bytes(const struct producers *producers);

#endif
