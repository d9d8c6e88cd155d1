// SPDX-License-Identifier: Apache-2.0
/*
 * score_batch.h - the values of a row of a batch, as a score_call wants them.
 *
 * Thread: pure functions; any.
 */
#ifndef TALLYWHEEL_SCORE_SCORE_BATCH_H
#define TALLYWHEEL_SCORE_SCORE_BATCH_H

#include <assert.h>
#include <math.h>

#include "model/batch.h"
#include "score/score.h"
#include "score/score_total.h"

/* A row counts if it has all the values that the strategy takes. */
static inline bool score_batch_has(const struct score_call *call, const struct batch *batch,
                                   uint32_t row)
{
    for (uint32_t i = 0; i < call->column_count; i++) {
        const struct column *column = &batch->columns[call->columns[i]];

        switch (column->type) {
        case FIELD_INT:
        case FIELD_TIME:
            if (column->ints[row] == BATCH_INT_NONE)
                return false;
            break;
        case FIELD_FLOAT:
            if (isnan(column->floats[row]))
                return false;
            break;
        case FIELD_BOOL:
            if (column->bools[row] == BATCH_BOOL_NONE)
                return false;
            break;
        case FIELD_STRING:
            return false;
        }
    }
    return true;
}

/* The first value: of the call's type, finite, with one zero. */
static inline union score_value score_batch_value(const struct score_call *call,
                                                  const struct batch *batch, uint32_t row)
{
    const struct column *column;
    union score_value value = {.i = 1};

    if (call->column_count > 0) {
        column = &batch->columns[call->columns[0]];
        if (column->type == FIELD_FLOAT) {
            assert(!call->value_is_int);
            value.f = score_tidy_double(column->floats[row]);
            return value;
        }
        value.i = column->type == FIELD_BOOL ? column->bools[row] : column->ints[row];
    }
    if (!call->value_is_int)
        value.f = (double)value.i;
    return value;
}

/* The values beyond the first. */
static inline void score_batch_more(const struct score_call *call, const struct batch *batch,
                                    uint32_t row, double *out_more)
{
    for (uint32_t i = 1; i < call->column_count; i++) {
        const struct column *column = &batch->columns[call->columns[i]];

        out_more[i - 1] = column->type == FIELD_FLOAT ? score_tidy_double(column->floats[row])
                                                      : (double)column->ints[row];
    }
}

#endif
