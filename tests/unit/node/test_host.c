// SPDX-License-Identifier: Apache-2.0
/* test_host.c - a partition whose journal fails: who is told, what is folded, what goes on. */
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

/* Commits that a partition needs for the five definitions that all begin with. */
#define DEFINITIONS 5

static void test_failing_commit(void **state)
{
    struct node_harness *harness;
    struct node_feed feed = {"plays", 0, 100, 10, .done = NULL};
    struct err err = {0};
    char *text;

    (void)state;
    journal_held_reset(&journal_memory);
    journal_held_fail(0, DEFINITIONS + 2);
    harness = node_harness_new("workers: 2\npartitions: 1\n", NULL, &journal_held);
    node_harness_ready(harness);
    node_feed_run(harness, 1, &feed);
    assert_int_equal(feed.accepted, 100);

    feed = (struct node_feed){"plays", 100, 50, 10, .done = NULL};
    node_feed_run(harness, 1, &feed); /* the one that fails */
    assert_int_equal(feed.accepted, 0);
    assert_int_equal(feed.failed, 50);
    assert_int_equal(feed.failure.code, ERR_UNAVAILABLE);
    assert_non_null(strstr(feed.failure.text, "partition 0 takes no more events"));
    assert_non_null(strstr(feed.failure.text, "this failure was asked for"));

    feed = (struct node_feed){"plays", 200, 30, 10, .done = NULL};
    node_feed_run(harness, 0, &feed); /* all later ones */
    assert_int_equal(feed.failed, 30);
    assert_int_equal(feed.done_count, 1);

    assert_int_equal(node_client_points(harness, 1), 100); /* reads go on, nothing was folded */
    assert_int_equal(node_state(harness->node), NODE_READY);
    text = node_client_get(harness, 0, "status", &err);
    assert_non_null(strstr(text, "\"state\":\"failed\""));
    free(text);
    assert_int_equal(node_harness_stop(harness, &err), 0);
    node_harness_free(harness);
}

/* What is queued behind the commit that fails is refused as well, and each is told once. */
static void test_queue_behind_a_failing_commit(void **state)
{
    struct node_harness *harness;
    struct node_feed feeds[30] = {{0}};
    struct tally done = TALLY_INIT;
    uint64_t failed = 0;

    (void)state;
    journal_held_reset(&journal_memory);
    journal_held_fail(0, DEFINITIONS + 1);
    harness =
        node_harness_new("workers: 3\npartitions: 1\nbatch_bytes: 4KiB\n", NULL, &journal_held);
    node_harness_ready(harness);
    journal_held_commits(true);
    for (uint32_t i = 0; i < 30; i++) {
        feeds[i] = (struct node_feed){"plays", i * 1000, 300, 10, .done = &done};
        node_feed_post(harness, i % 3, &feeds[i]);
    }
    assert_true(journal_held_wait_commits(1));
    journal_held_commits(false);
    tally_wait(&done, 30);
    for (uint32_t i = 0; i < 30; i++) {
        assert_int_equal(feeds[i].done_count, 1);
        assert_int_equal(feeds[i].accepted, 0);
        failed += feeds[i].failed;
    }
    assert_int_equal(failed, 30 * 300);
    assert_int_equal(node_client_points(harness, 0), 0);
    assert_int_equal(atomic_load(&harness->node->ingest_bytes), 0);
    node_harness_free(harness);
}

static void test_other_partitions_go_on(void **state)
{
    struct node_harness *harness;
    uint64_t accepted = 0;
    uint64_t failed = 0;

    (void)state;
    journal_held_reset(&journal_memory);
    journal_held_fail(2, DEFINITIONS + 1);
    harness = node_harness_new("workers: 2\npartitions: 4\n", NULL, &journal_held);
    node_harness_ready(harness);
    for (uint32_t i = 0; i < 10; i++) {
        struct node_feed feed = {"plays", i * 100, 100, 100, .done = NULL};

        node_feed_run(harness, i % 2, &feed);
        assert_true(feed.accepted > 0);
        assert_true(feed.failed > 0);
        assert_int_equal(feed.accepted + feed.failed, 100);
        accepted += feed.accepted;
        failed += feed.failed;
    }
    assert_int_equal(accepted + failed, 1000);
    assert_int_equal(node_client_points(harness, 0), accepted);
    node_harness_free(harness);
}

/* Fails while the node is being stopped: it ends all the same. */
static void test_failing_while_stopping(void **state)
{
    struct node_harness *harness;
    struct node_feed feeds[12] = {{0}};
    struct tally done = TALLY_INIT;
    struct err err = {0};

    (void)state;
    journal_held_reset(&journal_memory);
    journal_held_fail(1, DEFINITIONS + 1);
    harness =
        node_harness_new("workers: 2\npartitions: 2\nbatch_bytes: 4KiB\n", NULL, &journal_held);
    node_harness_ready(harness);
    journal_held_commits(true);
    for (uint32_t i = 0; i < 12; i++) {
        feeds[i] = (struct node_feed){"plays", i * 1000, 300, 10, .done = &done};
        node_feed_post(harness, i % 2, &feeds[i]);
    }
    assert_true(journal_held_wait_commits(2));
    node_stop(harness->node);
    journal_held_commits(false);
    assert_int_equal(node_join(harness->node, &err), 0);
    assert_int_equal(tally_get(&done), 12);
    for (uint32_t i = 0; i < 12; i++) {
        assert_int_equal(feeds[i].done_count, 1);
        assert_int_equal(feeds[i].accepted + feeds[i].failed, 300);
        assert_true(feeds[i].failed > 0);
    }
    node_harness_free(harness);
}

/* Sends until all is taken, as a client with ids does; returns how often it was told to wait. */
static uint32_t feed_until_taken(struct node_harness *harness, uint64_t first, uint64_t count)
{
    uint32_t refused = 0;

    for (;;) {
        struct node_feed feed = {"plays", first, count, 10, .done = NULL};

        node_feed_run(harness, 1, &feed);
        assert_int_equal(feed.accepted + feed.duplicates + feed.failed, count);
        if (feed.failed == 0)
            return refused;
        assert_int_equal(feed.failure.code, ERR_FULL);
        assert_non_null(strstr(feed.failure.text, "as the disk is full"));
        assert_non_null(strstr(feed.failure.text, "when there is room"));
        refused++;
    }
}

/* Full at every fifth commit, and for three looks: each time it goes on by itself. */
static void test_a_full_disk_passes(void **state)
{
    struct node_harness *harness;
    uint32_t refused = 0;
    uint32_t full;
    uint32_t failed;
    struct err err = {0};
    uint64_t hash;
    char *text;

    (void)state;
    journal_held_reset(&journal_file);
    journal_held_fill(0, DEFINITIONS + 2, 3);
    harness = node_harness_new("workers: 2\npartitions: 2\n", NULL, &journal_held);
    node_harness_ready(harness);
    for (uint64_t i = 0; i < 15; i++) {
        refused += feed_until_taken(harness, i * 40, 40);
        assert_int_equal(node_client_points(harness, 0), (i + 1) * 40);
    }
    assert_true(refused > 0);
    node_refusing(harness->node, &full, &failed);
    assert_int_equal(full, 0);
    assert_int_equal(failed, 0);
    text = node_client_get(harness, 0, "status", &err);
    assert_null(strstr(text, "\"state\":\"full\""));
    free(text);
    assert_int_equal(node_harness_stop(harness, &err), 0);
    hash = node_harness_hash(harness);
    node_harness_end(harness);
    {
        struct node_harness *again;

        journal_held_reset(&journal_file);
        again = node_harness_new("workers: 2\npartitions: 2\n", harness->folder, &journal_held);
        node_harness_ready(again);
        assert_int_equal(node_client_points(again, 0), 600);
        assert_int_equal(node_harness_stop(again, &err), 0);
        assert_int_equal(node_harness_hash(again), hash);
        node_harness_free(again);
    }
    node_harness_free(harness);
}

/* While it lasts: reads go on, status tells, definitions are refused, and the node can be ended. */
static void test_a_full_disk_lasts(void **state)
{
    struct node_harness *harness;
    struct node_feed feed = {"plays", 0, 100, 10, .done = NULL};
    struct err err = {0};
    uint32_t full;
    uint32_t failed;
    char *text;

    (void)state;
    journal_held_reset(&journal_memory);
    journal_held_fill(0, DEFINITIONS + 2, 1000000);
    harness = node_harness_new("workers: 2\npartitions: 1\n", NULL, &journal_held);
    node_harness_ready(harness);
    node_feed_run(harness, 1, &feed);
    assert_int_equal(feed.accepted, 100);
    feed = (struct node_feed){"plays", 100, 50, 10, .done = NULL};
    node_feed_run(harness, 1, &feed);
    assert_int_equal(feed.failed, 50);
    assert_int_equal(feed.failure.code, ERR_FULL);
    assert_int_equal(node_client_points(harness, 1), 100);
    node_refusing(harness->node, &full, &failed);
    assert_int_equal(full, 1);
    assert_int_equal(failed, 0);
    text = node_client_get(harness, 0, "status", &err);
    assert_non_null(strstr(text, "\"state\":\"full\""));
    free(text);
    assert_int_equal(node_harness_stop(harness, &err), 0);
    node_harness_free(harness);
}

/* A definition that meets a full disk in one partition of two waits there, and is made. */
static void test_a_definition_waits_for_room(void **state)
{
    struct node_harness *harness;

    (void)state;
    for (uint64_t commit = 2; commit <= DEFINITIONS; commit++) {
        journal_held_reset(&journal_memory);
        journal_held_fill(1, commit, 2);
        harness = node_harness_new("workers: 2\npartitions: 2\n", NULL, &journal_held);
        node_harness_ready(harness); /* it begins with definitions */
        feed_until_taken(harness, 0, 100);
        assert_int_equal(node_client_points(harness, 0), 100);
        node_harness_free(harness);
    }
}

static int collect_rows(void *context, const struct journal_record *record, struct err *err)
{
    (void)err;
    if (record->type == JOURNAL_BATCH)
        *(uint64_t *)context += record->count;
    return 0;
}

/* What was acknowledged, and nothing that was refused, is there after a restart. */
static void test_restart_after_a_failure(void **state)
{
    static const char settings[] = "workers: 2\npartitions: 2\n";
    struct node_harness *first;
    struct node_harness *second;
    struct node_feed feed = {"plays", 0, 100, 10, .done = NULL};
    uint64_t accepted = 0;
    uint64_t rows = 0;
    struct err err = {0};

    (void)state;
    journal_held_reset(&journal_file);
    journal_held_fail(0, DEFINITIONS + 3);
    first = node_harness_new(settings, NULL, &journal_held);
    node_harness_ready(first);
    for (uint64_t i = 0; i < 6; i++) {
        feed = (struct node_feed){"plays", i * 100, 100, 10, .done = NULL};
        node_feed_run(first, i % 2, &feed);
        accepted += feed.accepted;
    }
    assert_true(accepted < 600);
    node_harness_end(first);

    journal_held_reset(&journal_file);
    second = node_harness_new(settings, first->folder, &journal_held);
    node_harness_ready(second);
    for (uint32_t i = 0; i < 2; i++) {
        struct journal *journal = second->node->hosts[i].journal;

        assert_int_equal(journal->ops->read(journal, 0, collect_rows, &rows, &err), 0);
    }
    assert_int_equal(rows, accepted);
    assert_int_equal(node_client_points(second, 0), accepted);
    feed = (struct node_feed){"plays", 0, 600, 10, .done = NULL};
    node_feed_run(second, 0, &feed); /* sent again: only what was refused counts */
    assert_int_equal(feed.duplicates, accepted);
    assert_int_equal(node_client_points(second, 0), 600);
    node_harness_free(second);
    node_harness_free(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failing_commit),
        cmocka_unit_test(test_queue_behind_a_failing_commit),
        cmocka_unit_test(test_other_partitions_go_on),
        cmocka_unit_test(test_failing_while_stopping),
        cmocka_unit_test(test_restart_after_a_failure),
        cmocka_unit_test(test_a_full_disk_passes),
        cmocka_unit_test(test_a_full_disk_lasts),
        cmocka_unit_test(test_a_definition_waits_for_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
