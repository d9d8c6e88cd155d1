// SPDX-License-Identifier: Apache-2.0
/*
 * read_board_history.c - boards/B/members/M/history: how a member stood in each of the newest
 * seasons, the current one first.
 *
 * The first round finds the seasons, the second the member's entry in each, and how many there are
 * beside it; the third counts who is better. A season that begins or goes meanwhile is there, or is
 * not, the next time.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "board/board.h"
#include "engine/partition.h"
#include "query/answer.h"
#include "query/read_params.h"
#include "query/read_request.h"
#include "query_board/board_read.h"
#include "query_board/rank_style.h"
#include "query_board/read_board.h"
#include "query_board/season_list.h"

#define N_DEFAULT 10

enum history_phase { HISTORY_LIST, HISTORY_FIND, HISTORY_COUNT };

/* A season as one partition has it. */
struct history_part {
    bool found;
    struct rank_key key; /* if found, and the next two; its member is the read's */
    struct value score;
    int64_t reached_ms;
    uint64_t size;
    uint64_t better;
};

struct history_slot {
    struct season_list list;
    struct history_part *parts; /* by season */
};

/* A season over all partitions. */
struct history_row {
    struct season_row season;
    bool found;
    struct rank_key key;
    struct value score;
    int64_t reached_ms;
    uint64_t size;
    uint64_t above;
};

struct history_read {
    struct board_read base; /* first */
    struct bytes member;
    uint32_t n;
    enum rank_style style; /* not dense */
    enum history_phase phase;
    struct history_slot *slots;
    struct history_row *rows; /* n at most, newest first */
    uint32_t row_count;
};

static void history_reset(struct read *read)
{
    struct history_read *history = (struct history_read *)read;

    history->phase = HISTORY_LIST;
    history->row_count = 0;
}

static void history_free(struct read *read)
{
    struct history_read *history = (struct history_read *)read;

    for (uint32_t i = 0; history->slots != NULL && i < read->partition_count; i++) {
        season_list_done(&history->slots[i].list);
        free(history->slots[i].parts);
    }
    free(history->slots);
    free(history->rows);
    bytes_done(&history->member);
    board_read_done(&history->base);
    free(history);
}

/* ---- collect ---- */

static void find_member(const struct history_read *history, struct history_part *part,
                        const struct board *board, uint32_t segment)
{
    struct board_entry entry;

    part->size = board_segment_size(board, segment);
    part->found = board_find(board, segment, bytes_span(&history->member), &entry);
    if (!part->found)
        return;
    part->key = entry.key;
    part->key.member = bytes_span(&history->member);
    part->score = entry.score;
    part->reached_ms = entry.reached_ms;
}

/* The member may have risen since it was found: it is not better than itself. */
static void count_better(const struct history_read *history, struct history_part *part,
                         const struct history_row *row, const struct board *board, uint32_t segment)
{
    bool by_level = history->style == RANK_COMPETITION;
    uint32_t words = by_level ? 1 + history->base.subscore_count : 0;
    struct board_entry self;

    if (!row->found)
        return;
    part->better = by_level ? board_count_better_level(board, segment, &row->key)
                            : board_count_better(board, segment, &row->key);
    if (board_find(board, segment, bytes_span(&history->member), &self) &&
        (by_level ? rank_key_level_compare(&self.key, &row->key, words)
                  : rank_key_compare(&self.key, &row->key)) < 0)
        part->better--;
}

static void history_collect(struct read *read, const struct partition *partition, uint32_t number)
{
    struct history_read *history = (struct history_read *)read;
    struct history_slot *slot = &history->slots[number];

    if (history->phase == HISTORY_LIST) {
        season_list_collect(&slot->list, &history->base, partition);
        return;
    }
    for (uint32_t i = 0; i < history->row_count; i++) {
        struct history_part *part = &slot->parts[i];
        const struct history_row *row = &history->rows[i];
        const struct board *board =
            board_read_seasons(&history->base, partition) != NULL
                ? partition_board_season(partition, history->base.id, row->season.start_ms)
                : NULL;
        uint32_t segment;

        *part = (struct history_part){.found = false};
        if (board == NULL)
            continue;
        segment = board_segment_find(board, history->base.by_values);
        if (history->phase == HISTORY_FIND)
            find_member(history, part, board, segment);
        else
            count_better(history, part, row, board, segment);
    }
}

/* ---- merge ---- */

static int take_seasons(struct history_read *history, struct err *err)
{
    uint32_t slot_count = history->base.read.partition_count;
    struct season_list *lists = bytes_alloc(slot_count * sizeof(lists[0]));
    struct season_row *seasons;
    uint32_t count;
    bool here = false;

    for (uint32_t i = 0; i < slot_count; i++) {
        lists[i] = history->slots[i].list;
        here = here || lists[i].here;
    }
    seasons = season_list_unite(lists, slot_count, &count);
    history->row_count = count < history->n ? count : history->n;
    history->rows =
        bytes_realloc(history->rows, (history->row_count + 1) * sizeof(history->rows[0]));
    for (uint32_t i = 0; i < history->row_count; i++)
        history->rows[i] = (struct history_row){.season = seasons[i]};
    for (uint32_t i = 0; i < slot_count; i++)
        history->slots[i].parts = bytes_realloc(
            history->slots[i].parts, (history->row_count + 1) * sizeof(history->slots[i].parts[0]));
    free(seasons);
    free(lists);
    return here ? 0 : board_read_gone(&history->base, err);
}

static int take_found(struct history_read *history, struct err *err)
{
    struct span member = bytes_span(&history->member);
    bool any = false;

    for (uint32_t i = 0; i < history->row_count; i++) {
        struct history_row *row = &history->rows[i];

        for (uint32_t p = 0; p < history->base.read.partition_count; p++) {
            const struct history_part *part = &history->slots[p].parts[i];

            row->size += part->size;
            if (!part->found || row->found)
                continue;
            row->found = any = true;
            row->key = part->key;
            row->score = part->score;
            row->reached_ms = part->reached_ms;
        }
    }
    if (any)
        return 0;
    return err_set(err, ERR_NOT_FOUND, "\"%.*s\" is in none of the seasons of board \"%s\"%s",
                   (int)(member.size < 200 ? member.size : 200), member.data, history->base.name,
                   history->base.by_count > 0 ? " in this segment" : "");
}

static void take_counts(struct history_read *history)
{
    for (uint32_t i = 0; i < history->row_count; i++) {
        struct history_row *row = &history->rows[i];

        for (uint32_t p = 0; p < history->base.read.partition_count; p++)
            row->above += history->slots[p].parts[i].better;
        if (row->found && row->above >= row->size) /* what was folded between two rounds */
            row->above = row->size - 1;
    }
}

static int history_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    struct history_read *history = (struct history_read *)read;
    int rc = 0;

    *out_step = READ_AGAIN;
    switch (history->phase) {
    case HISTORY_LIST:
        rc = take_seasons(history, err);
        history->phase = HISTORY_FIND;
        break;
    case HISTORY_FIND:
        rc = take_found(history, err);
        history->phase = HISTORY_COUNT;
        break;
    case HISTORY_COUNT:
        take_counts(history);
        *out_step = READ_DONE;
        break;
    }
    return rc;
}

/* ---- print ---- */

static void print_row(const struct history_read *history, const struct history_row *row,
                      struct json_out *json)
{
    struct board_read base = history->base; /* as of that season */

    base.all_seasons = false;
    base.season_end_ms = row->season.end_ms;
    json_out_object(json);
    season_row_print(&row->season, json);
    board_read_print_score(&base, row->score, &row->key, json);
    json_out_key(json, "rank");
    if (row->found)
        json_out_uint(json, row->above + 1);
    else
        json_out_null(json);
    json_out_key(json, "percentile");
    if (row->found)
        json_out_double(json, rank_style_percentile(row->above, row->size));
    else
        json_out_null(json);
    json_out_key(json, "reached_at");
    if (row->found)
        json_out_int(json, row->reached_ms);
    else
        json_out_null(json);
    json_out_key(json, "size");
    json_out_uint(json, row->size);
    json_out_object_end(json);
}

static void history_print(struct read *read, struct answer *out_answer)
{
    struct history_read *history = (struct history_read *)read;
    struct json_out json;

    json_out_init(&json, &out_answer->head);
    board_read_print_head(&history->base, &json);
    json_out_key(&json, "member");
    json_out_string(&json, bytes_span(&history->member));
    json_out_key(&json, "ranks");
    json_out_text(&json, rank_style_text(history->style));
    out_answer->rows_name = "seasons";
    for (uint32_t i = 0; i < history->row_count; i++) {
        char key[32];
        int size = snprintf(key, sizeof(key), "%lld", (long long)history->rows[i].season.start_ms);

        answer_row_begin(out_answer, (struct span){"", 0}, (struct span){key, (size_t)size});
        json_out_init(&json, &out_answer->text);
        print_row(history, &history->rows[i], &json);
        answer_row_end(out_answer);
    }
}

static const struct read_ops history_ops = {
    "board_history", history_collect, history_merge, history_print, history_reset, history_free,
};

int read_board_history_parse(struct read **out_read, const struct read_request *request,
                             struct err *err)
{
    static const char *const names[] = {"n", "ranks", NULL};
    struct history_read *history = bytes_alloc_zero(1, sizeof(*history));
    uint64_t n;
    int rc;

    history->base.read.ops = &history_ops;
    history->base.read.partition_count = request->partition_count;
    history->slots = bytes_alloc_zero(request->partition_count, sizeof(history->slots[0]));
    rc = board_read_init_seasons(&history->base, request, names, BOARD_READ_BY_ALL, err);
    if (rc == 0)
        rc = board_read_member(request, &history->member, err);
    if (rc == 0)
        rc = rank_style_parse_counted(request, history->base.style, &history->style, err);
    if (rc == 0)
        rc = read_params_uint(request, "n", N_DEFAULT, 1, request->limits->page_entries_max,
                              "page_entries", &n, err);
    if (rc < 0) {
        history_free(&history->base.read);
        return rc;
    }
    history->n = (uint32_t)n;
    *out_read = &history->base.read;
    return 0;
}
