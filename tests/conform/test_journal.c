// SPDX-License-Identifier: Apache-2.0
/*
 * test_journal.c - what every journal promises in journal.h, checked on every backend.
 *
 * To add a backend, add a line to `backends`. What is special to one (files, damage, crashes)
 * is in tests/unit/journal.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/hash.h"
#include "journal/journal.h"
#include "support/disk_sim.h"
#include "support/journal_sample.h"

struct backend {
    const char *name;
    const struct journal_ops *ops;
    enum journal_durability durability;
    bool keeps;     /* what was committed is there after close and open */
    bool is_faulty; /* behind a journal_faulty that never fails */
    bool on_sim;    /* on a simulated disk */
};

static const struct backend backends[] = {
    {"memory", &journal_memory, JOURNAL_MEMORY, false, false, false},
    {"file, fsync", &journal_file, JOURNAL_FSYNC, true, false, false},
    {"file, written", &journal_file, JOURNAL_WRITTEN, true, false, false},
    {"file, memory", &journal_file, JOURNAL_MEMORY, true, false, false},
    {"file, simulated disk", &journal_file, JOURNAL_FSYNC, true, false, true},
    {"faulty over memory", &journal_memory, JOURNAL_MEMORY, false, true, false},
    {"faulty over file", &journal_file, JOURNAL_FSYNC, true, true, false},
};

#define BACKEND_COUNT (sizeof(backends) / sizeof(backends[0]))

struct world {
    const struct backend *backend;
    char *folder;
    struct disk_sim *sim;
    struct journal_options options;
    struct journal *journal;
    struct err err;
};

static void open_journal(struct world *world)
{
    struct journal *journal = NULL;
    int rc = world->backend->ops->open(&journal, &world->options, &world->err);

    if (rc < 0)
        fail_msg("%s: %s", world->backend->name, world->err.text);
    world->journal = world->backend->is_faulty ? journal_faulty_wrap(journal, 0) : journal;
}

static void close_journal(struct world *world)
{
    if (world->journal != NULL)
        world->journal->ops->close(world->journal);
    world->journal = NULL;
}

static struct world *set_up(void **state, uint64_t segment_bytes)
{
    struct world *world = calloc(1, sizeof(*world));

    world->backend = *state;
    world->folder = journal_sample_folder();
    if (world->backend->on_sim)
        world->sim = disk_sim_new();
    world->options = (struct journal_options){
        .folder = world->folder,
        .partition = 3,
        .durability = world->backend->durability,
        .segment_bytes = segment_bytes,
        .disk = world->sim != NULL ? disk_sim_disk(world->sim) : NULL,
    };
    open_journal(world);
    return world;
}

static void tear_down(struct world *world)
{
    close_journal(world);
    disk_sim_free(world->sim);
    journal_sample_folder_remove(world->folder);
    free(world);
}

static void append(struct world *world, uint64_t offset, size_t size, uint32_t count)
{
    if (journal_sample_append(world->journal, offset, size, count, &world->err) < 0)
        fail_msg("%s: %s", world->backend->name, world->err.text);
}

static void commit(struct world *world)
{
    if (journal_sample_commit(world->journal, &world->err) < 0)
        fail_msg("%s: %s", world->backend->name, world->err.text);
}

static struct journal_stat stat_of(const struct world *world)
{
    struct journal_stat stat;

    world->journal->ops->stat(world->journal, &stat);
    return stat;
}

/* Reads from `from`, where the first record should begin at `first`, and checks every record. */
static struct journal_sample_seen read_from(struct world *world, uint64_t from, uint64_t first)
{
    struct journal_sample_seen seen = {.next = first};
    int rc =
        world->journal->ops->read(world->journal, from, journal_sample_visit, &seen, &world->err);

    if (rc < 0)
        fail_msg("%s: %s", world->backend->name, world->err.text);
    assert_int_equal(seen.wrong, 0);
    return seen;
}

static void test_empty(void **state)
{
    struct world *world = set_up(state, 0);
    struct journal_stat stat = stat_of(world);

    assert_int_equal(stat.offset_first, 0);
    assert_int_equal(stat.offset_end, 0);
    assert_int_equal(stat.commit_count, 0);
    assert_int_equal(world->journal->ops->staged_bytes(world->journal), 0);
    assert_int_equal(read_from(world, 0, 0).records, 0);
    assert_int_equal(read_from(world, 1000, 0).records, 0);
    commit(world); /* no group: nothing happens */
    assert_int_equal(stat_of(world).offset_end, 0);
    tear_down(world);
}

static void test_only_committed_records_are_seen(void **state)
{
    struct world *world = set_up(state, 0);

    append(world, 0, 100, 10);
    append(world, 10, 50, 1);
    assert_true(world->journal->ops->staged_bytes(world->journal) >= 150);
    assert_int_equal(read_from(world, 0, 0).records, 0);
    world->journal->ops->seal(world->journal);
    assert_int_equal(world->journal->ops->staged_bytes(world->journal), 0);
    append(world, 11, 9, 2); /* while the group before waits */
    assert_int_equal(read_from(world, 0, 0).records, 0);
    assert_int_equal(world->journal->ops->commit(world->journal, &world->err), 0);
    assert_int_equal(read_from(world, 0, 0).records, 2);
    assert_int_equal(stat_of(world).offset_end, 11);
    assert_int_equal(stat_of(world).commit_count, 1);
    commit(world);
    assert_int_equal(read_from(world, 0, 0).records, 3);
    assert_int_equal(stat_of(world).offset_end, 13);
    assert_true(stat_of(world).bytes >= 159);
    tear_down(world);
}

static void test_sizes_and_counts(void **state)
{
    static const size_t sizes[] = {0, 1, 7, 8, 9, 47, 48, 4095, 4096, 65537, 1u << 20, 3u << 20};
    static const uint32_t counts[] = {1, 2, 1000, 100000000};
    struct world *world = set_up(state, 0);
    uint64_t offset = 0;
    uint64_t bytes = 0;
    uint64_t records = 0;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t j = 0; j < sizeof(counts) / sizeof(counts[0]); j++) {
            append(world, offset, sizes[i], counts[j]);
            offset += counts[j];
            bytes += sizes[i];
            records++;
        }
        if (i % 2 == 0)
            commit(world);
    }
    commit(world);
    assert_int_equal(stat_of(world).offset_end, offset);
    assert_int_equal(read_from(world, 0, 0).records, records);
    assert_int_equal(read_from(world, 0, 0).bytes, bytes);
    assert_int_equal(read_from(world, 0, 0).next, offset);
    tear_down(world);
}

static void test_a_payload_that_is_too_large(void **state)
{
    struct world *world = set_up(state, 0);
    struct journal_record record = {
        .type = JOURNAL_BATCH,
        .count = 1,
        .payload = {"", (size_t)JOURNAL_PAYLOAD_BYTES_MAX + 1}, /* not touched */
    };

    assert_int_equal(world->journal->ops->append(world->journal, &record, &world->err),
                     ERR_TOO_LARGE);
    append(world, 0, 1, 1);
    commit(world);
    assert_int_equal(read_from(world, 0, 0).records, 1);
    tear_down(world);
}

static void test_read_begins_with_the_record_that_holds_the_offset(void **state)
{
    struct world *world = set_up(state, 4096);
    uint64_t offset = 0;

    /* Records of 10 offsets, in groups of 3, over many segments. */
    for (int group = 0; group < 60; group++) {
        for (int i = 0; i < 3; i++, offset += 10)
            append(world, offset, 200, 10);
        commit(world);
    }
    for (uint64_t from = 0; from < offset; from += 7)
        assert_int_equal(read_from(world, from, from / 10 * 10).next, offset);
    assert_int_equal(read_from(world, offset - 1, offset - 10).records, 1);
    assert_int_equal(read_from(world, offset, 0).records, 0);
    assert_int_equal(read_from(world, UINT64_MAX, 0).records, 0);
    tear_down(world);
}

/* A large segment, in which a backend will not want to begin at the start. */
static void test_read_from_deep_inside(void **state)
{
    struct world *world = set_up(state, 0);
    uint64_t offset = 0;

    while (offset < 2400) {
        for (int i = 0; i < 7; i++, offset += 4)
            append(world, offset, 9000, 4);
        commit(world);
    }
    for (int round = 0; round < 2; round++) {
        for (uint64_t from = 0; from < offset; from += 13) {
            struct journal_sample_seen seen = {.next = from / 4 * 4, .stop_at = 2};

            assert_int_equal(world->journal->ops->read(world->journal, from, journal_sample_visit,
                                                       &seen, &world->err),
                             0);
            assert_int_equal(seen.wrong, 0);
            assert_in_range(seen.records, 1, 2);
        }
        if (!world->backend->keeps)
            break;
        close_journal(world);
        open_journal(world);
    }
    tear_down(world);
}

static int visit_fails(void *context, const struct journal_record *record, struct err *err)
{
    (void)context;
    return record->offset == 2 ? err_set(err, ERR_LIMIT, "enough") : 0;
}

static void test_a_visitor_may_stop(void **state)
{
    struct world *world = set_up(state, 4096);
    struct journal_sample_seen seen = {.stop_at = 3};

    for (uint64_t offset = 0; offset < 50; offset++) {
        append(world, offset, 500, 1);
        if (offset % 4 == 3)
            commit(world);
    }
    commit(world);
    assert_int_equal(
        world->journal->ops->read(world->journal, 0, journal_sample_visit, &seen, &world->err), 0);
    assert_int_equal(seen.records, 3);
    assert_int_equal(world->journal->ops->read(world->journal, 0, visit_fails, NULL, &world->err),
                     ERR_LIMIT);
    assert_string_equal(world->err.text, "enough");
    tear_down(world);
}

/* Random appends, commits, reads and reopenings against the list of record starts. */
static void test_against_a_model(void **state)
{
    struct world *world = set_up(state, 20000);
    uint64_t *starts = calloc(3000, sizeof(starts[0]));
    uint64_t staged = 0; /* records appended */
    uint64_t committed = 0;
    uint64_t offset = 0;
    uint64_t offset_committed = 0;
    uint64_t seed = 42;

    for (int step = 0; step < 3000; step++) {
        seed = hash_u64(seed);
        if (seed % 100 < 70) {
            uint32_t count = 1 + (uint32_t)(seed >> 20) % 5;

            append(world, offset, (seed >> 32) % 700, count);
            starts[staged++] = offset;
            offset += count;
        } else if (seed % 100 < 90) {
            commit(world);
            committed = staged;
            offset_committed = offset;
        } else if (committed > 0) {
            uint64_t record = (seed >> 20) % committed;
            struct journal_sample_seen seen = read_from(world, starts[record], starts[record]);

            assert_int_equal(seen.records, committed - record);
            assert_int_equal(seen.next, offset_committed);
        }
        if (world->backend->keeps && seed % 1000 == 7) {
            close_journal(world);
            open_journal(world);
            staged = committed;
            offset = offset_committed;
            assert_int_equal(stat_of(world).offset_end, offset);
            assert_int_equal(stat_of(world).cut_bytes, 0);
        }
    }
    free(starts);
    tear_down(world);
}

static void test_reopen(void **state)
{
    struct world *world = set_up(state, 4096);
    uint64_t offset = 0;
    struct journal_stat before;

    if (!world->backend->keeps) {
        tear_down(world);
        return;
    }
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 5; i++, offset += 3)
            append(world, offset, 300, 3);
        commit(world);
        append(world, offset, 10, 1); /* never committed: gone */
        if (round % 2 == 0)
            world->journal->ops->seal(world->journal);
        before = stat_of(world);
        close_journal(world);
        open_journal(world);
        assert_int_equal(stat_of(world).offset_end, offset);
        assert_int_equal(stat_of(world).offset_first, 0);
        assert_int_equal(stat_of(world).bytes, before.bytes);
        assert_int_equal(stat_of(world).segment_count, before.segment_count);
        assert_int_equal(stat_of(world).cut_bytes, 0);
        assert_int_equal(read_from(world, 0, 0).next, offset);
    }
    assert_true(stat_of(world).segment_count > 3);
    tear_down(world);
}

/* One thread appends, one commits, two read all the while. */
struct traffic {
    struct world *world;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool sealed;
    bool over;
    _Atomic uint64_t acknowledged;
    _Atomic uint64_t wrong;
};

static void *commit_all(void *argument)
{
    struct traffic *traffic = argument;
    struct journal *journal = traffic->world->journal;

    pthread_mutex_lock(&traffic->mutex);
    for (;;) {
        struct journal_stat stat;

        while (!traffic->sealed && !traffic->over)
            pthread_cond_wait(&traffic->changed, &traffic->mutex);
        if (!traffic->sealed)
            break;
        pthread_mutex_unlock(&traffic->mutex);
        if (journal->ops->commit(journal, NULL) < 0)
            atomic_fetch_add(&traffic->wrong, 1);
        journal->ops->stat(journal, &stat);
        atomic_store(&traffic->acknowledged, stat.offset_end);
        pthread_mutex_lock(&traffic->mutex);
        traffic->sealed = false;
        pthread_cond_broadcast(&traffic->changed);
    }
    pthread_mutex_unlock(&traffic->mutex);
    return NULL;
}

static void *read_all(void *argument)
{
    struct traffic *traffic = argument;
    struct journal *journal = traffic->world->journal;
    uint64_t end = 0;

    while (end < 3000) {
        uint64_t acknowledged = atomic_load(&traffic->acknowledged);
        struct journal_sample_seen seen = {.next = end / 2};
        struct err err;

        if (journal->ops->read(journal, seen.next, journal_sample_visit, &seen, &err) < 0 ||
            seen.wrong > 0 || seen.next < acknowledged) {
            atomic_fetch_add(&traffic->wrong, 1);
            break;
        }
        end = seen.next;
    }
    return NULL;
}

static void test_reading_while_committing(void **state)
{
    struct world *world = set_up(state, 100000);
    struct traffic traffic = {
        .world = world, .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    pthread_t threads[3];

    pthread_create(&threads[0], NULL, commit_all, &traffic);
    pthread_create(&threads[1], NULL, read_all, &traffic);
    pthread_create(&threads[2], NULL, read_all, &traffic);
    for (uint64_t offset = 0; offset < 3000; offset++) {
        append(world, offset, 100 + offset % 200, 1);
        if (offset % 16 != 15 && offset != 2999)
            continue;
        pthread_mutex_lock(&traffic.mutex);
        while (traffic.sealed)
            pthread_cond_wait(&traffic.changed, &traffic.mutex);
        world->journal->ops->seal(world->journal);
        traffic.sealed = true;
        pthread_cond_broadcast(&traffic.changed);
        pthread_mutex_unlock(&traffic.mutex);
    }
    pthread_mutex_lock(&traffic.mutex);
    traffic.over = true;
    pthread_cond_broadcast(&traffic.changed);
    pthread_mutex_unlock(&traffic.mutex);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&traffic.wrong), 0);
    assert_int_equal(read_from(world, 0, 0).next, 3000);
    tear_down(world);
}

/* Every time between the first and the last record, and around them. */
static void test_find_by_time(void **state)
{
    struct world *world = set_up(state, 4000);
    const struct journal_ops *ops = world->journal->ops;
    uint64_t offset = 12345;

    assert_int_equal(ops->find(world->journal, 0, &offset, &world->err), 0);
    assert_int_equal(offset, 0);
    for (uint64_t at = 0; at < 300; at += 3) { /* wall_ms is 7 * offset - 100 */
        append(world, at, 90 + at % 50, 2);
        append(world, at + 2, 40, 1);
        if (at % 4 == 0)
            commit(world);
    }
    commit(world);
    for (int round = 0; round < 1 + world->backend->keeps; round++) {
        for (int64_t wall_ms = -150; wall_ms < 2200; wall_ms++) {
            uint64_t due = 0; /* of the records, which begin at 0, 2, 3, 5, 6, ... */

            while (due < 300 && ((int64_t)due * 7 - 100 < wall_ms || due % 3 == 1))
                due++;
            assert_int_equal(
                world->journal->ops->find(world->journal, wall_ms, &offset, &world->err), 0);
            assert_int_equal(offset, due);
        }
        if (world->backend->keeps) {
            close_journal(world);
            open_journal(world);
        }
    }
    tear_down(world);
}

/* What is given up, in the open group or in a sealed one, is as if it had never been appended. */
static void test_resume_forgets_what_was_not_committed(void **state)
{
    struct world *world = set_up(state, 3000);
    const struct journal_ops *ops = world->journal->ops;
    uint64_t end = 0;

    for (uint32_t round = 0; round < 12; round++) {
        append(world, end, 200 + round, 1 + round % 3);
        commit(world);
        end += 1 + round % 3;
        append(world, end, 100, 5);
        if (round % 2 == 0) {
            ops->seal(world->journal);
            append(world, end + 5, 50, 1);
        }
        assert_int_equal(ops->resume(world->journal, &world->err), 0);
        assert_int_equal(ops->staged_bytes(world->journal), 0);
        commit(world);
        assert_int_equal(stat_of(world).offset_end, end);
    }
    assert_int_equal(read_from(world, 0, 0).next, end);
    if (world->backend->keeps) {
        close_journal(world);
        open_journal(world);
        assert_int_equal(read_from(world, 0, 0).next, end);
    }
    tear_down(world);
}

/* Every journal that fails with ERR_FULL goes on where it was, whatever it stands on. */
static void test_full_and_on_again(void **state)
{
    struct world *world = set_up(state, 3000);
    uint64_t end = 0;
    uint32_t full_count = 0;

    world->journal = journal_faulty_fill(world->journal, 4, 3);
    for (uint32_t group = 0; group < 40; group++) {
        int rc;

        append(world, end, 150 + group * 7, 2);
        append(world, end + 2, 30, 1);
        rc = journal_sample_commit(world->journal, &world->err);
        if (rc == 0) {
            end += 3;
            continue;
        }
        assert_int_equal(rc, ERR_FULL);
        assert_int_equal(stat_of(world).offset_end, end);
        for (int i = 0; i < 3; i++)
            assert_int_equal(world->journal->ops->resume(world->journal, &world->err), ERR_FULL);
        assert_int_equal(world->journal->ops->resume(world->journal, &world->err), 0);
        full_count++;
    }
    assert_int_equal(full_count, 10);
    assert_int_equal(read_from(world, 0, 0).next, end);
    tear_down(world);
}

static void test_close_accepts_null(void **state)
{
    const struct backend *backend = *state;

    backend->ops->close(NULL);
}

#define CASE(test)                                                                                 \
    {                                                                                              \
#test, test                                                                                \
    }

int main(void)
{
    static const struct {
        const char *name;
        CMUnitTestFunction run;
    } cases[] = {
        CASE(test_empty),
        CASE(test_only_committed_records_are_seen),
        CASE(test_sizes_and_counts),
        CASE(test_a_payload_that_is_too_large),
        CASE(test_read_begins_with_the_record_that_holds_the_offset),
        CASE(test_read_from_deep_inside),
        CASE(test_a_visitor_may_stop),
        CASE(test_against_a_model),
        CASE(test_reopen),
        CASE(test_reading_while_committing),
        CASE(test_find_by_time),
        CASE(test_resume_forgets_what_was_not_committed),
        CASE(test_full_and_on_again),
        CASE(test_close_accepts_null),
    };
    enum { CASE_COUNT = sizeof(cases) / sizeof(cases[0]) };
    struct CMUnitTest tests[CASE_COUNT] = {0};
    int failed = 0;

    for (size_t i = 0; i < BACKEND_COUNT; i++) {
        for (size_t j = 0; j < CASE_COUNT; j++)
            tests[j] = (struct CMUnitTest){
                .name = cases[j].name,
                .test_func = cases[j].run,
                .initial_state = (void *)&backends[i],
            };
        failed += cmocka_run_group_tests_name(backends[i].name, tests, NULL, NULL);
    }
    return failed > 0;
}
