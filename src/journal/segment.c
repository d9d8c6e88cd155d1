// SPDX-License-Identifier: Apache-2.0
/*
 * segment.c - the bytes of a segment: names, headers, groups of records; see segment_private.h.
 *
 * The structs are the layout: they are copied to and from the file as they are, on a machine that
 * is little-endian like the file.
 */
#include "journal/segment_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "journal/journal.h"

#define NAME_DIGITS 20
#define NAME_SUFFIX ".seg"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the structs are the file's layout");
static_assert(sizeof(struct segment_header) == SEGMENT_HEADER_BYTES, "see the byte table");
static_assert(offsetof(struct segment_header, crc) == 60, "see the byte table");
static_assert(sizeof(struct segment_record) == SEGMENT_RECORD_BYTES, "see the byte table");
static_assert(offsetof(struct segment_record, count) == 40, "see the byte table");

void segment_name(char *out_name, uint64_t base)
{
    snprintf(out_name, SEGMENT_NAME_BYTES, "%020" PRIu64 NAME_SUFFIX, base);
}

bool segment_name_read(const char *name, uint64_t *out_base)
{
    uint64_t base = 0;

    if (strlen(name) != SEGMENT_NAME_BYTES - 1 || strcmp(name + NAME_DIGITS, NAME_SUFFIX) != 0)
        return false;
    for (int i = 0; i < NAME_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        if (__builtin_mul_overflow(base, 10, &base) ||
            __builtin_add_overflow(base, (uint64_t)(name[i] - '0'), &base))
            return false;
    }
    *out_base = base;
    return true;
}

void segment_header_seal(struct segment_header *header)
{
    memcpy(header->magic, SEGMENT_MAGIC, sizeof(header->magic));
    header->version = SEGMENT_VERSION;
    header->crc = hash_crc32c(0, header, offsetof(struct segment_header, crc));
}

void segment_group_put(struct bytes *group, const struct journal_record *record)
{
    uint32_t payload_bytes = (uint32_t)record->payload.size;
    size_t size = segment_record_size(payload_bytes);
    char *at = bytes_reserve(group, size);
    struct segment_record head = {
        .magic = SEGMENT_RECORD_MAGIC,
        .payload_bytes = payload_bytes,
        .offset = record->offset,
        .wall_ms = record->wall_ms,
        .count = record->count,
        .type = (uint16_t)record->type,
    };

    memcpy(at, &head, sizeof(head));
    if (payload_bytes > 0)
        memcpy(at + sizeof(head), record->payload.data, payload_bytes);
    memset(at + sizeof(head) + payload_bytes, 0, size - sizeof(head) - payload_bytes);
    group->size += size;
}

void segment_group_stamp(struct bytes *group, uint64_t position, uint32_t salt, uint16_t flags)
{
    size_t at = 0;

    while (at < group->size) {
        char *start = group->data + at;
        struct segment_record head;
        size_t size;

        memcpy(&head, start, sizeof(head));
        size = segment_record_size(head.payload_bytes);
        head.payload_crc = hash_crc32c(0, start + sizeof(head), size - sizeof(head));
        head.group = position;
        head.flags = flags;
        head.header_crc =
            hash_crc32c(salt, &head.payload_bytes,
                        sizeof(head) - offsetof(struct segment_record, payload_bytes));
        memcpy(start, &head, sizeof(head));
        at += size;
    }
    assert(at == group->size);
}
