// SPDX-License-Identifier: Apache-2.0
/* batch_pack.c - see batch_pack.h. */
#include "model/batch_pack.h"

#include <assert.h>
#include <string.h>

#include "model/batch.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format is little-endian");

#define ALWAYS_INLINE inline __attribute__((always_inline))

static uint32_t width_of(uint64_t range)
{
    if (range == 0)
        return 0;
    if (range <= UINT8_MAX)
        return 1;
    if (range <= UINT16_MAX)
        return 2;
    return range <= UINT32_MAX ? 4 : 8;
}

struct pack pack_plan_i64(const int64_t *values, uint32_t count)
{
    int64_t low = INT64_MAX;
    int64_t high = INT64_MIN;
    uint64_t none = 0;
    uint64_t range;

    for (uint32_t i = 0; i < count; i++) {
        int64_t value = values[i];
        int64_t raised = value == BATCH_INT_NONE ? INT64_MAX : value;

        none |= value == BATCH_INT_NONE;
        low = raised < low ? raised : low;
        high = value > high ? value : high;
    }
    if (high == BATCH_INT_NONE) /* nothing but "none", or no rows */
        return (struct pack){.base = 0, .width = 0, .has_none = none != 0};
    range = (uint64_t)high - (uint64_t)low + none;
    return (struct pack){.base = (uint64_t)low, .width = width_of(range), .has_none = none != 0};
}

struct pack pack_plan_u32(const uint32_t *values, uint32_t count)
{
    uint32_t low = UINT32_MAX;
    uint32_t high = 0;

    for (uint32_t i = 0; i < count; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    if (count == 0)
        low = 0;
    return (struct pack){.base = low, .width = width_of(high - low)};
}

static ALWAYS_INLINE void write_i64(struct pack pack, const int64_t *values, uint32_t count,
                                    char *out, uint32_t width)
{
    if (pack.has_none) {
        for (uint32_t i = 0; i < count; i++) {
            uint64_t stored = values[i] == BATCH_INT_NONE ? 0 : (uint64_t)values[i] - pack.base + 1;

            memcpy(out + (size_t)i * width, &stored, width);
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t stored = (uint64_t)values[i] - pack.base;

        memcpy(out + (size_t)i * width, &stored, width);
    }
}

void pack_write_i64(struct pack pack, const int64_t *values, uint32_t count, char *out)
{
    switch (pack.width) {
    case 0:
        break;
    case 1:
        write_i64(pack, values, count, out, 1);
        break;
    case 2:
        write_i64(pack, values, count, out, 2);
        break;
    case 4:
        write_i64(pack, values, count, out, 4);
        break;
    default:
        assert(pack.width == 8);
        write_i64(pack, values, count, out, 8);
        break;
    }
}

static ALWAYS_INLINE void write_u32(struct pack pack, const uint32_t *values, uint32_t count,
                                    char *out, uint32_t width)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t stored = values[i] - (uint32_t)pack.base;

        memcpy(out + (size_t)i * width, &stored, width);
    }
}

void pack_write_u32(struct pack pack, const uint32_t *values, uint32_t count, char *out)
{
    switch (pack.width) {
    case 0:
        break;
    case 1:
        write_u32(pack, values, count, out, 1);
        break;
    case 2:
        write_u32(pack, values, count, out, 2);
        break;
    default:
        assert(pack.width == 4);
        write_u32(pack, values, count, out, 4);
        break;
    }
}

static ALWAYS_INLINE void read_i64(struct pack pack, const char *data, uint32_t count,
                                   int64_t *out_values, uint32_t width)
{
    if (pack.has_none) {
        for (uint32_t i = 0; i < count; i++) {
            uint64_t stored = 0;

            memcpy(&stored, data + (size_t)i * width, width);
            out_values[i] = stored == 0 ? BATCH_INT_NONE : (int64_t)(pack.base + stored - 1);
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t stored = 0;

        memcpy(&stored, data + (size_t)i * width, width);
        out_values[i] = (int64_t)(pack.base + stored);
    }
}

void pack_read_i64(struct pack pack, const char *data, uint32_t count, int64_t *out_values)
{
    switch (pack.width) {
    case 0:
        read_i64(pack, data, count, out_values, 0);
        break;
    case 1:
        read_i64(pack, data, count, out_values, 1);
        break;
    case 2:
        read_i64(pack, data, count, out_values, 2);
        break;
    case 4:
        read_i64(pack, data, count, out_values, 4);
        break;
    default:
        assert(pack.width == 8);
        read_i64(pack, data, count, out_values, 8);
        break;
    }
}

static ALWAYS_INLINE uint64_t read_u32(struct pack pack, const char *data, uint32_t count,
                                       uint32_t *out_values, uint32_t width)
{
    uint32_t base = (uint32_t)pack.base;
    uint32_t high = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t stored = 0;

        memcpy(&stored, data + (size_t)i * width, width);
        high = stored > high ? stored : high;
        out_values[i] = base + stored;
    }
    return pack.base + high;
}

uint64_t pack_read_u32(struct pack pack, const char *data, uint32_t count, uint32_t *out_values)
{
    switch (pack.width) {
    case 0:
        return read_u32(pack, data, count, out_values, 0);
    case 1:
        return read_u32(pack, data, count, out_values, 1);
    case 2:
        return read_u32(pack, data, count, out_values, 2);
    default:
        assert(pack.width == 4);
        return read_u32(pack, data, count, out_values, 4);
    }
}
