// SPDX-License-Identifier: Apache-2.0
/*
 * bench_fold.c - what an event costs once it is decoded: encode, decode, fold, and where that goes.
 *
 *     bench_fold [--seconds 0.5] [--members 1000000] [--points 1000] [--rows 8192]
 *
 * One partition, in this process, without sockets or disk, with the events of the other drivers
 * (support/events.h): a count and an average by host, for 10 k, 100 k and 1 M hosts, and a board of
 * players. Members and hosts are uniformly random. The parts of a fold are differences between
 * partitions that have one definition more, over the same batches:
 *
 *     select    which rows count: watermark, lateness
 *     grouping  the labels' series: grouping_fold alone
 *     count     the first metric, without its grouping
 *     avg       the second, which shares the grouping
 *     board     the board
 *
 * Times are processor time of the one thread. The batches' times go on with every round, 100 k
 * events a second of event time, so that panes come and go as they do in life.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/catalog.h"
#include "engine/partition.h"
#include "metric/grouping.h"
#include "model/batch.h"
#include "support/events.h"
#include "support/figures.h"
#include "support/random.h"

#define BATCHES 256u
#define EVENTS_A_SECOND 100000u
#define DISORDER_MS 1000u
#define START_MS 1700000000000
#define HOST_COLUMN 1u
#define TIME_COLUMN 4u

struct bench {
    struct events_shape shape;
    double seconds;
    uint32_t rows; /* of a batch */
    struct stream_def stream;
    uint32_t stream_id;
    struct batch *batches[BATCHES];
    int64_t step_ms; /* how much event time all batches span */
};

/* What a partition is given to do. */
enum { WITH_COUNT = 1, WITH_AVG = 2, WITH_BOARD = 4 };

static void define(struct partition *partition, enum definition_kind kind, const char *name,
                   const char *definition)
{
    json_t *tree = json_loads(definition, 0, NULL);
    struct bytes record = {0};
    struct err err = {0};
    bool unchanged;

    if (catalog_prepare(partition_catalog(partition), kind, name, tree, 1, "bench", &record,
                        &unchanged, &err) < 0 ||
        partition_define(partition, bytes_span(&record), &err) < 0)
        figures_fail("%s", err.text);
    bytes_done(&record);
    json_decref(tree);
}

static struct partition *make_partition(int with)
{
    struct partition_limits limits = {2000000,  100000, 1000000, 10000, 64,
                                      50000000, 100000, 1000,    1000};
    struct partition *partition = partition_new(0, &limits);

    define(partition, DEFINITION_STREAM, EVENTS_STREAM,
           "{\"fields\":{\"player\":\"string\",\"host\":\"string\",\"points\":\"int\","
           "\"load\":\"float\",\"at\":\"time\"},\"key\":\"player\",\"time\":\"at\"}");
    if ((with & WITH_COUNT) != 0)
        define(partition, DEFINITION_METRIC, EVENTS_METRIC_COUNT,
               "{\"stream\":\"" EVENTS_STREAM "\",\"value\":\"count()\",\"by\":[\"host\"],"
               "\"every\":\"10s\",\"keep\":\"2m\"}");
    if ((with & WITH_AVG) != 0)
        define(partition, DEFINITION_METRIC, EVENTS_METRIC_AVG,
               "{\"stream\":\"" EVENTS_STREAM "\",\"value\":\"avg(load)\",\"by\":[\"host\"],"
               "\"every\":\"10s\",\"keep\":\"2m\"}");
    if ((with & WITH_BOARD) != 0)
        define(partition, DEFINITION_BOARD, EVENTS_BOARD,
               "{\"stream\":\"" EVENTS_STREAM "\",\"member\":\"player\","
               "\"score\":\"sum(points)\"}");
    return partition;
}

static void append(const struct bench *bench, struct batch *batch, struct random *random,
                   uint32_t member, uint32_t host, int64_t event_ms)
{
    struct cell cells[5];
    char player[24];
    char name[24];
    uint64_t bits = random_next(random);

    for (uint32_t i = 0; i < 5; i++)
        cells[i].present = true;
    events_member(player, sizeof(player), member);
    events_host(name, sizeof(name), host);
    cells[0].text = span_of(player);
    cells[1].text = span_of(name);
    cells[2].i = (int64_t)((bits & 0xffffffffu) % bench->shape.points);
    cells[3].f = (double)((bits >> 32) % 1000000) / 1000000;
    cells[4].i = event_ms;
    batch_append(batch, cells);
}

static void make_batches(struct bench *bench)
{
    struct random random = {3};
    uint64_t event = 0;

    for (uint32_t i = 0; i < BATCHES; i++) {
        struct batch *batch = batch_new(&bench->stream, bench->stream_id);

        for (uint32_t row = 0; row < bench->rows; row++, event++)
            append(bench, batch, &random, random_below(&random, bench->shape.members),
                   random_below(&random, bench->shape.series),
                   START_MS + (int64_t)(event * 1000 / EVENTS_A_SECOND) -
                       random_below(&random, DISORDER_MS));
        batch_stamp(batch, START_MS);
        bench->batches[i] = batch;
    }
    bench->step_ms = (int64_t)(event * 1000 / EVENTS_A_SECOND) + 1;
}

static void free_batches(struct bench *bench)
{
    for (uint32_t i = 0; i < BATCHES; i++)
        batch_free(bench->batches[i]);
}

static void shift_times(struct bench *bench)
{
    for (uint32_t i = 0; i < BATCHES; i++)
        for (uint32_t row = 0; row < bench->rows; row++)
            bench->batches[i]->columns[TIME_COLUMN].ints[row] += bench->step_ms;
}

static void fold(struct partition *partition, struct batch *batch)
{
    struct err err = {0};

    if (partition_fold(partition, batch, NULL, &err) < 0)
        figures_fail("%s", err.text);
}

/* Every member and every host once. */
static void fill(struct bench *bench, struct partition *partition)
{
    struct random random = {4};
    uint32_t count =
        bench->shape.members > bench->shape.series ? bench->shape.members : bench->shape.series;
    struct batch *batch = batch_new(&bench->stream, bench->stream_id);

    for (uint32_t i = 0; i < count;) {
        batch_reset(batch);
        for (uint32_t row = 0; row < bench->rows && i < count; row++, i++)
            append(bench, batch, &random, i % bench->shape.members, i % bench->shape.series,
                   START_MS);
        batch_stamp(batch, START_MS);
        fold(partition, batch);
    }
    batch_free(batch);
}

/* Nanoseconds an event. */
static double measure(struct bench *bench, int with)
{
    struct partition *partition = make_partition(with);
    uint64_t spent_ns = 0;
    uint64_t events = 0;

    fill(bench, partition);
    for (uint32_t round = 0; round < 2 || (double)spent_ns < bench->seconds * 1e9; round++) {
        uint64_t begin_ns;

        shift_times(bench);
        begin_ns = figures_thread_ns();
        for (uint32_t i = 0; i < BATCHES; i++)
            fold(partition, bench->batches[i]);
        if (round == 0)
            continue; /* the first one grows what the following reuse */
        spent_ns += figures_thread_ns() - begin_ns;
        events += (uint64_t)BATCHES * bench->rows;
    }
    partition_free(partition);
    return (double)spent_ns / (double)events;
}

static double measure_grouping(struct bench *bench)
{
    uint32_t by = HOST_COLUMN;
    uint32_t *rows = bytes_alloc(bench->rows * sizeof(rows[0]));
    uint32_t *series = bytes_alloc(bench->rows * sizeof(series[0]));
    struct grouping grouping;
    uint64_t spent_ns = 0;
    uint64_t events = 0;

    for (uint32_t row = 0; row < bench->rows; row++)
        rows[row] = row;
    grouping_init(&grouping, &by, 1, true, 2000000);
    for (uint32_t round = 0; round < 2 || (double)spent_ns < bench->seconds * 1e9; round++) {
        uint64_t begin_ns = figures_thread_ns();

        for (uint32_t i = 0; i < BATCHES; i++)
            grouping_fold(&grouping, bench->batches[i], rows, bench->rows, series);
        if (round == 0)
            continue;
        spent_ns += figures_thread_ns() - begin_ns;
        events += (uint64_t)BATCHES * bench->rows;
    }
    grouping_done(&grouping);
    free(rows);
    free(series);
    return (double)spent_ns / (double)events;
}

static void measure_codec(struct bench *bench)
{
    struct bytes encoded = {0};
    uint64_t encode_ns = 0;
    uint64_t decode_ns = 0;
    double bytes = 0;
    double events = (double)BATCHES * bench->rows;

    for (uint32_t i = 0; i < BATCHES; i++) {
        struct batch *decoded;
        struct err err;
        uint64_t times[3];

        bytes_clear(&encoded);
        times[0] = figures_thread_ns();
        batch_encode(bench->batches[i], &encoded);
        times[1] = figures_thread_ns();
        if (batch_decode(&decoded, encoded.data, encoded.size, &err) < 0)
            figures_fail("%s", err.text);
        times[2] = figures_thread_ns();
        batch_free(decoded);
        encode_ns += times[1] - times[0];
        decode_ns += times[2] - times[1];
        bytes += (double)encoded.size;
    }
    bytes_done(&encoded);
    printf("batches of %u rows: encode %.1f ns, decode %.1f ns, %.1f bytes an event\n", bench->rows,
           (double)encode_ns / events, (double)decode_ns / events, bytes / events);
    figures_print("fold.encode", (double)encode_ns / events, "ns/event");
    figures_print("fold.decode", (double)decode_ns / events, "ns/event");
    figures_print("fold.journal", bytes / events, "bytes/event");
}

static void measure_parts(struct bench *bench)
{
    double select = measure(bench, 0);
    double count = measure(bench, WITH_COUNT);
    double both = measure(bench, WITH_COUNT | WITH_AVG);
    double board = measure(bench, WITH_BOARD);
    double all = measure(bench, WITH_COUNT | WITH_AVG | WITH_BOARD);
    double grouping = measure_grouping(bench);
    char name[64];

    printf("%7u series, %u members: all %.0f ns an event = select %.0f + grouping %.0f + count "
           "%.0f + avg %.0f + board %.0f\n",
           bench->shape.series, bench->shape.members, all, select, grouping,
           count - select - grouping, both - count, board - select);
    snprintf(name, sizeof(name), "fold.all.%u", bench->shape.series);
    figures_print(name, all, "ns/event");
}

int main(int argc, char **argv)
{
    static const uint32_t series[] = {10000, 100000, 1000000};
    struct bench bench = {
        .seconds = figures_option_number(argc, argv, "--seconds", 0.5),
        .rows = (uint32_t)figures_option_number(argc, argv, "--rows", 8192),
    };
    struct partition *partition;

    bench.shape.members = (uint32_t)figures_option_number(argc, argv, "--members", 1000000);
    bench.shape.points = (uint32_t)figures_option_number(argc, argv, "--points", 1000);
    figures_end_options(argc, argv,
                        "bench_fold [--seconds S] [--members N] [--points N] [--rows N]");
    if (bench.seconds <= 0 || bench.rows == 0 || bench.shape.members == 0 ||
        bench.shape.points == 0)
        figures_fail("a number is out of range");
    partition = make_partition(0);
    bench.stream = partition_catalog(partition)->streams[0]->def;
    bench.stream_id = partition_catalog(partition)->streams[0]->id;
    partition_free(partition);
    for (uint32_t i = 0; i < sizeof(series) / sizeof(series[0]); i++) {
        bench.shape.series = series[i];
        make_batches(&bench);
        if (i == 0)
            measure_codec(&bench);
        measure_parts(&bench);
        free_batches(&bench);
    }
    return 0;
}
