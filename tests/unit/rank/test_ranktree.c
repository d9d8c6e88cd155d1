// SPDX-License-Identifier: Apache-2.0
/*
 * test_ranktree.c - ranktrees against a sorted array: random batches of moves, new entries and
 * removals with few and many ties, all tie rules, with and without subscores, one tree and many,
 * tiny and large; the tree's own check after each batch.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "rank/board_entries.h"
#include "rank/ranktree.h"

static uint64_t random_state;

static uint64_t random_next(void)
{
    random_state += 0x9e3779b97f4a7c15u;
    return hash_u64(random_state);
}

static uint32_t random_below(uint32_t limit)
{
    return (uint32_t)(random_next() % limit);
}

/* An entry of the model. */
struct member {
    uint32_t id;
    uint32_t tree;
    bool placed;
    uint64_t score;
    uint64_t subs[RANK_TIES_MAX - 1];
    int64_t reached_ms;
};

struct world {
    struct board_entries entries;
    struct ranktree_pool pool;
    struct ranktree *trees;
    uint32_t tree_count;
    struct member *members;
    uint32_t member_count;
    uint32_t *order;                    /* the model: members of one tree, best first */
    uint64_t (*ties)[2][RANK_TIES_MAX]; /* old and new, for each move of a batch */
};

static struct world *sort_world;

static struct rank_key key_of(const struct world *world, const struct member *member)
{
    uint32_t sub_count = world->entries.sub_count;
    struct rank_key key = {.score = member->score,
                           .member = entry_member(&world->entries, member->id)};

    memcpy(key.ties, member->subs, sub_count * sizeof(key.ties[0]));
    if (world->pool.ties == BOARD_TIES_FIRST)
        key.ties[sub_count] = (uint64_t)member->reached_ms + ((uint64_t)1 << 63);
    else if (world->pool.ties == BOARD_TIES_LAST)
        key.ties[sub_count] = ~((uint64_t)member->reached_ms + ((uint64_t)1 << 63));
    return key;
}

/* The record of a member says what it is now. */
static void write_record(struct world *world, const struct member *member)
{
    entry_set(&world->entries, member->id, member->score, member->reached_ms);
    for (uint32_t i = 0; i < world->entries.sub_count; i++)
        entry_set_sub(&world->entries, member->id, i, member->subs[i]);
}

static int compare_members(const void *a, const void *b)
{
    struct rank_key left = key_of(sort_world, &sort_world->members[*(const uint32_t *)a]);
    struct rank_key right = key_of(sort_world, &sort_world->members[*(const uint32_t *)b]);

    return rank_key_compare(&left, &right);
}

static void world_init(struct world *world, enum board_ties ties, uint32_t sub_count,
                       uint32_t member_count, uint32_t tree_count)
{
    *world = (struct world){.tree_count = tree_count, .member_count = member_count};
    board_entries_init(&world->entries, sub_count > 0 ? 3 + sub_count * 8 : 0, sub_count, false,
                       UINT32_MAX);
    ranktree_pool_init(&world->pool, &world->entries, ties);
    world->trees = calloc(tree_count, sizeof(world->trees[0]));
    world->members = calloc(member_count, sizeof(world->members[0]));
    world->order = calloc(member_count, sizeof(world->order[0]));
    world->ties = calloc(member_count, sizeof(world->ties[0]));
    for (uint32_t i = 0; i < member_count; i++) {
        char name[400];
        struct entry_key key;
        bool is_new;

        /* Many are told apart only far behind a prefix that they share. */
        snprintf(name, sizeof(name), "%0*u", i % 5 == 0 ? 200 + (int)(i % 100) : 12,
                 (unsigned)(i * 2654435761u));
        key = (struct entry_key){0, span_of(name), 0};
        key.hash =
            board_entries_hash(&world->entries, hash_bytes(key.member.data, key.member.size), 0);
        board_entries_put_many(&world->entries, &key, 1, &world->members[i].id, &is_new);
        assert_true(is_new);
        world->members[i].tree = i % tree_count;
    }
}

static void world_done(struct world *world)
{
    ranktree_pool_done(&world->pool);
    board_entries_done(&world->entries);
    free(world->trees);
    free(world->members);
    free(world->order);
    free(world->ties);
}

/* How a test draws new positions. */
struct draw {
    uint64_t score_range;
    uint32_t time_range;
    uint32_t gone_percent; /* of the members that are placed; a fourth of that of the others */
};

/* The move of a member that is `before` no more; the index is that among the moves of a batch. */
static struct ranktree_move move_of(struct world *world, const struct member *before,
                                    const struct member *member, uint32_t index)
{
    struct rank_key old = key_of(world, before);
    struct rank_key new = key_of(world, member);

    memcpy(world->ties[index][0], old.ties, sizeof(old.ties));
    memcpy(world->ties[index][1], new.ties, sizeof(new.ties));
    write_record(world, member);
    return (struct ranktree_move){
        .old_score = old.score,
        .score = new.score,
        .old_ties = world->ties[index][0],
        .ties = world->ties[index][1],
        .id = member->id,
        .is_new = !before->placed,
        .is_gone = !member->placed,
    };
}

/* Gives a member the next position, or takes it away; returns the move. */
static struct ranktree_move draw_move(struct world *world, struct member *member,
                                      const struct draw *draw, uint32_t index)
{
    struct member before = *member;

    /* One that is not placed may come and go at once. */
    member->placed = random_below(100) >= draw->gone_percent / (before.placed ? 1 : 4);
    member->score = random_next() % draw->score_range;
    if (random_below(50) == 0)
        member->score = random_below(2) ? 0 : UINT64_MAX;
    for (uint32_t i = 0; i < world->entries.sub_count; i++)
        member->subs[i] = random_below(4) == 0 ? random_next() : random_below(3);
    member->reached_ms = random_below(draw->time_range);
    return move_of(world, &before, member, index);
}

/* Moves the members at `picked` of one tree. */
static void world_move(struct world *world, uint32_t tree, const uint32_t *picked, uint32_t count,
                       const struct draw *draw)
{
    struct ranktree_move *moves = calloc(count + 1, sizeof(moves[0]));

    for (uint32_t i = 0; i < count; i++)
        moves[i] = draw_move(world, &world->members[picked[i]], draw, i);
    ranktree_move_many(&world->pool, &world->trees[tree], moves, count);
    free(moves);
}

static uint32_t model_sort(struct world *world, uint32_t tree)
{
    uint32_t count = 0;

    for (uint32_t i = tree; i < world->member_count; i += world->tree_count)
        if (world->members[i].placed)
            world->order[count++] = i;
    sort_world = world;
    qsort(world->order, count, sizeof(world->order[0]), compare_members);
    return count;
}

static void check_scores(struct world *world, struct ranktree *tree, uint32_t count)
{
    uint64_t *scores = calloc(count + 1, sizeof(scores[0]));
    uint32_t first = 0;
    uint32_t distinct = 0;
    uint32_t got =
        ranktree_distinct_scores(&world->pool, tree, 0, 0, UINT64_MAX, scores, count + 1);

    for (uint32_t i = 0; i < count; i++) {
        uint64_t score = world->members[world->order[i]].score;

        if (i == 0 || score != world->members[world->order[i - 1]].score) {
            first = i;
            if (score != UINT64_MAX) {
                assert_true(distinct < got);
                assert_true(scores[distinct++] == score);
            }
        }
        assert_int_equal(ranktree_count_better_score(&world->pool, tree, score), first);
    }
    assert_int_equal(got, distinct);
    if (distinct > 3) {
        uint64_t some[2];

        assert_int_equal(
            ranktree_distinct_scores(&world->pool, tree, 0, scores[1] + 1, scores[3], some, 2), 1);
        assert_true(some[0] == scores[2]);
    }
    free(scores);
}

/* Of all trees of the pool together. */
static void check_separators(const struct world *world)
{
    uint64_t separators = 0;

    for (uint32_t i = 0; i < world->tree_count; i++)
        separators += ranktree_check(&world->pool, &world->trees[i]).separators;
    assert_int_equal(separators, world->pool.separator_count);
}

/* Everything that can be asked of a tree equals the model. */
static void world_check(struct world *world, uint32_t tree_index)
{
    struct ranktree *tree = &world->trees[tree_index];
    uint32_t count = model_sort(world, tree_index);
    uint32_t *ids = calloc(count + 1, sizeof(ids[0]));
    uint32_t *ranks = calloc(count + 1, sizeof(ranks[0]));
    struct ranktree_query *queries = calloc(count + 1, sizeof(queries[0]));
    uint64_t ties[RANK_TIES_MAX];

    check_separators(world);
    assert_int_equal(tree->count, count);
    assert_int_equal(ranktree_run(&world->pool, tree, 0, count + 1, ids), count);
    for (uint32_t i = 0; i < count; i++) {
        const struct member *member = &world->members[world->order[i]];
        struct rank_key key = key_of(world, member);

        assert_int_equal(ids[i], member->id);
        queries[i] = (struct ranktree_query){tree, key.score, member->id};
        ranktree_ties(&world->pool, member->id, ties);
        assert_memory_equal(ties, key.ties, sizeof(ties));
        assert_int_equal(ranktree_count_better(&world->pool, tree, &key), i);
        key.member = SPAN_LITERAL("~"); /* behind all names */
        assert_in_range(ranktree_count_better(&world->pool, tree, &key), i + 1, count);
    }
    ranktree_rank_many(&world->pool, queries, count, ranks);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(ranks[i], i);
    for (uint32_t round = 0; round < 20 && count > 0; round++) {
        uint32_t from = random_below(count + 1);
        uint32_t wanted = random_below(200);
        uint32_t got = ranktree_run(&world->pool, tree, from, wanted, ids);

        assert_int_equal(got, count - from < wanted ? count - from : wanted);
        for (uint32_t i = 0; i < got; i++)
            assert_int_equal(ids[i], world->members[world->order[from + i]].id);
    }
    check_scores(world, tree, count);
    free(ids);
    free(ranks);
    free(queries);
}

static void shuffle(uint32_t *items, uint32_t count)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t other = random_below(i);
        uint32_t item = items[i - 1];

        items[i - 1] = items[other];
        items[other] = item;
    }
}

struct plan {
    uint32_t members;
    uint32_t trees;
    struct draw draw;
    uint32_t batches;
};

/* Random batches; towards the end of each third, those that leave get the upper hand. */
static void run_random(enum board_ties ties, uint32_t sub_count, const struct plan *plan)
{
    struct world world;
    uint32_t per_tree = plan->members / plan->trees;
    uint32_t *picked = calloc(plan->members, sizeof(picked[0]));

    world_init(&world, ties, sub_count, plan->members, plan->trees);
    for (uint32_t batch = 0; batch < plan->batches; batch++) {
        uint32_t tree = random_below(plan->trees);
        uint32_t size = random_below(3) == 0 ? 1 + random_below(per_tree) : 1 + random_below(8);
        struct draw draw = plan->draw;

        if (batch % (plan->batches / 3 + 1) * 5 > plan->batches)
            draw.gone_percent = draw.gone_percent > 0 ? 95 : 0;
        if (size > per_tree)
            size = per_tree;
        for (uint32_t i = 0; i < per_tree; i++)
            picked[i] = tree + i * plan->trees;
        shuffle(picked, per_tree);
        world_move(&world, tree, picked, size, &draw);
        if (batch % 16 == 0 || plan->members < 500)
            world_check(&world, tree);
        else
            ranktree_check(&world.pool, &world.trees[tree]);
    }
    for (uint32_t i = 0; i < plan->trees && i < 50; i++)
        world_check(&world, i);
    world_done(&world);
    free(picked);
}

static void test_random(void **state)
{
    static const enum board_ties ties[] = {BOARD_TIES_FIRST, BOARD_TIES_LAST, BOARD_TIES_MEMBER};
    static const struct plan plans[] = {
        {1, 1, {10, 10, 0}, 20},
        {7, 1, {3, 2, 30}, 200},
        {90, 1, {1000, 10, 0}, 100},
        {90, 1, {1000, 10, 30}, 200},
        {400, 1, {1, 3, 20}, 90},
        {3000, 1, {5, 20, 0}, 120},
        {3000, 1, {5, 20, 30}, 120},
        {3000, 1, {UINT64_MAX, 1000, 10}, 120},
        {3000, 300, {50, 50, 30}, 1500},
        {20000, 1, {1u << 30, 1000, 0}, 60},
        {20000, 1, {1u << 30, 1000, 40}, 90},
        {20000, 1, {1, 1, 40}, 60},
    };

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        random_state = 100 + i;
        for (uint32_t j = 0; j < sizeof(plans) / sizeof(plans[0]); j++) {
            run_random(ties[i], 0, &plans[j]);
            run_random(ties[i], 1 + (i + j) % 4, &plans[j]);
        }
    }
}

/* A batch that is most of a large tree, and one that is all of it. */
static void run_large(enum board_ties ties, uint32_t sub_count, uint32_t count)
{
    static const struct draw draws[] = {
        {UINT64_MAX, 1000, 0}, {1u << 20, 1000, 30}, {3, 100, 10}, {1, 1, 50},
        {100, 10, 100},        {1u << 30, 100, 0},
    };
    struct world world;
    uint32_t *picked = calloc(count, sizeof(picked[0]));

    random_state = 21 + sub_count;
    world_init(&world, ties, sub_count, count, 1);
    for (uint32_t i = 0; i < count; i++)
        picked[i] = i;
    for (uint32_t i = 0; i < sizeof(draws) / sizeof(draws[0]); i++) {
        shuffle(picked, count);
        world_move(&world, 0, picked,
                   draws[i].gone_percent == 100 ? count : count - i * (count / 8), &draws[i]);
        world_check(&world, 0);
    }
    world_done(&world);
    free(picked);
}

static void test_large(void **state)
{
    (void)state;
    run_large(BOARD_TIES_FIRST, 0, 100000);
    run_large(BOARD_TIES_MEMBER, 0, 40000);
    run_large(BOARD_TIES_LAST, 2, 20000);
}

/* A tree that loses all its entries, one by one, by ranges or at once, gives all nodes back. */
static void test_empty(void **state)
{
    enum { COUNT = 20000 };
    static const uint32_t batches[] = {1, 7, 300, COUNT, 0};
    struct world world;
    uint32_t *picked = calloc(COUNT, sizeof(picked[0]));
    const struct draw come = {1u << 20, 100, 0};
    const struct draw go = {1, 1, 100};
    uint32_t nodes = 0;

    (void)state;
    random_state = 23;
    world_init(&world, BOARD_TIES_LAST, 1, COUNT, 1);
    for (uint32_t i = 0; i < COUNT; i++)
        picked[i] = i;
    for (uint32_t round = 0; round < 2 * sizeof(batches) / sizeof(batches[0]); round++) {
        uint32_t batch = batches[round / 2];

        world_move(&world, 0, picked, COUNT, &come);
        world_check(&world, 0);
        if (round == 0)
            nodes = world.pool.nodes.count;
        if (round % 2 == 0)
            shuffle(picked, COUNT);
        else
            memcpy(picked, world.order, COUNT * sizeof(picked[0]));
        for (uint32_t i = 0; batch > 0 && i < COUNT; i += batch) {
            world_move(&world, 0, picked + i, COUNT - i < batch ? COUNT - i : batch, &go);
            if (i % (20 * batch) == 0)
                ranktree_check(&world.pool, &world.trees[0]);
        }
        if (batch == 0) {
            ranktree_clear(&world.pool, &world.trees[0]);
            for (uint32_t i = 0; i < COUNT; i++)
                world.members[i].placed = false;
        }
        world_check(&world, 0);
        assert_int_equal(world.trees[0].root_class, 0);
        assert_true(world.pool.free_bytes == (uint64_t)world.pool.nodes.count * 64);
        assert_int_equal(world.pool.separator_count, 0);
    }
    assert_in_range(world.pool.nodes.count, nodes, nodes + nodes / 10);
    world_done(&world);
    free(picked);
}

/* Small steps: most moves stay in their leaf or the next. */
static void test_drift(void **state)
{
    struct world world;
    uint32_t picked[64];

    (void)state;
    random_state = 7;
    world_init(&world, BOARD_TIES_FIRST, 0, 4000, 1);
    for (uint32_t i = 0; i < 4000; i += 50) {
        for (uint32_t j = 0; j < 50; j++)
            picked[j] = i + j;
        world_move(&world, 0, picked, 50, &(struct draw){100000, 10, 0});
    }
    for (uint32_t batch = 0; batch < 400; batch++) {
        struct ranktree_move moves[64];
        uint32_t from = random_below(4000 - 64);

        for (uint32_t i = 0; i < 64; i++) {
            struct member *member = &world.members[from + i];
            struct member before = *member;

            member->score += random_below(40);
            member->reached_ms = batch;
            moves[i] = move_of(&world, &before, member, i);
        }
        ranktree_move_many(&world.pool, &world.trees[0], moves, 64);
        ranktree_check(&world.pool, &world.trees[0]);
        if (batch % 50 == 0)
            world_check(&world, 0);
    }
    world_check(&world, 0);
    world_done(&world);
}

/* What is left of a tree that most entries left, here and there, is as small as it should be. */
static void test_thinned(void **state)
{
    enum { COUNT = 60000, BATCH = 10 };
    struct world world;
    struct ranktree_shape shape;
    const struct draw come = {1u << 20, 100, 0};
    const struct draw go = {1, 1, 98};
    uint32_t *picked = calloc(COUNT, sizeof(picked[0]));

    (void)state;
    random_state = 27;
    world_init(&world, BOARD_TIES_FIRST, 0, COUNT, 1);
    for (uint32_t i = 0; i < COUNT; i++)
        picked[i] = i;
    shuffle(picked, COUNT);
    world_move(&world, 0, picked, COUNT, &come);
    model_sort(&world, 0);
    /* In order, so that node after node runs empty. */
    for (uint32_t i = 0; i < COUNT; i += BATCH)
        world_move(&world, 0, world.order + i, BATCH, &go);
    world_check(&world, 0);
    shape = ranktree_check(&world.pool, &world.trees[0]);
    assert_in_range(world.trees[0].count, 1000, 1500);
    assert_in_range(shape.leaf_slots, 0, 2 * world.trees[0].count);
    assert_in_range(shape.inner_nodes, 1, 4);
    world_done(&world);
    free(picked);
}

/* A region that only loses entries gives its memory back; everything can end in one place. */
static void test_drain(void **state)
{
    struct world world;
    struct ranktree_shape shape;
    uint32_t *picked = calloc(30000, sizeof(picked[0]));

    (void)state;
    random_state = 9;
    world_init(&world, BOARD_TIES_LAST, 0, 30000, 1);
    for (uint32_t i = 0; i < 30000; i++)
        picked[i] = i;
    shuffle(picked, 30000);
    world_move(&world, 0, picked, 30000, &(struct draw){1u << 20, 100, 0});
    world_check(&world, 0);
    for (uint32_t round = 0; round < 3; round++) {
        shuffle(picked, 30000);
        for (uint32_t i = 0; i < 30000; i += 100)
            world_move(&world, 0, picked + i, 100,
                       &(struct draw){round == 1 ? 1 : 1u << (12 + round), 100, 0});
        world_check(&world, 0);
        shape = ranktree_check(&world.pool, &world.trees[0]);
        assert_true(30000 * 100 / shape.leaf_slots >= 65);
    }
    world_done(&world);
    free(picked);
}

/* Equal scores leave one by one for another region: nodes of all levels join along a tie. */
static void test_drain_tie(void **state)
{
    enum { COUNT = 60000, BATCH = 150 };
    struct world world;
    struct ranktree_move moves[BATCH];

    (void)state;
    random_state = 13;
    world_init(&world, BOARD_TIES_FIRST, 0, COUNT, 1);
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t base = 0; base < COUNT; base += BATCH) {
            for (uint32_t i = 0; i < BATCH; i++) {
                struct member *member = &world.members[base + i];
                struct member before = *member;

                member->score = round == 0 ? 5 : 3 + random_below(5);
                member->reached_ms =
                    round == 0 ? (int64_t)(random_next() % 40) : (int64_t)(random_next() % 10) + 20;
                member->placed = true;
                moves[i] = move_of(&world, &before, member, i);
            }
            ranktree_move_many(&world.pool, &world.trees[0], moves, BATCH);
            if (base % (20 * BATCH) == 0)
                ranktree_check(&world.pool, &world.trees[0]);
        }
        world_check(&world, 0);
    }
    world_done(&world);
}

/* Random moves keep leaves full. */
static void test_fill(void **state)
{
    struct world world;
    struct ranktree_shape shape;
    uint32_t *picked = calloc(40000, sizeof(picked[0]));

    (void)state;
    random_state = 11;
    world_init(&world, BOARD_TIES_FIRST, 0, 40000, 1);
    for (uint32_t i = 0; i < 40000; i++)
        picked[i] = i;
    for (uint32_t i = 0; i < 40000; i += 64)
        world_move(&world, 0, picked + i, 64, &(struct draw){1u << 30, 100, 0});
    for (uint32_t i = 0; i < 6; i++) {
        shuffle(picked, 40000);
        for (uint32_t j = 0; j < 40000; j += 64)
            world_move(&world, 0, picked + j, 64, &(struct draw){1u << 30, 100, 0});
        shape = ranktree_check(&world.pool, &world.trees[0]);
        assert_true(40000 * 100 / shape.leaf_slots >= 70);
    }
    world_check(&world, 0);
    world_done(&world);
    free(picked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),    cmocka_unit_test(test_large),
        cmocka_unit_test(test_empty),     cmocka_unit_test(test_thinned),
        cmocka_unit_test(test_drift),     cmocka_unit_test(test_drain),
        cmocka_unit_test(test_drain_tie), cmocka_unit_test(test_fill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
