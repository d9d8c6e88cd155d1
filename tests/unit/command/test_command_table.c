// SPDX-License-Identifier: Apache-2.0
/* test_command_table.c - every command is found, in any case, and nothing else is. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command/command_table.h"

#define MARK_BEGIN "<!-- begin: tallywheel config --commands -->\n"
#define MARK_END "<!-- end: tallywheel config --commands -->\n"

static void test_table_is_sorted_and_whole(void **state)
{
    uint32_t count;
    const struct spec *specs = command_table_all(&count);

    (void)state;
    assert_true(count > 150);
    for (uint32_t i = 0; i < count; i++) {
        const struct spec *spec = &specs[i];
        bool has_keys = spec->first_key > 0 || spec->numkeys > 0;

        if (i > 0 && strcmp(specs[i - 1].name, spec->name) >= 0)
            fail_msg("'%s' stands before '%s'", specs[i - 1].name, spec->name);
        assert_int_equal(spec->name_size, strlen(spec->name));
        assert_true(spec->arity != 0);
        assert_int_equal(spec->answer != NULL, spec->route == SPEC_ANSWER);
        assert_int_equal(spec->begin != NULL, spec->route == SPEC_TASK);
        assert_int_equal(spec->grammar != NULL, spec->answer == NULL && spec->begin == NULL);
        if (spec->route == SPEC_KEY || spec->route == SPEC_KEYS || spec->route == SPEC_WAIT)
            assert_true(has_keys);
        /* The short way reads the key before the grammar has been asked. */
        if (spec->route == SPEC_KEY)
            assert_true(abs(spec->arity) > spec->first_key);
        if ((spec->flags & SPEC_WRITE) != 0)
            assert_true(spec->role >= SPEC_ROLE_WRITE);
    }
}

static void test_every_name_is_found(void **state)
{
    uint32_t count;
    const struct spec *specs = command_table_all(&count);
    char upper[64];

    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        size_t size = specs[i].name_size;

        for (size_t j = 0; j < size; j++)
            upper[j] =
                j % 2 == 0 ? (char)toupper((unsigned char)specs[i].name[j]) : specs[i].name[j];
        assert_ptr_equal(command_table_find((struct span){upper, size}), &specs[i]);
        /* One byte less or more is another name. */
        if (command_table_find((struct span){upper, size - 1}) == &specs[i])
            fail_msg("'%.*s'", (int)size - 1, upper);
        upper[size] = 'x';
        assert_null(command_table_find((struct span){upper, size + 1}));
    }
    assert_null(command_table_find(span_of("")));
    assert_null(command_table_find(span_of("no such command at all, and a long one at that")));
    assert_null(command_table_find((struct span){"zadd\0", 5}));
}

static void test_inside_containers(void **state)
{
    const struct spec *client = command_table_find(span_of("client"));

    (void)state;
    assert_string_equal(command_table_inside(client, span_of("ID"))->name, "client|id");
    assert_null(command_table_inside(client, span_of("nothing")));
    assert_null(command_table_inside(client, span_of("a name that is far too long to be one")));
    assert_null(command_table_inside(client, span_of("")));
}

static void test_foreign_commands(void **state)
{
    (void)state;
    assert_string_equal(command_table_foreign(span_of("SET")), "strings");
    assert_string_equal(command_table_foreign(span_of("hgetall")), "hashes");
    assert_string_equal(command_table_foreign(span_of("append")), "strings");
    assert_string_equal(command_table_foreign(span_of("substr")), "strings");
    assert_null(command_table_foreign(span_of("zadd")));
    assert_null(command_table_foreign(span_of("ge")));
    assert_null(command_table_foreign(span_of("get getdel")));
    assert_null(command_table_foreign(span_of("")));
    assert_null(command_table_foreign((struct span){"\0", 1}));
}

static void add_key(void *context, struct span key)
{
    struct bytes *keys = context;

    bytes_format(keys, "%.*s;", (int)key.size, key.data);
}

static void keys_are(const char *text, const char *expected)
{
    static char copy[256];
    struct span words[16];
    uint32_t count = 0;
    struct bytes keys = {0};
    char *left;
    bool known;

    snprintf(copy, sizeof(copy), "%s", text);
    for (char *at = strtok_r(copy, " ", &left); at != NULL; at = strtok_r(NULL, " ", &left))
        words[count++] = span_of(at);
    known = command_table_keys(command_table_find(words[0]), words, count, add_key, &keys);
    assert_int_equal(known, expected != NULL);
    if (expected != NULL)
        assert_string_equal(bytes_text(&keys), expected);
    bytes_done(&keys);
}

static void test_keys_among_words(void **state)
{
    (void)state;
    keys_are("zadd k 1 a", "k;");
    keys_are("del a b c", "a;b;c;");
    keys_are("bzpopmin a b 0", "a;b;");
    keys_are("zunionstore d 2 a b weights 1 2", "d;a;b;");
    keys_are("zinter 2 a b", "a;b;");
    keys_are("bzmpop 0 2 a b min", "a;b;");
    keys_are("zinter 3 a b", NULL);
    keys_are("zinter x a b", NULL);
    keys_are("zinter -1 a b", NULL);
}

/* The page says what the table says. */
static void test_reference_is_fresh(void **state)
{
    const char *root = getenv("TALLYWHEEL_SOURCE_DIR");
    struct bytes text = {0};
    struct bytes page = {0};
    char path[512];
    char chunk[4096];
    size_t size;
    FILE *file;
    char *begin;

    (void)state;
    snprintf(path, sizeof(path), "%s/docs/reference/resp.md", root != NULL ? root : ".");
    file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s cannot be read: set TALLYWHEEL_SOURCE_DIR, as ctest does", path);
    while ((size = fread(chunk, 1, sizeof(chunk), file)) > 0)
        bytes_put(&page, chunk, size);
    fclose(file);
    command_docs_print(&text);
    begin = strstr(bytes_text(&page), MARK_BEGIN);
    assert_non_null(begin);
    begin += strlen(MARK_BEGIN);
    assert_non_null(strstr(begin, MARK_END));
    *strstr(begin, MARK_END) = '\0';
    assert_string_equal(begin, bytes_text(&text)); /* else: run tools/reference */
    bytes_done(&text);
    bytes_done(&page);
}

static int init(void **state)
{
    (void)state;
    command_table_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_sorted_and_whole),
        cmocka_unit_test(test_every_name_is_found),
        cmocka_unit_test(test_inside_containers),
        cmocka_unit_test(test_foreign_commands),
        cmocka_unit_test(test_keys_among_words),
        cmocka_unit_test(test_reference_is_fresh),
    };

    return cmocka_run_group_tests(tests, init, NULL);
}
