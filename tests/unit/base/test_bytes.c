// SPDX-License-Identifier: Apache-2.0
/* test_bytes.c - buffers that grow, and the order of spans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

static void test_empty(void **state)
{
    struct bytes bytes = {0};

    (void)state;
    assert_int_equal(bytes_span(&bytes).size, 0);
    bytes_put(&bytes, NULL, 0);
    assert_null(bytes.data);
    assert_string_equal(bytes_text(&bytes), "");
    assert_int_equal(bytes.size, 0);
    bytes_done(&bytes);
    bytes_done(&bytes);
    bytes_done(NULL);
    assert_null(bytes.data);
    assert_int_equal(bytes.capacity, 0);
}

static void test_put(void **state)
{
    struct bytes bytes = {0};
    char *place;

    (void)state;
    bytes_put(&bytes, "ab\0c", 4);
    bytes_put_text(&bytes, "de");
    bytes_put_char(&bytes, 'f');
    place = bytes_reserve(&bytes, 3);
    assert_ptr_equal(place, bytes.data + 7);
    memcpy(place, "ghi", 3);
    bytes.size += 3;
    assert_int_equal(bytes.size, 10);
    assert_memory_equal(bytes_text(&bytes), "ab\0cdefghi", 11);
    assert_int_equal(bytes.size, 10);
    bytes_clear(&bytes);
    assert_int_equal(bytes.size, 0);
    bytes_put_text(&bytes, "x");
    assert_string_equal(bytes_text(&bytes), "x");
    bytes_done(&bytes);
}

/* Byte by byte over many growths, with text in between that is just at an edge. */
static void test_growth(void **state)
{
    struct bytes bytes = {0};
    size_t growths = 0;
    size_t capacity = 0;

    (void)state;
    for (size_t i = 0; i < 300000; i++) {
        bytes_put_char(&bytes, (char)(i % 251));
        growths += bytes.capacity != capacity;
        capacity = bytes.capacity;
        assert_true(bytes.size == i + 1 && bytes.capacity >= bytes.size);
    }
    assert_true(growths < 32); /* it doubles */
    for (size_t i = 0; i < bytes.size; i++)
        assert_int_equal(bytes.data[i], (char)(i % 251));
    bytes_done(&bytes);
}

static void test_format(void **state)
{
    char expected[600];

    (void)state;
    for (int width = 1; width < 500; width++) {
        struct bytes bytes = {0};

        bytes_put_text(&bytes, "<");
        bytes_format(&bytes, "%0*d%s", width, 42, "|");
        snprintf(expected, sizeof(expected), "<%0*d%s", width, 42, "|");
        assert_int_equal(bytes.size, strlen(expected));
        assert_string_equal(bytes_text(&bytes), expected);
        bytes_done(&bytes);
    }
}

static void test_spans(void **state)
{
    struct span sorted[] = {
        SPAN_LITERAL(""),   SPAN_LITERAL("\0"), SPAN_LITERAL("a"),
        SPAN_LITERAL("aa"), SPAN_LITERAL("b"),  SPAN_LITERAL("\xff"),
    };
    size_t count = sizeof(sorted) / sizeof(sorted[0]);
    char *copy;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int order = span_compare(sorted[i], sorted[j]);

            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
            assert_int_equal(span_equal(sorted[i], sorted[j]), i == j);
        }
    }
    assert_true(span_equal((struct span){NULL, 0}, SPAN_LITERAL("")));
    assert_int_equal(span_compare((struct span){NULL, 0}, SPAN_LITERAL("")), 0);
    assert_true(span_equal(span_of("abc"), SPAN_LITERAL("abc")));
    copy = bytes_dup((struct span){"abcdef", 3});
    assert_string_equal(copy, "abc");
    free(copy);
    copy = bytes_dup((struct span){NULL, 0});
    assert_string_equal(copy, "");
    free(copy);
}

static void test_memory(void **state)
{
    unsigned char *memory = bytes_alloc_zero(1000, 3);

    (void)state;
    for (size_t i = 0; i < 3000; i++)
        assert_int_equal(memory[i], 0);
    memory[2999] = 7;
    memory = bytes_realloc(memory, 100000);
    assert_int_equal(memory[2999], 7);
    free(memory);
    /* Nothing is a block of its own, never NULL. */
    memory = bytes_alloc(0);
    assert_non_null(memory);
    free(memory);
    memory = bytes_alloc_zero(0, 0);
    assert_non_null(memory);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),  cmocka_unit_test(test_put),   cmocka_unit_test(test_growth),
        cmocka_unit_test(test_format), cmocka_unit_test(test_spans), cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
