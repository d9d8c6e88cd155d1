// SPDX-License-Identifier: Apache-2.0
/*
 * routes_members.c - one member of a board removed, banned, or given another name.
 *
 *     DELETE /v1/boards/B/members/M          POST /v1/boards/B/members/M/ban
 *     POST   /v1/boards/B/members/M/rename   DELETE …/members/M/ban
 *
 * A change is journaled in the partition where the member is at home, like an event of it, and
 * answered when it is committed and folded (model/board_change.h).
 *
 * A new name may be at home in another partition. Then there are three steps: read what the old
 * name has, give that to the new one, take it from the old one. Taking fails if events of the old
 * name came in between; then it all begins again, and replaces what was given. So no event is
 * lost, and a server that stops half way leaves both names rather than none. Under a storm of
 * events that would not end; so the last try takes whatever there is, and gives once more what it
 * took.
 */
#include <jansson.h>
#include <stdlib.h>

#include "base/conf.h"
#include "base/err.h"
#include "base/json.h"
#include "engine/board_changes.h"
#include "engine/board_seasons.h"
#include "engine/catalog.h"
#include "engine/partition.h"
#include "model/batch.h"
#include "model/board_change.h"
#include "node/ask.h"
#include "node/ingest.h"
#include "node/node.h"
#include "node/submission.h"
#include "node/worker.h"
#include "period/period.h"
#include "query/read.h"
#include "board/board.h"
#include "http/http.h"
#include "serve/serve_private.h"

#define RENAME_TRIES 8

struct member_call {
    struct read read; /* first: what the old name has */
    struct http_request *request;
    struct serve_worker *served;
    struct bytes body;
    enum board_change_op op; /* what was asked for */
    char board_name[NAME_BYTES_MAX];
    uint32_t board_id;
    uint32_t board_version;
    bool seasonal;
    bool in_season; /* of a rename: what was found is in the season that begins at season_ms */
    int64_t season_ms;
    struct bytes member;
    struct bytes to;
    uint32_t home; /* partitions */
    uint32_t to_home;
    struct bytes entries; /* what the old name has */
    struct bytes given;   /* what the new name was given */
    uint32_t entry_count;
    uint32_t tries;
    bool started; /* something is under way, which ends the call */
};

static void free_call(struct member_call *call)
{
    bytes_done(&call->body);
    bytes_done(&call->member);
    bytes_done(&call->to);
    bytes_done(&call->entries);
    bytes_done(&call->given);
    free(call);
}

static int shown(const struct bytes *name)
{
    return (int)(name->size < 200 ? name->size : 200);
}

/* ---- the answer ---- */

static void end_with_error(struct member_call *call, const struct err *err)
{
    if (call->request != NULL) {
        http_request_set_state(call->request, NULL);
        http_reply_err(call->request, err);
    }
    free_call(call);
}

static int explain(const struct member_call *call, enum board_change_outcome outcome,
                   struct err *err)
{
    const char *board = call->board_name;

    switch (outcome) {
    case BOARD_CHANGE_DONE:
        return 0;
    case BOARD_CHANGE_ABSENT:
        return err_set(err, ERR_NOT_FOUND, "\"%.*s\" is not %s board \"%s\"", shown(&call->member),
                       call->member.data, call->op == BOARD_CHANGE_UNBAN ? "banned from" : "on",
                       board);
    case BOARD_CHANGE_PRESENT:
        return err_set(err, ERR_CONFLICT, "\"%.*s\" is on board \"%s\" already", shown(&call->to),
                       call->to.data, board);
    case BOARD_CHANGE_BANNED:
        if (call->op == BOARD_CHANGE_BAN)
            return 0; /* it has been: that is what was asked for */
        return err_set(err, ERR_CONFLICT, "\"%.*s\" is banned from board \"%s\"", shown(&call->to),
                       call->to.data, board);
    case BOARD_CHANGE_MOVED:
        return err_set(err, ERR_CONFLICT,
                       "events of \"%.*s\" and \"%.*s\" came while the one was renamed to the "
                       "other; both are on board \"%s\" now",
                       shown(&call->member), call->member.data, shown(&call->to), call->to.data,
                       board);
    case BOARD_CHANGE_FULL:
        return err_set(err, ERR_LIMIT, "the board is full: see the limit `board_members`");
    case BOARD_CHANGE_NO_SEASON:
        return err_set(err, ERR_CONFLICT,
                       "the season of board \"%s\" that \"%.*s\" is in has not begun where "
                       "\"%.*s\" is at home, or is over there",
                       board, shown(&call->member), call->member.data, shown(&call->to),
                       call->to.data);
    case BOARD_CHANGE_NO_BOARD:
        break;
    }
    return err_set(err, ERR_NOT_FOUND, "board \"%s\" was dropped or defined anew", board);
}

static void put_answer(const struct member_call *call, uint32_t entries, struct bytes *text)
{
    bool is_rename = call->op == BOARD_CHANGE_RENAME;
    struct json_out json;

    json_out_init(&json, text);
    json_out_object(&json);
    json_out_key(&json, "board");
    json_out_text(&json, call->board_name);
    json_out_key(&json, "member");
    json_out_string(&json, bytes_span(is_rename ? &call->to : &call->member));
    if (is_rename) {
        json_out_key(&json, "renamed_from");
        json_out_string(&json, bytes_span(&call->member));
    }
    if (call->op == BOARD_CHANGE_BAN || call->op == BOARD_CHANGE_UNBAN) {
        json_out_key(&json, "banned");
        json_out_bool(&json, call->op == BOARD_CHANGE_BAN);
    }
    if (call->op != BOARD_CHANGE_UNBAN) {
        json_out_key(&json, is_rename ? "entries" : "removed");
        json_out_uint(&json, entries);
    }
    json_out_object_end(&json);
}

static void end(struct member_call *call, enum board_change_outcome outcome, uint32_t entries)
{
    struct bytes text = {0};
    struct err err = {0};

    if (explain(call, outcome, &err) < 0) {
        end_with_error(call, &err);
        return;
    }
    if (call->request != NULL) {
        put_answer(call, entries, &text);
        http_request_set_state(call->request, NULL);
        http_reply_bytes(call->request, 200, "application/json", &text);
        bytes_done(&text);
    }
    free_call(call);
}

/* ---- changes on their way ---- */

static void submit(struct member_call *call, uint32_t partition, struct board_change *change,
                   void (*returned)(struct submission *, struct worker *))
{
    struct bytes record = {0};

    call->started = true;
    change->board_id = call->board_id;
    change->board_version = call->board_version;
    board_change_encode(change, &record);
    worker_submit_record(call->served->worker, partition, JOURNAL_BOARD_CHANGE, bytes_span(&record),
                         returned, call);
    bytes_done(&record);
}

/* What became of a change; false if it failed, which has ended the call. */
static bool take_result(struct submission *submission, struct board_change_result *out_result)
{
    struct member_call *call = submission->context;
    struct err err = submission->err;
    bool good = submission->rc == 0;

    *out_result = submission->change;
    submission->change.taken = (struct bytes){0};
    worker_free_record(submission);
    if (!good) {
        bytes_done(&out_result->taken);
        end_with_error(call, &err);
    }
    return good;
}

static void on_changed(struct submission *submission, struct worker *origin)
{
    struct member_call *call = submission->context;
    struct board_change_result result;

    (void)origin;
    if (take_result(submission, &result))
        end(call, result.outcome, result.outcome == BOARD_CHANGE_DONE ? result.entries : 0);
}

/* ---- renaming from one partition to another ---- */

static void read_old(struct member_call *call);

/* The last step, if what was taken is not what had been given. */
static void correct(struct member_call *call, struct span taken)
{
    struct board_change give = {.op = BOARD_CHANGE_GIVE,
                                .in_season = call->in_season,
                                .season_ms = call->season_ms,
                                .member = bytes_span(&call->to),
                                .entries = taken,
                                .replaced = bytes_span(&call->given)};

    submit(call, call->to_home, &give, on_changed);
}

static void on_taken(struct submission *submission, struct worker *origin)
{
    struct member_call *call = submission->context;
    struct board_change_result result;

    (void)origin;
    if (!take_result(submission, &result))
        return;
    if (result.outcome == BOARD_CHANGE_MOVED)
        read_old(call);
    else if (result.outcome == BOARD_CHANGE_ABSENT) /* removed meanwhile: nothing is left to take */
        end(call, BOARD_CHANGE_DONE, call->entry_count);
    else if (result.outcome == BOARD_CHANGE_DONE &&
             !span_equal(bytes_span(&result.taken), bytes_span(&call->given)))
        correct(call, bytes_span(&result.taken));
    else
        end(call, result.outcome, call->entry_count);
    bytes_done(&result.taken);
}

static void on_given(struct submission *submission, struct worker *origin)
{
    struct member_call *call = submission->context;
    struct board_change take = {.op = BOARD_CHANGE_TAKE};
    struct board_change_result result;

    (void)origin;
    if (!take_result(submission, &result))
        return;
    if (result.outcome != BOARD_CHANGE_DONE) {
        end(call, result.outcome, 0);
        return;
    }
    bytes_clear(&call->given);
    bytes_put(&call->given, call->entries.data, call->entries.size);
    take.in_season = call->in_season;
    take.season_ms = call->season_ms;
    take.member = bytes_span(&call->member);
    if (++call->tries < RENAME_TRIES)
        take.entries = bytes_span(&call->entries);
    submit(call, call->home, &take, on_taken);
}

/* The board in its current season; once something was given, in the season of that. */
static const struct board *board_of(struct member_call *call, const struct partition *partition)
{
    const struct board_seasons *seasons = partition_seasons(partition, call->board_id);
    struct board_season season;

    for (uint32_t i = 0; seasons != NULL && call->seasonal && !call->in_season &&
                         board_seasons_list(seasons, i, &season, 1) == 1;
         i++) {
        call->in_season = season.current && board_season_is_real(&season);
        call->season_ms = season.start_ms;
    }
    return call->in_season ? partition_board_season(partition, call->board_id, call->season_ms)
                           : partition_board(partition, call->board_id);
}

static void old_collect(struct read *read, const struct partition *partition, uint32_t slot)
{
    struct member_call *call = (struct member_call *)read;
    const struct board *board;

    if (slot != call->home)
        return;
    bytes_clear(&call->entries);
    call->entry_count = 0;
    board = board_of(call, partition);
    if (board != NULL && board_definition(board)->version == call->board_version)
        call->entry_count = board_changes_gather(board, bytes_span(&call->member), &call->entries);
}

static int old_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    (void)read;
    (void)err;
    *out_step = READ_DONE;
    return 0;
}

static const struct read_ops old_ops = {
    .name = "rename", .collect = old_collect, .merge = old_merge};

static void on_read(void *context, struct read *read, int rc, const struct err *err)
{
    struct member_call *call = context;
    struct board_change give = {.op = BOARD_CHANGE_GIVE};

    (void)read;
    if (rc < 0) {
        end_with_error(call, err);
        return;
    }
    if (call->entry_count == 0) { /* or it was removed since something was given: that stays */
        end(call, call->given.size > 0 ? BOARD_CHANGE_DONE : BOARD_CHANGE_ABSENT, 0);
        return;
    }
    give.in_season = call->in_season;
    give.season_ms = call->season_ms;
    give.member = bytes_span(&call->to);
    give.entries = bytes_span(&call->entries);
    give.replaced = bytes_span(&call->given);
    submit(call, call->to_home, &give, on_given);
}

static void read_old(struct member_call *call)
{
    call->started = true;
    call->read.ops = &old_ops;
    call->read.partition_count = node_partition_count(call->served->node);
    ask_read(call->served->worker, &call->read, on_read, call);
}

/* ---- the request ---- */

/* The partition of a member: that of its events. A key is a string or an int. */
static int find_home(const struct member_call *call, const struct catalog_stream *stream,
                     struct span member, uint32_t *out_home, struct err *err)
{
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
            return err_set(err, ERR_INVALID,
                           "\"%.*s\": expected a whole number, as all members of board \"%s\" are",
                           (int)(member.size < 200 ? member.size : 200), member.data,
                           call->board_name);
    }
    *out_home = ingest_partition(&call->served->worker->ingest, &stream->def, cells);
    return 0;
}

/* `by.F` of a removal: one segment, or all whose label is that. */
static int read_by(const struct http_request *request, const struct board_def *def,
                   struct board_change *change, struct err *err)
{
    struct span name;
    struct span value;

    for (size_t i = 0; http_request_query_at(request, i, &name, &value); i++) {
        uint32_t field = 0;

        while (field < def->by_count &&
               (name.size < 3 || memcmp(name.data, "by.", 3) != 0 ||
                !span_equal((struct span){name.data + 3, name.size - 3}, span_of(def->by[field]))))
            field++;
        if (change->op != BOARD_CHANGE_REMOVE || field == def->by_count)
            return err_set(err, ERR_INVALID, "unknown parameter \"%.*s\"%s",
                           (int)(name.size < 100 ? name.size : 100), name.data,
                           change->op == BOARD_CHANGE_REMOVE ? ", expected by.F for a field of `by`"
                                                             : "; this takes none");
        change->by_count = def->by_count;
        change->by[field] = value;
    }
    return 0;
}

static int read_to(struct member_call *call, struct err *err)
{
    size_t limit = (size_t)node_conf(call->served->node)->limits.string_bytes;
    json_t *tree =
        json_loadb(call->body.data != NULL ? call->body.data : "", call->body.size, 0, NULL);
    const json_t *to = json_object_get(tree, "to");
    struct span name = {json_string_value(to), json_string_length(to)};
    int rc = 0;

    if (!json_is_object(tree) || name.data == NULL || name.size == 0)
        rc = err_set(err, ERR_INVALID, "expected an object such as {\"to\":\"Ada Lovelace\"}");
    else if (name.size > limit)
        rc = err_set(err, ERR_INVALID, "\"to\": longer than %zu bytes, the limit `string_bytes`",
                     limit);
    else if (span_equal(name, bytes_span(&call->member)))
        rc = err_set(err, ERR_INVALID, "\"to\": that is its name already");
    else
        bytes_put(&call->to, name.data, name.size);
    json_decref(tree);
    return rc;
}

static int run(struct member_call *call, struct err *err)
{
    struct worker *worker = call->served->worker;
    const struct http_request *request = call->request;
    struct board_change change = {.op = call->op};
    const struct catalog_board *board =
        catalog_find_board(worker->catalog, http_request_param(request, "name"));
    const struct catalog_stream *stream;
    int rc;

    if (board == NULL)
        return err_set(err, ERR_NOT_FOUND,
                       "board \"%.100s\" is not defined; GET /v1/boards lists what is",
                       http_request_param(request, "name").data);
    if (call->op == BOARD_CHANGE_RENAME &&
        (board->def.period.kind == PERIOD_ROLLING || board->def.expire_ms > 0))
        return err_set(err, ERR_CONFLICT,
                       "board \"%s\" has a rolling period or members that expire: they can not be "
                       "renamed there",
                       board->def.name);
    stream = catalog_stream_by_id(worker->catalog, board->stream_id);
    memcpy(call->board_name, board->def.name, sizeof(call->board_name));
    call->board_id = board->id;
    call->seasonal = period_has_seasons(&board->def.period);
    call->board_version = board->def.version;
    rc = read_by(request, &board->def, &change, err);
    if (rc == 0)
        rc = find_home(call, stream, bytes_span(&call->member), &call->home, err);
    if (rc == 0 && call->op == BOARD_CHANGE_RENAME) {
        rc = read_to(call, err);
        if (rc == 0)
            rc = find_home(call, stream, bytes_span(&call->to), &call->to_home, err);
    }
    if (rc < 0)
        return rc;
    change.member = bytes_span(&call->member);
    change.to = bytes_span(&call->to);
    if (call->op == BOARD_CHANGE_RENAME && call->home != call->to_home)
        read_old(call);
    else
        submit(call, call->home, &change, on_changed);
    return 0;
}

static void begin(struct http_request *request, enum board_change_op op)
{
    struct member_call *call;
    struct span member;

    if (!serve_ready(request))
        return;
    call = bytes_alloc_zero(1, sizeof(*call));
    call->request = request;
    call->served = serve_of(request);
    call->op = op;
    member = http_request_param(request, "member");
    bytes_put(&call->member, member.data, member.size);
    http_request_set_state(request, call);
}

static void on_remove(struct http_request *request)
{
    begin(request, BOARD_CHANGE_REMOVE);
}

static void on_ban(struct http_request *request)
{
    begin(request, BOARD_CHANGE_BAN);
}

static void on_unban(struct http_request *request)
{
    begin(request, BOARD_CHANGE_UNBAN);
}

static void on_rename(struct http_request *request)
{
    begin(request, BOARD_CHANGE_RENAME);
}

static void on_body(struct http_request *request, const char *data, size_t size)
{
    struct member_call *call = http_request_state(request);

    bytes_put(&call->body, data, size); /* bounded by body_bytes of the server */
}

static void on_end(struct http_request *request)
{
    struct member_call *call = http_request_state(request);
    struct err err = {0};

    if (run(call, &err) < 0)
        end_with_error(call, &err);
}

static void on_gone(struct http_request *request)
{
    struct member_call *call = http_request_state(request);

    if (call == NULL)
        return;
    call->request = NULL;
    if (!call->started)
        free_call(call);
}

const struct route_ops routes_members_remove = {
    .on_request = on_remove, .on_body = on_body, .on_end = on_end, .on_gone = on_gone};

const struct route_ops routes_members_ban = {
    .on_request = on_ban, .on_body = on_body, .on_end = on_end, .on_gone = on_gone};

const struct route_ops routes_members_unban = {
    .on_request = on_unban, .on_body = on_body, .on_end = on_end, .on_gone = on_gone};

const struct route_ops routes_members_rename = {
    .on_request = on_rename, .on_body = on_body, .on_end = on_end, .on_gone = on_gone};
