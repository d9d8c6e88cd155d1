// SPDX-License-Identifier: Apache-2.0
/* test_answer.c - answers printed and compared; applying a difference must give the new answer. */
#include <time.h>

#include "support/query_harness.h"

static void add(struct answer *answer, const char *group, const char *key, const char *json)
{
    answer_row_begin(answer, span_of(group), span_of(key));
    bytes_put_text(&answer->text, json);
    answer_row_end(answer);
}

static void expect_text(struct bytes *text, const char *wanted)
{
    char *copy = strdup(wanted);

    for (char *c = copy; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    assert_string_equal(bytes_text(text), copy);
    free(copy);
    bytes_clear(text);
}

static void test_print(void **state)
{
    struct answer answer = {.rows_name = "entries"};
    struct answer grouped = {.rows_name = "series"};
    struct answer whole = {0};
    struct bytes text = {0};

    (void)state;
    answer_print(&whole, &text);
    expect_text(&text, "{}");
    answer_print(&answer, &text);
    expect_text(&text, "{'entries':[]}");
    bytes_put_text(&answer.head, "\"size\":2");
    add(&answer, "", "a", "{\"rank\":1}");
    add(&answer, "", "b", "{\"rank\":2}");
    answer_print(&answer, &text);
    expect_text(&text, "{'size':2,'entries':[{'rank':1},{'rank':2}]}");
    answer_print_ndjson(&answer, &text);
    expect_text(&text, "{'rank':1}\n{'rank':2}\n");
    add(&grouped, "{}", "5", "[5,1]");
    add(&grouped, "{}", "6", "[6,1]");
    add(&grouped, "{\"a\":1}", "5", "[5,2]");
    answer_print(&grouped, &text);
    expect_text(&text, "{'series':[{'labels':{},'points':[[5,1],[6,1]]},"
                       "{'labels':{'a':1},'points':[[5,2]]}]}");
    answer_print_ndjson(&grouped, &text);
    expect_text(&text, "{'labels':{},'point':[5,1]}\n{'labels':{},'point':[6,1]}\n"
                       "{'labels':{'a':1},'point':[5,2]}\n");
    bytes_put_text(&whole.head, "\"x\":1");
    answer_print_ndjson(&whole, &text);
    expect_text(&text, "{'x':1}\n");
    answer_done(&answer);
    answer_done(&grouped);
    answer_done(&whole);
    answer_done(NULL);
    bytes_done(&text);
}

static void test_whole(void **state)
{
    struct answer before = {0};
    struct answer after = {0};
    struct bytes text = {0};

    (void)state;
    bytes_put_text(&before.head, "\"rank\":1");
    bytes_put_text(&after.head, "\"rank\":1");
    assert_false(answer_diff(&before, &after, &text));
    assert_int_equal(text.size, 0);
    bytes_put_text(&after.head, "0");
    assert_true(answer_diff(&before, &after, &text));
    expect_text(&text, "'answer':{'rank':10}");
    answer_done(&before);
    answer_done(&after);
    bytes_done(&text);
}

static void test_rows(void **state)
{
    struct answer before = {.rows_name = "entries"};
    struct answer after = {.rows_name = "entries"};
    struct bytes text = {0};

    (void)state;
    add(&before, "", "a\"", "{\"r\":1}");
    add(&before, "", "b", "{\"r\":2}");
    add(&before, "", "c", "{\"r\":3}");
    bytes_put_text(&before.head, "\"size\":3");
    add(&after, "", "b", "{\"r\":1}");
    add(&after, "", "d", "{\"r\":2}");
    add(&after, "", "c", "{\"r\":3}");
    bytes_put_text(&after.head, "\"size\":3");
    assert_true(answer_diff(&before, &after, &text));
    expect_text(&text, "'changed':[{'r':1},{'r':2}],'removed':['a\\'']");
    assert_false(answer_diff(&after, &after, &text));
    bytes_put_text(&after.head, "0");
    assert_true(answer_diff(&before, &after, &text));
    expect_text(&text, "'changed':[{'r':1},{'r':2}],'removed':['a\\''],'size':30");
    after.row_count = 0;
    assert_true(answer_diff(&before, &after, &text));
    expect_text(&text, "'changed':[],'removed':['a\\'','b','c'],'size':30");
    answer_done(&before);
    answer_done(&after);
    bytes_done(&text);
}

static void test_grouped(void **state)
{
    struct answer before = {.rows_name = "series"};
    struct answer after = {.rows_name = "series"};
    struct answer none = {.rows_name = "series"};
    struct bytes text = {0};

    (void)state;
    add(&before, "{\"r\":1}", "5", "[5,1]");
    add(&before, "{\"r\":1}", "6", "[6,1]");
    add(&before, "{\"r\":2}", "6", "[6,1]");
    add(&after, "{\"r\":1}", "6", "[6,2]");
    add(&after, "{\"r\":1}", "7", "[7,1]");
    add(&after, "{\"r\":2}", "6", "[6,1]");
    add(&after, "{\"r\":3}", "7", "[7,1]");
    assert_true(answer_diff(&before, &after, &text));
    expect_text(&text, "'changed':[{'labels':{'r':1},'points':[[6,2],[7,1]]},"
                       "{'labels':{'r':3},'points':[[7,1]]}]");
    assert_true(answer_diff(&none, &before, &text));
    expect_text(&text, "'changed':[{'labels':{'r':1},'points':[[5,1],[6,1]]},"
                       "{'labels':{'r':2},'points':[[6,1]]}]");
    assert_false(answer_diff(&before, &none, &text)); /* points that left the view are no change */
    answer_done(&before);
    answer_done(&after);
    answer_done(&none);
    bytes_done(&text);
}

/* ---- random boards: a client that applies every difference sees the board ---- */

#define CLIENT_MAX 400

struct client {
    int64_t rank[CLIENT_MAX]; /* by member; 0: not in view */
};

static void apply(struct client *client, struct bytes *diff)
{
    json_error_t error;
    json_t *tree;
    size_t i;
    json_t *item;

    diff->data[0] = '{'; /* a place was left for it */
    bytes_put_char(diff, '}');
    tree = json_loadb(diff->data, diff->size, 0, &error);
    if (tree == NULL)
        fail_msg("%s: %s", error.text, bytes_text(diff));
    json_array_foreach(json_object_get(tree, "removed"), i, item)
        client->rank[atol(json_string_value(item))] = 0;
    json_array_foreach(json_object_get(tree, "changed"), i, item)
        client->rank[json_integer_value(json_object_get(item, "m"))] =
        json_integer_value(json_object_get(item, "r"));
    json_decref(tree);
}

static void make_page(struct answer *answer, const uint32_t *members, uint32_t count)
{
    *answer = (struct answer){.rows_name = "entries"};
    for (uint32_t i = 0; i < count; i++) {
        char key[20];
        char json[60];

        snprintf(key, sizeof(key), "%u", members[i]);
        snprintf(json, sizeof(json), "{\"m\":%u,\"r\":%u}", members[i], i + 1);
        add(answer, "", key, json);
    }
}

static void test_random(void **state)
{
    struct client client = {{0}};
    struct answer before = {.rows_name = "entries"};
    uint32_t members[CLIENT_MAX];
    uint64_t random = 4;

    (void)state;
    for (uint32_t i = 0; i < CLIENT_MAX; i++)
        members[i] = i;
    for (uint32_t round = 0; round < 400; round++) {
        uint32_t count = (uint32_t)(world_random(&random) % 200);
        struct answer after;
        struct bytes diff = {0};

        for (uint32_t i = 0; i < round % 7; i++) {
            uint32_t a = (uint32_t)(world_random(&random) % CLIENT_MAX);
            uint32_t b = round % 2 == 0 ? (uint32_t)(world_random(&random) % CLIENT_MAX)
                                        : (a + 1) % CLIENT_MAX;
            uint32_t member = members[a];

            members[a] = members[b];
            members[b] = member;
        }
        if (round % 3 == 0)
            count = 150;
        make_page(&after, members, count);
        bytes_put_char(&diff, ' ');
        if (answer_diff(&before, &after, &diff))
            apply(&client, &diff);
        for (uint32_t i = 0; i < CLIENT_MAX; i++)
            assert_int_equal(client.rank[members[i]], i < count ? i + 1 : 0);
        answer_done(&before);
        bytes_done(&diff);
        before = after;
    }
    answer_done(&before);
}

/* A page of some thousand rows, ten times a second, is no load. */
static void test_speed(void **state)
{
    enum { ROWS = 5000 };
    struct answer before = {.rows_name = "entries"};
    struct answer after = {.rows_name = "entries"};
    struct bytes diff = {0};
    clock_t start;

    (void)state;
    for (uint32_t i = 0; i < ROWS; i++) {
        char key[20];
        char json[60];
        uint32_t member = i < 10 ? (i + 1) % 10 : i; /* the first one fell to the tenth place */

        snprintf(key, sizeof(key), "%u", i);
        snprintf(json, sizeof(json), "{\"m\":%u,\"r\":%u}", i, i);
        add(&before, "", key, json);
        snprintf(key, sizeof(key), "%u", member);
        snprintf(json, sizeof(json), "{\"m\":%u,\"r\":%u}", member, i);
        add(&after, "", key, json);
    }
    start = clock();
    for (int i = 0; i < 20; i++) {
        bytes_clear(&diff);
        assert_true(answer_diff(&before, &after, &diff));
    }
    /* About 2 ms; a sanitizer on a busy machine may take much longer. */
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 2);
    answer_done(&before);
    answer_done(&after);
    bytes_done(&diff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_print),   cmocka_unit_test(test_whole),  cmocka_unit_test(test_rows),
        cmocka_unit_test(test_grouped), cmocka_unit_test(test_random), cmocka_unit_test(test_speed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
