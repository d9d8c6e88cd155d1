// SPDX-License-Identifier: Apache-2.0
/*
 * test_ranktree.c - ranktrees against a sorted array: random batches with few and many ties, all
 * tie rules, one tree and many, tiny and large; the tree's own check after each batch.
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
    int64_t reached_ms;
};

struct world {
    struct board_entries entries;
    struct ranktree_pool pool;
    struct ranktree *trees;
    uint32_t tree_count;
    struct member *members;
    uint32_t member_count;
    uint32_t *order; /* the model: members of one tree, best first */
};

static struct world *sort_world;

static struct rank_key key_of(const struct world *world, const struct member *member)
{
    return (struct rank_key){member->score, ranktree_tie(world->pool.ties, member->reached_ms),
                             entry_member(&world->entries, member->id)};
}

static int compare_members(const void *a, const void *b)
{
    struct rank_key left = key_of(sort_world, &sort_world->members[*(const uint32_t *)a]);
    struct rank_key right = key_of(sort_world, &sort_world->members[*(const uint32_t *)b]);

    return rank_key_compare(&left, &right);
}

static void world_init(struct world *world, enum board_ties ties, uint32_t member_count,
                       uint32_t tree_count)
{
    *world = (struct world){.tree_count = tree_count, .member_count = member_count};
    board_entries_init(&world->entries, 0, false, UINT32_MAX);
    ranktree_pool_init(&world->pool, &world->entries, ties);
    world->trees = calloc(tree_count, sizeof(world->trees[0]));
    world->members = calloc(member_count, sizeof(world->members[0]));
    world->order = calloc(member_count, sizeof(world->order[0]));
    for (uint32_t i = 0; i < member_count; i++) {
        char name[32];
        struct entry_key key;
        bool is_new;

        snprintf(name, sizeof(name), "m%u", (unsigned)(i * 2654435761u));
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
}

/* Moves the members at `picked` of one tree. */
static void world_move(struct world *world, uint32_t tree, const uint32_t *picked, uint32_t count,
                       uint64_t score_range, uint32_t time_range)
{
    struct ranktree_move *moves = calloc(count + 1, sizeof(moves[0]));

    for (uint32_t i = 0; i < count; i++) {
        struct member *member = &world->members[picked[i]];
        struct rank_key old = key_of(world, member);
        struct rank_key new;

        member->score = random_next() % score_range;
        if (random_below(50) == 0)
            member->score = random_below(2) ? 0 : UINT64_MAX;
        member->reached_ms = random_below(time_range);
        entry_set(&world->entries, member->id, member->score, member->reached_ms);
        new = key_of(world, member);
        moves[i] = (struct ranktree_move){old.score, old.tie,    new.score,
                                          new.tie,   member->id, !member->placed};
        member->placed = true;
    }
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

/* Everything that can be asked of a tree equals the model. */
static void world_check(struct world *world, uint32_t tree_index)
{
    struct ranktree *tree = &world->trees[tree_index];
    uint32_t count = model_sort(world, tree_index);
    uint32_t *ids = calloc(count + 1, sizeof(ids[0]));
    uint32_t *ranks = calloc(count + 1, sizeof(ranks[0]));
    struct ranktree_query *queries = calloc(count + 1, sizeof(queries[0]));

    ranktree_check(&world->pool, tree);
    assert_int_equal(tree->count, count);
    assert_int_equal(ranktree_run(&world->pool, tree, 0, count + 1, ids), count);
    for (uint32_t i = 0; i < count; i++) {
        const struct member *member = &world->members[world->order[i]];
        struct rank_key key = key_of(world, member);

        assert_int_equal(ids[i], member->id);
        queries[i] = (struct ranktree_query){tree, key.score, key.tie, member->id};
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

static void run_random(enum board_ties ties, uint32_t member_count, uint32_t tree_count,
                       uint64_t score_range, uint32_t time_range, uint32_t batches)
{
    struct world world;
    uint32_t per_tree = member_count / tree_count;
    uint32_t *picked = calloc(member_count, sizeof(picked[0]));

    world_init(&world, ties, member_count, tree_count);
    for (uint32_t batch = 0; batch < batches; batch++) {
        uint32_t tree = random_below(tree_count);
        uint32_t size = random_below(3) == 0 ? 1 + random_below(per_tree) : 1 + random_below(8);

        if (size > per_tree)
            size = per_tree;
        for (uint32_t i = 0; i < per_tree; i++)
            picked[i] = tree + i * tree_count;
        shuffle(picked, per_tree);
        world_move(&world, tree, picked, size, score_range, time_range);
        if (batch % 16 == 0 || member_count < 500)
            world_check(&world, tree);
        else
            ranktree_check(&world.pool, &world.trees[tree]);
    }
    for (uint32_t i = 0; i < tree_count && i < 50; i++)
        world_check(&world, i);
    world_done(&world);
    free(picked);
}

static void test_random(void **state)
{
    static const enum board_ties ties[] = {BOARD_TIES_FIRST, BOARD_TIES_LAST, BOARD_TIES_MEMBER};

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        random_state = 100 + i;
        run_random(ties[i], 1, 1, 10, 10, 20);
        run_random(ties[i], 7, 1, 3, 2, 100);
        run_random(ties[i], 90, 1, 1000, 10, 100);
        run_random(ties[i], 400, 1, 1, 3, 60);
        run_random(ties[i], 3000, 1, 5, 20, 120);
        run_random(ties[i], 3000, 1, UINT64_MAX, 1000, 120);
        run_random(ties[i], 3000, 300, 50, 50, 1000);
        run_random(ties[i], 20000, 1, 1u << 30, 1000, 150);
    }
}

/* Small steps: most moves stay in their leaf or the next. */
static void test_drift(void **state)
{
    struct world world;
    uint32_t picked[64];

    (void)state;
    random_state = 7;
    world_init(&world, BOARD_TIES_FIRST, 4000, 1);
    for (uint32_t i = 0; i < 4000; i += 50) {
        for (uint32_t j = 0; j < 50; j++)
            picked[j] = i + j;
        world_move(&world, 0, picked, 50, 100000, 10);
    }
    for (uint32_t batch = 0; batch < 400; batch++) {
        struct ranktree_move moves[64];
        uint32_t from = random_below(4000 - 64);

        for (uint32_t i = 0; i < 64; i++) {
            struct member *member = &world.members[from + i];
            uint64_t old_tie = ranktree_tie(world.pool.ties, member->reached_ms);
            uint64_t old_score = member->score;

            member->score += random_below(40);
            member->reached_ms = batch;
            entry_set(&world.entries, member->id, member->score, member->reached_ms);
            moves[i] = (struct ranktree_move){
                old_score,     old_tie,
                member->score, ranktree_tie(world.pool.ties, member->reached_ms),
                member->id,    false};
        }
        ranktree_move_many(&world.pool, &world.trees[0], moves, 64);
        ranktree_check(&world.pool, &world.trees[0]);
        if (batch % 50 == 0)
            world_check(&world, 0);
    }
    world_check(&world, 0);
    world_done(&world);
}

/* A region that only loses entries gives its memory back; everything can end in one place. */
static void test_drain(void **state)
{
    struct world world;
    struct ranktree_shape shape;
    uint32_t *picked = calloc(30000, sizeof(picked[0]));

    (void)state;
    random_state = 9;
    world_init(&world, BOARD_TIES_LAST, 30000, 1);
    for (uint32_t i = 0; i < 30000; i++)
        picked[i] = i;
    shuffle(picked, 30000);
    world_move(&world, 0, picked, 30000, 1u << 20, 100);
    world_check(&world, 0);
    for (uint32_t round = 0; round < 3; round++) {
        shuffle(picked, 30000);
        for (uint32_t i = 0; i < 30000; i += 100)
            world_move(&world, 0, picked + i, 100, round == 1 ? 1 : 1u << (12 + round), 100);
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
    world_init(&world, BOARD_TIES_FIRST, COUNT, 1);
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t base = 0; base < COUNT; base += BATCH) {
            for (uint32_t i = 0; i < BATCH; i++) {
                struct member *member = &world.members[base + i];
                struct rank_key old = key_of(&world, member);

                member->score = round == 0 ? 5 : 3 + random_below(5);
                member->reached_ms =
                    round == 0 ? (int64_t)(random_next() % 40) : (int64_t)(random_next() % 10) + 20;
                entry_set(&world.entries, member->id, member->score, member->reached_ms);
                moves[i] = (struct ranktree_move){old.score,     old.tie,
                                                  member->score, key_of(&world, member).tie,
                                                  member->id,    round == 0};
                member->placed = true;
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
    world_init(&world, BOARD_TIES_FIRST, 40000, 1);
    for (uint32_t i = 0; i < 40000; i++)
        picked[i] = i;
    for (uint32_t i = 0; i < 40000; i += 64)
        world_move(&world, 0, picked + i, 64, 1u << 30, 100);
    for (uint32_t i = 0; i < 6; i++) {
        shuffle(picked, 40000);
        for (uint32_t j = 0; j < 40000; j += 64)
            world_move(&world, 0, picked + j, 64, 1u << 30, 100);
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
        cmocka_unit_test(test_random), cmocka_unit_test(test_drift),
        cmocka_unit_test(test_drain),  cmocka_unit_test(test_drain_tie),
        cmocka_unit_test(test_fill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
