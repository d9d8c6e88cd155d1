// SPDX-License-Identifier: Apache-2.0
/*
 * test_board_lists.c - many members in one read, ranks among them, ranges of scores; over 1 to 8
 * partitions, against a brute-force recount.
 */
#include "unit/query_board/board_model.h"

#define PATH_BYTES 16384

static void put_by(char *path, const struct model *model, uint32_t region)
{
    if (model->setup.by_region)
        snprintf(path + strlen(path), PATH_BYTES - strlen(path), "&by.region=%s",
                 regions_encoded[region]);
}

static uint32_t place_of(const struct model *model, const char *name)
{
    for (uint32_t i = 0; i < model->sorted_count; i++)
        if (strcmp(model->sorted[i].name, name) == 0)
            return i;
    return UINT32_MAX;
}

/* How many stand above a place: with equal scores only if ranks are ordinal. */
static double percentile_of(const struct model *model, uint32_t at, const char *style)
{
    uint32_t above = at;

    while (strcmp(style, "ordinal") != 0 && above > 0 &&
           model->sorted[above - 1].score == model->sorted[at].score)
        above--;
    if (model->sorted_count < 2)
        return 100;
    return 100.0 * (model->sorted_count - 1 - above) / (model->sorted_count - 1);
}

static void check_object(const struct model *model, const json_t *object, const char *name,
                         const char *style, const char *rank_name, const char *path)
{
    uint32_t at = place_of(model, name);
    double percentile;

    assert_string_equal(json_string_value(json_object_get(object, "member")), name);
    if (at == UINT32_MAX) {
        assert_true(json_is_null(json_object_get(object, "score")));
        assert_true(json_is_null(json_object_get(object, rank_name)));
        assert_true(json_is_null(json_object_get(object, "percentile")));
        assert_true(json_is_null(json_object_get(object, "reached_at")));
        return;
    }
    percentile = json_number_value(json_object_get(object, "percentile"));
    if (json_integer_value(json_object_get(object, rank_name)) != model_rank(model, at, style) ||
        json_integer_value(json_object_get(object, "score")) != model->sorted[at].score ||
        json_integer_value(json_object_get(object, "reached_at")) != model->sorted[at].reached_ms ||
        percentile - percentile_of(model, at, style) > 1e-4 ||
        percentile_of(model, at, style) - percentile > 1e-4)
        fail_msg("%.100s: %s is %s, expected rank %u, percentile %f", path, name,
                 json_dumps(object, 0), model_rank(model, at, style),
                 percentile_of(model, at, style));
}

/* Some names, a few of them twice, a few unknown. */
static uint32_t pick(const struct model *model, uint64_t *random, char (*names)[NAME_BYTES],
                     uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t member = (uint32_t)(world_random(random) % (model->setup.members + 2));

        snprintf(names[i], NAME_BYTES, "%c-%05u", "Pp"[member % 2], member);
    }
    return count;
}

static void put_names(char *path, char (*names)[NAME_BYTES], uint32_t count, bool as_array)
{
    if (as_array)
        snprintf(path + strlen(path), PATH_BYTES - strlen(path), "&members=[");
    for (uint32_t i = 0; i < count; i++)
        snprintf(path + strlen(path), PATH_BYTES - strlen(path),
                 as_array ? (i > 0 ? ",\"%s\"" : "\"%s\"") : "&member=%s", names[i]);
    if (as_array)
        snprintf(path + strlen(path), PATH_BYTES - strlen(path), "]");
}

static void check_members(struct world *world, const struct model *model, uint32_t region,
                          uint64_t *random)
{
    static char path[PATH_BYTES];
    char names[200][NAME_BYTES];
    const char *style = styles[world_random(random) % 3];
    uint32_t count = pick(model, random, names, 1 + (uint32_t)(world_random(random) % 200));
    json_t *answer;
    json_t *members;

    snprintf(path, sizeof(path), "boards/b/members?ranks=%s", style);
    put_by(path, model, region);
    put_names(path, names, count, world_random(random) % 2 == 0);
    answer = world_get(world, path);
    members = json_object_get(answer, "members");
    assert_int_equal(json_array_size(members), count);
    assert_int_equal(json_integer_value(json_object_get(answer, "size")), model->sorted_count);
    for (uint32_t i = 0; i < count; i++)
        check_object(model, json_array_get(members, i), names[i], style, "rank", path);
    json_decref(answer);
    if (place_of(model, names[0]) == UINT32_MAX)
        return;
    snprintf(path, sizeof(path), "boards/b/members/%s?ranks=%s", names[0], style);
    put_by(path, model, region);
    answer = world_get(world, path);
    check_object(model, answer, names[0], style, "rank", path);
    assert_string_equal(json_string_value(json_object_get(answer, "ranks")), style);
    json_decref(answer);
}

static void check_among(struct world *world, const struct model *model, uint32_t region,
                        uint64_t *random)
{
    static char path[PATH_BYTES];
    char names[200][NAME_BYTES];
    const char *style = styles[world_random(random) % 3];
    uint32_t count = pick(model, random, names, 1 + (uint32_t)(world_random(random) % 200));
    struct model among = {.sorted = calloc(model->setup.members + 1, sizeof(among.sorted[0]))};
    json_t *answer;
    json_t *entries;
    uint32_t missing = 0;

    for (uint32_t i = 0; i < model->sorted_count; i++)
        for (uint32_t j = 0; j < count; j++)
            if (strcmp(names[j], model->sorted[i].name) == 0) {
                among.sorted[among.sorted_count++] = model->sorted[i];
                break;
            }
    for (uint32_t i = 0; i < count; i++) {
        bool is_missing = place_of(model, names[i]) == UINT32_MAX;

        for (uint32_t j = 0; j < i && is_missing; j++)
            is_missing = strcmp(names[i], names[j]) != 0;
        missing += is_missing;
    }
    snprintf(path, sizeof(path), "boards/b/among?ranks=%s", style);
    put_by(path, model, region);
    put_names(path, names, count, world_random(random) % 2 == 0);
    answer = world_get(world, path);
    entries = json_object_get(answer, "entries");
    assert_int_equal(json_array_size(entries), among.sorted_count);
    assert_int_equal(json_array_size(json_object_get(answer, "missing")), missing);
    for (uint32_t i = 0; i < among.sorted_count; i++) {
        json_t *entry = json_array_get(entries, i);

        check_object(model, entry, among.sorted[i].name, style, "overall_rank", path);
        assert_int_equal(json_integer_value(json_object_get(entry, "rank")),
                         model_rank(&among, i, style));
    }
    json_decref(answer);
    free(among.sorted);
}

/* Pages and neighbours, with percentiles. */
static void check_pages(struct world *world, const struct model *model, uint32_t region,
                        uint64_t *random)
{
    static char path[PATH_BYTES];
    const char *style = styles[world_random(random) % 3];
    uint32_t at = (uint32_t)(world_random(random) % model->sorted_count);
    json_t *answer;
    json_t *entries;

    if (world_random(random) % 2 == 0)
        snprintf(path, sizeof(path), "boards/b/top?n=7&offset=%u&percentile=true&ranks=%s", at,
                 style);
    else
        snprintf(path, sizeof(path), "boards/b/around/%s?n=7&percentile=true&ranks=%s",
                 model->sorted[at].name, style);
    put_by(path, model, region);
    answer = world_get(world, path);
    entries = json_object_get(answer, "entries");
    assert_true(json_array_size(entries) > 0);
    for (uint32_t i = 0; i < json_array_size(entries); i++) {
        json_t *entry = json_array_get(entries, i);

        check_object(model, entry, json_string_value(json_object_get(entry, "member")), style,
                     "rank", path);
    }
    json_decref(answer);
}

static void put_bounds(char *path, const char *low_name, int64_t low, const char *high_name,
                       int64_t high)
{
    if (low_name != NULL)
        snprintf(path + strlen(path), PATH_BYTES - strlen(path), "&%s=%lld", low_name,
                 (long long)low);
    if (high_name != NULL)
        snprintf(path + strlen(path), PATH_BYTES - strlen(path), "&%s=%lld", high_name,
                 (long long)high);
}

static void check_range(struct world *world, const struct model *model, uint32_t region,
                        uint64_t *random)
{
    static const char *const lows[] = {"min", "above", NULL};
    static const char *const highs[] = {"max", "below", NULL};
    static char path[PATH_BYTES];
    const char *low_name = lows[world_random(random) % 3];
    const char *high_name = highs[world_random(random) % 3];
    const char *style = styles[world_random(random) % 3];
    int64_t spread = model->setup.score_max + 2;
    int64_t low = (int64_t)(world_random(random) % (uint64_t)spread) - 3;
    int64_t high = low + (int64_t)(world_random(random) % (uint64_t)spread) - 1;
    uint32_t first = 0;
    uint32_t within = 0;
    uint32_t offset;
    uint32_t n = 1 + (uint32_t)(world_random(random) % 40);
    json_t *answer;

    for (uint32_t i = 0; i < model->sorted_count; i++) {
        int64_t score = model->sorted[i].score;
        bool above = low_name == NULL || (low_name[0] == 'm' ? score >= low : score > low);
        bool below = high_name == NULL || (high_name[0] == 'm' ? score <= high : score < high);

        if (above && below && within++ == 0)
            first = i;
    }
    snprintf(path, sizeof(path), "boards/b/count?");
    put_by(path, model, region);
    put_bounds(path, low_name, low, high_name, high);
    answer = world_get(world, path);
    if (json_integer_value(json_object_get(answer, "count")) != within)
        fail_msg("%s: %s, expected %u", path, json_dumps(answer, 0), within);
    assert_int_equal(json_integer_value(json_object_get(answer, "size")), model->sorted_count);
    json_decref(answer);
    offset = (uint32_t)(world_random(random) % (within + 2));
    snprintf(path, sizeof(path), "boards/b/top?n=%u&offset=%u&ranks=%s", n, offset, style);
    put_by(path, model, region);
    put_bounds(path, low_name, low, high_name, high);
    answer = world_get(world, path);
    check_entries(model, answer, first + offset,
                  offset >= within ? 0 : (within - offset < n ? within - offset : n), style, path);
    if (low_name != NULL || high_name != NULL)
        assert_int_equal(json_integer_value(json_object_get(answer, "count")), within);
    else
        assert_null(json_object_get(answer, "count"));
    json_decref(answer);
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
        {8, 20000, 60000, 5000, 100000, "desc", "first", false},
        {5, 20000, 60000, 3, 4, "asc", "first", false},
    };

    (void)state;
    for (uint32_t i = 0; i < sizeof(setups) / sizeof(setups[0]); i++) {
        const struct setup *setup = &setups[i];
        struct world world;
        struct model model;
        uint64_t random = 170 + i;

        build(&world, &model, setup, &random);
        for (uint32_t region = 0; region < (setup->by_region ? REGIONS + 1 : 1u); region++) {
            model_sort(&model, region);
            world.limits.scan_entries_max = region % 2 == 0 ? 65536 : 3;
            if (setup->members > 1000)
                world.limits.scan_entries_max = 700; /* many rounds of dense ranks */
            for (uint32_t j = 0; j < (setup->members > 1000 ? 12u : 40u); j++) {
                check_members(&world, &model, region, &random);
                check_among(&world, &model, region, &random);
                check_range(&world, &model, region, &random);
                check_pages(&world, &model, region, &random);
            }
        }
        clean(&world, &model);
    }
}

/* A page deep inside a range is found without copying what is before it. */
static void test_deep_range(void **state)
{
    struct setup setup = {8, 30000, 90000, 100000, 100000, "desc", "first", false};
    struct world world;
    struct model model;
    uint64_t random = 5;
    uint32_t first = 0;
    json_t *answer;

    (void)state;
    build(&world, &model, &setup, &random);
    model_sort(&model, 0);
    while (model.sorted[first].score >= 90000)
        first++;
    answer = world_get(&world, "boards/b/top?n=10&offset=9000&below=90000");
    check_entries(&model, answer, first + 9000, 10, "ordinal", "deep");
    assert_in_range(world.rounds, 3, 5);
    json_decref(answer);
    clean(&world, &model);
}

static void test_shapes(void **state)
{
    static const char *const names[] = {"Ann \"B\"", "Bob/x", "Çe", "Dee"};
    struct world world;

    (void)state;
    world_init(&world, 2, NULL);
    world_define(&world, DEFINITION_BOARD, "f", "{'type':'float'}");
    for (int i = 0; i < 4; i++) {
        struct cell cells[3] = {cell_text(names[i]), cell_float(i == 3 ? 1.5 : 1.5 * i),
                                cell_int(SCORE_SET)};

        world_row(&world, "board:f", span_of(names[i]), cells);
    }
    world_fold(&world, 77);
    world_expect(&world, "boards/f/members?member=Bob%2Fx&member=No&ranks=competition",
                 "{'board':'f','by':{},'size':4,'ranks':'competition','members':["
                 "{'member':'Bob/x','score':1.5,'rank':2,'percentile':66.6667,'reached_at':77},"
                 "{'member':'No','score':null,'rank':null,'percentile':null,'reached_at':null}]}");
    world_expect(&world, "boards/f/among?members=[\"Dee\",\"No\",\"Ann+\\%22B\\%22\",\"Dee\"]",
                 "{'board':'f','by':{},'size':4,'ranks':'ordinal','missing':['No'],'entries':["
                 "{'rank':1,'member':'Dee','score':1.5,'overall_rank':3,'percentile':33.3333,"
                 "'reached_at':77},"
                 "{'rank':2,'member':'Ann \\\"B\\\"','score':0,'overall_rank':4,'percentile':0,"
                 "'reached_at':77}]}");
    world_expect(&world, "boards/f/among",
                 "{'board':'f','by':{},'size':4,'ranks':'ordinal','missing':[],'entries':[]}");
    world_expect(&world, "boards/f/members?members=[]",
                 "{'board':'f','by':{},'size':4,'ranks':'ordinal','members':[]}");
    world_expect(&world, "boards/f/count", "{'board':'f','by':{},'size':4,'count':4}");
    world_expect(&world, "boards/f/count?min=-0.0&below=3e0",
                 "{'board':'f','by':{},'size':4,'count':3}");
    world_expect(&world, "boards/f/top?max=1&ranks=dense",
                 "{'board':'f','by':{},'size':4,'count':1,'ranks':'dense','entries':["
                 "{'rank':3,'member':'Ann \\\"B\\\"','score':0,'reached_at':77}]}");
    world_expect(&world, "boards/f/top?above=1.5&below=1.5",
                 "{'board':'f','by':{},'size':4,'count':0,'ranks':'ordinal','entries':[]}");
    world_done(&world);
}

/* Shared ties have the same rank, unless a question says otherwise. */
static void test_shared(void **state)
{
    static const char *const names[] = {"b", "c", "a"};
    struct world world;

    (void)state;
    world_init(&world, 3, NULL);
    world_define(&world, DEFINITION_BOARD, "s", "{'type':'int','ties':'shared'}");
    for (int i = 0; i < 3; i++) {
        struct cell cells[3] = {cell_text(names[i]), cell_int(i < 2 ? 5 : 4), cell_int(SCORE_SET)};

        world_row(&world, "board:s", span_of(names[i]), cells);
        world_fold(&world, 10 - i);
    }
    world_expect(&world, "boards/s/top",
                 "{'board':'s','by':{},'size':3,'ranks':'competition','entries':["
                 "{'rank':1,'member':'b','score':5,'reached_at':10},"
                 "{'rank':1,'member':'c','score':5,'reached_at':9},"
                 "{'rank':3,'member':'a','score':4,'reached_at':8}]}");
    world_expect(&world, "boards/s/members/c",
                 "{'board':'s','by':{},'size':3,'ranks':'competition','member':'c','score':5,"
                 "'rank':1,'percentile':100,'reached_at':9}");
    world_expect(&world, "boards/s/members/c?ranks=ordinal",
                 "{'board':'s','by':{},'size':3,'ranks':'ordinal','member':'c','score':5,"
                 "'rank':2,'percentile':50,'reached_at':9}");
    world_done(&world);
}

/* The ends of 64 bits: beyond 2^53 each whole number is its own. */
static void test_wide_ranges(void **state)
{
    static const int64_t scores[] = {INT64_MIN + 1, -1,       0, (1ll << 53) + 1,
                                     INT64_MAX - 1, INT64_MAX};
    static const struct {
        const char *query;
        int count;
    } ranges[] = {
        {"min=9223372036854775807", 1},
        {"above=9223372036854775806", 1},
        {"above=9223372036854775807", 0},
        {"max=9223372036854775807", 6},
        {"below=-9223372036854775808", 0},
        {"max=-9223372036854775807", 1},
        {"min=9007199254740993", 3},
        {"min=9007199254740994", 2},
        {"above=-1&below=9223372036854775807", 3},
        {"min=5&max=4", 0},
    };

    (void)state;
    for (uint32_t order = 0; order < 2; order++) {
        struct world world;

        world_init(&world, 3, NULL);
        world_define(&world, DEFINITION_BOARD, "i",
                     order == 0 ? "{'type':'int'}" : "{'type':'int','order':'asc'}");
        for (uint32_t i = 0; i < 6; i++) {
            char name[2] = {(char)('a' + i), '\0'};
            struct cell cells[3] = {cell_text(name), cell_int(scores[i]), cell_int(SCORE_SET)};

            world_row(&world, "board:i", span_of(name), cells);
        }
        world_fold(&world, 1);
        for (uint32_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
            char path[200];
            json_t *answer;

            snprintf(path, sizeof(path), "boards/i/count?%s", ranges[i].query);
            answer = world_get(&world, path);
            if (json_integer_value(json_object_get(answer, "count")) != ranges[i].count)
                fail_msg("%s: %s", path, json_dumps(answer, 0));
            json_decref(answer);
        }
        world_done(&world);
    }
}

/* Partitions go into a new season one by one: the newest is the current one of all. */
static void test_seasons(void **state)
{
    static const struct {
        uint32_t partition;
        const char *player;
        int64_t day;
    } events[] = {{0, "Ann", 1}, {1, "Bob", 1}, {0, "Cid", 2}};
    struct world world;

    (void)state;
    world_init(&world, 2, NULL);
    world_define(&world, DEFINITION_STREAM, "plays",
                 "{'fields':{'player':'string','points':'int','at':'time'},'key':'player',"
                 "'time':'at','lateness':'2d'}");
    world_define(&world, DEFINITION_BOARD, "b",
                 "{'stream':'plays','member':'player','score':'sum(points)','period':'daily',"
                 "'keep':5}");
    for (uint32_t i = 0; i < 3; i++) {
        struct cell cells[3] = {cell_text(events[i].player), cell_int(5 + i),
                                cell_int(events[i].day * 86400000 + 7)};

        world_row_to(&world, "plays", events[i].partition, cells);
        world_fold(&world, 1);
    }
    world_expect(&world, "boards/b/top",
                 "{'board':'b','season':172800000,'season_end':259200000,'final':false,'by':{},'"
                 "size':1,'ranks':'ordinal','entries':["
                 "{'rank':1,'member':'Cid','score':7,'reached_at':172800007}]}");
    world_expect(&world, "boards/b/count?season=86400000",
                 "{'board':'b','season':86400000,'season_end':172800000,'final':false,'by':{},'"
                 "size':2,'count':2}");
    world_expect(&world, "boards/b/members/Ann?season=1970-01-02",
                 "{'board':'b','season':86400000,'season_end':172800000,'final':false,'by':{},'"
                 "size':2,'ranks':'ordinal',"
                 "'member':'Ann','score':5,'rank':2,'percentile':0,'reached_at':86400007}");
    world_expect(&world, "boards/b/seasons",
                 "{'board':'b','count':2,'seasons':["
                 "{'season':172800000,'season_end':259200000,'current':true,'closed':false,"
                 "'final':false,'entries':1},"
                 "{'season':86400000,'season_end':172800000,'current':false,'closed':false,"
                 "'final':false,'entries':2}]}");
    world_expect(&world, "boards/b/members/Ann/history?n=5",
                 "{'board':'b','by':{},'member':'Ann','ranks':'ordinal','seasons':["
                 "{'season':172800000,'season_end':259200000,'current':true,'closed':false,"
                 "'final':false,'score':null,'rank':null,'percentile':null,'reached_at':null,"
                 "'size':1},"
                 "{'season':86400000,'season_end':172800000,'current':false,'closed':false,"
                 "'final':false,'score':5,'rank':2,'percentile':0,'reached_at':86400007,"
                 "'size':2}]}");
    world_refuses(&world, "boards/b/members/Dan/history", ERR_NOT_FOUND, "none of the seasons");
    world_refuses(&world, "boards/b/members/Ann/history?ranks=dense", ERR_INVALID, "dense");
    world_refuses(&world, "boards/b/members/Ann/history?season=1", ERR_INVALID, "season");
    world_refuses(&world, "boards/b/members/Ann", ERR_NOT_FOUND, "Ann");
    world_refuses(&world, "boards/b/top?season=1", ERR_NOT_FOUND, "no season that begins at 1");
    world_refuses(&world, "boards/b/top?season=x", ERR_INVALID, "season=x");
    world_done(&world);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *path;
        int code;
        const char *part;
    } refusals[] = {
        {"boards/f/members?member=", ERR_INVALID, "empty"},
        {"boards/f/members?members=", ERR_INVALID, "array of names"},
        {"boards/f/members?members=[1]", ERR_INVALID, "members[0]"},
        {"boards/f/members?members={}", ERR_INVALID, "array of names"},
        {"boards/f/members?members=[]&members=[]", ERR_INVALID, "twice"},
        {"boards/f/members?member=a&n=3", ERR_INVALID, "member, members, ranks"},
        {"boards/f/among?ranks=x", ERR_INVALID, "ordinal, competition, dense"},
        {"boards/f/count?min=1&above=2", ERR_INVALID, "min or above, not both"},
        {"boards/f/count?max=x", ERR_INVALID, "max=x: expected a number"},
        {"boards/f/count?max=inf", ERR_INVALID, "max=inf"},
        {"boards/f/count?max=1e999", ERR_INVALID, "max=1e999"},
        {"boards/f/count?max=+1", ERR_INVALID, "max= 1"},
        {"boards/i/count?min=1.5", ERR_INVALID, "a whole number of 64 bits"},
        {"boards/i/count?min=9223372036854775808", ERR_INVALID, "a whole number of 64 bits"},
        {"boards/i/count?n=1", ERR_INVALID, "min, max, above, below"},
        {"boards/i/top?below=", ERR_INVALID, "below="},
        {"boards/i/top?percentile=1", ERR_INVALID, "percentile=1: expected true or false"},
    };
    struct bytes path = {0};
    struct world world;

    (void)state;
    world_init(&world, 2, NULL);
    world_define(&world, DEFINITION_BOARD, "f", "{'type':'float'}");
    world_define(&world, DEFINITION_BOARD, "i", "{'type':'int'}");
    for (uint32_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        world_refuses(&world, refusals[i].path, refusals[i].code, refusals[i].part);
    bytes_put_text(&path, "boards/f/members?members=[");
    for (int i = 0; i < 1001; i++)
        bytes_format(&path, "%s\"m%d\"", i > 0 ? "," : "", i);
    bytes_put_text(&path, "]");
    world_refuses(&world, bytes_text(&path), ERR_TOO_LARGE, "1000 members");
    bytes_done(&path);
    world_done(&world);
}

static void fold_more(struct world *world, void *context)
{
    static uint64_t random = 3;

    fill(world, context, &random, 400);
}

/* Events are folded between the rounds: answers may be a bit off, but they are whole. */
static void test_moving(void **state)
{
    struct setup setup = {4, 9000, 30000, 100, 100, "desc", "first", false};
    static const char *const paths[] = {
        "boards/b/top?n=20&offset=3000&max=60&min=3&ranks=dense",
        "boards/b/members?member=p-00001&member=P-00002&member=p-00003&ranks=dense",
        "boards/b/among?member=p-00001&member=P-00002&member=p-00003&ranks=competition",
        "boards/b/count?above=50",
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
        json_t *answer = world_get(&world, paths[i % 4]);
        json_int_t size = json_integer_value(json_object_get(answer, "size"));
        const json_t *rows = json_object_get(answer, i % 4 == 1 ? "members" : "entries");

        assert_in_range(size, 1, setup.members);
        for (size_t j = 0; j < json_array_size(rows); j++) {
            const json_t *row = json_array_get(rows, j);
            json_int_t score = json_integer_value(json_object_get(row, "score"));

            assert_in_range(json_integer_value(json_object_get(row, "rank")), 1, size);
            if (i % 4 == 0)
                assert_in_range(score, 3, 60);
        }
        json_decref(answer);
    }
    clean(&world, &model);
}

/* The board goes, or comes back as another one, between parse and collect. */
static void test_gone(void **state)
{
    static const char *const paths[] = {"boards/b/members?member=x", "boards/b/among?member=x",
                                        "boards/b/count?min=0", "boards/b/top?min=0"};

    (void)state;
    for (uint32_t i = 0; i < 8; i++) {
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
        read_free(read);
        world_done(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),   cmocka_unit_test(test_deep_range),
        cmocka_unit_test(test_seasons),  cmocka_unit_test(test_shared),
        cmocka_unit_test(test_shapes),   cmocka_unit_test(test_wide_ranges),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_moving),
        cmocka_unit_test(test_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
