// SPDX-License-Identifier: Apache-2.0
/*
 * test_journal_file_damage.c - what journal_file does about bytes that are not what it wrote.
 *
 * On the simulated disk, so that thousands of openings take no time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/hash.h"
#include "journal/journal.h"
#include "journal/segment_private.h"
#include "support/disk_sim.h"
#include "support/journal_sample.h"

#define FOLDER "journal/3"
#define ONE_SEGMENT 65536 /* bytes: more than a test writes that wants a single one */

static int open_at(struct disk_sim *sim, uint64_t segment_bytes, enum journal_durability durability,
                   struct journal **out_journal, struct err *err)
{
    struct journal_options options = {
        .folder = FOLDER,
        .partition = 3,
        .durability = durability,
        .segment_bytes = segment_bytes,
        .disk = disk_sim_disk(sim),
    };

    *err = (struct err){0};
    return journal_file.open(out_journal, &options, err);
}

static struct journal *open_sound(struct disk_sim *sim, uint64_t segment_bytes)
{
    struct journal *journal = NULL;
    struct err err;

    if (open_at(sim, segment_bytes, JOURNAL_FSYNC, &journal, &err) < 0)
        fail_msg("%s", err.text);
    return journal;
}

static void expect_records(struct journal *journal, uint64_t records)
{
    struct journal_sample_seen seen = {0};
    struct err err = {0};

    if (journal_file.read(journal, 0, journal_sample_visit, &seen, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(seen.wrong, 0);
    assert_int_equal(seen.records, records);
    assert_int_equal(seen.next, records);
}

static struct journal_stat stat_of(struct journal *journal)
{
    struct journal_stat stat;

    journal_file.stat(journal, &stat);
    return stat;
}

/* `groups` groups of `each` records of `size` bytes; then closed. */
static struct disk_sim *written(uint64_t groups, uint64_t each, size_t size, uint64_t segment_bytes,
                                enum journal_durability durability)
{
    struct disk_sim *sim = disk_sim_new();
    struct journal *journal = NULL;
    uint64_t offset = 0;
    struct err err;

    assert_int_equal(open_at(sim, segment_bytes, durability, &journal, &err), 0);
    for (uint64_t group = 0; group < groups; group++) {
        for (uint64_t i = 0; i < each; i++, offset++)
            assert_int_equal(journal_sample_append(journal, offset, size, 1, &err), 0);
        assert_int_equal(journal_sample_commit(journal, &err), 0);
    }
    journal_file.close(journal);
    return sim;
}

static char *path_of(uint64_t base)
{
    static char path[128];
    char name[SEGMENT_NAME_BYTES];

    segment_name(name, base);
    snprintf(path, sizeof(path), "%s/%s", FOLDER, name);
    return path;
}

/* The last record of `content` begins at `position`; everything from `cut` on never got there. */
static void check_torn_tail(const struct bytes *content, size_t position, size_t cut, bool zeros)
{
    struct disk_sim *sim = disk_sim_new();
    struct bytes torn = {0};
    struct journal *journal;
    struct err err;

    bytes_put(&torn, content->data, cut);
    if (zeros) { /* the file had room reserved */
        memset(bytes_reserve(&torn, 4096), 0, 4096);
        torn.size += 4096;
    }
    disk_sim_put(sim, path_of(0), bytes_span(&torn));
    journal = open_sound(sim, ONE_SEGMENT);
    expect_records(journal, 4);
    /* The magic's first byte may be all that is there, and no byte of it may be zero. */
    assert_true(stat_of(journal).cut_bytes <= cut - position);
    assert_true((stat_of(journal).cut_bytes > 0) == (cut > position));
    assert_int_equal(stat_of(journal).offset_end, 4);
    assert_int_equal(journal_sample_append(journal, 4, 77, 1, &err), 0);
    assert_int_equal(journal_sample_commit(journal, &err), 0);
    expect_records(journal, 5);
    journal_file.close(journal);
    journal = open_sound(sim, ONE_SEGMENT);
    assert_int_equal(stat_of(journal).cut_bytes, 0);
    expect_records(journal, 5);
    journal_file.close(journal);
    disk_sim_free(sim);
    bytes_done(&torn);
}

static void test_torn_tail_at_every_byte(void **state)
{
    size_t size = 101;
    struct disk_sim *sim = written(5, 1, size, ONE_SEGMENT, JOURNAL_FSYNC);
    const struct bytes *content = disk_sim_content(sim, path_of(0));
    size_t record = segment_record_size((uint32_t)size);

    (void)state;
    assert_int_equal(content->size, SEGMENT_HEADER_BYTES + 5 * record);
    /* Without its last byte of padding (which is zero) the record is whole in reserved room. */
    for (size_t cut = content->size - record; cut < content->size; cut++) {
        check_torn_tail(content, content->size - record, cut, false);
        if (cut < content->size - 3)
            check_torn_tail(content, content->size - record, cut, true);
    }
    disk_sim_free(sim);
}

/* Opens and reads; returns the first error, or 0 and how many records were good. */
static int open_and_read(struct disk_sim *sim, uint64_t *out_records, uint64_t *out_cut,
                         struct err *err)
{
    struct journal_sample_seen seen = {0};
    struct journal *journal = NULL;
    int rc = open_at(sim, 1000, JOURNAL_FSYNC, &journal, err);

    if (rc < 0)
        return rc;
    rc = journal_file.read(journal, 0, journal_sample_visit, &seen, err);
    assert_int_equal(seen.wrong, 0);
    *out_records = seen.records;
    *out_cut = stat_of(journal).cut_bytes;
    journal_file.close(journal);
    return rc;
}

/* Every bit of a segment that is not the last: none may flip unnoticed. */
static void test_bit_flips_in_a_middle_segment(void **state)
{
    struct disk_sim *sim = written(12, 1, 150, 1000, JOURNAL_FSYNC);
    struct bytes *content = disk_sim_content(sim, path_of(4));

    (void)state;
    assert_non_null(content);
    assert_non_null(disk_sim_content(sim, path_of(8)));
    for (size_t bit = 0; bit < content->size * 8; bit++) {
        uint64_t records = 0;
        uint64_t cut = 0;
        struct err err;
        int rc;

        content->data[bit / 8] ^= (char)(1 << bit % 8);
        rc = open_and_read(sim, &records, &cut, &err);
        if (bit / 8 >= 8 && bit / 8 < 12)
            assert_int_equal(rc, ERR_UNSUPPORTED); /* the format version */
        else
            assert_int_equal(rc, ERR_CORRUPT);
        assert_non_null(strstr(err.text, path_of(4)));
        assert_true(records == 0 || records >= 4);
        content->data[bit / 8] ^= (char)(1 << bit % 8);
    }
    disk_sim_free(sim);
}

/* Every byte of the last segment but its last group: refused, as later groups are sound. */
static void test_damage_before_the_last_group(void **state)
{
    struct disk_sim *sim = written(6, 2, 150, ONE_SEGMENT, JOURNAL_FSYNC);
    struct bytes *content = disk_sim_content(sim, path_of(0));
    size_t group = 2 * segment_record_size(150);
    uint64_t records;
    uint64_t cut;
    struct err err;

    (void)state;
    for (size_t at = SEGMENT_HEADER_BYTES; at < content->size - group; at++) {
        content->data[at] ^= 0x10;
        assert_int_equal(open_and_read(sim, &records, &cut, &err), ERR_CORRUPT);
        assert_non_null(strstr(err.text, path_of(0)));
        assert_non_null(strstr(err.text, "acknowledged"));
        content->data[at] ^= 0x10;
    }
    assert_int_equal(open_and_read(sim, &records, &cut, &err), 0);
    assert_int_equal(records, 12);
    /* A page that was never written, in the middle. */
    memset(content->data + SEGMENT_HEADER_BYTES + group, 0, group);
    assert_int_equal(open_and_read(sim, &records, &cut, &err), ERR_CORRUPT);
    disk_sim_free(sim);
}

/* In the last group the first of its records may be missing although the second is there. */
static void test_damage_in_the_last_group_is_a_torn_tail(void **state)
{
    size_t record = segment_record_size(150);

    (void)state;
    for (size_t at = 0; at < 3 * record; at++) {
        struct disk_sim *sim = written(3, 3, 150, ONE_SEGMENT, JOURNAL_FSYNC);
        struct bytes *content = disk_sim_content(sim, path_of(0));
        uint64_t records;
        uint64_t cut;
        struct err err;

        content->data[content->size - 3 * record + at] ^= 0x10;
        if (open_and_read(sim, &records, &cut, &err) < 0)
            fail_msg("byte %zu: %s", at, err.text);
        assert_int_equal(records, 6 + at / record);
        assert_in_range(cut, (3 - at / record) * record - 7, (3 - at / record) * record);
        disk_sim_free(sim);
    }
}

/* Without syncs nobody was promised that the damaged place is safe. */
static void test_damage_where_nothing_was_synced(void **state)
{
    struct disk_sim *sim = written(6, 1, 150, ONE_SEGMENT, JOURNAL_WRITTEN);
    struct bytes *content = disk_sim_content(sim, path_of(0));
    uint64_t records;
    uint64_t cut;
    struct err err;

    (void)state;
    content->data[SEGMENT_HEADER_BYTES + 2 * segment_record_size(150)] ^= 1;
    assert_int_equal(open_and_read(sim, &records, &cut, &err), 0);
    assert_int_equal(records, 2);
    assert_true(cut > 0);
    disk_sim_free(sim);
}

/* A client's payload that looks like a record proves nothing: it does not know the salt. */
static void test_a_payload_that_looks_like_a_record(void **state)
{
    struct disk_sim *sim = disk_sim_new();
    struct journal *journal = open_sound(sim, ONE_SEGMENT);
    struct bytes fake = {0};
    struct journal_record record = {.type = JOURNAL_BATCH, .count = 1, .offset = 7};
    uint64_t records;
    uint64_t cut;
    struct bytes *content;
    struct err err;

    (void)state;
    segment_group_put(&fake, &record);
    segment_group_stamp(&fake, 1u << 20, 12345, SEGMENT_SYNCED_BEFORE);
    record.payload = bytes_span(&fake);
    assert_int_equal(journal_file.append(journal, &record, &err), 0);
    assert_int_equal(journal_sample_commit(journal, &err), 0);
    journal_file.close(journal);
    content = disk_sim_content(sim, path_of(0));
    content->data[SEGMENT_HEADER_BYTES] ^= 1;
    assert_int_equal(open_and_read(sim, &records, &cut, &err), 0);
    assert_int_equal(records, 0);
    assert_true(cut > 0);
    bytes_done(&fake);
    disk_sim_free(sim);
}

static void test_segments_that_do_not_belong_together(void **state)
{
    struct disk_sim *sim = written(12, 1, 150, 1000, JOURNAL_FSYNC);
    const struct disk *disk = disk_sim_disk(sim);
    struct bytes *content;
    uint64_t records;
    uint64_t cut;
    struct err err;
    char kept[128];

    (void)state;
    /* One is missing: the middle, the first. */
    snprintf(kept, sizeof(kept), "%s", path_of(4));
    assert_int_equal(disk->rename(disk, kept, "elsewhere", NULL), 0);
    assert_int_equal(open_and_read(sim, &records, &cut, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.text, kept));
    assert_non_null(strstr(err.text, "missing"));
    assert_int_equal(disk->rename(disk, "elsewhere", kept, NULL), 0);
    snprintf(kept, sizeof(kept), "%s", path_of(0));
    assert_int_equal(disk->rename(disk, kept, "elsewhere", NULL), 0);
    assert_int_equal(open_and_read(sim, &records, &cut, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.text, kept));
    /* One was renamed. */
    assert_int_equal(disk->rename(disk, "elsewhere", path_of(1), NULL), 0);
    assert_int_equal(open_and_read(sim, &records, &cut, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.text, "renamed"));
    assert_int_equal(disk->rename(disk, path_of(1), kept, NULL), 0);
    /* One was shortened, at a border of records. */
    content = disk_sim_content(sim, path_of(4));
    content->size -= segment_record_size(150);
    assert_int_equal(open_and_read(sim, &records, &cut, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.text, path_of(4)));
    content->size += segment_record_size(150);
    assert_int_equal(open_and_read(sim, &records, &cut, &err), 0);
    assert_int_equal(records, 12);
    disk_sim_free(sim);
}

static void test_headers_from_elsewhere(void **state)
{
    struct disk_sim *sim = written(2, 1, 10, ONE_SEGMENT, JOURNAL_FSYNC);
    struct bytes *content = disk_sim_content(sim, path_of(0));
    struct segment_header header;
    uint64_t records;
    uint64_t cut;
    struct err err;

    (void)state;
    memcpy(&header, content->data, sizeof(header));
    header.partition = 4;
    segment_header_seal(&header);
    memcpy(content->data, &header, sizeof(header));
    assert_int_equal(open_and_read(sim, &records, &cut, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.text, "partition 4, not 3"));

    header.version = 2;
    memcpy(content->data, &header, sizeof(header));
    assert_int_equal(open_and_read(sim, &records, &cut, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "format 2"));

    disk_sim_put(sim, path_of(0), SPAN_LITERAL("hello"));
    assert_int_equal(open_and_read(sim, &records, &cut, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.text, "no journal segment"));
    disk_sim_put(sim, path_of(0), SPAN_LITERAL(""));
    assert_int_equal(open_and_read(sim, &records, &cut, &err), ERR_CORRUPT);
    disk_sim_free(sim);
}

/* Records whose checksums are right and which were put where they do not belong. */
static void test_records_from_elsewhere(void **state)
{
    struct disk_sim *sim = written(3, 1, 150, ONE_SEGMENT, JOURNAL_FSYNC);
    struct bytes *content = disk_sim_content(sim, path_of(0));
    size_t record = segment_record_size(150);
    uint64_t records;
    uint64_t cut;
    struct err err;

    (void)state;
    memcpy(content->data + content->size - record, content->data + SEGMENT_HEADER_BYTES, record);
    assert_int_equal(open_and_read(sim, &records, &cut, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.text, "another offset"));
    disk_sim_free(sim);
}

static void test_other_files_are_left_alone(void **state)
{
    struct disk_sim *sim = written(2, 1, 10, ONE_SEGMENT, JOURNAL_FSYNC);
    uint64_t records;
    uint64_t cut;
    struct err err;

    (void)state;
    disk_sim_put(sim, FOLDER "/lost+found", SPAN_LITERAL("x"));
    disk_sim_put(sim, FOLDER "/00000000000000000007.segment", SPAN_LITERAL("x"));
    disk_sim_put(sim, FOLDER "/0000000000000000000x.seg.new", SPAN_LITERAL("x"));
    disk_sim_put(sim, FOLDER "/99999999999999999999.seg", SPAN_LITERAL("x")); /* above 2^64 */
    disk_sim_put(sim, FOLDER "/00000000000000000002.seg.new", SPAN_LITERAL("half made"));
    assert_int_equal(open_and_read(sim, &records, &cut, &err), 0);
    assert_int_equal(records, 2);
    assert_non_null(disk_sim_content(sim, FOLDER "/lost+found"));
    assert_non_null(disk_sim_content(sim, FOLDER "/0000000000000000000x.seg.new"));
    assert_null(disk_sim_content(sim, FOLDER "/00000000000000000002.seg.new"));
    disk_sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torn_tail_at_every_byte),
        cmocka_unit_test(test_bit_flips_in_a_middle_segment),
        cmocka_unit_test(test_damage_before_the_last_group),
        cmocka_unit_test(test_damage_in_the_last_group_is_a_torn_tail),
        cmocka_unit_test(test_damage_where_nothing_was_synced),
        cmocka_unit_test(test_a_payload_that_looks_like_a_record),
        cmocka_unit_test(test_segments_that_do_not_belong_together),
        cmocka_unit_test(test_headers_from_elsewhere),
        cmocka_unit_test(test_records_from_elsewhere),
        cmocka_unit_test(test_other_files_are_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
