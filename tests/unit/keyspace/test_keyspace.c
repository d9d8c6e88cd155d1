// SPDX-License-Identifier: Apache-2.0
/*
 * test_keyspace.c - plain keys, case by case: every operation's replies, and what becomes of keys.
 * See test_keyspace_model.c for random lists.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "keyspace/keyspace.h"
#include "model/command.h"
#include "support/key_script.h"

static struct keyspace *keyspace;
static int64_t now_ms;

static int begin(void **state)
{
    (void)state;
    now_ms = 1000000;
    keyspace = keyspace_new((struct keyspace_limits){.keys_max = 1000, .members_max = 100000});
    return 0;
}

static int end(void **state)
{
    (void)state;
    keyspace_free(keyspace);
    return 0;
}

/* Executes commands, parted by newlines, as one list; the replies must be these. */
static void expect_at(int line, const char *commands, const char *replies)
{
    struct command_list list = {0};
    struct bytes tokens = {0};
    struct bytes text = {0};
    char *copy = bytes_dup(span_of(commands));
    size_t ends[64];

    for (char *at = copy, *next = NULL; at != NULL; at = next) {
        next = strchr(at, '\n');
        if (next != NULL)
            *next++ = '\0';
        key_script_add(&list, at);
    }
    keyspace_execute(keyspace, &list, now_ms, &tokens, ends);
    assert_int_equal(ends[list.count - 1], tokens.size);
    key_script_print(bytes_span(&tokens), &text);
    if (strcmp(bytes_text(&text), replies) != 0)
        fail_msg("line %d: %s\n  gave   %s\n  wanted %s", line, commands, bytes_text(&text),
                 replies);
    free(copy);
    command_list_done(&list);
    bytes_done(&tokens);
    bytes_done(&text);
}

#define expect(commands, replies) expect_at(__LINE__, commands, replies)

static void test_zadd(void **state)
{
    (void)state;
    expect("ZADD z | 1 a 2 b 3 c", "3");
    expect("ZADD z | 1 a 5 b 6 d", "1");
    expect("ZADD.CH z | 1 a 4 b 6 d 7 e", "2");
    expect("ZADD.NX z | 9 a 9 f", "1");
    expect("ZADD.XX z | 9 g", "0");
    expect("ZADD.XX.CH z | 9 a 9 g", "1");
    expect("ZADD.XX absent | 9 a\nEXISTS absent", "0 0");
    expect("ZADD.GT.CH z | 8 a 10 b 1 h", "2");
    expect("ZADD.LT.CH z | 8 a 100 b", "1");
    expect("ZRANGE.BY_RANK.WITHSCORES z | [0 [-1 0 -1", "<h 1 c 3 d 6 e 7 a 8 f 9 b 10>");
    expect("ZADD.INCR z | 0.5 a", "8.5");
    expect("ZADD.INCR.NX z | 1 a", "nil");
    expect("ZADD.INCR.XX z | 1 nobody", "nil");
    expect("ZADD.INCR.XX absent | 1 nobody", "nil");
    expect("ZADD.INCR.GT z | -1 a", "nil");
    expect("ZADD.INCR.LT z | -1 a", "7.5");
    expect("ZADD.INCR z | 0 a", "7.5");
    expect("ZADD.INCR z | inf a", "inf");
    expect("ZADD.INCR z | -inf a", "-ERR resulting score is not a number (NaN)");
    expect("ZSCORE z | a", "inf");
    expect("ZADD zero | -0 a\nZSCORE zero | a\nZADD.CH zero | 0 a\nZSCORE zero | a", "1 0 0 0");
    expect("ZADD '' | 1 ''\nZSCORE '' | ''\nZRANGE.BY_RANK '' | [0 [-1 0 -1", "1 1 ['']");
    expect("ZADD z | nan a", "-ERR resulting score is not a number (NaN)");
}

static void test_zrem(void **state)
{
    (void)state;
    expect("ZADD z | 1 a 2 b 3 c", "3");
    expect("ZREM z | a x a", "1");
    expect("ZREM absent | a", "0");
    expect("ZREM z | b c\nEXISTS z\nTYPE z\nZCARD z\nDBSIZE", "2 0 +none 0 0");
    /* In one run: made, emptied, made again. */
    expect(
        "ZADD z | 1 a\nZREM z | a\nZADD.XX z | 2 a\nZADD.NX.INCR z | 3 a\nZREM z | a\nZREM z | a",
        "1 1 0 3 1 0");
    expect("EXISTS z", "0");
}

/* What belongs to a key beside its members ends when it is emptied, also within a run. */
static void test_emptied(void **state)
{
    (void)state;
    expect("ZADD z | 1 a\nEXPIREAT z | 2000000\nEXPIRY.MS z", "1 1 1000000");
    expect("ZADD z | 2 b\nEXPIRY z", "1 1000");
    expect("ZREM z | a\nZREM z | b\nZADD z | 3 c\nEXPIRY z\nZCARD z", "1 1 1 -1 1");
    assert_int_equal(keyspace_counts(keyspace).expiring, 0);
    keyspace_set_listpack(keyspace, 2, 64);
    expect("ZADD e | 1 a 2 b\nENCODING e\nENCODING absent", "2 listpack nil");
    expect("ZADD e | 3 c\nENCODING e\nZREM e | c\nENCODING e", "1 skiplist 1 skiplist");
    expect("COPY e f\nRENAME e g\nENCODING f\nENCODING g", "1 +OK skiplist skiplist");
    expect("ZREM g | a b\nZADD g | 1 a\nENCODING g", "2 1 listpack");
    keyspace_set_listpack(keyspace, 2, 3);
    expect("ZADD h | 1 abc\nENCODING h\nZADD h | 1 abcd\nENCODING h", "1 listpack 1 skiplist");
}

static void test_scores_and_ranks(void **state)
{
    (void)state;
    expect("ZADD z | 1 a 2 b 2 c 3 d", "4");
    expect("ZSCORE z | a\nZSCORE z | x\nZSCORE absent | x", "1 nil nil");
    expect("ZSCORE.COUNTED z | a x d\nZSCORE.COUNTED absent | a b", "[1 nil 3] [nil nil]");
    expect("ZRANK z | c\nZRANK.REV z | c\nZRANK z | x\nZRANK absent | a", "2 1 nil nil");
    expect("ZRANK.WITHSCORES z | d\nZRANK.REV.WITHSCORES z | d", "[3 3] [0 3]");
    expect("ZRANK.WITHSCORES z | x\nZRANK.WITHSCORES absent | x", "nil-array nil-array");
    expect("ZCARD z\nZCARD absent\nTYPE z\nEXISTS z z absent", "4 0 +zset 2");
}

static void test_ranges(void **state)
{
    (void)state;
    expect("ZADD z | -inf a 1 b 2 c 2 d 3 e inf f", "6");
    expect("ZRANGE.BY_RANK z | [1 [2 0 -1\nZRANGE.BY_RANK.REV z | [0 [1 0 -1", "[b c] [f e]");
    expect("ZRANGE.BY_RANK z | [-2 [-1 0 -1\nZRANGE.BY_RANK z | [-100 [0 0 -1", "[e f] [a]");
    expect("ZRANGE.BY_RANK z | [6 [9 0 -1\nZRANGE.BY_RANK z | [3 [1 0 -1", "[] []");
    expect("ZRANGE.BY_RANK.WITHSCORES absent | [0 [-1 0 -1", "<>");
    expect("ZRANGE.BY_SCORE z | [1 [2 0 -1\nZRANGE.BY_SCORE z | (1 (3 0 -1", "[b c d] [c d]");
    expect("ZRANGE.BY_SCORE.REV.WITHSCORES z | [1 [2 0 -1", "<d 2 c 2 b 1>");
    expect("ZRANGE.BY_SCORE z | (-inf (inf 0 -1\nZRANGE.BY_SCORE z | [-inf [inf 1 2",
           "[b c d e] [b c]");
    expect("ZRANGE.BY_SCORE z | (2 [2 0 -1\nZRANGE.BY_SCORE z | [3 [1 0 -1", "[] []");
    expect("ZRANGE.BY_SCORE z | [1 [9 -1 2\nZRANGE.BY_SCORE z | [1 [9 0 0", "[] []");
    expect("ZRANGE.BY_SCORE.REV z | [1 [9 1 2\nZRANGE.BY_SCORE.REV z | [1 [9 4 2", "[d c] []");
    expect(
        "ZCOUNT.BY_SCORE z | [2 [2\nZCOUNT.BY_SCORE z | (inf [inf\nZCOUNT.BY_SCORE absent | [0 [1",
        "2 0 0");
    expect("ZADD l | 0 '' 0 a 0 aa 0 b 0 c", "5");
    expect("ZRANGE.BY_LEX l | - + 0 -1\nZRANGE.BY_LEX l | [a (b 0 -1", "['' a aa b c] [a aa]");
    expect("ZRANGE.BY_LEX l | (a [b 0 -1\nZRANGE.BY_LEX.REV l | - [aa 0 2", "[aa b] [aa a]");
    expect("ZRANGE.BY_LEX l | + - 0 -1\nZRANGE.BY_LEX l | (c + 0 -1\nZRANGE.BY_LEX l | [ab (b 0 -1",
           "[] [] []");
    expect("ZCOUNT.BY_LEX l | ( [b", "3");
    expect(
        "ZREMRANGE.BY_LEX l | (a [b\nZREMRANGE.BY_SCORE z | (2 [inf\nZREMRANGE.BY_RANK z | [0 [0",
        "2 2 1");
    expect("ZRANGE.BY_RANK l | [0 [-1 0 -1\nZRANGE.BY_RANK z | [0 [-1 0 -1", "['' a c] [b c d]");
    expect("ZREMRANGE.BY_RANK z | [0 [-1\nEXISTS z\nZREMRANGE.BY_RANK z | [0 [-1", "3 0 0");
}

static void test_store(void **state)
{
    (void)state;
    expect("ZADD z | 1 a 2 b 3 c 4 d\nEXPIREAT z | 5000000", "4 1");
    expect("ZRANGESTORE.BY_SCORE.REV to z | [1 [3 1 -1\nZRANGE.BY_RANK to | [0 [-1 0 -1\nEXPIRY to",
           "2 [a b] -1");
    expect("ZRANGESTORE.BY_RANK z z | [0 [1 0 -1\nZRANGE.BY_RANK z | [0 [-1 0 -1\nEXPIRY z",
           "2 [a b] -1");
    expect("ZRANGESTORE.BY_RANK z z | [5 [9 0 -1\nEXISTS z", "0 0");
    expect("ZRANGESTORE.BY_RANK to absent | [0 [-1 0 -1\nEXISTS to", "0 0");
    expect("ZSTORE to | 2 b 1 a 3 b\nZRANGE.BY_RANK.WITHSCORES to | [0 [-1 0 -1", "2 <a 1 b 3>");
    expect("ZSTORE to |\nEXISTS to", "0 0");
}

static void test_pop(void **state)
{
    (void)state;
    expect("ZADD z | 1 a 2 b 3 c 4 d 5 e 6 f", "6");
    expect("ZPOP z | 1\nZPOP.MAX z | 1", "[a 1] [f 6]");
    expect("ZPOP.COUNTED z | 1\nZPOP.MAX.COUNTED z | 2", "<b 2> <e 5 d 4>");
    expect("ZPOP absent | 1\nZPOP.COUNTED absent | 2\nZPOP.COUNTED z | 0", "[] <> <>");
    expect("ZPOP.MPOP absent | 1\nZADD y | 7 g 8 h\nZPOP.MPOP.MAX absent y z | 9",
           "nil-array 2 [y [[h 8] [g 7]]]");
    expect("EXISTS y\nZPOP.COUNTED z | 9223372036854775807\nEXISTS z", "0 <c 3> 0");
}

static void test_algebra(void **state)
{
    (void)state;
    expect("ZADD a | 1 x 2 y 3 z\nZADD b | 10 y 20 z 30 w\nZADD c | 5 z", "3 3 1");
    expect("ZALGEBRA.UNION.WITHSCORES a b c | 1 1 1 #0", "<x 1 y 12 z 28 w 30>");
    expect("ZALGEBRA.UNION.WITHSCORES.AGGREGATE_MAX a b | 2 0.1 #0", "<x 2 w 3 y 4 z 6>");
    expect("ZALGEBRA.INTER.WITHSCORES a b | 1 1 #0\nZALGEBRA.INTER a b c | 1 1 1 #0",
           "<y 12 z 23> [z]");
    expect("ZALGEBRA.INTER.WITHSCORES.AGGREGATE_MIN a b | 1 1 #0", "<y 2 z 3>");
    expect("ZALGEBRA.DIFF.WITHSCORES a c | 1 1 #0\nZALGEBRA.DIFF absent a | 1 1 #0",
           "<x 1 y 2> []");
    expect("ZALGEBRA.DIFF a a | 1 1 #0\nZALGEBRA.INTER.WITHSCORES c c | 1 2 #0", "[] <z 15>");
    expect("ZALGEBRA.INTER.CARD a b | 1 1 #0\nZALGEBRA.INTER.CARD a b | 1 1 #1", "2 1");
    expect("ZALGEBRA.INTER.CARD a absent | 1 1 #0\nZALGEBRA.UNION absent | 1 #0", "0 []");
    expect("ZADD p | inf m\nZADD q | -inf m\nZALGEBRA.UNION.WITHSCORES p q | 1 1 #0", "1 1 <m 0>");
    expect("ZALGEBRA.INTER.WITHSCORES p q | 1 1 #0\nZALGEBRA.UNION.WITHSCORES p | 0 #0",
           "<m 0> <m 0>");
    expect("EXPIREAT a | 9000000\nZALGEBRASTORE.UNION a a b | 1 2\nEXPIRY a", "1 4 -1");
    expect("ZRANGE.BY_RANK.WITHSCORES a | [0 [-1 0 -1", "<x 1 y 22 z 43 w 60>");
    expect("ZALGEBRASTORE.INTER a a absent | 1 1\nEXISTS a", "0 0");
    expect("ZDUMP b\nZDUMP absent\nEXPIREAT b | 9000000\nZDUMP b",
           "[0 <y 10 z 20 w 30>] nil 1 [9000000 <y 10 z 20 w 30>]");
}

static void test_deadlines(void **state)
{
    (void)state;
    expect("ZADD z | 1 a\nEXPIREAT absent | 2000000\nEXPIRY absent\nEXPIRY z", "1 0 -2 -1");
    expect("EXPIREAT.XX z | 2000000\nEXPIREAT.GT z | 2000000\nEXPIREAT.LT z | 2000500", "0 0 1");
    expect("EXPIREAT.NX z | 2000000\nEXPIREAT.GT z | 2000500\nEXPIREAT.GT z | 2000600", "0 0 1");
    expect("EXPIREAT.LT z | 2000600\nEXPIREAT.XX z | 2000500", "0 1");
    expect("EXPIRY z\nEXPIRY.MS z\nEXPIRY.ABSOLUTE z\nEXPIRY.MS.ABSOLUTE z",
           "1001 1000500 2001 2000500");
    expect("PERSIST z\nPERSIST z\nPERSIST absent\nEXPIRY z", "1 0 0 -1");
    expect("EXPIREAT z | 1000000\nEXISTS z", "1 0");
    /* Passing: gone for reads at once, removed by the next writes. */
    expect("ZADD a | 1 m\nZADD b | 1 m\nZADD c | 1 m", "1 1 1");
    expect("EXPIREAT a | 1000100\nEXPIREAT b | 1000100\nEXPIREAT c | 1000200", "1 1 1");
    now_ms = 1000099;
    expect("DBSIZE\nEXPIRY.MS a", "3 1");
    now_ms = 1000100;
    expect("EXISTS a b c\nDBSIZE\nZCARD a\nKEYS | *\nSCAN | 0 10 ''\nRANDOMKEY\nVERSION a",
           "1 1 0 [c] [0 [c]] c 4611686018427387913");
    assert_int_equal(keyspace_counts(keyspace).keys, 3);
    assert_int_equal(keyspace_counts(keyspace).expired, 0);
    expect("ZADD a | 2 n\nEXPIRY a\nZRANGE.BY_RANK a | [0 [-1 0 -1", "1 -1 [n]");
    assert_int_equal(keyspace_counts(keyspace).keys, 2);
    assert_int_equal(keyspace_counts(keyspace).expired, 2);
    assert_int_equal(keyspace_counts(keyspace).expiring, 1);
}

static void test_rename_copy(void **state)
{
    (void)state;
    expect("RENAME a b\nRENAME.NX a b\nCOPY a b", "-ERR no such key -ERR no such key 0");
    expect("ZADD a | 1 m\nEXPIREAT a | 3000000\nZADD b | 2 n 3 o", "1 1 2");
    expect("RENAME.NX a b\nRENAME.NX a a\nRENAME a a\nCOPY a b\nCOPY a a", "0 0 +OK 0 0");
    expect("COPY a c\nEXPIRY.ABSOLUTE.MS c\nZRANGE.BY_RANK c | [0 [-1 0 -1", "1 3000000 [m]");
    expect("RENAME a b\nEXPIRY.ABSOLUTE.MS b\nZRANGE.BY_RANK b | [0 [-1 0 -1\nEXISTS a",
           "+OK 3000000 [m] 0");
    expect("ZADD d | 9 x\nCOPY.REPLACE b d\nZRANGE.BY_RANK d | [0 [-1 0 -1", "1 1 [m]");
    expect("DEL b c d nothing b\nDBSIZE", "3 0");
    assert_int_equal(keyspace_counts(keyspace).expiring, 0);
    assert_int_equal(keyspace_counts(keyspace).members, 0);
}

static void test_walks(void **state)
{
    (void)state;
    expect("KEYS | *\nSCAN | 0 10 ''\nRANDOMKEY\nDBSIZE", "[] [0 []] nil 0");
    expect("ZADD user:1 | 1 abc\nZADD user:2 | 1 a", "1 1");
    expect("KEYS | user:1\nKEYS | *2\nKEYS | [^u]*\nKEYS | nothing", "[user:1] [user:2] [] []");
    expect("SCAN | 0 10 *:1\nZSCAN user:1 | 0 10 ''\nZSCAN user:1 | 0 10 b*",
           "[0 [user:1]] [0 [abc 1]] [0 []]");
    expect("ZSCAN absent | 77 10 ''\nZRANDMEMBER user:1 |\nZRANDMEMBER absent |", "[0 []] abc nil");
    expect("ZRANDMEMBER.COUNTED user:2 | -3\nZRANDMEMBER.COUNTED.WITHSCORES user:2 | 3",
           "[a a a] <a 1>");
    expect("ZRANDMEMBER.COUNTED user:2 | 0\nZRANDMEMBER.COUNTED.WITHSCORES absent | 3", "[] <>");
    expect("ZRANDMEMBER.COUNTED user:2 | -9223372036854775808", "-ERR value is out of range");
    expect("FLUSH\nDBSIZE\nKEYS | *\nZADD user:1 | 1 x\nZCARD user:1", "+OK 0 [] 1 1");
}

static void test_watched(void **state)
{
    (void)state;
    expect("VERSION a\nZADD a | 1 m\nVERSION a\nZADD a | 1 m\nVERSION a\nZADD b | 1 m\nVERSION b",
           "0 1 1 0 1 1 2");
    expect("IF_WATCHED a b | 1 2 2\nZADD a | 2 m\nZCARD a\nZCARD b", "true 0 1 1");
    expect("IF_WATCHED a b | 1 2 2\nZADD a | 3 m\nZCARD a\nZSCORE a | m", "false 2");
    expect("IF_WATCHED absent | 0 1\nDEL a\nIF_WATCHED a | 3 9\nDEL b\nFLUSH", "true 1 false");
    expect("EXISTS b\nEXPIREAT b | 2000000\nVERSION b\nPERSIST b\nVERSION b", "1 1 4 1 5");
    expect("RENAME b c\nVERSION c\nVERSION b\nZREM c | m\nVERSION c",
           "+OK 6 4611686018427387909 1 4611686018427387910");
}

/* A key that is not there at both times may have come and gone in between. */
static void test_watched_absent(void **state)
{
    (void)state;
    expect("ZADD a | 1 m\nDEL a\nVERSION a", "1 1 4611686018427387905");
    expect("IF_WATCHED a | 4611686018427387905 1\nZCARD a", "true 0");
    expect("ZADD a | 1 m\nZREM a | m\nIF_WATCHED a | 4611686018427387905 1\nZCARD a", "1 1 false");
    expect("VERSION a\nZADD b | 1 m\nFLUSH\nVERSION a\nVERSION b\nFLUSH\nVERSION b",
           "4611686018427387906 1 +OK 4611686018427387906 4611686018427387907 +OK "
           "4611686018427387907");
    /* A deadline that passes says the same before and after the key is removed. */
    expect("ZADD c | 1 m\nEXPIREAT c | 1000100\nVERSION c", "1 1 5");
    now_ms = 1000100;
    expect("VERSION c", "4611686018427387909");
    expect("ZADD d | 1 m\nVERSION c", "1 4611686018427387909");
    expect("ZADD c | 1 m\nZREM c | m\nZADD c | 1 m\nZREM c | m\nVERSION c",
           "1 1 1 1 4611686018427387912");
}

/* Very many keys: all names count as removed. */
static void test_watched_flushed(void **state)
{
    struct bytes text = {0};

    (void)state;
    keyspace_free(keyspace);
    keyspace = keyspace_new((struct keyspace_limits){.keys_max = 50000, .members_max = 100000});
    expect("VERSION absent", "0");
    for (uint32_t i = 0; i < 40000; i++) {
        bytes_clear(&text);
        bytes_format(&text, "ZADD k%u | 1 m", i);
        expect(bytes_text(&text), "1");
    }
    expect("FLUSH\nVERSION absent\nVERSION k7", "+OK 4611686018427427905 4611686018427427905");
    bytes_done(&text);
}

static void test_leaderboard(void **state)
{
    (void)state;
    expect("TW_UPDATE.XX z | 1 a\nEXISTS z", "nil 0");
    expect("TW_UPDATE.REV z | 10 a", "{old_score nil score 10 old_rank nil rank 0 passed 0}");
    expect("TW_UPDATE.REV z | 20 b", "{old_score nil score 20 old_rank nil rank 0 passed 1}");
    expect("TW_UPDATE.REV z | 5 c", "{old_score nil score 5 old_rank nil rank 2 passed 0}");
    expect("TW_UPDATE.REV.INCR z | 20 c", "{old_score 5 score 25 old_rank 2 rank 0 passed 2}");
    expect("TW_UPDATE z | 1 c", "{old_score 25 score 1 old_rank 2 rank 0 passed 2}");
    expect("TW_UPDATE.REV.GT z | 0 a", "{old_score 10 score 10 old_rank 1 rank 1 passed 0}");
    expect("TW_UPDATE.XX z | 1 nobody", "nil");
    expect("TW_UPDATE.INCR z | inf a\nTW_UPDATE.INCR z | -inf a",
           "{old_score 10 score inf old_rank 1 rank 2 passed 0} "
           "-ERR resulting score is not a number (NaN)");
    expect("ZADD z | 3 d 4 e 5 f\nTW_AROUND z | d 1\nTW_AROUND.REV z | d 1\nTW_AROUND z | c 1",
           "3 [[0 c 1] [1 d 3] [2 e 4]] [[3 e 4] [4 d 3] [5 c 1]] [[0 c 1] [1 d 3]]");
    expect("TW_AROUND z | x 1\nTW_AROUND absent | x 1\nTW_AROUND.REV z | a 9223372036854775807",
           "nil-array nil-array [[0 a inf] [1 b 20] [2 f 5] [3 e 4] [4 d 3] [5 c 1]]");
    expect("TW_AMONG z | e x c e a\nTW_AMONG.REV z | e c\nTW_AMONG absent | a",
           "[[0 c 1 0] [1 e 4 2] [2 a inf 5]] [[0 e 4 3] [1 c 1 5]] []");
}

static void expect_gained(const char *wanted)
{
    struct bytes text = {0};
    struct span key;

    for (uint32_t i = 0; keyspace_gained(keyspace, i, &key); i++) {
        bytes_put(&text, key.data, key.size);
        bytes_put_char(&text, ' ');
    }
    assert_string_equal(bytes_text(&text), wanted);
    bytes_done(&text);
}

static void test_gained(void **state)
{
    (void)state;
    expect("ZADD a | 1 m\nZADD b | 1 m\nZADD a | 1 n\nZADD.XX c | 1 m", "1 1 1 0");
    expect_gained("a b ");
    expect("ZADD a | 2 m\nZREM b | m", "0 1");
    expect_gained("");
    expect("ZADD b | 1 m\nDEL b\nZADD c | 1 m\nZADD b | 1 m\nRENAME c d\nCOPY d e",
           "1 1 1 1 +OK 1");
    expect_gained("b d e ");
    expect("ZCARD a", "2");
    expect_gained("");
    expect("ZADD x | 1 m\nFLUSH\nZADD y | 1 m", "1 +OK 1");
    expect_gained("y ");
    expect("ZALGEBRASTORE.UNION z y | 1\nZRANGESTORE.BY_RANK w y | [0 [0 0 -1\nTW_UPDATE y | 1 n",
           "1 1 {old_score nil score 1 old_rank nil rank 1 passed 0}");
    expect_gained("z w y ");
    /* Who has gone and come again keeps its place. */
    expect("ZADD f | 1 m\nZADD g | 1 m\nDEL f\nZADD f | 1 n", "1 1 1 1");
    expect_gained("f g ");
    expect("DEL f g", "2");
    expect("ZADD f | 1 m\nZADD g | 1 m\nZREM f | m\nZADD h | 1 m\nZADD f | 1 m", "1 1 1 1 1");
    expect_gained("f g h ");
    expect("DEL f g h", "3");
    expect("ZADD f | 1 m\nZADD g | 1 m\nFLUSH\nZADD h | 1 m\nZADD g | 1 m\nZADD f | 1 m",
           "1 1 +OK 1 1 1");
    expect_gained("f g h ");
    expect("FLUSH\nZADD f | 1 m\nFLUSH", "+OK 1 +OK");
    expect_gained("");
}

static void test_limits(void **state)
{
    struct command_list list = {0};
    struct bytes tokens = {0};
    struct bytes text = {0};
    char *name = bytes_alloc_zero(1, KEYSPACE_NAME_BYTES_MAX + 1);
    size_t ends[8];

    (void)state;
    keyspace_free(keyspace);
    keyspace = keyspace_new((struct keyspace_limits){.keys_max = 2, .members_max = 4});
    expect("ZADD a | 1 m\nZADD.XX c | 1 m\nZADD b | 1 m\nZADD c | 1 m\nZREM b | m\nZADD c | 1 m",
           "1 0 1 -ERR the limit of keys is reached (limits.keys) 1 1");
    expect("RENAME a z\nZSTORE y | 1 m\nTW_UPDATE y | 1 m\nCOPY z y",
           "+OK -ERR the limit of keys is reached (limits.keys)"
           " -ERR the limit of keys is reached (limits.keys)"
           " -ERR the limit of keys is reached (limits.keys)");
    expect("ZADD z | 1 n 1 o 1 p", "-ERR the limit of members is reached (limits.members)");
    expect("ZCARD z\nZSTORE c | 1 a 1 b\nZCARD c", "3 -ERR the limit of members is reached "
                                                   "(limits.members) 1");
    expect("ZSTORE z | 1 a 1 b 1 c\nZADD.INCR z | 1 y\nZADD z | 2 a",
           "3 -ERR the limit of members "
           "is reached (limits.members) 0");

    memset(name, 'x', KEYSPACE_NAME_BYTES_MAX + 1);
    for (int i = 0; i < 4; i++) {
        struct span span = {name, KEYSPACE_NAME_BYTES_MAX + (size_t)(i & 1)};

        command_list_add(&list, i < 3 ? COMMAND_ZADD : COMMAND_ZREM, 0);
        command_list_key(&list, i == 1 ? span : SPAN_LITERAL("z"));
        if (i < 3)
            command_list_score(&list, 1);
        command_list_arg(&list, span);
        if (i == 0) { /* the longest that there may be; room for it first */
            command_list_drop(&list);
            key_script_add(&list, "DEL z");
        }
    }
    keyspace_execute(keyspace, &list, now_ms, &tokens, ends);
    key_script_print(bytes_span(&tokens), &text);
    assert_string_equal(bytes_text(&text), "1 -ERR a member is longer than 65535 bytes 1 0");
    free(name);
    command_list_done(&list);
    bytes_done(&tokens);
    bytes_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_zadd, begin, end),
        cmocka_unit_test_setup_teardown(test_zrem, begin, end),
        cmocka_unit_test_setup_teardown(test_emptied, begin, end),
        cmocka_unit_test_setup_teardown(test_scores_and_ranks, begin, end),
        cmocka_unit_test_setup_teardown(test_ranges, begin, end),
        cmocka_unit_test_setup_teardown(test_store, begin, end),
        cmocka_unit_test_setup_teardown(test_pop, begin, end),
        cmocka_unit_test_setup_teardown(test_algebra, begin, end),
        cmocka_unit_test_setup_teardown(test_deadlines, begin, end),
        cmocka_unit_test_setup_teardown(test_rename_copy, begin, end),
        cmocka_unit_test_setup_teardown(test_walks, begin, end),
        cmocka_unit_test_setup_teardown(test_watched, begin, end),
        cmocka_unit_test_setup_teardown(test_leaderboard, begin, end),
        cmocka_unit_test_setup_teardown(test_watched_absent, begin, end),
        cmocka_unit_test_setup_teardown(test_watched_flushed, begin, end),
        cmocka_unit_test_setup_teardown(test_gained, begin, end),
        cmocka_unit_test_setup_teardown(test_limits, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
