// SPDX-License-Identifier: Apache-2.0
/* test_text.c - numbers, times, widths and tables as people see them. */
#include "main/text.h"

#include <jansson.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct bytes out;

static const char *taken(void)
{
    const char *text = bytes_text(&out);

    bytes_clear(&out);
    return text;
}

#define SEEN(call, expected)                                                                       \
    do {                                                                                           \
        call;                                                                                      \
        assert_string_equal(taken(), expected);                                                    \
    } while (0)

static void test_numbers(void **state)
{
    (void)state;
    SEEN(text_put_grouped(&out, 0), "0");
    SEEN(text_put_grouped(&out, 999), "999");
    SEEN(text_put_grouped(&out, -1234567), "-1,234,567");
    SEEN(text_put_grouped(&out, INT64_MIN), "-9,223,372,036,854,775,808");
    SEEN(text_put_short(&out, 950), "950");
    SEEN(text_put_short(&out, 999.7), "1.00 k");
    SEEN(text_put_short(&out, 1523000), "1.52 M");
    SEEN(text_put_short(&out, 23800000), "23.8 M");
    SEEN(text_put_size(&out, 512), "512 B");
    SEEN(text_put_size(&out, 1536), "1.5 KiB");
    SEEN(text_put_size(&out, 1048575), "1.0 MiB");
    SEEN(text_put_clock(&out, 42), "0:42");
    SEEN(text_put_clock(&out, 3599.6), "1:00:00");
    SEEN(text_put_clock(&out, 90061), "1 d 01:01");
    SEEN(text_put_clock(&out, -1), "0:00");
}

static void test_json_numbers(void **state)
{
    static const struct {
        const char *json, *plain, *grouped;
    } rows[] = {
        {"[2847]", "2847", "2,847"},
        {"[-1234567.25]", "-1234567.25", "-1,234,567.25"},
        {"[0.1]", "0.1", "0.1"},
        {"[1e300]", "1e+300", "1e+300"},
        {"[2374.0958927074603]", "2374.0958927074603", "2,374.0958927074603"},
        {"[null]", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *tree = json_loads(rows[i].json, 0, NULL);
        SEEN(text_put_number(&out, json_array_get(tree, 0)), rows[i].plain);
        SEEN(text_put_number_grouped(&out, json_array_get(tree, 0)), rows[i].grouped);
        json_decref(tree);
    }
}

static void test_times(void **state)
{
    (void)state;
    SEEN(text_put_time(&out, 0, 0, 'T'), "1970-01-01T00:00:00Z");
    SEEN(text_put_time(&out, 1577836800123, 0, 'T'), "2020-01-01T00:00:00.123Z");
    SEEN(text_put_time(&out, -1, 0, 'T'), "1969-12-31T23:59:59.999Z");
    SEEN(text_put_time(&out, 1577836800000, 86400000, ' '), "2020-01-01");
    SEEN(text_put_time(&out, 1577840400000, 86400000, ' '), "2020-01-01 01:00:00");
    SEEN(text_put_time(&out, 1577836800000, 100, ' '), "2020-01-01 00:00:00.000");
}

static void test_clean_and_width(void **state)
{
    (void)state;
    /* What would clear the screen or turn text around arrives as replacement characters. */
    SEEN(text_put_clean(&out, SPAN_LITERAL("a\033[2Jb\n")), "a\xef\xbf\xbd[2Jb\xef\xbf\xbd");
    SEEN(text_put_clean(&out, SPAN_LITERAL("\xc2\x9b"
                                           "31m")),
         "\xef\xbf\xbd"
         "31m");
    SEEN(text_put_clean(&out, SPAN_LITERAL("x\xe2\x80\xaey")), "x\xef\xbf\xbdy");
    SEEN(text_put_clean(&out, SPAN_LITERAL("\xff\xc3\xa5")), "\xef\xbf\xbd\xc3\xa5");
    assert_int_equal(text_width(SPAN_LITERAL("\xc3\x85se")), 3);
    assert_int_equal(text_width(SPAN_LITERAL("\xe5\x9b\xb2\xe7\xa2\x81")), 4); /* wide */
    assert_int_equal(text_width(SPAN_LITERAL("e\xcc\x81")), 1);                /* combining */
    assert_int_equal(text_width(SPAN_LITERAL("\033[31mred\033[0m")), 3);
    SEEN(text_put_cut(&out, SPAN_LITERAL("Carlsen"), 7), "Carlsen");
    SEEN(text_put_cut(&out, SPAN_LITERAL("Carlsen"), 4), "Car\xe2\x80\xa6");
    SEEN(text_put_cut(&out, SPAN_LITERAL("\xe5\x9b\xb2\xe7\xa2\x81"), 3),
         "\xe5\x9b\xb2\xe2\x80\xa6");
}

static void test_csv_and_json(void **state)
{
    (void)state;
    SEEN(text_put_csv(&out, SPAN_LITERAL("plain")), "plain");
    SEEN(text_put_csv(&out, SPAN_LITERAL("a,\"b\"")), "\"a,\"\"b\"\"\"");
    SEEN(text_put_json(&out, SPAN_LITERAL("{\"a\":[1.50,{}],\"b\":\"x,\\\"]\", \"c\": [ ]}")),
         "{\n  \"a\": [\n    1.50,\n    {}\n  ],\n  \"b\": \"x,\\\"]\",\n  \"c\": []\n}\n");
    SEEN(text_put_json(&out, SPAN_LITERAL("\"cut off")), "\"cut off\n");
    SEEN(text_put_json(&out, SPAN_LITERAL("\"cut off\\")), "\"cut off\\\n");
}

static void test_table(void **state)
{
    struct text_table table = {.column_count = 3, .right = {false, true}};
    const char *cells[] = {"name", "score", "", "\xc3\x85se", "7", "~", "Bo\n", "1234567", ""};

    (void)state;
    for (size_t i = 0; i < 9; i++)
        text_table_add(&table, span_of(cells[i]));
    SEEN(text_table_print(&table, false, &out), "name    score\n"
                                                "\xc3\x85se         7  ~\n"
                                                "Bo\xef\xbf\xbd   1234567\n");
    SEEN(text_table_print(&table, true, &out), "\033[2mname    score\033[0m\n"
                                               "\xc3\x85se         7  ~\n"
                                               "Bo\xef\xbf\xbd   1234567\n");
    text_table_done(&table);
}

static void test_colour(void **state)
{
    int pipes[2];

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    assert_false(text_has_colour(pipes[1]));
    assert_false(text_is_terminal(pipes[1]));
    close(pipes[0]);
    close(pipes[1]);
}

static int finish(void **state)
{
    (void)state;
    bytes_done(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),      cmocka_unit_test(test_json_numbers),
        cmocka_unit_test(test_times),        cmocka_unit_test(test_clean_and_width),
        cmocka_unit_test(test_csv_and_json), cmocka_unit_test(test_table),
        cmocka_unit_test(test_colour),
    };

    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, finish);
}
