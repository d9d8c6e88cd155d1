// SPDX-License-Identifier: Apache-2.0
/*
 * task.h - a command that takes several steps: calls to several partitions, one after the other,
 * or messages to other workers.
 *
 * In a step a task sends commands to partitions (task_open, add commands, task_close, any number
 * of times) and then waits for all of them with task_wait; the next step finds the replies by
 * their number. When a call fails, or the replies of one step are too large together, the task ends
 * with that error. The last step puts the reply into `out` and calls task_finish.
 *
 * Thread: the worker's.
 */
#ifndef TALLYWHEEL_COMMAND_TASK_H
#define TALLYWHEEL_COMMAND_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "model/command.h"

struct command_worker;
struct session;
struct task;
struct task_part;

typedef void task_step_fn(struct task *task);

/* `tokens` is the reply, valid during the call. The task is gone after it. */
typedef void task_done_fn(void *context, struct span tokens);

struct task {
    struct command_worker *owner;
    struct session *session; /* lives until the task is done; its connection may be gone */
    task_done_fn *done;
    void *context;
    task_step_fn *step; /* when all calls have come back; NULL while calls are being made */
    struct task_part **parts;
    uint32_t part_count;
    uint32_t part_capacity;
    uint32_t waiting;
    size_t reply_bytes;       /* of the calls since the last task_forget */
    struct err err;           /* of the first call that failed */
    struct command_list list; /* the command that it is about, where there is one */
    uint32_t at;              /* for the steps: how far they are */
    void *state;              /* of the steps, or NULL */
    void (*state_free)(void *state);
    struct bytes out;
};

struct task *task_new(struct session *session, task_done_fn *done, void *context);

/* The list of a partition, to add commands to; then task_close. Nothing else in between. */
struct command_list *task_open(struct task *task, uint32_t partition);
void task_close(struct task *task);

/* A part whose command (index 0 of `list`) concerns what a defined key names (named/named.h). */
void task_named(struct task *task, const struct command_list *list);

/* Goes on with `step` when everything has come back; at once if nothing is under way. */
void task_wait(struct task *task, task_step_fn *step);

/* The reply of call `index` since the last task_forget, in the order of task_open. */
struct span task_reply(const struct task *task, uint32_t index);
uint32_t task_replies(const struct task *task);
void task_forget(struct task *task);

/* The task's only command, and its arguments. */
const struct command *task_command(const struct task *task);
struct span task_arg(const struct task *task, uint32_t index);

/* `out` is the reply. */
void task_finish(struct task *task);

/* The reply is an error: "ERR " and the text of `err`. */
void task_fail(struct task *task, const struct err *err);

/* ---- gather.c: what the commands of model/command.h do over several partitions ---- */

void gather_begin(struct task *task);

#endif
