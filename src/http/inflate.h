// SPDX-License-Identifier: Apache-2.0
/*
 * inflate.h - undoes gzip on a body as it streams in, with a bound on what it may become.
 *
 * Thread: one owner at a time.
 */
#ifndef TALLYWHEEL_HTTP_INFLATE_H
#define TALLYWHEEL_HTTP_INFLATE_H

#include <stddef.h>

struct err;
struct inflate;

/* More than `bytes_max` bytes in all is ERR_TOO_LARGE. */
struct inflate *inflate_new(size_t bytes_max);
void inflate_free(struct inflate *self);

/*
 * Calls `give` with each piece of the plain text; a negative return of it stops. ERR_INVALID if
 * the data is not gzip.
 */
int inflate_feed(struct inflate *self, const char *data, size_t size,
                 int (*give)(void *context, const char *data, size_t size), void *context,
                 struct err *err);

/* ERR_INVALID if the data ended in the middle. */
int inflate_finish(const struct inflate *self, struct err *err);

#endif
