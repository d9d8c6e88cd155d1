// SPDX-License-Identifier: Apache-2.0
/*
 * bench_resp.c - one large sorted set over RESP, beside another server in the same run.
 *
 *     bench_resp --server HOST:PORT --pid PID [--durability TEXT]
 *                [--other HOST:PORT --other-pid PID --other-durability TEXT]
 *                [--members 1000000] [--scores float|integer] [--cells 1x50,16x50,128x50]
 *                [--ops zadd,zrank,zscore,zrange,mixed] [--seconds 1] [--rounds 5]
 *
 * Members are 15 bytes, as in "player-01234567". They are loaded first (unless they are there), in
 * pipelines; then each op is measured in each cell, a cell being commands a pipeline x connections:
 * one server, then the other, as many rounds as asked, and the median of each figure counts. So a
 * machine that is slow for a while is slow for both.
 *
 *     zadd    ZADD board <random score> <random member>: a move to a random place
 *     zrank   ZRANK board <random member>
 *     zscore  ZSCORE board <random member>
 *     zrange  ZRANGE board 0 9
 *     mixed   half zadd, three tenths zrank, one tenth each of the others
 *
 * "CPU" is processor time of the whole server process a command. A server may put off a part of a
 * move until somebody asks for a rank: each measurement ends with a ZRANK, whose cost (and so that
 * of what was put off) is in the figure. p50 and p99 are of whole pipelines, from the write to the
 * last reply; with all connections always busy they are the time in the queue, mostly.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/figures.h"
#include "support/histogram.h"
#include "support/random.h"
#include "support/resp.h"

#define USAGE                                                                                      \
    "bench_resp --server HOST:PORT --pid PID [--durability TEXT] [--other HOST:PORT --other-pid "  \
    "PID --other-durability TEXT] [--members N] [--scores float|integer] [--cells PxC,...] "       \
    "[--ops OP,...] [--seconds S] [--rounds N]"
#define KEY "board"
#define MEMBER_DIGITS 8u
#define MEMBERS_MAX 99999999u
#define LOAD_PAIRS 100u
#define LOAD_DEPTH 16u
#define LOAD_SECONDS_MAX 3600
#define ROUNDS_MAX 32u
#define SERVERS_MAX 2u

struct traffic {
    struct random random;
    uint32_t members;
    uint32_t next; /* the member to load next */
    bool integers;
};

struct sample {
    double rate;
    double cpu_ns;
    double driver_ns;
    double p50_us;
    double p99_us;
};

struct op {
    const char *name;
    resp_fill_fn *fill;
};

static void put_digits(char *end, uint32_t number, uint32_t digits)
{
    for (uint32_t i = 0; i < digits; i++, number /= 10)
        *--end = (char)('0' + number % 10);
}

/* A score of nine digits: "123456789", or "12345.6789". */
static void put_score(struct traffic *traffic, struct bytes *out)
{
    uint32_t number = 100000000u + random_below(&traffic->random, 900000000u);
    char text[] = "$9\r\n123456789\r\n";
    char decimal[] = "$10\r\n12345.6789\r\n";

    if (traffic->integers) {
        put_digits(text + 13, number, 9);
        bytes_put(out, text, sizeof(text) - 1);
        return;
    }
    put_digits(decimal + 10, number / 10000, 5);
    put_digits(decimal + 15, number % 10000, 4);
    bytes_put(out, decimal, sizeof(decimal) - 1);
}

static void put_member(uint32_t member, struct bytes *out)
{
    char text[] = "$15\r\nplayer-00000000\r\n";

    put_digits(text + 20, member, MEMBER_DIGITS);
    bytes_put(out, text, sizeof(text) - 1);
}

static uint32_t random_member(struct traffic *traffic)
{
    return random_below(&traffic->random, traffic->members);
}

#define PUT(out, text) bytes_put(out, text, sizeof(text) - 1)

static void fill_load(void *context, struct bytes *out)
{
    struct traffic *traffic = context;
    uint32_t left = traffic->members - traffic->next;
    uint32_t pairs = left < LOAD_PAIRS ? left : LOAD_PAIRS;

    bytes_format(out, "*%u\r\n$4\r\nZADD\r\n$5\r\n" KEY "\r\n", 2 + 2 * pairs);
    for (uint32_t i = 0; i < pairs; i++) {
        put_score(traffic, out);
        put_member(traffic->next++, out);
    }
}

static void fill_zadd(void *context, struct bytes *out)
{
    PUT(out, "*4\r\n$4\r\nZADD\r\n$5\r\n" KEY "\r\n");
    put_score(context, out);
    put_member(random_member(context), out);
}

static void fill_zrank(void *context, struct bytes *out)
{
    PUT(out, "*3\r\n$5\r\nZRANK\r\n$5\r\n" KEY "\r\n");
    put_member(random_member(context), out);
}

static void fill_zscore(void *context, struct bytes *out)
{
    PUT(out, "*3\r\n$6\r\nZSCORE\r\n$5\r\n" KEY "\r\n");
    put_member(random_member(context), out);
}

static void fill_zrange(void *context, struct bytes *out)
{
    (void)context;
    PUT(out, "*4\r\n$6\r\nZRANGE\r\n$5\r\n" KEY "\r\n$1\r\n0\r\n$1\r\n9\r\n");
}

static void fill_mixed(void *context, struct bytes *out)
{
    static resp_fill_fn *const tenths[10] = {
        fill_zadd,  fill_zadd,  fill_zadd,  fill_zadd,   fill_zadd,
        fill_zrank, fill_zrank, fill_zrank, fill_zscore, fill_zrange,
    };
    struct traffic *traffic = context;

    tenths[random_below(&traffic->random, 10)](context, out);
}

static const struct op ops[] = {
    {"zadd", fill_zadd},     {"zrank", fill_zrank}, {"zscore", fill_zscore},
    {"zrange", fill_zrange}, {"mixed", fill_mixed},
};

#define OPS (sizeof(ops) / sizeof(ops[0]))

/* ZADDs of a hundred members each, sixteen of them on their way. */
static void load(const struct resp_server *server, struct traffic *traffic, const char *durability)
{
    struct resp resp;
    double before = resp_server_rss_bytes(server);
    uint64_t cpu_ns = resp_server_cpu_ns(server);
    uint64_t begin_ns = figures_now_ns();
    double seconds;
    double bytes;
    char name[64];

    resp_open(&resp, server, 1);
    if (resp_ask(&resp, "ZCARD " KEY) == (long long)traffic->members) {
        printf("%-10s has its %u members already; %s\n", server->name, traffic->members,
               durability);
        resp_close(&resp);
        return;
    }
    resp_ask(&resp, "DEL " KEY);
    traffic->next = 0;
    while (traffic->next < traffic->members) {
        uint32_t left = (traffic->members - traffic->next + LOAD_PAIRS - 1) / LOAD_PAIRS;
        uint32_t depth = left < LOAD_DEPTH ? left : LOAD_DEPTH;

        resp_run(&resp, depth, fill_load, traffic, LOAD_SECONDS_MAX, left - left % depth, NULL);
    }
    if (resp_ask(&resp, "ZCARD " KEY) != (long long)traffic->members)
        figures_fail("%s holds %lld members, not %u", server->name, resp_ask(&resp, "ZCARD " KEY),
                     traffic->members);
    resp_ask(&resp, "ZRANK " KEY " player-00000000");
    seconds = (double)(figures_now_ns() - begin_ns) / 1e9;
    bytes = (resp_server_rss_bytes(server) - before) / traffic->members;
    printf("%-10s loaded %u members in %.1f s (%.0f/s, CPU %.0f ns each), %.1f bytes each (RSS); "
           "%s\n",
           server->name, traffic->members, seconds, traffic->members / seconds,
           (double)(resp_server_cpu_ns(server) - cpu_ns) / traffic->members, bytes, durability);
    snprintf(name, sizeof(name), "resp.%s.memory", server->name);
    figures_print(name, bytes, "bytes/member");
    resp_close(&resp);
}

static void measure(struct resp *resp, const struct op *op, uint32_t depth, double seconds,
                    struct traffic *traffic, struct sample *out)
{
    static struct histogram latency;
    uint64_t begin_ns = figures_now_ns();
    uint64_t driver_ns = figures_thread_ns();
    uint64_t cpu_ns = resp_server_cpu_ns(resp->server);
    double count;

    histogram_reset(&latency);
    resp_run(resp, depth, op->fill, traffic, seconds, UINT64_MAX, &latency);
    count = (double)resp->command_count;
    out->driver_ns = (double)(figures_thread_ns() - driver_ns) / count;
    resp_ask(resp, "ZRANK " KEY " player-00000000");
    out->rate = count * 1e9 / (double)(figures_now_ns() - begin_ns);
    out->cpu_ns = (double)(resp_server_cpu_ns(resp->server) - cpu_ns) / count;
    out->p50_us = histogram_ms(&latency, 0.5) * 1e3;
    out->p99_us = histogram_ms(&latency, 0.99) * 1e3;
}

static double median_of(const struct sample *samples, uint32_t count, size_t offset)
{
    double values[ROUNDS_MAX];

    for (uint32_t i = 0; i < count; i++)
        memcpy(&values[i], (const char *)&samples[i] + offset, sizeof(values[i]));
    return figures_median(values, count);
}

static struct sample medians(const struct sample *samples, uint32_t count)
{
    return (struct sample){
        .rate = median_of(samples, count, offsetof(struct sample, rate)),
        .cpu_ns = median_of(samples, count, offsetof(struct sample, cpu_ns)),
        .driver_ns = median_of(samples, count, offsetof(struct sample, driver_ns)),
        .p50_us = median_of(samples, count, offsetof(struct sample, p50_us)),
        .p99_us = median_of(samples, count, offsetof(struct sample, p99_us)),
    };
}

static void print_figure(const char *server, const char *op, const char *cell, const char *what,
                         double value, const char *unit)
{
    char name[96];

    snprintf(name, sizeof(name), "resp.%s.%s.%s.%s", server, op, cell, what);
    figures_print(name, value, unit);
}

static void print_row(const struct op *op, const char *cell, const struct resp_server *servers,
                      const struct sample *best, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct sample *of = &best[i];

        printf("%-7s %-8s %-10s %10.0f/s  CPU %7.0f ns  p50 %8.1f us  p99 %8.1f us  driver %4.0f "
               "ns\n",
               i == 0 ? op->name : "", i == 0 ? cell : "", servers[i].name, of->rate, of->cpu_ns,
               of->p50_us, of->p99_us, of->driver_ns);
        print_figure(servers[i].name, op->name, cell, "rate", of->rate, "commands/s");
        print_figure(servers[i].name, op->name, cell, "cpu", of->cpu_ns, "ns/command");
    }
    if (count < 2)
        return;
    printf("%-27s %10.2fx      %7.2fx less\n", "", best[0].rate / best[1].rate,
           best[1].cpu_ns / best[0].cpu_ns);
    print_figure("ratio", op->name, cell, "rate", best[0].rate / best[1].rate, "x");
    print_figure("ratio", op->name, cell, "cpu", best[1].cpu_ns / best[0].cpu_ns, "x");
}

struct plan {
    struct resp_server servers[SERVERS_MAX];
    uint32_t server_count;
    uint32_t rounds;
    double seconds;
    struct traffic traffic;
};

static void run_cell(struct plan *plan, const struct op *op, const char *cell)
{
    struct sample samples[SERVERS_MAX][ROUNDS_MAX];
    struct sample best[SERVERS_MAX];
    struct resp resp[SERVERS_MAX];
    char *end;
    unsigned long depth = strtoul(cell, &end, 10);
    unsigned long connections = *end == 'x' ? strtoul(end + 1, &end, 10) : 0;

    if (*end != '\0' || depth == 0 || depth > 100000 || connections == 0 || connections > 10000)
        figures_fail("--cells %s: want COMMANDSxCONNECTIONS", cell);
    for (uint32_t i = 0; i < plan->server_count; i++)
        resp_open(&resp[i], &plan->servers[i], (uint32_t)connections);
    for (uint32_t round = 0; round < plan->rounds; round++) {
        for (uint32_t i = 0; i < plan->server_count; i++)
            measure(&resp[i], op, (uint32_t)depth, plan->seconds, &plan->traffic,
                    &samples[i][round]);
    }
    for (uint32_t i = 0; i < plan->server_count; i++) {
        resp_close(&resp[i]);
        best[i] = medians(samples[i], plan->rounds);
    }
    print_row(op, cell, plan->servers, best, plan->server_count);
    fflush(stdout);
}

static const struct op *find_op(const char *name)
{
    for (size_t i = 0; i < OPS; i++) {
        if (strcmp(ops[i].name, name) == 0)
            return &ops[i];
    }
    figures_fail("--ops %s: no such op", name);
}

/* Every op in every cell. */
static void run_all(struct plan *plan, const char *op_names, const char *cells)
{
    char *names = bytes_dup(span_of(op_names));
    char *next_name;

    for (char *name = strtok_r(names, ",", &next_name); name != NULL;
         name = strtok_r(NULL, ",", &next_name)) {
        char *copy = bytes_dup(span_of(cells));
        char *next_cell;

        for (char *cell = strtok_r(copy, ",", &next_cell); cell != NULL;
             cell = strtok_r(NULL, ",", &next_cell))
            run_cell(plan, find_op(name), cell);
        free(copy);
    }
    free(names);
}

int main(int argc, char **argv)
{
    const char *address = figures_option(argc, argv, "--server", NULL);
    double pid = figures_option_number(argc, argv, "--pid", 0);
    const char *durability = figures_option(argc, argv, "--durability", "durability not named");
    const char *name = figures_option(argc, argv, "--name", "tallywheel");
    const char *other = figures_option(argc, argv, "--other", NULL);
    double other_pid = figures_option_number(argc, argv, "--other-pid", 0);
    const char *other_name = figures_option(argc, argv, "--other-name", "redis");
    const char *other_durability =
        figures_option(argc, argv, "--other-durability", "durability not named");
    double members = figures_option_number(argc, argv, "--members", 1000000);
    const char *scores = figures_option(argc, argv, "--scores", "float");
    const char *cells = figures_option(argc, argv, "--cells", "1x50,16x50,128x50");
    const char *op_names = figures_option(argc, argv, "--ops", "zadd,zrank,zscore,zrange,mixed");
    double rounds = figures_option_number(argc, argv, "--rounds", 5);
    struct plan plan = {.seconds = figures_option_number(argc, argv, "--seconds", 1)};

    figures_end_options(argc, argv, USAGE);
    if (strcmp(scores, "float") != 0 && strcmp(scores, "integer") != 0)
        figures_fail("--scores %s: want float or integer", scores);
    if (address == NULL || members < 10 || members > MEMBERS_MAX || rounds < 1 ||
        rounds > ROUNDS_MAX || plan.seconds <= 0)
        figures_fail("a server is missing or a number is out of range; usage: %s", USAGE);
    plan.rounds = (uint32_t)rounds;
    plan.traffic = (struct traffic){{1}, (uint32_t)members, 0, strcmp(scores, "integer") == 0};
    resp_server_parse(&plan.servers[plan.server_count++], name, address, pid);
    if (other != NULL)
        resp_server_parse(&plan.servers[plan.server_count++], other_name, other, other_pid);
    printf("%.0f members of 15 bytes, %s scores; %u rounds of %.1f s, medians\n", members,
           plan.traffic.integers ? "integer" : "float", plan.rounds, plan.seconds);
    for (uint32_t i = 0; i < plan.server_count; i++)
        load(&plan.servers[i], &plan.traffic, i == 0 ? durability : other_durability);
    run_all(&plan, op_names, cells);
    return 0;
}
