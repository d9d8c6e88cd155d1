// SPDX-License-Identifier: Apache-2.0
/* json_scan.c - see json_scan.h. */
#include "wire/json_scan.h"

#include "base/bytes.h"

/* Stands for a line feed in a string: as forbidden there, but no end of a line. */
#define FORBIDDEN_CHAR '\x01'

/* From inside of a string to behind its closing quote, or to the end. */
static const char *move_string(struct json_scan *scan, const char *at, const char *end)
{
    while (at < end) {
        char c = *at++;

        if (scan->escaped) {
            scan->escaped = false;
        } else if (c == '\\') {
            scan->escaped = true;
        } else if (c == '"') {
            scan->in_string = false;
            break;
        }
    }
    return at;
}

size_t json_scan_move(struct json_scan *scan, const char *data, size_t size)
{
    const char *at = data;
    const char *end = data + size;

    while (at < end) {
        if (scan->in_string) {
            at = move_string(scan, at, end);
            if (scan->depth == 0 && !scan->in_string)
                break;
            continue;
        }
        switch (*at++) {
        case '"':
            scan->in_string = true;
            break;
        case '{':
        case '[':
            scan->depth++;
            break;
        case '}':
        case ']':
            scan->depth -= scan->depth > 0;
            if (scan->depth == 0)
                return (size_t)(at - data);
            break;
        default:
            break;
        }
    }
    return (size_t)(at - data);
}

void json_scan_flatten(struct json_scan scan, const char *data, size_t size, struct bytes *out)
{
    const char *at = data;
    const char *end = data + size;
    const char *feed;

    while (at < end && (feed = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        bytes_put(out, at, (size_t)(feed - at));
        while (at < feed)
            at += json_scan_move(&scan, at, (size_t)(feed - at));
        bytes_put_char(out, scan.in_string ? FORBIDDEN_CHAR : ' ');
        scan.escaped = false;
        at = feed + 1;
    }
    bytes_put(out, at, (size_t)(end - at));
}
