// SPDX-License-Identifier: Apache-2.0
/*
 * test_http_parse.c - heads, percent-encoding, chunks and WebSocket frames, without sockets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "http/http_parse.h"
#include "http/websocket.h"

/* The status of a head that is complete; `out_buffer` has to be freed. */
static int parse(const char *text, struct http_head *head, char **out_buffer, struct err *err)
{
    size_t size = strlen(text);

    *out_buffer = malloc(size + 1);
    assert_non_null(*out_buffer);
    memcpy(*out_buffer, text, size + 1);
    assert_int_equal(http_parse_head_size(*out_buffer, size, 0), size);
    return http_parse_head(*out_buffer, size, head, err);
}

static void test_head(void **state)
{
    struct http_head head;
    char *buffer;

    (void)state;
    assert_int_equal(parse("\r\nPOST /a%2Fb?x=1&y=%20#z HTTP/1.1\r\nHost:  h:1 \r\nX-A: \r\n"
                           "Content-Length: 12\r\nConnection: Upgrade, Keep-Alive\r\n"
                           "Upgrade: WebSocket\r\nExpect: 100-Continue\r\n\r\n",
                           &head, &buffer, NULL),
                     0);
    assert_string_equal(head.method.data, "POST");
    assert_string_equal(head.path.data, "/a%2Fb");
    assert_string_equal(head.query.data, "x=1&y=%20");
    assert_string_equal(head.host.data, "h:1");
    assert_int_equal(head.header_count, 6);
    assert_string_equal(http_head_find(&head, "x-a").data, "");
    assert_null(http_head_find(&head, "x-b").data);
    assert_true(head.http_1_1 && head.keep_alive && head.has_length && head.expect_continue);
    assert_true(head.upgrade_websocket && !head.chunked);
    assert_int_equal(head.length_bytes, 12);
    free(buffer);

    assert_int_equal(parse("GET http://h/p?q HTTP/1.0\r\n\r\n", &head, &buffer, NULL), 0);
    assert_string_equal(head.path.data, "/p");
    assert_string_equal(head.query.data, "q");
    assert_false(head.keep_alive);
    free(buffer);
}

static void test_bad_heads(void **state)
{
    static const struct {
        int status;
        const char *text;
    } bad[] = {
        {400, "GET\r\n\r\n"},
        {400, "GET /\r\n\r\n"},
        {400, "GET / FTP/1.1\r\nHost: h\r\n\r\n"},
        {505, "PRI * HTTP/2.0\r\n\r\n"},
        {400, "GET x HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "GET /a\x01 HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost : h\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n"},
        {400, "GET / HTTP/1.1\nHost: h\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: h\rX\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999999999999999\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
              "Transfer-Encoding: chunked\r\n\r\n"},
        {501, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
        {400, "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {417, "POST / HTTP/1.1\r\nHost: h\r\nExpect: wonders\r\n\r\n"},
    };
    struct http_head head;
    struct err err;
    char *buffer;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int status = parse(bad[i].text, &head, &buffer, &err);
        if (status != bad[i].status)
            fail_msg("%d, not %d: %s", status, bad[i].status, bad[i].text);
        assert_true(err.text[0] != 0);
        free(buffer);
    }
}

static void test_head_size(void **state)
{
    const char *text = "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET";
    size_t size = strlen(text) - 3;

    (void)state;
    for (size_t i = 0; i < size; i++)
        assert_int_equal(http_parse_head_size(text, i, i > 0 ? i - 1 : 0), 0);
    assert_int_equal(http_parse_head_size(text, size, size - 1), size);
    assert_int_equal(http_parse_head_size(text, size + 3, 0), size);
}

static void test_percent(void **state)
{
    char out[64];

    (void)state;
    assert_int_equal(http_percent_decode(SPAN_LITERAL("a%2fb%20c+d"), false, out), 7);
    assert_string_equal(out, "a/b c+d");
    assert_int_equal(http_percent_decode(SPAN_LITERAL("c+%C3%A9"), true, out), 4);
    assert_string_equal(out, "c \xc3\xa9");
    assert_int_equal(http_percent_decode(SPAN_LITERAL("%41"), true, out), 1);
    assert_int_equal(http_percent_decode(SPAN_LITERAL("%4"), true, out), -1);
    assert_int_equal(http_percent_decode(SPAN_LITERAL("%"), true, out), -1);
    assert_int_equal(http_percent_decode(SPAN_LITERAL("%zz"), true, out), -1);
    assert_int_equal(http_percent_decode(SPAN_LITERAL("a%00"), true, out), -1);
    assert_int_equal(http_percent_decode((struct span){"%411", 3}, true, out), 1);
    assert_int_equal(http_percent_decode((struct span){"%41", 2}, true, out), -1);
    assert_true(http_token_listed(SPAN_LITERAL("br , GZIP;q=0.5"), "gzip"));
    assert_false(http_token_listed(SPAN_LITERAL("xgzip, gzip2"), "gzip"));
}

/* Decodes `text` given in pieces of `step` bytes; returns the last result. */
static enum http_chunk decode(const char *text, size_t step, struct bytes *body)
{
    struct http_chunks chunks = {0};
    size_t size = strlen(text);
    enum http_chunk result = HTTP_CHUNK_MORE;

    bytes_clear(body);
    for (size_t at = 0; at < size; at += step) {
        const char *cursor = text + at;
        const char *end = text + (at + step < size ? at + step : size);
        struct span data;
        do {
            result = http_chunks_next(&chunks, &cursor, end, &data);
            if (result == HTTP_CHUNK_DATA)
                bytes_put(body, data.data, data.size);
        } while (result == HTTP_CHUNK_DATA);
        if (result != HTTP_CHUNK_MORE)
            return result;
    }
    return result;
}

static void test_chunks(void **state)
{
    const char *good = "5;x=y\r\nhello\r\n00a\r\n, world!!!\r\n0\r\nTrailer: x\r\n\r\n";
    static const char *const bad[] = {"\r\n",
                                      "g\r\n",
                                      "5\nhello",
                                      "5\r\nhellox",
                                      "5\r\nhello\rx",
                                      "-1\r\n",
                                      "fffffffffffffffff\r\n",
                                      "0\r\n\n"};
    struct bytes body = {0};

    (void)state;
    for (size_t step = 1; step < 50; step++) {
        assert_int_equal(decode(good, step, &body), HTTP_CHUNK_END);
        assert_string_equal(bytes_text(&body), "hello, world!!!");
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(decode(bad[i], 100, &body), HTTP_CHUNK_BAD);
    assert_int_equal(decode("5\r\nhel", 100, &body), HTTP_CHUNK_MORE);

    /* Extensions and trailers without end. */
    struct bytes endless = {0};
    bytes_put_text(&endless, "5;");
    for (int i = 0; i < 10000; i++)
        bytes_put_char(&endless, 'x');
    assert_int_equal(decode(bytes_text(&endless), 100, &body), HTTP_CHUNK_BAD);
    bytes_done(&endless);
    bytes_done(&body);
}

/* A frame as a client sends it. */
static void put_frame(struct bytes *out, uint8_t first, const char *payload, size_t size)
{
    static const uint8_t mask[4] = {0x12, 0xa4, 0, 0xff};

    bytes_put_char(out, (char)first);
    if (size < 126) {
        bytes_put_char(out, (char)(0x80 | size));
    } else {
        bytes_put_char(out, (char)(0x80 | 126));
        bytes_put_char(out, (char)(size >> 8));
        bytes_put_char(out, (char)size);
    }
    bytes_put(out, mask, 4);
    for (size_t i = 0; i < size; i++)
        bytes_put_char(out, (char)((uint8_t)payload[i] ^ mask[i & 3]));
}

static void test_websocket_frames(void **state)
{
    static char large[3000];
    struct bytes wire = {0};

    (void)state;
    memset(large, 'x', sizeof(large));
    put_frame(&wire, 0x81, "", 0);
    put_frame(&wire, 0x01, "he", 2);
    put_frame(&wire, 0x89, "ping", 4);
    put_frame(&wire, 0x80, "llo", 3);
    put_frame(&wire, 0x81, large, sizeof(large));
    put_frame(&wire, 0x88, "\x03\xe8", 2);
    for (size_t step = 1; step <= wire.size; step = step * 2 + 1) {
        static const enum websocket_event expected[] = {WEBSOCKET_MESSAGE, WEBSOCKET_PINGED,
                                                        WEBSOCKET_MESSAGE, WEBSOCKET_MESSAGE,
                                                        WEBSOCKET_CLOSED};
        static const size_t sizes[] = {0, 4, 5, sizeof(large), 2};
        struct websocket_reader reader = {0};
        size_t seen = 0;

        for (size_t at = 0; at < wire.size; at += step) {
            const char *cursor = wire.data + at;
            const char *end = wire.data + (at + step < wire.size ? at + step : wire.size);
            enum websocket_event event;
            struct span payload;
            uint16_t code;
            while ((event = websocket_read(&reader, &cursor, end, 4096, &payload, &code)) !=
                   WEBSOCKET_MORE) {
                assert_true(seen < 5);
                assert_int_equal(event, expected[seen]);
                assert_int_equal(payload.size, sizes[seen]);
                seen++;
            }
        }
        assert_int_equal(seen, 5);
        websocket_reader_done(&reader);
    }
    bytes_done(&wire);
}

static uint16_t broken_code(uint8_t first, const char *payload, size_t size, bool masked)
{
    struct websocket_reader reader = {0};
    struct bytes wire = {0};
    struct span out;
    uint16_t code = 0;

    put_frame(&wire, first, payload, size);
    if (!masked)
        wire.data[1] &= 0x7f;
    const char *cursor = wire.data;
    if (websocket_read(&reader, &cursor, wire.data + wire.size, 1000, &out, &code) !=
        WEBSOCKET_BROKEN)
        code = 0;
    websocket_reader_done(&reader);
    bytes_done(&wire);
    return code;
}

static void test_websocket_bad(void **state)
{
    static char large[1001];
    char accept[WEBSOCKET_ACCEPT_BYTES + 1];
    uint8_t head[WEBSOCKET_HEAD_BYTES_MAX];

    (void)state;
    assert_int_equal(broken_code(0x81, "ok", 2, true), 0);
    assert_int_equal(broken_code(0x81, "ok", 2, false), 1002);
    assert_int_equal(broken_code(0xc1, "ok", 2, true), 1002);
    assert_int_equal(broken_code(0x80, "ok", 2, true), 1002);
    assert_int_equal(broken_code(0x09, "ok", 2, true), 1002);
    assert_int_equal(broken_code(0x83, "ok", 2, true), 1002);
    assert_int_equal(broken_code(0x89, large, 126, true), 1002);
    assert_int_equal(broken_code(0x82, "ok", 2, true), 1003);
    assert_int_equal(broken_code(0x81, "\xc0\xaf", 2, true), 1007);
    assert_int_equal(broken_code(0x81, "\xed\xa0\x80", 3, true), 1007);
    assert_int_equal(broken_code(0x81, large, sizeof(large), true), 1009);

    /* The example of RFC 6455, section 1.3. */
    assert_true(websocket_accept(SPAN_LITERAL("dGhlIHNhbXBsZSBub25jZQ=="), accept));
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_false(websocket_accept(SPAN_LITERAL("short"), accept));
    assert_int_equal(websocket_head(head, WEBSOCKET_TEXT, 125), 2);
    assert_int_equal(websocket_head(head, WEBSOCKET_TEXT, 126), 4);
    assert_int_equal(websocket_head(head, WEBSOCKET_TEXT, 65536), 10);
    assert_int_equal(head[1], 127);
    assert_int_equal(head[7], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head),          cmocka_unit_test(test_bad_heads),
        cmocka_unit_test(test_head_size),     cmocka_unit_test(test_percent),
        cmocka_unit_test(test_chunks),        cmocka_unit_test(test_websocket_frames),
        cmocka_unit_test(test_websocket_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
