// SPDX-License-Identifier: Apache-2.0
/*
 * test_journal_file_crash.c - what was acknowledged is there, whatever fails and whenever.
 *
 * A workload runs against a disk that fails on its n-th changing call, for every n, and then loses
 * its power, its process, or neither; and against the real disk with a process that is killed.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/hash.h"
#include "journal/journal.h"
#include "support/disk_sim.h"
#include "support/journal_sample.h"

#define SEGMENT_BYTES 6000

static struct journal_stat stat_of(struct journal *journal)
{
    struct journal_stat stat;

    journal_file.stat(journal, &stat);
    return stat;
}

static int open_on(const struct disk *disk, const char *folder, uint64_t segment_bytes,
                   struct journal **out_journal, struct err *err)
{
    struct journal_options options = {
        .folder = folder,
        .partition = 1,
        .durability = JOURNAL_FSYNC,
        .segment_bytes = segment_bytes,
        .disk = disk,
    };

    return journal_file.open(out_journal, &options, err);
}

/* Everything from offset 0 to the end, sound; the end is at least `acknowledged`. */
static uint64_t check_journal(struct journal *journal, uint64_t acknowledged, const char *when)
{
    struct journal_sample_seen seen = {0};
    struct err err = {0};
    uint64_t end = stat_of(journal).offset_end;

    if (journal_file.read(journal, 0, journal_sample_visit, &seen, &err) < 0)
        fail_msg("%s: %s", when, err.text);
    if (seen.wrong > 0 || seen.next != end || end < acknowledged)
        fail_msg("%s: %llu wrong, read up to %llu, end %llu, acknowledged %llu", when,
                 (unsigned long long)seen.wrong, (unsigned long long)seen.next,
                 (unsigned long long)end, (unsigned long long)acknowledged);
    return end;
}

/* Runs until something fails or all is done; returns the offset acknowledged. */
static uint64_t work(struct disk_sim *sim, uint64_t groups, uint64_t seed, struct journal **journal,
                     int *out_rc, struct err *err)
{
    uint64_t offset;
    uint64_t acknowledged;

    *out_rc = open_on(disk_sim_disk(sim), "j", SEGMENT_BYTES, journal, err);
    if (*out_rc < 0)
        return 0;
    offset = stat_of(*journal).offset_end;
    acknowledged = offset;
    for (uint64_t group = 0; group < groups; group++) {
        for (uint64_t i = 0; i < 1 + (seed >> 8) % 4; i++, offset++) {
            seed = hash_u64(seed + 1);
            *out_rc = journal_sample_append(*journal, offset, seed % 900, 1, err);
            if (*out_rc < 0)
                return acknowledged;
        }
        *out_rc = journal_sample_commit(*journal, err);
        if (*out_rc < 0)
            return acknowledged;
        acknowledged = offset;
    }
    return acknowledged;
}

static void expect_stopped(struct journal *journal, uint64_t acknowledged, int code)
{
    struct journal_record record = {.type = JOURNAL_BATCH, .count = 1, .payload = {"", 0}};
    struct err err = {0};

    assert_int_equal(journal_file.append(journal, &record, &err), code);
    assert_non_null(strstr(err.text, "told to fail"));
    assert_int_equal(journal_file.commit(journal, &err), code);
    journal_file.seal(journal); /* whoever did not hear of it yet may still do this */
    assert_int_equal(journal_file.commit(journal, &err), code);
    journal_file.seal(journal);
    assert_int_equal(check_journal(journal, acknowledged, "after a failure"), acknowledged);
}

static void test_the_nth_call_fails(void **state)
{
    struct err err = {0};
    uint64_t calls;
    int rc;

    (void)state;
    {
        struct disk_sim *sim = disk_sim_new();
        struct journal *journal;

        work(sim, 12, 1, &journal, &rc, &err);
        assert_int_equal(rc, 0);
        assert_true(stat_of(journal).segment_count > 2);
        calls = disk_sim_calls(sim);
        journal_file.close(journal);
        disk_sim_free(sim);
    }
    for (uint64_t n = 1; n <= calls; n++) {
        for (int how = 0; how < 3; how++) {
            struct disk_sim *sim = disk_sim_new();
            struct journal *journal = NULL;
            int code = ERR_IO;
            uint64_t acknowledged;
            char when[64];

            snprintf(when, sizeof(when), "call %llu, way %d", (unsigned long long)n, how);
            disk_sim_fail_at(sim, n, code);
            acknowledged = work(sim, 12, 1, &journal, &rc, &err);
            assert_int_equal(rc, code);
            if (journal != NULL)
                expect_stopped(journal, acknowledged, code);
            disk_sim_fail_at(sim, 0, 0);
            if (journal != NULL)
                journal_file.close(journal);
            if (how > 0)
                disk_sim_power_cut(sim, n * 3 + (uint64_t)how);
            if (open_on(disk_sim_disk(sim), "j", SEGMENT_BYTES, &journal, &err) < 0)
                fail_msg("%s: %s", when, err.text);
            check_journal(journal, acknowledged, when);
            journal_file.close(journal);
            disk_sim_free(sim);
        }
    }
}

/*
 * As work, but whenever the disk is full the journal is told to go on until it does, and the
 * records that were lost are sent again. Returns how often it was full.
 */
static uint32_t work_on(struct journal *journal, uint64_t groups, uint64_t seed,
                        uint64_t *acknowledged, int *out_rc, struct err *err)
{
    uint32_t full_count = 0;

    for (uint64_t group = 0; group < groups; group++) {
        uint64_t offset = *acknowledged;

        for (uint64_t i = 0; i < 1 + (seed >> 8) % 4; i++, offset++) {
            seed = hash_u64(seed + 1);
            *out_rc = journal_sample_append(journal, offset, seed % 900, 1, err);
            assert_int_equal(*out_rc, 0);
        }
        *out_rc = journal_sample_commit(journal, err);
        if (*out_rc == 0)
            *acknowledged = offset;
        while (*out_rc == ERR_FULL) {
            assert_int_equal(journal_file.commit(journal, err), ERR_FULL);
            assert_int_equal(check_journal(journal, *acknowledged, "full"), *acknowledged);
            full_count++;
            *out_rc = journal_file.resume(journal, err);
        }
        if (*out_rc < 0)
            return full_count;
    }
    return full_count;
}

/* From the n-th call on the disk is full for a while: nothing is lost, nothing comes back. */
static void test_the_disk_is_full_at_the_nth_call(void **state)
{
    uint32_t full_count = 0;
    uint32_t final_count = 0;

    (void)state;
    for (uint64_t n = 1; n <= 120; n++) {
        for (uint64_t way = 0; way < 9; way++) {
            struct disk_sim *sim = disk_sim_new();
            struct journal *journal = NULL;
            struct err err = {0};
            uint64_t acknowledged = 0;
            uint64_t end;
            char when[64];
            int rc = 0;

            snprintf(when, sizeof(when), "call %llu, way %llu", (unsigned long long)n,
                     (unsigned long long)way);
            assert_int_equal(open_on(disk_sim_disk(sim), "j", SEGMENT_BYTES, &journal, &err), 0);
            disk_sim_fail_some(sim, n, 1 + way / 3 * 2, ERR_FULL);
            full_count += work_on(journal, 40, n, &acknowledged, &rc, &err);
            assert_true(rc == 0 || rc == ERR_IO); /* it was a sync that failed */
            final_count += rc == ERR_IO;
            /* A process that is killed changes nothing on its way out. */
            disk_sim_fail_at(sim, way % 3 > 0 ? 1 : 0, ERR_IO);
            journal_file.close(journal);
            disk_sim_fail_at(sim, 0, 0);
            if (way % 3 == 2)
                disk_sim_power_cut(sim, n * 9 + way);
            if (open_on(disk_sim_disk(sim), "j", SEGMENT_BYTES, &journal, &err) < 0)
                fail_msg("%s: %s", when, err.text);
            end = check_journal(journal, acknowledged, when);
            if (rc == 0)
                assert_int_equal(end, acknowledged);
            journal_file.close(journal);
            disk_sim_free(sim);
        }
    }
    assert_true(full_count > 500);
    assert_true(final_count > 50);
}

/* The power goes, or only the process: then what was written and not synced is still there. */
static void cut_off(struct disk_sim *sim, uint64_t random)
{
    disk_sim_fail_at(sim, 0, 0);
    if (random >> 40 & 1)
        disk_sim_power_cut(sim, random);
    else
        disk_sim_kill(sim);
}

/* End after end on one disk, each in the middle of some call. */
static void test_many_ends(void **state)
{
    uint64_t cut_bytes = 0;
    uint64_t came_back = 0; /* records that were not acknowledged and are there all the same */

    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct disk_sim *sim = disk_sim_new();
        uint64_t random = seed * 1000003;
        uint64_t acknowledged = 0;

        for (int round = 0; round < 12; round++) {
            struct journal *journal = NULL;
            struct err err = {0};
            char when[64];
            int rc;

            random = hash_u64(random);
            snprintf(when, sizeof(when), "seed %llu, round %d", (unsigned long long)seed, round);
            disk_sim_fail_at(sim, 1 + random % 40, ERR_IO);
            acknowledged = work(sim, 1000, random, &journal, &rc, &err);
            if (journal == NULL) { /* the recovery itself was cut off */
                assert_int_equal(rc, ERR_IO);
                cut_off(sim, random);
                continue;
            }
            journal_file.close(journal); /* it has stopped: that only gives memory back */
            cut_off(sim, random);
            if (open_on(disk_sim_disk(sim), "j", SEGMENT_BYTES, &journal, &err) < 0)
                fail_msg("%s: %s", when, err.text);
            cut_bytes += stat_of(journal).cut_bytes;
            came_back += check_journal(journal, acknowledged, when) - acknowledged;
            journal_file.close(journal);
        }
        disk_sim_free(sim);
    }
    assert_true(cut_bytes > 0);
    assert_true(came_back > 0);
}

/* The child appends and commits until it is killed, and says what was acknowledged. */
static void run_child(const char *folder, int pipe_to_parent)
{
    struct journal *journal = NULL;
    struct err err;
    uint64_t offset;

    if (open_on(NULL, folder, 100000, &journal, &err) < 0)
        _exit(1);
    offset = stat_of(journal).offset_end;
    for (;;) {
        for (int i = 0; i < 7; i++, offset++)
            if (journal_sample_append(journal, offset, offset % 3000, 1, &err) < 0)
                _exit(2);
        if (journal_sample_commit(journal, &err) < 0)
            _exit(3);
        if (write(pipe_to_parent, &offset, sizeof(offset)) != sizeof(offset))
            _exit(4);
    }
}

static void test_kill_9(void **state)
{
    char *folder = journal_sample_folder();

    (void)state;
    for (int round = 0; round < 5; round++) {
        struct journal *journal = NULL;
        struct err err = {0};
        uint64_t acknowledged = 0;
        uint64_t offset;
        int pipes[2];
        int status;
        pid_t child;

        assert_int_equal(pipe(pipes), 0);
        child = fork();
        if (child == 0) {
            close(pipes[0]);
            run_child(folder, pipes[1]);
        }
        close(pipes[1]);
        for (int i = 0; i < 60 * (round + 1); i++)
            if (read(pipes[0], &offset, sizeof(offset)) == sizeof(offset))
                acknowledged = offset;
        kill(child, SIGKILL);
        while (read(pipes[0], &offset, sizeof(offset)) == sizeof(offset))
            acknowledged = offset;
        close(pipes[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_true(acknowledged > 0);
        if (open_on(NULL, folder, 100000, &journal, &err) < 0)
            fail_msg("%s", err.text);
        check_journal(journal, acknowledged, "after kill -9");
        journal_file.close(journal);
    }
    journal_sample_folder_remove(folder);
}

/* Appends until a commit fails, and returns its code. */
static int fill_up(struct journal *journal, uint64_t *acknowledged, struct err *err)
{
    uint64_t offset = *acknowledged;

    for (;;) {
        int rc = journal_sample_append(journal, offset++, 50000, 1, err);

        assert_int_equal(rc, 0);
        rc = journal_sample_commit(journal, err);
        if (rc < 0)
            return rc;
        *acknowledged = offset;
        assert_true(offset < 1000);
    }
}

/* A file may not grow past a limit: the write fails half way. */
static void test_a_write_that_fails(void **state)
{
    char *folder = journal_sample_folder();
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    struct rlimit limit;
    struct rlimit small;
    struct journal *journal = NULL;
    uint64_t acknowledged = 0;
    struct err err = {0};

    (void)state;
    sigaction(SIGXFSZ, &ignore, &before);
    getrlimit(RLIMIT_FSIZE, &limit);
    small = limit;
    small.rlim_cur = 1000000;
    assert_int_equal(open_on(NULL, folder, 0, &journal, &err), 0);
    setrlimit(RLIMIT_FSIZE, &small);
    assert_int_equal(fill_up(journal, &acknowledged, &err), ERR_IO);
    setrlimit(RLIMIT_FSIZE, &limit);
    sigaction(SIGXFSZ, &before, NULL);
    assert_non_null(strstr(err.text, folder));
    assert_int_equal(check_journal(journal, acknowledged, "too large a file"), acknowledged);
    journal_file.close(journal);
    assert_int_equal(open_on(NULL, folder, 0, &journal, &err), 0);
    assert_int_equal(check_journal(journal, acknowledged, "after it"), acknowledged);
    journal_file.close(journal);
    journal_sample_folder_remove(folder);
}

static void put_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    while (size-- > 0)
        putc(7, file);
    assert_int_equal(fclose(file), 0);
}

static void test_a_full_disk(void **state)
{
    char *folder = journal_sample_folder();
    char path[256];
    struct journal *journal = NULL;
    uint64_t acknowledged = 0;
    struct err err = {0};

    (void)state;
    if (mount("tmpfs", folder, "tmpfs", 0, "size=2m") != 0) {
        journal_sample_folder_remove(folder);
        print_message("no right to mount a small file system: %s\n", strerror(errno));
        skip();
    }
    assert_int_equal(open_on(NULL, folder, 500000, &journal, &err), 0);
    snprintf(path, sizeof(path), "%s/other", folder);
    put_file(path, 300000);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(fill_up(journal, &acknowledged, &err), ERR_FULL);
        assert_true(acknowledged > 15);
        assert_int_equal(check_journal(journal, acknowledged, "a full disk"), acknowledged);
        assert_int_equal(journal_file.resume(journal, &err), ERR_FULL);
        assert_non_null(strstr(err.text, folder));
        if (round == 0) { /* somebody makes room: it goes on */
            assert_int_equal(unlink(path), 0);
            assert_int_equal(journal_file.resume(journal, &err), 0);
        } else if (round == 1) { /* a restart while it is full */
            journal_file.close(journal);
            assert_int_equal(open_on(NULL, folder, 500000, &journal, &err), 0);
            assert_int_equal(check_journal(journal, acknowledged, "after it"), acknowledged);
        }
    }
    assert_true(acknowledged > 30);
    journal_file.close(journal);
    umount(folder);
    journal_sample_folder_remove(folder);
}

static void test_a_folder_that_cannot_be_had(void **state)
{
    char *folder = journal_sample_folder();
    struct journal *journal = NULL;
    struct journal *second = NULL;
    struct err err = {0};
    struct bytes forbidden = {0};
    char path[256];
    FILE *file;

    (void)state;
    bytes_format(&forbidden, "%s/new", folder);
    /* Somebody has it. */
    assert_int_equal(open_on(NULL, folder, 0, &journal, &err), 0);
    assert_int_equal(open_on(NULL, folder, 0, &second, &err), ERR_CONFLICT);
    assert_null(second);
    assert_non_null(strstr(err.text, folder));
    assert_non_null(strstr(err.text, "in use"));
    journal_file.close(journal);
    assert_int_equal(open_on(NULL, folder, 0, &journal, &err), 0);
    journal_file.close(journal);
    /* It is a file, or below one. */
    snprintf(path, sizeof(path), "%s/file", folder);
    file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(open_on(NULL, path, 0, &journal, &err), ERR_IO);
    assert_non_null(strstr(err.text, path));
    snprintf(path, sizeof(path), "%s/file/below", folder);
    assert_int_equal(open_on(NULL, path, 0, &journal, &err), ERR_IO);
    assert_non_null(strstr(err.text, "/file: Not a directory"));
    /* No right to it: root has every right. */
    if (geteuid() != 0) {
        chmod(folder, 0500);
        assert_int_equal(open_on(NULL, bytes_text(&forbidden), 0, &journal, &err), ERR_IO);
        chmod(folder, 0700);
    }
    bytes_done(&forbidden);
    journal_sample_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_nth_call_fails),
        cmocka_unit_test(test_the_disk_is_full_at_the_nth_call),
        cmocka_unit_test(test_many_ends),
        cmocka_unit_test(test_kill_9),
        cmocka_unit_test(test_a_write_that_fails),
        cmocka_unit_test(test_a_full_disk),
        cmocka_unit_test(test_a_folder_that_cannot_be_had),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
