// SPDX-License-Identifier: Apache-2.0
/*
 * keyspace_private.h - what a keyspace is made of. Private to src/keyspace/.
 *
 * A key is an entry of a table (rank/board_entries.h) whose member is the key's name: hashed,
 * prefetched, walked and reused in the way that is written there. Its record holds a struct key.
 * The members of a key are a segment of the one board.
 *
 * Invariant between commands: a key has members, and member_count is how many. Only a run of ZADD
 * and ZREM (run.c) leaves a key empty for a while, and removes it at its end.
 */
#ifndef TALLYWHEEL_KEYSPACE_KEYSPACE_PRIVATE_H
#define TALLYWHEEL_KEYSPACE_KEYSPACE_PRIVATE_H

#include <assert.h>
#include <stddef.h>

#include "keyspace/algebra.h"
#include "keyspace/keyspace.h"
#include "model/command.h"
#include "model/reply.h"
#include "board/board.h"
#include "rank/board_entries.h"

#define KEY_NONE ENTRY_NONE
#define DEADLINE_NONE UINT32_MAX
#define APPLY_OPS 1024u    /* that go to the board together */
#define PAGE_ENTRIES 1024u /* that are read of the board together; board_scan wants no less */

#define KEY_GREW 1u   /* beyond what ENCODING calls a listpack */
#define KEY_GAINED 2u /* is in keyspace.gained */

#define REMOVED_BUCKETS 4096u
#define REMOVED_MARK ((uint64_t)1 << 62) /* no key has a version like this */

/*
 * Laid over a record of the table. Where entries of boards have their score, a key has its segment
 * and its size; where they have the time at which they reached it, a key has its version.
 */
struct key {
    uint32_t segment;
    uint32_t member_count;
    uint8_t version[ENTRY_EXTRA_AT - ENTRY_REACHED_AT]; /* see key_version */
    uint32_t deadline; /* place in keyspace.deadlines, or DEADLINE_NONE */
    uint8_t flags;
} __attribute__((packed));

static_assert(offsetof(struct key, version) == ENTRY_REACHED_AT, "beside the table's flags");
static_assert(offsetof(struct key, deadline) == ENTRY_EXTRA_AT, "the extra bytes of a record");

/* Versions count up to this, then from 1 again: to tell a change it is enough. */
#define KEY_VERSION_MAX ((uint64_t)ENTRY_REACHED_MAX)

#define KEY_EXTRA_BYTES (sizeof(struct key) - ENTRY_EXTRA_AT)

struct deadline {
    int64_t at_ms;
    uint32_t key;
};

struct key_list {
    uint32_t *ids;
    uint32_t count;
    uint32_t capacity;
};

struct keyspace {
    struct keyspace_limits limits;
    struct board_entries keys;
    struct board *board;
    uint64_t version;           /* the last one that a key took */
    uint64_t *removed;          /* see key_table_version; REMOVED_BUCKETS */
    struct deadline *deadlines; /* a heap: the first to pass is the first */
    uint32_t deadline_count;
    uint32_t deadline_capacity;
    uint64_t expired;
    int64_t now_ms; /* of the list that is being executed */
    bool writing;   /* that list has writes: keys past their deadline have been removed */
    uint32_t listpack_members_max;
    uint32_t listpack_bytes_max;
    uint64_t random;
    struct key_list gained;
    struct bytes flushed; /* names of those that had gained before a FLUSH: u32 size, bytes */
    struct key_list dead; /* removed by the last list; their records stay readable until the next */
    size_t reply_bytes_max;   /* of one command; of all of a list before no more is read */
    struct bytes members;     /* copies of member bytes, of one command */
    struct bytes unread;      /* replies that nobody asked for */
    struct run *run;          /* see run.c */
    struct lookup *lookup;    /* see lookup.c */
    struct board_entry *page; /* PAGE_ENTRIES */
    uint32_t *ids;            /* PAGE_ENTRIES */
};

/* A command on its way. */
struct operation {
    struct keyspace *keyspace;
    const struct command_list *list;
    const struct command *command;
    struct bytes *out;
};

static inline struct span call_arg(const struct operation *call, uint32_t index)
{
    return command_arg(call->list, call->command, index);
}

static inline int64_t call_int(const struct operation *call, uint32_t index)
{
    return command_arg_int(call->list, call->command, index);
}

static inline double call_score(const struct operation *call, uint32_t index)
{
    return command_arg_score(call->list, call->command, index);
}

static inline bool call_has(const struct operation *call, uint32_t flags)
{
    return (call->command->flags & flags) != 0;
}

/* ---- key_table.c: keys by name ---- */

static inline struct key *key_at(const struct keyspace *keyspace, uint32_t id)
{
    return (struct key *)entry_at(&keyspace->keys, id);
}

static inline struct span key_name(const struct keyspace *keyspace, uint32_t id)
{
    return entry_member(&keyspace->keys, id);
}

/* Of the last change. */
static inline uint64_t key_version(const struct keyspace *keyspace, uint32_t id)
{
    return (uint64_t)entry_reached_ms(&keyspace->keys, id);
}

static inline bool key_is_removed(const struct keyspace *keyspace, uint32_t id)
{
    return (entry_flags(&keyspace->keys, id) & ENTRY_DEAD) != 0;
}

int key_table_init(struct keyspace *keyspace);
void key_table_done(struct keyspace *keyspace);

/* KEY_NONE if it is not there, or past its deadline. */
uint32_t key_table_find(const struct keyspace *keyspace, struct span name);
uint32_t key_table_find_hashed(const struct keyspace *keyspace, struct span name, uint64_t hash);

/*
 * The hashes of the keys that are the first arguments of `count` commands, and asks for the memory
 * that finding them will read.
 */
void key_table_look_ahead(const struct keyspace *keyspace, const struct command_list *list,
                          uint32_t first, uint32_t count, uint64_t *out_hashes);

/* The key of the call's argument. */
uint32_t key_table_of(const struct operation *call, uint32_t index);

/*
 * What WATCH compares: the version of the key; of one that is not there, that of the last removal
 * among all names that share its bucket. So a key that came and went in between has changed. A key
 * past its deadline has the version that it will have when it is removed.
 */
uint64_t key_table_version(const struct keyspace *keyspace, struct span name);

/* Notes that all keys are removed, before they are. */
void key_table_flushed(struct keyspace *keyspace);

/* Past its deadline, but not removed yet: only where nothing is written. */
bool key_table_is_past(const struct keyspace *keyspace, uint32_t id);

/*
 * A key that is not there yet, without members and with a segment. KEY_NONE if it cannot be made:
 * key_table_refuse says why.
 */
uint32_t key_table_make(struct keyspace *keyspace, struct span name, uint64_t hash);
void key_table_refuse(const struct keyspace *keyspace, struct span name, struct bytes *out);

/* Removes a key with its members. */
void key_table_remove(struct keyspace *keyspace, uint32_t id);

/* The two halves of that: its version is noted; it goes. */
void key_table_ended(struct keyspace *keyspace, uint32_t id);
void key_table_drop(struct keyspace *keyspace, uint32_t id);

/* Gives what a key holds to a name that is not there. False if that cannot be made. */
bool key_table_rename(struct keyspace *keyspace, uint32_t id, struct span name, uint32_t *out_id);

/* A change of the key: it takes the next version. */
void key_table_changed(struct keyspace *keyspace, uint32_t id);
void key_table_gained(struct keyspace *keyspace, uint32_t id);

/* A member was added: what ENCODING remembers of it. */
static inline void key_table_grew(const struct keyspace *keyspace, struct key *key,
                                  size_t member_bytes)
{
    if (key->member_count > keyspace->listpack_members_max ||
        member_bytes > keyspace->listpack_bytes_max)
        key->flags |= KEY_GREW;
}

/* Frees the records of keys removed by the last list, and forgets who gained. */
void key_table_begin_list(struct keyspace *keyspace);

/* Leaves in keyspace.gained those that are there, each once, in the order of their first gain. */
void key_table_end_list(struct keyspace *keyspace);

void key_list_add(struct key_list *list, uint32_t id);

/* ---- expire.c: deadlines ---- */

int64_t expire_at(const struct keyspace *keyspace, const struct key *key); /* it has one */
void expire_set(struct keyspace *keyspace, uint32_t id, int64_t at_ms);
void expire_clear(struct keyspace *keyspace, uint32_t id); /* if it has one */

/* The key's deadline becomes that of another key's record. */
void expire_moved(struct keyspace *keyspace, uint32_t id);

/* Removes the keys whose deadline has passed, in order of (deadline, name). */
void expire_passed(struct keyspace *keyspace);
uint32_t expire_passed_count(const struct keyspace *keyspace);

/* ---- run.c: many ZADD and ZREM together ---- */

struct run *run_new(void);
void run_free(struct run *run);
uint64_t run_bytes(void);

/*
 * Executes the ZADDs and ZREMs that begin at `first`, at most up to `end`. Replies are appended to
 * `out`, and their ends noted in `out_ends` unless it is NULL. Returns the first one left.
 */
uint32_t run_execute(struct keyspace *keyspace, const struct command_list *list, uint32_t first,
                     uint32_t end, struct bytes *out, size_t *out_ends);

/* Why board_apply did not take an op, as an error reply. */
void run_refuse(struct bytes *out, const struct board_op_result *result);

/* False, with an error reply, for a member that is too long. */
bool run_check_member(struct span member, struct bytes *out);

/* A score as keys hold it: -0 is 0, which is also what Redis makes of it in small keys. */
static inline double run_score(double score)
{
    return score == 0 ? 0 : score;
}

/* The conditions of ZADD's flags, for struct board_op. */
uint8_t run_conditions(uint32_t flags);

/* ---- lookup.c: many ZSCORE and ZRANK together ---- */

struct lookup *lookup_new(void);
void lookup_free(struct lookup *lookup);
uint64_t lookup_bytes(void);

/* As run_execute. */
uint32_t lookup_execute(struct keyspace *keyspace, const struct command_list *list, uint32_t first,
                        struct bytes *out, size_t *out_ends);

/* ---- elements.c: members and scores of keys, in arrays ---- */

/* From local rank `from`, inclusive, to `to`, exclusive; ascending whatever the order asked for. */
struct rank_range {
    uint32_t from;
    uint32_t to;
};

/* All zero is empty. `members` of the items point into the board until elements_own. */
struct elements {
    struct algebra_element *items;
    uint32_t count;
    uint32_t capacity;
};

void elements_done(struct elements *elements);
void elements_add(struct elements *elements, struct span member, double score);

/* Appends those of a range of a key; settles the board. */
void elements_collect(struct keyspace *keyspace, uint32_t segment, struct rank_range range,
                      struct elements *elements);

/* Copies the members' bytes to keyspace.members, so that they outlive a change of the board. */
void elements_own(struct keyspace *keyspace, struct elements *elements);

/*
 * Replaces a key by these; it is removed if there are none. Replies how many the key has then, or
 * an error, with the key as it was. Returns the key, or KEY_NONE.
 */
uint32_t elements_store(struct keyspace *keyspace, struct span name,
                        const struct elements *elements, struct bytes *out);

/* Takes members out of a key; it is removed if none are left. */
void elements_remove(struct keyspace *keyspace, uint32_t id, const struct elements *elements);

/*
 * Writes a range as a reply: an array, or pairs with scores; in descending order if `reversed`.
 * False if that is too large, and the reply an error.
 */
bool elements_reply(struct keyspace *keyspace, uint32_t segment, struct rank_range range,
                    bool reversed, bool with_scores, struct bytes *out);

/* ---- glob.c ---- */

bool glob_match(struct span pattern, struct span text);

/* The pattern matches nothing but itself. */
bool glob_is_literal(struct span pattern);

/* ---- the operations, by their names in model/command.h ---- */

void ops_update_tw_update(const struct operation *call);
void ops_update_tw_around(const struct operation *call);
void ops_update_tw_among(const struct operation *call);
void ops_range_zcount(const struct operation *call);
void ops_range_zrange(const struct operation *call);
void ops_range_zremrange(const struct operation *call);
void ops_range_zrangestore(const struct operation *call);
void ops_pop_zpop(const struct operation *call);
void ops_pop_zrandmember(const struct operation *call);
void ops_algebra_zalgebra(const struct operation *call);
void ops_algebra_zalgebrastore(const struct operation *call);
void ops_algebra_zstore(const struct operation *call);
void ops_algebra_zdump(const struct operation *call);
void ops_key_del(const struct operation *call);
void ops_key_exists(const struct operation *call);
void ops_key_zcard(const struct operation *call);
void ops_key_type(const struct operation *call);
void ops_key_expireat(const struct operation *call);
void ops_key_persist(const struct operation *call);
void ops_key_expiry(const struct operation *call);
void ops_key_rename(const struct operation *call);
void ops_key_copy(const struct operation *call);
void ops_key_flush(const struct operation *call);
void ops_key_version(const struct operation *call);
void ops_key_encoding(const struct operation *call);
void ops_scan_keys(const struct operation *call);
void ops_scan_scan(const struct operation *call);
void ops_scan_zscan(const struct operation *call);
void ops_scan_dbsize(const struct operation *call);
void ops_scan_randomkey(const struct operation *call);

/* Gives back what a large command has grown. */
void keyspace_trim(struct keyspace *keyspace);

/*
 * Whether a reply that begins at `begin` has become larger than may be: it is an error reply then,
 * and nothing may be added.
 */
bool keyspace_reply_overflows(const struct keyspace *keyspace, struct bytes *out, size_t begin);
void keyspace_reply_refuse(const struct keyspace *keyspace, struct bytes *out);

/* A number below `limit` (not 0), evenly; only for what reads. */
uint32_t keyspace_random(struct keyspace *keyspace, uint32_t limit);

#endif
