// SPDX-License-Identifier: Apache-2.0
/* season_list.c - see season_list.h. */
#include "query_board/season_list.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/json.h"
#include "query_board/board_read.h"

#define STEP 16u

void season_list_done(struct season_list *list)
{
    free(list->items);
    *list = (struct season_list){0};
}

void season_list_collect(struct season_list *list, const struct board_read *board_read,
                         const struct partition *partition)
{
    const struct board_seasons *seasons = board_read_seasons(board_read, partition);
    uint32_t filled;

    list->count = 0;
    list->here = seasons != NULL;
    if (seasons == NULL)
        return;
    list->gone_ms = board_seasons_gone_ms(seasons);
    list->over_ms = board_seasons_over_ms(seasons);
    do {
        if (list->capacity - list->count < STEP) {
            list->capacity = 2 * list->capacity + STEP;
            list->items = bytes_realloc(list->items, list->capacity * sizeof(list->items[0]));
        }
        filled = board_seasons_list(seasons, list->count, list->items + list->count, STEP);
        list->count += filled;
    } while (filled == STEP);
}

static int newest_first(const void *a, const void *b)
{
    int64_t first = ((const struct season_row *)a)->start_ms;
    int64_t second = ((const struct season_row *)b)->start_ms;

    return (first < second) - (first > second);
}

/* Where no row can come any more, a season that is not there will not be. */
static bool is_over_elsewhere(const struct season_list *lists, uint32_t list_count,
                              const struct season_row *row)
{
    for (uint32_t i = 0; i < list_count; i++) {
        bool found = false;

        for (uint32_t j = 0; j < lists[i].count && !found; j++)
            found = lists[i].items[j].start_ms == row->start_ms;
        if (!found && (!lists[i].here || lists[i].over_ms < row->end_ms))
            return false;
    }
    return true;
}

static struct season_row row_of(const struct board_season *season)
{
    return (struct season_row){
        .start_ms = season->start_ms,
        .end_ms = season->end_ms,
        .current = season->current,
        .closed = season->closed,
        .entries = season->entries,
    };
}

/* Makes one row of those that are of one season, and drops what is gone. */
static uint32_t join(struct season_row *rows, uint32_t count, int64_t gone_ms)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count && rows[i].start_ms >= gone_ms; i++) {
        struct season_row *last = kept > 0 ? &rows[kept - 1] : NULL;

        if (last == NULL || last->start_ms != rows[i].start_ms) {
            rows[kept++] = rows[i];
            continue;
        }
        last->current = last->current || rows[i].current;
        last->closed = last->closed && rows[i].closed;
        last->entries += rows[i].entries;
    }
    return kept;
}

struct season_row *season_list_unite(const struct season_list *lists, uint32_t list_count,
                                     uint32_t *out_count)
{
    struct season_row *rows;
    int64_t gone_ms = INT64_MIN;
    uint32_t total = 0;
    uint32_t count = 0;

    for (uint32_t i = 0; i < list_count; i++)
        total += lists[i].count;
    rows = bytes_alloc((total + (size_t)1) * sizeof(rows[0]));
    for (uint32_t i = 0; i < list_count; i++) {
        if (lists[i].here && lists[i].gone_ms > gone_ms)
            gone_ms = lists[i].gone_ms;
        for (uint32_t j = 0; j < lists[i].count; j++)
            if (board_season_is_real(&lists[i].items[j]))
                rows[count++] = row_of(&lists[i].items[j]);
    }
    qsort(rows, count, sizeof(rows[0]), newest_first);
    count = join(rows, count, gone_ms);
    for (uint32_t i = 0, seen = 0; i < count; i++) {
        /* Partitions may be in different seasons for a while: the newest is the one. */
        rows[i].current = rows[i].current && seen++ == 0;
        rows[i].final = rows[i].closed && is_over_elsewhere(lists, list_count, &rows[i]);
    }
    *out_count = count;
    return rows;
}

void season_row_print(const struct season_row *row, struct json_out *json)
{
    json_out_key(json, "season");
    json_out_int(json, row->start_ms);
    json_out_key(json, "season_end");
    json_out_int(json, row->end_ms);
    json_out_key(json, "current");
    json_out_bool(json, row->current);
    json_out_key(json, "closed");
    json_out_bool(json, row->closed);
    json_out_key(json, "final");
    json_out_bool(json, row->final);
}
