// SPDX-License-Identifier: Apache-2.0
/* test_cli_args.c - arguments of commands: values, lists, mistakes and the help about them. */
#include "main/cli_args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"

struct options {
    bool flag;
    const char *text;
    uint64_t count;
    uint64_t size;
    struct cli_list list;
    struct cli_list arguments;
};

static const struct cli_option option_table[] = {
    {"once", CLI_FLAG, offsetof(struct options, flag), NULL, "a flag"},
    {"start", CLI_TEXT, offsetof(struct options, text), "TIME", "a text"},
    {"n", CLI_COUNT, offsetof(struct options, count), "N", "a count"},
    {"batch-bytes", CLI_BYTES, offsetof(struct options, size), "SIZE", "a size"},
    {"by", CLI_LIST, offsetof(struct options, list), "KEY=VALUE", "a list"},
};

static const struct cli_command command = {
    .name = "probe",
    .summary = "a command for this test",
    .arguments = "FILE",
    .about = "First paragraph.\nSecond paragraph.",
    .examples = "tallywheel probe a\ntallywheel probe b",
    .options = option_table,
    .option_count = 5,
    .arguments_min = 1,
    .arguments_max = 2,
    .arguments_offset = offsetof(struct options, arguments),
};

static struct options options;
static struct err err;

#define PARSE(...)                                                                                 \
    parse((char *[]){"probe", __VA_ARGS__},                                                        \
          (int)(sizeof((char *[]){"probe", __VA_ARGS__}) / sizeof(char *)))

static int parse(char **argv, int argc)
{
    options = (struct options){.count = 7};
    err = (struct err){0};
    return cli_args_parse(&command, argc, argv, &options, &err);
}

static void test_values(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--once", "--start", "-5m", "-n", "2k", "--batch-bytes=64KiB", "file",
                           "--by", "a=1", "--by=b=2"),
                     0);
    assert_true(options.flag);
    assert_string_equal(options.text, "-5m");
    assert_int_equal(options.count, 2000);
    assert_int_equal(options.size, 65536);
    assert_int_equal(options.list.count, 2);
    assert_string_equal(options.list.items[1], "b=2");
    assert_int_equal(options.arguments.count, 1);
    assert_string_equal(options.arguments.items[0], "file");
}

static void test_defaults_and_dashes(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-"), 0); /* standard input */
    assert_int_equal(options.count, 7);
    assert_string_equal(options.arguments.items[0], "-");
    assert_int_equal(PARSE("--", "--once"), 0);
    assert_false(options.flag);
    assert_string_equal(options.arguments.items[0], "--once");
}

static void test_mistakes(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--strat", "x", "f"), ERR_INVALID);
    assert_string_equal(err.text, "unknown option --strat; did you mean --start?");
    assert_int_equal(PARSE("--wonderful", "f"), ERR_INVALID);
    assert_string_equal(err.text, "unknown option --wonderful; see `tallywheel help probe`");
    assert_int_equal(PARSE("-once", "f"), ERR_INVALID);
    assert_int_equal(PARSE("f", "--start"), ERR_INVALID);
    assert_string_equal(err.text, "--start needs a value: --start TIME");
    assert_int_equal(PARSE("--once=yes", "f"), ERR_INVALID);
    assert_string_equal(err.text, "--once takes no value");
    assert_int_equal(PARSE("--n", "many", "f"), ERR_INVALID);
    assert_string_equal(err.text, "--n: \"many\" is not a count, such as 500, 10k or 2M");
    assert_int_equal(PARSE("--once"), ERR_INVALID);
    assert_string_equal(err.text, "FILE is missing; see `tallywheel help probe`");
    assert_int_equal(PARSE("a", "b", "c"), ERR_INVALID);
}

static void test_list_is_bounded(void **state)
{
    char *argv[2 * (CLI_LIST_MAX + 1) + 2] = {"probe", "file"};

    (void)state;
    for (int i = 0; i <= CLI_LIST_MAX; i++) {
        argv[2 + 2 * i] = "--by";
        argv[3 + 2 * i] = "k=v";
    }
    assert_int_equal(parse(argv, 2 + 2 * CLI_LIST_MAX), 0);
    assert_int_equal(parse(argv, 4 + 2 * CLI_LIST_MAX), ERR_INVALID);
}

static void test_numbers(void **state)
{
    uint64_t value = 0;

    (void)state;
    assert_int_equal(cli_args_count("1_000_000", &value, NULL), 0);
    assert_int_equal(value, 1000000);
    assert_int_equal(cli_args_count("3M", &value, NULL), 0);
    assert_int_equal(value, 3000000);
    assert_int_equal(cli_args_bytes("1MB", &value, NULL), 0);
    assert_int_equal(value, 1000000);
    assert_int_equal(cli_args_bytes("2GiB", &value, NULL), 0);
    assert_int_equal(value, 2147483648);
    assert_int_equal(cli_args_count("-1", &value, NULL), ERR_INVALID);
    assert_int_equal(cli_args_count("", &value, NULL), ERR_INVALID);
    assert_int_equal(cli_args_count("18446744073709551616", &value, NULL), ERR_INVALID);
    assert_int_equal(cli_args_bytes("18446744073709551615k", &value, NULL), ERR_INVALID);
    assert_int_equal(cli_args_bytes("5 apples", &value, NULL), ERR_INVALID);
    assert_int_equal(value, 2147483648); /* untouched by failures */
}

static void test_pairs_and_nearest(void **state)
{
    const char *names[] = {"serve", "send", "top", "query", "status"};
    const char *value;
    char key[8];

    (void)state;
    assert_true(cli_args_pair("region=EU=1", key, sizeof(key), &value));
    assert_string_equal(key, "region");
    assert_string_equal(value, "EU=1");
    assert_false(cli_args_pair("region", key, sizeof(key), &value));
    assert_false(cli_args_pair("=EU", key, sizeof(key), &value));
    assert_string_equal(cli_args_nearest("sned", names, sizeof(names[0]), 5), "send");
    assert_string_equal(cli_args_nearest("stat", names, sizeof(names[0]), 5), "status");
    assert_string_equal(cli_args_nearest("tpo", names, sizeof(names[0]), 5), "top");
    assert_null(cli_args_nearest("xyzzy", names, sizeof(names[0]), 5));
    assert_null(
        cli_args_nearest("a-word-far-too-long-to-be-compared-with", names, sizeof(names[0]), 5));
}

static void test_help(void **state)
{
    struct bytes text = {0};

    (void)state;
    assert_true(cli_args_want_help(3, (char *[]){"probe", "f", "--help"}));
    assert_true(cli_args_want_help(2, (char *[]){"probe", "-h"}));
    assert_false(cli_args_want_help(3, (char *[]){"probe", "--", "--help"}));
    cli_args_help(&command, &text);
    assert_non_null(strstr(bytes_text(&text), "Usage: tallywheel probe [OPTIONS] FILE\n"));
    assert_non_null(strstr(text.data, "\n  --batch-bytes SIZE      a size\n"));
    assert_non_null(strstr(text.data, "\n  tallywheel probe a\n  tallywheel probe b\n"));
    bytes_clear(&text);
    cli_args_markdown(&command, &text);
    assert_non_null(strstr(bytes_text(&text), "\n## tallywheel probe\n"));
    assert_non_null(strstr(text.data, "| `--by KEY=VALUE` | a list |\n"));
    bytes_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),   cmocka_unit_test(test_defaults_and_dashes),
        cmocka_unit_test(test_mistakes), cmocka_unit_test(test_list_is_bounded),
        cmocka_unit_test(test_numbers),  cmocka_unit_test(test_pairs_and_nearest),
        cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
