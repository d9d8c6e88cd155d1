// SPDX-License-Identifier: Apache-2.0
/*
 * keyspace.h - the plain keys of one partition: boards that Redis clients make by using them.
 *
 * All keys of a partition share one board (board/board.h): a key is a segment of it, so entries,
 * trees and tables are shared, and a small key costs a small leaf. The keyspace holds the names,
 * the deadlines (EXPIRE) and the versions (WATCH) of keys, and executes commands on them with
 * Redis's semantics, replies and error texts.
 *
 * Deterministic: the same lists with the same times in the same order give the same
 * keyspace_hash. Time comes with the list. A key whose deadline has passed is removed at the
 * beginning of the next list of writes, and does not exist for reads before that. A key without
 * members does not exist. What is random (ZRANDMEMBER, RANDOMKEY) only reads.
 *
 * What the operations of model/command.h reply, where it is not plain from Redis. A row in [ ] is a
 * REPLY_ARRAY of these; "pairs" is REPLY_PAIRS of a member and a double; "none" is for a key that
 * is not there.
 *
 *     ZADD           int; INCR: double, or null if the conditions did not hold
 *     ZPOP           [member, double], none: []; COUNTED: pairs, none: empty pairs
 *                    MPOP: [key, [[member, double]...]], none: null array
 *     ZSTORE, ZRANGESTORE, ZALGEBRASTORE   int, how many members the key has now
 *     RENAME         status OK; NX: int 1 or 0; none: error
 *     IF_WATCHED     bool: whether the commands that follow are executed. Those that are not reply
 *                    nothing at all, and end where this one does.
 *     TW_UPDATE      map "old_score" (null: new), "score", "old_rank" (null: new), "rank",
 *                    "passed": how many it came to stand in front of. Ranks from 0, from the least
 *                    or with REV from the greatest. None, and XX: null
 *     ZSCORE         double or null; COUNTED: [double or null...]
 *     ZRANK          int, none: null; WITHSCORES: [int, double], none: null array
 *     ZRANGE, ZALGEBRA   [member...]; WITHSCORES: pairs. ZALGEBRA with CARD: int
 *     ZRANDMEMBER    member or null; COUNTED: [member...]; WITHSCORES: pairs
 *     ZSCAN, SCAN    [cursor as text, [member, score as text...]], [cursor, [key...]]. Cursors
 *                    are below 2^48. Whole pages are given: often more than `count`.
 *     ZDUMP          [int deadline in ms (0: none), pairs]; none: null
 *     TYPE           status "zset" or "none"
 *     ENCODING       bulk "listpack" or "skiplist", none: null
 *     TW_AROUND      [[int rank, member, double]...], best first; none: null array
 *     TW_AMONG       [[int rank among these, member, double, int rank of all]...], best first;
 *                    members that are not there are left out
 *
 * Thread: the partition's.
 */
#ifndef TALLYWHEEL_KEYSPACE_KEYSPACE_H
#define TALLYWHEEL_KEYSPACE_KEYSPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct command_list;
struct keyspace;

/* Keys and members. A longer name is never there; making it is an error reply. */
#define KEYSPACE_NAME_BYTES_MAX UINT16_MAX

struct keyspace_limits {
    uint32_t keys_max;    /* beyond: "ERR the limit of keys is reached (limits.keys)" */
    uint32_t members_max; /* of all keys together */
};

struct keyspace *keyspace_new(struct keyspace_limits limits);
void keyspace_free(struct keyspace *keyspace);

/*
 * Executes a list in order. `wall_ms` is when it was journaled, or now for a list without writes
 * (which changes nothing). `replies` is NULL (a replay: reads are not even executed) or gets the
 * tokens of each command (model/reply.h); `out_ends[i]` is then where those of command i end.
 * Runs of ZADD and ZREM go to the board together, so a long list is much cheaper than short ones.
 */
void keyspace_execute(struct keyspace *keyspace, const struct command_list *list, int64_t wall_ms,
                      struct bytes *replies, size_t *out_ends);

/*
 * The keys that gained members in the last keyspace_execute and are there, each once: for those who
 * wait (BZPOPMIN). In the order in which they first gained, also if they were deleted and made
 * again since. Valid until the next. `index` counts from 0; false behind the last.
 */
bool keyspace_gained(const struct keyspace *keyspace, uint32_t index, struct span *out_key);

struct keyspace_counts {
    uint32_t keys;
    uint32_t members;
    uint32_t expiring; /* keys with a deadline */
    uint64_t expired;  /* keys that have passed theirs */
};

struct keyspace_counts keyspace_counts(const struct keyspace *keyspace);

/*
 * What ENCODING tells as "listpack": keys that never had more members, nor a longer one (128 and
 * 64 bytes, as Redis). Only words: nothing else depends on it, and it is not part of the hash.
 */
void keyspace_set_listpack(struct keyspace *keyspace, uint32_t members_max, uint32_t bytes_max);

/* Does what was put off (board_settle), for a moment when nothing else waits. */
void keyspace_settle(struct keyspace *keyspace);

uint64_t keyspace_hash(const struct keyspace *keyspace);
uint64_t keyspace_bytes(const struct keyspace *keyspace);

#endif
