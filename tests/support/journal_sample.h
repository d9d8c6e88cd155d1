// SPDX-License-Identifier: Apache-2.0
/*
 * journal_sample.h - records whose content follows from their offset, so that any test can check
 * any record it reads back without keeping what was written.
 *
 * Thread: any; each call stands on its own.
 */
#ifndef TALLYWHEEL_TESTS_SUPPORT_JOURNAL_SAMPLE_H
#define TALLYWHEEL_TESTS_SUPPORT_JOURNAL_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "journal/journal.h"

/*
 * Appends a record of `size` payload bytes that takes `count` offsets; the offset it will get must
 * be `offset`. Type, wall_ms and payload follow from that offset. Returns what append returned.
 */
int journal_sample_append(struct journal *journal, uint64_t offset, size_t size, uint32_t count,
                          struct err *err);

/* Seals and commits. */
int journal_sample_commit(struct journal *journal, struct err *err);

/* What a read saw; begin with {.next = the offset that the first record should have}. */
struct journal_sample_seen {
    uint64_t next;    /* the offset that is due */
    uint64_t records; /* visited */
    uint64_t bytes;   /* of payload */
    uint64_t wrong;   /* records that are not what was appended, or not at their place */
    uint64_t stop_at; /* stop after that many records; 0: never */
};

/* A journal_visit_fn; `context` is a struct journal_sample_seen. */
int journal_sample_visit(void *context, const struct journal_record *record, struct err *err);

/* A new empty folder for a test, and away with it (files only one level deep). To free(). */
char *journal_sample_folder(void);
void journal_sample_folder_remove(char *folder);

#endif
