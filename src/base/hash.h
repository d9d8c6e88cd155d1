// SPDX-License-Identifier: Apache-2.0
/*
 * hash.h - the hash and the checksum that everything uses.
 *
 * hash_bytes is XXH3-64 with seed 0: it picks partitions, so it is part of the data format and may
 * never change. hash_crc32c is CRC-32C (Castagnoli, RFC 3720 appendix B.4), in hardware where the
 * processor has it.
 *
 * Thread: any.
 */
#ifndef TALLYWHEEL_BASE_HASH_H
#define TALLYWHEEL_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *data, size_t size);

/* XXH3-64 with another seed: a second, independent hash. */
uint64_t hash_bytes_seeded(const void *data, size_t size, uint64_t seed);

/* Mixes an integer (the finaliser of SplitMix64); a bijection. */
static inline uint64_t hash_u64(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* Order matters: hash_mix(a, b) != hash_mix(b, a). */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    return hash_u64(a * 0x9e3779b97f4a7c15u + b);
}

/* Starts from crc = 0; feed the result back in to go on. */
uint32_t hash_crc32c(uint32_t crc, const void *data, size_t size);

#endif
