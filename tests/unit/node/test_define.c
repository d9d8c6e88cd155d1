// SPDX-License-Identifier: Apache-2.0
/* test_define.c - definitions come one after the other, and reach all or are mended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "engine/catalog.h"
#include "engine/partition.h"
#include "journal/journal.h"
#include "model/batch.h"
#include "support/journal_held.h"
#include "support/node/node_client.h"
#include "support/node/node_harness.h"

static const char one_field[] = "{'fields':{'player':'string'},'key':'player'}";
static const char two_fields[] = "{'fields':{'player':'string','points':'int'},'key':'player'}";

static int64_t version_on(struct node_harness *harness, uint32_t worker, enum definition_kind kind,
                          const char *name)
{
    char *text = node_client_definition(harness, worker, kind, name);
    json_t *tree = text != NULL ? json_loads(text, 0, NULL) : NULL;
    int64_t version = json_integer_value(json_object_get(tree, "version"));

    json_decref(tree);
    free(text);
    return version;
}

/* All catalogs, the workers' and the partitions', hold the same; after the node has stopped. */
static void expect_same_catalogs(const struct node_harness *harness)
{
    static const enum definition_kind kinds[] = {DEFINITION_STREAM, DEFINITION_METRIC,
                                                 DEFINITION_BOARD};
    const struct node *node = harness->node;

    for (int i = 0; i < 3; i++) {
        struct bytes first = {0};
        struct bytes other = {0};

        catalog_print_all(node->workers[0].catalog, kinds[i], &first);
        for (uint32_t j = 1; j < node->worker_count; j++) {
            bytes_clear(&other);
            catalog_print_all(node->workers[j].catalog, kinds[i], &other);
            assert_string_equal(bytes_text(&first), bytes_text(&other));
        }
        for (uint32_t j = 0; j < node->partition_count; j++) {
            bytes_clear(&other);
            catalog_print_all(partition_catalog(node->hosts[j].partition), kinds[i], &other);
            assert_string_equal(bytes_text(&first), bytes_text(&other));
        }
        bytes_done(&first);
        bytes_done(&other);
    }
    for (uint32_t j = 1; j < node->partition_count; j++) {
        assert_int_equal(node->hosts[j].definition_count, node->hosts[0].definition_count);
        for (uint32_t k = 0; k < node->hosts[0].definition_count; k++)
            assert_true(span_equal(bytes_span(&node->hosts[j].definitions[k]),
                                   bytes_span(&node->hosts[0].definitions[k])));
    }
}

static void test_usable_everywhere_when_answered(void **state)
{
    struct node_harness *harness =
        node_harness_new("workers: 3\npartitions: 4\n", NULL, &journal_memory);
    struct err err = {0};

    (void)state;
    node_harness_ready(harness);
    for (uint32_t i = 0; i < 12; i++) {
        char name[16];

        snprintf(name, sizeof(name), "s%u", i);
        assert_int_equal(
            node_client_define(harness, i % 3, DEFINITION_STREAM, name, two_fields, 0, &err), 0);
        for (uint32_t j = 0; j < 3; j++) {
            struct node_feed feed = {.stream = name, .count = 10, .players = 7};

            assert_int_equal(version_on(harness, j, DEFINITION_STREAM, name), 1);
            node_feed_run(harness, j, &feed);
            assert_int_equal(feed.accepted, 10);
        }
    }
    assert_int_equal(node_harness_stop(harness, &err), 0);
    expect_same_catalogs(harness);
    node_harness_free(harness);
}

/* ---- several at once ---- */

#define WISHES 60

struct wishes {
    uint32_t number; /* of whoever wishes */
    uint32_t left;
    uint32_t versions; /* how often it made a new version */
    struct tally *done;
};

static void wish_next(struct wishes *wishes, struct worker *worker);

static void on_wish(struct define_request *request)
{
    struct wishes *wishes = request->context;
    struct worker *worker = request->origin;

    assert_int_equal(request->rc, 0);
    wishes->versions += !request->unchanged;
    define_request_free(request);
    wish_next(wishes, worker);
}

/* The same board again and again, each time with another order or other ties. */
static void wish_next(struct wishes *wishes, struct worker *worker)
{
    static const char *const orders[] = {"asc", "desc"};
    static const char *const ties[] = {"first", "last", "member"};
    struct define_request *request;
    struct err err = {0};
    json_t *tree;

    if (wishes->left-- == 0) {
        tally_add(wishes->done, 1);
        return;
    }
    tree = json_pack("{s:s, s:s, s:s, s:s, s:s}", "stream", "plays", "member", "player", "score",
                     "sum(points)", "order", orders[(wishes->left + wishes->number) % 2], "ties",
                     ties[(wishes->left + wishes->number) % 3]);
    assert_int_equal(
        define_request_new(&request, worker, DEFINITION_BOARD, SPAN_LITERAL("rivals"), tree, &err),
        0);
    json_decref(tree);
    request->context = wishes;
    request->done = on_wish;
    define(request);
}

static void begin_wishes(void *context, struct worker *worker)
{
    wish_next(context, worker);
}

static void test_several_at_once(void **state)
{
    struct node_harness *harness =
        node_harness_new("workers: 3\npartitions: 3\n", NULL, &journal_memory);
    struct wishes wishes[6];
    struct tally done = TALLY_INIT;
    struct err err = {0};
    int64_t versions = 0;

    (void)state;
    node_harness_ready(harness);
    for (uint32_t i = 0; i < 6; i++) {
        wishes[i] = (struct wishes){i, WISHES, 0, &done};
        node_harness_post(harness, i % 3, begin_wishes, &wishes[i]);
    }
    tally_wait(&done, 6);
    for (uint32_t i = 0; i < 6; i++)
        versions += wishes[i].versions;
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(version_on(harness, i, DEFINITION_BOARD, "rivals"), versions);
    assert_int_equal(node_harness_stop(harness, &err), 0);
    expect_same_catalogs(harness);
    node_harness_free(harness);
}

/* Some have begun, some wait, some come while it stops: all are answered, none is half made. */
struct late_wish {
    uint32_t number;
    int rc;
    struct tally *done;
};

static void on_late_wish(struct define_request *request)
{
    struct late_wish *wish = request->context;

    wish->rc = request->rc;
    define_request_free(request);
    tally_add(wish->done, 1);
}

static void begin_late_wish(void *context, struct worker *worker)
{
    struct late_wish *wish = context;
    struct define_request *request;
    struct err err = {0};
    json_t *tree = json_pack("{s:{s:s},s:s}", "fields", "player", "string", "key", "player");
    char name[16];

    snprintf(name, sizeof(name), "late%u", wish->number);
    assert_int_equal(
        define_request_new(&request, worker, DEFINITION_STREAM, span_of(name), tree, &err), 0);
    json_decref(tree);
    request->context = wish;
    request->done = on_late_wish;
    define(request);
}

static void test_stop_while_defining(void **state)
{
    struct node_harness *harness;
    struct late_wish wishes[30];
    struct tally done = TALLY_INIT;
    struct err err = {0};
    uint32_t made = 0;

    (void)state;
    journal_held_reset(&journal_memory);
    harness = node_harness_new("workers: 3\npartitions: 2\n", NULL, &journal_held);
    node_harness_ready(harness);
    journal_held_commits(true);
    for (uint32_t i = 0; i < 30; i++) {
        wishes[i] = (struct late_wish){i, 1, &done};
        node_harness_post(harness, i % 3, begin_late_wish, &wishes[i]);
    }
    assert_true(journal_held_wait_commits(2));
    node_stop(harness->node);
    journal_held_commits(false);
    assert_int_equal(node_join(harness->node, &err), 0);
    assert_int_equal(tally_get(&done), 30);
    for (uint32_t i = 0; i < 30; i++) {
        assert_true(wishes[i].rc == 0 || wishes[i].rc == ERR_UNAVAILABLE);
        made += wishes[i].rc == 0;
    }
    assert_true(made >= 1);
    expect_same_catalogs(harness);
    assert_int_equal(harness->node->hosts[0].definition_count, 5 + made);
    node_harness_free(harness);
}

/* ---- what is refused ---- */

static void test_conflicting_version(void **state)
{
    struct node_harness *harness = node_harness_new("workers: 2\n", NULL, &journal_memory);
    struct err err = {0};

    (void)state;
    node_harness_ready(harness);
    assert_int_equal(node_client_define(harness, 0, DEFINITION_STREAM, "s", one_field, 0, &err), 0);
    assert_int_equal(node_client_define(harness, 1, DEFINITION_STREAM, "s", two_fields, 1, &err),
                     0);
    assert_int_equal(node_client_define(harness, 0, DEFINITION_STREAM, "s", two_fields, 1, &err),
                     ERR_CONFLICT);
    assert_non_null(strstr(err.text, "streams.s has version 2 by now, not 1"));
    assert_int_equal(node_client_define(harness, 0, DEFINITION_STREAM, "s", NULL, 1, &err),
                     ERR_CONFLICT);
    assert_int_equal(node_client_define(harness, 0, DEFINITION_STREAM, "s", NULL, 2, &err), 0);
    assert_int_equal(version_on(harness, 1, DEFINITION_STREAM, "s"), 0);
    assert_int_equal(node_client_define(harness, 0, DEFINITION_STREAM, "s", NULL, 0, &err),
                     ERR_NOT_FOUND);
    node_harness_free(harness);
}

static void test_bad_definitions(void **state)
{
    struct node_harness *harness = node_harness_new("workers: 2\n", NULL, &journal_memory);
    struct err err = {0};
    char name[2 * NAME_BYTES_MAX];

    (void)state;
    node_harness_ready(harness);
    memset(name, 'x', sizeof(name));
    name[NAME_BYTES_MAX] = '\0';
    assert_int_equal(node_client_define(harness, 1, DEFINITION_STREAM, name, one_field, 0, &err),
                     ERR_INVALID);
    assert_int_equal(node_client_define(harness, 1, DEFINITION_STREAM, "", one_field, 0, &err),
                     ERR_INVALID);
    assert_int_equal(node_client_define(harness, 1, DEFINITION_STREAM, "s",
                                        "{'fields':{'a':'integr'},'key':'a'}", 0, &err),
                     ERR_INVALID);
    assert_non_null(strstr(err.text, "integr"));
    assert_int_equal(node_client_define(harness, 1, DEFINITION_STREAM, "plays", NULL, 0, &err),
                     ERR_CONFLICT); /* in use */
    assert_int_equal(version_on(harness, 0, DEFINITION_STREAM, "plays"), 1);
    node_harness_free(harness);
}

#define SMALL                                                                                      \
    "workers: 2\npartitions: 2\nlimits: {definitions: 3}\n"                                        \
    "streams: {a: {fields: {player: string}, key: player}}\n"                                      \
    "boards: {b: {type: int}, c: {stream: a, member: player, score: count()}}\n"

static void test_limit_of_definitions(void **state)
{
    struct node_harness *first = node_harness_new(SMALL, NULL, &journal_file);
    struct node_harness *second;
    struct err err = {0};

    (void)state;
    node_harness_ready(first); /* the stream behind a board is not counted */
    assert_int_equal(node_client_define(first, 1, DEFINITION_STREAM, "d", one_field, 0, &err),
                     ERR_LIMIT);
    assert_non_null(strstr(err.text, "the limit `definitions` is 3"));
    assert_int_equal(
        node_client_define(first, 1, DEFINITION_BOARD, "b", "{'type':'float'}", 0, &err),
        0); /* changing what is there adds none */
    assert_int_equal(node_client_define(first, 1, DEFINITION_BOARD, "c", NULL, 0, &err), 0);
    assert_int_equal(node_client_define(first, 0, DEFINITION_STREAM, "d", one_field, 0, &err), 0);
    assert_int_equal(node_client_define(first, 0, DEFINITION_STREAM, "d", NULL, 0, &err), 0);
    node_harness_end(first);
    second = node_harness_new(SMALL, first->folder, &journal_file);
    node_harness_ready(second); /* a full one starts again */
    node_harness_free(second);
    node_harness_free(first);
}

static void test_partition_without_a_journal(void **state)
{
    struct node_harness *harness;
    struct err err = {0};

    (void)state;
    journal_held_reset(&journal_memory);
    journal_held_fail(1, 7); /* 1 to 5 are what all begin with, 6 is "s" */
    harness = node_harness_new("workers: 2\npartitions: 3\n", NULL, &journal_held);
    node_harness_ready(harness);
    assert_int_equal(node_client_define(harness, 0, DEFINITION_STREAM, "s", one_field, 0, &err), 0);
    assert_int_equal(node_client_define(harness, 1, DEFINITION_STREAM, "t", one_field, 0, &err),
                     ERR_UNAVAILABLE);
    assert_int_equal(version_on(harness, 0, DEFINITION_STREAM, "t"), 0);
    /* Another one would get the number of that one: nothing more until a restart. */
    assert_int_equal(node_client_define(harness, 1, DEFINITION_STREAM, "u", one_field, 0, &err),
                     ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "until the server is restarted"));
    assert_int_equal(node_harness_stop(harness, &err), 0);
    assert_int_equal(harness->node->hosts[0].definition_count, 7);
    assert_int_equal(harness->node->hosts[1].definition_count, 6);
    node_harness_free(harness);
}

/* ---- a crash in the middle ---- */

/* Appends the records that catalog_prepare makes of `names` to a partition's journal. */
static void write_journal(const char *folder, uint32_t partition, uint32_t name_count)
{
    static const char *const names[] = {"a", "b", "c"};
    char path[4200];
    struct journal_options options = {.folder = path, .partition = partition};
    struct catalog *catalog = catalog_new();
    struct journal *journal;
    struct err err = {0};

    snprintf(path, sizeof(path), "%s/partition-%03u/journal", folder, partition);
    assert_int_equal(journal_file.open(&journal, &options, &err), 0);
    for (uint32_t i = 0; i < name_count; i++) {
        json_t *tree = json_pack("{s:{s:s,s:s},s:s}", "fields", "player", "string", "points", "int",
                                 "key", "player");
        struct bytes text = {0};
        struct catalog_change change;
        struct journal_record record = {.type = JOURNAL_DEFINITION, .count = 1};
        bool unchanged;

        assert_int_equal(catalog_prepare(catalog, DEFINITION_STREAM, names[i], tree, 1, "test",
                                         &text, &unchanged, &err),
                         0);
        assert_int_equal(catalog_apply(catalog, bytes_span(&text), &change, &err), 0);
        record.payload = bytes_span(&text);
        assert_int_equal(journal->ops->append(journal, &record, &err), 0);
        json_decref(tree);
        bytes_done(&text);
    }
    journal->ops->seal(journal);
    assert_int_equal(journal->ops->commit(journal, &err), 0);
    journal->ops->close(journal);
    catalog_free(catalog);
}

static void test_caught_up_at_start(void **state)
{
    static const char settings[] = "workers: 2\npartitions: 4\n"
                                   "streams: {notes: {fields: {player: string, points: int}}}\n";
    static const uint32_t has[] = {1, 3, 0, 2};
    struct node_harness *first = node_harness_new(settings, NULL, &journal_file);
    struct node_harness *second;
    struct err err = {0};

    (void)state;
    node_harness_end(first); /* makes the folder, defines nothing */
    for (uint32_t i = 0; i < 4; i++)
        write_journal(first->folder, i, has[i]);
    for (int i = 0; i < 2; i++) {
        struct node_feed feed = {.stream = "c", .count = 100, .players = 20};

        second = node_harness_new(settings, first->folder, &journal_file);
        node_harness_ready(second);
        node_feed_run(second, 1, &feed); /* reaches all partitions */
        assert_int_equal(feed.accepted, 100);
        assert_int_equal(node_harness_stop(second, &err), 0);
        expect_same_catalogs(second);
        assert_int_equal(second->node->hosts[0].definition_count, 4);
        node_harness_free(second);
    }
    node_harness_free(first);
}

static void test_stop_while_catching_up(void **state)
{
    static const char settings[] = "workers: 2\npartitions: 2\n";
    struct node_harness *first = node_harness_new(settings, NULL, &journal_file);
    struct node_harness *second;
    struct err err = {0};

    (void)state;
    node_harness_end(first);
    write_journal(first->folder, 0, 0);
    write_journal(first->folder, 1, 3);
    journal_held_reset(&journal_file);
    journal_held_commits(true);
    second = node_harness_new(settings, first->folder, &journal_held);
    node_harness_start(second);
    assert_true(journal_held_wait_commits(1));
    node_stop(second->node);
    journal_held_commits(false);
    assert_int_equal(node_join(second->node, &err), 0);
    assert_int_equal(tally_get(&second->states[NODE_READY]), 0);
    node_harness_free(second);
    node_harness_free(first);
}

/* ---- a stream that changes while rows of it are on their way ---- */

struct long_request {
    struct ingest_request request;
    uint64_t given;
    uint64_t accepted;
    struct tally done;
};

static void on_long(struct ingest_request *request)
{
    struct long_request *long_request = request->context;

    long_request->accepted = request->accepted;
    ingest_request_done(request);
    tally_add(&long_request->done, 1);
}

static void long_begin(void *context, struct worker *worker)
{
    struct long_request *long_request = context;

    ingest_request_init(&long_request->request, worker,
                        catalog_find_stream(worker->catalog, SPAN_LITERAL("s")));
    long_request->request.context = long_request;
    long_request->request.done = on_long;
}

/* One row at a time: the batches that come back are used again. Only the old fields are there. */
static void long_row(void *context, struct worker *worker)
{
    struct long_request *long_request = context;
    struct cell *cells = malloc(sizeof(*cells)); /* and nothing readable behind it */
    char player[16];

    (void)worker;
    snprintf(player, sizeof(player), "p%llu", (unsigned long long)long_request->given % 5);
    cells[0] = (struct cell){.present = true, .text = span_of(player)};
    ingest_row(&long_request->request, cells, ++long_request->given);
    free(cells);
}

static void long_end(void *context, struct worker *worker)
{
    (void)worker;
    ingest_end(&((struct long_request *)context)->request);
}

static void test_rows_of_an_older_version(void **state)
{
    struct node_harness *harness =
        node_harness_new("workers: 2\npartitions: 2\n", NULL, &journal_memory);
    struct long_request old = {.done = TALLY_INIT};
    struct node_feed feed = {.stream = "s", .count = 50, .players = 5};
    struct err err = {0};

    (void)state;
    node_harness_ready(harness);
    assert_int_equal(node_client_define(harness, 0, DEFINITION_STREAM, "s", one_field, 0, &err), 0);
    node_harness_run(harness, 0, long_begin, &old);
    for (int i = 0; i < 40; i++)
        node_harness_run(harness, 0, long_row, &old);
    assert_int_equal(node_client_define(harness, 1, DEFINITION_STREAM, "s", two_fields, 0, &err),
                     0);
    for (int i = 0; i < 40; i++) {
        node_harness_run(harness, 0, long_row, &old);
        free(node_client_get(harness, 0, "status", &err)); /* a turn or two pass */
    }
    node_feed_run(harness, 0, &feed); /* the newer one, in between */
    assert_int_equal(feed.accepted, 50);
    for (int i = 0; i < 40; i++)
        node_harness_run(harness, 0, long_row, &old);
    node_harness_run(harness, 0, long_end, &old);
    tally_wait(&old.done, 1);
    assert_int_equal(old.accepted, 120);
    node_harness_free(harness);
}

/* A stream goes while rows of it are on their way: they are decided all the same. */
static void test_rows_of_a_dropped_stream(void **state)
{
    struct node_harness *harness =
        node_harness_new("workers: 2\npartitions: 2\n", NULL, &journal_memory);
    struct long_request old = {.done = TALLY_INIT};
    struct err err = {0};

    (void)state;
    node_harness_ready(harness);
    assert_int_equal(node_client_define(harness, 0, DEFINITION_STREAM, "s", one_field, 0, &err), 0);
    node_harness_run(harness, 0, long_begin, &old);
    assert_int_equal(node_client_define(harness, 1, DEFINITION_STREAM, "s", NULL, 0, &err), 0);
    for (int i = 0; i < 40; i++)
        node_harness_run(harness, 0, long_row, &old);
    assert_int_equal(node_client_define(harness, 1, DEFINITION_STREAM, "s", two_fields, 0, &err),
                     0);
    for (int i = 0; i < 40; i++)
        node_harness_run(harness, 0, long_row, &old);
    node_harness_run(harness, 0, long_end, &old);
    tally_wait(&old.done, 1);
    assert_int_equal(old.request.failed, 0);
    node_harness_free(harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usable_everywhere_when_answered),
        cmocka_unit_test(test_several_at_once),
        cmocka_unit_test(test_stop_while_defining),
        cmocka_unit_test(test_conflicting_version),
        cmocka_unit_test(test_bad_definitions),
        cmocka_unit_test(test_limit_of_definitions),
        cmocka_unit_test(test_partition_without_a_journal),
        cmocka_unit_test(test_caught_up_at_start),
        cmocka_unit_test(test_stop_while_catching_up),
        cmocka_unit_test(test_rows_of_an_older_version),
        cmocka_unit_test(test_rows_of_a_dropped_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
