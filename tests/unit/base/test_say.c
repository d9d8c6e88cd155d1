// SPDX-License-Identifier: Apache-2.0
/* test_say.c - one line, one write, whatever the text; levels; many threads. */
#include <pthread.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/say.h"

/* Where stderr goes meanwhile: a file without a name. */
static int stderr_before;
static FILE *caught;

static void catch_begin(void)
{
    caught = tmpfile();
    assert_non_null(caught);
    stderr_before = dup(STDERR_FILENO);
    dup2(fileno(caught), STDERR_FILENO);
}

/* What was said since, to free(). */
static char *catch_end(void)
{
    char *text;
    off_t size;

    dup2(stderr_before, STDERR_FILENO);
    close(stderr_before);
    size = lseek(fileno(caught), 0, SEEK_END);
    text = calloc(1, (size_t)size + 1);
    assert_int_equal(pread(fileno(caught), text, (size_t)size, 0), size);
    fclose(caught);
    return text;
}

static void expect_match(const char *text, const char *pattern)
{
    regex_t regex;

    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&regex, text, 0, NULL, 0) != 0)
        fail_msg("'%s' does not match '%s'", text, pattern);
    regfree(&regex);
}

#define STAMP "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z "

static void test_a_line(void **state)
{
    char *text;

    (void)state;
    catch_begin();
    say_warn("journal", "cut %d bytes of %s", 7, "x");
    text = catch_end();
    expect_match(text, STAMP "warn  journal: cut 7 bytes of x\n$");
    free(text);
}

static void test_levels(void **state)
{
    char *text;

    (void)state;
    catch_begin();
    say_debug("a", "1");
    say_info("a", "2");
    say_set_level(SAY_DEBUG);
    say_debug("a", "3");
    say_set_level(SAY_ERROR);
    say_warn("a", "4");
    say_error("a", "5");
    say_set_level(SAY_INFO);
    text = catch_end();
    assert_null(strstr(text, "a: 1"));
    assert_non_null(strstr(text, "info  a: 2\n"));
    assert_non_null(strstr(text, "debug a: 3\n"));
    assert_null(strstr(text, "a: 4"));
    assert_non_null(strstr(text, "error a: 5\n"));
    free(text);
}

static void test_a_long_text_is_cut_to_one_line(void **state)
{
    char *text;

    (void)state;
    catch_begin();
    say_info("a", "%05000d", 1);
    say_info("a", "next");
    text = catch_end();
    expect_match(strchr(text, '\n') + 1, STAMP "info  a: next\n$");
    assert_in_range(strchr(text, '\n') - text, 1000, 1023);
    free(text);
}

static void *say_many(void *argument)
{
    for (int i = 0; i < 500; i++)
        say_info("thread", "%s%s%s", (const char *)argument, (const char *)argument, ".");
    return NULL;
}

static void test_lines_of_threads_do_not_mix(void **state)
{
    static const char *const words[] = {"aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"};
    pthread_t threads[2];
    char *text;
    char *line;
    char *rest;
    int count = 0;

    (void)state;
    catch_begin();
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, say_many, (void *)words[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    text = catch_end();
    for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        expect_match(line, STAMP "info  thread: (a{40}|b{40})[.]$");
        count++;
    }
    assert_int_equal(count, 1000);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_a_long_text_is_cut_to_one_line),
        cmocka_unit_test(test_lines_of_threads_do_not_mix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
