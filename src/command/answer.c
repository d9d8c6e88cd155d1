// SPDX-License-Identifier: Apache-2.0
/*
 * answer.c - commands about the connection, small ones about the server, and those on streams,
 * which named/ answers.
 *
 * Thread: the worker's.
 */
#include "command/answer.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command/command_private.h"
#include "command/task.h"
#include "model/reply.h"
#include "named/named_stream.h"
#include "node/worker.h"
#include "resp/resp_connection.h"

/* ---- the connection ---- */

void answer_ping(struct invocation *invocation)
{
    bool subscribed = channels_subscribed(invocation->session) &&
                      session_protocol(invocation->session) == RESP_PROTOCOL_2;

    if (invocation->count > 2) {
        reply_error(invocation->out, "ERR wrong number of arguments for 'ping' command");
    } else if (subscribed) {
        reply_aggregate(invocation->out, REPLY_ARRAY, 2);
        reply_bulk(invocation->out, SPAN_LITERAL("pong"));
        reply_bulk(invocation->out,
                   invocation->count == 2 ? invocation->args[1] : SPAN_LITERAL(""));
    } else if (invocation->count == 2) {
        reply_bulk(invocation->out, invocation->args[1]);
    } else {
        reply_status(invocation->out, "PONG");
    }
}

void answer_echo(struct invocation *invocation)
{
    reply_bulk(invocation->out, invocation->args[1]);
}

void answer_select(struct invocation *invocation)
{
    int64_t number;

    if (!grammar_int_read(invocation->args[1], &number))
        reply_error(invocation->out, "ERR value is not an integer or out of range");
    else if (number < INT32_MIN || number > INT32_MAX)
        reply_error(invocation->out, "ERR value is out of range, value must between "
                                     "-2147483648 and 2147483647");
    else if (number != 0)
        reply_error(invocation->out, "ERR DB index is out of range");
    else
        reply_status(invocation->out, "OK");
}

/* There are no passwords: the default user comes in with any, nobody else does. */
static bool may_enter(struct span user, struct bytes *out)
{
    if (span_equal(user, SPAN_LITERAL("default")))
        return true;
    reply_error(out, "WRONGPASS invalid username-password pair or user is disabled.");
    return false;
}

void answer_auth(struct invocation *invocation)
{
    if (invocation->count > 3)
        reply_error(invocation->out, "ERR syntax error");
    else if (invocation->count == 2)
        reply_error(invocation->out,
                    "ERR AUTH <password> called without any password configured for the default "
                    "user. Are you sure your configuration is correct?");
    else if (may_enter(invocation->args[1], invocation->out))
        reply_status(invocation->out, "OK");
}

static void put_pair(struct bytes *out, const char *name, const char *value)
{
    reply_bulk(out, span_of(name));
    reply_bulk(out, span_of(value));
}

static void put_hello(struct invocation *invocation)
{
    struct resp_connection *connection = invocation->session->connection;
    struct bytes *out = invocation->out;

    reply_aggregate(out, REPLY_MAP, 7);
    put_pair(out, "server", "redis");
    put_pair(out, "version", COMMAND_REDIS_VERSION);
    reply_bulk(out, SPAN_LITERAL("proto"));
    reply_int(out, resp_connection_protocol(connection));
    reply_bulk(out, SPAN_LITERAL("id"));
    reply_int(out, (int64_t)resp_connection_id(connection));
    put_pair(out, "mode", "standalone");
    put_pair(out, "role", "master");
    reply_bulk(out, SPAN_LITERAL("modules"));
    reply_aggregate(out, REPLY_ARRAY, 0);
}

/* The options behind the protocol. `*out_name` is where a name stands, or 0. */
static bool read_hello(struct invocation *invocation, uint32_t *out_name)
{
    for (uint32_t i = 2; i < invocation->count; i++) {
        uint32_t left = invocation->count - 1 - i;
        struct span word = invocation->args[i];

        if (left >= 2 && grammar_is(word, "auth")) {
            if (!may_enter(invocation->args[i + 1], invocation->out))
                return false;
            i += 2;
        } else if (left >= 1 && grammar_is(word, "setname")) {
            *out_name = ++i;
        } else {
            reply_error(invocation->out, "ERR Syntax error in HELLO option '%.*s'",
                        (int)(word.size < 128 ? word.size : 128), word.data);
            return false;
        }
    }
    return true;
}

void answer_hello(struct invocation *invocation)
{
    struct session *session = invocation->session;
    int64_t protocol = session_protocol(session);
    uint32_t name = 0;

    if (invocation->count > 1) {
        if (!grammar_int_read(invocation->args[1], &protocol)) {
            reply_error(invocation->out, "ERR Protocol version is not an integer or out of range");
            return;
        }
        if (protocol < 2 || protocol > 3) {
            reply_error(invocation->out, "NOPROTO unsupported protocol version");
            return;
        }
        if (!read_hello(invocation, &name))
            return;
    }
    if (name > 0 && !client_rename(session, invocation->args[name], invocation->out))
        return;
    resp_connection_set_protocol(session->connection, (enum resp_protocol)protocol);
    put_hello(invocation);
}

void answer_quit(struct invocation *invocation)
{
    reply_status(invocation->out, "OK");
    channels_leave(invocation->session); /* nobody counts it from now on */
    invocation->session->finishing = true;
    resp_connection_finish(invocation->session->connection);
}

void answer_reset(struct invocation *invocation)
{
    struct session *session = invocation->session;

    transaction_free(session->transaction);
    session->transaction = NULL;
    channels_leave(session);
    free(session->name);
    session->name = NULL;
    session->mute = SESSION_REPLIES;
    session->muted = false;
    resp_connection_set_protocol(session->connection, RESP_PROTOCOL_2);
    reply_status(invocation->out, "RESET");
}

/* ---- the server ---- */

void answer_time(struct invocation *invocation)
{
    struct timespec now;
    char text[32];

    clock_gettime(CLOCK_REALTIME, &now);
    reply_aggregate(invocation->out, REPLY_ARRAY, 2);
    snprintf(text, sizeof(text), "%lld", (long long)now.tv_sec);
    reply_bulk(invocation->out, span_of(text));
    snprintf(text, sizeof(text), "%ld", now.tv_nsec / 1000);
    reply_bulk(invocation->out, span_of(text));
}

void answer_lastsave(struct invocation *invocation)
{
    reply_int(invocation->out, command_worker_of(invocation)->worker->now_ms / 1000);
}

void answer_role(struct invocation *invocation)
{
    reply_aggregate(invocation->out, REPLY_ARRAY, 3);
    reply_bulk(invocation->out, SPAN_LITERAL("master"));
    reply_int(invocation->out, 0);
    reply_aggregate(invocation->out, REPLY_ARRAY, 0);
}

void answer_wait(struct invocation *invocation)
{
    int64_t value;

    if (!grammar_int_read(invocation->args[1], &value))
        reply_error(invocation->out, "ERR value is not an integer or out of range");
    else if (!grammar_int_read(invocation->args[2], &value))
        reply_error(invocation->out, "ERR timeout is not an integer or out of range");
    else if (value < 0)
        reply_error(invocation->out, "ERR timeout is negative");
    else
        reply_int(invocation->out, 0);
}

void answer_lolwut(struct invocation *invocation)
{
    reply_text(invocation->out,
               SPAN_LITERAL("Tallywheel " TALLYWHEEL_VERSION
                            ", which answers like Redis ver. " COMMAND_REDIS_VERSION "\n"));
}

void answer_memory_doctor(struct invocation *invocation)
{
    reply_text(invocation->out, SPAN_LITERAL("GET /v1/status says what the memory is used for."));
}

void answer_debug(struct invocation *invocation)
{
    reply_error(invocation->out, "ERR DEBUG is not available in Tallywheel");
}

void answer_one_database(struct invocation *invocation)
{
    reply_error(invocation->out, "ERR Tallywheel has one database, so '%s' is not available",
                invocation->spec->name);
}

void answer_no_cluster(struct invocation *invocation)
{
    reply_error(invocation->out, "ERR This instance has cluster support disabled");
}

/* FUNCTION FLUSH and SCRIPT FLUSH: what there is none of is quickly flushed. */
void answer_flush_nothing(struct invocation *invocation)
{
    if (invocation->count > 3 ||
        (invocation->count == 3 && !grammar_is(invocation->args[2], "sync") &&
         !grammar_is(invocation->args[2], "async")))
        reply_error(invocation->out, "ERR %s only supports SYNC|ASYNC option",
                    invocation->spec->name[0] == 'f' ? "FUNCTION FLUSH" : "SCRIPT FLUSH");
    else
        reply_status(invocation->out, "OK");
}

void answer_function_list(struct invocation *invocation)
{
    reply_aggregate(invocation->out, REPLY_ARRAY, 0);
}

void answer_script_exists(struct invocation *invocation)
{
    reply_aggregate(invocation->out, REPLY_ARRAY, invocation->count - 2);
    for (uint32_t i = 2; i < invocation->count; i++)
        reply_int(invocation->out, 0);
}

void answer_ok(struct invocation *invocation)
{
    reply_status(invocation->out, "OK");
}

void answer_zero(struct invocation *invocation)
{
    reply_int(invocation->out, 0);
}

void answer_empty(struct invocation *invocation)
{
    reply_aggregate(invocation->out, REPLY_ARRAY, 0);
}

/* A container that was named alone has failed the check of its arity before. */
void answer_no_subcommand(struct invocation *invocation)
{
    reply_error(invocation->out, "ERR syntax error");
}

/* ---- ACL ---- */

void answer_acl_whoami(struct invocation *invocation)
{
    reply_bulk(invocation->out, SPAN_LITERAL("default"));
}

struct category {
    const char *name;
    uint32_t flags; /* all of these */
    uint32_t without;
    int group; /* or this group; -1: any */
};

static const struct category categories[] = {
    {"keyspace", 0, 0, SPEC_GENERIC},
    {"read", SPEC_READONLY, 0, -1},
    {"write", SPEC_WRITE, 0, -1},
    {"sortedset", 0, 0, SPEC_SORTED_SET},
    {"stream", 0, 0, SPEC_STREAM},
    {"pubsub", 0, 0, SPEC_PUBSUB_GROUP},
    {"admin", SPEC_ADMIN, 0, -1},
    {"fast", SPEC_FAST, 0, -1},
    {"slow", 0, SPEC_FAST, -1},
    {"blocking", SPEC_BLOCKING, 0, -1},
    {"dangerous", SPEC_ADMIN, 0, -1},
    {"connection", 0, 0, SPEC_CONNECTION},
    {"transaction", 0, 0, SPEC_TRANSACTIONS},
    {"scripting", 0, 0, SPEC_SCRIPTING},
};
#define CATEGORY_COUNT (sizeof(categories) / sizeof(categories[0]))

static void put_category(struct bytes *out, const struct category *category)
{
    size_t at = reply_aggregate_begin(out, REPLY_ARRAY);
    uint32_t spec_count;
    const struct spec *specs = command_table_all(&spec_count);
    uint32_t count = 0;

    for (uint32_t i = 0; i < spec_count; i++) {
        if ((specs[i].flags & category->flags) != category->flags ||
            (specs[i].flags & category->without) != 0 ||
            (category->group >= 0 && specs[i].group != category->group))
            continue;
        reply_bulk(out, span_of(specs[i].name));
        count++;
    }
    reply_aggregate_end(out, at, count);
}

void answer_acl_cat(struct invocation *invocation)
{
    if (invocation->count > 3) {
        reply_error(invocation->out, "ERR unknown subcommand or wrong number of arguments for "
                                     "'CAT'. Try ACL HELP.");
        return;
    }
    if (invocation->count == 2) {
        reply_aggregate(invocation->out, REPLY_ARRAY, CATEGORY_COUNT);
        for (size_t i = 0; i < CATEGORY_COUNT; i++)
            reply_bulk(invocation->out, span_of(categories[i].name));
        return;
    }
    for (size_t i = 0; i < CATEGORY_COUNT; i++)
        if (grammar_is(invocation->args[2], categories[i].name)) {
            put_category(invocation->out, &categories[i]);
            return;
        }
    reply_error(invocation->out, "ERR Unknown category '%.*s'",
                (int)(invocation->args[2].size < 128 ? invocation->args[2].size : 128),
                invocation->args[2].data);
}

/* ---- HELP ---- */

/* The lines of the table that are inside the same container. */
void answer_help(struct invocation *invocation)
{
    const char *name = invocation->spec->name;
    size_t prefix = (size_t)(strchr(name, '|') - name) + 1;
    uint32_t spec_count;
    const struct spec *specs = command_table_all(&spec_count);
    char line[200];
    size_t at = reply_aggregate_begin(invocation->out, REPLY_ARRAY);
    uint32_t count = 1;

    snprintf(line, sizeof(line),
             "%.*s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", (int)prefix - 1,
             name);
    for (size_t i = 0; i < prefix - 1; i++)
        line[i] = (char)toupper((unsigned char)line[i]);
    reply_status(invocation->out, line);
    for (uint32_t i = 0; i < spec_count; i++) {
        if (strncmp(specs[i].name, name, prefix) != 0)
            continue;
        snprintf(line, sizeof(line), "%s", specs[i].name + prefix);
        for (char *c = line; *c != '\0'; c++)
            *c = (char)toupper((unsigned char)*c);
        reply_status(invocation->out, line);
        snprintf(line, sizeof(line), "    %s", specs[i].summary);
        reply_status(invocation->out, line);
        count += 2;
    }
    reply_aggregate_end(invocation->out, at, count);
}

/* ---- streams that are defined: named/named_stream.h ---- */

static void on_named_done(void *context, struct span tokens)
{
    struct task *task = context;

    bytes_put(&task->out, tokens.data, tokens.size);
    task_finish(task);
}

void answer_xadd_begin(struct task *task, const struct invocation *invocation)
{
    stream_add(task->owner->worker, invocation->args, invocation->count, on_named_done, task);
}

void answer_xlen_begin(struct task *task, const struct invocation *invocation)
{
    stream_length(task->owner->worker, invocation->args[1], on_named_done, task);
}

void answer_xrange_begin(struct task *task, const struct invocation *invocation)
{
    stream_range(task->owner->worker, invocation->args, invocation->count, false, on_named_done,
                 task);
}

void answer_xrevrange_begin(struct task *task, const struct invocation *invocation)
{
    stream_range(task->owner->worker, invocation->args, invocation->count, true, on_named_done,
                 task);
}

/* Inside EXEC nobody waits, nor when all is to end. */
void answer_xread_begin(struct task *task, const struct invocation *invocation)
{
    bool may_wait =
        !invocation->queued && task->owner->drained == NULL && task->session->connection != NULL;

    stream_read(task->owner->worker, invocation->args, invocation->count, may_wait,
                &task->session->reading, on_named_done, task);
}

void answer_no_groups(struct invocation *invocation)
{
    reply_error(invocation->out,
                "ERR a defined stream is the journal: it has no groups, and nothing is deleted or "
                "trimmed, so '%s' is not available",
                invocation->spec->name);
}
