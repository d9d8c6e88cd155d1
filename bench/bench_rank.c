// SPDX-License-Identifier: Apache-2.0
/*
 * bench_rank.c - the figures of the board's engine: moves, ranks, and memory.
 *
 *     bench_rank [--members N] [--seconds S] [--batch N] [--range N] [--segments N]
 *                [--ties first|last|member]
 *
 * The tree alone is measured on prepared operations (which have touched the entries' records
 * already); "fold" is all of board_fold on prepared batches: finding members, summing, moving.
 * Scores are sums of integers, spread over a range (1e9); "far" adds up to a tenth of it, "near" up
 * to a ten-millionth, which mostly stays within a leaf. A small range makes ties; with ties by
 * member, or first in a range of 1, each comparison of them needs a record. Every entry's member
 * has 15 bytes. A batch beyond 8192 is one settling after many folds: it is measured without fold.
 * Beside the figures stands what a cache miss costs on the machine, alone and with 16 in flight:
 * the price of everything here.
 *
 * With segments, each member is in one of them, and only folds are measured.
 *
 * Times are processor time of the one thread, so that a busy machine disturbs them less.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "board/board_place.h"
#include "board/board_private.h"
#include "rank/ranktree.h"
#include "model/batch.h"

#define BATCH_MAX 8192u
#define PREPARED 64u /* batches of a fold round */

static uint64_t random_state = 1;

static uint64_t random_next(void)
{
    random_state += 0x9e3779b97f4a7c15u;
    return hash_u64(random_state);
}

static double now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double rss_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL || fscanf(file, "%*s %ld", &pages) != 1)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void measure_misses(void)
{
    size_t lines = (512u << 20) / 64;
    char *memory =
        mmap(NULL, lines * 64, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint32_t count = 2000000;
    uint32_t at = 0;
    uint32_t chains[16];
    double begin, alone, together;

    if (memory == MAP_FAILED)
        return;
    (void)madvise(memory, lines * 64, MADV_HUGEPAGE);
    /* A full-period congruential step: a chain that visits every line. */
    for (size_t i = 0; i < lines; i++)
        *(uint32_t *)(memory + i * 64) = (uint32_t)((i * 1664525u + 1013904223u) % lines);
    begin = now_ns();
    for (uint32_t i = 0; i < count; i++)
        at = *(uint32_t *)(memory + (size_t)at * 64);
    alone = (now_ns() - begin) / count;
    for (uint32_t i = 0; i < 16; i++)
        chains[i] = (uint32_t)(random_next() % lines);
    begin = now_ns();
    for (uint32_t i = 0; i < count; i += 16)
        for (uint32_t j = 0; j < 16; j++)
            chains[j] = *(uint32_t *)(memory + (size_t)chains[j] * 64);
    together = (now_ns() - begin) / count;
    for (uint32_t i = 0; i < 16; i++)
        at += chains[i];
    printf("a miss: %.0f ns alone, %.1f ns with 16 in flight (%s)\n", alone, together,
           at == 12345 ? "!" : "512 MiB");
    munmap(memory, lines * 64);
}

struct bench {
    uint32_t members;
    double seconds;
    uint32_t range;
    uint32_t segments;
    enum board_ties ties;
    struct stream_def stream;
    struct board *board;
    uint32_t *ids; /* entry of each member */
};

static struct batch *new_batch(struct bench *bench)
{
    return batch_new(&bench->stream, 0);
}

static void append(const struct bench *bench, struct batch *batch, uint32_t member, int64_t points)
{
    char name[24];
    struct cell cells[4] = {
        {.present = true}, {.present = true}, {.present = true}, {.present = true}};

    snprintf(name, sizeof(name), "player-%08u", (unsigned)member);
    cells[0].text = span_of(name);
    cells[1].i = points;
    cells[2].i = 1700000000000 + (int64_t)(random_next() % 1000000);
    cells[3].i = member % bench->segments;
    batch_append(batch, cells);
}

static void fill(struct bench *bench)
{
    uint32_t rows[BATCH_MAX];
    struct batch *batch = new_batch(bench);
    double before = rss_bytes();
    double spent = 0;

    for (uint32_t i = 0; i < BATCH_MAX; i++)
        rows[i] = i;
    bench->ids = bytes_alloc(bench->members * sizeof(bench->ids[0]));
    memset(bench->ids, 0, bench->members * sizeof(bench->ids[0]));
    before = rss_bytes();
    for (uint32_t member = 0; member < bench->members;) {
        double begin;

        batch_reset(batch);
        for (uint32_t i = 0; i < BATCH_MAX && member < bench->members; i++)
            append(bench, batch, member++, (int64_t)(random_next() % bench->range));
        begin = now_ns();
        board_fold(bench->board, batch, rows, batch->row_count, NULL);
        spent += now_ns() - begin;
    }
    spent -= now_ns();
    board_settle(bench->board);
    spent += now_ns();
    printf("fill: %.0f ns a new member; %.1f bytes a member by account, %.1f resident\n",
           spent / bench->members, (double)board_memory_bytes(bench->board) / bench->members,
           (rss_bytes() - before) / bench->members);
    batch_free(batch);
    for (uint32_t i = 0, id = 0; i < bench->members; i++) {
        bench->ids[i] = board_entries_next(&bench->board->entries, id);
        id = board_entries_after(&bench->board->entries, bench->ids[i]);
    }
}

static void report_memory(struct bench *bench)
{
    const struct ranktree *tree = board_tree(bench->board, 0);
    struct ranktree_shape shape = ranktree_check(&bench->board->pool, tree);
    double members = bench->members;

    printf("memory: %.1f bytes a member: records %.1f, table %.1f, tree %.1f, scratch %.1f; "
           "leaves %.0f%% full\n",
           (double)board_memory_bytes(bench->board) / members,
           (double)arena_bytes(&bench->board->entries.records) / members,
           (double)arena_bytes(&bench->board->entries.pages) / members,
           (double)arena_bytes(&bench->board->pool.nodes) / members,
           ((double)ranktree_pool_bytes(&bench->board->pool) -
            (double)arena_bytes(&bench->board->pool.nodes) +
            (double)board_fold_bytes(&bench->board->fold, bench->board->subs.count)) /
               members,
           100.0 * members / (double)shape.leaf_slots);
}

static uint32_t *distinct_members(struct bench *bench, uint32_t count)
{
    static uint32_t *picked;
    static uint8_t *used;

    picked = bytes_realloc(picked, count * sizeof(picked[0]));
    if (used == NULL)
        used = bytes_alloc_zero(bench->members, 1);
    for (uint32_t i = 0; i < count; i++) {
        do
            picked[i] = (uint32_t)(random_next() % bench->members);
        while (used[picked[i]]);
        used[picked[i]] = 1;
    }
    for (uint32_t i = 0; i < count; i++)
        used[picked[i]] = 0;
    return picked;
}

static uint64_t place_of(const struct board *board, int64_t score, int64_t reached_ms)
{
    return board_place(board, board_score_key(board, (uint64_t)score), reached_ms);
}

static double bench_tree(struct bench *bench, uint32_t size, uint32_t step_max)
{
    struct board_entries *entries = &bench->board->entries;
    struct ranktree_move *moves = bytes_alloc(size * sizeof(moves[0]));
    uint64_t *ties = bytes_alloc(2 * size * sizeof(ties[0]));
    double spent = 0;
    uint64_t done = 0;

    while (spent < bench->seconds * 1e9) {
        const uint32_t *picked = distinct_members(bench, size);
        double begin;

        for (uint32_t i = 0; i < size; i++) {
            uint32_t id = bench->ids[picked[i]];
            int64_t score = (int64_t)entry_score_bits(entries, id);
            int64_t reached_ms = entry_reached_ms(entries, id);
            int64_t next = score + 1 + (int64_t)(random_next() % step_max);

            ties[2 * i] = ranktree_tie(bench->board->def.ties, reached_ms);
            ties[2 * i + 1] = ranktree_tie(bench->board->def.ties, reached_ms + 1);
            moves[i] = (struct ranktree_move){
                .old_score = place_of(bench->board, score, reached_ms),
                .score = place_of(bench->board, next, reached_ms + 1),
                .old_ties = &ties[2 * i],
                .ties = &ties[2 * i + 1],
                .id = id,
            };
            entry_set(entries, id, (uint64_t)next, reached_ms + 1);
        }
        begin = now_ns();
        ranktree_move_many(&bench->board->pool, board_tree(bench->board, 0), moves, size);
        spent += now_ns() - begin;
        done += size;
    }
    free(moves);
    free(ties);
    return spent / (double)done;
}

static double bench_rank(struct bench *bench, uint32_t size)
{
    struct ranktree_query queries[BATCH_MAX];
    uint32_t ranks[BATCH_MAX];
    double spent = 0;
    uint64_t done = 0;

    while (spent < bench->seconds * 1e9) {
        double begin;

        for (uint32_t i = 0; i < BATCH_MAX; i++) {
            uint32_t id = bench->ids[random_next() % bench->members];

            queries[i] = (struct ranktree_query){
                .tree = board_tree(bench->board, 0),
                .score =
                    place_of(bench->board, (int64_t)entry_score_bits(&bench->board->entries, id),
                             entry_reached_ms(&bench->board->entries, id)),
                .id = id,
            };
        }
        begin = now_ns();
        for (uint32_t i = 0; i < BATCH_MAX; i += size)
            ranktree_rank_many(&bench->board->pool, queries + i, size, ranks + i);
        spent += now_ns() - begin;
        done += BATCH_MAX;
    }
    return spent / (double)done;
}

/* As a request does it: by name, one at a time. */
static double bench_rank_by_name(struct bench *bench)
{
    double spent = 0;
    uint64_t done = 0;
    uint32_t sum = 0;

    while (spent < bench->seconds * 1e9) {
        double begin = now_ns();

        for (uint32_t i = 0; i < 4096; i++) {
            char name[24];
            struct board_entry entry;

            snprintf(name, sizeof(name), "player-%08u", (unsigned)(random_next() % bench->members));
            if (!board_find(bench->board, 0, span_of(name), &entry))
                abort();
            sum += board_rank(bench->board, entry.entry);
        }
        spent += now_ns() - begin;
        done += 4096;
    }
    assert(sum != 1);
    return spent / (double)done;
}

static double bench_fold(struct bench *bench, uint32_t size, uint32_t step_max)
{
    struct batch *batches[PREPARED];
    uint32_t rows[BATCH_MAX];
    double spent = 0;
    uint64_t done = 0;

    for (uint32_t i = 0; i < BATCH_MAX; i++)
        rows[i] = i;
    for (uint32_t i = 0; i < PREPARED; i++)
        batches[i] = new_batch(bench);
    while (spent < bench->seconds * 1e9) {
        double begin;

        for (uint32_t i = 0; i < PREPARED; i++) {
            batch_reset(batches[i]);
            for (uint32_t j = 0; j < size; j++)
                append(bench, batches[i], (uint32_t)(random_next() % bench->members),
                       1 + (int64_t)(random_next() % step_max));
        }
        begin = now_ns();
        for (uint32_t i = 0; i < PREPARED; i++)
            board_fold(bench->board, batches[i], rows, size, NULL);
        spent += now_ns() - begin;
        done += (uint64_t)PREPARED * size;
    }
    spent -= now_ns();
    board_settle(bench->board);
    spent += now_ns();
    for (uint32_t i = 0; i < PREPARED; i++)
        batch_free(batches[i]);
    return spent / (double)done;
}

static void report_moves(struct bench *bench, uint32_t size)
{
    uint32_t far = bench->range / 10 + 1;
    uint32_t near = bench->range / 10000000 + 1;

    if (size > BATCH_MAX) {
        printf("batch of %4u: tree far %4.0f ns, near %4.0f ns\n", (unsigned)size,
               bench_tree(bench, size, far), bench_tree(bench, size, near));
        return;
    }
    if (bench->segments > 1) {
        printf("batch of %4u: fold far %4.0f ns, near %4.0f ns\n", (unsigned)size,
               bench_fold(bench, size, far), bench_fold(bench, size, near));
        return;
    }
    printf("batch of %4u: tree far %4.0f ns, near %4.0f ns; fold far %4.0f ns, near %4.0f ns\n",
           (unsigned)size, bench_tree(bench, size, far), bench_tree(bench, size, near),
           bench_fold(bench, size, far), bench_fold(bench, size, near));
}

static void make_board(struct bench *bench)
{
    struct board_def def = {.name = "season",
                            .stream = "plays",
                            .member = "player",
                            .score = {.name = "sum"},
                            .order = BOARD_DESC,
                            .ties = bench->ties,
                            .by_count = bench->segments > 1};
    struct board_bind bind = {.member_column = 0,
                              .score_column = 1,
                              .mode_column = -1,
                              .by_count = bench->segments > 1,
                              .by_columns = {3},
                              .score_is_int = true};
    struct board_limits limits = {UINT32_MAX, UINT32_MAX};

    bench->stream = (struct stream_def){.name = "plays",
                                        .version = 1,
                                        .field_count = 4,
                                        .fields = {{"player", FIELD_STRING},
                                                   {"points", FIELD_INT},
                                                   {"at", FIELD_TIME},
                                                   {"region", FIELD_INT}},
                                        .key_field = 0,
                                        .time_field = 2,
                                        .id_field = -1};
    if (board_new(&bench->board, &def, &bind, limits, NULL) < 0)
        abort();
}

int main(int argc, char **argv)
{
    static const uint32_t sizes[] = {1, 32, 1024, BATCH_MAX};
    uint32_t only = 0;
    struct bench bench = {.members = 1000000, .seconds = 1.0, .range = 1000000000, .segments = 1};

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--members") == 0)
            bench.members = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--seconds") == 0)
            bench.seconds = strtod(argv[i + 1], NULL);
        else if (strcmp(argv[i], "--range") == 0)
            bench.range = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--segments") == 0)
            bench.segments = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--batch") == 0)
            only = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--ties") == 0)
            bench.ties = strcmp(argv[i + 1], "member") == 0 ? BOARD_TIES_MEMBER
                         : strcmp(argv[i + 1], "last") == 0 ? BOARD_TIES_LAST
                                                            : BOARD_TIES_FIRST;
    }
    if (bench.members < 2 * BATCH_MAX || bench.members < 2 * only || bench.members > 99999999 ||
        bench.seconds <= 0 || bench.range == 0 || bench.segments == 0) {
        fprintf(stderr, "usage: bench_rank [--members 20000..99999999] [--seconds S] [--batch N] "
                        "[--range N] [--segments N] [--ties first|last|member]\n");
        return 2;
    }
    printf("members: %u\n", (unsigned)bench.members);
    measure_misses();
    make_board(&bench);
    fill(&bench);
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        if (only == 0)
            report_moves(&bench, sizes[i]);
    if (only > 0)
        report_moves(&bench, only);
    if (bench.segments > 1)
        goto done;
    printf("rank: %.0f ns in batches of 32, %.0f ns single, %.0f ns single by name\n",
           bench_rank(&bench, 32), bench_rank(&bench, 1), bench_rank_by_name(&bench));
    report_memory(&bench);
done:
    board_free(bench.board);
    free(bench.ids);
    return 0;
}
