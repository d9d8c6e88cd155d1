// SPDX-License-Identifier: Apache-2.0
/*
 * routes_read.c - every GET that asks the partitions: boards, metrics, status; and the same asked
 * by POST, for parameters that are too long for an address.
 *
 * The body of a POST is an object whose members are parameters: strings and numbers as they are,
 * arrays as JSON, so {"members":["Ada","Grace"],"by.region":"EU"} is
 * ?members=["Ada","Grace"]&by.region=EU. Parameters of the address count too.
 */
#include <jansson.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "node/ask.h"
#include "node/node.h"
#include "node/status.h"
#include "node/worker.h"
#include "query/answer.h"
#include "query/read.h"
#include "http/http.h"
#include "serve/serve_private.h"

#define PARTS_MAX 8
#define PARAMS_MAX 256

struct read_call {
    struct http_request *request; /* NULL: the client has left */
    struct bytes body;            /* of a POST */
    bool asked;                   /* on_answered will end it */
};

static void free_call(struct read_call *call)
{
    bytes_done(&call->body);
    free(call);
}

static void on_answered(void *context, struct read *read, int rc, const struct err *err)
{
    struct read_call *call = context;
    struct answer answer = {0};
    struct bytes text = {0};

    if (call->request != NULL && rc < 0) {
        http_reply_err(call->request, err);
    } else if (call->request != NULL) {
        read->ops->print(read, &answer);
        answer_print(&answer, &text);
        http_reply_bytes(call->request, 200, "application/json", &text);
    }
    answer_done(&answer);
    bytes_done(&text);
    read_free(read);
    free_call(call);
}

/* The pattern's segments, with what they captured in place of {name}. */
static uint32_t collect_parts(const struct http_request *request, struct span *parts)
{
    const char *at = http_request_route(request)->path;
    uint32_t count = 0;

    at += sizeof("/v1/") - 1;
    while (*at != '\0' && count < PARTS_MAX) {
        const char *end = strchr(at, '/');
        size_t size = end != NULL ? (size_t)(end - at) : strlen(at);

        if (*at == '{') {
            char name[64];

            memcpy(name, at + 1, size - 2);
            name[size - 2] = '\0';
            parts[count++] = http_request_param(request, name);
        } else {
            parts[count++] = (struct span){at, size};
        }
        at += size + (end != NULL);
    }
    return count;
}

struct params {
    struct read_param items[PARAMS_MAX];
    uint32_t count;
};

static void take_query(const struct http_request *request, struct params *params)
{
    while (params->count < PARAMS_MAX &&
           http_request_query_at(request, params->count, &params->items[params->count].name,
                                 &params->items[params->count].value))
        params->count++;
}

static struct read_call *begin(struct http_request *request)
{
    struct read_call *call = bytes_alloc_zero(1, sizeof(*call));

    call->request = request;
    http_request_set_state(request, call);
    return call;
}

static void refuse(struct read_call *call, const struct err *err)
{
    http_reply_err(call->request, err);
    http_request_set_state(call->request, NULL);
    free_call(call);
}

static void ask(struct read_call *call, const struct params *params)
{
    struct serve_worker *served = serve_of(call->request);
    struct span parts[PARTS_MAX];
    uint32_t part_count = collect_parts(call->request, parts);
    struct err err = {0};
    struct read *read;

    if (ask_parse_parts(&read, served->worker, parts, part_count, params->items, params->count,
                        &err) < 0) {
        refuse(call, &err);
        return;
    }
    call->asked = true;
    ask_read(served->worker, read, on_answered, call);
}

static void on_request(struct http_request *request)
{
    bool is_status = span_equal(http_request_path(request), SPAN_LITERAL("/v1/status"));
    struct params params = {.count = 0};

    if (!is_status && !serve_ready(request))
        return;
    take_query(request, &params);
    ask(begin(request), &params);
}

static void on_gone(struct http_request *request)
{
    struct read_call *call = http_request_state(request);

    if (call == NULL)
        return;
    call->request = NULL;
    if (!call->asked)
        free_call(call);
}

const struct route_ops routes_read_get = {.on_request = on_request, .on_gone = on_gone};

/* ---- POST ---- */

static void on_post_request(struct http_request *request)
{
    if (serve_ready(request))
        begin(request);
}

static void on_post_body(struct http_request *request, const char *data, size_t size)
{
    struct read_call *call = http_request_state(request);

    bytes_put(&call->body, data, size); /* bounded by body_bytes of the server */
}

/* One member of the body as a parameter. `text` has what its value refers to. */
static int take_member(struct params *params, const char *name, const json_t *value,
                       struct bytes *text, struct err *err)
{
    struct read_param *param = &params->items[params->count];

    if (params->count == PARAMS_MAX)
        return err_set(err, ERR_INVALID, "more than %d parameters", PARAMS_MAX);
    if (json_is_string(value)) {
        bytes_put(text, json_string_value(value), json_string_length(value));
    } else if (json_is_number(value) || json_is_array(value)) {
        char *json = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

        bytes_put_text(text, json);
        free(json);
    } else {
        return err_set(err, ERR_INVALID, "\"%.100s\": expected a string, a number or an array",
                       name);
    }
    param->name = span_of(name);
    param->value = (struct span){text->data != NULL ? text->data : "", text->size};
    params->count++;
    return 0;
}

static int take_body(struct params *params, json_t *tree, struct bytes *texts, struct err *err)
{
    const char *name;
    json_t *value;
    int rc = 0;

    if (!json_is_object(tree))
        return err_set(err, ERR_INVALID,
                       "expected an object such as {\"members\":[\"Ada\",\"Grace\"]}");
    json_object_foreach(tree, name, value)
    {
        if (rc == 0)
            rc = take_member(params, name, value, &texts[params->count % PARAMS_MAX], err);
    }
    return rc;
}

static void on_post_end(struct http_request *request)
{
    struct read_call *call = http_request_state(request);
    struct params params = {.count = 0};
    struct bytes texts[PARAMS_MAX] = {{0}}; /* by parameter */
    struct err err = {0};
    json_error_t error;
    json_t *tree =
        json_loadb(call->body.data != NULL ? call->body.data : "", call->body.size, 0, &error);
    int rc;

    take_query(request, &params);
    if (tree == NULL)
        rc = err_set(&err, ERR_INVALID, "not valid JSON: line %d, column %d: %s", error.line,
                     error.column, error.text);
    else
        rc = take_body(&params, tree, texts, &err);
    if (rc < 0)
        refuse(call, &err);
    else
        ask(call, &params);
    json_decref(tree);
    for (uint32_t i = 0; i < PARAMS_MAX; i++)
        bytes_done(&texts[i]);
}

const struct route_ops routes_read_post = {
    .on_request = on_post_request,
    .on_body = on_post_body,
    .on_end = on_post_end,
    .on_gone = on_gone,
};
