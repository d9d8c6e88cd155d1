// SPDX-License-Identifier: Apache-2.0
/* load.c - see load.h. */
#include "support/load.h"

#include <stdlib.h>
#include <time.h>

#include "support/figures.h"
#include "support/random.h"

#define WAIT_NS_MAX 100000000u

static void on_reply(void *context, struct client_connection *connection, int status,
                     struct span body)
{
    struct load *load = context;
    struct load_body *sent = connection->context;
    uint64_t now_ns = figures_now_ns();

    if (status != 200 || client_number(body, "accepted") != (double)sent->events.event_count)
        figures_fail("a body of %u events got status %d: %.*s", sent->events.event_count, status,
                     body.size < 500 ? (int)body.size : 500, body.data);
    sent->in_flight = false;
    load->accepted += sent->events.event_count;
    load->events += sent->events.event_count;
    load->bytes += sent->events.size;
    histogram_add(&load->ack, now_ns - connection->sent_ns);
    histogram_add(&load->due, now_ns - connection->due_ns);
}

void load_open(struct load *load, const struct server *server, uint32_t connections)
{
    *load = (struct load){.server = server};
    client_open(&load->client, server->port, connections, on_reply, load);
}

void load_close(struct load *load)
{
    client_finish(&load->client);
    client_close(&load->client);
}

static void make_head(struct load_body *body)
{
    bytes_format(&body->head,
                 "POST /v1/streams/" EVENTS_STREAM "/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                 "Content-Type: application/x-ndjson\r\nContent-Length: %zu\r\n\r\n",
                 body->events.size);
}

void load_pool_random(struct load_pool *pool, const struct events_shape *shape,
                      struct random *random, size_t bytes, size_t body_bytes)
{
    *pool = (struct load_pool){.count = (uint32_t)(bytes / body_bytes) + 1};
    pool->bodies = bytes_alloc_zero(pool->count, sizeof(pool->bodies[0]));
    for (uint32_t i = 0; i < pool->count; i++) {
        events_body_random(&pool->bodies[i].events, shape, random, body_bytes);
        make_head(&pool->bodies[i]);
    }
}

void load_pool_done(struct load_pool *pool)
{
    for (uint32_t i = 0; i < pool->count; i++) {
        events_body_done(&pool->bodies[i].events);
        bytes_done(&pool->bodies[i].head);
    }
    free(pool->bodies);
    *pool = (struct load_pool){0};
}

static int64_t wall_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void send_body(struct load *load, struct client_connection *connection,
                      struct load_body *body, uint64_t due_ns)
{
    events_body_stamp(&body->events, wall_ms());
    body->in_flight = true;
    connection->context = body;
    connection->due_ns = due_ns;
    client_send(&load->client, connection, bytes_span(&body->head),
                (struct span){body->events.text, body->events.size});
}

void load_fill(struct load *load, const struct events_shape *shape, struct random *random,
               size_t body_bytes)
{
    uint32_t count = load->client.count;
    struct load_body *bodies = bytes_alloc_zero(count, sizeof(bodies[0]));
    uint32_t member = 0;

    while (member < shape->members) {
        for (uint32_t i = 0; i < count && member < shape->members; i++) {
            struct client_connection *connection = client_take(&load->client);

            member = events_body_fill(&bodies[i].events, shape, random, body_bytes, member);
            make_head(&bodies[i]);
            send_body(load, connection, &bodies[i], figures_now_ns());
        }
        client_finish(&load->client);
        for (uint32_t i = 0; i < count; i++) {
            events_body_done(&bodies[i].events);
            bytes_done(&bodies[i].head);
        }
    }
    free(bodies);
}

static struct load_body *next_body(struct load_pool *pool)
{
    struct load_body *body;

    do {
        body = &pool->bodies[pool->next];
        pool->next = (pool->next + 1) % pool->count;
    } while (body->in_flight);
    return body;
}

static void drive(struct load *load, struct load_pool *pool, double rate, uint64_t end_ns)
{
    double due_ns = (double)figures_now_ns();

    for (;;) {
        uint64_t now_ns = figures_now_ns();
        uint64_t wait_ns = WAIT_NS_MAX;
        struct client_connection *connection;

        if (now_ns >= end_ns)
            return;
        while ((rate <= 0 || due_ns <= (double)now_ns) &&
               (connection = client_take(&load->client)) != NULL) {
            struct load_body *body = next_body(pool);

            send_body(load, connection, body, rate > 0 ? (uint64_t)due_ns : now_ns);
            due_ns += rate > 0 ? body->events.event_count * 1e9 / rate : 0;
            now_ns = figures_now_ns();
        }
        if (load->client.idle_count > 0)
            wait_ns = due_ns > (double)now_ns ? (uint64_t)due_ns - now_ns : 0;
        if (wait_ns > end_ns - now_ns && end_ns > now_ns)
            wait_ns = end_ns - now_ns;
        client_poll(&load->client, wait_ns);
    }
}

struct load_result load_run(struct load *load, struct load_pool *pool, double rate, double seconds)
{
    uint64_t begin_ns = figures_now_ns();
    uint64_t server_begin_ns = server_cpu_ns(load->server);
    uint64_t client_begin_ns = figures_cpu_ns();
    struct load_result result;

    load->events = 0;
    load->bytes = 0;
    histogram_reset(&load->ack);
    histogram_reset(&load->due);
    drive(load, pool, rate, begin_ns + (uint64_t)(seconds * 1e9));
    if (rate > 0)
        client_finish(&load->client); /* the slowest count as well */
    result.seconds = (double)(figures_now_ns() - begin_ns) / 1e9;
    result.server_cpu_ns = (double)(server_cpu_ns(load->server) - server_begin_ns);
    result.client_cpu_ns = (double)(figures_cpu_ns() - client_begin_ns);
    result.events = (double)load->events;
    result.bytes = (double)load->bytes;
    return result;
}
