// SPDX-License-Identifier: Apache-2.0
/*
 * ask.h - finds the read of a path, and puts it to all partitions, each in its own thread, round
 * by round.
 *
 * Thread: ask_read is called, and `done` runs, in the thread of `worker`.
 */
#ifndef TALLYWHEEL_NODE_ASK_H
#define TALLYWHEEL_NODE_ASK_H

#include <stdint.h>

#include "base/bytes.h"

struct err;
struct read;
struct read_param;
struct worker;

/*
 * A read by its path, against the worker's catalog: "status", which the node answers itself, and
 * all that query/read.h knows.
 */
int ask_parse(struct read **out_read, struct worker *worker, struct span path, struct err *err);

/* The same for a path in pieces, already decoded. */
int ask_parse_parts(struct read **out_read, struct worker *worker, const struct span *parts,
                    uint32_t part_count, const struct read_param *params, uint32_t param_count,
                    struct err *err);

/* `rc` is 0, or negative with `err`. The read is the caller's again, to print and to free. */
typedef void ask_done_fn(void *context, struct read *read, int rc, const struct err *err);

/* `done` never runs before ask_read has returned. */
void ask_read(struct worker *worker, struct read *read, ask_done_fn *done, void *context);

#endif
