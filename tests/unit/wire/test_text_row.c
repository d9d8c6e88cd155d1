// SPDX-License-Identifier: Apache-2.0
/* test_text_row.c - values as people write them, and rows that are none, with their reasons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "model/batch.h"
#include "wire/text_row.h"

#define STRING_BYTES_MAX 16

static const struct stream_def def = {
    .name = "plays",
    .field_count = 5,
    .fields = {{"player", FIELD_STRING},
               {"points", FIELD_INT},
               {"weight", FIELD_FLOAT},
               {"won", FIELD_BOOL},
               {"at", FIELD_TIME}},
    .key_field = 0,
    .time_field = -1,
    .id_field = -1,
};

/* The words up to the first NULL; each in memory of its own size, so that a sanitizer sees more. */
static int read_row(struct cell *cells, struct err *err, const char *const *texts)
{
    struct span words[32] = {{0}};
    uint32_t count = 0;
    int rc;

    for (; texts[count] != NULL; count++) {
        words[count].size = strlen(texts[count]);
        words[count].data = malloc(words[count].size + 1);
        memcpy((char *)words[count].data, texts[count], words[count].size);
    }
    rc = text_row_read(&def, words, count, STRING_BYTES_MAX, cells, err);
    if (cells[0].present && rc == 0)
        cells[0].text.data = "the words are gone";
    for (uint32_t i = 0; i < count; i++)
        free((char *)words[i].data);
    return rc;
}

#define READ(cells, ...) read_row((cells), &err, (const char *const[]){__VA_ARGS__, NULL})

static void test_values(void **state)
{
    struct cell cells[STREAM_FIELDS_MAX];
    struct err err = {0};

    (void)state;
    assert_int_equal(READ(cells, "player", "Ann", "points", " +007\t", "weight", ".5e1", "won",
                          "YES", "at", "2021-04-01"),
                     0);
    assert_int_equal(cells[0].text.size, 3);
    assert_int_equal(cells[1].i, 7);
    assert_true(cells[2].f == 5.0);
    assert_int_equal(cells[3].i, 1);
    assert_int_equal(cells[4].i, INT64_C(1617235200000));
    assert_int_equal(READ(cells, "points", "-9223372036854775807", "player", "", "won", "f"), 0);
    assert_true(cells[0].present && cells[0].text.size == 0); /* an empty string is a string */
    assert_int_equal(cells[1].i, -INT64_MAX);
    assert_int_equal(cells[3].i, 0);
    assert_false(cells[2].present || cells[4].present);
    assert_int_equal(READ(cells, "player", "x", "points", "", "won", "  "), 0);
    assert_false(cells[1].present || cells[3].present);
}

static void refuses(const char *field, const char *text, const char *reason)
{
    struct cell cells[STREAM_FIELDS_MAX];
    struct err err = {0};

    assert_int_equal(READ(cells, "player", "x", field, text), ERR_INVALID);
    if (strstr(err.text, reason) == NULL)
        fail_msg("%s=%s: \"%s\" does not say \"%s\"", field, text, err.text, reason);
}

static void test_refusals(void **state)
{
    struct cell cells[STREAM_FIELDS_MAX];
    struct err err = {0};

    (void)state;
    refuses("points", "1.5", "whole number");
    refuses("points", "9223372036854775808", "whole number");
    refuses("points", "-9223372036854775808", "whole number"); /* is kept for "none" */
    refuses("points", "0x10", "whole number");
    refuses("points", "1 2", "whole number");
    refuses("points", "-", "whole number");
    refuses("weight", "inf", "is no number");
    refuses("weight", "nan", "is no number");
    refuses("weight", "1e999", "is no number");
    refuses("weight", "1.5.", "is no number");
    refuses("won", "maybe", "neither true nor false");
    refuses("at", "noon", "is not a time");
    refuses("score", "1", "has no field \"score\"");
    refuses("player", "y", "given twice");
    assert_int_equal(READ(cells, "points", "1"), ERR_INVALID);
    assert_string_equal(err.text, "missing field \"player\"");
    assert_int_equal(READ(cells, "player", "more than sixteen bytes"), ERR_INVALID);
    assert_non_null(strstr(err.text, "string_bytes"));
    assert_int_equal(READ(cells, "player", "\xc3"), ERR_INVALID);
    assert_non_null(strstr(err.text, "UTF-8"));
}

/* Every sequence of up to four bytes of some that matter, against the definition of UTF-8. */
static bool decodes(const uint8_t *at, size_t size)
{
    while (size > 0) {
        uint32_t more = *at < 0x80 ? 0 : (*at & 0xe0) == 0xc0 ? 1 : (*at & 0xf0) == 0xe0 ? 2 : 3;
        uint32_t code = more == 0 ? *at : *at & (0x3fu >> more);
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

        if ((more == 3 && (*at & 0xf8) != 0xf0) || size <= more)
            return false;
        for (uint32_t i = 1; i <= more; i++) {
            if ((at[i] & 0xc0) != 0x80)
                return false;
            code = code << 6 | (at[i] & 0x3f);
        }
        if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return false;
        at += more + 1;
        size -= more + 1;
    }
    return true;
}

static void test_utf8(void **state)
{
    static const uint8_t bytes[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                    0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
                                    0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    const uint32_t base = sizeof(bytes);

    (void)state;
    for (uint32_t size = 0; size <= 4; size++) {
        uint32_t total = 1;

        for (uint32_t i = 0; i < size; i++)
            total *= base;
        for (uint32_t n = 0; n < total; n++) {
            uint8_t text[4];

            for (uint32_t i = 0, rest = n; i < size; i++, rest /= base)
                text[i] = bytes[rest % base];
            if (text_row_is_utf8((struct span){(const char *)text, size}) != decodes(text, size))
                fail_msg("%u bytes, %02x %02x %02x %02x", size, text[0], text[1], text[2], text[3]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
