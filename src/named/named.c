// SPDX-License-Identifier: Apache-2.0
/*
 * named.c - a worker's part of named.h, and the way of a command on a defined board.
 *
 * Thread: the worker's.
 */
#include "named/named.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "engine/catalog.h"
#include "keys/keys.h"
#include "model/reply.h"
#include "named/named_private.h"
#include "named/stream_private.h"
#include "node/ask.h"
#include "node/node.h"
#include "node/worker.h"
#include "query/read.h"

/* ---- a worker's part ---- */

static void on_check(uv_check_t *check)
{
    board_rows_flush(check->data);
}

/* What timers and messages have added is not left until the next event. */
static void on_prepare(uv_prepare_t *prepare)
{
    board_rows_flush(prepare->data);
}

void named_flush(struct worker *worker)
{
    board_rows_flush(worker->named);
}

static void flush_all(struct worker *worker)
{
    board_rows_flush(worker->named);
    keys_flush(worker);
}

void named_open(struct worker *worker)
{
    struct named *named = bytes_alloc_zero(1, sizeof(*named));

    named->worker = worker;
    named->random = hash_u64((uint64_t)worker->now_ms + worker->number);
    named->check.data = named;
    named->prepare.data = named;
    uv_check_init(&worker->loop, &named->check);
    uv_check_start(&named->check, on_check);
    uv_prepare_init(&worker->loop, &named->prepare);
    uv_prepare_start(&named->prepare, on_prepare);
    worker->named = named;
    worker->flush = flush_all;
}

static void on_prepare_closed(uv_handle_t *handle)
{
    struct named *named = handle->data;

    stream_cursors_done(named);
    free(named->open);
    free(named);
}

static void on_check_closed(uv_handle_t *handle)
{
    struct named *named = handle->data;

    uv_close((uv_handle_t *)&named->prepare, on_prepare_closed);
}

void named_close(struct worker *worker)
{
    struct named *named = worker->named;

    if (named == NULL)
        return;
    assert(named->open_count == 0);
    worker->named = NULL;
    worker->flush = keys_flush;
    uv_close((uv_handle_t *)&named->check, on_check_closed);
}

/* ---- a call ---- */

void named_finish(struct named_call *call)
{
    call->done(call->context, bytes_span(&call->out));
    free(call->items);
    command_list_done(&call->list);
    bytes_done(&call->out);
    free(call);
}

void named_fail(struct named_call *call, const struct err *err)
{
    bytes_clear(&call->out);
    reply_error(&call->out, "ERR %s", err->text);
    named_finish(call);
}

static void on_read(void *context, struct read *read, int rc, const struct err *err)
{
    struct named_call *call = context;

    call->read = NULL;
    if (rc < 0) {
        struct err copy = *err;

        read_free(read);
        named_fail(call, &copy);
        return;
    }
    call->read_done(call, read);
}

void named_ask(struct named_call *call, struct read *read,
               void (*read_done)(struct named_call *call, struct read *read))
{
    call->read = read;
    call->read_done = read_done;
    ask_read(call->worker, read, on_read, call);
}

bool named_again(struct named_call *call)
{
    const struct catalog_board *board =
        catalog_find_board(call->worker->catalog, span_of(call->name));
    struct err err = {0};

    if (board != NULL && board->id == call->board_id && board->def.version == call->board_version) {
        call->place.board = board;
        return true;
    }
    err_set(&err, ERR_NOT_FOUND, "board \"%s\" was dropped or defined anew", call->name);
    named_fail(call, &err);
    return false;
}

struct value named_shown(struct read *read, struct value score)
{
    return board_read_shown((const struct board_read *)board_read_inner(read), score);
}

void named_put_score(struct bytes *out, struct value score)
{
    const int64_t exact_max = INT64_C(1) << 53;
    char digits[24];

    if (score.type == VALUE_FLOAT) {
        reply_double(out, score.f);
    } else if (score.i >= -exact_max && score.i <= exact_max) {
        reply_double(out, (double)score.i);
    } else {
        snprintf(digits, sizeof(digits), "%lld", (long long)score.i);
        reply_bulk(out, span_of(digits));
    }
}

/* What can be said of anything that is defined, without asking. */
static bool answer_at_once(struct named_call *call)
{
    bool is_board = call->key.kind == NAMED_BOARD;

    switch ((enum command_op)call_command(call)->op) {
    case COMMAND_EXISTS:
        reply_int(&call->out, 1);
        return true;
    case COMMAND_TYPE:
        reply_status(&call->out, is_board ? "zset" : "stream");
        return true;
    case COMMAND_EXPIRY:
        reply_int(&call->out, -1);
        return true;
    case COMMAND_ENCODING:
        reply_bulk(&call->out, span_of(is_board ? "skiplist" : "stream"));
        return true;
    default:
        return false;
    }
}

static named_begin_fn *begin_of(enum command_op op)
{
    static named_begin_fn *const begins[] = {
        [COMMAND_ZADD] = board_rows_zadd,
        [COMMAND_TW_UPDATE] = board_rows_tw_update,
        [COMMAND_ZREM] = board_remove_zrem,
        [COMMAND_ZCARD] = board_ranges_zcard,
        [COMMAND_ZCOUNT] = board_ranges_zcount,
        [COMMAND_ZRANGE] = board_ranges_zrange,
        [COMMAND_ZDUMP] = board_ranges_zdump,
        [COMMAND_ZSCORE] = board_members_zscore,
        [COMMAND_ZRANK] = board_members_zrank,
        [COMMAND_TW_AROUND] = board_members_tw_around,
        [COMMAND_TW_AMONG] = board_members_tw_among,
        [COMMAND_ZSCAN] = board_walk_zscan,
        [COMMAND_ZRANDMEMBER] = board_walk_zrandmember,
    };

    return op < sizeof(begins) / sizeof(begins[0]) ? begins[op] : NULL;
}

static void take_board(struct named_call *call)
{
    const struct catalog_board *board = call->key.board;

    call->board_id = board->id;
    call->board_version = board->def.version;
    call->by_count = board->def.by_count;
    call->is_int = board->score_is_int;
    call->order = board->def.order;
    memcpy(call->name, board->def.name, sizeof(call->name));
    call->place = (struct board_place){
        .board = board,
        .labels = call->key.labels,
        .season_given = call->key.season_given,
        .season_ms = call->key.season_ms,
        .partition_count = node_partition_count(call->worker->node),
    };
}

void named_run(struct worker *worker, const struct command_list *list, named_done_fn *done,
               void *context)
{
    struct named_call *call = bytes_alloc_zero(1, sizeof(*call));
    named_begin_fn *begin;

    call->worker = worker;
    call->done = done;
    call->context = context;
    command_list_copy(&call->list, list, 0);
    named_find(worker, call_arg(call, 0), &call->key);
    if (call->key.kind == NAMED_BOARD)
        take_board(call);
    begin = begin_of((enum command_op)call_command(call)->op);
    if (call->key.kind == NAMED_WRONG) {
        reply_error(&call->out, "%s", call->key.reason);
    } else if (call->key.kind == NAMED_NOTHING) { /* it was dropped a moment ago */
        reply_error(&call->out, "ERR what the key names is not defined any more");
    } else if (!answer_at_once(call)) {
        if (begin != NULL && call->key.kind == NAMED_BOARD) {
            begin(call);
            return;
        }
        reply_error(&call->out, "ERR this command can not be used on what is defined");
    }
    named_finish(call);
}
