// SPDX-License-Identifier: Apache-2.0
/*
 * err.h - how a failure of the world or of a client travels.
 *
 * A function that can fail returns 0 or a negative `enum err_code`, and puts one sentence for a
 * person into the `struct err` that its caller passed. The sentence says where and what, and if
 * possible what to do next. Bugs are not errors: they are asserted.
 *
 * Thread: a struct err belongs to whoever declared it. No allocation.
 */
#ifndef TALLYWHEEL_BASE_ERR_H
#define TALLYWHEEL_BASE_ERR_H

#include <stddef.h>

/* name, code as clients see it, HTTP status */
#define ERR_CODES(X)                                                                               \
    X(ERR_INVALID, "invalid", 400)                                                                 \
    X(ERR_NOT_FOUND, "not_found", 404)                                                             \
    X(ERR_CONFLICT, "conflict", 409)                                                               \
    X(ERR_TOO_LARGE, "too_large", 413)                                                             \
    X(ERR_UNSUPPORTED, "unsupported", 415)                                                         \
    X(ERR_LIMIT, "limit", 429)                                                                     \
    X(ERR_IO, "io", 503)                                                                           \
    X(ERR_FULL, "disk_full", 503)                                                                  \
    X(ERR_CORRUPT, "corrupt", 503)                                                                 \
    X(ERR_UNAVAILABLE, "unavailable", 503)                                                         \
    X(ERR_MEMORY, "memory", 503)                                                                   \
    X(ERR_INTERNAL, "internal", 500)

enum err_code {
    ERR_NONE = 0,
    ERR_FIRST_BASE = -1000, /* the first code is -999: never confused with an errno */
#define ERR_ENUM(name, text, status) name,
    ERR_CODES(ERR_ENUM)
#undef ERR_ENUM
};

struct err {
    int code; /* 0, or the negative code that was returned */
    char text[512];
};

/* Fills `err` (which may be NULL) and returns `code`, so that a caller can `return err_set(…)`. */
int err_set(struct err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Like err_set, with the text of `errno_value` appended; ENOSPC and EDQUOT become ERR_FULL. */
int err_set_errno(struct err *err, int errno_value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text that stands in `err`. */
void err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The word that clients see for a code ("not_found"); "internal" for one it does not know. */
const char *err_code_text(int code);

/* The HTTP status for a code; 500 for one it does not know. */
int err_code_status(int code);

#endif
