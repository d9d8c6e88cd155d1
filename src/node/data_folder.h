// SPDX-License-Identifier: Apache-2.0
/*
 * data_folder.h - the data folder: one process at a time (it holds an flock on the folder), and a
 * number of partitions for life.
 *
 *     <data>/tallywheel.json          {"format":1,"partitions":2}
 *     <data>/partition-000/journal/   see journal/journal_file.c
 *     <data>/scripts/                 what lua(file) names
 *
 * Thread: the main thread, before workers run; reading files: any.
 */
#ifndef TALLYWHEEL_NODE_DATA_FOLDER_H
#define TALLYWHEEL_NODE_DATA_FOLDER_H

#include <stdint.h>

#include "engine/catalog_files.h"

struct bytes;
struct err;

/*
 * `wanted` is 0 (whatever it has) or the number that the config asks for; *inout_partitions is
 * what a new folder gets, and what it has afterwards.
 */
int data_folder_open(const char *folder, uint32_t wanted, uint32_t *inout_partitions, int *out_lock,
                     struct err *err);
void data_folder_close(int lock);

/*
 * Appends the bytes of a file that a definition names: a zone from the system's folder of zones
 * (the variable TZDIR, or /usr/share/zoneinfo), a script from the folder "scripts". Names lead to
 * nothing outside of these. `context` is the data folder: what a struct catalog_loader wants.
 */
int data_folder_load(void *context, enum catalog_file_kind kind, const char *name,
                     struct bytes *out, struct err *err);

#endif
