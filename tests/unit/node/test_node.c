// SPDX-License-Identifier: Apache-2.0
/*
 * test_node.c - a node from start to stop: what it answers for after, and that it always ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/partition.h"
#include "journal/journal.h"
#include "model/batch.h"
#include "support/journal_held.h"
#include "support/node/node_client.h"
#include "support/node/node_harness.h"

static void test_starts_and_stops(void **state)
{
    (void)state;
    for (uint32_t workers = 1; workers <= 3; workers++)
        for (uint32_t partitions = 1; partitions <= 8; partitions += 3) {
            char settings[64];
            struct node_harness *harness;

            snprintf(settings, sizeof(settings), "workers: %u\npartitions: %u\n", workers,
                     partitions);
            harness = node_harness_new(settings, NULL, &journal_memory);
            assert_int_equal(node_worker_count(harness->node), workers);
            assert_int_equal(node_partition_count(harness->node), partitions);
            node_harness_ready(harness);
            assert_int_equal(node_state(harness->node), NODE_READY);
            node_harness_free(harness);
        }
}

static void test_never_started(void **state)
{
    struct node_harness *harness = node_harness_new("workers: 2\n", NULL, &journal_memory);

    (void)state;
    node_harness_free(harness);
}

static void test_journal_that_does_not_open(void **state)
{
    struct node_harness *harness;
    struct err err = {0};

    (void)state;
    journal_held_reset(&journal_memory);
    journal_held_fail_open(2);
    assert_int_equal(
        node_harness_try_new(&harness, "workers: 2\npartitions: 4\n", NULL, &journal_held, &err),
        ERR_IO);
    assert_non_null(strstr(err.text, "partition 2: this journal was told not to open"));
    assert_int_equal(journal_held_open_count(), 0);
}

/* Stops at once, in whatever state it is by then. */
static void test_stop_at_any_time(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++) {
        struct node_harness *harness =
            node_harness_new("workers: 3\npartitions: 4\n", NULL, &journal_memory);
        struct err err = {0};

        node_harness_start(harness);
        if (i % 3 > 0)
            tally_wait(&harness->started, (uint64_t)i % 3);
        assert_int_equal(node_harness_stop(harness, &err), 0);
        assert_int_equal(node_state(harness->node), NODE_DRAINING);
        assert_int_equal(tally_get(&harness->started), 3);
        assert_int_equal(tally_get(&harness->closed), 3);
        node_harness_free(harness);
    }
}

static void test_worker_that_does_not_start(void **state)
{
    (void)state;
    for (int32_t failing = 0; failing < 3; failing++) {
        struct node_harness *harness =
            node_harness_new("workers: 3\npartitions: 3\n", NULL, &journal_memory);
        struct err err = {0};

        harness->fail_start = failing;
        node_harness_start(harness);
        assert_int_equal(node_join(harness->node, &err), ERR_UNAVAILABLE);
        assert_non_null(strstr(err.text, "was told not to start"));
        assert_int_equal(node_state(harness->node), NODE_FAILED);
        assert_int_equal(tally_get(&harness->states[NODE_READY]), 0);
        assert_int_equal(tally_get(&harness->closed), 3);
        node_harness_free(harness);
    }
}

static void feed(struct node_harness *harness, uint32_t worker, uint64_t first, uint64_t count)
{
    struct node_feed feed = {"plays", first, count, 97, .done = NULL};

    node_feed_run(harness, worker, &feed);
    assert_int_equal(feed.accepted, count);
    assert_int_equal(feed.failed, 0);
}

static void test_restart_folds_the_same(void **state)
{
    static const char settings[] = "workers: 2\npartitions: 4\n";
    struct node_harness *first = node_harness_new(settings, NULL, &journal_file);
    struct node_harness *second;
    struct err err = {0};
    uint64_t hash;

    (void)state;
    node_harness_ready(first);
    feed(first, 0, 0, 3000);
    feed(first, 1, 3000, 2000);
    assert_int_equal(node_client_define(first, 1, DEFINITION_METRIC, "by_player",
                                        "{'stream':'plays','value':'count()','by':['player'],"
                                        "'every':'1m'}",
                                        0, &err),
                     0);
    feed(first, 1, 5000, 1000);
    assert_int_equal(node_client_points(first, 0), 6000);
    assert_int_equal(node_harness_stop(first, &err), 0);
    hash = node_harness_hash(first);
    node_harness_end(first);

    second = node_harness_new(settings, first->folder, &journal_file);
    node_harness_ready(second);
    assert_int_equal(node_client_points(second, 1), 6000);
    assert_int_equal(node_harness_stop(second, &err), 0);
    assert_int_equal(node_harness_hash(second), hash);
    node_harness_free(second);
    node_harness_free(first);
}

static int count_rows(void *context, const struct journal_record *record, struct err *err)
{
    (void)err;
    if (record->type == JOURNAL_BATCH)
        *(uint64_t *)context += record->count;
    return 0;
}

static uint64_t rows_in_journals(const struct node_harness *harness)
{
    struct err err = {0};
    uint64_t rows = 0;

    for (uint32_t i = 0; i < harness->node->partition_count; i++) {
        struct journal *journal = harness->node->hosts[i].journal;

        assert_int_equal(journal->ops->read(journal, 0, count_rows, &rows, &err), 0);
    }
    return rows;
}

#define FEEDS 40

/* Everything that was given is decided, and what was acknowledged is in the journals. */
static void test_stop_while_busy(void **state)
{
    struct node_harness *harness;
    struct node_feed feeds[FEEDS] = {{0}};
    struct tally done = TALLY_INIT;
    struct err err = {0};
    uint64_t accepted = 0;

    (void)state;
    journal_held_reset(&journal_memory);
    harness =
        node_harness_new("workers: 3\npartitions: 4\nbatch_bytes: 4KiB\n", NULL, &journal_held);
    node_harness_ready(harness);
    journal_held_commits(true);
    for (uint32_t i = 0; i < FEEDS; i++) {
        feeds[i] = (struct node_feed){"plays", i * 500, 500, 50, .done = &done};
        node_feed_post(harness, i % 3, &feeds[i]);
    }
    assert_true(journal_held_wait_commits(4));
    node_stop(harness->node);
    journal_held_commits(false);
    assert_int_equal(node_join(harness->node, &err), 0);
    assert_int_equal(tally_get(&done), FEEDS);
    for (uint32_t i = 0; i < FEEDS; i++) {
        assert_int_equal(feeds[i].done_count, 1);
        accepted += feeds[i].accepted;
    }
    assert_int_equal(accepted, FEEDS * 500);
    assert_int_equal(rows_in_journals(harness), accepted);
    node_harness_free(harness);
}

static void test_stop_during_recovery(void **state)
{
    static const char settings[] = "workers: 2\npartitions: 4\n";
    struct node_harness *first;
    struct node_harness *second;
    struct err err = {0};
    uint64_t total;
    uint64_t done;

    (void)state;
    journal_held_reset(&journal_file);
    first = node_harness_new(settings, NULL, &journal_held);
    node_harness_ready(first);
    feed(first, 0, 0, 1000);
    node_harness_end(first);

    journal_held_reads(true);
    second = node_harness_new(settings, first->folder, &journal_held);
    node_harness_start(second);
    assert_true(journal_held_wait_reads(2));
    assert_int_equal(node_state(second->node), NODE_RECOVERING);
    node_recovery(second->node, &done, &total);
    assert_true(done < total);
    node_stop(second->node);
    tally_wait(&second->closed, 2); /* nothing waits for the replay but the threads' ends */
    journal_held_reads(false);
    assert_int_equal(node_join(second->node, &err), 0);
    assert_int_equal(tally_get(&second->states[NODE_READY]), 0);
    for (uint32_t i = 0; i < 4; i++) /* it did not go on replaying either */
        assert_int_equal(second->node->hosts[i].definition_count, 0);
    node_harness_free(second);
    node_harness_free(first);
}

static int no_definition(struct journal **out_journal, const struct journal_options *options,
                         struct err *err)
{
    struct journal_record record = {
        .type = JOURNAL_DEFINITION, .count = 1, .payload = SPAN_LITERAL("{\"op\":\"put\"}")};
    int rc = journal_memory.open(out_journal, options, err);

    if (rc == 0 && options->partition == 1) {
        assert_int_equal(journal_memory.append(*out_journal, &record, err), 0);
        journal_memory.seal(*out_journal);
        assert_int_equal(journal_memory.commit(*out_journal, err), 0);
    }
    return rc;
}

static void test_journal_that_does_not_replay(void **state)
{
    static struct journal_ops ops;
    struct node_harness *harness;
    struct err err = {0};

    (void)state;
    ops = journal_memory;
    ops.open = no_definition;
    harness = node_harness_new("workers: 2\npartitions: 3\n", NULL, &ops);
    node_harness_start(harness);
    assert_int_equal(node_join(harness->node, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.text, "partition 1, offset 0"));
    assert_int_equal(node_state(harness->node), NODE_FAILED);
    node_harness_free(harness);
}

static void test_config_that_does_not_fit(void **state)
{
    struct node_harness *harness =
        node_harness_new("streams: {a: {fields: {x: string}, key: x}}\n"
                         "boards: {b: {stream: nope, member: x, score: count()}}\n",
                         NULL, &journal_memory);
    struct err err = {0};

    (void)state;
    node_harness_start(harness);
    assert_int_equal(node_join(harness->node, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "test.yaml:"));
    assert_non_null(strstr(err.text, "nope"));
    node_harness_free(harness);
}

static void stop_it(void *context, struct worker *worker)
{
    (void)context;
    node_stop(worker->node);
    node_stop(worker->node);
}

static void test_stop_from_a_worker_twice(void **state)
{
    struct node_harness *harness = node_harness_new("workers: 3\n", NULL, &journal_memory);
    struct err err = {0};

    (void)state;
    node_harness_ready(harness);
    for (uint32_t i = 0; i < 3; i++)
        node_harness_post(harness, i, stop_it, NULL);
    assert_int_equal(node_harness_stop(harness, &err), 0);
    assert_int_equal(tally_get(&harness->states[NODE_DRAINING]), 1);
    node_harness_free(harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_and_stops),
        cmocka_unit_test(test_never_started),
        cmocka_unit_test(test_journal_that_does_not_open),
        cmocka_unit_test(test_stop_at_any_time),
        cmocka_unit_test(test_worker_that_does_not_start),
        cmocka_unit_test(test_restart_folds_the_same),
        cmocka_unit_test(test_stop_while_busy),
        cmocka_unit_test(test_stop_during_recovery),
        cmocka_unit_test(test_journal_that_does_not_replay),
        cmocka_unit_test(test_config_that_does_not_fit),
        cmocka_unit_test(test_stop_from_a_worker_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
