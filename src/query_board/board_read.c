// SPDX-License-Identifier: Apache-2.0
/* board_read.c - see board_read.h. */
#include "query_board/board_read.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/board_seasons.h"
#include "engine/catalog.h"
#include "engine/partition.h"
#include "period/period.h"
#include "query/read_request.h"
#include "query/time_param.h"
#include "board/board.h"

#define NAMES_MAX 16

/* ---- copies of entries ---- */

void entry_list_clear(struct entry_list *list)
{
    list->count = 0;
    bytes_clear(&list->text);
}

void entry_list_done(struct entry_list *list)
{
    free(list->items);
    bytes_done(&list->text);
    *list = (struct entry_list){0};
}

struct entry_item *entry_list_add(struct entry_list *list, const struct board_entry *entry)
{
    struct entry_item *item;

    if (list->count == list->capacity) {
        list->capacity = list->capacity > 0 ? list->capacity * 2 : 16;
        list->items = bytes_realloc(list->items, list->capacity * sizeof(list->items[0]));
    }
    item = &list->items[list->count++];
    *item = (struct entry_item){
        .key = entry->key,
        .score = entry->score,
        .reached_ms = entry->reached_ms,
        .member_start = list->text.size,
    };
    bytes_put(&list->text, entry->key.member.data, entry->key.member.size);
    return item;
}

void entry_list_seal(struct entry_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        list->items[i].key.member.data = list->text.data + list->items[i].member_start;
}

int entry_item_compare(const void *a, const void *b)
{
    return rank_key_compare(&((const struct entry_item *)a)->key,
                            &((const struct entry_item *)b)->key);
}

struct entry_item *entry_list_merge(const struct entry_list *first, size_t stride,
                                    uint32_t list_count, uint32_t *out_count)
{
    uint64_t total = 0;
    uint32_t count = 0;
    struct entry_item *items;

    for (uint32_t i = 0; i < list_count; i++)
        total += ((const struct entry_list *)((const char *)first + i * stride))->count;
    assert(total < UINT32_MAX);
    items = bytes_alloc((total + 1) * sizeof(*items));
    for (uint32_t i = 0; i < list_count; i++) {
        const struct entry_list *list =
            (const struct entry_list *)((const char *)first + i * stride);

        if (list->count > 0)
            memcpy(items + count, list->items, list->count * sizeof(*items));
        count += list->count;
    }
    if (list_count > 1)
        qsort(items, count, sizeof(*items), entry_item_compare);
    *out_count = count;
    return items;
}

/* ---- the base of reads ---- */

static int check_by(const struct board_read *board_read, enum board_read_by by, struct err *err)
{
    struct bytes missing = {0};
    int rc;

    if (by == BOARD_READ_BY_ANY || board_read->by_given == board_read->by_count ||
        (by == BOARD_READ_BY_ALL_OR_NONE && board_read->by_given == 0))
        return 0;
    for (uint32_t i = 0; i < board_read->by_count; i++)
        if (board_read->by_values[i].data == NULL)
            bytes_format(&missing, "%sby.%s", missing.size > 0 ? ", " : "", board_read->by[i]);
    rc = err_set(err, ERR_INVALID,
                 "board \"%s\" is split by other fields, so this needs also %s "
                 "(boards/%s/segments lists the values)",
                 board_read->name, bytes_text(&missing), board_read->name);
    bytes_done(&missing);
    return rc;
}

static void take_by_values(struct board_read *board_read, const struct read_request *request,
                           const struct read_params_known *known)
{
    size_t total = 0;

    for (uint32_t i = 0; i < request->param_count; i++)
        total += request->params[i].value.size;
    bytes_reserve(&board_read->by_text, total + 1); /* so that spans stay valid */
    for (uint32_t i = 0; i < request->param_count; i++) {
        struct span value = request->params[i].value;
        int32_t field = read_params_field(request, i, known);

        if (field < 0)
            continue;
        board_read->by_values[field] =
            (struct span){board_read->by_text.data + board_read->by_text.size, value.size};
        bytes_put(&board_read->by_text, value.data, value.size);
        board_read->by_given++;
    }
}

static int take_season(struct board_read *board_read, const struct read_request *request,
                       struct err *err)
{
    struct time_param time;
    struct span text;

    if (!read_params_find(request, "season", &text))
        return 0;
    if (time_param_parse(text, "season", &time, err) < 0)
        return ERR_INVALID;
    board_read->season_given = true;
    board_read->season_ms = time_param_ms(time, request->now_ms);
    return 0;
}

static void take_board(struct board_read *board_read, const struct catalog_board *board)
{
    board_read->id = board->id;
    board_read->version = board->def.version;
    memcpy(board_read->name, board->def.name, sizeof(board_read->name));
    board_read->order = board->def.order;
    board_read->style = rank_style_of_ties(board->def.ties);
    board_read->score_is_int = board->score_is_int;
    board_read->score = board->score;
    board_read->subscore_count = board->def.subscore_count;
    for (uint32_t i = 0; i < board->def.subscore_count; i++) {
        board_read->subscores[i] = board->subscores[i];
        board_read->subscore_orders[i] = board->def.subscores[i].order;
    }
    board_read->seasonal = period_has_seasons(&board->def.period);
    board_read->by_count = board->def.by_count;
    memcpy(board_read->by, board->def.by, sizeof(board_read->by));
}

void board_read_place(struct board_read *board_read, const struct board_place *place)
{
    size_t total = 1;

    take_board(board_read, place->board);
    board_read->read.partition_count = place->partition_count;
    board_read->season_given = place->season_given;
    board_read->season_ms = place->season_ms;
    for (uint32_t i = 0; i < board_read->by_count; i++)
        total += place->labels[i].size;
    bytes_reserve(&board_read->by_text, total); /* so that spans stay valid */
    for (uint32_t i = 0; i < board_read->by_count; i++) {
        board_read->by_values[i] = (struct span){
            board_read->by_text.data + board_read->by_text.size, place->labels[i].size};
        bytes_put(&board_read->by_text, place->labels[i].data, place->labels[i].size);
    }
    board_read->by_given = board_read->by_count;
}

int board_read_init(struct board_read *board_read, const struct read_request *request,
                    const char *const *names, enum board_read_by by, struct err *err)
{
    struct span name = request->parts[1];
    const char *all_names[NAMES_MAX] = {NULL};
    const struct catalog_board *board = catalog_find_board(request->catalog, name);
    struct read_params_known known = {.prefix = "by.", .names = all_names};
    uint32_t name_count;
    int rc;

    if (board == NULL)
        return err_set(err, ERR_NOT_FOUND,
                       "board \"%.*s\" is not defined; GET /v1/boards lists what is",
                       (int)(name.size < 100 ? name.size : 100), name.data);
    take_board(board_read, board);
    for (name_count = 0; names[name_count] != NULL; name_count++) {
        assert(name_count + 2 < NAMES_MAX);
        all_names[name_count] = names[name_count];
    }
    if (board_read->seasonal && !board_read->all_seasons)
        all_names[name_count] = "season";
    board_read->limits = *request->limits;
    known.fields = (const char(*)[NAME_BYTES_MAX])board_read->by;
    known.field_count = board_read->by_count;
    rc = read_params_check(request, &known, err);
    if (rc < 0)
        return rc;
    take_by_values(board_read, request, &known);
    rc = check_by(board_read, by, err);
    return rc < 0 ? rc : take_season(board_read, request, err);
}

int board_read_init_seasons(struct board_read *board_read, const struct read_request *request,
                            const char *const *names, enum board_read_by by, struct err *err)
{
    int rc;

    board_read->all_seasons = true;
    rc = board_read_init(board_read, request, names, by, err);
    if (rc == 0 && !board_read->seasonal)
        rc = err_set(err, ERR_INVALID, "board \"%s\" has no seasons: it has no `period`, or rolls",
                     board_read->name);
    return rc;
}

void board_read_done(struct board_read *board_read)
{
    bytes_done(&board_read->by_text);
}

int board_read_member(const struct read_request *request, struct bytes *out_member, struct err *err)
{
    struct span member = request->parts[3];

    if (member.size == 0)
        return err_set(err, ERR_INVALID, "the path ends without a member");
    bytes_put(out_member, member.data, member.size);
    return 0;
}

/* ---- the board on a partition ---- */

struct board_seasons *board_read_seasons(const struct board_read *board_read,
                                         const struct partition *partition)
{
    struct board_seasons *seasons = partition_seasons(partition, board_read->id);

    if (seasons == NULL ||
        board_definition(board_seasons_current(seasons))->version != board_read->version)
        return NULL;
    return seasons;
}

const struct board *board_read_board(const struct board_read *board_read,
                                     const struct partition *partition)
{
    const struct board *board =
        board_read->seasonal
            ? partition_board_season(partition, board_read->id, board_read->season_ms)
            : partition_board(partition, board_read->id);

    if (board == NULL || board_definition(board)->version != board_read->version)
        return NULL;
    return board;
}

const struct board *board_read_segment(const struct board_read *board_read,
                                       const struct partition *partition, uint32_t *out_segment)
{
    const struct board *board = board_read_board(board_read, partition);

    *out_segment =
        board != NULL ? board_segment_find(board, board_read->by_values) : BOARD_SEGMENT_NONE;
    return board;
}

int board_read_gone(const struct board_read *board_read, struct err *err)
{
    if (board_read->season_given)
        return err_set(err, ERR_NOT_FOUND,
                       "board \"%s\" keeps no season that begins at %lld (ms since 1970)",
                       board_read->name, (long long)board_read->season_ms);
    return err_set(err, ERR_NOT_FOUND, "board \"%s\" was dropped or defined anew while it was read",
                   board_read->name);
}

void board_read_print_labels(const struct board_read *board_read, const struct span *labels,
                             struct json_out *json)
{
    json_out_object(json);
    for (uint32_t i = 0; i < board_read->by_count; i++) {
        json_out_key(json, board_read->by[i]);
        json_out_string(json, labels[i]);
    }
    json_out_object_end(json);
}

/* Null: there was no event, and so there is no season yet. */
static void print_ms(struct json_out *json, int64_t ms)
{
    if (ms == INT64_MIN)
        json_out_null(json);
    else
        json_out_int(json, ms);
}

void board_read_print_board(const struct board_read *board_read, struct json_out *json)
{
    json_out_key(json, "board");
    json_out_text(json, board_read->name);
    if (board_read->seasonal && !board_read->all_seasons) {
        json_out_key(json, "season");
        print_ms(json, board_read->season_ms);
        json_out_key(json, "season_end");
        print_ms(json, board_read->season_ms != INT64_MIN ? board_read->season_end_ms : INT64_MIN);
        json_out_key(json, "final");
        json_out_bool(json, board_read->season_final);
    }
    if (board_read_fades(board_read)) {
        json_out_key(json, "shown_at");
        json_out_int(json, board_read_shown_ms(board_read));
    }
}

void board_read_print_head(const struct board_read *board_read, struct json_out *json)
{
    board_read_print_board(board_read, json);
    if (board_read->by_given < board_read->by_count)
        return;
    json_out_key(json, "by");
    board_read_print_labels(board_read, board_read->by_values, json);
}
