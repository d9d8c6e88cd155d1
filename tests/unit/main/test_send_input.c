// SPDX-License-Identifier: Apache-2.0
/* test_send_input.c - cutting input into batches, and CSV into NDJSON. */
#include "main/send_input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "main/send_csv.h"
#include "main/send_report.h"

static const struct send_fields fields = {
    5,
    {{"player", FIELD_STRING},
     {"points", FIELD_INT},
     {"ratio", FIELD_FLOAT},
     {"ok", FIELD_BOOL},
     {"at", FIELD_TIME}},
};

/* What a whole input became. */
struct outcome {
    struct bytes body;      /* of all batches */
    struct bytes batches;   /* "first_line+line_count " a batch */
    struct bytes last_line; /* the input's line of each body line: "n " */
    struct bytes unknown;
    struct send_tally tally;
    struct err err;
    int rc;
};

static void outcome_done(struct outcome *outcome)
{
    bytes_done(&outcome->body);
    bytes_done(&outcome->batches);
    bytes_done(&outcome->last_line);
    bytes_done(&outcome->unknown);
    send_report_close(&outcome->tally, NULL);
}

static void open_header(struct send_input *input, struct outcome *outcome)
{
    struct span data = {input->buffer.data + input->begin, input->buffer.size - input->begin};
    size_t size = 0;

    outcome->rc = send_csv_open(&input->csv, data, input->ended, &fields, &size, &input->line,
                                &outcome->unknown, &outcome->err);
    input->begin += size;
}

static void note_batch(const struct send_batch *batch, struct outcome *outcome)
{
    struct span text;

    bytes_put(&outcome->body, batch->body.data, batch->body.size);
    bytes_format(&outcome->batches, "%d+%u ", (int)batch->first_line, batch->line_count);
    for (uint32_t i = 1; i <= batch->line_count; i++)
        bytes_format(&outcome->last_line, "%d ", (int)send_batch_line(batch, i, &text));
}

/* Passes `text` through a pipe in pieces of `piece` bytes. */
static void run(struct outcome *outcome, struct span text, size_t piece, enum send_format format,
                size_t batch_bytes, uint32_t lines_max)
{
    struct send_input input;
    struct send_batch batch = {0};
    size_t written = 0;
    int pipes[2];

    *outcome = (struct outcome){0};
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(send_input_open(&input, "-", format, batch_bytes, &outcome->err), 0);
    input.fd = pipes[0];
    while (outcome->rc >= 0 && !(input.ended && input.begin == input.buffer.size)) {
        size_t size = text.size - written < piece ? text.size - written : piece;

        if (written < text.size) {
            assert_int_equal(write(pipes[1], text.data + written, size), (int)size);
            written += size;
        } else if (pipes[1] >= 0) {
            close(pipes[1]);
            pipes[1] = -1;
        }
        while (outcome->rc >= 0 && send_input_wants(&input) && send_input_readable(&input))
            outcome->rc = send_input_read(&input, &outcome->err);
        if (outcome->rc >= 0 && input.started && input.format == SEND_CSV && input.csv == NULL)
            open_header(&input, outcome);
        if (outcome->rc < 0 || (input.format == SEND_CSV && input.csv == NULL))
            continue;
        outcome->rc = send_input_take(&input, lines_max, &batch, &outcome->tally, &outcome->err);
        if (outcome->rc > 0)
            note_batch(&batch, outcome);
    }
    if (pipes[1] >= 0)
        close(pipes[1]);
    send_batch_done(&batch);
    send_input_close(&input);
}

static void test_ndjson_batches(void **state)
{
    struct span text = SPAN_LITERAL("{\"a\":1}\n{\"a\":22}\n{\"a\":333}\n\n{\"a\":4}");
    struct outcome outcome;

    (void)state;
    run(&outcome, text, 1000, SEND_AUTO, 18, UINT32_MAX);
    assert_int_equal(outcome.rc, 1);
    assert_string_equal(bytes_text(&outcome.body),
                        "{\"a\":1}\n{\"a\":22}\n{\"a\":333}\n\n{\"a\":4}\n");
    assert_string_equal(bytes_text(&outcome.batches), "1+2 3+2 5+1 ");
    outcome_done(&outcome);
    run(&outcome, text, 1000, SEND_AUTO, 4096, 1);
    assert_string_equal(bytes_text(&outcome.batches), "1+1 2+1 3+1 4+1 5+1 ");
    outcome_done(&outcome);
    /* In pieces of one byte nothing is lost, and a line goes as soon as it is whole. */
    run(&outcome, text, 1, SEND_AUTO, 4096, UINT32_MAX);
    assert_string_equal(bytes_text(&outcome.batches), "1+1 2+1 3+1 4+1 5+1 ");
    assert_int_equal(outcome.body.size, text.size + 1);
    outcome_done(&outcome);
}

static void test_line_longer_than_batch(void **state)
{
    struct bytes text = {0};
    struct outcome outcome;

    (void)state;
    bytes_put_text(&text, "{\"a\":\"");
    for (int i = 0; i < 30000; i++)
        bytes_put_char(&text, 'x');
    bytes_put_text(&text, "\"}\n{}\n");
    run(&outcome, bytes_span(&text), 1000, SEND_AUTO, 64, UINT32_MAX);
    assert_int_equal(outcome.rc, 1);
    assert_string_equal(bytes_text(&outcome.batches), "1+1 2+1 ");
    assert_true(span_equal(bytes_span(&outcome.body), bytes_span(&text)));
    outcome_done(&outcome);
    bytes_done(&text);
}

static void test_starts(void **state)
{
    struct outcome outcome;

    (void)state;
    run(&outcome, SPAN_LITERAL("\xef\xbb\xbf{}\n"), 1, SEND_AUTO, 64, UINT32_MAX);
    assert_string_equal(bytes_text(&outcome.body), "{}\n");
    outcome_done(&outcome);
    run(&outcome, SPAN_LITERAL(" \n[{\"a\":1}]"), 100, SEND_AUTO, 64, UINT32_MAX);
    assert_int_equal(outcome.rc, ERR_INVALID);
    assert_non_null(strstr(outcome.err.text, "one JSON array"));
    outcome_done(&outcome);
    run(&outcome, SPAN_LITERAL("\x1f\x8b\x08\x00"), 100, SEND_AUTO, 64, UINT32_MAX);
    assert_int_equal(outcome.rc, ERR_INVALID);
    assert_non_null(strstr(outcome.err.text, "compressed"));
    outcome_done(&outcome);
    run(&outcome, SPAN_LITERAL(""), 100, SEND_AUTO, 64, UINT32_MAX);
    assert_int_equal(outcome.rc, 0);
    assert_int_equal(outcome.body.size, 0);
    outcome_done(&outcome);
}

static const char csv[] = "player,points,ratio,ok,at,extra\r\n"
                          "\"Carlsen, Magnus\",+05,.5,yes,2026-01-01T00:00:00Z,x\r\n" /* line 2 */
                          "\"a \"\"q\"\" b\", 7 ,1e3,0,1577836800000,y\n"
                          "\"two\nlines\",bad,5.,TRUE,-0.5,z\n" /* lines 4 and 5 */
                          "short,1\n"
                          "\n"
                          "tab\there,-12,,maybe,,\"end\"\n" /* line 8 */
                          "\"bad\"x,1,2,1,1,q\n"
                          "\"\",,\"\",f,5,"; /* line 10, without an end */

static const char csv_as_json[] =
    "{\"player\":\"Carlsen, Magnus\",\"points\":5,\"ratio\":0.5,\"ok\":true,"
    "\"at\":\"2026-01-01T00:00:00Z\"}\n"
    "{\"player\":\"a \\\"q\\\" b\",\"points\":7,\"ratio\":1e3,\"ok\":false,\"at\":1577836800000}\n"
    "{\"player\":\"two\\nlines\",\"points\":\"bad\",\"ratio\":5,\"ok\":true,\"at\":-0.5}\n"
    "{\"player\":\"tab\\there\",\"points\":-12,\"ok\":\"maybe\"}\n"
    "{\"player\":\"\",\"ok\":false,\"at\":5}\n";

static void test_csv(void **state)
{
    static const size_t pieces[] = {1, 7, 4096};
    struct outcome outcome;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        run(&outcome, (struct span){csv, sizeof(csv) - 1}, pieces[i], SEND_AUTO, 4096, UINT32_MAX);
        assert_true(outcome.rc >= 0);
        assert_string_equal(bytes_text(&outcome.body), csv_as_json);
        assert_string_equal(bytes_text(&outcome.last_line), "2 3 4 8 10 ");
        assert_string_equal(bytes_text(&outcome.unknown), "extra\n");
        assert_int_equal(outcome.tally.rejected, 2);
        assert_int_equal(outcome.tally.shown_lines[0], 6);
        assert_string_equal(outcome.tally.shown_reasons[0], "2 cells where the header has 6");
        assert_int_equal(outcome.tally.shown_lines[1], 9);
        assert_string_equal(outcome.tally.shown_reasons[1],
                            "something follows the closing quote of a cell");
        outcome_done(&outcome);
    }
}

static void test_csv_limits_and_separators(void **state)
{
    struct outcome outcome;

    (void)state;
    run(&outcome, SPAN_LITERAL("player;points\na,b;1\nc;2\nd;3\n"), 4096, SEND_CSV, 4096, 2);
    assert_string_equal(bytes_text(&outcome.body), "{\"player\":\"a,b\",\"points\":1}\n"
                                                   "{\"player\":\"c\",\"points\":2}\n"
                                                   "{\"player\":\"d\",\"points\":3}\n");
    assert_string_equal(bytes_text(&outcome.batches), "2+2 4+1 ");
    outcome_done(&outcome);
    run(&outcome, SPAN_LITERAL("points\tplayer\n1\tx\n"), 4096, SEND_AUTO, 4096, 2);
    assert_string_equal(bytes_text(&outcome.body), "{\"points\":1,\"player\":\"x\"}\n");
    outcome_done(&outcome);
}

static void test_csv_mistakes(void **state)
{
    struct outcome outcome;

    (void)state;
    run(&outcome, SPAN_LITERAL("player\nok\n\"never\nclosed\n"), 5, SEND_CSV, 4096, UINT32_MAX);
    assert_string_equal(bytes_text(&outcome.body), "{\"player\":\"ok\"}\n");
    assert_int_equal(outcome.tally.rejected, 1);
    assert_int_equal(outcome.tally.shown_lines[0], 3);
    assert_string_equal(outcome.tally.shown_reasons[0],
                        "a quoted cell of this record is never closed");
    outcome_done(&outcome);
    run(&outcome, SPAN_LITERAL("1,2,3\n4,5,6\n"), 4096, SEND_CSV, 4096, UINT32_MAX);
    assert_int_equal(outcome.rc, ERR_INVALID);
    assert_non_null(strstr(outcome.err.text, "no column"));
    outcome_done(&outcome);
    run(&outcome, SPAN_LITERAL("player,player\na,b\n"), 4096, SEND_CSV, 4096, UINT32_MAX);
    assert_int_equal(outcome.rc, ERR_INVALID);
    assert_string_equal(outcome.err.text, "the header names \"player\" twice");
    outcome_done(&outcome);
    run(&outcome, SPAN_LITERAL("\"player\n"), 4096, SEND_CSV, 4096, UINT32_MAX);
    assert_int_equal(outcome.rc, ERR_INVALID);
    outcome_done(&outcome);
    run(&outcome, SPAN_LITERAL(""), 4096, SEND_CSV, 4096, UINT32_MAX);
    assert_int_equal(outcome.body.size, 0);
    outcome_done(&outcome);
}

static void test_open_failures(void **state)
{
    struct send_input input;
    struct err err = {0};

    (void)state;
    assert_true(send_input_open(&input, "/no/such/file.csv", SEND_AUTO, 64, &err) < 0);
    assert_non_null(strstr(err.text, "cannot read /no/such/file.csv"));
    send_input_close(&input);
    assert_true(send_input_open(&input, "/", SEND_AUTO, 64, &err) < 0);
    assert_non_null(strstr(err.text, "folder"));
    send_input_close(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ndjson_batches),
        cmocka_unit_test(test_line_longer_than_batch),
        cmocka_unit_test(test_starts),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_csv_limits_and_separators),
        cmocka_unit_test(test_csv_mistakes),
        cmocka_unit_test(test_open_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
