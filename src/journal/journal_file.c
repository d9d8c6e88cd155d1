// SPDX-License-Identifier: Apache-2.0
/*
 * journal_file.c - a journal in a folder of segments: the writing side.
 *
 * The layout of a segment, byte by byte, is at the top of segment_private.h; the reading side is in
 * journal_file_read.c and segment_reader.c, recovery in journal_file_open.c.
 *
 * A group is one buffer with the records as they will stand in the file, so append is one copy and
 * commit one write and one fdatasync. Checksums are computed by commit, not by append: the owner
 * has a partition to run. Two buffers take turns and keep their memory.
 *
 * A group never crosses segments. When it does not fit, the segment is cut to its length and
 * synced, whatever the durability (so everything but the last segment is always whole, and damage
 * there is never taken for a torn tail); the new one is made under another name, gets its header,
 * is synced, renamed, and its folder is synced, before a record goes into it. It knows name and
 * size of the one before, so that a missing or shortened segment is found by open.
 *
 * Room is reserved in steps of 8 MiB, so that a full disk is met before anything was written
 * (journal_file_full.c), and because fdatasync of a file that grows has to write its size
 * too. Measured on ext4, a 256 KiB group: p50/p99 285/600 us growing, 256/350 us reserved. Writing
 * zeros first gives 190/300 us but doubles the bytes written, and those are the limit.
 */
#include "journal/journal_file_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/disk.h"

#define RESERVE_BYTES (8u << 20)
#define GROUP_BYTES_KEPT (4u << 20) /* a buffer that grew larger is given back after its commit */

static struct journal_file *file_of(struct journal *journal)
{
    return (struct journal_file *)journal;
}

struct journal_file_segment *journal_file_add_segment(struct journal_file *file, uint64_t base,
                                                      uint64_t bytes, int64_t created_ms)
{
    struct journal_file_segment *segment;

    if (file->segment_count == file->segment_capacity) {
        file->segment_capacity = file->segment_capacity > 0 ? file->segment_capacity * 2 : 8;
        file->segments =
            bytes_realloc(file->segments, file->segment_capacity * sizeof(file->segments[0]));
    }
    segment = &file->segments[file->segment_count++];
    *segment =
        (struct journal_file_segment){.base = base, .bytes = bytes, .created_ms = created_ms};
    file->stat.bytes += bytes;
    return segment;
}

void journal_file_add_mark(struct journal_file_segment *segment, struct journal_file_mark mark)
{
    uint64_t last = SEGMENT_HEADER_BYTES;

    if (segment->mark_count > 0)
        last = segment->marks[segment->mark_count - 1].position;
    if (mark.position < last + JOURNAL_FILE_INDEX_BYTES)
        return;
    if (segment->mark_count == segment->mark_capacity) {
        segment->mark_capacity = segment->mark_capacity > 0 ? segment->mark_capacity * 2 : 16;
        segment->marks =
            bytes_realloc(segment->marks, segment->mark_capacity * sizeof(segment->marks[0]));
    }
    segment->marks[segment->mark_count++] = mark;
}

int journal_file_refuse(struct journal_file *file, struct err *err)
{
    return err_set(err, file->failure.code, "the journal has stopped: %.400s", file->failure.text);
}

static bool has_stopped(const struct journal_file *file)
{
    return atomic_load_explicit(&file->failed, memory_order_acquire) ||
           atomic_load_explicit(&file->full, memory_order_acquire);
}

static int journal_file_append(struct journal *journal, struct journal_record *record,
                               struct err *err)
{
    struct journal_file *file = file_of(journal);
    struct journal_file_group *group = &file->groups[file->open_group];

    assert(record->count > 0 && record->count <= UINT64_MAX - file->offset_next);
    if (has_stopped(file))
        return journal_file_refuse(file, err);
    if (record->payload.size > JOURNAL_PAYLOAD_BYTES_MAX)
        return err_set(err, ERR_TOO_LARGE, "a record of %zu bytes; at most %u",
                       record->payload.size, JOURNAL_PAYLOAD_BYTES_MAX);
    record->offset = file->offset_next;
    file->offset_next += record->count;
    if (group->data.size == 0)
        group->offset_first = record->offset;
    group->offset_end = file->offset_next;
    segment_group_put(&group->data, record);
    return 0;
}

static size_t journal_file_staged_bytes(const struct journal *journal)
{
    const struct journal_file *file = (const struct journal_file *)journal;

    return file->groups[file->open_group].data.size;
}

static void journal_file_seal(struct journal *journal)
{
    struct journal_file *file = file_of(journal);

    assert(!atomic_load_explicit(&file->sealed, memory_order_acquire));
    if (file->groups[file->open_group].data.size == 0)
        return;
    file->open_group = 1 - file->open_group;
    atomic_store_explicit(&file->sealed, true, memory_order_release);
}

/* "folder/name" with the suffix of a segment that is being made, or without. To free(). */
static char *path_of(const struct journal_file *file, uint64_t base, const char *suffix)
{
    struct bytes path = {0};
    char name[SEGMENT_NAME_BYTES];

    segment_name(name, base);
    bytes_format(&path, "%s/%s%s", file->folder, name, suffix);
    bytes_text(&path);
    return path.data;
}

/* A sync that failed is never tried again, even one that found the disk full. */
static int final_of(int rc)
{
    return rc == ERR_FULL ? ERR_IO : rc;
}

static int finish_segment(struct journal_file *file, struct err *err)
{
    int rc = 0;

    if (file->reserved_end > file->tail)
        rc = file->disk->truncate(file->disk, file->file, file->tail, err);
    if (rc == 0)
        rc = final_of(file->disk->sync(file->disk, file->file, err));
    if (rc < 0)
        return rc;
    file->disk->close(file->disk, file->file);
    file->file = -1;
    return 0;
}

static int write_segment_header(struct journal_file *file, int handle, uint64_t base,
                                int64_t wall_ms, struct err *err)
{
    struct segment_header header = {
        .partition = file->partition,
        .base = base,
        .created_ms = wall_ms,
        .previous_base = SEGMENT_BASE_NONE,
    };
    int rc;

    /* Only this thread adds segments, so it may look at the last one without the mutex. */
    if (file->segment_count > 0) {
        header.previous_base = file->segments[file->segment_count - 1].base;
        header.previous_bytes = file->segments[file->segment_count - 1].bytes;
    }
    if (getrandom(&header.salt, sizeof(header.salt), 0) != sizeof(header.salt))
        return err_set(err, ERR_IO, "the system gives no random bytes");
    segment_header_seal(&header);
    rc = file->disk->write(file->disk, handle, &header, sizeof(header), 0, err);
    if (rc == 0)
        rc = file->disk->sync(file->disk, handle, err);
    if (rc == 0)
        file->salt = header.salt;
    return rc;
}

static int make_segment(struct journal_file *file, uint64_t base, int64_t wall_ms, struct err *err)
{
    const struct disk *disk = file->disk;
    char *path = path_of(file, base, "");
    char *path_new = path_of(file, base, ".new");
    int handle = -1;
    int rc;

    rc = disk->open(disk, path_new, DISK_CREATE, &handle, err);
    if (rc == 0)
        rc = write_segment_header(file, handle, base, wall_ms, err);
    if (rc == 0)
        rc = disk->rename(disk, path_new, path, err);
    /* Without its name it is nothing yet: all of it can be tried again when the disk is full. */
    if (rc == ERR_FULL)
        (void)disk->remove(disk, path_new, NULL);
    if (rc == 0)
        rc = final_of(disk->sync_folder(disk, file->folder, err));
    free(path);
    free(path_new);
    if (rc < 0) {
        disk->close(disk, handle);
        return rc;
    }
    file->file = handle;
    file->tail = SEGMENT_HEADER_BYTES;
    file->reserved_end = SEGMENT_HEADER_BYTES;
    pthread_mutex_lock(&file->mutex);
    journal_file_add_segment(file, base, SEGMENT_HEADER_BYTES, wall_ms);
    pthread_mutex_unlock(&file->mutex);
    return 0;
}

/* Gets room for `size` bytes at the tail. Nothing is written yet when the disk is full. */
static int reserve(struct journal_file *file, uint64_t size, struct err *err)
{
    uint64_t end = file->tail + size;
    uint64_t wanted = file->reserved_end + RESERVE_BYTES;
    int rc;

    if (end <= file->reserved_end)
        return 0;
    if (wanted > file->segment_bytes)
        wanted = file->segment_bytes;
    if (wanted < end)
        wanted = end;
    rc = file->disk->reserve(file->disk, file->file, file->reserved_end,
                             wanted - file->reserved_end, err);
    if (rc == 0)
        file->reserved_end = wanted;
    return rc;
}

int journal_file_make_room(struct journal_file *file, uint64_t bytes, uint64_t base,
                           int64_t wall_ms, struct err *err)
{
    int rc = 0;

    if (file->file >= 0 && file->tail > SEGMENT_HEADER_BYTES &&
        file->tail + bytes > file->segment_bytes)
        rc = finish_segment(file, err);
    if (rc == 0 && file->file < 0)
        rc = make_segment(file, base, wall_ms, err);
    return rc == 0 ? reserve(file, bytes, err) : rc;
}

static int write_group(struct journal_file *file, struct journal_file_group *group, struct err *err)
{
    const struct disk *disk = file->disk;
    bool synced = file->durability == JOURNAL_FSYNC;
    struct segment_record head;
    int rc;

    memcpy(&head, group->data.data, sizeof(head));
    rc = journal_file_make_room(file, group->data.size, group->offset_first, head.wall_ms, err);
    if (rc < 0)
        return rc;
    segment_group_stamp(&group->data, file->tail, file->salt, synced ? SEGMENT_SYNCED_BEFORE : 0);
    rc = disk->write(disk, file->file, group->data.data, group->data.size, file->tail, err);
    if (rc == 0 && synced)
        rc = final_of(disk->sync(disk, file->file, err));
    return rc;
}

/*
 * What may stand behind the tail is taken away if that can still be done, so that a group which was
 * refused seldom comes back after a restart.
 */
int journal_file_stop(struct journal_file *file, int rc, struct err *reason, struct err *err)
{
    if (file->file >= 0)
        (void)file->disk->truncate(file->disk, file->file, file->tail, NULL);
    file->failure = *reason;
    file->failure.code = rc;
    atomic_store_explicit(&file->failed, true, memory_order_release);
    return journal_file_refuse(file, err);
}

static void publish(struct journal_file *file, const struct journal_file_group *group)
{
    struct journal_file_segment *segment;
    struct segment_record head;

    memcpy(&head, group->data.data, sizeof(head));
    pthread_mutex_lock(&file->mutex);
    segment = &file->segments[file->segment_count - 1];
    journal_file_add_mark(
        segment, (struct journal_file_mark){group->offset_first, file->tail, head.wall_ms});
    segment->bytes += group->data.size;
    file->stat.bytes += group->data.size;
    file->stat.offset_end = group->offset_end;
    file->stat.commit_count++;
    pthread_mutex_unlock(&file->mutex);
}

static int journal_file_commit(struct journal *journal, struct err *err)
{
    struct journal_file *file = file_of(journal);
    bool stopped = has_stopped(file);
    struct journal_file_group *group;
    struct err reason = {0};
    int rc;

    if (!atomic_load_explicit(&file->sealed, memory_order_acquire))
        return stopped ? journal_file_refuse(file, err) : 0;
    group = &file->groups[1 - file->open_group];
    rc = stopped ? 0 : write_group(file, group, &reason);
    if (stopped) {
        rc = journal_file_refuse(file, err);
    } else if (rc == ERR_FULL) {
        rc = journal_file_fill(file, group, &reason, err);
    } else if (rc < 0) {
        err_prefix(&reason, "%s", file->folder);
        rc = journal_file_stop(file, rc, &reason, err);
    } else {
        publish(file, group);
        file->tail += group->data.size;
    }
    if (group->data.capacity > GROUP_BYTES_KEPT)
        bytes_done(&group->data);
    bytes_clear(&group->data);
    atomic_store_explicit(&file->sealed, false, memory_order_release);
    return rc;
}

static void journal_file_stat(struct journal *journal, struct journal_stat *out_stat)
{
    struct journal_file *file = file_of(journal);

    pthread_mutex_lock(&file->mutex);
    *out_stat = file->stat;
    out_stat->segment_count = file->segment_count;
    pthread_mutex_unlock(&file->mutex);
}

void journal_file_close(struct journal *journal)
{
    struct journal_file *file = file_of(journal);

    if (file == NULL)
        return;
    if (file->file >= 0 && !atomic_load(&file->failed)) {
        /* Nobody is there to hear of an error, and what was promised is durable already. */
        if (file->reserved_end > file->tail || file->uncut)
            (void)file->disk->truncate(file->disk, file->file, file->tail, NULL);
        if (file->durability == JOURNAL_WRITTEN)
            (void)file->disk->sync(file->disk, file->file, NULL);
    }
    file->disk->close(file->disk, file->file);
    file->disk->close(file->disk, file->lock_file);
    for (uint64_t i = 0; i < file->segment_count; i++)
        free(file->segments[i].marks);
    free(file->segments);
    bytes_done(&file->groups[0].data);
    bytes_done(&file->groups[1].data);
    pthread_mutex_destroy(&file->mutex);
    free(file->folder);
    free(file);
}

const struct journal_ops journal_file = {
    .name = "file",
    .can = JOURNAL_CAN_COMMIT_IN_PLACE,
    .open = journal_file_open,
    .append = journal_file_append,
    .staged_bytes = journal_file_staged_bytes,
    .seal = journal_file_seal,
    .commit = journal_file_commit,
    .resume = journal_file_resume,
    .read = journal_file_read,
    .find = journal_file_find,
    .stat = journal_file_stat,
    .close = journal_file_close,
};
