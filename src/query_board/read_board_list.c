// SPDX-License-Identifier: Apache-2.0
/*
 * read_board_list.c - boards/B/members/M, boards/B/members?member=…, boards/B/among?member=…: what
 * is known of one member, of many, and how some stand among each other.
 *
 * First every partition looks for the members that it has; then all count how many are better than
 * each one that was found. Competition ranks come from the same round, dense ones may take more
 * (rank_style.h): one walk down the distinct scores serves the whole list.
 *
 * Members are named by `member`, as often as there are any, or as one JSON array in `members`.
 */
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/partition.h"
#include "query/answer.h"
#include "query_board/board_read.h"
#include "query/label_set.h"
#include "query_board/rank_style.h"
#include "query/read_request.h"
#include "query_board/read_board.h"
#include "board/board.h"

#define MEMBERS_MAX 1000

enum list_kind { LIST_ONE, LIST_MEMBERS, LIST_AMONG };

enum list_phase { LIST_FIND, LIST_COUNT, LIST_DENSE };

struct list_slot {
    struct entry_list list; /* those that are here; `rank` is the member's id */
    uint64_t *better;       /* for each item: how many are better */
    uint64_t *better_level; /* how many are on better levels; not if ranks are ordinal */
    uint32_t size;
    bool here;
    bool banned; /* the one member that is asked for */
};

/* What was counted for an item. */
struct list_place {
    uint64_t above; /* members; see rank_style_percentile */
    uint64_t rank;
};

struct list_read {
    struct board_read base; /* first */
    enum list_kind kind;
    enum rank_style style;
    enum list_phase phase;
    struct label_set members; /* each once */
    uint32_t *asked;          /* ids, in the order of the request */
    uint32_t asked_count;
    struct list_slot *slots;
    struct rank_style_count count;
    uint32_t *found; /* by id: index of its item + 1, or 0 */
    struct entry_item *items;
    struct list_place *places;
    uint32_t item_count;
    uint64_t size;
};

static void list_reset(struct read *read)
{
    struct list_read *list = (struct list_read *)read;

    list->phase = LIST_FIND;
    list->item_count = 0;
}

static void list_free(struct read *read)
{
    struct list_read *list = (struct list_read *)read;

    for (uint32_t i = 0; list->slots != NULL && i < read->partition_count; i++) {
        entry_list_done(&list->slots[i].list);
        free(list->slots[i].better);
        free(list->slots[i].better_level);
    }
    free(list->slots);
    label_set_done(&list->members);
    free(list->asked);
    free(list->found);
    free(list->items);
    free(list->places);
    rank_style_count_done(&list->count);
    board_read_done(&list->base);
    free(list);
}

/* ---- collect ---- */

static void find_members(const struct list_read *list, struct list_slot *slot,
                         const struct board *board, uint32_t segment)
{
    for (uint32_t id = 0; id < list->members.count; id++) {
        struct board_entry entry;

        if (board_find(board, segment, label_set_get(&list->members, id), &entry))
            entry_list_add(&slot->list, &entry)->rank = id;
    }
}

/* A member may have risen since the first round: it is not better than itself. */
static void count_better(const struct list_read *list, struct list_slot *slot, uint32_t number,
                         const struct board *board, uint32_t segment)
{
    uint32_t words = 1 + list->base.subscore_count;

    for (uint32_t i = 0; i < list->item_count; i++) {
        const struct entry_item *item = &list->items[i];
        struct board_entry self = {.key = item->key};

        if (item->slot == number)
            board_find(board, segment, item->key.member, &self);
        slot->better[i] = board_count_better(board, segment, &item->key) -
                          (rank_key_compare(&self.key, &item->key) < 0);
        if (list->style != RANK_ORDINAL)
            slot->better_level[i] = board_count_better_level(board, segment, &item->key) -
                                    (rank_key_level_compare(&self.key, &item->key, words) < 0);
    }
}

static void list_collect(struct read *read, const struct partition *partition, uint32_t number)
{
    struct list_read *list = (struct list_read *)read;
    struct list_slot *slot = &list->slots[number];
    uint32_t segment;
    const struct board *board = board_read_segment(&list->base, partition, &segment);

    if (list->phase != LIST_FIND && list->style == RANK_DENSE)
        rank_style_count_collect(&list->count, number, board, segment);
    if (list->phase == LIST_DENSE)
        return;
    slot->here = board != NULL;
    slot->size = board != NULL ? board_segment_size(board, segment) : 0;
    if (list->phase == LIST_FIND) {
        entry_list_clear(&slot->list);
        if (board != NULL)
            find_members(list, slot, board, segment);
        slot->banned =
            list->kind == LIST_ONE &&
            partition_is_banned(partition, list->base.id, label_set_get(&list->members, 0));
        return;
    }
    memset(slot->better, 0, list->item_count * sizeof(slot->better[0]));
    memset(slot->better_level, 0, list->item_count * sizeof(slot->better_level[0]));
    if (board != NULL)
        count_better(list, slot, number, board, segment);
}

/* ---- merge ---- */

static int not_found(const struct list_read *list, struct err *err)
{
    struct span member = label_set_get(&list->members, 0);

    for (uint32_t i = 0; i < list->base.read.partition_count; i++)
        if (list->slots[i].banned)
            return err_set(err, ERR_NOT_FOUND, "\"%.*s\" is banned from board \"%s\"",
                           (int)(member.size < 200 ? member.size : 200), member.data,
                           list->base.name);
    return err_set(err, ERR_NOT_FOUND, "\"%.*s\" is not on board \"%s\"%s",
                   (int)(member.size < 200 ? member.size : 200), member.data, list->base.name,
                   list->base.by_count > 0 ? " in this segment" : "");
}

/* Puts what the partitions have into items. Keys point into `members`, which stays. */
static void take_found(struct list_read *list)
{
    uint32_t slot_count = list->base.read.partition_count;

    memset(list->found, 0, list->members.count * sizeof(list->found[0]));
    for (uint32_t p = 0; p < slot_count; p++)
        for (uint32_t i = 0; i < list->slots[p].list.count; i++) {
            const struct entry_item *item = &list->slots[p].list.items[i];
            uint32_t id = (uint32_t)item->rank;
            struct entry_item *taken = &list->items[list->item_count];

            if (list->found[id] != 0)
                continue;
            list->found[id] = ++list->item_count;
            *taken = *item;
            taken->key.member = label_set_get(&list->members, id);
            taken->slot = p;
        }
    for (uint32_t p = 0; p < slot_count; p++) {
        struct list_slot *slot = &list->slots[p];
        size_t bytes = (list->item_count + 1) * sizeof(uint64_t);

        slot->better = bytes_realloc(slot->better, bytes);
        slot->better_level = bytes_realloc(slot->better_level, bytes);
    }
}

static void sum_places(struct list_read *list)
{
    for (uint32_t i = 0; i < list->item_count; i++) {
        struct list_place *place = &list->places[i];

        place->above = 0;
        for (uint32_t p = 0; p < list->base.read.partition_count; p++)
            place->above += list->style == RANK_ORDINAL ? list->slots[p].better[i]
                                                        : list->slots[p].better_level[i];
        if (place->above >= list->size) /* what was folded between two rounds */
            place->above = list->size > 0 ? list->size - 1 : 0;
        place->rank = place->above + 1;
    }
}

static void take_dense_ranks(struct list_read *list)
{
    for (uint32_t i = 0; i < list->item_count; i++)
        list->places[i].rank = 1 + rank_style_count_above(&list->count, &list->items[i].key);
}

static int list_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    struct list_read *list = (struct list_read *)read;
    bool here = false;
    bool stands = true;

    list->size = 0;
    for (uint32_t i = 0; i < read->partition_count; i++) {
        here = here || list->slots[i].here;
        list->size += list->slots[i].size;
    }
    if (!here)
        return board_read_gone(&list->base, err);
    if (list->phase == LIST_FIND) {
        take_found(list);
        if (list->kind == LIST_ONE && list->item_count == 0)
            return not_found(list, err);
        if (list->style == RANK_DENSE)
            rank_style_count_begin_many(&list->count, list->items, list->item_count);
        list->phase = LIST_COUNT;
        *out_step = list->item_count > 0 ? READ_AGAIN : READ_DONE;
        return 0;
    }
    if (list->phase == LIST_COUNT)
        sum_places(list);
    if (list->style == RANK_DENSE)
        stands = rank_style_count_merge(&list->count);
    if (stands && list->style == RANK_DENSE)
        take_dense_ranks(list);
    list->phase = LIST_DENSE;
    *out_step = stands ? READ_DONE : READ_AGAIN;
    return 0;
}

/* ---- print ---- */

static void print_head(const struct list_read *list, struct json_out *json)
{
    board_read_print_head(&list->base, json);
    json_out_key(json, "size");
    json_out_uint(json, list->size);
    json_out_key(json, "ranks");
    json_out_text(json, rank_style_text(list->style));
}

/* The members of an object; all null for a member that is not on the board. */
static void print_member(const struct list_read *list, uint32_t id, const char *rank_name,
                         struct json_out *json)
{
    uint32_t found = list->found[id];
    const struct entry_item *item = found > 0 ? &list->items[found - 1] : NULL;
    const struct list_place *place = found > 0 ? &list->places[found - 1] : NULL;
    struct value none = {.type = VALUE_NONE};

    json_out_key(json, "member");
    json_out_string(json, label_set_get(&list->members, id));
    board_read_print_score(&list->base, item != NULL ? item->score : none,
                           item != NULL ? &item->key : NULL, json);
    json_out_key(json, rank_name);
    if (place != NULL)
        json_out_uint(json, place->rank);
    else
        json_out_null(json);
    json_out_key(json, "percentile");
    if (place != NULL)
        json_out_double(json, rank_style_percentile(place->above, list->size));
    else
        json_out_null(json);
    json_out_key(json, "reached_at");
    if (item != NULL)
        json_out_int(json, item->reached_ms);
    else
        json_out_null(json);
}

static void print_members(const struct list_read *list, struct answer *out_answer)
{
    out_answer->rows_name = "members";
    for (uint32_t i = 0; i < list->asked_count; i++) {
        struct json_out json;

        answer_row_begin(out_answer, (struct span){"", 0},
                         label_set_get(&list->members, list->asked[i]));
        json_out_init(&json, &out_answer->text);
        json_out_object(&json);
        print_member(list, list->asked[i], "rank", &json);
        json_out_object_end(&json);
        answer_row_end(out_answer);
    }
}

static void print_missing(const struct list_read *list, struct json_out *json)
{
    json_out_key(json, "missing");
    json_out_array(json);
    for (uint32_t id = 0; id < list->members.count; id++)
        if (list->found[id] == 0)
            json_out_string(json, label_set_get(&list->members, id));
    json_out_array_end(json);
}

static void print_among(const struct list_read *list, struct answer *out_answer)
{
    struct entry_item *sorted = bytes_alloc((list->item_count + 1) * sizeof(*sorted));
    uint64_t rank = 0;

    memcpy(sorted, list->items, list->item_count * sizeof(*sorted));
    qsort(sorted, list->item_count, sizeof(*sorted), entry_item_compare);
    out_answer->rows_name = "entries";
    for (uint32_t i = 0; i < list->item_count; i++) {
        bool ties =
            i > 0 && rank_style_count_ties(&list->count, &sorted[i].key, &sorted[i - 1].key);
        struct json_out json;

        if (list->style == RANK_ORDINAL || !ties)
            rank = list->style == RANK_DENSE ? rank + 1 : i + 1;
        answer_row_begin(out_answer, (struct span){"", 0}, sorted[i].key.member);
        json_out_init(&json, &out_answer->text);
        json_out_object(&json);
        json_out_key(&json, "rank");
        json_out_uint(&json, rank);
        print_member(list, (uint32_t)sorted[i].rank, "overall_rank", &json);
        json_out_object_end(&json);
        answer_row_end(out_answer);
    }
    free(sorted);
}

static void list_print(struct read *read, struct answer *out_answer)
{
    struct list_read *list = (struct list_read *)read;
    struct json_out json;

    json_out_init(&json, &out_answer->head);
    print_head(list, &json);
    if (list->kind == LIST_AMONG)
        print_missing(list, &json);
    if (list->kind == LIST_ONE)
        print_member(list, 0, "rank", &json);
    else if (list->kind == LIST_MEMBERS)
        print_members(list, out_answer);
    else
        print_among(list, out_answer);
}

static const struct read_ops list_ops = {
    "board_list", list_collect, list_merge, list_print, list_reset, list_free,
};

/* ---- parse ---- */

static int add_member(struct list_read *list, struct span member, struct err *err)
{
    if (member.size == 0)
        return err_set(err, ERR_INVALID, "a member is empty: names have one byte or more");
    if (list->asked_count == MEMBERS_MAX)
        return err_set(err, ERR_TOO_LARGE, "at most %d members a request", MEMBERS_MAX);
    list->asked[list->asked_count++] = label_set_put(&list->members, member);
    return 0;
}

static int add_array(struct list_read *list, struct span text, struct err *err)
{
    json_t *tree = json_loadb(text.data, text.size, 0, NULL);
    int rc = 0;

    if (!json_is_array(tree))
        rc = err_set(err, ERR_INVALID,
                     "members: expected an array of names, such as [\"Ada\",\"Grace\"]");
    for (size_t i = 0; rc == 0 && i < json_array_size(tree); i++) {
        const json_t *item = json_array_get(tree, i);

        if (json_is_string(item))
            rc = add_member(list, (struct span){json_string_value(item), json_string_length(item)},
                            err);
        else
            rc = err_set(err, ERR_INVALID, "members[%zu]: expected a string", i);
    }
    json_decref(tree);
    return rc;
}

static int add_members(struct list_read *list, const struct read_request *request, struct err *err)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < request->param_count; i++) {
        const struct read_param *param = &request->params[i];

        if (span_equal(param->name, SPAN_LITERAL("member")))
            rc = add_member(list, param->value, err);
        else if (span_equal(param->name, SPAN_LITERAL("members")))
            rc = add_array(list, param->value, err);
    }
    return rc;
}

static int parse(struct read **out_read, const struct read_request *request, enum list_kind kind,
                 struct err *err)
{
    static const char *const one_names[] = {"ranks", NULL};
    static const char *const names[] = {"*member", "members", "ranks", NULL};
    struct list_read *list = bytes_alloc_zero(1, sizeof(*list));
    uint32_t room = kind == LIST_ONE ? 1 : MEMBERS_MAX;
    int rc;

    list->base.read.ops = &list_ops;
    list->base.read.partition_count = request->partition_count;
    list->kind = kind;
    list->slots = bytes_alloc_zero(request->partition_count, sizeof(list->slots[0]));
    list->asked = bytes_alloc(room * sizeof(list->asked[0]));
    rc = board_read_init(&list->base, request, kind == LIST_ONE ? one_names : names,
                         BOARD_READ_BY_ALL, err);
    if (rc == 0)
        rc = rank_style_parse(request, list->base.style, &list->style, err);
    if (rc == 0 && kind != LIST_ONE)
        rc = add_members(list, request, err);
    else if (rc == 0 && request->parts[3].size == 0)
        rc = err_set(err, ERR_INVALID, "the path ends without a member");
    else if (rc == 0)
        rc = add_member(list, request->parts[3], err);
    if (rc < 0) {
        list_free(&list->base.read);
        return rc;
    }
    list->found = bytes_alloc_zero(list->members.count + 1, sizeof(list->found[0]));
    list->items = bytes_alloc((list->members.count + 1) * sizeof(list->items[0]));
    list->places = bytes_alloc_zero(list->members.count + 1, sizeof(list->places[0]));
    rank_style_count_init(&list->count, list->style, list->base.subscore_count,
                          request->partition_count, request->limits->scan_entries_max);
    list_reset(&list->base.read);
    *out_read = &list->base.read;
    return 0;
}

int read_board_member_parse(struct read **out_read, const struct read_request *request,
                            struct err *err)
{
    return parse(out_read, request, LIST_ONE, err);
}

int read_board_members_parse(struct read **out_read, const struct read_request *request,
                             struct err *err)
{
    for (uint32_t i = 0; i < request->param_count; i++)
        if (span_equal(request->params[i].name, SPAN_LITERAL("member")) ||
            span_equal(request->params[i].name, SPAN_LITERAL("members")))
            return parse(out_read, request, LIST_MEMBERS, err);
    return read_board_search_parse(out_read, request, err);
}

int read_board_among_parse(struct read **out_read, const struct read_request *request,
                           struct err *err)
{
    return parse(out_read, request, LIST_AMONG, err);
}
