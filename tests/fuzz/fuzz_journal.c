// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_journal.c - any bytes behind a valid segment header: opening and reading never crash, give
 * exactly the records that are good, and refuse exactly what must be refused.
 *
 * What is good is decided here a second time, from the byte table in segment_private.h and
 * without the code under test. The first byte of the input says whether the segment is the last
 * one or has another behind it. In the rest, where a record may begin, the byte that becomes the
 * magic says which fields of that record are made right (all of them below 128), since no amount
 * of luck finds a checksum.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/hash.h"
#include "journal/journal.h"
#include "support/disk_sim.h"

#define HEADER_BYTES 64
#define RECORD_BYTES 48
#define RECORD_MAGIC 0x63725754u
#define SALT 0x5eed5a17u
#define PAYLOAD_LIMIT 300u
#define BODY_LIMIT 20000u

#define FIRST "f/00000000000000000000.seg"
#define SECOND "f/%020llu.seg"

/* The byte table again. */
enum {
    AT_MAGIC = 0,
    AT_HEADER_CRC = 4,
    AT_SIZE = 8,
    AT_PAYLOAD_CRC = 12,
    AT_OFFSET = 16,
    AT_GROUP = 32,
    AT_COUNT = 40,
    AT_FLAGS = 46
};

static uint32_t get32(const char *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static uint64_t get64(const char *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static void put32(char *at, uint32_t value)
{
    memcpy(at, &value, sizeof(value));
}

static void put64(char *at, uint64_t value)
{
    memcpy(at, &value, sizeof(value));
}

static uint32_t header_crc(const char *record)
{
    return hash_crc32c(SALT, record + AT_SIZE, RECORD_BYTES - AT_SIZE);
}

static uint64_t padded(uint32_t size)
{
    return ((uint64_t)size + 7) / 8 * 8;
}

static void put_header(struct bytes *file, uint64_t base, uint64_t previous,
                       uint64_t previous_bytes)
{
    char header[HEADER_BYTES] = "TWJRNL\r\n";

    put32(header + 8, 1);
    put32(header + 12, 5);
    put64(header + 16, base);
    put64(header + 32, previous);
    put64(header + 40, previous_bytes);
    put32(header + 48, SALT);
    put32(header + 60, hash_crc32c(0, header, 60));
    bytes_put(file, header, sizeof(header));
}

/* Makes right what the records' first bytes ask for. */
static void mend(struct bytes *file)
{
    uint64_t at = HEADER_BYTES;
    uint64_t offset = 0;

    while (at + RECORD_BYTES <= file->size) {
        char *record = file->data + at;
        unsigned char skip = (unsigned char)record[0];
        uint32_t size = get32(record + AT_SIZE) % PAYLOAD_LIMIT;

        if (skip < 128)
            skip = 0;
        if (at + RECORD_BYTES + padded(size) > file->size)
            size = (uint32_t)(file->size - at - RECORD_BYTES) / 8 * 8;
        if (!(skip & 1))
            put32(record + AT_MAGIC, RECORD_MAGIC);
        if (!(skip & 2))
            put32(record + AT_SIZE, size);
        if (!(skip & 4))
            put32(record + AT_PAYLOAD_CRC, hash_crc32c(0, record + RECORD_BYTES, padded(size)));
        if (!(skip & 8))
            put64(record + AT_OFFSET, offset);
        if (!(skip & 16))
            put64(record + AT_GROUP, at);
        if (!(skip & 32))
            put32(record + AT_COUNT, get32(record + AT_COUNT) % 1000 + 1);
        if (!(skip & 64))
            put32(record + AT_HEADER_CRC, header_crc(record));
        offset += get32(record + AT_COUNT);
        at += RECORD_BYTES + padded(size);
    }
}

/* Why the good records end. */
enum end { END_OF_FILE, TORN, WRONG };

struct truth {
    const struct bytes *file;
    uint64_t records;
    uint64_t position; /* where the good records end */
    uint64_t offset;
    enum end end;
};

static enum end judge(const struct truth *truth, uint64_t group)
{
    const char *record = truth->file->data + truth->position;
    uint64_t left = truth->file->size - truth->position;
    uint32_t count;

    if (left == 0)
        return END_OF_FILE;
    if (left < RECORD_BYTES || get32(record) != RECORD_MAGIC ||
        get32(record + AT_HEADER_CRC) != header_crc(record) ||
        RECORD_BYTES + padded(get32(record + AT_SIZE)) > left)
        return TORN;
    count = get32(record + AT_COUNT);
    if (get64(record + AT_OFFSET) != truth->offset || count == 0 ||
        truth->offset + count < truth->offset)
        return WRONG;
    if (get64(record + AT_GROUP) != truth->position && get64(record + AT_GROUP) != group)
        return WRONG;
    return get32(record + AT_PAYLOAD_CRC) ==
                   hash_crc32c(0, record + RECORD_BYTES, padded(get32(record + AT_SIZE)))
               ? END_OF_FILE
               : TORN;
}

static struct truth find_truth(const struct bytes *file)
{
    struct truth truth = {.file = file, .position = HEADER_BYTES};
    uint64_t group = HEADER_BYTES;

    for (;;) {
        const char *record = file->data + truth.position;

        truth.end = judge(&truth, group);
        if (truth.end != END_OF_FILE || truth.position == file->size)
            return truth;
        group = get64(record + AT_GROUP);
        truth.offset += get32(record + AT_COUNT);
        truth.position += RECORD_BYTES + padded(get32(record + AT_SIZE));
        truth.records++;
    }
}

/* Whether a record behind the damage was written after the damaged place had been synced. */
static bool is_proven(const struct truth *truth)
{
    for (uint64_t at = truth->position; at + RECORD_BYTES <= truth->file->size; at += 8) {
        const char *record = truth->file->data + at;

        if (get32(record) == RECORD_MAGIC && get32(record + AT_HEADER_CRC) == header_crc(record) &&
            (record[AT_FLAGS] & 1) != 0 && get64(record + AT_GROUP) > truth->position)
            return true;
    }
    return false;
}

/* Compares what is visited with the file, record by record. */
struct seen {
    const struct bytes *file;
    uint64_t position;
    uint64_t records;
};

static int visit(void *context, const struct journal_record *record, struct err *err)
{
    struct seen *seen = context;

    (void)err;
    if (seen->position < seen->file->size) {
        const char *at = seen->file->data + seen->position;

        assert(record->offset == get64(at + AT_OFFSET));
        assert(record->count == get32(at + AT_COUNT));
        assert(record->payload.size == get32(at + AT_SIZE));
        assert(memcmp(record->payload.data, at + RECORD_BYTES, record->payload.size) == 0);
        seen->position += RECORD_BYTES + padded(get32(at + AT_SIZE));
    }
    seen->records++;
    return 0;
}

static int open_journal(struct disk_sim *sim, struct journal **out_journal, struct err *err)
{
    struct journal_options options = {
        .folder = "f",
        .partition = 5,
        .durability = JOURNAL_FSYNC,
        .segment_bytes = 4 * BODY_LIMIT,
        .disk = disk_sim_disk(sim),
    };

    return journal_file.open(out_journal, &options, err);
}

static void expect_records(struct journal *journal, const struct bytes *file, uint64_t records,
                           int expected_rc)
{
    struct seen seen = {.file = file, .position = HEADER_BYTES};
    struct err err = {0};
    int rc = journal_file.read(journal, 0, visit, &seen, &err);

    assert(rc == expected_rc);
    assert(seen.records == records);
}

static void try_last(struct disk_sim *sim, const struct bytes *file)
{
    struct truth truth = find_truth(file);
    bool refused = truth.end == WRONG || (truth.end == TORN && is_proven(&truth));
    struct journal_record record = {.type = JOURNAL_BATCH, .count = 1, .payload = {"new", 3}};
    struct bytes good = {0};
    struct journal *journal = NULL;
    struct journal_stat stat;
    struct err err = {0};
    int rc;

    disk_sim_put(sim, FIRST, bytes_span(file));
    rc = open_journal(sim, &journal, &err);
    assert(refused ? rc == ERR_CORRUPT : rc == 0);
    if (refused)
        return;
    bytes_put(&good, file->data, truth.position);
    expect_records(journal, &good, truth.records, 0);
    journal_file.stat(journal, &stat);
    assert(stat.offset_end == truth.offset);
    assert(stat.cut_bytes <= file->size - truth.position);
    if (truth.offset < UINT64_MAX) {
        assert(journal_file.append(journal, &record, &err) == 0);
        journal_file.seal(journal);
        assert(journal_file.commit(journal, &err) == 0);
        expect_records(journal, &good, truth.records + 1, 0);
        journal_file.close(journal);
        assert(open_journal(sim, &journal, &err) == 0);
        expect_records(journal, &good, truth.records + 1, 0);
        journal_file.stat(journal, &stat);
        assert(stat.cut_bytes == 0);
    }
    journal_file.close(journal);
    bytes_done(&good);
}

static void try_middle(struct disk_sim *sim, const struct bytes *file)
{
    struct truth truth = find_truth(file);
    bool is_whole = truth.end == END_OF_FILE;
    struct bytes next = {0};
    struct bytes path = {0};
    struct journal *journal = NULL;
    struct err err = {0};
    uint64_t base = truth.offset;

    if (base == 0 || base == UINT64_MAX)
        return;
    /* A record in the next segment, so that reading comes to the end of this one. */
    put_header(&next, base, 0, file->size);
    memset(bytes_reserve(&next, RECORD_BYTES), 0, RECORD_BYTES);
    put32(next.data + HEADER_BYTES + AT_MAGIC, RECORD_MAGIC);
    put64(next.data + HEADER_BYTES + AT_OFFSET, base);
    put64(next.data + HEADER_BYTES + AT_GROUP, HEADER_BYTES);
    put32(next.data + HEADER_BYTES + AT_COUNT, 1);
    put32(next.data + HEADER_BYTES + AT_HEADER_CRC, header_crc(next.data + HEADER_BYTES));
    next.size += RECORD_BYTES;
    bytes_format(&path, SECOND, (unsigned long long)base);
    disk_sim_put(sim, FIRST, bytes_span(file));
    disk_sim_put(sim, bytes_text(&path), bytes_span(&next));
    assert(open_journal(sim, &journal, &err) == 0);
    expect_records(journal, file, truth.records + (is_whole ? 1 : 0), is_whole ? 0 : ERR_CORRUPT);
    journal_file.close(journal);
    bytes_done(&next);
    bytes_done(&path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct disk_sim *sim;
    struct bytes file = {0};

    if (size == 0 || size > BODY_LIMIT)
        return 0;
    put_header(&file, 0, UINT64_MAX, 0);
    bytes_put(&file, data + 1, size - 1);
    mend(&file);
    sim = disk_sim_new();
    if (data[0] & 1)
        try_middle(sim, &file);
    else
        try_last(sim, &file);
    disk_sim_free(sim);
    bytes_done(&file);
    return 0;
}
