// SPDX-License-Identifier: Apache-2.0
/*
 * grouping.c - see grouping.h.
 *
 * Both ways end in one intern_put_many over the distinct tuples of the batch:
 *   - plain (one string field): the distinct codes of its dictionary;
 *   - otherwise: the distinct combinations of cells, found by a small hash table over the rows.
 */
#include "metric/grouping.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "model/batch.h"
#include "model/label.h"

#define ID_UNSET (UINT32_MAX - 1)

static void put_tuple_label(struct bytes *text, struct span label)
{
    uint16_t length = (uint16_t)label.size;

    bytes_put(text, &length, sizeof(length));
    bytes_put(text, label.data, label.size);
}

/* Series 0 is taken by the labels of the overflow, so that it never needs room later. */
static void put_other(struct grouping *grouping)
{
    struct span other = SPAN_LITERAL(GROUPING_OTHER_LABEL);
    struct bytes text = {0};

    if (grouping->plain) {
        bytes_put(&text, other.data, other.size);
    } else {
        for (uint32_t i = 0; i < grouping->by_count; i++)
            put_tuple_label(&text, other);
        if (grouping->by_count == 0)
            bytes_put(&text, other.data, other.size); /* never the empty tuple */
    }
    intern_put(&grouping->tuples, bytes_span(&text), hash_bytes(text.data, text.size));
    bytes_done(&text);
}

void grouping_init(struct grouping *grouping, const uint32_t *by, uint32_t by_count, bool plain,
                   uint32_t series_max)
{
    assert(by_count <= BY_FIELDS_MAX && series_max > 0);
    *grouping = (struct grouping){.by_count = by_count, .plain = plain};
    for (uint32_t i = 0; i < by_count; i++)
        grouping->by[i] = by[i];
    intern_init(&grouping->tuples, series_max + 1);
    put_other(grouping);
    if (by_count == 0)
        intern_put(&grouping->tuples, SPAN_LITERAL(""), hash_bytes("", 0));
}

void grouping_done(struct grouping *grouping)
{
    if (grouping == NULL)
        return;
    intern_done(&grouping->tuples);
    free(grouping->ids_by_code);
    free(grouping->keys);
    free(grouping->hashes);
    free(grouping->ids);
    free(grouping->codes);
    bytes_done(&grouping->text);
}

static void reserve(struct grouping *grouping, uint32_t code_count, uint32_t key_count)
{
    if (code_count > grouping->code_capacity) {
        grouping->ids_by_code = bytes_realloc(grouping->ids_by_code, code_count * sizeof(uint32_t));
        grouping->code_capacity = code_count;
    }
    if (key_count > grouping->key_capacity) {
        grouping->keys = bytes_realloc(grouping->keys, key_count * sizeof(struct span));
        grouping->hashes = bytes_realloc(grouping->hashes, key_count * sizeof(uint64_t));
        grouping->ids = bytes_realloc(grouping->ids, key_count * sizeof(uint32_t));
        grouping->codes = bytes_realloc(grouping->codes, key_count * sizeof(uint32_t));
        grouping->key_capacity = key_count;
    }
}

/* Interns the collected keys; what found no room belongs to the overflow. */
static void intern_keys(struct grouping *grouping, uint32_t key_count)
{
    intern_put_many(&grouping->tuples, grouping->keys, grouping->hashes, key_count, grouping->ids);
    for (uint32_t i = 0; i < key_count; i++)
        if (grouping->ids[i] == INTERN_NONE)
            grouping->ids[i] = GROUPING_OTHER;
}

static void fold_plain(struct grouping *grouping, const struct batch *batch, const uint32_t *rows,
                       uint32_t row_count, uint32_t *out_series)
{
    const struct column *column = &batch->columns[grouping->by[0]];
    const struct dictionary *dictionary = &column->dictionary;
    uint32_t key_count = 0;

    reserve(grouping, dictionary->count, dictionary->count);
    for (uint32_t code = 0; code < dictionary->count; code++)
        grouping->ids_by_code[code] = ID_UNSET;
    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t code = column->codes[rows[i]];

        if (grouping->ids_by_code[code] != ID_UNSET)
            continue;
        grouping->ids_by_code[code] = 0;
        grouping->keys[key_count] = batch_string(column, code);
        grouping->hashes[key_count] =
            code == BATCH_CODE_NONE ? hash_bytes("", 0) : dictionary->hashes[code];
        grouping->codes[key_count++] = code;
    }
    intern_keys(grouping, key_count);
    for (uint32_t i = 0; i < key_count; i++)
        grouping->ids_by_code[grouping->codes[i]] = grouping->ids[i];
    for (uint32_t i = 0; i < row_count; i++)
        out_series[i] = grouping->ids_by_code[column->codes[rows[i]]];
}

static bool same_cells(const struct grouping *grouping, const struct batch *batch, uint32_t a,
                       uint32_t b)
{
    for (uint32_t i = 0; i < grouping->by_count; i++) {
        const struct column *column = &batch->columns[grouping->by[i]];

        if (label_bits(column, a) != label_bits(column, b))
            return false;
    }
    return true;
}

static uint64_t hash_cells(const struct grouping *grouping, const struct batch *batch, uint32_t row)
{
    uint64_t hash = 0;

    for (uint32_t i = 0; i < grouping->by_count; i++)
        hash = hash_mix(hash, label_bits(&batch->columns[grouping->by[i]], row));
    return hash;
}

/* Appends the row's tuple to the text; its span is only known once the text stops growing. */
static void put_tuple(struct grouping *grouping, const struct batch *batch, uint32_t row)
{
    for (uint32_t i = 0; i < grouping->by_count; i++) {
        size_t start = grouping->text.size;
        uint16_t length = 0;

        bytes_put(&grouping->text, &length, sizeof(length));
        label_put(&batch->columns[grouping->by[i]], row, &grouping->text);
        length = (uint16_t)(grouping->text.size - start - sizeof(length));
        memcpy(grouping->text.data + start, &length, sizeof(length));
    }
}

/* Leaves in out_series the index of each row's tuple, and returns how many tuples there are. */
static uint32_t collect_tuples(struct grouping *grouping, const struct batch *batch,
                               const uint32_t *rows, uint32_t row_count, uint32_t *out_series)
{
    uint32_t slot_count = 64;
    uint32_t key_count = 0;
    uint32_t *slots;

    while (slot_count < row_count * 2)
        slot_count *= 2;
    reserve(grouping, slot_count, row_count);
    slots = grouping->ids_by_code;
    memset(slots, 0xff, slot_count * sizeof(slots[0]));
    bytes_clear(&grouping->text);
    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t at = (uint32_t)hash_cells(grouping, batch, rows[i]) & (slot_count - 1);

        while (slots[at] != UINT32_MAX &&
               !same_cells(grouping, batch, grouping->codes[slots[at]], rows[i]))
            at = (at + 1) & (slot_count - 1);
        if (slots[at] == UINT32_MAX) {
            slots[at] = key_count;
            grouping->codes[key_count] = rows[i]; /* the row that stands for the tuple */
            grouping->keys[key_count].size = grouping->text.size;
            put_tuple(grouping, batch, rows[i]);
            key_count++;
        }
        out_series[i] = slots[at];
    }
    return key_count;
}

static void fold_tuples(struct grouping *grouping, const struct batch *batch, const uint32_t *rows,
                        uint32_t row_count, uint32_t *out_series)
{
    uint32_t key_count = collect_tuples(grouping, batch, rows, row_count, out_series);

    for (uint32_t i = 0; i < key_count; i++) {
        size_t start = grouping->keys[i].size;
        size_t end = i + 1 < key_count ? grouping->keys[i + 1].size : grouping->text.size;

        grouping->keys[i] = (struct span){grouping->text.data + start, end - start};
        grouping->hashes[i] = hash_bytes(grouping->keys[i].data, grouping->keys[i].size);
    }
    intern_keys(grouping, key_count);
    for (uint32_t i = 0; i < row_count; i++)
        out_series[i] = grouping->ids[out_series[i]];
}

void grouping_fold(struct grouping *grouping, const struct batch *batch, const uint32_t *rows,
                   uint32_t row_count, uint32_t *out_series)
{
    if (grouping->by_count == 0) {
        for (uint32_t i = 0; i < row_count; i++)
            out_series[i] = 1;
        return;
    }
    if (grouping->plain)
        fold_plain(grouping, batch, rows, row_count, out_series);
    else
        fold_tuples(grouping, batch, rows, row_count, out_series);
    for (uint32_t i = 0; i < row_count; i++)
        grouping->overflow_rows += out_series[i] == GROUPING_OTHER;
}

void grouping_labels(const struct grouping *grouping, uint32_t series, struct span *out_labels)
{
    struct span tuple = intern_get(&grouping->tuples, series);
    const char *at = tuple.data;

    if (grouping->plain) {
        out_labels[0] = tuple;
        return;
    }
    for (uint32_t i = 0; i < grouping->by_count; i++) {
        uint16_t length;

        memcpy(&length, at, sizeof(length));
        out_labels[i] = (struct span){at + sizeof(length), length};
        at += sizeof(length) + length;
    }
}

uint64_t grouping_bytes(const struct grouping *grouping)
{
    return intern_bytes(&grouping->tuples) + (uint64_t)grouping->code_capacity * sizeof(uint32_t) +
           (uint64_t)grouping->key_capacity *
               (sizeof(struct span) + sizeof(uint64_t) + 2 * sizeof(uint32_t)) +
           grouping->text.capacity;
}
