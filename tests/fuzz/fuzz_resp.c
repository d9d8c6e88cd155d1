// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_resp.c - commands from strangers, at once and in pieces.
 *
 * The first two bytes seed the sizes of the pieces and pick the limits. The rest is parsed whole,
 * and again as it would come from a socket: with the buffer moved, and what was used cut off. Both
 * must tell the same story. Buffers are exactly as large as what is in them, so that a sanitizer
 * sees a step too far.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "resp/resp_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void tell(struct bytes *story, const struct resp_parser *parser, const char *data,
                 size_t size)
{
    for (uint32_t i = 0; i < parser->count; i++) {
        struct span arg = parser->args[i];
        if (arg.data < data || arg.size > size || arg.data > data + size - arg.size)
            abort();
        bytes_format(story, "%zu ", arg.size);
        bytes_put(story, arg.data, arg.size);
    }
    bytes_format(story, "; %u\n", parser->count);
}

/* Parses what is there; returns how much of it was used. */
static size_t parse(struct resp_parser *parser, const struct resp_parse_limits *limits, char *data,
                    size_t size, bool *out_broken, struct bytes *story)
{
    enum resp_parsed parsed;
    size_t used = 0;

    while ((parsed = resp_parse(parser, limits, data + used, size - used)) == RESP_PARSED_COMMAND) {
        if (parser->used_bytes == 0 || parser->used_bytes > size - used)
            abort();
        tell(story, parser, data + used, parser->used_bytes);
        used += parser->used_bytes;
    }
    *out_broken = parsed == RESP_PARSED_BROKEN;
    if (*out_broken) {
        if (strncmp(parser->error, "Protocol error: ", 16) != 0 || strpbrk(parser->error, "\r\n"))
            abort();
        bytes_put_text(story, parser->error);
    }
    return used;
}

static void in_pieces(const char *data, size_t size, uint32_t seed,
                      const struct resp_parse_limits *limits, struct bytes *story)
{
    struct resp_parser parser = {0};
    char *buffer = NULL;
    size_t kept = 0;
    bool broken = false;

    while (size > 0 && !broken) {
        seed = seed * 1103515245u + 12345u;
        size_t piece = seed >> 16 & 1 ? 1 + (seed >> 17) % 4 : 1 + (seed >> 17) % 200;
        if (piece > size)
            piece = size;
        char *joined = bytes_alloc(kept + piece);
        if (kept > 0)
            memcpy(joined, buffer, kept);
        memcpy(joined + kept, data, piece);
        free(buffer);
        size_t used = parse(&parser, limits, joined, kept + piece, &broken, story);
        kept = kept + piece - used;
        buffer = bytes_alloc(kept);
        memcpy(buffer, joined + used, kept);
        free(joined);
        data += piece;
        size -= piece;
    }
    resp_parser_done(&parser);
    free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct resp_parse_limits small = {
        .args_max = 20, .bulk_bytes_max = 40, .line_bytes_max = 30};
    struct resp_parser parser = {0};
    struct bytes whole = {0};
    struct bytes pieces = {0};
    bool broken;

    if (size < 3)
        return 0;
    const struct resp_parse_limits *limits = data[0] & 1 ? &small : &resp_parse_limits_default;
    const char *rest = (const char *)data + 2;
    char *copy = bytes_alloc(size - 2);
    memcpy(copy, rest, size - 2);
    parse(&parser, limits, copy, size - 2, &broken, &whole);
    in_pieces(rest, size - 2, (uint32_t)(data[0] << 8 | data[1]), limits, &pieces);
    if (!span_equal(bytes_span(&whole), bytes_span(&pieces)))
        abort();
    resp_parser_done(&parser);
    free(copy);
    bytes_done(&whole);
    bytes_done(&pieces);
    return 0;
}
