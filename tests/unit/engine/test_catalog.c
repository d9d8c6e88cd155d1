// SPDX-License-Identifier: Apache-2.0
/* test_catalog.c - definitions become records, records become the same catalog again. */
#include "support/query_harness.h"

#define STREAM                                                                                     \
    "{'fields':{'player':'string','points':'int','region':'string','at':'time'},"                  \
    "'key':'player','time':'at'}"

struct records {
    struct bytes list[40];
    uint32_t count;
};

static int put(struct catalog *catalog, struct records *records, enum definition_kind kind,
               const char *name, const char *text, struct catalog_change *out_change,
               struct err *err)
{
    json_t *tree = text != NULL ? world_json(text) : NULL;
    struct bytes record = {0};
    struct catalog_change change = {.id = 0};
    bool unchanged = false;
    int rc = catalog_prepare(catalog, kind, name, tree, 5, "test", &record, &unchanged, err);

    if (rc == 0 && !unchanged)
        rc = catalog_apply(catalog, bytes_span(&record), &change, err);
    assert_true(rc == 0 || record.size == 0);
    assert_true(!unchanged || record.size == 0);
    if (out_change != NULL)
        *out_change = change;
    if (record.size > 0 && records != NULL)
        records->list[records->count++] = record;
    else
        bytes_done(&record);
    json_decref(tree);
    return rc;
}

static void must_put(struct catalog *catalog, struct records *records, enum definition_kind kind,
                     const char *name, const char *text)
{
    struct err err = {0};

    if (put(catalog, records, kind, name, text, NULL, &err) < 0)
        fail_msg("%s: %s", name, err.text);
}

static void refuses(struct catalog *catalog, enum definition_kind kind, const char *name,
                    const char *text, int code, const char *part)
{
    struct err err = {0};
    int rc = put(catalog, NULL, kind, name, text, NULL, &err);

    if (rc != code || strstr(err.text, part) == NULL)
        fail_msg("%s %s: %s \"%s\", expected %s \"%s\"", name, text, err_code_text(rc), err.text,
                 err_code_text(code), part);
}

static void print(const struct catalog *catalog, struct bytes *out)
{
    for (int kind = DEFINITION_STREAM; kind <= DEFINITION_BOARD; kind++)
        catalog_print_all(catalog, (enum definition_kind)kind, out);
}

/* A fold of the records gives the catalog that wrote them. */
static void test_records(void **state)
{
    struct catalog *catalog = catalog_new();
    struct catalog *again = catalog_new();
    struct records records = {.count = 0};
    struct bytes first = {0};
    struct bytes second = {0};

    (void)state;
    must_put(catalog, &records, DEFINITION_STREAM, "plays", STREAM);
    must_put(catalog, &records, DEFINITION_METRIC, "m",
             "{'stream':'plays','value':'sum(points)','by':['region'],'every':'1s'}");
    must_put(catalog, &records, DEFINITION_BOARD, "direct", "{'by':['where'],'type':'int'}");
    must_put(catalog, &records, DEFINITION_BOARD, "b",
             "{'stream':'plays','member':'player','score':'sum(points)'}");
    must_put(catalog, &records, DEFINITION_STREAM, "plays",
             "{'fields':{'extra':'float','player':'string','points':'int','region':'string',"
             "'at':'time'},'key':'player','time':'at','lateness':'1s'}");
    must_put(catalog, &records, DEFINITION_BOARD, "direct", "{'by':[],'order':'asc'}");
    must_put(catalog, &records, DEFINITION_METRIC, "m", NULL);
    must_put(catalog, &records, DEFINITION_METRIC, "m",
             "{'stream':'plays','value':'max(extra)','every':'2s'}");
    must_put(catalog, &records, DEFINITION_BOARD, "b", NULL);
    assert_int_equal(records.count, 9);
    for (uint32_t i = 0; i < records.count; i++) {
        struct catalog_change change;

        assert_int_equal(catalog_apply(again, bytes_span(&records.list[i]), &change, NULL), 0);
        bytes_done(&records.list[i]);
    }
    print(catalog, &first);
    print(again, &second);
    assert_string_equal(bytes_text(&first), bytes_text(&second));
    assert_int_equal(catalog->id_next, again->id_next);
    assert_int_equal(catalog->stream_count, again->stream_count);
    for (uint32_t i = 0; i < catalog->stream_count; i++) {
        assert_int_equal(catalog->streams[i]->id, again->streams[i]->id);
        assert_memory_equal(&catalog->streams[i]->def, &again->streams[i]->def,
                            sizeof(struct stream_def));
    }
    assert_int_equal(catalog->metrics[0]->id, again->metrics[0]->id);
    assert_int_equal(catalog->boards[0]->stream_id, again->boards[0]->stream_id);
    bytes_done(&first);
    bytes_done(&second);
    catalog_free(catalog);
    catalog_free(again);
    catalog_free(NULL);
}

/* Fields are only appended, wherever they stand in the new text. */
static void test_extend(void **state)
{
    struct catalog *catalog = catalog_new();
    struct catalog_change change;
    const struct catalog_stream *stream;
    uint32_t id;

    (void)state;
    must_put(catalog, NULL, DEFINITION_STREAM, "plays", STREAM);
    stream = catalog_find_stream(catalog, SPAN_LITERAL("plays"));
    id = stream->id;
    assert_int_equal(stream->def.version, 1);
    assert_int_equal(put(catalog, NULL, DEFINITION_STREAM, "plays", STREAM, &change, NULL), 0);
    assert_int_equal(change.id, 0); /* unchanged: no record */
    must_put(catalog, NULL, DEFINITION_STREAM, "plays",
             "{'fields':{'new':'bool','at':'time','region':'string','points':'int',"
             "'player':'string'},'key':'player','time':'at'}");
    stream = catalog_find_stream(catalog, SPAN_LITERAL("plays"));
    assert_int_equal(stream->id, id);
    assert_ptr_equal(catalog_stream_by_id(catalog, id), stream);
    assert_null(catalog_stream_by_id(catalog, id + 1));
    assert_int_equal(stream->def.version, 2);
    assert_int_equal(stream->def.field_count, 5);
    assert_string_equal(stream->def.fields[0].name, "player");
    assert_string_equal(stream->def.fields[4].name, "new");
    assert_int_equal(stream->def.key_field, 0);
    assert_int_equal(stream->def.time_field, 3);
    refuses(catalog, DEFINITION_STREAM, "plays", STREAM, ERR_CONFLICT, "new");
    refuses(catalog, DEFINITION_STREAM, "plays",
            "{'fields':{'new':'bool','at':'time','region':'string','points':'float',"
            "'player':'string'},'key':'player','time':'at'}",
            ERR_CONFLICT, "points");
    refuses(catalog, DEFINITION_STREAM, "plays",
            "{'fields':{'new':'bool','at':'time','region':'string','points':'int',"
            "'player':'string'},'key':'region','time':'at'}",
            ERR_CONFLICT, "key");
    refuses(catalog, DEFINITION_STREAM, "plays",
            "{'fields':{'new':'bool','at':'time','region':'string','points':'int',"
            "'player':'string'},'key':'player'}",
            ERR_CONFLICT, "time");
    catalog_free(catalog);
}

static void test_refusals(void **state)
{
    struct catalog *catalog = catalog_new();

    (void)state;
    must_put(catalog, NULL, DEFINITION_STREAM, "plays", STREAM);
    must_put(catalog, NULL, DEFINITION_BOARD, "direct", "{}");
    refuses(catalog, DEFINITION_METRIC, "m", "{'stream':'x','value':'count()','every':'1s'}",
            ERR_INVALID, "stream \"x\" is not defined");
    refuses(catalog, DEFINITION_METRIC, "m",
            "{'stream':'board:direct','value':'count()','every':'1s'}", ERR_INVALID, "stream");
    refuses(catalog, DEFINITION_METRIC, "m",
            "{'stream':'plays','value':'sum(region)','every':'1s'}", ERR_INVALID, "region");
    refuses(catalog, DEFINITION_METRIC, "m",
            "{'stream':'plays','value':'count()','by':['x'],'every':'1s'}", ERR_INVALID, "by[0]");
    refuses(catalog, DEFINITION_METRIC, "m",
            "{'stream':'plays','value':'median(points)','every':'1s'}", ERR_INVALID, "median");
    refuses(catalog, DEFINITION_BOARD, "b",
            "{'stream':'plays','member':'region','score':'sum(points)'}", ERR_INVALID, "key");
    refuses(catalog, DEFINITION_BOARD, "b",
            "{'stream':'plays','member':'player','score':'sum(region)'}", ERR_INVALID, "region");
    refuses(catalog, DEFINITION_BOARD, "b", "{'stream':'plays','member':'player','score':'sum()'}",
            ERR_INVALID, "write sum(f)");
    refuses(catalog, DEFINITION_BOARD, "b", "{'stream':'plays','member':'x','score':'sum(points)'}",
            ERR_INVALID, "\"x\"");
    refuses(catalog, DEFINITION_STREAM, "nothing", NULL, ERR_NOT_FOUND, "nothing");
    refuses(catalog, DEFINITION_STREAM, "board:direct", NULL, ERR_NOT_FOUND, "board:direct");
    must_put(catalog, NULL, DEFINITION_METRIC, "m",
             "{'stream':'plays','value':'count()','every':'1s'}");
    refuses(catalog, DEFINITION_STREAM, "plays", NULL, ERR_CONFLICT, "\"m\"");
    must_put(catalog, NULL, DEFINITION_METRIC, "m", NULL);
    must_put(catalog, NULL, DEFINITION_STREAM, "plays", NULL);
    assert_null(catalog_find_stream(catalog, SPAN_LITERAL("plays")));
    catalog_free(catalog);
}

/* A board of its own brings its stream along, and takes it with it. */
static void test_direct_board(void **state)
{
    struct catalog *catalog = catalog_new();
    struct catalog_change change;
    uint32_t stream_id;
    struct bytes text = {0};

    (void)state;
    assert_int_equal(put(catalog, NULL, DEFINITION_BOARD, "d", "{}", &change, NULL), 0);
    assert_non_null(change.stream);
    assert_non_null(change.board);
    assert_false(change.restarted);
    assert_true(change.stream->of_board);
    stream_id = change.stream->id;
    assert_int_equal(change.board->stream_id, stream_id);
    catalog_print_all(catalog, DEFINITION_STREAM, &text);
    assert_string_equal(bytes_text(&text), "[]");
    bytes_clear(&text);
    assert_int_equal(put(catalog, NULL, DEFINITION_BOARD, "d", "{'order':'asc'}", &change, NULL),
                     0);
    assert_true(change.restarted);
    assert_int_equal(change.dropped_stream_id, stream_id);
    assert_int_not_equal(change.stream->id, stream_id);
    stream_id = change.stream->id;
    assert_int_equal(put(catalog, NULL, DEFINITION_BOARD, "d", NULL, &change, NULL), 0);
    assert_true(change.dropped);
    assert_int_equal(change.dropped_stream_id, stream_id);
    assert_int_equal(catalog->stream_count, 0);
    assert_int_equal(catalog->board_count, 0);
    assert_int_equal(catalog_print(catalog, DEFINITION_BOARD, SPAN_LITERAL("d"), &text, NULL),
                     ERR_NOT_FOUND);
    bytes_done(&text);
    catalog_free(catalog);
}

static void test_damage(void **state)
{
    static const char *const records[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"op\":\"put\"}",
        "{\"op\":\"put\",\"kind\":\"rivers\",\"name\":\"x\",\"id\":1}",
        "{\"op\":\"put\",\"kind\":\"boards\",\"name\":5,\"id\":1}",
        "{\"op\":\"put\",\"kind\":\"boards\",\"name\":\"x\",\"id\":1,\"version\":1}",
        "{\"op\":\"put\",\"kind\":\"metrics\",\"name\":\"x\",\"id\":1,\"definition\":{}}",
    };
    struct catalog *catalog = catalog_new();

    (void)state;
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        struct catalog_change change;
        struct err err = {0};

        assert_true(catalog_apply(catalog, span_of(records[i]), &change, &err) < 0);
        assert_true(strlen(err.text) > 0);
    }
    assert_int_equal(catalog->stream_count + catalog->metric_count + catalog->board_count, 0);
    catalog_free(catalog);
}

static void test_kinds(void **state)
{
    enum definition_kind kind;

    (void)state;
    assert_true(catalog_kind_by_text("metrics", &kind));
    assert_int_equal(kind, DEFINITION_METRIC);
    assert_false(catalog_kind_by_text("metric", &kind));
    assert_false(catalog_kind_by_text(NULL, &kind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),  cmocka_unit_test(test_extend),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_direct_board),
        cmocka_unit_test(test_damage),   cmocka_unit_test(test_kinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
