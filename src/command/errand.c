// SPDX-License-Identifier: Apache-2.0
/*
 * errand.c - one message that goes round all workers; see errand.h.
 *
 * The origin counts it as under way, so no worker closes before it has come home.
 */
#include "command/errand.h"

#include <stddef.h>

#include "command/command_private.h"
#include "node/node.h"
#include "node/worker.h"

static struct errand *errand_of(struct message *message)
{
    return (struct errand *)((char *)message - offsetof(struct errand, message));
}

static void run_home(struct message *message, struct worker *worker)
{
    struct errand *errand = errand_of(message);

    errand->done(errand);
    worker_end(worker);
}

static void run_visit(struct message *message, struct worker *worker)
{
    struct errand *errand = errand_of(message);
    struct command_worker *here = errand->server->workers[worker->number];

    if (here != NULL) /* else it could not start */
        errand->visit(errand, here);
    errand->next++;
    if (errand->next < node_worker_count(worker->node)) {
        worker_send(node_worker(worker->node, errand->next), message);
        return;
    }
    message->run = run_home;
    worker_send(errand->origin->worker, message);
}

void errand_begin(struct errand *errand, struct command_worker *origin,
                  void (*visit)(struct errand *errand, struct command_worker *here),
                  void (*done)(struct errand *errand))
{
    errand->server = origin->server;
    errand->origin = origin;
    errand->next = 0;
    errand->visit = visit;
    errand->done = done;
    errand->message.run = run_visit;
    worker_begin(origin->worker);
    worker_send(node_worker(origin->node, 0), &errand->message);
}
