// SPDX-License-Identifier: Apache-2.0
/*
 * host.h - hosts one partition: its journal, its state, and the commit cycle between them.
 *
 *     submissions -> append to the open group -> seal -> commit (a disk thread) -> fold -> return
 *
 * While one group is being committed, submissions queue up and make the next: group commit without
 * a timer. The next commit is started before the last one is folded, so the disk and the fold work
 * at the same time. Only what is committed is folded, and only what is folded is acknowledged.
 *
 * When a commit fails the partition stops taking writes and says why to each; reads go on. If the
 * disk was full it tries by itself, ever less often, whether there is room again, and then goes on.
 * Any other failure is for good. A definition that finds the disk full waits: the other partitions
 * have it, and no later one may come before it.
 *
 * Thread: the worker that hosts the partition; replay runs in a disk thread before that.
 */
#ifndef TALLYWHEEL_NODE_HOST_H
#define TALLYWHEEL_NODE_HOST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"
#include "base/err.h"
#include "model/command.h"

struct journal;
struct key_waits;
struct node;
struct partition;
struct submission;
struct worker;

struct host {
    struct node *node;
    struct worker *worker;
    uint32_t number;
    struct journal *journal;
    struct partition *partition;
    struct submission *queue_first; /* waiting to be appended */
    struct submission *queue_last;
    struct submission *group_first; /* appended, being committed */
    struct submission *group_last;
    bool committing;
    bool folding;          /* what comes meanwhile waits in the queue */
    bool commits_in_place; /* commits do not wait for a disk: no thread is asked */
    uint32_t group_records;
    int64_t stamp_ms;  /* the wall time of the newest record: the next has no earlier one */
    int64_t group_ms;  /* the wall time of the first record of the group */
    _Atomic bool busy; /* a commit is under way; a hint for whoever batches */
    bool ready;        /* replayed */
    int failed;        /* the code of the failure that stopped writes; ERR_FULL may end */
    struct err failure;
    struct submission *held_first; /* definitions that wait for room on the disk */
    struct submission *held_last;
    uv_timer_t retry; /* when to look for room again */
    bool retry_open;
    bool settling; /* the worker ends: nothing waits any more */
    uint64_t retry_ms;
    uint64_t full_ns;             /* since when the disk has been full */
    struct bytes encoded;         /* scratch of append */
    struct command_list replayed; /* scratch of replay */
    struct bytes *definitions;    /* the definition records of the journal, in order */
    uint32_t definition_count;
    uv_work_t work;
    int work_rc;
    struct err work_err;
    _Atomic uint64_t replayed_bytes;
    _Atomic uint64_t replayed_rows;
    uint64_t replay_ns;
    _Atomic uint64_t folded;             /* groups folded: whether anything changed */
    struct key_waits *waits;             /* who waits for keys of this partition: keys/ */
    void (*executed)(struct host *host); /* after each list of commands; keys/ */
};

/* The main thread, before workers run. Opens the journal; replays nothing yet. */
int host_open(struct host *host, struct node *node, struct worker *worker, uint32_t number,
              struct err *err);

/*
 * Folds the whole journal in a disk thread, then calls node_host_ready on the host's worker. If the
 * node is stopped meanwhile it ends early, and the host never gets ready.
 */
void host_replay(struct host *host);

/* The host's worker: takes a submission over. */
void host_submit(struct host *host, struct submission *submission);

/* The host's worker: what waits for room is refused, now and later. */
void host_settle(struct host *host);

/* The host's worker, or when there is none any more: closes the handles in its loop. */
void host_leave(struct host *host);

/*
 * The host's worker: every record whose wall time is before this is committed, and none that comes
 * later will have such a time.
 */
int64_t host_settled_ms(struct host *host);

/* After all threads have ended. */
void host_close(struct host *host);

#endif
