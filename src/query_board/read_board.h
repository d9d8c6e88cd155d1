// SPDX-License-Identifier: Apache-2.0
/* read_board.h - the kinds of read of boards; see query/read_request.h. */
#ifndef TALLYWHEEL_QUERY_BOARD_READ_BOARD_H
#define TALLYWHEEL_QUERY_BOARD_READ_BOARD_H

#include "query/read_request.h"

read_parse_fn read_board_top_parse;
read_parse_fn read_board_count_parse;   /* read_board_top.c */
read_parse_fn read_board_member_parse;  /* read_board_list.c, as are the next two */
read_parse_fn read_board_members_parse; /* or, with `search`, read_board_search_parse */
read_parse_fn read_board_among_parse;
read_parse_fn read_board_around_parse;
read_parse_fn read_board_search_parse;
read_parse_fn read_board_segments_parse;
read_parse_fn read_board_seasons_parse;
read_parse_fn read_board_history_parse;
/* What happens: only to be watched. */
read_parse_fn read_board_changes_parse;
read_parse_fn read_board_milestones_parse;
read_parse_fn read_board_updates_parse;

#endif
