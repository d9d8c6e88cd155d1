// SPDX-License-Identifier: Apache-2.0
/*
 * read_params.h - the parameters of a read, checked: what is unknown is an error that names what
 * is known.
 *
 * Thread: any.
 */
#ifndef TALLYWHEEL_QUERY_READ_PARAMS_H
#define TALLYWHEEL_QUERY_READ_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "model/definition.h"

struct err;
struct read_request;

/* What a kind of read takes: names, and a prefix that is followed by one of some fields. */
struct read_params_known {
    const char *const *names; /* up to the first NULL; "*name" may be given several times */
    const char *prefix;       /* "by.", "where."; NULL: none */
    const char (*fields)[NAME_BYTES_MAX];
    uint32_t field_count;
    bool prefix_repeats; /* a field may be given several times */
};

int read_params_check(const struct read_request *request, const struct read_params_known *known,
                      struct err *err);

/* False if it was not given. */
bool read_params_find(const struct read_request *request, const char *name, struct span *out_value);

/* The index of the field that parameter `i` names after `prefix`, or -1 if it is another one. */
int32_t read_params_field(const struct read_request *request, uint32_t i,
                          const struct read_params_known *known);

/* "true" or "false", which it is if it was not given. */
int read_params_bool(const struct read_request *request, const char *name, bool *out_value,
                     struct err *err);

/*
 * A whole number in [min, max]; `otherwise` if it was not given. `limit_name` is the setting that
 * `max` comes from, for the error; NULL: none.
 */
int read_params_uint(const struct read_request *request, const char *name, uint64_t otherwise,
                     uint64_t min, uint64_t max, const char *limit_name, uint64_t *out_value,
                     struct err *err);

#endif
