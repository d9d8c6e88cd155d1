// SPDX-License-Identifier: Apache-2.0
/* test_disk.c - the real disk and the simulated one keep the same promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/disk.h"
#include "base/err.h"
#include "support/disk_sim.h"

struct world {
    const struct disk *disk;
    struct disk_sim *sim; /* NULL: the real one */
    char folder[256];
    char path[2][512];
};

static void set_up(struct world *world, bool simulated)
{
    const char *parent = getenv("TMPDIR");

    *world = (struct world){.disk = &disk_system};
    if (simulated) {
        world->sim = disk_sim_new();
        world->disk = disk_sim_disk(world->sim);
        snprintf(world->folder, sizeof(world->folder), "sim");
    } else {
        snprintf(world->folder, sizeof(world->folder), "%.200s/tallywheel-disk-XXXXXX",
                 parent != NULL ? parent : "/tmp");
        assert_non_null(mkdtemp(world->folder));
    }
    snprintf(world->path[0], sizeof(world->path[0]), "%s/one", world->folder);
    snprintf(world->path[1], sizeof(world->path[1]), "%s/two", world->folder);
}

static void tear_down(struct world *world)
{
    (void)world->disk->remove(world->disk, world->path[0], NULL);
    (void)world->disk->remove(world->disk, world->path[1], NULL);
    if (world->sim == NULL)
        assert_int_equal(rmdir(world->folder), 0);
    disk_sim_free(world->sim);
}

static void check_write_and_read(struct world *world)
{
    const struct disk *disk = world->disk;
    char data[100];
    uint64_t bytes;
    size_t size;
    int file;
    struct err err;

    assert_int_equal(disk->open(disk, world->path[0], DISK_READ, &file, &err), ERR_NOT_FOUND);
    assert_int_equal(disk->open(disk, world->path[0], DISK_WRITE, &file, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, world->path[0]));
    assert_int_equal(disk->open(disk, world->path[0], DISK_CREATE, &file, &err), 0);
    assert_int_equal(disk->write(disk, file, "hello", 5, 10, &err), 0);
    assert_int_equal(disk->size(disk, file, &bytes, &err), 0);
    assert_int_equal(bytes, 15);
    assert_int_equal(disk->sync(disk, file, &err), 0);
    /* Up to the end of the file; the gap reads as zeros. */
    assert_int_equal(disk->read(disk, file, data, sizeof(data), 8, &size, &err), 0);
    assert_int_equal(size, 7);
    assert_memory_equal(data, "\0\0hello", 7);
    assert_int_equal(disk->read(disk, file, data, sizeof(data), 15, &size, &err), 0);
    assert_int_equal(size, 0);
    assert_int_equal(disk->truncate(disk, file, 12, &err), 0);
    /* Room reads as zeros, also where bytes were that have been cut off. */
    assert_int_equal(disk->reserve(disk, file, 12, 1000, &err), 0);
    assert_int_equal(disk->size(disk, file, &bytes, &err), 0);
    assert_int_equal(bytes, 1012);
    assert_int_equal(disk->read(disk, file, data, 6, 10, &size, &err), 0);
    assert_int_equal(size, 6);
    assert_memory_equal(data, "he\0\0\0\0", 6);
    disk->advise(disk, file, 0, 1000);
    disk->close(disk, file);
    /* Opened for writing it keeps what it has; created again it is empty. */
    assert_int_equal(disk->open(disk, world->path[0], DISK_WRITE, &file, &err), 0);
    assert_int_equal(disk->size(disk, file, &bytes, &err), 0);
    assert_int_equal(bytes, 1012);
    disk->close(disk, file);
    assert_int_equal(disk->open(disk, world->path[0], DISK_CREATE, &file, &err), 0);
    assert_int_equal(disk->size(disk, file, &bytes, &err), 0);
    assert_int_equal(bytes, 0);
    disk->close(disk, file);
    disk->close(disk, -1);
}

static int find_name(void *context, const char *name, struct err *err)
{
    unsigned *found = context;

    (void)err;
    *found += strcmp(name, "one") == 0 ? 1 : strcmp(name, "two") == 0 ? 10 : 100;
    return 0;
}

static int refuse_name(void *context, const char *name, struct err *err)
{
    (void)context;
    return err_set(err, ERR_INVALID, "%s", name);
}

static unsigned names_in(struct world *world)
{
    unsigned found = 0;

    assert_int_equal(world->disk->list(world->disk, world->folder, find_name, &found, NULL), 0);
    return found;
}

static void check_names(struct world *world)
{
    const struct disk *disk = world->disk;
    int file;
    struct err err;

    assert_int_equal(names_in(world), 0);
    assert_int_equal(disk->open(disk, world->path[0], DISK_CREATE, &file, &err), 0);
    assert_int_equal(disk->write(disk, file, "1", 1, 0, &err), 0);
    disk->close(disk, file);
    assert_int_equal(names_in(world), 1);
    assert_int_equal(disk->rename(disk, world->path[0], world->path[1], &err), 0);
    assert_int_equal(names_in(world), 10);
    assert_int_equal(disk->open(disk, world->path[0], DISK_CREATE, &file, &err), 0);
    disk->close(disk, file);
    assert_int_equal(names_in(world), 11);
    assert_int_equal(disk->list(disk, world->folder, refuse_name, NULL, &err), ERR_INVALID);
    assert_int_equal(disk->sync_folder(disk, world->folder, &err), 0);
    /* Rename replaces. */
    assert_int_equal(disk->rename(disk, world->path[0], world->path[1], &err), 0);
    assert_int_equal(names_in(world), 10);
    assert_int_equal(disk->rename(disk, world->path[0], world->path[1], &err), ERR_NOT_FOUND);
    assert_int_equal(disk->remove(disk, world->path[1], &err), 0);
    assert_int_equal(disk->remove(disk, world->path[1], &err), ERR_NOT_FOUND);
    assert_int_equal(names_in(world), 0);
}

static void check_lock(struct world *world)
{
    const struct disk *disk = world->disk;
    int first;
    int second;
    struct err err;

    assert_int_equal(disk->lock(disk, world->folder, &first, &err), 0);
    assert_int_equal(disk->lock(disk, world->folder, &second, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.text, world->folder));
    disk->close(disk, first);
    assert_int_equal(disk->lock(disk, world->folder, &second, &err), 0);
    disk->close(disk, second);
}

static void test_both_disks(void **state)
{
    (void)state;
    for (int simulated = 0; simulated < 2; simulated++) {
        static void (*const checks[])(struct world *) = {check_write_and_read, check_names,
                                                         check_lock};

        for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
            struct world world;

            set_up(&world, simulated == 1);
            checks[i](&world);
            tear_down(&world);
        }
    }
}

static void test_folders(void **state)
{
    const struct disk *disk = &disk_system;
    struct world world;
    char deep[600];
    struct stat status;
    struct err err;
    int file;

    (void)state;
    set_up(&world, false);
    snprintf(deep, sizeof(deep), "%s/a//b/", world.path[0]);
    assert_int_equal(disk->make_folder(disk, deep, &err), 0);
    assert_int_equal(disk->make_folder(disk, deep, &err), 0);
    assert_int_equal(stat(deep, &status), 0);
    assert_true(S_ISDIR(status.st_mode));
    assert_int_equal(disk->make_folder(disk, ".", &err), 0);
    assert_int_equal(disk->make_folder(disk, "/", &err), 0);
    assert_int_equal(rmdir(deep), 0);
    snprintf(deep, sizeof(deep), "%s/a", world.path[0]);
    assert_int_equal(rmdir(deep), 0);
    assert_int_equal(rmdir(world.path[0]), 0);
    /* In the way stands a file. */
    assert_int_equal(disk->open(disk, world.path[0], DISK_CREATE, &file, &err), 0);
    disk->close(disk, file);
    assert_int_equal(disk->make_folder(disk, world.path[0], &err), ERR_IO);
    assert_non_null(strstr(err.text, "Not a directory"));
    assert_int_equal(disk->lock(disk, world.path[0], &file, &err), ERR_IO);
    assert_int_equal(disk->list(disk, world.path[1], refuse_name, NULL, &err), ERR_NOT_FOUND);
    assert_int_equal(disk->sync_folder(disk, world.path[1], &err), ERR_NOT_FOUND);
    tear_down(&world);
}

static void test_errors_of_a_file(void **state)
{
    const struct disk *disk = &disk_system;
    struct world world;
    char data[8];
    uint64_t bytes;
    size_t size;
    struct err err;
    int file;

    (void)state;
    set_up(&world, false);
    assert_int_equal(disk->write(disk, -1, "x", 1, 0, &err), ERR_IO);
    assert_non_null(strstr(err.text, "Bad file descriptor"));
    assert_int_equal(disk->read(disk, -1, data, 1, 0, &size, &err), ERR_IO);
    assert_int_equal(disk->size(disk, -1, &bytes, &err), ERR_IO);
    assert_int_equal(disk->truncate(disk, -1, 1, &err), ERR_IO);
    assert_int_equal(disk->reserve(disk, -1, 0, 1, &err), ERR_IO);
    assert_int_equal(disk->sync(disk, -1, &err), ERR_IO);
    /* A disk that is always full. */
    assert_int_equal(disk->open(disk, "/dev/full", DISK_WRITE, &file, &err), 0);
    assert_int_equal(disk->write(disk, file, "x", 1, 0, &err), ERR_FULL);
    disk->close(disk, file);
    tear_down(&world);
}

/* What the simulated disk forgets when the power goes. */
static void test_a_power_cut(void **state)
{
    struct disk_sim *sim = disk_sim_new();
    const struct disk *disk = disk_sim_disk(sim);
    bool lost = false;
    bool kept = false;
    struct err err;
    int file;

    (void)state;
    assert_int_equal(disk->open(disk, "f/unsynced", DISK_CREATE, &file, &err), 0);
    assert_int_equal(disk->sync(disk, file, &err), 0);
    disk_sim_power_cut(sim, 1);
    assert_null(disk_sim_content(sim, "f/unsynced"));
    assert_int_equal(disk->open(disk, "f/a", DISK_CREATE, &file, &err), 0);
    assert_int_equal(disk->write(disk, file, "safe", 4, 0, &err), 0);
    assert_int_equal(disk->sync(disk, file, &err), 0);
    assert_int_equal(disk->sync_folder(disk, "f", &err), 0);
    disk_sim_power_cut(sim, 2);
    assert_memory_equal(disk_sim_content(sim, "f/a")->data, "safe", 4);
    for (uint64_t seed = 0; seed < 20; seed++) {
        const struct bytes *content;

        disk_sim_put(sim, "f/a", SPAN_LITERAL("safe"));
        assert_int_equal(disk->open(disk, "f/a", DISK_WRITE, &file, &err), 0);
        assert_int_equal(disk->write(disk, file, "risk", 4, 0, &err), 0);
        disk_sim_power_cut(sim, seed);
        content = disk_sim_content(sim, "f/a");
        assert_int_equal(content->size, 4);
        lost = lost || memcmp(content->data, "safe", 4) == 0;
        kept = kept || memcmp(content->data, "risk", 4) == 0;
    }
    assert_true(lost);
    assert_true(kept);
    disk_sim_fail_at(sim, 2, ERR_FULL);
    assert_int_equal(disk->sync_folder(disk, "f", &err), 0);
    assert_int_equal(disk->sync_folder(disk, "f", &err), ERR_FULL);
    assert_int_equal(disk->sync_folder(disk, "f", &err), ERR_FULL);
    disk_sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_disks),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_errors_of_a_file),
        cmocka_unit_test(test_a_power_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
