// SPDX-License-Identifier: Apache-2.0
/* ask.c - see ask.h. One message to each worker carries the questions to all of its partitions. */
#include "node/ask.h"

#include <stdlib.h>

#include "base/err.h"
#include "node/node_private.h"
#include "node/status.h"
#include "query/read.h"
#include "query_parse/read_parse.h"

struct ask;

struct ask_leg {
    struct message message;
    struct ask *ask;
};

struct ask {
    struct worker *worker;
    struct read *read;
    ask_done_fn *done;
    void *context;
    uint32_t pending;
    struct ask_leg legs[]; /* one a worker */
};

static void start_round(struct ask *ask);

static void end_round(struct ask *ask)
{
    struct err err = {0};
    enum read_step step = READ_DONE;
    struct worker *worker;
    int rc = ask->read->ops->merge(ask->read, &step, &err);

    if (rc == 0 && step == READ_AGAIN) {
        ask->read->round++;
        start_round(ask);
        return;
    }
    ask->done(ask->context, ask->read, rc, &err);
    worker = ask->worker;
    free(ask);
    worker_end(worker);
}

static void run_back(struct message *message, struct worker *receiver)
{
    struct ask *ask = ((struct ask_leg *)message)->ask;

    (void)receiver;
    if (--ask->pending == 0)
        end_round(ask);
}

static void run_leg(struct message *message, struct worker *receiver)
{
    struct ask *ask = ((struct ask_leg *)message)->ask;
    struct node *node = receiver->node;

    for (uint32_t i = 0; i < node->partition_count; i++)
        if (node->hosts[i].worker == receiver)
            ask->read->ops->collect(ask->read, node->hosts[i].partition, i);
    message->run = run_back;
    worker_send(ask->worker, message);
}

static void start_round(struct ask *ask)
{
    struct node *node = ask->worker->node;

    ask->pending = node->worker_count;
    for (uint32_t i = 0; i < node->worker_count; i++) {
        ask->legs[i].ask = ask;
        ask->legs[i].message.run = run_leg;
        worker_send(&node->workers[i], &ask->legs[i].message);
    }
}

void ask_read(struct worker *worker, struct read *read, ask_done_fn *done, void *context)
{
    struct ask *ask =
        bytes_alloc(sizeof(*ask) + worker->node->worker_count * sizeof(struct ask_leg));

    *ask = (struct ask){.worker = worker, .read = read, .done = done, .context = context};
    read->round = 0;
    worker_touch(worker);
    read->now_ms = worker->now_ms;
    stats_add(&worker->stats.reads, 1);
    worker_begin(worker);
    start_round(ask);
}

int ask_parse(struct read **out_read, struct worker *worker, struct span path, struct err *err)
{
    struct node *node = worker->node;

    worker_touch(worker);
    if (span_equal(path, SPAN_LITERAL("status"))) {
        *out_read = status_read_new(node);
        return 0;
    }
    return read_parse(out_read, path, worker->catalog, node->partition_count, &node->read_limits,
                      worker->now_ms, err);
}

int ask_parse_parts(struct read **out_read, struct worker *worker, const struct span *parts,
                    uint32_t part_count, const struct read_param *params, uint32_t param_count,
                    struct err *err)
{
    struct node *node = worker->node;

    worker_touch(worker);
    if (part_count == 1 && span_equal(parts[0], SPAN_LITERAL("status"))) {
        *out_read = status_read_new(node);
        return 0;
    }
    return read_parse_parts(out_read, parts, part_count, params, param_count, worker->catalog,
                            node->partition_count, &node->read_limits, worker->now_ms, err);
}
