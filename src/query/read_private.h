// SPDX-License-Identifier: Apache-2.0
/*
 * read_private.h - the kinds of read, as read.c lists them. Private to query/.
 *
 * Each kind has a file of its own, read_<kind>.c, with one function to the outside: parse.
 */
#ifndef TALLYWHEEL_QUERY_READ_PRIVATE_H
#define TALLYWHEEL_QUERY_READ_PRIVATE_H

#include <stdint.h>

#include "query/read.h"

/* What is parsed. Spans are only valid during the parse. */
struct read_request {
    const struct span *parts; /* the path, decoded: {"boards", "season", "top"} */
    uint32_t part_count;
    const struct read_param *params;
    uint32_t param_count;
    const struct catalog *catalog;
    uint32_t partition_count;
    const struct read_limits *limits;
    int64_t now_ms;
};

typedef int read_parse_fn(struct read **out_read, const struct read_request *request,
                          struct err *err);

read_parse_fn read_board_top_parse;
read_parse_fn read_board_member_parse;
read_parse_fn read_board_around_parse;
read_parse_fn read_board_search_parse;
read_parse_fn read_board_segments_parse;
read_parse_fn read_metric_range_parse;
read_parse_fn read_metric_labels_parse;

#endif
