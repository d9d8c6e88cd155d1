// SPDX-License-Identifier: Apache-2.0
/* disk_sim.c - see disk_sim.h. */
#include "support/disk_sim.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"

#define SECTOR_BYTES 512u
#define ENTRIES_MAX 512
#define FILES_MAX 1024
#define HANDLES_MAX 256

struct sim_file {
    struct bytes now;
    struct bytes synced;
};

/* A name, and which file it meant at the last sync_folder (-1: none). */
struct sim_entry {
    char *path;
    int file;
    int file_synced;
};

struct sim_handle {
    bool is_open;
    bool is_lock;
    int file;
    char *path; /* of a lock */
};

struct disk_sim {
    struct disk disk;
    pthread_mutex_t mutex;
    struct sim_file files[FILES_MAX];
    int file_count;
    struct sim_entry entries[ENTRIES_MAX];
    int entry_count;
    struct sim_handle handles[HANDLES_MAX];
    uint64_t calls;
    uint64_t fail_at;    /* in `calls`; 0: never */
    uint64_t fail_count; /* so many in a row */
    int fail_code;
};

static struct disk_sim *sim_of(const struct disk *disk)
{
    return (struct disk_sim *)disk;
}

static struct disk_sim *enter(const struct disk *disk)
{
    struct disk_sim *sim = sim_of(disk);

    pthread_mutex_lock(&sim->mutex);
    return sim;
}

static int leave(struct disk_sim *sim, int rc)
{
    pthread_mutex_unlock(&sim->mutex);
    return rc;
}

/* Counts a changing call; negative if it is its turn to fail. */
static int changing(struct disk_sim *sim, struct err *err)
{
    sim->calls++;
    if (sim->fail_at == 0 || sim->calls < sim->fail_at ||
        sim->calls - sim->fail_at >= sim->fail_count)
        return 0;
    return err_set(err, sim->fail_code, "the simulated disk was told to fail");
}

static void set_content(struct bytes *bytes, struct span content)
{
    bytes_clear(bytes);
    bytes_put(bytes, content.data, content.size);
}

static void grow(struct bytes *bytes, uint64_t size)
{
    if (size <= bytes->size)
        return;
    memset(bytes_reserve(bytes, size - bytes->size), 0, size - bytes->size);
    bytes->size = size;
}

static struct sim_entry *find_entry(struct disk_sim *sim, const char *path)
{
    for (int i = 0; i < sim->entry_count; i++)
        if (strcmp(sim->entries[i].path, path) == 0)
            return &sim->entries[i];
    return NULL;
}

static struct sim_entry *take_entry(struct disk_sim *sim, const char *path)
{
    struct sim_entry *entry = find_entry(sim, path);

    if (entry != NULL)
        return entry;
    assert(sim->entry_count < ENTRIES_MAX);
    entry = &sim->entries[sim->entry_count++];
    *entry = (struct sim_entry){bytes_dup(span_of(path)), -1, -1};
    return entry;
}

static bool is_in(const char *path, const char *folder)
{
    size_t size = strlen(folder);

    return strncmp(path, folder, size) == 0 && path[size] == '/' &&
           strchr(path + size + 1, '/') == NULL;
}

static int take_handle(struct disk_sim *sim, struct sim_handle handle)
{
    for (int i = 0; i < HANDLES_MAX; i++) {
        if (!sim->handles[i].is_open) {
            sim->handles[i] = handle;
            sim->handles[i].is_open = true;
            return i;
        }
    }
    assert(!"too many open files on the simulated disk");
    return -1;
}

static struct sim_file *file_at(struct disk_sim *sim, int file)
{
    assert(file >= 0 && file < HANDLES_MAX && sim->handles[file].is_open);
    return &sim->files[sim->handles[file].file];
}

static int disk_sim_make_folder(const struct disk *disk, const char *path, struct err *err)
{
    struct disk_sim *sim = enter(disk);

    (void)path;
    return leave(sim, changing(sim, err));
}

static int disk_sim_list(const struct disk *disk, const char *path, disk_name_fn *visit,
                         void *context, struct err *err)
{
    struct disk_sim *sim = enter(disk);
    int rc = 0;

    for (int i = 0; rc == 0 && i < sim->entry_count; i++)
        if (sim->entries[i].file >= 0 && is_in(sim->entries[i].path, path))
            rc = visit(context, sim->entries[i].path + strlen(path) + 1, err);
    return leave(sim, rc);
}

static int disk_sim_sync_folder(const struct disk *disk, const char *path, struct err *err)
{
    struct disk_sim *sim = enter(disk);
    int rc = changing(sim, err);

    for (int i = 0; rc == 0 && i < sim->entry_count; i++)
        if (is_in(sim->entries[i].path, path))
            sim->entries[i].file_synced = sim->entries[i].file;
    return leave(sim, rc);
}

static int disk_sim_lock(const struct disk *disk, const char *path, int *out_file, struct err *err)
{
    struct disk_sim *sim = enter(disk);

    for (int i = 0; i < HANDLES_MAX; i++)
        if (sim->handles[i].is_open && sim->handles[i].is_lock &&
            strcmp(sim->handles[i].path, path) == 0)
            return leave(sim, err_set(err, ERR_CONFLICT, "%s is in use", path));
    *out_file = take_handle(
        sim, (struct sim_handle){.is_lock = true, .file = -1, .path = bytes_dup(span_of(path))});
    return leave(sim, 0);
}

static int disk_sim_rename(const struct disk *disk, const char *from, const char *to,
                           struct err *err)
{
    struct disk_sim *sim = enter(disk);
    int rc = changing(sim, err);
    struct sim_entry *source = find_entry(sim, from);

    if (rc < 0)
        return leave(sim, rc);
    if (source == NULL || source->file < 0)
        return leave(sim, err_set(err, ERR_NOT_FOUND, "%s is not there", from));
    take_entry(sim, to)->file = source->file;
    source->file = -1;
    return leave(sim, 0);
}

static int disk_sim_remove(const struct disk *disk, const char *path, struct err *err)
{
    struct disk_sim *sim = enter(disk);
    int rc = changing(sim, err);
    struct sim_entry *entry = find_entry(sim, path);

    if (rc < 0)
        return leave(sim, rc);
    if (entry == NULL || entry->file < 0)
        return leave(sim, err_set(err, ERR_NOT_FOUND, "%s is not there", path));
    entry->file = -1;
    return leave(sim, 0);
}

static int disk_sim_open(const struct disk *disk, const char *path, enum disk_mode mode,
                         int *out_file, struct err *err)
{
    struct disk_sim *sim = enter(disk);
    int rc = mode == DISK_CREATE ? changing(sim, err) : 0;
    struct sim_entry *entry = find_entry(sim, path);

    if (rc < 0)
        return leave(sim, rc);
    if (mode != DISK_CREATE && (entry == NULL || entry->file < 0))
        return leave(sim, err_set(err, ERR_NOT_FOUND, "%s is not there", path));
    entry = take_entry(sim, path);
    if (entry->file < 0) {
        assert(sim->file_count < FILES_MAX);
        entry->file = sim->file_count++;
    }
    if (mode == DISK_CREATE)
        bytes_clear(&sim->files[entry->file].now);
    *out_file = take_handle(sim, (struct sim_handle){.file = entry->file});
    return leave(sim, 0);
}

static void disk_sim_close(const struct disk *disk, int file)
{
    struct disk_sim *sim = enter(disk);

    if (file >= 0) {
        assert(sim->handles[file].is_open);
        free(sim->handles[file].path);
        sim->handles[file] = (struct sim_handle){0};
    }
    leave(sim, 0);
}

static int disk_sim_size(const struct disk *disk, int file, uint64_t *out_bytes, struct err *err)
{
    struct disk_sim *sim = enter(disk);

    (void)err;
    *out_bytes = file_at(sim, file)->now.size;
    return leave(sim, 0);
}

static int disk_sim_read(const struct disk *disk, int file, void *data, size_t size,
                         uint64_t position, size_t *out_size, struct err *err)
{
    struct disk_sim *sim = enter(disk);
    const struct bytes *now = &file_at(sim, file)->now;
    size_t left = position < now->size ? now->size - position : 0;

    (void)err;
    *out_size = size < left ? size : left;
    if (*out_size > 0)
        memcpy(data, now->data + position, *out_size);
    return leave(sim, 0);
}

static int disk_sim_write(const struct disk *disk, int file, const void *data, size_t size,
                          uint64_t position, struct err *err)
{
    struct disk_sim *sim = enter(disk);
    struct bytes *now = &file_at(sim, file)->now;
    int rc = changing(sim, err);

    if (rc < 0)
        size /= 2;
    grow(now, position + size);
    if (size > 0)
        memcpy(now->data + position, data, size);
    return leave(sim, rc);
}

static int disk_sim_reserve(const struct disk *disk, int file, uint64_t position, uint64_t size,
                            struct err *err)
{
    struct disk_sim *sim = enter(disk);
    int rc = changing(sim, err);

    if (rc == 0)
        grow(&file_at(sim, file)->now, position + size);
    return leave(sim, rc);
}

static int disk_sim_truncate(const struct disk *disk, int file, uint64_t size, struct err *err)
{
    struct disk_sim *sim = enter(disk);
    int rc = changing(sim, err);
    struct bytes *now = &file_at(sim, file)->now;

    if (rc == 0) {
        grow(now, size);
        now->size = size;
    }
    return leave(sim, rc);
}

static int disk_sim_sync(const struct disk *disk, int file, struct err *err)
{
    struct disk_sim *sim = enter(disk);
    int rc = changing(sim, err);
    struct sim_file *content = file_at(sim, file);

    if (rc == 0)
        set_content(&content->synced, bytes_span(&content->now));
    return leave(sim, rc);
}

static void disk_sim_advise(const struct disk *disk, int file, uint64_t position, uint64_t size)
{
    (void)disk;
    (void)file;
    (void)position;
    (void)size;
}

struct disk_sim *disk_sim_new(void)
{
    struct disk_sim *sim = bytes_alloc_zero(1, sizeof(*sim));

    pthread_mutex_init(&sim->mutex, NULL);
    sim->disk = (struct disk){
        .make_folder = disk_sim_make_folder,
        .list = disk_sim_list,
        .sync_folder = disk_sim_sync_folder,
        .lock = disk_sim_lock,
        .rename = disk_sim_rename,
        .remove = disk_sim_remove,
        .open = disk_sim_open,
        .close = disk_sim_close,
        .size = disk_sim_size,
        .read = disk_sim_read,
        .write = disk_sim_write,
        .reserve = disk_sim_reserve,
        .truncate = disk_sim_truncate,
        .sync = disk_sim_sync,
        .advise = disk_sim_advise,
    };
    return sim;
}

void disk_sim_free(struct disk_sim *sim)
{
    if (sim == NULL)
        return;
    disk_sim_kill(sim);
    for (int i = 0; i < sim->entry_count; i++)
        free(sim->entries[i].path);
    for (int i = 0; i < sim->file_count; i++) {
        bytes_done(&sim->files[i].now);
        bytes_done(&sim->files[i].synced);
    }
    pthread_mutex_destroy(&sim->mutex);
    free(sim);
}

const struct disk *disk_sim_disk(struct disk_sim *sim)
{
    return &sim->disk;
}

void disk_sim_fail_at(struct disk_sim *sim, uint64_t call, int code)
{
    disk_sim_fail_some(sim, call, UINT64_MAX, code);
}

void disk_sim_fail_some(struct disk_sim *sim, uint64_t call, uint64_t count, int code)
{
    sim->fail_at = call > 0 ? sim->calls + call : 0;
    sim->fail_count = count;
    sim->fail_code = code;
}

uint64_t disk_sim_calls(const struct disk_sim *sim)
{
    return sim->calls;
}

void disk_sim_kill(struct disk_sim *sim)
{
    for (int i = 0; i < HANDLES_MAX; i++) {
        free(sim->handles[i].path);
        sim->handles[i] = (struct sim_handle){0};
    }
}

/* What the platter holds of a file whose last writes were not synced. */
static void cut_power_of(struct sim_file *file, uint64_t *seed)
{
    struct bytes *now = &file->now;
    struct bytes *synced = &file->synced;
    size_t size;

    *seed = hash_u64(*seed + 1);
    size = *seed & 1 ? now->size : synced->size;
    grow(now, size);
    grow(synced, size);
    for (size_t at = 0; at < size; at += SECTOR_BYTES) {
        size_t width = size - at < SECTOR_BYTES ? size - at : SECTOR_BYTES;

        *seed = hash_u64(*seed + 1);
        if ((*seed & 1) != 0)
            memcpy(synced->data + at, now->data + at, width);
    }
    synced->size = size;
    set_content(now, bytes_span(synced));
}

void disk_sim_power_cut(struct disk_sim *sim, uint64_t seed)
{
    disk_sim_kill(sim);
    sim->fail_at = 0;
    for (int i = 0; i < sim->entry_count; i++)
        sim->entries[i].file = sim->entries[i].file_synced;
    for (int i = 0; i < sim->file_count; i++)
        cut_power_of(&sim->files[i], &seed);
}

struct bytes *disk_sim_content(struct disk_sim *sim, const char *path)
{
    struct sim_entry *entry = find_entry(sim, path);

    return entry != NULL && entry->file >= 0 ? &sim->files[entry->file].now : NULL;
}

void disk_sim_put(struct disk_sim *sim, const char *path, struct span content)
{
    struct sim_entry *entry = take_entry(sim, path);

    if (entry->file < 0) {
        assert(sim->file_count < FILES_MAX);
        entry->file = sim->file_count++;
    }
    entry->file_synced = entry->file;
    set_content(&sim->files[entry->file].now, content);
    set_content(&sim->files[entry->file].synced, content);
}
