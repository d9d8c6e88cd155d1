// SPDX-License-Identifier: Apache-2.0
/*
 * session.c - the queue of replies of one client; see session.h.
 *
 * Thread: the worker's.
 */
#include "command/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "command/answer.h"
#include "command/command_private.h"
#include "model/reply.h"
#include "resp/resp_connection.h"

#define FREE_SLOTS_MAX 4096
#define KEPT_BYTES_MAX (64u << 10) /* of a slot that waits to be used again */
#define MEMBER_BYTES 55            /* what one costs, all in: an estimate */
#define KEY_BYTES 200

struct session *session_new(struct command_worker *owner, struct resp_connection *connection)
{
    struct session *session = bytes_alloc_zero(1, sizeof(*session));

    session->owner = owner;
    session->connection = connection;
    session->subscriber.deliver = channels_deliver;
    return session;
}

/* When the connection is gone and nothing is under way any more. */
static void release(struct session *session)
{
    if (session->connection != NULL || session->first != NULL)
        return;
    transaction_free(session->transaction);
    bytes_done(&session->held);
    free(session->name);
    free(session->library_name);
    free(session->library_version);
    free(session);
}

static void remove_held(struct session *session)
{
    struct session **at = &session->owner->held;

    while (*at != NULL && *at != session)
        at = &(*at)->next_held;
    if (*at != NULL)
        *at = session->next_held;
    session->held_count = 0;
    session->held_for_named = false;
}

static void free_slot(struct session *session, struct slot *slot)
{
    struct command_worker *owner = session->owner;

    resp_block_unref(slot->blocks[0]);
    resp_block_unref(slot->blocks[1]);
    if (slot->tokens.capacity > KEPT_BYTES_MAX || owner->free_slot_count >= FREE_SLOTS_MAX)
        bytes_done(&slot->tokens);
    if (owner->free_slot_count >= FREE_SLOTS_MAX) {
        free(slot);
        return;
    }
    slot->next = owner->free_slots;
    owner->free_slots = slot;
    owner->free_slot_count++;
}

static struct slot *pop_first(struct session *session)
{
    struct slot *slot = session->first;

    session->first = slot->next;
    if (session->first == NULL)
        session->last = NULL;
    return slot;
}

/* Prints what is at the head of the queue and has its answer. */
static void advance(struct session *session)
{
    while (session->first != NULL && session->first->answered) {
        struct slot *slot = pop_first(session);
        struct resp_connection *connection = session->connection;

        if (connection != NULL && slot->blocks[0] != NULL) {
            resp_connection_push(connection,
                                 slot->blocks[session_protocol(session) == RESP_PROTOCOL_3]);
        } else if (connection != NULL) {
            if (!slot->muted)
                resp_print(resp_connection_output(connection), bytes_span(&slot->tokens),
                           (enum resp_protocol)slot->protocol);
            resp_connection_answered(connection, 1);
        }
        free_slot(session, slot);
    }
}

void session_leave(struct session *session)
{
    if (session->held_count > 0)
        remove_held(session);
    if (session->blocked != NULL || session->reading != NULL)
        blocking_leave(session);
    channels_leave(session);
    session->connection = NULL;
    advance(session);
    release(session);
}

enum resp_protocol session_protocol(const struct session *session)
{
    return session->connection != NULL ? resp_connection_protocol(session->connection)
                                       : RESP_PROTOCOL_2;
}

/* ---- replies ---- */

struct slot *session_slot(struct session *session)
{
    struct command_worker *owner = session->owner;
    struct slot *slot = owner->free_slots;
    struct bytes tokens = {0};

    if (slot != NULL) {
        owner->free_slots = slot->next;
        owner->free_slot_count--;
        tokens = slot->tokens;
    } else {
        slot = bytes_alloc(sizeof(*slot));
    }
    *slot = (struct slot){
        .session = session,
        .muted = session->muted,
        .protocol = (uint8_t)session_protocol(session),
        .tokens = tokens,
    };
    bytes_clear(&slot->tokens);
    if (session->last != NULL)
        session->last->next = slot;
    else
        session->first = slot;
    session->last = slot;
    return slot;
}

void session_slot_answer(struct slot *slot, struct span tokens)
{
    struct session *session = slot->session;
    struct command_worker *owner = session->owner;

    assert(!slot->answered);
    if (slot->shape != GRAMMAR_AS_IS) {
        bytes_clear(&owner->shaped);
        session_shape(&owner->shaped, tokens, (enum grammar_shape)slot->shape, slot->partition,
                      owner->partition_count);
        tokens = bytes_span(&owner->shaped);
    }
    slot->answered = true;
    if (session->first != slot) {
        if (session->connection != NULL && !slot->muted)
            bytes_put(&slot->tokens, tokens.data, tokens.size);
        return;
    }
    pop_first(session);
    if (session->connection != NULL) {
        if (!slot->muted)
            resp_print(resp_connection_output(session->connection), tokens,
                       (enum resp_protocol)slot->protocol);
        resp_connection_answered(session->connection, 1);
    }
    free_slot(session, slot);
    advance(session);
    release(session);
}

void session_slot_fail(struct slot *slot, const struct err *err)
{
    struct bytes tokens = {0};

    slot->shape = GRAMMAR_AS_IS;
    reply_error(&tokens, "ERR %s", err->text);
    session_slot_answer(slot, bytes_span(&tokens));
    bytes_done(&tokens);
}

void session_answer(struct session *session, struct span tokens)
{
    if (session->first != NULL) {
        session_slot_answer(session_slot(session), tokens);
        return;
    }
    if (!session->muted)
        resp_print(resp_connection_output(session->connection), tokens, session_protocol(session));
    resp_connection_answered(session->connection, 1);
}

void session_push(struct session *session, struct resp_block *resp2, struct resp_block *resp3)
{
    struct slot *slot;

    if (session->connection == NULL)
        return;
    if (session->first == NULL) {
        resp_connection_push(session->connection,
                             session_protocol(session) == RESP_PROTOCOL_3 ? resp3 : resp2);
        return;
    }
    slot = session_slot(session);
    slot->blocks[0] = resp_block_ref(resp2);
    slot->blocks[1] = resp_block_ref(resp3);
    slot->answered = true;
}

/* ---- shapes ---- */

/* [key, [[member, score]]] (one) becomes [key, member, score]; nothing becomes no array. */
static void shape_popped(struct bytes *out, struct span tokens)
{
    struct reply_token token;
    size_t at = 0;
    size_t key;

    if (!reply_next(tokens, &at, &token) || token.kind != REPLY_ARRAY) {
        reply_null_array(out);
        return;
    }
    key = at;
    reply_aggregate(out, REPLY_ARRAY, 3);
    reply_skip(tokens, &at);
    bytes_put(out, tokens.data + key, at - key);
    reply_next(tokens, &at, &token); /* the list */
    reply_next(tokens, &at, &token); /* the head of its only element */
    assert(token.kind == REPLY_ARRAY && token.count == 2);
    bytes_put(out, tokens.data + at, tokens.size - at);
}

/*
 * The lower six bits of a cursor are the partition, the others the cursor there; a partition that
 * is through is followed by the next one. Partitions are at most CONF_CORES_MAX, which is 64.
 */
static void shape_scan(struct bytes *out, struct span tokens, bool nothing, uint32_t partition,
                       uint32_t partition_count)
{
    struct reply_token token;
    uint64_t cursor = 0;
    size_t at = 0;
    char text[24];

    reply_next(tokens, &at, &token);
    if (token.kind != REPLY_ARRAY) {
        bytes_put(out, tokens.data, tokens.size);
        return;
    }
    reply_next(tokens, &at, &token);
    if (token.kind == REPLY_INT)
        cursor = (uint64_t)token.i;
    else
        grammar_cursor_read(token.text, &cursor);
    if (cursor != 0)
        cursor = cursor << 6 | partition;
    else
        cursor = partition + 1 < partition_count ? partition + 1 : 0;
    snprintf(text, sizeof(text), "%llu", (unsigned long long)cursor);
    reply_aggregate(out, REPLY_ARRAY, 2);
    reply_bulk(out, span_of(text));
    if (nothing)
        reply_aggregate(out, REPLY_ARRAY, 0);
    else
        bytes_put(out, tokens.data + at, tokens.size - at);
}

static void shape_refused_scan(struct bytes *out, int64_t member_count, bool syntax)
{
    if (member_count > 0) {
        reply_error(out,
                    syntax ? "ERR syntax error" : "ERR value is not an integer or out of range");
        return;
    }
    reply_aggregate(out, REPLY_ARRAY, 2);
    reply_bulk(out, SPAN_LITERAL("0"));
    reply_aggregate(out, REPLY_ARRAY, 0);
}

void session_shape(struct bytes *out, struct span tokens, enum grammar_shape shape,
                   uint32_t partition, uint32_t partition_count)
{
    struct reply_token token = {0};
    size_t at = 0;
    bool none = !reply_next(tokens, &at, &token) || token.kind == REPLY_NULL ||
                token.kind == REPLY_NULL_ARRAY;

    if (token.kind == REPLY_ERROR || (none && shape != GRAMMAR_POPPED))
        shape = GRAMMAR_AS_IS;
    switch (shape) {
    case GRAMMAR_AS_IS:
        bytes_put(out, tokens.data, tokens.size);
        break;
    case GRAMMAR_POPPED:
        shape_popped(out, tokens);
        break;
    case GRAMMAR_IDLE:
        reply_int(out, 0);
        break;
    case GRAMMAR_REFERENCES:
        reply_int(out, 1);
        break;
    case GRAMMAR_FREQUENCY:
        reply_error(out, "ERR An LFU maxmemory policy is not selected, access frequency not "
                         "tracked. Please note that when switching between policies at runtime "
                         "LRU and LFU data will take some time to adjust.");
        break;
    case GRAMMAR_MEMORY:
        if (token.i == 0)
            reply_null(out);
        else
            reply_int(out, KEY_BYTES + token.i * MEMBER_BYTES);
        break;
    case GRAMMAR_SCAN:
    case GRAMMAR_SCAN_NOTHING:
        shape_scan(out, tokens, shape == GRAMMAR_SCAN_NOTHING, partition, partition_count);
        break;
    case GRAMMAR_ZSCAN_SYNTAX:
    case GRAMMAR_ZSCAN_NUMBER:
        shape_refused_scan(out, token.i, shape == GRAMMAR_ZSCAN_SYNTAX);
        break;
    }
}

/* ---- flow ---- */

void session_barrier(struct session *session)
{
    if (session->barriers++ == 0 && session->connection != NULL)
        resp_connection_pause(session->connection);
}

void session_lift(struct session *session)
{
    assert(session->barriers > 0);
    if (--session->barriers == 0 && session->connection != NULL && !session->finishing)
        resp_connection_resume(session->connection);
}
