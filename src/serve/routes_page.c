// SPDX-License-Identifier: Apache-2.0
/* routes_page.c - the dashboard: files that are part of the binary. */
#include <string.h>

#include "serve/assets.h"
#include "http/http.h"
#include "serve/serve_private.h"

static const struct asset *find(struct span path)
{
    size_t low = 0;
    size_t high = asset_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = span_compare(span_of(assets[middle].path), path);

        if (order == 0)
            return &assets[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void on_request(struct http_request *request)
{
    struct span path = http_request_path(request);
    const struct asset *asset;
    struct http_static file;

    if (path.size == 1)
        path = SPAN_LITERAL("/index.html");
    asset = find(path);
    if (asset == NULL) {
        http_reply_error(request, 404, "not_found", "there is nothing at %.*s",
                         (int)(path.size < 200 ? path.size : 200), path.data);
        return;
    }
    file = (struct http_static){
        .mime = asset->mime,
        .etag = asset->etag,
        .bytes = asset->bytes,
        .size = asset->size,
        .gzip_bytes = asset->gzip_bytes,
        .gzip_size = asset->gzip_size,
    };
    http_reply_static(request, &file);
}

const struct route_ops routes_page_get = {.on_request = on_request};
