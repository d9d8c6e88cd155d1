// SPDX-License-Identifier: Apache-2.0
/*
 * board_setup.h - boards to test with: one stream of six fields, and a board as a test wants it.
 */
#ifndef TALLYWHEEL_TESTS_SUPPORT_BOARD_SETUP_H
#define TALLYWHEEL_TESTS_SUPPORT_BOARD_SETUP_H

#include <stdbool.h>
#include <stdint.h>

#include "model/definition.h"
#include "board/board.h"

/* The columns of the stream. */
enum { SETUP_MEMBER, SETUP_VALUE, SETUP_MODE, SETUP_REGION, SETUP_LEVEL, SETUP_AT, SETUP_COLUMNS };

struct board_setup {
    const char *score;
    enum board_order order;
    enum board_ties ties;
    bool is_int;
    uint32_t by_count; /* of region (string), level (int) */
    bool int_member;
    bool modes; /* a board that takes scores directly */
    uint32_t members;
    uint32_t value_range;
    uint32_t time_range;
};

static const struct board_limits board_setup_no_limits = {UINT32_MAX, UINT32_MAX};

struct stream_def board_setup_stream(const struct board_setup *setup);

/* To be freed with board_free. */
struct board *board_setup_board(const struct board_setup *setup, struct board_limits limits);

#endif
