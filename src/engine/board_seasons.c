// SPDX-License-Identifier: Apache-2.0
/* board_seasons.c - making, reading and ending a hosted board; see board_seasons.h. */
#include "engine/board_seasons.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "engine/board_seasons_private.h"
#include "engine/catalog.h"
#include "rank/board_entries.h"
#include "score/score_script.h"

/* ---- one season, and the end of all ---- */

void board_season_free(struct season *season)
{
    if (season == NULL)
        return;
    board_free(season->board);
    member_expiry_done(&season->expiry);
    id_map_done(&season->reached);
    free(season);
}

int board_season_new(struct season **out_season, const struct board_seasons *seasons,
                     struct period_season bounds, struct err *err)
{
    struct season *season = bytes_alloc_zero(1, sizeof(*season));
    int rc = board_new(&season->board, &seasons->def, &seasons->bind, seasons->limits, err);

    if (rc < 0) {
        free(season);
        return rc;
    }
    season->bounds = bounds;
    if (seasons->def.expire_ms > 0)
        member_expiry_init(&season->expiry, seasons->def.expire_ms);
    *out_season = season;
    return 0;
}

void board_seasons_free(struct board_seasons *seasons)
{
    if (seasons == NULL)
        return;
    for (uint32_t i = 0; i < seasons->count; i++)
        board_season_free(seasons->list[i]);
    free(seasons->list);
    if (seasons->rolling != NULL)
        rolling_done(seasons->rolling);
    free(seasons->rolling);
    milestones_done(&seasons->milestones);
    for (uint32_t i = 0; i < 1 + SUBSCORES_MAX; i++)
        score_script_free(seasons->scripts[i]);
    free(seasons->replies);
    free(seasons->rows[0]);
    free(seasons->rows[1]);
    free(seasons);
}

/* ---- making ---- */

static struct board_bind bind_of(const struct catalog_board *board)
{
    struct board_bind bind = {
        .member_column = (uint32_t)board->member_column,
        .mode_column = board->mode_column,
        .by_count = board->def.by_count,
        .score_is_int = board->score_is_int,
    };

    memcpy(bind.by_columns, board->by, sizeof(bind.by_columns));
    return bind;
}

/* Loads what a call names, if it does; `at` is where in the definition, and in scripts. */
static int make_script(struct board_seasons *seasons, const struct catalog_board *board,
                       struct score_call *score, const struct call *call, uint32_t at,
                       struct err *err)
{
    const char *name = score_call_file(call);
    const struct catalog_file *file;
    int rc;

    if (name == NULL)
        return 0;
    file = catalog_files_find(&board->files, CATALOG_SCRIPT, name);
    if (file == NULL)
        return err_set(err, ERR_CORRUPT, "boards.%s: the script \"%s\" is missing", board->def.name,
                       name);
    rc = score_script_new(&seasons->scripts[at], bytes_span(&file->bytes), name, err);
    if (rc == 0)
        score->script = seasons->scripts[at];
    return rc;
}

static int make_scripts(struct board_seasons *seasons, const struct catalog_board *board,
                        struct err *err)
{
    int rc = make_script(seasons, board, &seasons->score, &board->def.score, 0, err);

    for (uint32_t i = 0; i < board->def.subscore_count && rc == 0; i++)
        rc = make_script(seasons, board, &seasons->subscores[i], &board->def.subscores[i].score,
                         i + 1, err);
    return rc;
}

int board_seasons_new(struct board_seasons **out_seasons, const struct catalog_board *catalog_board,
                      struct board_limits limits, int64_t watermark_ms, struct err *err)
{
    struct board_seasons *seasons = bytes_alloc_zero(1, sizeof(*seasons));
    struct period_season bounds = {INT64_MIN, INT64_MAX};
    int rc;

    seasons->def = catalog_board->def;
    seasons->bind = bind_of(catalog_board);
    seasons->score = catalog_board->score;
    memcpy(seasons->subscores, catalog_board->subscores, sizeof(seasons->subscores));
    seasons->bind.score = &seasons->score;
    seasons->bind.subscores = seasons->subscores;
    seasons->limits = limits;
    seasons->closed_until_ms = INT64_MIN;
    seasons->gone_ms = INT64_MIN;
    period_init(&seasons->period, &seasons->def.period, catalog_board->zone);
    milestones_init(&seasons->milestones, &seasons->def, &seasons->score);
    rc = make_scripts(seasons, catalog_board, err);
    if (rc < 0)
        goto fail;
    seasons->list = bytes_alloc_zero(1, sizeof(seasons->list[0]));
    rc = board_season_new(&seasons->list[0], seasons, bounds, err);
    if (rc < 0)
        goto fail;
    seasons->count = 1;
    if (seasons->def.period.kind == PERIOD_ROLLING) {
        seasons->rolling = bytes_alloc(sizeof(*seasons->rolling));
        rolling_init(seasons->rolling, &seasons->def.period, &seasons->score, seasons->subscores,
                     seasons->def.subscore_count);
    }
    seasons->watermark_ms =
        watermark_ms == INT64_MIN ? INT64_MIN : entry_clamp_reached(watermark_ms);
    seasons->next_ms = INT64_MIN;
    if (watermark_ms != INT64_MIN)
        board_seasons_tick(seasons);
    *out_seasons = seasons;
    return 0;
fail:
    board_seasons_free(seasons);
    return rc;
}

bool board_seasons_remove(struct board_seasons *seasons, int64_t start_ms, uint32_t segment,
                          struct span member)
{
    for (uint32_t i = 0; i < seasons->count; i++) {
        struct season *season = seasons->list[i];
        struct board_entry entry;

        if (season->bounds.start_ms != start_ms)
            continue;
        if (!board_find(season->board, segment, member, &entry))
            return false;
        board_seasons_remove_some(seasons, season, &entry.entry, 1);
        return true;
    }
    return false;
}

/* ---- reading ---- */

static struct board_season season_at(const struct board_seasons *seasons, uint32_t i)
{
    const struct season *season = seasons->list[i];

    return (struct board_season){
        .start_ms = season->bounds.start_ms,
        .end_ms = season->bounds.end_ms,
        .closed = season->closed,
        .current = i == seasons->current,
        .entries = board_counts(season->board).entries,
    };
}

uint32_t board_seasons_list(const struct board_seasons *seasons, uint32_t skip,
                            struct board_season *out_seasons, uint32_t max)
{
    uint32_t filled = 0;

    for (uint32_t i = seasons->count; i-- > 0 && filled < max;) {
        if (skip > 0) {
            skip--;
            continue;
        }
        out_seasons[filled++] = season_at(seasons, i);
    }
    return filled;
}

bool board_seasons_get(const struct board_seasons *seasons, int64_t start_ms,
                       struct board_season *out_season)
{
    for (uint32_t i = seasons->count; i-- > 0;)
        if (seasons->list[i]->bounds.start_ms == start_ms) {
            *out_season = season_at(seasons, i);
            return true;
        }
    return false;
}

int64_t board_seasons_gone_ms(const struct board_seasons *seasons)
{
    return seasons->gone_ms;
}

int64_t board_seasons_over_ms(const struct board_seasons *seasons)
{
    int64_t over_ms;

    if (!seasons->begun ||
        __builtin_sub_overflow(seasons->watermark_ms, seasons->lateness_ms, &over_ms))
        return INT64_MIN;
    return over_ms;
}

struct board *board_seasons_current(const struct board_seasons *seasons)
{
    return seasons->list[seasons->current]->board;
}

struct board *board_seasons_find(const struct board_seasons *seasons, int64_t start_ms)
{
    for (uint32_t i = seasons->count; i-- > 0;)
        if (seasons->list[i]->bounds.start_ms == start_ms)
            return seasons->list[i]->board;
    return NULL;
}

uint32_t board_seasons_milestones(const struct board_seasons *seasons, uint64_t after,
                                  struct milestone_event *out_events, uint32_t max)
{
    return milestones_read(&seasons->milestones, after, out_events, max);
}

bool board_seasons_script_stat(const struct board_seasons *seasons,
                               struct score_script_stat *out_stat)
{
    bool any = false;

    *out_stat = (struct score_script_stat){.message = ""};
    for (uint32_t i = 0; i < 1 + SUBSCORES_MAX; i++) {
        struct score_script_stat stat;

        if (seasons->scripts[i] == NULL)
            continue;
        any = true;
        stat = score_script_stat(seasons->scripts[i]);
        out_stat->over_steps += stat.over_steps;
        out_stat->over_memory += stat.over_memory;
        out_stat->failed += stat.failed;
        if (stat.message[0] != '\0')
            out_stat->message = stat.message;
    }
    return any;
}

uint64_t board_seasons_left_out(const struct board_seasons *seasons)
{
    return seasons->left_out;
}

void board_seasons_settle_much(struct board_seasons *seasons)
{
    for (uint32_t i = 0; i < seasons->count; i++)
        board_settle_much(seasons->list[i]->board);
}

uint64_t board_seasons_hash(const struct board_seasons *seasons)
{
    uint64_t hash = hash_u64(seasons->count);

    if (period_has_seasons(&seasons->def.period))
        hash = hash_mix(hash, (uint64_t)seasons->closed_until_ms);
    for (uint32_t i = 0; i < seasons->count; i++) {
        hash = hash_mix(hash, (uint64_t)seasons->list[i]->bounds.start_ms);
        hash = hash_mix(hash, seasons->list[i]->closed);
        hash = hash_mix(hash, board_hash(seasons->list[i]->board));
    }
    return hash_mix(hash, milestones_hash(&seasons->milestones));
}

uint64_t board_seasons_bytes(const struct board_seasons *seasons)
{
    uint64_t bytes = sizeof(*seasons) + milestones_bytes(&seasons->milestones) +
                     seasons->reply_capacity * sizeof(seasons->replies[0]) +
                     seasons->row_capacity * 2 * sizeof(uint32_t);

    for (uint32_t i = 0; i < seasons->count; i++)
        bytes += sizeof(struct season) + board_memory_bytes(seasons->list[i]->board) +
                 member_expiry_bytes(&seasons->list[i]->expiry) +
                 id_map_bytes(&seasons->list[i]->reached);
    if (seasons->rolling != NULL)
        bytes += sizeof(*seasons->rolling) + rolling_bytes(seasons->rolling);
    for (uint32_t i = 0; i < 1 + SUBSCORES_MAX; i++)
        if (seasons->scripts[i] != NULL)
            bytes += score_script_bytes(seasons->scripts[i]);
    return bytes;
}
