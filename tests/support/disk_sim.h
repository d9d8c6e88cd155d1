// SPDX-License-Identifier: Apache-2.0
/*
 * disk_sim.h - a disk in memory that can fail on any call and lose its power.
 *
 * It keeps the promises of base/disk.h and no other: what was written but not synced is, after a
 * power cut, there or not there sector by sector (512 bytes), as a seed says; so is a size that
 * was not synced; a name that was not synced with its folder is as before.
 *
 * Folders are only prefixes of paths. Reading never fails.
 *
 * Thread: any, as with every disk; disk_sim_* only while nobody else uses the disk.
 */
#ifndef TALLYWHEEL_TESTS_SUPPORT_DISK_SIM_H
#define TALLYWHEEL_TESTS_SUPPORT_DISK_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/disk.h"

struct disk_sim;

struct disk_sim *disk_sim_new(void);
void disk_sim_free(struct disk_sim *sim);
const struct disk *disk_sim_disk(struct disk_sim *sim);

/*
 * The `call`-th changing call from now (from 1: make_folder, sync_folder, rename, remove, a create,
 * write, reserve, truncate, sync) fails with `code`, and so do all after it. A write that fails
 * first writes half of what it should; a sync that fails has synced nothing. 0: none fails.
 */
void disk_sim_fail_at(struct disk_sim *sim, uint64_t call, int code);

/* The same, but only `count` calls fail. */
void disk_sim_fail_some(struct disk_sim *sim, uint64_t call, uint64_t count, int code);

/* Changing calls so far. */
uint64_t disk_sim_calls(const struct disk_sim *sim);

/* The process ends: files and locks are given back, what was written stays. */
void disk_sim_kill(struct disk_sim *sim);

/* The power goes and comes back. No call fails any more. */
void disk_sim_power_cut(struct disk_sim *sim, uint64_t seed);

/* The content of a file, to look at and to damage; NULL if there is none. */
struct bytes *disk_sim_content(struct disk_sim *sim, const char *path);

/* Makes a file with this content, synced. */
void disk_sim_put(struct disk_sim *sim, const char *path, struct span content);

#endif
