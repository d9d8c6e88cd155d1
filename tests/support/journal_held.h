// SPDX-License-Identifier: Apache-2.0
/*
 * journal_held.h - journals whose commits and reads wait until the test lets them go on, and one
 * of which may fail.
 *
 * They go through to another backend. The controls are one set for the whole process, so that a
 * test can hold the journals that a node opens by itself.
 *
 * Thread: the controls any; the journals as in journal/journal.h.
 */
#ifndef TALLYWHEEL_TESTS_SUPPORT_JOURNAL_HELD_H
#define TALLYWHEEL_TESTS_SUPPORT_JOURNAL_HELD_H

#include <stdbool.h>
#include <stdint.h>

#include "journal/journal.h"

extern const struct journal_ops journal_held;

/* Before anything is opened: nothing is held, nothing fails, journals go to `inner`. */
void journal_held_reset(const struct journal_ops *inner);

/* Commits, or reads from each record on, wait while this is true. */
void journal_held_commits(bool held);
void journal_held_reads(bool held);

/* Waits until that many commits, or reads, are waiting. False after 20 seconds. */
bool journal_held_wait_commits(uint32_t count);
bool journal_held_wait_reads(uint32_t count);

/* The `commit`-th commit, from 1, of that partition fails, and all after it. Before the open. */
void journal_held_fail(uint32_t partition, uint64_t commit);

/* The same with a full disk, which it is for `refusals` tries to go on; see journal_faulty_fill. */
void journal_held_fill(uint32_t partition, uint64_t commit, uint64_t refusals);

/* Opening that partition fails. Before the open. */
void journal_held_fail_open(uint32_t partition);

/* All that were opened have been closed. */
uint32_t journal_held_open_count(void);

#endif
