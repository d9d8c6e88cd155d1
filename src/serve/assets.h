// SPDX-License-Identifier: Apache-2.0
/*
 * assets.h - the files of the page, as bytes in the binary.
 *
 * tools/embed writes the table at build time from web/, sorted by path, so that a lookup may
 * search by halves. The bytes are constants: any thread may read them, nobody frees them.
 */
#ifndef TALLYWHEEL_SERVE_ASSETS_H
#define TALLYWHEEL_SERVE_ASSETS_H

#include <stddef.h>

struct asset {
    const char *path; /* as in the address: "/index.html", "/vendor/uPlot.esm.js" */
    const char *mime; /* the whole Content-Type, with its charset where it has one */
    const char *etag; /* quoted, ready for the header; changes exactly when the bytes do */
    const unsigned char *bytes;
    size_t size;
    const unsigned char *gzip_bytes; /* NULL where gzip would not make it smaller */
    size_t gzip_size;
};

extern const struct asset assets[];
extern const size_t asset_count;

#endif
