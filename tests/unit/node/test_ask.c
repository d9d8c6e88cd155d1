// SPDX-License-Identifier: Apache-2.0
/* test_ask.c - a question reaches every partition in its own thread, round by round. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal/journal.h"
#include "node/ask.h"
#include "query/read.h"
#include "support/journal_held.h"
#include "support/node/node_client.h"
#include "support/node/node_harness.h"

#define PARTITIONS_MAX 8

/* A read that counts how it is called. */
struct probe {
    struct read read; /* first */
    struct node *node;
    uint64_t rounds; /* that it wants */
    int fails;       /* what the last merge returns */
    uint64_t collects[PARTITIONS_MAX];
    uint64_t merges;
    uint64_t wrong; /* calls in a wrong thread or at a wrong time */
    uint64_t answered;
    int rc;
    struct err err;
    uv_thread_t asker;
    bool asking; /* ask_read has not returned yet */
    struct tally *done;
};

static void probe_collect(struct read *read, const struct partition *partition, uint32_t slot)
{
    struct probe *probe = (struct probe *)read;
    const struct host *host = &probe->node->hosts[slot];
    uv_thread_t self = uv_thread_self();

    if (!uv_thread_equal(&self, &host->worker->thread) || partition != host->partition ||
        probe->collects[slot] != read->round)
        __atomic_fetch_add(&probe->wrong, 1, __ATOMIC_RELAXED);
    probe->collects[slot]++; /* its own slot: nobody else writes there */
}

static int probe_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    struct probe *probe = (struct probe *)read;
    uv_thread_t self = uv_thread_self();

    probe->merges++;
    for (uint32_t i = 0; i < read->partition_count; i++)
        probe->wrong += probe->collects[i] != probe->merges;
    probe->wrong += !uv_thread_equal(&self, &probe->asker) || read->round + 1 != probe->merges;
    if (probe->merges < probe->rounds) {
        *out_step = READ_AGAIN;
        return 0;
    }
    return probe->fails < 0 ? err_set(err, probe->fails, "this probe fails") : 0;
}

static const struct read_ops probe_ops = {
    .name = "probe", .collect = probe_collect, .merge = probe_merge};

static void on_probed(void *context, struct read *read, int rc, const struct err *err)
{
    struct probe *probe = context;

    probe->wrong += read != &probe->read || probe->asking;
    probe->answered++;
    probe->rc = rc;
    if (rc < 0)
        probe->err = *err;
    tally_add(probe->done, 1);
}

static void ask_probe(void *context, struct worker *worker)
{
    struct probe *probe = context;

    probe->asker = uv_thread_self();
    probe->asking = true;
    ask_read(worker, &probe->read, on_probed, probe);
    probe->asking = false;
}

static struct probe probe_of(struct node_harness *harness, uint64_t rounds, struct tally *done)
{
    return (struct probe){
        .read = {.ops = &probe_ops, .partition_count = node_partition_count(harness->node)},
        .node = harness->node,
        .rounds = rounds,
        .done = done,
    };
}

static void test_rounds(void **state)
{
    (void)state;
    for (uint32_t workers = 1; workers <= 4; workers++) {
        char settings[64];
        struct node_harness *harness;
        struct tally done = TALLY_INIT;
        struct probe probes[20];

        snprintf(settings, sizeof(settings), "workers: %u\npartitions: %u\n", workers,
                 9 - 2 * workers);
        harness = node_harness_new(settings, NULL, &journal_memory);
        node_harness_ready(harness);
        for (uint32_t i = 0; i < 20; i++) {
            probes[i] = probe_of(harness, 1 + i % 7, &done);
            node_harness_post(harness, i % workers, ask_probe, &probes[i]);
        }
        tally_wait(&done, 20);
        for (uint32_t i = 0; i < 20; i++) {
            assert_int_equal(probes[i].answered, 1);
            assert_int_equal(probes[i].rc, 0);
            assert_int_equal(probes[i].wrong, 0);
            assert_int_equal(probes[i].merges, 1 + i % 7);
        }
        node_harness_free(harness);
    }
}

static void test_error_of_a_merge(void **state)
{
    struct node_harness *harness =
        node_harness_new("workers: 2\npartitions: 3\n", NULL, &journal_memory);
    struct tally done = TALLY_INIT;
    struct probe probe = probe_of(harness, 3, &done);

    (void)state;
    node_harness_ready(harness);
    probe.fails = ERR_NOT_FOUND;
    node_harness_post(harness, 1, ask_probe, &probe);
    tally_wait(&done, 1);
    assert_int_equal(probe.rc, ERR_NOT_FOUND);
    assert_string_equal(probe.err.text, "this probe fails");
    assert_int_equal(probe.merges, 3);
    node_harness_free(harness);
}

static void test_partial_answers_add_up(void **state)
{
    struct node_harness *harness =
        node_harness_new("workers: 3\npartitions: 5\n", NULL, &journal_memory);
    struct node_feed feed = {.stream = "plays", .count = 700, .players = 7};
    struct err err = {0};

    (void)state;
    node_harness_ready(harness);
    node_feed_run(harness, 0, &feed);
    for (uint32_t i = 0; i < 3; i++) {
        char *text = node_client_get(harness, i, "boards/season/members/p3", &err);

        assert_non_null(strstr(text, "\"score\":100"));
        free(text);
        assert_int_equal(node_client_points(harness, i), 700);
    }
    node_harness_free(harness);
}

static void test_unknown_paths(void **state)
{
    struct node_harness *harness = node_harness_new("workers: 2\n", NULL, &journal_memory);
    struct err err = {0};

    (void)state;
    node_harness_ready(harness);
    assert_null(node_client_get(harness, 1, "boards/nope/top", &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_null(node_client_get(harness, 1, "nope", &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_null(node_client_get(harness, 1, "boards/season/top?n=x", &err));
    assert_int_equal(err.code, ERR_INVALID);
    node_harness_free(harness);
}

/* The status is answered while the journals are still being replayed. */
static void test_status_while_recovering(void **state)
{
    struct node_harness *first;
    struct node_harness *second;
    struct err err = {0};
    char *text;

    (void)state;
    journal_held_reset(&journal_file);
    first = node_harness_new("workers: 2\npartitions: 2\n", NULL, &journal_held);
    node_harness_ready(first);
    node_harness_end(first);
    journal_held_reads(true);
    second = node_harness_new("workers: 2\npartitions: 2\n", first->folder, &journal_held);
    node_harness_start(second);
    assert_true(journal_held_wait_reads(2));
    text = node_client_get(second, 1, "status", &err);
    assert_non_null(strstr(text, "\"state\":\"recovering\""));
    free(text);
    journal_held_reads(false);
    tally_wait(&second->states[NODE_READY], 1);
    node_harness_free(second);
    node_harness_free(first);
}

#define PROBES 200

/* Whatever has been asked is answered, with all of its rounds, before the workers end. */
static void test_stop_while_asking(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct node_harness *harness =
            node_harness_new("workers: 4\npartitions: 3\n", NULL, &journal_memory);
        struct probe *probes = calloc(PROBES, sizeof(*probes));
        struct tally done = TALLY_INIT;
        struct err err = {0};

        node_harness_ready(harness);
        for (uint32_t j = 0; j < PROBES; j++) {
            probes[j] = probe_of(harness, 1 + j % 50, &done);
            node_harness_post(harness, j % 4, ask_probe, &probes[j]);
        }
        assert_int_equal(node_harness_stop(harness, &err), 0);
        for (uint32_t j = 0; j < PROBES; j++) {
            assert_int_equal(probes[j].answered, 1);
            assert_int_equal(probes[j].wrong, 0);
            assert_int_equal(probes[j].merges, 1 + j % 50);
        }
        free(probes);
        node_harness_free(harness);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounds),
        cmocka_unit_test(test_error_of_a_merge),
        cmocka_unit_test(test_partial_answers_add_up),
        cmocka_unit_test(test_unknown_paths),
        cmocka_unit_test(test_status_while_recovering),
        cmocka_unit_test(test_stop_while_asking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
