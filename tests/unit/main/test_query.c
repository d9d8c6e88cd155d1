// SPDX-License-Identifier: Apache-2.0
/* test_query.c - metrics as a table and as CSV, the server's status for people. */
#include "main/query.h"

#include <jansson.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"

static json_t *parsed(const char *text)
{
    json_t *tree = json_loads(text, 0, NULL);

    assert_non_null(tree);
    return tree;
}

static const char metric[] =
    "{\"metric\":\"plays\",\"unit_ms\":1000,\"step_ms\":1000,\"series\":["
    "{\"labels\":{\"region\":\"EU\"},\"points\":[[1577836800000,5,\"final\"],"
    "[1577836804000,12.5,\"provisional\"]]},"
    "{\"labels\":{\"region\":\"a,\\\"b\\\"\"},\"points\":[[1577836800000,null,\"final\"],"
    "[1577836801000,0.30000000000000004,\"final\"]]}]}";

static void test_table(void **state)
{
    json_t *tree = parsed(metric);
    struct bytes out = {0};

    (void)state;
    query_put_table(tree, false, &out);
    assert_string_equal(bytes_text(&out), "time (UTC)              region  plays\n"
                                          "2020-01-01 00:00:00     EU          5\n"
                                          "\xe2\x80\xa6 3 steps without data\n"
                                          "2020-01-01 00:00:04     EU       12.5  ~\n"
                                          "2020-01-01 00:00:00     a,\"b\"\n"
                                          "2020-01-01 00:00:01     a,\"b\"     0.3\n");
    bytes_done(&out);
    json_decref(tree);
}

static void test_csv(void **state)
{
    json_t *tree = parsed(metric);
    struct bytes out = {0};

    (void)state;
    query_put_csv(tree, &out);
    assert_string_equal(bytes_text(&out),
                        "time,region,value,state\r\n"
                        "2020-01-01T00:00:00Z,EU,5,final\r\n"
                        "2020-01-01T00:00:04Z,EU,12.5,provisional\r\n"
                        "2020-01-01T00:00:00Z,\"a,\"\"b\"\"\",,final\r\n"
                        "2020-01-01T00:00:01Z,\"a,\"\"b\"\"\",0.30000000000000004,final\r\n");
    bytes_done(&out);
    json_decref(tree);
}

static void test_strange_answers(void **state)
{
    static const char *const answers[] = {
        "{}",
        "[]",
        "{\"series\":5}",
        "{\"series\":[1,{\"points\":[[],[\"x\"],7]}]}",
        "{\"step_ms\":-5,\"series\":[{\"labels\":[],\"points\":[[1],[9000000000000000000]]}]}",
    };
    struct bytes out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        json_t *tree = parsed(answers[i]);
        query_put_table(tree, true, &out);
        query_put_csv(tree, &out);
        query_put_status(tree, true, &out);
        json_decref(tree);
    }
    assert_true(out.size > 0);
    bytes_done(&out);
}

static void test_status(void **state)
{
    json_t *tree = parsed(
        "{\"version\":\"0.1.0\",\"state\":\"ready\",\"uptime_ms\":4210000,\"durability\":\"fsync\","
        "\"connections\":3,\"watches\":2,\"memory_bytes\":1048576,"
        "\"ingest\":{\"events\":1234567,\"events_per_s\":1523.4,\"rejected\":14,\"late\":0,"
        "\"duplicates\":0,\"ack_ms\":{\"p50\":1.14,\"p99\":4.25}},"
        "\"streams\":[{\"name\":\"plays\",\"events\":1234567,\"events_per_s\":1523.4,\"late\":0,"
        "\"duplicates\":0,\"rejected\":14,\"watermark_ms\":1577836800500}],"
        "\"boards\":[],\"metrics\":[{\"name\":\"m\",\"stream\":\"plays\",\"series\":2,\"panes\":3,"
        "\"every_ms\":2592000000}],\"partitions\":[]}");
    struct bytes out = {0};
    const char *text;

    (void)state;
    query_put_status(tree, false, &out);
    text = bytes_text(&out);
    assert_non_null(strstr(text, "tallywheel 0.1.0, ready, up 1:10:10, durability fsync, "
                                 "memory 1.0 MiB\n"));
    assert_non_null(strstr(text, "events 1,234,567, now 1.52 k/s, acknowledged in 1.1 ms (p50), "
                                 "4.2 ms (p99)\n"));
    assert_non_null(strstr(text, "2020-01-01 00:00:00\n"));
    assert_non_null(strstr(text, " 30 d\n"));
    assert_null(strstr(text, "\nboard"));
    bytes_done(&out);
    json_decref(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_strange_answers),
        cmocka_unit_test(test_status),
    };

    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
