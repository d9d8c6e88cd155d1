// SPDX-License-Identifier: Apache-2.0
/*
 * board_rows.c - ZADD, ZINCRBY and TW.UPDATE on a defined board: rows of the board's own stream.
 *
 * A pair of score and member is a row, whose mode says what ZADD's options do (definition.h). The
 * rows of all clients of a worker that come in one turn of the loop and go to one partition are one
 * batch, so a pipeline costs one record. The fold tells what each row did; when all rows of a
 * command are back, it has its reply. TW.UPDATE then asks all partitions how many are better than
 * the old key and the new one, as of just after its row was folded.
 *
 * Thread: the worker's; collect the partition's.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/conf.h"
#include "base/hash.h"
#include "board/board.h"
#include "engine/catalog.h"
#include "engine/partition.h"
#include "model/batch.h"
#include "model/reply.h"
#include "named/named_private.h"
#include "node/ask.h"
#include "node/ingest.h"
#include "node/node.h"
#include "node/submission.h"
#include "node/worker.h"
#include "query/read.h"
#include "wire/text_row.h"

#define ROWS_MAX 8192u

/* One pair of a command. */
struct row_item {
    struct span member;
    struct board_reply reply;
};

struct row_owner {
    struct named_call *call;
    uint32_t item;
};

/* Rows on their way to a partition. */
struct board_rows {
    struct submission *submission;
    struct row_owner *owners; /* by row */
    uint32_t capacity;
};

static void end(struct named_call *call);

/* ---- batches ---- */

static void on_returned(struct submission *submission, struct worker *origin)
{
    struct board_rows *rows = submission->context;
    uint32_t count = submission->batch->row_count;

    for (uint32_t i = 0; i < count; i++) {
        struct named_call *call = rows->owners[i].call;
        struct row_item *item = &call->items[rows->owners[i].item];

        if (submission->rc < 0) {
            call->rc = submission->rc;
            call->err = submission->err;
        } else {
            item->reply = submission->replies[i];
            item->reply.key.member = item->member; /* the board's own bytes may go with it */
            item->reply.old_key.member = item->member;
        }
    }
    ingest_recycle(&origin->ingest, submission);
    for (uint32_t i = 0; i < count; i++) {
        struct named_call *call = rows->owners[i].call;

        if (--call->pending == 0)
            end(call);
    }
    free(rows->owners);
    free(rows);
}

static void send_rows(struct named *named, struct board_rows *rows)
{
    struct submission *submission = rows->submission;

    submission->replies =
        bytes_alloc_zero(submission->batch->row_count, sizeof(submission->replies[0]));
    ingest_send(&named->worker->ingest, submission);
}

void board_rows_flush(struct named *named)
{
    uint32_t count = named->open_count;

    named->open_count = 0;
    for (uint32_t i = 0; i < count; i++)
        send_rows(named, named->open[i]);
}

static struct board_rows *take_rows(struct named *named, const struct catalog_stream *stream,
                                    uint32_t partition)
{
    struct board_rows *rows;

    for (uint32_t i = 0; i < named->open_count; i++) {
        struct submission *submission = named->open[i]->submission;

        if (submission->partition == partition && submission->batch->stream_id == stream->id &&
            submission->batch->stream_version == stream->def.version)
            return named->open[i];
    }
    rows = bytes_alloc_zero(1, sizeof(*rows));
    rows->submission = ingest_take(&named->worker->ingest, stream, partition);
    rows->submission->context = rows;
    rows->submission->returned = on_returned;
    named->open = bytes_realloc(named->open, (named->open_count + 1) * sizeof(named->open[0]));
    named->open[named->open_count++] = rows;
    return rows;
}

static void add_row(struct named_call *call, const struct catalog_stream *stream,
                    const struct cell *cells, uint32_t item)
{
    struct named *named = call->worker->named;
    struct board_rows *rows =
        take_rows(named, stream, ingest_partition(&call->worker->ingest, &stream->def, cells));
    struct batch *batch = rows->submission->batch;

    if (batch->row_count == rows->capacity) {
        rows->capacity = rows->capacity > 0 ? 2 * rows->capacity : 8;
        rows->owners = bytes_realloc(rows->owners, rows->capacity * sizeof(rows->owners[0]));
    }
    rows->owners[batch->row_count] = (struct row_owner){call, item};
    batch_append(batch, cells);
    call->pending++;
    if (batch->row_count >= ROWS_MAX)
        board_rows_flush(named);
}

/* ---- rows ---- */

static int64_t mode_of(const struct named_call *call)
{
    int64_t mode = call_has(call, COMMAND_INCR) ? SCORE_ADD : SCORE_SET;

    if (call_has(call, COMMAND_NX))
        mode |= SCORE_IF_ABSENT;
    if (call_has(call, COMMAND_XX))
        mode |= SCORE_IF_PRESENT;
    if (call_has(call, COMMAND_GT))
        mode |= SCORE_IF_GREATER;
    if (call_has(call, COMMAND_LT))
        mode |= SCORE_IF_LESS;
    return mode;
}

static int check_text(const char *what, struct span text, size_t limit, struct err *err)
{
    if (text.size > limit)
        return err_set(err, ERR_INVALID, "%s is longer than %zu bytes, the limit `string_bytes`",
                       what, limit);
    if (!text_row_is_utf8(text))
        return err_set(err, ERR_INVALID, "%s is not valid UTF-8, which a defined board needs",
                       what);
    return 0;
}

/* Whether the rows may be made at all: all are checked before the first is. */
static int check(const struct named_call *call, struct err *err)
{
    const struct catalog_board *board = call->key.board;
    size_t limit = (size_t)node_conf(call->worker->node)->limits.string_bytes;
    int rc = 0;

    if (board->mode_column < 0)
        return err_set(err, ERR_CONFLICT,
                       "board \"%s\" takes its scores from stream \"%s\"; send events to that: "
                       "XADD %s * field value ...",
                       board->def.name, board->def.stream, board->def.stream);
    if (call->key.season_given)
        return err_set(err, ERR_INVALID,
                       "scores are given to the current season of board \"%s\": name no season",
                       board->def.name);
    if (ingest_is_full(call->worker))
        return err_set(err, ERR_LIMIT,
                       "too much is being written (limits.ingest_bytes); try again later");
    for (uint32_t i = 0; i < board->def.by_count && rc == 0; i++)
        rc = check_text("a label", call->key.labels[i], limit, err);
    for (uint32_t i = 2; i < call_command(call)->arg_count && rc == 0; i += 2)
        rc = call_arg(call, i).size == 0 ? err_set(err, ERR_INVALID, "a member is empty")
                                         : check_text("a member", call_arg(call, i), limit, err);
    return rc;
}

static void begin_rows(struct named_call *call)
{
    const struct catalog_board *board = call->key.board;
    struct cell cells[STREAM_FIELDS_MAX] = {{0}};
    const struct catalog_stream *stream;
    struct err err = {0};

    if (check(call, &err) < 0) {
        named_fail(call, &err);
        return;
    }
    stream = catalog_stream_by_id(call->worker->catalog, board->stream_id);
    call->item_count = (call_command(call)->arg_count - 1) / 2;
    call->items = bytes_alloc_zero(call->item_count, sizeof(call->items[0]));
    cells[BOARD_STREAM_MODE] = (struct cell){.present = true, .i = mode_of(call)};
    for (uint32_t i = 0; i < board->def.by_count; i++)
        cells[BOARD_STREAM_BY + i] = (struct cell){.present = true, .text = call->key.labels[i]};
    call->pending = 1; /* this function's own */
    for (uint32_t i = 0; i < call->item_count; i++) {
        struct cell *score = &cells[BOARD_STREAM_SCORE];

        call->items[i].member = call_arg(call, 2 + 2 * i);
        cells[BOARD_STREAM_MEMBER] = (struct cell){.present = true, .text = call->items[i].member};
        score->present = true;
        if (board->score_is_int)
            score->i = call_int(call, 1 + 2 * i);
        else
            score->f = command_arg_score(&call->list, call_command(call), 1 + 2 * i);
        add_row(call, stream, cells, i);
    }
    call->pending--;
}

/* The reason why a row had no effect at all, or NULL. */
static const char *refusal(const struct board_reply *reply)
{
    if (reply->taken || reply->withheld)
        return NULL;
    return reply->refused ? "the board is full: see the limit `board_members`"
                          : "the member is banned from this board";
}

/* ---- ZADD ---- */

void board_rows_zadd(struct named_call *call)
{
    begin_rows(call);
}

static bool is_changed(const struct board_reply *reply)
{
    if (!reply->taken || !reply->existed)
        return false;
    return reply->score.type == VALUE_INT ? reply->score.i != reply->old_score.i
                                          : reply->score.f != reply->old_score.f;
}

static void put_zadd(struct named_call *call)
{
    int64_t count = 0;

    for (uint32_t i = 0; i < call->item_count; i++) {
        const struct board_reply *reply = &call->items[i].reply;

        count += reply->taken && !reply->existed;
        count += call_has(call, COMMAND_CH) && is_changed(reply);
    }
    if (!call_has(call, COMMAND_INCR))
        reply_int(&call->out, count);
    else if (call->items[0].reply.taken)
        named_put_score(&call->out, call->items[0].reply.score);
    else
        reply_null(&call->out);
}

/* ---- TW.UPDATE ---- */

struct standing_slot {
    uint64_t better_old;
    uint64_t better;
    uint64_t size;
};

struct standing_read {
    struct read read; /* first */
    uint32_t board_id;
    uint32_t by_count;
    const struct span *labels; /* the call's */
    struct board_reply reply;
    struct standing_slot *slots;
};

/* The member itself may stand higher by now. */
static uint64_t others_better(const struct board *board, uint32_t segment,
                              const struct rank_key *key)
{
    struct board_entry self = {.key = *key};

    board_find(board, segment, key->member, &self);
    return board_count_better(board, segment, key) - (rank_key_compare(&self.key, key) < 0);
}

static void standing_collect(struct read *read, const struct partition *partition, uint32_t slot)
{
    struct standing_read *standing = (struct standing_read *)read;
    const struct board *board = partition_board(partition, standing->board_id);
    uint32_t segment;

    standing->slots[slot] = (struct standing_slot){0};
    if (board == NULL || board_definition(board)->by_count != standing->by_count)
        return;
    segment = board_segment_find(board, standing->labels);
    standing->slots[slot].size = board_segment_size(board, segment);
    standing->slots[slot].better = others_better(board, segment, &standing->reply.key);
    if (standing->reply.existed)
        standing->slots[slot].better_old = others_better(board, segment, &standing->reply.old_key);
}

static int standing_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    (void)read;
    (void)err;
    *out_step = READ_DONE;
    return 0;
}

static void standing_free(struct read *read)
{
    free(((struct standing_read *)read)->slots);
    free(read);
}

static const struct read_ops standing_ops = {.name = "named_standing",
                                             .collect = standing_collect,
                                             .merge = standing_merge,
                                             .free = standing_free};

static int64_t turned(const struct named_call *call, uint64_t better, uint64_t size)
{
    if (call_is_forward(call))
        return (int64_t)better;
    return size > better ? (int64_t)(size - 1 - better) : 0;
}

static void on_standing(struct named_call *call, struct read *read)
{
    const struct standing_read *standing = (const struct standing_read *)read;
    const struct board_reply *reply = &standing->reply;
    struct standing_slot sum = {0};
    struct bytes *out = &call->out;
    int64_t rank, old_rank, came_from;

    for (uint32_t i = 0; i < read->partition_count; i++) {
        sum.better += standing->slots[i].better;
        sum.better_old += standing->slots[i].better_old;
        sum.size += standing->slots[i].size;
    }
    rank = turned(call, sum.better, sum.size);
    old_rank = turned(call, sum.better_old, sum.size);
    came_from = reply->existed ? old_rank : (int64_t)sum.size - 1;
    reply_aggregate(out, REPLY_MAP, 5);
    reply_bulk(out, SPAN_LITERAL("old_score"));
    if (reply->existed)
        named_put_score(out, reply->old_score);
    else
        reply_null(out);
    reply_bulk(out, SPAN_LITERAL("score"));
    named_put_score(out, reply->score);
    reply_bulk(out, SPAN_LITERAL("old_rank"));
    if (reply->existed)
        reply_int(out, old_rank);
    else
        reply_null(out);
    reply_bulk(out, SPAN_LITERAL("rank"));
    reply_int(out, rank);
    reply_bulk(out, SPAN_LITERAL("passed"));
    reply_int(out, came_from > rank ? came_from - rank : 0);
    read_free(read);
    named_finish(call);
}

void board_rows_tw_update(struct named_call *call)
{
    begin_rows(call);
}

/* As for plain keys: what was withheld from a member that is there has a reply too. */
static void ask_standing(struct named_call *call)
{
    struct standing_read *standing;
    struct board_reply *reply = &call->items[0].reply;

    if (!reply->taken && !reply->existed) {
        reply_null(&call->out);
        named_finish(call);
        return;
    }
    standing = bytes_alloc_zero(1, sizeof(*standing));
    standing->read.ops = &standing_ops;
    standing->read.partition_count = call->place.partition_count;
    standing->board_id = call->board_id;
    standing->by_count = call->by_count;
    standing->labels = call->key.labels;
    standing->reply = *reply;
    standing->slots = bytes_alloc_zero(call->place.partition_count, sizeof(standing->slots[0]));
    named_ask(call, &standing->read, on_standing);
}

/* ---- all rows are back ---- */

static void end(struct named_call *call)
{
    const char *reason = NULL;

    if (call->rc < 0) {
        named_fail(call, &call->err);
        return;
    }
    for (uint32_t i = 0; i < call->item_count && reason == NULL; i++)
        reason = refusal(&call->items[i].reply);
    if (reason != NULL) {
        reply_error(&call->out, "ERR %s", reason);
    } else if (call_command(call)->op == COMMAND_TW_UPDATE) {
        ask_standing(call);
        return;
    } else {
        put_zadd(call);
    }
    named_finish(call);
}
