// SPDX-License-Identifier: Apache-2.0
/*
 * bench_journal.c - how fast a journal takes groups, how long a commit lasts, how fast it reads.
 *
 *     bench_journal [FOLDER [MEGABYTES]]
 *
 * Without a folder it makes one in $TMPDIR or /tmp; say one to measure another disk. One thread
 * appends records of 4 KiB and seals groups of 256 KiB, another commits, as the server does. The
 * owner's column is what append costs the thread that has a partition to run. Read is from the
 * page cache, with every checksum verified.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "journal/journal.h"

#define RECORD_BYTES 4096u
#define GROUP_BYTES (256u << 10)
#define GROUPS_MAX 65536u

struct bench {
    struct journal *journal;
    uint64_t group_count;
    uint64_t *commit_ns;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool sealed;
    uint64_t committed; /* groups */
};

static void die(const struct err *err)
{
    fprintf(stderr, "bench_journal: %s\n", err->text);
    exit(1);
}

static void *commit_all(void *argument)
{
    struct bench *bench = argument;

    pthread_mutex_lock(&bench->mutex);
    while (bench->committed < bench->group_count) {
        uint64_t begin;
        struct err err;

        while (!bench->sealed)
            pthread_cond_wait(&bench->changed, &bench->mutex);
        pthread_mutex_unlock(&bench->mutex);
        begin = clock_mono_ns(&clock_system);
        if (bench->journal->ops->commit(bench->journal, &err) < 0)
            die(&err);
        bench->commit_ns[bench->committed] = clock_mono_ns(&clock_system) - begin;
        pthread_mutex_lock(&bench->mutex);
        bench->committed++;
        bench->sealed = false;
        pthread_cond_signal(&bench->changed);
    }
    pthread_mutex_unlock(&bench->mutex);
    return NULL;
}

/* Appends and seals everything; returns how long append took in all. */
static uint64_t append_all(struct bench *bench, const char *payload)
{
    uint64_t spent_ns = 0;

    for (uint64_t group = 0; group < bench->group_count; group++) {
        uint64_t begin = clock_mono_ns(&clock_system);

        while (bench->journal->ops->staged_bytes(bench->journal) < GROUP_BYTES) {
            struct journal_record record = {
                .type = JOURNAL_BATCH,
                .count = 40,
                .wall_ms = 1,
                .payload = {payload, RECORD_BYTES},
            };
            struct err err;

            if (bench->journal->ops->append(bench->journal, &record, &err) < 0)
                die(&err);
        }
        spent_ns += clock_mono_ns(&clock_system) - begin;
        pthread_mutex_lock(&bench->mutex);
        while (bench->sealed)
            pthread_cond_wait(&bench->changed, &bench->mutex);
        bench->journal->ops->seal(bench->journal);
        bench->sealed = true;
        pthread_cond_signal(&bench->changed);
        pthread_mutex_unlock(&bench->mutex);
    }
    return spent_ns;
}

static int count_record(void *context, const struct journal_record *record, struct err *err)
{
    (void)err;
    *(uint64_t *)context += record->payload.size;
    return 0;
}

static int compare_ns(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void empty_folder(const char *folder)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;

    while (entries != NULL && (entry = readdir(entries)) != NULL)
        if (strstr(entry->d_name, ".seg") != NULL)
            (void)unlinkat(dirfd(entries), entry->d_name, 0);
    if (entries != NULL)
        closedir(entries);
}

static void run(const char *name, const struct journal_ops *ops, const char *folder,
                enum journal_durability durability, uint64_t megabytes)
{
    struct bench bench = {
        .group_count = (megabytes << 20) / GROUP_BYTES,
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
    };
    struct journal_options options = {.folder = folder, .durability = durability};
    char *payload = bytes_alloc(RECORD_BYTES);
    struct journal_stat stat;
    uint64_t read_bytes = 0;
    uint64_t begin;
    uint64_t append_ns;
    uint64_t write_ns;
    uint64_t read_ns;
    pthread_t committer;
    struct err err;

    if (bench.group_count > GROUPS_MAX)
        bench.group_count = GROUPS_MAX;
    bench.commit_ns = bytes_alloc_zero(bench.group_count, sizeof(bench.commit_ns[0]));
    for (size_t i = 0; i < RECORD_BYTES; i++)
        payload[i] = (char)(i * 31 + i / 7);
    if (ops->open(&bench.journal, &options, &err) < 0)
        die(&err);
    begin = clock_mono_ns(&clock_system);
    pthread_create(&committer, NULL, commit_all, &bench);
    append_ns = append_all(&bench, payload);
    pthread_join(committer, NULL);
    write_ns = clock_mono_ns(&clock_system) - begin;
    begin = clock_mono_ns(&clock_system);
    if (ops->read(bench.journal, 0, count_record, &read_bytes, &err) < 0)
        die(&err);
    read_ns = clock_mono_ns(&clock_system) - begin;
    ops->stat(bench.journal, &stat);
    ops->close(bench.journal);
    empty_folder(folder);
    qsort(bench.commit_ns, bench.group_count, sizeof(bench.commit_ns[0]), compare_ns);
    printf("%-14s %10.0f %12.0f %12.0f %16.3f %12.0f\n", name,
           (double)stat.bytes * 1e3 / (double)write_ns,
           (double)bench.commit_ns[bench.group_count / 2] / 1e3,
           (double)bench.commit_ns[bench.group_count * 99 / 100] / 1e3,
           (double)append_ns / (double)stat.bytes, (double)read_bytes * 1e3 / (double)read_ns);
    free(bench.commit_ns);
    free(payload);
}

int main(int argc, char **argv)
{
    const char *parent = getenv("TMPDIR");
    uint64_t megabytes = argc > 2 ? strtoull(argv[2], NULL, 10) : 512;
    struct bytes folder = {0};

    if (megabytes == 0 || argc > 3) {
        fprintf(stderr, "usage: bench_journal [FOLDER [MEGABYTES]]\n");
        return 2;
    }
    if (argc > 1) {
        bytes_put_text(&folder, argv[1]);
    } else {
        bytes_format(&folder, "%s/tallywheel-bench-XXXXXX", parent != NULL ? parent : "/tmp");
        bytes_text(&folder);
        if (mkdtemp(folder.data) == NULL) {
            perror(folder.data);
            return 1;
        }
    }
    printf("%-14s %10s %12s %12s %16s %12s\n", "journal", "MB/s", "commit p50 us", "p99 us",
           "owner ns/byte", "read MB/s");
    run("file, fsync", &journal_file, bytes_text(&folder), JOURNAL_FSYNC, megabytes);
    run("file, written", &journal_file, bytes_text(&folder), JOURNAL_WRITTEN, megabytes);
    run("memory", &journal_memory, bytes_text(&folder), JOURNAL_MEMORY, megabytes);
    if (argc == 1)
        (void)rmdir(bytes_text(&folder));
    bytes_done(&folder);
    return 0;
}
