// SPDX-License-Identifier: Apache-2.0
/*
 * task.c - the calls of a task and the steps between them; see task.h.
 *
 * A call may come back while others are still being made (a read of a partition of this worker can
 * be answered at once), so a step is only run when one has been set and nothing is under way.
 *
 * Thread: the worker's.
 */
#include "command/task.h"

#include <assert.h>
#include <stdlib.h>

#include "command/command_private.h"
#include "command/session.h"
#include "model/reply.h"
#include "keys/keys.h"
#include "named/named.h"

#define REPLY_BYTES_MAX ((size_t)3 << 30)

struct task_part {
    struct key_call call;
    struct task *task;
    uint32_t partition;
    struct bytes replies;
};

struct task *task_new(struct session *session, task_done_fn *done, void *context)
{
    struct task *task = bytes_alloc_zero(1, sizeof(*task));

    task->owner = session->owner;
    task->session = session;
    task->done = done;
    task->context = context;
    return task;
}

static void free_task(struct task *task)
{
    task_forget(task);
    free(task->parts);
    if (task->state_free != NULL)
        task->state_free(task->state);
    command_list_done(&task->list);
    bytes_done(&task->out);
    free(task);
}

void task_finish(struct task *task)
{
    assert(task->waiting == 0);
    task->done(task->context, bytes_span(&task->out));
    free_task(task);
}

void task_fail(struct task *task, const struct err *err)
{
    bytes_clear(&task->out);
    reply_error(&task->out, "ERR %s", err->text);
    task_finish(task);
}

static void run_step(struct task *task)
{
    task_step_fn *step = task->step;

    task->step = NULL;
    if (task->err.code != 0)
        task_fail(task, &task->err);
    else
        step(task);
}

static void on_part_done(struct key_call *call, struct span replies, int rc, const struct err *err)
{
    struct task_part *part = call->context;
    struct task *task = part->task;

    if (rc < 0 && task->err.code == 0) {
        task->err = *err;
        task->err.code = rc;
    }
    task->reply_bytes += replies.size;
    if (task->reply_bytes > REPLY_BYTES_MAX && task->err.code == 0)
        err_set(&task->err, ERR_LIMIT, "the replies of the partitions are larger than %zu bytes",
                REPLY_BYTES_MAX);
    if (task->err.code == 0)
        bytes_put(&part->replies, replies.data, replies.size);
    task->waiting--;
    if (task->waiting == 0 && task->step != NULL)
        run_step(task);
}

static void on_named_done(void *context, struct span tokens)
{
    on_part_done(&((struct task_part *)context)->call, tokens, 0, NULL);
}

static struct task_part *add_part(struct task *task)
{
    struct task_part *part = bytes_alloc_zero(1, sizeof(*part));

    assert(task->step == NULL);
    part->call.done = on_part_done;
    part->call.context = part;
    part->task = task;
    if (task->part_count == task->part_capacity) {
        task->part_capacity = task->part_capacity == 0 ? 4 : task->part_capacity * 2;
        task->parts = bytes_realloc(task->parts, task->part_capacity * sizeof(task->parts[0]));
    }
    task->parts[task->part_count++] = part;
    return part;
}

void task_named(struct task *task, const struct command_list *list)
{
    struct task_part *part = add_part(task);

    task->waiting++;
    named_run(task->owner->worker, list, on_named_done, part);
}

struct command_list *task_open(struct task *task, uint32_t partition)
{
    add_part(task)->partition = partition;
    return keys_begin(task->owner->worker, partition);
}

void task_close(struct task *task)
{
    struct task_part *part = task->parts[task->part_count - 1];

    task->waiting++;
    keys_end(task->owner->worker, part->partition, &part->call);
}

void task_wait(struct task *task, task_step_fn *step)
{
    task->step = step;
    if (task->waiting == 0)
        run_step(task);
}

struct span task_reply(const struct task *task, uint32_t index)
{
    assert(index < task->part_count);
    return bytes_span(&task->parts[index]->replies);
}

uint32_t task_replies(const struct task *task)
{
    return task->part_count;
}

void task_forget(struct task *task)
{
    assert(task->waiting == 0);
    for (uint32_t i = 0; i < task->part_count; i++) {
        bytes_done(&task->parts[i]->replies);
        free(task->parts[i]);
    }
    task->part_count = 0;
    task->reply_bytes = 0;
}

const struct command *task_command(const struct task *task)
{
    return &task->list.commands[0];
}

struct span task_arg(const struct task *task, uint32_t index)
{
    return command_arg(&task->list, task_command(task), index);
}
