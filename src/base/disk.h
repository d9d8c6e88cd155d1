// SPDX-License-Identifier: Apache-2.0
/*
 * disk.h - files and folders, behind a table so that a simulation can bring its own.
 *
 * The table is thin on purpose: what it promises is what a careful program may assume of POSIX,
 * so a simulated disk that keeps exactly these promises finds every assumption that is not one:
 *
 *   - written bytes are durable once sync has returned 0, not before, and in no order before;
 *   - a name (made by open, changed by rename, gone by remove) is durable once sync_folder on its
 *     folder has returned 0;
 *   - after a failed sync nobody knows what the file holds, nor after a failed write, unless that
 *     was ERR_FULL: then some of the bytes that it should write are there, and no others changed.
 *
 * Everything returns 0 or a negative enum err_code with a sentence in `err`. Slots that take a
 * path name it there; slots that take a file do not know its name, so the caller says it
 * (err_prefix). A full disk is ERR_FULL, a missing file ERR_NOT_FOUND, anything else ERR_IO.
 *
 * Thread: any; every slot may block.
 */
#ifndef TALLYWHEEL_BASE_DISK_H
#define TALLYWHEEL_BASE_DISK_H

#include <stddef.h>
#include <stdint.h>

struct err;

/*
 * DISK_READ: must exist. DISK_WRITE: must exist, for reading and writing. DISK_CREATE: for reading
 * and writing, made if missing, emptied if not.
 */
enum disk_mode { DISK_READ, DISK_WRITE, DISK_CREATE };

/* Called for every name in a folder but "." and "..", in no order. Negative stops with that. */
typedef int disk_name_fn(void *context, const char *name, struct err *err);

struct disk {
    /* Makes the folder and its parents, durably. Fine if it is there. */
    int (*make_folder)(const struct disk *disk, const char *path, struct err *err);

    int (*list)(const struct disk *disk, const char *path, disk_name_fn *visit, void *context,
                struct err *err);

    int (*sync_folder)(const struct disk *disk, const char *path, struct err *err);

    /*
     * Takes the folder for this process until close of `out_file`, or the end of the process.
     * ERR_CONFLICT if somebody has it.
     */
    int (*lock)(const struct disk *disk, const char *path, int *out_file, struct err *err);

    /* Replaces `to` if it exists. */
    int (*rename)(const struct disk *disk, const char *from, const char *to, struct err *err);

    int (*remove)(const struct disk *disk, const char *path, struct err *err);

    int (*open)(const struct disk *disk, const char *path, enum disk_mode mode, int *out_file,
                struct err *err);

    /* -1 is no file: nothing happens. Syncs nothing. */
    void (*close)(const struct disk *disk, int file);

    int (*size)(const struct disk *disk, int file, uint64_t *out_bytes, struct err *err);

    /* Reads `size` bytes or up to the end of the file; `out_size` says how many. */
    int (*read)(const struct disk *disk, int file, void *data, size_t size, uint64_t position,
                size_t *out_size, struct err *err);

    /* Writes all of it or fails. */
    int (*write)(const struct disk *disk, int file, const void *data, size_t size,
                 uint64_t position, struct err *err);

    /*
     * Gives the file room for these bytes, which read as zeros where nothing was written, and
     * makes it at least that long. 0 also where the file system cannot do that.
     */
    int (*reserve)(const struct disk *disk, int file, uint64_t position, uint64_t size,
                   struct err *err);

    int (*truncate)(const struct disk *disk, int file, uint64_t size, struct err *err);

    /* Makes the file's bytes and its size durable. */
    int (*sync)(const struct disk *disk, int file, struct err *err);

    /* A hint: these bytes are read soon, in order. */
    void (*advise)(const struct disk *disk, int file, uint64_t position, uint64_t size);
};

/* The real one: POSIX calls, flock, fdatasync. */
extern const struct disk disk_system;

#endif
