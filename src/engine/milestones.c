// SPDX-License-Identifier: Apache-2.0
/* milestones.c - see milestones.h. */
#include "engine/milestones.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "model/batch.h"
#include "board/board.h"

void milestones_init(struct milestones *milestones, const struct board_def *def,
                     const struct score_call *score)
{
    *milestones = (struct milestones){
        .def = def,
        .score = score,
        .every_row = def->period.kind == PERIOD_ROLLING ||
                     (score->strategy != NULL && score->strategy->can & SCORE_CAN_SHOW),
    };
}

void milestones_done(struct milestones *milestones)
{
    for (uint32_t i = 0; milestones->kept != NULL && i < MILESTONES_KEPT; i++)
        bytes_done(&milestones->kept[i].text);
    free(milestones->kept);
}

/* A score as it is shown at a time. */
static struct value shown_at(const struct milestones *milestones, struct value score,
                             int64_t event_ms)
{
    const struct score_strategy *strategy = milestones->score->strategy;
    union score_value value = {.f = score.f};

    if (strategy == NULL || !(strategy->can & SCORE_CAN_SHOW))
        return score;
    return (struct value){.type = VALUE_FLOAT,
                          .f = strategy->show(milestones->score, value, event_ms).f};
}

/* How many milestones a score has reached. Those beyond 2^53 can not be defined. */
static uint32_t count_reached(const struct milestones *milestones, struct value score)
{
    const struct board_def *def = milestones->def;
    double value = score.type == VALUE_INT ? (double)score.i : score.f;
    uint32_t count = 0;

    while (count < def->milestone_count &&
           (def->order == BOARD_DESC ? value >= def->milestones[count]
                                     : value <= def->milestones[count]))
        count++;
    return count;
}

static void keep(struct milestones *milestones, const struct milestone_event *event,
                 const struct span *labels)
{
    struct milestone_kept *kept;

    if (milestones->kept == NULL)
        milestones->kept = bytes_alloc_zero(MILESTONES_KEPT, sizeof(milestones->kept[0]));
    kept = &milestones->kept[++milestones->number % MILESTONES_KEPT];
    kept->event = *event;
    kept->event.number = milestones->number;
    bytes_clear(&kept->text);
    bytes_put(&kept->text, event->member.data, event->member.size);
    kept->sizes[0] = (uint32_t)event->member.size;
    for (uint32_t i = 0; i < milestones->def->by_count; i++) {
        bytes_put(&kept->text, labels[i].data, labels[i].size);
        kept->sizes[1 + i] = (uint32_t)labels[i].size;
    }
}

void milestones_fold(struct milestones *milestones, struct id_map *reached,
                     const struct board *board, int64_t season_ms, const struct batch *batch,
                     const uint32_t *rows, uint32_t row_count, const struct board_reply *replies)
{
    for (uint32_t i = 0; i < row_count; i++) {
        const struct board_reply *reply = &replies[i];
        struct milestone_event event = {.event_ms = batch->event_ms[rows[i]],
                                        .season_ms = season_ms};
        struct span labels[BY_FIELDS_MAX];
        uint32_t *flags;
        uint32_t first = 0;
        uint32_t count;
        bool is_new;

        if (!reply->taken)
            continue;
        event.score = shown_at(milestones, reply->score, event.event_ms);
        count = count_reached(milestones, event.score);
        /* What it had has been told, be it under another name. */
        if (!milestones->every_row && reply->existed)
            first = count_reached(milestones, reply->old_score);
        if (first >= count)
            continue;
        flags = id_map_put(reached, reply->entry, &is_new);
        event.member = reply->key.member;
        board_segment_labels(board, reply->segment, labels);
        for (event.milestone = first; event.milestone < count; event.milestone++) {
            if (*flags >> event.milestone & 1)
                continue;
            *flags |= (uint32_t)1 << event.milestone;
            keep(milestones, &event, labels);
        }
    }
}

uint32_t milestones_read(const struct milestones *milestones, uint64_t after,
                         struct milestone_event *out_events, uint32_t max)
{
    uint64_t first = after + 1;
    uint32_t filled = 0;

    if (milestones->number > MILESTONES_KEPT && first <= milestones->number - MILESTONES_KEPT)
        first = milestones->number - MILESTONES_KEPT + 1;
    for (; first <= milestones->number && filled < max; first++) {
        const struct milestone_kept *kept = &milestones->kept[first % MILESTONES_KEPT];
        struct milestone_event *event = &out_events[filled++];
        const char *at = kept->text.data;

        *event = kept->event;
        assert(event->number == first);
        event->member = (struct span){at, kept->sizes[0]};
        for (uint32_t i = 0; i < milestones->def->by_count; i++) {
            at += kept->sizes[i];
            event->labels[i] = (struct span){at, kept->sizes[1 + i]};
        }
    }
    return filled;
}

uint64_t milestones_hash(const struct milestones *milestones)
{
    uint64_t hash = hash_u64(milestones->number);

    for (uint32_t i = 0; milestones->kept != NULL && i < MILESTONES_KEPT; i++) {
        const struct milestone_kept *kept = &milestones->kept[i];

        hash = hash_mix(hash, kept->event.number);
        hash = hash_mix(hash, (uint64_t)kept->event.event_ms);
        hash = hash_mix(hash, kept->event.milestone);
        hash = hash_mix(hash, hash_bytes(kept->text.data, kept->text.size));
    }
    return hash;
}

uint64_t milestones_bytes(const struct milestones *milestones)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; milestones->kept != NULL && i < MILESTONES_KEPT; i++)
        bytes += sizeof(milestones->kept[0]) + milestones->kept[i].text.capacity;
    return bytes;
}
