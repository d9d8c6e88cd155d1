// SPDX-License-Identifier: Apache-2.0
/*
 * test_board_changes.c - members removed, banned and renamed between the events, as a partition
 * folds it.
 */
#include "engine/board_changes.h"
#include "model/board_change.h"
#include "board/board.h"
#include "support/query_harness.h"

static uint32_t board_id(struct world *world, const char *name)
{
    const struct catalog_board *board = catalog_find_board(world->catalog, span_of(name));

    assert_non_null(board);
    return board->id;
}

static struct board_change_result fold(struct partition *partition,
                                       const struct board_change *change)
{
    struct board_change_result result;
    struct bytes record = {0};
    struct err err = {0};

    board_change_encode(change, &record);
    assert_int_equal(partition_change(partition, bytes_span(&record), &result, &err), 0);
    assert_int_equal(result.taken.size > 0,
                     change->op == BOARD_CHANGE_TAKE && result.outcome == BOARD_CHANGE_DONE);
    bytes_done(&record);
    bytes_done(&result.taken);
    return result;
}

/* On all partitions: those where the member is not at home have nothing to do. */
static enum board_change_outcome change(struct world *world, const char *board,
                                        enum board_change_op op, const char *member, const char *to,
                                        const char *region)
{
    struct board_change wanted = {
        .op = op, .board_id = board_id(world, board), .member = span_of(member)};
    enum board_change_outcome outcome = BOARD_CHANGE_ABSENT;

    if (to != NULL)
        wanted.to = span_of(to);
    if (region != NULL) {
        wanted.by_count = 1;
        wanted.by[0] = span_of(region);
    }
    for (uint32_t i = 0; i < world->partition_count; i++) {
        struct board_change_result result = fold(world->partitions[i], &wanted);

        if (result.outcome != BOARD_CHANGE_ABSENT)
            outcome = result.outcome;
    }
    return outcome;
}

static void define(struct world *world, uint32_t partitions)
{
    world_init(world, partitions, NULL);
    world_define(world, DEFINITION_STREAM, "plays",
                 "{'fields':{'player':'string','points':'int','region':'string','at':'time'},"
                 "'key':'player','time':'at','lateness':'1d'}");
    world_define(world, DEFINITION_BOARD, "b",
                 "{'stream':'plays','member':'player','score':'last(points)'}");
    world_define(world, DEFINITION_BOARD, "split",
                 "{'stream':'plays','member':'player','score':'sum(points)','by':['region']}");
}

static void play(struct world *world, const char *player, int64_t points, const char *region,
                 int64_t at_ms)
{
    struct cell cells[4] = {cell_text(player), cell_int(points), cell_text(region),
                            cell_int(at_ms)};

    world_row(world, "plays", span_of(player), cells);
    world_fold(world, at_ms);
}

static void test_remove(void **state)
{
    struct world world;

    (void)state;
    define(&world, 2);
    play(&world, "Ann", 5, "EU", 1000);
    play(&world, "Ann", 7, "US", 1001);
    play(&world, "Bob", 6, "EU", 1002);
    assert_int_equal(change(&world, "b", BOARD_CHANGE_REMOVE, "Cid", NULL, NULL),
                     BOARD_CHANGE_ABSENT);
    assert_int_equal(change(&world, "b", BOARD_CHANGE_REMOVE, "Ann", NULL, NULL),
                     BOARD_CHANGE_DONE);
    world_expect(&world, "boards/b/top",
                 "{'board':'b','by':{},'size':1,'ranks':'ordinal','entries':["
                 "{'rank':1,'member':'Bob','score':6,'reached_at':1002}]}");
    assert_int_equal(change(&world, "split", BOARD_CHANGE_REMOVE, "Ann", NULL, "EU"),
                     BOARD_CHANGE_DONE);
    world_refuses(&world, "boards/split/members/Ann?by.region=EU", ERR_NOT_FOUND, "Ann");
    world_expect(&world, "boards/split/members/Ann?by.region=US",
                 "{'board':'split','by':{'region':'US'},'size':1,'ranks':'ordinal','member':'Ann',"
                 "'score':7,'rank':1,'percentile':100,'reached_at':1001}");
    /* An event brings it back, from nothing: even an older one. */
    play(&world, "Ann", 1, "EU", 900);
    world_expect(&world, "boards/b/members/Ann",
                 "{'board':'b','by':{},'size':2,'ranks':'ordinal','member':'Ann','score':1,"
                 "'rank':2,'percentile':0,'reached_at':900}");
    /* From all segments; those that are empty by now are not listed. */
    assert_int_equal(change(&world, "split", BOARD_CHANGE_REMOVE, "Ann", NULL, NULL),
                     BOARD_CHANGE_DONE);
    world_expect(&world, "boards/split/segments",
                 "{'board':'split','by':['region'],'count':1,'segments':["
                 "{'by':{'region':'EU'},'size':1}]}");
    world_done(&world);
}

static void test_ban(void **state)
{
    struct world world;

    (void)state;
    define(&world, 2);
    play(&world, "Ann", 5, "EU", 1000);
    play(&world, "Bob", 6, "EU", 1001);
    assert_int_equal(change(&world, "b", BOARD_CHANGE_BAN, "Ann", NULL, NULL), BOARD_CHANGE_DONE);
    assert_int_equal(change(&world, "b", BOARD_CHANGE_BAN, "Ann", NULL, NULL), BOARD_CHANGE_BANNED);
    play(&world, "Ann", 100, "EU", 1002);
    play(&world, "Bob", 7, "EU", 1003);
    world_expect(&world, "boards/b/top",
                 "{'board':'b','by':{},'size':1,'ranks':'ordinal','entries':["
                 "{'rank':1,'member':'Bob','score':7,'reached_at':1003}]}");
    /* Only from that board; and nobody gets a banned name. */
    world_expect(&world, "boards/split/members/Ann?by.region=EU",
                 "{'board':'split','by':{'region':'EU'},'size':2,'ranks':'ordinal','member':'Ann',"
                 "'score':105,'rank':1,'percentile':100,'reached_at':1002}");
    /* A board that is defined anew keeps its bans, one that was dropped does not. */
    world_define(&world, DEFINITION_BOARD, "b",
                 "{'stream':'plays','member':'player','score':'max(points)'}");
    play(&world, "Ann", 100, "EU", 1004);
    world_refuses(&world, "boards/b/members/Ann", ERR_NOT_FOUND, "\"Ann\" is banned");
    assert_int_equal(change(&world, "b", BOARD_CHANGE_UNBAN, "Ann", NULL, NULL), BOARD_CHANGE_DONE);
    assert_int_equal(change(&world, "b", BOARD_CHANGE_UNBAN, "Ann", NULL, NULL),
                     BOARD_CHANGE_ABSENT);
    play(&world, "Ann", 3, "EU", 1005);
    world_expect(&world, "boards/b/top",
                 "{'board':'b','by':{},'size':1,'ranks':'ordinal','entries':["
                 "{'rank':1,'member':'Ann','score':3,'reached_at':1005}]}");
    change(&world, "b", BOARD_CHANGE_BAN, "Ann", NULL, NULL);
    world_define(&world, DEFINITION_BOARD, "b", NULL);
    world_define(&world, DEFINITION_BOARD, "b",
                 "{'stream':'plays','member':'player','score':'max(points)'}");
    play(&world, "Ann", 4, "EU", 1006);
    world_expect(&world, "boards/b/members/Ann",
                 "{'board':'b','by':{},'size':1,'ranks':'ordinal','member':'Ann','score':4,"
                 "'rank':1,'percentile':100,'reached_at':1006}");
    world_done(&world);
}

/* Replies stay with their rows when rows before them are left out. */
static void test_ban_replies(void **state)
{
    static const char *const names[] = {"Ann", "Bob", "Ann", "Cid", "Bob", "Ann"};
    struct board_reply replies[6];
    const struct catalog_stream *stream;
    struct batch *batch;
    struct world world;
    struct err err = {0};

    (void)state;
    world_init(&world, 1, NULL);
    world_define(&world, DEFINITION_BOARD, "direct", "{'type':'int'}");
    change(&world, "direct", BOARD_CHANGE_BAN, "Ann", NULL, NULL);
    stream = catalog_find_stream(world.catalog, SPAN_LITERAL("board:direct"));
    batch = batch_new(&stream->def, stream->id);
    for (uint32_t i = 0; i < 6; i++) {
        struct cell cells[3] = {cell_text(names[i]), cell_int(10 * i), cell_int(SCORE_SET)};

        batch_append(batch, cells);
    }
    batch_stamp(batch, 1);
    memset(replies, 0xff, sizeof(replies));
    assert_int_equal(partition_fold(world.partitions[0], batch, replies, &err), 0);
    for (uint32_t i = 0; i < 6; i++) {
        bool is_banned = strcmp(names[i], "Ann") == 0;

        assert_int_equal(replies[i].taken, !is_banned);
        assert_int_equal(replies[i].refused, false);
        if (!is_banned)
            assert_int_equal(replies[i].score.i, 10 * i);
        if (!is_banned)
            assert_int_equal(replies[i].existed, i == 4);
    }
    batch_free(batch);
    world_done(&world);
}

/* Members that are no strings are banned by their text. */
static void test_ban_int(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, 1, NULL);
    world_define(&world, DEFINITION_STREAM, "users",
                 "{'fields':{'user':'int','points':'int'},'key':'user'}");
    world_define(&world, DEFINITION_BOARD, "u",
                 "{'stream':'users','member':'user','score':'sum(points)'}");
    change(&world, "u", BOARD_CHANGE_BAN, "-7", NULL, NULL);
    for (int64_t user = -9; user < 9; user++) {
        struct cell cells[2] = {cell_int(user), cell_int(user)};

        world_row_to(&world, "users", 0, cells);
    }
    world_fold(&world, 1);
    world_refuses(&world, "boards/u/members/-7", ERR_NOT_FOUND, "-7");
    world_expect(&world, "boards/u/count", "{'board':'u','by':{},'size':17,'count':17}");
    world_done(&world);
}

static void test_rename(void **state)
{
    struct world world;

    (void)state;
    define(&world, 1);
    play(&world, "Ann", 5, "EU", 1000);
    play(&world, "Ann", 7, "US", 1005);
    play(&world, "Bob", 7, "EU", 1010);
    assert_int_equal(change(&world, "b", BOARD_CHANGE_RENAME, "Cid", "Dee", NULL),
                     BOARD_CHANGE_ABSENT);
    assert_int_equal(change(&world, "b", BOARD_CHANGE_RENAME, "Ann", "Bob", NULL),
                     BOARD_CHANGE_PRESENT);
    change(&world, "b", BOARD_CHANGE_BAN, "Eve", NULL, NULL);
    assert_int_equal(change(&world, "b", BOARD_CHANGE_RENAME, "Ann", "Eve", NULL),
                     BOARD_CHANGE_BANNED);
    assert_int_equal(change(&world, "b", BOARD_CHANGE_RENAME, "Ann", "Zoe", NULL),
                     BOARD_CHANGE_DONE);
    assert_int_equal(change(&world, "split", BOARD_CHANGE_RENAME, "Ann", "Zoe", NULL),
                     BOARD_CHANGE_DONE);
    world_expect(&world, "boards/b/top",
                 "{'board':'b','by':{},'size':2,'ranks':'ordinal','entries':["
                 "{'rank':1,'member':'Zoe','score':7,'reached_at':1005},"
                 "{'rank':2,'member':'Bob','score':7,'reached_at':1010}]}");
    world_expect(&world, "boards/split/top?by.region=EU",
                 "{'board':'split','by':{'region':'EU'},'size':2,'ranks':'ordinal','entries':["
                 "{'rank':1,'member':'Bob','score':7,'reached_at':1010},"
                 "{'rank':2,'member':'Zoe','score':5,'reached_at':1000}]}");
    /* `last` still knows its latest event: one from before it does not count. */
    play(&world, "Zoe", 99, "EU", 1004);
    world_expect(&world, "boards/b/members/Zoe",
                 "{'board':'b','by':{},'size':2,'ranks':'ordinal','member':'Zoe','score':7,"
                 "'rank':1,'percentile':100,'reached_at':1005}");
    play(&world, "Zoe", 1, "EU", 1006);
    world_expect(&world, "boards/b/members/Zoe",
                 "{'board':'b','by':{},'size':2,'ranks':'ordinal','member':'Zoe','score':1,"
                 "'rank':2,'percentile':0,'reached_at':1006}");
    world_done(&world);
}

/* From one partition to another: given, then taken, unless either has changed. */
static void test_give_and_take(void **state)
{
    struct world world;
    struct board_change give = {.op = BOARD_CHANGE_GIVE, .member = SPAN_LITERAL("Zoe")};
    struct board_change take = {.op = BOARD_CHANGE_TAKE, .member = SPAN_LITERAL("Ann")};
    struct bytes first = {0};
    struct bytes second = {0};

    (void)state;
    define(&world, 2);
    give.board_id = take.board_id = board_id(&world, "split");
    /* Segments have other ids on the other partition. */
    world_row_to(&world, "plays", 1,
                 (struct cell[]){cell_text("Ugo"), cell_int(1), cell_text("US"), cell_int(999)});
    world_row_to(&world, "plays", 0,
                 (struct cell[]){cell_text("Ann"), cell_int(5), cell_text("EU"), cell_int(1000)});
    world_row_to(&world, "plays", 0,
                 (struct cell[]){cell_text("Ann"), cell_int(7), cell_text("US"), cell_int(1005)});
    world_fold(&world, 1);
    assert_int_equal(board_changes_gather(partition_board(world.partitions[0], give.board_id),
                                          take.member, &first),
                     2);
    give.entries = bytes_span(&first);
    assert_int_equal(fold(world.partitions[1], &give).outcome, BOARD_CHANGE_DONE);
    assert_int_equal(fold(world.partitions[1], &give).outcome, BOARD_CHANGE_PRESENT);

    world_row_to(&world, "plays", 0,
                 (struct cell[]){cell_text("Ann"), cell_int(3), cell_text("EU"), cell_int(1007)});
    world_fold(&world, 1);
    take.entries = bytes_span(&first);
    assert_int_equal(fold(world.partitions[0], &take).outcome, BOARD_CHANGE_MOVED);
    board_changes_gather(partition_board(world.partitions[0], give.board_id), take.member, &second);
    give.entries = bytes_span(&second);
    give.replaced = bytes_span(&second);
    assert_int_equal(fold(world.partitions[1], &give).outcome, BOARD_CHANGE_MOVED);
    give.replaced = bytes_span(&first);
    assert_int_equal(fold(world.partitions[1], &give).outcome, BOARD_CHANGE_DONE);
    take.entries = bytes_span(&second);
    assert_int_equal(fold(world.partitions[0], &take).outcome, BOARD_CHANGE_DONE);
    assert_int_equal(fold(world.partitions[0], &take).outcome, BOARD_CHANGE_ABSENT);
    /* Without entries, whatever there is. */
    world_row_to(&world, "plays", 0,
                 (struct cell[]){cell_text("Ann"), cell_int(3), cell_text("EU"), cell_int(1009)});
    world_fold(&world, 1);
    take.entries = (struct span){"", 0};
    assert_int_equal(fold(world.partitions[0], &take).outcome, BOARD_CHANGE_DONE);
    world_expect(&world, "boards/split/top?by.region=EU",
                 "{'board':'split','by':{'region':'EU'},'size':1,'ranks':'ordinal','entries':["
                 "{'rank':1,'member':'Zoe','score':8,'reached_at':1007}]}");
    world_expect(&world, "boards/split/top?by.region=US",
                 "{'board':'split','by':{'region':'US'},'size':2,'ranks':'ordinal','entries':["
                 "{'rank':1,'member':'Zoe','score':7,'reached_at':1005},"
                 "{'rank':2,'member':'Ugo','score':1,'reached_at':999}]}");
    bytes_done(&first);
    bytes_done(&second);
    world_done(&world);
}

/* What a change meets may be gone, or other than it was. */
static void test_misfits(void **state)
{
    struct board_change wanted = {.op = BOARD_CHANGE_REMOVE, .member = SPAN_LITERAL("Ann")};
    struct partition_limits few = {
        .board_members_max = 3, .board_segments_max = 10, .keys_max = 10, .key_members_max = 10};
    struct world world;
    struct err err = {0};

    (void)state;
    define(&world, 1);
    play(&world, "Ann", 5, "EU", 1000);
    wanted.board_id = 99;
    assert_int_equal(fold(world.partitions[0], &wanted).outcome, BOARD_CHANGE_NO_BOARD);
    wanted.board_id = board_id(&world, "split");
    wanted.board_version = 2;
    assert_int_equal(fold(world.partitions[0], &wanted).outcome, BOARD_CHANGE_NO_BOARD);
    wanted.board_version = 1;
    wanted.by_count = 2; /* of a board that was split otherwise */
    assert_int_equal(fold(world.partitions[0], &wanted).outcome, BOARD_CHANGE_ABSENT);
    wanted.by_count = 0;
    wanted.op = BOARD_CHANGE_GIVE;
    wanted.member = SPAN_LITERAL("Zoe");
    wanted.entries = SPAN_LITERAL("\x01\x02\x00\x00\x00"
                                  "EU\x01\x00\x00\x00x");
    assert_int_equal(fold(world.partitions[0], &wanted).outcome, BOARD_CHANGE_FULL);
    world_refuses(&world, "boards/split/members/Zoe?by.region=EU", ERR_NOT_FOUND, "Zoe");
    assert_int_equal(partition_change(world.partitions[0], SPAN_LITERAL("x"), NULL, &err),
                     ERR_CORRUPT);
    world_done(&world);

    world_init(&world, 1, &few);
    world_define(&world, DEFINITION_BOARD, "direct", "{'type':'int'}");
    for (int i = 0; i < 5; i++) {
        char name[3] = {'m', (char)('0' + i), '\0'};

        assert_int_equal(change(&world, "direct", BOARD_CHANGE_BAN, name, NULL, NULL),
                         i < 3 ? BOARD_CHANGE_DONE : BOARD_CHANGE_FULL);
    }
    world_done(&world);
}

#define MEMBERS 60u

/* Removals and renames among events, at random: the same twice, settled in between or not. */
static void test_replay(void **state)
{
    struct world worlds[2];
    uint64_t random[2] = {77, 77};

    (void)state;
    for (uint32_t w = 0; w < 2; w++) {
        struct world *world = &worlds[w];

        define(world, 1);
        for (uint32_t i = 0; i < 4000; i++) {
            char name[2][16];
            uint32_t kind = (uint32_t)(world_random(&random[w]) % 12);

            for (uint32_t j = 0; j < 2; j++)
                snprintf(name[j], sizeof(name[j]), "m%u",
                         (uint32_t)(world_random(&random[w]) % MEMBERS));
            if (kind == 0)
                change(world, "split", BOARD_CHANGE_REMOVE, name[0], NULL, NULL);
            else if (kind == 1)
                change(world, "split", BOARD_CHANGE_RENAME, name[0], name[1], NULL);
            else if (kind == 2)
                change(world, "b", BOARD_CHANGE_BAN, name[0], NULL, NULL);
            else if (kind == 3)
                change(world, "b", BOARD_CHANGE_UNBAN, name[0], NULL, NULL);
            else
                play(world, name[0], (int64_t)(world_random(&random[w]) % 9),
                     kind % 2 == 0 ? "EU" : "US", 1000000 + i / 3);
            if (w == 0 && i % 5 == 0)
                json_decref(world_get(world, "boards/split/top?by.region=EU"));
        }
        for (uint32_t b = 0; b < 2; b++)
            board_check(
                partition_board(world->partitions[0], board_id(world, b == 0 ? "b" : "split")));
    }
    for (uint32_t i = 0; i < 2; i++) {
        const char *path = i == 0 ? "boards/b/top?n=100" : "boards/split/top?n=100&by.region=EU";
        json_t *first = world_get(&worlds[0], path);
        json_t *second = world_get(&worlds[1], path);

        assert_true(json_array_size(json_object_get(first, "entries")) > 5);
        assert_true(json_equal(first, second));
        json_decref(first);
        json_decref(second);
    }
    assert_true(partition_hash(worlds[0].partitions[0]) == partition_hash(worlds[1].partitions[0]));
    world_done(&worlds[0]);
    world_done(&worlds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remove),      cmocka_unit_test(test_ban),
        cmocka_unit_test(test_ban_replies), cmocka_unit_test(test_ban_int),
        cmocka_unit_test(test_rename),      cmocka_unit_test(test_give_and_take),
        cmocka_unit_test(test_misfits),     cmocka_unit_test(test_replay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
