// SPDX-License-Identifier: Apache-2.0
/*
 * segment_private.h - one file of journal_file: its bytes, and reading them back.
 *
 * A segment is called by its first offset, 20 decimal digits and ".seg". All numbers are
 * little-endian. It begins with a header:
 *
 *     at  bytes
 *      0      8  magic "TWJRNL\r\n" (a text-mode copy breaks it, which is noticed)
 *      8      4  format version, 1
 *     12      4  partition
 *     16      8  base offset: the offset of its first record, as in its name
 *     24      8  when it was made: wall_ms of the record that it was made for
 *     32      8  base offset of the segment before it; all ones for the first
 *     40      8  bytes of the segment before it when that was finished; 0 for the first
 *     48      4  salt: a random number, where the checksums of the record headers start
 *     52      8  zero
 *     60      4  CRC-32C of bytes 0 to 59
 *
 * Records follow without gaps, each beginning at a multiple of 8:
 *
 *      0      4  magic "TWrc"
 *      4      4  CRC-32C of bytes 8 to 47, starting from the segment's salt
 *      8      4  payload bytes
 *     12      4  CRC-32C of the payload and its padding
 *     16      8  offset of its first row
 *     24      8  wall_ms
 *     32      8  position in the segment where its commit group begins
 *     40      4  count of offsets
 *     44      2  type
 *     46      2  flags: 1 if all bytes before its group were synced before the group was written
 *     48         payload, then zeros up to a multiple of 8
 *
 * Zeros after the last record (room that was reserved) are no record. The header has a checksum
 * of its own, so that a reader that only looks for an offset may trust the sizes and jump over
 * payloads. The salt keeps bytes that look like a record (in the payload of a client who wants
 * trouble) from passing for one when a damaged segment is searched.
 *
 * What the group position is for: when the last segment has a bad record at P, a good record
 * header behind it whose group begins at or before P belongs to the group that was being written
 * when the machine stopped, so the tail is torn and nobody was told that it is safe. A group
 * that begins after P, with flag 1, was written when P had been synced already: then the disk lost
 * what was acknowledged, and cutting it off would hide that.
 */
#ifndef TALLYWHEEL_JOURNAL_SEGMENT_PRIVATE_H
#define TALLYWHEEL_JOURNAL_SEGMENT_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct disk;
struct err;
struct journal_record;

#define SEGMENT_HEADER_BYTES 64
#define SEGMENT_RECORD_BYTES 48 /* of a record's header */
#define SEGMENT_BASE_NONE UINT64_MAX
#define SEGMENT_NAME_BYTES 25 /* with the zero at the end */

#define SEGMENT_VERSION 1u
#define SEGMENT_MAGIC "TWJRNL\r\n"
#define SEGMENT_RECORD_MAGIC 0x63725754u /* "TWrc" */
#define SEGMENT_SYNCED_BEFORE 1u         /* the flag */

struct segment_header {
    char magic[8];
    uint32_t version;
    uint32_t partition;
    uint64_t base;
    int64_t created_ms;
    uint64_t previous_base;
    uint64_t previous_bytes;
    uint32_t salt;
    uint32_t zero[2];
    uint32_t crc;
};

struct segment_record {
    uint32_t magic;
    uint32_t header_crc;
    uint32_t payload_bytes;
    uint32_t payload_crc;
    uint64_t offset;
    int64_t wall_ms;
    uint64_t group;
    uint32_t count;
    uint16_t type;
    uint16_t flags;
};

/* Header, payload and padding. */
static inline uint64_t segment_record_size(uint32_t payload_bytes)
{
    return SEGMENT_RECORD_BYTES + (((uint64_t)payload_bytes + 7) & ~(uint64_t)7);
}

/* Writes "00000000000000000042.seg"; false if `name` is no such name. */
void segment_name(char *out_name, uint64_t base);
bool segment_name_read(const char *name, uint64_t *out_base);

/* Fills in magic, version and crc. */
void segment_header_seal(struct segment_header *header);

/*
 * Puts records into `group` as append does, without checksums; then, knowing where the group will
 * stand, segment_group_stamp completes all of their headers.
 */
void segment_group_put(struct bytes *group, const struct journal_record *record);
void segment_group_stamp(struct bytes *group, uint64_t position, uint32_t salt, uint16_t flags);

/* Why segment_reader_next found no record at a position. */
enum segment_damage {
    SEGMENT_SOUND,
    SEGMENT_TORN, /* bytes that are no record: may be a torn tail */
    SEGMENT_WRONG /* a record that was written so, and cannot belong here */
};

/*
 * Reads records in order through a buffer of its own. All zero, with file = -1, is a closed one.
 */
struct segment_reader {
    const struct disk *disk;
    char *path;
    int file;
    struct segment_header header;
    uint64_t limit;    /* bytes of the file that hold records */
    uint64_t position; /* of the next record */
    uint64_t offset;   /* that the next record must have */
    uint64_t group;    /* of the record before; the next one is of the same or begins a new one */
    enum segment_damage damage;
    char *buffer; /* bytes buffer_start .. buffer_end of the file */
    size_t buffer_capacity;
    uint64_t buffer_start;
    uint64_t buffer_end;
    uint64_t advised_end; /* the kernel was told to fetch up to here */
};

/*
 * Opens the segment `base` of `folder` and checks its header. The limit is the size of the file;
 * the caller may lower it before the first record.
 */
int segment_reader_open(struct segment_reader *reader, const struct disk *disk, const char *folder,
                        uint64_t base, uint32_t partition, struct err *err);
void segment_reader_close(struct segment_reader *reader);

/*
 * Goes to the record that holds `offset`, from a known record on, by headers alone. Without such
 * a record it stops at the limit.
 */
int segment_reader_seek(struct segment_reader *reader, uint64_t from_position, uint64_t from_offset,
                        uint64_t offset, struct err *err);

/*
 * 1 and the next record, whose payload is valid until the next call; 0 at the limit; ERR_CORRUPT
 * with reader->damage if what stands at reader->position is no good record; other errors.
 */
int segment_reader_next(struct segment_reader *reader, struct journal_record *out_record,
                        struct err *err);

/* What stands behind the damage at reader->position. */
struct segment_rest {
    uint64_t data_end; /* one past the last byte that is not zero; at least the position */
    uint64_t proof;    /* position of a record that was written after the damage was synced, or 0 */
};

int segment_reader_search(struct segment_reader *reader, struct segment_rest *out_rest,
                          struct err *err);

#endif
