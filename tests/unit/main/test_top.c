// SPDX-License-Identifier: Apache-2.0
/* test_top.c - event streams in pieces, and the board that they keep on screen. */
#include "main/top.h"

#include <jansson.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "main/text.h"
#include "main/top_view.h"

#define SECOND 1000000000ull

static void note(void *context, struct span data)
{
    struct bytes *out = context;

    bytes_put(out, data.data, data.size);
    bytes_put_char(out, '|');
}

static void test_event_stream(void **state)
{
    static const char stream[] = ": hello\n\nid: b-1\nevent: snapshot\ndata: {\"a\":1}\n\n"
                                 "data:one\r\ndata: two\r\n\r\nid: b-2\rdata\r\r"
                                 "event: nothing\n\n: keep-alive\n\ndata: cut off\n";

    (void)state;
    for (size_t piece = 1; piece < sizeof(stream); piece++) {
        struct bytes out = {0};
        struct top_sse sse = {.on_event = note, .context = &out};

        for (size_t at = 0; at < sizeof(stream) - 1; at += piece) {
            size_t left = sizeof(stream) - 1 - at;
            struct span part = {stream + at, left < piece ? left : piece};
            assert_true(top_sse_feed(&sse, part));
        }
        assert_string_equal(bytes_text(&out), "{\"a\":1}|one\ntwo||");
        assert_string_equal(bytes_text(&sse.id), "b-2");
        top_sse_restart(&sse);
        top_sse_feed(&sse, SPAN_LITERAL("data: again\n\n"));
        assert_string_equal(bytes_text(&out), "{\"a\":1}|one\ntwo||again|");
        assert_string_equal(bytes_text(&sse.id), "b-2"); /* to go on from there */
        top_sse_done(&sse);
        bytes_done(&out);
    }
}

static int apply(struct top_view *view, const char *text, uint64_t now_ns, struct err *err)
{
    json_t *message = json_loads(text, 0, NULL);
    int rc;

    assert_non_null(message);
    rc = top_view_apply(view, message, now_ns, err);
    json_decref(message);
    return rc;
}

static const char snapshot[] =
    "{\"event\":\"snapshot\",\"answer\":{\"size\":1234,\"entries\":["
    "{\"rank\":1,\"member\":\"ada\",\"score\":2847},{\"rank\":2,\"member\":\"bob\",\"score\":2800},"
    "{\"rank\":3,\"member\":\"cy\",\"score\":2750.5}]}}";

static void test_changes(void **state)
{
    struct top_view view = {.board = "world", .segment = "", .rows_max = 3};

    (void)state;
    assert_int_equal(apply(&view, snapshot, SECOND, NULL), 0);
    assert_int_equal(view.row_count, 3);
    assert_int_equal(view.rows[0].moved_ns, 0); /* the first picture moves nothing */
    apply(&view,
          "{\"event\":\"change\",\"changed\":["
          "{\"rank\":1,\"member\":\"bob\",\"score\":2850},"
          "{\"rank\":2,\"member\":\"ada\",\"score\":2847},"
          "{\"rank\":3,\"member\":\"di\",\"score\":2760}],"
          "\"removed\":[\"cy\"],\"size\":1235}",
          2 * SECOND, NULL);
    assert_int_equal(view.size, 1235);
    assert_string_equal(view.rows[0].member, "bob");
    assert_int_equal(view.rows[0].rank_move, 1);
    assert_true(view.rows[0].score_move == 50);
    assert_int_equal(view.rows[1].rank_move, -1);
    assert_true(view.rows[2].entered);
    /* A second change soon after adds up; one much later starts from nothing. */
    apply(&view,
          "{\"event\":\"change\",\"changed\":[{\"rank\":1,\"member\":\"bob\","
          "\"score\":2860}]}",
          3 * SECOND, NULL);
    assert_true(view.rows[0].score_move == 60);
    apply(&view,
          "{\"event\":\"change\",\"changed\":[{\"rank\":1,\"member\":\"bob\","
          "\"score\":2861}]}",
          30 * SECOND, NULL);
    assert_true(view.rows[0].score_move == 1);
    assert_int_equal(view.rows[0].rank_move, 0);
    /* After a lost connection the snapshot shows what was missed. */
    apply(&view, snapshot, 60 * SECOND, NULL);
    assert_string_equal(view.rows[0].member, "ada");
    assert_int_equal(view.rows[0].rank_move, 1);
    assert_true(view.rows[2].entered);
    top_view_done(&view);
}

static void test_more_rows_than_asked(void **state)
{
    struct top_view view = {.board = "world", .segment = "", .rows_max = 2};

    (void)state;
    apply(&view, snapshot, SECOND, NULL);
    assert_int_equal(view.row_count, 2);
    apply(&view,
          "{\"event\":\"change\",\"changed\":[{\"rank\":1,\"member\":\"new\",\"score\":9}],"
          "\"removed\":[\"nobody\",7]}",
          SECOND, NULL);
    assert_int_equal(view.row_count, 2);
    assert_string_equal(view.rows[0].member, "ada"); /* rank 1 too, and first by name */
    top_view_done(&view);
}

static void test_errors_and_nonsense(void **state)
{
    struct top_view view = {.board = "x", .segment = "", .rows_max = 3};
    struct err err = {0};

    (void)state;
    assert_int_equal(apply(&view,
                           "{\"event\":\"error\",\"error\":{\"code\":\"not_found\","
                           "\"message\":\"board \\\"x\\\" is not defined\"}}",
                           1, &err),
                     ERR_NOT_FOUND);
    assert_string_equal(err.text, "board \"x\" is not defined");
    assert_int_equal(apply(&view, "{\"event\":\"gap\",\"reason\":\"restart\"}", 1, &err), 0);
    assert_int_equal(apply(&view, "{}", 1, &err), 0);
    assert_int_equal(apply(&view, "[1]", 1, &err), 0);
    assert_int_equal(
        apply(&view, "{\"event\":\"snapshot\",\"answer\":{\"entries\":[1,{}]}}", 1, &err), 0);
    assert_int_equal(view.row_count, 0);
    top_view_done(&view);
}

/* No line of a screen may be wider than it, or the terminal would wrap and scroll. */
static void test_drawing_fits(void **state)
{
    struct top_view view = {.board = "world", .segment = "region=EU", .rows_max = 100};
    struct bytes out = {0};

    (void)state;
    apply(&view, snapshot, SECOND, NULL);
    apply(&view,
          "{\"event\":\"change\",\"changed\":[{\"rank\":1,\"member\":"
          "\"\xe5\x9b\xb2\xe7\xa2\x81 with a very long name, longer than any screen is wide "
          "\\u001b[2J\",\"score\":123456789.5}]}",
          2 * SECOND, NULL);
    view.state = TOP_LIVE;
    for (uint32_t columns = 30; columns < 140; columns++) {
        for (uint32_t rows = 5; rows < 12; rows += 3) {
            uint32_t lines = 1, width;

            bytes_clear(&out);
            top_view_draw(&view, columns, rows, true, 3 * SECOND, &out);
            assert_null(strstr(bytes_text(&out) + 3, "\033[2J"));
            for (char *at = out.data + 3, *end; (end = strstr(at, "\033[K\r\n")) != NULL;
                 at = end + 5, lines++) {
                width = text_width((struct span){at, (size_t)(end - at)});
                assert_true(width <= columns);
            }
            assert_true(lines <= rows);
        }
    }
    top_view_done(&view);
    bytes_done(&out);
}

static void test_drawing(void **state)
{
    struct top_view view = {.board = "world", .segment = "", .rows_max = 100};
    struct bytes out = {0};

    (void)state;
    apply(&view, snapshot, SECOND, NULL);
    apply(&view,
          "{\"event\":\"change\",\"changed\":["
          "{\"rank\":1,\"member\":\"bob\",\"score\":2850},{\"rank\":2,\"member\":\"ada\",\"score\":"
          "2847}]}",
          2 * SECOND, NULL);
    view.state = TOP_LIVE;
    top_view_draw(&view, 60, 20, false, 3 * SECOND, &out);
    assert_non_null(strstr(bytes_text(&out), "1,234 members  \xe2\x97\x8f live"));
    assert_non_null(strstr(out.data, "  1 \xe2\x96\xb2"
                                     "1   bob       2,850  +50\033[K"));
    assert_non_null(strstr(out.data, "  2 \xe2\x96\xbc"
                                     "1   ada       2,847\033[K"));
    assert_non_null(strstr(out.data, "  3      cy      2,750.5\033[K"));
    assert_null(strstr(out.data, "\033[3")); /* colours were not wanted */
    bytes_clear(&out);
    top_view_draw(&view, 60, 20, false, 20 * SECOND, &out); /* by then it stands still */
    assert_non_null(strstr(bytes_text(&out), "  1      bob       2,850\033[K"));
    view.state = TOP_LOST;
    view.lost_ns = 18 * SECOND;
    view.retry_at_ns = 21 * SECOND;
    bytes_clear(&out);
    top_view_draw(&view, 60, 20, false, 20 * SECOND, &out);
    assert_non_null(strstr(bytes_text(&out), "as of 2 s ago; trying again in 1 s; "));
    top_view_done(&view);
    bytes_done(&out);
}

static void test_table(void **state)
{
    json_t *message = json_loads(snapshot, 0, NULL);
    struct bytes out = {0};

    (void)state;
    top_view_put_table(json_object_get(message, "answer"), false, &out);
    assert_string_equal(bytes_text(&out), "#  member    score\n"
                                          "1  ada       2,847\n"
                                          "2  bob       2,800\n"
                                          "3  cy      2,750.5\n");
    bytes_done(&out);
    json_decref(message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_stream),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_more_rows_than_asked),
        cmocka_unit_test(test_errors_and_nonsense),
        cmocka_unit_test(test_drawing_fits),
        cmocka_unit_test(test_drawing),
        cmocka_unit_test(test_table),
    };

    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
