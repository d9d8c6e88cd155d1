// SPDX-License-Identifier: Apache-2.0
/*
 * command_table.h - all commands of the RESP port: one sorted table, and everything made from it.
 *
 * A command is one line of the table in command_table.c, with its summary and the version of Redis
 * that brought it, in alphabetical order. From the table come the checks before a command runs,
 * what COMMAND tells, and docs/reference/resp.md. Commands inside others ("client|id") have lines
 * of their own.
 *
 * Thread: command_table_init once, before the workers; then read only.
 */
#ifndef TALLYWHEEL_COMMAND_COMMAND_TABLE_H
#define TALLYWHEEL_COMMAND_COMMAND_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "grammar/grammar.h"

struct invocation;
struct task;

/* What COMMAND INFO shows. X(name, number of the bit, text) */
#define SPEC_FLAGS(X)                                                                              \
    X(WRITE, 0, "write")                                                                           \
    X(READONLY, 1, "readonly")                                                                     \
    X(DENYOOM, 2, "denyoom")                                                                       \
    X(ADMIN, 3, "admin")                                                                           \
    X(PUBSUB, 4, "pubsub")                                                                         \
    X(NOSCRIPT, 5, "noscript")                                                                     \
    X(BLOCKING, 6, "blocking")                                                                     \
    X(LOADING, 7, "loading")                                                                       \
    X(STALE, 8, "stale")                                                                           \
    X(FAST, 9, "fast")                                                                             \
    X(NO_AUTH, 10, "no_auth")                                                                      \
    X(NO_MULTI, 11, "no_multi")                                                                    \
    X(MOVABLEKEYS, 12, "movablekeys")                                                              \
    X(ALLOW_BUSY, 13, "allow_busy")                                                                \
    X(CONTAINER, 14, "")  /* has commands inside; the line itself is never run */                  \
    X(SUBSCRIBED, 15, "") /* allowed to RESP2 clients that have subscribed */                      \
    X(NOT_QUEUED, 16, "") /* runs at once inside MULTI */                                          \
    X(PIPELINED, 17, "")  /* of SPEC_TASK: others may begin while it is under way */

enum spec_flag {
#define X(name, bit, text) SPEC_##name = 1u << (bit),
    SPEC_FLAGS(X)
#undef X
};

enum spec_role { SPEC_ROLE_NONE, SPEC_ROLE_READ, SPEC_ROLE_WRITE, SPEC_ROLE_ADMIN };

enum spec_group {
    SPEC_SORTED_SET,
    SPEC_GENERIC,
    SPEC_BOARD, /* what Redis has not: TW.* */
    SPEC_STREAM,
    SPEC_TRANSACTIONS,
    SPEC_PUBSUB_GROUP,
    SPEC_CONNECTION,
    SPEC_SERVER,
    SPEC_CLUSTER,
    SPEC_SCRIPTING,
};

/* How a command finds its answer. */
enum spec_route {
    SPEC_ANSWER, /* at once, from this worker: spec->answer */
    SPEC_KEY,    /* in the partition of its only key */
    SPEC_KEYS,   /* in the partition of its keys, or by a task if they are in several */
    SPEC_ALL,    /* in all partitions */
    SPEC_WAIT,   /* as SPEC_KEYS, and waits if there is nothing */
    SPEC_TASK,   /* in several steps, or with other workers: spec->begin */
};

/* Puts tokens into invocation->out, or nothing where a command has no reply. */
typedef void spec_answer_fn(struct invocation *invocation);

/* Begins; `task` owns copies of what it needs of `invocation` when this returns. */
typedef void spec_begin_fn(struct task *task, const struct invocation *invocation);

struct spec {
    const char *name; /* "zadd", "client|id" */
    uint8_t name_size;
    int8_t arity; /* the name included; negative: at least */
    uint8_t first_key;
    int8_t last_key; /* negative: counted from the end */
    uint8_t key_step;
    uint8_t numkeys; /* the word that says how many keys follow it, or 0 */
    uint8_t role;
    uint8_t group;
    uint8_t route;
    uint32_t flags;
    grammar_fn *grammar; /* of all routes with keys */
    spec_answer_fn *answer;
    spec_begin_fn *begin;
    const char *since;
    const char *summary;
};

/*
 * Fills the index. Any number of times from one thread, before the first lookup.
 */
void command_table_init(void);

/* By name in any case; NULL if there is none. Of a container the line of the container. */
const struct spec *command_table_find(struct span name);

/* A command inside `container`, by its own name. */
const struct spec *command_table_inside(const struct spec *container, struct span name);

/* All lines, sorted; `*out_count` of them. */
const struct spec *command_table_all(uint32_t *out_count);

/* The kind of value that a command of Redis works on which there is none of here: "strings". */
const char *command_table_foreign(struct span name);

const char *command_table_group_text(enum spec_group group);
const char *command_table_flag_text(uint32_t bit); /* "" if it is not shown */
const char *command_table_role_text(enum spec_role role);
#define SPEC_FLAG_COUNT 18

/* The table of docs/reference/resp.md, as Markdown. */
void command_docs_print(struct bytes *out);

/*
 * The keys among the words of a command, by its place in the table: calls `found` for each.
 * False if the words do not say which they are.
 */
bool command_table_keys(const struct spec *spec, const struct span *args, uint32_t count,
                        void (*found)(void *context, struct span key), void *context);

#endif
