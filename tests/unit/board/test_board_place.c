// SPDX-License-Identifier: Apache-2.0
/*
 * test_board_place.c - boards whose scores outgrow their places: ranks, competition ranks and
 * distinct scores against a sorted list, before and after each step of growth, times far apart
 * and close together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "model/batch.h"
#include "board/board.h"
#include "score/score_key.h"
#include "support/board_setup.h"

#define MEMBERS 400u

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state += 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash_u64(random_state) % limit);
}

/* What a member has, in the words of the definition and not of the board. */
struct standing {
    char name[16];
    int64_t score;
    int64_t reached_ms;
};

struct world {
    struct board_setup setup;
    struct stream_def stream;
    struct board *board;
    struct standing standings[MEMBERS];
    uint32_t count;
};

static const struct board_setup *sorting;

static int better_first(const void *a, const void *b)
{
    const struct standing *left = a;
    const struct standing *right = b;
    int sign = sorting->order == BOARD_DESC ? -1 : 1;

    if (left->score != right->score)
        return left->score < right->score ? -sign : sign;
    if (sorting->ties != BOARD_TIES_MEMBER && left->reached_ms != right->reached_ms) {
        bool earlier = left->reached_ms < right->reached_ms;

        return earlier == (sorting->ties == BOARD_TIES_FIRST) ? -1 : 1;
    }
    return strcmp(left->name, right->name);
}

/* `last` with times that only grow: every row takes over. */
static void add(struct world *world, uint32_t member, int64_t score, int64_t at_ms)
{
    struct batch *batch = batch_new(&world->stream, 1);
    struct cell cells[SETUP_COLUMNS] = {{0}};
    char name[16];
    uint32_t row = 0;
    uint32_t i = 0;

    snprintf(name, sizeof(name), "m%03u", member);
    while (i < world->count && strcmp(world->standings[i].name, name) != 0)
        i++;
    if (i == world->count || world->standings[i].score != score)
        world->standings[i].reached_ms = at_ms;
    world->standings[i].score = score;
    memcpy(world->standings[i].name, name, sizeof(name));
    world->count += i == world->count;
    cells[SETUP_MEMBER] = (struct cell){.present = true, .text = span_of(name)};
    cells[SETUP_VALUE] = (struct cell){.present = true, .i = score};
    cells[SETUP_AT] = (struct cell){.present = true, .i = at_ms};
    batch_append(batch, cells);
    batch_stamp(batch, at_ms);
    board_fold(world->board, batch, &row, 1, NULL);
    batch_free(batch);
}

static void check(struct world *world)
{
    uint64_t scores[MEMBERS];
    uint64_t first_level = 0;
    uint64_t last_level = UINT64_MAX;
    uint32_t distinct = 0;
    uint32_t better = 0;

    sorting = &world->setup;
    qsort(world->standings, world->count, sizeof(world->standings[0]), better_first);
    board_settle(world->board);
    board_check(world->board);
    for (uint32_t i = 0; i < world->count; i++) {
        const struct standing *standing = &world->standings[i];
        struct board_entry entry;
        struct board_entry at_rank;

        assert_true(board_find(world->board, 0, span_of(standing->name), &entry));
        assert_int_equal(entry.score.i, standing->score);
        assert_int_equal(board_rank(world->board, entry.entry), i);
        assert_int_equal(board_count_better(world->board, 0, &entry.key), i);
        assert_int_equal(board_run(world->board, 0, i, 1, &at_rank), 1);
        assert_int_equal(at_rank.entry, entry.entry);
        if (i == 0 || standing->score != world->standings[i - 1].score) {
            better = i;
            distinct++;
        }
        assert_int_equal(board_count_better_score(world->board, 0, entry.key.score), better);
    }
    assert_int_equal(
        board_distinct_levels(world->board, 0, &first_level, &last_level, scores, MEMBERS),
        distinct);
    for (uint32_t i = 0, at = 0; i < distinct; i++) {
        struct value value = score_key_value(scores[i], true, world->setup.order);

        assert_int_equal(value.i, world->standings[at].score);
        while (at < world->count && world->standings[at].score == value.i)
            at++;
    }
}

/* Keys that are no entry's, beyond both ends too: how many are better is still exact. */
static void check_foreign(struct world *world)
{
    static const int64_t probes[] = {INT64_MIN + 5, -5000000000,  -1, 0, 1,
                                     5000000000,    INT64_MAX - 5};

    for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
        struct rank_key key = {.member = SPAN_LITERAL("nobody")};
        uint32_t better = 0;

        key.score = score_key_of((struct value){VALUE_INT, {.i = probes[i]}}, world->setup.order);
        for (uint32_t j = 0; j < world->count; j++)
            better += world->setup.order == BOARD_DESC ? world->standings[j].score > probes[i]
                                                       : world->standings[j].score < probes[i];
        assert_int_equal(board_count_better_score(world->board, 0, key.score), better);
        if (probes[i] == INT64_MAX - 5 || probes[i] == INT64_MIN + 5)
            assert_int_equal(board_count_better(world->board, 0, &key), better);
    }
}

static void run(enum board_order order, enum board_ties ties)
{
    static const int64_t steps[] = {3,
                                    INT32_MAX,
                                    -(INT64_C(1) << 31),
                                    INT64_C(1) << 32,
                                    -(INT64_C(1) << 40),
                                    INT64_C(1) << 50,
                                    INT64_MAX - 1,
                                    INT64_MIN + 1};
    struct world *world = calloc(1, sizeof(*world));
    int64_t now_ms = 1600000000000;

    world->setup = (struct board_setup){
        .score = "last", .order = order, .ties = ties, .is_int = true, .members = MEMBERS};
    world->stream = board_setup_stream(&world->setup);
    world->board = board_setup_board(&world->setup, board_setup_no_limits);
    for (size_t step = 0; step < sizeof(steps) / sizeof(steps[0]); step++) {
        for (uint32_t i = 0; i < 300; i++) {
            now_ms += random_below(4) == 0 ? random_below(100) : 0;
            add(world, random_below(MEMBERS - 10), (int64_t)random_below(5) - 2, now_ms);
        }
        now_ms += (int64_t)1 << (10 + step * 4); /* in the end, years beyond what places tell */
        add(world, MEMBERS - 10 + (uint32_t)step, steps[step], now_ms);
        check(world);
        check_foreign(world);
    }
    board_free(world->board);
    free(world);
}

static void test_growth(void **state)
{
    (void)state;
    for (int order = BOARD_DESC; order <= BOARD_ASC; order++)
        for (int ties = BOARD_TIES_FIRST; ties <= BOARD_TIES_MEMBER; ties++)
            run((enum board_order)order, (enum board_ties)ties);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
