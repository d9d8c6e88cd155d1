// SPDX-License-Identifier: Apache-2.0
/*
 * config.c - CONFIG GET and SET; see config.h.
 *
 * One table of names with kinds and defaults. A value is kept as the text that CONFIG GET shows. A
 * SET of several settings is checked as a whole before any of it holds.
 *
 * Thread: any; the lock is held for a whole GET or SET.
 */
#include "command/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/conf.h"
#include "command/answer.h"
#include "command/command_private.h"
#include "command/errand.h"
#include "command/task.h"
#include "engine/partition.h"
#include "model/reply.h"
#include "node/host.h"
#include "node/node.h"

#define VALUE_BYTES_MAX 4096

enum kind { FIXED, YES_NO, NUMBER, SIZE, WORD, TEXT, FLAGS };

/* Of notify-keyspace-events, in the order in which they are told; "A" is the first ten of them,
 * and hides the "n" behind them. */
static const char event_flags[] = "g$lshzxetdnKEm";

#define EVENT_FLAGS_ALL 10u

/* Names are unique; an alias has the value of the setting before it. `words` are those of WORD. */
static const struct setting {
    const char *name;
    enum kind kind;
    const char *value;
    int64_t least;
    int64_t most;
    const char *words;
    bool alias;
} settings[] = {
    {"active-expire-effort", NUMBER, "1", 1, 10, NULL, false},
    {"activedefrag", YES_NO, "no", 0, 0, NULL, false},
    {"activerehashing", YES_NO, "yes", 0, 0, NULL, false},
    {"aof-load-truncated", YES_NO, "yes", 0, 0, NULL, false},
    {"aof-use-rdb-preamble", YES_NO, "yes", 0, 0, NULL, false},
    {"appendfilename", FIXED, "appendonly.aof", 0, 0, NULL, false},
    {"appendfsync", WORD, "always", 0, 0, "always, everysec, no", false},
    {"appendonly", YES_NO, "yes", 0, 0, NULL, false},
    {"auto-aof-rewrite-min-size", SIZE, "67108864", 0, INT64_MAX, NULL, false},
    {"auto-aof-rewrite-percentage", NUMBER, "100", 0, INT32_MAX, NULL, false},
    {"bind", FIXED, "", 0, 0, NULL, false},
    {"busy-reply-threshold", NUMBER, "5000", 0, INT64_MAX, NULL, false},
    {"client-output-buffer-limit", TEXT,
     "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60", 0, 0, NULL, false},
    {"client-query-buffer-limit", SIZE, "1073741824", 1 << 20, INT64_MAX, NULL, false},
    {"cluster-enabled", FIXED, "no", 0, 0, NULL, false},
    {"databases", FIXED, "1", 0, 0, NULL, false},
    {"dbfilename", TEXT, "dump.rdb", 0, 0, NULL, false},
    {"dir", TEXT, "", 0, 0, NULL, false},
    {"dynamic-hz", YES_NO, "yes", 0, 0, NULL, false},
    {"enable-debug-command", FIXED, "no", 0, 0, NULL, false},
    {"hash-max-listpack-entries", NUMBER, "512", 0, INT64_MAX, NULL, false},
    {"hash-max-ziplist-entries", NUMBER, "512", 0, INT64_MAX, NULL, true},
    {"hash-max-listpack-value", SIZE, "64", 0, INT64_MAX, NULL, false},
    {"hash-max-ziplist-value", SIZE, "64", 0, INT64_MAX, NULL, true},
    {"hll-sparse-max-bytes", SIZE, "3000", 0, INT64_MAX, NULL, false},
    {"hz", NUMBER, "10", 0, INT32_MAX, NULL, false},
    {"io-threads", FIXED, "1", 0, 0, NULL, false},
    {"latency-monitor-threshold", NUMBER, "0", 0, INT64_MAX, NULL, false},
    {"latency-tracking", YES_NO, "no", 0, 0, NULL, false},
    {"lazyfree-lazy-eviction", YES_NO, "no", 0, 0, NULL, false},
    {"lazyfree-lazy-expire", YES_NO, "no", 0, 0, NULL, false},
    {"lazyfree-lazy-server-del", YES_NO, "no", 0, 0, NULL, false},
    {"lazyfree-lazy-user-del", YES_NO, "no", 0, 0, NULL, false},
    {"lazyfree-lazy-user-flush", YES_NO, "no", 0, 0, NULL, false},
    {"lfu-decay-time", NUMBER, "1", 0, INT32_MAX, NULL, false},
    {"lfu-log-factor", NUMBER, "10", 0, INT32_MAX, NULL, false},
    {"list-compress-depth", NUMBER, "0", 0, INT32_MAX, NULL, false},
    {"list-max-listpack-size", NUMBER, "-2", INT32_MIN, INT32_MAX, NULL, false},
    {"list-max-ziplist-size", NUMBER, "-2", INT32_MIN, INT32_MAX, NULL, true},
    {"loglevel", WORD, "notice", 0, 0, "debug, verbose, notice, warning, nothing", false},
    {"maxclients", NUMBER, "10000", 1, UINT32_MAX, NULL, false},
    {"maxmemory", SIZE, "0", 0, INT64_MAX, NULL, false},
    {"maxmemory-policy", WORD, "noeviction", 0, 0,
     "volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, allkeys-lfu, "
     "allkeys-random, noeviction",
     false},
    {"maxmemory-samples", NUMBER, "5", 1, 64, NULL, false},
    {"min-replicas-max-lag", NUMBER, "10", 0, INT32_MAX, NULL, false},
    {"min-replicas-to-write", NUMBER, "0", 0, INT32_MAX, NULL, false},
    {"no-appendfsync-on-rewrite", YES_NO, "no", 0, 0, NULL, false},
    {"notify-keyspace-events", FLAGS, "", 0, 0, NULL, false},
    {"port", FIXED, "", 0, 0, NULL, false},
    {"proto-max-bulk-len", SIZE, "536870912", 1 << 20, INT64_MAX, NULL, false},
    {"protected-mode", YES_NO, "no", 0, 0, NULL, false},
    {"rdbchecksum", FIXED, "yes", 0, 0, NULL, false},
    {"rdbcompression", YES_NO, "yes", 0, 0, NULL, false},
    {"repl-backlog-size", SIZE, "1048576", 1, INT64_MAX, NULL, false},
    {"repl-diskless-sync", YES_NO, "yes", 0, 0, NULL, false},
    {"repl-diskless-sync-delay", NUMBER, "5", 0, INT32_MAX, NULL, false},
    {"repl-timeout", NUMBER, "60", 1, INT32_MAX, NULL, false},
    {"replica-read-only", YES_NO, "yes", 0, 0, NULL, false},
    {"replica-serve-stale-data", YES_NO, "yes", 0, 0, NULL, false},
    {"requirepass", FIXED, "", 0, 0, NULL, false},
    {"sanitize-dump-payload", WORD, "no", 0, 0, "no, yes, clients", false},
    {"save", TEXT, "", 0, 0, NULL, false},
    {"set-max-intset-entries", NUMBER, "512", 0, INT64_MAX, NULL, false},
    {"set-max-listpack-entries", NUMBER, "128", 0, INT64_MAX, NULL, false},
    {"set-max-listpack-value", SIZE, "64", 0, INT64_MAX, NULL, false},
    {"slowlog-log-slower-than", NUMBER, "10000", -1, INT64_MAX, NULL, false},
    {"slowlog-max-len", NUMBER, "128", 0, INT64_MAX, NULL, false},
    {"stop-writes-on-bgsave-error", YES_NO, "yes", 0, 0, NULL, false},
    {"stream-node-max-bytes", SIZE, "4096", 0, INT64_MAX, NULL, false},
    {"stream-node-max-entries", NUMBER, "100", 0, INT64_MAX, NULL, false},
    {"tcp-keepalive", NUMBER, "300", 0, INT32_MAX, NULL, false},
    {"timeout", NUMBER, "0", 0, INT32_MAX, NULL, false},
    {"tracking-table-max-keys", NUMBER, "1000000", 0, INT64_MAX, NULL, false},
    {"zset-max-listpack-entries", NUMBER, "128", 0, INT64_MAX, NULL, false},
    {"zset-max-ziplist-entries", NUMBER, "128", 0, INT64_MAX, NULL, true},
    {"zset-max-listpack-value", SIZE, "64", 0, INT64_MAX, NULL, false},
    {"zset-max-ziplist-value", SIZE, "64", 0, INT64_MAX, NULL, true},
};
#define SETTING_COUNT (sizeof(settings) / sizeof(settings[0]))

struct config {
    uv_mutex_t lock;
    char *values[SETTING_COUNT]; /* NULL for an alias */
};

static size_t find(struct span name)
{
    size_t i = 0;

    while (i < SETTING_COUNT && !grammar_is(name, settings[i].name))
        i++;
    return i;
}

static size_t owner_of(size_t index)
{
    return settings[index].alias ? index - 1 : index;
}

static void set(struct config *config, const char *name, const char *value)
{
    size_t index = find(span_of(name));

    free(config->values[index]);
    config->values[index] = bytes_dup(span_of(value));
}

struct config *config_new(const struct conf *conf)
{
    struct config *config = bytes_alloc_zero(1, sizeof(*config));
    char text[32];

    uv_mutex_init(&config->lock);
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (!settings[i].alias)
            config->values[i] = bytes_dup(span_of(settings[i].value));
    set(config, "dir", conf->data);
    set(config, "bind", conf->resp.host);
    snprintf(text, sizeof(text), "%u", conf->resp.port);
    set(config, "port", text);
    snprintf(text, sizeof(text), "%lld", (long long)conf->limits.resp_connections);
    set(config, "maxclients", text);
    snprintf(text, sizeof(text), "%lld", (long long)conf->limits.resp_bulk_bytes);
    set(config, "proto-max-bulk-len", text);
    return config;
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < SETTING_COUNT; i++)
        free(config->values[i]);
    uv_mutex_destroy(&config->lock);
    free(config);
}

int64_t config_number(struct config *config, const char *name)
{
    int64_t value;

    uv_mutex_lock(&config->lock);
    value = strtoll(config->values[owner_of(find(span_of(name)))], NULL, 10);
    uv_mutex_unlock(&config->lock);
    return value;
}

/* ---- CONFIG GET ---- */

void config_get(struct invocation *invocation)
{
    struct config *config = command_worker_of(invocation)->server->config;
    size_t at = reply_aggregate_begin(invocation->out, REPLY_MAP);
    uint32_t count = 0;
    struct bytes pattern = {0};

    uv_mutex_lock(&config->lock);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        struct span name = span_of(settings[i].name);
        bool found = false;

        for (uint32_t j = 2; !found && j < invocation->count; j++) {
            bytes_clear(&pattern);
            for (size_t k = 0; k < invocation->args[j].size; k++) {
                char c = invocation->args[j].data[k];

                bytes_put_char(&pattern, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
            }
            found = pubsub_match(bytes_span(&pattern), name);
        }
        if (!found)
            continue;
        reply_bulk(invocation->out, name);
        reply_bulk(invocation->out, span_of(config->values[owner_of(i)]));
        count++;
    }
    uv_mutex_unlock(&config->lock);
    reply_aggregate_end(invocation->out, at, count);
    bytes_done(&pattern);
}

/* ---- CONFIG SET ---- */

/* "100mb", "1k", "3GB", "17" */
static bool read_size(struct span text, int64_t *out_value)
{
    static const struct {
        const char *unit;
        int64_t factor;
    } units[] = {
        {"b", 1},        {"k", 1000},       {"kb", 1 << 10}, {"m", 1000000},
        {"mb", 1 << 20}, {"g", 1000000000}, {"gb", 1 << 30},
    };
    size_t digits = 0;
    struct span unit;

    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    unit = (struct span){text.data + digits, text.size - digits};
    if (!grammar_int_read((struct span){text.data, digits}, out_value))
        return false;
    if (unit.size == 0)
        return true;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (grammar_is(unit, units[i].unit))
            return !__builtin_mul_overflow(*out_value, units[i].factor, out_value);
    return false;
}

static bool is_one_of(struct span value, const char *words)
{
    const char *at = words;

    while (*at != '\0') {
        size_t size = strcspn(at, ",");
        char word[32];

        snprintf(word, sizeof(word), "%.*s", (int)size, at);
        if (grammar_is(value, word))
            return true;
        at += size;
        at += strspn(at, ", ");
    }
    return false;
}

/* Each flag once, in order. False for one that is none. */
static bool read_event_flags(struct span value, struct bytes *text)
{
    bool has[sizeof(event_flags)] = {false};
    bool all = true;

    for (size_t i = 0; i < value.size; i++) {
        const char *flag = strchr(event_flags, value.data[i]);

        if (value.data[i] != 'A' && flag == NULL)
            return false;
        for (size_t j = 0; j < EVENT_FLAGS_ALL && flag == NULL; j++)
            has[j] = true;
        if (flag != NULL)
            has[flag - event_flags] = true;
    }
    bytes_clear(text);
    for (size_t j = 0; j < EVENT_FLAGS_ALL; j++)
        all = all && has[j];
    if (all)
        bytes_put_char(text, 'A');
    for (size_t j = all ? EVENT_FLAGS_ALL + 1 : 0; event_flags[j] != '\0'; j++)
        if (has[j])
            bytes_put_char(text, event_flags[j]);
    return true;
}

/* What is wrong with a value, or NULL; `text` becomes what will be shown of it. */
static const char *check(const struct setting *setting, struct span value, struct bytes *text,
                         char *problem, size_t problem_size)
{
    int64_t number = 0;
    bool numeric = setting->kind == NUMBER || setting->kind == SIZE;

    bytes_clear(text);
    bytes_put(text, value.data, value.size);
    if (value.size > VALUE_BYTES_MAX || memchr(value.data, 0, value.size) != NULL)
        return "argument is too long, or no text";
    switch (setting->kind) {
    case FIXED:
        return "can't set immutable config";
    case YES_NO:
        if (!grammar_is(value, "yes") && !grammar_is(value, "no"))
            return "argument must be 'yes' or 'no'";
        break;
    case NUMBER:
        if (!grammar_int_read(value, &number))
            return "argument couldn't be parsed into an integer";
        break;
    case SIZE:
        if (!read_size(value, &number))
            return "argument must be a memory value";
        break;
    case WORD:
        if (is_one_of(value, setting->words))
            break;
        snprintf(problem, problem_size, "argument(s) must be one of the following: %s",
                 setting->words);
        return problem;
    case FLAGS:
        if (!read_event_flags(value, text))
            return "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
        break;
    case TEXT:
        break;
    }
    if (numeric && (number < setting->least || number > setting->most)) {
        snprintf(problem, problem_size, "argument must be between %lld and %lld inclusive",
                 (long long)setting->least, (long long)setting->most);
        return problem;
    }
    if (numeric) {
        bytes_clear(text);
        bytes_format(text, "%lld", (long long)number);
    }
    return NULL;
}

/* Whether all pairs can be set, which is said once for the first that cannot. */
static bool check_pairs(const struct invocation *invocation, struct bytes *text, struct bytes *out)
{
    char problem[256];

    for (uint32_t i = 2; i < invocation->count; i += 2) {
        struct span name = invocation->args[i];
        size_t index = find(name);
        const char *wrong = NULL;

        if (index == SETTING_COUNT) {
            reply_error(out, "ERR Unknown option or number of arguments for CONFIG SET - '%.*s'",
                        (int)(name.size < 128 ? name.size : 128), name.data);
            return false;
        }
        for (uint32_t j = 2; wrong == NULL && j < i; j += 2)
            if (find(invocation->args[j]) == index)
                wrong = "duplicate parameter";
        if (wrong == NULL)
            wrong =
                check(&settings[index], invocation->args[i + 1], text, problem, sizeof(problem));
        if (wrong != NULL) {
            reply_error(out, "ERR CONFIG SET failed (possibly related to argument '%s') - %s",
                        settings[index].name, wrong);
            return false;
        }
    }
    return true;
}

/* What goes round the workers when OBJECT ENCODING is to say something else. */
struct listpack {
    struct errand errand; /* first */
    struct task *task;
    int64_t members_max;
    int64_t bytes_max;
};

static void visit_listpack(struct errand *errand, struct command_worker *here)
{
    struct listpack *listpack = (struct listpack *)errand;

    for (uint32_t i = 0; i < here->partition_count; i++) {
        struct host *host = node_host(here->node, i);

        if (host->worker == here->worker)
            partition_set_listpack(
                host->partition,
                (uint32_t)(listpack->members_max < UINT32_MAX ? listpack->members_max : UINT32_MAX),
                (uint32_t)(listpack->bytes_max < UINT32_MAX ? listpack->bytes_max : UINT32_MAX));
    }
}

static void done_listpack(struct errand *errand)
{
    struct listpack *listpack = (struct listpack *)errand;
    struct task *task = listpack->task;

    free(listpack);
    reply_status(&task->out, "OK");
    task_finish(task);
}

static bool changes_listpack(const struct invocation *invocation)
{
    for (uint32_t i = 2; i < invocation->count; i += 2)
        if (strncmp(settings[find(invocation->args[i])].name, "zset-max-", 9) == 0)
            return true;
    return false;
}

static void apply(struct config *config, const struct invocation *invocation, struct bytes *text)
{
    char problem[256];

    uv_mutex_lock(&config->lock);
    for (uint32_t i = 2; i < invocation->count; i += 2) {
        size_t index = find(invocation->args[i]);

        check(&settings[index], invocation->args[i + 1], text, problem, sizeof(problem));
        index = owner_of(index);
        free(config->values[index]);
        config->values[index] = bytes_dup(bytes_span(text));
    }
    uv_mutex_unlock(&config->lock);
}

void config_set_begin(struct task *task, const struct invocation *invocation)
{
    struct config *config = task->owner->server->config;
    struct bytes text = {0};
    struct listpack *listpack;

    if (invocation->count % 2 != 0) {
        reply_error(&task->out, "ERR syntax error");
    } else if (check_pairs(invocation, &text, &task->out)) {
        apply(config, invocation, &text);
        if (changes_listpack(invocation)) {
            bytes_done(&text);
            listpack = bytes_alloc_zero(1, sizeof(*listpack));
            listpack->task = task;
            listpack->members_max = config_number(config, "zset-max-listpack-entries");
            listpack->bytes_max = config_number(config, "zset-max-listpack-value");
            errand_begin(&listpack->errand, task->owner, visit_listpack, done_listpack);
            return;
        }
        reply_status(&task->out, "OK");
    }
    bytes_done(&text);
    task_finish(task);
}

void config_resetstat(struct invocation *invocation)
{
    reply_status(invocation->out, "OK");
}

void config_rewrite(struct invocation *invocation)
{
    reply_error(invocation->out, "ERR The server is running without a config file");
}
