// SPDX-License-Identifier: Apache-2.0
/* backends.c - see backends.h. */
#include "main/backends.h"

#include "journal/journal.h"

const struct journal_ops *backends_journal(enum conf_durability durability)
{
    /*
     * Also with durability `memory` the journal goes to files, unsynced: a restart then finds most
     * of it, and the memory that it takes is bounded by the page cache.
     */
    (void)durability;
    return &journal_file;
}
