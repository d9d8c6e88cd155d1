// SPDX-License-Identifier: Apache-2.0
/* test_glob.c - patterns, case by case, and against a matcher that tries everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "keyspace/keyspace_private.h"

static void expect(const char *pattern, const char *text, bool matches)
{
    if (glob_match(span_of(pattern), span_of(text)) != matches)
        fail_msg("\"%s\" and \"%s\"", pattern, text);
}

static void test_cases(void **state)
{
    (void)state;
    expect("", "", true);
    expect("", "a", false);
    expect("*", "", true);
    expect("**", "abc", true);
    expect("?", "", false);
    expect("a?c", "abc", true);
    expect("a*c", "abbc", true);
    expect("a*c", "abcd", false);
    expect("*a*b*", "xxaxxbxx", true);
    expect("h[ae]llo", "hello", true);
    expect("h[ae]llo", "hillo", false);
    expect("h[^e]llo", "hallo", true);
    expect("h[^e]llo", "hello", false);
    expect("h[a-c]llo", "hbllo", true);
    expect("h[c-a]llo", "hbllo", true);
    expect("[a-", "a", true); /* not closed: ends with the pattern */
    expect("[a-", "-", true);
    expect("[]a", "a", false); /* an empty class */
    expect("[^]a", "xa", true);
    expect("[\\]]", "]", true);
    expect("[\\a-c]", "b", false); /* a, -, c */
    expect("[\\a-c]", "-", true);
    expect("\\*", "*", true);
    expect("\\*", "a", false);
    expect("a\\", "a\\", true);
    expect("[", "[", false);
    expect("[^", "x", true);
    assert_true(glob_is_literal(SPAN_LITERAL("user:1")) && glob_is_literal(SPAN_LITERAL("")));
    assert_false(glob_is_literal(SPAN_LITERAL("a\\b")) || glob_is_literal(SPAN_LITERAL("a[")));
}

/* Patterns that make a matcher which goes back for every star take forever. */
static void test_hostile(void **state)
{
    char pattern[2001];
    char text[3001];

    (void)state;
    for (size_t i = 0; i < 1000; i++)
        memcpy(pattern + 2 * i, "*a", 2);
    pattern[2000] = 'b';
    memset(text, 'a', sizeof(text));
    assert_false(glob_match((struct span){pattern, 2001}, (struct span){text, 3001}));
    text[3000] = 'b';
    assert_true(glob_match((struct span){pattern, 2001}, (struct span){text, 3001}));
}

/* Of well-formed patterns of letters, *, ?, and classes of two. */
static bool slow_match(const char *pattern, const char *text)
{
    if (*pattern == '\0')
        return *text == '\0';
    if (*pattern == '*')
        return slow_match(pattern + 1, text) || (*text != '\0' && slow_match(pattern, text + 1));
    if (*text == '\0')
        return false;
    if (*pattern == '[')
        return (pattern[1] == *text || pattern[2] == *text) && slow_match(pattern + 4, text + 1);
    return (*pattern == '?' || *pattern == *text) && slow_match(pattern + 1, text + 1);
}

static void test_random(void **state)
{
    static const char *const pieces[] = {"a", "b", "*", "?", "[ab]", "[bc]", "*", "c"};
    uint32_t matches = 0;

    (void)state;
    for (uint64_t i = 0; i < 100000; i++) {
        char pattern[64] = {0};
        char text[16] = {0};
        uint64_t random = hash_u64(i + 1);

        for (uint32_t n = (uint32_t)(random % 7); n > 0; n--)
            memcpy(pattern + strlen(pattern), pieces[random >> (8 + 3 * n) & 7],
                   strlen(pieces[random >> (8 + 3 * n) & 7]));
        for (uint32_t n = 0; n < (random >> 32 & 7); n++)
            text[n] = "abc"[(random >> (35 + 3 * n) & 7) % 3];
        expect(pattern, text, slow_match(pattern, text));
        matches += slow_match(pattern, text);
    }
    assert_true(matches > 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
