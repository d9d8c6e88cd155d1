// SPDX-License-Identifier: Apache-2.0
/*
 * test_resp_parse.c - what clients send, whole and in pieces, right and wrong.
 *
 * Every input is parsed at once, and again byte by byte with the buffer moved after each byte; a
 * transcript of both must be what is expected.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "resp/resp_parse.h"

static void describe(struct bytes *story, const struct resp_parser *parser, enum resp_parsed parsed)
{
    if (parsed == RESP_PARSED_BROKEN) {
        bytes_format(story, "! %s", parser->error);
        return;
    }
    for (uint32_t i = 0; i < parser->count; i++) {
        bytes_put_char(story, '[');
        bytes_put(story, parser->args[i].data, parser->args[i].size);
        bytes_put_char(story, ']');
    }
    bytes_put_char(story, ';');
}

/* Parses `input`, of which `step` more bytes come each time; "..." at the end if it is cut off. */
static void tell(struct bytes *story, struct span input, size_t step,
                 const struct resp_parse_limits *limits)
{
    struct resp_parser parser = {0};
    char *buffer = NULL;
    size_t begin = 0;
    size_t size = 0;
    enum resp_parsed parsed = RESP_PARSED_MORE;

    while (size < input.size && parsed != RESP_PARSED_BROKEN) {
        size_t more = input.size - size < step ? input.size - size : step;
        char *moved = bytes_alloc(size - begin + more); /* exactly: a sanitizer sees more */
        if (size > begin)
            memcpy(moved, buffer, size - begin);
        memcpy(moved + (size - begin), input.data + size, more);
        free(buffer);
        buffer = moved;
        size += more;
        size_t used = 0;
        while ((parsed = resp_parse(&parser, limits, buffer + used, size - begin - used)) ==
               RESP_PARSED_COMMAND) {
            describe(story, &parser, parsed);
            used += parser.used_bytes;
            assert_true(used <= size - begin);
        }
        memmove(buffer, buffer + used, size - begin - used);
        begin += used;
    }
    if (parsed == RESP_PARSED_BROKEN)
        describe(story, &parser, parsed);
    else if (begin < size)
        bytes_put_text(story, "...");
    resp_parser_done(&parser);
    free(buffer);
}

static void expect_with(struct span input, struct span story,
                        const struct resp_parse_limits *limits)
{
    const size_t steps[] = {SIZE_MAX, 1, 2, 3, 7, 4096};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct bytes told = {0};
        /* Byte by byte is quadratic in this harness. */
        if (input.size > 10000 && steps[i] < 4096)
            continue;
        tell(&told, input, steps[i], limits);
        if (!span_equal(bytes_span(&told), story))
            fail_msg("in steps of %zu: \"%s\", not \"%.*s\"", steps[i], bytes_text(&told),
                     (int)story.size, story.data);
        bytes_done(&told);
    }
}

static void expect(const char *input, const char *story)
{
    expect_with(span_of(input), span_of(story), &resp_parse_limits_default);
}

static void test_arrays(void **state)
{
    (void)state;
    expect("*1\r\n$4\r\nPING\r\n", "[PING];");
    expect("*4\r\n$4\r\nZADD\r\n$3\r\nkey\r\n$4\r\n12.5\r\n$15\r\nmember-00000001\r\n",
           "[ZADD][key][12.5][member-00000001];");
    expect("*2\r\n$4\r\nECHO\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\n", "[ECHO][];[PING];");
    expect("*2\r\n$1\r\na\r\n$6\r\nx\r\ny\r\n\r\n*1\r\n$1\r\nb\r\n", "[a][x\r\ny\r\n];[b];");
    expect("*0\r\n*-1\r\n*-99\r\n*1\r\n$1\r\na\r\n", ";;;[a];");
    expect("*12\r\n$1\r\n0\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n"
           "$1\r\n6\r\n$1\r\n7\r\n$1\r\n8\r\n$1\r\n9\r\n$1\r\na\r\n$1\r\nb\r\n",
           "[0][1][2][3][4][5][6][7][8][9][a][b];");
    /* Two bytes behind are passed over, whatever they are. */
    expect("*1\rX$4\rYPINGab*1\r\n$1\r\nc\r\n", "[PING];[c];");
    expect("*2\r\n$1\r\na\r\n$5\r\nhel", "...");
    expect("*", "...");
    expect("*1\r", "...");
    expect("*1\r\n$4\r\nPING\r", "...");
    expect("*1\r\nx", "...");
}

static void test_long_argument(void **state)
{
    struct bytes input = {0};
    struct bytes story = {0};

    (void)state;
    bytes_put_text(&input, "*3\r\n$1\r\na\r\n$123456\r\n");
    bytes_put_text(&story, "[a][");
    for (int i = 0; i < 123456; i++) {
        bytes_put_char(&input, (char)(i * 7));
        bytes_put_char(&story, (char)(i * 7));
    }
    bytes_put_text(&input, "\r\n$100\r\n");
    bytes_put_text(&story, "][");
    for (int i = 0; i < 100; i++) {
        bytes_put_char(&input, 'z');
        bytes_put_char(&story, 'z');
    }
    bytes_put_text(&input, "\r\n");
    bytes_put_text(&story, "];");
    expect_with(bytes_span(&input), bytes_span(&story), &resp_parse_limits_default);
    bytes_done(&input);
    bytes_done(&story);
}

static void test_many_arguments(void **state)
{
    struct bytes input = {0};
    struct bytes story = {0};

    (void)state;
    bytes_format(&input, "*%d\r\n", 100000);
    for (int i = 0; i < 100000; i++) {
        bytes_format(&input, "$5\r\n%05d\r\n", i);
        bytes_format(&story, "[%05d]", i);
    }
    bytes_put_text(&story, ";[PING];");
    bytes_put_text(&input, "*1\r\n$4\r\nPING\r\n");
    expect_with(bytes_span(&input), bytes_span(&story), &resp_parse_limits_default);
    bytes_done(&input);
    bytes_done(&story);
}

static void test_inline(void **state)
{
    (void)state;
    expect("PING\r\n", "[PING];");
    expect("PING\n", "[PING];");
    expect("  ZADD  key\t1 \v a\f \r\nPING\n", "[ZADD][key][1][a\f];[PING];");
    expect("\r\n\n   \r\nPING\r\n", ";;;[PING];");
    expect("SET \"a b\" 'c d'\r\n", "[SET][a b][c d];");
    expect("SET \"\" ''\n", "[SET][][];");
    expect("a \"x\\n\\r\\t\\b\\a\\q\\\"\\\\\"\n", "[a][x\n\r\t\b\aq\"\\];");
    expect("a \"\\x41\\x6a\\x4A\\xzz\\x1\"\n", "[a][AjJxzzx1];");
    expect("a 'it\\'s \\n'\n", "[a][it's \\n];");
    expect("foo\"bar baz\" x\n", "[foobar baz][x];");
    expect("foo'bar' x\n", "[foobar][x];");
    expect("a \"b\\'c\"\n", "[a][b'c];");
    expect("PING", "...");
    expect("PING\r", "...");
    expect("a b\rc\n", "[a][b][c];");
    /* Behind a zero byte no end is found. */
    expect_with((struct span){"a\0b c\n", 6}, SPAN_LITERAL("..."), &resp_parse_limits_default);
    expect_with((struct span){"a b\n\0c\n", 7}, SPAN_LITERAL("[a][b];..."),
                &resp_parse_limits_default);
}

static void test_inline_unbalanced(void **state)
{
    const char *const wrong[] = {"a \"b\n", "a 'b\n",      "a \"b\"c\n", "a 'b'c\n",
                                 "a \"\n",  "a \"b\\\"\n", "a 'b\\'\n",  "a \"b\\\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect(wrong[i], "! Protocol error: unbalanced quotes in request");
}

static void test_broken_arrays(void **state)
{
    static const char multibulk[] = "! Protocol error: invalid multibulk length";
    static const char bulk[] = "! Protocol error: invalid bulk length";

    (void)state;
    expect("*a\r\n", multibulk);
    expect("*\r\n", multibulk);
    expect("*01\r\n", multibulk);
    expect("*+1\r\n", multibulk);
    expect("* 1\r\n", multibulk);
    expect("*1 \r\n", multibulk);
    expect("*-0\r\n", multibulk);
    expect("*1048577\r\n", multibulk);
    expect("*9223372036854775808\r\n", multibulk);
    expect("*99999999999999999999999\r\n", multibulk);
    expect("*1\r\n$a\r\n", bulk);
    expect("*1\r\n$-1\r\n", bulk);
    expect("*1\r\n$\r\n", bulk);
    expect("*1\r\n$01\r\n", bulk);
    expect("*1\r\n$1x\r\n", bulk);
    expect("*1\r\n$536870913\r\n", bulk);
    expect("*1\r\n$9223372036854775807\r\n", bulk);
    expect("*1\r\n$18446744073709551617\r\n", bulk);
    expect("*1\r\nPING\r\n", "! Protocol error: expected '$', got 'P'");
    expect("*2\r\n$1\r\na\r\n:1\r\n", "! Protocol error: expected '$', got ':'");
    expect("*1\r\n\r\n", "! Protocol error: expected '$', got ' '");
    expect("*1\r\n\n\r\n", "! Protocol error: expected '$', got ' '");
    expect("*1\r\n$4\r\nPING\r\n*x\r\n", "[PING];! Protocol error: invalid multibulk length");
}

static void test_limits(void **state)
{
    const struct resp_parse_limits limits = {
        .args_max = 3, .bulk_bytes_max = 5, .line_bytes_max = 16};
    static const char line[] = "! Protocol error: too big inline request";

    (void)state;
    expect_with(SPAN_LITERAL("*3\r\n$5\r\n12345\r\n$1\r\na\r\n$1\r\nb\r\n"),
                SPAN_LITERAL("[12345][a][b];"), &limits);
    expect_with(SPAN_LITERAL("*4\r\n"), SPAN_LITERAL("! Protocol error: invalid multibulk length"),
                &limits);
    expect_with(SPAN_LITERAL("*1\r\n$6\r\n123456\r\n"),
                SPAN_LITERAL("! Protocol error: invalid bulk length"), &limits);
    expect_with(SPAN_LITERAL("1234567890123456\n"), SPAN_LITERAL("[1234567890123456];"), &limits);
    expect_with(SPAN_LITERAL("12345678901234567\n"), span_of(line), &limits);
    expect_with(SPAN_LITERAL("123456789012345678901234567890"), span_of(line), &limits);
    expect_with(SPAN_LITERAL("*12345678901234567\r\n"),
                SPAN_LITERAL("! Protocol error: too big mbulk count string"), &limits);
    expect_with(SPAN_LITERAL("*1\r\n$12345678901234567\r\n"),
                SPAN_LITERAL("! Protocol error: too big bulk count string"), &limits);
}

/* Redis's limit of 64 KiB, seen from outside. */
static void test_long_lines(void **state)
{
    struct bytes input = {0};

    (void)state;
    for (int i = 0; i < 70000; i++)
        bytes_put_char(&input, 'a');
    expect_with(bytes_span(&input), SPAN_LITERAL("! Protocol error: too big inline request"),
                &resp_parse_limits_default);
    input.data[0] = '*';
    expect_with(bytes_span(&input), SPAN_LITERAL("! Protocol error: too big mbulk count string"),
                &resp_parse_limits_default);
    memcpy(input.data, "*1\r\n$", 5);
    expect_with(bytes_span(&input), SPAN_LITERAL("! Protocol error: too big bulk count string"),
                &resp_parse_limits_default);
    bytes_done(&input);
}

/* An array that promises much must not cost anything before it comes. */
static void test_promises(void **state)
{
    struct resp_parser parser = {0};
    char input[] = "*1048576\r\n$536870912\r\n";

    (void)state;
    assert_int_equal(resp_parse(&parser, &resp_parse_limits_default, input, sizeof(input) - 1),
                     RESP_PARSED_MORE);
    assert_true(parser.capacity <= 1024);
    resp_parser_rest(&parser); /* in the middle of a command it changes nothing */
    assert_true(parser.capacity > 64);
    resp_parser_done(&parser);
    resp_parser_done(NULL);
}

/* After a command of many arguments, a connection that rests holds little. */
static void test_rest(void **state)
{
    struct resp_parser parser = {0};
    struct bytes input = {0};

    (void)state;
    bytes_put_text(&input, "*5000\r\n");
    for (int i = 0; i < 5000; i++)
        bytes_put_text(&input, "$1\r\na\r\n");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(resp_parse(&parser, &resp_parse_limits_default, input.data, input.size),
                         RESP_PARSED_COMMAND);
        assert_int_equal(parser.count, 5000);
        resp_parser_rest(&parser);
        assert_true(parser.capacity <= 64);
    }
    resp_parser_done(&parser);
    bytes_done(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_long_argument),
        cmocka_unit_test(test_many_arguments),
        cmocka_unit_test(test_inline),
        cmocka_unit_test(test_inline_unbalanced),
        cmocka_unit_test(test_broken_arrays),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_promises),
        cmocka_unit_test(test_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
