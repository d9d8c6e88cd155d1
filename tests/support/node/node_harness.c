// SPDX-License-Identifier: Apache-2.0
/* node_harness.c - see node_harness.h. */
#include "support/node/node_harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/say.h"
#include "engine/partition.h"

static const char definitions[] = "streams:\n"
                                  "  plays:\n"
                                  "    fields: {player: string, points: int, match: string}\n"
                                  "    key: player\n"
                                  "    id: match\n"
                                  "    dedupe: 10m\n"
                                  "  steps:\n"
                                  "    fields: {player: string, points: int, at: time}\n"
                                  "    key: player\n"
                                  "    time: at\n"
                                  "  notes:\n"
                                  "    fields: {player: string, points: int}\n"
                                  "metrics:\n"
                                  "  total: {stream: plays, value: sum(points), every: 1m}\n"
                                  "boards:\n"
                                  "  season: {stream: plays, member: player, score: sum(points)}\n";

/* ---- pushes ---- */

static _Atomic uint32_t push_count;
static _Atomic uint32_t push_total;

uint32_t node_push_count(void)
{
    return atomic_load(&push_count);
}

uint32_t node_push_total(void)
{
    return atomic_load(&push_total);
}

void *node_push_encode(const struct watch_message *message)
{
    struct node_push *push = bytes_alloc_zero(1, sizeof(*push));

    push->id = bytes_dup(message->id);
    push->json = bytes_dup(message->json);
    atomic_fetch_add(&push_count, 1);
    atomic_fetch_add(&push_total, 1);
    return push;
}

void node_push_release(void *encoded)
{
    struct node_push *push = encoded;

    free(push->id);
    free(push->json);
    free(push);
    atomic_fetch_sub(&push_count, 1);
}

/* ---- hooks ---- */

static int on_start(void *context, struct worker *worker, struct err *err)
{
    struct node_harness *harness = context;

    if (harness->at_start != NULL)
        harness->at_start(harness->context, worker);
    tally_add(&harness->started, 1);
    if ((int32_t)worker->number == harness->fail_start)
        return err_set(err, ERR_UNAVAILABLE, "worker %u was told not to start", worker->number);
    return 0;
}

static void on_drain(void *context, struct worker *worker)
{
    struct node_harness *harness = context;

    if (harness->at_drain != NULL)
        harness->at_drain(harness->context, worker);
    node_worker_drained(worker);
}

static void on_close(void *context, struct worker *worker)
{
    struct node_harness *harness = context;

    (void)worker;
    tally_add(&harness->closed, 1);
}

static void on_state(void *context, enum node_state state)
{
    struct node_harness *harness = context;

    tally_add(&harness->states[state], 1);
    if (state == NODE_READY || state == NODE_FAILED)
        tally_add(&harness->decided, 1);
}

/* ---- the node ---- */

static char *make_folder(void)
{
    char path[] = "/tmp/tallywheel-node-XXXXXX";

    if (mkdtemp(path) == NULL) {
        perror(path);
        abort();
    }
    return bytes_dup(span_of(path));
}

static void remove_folder(const char *folder)
{
    char command[4200];

    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    if (system(command) != 0)
        fprintf(stderr, "%s was left behind\n", folder);
}

static void read_conf(struct node_harness *harness, const char *settings)
{
    struct bytes text = {0};
    struct bytes assignment = {0};
    struct err err = {0};
    int rc;

    bytes_put_text(&text, "durability: memory\nsay: warn\n");
    if (settings != NULL)
        bytes_put_text(&text, settings);
    if (settings == NULL || strstr(settings, "streams:") == NULL)
        bytes_put_text(&text, definitions);
    bytes_format(&assignment, "data=%s", harness->folder);
    conf_init(&harness->conf);
    rc = conf_read(&harness->conf, "test.yaml", bytes_span(&text), &err);
    if (rc == 0)
        rc = conf_set(&harness->conf, bytes_text(&assignment), &err);
    if (rc == 0)
        rc = conf_check(&harness->conf, &err);
    if (rc < 0) {
        fprintf(stderr, "config of the test: %s\n", err.text);
        abort();
    }
    bytes_done(&text);
    bytes_done(&assignment);
}

static void free_rest(struct node_harness *harness)
{
    conf_done(&harness->conf);
    if (!harness->keeps_folder)
        remove_folder(harness->folder);
    free(harness->folder);
    free(harness);
}

int node_harness_try_new(struct node_harness **out_harness, const char *settings,
                         const char *folder, const struct journal_ops *journal, struct err *err)
{
    struct node_harness *harness = bytes_alloc_zero(1, sizeof(*harness));
    int rc;

    say_set_level(SAY_ERROR);
    harness->keeps_folder = folder != NULL;
    harness->folder = folder != NULL ? bytes_dup(span_of(folder)) : make_folder();
    harness->fail_start = -1;
    for (int i = 0; i < 4; i++)
        tally_init(&harness->states[i]);
    tally_init(&harness->decided);
    tally_init(&harness->started);
    tally_init(&harness->closed);
    read_conf(harness, settings);
    harness->hooks = (struct node_hooks){
        .context = harness,
        .start = on_start,
        .drain = on_drain,
        .close = on_close,
    };
    rc = node_new(&harness->node, &harness->conf, &clock_system, journal, &harness->hooks, err);
    if (rc < 0) {
        free_rest(harness);
        return rc;
    }
    node_on_state(harness->node, on_state, harness);
    *out_harness = harness;
    return 0;
}

struct node_harness *node_harness_new(const char *settings, const char *folder,
                                      const struct journal_ops *journal)
{
    struct node_harness *harness;
    struct err err = {0};

    if (node_harness_try_new(&harness, settings, folder, journal, &err) < 0) {
        fprintf(stderr, "node_new: %s\n", err.text);
        abort();
    }
    return harness;
}

void node_harness_start(struct node_harness *harness)
{
    struct err err = {0};

    if (node_start(harness->node, &err) < 0) {
        fprintf(stderr, "node_start: %s\n", err.text);
        abort();
    }
}

void node_harness_ready(struct node_harness *harness)
{
    node_harness_start(harness);
    tally_wait(&harness->decided, 1);
    if (node_state(harness->node) != NODE_FAILED)
        return;
    uv_mutex_lock(&harness->node->failure_lock);
    fprintf(stderr, "the node failed: %s\n", harness->node->failure.text);
    uv_mutex_unlock(&harness->node->failure_lock);
    abort();
}

int node_harness_stop(struct node_harness *harness, struct err *err)
{
    node_stop(harness->node);
    return node_join(harness->node, err);
}

void node_harness_end(struct node_harness *harness)
{
    struct err err = {0};

    if (harness->node == NULL)
        return;
    if (tally_get(&harness->started) > 0 &&
        tally_get(&harness->closed) < harness->node->worker_count &&
        node_harness_stop(harness, &err) < 0) {
        fprintf(stderr, "the node ended with: %s\n", err.text);
        abort();
    }
    node_free(harness->node);
    harness->node = NULL;
    if (node_push_count() > 0) {
        fprintf(stderr, "%u pushes were not given back\n", node_push_count());
        abort();
    }
}

void node_harness_free(struct node_harness *harness)
{
    node_harness_end(harness);
    free_rest(harness);
}

uint64_t node_harness_hash(const struct node_harness *harness)
{
    uint64_t hash = 0;

    for (uint32_t i = 0; i < harness->node->partition_count; i++)
        hash = hash * 31 + partition_hash(harness->node->hosts[i].partition);
    return hash;
}

/* ---- work on a worker's thread ---- */

struct job {
    struct message message;
    void (*work)(void *context, struct worker *worker);
    void *context;
    struct tally *done;
};

static void run_job(struct message *message, struct worker *receiver)
{
    struct job *job = (struct job *)message;
    struct tally *done = job->done;

    worker_touch(receiver);
    job->work(job->context, receiver);
    free(job);
    if (done != NULL)
        tally_add(done, 1);
}

static void post(struct node_harness *harness, uint32_t worker,
                 void (*work)(void *context, struct worker *worker), void *context,
                 struct tally *done)
{
    struct job *job = bytes_alloc_zero(1, sizeof(*job));

    job->message.run = run_job;
    job->work = work;
    job->context = context;
    job->done = done;
    worker_send(&harness->node->workers[worker], &job->message);
}

void node_harness_post(struct node_harness *harness, uint32_t worker,
                       void (*work)(void *context, struct worker *worker), void *context)
{
    post(harness, worker, work, context, NULL);
}

void node_harness_run(struct node_harness *harness, uint32_t worker,
                      void (*work)(void *context, struct worker *worker), void *context)
{
    struct tally done = TALLY_INIT;

    post(harness, worker, work, context, &done);
    tally_wait(&done, 1);
}
