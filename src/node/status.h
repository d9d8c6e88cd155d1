// SPDX-License-Identifier: Apache-2.0
/*
 * status.h - the server's own health: /v1/status, /metrics, and the topic "status".
 *
 * What partitions hold is collected by a read like any other; rates come from sampler.h.
 *
 * Thread: any worker's, each with reads of its own.
 */
#ifndef TALLYWHEEL_NODE_STATUS_H
#define TALLYWHEEL_NODE_STATUS_H

#include "base/bytes.h"

struct node;
struct read;

/* A read of the node's status. */
struct read *status_read_new(struct node *node);

/* The same as Prometheus text, after READ_DONE. */
void status_print_prometheus(struct read *read, struct bytes *out);

#endif
