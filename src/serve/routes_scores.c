// SPDX-License-Identifier: Apache-2.0
/*
 * routes_scores.c - POST /v1/boards/B/scores: scores given directly, ranks in the reply.
 *
 * The body is one object or an array: {"member":…,"score":…,"mode":"set|add|max|min","by.<f>":…}.
 * The rows go, journaled like any event, to the partitions of their members; when all are folded a
 * read counts how many members everywhere are better than each old and new key. Ranks are as of
 * just after the rows of the request were folded, and so is how many were passed: those that stand
 * between the old place and the new one.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/conf.h"
#include "base/err.h"
#include "base/json.h"
#include "engine/catalog.h"
#include "engine/partition.h"
#include "model/batch.h"
#include "node/ask.h"
#include "node/ingest.h"
#include "node/node.h"
#include "node/submission.h"
#include "node/worker.h"
#include "period/period.h"
#include "query_board/rank_style.h"
#include "query/read.h"
#include "board/board.h"
#include "http/http.h"
#include "serve/serve_private.h"

#define UPDATES_MAX 1000

/* One update of the request. */
struct update {
    char *member;
    size_t member_size;
    uint64_t line;
    bool is_bad;
    char reason[160];
    struct submission *submission; /* where it travels */
    uint32_t row;
    struct span labels[BY_FIELDS_MAX]; /* borrowed from the body's tree */
    struct board_reply reply;
    int64_t season_ms; /* where the season begins that it came into */
};

struct scores_call {
    struct read read; /* first: the call is the read that ranks */
    struct http_request *request;
    struct serve_worker *served;
    struct bytes body;
    json_t *tree;
    uint32_t board_id;
    uint32_t by_count;
    bool score_is_int;
    bool seasonal;
    enum rank_style style;
    struct update *updates;
    uint32_t update_count;
    struct submission **submissions; /* by partition */
    uint32_t pending;
    int rc;
    struct err err;
    uint32_t *better_old; /* partition-major: how many are better than the old key */
    uint32_t *better_new;
    bool started;
};

static void free_call(struct scores_call *call)
{
    for (uint32_t i = 0; i < call->update_count; i++)
        free(call->updates[i].member);
    free(call->updates);
    free(call->submissions);
    free(call->better_old);
    free(call->better_new);
    json_decref(call->tree);
    bytes_done(&call->body);
    free(call);
}

/* ---- ranks ---- */

/* The member itself may stand higher by now: by its new score, or by a later update. */
static uint32_t count_others_better(const struct board *board, uint32_t segment,
                                    enum rank_style style, const struct rank_key *key)
{
    struct board_entry self = {.key = *key};

    board_find(board, segment, key->member, &self);
    if (style == RANK_COMPETITION)
        return board_count_better_score(board, segment, key->score) - (self.key.score < key->score);
    return board_count_better(board, segment, key) - (rank_key_compare(&self.key, key) < 0);
}

/* Partitions may be in different seasons for a while: the one that the update came into counts. */
static const struct board *board_of(const struct scores_call *call,
                                    const struct partition *partition, const struct update *update)
{
    if (call->seasonal)
        return partition_board_season(partition, call->board_id, update->season_ms);
    return partition_board(partition, call->board_id);
}

static void rank_collect(struct read *read, const struct partition *partition, uint32_t slot)
{
    struct scores_call *call = (struct scores_call *)read;

    for (uint32_t i = 0; i < call->update_count; i++) {
        struct update *update = &call->updates[i];
        uint32_t at = slot * call->update_count + i;
        const struct board *board;
        uint32_t segment;

        if (update->is_bad || !update->reply.taken)
            continue;
        board = board_of(call, partition, update);
        if (board == NULL)
            continue;
        segment = board_segment_find(board, update->labels);
        call->better_new[at] = count_others_better(board, segment, call->style, &update->reply.key);
        if (update->reply.existed)
            call->better_old[at] =
                count_others_better(board, segment, call->style, &update->reply.old_key);
    }
}

static int rank_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    (void)read;
    (void)err;
    *out_step = READ_DONE;
    return 0;
}

static const struct read_ops rank_ops = {
    .name = "scores", .collect = rank_collect, .merge = rank_merge};

static uint64_t add_up(const struct scores_call *call, const uint32_t *better, uint32_t index)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < call->read.partition_count; i++)
        sum += better[i * call->update_count + index];
    return sum;
}

/* ---- the answer ---- */

static void put_count(struct json_out *json, const char *name, bool known, uint64_t count)
{
    json_out_key(json, name);
    if (known)
        json_out_uint(json, count);
    else
        json_out_null(json);
}

static void put_update(const struct scores_call *call, uint32_t index, struct json_out *json)
{
    const struct update *update = &call->updates[index];
    const struct board_reply *reply = &update->reply;
    uint64_t before = add_up(call, call->better_old, index);
    uint64_t after = add_up(call, call->better_new, index);

    json_out_object(json);
    json_out_key(json, "member");
    json_out_string(json, (struct span){update->member, update->member_size});
    json_out_key(json, "old_score");
    if (reply->existed)
        value_print(reply->old_score, json);
    else
        json_out_null(json);
    json_out_key(json, "score");
    value_print(reply->score, json);
    put_count(json, "old_rank", reply->existed, 1 + before);
    put_count(json, "rank", true, 1 + after);
    put_count(json, "passed", reply->existed, before > after ? before - after : 0);
    put_count(json, "passed_by", reply->existed, after > before ? after - before : 0);
    if (call->seasonal) {
        json_out_key(json, "season");
        json_out_int(json, update->season_ms);
    }
    json_out_object_end(json);
}

static const char *reason_of(const struct update *update)
{
    if (update->is_bad)
        return update->reason;
    return update->reply.refused ? "the board is full: see the limit `board_members`"
                                 : "the member is banned from this board";
}

static void put_answer(const struct scores_call *call, struct bytes *text, uint32_t *out_taken)
{
    struct json_out json;

    json_out_init(&json, text);
    json_out_object(&json);
    json_out_key(&json, "results");
    json_out_array(&json);
    *out_taken = 0;
    for (uint32_t i = 0; i < call->update_count; i++)
        if (!call->updates[i].is_bad && call->updates[i].reply.taken) {
            put_update(call, i, &json);
            (*out_taken)++;
        }
    json_out_array_end(&json);
    json_out_key(&json, "ranks");
    json_out_text(&json, rank_style_text(call->style));
    json_out_key(&json, "rejected");
    json_out_array(&json);
    for (uint32_t i = 0; i < call->update_count; i++) {
        const struct update *update = &call->updates[i];

        if (!update->is_bad && update->reply.taken)
            continue;
        json_out_object(&json);
        json_out_key(&json, "line");
        json_out_uint(&json, update->line);
        json_out_key(&json, "reason");
        json_out_text(&json, reason_of(update));
        json_out_object_end(&json);
    }
    json_out_array_end(&json);
    json_out_object_end(&json);
}

static void reply(struct scores_call *call)
{
    struct bytes text = {0};
    uint32_t taken = 0;

    if (call->request == NULL)
        return;
    if (call->rc < 0) {
        http_reply_err(call->request, &call->err);
        return;
    }
    put_answer(call, &text, &taken);
    http_reply_bytes(call->request, taken == 0 && call->update_count > 0 ? 400 : 200,
                     "application/json", &text);
    bytes_done(&text);
}

static void on_ranked(void *context, struct read *read, int rc, const struct err *err)
{
    struct scores_call *call = context;

    (void)read;
    if (rc < 0) {
        call->rc = rc;
        call->err = *err;
    }
    reply(call);
    free_call(call);
}

/* ---- the rows ---- */

static void all_returned(struct scores_call *call)
{
    uint32_t cells = call->read.partition_count * call->update_count;

    if (call->rc < 0 || call->update_count == 0) {
        reply(call);
        free_call(call);
        return;
    }
    call->better_old = bytes_alloc_zero(cells, sizeof(uint32_t));
    call->better_new = bytes_alloc_zero(cells, sizeof(uint32_t));
    ask_read(call->served->worker, &call->read, on_ranked, call);
}

static int64_t season_of(struct worker *worker, uint32_t board_id, int64_t event_ms)
{
    struct period period;

    for (uint32_t i = 0; i < worker->catalog->board_count; i++) {
        const struct catalog_board *board = worker->catalog->boards[i];

        if (board->id != board_id)
            continue;
        period_init(&period, &board->def.period, board->zone);
        return period_season_of(&period, event_ms).start_ms;
    }
    return INT64_MIN; /* dropped meanwhile: no partition will know it either */
}

static void on_returned(struct submission *submission, struct worker *origin)
{
    struct scores_call *call = submission->context;

    if (submission->rc < 0) {
        call->rc = submission->rc;
        call->err = submission->err;
    }
    for (uint32_t i = 0; i < call->update_count; i++) {
        struct update *update = &call->updates[i];
        struct span member = {update->member, update->member_size};

        if (update->submission != submission)
            continue;
        /* Late rows, which a time of arrival never makes, would have left it zeroed. */
        update->reply = submission->replies[update->row];
        update->reply.key.member = member; /* the board's own bytes may go with the board */
        update->reply.old_key.member = member;
        if (call->seasonal && submission->rc >= 0)
            update->season_ms =
                season_of(origin, call->board_id, submission->batch->event_ms[update->row]);
    }
    ingest_recycle(&origin->ingest, submission);
    if (--call->pending == 0)
        all_returned(call);
}

static const char *const mode_texts[] = {"set", "add", "max", "min"};

static bool bad(struct update *update, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool bad(struct update *update, const char *format, ...)
{
    va_list args;

    update->is_bad = true;
    va_start(args, format);
    vsnprintf(update->reason, sizeof(update->reason), format, args);
    va_end(args);
    return false;
}

static bool read_score(const struct scores_call *call, struct update *update, const json_t *score,
                       struct cell *cell)
{
    cell->present = true;
    if (!json_is_number(score))
        return bad(update, "\"score\": expected a number");
    if (!call->score_is_int) {
        cell->f = json_number_value(score);
        return true;
    }
    if (json_is_integer(score)) {
        cell->i = json_integer_value(score);
        if (cell->i != BATCH_INT_NONE)
            return true;
    }
    return bad(update, "\"score\": expected an integer; the board has `type: int`");
}

static bool read_mode(struct update *update, const json_t *mode, struct cell *cell)
{
    const char *text = mode == NULL ? "set" : json_string_value(mode);

    cell->present = true;
    for (int i = 0; text != NULL && i < 4; i++)
        if (strcmp(text, mode_texts[i]) == 0) {
            cell->i = i;
            return true;
        }
    return bad(update, "\"mode\": expected one of set, add, max, min");
}

/* "by.<field>" for each `by` of the board. */
static bool read_labels(const struct scores_call *call, const struct stream_def *def,
                        struct update *update, const json_t *object, struct cell *cells)
{
    size_t limit = (size_t)node_conf(call->served->node)->limits.string_bytes;

    for (uint32_t i = 0; i < call->by_count; i++) {
        const char *field = def->fields[BOARD_STREAM_BY + i].name;
        char key[NAME_BYTES_MAX + 3];
        const json_t *label;

        snprintf(key, sizeof(key), "by.%s", field);
        label = json_object_get(object, key);
        if (!json_is_string(label))
            return bad(update, "\"%s\": expected a string; the board is `by` %s", key, field);
        if (json_string_length(label) > limit)
            return bad(update, "\"%s\": longer than %zu bytes, the limit `string_bytes`", key,
                       limit);
        update->labels[i] = (struct span){json_string_value(label), json_string_length(label)};
        cells[BOARD_STREAM_BY + i] = (struct cell){.present = true, .text = update->labels[i]};
    }
    return true;
}

static bool read_update(const struct scores_call *call, const struct stream_def *def,
                        struct update *update, const json_t *object, struct cell *cells)
{
    const json_t *member = json_object_get(object, "member");
    size_t limit = (size_t)node_conf(call->served->node)->limits.string_bytes;

    if (!json_is_object(object))
        return bad(update, "expected an object such as {\"member\":\"Ann\",\"score\":7}");
    if (!json_is_string(member) || json_string_length(member) == 0)
        return bad(update, "\"member\": expected a string that is not empty");
    if (json_string_length(member) > limit)
        return bad(update, "\"member\": longer than %zu bytes, the limit `string_bytes`", limit);
    update->member_size = json_string_length(member);
    update->member = bytes_dup((struct span){json_string_value(member), update->member_size});
    cells[BOARD_STREAM_MEMBER] =
        (struct cell){.present = true, .text = {update->member, update->member_size}};
    return read_score(call, update, json_object_get(object, "score"), &cells[BOARD_STREAM_SCORE]) &&
           read_mode(update, json_object_get(object, "mode"), &cells[BOARD_STREAM_MODE]) &&
           read_labels(call, def, update, object, cells);
}

static void add_update(struct scores_call *call, const struct catalog_stream *stream,
                       const json_t *object, uint64_t line)
{
    struct ingest *ingest = &call->served->worker->ingest;
    struct update *update = &call->updates[call->update_count++];
    struct cell cells[STREAM_FIELDS_MAX] = {{0}};
    struct submission *submission;
    uint32_t partition;

    update->line = line;
    if (!read_update(call, &stream->def, update, object, cells))
        return;
    partition = ingest_partition(ingest, &stream->def, cells);
    submission = call->submissions[partition];
    if (submission == NULL) {
        submission = ingest_take(ingest, stream, partition);
        submission->context = call;
        submission->returned = on_returned;
        call->submissions[partition] = submission;
    }
    update->submission = submission;
    update->row = submission->batch->row_count;
    batch_append(submission->batch, cells);
}

static void send_all(struct scores_call *call)
{
    struct ingest *ingest = &call->served->worker->ingest;
    uint32_t count = call->read.partition_count;

    call->started = true;
    call->pending = 1; /* this function's own: nothing ends before all are sent */
    for (uint32_t i = 0; i < count; i++) {
        struct submission *submission = call->submissions[i];

        if (submission == NULL)
            continue;
        submission->replies =
            bytes_alloc_zero(submission->batch->row_count, sizeof(submission->replies[0]));
        call->pending++;
        ingest_send(ingest, submission);
    }
    if (--call->pending == 0)
        all_returned(call);
}

/* ---- the request ---- */

static const struct catalog_board *check(struct http_request *request)
{
    struct span name = http_request_param(request, "name");
    const struct catalog_board *board =
        catalog_find_board(serve_of(request)->worker->catalog, name);

    if (board == NULL) {
        http_reply_error(request, 404, "not_found",
                         "board \"%.*s\" is not defined; GET /v1/boards lists what is",
                         (int)name.size, name.data);
        return NULL;
    }
    if (board->mode_column < 0) {
        http_reply_error(request, 409, "conflict",
                         "board \"%s\" takes its scores from stream \"%s\"; send events to that",
                         board->def.name, board->def.stream);
        return NULL;
    }
    return board;
}

static void on_request(struct http_request *request)
{
    struct serve_worker *served = serve_of(request);
    const struct catalog_board *board;
    struct scores_call *call;

    if (!serve_ready(request))
        return;
    board = check(request);
    if (board == NULL)
        return;
    call = bytes_alloc_zero(1, sizeof(*call));
    call->read.ops = &rank_ops;
    call->read.partition_count = node_partition_count(served->node);
    call->request = request;
    call->served = served;
    call->submissions = bytes_alloc_zero(call->read.partition_count, sizeof(call->submissions[0]));
    http_request_set_state(request, call);
}

static void refuse(struct scores_call *call, int status, const char *code, const char *text)
{
    struct http_request *request = call->request;

    http_request_set_state(request, NULL);
    free_call(call);
    http_reply_error(request, status, code, "%s", text);
}

static void on_body(struct http_request *request, const char *data, size_t size)
{
    struct scores_call *call = http_request_state(request);

    bytes_put(&call->body, data, size); /* bounded by body_bytes of the server */
}

/* Dense ranks would need the distinct scores of the segments of all updates. */
static int read_style(struct scores_call *call, const struct catalog_board *board, struct err *err)
{
    struct span text = http_request_query(call->request, "ranks");

    call->style = rank_style_of_ties(board->def.ties);
    if (text.data != NULL && rank_style_of_text(text, &call->style, err) < 0)
        return ERR_INVALID;
    if (call->style != RANK_DENSE)
        return 0;
    return err_set(err, ERR_INVALID, "ranks=dense: expected ordinal or competition here");
}

static void on_end(struct http_request *request)
{
    struct scores_call *call = http_request_state(request);
    const struct catalog_board *board = check(request);
    struct err err = {0};
    json_error_t error;
    size_t count;

    if (board == NULL) { /* dropped meanwhile, and answered */
        http_request_set_state(request, NULL);
        free_call(call);
        return;
    }
    /* As the board is by now: it may have been defined anew since the head of the request. */
    call->board_id = board->id;
    call->by_count = board->def.by_count;
    call->score_is_int = board->score_is_int;
    call->seasonal = period_has_seasons(&board->def.period);
    if (read_style(call, board, &err) < 0) {
        refuse(call, 400, "invalid", err.text);
        return;
    }
    call->tree =
        json_loadb(call->body.data != NULL ? call->body.data : "", call->body.size, 0, &error);
    if (call->tree == NULL) {
        char text[320];

        snprintf(text, sizeof(text), "not valid JSON: line %d, column %d: %s", error.line,
                 error.column, error.text);
        refuse(call, 400, "invalid", text);
        return;
    }
    count = json_is_array(call->tree) ? json_array_size(call->tree) : 1;
    if (count > UPDATES_MAX) {
        refuse(call, 413, "too_large", "at most 1000 updates a request");
        return;
    }
    call->updates = bytes_alloc_zero(count, sizeof(call->updates[0]));
    for (size_t i = 0; i < count; i++)
        add_update(call, catalog_stream_by_id(call->served->worker->catalog, board->stream_id),
                   json_is_array(call->tree) ? json_array_get(call->tree, i) : call->tree, i + 1);
    send_all(call);
}

static void on_gone(struct http_request *request)
{
    struct scores_call *call = http_request_state(request);

    if (call == NULL)
        return;
    call->request = NULL;
    if (!call->started)
        free_call(call);
}

const struct route_ops routes_scores_post = {
    .on_request = on_request,
    .on_body = on_body,
    .on_end = on_end,
    .on_gone = on_gone,
};
