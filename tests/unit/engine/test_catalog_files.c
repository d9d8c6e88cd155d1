// SPDX-License-Identifier: Apache-2.0
/*
 * test_catalog_files.c - zones and scripts travel in the record of a definition: they come out of
 * it byte by byte, a newer zone of the system changes nothing, a newer script starts a board anew.
 */
#include "engine/catalog_files.h"

#include "base/json.h"
#include "support/query_harness.h"

/* What the loader gives; counts how often it was asked. */
struct shelf {
    const char *script;
    uint32_t zone_loads;
    bool newer_zone;
};

static int load(void *context, enum catalog_file_kind kind, const char *name, struct bytes *out,
                struct err *err)
{
    struct shelf *shelf = context;
    FILE *file;

    if (strcmp(name, "missing") == 0)
        return err_set(err, ERR_INVALID, "there is no file %s", name);
    if (kind == CATALOG_SCRIPT) {
        bytes_put_text(out, shelf->script);
        return 0;
    }
    shelf->zone_loads++;
    file = fopen(shelf->newer_zone ? "/usr/share/zoneinfo/Asia/Tokyo"
                                   : "/usr/share/zoneinfo/Europe/Berlin",
                 "rb");
    assert_non_null(file);
    out->size += fread(bytes_reserve(out, 65536), 1, 65536, file);
    fclose(file);
    return 0;
}

static void world_start(struct world *world, struct shelf *shelf)
{
    world_init(world, 1, NULL);
    world->catalog->loader = (struct catalog_loader){shelf, load};
    world_define(world, DEFINITION_STREAM, "s",
                 "{'fields':{'m':'string','p':'int','at':'time'},'key':'m','time':'at'}");
}

static uint32_t version(const struct world *world)
{
    return catalog_version(world->catalog, DEFINITION_BOARD, SPAN_LITERAL("b"));
}

static void refuses(struct world *world, const char *text, const char *message)
{
    struct err err = {0};

    if (world_try_define(world, DEFINITION_BOARD, "b", text, &err) == 0)
        fail_msg("taken: %s", text);
    if (strstr(err.text, message) == NULL)
        fail_msg("%s\ngave  %s\nnot   %s", text, err.text, message);
}

/* All bytes, in lengths that need each kind of padding. */
static void test_record(void **state)
{
    (void)state;
    for (uint32_t size = 0; size < 300; size++) {
        struct catalog_files files = {.count = 2};
        struct catalog_files again;
        struct bytes text = {0};
        struct json_out json;
        json_error_t error;
        json_t *tree;

        files.items[0].kind = CATALOG_ZONE;
        snprintf(files.items[0].name, NAME_BYTES_MAX, "Europe/Berlin");
        files.items[1].kind = CATALOG_SCRIPT;
        snprintf(files.items[1].name, NAME_BYTES_MAX, "a.lua");
        for (uint32_t i = 0; i < size; i++) {
            bytes_put_char(&files.items[0].bytes, (char)(i * 7));
            bytes_put_char(&files.items[1].bytes, (char)(255 - i));
        }
        json_out_init(&json, &text);
        json_out_object(&json);
        catalog_files_print(&files, &json);
        json_out_object_end(&json);
        tree = json_loadb(text.data, text.size, 0, &error);
        assert_non_null(tree);
        assert_int_equal(catalog_files_parse(&again, json_object_get(tree, "files"), NULL), 0);
        assert_true(catalog_files_equal(&files, &again));
        assert_non_null(catalog_files_find(&again, CATALOG_SCRIPT, "a.lua"));
        assert_null(catalog_files_find(&again, CATALOG_ZONE, "a.lua"));
        if (size > 0) {
            again.items[1].bytes.data[size - 1]++;
            assert_false(catalog_files_equal(&files, &again));
        }
        json_decref(tree);
        bytes_done(&text);
        catalog_files_done(&files);
        catalog_files_done(&again);
    }
}

static void test_damaged(void **state)
{
    static const char *const bad[] = {
        "[{'kind':'zone','name':'x','base64':'A'}]",
        "[{'kind':'zone','name':'x','base64':'A==='}]",
        "[{'kind':'zone','name':'x','base64':'AA=A'}]",
        "[{'kind':'zone','name':'x','base64':'A*AA'}]",
        "[{'kind':'zone','name':'x','base64':'AA==AAAA'}]",
        "[{'kind':'song','name':'x','base64':''}]",
        "[{'kind':'zone','base64':''}]",
        "[{'kind':'zone','name':'x'}]",
        "[5]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *tree = world_json(bad[i]);
        struct catalog_files files;
        struct err err = {0};

        if (catalog_files_parse(&files, tree, &err) != ERR_CORRUPT)
            fail_msg("taken: %s", bad[i]);
        json_decref(tree);
    }
}

static void test_zone(void **state)
{
    static const char *const board = "{'stream':'s','member':'m','score':'sum(p)',"
                                     "'period':'daily','time_zone':'Europe/Berlin'}";
    struct shelf shelf = {0};
    struct world world;

    (void)state;
    world_start(&world, &shelf);
    world_define(&world, DEFINITION_BOARD, "b", board);
    assert_int_equal(shelf.zone_loads, 1);
    assert_non_null(catalog_find_board(world.catalog, SPAN_LITERAL("b"))->zone);
    assert_non_null(
        catalog_find_board(partition_catalog(world.partitions[0]), SPAN_LITERAL("b"))->zone);

    /* The system has a newer one: the board goes on as it is. */
    shelf.newer_zone = true;
    world_define(&world, DEFINITION_BOARD, "b", board);
    assert_int_equal(shelf.zone_loads, 1);
    assert_int_equal(version(&world), 1);

    /* Also when something else changes; dropped and defined again, it takes the new one. */
    world_define(&world, DEFINITION_BOARD, "b",
                 "{'stream':'s','member':'m','score':'max(p)','period':'daily',"
                 "'time_zone':'Europe/Berlin'}");
    assert_int_equal(shelf.zone_loads, 1);
    assert_int_equal(version(&world), 2);
    world_define(&world, DEFINITION_BOARD, "b", NULL);
    world_define(&world, DEFINITION_BOARD, "b", board);
    assert_int_equal(shelf.zone_loads, 2);

    refuses(&world,
            "{'stream':'s','member':'m','score':'sum(p)','period':'daily','time_zone':'missing'}",
            "boards.b.time_zone: there is no file missing");
    world_done(&world);
}

static void test_script(void **state)
{
    static const char *const board = "{'stream':'s','member':'m','score':'lua(a.lua, p)'}";
    static const char *const rolling = "{'stream':'s','member':'m','score':'lua(a.lua, p)',"
                                       "'period':{'rolling':'1d'}}";
    struct shelf shelf = {.script = "function fold(s, ms, v) return v end"};
    struct world world;

    (void)state;
    world_start(&world, &shelf);
    world_define(&world, DEFINITION_BOARD, "b", board);
    world_define(&world, DEFINITION_BOARD, "b", board);
    assert_int_equal(version(&world), 1);
    shelf.script = "function fold(s, ms, v) return 2 * v end";
    world_define(&world, DEFINITION_BOARD, "b", board);
    assert_int_equal(version(&world), 2);

    refuses(&world, rolling, "boards.b.score: a.lua has no function \"merge\", which a rolling");
    shelf.script = "function fold(s, ms, v) return v end function merge(s, t) return 1 end";
    world_define(&world, DEFINITION_BOARD, "b", rolling);
    shelf.script = "function fold(s, ms, v) return v";
    refuses(&world, board, "boards.b.score: a.lua:1: ");
    refuses(&world, "{'stream':'s','member':'m','score':'lua(missing)'}",
            "boards.b.score: there is no file missing");
    refuses(&world,
            "{'stream':'s','member':'m','score':'sum(p)','subscores':[{'score':'lua(missing)'}]}",
            "boards.b.subscores[0].score: there is no file missing");
    refuses(&world, "{'stream':'s','member':'m','score':'sum(p)','subscores':[{'score':'max(x)'}]}",
            "boards.b.subscores[0].score: stream \"s\" has no field \"x\"");
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_zone),
        cmocka_unit_test(test_script),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
