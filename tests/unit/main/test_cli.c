// SPDX-License-Identifier: Apache-2.0
/* test_cli.c - the commands as a whole: help, mistakes, and the page that is made of the help. */
#include "main/cli.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "main/serve.h"

static struct bytes printed;

/* Runs it with stdout and stderr in a file, which then is in `printed`. */
static int run(char **argv, int argc)
{
    char path[] = "/tmp/tallywheel-cli-XXXXXX";
    int fd = mkstemp(path), saved[2] = {dup(1), dup(2)}, code;
    ssize_t got;

    fflush(stdout);
    dup2(fd, 1);
    dup2(fd, 2);
    code = cli_main(argc, argv);
    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        dup2(saved[i], i + 1);
        close(saved[i]);
    }
    lseek(fd, 0, SEEK_SET);
    bytes_clear(&printed);
    while ((got = read(fd, bytes_reserve(&printed, 4096), 4096)) > 0)
        printed.size += (size_t)got;
    bytes_text(&printed);
    close(fd);
    unlink(path);
    return code;
}

#define RUN(...)                                                                                   \
    run((char *[]){"tallywheel", __VA_ARGS__},                                                     \
        (int)(sizeof((char *[]){"tallywheel", __VA_ARGS__}) / sizeof(char *)))

static void test_help_everywhere(void **state)
{
    static char *const names[] = {"serve",  "send", "top",     "query",
                                  "status", "get",  "version", "help"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(RUN(names[i], "--help"), CLI_DONE);
        assert_non_null(strstr(printed.data, "\nExamples\n  tallywheel "));
        assert_int_equal(RUN("help", names[i]), CLI_DONE);
        assert_non_null(strstr(printed.data, names[i]));
    }
    assert_int_equal(RUN("--help"), CLI_DONE);
    assert_non_null(strstr(printed.data, "Commands\n"));
}

static void test_version(void **state)
{
    (void)state;
    assert_int_equal(RUN("--version"), CLI_DONE);
    assert_string_equal(printed.data, "tallywheel " TALLYWHEEL_VERSION "\n");
    assert_int_equal(RUN("version"), CLI_DONE);
    assert_string_equal(printed.data, "tallywheel " TALLYWHEEL_VERSION "\n");
}

static void test_mistakes(void **state)
{
    (void)state;
    assert_int_equal(RUN("sned"), CLI_USAGE);
    assert_string_equal(printed.data,
                        "tallywheel: unknown command \"sned\"; did you mean \"send\"?\n");
    assert_int_equal(RUN("dance"), CLI_USAGE);
    assert_string_equal(printed.data, "tallywheel: unknown command \"dance\"; `tallywheel help` "
                                      "lists them\n");
    assert_int_equal(RUN("help", "stauts"), CLI_USAGE);
    assert_int_equal(RUN("top", "--onec", "b"), CLI_USAGE);
    assert_string_equal(printed.data,
                        "tallywheel top: unknown option --onec; did you mean --once?\n");
    assert_int_equal(RUN("query"), CLI_USAGE);
    assert_int_equal(RUN("query", "m", "--json", "--csv"), CLI_USAGE);
    assert_int_equal(RUN("query", "m", "--where", "x"), CLI_USAGE);
    assert_int_equal(RUN("top", "b", "--ranks", "olympic"), CLI_USAGE);
    assert_int_equal(run((char *[]){"tallywheel"}, 1), CLI_USAGE);
}

static void test_serve_is_reached(void **state)
{
    (void)state;
    assert_int_equal(RUN("serve", "--config", "/no/such/file.yaml"), CLI_USAGE);
    assert_non_null(strstr(printed.data, "/no/such/file.yaml"));
    assert_int_equal(RUN("config", "--set", "tick=7"), CLI_USAGE);
    assert_non_null(strstr(printed.data, "tick: 7ms is too small, at least 10ms"));
    assert_int_equal(RUN("config", "--set", "durability=written"), CLI_DONE);
    assert_non_null(strstr(printed.data, "durability: written"));
}

static void test_nobody_there(void **state)
{
    (void)state;
    /* Port 1 of loopback: nothing listens there. */
    assert_int_equal(RUN("status", "--url", "127.0.0.1:1"), CLI_UNREACHABLE);
    assert_non_null(strstr(printed.data, "tallywheel status: cannot reach http://127.0.0.1:1: "
                                         "connection refused; is the server running?"));
    assert_int_equal(RUN("get", "boards", "--url", "127.0.0.1:1"), CLI_UNREACHABLE);
    assert_int_equal(RUN("query", "m", "--url", "127.0.0.1:1"), CLI_UNREACHABLE);
    assert_int_equal(RUN("top", "b", "--url", "127.0.0.1:1"), CLI_UNREACHABLE);
}

/* docs/reference/cli.md is `tallywheel help --markdown`, word for word. */
static void test_reference_page(void **state)
{
    const char *folder = getenv("TALLYWHEEL_SOURCE_DIR");
    struct bytes path = {0}, page = {0};
    ssize_t got;
    int fd;

    (void)state;
    if (folder == NULL)
        skip();
    bytes_format(&path, "%s/docs/reference/cli.md", folder);
    fd = open(bytes_text(&path), O_RDONLY);
    assert_true(fd >= 0);
    while ((got = read(fd, bytes_reserve(&page, 4096), 4096)) > 0)
        page.size += (size_t)got;
    close(fd);
    assert_int_equal(RUN("help", "--markdown"), CLI_DONE);
    if (!span_equal(bytes_span(&page), bytes_span(&printed)))
        fail_msg("docs/reference/cli.md is stale: tallywheel help --markdown > it");
    bytes_done(&path);
    bytes_done(&page);
}

static int finish(void **state)
{
    (void)state;
    bytes_done(&printed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help_everywhere), cmocka_unit_test(test_version),
        cmocka_unit_test(test_mistakes),        cmocka_unit_test(test_serve_is_reached),
        cmocka_unit_test(test_nobody_there),    cmocka_unit_test(test_reference_page),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
