// SPDX-License-Identifier: Apache-2.0
/*
 * read_parse.h - makes a read of its path. All kinds of read are listed here, and known by name
 * nowhere else.
 *
 * Thread: any; the catalog is only read, and not kept.
 */
#ifndef TALLYWHEEL_QUERY_PARSE_READ_PARSE_H
#define TALLYWHEEL_QUERY_PARSE_READ_PARSE_H

#include <stdint.h>

#include "base/bytes.h"

struct catalog;
struct err;
struct read;
struct read_limits;
struct read_param;

/*
 * Parses a path such as "boards/season/members/Ann%20B?by.region=EU" against `catalog`.
 * ERR_INVALID names the parameter that is wrong, ERR_NOT_FOUND the board or metric that is not
 * defined (or a path that is no read). The read keeps no pointer into the catalog: collect looks
 * its definition up again by id, and merge answers ERR_NOT_FOUND if it is gone.
 */
int read_parse(struct read **out_read, struct span path, const struct catalog *catalog,
               uint32_t partition_count, const struct read_limits *limits, int64_t now_ms,
               struct err *err);

/* read_parse for a path in pieces, already decoded: {"boards","season","members","Ann B"}. */
int read_parse_parts(struct read **out_read, const struct span *parts, uint32_t part_count,
                     const struct read_param *params, uint32_t param_count,
                     const struct catalog *catalog, uint32_t partition_count,
                     const struct read_limits *limits, int64_t now_ms, struct err *err);

#endif
