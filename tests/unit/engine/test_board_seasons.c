// SPDX-License-Identifier: Apache-2.0
/*
 * test_board_seasons.c - boards over time against a recount of all rows: seasons that open, close
 * and go, late rows, rolling windows with every strategy, members that expire, milestones; and that
 * nothing of it depends on where batches end.
 */
#include "engine/board_seasons.h"

#include <math.h>

#include "period/period_zone.h"
#include "score/score_script.h"
#include "support/query_harness.h"

#define MEMBERS 40
#define ROWS 3000
#define BASE INT64_C(1774700000000) /* two days before the clocks change in Berlin */
#define HOUR INT64_C(3600000)

struct row {
    int member;
    int64_t points;
    int64_t weight;
    int64_t at;
    bool accepted;
};

struct plan {
    const char *board;
    int64_t step_ms;     /* how far time goes on from row to row, on average */
    int64_t lateness_ms; /* what the stream says */
    int64_t late_ms;     /* how late rows are, at most */
    uint32_t seed;
};

static struct row rows[ROWS];

static uint64_t random_next(uint64_t *random)
{
    return world_random(random);
}

/* Zones from the system, scripts from here. */
static int load_file(void *context, enum catalog_file_kind kind, const char *name,
                     struct bytes *out, struct err *err)
{
    char path[200];
    FILE *file;

    (void)context;
    if (kind == CATALOG_SCRIPT) {
        bytes_put_text(out, "function fold(s, ms, v) s[1] = s[1] + v return s[1] end\n"
                            "function merge(s, t) s[1] = s[1] + t[1] return s[1] end\n");
        return 0;
    }
    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
    file = fopen(path, "rb");
    if (file == NULL)
        return err_set(err, ERR_NOT_FOUND, "%s: missing", path);
    out->size += fread(bytes_reserve(out, 65536), 1, 65536, file);
    fclose(file);
    return 0;
}

static void make_rows(const struct plan *plan)
{
    uint64_t random = plan->seed;
    int64_t now = BASE;
    int64_t watermark = INT64_MIN;

    for (int i = 0; i < ROWS; i++) {
        now += (int64_t)(random_next(&random) % (uint64_t)(2 * plan->step_ms));
        if (random_next(&random) % 300 == 0)
            now += 40 * plan->step_ms + (int64_t)(random_next(&random) % 100) * plan->step_ms;
        rows[i] = (struct row){
            .member = (int)(random_next(&random) % MEMBERS),
            .points = (int64_t)(random_next(&random) % 50) - 5,
            .weight = (int64_t)(random_next(&random) % 4),
            .at = now - (random_next(&random) % 3 == 0
                             ? (int64_t)(random_next(&random) % (uint64_t)(plan->late_ms + 1))
                             : 0),
        };
        if (rows[i].member > MEMBERS / 2 && random_next(&random) % 8 != 0)
            rows[i].member = 0; /* half of them are seldom there */
        rows[i].accepted = watermark == INT64_MIN || rows[i].at >= watermark - plan->lateness_ms;
        if (rows[i].accepted && rows[i].at > watermark)
            watermark = rows[i].at;
    }
}

static void world_start(struct world *world, const struct plan *plan)
{
    char stream[300];

    world_init(world, 1, NULL);
    world->catalog->loader = (struct catalog_loader){NULL, load_file};
    snprintf(stream, sizeof(stream),
             "{'fields':{'player':'string','points':'int','weight':'int','at':'time'},"
             "'key':'player','time':'at','lateness':%lld}",
             (long long)plan->lateness_ms);
    world_define(world, DEFINITION_STREAM, "s", stream);
    world_define(world, DEFINITION_BOARD, "b", plan->board);
}

static void world_add(struct world *world, const struct row *row)
{
    char player[20];
    struct cell cells[4];

    snprintf(player, sizeof(player), "p%d", row->member);
    cells[0] = cell_text(player);
    cells[1] = cell_int(row->points);
    cells[2] = cell_int(row->weight);
    cells[3] = cell_int(row->at);
    world_row(world, "s", span_of(player), cells);
}

static uint32_t board_id(const struct world *world)
{
    return catalog_find_board(world->catalog, SPAN_LITERAL("b"))->id;
}

static struct board_seasons *seasons_of(const struct world *world)
{
    return partition_seasons(world->partitions[0], board_id(world));
}

/* Feeds all rows in batches; calls `check` after each with the number of rows so far. */
static uint64_t feed(const struct plan *plan, int batch_rows,
                     void (*check)(const struct plan *, struct world *, int))
{
    struct world world;
    uint64_t hash;

    make_rows(plan);
    world_start(&world, plan);
    for (int i = 0; i < ROWS; i++) {
        world_add(&world, &rows[i]);
        if (i % batch_rows < batch_rows - 1 && i < ROWS - 1)
            continue;
        world_fold(&world, 1);
        if (check != NULL)
            check(plan, &world, i + 1);
    }
    hash = partition_hash(world.partitions[0]);
    assert_true(partition_bytes(world.partitions[0]) > 0);
    world_done(&world);
    return hash;
}

static void feed_all(const struct plan *plan,
                     void (*check)(const struct plan *, struct world *, int))
{
    uint64_t hash = feed(plan, 100, check);

    assert_true(feed(plan, 1, NULL) == hash);
    assert_true(feed(plan, 7, NULL) == hash);
    assert_true(feed(plan, ROWS, NULL) == hash);
    assert_true(feed(plan, 13, check) == hash);
}

static bool find(struct board *board, int member, struct board_entry *out_entry)
{
    char player[20];

    snprintf(player, sizeof(player), "p%d", member);
    return board_find(board, 0, span_of(player), out_entry);
}

static int64_t watermark_after(int count)
{
    int64_t watermark = INT64_MIN;

    for (int i = 0; i < count; i++)
        if (rows[i].accepted && rows[i].at > watermark)
            watermark = rows[i].at;
    return watermark;
}

/* ---- seasons ---- */

static struct period period_of(struct world *world, struct period_zone **out_zone)
{
    const struct catalog_board *board = catalog_find_board(world->catalog, SPAN_LITERAL("b"));
    struct bytes text = {0};
    struct period period;

    *out_zone = NULL;
    if (board->def.period.time_zone[0] != '\0') {
        load_file(NULL, CATALOG_ZONE, board->def.period.time_zone, &text, NULL);
        assert_int_equal(period_zone_load(out_zone, bytes_span(&text), NULL), 0);
        bytes_done(&text);
    }
    period_init(&period, &board->def.period, *out_zone);
    return period;
}

static void check_season(struct board *board, const struct board_season *season, int count)
{
    uint32_t entries = 0;

    board_settle(board);
    board_check(board);
    for (int member = 0; member < MEMBERS; member++) {
        struct board_entry entry;
        int64_t sum = 0;
        bool any = false;

        for (int i = 0; i < count; i++) {
            if (!rows[i].accepted || rows[i].member != member || rows[i].at < season->start_ms ||
                rows[i].at >= season->end_ms)
                continue;
            any = true;
            sum += rows[i].points;
        }
        assert_int_equal(find(board, member, &entry), any);
        entries += any;
        if (any)
            assert_true(entry.score.i == sum);
    }
    assert_int_equal(season->entries, entries);
}

static void check_seasons(const struct plan *plan, struct world *world, int count)
{
    struct board_seasons *seasons = seasons_of(world);
    struct board_season list[200];
    uint32_t listed = board_seasons_list(seasons, 0, list, 200);
    uint32_t keep = catalog_find_board(world->catalog, SPAN_LITERAL("b"))->def.keep;
    struct period_zone *zone;
    struct period period = period_of(world, &zone);
    int64_t watermark = watermark_after(count);
    int64_t oldest = INT64_MAX;
    uint32_t closed = 0;

    for (uint32_t i = 0; i < listed; i++) {
        struct period_season bounds = period_season_of(&period, list[i].start_ms);
        bool current = watermark >= list[i].start_ms && watermark < list[i].end_ms;

        assert_true(bounds.start_ms == list[i].start_ms && bounds.end_ms == list[i].end_ms);
        assert_int_equal(list[i].current, current);
        assert_int_equal(list[i].closed, list[i].end_ms + plan->lateness_ms <= watermark);
        closed += list[i].closed;
        assert_true(list[i].start_ms < oldest);
        oldest = list[i].start_ms;
        check_season(board_seasons_find(seasons, list[i].start_ms), &list[i], count);
        if (current)
            assert_ptr_equal(
                partition_board_season(world->partitions[0], board_id(world), list[i].start_ms),
                partition_board(world->partitions[0], board_id(world)));
    }
    /* All that are not there have been let go of. */
    assert_true(closed <= keep);
    for (int i = 0; i < count; i++) {
        if (!rows[i].accepted || rows[i].at >= oldest)
            continue;
        assert_int_equal(closed, keep);
        assert_true(period_season_of(&period, rows[i].at).end_ms <= oldest);
    }
    assert_int_equal(board_seasons_left_out(seasons), 0);
    period_zone_free(zone);
}

static void test_seasons(void **state)
{
    static const char *const boards[] = {
        "{'stream':'s','member':'player','score':'sum(points)','period':'hourly','keep':5}",
        "{'stream':'s','member':'player','score':'sum(points)','period':'daily','keep':3,"
        "'time_zone':'Europe/Berlin'}",
        "{'stream':'s','member':'player','score':'sum(points)','period':'weekly','keep':0}",
        "{'stream':'s','member':'player','score':'sum(points)','period':{'cron':'*/20 * * * *'},"
        "'time_zone':'America/New_York'}",
        "{'stream':'s','member':'player','score':'sum(points)','period':'monthly'}",
    };

    (void)state;
    for (uint32_t i = 0; i < 5; i++) {
        struct plan plan = {boards[i], HOUR / 20, HOUR / 2, HOUR, i + 1};

        if (i == 2)
            plan = (struct plan){boards[i], 6 * HOUR, 40 * HOUR, 50 * HOUR, 9};
        if (i == 4)
            plan = (struct plan){boards[i], 12 * HOUR, 0, HOUR, 9};
        feed_all(&plan, check_seasons);
    }
}

/* ---- rolling ---- */

static double score_of(const char *strategy, int member, int count, int64_t from)
{
    double sum = 0, best = 0, low = 0, weighted = 0, weights = 0;
    int64_t latest = INT64_MIN;
    double last = 0;
    int n = 0;

    for (int i = 0; i < count; i++) {
        double points = (double)rows[i].points;

        if (!rows[i].accepted || rows[i].member != member || rows[i].at < from)
            continue;
        sum += points;
        weighted += points * (double)rows[i].weight;
        weights += (double)rows[i].weight;
        if (n == 0 || points > best)
            best = points;
        if (n == 0 || points < low)
            low = points;
        if (rows[i].at >= latest) {
            latest = rows[i].at;
            last = points;
        }
        n++;
    }
    if (n == 0)
        return NAN;
    if (strncmp(strategy, "sum", 3) == 0 || strncmp(strategy, "lua", 3) == 0)
        return sum;
    if (strncmp(strategy, "max", 3) == 0)
        return best;
    if (strncmp(strategy, "min", 3) == 0)
        return low;
    if (strncmp(strategy, "count", 5) == 0)
        return n;
    if (strncmp(strategy, "last", 4) == 0)
        return last;
    if (strncmp(strategy, "weighted", 8) == 0)
        return weights > 0 ? weighted / weights : 0;
    return sum / n;
}

static void check_rolling(const struct plan *plan, struct world *world, int count)
{
    const struct board_def *def = &catalog_find_board(world->catalog, SPAN_LITERAL("b"))->def;
    int64_t pane = def->period.pane_ms;
    int64_t watermark = watermark_after(count);
    int64_t from = watermark / pane * pane - def->period.rolling_ms + pane;
    struct board *board = board_seasons_current(seasons_of(world));
    char strategy[64];

    (void)plan;
    snprintf(strategy, sizeof(strategy), "%s", def->score.name);
    board_settle(board);
    board_check(board);
    for (int member = 0; member < MEMBERS; member++) {
        double want = score_of(strategy, member, count, from);
        struct board_entry entry;
        bool found = find(board, member, &entry);
        double got = !found                          ? NAN
                     : entry.score.type == VALUE_INT ? (double)entry.score.i
                                                     : entry.score.f;

        if (found != !isnan(want) || (found && fabs(got - want) > 1e-12 * (1 + fabs(want))))
            fail_msg("%s after %d rows: p%d has %g, not %g", strategy, count, member, got, want);
        if (found)
            assert_true(entry.reached_ms >= from);
        for (uint32_t i = 0; found && i < def->subscore_count; i++) {
            struct value subs[SUBSCORES_MAX];
            bool present[SUBSCORES_MAX];

            want = score_of(def->subscores[i].score.name, member, count, from);
            assert_int_equal(board_subscores(board, entry.entry, subs, present),
                             def->subscore_count);
            assert_true(present[i]);
            got = subs[i].type == VALUE_INT ? (double)subs[i].i : subs[i].f;
            if (fabs(got - want) > 1e-12 * (1 + fabs(want)))
                fail_msg("subscore %u after %d rows: p%d has %g, not %g", i, count, member, got,
                         want);
        }
    }
}

static void test_rolling(void **state)
{
    static const char *const scores[] = {
        "sum(points)",  "max(points)",     "min(points)",        "count()",
        "last(points)", "average(points)", "lua(a.lua, points)", "weighted_average(points, weight)",
    };

    (void)state;
    for (uint32_t i = 0; i < 16; i++) {
        char board[300];
        char subscores[160] = "";
        struct plan plan = {board, HOUR / 20, HOUR / 2, HOUR, 20 + i};

        if (i >= 8)
            snprintf(subscores, sizeof(subscores),
                     "'subscores':[{'score':'%s','order':'asc'},{'score':'%s'}],",
                     scores[(i + 1) % 8], scores[(i + 3) % 8]);
        snprintf(board, sizeof(board),
                 "{'stream':'s','member':'player','score':'%s',%s'period':{'rolling':'%s'}}",
                 scores[i % 8], subscores, i % 2 == 0 ? "1d" : "6h");
        feed_all(&plan, check_rolling);
    }
}

/* Decayed values in a window: only that it can be fed and does not depend on batches. */
static void test_rolling_decayed(void **state)
{
    struct plan plan = {"{'stream':'s','member':'player','score':'decayed_sum(points, 1h)',"
                        "'period':{'rolling':'1d'},'milestones':[20, 100]}",
                        HOUR / 20, HOUR / 2, HOUR, 77};

    (void)state;
    feed_all(&plan, NULL);
}

/* Rows that come later than the window is long are left out. */
static void test_rolling_late(void **state)
{
    struct plan plan = {"{'stream':'s','member':'player','score':'sum(points)',"
                        "'period':{'rolling':'1h'}}",
                        HOUR / 20, 24 * HOUR, 3 * HOUR, 5};
    struct world world;

    (void)state;
    make_rows(&plan);
    world_start(&world, &plan);
    for (int i = 0; i < ROWS; i++)
        world_add(&world, &rows[i]);
    world_fold(&world, 1);
    assert_true(board_seasons_left_out(seasons_of(&world)) > 100);
    board_settle(board_seasons_current(seasons_of(&world)));
    board_check(board_seasons_current(seasons_of(&world)));
    world_done(&world);
    feed_all(&plan, NULL);
}

/* ---- expiry ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Row by row, by the rule: removed when its latest bucket is more than 64 buckets behind. */
static void check_expiry(const struct plan *plan, struct world *world, int count)
{
    int64_t expire = catalog_find_board(world->catalog, SPAN_LITERAL("b"))->def.expire_ms;
    int64_t width = (expire + 63) / 64;
    struct board *board = board_seasons_current(seasons_of(world));
    int64_t sums[MEMBERS] = {0};
    int64_t latest[MEMBERS];
    int64_t last[MEMBERS];
    bool there[MEMBERS] = {false};
    int64_t watermark = INT64_MIN;

    (void)plan;
    for (int i = 0; i < count; i++) {
        int m = rows[i].member;
        int64_t bucket = floor_div(rows[i].at, width);

        if (!rows[i].accepted)
            continue;
        if (rows[i].at > watermark)
            watermark = rows[i].at;
        for (int j = 0; j < MEMBERS; j++)
            if (there[j] && latest[j] + 64 < floor_div(watermark, width))
                there[j] = false;
        if (bucket < floor_div(watermark, width) - 64)
            bucket = floor_div(watermark, width) - 64;
        if (!there[m])
            sums[m] = 0;
        if (!there[m] || bucket > latest[m])
            latest[m] = bucket;
        if (!there[m] || rows[i].at > last[m])
            last[m] = rows[i].at;
        there[m] = true;
        sums[m] += rows[i].points;
    }
    board_settle(board);
    board_check(board);
    for (int m = 0; m < MEMBERS; m++) {
        struct board_entry entry;

        assert_int_equal(find(board, m, &entry), there[m]);
        if (!there[m])
            continue;
        assert_true(entry.score.i == sums[m]);
        /* The promise: nobody stays for longer than a 32nd beyond `expire`. */
        assert_true(last[m] >= watermark - expire - expire / 31 - 2 || plan->late_ms > expire);
    }
}

static void test_expiry(void **state)
{
    static const struct plan plans[] = {
        {"{'stream':'s','member':'player','score':'sum(points)','expire':'5h'}", HOUR / 20,
         HOUR / 2, HOUR, 3},
        {"{'stream':'s','member':'player','score':'sum(points)','expire':'1h'}", HOUR / 20,
         10 * HOUR, 4 * HOUR, 4},
    };

    (void)state;
    for (uint32_t i = 0; i < 2; i++)
        feed_all(&plans[i], check_expiry);
}

/* With seasons, rolling windows and milestones at once: the same by whatever batches. */
static void test_together(void **state)
{
    static const struct plan plans[] = {
        {"{'stream':'s','member':'player','score':'max(points)','expire':'90m','period':'daily',"
         "'milestones':[10, 20, 30],'keep':2,'time_zone':'Europe/Berlin'}",
         HOUR / 20, HOUR / 2, HOUR, 3},
        {"{'stream':'s','member':'player','score':'average(points)','expire':'90m',"
         "'milestones':[10, 20, 30],'period':{'rolling':'3h'}}",
         HOUR / 20, 10 * HOUR, 4 * HOUR, 4},
        {"{'stream':'s','member':'player','score':'sum(points)','expire':'20m','period':'hourly',"
         "'milestones':[100, 200, 300]}",
         HOUR / 50, 2 * HOUR, 3 * HOUR, 5},
    };

    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        feed_all(&plans[i], NULL);
}

/* ---- milestones ---- */

static void test_milestones(void **state)
{
    struct plan plan = {"{'stream':'s','member':'player','score':'sum(points)',"
                        "'milestones':[100, 500, 1000, 5000]}",
                        HOUR / 20, HOUR / 2, HOUR, 31};
    static const int64_t steps[] = {100, 500, 1000, 5000};
    struct milestone_event events[64];
    struct world world;
    int64_t sums[MEMBERS] = {0};
    uint32_t fired[MEMBERS] = {0};
    uint64_t seen = 0;

    (void)state;
    make_rows(&plan);
    world_start(&world, &plan);
    for (int i = 0; i < ROWS; i++) {
        int m = rows[i].member;
        char player[20];
        uint32_t count;

        world_add(&world, &rows[i]);
        world_fold(&world, 1);
        count = board_seasons_milestones(seasons_of(&world), seen, events, 64);
        snprintf(player, sizeof(player), "p%d", m);
        if (rows[i].accepted)
            sums[m] += rows[i].points;
        for (uint32_t j = 0; j < count; j++) {
            assert_true(events[j].number == ++seen);
            assert_true(span_equal(events[j].member, span_of(player)));
            assert_true(events[j].event_ms == rows[i].at && events[j].season_ms == INT64_MIN);
            assert_int_equal(events[j].milestone, fired[m]);
            assert_true(sums[m] >= steps[fired[m]] && events[j].score.i == sums[m]);
            fired[m]++;
        }
        assert_true(fired[m] == 4 || sums[m] < steps[fired[m]]);
    }
    assert_true(seen > 50);
    world_done(&world);
    feed_all(&plan, NULL);
}

/* The ring forgets the oldest; a reader who is late sees that by the numbers. */
static void test_milestone_ring(void **state)
{
    struct plan plan = {"{'stream':'s','member':'player','score':'last(points)','order':'asc',"
                        "'by':['weight'],'milestones':[40, 30, 20]}",
                        HOUR, 0, 0, 31};
    struct milestone_event events[MILESTONES_KEPT + 1];
    struct world world;
    uint32_t count;

    (void)state;
    world_start(&world, &plan);
    for (int i = 0; i < 500; i++) {
        char player[20];
        struct cell cells[4];

        snprintf(player, sizeof(player), "q%d", i);
        cells[0] = cell_text(player);
        cells[1] = cell_int(i % 2 == 0 ? 5 : 35);
        cells[2] = cell_int(i % 3);
        cells[3] = cell_int(BASE + i);
        world_row(&world, "s", span_of(player), cells);
    }
    world_fold(&world, 1);
    count = board_seasons_milestones(seasons_of(&world), 0, events, MILESTONES_KEPT + 1);
    assert_int_equal(count, 1000); /* three for each even one, one for each odd one */
    for (int i = 500; i < 700; i++) {
        struct row row = {.member = 10000 + i, .points = 1, .weight = i % 3, .at = BASE + i};

        world_add(&world, &row);
    }
    world_fold(&world, 1);
    count = board_seasons_milestones(seasons_of(&world), 0, events, MILESTONES_KEPT + 1);
    assert_int_equal(count, MILESTONES_KEPT);
    assert_true(events[0].number == 1600 - MILESTONES_KEPT + 1);
    assert_true(span_equal(events[count - 1].member, SPAN_LITERAL("p10699")));
    assert_true(span_equal(events[count - 1].labels[0], SPAN_LITERAL("0")));
    assert_int_equal(board_seasons_milestones(seasons_of(&world), 1600, events, 5), 0);
    assert_int_equal(board_seasons_milestones(seasons_of(&world), 1595, events, 3), 3);
    world_done(&world);
}

/* ---- the rest ---- */

static void test_remove(void **state)
{
    struct plan plan = {"{'stream':'s','member':'player','score':'sum(points)','expire':'5h',"
                        "'period':{'rolling':'1d'},'milestones':[10]}",
                        HOUR / 20, HOUR / 2, HOUR, 8};
    struct world world;
    struct board_entry entry;
    struct board_seasons *seasons;

    (void)state;
    make_rows(&plan);
    world_start(&world, &plan);
    seasons = seasons_of(&world);
    for (int i = 0; i < ROWS; i++) {
        world_add(&world, &rows[i]);
        if (i % 10 != 9)
            continue;
        world_fold(&world, 1);
        if (find(board_seasons_current(seasons), 0, &entry)) {
            assert_true(board_seasons_remove(seasons, INT64_MIN, 0, SPAN_LITERAL("p0")));
            assert_false(find(board_seasons_current(seasons), 0, &entry));
        }
        assert_false(board_seasons_remove(seasons, INT64_MIN, 0, SPAN_LITERAL("p0")));
        assert_false(board_seasons_remove(seasons, 5, 0, SPAN_LITERAL("p1")));
    }
    board_settle(board_seasons_current(seasons));
    board_check(board_seasons_current(seasons));
    world_done(&world);
}

/* A board that is defined when its stream has gone on for a while, and changes of the lateness. */
static void test_defined_later(void **state)
{
    struct plan plan = {"{'stream':'s','member':'player','score':'sum(points)','period':'hourly'}",
                        HOUR, HOUR, 0, 8};
    struct board_season list[20];
    struct row row = {.member = 1, .points = 1, .at = BASE + 10 * HOUR};
    struct world world;

    (void)state;
    world_start(&world, &plan);
    assert_int_equal(board_seasons_list(seasons_of(&world), 0, list, 20), 1);
    assert_true(list[0].current && !list[0].closed && list[0].entries == 0);
    world_add(&world, &row);
    world_fold(&world, 1);
    world_define(&world, DEFINITION_BOARD, "b",
                 "{'stream':'s','member':'player','score':'count()','period':'hourly'}");
    assert_int_equal(board_seasons_list(seasons_of(&world), 0, list, 20), 1);
    assert_true(list[0].start_ms <= row.at && list[0].end_ms > row.at);
    row.at -= HOUR - 1000; /* late, and in time for the season before */
    world_add(&world, &row);
    world_fold(&world, 1);
    assert_int_equal(board_seasons_list(seasons_of(&world), 0, list, 20), 2);
    assert_true(list[0].current && list[0].entries == 0 && list[1].entries == 1);
    assert_int_equal(board_seasons_list(seasons_of(&world), 1, list, 20), 1);

    /* A season that was closed stays so when the lateness grows. */
    row.at += 6 * HOUR;
    world_add(&world, &row);
    world_fold(&world, 1);
    world_define(&world, DEFINITION_STREAM, "s",
                 "{'fields':{'player':'string','points':'int','weight':'int','at':'time'},"
                 "'key':'player','time':'at','lateness':'100h'}");
    row.at -= 6 * HOUR;
    world_add(&world, &row);
    world_fold(&world, 1);
    assert_int_equal(board_seasons_left_out(seasons_of(&world)), 1);
    assert_null(board_seasons_find(seasons_of(&world), 12345));
    world_done(&world);
}

static void test_script(void **state)
{
    struct plan plan = {"{'stream':'s','member':'player','score':'lua(a.lua, points)'}", HOUR, 0, 0,
                        8};
    struct score_script_stat stat;
    struct board_entry entry;
    struct row row = {.member = 1, .points = 21, .at = BASE};
    struct world world;
    struct err err = {0};

    (void)state;
    world_start(&world, &plan);
    world_add(&world, &row);
    world_add(&world, &row);
    world_fold(&world, 1);
    assert_true(find(board_seasons_current(seasons_of(&world)), 1, &entry));
    assert_true(entry.score.f == 42);
    assert_true(board_seasons_script_stat(seasons_of(&world), &stat));
    assert_int_equal(stat.failed, 0);
    world.catalog->loader.load = NULL;
    assert_true(world_try_define(&world, DEFINITION_BOARD, "c",
                                 "{'stream':'s','member':'player','score':'lua(a.lua)'}",
                                 &err) < 0);
    assert_string_equal(err.text, "boards.c.score: script \"a.lua\" can not be read here");
    world_done(&world);
}

/* Times from the ends of int64: nothing overflows, nothing loops. */
static void test_extremes(void **state)
{
    static const char *const periods[] = {
        "'none'", "'hourly'", "'monthly'", "{'cron':'0 0 29 2 */7'}", "{'rolling':'1m'}",
    };
    static const int64_t times[] = {-INT64_C(9000000000000000000),
                                    -INT64_C(4000000000000000),
                                    -1,
                                    0,
                                    BASE,
                                    INT64_C(4000000000000000),
                                    INT64_MAX - 2};

    (void)state;
    for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++) {
        char board[300];
        struct plan plan = {board, HOUR, INT64_C(100) * 365 * 86400000, 0, 8};
        struct world world;

        snprintf(board, sizeof(board),
                 "{'stream':'s','member':'player','score':'sum(points)','expire':'1s',"
                 "'milestones':[1],'period':%s}",
                 periods[i]);
        world_start(&world, &plan);
        for (size_t t = 0; t < sizeof(times) / sizeof(times[0]); t++) {
            struct row row = {.member = 1, .points = 1, .at = times[t]};

            world_add(&world, &row);
            row.at += t == 0 ? 1 : -1;
            world_add(&world, &row);
            world_fold(&world, 1);
        }
        board_settle(board_seasons_current(seasons_of(&world)));
        board_check(board_seasons_current(seasons_of(&world)));
        world_done(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seasons),         cmocka_unit_test(test_rolling),
        cmocka_unit_test(test_rolling_decayed), cmocka_unit_test(test_rolling_late),
        cmocka_unit_test(test_expiry),          cmocka_unit_test(test_together),
        cmocka_unit_test(test_milestones),      cmocka_unit_test(test_milestone_ring),
        cmocka_unit_test(test_remove),          cmocka_unit_test(test_defined_later),
        cmocka_unit_test(test_script),          cmocka_unit_test(test_extremes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
