// SPDX-License-Identifier: Apache-2.0
/*
 * test_replay.c - the same journal gives the same state, however and how often it is folded.
 *
 * Without anything else it makes a journal of its own. With the data folder of a server in
 * TALLYWHEEL_REPLAY_DATA it folds that one too, and prints a line for each partition that
 * replay.py compares over restarts of the server.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>

#include <cmocka.h>

#include <jansson.h>
#include <sys/stat.h>
#include <time.h>

#include "base/err.h"
#include "engine/catalog.h"
#include "engine/partition.h"
#include "journal/journal.h"
#include "model/batch.h"
#include "support/journal_fold.h"
#include "support/journal_sample.h"

#define BASE_MS INT64_C(1600000000000)
#define LATENESS_MS 20000
#define ROWS 6000u
#define RECORDS_PER_COMMIT 8u

static uint64_t random_state;

static uint32_t random_below(uint32_t end)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % end);
}

/* What the journal's own streams must have come to, counted on the side. */
struct expected {
    uint64_t accepted;
    uint64_t late;
    int64_t watermark_ms;
};

static struct journal *open_journal(const char *folder, uint32_t partition)
{
    struct journal_options options = {.folder = folder,
                                      .partition = partition,
                                      .durability = JOURNAL_WRITTEN,
                                      .segment_bytes = 1 << 20};
    struct journal *journal = NULL;
    struct err err = {0};

    if (journal_file.open(&journal, &options, &err) < 0)
        fail_msg("%s: %s", folder, err.text);
    return journal;
}

static void append(struct journal *journal, enum journal_record_type type, uint32_t count,
                   struct bytes *payload)
{
    struct journal_record record = {
        .type = type, .count = count, .wall_ms = BASE_MS, .payload = bytes_span(payload)};
    struct err err = {0};

    if (journal->ops->append(journal, &record, &err) < 0)
        fail_msg("%s", err.text);
    bytes_done(payload);
}

static void commit(struct journal *journal)
{
    struct err err = {0};

    journal->ops->seal(journal);
    if (journal->ops->commit(journal, &err) < 0)
        fail_msg("%s", err.text);
}

static void define(struct journal *journal, struct catalog *catalog, enum definition_kind kind,
                   const char *name, const char *json)
{
    json_t *tree = json != NULL ? json_loads(json, 0, NULL) : NULL;
    struct catalog_change change;
    struct bytes record = {0};
    bool unchanged = false;
    struct err err = {0};

    if (catalog_prepare(catalog, kind, name, tree, BASE_MS, "test", &record, &unchanged, &err) < 0)
        fail_msg("%s", err.text);
    assert_false(unchanged);
    assert_int_equal(catalog_apply(catalog, bytes_span(&record), &change, &err), 0);
    append(journal, JOURNAL_DEFINITION, 1, &record);
    json_decref(tree);
}

static void define_all(struct journal *journal, struct catalog *catalog)
{
    define(journal, catalog, DEFINITION_STREAM, "s",
           "{\"fields\":{\"who\":\"string\",\"n\":\"int\",\"x\":\"float\",\"where\":\"string\","
           "\"id\":\"string\",\"yes\":\"bool\",\"at\":\"time\"},\"key\":\"who\",\"time\":\"at\","
           "\"id\":\"id\",\"dedupe\":\"1m\",\"lateness\":\"20s\"}");
    define(journal, catalog, DEFINITION_STREAM, "now", "{\"fields\":{\"n\":\"int\"}}");
    define(journal, catalog, DEFINITION_METRIC, "all",
           "{\"stream\":\"s\",\"value\":\"sum(x)\",\"every\":\"1s\"}");
    define(journal, catalog, DEFINITION_METRIC, "some",
           "{\"stream\":\"s\",\"value\":\"last(n)\",\"every\":\"10s\",\"by\":[\"where\",\"yes\"],"
           "\"keep\":\"1m\"}");
    define(journal, catalog, DEFINITION_METRIC, "now",
           "{\"stream\":\"now\",\"value\":\"avg(n)\",\"every\":\"1s\"}");
    define(journal, catalog, DEFINITION_BOARD, "sum",
           "{\"stream\":\"s\",\"member\":\"who\",\"score\":\"sum(n)\"}");
    define(journal, catalog, DEFINITION_BOARD, "max",
           "{\"stream\":\"s\",\"member\":\"who\",\"score\":\"max(x)\",\"by\":[\"where\"],"
           "\"ties\":\"last\"}");
    define(journal, catalog, DEFINITION_BOARD, "last",
           "{\"stream\":\"s\",\"member\":\"who\",\"score\":\"last(n)\",\"order\":\"asc\"}");
    define(journal, catalog, DEFINITION_BOARD, "direct", "{\"type\":\"int\"}");
}

static struct cell text_cell(const char *text)
{
    return (struct cell){.present = true, .text = span_of(text)};
}

/* A row of stream "s"; every tenth is as late as that it may just be, or just not. */
static void add_row(struct batch *batch, uint32_t number, struct expected *expected)
{
    char who[16];
    char id[16];
    const char *places[] = {"north", "south", "", "west"};
    int64_t at_ms = BASE_MS + (int64_t)number * 40;
    struct cell cells[7];

    if (number % 10 == 3)
        at_ms = expected->watermark_ms - LATENESS_MS - (int64_t)random_below(2);
    else if (random_below(3) == 0)
        at_ms -= random_below(LATENESS_MS);
    snprintf(who, sizeof(who), "w%u", random_below(200));
    snprintf(id, sizeof(id), "i%u", number);
    cells[0] = text_cell(who);
    cells[1] = (struct cell){.present = random_below(9) > 0, .i = (int64_t)random_below(50) - 20};
    cells[2] = (struct cell){.present = random_below(9) > 0, .f = random_below(1000) / 7.0 - 60};
    cells[3] = text_cell(places[random_below(4)]);
    cells[4] = text_cell(id);
    cells[5] = (struct cell){.present = random_below(2) > 0, .i = random_below(2)};
    cells[6] = (struct cell){.present = true, .i = at_ms};
    batch_append(batch, cells);
    if (number > 0 && at_ms < expected->watermark_ms - LATENESS_MS) {
        expected->late++;
        return;
    }
    expected->accepted++;
    if (number == 0 || at_ms > expected->watermark_ms)
        expected->watermark_ms = at_ms;
}

static void add_batch(struct journal *journal, struct batch *batch, int64_t wall_ms)
{
    struct bytes payload = {0};
    uint32_t count = batch->row_count;

    batch_stamp(batch, wall_ms);
    batch_encode(batch, &payload);
    append(journal, JOURNAL_BATCH, count, &payload);
    batch_free(batch);
}

static void make_journal(const char *folder, struct expected *expected)
{
    struct journal *journal = open_journal(folder, 0);
    struct catalog *catalog = catalog_new();
    uint32_t number = 0;
    uint32_t record = 0;

    *expected = (struct expected){0};
    define_all(journal, catalog);
    while (number < ROWS) {
        const struct catalog_stream *stream = catalog_find_stream(catalog, span_of("s"));
        struct batch *batch = batch_new(&stream->def, stream->id);
        uint32_t end = number + 1 + random_below(random_below(4) == 0 ? 400 : 6);

        for (; number < end; number++)
            add_row(batch, number, expected);
        add_batch(journal, batch, BASE_MS + number);
        if (random_below(4) == 0) {
            struct cell cell = {.present = true, .i = number};

            stream = catalog_find_stream(catalog, span_of("now"));
            batch = batch_new(&stream->def, stream->id);
            batch_append(batch, &cell);
            add_batch(journal, batch, BASE_MS + number);
        }
        if (++record % RECORDS_PER_COMMIT == 0)
            commit(journal);
    }
    define(journal, catalog, DEFINITION_BOARD, "last", NULL);
    commit(journal);
    journal->ops->close(journal);
    catalog_free(catalog);
}

static struct partition *fold(struct journal *journal, uint32_t number, enum journal_fold_cut cut,
                              uint64_t offset_end)
{
    struct err err = {0};
    struct partition *partition = journal_fold(journal, number, cut, offset_end, &err);

    if (partition == NULL)
        fail_msg("partition %u: %s", number, err.text);
    return partition;
}

static uint64_t fold_hash(struct journal *journal, uint32_t number, enum journal_fold_cut cut,
                          uint64_t offset_end)
{
    struct partition *partition = fold(journal, number, cut, offset_end);
    uint64_t hash = partition_hash(partition);

    partition_free(partition);
    return hash;
}

static int setup(void **state)
{
    const char *seed = getenv("TALLYWHEEL_TEST_SEED");

    random_state = seed != NULL ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
    print_message("seed %llu\n", (unsigned long long)random_state);
    *state = journal_sample_folder();
    return 0;
}

static int teardown(void **state)
{
    journal_sample_folder_remove(*state);
    return 0;
}

static void test_two_folds_have_one_hash(void **state)
{
    struct expected expected;
    struct journal *journal;
    uint64_t hash;

    make_journal(*state, &expected);
    journal = open_journal(*state, 0);
    hash = fold_hash(journal, 0, JOURNAL_FOLD_AS_IS, UINT64_MAX);
    for (int cut = 0; cut < JOURNAL_FOLD_CUTS; cut++)
        assert_int_equal(fold_hash(journal, 0, (enum journal_fold_cut)cut, UINT64_MAX), hash);
    journal->ops->close(journal);
    journal = open_journal(*state, 0);
    assert_int_equal(fold_hash(journal, 0, JOURNAL_FOLD_AS_IS, UINT64_MAX), hash);
    journal->ops->close(journal);
}

static void test_hash_sees_every_record(void **state)
{
    struct expected expected;
    struct journal *journal;
    struct journal_stat stat;
    uint64_t before;

    make_journal(*state, &expected);
    journal = open_journal(*state, 0);
    journal->ops->stat(journal, &stat);
    before = fold_hash(journal, 0, JOURNAL_FOLD_AS_IS, 0);
    for (uint64_t end = stat.offset_end / 8; end <= stat.offset_end; end += stat.offset_end / 8) {
        uint64_t hash = fold_hash(journal, 0, JOURNAL_FOLD_AS_IS, end);

        assert_int_not_equal(hash, before);
        before = hash;
    }
    journal->ops->close(journal);
}

static void test_state_is_what_was_counted(void **state)
{
    struct partition_stream_stat stat;
    struct expected expected;
    struct partition *partition;
    struct journal *journal;

    make_journal(*state, &expected);
    journal = open_journal(*state, 0);
    for (int cut = 0; cut < JOURNAL_FOLD_CUTS; cut++) {
        const struct catalog_stream *stream;

        partition = fold(journal, 0, (enum journal_fold_cut)cut, UINT64_MAX);
        stream = catalog_find_stream(partition_catalog(partition), span_of("s"));
        assert_true(partition_stream_stat(partition, stream->id, &stat));
        assert_int_equal(stat.rows, expected.accepted);
        assert_int_equal(stat.late, expected.late);
        assert_int_equal(stat.duplicates, 0);
        assert_int_equal(stat.watermark_ms, expected.watermark_ms);
        assert_true(expected.late > 0);
        partition_free(partition);
    }
    journal->ops->close(journal);
}

/* The folder of a server that does not run, if there is one. */
static void test_server_data(void **state)
{
    const char *data = getenv("TALLYWHEEL_REPLAY_DATA");

    (void)state;
    for (uint32_t number = 0; data != NULL; number++) {
        struct journal *journal;
        struct journal_stat end;
        struct stat exists;
        char folder[4200];
        uint64_t hash;

        snprintf(folder, sizeof(folder), "%s/partition-%03u/journal", data, number);
        if (stat(folder, &exists) != 0)
            break;
        journal = open_journal(folder, number);
        hash = fold_hash(journal, number, JOURNAL_FOLD_AS_IS, UINT64_MAX);
        for (int cut = 0; cut < JOURNAL_FOLD_CUTS; cut++)
            assert_int_equal(fold_hash(journal, number, (enum journal_fold_cut)cut, UINT64_MAX),
                             hash);
        journal->ops->stat(journal, &end);
        printf("partition %u: hash %016llx offset %llu\n", number, (unsigned long long)hash,
               (unsigned long long)end.offset_end);
        journal->ops->close(journal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_folds_have_one_hash, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hash_sees_every_record, setup, teardown),
        cmocka_unit_test_setup_teardown(test_state_is_what_was_counted, setup, teardown),
        cmocka_unit_test(test_server_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
