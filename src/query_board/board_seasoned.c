// SPDX-License-Identifier: Apache-2.0
/*
 * board_seasoned.c - which season a read of a board is about; see board_read_seasoned.
 *
 * A season is final once it is closed wherever it is, and can not begin any more where it is not.
 * The current one never is.
 */
#include <stdlib.h>

#include "board/board.h"
#include "engine/board_seasons.h"
#include "engine/partition.h"
#include "query_board/board_read.h"

/* What a partition knows of the season. */
struct seasoned_slot {
    bool here; /* the board is */
    bool found;
    struct board_season season;
    int64_t gone_ms;
    int64_t over_ms;
};

struct seasoned_read {
    struct read read; /* first */
    struct read *inner;
    bool found;
    struct seasoned_slot *slots;
};

static bool find_current(const struct board_seasons *seasons, struct board_season *out_season)
{
    for (uint32_t i = 0; board_seasons_list(seasons, i, out_season, 1) == 1; i++)
        if (out_season->current)
            return true;
    return false;
}

static void seasoned_collect(struct read *read, const struct partition *partition, uint32_t number)
{
    struct seasoned_read *seasoned = (struct seasoned_read *)read;
    const struct board_read *inner = (struct board_read *)seasoned->inner;
    struct seasoned_slot *slot = &seasoned->slots[number];
    const struct board_seasons *seasons;

    if (seasoned->found) {
        seasoned->inner->ops->collect(seasoned->inner, partition, number);
        return;
    }
    seasons = board_read_seasons(inner, partition);
    *slot = (struct seasoned_slot){.here = seasons != NULL};
    if (seasons == NULL)
        return;
    slot->gone_ms = board_seasons_gone_ms(seasons);
    slot->over_ms = board_seasons_over_ms(seasons);
    slot->found = inner->season_given ? board_seasons_get(seasons, inner->season_ms, &slot->season)
                                      : find_current(seasons, &slot->season);
}

static bool is_final(const struct seasoned_read *seasoned, int64_t end_ms)
{
    for (uint32_t i = 0; i < seasoned->read.partition_count; i++) {
        const struct seasoned_slot *slot = &seasoned->slots[i];

        if (!slot->here || !(slot->found ? slot->season.closed : slot->over_ms >= end_ms))
            return false;
    }
    return true;
}

/* Puts what is known into the read. False if the season is gone. */
static bool take_season(struct seasoned_read *seasoned)
{
    struct board_read *inner = (struct board_read *)seasoned->inner;
    const struct seasoned_slot *best = NULL;

    for (uint32_t i = 0; i < seasoned->read.partition_count; i++) {
        const struct seasoned_slot *slot = &seasoned->slots[i];

        if (slot->found && (best == NULL || slot->season.start_ms > best->season.start_ms))
            best = slot;
    }
    if (best == NULL)
        return false;
    inner->season_ms = best->season.start_ms;
    inner->season_end_ms = best->season.end_ms;
    inner->season_final = inner->season_given && is_final(seasoned, inner->season_end_ms);
    for (uint32_t i = 0; i < seasoned->read.partition_count; i++)
        if (seasoned->slots[i].here && seasoned->slots[i].gone_ms > inner->season_ms)
            return false;
    return true;
}

static int seasoned_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    struct seasoned_read *seasoned = (struct seasoned_read *)read;
    struct read *inner = seasoned->inner;
    int rc;

    if (seasoned->found) {
        rc = inner->ops->merge(inner, out_step, err);
        inner->round++;
        return rc;
    }
    if (!take_season(seasoned))
        return board_read_gone((struct board_read *)inner, err);
    inner->now_ms = read->now_ms;
    inner->watched = read->watched;
    inner->round = 0;
    seasoned->found = true;
    *out_step = READ_AGAIN;
    return 0;
}

static void seasoned_print(struct read *read, struct answer *out_answer)
{
    struct read *inner = ((struct seasoned_read *)read)->inner;

    inner->ops->print(inner, out_answer);
}

static void seasoned_reset(struct read *read)
{
    struct seasoned_read *seasoned = (struct seasoned_read *)read;

    seasoned->found = false;
    seasoned->inner->ops->reset(seasoned->inner);
}

static void seasoned_free(struct read *read)
{
    struct seasoned_read *seasoned = (struct seasoned_read *)read;

    read_free(seasoned->inner);
    free(seasoned->slots);
    free(seasoned);
}

static const struct read_ops seasoned_ops = {
    "board_seasoned", seasoned_collect, seasoned_merge,
    seasoned_print,   seasoned_reset,   seasoned_free,
};

struct read *board_read_seasoned(struct read *read)
{
    const struct board_read *inner = (struct board_read *)read;
    struct seasoned_read *seasoned;

    if (!inner->seasonal || inner->all_seasons)
        return read;
    seasoned = bytes_alloc_zero(1, sizeof(*seasoned));
    seasoned->read.ops = &seasoned_ops;
    seasoned->read.partition_count = read->partition_count;
    seasoned->inner = read;
    seasoned->slots = bytes_alloc_zero(read->partition_count, sizeof(seasoned->slots[0]));
    return &seasoned->read;
}

struct read *board_read_inner(struct read *read)
{
    return read->ops == &seasoned_ops ? ((struct seasoned_read *)read)->inner : read;
}
