// SPDX-License-Identifier: Apache-2.0
/*
 * disk.c - the operating system's files as a struct disk; see disk.h.
 *
 * Every call is repeated when a signal interrupts it, and goes on where a short read or write
 * left off. Files are opened close-on-exec and at 0640: event data is nobody else's business.
 */
#include "base/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"

/* What one read or write call is asked for at most: above 2 GiB the kernel cuts it anyway. */
#define CALL_BYTES_MAX (1u << 30)

#define FILE_RIGHTS 0640
#define FOLDER_RIGHTS 0750

static int fail_path(struct err *err, const char *what, const char *path)
{
    int errno_value = errno;
    int code = err_set_errno(err, errno_value, "cannot %s %s", what, path);

    if (errno_value != ENOENT)
        return code;
    if (err != NULL)
        err->code = ERR_NOT_FOUND;
    return ERR_NOT_FOUND;
}

static int fail_file(struct err *err, const char *what, size_t size, uint64_t position)
{
    return err_set_errno(err, errno, "cannot %s %zu bytes at byte %llu", what, size,
                         (unsigned long long)position);
}

static int open_again(const char *path, int flags)
{
    int file;

    do {
        file = open(path, flags | O_CLOEXEC, FILE_RIGHTS);
    } while (file < 0 && errno == EINTR);
    return file;
}

static int disk_system_sync_folder(const struct disk *disk, const char *path, struct err *err)
{
    int file = open_again(path, O_RDONLY | O_DIRECTORY);
    int rc = 0;

    (void)disk;
    if (file < 0)
        return fail_path(err, "open folder", path);
    if (fsync(file) != 0)
        rc = fail_path(err, "sync folder", path);
    close(file);
    return rc;
}

/* The folder that `path` stands in: "." if it is bare. To free(). */
static char *parent_of(const char *path)
{
    size_t size = strlen(path);

    while (size > 1 && path[size - 1] == '/')
        size--;
    while (size > 0 && path[size - 1] != '/')
        size--;
    if (size == 0)
        return bytes_dup(SPAN_LITERAL("."));
    while (size > 1 && path[size - 1] == '/')
        size--;
    return bytes_dup((struct span){path, size});
}

static int disk_system_make_folder(const struct disk *disk, const char *path, struct err *err)
{
    struct stat status;
    char *parent;
    int rc;

    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return 0;
    parent = parent_of(path);
    rc = strcmp(parent, path) == 0 ? 0 : disk_system_make_folder(disk, parent, err);
    if (rc == 0 && mkdir(path, FOLDER_RIGHTS) == 0) {
        rc = disk_system_sync_folder(disk, parent, err);
    } else if (rc == 0 && (errno != EEXIST || stat(path, &status) != 0)) {
        rc = fail_path(err, "make folder", path);
    } else if (rc == 0 && !S_ISDIR(status.st_mode)) {
        /* It is there, though not because somebody else was faster: something else has the name. */
        errno = ENOTDIR;
        rc = fail_path(err, "make folder", path);
    }
    free(parent);
    return rc;
}

static int disk_system_list(const struct disk *disk, const char *path, disk_name_fn *visit,
                            void *context, struct err *err)
{
    DIR *folder = opendir(path);
    int rc = 0;

    (void)disk;
    if (folder == NULL)
        return fail_path(err, "list folder", path);
    while (rc == 0) {
        struct dirent *entry;

        errno = 0;
        entry = readdir(folder);
        if (entry == NULL) {
            if (errno != 0)
                rc = fail_path(err, "list folder", path);
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = visit(context, entry->d_name, err);
    }
    closedir(folder);
    return rc;
}

static int disk_system_lock(const struct disk *disk, const char *path, int *out_file,
                            struct err *err)
{
    int file = open_again(path, O_RDONLY | O_DIRECTORY);
    int rc;

    (void)disk;
    if (file < 0)
        return fail_path(err, "open folder", path);
    do {
        rc = flock(file, LOCK_EX | LOCK_NB);
    } while (rc != 0 && errno == EINTR);
    if (rc == 0) {
        *out_file = file;
        return 0;
    }
    if (errno == EWOULDBLOCK)
        rc = err_set(err, ERR_CONFLICT,
                     "%s is in use by another process: stop that one, or use another folder", path);
    else
        rc = fail_path(err, "lock folder", path);
    close(file);
    return rc;
}

static int disk_system_rename(const struct disk *disk, const char *from, const char *to,
                              struct err *err)
{
    (void)disk;
    return rename(from, to) == 0 ? 0 : fail_path(err, "rename", from);
}

static int disk_system_remove(const struct disk *disk, const char *path, struct err *err)
{
    (void)disk;
    return unlink(path) == 0 ? 0 : fail_path(err, "remove", path);
}

static int disk_system_open(const struct disk *disk, const char *path, enum disk_mode mode,
                            int *out_file, struct err *err)
{
    static const int flags[] = {
        [DISK_READ] = O_RDONLY,
        [DISK_WRITE] = O_RDWR,
        [DISK_CREATE] = O_RDWR | O_CREAT | O_TRUNC,
    };
    int file = open_again(path, flags[mode]);

    (void)disk;
    if (file < 0)
        return fail_path(err, mode == DISK_CREATE ? "create" : "open", path);
    *out_file = file;
    return 0;
}

static void disk_system_close(const struct disk *disk, int file)
{
    (void)disk;
    if (file >= 0)
        close(file);
}

static int disk_system_size(const struct disk *disk, int file, uint64_t *out_bytes, struct err *err)
{
    struct stat status;

    (void)disk;
    if (fstat(file, &status) != 0)
        return err_set_errno(err, errno, "cannot ask for the size");
    *out_bytes = (uint64_t)status.st_size;
    return 0;
}

static int disk_system_read(const struct disk *disk, int file, void *data, size_t size,
                            uint64_t position, size_t *out_size, struct err *err)
{
    size_t done = 0;

    (void)disk;
    while (done < size) {
        size_t part = size - done < CALL_BYTES_MAX ? size - done : CALL_BYTES_MAX;
        ssize_t got = pread(file, (char *)data + done, part, (off_t)(position + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_file(err, "read", size, position);
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *out_size = done;
    return 0;
}

static int disk_system_write(const struct disk *disk, int file, const void *data, size_t size,
                             uint64_t position, struct err *err)
{
    size_t done = 0;

    (void)disk;
    while (done < size) {
        size_t part = size - done < CALL_BYTES_MAX ? size - done : CALL_BYTES_MAX;
        ssize_t put = pwrite(file, (const char *)data + done, part, (off_t)(position + done));

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fail_file(err, "write", size, position);
        done += (size_t)put;
    }
    return 0;
}

static int disk_system_reserve(const struct disk *disk, int file, uint64_t position, uint64_t size,
                               struct err *err)
{
    int rc;

    (void)disk;
    do {
        rc = fallocate(file, 0, (off_t)position, (off_t)size);
    } while (rc != 0 && errno == EINTR);
    if (rc == 0 || errno == EOPNOTSUPP || errno == ENOSYS)
        return 0;
    return fail_file(err, "reserve", (size_t)size, position);
}

static int disk_system_truncate(const struct disk *disk, int file, uint64_t size, struct err *err)
{
    int rc;

    (void)disk;
    do {
        rc = ftruncate(file, (off_t)size);
    } while (rc != 0 && errno == EINTR);
    if (rc != 0)
        return err_set_errno(err, errno, "cannot cut to %llu bytes", (unsigned long long)size);
    return 0;
}

static int disk_system_sync(const struct disk *disk, int file, struct err *err)
{
    (void)disk;
    /* Never tried again: after a failure the kernel has dropped what it could not write. */
    return fdatasync(file) == 0 ? 0 : err_set_errno(err, errno, "cannot sync to the disk");
}

static void disk_system_advise(const struct disk *disk, int file, uint64_t position, uint64_t size)
{
    (void)disk;
    (void)posix_fadvise(file, (off_t)position, (off_t)size, POSIX_FADV_WILLNEED);
}

const struct disk disk_system = {
    .make_folder = disk_system_make_folder,
    .list = disk_system_list,
    .sync_folder = disk_system_sync_folder,
    .lock = disk_system_lock,
    .rename = disk_system_rename,
    .remove = disk_system_remove,
    .open = disk_system_open,
    .close = disk_system_close,
    .size = disk_system_size,
    .read = disk_system_read,
    .write = disk_system_write,
    .reserve = disk_system_reserve,
    .truncate = disk_system_truncate,
    .sync = disk_system_sync,
    .advise = disk_system_advise,
};
