// SPDX-License-Identifier: Apache-2.0
/*
 * read_board_changes.c - boards/B/changes: who has entered and who has left the first n since it
 * was last asked.
 *
 * The first n are read as a page is, and compared with those of the last time. Who has left is then
 * looked up, and ranked in one more round: it still stands somewhere, or was removed.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/partition.h"
#include "query/answer.h"
#include "query_board/board_read.h"
#include "query/label_set.h"
#include "query/read_request.h"
#include "query_board/read_board.h"
#include "board/board.h"

#define N_DEFAULT 10

enum changes_phase { CHANGES_TOP, CHANGES_FIND, CHANGES_COUNT };

/* A member that was among the first n the last time. */
struct changes_left {
    uint32_t old_rank; /* from 1 */
    bool found;
    struct entry_item item; /* if it was: its key's member is the one in `before` */
    uint64_t rank;
};

struct changes_slot {
    struct entry_list list; /* the partition's first n; then those that left, `slot` says which */
    uint64_t *better;       /* for each that left */
    uint64_t size;
    bool here;
};

struct changes_read {
    struct board_read base; /* first */
    uint32_t n;
    enum changes_phase phase;
    bool began; /* there is a last time */
    struct changes_slot *slots;
    struct label_set before; /* members of the last time by rank - 1; then also those of now */
    uint32_t before_count;
    struct entry_item *items; /* the first n; its text is in `text` */
    uint32_t item_count;
    struct bytes text;
    bool *entered; /* which of the items */
    uint32_t entered_count;
    struct changes_left *left;
    uint32_t left_count;
    uint64_t size;
};

static struct span left_member(const struct changes_read *changes, uint32_t i)
{
    return label_set_get(&changes->before, changes->left[i].old_rank - 1);
}

/* What was found becomes the last time. */
static void changes_reset(struct read *read)
{
    struct changes_read *changes = (struct changes_read *)read;

    label_set_clear(&changes->before);
    for (uint32_t i = 0; i < changes->item_count; i++)
        label_set_put(&changes->before, changes->items[i].key.member);
    changes->before_count = changes->item_count;
    changes->phase = CHANGES_TOP;
    changes->entered_count = 0;
    changes->left_count = 0;
}

static void changes_free(struct read *read)
{
    struct changes_read *changes = (struct changes_read *)read;

    for (uint32_t i = 0; changes->slots != NULL && i < read->partition_count; i++) {
        entry_list_done(&changes->slots[i].list);
        free(changes->slots[i].better);
    }
    free(changes->slots);
    label_set_done(&changes->before);
    free(changes->items);
    bytes_done(&changes->text);
    free(changes->entered);
    free(changes->left);
    board_read_done(&changes->base);
    free(changes);
}

/* ---- collect ---- */

static void collect_top(const struct changes_read *changes, struct changes_slot *slot,
                        const struct board *board, uint32_t segment)
{
    struct board_entry *entries = bytes_alloc(changes->n * sizeof(*entries));
    uint32_t count = board_run(board, segment, 0, changes->n, entries);

    for (uint32_t i = 0; i < count; i++)
        entry_list_add(&slot->list, &entries[i]);
    free(entries);
}

static void collect_left(const struct changes_read *changes, struct changes_slot *slot,
                         const struct board *board, uint32_t segment)
{
    for (uint32_t i = 0; i < changes->left_count; i++) {
        struct board_entry entry;

        if (board_find(board, segment, left_member(changes, i), &entry))
            entry_list_add(&slot->list, &entry)->slot = i;
    }
}

static void collect_counts(const struct changes_read *changes, struct changes_slot *slot,
                           const struct board *board, uint32_t segment)
{
    slot->better = bytes_realloc(slot->better, changes->left_count * sizeof(slot->better[0]));
    for (uint32_t i = 0; i < changes->left_count; i++) {
        const struct changes_left *left = &changes->left[i];
        struct board_entry self;

        slot->better[i] = 0;
        if (!left->found)
            continue;
        slot->better[i] = board_count_better(board, segment, &left->item.key);
        /* It may have risen since it was found: it is not better than itself. */
        if (board_find(board, segment, left->item.key.member, &self) &&
            rank_key_compare(&self.key, &left->item.key) < 0)
            slot->better[i]--;
    }
}

static void changes_collect(struct read *read, const struct partition *partition, uint32_t number)
{
    struct changes_read *changes = (struct changes_read *)read;
    struct changes_slot *slot = &changes->slots[number];
    uint32_t segment;
    const struct board *board = board_read_segment(&changes->base, partition, &segment);

    slot->here = board != NULL;
    entry_list_clear(&slot->list);
    if (changes->phase == CHANGES_TOP)
        slot->size = board != NULL ? board_segment_size(board, segment) : 0;
    if (board == NULL)
        return;
    if (changes->phase == CHANGES_TOP)
        collect_top(changes, slot, board, segment);
    else if (changes->phase == CHANGES_FIND)
        collect_left(changes, slot, board, segment);
    else
        collect_counts(changes, slot, board, segment);
    entry_list_seal(&slot->list);
}

/* ---- merge ---- */

/* The first n of all, with their names kept until the next time. */
static void keep_top(struct changes_read *changes)
{
    uint32_t count;
    struct entry_item *items = entry_list_merge(&changes->slots[0].list, sizeof(changes->slots[0]),
                                                changes->base.read.partition_count, &count);
    size_t at = 0;

    changes->item_count = count < changes->n ? count : changes->n;
    bytes_clear(&changes->text);
    for (uint32_t i = 0; i < changes->item_count; i++)
        bytes_put(&changes->text, items[i].key.member.data, items[i].key.member.size);
    for (uint32_t i = 0; i < changes->item_count; i++) {
        items[i].rank = i + 1;
        items[i].key.member.data = changes->text.data + at;
        at += items[i].key.member.size;
    }
    free(changes->items);
    changes->items = items;
}

/* Whether anybody has left. */
static bool compare(struct changes_read *changes)
{
    bool *stayed = bytes_alloc_zero((size_t)changes->before_count + 1, sizeof(bool));

    changes->entered =
        bytes_realloc(changes->entered, (changes->item_count + 1) * sizeof(changes->entered[0]));
    for (uint32_t i = 0; i < changes->item_count; i++) {
        uint32_t id = label_set_put(&changes->before, changes->items[i].key.member);

        changes->entered[i] = id >= changes->before_count;
        changes->entered_count += changes->entered[i];
        if (!changes->entered[i])
            stayed[id] = true;
    }
    changes->left =
        bytes_realloc(changes->left, (changes->before_count + 1) * sizeof(changes->left[0]));
    for (uint32_t i = 0; i < changes->before_count; i++)
        if (!stayed[i])
            changes->left[changes->left_count++] = (struct changes_left){.old_rank = i + 1};
    free(stayed);
    return changes->left_count > 0;
}

static void take_found(struct changes_read *changes)
{
    for (uint32_t p = 0; p < changes->base.read.partition_count; p++)
        for (uint32_t j = 0; j < changes->slots[p].list.count; j++) {
            const struct entry_item *item = &changes->slots[p].list.items[j];
            struct changes_left *left = &changes->left[item->slot];

            left->found = true;
            left->item = *item;
            left->item.key.member = left_member(changes, item->slot);
        }
}

static void take_counts(struct changes_read *changes)
{
    for (uint32_t i = 0; i < changes->left_count; i++) {
        struct changes_left *left = &changes->left[i];

        left->rank = 1;
        for (uint32_t p = 0; p < changes->base.read.partition_count; p++)
            if (changes->slots[p].here)
                left->rank += changes->slots[p].better[i];
        /* It was behind the first n when they were read. */
        if (left->rank <= changes->item_count)
            left->rank = changes->item_count + UINT64_C(1);
    }
}

static int changes_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    struct changes_read *changes = (struct changes_read *)read;
    bool here = false;

    changes->size = 0;
    for (uint32_t i = 0; i < read->partition_count; i++) {
        here = here || changes->slots[i].here;
        changes->size += changes->slots[i].size;
    }
    if (!here)
        return board_read_gone(&changes->base, err);
    *out_step = READ_AGAIN;
    switch (changes->phase) {
    case CHANGES_TOP:
        keep_top(changes);
        if (changes->began && compare(changes))
            changes->phase = CHANGES_FIND;
        else
            *out_step = READ_DONE;
        changes->began = true;
        break;
    case CHANGES_FIND:
        take_found(changes);
        changes->phase = CHANGES_COUNT;
        break;
    case CHANGES_COUNT:
        take_counts(changes);
        *out_step = READ_DONE;
        break;
    }
    return 0;
}

/* ---- print ---- */

static void print_item(const struct changes_read *changes, const struct entry_item *item,
                       struct json_out *json)
{
    json_out_object(json);
    json_out_key(json, "rank");
    json_out_uint(json, item->rank);
    json_out_key(json, "member");
    json_out_string(json, item->key.member);
    board_read_print_score(&changes->base, item->score, &item->key, json);
    json_out_key(json, "reached_at");
    json_out_int(json, item->reached_ms);
    json_out_object_end(json);
}

static void print_left(const struct changes_read *changes, uint32_t i, struct json_out *json)
{
    const struct changes_left *left = &changes->left[i];
    struct value none = {.type = VALUE_NONE};

    json_out_object(json);
    json_out_key(json, "member");
    json_out_string(json, left_member(changes, i));
    json_out_key(json, "old_rank");
    json_out_uint(json, left->old_rank);
    json_out_key(json, "rank");
    if (left->found)
        json_out_uint(json, left->rank);
    else
        json_out_null(json);
    board_read_print_score(&changes->base, left->found ? left->item.score : none, &left->item.key,
                           json);
    json_out_object_end(json);
}

static void print_told(const struct changes_read *changes, struct bytes *out)
{
    struct json_out json;

    json_out_init(&json, out);
    if (changes->base.seasonal) {
        json_out_key(&json, "season");
        json_out_int(&json, changes->base.season_ms);
    }
    json_out_key(&json, "entered");
    json_out_array(&json);
    for (uint32_t i = 0; changes->entered_count > 0 && i < changes->item_count; i++)
        if (changes->entered[i])
            print_item(changes, &changes->items[i], &json);
    json_out_array_end(&json);
    json_out_key(&json, "left");
    json_out_array(&json);
    for (uint32_t i = 0; i < changes->left_count; i++)
        print_left(changes, i, &json);
    json_out_array_end(&json);
    json_out_key(&json, "size");
    json_out_uint(&json, changes->size);
}

static void changes_print(struct read *read, struct answer *out_answer)
{
    struct changes_read *changes = (struct changes_read *)read;
    struct json_out json;

    json_out_init(&json, &out_answer->head);
    board_read_print_head(&changes->base, &json);
    json_out_key(&json, "size");
    json_out_uint(&json, changes->size);
    out_answer->rows_name = "entries";
    for (uint32_t i = 0; i < changes->item_count; i++) {
        answer_row_begin(out_answer, (struct span){"", 0}, changes->items[i].key.member);
        json_out_init(&json, &out_answer->text);
        print_item(changes, &changes->items[i], &json);
        answer_row_end(out_answer);
    }
    out_answer->tells = true;
    if (changes->entered_count > 0 || changes->left_count > 0)
        print_told(changes, &out_answer->told);
}

static const struct read_ops changes_ops = {
    "board_changes", changes_collect, changes_merge, changes_print, changes_reset, changes_free,
};

int read_board_changes_parse(struct read **out_read, const struct read_request *request,
                             struct err *err)
{
    static const char *const names[] = {"n", NULL};
    struct changes_read *changes = bytes_alloc_zero(1, sizeof(*changes));
    uint64_t n;
    int rc;

    changes->base.read.ops = &changes_ops;
    changes->base.read.partition_count = request->partition_count;
    changes->slots = bytes_alloc_zero(request->partition_count, sizeof(changes->slots[0]));
    rc = board_read_init(&changes->base, request, names, BOARD_READ_BY_ALL, err);
    if (rc == 0)
        rc = read_params_uint(request, "n", N_DEFAULT, 1, request->limits->page_entries_max,
                              "page_entries", &n, err);
    if (rc < 0) {
        changes_free(&changes->base.read);
        return rc;
    }
    changes->n = (uint32_t)n;
    *out_read = &changes->base.read;
    return 0;
}
