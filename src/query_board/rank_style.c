// SPDX-License-Identifier: Apache-2.0
/* rank_style.c - see rank_style.h. */
#include "query_board/rank_style.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "query/answer.h"
#include "query_board/board_read.h"
#include "query/read_params.h"
#include "board/board.h"

static const char *const names[] = {"ordinal", "competition", "dense"};

const char *rank_style_text(enum rank_style style)
{
    return names[style];
}

enum rank_style rank_style_of_ties(enum board_ties ties)
{
    return ties == BOARD_TIES_SHARED ? RANK_COMPETITION : RANK_ORDINAL;
}

int rank_style_of_text(struct span text, enum rank_style *out_style, struct err *err)
{
    for (int style = RANK_ORDINAL; style <= RANK_DENSE; style++)
        if (span_equal(text, span_of(names[style]))) {
            *out_style = (enum rank_style)style;
            return 0;
        }
    return err_set(err, ERR_INVALID, "ranks=%.*s: expected one of ordinal, competition, dense",
                   (int)(text.size < 100 ? text.size : 100), text.data);
}

int rank_style_parse(const struct read_request *request, enum rank_style otherwise,
                     enum rank_style *out_style, struct err *err)
{
    struct span text;

    *out_style = otherwise;
    if (!read_params_find(request, "ranks", &text))
        return 0;
    return rank_style_of_text(text, out_style, err);
}

int rank_style_parse_counted(const struct read_request *request, enum rank_style otherwise,
                             enum rank_style *out_style, struct err *err)
{
    int rc = rank_style_parse(request, otherwise, out_style, err);

    if (rc == 0 && *out_style == RANK_DENSE)
        rc = err_set(err, ERR_INVALID, "ranks=dense: expected ordinal or competition here");
    return rc;
}

double rank_style_percentile(uint64_t above, uint64_t size)
{
    if (size < 2)
        return 100;
    if (above >= size)
        above = size - 1; /* what was folded between two rounds */
    return round(1e6 * (double)(size - 1 - above) / (double)(size - 1)) / 1e4;
}

/* ---- ranks above ---- */

void rank_style_count_init(struct rank_style_count *count, enum rank_style style,
                           uint32_t subscore_count, uint32_t slot_count, uint32_t step_max)
{
    *count = (struct rank_style_count){
        .style = style,
        .slot_count = slot_count,
        .step_max = step_max > 0 ? step_max : 1,
        .words = 1 + subscore_count,
        .slots = bytes_alloc_zero(slot_count, sizeof(count->slots[0])),
    };
    assert(count->words <= BOARD_LEVEL_WORDS_MAX);
}

void rank_style_count_done(struct rank_style_count *count)
{
    for (uint32_t i = 0; count->slots != NULL && i < count->slot_count; i++)
        free(count->slots[i].levels);
    free(count->slots);
    free(count->targets);
    count->slots = NULL;
    count->targets = NULL;
}

static void begin(struct rank_style_count *count, uint32_t capacity)
{
    count->targets = bytes_realloc(count->targets, (capacity + 1) * sizeof(count->targets[0]));
    count->target_count = 0;
    count->target_next = 0;
    memset(count->from, 0, sizeof(count->from));
    count->began = false;
    count->seen = 0;
    count->above = 0;
    count->better = 0;
}

static struct rank_style_target target_of(const struct rank_style_count *count,
                                          const struct rank_key *key)
{
    struct rank_style_target target = {.above = 0};

    rank_level_of(key, target.level, count->words);
    return target;
}

bool rank_style_count_begin(struct rank_style_count *count, const struct rank_key *key,
                            uint64_t better)
{
    begin(count, 1);
    count->targets[count->target_count++] = target_of(count, key);
    count->above = count->style == RANK_ORDINAL ? better : 0;
    return count->style == RANK_ORDINAL || better == 0;
}

static int compare_targets(const void *a, const void *b)
{
    return rank_level_compare(((const struct rank_style_target *)a)->level,
                              ((const struct rank_style_target *)b)->level, BOARD_LEVEL_WORDS_MAX);
}

bool rank_style_count_begin_many(struct rank_style_count *count, const struct entry_item *items,
                                 uint32_t item_count)
{
    uint32_t distinct = 0;

    begin(count, item_count);
    for (uint32_t i = 0; i < item_count; i++)
        count->targets[i] = target_of(count, &items[i].key);
    qsort(count->targets, item_count, sizeof(count->targets[0]), compare_targets);
    for (uint32_t i = 0; i < item_count; i++)
        if (distinct == 0 ||
            compare_targets(&count->targets[distinct - 1], &count->targets[i]) != 0)
            count->targets[distinct++] = count->targets[i];
    count->target_count = distinct;
    return distinct == 0;
}

uint64_t rank_style_count_above(const struct rank_style_count *count, const struct rank_key *key)
{
    struct rank_style_target wanted = target_of(count, key);
    const struct rank_style_target *found =
        bsearch(&wanted, count->targets, count->target_count, sizeof(wanted), compare_targets);

    assert(found != NULL);
    return found->above;
}

bool rank_style_count_ties(const struct rank_style_count *count, const struct rank_key *a,
                           const struct rank_key *b)
{
    return rank_key_level_compare(a, b, count->words) == 0;
}

/* Levels from here on are of no interest. */
static const uint64_t *end_level(const struct rank_style_count *count)
{
    return count->targets[count->target_count - 1].level;
}

void rank_style_count_collect(struct rank_style_count *count, uint32_t number,
                              const struct board *board, uint32_t segment)
{
    struct rank_style_slot *slot = &count->slots[number];

    slot->better = 0;
    slot->count = 0;
    if (board == NULL)
        return;
    if (!count->began) {
        struct rank_key first = rank_level_first(count->targets[0].level, count->words);

        slot->better = board_count_better_level(board, segment, &first);
    }
    if (count->style == RANK_COMPETITION)
        return;
    if (slot->levels == NULL)
        slot->levels =
            bytes_alloc((size_t)count->step_max * count->words * sizeof(slot->levels[0]));
    slot->count = board_distinct_levels(board, segment, count->from, end_level(count), slot->levels,
                                        count->step_max);
}

/* A distinct level, in order: it is above all targets that are worse. */
static void see_level(struct rank_style_count *count, const uint64_t *level)
{
    while (count->target_next < count->target_count &&
           rank_level_compare(count->targets[count->target_next].level, level, count->words) <= 0)
        count->targets[count->target_next++].above = count->seen;
    count->seen++;
}

static const uint64_t *level_at(const struct rank_style_count *count, uint32_t number, uint32_t i)
{
    return count->slots[number].levels + (size_t)i * count->words;
}

/* Sees the distinct ones among all partitions' levels up to `last`. The lists are ascending. */
static void see_union(struct rank_style_count *count, const uint64_t *last)
{
    uint32_t *at = bytes_alloc_zero(count->slot_count, sizeof(*at));

    for (;;) {
        const uint64_t *least = NULL;

        for (uint32_t i = 0; i < count->slot_count; i++) {
            const uint64_t *level;

            if (at[i] == count->slots[i].count)
                continue;
            level = level_at(count, i, at[i]);
            if ((last == NULL || rank_level_compare(level, last, count->words) <= 0) &&
                (least == NULL || rank_level_compare(level, least, count->words) < 0))
                least = level;
        }
        if (least == NULL)
            break;
        see_level(count, least);
        for (uint32_t i = 0; i < count->slot_count; i++)
            if (at[i] < count->slots[i].count &&
                rank_level_compare(level_at(count, i, at[i]), least, count->words) == 0)
                at[i]++;
    }
    free(at);
}

static bool merge_dense(struct rank_style_count *count)
{
    const uint64_t *last = NULL; /* NULL: nobody has more */
    size_t bytes = count->words * sizeof(uint64_t);

    for (uint32_t i = 0; i < count->slot_count; i++) {
        const struct rank_style_slot *slot = &count->slots[i];
        const uint64_t *level;

        if (slot->count < count->step_max)
            continue; /* it has no more */
        level = level_at(count, i, slot->count - 1);
        if (last == NULL || rank_level_compare(level, last, count->words) < 0)
            last = level;
    }
    see_union(count, last);
    if (last != NULL) {
        bool more;

        memcpy(count->from, last, bytes);
        count->began = true;
        more = rank_level_next(count->from, count->words);
        if (more && rank_level_compare(count->from, end_level(count), count->words) < 0)
            return false;
    }
    while (count->target_next < count->target_count)
        count->targets[count->target_next++].above = count->seen;
    return true;
}

bool rank_style_count_merge(struct rank_style_count *count)
{
    bool stands = true;

    for (uint32_t i = 0; i < count->slot_count; i++)
        count->better += count->slots[i].better;
    if (count->style == RANK_COMPETITION)
        count->targets[0].above = count->better;
    else
        stands = merge_dense(count);
    count->above = count->targets[0].above;
    return stands;
}

void rank_style_print(const struct rank_style_count *count, const struct board_read *board_read,
                      const struct entry_item *items, uint32_t item_count, uint64_t better,
                      uint64_t size, struct answer *out_answer)
{
    uint64_t rank = count->above + 1;
    uint64_t above = count->better;

    for (uint32_t i = 0; i < item_count; i++) {
        const struct entry_item *item = &items[i];
        struct json_out json;

        if (count->style == RANK_ORDINAL ||
            (i > 0 && !rank_style_count_ties(count, &item->key, &items[i - 1].key))) {
            above = better + i;
            rank = count->style == RANK_DENSE ? rank + 1 : above + 1;
        }
        answer_row_begin(out_answer, (struct span){"", 0}, item->key.member);
        json_out_init(&json, &out_answer->text);
        json_out_object(&json);
        json_out_key(&json, "rank");
        json_out_uint(&json, rank);
        json_out_key(&json, "member");
        json_out_string(&json, item->key.member);
        board_read_print_score(board_read, item->score, &item->key, &json);
        if (size > 0) {
            json_out_key(&json, "percentile");
            json_out_double(&json, rank_style_percentile(above, size));
        }
        json_out_key(&json, "reached_at");
        json_out_int(&json, item->reached_ms);
        json_out_object_end(&json);
        answer_row_end(out_answer);
    }
}
