// SPDX-License-Identifier: Apache-2.0
/*
 * bytes.h - a growable byte buffer, and a view of bytes that somebody else owns.
 *
 * Running out of memory for a buffer ends the process: sizes are bounded by the limits in conf
 * long before, so there is no state worth carrying on from.
 *
 * Thread: one owner at a time.
 */
#ifndef TALLYWHEEL_BASE_BYTES_H
#define TALLYWHEEL_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that somebody else owns; not zero-terminated. */
struct span {
    const char *data;
    size_t size;
};

#define SPAN_LITERAL(text) ((struct span){(text), sizeof(text) - 1})

static inline struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

/* Names and labels are mostly short: two loads that overlap tell them apart without a call. */
static inline bool span_equal(struct span a, struct span b)
{
    uint64_t words[4];

    if (a.size != b.size)
        return false;
    if (a.size < sizeof(words[0]) || a.size > 2 * sizeof(words[0]))
        return a.size == 0 || memcmp(a.data, b.data, a.size) == 0;
    memcpy(&words[0], a.data, sizeof(words[0]));
    memcpy(&words[1], b.data, sizeof(words[1]));
    memcpy(&words[2], a.data + a.size - sizeof(words[2]), sizeof(words[2]));
    memcpy(&words[3], b.data + b.size - sizeof(words[3]), sizeof(words[3]));
    return words[0] == words[1] && words[2] == words[3];
}

/* memcmp order, the shorter first among equals. */
int span_compare(struct span a, struct span b);

/* All zero is a valid empty buffer. */
struct bytes {
    char *data;
    size_t size;
    size_t capacity;
};

void bytes_done(struct bytes *bytes);

/* Makes room for `extra` more bytes and returns where they begin. */
char *bytes_reserve(struct bytes *bytes, size_t extra);

void bytes_put(struct bytes *bytes, const void *data, size_t size);
void bytes_put_text(struct bytes *bytes, const char *text);
void bytes_put_char(struct bytes *bytes, char c);
void bytes_format(struct bytes *bytes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Zero-terminates without counting the terminator. */
const char *bytes_text(struct bytes *bytes);

static inline void bytes_clear(struct bytes *bytes)
{
    bytes->size = 0;
}

static inline struct span bytes_span(const struct bytes *bytes)
{
    return (struct span){bytes->data, bytes->size};
}

/* malloc, calloc, realloc that end the process with a message instead of returning NULL. */
void *bytes_alloc(size_t size);
void *bytes_alloc_zero(size_t count, size_t size);
void *bytes_realloc(void *old, size_t size);
char *bytes_dup(struct span span); /* zero-terminated copy, to free() */

#endif
