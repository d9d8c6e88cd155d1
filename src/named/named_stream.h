// SPDX-License-Identifier: Apache-2.0
/*
 * named_stream.h - XADD, XLEN, XRANGE, XREVRANGE and XREAD on defined streams.
 *
 * A defined stream is in the journals of all partitions. An event's id is <ms>-<n>: when its batch
 * was appended, and its offset times the number of partitions plus its partition. So an id is
 * unique, grows within a partition, and says where the event is; over partitions, ids are in the
 * order of arrival to the millisecond. What is read is the journal: also events that were
 * duplicates or late are there.
 *
 * XREAD gives an event only when no other with a smaller id can come any more, which takes as long
 * as the slowest commit under way; so who goes on with the last id misses nothing.
 *
 * Thread: the worker's; journals are read in disk threads.
 */
#ifndef TALLYWHEEL_NAMED_NAMED_STREAM_H
#define TALLYWHEEL_NAMED_NAMED_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "named/named.h"

struct stream_wait;
struct worker;

/* All take the words of a command, its name first, and copy what they need. */
void stream_add(struct worker *worker, const struct span *words, uint32_t count,
                named_done_fn *done, void *context);
void stream_length(struct worker *worker, struct span key, named_done_fn *done, void *context);
void stream_range(struct worker *worker, const struct span *words, uint32_t count, bool reversed,
                  named_done_fn *done, void *context);

/*
 * XREAD. *out_wait is set until `done` has been called (maybe from inside): to end it before its
 * time. Without `may_wait` it does not block, whatever its words say.
 */
void stream_read(struct worker *worker, const struct span *words, uint32_t count, bool may_wait,
                 struct stream_wait **out_wait, named_done_fn *done, void *context);

/* The reads of the worker that wait. */
uint32_t stream_waiting(const struct worker *worker);

/* As if its time were up, or with the error of CLIENT UNBLOCK. */
void stream_read_end(struct stream_wait *wait, bool with_error);

#endif
