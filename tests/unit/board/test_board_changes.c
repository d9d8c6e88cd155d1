// SPDX-License-Identifier: Apache-2.0
/*
 * test_board_changes.c - what followers are told has changed, against copies of the whole board
 * that were made when they last took: for followers that take at different times, with members that
 * go and come back between, and beyond every limit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/board.h"
#include "board/board_changes.h"

#define SEGMENTS 3u
#define MEMBERS 300u

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t end)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 11) % end;
}

/* All scores of a moment. */
struct copy {
    bool here[SEGMENTS][MEMBERS];
    double scores[SEGMENTS][MEMBERS];
};

struct world {
    struct board *board;
    uint32_t segments[SEGMENTS];
    struct copy now;
};

static struct span name_of(uint32_t member, char *room)
{
    return (struct span){room, (size_t)snprintf(room, 24, "member-%u", member)};
}

static void world_init(struct world *world)
{
    struct board_def def = {.order = BOARD_DESC, .ties = BOARD_TIES_MEMBER};
    struct board_bind bind = {.score_column = -1, .mode_column = -1, .owned = true};
    struct board_limits limits = {UINT32_MAX, 1000};

    *world = (struct world){0};
    assert_int_equal(board_new(&world->board, &def, &bind, limits, NULL), 0);
    for (uint32_t i = 0; i < SEGMENTS; i++)
        world->segments[i] = board_segment_take(world->board);
}

static void change_one(struct world *world)
{
    uint32_t segment = random_below(SEGMENTS);
    uint32_t member = random_below(MEMBERS);
    char room[24];
    struct board_op op = {
        .segment = world->segments[segment],
        .kind = random_below(3) == 0 ? BOARD_OP_REMOVE : BOARD_OP_SET,
        .member = name_of(member, room),
        .score = random_below(5),
    };
    struct board_op_result result;

    board_apply(world->board, &op, 1, 1000, &result);
    world->now.here[segment][member] = op.kind == BOARD_OP_SET;
    if (op.kind == BOARD_OP_SET)
        world->now.scores[segment][member] = op.score;
    if (random_below(20) == 0)
        board_settle(world->board); /* records of members that went get others */
}

static bool differs(const struct copy *a, const struct copy *b, uint32_t segment, uint32_t member)
{
    if (a->here[segment][member] != b->here[segment][member])
        return true;
    return a->here[segment][member] && a->scores[segment][member] != b->scores[segment][member];
}

/* The list must be the difference of two copies, no more and no less. */
static void check_list(struct world *world, const struct copy *then,
                       const struct board_change_list *list)
{
    uint32_t wanted = 0;
    bool seen[SEGMENTS][MEMBERS] = {{false}};

    for (uint32_t i = 0; i < SEGMENTS; i++)
        for (uint32_t j = 0; j < MEMBERS; j++)
            wanted += differs(then, &world->now, i, j);
    assert_int_equal(list->count, wanted);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct board_change *change = &list->changes[i];
        struct span name = change->exists ? change->key.member : change->old_key.member;
        uint32_t segment = 0;
        uint32_t member = 0;

        for (size_t at = strlen("member-"); at < name.size; at++)
            member = member * 10 + (uint32_t)(name.data[at] - '0');
        while (world->segments[segment] != change->segment)
            segment++;
        assert_true(differs(then, &world->now, segment, member) && !seen[segment][member]);
        seen[segment][member] = true;
        assert_int_equal(change->existed, then->here[segment][member]);
        assert_int_equal(change->exists, world->now.here[segment][member]);
        if (change->existed)
            assert_true(change->old_score.f == then->scores[segment][member]);
        if (change->exists) {
            struct board_entry entry;

            assert_true(change->score.f == world->now.scores[segment][member]);
            assert_true(board_find(world->board, change->segment, name, &entry));
            assert_int_equal(rank_key_compare(&entry.key, &change->key), 0);
        }
        if (change->existed && change->exists)
            assert_true((change->old_key.score < change->key.score) ==
                        (change->old_score.f > change->score.f));
    }
}

static void test_followers(void **state)
{
    struct world *world = malloc(sizeof(*world));
    struct copy *then = malloc(5 * sizeof(*then));
    struct board_change_list list = {0};
    uint64_t followers[5];

    (void)state;
    world_init(world);
    for (uint32_t i = 0; i < 500; i++)
        change_one(world);
    for (uint32_t i = 0; i < 5; i++) {
        followers[i] = board_changes_follow(world->board);
        then[i] = world->now;
    }
    for (uint32_t round = 0; round < 2000; round++) {
        uint32_t who = random_below(5);

        for (uint32_t i = random_below(60); i > 0; i--)
            change_one(world);
        assert_true(board_changes_list(world->board, followers[who], &list));
        check_list(world, &then[who], &list);
        if (random_below(3) == 0)
            continue; /* a list alone changes nothing */
        assert_int_equal(board_changes_take(world->board, followers[who]), 0);
        then[who] = world->now;
    }
    board_changes_list_done(&list);
    board_free(world->board);
    free(then);
    free(world);
}

/* More than may be noted: told as lost, with how many there were; then it goes on. */
static void fill(struct world *world, uint32_t count, double score)
{
    char room[24];

    for (uint32_t i = 0; i < count; i++) {
        struct board_op op = {world->segments[0], BOARD_OP_SET, 0, name_of(i, room), score};
        struct board_op_result result;

        board_apply(world->board, &op, 1, 1000, &result);
    }
}

static void test_limit_of_notes(void **state)
{
    struct world *world = malloc(sizeof(*world));
    struct board_change_list list = {0};
    uint64_t held, without, follower;

    (void)state;
    world_init(world);
    fill(world, BOARD_CHANGES_MAX, 1);
    board_settle(world->board);
    without = board_memory_bytes(world->board);
    follower = board_changes_follow(world->board);
    fill(world, BOARD_CHANGES_MAX, 2);
    assert_true(board_changes_list(world->board, follower, &list));
    assert_int_equal(list.count, BOARD_CHANGES_MAX);
    board_settle(world->board);
    assert_true(board_memory_bytes(world->board) > without + (8u << 20));
    fill(world, BOARD_CHANGES_MAX + 1, 3);
    assert_false(board_changes_list(world->board, follower, &list));
    assert_int_equal(list.count, 0);
    fill(world, 10, 4);
    board_settle(world->board);
    held = board_memory_bytes(world->board);
    assert_true(held < without + (4u << 20)); /* what was noted is gone */
    assert_int_equal(board_changes_take(world->board, follower), BOARD_CHANGES_MAX + 1 + 10);
    fill(world, 7, 5);
    assert_true(board_changes_list(world->board, follower, &list));
    assert_int_equal(list.count, 7);
    board_changes_list_done(&list);
    board_free(world->board);
    free(world);
}

/* One that never comes back is lost, and costs the other nothing. */
static void test_one_stays_behind(void **state)
{
    struct world *world = malloc(sizeof(*world));
    struct board_change_list list = {0};
    uint64_t gone, stays;

    (void)state;
    world_init(world);
    gone = board_changes_follow(world->board);
    stays = board_changes_follow(world->board);
    for (uint32_t i = 0; i < 6; i++) {
        fill(world, BOARD_CHANGES_MAX / 4, i);
        assert_true(board_changes_list(world->board, stays, &list));
        assert_int_equal(list.count, BOARD_CHANGES_MAX / 4);
        assert_int_equal(board_changes_take(world->board, stays), 0);
    }
    assert_false(board_changes_list(world->board, gone, &list));
    assert_true(board_changes_take(world->board, gone) >= BOARD_CHANGES_MAX);
    board_changes_list_done(&list);
    board_free(world->board);
    free(world);
}

/* Of too many followers the one that came longest ago is forgotten. */
static void test_many_followers(void **state)
{
    struct world *world = malloc(sizeof(*world));
    struct board_change_list list = {0};
    uint64_t followers[BOARD_FOLLOWERS_MAX + 1];

    (void)state;
    world_init(world);
    for (uint32_t i = 0; i < BOARD_FOLLOWERS_MAX; i++)
        followers[i] = board_changes_follow(world->board);
    assert_int_equal(board_changes_take(world->board, followers[0]), 0);
    followers[BOARD_FOLLOWERS_MAX] = board_changes_follow(world->board);
    fill(world, 5, 1);
    for (uint32_t i = 0; i <= BOARD_FOLLOWERS_MAX; i++) {
        bool listed = board_changes_list(world->board, followers[i], &list);

        assert_int_equal(listed, i != 1);
        assert_int_equal(list.count, listed ? 5 : 0);
    }
    assert_int_equal(board_changes_take(world->board, followers[1]), 0);
    board_changes_list_done(&list);
    board_free(world->board);
    free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_followers),
        cmocka_unit_test(test_limit_of_notes),
        cmocka_unit_test(test_one_stays_behind),
        cmocka_unit_test(test_many_followers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
