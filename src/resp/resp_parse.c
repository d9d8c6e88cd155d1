// SPDX-License-Identifier: Apache-2.0
/*
 * resp_parse.c - see resp_parse.h.
 *
 * Nearly every line of a pipeline is `$` and one or two digits, so that is looked for first,
 * without a search for the end of the line. Everything else about a line (it is incomplete, long,
 * wrong) goes through line_length, which decides by what stands in the first line_bytes_max bytes
 * alone, however they arrived.
 */
#include "resp/resp_parse.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* An array says how many arguments follow, but only what has come is believed beyond this. */
#define ARGS_RESERVED_MAX 1024
#define ARGS_MIN 8
/* What an idle connection may keep. */
#define ARGS_KEPT_MAX 64

const struct resp_parse_limits resp_parse_limits_default = {
    .args_max = 1024 * 1024,
    .bulk_bytes_max = 512u << 20,
    .line_bytes_max = 64u << 10,
};

void resp_parser_done(struct resp_parser *parser)
{
    if (!parser)
        return;
    free(parser->args);
    *parser = (struct resp_parser){0};
}

void resp_parser_rest(struct resp_parser *parser)
{
    if (parser->in_array || parser->capacity <= ARGS_KEPT_MAX)
        return;
    free(parser->args);
    parser->args = NULL;
    parser->capacity = 0;
    parser->count = 0;
}

static void args_reserve(struct resp_parser *parser, uint32_t wanted)
{
    uint32_t capacity = parser->capacity > 0 ? parser->capacity : ARGS_MIN;

    if (wanted <= parser->capacity)
        return;
    while (capacity < wanted)
        capacity *= 2;
    parser->args = bytes_realloc(parser->args, capacity * sizeof(*parser->args));
    parser->capacity = capacity;
}

static enum resp_parsed broken(struct resp_parser *parser, const char *text)
{
    snprintf(parser->error, sizeof(parser->error), "Protocol error: %s", text);
    parser->count = 0;
    return RESP_PARSED_BROKEN;
}

static enum resp_parsed complete(struct resp_parser *parser, size_t used_bytes)
{
    parser->used_bytes = used_bytes;
    parser->at = 0;
    parser->searched_bytes = 0;
    parser->in_array = false;
    return RESP_PARSED_COMMAND;
}

/* The buffer has moved: so did the arguments. */
static void rebase(struct resp_parser *parser, const char *data)
{
    uintptr_t by = (uintptr_t)data - (uintptr_t)parser->base;

    for (uint32_t i = 0; i < parser->count; i++)
        parser->args[i].data = (const char *)((uintptr_t)parser->args[i].data + by);
}

/* ---- lines ---- */

enum line { LINE_MORE, LINE_COMPLETE, LINE_TOO_LONG };

/* How many bytes stand before `mark`, beginning at `at`, with `behind` bytes to follow it. */
static enum line line_length(struct resp_parser *parser, const struct resp_parse_limits *limits,
                             const char *at, size_t size, char mark, size_t behind,
                             size_t *out_length)
{
    size_t searchable = size <= limits->line_bytes_max ? size : (size_t)limits->line_bytes_max + 1;
    size_t searched = parser->searched_bytes;
    const char *found =
        searched < searchable ? memchr(at + searched, mark, searchable - searched) : NULL;

    if (!found) {
        parser->searched_bytes = searchable;
        return size > limits->line_bytes_max ? LINE_TOO_LONG : LINE_MORE;
    }
    *out_length = (size_t)(found - at);
    if (size - *out_length <= behind) {
        parser->searched_bytes = *out_length;
        return LINE_MORE;
    }
    parser->searched_bytes = 0;
    return LINE_COMPLETE;
}

/* A decimal number as Redis takes it: no plus, no zeros in front, no spaces. */
static bool read_number(const char *at, size_t size, int64_t *out_value)
{
    uint64_t value = 0;
    bool negative = size > 0 && at[0] == '-';
    size_t i = negative;

    if (size == 1 && at[0] == '0') {
        *out_value = 0;
        return true;
    }
    if (i == size || at[i] < '1' || at[i] > '9')
        return false;
    for (; i < size; i++) {
        unsigned digit = (unsigned char)at[i] - (unsigned)'0';
        if (digit > 9 || value > ((uint64_t)INT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out_value = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* ---- inline commands ---- */

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char unescape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case 'a':
        return '\a';
    default:
        return c;
    }
}

/*
 * Copies what is between quotes to `to`; `*at` is behind the opening one and is moved behind the
 * closing one. False: there is none, or something sticks to it.
 */
static bool unquote(char quote, const char **at, const char *end, char **to)
{
    const char *from = *at;

    while (from < end && *from != quote) {
        if (quote == '"' && *from == '\\' && end - from >= 4 && from[1] == 'x' &&
            hex_digit(from[2]) >= 0 && hex_digit(from[3]) >= 0) {
            *(*to)++ = (char)(hex_digit(from[2]) * 16 + hex_digit(from[3]));
            from += 4;
        } else if (quote == '"' && *from == '\\' && end - from >= 2) {
            *(*to)++ = unescape(from[1]);
            from += 2;
        } else if (*from == '\\' && end - from >= 2 && from[1] == '\'') {
            *(*to)++ = '\'';
            from += 2;
        } else {
            *(*to)++ = *from++;
        }
    }
    if (from == end || (from + 1 < end && !is_blank(from[1])))
        return false;
    *at = from + 1;
    return true;
}

/* Words to arguments, in place: no word becomes longer by being unquoted. */
static bool split_words(struct resp_parser *parser, char *line, const char *end)
{
    const char *at = line;
    char *to = line;

    for (;;) {
        while (at < end && is_blank(*at))
            at++;
        if (at == end)
            return true;
        char *word = to;
        while (at < end && *at != ' ' && *at != '\t' && *at != '\r' && *at != '\n') {
            char c = *at++;
            if (c == '"' || c == '\'') {
                if (!unquote(c, &at, end, &to))
                    return false;
                break;
            }
            *to++ = c;
        }
        args_reserve(parser, parser->count + 1);
        parser->args[parser->count++] = (struct span){word, (size_t)(to - word)};
    }
}

static enum resp_parsed parse_inline(struct resp_parser *parser,
                                     const struct resp_parse_limits *limits, char *data,
                                     size_t size)
{
    size_t length;

    switch (line_length(parser, limits, data, size, '\n', 0, &length)) {
    case LINE_MORE:
        return RESP_PARSED_MORE;
    case LINE_TOO_LONG:
        return broken(parser, "too big inline request");
    case LINE_COMPLETE:
        break;
    }
    /* Redis looks for the end as in a C string: behind a zero byte it finds none. */
    if (memchr(data, '\0', length) != NULL)
        return size > limits->line_bytes_max ? broken(parser, "too big inline request")
                                             : RESP_PARSED_MORE;
    const char *end = data + length;
    if (length > 0 && end[-1] == '\r')
        end--;
    if (!split_words(parser, data, end))
        return broken(parser, "unbalanced quotes in request");
    return complete(parser, length + 1);
}

/* ---- arrays ---- */

static enum resp_parsed parse_head(struct resp_parser *parser,
                                   const struct resp_parse_limits *limits, const char *data,
                                   size_t size)
{
    size_t length;
    int64_t count;

    if (size >= 4 && data[1] >= '1' && data[1] <= '9' && data[2] == '\r') {
        count = data[1] - '0';
        length = 2;
        parser->searched_bytes = 0;
        if (count > limits->args_max)
            return broken(parser, "invalid multibulk length");
    } else {
        switch (line_length(parser, limits, data, size, '\r', 1, &length)) {
        case LINE_MORE:
            return RESP_PARSED_MORE;
        case LINE_TOO_LONG:
            return broken(parser, "too big mbulk count string");
        case LINE_COMPLETE:
            break;
        }
        if (!read_number(data + 1, length - 1, &count) || count > limits->args_max)
            return broken(parser, "invalid multibulk length");
        if (count <= 0)
            return complete(parser, length + 2);
    }
    args_reserve(parser, count < ARGS_RESERVED_MAX ? (uint32_t)count : ARGS_RESERVED_MAX);
    parser->args_left = (uint32_t)count;
    parser->bulk_known = false;
    parser->in_array = true;
    parser->at = length + 2;
    return RESP_PARSED_COMMAND;
}

/* The head of an argument in all its forms. */
static enum resp_parsed parse_bulk_head(struct resp_parser *parser,
                                        const struct resp_parse_limits *limits, const char *data,
                                        size_t size)
{
    const char *at = data + parser->at;
    char got[] = "expected '$', got ' '";
    size_t length;
    int64_t bytes;

    switch (line_length(parser, limits, at, size - parser->at, '\r', 1, &length)) {
    case LINE_MORE:
        return RESP_PARSED_MORE;
    case LINE_TOO_LONG:
        return broken(parser, "too big bulk count string");
    case LINE_COMPLETE:
        break;
    }
    if (*at != '$') {
        if (*at != '\r' && *at != '\n' && *at != '\0')
            got[sizeof(got) - 3] = *at;
        return broken(parser, got);
    }
    if (!read_number(at + 1, length - 1, &bytes) || bytes < 0 ||
        (uint64_t)bytes > limits->bulk_bytes_max)
        return broken(parser, "invalid bulk length");
    parser->bulk_bytes = (uint64_t)bytes;
    parser->bulk_known = true;
    parser->at += length + 2;
    return RESP_PARSED_COMMAND;
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/*
 * The arguments that begin with `$` and one or two digits and are complete, as many as there are
 * in a row. This is where the time of a pipeline goes.
 */
static void parse_short_args(struct resp_parser *parser, const char *data, size_t size,
                             uint64_t bulk_bytes_max)
{
    const char *at = data + parser->at;
    const char *end = data + size;
    uint32_t room = parser->capacity - parser->count;
    uint32_t left = parser->args_left < room ? parser->args_left : room;
    struct span *arg = parser->args + parser->count;

    for (; left > 0 && end - at >= 5 && at[0] == '$' && is_digit(at[1]); left--) {
        size_t bytes = (size_t)(at[1] - '0');
        const char *from = at + 4;
        if (at[2] != '\r') {
            if (bytes == 0 || !is_digit(at[2]) || at[3] != '\r')
                break;
            bytes = bytes * 10 + (size_t)(at[2] - '0');
            from++;
        }
        /* `from` is at most at `end`. */
        if ((size_t)(end - from) < bytes + 2 || bytes > bulk_bytes_max)
            break;
        *arg++ = (struct span){from, bytes};
        at = from + bytes + 2;
    }
    uint32_t count = (uint32_t)(arg - parser->args);
    if (count > parser->count)
        parser->searched_bytes = 0;
    parser->args_left -= count - parser->count;
    parser->count = count;
    parser->at = (size_t)(at - data);
}

static enum resp_parsed parse_args(struct resp_parser *parser,
                                   const struct resp_parse_limits *limits, const char *data,
                                   size_t size)
{
    for (;;) {
        if (!parser->bulk_known) {
            parse_short_args(parser, data, size, limits->bulk_bytes_max);
            if (parser->args_left == 0)
                return complete(parser, parser->at);
            enum resp_parsed head = parse_bulk_head(parser, limits, data, size);
            if (head != RESP_PARSED_COMMAND)
                return head;
        }
        if (size - parser->at < 2 || size - parser->at - 2 < parser->bulk_bytes)
            return RESP_PARSED_MORE;
        args_reserve(parser, parser->count + 1);
        parser->args[parser->count++] =
            (struct span){data + parser->at, (size_t)parser->bulk_bytes};
        parser->at += (size_t)parser->bulk_bytes + 2;
        parser->bulk_known = false;
        if (--parser->args_left == 0)
            return complete(parser, parser->at);
    }
}

enum resp_parsed resp_parse(struct resp_parser *parser, const struct resp_parse_limits *limits,
                            char *data, size_t size)
{
    if (!parser->in_array) {
        parser->count = 0;
        if (size == 0)
            return RESP_PARSED_MORE;
        if (data[0] != '*')
            return parse_inline(parser, limits, data, size);
        enum resp_parsed head = parse_head(parser, limits, data, size);
        if (!parser->in_array)
            return head;
    } else if (parser->base != data) {
        rebase(parser, data);
    }
    parser->base = data;
    assert(parser->at <= size);
    return parse_args(parser, limits, data, size);
}
