// SPDX-License-Identifier: Apache-2.0
/* test_grammar.c - words become typed commands, or Redis's errors to the letter. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "grammar/grammar.h"
#include "model/command.h"
#include "model/reply.h"

#define WORDS_MAX 64
#define NOW_MS INT64_C(1700000000000)

struct parsed {
    struct command_list list;
    struct bytes error;
    struct grammar grammar;
    bool ok;
};

/* Words are separated by blanks; "~" stands for a word of no bytes. */
static void parse(struct parsed *parsed, grammar_fn *fn, const char *text)
{
    static char copy[4096];
    static struct span words[WORDS_MAX];
    uint32_t count = 0;
    char *left;

    snprintf(copy, sizeof(copy), "%s", text);
    for (char *at = strtok_r(copy, " ", &left); at != NULL; at = strtok_r(NULL, " ", &left)) {
        assert_true(count < WORDS_MAX);
        words[count++] = strcmp(at, "~") == 0 ? (struct span){at, 0} : span_of(at);
    }
    *parsed = (struct parsed){0};
    parsed->grammar = (struct grammar){.args = words,
                                       .count = count,
                                       .name = copy,
                                       .now_ms = NOW_MS,
                                       .list = &parsed->list,
                                       .error = &parsed->error};
    /* One is there already: it must be left alone. */
    command_list_add(&parsed->list, COMMAND_DBSIZE, 0);
    parsed->ok = fn(&parsed->grammar);
    assert_int_equal(parsed->list.count, parsed->ok ? 2 : 1);
    assert_int_equal(parsed->error.size == 0, parsed->ok);
}

static void done(struct parsed *parsed)
{
    command_list_done(&parsed->list);
    bytes_done(&parsed->error);
}

static const struct command *command_of(const struct parsed *parsed)
{
    return &parsed->list.commands[1];
}

static void refused(grammar_fn *fn, const char *words, const char *error)
{
    struct reply_token token;
    struct parsed parsed;
    size_t at = 0;

    parse(&parsed, fn, words);
    if (parsed.ok)
        fail_msg("'%s' was taken", words);
    assert_true(reply_next(bytes_span(&parsed.error), &at, &token));
    assert_int_equal(token.kind, REPLY_ERROR);
    if (token.text.size != strlen(error) || memcmp(token.text.data, error, token.text.size) != 0)
        fail_msg("'%s': '%.*s', not '%s'", words, (int)token.text.size, token.text.data, error);
    assert_int_equal(at, parsed.error.size);
    done(&parsed);
}

/* Keys, then how many arguments in all. */
static void taken(grammar_fn *fn, const char *words, enum command_op op, uint32_t flags,
                  uint32_t key_count, uint32_t arg_count)
{
    struct parsed parsed;

    parse(&parsed, fn, words);
    if (!parsed.ok)
        fail_msg("'%s' was refused: %.*s", words, (int)parsed.error.size - 5,
                 parsed.error.data + 5);
    assert_int_equal(command_of(&parsed)->op, op);
    assert_int_equal(command_of(&parsed)->flags, flags);
    assert_int_equal(command_of(&parsed)->key_count, key_count);
    assert_int_equal(command_of(&parsed)->arg_count, arg_count);
    done(&parsed);
}

static const char syntax[] = "ERR syntax error";
static const char no_int[] = "ERR value is not an integer or out of range";

/* ---- numbers ---- */

static void test_integers(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
        bool ok;
    } cases[] = {
        {"0", 0, true},
        {"-1", -1, true},
        {"9223372036854775807", INT64_MAX, true},
        {"-9223372036854775808", INT64_MIN, true},
        {"9223372036854775808", 0, false},
        {"-9223372036854775809", 0, false},
        {"18446744073709551616", 0, false},
        {"99999999999999999999999", 0, false},
        {"-0", 0, false},
        {"007", 0, false},
        {"+1", 0, false},
        {" 1", 0, false},
        {"1 ", 0, false},
        {"", 0, false},
        {"-", 0, false},
        {"1.0", 0, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = 77;

        if (grammar_int_read(span_of(cases[i].text), &value) != cases[i].ok)
            fail_msg("'%s'", cases[i].text);
        assert_int_equal(value, cases[i].ok ? cases[i].value : 77);
    }
}

/* The fast path must be what strtod says, bit for bit. */
static void test_scores_are_those_of_strtod(void **state)
{
    uint64_t random = 1;
    char text[64];

    (void)state;
    for (int i = 0; i < 200000; i++) {
        int digits = 1 + i % 18;
        int point = i % 5 == 0 ? -1 : (i / 7) % (digits + 1);
        size_t at = 0;
        double value;
        double expected;

        random = random * 6364136223846793005u + 1442695040888963407u;
        if (random >> 63 != 0)
            text[at++] = '-';
        for (int d = 0; d < digits; d++) {
            if (d == point)
                text[at++] = '.';
            random = random * 6364136223846793005u + 1442695040888963407u;
            text[at++] = (char)('0' + (random >> 40) % 10);
        }
        text[at] = '\0';
        expected = strtod(text, NULL);
        if (!grammar_score_read(span_of(text), &value) ||
            memcmp(&value, &expected, sizeof(value)) != 0)
            fail_msg("'%s' became %.17g, not %.17g", text, value, expected);
    }
}

static void test_scores_of_all_forms(void **state)
{
    static const struct {
        const char *text;
        double value;
    } good[] = {
        {"inf", INFINITY},
        {"+inf", INFINITY},
        {"-inf", -INFINITY},
        {"Infinity", INFINITY},
        {"1e3", 1000},
        {"0x10", 16},
        {"+5", 5},
        {".5", 0.5},
        {"5.", 5},
        {"1e-400", 0},
        {"5e-324", 5e-324},
        {"-INF", -INFINITY},
        {"1.7976931348623157e308", 1.7976931348623157e308},
    };
    static const char *const bad[] = {"",   "nan", "-nan", " 1",  "1 ",   "1x",
                                      ".",  "-",   "+",    "--1", "1..2", "1e400",
                                      "e5", "0x",  "one",  "1,5", "infx", "-."};
    double value;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        bool tiny = strcmp(good[i].text, "1e-400") == 0; /* too small to be told from nothing */

        if (grammar_score_read(span_of(good[i].text), &value) == tiny)
            fail_msg("'%s'", good[i].text);
        if (!tiny)
            assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (grammar_score_read(span_of(bad[i]), &value))
            fail_msg("'%s' is a score", bad[i]);
    assert_false(grammar_score_read((struct span){"1\0002", 3}, &value));
    assert_true(grammar_score_read(span_of("-0"), &value) && signbit(value));
}

static void test_words_in_any_case(void **state)
{
    (void)state;
    assert_true(grammar_is(span_of("WithScores"), "withscores"));
    assert_false(grammar_is(span_of("withscore"), "withscores"));
    assert_false(grammar_is(span_of("withscoresx"), "withscores"));
    assert_false(grammar_is((struct span){"nx\0", 3}, "nx"));
    assert_true(grammar_is((struct span){"", 0}, ""));
}

/* ---- ZADD and pops ---- */

static void test_zadd(void **state)
{
    struct parsed parsed;

    (void)state;
    taken(grammar_zadd, "zadd k 1 a", COMMAND_ZADD, 0, 1, 3);
    taken(grammar_zadd, "zadd k XX gt Ch 1 a 2 b", COMMAND_ZADD,
          COMMAND_XX | COMMAND_GT | COMMAND_CH, 1, 5);
    taken(grammar_zadd, "zadd k incr 1 incr", COMMAND_ZADD, COMMAND_INCR, 1, 3);
    taken(grammar_zadd, "zadd k nx nx 1 nx", COMMAND_ZADD, COMMAND_NX, 1, 3);
    taken(grammar_zincrby, "zincrby k 1.5 m", COMMAND_ZADD, COMMAND_INCR, 1, 3);
    refused(grammar_zadd, "zadd k 1 a 2", syntax);
    refused(grammar_zadd, "zadd k nx", syntax);
    refused(grammar_zadd, "zadd k nx ch xx", syntax);
    refused(grammar_zadd, "zadd k nx xx 1 a",
            "ERR XX and NX options at the same time are not compatible");
    refused(grammar_zadd, "zadd k gt lt 1 a",
            "ERR GT, LT, and/or NX options at the same time are not compatible");
    refused(grammar_zadd, "zadd k gt nx x a",
            "ERR GT, LT, and/or NX options at the same time are not compatible");
    refused(grammar_zadd, "zadd k incr 1 a 2 b",
            "ERR INCR option supports a single increment-element pair");
    refused(grammar_zadd, "zadd k 1 a nan b", "ERR value is not a valid float");
    refused(grammar_zincrby, "zincrby k ch 10", syntax);
    parse(&parsed, grammar_zadd, "zadd k 2.5 a -inf b");
    assert_true(command_arg_score(&parsed.list, command_of(&parsed), 1) == 2.5);
    assert_true(command_arg_score(&parsed.list, command_of(&parsed), 3) == -INFINITY);
    assert_true(span_equal(command_arg(&parsed.list, command_of(&parsed), 4), span_of("b")));
    done(&parsed);
    taken(grammar_tw_update, "tw.update k INCR REV 5 m", COMMAND_TW_UPDATE,
          COMMAND_INCR | COMMAND_REV, 1, 3);
    refused(grammar_tw_update, "tw.update k 1 a 2 b", syntax);
}

/* More pairs than stand on the stack, the last one wrong: nothing is left behind. */
static void test_zadd_of_many(void **state)
{
    char text[2048] = "zadd k";

    (void)state;
    for (int i = 0; i < 30; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d m%d", i, i);
    taken(grammar_zadd, text, COMMAND_ZADD, 0, 1, 61);
    snprintf(text + strlen(text), sizeof(text) - strlen(text), " x y");
    refused(grammar_zadd, text, "ERR value is not a valid float");
}

static void test_pops(void **state)
{
    static const char numkeys[] = "ERR numkeys should be greater than 0";
    static const char count[] = "ERR count should be greater than 0";
    struct parsed parsed;

    (void)state;
    taken(grammar_zpopmin, "zpopmin k", COMMAND_ZPOP, 0, 1, 2);
    taken(grammar_zpopmax, "zpopmax k 3", COMMAND_ZPOP, COMMAND_MAX | COMMAND_COUNTED, 1, 2);
    refused(grammar_zpopmin, "zpopmin k -1", "ERR value is out of range, must be positive");
    refused(grammar_zpopmin, "zpopmin k x", "ERR value is out of range, must be positive");
    refused(grammar_zpopmin, "zpopmin k 1 2", syntax);
    taken(grammar_zmpop, "zmpop 2 a b MAX COUNT 3", COMMAND_ZPOP,
          COMMAND_MPOP | COMMAND_COUNTED | COMMAND_MAX, 2, 3);
    refused(grammar_zmpop, "zmpop 0 a min", numkeys);
    refused(grammar_zmpop, "zmpop x a min", numkeys);
    refused(grammar_zmpop, "zmpop 2 a min", syntax);
    refused(grammar_zmpop, "zmpop 9223372036854775807 a min", syntax);
    refused(grammar_zmpop, "zmpop 1 a mid", syntax);
    refused(grammar_zmpop, "zmpop 1 a min count 0", count);
    refused(grammar_zmpop, "zmpop 1 a min count 1 count 1", syntax);
    refused(grammar_zmpop, "zmpop 1 a min count", syntax);
    refused(grammar_bzpopmin, "bzpopmin a x", "ERR timeout is not a float or out of range");
    refused(grammar_bzpopmin, "bzpopmin a -1", "ERR timeout is negative");
    refused(grammar_bzpopmin, "bzpopmin a 1e400", "ERR timeout is out of range");
    refused(grammar_bzpopmin, "bzpopmin a 9223372036854775", "ERR timeout is out of range");
    refused(grammar_bzmpop, "bzmpop x 0 a min", numkeys);
    parse(&parsed, grammar_bzpopmax, "bzpopmax a b 0.0001");
    assert_int_equal(parsed.grammar.timeout_ms, 1); /* not 0, which is for ever */
    assert_int_equal(parsed.grammar.shape, GRAMMAR_POPPED);
    assert_int_equal(command_of(&parsed)->key_count, 2);
    done(&parsed);
}

/* ---- ranges ---- */

static void test_ranges(void **state)
{
    static const char not_float[] = "ERR min or max is not a float";
    static const char not_lex[] = "ERR min or max not valid string range item";
    static const char limit[] = "ERR syntax error, LIMIT is only supported in combination with "
                                "either BYSCORE or BYLEX";
    uint32_t by_score = COMMAND_BY_SCORE;

    (void)state;
    taken(grammar_zrange, "zrange k 0 -1", COMMAND_ZRANGE, COMMAND_BY_RANK, 1, 7);
    taken(grammar_zrange, "zrange k (1 +inf byscore rev limit 0 5 withscores", COMMAND_ZRANGE,
          by_score | COMMAND_REV | COMMAND_WITHSCORES, 1, 7);
    taken(grammar_zrange, "zrange k - + bylex", COMMAND_ZRANGE, COMMAND_BY_LEX, 1, 7);
    taken(grammar_zrange, "zrange k 0 1 limit 3 -1", COMMAND_ZRANGE, COMMAND_BY_RANK, 1, 7);
    refused(grammar_zrange, "zrange k 0 1 limit 0 1", limit);
    refused(grammar_zrange, "zrange k 0 1 byscore bylex", syntax);
    refused(grammar_zrange, "zrange k 0 1 rev rev", syntax);
    refused(grammar_zrange, "zrange k 0 1 limit 0", syntax);
    refused(grammar_zrange, "zrange k 0 1 byscore limit x 1", no_int);
    refused(grammar_zrange, "zrange k a 1", no_int);
    refused(grammar_zrange, "zrange k a 1 byscore", not_float);
    refused(grammar_zrange, "zrange k nan 1 byscore", not_float);
    refused(grammar_zrange, "zrange k a [b bylex", not_lex);
    refused(grammar_zrange, "zrange k -x [b bylex", not_lex);
    refused(grammar_zrange, "zrange k - + bylex withscores",
            "ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    refused(grammar_zrevrange, "zrevrange k 0 1 rev", syntax);
    refused(grammar_zrangebyscore, "zrangebyscore k 0 1 bylex", syntax);
    taken(grammar_zrangestore, "zrangestore d s 0 1 byscore", COMMAND_ZRANGESTORE, by_score, 2, 8);
    refused(grammar_zrangestore, "zrangestore d s 0 1 withscores", syntax);
    taken(grammar_zcount, "zcount k ~ (", COMMAND_ZCOUNT, by_score, 1, 5);
    refused(grammar_zcount, "zcount k 1 x", not_float);
    taken(grammar_zremrangebyrank, "zremrangebyrank k 0 -1", COMMAND_ZREMRANGE, COMMAND_BY_RANK, 1,
          5);
    refused(grammar_zremrangebylex, "zremrangebylex k a b", not_lex);
}

/* With REV the greater bound is written first; the command has low, then high. */
static void test_reversed_bounds(void **state)
{
    struct parsed parsed;
    const struct command *command;

    (void)state;
    parse(&parsed, grammar_zrevrangebyscore, "zrevrangebyscore k (9 2 limit 1 3");
    command = command_of(&parsed);
    assert_int_equal(command_arg(&parsed.list, command, 1).data[0], COMMAND_BOUND_INCLUSIVE);
    assert_true(command_arg_score(&parsed.list, command, 2) == 2);
    assert_int_equal(command_arg(&parsed.list, command, 3).data[0], COMMAND_BOUND_EXCLUSIVE);
    assert_true(command_arg_score(&parsed.list, command, 4) == 9);
    assert_int_equal(command_arg_int(&parsed.list, command, 5), 1);
    assert_int_equal(command_arg_int(&parsed.list, command, 6), 3);
    done(&parsed);
    parse(&parsed, grammar_zrevrangebylex, "zrevrangebylex k + (b");
    command = command_of(&parsed);
    assert_int_equal(command_arg(&parsed.list, command, 1).data[0], COMMAND_BOUND_EXCLUSIVE);
    assert_true(span_equal(command_arg(&parsed.list, command, 2), span_of("b")));
    assert_int_equal(command_arg(&parsed.list, command, 3).data[0], COMMAND_BOUND_GREATEST);
    assert_int_equal(command_arg(&parsed.list, command, 4).size, 0);
    done(&parsed);
}

/* ---- algebra and the rest ---- */

static void test_algebra(void **state)
{
    struct parsed parsed;

    (void)state;
    taken(grammar_zunion, "zunion 2 a b withscores", COMMAND_ZALGEBRA,
          COMMAND_UNION | COMMAND_WITHSCORES, 2, 5);
    taken(grammar_zinterstore, "zinterstore d 2 a b weights 2 3 aggregate max",
          COMMAND_ZALGEBRASTORE, COMMAND_INTER | COMMAND_AGGREGATE_MAX, 3, 5);
    taken(grammar_zintercard, "zintercard 2 a b limit 7", COMMAND_ZALGEBRA,
          COMMAND_INTER | COMMAND_CARD, 2, 5);
    refused(grammar_zunion, "zunion 0 a",
            "ERR at least 1 input key is needed for 'zunion' command");
    refused(grammar_zunion, "zunion x a", no_int);
    refused(grammar_zunion, "zunion 3 a b", syntax);
    refused(grammar_zunion, "zunion 2 a b weights 1", syntax);
    refused(grammar_zunion, "zunion 2 a b weights 1 x", "ERR weight value is not a float");
    refused(grammar_zunion, "zunion 1 a aggregate mean", syntax);
    refused(grammar_zunionstore, "zunionstore d 1 a withscores", syntax);
    refused(grammar_zdiff, "zdiff 1 a weights 1", syntax);
    refused(grammar_zintercard, "zintercard 1 a limit -1", "ERR LIMIT can't be negative");
    refused(grammar_zintercard, "zintercard 1 a limit a", "ERR LIMIT can't be negative");
    parse(&parsed, grammar_zunion, "zunion 2 a b weights 2 0.5 weights 3 4");
    assert_true(command_arg_score(&parsed.list, command_of(&parsed), 2) == 3);
    assert_true(command_arg_score(&parsed.list, command_of(&parsed), 3) == 4);
    done(&parsed);
}

static void test_expire(void **state)
{
    struct parsed parsed;

    (void)state;
    parse(&parsed, grammar_expire, "expire k 10 nx");
    assert_int_equal(command_arg_int(&parsed.list, command_of(&parsed), 1), NOW_MS + 10000);
    assert_int_equal(command_of(&parsed)->flags, COMMAND_NX);
    done(&parsed);
    parse(&parsed, grammar_pexpireat, "pexpireat k -5");
    assert_int_equal(command_arg_int(&parsed.list, command_of(&parsed), 1), -5);
    done(&parsed);
    refused(grammar_expire, "expire k x", no_int);
    refused(grammar_expire, "expire k 9223372036854775",
            "ERR invalid expire time in 'expire' command");
    refused(grammar_expireat, "expireat k -9223372036854776",
            "ERR invalid expire time in 'expireat' command");
    refused(grammar_pexpire, "pexpire k 9223372036854775807",
            "ERR invalid expire time in 'pexpire' command");
    refused(grammar_expire, "expire k 1 ab", "ERR Unsupported option ab");
    refused(grammar_expire, "expire k x nx gt",
            "ERR NX and XX, GT or LT options at the same time are not compatible");
    refused(grammar_expire, "expire k 1 gt lt",
            "ERR GT and LT options at the same time are not compatible");
}

static void test_others(void **state)
{
    struct parsed parsed;

    (void)state;
    taken(grammar_del, "del a b c", COMMAND_DEL, 0, 3, 3);
    taken(grammar_copy, "copy a b db 0 replace", COMMAND_COPY, COMMAND_REPLACE, 2, 2);
    refused(grammar_copy, "copy a b db 1", "ERR DB index is out of range");
    refused(grammar_copy, "copy a a", "ERR source and destination objects are the same");
    refused(grammar_copy, "copy a b db", syntax);
    refused(grammar_flush, "flushall now", syntax);
    refused(grammar_scan, "scan x", "ERR invalid cursor");
    refused(grammar_scan, "scan 0 count 0", syntax);
    refused(grammar_scan, "scan 0 count x", no_int);
    refused(grammar_scan, "scan 0 match", syntax);
    parse(&parsed, grammar_scan, "scan 65 type hash");
    assert_int_equal(parsed.grammar.cursor, 65);
    assert_int_equal(parsed.grammar.shape, GRAMMAR_SCAN_NOTHING);
    done(&parsed);
    refused(grammar_zscan, "zscan k x", "ERR invalid cursor");
    parse(&parsed, grammar_zscan, "zscan k 0 count 0"); /* only said if the key is there */
    assert_int_equal(parsed.grammar.shape, GRAMMAR_ZSCAN_SYNTAX);
    assert_int_equal(command_of(&parsed)->op, COMMAND_ZCARD);
    done(&parsed);
    taken(grammar_zrank, "zrank k m withscore", COMMAND_ZRANK, COMMAND_WITHSCORES, 1, 2);
    refused(grammar_zrank, "zrank k m withscores", syntax);
    refused(grammar_zrank, "zrank k m withscore x",
            "ERR wrong number of arguments for 'zrank' command");
    refused(grammar_zrandmember, "zrandmember k 1 withscore", syntax);
    refused(grammar_zrandmember, "zrandmember k -9223372036854775808 withscores",
            "ERR value is out of range, value must between -9223372036854775807 and "
            "9223372036854775807");
    refused(grammar_zrandmember, "zrandmember k 9223372036854775807 withscores",
            "ERR value is out of range");
    taken(grammar_tw_around, "tw.around k m 3 rev", COMMAND_TW_AROUND, COMMAND_REV, 1, 3);
    taken(grammar_tw_among, "tw.among k 2 a rev", COMMAND_TW_AMONG, 0, 1, 3);
    taken(grammar_tw_among, "tw.among k 1 a rev", COMMAND_TW_AMONG, COMMAND_REV, 1, 2);
    refused(grammar_tw_among, "tw.among k 3 a b", syntax);
}

/* `before` words, `keys` keys, then the word `last`, unless that is NULL. */
static bool parse_keys(grammar_fn *fn, const char *before, uint32_t keys, const char *last,
                       uint32_t *out_key_count)
{
    struct span *words = bytes_alloc((keys + 4) * sizeof(words[0]));
    struct bytes error = {0};
    struct command_list list = {0};
    struct grammar grammar = {.args = words, .name = "x", .list = &list, .error = &error};
    char copy[64], number[16];
    char *left;
    bool ok;

    snprintf(copy, sizeof(copy), "%s", before);
    snprintf(number, sizeof(number), "%u", keys);
    for (char *at = strtok_r(copy, " ", &left); at != NULL; at = strtok_r(NULL, " ", &left))
        words[grammar.count++] = span_of(strcmp(at, "#") == 0 ? number : at);
    for (uint32_t i = 0; i < keys; i++)
        words[grammar.count++] = SPAN_LITERAL("k");
    if (last != NULL)
        words[grammar.count++] = span_of(last);
    ok = fn(&grammar);
    *out_key_count = ok ? list.commands[0].key_count : 0;
    assert_int_equal(error.size == 0, ok);
    bytes_done(&error);
    command_list_done(&list);
    free(words);
    return ok;
}

/* What the journal cannot count is refused, and nothing below that. */
static void test_many_keys(void **state)
{
    static const struct {
        grammar_fn *fn;
        const char *before;
        const char *last;
        uint32_t others; /* keys beside those */
    } forms[] = {
        {grammar_del, "del", NULL, 0},
        {grammar_exists, "exists", NULL, 0},
        {grammar_zmpop, "zmpop #", "min", 0},
        {grammar_bzmpop, "bzmpop 0 #", "max", 0},
        {grammar_bzpopmin, "bzpopmin", "0", 0},
        {grammar_bzpopmax, "bzpopmax", "0", 0},
        {grammar_zunion, "zunion #", NULL, 0},
        {grammar_zintercard, "zintercard #", NULL, 0},
        {grammar_zdiffstore, "zdiffstore d #", NULL, 1},
        {grammar_zinterstore, "zinterstore d #", NULL, 1},
    };
    uint32_t key_count;

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        uint32_t most = UINT16_MAX - forms[i].others;

        assert_true(parse_keys(forms[i].fn, forms[i].before, most, forms[i].last, &key_count));
        assert_int_equal(key_count, UINT16_MAX);
        assert_false(parse_keys(forms[i].fn, forms[i].before, most + 1, forms[i].last, &key_count));
        assert_false(parse_keys(forms[i].fn, forms[i].before, 200000, forms[i].last, &key_count));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_scores_are_those_of_strtod),
        cmocka_unit_test(test_scores_of_all_forms),
        cmocka_unit_test(test_words_in_any_case),
        cmocka_unit_test(test_zadd),
        cmocka_unit_test(test_zadd_of_many),
        cmocka_unit_test(test_pops),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_reversed_bounds),
        cmocka_unit_test(test_algebra),
        cmocka_unit_test(test_expire),
        cmocka_unit_test(test_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
