// SPDX-License-Identifier: Apache-2.0
/*
 * journal.h - the event log of one partition: append, commit, read back.
 *
 * State is a fold of the journal, so the journal is the only thing that must never be lost. It is
 * a sequence of records; a record has a type, a payload, and takes `count` consecutive offsets (a
 * batch of rows takes one offset a row, anything else takes one).
 *
 * Appending and committing are two steps, so that many records share one sync (group commit):
 *
 *     owner thread:  append, append, append, seal           never block
 *     a disk thread:                           commit       blocks: write, sync
 *
 * append puts records into the open group; seal closes the group and opens the next, so the owner
 * goes on appending while commit is under way. At most one sealed group waits at a time: seal may
 * only be called when the group before it has been committed. A record counts only when its
 * commit has returned 0. After a failed commit the journal refuses to append and to commit, with
 * that same code; what was committed before can still be read. There are two kinds of failure:
 *
 *   ERR_FULL   There was no room (a full disk, a quota). Room is asked for before anything is
 *              written, so nothing of the group is on the disk; where a file system cannot promise
 *              room, what was written is cut off again (should the process end before that is
 *              possible, the group may be there as with ERR_IO). resume tries whether there is
 *              room by now, and then the journal goes on where the last commit ended. The records
 *              of the group, and what was appended behind it, are gone: whoever brought them was
 *              told so.
 *   ERR_IO     For good. A sync that failed is of this kind whatever it failed with, and so is
 *              any other error: what the page cache holds is unknown, and nothing is tried again
 *              on it. The group may or may not be there after the next open, as a whole or up to
 *              some record of it.
 *
 * A backend is a table of functions and a struct whose first member is struct journal. Backends:
 * journal_memory (the template to copy), journal_file (segments on disk), journal_faulty (wraps
 * another one and breaks it on purpose).
 */
#ifndef TALLYWHEEL_JOURNAL_JOURNAL_H
#define TALLYWHEEL_JOURNAL_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct disk;
struct err;
struct journal;

#define JOURNAL_PAYLOAD_BYTES_MAX (1u << 30)

enum journal_record_type {
    JOURNAL_BATCH = 1,      /* rows: model/batch.h */
    JOURNAL_DEFINITION = 2, /* a definition made, changed or dropped: engine/catalog.h */
    JOURNAL_COMMANDS = 3,   /* commands on plain keys: model/command.h */
    JOURNAL_BOARD_CHANGE =
        4, /* a member of a board removed, banned, renamed: model/board_change.h */
};

struct journal_record {
    enum journal_record_type type;
    uint32_t count;  /* offsets it takes, 1 or more */
    uint64_t offset; /* the first of them; set by append */
    int64_t wall_ms; /* when it was appended, by the caller's clock */
    struct span payload;
};

/*
 * What commit waits for.
 *   JOURNAL_FSYNC    the disk: survives a power cut.
 *   JOURNAL_WRITTEN  the kernel: survives the end of the process (kill -9 too), not a power cut;
 *                    close syncs.
 *   JOURNAL_MEMORY   the kernel also, but nothing is promised and close does not sync: for data
 *                    that may be lost.
 * After a power cut the last two may have lost any number of the newest records of the last
 * segment; what is left is still whole and in order.
 */
enum journal_durability { JOURNAL_FSYNC, JOURNAL_WRITTEN, JOURNAL_MEMORY };

struct journal_options {
    const char *folder; /* where journal_file keeps its segments; made if missing */
    uint32_t partition; /* written into every segment and checked on open */
    enum journal_durability durability;
    uint64_t segment_bytes;  /* a new segment begins when this would be passed; 0: 64 MiB */
    const struct disk *disk; /* what journal_file works on; NULL: disk_system */
};

struct journal_stat {
    uint64_t offset_first; /* the oldest offset that can be read */
    uint64_t offset_end;   /* one past the newest committed offset */
    uint64_t bytes;        /* committed, headers included */
    uint64_t segment_count;
    uint64_t cut_bytes;    /* torn tail that open cut off; 0 if there was none */
    uint64_t commit_count; /* groups committed since open */
};

/*
 * Called for each record in order. The payload is valid during the call and begins at a multiple
 * of 8 bytes. Return 0 to go on, 1 to stop without error, negative to stop with that error.
 */
typedef int journal_visit_fn(void *context, const struct journal_record *record, struct err *err);

/* What a backend can, beyond what all must. */
enum journal_can {
    /* With JOURNAL_MEMORY commit waits for no disk: the owner's thread may call it as well. */
    JOURNAL_CAN_COMMIT_IN_PLACE = 1,
};

struct journal_ops {
    const char *name;
    uint32_t can; /* enum journal_can */

    /*
     * Opens or creates. May block. Cuts a torn tail cleanly and says so in journal_stat; refuses a
     * damaged middle with ERR_CORRUPT naming file and position. ERR_CONFLICT: another process
     * has the folder. ERR_UNSUPPORTED: a newer program wrote it.
     */
    int (*open)(struct journal **out_journal, const struct journal_options *options,
                struct err *err);

    /*
     * Owner thread; never blocks. Copies header and payload into the open group and sets
     * record->offset. Fails only after a failed commit, or with ERR_TOO_LARGE for a payload over
     * JOURNAL_PAYLOAD_BYTES_MAX: then nothing has changed.
     */
    int (*append)(struct journal *journal, struct journal_record *record, struct err *err);

    /* Owner thread. Bytes in the open group. */
    size_t (*staged_bytes)(const struct journal *journal);

    /* Owner thread; never blocks. Closes the open group; see above. */
    void (*seal)(struct journal *journal);

    /* Any one thread; may block. Makes the sealed group as durable as asked. No group: 0. */
    int (*commit)(struct journal *journal, struct err *err);

    /*
     * Any one thread, while the owner does nothing and no commit is under way; may block. Forgets
     * what was appended and not committed, so that the next record gets offset_end, and after
     * ERR_FULL tries to get room for a group like the one that failed. 0: append and commit work.
     * ERR_FULL: there is no room yet, try later. Any other: for good.
     */
    int (*resume)(struct journal *journal, struct err *err);

    /*
     * Any thread, also while the owner appends and commits; may block. Visits committed records
     * from the one that holds `from_offset` on, up to what was committed when it began.
     * `from_offset` before offset_first starts at offset_first; at or past offset_end there is
     * nothing to visit. Damage is ERR_CORRUPT, after all records before it were visited.
     */
    int (*read)(struct journal *journal, uint64_t from_offset, journal_visit_fn *visit,
                void *context, struct err *err);

    /*
     * Any thread, as read. The offset of the first committed record that was appended at `wall_ms`
     * or later; offset_end if there is none. Where the clock has been set back, the same time
     * stands at several places: the offset of one of them.
     */
    int (*find)(struct journal *journal, int64_t wall_ms, uint64_t *out_offset, struct err *err);

    /* Any thread; never blocks for long. */
    void (*stat)(struct journal *journal, struct journal_stat *out_stat);

    /* Owner thread, no commit under way. What was not committed is gone. Accepts NULL. */
    void (*close)(struct journal *journal);
};

struct journal {
    const struct journal_ops *ops;
};

/*
 * For backends: `find` by reading from an offset on that is known to be early enough, to the end if
 * need be.
 */
int journal_find_from(struct journal *journal, uint64_t from_offset, int64_t wall_ms,
                      uint64_t *out_offset, struct err *err);

extern const struct journal_ops journal_file;
extern const struct journal_ops journal_memory;

/*
 * A journal that breaks `inner` on purpose (which it then owns): the `fail_at`-th commit from now,
 * counted from 1, fails with ERR_IO after handing none of its group down, and so does everything
 * after it. 0 never fails. Failing writes and power cuts belong one layer deeper, in the disk.
 */
struct journal *journal_faulty_wrap(struct journal *inner, uint64_t fail_at);

/*
 * The same with a disk that fills up: the `full_at`-th commit fails with ERR_FULL, and resume does
 * so `refusals` times before it succeeds; `full_at` commits later it is full again.
 */
struct journal *journal_faulty_fill(struct journal *inner, uint64_t full_at, uint64_t refusals);

#endif
