// SPDX-License-Identifier: Apache-2.0
/*
 * node.c - see node.h.
 *
 * Stopping goes in three steps, each begun when the one before is over on all workers: connections
 * are drained; what is under way comes back (open batches are sent, commits and reads end); handles
 * are closed. After the second step no worker owes another one anything, so none waits in vain.
 */
#include "node/node.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/say.h"
#include "journal/journal.h"
#include "node/data_folder.h"
#include "node/node_private.h"

/* A state is only ever followed by a later one; false if it is too late for `state`. */
static bool advance(struct node *node, enum node_state state)
{
    int old = atomic_load(&node->state);

    while (old < (int)state)
        if (atomic_compare_exchange_weak(&node->state, &old, (int)state)) {
            if (node->told != NULL)
                node->told(node->told_context, state);
            return true;
        }
    return false;
}

bool node_is_stopping(const struct node *node)
{
    return atomic_load(&node->stop_asked) != 0;
}

enum node_state node_state(const struct node *node)
{
    return (enum node_state)atomic_load(&node->state);
}

uint32_t node_partition_count(const struct node *node)
{
    return node->partition_count;
}

uint64_t node_folded(const struct node *node)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < node->partition_count; i++)
        sum += atomic_load_explicit(&node->hosts[i].folded, memory_order_relaxed);
    return sum;
}

struct host *node_host(struct node *node, uint32_t partition)
{
    return &node->hosts[partition];
}

uint32_t node_worker_count(const struct node *node)
{
    return node->worker_count;
}

struct worker *node_worker(const struct node *node, uint32_t number)
{
    return &node->workers[number];
}

const struct conf *node_conf(const struct node *node)
{
    return node->conf;
}

struct journal *node_journal(const struct node *node, uint32_t partition)
{
    return node->hosts[partition].journal;
}

void node_on_state(struct node *node, void (*told)(void *context, enum node_state state),
                   void *context)
{
    node->told = told;
    node->told_context = context;
}

static uint32_t cores_or(uint32_t wanted)
{
    return wanted > 0 ? wanted : conf_cores();
}

static int open_hosts(struct node *node, struct err *err)
{
    for (uint32_t i = 0; i < node->partition_count; i++) {
        int rc = host_open(&node->hosts[i], node, &node->workers[i % node->worker_count], i, err);

        if (rc < 0) {
            err_prefix(err, "partition %u", i);
            return rc;
        }
    }
    return 0;
}

int node_new(struct node **out_node, const struct conf *conf, const struct clock *clock,
             const struct journal_ops *journal, const struct node_hooks *hooks, struct err *err)
{
    struct node *node = bytes_alloc_zero(1, sizeof(*node));
    int rc;

    node->conf = conf;
    node->clock = clock;
    node->journal = journal;
    node->hooks = hooks;
    node->folder_lock = -1;
    node->start_ms = clock_wall_ms(clock);
    node->start_ns = clock_mono_ns(clock);
    node->read_limits = (struct read_limits){
        .page_entries_max = (uint32_t)conf->limits.page_entries,
        .query_points_max = (uint32_t)conf->limits.query_points,
        .search_results_max = (uint32_t)conf->limits.search_results,
        .scan_entries_max = 65536,
    };
    uv_mutex_init(&node->failure_lock);
    uv_sem_init(&node->go, 0);
    sampler_init(&node->sampler);
    node->partition_count = cores_or(conf->partitions);
    rc = data_folder_open(conf->data, conf->partitions, &node->partition_count, &node->folder_lock,
                          err);
    if (rc < 0)
        goto fail;
    node->worker_count = cores_or(conf->workers);
    if (node->worker_count > node->partition_count && conf->workers == 0)
        node->worker_count = node->partition_count;
    node->workers = bytes_alloc_zero(node->worker_count, sizeof(node->workers[0]));
    node->hosts = bytes_alloc_zero(node->partition_count, sizeof(node->hosts[0]));
    atomic_init(&node->recovering, node->partition_count);
    for (uint32_t i = 0; i < node->worker_count; i++)
        if (worker_init(&node->workers[i], node, i) < 0) {
            rc = err_set(err, ERR_INTERNAL, "a worker's event loop could not be made");
            goto fail;
        }
    watch_hub_init(&node->hub, node);
    rc = open_hosts(node, err);
    if (rc < 0)
        goto fail;
    *out_node = node;
    return 0;
fail:
    node_free(node);
    return rc;
}

/* Only before node_start or after node_join. */
void node_free(struct node *node)
{
    if (node == NULL)
        return;
    for (uint32_t i = 0; node->hosts != NULL && i < node->partition_count; i++)
        host_close(&node->hosts[i]);
    watch_hub_done(&node->hub);
    define_done(node);
    for (uint32_t i = 0; node->workers != NULL && i < node->worker_count; i++)
        if (node->workers[i].node != NULL)
            worker_done(&node->workers[i]);
    free(node->hosts);
    free(node->workers);
    sampler_done(&node->sampler);
    data_folder_close(node->folder_lock);
    uv_mutex_destroy(&node->failure_lock);
    uv_sem_destroy(&node->go);
    free(node);
}

static void note_failure(struct node *node, const struct err *err)
{
    uv_mutex_lock(&node->failure_lock);
    if (node->failure.code == 0)
        node->failure = *err;
    uv_mutex_unlock(&node->failure_lock);
}

/* Nothing that was promised can be kept: say why, and end. */
static void fail_node(struct node *node, const struct err *err)
{
    note_failure(node, err);
    advance(node, NODE_FAILED);
    node_stop(node);
}

/* ---- start ---- */

static void run_start(struct message *message, struct worker *worker)
{
    struct node *node = worker->node;
    struct err err = {0};

    (void)message;
    if (node->hooks->start(node->hooks->context, worker, &err) < 0)
        fail_node(node, &err);
    for (uint32_t i = 0; i < node->partition_count && !node_is_stopping(node); i++)
        if (node->hosts[i].worker == worker)
            host_replay(&node->hosts[i]);
}

int node_start(struct node *node, struct err *err)
{
    uint32_t running = 0;

    while (running < node->worker_count && worker_run(&node->workers[running]) == 0)
        running++;
    node->abandoned = running < node->worker_count;
    /* It is the first message of each, whatever one of them sends to the others then. */
    for (uint32_t i = 0; i < node->worker_count && !node->abandoned; i++) {
        node->workers[i].command.run = run_start;
        worker_send(&node->workers[i], &node->workers[i].command);
    }
    for (uint32_t i = 0; i < running; i++)
        uv_sem_post(&node->go);
    if (!node->abandoned)
        return 0;
    for (uint32_t i = 0; i < running; i++)
        uv_thread_join(&node->workers[i].thread);
    return err_set(err, ERR_INTERNAL, "thread %u of %u could not be started", running,
                   node->worker_count);
}

static void run_recovered(struct message *message, struct worker *worker)
{
    free(message);
    define_start(worker->node);
}

void node_host_ready(struct node *node, struct host *host, int rc, const struct err *err)
{
    struct journal_stat stat;

    if (rc < 0) {
        fail_node(node, err);
    } else {
        host->journal->ops->stat(host->journal, &stat);
        atomic_store(&host->replayed_bytes, stat.bytes); /* headers were not counted */
        if (stat.cut_bytes > 0)
            say_warn("journal",
                     "partition %u: cut %llu bytes of a torn tail (they were never acknowledged)",
                     host->number, (unsigned long long)stat.cut_bytes);
        if (host->replayed_rows > 0)
            say_info("node", "partition %u: folded %llu events in %.2f s (%.2f M/s)", host->number,
                     (unsigned long long)host->replayed_rows, (double)host->replay_ns / 1e9,
                     (double)host->replayed_rows * 1e3 / ((double)host->replay_ns + 1));
    }
    if (atomic_fetch_sub(&node->recovering, 1) > 1)
        return;
    if (node_state(node) == NODE_RECOVERING) {
        struct message *message = bytes_alloc_zero(1, sizeof(*message));

        message->run = run_recovered;
        worker_send(&node->workers[0], message);
    }
}

void node_defined(struct node *node, int rc, const struct err *err)
{
    if (rc < 0) {
        fail_node(node, err);
        return;
    }
    if (advance(node, NODE_READY))
        watch_hub_start(&node->hub); /* this worker is told to stop it later than now */
}

void node_host_failed(struct node *node, struct host *host)
{
    /* Reads go on, and other partitions take writes: the state stays, status tells. */
    atomic_fetch_add(&node->hosts_failed, 1);
    note_failure(node, &host->failure);
}

void node_host_full(struct node *node, bool full)
{
    atomic_fetch_add(&node->hosts_full, full ? 1u : UINT32_MAX);
}

void node_refusing(const struct node *node, uint32_t *out_full, uint32_t *out_failed)
{
    *out_full = atomic_load(&node->hosts_full);
    *out_failed = atomic_load(&node->hosts_failed);
}

void node_recovery(const struct node *node, uint64_t *out_done, uint64_t *out_total)
{
    *out_done = 0;
    *out_total = 0;
    for (uint32_t i = 0; i < node->partition_count; i++) {
        struct journal *journal = node->hosts[i].journal;
        struct journal_stat stat;

        journal->ops->stat(journal, &stat);
        *out_done += atomic_load_explicit(&node->hosts[i].replayed_bytes, memory_order_relaxed);
        *out_total += stat.bytes;
    }
}

/* ---- stop ---- */

static void to_all_workers(struct node *node,
                           void (*run)(struct message *message, struct worker *worker))
{
    for (uint32_t i = 0; i < node->worker_count; i++) {
        struct message *message = bytes_alloc_zero(1, sizeof(*message));

        message->run = run;
        worker_send(&node->workers[i], message);
    }
}

static void run_close(struct message *message, struct worker *worker)
{
    free(message);
    worker->node->hooks->close(worker->node->hooks->context, worker);
    worker_close(worker);
}

void node_worker_settled(struct worker *worker)
{
    if (atomic_fetch_sub(&worker->node->phase_left, 1) == 1)
        to_all_workers(worker->node, run_close);
}

static void run_settle(struct message *message, struct worker *worker)
{
    struct node *node = worker->node;

    free(message);
    if (worker->number == 0) {
        watch_hub_stop(&node->hub);
        define_stop(node);
    }
    worker_settle(worker);
}

void node_worker_drained(struct worker *worker)
{
    struct node *node = worker->node;

    if (atomic_fetch_sub(&node->phase_left, 1) > 1)
        return;
    atomic_store(&node->phase_left, node->worker_count);
    to_all_workers(node, run_settle);
}

static void run_drain(struct message *message, struct worker *worker)
{
    free(message);
    worker->node->hooks->drain(worker->node->hooks->context, worker);
}

void node_stop(struct node *node)
{
    if (atomic_exchange(&node->stop_asked, 1) != 0)
        return;
    atomic_store(&node->phase_left, node->worker_count);
    advance(node, NODE_DRAINING);
    to_all_workers(node, run_drain);
}

int node_join(struct node *node, struct err *err)
{
    for (uint32_t i = 0; i < node->worker_count; i++)
        uv_thread_join(&node->workers[i].thread);
    if (node_state(node) == NODE_FAILED) {
        *err = node->failure;
        return err->code;
    }
    return 0;
}
