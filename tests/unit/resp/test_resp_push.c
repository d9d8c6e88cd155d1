// SPDX-License-Identifier: Apache-2.0
/* test_resp_push.c - blocks that many connections share, and clients that do not take them. */
#include "unit/resp/resp_harness.h"

/* Blocks stand where they were pushed, between the replies, whether copied or shared. */
static void test_order(void **state)
{
    struct harness harness = {0};
    char big[70000];

    (void)state;
    memset(big, 'p', sizeof(big));
    harness_start(&harness);
    int fd = client_open(&harness);
    client_say(
        fd, "SUB\r\nECHO a\r\nPUB 10\r\nECHO b\r\nPUB 70000\r\nPUB 2000\r\nECHO c\r\nPUB 1500\r\n");
    client_expect_text(fd, "$10\r\nsubscribed\r\n$1\r\na\r\npppppppppp$1\r\n1\r\n$1\r\nb\r\n");
    client_expect(fd, big, 70000);
    client_expect_text(fd, "$1\r\n1\r\n");
    client_expect(fd, big, 2000);
    client_expect_text(fd, "$1\r\n1\r\n$1\r\nc\r\n");
    client_expect(fd, big, 1500);
    client_expect_text(fd, "$1\r\n1\r\n");
    close(fd);
    harness_stop(&harness);
}

static void test_many(void **state)
{
    struct harness harness = {0};
    int fds[200];
    char block[5000];

    (void)state;
    memset(block, 'p', sizeof(block));
    harness_start(&harness);
    for (int i = 0; i < 200; i++) {
        fds[i] = client_open(&harness);
        client_say(fds[i], "SUB\r\n");
        client_expect_text(fds[i], "$10\r\nsubscribed\r\n");
    }
    int publisher = client_open(&harness);
    for (int i = 0; i < 30; i++)
        client_say(publisher, "PUB 5000\r\n");
    for (int i = 0; i < 30; i++)
        client_expect_text(publisher, "$3\r\n200\r\n");
    for (int i = 0; i < 200; i++) {
        for (int j = 0; j < 30; j++)
            client_expect(fds[i], block, sizeof(block));
        close(fds[i]);
    }
    close(publisher);
    harness_stop(&harness);
    assert_int_equal(harness.counters.slow_total, 0);
}

/* One that never reads is closed; the other gets everything. */
static void test_slow_subscriber(void **state)
{
    struct harness harness = {.limits = {.push_bytes_hard = 4u << 20, .push_bytes_soft = 4u << 20}};
    char *block = malloc(1000000);

    (void)state;
    memset(block, 'p', 1000000);
    harness_start(&harness);
    int slow = client_open(&harness);
    int fast = client_open(&harness);
    int publisher = client_open(&harness);
    client_say(slow, "SUB\r\n");
    client_say(fast, "SUB\r\n");
    client_expect_text(slow, "$10\r\nsubscribed\r\n");
    client_expect_text(fast, "$10\r\nsubscribed\r\n");
    char last = '2';
    for (int i = 0; i < 60; i++) {
        char reply[8];
        client_say(publisher, "PUB 1000000\r\n");
        client_expect(fast, block, 1000000);
        for (int j = 0; j < 7; j++)
            assert_int_equal(recv(publisher, reply + j, 1, 0), 1);
        assert_true(reply[4] <= last);
        last = reply[4];
    }
    assert_int_equal(last, '1');
    assert_true(client_ended(slow, false));
    close(slow);
    close(fast);
    close(publisher);
    free(block);
    harness_stop(&harness);
    assert_int_equal(harness.counters.slow_total, 1);
    assert_true(harness.queued_max <= (4u << 20));
}

/* Over the soft limit for too long. */
static void test_soft_limit(void **state)
{
    struct harness harness = {.limits = {.push_bytes_soft = 100000, .push_soft_ms = 100}};

    (void)state;
    harness_start(&harness);
    int slow = client_open(&harness);
    int publisher = client_open(&harness);
    client_say(slow, "SUB\r\n");
    client_expect_text(slow, "$10\r\nsubscribed\r\n");
    for (int i = 0; i < 20; i++)
        client_say(publisher, "PUB 1000000\r\n");
    for (int i = 0; i < 20; i++)
        client_expect_text(publisher, "$1\r\n1\r\n");
    uv_sem_wait(&harness.goings);
    close(slow);
    close(publisher);
    harness_stop(&harness);
    assert_int_equal(harness.counters.slow_total, 1);
}

static void test_no_owner(void **state)
{
    const struct resp_options options = {0};
    struct resp_server *server = NULL;
    struct err err = {0};

    (void)state;
    assert_int_equal(resp_server_new(&server, NULL, &options, &err), ERR_INTERNAL);
    assert_null(server);
    resp_server_free(NULL);
    resp_block_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),           cmocka_unit_test(test_many),
        cmocka_unit_test(test_slow_subscriber), cmocka_unit_test(test_soft_limit),
        cmocka_unit_test(test_no_owner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
