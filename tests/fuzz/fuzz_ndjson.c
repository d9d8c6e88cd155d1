// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_ndjson.c - any body, cut in any way.
 *
 * The first byte of an input chooses the form and the limits, the second the cuts; the body
 * follows. Whole, cut at random and byte by byte must give the same rows and rejects, and of a
 * body of lines every line that is not blank must give one of them.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "model/definition.h"
#include "support/transcript.h"
#include "wire/ndjson.h"
#include "wire/row_sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t cut_random(void *ctx, size_t left)
{
    uint64_t *state = ctx;
    uint64_t random = hash_u64(*state += 0x9e3779b97f4a7c15u);
    size_t size = random % 3 == 0 ? random % 1000 + 1 : random % 70 + 1;

    return size < left ? size : left;
}

static size_t cut_bytes(void *ctx, size_t left)
{
    (void)ctx;
    (void)left;
    return 1;
}

/* Lines with anything but space in them, or that are too long. */
static uint64_t count_lines(struct span body, size_t line_bytes_max)
{
    const char *at = body.data;
    const char *end = body.data + body.size;
    uint64_t count = 0;

    if (body.size >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        const char *stop = feed != NULL ? feed : end;
        bool counts = (size_t)(stop - at) > line_bytes_max;

        for (; at < stop; at++)
            counts |= *at != ' ' && *at != '\t' && *at != '\r';
        count += counts;
        at = stop + 1;
    }
    return count;
}

static void compare(const struct transcript *a, const struct transcript *b, const char *what)
{
    if (a->row_count == b->row_count && a->reject_count == b->reject_count &&
        a->text.size == b->text.size && memcmp(a->text.data, b->text.data, a->text.size) == 0)
        return;
    fprintf(stderr, "whole:\n%.*s\n%s:\n%.*s\n", (int)a->text.size, a->text.data, what,
            (int)b->text.size, b->text.data);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum ndjson_form forms[] = {NDJSON_AUTO, NDJSON_LINES, NDJSON_JSON, NDJSON_AUTO};
    struct stream_def def = transcript_stream();
    struct row_sink nowhere = {0};
    struct transcript whole = {.def = &def};
    struct transcript cut = {.def = &def};
    struct transcript bytewise = {.def = &def};
    struct ndjson_limits limits = {NDJSON_LINE_BYTES_MAX_DEFAULT, NDJSON_STRING_BYTES_MAX_DEFAULT};
    enum ndjson_form form;
    struct ndjson *ndjson;
    struct span body;
    uint64_t random;

    if (size < 2)
        return 0;
    form = forms[data[0] % 4];
    if (data[0] & 4)
        limits = (struct ndjson_limits){NDJSON_LINE_BYTES_MIN, 20};
    random = data[1];
    body = (struct span){(const char *)data + 2, size - 2};
    ndjson = ndjson_new(&def, &limits, &nowhere);
    transcript_take(&whole, ndjson, form, body, NULL, NULL);
    transcript_take(&cut, ndjson, form, body, cut_random, &random);
    compare(&whole, &cut, "cut");
    if (size < 5000) {
        transcript_take(&bytewise, ndjson, form, body, cut_bytes, NULL);
        compare(&whole, &bytewise, "bytewise");
    }
    if (form == NDJSON_LINES)
        assert(whole.row_count + whole.reject_count == count_lines(body, limits.line_bytes_max));
    transcript_done(&whole);
    transcript_done(&cut);
    transcript_done(&bytewise);
    ndjson_free(ndjson);
    return 0;
}
