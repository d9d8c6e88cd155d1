// SPDX-License-Identifier: Apache-2.0
/* define.c - see define.h. */
#include "node/define.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/say.h"
#include "engine/catalog.h"
#include "node/node_private.h"
#include "node/submission.h"

struct spread {
    struct message message;
    struct node *node;
    struct span record; /* of the definer, or of a host's list: stays until all have applied it */
};

int define_request_new(struct define_request **out_request, struct worker *origin,
                       enum definition_kind kind, struct span name, const struct json_t *tree,
                       struct err *err)
{
    struct define_request *request;

    if (name.size == 0 || name.size >= NAME_BYTES_MAX)
        return err_set(err, ERR_INVALID, "%s: a name has 1 to %d bytes", definition_kind_text(kind),
                       NAME_BYTES_MAX - 1);
    request = bytes_alloc_zero(1, sizeof(*request));
    request->origin = origin;
    request->kind = kind;
    memcpy(request->name, name.data, name.size);
    request->tree = json_incref((json_t *)(uintptr_t)tree); /* counted, never changed */
    request->author = "api";
    *out_request = request;
    return 0;
}

void define_request_free(struct define_request *request)
{
    if (request == NULL)
        return;
    json_decref(request->tree);
    free(request);
}

static void next(struct node *node);

/* ---- back to the asker ---- */

static void run_answer(struct message *message, struct worker *receiver)
{
    struct define_request *request = (struct define_request *)message;

    request->done(request);
    worker_end(receiver);
}

static void answer(struct node *node, int rc, const struct err *err)
{
    struct define_request *request = node->definer.current;

    request->rc = rc;
    if (rc < 0)
        request->err = *err;
    node->definer.current = NULL;
    request->message.run = run_answer;
    worker_send(request->origin, &request->message);
}

/* ---- to the workers' catalogs ---- */

static void run_spread_back(struct message *message, struct worker *receiver)
{
    struct definer *definer = &receiver->node->definer;

    free(message);
    if (--definer->pending > 0)
        return;
    answer(receiver->node, 0, NULL);
    next(receiver->node);
}

static void run_spread(struct message *message, struct worker *receiver)
{
    struct spread *spread = (struct spread *)message;
    struct catalog_change change;
    struct err err = {0};
    int rc = catalog_apply(receiver->catalog, spread->record, &change, &err);

    /* It has been applied by every partition: it cannot fail here. */
    assert(rc == 0);
    (void)rc;
    message->run = run_spread_back;
    worker_send(&receiver->node->workers[0], message);
}

static void spread_to_workers(struct node *node)
{
    node->definer.pending = node->worker_count;
    for (uint32_t i = 0; i < node->worker_count; i++) {
        struct spread *spread = bytes_alloc_zero(1, sizeof(*spread));

        spread->message.run = run_spread;
        spread->node = node;
        spread->record = bytes_span(&node->definer.record);
        worker_send(&node->workers[i], &spread->message);
    }
}

/* ---- to the partitions ---- */

static void submit_record(struct node *node, uint32_t partition, struct span record,
                          void (*returned)(struct submission *, struct worker *))
{
    worker_submit_record(&node->workers[0], partition, JOURNAL_DEFINITION, record, returned, NULL);
}

static void on_journaled(struct submission *submission, struct worker *origin)
{
    struct node *node = origin->node;
    struct definer *definer = &node->definer;

    if (submission->rc < 0) {
        definer->rc = submission->rc;
        definer->err = submission->err;
    }
    worker_free_record(submission);
    if (--definer->pending > 0)
        return;
    if (definer->rc < 0) {
        definer->uneven = true;
        answer(node, definer->rc, &definer->err);
        next(node);
    } else {
        spread_to_workers(node);
    }
}

/* What users have defined: a stream behind a board that takes scores directly is not counted. */
static uint32_t count_definitions(const struct catalog *catalog)
{
    uint32_t count = catalog->stream_count + catalog->metric_count + catalog->board_count;

    for (uint32_t i = 0; i < catalog->stream_count; i++)
        count -= catalog->streams[i]->of_board;
    return count;
}

/*
 * Every journal holds a prefix of one list of definitions. So once one of them takes no more, or
 * has missed one, there must be no further ones. A full disk passes; the definition that met it
 * waits in the partition, and there is no point in making more of them wait.
 */
static int check_journals(const struct node *node, struct err *err)
{
    if (node->definer.uneven || atomic_load(&node->hosts_failed) > 0)
        return err_set(err, ERR_UNAVAILABLE,
                       "a partition takes no more writes, so nothing can be defined until the "
                       "server is restarted; GET /v1/status names the partition");
    if (atomic_load(&node->hosts_full) > 0)
        return err_set(err, ERR_FULL,
                       "the disk is full, so nothing can be defined until there is room; "
                       "GET /v1/status names the partition");
    return 0;
}

static int check_count(const struct node *node, const struct define_request *request,
                       struct err *err)
{
    const struct catalog *catalog = node->workers[0].catalog;
    int64_t limit = node->conf->limits.definitions;
    bool adds = request->tree != NULL &&
                catalog_version(catalog, request->kind, span_of(request->name)) == 0;

    if (!adds || count_definitions(catalog) < (uint64_t)limit)
        return 0;
    return err_set(err, ERR_LIMIT, "there are %u definitions, the limit `definitions` is %lld",
                   count_definitions(catalog), (long long)limit);
}

/* Whoever sends back what it has read must not undo what somebody else has changed since. */
static int check_version(const struct catalog *catalog, const struct define_request *request,
                         struct err *err)
{
    uint32_t version = catalog_version(catalog, request->kind, span_of(request->name));

    if (request->version == 0 || request->version == version)
        return 0;
    return err_set(err, ERR_CONFLICT,
                   "%s.%s has version %u by now, not %u; read it again, or leave \"version\" out",
                   definition_kind_text(request->kind), request->name, version, request->version);
}

static void run_one(struct node *node)
{
    struct definer *definer = &node->definer;
    struct define_request *request = definer->current;
    const struct catalog *catalog = node->workers[0].catalog;
    struct err err = {0};
    int rc;

    bytes_clear(&definer->record);
    definer->rc = 0;
    rc = definer->closed ? err_set(&err, ERR_UNAVAILABLE, "the server is shutting down")
                         : check_journals(node, &err);
    if (rc == 0)
        rc = check_count(node, request, &err);
    if (rc == 0)
        rc = check_version(catalog, request, &err);
    if (rc == 0)
        rc = catalog_prepare(catalog, request->kind, request->name, request->tree,
                             clock_wall_ms(node->clock), request->author, &definer->record,
                             &request->unchanged, &err);
    if (rc < 0 || request->unchanged) {
        answer(node, rc, &err);
        return;
    }
    definer->pending = node->partition_count;
    for (uint32_t i = 0; i < node->partition_count; i++)
        submit_record(node, i, bytes_span(&definer->record), on_journaled);
}

/* Begins the next request; those that can be answered at once are. */
static void next(struct node *node)
{
    struct definer *definer = &node->definer;

    while (definer->current == NULL && definer->queue_first != NULL &&
           (definer->open || definer->closed)) {
        definer->current = definer->queue_first;
        definer->queue_first = definer->current->next;
        run_one(node);
    }
}

void define_stop(struct node *node)
{
    node->definer.closed = true;
    next(node);
}

static void run_enqueue(struct message *message, struct worker *receiver)
{
    struct definer *definer = &receiver->node->definer;
    struct define_request *request = (struct define_request *)message;

    request->next = NULL;
    if (definer->queue_first == NULL)
        definer->queue_first = request;
    else
        definer->queue_last->next = request;
    definer->queue_last = request;
    next(receiver->node);
}

void define(struct define_request *request)
{
    request->message.run = run_enqueue;
    worker_begin(request->origin);
    worker_send(&request->origin->node->workers[0], &request->message);
}

/* ---- start ---- */

static void define_next_of_config(struct node *node);

static void on_config_defined(struct define_request *request)
{
    struct node *node = request->origin->node;

    if (request->rc < 0) {
        conf_locate(node->conf, &request->err);
        node_defined(node, request->rc, &request->err);
        define_request_free(request);
        return;
    }
    if (!request->unchanged)
        say_info("node", "defined %s.%s", definition_kind_text(request->kind), request->name);
    define_request_free(request);
    define_next_of_config(node);
}

static void define_next_of_config(struct node *node)
{
    const struct conf *conf = node->conf;
    struct definer *definer = &node->definer;
    const struct conf_definition *definition;
    struct define_request *request = NULL;
    enum definition_kind kind;
    struct err err = {0};
    int rc;

    if (node_is_stopping(node))
        return;
    if (definer->config_next == conf->definition_count) {
        node_defined(node, 0, NULL);
        return;
    }
    definition = &conf->definitions[definer->config_next++];
    if (!catalog_kind_by_text(definition->kind, &kind))
        rc = err_set(&err, ERR_INVALID, "%s: unknown kind of definition", definition->kind);
    else
        rc = define_request_new(&request, &node->workers[0], kind, span_of(definition->name),
                                definition->tree, &err);
    if (rc < 0) {
        node_defined(node, rc, &err);
        return;
    }
    request->author = "config";
    request->done = on_config_defined;
    define(request);
}

static void caught_up(struct node *node)
{
    node->definer.open = true;
    define_next_of_config(node);
    next(node);
}

static void on_caught_up(struct submission *submission, struct worker *origin)
{
    struct node *node = origin->node;
    struct definer *definer = &node->definer;

    if (submission->rc < 0) {
        definer->rc = submission->rc;
        definer->err = submission->err;
    }
    worker_free_record(submission);
    if (--definer->pending > 0)
        return;
    if (definer->rc < 0)
        node_defined(node, definer->rc, &definer->err);
    else
        caught_up(node);
}

/* Journals that lack the last definitions get them now. */
static void catch_up_partitions(struct node *node)
{
    struct definer *definer = &node->definer;
    const struct host *longest = &node->hosts[0];
    uint32_t missing = 0;

    for (uint32_t i = 1; i < node->partition_count; i++)
        if (node->hosts[i].definition_count > longest->definition_count)
            longest = &node->hosts[i];
    for (uint32_t i = 0; i < node->partition_count; i++)
        missing += longest->definition_count - node->hosts[i].definition_count;
    if (missing == 0) {
        caught_up(node);
        return;
    }
    definer->pending = missing;
    for (uint32_t i = 0; i < node->partition_count; i++)
        for (uint32_t j = node->hosts[i].definition_count; j < longest->definition_count; j++)
            submit_record(node, i, bytes_span(&longest->definitions[j]), on_caught_up);
}

static void run_catalogs_ready(struct message *message, struct worker *receiver)
{
    free(message);
    if (!node_is_stopping(receiver->node))
        catch_up_partitions(receiver->node);
    worker_end(receiver);
}

/* The worker catalogs are a fold of the longest list. */
static void run_catch_up(struct message *message, struct worker *receiver)
{
    struct node *node = receiver->node;
    const struct host *longest = &node->hosts[0];
    struct catalog_change change;

    for (uint32_t i = 1; i < node->partition_count; i++)
        if (node->hosts[i].definition_count > longest->definition_count)
            longest = &node->hosts[i];
    for (uint32_t i = 0; i < longest->definition_count; i++) {
        int rc =
            catalog_apply(receiver->catalog, bytes_span(&longest->definitions[i]), &change, NULL);

        assert(rc == 0); /* the partition has folded it */
        (void)rc;
    }
    if (atomic_fetch_sub(&node->definer.catalogs_left, 1) > 1) {
        free(message);
        return;
    }
    message->run = run_catalogs_ready;
    worker_send(&node->workers[0], message);
}

void define_start(struct node *node)
{
    if (node_is_stopping(node))
        return;
    atomic_store(&node->definer.catalogs_left, node->worker_count);
    worker_begin(&node->workers[0]);
    for (uint32_t i = 0; i < node->worker_count; i++) {
        struct message *message = bytes_alloc_zero(1, sizeof(*message));

        message->run = run_catch_up;
        worker_send(&node->workers[i], message);
    }
}

void define_done(struct node *node)
{
    struct definer *definer = &node->definer;

    define_request_free(definer->current);
    definer->current = NULL;
    while (definer->queue_first != NULL) {
        struct define_request *request = definer->queue_first;

        definer->queue_first = request->next;
        define_request_free(request);
    }
    bytes_done(&definer->record);
}
