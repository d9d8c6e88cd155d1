// SPDX-License-Identifier: Apache-2.0
/*
 * bench_ndjson.c - what an event costs on its way from JSON to the journal's bytes and back.
 *
 * usage: bench_ndjson [EVENTS]
 *
 * Events are lines of about 100 bytes with five fields (member, points, region, match, time). One
 * thread; every figure is the best of a few rounds, in nanoseconds an event and MB of JSON or of
 * batch bytes a second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/bytes.h"
#include "base/err.h"
#include "model/batch.h"
#include "model/definition.h"
#include "wire/ndjson.h"
#include "wire/row_sink.h"

#define ROUNDS 5
#define BATCH_ROWS 4096
#define PIECE_BYTES 65536

struct tally {
    uint64_t rows;
    uint64_t rejects;
    int64_t sum;
    struct batch *batch; /* NULL: decode alone */
};

struct corpus {
    struct bytes text;
    uint32_t event_count;
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static struct stream_def plays(void)
{
    struct stream_def def = {
        .name = "plays",
        .version = 1,
        .field_count = 5,
        .fields = {{"player", FIELD_STRING},
                   {"points", FIELD_INT},
                   {"region", FIELD_STRING},
                   {"match", FIELD_STRING},
                   {"at", FIELD_TIME}},
        .key_field = 0,
        .time_field = 4,
        .id_field = 3,
    };

    return def;
}

enum flavour { PLAIN, TEXT_TIMES, ESCAPED, ARRAY, SPACED, DAMAGED };

static const char *const flavour_names[] = {"plain", "RFC 3339 times",       "one escape a line",
                                            "array", "spaces after , and :", "a bad line in 100"};

static struct corpus corpus_make(enum flavour flavour, uint32_t event_count)
{
    static const char *const regions[] = {"eu-west", "us-east", "us-west", "ap-south", "sa-east"};
    struct corpus corpus = {.event_count = event_count};
    uint64_t state = 42;
    const char *gap = flavour == SPACED ? " " : "";

    for (uint32_t i = 0; i < event_count; i++) {
        char time[64];

        if (flavour == TEXT_TIMES)
            snprintf(time, sizeof(time), "\"2021-04-%02uT%02u:%02u:%02u.%03uZ\"", i / 1000 % 28 + 1,
                     i % 24, i % 60, i % 60, i % 1000);
        else
            snprintf(time, sizeof(time), "%llu", 1617235200000ull + i);
        if (flavour == ARRAY)
            bytes_put_char(&corpus.text, i == 0 ? '[' : ',');
        bytes_format(&corpus.text,
                     "{\"player\":%s\"player-%06u%s\",%s\"points\":%s%u,%s\"region\":%s\"%s\",%s"
                     "\"match\":%s\"m-%08x\",%s\"at\":%s%s}\n",
                     gap, (unsigned)(random_next(&state) % 1000000),
                     flavour == ESCAPED ? "\\u00e9" : "", gap, gap,
                     (unsigned)(random_next(&state) % 1000), gap, gap,
                     regions[random_next(&state) % 5], gap, gap, (unsigned)random_next(&state), gap,
                     gap, time);
    }
    if (flavour == ARRAY)
        bytes_put_char(&corpus.text, ']');
    if (flavour == DAMAGED)
        for (size_t at = 5; at < corpus.text.size; at += 9900)
            if (corpus.text.data[at] != '\n')
                corpus.text.data[at] = (char)0xff;
    return corpus;
}

static int on_row(void *ctx, const struct cell *cells, uint64_t line)
{
    struct tally *tally = ctx;

    (void)line;
    tally->rows++;
    tally->sum += cells[1].i;
    if (tally->batch != NULL) {
        if (tally->batch->row_count == BATCH_ROWS)
            batch_reset(tally->batch);
        batch_append(tally->batch, cells);
    }
    return 0;
}

static void on_reject(void *ctx, uint64_t line, const char *reason)
{
    struct tally *tally = ctx;

    (void)line;
    (void)reason;
    tally->rejects++;
}

static void report(const char *what, uint64_t ns, uint64_t count, uint64_t bytes)
{
    printf("%-44s %8.1f ns  %8.1f MB/s\n", what, (double)ns / (double)count,
           (double)bytes * 1000 / (double)ns);
}

static void bench_decode(const struct corpus *corpus, struct batch *batch, const char *what)
{
    static const struct ndjson_limits limits = {NDJSON_LINE_BYTES_MAX_DEFAULT,
                                                NDJSON_STRING_BYTES_MAX_DEFAULT};
    struct stream_def def = plays();
    struct tally tally = {.batch = batch};
    struct row_sink sink = {&tally, on_row, on_reject};
    struct ndjson *ndjson = ndjson_new(&def, &limits, &sink);
    uint64_t best = UINT64_MAX;

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = now_ns();
        uint64_t spent;

        ndjson_reset(ndjson, &def, NDJSON_AUTO, &sink);
        for (size_t at = 0; at < corpus->text.size; at += PIECE_BYTES) {
            size_t left = corpus->text.size - at;

            ndjson_feed(ndjson, corpus->text.data + at, left < PIECE_BYTES ? left : PIECE_BYTES);
        }
        ndjson_finish(ndjson);
        spent = now_ns() - start;
        best = spent < best ? spent : best;
    }
    if (tally.rows + tally.rejects != (uint64_t)corpus->event_count * ROUNDS ||
        tally.rejects > tally.rows / 50) {
        fprintf(stderr, "%s: %llu rows, %llu rejects\n", what, (unsigned long long)tally.rows,
                (unsigned long long)tally.rejects);
        exit(1);
    }
    report(what, best, corpus->event_count, corpus->text.size);
    ndjson_free(ndjson);
}

/* Requests of one event each, through one pooled decoder. */
static void bench_single(const struct corpus *corpus)
{
    static const struct ndjson_limits limits = {NDJSON_LINE_BYTES_MAX_DEFAULT,
                                                NDJSON_STRING_BYTES_MAX_DEFAULT};
    struct stream_def def = plays();
    struct batch *batch = batch_new(&def, 1);
    struct tally tally = {.batch = batch};
    struct row_sink sink = {&tally, on_row, on_reject};
    struct ndjson *ndjson = ndjson_new(&def, &limits, &sink);
    const char *line = corpus->text.data;
    const char *end = line + corpus->text.size;
    uint64_t start = now_ns();
    uint64_t count = 0;

    for (; line < end && count < 200000; count++) {
        const char *feed = memchr(line, '\n', (size_t)(end - line));

        batch_reset(batch);
        ndjson_reset(ndjson, &def, NDJSON_AUTO, &sink);
        ndjson_feed(ndjson, line, (size_t)(feed + 1 - line));
        ndjson_finish(ndjson);
        line = feed + 1;
    }
    report("a request of one event, with append", now_ns() - start, count,
           (uint64_t)(line - corpus->text.data));
    ndjson_free(ndjson);
    batch_free(batch);
}

struct keep {
    struct batch *batch;
    struct cell *cells;
    struct bytes text;
    uint32_t row_count;
};

static int on_row_keep(void *ctx, const struct cell *cells, uint64_t line)
{
    struct keep *keep = ctx;

    (void)line;
    if (keep->row_count < BATCH_ROWS) {
        for (int i = 0; i < 5; i++) {
            struct cell *cell = &keep->cells[keep->row_count * 5 + (uint32_t)i];

            *cell = cells[i];
            if (i != 1 && i != 4)
                cell->text.data = bytes_dup(cells[i].text);
        }
        keep->row_count++;
    }
    return 0;
}

static void on_reject_keep(void *ctx, uint64_t line, const char *reason)
{
    (void)ctx;
    fprintf(stderr, "line %llu: %s\n", (unsigned long long)line, reason);
    exit(1);
}

/* batch_append, batch_encode and batch_decode on their own, over batches of BATCH_ROWS rows. */
static void bench_batch(const struct corpus *corpus)
{
    static const struct ndjson_limits limits = {NDJSON_LINE_BYTES_MAX_DEFAULT,
                                                NDJSON_STRING_BYTES_MAX_DEFAULT};
    struct stream_def def = plays();
    struct keep keep = {.cells = bytes_alloc(5 * BATCH_ROWS * sizeof(struct cell))};
    struct row_sink sink = {&keep, on_row_keep, on_reject_keep};
    struct ndjson *ndjson = ndjson_new(&def, &limits, &sink);
    struct batch *batch = batch_new(&def, 1);
    struct bytes encoded = {0};
    struct err err;
    uint64_t best[3] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};

    ndjson_feed(ndjson, corpus->text.data, corpus->text.size);
    ndjson_finish(ndjson);
    for (int round = 0; round < 50; round++) {
        uint64_t times[4];
        struct batch *decoded;

        batch_reset(batch);
        bytes_clear(&encoded);
        times[0] = now_ns();
        for (uint32_t row = 0; row < keep.row_count; row++)
            batch_append(batch, keep.cells + row * 5);
        times[1] = now_ns();
        batch_encode(batch, &encoded);
        times[2] = now_ns();
        if (batch_decode(&decoded, encoded.data, encoded.size, &err) < 0) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
        times[3] = now_ns();
        batch_free(decoded);
        for (int i = 0; i < 3; i++)
            if (times[i + 1] - times[i] < best[i])
                best[i] = times[i + 1] - times[i];
    }
    report("batch_append", best[0], keep.row_count, encoded.size);
    report("batch_encode", best[1], keep.row_count, encoded.size);
    report("batch_decode", best[2], keep.row_count, encoded.size);
    printf("%-44s %8.1f bytes (JSON: %.1f)\n", "an event in a batch",
           (double)encoded.size / keep.row_count, (double)corpus->text.size / corpus->event_count);
    for (uint32_t i = 0; i < keep.row_count * 5; i++)
        if (i % 5 != 1 && i % 5 != 4)
            free((char *)(uintptr_t)keep.cells[i].text.data);
    free(keep.cells);
    bytes_done(&encoded);
    ndjson_free(ndjson);
    batch_free(batch);
}

int main(int argc, char **argv)
{
    uint32_t event_count = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 200000;
    struct stream_def def = plays();

    if (event_count == 0) {
        fprintf(stderr, "usage: %s [EVENTS]\n", argv[0]);
        return 2;
    }
    for (int flavour = PLAIN; flavour <= DAMAGED; flavour++) {
        struct corpus corpus = corpus_make((enum flavour)flavour, event_count);
        struct batch *batch = batch_new(&def, 1);
        char what[64];

        snprintf(what, sizeof(what), "decode, %s", flavour_names[flavour]);
        bench_decode(&corpus, NULL, what);
        snprintf(what, sizeof(what), "decode and append, %s", flavour_names[flavour]);
        bench_decode(&corpus, batch, what);
        if (flavour == PLAIN) {
            bench_single(&corpus);
            bench_batch(&corpus);
        }
        batch_free(batch);
        bytes_done(&corpus.text);
    }
    return 0;
}
