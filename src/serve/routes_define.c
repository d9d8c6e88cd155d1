// SPDX-License-Identifier: Apache-2.0
/* routes_define.c - GET, PUT and DELETE of streams, metrics and boards. */
#include <jansson.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/catalog.h"
#include "node/define.h"
#include "node/worker.h"
#include "http/http.h"
#include "serve/serve_private.h"

#define DEFINITION_BYTES_MAX (1u << 20)

/* "/v1/{kind}/{name}", or a longer pattern that names its kind. */
static bool kind_of(struct http_request *request, enum definition_kind *out_kind)
{
    struct span path = http_request_path(request);
    const char *start = path.data + sizeof("/v1/") - 1;
    size_t size = strcspn(start, "/");
    char *text = bytes_dup((struct span){start, size});
    bool known = catalog_kind_by_text(text, out_kind);

    if (!known)
        http_reply_error(request, 404, "not_found",
                         "there is nothing at /v1/%s; it is streams, metrics, boards, status or "
                         "live",
                         text);
    free(text);
    return known;
}

static void list_on_request(struct http_request *request)
{
    struct bytes text = {0};
    enum definition_kind kind;

    if (!kind_of(request, &kind) || !serve_ready(request))
        return;
    bytes_format(&text, "{\"%s\":", definition_kind_text(kind));
    catalog_print_all(serve_of(request)->worker->catalog, kind, &text);
    bytes_put_char(&text, '}');
    http_reply_bytes(request, 200, "application/json", &text);
    bytes_done(&text);
}

const struct route_ops routes_define_list = {.on_request = list_on_request};

static void reply_definition(struct http_request *request, enum definition_kind kind,
                             struct span name)
{
    struct bytes text = {0};
    struct err err = {0};

    if (catalog_print(serve_of(request)->worker->catalog, kind, name, &text, &err) < 0)
        http_reply_err(request, &err);
    else
        http_reply_bytes(request, 200, "application/json", &text);
    bytes_done(&text);
}

static void get_on_request(struct http_request *request)
{
    enum definition_kind kind;

    if (kind_of(request, &kind) && serve_ready(request))
        reply_definition(request, kind, http_request_param(request, "name"));
}

const struct route_ops routes_define_get = {.on_request = get_on_request};

struct define_call {
    struct http_request *request; /* NULL: the client has left */
    enum definition_kind kind;
    struct bytes body;
    bool drops;
    bool started;
};

static void free_call(struct define_call *call)
{
    bytes_done(&call->body);
    free(call);
}

static void on_defined(struct define_request *define_request)
{
    struct define_call *call = define_request->context;
    struct http_request *request = call->request;

    if (request != NULL && define_request->rc < 0)
        http_reply_err(request, &define_request->err);
    else if (request != NULL && call->drops)
        http_reply(request, 204, NULL, "", 0);
    else if (request != NULL)
        reply_definition(request, call->kind, span_of(define_request->name));
    free_call(call);
    define_request_free(define_request);
}

/* What GET put beside the definition may come back with it. */
static uint32_t take_version(json_t *tree)
{
    json_int_t version = json_integer_value(json_object_get(tree, "version"));

    json_object_del(tree, "name");
    json_object_del(tree, "version");
    return version > 0 && version < UINT32_MAX ? (uint32_t)version : 0;
}

/* Takes the call over. `tree` is NULL to drop. */
static void start(struct define_call *call, json_t *tree)
{
    struct http_request *request = call->request;
    struct define_request *define_request;
    struct err err = {0};
    uint32_t version = take_version(tree);
    int rc = define_request_new(&define_request, serve_of(request)->worker, call->kind,
                                http_request_param(request, "name"), tree, &err);

    if (rc < 0) {
        http_request_set_state(request, NULL);
        http_reply_err(request, &err);
        free_call(call);
        return;
    }
    define_request->version = version;
    define_request->context = call;
    define_request->done = on_defined;
    call->started = true;
    define(define_request);
}

static struct define_call *call_new(struct http_request *request)
{
    enum definition_kind kind;
    struct define_call *call;

    if (!kind_of(request, &kind) || !serve_ready(request))
        return NULL;
    call = bytes_alloc_zero(1, sizeof(*call));
    call->request = request;
    call->kind = kind;
    http_request_set_state(request, call);
    return call;
}

static void put_on_request(struct http_request *request)
{
    (void)call_new(request);
}

static void put_on_body(struct http_request *request, const char *data, size_t size)
{
    struct define_call *call = http_request_state(request);

    if (call->body.size + size > DEFINITION_BYTES_MAX) {
        http_request_set_state(request, NULL);
        free_call(call);
        http_reply_error(request, 413, "too_large", "a definition has at most %u bytes",
                         DEFINITION_BYTES_MAX);
        return;
    }
    bytes_put(&call->body, data, size);
}

static void put_on_end(struct http_request *request)
{
    struct define_call *call = http_request_state(request);
    json_error_t error;
    json_t *tree = json_loadb(call->body.data != NULL ? call->body.data : "", call->body.size,
                              JSON_REJECT_DUPLICATES, &error);

    if (tree == NULL) {
        http_request_set_state(request, NULL);
        http_reply_error(request, 400, "invalid", "not valid JSON: line %d, column %d: %s",
                         error.line, error.column, error.text);
        free_call(call);
        return;
    }
    start(call, tree);
    json_decref(tree);
}

/* Once it has started, the call waits for its definition; before, nothing else holds it. */
static void on_gone(struct http_request *request)
{
    struct define_call *call = http_request_state(request);

    if (call == NULL)
        return;
    call->request = NULL;
    if (!call->started)
        free_call(call);
}

const struct route_ops routes_define_put = {
    .on_request = put_on_request,
    .on_body = put_on_body,
    .on_end = put_on_end,
    .on_gone = on_gone,
};

static void drop_on_request(struct http_request *request)
{
    struct define_call *call = call_new(request);

    if (call == NULL)
        return;
    call->drops = true;
    start(call, NULL);
}

const struct route_ops routes_define_drop = {.on_request = drop_on_request, .on_gone = on_gone};
