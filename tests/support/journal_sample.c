// SPDX-License-Identifier: Apache-2.0
/* journal_sample.c - see journal_sample.h. */
#include "support/journal_sample.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/hash.h"

static enum journal_record_type type_of(uint64_t offset)
{
    return offset % 3 == 0 ? JOURNAL_DEFINITION : JOURNAL_BATCH;
}

static int64_t wall_ms_of(uint64_t offset)
{
    return (int64_t)(offset * 7) - 100;
}

static void fill(char *payload, uint64_t offset, size_t size)
{
    uint64_t word = hash_u64(offset + 1);

    for (size_t at = 0; at < size; at += 8) {
        memcpy(payload + at, &word, size - at < 8 ? size - at : 8);
        word = word * 6364136223846793005u + 1442695040888963407u;
    }
}

int journal_sample_append(struct journal *journal, uint64_t offset, size_t size, uint32_t count,
                          struct err *err)
{
    char *payload = bytes_alloc(size);
    struct journal_record record = {
        .type = type_of(offset),
        .count = count,
        .wall_ms = wall_ms_of(offset),
        .payload = {payload, size},
    };
    int rc;

    fill(payload, offset, size);
    rc = journal->ops->append(journal, &record, err);
    assert(rc < 0 || record.offset == offset);
    free(payload);
    return rc;
}

int journal_sample_commit(struct journal *journal, struct err *err)
{
    journal->ops->seal(journal);
    return journal->ops->commit(journal, err);
}

int journal_sample_visit(void *context, const struct journal_record *record, struct err *err)
{
    struct journal_sample_seen *seen = context;
    char *expected = bytes_alloc(record->payload.size);

    (void)err;
    fill(expected, record->offset, record->payload.size);
    if (record->offset != seen->next || record->type != type_of(record->offset) ||
        record->wall_ms != wall_ms_of(record->offset) || record->count == 0 ||
        memcmp(expected, record->payload.data, record->payload.size) != 0)
        seen->wrong++;
    free(expected);
    seen->next = record->offset + record->count;
    seen->records++;
    seen->bytes += record->payload.size;
    return seen->records == seen->stop_at ? 1 : 0;
}

char *journal_sample_folder(void)
{
    const char *parent = getenv("TMPDIR");
    struct bytes path = {0};

    bytes_format(&path, "%s/tallywheel-test-XXXXXX", parent != NULL ? parent : "/tmp");
    bytes_text(&path);
    if (mkdtemp(path.data) == NULL) {
        perror(path.data);
        abort();
    }
    return path.data;
}

void journal_sample_folder_remove(char *folder)
{
    DIR *entries;
    struct dirent *entry;

    if (folder == NULL)
        return;
    entries = opendir(folder);
    while (entries != NULL && (entry = readdir(entries)) != NULL)
        (void)unlinkat(dirfd(entries), entry->d_name, 0);
    if (entries != NULL)
        closedir(entries);
    (void)rmdir(folder);
    free(folder);
}
