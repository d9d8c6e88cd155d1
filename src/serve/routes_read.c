// SPDX-License-Identifier: Apache-2.0
/* routes_read.c - every GET that asks the partitions: boards, metrics, status. */
#include <stdlib.h>

#include "base/err.h"
#include "node/ask.h"
#include "node/node.h"
#include "node/status.h"
#include "node/worker.h"
#include "query/answer.h"
#include "query/read.h"
#include "http/http.h"
#include "serve/serve_private.h"

#define PARTS_MAX 8
#define PARAMS_MAX 64

struct read_call {
    struct http_request *request; /* NULL: the client has left */
};

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
    free(call);
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

static int parse(struct http_request *request, struct read **out_read, struct err *err)
{
    struct serve_worker *served = serve_of(request);
    struct worker *worker = served->worker;
    struct span parts[PARTS_MAX];
    struct read_param params[PARAMS_MAX];
    uint32_t part_count = collect_parts(request, parts);
    uint32_t param_count = 0;

    while (param_count < PARAMS_MAX &&
           http_request_query_at(request, param_count, &params[param_count].name,
                                 &params[param_count].value))
        param_count++;
    return ask_parse_parts(out_read, worker, parts, part_count, params, param_count, err);
}

static void on_request(struct http_request *request)
{
    struct serve_worker *served = serve_of(request);
    bool is_status = span_equal(http_request_path(request), SPAN_LITERAL("/v1/status"));
    struct err err = {0};
    struct read_call *call;
    struct read *read;

    if (!is_status && !serve_ready(request))
        return;
    if (parse(request, &read, &err) < 0) {
        http_reply_err(request, &err);
        return;
    }
    call = bytes_alloc_zero(1, sizeof(*call));
    call->request = request;
    http_request_set_state(request, call);
    ask_read(served->worker, read, on_answered, call);
}

static void on_gone(struct http_request *request)
{
    struct read_call *call = http_request_state(request);

    if (call != NULL)
        call->request = NULL;
}

const struct route_ops routes_read_get = {.on_request = on_request, .on_gone = on_gone};
