// SPDX-License-Identifier: Apache-2.0
/*
 * json_scan.h - follows strings and brackets through JSON text that comes in pieces.
 *
 * Enough to find where a value ends; whether it is JSON is for others to see.
 *
 * Thread: one owner at a time.
 */
#ifndef TALLYWHEEL_WIRE_JSON_SCAN_H
#define TALLYWHEEL_WIRE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes;

/* Where a scan stands. All zero: before a value. */
struct json_scan {
    uint32_t depth;
    bool in_string;
    bool escaped; /* after a backslash in a string */
};

/* Moves `scan` over text, up to behind what closes the outermost value. Returns how far. */
size_t json_scan_move(struct json_scan *scan, const char *data, size_t size);

/*
 * Appends text, which begins where `scan` stands, as a part of one line: every line feed is
 * replaced by a space, and in a string, where JSON forbids it, by another control character.
 */
void json_scan_flatten(struct json_scan scan, const char *data, size_t size, struct bytes *out);

#endif
