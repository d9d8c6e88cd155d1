// SPDX-License-Identifier: Apache-2.0
/*
 * test_route.c - patterns, their order, encoded slashes, 404 and 405.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "http/route.h"

static const struct route routes[] = {
    {"GET", "/", ROLE_NONE, NULL},
    {"GET", "/{file*}", ROLE_NONE, NULL},
    {"GET", "/v1/boards", ROLE_READ, NULL},
    {"GET", "/v1/boards/{board}", ROLE_READ, NULL},
    {"PUT", "/v1/boards/{board}", ROLE_ADMIN, NULL},
    {"DELETE", "/v1/boards/{board}", ROLE_ADMIN, NULL},
    {"GET", "/v1/boards/{board}/members/{member}", ROLE_READ, NULL},
    {"GET", "/v1/boards/{board}/top", ROLE_READ, NULL},
    {"GET", "/v1/boards/{board}/{other}", ROLE_READ, NULL},
    {"POST", "/v1/boards/{board}/scores", ROLE_WRITE, NULL},
};

static int make(void **state)
{
    struct route_table *table = NULL;
    int rc = route_table_new(&table, routes, sizeof(routes) / sizeof(routes[0]), NULL);

    *state = table;
    return rc;
}

static int drop(void **state)
{
    route_table_free(*state);
    return 0;
}

static enum route_result find(void **state, const char *method, const char *path,
                              struct route_match *match)
{
    return route_table_find(*state, span_of(method), span_of(path), match);
}

static void assert_route(void **state, const char *method, const char *path, const char *pattern)
{
    struct route_match match;

    assert_int_equal(find(state, method, path, &match), ROUTE_FOUND);
    assert_string_equal(match.route->path, pattern);
}

static void test_specific_wins(void **state)
{
    assert_route(state, "GET", "/", "/");
    assert_route(state, "GET", "/app.js", "/{file*}");
    assert_route(state, "GET", "/vendor/x/y.js", "/{file*}");
    assert_route(state, "GET", "/v1/boards", "/v1/boards");
    assert_route(state, "GET", "/v1/boards/world", "/v1/boards/{board}");
    assert_route(state, "GET", "/v1/boards/world/top", "/v1/boards/{board}/top");
    assert_route(state, "GET", "/v1/boards/world/to%70", "/v1/boards/{board}/top");
    assert_route(state, "GET", "/v1/boards/world/rest", "/v1/boards/{board}/{other}");
    assert_route(state, "HEAD", "/v1/boards/world/top", "/v1/boards/{board}/top");
    /* An empty segment is no parameter. */
    assert_route(state, "GET", "/v1/boards/", "/{file*}");
    assert_route(state, "GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t", "/{file*}");
}

static void test_params(void **state)
{
    struct route_match match;
    const char *path = "/v1/boards/a%20b/members/Carlsen%2C%20Magnus%2Fx";

    assert_int_equal(find(state, "GET", path, &match), ROUTE_FOUND);
    assert_string_equal(match.route->path, "/v1/boards/{board}/members/{member}");
    assert_int_equal(match.param_count, 2);
    assert_string_equal(match.params[0].name, "board");
    assert_true(span_equal(match.params[0].raw, SPAN_LITERAL("a%20b")));
    assert_string_equal(match.params[1].name, "member");
    assert_true(span_equal(match.params[1].raw, SPAN_LITERAL("Carlsen%2C%20Magnus%2Fx")));

    assert_int_equal(find(state, "GET", "/a/b.js", &match), ROUTE_FOUND);
    assert_string_equal(match.params[0].name, "file");
    assert_true(span_equal(match.params[0].raw, SPAN_LITERAL("a/b.js")));
}

static void test_methods(void **state)
{
    struct route_match match;

    assert_int_equal(find(state, "POST", "/v1/boards/world", &match), ROUTE_METHOD);
    assert_string_equal(match.allow, "GET, HEAD, PUT, DELETE, OPTIONS");
    assert_null(match.route);
    assert_int_equal(find(state, "GET", "/v1/boards/world/scores", &match), ROUTE_METHOD);
    assert_string_equal(match.allow, "POST, OPTIONS");
    assert_int_equal(find(state, "GET", "*", &match), ROUTE_UNKNOWN);
    assert_int_equal(find(state, "GET", "", &match), ROUTE_UNKNOWN);
    assert_string_equal(route_role_text(ROLE_ADMIN), "admin");
}

static void test_bad_patterns(void **state)
{
    static const char *const bad[] = {"v1", "/a{b}", "/{}", "/{a", "/{a*}/b", "/{*}"};
    struct route_table *table = NULL;
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct route route = {"GET", bad[i], ROLE_NONE, NULL};
        assert_int_equal(route_table_new(&table, &route, 1, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, bad[i]));
    }
    struct route twice[] = {{"GET", "/a/{b}", ROLE_NONE, NULL}, {"GET", "/a/{b}", ROLE_NONE, NULL}};
    assert_int_equal(route_table_new(&table, twice, 2, &err), ERR_INVALID);
    assert_null(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_specific_wins, make, drop),
        cmocka_unit_test_setup_teardown(test_params, make, drop),
        cmocka_unit_test_setup_teardown(test_methods, make, drop),
        cmocka_unit_test(test_bad_patterns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
