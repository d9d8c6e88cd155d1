// SPDX-License-Identifier: Apache-2.0
/*
 * board_read.h - what the reads of a board have in common. Private to query/.
 *
 * Between two rounds other events may be folded, and a board may be dropped or defined anew. So
 * nothing points into a partition after its collect: entries are copied into a list, and each
 * round looks the board up again, by id and version. A partition that does not have the board (it
 * is not as far in its journal) takes part as an empty one; if none has it, the board is gone.
 */
#ifndef TALLYWHEEL_QUERY_BOARD_READ_H
#define TALLYWHEEL_QUERY_BOARD_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "model/definition.h"
#include "model/value.h"
#include "query/read.h"
#include "query/read_params.h"
#include "rank/rank_key.h"

struct board;
struct board_entry;
struct json_out;
struct partition;
struct read_request;

/* ---- copies of entries ---- */

struct entry_item {
    struct rank_key key; /* the member is in the list's text, once it is sealed */
    struct value score;
    int64_t reached_ms;
    uint64_t rank; /* whoever adds it says which: local, global */
    uint64_t member_start;
    struct span labels; /* of its segment, encoded; only where a read needs them */
    uint32_t slot;      /* the partition that it came from, where that matters */
};

struct entry_list {
    struct entry_item *items;
    uint32_t count;
    uint32_t capacity;
    struct bytes text;
};

void entry_list_clear(struct entry_list *list);
void entry_list_done(struct entry_list *list);

/* Copies an entry; the result can be filled up further until the next one is added. */
struct entry_item *entry_list_add(struct entry_list *list, const struct board_entry *entry);

/* Points the members into the text, which stays where it is from now on. */
void entry_list_seal(struct entry_list *list);

/* Best first. */
int entry_item_compare(const void *a, const void *b);

/*
 * All items of the sealed lists, best first, in new memory (to free) that refers to their text. The
 * lists lie `stride` bytes apart.
 */
struct entry_item *entry_list_merge(const struct entry_list *first, size_t stride,
                                    uint32_t list_count, uint32_t *out_count);

/* ---- the base of reads ---- */

struct board_read {
    struct read read; /* first */
    uint32_t id;
    uint32_t version;
    char name[NAME_BYTES_MAX];
    struct read_limits limits;
    uint32_t by_count;
    char by[BY_FIELDS_MAX][NAME_BYTES_MAX];
    struct span by_values[BY_FIELDS_MAX]; /* data NULL: not given */
    uint32_t by_given;
    struct bytes by_text;
};

enum board_read_by {
    BOARD_READ_BY_ALL, /* all of by.*: one segment */
    BOARD_READ_BY_ALL_OR_NONE,
    BOARD_READ_BY_ANY,
};

/*
 * Finds the board that the path names, checks the parameters (`names`, NULL-terminated, at most
 * 7), and fills in all but `read`.
 */
int board_read_init(struct board_read *board_read, const struct read_request *request,
                    const char *const *names, enum board_read_by by, struct err *err);
void board_read_done(struct board_read *board_read);

/* The member that the path names; ERR_INVALID if it is empty. */
int board_read_member(const struct read_request *request, struct bytes *out_member,
                      struct err *err);

/* The board on a partition, or NULL. */
const struct board *board_read_board(const struct board_read *board_read,
                                     const struct partition *partition);

/* The same, and the segment of all by.*, or BOARD_SEGMENT_NONE. */
const struct board *board_read_segment(const struct board_read *board_read,
                                       const struct partition *partition, uint32_t *out_segment);

/* ERR_NOT_FOUND: no partition has the board (any more). */
int board_read_gone(const struct board_read *board_read, struct err *err);

/* "board":…,"by":{…} (the latter if all by.* are given) */
void board_read_print_head(const struct board_read *board_read, struct json_out *json);

/* {"region":"EU"} */
void board_read_print_labels(const struct board_read *board_read, const struct span *labels,
                             struct json_out *json);

#endif
