// SPDX-License-Identifier: Apache-2.0
/*
 * bench_ingest.c - events over HTTP into a real server: rate, latency, processor time, restart.
 *
 *     bench_ingest [--runs 3] [--seconds 10] [--rate EVENTS/S] [--connections 32]
 *                  [--body-bytes 1048576] [--paced-body-bytes 65536] [--durability fsync]
 *                  [--members 1000000] [--series 100000] [--points 1000] [--every 10s]
 *                  [--set NAME=VALUE] [--parent build/bench] [--folder DIR]
 *                  [--server tallywheel] [--restart 1]
 *
 * The server has one stream, two metrics by a label of 100 k values, and a board of 1 M members
 * (support/events.h). In this order:
 *
 *     fill     every member and every host once, then random events for a while
 *     full     `runs` times as many events as it takes, one request on every connection; each run
 *              is measured alone, the median (by rate) is what counts
 *     paced    a steady rate (750 k events a second, unless said), in small bodies evenly spaced
 *              over all connections. Latency is also given from when a request was due, so that a
 *              server that stalls is charged for all that should have been sent meanwhile
 *     restart  kill -9, then from the start of the process to the first 200 of /readyz
 *
 * Members and hosts are uniformly random: the worst case for caches. Driver and server share the
 * machine, and loopback; what the driver takes is reported too. With --folder the data stays there
 * (bench_reads reads it).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/figures.h"
#include "support/load.h"
#include "support/random.h"
#include "support/server.h"

#define USAGE                                                                                      \
    "bench_ingest [--runs N] [--seconds S] [--rate EVENTS/S, 0: leave out] [--connections N] "     \
    "[--body-bytes N] [--paced-body-bytes N] [--durability fsync|written|memory] [--members N] "   \
    "[--series N] [--points N] [--every 10s] [--set NAME=VALUE] [--parent DIR] [--folder DIR] "    \
    "[--server PROGRAM] [--restart 0|1]"
#define POOL_BYTES (256u << 20)
#define PACED_POOL_BYTES (64u << 20)
#define SETTLE_SECONDS 3.0
#define RUNS_MAX 16u
#define PACED_RATE 750000.0 /* half of what the server has to take */

struct options {
    uint32_t runs;
    double seconds;
    double rate;
    uint32_t connections;
    size_t body_bytes;
    size_t paced_body_bytes;
    const char *durability;
    struct events_shape shape;
    const char *every;
    const char *set;
    const char *parent;
    const char *folder;
    const char *program;
    bool restart;
};

static struct options read_options(int argc, char **argv)
{
    struct options options = {
        .runs = (uint32_t)figures_option_number(argc, argv, "--runs", 3),
        .seconds = figures_option_number(argc, argv, "--seconds", 10),
        .rate = figures_option_number(argc, argv, "--rate", PACED_RATE),
        .connections = (uint32_t)figures_option_number(argc, argv, "--connections", 32),
        .body_bytes = (size_t)figures_option_number(argc, argv, "--body-bytes", 1 << 20),
        .paced_body_bytes =
            (size_t)figures_option_number(argc, argv, "--paced-body-bytes", 1 << 16),
        .durability = figures_option(argc, argv, "--durability", "fsync"),
        .every = figures_option(argc, argv, "--every", "10s"),
        .set = figures_option(argc, argv, "--set", NULL),
        .parent = figures_option(argc, argv, "--parent", "build/bench"),
        .folder = figures_option(argc, argv, "--folder", NULL),
        .program = figures_option(argc, argv, "--server", NULL),
        .restart = figures_option_number(argc, argv, "--restart", 1) > 0,
    };

    options.shape.members = (uint32_t)figures_option_number(argc, argv, "--members", 1000000);
    options.shape.series = (uint32_t)figures_option_number(argc, argv, "--series", 100000);
    options.shape.points = (uint32_t)figures_option_number(argc, argv, "--points", 1000);
    figures_end_options(argc, argv, USAGE);
    if (options.runs == 0 || options.runs > RUNS_MAX || options.connections == 0 ||
        options.body_bytes < 1024 || options.paced_body_bytes < 128 || options.seconds <= 0 ||
        options.shape.members == 0 || options.shape.series == 0 || options.shape.points == 0)
        figures_fail("a number is out of range; usage: %s", USAGE);
    return options;
}

static void start_server(struct server *server, const struct options *options)
{
    struct bytes config = {0};
    const char *equals = options->set != NULL ? strchr(options->set, '=') : NULL;

    if (options->set != NULL && equals == NULL)
        figures_fail("--set %s: want NAME=VALUE", options->set);
    bytes_format(&config, "durability: %s\n", options->durability);
    if (equals != NULL)
        bytes_format(&config, "%.*s: %s\n", (int)(equals - options->set), options->set, equals + 1);
    events_print_config(&config, options->every);
    server_init(server, options->program, options->parent, options->folder, bytes_span(&config));
    server_start(server);
    bytes_done(&config);
}

static void print_run(const char *name, const struct load *load, const struct load_result *result)
{
    printf("%-8s %9.0f events/s %6.1f MB/s  server %4.0f ns/event (%.2f cores)  driver %3.0f "
           "ns/event (%.2f cores)  ack ms p50 %.2f p99 %.2f p99.9 %.2f\n",
           name, result->events / result->seconds, result->bytes / 1e6 / result->seconds,
           result->server_cpu_ns / result->events, result->server_cpu_ns / 1e9 / result->seconds,
           result->client_cpu_ns / result->events, result->client_cpu_ns / 1e9 / result->seconds,
           histogram_ms(&load->ack, 0.5), histogram_ms(&load->ack, 0.99),
           histogram_ms(&load->ack, 0.999));
    fflush(stdout);
}

static void run_full(struct load *load, struct load_pool *pool, const struct options *options)
{
    double rates[RUNS_MAX];
    double cpus[RUNS_MAX];
    double megabytes[RUNS_MAX];
    double acks[RUNS_MAX];

    for (uint32_t i = 0; i < options->runs; i++) {
        struct load_result result = load_run(load, pool, 0, options->seconds);

        print_run("full", load, &result);
        rates[i] = result.events / result.seconds;
        cpus[i] = result.server_cpu_ns / result.events;
        megabytes[i] = result.bytes / 1e6 / result.seconds;
        acks[i] = histogram_ms(&load->ack, 0.99);
    }
    figures_print("ingest.rate", figures_median(rates, options->runs), "events/s");
    figures_print("ingest.bytes", figures_median(megabytes, options->runs), "MB/s");
    figures_print("ingest.server_cpu", figures_median(cpus, options->runs), "ns/event");
    figures_print("ingest.ack_full.p99", figures_median(acks, options->runs), "ms");
    figures_print("ingest.server_rss", server_rss_bytes(load->server) / 1e6, "MB");
}

static void run_paced(struct load *load, struct load_pool *pool, double rate, double seconds)
{
    struct load_result result;

    result = load_run(load, pool, rate, 1); /* lets the backlog of "full" pass */
    result = load_run(load, pool, rate, seconds);
    print_run("paced", load, &result);
    printf("%-8s from when a request was due: ms p50 %.2f p99 %.2f p99.9 %.2f max %.2f\n", "",
           histogram_ms(&load->due, 0.5), histogram_ms(&load->due, 0.99),
           histogram_ms(&load->due, 0.999), (double)load->due.max_ns / 1e6);
    figures_print("paced.rate", result.events / result.seconds, "events/s");
    figures_print("paced.server_cpu", result.server_cpu_ns / result.events, "ns/event");
    figures_print_latency("paced.ack", &load->ack);
    figures_print_latency("paced.due", &load->due);
}

/* What the server holds, for people; and its count of events, which must be the driver's. */
static double print_state(const struct server *server)
{
    struct bytes body = {0};
    double events;

    server_get(server, "/v1/boards/" EVENTS_BOARD "/top?n=1", &body);
    printf("%-8s board of %.0f members; ", "state", client_number(bytes_span(&body), "size"));
    server_get(server, "/v1/status", &body);
    events = client_number(
        (struct span){strstr(bytes_text(&body), "\"streams\":"),
                      body.size - (size_t)(strstr(body.data, "\"streams\":") - body.data)},
        "events");
    printf("%.0f series, %.0f events, %.0f MB resident\n",
           client_number(bytes_span(&body), "series"), events, server_rss_bytes(server) / 1e6);
    bytes_done(&body);
    return events;
}

static void run_restart(struct server *server, uint64_t accepted)
{
    struct bytes said = {0};
    double seconds;
    double cpu_seconds;
    double events;

    server_kill(server);
    seconds = (double)server_start(server) / 1e9;
    cpu_seconds = (double)server_cpu_ns(server) / 1e9;
    events = print_state(server);
    if (events < (double)accepted)
        figures_fail("%.0f events after the restart, but %.0f were acknowledged", events,
                     (double)accepted);
    server_said(server, &said);
    printf("%s", bytes_text(&said));
    printf("%-8s %.0f events in %.2f s, %.2f s of processor time\n", "restart", events, seconds,
           cpu_seconds);
    figures_print("restart.rate", events / seconds / 1e6, "M events/s");
    figures_print("restart.cpu", cpu_seconds * 1e9 / events, "ns/event");
    figures_print("restart.seconds", seconds, "s");
    bytes_done(&said);
}

int main(int argc, char **argv)
{
    struct options options = read_options(argc, argv);
    struct random random = {1};
    struct load_pool pool;
    struct load_pool paced_pool;
    struct server server;
    struct load *load = bytes_alloc_zero(1, sizeof(*load));

    load_pool_random(&pool, &options.shape, &random, POOL_BYTES, options.body_bytes);
    load_pool_random(&paced_pool, &options.shape, &random, PACED_POOL_BYTES,
                     options.paced_body_bytes);
    start_server(&server, &options);
    printf("server %ld on port %u, durability %s, %u connections, bodies of %zu bytes (%u events), "
           "paced %zu (%u)\n",
           (long)server.pid, server.port, options.durability, options.connections,
           pool.bodies[0].events.size, pool.bodies[0].events.event_count,
           paced_pool.bodies[0].events.size, paced_pool.bodies[0].events.event_count);
    fflush(stdout);
    load_open(load, &server, options.connections);
    load_fill(load, &options.shape, &random, options.body_bytes);
    load_run(load, &pool, 0, SETTLE_SECONDS);
    run_full(load, &pool, &options);
    client_finish(&load->client);
    if (options.rate > 0)
        run_paced(load, &paced_pool, options.rate, options.seconds);
    load_close(load);
    if (print_state(&server) != (double)load->accepted)
        figures_fail("the server's events are not the %.0f that it acknowledged",
                     (double)load->accepted);
    if (options.restart)
        run_restart(&server, load->accepted);
    server_done(&server);
    load_pool_done(&pool);
    load_pool_done(&paced_pool);
    free(load);
    return 0;
}
