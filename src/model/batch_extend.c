// SPDX-License-Identifier: Apache-2.0
/* batch_extend.c - rows of an older version of a stream get the fields that came since. */
#include <assert.h>
#include <math.h>

#include "model/batch.h"

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
