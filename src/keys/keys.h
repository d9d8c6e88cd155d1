// SPDX-License-Identifier: Apache-2.0
/*
 * keys.h - commands on plain keys, from the worker that reads them to their partition and back.
 *
 * Each worker has one open list of commands (model/command.h) for each partition, which all its
 * connections share. A list is sent when it has KEYS_LIST_BYTES, and else at the end of the turn of
 * the loop. The host executes a list without writes at once if nothing of this worker is
 * on its way there; any other list is journaled, committed, then executed as a whole. So commands
 * of one connection on one partition are executed in the order in which they were added, each
 * sees what the ones before have done, and nothing comes between the commands of one
 * keys_begin ... keys_end.
 *
 * Thread: the worker; done callbacks run on it, in the order of keys_end for one partition.
 */
#ifndef TALLYWHEEL_KEYS_KEYS_H
#define TALLYWHEEL_KEYS_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct command_list;
struct err;
struct host;
struct keys;
struct key_call;
struct key_wait;
struct node;
struct worker;

/*
 * `replies` holds the tokens (model/reply.h) of the `count` commands of this call, one after the
 * other; valid during the call. rc < 0: nothing was executed, and `err` says why (then `replies`
 * is empty). May begin new calls.
 */
typedef void key_done_fn(struct key_call *call, struct span replies, int rc, const struct err *err);

/* Embedded in what waits for the answer; must live until done. */
struct key_call {
    key_done_fn *done;
    void *context;
};

#define KEYS_LIST_BYTES (256u << 10)

/*
 * What a worker needs to send commands: made on the worker's thread before its first command. Ends
 * when the worker has nothing under way any more.
 */
void keys_open(struct worker *worker);
void keys_flush(struct worker *worker); /* sends what is open now */
void keys_close(struct worker *worker); /* on the worker's thread, when it closes its handles */

/* The partition of a key: by its hash tag, the part in the first {...} that is not empty. */
uint32_t keys_partition(const struct node *node, struct span key);

/* The list to add commands to; nothing else may be begun before keys_end. */
struct command_list *keys_begin(struct worker *worker, uint32_t partition);

/* Ends what keys_begin began; one command or more must have been added. */
void keys_end(struct worker *worker, uint32_t partition, struct key_call *call);

/*
 * ---- waiting for keys (BZPOPMIN, BZPOPMAX, BZMPOP) ----
 *
 * Whoever waits is in a queue for each of its keys, at the hosts of their partitions. When a key
 * gains members, its host pops for the one that has waited longest, in a list of its own, so the
 * pop is journaled like any other. The first key that gives something ends the wait on all.
 */
typedef void key_served_fn(struct key_wait *wait, struct span key, struct span reply, int rc,
                           const struct err *err);

/*
 * Begins to wait. `flags` and `count` are those of the ZPOP that will be made (COMMAND_MAX,
 * COMMAND_COUNTED, COMMAND_MPOP). First each key is popped as it is, in order, by the caller; this
 * is for when all were empty, and tries once more itself so that nothing is missed in between.
 * `served` is called at most once, on this worker, with the reply of the ZPOP; the wait is over and
 * must not be used any more.
 */
struct key_wait *waits_begin(struct worker *worker, const struct span *keys, uint32_t key_count,
                             uint32_t flags, int64_t count, key_served_fn *served, void *context);

/* What waits_begin was given. */
void *waits_context(const struct key_wait *wait);

/*
 * Ends a wait that has not been served (time is up, the client is gone); it must not be used any
 * more. False if it is being served at this moment: then `served` will still be called, with a null
 * reply if there was nothing left.
 */
bool waits_cancel(struct key_wait *wait);

/*
 * Where a host keeps those who wait for its keys. The main thread, before workers run and after
 * they have ended.
 */
void waits_host_open(struct host *host);
void waits_host_close(struct host *host);

/* Those who wait, on all workers: INFO's blocked_clients. Any thread. */
uint32_t waits_count(const struct node *node);

#endif
