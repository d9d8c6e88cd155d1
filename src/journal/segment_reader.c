// SPDX-License-Identifier: Apache-2.0
/*
 * segment_reader.c - records of a segment, in order, with every checksum verified.
 *
 * The file is read in pieces of 256 KiB, which stay in the processor's second-level cache between
 * the copy from the kernel, the checksum and the visitor; the kernel is told what comes next.
 *
 * A reader belongs to one thread. Many may read a file that one thread appends to, as long as each
 * has a limit that was committed.
 */
#include "journal/segment_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/disk.h"
#include "base/err.h"
#include "base/hash.h"
#include "journal/journal.h"

#define PIECE_BYTES (256u << 10)
#define ADVISED_BYTES (2u << 20) /* how far ahead of the reader the kernel is asked to be */
#define GROUP_UNKNOWN UINT64_MAX

static int damaged(struct segment_reader *reader, enum segment_damage damage, const char *why,
                   struct err *err)
{
    reader->damage = damage;
    return err_set(err, ERR_CORRUPT,
                   "%s is damaged at byte %" PRIu64 ": %s; restore the file from a copy",
                   reader->path, reader->position, why);
}

static int check_segment_header(const struct segment_reader *reader, size_t size, uint64_t base,
                                uint32_t partition, struct err *err)
{
    const struct segment_header *header = &reader->header;
    const char *why = NULL;

    if (size < sizeof(*header) || memcmp(header->magic, SEGMENT_MAGIC, sizeof(header->magic)) != 0)
        why = "it is no journal segment";
    else if (header->version != SEGMENT_VERSION)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s has format %u and this program knows format %u: use the program that "
                       "wrote it",
                       reader->path, header->version, SEGMENT_VERSION);
    else if (header->crc != hash_crc32c(0, header, offsetof(struct segment_header, crc)))
        why = "its header does not match its checksum";
    else if (header->base != base)
        why = "it has been renamed: its name is not its first offset";
    else if (header->partition != partition)
        return err_set(err, ERR_CORRUPT,
                       "%s belongs to partition %u, not %u: put the folder back where it was",
                       reader->path, header->partition, partition);
    if (why != NULL)
        return err_set(err, ERR_CORRUPT, "%s: %s; restore the file from a copy", reader->path, why);
    return 0;
}

static char *path_of(const char *folder, uint64_t base)
{
    struct bytes path = {0};
    char name[SEGMENT_NAME_BYTES];

    segment_name(name, base);
    bytes_format(&path, "%s/%s", folder, name);
    bytes_text(&path);
    return path.data;
}

int segment_reader_open(struct segment_reader *reader, const struct disk *disk, const char *folder,
                        uint64_t base, uint32_t partition, struct err *err)
{
    size_t size;
    int rc;

    *reader = (struct segment_reader){.disk = disk, .file = -1, .offset = base};
    reader->path = path_of(folder, base);
    rc = disk->open(disk, reader->path, DISK_READ, &reader->file, err);
    if (rc < 0)
        goto fail;
    rc = disk->size(disk, reader->file, &reader->limit, err);
    if (rc == 0)
        rc = disk->read(disk, reader->file, &reader->header, sizeof(reader->header), 0, &size, err);
    if (rc < 0) {
        err_prefix(err, "%s", reader->path);
        goto fail;
    }
    rc = check_segment_header(reader, size, base, partition, err);
    if (rc < 0)
        goto fail;
    reader->position = SEGMENT_HEADER_BYTES;
    reader->group = SEGMENT_HEADER_BYTES;
    return 0;
fail:
    segment_reader_close(reader);
    return rc;
}

void segment_reader_close(struct segment_reader *reader)
{
    if (reader == NULL || reader->disk == NULL)
        return;
    reader->disk->close(reader->disk, reader->file);
    free(reader->path);
    free(reader->buffer);
    *reader = (struct segment_reader){.file = -1};
}

/* Every byte is announced once, in large steps: for what is cached already a hint is only cost. */
static void advise_ahead(struct segment_reader *reader)
{
    uint64_t start = reader->advised_end;

    if (start >= reader->limit || start > reader->buffer_end + ADVISED_BYTES / 2)
        return;
    if (start < reader->buffer_end)
        start = reader->buffer_end;
    reader->advised_end = start + ADVISED_BYTES;
    reader->disk->advise(reader->disk, reader->file, start, ADVISED_BYTES);
}

/* Moves what is left to the front and reads on, so that the buffer holds `need` bytes. */
static int fill(struct segment_reader *reader, uint64_t need, struct err *err)
{
    uint64_t kept = 0;
    uint64_t wanted;
    size_t got;
    int rc;

    assert(need <= reader->limit - reader->position);
    if (reader->position >= reader->buffer_start && reader->position < reader->buffer_end)
        kept = reader->buffer_end - reader->position;
    if (kept >= need)
        return 0;
    if (kept > 0)
        memmove(reader->buffer, reader->buffer + (reader->position - reader->buffer_start), kept);
    if (reader->buffer_capacity < need) {
        uint64_t left = reader->limit - reader->position;

        reader->buffer_capacity = left < PIECE_BYTES ? left : PIECE_BYTES;
        if (reader->buffer_capacity < need)
            reader->buffer_capacity = need;
        reader->buffer = bytes_realloc(reader->buffer, reader->buffer_capacity);
    }
    reader->buffer_start = reader->position;
    reader->buffer_end = reader->position + kept;
    wanted = reader->limit - reader->buffer_end;
    if (wanted > reader->buffer_capacity - kept)
        wanted = reader->buffer_capacity - kept;
    rc = reader->disk->read(reader->disk, reader->file, reader->buffer + kept, wanted,
                            reader->buffer_end, &got, err);
    if (rc < 0) {
        err_prefix(err, "%s", reader->path);
        return rc;
    }
    reader->buffer_end += got;
    advise_ahead(reader);
    if (kept + got < need)
        return damaged(reader, SEGMENT_TORN, "the file ends in the middle of a record", err);
    return 0;
}

static bool head_is_sound(const struct segment_reader *reader, const struct segment_record *head)
{
    return head->magic == SEGMENT_RECORD_MAGIC &&
           head->header_crc ==
               hash_crc32c(reader->header.salt, &head->payload_bytes,
                           sizeof(*head) - offsetof(struct segment_record, payload_bytes));
}

/* Whether this head may stand at reader->position. */
static int check_head(struct segment_reader *reader, const struct segment_record *head,
                      struct err *err)
{
    uint64_t end;

    if (!head_is_sound(reader, head))
        return damaged(reader, SEGMENT_TORN, "no record begins here", err);
    if (segment_record_size(head->payload_bytes) > reader->limit - reader->position)
        return damaged(reader, SEGMENT_TORN, "the record is longer than the file", err);
    if (head->offset != reader->offset)
        return damaged(reader, SEGMENT_WRONG, "the record has another offset than is due", err);
    if (head->count == 0 || __builtin_add_overflow(head->offset, head->count, &end))
        return damaged(reader, SEGMENT_WRONG, "the record has an impossible count", err);
    if (head->group != reader->position && head->group != reader->group &&
        reader->group != GROUP_UNKNOWN)
        return damaged(reader, SEGMENT_WRONG, "the record belongs to another group", err);
    return 0;
}

int segment_reader_seek(struct segment_reader *reader, uint64_t from_position, uint64_t from_offset,
                        uint64_t offset, struct err *err)
{
    reader->position = from_position;
    reader->offset = from_offset;
    reader->group = GROUP_UNKNOWN;
    while (reader->position < reader->limit) {
        struct segment_record head;
        size_t got;
        int rc;

        rc = reader->disk->read(reader->disk, reader->file, &head, sizeof(head), reader->position,
                                &got, err);
        if (rc < 0) {
            err_prefix(err, "%s", reader->path);
            return rc;
        }
        if (got < sizeof(head))
            return damaged(reader, SEGMENT_TORN, "the file ends in the middle of a record", err);
        rc = check_head(reader, &head, err);
        if (rc < 0)
            return rc;
        reader->group = head.group;
        if (offset < head.offset + head.count)
            return 0;
        reader->position += segment_record_size(head.payload_bytes);
        reader->offset += head.count;
    }
    return 0;
}

int segment_reader_next(struct segment_reader *reader, struct journal_record *out_record,
                        struct err *err)
{
    struct segment_record head;
    const char *at;
    uint64_t size;
    int rc;

    reader->damage = SEGMENT_SOUND;
    if (reader->position >= reader->limit)
        return 0;
    if (reader->limit - reader->position < sizeof(head))
        return damaged(reader, SEGMENT_TORN, "the file ends in the middle of a record", err);
    rc = fill(reader, sizeof(head), err);
    if (rc < 0)
        return rc;
    memcpy(&head, reader->buffer + (reader->position - reader->buffer_start), sizeof(head));
    rc = check_head(reader, &head, err);
    if (rc < 0)
        return rc;
    size = segment_record_size(head.payload_bytes);
    rc = fill(reader, size, err);
    if (rc < 0)
        return rc;
    at = reader->buffer + (reader->position - reader->buffer_start) + sizeof(head);
    if (head.payload_crc != hash_crc32c(0, at, size - sizeof(head)))
        return damaged(reader, SEGMENT_TORN, "the record does not match its checksum", err);
    *out_record = (struct journal_record){
        .type = head.type,
        .count = head.count,
        .offset = head.offset,
        .wall_ms = head.wall_ms,
        .payload = {at, head.payload_bytes},
    };
    reader->group = head.group;
    reader->position += size;
    reader->offset += head.count;
    return 1;
}

/* Looks at one piece of the file, which begins at `start`, for segment_reader_search. */
static void search_piece(const struct segment_reader *reader, const char *data, size_t size,
                         uint64_t start, struct segment_rest *rest)
{
    for (size_t at = 0; at < size; at += 8) {
        struct segment_record head;
        uint64_t word = 0;
        size_t width = size - at < 8 ? size - at : 8;

        memcpy(&word, data + at, width);
        if (word == 0)
            continue;
        rest->data_end = start + at + (size_t)(71 - __builtin_clzll(word)) / 8;
        if ((uint32_t)word != SEGMENT_RECORD_MAGIC || size - at < sizeof(head) || rest->proof > 0)
            continue;
        memcpy(&head, data + at, sizeof(head));
        if (head_is_sound(reader, &head) && (head.flags & SEGMENT_SYNCED_BEFORE) != 0 &&
            head.group > reader->position)
            rest->proof = start + at;
    }
}

int segment_reader_search(struct segment_reader *reader, struct segment_rest *out_rest,
                          struct err *err)
{
    struct segment_rest rest = {.data_end = reader->position};
    uint64_t start = reader->position;
    uint64_t left = reader->limit - reader->position;
    char *data = bytes_alloc(left < PIECE_BYTES ? left : PIECE_BYTES);
    int rc = 0;

    while (start < reader->limit) {
        uint64_t wanted = reader->limit - start;
        size_t got;

        rc = reader->disk->read(reader->disk, reader->file, data,
                                wanted < PIECE_BYTES ? wanted : PIECE_BYTES, start, &got, err);
        if (rc < 0) {
            err_prefix(err, "%s", reader->path);
            break;
        }
        search_piece(reader, data, got, start, &rest);
        if (got < PIECE_BYTES)
            break;
        /* A head may lie across the border of two pieces. */
        start += got - (SEGMENT_RECORD_BYTES - 8);
    }
    free(data);
    if (rc == 0)
        *out_rest = rest;
    return rc;
}
