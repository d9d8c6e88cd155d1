// SPDX-License-Identifier: Apache-2.0
/*
 * journal_file_full.c - a journal on a full disk: what is taken back, and how it goes on.
 *
 * A commit gets its room before it writes, so what usually fails is that: then the file may have
 * become longer, by zeros, and holds nothing new. Where room cannot be had in advance (a file
 * system without fallocate, one that copies on write, a quota) the write itself may fail half way;
 * its records are whole and sound up to there, so they are cut off, and the cut is made durable: a
 * restart must not bring back what its sender was told is lost. Neither touches a byte before the
 * tail. If there is no room even for the cut, it is made before anything else when there is.
 *
 * Thread: the one that commits.
 */
#include "journal/journal_file_private.h"

#include <string.h>

#include "base/disk.h"

/* Trying for as much as the largest groups have would keep small ones waiting for no reason. */
#define WANTED_BYTES_MAX (8u << 20)

static int take_back(struct journal_file *file, struct err *err)
{
    int rc;

    if (!file->uncut)
        return 0;
    rc = file->disk->truncate(file->disk, file->file, file->tail, err);
    if (rc < 0)
        return rc;
    file->reserved_end = file->tail;
    file->uncut = false;
    if (file->durability != JOURNAL_FSYNC)
        return 0;
    rc = file->disk->sync(file->disk, file->file, err);
    return rc == ERR_FULL ? ERR_IO : rc;
}

/* Room is missing still, or it is over. */
static int refuse_or_stop(struct journal_file *file, int rc, struct err *reason, struct err *err)
{
    err_prefix(reason, "%s", file->folder);
    if (rc != ERR_FULL)
        return journal_file_stop(file, rc, reason, err);
    file->failure = *reason;
    file->failure.code = ERR_FULL;
    atomic_store_explicit(&file->full, true, memory_order_release);
    return journal_file_refuse(file, err);
}

int journal_file_fill(struct journal_file *file, const struct journal_file_group *group,
                      struct err *reason, struct err *err)
{
    struct segment_record head;
    struct err cut = {0};
    int rc;

    memcpy(&head, group->data.data, sizeof(head));
    file->full_wall_ms = head.wall_ms;
    file->full_bytes = group->data.size < WANTED_BYTES_MAX ? group->data.size : WANTED_BYTES_MAX;
    file->uncut = file->file >= 0;
    rc = take_back(file, &cut);
    if (rc < 0 && rc != ERR_FULL)
        return refuse_or_stop(file, rc, &cut, err);
    return refuse_or_stop(file, ERR_FULL, reason, err);
}

static void forget_groups(struct journal_file *file)
{
    for (int i = 0; i < 2; i++)
        bytes_clear(&file->groups[i].data);
    atomic_store_explicit(&file->sealed, false, memory_order_release);
    pthread_mutex_lock(&file->mutex);
    file->offset_next = file->stat.offset_end;
    pthread_mutex_unlock(&file->mutex);
}

int journal_file_resume(struct journal *journal, struct err *err)
{
    struct journal_file *file = (struct journal_file *)journal;
    struct err reason = {0};
    int rc;

    if (atomic_load_explicit(&file->failed, memory_order_acquire))
        return journal_file_refuse(file, err);
    forget_groups(file);
    if (!atomic_load_explicit(&file->full, memory_order_acquire))
        return 0;
    rc = take_back(file, &reason);
    if (rc == 0) {
        rc = journal_file_make_room(file, file->full_bytes, file->offset_next, file->full_wall_ms,
                                    &reason);
        file->uncut = rc < 0 && file->file >= 0;
    }
    if (rc < 0)
        return refuse_or_stop(file, rc, &reason, err);
    atomic_store_explicit(&file->full, false, memory_order_release);
    return 0;
}
