// SPDX-License-Identifier: Apache-2.0
/* serve.c - the table of routes, and a server for each worker; see serve.h. */
#include "serve/serve.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/conf.h"
#include "base/err.h"
#include "base/say.h"
#include "node/node.h"
#include "node/worker.h"
#include "http/http.h"
#include "serve/serve_private.h"
#include "wire/ndjson.h"

#define TIMER_MS 20

struct serve {
    const struct conf *conf;
    struct route_table *routes;
    struct node_hooks hooks;
    _Atomic uint32_t port;
};

/* Every route names the role that it needs, also while access control is off. */
static const struct route routes[] = {
    {"POST", "/v1/streams/{name}/events", ROLE_WRITE, &routes_ingest_post},
    {"GET", "/v1/streams/{name}/events", ROLE_READ, &routes_events_get},
    {"GET", "/v1/{kind}", ROLE_READ, &routes_define_list},
    {"GET", "/v1/{kind}/{name}", ROLE_READ, &routes_define_get},
    {"PUT", "/v1/{kind}/{name}", ROLE_ADMIN, &routes_define_put},
    {"DELETE", "/v1/{kind}/{name}", ROLE_ADMIN, &routes_define_drop},
    {"GET", "/v1/metrics/{name}", ROLE_READ, &routes_read_get},
    {"PUT", "/v1/metrics/{name}", ROLE_ADMIN, &routes_define_put},
    {"DELETE", "/v1/metrics/{name}", ROLE_ADMIN, &routes_define_drop},
    {"GET", "/v1/metrics/{name}/labels", ROLE_READ, &routes_read_get},
    {"GET", "/v1/metrics/{name}/definition", ROLE_READ, &routes_define_get},
    {"GET", "/v1/boards/{name}/top", ROLE_READ, &routes_read_get},
    {"GET", "/v1/boards/{name}/members", ROLE_READ, &routes_read_get},
    {"POST", "/v1/boards/{name}/members", ROLE_READ, &routes_read_post},
    {"GET", "/v1/boards/{name}/members/{member}", ROLE_READ, &routes_read_get},
    {"DELETE", "/v1/boards/{name}/members/{member}", ROLE_WRITE, &routes_members_remove},
    {"POST", "/v1/boards/{name}/members/{member}/ban", ROLE_WRITE, &routes_members_ban},
    {"DELETE", "/v1/boards/{name}/members/{member}/ban", ROLE_WRITE, &routes_members_unban},
    {"POST", "/v1/boards/{name}/members/{member}/rename", ROLE_WRITE, &routes_members_rename},
    {"GET", "/v1/boards/{name}/among", ROLE_READ, &routes_read_get},
    {"POST", "/v1/boards/{name}/among", ROLE_READ, &routes_read_post},
    {"GET", "/v1/boards/{name}/count", ROLE_READ, &routes_read_get},
    {"GET", "/v1/boards/{name}/bans", ROLE_READ, &routes_bans_get},
    {"GET", "/v1/boards/{name}/around/{member}", ROLE_READ, &routes_read_get},
    {"GET", "/v1/boards/{name}/segments", ROLE_READ, &routes_read_get},
    {"GET", "/v1/boards/{name}/seasons", ROLE_READ, &routes_read_get},
    {"GET", "/v1/boards/{name}/members/{member}/history", ROLE_READ, &routes_read_get},
    {"GET", "/v1/boards/{name}/milestones", ROLE_READ, &routes_read_get},
    {"POST", "/v1/boards/{name}/scores", ROLE_WRITE, &routes_scores_post},
    {"GET", "/v1/live", ROLE_READ, &routes_live_get},
    {"GET", "/v1/status", ROLE_READ, &routes_read_get},
    {"GET", "/metrics", ROLE_READ, &routes_health_metrics},
    {"GET", "/healthz", ROLE_NONE, &routes_health_live},
    {"GET", "/readyz", ROLE_NONE, &routes_health_ready},
    {"GET", "/{file*}", ROLE_NONE, &routes_page_get},
};

struct serve_worker *serve_of(const struct http_request *request)
{
    return http_request_user(request);
}

bool serve_ready(struct http_request *request)
{
    switch (node_state(serve_of(request)->node)) {
    case NODE_READY:
        return true;
    case NODE_RECOVERING:
        http_reply_header(request, "Retry-After", "1");
        http_reply_error(request, 503, "unavailable",
                         "the server is folding its journal; GET /v1/status shows how far it is");
        return false;
    case NODE_DRAINING:
    case NODE_FAILED:
        http_reply_error(request, 503, "unavailable", "the server is shutting down");
        return false;
    }
    return false;
}

static void on_timer(uv_timer_t *timer)
{
    struct serve_worker *served = timer->data;

    routes_ingest_room(served);
    atomic_store_explicit(&served->worker->stats.connections,
                          http_server_counters(served->server)->connections, memory_order_relaxed);
}

static void on_room(void *context)
{
    routes_ingest_room(context);
}

static struct http_options options_of(const struct conf *conf, struct serve_worker *served)
{
    uint32_t worker_count = served->node != NULL ? node_worker_count(served->node) : 1;

    return (struct http_options){
        .user = served,
        .body_bytes_max = (size_t)conf->limits.body_bytes,
        .connections_max = (uint32_t)(conf->limits.connections + worker_count - 1) / worker_count,
        .head_ms_max = (uint32_t)conf->request_timeout,
        .body_stall_ms_max = (uint32_t)conf->request_timeout,
        .live_queued_bytes_max = (size_t)conf->limits.watch_queue_bytes,
        .allow_hosts = (const char *const *)conf->allow_hosts.items,
        .allow_host_count = conf->allow_hosts.count,
        .allow_origins = (const char *const *)conf->allow_origins.items,
        .allow_origin_count = conf->allow_origins.count,
    };
}

static int on_start(void *context, struct worker *worker, struct err *err)
{
    struct serve *serve = context;
    struct serve_worker *served = bytes_alloc_zero(1, sizeof(*served));
    struct http_options options;
    uint16_t port = 0;
    int rc;

    served->serve = serve;
    served->worker = worker;
    served->node = worker->node;
    worker->served = served;
    served->timer.data = served;
    uv_timer_init(&worker->loop, &served->timer);
    options = options_of(serve->conf, served);
    rc = http_server_new(&served->server, &worker->loop, serve->routes, &options, err);
    if (rc < 0)
        return rc;
    /* With port 0 the first worker finds one, and the others share it. */
    if (worker->number > 0)
        while ((port = (uint16_t)atomic_load(&serve->port)) == 0)
            if (node_state(served->node) == NODE_FAILED)
                return err_set(err, ERR_UNAVAILABLE, "the first worker could not listen");
    rc = http_server_listen(served->server, serve->conf->http.host,
                            worker->number > 0 ? port : serve->conf->http.port, worker->number == 0,
                            &port, err);
    if (rc < 0)
        return rc;
    atomic_store(&serve->port, port);
    worker->ingest.on_room = on_room;
    worker->ingest.on_room_context = served;
    uv_timer_start(&served->timer, on_timer, TIMER_MS, TIMER_MS);
    return 0;
}

static void on_drained(void *user)
{
    node_worker_drained(((struct serve_worker *)user)->worker);
}

static void on_drain(void *context, struct worker *worker)
{
    struct serve *serve = context;
    struct serve_worker *served = worker->served;

    if (served == NULL || served->server == NULL) {
        node_worker_drained(worker);
        return;
    }
    http_server_drain(served->server, (uint32_t)serve->conf->shutdown_timeout,
                      "the server is shutting down", on_drained, served);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_close(void *context, struct worker *worker)
{
    struct serve_worker *served = worker->served;

    (void)context;
    if (served == NULL)
        return;
    http_server_free(served->server);
    for (uint32_t i = 0; i < served->decoder_count; i++)
        ndjson_free(served->decoders[i]);
    worker->served = NULL;
    worker->ingest.on_room = NULL;
    uv_close((uv_handle_t *)&served->timer, on_timer_closed);
}

int serve_new(struct serve **out_serve, const struct conf *conf, struct err *err)
{
    struct serve *serve = bytes_alloc_zero(1, sizeof(*serve));
    int rc = route_table_new(&serve->routes, routes, sizeof(routes) / sizeof(routes[0]), err);

    if (rc < 0) {
        free(serve);
        return rc;
    }
    serve->conf = conf;
    serve->hooks = (struct node_hooks){
        .context = serve,
        .start = on_start,
        .drain = on_drain,
        .close = on_close,
    };
    *out_serve = serve;
    return 0;
}

void serve_free(struct serve *serve)
{
    if (serve == NULL)
        return;
    route_table_free(serve->routes);
    free(serve);
}

const struct node_hooks *serve_hooks(const struct serve *serve)
{
    return &serve->hooks;
}

uint16_t serve_port(const struct serve *serve)
{
    return (uint16_t)atomic_load(&serve->port);
}
