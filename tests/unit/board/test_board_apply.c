// SPDX-License-Identifier: Apache-2.0
/*
 * test_board_apply.c - random ops on owned segments against plain arrays: what each op answers,
 * and the order of every segment whenever the board is settled, with members that come and go,
 * segments that end and begin again, and mass ties.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/board.h"

#define SEGMENTS 6u
#define MEMBERS 400u

struct model {
    uint32_t segment; /* the board's id */
    bool here[MEMBERS];
    double scores[MEMBERS];
};

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t end)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 11) % end;
}

static char names[MEMBERS][16];

static struct span name_of(uint32_t member)
{
    return (struct span){names[member], strlen(names[member])};
}

static struct board *new_board(uint32_t entries_max)
{
    struct board_def def = {.order = BOARD_ASC, .ties = BOARD_TIES_MEMBER};
    struct board_bind bind = {.score_column = -1, .mode_column = -1, .owned = true};
    struct board *board;

    assert_int_equal(board_new(&board, &def, &bind, (struct board_limits){entries_max, 1000}, NULL),
                     0);
    return board;
}

/* What the op must answer; changes the model. */
static struct board_op_result model_apply(struct model *model, const struct board_op *op,
                                          uint32_t member)
{
    bool here = model->here[member];
    double old = model->scores[member];
    double score = op->kind == BOARD_OP_ADD && here ? old + op->score : op->score;
    struct board_op_result want = {.existed = here, .exists = here};

    if (here)
        want.old_score = want.score = old;
    if (op->kind == BOARD_OP_REMOVE) {
        model->here[member] = false;
        want.exists = false;
        want.changed = here;
        return want;
    }
    if ((here && (op->conditions & BOARD_IF_ABSENT)) ||
        (!here && (op->conditions & BOARD_IF_PRESENT)))
        return want;
    if (here && (op->conditions & BOARD_IF_GREATER) && score <= old)
        return want;
    if (here && (op->conditions & BOARD_IF_LESS) && score >= old)
        return want;
    if (!here || score != old)
        model->scores[member] = score;
    want.changed = !here || score != old;
    want.score = model->scores[member];
    want.exists = model->here[member] = true;
    return want;
}

static const struct model *sorting;

static int by_rank(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    if (sorting->scores[left] != sorting->scores[right])
        return sorting->scores[left] < sorting->scores[right] ? -1 : 1;
    return span_compare(name_of(left), name_of(right));
}

static void check_segment(const struct board *board, const struct model *model)
{
    static struct board_entry run[MEMBERS + 1];
    uint32_t sorted[MEMBERS];
    uint32_t count = 0;

    for (uint32_t i = 0; i < MEMBERS; i++)
        if (model->here[i])
            sorted[count++] = i;
    sorting = model;
    qsort(sorted, count, sizeof(sorted[0]), by_rank);
    assert_int_equal(board_segment_count(board, model->segment), count);
    assert_int_equal(board_run(board, model->segment, 0, MEMBERS + 1, run), count);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(span_equal(run[i].key.member, name_of(sorted[i])));
        assert_true(run[i].score.f == model->scores[sorted[i]]);
        if (i % 5 == 0)
            assert_int_equal(board_rank(board, run[i].entry), i);
    }
}

static void check_scan(const struct board *board, const struct model *model)
{
    static struct board_entry found[2048];
    bool seen[MEMBERS] = {false};
    uint64_t cursor = 0;
    uint32_t count = 0;

    do {
        uint32_t got = board_scan(board, model->segment, cursor, 50, found, 2048, &cursor);

        for (uint32_t i = 0; i < got; i++) {
            uint32_t member = 0;

            while (!span_equal(name_of(member), found[i].key.member))
                member++;
            assert_true(model->here[member] && !seen[member]);
            seen[member] = true;
            count++;
        }
    } while (cursor != 0);
    for (uint32_t i = 0; i < MEMBERS; i++)
        count -= model->here[i];
    assert_int_equal(count, 0);
}

static struct board_op random_op(struct model *models, uint32_t *out_model, uint32_t *out_member,
                                 uint32_t scores)
{
    static const uint8_t conditions[] = {
        0, 0, 0, BOARD_IF_ABSENT, BOARD_IF_PRESENT, BOARD_IF_GREATER, BOARD_IF_LESS};
    uint32_t kind = random_below(10);

    *out_model = random_below(SEGMENTS);
    *out_member = random_below(*out_model == 0 ? MEMBERS : 30);
    return (struct board_op){
        .segment = models[*out_model].segment,
        .kind = kind < 5   ? BOARD_OP_SET
                : kind < 7 ? BOARD_OP_ADD
                           : BOARD_OP_REMOVE,
        .conditions = conditions[random_below(7)],
        .member = name_of(*out_member),
        .score = (double)random_below(scores) / 2 - scores / 4.0,
    };
}

static void run_list(struct board *board, struct model *models, uint32_t scores)
{
    static struct board_op ops[700];
    static struct board_op_result results[700], want[700];
    uint32_t count = 1 + random_below(random_below(4) == 0 ? 700 : 5);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t model, member;

        ops[i] = random_op(models, &model, &member, scores);
        want[i] = model_apply(&models[model], &ops[i], member);
    }
    board_apply(board, ops, count, 1700000000000, results);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(results[i].existed, want[i].existed);
        assert_int_equal(results[i].exists, want[i].exists);
        assert_int_equal(results[i].changed, want[i].changed);
        assert_false(results[i].refused || results[i].is_nan);
        if (want[i].existed)
            assert_true(results[i].old_score == want[i].old_score);
        if (want[i].exists)
            assert_true(results[i].score == want[i].score);
    }
}

static void run_random(uint32_t scores)
{
    static struct model models[SEGMENTS];
    struct board *board = new_board(10000);

    memset(models, 0, sizeof(models));
    for (uint32_t i = 0; i < SEGMENTS; i++)
        models[i].segment = board_segment_take(board);
    for (uint32_t round = 0; round < 1500; round++) {
        run_list(board, models, scores);
        if (random_below(100) == 0) {
            struct model *ended = &models[random_below(SEGMENTS)];

            board_segment_give(board, ended->segment);
            memset(ended, 0, sizeof(*ended));
            ended->segment = board_segment_take(board);
        }
        if (random_below(10) > 0)
            continue;
        board_settle(board);
        board_check(board);
        for (uint32_t i = 0; i < SEGMENTS; i++)
            check_segment(board, &models[i]);
        check_scan(board, &models[random_below(SEGMENTS)]);
    }
    board_free(board);
}

static void test_random(void **state)
{
    (void)state;
    run_random(20);
    run_random(100000);
    run_random(1);
}

/* The hash is over what is there, not over how it came to be there. */
static void test_hash(void **state)
{
    struct board *one = new_board(1000);
    struct board *two = new_board(1000);
    struct board_op_result result;
    uint32_t segment = board_segment_take(one);

    (void)state;
    assert_int_equal(board_segment_take(two), segment);
    for (uint32_t i = 0; i < 100; i++) {
        struct board_op op = {segment, BOARD_OP_SET, 0, name_of(i), i};
        struct board_op other = {segment, BOARD_OP_SET, 0, name_of(99 - i), 99 - i};
        struct board_op gone = {segment, BOARD_OP_REMOVE, 0, name_of(i + 100), 0};

        board_apply(one, &op, 1, 5, &result);
        board_apply(two, &other, 1, 5, &result);
        op.member = gone.member;
        board_apply(two, &op, 1, 5, &result);
        if (i % 3 == 0)
            board_settle(two);
        board_apply(two, &gone, 1, 5, &result);
        assert_true(result.changed);
    }
    assert_true(board_hash(one) == board_hash(two));
    board_free(one);
    board_free(two);
}

static void test_ends(void **state)
{
    struct board *board = new_board(2);
    struct board_op_result result;
    uint32_t segment = board_segment_take(board);
    struct board_op op = {segment, BOARD_OP_SET, 0, {"", 0}, HUGE_VAL};

    (void)state;
    board_apply(board, &op, 1, 5, &result); /* an empty member, an endless score */
    assert_true(result.changed && isinf(result.score));
    op.kind = BOARD_OP_ADD;
    op.score = -HUGE_VAL;
    board_apply(board, &op, 1, 5, &result);
    assert_true(result.is_nan && !result.changed && isinf(result.score));
    op.member = name_of(1);
    board_apply(board, &op, 1, 5, &result);
    assert_true(result.exists);
    op.member = name_of(2);
    board_apply(board, &op, 1, 5, &result);
    assert_true(result.refused && !result.exists);
    board_segment_give(board, segment);
    assert_int_equal(board_counts(board).entries, 0);
    board_free(board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_ends),
    };

    for (uint32_t i = 0; i < MEMBERS; i++)
        snprintf(names[i], sizeof(names[i]), "%s%u", i % 3 == 0 ? "member-" : "m", i);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
