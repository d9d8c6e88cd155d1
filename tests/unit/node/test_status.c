// SPDX-License-Identifier: Apache-2.0
/* test_status.c - the server's own health: JSON that adds up, and Prometheus text that parses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "journal/journal.h"
#include "node/ask.h"
#include "node/status.h"
#include "query/read.h"
#include "support/node/node_client.h"
#include "support/node/node_harness.h"

static struct node_harness *busy_node(void)
{
    struct node_harness *harness =
        node_harness_new("workers: 2\npartitions: 4\n", NULL, &journal_memory);

    node_harness_ready(harness);
    for (uint32_t i = 0; i < 2; i++) {
        struct node_feed plays = {.stream = "plays", .first = i * 300, .count = 400, .players = 40};
        struct node_feed steps = {.stream = "steps", .count = 50, .players = 5};

        node_feed_run(harness, i, &plays); /* a hundred of them twice */
        node_feed_run(harness, i, &steps);
    }
    return harness;
}

static json_t *status_of(struct node_harness *harness)
{
    struct err err = {0};
    char *text = node_client_get(harness, 1, "status", &err);
    json_t *tree = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(tree);
    free(text);
    return tree;
}

static int64_t number(const json_t *tree, const char *key)
{
    const json_t *value = json_object_get(tree, key);

    if (!json_is_number(value))
        fail_msg("\"%s\" is no number", key);
    return (int64_t)json_number_value(value);
}

static const json_t *named(const json_t *list, const char *name)
{
    size_t index;
    json_t *item;

    json_array_foreach((json_t *)(uintptr_t)list, index,
                       item) if (strcmp(json_string_value(json_object_get(item, "name")), name) ==
                                 0) return item;
    fail_msg("%s is not there", name);
    return NULL;
}

static void test_numbers_add_up(void **state)
{
    struct node_harness *harness = busy_node();
    json_t *tree = status_of(harness);
    const json_t *ingest = json_object_get(tree, "ingest");
    const json_t *streams = json_object_get(tree, "streams");
    const json_t *season = named(json_object_get(tree, "boards"), "season");
    int64_t rows = 0;
    int64_t memory = 0;
    size_t index;
    json_t *item;

    (void)state;
    assert_string_equal(json_string_value(json_object_get(tree, "state")), "ready");
    assert_string_equal(json_string_value(json_object_get(tree, "durability")), "memory");
    assert_int_equal(number(tree, "workers"), 2);
    assert_int_equal(number(ingest, "events"), 800);
    assert_int_equal(number(ingest, "duplicates"), 100);
    assert_int_equal(number(ingest, "requests"), 4);
    assert_int_equal(number(ingest, "in_flight_bytes"), 0);
    assert_int_equal(number(named(streams, "plays"), "events"), 700);
    assert_int_equal(number(named(streams, "plays"), "duplicates"), 100);
    assert_int_equal(number(named(streams, "steps"), "events"), 100);
    assert_int_equal(number(named(streams, "notes"), "events"), 0);
    assert_true(json_is_null(json_object_get(named(streams, "notes"), "watermark_ms")));
    assert_int_equal(number(season, "members"), 40);
    assert_int_equal(json_array_size(json_object_get(tree, "partitions")), 4);
    json_array_foreach(json_object_get(tree, "partitions"), index, item)
    {
        assert_int_equal(number(item, "partition"), index);
        assert_int_equal(number(item, "worker"), index % 2);
        assert_true(number(item, "offset") >= number(item, "events") + 5);
        rows += number(item, "events");
        memory += number(item, "memory_bytes");
    }
    assert_int_equal(rows, 800);
    assert_int_equal(number(tree, "memory_bytes"), memory);
    json_decref(tree);
    node_harness_free(harness);
}

/* A board that takes scores directly has a stream of its own, which is nobody's business. */
static void test_hidden_streams(void **state)
{
    struct node_harness *harness =
        node_harness_new("streams: {a: {fields: {player: string}}}\nboards: {b: {type: int}}\n",
                         NULL, &journal_memory);
    json_t *tree;

    (void)state;
    node_harness_ready(harness);
    tree = status_of(harness);
    assert_int_equal(json_array_size(json_object_get(tree, "streams")), 1);
    assert_int_equal(json_array_size(json_object_get(tree, "boards")), 1);
    json_decref(tree);
    node_harness_free(harness);
}

/* ---- Prometheus ---- */

struct scrape {
    struct bytes text;
    struct tally done;
};

static void on_scraped(void *context, struct read *read, int rc, const struct err *err)
{
    struct scrape *scrape = context;

    (void)err;
    assert_int_equal(rc, 0);
    status_print_prometheus(read, &scrape->text);
    read_free(read);
    tally_add(&scrape->done, 1);
}

static void scrape_it(void *context, struct worker *worker)
{
    ask_read(worker, status_read_new(worker->node), on_scraped, context);
}

#define FAMILIES_MAX 64

struct families {
    char names[FAMILIES_MAX][96];
    uint32_t count;
};

static bool is_name(const char *text, size_t size)
{
    return size > 0 && strspn(text, "abcdefghijklmnopqrstuvwxyz_") == size;
}

/* "# HELP name text", then "# TYPE name type" of the same, each family once. */
static void check_comment(struct families *families, const char *line)
{
    char name[96];
    char type[16];

    if (sscanf(line, "# HELP %95s ", name) == 1) {
        for (uint32_t i = 0; i < families->count; i++)
            assert_string_not_equal(families->names[i], name);
        assert_true(families->count < FAMILIES_MAX);
        memcpy(families->names[families->count++], name, sizeof(name));
        return;
    }
    assert_int_equal(sscanf(line, "# TYPE %95s %15s", name, type), 2);
    assert_string_equal(name, families->names[families->count - 1]);
    assert_true(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0 ||
                strcmp(type, "histogram") == 0);
}

/* "name value" or "name{label="x"} value", of the family that was announced last. */
static double check_sample(const struct families *families, const char *line)
{
    const char *family = families->names[families->count - 1];
    size_t size = strcspn(line, "{ ");
    const char *value = line + size;
    char *end;
    double number_read;

    assert_true(is_name(line, size));
    assert_memory_equal(line, family, strlen(family));
    if (*value == '{') {
        size_t label = strcspn(value + 1, "=");

        assert_true(is_name(value + 1, label));
        assert_int_equal(value[label + 2], '"');
        value = strchr(value + label + 3, '"');
        assert_non_null(value);
        assert_memory_equal(value, "\"} ", 3);
        value += 2;
    }
    number_read = strtod(value + 1, &end);
    assert_int_equal(*end, '\0');
    assert_true(end > value + 1);
    return number_read;
}

static void test_prometheus(void **state)
{
    struct node_harness *harness = busy_node();
    struct scrape scrape = {.done = TALLY_INIT};
    struct families families = {.count = 0};
    double bucket_before = 0;
    char *line;
    char *rest = NULL;

    (void)state;
    node_harness_post(harness, 0, scrape_it, &scrape);
    tally_wait(&scrape.done, 1);
    assert_int_equal(scrape.text.data[scrape.text.size - 1], '\n');
    assert_non_null(strstr(bytes_text(&scrape.text), "\ntallywheel_accepted_total 800\n"));
    assert_non_null(strstr(scrape.text.data, "\ntallywheel_ack_seconds_count 4\n"));
    assert_non_null(
        strstr(scrape.text.data, "\ntallywheel_stream_events_total{stream=\"plays\"} 700\n"));
    for (line = strtok_r(scrape.text.data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        double value;

        if (*line == '#') {
            check_comment(&families, line);
            continue;
        }
        value = check_sample(&families, line);
        if (strstr(line, "_bucket{le=") == NULL)
            continue;
        assert_true(value >= bucket_before); /* buckets are cumulative */
        bucket_before = value;
    }
    assert_true(bucket_before == 4); /* the last is +Inf: all */
    assert_true(families.count > 20);
    bytes_done(&scrape.text);
    node_harness_free(harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_add_up),
        cmocka_unit_test(test_hidden_streams),
        cmocka_unit_test(test_prometheus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
