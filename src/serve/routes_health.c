// SPDX-License-Identifier: Apache-2.0
/* routes_health.c - /healthz, /readyz, /metrics: for those who watch over the server. */
#include <stdlib.h>

#include "node/ask.h"
#include "node/node.h"
#include "node/status.h"
#include "node/worker.h"
#include "query/read.h"
#include "http/http.h"
#include "serve/serve_private.h"

static void live_on_request(struct http_request *request)
{
    http_reply(request, 200, "text/plain; charset=utf-8", "ok\n", 3);
}

const struct route_ops routes_health_live = {.on_request = live_on_request};

static void ready_on_request(struct http_request *request)
{
    struct bytes text = {0};
    uint32_t full;
    uint32_t failed;

    if (!serve_ready(request))
        return;
    /* Reads are answered all the same: whoever balances load should not go elsewhere for them. */
    node_refusing(serve_of(request)->node, &full, &failed);
    bytes_put_text(&text, "ready\n");
    if (full > 0)
        bytes_format(&text, "%u partition%s no writes until there is room on the disk\n", full,
                     full == 1 ? " takes" : "s take");
    if (failed > 0)
        bytes_format(&text, "%u partition%s no writes until the server is restarted\n", failed,
                     failed == 1 ? " takes" : "s take");
    http_reply_bytes(request, 200, "text/plain; charset=utf-8", &text);
    bytes_done(&text);
}

const struct route_ops routes_health_ready = {.on_request = ready_on_request};

struct metrics_call {
    struct http_request *request; /* NULL: the client has left */
};

static void on_answered(void *context, struct read *read, int rc, const struct err *err)
{
    struct metrics_call *call = context;
    struct bytes text = {0};

    if (call->request != NULL && rc < 0) {
        http_reply_err(call->request, err);
    } else if (call->request != NULL) {
        status_print_prometheus(read, &text);
        http_reply_bytes(call->request, 200, "text/plain; version=0.0.4; charset=utf-8", &text);
    }
    bytes_done(&text);
    read_free(read);
    free(call);
}

static void metrics_on_request(struct http_request *request)
{
    struct serve_worker *served = serve_of(request);
    struct metrics_call *call = bytes_alloc_zero(1, sizeof(*call));

    call->request = request;
    http_request_set_state(request, call);
    ask_read(served->worker, status_read_new(served->node), on_answered, call);
}

static void metrics_on_gone(struct http_request *request)
{
    ((struct metrics_call *)http_request_state(request))->request = NULL;
}

const struct route_ops routes_health_metrics = {
    .on_request = metrics_on_request,
    .on_gone = metrics_on_gone,
};
