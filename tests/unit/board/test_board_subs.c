// SPDX-License-Identifier: Apache-2.0
/*
 * test_board_subs.c - boards whose equal scores are decided by subscores: random rows, with few
 * distinct values so that there are ties of every depth, against a sort of a plain recount.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/batch.h"
#include "board/board.h"
#include "score/score.h"

#define MEMBERS 300u

enum { FIELD_MEMBER, FIELD_POINTS, FIELD_FOULS, FIELD_BEST, FIELD_AT, FIELDS };

/* score: sum(points) desc; subscores: sum(fouls) asc, max(best) desc; then who was first. */
struct model_member {
    bool here;
    int64_t points;
    int64_t points_ms;
    bool has_fouls;
    int64_t fouls;
    int64_t fouls_ms;
    bool has_best;
    double best;
    int64_t best_ms;
};

static struct model_member model[MEMBERS];
static enum board_ties model_ties;
static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t end)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 11) % end;
}

static int64_t model_reached(const struct model_member *member)
{
    int64_t reached_ms = member->points_ms;

    if (member->has_fouls && member->fouls_ms > reached_ms)
        reached_ms = member->fouls_ms;
    if (member->has_best && member->best_ms > reached_ms)
        reached_ms = member->best_ms;
    return reached_ms;
}

static int by_rank(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    const struct model_member *x = &model[left];
    const struct model_member *y = &model[right];
    char names[2][16];

    if (x->points != y->points)
        return x->points > y->points ? -1 : 1;
    if (x->has_fouls != y->has_fouls)
        return x->has_fouls ? -1 : 1;
    if (x->has_fouls && x->fouls != y->fouls)
        return x->fouls < y->fouls ? -1 : 1;
    if (x->has_best != y->has_best)
        return x->has_best ? -1 : 1;
    if (x->has_best && x->best != y->best)
        return x->best > y->best ? -1 : 1;
    if (model_ties != BOARD_TIES_MEMBER && model_reached(x) != model_reached(y))
        return (model_reached(x) < model_reached(y)) == (model_ties == BOARD_TIES_FIRST) ? -1 : 1;
    snprintf(names[0], sizeof(names[0]), "m%u", left);
    snprintf(names[1], sizeof(names[1]), "m%u", right);
    return span_compare(span_of(names[0]), span_of(names[1]));
}

static void model_row(uint32_t member, const struct cell *cells)
{
    struct model_member *it = &model[member];
    int64_t at = cells[FIELD_AT].i;

    if (!cells[FIELD_POINTS].present)
        return;
    if (!it->here || (cells[FIELD_POINTS].i != 0 && at > it->points_ms))
        it->points_ms = at;
    it->points += cells[FIELD_POINTS].i;
    it->here = true;
    if (cells[FIELD_FOULS].present) {
        if (!it->has_fouls || (cells[FIELD_FOULS].i != 0 && at > it->fouls_ms))
            it->fouls_ms = at;
        it->fouls += cells[FIELD_FOULS].i;
        it->has_fouls = true;
    }
    if (!cells[FIELD_BEST].present)
        return;
    if (!it->has_best || cells[FIELD_BEST].f > it->best ||
        (cells[FIELD_BEST].f == it->best && at < it->best_ms))
        it->best_ms = at;
    if (!it->has_best || cells[FIELD_BEST].f > it->best)
        it->best = cells[FIELD_BEST].f;
    it->has_best = true;
}

static void check(const struct board *board)
{
    static struct board_entry run[MEMBERS + 1];
    uint32_t sorted[MEMBERS];
    uint32_t count = 0;

    for (uint32_t i = 0; i < MEMBERS; i++)
        if (model[i].here)
            sorted[count++] = i;
    qsort(sorted, count, sizeof(sorted[0]), by_rank);
    assert_int_equal(board_run(board, 0, 0, MEMBERS + 1, run), count);
    for (uint32_t i = 0; i < count; i++) {
        const struct model_member *want = &model[sorted[i]];
        struct value subs[SUBSCORES_MAX];
        bool present[SUBSCORES_MAX];
        char name[16];

        snprintf(name, sizeof(name), "m%u", sorted[i]);
        assert_true(span_equal(run[i].key.member, span_of(name)));
        assert_int_equal(run[i].score.i, want->points);
        assert_int_equal(run[i].reached_ms, model_reached(want));
        assert_int_equal(board_subscores(board, run[i].entry, subs, present), 2);
        assert_int_equal(present[0], want->has_fouls);
        assert_int_equal(present[1], want->has_best);
        if (want->has_fouls)
            assert_int_equal(subs[0].i, want->fouls);
        if (want->has_best)
            assert_true(subs[1].f == want->best);
        assert_int_equal(board_rank(board, run[i].entry), i);
        assert_int_equal(board_count_better(board, 0, &run[i].key), i);
    }
}

static struct stream_def stream_of_test(void)
{
    static const struct field fields[FIELDS] = {
        {"member", FIELD_STRING}, {"points", FIELD_INT}, {"fouls", FIELD_INT},
        {"best", FIELD_FLOAT},    {"at", FIELD_TIME},
    };
    struct stream_def def = {
        .name = "s", .field_count = FIELDS, .key_field = 0, .time_field = FIELD_AT, .id_field = -1};

    memcpy(def.fields, fields, sizeof(fields));
    return def;
}

static struct board *new_board(const struct stream_def *stream, enum board_ties ties)
{
    struct board_def def = {
        .name = "b",
        .score = {"sum", 1, {"points"}},
        .ties = ties,
        .subscore_count = 2,
        .subscores = {{{"sum", 1, {"fouls"}}, BOARD_ASC}, {{"max", 1, {"best"}}, BOARD_DESC}},
    };
    struct score_call calls[3];
    struct board_bind bind = {
        .score_column = -1, .mode_column = -1, .score = &calls[0], .subscores = &calls[1]};
    struct board *board;

    assert_int_equal(score_resolve(&calls[0], &def.score, stream, NULL), 0);
    assert_int_equal(score_resolve(&calls[1], &def.subscores[0].score, stream, NULL), 0);
    assert_int_equal(score_resolve(&calls[2], &def.subscores[1].score, stream, NULL), 0);
    assert_int_equal(board_new(&board, &def, &bind, (struct board_limits){1000, 10}, NULL), 0);
    return board;
}

static void add_row(struct batch *batch)
{
    struct cell cells[FIELDS] = {{0}};
    uint32_t member = random_below(MEMBERS);
    char name[16];

    snprintf(name, sizeof(name), "m%u", member);
    cells[FIELD_MEMBER] = (struct cell){.present = true, .text = span_of(name)};
    cells[FIELD_POINTS] = (struct cell){.present = random_below(10) > 0, .i = random_below(2)};
    cells[FIELD_FOULS] = (struct cell){.present = random_below(4) > 0, .i = random_below(2)};
    cells[FIELD_BEST] = (struct cell){.present = random_below(3) > 0, .f = random_below(4) / 2.0};
    cells[FIELD_AT] = (struct cell){.present = true, .i = 1000000 + random_below(50)};
    model_row(member, cells);
    batch_append(batch, cells);
}

static void run_ties(enum board_ties ties)
{
    struct stream_def stream = stream_of_test();
    struct board *board = new_board(&stream, ties);
    struct batch *batch = batch_new(&stream, 0);
    uint32_t rows[2000];

    memset(model, 0, sizeof(model));
    model_ties = ties;
    for (uint32_t i = 0; i < 2000; i++)
        rows[i] = i;
    for (uint32_t round = 0; round < 60; round++) {
        uint32_t size = random_below(4) == 0 ? 1 + random_below(2000) : 1 + random_below(30);

        batch_reset(batch);
        for (uint32_t i = 0; i < size; i++)
            add_row(batch);
        board_fold(board, batch, rows, size, NULL);
        if (random_below(3) > 0)
            continue;
        board_settle(board);
        board_check(board);
        check(board);
        if (random_below(2) == 0) { /* somebody goes, and may come again */
            uint32_t member = random_below(MEMBERS);
            struct board_op_result result;
            char name[16];
            struct board_op op = {0, BOARD_OP_REMOVE, 0, {NULL, 0}, 0};

            snprintf(name, sizeof(name), "m%u", member);
            op.member = span_of(name);
            board_apply(board, &op, 1, 0, &result);
            assert_int_equal(result.existed, model[member].here);
            model[member] = (struct model_member){0};
        }
    }
    board_settle(board);
    check(board);
    batch_free(batch);
    board_free(board);
}

static void test_first(void **state)
{
    (void)state;
    run_ties(BOARD_TIES_FIRST);
}

static void test_last(void **state)
{
    (void)state;
    run_ties(BOARD_TIES_LAST);
}

static void test_member(void **state)
{
    (void)state;
    run_ties(BOARD_TIES_MEMBER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_last),
        cmocka_unit_test(test_member),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
