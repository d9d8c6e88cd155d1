// SPDX-License-Identifier: Apache-2.0
/* rank_style.c - see rank_style.h. */
#include "query/rank_style.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "query/answer.h"
#include "query/board_read.h"
#include "query/read_params.h"
#include "rank/board.h"

static const char *const names[] = {"ordinal", "competition", "dense"};

const char *rank_style_text(enum rank_style style)
{
    return names[style];
}

int rank_style_parse(const struct read_request *request, enum rank_style *out_style,
                     struct err *err)
{
    struct span text;

    *out_style = RANK_ORDINAL;
    if (!read_params_find(request, "ranks", &text))
        return 0;
    for (int style = RANK_ORDINAL; style <= RANK_DENSE; style++)
        if (span_equal(text, span_of(names[style]))) {
            *out_style = (enum rank_style)style;
            return 0;
        }
    return err_set(err, ERR_INVALID, "ranks=%.*s: expected one of ordinal, competition, dense",
                   (int)(text.size < 100 ? text.size : 100), text.data);
}

void rank_style_count_init(struct rank_style_count *count, enum rank_style style,
                           uint32_t slot_count, uint32_t step_max)
{
    *count = (struct rank_style_count){
        .style = style,
        .slot_count = slot_count,
        .step_max = step_max > 0 ? step_max : 1,
        .slots = bytes_alloc_zero(slot_count, sizeof(count->slots[0])),
    };
}

void rank_style_count_done(struct rank_style_count *count)
{
    for (uint32_t i = 0; count->slots != NULL && i < count->slot_count; i++)
        free(count->slots[i].scores);
    free(count->slots);
    count->slots = NULL;
}

bool rank_style_count_begin(struct rank_style_count *count, uint64_t score, uint64_t better)
{
    count->score = score;
    count->from = 0;
    count->above = count->style == RANK_ORDINAL ? better : 0;
    return count->style == RANK_ORDINAL || better == 0;
}

void rank_style_count_collect(struct rank_style_count *count, uint32_t number,
                              const struct board *board, uint32_t segment)
{
    struct rank_style_slot *slot = &count->slots[number];

    slot->better = 0;
    slot->count = 0;
    if (board == NULL)
        return;
    if (count->style == RANK_COMPETITION) {
        slot->better = board_count_better_score(board, segment, count->score);
        return;
    }
    if (slot->scores == NULL)
        slot->scores = bytes_alloc(count->step_max * sizeof(slot->scores[0]));
    slot->count = board_distinct_scores(board, segment, count->from, count->score, slot->scores,
                                        count->step_max);
}

/* Counts the distinct ones among all partitions' scores up to `last`. The lists are ascending. */
static uint64_t count_union(const struct rank_style_count *count, uint64_t last)
{
    uint32_t *at = bytes_alloc_zero(count->slot_count, sizeof(*at));
    uint64_t distinct = 0;

    for (;;) {
        uint64_t least = UINT64_MAX;
        bool any = false;

        for (uint32_t i = 0; i < count->slot_count; i++) {
            const struct rank_style_slot *slot = &count->slots[i];

            if (at[i] < slot->count && slot->scores[at[i]] <= last &&
                (!any || slot->scores[at[i]] < least)) {
                least = slot->scores[at[i]];
                any = true;
            }
        }
        if (!any)
            break;
        distinct++;
        for (uint32_t i = 0; i < count->slot_count; i++)
            if (at[i] < count->slots[i].count && count->slots[i].scores[at[i]] == least)
                at[i]++;
    }
    free(at);
    return distinct;
}

bool rank_style_count_merge(struct rank_style_count *count)
{
    uint64_t last = UINT64_MAX;
    bool all = true;

    if (count->style == RANK_COMPETITION) {
        for (uint32_t i = 0; i < count->slot_count; i++)
            count->above += count->slots[i].better;
        return true;
    }
    for (uint32_t i = 0; i < count->slot_count; i++) {
        const struct rank_style_slot *slot = &count->slots[i];

        if (slot->count < count->step_max)
            continue; /* it has no more */
        all = false;
        if (slot->scores[slot->count - 1] < last)
            last = slot->scores[slot->count - 1];
    }
    count->above += count_union(count, last);
    if (!all)
        count->from = last + 1; /* `last` is below `score` */
    return all || count->from >= count->score;
}

void rank_style_print(enum rank_style style, const struct entry_item *items, uint32_t count,
                      uint64_t better, uint64_t above, struct answer *out_answer)
{
    uint64_t rank = above + 1;

    for (uint32_t i = 0; i < count; i++) {
        const struct entry_item *item = &items[i];
        struct json_out json;

        if (style == RANK_ORDINAL)
            rank = better + i + 1;
        else if (i > 0 && item->key.score != items[i - 1].key.score)
            rank = style == RANK_DENSE ? rank + 1 : better + i + 1;
        answer_row_begin(out_answer, (struct span){"", 0}, item->key.member);
        json_out_init(&json, &out_answer->text);
        json_out_object(&json);
        json_out_key(&json, "rank");
        json_out_uint(&json, rank);
        json_out_key(&json, "member");
        json_out_string(&json, item->key.member);
        json_out_key(&json, "score");
        value_print(item->score, &json);
        json_out_key(&json, "reached_at");
        json_out_int(&json, item->reached_ms);
        json_out_object_end(&json);
        answer_row_end(out_answer);
    }
}
