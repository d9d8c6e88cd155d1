// SPDX-License-Identifier: Apache-2.0
/*
 * catalog_files.h - files that a definition names: time zones and scripts.
 *
 * A replay must see them as they were when the definition was made, so their bytes are part of its
 * record (docs/decisions/012-seasons-and-zones.md):
 *
 *     "files":[{"kind":"zone","name":"Europe/Berlin","base64":"VFppZjI…"}]
 *
 * Thread: plain values; the owner's.
 */
#ifndef TALLYWHEEL_ENGINE_CATALOG_FILES_H
#define TALLYWHEEL_ENGINE_CATALOG_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "model/definition.h"

struct catalog_loader;
struct err;
struct json_out;
struct json_t;

enum catalog_file_kind { CATALOG_ZONE, CATALOG_SCRIPT };

#define CATALOG_FILES_MAX (2 + SUBSCORES_MAX) /* a zone, a script for each score */

struct catalog_file {
    enum catalog_file_kind kind;
    char name[NAME_BYTES_MAX];
    struct bytes bytes;
};

/* All zero is none. */
struct catalog_files {
    uint32_t count;
    struct catalog_file items[CATALOG_FILES_MAX];
};

void catalog_files_done(struct catalog_files *files);

/* NULL if it is not among them. */
const struct catalog_file *catalog_files_find(const struct catalog_files *files,
                                              enum catalog_file_kind kind, const char *name);

/*
 * What `def` names: scripts from the loader; a zone from `old` if it is there, so that a newer file
 * of the system changes no board that exists. On failure nothing is left to free.
 */
int catalog_files_load(struct catalog_files *out_files, const struct board_def *def,
                       const struct catalog_files *old, const struct catalog_loader *loader,
                       struct err *err);

bool catalog_files_equal(const struct catalog_files *a, const struct catalog_files *b);

/* The member "files" of a record, if there are any; and back. ERR_CORRUPT if it is damaged. */
void catalog_files_print(const struct catalog_files *files, struct json_out *out);
int catalog_files_parse(struct catalog_files *out_files, const struct json_t *tree,
                        struct err *err);

#endif
