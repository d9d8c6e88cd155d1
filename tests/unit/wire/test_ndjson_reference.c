// SPDX-License-Identifier: Apache-2.0
/*
 * test_ndjson_reference.c - random lines, read by the decoder and by a plain parser of trees.
 *
 * The lines are events with fields in any order and number, then damaged: bytes changed, dropped,
 * doubled and swapped. The body is cut into random pieces. What jansson says is right; the damage
 * leaves out what the two see differently on purpose (huge numbers, halves of surrogate pairs).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "model/definition.h"
#include "support/transcript.h"
#include "wire/ndjson.h"
#include "wire/row_sink.h"

#define BODY_COUNT 600
#define LINES_MAX 120

static const struct ndjson_limits limits = {NDJSON_LINE_BYTES_MAX_DEFAULT,
                                            NDJSON_STRING_BYTES_MAX_DEFAULT};

struct dice {
    uint64_t state;
};

static uint32_t roll(struct dice *dice, uint32_t sides)
{
    dice->state++;
    return (uint32_t)(hash_u64(dice->state * 0x9e3779b97f4a7c15u) >> 33) % sides;
}

static const char *pick(struct dice *dice, const char *const *options)
{
    uint32_t count = 0;

    while (options[count] != NULL)
        count++;
    return options[roll(dice, count)];
}

static void put_member(struct dice *dice, struct bytes *body)
{
    static const char *const keys[] = {"player", "player", "points",       "score", "ok",
                                       "x",      "playe",  "play\\u0065r", NULL};
    static const char *const values[] = {
        "\"ann\"",
        "\"\"",
        "\"b\\u00e9\\n\"",
        "\"é€😀\"",
        "12",
        "-7",
        "0",
        "1.25",
        "-0.5e2",
        "1e3",
        "true",
        "false",
        "null",
        "{}",
        "[]",
        "[1,[2,{\"a\":\"]\"}],\"\\\\\"]",
        "{\"player\":\"no\"}",
        "123456789012",
        "\"a long string, longer than sixty-four bytes for the sake of vectors ...\"",
        NULL};
    static const char *const gaps[] = {"", "", "", " ", "\t", " \r ", NULL};
    const char *key = pick(dice, keys);
    const char *value = pick(dice, values);

    /* Mostly of the right type. */
    if (strcmp(key, "player") == 0 && roll(dice, 4) > 0)
        value = pick(dice, (const char *const[]){"\"ann\"", "\"bob\"", "\"é\\t\"", NULL});
    bytes_format(body, "%s\"%s\"%s:%s%s%s", pick(dice, gaps), key, pick(dice, gaps),
                 pick(dice, gaps), value, pick(dice, gaps));
}

static void damage(struct dice *dice, char *line, size_t *size)
{
    static const char bytes[] = "{}[]\",:\\ntfu0\t \r\x01\xc3\xa9";
    uint32_t at = roll(dice, (uint32_t)*size);

    switch (roll(dice, 3)) {
    case 0:
        line[at] = bytes[roll(dice, sizeof(bytes) - 1)];
        break;
    case 1:
        memmove(line + at, line + at + 1, *size - at - 1);
        *size -= 1;
        break;
    default:
        *size = at;
        break;
    }
}

static void put_line(struct dice *dice, struct bytes *body)
{
    size_t start = body->size;
    uint32_t count = roll(dice, 5);
    size_t size;

    if (roll(dice, 12) == 0)
        return;
    bytes_put_char(body, '{');
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            bytes_put_char(body, ',');
        put_member(dice, body);
    }
    bytes_put_char(body, '}');
    size = body->size - start;
    while (roll(dice, 5) == 0 && size > 0)
        damage(dice, body->data + start, &size);
    body->size = start + size;
}

/* ---- what must come out ---- */

/* Appends the cells of the event as transcript.c writes them; false: it is no event. */
static bool expect_cells(json_t *event, struct bytes *out)
{
    json_t *player = json_object_get(event, "player");
    json_t *points = json_object_get(event, "points");
    json_t *score = json_object_get(event, "score");
    json_t *ok = json_object_get(event, "ok");

    if (!json_is_string(player))
        return false;
    bytes_put_text(out, " player=\"");
    bytes_put(out, json_string_value(player), json_string_length(player));
    bytes_put_char(out, '"');
    if (json_is_integer(points))
        bytes_format(out, " points=%lld", (long long)json_integer_value(points));
    else if (json_is_real(points) &&
             json_real_value(points) == (double)(long long)json_real_value(points))
        bytes_format(out, " points=%lld", (long long)json_real_value(points));
    else if (points != NULL && !json_is_null(points))
        return false;
    if (json_is_number(score))
        bytes_format(out, " score=%.17g", json_number_value(score));
    else if (score != NULL && !json_is_null(score))
        return false;
    if (json_is_boolean(ok))
        bytes_format(out, " ok=%s", json_is_true(ok) ? "true" : "false");
    else if (ok != NULL && !json_is_null(ok))
        return false;
    return true;
}

/* The decoder refuses an event for any wrong value of a field that is given twice. */
static bool has_duplicates(const char *line, size_t size)
{
    json_t *tree = json_loadb(line, size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    bool duplicates = tree == NULL;

    json_decref(tree);
    return duplicates;
}

/* A line that is to be kept out of the body. */
static bool is_disputed(const char *line, size_t size, json_t *tree)
{
    return json_is_object(tree) && has_duplicates(line, size);
}

static void expect_line(const char *line, size_t size, uint64_t number, struct bytes *out)
{
    size_t blank = 0;
    size_t start = out->size;
    json_t *event;

    while (blank < size && strchr(" \t\r", line[blank]) != NULL && line[blank] != '\0')
        blank++;
    if (blank == size)
        return;
    event = json_loadb(line, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bytes_format(out, "%llu", (unsigned long long)number);
    if (!json_is_object(event) || !expect_cells(event, out)) {
        out->size = start;
        bytes_format(out, "%llu!", (unsigned long long)number);
    }
    bytes_put_char(out, '\n');
    json_decref(event);
}

static size_t cut_random(void *ctx, size_t left)
{
    struct dice *dice = ctx;
    uint32_t size = roll(dice, 4) == 0 ? roll(dice, 2000) + 1 : roll(dice, 100) + 1;

    return size < left ? size : left;
}

/* Cuts the reasons: "3! what" becomes "3!". */
static void cut_reasons(char *text)
{
    char *out = text;
    bool reason = false;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\n')
            reason = false;
        if (!reason)
            *out++ = *at;
        if (*at == '!' && at[1] == ' ')
            reason = true;
    }
    *out = '\0';
}

static void test_random(void **state)
{
    struct stream_def def = transcript_stream();
    struct row_sink nowhere = {0};
    struct ndjson *ndjson = ndjson_new(&def, &limits, &nowhere);
    struct dice dice = {20210401};
    uint64_t row_count = 0;
    uint64_t reject_count = 0;

    (void)state;
    for (int i = 0; i < BODY_COUNT; i++) {
        struct bytes body = {0};
        struct bytes expected = {0};
        struct transcript transcript = {.def = &def};
        uint32_t line_count = roll(&dice, LINES_MAX);

        for (uint32_t line = 1; line <= line_count; line++) {
            size_t start = body.size;
            json_t *tree;

            put_line(&dice, &body);
            bytes_reserve(&body, 1); /* an empty line is no NULL */
            tree = json_loadb(body.data + start, body.size - start,
                              JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
            if (is_disputed(body.data + start, body.size - start, tree))
                body.size = start;
            json_decref(tree);
            expect_line(body.data + start, body.size - start, line, &expected);
            bytes_put_char(&body, '\n');
        }
        transcript_take(&transcript, ndjson, NDJSON_LINES, bytes_span(&body), cut_random, &dice);
        cut_reasons(transcript.text.data);
        assert_string_equal(transcript.text.data, bytes_text(&expected));
        row_count += transcript.row_count;
        reject_count += transcript.reject_count;
        transcript_done(&transcript);
        bytes_done(&body);
        bytes_done(&expected);
    }
    assert_true(row_count > 2000);
    assert_true(reject_count > 2000);
    ndjson_free(ndjson);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
