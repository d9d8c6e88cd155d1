// SPDX-License-Identifier: Apache-2.0
/*
 * websocket.h - WebSocket frames (RFC 6455), the server's side. No I/O.
 *
 * Thread: any; a reader belongs to its connection.
 */
#ifndef TALLYWHEEL_HTTP_WEBSOCKET_H
#define TALLYWHEEL_HTTP_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define WEBSOCKET_HEAD_BYTES_MAX 10     /* of a frame from a server */
#define WEBSOCKET_CONTROL_BYTES_MAX 125 /* of a ping, a pong or a close */
#define WEBSOCKET_ACCEPT_BYTES 28

enum websocket_opcode {
    WEBSOCKET_CONTINUATION = 0,
    WEBSOCKET_TEXT = 1,
    WEBSOCKET_BINARY = 2,
    WEBSOCKET_CLOSE = 8,
    WEBSOCKET_PING = 9,
    WEBSOCKET_PONG = 10
};

/* All zero is the start. */
struct websocket_reader {
    uint8_t head[14];
    uint8_t head_bytes; /* collected so far */
    uint8_t opcode;     /* of the frame */
    bool final;
    bool in_payload;
    bool in_message; /* a text message has begun */
    uint8_t mask[4];
    uint64_t payload_bytes;
    uint64_t payload_at;
    uint8_t control[WEBSOCKET_CONTROL_BYTES_MAX];
    struct bytes message;
};

enum websocket_event {
    WEBSOCKET_MORE,    /* the input is used up */
    WEBSOCKET_MESSAGE, /* a whole text message */
    WEBSOCKET_PINGED,
    WEBSOCKET_PONGED,
    WEBSOCKET_CLOSED, /* the client closes; the payload is its code and reason */
    WEBSOCKET_BROKEN  /* the connection must be failed with *out_code */
};

/*
 * Reads on from *cursor and moves it. *out_payload is valid until the next call.
 * `message_bytes_max` bounds a text message over all its frames.
 */
enum websocket_event websocket_read(struct websocket_reader *reader, const char **cursor,
                                    const char *end, size_t message_bytes_max,
                                    struct span *out_payload, uint16_t *out_code);
void websocket_reader_done(struct websocket_reader *reader);

/* The head of an unmasked final frame; returns its size. */
size_t websocket_head(uint8_t out[WEBSOCKET_HEAD_BYTES_MAX], enum websocket_opcode opcode,
                      uint64_t payload_bytes);

/* Sec-WebSocket-Accept for a client's key, zero-terminated; false if the key is malformed. */
bool websocket_accept(struct span key, char out[WEBSOCKET_ACCEPT_BYTES + 1]);

bool websocket_utf8_valid(const char *data, size_t size);

#endif
