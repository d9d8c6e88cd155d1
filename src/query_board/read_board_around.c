// SPDX-License-Identifier: Apache-2.0
/*
 * read_board_around.c - boards/B/around/M: a member with its neighbours.
 *
 * First the partition that holds the member is found. Then every partition gives its n next
 * better and n next worse entries, and counts how many are better. The merge is cut to n on each
 * side.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/partition.h"
#include "query/answer.h"
#include "query_board/board_read.h"
#include "query_board/rank_style.h"
#include "query/read_request.h"
#include "query_board/read_board.h"
#include "board/board.h"

#define NEIGHBOURS_DEFAULT 5

enum around_phase { AROUND_FIND, AROUND_FETCH, AROUND_RANK };

struct around_slot {
    struct entry_list above; /* and in the first round the entry itself */
    struct entry_list below;
    uint64_t better;
    uint32_t size;
    bool here;
};

struct around_read {
    struct board_read base; /* first */
    struct bytes member;
    uint32_t n;
    enum rank_style style;
    bool percentile;
    enum around_phase phase;
    struct around_slot *slots;
    struct rank_style_count count;
    struct entry_item item; /* its key's member is `member` */
    uint64_t size;
    uint64_t first_better;    /* how many are better than the first of the page */
    struct entry_item *items; /* the page */
    uint32_t item_count;
};

static void around_reset(struct read *read)
{
    struct around_read *around = (struct around_read *)read;

    around->phase = AROUND_FIND;
    free(around->items);
    around->items = NULL;
    around->item_count = 0;
}

static void around_free(struct read *read)
{
    struct around_read *around = (struct around_read *)read;

    for (uint32_t i = 0; around->slots != NULL && i < read->partition_count; i++) {
        entry_list_done(&around->slots[i].above);
        entry_list_done(&around->slots[i].below);
    }
    free(around->slots);
    free(around->items);
    bytes_done(&around->member);
    rank_style_count_done(&around->count);
    board_read_done(&around->base);
    free(around);
}

/* The member itself may have moved since the first round: it is no neighbour of itself. */
static void add_others(const struct around_read *around, struct entry_list *list,
                       const struct board_entry *entries, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!span_equal(entries[i].key.member, bytes_span(&around->member)))
            entry_list_add(list, &entries[i]);
    entry_list_seal(list);
}

static void collect_neighbours(struct around_read *around, struct around_slot *slot,
                               const struct board *board, uint32_t segment)
{
    const struct rank_key *key = &around->item.key;
    struct board_entry *entries = bytes_alloc((around->n + 1) * sizeof(*entries));
    struct board_entry self;
    uint32_t count;

    slot->better = board_count_better(board, segment, key);
    if (board_find(board, segment, bytes_span(&around->member), &self) &&
        rank_key_compare(&self.key, key) < 0)
        slot->better--;
    count = board_above(board, segment, key, around->n, entries);
    add_others(around, &slot->above, entries, count);
    count = board_below(board, segment, key, around->n, entries);
    add_others(around, &slot->below, entries, count);
    free(entries);
}

static void around_collect(struct read *read, const struct partition *partition, uint32_t number)
{
    struct around_read *around = (struct around_read *)read;
    struct around_slot *slot = &around->slots[number];
    uint32_t segment;
    const struct board *board = board_read_segment(&around->base, partition, &segment);
    struct board_entry entry;

    if (around->phase == AROUND_RANK) {
        rank_style_count_collect(&around->count, number, board, segment);
        return;
    }
    entry_list_clear(&slot->above);
    entry_list_clear(&slot->below);
    slot->better = 0;
    slot->size = 0;
    slot->here = board != NULL;
    if (board == NULL)
        return;
    slot->size = board_segment_size(board, segment);
    if (around->phase == AROUND_FETCH) {
        collect_neighbours(around, slot, board, segment);
    } else if (board_find(board, segment, bytes_span(&around->member), &entry)) {
        entry_list_add(&slot->above, &entry);
        entry_list_seal(&slot->above);
    }
}

static int find_member(struct around_read *around, struct err *err)
{
    size_t size = around->member.size < 200 ? around->member.size : 200;

    for (uint32_t i = 0; i < around->base.read.partition_count; i++) {
        if (around->slots[i].above.count == 0)
            continue;
        around->item = around->slots[i].above.items[0];
        around->item.key.member = bytes_span(&around->member);
        around->phase = AROUND_FETCH;
        return 0;
    }
    return err_set(err, ERR_NOT_FOUND, "\"%.*s\" is not on board \"%s\"%s", (int)size,
                   around->member.data, around->base.name,
                   around->base.by_count > 0 ? " in this segment" : "");
}

/* Puts the page together. Returns whether ranks stand already. */
static bool cut_page(struct around_read *around, uint64_t better)
{
    uint32_t slot_count = around->base.read.partition_count;
    uint32_t above_count;
    uint32_t below_count;
    struct entry_item *above = entry_list_merge(&around->slots[0].above, sizeof(around->slots[0]),
                                                slot_count, &above_count);
    struct entry_item *below = entry_list_merge(&around->slots[0].below, sizeof(around->slots[0]),
                                                slot_count, &below_count);
    uint32_t above_kept = above_count < around->n ? above_count : around->n;
    uint32_t below_kept = below_count < around->n ? below_count : around->n;
    uint32_t count = above_kept + 1 + below_kept;

    around->items = bytes_alloc(count * sizeof(around->items[0]));
    memcpy(around->items, above + (above_count - above_kept), above_kept * sizeof(*above));
    around->items[above_kept] = around->item;
    memcpy(around->items + above_kept + 1, below, below_kept * sizeof(*below));
    around->item_count = count;
    around->first_better = better > above_kept ? better - above_kept : 0;
    free(above);
    free(below);
    return rank_style_count_begin(&around->count, &around->items[0].key, around->first_better);
}

static int around_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    struct around_read *around = (struct around_read *)read;
    uint64_t better = 0;
    bool here = false;

    *out_step = READ_AGAIN;
    if (around->phase == AROUND_RANK) {
        if (rank_style_count_merge(&around->count))
            *out_step = READ_DONE;
        return 0;
    }
    around->size = 0;
    for (uint32_t i = 0; i < read->partition_count; i++) {
        here = here || around->slots[i].here;
        better += around->slots[i].better;
        around->size += around->slots[i].size;
    }
    if (!here)
        return board_read_gone(&around->base, err);
    if (around->phase == AROUND_FIND)
        return find_member(around, err);
    if (cut_page(around, better))
        *out_step = READ_DONE;
    else
        around->phase = AROUND_RANK;
    return 0;
}

static void around_print(struct read *read, struct answer *out_answer)
{
    struct around_read *around = (struct around_read *)read;
    struct json_out json;

    json_out_init(&json, &out_answer->head);
    board_read_print_head(&around->base, &json);
    json_out_key(&json, "member");
    json_out_string(&json, bytes_span(&around->member));
    json_out_key(&json, "size");
    json_out_uint(&json, around->size);
    json_out_key(&json, "ranks");
    json_out_text(&json, rank_style_text(around->style));
    out_answer->rows_name = "entries";
    rank_style_print(&around->count, &around->base, around->items, around->item_count,
                     around->first_better, around->percentile ? around->size : 0, out_answer);
}

static const struct read_ops around_ops = {
    "board_around", around_collect, around_merge, around_print, around_reset, around_free,
};

int read_board_around_parse(struct read **out_read, const struct read_request *request,
                            struct err *err)
{
    static const char *const names[] = {"n", "ranks", "percentile", NULL};
    struct around_read *around = bytes_alloc_zero(1, sizeof(*around));
    uint64_t n;
    int rc;

    around->base.read.ops = &around_ops;
    around->base.read.partition_count = request->partition_count;
    around->slots = bytes_alloc_zero(request->partition_count, sizeof(around->slots[0]));
    rc = board_read_init(&around->base, request, names, BOARD_READ_BY_ALL, err);
    if (rc == 0)
        rc = board_read_member(request, &around->member, err);
    if (rc == 0)
        rc = read_params_uint(request, "n", NEIGHBOURS_DEFAULT, 0,
                              request->limits->page_entries_max, "page_entries", &n, err);
    if (rc == 0)
        rc = rank_style_parse(request, around->base.style, &around->style, err);
    if (rc == 0)
        rc = read_params_bool(request, "percentile", &around->percentile, err);
    if (rc < 0) {
        around_free(&around->base.read);
        return rc;
    }
    around->n = (uint32_t)n;
    rank_style_count_init(&around->count, around->style, around->base.subscore_count,
                          request->partition_count, request->limits->scan_entries_max);
    around_reset(&around->base.read);
    *out_read = &around->base.read;
    return 0;
}
