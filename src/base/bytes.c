// SPDX-License-Identifier: Apache-2.0
/* bytes.c - see bytes.h. */
#include "base/bytes.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/say.h"

#define BYTES_CAPACITY_MIN 64

static void out_of_memory(size_t size)
{
    say_error("memory", "the system refused %zu bytes; lower the limits in the config", size);
    abort();
}

void *bytes_alloc(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);

    if (memory == NULL)
        out_of_memory(size);
    return memory;
}

void *bytes_alloc_zero(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

    if (memory == NULL)
        out_of_memory(count * size);
    return memory;
}

void *bytes_realloc(void *old, size_t size)
{
    void *memory = realloc(old, size > 0 ? size : 1);

    if (memory == NULL)
        out_of_memory(size);
    return memory;
}

char *bytes_dup(struct span span)
{
    char *copy = bytes_alloc(span.size + 1);

    if (span.size > 0)
        memcpy(copy, span.data, span.size);
    copy[span.size] = '\0';
    return copy;
}

int span_compare(struct span a, struct span b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared > 0 ? memcmp(a.data, b.data, shared) : 0;

    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

void bytes_done(struct bytes *bytes)
{
    if (bytes == NULL)
        return;
    free(bytes->data);
    *bytes = (struct bytes){0};
}

char *bytes_reserve(struct bytes *bytes, size_t extra)
{
    size_t wanted = bytes->size + extra;
    size_t capacity = bytes->capacity > 0 ? bytes->capacity : BYTES_CAPACITY_MIN;

    assert(wanted >= bytes->size);
    if (wanted > bytes->capacity || bytes->data == NULL) {
        while (capacity < wanted)
            capacity *= 2;
        bytes->data = bytes_realloc(bytes->data, capacity);
        bytes->capacity = capacity;
    }
    return bytes->data + bytes->size;
}

void bytes_put(struct bytes *bytes, const void *data, size_t size)
{
    if (size == 0)
        return;
    memcpy(bytes_reserve(bytes, size), data, size);
    bytes->size += size;
}

void bytes_put_text(struct bytes *bytes, const char *text)
{
    bytes_put(bytes, text, strlen(text));
}

void bytes_put_char(struct bytes *bytes, char c)
{
    *bytes_reserve(bytes, 1) = c;
    bytes->size++;
}

void bytes_format(struct bytes *bytes, const char *format, ...)
{
    va_list args;
    va_list again;
    size_t room = 64;
    int length;

    va_start(args, format);
    va_copy(again, args);
    length = vsnprintf(bytes_reserve(bytes, room), room, format, args);
    assert(length >= 0);
    if ((size_t)length >= room) {
        room = (size_t)length + 1;
        vsnprintf(bytes_reserve(bytes, room), room, format, again);
    }
    bytes->size += (size_t)length;
    va_end(again);
    va_end(args);
}

const char *bytes_text(struct bytes *bytes)
{
    *bytes_reserve(bytes, 1) = '\0';
    return bytes->data;
}
