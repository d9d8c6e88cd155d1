// SPDX-License-Identifier: Apache-2.0
/*
 * batch_pack.h - integers as an offset from their smallest, in 0, 1, 2, 4 or 8 bytes each.
 *
 * The loops behind batch_codec.c. Each is written once with the width as an argument that is a
 * constant wherever it is called, so that the compiler makes a straight, mostly vectorised loop
 * for every width. Bytes are little-endian, and so is every machine that this builds on.
 *
 * Thread: any.
 */
#ifndef TALLYWHEEL_MODEL_BATCH_PACK_H
#define TALLYWHEEL_MODEL_BATCH_PACK_H

#include <stdbool.h>
#include <stdint.h>

/* How a run of integers is packed. */
struct pack {
    uint64_t base;  /* what a stored 0 stands for (a stored 1, with `has_none`) */
    uint32_t width; /* bytes a value */
    bool has_none;  /* a stored 0 is BATCH_INT_NONE, all others are one higher */
};

/* The narrowest way to pack `values`; the same for equal values. */
struct pack pack_plan_i64(const int64_t *values, uint32_t count);
struct pack pack_plan_u32(const uint32_t *values, uint32_t count);

/* Writes count * width bytes. */
void pack_write_i64(struct pack pack, const int64_t *values, uint32_t count, char *out);
void pack_write_u32(struct pack pack, const uint32_t *values, uint32_t count, char *out);

/* Reads count * width bytes. */
void pack_read_i64(struct pack pack, const char *data, uint32_t count, int64_t *out_values);

/* Also returns the largest value read, as it is before it is cut to 32 bits. */
uint64_t pack_read_u32(struct pack pack, const char *data, uint32_t count, uint32_t *out_values);

#endif
