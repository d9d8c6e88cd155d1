// SPDX-License-Identifier: Apache-2.0
/*
 * blocking.c - BZPOPMIN, BZPOPMAX, BZMPOP: pops that wait. (XREAD waits in named/.)
 *
 * The keys are popped as they are first, in their order. If all are empty, the session waits at
 * the partitions of its keys (keys/keys.h) until one gives something, its time is up, somebody
 * ends it with CLIENT UNBLOCK, or it leaves. A wait that cannot be cancelled any more is being
 * served, and ends with that.
 *
 * Thread: the worker's.
 */
#include <stdlib.h>
#include <uv.h>

#include "command/answer.h"
#include "command/command_private.h"
#include "command/task.h"
#include "model/reply.h"
#include "base/err.h"
#include "keys/keys.h"
#include "named/named_stream.h"
#include "node/worker.h"

struct blocked {
    struct task *task; /* NULL: it is over, and the timer is being closed */
    struct key_wait *wait;
    uv_timer_t timer;
};

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* The task's `out` is the reply. */
static void end(struct blocked *blocked)
{
    struct task *task = blocked->task;

    blocked->task = NULL;
    task->session->blocked = NULL;
    uv_close((uv_handle_t *)&blocked->timer, on_timer_closed);
    task_finish(task);
}

static void on_served(struct key_wait *wait, struct span key, struct span reply, int rc,
                      const struct err *err)
{
    struct blocked *blocked = waits_context(wait);

    (void)key; /* the reply of ZMPOP names it */
    if (rc < 0)
        reply_error(&blocked->task->out, "ERR %s", err->text);
    else
        bytes_put(&blocked->task->out, reply.data, reply.size);
    end(blocked);
}

static void on_timer(uv_timer_t *timer)
{
    struct blocked *blocked = timer->data;

    if (blocked->task == NULL || !waits_cancel(blocked->wait))
        return;
    reply_null_array(&blocked->task->out);
    end(blocked);
}

bool blocking_end(struct session *session, bool with_error)
{
    struct blocked *blocked = session->blocked;

    if (session->reading != NULL) {
        stream_read_end(session->reading, with_error);
        return true;
    }
    if (blocked == NULL || !waits_cancel(blocked->wait))
        return false;
    if (with_error)
        reply_error(&blocked->task->out, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
    else
        reply_null_array(&blocked->task->out);
    end(blocked);
    return true;
}

void blocking_leave(struct session *session)
{
    blocking_end(session, false);
}

static void wait_for_keys(struct task *task, int64_t timeout_ms)
{
    const struct command *command = task_command(task);
    struct blocked *blocked = bytes_alloc_zero(1, sizeof(*blocked));
    struct span *keys = bytes_alloc(command->key_count * sizeof(keys[0]));

    for (uint32_t i = 0; i < command->key_count; i++)
        keys[i] = task_arg(task, i);
    blocked->task = task;
    blocked->timer.data = blocked;
    uv_timer_init(&task->owner->worker->loop, &blocked->timer);
    if (timeout_ms > 0)
        uv_timer_start(&blocked->timer, on_timer, (uint64_t)timeout_ms, 0);
    task->session->blocked = blocked;
    blocked->wait =
        waits_begin(task->owner->worker, keys, command->key_count, command->flags,
                    command_arg_int(&task->list, command, command->key_count), on_served, blocked);
    free(keys);
}

struct attempt {
    struct task *task;
    int64_t timeout_ms;
};

/* What the keys gave as they are. Nobody waits who has left meanwhile, or when all is to end. */
static void on_attempt(void *context, struct span tokens)
{
    struct attempt *attempt = context;
    struct task *task = attempt->task;
    int64_t timeout_ms = attempt->timeout_ms;
    struct reply_token token = {0};
    size_t at = 0;

    free(attempt);
    reply_next(tokens, &at, &token);
    if ((token.kind == REPLY_NULL || token.kind == REPLY_NULL_ARRAY) &&
        task->session->connection != NULL && !task->session->draining &&
        task->owner->drained == NULL) {
        wait_for_keys(task, timeout_ms);
        return;
    }
    bytes_put(&task->out, tokens.data, tokens.size);
    task_finish(task);
}

void blocking_begin(struct task *task, int64_t timeout_ms)
{
    struct attempt *attempt = bytes_alloc(sizeof(*attempt));
    struct task *pops = task_new(task->session, on_attempt, attempt);

    *attempt = (struct attempt){.task = task, .timeout_ms = timeout_ms};
    command_list_copy(&pops->list, &task->list, 0);
    gather_begin(pops);
}
