// SPDX-License-Identifier: Apache-2.0
/*
 * http_request.c - the arena of a request, and what a handler may ask about it.
 *
 * A connection has one request at a time, so the request is part of the connection and its first
 * arena block serves all requests that come after one another.
 */
#include <assert.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "http/http_private.h"

#define BLOCK_BYTES 8192

/* ---- arena ---- */

void *http_request_alloc(struct http_request *request, size_t size)
{
    struct http_arena_block *block = request->arena;
    const size_t unit = _Alignof(max_align_t);

    size = (size + unit - 1) & ~(unit - 1);
    if (!block || block->size - block->used < size) {
        size_t capacity = size > BLOCK_BYTES / 2 ? size : BLOCK_BYTES;
        block = bytes_alloc(sizeof(*block) + unit + capacity);
        block->size = capacity;
        block->used = 0;
        block->next = request->arena;
        request->arena = block;
    }
    /* bytes[] may begin at any offset; the spare unit pays for aligning it. */
    uintptr_t start = ((uintptr_t)block->bytes + unit - 1) & ~(uintptr_t)(unit - 1);
    void *taken = (char *)start + block->used;
    block->used += size;
    return taken;
}

char *http_request_copy(struct http_request *request, struct span span)
{
    char *copy = http_request_alloc(request, span.size + 1);

    if (span.size > 0)
        memcpy(copy, span.data, span.size);
    copy[span.size] = 0;
    return copy;
}

/* Frees all blocks but the oldest, and that one too if it is large. */
static void arena_reset(struct http_request *request)
{
    while (request->arena && (request->arena->next || request->arena->size > BLOCK_BYTES)) {
        struct http_arena_block *block = request->arena;
        request->arena = block->next;
        free(block);
    }
    if (request->arena)
        request->arena->used = 0;
}

void http_request_reset(struct http_request *request)
{
    struct http_connection *connection = request->connection;
    struct bytes extra = request->extra;

    arena_reset(request);
    if (extra.capacity > 4096)
        bytes_done(&extra);
    bytes_clear(&extra);
    struct http_arena_block *arena = request->arena;
    *request = (struct http_request){.connection = connection, .arena = arena, .extra = extra};
}

void http_request_done(struct http_request *request)
{
    http_request_reset(request);
    free(request->arena);
    request->arena = NULL;
    bytes_done(&request->extra);
}

/* ---- opening ---- */

static bool decode_pair(struct http_request *request, struct span raw, bool plus_is_space,
                        struct span *out)
{
    char *decoded = http_request_alloc(request, raw.size + 1);
    ptrdiff_t size = http_percent_decode(raw, plus_is_space, decoded);

    *out = (struct span){decoded, size < 0 ? 0 : (size_t)size};
    return size >= 0;
}

static int open_query(struct http_request *request, struct err *err)
{
    struct span query = request->head->query;
    uint32_t count = 0;

    if (query.size == 0)
        return 0;
    for (size_t i = 0; i < query.size; i++)
        count += query.data[i] == '&';
    if (count >= HTTP_QUERY_MAX)
        return err_set(err, ERR_INVALID, "more than %d query parameters", HTTP_QUERY_MAX);
    request->query = http_request_alloc(request, (count + 1) * sizeof(*request->query));
    for (size_t at = 0; at < query.size;) {
        const char *end = memchr(query.data + at, '&', query.size - at);
        size_t size = end ? (size_t)(end - query.data) - at : query.size - at;
        struct span raw = {query.data + at, size};
        at += size + 1;
        if (size == 0)
            continue;
        const char *equals = memchr(raw.data, '=', size);
        struct span name = {raw.data, equals ? (size_t)(equals - raw.data) : size};
        struct span value = {raw.data + size, 0};
        if (equals)
            value = (struct span){equals + 1, size - name.size - 1};
        struct http_pair *pair = &request->query[request->query_count++];
        if (!decode_pair(request, name, true, &pair->name) ||
            !decode_pair(request, value, true, &pair->value))
            return err_set(err, ERR_INVALID, "malformed percent-encoding in the query: %.*s",
                           (int)(size < 64 ? size : 64), raw.data);
    }
    return 0;
}

static int open_params(struct http_request *request, const struct route_match *match,
                       struct err *err)
{
    for (uint32_t i = 0; i < match->param_count; i++) {
        struct http_pair *pair = &request->params[request->param_count++];
        pair->name = span_of(match->params[i].name);
        if (!decode_pair(request, match->params[i].raw, false, &pair->value))
            return err_set(err, ERR_INVALID, "malformed percent-encoding in {%s} of the path",
                           match->params[i].name);
    }
    return 0;
}

static bool is_loopback_name(struct span host)
{
    const struct span local = SPAN_LITERAL("localhost");
    char text[64];
    unsigned char address[16];

    if (host.size > 10 && host.data[host.size - 10] == '.')
        host = (struct span){host.data + host.size - 9, 9}; /* x.localhost, RFC 6761 */
    if (http_equal_nocase(host, local))
        return true;
    if (host.size == 0 || host.size >= sizeof(text))
        return false;
    if (host.data[0] == '[' && host.data[host.size - 1] == ']')
        host = (struct span){host.data + 1, host.size - 2};
    memcpy(text, host.data, host.size);
    text[host.size] = 0;
    /* An address has no name that could be made to point elsewhere. */
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* Against DNS rebinding: see allow_hosts. */
static bool host_allowed(const struct http_request *request)
{
    const struct http_server *server = request->connection->server;
    struct span host = request->head->host;

    if (!request->connection->loopback || host.size == 0)
        return true;
    const char *colon = memrchr(host.data, ':', host.size);
    if (colon && !memchr(colon, ']', host.size - (size_t)(colon - host.data)))
        host.size = (size_t)(colon - host.data);
    if (is_loopback_name(host))
        return true;
    for (size_t i = 0; i < server->options.allow_host_count; i++) {
        if (strcmp(server->allow_hosts[i], "*") == 0 ||
            http_equal_nocase(span_of(server->allow_hosts[i]), host))
            return true;
    }
    return false;
}

static bool origin_listed(const struct http_server *server, struct span origin)
{
    for (size_t i = 0; i < server->options.allow_origin_count; i++) {
        if (strcmp(server->allow_origins[i], "*") == 0 ||
            http_equal_nocase(span_of(server->allow_origins[i]), origin))
            return true;
    }
    return false;
}

bool http_origin_allowed(const struct http_request *request)
{
    struct span origin = http_head_find(request->head, "origin");

    if (!origin.data || request->accept_cors)
        return true;
    const char *authority = memmem(origin.data, origin.size, "://", 3);
    if (!authority)
        return false;
    authority += 3;
    return http_equal_nocase(
        (struct span){authority, origin.size - (size_t)(authority - origin.data)},
        request->head->host);
}

/* The transport's own answers about the route; 0 if a handler is to run. */
static int open_route(struct http_request *request, struct route_match *match,
                      const char **out_code, struct err *err)
{
    const struct http_head *head = request->head;
    enum route_result found =
        route_table_find(request->connection->server->routes, head->method, head->path, match);
    bool is_options = span_equal(head->method, SPAN_LITERAL("OPTIONS"));

    if (is_options && found != ROUTE_FOUND &&
        (found == ROUTE_METHOD || span_equal(head->path, SPAN_LITERAL("*")))) {
        if (match->allow)
            http_reply_header(request, "Allow", match->allow);
        if (request->accept_cors) {
            http_reply_header(request, "Access-Control-Allow-Methods",
                              match->allow ? match->allow : "GET");
            http_reply_header(request, "Access-Control-Allow-Headers",
                              "Authorization, Content-Type, Content-Encoding, Last-Event-ID, "
                              "Tallywheel-Producer, Tallywheel-Sequence");
            http_reply_header(request, "Access-Control-Max-Age", "600");
        }
        return 204;
    }
    if (found == ROUTE_UNKNOWN) {
        *out_code = "not_found";
        err_set(err, ERR_NOT_FOUND, "nothing is at %.*s",
                (int)(head->path.size < 200 ? head->path.size : 200), head->path.data);
        return 404;
    }
    if (found == ROUTE_METHOD) {
        *out_code = "method";
        http_reply_header(request, "Allow", match->allow);
        err_set(err, ERR_INVALID, "%.*s is not possible here; %s are",
                (int)(head->method.size < 32 ? head->method.size : 32), head->method.data,
                match->allow);
        return 405;
    }
    return 0;
}

static bool is_safe_method(struct span method)
{
    return span_equal(method, SPAN_LITERAL("GET")) || span_equal(method, SPAN_LITERAL("HEAD")) ||
           span_equal(method, SPAN_LITERAL("OPTIONS"));
}

int http_request_open(struct http_request *request, const char **out_code, struct err *err)
{
    const struct http_head *head = request->head;
    struct route_match match;
    struct span origin = http_head_find(head, "origin");

    request->is_head = span_equal(head->method, SPAN_LITERAL("HEAD"));
    request->accept_cors = origin.data && origin_listed(request->connection->server, origin);
    *out_code = "forbidden";
    if (!host_allowed(request)) {
        err_set(err, ERR_INVALID,
                "this server does not answer to the name \"%.*s\"; allow_hosts lists names",
                (int)(head->host.size < 100 ? head->host.size : 100), head->host.data);
        return 403;
    }
    if (!is_safe_method(head->method) && !http_origin_allowed(request)) {
        err_set(err, ERR_INVALID,
                "pages of %.*s may not do this; allow_origins lists those that may",
                (int)(origin.size < 100 ? origin.size : 100), origin.data);
        return 403;
    }
    int status = open_route(request, &match, out_code, err);
    if (status)
        return status;
    *out_code = "invalid";
    if (open_params(request, &match, err) < 0 || open_query(request, err) < 0)
        return 400;
    request->route = match.route;
    return 0;
}

/* ---- questions ---- */

void *http_request_user(const struct http_request *request)
{
    return request->connection->server->options.user;
}

void *http_request_state(const struct http_request *request)
{
    return request->state;
}

void http_request_set_state(struct http_request *request, void *state)
{
    request->state = state;
}

struct span http_request_method(const struct http_request *request)
{
    return request->head->method;
}

struct span http_request_path(const struct http_request *request)
{
    return request->head->path;
}

const struct route *http_request_route(const struct http_request *request)
{
    return request->route;
}

struct span http_request_param(const struct http_request *request, const char *name)
{
    struct span wanted = span_of(name);

    for (uint32_t i = 0; i < request->param_count; i++) {
        if (span_equal(request->params[i].name, wanted))
            return request->params[i].value;
    }
    assert(!"the route has no such parameter");
    return (struct span){NULL, 0};
}

struct span http_request_query(const struct http_request *request, const char *name)
{
    struct span wanted = span_of(name);

    for (uint32_t i = 0; i < request->query_count; i++) {
        if (span_equal(request->query[i].name, wanted))
            return request->query[i].value;
    }
    return (struct span){NULL, 0};
}

bool http_request_query_at(const struct http_request *request, size_t index, struct span *out_name,
                           struct span *out_value)
{
    if (index >= request->query_count)
        return false;
    *out_name = request->query[index].name;
    *out_value = request->query[index].value;
    return true;
}

struct span http_request_header(const struct http_request *request, const char *name)
{
    return http_head_find(request->head, name);
}

uint64_t http_request_length(const struct http_request *request)
{
    return request->head->length_bytes;
}

bool http_request_is_websocket(const struct http_request *request)
{
    return request->head->upgrade_websocket;
}

struct span http_request_peer(struct http_request *request)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    char host[64] = "unknown";
    unsigned port = 0;
    char text[80];

    if (!request->connection->wsi)
        return SPAN_LITERAL("unknown");
    int fd = lws_get_socket_fd(request->connection->wsi);
    if (getpeername(fd, (struct sockaddr *)&address, &size) == 0) {
        if (address.ss_family == AF_INET6) {
            const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address;
            inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
            port = ntohs(in6->sin6_port);
        } else if (address.ss_family == AF_INET) {
            const struct sockaddr_in *in = (const struct sockaddr_in *)&address;
            inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
            port = ntohs(in->sin_port);
        }
    }
    snprintf(text, sizeof(text), strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
    struct span span = span_of(text);
    return (struct span){http_request_copy(request, span), span.size};
}

/* ---- flow ---- */

void http_request_pause(struct http_request *request)
{
    request->paused = true;
    if (!request->gone)
        http_connection_touch(request->connection);
}

void http_request_resume(struct http_request *request)
{
    if (!request->paused)
        return;
    request->paused = false;
    if (!request->gone)
        http_connection_touch(request->connection);
}
