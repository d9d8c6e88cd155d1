// SPDX-License-Identifier: Apache-2.0
/*
 * test_board_reads.c - every read of a board, over 1 to 8 partitions, against a brute-force
 * recount: random scores, masses of ties, segments, deep pages, all styles of ranks.
 */
#include "unit/query_board/board_model.h"

static uint32_t page_size(uint32_t total, uint32_t from, uint32_t n)
{
    if (from >= total)
        return 0;
    return total - from < n ? total - from : n;
}

static void check_top(struct world *world, const struct model *model, uint32_t region,
                      uint64_t *random, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        const char *style = styles[world_random(random) % 3];
        uint32_t from = (uint32_t)(world_random(random) % (model->sorted_count + 3));
        uint32_t n = 1 + (uint32_t)(world_random(random) % 40);
        char path[300];
        json_t *answer;

        if (i % 4 == 0)
            from = (uint32_t)(world_random(random) % 5);
        snprintf(path, sizeof(path), "boards/b/top?n=%u&offset=%u&ranks=%s%s%s", n, from, style,
                 model->setup.by_region ? "&by.region=" : "",
                 model->setup.by_region ? regions_encoded[region] : "");
        answer = world_get(world, path);
        check_entries(model, answer, from, page_size(model->sorted_count, from, n), style, path);
        assert_string_equal(json_string_value(json_object_get(answer, "ranks")), style);
        json_decref(answer);
    }
}

static void check_members(struct world *world, const struct model *model, uint32_t region,
                          uint64_t *random, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        uint32_t at = (uint32_t)(world_random(random) % model->sorted_count);
        const struct model_entry *entry = &model->sorted[at];
        uint32_t n = (uint32_t)(world_random(random) % 12);
        uint32_t first = at > n ? at - n : 0;
        uint32_t end = at + n + 1 < model->sorted_count ? at + n + 1 : model->sorted_count;
        const char *style = styles[world_random(random) % 3];
        char path[300];
        json_t *answer;
        double percentile;

        snprintf(path, sizeof(path), "boards/b/members/%s%s%s", entry->name,
                 model->setup.by_region ? "?by.region=" : "",
                 model->setup.by_region ? regions_encoded[region] : "");
        answer = world_get(world, path);
        assert_int_equal(json_integer_value(json_object_get(answer, "rank")), at + 1);
        assert_int_equal(json_integer_value(json_object_get(answer, "score")), entry->score);
        assert_int_equal(json_integer_value(json_object_get(answer, "reached_at")),
                         entry->reached_ms);
        percentile = model->sorted_count > 1
                         ? 100.0 * (model->sorted_count - at - 1) / (model->sorted_count - 1)
                         : 100;
        assert_true(json_number_value(json_object_get(answer, "percentile")) - percentile < 1e-4);
        assert_true(json_number_value(json_object_get(answer, "percentile")) - percentile > -1e-4);
        json_decref(answer);
        snprintf(path, sizeof(path), "boards/b/around/%s?n=%u&ranks=%s%s%s", entry->name, n, style,
                 model->setup.by_region ? "&by.region=" : "",
                 model->setup.by_region ? regions_encoded[region] : "");
        answer = world_get(world, path);
        check_entries(model, answer, first, end - first, style, path);
        json_decref(answer);
    }
}

static void run(const struct setup *setup, uint64_t seed)
{
    struct world world;
    struct model model;
    uint64_t random = seed;

    build(&world, &model, setup, &random);
    for (uint32_t region = 0; region < (setup->by_region ? REGIONS + 1 : 1u); region++) {
        model_sort(&model, region);
        check_top(&world, &model, region, &random, 60);
        check_members(&world, &model, region, &random, 40);
    }
    clean(&world, &model);
}

static void test_random(void **state)
{
    static const struct setup setups[] = {
        {1, 300, 2000, 1000, 100000, "desc", "first", false},
        {2, 300, 2000, 7, 20, "desc", "first", false},
        {3, 200, 1500, 1, 3, "asc", "last", false},
        {8, 500, 3000, 5, 5, "asc", "member", true},
        {8, 40, 90, 100, 50, "desc", "last", true},
        {4, 1, 5, 100, 50, "desc", "last", false},
    };

    (void)state;
    for (uint32_t i = 0; i < sizeof(setups) / sizeof(setups[0]); i++)
        run(&setups[i], 17 + i);
}

/* Pages from far below, where the place is narrowed down in rounds. */
static void test_deep(void **state)
{
    static const struct setup setups[] = {
        {8, 30000, 90000, 1000000, 100000, "desc", "first", false},
        {5, 20000, 60000, 3, 4, "desc", "first", false},
        {1, 12000, 40000, 50, 100, "asc", "member", false},
    };

    (void)state;
    for (uint32_t i = 0; i < sizeof(setups) / sizeof(setups[0]); i++) {
        struct world world;
        struct model model;
        uint64_t random = 99 + i;

        build(&world, &model, &setups[i], &random);
        model_sort(&model, 0);
        world.limits.scan_entries_max = i == 0 ? 700 : 65536; /* many rounds of dense ranks */
        for (uint32_t j = 0; j < 12; j++) {
            check_top(&world, &model, 0, &random, 4);
            assert_in_range(world.rounds, 1, 200);
        }
        clean(&world, &model);
    }
}

/* Finding a deep page takes few rounds and copies little. */
static void test_deep_rounds(void **state)
{
    struct setup setup = {8, 30000, 90000, 1000000, 100000, "desc", "first", false};
    struct world world;
    struct model model;
    uint64_t random = 5;
    json_t *answer;

    (void)state;
    build(&world, &model, &setup, &random);
    model_sort(&model, 0);
    answer = world_get(&world, "boards/b/top?n=10&offset=14000");
    check_entries(&model, answer, 14000, 10, "ordinal", "deep");
    assert_in_range(world.rounds, 2, 4);
    json_decref(answer);
    clean(&world, &model);
}

static void fold_more(struct world *world, void *context)
{
    struct model *model = context;
    static uint64_t random = 3;

    fill(world, model, &random, 400);
}

/* Events are folded between the rounds: answers may be a bit off, but they are whole. */
static void test_moving(void **state)
{
    struct setup setup = {4, 9000, 30000, 100, 100, "desc", "first", false};
    static const char *const paths[] = {
        "boards/b/top?n=20&offset=5000&ranks=dense",
        "boards/b/top?n=20&offset=8000&ranks=competition",
        "boards/b/around/P-00004?n=30&ranks=competition",
        "boards/b/members/p-00005",
        "boards/b/members?search=p-000&n=50",
        "boards/b/segments",
    };
    struct world world;
    struct model model;
    uint64_t random = 5;

    (void)state;
    build(&world, &model, &setup, &random);
    world.between = fold_more;
    world.between_context = &model;
    world.limits.scan_entries_max = 50;
    for (uint32_t i = 0; i < 60; i++) {
        json_t *answer = world_get(&world, paths[i % 6]);
        json_t *entries = json_object_get(answer, "entries");
        json_int_t before = 0;

        if (i % 6 < 2)
            assert_int_equal(json_array_size(entries), 20);
        for (size_t j = 0; j < json_array_size(entries); j++) {
            json_int_t rank =
                json_integer_value(json_object_get(json_array_get(entries, j), "rank"));

            assert_true(rank >= before && rank > 0);
            before = rank;
        }
        json_decref(answer);
    }
    clean(&world, &model);
}

static void test_search(void **state)
{
    struct setup setup = {5, 3000, 9000, 40, 100, "desc", "first", true};
    struct world world;
    struct model model;
    uint64_t random = 21;
    json_t *answer;
    json_t *hits;
    uint32_t at = 0;

    (void)state;
    build(&world, &model, &setup, &random);
    model_sort(&model, 1);
    world.limits.scan_entries_max = 100; /* many rounds */
    answer = world_get(&world, "boards/b/members?search=P-00&n=30&by.region=US%20%26+more");
    hits = json_object_get(answer, "members");
    assert_int_equal(json_array_size(hits), 30);
    for (uint32_t i = 0; i < 30; i++, at++) {
        json_t *hit = json_array_get(hits, i);

        while (strncasecmp(model.sorted[at].name, "p-00", 4) != 0)
            at++;
        assert_string_equal(json_string_value(json_object_get(hit, "member")),
                            model.sorted[at].name);
        assert_int_equal(json_integer_value(json_object_get(hit, "rank")), at + 1);
    }
    json_decref(answer);
    /* All segments: each hit says where it stands. */
    answer = world_get(&world, "boards/b/members?search=-00123&n=10");
    hits = json_object_get(answer, "members");
    assert_in_range(json_array_size(hits), 1, REGIONS + 1);
    for (uint32_t i = 0; i < json_array_size(hits); i++) {
        json_t *hit = json_array_get(hits, i);
        const char *region =
            json_string_value(json_object_get(json_object_get(hit, "by"), "region"));
        uint32_t number = 0;

        while (strcmp(regions[number], region) != 0)
            number++;
        model_sort(&model, number);
        at = (uint32_t)json_integer_value(json_object_get(hit, "rank")) - 1;
        assert_string_equal(model.sorted[at].name, "p-00123");
    }
    json_decref(answer);
    world_expect(&world, "boards/b/members?search=nobody",
                 "{'board':'b','search':'nobody','ranks':'ordinal','members':[]}");
    clean(&world, &model);
}

static void test_segments(void **state)
{
    struct world world;
    char path[100];

    (void)state;
    world_init(&world, 3, NULL);
    world.limits.scan_entries_max = 1;
    world_define(&world, DEFINITION_BOARD, "direct", "{'type':'int','by':['region','level']}");
    world_expect(&world, "boards/direct/segments",
                 "{'board':'direct','by':['region','level'],'count':0,'segments':[]}");
    for (int i = 0; i < 700; i++) {
        char name[20];
        char level[20];
        struct cell cells[5];

        snprintf(name, sizeof(name), "m%d", i);
        snprintf(level, sizeof(level), "%d", i % 600);
        cells[0] = cell_text(name);
        cells[1] = cell_int(i);
        cells[2] = cell_int(SCORE_SET);
        cells[3] = cell_text(i % 2 == 0 ? "EU" : "US");
        cells[4] = cell_text(level);
        world_row(&world, "board:direct", span_of(name), cells);
    }
    world_fold(&world, 5);
    world_expect(&world, "boards/direct/segments?limit=2",
                 "{'board':'direct','by':['region','level'],'count':600,'segments':["
                 "{'by':{'region':'EU','level':'0'},'size':2},"
                 "{'by':{'region':'EU','level':'10'},'size':2}]}");
    world_expect(&world, "boards/direct/segments?offset=599&limit=5&by.region=EU",
                 "{'board':'direct','by':['region','level'],'count':300,'segments':[]}");
    world_expect(&world, "boards/direct/segments?offset=299&limit=5&by.region=EU",
                 "{'board':'direct','by':['region','level'],'count':300,'segments':["
                 "{'by':{'region':'EU','level':'598'},'size':1}]}");
    world_expect(&world, "boards/direct/top?by.region=US&by.level=7",
                 "{'board':'direct','by':{'region':'US','level':'7'},'size':2,'ranks':'ordinal',"
                 "'entries':[{'rank':1,'member':'m607','score':607,'reached_at':5},"
                 "{'rank':2,'member':'m7','score':7,'reached_at':5}]}");
    snprintf(path, sizeof(path), "boards/direct/top?by.region=nowhere&by.level=7");
    world_expect(&world, path,
                 "{'board':'direct','by':{'region':'nowhere','level':'7'},'size':0,"
                 "'ranks':'ordinal','entries':[]}");
    world_refuses(&world, "boards/direct/members/m7?by.region=EU&by.level=7", ERR_NOT_FOUND, "m7");
    world_done(&world);
}

static void test_shapes(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, 2, NULL);
    world_define(&world, DEFINITION_BOARD, "f", "{'type':'float'}");
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"Ann \"B\"", "Bob/x", "Çe"};
        struct cell cells[3] = {cell_text(names[i]), cell_float(1.5 * i), cell_int(SCORE_SET)};

        world_row(&world, "board:f", span_of(names[i]), cells);
    }
    world_fold(&world, 77);
    world_expect(
        &world, "boards/f/members/Bob%2Fx",
        "{'board':'f','by':{},'size':3,'ranks':'ordinal','member':'Bob/x','score':1.5,'rank':2,"
        "'percentile':50,'reached_at':77}");
    world_expect(&world, "boards/f/around/Bob%2Fx?n=0",
                 "{'board':'f','by':{},'member':'Bob/x','size':3,'ranks':'ordinal','entries':["
                 "{'rank':2,'member':'Bob/x','score':1.5,'reached_at':77}]}");
    world_expect(&world, "boards/f/members?search=%C3%A7",
                 "{'board':'f','by':{},'search':'ç','ranks':'ordinal','members':["
                 "{'member':'Çe','score':3,'rank':1}]}");
    world_expect(&world, "boards/f/members?search=b&ranks=competition&n=1",
                 "{'board':'f','by':{},'search':'b','ranks':'competition','members':["
                 "{'member':'Bob/x','score':1.5,'rank':2}]}");
    world_refuses(&world, "boards/f/members?search=b&ranks=dense", ERR_INVALID, "dense");
    world_expect(&world, "boards/f/segments",
                 "{'board':'f','by':[],'count':1,'segments':[{'by':{},'size':3}]}");
    world_done(&world);
}

/* The board goes, or comes back as another one, between parse and collect. */
static void test_gone(void **state)
{
    static const char *const paths[] = {"boards/b/top", "boards/b/members/x", "boards/b/around/x",
                                        "boards/b/members?search=x", "boards/b/segments"};

    (void)state;
    for (uint32_t i = 0; i < 10; i++) {
        struct world world;
        struct read *read = NULL;
        struct answer answer = {0};
        struct err err = {0};

        world_init(&world, 2, NULL);
        world_define(&world, DEFINITION_BOARD, "b", "{}");
        assert_int_equal(
            read_parse(&read, span_of(paths[i / 2]), world.catalog, 2, &world.limits, 0, &err), 0);
        world_define(&world, DEFINITION_BOARD, "b", i % 2 == 0 ? NULL : "{'order':'asc'}");
        assert_int_equal(world_run(&world, read, &answer, &err), ERR_NOT_FOUND);
        assert_non_null(strstr(err.text, "\"b\""));
        read_free(read);
        world_done(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),      cmocka_unit_test(test_deep),
        cmocka_unit_test(test_deep_rounds), cmocka_unit_test(test_moving),
        cmocka_unit_test(test_search),      cmocka_unit_test(test_segments),
        cmocka_unit_test(test_shapes),      cmocka_unit_test(test_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
