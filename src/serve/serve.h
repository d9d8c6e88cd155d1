// SPDX-License-Identifier: Apache-2.0
/*
 * serve.h - the HTTP API and the page, hooked into a node.
 *
 *     serve_new, node_new(…, serve_hooks(serve), …), node_start, …, node_join, node_free,
 *     serve_free
 *
 * Thread: the main thread, except for what the hooks do.
 */
#ifndef TALLYWHEEL_SERVE_SERVE_H
#define TALLYWHEEL_SERVE_SERVE_H

#include <stdint.h>

struct conf;
struct err;
struct node_hooks;
struct serve;

/* `conf` must outlive it. */
int serve_new(struct serve **out_serve, const struct conf *conf, struct err *err);
void serve_free(struct serve *serve);

const struct node_hooks *serve_hooks(const struct serve *serve);

/* The port of the API once a worker listens; 0 before. Any thread. */
uint16_t serve_port(const struct serve *serve);

#endif
