// SPDX-License-Identifier: Apache-2.0
/*
 * bench_watch.c - thousands of watchers on a board of 1 M members while events pour in: how long it
 * takes until each has heard of them, and what that costs.
 *
 *     bench_watch [--watchers 2000] [--topics mixed] [--distinct 90] [--rate 200000]
 *                 [--seconds 10] [--members 1000000] [--body-bytes 65536] [--connections 8]
 *                 [--durability fsync] [--set NAME=VALUE] [--parent build/bench] [--folder DIR]
 *                 [--server tallywheel]
 *
 * --topics: "top" (the first ten), "around" (a member and five on each side), "member" (its score
 * and rank), "mixed" (a third each), "updates" (the first 100 updates of each tick with old and new
 * ranks); members come from `distinct` of them, so mixed with 90 is 1 + 30 + 30 topics.
 * Everybody watches over server-sent events, one topic each.
 *
 * Every body of events has some of the ten members that lead, so that each tick changes the top
 * too. What is measured is in support/watchers.h: for each body and each watcher, from the last
 * byte of the request, and from its acknowledgement, to the arrival of the first message that holds
 * it. So the wait for the next tick is part of it. Driver and server share the machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/events.h"
#include "support/figures.h"
#include "support/histogram.h"
#include "support/load.h"
#include "support/random.h"
#include "support/server.h"
#include "support/watchers.h"

#define USAGE                                                                                      \
    "bench_watch [--watchers N] [--topics top|around|member|mixed|updates] [--distinct N] "        \
    "[--rate EVENTS/S] [--seconds S] [--members N] [--body-bytes N] [--connections N] "            \
    "[--durability fsync|written|memory] [--set NAME=VALUE] [--parent DIR] [--folder DIR] "        \
    "[--server PROGRAM]"
#define SERIES 100000u
#define POINTS 1000u
#define POOL_BYTES (64u << 20)
#define FILL_BYTES (1u << 20)
#define LEADERS 10u
#define WARM_SECONDS 1.0
#define TAIL_SECONDS 0.4 /* for the last tick of the window to arrive */

struct options {
    uint32_t watchers;
    const char *topics;
    uint32_t distinct;
    double rate;
    double seconds;
    size_t body_bytes;
    uint32_t connections;
    struct events_shape shape;
    const char *durability;
    const char *set;
    const char *parent;
    const char *folder;
    const char *program;
};

/* The load whose replies the watchers hear of. */
struct run {
    struct server server;
    struct load load;
    struct watchers watchers;
    client_reply_fn *on_reply; /* the load's own */
    char **paths;
    uint32_t path_count;
};

static struct options read_options(int argc, char **argv)
{
    struct options options = {
        .watchers = (uint32_t)figures_option_number(argc, argv, "--watchers", 2000),
        .topics = figures_option(argc, argv, "--topics", "mixed"),
        .distinct = (uint32_t)figures_option_number(argc, argv, "--distinct", 90),
        .rate = figures_option_number(argc, argv, "--rate", 200000),
        .seconds = figures_option_number(argc, argv, "--seconds", 10),
        .body_bytes = (size_t)figures_option_number(argc, argv, "--body-bytes", 1 << 16),
        .connections = (uint32_t)figures_option_number(argc, argv, "--connections", 8),
        .shape = {(uint32_t)figures_option_number(argc, argv, "--members", 1000000), SERIES,
                  POINTS},
        .durability = figures_option(argc, argv, "--durability", "fsync"),
        .set = figures_option(argc, argv, "--set", NULL),
        .parent = figures_option(argc, argv, "--parent", "build/bench"),
        .folder = figures_option(argc, argv, "--folder", NULL),
        .program = figures_option(argc, argv, "--server", NULL),
    };

    figures_end_options(argc, argv, USAGE);
    if (options.watchers == 0 || options.distinct == 0 || options.rate <= 0 ||
        options.seconds <= 0 || options.body_bytes < 2048 || options.connections == 0 ||
        options.shape.members < 100)
        figures_fail("a number is out of range; usage: %s", USAGE);
    return options;
}

/* ---- topics ---- */

static void add_path(struct run *run, const char *kind, const char *member, const char *query)
{
    struct bytes path = {0};

    bytes_format(&path, "boards/" EVENTS_BOARD "/%s%s%s", kind, member, query);
    run->paths = bytes_realloc(run->paths, (run->path_count + 1) * sizeof(run->paths[0]));
    run->paths[run->path_count++] = bytes_dup(bytes_span(&path));
    bytes_done(&path);
}

/* A member that so many pass each tick that its rank surely changes: not one near the ends. */
static void pick_member(const struct run *run, const struct options *options, struct random *random,
                        char *member, size_t size)
{
    struct bytes body = {0};
    double rank = 0;

    while (rank < 0.1 * options->shape.members || rank > 0.9 * options->shape.members) {
        char path[128];

        events_member(member, size, random_below(random, options->shape.members));
        snprintf(path, sizeof(path), "/v1/boards/" EVENTS_BOARD "/members/%s", member);
        server_get(&run->server, path, &body);
        rank = client_number(bytes_span(&body), "rank");
    }
    bytes_done(&body);
}

/* The list is walked round by the watchers: a path that is in it often is watched by many. */
static void make_paths(struct run *run, const struct options *options)
{
    bool mixed = strcmp(options->topics, "mixed") == 0;
    bool known = mixed;
    struct random random = {3};

    if (strcmp(options->topics, "top") == 0 || strcmp(options->topics, "updates") == 0) {
        bool top = strcmp(options->topics, "top") == 0;

        add_path(run, top ? "top" : "updates", "", top ? "?n=10" : "?limit=100");
        return;
    }
    for (uint32_t i = 0; i < options->distinct; i++) {
        char member[24];

        pick_member(run, options, &random, member, sizeof(member));
        if (mixed && i % 3 == 0)
            add_path(run, "top", "", "?n=10");
        else if (strcmp(options->topics, "around") == 0 || (mixed && i % 3 == 1))
            add_path(run, "around/", member, "?n=5");
        else if (strcmp(options->topics, "member") == 0 || mixed)
            add_path(run, "members/", member, "");
        known = run->path_count > 0;
    }
    if (!known)
        figures_fail("--topics %s: usage: %s", options->topics, USAGE);
}

/* ---- load ---- */

/* Gives the first events of a body to the members that lead. */
static void add_leaders(struct load_body *body)
{
    char *line = body->events.text;

    for (uint32_t i = 0; i < LEADERS; i++) {
        char *name = strstr(line, "\"player\":\"");
        char member[24];

        events_member(member, sizeof(member), i);
        memcpy(name + strlen("\"player\":\""), member, strlen(member));
        line = strchr(line, '\n') + 1;
    }
}

static void on_reply(void *context, struct client_connection *connection, int status,
                     struct span body)
{
    struct run *run = context;

    watchers_said(&run->watchers, connection->sent_ns);
    run->on_reply(&run->load, connection, status, body);
}

static void start_server(struct run *run, const struct options *options)
{
    struct bytes config = {0};
    const char *equals = options->set != NULL ? strchr(options->set, '=') : NULL;

    if (options->set != NULL && equals == NULL)
        figures_fail("--set %s: want NAME=VALUE", options->set);
    bytes_format(&config, "durability: %s\n", options->durability);
    if (equals != NULL)
        bytes_format(&config, "%.*s: %s\n", (int)(equals - options->set), options->set, equals + 1);
    events_print_config(&config, "10s");
    server_init(&run->server, options->program, options->parent, options->folder,
                bytes_span(&config));
    server_start(&run->server);
    bytes_done(&config);
}

/* ---- figures ---- */

static void print_latency(const char *name, const struct histogram *histogram)
{
    char figure[64];

    printf("%-14s ms p50 %.1f p99 %.1f p99.9 %.1f max %.1f\n", name, histogram_ms(histogram, 0.5),
           histogram_ms(histogram, 0.99), histogram_ms(histogram, 0.999),
           (double)histogram->max_ns / 1e6);
    snprintf(figure, sizeof(figure), "watch.%s", name);
    figures_print_latency(figure, histogram);
}

static void print_results(const struct run *run, const struct load_result *result)
{
    const struct watchers *watchers = &run->watchers;
    double server_cores = result->server_cpu_ns / 1e9 / result->seconds;
    uint32_t least;
    uint32_t most;

    watchers_ticks(watchers, &least, &most);
    printf("load           %.0f events/s, ack ms p50 %.2f p99 %.2f max %.2f\n",
           result->events / result->seconds, histogram_ms(&run->load.ack, 0.5),
           histogram_ms(&run->load.ack, 0.99), (double)run->load.ack.max_ns / 1e6);
    printf("messages       %.0f/s, %.1f MB/s; %u to %u of a topic in the window; missed %llu, gaps "
           "%llu\n",
           (double)watchers->messages / result->seconds,
           (double)watchers->bytes / 1e6 / result->seconds, least, most,
           (unsigned long long)watchers_missed(watchers), (unsigned long long)watchers->gaps);
    printf("processor      server %.2f cores, driver %.2f (of which watchers %.2f)\n", server_cores,
           result->client_cpu_ns / 1e9 / result->seconds,
           (double)watchers->cpu_ns / 1e9 / result->seconds);
    print_latency("tick", &watchers->tick);
    print_latency("acked", &watchers->acked);
    print_latency("sent", &watchers->sent);
    figures_print("watch.messages", (double)watchers->messages / result->seconds, "messages/s");
    figures_print("watch.bytes", (double)watchers->bytes / 1e6 / result->seconds, "MB/s");
    figures_print("watch.missed", (double)watchers_missed(watchers), "messages");
    figures_print("watch.server_cpu", server_cores, "cores");
    if (watchers->sent.count == 0)
        figures_fail("nobody heard of anything");
}

int main(int argc, char **argv)
{
    struct options options = read_options(argc, argv);
    struct run *run = bytes_alloc_zero(1, sizeof(*run));
    struct random random = {1};
    struct load_pool pool;
    struct load_result result;

    watchers_raise_limit(options.watchers);
    load_pool_random(&pool, &options.shape, &random, POOL_BYTES, options.body_bytes);
    for (uint32_t i = 0; i < pool.count; i++)
        add_leaders(&pool.bodies[i]);
    start_server(run, &options);
    load_open(&run->load, &run->server, options.connections);
    load_fill(&run->load, &options.shape, &random, FILL_BYTES);
    load_run(&run->load, &pool, options.rate, WARM_SECONDS); /* now the leaders lead */
    make_paths(run, &options);
    watchers_open(&run->watchers, run->server.port, options.watchers,
                  (const char *const *)run->paths, run->path_count);
    watchers_start(&run->watchers);
    printf("server %ld, a board of %u members, %u watchers of %s, %.0f events/s in bodies of %u\n",
           (long)run->server.pid, options.shape.members, options.watchers, options.topics,
           options.rate, pool.bodies[0].events.event_count);
    fflush(stdout);
    run->on_reply = run->load.client.on_reply;
    run->load.client.on_reply = on_reply;
    run->load.client.context = run;
    load_run(&run->load, &pool, options.rate, WARM_SECONDS);
    run->watchers.messages = run->watchers.bytes = 0;
    watchers_measure(&run->watchers, options.seconds);
    result = load_run(&run->load, &pool, options.rate, options.seconds + TAIL_SECONDS);
    watchers_stop(&run->watchers);
    print_results(run, &result);
    load_close(&run->load);
    watchers_close(&run->watchers);
    server_done(&run->server);
    load_pool_done(&pool);
    for (uint32_t i = 0; i < run->path_count; i++)
        free(run->paths[i]);
    free(run->paths);
    free(run);
    return 0;
}
