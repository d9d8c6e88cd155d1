// SPDX-License-Identifier: Apache-2.0
/*
 * dispatch.c - a command that has come: is it one, may it run now, and where.
 *
 * Most commands have one key. Their words are parsed straight into the open list of the key's
 * partition (keys/keys.h), and a slot waits for the reply; nothing is copied twice or allocated.
 * Commands that may concern several partitions are parsed into a list of the worker's first.
 *
 * A key may name what is defined (named/named.h). Commands on those are tasks, but need no barrier:
 * reads and reads of a client are under way together, and so are writes and writes. Only where one
 * kind follows the other, the later one is held until those before it are over.
 *
 * Thread: the worker's.
 */
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "command/answer.h"
#include "command/command_private.h"
#include "command/task.h"
#include "model/reply.h"
#include "keys/keys.h"
#include "named/named.h"
#include "node/node.h"
#include "node/worker.h"
#include "resp/resp_connection.h"

static void run_held(struct session *session);
static void run_named(struct invocation *invocation);

#define ECHO_BYTES_MAX 128 /* of what the client sent, in an error */

/* Where a plain key is kept: the one place that knows. */
uint32_t dispatch_partition(const struct command_worker *owner, struct span key)
{
    return keys_partition(owner->node, key);
}

/* ---- refusals ---- */

static void refuse_unknown(struct span name, const struct span *args, uint32_t count,
                           struct bytes *out)
{
    const char *kind = command_table_foreign(name);
    struct bytes words = {0};

    if (kind != NULL) {
        reply_error(out,
                    "ERR Tallywheel keeps sorted sets and streams; it has no %s, so '%.*s' is "
                    "not available",
                    kind, (int)name.size, name.data);
        return;
    }
    for (uint32_t i = 1; i < count && words.size < ECHO_BYTES_MAX; i++) {
        size_t left = ECHO_BYTES_MAX - words.size;
        size_t size = strnlen(args[i].data, args[i].size < left ? args[i].size : left);

        bytes_put_char(&words, '\'');
        bytes_put(&words, args[i].data, size);
        bytes_put_text(&words, "' ");
    }
    reply_error(out, "ERR unknown command '%.*s', with args beginning with: %s",
                (int)(name.size < ECHO_BYTES_MAX ? name.size : ECHO_BYTES_MAX), name.data,
                bytes_text(&words));
    bytes_done(&words);
}

static void refuse_subcommand(const struct spec *container, struct span name, struct bytes *out)
{
    char upper[32] = "";

    for (size_t i = 0; container->name[i] != '\0' && i < sizeof(upper) - 1; i++)
        upper[i] = (char)toupper((unsigned char)container->name[i]);
    reply_error(out, "ERR unknown subcommand '%.*s'. Try %s HELP.",
                (int)(name.size < ECHO_BYTES_MAX ? name.size : ECHO_BYTES_MAX), name.data, upper);
}

static void refuse_arity(const struct spec *spec, struct bytes *out)
{
    reply_error(out, "ERR wrong number of arguments for '%s' command", spec->name);
}

/* NULL, and the error is in `out`. */
static const struct spec *find_spec(const struct span *args, uint32_t count, struct bytes *out)
{
    const struct spec *spec = command_table_find(args[0]);

    if (spec == NULL || memchr(args[0].data, '|', args[0].size) != NULL) {
        refuse_unknown(args[0], args, count, out);
        return NULL;
    }
    if ((spec->flags & SPEC_CONTAINER) != 0 && count > 1) {
        const struct spec *inside = command_table_inside(spec, args[1]);

        if (inside == NULL) {
            refuse_subcommand(spec, args[1], out);
            return NULL;
        }
        spec = inside;
    }
    if (spec->arity >= 0 ? count != (uint32_t)spec->arity : count < (uint32_t)-spec->arity) {
        refuse_arity(spec, out);
        return NULL;
    }
    return spec;
}

static bool may_run(const struct session *session, const struct spec *spec, struct bytes *out)
{
    enum node_state state = node_state(session->owner->node);

    if ((spec->flags & SPEC_SUBSCRIBED) == 0 && session_protocol(session) == RESP_PROTOCOL_2 &&
        channels_subscribed(session)) {
        reply_error(out,
                    "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT "
                    "/ RESET are allowed in this context",
                    spec->name);
        return false;
    }
    if (state != NODE_READY && (spec->flags & SPEC_LOADING) == 0) {
        if (state == NODE_RECOVERING)
            reply_error(out, "LOADING Redis is loading the dataset in memory");
        else
            reply_error(out, "ERR the server is shutting down");
        return false;
    }
    return true;
}

/* ---- commands on keys ---- */

static struct grammar grammar_of(const struct invocation *invocation, struct command_list *list)
{
    return (struct grammar){
        .args = invocation->args,
        .count = invocation->count,
        .name = invocation->spec->name,
        .now_ms = invocation->session->owner->worker->now_ms,
        .list = list,
        .error = invocation->out,
    };
}

static void on_slot_done(struct key_call *call, struct span replies, int rc, const struct err *err)
{
    struct slot *slot = call->context;

    if (rc < 0)
        session_slot_fail(slot, err);
    else
        session_slot_answer(slot, replies);
}

static struct slot *new_slot(struct session *session, const struct grammar *grammar,
                             uint32_t partition)
{
    struct slot *slot = session_slot(session);

    slot->call.done = on_slot_done;
    slot->call.context = slot;
    slot->shape = (uint8_t)grammar->shape;
    slot->partition = partition;
    return slot;
}

/* ---- what is defined ---- */

static void on_task_done(void *context, struct span tokens)
{
    struct slot *slot = context;

    session_lift(slot->session);
    session_slot_answer(slot, tokens);
}

/* The task's reply comes in the place of this command; none is begun before that. */
static struct task *new_task(struct session *session, enum grammar_shape shape)
{
    struct slot *slot = session_slot(session);

    slot->shape = (uint8_t)shape;
    session_barrier(session);
    return task_new(session, on_task_done, slot);
}

/* Whether others may begin while it is under way. TW.UPDATE writes, and then reads. */
static bool is_pipelined(const struct spec *spec)
{
    return spec->route == SPEC_KEY ? spec->grammar != grammar_tw_update
                                   : (spec->flags & SPEC_PIPELINED) != 0;
}

static enum session_named kind_of(const struct spec *spec)
{
    return (spec->flags & SPEC_WRITE) != 0 ? SESSION_NAMED_WRITES : SESSION_NAMED_READS;
}

static void on_named_done(struct slot *slot, enum session_named kind, struct span tokens)
{
    struct session *session = slot->session;
    bool resumes = --session->named[kind] == 0 && session->held_for_named;

    if (resumes)
        run_held(session); /* its reply comes after this one: the slot is before it */
    session_slot_answer(slot, tokens);
}

static void on_named_read(void *context, struct span tokens)
{
    on_named_done(context, SESSION_NAMED_READS, tokens);
}

static void on_named_written(void *context, struct span tokens)
{
    on_named_done(context, SESSION_NAMED_WRITES, tokens);
}

/* A task that others may follow while it is under way. */
static struct task *new_named_task(struct session *session, const struct spec *spec,
                                   enum grammar_shape shape)
{
    struct slot *slot = session_slot(session);
    enum session_named kind = kind_of(spec);

    slot->shape = (uint8_t)shape;
    session->named[kind]++;
    return task_new(session, kind == SESSION_NAMED_READS ? on_named_read : on_named_written, slot);
}

/* A command with one key, which names something. */
static void run_named(struct invocation *invocation)
{
    struct session *session = invocation->session;
    struct grammar grammar;
    uint32_t partition;

    if (dispatch_plan_of(invocation, &grammar, &partition) == DISPATCH_REFUSED)
        session_answer(session, bytes_span(invocation->out));
    else if (is_pipelined(invocation->spec))
        dispatch_begin(new_named_task(session, invocation->spec, grammar.shape), &grammar);
    else
        dispatch_begin(new_task(session, grammar.shape), &grammar);
}

/* Whether a command must not begin before others of the session that are under way are over. */
static bool must_wait(const struct session *session, const struct spec *spec,
                      const struct span *args)
{
    bool pipelined = is_pipelined(spec);

    if (session->named[SESSION_NAMED_READS] + session->named[SESSION_NAMED_WRITES] == 0 ||
        spec->route == SPEC_ANSWER ||
        (spec->route == SPEC_KEY && !named_is(session->owner->worker, args[spec->first_key])))
        return false;
    if (pipelined && kind_of(spec) == SESSION_NAMED_WRITES)
        return session->named[SESSION_NAMED_READS] > 0;
    return session->named[SESSION_NAMED_WRITES] > 0 ||
           (!pipelined && session->named[SESSION_NAMED_READS] > 0);
}

/* The short way: the only key says where, and its list takes the command as it is parsed. */
static void run_key(struct invocation *invocation)
{
    struct session *session = invocation->session;
    struct command_worker *owner = session->owner;
    struct span key = invocation->args[invocation->spec->first_key];
    struct grammar grammar;
    uint32_t partition;

    if (named_is(owner->worker, key)) {
        run_named(invocation);
        return;
    }
    partition = dispatch_partition(owner, key);
    grammar = grammar_of(invocation, keys_begin(owner->worker, partition));
    if (!invocation->spec->grammar(&grammar)) {
        session_answer(session, bytes_span(invocation->out));
        return;
    }
    keys_end(owner->worker, partition, &new_slot(session, &grammar, partition)->call);
}

/* The partition of all keys of the command in `list`; false if they are in several. */
static bool one_partition(const struct command_worker *owner, const struct command_list *list,
                          uint32_t *out_partition)
{
    const struct command *command = &list->commands[0];

    if (owner->partition_count == 1) {
        *out_partition = 0;
        return true;
    }
    if (command->key_count == 0)
        return false;
    *out_partition = dispatch_partition(owner, command_arg(list, command, 0));
    for (uint32_t i = 1; i < command->key_count; i++)
        if (dispatch_partition(owner, command_arg(list, command, i)) != *out_partition)
            return false;
    return true;
}

/* The cursor of SCAN says the partition; what is left of it is the partition's own. */
static bool plan_scan(struct command_worker *owner, const struct grammar *grammar,
                      uint32_t *out_partition)
{
    struct command_list *list = grammar->list;
    int64_t inner = (int64_t)(grammar->cursor >> 6);

    memcpy(list->data.data + list->args[list->commands[0].arg_begin].at, &inner, sizeof(inner));
    *out_partition = (uint32_t)(grammar->cursor & 63);
    if (*out_partition >= owner->partition_count)
        *out_partition = owner->partition_count - 1;
    return true;
}

enum dispatch_plan dispatch_plan_of(struct invocation *invocation, struct grammar *grammar,
                                    uint32_t *out_partition)
{
    struct command_worker *owner = command_worker_of(invocation);
    size_t at = invocation->out->size;
    bool one;

    command_list_clear(&owner->scratch);
    *grammar = grammar_of(invocation, &owner->scratch);
    if (!invocation->spec->grammar(grammar) ||
        !named_exact(owner->worker, grammar->list, invocation->args, invocation->count,
                     invocation->out))
        return DISPATCH_REFUSED;
    if (named_concerns(owner->worker, grammar->list, invocation->out))
        return invocation->out->size > at ? DISPATCH_REFUSED : DISPATCH_SEVERAL;
    if (grammar->shape == GRAMMAR_SCAN || grammar->shape == GRAMMAR_SCAN_NOTHING)
        one = plan_scan(owner, grammar, out_partition);
    else
        one = one_partition(owner, &owner->scratch, out_partition);
    return one ? DISPATCH_ONE : DISPATCH_SEVERAL;
}

void dispatch_begin(struct task *task, const struct grammar *grammar)
{
    command_list_copy(&task->list, grammar->list, 0);
    gather_begin(task);
}

static void run_keys(struct invocation *invocation)
{
    struct session *session = invocation->session;
    struct command_worker *owner = session->owner;
    struct grammar grammar;
    uint32_t partition = 0;
    enum dispatch_plan plan = dispatch_plan_of(invocation, &grammar, &partition);

    if (plan == DISPATCH_REFUSED) {
        session_answer(session, bytes_span(invocation->out));
    } else if (invocation->spec->route == SPEC_WAIT) {
        struct task *task = new_task(session, grammar.shape);

        command_list_copy(&task->list, grammar.list, 0);
        blocking_begin(task, grammar.timeout_ms);
    } else if (plan == DISPATCH_SEVERAL) {
        dispatch_begin(new_task(session, grammar.shape), &grammar);
    } else {
        struct slot *slot = new_slot(session, &grammar, partition);

        command_list_copy(keys_begin(owner->worker, partition), grammar.list, 0);
        keys_end(owner->worker, partition, &slot->call);
    }
}

/* ---- all commands ---- */

/* What is pushed comes whatever CLIENT REPLY says: also what SUBSCRIBE and its relatives reply. */
static bool is_push(const struct bytes *tokens)
{
    return tokens->size > 0 && tokens->data[0] == REPLY_PUSH;
}

/* A message that a subscriber publishes to itself comes behind the reply. */
static void run_answer(struct invocation *invocation)
{
    struct session *session = invocation->session;
    struct slot *slot = channels_subscribed(session) ? session_slot(session) : NULL;

    invocation->spec->answer(invocation);
    session->muted = session->muted && !is_push(invocation->out);
    if (slot == NULL) {
        session_answer(session, bytes_span(invocation->out));
        return;
    }
    slot->muted = session->muted; /* the answer may have changed both */
    slot->protocol = (uint8_t)session_protocol(session);
    session_slot_answer(slot, bytes_span(invocation->out));
}

static bool is_publish(const struct spec *spec)
{
    return spec->answer == channels_publish || spec->answer == channels_spublish;
}

static void run(struct invocation *invocation)
{
    struct session *session = invocation->session;

    switch ((enum spec_route)invocation->spec->route) {
    case SPEC_KEY:
        run_key(invocation);
        break;
    case SPEC_KEYS:
    case SPEC_ALL:
    case SPEC_WAIT:
        run_keys(invocation);
        break;
    case SPEC_ANSWER:
        if (!is_publish(invocation->spec) || !channels_publish_behind(invocation))
            run_answer(invocation);
        break;
    case SPEC_TASK:
        if ((invocation->spec->flags & SPEC_PIPELINED) != 0)
            invocation->spec->begin(new_named_task(session, invocation->spec, GRAMMAR_AS_IS),
                                    invocation);
        else
            invocation->spec->begin(new_task(session, GRAMMAR_AS_IS), invocation);
        break;
    }
}

/* Keeps the words until the pause is over; no other command comes meanwhile. */
static void hold(struct session *session, const struct span *args, uint32_t count)
{
    bytes_clear(&session->held);
    for (uint32_t i = 0; i < count; i++) {
        bytes_put(&session->held, &args[i].size, sizeof(args[i].size));
        bytes_put(&session->held, args[i].data, args[i].size);
    }
    session->held_count = count;
    session->next_held = NULL;
    if (session->muted && session->mute == SESSION_REPLIES)
        session->mute = SESSION_SKIPS_NEXT; /* once more */
    session_barrier(session);
}

static void hold_for_pause(struct session *session, const struct span *args, uint32_t count)
{
    struct session **at = &session->owner->held;

    while (*at != NULL)
        at = &(*at)->next_held;
    *at = session;
    hold(session, args, count);
}

static bool is_paused(const struct command_worker *owner, const struct spec *spec)
{
    return owner->pause == COMMAND_PAUSE_ALL ||
           (owner->pause == COMMAND_PAUSE_WRITES &&
            ((spec->flags & SPEC_WRITE) != 0 || spec->begin == transaction_exec_begin ||
             is_publish(spec)));
}

/* A page in a browser can make it send requests to this port, but not read a word of RESP. */
static bool is_http(struct span name)
{
    return (name.size == 4 && grammar_is(name, "post")) ||
           (name.size == 5 && grammar_is(name, "host:"));
}

void dispatch_command(struct session *session, const struct span *args, uint32_t count)
{
    struct command_worker *owner = session->owner;
    struct invocation invocation = {
        .session = session, .args = args, .count = count, .out = &owner->tokens};

    if (!owner->touched) {
        owner->touched = true;
        worker_touch(owner->worker);
    }
    if (is_http(args[0])) {
        resp_connection_kill(session->connection);
        return;
    }
    bytes_clear(&owner->tokens);
    session->muted = session->mute != SESSION_REPLIES;
    if (session->mute == SESSION_SKIPS_NEXT)
        session->mute = SESSION_REPLIES;
    invocation.spec = find_spec(args, count, &owner->tokens);
    if (invocation.spec == NULL || !may_run(session, invocation.spec, &owner->tokens)) {
        if (grammar_is(args[0], "exec"))
            transaction_abort(session, &owner->tokens);
        else
            transaction_spoil(session);
        session_answer(session, bytes_span(&owner->tokens));
        return;
    }
    session->last_spec = invocation.spec;
    if (transaction_is_open(session) && (invocation.spec->flags & SPEC_NOT_QUEUED) == 0) {
        if (transaction_queue(session, &invocation))
            reply_status(&owner->tokens, "QUEUED");
        session_answer(session, bytes_span(&owner->tokens));
        return;
    }
    if (owner->pause != COMMAND_PAUSE_NONE && is_paused(owner, invocation.spec)) {
        hold_for_pause(session, args, count);
        return;
    }
    if (must_wait(session, invocation.spec, args)) {
        hold(session, args, count);
        session->held_for_named = true;
        return;
    }
    run(&invocation);
}

static void run_held(struct session *session)
{
    uint32_t count = session->held_count;
    struct span *args = bytes_alloc(count * sizeof(args[0]));
    struct bytes words = session->held;
    size_t at = 0;

    session->held = (struct bytes){0};
    session->held_count = 0;
    session->held_for_named = false;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(&args[i].size, words.data + at, sizeof(args[i].size));
        args[i].data = words.data + at + sizeof(args[i].size);
        at += sizeof(args[i].size) + args[i].size;
    }
    session_lift(session);
    dispatch_command(session, args, count);
    bytes_done(&words);
    free(args);
}

void dispatch_held(struct command_worker *owner)
{
    struct session *session = owner->held;

    owner->held = NULL;
    while (session != NULL) {
        struct session *next = session->next_held;

        run_held(session);
        session = next;
    }
}
