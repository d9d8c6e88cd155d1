// SPDX-License-Identifier: Apache-2.0
/*
 * websocket.c - WebSocket frames; see websocket.h.
 *
 * Clients here send little (a topic to watch), so their messages are collected and handed over
 * whole; binary messages are refused.
 */
#include "http/websocket.h"

#include <libwebsockets.h>
#include <string.h>

#define CODE_PROTOCOL 1002
#define CODE_UNSUPPORTED 1003
#define CODE_NOT_UTF8 1007
#define CODE_TOO_BIG 1009

static bool is_control(uint8_t opcode)
{
    return opcode >= WEBSOCKET_CLOSE;
}

/* Two bytes, two or eight more of length, four of mask. */
static size_t head_size(const struct websocket_reader *reader)
{
    if (reader->head_bytes < 2)
        return 2;
    uint8_t length = reader->head[1] & 0x7f;
    return 6 + (length == 126 ? 2u : length == 127 ? 8u : 0u);
}

/* Returns 0 or the code to fail the connection with. */
static uint16_t head_parse(struct websocket_reader *reader, size_t message_bytes_max)
{
    const uint8_t *head = reader->head;
    uint64_t length = head[1] & 0x7f;
    size_t at = 2;

    reader->final = head[0] & 0x80;
    reader->opcode = head[0] & 0x0f;
    if ((head[0] & 0x70) || !(head[1] & 0x80))
        return CODE_PROTOCOL; /* an extension that nobody agreed on, or not masked */
    if (length >= 126) {
        size_t size = length == 126 ? 2 : 8;
        length = 0;
        for (size_t i = 0; i < size; i++)
            length = length << 8 | head[at++];
    }
    memcpy(reader->mask, head + at, 4);
    reader->payload_bytes = length;
    reader->payload_at = 0;
    switch (reader->opcode) {
    case WEBSOCKET_CLOSE:
    case WEBSOCKET_PING:
    case WEBSOCKET_PONG:
        return !reader->final || length > WEBSOCKET_CONTROL_BYTES_MAX ? CODE_PROTOCOL : 0;
    case WEBSOCKET_TEXT:
        if (reader->in_message)
            return CODE_PROTOCOL;
        reader->in_message = true;
        bytes_clear(&reader->message);
        break;
    case WEBSOCKET_CONTINUATION:
        if (!reader->in_message)
            return CODE_PROTOCOL;
        break;
    case WEBSOCKET_BINARY:
        return CODE_UNSUPPORTED;
    default:
        return CODE_PROTOCOL;
    }
    if (length > message_bytes_max || reader->message.size + length > message_bytes_max)
        return CODE_TOO_BIG;
    return 0;
}

static void payload_take(struct websocket_reader *reader, const char *data, size_t size)
{
    char *out = is_control(reader->opcode) ? (char *)reader->control + reader->payload_at
                                           : bytes_reserve(&reader->message, size);

    for (size_t i = 0; i < size; i++)
        out[i] = (char)((uint8_t)data[i] ^ reader->mask[(reader->payload_at + i) & 3]);
    if (!is_control(reader->opcode))
        reader->message.size += size;
    reader->payload_at += size;
}

static enum websocket_event frame_end(struct websocket_reader *reader, struct span *out_payload,
                                      uint16_t *out_code)
{
    *out_payload = (struct span){(const char *)reader->control, (size_t)reader->payload_bytes};
    switch (reader->opcode) {
    case WEBSOCKET_PING:
        return WEBSOCKET_PINGED;
    case WEBSOCKET_PONG:
        return WEBSOCKET_PONGED;
    case WEBSOCKET_CLOSE:
        return WEBSOCKET_CLOSED;
    default:
        break;
    }
    if (!reader->final)
        return WEBSOCKET_MORE;
    reader->in_message = false;
    bytes_text(&reader->message);
    *out_payload = bytes_span(&reader->message);
    if (!websocket_utf8_valid(out_payload->data, out_payload->size)) {
        *out_code = CODE_NOT_UTF8;
        return WEBSOCKET_BROKEN;
    }
    return WEBSOCKET_MESSAGE;
}

enum websocket_event websocket_read(struct websocket_reader *reader, const char **cursor,
                                    const char *end, size_t message_bytes_max,
                                    struct span *out_payload, uint16_t *out_code)
{
    while (*cursor < end || (reader->in_payload && reader->payload_bytes == 0)) {
        if (!reader->in_payload) {
            reader->head[reader->head_bytes++] = (uint8_t) * (*cursor)++;
            if (reader->head_bytes < 2 || reader->head_bytes < head_size(reader))
                continue;
            reader->head_bytes = 0;
            *out_code = head_parse(reader, message_bytes_max);
            if (*out_code)
                return WEBSOCKET_BROKEN;
            reader->in_payload = true;
        }
        size_t size = (size_t)(end - *cursor);
        if (size > reader->payload_bytes - reader->payload_at)
            size = (size_t)(reader->payload_bytes - reader->payload_at);
        payload_take(reader, *cursor, size);
        *cursor += size;
        if (reader->payload_at < reader->payload_bytes)
            return WEBSOCKET_MORE;
        reader->in_payload = false;
        enum websocket_event event = frame_end(reader, out_payload, out_code);
        if (event != WEBSOCKET_MORE)
            return event;
    }
    return WEBSOCKET_MORE;
}

void websocket_reader_done(struct websocket_reader *reader)
{
    bytes_done(&reader->message);
    *reader = (struct websocket_reader){0};
}

size_t websocket_head(uint8_t out[WEBSOCKET_HEAD_BYTES_MAX], enum websocket_opcode opcode,
                      uint64_t payload_bytes)
{
    size_t length_bytes = payload_bytes < 126 ? 0 : payload_bytes <= UINT16_MAX ? 2 : 8;

    out[0] = (uint8_t)(0x80 | opcode);
    out[1] = (uint8_t)(length_bytes == 0 ? payload_bytes : length_bytes == 2 ? 126 : 127);
    for (size_t i = 0; i < length_bytes; i++)
        out[2 + i] = (uint8_t)(payload_bytes >> (8 * (length_bytes - 1 - i)));
    return 2 + length_bytes;
}

bool websocket_accept(struct span key, char out[WEBSOCKET_ACCEPT_BYTES + 1])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455, 1.3 */
    unsigned char text[24 + sizeof(guid) - 1];
    unsigned char digest[20];
    char encoded[WEBSOCKET_ACCEPT_BYTES + 8]; /* the library wants room that it does not use */

    if (key.size != 24)
        return false;
    memcpy(text, key.data, 24);
    memcpy(text + 24, guid, sizeof(guid) - 1);
    lws_SHA1(text, sizeof(text), digest);
    if (lws_b64_encode_string((const char *)digest, sizeof(digest), encoded, sizeof(encoded)) !=
        WEBSOCKET_ACCEPT_BYTES)
        return false;
    memcpy(out, encoded, WEBSOCKET_ACCEPT_BYTES);
    out[WEBSOCKET_ACCEPT_BYTES] = 0;
    return true;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool websocket_utf8_valid(const char *data, size_t size)
{
    const uint8_t *at = (const uint8_t *)data;
    const uint8_t *end = at + size;

    while (at < end) {
        uint8_t c = *at++;
        if (c < 0x80)
            continue;
        size_t more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        if (c < 0xc2 || c > 0xf4 || (size_t)(end - at) < more)
            return false;
        if ((c == 0xe0 && at[0] < 0xa0) || (c == 0xed && at[0] > 0x9f) ||
            (c == 0xf0 && at[0] < 0x90) || (c == 0xf4 && at[0] > 0x8f))
            return false;
        for (size_t i = 0; i < more; i++) {
            if ((*at++ & 0xc0) != 0x80)
                return false;
        }
    }
    return true;
}
