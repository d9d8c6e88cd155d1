// SPDX-License-Identifier: Apache-2.0
/* test_send_report.c - the bar, the plain line, the summary and the file of rejects. */
#include "main/send_report.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "main/send_flight.h"
#include "main/send_input.h"
#include "main/text.h"

#define SECOND 1000000000ull

static struct bytes out;

static const char *taken(void)
{
    const char *text = bytes_text(&out);

    bytes_clear(&out);
    return text;
}

static void test_fraction(void **state)
{
    struct send_progress progress = {.stream = "plays"};
    struct send_tally tally = {.lines = 50, .input_bytes = 600};

    (void)state;
    assert_true(send_report_fraction(&progress, &tally) < 0);
    progress.bytes_total = 2400;
    assert_true(send_report_fraction(&progress, &tally) == 0.25);
    progress.lines_total = 100; /* said by the user: wins */
    assert_true(send_report_fraction(&progress, &tally) == 0.5);
    progress.lines_total = 10;
    assert_true(send_report_fraction(&progress, &tally) == 1);
}

static void test_bar(void **state)
{
    struct send_progress progress = {.stream = "plays", .bytes_total = 1000, .rate = 1523000};
    struct send_tally tally = {
        .lines = 4000, .accepted = 3986, .rejected = 14, .late = 3, .input_bytes = 500};

    (void)state;
    send_report_put_bar(&progress, &tally, 10 * SECOND, 200, &out);
    assert_string_equal(taken(),
                        "plays \xe2\x96\x95\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88"
                        "\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88"
                        "\xe2\x96\x88\xe2\x96\x88            \xe2\x96\x8f  50%  1.52 M/s  0:10 left"
                        "  accepted 3,986  rejected 14  duplicates 0  late 3");
    /* Never wider than the terminal, whatever it is. */
    for (uint32_t columns = 1; columns < 130; columns++) {
        send_report_put_bar(&progress, &tally, 10 * SECOND, columns, &out);
        assert_true(text_width(bytes_span(&out)) <= (columns > 1 ? columns - 1 : 1));
        bytes_clear(&out);
    }
    snprintf(tally.trouble, sizeof(tally.trouble),
             "cannot reach http://127.0.0.1:7411: connection refused");
    tally.retry_at_ns = 12 * SECOND;
    tally.attempt = 2;
    tally.attempt_max = 10;
    send_report_put_bar(&progress, &tally, 10 * SECOND, 120, &out);
    assert_non_null(strstr(taken(), "50%  retry 2 of 10 in 2.0 s: cannot reach"));
    for (uint32_t columns = 20; columns < 130; columns++) {
        send_report_put_bar(&progress, &tally, 10 * SECOND, columns, &out);
        assert_true(text_width(bytes_span(&out)) <= columns - 1);
        bytes_clear(&out);
    }
}

static void test_plain(void **state)
{
    struct send_progress progress = {.stream = "plays", .rate = 950};
    struct send_tally tally = {.lines = 4, .accepted = 2, .duplicates = 1, .rejected = 1};

    (void)state;
    send_report_put_plain(&progress, &tally, SECOND, &out);
    assert_string_equal(taken(), "send: 2 accepted, 1 duplicates, 0 late, 1 rejected, 950/s");
    progress.lines_total = 8;
    send_report_put_plain(&progress, &tally, 60 * SECOND, &out);
    assert_string_equal(taken(), "send: 2 accepted, 1 duplicates, 0 late, 1 rejected, 950/s, 50%, "
                                 "1:00 left");
}

static void test_summary(void **state)
{
    struct send_progress progress = {.stream = "plays"};
    struct send_tally tally;
    const char *text;

    (void)state;
    assert_int_equal(send_report_open(&tally, NULL, NULL), 0);
    tally.lines = 2000000;
    tally.accepted = 1999988;
    for (uint64_t line = 1; line <= 12; line++)
        send_report_reject(&tally, line * 17, SPAN_LITERAL("points: not an int\n"),
                           SPAN_LITERAL("{}"));
    send_report_put_summary(&progress, &tally, 2 * SECOND, &out);
    text = taken();
    assert_non_null(strstr(text, "sent 2,000,000 lines to plays in 2.0 s (1.00 M/s)\n"));
    assert_non_null(strstr(text, "  accepted    1,999,988\n"));
    assert_non_null(strstr(text, "  rejected           12\n    line 17: points: not an int"));
    assert_non_null(strstr(text, "    line 170: "));
    assert_null(strstr(text, "    line 187: "));
    assert_non_null(strstr(text, "    and 2 more; --rejects FILE keeps them\n"));
    assert_int_equal(send_report_close(&tally, NULL), 0);
}

static void test_rejects_file(void **state)
{
    char path[] = "/tmp/tallywheel-rejects-XXXXXX", line[256];
    struct send_tally tally;
    struct err err = {0};
    FILE *file;

    (void)state;
    close(mkstemp(path));
    assert_int_equal(send_report_open(&tally, path, &err), 0);
    send_report_reject(&tally, 7, SPAN_LITERAL("bad \"x\""), SPAN_LITERAL("{\"a\":1}"));
    send_report_reject(&tally, 9, SPAN_LITERAL("cut"), SPAN_LITERAL(""));
    assert_int_equal(send_report_close(&tally, &err), 0);
    file = fopen(path, "r");
    assert_non_null(fgets(line, sizeof(line), file));
    assert_string_equal(line, "{\"line\":7,\"reason\":\"bad \\\"x\\\"\","
                              "\"row\":\"{\\\"a\\\":1}\"}\n");
    assert_non_null(fgets(line, sizeof(line), file));
    assert_string_equal(line, "{\"line\":9,\"reason\":\"cut\"}\n");
    fclose(file);
    unlink(path);
    assert_true(send_report_open(&tally, "/no/such/folder/file", &err) < 0);
    assert_non_null(strstr(err.text, "cannot write /no/such/folder/file"));
    /* A full disk is not silence. */
    assert_int_equal(send_report_open(&tally, "/dev/full", &err), 0);
    send_report_reject(&tally, 7, SPAN_LITERAL("bad"), SPAN_LITERAL(""));
    assert_true(send_report_close(&tally, &err) < 0);
}

static void test_answer(void **state)
{
    uint32_t lines[] = {0, 2, 5};
    struct send_batch batch = {.first_line = 100, .line_count = 3};
    struct send_tally tally;
    struct err err = {0};

    (void)state;
    bytes_put_text(&batch.body, "a\nbb\nccc\n");
    assert_int_equal(send_report_open(&tally, NULL, &err), 0);
    assert_int_equal(send_flight_answer(&tally, &batch,
                                        SPAN_LITERAL("{\"accepted\":1,\"duplicates\":2,\"late\":3,"
                                                     "\"rejected\":[{\"line\":3,\"reason\":\"x\"}],"
                                                     "\"rejected_count\":5}"),
                                        &err),
                     0);
    assert_int_equal(tally.accepted, 1);
    assert_int_equal(tally.duplicates, 2);
    assert_int_equal(tally.late, 3);
    assert_int_equal(tally.rejected, 5);
    assert_int_equal(tally.unlisted, 4);
    assert_int_equal(tally.shown_lines[0], 102);
    bytes_put(&batch.lines, lines, sizeof(lines)); /* CSV: lines with gaps */
    send_flight_answer(&tally, &batch,
                       SPAN_LITERAL("{\"accepted\":2,\"rejected\":[{\"line\":3},{\"line\":99}]}"),
                       &err);
    assert_int_equal(tally.shown_lines[1], 105);
    assert_int_equal(tally.shown_lines[2], 100); /* nonsense from the server does no harm */
    assert_int_equal(send_flight_answer(&tally, &batch, SPAN_LITERAL("<html>"), &err),
                     ERR_INTERNAL);
    assert_int_equal(send_flight_answer(&tally, &batch, SPAN_LITERAL(""), &err), ERR_INTERNAL);
    send_batch_done(&batch);
    send_report_close(&tally, NULL);
}

static void test_backoff(void **state)
{
    (void)state;
    assert_in_range(send_flight_backoff_ms(0, 12345), 50, 100);
    assert_in_range(send_flight_backoff_ms(3, 99), 400, 800);
    assert_in_range(send_flight_backoff_ms(60, UINT32_MAX), 5000, 10000);
    assert_true(send_flight_backoff_ms(5, 1) != send_flight_backoff_ms(5, 500)); /* jitter */
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
        cmocka_unit_test(test_fraction),     cmocka_unit_test(test_bar),
        cmocka_unit_test(test_plain),        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_rejects_file), cmocka_unit_test(test_answer),
        cmocka_unit_test(test_backoff),
    };

    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, finish);
}
