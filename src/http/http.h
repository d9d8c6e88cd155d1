// SPDX-License-Identifier: Apache-2.0
/*
 * http.h - HTTP/1.1, server-sent events and WebSocket for one worker.
 *
 * A transport: it knows routes, requests and live connections, and nothing of what they are about.
 * One `struct http_server` lives on one worker's uv loop, with sockets of its own. What a handler
 * sees is the same with and without TLS, chunked bodies, pipelining, SSE or WebSocket.
 *
 * The life of a request, and who may call what:
 *
 *     head arrives   on_request   may reply at once, or later, or go live
 *     body arrives   on_body *    unless already replied; may pause
 *     body ends      on_end       unless already replied; also when there is no body
 *     client leaves  on_gone      unless already replied
 *
 * A handler finishes every request exactly once: with one of the http_reply calls, http_stream_end,
 * http_stream_abort or http_live_start, from inside a callback or at any later time. If on_gone
 * comes first, it must not. A request that is finished may be touched until the callback that
 * finished it returns; one that is finished outside any callback may not be touched afterwards.
 * Callbacks never run inside a call of this header, with http_server_free as the one exception.
 *
 * Bytes that are queued leave at the end of the loop's turn: all that a turn produced for one
 * connection goes out in as few writes as possible.
 *
 * A client that closes its side of the connection has left, also if it only meant to say that it
 * has nothing more to send.
 *
 * Thread: everything here belongs to the worker's thread, except http_shared_* (any thread).
 */
#ifndef TALLYWHEEL_HTTP_HTTP_H
#define TALLYWHEEL_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"
#include "http/route.h"

struct err;
struct http_live;
struct http_request;
struct http_server;
struct http_shared;

/* ---- handlers ---- */

/* Slots other than on_request may be NULL. */
struct route_ops {
    /* The head is here. Without on_body, a body is read and dropped. */
    void (*on_request)(struct http_request *request);

    /* The next piece of the body, never empty; gone when this returns. Not called while paused. */
    void (*on_body)(struct http_request *request, const char *data, size_t size);

    /* The body is complete. A route without on_end has to finish the request by other means. */
    void (*on_end)(struct http_request *request);

    /* The client left, or the server gave it up, before the handler finished. Last callback. */
    void (*on_gone)(struct http_request *request);

    /* A streamed reply has room again after http_stream_write said that it was full. */
    void (*on_drain)(struct http_request *request);
};

/* ---- server ---- */

/* Zero means the default in brackets, in every field. */
struct http_options {
    void *user;                   /* http_request_user */
    size_t body_bytes_max;        /* of one request; more is 413 [64 MiB] */
    size_t head_bytes_max;        /* request line and headers; more is 431 [32 KiB] */
    uint32_t connections_max;     /* open at once; above, 503 and close [8192] */
    uint32_t head_ms_max;         /* from a head's first byte to its last; then 408 [10 s] */
    uint32_t idle_ms_max;         /* a connection between requests [75 s] */
    uint32_t body_stall_ms_max;   /* between two pieces of a body; then 408 [30 s] */
    uint32_t write_stall_ms_max;  /* a client that takes nothing of what is queued [30 s] */
    uint32_t live_keep_alive_ms;  /* SSE comment, WebSocket ping [15 s] */
    size_t live_queued_bytes_max; /* of one live connection; see http_live_push [1 MiB] */
    size_t message_bytes_max;     /* of one WebSocket message from a client [64 KiB] */

    /*
     * Browsers on pages of other origins may only GET. Origins listed here ("https://a.example",
     * or "*" for all) may do everything, and are told so (CORS). Copied.
     */
    const char *const *allow_origins;
    size_t allow_origin_count;

    /*
     * Over a loopback address, the Host header must be an address, localhost, or a name listed
     * here: otherwise any web page could have its own name resolve to 127.0.0.1 and talk to us.
     * "*" allows all. Without port. Copied.
     */
    const char *const *allow_hosts;
    size_t allow_host_count;
};

struct http_counters {
    uint64_t connections;       /* open now */
    uint64_t lives;             /* of those, SSE and WebSocket */
    uint64_t connections_total; /* accepted since the start */
    uint64_t refused_total;     /* over connections_max */
    uint64_t requests_total;    /* whose head was understood */
    uint64_t errors_total;      /* replies with status 400 and above */
    uint64_t timeouts_total;    /* closed because of one of the *_ms_max */
    uint64_t in_bytes;
    uint64_t out_bytes;
};

/*
 * A server on `loop`, with no socket yet. `routes` is not copied and must outlive the server.
 * Servers of several threads share nothing but the routes. ERR_INTERNAL if the transport library
 * cannot start (its libuv plug-in is a package of its own).
 */
int http_server_new(struct http_server **out_server, uv_loop_t *loop,
                    const struct route_table *routes, const struct http_options *options,
                    struct err *err);

/* Listens on one more address. `first`: see net/listener.h. `out_port` may be NULL. */
int http_server_listen(struct http_server *server, const char *host, uint16_t port, bool first,
                       uint16_t *out_port, struct err *err);

/*
 * Stops accepting, closes idle connections, lets running requests finish (their replies say
 * Connection: close) and closes live ones: SSE by ending the stream, WebSocket with 1001 and
 * `reason`. What is left after `ms` is cut off. Then `on_drained(user)` is called, from the loop,
 * also if nothing was open. At most once a server.
 */
void http_server_drain(struct http_server *server, uint32_t ms, const char *reason,
                       void (*on_drained)(void *user), void *user);

/*
 * Cuts off all connections that are left (on_gone is called from inside), and closes. The loop has
 * to run until nothing is left in it before it can be closed. Not from inside a handler's callback;
 * from inside on_drained it is fine, and so is NULL.
 */
void http_server_free(struct http_server *server);

const struct http_counters *http_server_counters(const struct http_server *server);

/* ---- request: what the client asked ---- */

/* All of it lives in the request's arena, and every span is zero-terminated beyond its size. */

/* Memory that goes with the request; aligned for anything; not zeroed. */
void *http_request_alloc(struct http_request *request, size_t size);

/* `options.user` of the server. */
void *http_request_user(const struct http_request *request);

/* The handler's own pointer; NULL at first. */
void *http_request_state(const struct http_request *request);
void http_request_set_state(struct http_request *request, void *state);

struct span http_request_method(const struct http_request *request);
struct span http_request_path(const struct http_request *request); /* as sent, without query */
const struct route *http_request_route(const struct http_request *request);

/* What `{name}` of the pattern captured, percent-decoded. `name` must be in the pattern. */
struct span http_request_param(const struct http_request *request, const char *name);

/* The first query parameter of that name, decoded; {NULL, 0} if absent, {"", 0} if empty. */
struct span http_request_query(const struct http_request *request, const char *name);

/* All query parameters in their order; false when `index` is past the last. */
bool http_request_query_at(const struct http_request *request, size_t index, struct span *out_name,
                           struct span *out_value);

/* A header by its lower-case name; {NULL, 0} if absent. Of several, the first. */
struct span http_request_header(const struct http_request *request, const char *name);

/* The announced size of the body; 0 if there is none or it comes in chunks. */
uint64_t http_request_length(const struct http_request *request);

/* "127.0.0.1:50312", for diagnostics. */
struct span http_request_peer(struct http_request *request);

/* An Upgrade to WebSocket is asked for. */
bool http_request_is_websocket(const struct http_request *request);

/*
 * Stops on_body and on_end until resume; the client is slowed down by TCP. What was read already is
 * kept (up to 256 KiB). Calls do not nest. While paused, a client that leaves is noticed only when
 * something is written to it.
 */
void http_request_pause(struct http_request *request);
void http_request_resume(struct http_request *request);

/* ---- reply: what it gets ---- */

/* A header of the reply that follows; before it. Name and value are copied. */
void http_reply_header(struct http_request *request, const char *name, const char *value);

/* The whole reply. `body` is copied; `content_type` NULL means none. HEAD sends no body. */
void http_reply(struct http_request *request, int status, const char *content_type,
                const void *body, size_t size);

/* The same, for a malloc'ed buffer that is taken over and freed. */
void http_reply_own(struct http_request *request, int status, const char *content_type, void *body,
                    size_t size);

/* The same, for the contents of a buffer, which is left empty. */
void http_reply_bytes(struct http_request *request, int status, const char *content_type,
                      struct bytes *body);

/* {"error":{"code":…,"message":…}} */
void http_reply_error(struct http_request *request, int status, const char *code,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same from an error; ERR_LIMIT and 503 get Retry-After: 1. */
void http_reply_err(struct http_request *request, const struct err *err);

/* Constant bytes that live as long as the process; not copied. */
struct http_static {
    const char *mime;
    const char *etag; /* quoted; NULL: none */
    const unsigned char *bytes;
    size_t size;
    const unsigned char *gzip_bytes; /* NULL: none */
    size_t gzip_size;
    const char *cache_control; /* NULL: "no-cache", which is to ask again with the etag */
};

/* 304 if the client has it, gzip if it takes that. HTML gets a Content-Security-Policy. */
void http_reply_static(struct http_request *request, const struct http_static *file);

/* ---- reply in pieces ---- */

/* The head. Chunked, or ended by closing for an HTTP/1.0 client. */
void http_stream_start(struct http_request *request, int status, const char *content_type);

/*
 * Queues a copy, always. False: enough is queued (256 KiB), go on at on_drain. Ignored for HEAD.
 */
bool http_stream_write(struct http_request *request, const void *data, size_t size);
size_t http_stream_queued(const struct http_request *request);
void http_stream_end(struct http_request *request);

/* The reply cannot be completed: the connection is cut so that the client sees it is not whole. */
void http_stream_abort(struct http_request *request);

/* ---- live ---- */

/* Slots other than on_gone may be NULL. */
struct http_live_ops {
    /* A text message from a WebSocket client (SSE clients cannot send); valid UTF-8. */
    void (*on_message)(struct http_live *live, const char *text, size_t size);

    /* After a push was refused: the queue has fallen to a quarter of its limit. */
    void (*on_drain)(struct http_live *live);

    /* It is over, for whatever reason. Exactly once and last; `live` ends with it. */
    void (*on_gone)(struct http_live *live);
};

/*
 * Turns a GET into an SSE stream, or a WebSocket if it asks for that, and finishes the request.
 * The request stays readable, and its arena alive, until on_gone. NULL: the client got an error
 * instead (another origin, a broken handshake), and the request is finished all the same.
 */
struct http_live *http_live_start(struct http_request *request, const struct http_live_ops *ops,
                                  void *user);

void *http_live_user(const struct http_live *live);
struct http_request *http_live_request(const struct http_live *live);

/*
 * Queues a message by reference. False: it would exceed live_queued_bytes_max (or the connection
 * is closing), and was not queued. A message always fits into an empty queue.
 */
bool http_live_push(struct http_live *live, struct http_shared *message);

/* The same without the id: a client that comes back says nothing of having seen it. */
bool http_live_push_unnumbered(struct http_live *live, struct http_shared *message);

/* Bytes that the client has not taken from us yet. */
size_t http_live_queued(const struct http_live *live);

/*
 * Sends what is queued, then ends: WebSocket with `code` (1000 normal, 1001 going away, 1008
 * policy, 1011 failure) and `reason` (at most 120 bytes are sent), SSE by ending the stream.
 * on_gone follows later.
 */
void http_live_close(struct http_live *live, uint16_t code, const char *reason);

/*
 * A message in both encodings, made once and queued on many connections, on any threads. `json` is
 * without line breaks (compact JSON has none). An `id` that is not empty becomes the first member
 * of `json`, which must be an object with others. `event` is for SSE only. Neither holds line
 * breaks or needs escapes.
 */
struct http_shared *http_shared_new(struct span id, struct span event, struct span json);
struct http_shared *http_shared_ref(struct http_shared *shared);
void http_shared_unref(struct http_shared *shared); /* NULL is fine */

#endif
