// SPDX-License-Identifier: Apache-2.0
/*
 * journal_file_private.h - what the parts of journal_file share.
 *
 *     journal_file.c          append, seal, commit, stat, close: the writing side
 *     journal_file_full.c     resume: whether there is room again
 *     journal_file_open.c     open: checks the chain of segments, mends the tail
 *     journal_file_read.c     read, find: any thread
 *
 * Who may touch what is written at the fields. The owner hands a sealed group to the thread that
 * commits it, and gets the buffer back, through `sealed`.
 */
#ifndef TALLYWHEEL_JOURNAL_JOURNAL_FILE_PRIVATE_H
#define TALLYWHEEL_JOURNAL_JOURNAL_FILE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "journal/journal.h"
#include "journal/segment_private.h"

/* Records as they will stand in the file; segment_group_put. */
struct journal_file_group {
    struct bytes data;
    uint64_t offset_first;
    uint64_t offset_end;
};

/* Where some group begins: one every JOURNAL_FILE_INDEX_BYTES, of what this process wrote or
 * checked. */
struct journal_file_mark {
    uint64_t offset;
    uint64_t position;
    int64_t wall_ms; /* of the record there */
};

struct journal_file_segment {
    uint64_t base;
    uint64_t bytes;     /* committed */
    int64_t created_ms; /* as its header has it: about when its first record was appended */
    struct journal_file_mark *marks;
    uint32_t mark_count;
    uint32_t mark_capacity;
};

#define JOURNAL_FILE_INDEX_BYTES (1u << 20)

struct journal_file {
    struct journal journal;

    /* Set by open, then only read. */
    const struct disk *disk;
    char *folder;
    uint32_t partition;
    enum journal_durability durability;
    uint64_t segment_bytes;
    int lock_file;

    /* Owner thread; groups[1 - open_group] belongs to commit while `sealed`. */
    struct journal_file_group groups[2];
    uint32_t open_group;
    uint64_t offset_next;

    atomic_bool sealed; /* set by seal, cleared by commit */
    atomic_bool failed; /* set once by commit; `failure` says why and no longer changes */
    atomic_bool full;   /* set by commit, cleared by resume; `failure` says why meanwhile */
    struct err failure;

    /* The thread that commits. */
    int file;              /* the last segment, open for writing; -1: the next commit makes one */
    uint32_t salt;         /* of that segment */
    uint64_t tail;         /* where the next group goes */
    uint64_t reserved_end; /* the file is that long, with zeros behind the tail */
    bool uncut;            /* something else may stand behind the tail: the disk was full */
    uint64_t full_bytes;   /* of the group that there was no room for */
    int64_t full_wall_ms;  /* when it was appended */

    /* Under the mutex, which is never held during a call to the disk. */
    pthread_mutex_t mutex;
    struct journal_file_segment *segments;
    uint64_t segment_count;
    uint64_t segment_capacity;
    struct journal_stat stat; /* segment_count is filled in when asked */
};

/* Under the mutex, or before anybody else knows the journal. */
struct journal_file_segment *journal_file_add_segment(struct journal_file *file, uint64_t base,
                                                      uint64_t bytes, int64_t created_ms);
void journal_file_add_mark(struct journal_file_segment *segment, struct journal_file_mark mark);

/* Sets `err` to why the journal has stopped, and returns that code. */
int journal_file_refuse(struct journal_file *file, struct err *err);

/* Stops the journal for good, with the code `rc`. */
int journal_file_stop(struct journal_file *file, int rc, struct err *reason, struct err *err);

/*
 * The last segment gets room for `bytes` at its tail; if it has not so much, a new one that begins
 * with offset `base` does. ERR_FULL: nothing that was committed has changed. Thread: the one that
 * commits; as for the next one.
 */
int journal_file_make_room(struct journal_file *file, uint64_t bytes, uint64_t base,
                           int64_t wall_ms, struct err *err);

/* A commit had no room: takes back what it wrote and refuses from now on. */
int journal_file_fill(struct journal_file *file, const struct journal_file_group *group,
                      struct err *reason, struct err *err);

int journal_file_open(struct journal **out_journal, const struct journal_options *options,
                      struct err *err);
int journal_file_read(struct journal *journal, uint64_t from_offset, journal_visit_fn *visit,
                      void *context, struct err *err);
int journal_file_find(struct journal *journal, int64_t wall_ms, uint64_t *out_offset,
                      struct err *err);
int journal_file_resume(struct journal *journal, struct err *err);
void journal_file_close(struct journal *journal);

#endif
