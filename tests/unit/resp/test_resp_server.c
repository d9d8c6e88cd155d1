// SPDX-License-Identifier: Apache-2.0
/*
 * test_resp_server.c - connections over real sockets: commands in, answers in order, how they end.
 */
#include "unit/resp/resp_harness.h"

static const char mixed[] = "*1\r\n$4\r\nPING\r\n"
                            "*2\r\n$4\r\nECHO\r\n$3\r\nabc\r\n"
                            "ECHO \"in line\"\r\n\r\n*0\r\n"
                            "*2\r\n$4\r\nHOLD\r\n$12\r\nheld\r\nheld\r\n\r\n"
                            "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n"
                            "PAUSE\nPING\r\n";
static const char mixed_replies[] = "$4\r\nPONG\r\n$3\r\nabc\r\n$7\r\nin line\r\n"
                                    "$12\r\nheld\r\nheld\r\n\r\n$0\r\n\r\n$6\r\npaused\r\n"
                                    "$4\r\nPONG\r\n";

static void test_split_everywhere(void **state)
{
    struct harness harness = {0};

    (void)state;
    harness_start(&harness);
    int fd = client_open(&harness);
    for (size_t at = 0; at <= strlen(mixed); at++) {
        assert_true(client_send(fd, mixed, at));
        assert_true(client_send(fd, mixed + at, strlen(mixed) - at));
        client_expect_text(fd, mixed_replies);
    }
    for (size_t at = 0; at < strlen(mixed); at++)
        assert_true(client_send(fd, mixed + at, 1));
    client_expect_text(fd, mixed_replies);
    close(fd);
    harness_stop(&harness);
    assert_int_equal(harness.counters.commands_total, 7 * (strlen(mixed) + 2));
    assert_int_equal(harness.counters.broken_total, 0);
}

/* Small limits: the connection stops and goes on thousands of times, and loses nothing. */
static void test_deep_pipeline(void **state)
{
    struct harness harness = {.limits = {.pending_max = 7, .output_bytes_soft = 300}};
    struct bytes commands = {0};
    struct bytes replies = {0};

    (void)state;
    for (int i = 0; i < 20000; i++) {
        bytes_format(&commands, "*2\r\n$4\r\n%s\r\n$5\r\n%05d\r\n", i % 997 == 0 ? "HOLD" : "ECHO",
                     i);
        bytes_format(&replies, "$5\r\n%05d\r\n", i);
    }
    harness_start(&harness);
    int fd = client_open(&harness);
    assert_true(client_send(fd, commands.data, commands.size));
    client_expect(fd, replies.data, replies.size);
    close(fd);
    harness_stop(&harness);
    /* What is over the limit is the last reply. */
    assert_true(harness.queued_max <= 300 + 12);
    assert_int_equal(harness.counters.in_bytes, commands.size);
    assert_int_equal(harness.counters.out_bytes, replies.size);
    bytes_done(&commands);
    bytes_done(&replies);
}

/* All answers of a turn leave in one piece, so turns are far fewer than commands. */
static void test_one_write_a_turn(void **state)
{
    struct harness harness = {0};
    struct bytes commands = {0};
    struct bytes replies = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        bytes_put_text(&commands, "*1\r\n$4\r\nPING\r\n");
        bytes_put_text(&replies, "$4\r\nPONG\r\n");
    }
    harness_start(&harness);
    int fd = client_open(&harness);
    assert_true(client_send(fd, commands.data, commands.size));
    client_expect(fd, replies.data, replies.size);
    assert_true(atomic_load(&harness.turns) < 100);
    close(fd);
    harness_stop(&harness);
    bytes_done(&commands);
    bytes_done(&replies);
}

static void test_slow_reader(void **state)
{
    struct harness harness = {0};
    const size_t size = 100000;
    char head[32];
    char number[8] = {0};

    (void)state;
    harness_start(&harness);
    int fd = client_open(&harness);
    int other = client_open(&harness);
    char *big = malloc(size + 2);
    memset(big, 'b', size);
    memcpy(big + size, "\r\n", 2);
    for (int i = 0; i < 500; i++)
        client_say(fd, "BIG 100000\r\n");
    /* Others are served meanwhile. */
    client_say(other, "PING\r\n");
    client_expect_text(other, "$4\r\nPONG\r\n");
    snprintf(head, sizeof(head), "$%zu\r\n", size);
    for (int i = 0; i < 500; i++) {
        client_expect_text(fd, head);
        client_expect(fd, big, size + 2);
    }
    client_say(other, "QUEUED\r\n");
    client_expect_text(other, "$7\r\n");
    client_expect(other, "1", 1); /* 1 MiB and the last reply: 1.0 to 1.2 MB */
    assert_int_equal(recv(other, number, 1, 0), 1);
    assert_true(number[0] == '0' || number[0] == '1');
    free(big);
    close(fd);
    close(other);
    harness_stop(&harness);
}

static void send_bulk_head(int fd, size_t size)
{
    char text[64];

    snprintf(text, sizeof(text), "*2\r\n$4\r\nECHO\r\n$%zu\r\n", size);
    client_say(fd, text);
}

static void test_large_bulk(void **state)
{
    const size_t size = 16u << 20;
    struct harness harness = {
        .limits = {.parse.bulk_bytes_max = 16u << 20, .input_bytes_max = 20u << 20}};
    char text[32];

    (void)state;
    harness_start(&harness);
    int fd = client_open(&harness);
    char *large = malloc(size);
    for (size_t i = 0; i < size; i++)
        large[i] = (char)(i * 31 + (i >> 9));
    send_bulk_head(fd, size);
    assert_true(client_send(fd, large, size));
    client_say(fd, "\r\nPING\r\n");
    snprintf(text, sizeof(text), "$%zu\r\n", size);
    client_expect_text(fd, text);
    client_expect(fd, large, size);
    client_expect_text(fd, "\r\n$4\r\nPONG\r\n");
    /* Refused by its head, before any of it comes. */
    send_bulk_head(fd, 100u << 20);
    client_expect_text(fd, "-ERR Protocol error: invalid bulk length\r\n");
    assert_true(client_ended(fd, true));
    close(fd);
    /* Each argument is small enough, all of them are not. */
    fd = client_open(&harness);
    client_say(fd, "*3\r\n$4\r\nECHO\r\n$16000000\r\n");
    if (client_send(fd, large, 16000000) && client_send(fd, "\r\n$16000000\r\n", 13))
        client_send(fd, large, 15000000);
    assert_true(client_ended(fd, false));
    close(fd);
    free(large);
    harness_stop(&harness);
    assert_int_equal(harness.counters.broken_total, 1);
}

static void test_broken(void **state)
{
    static const char *const wrong[] = {
        "*x\r\n",        "Protocol error: invalid multibulk length",
        "*1\r\nabc\r\n", "Protocol error: expected '$', got 'a'",
        "SET \"a\r\n",   "Protocol error: unbalanced quotes in request",
    };
    struct harness harness = {0};
    char expected[200];

    (void)state;
    harness_start(&harness);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i += 2) {
        int fd = client_open(&harness);
        /* The error comes in its turn, behind what is still unanswered. */
        client_say(fd, "HOLD a\r\nECHO b\r\n");
        client_say(fd, wrong[i]);
        client_send(fd, "PING\r\nPING\r\n", 12);
        snprintf(expected, sizeof(expected), "$1\r\na\r\n$1\r\nb\r\n-ERR %s\r\n", wrong[i + 1]);
        client_expect_text(fd, expected);
        assert_true(client_ended(fd, true));
        close(fd);
    }
    harness_stop(&harness);
    assert_int_equal(harness.counters.broken_total, 3);
    assert_int_equal(harness.counters.commands_total, 6);
}

/* The last words arrive although the client goes on sending, which does not fail either. */
static void test_last_words(void **state)
{
    struct harness harness = {0};
    char rubbish[65536];

    (void)state;
    memset(rubbish, '?', sizeof(rubbish));
    harness_start(&harness);
    int fd = client_open(&harness);
    client_say(fd, "*nonsense\r\n");
    for (int i = 0; i < 300; i++)
        assert_true(client_send(fd, rubbish, sizeof(rubbish)));
    client_expect_text(fd, "-ERR Protocol error: invalid multibulk length\r\n");
    assert_true(client_ended(fd, true));
    close(fd);
    harness_stop(&harness);
}

static void test_rubbish(void **state)
{
    struct harness harness = {0};
    uint32_t random = 12345;
    char rubbish[700];

    (void)state;
    harness_start(&harness);
    for (int i = 0; i < 200; i++) {
        int fd = client_open(&harness);
        for (size_t j = 0; j < sizeof(rubbish); j++) {
            random = random * 1664525u + 1013904223u;
            rubbish[j] =
                (random >> 28) > 6 ? "*$\r\n1029\"'-"[(random >> 20) % 11] : (char)(random >> 16);
        }
        client_send(fd, rubbish, sizeof(rubbish));
        if (i % 2 == 0) {
            shutdown(fd, SHUT_WR);
            assert_true(client_ended(fd, false));
        }
        close(fd);
    }
    int fd = client_open(&harness);
    client_say(fd, "PING\r\n");
    client_expect_text(fd, "$4\r\nPONG\r\n");
    close(fd);
    harness_stop(&harness);
}

static void test_many_connections(void **state)
{
    struct harness harness = {0};
    int fds[500];

    (void)state;
    harness_start(&harness);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 500; i++) {
            fds[i] = client_open(&harness);
            client_say(fds[i], "*2\r\n$4\r\nECHO\r\n$2\r\n");
        }
        for (int i = 0; i < 500; i++)
            client_say(fds[i], "ab\r\n");
        for (int i = 0; i < 500; i++) {
            client_expect_text(fds[i], "$2\r\nab\r\n");
            if (i % 3 == 0)
                client_say(fds[i], "*1\r\n$4\r\nPI");
            if (i % 3 == 1)
                client_say(fds[i], "WAIT\r\nQUIT\r\n");
            close(fds[i]);
        }
    }
    for (int i = 0; i < 2000; i++)
        uv_sem_wait(&harness.goings);
    harness_stop(&harness);
    assert_int_equal(harness.counters.connections, 0);
    assert_int_equal(harness.counters.connections_total, 2000);
}

static void test_connections_max(void **state)
{
    struct harness harness = {.limits = {.connections_max = 2}};

    (void)state;
    harness_start(&harness);
    int first = client_open(&harness);
    int second = client_open(&harness);
    client_say(first, "PING\r\n");
    client_expect_text(first, "$4\r\nPONG\r\n");
    int third = client_open(&harness);
    client_expect_text(third, "-ERR max number of clients reached\r\n");
    assert_true(client_ended(third, true));
    client_say(second, "PING\r\n");
    client_expect_text(second, "$4\r\nPONG\r\n");
    close(first);
    close(second);
    close(third);
    harness_stop(&harness);
    assert_int_equal(harness.counters.refused_total, 1);
}

static void test_endings(void **state)
{
    struct harness harness = {.limits = {.idle_ms_max = 100}};

    (void)state;
    harness_start(&harness);
    /* QUIT waits for what came before it, and nothing behind it is done. */
    int fd = client_open(&harness);
    client_say(fd, "HOLD a\r\nQUIT\r\nECHO b\r\n");
    client_expect_text(fd, "$1\r\na\r\n$2\r\nOK\r\n");
    assert_true(client_ended(fd, true));
    close(fd);
    fd = client_open(&harness);
    client_say(fd, "HOLD a\r\nDIE\r\n");
    assert_true(client_ended(fd, false));
    close(fd);
    /* A client that has closed its half gets its answers, and waits for nothing. */
    fd = client_open(&harness);
    client_say(fd, "HOLD a\r\nPAUSE\r\nECHO b\r\nWAIT\r\nECHO c\r\n*1\r\n$4\r\nPI");
    shutdown(fd, SHUT_WR);
    client_expect_text(fd, "$1\r\na\r\n$6\r\npaused\r\n$1\r\nb\r\n$7\r\ndrained\r\n$1\r\nc\r\n");
    assert_true(client_ended(fd, true));
    close(fd);
    fd = client_open(&harness);
    assert_true(client_ended(fd, true)); /* idle for too long */
    close(fd);
    harness_stop(&harness);
    assert_int_equal(harness.counters.idle_total, 1);
}

static void test_drain(void **state)
{
    struct harness harness = {.drain_ms = 5000};

    (void)state;
    harness_start(&harness);
    int idle = client_open(&harness);
    int waiting = client_open(&harness);
    int half = client_open(&harness);
    client_say(idle, "PING\r\n");
    client_expect_text(idle, "$4\r\nPONG\r\n");
    client_say(waiting, "ECHO a\r\nWAIT\r\nECHO b\r\n");
    client_expect_text(waiting, "$1\r\na\r\n");
    client_say(half, "PING\r\n*1\r\n$4\r\nPI");
    client_expect_text(half, "$4\r\nPONG\r\n");
    uv_async_send(&harness.drain);
    client_expect_text(waiting, "$7\r\ndrained\r\n$1\r\nb\r\n");
    assert_true(client_ended(waiting, true));
    assert_true(client_ended(idle, true));
    assert_true(client_ended(half, true));
    close(idle);
    close(waiting);
    close(half);
    uv_sem_wait(&harness.drained);
    harness_stop(&harness);
}

/* A client that reads nothing is cut off in the end. */
static void test_drain_cuts(void **state)
{
    struct harness harness = {.drain_ms = 50};

    (void)state;
    harness_start(&harness);
    int fd = client_open(&harness);
    client_say(fd, "PING\r\n");
    client_expect_text(fd, "$4\r\nPONG\r\n");
    for (int i = 0; i < 200; i++)
        client_say(fd, "BIG 100000\r\n");
    client_expect_text(fd, "$100000\r\n");
    uv_async_send(&harness.drain);
    uv_sem_wait(&harness.drained);
    close(fd);
    harness_stop(&harness);
}

static void test_free_while_open(void **state)
{
    struct harness harness = {0};
    int fds[20];

    (void)state;
    harness_start(&harness);
    for (int i = 0; i < 20; i++) {
        fds[i] = client_open(&harness);
        client_say(fds[i], "PING\r\n");
        client_expect_text(fds[i], "$4\r\nPONG\r\n");
        for (int j = 0; j < 100; j++)
            client_say(fds[i], i % 2 == 0 ? "BIG 50000\r\n" : "HOLD x\r\n*1\r\n$4\r\nPING\r\n");
    }
    harness_stop(&harness);
    for (int i = 0; i < 20; i++)
        close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_everywhere), cmocka_unit_test(test_deep_pipeline),
        cmocka_unit_test(test_one_write_a_turn), cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_large_bulk),       cmocka_unit_test(test_broken),
        cmocka_unit_test(test_last_words),       cmocka_unit_test(test_rubbish),
        cmocka_unit_test(test_many_connections), cmocka_unit_test(test_connections_max),
        cmocka_unit_test(test_endings),          cmocka_unit_test(test_drain),
        cmocka_unit_test(test_drain_cuts),       cmocka_unit_test(test_free_while_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
