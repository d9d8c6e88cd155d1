// SPDX-License-Identifier: Apache-2.0
/* board_setup.c - see board_setup.h. */
#include "support/board_setup.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct stream_def board_setup_stream(const struct board_setup *setup)
{
    struct stream_def def = {.name = "s",
                             .version = 1,
                             .field_count = 6,
                             .fields = {{"member", setup->int_member ? FIELD_INT : FIELD_STRING},
                                        {"value", setup->is_int ? FIELD_INT : FIELD_FLOAT},
                                        {"mode", FIELD_INT},
                                        {"region", FIELD_STRING},
                                        {"level", FIELD_INT},
                                        {"at", FIELD_TIME}},
                             .key_field = 0,
                             .time_field = 5,
                             .id_field = -1};

    return def;
}

struct board *board_setup_board(const struct board_setup *setup, struct board_limits limits)
{
    bool counts = strcmp(setup->score, "count") == 0;
    struct board_def def = {
        .order = setup->order, .ties = setup->ties, .by_count = setup->by_count};
    struct board_bind bind = {.member_column = 0,
                              .score_column = counts ? -1 : 1,
                              .mode_column = setup->modes ? 2 : -1,
                              .by_count = setup->by_count,
                              .by_columns = {3, 4},
                              .score_is_int = setup->is_int};
    struct board *board = NULL;

    snprintf(def.name, sizeof(def.name), "b");
    if (!setup->modes)
        snprintf(def.score.name, sizeof(def.score.name), "%s", setup->score);
    snprintf(def.by[0], sizeof(def.by[0]), "region");
    snprintf(def.by[1], sizeof(def.by[1]), "level");
    if (board_new(&board, &def, &bind, limits, NULL) < 0)
        assert(false);
    return board;
}
