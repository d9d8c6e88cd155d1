// SPDX-License-Identifier: Apache-2.0
/*
 * bench_reads.c - reads of a board of 1 M members over HTTP, at a steady rate and at the most.
 *
 *     bench_reads [--rate 20000] [--seconds 8] [--connections 32] [--members 1000000]
 *                 [--ingest EVENTS/S] [--parent build/bench] [--folder DIR] [--server tallywheel]
 *
 * Half of the requests are top?n=10, half are the rank of a random member. The load is an open
 * loop: request i is due at i / rate, whatever happened to the ones before, and its latency counts
 * from then; so a server (or a driver) that stalls is charged for every request that waited.
 * "most" is a closed loop: a request on every connection, always.
 *
 * --folder is one that bench_ingest has left; without it a board is filled first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/client.h"
#include "support/events.h"
#include "support/figures.h"
#include "support/histogram.h"
#include "support/load.h"
#include "support/random.h"
#include "support/server.h"

#define USAGE                                                                                      \
    "bench_reads [--rate REQUESTS/S] [--seconds S] [--connections N] [--members N] "               \
    "[--parent DIR] [--folder DIR] [--server PROGRAM]"
#define SERIES 100000u
#define POINTS 1000u
#define BODY_BYTES (1u << 20)
#define PATHS 65536u

enum kind { READ_TOP, READ_MEMBER, READ_KINDS };

static const char *const kind_names[READ_KINDS] = {"top", "member"};

struct reads {
    struct server server;
    struct client client;
    struct bytes top;
    struct bytes *members; /* PATHS requests of random members */
    uint64_t sent;
    uint64_t done;
    struct histogram latency[READ_KINDS];
};

/* A connection's context points to the mark of what it was asked for. */
static const char kind_marks[READ_KINDS];

static void on_reply(void *context, struct client_connection *connection, int status,
                     struct span body)
{
    struct reads *reads = context;
    enum kind kind = connection->context == &kind_marks[READ_TOP] ? READ_TOP : READ_MEMBER;

    if (status != 200 || client_number(body, kind == READ_TOP ? "size" : "rank") < 1)
        figures_fail("status %d: %.*s", status, body.size < 500 ? (int)body.size : 500, body.data);
    reads->done++;
    histogram_add(&reads->latency[kind], figures_now_ns() - connection->due_ns);
}

static void send_one(struct reads *reads, struct client_connection *connection, uint64_t due_ns)
{
    enum kind kind = reads->sent % 2 == 0 ? READ_TOP : READ_MEMBER;
    const struct bytes *request =
        kind == READ_TOP ? &reads->top : &reads->members[reads->sent / 2 % PATHS];

    reads->sent++;
    connection->due_ns = due_ns;
    connection->context = (void *)(uintptr_t)&kind_marks[kind];
    client_send(&reads->client, connection, bytes_span(request), (struct span){NULL, 0});
}

static void drive(struct reads *reads, double rate, uint64_t end_ns)
{
    double due_ns = (double)figures_now_ns();

    for (;;) {
        uint64_t now_ns = figures_now_ns();
        uint64_t wait_ns = end_ns - now_ns;
        struct client_connection *connection;

        if (now_ns >= end_ns)
            return;
        while ((rate <= 0 || due_ns <= (double)now_ns) &&
               (connection = client_take(&reads->client)) != NULL) {
            send_one(reads, connection, rate > 0 ? (uint64_t)due_ns : figures_now_ns());
            due_ns += rate > 0 ? 1e9 / rate : 0;
        }
        now_ns = figures_now_ns();
        if (reads->client.idle_count > 0)
            wait_ns = due_ns > (double)now_ns ? (uint64_t)due_ns - now_ns : 0;
        client_poll(&reads->client, wait_ns);
    }
}

static void print_run(const struct reads *reads, const char *name, uint64_t spent_ns,
                      uint64_t server_ns, uint64_t driver_ns)
{
    double done = (double)reads->done;
    char figure[64];

    printf("%-6s %7.0f requests/s  server %.2f us/request (%.2f cores)  driver %.2f us/request "
           "(%.2f cores)\n",
           name, done * 1e9 / (double)spent_ns, (double)server_ns / 1e3 / done,
           (double)server_ns / (double)spent_ns, (double)driver_ns / 1e3 / done,
           (double)driver_ns / (double)spent_ns);
    snprintf(figure, sizeof(figure), "reads.%s.rate", name);
    figures_print(figure, done * 1e9 / (double)spent_ns, "requests/s");
    snprintf(figure, sizeof(figure), "reads.%s.server_cpu", name);
    figures_print(figure, (double)server_ns / 1e3 / done, "us/request");
    for (int kind = 0; kind < READ_KINDS; kind++) {
        snprintf(figure, sizeof(figure), "reads.%s.%s", name, kind_names[kind]);
        figures_print_latency(figure, &reads->latency[kind]);
    }
}

/* `name` NULL: a warm-up, of which nothing is printed. */
static void run(struct reads *reads, const char *name, double rate, double seconds)
{
    uint64_t begin_ns = figures_now_ns();
    uint64_t server_begin_ns = server_cpu_ns(&reads->server);
    uint64_t driver_begin_ns = figures_cpu_ns();

    reads->done = 0;
    for (int kind = 0; kind < READ_KINDS; kind++)
        histogram_reset(&reads->latency[kind]);
    drive(reads, rate, begin_ns + (uint64_t)(seconds * 1e9));
    client_finish(&reads->client);
    if (name != NULL)
        print_run(reads, name, figures_now_ns() - begin_ns,
                  server_cpu_ns(&reads->server) - server_begin_ns,
                  figures_cpu_ns() - driver_begin_ns);
}

static void make_requests(struct reads *reads, uint32_t members)
{
    struct random random = {2};

    bytes_put_text(&reads->top,
                   "GET /v1/boards/" EVENTS_BOARD "/top?n=10 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    reads->members = bytes_alloc_zero(PATHS, sizeof(reads->members[0]));
    for (uint32_t i = 0; i < PATHS; i++) {
        char member[24];

        events_member(member, sizeof(member), random_below(&random, members));
        bytes_format(&reads->members[i],
                     "GET /v1/boards/" EVENTS_BOARD
                     "/members/%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                     member);
    }
}

static void free_requests(struct reads *reads)
{
    bytes_done(&reads->top);
    for (uint32_t i = 0; i < PATHS; i++)
        bytes_done(&reads->members[i]);
    free(reads->members);
}

static void fill(const struct server *server, uint32_t members)
{
    struct events_shape shape = {members, SERIES, POINTS};
    struct random random = {1};
    struct load *load = bytes_alloc_zero(1, sizeof(*load));
    struct load_pool pool;

    load_pool_random(&pool, &shape, &random, 64u << 20, BODY_BYTES);
    load_open(load, server, 8);
    load_fill(load, &shape, &random, BODY_BYTES);
    load_run(load, &pool, 0, 1);
    load_close(load);
    load_pool_done(&pool);
    free(load);
}

int main(int argc, char **argv)
{
    struct reads *reads = bytes_alloc_zero(1, sizeof(*reads));
    double rate = figures_option_number(argc, argv, "--rate", 20000);
    double seconds = figures_option_number(argc, argv, "--seconds", 8);
    uint32_t connections = (uint32_t)figures_option_number(argc, argv, "--connections", 32);
    uint32_t members = (uint32_t)figures_option_number(argc, argv, "--members", 1000000);
    const char *parent = figures_option(argc, argv, "--parent", "build/bench");
    const char *folder = figures_option(argc, argv, "--folder", NULL);
    const char *program = figures_option(argc, argv, "--server", NULL);
    struct bytes text = {0};

    figures_end_options(argc, argv, USAGE);
    if (rate <= 0 || seconds <= 0 || connections == 0 || members == 0)
        figures_fail("a number is out of range; usage: %s", USAGE);
    events_print_config(&text, "10s");
    server_init(&reads->server, program, parent, folder, bytes_span(&text));
    server_start(&reads->server);
    server_get(&reads->server, "/v1/boards/" EVENTS_BOARD "/top?n=1", &text);
    if (client_number(bytes_span(&text), "size") < members)
        fill(&reads->server, members);
    server_get(&reads->server, "/v1/boards/" EVENTS_BOARD "/top?n=1", &text);
    printf("server %ld, a board of %.0f members, %u connections\n", (long)reads->server.pid,
           client_number(bytes_span(&text), "size"), connections);
    make_requests(reads, members);
    client_open(&reads->client, reads->server.port, connections, on_reply, reads);
    run(reads, NULL, rate, 1);
    run(reads, "steady", rate, seconds);
    run(reads, "most", 0, seconds / 2);
    client_close(&reads->client);
    server_done(&reads->server);
    free_requests(reads);
    bytes_done(&text);
    free(reads);
    return 0;
}
