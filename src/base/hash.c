// SPDX-License-Identifier: Apache-2.0
/* hash.c - see hash.h. */
#include "base/hash.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash_bytes(const void *data, size_t size)
{
    return XXH3_64bits(data, size);
}

uint64_t hash_bytes_seeded(const void *data, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, size, seed);
}

#if defined(__x86_64__)
#include <nmmintrin.h>

/* Three streams at once hide the 3-cycle latency of the instruction; see crc_combine. */
#define LANE_BYTES 4096

static uint32_t shift_table[4][256]; /* crc of a byte followed by LANE_BYTES zeros */

__attribute__((target("sse4.2"))) static uint32_t crc_zeros(uint32_t crc, size_t size)
{
    uint64_t state = crc;

    for (size_t i = 0; i < size; i += 8)
        state = _mm_crc32_u64(state, 0);
    return (uint32_t)state;
}

__attribute__((constructor)) static void fill_shift_table(void)
{
    if (!__builtin_cpu_supports("sse4.2"))
        return;
    for (int byte = 0; byte < 4; byte++)
        for (uint32_t value = 0; value < 256; value++)
            shift_table[byte][value] = crc_zeros(value << (8 * byte), LANE_BYTES);
}

/* The crc of what led to `crc`, followed by LANE_BYTES zeros: linear, so a sum over its bytes. */
static uint32_t crc_shift(uint32_t crc)
{
    return shift_table[0][crc & 0xff] ^ shift_table[1][crc >> 8 & 0xff] ^
           shift_table[2][crc >> 16 & 0xff] ^ shift_table[3][crc >> 24];
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_hardware(uint32_t crc, const char *data,
                                                                  size_t size)
{
    uint64_t state = ~crc;

    while (size >= 3 * LANE_BYTES) {
        uint64_t a = state;
        uint64_t b = 0;
        uint64_t c = 0;

        for (size_t i = 0; i < LANE_BYTES; i += 8) {
            uint64_t words[3];

            memcpy(&words[0], data + i, 8);
            memcpy(&words[1], data + LANE_BYTES + i, 8);
            memcpy(&words[2], data + 2 * LANE_BYTES + i, 8);
            a = _mm_crc32_u64(a, words[0]);
            b = _mm_crc32_u64(b, words[1]);
            c = _mm_crc32_u64(c, words[2]);
        }
        state = crc_shift(crc_shift((uint32_t)a) ^ (uint32_t)b) ^ (uint32_t)c;
        data += 3 * LANE_BYTES;
        size -= 3 * LANE_BYTES;
    }
    for (; size >= 8; size -= 8, data += 8) {
        uint64_t word;

        memcpy(&word, data, 8);
        state = _mm_crc32_u64(state, word);
    }
    for (; size > 0; size--, data++)
        state = _mm_crc32_u8((uint32_t)state, (unsigned char)*data);
    return ~(uint32_t)state;
}
#endif

#define CRC32C_POLYNOMIAL 0x82f63b78u /* bit-reflected 0x1edc6f41 */

static uint32_t crc32c_bitwise(uint32_t crc, const char *data, size_t size)
{
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= (unsigned char)data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? CRC32C_POLYNOMIAL : 0);
    }
    return ~crc;
}

uint32_t hash_crc32c(uint32_t crc, const void *data, size_t size)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return crc32c_hardware(crc, data, size);
#endif
    return crc32c_bitwise(crc, data, size);
}
