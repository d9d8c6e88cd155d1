// SPDX-License-Identifier: Apache-2.0
/*
 * board_model.h - a board of random scores, and the same counted by brute force: for tests of its
 * reads.
 */
#ifndef TALLYWHEEL_TESTS_QUERY_BOARD_MODEL_H
#define TALLYWHEEL_TESTS_QUERY_BOARD_MODEL_H

#include "support/query_harness.h"

#define REGIONS 3
#define NAME_BYTES 24

struct model_entry {
    char name[NAME_BYTES];
    uint32_t region; /* REGIONS: "" */
    int64_t score;
    int64_t reached_ms;
    bool exists;
};

struct setup {
    uint32_t partitions;
    uint32_t members;
    uint32_t rows;
    uint32_t score_max; /* few scores: many ties */
    uint32_t time_range;
    const char *order;
    const char *ties;
    bool by_region;
};

struct model {
    struct setup setup;
    struct model_entry *entries; /* member * (REGIONS + 1) + region */
    struct model_entry *sorted;  /* of one region */
    uint32_t sorted_count;
};

static const char *const regions[] = {"EU", "US & more", "Å/ö", ""};
static const char *const regions_encoded[] = {"EU", "US%20%26+more", "%C3%85%2f%c3%b6", ""};
static const struct model *comparing;

static inline int compare_entries(const void *a, const void *b)
{
    const struct model_entry *first = a;
    const struct model_entry *second = b;
    const struct setup *setup = &comparing->setup;

    if (first->score != second->score) {
        bool better = first->score > second->score;

        if (strcmp(setup->order, "asc") == 0)
            better = !better;
        return better ? -1 : 1;
    }
    if (strcmp(setup->ties, "member") != 0 && first->reached_ms != second->reached_ms) {
        bool better = first->reached_ms < second->reached_ms;

        if (strcmp(setup->ties, "last") == 0)
            better = !better;
        return better ? -1 : 1;
    }
    return strcmp(first->name, second->name);
}

static inline void model_sort(struct model *model, uint32_t region)
{
    model->sorted_count = 0;
    for (uint32_t i = 0; i < model->setup.members; i++) {
        const struct model_entry *entry = &model->entries[i * (REGIONS + 1) + region];

        if (entry->exists)
            model->sorted[model->sorted_count++] = *entry;
    }
    comparing = model;
    qsort(model->sorted, model->sorted_count, sizeof(model->sorted[0]), compare_entries);
}

static inline uint32_t model_rank(const struct model *model, uint32_t at, const char *style)
{
    uint32_t rank = 1;

    if (strcmp(style, "ordinal") == 0)
        return at + 1;
    for (uint32_t i = 1; i <= at; i++)
        if (model->sorted[i].score != model->sorted[i - 1].score)
            rank = strcmp(style, "dense") == 0 ? rank + 1 : i + 1;
    return rank;
}

/* `max(points)`: reached at the earliest event that had it. */
static inline void fill(struct world *world, struct model *model, uint64_t *random,
                        uint32_t row_count)
{
    const struct setup *setup = &model->setup;

    for (uint32_t row = 0; row < row_count; row++) {
        uint32_t member = (uint32_t)(world_random(random) % setup->members);
        uint32_t region = setup->by_region ? (uint32_t)(world_random(random) % (REGIONS + 1)) : 0;
        struct model_entry *entry = &model->entries[member * (REGIONS + 1) + region];
        int64_t score = (int64_t)(world_random(random) % setup->score_max) - 2;
        int64_t at_ms = 1000000 + (int64_t)(world_random(random) % setup->time_range);
        struct cell cells[4];

        snprintf(entry->name, sizeof(entry->name), "%c-%05u", "Pp"[member % 2], member);
        cells[0] = cell_text(entry->name);
        cells[1] = cell_int(score);
        cells[2] = cell_text(region < REGIONS ? regions[region] : NULL);
        cells[3] = cell_int(at_ms);
        world_row(world, "plays", span_of(entry->name), cells);
        if (!entry->exists || score > entry->score ||
            (score == entry->score && at_ms < entry->reached_ms)) {
            entry->score = score;
            entry->reached_ms = at_ms;
        }
        entry->exists = true;
        if (row % 700 == 699)
            world_fold(world, at_ms);
    }
    world_fold(world, 1);
}

static inline void build(struct world *world, struct model *model, const struct setup *setup,
                         uint64_t *random)
{
    char board[400];

    *model = (struct model){.setup = *setup};
    model->entries = calloc(setup->members * (REGIONS + 1), sizeof(model->entries[0]));
    model->sorted = calloc(setup->members, sizeof(model->sorted[0]));
    world_init(world, setup->partitions, NULL);
    world_define(world, DEFINITION_STREAM, "plays",
                 "{'fields':{'player':'string','points':'int','region':'string','at':'time'},"
                 "'key':'player','time':'at','lateness':'1d'}");
    snprintf(board, sizeof(board),
             "{'stream':'plays','member':'player','score':'max(points)','order':'%s',"
             "'ties':'%s'%s}",
             setup->order, setup->ties, setup->by_region ? ",'by':['region']" : "");
    world_define(world, DEFINITION_BOARD, "b", board);
    fill(world, model, random, setup->rows);
}

static inline void clean(struct world *world, struct model *model)
{
    free(model->entries);
    free(model->sorted);
    world_done(world);
}

static inline void check_entries(const struct model *model, const json_t *answer, uint32_t from,
                                 uint32_t count, const char *style, const char *path)
{
    json_t *entries = json_object_get(answer, "entries");

    if (json_array_size(entries) != count)
        fail_msg("%s: %zu entries, expected %u", path, json_array_size(entries), count);
    assert_int_equal(json_integer_value(json_object_get(answer, "size")), model->sorted_count);
    for (uint32_t i = 0; i < count; i++) {
        const struct model_entry *wanted = &model->sorted[from + i];
        json_t *entry = json_array_get(entries, i);
        json_int_t rank = json_integer_value(json_object_get(entry, "rank"));

        if (strcmp(json_string_value(json_object_get(entry, "member")), wanted->name) != 0 ||
            json_integer_value(json_object_get(entry, "score")) != wanted->score ||
            json_integer_value(json_object_get(entry, "reached_at")) != wanted->reached_ms ||
            rank != model_rank(model, from + i, style))
            fail_msg("%s: entry %u is %s, expected {%u %s %lld %lld}", path, i,
                     json_dumps(entry, 0), model_rank(model, from + i, style), wanted->name,
                     (long long)wanted->score, (long long)wanted->reached_ms);
    }
}

static const char *const styles[] = {"ordinal", "competition", "dense"};

#endif
