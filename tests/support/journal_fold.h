// SPDX-License-Identifier: Apache-2.0
/*
 * journal_fold.h - folds a journal into a partition, with batches as they are or cut anew.
 *
 * Where batches begin and end must not change the state, so a test folds the same journal in
 * several ways and compares hashes.
 *
 * Thread: any; each call stands on its own.
 */
#ifndef TALLYWHEEL_TESTS_SUPPORT_JOURNAL_FOLD_H
#define TALLYWHEEL_TESTS_SUPPORT_JOURNAL_FOLD_H

#include <stdint.h>

struct err;
struct journal;
struct partition;

enum journal_fold_cut {
    JOURNAL_FOLD_AS_IS,
    JOURNAL_FOLD_ROWS,   /* each row is a batch */
    JOURNAL_FOLD_JOINED, /* as large as the order of records allows */
};

#define JOURNAL_FOLD_CUTS 3

/*
 * A new partition with all of the journal up to `offset_end` (UINT64_MAX: all) folded in; NULL and
 * `err` on failure.
 */
struct partition *journal_fold(struct journal *journal, uint32_t number, enum journal_fold_cut cut,
                               uint64_t offset_end, struct err *err);

#endif
