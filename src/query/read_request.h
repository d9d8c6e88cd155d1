// SPDX-License-Identifier: Apache-2.0
/*
 * read_request.h - what a kind of read is made of: for the folders that have kinds of read.
 *
 * Each kind, or a few that differ in what they print, has a file of its own, read_<kind>.c, with
 * nothing to the outside but its read_parse_fn.
 */
#ifndef TALLYWHEEL_QUERY_READ_REQUEST_H
#define TALLYWHEEL_QUERY_READ_REQUEST_H

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

#endif
