// SPDX-License-Identifier: Apache-2.0
/* test_arena.c - indexes are dense, items are zeroed and stay where they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/bytes.h"

struct item {
    uint32_t index;
    uint32_t check;
    uint32_t more;
};

static void test_indexes_are_dense(void **state)
{
    struct arena arena;
    uint32_t next = 0;

    (void)state;
    arena_init(&arena, sizeof(struct item), 100); /* 128 a page */
    assert_int_equal(arena.page_count, 0);
    for (uint32_t count = 0; count < 300; count += 7) {
        assert_int_equal(arena_take(&arena, count), next);
        for (uint32_t i = 0; i < count; i++, next++) {
            struct item *item = arena_at(&arena, next);

            assert_int_equal(item->index | item->check | item->more, 0);
            *item = (struct item){next, ~next, 1};
        }
        assert_int_equal(arena.count, next);
    }
    for (uint32_t i = 0; i < next; i++) {
        const struct item *item = arena_at(&arena, i);

        assert_int_equal(item->index, i);
        assert_int_equal(item->check, ~i);
    }
    assert_int_equal(arena.page_count, (next + 127) / 128);
    arena_done(&arena);
}

static void test_items_do_not_move(void **state)
{
    struct arena arena;
    struct item *first;

    (void)state;
    arena_init(&arena, sizeof(struct item), 64);
    first = arena_at(&arena, arena_take(&arena, 1));
    first->index = 42;
    arena_take(&arena, 1000000);
    assert_ptr_equal(arena_at(&arena, 0), first);
    assert_int_equal(first->index, 42);
    /* Consecutive items of a page stand side by side. */
    assert_ptr_equal(arena_at(&arena, 63), first + 63);
    arena_done(&arena);
}

static void test_bytes_are_accounted(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 8, 1u << 18); /* 2 MiB a page */
    assert_int_equal(arena_bytes(&arena), 0);
    arena_take(&arena, 1);
    assert_in_range(arena_bytes(&arena), 4096, 2 * 4096); /* one page of the system */
    arena_take(&arena, 1u << 18);
    assert_in_range(arena_bytes(&arena), 4u << 20, (4u << 20) + 4096);
    arena_reset(&arena);
    assert_true(arena_bytes(&arena) < 4096);
    assert_int_equal(arena.count, 0);
    arena_done(&arena);
    assert_int_equal(arena_bytes(&arena), 0);
}

static void test_reset_gives_zeroed_items_again(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 16, 32);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(arena_take(&arena, 100), 0);
        for (uint32_t i = 0; i < 100; i++) {
            assert_memory_equal(arena_at(&arena, i), "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
            memset(arena_at(&arena, i), 0xee, 16);
        }
        arena_reset(&arena);
    }
    arena_done(&arena);
    arena_done(&arena);
    arena_done(NULL);
}

/* One item a page, and items that are no power of two. */
static void test_odd_shapes(void **state)
{
    struct arena arena;

    (void)state;
    for (uint32_t size = 1; size < 40; size += 6) {
        for (uint32_t each = 1; each < 9; each++) {
            arena_init(&arena, size, each);
            arena_take(&arena, 50);
            for (uint32_t i = 0; i < 50; i++)
                memset(arena_at(&arena, i), (int)i + 1, size);
            for (uint32_t i = 0; i < 50; i++)
                for (uint32_t j = 0; j < size; j++)
                    assert_int_equal(((const char *)arena_at(&arena, i))[j], i + 1);
            arena_done(&arena);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_indexes_are_dense),
        cmocka_unit_test(test_items_do_not_move),
        cmocka_unit_test(test_bytes_are_accounted),
        cmocka_unit_test(test_reset_gives_zeroed_items_again),
        cmocka_unit_test(test_odd_shapes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
