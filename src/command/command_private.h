// SPDX-License-Identifier: Apache-2.0
/*
 * command_private.h - what the files of command/ share; never leaves this folder.
 *
 *     command_table.c       finding a command
 *     dispatch.c            a command that has come: checks, then on its way
 *     session.c             replies in their order
 *     task.c, gather.c      commands over several partitions
 *     transaction.c         MULTI, EXEC, WATCH
 *     blocking.c            commands that wait
 *     answer.c, client.c, config.c, info.c, channels.c, command_docs.c    the others
 *     errand.c              asking all workers
 *     command_server.c      start and stop
 */
#ifndef TALLYWHEEL_COMMAND_COMMAND_PRIVATE_H
#define TALLYWHEEL_COMMAND_COMMAND_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"
#include "command/command_server.h"
#include "command/session.h"
#include "model/command.h"

struct conf;
struct config;
struct node;
struct pubsub;
struct resp_server;
struct task;
struct worker;

/* What clients and tools take for the version of Redis that we answer like. */
#define COMMAND_REDIS_VERSION "7.2.0"
#define COMMAND_WORKERS_MAX 64

enum command_pause { COMMAND_PAUSE_NONE, COMMAND_PAUSE_WRITES, COMMAND_PAUSE_ALL };

/* A worker's part of the server. */
struct command_worker {
    struct command_server *server;
    struct worker *worker;
    struct node *node;
    uint32_t partition_count;
    struct resp_server *resp;
    struct pubsub_hub *hub;
    struct slot *free_slots;
    uint32_t free_slot_count;
    struct command_list scratch; /* one command, before it is known where it goes */
    struct bytes tokens;         /* the reply of a command that is answered at once */
    struct bytes shaped;         /* a reply after session_shape */
    struct session *held;        /* commands that CLIENT PAUSE holds back */
    uint8_t pause;               /* an enum command_pause */
    uv_timer_t pause_timer;
    uint64_t random; /* of RANDOMKEY */
    bool touched;    /* worker->now_ms is of this turn */
    void (*drained)(void *context, struct worker *worker);
    void *drained_context;
};

struct command_server {
    const struct conf *conf;
    _Atomic uint32_t port;
    struct command_worker *workers[COMMAND_WORKERS_MAX]; /* each read and set by its own thread */
    struct node *node;                                   /* attached to */
    struct pubsub *pubsub;
    struct config *config;
    int64_t start_ms;
    char run_id[41];
};

static inline struct command_worker *command_worker_of(const struct invocation *invocation)
{
    return invocation->session->owner;
}

/* ---- dispatch.c ---- */

void dispatch_command(struct session *session, const struct span *args, uint32_t count);

/* The partition of a key, or of the board with its name. */
uint32_t dispatch_partition(const struct command_worker *owner, struct span key);

/* Where the commands of an invocation on keys belong. */
enum dispatch_plan {
    DISPATCH_REFUSED, /* the error is in invocation->out */
    DISPATCH_ONE,     /* the command in `scratch` belongs to `partition` */
    DISPATCH_SEVERAL, /* it needs a task */
};

/* Parses into the worker's scratch list. */
enum dispatch_plan dispatch_plan_of(struct invocation *invocation, struct grammar *grammar,
                                    uint32_t *out_partition);

/* The command in `grammar->list` as a task, which takes it over. */
void dispatch_begin(struct task *task, const struct grammar *grammar);

/* Runs commands that CLIENT PAUSE has held back. */
void dispatch_held(struct command_worker *owner);

#endif
