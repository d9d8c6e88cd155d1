// SPDX-License-Identifier: Apache-2.0
/* test_err.c - codes, sentences, prefixes, and texts that are too long. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static void test_set(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(err_set(&err, ERR_INVALID, "line %d: %s", 3, "no"), ERR_INVALID);
    assert_int_equal(err.code, ERR_INVALID);
    assert_string_equal(err.text, "line 3: no");
    assert_int_equal(err_set(NULL, ERR_LIMIT, "nobody asked"), ERR_LIMIT);
    err_prefix(NULL, "nobody asked");
}

static void test_set_errno(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(err_set_errno(&err, EACCES, "cannot open %s", "x"), ERR_IO);
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(err.text, "cannot open x: Permission denied");
    assert_int_equal(err_set_errno(&err, ENOSPC, "x"), ERR_FULL);
    assert_int_equal(err.code, ERR_FULL);
    assert_int_equal(err_set_errno(&err, EDQUOT, "x"), ERR_FULL);
    assert_int_equal(err_set_errno(NULL, ENOSPC, "x"), ERR_FULL);
    assert_int_equal(err_set_errno(NULL, EIO, "x"), ERR_IO);
}

static void test_prefix(void **state)
{
    struct err err;

    (void)state;
    err_set(&err, ERR_INVALID, "unknown type");
    err_prefix(&err, "fields.%s", "points");
    err_prefix(&err, "streams.plays");
    assert_int_equal(err.code, ERR_INVALID);
    assert_string_equal(err.text, "streams.plays: fields.points: unknown type");
}

static void test_long_texts_are_cut(void **state)
{
    struct err err;
    char text[2000];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    err_set(&err, ERR_INVALID, "%s", text);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    err_prefix(&err, "%s", text);
    assert_true(strlen(err.text) < sizeof(err.text));
    assert_memory_equal(err.text, text, 200);
    err_prefix(&err, "where");
    assert_memory_equal(err.text, "where: xxx", 10);
    err_set_errno(&err, EIO, "%s", text);
    assert_true(strlen(err.text) < sizeof(err.text));
    /* A prefix as long as it may be still leaves the reason behind it. */
    err_set(&err, ERR_INVALID, "the reason");
    err_prefix(&err, "%.255s", text);
    assert_non_null(strstr(err.text, ": the reason"));
}

static void test_codes(void **state)
{
    static const struct {
        int code;
        const char *text;
        int status;
    } all[] = {
#define ROW(name, text, status) {name, text, status},
        ERR_CODES(ROW)
#undef ROW
    };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_true(all[i].code < -200); /* no errno looks like one */
        assert_string_equal(err_code_text(all[i].code), all[i].text);
        assert_int_equal(err_code_status(all[i].code), all[i].status);
        assert_true(all[i].status >= 400 && all[i].status < 600);
        for (size_t j = 0; j < i; j++) {
            assert_true(all[i].code != all[j].code);
            assert_string_not_equal(all[i].text, all[j].text);
        }
    }
    assert_string_equal(err_code_text(ERR_NOT_FOUND), "not_found");
    assert_int_equal(err_code_status(ERR_NOT_FOUND), 404);
    assert_string_equal(err_code_text(-1), "internal");
    assert_int_equal(err_code_status(-1), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),    cmocka_unit_test(test_set_errno),
        cmocka_unit_test(test_prefix), cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
