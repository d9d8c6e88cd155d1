// SPDX-License-Identifier: Apache-2.0
/*
 * json_simd.h - simdjson behind a C ABI: where the tokens of JSON text stand, and the two values
 * that are hard to read right (escaped strings, doubles).
 *
 * What is used of simdjson is its first stage, which is the one that needs vectors: it finds the
 * offset of every token of a text, inside of strings excepted, and checks on the way that all of
 * it is UTF-8, that strings end, and that none holds a raw control character. It runs over a block
 * of many lines at once, and takes the widest vectors that the processor has. The grammar is for
 * the caller to check: row_reader.c does, straight into typed cells.
 *
 * Thread: one owner at a time.
 */
#ifndef TALLYWHEEL_WIRE_JSON_SIMD_H
#define TALLYWHEEL_WIRE_JSON_SIMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes behind a text that its reader may look at. */
#define JSON_SIMD_PADDING 64

enum json_simd_result {
    JSON_SIMD_OK,
    JSON_SIMD_BLANK,    /* no token at all */
    JSON_SIMD_UTF8,     /* not valid UTF-8 */
    JSON_SIMD_UNCLOSED, /* a string does not end */
    JSON_SIMD_CONTROL,  /* a control character (also a line feed) in a string */
};

struct json_simd;

struct json_simd *json_simd_new(void);
void json_simd_free(struct json_simd *simd);

/* Gives back what one very long text made it take. */
void json_simd_trim(struct json_simd *simd);

/*
 * Offsets of the tokens of data[0, size): each of { } [ ] : , and the first byte of each string,
 * number or word. After the last one stands `size`. Valid until the next call. Reads nothing
 * outside of data[0, size). `size` is at most 2 GiB.
 */
enum json_simd_result json_simd_tokens(struct json_simd *simd, const char *data, size_t size,
                                       const uint32_t **out_tokens, uint32_t *out_count);

/*
 * Undoes the escapes of the string whose first byte behind the quote is at `data`; it is known to
 * end. `out` has room for as many bytes and JSON_SIMD_PADDING more. False: an escape is wrong, or
 * half of a surrogate pair is alone.
 */
bool json_simd_unescape(const struct json_simd *simd, const char *data, char *out,
                        size_t *out_size);

/* The double nearest to a number that is known to be JSON; false if it is too large for one. */
bool json_simd_double(const char *data, size_t size, double *out_value);

#ifdef __cplusplus
}
#endif

#endif
