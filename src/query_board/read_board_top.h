// SPDX-License-Identifier: Apache-2.0
/*
 * read_board_top.h - a page of a board for a caller that takes entries and not JSON: the read of
 * boards/B/top, and of boards/B/count, made and looked at without a path.
 *
 * Thread: the asker's.
 */
#ifndef TALLYWHEEL_QUERY_BOARD_READ_BOARD_TOP_H
#define TALLYWHEEL_QUERY_BOARD_READ_BOARD_TOP_H

#include <stdint.h>

struct board_place;
struct board_range;
struct entry_item;
struct read;

#define READ_BOARD_TOP_ALL (UINT32_MAX / 2)

/*
 * `n` entries, best first, after `offset` others; of those in `range` unless that is NULL. With
 * `n` 0 entries are only counted. To ask_read, and to read_free.
 */
struct read *read_board_top_new(const struct board_place *place, const struct board_range *range,
                                uint64_t offset, uint32_t n);

struct board_page {
    uint64_t size;                  /* entries of the segment */
    uint64_t within;                /* entries in the range, if there was one or n was 0 */
    const struct entry_item *items; /* valid as long as the read */
    uint32_t count;
};

/* What the read has found, once it is done. */
void read_board_top_get(struct read *read, struct board_page *out_page);

#endif
