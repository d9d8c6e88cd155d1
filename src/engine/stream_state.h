// SPDX-License-Identifier: Apache-2.0
/*
 * stream_state.h - what a partition remembers of a stream: watermark, ids, producers, counters.
 *
 * It decides which rows of a batch count. Row by row, in journal order: a row of a producer's
 * request that was folded before is a duplicate (engine/producers.h), and so is one with an id that
 * was accepted before; an event time more than `lateness` behind the watermark is late; any other
 * row is accepted and may move the watermark. As the decision is made for each row against the rows
 * before it, it does not depend on where batches begin and end.
 *
 * Thread: the partition's.
 */
#ifndef TALLYWHEEL_ENGINE_STREAM_STATE_H
#define TALLYWHEEL_ENGINE_STREAM_STATE_H

#include <stdint.h>

#include "engine/dedupe.h"
#include "engine/partition.h"
#include "engine/producers.h"
#include "model/definition.h"

struct batch;

struct stream_state {
    uint32_t id;
    struct stream_def def;
    struct partition_stream_stat stat;
    struct dedupe dedupe;
    struct producers producers;
};

struct stream_state *stream_state_new(uint32_t id, const struct stream_def *def, uint32_t ids_max,
                                      struct producers_limits producers);
void stream_state_free(struct stream_state *stream);

/* A newer version of the definition: more fields, other durations. */
void stream_state_redefine(struct stream_state *stream, const struct stream_def *def);

/*
 * Fills batch->outcomes, writes the indexes of the accepted rows to `out_rows` (room for
 * row_count), and returns how many there are.
 */
uint32_t stream_state_select(struct stream_state *stream, struct batch *batch, uint32_t *out_rows);

uint64_t stream_state_hash(const struct stream_state *stream);
uint64_t stream_state_bytes(const struct stream_state *stream);

#endif
