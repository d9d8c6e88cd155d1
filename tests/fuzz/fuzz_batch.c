// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_batch.c - any bytes as a batch.
 *
 * What is read can be walked and written; what was written is read and written the same again.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "model/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads every value, and every byte of every string. */
static uint64_t walk(const struct batch *batch)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < batch->column_count; i++) {
        const struct column *column = &batch->columns[i];

        for (uint32_t row = 0; row < batch->row_count; row++) {
            struct span text;

            switch (column->type) {
            case FIELD_INT:
            case FIELD_TIME:
                sum += (uint64_t)column->ints[row];
                break;
            case FIELD_FLOAT:
                sum += column->floats[row] > 0;
                break;
            case FIELD_BOOL:
                assert(column->bools[row] <= BATCH_BOOL_NONE);
                break;
            case FIELD_STRING:
                assert(column->codes[row] < column->dictionary.count);
                text = batch_string(column, column->codes[row]);
                if (text.size > 0 && row < 1000)
                    sum += (unsigned char)text.data[0] + (unsigned char)text.data[text.size - 1];
                break;
            }
        }
    }
    for (uint32_t row = 0; row < batch->row_count; row++)
        sum += (uint64_t)batch->event_ms[row] + batch->outcomes[row];
    for (uint32_t i = 0; i < batch->part_count; i++) {
        const struct batch_part *part = &batch->parts[i];
        struct span name = batch_producer(batch, part);

        assert(part->first_row + part->row_count <= batch->row_count);
        sum += part->sequence + part->previous + (unsigned char)name.data[name.size - 1];
        for (uint32_t j = 0; j < part->row_count; j++)
            sum += batch->lines[part->first_line + j];
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct batch *batch = NULL;
    struct batch *again = NULL;
    struct bytes first = {0};
    struct bytes second = {0};
    struct err err;

    if (batch_decode(&batch, data, size, &err) < 0)
        return 0;
    walk(batch);
    batch_encode(batch, &first);
    if (batch_decode(&again, first.data, first.size, &err) < 0)
        assert(!"what was written cannot be read");
    assert(walk(batch) == walk(again));
    batch_encode(again, &second);
    assert(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    batch_free(batch);
    batch_free(again);
    bytes_done(&first);
    bytes_done(&second);
    return 0;
}
