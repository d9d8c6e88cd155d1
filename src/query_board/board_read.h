// SPDX-License-Identifier: Apache-2.0
/*
 * board_read.h - what the reads of a board have in common, and those that answer commands on boards
 * (named/).
 *
 * Between two rounds other events may be folded, and a board may be dropped or defined anew. So
 * nothing points into a partition after its collect: entries are copied into a list, and each
 * round looks the board up again, by id and version. A partition that does not have the board (it
 * is not as far in its journal) takes part as an empty one; if none has it, the board is gone.
 */
#ifndef TALLYWHEEL_QUERY_BOARD_BOARD_READ_H
#define TALLYWHEEL_QUERY_BOARD_BOARD_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "model/definition.h"
#include "model/value.h"
#include "query_board/rank_style.h"
#include "score/score.h"
#include "query/read.h"
#include "query/read_params.h"
#include "rank/rank_key.h"

struct board;
struct board_entry;
struct board_seasons;
struct catalog_board;
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
    enum board_order order;
    enum rank_style style; /* of a question that does not say */
    bool score_is_int;
    struct score_call score; /* for how scores are shown; its script is not set */
    uint32_t subscore_count;
    struct score_call subscores[SUBSCORES_MAX];
    enum board_order subscore_orders[SUBSCORES_MAX];
    bool seasonal;     /* the board has seasons */
    bool all_seasons;  /* this read is not about one of them: those fields mean nothing */
    bool season_given; /* or else it is the current one, which board_read_seasoned finds */
    int64_t season_ms; /* where the season begins that is read */
    int64_t season_end_ms;
    bool season_final; /* no partition can change it any more */
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
 * Finds the board that the path names, checks the parameters (`names`, NULL-terminated; one that
 * begins with "*" may be given several times), and fills in all but `read`. A board with seasons
 * has `season` too: where one begins.
 */
int board_read_init(struct board_read *board_read, const struct read_request *request,
                    const char *const *names, enum board_read_by by, struct err *err);
/*
 * The same for a read of all seasons: it has no `season`, and a board without seasons is refused.
 */
int board_read_init_seasons(struct board_read *board_read, const struct read_request *request,
                            const char *const *names, enum board_read_by by, struct err *err);

void board_read_done(struct board_read *board_read);

/* A segment of a season of a board, named without a path. */
struct board_place {
    const struct catalog_board *board;
    const struct span *labels; /* one for each `by` of the board; copied */
    bool season_given;         /* or else the current one */
    int64_t season_ms;
    uint32_t partition_count;
};

/* board_read_init for those. The limits are left to the caller; fills in partition_count too. */
void board_read_place(struct board_read *board_read, const struct board_place *place);

/* The read that board_read_seasoned was given, if it is one around it, or the read itself. */
struct read *board_read_inner(struct read *read);

/*
 * A read of one season of a board as it is to be asked: a read around it, whose first round finds
 * out about the season. Partitions may be in different ones for a while: if the current one is
 * wanted, it is the newest that any partition is in. One that a partition has let go of is gone,
 * even if others have it still. A board without seasons is read as it is.
 */
struct read *board_read_seasoned(struct read *read);

/* The member that the path names; ERR_INVALID if it is empty. */
int board_read_member(const struct read_request *request, struct bytes *out_member,
                      struct err *err);

/*
 * A range of scores as it was asked for. Where it lies among the stored ones can change with time
 * (decayed_sum), so that is worked out in each round.
 */
struct board_bound {
    bool given;
    bool excluded; /* the bound itself is outside */
    struct value score;
};

struct board_range {
    bool given;   /* any bound was */
    bool nothing; /* no score is in it, whatever the bounds */
    struct board_bound best;
    struct board_bound worst;
};

/*
 * The rank_key.score in [from, end), without an end if `open`. Nothing is in it if from >= end.
 */
struct board_range_keys {
    bool open;
    uint64_t from;
    uint64_t end;
};

/* The parameters min, max (included), above, below (not included). */
int board_read_range(const struct board_read *board_read, const struct read_request *request,
                     struct board_range *out_range, struct err *err);

struct board_range_keys board_range_keys(const struct board_range *range,
                                         const struct board_read *board_read);

/* How many entries of the segment are better than the range, and how many are in it. */
void board_range_count(const struct board_range_keys *keys, const struct board *board,
                       uint32_t segment, uint64_t *out_better, uint64_t *out_within);

/*
 * When scores are shown as of: now, but for a season that is over its end. A read that is watched
 * goes in steps of a 128th of the half-life, a second or more, so that an answer is not another
 * one each time for nothing.
 */
int64_t board_read_shown_ms(const struct board_read *board_read);

/* A score as it is shown; also VALUE_NONE, which stays so. */
struct value board_read_shown(const struct board_read *board_read, struct value score);

/* Whether what is shown changes with time alone. */
bool board_read_fades(const struct board_read *board_read);

/*
 * "score":…, and on boards that have them "subscores":[…], as they are shown. A subscore without a
 * value so far is null. With VALUE_NONE all of it is null.
 */
void board_read_print_score(const struct board_read *board_read, struct value score,
                            const struct rank_key *key, struct json_out *json);

/* The same under other names; `names` are those of the score and of the subscores. */
void board_read_print_score_as(const struct board_read *board_read, const char *const names[2],
                               struct value score, const struct rank_key *key,
                               struct json_out *json);

/* All of the board on a partition, or NULL. */
struct board_seasons *board_read_seasons(const struct board_read *board_read,
                                         const struct partition *partition);

/* The board on a partition, in the season of the read; or NULL. */
const struct board *board_read_board(const struct board_read *board_read,
                                     const struct partition *partition);

/* The same, and the segment of all by.*, or BOARD_SEGMENT_NONE. */
const struct board *board_read_segment(const struct board_read *board_read,
                                       const struct partition *partition, uint32_t *out_segment);

/* ERR_NOT_FOUND: no partition has the board (any more). */
int board_read_gone(const struct board_read *board_read, struct err *err);

/*
 * "board":…, with seasons "season":…,"season_end":…,"final":…, where scores change with time
 * "shown_at":…
 */
void board_read_print_board(const struct board_read *board_read, struct json_out *json);

/* The same, and "by":{…} if all by.* are given. */
void board_read_print_head(const struct board_read *board_read, struct json_out *json);

/* {"region":"EU"} */
void board_read_print_labels(const struct board_read *board_read, const struct span *labels,
                             struct json_out *json);

#endif
