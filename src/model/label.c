// SPDX-License-Identifier: Apache-2.0
/* label.c - see label.h. */
#include "model/label.h"

#include <math.h>

#include "base/json.h"
#include "model/batch.h"

void label_put(const struct column *column, uint32_t row, struct bytes *out)
{
    struct span text;

    switch (column->type) {
    case FIELD_STRING:
        text = batch_string(column, column->codes[row]);
        bytes_put(out, text.data, text.size);
        break;
    case FIELD_INT:
    case FIELD_TIME:
        if (column->ints[row] != BATCH_INT_NONE)
            json_put_int(out, column->ints[row]);
        break;
    case FIELD_FLOAT:
        if (!isnan(column->floats[row]))
            json_put_double(out, column->floats[row]);
        break;
    case FIELD_BOOL:
        if (column->bools[row] != BATCH_BOOL_NONE)
            bytes_put_text(out, column->bools[row] ? "true" : "false");
        break;
    }
}

uint64_t label_bits(const struct column *column, uint32_t row)
{
    uint64_t bits = 0;

    switch (column->type) {
    case FIELD_STRING:
        bits = column->codes[row];
        break;
    case FIELD_INT:
    case FIELD_TIME:
        bits = (uint64_t)column->ints[row];
        break;
    case FIELD_FLOAT:
        memcpy(&bits, &column->floats[row], sizeof(bits));
        break;
    case FIELD_BOOL:
        bits = column->bools[row];
        break;
    }
    return bits;
}
