// SPDX-License-Identifier: Apache-2.0
/* resp.c - see resp.h. */
#include "support/resp.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "support/figures.h"
#include "support/histogram.h"

#define READ_ROOM 65536u
#define EVENTS_MAX 64
#define SILENCE_MS 30000

void resp_server_parse(struct resp_server *server, const char *name, const char *address,
                       double pid)
{
    const char *colon = strrchr(address, ':');
    unsigned long port = colon != NULL ? strtoul(colon + 1, NULL, 10) : 0;

    *server = (struct resp_server){.name = name, .port = (uint16_t)port, .pid = (pid_t)pid};
    if (colon == NULL || port == 0 || port > 65535 || pid < 1 ||
        (size_t)(colon - address) >= sizeof(server->host))
        figures_fail("%s: want HOST:PORT, and the server's process with it", address);
    memcpy(server->host, address, (size_t)(colon - address));
}

static int connect_to(const struct resp_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(server->port)};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || inet_pton(AF_INET, server->host, &address.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        figures_fail("%s:%u: %s", server->host, server->port, strerror(errno));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static void watch(struct resp *resp, struct resp_connection *connection, int operation, bool write)
{
    struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0u)};

    event.data.ptr = connection;
    if (epoll_ctl(resp->epoll, operation, connection->fd, &event) < 0)
        figures_fail("epoll_ctl: %s", strerror(errno));
    connection->wants_write = write;
}

void resp_open(struct resp *resp, const struct resp_server *server, uint32_t count)
{
    *resp = (struct resp){.server = server, .count = count, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    if (resp->epoll < 0)
        figures_fail("epoll: %s", strerror(errno));
    resp->connections = bytes_alloc_zero(count, sizeof(resp->connections[0]));
    for (uint32_t i = 0; i < count; i++) {
        resp->connections[i].fd = connect_to(server);
        watch(resp, &resp->connections[i], EPOLL_CTL_ADD, false);
    }
}

void resp_close(struct resp *resp)
{
    for (uint32_t i = 0; i < resp->count; i++) {
        close(resp->connections[i].fd);
        bytes_done(&resp->connections[i].out);
        bytes_done(&resp->connections[i].in);
    }
    free(resp->connections);
    close(resp->epoll);
}

void resp_put(struct bytes *out, const struct span *words, uint32_t count)
{
    bytes_format(out, "*%u\r\n", count);
    for (uint32_t i = 0; i < count; i++) {
        bytes_format(out, "$%zu\r\n", words[i].size);
        bytes_put(out, words[i].data, words[i].size);
        bytes_put(out, "\r\n", 2);
    }
}

static void send_more(struct resp *resp, struct resp_connection *connection)
{
    while (connection->sent < connection->out.size) {
        ssize_t size = send(connection->fd, connection->out.data + connection->sent,
                            connection->out.size - connection->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (size < 0 && errno == EAGAIN) {
            if (!connection->wants_write)
                watch(resp, connection, EPOLL_CTL_MOD, true);
            return;
        }
        if (size < 0 && errno != EINTR)
            figures_fail("%s: send: %s", resp->server->name, strerror(errno));
        if (size > 0)
            connection->sent += (size_t)size;
    }
    if (connection->wants_write)
        watch(resp, connection, EPOLL_CTL_MOD, false);
}

static void begin_pipeline(struct resp *resp, struct resp_connection *connection)
{
    bytes_clear(&connection->out);
    connection->sent = 0;
    for (uint32_t i = 0; i < resp->depth; i++)
        resp->fill(resp->context, &connection->out);
    connection->awaited = resp->depth;
    connection->sent_ns = figures_now_ns();
    send_more(resp, connection);
}

/*
 * One element of a reply at `text`: its bytes, or 0 if it is not all there. A bulk string is one
 * element, an array's head is one and announces others.
 */
static size_t take_element(const struct resp *resp, const char *text, size_t size,
                           int64_t *out_more)
{
    const char *end = size > 0 ? memchr(text, '\n', size) : NULL;
    size_t line = end != NULL ? (size_t)(end - text) + 1 : 0;
    bool negative = size > 1 && text[1] == '-';
    int64_t number = 0;

    *out_more = 0;
    if (line < 3)
        return 0;
    if (text[0] == '-' || (negative && text[0] != ':' && text[0] != ',') || text[0] == '_')
        figures_fail("%s replies %.*s", resp->server->name, (int)(line - 2), text);
    if (text[0] != '$' && text[0] != '*' && text[0] != '%')
        return line;
    for (size_t i = 1; i < line - 2; i++)
        number = number * 10 + (text[i] - '0');
    if (text[0] == '$')
        return size >= line + (size_t)number + 2 ? line + (size_t)number + 2 : 0;
    *out_more = text[0] == '%' ? 2 * number : number;
    return line;
}

/* Counts the replies that are complete; what is left of the bytes stays for the next time. */
static void take_replies(const struct resp *resp, struct resp_connection *connection)
{
    size_t at = 0;

    for (;;) {
        int64_t more;
        size_t size = take_element(resp, connection->in.data + at, connection->in.size - at, &more);

        if (size == 0)
            break;
        at += size;
        if (connection->left == 0)
            connection->left = 1;
        connection->left += (uint64_t)more - 1;
        if (connection->left == 0) {
            if (connection->awaited == 0)
                figures_fail("%s replies more than it was asked", resp->server->name);
            connection->awaited--;
        }
    }
    memmove(connection->in.data, connection->in.data + at, connection->in.size - at);
    connection->in.size -= at;
}

static void read_more(struct resp *resp, struct resp_connection *connection)
{
    char *room = bytes_reserve(&connection->in, READ_ROOM);
    ssize_t size = recv(connection->fd, room, READ_ROOM, MSG_DONTWAIT);

    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size <= 0)
        figures_fail("%s closed a connection", resp->server->name);
    connection->in.size += (size_t)size;
    take_replies(resp, connection);
}

/* Handles what has happened; true when a pipeline has ended with it. */
static bool handle(struct resp *resp, const struct epoll_event *event)
{
    struct resp_connection *connection = event->data.ptr;
    uint32_t awaited = connection->awaited;

    if ((event->events & EPOLLOUT) != 0)
        send_more(resp, connection);
    if ((event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        read_more(resp, connection);
    resp->command_count += awaited - connection->awaited;
    return awaited > 0 && connection->awaited == 0;
}

void resp_run(struct resp *resp, uint32_t depth, resp_fill_fn *fill, void *context, double seconds,
              uint64_t most, struct histogram *latency)
{
    uint64_t end_ns = figures_now_ns() + (uint64_t)(seconds * 1e9);
    uint64_t begun = 0;
    uint32_t busy = 0;

    resp->fill = fill;
    resp->context = context;
    resp->depth = depth;
    resp->command_count = 0;
    for (uint32_t i = 0; i < resp->count && begun < most; i++, busy++, begun += depth)
        begin_pipeline(resp, &resp->connections[i]);
    while (busy > 0) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(resp->epoll, events, EVENTS_MAX, SILENCE_MS);
        uint64_t now_ns = figures_now_ns();

        if (count == 0)
            figures_fail("%s says nothing for %d s", resp->server->name, SILENCE_MS / 1000);
        for (int i = 0; i < count; i++) {
            struct resp_connection *connection = events[i].data.ptr;

            if (!handle(resp, &events[i]))
                continue;
            if (latency != NULL)
                histogram_add(latency, now_ns - connection->sent_ns);
            if (now_ns >= end_ns || begun >= most) {
                busy--;
                continue;
            }
            begin_pipeline(resp, connection);
            begun += depth;
        }
    }
}

static void fill_words(void *context, struct bytes *out)
{
    const char *at = context;
    struct span words[16];
    uint32_t count = 0;

    while (*at != '\0') {
        size_t size = strcspn(at, " ");

        assert(count < 16);
        words[count++] = (struct span){at, size};
        at += size + strspn(at + size, " ");
    }
    resp_put(out, words, count);
}

long long resp_ask(struct resp *resp, const char *words)
{
    struct resp_connection *connection = &resp->connections[0];
    char line[64] = "";

    bytes_clear(&connection->out);
    fill_words((void *)(uintptr_t)words, &connection->out);
    connection->sent = connection->out.size;
    if (send(connection->fd, connection->out.data, connection->out.size, MSG_NOSIGNAL) !=
        (ssize_t)connection->out.size)
        figures_fail("%s: send: %s", resp->server->name, strerror(errno));
    for (size_t size = 0; strchr(line, '\n') == NULL && size < sizeof(line) - 1;) {
        ssize_t got = recv(connection->fd, line + size, sizeof(line) - 1 - size, 0);

        if (got <= 0)
            figures_fail("%s closed a connection", resp->server->name);
        size += (size_t)got;
    }
    if (line[0] == '-')
        figures_fail("%s: %s: %s", resp->server->name, words, line);
    return line[0] == ':' ? atoll(line + 1) : 0;
}

uint64_t resp_server_cpu_ns(const struct resp_server *server)
{
    struct timespec time;
    clockid_t clock;

    if (clock_getcpuclockid(server->pid, &clock) != 0 || clock_gettime(clock, &time) != 0)
        figures_fail("%s: the processor time of process %ld cannot be read", server->name,
                     (long)server->pid);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

double resp_server_rss_bytes(const struct resp_server *server)
{
    char path[64];
    long pages = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%ld/statm", (long)server->pid);
    file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%*s %ld", &pages) != 1)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}
