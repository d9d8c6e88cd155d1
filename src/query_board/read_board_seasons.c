// SPDX-License-Identifier: Apache-2.0
/* read_board_seasons.c - boards/B/seasons: which seasons there are, newest first. */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "query/answer.h"
#include "query/read_params.h"
#include "query/read_request.h"
#include "query_board/board_read.h"
#include "query_board/read_board.h"
#include "query_board/season_list.h"

#define N_DEFAULT 100

struct seasons_read {
    struct board_read base; /* first */
    uint32_t n;
    struct season_list *lists; /* by partition */
    struct season_row *rows;
    uint32_t row_count;
};

static void seasons_reset(struct read *read)
{
    (void)read; /* each answer is found from nothing but what partitions say */
}

static void seasons_free(struct read *read)
{
    struct seasons_read *seasons = (struct seasons_read *)read;

    for (uint32_t i = 0; seasons->lists != NULL && i < read->partition_count; i++)
        season_list_done(&seasons->lists[i]);
    free(seasons->lists);
    free(seasons->rows);
    board_read_done(&seasons->base);
    free(seasons);
}

static void seasons_collect(struct read *read, const struct partition *partition, uint32_t number)
{
    struct seasons_read *seasons = (struct seasons_read *)read;

    season_list_collect(&seasons->lists[number], &seasons->base, partition);
}

static int seasons_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    struct seasons_read *seasons = (struct seasons_read *)read;
    bool here = false;

    for (uint32_t i = 0; i < read->partition_count; i++)
        here = here || seasons->lists[i].here;
    if (!here)
        return board_read_gone(&seasons->base, err);
    free(seasons->rows);
    seasons->rows = season_list_unite(seasons->lists, read->partition_count, &seasons->row_count);
    *out_step = READ_DONE;
    return 0;
}

static void seasons_print(struct read *read, struct answer *out_answer)
{
    struct seasons_read *seasons = (struct seasons_read *)read;
    struct json_out json;

    json_out_init(&json, &out_answer->head);
    json_out_key(&json, "board");
    json_out_text(&json, seasons->base.name);
    json_out_key(&json, "count");
    json_out_uint(&json, seasons->row_count);
    out_answer->rows_name = "seasons";
    for (uint32_t i = 0; i < seasons->row_count && i < seasons->n; i++) {
        const struct season_row *row = &seasons->rows[i];
        char key[32];
        int size = snprintf(key, sizeof(key), "%lld", (long long)row->start_ms);

        answer_row_begin(out_answer, (struct span){"", 0}, (struct span){key, (size_t)size});
        json_out_init(&json, &out_answer->text);
        json_out_object(&json);
        season_row_print(row, &json);
        json_out_key(&json, "entries");
        json_out_uint(&json, row->entries);
        json_out_object_end(&json);
        answer_row_end(out_answer);
    }
}

static const struct read_ops seasons_ops = {
    "board_seasons", seasons_collect, seasons_merge, seasons_print, seasons_reset, seasons_free,
};

int read_board_seasons_parse(struct read **out_read, const struct read_request *request,
                             struct err *err)
{
    static const char *const names[] = {"n", NULL};
    struct seasons_read *seasons = bytes_alloc_zero(1, sizeof(*seasons));
    uint64_t n;
    int rc;

    seasons->base.read.ops = &seasons_ops;
    seasons->base.read.partition_count = request->partition_count;
    seasons->lists = bytes_alloc_zero(request->partition_count, sizeof(seasons->lists[0]));
    rc = board_read_init_seasons(&seasons->base, request, names, BOARD_READ_BY_ANY, err);
    if (rc == 0)
        rc = read_params_uint(request, "n", N_DEFAULT, 1, request->limits->page_entries_max,
                              "page_entries", &n, err);
    if (rc < 0) {
        seasons_free(&seasons->base.read);
        return rc;
    }
    seasons->n = (uint32_t)n;
    *out_read = &seasons->base.read;
    return 0;
}
