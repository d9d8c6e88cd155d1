// SPDX-License-Identifier: Apache-2.0
/* test_read_parse.c - paths and parameters of reads: what is refused, and how it is said. */
#include "support/query_harness.h"

static void define(struct world *world)
{
    world_init(world, 2, NULL);
    world_define(world, DEFINITION_STREAM, "plays",
                 "{'fields':{'player':'string','points':'int','region':'string','level':'int',"
                 "'at':'time'},'key':'player','time':'at'}");
    world_define(world, DEFINITION_BOARD, "b",
                 "{'stream':'plays','member':'player','score':'sum(points)'}");
    world_define(world, DEFINITION_BOARD, "split",
                 "{'stream':'plays','member':'player','score':'sum(points)',"
                 "'by':['region','level']}");
    world_define(world, DEFINITION_METRIC, "m",
                 "{'stream':'plays','value':'count()','by':['region','level'],'every':'10s'}");
    world_define(world, DEFINITION_METRIC, "total",
                 "{'stream':'plays','value':'count()','every':'10s'}");
    world->limits = (struct read_limits){100, 1000, 50, 65536};
}

struct refusal {
    const char *path;
    int code;
    const char *part;
};

static const struct refusal refusals[] = {
    {"", ERR_NOT_FOUND, "boards/NAME/top"},
    {"boards", ERR_NOT_FOUND, "no such read"},
    {"boards/b", ERR_NOT_FOUND, "no such read"},
    {"boards/b/top/x", ERR_NOT_FOUND, "no such read"},
    {"boards/b/members/x/y", ERR_NOT_FOUND, "no such read"},
    {"a/b/c/d/e/f/g/h/i/j", ERR_NOT_FOUND, "so many"},
    {"streams/plays", ERR_NOT_FOUND, "no such read"},
    {"boards/x/top", ERR_NOT_FOUND, "board \"x\" is not defined"},
    {"metrics/x", ERR_NOT_FOUND, "metric \"x\" is not defined"},
    {"metrics/x/labels", ERR_NOT_FOUND, "metric \"x\" is not defined"},
    {"boards/b/top?n=0", ERR_INVALID, "n=0: must be 1 or more"},
    {"boards/b/top?n=101", ERR_INVALID, "limits.page_entries"},
    {"boards/b/top?n=99999999999999999999999", ERR_INVALID, "100 or less"},
    {"boards/b/top?n=x", ERR_INVALID, "n=x: expected a whole number"},
    {"boards/b/top?n=", ERR_INVALID, "n="},
    {"boards/b/top?n", ERR_INVALID, "n="},
    {"boards/b/top?n=-1", ERR_INVALID, "n=-1"},
    {"boards/b/top?n=1&n=2", ERR_INVALID, "twice"},
    {"boards/b/top?offset=4294967296", ERR_INVALID, "offset"},
    {"boards/b/top?ranks=fair", ERR_INVALID, "ordinal, competition, dense"},
    {"boards/b/top?limit=3", ERR_INVALID, "expected one of n, offset, ranks, percentile, min"},
    {"boards/b/top?by.region=EU", ERR_INVALID, "by.region"},
    {"boards/b/top?n=%zz", ERR_INVALID, "%zz"},
    {"boards/b/members/100%", ERR_INVALID, "100%"},
    {"boards/b/around/x?n=101", ERR_INVALID, "limits.page_entries"},
    {"boards/b/around/x", ERR_NOT_FOUND, "\"x\" is not on board \"b\""},
    {"boards/b/members/x", ERR_NOT_FOUND, "\"x\" is not on board \"b\""},
    {"boards/b/members/x?n=1", ERR_INVALID, "expected one of ranks"},
    {"boards/b/members", ERR_INVALID, "search=ann"},
    {"boards/b/members?search=a&n=51", ERR_INVALID, "limits.search_results"},
    {"boards/split/top", ERR_INVALID, "needs also by.region, by.level"},
    {"boards/split/top?by.region=EU", ERR_INVALID, "needs also by.level"},
    {"boards/split/top?by.region=EU&by.region=US", ERR_INVALID, "twice"},
    {"boards/split/top?by.country=EU", ERR_INVALID, "by.region, by.level"},
    {"boards/split/members/x?by.level=", ERR_INVALID, "needs also by.region"},
    {"boards/split/around/x", ERR_INVALID, "needs also by.region, by.level"},
    {"boards/split/members?search=a&by.level=1", ERR_INVALID, "needs also by.region"},
    {"boards/split/segments?limit=0", ERR_INVALID, "limit=0"},
    {"boards/split/segments?n=3", ERR_INVALID, "offset, limit, by.region, by.level"},
    {"metrics/m?step=15s", ERR_INVALID, "10s wide"},
    {"metrics/m?step=1s", ERR_INVALID, "10s wide"},
    {"metrics/m?step=0", ERR_INVALID, "step"},
    {"metrics/m?step=-10s", ERR_INVALID, "step"},
    {"metrics/m?step=x", ERR_INVALID, "step"},
    {"metrics/m?step=73000d", ERR_INVALID, "step"},
    {"metrics/m?by=region,country", ERR_INVALID, "no label \"country\", expected some of region"},
    {"metrics/m?by=region,region", ERR_INVALID, "named twice"},
    {"metrics/m?by=region,,level", ERR_INVALID, "no label \"\""},
    {"metrics/total?by=region", ERR_INVALID, "no label"},
    {"metrics/m?where.country=x", ERR_INVALID, "where.region, where.level"},
    {"metrics/total?where.region=x", ERR_INVALID, "start, end, step, by, latest"},
    {"metrics/m?start=yesterday", ERR_INVALID, "start=yesterday"},
    {"metrics/m?end=2020-13-01", ERR_INVALID, "end=2020-13-01"},
    {"metrics/m?latest=0", ERR_INVALID, "latest=0"},
    {"metrics/m?latest=1001", ERR_INVALID, "limits.query_points"},
    {"metrics/m/labels?n=1", ERR_INVALID, "takes none"},
};

static void test_refusals(void **state)
{
    struct world world;

    (void)state;
    define(&world);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        world_refuses(&world, refusals[i].path, refusals[i].code, refusals[i].part);
    world_done(&world);
}

static void test_accepted(void **state)
{
    static const char *const paths[] = {
        "boards/b/top?",
        "boards/b/top?&n=3&",
        "boards/%62/top?%6e=3",
        "boards/b/segments",
        "boards/split/top?by.level=1&by.region=a%26b",
        "boards/split/members?search=",
        "boards/split/segments?by.level=3",
        "metrics/m?by=&where.region=a&where.region=b&where.level=",
        "metrics/m?by=level&step=100s&start=-1h&end=now&latest=5",
        "metrics/m?start=-1000000000000000000000d",
        "metrics/total?by=",
        "metrics/total/labels",
    };
    struct world world;

    (void)state;
    define(&world);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (strstr(paths[i], "000000d") != NULL)
            world_refuses(&world, paths[i], ERR_INVALID, "start=");
        else
            json_decref(world_get(&world, paths[i]));
    }
    world_done(&world);
}

/* The same read from a path and from its pieces. */
static void test_parts(void **state)
{
    struct span parts[] = {SPAN_LITERAL("boards"), SPAN_LITERAL("b"), SPAN_LITERAL("around"),
                           SPAN_LITERAL("A/b?c")};
    struct read_param params[] = {{SPAN_LITERAL("n"), SPAN_LITERAL("2")}};
    struct cell cells[5] = {cell_text("A/b?c"), cell_int(3), cell_text("EU"), cell_int(1),
                            cell_int(5)};
    struct answer first = {0};
    struct answer second = {0};
    struct bytes diff = {0};
    struct read *read = NULL;
    struct world world;
    struct err err = {0};

    (void)state;
    define(&world);
    world_row(&world, "plays", span_of("A/b?c"), cells);
    world_fold(&world, 5);
    assert_int_equal(
        read_parse_parts(&read, parts, 4, params, 1, world.catalog, 2, &world.limits, 0, &err), 0);
    assert_int_equal(world_run(&world, read, &first, &err), 0);
    assert_int_equal(world_ask(&world, "boards/b/around/A%2fb%3Fc?n=2", &second, &err), 0);
    assert_false(answer_diff(&first, &second, &diff));
    assert_int_equal(first.row_count, 1);
    parts[3] = SPAN_LITERAL("");
    assert_int_equal(
        read_parse_parts(&read, parts, 4, params, 1, world.catalog, 2, &world.limits, 0, &err),
        ERR_INVALID);
    answer_done(&first);
    answer_done(&second);
    bytes_done(&diff);
    read->ops->free(read);
    read_free(NULL);
    world_done(&world);
}

/* Cut and garbled paths give an error or a read, never anything worse. */
static void test_garbled(void **state)
{
    static const char *const paths[] = {
        "boards/split/members?search=a%20b&n=4&by.level=1&by.region=x",
        "metrics/m?by=level,region&step=100s&start=2020-01-01T00:00:00.5%2B01:00&end=now&latest=5",
        "boards/b/around/Ann%20B?n=3&ranks=dense",
    };
    static const char noise[] = "%/?&=.,+-:ZT05ax";
    struct world world;
    uint64_t random = 1;

    (void)state;
    define(&world);
    for (int i = 0; i < 30000; i++) {
        struct answer answer = {0};
        struct err err = {0};
        char path[200];
        size_t size;

        snprintf(path, sizeof(path), "%s", paths[i % 3]);
        for (int j = 0; j < 3; j++)
            path[world_random(&random) % strlen(paths[i % 3])] =
                noise[world_random(&random) % (sizeof(noise) - 1)];
        size = world_random(&random) % 2 == 0 ? strlen(path) : world_random(&random) % strlen(path);
        path[size] = '\0';
        if (world_ask(&world, path, &answer, &err) < 0)
            assert_true(strlen(err.text) > 0);
        answer_done(&answer);
    }
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_garbled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
