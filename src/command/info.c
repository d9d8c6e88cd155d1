// SPDX-License-Identifier: Apache-2.0
/*
 * info.c - INFO: what tools and clients of Redis read about a server, collected from all workers.
 *
 * Sections and names are Redis's. What has no meaning here is left out, but for what clients are
 * known to look for. used_memory is what the process has in memory.
 *
 * Thread: the worker's; visits those of the visited workers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/conf.h"
#include "command/answer.h"
#include "command/command_private.h"
#include "command/config.h"
#include "command/errand.h"
#include "command/task.h"
#include "engine/partition.h"
#include "keys/keys.h"
#include "keyspace/keyspace.h"
#include "model/reply.h"
#include "named/named_stream.h"
#include "node/host.h"
#include "node/node.h"
#include "node/worker.h"
#include "pubsub/pubsub.h"
#include "resp/resp_connection.h"
#include "resp/resp_server.h"

enum section {
    SERVER = 1 << 0,
    CLIENTS = 1 << 1,
    MEMORY = 1 << 2,
    PERSISTENCE = 1 << 3,
    STATS = 1 << 4,
    REPLICATION = 1 << 5,
    CPU = 1 << 6,
    MODULES = 1 << 7,
    ERRORSTATS = 1 << 8,
    CLUSTER = 1 << 9,
    KEYSPACE = 1 << 10,
    ALL = (1 << 11) - 1,
};

struct report {
    struct errand errand; /* first */
    struct task *task;
    uint32_t sections;
    struct resp_counters counters; /* of all workers together */
    uint32_t watching;             /* clients */
    uint32_t watched;              /* keys, once for each client */
    struct keyspace_counts keys;
    uint64_t reading; /* clients that wait in XREAD */
};

static void visit(struct errand *errand, struct command_worker *here)
{
    struct report *report = (struct report *)errand;
    const struct resp_counters *counters = resp_server_counters(here->resp);

    report->counters.connections += counters->connections;
    report->counters.connections_total += counters->connections_total;
    report->reading += stream_waiting(here->worker);
    report->counters.refused_total += counters->refused_total;
    report->counters.commands_total += counters->commands_total;
    report->counters.slow_total += counters->slow_total;
    report->counters.in_bytes += counters->in_bytes;
    report->counters.out_bytes += counters->out_bytes;
    for (const struct resp_connection *connection = resp_server_first(here->resp);
         connection != NULL; connection = resp_connection_next(connection)) {
        const struct session *session = resp_connection_user(connection);
        uint32_t watched = session != NULL ? transaction_watched(session) : 0;

        report->watching += watched > 0;
        report->watched += watched;
    }
    for (uint32_t i = 0; i < here->partition_count; i++) {
        struct host *host = node_host(here->node, i);
        struct keyspace_counts counts;

        if (host->worker != here->worker || !host->ready)
            continue;
        counts = keyspace_counts(partition_keyspace(host->partition));
        report->keys.keys += counts.keys;
        report->keys.expiring += counts.expiring;
        report->keys.expired += counts.expired;
    }
}

static void put_number(struct bytes *out, const char *name, uint64_t value)
{
    bytes_format(out, "%s:%llu\r\n", name, (unsigned long long)value);
}

static void put_text(struct bytes *out, const char *name, const char *value)
{
    bytes_format(out, "%s:%s\r\n", name, value);
}

/* "1.50M" */
static void put_human(struct bytes *out, const char *name, uint64_t value)
{
    static const char units[] = "BKMGTP";
    double scaled = (double)value;
    size_t unit = 0;

    while (scaled >= 1024 && unit < sizeof(units) - 2) {
        scaled /= 1024;
        unit++;
    }
    bytes_format(out, "%s:%.2f%c\r\n", name, scaled, units[unit]);
}

static void put_server(const struct report *report, struct bytes *out)
{
    const struct command_worker *owner = report->task->owner;
    int64_t now_ms = owner->worker->now_ms;
    int64_t up_s = (now_ms - owner->server->start_ms) / 1000;
    struct utsname name;

    put_text(out, "redis_version", COMMAND_REDIS_VERSION);
    put_text(out, "redis_mode", "standalone");
    put_text(out, "server_name", "tallywheel");
    put_text(out, "tallywheel_version", TALLYWHEEL_VERSION);
    if (uname(&name) == 0)
        bytes_format(out, "os:%s %s %s\r\n", name.sysname, name.release, name.machine);
    put_number(out, "arch_bits", 8 * sizeof(void *));
    put_text(out, "multiplexing_api", "libuv");
    put_number(out, "process_id", (uint64_t)getpid());
    put_text(out, "run_id", owner->server->run_id);
    put_number(out, "tcp_port", command_server_port(owner->server));
    put_number(out, "server_time_usec", (uint64_t)now_ms * 1000);
    put_number(out, "uptime_in_seconds", (uint64_t)up_s);
    put_number(out, "uptime_in_days", (uint64_t)up_s / 86400);
    put_number(out, "hz", 10);
    put_text(out, "config_file", "");
    put_number(out, "io_threads_active", node_worker_count(owner->node) > 1);
}

static void put_clients(const struct report *report, struct bytes *out)
{
    const struct command_worker *owner = report->task->owner;

    put_number(out, "connected_clients", report->counters.connections);
    put_number(out, "cluster_connections", 0);
    put_number(out, "maxclients", (uint64_t)config_number(owner->server->config, "maxclients"));
    put_number(out, "blocked_clients", waits_count(owner->node) + report->reading);
    put_number(out, "tracking_clients", 0);
    put_number(out, "watching_clients", report->watching);
    put_number(out, "total_watched_keys", report->watched);
}

static uint64_t resident_bytes(void)
{
    unsigned long long pages[2] = {0};
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu %llu", &pages[0], &pages[1]) != 2)
        pages[1] = 0;
    fclose(file);
    return pages[1] * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void put_memory(const struct report *report, struct bytes *out)
{
    uint64_t used = resident_bytes();
    uint64_t total = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t most = (uint64_t)config_number(report->task->owner->server->config, "maxmemory");
    struct rusage usage;
    uint64_t peak = used;

    if (getrusage(RUSAGE_SELF, &usage) == 0)
        peak = (uint64_t)usage.ru_maxrss * 1024;
    put_number(out, "used_memory", used);
    put_human(out, "used_memory_human", used);
    put_number(out, "used_memory_rss", used);
    put_human(out, "used_memory_rss_human", used);
    put_number(out, "used_memory_peak", peak);
    put_human(out, "used_memory_peak_human", peak);
    put_number(out, "total_system_memory", total);
    put_human(out, "total_system_memory_human", total);
    put_number(out, "used_memory_lua", 0);
    put_number(out, "maxmemory", most);
    put_human(out, "maxmemory_human", most);
    put_text(out, "maxmemory_policy", "noeviction");
    put_text(out, "mem_fragmentation_ratio", "1.00");
    put_text(out, "mem_allocator", "libc");
    put_number(out, "lazyfree_pending_objects", 0);
}

/* The journal is what Redis calls an append only file, synced before anything is acknowledged. */
static void put_persistence(const struct report *report, struct bytes *out)
{
    const struct command_worker *owner = report->task->owner;

    put_number(out, "loading", node_state(owner->node) == NODE_RECOVERING);
    put_number(out, "rdb_changes_since_last_save", 0);
    put_number(out, "rdb_bgsave_in_progress", 0);
    put_number(out, "rdb_last_save_time", (uint64_t)owner->worker->now_ms / 1000);
    put_text(out, "rdb_last_bgsave_status", "ok");
    put_number(out, "aof_enabled", owner->server->conf->durability != CONF_MEMORY);
    put_number(out, "aof_rewrite_in_progress", 0);
    put_text(out, "aof_last_bgrewrite_status", "ok");
    put_text(out, "aof_last_write_status", "ok");
}

static void put_stats(const struct report *report, struct bytes *out)
{
    struct pubsub *pubsub = report->task->owner->server->pubsub;

    put_number(out, "total_connections_received", report->counters.connections_total);
    put_number(out, "total_commands_processed", report->counters.commands_total);
    put_number(out, "total_net_input_bytes", report->counters.in_bytes);
    put_number(out, "total_net_output_bytes", report->counters.out_bytes);
    put_number(out, "rejected_connections", report->counters.refused_total);
    put_number(out, "client_output_buffer_limit_disconnections", report->counters.slow_total);
    put_number(out, "expired_keys", report->keys.expired);
    put_number(out, "evicted_keys", 0);
    put_number(out, "keyspace_hits", 0);
    put_number(out, "keyspace_misses", 0);
    put_number(out, "pubsub_channels", pubsub_names(pubsub, PUBSUB_CHANNEL));
    put_number(out, "pubsub_patterns", pubsub_names(pubsub, PUBSUB_PATTERN));
    put_number(out, "pubsubshard_channels", pubsub_names(pubsub, PUBSUB_SHARD));
    put_number(out, "latest_fork_usec", 0);
    put_number(out, "total_forks", 0);
}

static void put_replication(const struct report *report, struct bytes *out)
{
    put_text(out, "role", "master");
    put_number(out, "connected_slaves", 0);
    put_text(out, "master_failover_state", "no-failover");
    put_text(out, "master_replid", report->task->owner->server->run_id);
    put_text(out, "master_replid2", "0000000000000000000000000000000000000000");
    put_number(out, "master_repl_offset", 0);
    put_text(out, "second_repl_offset", "-1");
    put_number(out, "repl_backlog_active", 0);
}

static void put_cpu(const struct report *report, struct bytes *out)
{
    struct rusage usage;

    (void)report;
    if (getrusage(RUSAGE_SELF, &usage) < 0)
        return;
    bytes_format(out, "used_cpu_sys:%ld.%06ld\r\nused_cpu_user:%ld.%06ld\r\n",
                 (long)usage.ru_stime.tv_sec, (long)usage.ru_stime.tv_usec,
                 (long)usage.ru_utime.tv_sec, (long)usage.ru_utime.tv_usec);
}

static void put_nothing(const struct report *report, struct bytes *out)
{
    (void)report;
    (void)out;
}

static void put_cluster(const struct report *report, struct bytes *out)
{
    (void)report;
    put_number(out, "cluster_enabled", 0);
}

static void put_keyspace(const struct report *report, struct bytes *out)
{
    if (report->keys.keys > 0)
        bytes_format(out, "db0:keys=%u,expires=%u,avg_ttl=0\r\n", report->keys.keys,
                     report->keys.expiring);
}

static const struct {
    const char *name; /* as it is asked for */
    const char *title;
    uint32_t section;
    void (*put)(const struct report *report, struct bytes *out);
} sections[] = {
    {"server", "Server", SERVER, put_server},
    {"clients", "Clients", CLIENTS, put_clients},
    {"memory", "Memory", MEMORY, put_memory},
    {"persistence", "Persistence", PERSISTENCE, put_persistence},
    {"stats", "Stats", STATS, put_stats},
    {"replication", "Replication", REPLICATION, put_replication},
    {"cpu", "CPU", CPU, put_cpu},
    {"modules", "Modules", MODULES, put_nothing},
    {"errorstats", "Errorstats", ERRORSTATS, put_nothing},
    {"cluster", "Cluster", CLUSTER, put_cluster},
    {"keyspace", "Keyspace", KEYSPACE, put_keyspace},
};
#define SECTION_COUNT (sizeof(sections) / sizeof(sections[0]))

static void done(struct errand *errand)
{
    struct report *report = (struct report *)errand;
    struct task *task = report->task;
    struct bytes text = {0};

    for (size_t i = 0; i < SECTION_COUNT; i++) {
        if ((report->sections & sections[i].section) == 0)
            continue;
        bytes_format(&text, "%s# %s\r\n", text.size > 0 ? "\r\n" : "", sections[i].title);
        sections[i].put(report, &text);
    }
    reply_text(&task->out, bytes_span(&text));
    bytes_done(&text);
    free(report);
    task_finish(task);
}

void info_begin(struct task *task, const struct invocation *invocation)
{
    struct report *report = bytes_alloc_zero(1, sizeof(*report));

    report->task = task;
    if (invocation->count == 1)
        report->sections = ALL;
    for (uint32_t i = 1; i < invocation->count; i++) {
        struct span word = invocation->args[i];

        if (grammar_is(word, "default") || grammar_is(word, "all") ||
            grammar_is(word, "everything"))
            report->sections = ALL;
        for (size_t j = 0; j < SECTION_COUNT; j++)
            if (grammar_is(word, sections[j].name))
                report->sections |= sections[j].section;
    }
    errand_begin(&report->errand, task->owner, visit, done);
}
