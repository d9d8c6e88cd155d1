// SPDX-License-Identifier: Apache-2.0
/* test_score_script.c - what a script can do, and all the ways in which it can not get out. */
#include "score/score_script.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "score/score.h"

static struct score_script *make(const char *text)
{
    struct score_script *script;
    struct err err = {0};

    if (score_script_new(&script, span_of(text), "t.lua", &err) < 0)
        fail_msg("%s\n%s", text, err.text);
    return script;
}

static void expect_refused(const char *text, const char *message)
{
    struct score_script *script = NULL;
    struct err err = {0};

    if (score_script_new(&script, span_of(text), "t.lua", &err) == 0)
        fail_msg("accepted: %s", text);
    assert_null(script);
    if (strstr(err.text, message) == NULL)
        fail_msg("%s\ngave  %s\nnot   %s", text, err.text, message);
    assert_int_equal(strncmp(err.text, "t.lua", 5), 0);
}

/* Folds one event of value v; the score, or -1e9 if it was stopped. */
static double fold(struct score_script *script, double *numbers, double value)
{
    double score = 0;

    if (score_script_fold(script, numbers, 1000, &value, 1, &score) == SCORE_SCRIPT_STOPPED)
        return -1e9;
    return score;
}

static void test_fold(void **unused)
{
    struct score_script *script = make("local base = 100\n"
                                       "local function bonus(v) return v > 5 and base or 0 end\n"
                                       "function init(s) s[2] = 1000 end\n"
                                       "function fold(s, ms, v)\n"
                                       "  s[1] = s[1] + v + bonus(v)\n"
                                       "  return s[1] + s[2]\n"
                                       "end\n"
                                       "function merge(s, t) s[1] = s[1] + t[1] return s[1] end");
    double numbers[SCORE_SCRIPT_NUMBERS] = {0};
    double others[SCORE_SCRIPT_NUMBERS] = {7};
    double score;

    (void)unused;
    assert_int_equal(score_script_init(script, numbers), SCORE_SCRIPT_NOTHING);
    assert_true(numbers[1] == 1000);
    assert_true(fold(script, numbers, 5) == 1005);
    assert_true(fold(script, numbers, 6) == 1111);
    assert_true(numbers[0] == 111 && numbers[1] == 1000 && numbers[2] == 0);
    assert_true(score_script_can_merge(script));
    assert_int_equal(score_script_merge(script, numbers, others, &score), SCORE_SCRIPT_SCORE);
    assert_true(score == 118 && numbers[0] == 118);
    assert_int_equal(score_script_stat(script).failed, 0);
    assert_string_equal(score_script_stat(script).message, "");
    score_script_free(script);
    score_script_free(NULL);
}

static void test_math(void **unused)
{
    struct score_script *script =
        make("function fold(s, ms, v)\n"
             "  s[1] = math.exp2(3) + math.log2(1024) + math.pow(3, 2)\n"
             "  s[2] = math.floor(2.7) + math.max(1, 2) + math.sqrt(16) + math.abs(-1)\n"
             "  if type(v) ~= 'number' then error('no') end\n"
             "  for i, x in ipairs({1, 2, 3}) do s[3] = s[3] + x end\n"
             "  return ms\n"
             "end");
    double numbers[SCORE_SCRIPT_NUMBERS] = {0};

    (void)unused;
    assert_true(fold(script, numbers, 5) == 1000);
    assert_true(fabs(numbers[0] - 27) < 1e-12);
    assert_true(numbers[1] == 9 && numbers[2] == 6);
    score_script_free(script);
}

#define TEN "0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void test_stopped(void **unused)
{
    static const struct {
        const char *body;
        const char *message;
        int kind; /* 0: steps, 1: memory, 2: failed */
    } cases[] = {
        {"while true do end", "steps", 0},
        {"repeat local x = 1 until false", "steps", 0},
        {"for i = 1, 1e9 do end", "steps", 0},
        {"local function f() return f() end return f()", "steps", 0},
        {"local x = 'x' for i = 1, 40 do x = x .. x end", "memory", 1},
        {"local t = {} for i = 1, 1200 do t[i] = {" HUNDRED "} end", "memory", 1},
        {"error('my reason')", "my reason", 2},
        {"error({})", "without a text", 2},
        {"return nothing.x", "nothing", 2},
        {"return 'text'", "no number", 2},
        {"return 0 / 0", "no number", 2},
        {"s[1] = 'text' return 1", "s[1] is not a number", 2},
        {"s[3] = nil return 1", "s[3] is not a number", 2},
        {"s[4] = 0 / 0 return 1", "s[4] is not a number", 2},
        {"x = 1 return 1", "only s may be written", 2},
        {"math.x = 1 return 1", "only s may be written", 2},
        {"local function f() return 1 + f() end return f()", "", 2},
        {"return ('x'):rep(1000000)", "", 2},
        {"unpack({}, 1, 1e8)", "", 2},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1024];
        double numbers[SCORE_SCRIPT_NUMBERS] = {1, 2, 3, 4};
        static const double before[SCORE_SCRIPT_NUMBERS] = {1, 2, 3, 4};
        struct score_script_stat stat;
        struct score_script *script;

        snprintf(text, sizeof(text),
                 "function fold(s, ms, v) if v == 1 then s[2] = 77 do %s end end return v end",
                 cases[i].body);
        script = make(text);
        for (int again = 0; again < 3; again++) {
            if (fold(script, numbers, 1) != -1e9)
                fail_msg("not stopped: %s", cases[i].body);
            assert_memory_equal(numbers, before, sizeof(numbers));
        }
        stat = score_script_stat(script);
        if (strstr(stat.message, cases[i].message) == NULL)
            fail_msg("%s: %s", cases[i].body, stat.message);
        /* Deep recursion may end by any of the limits. */
        if (cases[i].message[0] != '\0') {
            assert_int_equal(stat.over_steps, cases[i].kind == 0 ? 3 : 0);
            assert_int_equal(stat.over_memory, cases[i].kind == 1 ? 3 : 0);
            assert_int_equal(stat.failed, cases[i].kind == 2 ? 3 : 0);
        }
        assert_int_equal(stat.over_steps + stat.over_memory + stat.failed, 3);
        assert_true(score_script_bytes(script) < 2 * SCORE_SCRIPT_BYTES);
        /* The script goes on. */
        assert_true(fold(script, numbers, 42) == 42);
        score_script_free(script);
    }
}

/* What is not there can not be called. */
static void test_cage(void **unused)
{
    static const char *const names[] = {
        "io",
        "os",
        "ffi",
        "package",
        "require",
        "debug",
        "jit",
        "bit",
        "string",
        "table",
        "load",
        "loadstring",
        "dofile",
        "loadfile",
        "pcall",
        "xpcall",
        "pairs",
        "next",
        "setmetatable",
        "rawset",
        "rawget",
        "getfenv",
        "setfenv",
        "_G",
        "newproxy",
        "coroutine",
        "print",
        "tostring",
        "collectgarbage",
        "getmetatable",
        "gcinfo",
        "module",
        "rawequal",
        "math.random",
        "math.randomseed",
        "math.exp",
        "math.log",
        "math.sin",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char text[200];
        double numbers[SCORE_SCRIPT_NUMBERS] = {0};
        struct score_script *script;

        snprintf(text, sizeof(text), "function fold(s) return %s == nil and 1 or 0 end", names[i]);
        script = make(text);
        if (fold(script, numbers, 0) != 1)
            fail_msg("%s can be reached", names[i]);
        score_script_free(script);
    }
}

static void test_refused(void **unused)
{
    (void)unused;
    expect_refused("function fold(s", "t.lua:1:");
    expect_refused("", "there is no function \"fold\"");
    expect_refused("fold = 5", "\"fold\" is not a function");
    expect_refused("function fold() end merge = 1", "\"merge\" is not a function");
    expect_refused("\n\nfunction fold(s) return s[1] ^ 2 end", "t.lua:3: \"^\"");
    expect_refused("t = {} function fold() end", "global \"t\" is a table");
    expect_refused("local t = {} function fold() return t[1] end", "local \"t\" is a table");
    expect_refused("local t = {} local function g() return t end function fold() return g() end",
                   "local \"t\" is a table");
    expect_refused("while true do end", "steps");
    expect_refused("local x = 'x' while true do x = x .. x end", "memory");
    expect_refused("error('at load') function fold() end", "at load");
    expect_refused("\x1bLJ\x02 some bytes", "t.lua");
    expect_refused("io.open('/etc/passwd') function fold() end", "io");
}

/* Nothing but the state outlives a call, however a script tries. */
static void test_memory(void **unused)
{
    static const char *const scripts[] = {
        "local n = 0 function fold(s) n = n + 1 return n end",
        "local n = 0 local function g() n = n + 1 return n end function fold(s) return g() end",
        ("local f = function() return 1 end "
         "function fold(s) local r = f() f = function() return r + 1 end return r end"),
        "local m function fold(s) if m then return 2 end m = {1} return 1 end",
        "function fold(s) local r = s.n or 1 s.n = r + 1 return r end",
        "function fold(s) local r = s[5] or 1 s[5] = r + 1 s[1.5] = r s[s] = r return r end",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        struct score_script *script = make(scripts[i]);

        for (int again = 0; again < 5; again++) {
            double numbers[SCORE_SCRIPT_NUMBERS] = {0};

            if (fold(script, numbers, 0) != 1)
                fail_msg("it remembers: %s", scripts[i]);
        }
        score_script_free(script);
    }
}

/* Garbage of many calls is collected; used memory stays where it was. */
static void test_garbage(void **unused)
{
    struct score_script *script =
        make("function fold(s, ms, v) local t = {v, v, {v}} s[1] = s[1] + #t return s[1] end");
    double numbers[SCORE_SCRIPT_NUMBERS] = {0};
    uint64_t bytes = score_script_bytes(script);

    (void)unused;
    for (int i = 0; i < 20000; i++)
        assert_true(fold(script, numbers, i) == 3.0 * (i + 1));
    assert_true(score_script_bytes(script) < bytes + (256u << 10));
    assert_int_equal(score_script_stat(script).failed, 0);
    score_script_free(script);
}

static void test_strategy(void **unused)
{
    struct score_script *script = make("function fold(s, ms, v, w)\n"
                                       "  if v == 13 then error('unlucky') end\n"
                                       "  if v == 0 then return end\n"
                                       "  s[1] = s[1] + v * w return s[1] end");
    struct score_call call = {.strategy = &score_lua, .column_count = 2, .script = script};
    struct score_state states[2] = {{.fresh = true}, {.fresh = true}};
    double more[] = {2, 3, 1, 1, 1};
    struct score_row list[] = {
        {0, 0, 10, {.f = 5}},  {0, 1, 20, {.f = 1}}, {0, 2, 30, {.f = 13}},
        {1, 3, 40, {.f = 13}}, {0, 4, 50, {.f = 0}},
    };
    struct score_rows rows = {list, 5, more};

    (void)unused;
    score_lua.fold(&call, states, &rows);
    assert_true(states[0].score.f == 13 && states[0].reached_ms == 20);
    assert_true(states[1].score.f == 0 && states[1].reached_ms == 40 && !states[1].fresh);
    assert_int_equal(score_script_stat(script).failed, 2);
    assert_string_equal(score_script_stat(script).message, "t.lua:2: unlucky");
    assert_false(score_can_merge(&call));
    score_script_free(script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fold),    cmocka_unit_test(test_math),
        cmocka_unit_test(test_stopped), cmocka_unit_test(test_cage),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_memory),
        cmocka_unit_test(test_garbage), cmocka_unit_test(test_strategy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
