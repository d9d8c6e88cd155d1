// SPDX-License-Identifier: Apache-2.0
/*
 * command_server.c - a RESP server for each worker, and what its connections call; see
 * command_server.h.
 *
 * In each turn the commands of all connections are added to the open lists of the partitions; at
 * the end of the turn (on_turn) the lists are sent, so what a partition of this worker can answer
 * at once is still written in the same turn.
 *
 * Thread: the worker's, but for new and free.
 */
#include "command/command_server.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/conf.h"
#include "base/err.h"
#include "base/hash.h"
#include "command/answer.h"
#include "command/command_private.h"
#include "command/config.h"
#include "keys/keys.h"
#include "model/reply.h"
#include "named/named.h"
#include "node/node.h"
#include "node/worker.h"
#include "pubsub/pubsub.h"
#include "resp/resp_connection.h"
#include "resp/resp_server.h"

#define PENDING_MAX 8192

static_assert(CONF_CORES_MAX <= COMMAND_WORKERS_MAX, "a worker for each core");

int command_server_new(struct command_server **out_server, const struct conf *conf, struct err *err)
{
    struct command_server *server = bytes_alloc_zero(1, sizeof(*server));
    uint64_t words[3];
    FILE *file = fopen("/dev/urandom", "rb");

    if (file == NULL || fread(words, sizeof(words), 1, file) != 1) {
        if (file != NULL)
            fclose(file);
        free(server);
        return err_set(err, ERR_IO, "/dev/urandom cannot be read");
    }
    fclose(file);
    command_table_init();
    server->conf = conf;
    server->config = config_new(conf);
    snprintf(server->run_id, sizeof(server->run_id), "%016llx%016llx%08x",
             (unsigned long long)words[0], (unsigned long long)words[1], (unsigned)words[2]);
    server->pubsub = pubsub_new(COMMAND_WORKERS_MAX);
    *out_server = server;
    return 0;
}

void command_server_free(struct command_server *server)
{
    if (server == NULL)
        return;
    pubsub_free(server->pubsub);
    config_free(server->config);
    free(server);
}

void command_server_attach(struct command_server *server, struct node *node)
{
    server->node = node;
    for (uint32_t i = 0; i < node_partition_count(node); i++)
        waits_host_open(node_host(node, i));
}

void command_server_detach(struct command_server *server)
{
    if (server == NULL || server->node == NULL)
        return;
    for (uint32_t i = 0; i < node_partition_count(server->node); i++)
        waits_host_close(node_host(server->node, i));
    server->node = NULL;
}

uint16_t command_server_port(const struct command_server *server)
{
    return (uint16_t)atomic_load(&server->port);
}

/* ---- what a connection calls ---- */

static struct command_worker *worker_of(struct resp_connection *connection)
{
    return resp_server_user(resp_connection_server(connection));
}

static void on_open(struct resp_connection *connection)
{
    resp_connection_set_user(connection, session_new(worker_of(connection), connection));
}

static void on_command(struct resp_connection *connection, const struct span *args, uint32_t count)
{
    dispatch_command(resp_connection_user(connection), args, count);
}

static void on_broken(struct resp_connection *connection, const char *text)
{
    struct session *session = resp_connection_user(connection);
    struct bytes *tokens = &session->owner->tokens;

    session->muted = false;
    bytes_clear(tokens);
    reply_error(tokens, "ERR %s", text);
    session->finishing = true;
    session_answer(session, bytes_span(tokens));
}

static void on_turn(void *user)
{
    struct command_worker *owner = user;

    owner->touched = false;
    named_flush(owner->worker);
    keys_flush(owner->worker);
}

static void on_connection_drain(struct resp_connection *connection)
{
    struct session *session = resp_connection_user(connection);

    session->draining = true;
    blocking_end(session, false);
}

static void on_gone(struct resp_connection *connection)
{
    session_leave(resp_connection_user(connection));
}

static const struct resp_ops ops = {
    .on_open = on_open,
    .on_command = on_command,
    .on_broken = on_broken,
    .on_turn = on_turn,
    .on_drain = on_connection_drain,
    .on_gone = on_gone,
};

/* ---- start and stop ---- */

static struct resp_options options_of(struct command_worker *owner)
{
    const struct conf_limits *limits = &owner->server->conf->limits;
    uint32_t workers = node_worker_count(owner->node);

    return (struct resp_options){
        .ops = &ops,
        .user = owner,
        .limits =
            {
                .parse = {.args_max = (uint32_t)limits->resp_args,
                          .bulk_bytes_max = (uint64_t)limits->resp_bulk_bytes},
                .connections_max = (uint32_t)(limits->resp_connections + workers - 1) / workers,
                .input_bytes_max = (uint64_t)limits->resp_input_bytes,
                .pending_max = PENDING_MAX,
                .output_bytes_hard = (uint64_t)limits->resp_output_bytes,
                .push_bytes_hard = (uint64_t)limits->resp_push_bytes,
                .push_bytes_soft = (uint64_t)limits->resp_push_bytes / 4,
            },
    };
}

/* With port 0 the first worker finds one, and the others share it. */
static int listen_on(struct command_worker *owner, struct err *err)
{
    struct command_server *server = owner->server;
    const struct conf_address *address = &server->conf->resp;
    uint16_t port = 0;
    int rc;

    if (owner->worker->number > 0)
        while ((port = (uint16_t)atomic_load(&server->port)) == 0)
            if (node_state(owner->node) == NODE_FAILED)
                return err_set(err, ERR_UNAVAILABLE, "the first worker could not listen");
    rc = resp_server_listen(owner->resp, address->host,
                            owner->worker->number > 0 ? port : address->port,
                            owner->worker->number == 0, &port, err);
    if (rc == 0)
        atomic_store(&server->port, port);
    return rc;
}

int command_server_start(struct command_server *server, struct worker *worker, struct err *err)
{
    struct command_worker *owner = bytes_alloc_zero(1, sizeof(*owner));
    struct resp_options options;
    int rc;

    owner->server = server;
    owner->worker = worker;
    owner->node = worker->node;
    owner->partition_count = node_partition_count(worker->node);
    owner->random = hash_u64((uint64_t)worker->now_ms + worker->number);
    owner->hub = pubsub_hub_new(server->pubsub, worker);
    owner->pause_timer.data = owner;
    uv_timer_init(&worker->loop, &owner->pause_timer);
    keys_open(worker);
    named_open(worker);
    if (worker->number == 0)
        server->start_ms = worker->now_ms;
    server->workers[worker->number] = owner;
    options = options_of(owner);
    rc = resp_server_new(&owner->resp, &worker->loop, &options, err);
    return rc < 0 ? rc : listen_on(owner, err);
}

static void on_drained(void *user)
{
    struct command_worker *owner = user;

    owner->drained(owner->drained_context, owner->worker);
}

void command_server_drain(struct command_server *server, struct worker *worker,
                          void (*drained)(void *context, struct worker *worker), void *context)
{
    struct command_worker *owner = server->workers[worker->number];

    if (owner == NULL || owner->resp == NULL) {
        drained(context, worker);
        return;
    }
    owner->drained = drained;
    owner->drained_context = context;
    owner->pause = COMMAND_PAUSE_NONE;
    uv_timer_stop(&owner->pause_timer);
    dispatch_held(owner);
    resp_server_drain(owner->resp, (uint32_t)server->conf->shutdown_timeout, on_drained, owner);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void command_server_close(struct command_server *server, struct worker *worker)
{
    struct command_worker *owner = server->workers[worker->number];

    if (owner == NULL)
        return;
    server->workers[worker->number] = NULL;
    resp_server_free(owner->resp);
    named_close(worker);
    keys_close(worker);
    pubsub_hub_close(owner->hub);
    while (owner->free_slots != NULL) {
        struct slot *slot = owner->free_slots;

        owner->free_slots = slot->next;
        bytes_done(&slot->tokens);
        free(slot);
    }
    command_list_done(&owner->scratch);
    bytes_done(&owner->tokens);
    bytes_done(&owner->shaped);
    uv_close((uv_handle_t *)&owner->pause_timer, on_timer_closed);
}
