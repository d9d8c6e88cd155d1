// SPDX-License-Identifier: Apache-2.0
/*
 * test_board_conditions.c - rows of a board that takes scores directly, with modes and conditions,
 * against one array: what each row answers, who is on the board, and that neither depends on where
 * batches begin and end, nor on whether somebody wants replies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/batch.h"
#include "support/board_setup.h"

#define MEMBERS 40u
#define ROWS 3000u

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t end)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 11) % end;
}

struct model_row {
    uint32_t member;
    int64_t score;
    uint32_t mode;
};

struct model {
    bool here[MEMBERS];
    int64_t scores[MEMBERS];
    uint32_t count;
};

static struct model_row random_row(void)
{
    static const uint32_t conditions[] = {
        0,
        0,
        SCORE_IF_ABSENT,
        SCORE_IF_PRESENT,
        SCORE_IF_GREATER,
        SCORE_IF_LESS,
        SCORE_IF_PRESENT | SCORE_IF_GREATER,
        SCORE_IF_PRESENT | SCORE_IF_LESS,
    };

    return (struct model_row){.member = random_below(MEMBERS),
                              .score = (int64_t)random_below(9) - 4,
                              .mode = random_below(4) | conditions[random_below(8)]};
}

static int64_t folded(uint32_t mode, int64_t old, int64_t score)
{
    switch (mode & SCORE_MODE_MASK) {
    case SCORE_ADD:
        return old + score;
    case SCORE_MAX:
        return score > old ? score : old;
    case SCORE_MIN:
        return score < old ? score : old;
    default:
        return score;
    }
}

/* Whether the row counts. */
static bool model_fold(struct model *model, const struct model_row *row)
{
    int64_t old = model->scores[row->member];
    int64_t now = model->here[row->member] ? folded(row->mode, old, row->score) : row->score;

    if (model->here[row->member]) {
        if ((row->mode & SCORE_IF_ABSENT) || ((row->mode & SCORE_IF_GREATER) && now <= old) ||
            ((row->mode & SCORE_IF_LESS) && now >= old))
            return false;
    } else if (row->mode & SCORE_IF_PRESENT) {
        return false;
    }
    model->count += !model->here[row->member];
    model->here[row->member] = true;
    model->scores[row->member] = now;
    return true;
}

static const struct board_setup setup = {
    .score = "", .is_int = true, .modes = true, .ties = BOARD_TIES_MEMBER};

static struct batch *make_batch(const struct stream_def *def, const struct model_row *rows,
                                uint32_t count)
{
    struct batch *batch = batch_new(def, 1);

    for (uint32_t i = 0; i < count; i++) {
        char name[16];
        struct cell cells[SETUP_COLUMNS] = {{0}};

        snprintf(name, sizeof(name), "m%u", rows[i].member);
        cells[SETUP_MEMBER] = (struct cell){.present = true, .text = span_of(name)};
        cells[SETUP_VALUE] = (struct cell){.present = true, .i = rows[i].score};
        cells[SETUP_MODE] = (struct cell){.present = true, .i = rows[i].mode};
        cells[SETUP_AT] = (struct cell){.present = true, .i = 1600000000000};
        batch_append(batch, cells);
    }
    return batch;
}

static void check_replies(struct model *model, const struct model_row *rows, uint32_t count,
                          const struct board_reply *replies)
{
    for (uint32_t i = 0; i < count; i++) {
        bool existed = model->here[rows[i].member];
        int64_t old = model->scores[rows[i].member];
        bool counts = model_fold(model, &rows[i]);

        assert_int_equal(replies[i].taken, counts);
        assert_int_equal(replies[i].withheld, !counts);
        assert_false(replies[i].refused);
        assert_int_equal(replies[i].existed, existed);
        if (existed)
            assert_int_equal(replies[i].old_score.i, old);
        if (counts || existed)
            assert_int_equal(replies[i].score.i, model->scores[rows[i].member]);
    }
}

static void check_members(const struct model *model, struct board *board)
{
    board_settle(board);
    board_check(board);
    assert_int_equal(board_segment_size(board, 0), model->count);
    for (uint32_t i = 0; i < MEMBERS; i++) {
        struct board_entry entry;
        char name[16];

        snprintf(name, sizeof(name), "m%u", i);
        assert_int_equal(board_find(board, 0, span_of(name), &entry), model->here[i]);
        if (model->here[i])
            assert_int_equal(entry.score.i, model->scores[i]);
    }
}

/* Folds the rows in batches of up to `most`; with replies, these are checked. */
static uint64_t fold_all(const struct model_row *rows, uint32_t most, bool replying)
{
    struct stream_def def = board_setup_stream(&setup);
    struct board *board = board_setup_board(&setup, board_setup_no_limits);
    struct board_reply *replies = calloc(ROWS, sizeof(replies[0]));
    uint32_t *indexes = calloc(ROWS, sizeof(indexes[0]));
    struct model model = {0};
    uint64_t hash;

    for (uint32_t i = 0; i < ROWS; i++)
        indexes[i] = i;
    for (uint32_t begin = 0, count; begin < ROWS; begin += count) {
        struct batch *batch;

        count = 1 + random_below(most);
        count = count < ROWS - begin ? count : ROWS - begin;
        batch = make_batch(&def, rows + begin, count);
        board_fold(board, batch, indexes, count, replying ? replies : NULL);
        if (replying)
            check_replies(&model, rows + begin, count, replies);
        for (uint32_t i = 0; i < count && !replying; i++)
            model_fold(&model, &rows[begin + i]);
        check_members(&model, board);
        batch_free(batch);
    }
    hash = board_hash(board);
    free(replies);
    free(indexes);
    board_free(board);
    return hash;
}

static void test_conditions(void **state)
{
    struct model_row *rows = calloc(ROWS, sizeof(rows[0]));

    (void)state;
    for (uint32_t round = 0; round < 20; round++) {
        uint64_t hash;

        for (uint32_t i = 0; i < ROWS; i++)
            rows[i] = random_row();
        hash = fold_all(rows, 1, true);
        assert_int_equal(fold_all(rows, 30, true), hash);
        assert_int_equal(fold_all(rows, 30, false), hash);
        assert_int_equal(fold_all(rows, ROWS, false), hash);
        assert_int_equal(fold_all(rows, ROWS, true), hash);
    }
    free(rows);
}

/* Rows for members who are not there leave nothing behind, also when nobody is. */
static void test_nobody(void **state)
{
    struct stream_def def = board_setup_stream(&setup);
    struct board *board = board_setup_board(&setup, (struct board_limits){2, 2});
    struct model_row rows[MEMBERS];
    struct board_reply replies[MEMBERS];
    uint32_t indexes[MEMBERS];
    struct batch *batch;

    (void)state;
    for (uint32_t i = 0; i < MEMBERS; i++) {
        rows[i] = (struct model_row){i % 2, 1, SCORE_ADD | SCORE_IF_PRESENT};
        indexes[i] = i;
    }
    batch = make_batch(&def, rows, MEMBERS);
    for (uint32_t round = 0; round < 3; round++) {
        board_fold(board, batch, indexes, MEMBERS, round == 1 ? NULL : replies);
        board_settle(board);
        board_check(board);
        assert_int_equal(board_counts(board).entries, 0);
        assert_true(replies[0].withheld && !replies[0].taken && !replies[0].existed);
    }
    batch_free(batch);
    board_free(board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
