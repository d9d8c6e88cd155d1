// SPDX-License-Identifier: Apache-2.0
/*
 * test_partition.c - a partition is a fold: the same records give the same state, whatever has been
 * folded into it before and however batches travelled.
 */
#include "metric/metric.h"
#include "board/board.h"
#include "support/query_harness.h"

#define STREAM                                                                                     \
    "{'fields':{'player':'string','points':'int','region':'string','match':'string',"              \
    "'at':'time'},'key':'player','time':'at','id':'match','lateness':'5s'}"

static void define(struct world *world)
{
    world_init(world, 1, NULL);
    world_define(world, DEFINITION_STREAM, "plays", STREAM);
    world_define(world, DEFINITION_METRIC, "sum",
                 "{'stream':'plays','value':'sum(points)','by':['region'],'every':'1s'}");
    world_define(world, DEFINITION_METRIC, "count",
                 "{'stream':'plays','value':'count()','by':['region'],'every':'1s','keep':'1m'}");
    world_define(world, DEFINITION_METRIC, "max",
                 "{'stream':'plays','value':'max(points)','every':'10s'}");
    world_define(world, DEFINITION_BOARD, "b",
                 "{'stream':'plays','member':'player','score':'sum(points)','by':['region']}");
}

static void add(struct world *world, uint32_t match, uint64_t *random)
{
    char player[20];
    char region[20];
    char id[20];
    struct cell cells[5];

    snprintf(player, sizeof(player), "p%u", (uint32_t)(world_random(random) % 300));
    snprintf(region, sizeof(region), "r%u", (uint32_t)(world_random(random) % 9));
    snprintf(id, sizeof(id), "m%u", match);
    cells[0] = cell_text(player);
    cells[1] = cell_int((int64_t)(world_random(random) % 100));
    cells[2] = cell_text(world_random(random) % 20 > 0 ? region : NULL);
    cells[3] = cell_text(id);
    cells[4] = cell_int((int64_t)match * 20 - (int64_t)(world_random(random) % 6000));
    world_row(world, "plays", span_of(player), cells);
}

/* Through the journal's form and back, as in a recovery. */
static void recode(struct world *world)
{
    struct bytes text = {0};
    struct batch *decoded;
    struct err err = {0};

    batch_stamp(world->batches[0], 5);
    batch_encode(world->batches[0], &text);
    if (batch_decode(&decoded, text.data, text.size, &err) < 0)
        fail_msg("%s", err.text);
    batch_free(world->batches[0]);
    world->batches[0] = decoded;
    bytes_done(&text);
}

static uint64_t run(uint32_t batch_rows, bool recodes, uint32_t twist)
{
    struct world world;
    uint64_t random = 9;
    uint64_t hash;

    define(&world);
    for (uint32_t i = 0; i < 4000; i++) {
        add(&world, i - i % 10 / 9 /* every tenth is a duplicate */, &random);
        if (i == twist)
            world.batches[0]->columns[1].ints[world.batches[0]->row_count - 1]++;
        if (i % batch_rows == batch_rows - 1) {
            if (recodes)
                recode(&world);
            world_fold(&world, 5);
        }
    }
    world_fold(&world, 5);
    hash = partition_hash(world.partitions[0]);
    assert_true(partition_bytes(world.partitions[0]) > 0);
    world_done(&world);
    return hash;
}

static void test_replay(void **state)
{
    uint64_t hash = run(100, false, UINT32_MAX);

    (void)state;
    assert_true(run(100, false, UINT32_MAX) == hash);
    assert_true(run(100, true, UINT32_MAX) == hash);
    assert_true(run(1, false, UINT32_MAX) == hash);
    assert_true(run(4000, true, UINT32_MAX) == hash);
    assert_true(run(100, false, 3000) != hash);
}

static void test_stat(void **state)
{
    struct partition_stream_stat stat;
    struct world world;
    uint64_t random = 3;
    uint32_t id;

    (void)state;
    define(&world);
    id = catalog_find_stream(world.catalog, SPAN_LITERAL("plays"))->id;
    assert_true(partition_stream_stat(world.partitions[0], id, &stat));
    assert_int_equal(stat.rows, 0);
    assert_true(stat.watermark_ms == INT64_MIN);
    assert_false(partition_stream_stat(world.partitions[0], id + 100, &stat));
    for (uint32_t i = 0; i < 10; i++)
        add(&world, i / 2, &random);
    world_fold(&world, 1234);
    assert_true(partition_stream_stat(world.partitions[0], id, &stat));
    assert_int_equal(stat.duplicates, 5);
    assert_int_equal(stat.rows + stat.late, 5);
    assert_int_equal(stat.wall_ms, 1234);
    world_done(&world);
}

/* What is dropped is gone, with all it held; what is defined anew starts from nothing. */
static void test_definitions(void **state)
{
    struct world world;
    uint64_t random = 3;
    uint32_t metric_id;
    uint32_t board_id;
    struct err err = {0};

    (void)state;
    define(&world);
    metric_id = catalog_find_metric(world.catalog, SPAN_LITERAL("sum"))->id;
    board_id = catalog_find_board(world.catalog, SPAN_LITERAL("b"))->id;
    for (uint32_t i = 0; i < 100; i++)
        add(&world, i, &random);
    world_fold(&world, 5);
    assert_true(partition_metric(world.partitions[0], metric_id)->table->panes.pane_count > 0);
    assert_true(board_counts(partition_board(world.partitions[0], board_id)).entries > 0);
    assert_true(partition_metric(world.partitions[0], metric_id)->table->grouping ==
                partition_metric(world.partitions[0], metric_id + 1)->table->grouping);
    world_define(&world, DEFINITION_METRIC, "sum",
                 "{'stream':'plays','value':'min(points)','by':['region'],'every':'1s'}");
    assert_int_equal(catalog_find_metric(world.catalog, SPAN_LITERAL("sum"))->id, metric_id);
    assert_int_equal(partition_metric(world.partitions[0], metric_id)->table->panes.pane_count, 0);
    for (uint32_t i = 100; i < 200; i++)
        add(&world, i, &random);
    world_fold(&world, 5);
    assert_true(partition_metric(world.partitions[0], metric_id)->table->panes.pane_count > 0);
    world_define(&world, DEFINITION_METRIC, "sum", NULL);
    assert_null(partition_metric(world.partitions[0], metric_id));
    world_define(&world, DEFINITION_BOARD, "b", NULL);
    assert_null(partition_board(world.partitions[0], board_id));
    world_define(&world, DEFINITION_METRIC, "count", NULL);
    world_define(&world, DEFINITION_METRIC, "max", NULL);
    add(&world, 300, &random); /* of a stream that goes before it is folded */
    world_define(&world, DEFINITION_STREAM, "plays", NULL);
    world_fold(&world, 5);
    assert_int_equal(world_try_define(&world, DEFINITION_METRIC, "m",
                                      "{'stream':'plays','value':'count()','every':'1s'}", &err),
                     ERR_INVALID);
    world_done(&world);
    partition_free(NULL);
}

/* Batches of an older version of the stream lack columns: their values are none. */
static void test_versions(void **state)
{
    struct world world;
    uint64_t random = 3;
    struct batch *old;
    struct cell cells[6];

    (void)state;
    define(&world);
    for (uint32_t i = 0; i < 50; i++)
        add(&world, i, &random);
    old = world.batches[0];
    world.batches[0] = NULL;
    world_define(&world, DEFINITION_STREAM, "plays",
                 "{'fields':{'player':'string','points':'int','region':'string','match':'string',"
                 "'at':'time','country':'string','weight':'float'},'key':'player','time':'at',"
                 "'id':'match','lateness':'1d'}");
    world_define(&world, DEFINITION_METRIC, "new",
                 "{'stream':'plays','value':'sum(weight)','by':['country'],'every':'1h'}");
    world.batches[0] = old;
    world_fold(&world, 5);
    cells[0] = cell_text("p");
    cells[1] = cell_int(1);
    cells[2] = cell_text("r");
    cells[3] = cell_text("other");
    cells[4] = cell_int(5);
    cells[5] = cell_text("NO");
    {
        struct cell all[7];

        memcpy(all, cells, sizeof(cells));
        all[6] = cell_float(2.5);
        world_row(&world, "plays", span_of("p"), all);
    }
    world_fold(&world, 5);
    world_expect(&world, "metrics/new?by=country&start=0&step=1h",
                 "{'metric':'new','unit_ms':3600000,'step_ms':3600000,'series':["
                 "{'labels':{'country':''},'points':[[0,null,'provisional']]},"
                 "{'labels':{'country':'NO'},'points':[[0,2.5,'provisional']]}]}");
    world_done(&world);
}

/* A batch that does not fit its stream comes from a damaged journal. */
static void test_misfit(void **state)
{
    struct stream_def other = {.name = "plays",
                               .field_count = 1,
                               .fields = {{"x", FIELD_FLOAT}},
                               .key_field = -1,
                               .time_field = -1,
                               .id_field = -1};
    struct cell cell = cell_float(3);
    struct world world;
    struct batch *batch;
    struct err err = {0};
    uint64_t hash;

    (void)state;
    define(&world);
    hash = partition_hash(world.partitions[0]);
    batch = batch_new(&other, catalog_find_stream(world.catalog, SPAN_LITERAL("plays"))->id);
    batch_append(batch, &cell);
    assert_int_equal(partition_fold(world.partitions[0], batch, NULL, &err), ERR_CORRUPT);
    assert_true(partition_hash(world.partitions[0]) == hash);
    batch_free(batch);
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay),      cmocka_unit_test(test_stat),
        cmocka_unit_test(test_definitions), cmocka_unit_test(test_versions),
        cmocka_unit_test(test_misfit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
