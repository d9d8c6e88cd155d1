// SPDX-License-Identifier: Apache-2.0
/* journal_fold.c - see journal_fold.h. */
#include "support/journal_fold.h"

#include <math.h>

#include "engine/catalog.h"
#include "engine/partition.h"
#include "journal/journal.h"
#include "model/batch.h"
#include "model/command.h"

struct folding {
    struct partition *partition;
    enum journal_fold_cut cut;
    uint64_t offset_end;
    struct batch *joined; /* rows that are not folded yet, or NULL */
};

static int flush(struct folding *folding, struct err *err)
{
    struct batch *batch = folding->joined;
    int rc = 0;

    folding->joined = NULL;
    if (batch != NULL)
        rc = partition_fold(folding->partition, batch, NULL, err);
    batch_free(batch);
    return rc;
}

static struct cell cell_of(const struct column *column, uint32_t row)
{
    struct cell cell = {.present = true};

    switch (column->type) {
    case FIELD_INT:
    case FIELD_TIME:
        cell.i = column->ints[row];
        cell.present = cell.i != BATCH_INT_NONE;
        break;
    case FIELD_FLOAT:
        cell.f = column->floats[row];
        cell.present = !isnan(cell.f);
        break;
    case FIELD_STRING:
        cell.text = batch_string(column, column->codes[row]);
        cell.present = column->codes[row] != BATCH_CODE_NONE;
        break;
    case FIELD_BOOL:
        cell.i = column->bools[row];
        cell.present = column->bools[row] != BATCH_BOOL_NONE;
        break;
    }
    return cell;
}

static void append_row(struct batch *to, const struct batch *from, uint32_t row)
{
    struct cell cells[STREAM_FIELDS_MAX] = {{0}};

    for (uint32_t i = 0; i < from->column_count; i++)
        cells[i] = cell_of(&from->columns[i], row);
    batch_append(to, cells);
    batch_stamp(to, from->wall_ms);
}

/* Who brought the row goes with it. `*part` is the first one that ends behind the row. */
static void claim_row(struct batch *to, const struct batch *from, uint32_t row, uint32_t *part)
{
    const struct batch_part *at;
    uint32_t line;

    while (*part < from->part_count &&
           from->parts[*part].first_row + from->parts[*part].row_count <= row)
        (*part)++;
    if (*part == from->part_count || row < from->parts[*part].first_row)
        return;
    at = &from->parts[*part];
    line = at->first_line + row - at->first_row;
    batch_claim(to, batch_producer(from, at), at->sequence,
                row == at->first_row ? at->previous : from->lines[line - 1], from->lines[line]);
}

/* Rows whose time is that of their batch cannot be moved into another one. */
static bool can_join(const struct folding *folding, const struct catalog_stream *stream,
                     const struct batch *batch)
{
    return folding->joined != NULL && folding->joined->stream_id == batch->stream_id &&
           folding->joined->stream_version == stream->def.version && stream->def.time_field >= 0;
}

static int fold_cut(struct folding *folding, const struct catalog_stream *stream,
                    const struct batch *batch, struct err *err)
{
    uint32_t part = 0;
    int rc = 0;

    if (folding->cut == JOURNAL_FOLD_ROWS || !can_join(folding, stream, batch))
        rc = flush(folding, err);
    for (uint32_t row = 0; rc == 0 && row < batch->row_count; row++) {
        if (folding->joined == NULL)
            folding->joined = batch_new(&stream->def, stream->id);
        append_row(folding->joined, batch, row);
        claim_row(folding->joined, batch, row, &part);
        if (folding->cut == JOURNAL_FOLD_ROWS)
            rc = flush(folding, err);
    }
    return rc;
}

static int fold_batch(struct folding *folding, const struct journal_record *record, struct err *err)
{
    const struct catalog_stream *stream;
    struct batch *batch;
    int rc = batch_decode(&batch, record->payload.data, record->payload.size, err);

    if (rc < 0)
        return rc;
    stream = catalog_stream_by_id(partition_catalog(folding->partition), batch->stream_id);
    if (folding->cut == JOURNAL_FOLD_AS_IS || stream == NULL)
        rc = partition_fold(folding->partition, batch, NULL, err);
    else
        rc = fold_cut(folding, stream, batch, err);
    batch_free(batch);
    return rc;
}

static int fold_commands(struct folding *folding, const struct journal_record *record,
                         struct err *err)
{
    struct command_list list = {0};
    int rc = command_list_decode(&list, record->payload, err);

    if (rc == 0)
        partition_execute(folding->partition, &list, record->wall_ms, NULL, NULL);
    command_list_done(&list);
    return rc;
}

static int fold_record(void *context, const struct journal_record *record, struct err *err)
{
    struct folding *folding = context;
    int rc;

    if (record->offset >= folding->offset_end)
        return 1;
    if (record->type == JOURNAL_BATCH)
        return fold_batch(folding, record, err);
    rc = flush(folding, err);
    if (rc < 0)
        return rc;
    if (record->type == JOURNAL_BOARD_CHANGE)
        return partition_change(folding->partition, record->payload, NULL, err);
    if (record->type == JOURNAL_COMMANDS)
        return fold_commands(folding, record, err);
    return partition_define(folding->partition, record->payload, err);
}

struct partition *journal_fold(struct journal *journal, uint32_t number, enum journal_fold_cut cut,
                               uint64_t offset_end, struct err *err)
{
    /* The defaults of the server: a journal that it left must be folded as it did. */
    const struct partition_limits limits = {.series_max = 1000000,
                                            .panes_max = 100000,
                                            .ids_max = 50000000,
                                            .producers_max = 10000,
                                            .sequences_max = 64,
                                            .board_members_max = 50000000,
                                            .board_segments_max = 100000,
                                            .keys_max = 10000000,
                                            .key_members_max = 50000000};
    struct folding folding = {.cut = cut, .offset_end = offset_end};
    int rc;

    folding.partition = partition_new(number, &limits);
    rc = journal->ops->read(journal, 0, fold_record, &folding, err);
    if (rc >= 0)
        rc = flush(&folding, err);
    if (rc >= 0)
        return folding.partition;
    batch_free(folding.joined);
    partition_free(folding.partition);
    return NULL;
}
