// SPDX-License-Identifier: Apache-2.0
/*
 * test_board_model.c - boards against a brute-force model: random rows, every strategy and tie
 * rule, both orders, ints and floats, with and without segments; every question is asked and
 * compared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "board/board.h"
#include "support/board_setup.h"
#include "model/batch.h"

#define MEMBERS_MAX 600
#define SEGMENTS_MAX 40
#define NAME_MAX_BYTES 40

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

struct row {
    uint32_t member; /* MEMBERS_MAX: none */
    uint32_t region; /* 0: none */
    int64_t level;
    bool has_value;
    double value;
    int64_t event_ms;
    int64_t mode;
};

struct entry {
    bool exists;
    char name[NAME_MAX_BYTES];
    double score; /* small enough that ints are exact */
    int64_t reached_ms;
    int64_t latest_ms;
};

struct model {
    struct board_setup setup;
    uint64_t skipped;
    struct entry entries[SEGMENTS_MAX][MEMBERS_MAX];
};

static void member_name(const struct board_setup *setup, uint32_t member, char *out)
{
    if (setup->int_member)
        snprintf(out, NAME_MAX_BYTES, "%d", (int)member * 7919 - 100000);
    else
        snprintf(out, NAME_MAX_BYTES, "member-%u", (unsigned)(member * 2654435761u));
}

static struct row random_row(const struct board_setup *setup)
{
    struct row row = {
        .member = random_below(setup->members),
        .region = random_below(7),
        .level = random_below(5),
        .has_value = random_below(40) != 0,
        .value = (double)random_below(setup->value_range) - setup->value_range / 4,
        .event_ms = 1700000000000 + random_below(setup->time_range),
        .mode = random_below(4),
    };

    if (random_below(60) == 0)
        row.member = MEMBERS_MAX;
    if (!setup->is_int)
        row.value /= 8;
    return row;
}

static void append_row(const struct board_setup *setup, struct batch *batch, const struct row *row)
{
    char name[NAME_MAX_BYTES];
    char region[16];
    struct cell cells[6] = {{0}};

    cells[0].present = row->member != MEMBERS_MAX;
    if (cells[0].present) {
        member_name(setup, row->member, name);
        if (setup->int_member)
            cells[0].i = strtol(name, NULL, 10);
        else
            cells[0].text = span_of(name);
    }
    cells[1].present = row->has_value;
    if (setup->is_int)
        cells[1].i = (int64_t)row->value;
    else
        cells[1].f = row->value;
    cells[2] = (struct cell){.present = true, .i = row->mode};
    snprintf(region, sizeof(region), "r%u", (unsigned)row->region);
    cells[3].present = row->region != 0;
    cells[3].text = span_of(region);
    cells[4] = (struct cell){.present = true, .i = row->level};
    cells[5] = (struct cell){.present = true, .i = row->event_ms};
    batch_append(batch, cells);
}

static uint32_t segment_of(const struct board_setup *setup, const struct row *row)
{
    if (setup->by_count == 0)
        return 0;
    return setup->by_count == 1 ? row->region : row->region * 5 + (uint32_t)row->level;
}

static void model_set(struct entry *entry, double value, int64_t event_ms)
{
    entry->score = value;
    entry->reached_ms = event_ms;
}

/* The rules of score.h, for one row. */
static void model_row(struct model *model, const struct row *row)
{
    static const char *const mode_names[] = {"set", "sum", "max", "min"};
    const struct board_setup *setup = &model->setup;
    const char *how = setup->modes ? mode_names[row->mode] : setup->score;
    bool counts = strcmp(how, "count") == 0;
    struct entry *entry;

    if (row->member == MEMBERS_MAX || (!row->has_value && !counts)) {
        model->skipped++;
        return;
    }
    entry = &model->entries[segment_of(setup, row)][row->member];
    if (!entry->exists) {
        entry->exists = true;
        member_name(setup, row->member, entry->name);
        model_set(entry, counts ? 1 : row->value, row->event_ms);
        entry->latest_ms = row->event_ms;
    } else if (counts) {
        entry->score += 1;
        entry->reached_ms = entry->reached_ms > row->event_ms ? entry->reached_ms : row->event_ms;
    } else if (strcmp(how, "sum") == 0) {
        entry->score += row->value;
        if (row->value != 0 && row->event_ms > entry->reached_ms)
            entry->reached_ms = row->event_ms;
    } else if (strcmp(how, "last") == 0) {
        if (row->event_ms < entry->latest_ms)
            return;
        entry->latest_ms = row->event_ms;
        if (row->value != entry->score)
            model_set(entry, row->value, row->event_ms);
    } else if (strcmp(how, "set") == 0) {
        if (row->value != entry->score)
            model_set(entry, row->value, row->event_ms);
    } else if (row->value == entry->score) {
        if (row->event_ms < entry->reached_ms)
            entry->reached_ms = row->event_ms;
    } else if ((row->value > entry->score) == (strcmp(how, "max") == 0)) {
        model_set(entry, row->value, row->event_ms);
    }
}

static const struct board_setup *sort_setup;

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = *(struct entry *const *)a;
    const struct entry *right = *(struct entry *const *)b;
    int order = (left->score > right->score) - (left->score < right->score);
    int ties = (left->reached_ms > right->reached_ms) - (left->reached_ms < right->reached_ms);

    if (order != 0)
        return sort_setup->order == BOARD_DESC ? -order : order;
    if (ties != 0 && sort_setup->ties != BOARD_TIES_MEMBER)
        return sort_setup->ties == BOARD_TIES_FIRST ? ties : -ties;
    return strcmp(left->name, right->name);
}

static uint32_t model_sort(struct model *model, uint32_t segment, struct entry **out_sorted)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < MEMBERS_MAX; i++)
        if (model->entries[segment][i].exists)
            out_sorted[count++] = &model->entries[segment][i];
    sort_setup = &model->setup;
    qsort(out_sorted, count, sizeof(out_sorted[0]), compare_entries);
    return count;
}

static uint32_t find_segment(const struct board *board, const struct board_setup *setup,
                             uint32_t segment)
{
    char region[16] = "";
    char level[16];
    uint32_t code = setup->by_count == 2 ? segment / 5 : segment;
    struct span labels[2];

    if (code != 0)
        snprintf(region, sizeof(region), "r%u", (unsigned)code);
    snprintf(level, sizeof(level), "%u", (unsigned)(segment % 5));
    labels[0] = span_of(region);
    labels[1] = span_of(level);
    return board_segment_find(board, labels);
}

static double score_of(struct value score)
{
    return score.type == VALUE_INT ? (double)score.i : score.f;
}

static void check_entry(const struct board_entry *entry, const struct entry *expected)
{
    assert_true(score_of(entry->score) == expected->score);
    assert_true(entry->reached_ms == expected->reached_ms);
    assert_true(span_equal(entry->key.member, span_of(expected->name)));
}

static void check_neighbours(const struct board *board, uint32_t segment, struct entry **sorted,
                             uint32_t count, uint32_t at, const struct rank_key *key)
{
    struct board_entry near[10];
    uint32_t wanted = random_below(10);
    uint32_t got = board_above(board, segment, key, wanted, near);

    assert_int_equal(got, at < wanted ? at : wanted);
    for (uint32_t i = 0; i < got; i++)
        check_entry(&near[i], sorted[at - got + i]);
    got = board_below(board, segment, key, wanted, near);
    assert_int_equal(got, count - at - 1 < wanted ? count - at - 1 : wanted);
    for (uint32_t i = 0; i < got; i++)
        check_entry(&near[i], sorted[at + 1 + i]);
}

static void check_segment(const struct board *board, struct model *model, uint32_t index)
{
    static struct entry *sorted[MEMBERS_MAX];
    static struct board_entry run[MEMBERS_MAX + 1];
    static uint64_t scores[MEMBERS_MAX + 1];
    uint32_t segment = find_segment(board, &model->setup, index);
    uint32_t count = model_sort(model, index, sorted);
    uint32_t distinct = 0;
    uint32_t first = 0;
    uint32_t got;
    uint64_t first_level = 0;
    uint64_t last_level = UINT64_MAX;

    assert_int_equal(board_segment_size(board, segment), count);
    assert_int_equal(board_run(board, segment, 0, MEMBERS_MAX + 1, run), count);
    got = board_distinct_levels(board, segment, &first_level, &last_level, scores, MEMBERS_MAX + 1);
    for (uint32_t i = 0; i < count; i++) {
        struct board_entry found;

        check_entry(&run[i], sorted[i]);
        assert_true(board_find(board, segment, span_of(sorted[i]->name), &found));
        check_entry(&found, sorted[i]);
        assert_int_equal(found.entry, run[i].entry);
        assert_int_equal(board_rank(board, found.entry), i);
        assert_int_equal(board_count_better(board, segment, &found.key), i);
        if (i == 0 || sorted[i]->score != sorted[i - 1]->score) {
            first = i;
            assert_true(scores[distinct++] == found.key.score);
        }
        assert_int_equal(board_count_better_score(board, segment, found.key.score), first);
        if (i % 7 == 0)
            check_neighbours(board, segment, sorted, count, i, &found.key);
    }
    assert_int_equal(got, distinct);
}

static void run_model(struct board_setup setup)
{
    static struct model model;
    struct stream_def def = board_setup_stream(&setup);
    struct board *board = board_setup_board(&setup, board_setup_no_limits);
    struct board *again = board_setup_board(&setup, board_setup_no_limits);
    struct batch *batch = batch_new(&def, 0);
    uint32_t *rows = calloc(20000, sizeof(rows[0]));
    uint32_t segments = setup.by_count == 2 ? 35 : setup.by_count == 1 ? 7 : 1;

    model = (struct model){.setup = setup};
    for (uint32_t round = 0; round < 14; round++) {
        uint32_t size = round % 4 == 3 ? 2000 : 1 + random_below(60);
        uint32_t taken = 0;

        batch_reset(batch);
        for (uint32_t i = 0; i < size; i++) {
            struct row row = random_row(&setup);

            append_row(&setup, batch, &row);
            if (random_below(20) == 0)
                continue; /* a row that was not selected */
            model_row(&model, &row);
            rows[taken++] = i;
        }
        board_fold(board, batch, rows, taken, NULL);
        /* The same rows in other portions, with replies or without. */
        for (uint32_t at = 0; at < taken;) {
            static struct board_reply replies[300];
            uint32_t part = 1 + random_below(300);

            part = part > taken - at ? taken - at : part;
            board_fold(again, batch, rows + at, part, random_below(2) ? replies : NULL);
            at += part;
        }
        /* One board has its trees brought up to date now and then, the other only at the end. */
        if (random_below(3) > 0)
            continue;
        board_settle(board);
        board_check(board);
        for (uint32_t i = 0; i < segments; i++)
            check_segment(board, &model, i);
        assert_int_equal(board_counts(board).skipped, model.skipped);
        assert_true(board_hash(board) == board_hash(again));
    }
    assert_false(board_is_settled(again));
    board_settle(board);
    board_settle(again);
    board_check(board);
    board_check(again);
    for (uint32_t i = 0; i < segments; i++) {
        check_segment(board, &model, i);
        check_segment(again, &model, i);
    }
    assert_true(board_hash(board) == board_hash(again));
    free(rows);
    batch_free(batch);
    board_free(board);
    board_free(again);
}

static void test_strategies(void **state)
{
    static const char *const scores[] = {"last", "sum", "max", "min", "count"};

    (void)state;
    random_state = 1;
    for (uint32_t i = 0; i < 5; i++) {
        for (uint32_t ties = 0; ties < 3; ties++) {
            struct board_setup setup = {.score = scores[i],
                                        .order = (i + ties) % 2 ? BOARD_ASC : BOARD_DESC,
                                        .ties = (enum board_ties)ties,
                                        .is_int = true,
                                        .members = MEMBERS_MAX,
                                        .value_range = 20,
                                        .time_range = 50};

            run_model(setup);
            setup.order = setup.order == BOARD_ASC ? BOARD_DESC : BOARD_ASC;
            setup.is_int = i == 4;
            setup.value_range = 5000;
            setup.members = 300;
            run_model(setup);
        }
    }
}

static void test_segments(void **state)
{
    (void)state;
    random_state = 2;
    for (uint32_t i = 0; i < 6; i++) {
        struct board_setup setup = {.score = i % 2 ? "sum" : "last",
                                    .order = BOARD_DESC,
                                    .ties = (enum board_ties)(i % 3),
                                    .is_int = true,
                                    .by_count = 1 + i % 2,
                                    .int_member = i >= 3,
                                    .members = i < 2 ? 20 : MEMBERS_MAX,
                                    .value_range = 30,
                                    .time_range = 20};

        run_model(setup);
    }
}

static void test_modes(void **state)
{
    (void)state;
    random_state = 3;
    for (uint32_t i = 0; i < 4; i++) {
        struct board_setup setup = {.score = "",
                                    .order = i % 2 ? BOARD_ASC : BOARD_DESC,
                                    .ties = BOARD_TIES_FIRST,
                                    .is_int = i >= 2,
                                    .by_count = i % 2,
                                    .modes = true,
                                    .members = 200,
                                    .value_range = 50,
                                    .time_range = 1000};

        run_model(setup);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strategies),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_modes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
