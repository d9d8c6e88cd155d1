// SPDX-License-Identifier: Apache-2.0
/*
 * http_private.h - what the http_*.c files share; never leaves this folder.
 *
 *     http_server.c      the library's context, the loop's hooks, sweeping, draining
 *     http_connection.c  bytes in: heads, bodies, when a request is over
 *     http_output.c      bytes out: the queue of a connection
 *     http_request.c     the arena, and what a handler may ask
 *     http_reply.c       heads of replies, whole and in pieces
 *     http_live.c        SSE and WebSocket behind one face
 *     websocket.c        frames (pure)
 *     http_parse.c       heads and chunks (pure)
 *
 * Of libwebsockets only raw sockets are used, in http_server.c and http_output.c: its own HTTP/1.1
 * role (4.1.6) decodes the path before anybody can see where its segments ended, collapses
 * slashes, knows no chunked request bodies, and closes without an answer on a malformed request.
 *
 * A turn of the loop: the library reads and hands bytes to http_connection_input, which walks as
 * far as the bytes and the handlers let it. Whoever gives a connection something to do outside that
 * walk (a reply, resume, a push) calls http_connection_touch, and http_connection_work does it
 * before the loop waits again. So connections are only ever written, advanced and closed from two
 * places, and never below a handler's call.
 */
#ifndef TALLYWHEEL_HTTP_HTTP_PRIVATE_H
#define TALLYWHEEL_HTTP_HTTP_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"
#include "http/http.h"
#include "http/http_parse.h"
#include "http/websocket.h"
#include "http/route.h"

/* One read, and so what a paused connection may hold. */
#define HTTP_READ_BYTES_MAX (256u << 10)
/* Requests that wait behind one that is being answered. */
#define HTTP_PIPELINED_BYTES_MAX (64u << 10)
/* Replies that wait for the client; then no further request of the connection is begun. */
#define HTTP_REPLIES_BYTES_MAX (1u << 20)
/* One write: small enough that a slow but living client is seen to make progress. */
#define HTTP_WRITE_BYTES_MAX (64u << 10)
/* A streamed reply: full above the first, drained below the second. */
#define HTTP_STREAM_FULL_BYTES (256u << 10)
#define HTTP_STREAM_DRAINED_BYTES (64u << 10)
/* How much of a body nobody wants is read to keep the connection; beyond, it is closed. */
#define HTTP_DROP_BYTES_MAX (1u << 20)
/* How long a client may be silent before it closes, once we have; and how long that may go on. */
#define HTTP_LINGER_MS 3000
#define HTTP_LINGER_MS_MAX 30000
#define HTTP_QUERY_MAX 256
#define HTTP_LISTENERS_MAX 8

struct err;
struct listener;
struct lws;
struct lws_context;
struct lws_vhost;

struct http_pair {
    struct span name;
    struct span value;
};

/* ---- output ---- */

struct http_piece {
    struct http_piece *next;
    const char *data; /* what is left of it */
    size_t size;
    size_t capacity;            /* of bytes[], if the piece is a copy */
    void *owned;                /* to free(), or NULL */
    struct http_shared *shared; /* to unref, or NULL */
    char bytes[];
};

struct http_output {
    struct http_piece *first;
    struct http_piece *last;
    size_t queued_bytes;
    size_t library_bytes; /* at most so many more wait inside libwebsockets */
};

/* ---- a request ---- */

struct http_arena_block {
    struct http_arena_block *next;
    size_t size;
    size_t used;
    char bytes[];
};

struct http_request {
    struct http_connection *connection;
    struct http_arena_block *arena; /* newest first; the oldest is kept for the next request */
    const struct http_head *head;   /* NULL: none that could be understood */
    const struct route *route;      /* NULL between requests */
    uint32_t param_count;
    struct http_pair params[ROUTE_PARAMS_MAX];
    uint32_t query_count;
    struct http_pair *query;
    void *state;
    struct http_chunks chunks;
    uint64_t body_left_bytes; /* of a body with a length */
    uint64_t body_bytes;      /* so far */
    uint64_t dropped_bytes;   /* of those, after the request was finished */
    bool is_head;             /* the method is HEAD */
    bool body_done;
    bool continued; /* "100 Continue" was sent, or was not called for */
    bool paused;
    bool end_called;
    bool finished; /* by the handler; nothing more is called */
    bool gone;     /* the client left; what the handler still says is dropped */
    bool streaming;
    bool stream_chunked;
    bool wants_drain;
    bool accept_cors;   /* the Origin is one of allow_origins */
    struct bytes extra; /* headers for the reply */
};

/* ---- a live connection ---- */

struct http_live {
    struct http_connection *connection;
    const struct http_live_ops *ops;
    void *user;
    bool is_websocket;
    bool wants_drain;
    bool closing;      /* http_live_close was called, or the client closed */
    uint64_t heard_ms; /* when the client last sent something */
    uint64_t spoke_ms; /* when something was last queued */
    struct websocket_reader reader;
};

/* ---- a connection ---- */

enum http_state {
    HTTP_HEAD,   /* between requests, or inside a head */
    HTTP_BODY,   /* a request runs, its body is not complete */
    HTTP_ANSWER, /* a request runs, its body is complete */
    HTTP_LIVE,
    HTTP_LINGER, /* all is said; input is dropped until the client closes */
};

struct http_connection {
    struct http_server *server;
    struct lws *wsi;
    struct http_connection *next, *previous;
    struct http_connection *touched_next;
    bool touched;
    bool kill;          /* to be cut off by the next work */
    bool ends;          /* no request after this one: linger once the output is out */
    bool shut;          /* our half is closed */
    bool reads_stopped; /* what was last told to the library */
    bool loopback;
    enum http_state state;
    uint64_t read_deadline_ms; /* 0: none */
    uint64_t write_deadline_ms;
    uint64_t shut_ms;
    size_t head_scanned_bytes;
    struct bytes input; /* read, but not walked over yet */
    struct http_output output;
    struct http_request request;
    struct http_live live;
};

/* ---- a server ---- */

struct http_server {
    uv_loop_t *loop;
    const struct route_table *routes;
    struct http_options options;
    char **allow_origins;
    char **allow_hosts;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct listener *listeners[HTTP_LISTENERS_MAX];
    uint32_t listener_count;
    uv_prepare_t prepare;
    uv_idle_t idle;   /* runs while connections are touched, so that the loop does not wait */
    uv_timer_t sweep; /* every quarter of a second; last, the turns of closing */
    uint32_t open_handles;
    uint32_t turns_left; /* of the loop, while the library closes its handles */
    struct http_connection *connections;
    struct http_connection *touched;
    struct http_piece *spare_pieces;
    uint32_t spare_piece_count;
    char *scratch; /* HTTP_WRITE_BYTES_MAX, where small pieces are joined */
    char date[64]; /* "Date: …\r\n" */
    int64_t date_s;
    bool draining;
    bool closing;
    uint64_t drain_deadline_ms;
    const char *drain_reason;
    void (*on_drained)(void *user);
    void *drained_user;
    struct http_counters counters;
};

static inline uint64_t http_now_ms(const struct http_server *server)
{
    return uv_now(server->loop);
}

/* http_server.c */
void http_server_stop_reads(struct http_connection *connection, bool stop);

/* http_connection.c */
struct http_connection *http_connection_new(struct http_server *server, struct lws *wsi, int fd);
void http_connection_input(struct http_connection *connection, const char *data, size_t size);
/* Before the loop waits. May end the connection. */
void http_connection_work(struct http_connection *connection);
/* Asks for http_connection_work. */
void http_connection_touch(struct http_connection *connection);
/* The library closed the socket. Tells handlers, frees. */
void http_connection_gone(struct http_connection *connection);
/* Checks what must not take longer. */
void http_connection_sweep(struct http_connection *connection, uint64_t now_ms);
void http_connection_drain(struct http_connection *connection);
/* Ends the running request, if any, with an error that the transport found. */
void http_connection_refuse(struct http_connection *connection, int status, const char *code,
                            const char *text);
/* Tells a handler that has not finished that it never will. */
void http_connection_drop_request(struct http_connection *connection);

/* http_output.c */
void http_output_copy(struct http_connection *connection, const void *data, size_t size);
void http_output_constant(struct http_connection *connection, const void *data, size_t size);
void http_output_own(struct http_connection *connection, void *data, size_t size);
void http_output_share(struct http_connection *connection, struct http_shared *shared,
                       const char *data, size_t size);
/* Writes what the socket takes; negative if the connection is broken. */
int http_output_flush(struct http_connection *connection);
void http_output_writable(struct http_connection *connection);
void http_output_done(struct http_connection *connection);
void http_output_free_spares(struct http_server *server);

static inline size_t http_output_bytes(const struct http_connection *connection)
{
    return connection->output.queued_bytes + connection->output.library_bytes;
}

/* http_request.c */
/* After head and arena are set: finds the route, decodes. Returns a status to refuse it with. */
int http_request_open(struct http_request *request, const char **out_code, struct err *err);
void http_request_reset(struct http_request *request);
void http_request_done(struct http_request *request);
char *http_request_copy(struct http_request *request, struct span span);

/* http_reply.c */
/* An error that is not (yet) of a handler. */
void http_reply_refusal(struct http_connection *connection, int status, const char *code,
                        const char *text);
const char *http_reason(int status);

/* http_live.c */
void http_live_input(struct http_live *live, const char *data, size_t size);
void http_live_sweep(struct http_live *live, uint64_t now_ms);
bool http_origin_allowed(const struct http_request *request);

struct http_shared {
    uint32_t references; /* atomic */
    size_t event_offset; /* inside bytes[]: behind the line of the id */
    size_t json_offset;
    size_t rest_offset; /* the JSON behind its brace and its id; 0: it has none */
    size_t json_end;
    size_t sse_bytes;
    char bytes[]; /* the SSE event, which contains the JSON */
};

#endif
