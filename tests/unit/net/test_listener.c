// SPDX-License-Identifier: Apache-2.0
/* test_listener.c - who may listen where, and what is accepted. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "net/listener.h"

struct accepts {
    uint32_t count;
    uint32_t wanted;
    struct listener *listeners[2];
};

static void on_accept(void *user, int fd)
{
    struct accepts *accepts = user;
    int on = 0;
    socklen_t size = sizeof(on);

    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    assert_true(on);
    close(fd);
    if (++accepts->count < accepts->wanted)
        return;
    listener_close(accepts->listeners[0]);
    listener_close(accepts->listeners[1]);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Two workers share an address; whoever comes first and finds somebody there fails. */
static void test_shared(void **state)
{
    struct listener_options options = {.host = "127.0.0.1", .first = true};
    struct accepts accepts = {.wanted = 20};
    struct listener *third = NULL;
    struct err err = {0};
    uv_loop_t loop;
    int fds[20];

    (void)state;
    uv_loop_init(&loop);
    assert_int_equal(
        listener_open(&accepts.listeners[0], &loop, &options, on_accept, &accepts, &err), 0);
    options.port = listener_port(accepts.listeners[0]);
    assert_true(options.port > 0);
    assert_int_equal(listener_open(&third, &loop, &options, on_accept, &accepts, &err), ERR_IO);
    assert_non_null(strstr(err.text, "127.0.0.1"));
    assert_null(third);
    options.first = false;
    assert_int_equal(
        listener_open(&accepts.listeners[1], &loop, &options, on_accept, &accepts, &err), 0);
    assert_int_equal(listener_port(accepts.listeners[1]), options.port);
    for (int i = 0; i < 20; i++) {
        fds[i] = connect_to(options.port);
        assert_true(fds[i] >= 0);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(accepts.count, 20);
    assert_int_equal(uv_loop_close(&loop), 0);
    for (int i = 0; i < 20; i++)
        close(fds[i]);
    assert_int_equal(connect_to(options.port), -1);
}

static void test_unknown_host(void **state)
{
    /* A label of a name has at most 63 bytes, so nobody needs to be asked about this one. */
    struct listener_options options = {
        .host = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b"};
    struct listener *listener = NULL;
    struct err err = {0};
    uv_loop_t loop;

    (void)state;
    uv_loop_init(&loop);
    assert_int_equal(listener_open(&listener, &loop, &options, on_accept, NULL, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "aaaa.b"));
    assert_null(listener);
    listener_close(NULL);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_unknown_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
