// SPDX-License-Identifier: Apache-2.0
/*
 * array_splitter.h - cuts a JSON array that comes in pieces into a line for every element.
 *
 * Thread: one owner at a time.
 */
#ifndef TALLYWHEEL_WIRE_ARRAY_SPLITTER_H
#define TALLYWHEEL_WIRE_ARRAY_SPLITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/json_scan.h"

struct bytes;

enum array_state {
    ARRAY_OPEN,    /* after [ : an element or ] */
    ARRAY_NEXT,    /* after a comma: an element */
    ARRAY_ELEMENT, /* inside of one */
    ARRAY_AFTER,   /* after an element: a comma or ] */
    ARRAY_DONE,    /* after ] */
    ARRAY_BROKEN,
};

/* Begins with the state ARRAY_OPEN, behind the opening bracket; all else zero. */
struct array_splitter {
    enum array_state state;
    struct json_scan scan;
    bool is_scalar;      /* the element is no object, array or string: it ends before a , or ] */
    uint64_t size;       /* bytes of the element so far */
    const char *problem; /* ARRAY_BROKEN: why */
};

/*
 * Takes bytes of an array, all of them or up to behind an element or a break. The element goes to
 * `out` (only its first bytes if it is longer than `size_max`) as a part of one line, see
 * json_scan_flatten.
 * Returns how many bytes it took and whether an element ended there.
 */
size_t array_splitter_take(struct array_splitter *splitter, const char *data, size_t size,
                           size_t size_max, struct bytes *out, bool *out_ended);

#endif
