// SPDX-License-Identifier: Apache-2.0
/* stream_state.c - see stream_state.h. */
#include "engine/stream_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "model/batch.h"
#include "model/label.h"

struct stream_state *stream_state_new(uint32_t id, const struct stream_def *def, uint32_t ids_max,
                                      struct producers_limits producers)
{
    struct stream_state *stream = bytes_alloc_zero(1, sizeof(*stream));

    stream->id = id;
    stream->def = *def;
    stream->stat.watermark_ms = INT64_MIN;
    dedupe_init(&stream->dedupe, def->dedupe_ms, ids_max);
    producers_init(&stream->producers, producers);
    return stream;
}

void stream_state_free(struct stream_state *stream)
{
    if (stream == NULL)
        return;
    dedupe_done(&stream->dedupe);
    producers_done(&stream->producers);
    free(stream);
}

void stream_state_redefine(struct stream_state *stream, const struct stream_def *def)
{
    if (def->dedupe_ms != stream->def.dedupe_ms) {
        /* Generations of another width cannot be mixed: ids seen before are forgotten. */
        uint32_t ids_max = stream->dedupe.ids_max;

        dedupe_done(&stream->dedupe);
        dedupe_init(&stream->dedupe, def->dedupe_ms, ids_max);
    }
    stream->def = *def;
}

/* Two independent halves: a false duplicate would lose an event, so 64 bits are too few. */
static struct dedupe_id id_of_text(struct span text)
{
    uint64_t low = hash_bytes(text.data, text.size);

    return (struct dedupe_id){low, hash_bytes_seeded(text.data, text.size, low)};
}

static struct dedupe_id row_id(const struct stream_state *stream, const struct batch *batch,
                               uint32_t row, struct bytes *scratch)
{
    const struct column *column = &batch->columns[stream->def.id_field];

    if (column->type == FIELD_STRING)
        return id_of_text(batch_string(column, column->codes[row]));
    bytes_clear(scratch);
    label_put(column, row, scratch);
    return id_of_text(bytes_span(scratch));
}

/* Marks the rows of one part that do not count. Returns how many are duplicates. */
static uint32_t mark_part(struct stream_state *stream, struct batch *batch,
                          const struct batch_part *part)
{
    const uint32_t *lines = &batch->lines[part->first_line];
    uint8_t *outcomes = &batch->outcomes[part->first_row];
    uint32_t duplicates = 0;
    uint32_t folded;

    switch (producers_take(&stream->producers, batch_producer(batch, part), part->sequence,
                           part->previous, lines[part->row_count - 1], &folded)) {
    case PRODUCERS_GAP:
        memset(outcomes, ROW_GAP, part->row_count);
        break;
    case PRODUCERS_STALE:
        memset(outcomes, ROW_STALE, part->row_count);
        break;
    case PRODUCERS_TAKEN:
        while (duplicates < part->row_count && lines[duplicates] <= folded)
            outcomes[duplicates++] = ROW_DUPLICATE;
        break;
    }
    return duplicates;
}

/* What producers have sent before, or may not send now, is decided for the whole batch first. */
static void mark_parts(struct stream_state *stream, struct batch *batch)
{
    memset(batch->outcomes, ROW_ACCEPTED, batch->row_count);
    for (uint32_t i = 0; i < batch->part_count; i++)
        stream->stat.duplicates += mark_part(stream, batch, &batch->parts[i]);
}

/* The stream has ids: every row is looked up. */
static uint32_t select_by_id(struct stream_state *stream, struct batch *batch, uint32_t *out_rows)
{
    struct bytes scratch = {0};
    int64_t watermark_ms = stream->stat.watermark_ms;
    int64_t lateness_ms = stream->def.lateness_ms;
    bool marked = batch->part_count > 0;
    uint32_t count = 0;

    for (uint32_t row = 0; row < batch->row_count; row++) {
        int64_t event_ms = batch->event_ms[row];
        struct dedupe_id id;

        if (marked && batch->outcomes[row] != ROW_ACCEPTED)
            continue;
        id = row_id(stream, batch, row, &scratch);
        if (dedupe_has(&stream->dedupe, id)) {
            batch->outcomes[row] = ROW_DUPLICATE;
            stream->stat.duplicates++;
            continue;
        }
        if (watermark_ms != INT64_MIN && event_ms < watermark_ms - lateness_ms) {
            batch->outcomes[row] = ROW_LATE;
            stream->stat.late++;
            continue;
        }
        if (event_ms > watermark_ms) {
            watermark_ms = event_ms;
            dedupe_expire(&stream->dedupe, watermark_ms);
        }
        dedupe_add(&stream->dedupe, id, event_ms);
        batch->outcomes[row] = ROW_ACCEPTED;
        out_rows[count++] = row;
    }
    stream->stat.watermark_ms = watermark_ms;
    bytes_done(&scratch);
    return count;
}

static uint32_t select_by_time(struct stream_state *stream, struct batch *batch, uint32_t *out_rows)
{
    int64_t watermark_ms = stream->stat.watermark_ms;
    int64_t lateness_ms = stream->def.lateness_ms;
    bool marked = batch->part_count > 0;
    uint32_t count = 0;

    for (uint32_t row = 0; row < batch->row_count; row++) {
        int64_t event_ms = batch->event_ms[row];

        if (marked && batch->outcomes[row] != ROW_ACCEPTED)
            continue;
        if (watermark_ms != INT64_MIN && event_ms < watermark_ms - lateness_ms) {
            batch->outcomes[row] = ROW_LATE;
            stream->stat.late++;
            continue;
        }
        if (event_ms > watermark_ms)
            watermark_ms = event_ms;
        batch->outcomes[row] = ROW_ACCEPTED;
        out_rows[count++] = row;
    }
    stream->stat.watermark_ms = watermark_ms;
    return count;
}

uint32_t stream_state_select(struct stream_state *stream, struct batch *batch, uint32_t *out_rows)
{
    uint32_t count;

    if (batch->part_count > 0)
        mark_parts(stream, batch);
    count = stream->def.id_field >= 0 ? select_by_id(stream, batch, out_rows)
                                      : select_by_time(stream, batch, out_rows);
    stream->stat.rows += count;
    if (batch->wall_ms > stream->stat.wall_ms)
        stream->stat.wall_ms = batch->wall_ms;
    return count;
}

uint64_t stream_state_hash(const struct stream_state *stream)
{
    uint64_t hash = hash_mix(stream->id, stream->stat.rows);

    hash = hash_mix(hash, stream->stat.late);
    hash = hash_mix(hash, stream->stat.duplicates);
    hash = hash_mix(hash, (uint64_t)stream->stat.watermark_ms);
    hash = hash_mix(hash, producers_hash(&stream->producers));
    return hash_mix(hash, dedupe_hash(&stream->dedupe));
}

uint64_t stream_state_bytes(const struct stream_state *stream)
{
    return sizeof(*stream) + dedupe_bytes(&stream->dedupe) + producers_bytes(&stream->producers);
}
