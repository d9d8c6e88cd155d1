// SPDX-License-Identifier: Apache-2.0
/* watchers.c - see watchers.h. */
#include "support/watchers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "support/figures.h"

#define SPARE_FILES 256u
#define READ_BYTES (256u << 10)
#define EVENTS_MAX 256
#define WAIT_MS 20
#define BEGIN_NS_MAX 30000000000u

static int64_t wall_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void watchers_raise_limit(uint32_t count)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        figures_fail("getrlimit: %s", strerror(errno));
    if (limit.rlim_cur >= count + SPARE_FILES)
        return;
    limit.rlim_cur = limit.rlim_max < count + SPARE_FILES ? limit.rlim_max : count + SPARE_FILES;
    if (limit.rlim_cur < count + SPARE_FILES || setrlimit(RLIMIT_NOFILE, &limit) < 0)
        figures_fail("%u watchers need as many open files; `ulimit -Hn` allows %llu", count,
                     (unsigned long long)limit.rlim_max);
}

/* ---- connecting ---- */

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        figures_fail("cannot connect to port %u: %s", port, strerror(errno));
    return fd;
}

static void put_encoded(struct bytes *out, const char *path)
{
    for (; *path != '\0'; path++)
        if (strchr("&+%#?=/", *path) != NULL)
            bytes_format(out, "%%%02X", (unsigned char)*path);
        else
            bytes_put_char(out, *path);
}

static void open_one(struct watchers *watchers, uint16_t port, struct watcher *watcher)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct bytes request = {0};

    watcher->fd = connect_to(port);
    bytes_put_text(&request, "GET /v1/live?topic=");
    put_encoded(&request, watchers->topics[watcher->topic].path);
    bytes_put_text(&request, " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    if (send(watcher->fd, request.data, request.size, MSG_NOSIGNAL) != (ssize_t)request.size)
        figures_fail("cannot send a request: %s", strerror(errno));
    bytes_done(&request);
    event.data.ptr = watcher;
    if (epoll_ctl(watchers->epoll, EPOLL_CTL_ADD, watcher->fd, &event) < 0)
        figures_fail("epoll_ctl: %s", strerror(errno));
}

void watchers_open(struct watchers *watchers, uint16_t port, uint32_t count,
                   const char *const *paths, uint32_t path_count)
{
    *watchers = (struct watchers){.count = count, .topic_count = path_count};
    watchers->epoll = epoll_create1(EPOLL_CLOEXEC);
    watchers->watchers = bytes_alloc_zero(count, sizeof(watchers->watchers[0]));
    watchers->topics = bytes_alloc_zero(path_count, sizeof(watchers->topics[0]));
    watchers->bodies = bytes_alloc_zero(WATCHERS_BODIES_MAX, sizeof(watchers->bodies[0]));
    atomic_store(&watchers->window_begin_ms, INT64_MAX);
    for (uint32_t i = 0; i < path_count; i++)
        watchers->topics[i].path = bytes_dup(span_of(paths[i]));
    for (uint32_t i = 0; i < count; i++) {
        watchers->watchers[i].topic = i % path_count;
        watchers->topics[i % path_count].watcher_count++;
        open_one(watchers, port, &watchers->watchers[i]);
    }
}

void watchers_close(struct watchers *watchers)
{
    for (uint32_t i = 0; i < watchers->count; i++) {
        close(watchers->watchers[i].fd);
        bytes_done(&watchers->watchers[i].input);
    }
    for (uint32_t i = 0; i < watchers->topic_count; i++)
        free(watchers->topics[i].path);
    free(watchers->watchers);
    free(watchers->topics);
    free(watchers->bodies);
    close(watchers->epoll);
}

/* ---- listening ---- */

static int64_t find_at(struct span message)
{
    const char *at = memmem(message.data, message.size, "\"at\":", 5);

    if (at == NULL)
        figures_fail("a message without \"at\": %.*s", message.size < 300 ? (int)message.size : 300,
                     message.data);
    return strtoll(at + 5, NULL, 10);
}

static void hear_change(struct watchers *watchers, struct watcher *watcher, int64_t at_ms,
                        uint64_t now_ns, int64_t now_wall_ns)
{
    struct watched_topic *topic = &watchers->topics[watcher->topic];
    uint32_t body_count = atomic_load_explicit(&watchers->body_count, memory_order_acquire);
    bool measured =
        at_ms >= atomic_load_explicit(&watchers->window_begin_ms, memory_order_relaxed) &&
        at_ms < atomic_load_explicit(&watchers->window_end_ms, memory_order_relaxed);

    if (measured) {
        watcher->ticks++;
        histogram_add(&watchers->tick, (uint64_t)(now_wall_ns - at_ms * 1000000));
        if (at_ms > topic->last_at_ms)
            topic->ticks++;
    }
    if (at_ms > topic->last_at_ms)
        topic->last_at_ms = at_ms;
    for (; watcher->next < body_count; watcher->next++) {
        const struct watched_body *body = &watchers->bodies[watcher->next];

        if (body->acked_ms > at_ms)
            break;
        if (!measured)
            continue;
        histogram_add(&watchers->acked, now_ns - body->acked_ns);
        histogram_add(&watchers->sent, now_ns - body->sent_ns);
    }
}

/* `event` is "event: change\ndata: {…}", perhaps with an id before. */
static void hear(struct watchers *watchers, struct watcher *watcher, struct span event,
                 uint64_t now_ns, int64_t now_wall_ns)
{
    watchers->messages++;
    if (memmem(event.data, event.size, "event: change\n", 14) != NULL) {
        hear_change(watchers, watcher, find_at(event), now_ns, now_wall_ns);
    } else if (memmem(event.data, event.size, "event: snapshot\n", 16) != NULL) {
        if (!watcher->began)
            atomic_fetch_add(&watchers->began_count, 1);
        watcher->began = true;
    } else if (memmem(event.data, event.size, "event: gap\n", 11) != NULL) {
        watchers->gaps++;
    } else if (memmem(event.data, event.size, "event: error\n", 13) != NULL) {
        figures_fail("%.*s", (int)event.size, event.data);
    }
}

static void read_in(struct watchers *watchers, struct watcher *watcher)
{
    struct bytes *input = &watcher->input;
    char *room = bytes_reserve(input, READ_BYTES);
    ssize_t size = recv(watcher->fd, room, READ_BYTES, MSG_DONTWAIT);
    uint64_t now_ns = figures_now_ns();
    int64_t now_wall_ns = wall_ns();
    size_t from = 0;
    const char *end;

    if (size < 0 && errno == EAGAIN)
        return;
    if (size <= 0)
        figures_fail("the server closed a watcher's connection");
    watchers->bytes += (uint64_t)size;
    input->size += (size_t)size;
    while ((end = memmem(input->data + from, input->size - from, "\n\n", 2)) != NULL) {
        struct span event = {input->data + from, (size_t)(end - input->data) - from};

        from += event.size + 2;
        hear(watchers, watcher, event, now_ns, now_wall_ns);
    }
    memmove(input->data, input->data + from, input->size - from);
    input->size -= from;
    if (input->size == 0)
        bytes_done(input); /* thousands of buffers would not fit into a cache */
}

static void *listen_to_all(void *context)
{
    struct watchers *watchers = context;
    struct epoll_event events[EVENTS_MAX];
    uint64_t begin_ns = figures_thread_ns();

    while (!atomic_load(&watchers->stops)) {
        int count = epoll_wait(watchers->epoll, events, EVENTS_MAX, WAIT_MS);

        for (int i = 0; i < count; i++)
            read_in(watchers, events[i].data.ptr);
    }
    watchers->cpu_ns = figures_thread_ns() - begin_ns;
    return NULL;
}

void watchers_start(struct watchers *watchers)
{
    uint64_t begin_ns = figures_now_ns();

    if (pthread_create(&watchers->thread, NULL, listen_to_all, watchers) != 0)
        figures_fail("cannot start a thread");
    while (atomic_load(&watchers->began_count) < watchers->count) {
        if (figures_now_ns() - begin_ns > BEGIN_NS_MAX)
            figures_fail("only %u of %u watchers got their snapshot",
                         atomic_load(&watchers->began_count), watchers->count);
        (void)poll(NULL, 0, WAIT_MS);
    }
}

void watchers_said(struct watchers *watchers, uint64_t sent_ns)
{
    uint32_t count = atomic_load_explicit(&watchers->body_count, memory_order_relaxed);

    if (count == WATCHERS_BODIES_MAX)
        figures_fail("more than %u bodies in one run", WATCHERS_BODIES_MAX);
    watchers->bodies[count] = (struct watched_body){
        .sent_ns = sent_ns,
        .acked_ns = figures_now_ns(),
        .acked_ms = (wall_ns() + 999999) / 1000000,
    };
    atomic_store_explicit(&watchers->body_count, count + 1, memory_order_release);
}

void watchers_measure(struct watchers *watchers, double seconds)
{
    int64_t now_ms = wall_ns() / 1000000;

    atomic_store(&watchers->window_end_ms, now_ms + (int64_t)(seconds * 1000));
    atomic_store(&watchers->window_begin_ms, now_ms);
}

void watchers_stop(struct watchers *watchers)
{
    atomic_store(&watchers->stops, true);
    (void)pthread_join(watchers->thread, NULL);
}

uint64_t watchers_missed(const struct watchers *watchers)
{
    uint64_t missed = 0;

    for (uint32_t i = 0; i < watchers->count; i++) {
        const struct watcher *watcher = &watchers->watchers[i];
        const struct watched_topic *topic = &watchers->topics[watcher->topic];

        missed += topic->ticks > watcher->ticks ? topic->ticks - watcher->ticks : 0;
    }
    return missed;
}

void watchers_ticks(const struct watchers *watchers, uint32_t *out_least, uint32_t *out_most)
{
    *out_least = UINT32_MAX;
    *out_most = 0;
    for (uint32_t i = 0; i < watchers->topic_count; i++) {
        uint32_t ticks = watchers->topics[i].ticks;

        if (watchers->topics[i].watcher_count == 0)
            continue;
        if (ticks < *out_least)
            *out_least = ticks;
        if (ticks > *out_most)
            *out_most = ticks;
    }
}
