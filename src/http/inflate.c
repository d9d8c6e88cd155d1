// SPDX-License-Identifier: Apache-2.0
/* inflate.c - see inflate.h. Members that follow each other (RFC 1952, 2.2) are one text. */
#include "http/inflate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/err.h"

#define PIECE_BYTES 65536
#define GZIP_WINDOW_BITS (15 + 16)

struct inflate {
    z_stream zlib;
    size_t bytes_left;
    bool ended; /* a member has ended and no other has begun */
    char piece[PIECE_BYTES];
};

struct inflate *inflate_new(size_t bytes_max)
{
    struct inflate *self = bytes_alloc(sizeof(*self));

    memset(&self->zlib, 0, sizeof(self->zlib));
    self->bytes_left = bytes_max;
    self->ended = false;
    if (inflateInit2(&self->zlib, GZIP_WINDOW_BITS) != Z_OK)
        abort(); /* it fails only without memory */
    return self;
}

void inflate_free(struct inflate *self)
{
    if (self == NULL)
        return;
    inflateEnd(&self->zlib);
    free(self);
}

static int step(struct inflate *self, size_t *out_size, struct err *err)
{
    int rc;

    if (self->ended) {
        inflateReset(&self->zlib);
        self->ended = false;
    }
    self->zlib.next_out = (unsigned char *)self->piece;
    self->zlib.avail_out = PIECE_BYTES;
    rc = inflate(&self->zlib, Z_NO_FLUSH);
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
        return err_set(err, ERR_INVALID, "the body is not valid gzip: %s",
                       self->zlib.msg != NULL ? self->zlib.msg : "damaged data");
    self->ended = rc == Z_STREAM_END;
    *out_size = PIECE_BYTES - self->zlib.avail_out;
    if (*out_size > self->bytes_left)
        return err_set(err, ERR_TOO_LARGE, "the body is larger than `body_bytes` once unpacked");
    self->bytes_left -= *out_size;
    return 0;
}

int inflate_feed(struct inflate *self, const char *data, size_t size,
                 int (*give)(void *context, const char *data, size_t size), void *context,
                 struct err *err)
{
    size_t piece_size = PIECE_BYTES;

    self->zlib.next_in = (unsigned char *)(uintptr_t)data; /* zlib only reads it */
    self->zlib.avail_in = (unsigned)size;
    while (self->zlib.avail_in > 0 || piece_size == PIECE_BYTES) {
        int rc;

        if (self->ended && self->zlib.avail_in == 0)
            break;
        rc = step(self, &piece_size, err);
        if (rc < 0)
            return rc;
        if (piece_size > 0) {
            rc = give(context, self->piece, piece_size);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

int inflate_finish(const struct inflate *self, struct err *err)
{
    return self->ended ? 0 : err_set(err, ERR_INVALID, "the gzip body ends in the middle");
}
