// SPDX-License-Identifier: Apache-2.0
/*
 * resp_parse.h - the bytes that a client sends, taken apart into commands.
 *
 * Two forms, as Redis takes them:
 *
 *     *2\r\n$4\r\nZCARD\r\n$3\r\nkey\r\n      an array of bulk strings
 *     ZCARD key\n                             inline: a line of words, some of them quoted
 *
 * The parser is incremental and copies nothing. The caller holds the bytes of the command that is
 * being read, from its first byte on, in a buffer that may grow and move; it calls resp_parse
 * whenever there is more. What was understood is not looked at again, so a command that arrives
 * byte by byte costs as much as one that arrives at once (but for the search of an end of line).
 * The arguments point into that buffer.
 *
 * What is accepted does not depend on how the bytes were split. Like Redis, the parser does not
 * check that the two bytes behind a bulk string are CR LF, nor the one behind a CR.
 *
 * Thread: one owner at a time.
 */
#ifndef TALLYWHEEL_RESP_RESP_PARSE_H
#define TALLYWHEEL_RESP_RESP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum resp_parsed {
    RESP_PARSED_MORE,    /* not complete yet: call again with more bytes behind these */
    RESP_PARSED_COMMAND, /* args, count and used_bytes are set */
    RESP_PARSED_BROKEN,  /* error is set; nothing behind can be understood */
};

struct resp_parse_limits {
    uint32_t args_max;       /* of a command; more is "invalid multibulk length" */
    uint64_t bulk_bytes_max; /* of an argument; more is "invalid bulk length" */
    uint32_t line_bytes_max; /* of an inline command, and of a count with its line */
};

/* What Redis has by default: 1 Mi arguments, 512 MB each, lines of 64 KiB. */
extern const struct resp_parse_limits resp_parse_limits_default;

/* All zero is a parser that is at the beginning of a command. */
struct resp_parser {
    /* After RESP_PARSED_COMMAND, until the next call; the bytes are the caller's. */
    struct span *args;
    uint32_t count;    /* 0: an empty line or an empty array, which is to be passed over */
    size_t used_bytes; /* of the input: the next command begins behind them */

    /* After RESP_PARSED_BROKEN: "Protocol error: ..." without CR and LF. */
    char error[64];

    /* The state in between: private. */
    uint32_t capacity;
    uint32_t args_left;    /* of an array whose head was read */
    size_t at;             /* in the input: what is before was understood */
    size_t searched_bytes; /* beyond `at`: no end of line among these */
    const char *base;      /* where the input was in the call before */
    bool in_array;
    bool bulk_known; /* the size of the argument at `at` was read */
    uint64_t bulk_bytes;
};

void resp_parser_done(struct resp_parser *parser);

/* The arguments are not needed any more: what a large command has grown is given back. */
void resp_parser_rest(struct resp_parser *parser);

/*
 * `data` begins with the first byte of a command: the byte behind the `used_bytes` of the one
 * before or, after RESP_PARSED_MORE, the same bytes as in the call before with more behind them.
 * Words of an inline command are unquoted in place, which changes those bytes.
 */
enum resp_parsed resp_parse(struct resp_parser *parser, const struct resp_parse_limits *limits,
                            char *data, size_t size);

#endif
