// SPDX-License-Identifier: Apache-2.0
/*
 * test_command_server.c - a node with the RESP port, seen from sockets: order of replies, commands
 * over several partitions, transactions, waiting, channels, and the end.
 *
 * Commands are written inline, and replies are compared to the byte. A reply that does not come
 * within 20 seconds fails the test.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/say.h"
#include "command/command_server.h"
#include "journal/journal.h"
#include "node/node.h"
#include "node/worker.h"

#define PARTITIONS 3
#define WORKERS 2

struct server {
    struct conf conf;
    char folder[64];
    struct command_server *commands;
    struct node_hooks hooks;
    struct node *node;
    uv_sem_t ready;
};

static int on_start(void *context, struct worker *worker, struct err *err)
{
    return command_server_start(((struct server *)context)->commands, worker, err);
}

static void on_drained(void *context, struct worker *worker)
{
    (void)context;
    node_worker_drained(worker);
}

static void on_drain(void *context, struct worker *worker)
{
    command_server_drain(((struct server *)context)->commands, worker, on_drained, context);
}

static void on_close(void *context, struct worker *worker)
{
    command_server_close(((struct server *)context)->commands, worker);
}

static void on_state(void *context, enum node_state state)
{
    if (state == NODE_READY || state == NODE_FAILED)
        uv_sem_post(&((struct server *)context)->ready);
}

static void set(struct server *server, const char *assignment)
{
    struct err err = {0};

    if (conf_set(&server->conf, assignment, &err) < 0)
        fail_msg("%s: %s", assignment, err.text);
}

static int start(void **state)
{
    struct server *server = bytes_alloc_zero(1, sizeof(*server));
    struct err err = {0};
    char text[128];

    say_set_level(SAY_WARN);
    snprintf(server->folder, sizeof(server->folder), "/tmp/tallywheel-resp-XXXXXX");
    assert_non_null(mkdtemp(server->folder));
    conf_init(&server->conf);
    snprintf(text, sizeof(text), "data=%s", server->folder);
    set(server, text);
    snprintf(text, sizeof(text), "partitions=%d", PARTITIONS);
    set(server, text);
    snprintf(text, sizeof(text), "workers=%d", WORKERS);
    set(server, text);
    set(server, "durability=memory");
    set(server, "resp=127.0.0.1:0");
    set(server, "limits.multi_bytes=4096");
    set(server, "shutdown_timeout=2s");
    server->hooks = (struct node_hooks){
        .context = server,
        .start = on_start,
        .drain = on_drain,
        .close = on_close,
    };
    uv_sem_init(&server->ready, 0);
    assert_int_equal(command_server_new(&server->commands, &server->conf, &err), 0);
    assert_int_equal(node_new(&server->node, &server->conf, &clock_system, &journal_memory,
                              &server->hooks, &err),
                     0);
    node_on_state(server->node, on_state, server);
    command_server_attach(server->commands, server->node);
    assert_int_equal(node_start(server->node, &err), 0);
    uv_sem_wait(&server->ready);
    assert_int_equal(node_state(server->node), NODE_READY);
    *state = server;
    return 0;
}

static int stop(void **state)
{
    struct server *server = *state;
    struct err err = {0};
    char text[128];

    node_stop(server->node);
    assert_int_equal(node_join(server->node, &err), 0);
    command_server_detach(server->commands);
    node_free(server->node);
    command_server_free(server->commands);
    conf_done(&server->conf);
    uv_sem_destroy(&server->ready);
    snprintf(text, sizeof(text), "rm -rf '%s'", server->folder);
    assert_int_equal(system(text), 0);
    free(server);
    return 0;
}

/* ---- clients ---- */

static int connect_to(struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(command_server_port(server->commands)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval wait = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void tell(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Exactly these bytes come next. */
static void hear(int fd, const char *expected)
{
    size_t size = strlen(expected);
    char *got = bytes_alloc_zero(1, size + 1);
    size_t at = 0;

    while (at < size) {
        ssize_t n = recv(fd, got + at, size - at, 0);

        if (n <= 0 || memcmp(got, expected, at + (size_t)n) != 0)
            fail_msg("'%s' came instead of '%s'", got, expected);
        at += (size_t)n;
    }
    free(got);
}

static void ask(int fd, const char *text, const char *expected)
{
    tell(fd, text);
    hear(fd, expected);
}

static char last_byte(int fd)
{
    char byte;

    assert_int_equal(recv(fd, &byte, 1, 0), 1);
    return byte;
}

static void hear_end(int fd)
{
    char byte;

    assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

/* ---- the tests ---- */

/* Partitions answer in any order, and errors at once; replies come in the order of the commands. */
static void test_replies_are_in_order(void **state)
{
    int fd = connect_to(*state);
    struct bytes commands = {0};
    struct bytes replies = {0};

    for (int i = 0; i < 3000; i++) {
        bytes_format(&commands, "ZADD key%d %d m\r\n", i % 50, i);
        bytes_put_text(&replies, i < 50 ? ":1\r\n" : ":0\r\n");
        if (i % 7 == 0) {
            bytes_put_text(&commands, "PING\r\nZADD x\r\nNOSUCH a\r\n");
            bytes_put_text(&replies, "+PONG\r\n-ERR wrong number of arguments for 'zadd' "
                                     "command\r\n-ERR unknown command 'NOSUCH', with args "
                                     "beginning with: 'a' \r\n");
        }
        bytes_format(&commands, "ZSCORE key%d m\r\n", i % 50);
        bytes_format(&replies, "$%d\r\n%d\r\n", i < 10 ? 1 : i < 100 ? 2 : i < 1000 ? 3 : 4, i);
    }
    tell(fd, bytes_text(&commands));
    hear(fd, bytes_text(&replies));
    ask(fd, "FLUSHALL\r\n", "+OK\r\n");
    bytes_done(&commands);
    bytes_done(&replies);
    close(fd);
}

static void test_several_partitions(void **state)
{
    int fd = connect_to(*state);

    for (int i = 0; i < 20; i++) {
        char text[64];

        snprintf(text, sizeof(text), "ZADD k%d %d a %d b%d\r\n", i, i, i + 1, i);
        ask(fd, text, ":2\r\n");
    }
    ask(fd, "DBSIZE\r\n", ":20\r\n");
    ask(fd, "EXISTS k0 k1 k2 k3 k4 nokey k0\r\n", ":6\r\n");
    ask(fd, "ZUNIONSTORE u 5 k0 k1 k2 k3 k4 WEIGHTS 1 1 1 1 2\r\n", ":6\r\n");
    ask(fd, "ZSCORE u a\r\n", "$2\r\n14\r\n");
    ask(fd, "ZINTERCARD 3 k0 k1 k2\r\n", ":1\r\n");
    ask(fd, "ZINTER 3 k0 k1 k2 WITHSCORES\r\n", "*2\r\n$1\r\na\r\n$1\r\n3\r\n");
    ask(fd, "ZDIFF 3 k0 k1 k2\r\n", "*1\r\n$2\r\nb0\r\n");
    ask(fd, "ZDIFFSTORE u 2 k0 k0\r\nEXISTS u\r\n", ":0\r\n:0\r\n");
    for (int i = 0; i < 8; i++) { /* some of these are in the same partition, some are not */
        char text[128];

        snprintf(text, sizeof(text), "ZRANGESTORE r%d k15 0 0\r\nZRANGE r%d 0 -1\r\n", i, i);
        ask(fd, text, ":1\r\n*1\r\n$1\r\na\r\n");
        snprintf(text, sizeof(text), "EXPIREAT r%d 4000000000\r\nRENAME r%d s%d\r\n", i, i, i);
        ask(fd, text, ":1\r\n+OK\r\n");
        snprintf(text, sizeof(text), "EXISTS r%d\r\nEXPIRETIME s%d\r\n", i, i);
        ask(fd, text, ":0\r\n:4000000000\r\n");
        snprintf(text, sizeof(text), "COPY s%d k%d\r\nCOPY s%d k%d REPLACE\r\n", i, i, i, i);
        ask(fd, text, ":0\r\n:1\r\n");
        snprintf(text, sizeof(text), "RENAMENX s%d k%d\r\nDEL k%d s%d\r\n", i, i, i, i);
        ask(fd, text, ":0\r\n:2\r\n");
    }
    ask(fd, "RENAME nokey k9\r\n", "-ERR no such key\r\n");
    ask(fd, "ZMPOP 4 no1 no2 no3 k10 MAX\r\n",
        "*2\r\n$3\r\nk10\r\n*1\r\n*2\r\n$3\r\nb10\r\n$2\r\n11\r\n");
    ask(fd, "ZMPOP 3 no1 no2 no3 MAX\r\n", "*-1\r\n");
    ask(fd, "FLUSHALL\r\nDBSIZE\r\nRANDOMKEY\r\nKEYS *\r\n", "+OK\r\n:0\r\n$-1\r\n*0\r\n");
    close(fd);
}

/* A walk over all partitions finds each key. */
static void test_scan(void **state)
{
    int fd = connect_to(*state);
    char reply[65536];
    bool seen[200] = {0};
    unsigned long long cursor = 0;
    int left = 200;

    for (int i = 0; i < 200; i++) {
        snprintf(reply, sizeof(reply), "ZADD scan%d 1 a\r\n", i);
        ask(fd, reply, ":1\r\n");
    }
    do {
        size_t size = 0;
        char text[64];
        char *at;

        snprintf(text, sizeof(text), "SCAN %llu\r\nPING\r\n", cursor);
        tell(fd, text);
        do { /* the PONG is the end of it */
            ssize_t n = recv(fd, reply + size, sizeof(reply) - 1 - size, 0);

            assert_true(n > 0);
            size += (size_t)n;
            reply[size] = '\0';
        } while (strstr(reply, "+PONG") == NULL);
        assert_int_equal(sscanf(reply, "*2\r\n$%*d\r\n%llu", &cursor), 1);
        for (at = strstr(reply, "scan"); at != NULL; at = strstr(at + 1, "scan")) {
            long number = strtol(at + 4, NULL, 10);

            left -= !seen[number];
            seen[number] = true;
        }
    } while (cursor != 0);
    assert_int_equal(left, 0);
    ask(fd, "SCAN 0 TYPE hash COUNT 1000\r\n", "*2\r\n$1\r\n1\r\n*0\r\n");
    ask(fd, "FLUSHALL\r\n", "+OK\r\n");
    close(fd);
}

static void test_transactions(void **state)
{
    int fd = connect_to(*state);
    int other = connect_to(*state);

    ask(fd, "EXEC\r\nDISCARD\r\n", "-ERR EXEC without MULTI\r\n-ERR DISCARD without MULTI\r\n");
    ask(fd, "MULTI\r\nMULTI\r\n", "+OK\r\n-ERR MULTI calls can not be nested\r\n");
    ask(fd, "ZADD a 1 m\r\nZADD b 1 m\r\nZADD c x m\r\nPING\r\nDBSIZE\r\nEXISTS a b c d\r\n",
        "+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
    ask(fd, "ZUNION 2 a b WITHSCORES\r\nBZPOPMIN nokey 0\r\nINFO nothing\r\nDEL a b\r\nEXEC\r\n",
        "+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*10\r\n:1\r\n:1\r\n-ERR value is not a valid "
        "float\r\n+PONG\r\n:2\r\n:2\r\n*2\r\n$1\r\nm\r\n$1\r\n2\r\n*-1\r\n$0\r\n\r\n:2\r\n");
    ask(fd, "MULTI\r\nNOSUCH\r\nPING\r\nEXEC\r\n",
        "+OK\r\n-ERR unknown command 'NOSUCH', with args beginning with: \r\n+QUEUED\r\n"
        "-EXECABORT Transaction discarded because of previous errors.\r\n");
    ask(fd, "MULTI\r\nZADD a 1 m\r\nDISCARD\r\nEXISTS a\r\n", "+OK\r\n+QUEUED\r\n+OK\r\n:0\r\n");
    ask(fd, "MULTI\r\nEXEC\r\n", "+OK\r\n*0\r\n");
    /* One partition: guarded there. Several: compared before. */
    for (int i = 0; i < 2; i++) {
        const char *write =
            i == 0 ? "ZADD w 5 m\r\n" : "ZADD w 5 m\r\nZADD v 5 m\r\nZADD u 5 m\r\n";
        const char *queued = i == 0 ? "+QUEUED\r\n" : "+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n";

        ask(fd, "WATCH w\r\nMULTI\r\n", "+OK\r\n+OK\r\n");
        ask(fd, write, queued);
        ask(other, "ZADD w 1 interferes\r\n", ":1\r\n");
        ask(fd, "EXEC\r\nEXISTS v\r\n", "*-1\r\n:0\r\n");
        ask(fd, "WATCH w\r\nMULTI\r\n", "+OK\r\n+OK\r\n");
        ask(fd, write, queued);
        ask(fd, "EXEC\r\n", i == 0 ? "*1\r\n:1\r\n" : "*3\r\n:1\r\n:1\r\n:1\r\n");
        ask(fd, "WATCH w\r\nUNWATCH\r\nMULTI\r\nPING\r\n", "+OK\r\n+OK\r\n+OK\r\n+QUEUED\r\n");
        ask(other, "ZREM w m interferes\r\n", ":2\r\n");
        ask(fd, "EXEC\r\n", "*1\r\n+PONG\r\n");
    }
    ask(fd, "MULTI\r\nWATCH a\r\nEXEC\r\n",
        "+OK\r\n-ERR WATCH inside MULTI is not allowed\r\n*0\r\n");
    ask(fd, "FLUSHALL\r\n", "+OK\r\n");
    close(fd);
    close(other);
}

/* What is queued has a limit. */
static void test_too_large_a_transaction(void **state)
{
    int fd = connect_to(*state);
    struct bytes command = {0};

    bytes_put_text(&command, "ECHO ");
    for (int i = 0; i < 3000; i++)
        bytes_put_char(&command, 'x');
    bytes_put_text(&command, "\r\n");
    ask(fd, "MULTI\r\n", "+OK\r\n");
    ask(fd, bytes_text(&command), "+QUEUED\r\n");
    ask(fd, bytes_text(&command), "-ERR MULTI has queued too much (limits.multi_bytes)\r\n");
    ask(fd, "EXEC\r\n", "-EXECABORT Transaction discarded because of previous errors.\r\n");
    bytes_done(&command);
    close(fd);
}

static void test_waiting(void **state)
{
    int waits = connect_to(*state);
    int fd = connect_to(*state);
    char text[128];
    long long id;
    char reply[64] = "";

    ask(waits, "BZPOPMIN nokey 0.01\r\n", "*-1\r\n");
    ask(waits, "BZPOPMIN q x\r\n", "-ERR timeout is not a float or out of range\r\n");
    tell(waits, "CLIENT ID\r\n");
    assert_true(recv(waits, reply, sizeof(reply) - 1, 0) > 0);
    assert_int_equal(sscanf(reply, ":%lld", &id), 1);
    /* The PING behind it is answered after it. */
    tell(waits, "BZPOPMAX q1 q2 q3 0\r\nPING\r\n");
    snprintf(text, sizeof(text), "CLIENT UNBLOCK %lld\r\n", id);
    do { /* until it has come so far as to wait */
        tell(fd, text);
        assert_true(recv(fd, reply, 4, MSG_WAITALL) == 4);
    } while (reply[1] == '0');
    hear(waits, "*-1\r\n+PONG\r\n");
    tell(waits, "BZMPOP 0 2 q1 q2 MIN COUNT 2\r\n");
    snprintf(text, sizeof(text), "CLIENT UNBLOCK %lld ERROR\r\n", id);
    do {
        tell(fd, text);
        assert_true(recv(fd, reply, 4, MSG_WAITALL) == 4);
    } while (reply[1] == '0');
    hear(waits, "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    tell(waits, "BZMPOP 0 2 q1 q2 MAX COUNT 2\r\n");
    ask(fd, "ZADD q2 1 a 2 b 3 c\r\n", ":3\r\n");
    hear(waits, "*2\r\n$2\r\nq2\r\n*2\r\n*2\r\n$1\r\nc\r\n$1\r\n3\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n");
    ask(waits, "BZPOPMIN q1 q2 0\r\n", "*3\r\n$2\r\nq2\r\n$1\r\na\r\n$1\r\n1\r\n");
    ask(waits, "HELLO 3\r\n", "%7\r\n");
    close(waits);
    /* One that waits and leaves is forgotten: the next one gets it. */
    waits = connect_to(*state);
    tell(waits, "BZPOPMIN q1 0\r\n");
    close(waits);
    waits = connect_to(*state);
    ask(waits, "HELLO 2\r\n", "*14\r\n$6\r\nserver\r\n");
    ask(fd, "FLUSHALL\r\n", "+OK\r\n");
    close(waits);
    close(fd);
}

static void test_channels(void **state)
{
    int subscribers[8];
    int fd = connect_to(*state);

    for (int i = 0; i < 8; i++) { /* over both workers, very likely */
        subscribers[i] = connect_to(*state);
        ask(subscribers[i], "SUBSCRIBE news\r\n", "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    }
    ask(subscribers[0], "PSUBSCRIBE n*\r\n", "*3\r\n$10\r\npsubscribe\r\n$2\r\nn*\r\n:2\r\n");
    ask(subscribers[0], "ZADD a 1 b\r\n",
        "-ERR Can't execute 'zadd': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET "
        "are allowed in this context\r\n");
    ask(subscribers[0], "PING x\r\n", "*2\r\n$4\r\npong\r\n$1\r\nx\r\n");
    ask(fd, "PUBSUB NUMSUB news none\r\n", "*4\r\n$4\r\nnews\r\n:8\r\n$4\r\nnone\r\n:0\r\n");
    ask(fd, "PUBSUB NUMPAT\r\n", ":1\r\n");
    for (int i = 0; i < 50; i++) {
        char text[64];

        snprintf(text, sizeof(text), "PUBLISH news %d\r\n", 10 + i);
        ask(fd, text, ":9\r\n");
    }
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 50; j++) {
            char text[128];

            snprintf(text, sizeof(text), "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\n%d\r\n",
                     10 + j);
            hear(subscribers[i], text);
            if (i == 0) {
                snprintf(text, sizeof(text),
                         "*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$2\r\n%d\r\n", 10 + j);
                hear(subscribers[i], text);
            }
        }
    ask(subscribers[0], "UNSUBSCRIBE\r\nPUNSUBSCRIBE\r\nPUNSUBSCRIBE\r\n",
        "*3\r\n$11\r\nunsubscribe\r\n$4\r\nnews\r\n:1\r\n*3\r\n$12\r\npunsubscribe\r\n$2\r\nn*\r\n"
        ":0\r\n*3\r\n$12\r\npunsubscribe\r\n$-1\r\n:0\r\n");
    ask(subscribers[1], "QUIT\r\n", "+OK\r\n");
    hear_end(subscribers[1]);
    ask(fd, "PUBLISH news x\r\n", ":6\r\n");
    /* To oneself: behind the reply. */
    ask(subscribers[0], "SSUBSCRIBE own\r\n", "*3\r\n$10\r\nssubscribe\r\n$3\r\nown\r\n:1\r\n");
    ask(subscribers[0], "RESET\r\n", "+RESET\r\n");
    tell(subscribers[0], "HELLO 3\r\n");
    hear(subscribers[0], "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n"
                         "7.2.0\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:");
    while (last_byte(subscribers[0]) != '*') /* the modules end it */
        continue;
    hear(subscribers[0], "0\r\n");
    ask(subscribers[0], "SUBSCRIBE own\r\nPUBLISH own x\r\n",
        ">3\r\n$9\r\nsubscribe\r\n$3\r\nown\r\n:1\r\n:1\r\n>3\r\n$7\r\nmessage\r\n$3\r\nown\r\n"
        "$1\r\nx\r\n");
    for (int i = 0; i < 8; i++)
        close(subscribers[i]);
    close(fd);
}

static void test_clients_about_clients(void **state)
{
    int fd = connect_to(*state);
    int victim = connect_to(*state);
    char text[128];
    char reply[64] = "";
    long long id;

    ask(fd, "CLIENT REPLY SKIP\r\nPING\r\nECHO a\r\n", "$1\r\na\r\n");
    ask(fd, "CLIENT REPLY OFF\r\nPING\r\nZADD r 1 a\r\nCLIENT REPLY ON\r\nZCARD r\r\n",
        "+OK\r\n:1\r\n");
    ask(fd, "CLIENT SETNAME me\r\nCLIENT GETNAME\r\n", "+OK\r\n$2\r\nme\r\n");
    tell(victim, "CLIENT ID\r\n");
    assert_true(recv(victim, reply, sizeof(reply) - 1, 0) > 0);
    assert_int_equal(sscanf(reply, ":%lld", &id), 1);
    snprintf(text, sizeof(text), "CLIENT KILL ID %lld\r\n", id);
    ask(fd, text, ":1\r\n");
    hear_end(victim);
    ask(fd, text, ":0\r\n");
    ask(fd, "CLIENT KILL 1.2.3.4:5\r\n", "-ERR No such client\r\n");
    /* Writes wait until the pause is over, reads do not. */
    victim = connect_to(*state);
    ask(fd, "CLIENT PAUSE 60000 WRITE\r\n", "+OK\r\n");
    tell(victim, "ZADD r 2 b\r\nPING\r\n");
    ask(fd, "ZCARD r\r\n", ":1\r\n");
    ask(fd, "CLIENT UNPAUSE\r\n", "+OK\r\n");
    hear(victim, ":1\r\n+PONG\r\n");
    ask(fd, "RESET\r\nCLIENT GETNAME\r\nFLUSHALL\r\n", "+RESET\r\n$-1\r\n+OK\r\n");
    ask(fd, "POST / HTTP/1.1\r\n", "");
    hear_end(fd);
    close(fd);
    close(victim);
}

static void test_settings(void **state)
{
    int fd = connect_to(*state);

    ask(fd, "CONFIG SET zset-max-ziplist-entries 2 maxmemory 1kb\r\n", "+OK\r\n");
    ask(fd, "CONFIG GET zset-max-listpack-e* MAXMEMORY\r\n",
        "*4\r\n$9\r\nmaxmemory\r\n$4\r\n1024\r\n$25\r\nzset-max-listpack-entries\r\n$1\r\n2\r\n");
    ask(fd, "ZADD e 1 a 2 b 3 c\r\nOBJECT ENCODING e\r\n", ":3\r\n$8\r\nskiplist\r\n");
    ask(fd, "CONFIG SET zset-max-listpack-entries 128\r\n", "+OK\r\n");
    ask(fd, "CONFIG SET nosuch 1\r\n",
        "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'\r\n");
    ask(fd, "CONFIG SET hz 7 maxmemory x\r\nCONFIG GET hz\r\n",
        "-ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a "
        "memory value\r\n*2\r\n$2\r\nhz\r\n$2\r\n10\r\n");
    ask(fd, "OBJECT FREQ none\r\nMEMORY USAGE none\r\nOBJECT REFCOUNT e\r\n",
        "$-1\r\n$-1\r\n:1\r\n");
    ask(fd, "SET a b\r\n",
        "-ERR Tallywheel keeps sorted sets and streams; it has no strings, so "
        "'SET' is not available\r\n");
    ask(fd, "FLUSHALL\r\n", "+OK\r\n");
    close(fd);
}

/* The end comes while somebody waits, is held back by a pause, and has subscribed. */
static void test_the_end(void **state)
{
    struct server *server = *state;
    int waits = connect_to(server);
    int held = connect_to(server);
    int subscribed = connect_to(server);

    ask(waits, "PING\r\n", "+PONG\r\n");
    tell(waits, "BZPOPMIN nokey 0\r\n");
    ask(subscribed, "SUBSCRIBE end\r\n", "*3\r\n$9\r\nsubscribe\r\n$3\r\nend\r\n:1\r\n");
    ask(held, "CLIENT PAUSE 60000 WRITE\r\n", "+OK\r\n");
    tell(held, "PING\r\nZADD e 1 a\r\n");
    hear(held, "+PONG\r\n");
    node_stop(server->node);
    hear(waits, "*-1\r\n");
    hear_end(waits);
    hear_end(subscribed);
    close(waits);
    close(held);
    close(subscribed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies_are_in_order),
        cmocka_unit_test(test_several_partitions),
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_too_large_a_transaction),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_clients_about_clients),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_the_end), /* last: it stops the node */
    };

    return cmocka_run_group_tests(tests, start, stop);
}
