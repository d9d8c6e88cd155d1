// SPDX-License-Identifier: Apache-2.0
/*
 * journal_file_read.c - visits committed records, segment by segment.
 *
 * A read takes its own files and buffers, so any number may run beside the owner and the commit.
 * What it shares with them is the list of segments and how many bytes of each are committed,
 * looked up under the mutex; bytes below that are never written again.
 *
 * A time is looked for in the same list: in the segment before the first one that was made at that
 * time or later, from the last mark on that is older. So at most one segment is read, and of what
 * this process wrote or checked a mebibyte, unless the clock has been set back.
 */
#include "journal/journal_file_private.h"

#include <inttypes.h>

#include "base/disk.h"

/* Where to begin in a segment, and where it ends. */
struct stretch {
    uint64_t base;
    uint64_t bytes;
    struct journal_file_mark from;
    bool is_last;
    uint64_t next_base; /* of the segment after it, unless it is the last */
};

/* The last segment that begins at or before `offset`; there is one. */
static uint64_t find_segment(const struct journal_file *file, uint64_t offset)
{
    uint64_t low = 0;
    uint64_t high = file->segment_count;

    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;

        if (file->segments[middle].base <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static struct journal_file_mark find_mark(const struct journal_file_segment *segment,
                                          uint64_t offset)
{
    uint32_t low = 0;
    uint32_t high = segment->mark_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (segment->marks[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0)
        return segment->marks[low - 1];
    return (struct journal_file_mark){segment->base, SEGMENT_HEADER_BYTES, segment->created_ms};
}

static void look_up(struct journal_file *file, uint64_t offset, struct stretch *out_stretch)
{
    uint64_t index;
    const struct journal_file_segment *segment;

    pthread_mutex_lock(&file->mutex);
    index = find_segment(file, offset);
    segment = &file->segments[index];
    *out_stretch = (struct stretch){
        .base = segment->base,
        .bytes = segment->bytes,
        .from = find_mark(segment, offset),
        .is_last = index + 1 == file->segment_count,
    };
    if (!out_stretch->is_last)
        out_stretch->next_base = file->segments[index + 1].base;
    pthread_mutex_unlock(&file->mutex);
}

/* Visits the records of one segment from `offset` up to `end`. 1: the visitor wants no more. */
static int read_stretch(struct journal_file *file, const struct stretch *stretch, uint64_t *offset,
                        uint64_t end, journal_visit_fn *visit, void *context, struct err *err)
{
    struct segment_reader reader;
    int rc =
        segment_reader_open(&reader, file->disk, file->folder, stretch->base, file->partition, err);

    if (rc < 0)
        return rc;
    if (reader.limit < stretch->bytes) {
        rc = err_set(err, ERR_CORRUPT,
                     "%s has %" PRIu64 " bytes and had %" PRIu64 ": restore the file from a copy",
                     reader.path, reader.limit, stretch->bytes);
        goto done;
    }
    reader.limit = stretch->bytes;
    rc = segment_reader_seek(&reader, stretch->from.position, stretch->from.offset, *offset, err);
    while (rc == 0 && reader.offset < end) {
        struct journal_record record;

        rc = segment_reader_next(&reader, &record, err);
        if (rc == 0)
            break;
        if (rc == 1)
            rc = visit(context, &record, err);
    }
    *offset = reader.offset;
    if (rc == 0 && reader.offset < end && (stretch->is_last || reader.offset != stretch->next_base))
        rc = err_set(err, ERR_CORRUPT,
                     "%s ends before offset %" PRIu64 " but the journal goes on: "
                     "restore the file from a copy",
                     reader.path, reader.offset);
done:
    segment_reader_close(&reader);
    return rc;
}

int journal_file_read(struct journal *journal, uint64_t from_offset, journal_visit_fn *visit,
                      void *context, struct err *err)
{
    struct journal_file *file = (struct journal_file *)journal;
    struct journal_stat stat;
    uint64_t offset;
    int rc = 0;

    journal->ops->stat(journal, &stat);
    offset = from_offset > stat.offset_first ? from_offset : stat.offset_first;
    while (rc == 0 && offset < stat.offset_end) {
        struct stretch stretch;

        look_up(file, offset, &stretch);
        rc = read_stretch(file, &stretch, &offset, stat.offset_end, visit, context, err);
    }
    return rc < 0 ? rc : 0;
}

/* An offset at or before the first record of that time, not far from it. Under the mutex. */
static uint64_t offset_before(const struct journal_file *file, int64_t wall_ms)
{
    const struct journal_file_segment *segment;
    uint64_t index = 0;
    uint64_t offset;

    while (index < file->segment_count && file->segments[index].created_ms < wall_ms)
        index++;
    if (index == 0)
        return 0;
    segment = &file->segments[index - 1];
    offset = segment->base;
    for (uint32_t i = 0; i < segment->mark_count && segment->marks[i].wall_ms < wall_ms; i++)
        offset = segment->marks[i].offset;
    return offset;
}

int journal_file_find(struct journal *journal, int64_t wall_ms, uint64_t *out_offset,
                      struct err *err)
{
    struct journal_file *file = (struct journal_file *)journal;
    uint64_t offset;

    pthread_mutex_lock(&file->mutex);
    offset = offset_before(file, wall_ms);
    pthread_mutex_unlock(&file->mutex);
    return journal_find_from(journal, offset, wall_ms, out_offset, err);
}
