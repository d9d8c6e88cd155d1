// SPDX-License-Identifier: Apache-2.0
/*
 * client.c - CLIENT: what a connection says about itself, and what it may do to others.
 *
 * Connections of other workers are only touched in their own threads, by an errand that goes round
 * all workers (errand.h).
 *
 * Thread: the worker's; visits those of the visited workers.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/answer.h"
#include "command/command_private.h"
#include "command/errand.h"
#include "command/task.h"
#include "model/reply.h"
#include "node/worker.h"
#include "resp/resp_connection.h"
#include "resp/resp_server.h"

#define SHOWN(span) (int)((span).size < 128 ? (span).size : 128), (span).data

/* ---- names ---- */

static bool is_plain(struct span text)
{
    if (text.size > SESSION_NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '!' || text.data[i] > '~')
            return false;
    return true;
}

static void set_text(char **to, struct span text)
{
    free(*to);
    *to = text.size > 0 ? bytes_dup(text) : NULL;
}

bool client_rename(struct session *session, struct span name, struct bytes *out)
{
    if (!is_plain(name)) {
        reply_error(out, "ERR Client names cannot contain spaces, newlines or special characters.");
        return false;
    }
    set_text(&session->name, name);
    return true;
}

void client_setname(struct invocation *invocation)
{
    if (client_rename(invocation->session, invocation->args[2], invocation->out))
        reply_status(invocation->out, "OK");
}

void client_getname(struct invocation *invocation)
{
    if (invocation->session->name == NULL)
        reply_null(invocation->out);
    else
        reply_bulk(invocation->out, span_of(invocation->session->name));
}

void client_setinfo(struct invocation *invocation)
{
    struct session *session = invocation->session;
    struct span option = invocation->args[2];
    bool name = grammar_is(option, "lib-name");

    if (!name && !grammar_is(option, "lib-ver"))
        reply_error(invocation->out, "ERR Unrecognized option '%.*s'", SHOWN(option));
    else if (!is_plain(invocation->args[3]))
        reply_error(invocation->out,
                    "ERR %s cannot contain spaces, newlines or special characters.",
                    name ? "lib-name" : "lib-ver");
    else {
        set_text(name ? &session->library_name : &session->library_version, invocation->args[3]);
        reply_status(invocation->out, "OK");
    }
}

void client_id(struct invocation *invocation)
{
    reply_int(invocation->out, (int64_t)resp_connection_id(invocation->session->connection));
}

/* ---- what is accepted and means nothing, and what is not ---- */

static void switch_nothing(struct invocation *invocation)
{
    if (grammar_is(invocation->args[2], "on") || grammar_is(invocation->args[2], "off"))
        reply_status(invocation->out, "OK");
    else
        reply_error(invocation->out, "ERR syntax error");
}

void client_no_evict(struct invocation *invocation)
{
    switch_nothing(invocation);
}

void client_no_touch(struct invocation *invocation)
{
    switch_nothing(invocation);
}

void client_tracking(struct invocation *invocation)
{
    if (grammar_is(invocation->args[2], "off"))
        reply_status(invocation->out, "OK");
    else if (grammar_is(invocation->args[2], "on"))
        reply_error(invocation->out, "ERR Tallywheel does not track the keys of clients");
    else
        reply_error(invocation->out, "ERR syntax error");
}

void client_trackinginfo(struct invocation *invocation)
{
    reply_aggregate(invocation->out, REPLY_MAP, 3);
    reply_bulk(invocation->out, SPAN_LITERAL("flags"));
    reply_aggregate(invocation->out, REPLY_SET, 1);
    reply_bulk(invocation->out, SPAN_LITERAL("off"));
    reply_bulk(invocation->out, SPAN_LITERAL("redirect"));
    reply_int(invocation->out, -1);
    reply_bulk(invocation->out, SPAN_LITERAL("prefixes"));
    reply_aggregate(invocation->out, REPLY_ARRAY, 0);
}

void client_caching(struct invocation *invocation)
{
    reply_error(invocation->out, "ERR CLIENT CACHING can be called only when the client is in "
                                 "tracking mode with OPTIN or OPTOUT mode enabled");
}

void client_getredir(struct invocation *invocation)
{
    reply_int(invocation->out, -1);
}

/* OFF and SKIP have no reply themselves. */
void client_reply(struct invocation *invocation)
{
    struct session *session = invocation->session;
    bool silent = session->mute == SESSION_SILENT;

    if (grammar_is(invocation->args[2], "on")) {
        session->mute = SESSION_REPLIES;
        session->muted = false;
        reply_status(invocation->out, "OK");
    } else if (grammar_is(invocation->args[2], "off")) {
        session->mute = SESSION_SILENT;
        session->muted = true;
    } else if (grammar_is(invocation->args[2], "skip")) {
        session->mute = silent ? SESSION_SILENT : SESSION_SKIPS_NEXT;
        session->muted = true;
    } else {
        reply_error(invocation->out, "ERR syntax error");
    }
}

/* ---- a connection as a line ---- */

static void describe(const struct session *session, struct bytes *out)
{
    struct resp_connection *connection = session->connection;
    const struct resp_connection_counters *counters = resp_connection_counters(connection);
    uint64_t now = uv_now(&session->owner->worker->loop);
    const uint32_t *subscriptions = session->subscriber.count;
    char flags[4] = "";
    size_t at = 0;

    if (session->blocked != NULL || session->reading != NULL)
        flags[at++] = 'b';
    if (transaction_is_open(session))
        flags[at++] = 'x';
    if (channels_subscribed(session))
        flags[at++] = 'P';
    if (at == 0)
        flags[at++] = 'N';
    bytes_format(out, "id=%llu addr=%s laddr=%s fd=%d name=%s age=%llu idle=%llu flags=%.*s db=0 ",
                 (unsigned long long)resp_connection_id(connection),
                 resp_connection_peer(connection), resp_connection_local(connection),
                 resp_connection_fd(connection), session->name != NULL ? session->name : "",
                 (unsigned long long)(now - counters->opened_ms) / 1000,
                 (unsigned long long)(now - counters->last_read_ms) / 1000, (int)at, flags);
    bytes_format(out, "sub=%u psub=%u ssub=%u multi=%d qbuf=%zu qbuf-free=0 argv-mem=0 ",
                 subscriptions[PUBSUB_CHANNEL], subscriptions[PUBSUB_PATTERN],
                 subscriptions[PUBSUB_SHARD], transaction_size(session),
                 resp_connection_input_bytes(connection));
    bytes_format(out,
                 "multi-mem=0 rbs=0 rbp=0 obl=%zu oll=0 omem=0 tot-mem=%zu events=r cmd=%s "
                 "user=default redir=-1 resp=%d lib-name=%s lib-ver=%s\n",
                 resp_connection_output_bytes(connection),
                 sizeof(*session) + resp_connection_input_bytes(connection) +
                     resp_connection_output_bytes(connection),
                 session->last_spec != NULL ? session->last_spec->name : "NULL",
                 resp_connection_protocol(connection),
                 session->library_name != NULL ? session->library_name : "",
                 session->library_version != NULL ? session->library_version : "");
}

void client_info(struct invocation *invocation)
{
    struct bytes text = {0};

    describe(invocation->session, &text);
    reply_text(invocation->out, bytes_span(&text));
    bytes_done(&text);
}

/* ---- all connections ---- */

enum client_type { CLIENT_ANY, CLIENT_NORMAL, CLIENT_PUBSUB, CLIENT_NONE };

/* What goes round the workers. */
struct round {
    struct errand errand; /* first */
    struct task *task;
    /* Which connections: all that are given have to fit. */
    enum client_type type;
    int64_t *ids;
    uint32_t id_count; /* 0: any */
    char *peer;        /* or NULL */
    char *local;
    uint64_t own_id;
    bool skips_own;
    bool plain; /* the old form of CLIENT KILL: an address and nothing else */
    bool with_error;
    enum command_pause pause;
    int64_t pause_ms;
    /* What came of it. */
    struct bytes text;
    int64_t count;
};

static struct round *round_new(struct task *task)
{
    struct round *round = bytes_alloc_zero(1, sizeof(*round));

    round->task = task;
    if (task->session->connection != NULL)
        round->own_id = resp_connection_id(task->session->connection);
    return round;
}

static void round_free(struct round *round)
{
    free(round->ids);
    free(round->peer);
    free(round->local);
    bytes_done(&round->text);
    free(round);
}

static void round_refuse(struct round *round)
{
    struct task *task = round->task;

    round_free(round);
    task_finish(task);
}

static bool fits(const struct round *round, const struct session *session)
{
    struct resp_connection *connection = session->connection;
    int64_t id = (int64_t)resp_connection_id(connection);
    bool found = round->id_count == 0;

    for (uint32_t i = 0; !found && i < round->id_count; i++)
        found = round->ids[i] == id;
    if (!found || round->type == CLIENT_NONE)
        return false;
    if (round->type != CLIENT_ANY && channels_subscribed(session) != (round->type == CLIENT_PUBSUB))
        return false;
    if (round->peer != NULL && strcmp(round->peer, resp_connection_peer(connection)) != 0)
        return false;
    return round->local == NULL || strcmp(round->local, resp_connection_local(connection)) == 0;
}

static bool read_type(struct round *round, struct span word)
{
    if (grammar_is(word, "normal"))
        round->type = CLIENT_NORMAL;
    else if (grammar_is(word, "pubsub"))
        round->type = CLIENT_PUBSUB;
    else if (grammar_is(word, "master") || grammar_is(word, "replica") || grammar_is(word, "slave"))
        round->type = CLIENT_NONE;
    else {
        reply_error(&round->task->out, "ERR Unknown client type '%.*s'", SHOWN(word));
        return false;
    }
    return true;
}

static void add_id(struct round *round, int64_t id)
{
    round->ids = bytes_realloc(round->ids, (round->id_count + 1) * sizeof(round->ids[0]));
    round->ids[round->id_count++] = id;
}

/* ---- CLIENT LIST ---- */

static void visit_list(struct errand *errand, struct command_worker *here)
{
    struct round *round = (struct round *)errand;
    struct resp_connection *at = resp_server_first(here->resp);

    for (; at != NULL; at = resp_connection_next(at)) {
        const struct session *session = resp_connection_user(at);

        if (session != NULL && !resp_connection_is_closing(at) && fits(round, session))
            describe(session, &round->text);
    }
}

static void done_list(struct errand *errand)
{
    struct round *round = (struct round *)errand;
    struct task *task = round->task;

    reply_text(&task->out, bytes_span(&round->text));
    round_free(round);
    task_finish(task);
}

void client_list_begin(struct task *task, const struct invocation *invocation)
{
    struct round *round = round_new(task);
    const struct span *args = invocation->args;
    bool ok = true;

    if (invocation->count == 4 && grammar_is(args[2], "type")) {
        ok = read_type(round, args[3]);
    } else if (invocation->count > 3 && grammar_is(args[2], "id")) {
        for (uint32_t i = 3; ok && i < invocation->count; i++) {
            int64_t id;

            ok = grammar_int_read(args[i], &id);
            if (ok)
                add_id(round, id);
            else
                reply_error(&task->out, "ERR Invalid client ID");
        }
    } else if (invocation->count != 2) {
        reply_error(&task->out, "ERR syntax error");
        ok = false;
    }
    if (ok)
        errand_begin(&round->errand, task->owner, visit_list, done_list);
    else
        round_refuse(round);
}

/* ---- CLIENT KILL ---- */

static void visit_kill(struct errand *errand, struct command_worker *here)
{
    struct round *round = (struct round *)errand;
    struct resp_connection *at = resp_server_first(here->resp);

    for (; at != NULL; at = resp_connection_next(at)) {
        struct session *session = resp_connection_user(at);
        bool own = resp_connection_id(at) == round->own_id;

        if (session == NULL || resp_connection_is_closing(at) || !fits(round, session) ||
            (own && round->skips_own))
            continue;
        round->count++;
        if (own) { /* it is told first */
            session->finishing = true;
            resp_connection_finish(at);
        } else {
            resp_connection_kill(at);
        }
    }
}

static void done_kill(struct errand *errand)
{
    struct round *round = (struct round *)errand;
    struct task *task = round->task;

    if (!round->plain)
        reply_int(&task->out, round->count);
    else if (round->count > 0)
        reply_status(&task->out, "OK");
    else
        reply_error(&task->out, "ERR No such client");
    round_free(round);
    task_finish(task);
}

/* A pair of CLIENT KILL. */
static bool read_filter(struct round *round, struct span name, struct span value)
{
    struct bytes *out = &round->task->out;
    int64_t number;

    if (grammar_is(name, "id")) {
        if (!grammar_int_read(value, &number) || number < 1) {
            reply_error(out, "ERR client-id should be greater than 0");
            return false;
        }
        add_id(round, number);
    } else if (grammar_is(name, "type")) {
        return read_type(round, value);
    } else if (grammar_is(name, "addr")) {
        set_text(&round->peer, value);
    } else if (grammar_is(name, "laddr")) {
        set_text(&round->local, value);
    } else if (grammar_is(name, "user")) {
        if (!span_equal(value, SPAN_LITERAL("default"))) {
            reply_error(out, "ERR No such user '%.*s'", SHOWN(value));
            return false;
        }
    } else if (grammar_is(name, "skipme") &&
               (grammar_is(value, "yes") || grammar_is(value, "no"))) {
        round->skips_own = grammar_is(value, "yes");
    } else {
        reply_error(out, "ERR syntax error");
        return false;
    }
    return true;
}

void client_kill_begin(struct task *task, const struct invocation *invocation)
{
    struct round *round = round_new(task);
    bool ok = true;

    if (invocation->count == 3) {
        round->plain = true;
        set_text(&round->peer, invocation->args[2]);
    } else {
        round->skips_own = true;
        ok = invocation->count % 2 == 0;
        if (!ok)
            reply_error(&task->out, "ERR syntax error");
        for (uint32_t i = 2; ok && i < invocation->count; i += 2)
            ok = read_filter(round, invocation->args[i], invocation->args[i + 1]);
    }
    if (ok)
        errand_begin(&round->errand, task->owner, visit_kill, done_kill);
    else
        round_refuse(round);
}

/* ---- CLIENT UNBLOCK ---- */

static void visit_unblock(struct errand *errand, struct command_worker *here)
{
    struct round *round = (struct round *)errand;
    struct resp_connection *at = resp_server_first(here->resp);

    for (; at != NULL && round->count == 0; at = resp_connection_next(at)) {
        struct session *session = resp_connection_user(at);

        if (session != NULL && fits(round, session))
            round->count = blocking_end(session, round->with_error);
    }
}

static void done_unblock(struct errand *errand)
{
    struct round *round = (struct round *)errand;
    struct task *task = round->task;

    reply_int(&task->out, round->count);
    round_free(round);
    task_finish(task);
}

void client_unblock_begin(struct task *task, const struct invocation *invocation)
{
    struct round *round = round_new(task);
    int64_t id;

    if (invocation->count > 4) {
        reply_error(&task->out, "ERR wrong number of arguments for 'client|unblock' command");
    } else if (invocation->count == 4 && !grammar_is(invocation->args[3], "timeout") &&
               !grammar_is(invocation->args[3], "error")) {
        reply_error(&task->out, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    } else if (!grammar_int_read(invocation->args[2], &id)) {
        reply_error(&task->out, "ERR value is not an integer or out of range");
    } else {
        round->with_error = invocation->count == 4 && grammar_is(invocation->args[3], "error");
        add_id(round, id);
        errand_begin(&round->errand, task->owner, visit_unblock, done_unblock);
        return;
    }
    round_refuse(round);
}

/* ---- CLIENT PAUSE ---- */

static void on_pause_over(uv_timer_t *timer)
{
    struct command_worker *owner = timer->data;

    owner->pause = COMMAND_PAUSE_NONE;
    dispatch_held(owner);
}

static void visit_pause(struct errand *errand, struct command_worker *here)
{
    struct round *round = (struct round *)errand;

    if (here->drained != NULL)
        return;
    here->pause = (uint8_t)round->pause;
    uv_timer_stop(&here->pause_timer);
    if (round->pause == COMMAND_PAUSE_NONE)
        dispatch_held(here);
    else
        uv_timer_start(&here->pause_timer, on_pause_over, (uint64_t)round->pause_ms, 0);
}

static void done_pause(struct errand *errand)
{
    struct round *round = (struct round *)errand;
    struct task *task = round->task;

    reply_status(&task->out, "OK");
    round_free(round);
    task_finish(task);
}

void client_pause_begin(struct task *task, const struct invocation *invocation)
{
    struct round *round = round_new(task);
    bool writes = invocation->count == 4 && grammar_is(invocation->args[3], "write");

    if (invocation->count > 4 ||
        (invocation->count == 4 && !writes && !grammar_is(invocation->args[3], "all"))) {
        reply_error(&task->out, "ERR CLIENT PAUSE mode must be WRITE or ALL");
    } else if (!grammar_int_read(invocation->args[2], &round->pause_ms)) {
        reply_error(&task->out, "ERR timeout is not an integer or out of range");
    } else if (round->pause_ms < 0) {
        reply_error(&task->out, "ERR timeout is negative");
    } else {
        round->pause = writes ? COMMAND_PAUSE_WRITES : COMMAND_PAUSE_ALL;
        errand_begin(&round->errand, task->owner, visit_pause, done_pause);
        return;
    }
    round_refuse(round);
}

void client_unpause_begin(struct task *task, const struct invocation *invocation)
{
    struct round *round = round_new(task);

    (void)invocation;
    errand_begin(&round->errand, task->owner, visit_pause, done_pause);
}
