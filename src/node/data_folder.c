// SPDX-License-Identifier: Apache-2.0
/* data_folder.c - see data_folder.h. */
#include "node/data_folder.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/disk.h"
#include "base/err.h"

#define FORMAT 1
#define TEXT_BYTES_MAX 4096
#define PARTITIONS_MAX 1024
#define FILE_BYTES_MAX (256 << 10)
#define ZONES_FOLDER "/usr/share/zoneinfo"

static int read_text(const char *path, char *text, size_t *out_size, struct err *err)
{
    int file;
    int rc = disk_system.open(&disk_system, path, DISK_READ, &file, err);

    if (rc < 0)
        return rc;
    rc = disk_system.read(&disk_system, file, text, TEXT_BYTES_MAX, 0, out_size, err);
    disk_system.close(&disk_system, file);
    return rc;
}

static int parse(const char *path, const char *text, size_t size, uint32_t *out_partitions,
                 struct err *err)
{
    json_error_t error;
    json_t *root = json_loadb(text, size, 0, &error);
    json_int_t format = json_integer_value(json_object_get(root, "format"));
    json_int_t partitions = json_integer_value(json_object_get(root, "partitions"));
    bool is_object = json_is_object(root);

    json_decref(root);
    if (!is_object)
        return err_set(err, ERR_CORRUPT,
                       "%s does not hold a JSON object (%s); it says {\"format\":%d,"
                       "\"partitions\":N}, with N the number of folders partition-*",
                       path, error.text[0] != '\0' ? error.text : "but something else", FORMAT);
    if (format != FORMAT)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s: format %lld, this version reads format %d; use the version that wrote "
                       "it, or another data folder",
                       path, (long long)format, FORMAT);
    if (partitions < 1 || partitions > PARTITIONS_MAX)
        return err_set(err, ERR_CORRUPT, "%s: \"partitions\" is %lld", path, (long long)partitions);
    *out_partitions = (uint32_t)partitions;
    return 0;
}

/* Written aside, synced, renamed: the folder has either no description or a whole one. */
static int create(const char *folder, const char *path, uint32_t partitions, struct err *err)
{
    char aside[4352];
    char text[128];
    int file = -1;
    int size =
        snprintf(text, sizeof(text), "{\"format\":%d,\"partitions\":%u}\n", FORMAT, partitions);
    int rc;

    snprintf(aside, sizeof(aside), "%s.new", path);
    rc = disk_system.open(&disk_system, aside, DISK_CREATE, &file, err);
    if (rc == 0)
        rc = disk_system.write(&disk_system, file, text, (size_t)size, 0, err);
    if (rc == 0)
        rc = disk_system.sync(&disk_system, file, err);
    disk_system.close(&disk_system, file);
    if (rc == 0)
        rc = disk_system.rename(&disk_system, aside, path, err);
    if (rc == 0)
        rc = disk_system.sync_folder(&disk_system, folder, err);
    return rc;
}

int data_folder_open(const char *folder, uint32_t wanted, uint32_t *inout_partitions, int *out_lock,
                     struct err *err)
{
    char path[4224];
    char text[TEXT_BYTES_MAX];
    size_t size;
    uint32_t has = 0;
    int rc = disk_system.make_folder(&disk_system, folder, err);

    if (rc < 0)
        return rc;
    rc = disk_system.lock(&disk_system, folder, out_lock, err);
    if (rc < 0)
        return rc;
    snprintf(path, sizeof(path), "%s/tallywheel.json", folder);
    rc = read_text(path, text, &size, err);
    if (rc == ERR_NOT_FOUND)
        return create(folder, path, *inout_partitions, err);
    if (rc < 0)
        return rc;
    rc = parse(path, text, size, &has, err);
    if (rc < 0)
        return rc;
    if (wanted > 0 && wanted != has)
        return err_set(err, ERR_CONFLICT,
                       "%s was made with %u partitions, the config asks for %u; the number is "
                       "fixed for life: set `partitions: %u`, or use another data folder",
                       folder, has, wanted, has);
    *inout_partitions = has;
    return 0;
}

/* No part of the name may lead up, and it starts below the folder. */
static bool is_inside(const char *name)
{
    return name[0] != '/' && name[0] != '\0' && strstr(name, "..") == NULL;
}

int data_folder_load(void *context, enum catalog_file_kind kind, const char *name,
                     struct bytes *out, struct err *err)
{
    const char *zones = getenv("TZDIR");
    char path[4352];
    size_t size = 0;
    int file;
    int rc;

    if (kind == CATALOG_ZONE)
        snprintf(path, sizeof(path), "%s/%s", zones != NULL ? zones : ZONES_FOLDER, name);
    else
        snprintf(path, sizeof(path), "%s/scripts/%s", (const char *)context, name);
    if (!is_inside(name))
        return err_set(err, ERR_INVALID, "\"%s\" is not the name of a file below %s", name,
                       kind == CATALOG_ZONE ? "the folder of zones" : "scripts");
    rc = disk_system.open(&disk_system, path, DISK_READ, &file, err);
    if (rc < 0)
        return rc == ERR_NOT_FOUND ? err_set(err, ERR_INVALID, "there is no file %s", path) : rc;
    rc = disk_system.read(&disk_system, file, bytes_reserve(out, FILE_BYTES_MAX + 1),
                          FILE_BYTES_MAX + 1, 0, &size, err);
    disk_system.close(&disk_system, file);
    if (rc < 0)
        return rc;
    if (size > FILE_BYTES_MAX)
        return err_set(err, ERR_INVALID, "%s is larger than %d bytes", path, FILE_BYTES_MAX);
    out->size += size;
    return 0;
}

void data_folder_close(int lock)
{
    disk_system.close(&disk_system, lock);
}
