// SPDX-License-Identifier: Apache-2.0
/* test_ndjson.c - bodies and what comes of them, in one piece and cut everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "model/definition.h"
#include "support/transcript.h"
#include "wire/ndjson.h"
#include "wire/row_sink.h"

static const struct ndjson_limits default_limits = {NDJSON_LINE_BYTES_MAX_DEFAULT, 40};

/* Cuts a body in two. */
struct one_cut {
    size_t at;
};

static size_t cut_once(void *ctx, size_t left)
{
    struct one_cut *cut = ctx;
    size_t size = cut->at > 0 && cut->at < left ? cut->at : left;

    cut->at = 0;
    return size;
}

static size_t cut_bytes(void *ctx, size_t left)
{
    (void)ctx;
    (void)left;
    return 1;
}

static void check_take(struct ndjson *ndjson, const struct stream_def *def, enum ndjson_form form,
                       struct span body, const char *expected,
                       size_t (*next_piece)(void *ctx, size_t left), void *ctx)
{
    struct transcript transcript = {.def = def};

    assert_int_equal(transcript_take(&transcript, ndjson, form, body, next_piece, ctx), 0);
    if (strcmp(bytes_text(&transcript.text), expected) != 0)
        fail_msg("%.*s\ngave\n%s\nnot\n%s", body.size < 300 ? (int)body.size : 300, body.data,
                 transcript.text.data, expected);
    transcript_done(&transcript);
}

static void check_limits(const struct ndjson_limits *limits, enum ndjson_form form,
                         struct span body, const char *expected)
{
    struct stream_def def = transcript_stream();
    struct row_sink nowhere = {0};
    struct ndjson *ndjson = ndjson_new(&def, limits, &nowhere);

    check_take(ndjson, &def, form, body, expected, NULL, NULL);
    check_take(ndjson, &def, form, body, expected, cut_bytes, NULL);
    for (size_t at = 1; at < body.size && at < 3000; at++) {
        struct one_cut cut = {at};

        check_take(ndjson, &def, form, body, expected, cut_once, &cut);
    }
    ndjson_free(ndjson);
}

static void check_form(enum ndjson_form form, const char *body, const char *expected)
{
    check_limits(&default_limits, form, span_of(body), expected);
}

static void check(const char *body, const char *expected)
{
    check_form(NDJSON_AUTO, body, expected);
}

static void test_lines(void **state)
{
    (void)state;
    check("", "");
    check("\n", "");
    check("{\"player\":\"ann\"}", "1 player=\"ann\"\n");
    check("{\"player\":\"ann\",\"points\":12}\n{\"player\":\"bob\",\"points\":-3}\n",
          "1 player=\"ann\" points=12\n2 player=\"bob\" points=-3\n");
    check("{\"player\":\"ann\"}\r\n\r\n{\"player\":\"bob\"}\r\n",
          "1 player=\"ann\"\n3 player=\"bob\"\n");
    check("\n  \n{\"player\":\"ann\"}\n\n \t \n{\"player\":\"bob\"}",
          "3 player=\"ann\"\n6 player=\"bob\"\n");
    check(" { \"points\" : 1 , \"player\" : \"ann\" } ", "1 player=\"ann\" points=1\n");
    check("\xef\xbb\xbf{\"player\":\"ann\"}\n", "1 player=\"ann\"\n");
    check_form(NDJSON_LINES, "\xef\xbb\xbf\n{\"player\":\"ann\"}\n", "2 player=\"ann\"\n");
    check("\xef\xbb", "1! not valid UTF-8\n");
    check("\xef\xbb{\"player\":\"ann\"}\n{\"player\":\"bob\"}\n",
          "1! not valid UTF-8\n2 player=\"bob\"\n");
}

static void test_fields(void **state)
{
    (void)state;
    check("{\"player\":\"\",\"points\":null,\"score\":1,\"ok\":true,\"at\":\"2021-04-01\"}\n"
          "{\"at\":1617235200.5,\"ok\":false,\"score\":-1.5e3,\"points\":0,\"player\":\"b\"}\n"
          "{\"player\":\"c\",\"ok\":null,\"at\":1617235200123}\n",
          "1 player=\"\" score=1 ok=true at=1617235200000\n"
          "2 player=\"b\" points=0 score=-1500 ok=false at=1617235200500\n"
          "3 player=\"c\" at=1617235200123\n");
    /* The last of two counts. */
    check("{\"player\":\"a\",\"points\":1,\"points\":2}", "1 player=\"a\" points=2\n");
    check("{\"player\":\"a\",\"points\":1,\"points\":null}", "1 player=\"a\"\n");
    check("{\"player\":\"a\",\"player\":null}", "1! field \"player\": null, but it is required\n");
    check("{\"points\":1}", "1! missing field \"player\"\n");
    check("{}", "1! missing field \"player\"\n");
    /* Fields that the stream does not have. */
    check("{\"x\":{\"player\":\"b\",\"y\":[1,{},[],\"]\",null]},\"player\":\"a\",\"z\":1e999}\n"
          "{\"x\":123456789012345678901234567890,\"player\":\"a\",\"\":\"\\ud800\"}\n",
          "1 player=\"a\"\n2 player=\"a\"\n");
    check("{\"playe\":1,\"players\":2,\"Player\":3,\"player\":\"a\"}", "1 player=\"a\"\n");
}

static void test_strings(void **state)
{
    (void)state;
    check("{\"player\":\"a\\\"b\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"}",
          "1 player=\"a\"b\\/\b\f\n\r\té😀\"\n");
    check("{\"pl\\u0061yer\":\"é\",\"p\\u006fints\":7}", "1 player=\"é\" points=7\n");
}

static void test_bad_strings(void **state)
{
    (void)state;
    check("{\"player\":\"\\ud800\"}\n{\"player\":\"\\udc00x\"}\n{\"player\":\"\\ud800\\u0041\"}",
          "1! field \"player\": half of a surrogate pair stands alone\n"
          "2! field \"player\": half of a surrogate pair stands alone\n"
          "3! field \"player\": half of a surrogate pair stands alone\n");
    check("{\"player\":\"\\x\"}\n{\"player\":\"\\u12g4\"}\n{\"a\\z\":1}\n{\"b\":\"\\u00\"}",
          "1! not valid JSON: a wrong escape in the string at byte 11\n"
          "2! not valid JSON: a wrong escape in the string at byte 11\n"
          "3! not valid JSON: a wrong escape in the field's name at byte 2\n"
          "4! not valid JSON: a wrong escape in the string at byte 6\n");
    check("{\"player\":\"a\tb\"}\n{\"player\":\"ok\"}\n{\"player\":\"a\x01\"}",
          "1! not valid JSON: a control character in a string (it must be escaped)\n"
          "2 player=\"ok\"\n"
          "3! not valid JSON: a control character in a string (it must be escaped)\n");
    check("{\"player\":\"a\xff\"}\n{\"player\":\"ok\"}\n{\"player\":\"\xc3\"}\n{\"player\":"
          "\"\xed\xa0\x80\"}",
          "1! not valid UTF-8\n2 player=\"ok\"\n3! not valid UTF-8\n4! not valid UTF-8\n");
    check("{\"player\":\"a}\n{\"player\":\"ok\"}\n\"\n",
          "1! not valid JSON: a string does not end\n2 player=\"ok\"\n"
          "3! not valid JSON: a string does not end\n");
    check("{\"player\":\"12345678901234567890123456789012345678901\"}\n"
          "{\"player\":\"1234567890123456789012345678901234567890\"}\n"
          "{\"player\":\"123456789012345678901234567890123456\\u00e9\\u00e9\"}\n"
          "{\"player\":\"1234567890123456789012345678901234567\\u00e9\\u00e9\"}\n",
          "1! field \"player\": string of 41 bytes, at most 40 are allowed\n"
          "2 player=\"1234567890123456789012345678901234567890\"\n"
          "3 player=\"123456789012345678901234567890123456éé\"\n"
          "4! field \"player\": string of 41 bytes, at most 40 are allowed\n");
}

static void test_ints(void **state)
{
    (void)state;
    check("{\"player\":\"a\",\"points\":9223372036854775807}\n"
          "{\"player\":\"a\",\"points\":-9223372036854775807}\n"
          "{\"player\":\"a\",\"points\":-9223372036854775808}\n"
          "{\"player\":\"a\",\"points\":9223372036854775808}\n"
          "{\"player\":\"a\",\"points\":12345678901234567890123456789012345678901234567890}\n"
          "{\"player\":\"a\",\"points\":999999999999999999}\n"
          "{\"player\":\"a\",\"points\":-0}\n",
          "1 player=\"a\" points=9223372036854775807\n"
          "2 player=\"a\" points=-9223372036854775807\n"
          "3! field \"points\": -9223372036854775808 is out of range for int\n"
          "4! field \"points\": 9223372036854775808 is out of range for int\n"
          "5! field \"points\": 1234567890123456789012345678901234567890… is out of range for int\n"
          "6 player=\"a\" points=999999999999999999\n"
          "7 player=\"a\" points=0\n");
    check("{\"player\":\"a\",\"points\":5.0}\n{\"player\":\"a\",\"points\":1e3}\n"
          "{\"player\":\"a\",\"points\":1.5}\n{\"player\":\"a\",\"points\":1e300}\n"
          "{\"player\":\"a\",\"points\":1e999}\n",
          "1 player=\"a\" points=5\n2 player=\"a\" points=1000\n"
          "3! field \"points\": 1.5 is not an integer\n"
          "4! field \"points\": 1e300 is not an integer that can be held exactly\n"
          "5! field \"points\": 1e999 is not an integer that can be held exactly\n");
}

static void test_floats(void **state)
{
    (void)state;
    check(
        "{\"player\":\"a\",\"score\":0.1}\n{\"player\":\"a\",\"score\":-0.0}\n"
        "{\"player\":\"a\",\"score\":123456789012345678901234567890}\n"
        "{\"player\":\"a\",\"score\":1.7976931348623157e308}\n{\"player\":\"a\",\"score\":1e309}\n"
        "{\"player\":\"a\",\"score\":5e-324}\n{\"player\":\"a\",\"score\":1e-400}\n"
        "{\"player\":\"a\",\"score\":9007199254740993}\n"
        "{\"player\":\"a\",\"score\":0.30000000000000004}\n",
        "1 player=\"a\" score=0.10000000000000001\n2 player=\"a\" score=-0\n"
        "3 player=\"a\" score=1.2345678901234568e+29\n"
        "4 player=\"a\" score=1.7976931348623157e+308\n"
        "5! field \"score\": 1e309 is out of range for float\n"
        "6 player=\"a\" score=4.9406564584124654e-324\n7 player=\"a\" score=0\n"
        "8 player=\"a\" score=9007199254740992\n9 player=\"a\" score=0.30000000000000004\n");
}

static void test_wrong_types(void **state)
{
    (void)state;
    check("{\"player\":1}\n{\"player\":true}\n{\"player\":{}}\n{\"player\":[\"a\"]}\n",
          "1! field \"player\": expected string, got number\n"
          "2! field \"player\": expected string, got bool\n"
          "3! field \"player\": expected string, got object\n"
          "4! field \"player\": expected string, got array\n");
    check("{\"player\":\"a\",\"points\":\"12\"}\n{\"player\":\"a\",\"score\":\"1\"}\n"
          "{\"player\":\"a\",\"ok\":1}\n{\"player\":\"a\",\"ok\":\"true\"}\n{\"player\":\"a\","
          "\"at\":true}\n"
          "{\"player\":\"a\",\"points\":{\"x\":[1,2]},\"score\":\"second\"}\n",
          "1! field \"points\": expected int, got string\n"
          "2! field \"score\": expected float, got string\n"
          "3! field \"ok\": expected bool, got number\n"
          "4! field \"ok\": expected bool, got string\n"
          "5! field \"at\": expected time, got bool\n"
          "6! field \"points\": expected int, got object\n");
    check("{\"player\":\"a\",\"at\":\"yesterday\"}\n{\"player\":\"a\",\"at\":1e30}\n",
          "1! field \"at\": \"yesterday\" is not a time: expected epoch seconds, ms, us or ns, or "
          "text such as \"2021-04-01T12:00:00Z\" or \"2021-04-01\"\n"
          "2! field \"at\": 1e30 is not in the years 1 to 9999\n");
}

static void test_broken(void **state)
{
    (void)state;
    check(
        "{\"player\":\"a\"}\n{\"player\":\"b\"\n{\"player\":\n{\"player\"\n{\n{\"player\":\"c\"}\n",
        "1 player=\"a\"\n"
        "2! not valid JSON: ends before its object does\n"
        "3! not valid JSON: ends before its object does\n"
        "4! not valid JSON: ends before its object does\n"
        "5! not valid JSON: ends before its object does\n"
        "6 player=\"c\"\n");
    check(
        "x\n{\"player\":\"a\"}x\n{\"player\":\"a\"} {\"player\":\"b\"}\n{\"player\":\"a\",}\n{,}\n",
        "1! not valid JSON: expected a value at byte 1\n"
        "2! not valid JSON: something stands behind the object at byte 15\n"
        "3! not valid JSON: something stands behind the object at byte 16\n"
        "4! not valid JSON: expected a field's name in quotes at byte 15\n"
        "5! not valid JSON: expected a field's name in quotes at byte 2\n");
    check("1\n[]\n\"x\"\nnull\ntrue\n\"player\"\n-\n]\n}\n:\n",
          "1! expected an object, got number\n2! expected an object, got array\n"
          "3! expected an object, got string\n4! expected an object, got null\n"
          "5! expected an object, got bool\n6! expected an object, got string\n"
          "7! not valid JSON: expected a value at byte 1\n"
          "8! not valid JSON: expected a value at byte 1\n"
          "9! not valid JSON: expected a value at byte 1\n"
          "10! not valid JSON: expected a value at byte 1\n");
    check("{\"player\" \"a\"}\n{\"player\":}\n{\"player\":\"a\" \"points\":1}\n{\"x\":[1 2]}\n"
          "{\"x\":{\"y\"}}\n{\"x\":[}\n{player:1}\n{\"x\":[1,]}\n{\"x\":{1:2}}\n",
          "1! not valid JSON: expected \":\" at byte 11\n"
          "2! not valid JSON: expected a value at byte 11\n"
          "3! not valid JSON: expected \",\" or \"}\" at byte 15\n"
          "4! not valid JSON: expected \",\" or \"]\" at byte 9\n"
          "5! not valid JSON: expected \":\" at byte 10\n"
          "6! not valid JSON: expected a value at byte 7\n"
          "7! not valid JSON: expected a field's name in quotes at byte 2\n"
          "8! not valid JSON: expected a value at byte 9\n"
          "9! not valid JSON: expected a field's name in quotes at byte 7\n");
    check("{\"points\":01}\n{\"points\":1.}\n{\"points\":.5}\n{\"points\":+1}\n{\"points\":1e}\n"
          "{\"points\":--1}\n{\"points\":0x10}\n{\"points\":NaN}\n{\"points\":12a}\n{\"ok\":tru}\n"
          "{\"ok\":truex}\n{\"x\":nul}\n{\"x\":1.e5}\n{\"x\":'a'}\n{\"x\":\\\"a\\\"}\n",
          "1! not valid JSON: expected a value at byte 11\n"
          "2! not valid JSON: expected a value at byte 11\n"
          "3! not valid JSON: expected a value at byte 11\n"
          "4! not valid JSON: expected a value at byte 11\n"
          "5! not valid JSON: expected a value at byte 11\n"
          "6! not valid JSON: expected a value at byte 11\n"
          "7! not valid JSON: expected a value at byte 11\n"
          "8! not valid JSON: expected a value at byte 11\n"
          "9! not valid JSON: expected a value at byte 11\n"
          "10! not valid JSON: expected a value at byte 7\n"
          "11! not valid JSON: expected a value at byte 7\n"
          "12! not valid JSON: expected a value at byte 6\n"
          "13! not valid JSON: expected a value at byte 6\n"
          "14! not valid JSON: expected a value at byte 6\n"
          "15! not valid JSON: expected a value at byte 6\n");
}

static void test_nul_bytes(void **state)
{
    static const char body[] =
        "{\"player\":\"a\0\"}\n\0\n{\"player\":\"b\"}\0\n{\"player\":\"c\"}\n";

    (void)state;
    check_limits(&default_limits, NDJSON_AUTO, (struct span){body, sizeof(body) - 1},
                 "1! not valid JSON: a control character in a string (it must be escaped)\n"
                 "2! not valid JSON: expected a value at byte 1\n"
                 "3! not valid JSON: something stands behind the object at byte 15\n"
                 "4 player=\"c\"\n");
}

/* A row that breaks must not take from the next ones, wherever its brackets stay open. */
static void test_crossing(void **state)
{
    (void)state;
    check("{\"x\":[\n{\"player\":\"a\"}\n{\"x\":{\"y\":\n{\"player\":\"b\"}\n{\"x\":\"y\",\n{"
          "\"player\":\"c\"}\n",
          "1! not valid JSON: ends before its object does\n2 player=\"a\"\n"
          "3! not valid JSON: ends before its object does\n4 player=\"b\"\n"
          "5! not valid JSON: ends before its object does\n6 player=\"c\"\n");
    check("{\"player\":\n\"a\",\"points\":\"x\",\"y\":\"\\u0041\\u0042\"}\n{\"player\":\"c\"}\n",
          "1! not valid JSON: ends before its object does\n"
          "2! not valid JSON: something stands behind the object at byte 4\n3 player=\"c\"\n");
}

static void test_array(void **state)
{
    (void)state;
    check("[]", "");
    check(" [ ] \n", "");
    check("[{\"player\":\"a\"}]", "1 player=\"a\"\n");
    check("\n[{\"player\":\"a\"},\n "
          "{\"player\":\n\"b\",\n\"points\":2}\n,{\"player\":\"],}\\\"\"}]\n",
          "1 player=\"a\"\n2 player=\"b\" points=2\n3 player=\"],}\"\"\n");
    check("[1,{\"player\":\"a\"},null,\"x\",[{}],{},tru,{\"player\":\"b\"}]",
          "1! expected an object, got number\n2 player=\"a\"\n3! expected an object, got null\n"
          "4! expected an object, got string\n5! expected an object, got array\n"
          "6! missing field \"player\"\n7! not valid JSON: expected a value at byte 1\n"
          "8 player=\"b\"\n");
    check("[{\"player\":\"a\"},{\"player\":\"b\xff\"},{\"player\":\"c\nd\"},{\"player\":\"e\"}]",
          "1 player=\"a\"\n2! not valid UTF-8\n"
          "3! not valid JSON: a control character in a string (it must be escaped)\n"
          "4 player=\"e\"\n");
    check("[{\"player\":\"a\"}", "1 player=\"a\"\n2! not valid JSON: the array does not end\n");
    check("[{\"player\":\"a\"},", "1 player=\"a\"\n2! not valid JSON: the array does not end\n");
    check("[{\"player\":\"a\"},{\"pl",
          "1 player=\"a\"\n2! not valid JSON: the array does not end\n");
    check("[", "1! not valid JSON: the array does not end\n");
    check(
        "[{\"player\":\"a\"}{\"player\":\"b\"}]",
        "1 player=\"a\"\n2! not valid JSON: expected \",\" or \"]\" after an element of the array; "
        "the rest was not read\n");
    check("[{\"player\":\"a\"},]",
          "1 player=\"a\"\n2! not valid JSON: expected an element of the array; the rest was not "
          "read\n");
    check("[,]", "1! not valid JSON: expected an element of the array; the rest was not read\n");
    check("[{\"player\":\"a\"}] x",
          "1 player=\"a\"\n2! not valid JSON: something stands behind the array\n");
    check_form(NDJSON_LINES, "[{\"player\":\"a\"}]", "1! expected an object, got array\n");
}

static void test_object_over_lines(void **state)
{
    (void)state;
    check("{\n  \"player\": \"a\",\n  \"points\": 1\n}\n", "1 player=\"a\" points=1\n");
    check("\n{\"player\": \"a\",\r\n\"points\": 1}", "2 player=\"a\" points=1\n");
    check("{\n\"points\": \"x\"\n}\n", "1! field \"points\": expected int, got string\n");
    check("{\n\"player\": \"a\nb\"\n}\n",
          "1! not valid JSON: ends before its object does\n"
          "2! not valid JSON: a string does not end\n3! not valid JSON: a string does not end\n"
          "4! not valid JSON: expected a value at byte 1\n");
    check_form(NDJSON_JSON, "{\n\"player\": \"a\nb\"\n}\n",
               "1! not valid JSON: a control character in a string (it must be escaped)\n");
    check_form(NDJSON_JSON, "{\n\"player\": \"a\"\n",
               "1! not valid JSON: ends before its object does\n");
    check_form(NDJSON_JSON, "{\"player\":\"a\"}\n{\"player\":\"b\"}\n",
               "1 player=\"a\"\n2 player=\"b\"\n");
    check_form(NDJSON_LINES, "{\n\"player\": \"a\"}\n",
               "1! not valid JSON: ends before its object does\n"
               "2! not valid JSON: something stands behind the object at byte 9\n");
    /* The first line is broken, the others are lines. */
    check("{\"player\":\"a\",\n{\"player\":\"b\"}\n{\"player\":\"c\"}",
          "1! not valid JSON: ends before its object does\n2 player=\"b\"\n3 player=\"c\"\n");
    check("{\"points\":\"x\",\n{\"player\":\"b\"}\n",
          "1! not valid JSON: ends before its object does\n2 player=\"b\"\n");
}

/* Bodies with lines of 100 to 300 bytes, some of them too long, around a limit of 200. */
static void test_long_lines(void **state)
{
    static const struct ndjson_limits limits = {200, 1000};
    struct bytes body = {0};
    struct bytes expected = {0};

    (void)state;
    for (int i = 0; i < 12; i++) {
        int size = i % 3 == 0 ? 185 + i : 60;

        bytes_format(&body, "{\"player\":\"%0*d\"}\n", size, i);
        if (size + 13 > 200)
            bytes_format(&expected, "%d! line longer than 200 bytes\n", i + 1);
        else
            bytes_format(&expected, "%d player=\"%0*d\"\n", i + 1, size, i);
    }
    check_limits(&limits, NDJSON_AUTO, bytes_span(&body), bytes_text(&expected));
    /* Without the last line feed. */
    check_limits(&limits, NDJSON_AUTO, (struct span){body.data, body.size - 1},
                 bytes_text(&expected));

    /* The same as an array. */
    bytes_clear(&expected);
    body.data[body.size - 1] = ']';
    for (size_t i = 0; i < body.size; i++)
        if (body.data[i] == '\n')
            body.data[i] = ',';
    bytes_reserve(&body, 1);
    memmove(body.data + 1, body.data, body.size);
    body.data[0] = '[';
    body.size++;
    for (int i = 0; i < 12; i++) {
        int size = i % 3 == 0 ? 185 + i : 60;

        if (size + 13 > 200)
            bytes_format(&expected, "%d! element longer than 200 bytes\n", i + 1);
        else
            bytes_format(&expected, "%d player=\"%0*d\"\n", i + 1, size, i);
    }
    check_limits(&limits, NDJSON_AUTO, bytes_span(&body), bytes_text(&expected));

    /* An object that grows too long over its lines is lines. */
    bytes_clear(&body);
    bytes_format(&body, "{\"player\":\n\"%0*d\"\n}\n{\"player\":\"b\"}\n", 190, 1);
    check_limits(&limits, NDJSON_AUTO, bytes_span(&body),
                 "1! not valid JSON: ends before its object does\n"
                 "2! expected an object, got string\n"
                 "3! not valid JSON: expected a value at byte 1\n4 player=\"b\"\n");
    check_limits(&limits, NDJSON_JSON, bytes_span(&body), "1! object longer than 200 bytes\n");
    bytes_done(&body);
    bytes_done(&expected);
}

/* A line much longer than a block, in the middle of others; then short ones again. */
static void test_huge_line(void **state)
{
    static const struct ndjson_limits limits = {4 << 20, 4 << 20};
    struct stream_def def = transcript_stream();
    struct row_sink nowhere = {0};
    struct ndjson *ndjson = ndjson_new(&def, &limits, &nowhere);
    const size_t size = 3 << 20;

    (void)state;
    for (int round = 0; round < 3; round++) {
        struct transcript transcript = {.def = &def};
        struct bytes body = {0};
        char *text = bytes_alloc(size);

        memset(text, 'x', size);
        bytes_put_text(&body, "{\"player\":\"a\"}\n{\"player\":\"");
        bytes_put(&body, text, size);
        bytes_put_text(&body, round == 1 ? "\\u0041\"}\n" : "\"}\n");
        bytes_put_text(&body, "{\"player\":\"b\"}\n");
        transcript_take(&transcript, ndjson, NDJSON_AUTO, bytes_span(&body), NULL, NULL);
        assert_int_equal(transcript.row_count, 3);
        assert_int_equal(transcript.reject_count, 0);
        assert_in_range(transcript.text.size, size, size + 100);
        transcript_done(&transcript);
        bytes_done(&body);
        free(text);
        check_take(ndjson, &def, NDJSON_AUTO, span_of("{\"player\":\"c\"}"), "1 player=\"c\"\n",
                   NULL, NULL);
    }
    ndjson_free(ndjson);
}

static void test_deep(void **state)
{
    struct bytes body = {0};

    (void)state;
    bytes_put_text(&body, "{\"player\":\"a\",\"x\":");
    for (int i = 0; i < 256; i++)
        bytes_put_char(&body, '[');
    for (int i = 0; i < 256; i++)
        bytes_put_char(&body, ']');
    bytes_put_text(&body, "}\n{\"player\":\"b\",\"x\":");
    for (int i = 0; i < 257; i++)
        bytes_put_text(&body, i % 2 ? "{\"y\":" : "[");
    bytes_put_text(&body, "\n{\"player\":\"c\"}\n");
    check_limits(&default_limits, NDJSON_LINES, bytes_span(&body),
                 "1 player=\"a\"\n2! not valid JSON: nested deeper than 256 at byte 787\n"
                 "3 player=\"c\"\n");
    bytes_clear(&body);
    for (int i = 0; i < 2000; i++)
        bytes_put_text(&body, "{\"x\":[");
    check_limits(&default_limits, NDJSON_AUTO, bytes_span(&body),
                 "1! not valid JSON: nested deeper than 256 at byte 774\n");
    bytes_done(&body);
}

static void test_stop(void **state)
{
    struct stream_def def = transcript_stream();
    struct transcript transcript = {.def = &def, .stop_after = 2};
    struct row_sink nowhere = {0};
    struct ndjson *ndjson = ndjson_new(&def, &default_limits, &nowhere);

    (void)state;
    assert_int_equal(transcript_take(&transcript, ndjson, NDJSON_AUTO,
                                     span_of("{\"player\":\"a\"}\n{\"player\":\"b\"}\n"
                                             "{\"player\":\"c\"}\n"),
                                     NULL, NULL),
                     -7);
    assert_string_equal(transcript.text.data, "1 player=\"a\"\n2 player=\"b\"\n");
    transcript_done(&transcript);
    ndjson_free(ndjson);
    ndjson_free(NULL);
}

/* Streams whose field names are hard to tell apart, or hard to compare, with 64 of them. */
static void test_many_fields(void **state)
{
    struct stream_def def = {.name = "wide", .version = 1, .field_count = STREAM_FIELDS_MAX};
    struct row_sink nowhere = {0};
    struct ndjson *ndjson;
    struct bytes body = {0};
    struct bytes expected = {0};

    (void)state;
    def.key_field = def.time_field = def.id_field = -1;
    for (int i = 0; i < STREAM_FIELDS_MAX; i++) {
        /* 1 to 63 bytes, and one with an escape: each the begin of the next. */
        memset(def.fields[i].name, 'f', (size_t)(i < 63 ? i + 1 : 10));
        if (i == 63)
            def.fields[i].name[5] = '"';
        def.fields[i].type = FIELD_INT;
    }
    for (int row = 0; row < 3; row++) {
        bytes_format(&expected, "%d", row + 1);
        for (int i = 0; i < STREAM_FIELDS_MAX; i++) {
            int field = row == 1 ? STREAM_FIELDS_MAX - 1 - i : i;

            bytes_format(&body, "%s\"", i == 0 ? "{" : ",");
            for (const char *c = def.fields[field].name; *c != '\0'; c++)
                bytes_format(&body, *c == '"' ? "\\%c" : "%c", *c);
            bytes_format(&body, "\":%d", field + row * 100);
            bytes_format(&expected, " %s=%d", def.fields[i].name, i + row * 100);
        }
        bytes_put_text(&body, "}\n");
        bytes_put_text(&expected, "\n");
    }
    ndjson = ndjson_new(&def, &default_limits, &nowhere);
    check_take(ndjson, &def, NDJSON_AUTO, bytes_span(&body), bytes_text(&expected), NULL, NULL);
    check_take(ndjson, &def, NDJSON_AUTO, bytes_span(&body), bytes_text(&expected), cut_bytes,
               NULL);
    ndjson_free(ndjson);
    bytes_done(&body);
    bytes_done(&expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),       cmocka_unit_test(test_fields),
        cmocka_unit_test(test_strings),     cmocka_unit_test(test_bad_strings),
        cmocka_unit_test(test_ints),        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_wrong_types), cmocka_unit_test(test_broken),
        cmocka_unit_test(test_nul_bytes),   cmocka_unit_test(test_crossing),
        cmocka_unit_test(test_array),       cmocka_unit_test(test_object_over_lines),
        cmocka_unit_test(test_long_lines),  cmocka_unit_test(test_huge_line),
        cmocka_unit_test(test_deep),        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_many_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
