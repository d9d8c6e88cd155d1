// SPDX-License-Identifier: Apache-2.0
/* node_client.c - see node_client.h. */
#include "support/node/node_client.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/catalog.h"
#include "node/ask.h"
#include "node/define.h"
#include "node/ingest.h"
#include "node/worker.h"
#include "query/answer.h"
#include "query/read.h"
#include "support/node/node_harness.h"
#include "support/tally.h"

/* ---- rows ---- */

static void on_fed(struct ingest_request *request)
{
    struct node_feed *feed = request->context;
    struct tally *done = feed->done;

    feed->done_count++;
    feed->accepted = request->accepted;
    feed->duplicates = request->duplicates;
    feed->late = request->late;
    feed->rejected = request->rejected;
    feed->failed = request->failed;
    feed->failure = request->failure;
    feed->offset_count = request->offset_count;
    feed->request = NULL;
    ingest_request_done(request);
    free(request);
    if (done != NULL)
        tally_add(done, 1);
}

static void give_row(struct ingest_request *request, const struct node_feed *feed, uint64_t row)
{
    struct cell cells[STREAM_FIELDS_MAX] = {{0}};
    char player[32];
    char match[32];

    snprintf(player, sizeof(player), "p%llu", (unsigned long long)(row % feed->players));
    snprintf(match, sizeof(match), "m%llu", (unsigned long long)row);
    cells[0] = (struct cell){.present = true, .text = span_of(player)};
    cells[1] = (struct cell){.present = true, .i = 1};
    if (strcmp(feed->stream, "plays") == 0)
        cells[2] = (struct cell){.present = true, .text = span_of(match)};
    if (strcmp(feed->stream, "steps") == 0)
        cells[2] = (struct cell){.present = true, .i = request->worker->now_ms};
    ingest_row(request, cells, row - feed->first + 1);
}

static void feed_rows(void *context, struct worker *worker)
{
    struct node_feed *feed = context;
    const struct catalog_stream *stream =
        catalog_find_stream(worker->catalog, span_of(feed->stream));
    struct ingest_request *request = bytes_alloc_zero(1, sizeof(*request));

    assert(stream != NULL);
    ingest_request_init(request, worker, stream);
    request->context = feed;
    request->done = on_fed;
    feed->request = request;
    for (uint64_t i = 0; i < feed->count; i++)
        give_row(request, feed, feed->first + i);
    ingest_end(request);
}

void node_feed_post(struct node_harness *harness, uint32_t worker, struct node_feed *feed)
{
    node_harness_post(harness, worker, feed_rows, feed);
}

void node_feed_run(struct node_harness *harness, uint32_t worker, struct node_feed *feed)
{
    struct tally done = TALLY_INIT;

    feed->done = &done;
    node_feed_post(harness, worker, feed);
    tally_wait(&done, 1);
    feed->done = NULL;
}

/* ---- reads ---- */

struct question {
    const char *path;
    char *text;
    int rc;
    struct err err;
    struct tally done;
};

static void on_answered(void *context, struct read *read, int rc, const struct err *err)
{
    struct question *question = context;
    struct answer answer = {0};
    struct bytes text = {0};

    question->rc = rc;
    if (rc < 0) {
        question->err = *err;
    } else {
        read->ops->print(read, &answer);
        answer_print(&answer, &text);
        question->text = bytes_dup(bytes_span(&text));
    }
    answer_done(&answer);
    bytes_done(&text);
    read_free(read);
    tally_add(&question->done, 1);
}

static void ask(void *context, struct worker *worker)
{
    struct question *question = context;
    struct read *read;

    question->rc = ask_parse(&read, worker, span_of(question->path), &question->err);
    if (question->rc < 0)
        tally_add(&question->done, 1);
    else
        ask_read(worker, read, on_answered, question);
}

char *node_client_get(struct node_harness *harness, uint32_t worker, const char *path,
                      struct err *err)
{
    struct question question = {.path = path, .done = TALLY_INIT};

    node_harness_post(harness, worker, ask, &question);
    tally_wait(&question.done, 1);
    if (question.rc < 0)
        *err = question.err;
    return question.text;
}

uint64_t node_client_points(struct node_harness *harness, uint32_t worker)
{
    struct err err = {0};
    char *text = node_client_get(harness, worker, "boards/season/top?n=10000", &err);
    json_t *tree = text != NULL ? json_loads(text, 0, NULL) : NULL;
    json_t *entries = json_object_get(tree, "entries");
    uint64_t points = 0;
    size_t index;
    json_t *entry;

    if (entries == NULL) {
        fprintf(stderr, "boards/season/top: %s\n", text != NULL ? text : err.text);
        abort();
    }
    json_array_foreach(entries, index, entry) points +=
        (uint64_t)json_number_value(json_object_get(entry, "score"));
    json_decref(tree);
    free(text);
    return points;
}

/* ---- definitions ---- */

struct wish {
    enum definition_kind kind;
    const char *name;
    json_t *tree;
    uint32_t version;
    int rc;
    struct err err;
    struct tally done;
    char *text;
};

static void on_defined(struct define_request *request)
{
    struct wish *wish = request->context;

    wish->rc = request->rc;
    wish->err = request->err;
    define_request_free(request);
    tally_add(&wish->done, 1);
}

static void wish_for(void *context, struct worker *worker)
{
    struct wish *wish = context;
    struct define_request *request;

    wish->rc = define_request_new(&request, worker, wish->kind, span_of(wish->name), wish->tree,
                                  &wish->err);
    if (wish->rc < 0) {
        tally_add(&wish->done, 1);
        return;
    }
    request->version = wish->version;
    request->context = wish;
    request->done = on_defined;
    define(request);
}

static json_t *tree_of(const char *json)
{
    char *copy = bytes_dup(span_of(json));
    json_t *tree;

    for (char *c = copy; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    tree = json_loads(copy, 0, NULL);
    if (tree == NULL) {
        fprintf(stderr, "not JSON: %s\n", json);
        abort();
    }
    free(copy);
    return tree;
}

int node_client_define(struct node_harness *harness, uint32_t worker, enum definition_kind kind,
                       const char *name, const char *json, uint32_t version, struct err *err)
{
    struct wish wish = {.kind = kind, .name = name, .version = version, .done = TALLY_INIT};

    wish.tree = json != NULL ? tree_of(json) : NULL;
    node_harness_post(harness, worker, wish_for, &wish);
    tally_wait(&wish.done, 1);
    json_decref(wish.tree);
    if (wish.rc < 0)
        *err = wish.err;
    return wish.rc;
}

static void print_definition(void *context, struct worker *worker)
{
    struct wish *wish = context;
    struct bytes text = {0};

    if (catalog_print(worker->catalog, wish->kind, span_of(wish->name), &text, NULL) == 0)
        wish->text = bytes_dup(bytes_span(&text));
    bytes_done(&text);
}

char *node_client_definition(struct node_harness *harness, uint32_t worker,
                             enum definition_kind kind, const char *name)
{
    struct wish wish = {.kind = kind, .name = name};

    node_harness_run(harness, worker, print_definition, &wish);
    return wish.text;
}
