// SPDX-License-Identifier: Apache-2.0
/*
 * batch.c - see batch.h: rows become columns.
 *
 * batch_append runs once an event, so it does nothing that can be done once a batch: no column is
 * sized on its own (all grow together, by doubling), and a string costs one XXH3, one probe of a
 * small table and one memcmp. The table of a dictionary holds only 32-bit codes; a probe compares
 * the 64-bit hash in `hashes` before it touches the text, so the text is read for a true match
 * only. Tables begin small and double with the distinct strings, which keeps those of a typical
 * batch in the first two levels of cache.
 *
 * Resetting visits the codes that were handed out, not the table, when that is less work: a
 * pooled batch that once held many strings stays cheap for a request of one event.
 *
 * A decoded batch has no tables (`slot_count` 0): most are folded and never appended to. The first
 * append builds them from the hashes.
 */
#include "model/batch.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define ROW_CAPACITY_MIN 64
#define SLOT_COUNT_MIN 128
#define CODE_CAPACITY_MIN 64

/* Bytes of one value of a column in memory. */
static size_t value_bytes(enum field_type type)
{
    switch (type) {
    case FIELD_INT:
    case FIELD_TIME:
        return sizeof(int64_t);
    case FIELD_FLOAT:
        return sizeof(double);
    case FIELD_STRING:
        return sizeof(uint32_t);
    case FIELD_BOOL:
        return sizeof(uint8_t);
    }
    assert(!"a field type that does not exist");
    return 0;
}

static void dictionary_init(struct dictionary *dictionary)
{
    dictionary->count = 1;
    dictionary->capacity = CODE_CAPACITY_MIN;
    dictionary->starts = bytes_alloc_zero(CODE_CAPACITY_MIN + 1, sizeof(uint32_t));
    dictionary->hashes = bytes_alloc_zero(CODE_CAPACITY_MIN, sizeof(uint64_t));
    dictionary->slots = bytes_alloc_zero(SLOT_COUNT_MIN, sizeof(uint32_t));
    dictionary->slot_count = SLOT_COUNT_MIN;
    bytes_reserve(&dictionary->text, 1); /* batch_string points into it, also for an empty string */
}

static void dictionary_done(struct dictionary *dictionary)
{
    free(dictionary->starts);
    free(dictionary->hashes);
    free(dictionary->slots);
    bytes_done(&dictionary->text);
}

static void dictionary_reset(struct dictionary *dictionary)
{
    uint32_t mask = dictionary->slot_count - 1;

    if (dictionary->count > dictionary->slot_count / 16) {
        memset(dictionary->slots, 0, dictionary->slot_count * sizeof(uint32_t));
    } else {
        for (uint32_t code = 1; code < dictionary->count; code++) {
            uint32_t slot = (uint32_t)dictionary->hashes[code] & mask;

            /* It is there: probing past freed slots must not stop at them. */
            while (dictionary->slots[slot] != code)
                slot = (slot + 1) & mask;
            dictionary->slots[slot] = 0;
        }
    }
    dictionary->count = 1;
    bytes_clear(&dictionary->text);
}

/* Doubles the table until it is at most a quarter full, and puts every code in anew. */
static void dictionary_rehash(struct dictionary *dictionary)
{
    uint32_t slot_count = SLOT_COUNT_MIN;
    uint32_t mask;

    while (slot_count < dictionary->count * 4)
        slot_count *= 2;
    mask = slot_count - 1;
    free(dictionary->slots);
    dictionary->slots = bytes_alloc_zero(slot_count, sizeof(uint32_t));
    dictionary->slot_count = slot_count;
    for (uint32_t code = 1; code < dictionary->count; code++) {
        uint32_t slot = (uint32_t)dictionary->hashes[code] & mask;

        while (dictionary->slots[slot] != 0)
            slot = (slot + 1) & mask;
        dictionary->slots[slot] = code;
    }
}

static void dictionary_grow(struct dictionary *dictionary)
{
    assert(dictionary->capacity <= UINT32_MAX / 8);
    dictionary->capacity *= 2;
    dictionary->starts =
        bytes_realloc(dictionary->starts, (dictionary->capacity + 1) * sizeof(uint32_t));
    dictionary->hashes = bytes_realloc(dictionary->hashes, dictionary->capacity * sizeof(uint64_t));
}

static uint32_t dictionary_add(struct dictionary *dictionary, struct span key, uint64_t hash,
                               uint32_t slot)
{
    uint32_t code = dictionary->count;
    size_t start = dictionary->text.size;

    assert(start + key.size <= UINT32_MAX);
    if (code == dictionary->capacity)
        dictionary_grow(dictionary);
    bytes_put(&dictionary->text, key.data, key.size);
    dictionary->starts[code] = (uint32_t)start;
    dictionary->starts[code + 1] = (uint32_t)(start + key.size);
    dictionary->hashes[code] = hash;
    dictionary->slots[slot] = code;
    dictionary->count = code + 1;
    return code;
}

/* Most keys are shorter than a call of memcmp is long. Both sides have `size` bytes and no more. */
static inline bool same_bytes(const char *a, const char *b, size_t size)
{
    uint64_t first[2];
    uint64_t last[2];

    if (size < 8 || size > 16)
        return size == 0 || memcmp(a, b, size) == 0;
    memcpy(&first[0], a, 8);
    memcpy(&first[1], b, 8);
    memcpy(&last[0], a + size - 8, 8);
    memcpy(&last[1], b + size - 8, 8);
    return ((first[0] ^ first[1]) | (last[0] ^ last[1])) == 0;
}

static inline uint32_t dictionary_put(struct dictionary *dictionary, struct span key)
{
    uint64_t hash = XXH3_64bits(key.data, key.size);
    uint32_t mask;
    uint32_t slot;
    uint32_t code;

    if (__builtin_expect(dictionary->count >= dictionary->slot_count / 2, false))
        dictionary_rehash(dictionary);
    mask = dictionary->slot_count - 1;
    slot = (uint32_t)hash & mask;
    while ((code = dictionary->slots[slot]) != 0) {
        uint32_t start = dictionary->starts[code];

        if (dictionary->hashes[code] == hash && dictionary->starts[code + 1] - start == key.size &&
            same_bytes(dictionary->text.data + start, key.data, key.size))
            return code;
        slot = (slot + 1) & mask;
    }
    return dictionary_add(dictionary, key, hash, slot);
}

struct batch *batch_new(const struct stream_def *def, uint32_t stream_id)
{
    struct batch *batch = bytes_alloc_zero(1, sizeof(*batch));

    assert(def->field_count <= STREAM_FIELDS_MAX);
    batch->stream_id = stream_id;
    batch->stream_version = def->version;
    batch->column_count = def->field_count;
    batch->columns = bytes_alloc_zero(def->field_count, sizeof(*batch->columns));
    batch->row_capacity = ROW_CAPACITY_MIN;
    for (uint32_t i = 0; i < def->field_count; i++) {
        struct column *column = &batch->columns[i];

        column->type = def->fields[i].type;
        column->ints = bytes_alloc(ROW_CAPACITY_MIN * value_bytes(column->type));
        if (column->type == FIELD_STRING)
            dictionary_init(&column->dictionary);
    }
    batch->outcomes = bytes_alloc_zero(ROW_CAPACITY_MIN, 1);
    batch->event_ms_owned = def->time_field < 0;
    if (batch->event_ms_owned) {
        batch->event_ms = bytes_alloc(ROW_CAPACITY_MIN * sizeof(int64_t));
    } else {
        assert(batch->columns[def->time_field].type == FIELD_TIME);
        batch->event_ms = batch->columns[def->time_field].ints;
    }
    return batch;
}

void batch_free(struct batch *batch)
{
    if (batch == NULL)
        return;
    for (uint32_t i = 0; i < batch->column_count; i++) {
        free(batch->columns[i].ints);
        dictionary_done(&batch->columns[i].dictionary);
    }
    if (batch->event_ms_owned)
        free(batch->event_ms);
    free(batch->columns);
    free(batch->outcomes);
    free(batch->parts);
    free(batch->lines);
    bytes_done(&batch->producers);
    free(batch);
}

void batch_reset(struct batch *batch)
{
    for (uint32_t i = 0; i < batch->column_count; i++) {
        struct column *column = &batch->columns[i];

        if (column->type != FIELD_STRING)
            continue;
        if (column->dictionary.slot_count == 0)
            column->dictionary.count = 1; /* it was decoded: the next append builds the table */
        else
            dictionary_reset(&column->dictionary);
        bytes_clear(&column->dictionary.text);
    }
    batch->row_count = 0;
    batch->wall_ms = 0;
    batch->offset = 0;
    batch->part_count = 0;
    batch->line_count = 0;
    bytes_clear(&batch->producers);
}

static __attribute__((noinline)) void batch_grow(struct batch *batch)
{
    uint32_t capacity =
        batch->row_capacity < ROW_CAPACITY_MIN ? ROW_CAPACITY_MIN : batch->row_capacity * 2;

    assert(batch->row_capacity <= UINT32_MAX / 4);
    for (uint32_t i = 0; i < batch->column_count; i++) {
        struct column *column = &batch->columns[i];
        bool is_event_time = batch->event_ms == column->ints;

        column->ints = bytes_realloc(column->ints, capacity * value_bytes(column->type));
        if (is_event_time)
            batch->event_ms = column->ints;
    }
    batch->outcomes = bytes_realloc(batch->outcomes, capacity);
    if (batch->event_ms_owned)
        batch->event_ms = bytes_realloc(batch->event_ms, capacity * sizeof(int64_t));
    batch->row_capacity = capacity;
}

void batch_append(struct batch *batch, const struct cell *cells)
{
    uint32_t row = batch->row_count;
    struct column *column = batch->columns;

    if (row == batch->row_capacity)
        batch_grow(batch);
    for (const struct column *end = column + batch->column_count; column < end; column++, cells++) {
        switch (column->type) {
        case FIELD_INT:
        case FIELD_TIME:
            column->ints[row] = cells->present ? cells->i : BATCH_INT_NONE;
            break;
        case FIELD_FLOAT:
            column->floats[row] = cells->present ? cells->f : NAN;
            break;
        case FIELD_STRING:
            column->codes[row] =
                cells->present ? dictionary_put(&column->dictionary, cells->text) : BATCH_CODE_NONE;
            break;
        case FIELD_BOOL:
            column->bools[row] = cells->present ? cells->i != 0 : BATCH_BOOL_NONE;
            break;
        }
    }
    batch->outcomes[row] = ROW_ACCEPTED;
    batch->row_count = row + 1;
}

/*
 * Whether the last row is the next one of `part`. A request that is sent again begins a new one,
 * even right behind itself.
 */
static bool goes_on(const struct batch *batch, const struct batch_part *part, struct span producer,
                    uint64_t sequence, uint32_t previous)
{
    return part->sequence == sequence && batch->lines[batch->line_count - 1] == previous &&
           part->first_row + part->row_count + 1 == batch->row_count &&
           span_equal(batch_producer(batch, part), producer);
}

static void add_part(struct batch *batch, struct span producer, uint64_t sequence,
                     uint32_t previous)
{
    if (batch->part_count == batch->part_capacity) {
        batch->part_capacity = batch->part_capacity > 0 ? batch->part_capacity * 2 : 4;
        batch->parts = bytes_realloc(batch->parts, batch->part_capacity * sizeof(batch->parts[0]));
    }
    batch->parts[batch->part_count++] = (struct batch_part){
        .sequence = sequence,
        .first_row = batch->row_count - 1,
        .first_line = batch->line_count,
        .previous = previous,
        .name_start = (uint32_t)batch->producers.size,
        .name_size = (uint32_t)producer.size,
    };
    bytes_put(&batch->producers, producer.data, producer.size);
}

void batch_claim(struct batch *batch, struct span producer, uint64_t sequence, uint32_t previous,
                 uint32_t line)
{
    assert(batch->row_count > 0 && previous < line);
    assert(producer.size > 0 && producer.size <= PRODUCER_NAME_BYTES_MAX);
    if (batch->part_count == 0 ||
        !goes_on(batch, &batch->parts[batch->part_count - 1], producer, sequence, previous))
        add_part(batch, producer, sequence, previous);
    if (batch->line_count == batch->line_capacity) {
        batch->line_capacity = batch->line_capacity > 0 ? batch->line_capacity * 2 : 64;
        batch->lines = bytes_realloc(batch->lines, batch->line_capacity * sizeof(uint32_t));
    }
    batch->lines[batch->line_count++] = line;
    batch->parts[batch->part_count - 1].row_count++;
}

void batch_stamp(struct batch *batch, int64_t wall_ms)
{
    batch->wall_ms = wall_ms;
    if (!batch->event_ms_owned)
        return;
    for (uint32_t row = 0; row < batch->row_count; row++)
        batch->event_ms[row] = wall_ms;
}

/* What a column of distinct-looking values costs; constant columns make the true size smaller. */
size_t batch_bytes(const struct batch *batch)
{
    size_t rows = batch->row_count;
    size_t total = 32 + batch->part_count * 24 + batch->producers.size + batch->line_count * 2;

    for (uint32_t i = 0; i < batch->column_count; i++) {
        const struct column *column = &batch->columns[i];
        const struct dictionary *dictionary = &column->dictionary;

        total += 16;
        switch (column->type) {
        case FIELD_INT:
        case FIELD_TIME:
            total += rows * 4;
            break;
        case FIELD_FLOAT:
            total += rows * 8;
            break;
        case FIELD_STRING:
            total += dictionary->text.size + dictionary->count;
            total += rows * (dictionary->count <= 256 ? 1 : dictionary->count <= 65536 ? 2 : 4);
            break;
        case FIELD_BOOL:
            total += rows / 4;
            break;
        }
    }
    return total;
}

void batch_extend(struct batch *batch, const struct stream_def *def)
{
    struct batch *wide = batch_new(def, batch->stream_id);
    struct cell none[STREAM_FIELDS_MAX] = {{0}};

    assert(batch->column_count <= wide->column_count);
    for (uint32_t row = 0; row < batch->row_count; row++)
        batch_append(wide, none);
    batch->columns = bytes_realloc(batch->columns, wide->column_count * sizeof(batch->columns[0]));
    for (uint32_t i = batch->column_count; i < wide->column_count; i++) {
        batch->columns[i] = wide->columns[i]; /* moved: nothing is left to free */
        wide->columns[i] = (struct column){.type = wide->columns[i].type};
    }
    batch->column_count = wide->column_count;
    if (batch->row_capacity > wide->row_capacity)
        batch->row_capacity = wide->row_capacity; /* the new columns have no more room */
    batch_free(wide);
}
