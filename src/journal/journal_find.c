// SPDX-License-Identifier: Apache-2.0
/* journal_find.c - looking for a time by reading; see journal_find_from in journal.h. */
#include "journal/journal.h"

#include <stdbool.h>

struct search {
    int64_t wall_ms;
    bool found;
    uint64_t offset;
};

static int look(void *context, const struct journal_record *record, struct err *err)
{
    struct search *search = context;

    (void)err;
    if (record->wall_ms < search->wall_ms)
        return 0;
    search->found = true;
    search->offset = record->offset;
    return 1;
}

int journal_find_from(struct journal *journal, uint64_t from_offset, int64_t wall_ms,
                      uint64_t *out_offset, struct err *err)
{
    struct search search = {.wall_ms = wall_ms};
    struct journal_stat stat;
    int rc;

    journal->ops->stat(journal, &stat); /* before it is read: what comes later is not looked at */
    rc = journal->ops->read(journal, from_offset, look, &search, err);
    if (rc == 0)
        *out_offset = search.found ? search.offset : stat.offset_end;
    return rc;
}
