// SPDX-License-Identifier: Apache-2.0
/*
 * http_reply.c - replies, whole and in pieces.
 *
 * A reply only queues bytes and marks the request as finished; the connection moves on in
 * http_connection.c, when no handler is on the stack.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/json.h"
#include "http/http_private.h"

/* The page is ours, so it may load from here and nowhere else; nothing in it is inline. */
#define HTML_POLICY                                                                                \
    "Content-Security-Policy: default-src 'self'; object-src 'none'; "                             \
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'\r\n"                              \
    "Referrer-Policy: same-origin\r\n"

#define NO_LENGTH SIZE_MAX

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {{200, "OK"},
                   {201, "Created"},
                   {202, "Accepted"},
                   {204, "No Content"},
                   {304, "Not Modified"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {408, "Request Timeout"},
                   {409, "Conflict"},
                   {411, "Length Required"},
                   {413, "Content Too Large"},
                   {415, "Unsupported Media Type"},
                   {417, "Expectation Failed"},
                   {426, "Upgrade Required"},
                   {429, "Too Many Requests"},
                   {431, "Request Header Fields Too Large"},
                   {500, "Internal Server Error"},
                   {501, "Not Implemented"},
                   {503, "Service Unavailable"},
                   {505, "HTTP Version Not Supported"}};

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status)
            return reasons[i].text;
    }
    return status < 400 ? "OK" : "Error";
}

static void put(struct http_connection *connection, const char *text)
{
    http_output_copy(connection, text, strlen(text));
}

static void put_header(struct http_connection *connection, const char *name, const char *value)
{
    put(connection, name);
    put(connection, ": ");
    put(connection, value);
    put(connection, "\r\n");
}

static void put_date(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    time_t now_s = time(NULL);

    if (now_s != server->date_s) {
        struct tm tm;
        gmtime_r(&now_s, &tm);
        strftime(server->date, sizeof(server->date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
        server->date_s = now_s;
    }
    put(connection, server->date);
}

/*
 * Whether the connection ends with this reply. A body that is still to come and that nobody will
 * take is worth reading only if it is small; and after a final answer in the place of
 * "100 Continue" nobody knows whether the body comes at all.
 */
static bool reply_ends(const struct http_connection *connection)
{
    const struct http_request *request = &connection->request;
    const struct http_head *head = request->head;

    if (connection->ends || connection->server->draining || !head || !head->keep_alive)
        return true;
    if (request->body_done)
        return false;
    return !request->continued || request->body_left_bytes > HTTP_DROP_BYTES_MAX;
}

static void put_head(struct http_request *request, int status, const char *content_type,
                     size_t length)
{
    struct http_connection *connection = request->connection;
    const struct http_head *head = request->head;
    char line[96];

    assert(status >= 200 && status <= 599);
    connection->ends = reply_ends(connection) || (length == NO_LENGTH && !head->http_1_1);
    connection->server->counters.errors_total += status >= 400;
    if (status == 200)
        put(connection, "HTTP/1.1 200 OK\r\n");
    else {
        snprintf(line, sizeof(line), "HTTP/1.1 %d %s\r\n", status, http_reason(status));
        put(connection, line);
    }
    put_date(connection);
    if (content_type) {
        put_header(connection, "Content-Type", content_type);
        if (strncmp(content_type, "text/html", 9) == 0)
            put(connection, HTML_POLICY);
    }
    if (length != NO_LENGTH && status != 204 && status != 304) {
        snprintf(line, sizeof(line), "Content-Length: %zu\r\n", length);
        put(connection, line);
    }
    put(connection, "X-Content-Type-Options: nosniff\r\n");
    if (connection->ends)
        put(connection, "Connection: close\r\n");
    else if (!head->http_1_1)
        put(connection, "Connection: keep-alive\r\n");
    if (request->accept_cors) {
        put_header(connection, "Access-Control-Allow-Origin", http_head_find(head, "origin").data);
        put(connection, "Vary: Origin\r\n");
    }
    http_output_copy(connection, request->extra.data, request->extra.size);
}

static void put_head_end(struct http_request *request, bool cacheable)
{
    put(request->connection, cacheable ? "\r\n" : "Cache-Control: no-store\r\n\r\n");
}

/* False: there is nobody to reply to. */
static bool reply_begin(struct http_request *request)
{
    if (request->gone)
        return false;
    assert(request->head && !request->finished && !request->streaming);
    return true;
}

static void reply_finish(struct http_request *request)
{
    request->finished = true;
    http_connection_touch(request->connection);
}

void http_reply_header(struct http_request *request, const char *name, const char *value)
{
    assert(!strpbrk(name, "\r\n:") && !strpbrk(value, "\r\n"));
    bytes_put_text(&request->extra, name);
    bytes_put(&request->extra, ": ", 2);
    bytes_put_text(&request->extra, value);
    bytes_put(&request->extra, "\r\n", 2);
}

void http_reply(struct http_request *request, int status, const char *content_type,
                const void *body, size_t size)
{
    if (!reply_begin(request))
        return;
    put_head(request, status, content_type, size);
    put_head_end(request, false);
    if (!request->is_head && status != 204)
        http_output_copy(request->connection, body, size);
    reply_finish(request);
}

void http_reply_own(struct http_request *request, int status, const char *content_type, void *body,
                    size_t size)
{
    if (!reply_begin(request)) {
        free(body);
        return;
    }
    put_head(request, status, content_type, size);
    put_head_end(request, false);
    if (!request->is_head && status != 204)
        http_output_own(request->connection, body, size);
    else
        free(body);
    reply_finish(request);
}

void http_reply_bytes(struct http_request *request, int status, const char *content_type,
                      struct bytes *body)
{
    void *data = body->data;
    size_t size = body->size;

    *body = (struct bytes){0};
    http_reply_own(request, status, content_type, data, size);
}

static void error_body(struct bytes *body, const char *code, const char *text)
{
    bytes_put_text(body, "{\"error\":{\"code\":");
    json_put_string(body, span_of(code));
    bytes_put_text(body, ",\"message\":");
    /* A client's bytes may be in it. */
    if (websocket_utf8_valid(text, strlen(text)))
        json_put_string(body, span_of(text));
    else
        bytes_put_text(body, "\"the request is not valid UTF-8\"");
    bytes_put_text(body, "}}");
}

static void reply_error(struct http_request *request, int status, const char *code,
                        const char *text)
{
    struct bytes body = {0};

    if (status == 429 || status == 503)
        http_reply_header(request, "Retry-After", "1");
    error_body(&body, code, text);
    http_reply_bytes(request, status, "application/json", &body);
}

void http_reply_error(struct http_request *request, int status, const char *code,
                      const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    reply_error(request, status, code, text);
}

void http_reply_err(struct http_request *request, const struct err *err)
{
    reply_error(request, err_code_status(err->code), err_code_text(err->code), err->text);
}

void http_reply_refusal(struct http_connection *connection, int status, const char *code,
                        const char *text)
{
    /* A head that was never understood: the reply needs only to know that the connection ends. */
    static const struct http_head no_head;
    struct http_request *request = &connection->request;

    if (!request->head)
        request->head = &no_head;
    reply_error(request, status, code, text);
}

static bool client_has(struct http_request *request, const char *etag)
{
    struct span known = http_request_header(request, "if-none-match");

    if (!etag || !known.data)
        return false;
    return span_equal(known, SPAN_LITERAL("*")) ||
           memmem(known.data, known.size, etag, strlen(etag)) != NULL;
}

static bool takes_gzip(struct http_request *request)
{
    struct span accepted = http_request_header(request, "accept-encoding");

    return accepted.data && http_token_listed(accepted, "gzip") &&
           !memmem(accepted.data, accepted.size, "gzip;q=0,", 9) &&
           !(accepted.size >= 8 && memcmp(accepted.data + accepted.size - 8, "gzip;q=0", 8) == 0);
}

void http_reply_static(struct http_request *request, const struct http_static *file)
{
    bool gzip = file->gzip_bytes && takes_gzip(request);
    bool has = client_has(request, file->etag);

    if (!reply_begin(request))
        return;
    http_reply_header(request, "Cache-Control",
                      file->cache_control ? file->cache_control : "no-cache");
    if (file->etag)
        http_reply_header(request, "ETag", file->etag);
    if (file->gzip_bytes)
        http_reply_header(request, "Vary", "Accept-Encoding");
    if (gzip && !has)
        http_reply_header(request, "Content-Encoding", "gzip");
    size_t size = gzip ? file->gzip_size : file->size;
    put_head(request, has ? 304 : 200, file->mime, size);
    put_head_end(request, true);
    if (!has && !request->is_head)
        http_output_constant(request->connection, gzip ? file->gzip_bytes : file->bytes, size);
    reply_finish(request);
}

void http_stream_start(struct http_request *request, int status, const char *content_type)
{
    if (!reply_begin(request))
        return;
    request->stream_chunked = request->head->http_1_1;
    put_head(request, status, content_type, NO_LENGTH);
    if (request->stream_chunked)
        put(request->connection, "Transfer-Encoding: chunked\r\n");
    put_head_end(request, false);
    request->streaming = true;
}

bool http_stream_write(struct http_request *request, const void *data, size_t size)
{
    struct http_connection *connection = request->connection;
    char line[24];

    if (request->gone)
        return false;
    assert(request->streaming && !request->finished);
    if (size > 0 && !request->is_head) {
        if (request->stream_chunked) {
            snprintf(line, sizeof(line), "%zx\r\n", size);
            put(connection, line);
        }
        http_output_copy(connection, data, size);
        if (request->stream_chunked)
            put(connection, "\r\n");
    }
    if (http_output_bytes(connection) < HTTP_STREAM_FULL_BYTES)
        return true;
    request->wants_drain = true;
    return false;
}

size_t http_stream_queued(const struct http_request *request)
{
    return request->gone ? 0 : http_output_bytes(request->connection);
}

void http_stream_end(struct http_request *request)
{
    if (request->gone)
        return;
    assert(request->streaming && !request->finished);
    if (request->stream_chunked && !request->is_head)
        put(request->connection, "0\r\n\r\n");
    reply_finish(request);
}

void http_stream_abort(struct http_request *request)
{
    if (request->gone)
        return;
    assert(request->streaming && !request->finished);
    request->connection->kill = true;
    reply_finish(request);
}
