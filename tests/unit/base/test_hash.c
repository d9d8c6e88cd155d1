// SPDX-License-Identifier: Apache-2.0
/*
 * test_hash.c - the checksum against published vectors and against the definition bit by bit; the
 * hash against fixed values, because it may never change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"

/* CRC-32C by the definition: a division of polynomials. */
static uint32_t crc32c_by_definition(const unsigned char *data, size_t size)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            uint32_t low = (crc ^ (uint32_t)(data[i] >> bit)) & 1;

            crc = crc >> 1 ^ (low != 0 ? 0x82f63b78u : 0);
        }
    }
    return ~crc;
}

static void fill(unsigned char *data, size_t size)
{
    uint64_t seed = 7;

    for (size_t i = 0; i < size; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        data[i] = (unsigned char)(seed >> 56);
    }
}

static void test_crc32c_vectors(void **state)
{
    unsigned char bytes[32];

    (void)state;
    assert_int_equal(hash_crc32c(0, "", 0), 0);
    assert_int_equal(hash_crc32c(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(hash_crc32c(0, "a", 1), 0xc1d04330u);
    /* RFC 3720, B.4 */
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(hash_crc32c(0, bytes, sizeof(bytes)), 0x8a9136aau);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(hash_crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43u);
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(hash_crc32c(0, bytes, sizeof(bytes)), 0x46dd794eu);
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(31 - i);
    assert_int_equal(hash_crc32c(0, bytes, sizeof(bytes)), 0x113fdb5cu);
}

/* All small sizes, and those around the places where the three lanes begin and end. */
static void test_crc32c_sizes(void **state)
{
    enum { LANES = 3 * 4096, SIZE = 3 * LANES + 64 };
    unsigned char *data = malloc(SIZE + 8);

    (void)state;
    assert_non_null(data);
    fill(data, SIZE + 8);
    for (size_t size = 0; size < 300; size++)
        for (size_t start = 0; start < 8; start++)
            assert_int_equal(hash_crc32c(0, data + start, size),
                             crc32c_by_definition(data + start, size));
    for (size_t lanes = 1; lanes <= 3; lanes++)
        for (size_t size = lanes * LANES - 17; size <= lanes * LANES + 17; size++)
            assert_int_equal(hash_crc32c(0, data + size % 8, size),
                             crc32c_by_definition(data + size % 8, size));
    free(data);
}

static void test_crc32c_in_pieces(void **state)
{
    enum { SIZE = 40000 };
    unsigned char *data = malloc(SIZE);
    uint32_t whole;

    (void)state;
    assert_non_null(data);
    fill(data, SIZE);
    whole = hash_crc32c(0, data, SIZE);
    for (size_t cut = 0; cut <= SIZE; cut += 1237) {
        uint32_t crc = hash_crc32c(0, data, cut);

        assert_int_equal(hash_crc32c(crc, data + cut, SIZE - cut), whole);
    }
    free(data);
}

/* Zeros in front, at the end and in between count. */
static void test_crc32c_sees_every_bit(void **state)
{
    unsigned char data[64] = {0};
    uint32_t zero = hash_crc32c(0, data, sizeof(data));

    (void)state;
    assert_true(hash_crc32c(0, data, 63) != zero);
    for (size_t bit = 0; bit < sizeof(data) * 8; bit++) {
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_true(hash_crc32c(0, data, sizeof(data)) != zero);
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

/* Published values of XXH3-64 with seed 0: part of the data format. */
static void test_hash_bytes_never_changes(void **state)
{
    (void)state;
    assert_true(hash_bytes("", 0) == 0x2d06800538d394c2u);
    assert_true(hash_bytes("a", 1) == 0xe6c632b61e964e1fu);
    assert_true(hash_bytes("abc", 3) == 0x78af5f94892f3950u);
}

static void test_hash_u64_is_a_bijection_at_least_here(void **state)
{
    enum { COUNT = 1 << 16 };
    unsigned char *seen = calloc(COUNT, 1);
    unsigned filled = 0;

    (void)state;
    assert_non_null(seen);
    assert_true(hash_u64(1) == 0x5692161d100b05e5u); /* SplitMix64's finaliser */
    assert_true(hash_u64(0) == 0);
    /* Sequential keys spread over the upper bits as random ones would: 1 - 1/e of the cells. */
    for (uint64_t i = 0; i < COUNT; i++)
        seen[hash_u64(i) >> 48] = 1;
    for (unsigned i = 0; i < COUNT; i++)
        filled += seen[i];
    assert_in_range(filled, COUNT * 62 / 100, COUNT * 65 / 100);
    assert_true(hash_mix(1, 2) != hash_mix(2, 1));
    assert_true(hash_mix(0, 1) != hash_mix(1, 0));
    free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32c_vectors),
        cmocka_unit_test(test_crc32c_sizes),
        cmocka_unit_test(test_crc32c_in_pieces),
        cmocka_unit_test(test_crc32c_sees_every_bit),
        cmocka_unit_test(test_hash_bytes_never_changes),
        cmocka_unit_test(test_hash_u64_is_a_bijection_at_least_here),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
