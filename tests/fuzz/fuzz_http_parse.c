// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_http_parse.c - heads, queries, chunked bodies and WebSocket frames from strangers.
 *
 * The first byte picks the decoder. Chunks and frames are fed twice, whole and in small pieces, and
 * must mean the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "http/http_parse.h"
#include "http/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void head(const char *data, size_t size)
{
    size_t head_size = http_parse_head_size(data, size, 0);
    struct http_head parsed;
    struct err err = {0};

    if (head_size == 0)
        return;
    char *copy = malloc(head_size + 1);
    char *decoded = malloc(head_size + 1);
    if (!copy || !decoded)
        abort();
    memcpy(copy, data, head_size);
    copy[head_size] = 0;
    if (http_parse_head(copy, head_size, &parsed, &err) == 0) {
        if (strlen(parsed.path.data) != parsed.path.size || parsed.path.size == 0)
            abort();
        for (uint32_t i = 0; i < parsed.header_count; i++) {
            if (strlen(parsed.headers[i].value.data) != parsed.headers[i].value.size)
                abort();
            http_token_listed(parsed.headers[i].value, "gzip");
        }
        http_percent_decode(parsed.path, false, decoded);
        http_percent_decode(parsed.query, true, decoded);
    } else if (err.text[0] == 0) {
        abort();
    }
    free(decoded);
    free(copy);
}

static enum http_chunk chunks(const char *data, size_t size, size_t step, struct bytes *body)
{
    struct http_chunks state = {0};
    enum http_chunk result = HTTP_CHUNK_MORE;

    for (size_t at = 0; at < size; at += step) {
        const char *cursor = data + at;
        const char *end = data + (size - at < step ? size : at + step);
        struct span piece;
        while ((result = http_chunks_next(&state, &cursor, end, &piece)) == HTTP_CHUNK_DATA)
            bytes_put(body, piece.data, piece.size);
        if (result != HTTP_CHUNK_MORE)
            break;
    }
    return result;
}

/* Writes down what happened, so that it can be compared. */
static void frames(const char *data, size_t size, size_t step, struct bytes *story)
{
    struct websocket_reader reader = {0};
    enum websocket_event event = WEBSOCKET_MORE;

    for (size_t at = 0; at < size && event == WEBSOCKET_MORE; at += step) {
        const char *cursor = data + at;
        const char *end = data + (size - at < step ? size : at + step);
        struct span payload = {NULL, 0};
        uint16_t code = 0;
        while ((event = websocket_read(&reader, &cursor, end, 4096, &payload, &code)) !=
               WEBSOCKET_MORE) {
            bytes_format(story, "%d %u ", event, code);
            if (event == WEBSOCKET_BROKEN)
                break;
            bytes_put(story, payload.data, payload.size);
        }
    }
    websocket_reader_done(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes whole = {0}, pieces = {0};

    if (size < 2)
        return 0;
    const char *rest = (const char *)data + 1;
    size_t step = data[0] / 3 + 1u;
    if (data[0] % 3 == 0) {
        head(rest, size - 1);
    } else if (data[0] % 3 == 1) {
        if (chunks(rest, size - 1, size, &whole) != chunks(rest, size - 1, step, &pieces))
            abort();
    } else {
        frames(rest, size - 1, size, &whole);
        frames(rest, size - 1, step, &pieces);
    }
    if (!span_equal(bytes_span(&whole), bytes_span(&pieces)))
        abort();
    bytes_done(&whole);
    bytes_done(&pieces);
    return 0;
}
