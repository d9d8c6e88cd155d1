// SPDX-License-Identifier: Apache-2.0
/*
 * board_remove.c - ZREM on a defined board: a change of each member (model/board_change.h) in the
 * partition where it is at home.
 *
 * What was written before goes first: rows that wait for the end of the turn are sent.
 *
 * Thread: the worker's.
 */
#include <stdlib.h>

#include "engine/catalog.h"
#include "model/batch.h"
#include "model/reply.h"
#include "named/named_private.h"
#include "node/ingest.h"
#include "node/node.h"
#include "node/submission.h"
#include "node/worker.h"

/* The partition where a member is at home; ERR_INVALID if it can be none of the board's. */
static int find_home(const struct named_call *call, struct span member, uint32_t *out_home,
                     struct err *err)
{
    const struct catalog_stream *stream =
        catalog_stream_by_id(call->worker->catalog, call->key.board->stream_id);
    struct cell cells[STREAM_FIELDS_MAX] = {{0}};
    struct cell *key = &cells[stream->def.key_field];
    char digits[32];
    char *rest = digits;

    key->present = true;
    if (stream->def.fields[stream->def.key_field].type == FIELD_STRING) {
        key->text = member;
    } else {
        snprintf(digits, sizeof(digits), "%.*s", (int)(member.size < 31 ? member.size : 31),
                 member.data);
        key->i = strtoll(digits, &rest, 10);
        if (member.size > 31 || rest == digits || *rest != '\0')
            return err_set(err, ERR_INVALID, "members of board \"%s\" are whole numbers",
                           call->name);
    }
    *out_home = ingest_partition(&call->worker->ingest, &stream->def, cells);
    return 0;
}

static void end(struct named_call *call)
{
    if (call->rc < 0) {
        named_fail(call, &call->err);
        return;
    }
    reply_int(&call->out, call->removed);
    named_finish(call);
}

static void on_removed(struct submission *submission, struct worker *origin)
{
    struct named_call *call = submission->context;

    (void)origin;
    if (submission->rc < 0) {
        call->rc = submission->rc;
        call->err = submission->err;
    } else {
        call->removed += submission->change.outcome == BOARD_CHANGE_DONE;
        bytes_done(&submission->change.taken);
    }
    worker_free_record(submission);
    if (--call->pending == 0)
        end(call);
}

static void submit(struct named_call *call, struct span member, uint32_t home)
{
    struct board_change change = {.op = BOARD_CHANGE_REMOVE,
                                  .board_id = call->board_id,
                                  .board_version = call->board_version,
                                  .by_count = call->by_count,
                                  .member = member};
    struct bytes record = {0};

    for (uint32_t i = 0; i < call->by_count; i++)
        change.by[i] = call->key.labels[i];
    board_change_encode(&change, &record);
    call->pending++;
    worker_submit_record(call->worker, home, JOURNAL_BOARD_CHANGE, bytes_span(&record), on_removed,
                         call);
    bytes_done(&record);
}

void board_remove_zrem(struct named_call *call)
{
    uint32_t count = call_command(call)->arg_count;
    struct err err = {0};

    if (call->key.season_given) {
        err_set(&err, ERR_INVALID,
                "members are removed from the current season of board \"%s\": name no season",
                call->name);
        named_fail(call, &err);
        return;
    }
    named_flush(call->worker);
    ingest_flush(&call->worker->ingest);
    call->pending = 1; /* this function's own */
    for (uint32_t i = 1; i < count; i++) {
        struct span member = call_arg(call, i);
        uint32_t home = 0;

        if (member.size > 0 && find_home(call, member, &home, &err) == 0)
            submit(call, member, home);
    }
    if (--call->pending == 0)
        end(call);
}
