// SPDX-License-Identifier: Apache-2.0
/*
 * test_metric_reads.c - metrics/M and metrics/M/labels, over 1 to 8 partitions, against a
 * brute-force recount of all rows.
 */
#include "support/query_harness.h"

#define REGIONS 4
#define LEVELS 3
#define ROWS_MAX 4000
#define EVERY_MS 1000
#define LATENESS_MS 5000
#define POINTS_MAX 20000

struct row {
    uint32_t region; /* REGIONS - 1: none */
    int64_t level;
    int64_t points;
    double weight;
    int64_t at_ms;
    uint32_t partition;
};

struct model {
    struct row rows[ROWS_MAX];
    uint32_t row_count;
    int64_t watermarks[WORLD_PARTITIONS_MAX];
    int64_t walls[WORLD_PARTITIONS_MAX];
};

static const char *const regions[REGIONS] = {"EU", "US", "Asia\"", ""};

static void add_row(struct world *world, struct model *model, struct row row)
{
    char key[20];
    struct cell cells[6];

    snprintf(key, sizeof(key), "k%u", model->row_count);
    cells[0] = cell_text(key);
    cells[1] = cell_text(row.region < REGIONS - 1 ? regions[row.region] : NULL);
    cells[2] = cell_int(row.level);
    cells[3] = cell_int(row.points);
    cells[4] = cell_float(row.weight);
    cells[5] = cell_int(row.at_ms);
    row.partition = (uint32_t)(hash_bytes(key, strlen(key)) % world->partition_count);
    world_row(world, "plays", span_of(key), cells);
    if (row.at_ms > model->watermarks[row.partition])
        model->watermarks[row.partition] = row.at_ms;
    model->rows[model->row_count++] = row;
}

/* Rows are out of order, never late: within a lateness, and there are gaps without data. */
static void fill(struct world *world, struct model *model, uint64_t *random, uint32_t count)
{
    int64_t base_ms = -20000;

    for (uint32_t i = 0; i < count; i++) {
        struct row row = {
            .region = (uint32_t)(world_random(random) % REGIONS),
            .level = (int64_t)(world_random(random) % LEVELS) - 1,
            .points = (int64_t)(world_random(random) % 2000) - 1000,
            .weight = (double)(world_random(random) % 4000) / 4 - 500,
            .at_ms = base_ms + (int64_t)(world_random(random) % 4000),
        };

        add_row(world, model, row);
        if (world_random(random) % 50 == 0)
            base_ms += world_random(random) % 10 == 0 ? 9000 : 700;
        if (i % 300 == 299)
            world_fold(world, 1000);
    }
    world_fold(world, 1000);
    for (uint32_t i = 0; i < world->partition_count; i++)
        model->walls[i] = 1000;
}

static void define(struct world *world, uint32_t partition_count)
{
    world_init(world, partition_count, NULL);
    world->now_ms = 1000;
    world_define(world, DEFINITION_STREAM, "plays",
                 "{'fields':{'player':'string','region':'string','level':'int','points':'int',"
                 "'weight':'float','at':'time'},'key':'player','time':'at','lateness':'5s',"
                 "'idle':'10s'}");
    world_define(world, DEFINITION_METRIC, "count",
                 "{'stream':'plays','value':'count()','by':['region','level'],'every':'1s'}");
    world_define(world, DEFINITION_METRIC, "sum",
                 "{'stream':'plays','value':'sum(points)','by':['region'],'every':'1s'}");
    world_define(world, DEFINITION_METRIC, "max",
                 "{'stream':'plays','value':'max(points)','by':['level'],'every':'1s'}");
    world_define(world, DEFINITION_METRIC, "avg",
                 "{'stream':'plays','value':'avg(weight)','every':'1s'}");
    world_define(world, DEFINITION_METRIC, "min",
                 "{'stream':'plays','value':'min(weight)','by':['region','level'],'every':'1s'}");
}

/* ---- the recount ---- */

struct point {
    char labels[80]; /* as JSON */
    int64_t ms;
    double sum;
    double min;
    double max;
    uint32_t count;
};

struct question {
    const char *metric;
    bool by_region;
    bool by_level;
    uint32_t region_mask; /* where.region; 0: all */
    uint32_t level_mask;  /* of level + 1 */
    int64_t step_ms;
    int64_t start_ms;
    int64_t end_ms;
    uint32_t latest;
};

static struct point points[POINTS_MAX];
static uint32_t point_count;

static int64_t floor_to(int64_t ms, int64_t step_ms)
{
    int64_t number = ms / step_ms;

    while (number * step_ms > ms)
        number--;
    return number * step_ms;
}

static struct point *get_point(const char *labels, int64_t ms)
{
    for (uint32_t i = 0; i < point_count; i++)
        if (points[i].ms == ms && strcmp(points[i].labels, labels) == 0)
            return &points[i];
    assert_true(point_count < POINTS_MAX);
    points[point_count] = (struct point){.ms = ms, .min = 1e9, .max = -1e9};
    snprintf(points[point_count].labels, sizeof(points[0].labels), "%s", labels);
    return &points[point_count++];
}

static int compare_ms(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a;
    int64_t second = *(const int64_t *)b;

    return (first < second) - (first > second);
}

static int64_t latest_from(uint32_t latest)
{
    int64_t *times = malloc((point_count + 1) * sizeof(*times));
    int64_t from = INT64_MIN;
    uint32_t distinct = 0;

    for (uint32_t i = 0; i < point_count; i++)
        times[i] = points[i].ms;
    qsort(times, point_count, sizeof(*times), compare_ms);
    for (uint32_t i = 0; i < point_count && distinct < latest; i++)
        if (i == 0 || times[i] != times[i - 1]) {
            from = times[i];
            distinct++;
        }
    free(times);
    return from;
}

/* `labels` sort like their texts here: the keys are equal and no value is a prefix of another. */
static void recount(const struct model *model, const struct question *question)
{
    int64_t start_ms = floor_to(question->start_ms, question->step_ms);
    int64_t end_ms = -floor_to(-question->end_ms, question->step_ms);
    uint32_t kept = 0;
    int64_t from_ms;

    point_count = 0;
    for (uint32_t i = 0; i < model->row_count; i++) {
        const struct row *row = &model->rows[i];
        double value = question->metric[0] == 's' || strcmp(question->metric, "max") == 0
                           ? (double)row->points
                           : row->weight;
        char labels[80];
        struct point *point;
        char level[20] = "";

        if (row->at_ms < start_ms || row->at_ms >= end_ms ||
            (question->region_mask != 0 && !(question->region_mask >> row->region & 1)) ||
            (question->level_mask != 0 && !(question->level_mask >> (row->level + 1) & 1)))
            continue;
        if (question->by_level)
            snprintf(level, sizeof(level), "level=%lld", (long long)row->level);
        snprintf(labels, sizeof(labels), "%s%s;%s", question->by_region ? "region=" : "",
                 question->by_region ? regions[row->region] : "", level);
        point = get_point(labels, floor_to(row->at_ms, question->step_ms));
        point->count++;
        point->sum += value;
        point->min = value < point->min ? value : point->min;
        point->max = value > point->max ? value : point->max;
    }
    from_ms = question->latest > 0 ? latest_from(question->latest) : INT64_MIN;
    for (uint32_t i = 0; i < point_count; i++)
        if (points[i].ms >= from_ms)
            points[kept++] = points[i];
    point_count = kept;
}

static double point_value(const struct point *point, const char *metric)
{
    switch (metric[0]) {
    case 'c':
        return point->count;
    case 's':
        return point->sum;
    case 'a':
        return point->sum / point->count;
    default:
        return strcmp(metric, "min") == 0 ? point->min : point->max;
    }
}

static bool is_final(const struct world *world, const struct model *model, int64_t end_ms)
{
    int64_t ahead_ms = INT64_MIN;

    for (uint32_t i = 0; i < world->partition_count; i++)
        if (model->watermarks[i] > ahead_ms)
            ahead_ms = model->watermarks[i];
    for (uint32_t i = 0; i < world->partition_count; i++) {
        if (model->watermarks[i] == INT64_MIN)
            continue;
        if (model->watermarks[i] < ahead_ms && world->now_ms - model->walls[i] > 10000)
            continue;
        if (model->watermarks[i] < end_ms + LATENESS_MS)
            return false;
    }
    return true;
}

static void question_path(const struct question *question, char *path, size_t size)
{
    size_t at = (size_t)snprintf(path, size, "metrics/%s?step=%lldms", question->metric,
                                 (long long)question->step_ms);

    at += (size_t)snprintf(path + at, size - at, "&by=%s%s%s", question->by_region ? "region" : "",
                           question->by_region && question->by_level ? "," : "",
                           question->by_level ? "level" : "");
    for (uint32_t i = 0; i < REGIONS; i++)
        if (question->region_mask >> i & 1)
            at += (size_t)snprintf(path + at, size - at, "&where.region=%s", regions[i]);
    for (int i = 0; i < LEVELS; i++)
        if (question->level_mask >> i & 1)
            at += (size_t)snprintf(path + at, size - at, "&where.level=%d", i - 1);
    if (question->start_ms > -1000000)
        at += (size_t)snprintf(path + at, size - at, "&start=%lld", (long long)question->start_ms);
    if (question->end_ms < 1000000000)
        at += (size_t)snprintf(path + at, size - at, "&end=%lld", (long long)question->end_ms);
    if (question->latest > 0)
        snprintf(path + at, size - at, "&latest=%u", question->latest);
}

static void series_labels(const struct question *question, const json_t *series, char *out,
                          size_t size)
{
    json_t *labels = json_object_get(series, "labels");
    const char *region = json_string_value(json_object_get(labels, "region"));
    const char *level = json_string_value(json_object_get(labels, "level"));

    assert_int_equal(json_object_size(labels), question->by_region + question->by_level);
    snprintf(out, size, "%s%s;%s%s", question->by_region ? "region=" : "",
             question->by_region ? region : "", question->by_level ? "level=" : "",
             question->by_level ? level : "");
}

static void check(struct world *world, const struct model *model, const struct question *question)
{
    char path[500];
    json_t *answer;
    json_t *all;
    char before[80] = "";
    uint32_t found = 0;

    question_path(question, path, sizeof(path));
    recount(model, question);
    answer = world_get(world, path);
    assert_int_equal(json_integer_value(json_object_get(answer, "step_ms")), question->step_ms);
    assert_int_equal(json_integer_value(json_object_get(answer, "unit_ms")), EVERY_MS);
    all = json_object_get(answer, "series");
    for (size_t s = 0; s < json_array_size(all); s++) {
        json_t *list = json_object_get(json_array_get(all, s), "points");
        json_int_t last_ms = INT64_MIN;
        char labels[80];

        series_labels(question, json_array_get(all, s), labels, sizeof(labels));
        if (s > 0 && strcmp(before, labels) >= 0)
            fail_msg("%s: %s comes after %s", path, labels, before);
        memcpy(before, labels, sizeof(before));
        for (size_t i = 0; i < json_array_size(list); i++, found++) {
            json_t *point = json_array_get(list, i);
            json_int_t ms = json_integer_value(json_array_get(point, 0));
            uint32_t had = point_count;
            struct point *wanted = get_point(labels, ms);

            if (point_count != had)
                fail_msg("%s: unexpected point %s %lld", path, labels, (long long)ms);
            assert_true(ms > last_ms);
            last_ms = ms;
            if (json_number_value(json_array_get(point, 1)) !=
                point_value(wanted, question->metric))
                fail_msg("%s: %s %lld is %s, expected %g", path, labels, (long long)ms,
                         json_dumps(point, 0), point_value(wanted, question->metric));
            assert_string_equal(json_string_value(json_array_get(point, 2)),
                                is_final(world, model, ms + question->step_ms) ? "final"
                                                                               : "provisional");
        }
    }
    if (found != point_count)
        fail_msg("%s: %u points, expected %u", path, found, point_count);
    json_decref(answer);
}

static void ask_at_random(struct world *world, const struct model *model, uint64_t *random,
                          uint32_t times)
{
    static const char *const metrics[] = {"count", "sum", "max", "avg", "min"};
    static const bool has_region[] = {true, true, false, false, true};
    static const bool has_level[] = {true, false, true, false, true};

    for (uint32_t i = 0; i < times; i++) {
        uint32_t m = (uint32_t)(world_random(random) % 5);
        struct question question = {
            .metric = metrics[m],
            .by_region = has_region[m] && world_random(random) % 3 > 0,
            .by_level = has_level[m] && world_random(random) % 3 > 0,
            .step_ms = EVERY_MS * (1 + (int64_t)(world_random(random) % 7)),
            .start_ms = INT32_MIN,
            .end_ms = INT64_C(1000000000),
        };

        if (world_random(random) % 2 == 0)
            question.start_ms = (int64_t)(world_random(random) % 60000) - 22000;
        if (world_random(random) % 2 == 0)
            question.end_ms = (int64_t)(world_random(random) % 90000) - 12000;
        if (has_region[m] && world_random(random) % 2 == 0)
            question.region_mask = (uint32_t)(world_random(random) % (1 << REGIONS));
        if (has_level[m] && world_random(random) % 2 == 0)
            question.level_mask = (uint32_t)(world_random(random) % (1 << LEVELS));
        if (question.start_ms == INT32_MIN || world_random(random) % 2 == 0)
            question.latest = 1 + (uint32_t)(world_random(random) % 70);
        check(world, model, &question);
    }
}

static void test_random(void **state)
{
    static const uint32_t partitions[] = {1, 2, 3, 8};

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        struct model *model = calloc(1, sizeof(*model));
        struct world world;
        uint64_t random = 7 + i;

        for (uint32_t p = 0; p < WORLD_PARTITIONS_MAX; p++)
            model->watermarks[p] = INT64_MIN;
        define(&world, partitions[i]);
        fill(&world, model, &random, i == 0 ? 400 : 2500);
        ask_at_random(&world, model, &random, 60);
        world.now_ms = 20000; /* all are idle now: only the one ahead counts */
        ask_at_random(&world, model, &random, 10);
        free(model);
        world_done(&world);
    }
}

/* `where` with few series among many: their lists are followed instead of the panes. */
static void test_few_of_many(void **state)
{
    struct model *model = calloc(1, sizeof(*model));
    struct world world;
    struct question question = {.metric = "sum",
                                .by_region = true,
                                .region_mask = 1,
                                .step_ms = 3000,
                                .start_ms = INT32_MIN,
                                .end_ms = INT64_C(1000000000),
                                .latest = 4};

    (void)state;
    define(&world, 2);
    for (uint32_t i = 0; i < 3000; i++) {
        char region[20];
        char key[20];
        struct row row = {.region = 0, .points = i, .at_ms = (int64_t)(i / 100) * 1000};
        struct cell cells[6];

        snprintf(region, sizeof(region), "r%u", i % 500);
        snprintf(key, sizeof(key), "x%u", i);
        cells[0] = cell_text(key);
        cells[1] = cell_text(region);
        cells[2] = cell_int(1);
        cells[3] = cell_int(1);
        cells[4] = cell_float(1);
        cells[5] = cell_int(row.at_ms);
        world_row(&world, "plays", span_of(key), cells);
        if (i % 300 == 0)
            add_row(&world, model, row);
    }
    world_fold(&world, 1000);
    for (uint32_t p = 0; p < 2; p++)
        model->watermarks[p] = 29000;
    check(&world, model, &question);
    question.latest = 0;
    question.start_ms = 5000;
    question.end_ms = 22000;
    check(&world, model, &question);
    free(model);
    world_done(&world);
}

static void test_times(void **state)
{
    struct world world;
    struct model *model = calloc(1, sizeof(*model));

    (void)state;
    define(&world, 1);
    for (int i = 0; i < 100; i++)
        add_row(&world, model,
                (struct row){.points = i, .at_ms = INT64_C(1577836800000) + i * 1000});
    world_fold(&world, 5);
    world.now_ms = 1577836900000;
    world_expect(&world, "metrics/avg?start=-3s&end=now",
                 "{'metric':'avg','unit_ms':1000,'step_ms':1000,'series':[{'labels':{},'points':["
                 "[1577836897000,0,'provisional'],[1577836898000,0,'provisional'],"
                 "[1577836899000,0,'provisional']]}]}");
    world_expect(&world, "metrics/sum?by=&start=2020-01-01T01:00:10%2B01:00&end=1577836811001",
                 "{'metric':'sum','unit_ms':1000,'step_ms':1000,'series':[{'labels':{},'points':["
                 "[1577836810000,10,'final'],[1577836811000,11,'final']]}]}");
    world_expect(&world, "metrics/sum?step=30s&start=2020-01-01T00:00:31Z&end=2020-01-01T00:00:32Z",
                 "{'metric':'sum','unit_ms':1000,'step_ms':30000,'series':[{'labels':{'region':"
                 "'EU'},'points':[[1577836830000,1335,'final']]}]}");
    world_expect(&world, "metrics/sum?latest=1",
                 "{'metric':'sum','unit_ms':1000,'step_ms':1000,'series':[{'labels':{'region':"
                 "'EU'},'points':[[1577836899000,99,'provisional']]}]}");
    world_expect(&world, "metrics/sum?where.region=nowhere",
                 "{'metric':'sum','unit_ms':1000,'step_ms':1000,'series':[]}");
    world_expect(&world, "metrics/sum?start=5&end=4",
                 "{'metric':'sum','unit_ms':1000,'step_ms':1000,'series':[]}");
    free(model);
    world_done(&world);
}

/* A field without a value gives null; labels beyond the limit are in "__other__". */
static void test_labels(void **state)
{
    struct partition_limits few = {.series_max = 2,
                                   .panes_max = 100,
                                   .ids_max = 100,
                                   .board_members_max = 100,
                                   .board_segments_max = 100,
                                   .keys_max = 10,
                                   .key_members_max = 10};
    struct world world;

    (void)state;
    world_init(&world, 1, &few);
    world_define(&world, DEFINITION_STREAM, "s",
                 "{'fields':{'k':'string','points':'int','at':'time'},'key':'k','time':'at'}");
    world_define(&world, DEFINITION_METRIC, "m",
                 "{'stream':'s','value':'sum(points)','by':['k'],'every':'1s'}");
    world_expect(&world, "metrics/m/labels", "{'metric':'m','labels':{'k':[]}}");
    world_expect(&world, "metrics/m", "{'metric':'m','unit_ms':1000,'step_ms':1000,'series':[]}");
    for (int i = 0; i < 4; i++) {
        static const char *const keys[] = {"b", "a", "c", "d"};
        struct cell cells[3] = {cell_text(keys[i]), cell_int(i), cell_int(500)};

        cells[1].present = i > 0;
        world_row(&world, "s", span_of(keys[i]), cells);
        if (i == 1) {
            world_fold(&world, 1);
            world_expect(&world, "metrics/m/labels", "{'metric':'m','labels':{'k':['a','b']}}");
        }
    }
    world_fold(&world, 1);
    world_expect(&world, "metrics/m/labels", "{'metric':'m','labels':{'k':['__other__','a','b']}}");
    world_expect(&world, "metrics/m",
                 "{'metric':'m','unit_ms':1000,'step_ms':1000,'series':["
                 "{'labels':{'k':'__other__'},'points':[[0,5,'provisional']]},"
                 "{'labels':{'k':'a'},'points':[[0,1,'provisional']]},"
                 "{'labels':{'k':'b'},'points':[[0,null,'provisional']]}]}");
    world_done(&world);
}

static void test_limit(void **state)
{
    struct model *model = calloc(1, sizeof(*model));
    struct world world;
    uint64_t random = 3;

    (void)state;
    define(&world, 2);
    world.limits.query_points_max = 20;
    fill(&world, model, &random, 500);
    world_refuses(&world, "metrics/count?start=-1000000", ERR_INVALID, "limits.query_points");
    world_refuses(&world, "metrics/count?latest=20", ERR_INVALID, "limits.query_points");
    world_refuses(&world, "metrics/count?latest=21", ERR_INVALID, "limits.query_points");
    json_decref(world_get(&world, "metrics/count?latest=20&by="));
    free(model);
    world_done(&world);
}

static void test_gone(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        struct world world;
        struct read *read = NULL;
        struct answer answer = {0};
        struct err err = {0};

        define(&world, 2);
        assert_int_equal(
            read_parse(&read,
                       i == 0 ? SPAN_LITERAL("metrics/sum") : SPAN_LITERAL("metrics/sum/labels"),
                       world.catalog, 2, &world.limits, 0, &err),
            0);
        world_define(&world, DEFINITION_METRIC, "sum", NULL);
        assert_int_equal(world_run(&world, read, &answer, &err), ERR_NOT_FOUND);
        read_free(read);
        world_done(&world);
    }
}

/* A watch is asked again and again while new series and panes come. */
static void test_watch(void **state)
{
    struct model *model = calloc(1, sizeof(*model));
    struct answer before = {0};
    struct world world;
    struct read *read = NULL;
    struct err err = {0};

    (void)state;
    define(&world, 3);
    assert_int_equal(read_parse(&read, SPAN_LITERAL("metrics/sum?latest=3&step=2s"), world.catalog,
                                3, &world.limits, 0, &err),
                     0);
    for (int i = 0; i < 40; i++) {
        struct answer after = {0};
        struct answer fresh = {0};
        struct bytes diff = {0};

        add_row(&world, model,
                (struct row){.region = (uint32_t)i / 10, .points = i, .at_ms = i * 500});
        world_fold(&world, 1000);
        assert_int_equal(world_run(&world, read, &after, &err), 0);
        read->ops->reset(read);
        assert_int_equal(world_ask(&world, "metrics/sum?latest=3&step=2s", &fresh, &err), 0);
        assert_false(answer_diff(&fresh, &after, &diff));
        assert_true(answer_diff(&before, &after, &diff));
        bytes_done(&diff);
        answer_done(&before);
        answer_done(&fresh);
        before = after;
    }
    answer_done(&before);
    read_free(read);
    free(model);
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random), cmocka_unit_test(test_few_of_many),
        cmocka_unit_test(test_times),  cmocka_unit_test(test_labels),
        cmocka_unit_test(test_limit),  cmocka_unit_test(test_gone),
        cmocka_unit_test(test_watch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
