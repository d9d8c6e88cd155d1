// SPDX-License-Identifier: Apache-2.0
/* test_journal_faulty.c - the commit that was asked to fail fails, and nothing comes after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "journal/journal.h"
#include "support/journal_sample.h"

static void test_the_third_commit_fails(void **state)
{
    struct journal_options options = {.folder = "unused"};
    struct journal_sample_seen seen = {0};
    struct journal *inner = NULL;
    struct journal *journal;
    struct journal_stat stat;
    struct err err;

    (void)state;
    assert_int_equal(journal_memory.open(&inner, &options, &err), 0);
    journal = journal_faulty_wrap(inner, 3);
    for (uint64_t offset = 0; offset < 2; offset++) {
        assert_int_equal(journal_sample_append(journal, offset, 10, 1, &err), 0);
        assert_int_equal(journal_sample_commit(journal, &err), 0);
    }
    assert_int_equal(journal_sample_append(journal, 2, 10, 1, &err), 0);
    assert_true(journal->ops->staged_bytes(journal) >= 10);
    assert_int_equal(journal_sample_commit(journal, &err), ERR_IO);
    assert_int_equal(err.code, ERR_IO);
    assert_int_equal(journal_sample_append(journal, 3, 10, 1, &err), ERR_IO);
    assert_int_equal(journal_sample_commit(journal, &err), ERR_IO);
    journal->ops->stat(journal, &stat);
    assert_int_equal(stat.offset_end, 2);
    assert_int_equal(journal->ops->read(journal, 0, journal_sample_visit, &seen, &err), 0);
    assert_int_equal(seen.records, 2);
    assert_int_equal(seen.wrong, 0);
    journal->ops->close(journal);
}

/* Full at every second commit, and twice not to be talked out of it. */
static void test_a_disk_that_fills_up(void **state)
{
    struct journal_options options = {.folder = "unused"};
    struct journal_sample_seen seen = {0};
    struct journal *inner = NULL;
    struct journal *journal;
    uint64_t offset = 0;
    struct err err;

    (void)state;
    assert_int_equal(journal_memory.open(&inner, &options, &err), 0);
    journal = journal_faulty_fill(inner, 2, 2);
    while (offset < 5) {
        assert_int_equal(journal_sample_append(journal, offset, 10, 1, &err), 0);
        assert_int_equal(journal_sample_commit(journal, &err), 0);
        offset++;
        assert_int_equal(journal_sample_append(journal, offset, 20, 1, &err), 0);
        assert_int_equal(journal_sample_commit(journal, &err), ERR_FULL);
        assert_int_equal(journal_sample_append(journal, offset + 1, 10, 1, &err), ERR_FULL);
        assert_int_equal(journal->ops->resume(journal, &err), ERR_FULL);
        assert_int_equal(journal->ops->resume(journal, &err), ERR_FULL);
        assert_int_equal(journal->ops->resume(journal, &err), 0);
    }
    assert_int_equal(journal->ops->read(journal, 0, journal_sample_visit, &seen, &err), 0);
    assert_int_equal(seen.records, 5);
    assert_int_equal(seen.wrong, 0);
    journal->ops->close(journal);
}

static void test_it_is_not_opened_by_name(void **state)
{
    struct journal_options options = {.folder = "unused"};
    struct journal *inner = NULL;
    struct journal *journal = NULL;
    struct journal *faulty;
    struct err err;

    (void)state;
    assert_int_equal(journal_memory.open(&inner, &options, &err), 0);
    faulty = journal_faulty_wrap(inner, 0);
    assert_int_equal(faulty->ops->open(&journal, &options, &err), ERR_UNSUPPORTED);
    assert_null(journal);
    faulty->ops->close(faulty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_third_commit_fails),
        cmocka_unit_test(test_a_disk_that_fills_up),
        cmocka_unit_test(test_it_is_not_opened_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
