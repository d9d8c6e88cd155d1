// SPDX-License-Identifier: Apache-2.0
/*
 * journal_file_open.c - finds out what a folder of segments holds, and mends the tail.
 *
 * Of every segment the header is checked and that it follows the one before it: a segment that is
 * missing, shortened or from elsewhere is noticed here. Records are read only in the last one; the
 * others were whole when they were finished, and read verifies them.
 *
 * In the last segment the first bad record ends the journal. If nothing but zeros follow, that is
 * room which was reserved. If bytes follow, they are the group that was being written when the
 * process or the machine stopped: nobody was told that it is safe, so it is cut off, and
 * journal_stat.cut_bytes says how much. Unless a record behind it proves that the damaged place
 * had been synced (see segment_private.h): then what was acknowledged is damaged, and the journal
 * refuses to open rather than to forget it. What cannot be told from a torn tail is damage within
 * the very last group.
 *
 * Thread: whoever opens; nobody else knows the journal yet.
 */
#include "journal/journal_file_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/disk.h"

#define SEGMENT_BYTES_DEFAULT (64u << 20)
#define NEW_SUFFIX ".new"

/* The names in the folder that are segments, and those that were being made. */
struct names {
    uint64_t *bases;
    size_t count;
    size_t capacity;
    struct bytes unfinished; /* zero-terminated names, one after the other */
};

static int collect_name(void *context, const char *name, struct err *err)
{
    struct names *names = context;
    size_t size = strlen(name);
    char stem[SEGMENT_NAME_BYTES];
    uint64_t base;

    (void)err;
    if (segment_name_read(name, &base)) {
        if (names->count == names->capacity) {
            names->capacity = names->capacity > 0 ? names->capacity * 2 : 16;
            names->bases = bytes_realloc(names->bases, names->capacity * sizeof(names->bases[0]));
        }
        names->bases[names->count++] = base;
    } else if (size == SEGMENT_NAME_BYTES - 1 + strlen(NEW_SUFFIX)) {
        memcpy(stem, name, SEGMENT_NAME_BYTES - 1);
        stem[SEGMENT_NAME_BYTES - 1] = '\0';
        if (strcmp(name + SEGMENT_NAME_BYTES - 1, NEW_SUFFIX) == 0 &&
            segment_name_read(stem, &base))
            bytes_put(&names->unfinished, name, size + 1);
    }
    return 0;
}

static int compare_bases(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* A segment under its first name holds no record: the process stopped while making it. */
static int remove_unfinished(struct journal_file *file, const struct names *names, struct err *err)
{
    size_t at = 0;
    int rc = 0;

    while (rc == 0 && at < names->unfinished.size) {
        const char *name = names->unfinished.data + at;
        struct bytes path = {0};

        bytes_format(&path, "%s/%s", file->folder, name);
        rc = file->disk->remove(file->disk, bytes_text(&path), err);
        bytes_done(&path);
        at += strlen(name) + 1;
    }
    return rc;
}

/* Whether the segment of `reader` follows the last one that was added. */
static int check_chain(const struct journal_file *file, const struct segment_reader *reader,
                       struct err *err)
{
    const struct segment_header *header = &reader->header;
    const struct journal_file_segment *last;
    char name[SEGMENT_NAME_BYTES];

    if (file->segment_count == 0) {
        if (header->previous_base == SEGMENT_BASE_NONE)
            return 0;
        segment_name(name, header->previous_base);
        return err_set(err, ERR_CORRUPT,
                       "%s is the first segment here but followed %s/%s: that "
                       "one is missing, restore it from a copy",
                       reader->path, file->folder, name);
    }
    last = &file->segments[file->segment_count - 1];
    if (header->previous_base != last->base) {
        segment_name(name, header->previous_base);
        return err_set(err, ERR_CORRUPT,
                       "%s follows %s/%s: that one is missing or a segment too "
                       "many is here, restore the folder from a copy",
                       reader->path, file->folder,
                       header->previous_base == SEGMENT_BASE_NONE ? "no other" : name);
    }
    if (header->previous_bytes != last->bytes) {
        segment_name(name, last->base);
        return err_set(err, ERR_CORRUPT,
                       "%s/%s has %" PRIu64 " bytes and was finished with %" PRIu64
                       ": restore the file from a copy",
                       file->folder, name, last->bytes, header->previous_bytes);
    }
    return 0;
}

/* Decides what the damage at reader->position is. Returns 0 if the tail may be cut there. */
static int judge_tail(struct journal_file *file, struct segment_reader *reader,
                      const struct err *found, struct err *err)
{
    struct segment_rest rest;
    int rc = segment_reader_search(reader, &rest, err);

    if (rc < 0)
        return rc;
    if (rest.proof > 0)
        return err_set(err, ERR_CORRUPT,
                       "%.300s. The record at byte %" PRIu64 " was written when that place was "
                       "safe on the disk, so acknowledged events are damaged",
                       found->text, rest.proof);
    file->stat.cut_bytes = rest.data_end - reader->position;
    return 0;
}

/* Reads all of the last segment and leaves `reader` where the journal ends. */
static int scan_last(struct journal_file *file, struct segment_reader *reader, struct err *err)
{
    struct journal_file_segment *segment;
    struct journal_record record;
    struct err found = {0};
    int rc;

    segment = journal_file_add_segment(file, reader->header.base, SEGMENT_HEADER_BYTES,
                                       reader->header.created_ms);
    do {
        uint64_t position = reader->position;

        rc = segment_reader_next(reader, &record, &found);
        if (rc == 1)
            journal_file_add_mark(
                segment, (struct journal_file_mark){record.offset, position, record.wall_ms});
    } while (rc == 1);
    if (rc < 0 && reader->damage == SEGMENT_TORN) {
        rc = judge_tail(file, reader, &found, err);
    } else if (rc < 0 && err != NULL) {
        *err = found;
    }
    if (rc < 0)
        return rc;
    file->stat.bytes += reader->position - segment->bytes;
    segment->bytes = reader->position;
    return 0;
}

/* Opens the last segment for writing, without what was cut. */
static int open_tail(struct journal_file *file, const struct segment_reader *reader,
                     struct err *err)
{
    const struct disk *disk = file->disk;
    int rc = disk->open(disk, reader->path, DISK_WRITE, &file->file, err);

    if (rc < 0)
        return rc;
    file->salt = reader->header.salt;
    file->tail = reader->position;
    file->reserved_end = reader->limit > file->tail ? reader->limit : file->tail;
    if (file->stat.cut_bytes > 0) {
        rc = disk->truncate(disk, file->file, file->tail, err);
        file->reserved_end = file->tail;
    }
    /* From here on what was found counts as synced, whoever wrote it. */
    if (rc == 0 && (file->stat.cut_bytes > 0 || file->durability != JOURNAL_MEMORY))
        rc = disk->sync(disk, file->file, err);
    if (rc < 0)
        err_prefix(err, "%s", reader->path);
    return rc;
}

static int open_segment(struct journal_file *file, uint64_t base, bool is_last, struct err *err)
{
    struct segment_reader reader;
    int rc = segment_reader_open(&reader, file->disk, file->folder, base, file->partition, err);

    if (rc < 0)
        return rc;
    rc = check_chain(file, &reader, err);
    if (rc == 0 && !is_last)
        journal_file_add_segment(file, base, reader.limit, reader.header.created_ms);
    if (rc == 0 && is_last)
        rc = scan_last(file, &reader, err);
    if (rc == 0 && is_last)
        rc = open_tail(file, &reader, err);
    if (rc == 0)
        file->offset_next = reader.offset;
    segment_reader_close(&reader);
    return rc;
}

static int load(struct journal_file *file, struct err *err)
{
    const struct disk *disk = file->disk;
    struct names names = {0};
    int rc;

    rc = disk->make_folder(disk, file->folder, err);
    if (rc == 0)
        rc = disk->lock(disk, file->folder, &file->lock_file, err);
    if (rc == 0)
        rc = disk->list(disk, file->folder, collect_name, &names, err);
    if (rc == 0)
        rc = remove_unfinished(file, &names, err);
    if (names.count > 0)
        qsort(names.bases, names.count, sizeof(names.bases[0]), compare_bases);
    /* A segment may have got its name just before the last process ended. */
    if (rc == 0)
        rc = disk->sync_folder(disk, file->folder, err);
    for (size_t i = 0; rc == 0 && i < names.count; i++)
        rc = open_segment(file, names.bases[i], i + 1 == names.count, err);
    if (rc == 0) {
        file->stat.offset_first = names.count > 0 ? names.bases[0] : 0;
        file->stat.offset_end = file->offset_next;
    }
    free(names.bases);
    bytes_done(&names.unfinished);
    return rc;
}

int journal_file_open(struct journal **out_journal, const struct journal_options *options,
                      struct err *err)
{
    struct journal_file *file = bytes_alloc_zero(1, sizeof(*file));
    int rc;

    file->journal.ops = &journal_file;
    file->disk = options->disk != NULL ? options->disk : &disk_system;
    file->folder = bytes_dup(span_of(options->folder));
    file->partition = options->partition;
    file->durability = options->durability;
    file->segment_bytes =
        options->segment_bytes > 0 ? options->segment_bytes : SEGMENT_BYTES_DEFAULT;
    file->lock_file = -1;
    file->file = -1;
    pthread_mutex_init(&file->mutex, NULL);
    rc = load(file, err);
    if (rc < 0) {
        /* What is there stays as it is. */
        file->disk->close(file->disk, file->file);
        file->file = -1;
        journal_file_close(&file->journal);
        return rc;
    }
    *out_journal = &file->journal;
    return 0;
}
