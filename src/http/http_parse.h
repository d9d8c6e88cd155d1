// SPDX-License-Identifier: Apache-2.0
/*
 * http_parse.h - bytes to requests: heads, chunked bodies, percent-encoding. No I/O, no state but
 * what is passed in.
 *
 * Strict where leniency lets two readers of one stream disagree about where a request ends (RFC
 * 9112, section 11.2): a line ends with CR LF, a length is digits and appears once, a length and
 * chunks exclude each other, no space stands before a colon, no header is folded.
 *
 * Thread: any.
 */
#ifndef TALLYWHEEL_HTTP_HTTP_PARSE_H
#define TALLYWHEEL_HTTP_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define HTTP_HEADERS_MAX 100

struct err;

struct http_header {
    struct span name; /* lower case */
    struct span value;
};

struct http_head {
    struct span method;
    struct span path;  /* percent-encoded; begins with '/', or is "*" */
    struct span query; /* percent-encoded, without '?' */
    struct span host;  /* the Host header; empty if an HTTP/1.0 client sent none */
    bool http_1_1;
    bool keep_alive;
    bool has_length;
    bool chunked;
    bool expect_continue;
    bool upgrade_websocket;
    uint64_t length_bytes;
    uint32_t header_count;
    struct http_header headers[HTTP_HEADERS_MAX];
};

/*
 * The size of the head at the start of `data`, blank line included, or 0 if it is not complete.
 * `from` bytes have been looked at before. Line breaks before a request are part of its head.
 */
size_t http_parse_head_size(const char *data, size_t size, size_t from);

/*
 * Understands a complete head, in place: names become lower case, names, values, path and query
 * zero-terminated. Returns 0, or the HTTP status to refuse it with and the reason in `err`.
 */
int http_parse_head(char *data, size_t size, struct http_head *out_head, struct err *err);

/* The value of a header by its lower-case name; {NULL, 0} if absent. */
struct span http_head_find(const struct http_head *head, const char *name);

/* Does a comma-separated header value hold `token` (lower case), in whatever case? */
bool http_token_listed(struct span value, const char *token);

/* Equal but for the case of ASCII letters. */
bool http_equal_nocase(struct span a, struct span b);

/*
 * Percent-decodes into `out` (room for raw.size + 1; zero-terminated; may be raw.data itself).
 * Returns the size, or -1 for a malformed or a zero byte.
 */
ptrdiff_t http_percent_decode(struct span raw, bool plus_is_space, char *out);

/* ---- chunked bodies ---- */

enum http_chunk { HTTP_CHUNK_MORE, HTTP_CHUNK_DATA, HTTP_CHUNK_END, HTTP_CHUNK_BAD };

/* All zero is the start. */
struct http_chunks {
    uint8_t state;
    bool digit_seen;
    uint32_t noise_bytes; /* extensions and trailers so far, which are dropped */
    uint64_t left_bytes;  /* of the chunk */
};

/*
 * Reads on from *cursor and moves it. DATA: *out_data is a piece of the body inside the input;
 * MORE: the input is used up; END: the body is over, and what follows *cursor is the next request.
 */
enum http_chunk http_chunks_next(struct http_chunks *chunks, const char **cursor, const char *end,
                                 struct span *out_data);

#endif
