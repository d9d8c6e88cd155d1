// SPDX-License-Identifier: Apache-2.0
/*
 * array_splitter.c - see array_splitter.h.
 *
 * An array may arrive in any pieces and be larger than memory, so it is not parsed as one text:
 * this only follows strings and brackets, which is enough to cut it, and leaves every element to
 * the same code that reads lines. What is not JSON inside of an element is found there, and costs
 * that element; here only what stands between the elements can break.
 */
#include "wire/array_splitter.h"

#include "base/bytes.h"
#include "wire/json_text.h"

static void put_element(struct array_splitter *splitter, struct json_scan before, const char *data,
                        size_t size, size_t size_max, struct bytes *out)
{
    if (splitter->size <= size_max)
        json_scan_flatten(before, data, size, out);
    splitter->size += size;
}

/* Inside of an element: up to its end, or to the end of the data. */
static size_t take_element(struct array_splitter *splitter, const char *data, size_t size,
                           size_t size_max, struct bytes *out, bool *out_ended)
{
    struct json_scan before = splitter->scan;
    size_t taken = 0;

    if (splitter->is_scalar) {
        while (taken < size && data[taken] != ',' && data[taken] != ']' &&
               !json_text_is_space(data[taken]))
            taken++;
        *out_ended = taken < size;
    } else {
        taken = json_scan_move(&splitter->scan, data, size);
        *out_ended = taken > 0 && splitter->scan.depth == 0 && !splitter->scan.in_string;
    }
    put_element(splitter, before, data, taken, size_max, out);
    if (*out_ended)
        splitter->state = ARRAY_AFTER;
    return taken;
}

static void set_problem(struct array_splitter *splitter, const char *problem)
{
    splitter->state = ARRAY_BROKEN;
    splitter->problem = problem;
}

/* Between elements: what the first byte that is no space leads to. */
static void step_between(struct array_splitter *splitter, char c)
{
    switch (splitter->state) {
    case ARRAY_OPEN:
    case ARRAY_NEXT:
        if (c == ']' && splitter->state == ARRAY_OPEN) {
            splitter->state = ARRAY_DONE;
        } else if (c == ']' || c == ',') {
            set_problem(splitter, "not valid JSON: expected an element of the array; the rest was "
                                  "not read");
        } else {
            splitter->state = ARRAY_ELEMENT;
            splitter->scan = (struct json_scan){0};
            splitter->is_scalar = c != '{' && c != '[' && c != '"';
            splitter->size = 0;
        }
        break;
    case ARRAY_AFTER:
        if (c == ',')
            splitter->state = ARRAY_NEXT;
        else if (c == ']')
            splitter->state = ARRAY_DONE;
        else
            set_problem(splitter, "not valid JSON: expected \",\" or \"]\" after an element of the "
                                  "array; the rest was not read");
        break;
    default:
        set_problem(splitter, "not valid JSON: something stands behind the array");
        break;
    }
}

size_t array_splitter_take(struct array_splitter *splitter, const char *data, size_t size,
                           size_t size_max, struct bytes *out, bool *out_ended)
{
    size_t taken = 0;

    *out_ended = false;
    while (taken < size && splitter->state != ARRAY_BROKEN) {
        if (splitter->state == ARRAY_ELEMENT) {
            taken += take_element(splitter, data + taken, size - taken, size_max, out, out_ended);
            break;
        }
        if (!json_text_is_space(data[taken]))
            step_between(splitter, data[taken]);
        /* The first byte of an element is part of it. */
        taken += splitter->state != ARRAY_ELEMENT;
    }
    return taken;
}
