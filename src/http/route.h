// SPDX-License-Identifier: Apache-2.0
/*
 * route.h - which handler answers which method and path.
 *
 * A path pattern is a list of segments: literal text, `{name}` for exactly one segment that is not
 * empty, and as the last one `{name*}` for all that is left, slashes included, maybe nothing.
 *
 *     /v1/boards/{board}/members/{member}
 *     /{file*}
 *
 * Segments are split before they are percent-decoded, so that "%2F" inside a member's name is part
 * of the name. Where several patterns fit a path, literal text wins over `{name}` and that over
 * `{name*}`, segment by segment from the left; the order of the table does not matter. The winner
 * alone decides about methods: a path never falls through to a vaguer pattern.
 *
 * Thread: a table is made once; after that any thread may look things up.
 */
#ifndef TALLYWHEEL_HTTP_ROUTE_H
#define TALLYWHEEL_HTTP_ROUTE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define ROUTE_PARAMS_MAX 8

struct err;
struct route_ops;
struct route_table;

/* What a caller must be allowed to do before the route answers. */
enum role { ROLE_NONE, ROLE_READ, ROLE_WRITE, ROLE_ADMIN };

struct route {
    const char *method; /* "GET" (which answers HEAD as well), "POST", "PUT", "DELETE", … */
    const char *path;   /* the pattern */
    enum role role;
    const struct route_ops *ops; /* http.h */
};

struct route_param {
    const char *name; /* of the pattern, zero-terminated, as long as the table */
    struct span raw;  /* of the path, still percent-encoded */
};

struct route_match {
    const struct route *route; /* NULL unless ROUTE_FOUND */
    const char *allow;         /* "GET, HEAD, PUT, OPTIONS"; NULL if ROUTE_UNKNOWN */
    uint32_t param_count;
    struct route_param params[ROUTE_PARAMS_MAX];
};

enum route_result {
    ROUTE_FOUND,
    ROUTE_UNKNOWN, /* no pattern fits: 404 */
    ROUTE_METHOD,  /* a pattern fits, but not with this method: 405 */
};

/*
 * Compiles `routes`, which must live as long as the table. ERR_INVALID names a pattern that is
 * malformed or listed twice with one method.
 */
int route_table_new(struct route_table **out_table, const struct route *routes, size_t count,
                    struct err *err);
void route_table_free(struct route_table *table);

/* `path` is percent-encoded and without the query. The match points into `path`. */
enum route_result route_table_find(const struct route_table *table, struct span method,
                                   struct span path, struct route_match *out_match);

/* "none", "read", "write", "admin" */
const char *route_role_text(enum role role);

#endif
