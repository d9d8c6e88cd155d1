// SPDX-License-Identifier: Apache-2.0
/*
 * query_harness.h - some real partitions with a catalog, for tests of reads and of folding.
 *
 * Rows go to the partition that the hash of their key picks, as in the node. JSON is written with
 * ' in place of ".
 */
#ifndef TALLYWHEEL_TESTS_QUERY_HARNESS_H
#define TALLYWHEEL_TESTS_QUERY_HARNESS_H

#include <assert.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/hash.h"
#include "engine/catalog.h"
#include "engine/partition.h"
#include "model/batch.h"
#include "query/answer.h"
#include "query/read.h"
#include "query_parse/read_parse.h"

#define WORLD_PARTITIONS_MAX 8

struct world {
    uint32_t partition_count;
    struct partition *partitions[WORLD_PARTITIONS_MAX];
    struct batch *batches[WORLD_PARTITIONS_MAX];
    struct catalog *catalog;
    struct read_limits limits;
    int64_t now_ms;
    uint32_t rounds; /* of the last read */
    /* Called between two rounds; NULL: nothing happens. */
    void (*between)(struct world *world, void *context);
    void *between_context;
};

static inline void world_init(struct world *world, uint32_t partition_count,
                              const struct partition_limits *limits)
{
    struct partition_limits plenty = {.series_max = 1000000,
                                      .panes_max = 1000000,
                                      .ids_max = 1000000,
                                      .board_members_max = 10000000,
                                      .board_segments_max = 100000,
                                      .keys_max = 1000,
                                      .key_members_max = 1000};

    *world = (struct world){
        .partition_count = partition_count,
        .catalog = catalog_new(),
        .limits = {10000, 1000000, 1000, 65536},
    };
    for (uint32_t i = 0; i < partition_count; i++)
        world->partitions[i] = partition_new(i, limits != NULL ? limits : &plenty);
}

static inline void world_done(struct world *world)
{
    for (uint32_t i = 0; i < world->partition_count; i++) {
        partition_free(world->partitions[i]);
        batch_free(world->batches[i]);
    }
    catalog_free(world->catalog);
}

static inline json_t *world_json(const char *text)
{
    char *copy = strdup(text);
    json_error_t error;
    json_t *tree;

    for (char *c = copy; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    tree = json_loads(copy, 0, &error);
    if (tree == NULL)
        fail_msg("%s: %s", error.text, copy);
    free(copy);
    return tree;
}

/* `text` NULL drops. Returns what catalog_prepare does. */
static inline int world_try_define(struct world *world, enum definition_kind kind, const char *name,
                                   const char *text, struct err *err)
{
    json_t *tree = text != NULL ? world_json(text) : NULL;
    struct catalog_change change;
    struct bytes record = {0};
    bool unchanged;
    int rc = catalog_prepare(world->catalog, kind, name, tree, 1, "test", &record, &unchanged, err);

    if (rc == 0 && !unchanged) {
        rc = catalog_apply(world->catalog, bytes_span(&record), &change, err);
        for (uint32_t i = 0; rc == 0 && i < world->partition_count; i++)
            rc = partition_define(world->partitions[i], bytes_span(&record), err);
    }
    bytes_done(&record);
    json_decref(tree);
    return rc;
}

static inline void world_define(struct world *world, enum definition_kind kind, const char *name,
                                const char *text)
{
    struct err err = {0};

    if (world_try_define(world, kind, name, text, &err) < 0)
        fail_msg("%s: %s", name, err.text);
}

/* Adds a row to the open batch of the partition that `key` picks, or of `partition`. */
static inline void world_row_to(struct world *world, const char *stream, uint32_t partition,
                                const struct cell *cells)
{
    const struct catalog_stream *found = catalog_find_stream(world->catalog, span_of(stream));

    assert_non_null(found);
    if (world->batches[partition] == NULL)
        world->batches[partition] = batch_new(&found->def, found->id);
    assert_int_equal(world->batches[partition]->stream_id, found->id);
    batch_append(world->batches[partition], cells);
}

static inline void world_row(struct world *world, const char *stream, struct span key,
                             const struct cell *cells)
{
    world_row_to(world, stream, (uint32_t)(hash_bytes(key.data, key.size) % world->partition_count),
                 cells);
}

/* Folds the open batches. */
static inline void world_fold(struct world *world, int64_t wall_ms)
{
    for (uint32_t i = 0; i < world->partition_count; i++) {
        struct err err = {0};

        if (world->batches[i] == NULL)
            continue;
        batch_stamp(world->batches[i], wall_ms);
        if (partition_fold(world->partitions[i], world->batches[i], NULL, &err) < 0)
            fail_msg("%s", err.text);
        batch_free(world->batches[i]);
        world->batches[i] = NULL;
    }
}

static inline int world_run(struct world *world, struct read *read, struct answer *out_answer,
                            struct err *err)
{
    enum read_step step = READ_AGAIN;
    int rc = 0;

    read->round = 0;
    read->now_ms = world->now_ms;
    while (step == READ_AGAIN) {
        assert_in_range(read->round, 0, 2000);
        /* In any order, as in the node. */
        for (uint32_t i = world->partition_count; i-- > 0;)
            read->ops->collect(read, world->partitions[i], i);
        rc = read->ops->merge(read, &step, err);
        if (rc < 0)
            return rc;
        read->round++;
        if (step == READ_AGAIN && world->between != NULL)
            world->between(world, world->between_context);
    }
    world->rounds = (uint32_t)read->round;
    read->ops->print(read, out_answer);
    return 0;
}

/* Asks twice, as a watch does, and wants the same answer if nothing happened between. */
static inline int world_ask(struct world *world, const char *path, struct answer *out_answer,
                            struct err *err)
{
    struct answer again = {0};
    struct bytes diff = {0};
    struct read *read = NULL;
    int rc = read_parse(&read, span_of(path), world->catalog, world->partition_count,
                        &world->limits, world->now_ms, err);

    if (rc < 0)
        return rc;
    rc = world_run(world, read, out_answer, err);
    if (rc == 0 && world->between == NULL) {
        read->ops->reset(read);
        rc = world_run(world, read, &again, err);
        if (answer_diff(out_answer, &again, &diff))
            fail_msg("%s differs when asked again: %s", path, bytes_text(&diff));
    }
    answer_done(&again);
    bytes_done(&diff);
    read_free(read);
    return rc;
}

/* The answer as JSON, to json_decref. */
static inline json_t *world_get(struct world *world, const char *path)
{
    struct answer answer = {0};
    struct bytes text = {0};
    struct err err = {0};
    json_error_t error;
    json_t *tree;

    if (world_ask(world, path, &answer, &err) < 0)
        fail_msg("%s: %s", path, err.text);
    answer_print(&answer, &text);
    tree = json_loadb(text.data, text.size, 0, &error);
    if (tree == NULL)
        fail_msg("%s: %s in %s", path, error.text, bytes_text(&text));
    answer_done(&answer);
    bytes_done(&text);
    return tree;
}

static inline void world_expect(struct world *world, const char *path, const char *json)
{
    json_t *wanted = world_json(json);
    json_t *found = world_get(world, path);

    if (!json_equal(wanted, found)) {
        char *text = json_dumps(found, JSON_COMPACT);

        fail_msg("%s\nexpected %s\nfound    %s", path, json, text);
    }
    json_decref(wanted);
    json_decref(found);
}

/* Wants an error of that code whose text contains `part`. */
static inline void world_refuses(struct world *world, const char *path, int code, const char *part)
{
    struct answer answer = {0};
    struct err err = {0};
    int rc = world_ask(world, path, &answer, &err);

    if (rc != code || strstr(err.text, part) == NULL)
        fail_msg("%s: got %s \"%s\", expected %s with \"%s\"", path, err_code_text(rc), err.text,
                 err_code_text(code), part);
    answer_done(&answer);
}

static inline uint64_t world_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    return hash_u64(*state);
}

static inline struct cell cell_text(const char *text)
{
    return (struct cell){.present = text != NULL,
                         .text = text != NULL ? span_of(text) : (struct span){"", 0}};
}

static inline struct cell cell_int(int64_t value)
{
    return (struct cell){.present = true, .i = value};
}

static inline struct cell cell_float(double value)
{
    return (struct cell){.present = true, .f = value};
}

#endif
