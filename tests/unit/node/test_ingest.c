// SPDX-License-Identifier: Apache-2.0
/* test_ingest.c - every row of every request is decided once, and batches are sent in time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engine/catalog.h"
#include "engine/partition.h"
#include "journal/journal.h"
#include "model/batch.h"
#include "support/journal_held.h"
#include "support/node/node_client.h"
#include "support/node/node_harness.h"

#define FEEDS 120

static uint32_t stream_id(const struct node_harness *harness, const char *name)
{
    return catalog_find_stream(harness->node->workers[0].catalog, span_of(name))->id;
}

/* Rows that all partitions have accepted; after the node has stopped. */
static uint64_t folded_rows(const struct node_harness *harness, const char *stream)
{
    struct partition_stream_stat stat;
    uint64_t rows = 0;

    for (uint32_t i = 0; i < harness->node->partition_count; i++) {
        assert_true(partition_stream_stat(harness->node->hosts[i].partition,
                                          stream_id(harness, stream), &stat));
        rows += stat.rows;
    }
    return rows;
}

static void flood(uint32_t workers, uint32_t partitions, const struct journal_ops *journal)
{
    static const char *const streams[] = {"plays", "steps", "notes"};
    char settings[96];
    struct node_harness *harness;
    struct node_feed feeds[FEEDS] = {{0}};
    struct tally done = TALLY_INIT;
    struct err err = {0};
    uint64_t count[3] = {0};

    snprintf(settings, sizeof(settings), "workers: %u\npartitions: %u\nbatch_bytes: 8KiB\n",
             workers, partitions);
    harness = node_harness_new(settings, NULL, journal);
    node_harness_ready(harness);
    for (uint32_t i = 0; i < FEEDS; i++) {
        feeds[i] =
            (struct node_feed){streams[i % 3], i * 1000, 1 + i * 7 % 400, 100, .done = &done};
        count[i % 3] += feeds[i].count;
        node_feed_post(harness, i % workers, &feeds[i]);
    }
    tally_wait(&done, FEEDS);
    for (uint32_t i = 0; i < FEEDS; i++) {
        assert_int_equal(feeds[i].done_count, 1);
        assert_int_equal(feeds[i].accepted, feeds[i].count);
        assert_int_equal(feeds[i].duplicates + feeds[i].late + feeds[i].rejected, 0);
        assert_int_equal(feeds[i].failed, 0);
        assert_in_range(feeds[i].offset_count, 1, partitions);
    }
    assert_int_equal(node_client_points(harness, workers - 1), count[0]);
    assert_int_equal(atomic_load(&harness->node->ingest_bytes), 0);
    assert_int_equal(node_harness_stop(harness, &err), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(folded_rows(harness, streams[i]), count[i]);
    node_harness_free(harness);
}

static void test_every_request_is_decided_once(void **state)
{
    (void)state;
    flood(1, 1, &journal_memory);
    flood(1, 8, &journal_memory);
    flood(2, 4, &journal_file);
    flood(3, 2, &journal_memory);
    flood(4, 7, &journal_memory);
}

static void test_duplicates(void **state)
{
    struct node_harness *harness =
        node_harness_new("workers: 2\npartitions: 4\n", NULL, &journal_memory);
    struct node_feed feed = {"plays", 0, 1000, 10, .done = NULL};

    (void)state;
    node_harness_ready(harness);
    node_feed_run(harness, 0, &feed);
    assert_int_equal(feed.accepted, 1000);
    feed = (struct node_feed){"plays", 500, 1000, 10, .done = NULL};
    node_feed_run(harness, 1, &feed); /* by whatever worker: the key picks the partition */
    assert_int_equal(feed.accepted, 500);
    assert_int_equal(feed.duplicates, 500);
    assert_int_equal(node_client_points(harness, 0), 1500);
    node_harness_free(harness);
}

/* ---- order ---- */

struct seen_order {
    uint32_t stream_id;
    int64_t last[64]; /* of each player, the greatest number so far */
    uint64_t rows;
    uint64_t wrong;
};

/* A row's points say its number; players' numbers must grow. */
static int check_order(void *context, const struct journal_record *record, struct err *err)
{
    struct seen_order *seen = context;
    struct batch *batch;

    if (record->type != JOURNAL_BATCH)
        return 0;
    assert_int_equal(batch_decode(&batch, record->payload.data, record->payload.size, err), 0);
    assert_int_equal(record->count, batch->row_count);
    for (uint32_t row = 0; batch->stream_id == seen->stream_id && row < batch->row_count; row++) {
        struct span player = batch_string(&batch->columns[0], batch->columns[0].codes[row]);
        int64_t number = batch->columns[1].ints[row];
        int at = player.data[1] - '0'; /* p0 to p7 */

        seen->rows++;
        seen->wrong += number <= seen->last[at];
        seen->last[at] = number;
    }
    batch_free(batch);
    return 0;
}

#define ORDER_ROUNDS 60
#define ORDER_ROWS 64

struct ordered {
    struct ingest_request request;
    uint32_t player;
    int64_t next;
    uint32_t rounds;
    struct tally *done;
};

static void give_round(void *context, struct worker *worker);

static void on_round(struct ingest_request *request)
{
    struct ordered *ordered = request->context;

    ingest_request_done(request);
    tally_add(ordered->done, 1);
}

/* Does not wait for what was given before: the order must hold without that. */
static void give_round(void *context, struct worker *worker)
{
    struct ordered *ordered = context;
    const struct catalog_stream *stream =
        catalog_find_stream(worker->catalog, SPAN_LITERAL("notes"));
    char player[16];
    struct cell cells[2];

    ingest_request_init(&ordered->request, worker, stream);
    ordered->request.context = ordered;
    ordered->request.done = on_round;
    snprintf(player, sizeof(player), "p%u", ordered->player);
    for (uint32_t i = 0; i < ORDER_ROWS; i++) {
        cells[0] = (struct cell){.present = true, .text = span_of(player)};
        cells[1] = (struct cell){.present = true, .i = ++ordered->next};
        ingest_row(&ordered->request, cells, i + 1);
    }
    ingest_end(&ordered->request);
}

static void test_order_of_a_key(void **state)
{
    struct node_harness *harness =
        node_harness_new("workers: 2\npartitions: 3\nbatch_bytes: 4KiB\n"
                         "streams: {notes: {fields: {player: string, points: int}, key: player}}\n",
                         NULL, &journal_memory);
    struct ordered(*ordered)[ORDER_ROUNDS] = calloc(8, sizeof(*ordered));
    struct tally done = TALLY_INIT;
    struct seen_order seen = {0};
    struct err err = {0};

    (void)state;
    node_harness_ready(harness);
    for (uint32_t round = 0; round < ORDER_ROUNDS; round++)
        for (uint32_t player = 0; player < 8; player++) {
            ordered[player][round] = (struct ordered){
                .player = player, .next = (int64_t)round * ORDER_ROWS, .done = &done};
            node_harness_post(harness, player % 2, give_round, &ordered[player][round]);
        }
    tally_wait(&done, 8 * ORDER_ROUNDS);
    assert_int_equal(node_harness_stop(harness, &err), 0);
    seen.stream_id = stream_id(harness, "notes");
    for (uint32_t i = 0; i < 3; i++) {
        struct journal *journal = harness->node->hosts[i].journal;

        assert_int_equal(journal->ops->read(journal, 0, check_order, &seen, &err), 0);
    }
    assert_int_equal(seen.rows, 8 * ORDER_ROUNDS * ORDER_ROWS);
    assert_int_equal(seen.wrong, 0);
    free(ordered);
    node_harness_free(harness);
}

/* ---- when batches are sent ---- */

static uint64_t commits(const struct node_harness *harness, uint32_t partition)
{
    struct journal *journal = harness->node->hosts[partition].journal;
    struct journal_stat stat;

    journal->ops->stat(journal, &stat);
    return stat.commit_count;
}

static void test_a_lone_row_does_not_wait(void **state)
{
    struct node_harness *harness =
        node_harness_new("workers: 1\npartitions: 1\ncommit_delay: 1s\n", NULL, &journal_memory);
    struct node_feed feed = {"plays", 0, 1, 1, .done = NULL};
    uint64_t start_ns;

    (void)state;
    node_harness_ready(harness);
    start_ns = clock_mono_ns(&clock_system);
    for (uint64_t i = 0; i < 20; i++) {
        feed = (struct node_feed){"plays", i, 1, 1, .done = NULL};
        node_feed_run(harness, 0, &feed);
    }
    assert_true(clock_mono_ns(&clock_system) - start_ns < 10 * UINT64_C(1000000000));
    node_harness_free(harness);
}

/* While a commit is under way rows gather, until the batch is old enough; then they queue. */
static void test_batches_grow_while_busy(void **state)
{
    struct node_harness *harness;
    struct node_feed feeds[50] = {{0}};
    struct tally done = TALLY_INIT;
    uint64_t before;

    (void)state;
    journal_held_reset(&journal_memory);
    harness =
        node_harness_new("workers: 1\npartitions: 1\ncommit_delay: 5ms\n", NULL, &journal_held);
    node_harness_ready(harness);
    before = commits(harness, 0);
    journal_held_commits(true);
    feeds[0] = (struct node_feed){"plays", 0, 1, 1, .done = &done};
    node_feed_post(harness, 0, &feeds[0]);
    assert_true(journal_held_wait_commits(1));
    for (uint32_t i = 1; i < 50; i++) {
        feeds[i] = (struct node_feed){"plays", i, 1, 1, .done = &done};
        node_feed_post(harness, 0, &feeds[i]);
    }
    assert_int_equal(tally_get(&done), 0); /* nothing is acknowledged that is not committed */
    journal_held_commits(false);
    tally_wait(&done, 50);
    assert_in_range(commits(harness, 0), before + 2, before + 30);
    node_harness_free(harness);
}

struct weights {
    uint64_t records;
    uint64_t rows_max;
};

static int weigh(void *context, const struct journal_record *record, struct err *err)
{
    struct weights *weights = context;

    (void)err;
    if (record->type != JOURNAL_BATCH)
        return 0;
    weights->records++;
    if (record->count > weights->rows_max)
        weights->rows_max = record->count;
    return 0;
}

static void test_batches_are_cut_by_size(void **state)
{
    struct node_harness *harness =
        node_harness_new("workers: 1\npartitions: 1\nbatch_bytes: 4KiB\n", NULL, &journal_memory);
    struct node_feed feed = {"plays", 0, 20000, 1000, .done = NULL};
    struct weights weights = {0};
    struct journal *journal = harness->node->hosts[0].journal;
    struct err err = {0};

    (void)state;
    node_harness_ready(harness);
    node_feed_run(harness, 0, &feed);
    assert_int_equal(feed.accepted, 20000);
    assert_int_equal(journal->ops->read(journal, 0, weigh, &weights, &err), 0);
    assert_in_range(weights.records, 20000 / 1024, 20000 / 32);
    assert_in_range(weights.rows_max, 32, 1024);
    node_harness_free(harness);
}

/* ---- refusing ---- */

static void reject_two(void *context, struct worker *worker)
{
    struct node_feed *feed = context;
    const struct catalog_stream *stream =
        catalog_find_stream(worker->catalog, SPAN_LITERAL("steps"));
    struct ingest_request request;
    struct span reason;
    struct cell cells[3] = {{.present = true, .text = SPAN_LITERAL("p1")},
                            {.present = true, .i = 1},
                            {.present = true, .i = worker->now_ms + 3600000}};

    ingest_request_init(&request, worker, stream);
    ingest_row(&request, cells, 7);
    for (int i = 0; i < 200; i++)
        ingest_reject(&request, 8 + (uint64_t)i, "no good");
    feed->rejected = request.rejected;
    assert_int_equal(request.reject_count, 100);
    assert_int_equal(request.rejects[0].line, 7);
    reason = ingest_reject_reason(&request, 0);
    assert_non_null(memmem(reason.data, reason.size, "in the future", strlen("in the future")));
    assert_int_equal(ingest_reject_reason(&request, 99).size, strlen("no good"));
    assert_int_equal(request.pending, 0);
    ingest_request_done(&request);
}

static void test_rejects_are_counted_and_listed(void **state)
{
    struct node_harness *harness = node_harness_new("workers: 1\n", NULL, &journal_memory);
    struct node_feed feed = {0};

    (void)state;
    node_harness_ready(harness);
    node_harness_run(harness, 0, reject_two, &feed);
    assert_int_equal(feed.rejected, 201);
    node_harness_free(harness);
}

static void test_request_without_rows(void **state)
{
    struct node_harness *harness = node_harness_new("workers: 1\n", NULL, &journal_memory);
    struct node_feed feed = {"plays", 0, 0, 1, .done = NULL};

    (void)state;
    node_harness_ready(harness);
    node_feed_run(harness, 0, &feed);
    assert_int_equal(feed.done_count, 1);
    assert_int_equal(feed.accepted, 0);
    assert_int_equal(feed.offset_count, 0);
    node_harness_free(harness);
}

static void ask_full(void *context, struct worker *worker)
{
    *(uint32_t *)context = ingest_is_full(worker) + 2u * ingest_is_tight(worker);
}

static void test_bytes_in_flight(void **state)
{
    struct node_harness *harness;
    struct node_feed feed = {"plays", 0, 200000, 1000, .done = NULL};
    struct tally done = TALLY_INIT;
    uint32_t full = 9;

    (void)state;
    journal_held_reset(&journal_memory);
    harness =
        node_harness_new("workers: 2\npartitions: 2\n"
                         "limits: {ingest_bytes: 1MiB, body_bytes: 64KiB, line_bytes: 4KiB}\n",
                         NULL, &journal_held);
    node_harness_ready(harness);
    node_harness_run(harness, 1, ask_full, &full);
    assert_int_equal(full, 0);
    journal_held_commits(true);
    feed.done = &done;
    node_feed_post(harness, 0, &feed);
    assert_true(journal_held_wait_commits(2));
    node_harness_run(harness, 0, ask_full, &full); /* all rows have been given by then */
    assert_int_equal(full, 3);
    node_harness_run(harness, 1, ask_full, &full); /* what one takes in counts for all */
    assert_int_equal(full, 3);
    journal_held_commits(false);
    tally_wait(&done, 1);
    node_harness_run(harness, 1, ask_full, &full);
    assert_int_equal(full, 0);
    node_harness_free(harness);
}

/* ---- streams without a key ---- */

static void test_rows_without_a_key_use_all_partitions(void **state)
{
    struct node_harness *harness =
        node_harness_new("workers: 2\npartitions: 6\nbatch_bytes: 4KiB\n", NULL, &journal_memory);
    struct partition_stream_stat stat;
    struct err err = {0};

    (void)state;
    node_harness_ready(harness);
    for (uint32_t i = 0; i < 2; i++) {
        struct node_feed feed = {"notes", 0, 20000, 1000, .done = NULL};

        node_feed_run(harness, i, &feed);
        assert_int_equal(feed.accepted, 20000);
        assert_int_equal(feed.offset_count, 3); /* the worker's own */
    }
    assert_int_equal(node_harness_stop(harness, &err), 0);
    for (uint32_t i = 0; i < 6; i++) {
        assert_true(partition_stream_stat(harness->node->hosts[i].partition,
                                          stream_id(harness, "notes"), &stat));
        assert_true(stat.rows > 0);
    }
    assert_int_equal(folded_rows(harness, "notes"), 40000);
    node_harness_free(harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_request_is_decided_once),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_order_of_a_key),
        cmocka_unit_test(test_a_lone_row_does_not_wait),
        cmocka_unit_test(test_batches_grow_while_busy),
        cmocka_unit_test(test_batches_are_cut_by_size),
        cmocka_unit_test(test_rejects_are_counted_and_listed),
        cmocka_unit_test(test_request_without_rows),
        cmocka_unit_test(test_bytes_in_flight),
        cmocka_unit_test(test_rows_without_a_key_use_all_partitions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
