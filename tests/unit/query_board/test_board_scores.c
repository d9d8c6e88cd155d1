// SPDX-License-Identifier: Apache-2.0
/*
 * test_board_scores.c - scores as answers show them: subscores, ranks that they decide, sums that
 * fade while they are watched, and seasons that become final.
 */
#include "support/query_harness.h"

#define DAY INT64_C(86400000)

static void play(struct world *world, uint32_t partition, const char *player, int64_t points,
                 const int64_t *level, int64_t at)
{
    struct cell cells[4] = {cell_text(player), cell_int(points), {0}, cell_int(at)};

    if (level != NULL)
        cells[2] = cell_int(*level);
    world_row_to(world, "plays", partition, cells);
    world_fold(world, 1);
}

static void start(struct world *world, const char *board)
{
    world_init(world, 2, NULL);
    world_define(world, DEFINITION_STREAM, "plays",
                 "{'fields':{'player':'string','points':'int','level':'int','at':'time'},"
                 "'key':'player','time':'at','lateness':'1d'}");
    world_define(world, DEFINITION_BOARD, "b", board);
}

/* Equal scores share a rank only if subscores are equal too; one without a value is the worst. */
static void test_subscores(void **state)
{
    static const int64_t levels[] = {1, 2};
    struct world world;

    (void)state;
    start(&world, "{'stream':'plays','member':'player','score':'sum(points)','ties':'shared',"
                  "'subscores':[{'score':'min(level)','order':'asc'}]}");
    play(&world, 0, "a", 5, &levels[1], 1000);
    play(&world, 1, "b", 5, &levels[0], 1001);
    play(&world, 0, "c", 5, &levels[1], 1002);
    play(&world, 1, "d", 5, NULL, 1003);
    play(&world, 0, "e", 7, NULL, 1004);
    world_expect(&world, "boards/b/top?ranks=competition&n=4",
                 "{'board':'b','by':{},'size':5,'ranks':'competition','entries':["
                 "{'rank':1,'member':'e','score':7,'subscores':[null],'reached_at':1004},"
                 "{'rank':2,'member':'b','score':5,'subscores':[1],'reached_at':1001},"
                 "{'rank':3,'member':'a','score':5,'subscores':[2],'reached_at':1000},"
                 "{'rank':3,'member':'c','score':5,'subscores':[2],'reached_at':1002}]}");
    world_expect(&world, "boards/b/top?ranks=dense&n=2&offset=3",
                 "{'board':'b','by':{},'size':5,'ranks':'dense','entries':["
                 "{'rank':3,'member':'c','score':5,'subscores':[2],'reached_at':1002},"
                 "{'rank':4,'member':'d','score':5,'subscores':[null],'reached_at':1003}]}");
    world_expect(&world, "boards/b/members?member=c&member=x&ranks=competition",
                 "{'board':'b','by':{},'size':5,'ranks':'competition','members':["
                 "{'member':'c','score':5,'subscores':[2],'rank':3,'percentile':50,"
                 "'reached_at':1002},"
                 "{'member':'x','score':null,'subscores':null,'rank':null,'percentile':null,"
                 "'reached_at':null}]}");
    world_done(&world);
}

/* Dense ranks over more levels than a round takes, with runs of equal ones. */
static void test_levels(void **state)
{
    struct world world;
    uint64_t random = 1;
    json_int_t before = 0;
    json_t *answer;
    json_t *last = NULL;
    json_t *row;
    size_t i;

    (void)state;
    start(&world, "{'stream':'plays','member':'player','score':'last(points)',"
                  "'subscores':[{'score':'last(level)','order':'desc'}]}");
    world.limits.scan_entries_max = 7;
    for (uint32_t n = 0; n < 2000; n++) {
        char name[24];
        int64_t level = (int64_t)(world_random(&random) % 12);

        snprintf(name, sizeof(name), "p%u", n);
        play(&world, n % 2, name, n < 400 ? 3 : (int64_t)(world_random(&random) % 9),
             n < 300 ? &level : (level = 4, &level), 1000);
    }
    answer = world_get(&world, "boards/b/top?ranks=dense&n=1500&offset=450");
    json_array_foreach(json_object_get(answer, "entries"), i, row)
    {
        json_int_t rank = json_integer_value(json_object_get(row, "rank"));
        bool same =
            last != NULL &&
            json_equal(json_object_get(last, "score"), json_object_get(row, "score")) &&
            json_equal(json_object_get(last, "subscores"), json_object_get(row, "subscores"));

        if (last != NULL)
            assert_int_equal(rank, same ? before : before + 1);
        before = rank;
        last = row;
    }
    assert_int_equal(i, 1500);
    json_decref(answer);
    /* 9 scores at level 4, and score 3 at 12 levels. */
    answer = world_get(&world, "boards/b/top?ranks=dense&n=1&offset=1999");
    row = json_array_get(json_object_get(answer, "entries"), 0);
    assert_int_equal(json_integer_value(json_object_get(row, "rank")), 9 + 11);
    json_decref(answer);
    world_done(&world);
}

/* A watched board is another one each 128th of the half-life, not each time it is asked. */
static void test_fading(void **state)
{
    struct world world;
    struct answer answers[3] = {{0}};
    struct bytes diff = {0};
    struct err err = {0};
    struct read *read;

    (void)state;
    start(&world, "{'stream':'plays','member':'player','score':'decayed_sum(points, 128h)'}");
    play(&world, 0, "a", 64, NULL, 0);
    play(&world, 1, "b", 16, NULL, 0);
    world.now_ms = 256 * INT64_C(3600000);
    world_expect(&world, "boards/b/top?min=4&max=15.5",
                 "{'board':'b','shown_at':921600000,'by':{},'size':2,'count':1,'ranks':'ordinal',"
                 "'entries':[{'rank':2,'member':'b','score':4,'reached_at':0}]}");
    assert_int_equal(
        read_parse(&read, SPAN_LITERAL("boards/b/top"), world.catalog, 2, &world.limits, 0, &err),
        0);
    read->watched = true;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(world_run(&world, read, &answers[i], &err), 0);
        read->ops->reset(read);
        world.now_ms += 1800000 + 1; /* a step is an hour */
    }
    assert_false(answer_diff(&answers[0], &answers[1], &diff));
    assert_true(answer_diff(&answers[1], &answers[2], &diff));
    read_free(read);
    for (int i = 0; i < 3; i++)
        answer_done(&answers[i]);
    bytes_done(&diff);
    world_done(&world);
}

/* A season is final when no partition can change it; it fades as of its end. */
static void test_final(void **state)
{
    struct world world;

    (void)state;
    start(&world, "{'stream':'plays','member':'player','score':'decayed_sum(points, 1d)',"
                  "'period':'daily','keep':1}");
    world_expect(&world, "boards/b/count",
                 "{'board':'b','season':null,'season_end':null,'final':false,'shown_at':0,"
                 "'by':{},'size':0,'count':0}");
    world_expect(&world, "boards/b/seasons", "{'board':'b','count':0,'seasons':[]}");
    play(&world, 0, "a", 8, NULL, 0);
    world.now_ms = 100 * DAY;
    play(&world, 0, "a", 1, NULL, 2 * DAY); /* a day late: the first one closes there */
    world_expect(&world, "boards/b/top?season=0",
                 "{'board':'b','season':0,'season_end':86400000,'final':false,"
                 "'shown_at':86400000,'by':{},'size':1,'ranks':'ordinal',"
                 "'entries':[{'rank':1,'member':'a','score':4,'reached_at':0}]}");
    play(&world, 1, "b", 1, NULL, 2 * DAY);
    world_expect(&world, "boards/b/count?season=0",
                 "{'board':'b','season':0,'season_end':86400000,'final':true,"
                 "'shown_at':86400000,'by':{},'size':1,'count':1}");
    world_expect(&world, "boards/b/members/a/history?n=1",
                 "{'board':'b','shown_at':8640000000,'by':{},'member':'a','ranks':'ordinal',"
                 "'seasons':[{'season':172800000,'season_end':259200000,'current':true,"
                 "'closed':false,'final':false,'score':0.5,'rank':1,'percentile':100,"
                 "'reached_at':172800000,'size':2}]}");
    /* One partition lets go of it: what the other has is not all, and is not read. */
    play(&world, 1, "b", 1, NULL, 4 * DAY);
    play(&world, 0, "a", 1, NULL, 3 * DAY - 1);
    world_expect(&world, "boards/b/count?season=0",
                 "{'board':'b','season':0,'season_end':86400000,'final':true,"
                 "'shown_at':86400000,'by':{},'size':1,'count':1}");
    play(&world, 0, "a", 1, NULL, 4 * DAY);
    world_refuses(&world, "boards/b/count?season=0", ERR_NOT_FOUND, "no season");
    world_refuses(&world, "boards/b/seasons?by.x=1", ERR_INVALID, "by.x");
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subscores),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_fading),
        cmocka_unit_test(test_final),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
