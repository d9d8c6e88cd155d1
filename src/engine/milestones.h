// SPDX-License-Identifier: Apache-2.0
/*
 * milestones.h - which members of a board have just reached one of its milestones.
 *
 * Each milestone fires once for an entry (a member in a segment, in a season), at the first event
 * after which its score is as good or better, as it is shown at that event. An entry that is
 * removed and comes back is a new one. What fired is kept in a ring of the last MILESTONES_KEPT,
 * numbered from 1 in the order of the rows, for watchers to read: a gap in the numbers is what
 * they missed.
 *
 * Thread: the partition's.
 */
#ifndef TALLYWHEEL_ENGINE_MILESTONES_H
#define TALLYWHEEL_ENGINE_MILESTONES_H

#include <stdint.h>

#include "base/bytes.h"
#include "engine/id_map.h"
#include "model/definition.h"
#include "model/value.h"
#include "score/score.h"

struct batch;
struct board;
struct board_reply;

#define MILESTONES_KEPT 1024

/* A milestone that somebody reached. Spans are valid until the next fold. */
struct milestone_event {
    uint64_t number;
    int64_t event_ms;
    int64_t season_ms;  /* the start of the season; INT64_MIN without seasons */
    uint32_t milestone; /* which of the definition */
    struct value score; /* after the event, as it is shown then */
    struct span member;
    struct span labels[BY_FIELDS_MAX];
};

struct milestone_kept {
    struct milestone_event event; /* without its spans */
    struct bytes text;            /* the member, then the labels */
    uint32_t sizes[1 + BY_FIELDS_MAX];
};

/* What has fired on a hosted board. */
struct milestones {
    const struct board_def *def; /* borrowed */
    const struct score_call *score;
    bool every_row;              /* scores also change without an event (rolling, decayed) */
    uint64_t number;             /* of the last */
    struct milestone_kept *kept; /* by number, around; NULL until the first */
};

void milestones_init(struct milestones *milestones, const struct board_def *def,
                     const struct score_call *score);
void milestones_done(struct milestones *milestones);

/* Looks at what rows did. `reached` holds a bit for each milestone of an entry that has fired. */
void milestones_fold(struct milestones *milestones, struct id_map *reached,
                     const struct board *board, int64_t season_ms, const struct batch *batch,
                     const uint32_t *rows, uint32_t row_count, const struct board_reply *replies);

/*
 * Those after number `after`, at most `max`; fewer if they are not kept any more. For a reader that
 * has seen none, begin with 0.
 */
uint32_t milestones_read(const struct milestones *milestones, uint64_t after,
                         struct milestone_event *out_events, uint32_t max);

uint64_t milestones_hash(const struct milestones *milestones);
uint64_t milestones_bytes(const struct milestones *milestones);

#endif
