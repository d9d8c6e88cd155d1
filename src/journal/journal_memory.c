// SPDX-License-Identifier: Apache-2.0
/*
 * journal_memory.c - a journal that is gone when the process is: for tests, and to copy from when
 * writing a backend.
 *
 * The open group is a buffer that grows. commit puts the sealed group, which never changes again,
 * at the end of the list of committed groups. A reader needs the mutex only to find the next group
 * in that list, so visiting holds up nobody.
 */
#include "journal/journal.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/err.h"

/* Records side by side; `positions` says where the payload of each stands in `payloads`. */
struct memory_group {
    struct journal_record *records;
    size_t *positions;
    size_t count;
    size_t capacity;
    struct bytes payloads;
};

struct journal_memory {
    struct journal journal;

    /* Owner. */
    uint64_t offset_next;
    struct memory_group *open_group;

    /* Owner to committer and back. */
    struct memory_group *sealed_group;
    atomic_bool sealed;

    /* Under the mutex. */
    pthread_mutex_t mutex;
    struct memory_group **groups;
    size_t group_count;
    size_t group_capacity;
    struct journal_stat stat;
};

static struct journal_memory *memory_of(struct journal *journal)
{
    return (struct journal_memory *)journal;
}

static void group_free(struct memory_group *group)
{
    if (group == NULL)
        return;
    free(group->records);
    free(group->positions);
    bytes_done(&group->payloads);
    free(group);
}

static uint64_t group_bytes(const struct memory_group *group)
{
    return group->payloads.size + group->count * sizeof(group->records[0]);
}

static int journal_memory_open(struct journal **out_journal, const struct journal_options *options,
                               struct err *err)
{
    struct journal_memory *memory = bytes_alloc_zero(1, sizeof(*memory));

    (void)options;
    (void)err;
    memory->journal.ops = &journal_memory;
    memory->open_group = bytes_alloc_zero(1, sizeof(*memory->open_group));
    memory->stat.segment_count = 1;
    pthread_mutex_init(&memory->mutex, NULL);
    *out_journal = &memory->journal;
    return 0;
}

static int journal_memory_append(struct journal *journal, struct journal_record *record,
                                 struct err *err)
{
    struct journal_memory *memory = memory_of(journal);
    struct memory_group *group = memory->open_group;

    assert(record->count > 0 && record->count <= UINT64_MAX - memory->offset_next);
    if (record->payload.size > JOURNAL_PAYLOAD_BYTES_MAX)
        return err_set(err, ERR_TOO_LARGE, "a record of %zu bytes; at most %u",
                       record->payload.size, JOURNAL_PAYLOAD_BYTES_MAX);
    record->offset = memory->offset_next;
    memory->offset_next += record->count;
    if (group->count == group->capacity) {
        group->capacity = group->capacity > 0 ? group->capacity * 2 : 16;
        group->records = bytes_realloc(group->records, group->capacity * sizeof(group->records[0]));
        group->positions =
            bytes_realloc(group->positions, group->capacity * sizeof(group->positions[0]));
    }
    group->records[group->count] = *record;
    group->positions[group->count++] = group->payloads.size;
    bytes_put(&group->payloads, record->payload.data, record->payload.size);
    /* Payloads begin at multiples of 8, as in a file: one that reads numbers in place works. */
    while (group->payloads.size % 8 != 0)
        bytes_put_char(&group->payloads, 0);
    return 0;
}

static size_t journal_memory_staged_bytes(const struct journal *journal)
{
    return group_bytes(((const struct journal_memory *)journal)->open_group);
}

static void journal_memory_seal(struct journal *journal)
{
    struct journal_memory *memory = memory_of(journal);

    assert(!atomic_load_explicit(&memory->sealed, memory_order_acquire));
    if (memory->open_group->count == 0)
        return;
    memory->sealed_group = memory->open_group;
    memory->open_group = bytes_alloc_zero(1, sizeof(*memory->open_group));
    atomic_store_explicit(&memory->sealed, true, memory_order_release);
}

static int journal_memory_commit(struct journal *journal, struct err *err)
{
    struct journal_memory *memory = memory_of(journal);
    struct memory_group *group;
    const struct journal_record *last;

    (void)err;
    if (!atomic_load_explicit(&memory->sealed, memory_order_acquire))
        return 0;
    group = memory->sealed_group;
    for (size_t i = 0; i < group->count; i++)
        group->records[i].payload.data =
            group->payloads.data == NULL ? "" : group->payloads.data + group->positions[i];
    last = &group->records[group->count - 1];
    pthread_mutex_lock(&memory->mutex);
    if (memory->group_count == memory->group_capacity) {
        memory->group_capacity = memory->group_capacity > 0 ? memory->group_capacity * 2 : 16;
        memory->groups =
            bytes_realloc(memory->groups, memory->group_capacity * sizeof(memory->groups[0]));
    }
    memory->groups[memory->group_count++] = group;
    memory->stat.offset_end = last->offset + last->count;
    memory->stat.bytes += group_bytes(group);
    memory->stat.commit_count++;
    pthread_mutex_unlock(&memory->mutex);
    atomic_store_explicit(&memory->sealed, false, memory_order_release);
    return 0;
}

/* It is never full, but what was not committed can be given up here too. */
static int journal_memory_resume(struct journal *journal, struct err *err)
{
    struct journal_memory *memory = memory_of(journal);

    (void)err;
    if (atomic_exchange(&memory->sealed, false))
        group_free(memory->sealed_group);
    group_free(memory->open_group);
    memory->open_group = bytes_alloc_zero(1, sizeof(*memory->open_group));
    pthread_mutex_lock(&memory->mutex);
    memory->offset_next = memory->stat.offset_end;
    pthread_mutex_unlock(&memory->mutex);
    return 0;
}

/* The committed group at `index`, or NULL past the end. */
static const struct memory_group *group_at(struct journal_memory *memory, size_t index)
{
    const struct memory_group *group;

    pthread_mutex_lock(&memory->mutex);
    group = index < memory->group_count ? memory->groups[index] : NULL;
    pthread_mutex_unlock(&memory->mutex);
    return group;
}

/* The last committed group that begins at or before `offset`. */
static size_t find_group(struct journal_memory *memory, uint64_t offset)
{
    size_t low = 0;
    size_t high;

    pthread_mutex_lock(&memory->mutex);
    high = memory->group_count;
    while (high > low + 1) {
        size_t middle = low + (high - low) / 2;

        if (memory->groups[middle]->records[0].offset <= offset)
            low = middle;
        else
            high = middle;
    }
    pthread_mutex_unlock(&memory->mutex);
    return low;
}

static int journal_memory_read(struct journal *journal, uint64_t from_offset,
                               journal_visit_fn *visit, void *context, struct err *err)
{
    struct journal_memory *memory = memory_of(journal);
    const struct memory_group *group;
    struct journal_stat stat;
    size_t index;
    int rc = 0;

    journal->ops->stat(journal, &stat);
    if (from_offset >= stat.offset_end)
        return 0;
    index = find_group(memory, from_offset);
    while (rc == 0 && (group = group_at(memory, index++)) != NULL &&
           group->records[0].offset < stat.offset_end) {
        for (size_t i = 0; rc == 0 && i < group->count; i++) {
            const struct journal_record *record = &group->records[i];

            if (record->offset + record->count > from_offset)
                rc = visit(context, record, err);
        }
    }
    return rc < 0 ? rc : 0;
}

static int journal_memory_find(struct journal *journal, int64_t wall_ms, uint64_t *out_offset,
                               struct err *err)
{
    return journal_find_from(journal, 0, wall_ms, out_offset, err);
}

static void journal_memory_stat(struct journal *journal, struct journal_stat *out_stat)
{
    struct journal_memory *memory = memory_of(journal);

    pthread_mutex_lock(&memory->mutex);
    *out_stat = memory->stat;
    pthread_mutex_unlock(&memory->mutex);
}

static void journal_memory_close(struct journal *journal)
{
    struct journal_memory *memory = memory_of(journal);

    if (memory == NULL)
        return;
    group_free(memory->open_group);
    if (atomic_load(&memory->sealed))
        group_free(memory->sealed_group);
    for (size_t i = 0; i < memory->group_count; i++)
        group_free(memory->groups[i]);
    free(memory->groups);
    pthread_mutex_destroy(&memory->mutex);
    free(memory);
}

const struct journal_ops journal_memory = {
    .name = "memory",
    .can = JOURNAL_CAN_COMMIT_IN_PLACE,
    .open = journal_memory_open,
    .append = journal_memory_append,
    .staged_bytes = journal_memory_staged_bytes,
    .seal = journal_memory_seal,
    .commit = journal_memory_commit,
    .resume = journal_memory_resume,
    .read = journal_memory_read,
    .find = journal_memory_find,
    .stat = journal_memory_stat,
    .close = journal_memory_close,
};
