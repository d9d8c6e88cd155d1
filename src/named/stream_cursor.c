// SPDX-License-Identifier: Apache-2.0
/*
 * stream_cursor.c - where the last reads of streams ended.
 *
 * Who follows a stream with XREAD asks next for what is behind the last id it was given. Then the
 * places in all partitions are known, and need not be searched: the worker remembers those of its
 * last CURSORS_MAX reads, the oldest of which goes first.
 *
 * Thread: the worker's.
 */
#include <stdlib.h>

#include "named/named_private.h"
#include "named/stream_private.h"

#define CURSORS_MAX 256u

struct stream_cursor {
    uint32_t stream;
    struct stream_id id; /* the last that was given */
    uint64_t *starts;
};

void stream_cursors_note(struct named *named, const struct stream_scan *scan)
{
    size_t bytes = scan->partition_count * sizeof(scan->nexts[0]);
    struct stream_cursor *cursor;

    if (named == NULL || scan->row_count == 0)
        return;
    if (named->cursors == NULL)
        named->cursors = bytes_alloc_zero(CURSORS_MAX, sizeof(named->cursors[0]));
    cursor = &named->cursors[named->cursor_next];
    named->cursor_next = (named->cursor_next + 1) % CURSORS_MAX;
    if (named->cursor_count < CURSORS_MAX)
        named->cursor_count++;
    cursor->stream = scan->stream_id;
    cursor->id = scan->rows[scan->row_count - 1].id;
    cursor->starts = bytes_realloc(cursor->starts, bytes);
    memcpy(cursor->starts, scan->nexts, bytes);
}

bool stream_cursors_find(const struct named *named, uint32_t stream, struct stream_id id,
                         uint64_t *out_starts, uint32_t partition_count)
{
    for (uint32_t i = 0; i < named->cursor_count; i++) {
        const struct stream_cursor *cursor = &named->cursors[i];

        if (cursor->stream != stream || stream_id_compare(cursor->id, id) != 0)
            continue;
        memcpy(out_starts, cursor->starts, partition_count * sizeof(out_starts[0]));
        return true;
    }
    return false;
}

void stream_cursors_done(struct named *named)
{
    for (uint32_t i = 0; i < named->cursor_count; i++)
        free(named->cursors[i].starts);
    free(named->cursors);
}
