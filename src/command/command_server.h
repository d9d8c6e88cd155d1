// SPDX-License-Identifier: Apache-2.0
/*
 * command_server.h - the RESP port: a server on every worker, started and stopped with the node.
 *
 *     command_server_new, node_new, command_server_attach, node_start (its hooks call start, drain,
 *     close of each worker), node_join, command_server_detach, node_free, command_server_free
 *
 * Thread: new, free and port any; the rest the worker's.
 */
#ifndef TALLYWHEEL_COMMAND_COMMAND_SERVER_H
#define TALLYWHEEL_COMMAND_COMMAND_SERVER_H

#include <stdint.h>

struct command_server;
struct conf;
struct err;
struct node;
struct worker;

/* `conf` must outlive it. */
int command_server_new(struct command_server **out_server, const struct conf *conf,
                       struct err *err);
void command_server_free(struct command_server *server);

/* The main thread: between node_new and node_start, and between node_join and node_free. */
void command_server_attach(struct command_server *server, struct node *node);
void command_server_detach(struct command_server *server);

/* The worker starts to listen. Hook: node_hooks.start. */
int command_server_start(struct command_server *server, struct worker *worker, struct err *err);

/*
 * Takes no more commands, answers those that were taken, then calls `drained`. Blocking commands
 * are answered as if their time were up. Hook: node_hooks.drain.
 */
void command_server_drain(struct command_server *server, struct worker *worker,
                          void (*drained)(void *context, struct worker *worker), void *context);

/* Everything was committed: closes all handles. Hook: node_hooks.close. */
void command_server_close(struct command_server *server, struct worker *worker);

/* The port once a worker listens; 0 before. */
uint16_t command_server_port(const struct command_server *server);

#endif
