// SPDX-License-Identifier: Apache-2.0
/* serve_private.h - what the routes share: the worker's server and its helpers. */
#ifndef TALLYWHEEL_SERVE_SERVE_PRIVATE_H
#define TALLYWHEEL_SERVE_SERVE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"
#include "http/route.h"

struct http_request;
struct http_server;
struct ingest_call;
struct ndjson;
struct node;
struct worker;

#define SERVE_DECODERS_MAX 64

/* One for each worker; http_request_user gives it. */
struct serve_worker {
    struct serve *serve;
    struct worker *worker;
    struct node *node;
    struct http_server *server;
    uv_timer_t timer;           /* resumes paused bodies, keeps the gauge of connections */
    struct ingest_call *paused; /* bodies that wait for room */
    struct ndjson *decoders[SERVE_DECODERS_MAX]; /* idle ones */
    uint32_t decoder_count;
};

struct serve_worker *serve_of(const struct http_request *request);

/* Replies 503 and returns false unless the node is ready. */
bool serve_ready(struct http_request *request);

/* Routes by file. */
extern const struct route_ops routes_bans_get;
extern const struct route_ops routes_define_get;
extern const struct route_ops routes_define_list;
extern const struct route_ops routes_define_put;
extern const struct route_ops routes_define_drop;
extern const struct route_ops routes_events_get;
extern const struct route_ops routes_health_live;
extern const struct route_ops routes_health_ready;
extern const struct route_ops routes_health_metrics;
extern const struct route_ops routes_ingest_post;
extern const struct route_ops routes_live_get;
extern const struct route_ops routes_members_remove;
extern const struct route_ops routes_members_ban;
extern const struct route_ops routes_members_unban;
extern const struct route_ops routes_members_rename;
extern const struct route_ops routes_page_get;
extern const struct route_ops routes_read_get;
extern const struct route_ops routes_read_post;
extern const struct route_ops routes_scores_post;

/* Resumes bodies that were paused because too much was in flight. */
void routes_ingest_room(struct serve_worker *served);

#endif
