// SPDX-License-Identifier: Apache-2.0
/*
 * test_board_updates.c - what boards/B/updates and boards/B/changes tell, against the whole board
 * as it was when they were last asked and as it is: over 1 to 8 partitions, while more is folded
 * between the rounds of a read, with mass ties, and with members that are removed and come back.
 */
#include "engine/milestones.h"
#include "board/board.h"
#include "board/board_changes.h"
#include "support/query_harness.h"

#define REGIONS 3
#define MEMBERS 60

static const char *const regions[] = {"EU", "US & more", ""};
static const char *const regions_encoded[] = {"EU", "US%20%26+more", ""};

/* A board as pages of it say: by region, the entries in order. */
struct copy {
    json_t *entries[REGIONS];
};

struct setup {
    uint32_t partitions;
    uint32_t score_max;
    const char *ties;
    bool subscores; /* they decide ties too */
};

struct test {
    struct world world;
    uint64_t random;
    struct setup setup;
    int64_t offset_ms; /* of all events */
    bool still;        /* nothing is folded while a read is asked */
    struct copy before;
};

static void define(struct test *test)
{
    char text[256];

    world_init(&test->world, test->setup.partitions, NULL);
    world_define(&test->world, DEFINITION_STREAM, "plays",
                 "{'fields':{'player':'string','points':'int','region':'string','at':'time'},"
                 "'key':'player','time':'at','lateness':'1000d'}");
    snprintf(text, sizeof(text),
             "{'stream':'plays','member':'player','score':'last(points)','ties':'%s',"
             "'by':['region']%s}",
             test->setup.ties,
             test->setup.subscores
                 ? ",'subscores':[{'score':'sum(points)'},{'score':'count()','order':'asc'}]"
                 : "");
    world_define(&test->world, DEFINITION_BOARD, "b", text);
}

static void name_of(uint32_t member, char *room)
{
    snprintf(room, 24, "%c-%u \"", "Pp"[member % 2], member);
}

static void fold_rows(struct world *world, void *context)
{
    struct test *test = context;

    for (uint64_t i = world_random(&test->random) % 30; i > 0; i--) {
        uint32_t region = (uint32_t)(world_random(&test->random) % REGIONS);
        struct cell cells[4];
        char name[24];

        name_of((uint32_t)(world_random(&test->random) % MEMBERS), name);
        cells[0] = cell_text(name);
        cells[1] = cell_int((int64_t)(world_random(&test->random) % test->setup.score_max));
        cells[2] = cell_text(region < REGIONS - 1 ? regions[region] : NULL);
        cells[3] =
            cell_int(test->offset_ms + 1000000 + (int64_t)(world_random(&test->random) % 50));
        world_row(world, "plays", span_of(name), cells);
    }
    world_fold(world, 1);
}

/* There is no event that removes a member, so it is done to the board itself. */
static void remove_some(struct test *test)
{
    uint32_t id = catalog_find_board(test->world.catalog, span_of("b"))->id;

    for (uint64_t i = world_random(&test->random) % 6; i > 0; i--) {
        char name[24];
        struct span label = span_of(regions[world_random(&test->random) % REGIONS]);

        name_of((uint32_t)(world_random(&test->random) % MEMBERS), name);
        for (uint32_t p = 0; p < test->world.partition_count; p++) {
            struct board *board =
                (struct board *)(uintptr_t)partition_board(test->world.partitions[p], id);
            struct board_op op = {.segment = board_segment_find(board, &label),
                                  .kind = BOARD_OP_REMOVE,
                                  .member = span_of(name)};
            struct board_op_result result;

            if (op.segment != BOARD_SEGMENT_NONE)
                board_apply(board, &op, 1, 0, &result);
        }
    }
}

static void copy_take(struct test *test, struct copy *copy)
{
    for (uint32_t i = 0; i < REGIONS; i++) {
        char path[128];
        json_t *answer;

        snprintf(path, sizeof(path), "boards/b/top?n=10000&by.region=%s", regions_encoded[i]);
        answer = world_get(&test->world, path);
        copy->entries[i] = json_incref(json_object_get(answer, "entries"));
        json_decref(answer);
    }
}

static void copy_done(struct copy *copy)
{
    for (uint32_t i = 0; i < REGIONS; i++)
        json_decref(copy->entries[i]);
}

/* The entry of a member, or NULL. */
static json_t *copy_find(const struct copy *copy, uint32_t region, const char *member)
{
    size_t index;
    json_t *entry;

    json_array_foreach(copy->entries[region], index, entry)
    {
        if (strcmp(json_string_value(json_object_get(entry, "member")), member) == 0)
            return entry;
    }
    return NULL;
}

static json_t *member_of(json_t *entry, const char *name)
{
    json_t *value = json_object_get(entry, name);

    return value != NULL ? json_incref(value) : json_null();
}

static bool same_place(json_t *a, json_t *b, bool timed)
{
    if (a == NULL || b == NULL)
        return a == b;
    return json_equal(json_object_get(a, "score"), json_object_get(b, "score")) &&
           (json_object_get(a, "subscores") == NULL ||
            json_equal(json_object_get(a, "subscores"), json_object_get(b, "subscores"))) &&
           (!timed ||
            json_equal(json_object_get(a, "reached_at"), json_object_get(b, "reached_at")));
}

/* The update that has to be told of a member, or NULL if there is none. */
static json_t *wanted_update(const struct test *test, const struct copy *now, uint32_t region,
                             const char *member, bool with_by)
{
    json_t *before = copy_find(&test->before, region, member);
    json_t *after = copy_find(now, region, member);
    json_t *update;

    if (before == NULL && after == NULL)
        return NULL;
    if (same_place(before, after, strcmp(test->setup.ties, "member") != 0))
        return NULL;
    update = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "member", member, "old_score",
                       member_of(before, "score"), "score", member_of(after, "score"), "old_rank",
                       member_of(before, "rank"), "rank", member_of(after, "rank"), "reached_at",
                       member_of(after, "reached_at"));
    if (test->setup.subscores) {
        json_object_set_new(update, "old_subscores", member_of(before, "subscores"));
        json_object_set_new(update, "subscores", member_of(after, "subscores"));
    }
    if (with_by)
        json_object_set_new(update, "by", json_pack("{s:s}", "region", regions[region]));
    return update;
}

/* `region` UINT32_MAX: all. */
static void check_updates(struct test *test, const struct copy *now, json_t *told, uint32_t region,
                          uint32_t limit)
{
    json_t *updates = json_object_get(told, "updates");
    uint32_t wanted = 0;
    uint32_t found = 0;

    assert_false(json_is_true(json_object_get(told, "lost")));
    for (uint32_t r = 0; r < REGIONS; r++)
        for (uint32_t i = 0; i < MEMBERS && (region == UINT32_MAX || region == r); i++) {
            char name[24];
            json_t *update;
            json_t *row;
            size_t index;

            name_of(i, name);
            update = wanted_update(test, now, r, name, region == UINT32_MAX);
            if (update == NULL)
                continue;
            wanted++;
            json_array_foreach(updates, index, row)
            {
                found += json_equal(row, update);
            }
            json_decref(update);
        }
    assert_int_equal(found, json_array_size(updates)); /* so each is right, and told once */
    assert_int_equal(found, wanted < limit ? wanted : limit);
    assert_int_equal(found + (uint32_t)json_integer_value(json_object_get(told, "omitted")),
                     wanted);
}

/* With a limit, those are told that are or were nearest to the top. */
static void check_nearest(const struct test *test, const struct copy *now, json_t *told,
                          uint32_t region)
{
    json_t *updates = json_object_get(told, "updates");
    json_int_t farthest = 0;
    json_t *row;
    size_t index;

    json_array_foreach(updates, index, row)
    {
        json_t *old_score = json_object_get(row, "old_score");
        json_t *score = json_object_get(row, "score");
        json_int_t best = json_integer_value(json_is_null(old_score) ? score : old_score);

        if (!json_is_null(score) && json_integer_value(score) > best)
            best = json_integer_value(score);
        if (index > 0)
            assert_true(best <= farthest);
        farthest = best;
    }
    for (uint32_t i = 0; i < MEMBERS && json_array_size(updates) > 0; i++) {
        char name[24];
        json_t *update;

        name_of(i, name);
        update = wanted_update(test, now, region, name, false);
        if (update == NULL)
            continue;
        index = 0;
        while (index < json_array_size(updates) &&
               !json_equal(json_array_get(updates, index), update))
            index++;
        if (index == json_array_size(updates)) { /* one that was left out */
            assert_true(json_integer_value(json_object_get(update, "old_score")) <= farthest);
            assert_true(json_integer_value(json_object_get(update, "score")) <= farthest);
        }
        json_decref(update);
    }
}

static bool in_top(const struct copy *copy, uint32_t region, const char *member, size_t n)
{
    json_t *entry = copy_find(copy, region, member);

    return entry != NULL && json_integer_value(json_object_get(entry, "rank")) <= (json_int_t)n;
}

static void check_changes(struct test *test, const struct copy *now, json_t *told, uint32_t region,
                          size_t n)
{
    size_t entered = 0;
    size_t left = 0;

    for (uint32_t i = 0; i < MEMBERS; i++) {
        json_t *entry;
        char name[24];

        name_of(i, name);
        entry = copy_find(now, region, name);
        if (in_top(now, region, name, n) && !in_top(&test->before, region, name, n)) {
            json_t *row;
            size_t index;

            json_array_foreach(json_object_get(told, "entered"), index, row)
            {
                entered += json_equal(row, entry);
            }
        } else if (in_top(&test->before, region, name, n) && !in_top(now, region, name, n)) {
            json_t *want =
                json_pack("{s:s, s:o, s:o, s:o}", "member", name, "old_rank",
                          member_of(copy_find(&test->before, region, name), "rank"), "rank",
                          member_of(entry, "rank"), "score", member_of(entry, "score"));
            json_t *row;
            size_t index;

            if (test->setup.subscores)
                json_object_set_new(want, "subscores", member_of(entry, "subscores"));
            json_array_foreach(json_object_get(told, "left"), index, row)
            {
                left += json_equal(row, want);
            }
            json_decref(want);
        } else {
            continue;
        }
        assert_int_equal(entered + left > 0, told != NULL);
    }
    assert_int_equal(entered, json_array_size(json_object_get(told, "entered")));
    assert_int_equal(left, json_array_size(json_object_get(told, "left")));
}

static struct read *parse(struct test *test, const char *path)
{
    struct read *read = NULL;
    struct err err = {0};

    if (read_parse(&read, span_of(path), test->world.catalog, test->world.partition_count,
                   &test->world.limits, 0, &err) < 0)
        fail_msg("%s: %s", path, err.text);
    return read;
}

/* What a read tells, to json_decref; NULL if it is nothing. */
static json_t *ask(struct test *test, struct read *read)
{
    struct answer answer = {0};
    struct bytes text = {0};
    struct err err = {0};
    json_t *told = NULL;

    if (world_run(&test->world, read, &answer, &err) < 0)
        fail_msg("%s", err.text);
    read->ops->reset(read);
    assert_true(answer.tells);
    if (answer.told.size > 0) {
        bytes_put_char(&text, '{');
        bytes_put(&text, answer.told.data, answer.told.size);
        bytes_put_char(&text, '}');
        told = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(told);
    }
    answer_done(&answer);
    bytes_done(&text);
    return told;
}

/* What one of the topics is about. */
struct topic {
    const char *path;
    uint32_t region; /* UINT32_MAX: all */
    uint32_t limit;  /* 0: it is boards/b/changes */
};

static void one_round(struct test *test, const struct topic *topic, struct read *read)
{
    struct copy now;
    json_t *told;

    fold_rows(&test->world, test);
    if (world_random(&test->random) % 3 == 0)
        remove_some(test);
    copy_take(test, &now);
    if (topic->limit > 0 && !test->still) {
        test->world.between = fold_rows; /* none of it may be seen, nor lost */
        test->world.between_context = test;
    }
    told = ask(test, read);
    test->world.between = NULL;
    if (topic->limit == 0)
        check_changes(test, &now, told, topic->region, 5);
    else
        check_updates(test, &now, told, topic->region, topic->limit);
    if (topic->region < REGIONS && topic->limit > 0)
        check_nearest(test, &now, told, topic->region);
    json_decref(told);
    copy_done(&test->before);
    test->before = now;
}

static void run(const struct setup *setup, const struct topic *topic, uint64_t seed)
{
    struct test test = {.random = seed, .setup = *setup};
    struct read *read;

    define(&test);
    fold_rows(&test.world, &test);
    read = parse(&test, topic->path);
    assert_null(ask(&test, read));
    copy_take(&test, &test.before);
    for (uint32_t i = 0; i < 60; i++)
        one_round(&test, topic, read);
    read_free(read);
    copy_done(&test.before);
    world_done(&test.world);
}

static void run_all(const struct topic *topic)
{
    static const struct setup setups[] = {
        {1, 10, "first", false}, {2, 4, "first", false},  {3, 1000, "member", false},
        {8, 6, "last", false},   {5, 2, "member", false}, {3, 3, "first", true},
        {4, 2, "member", true},
    };

    for (size_t i = 0; i < sizeof(setups) / sizeof(setups[0]); i++)
        run(&setups[i], topic, i + 1);
}

static void test_updates(void **state)
{
    static const struct topic topics[] = {
        {"boards/b/updates", UINT32_MAX, 1000},
        {"boards/b/updates?by.region=US%20%26+more", 1, 1000},
        {"boards/b/updates?by.region=EU&limit=4", 0, 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
        run_all(&topics[i]);
}

static void test_changes(void **state)
{
    static const struct topic topic = {"boards/b/changes?n=5&by.region=EU", 0, 0};

    (void)state;
    run_all(&topic);
}

/* Two that ask at different times do not take each other's changes away. */
static void test_two_reads(void **state)
{
    struct test test = {.random = 9, .setup = {3, 5, "first", false}};
    struct copy befores[2];
    struct read *reads[2];

    (void)state;
    define(&test);
    for (uint32_t i = 0; i < 2; i++) {
        reads[i] = parse(&test, "boards/b/updates");
        assert_null(ask(&test, reads[i]));
        copy_take(&test, &befores[i]);
    }
    for (uint32_t i = 0; i < 100; i++) {
        uint32_t who = (uint32_t)(world_random(&test.random) % 2);
        struct copy now;
        json_t *told;

        fold_rows(&test.world, &test);
        copy_take(&test, &now);
        told = ask(&test, reads[who]);
        test.before = befores[who];
        check_updates(&test, &now, told, UINT32_MAX, 1000);
        json_decref(told);
        copy_done(&befores[who]);
        befores[who] = now;
    }
    for (uint32_t i = 0; i < 2; i++) {
        read_free(reads[i]);
        copy_done(&befores[i]);
    }
    world_done(&test.world);
}

/* More than is noted: nothing is listed, what is known is counted, and then it goes on. */
static void test_too_much(void **state)
{
    struct test test = {.random = 3, .setup = {2, 5, "first", false}};
    struct read *read;
    json_t *told;

    (void)state;
    define(&test);
    read = parse(&test, "boards/b/updates?by.region=EU");
    assert_null(ask(&test, read));
    for (uint32_t i = 0; i < 3 * BOARD_CHANGES_MAX; i++) {
        struct cell cells[4] = {{0}, cell_int(-1), cell_text("EU"), cell_int(1000000)};
        char name[24];

        snprintf(name, sizeof(name), "p%u", i);
        cells[0] = cell_text(name);
        world_row(&test.world, "plays", span_of(name), cells);
        if (i % 10000 == 9999)
            world_fold(&test.world, 1);
    }
    world_fold(&test.world, 1);
    told = ask(&test, read);
    assert_int_equal(json_array_size(json_object_get(told, "updates")), 0);
    assert_true(json_is_true(json_object_get(told, "lost")));
    assert_true(json_integer_value(json_object_get(told, "omitted")) > 2 * BOARD_CHANGES_MAX);
    json_decref(told);
    assert_null(ask(&test, read));
    copy_take(&test, &test.before);
    one_round(&test, &(struct topic){"", 0, 1000}, read);
    copy_done(&test.before);
    read_free(read);
    world_done(&test.world);
}

/* The next season is another board: its updates begin anew, and that is said. */
static void test_seasons(void **state)
{
    static const struct topic topic = {"boards/b/updates?by.region=EU", 0, 1000};
    struct test test = {.random = 5, .setup = {3, 5, "first", false}, .still = true};
    struct read *read;
    struct read *top;
    json_t *told;

    (void)state;
    define(&test);
    world_define(&test.world, DEFINITION_BOARD, "b",
                 "{'stream':'plays','member':'player','score':'last(points)','by':['region'],"
                 "'period':'daily','keep':2}");
    for (uint32_t i = 0; i < 9; i++)
        fold_rows(&test.world, &test);
    read = parse(&test, topic.path);
    top = parse(&test, "boards/b/changes?n=2&by.region=EU");
    assert_null(ask(&test, read));
    assert_null(ask(&test, top));
    copy_take(&test, &test.before);
    for (uint32_t day = 1; day < 4; day++) {
        for (uint32_t i = 0; i < 10; i++)
            one_round(&test, &topic, read);
        json_decref(ask(&test, top));
        test.offset_ms = day * 86400000;
        for (uint32_t i = 0; i < 9; i++) /* until all partitions are in the new season */
            fold_rows(&test.world, &test);
        told = ask(&test, read);
        assert_true(json_is_true(json_object_get(told, "lost")));
        assert_int_equal(json_integer_value(json_object_get(told, "season")), test.offset_ms);
        assert_int_equal(json_array_size(json_object_get(told, "updates")), 0);
        json_decref(told);
        told = ask(&test, top);
        assert_int_equal(json_array_size(json_object_get(told, "entered")), 2);
        json_decref(told);
        copy_done(&test.before);
        copy_take(&test, &test.before);
    }
    copy_done(&test.before);
    read_free(read);
    read_free(top);
    world_done(&test.world);
}

/* Milestones are told once, by whatever partition, and what is overwritten is counted. */
static void fold_points(struct test *test, uint32_t first, uint32_t count, int64_t points)
{
    for (uint32_t i = first; i < first + count; i++) {
        struct cell cells[4] = {
            {0}, cell_int(points), cell_text(regions[i % 2]), cell_int(1000 * points + i)};
        char name[24];

        snprintf(name, sizeof(name), "p%u", i);
        cells[0] = cell_text(name);
        world_row(&test->world, "plays", span_of(name), cells);
    }
    world_fold(&test->world, 1);
}

static void test_milestones(void **state)
{
    struct test test = {.setup = {3, 5, "first", false}};
    struct read *read;
    struct read *some;
    json_t *wanted;
    json_t *told;

    (void)state;
    define(&test);
    world_define(&test.world, DEFINITION_BOARD, "m",
                 "{'stream':'plays','member':'player','score':'sum(points)','by':['region'],"
                 "'milestones':[100,1000]}");
    fold_points(&test, 0, 6, 100);
    read = parse(&test, "boards/m/milestones?n=2");
    some = parse(&test, "boards/m/milestones?by.region=EU");
    assert_null(ask(&test, read)); /* what was before is no news */
    assert_null(ask(&test, some));
    fold_points(&test, 0, 2, 10);
    assert_null(ask(&test, read));
    fold_points(&test, 0, 2, 900);
    told = ask(&test, read);
    wanted = world_json("{'milestones':["
                        "{'milestone':1000,'member':'p0','by':{'region':'EU'},'score':1010,"
                        "'reached_at':900000},"
                        "{'milestone':1000,'member':'p1','by':{'region':'US & more'},"
                        "'score':1010,'reached_at':900001}],'omitted':0}");
    assert_true(json_equal(told, wanted));
    json_decref(wanted);
    json_decref(told);
    told = ask(&test, some);
    assert_int_equal(json_array_size(json_object_get(told, "milestones")), 1);
    json_decref(told);
    world_expect(&test.world, "boards/m/milestones?n=2&by.region=EU",
                 "{'board':'m','by':{'region':'EU'},'milestones':["
                 "{'milestone':1000,'member':'p0','score':1010,'reached_at':900000},"
                 "{'milestone':100,'member':'p4','score':100,'reached_at':100004}]}");
    fold_points(&test, 1000, 9000, 100);
    told = ask(&test, read);
    assert_int_equal(json_array_size(json_object_get(told, "milestones")), 3 * MILESTONES_KEPT);
    assert_int_equal(json_integer_value(json_object_get(told, "omitted")),
                     9000 - 3 * MILESTONES_KEPT);
    json_decref(told);
    assert_null(ask(&test, read));
    read_free(read);
    read_free(some);
    world_done(&test.world);
}

static void test_refused(void **state)
{
    struct test test = {.setup = {2, 5, "first", false}};

    (void)state;
    define(&test);
    world_refuses(&test.world, "boards/b/changes", ERR_INVALID, "by.region");
    world_refuses(&test.world, "boards/b/changes?n=0&by.region=EU", ERR_INVALID, "n");
    world_refuses(&test.world, "boards/b/updates?limit=0", ERR_INVALID, "limit");
    world_refuses(&test.world, "boards/b/updates?limit=99999", ERR_INVALID, "page_entries");
    world_refuses(&test.world, "boards/b/updates?n=5", ERR_INVALID, "n");
    world_refuses(&test.world, "boards/x/updates", ERR_NOT_FOUND, "not defined");
    world_expect(&test.world, "boards/b/updates", "{'board':'b'}");
    world_expect(&test.world, "boards/b/updates?by.region=EU",
                 "{'board':'b','by':{'region':'EU'},'size':0}");
    world_expect(&test.world, "boards/b/changes?by.region=EU",
                 "{'board':'b','by':{'region':'EU'},'size':0,'entries':[]}");
    world_done(&test.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_updates),    cmocka_unit_test(test_changes),
        cmocka_unit_test(test_two_reads),  cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_milestones), cmocka_unit_test(test_seasons),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
