// SPDX-License-Identifier: Apache-2.0
/*
 * waits.c - who waits for members of keys: see keys.h.
 *
 * A wait has a leg for each of its keys. A leg goes to the host of its key's partition, stands
 * there in the queue of the key, and comes back when the wait is over; when all legs are back the
 * wait is freed. What decides between hosts, and against a time-out, is one atomic word:
 *
 *     WAITING -> CLAIMED   a host pops for it, in a submission of the host's own
 *     CLAIMED -> WAITING   somebody else had taken the members before the pop was folded
 *     CLAIMED -> OVER      the pop gave something, or there was nothing and the client gave up
 *     WAITING -> OVER      cancelled
 *
 * A host passes over waits that another host has claimed. If that pop then gives nothing, the keys
 * of all other legs are looked at once more, so none is missed. A key is popped for no more waits
 * than have members left for them by then, counting what pops that are under way will take: whoever
 * is claimed for nothing would be passed over elsewhere, out of its turn.
 *
 * Threads: queues belong to the host's worker, the wait itself to its origin.
 */
#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "engine/partition.h"
#include "keys/keys.h"
#include "keyspace/keyspace.h"
#include "model/command.h"
#include "model/reply.h"
#include "node/host.h"
#include "node/node.h"
#include "node/submission.h"
#include "node/worker.h"

#define BUCKETS 1024u
#define POPS_MAX 256u /* in one submission */

enum wait_state { WAITING, CLAIMED, OVER };

/* A wait counts once it stands in all its queues: who has seen the count may rely on the order. */
enum wait_counted { COUNTED_NOT, COUNTED, COUNTED_NO_MORE };

struct leg {
    struct message enter;
    struct message leave;  /* there and back */
    struct message retry;  /* looks at the key once more */
    _Atomic bool retrying; /* it is on its way */
    struct key_wait *wait;
    uint32_t partition;
    uint64_t hash;
    struct span key;
    struct leg *previous; /* in the queue of its bucket, which is in order of arrival */
    struct leg *next;
};

struct key_wait {
    struct message message; /* served */
    struct worker *origin;
    _Atomic int state;
    _Atomic bool given_up; /* cancelled while a host had claimed it */
    uint32_t flags;
    int64_t count;
    key_served_fn *served;
    void *context;
    struct leg *served_leg;
    struct bytes reply;
    int rc;
    struct err err;
    uint32_t out;              /* legs that are not back */
    _Atomic uint32_t entering; /* legs that are on their way to their queues */
    _Atomic int counted;       /* an enum wait_counted: in waiting_count */
    _Atomic uint32_t retries;  /* messages of that kind on their way */
    uint32_t leg_count;
    struct leg legs[];
};

struct bucket {
    struct leg *first;
    struct leg *last;
};

struct key_waits {
    struct bucket buckets[BUCKETS];
    uint32_t leg_count;
    struct pops *under_way;
};

/* Pops of one key for those who are first in its queue. */
struct pops {
    struct submission submission; /* first */
    struct host *host;
    struct pops *next; /* of those under way */
    uint64_t hash;     /* of the key */
    uint64_t promised; /* members that it will take if nobody else does */
    struct command_list list;
    struct bytes replies;
    size_t ends[POPS_MAX];
    struct leg *legs[POPS_MAX];
    uint32_t count;
};

static _Atomic uint32_t waiting_count;

uint32_t waits_count(const struct node *node)
{
    (void)node;
    return atomic_load_explicit(&waiting_count, memory_order_relaxed);
}

static struct bucket *bucket_of(struct host *host, uint64_t hash)
{
    return &host->waits->buckets[hash % BUCKETS];
}

/* ---- the end of a wait, on its origin ---- */

static struct leg *leg_of_leave(struct message *message)
{
    return (struct leg *)((char *)message - offsetof(struct leg, leave));
}

static void run_leg_back(struct message *message, struct worker *receiver)
{
    struct key_wait *wait = leg_of_leave(message)->wait;

    if (wait->out == 1 && atomic_load(&wait->retries) > 0) {
        worker_send(receiver, message); /* soon */
        return;
    }
    if (--wait->out == 0) {
        bytes_done(&wait->reply);
        free(wait);
    }
    worker_end(receiver);
}

static void run_leave(struct message *message, struct worker *receiver)
{
    struct leg *leg = leg_of_leave(message);
    struct host *host = node_host(receiver->node, leg->partition);
    struct bucket *bucket = bucket_of(host, leg->hash);

    if (leg->previous != NULL)
        leg->previous->next = leg->next;
    else
        bucket->first = leg->next;
    if (leg->next != NULL)
        leg->next->previous = leg->previous;
    else
        bucket->last = leg->previous;
    host->waits->leg_count--;
    message->run = run_leg_back;
    worker_send(leg->wait->origin, message);
}

/* The wait is OVER: its legs leave their queues. */
static void end(struct key_wait *wait)
{
    if (atomic_exchange(&wait->counted, COUNTED_NO_MORE) == COUNTED)
        atomic_fetch_sub(&waiting_count, 1);
    for (uint32_t i = 0; i < wait->leg_count; i++) {
        struct leg *leg = &wait->legs[i];

        leg->leave.run = run_leave;
        worker_send(node_host(wait->origin->node, leg->partition)->worker, &leg->leave);
    }
}

static void run_served(struct message *message, struct worker *receiver)
{
    struct key_wait *wait = (struct key_wait *)message;

    (void)receiver;
    if (atomic_exchange(&wait->counted, COUNTED_NO_MORE) == COUNTED)
        atomic_fetch_sub(&waiting_count, 1);
    wait->served(wait, wait->served_leg->key, bytes_span(&wait->reply), wait->rc, &wait->err);
    end(wait);
}

/* ---- popping, on a host's worker ---- */

static void serve(struct host *host, struct span key, uint64_t hash);

static void run_retry(struct message *message, struct worker *receiver)
{
    struct leg *leg = (struct leg *)((char *)message - offsetof(struct leg, retry));

    atomic_store(&leg->retrying, false);
    if (atomic_load(&leg->wait->state) == WAITING)
        serve(node_host(receiver->node, leg->partition), leg->key, leg->hash);
    atomic_fetch_sub(&leg->wait->retries, 1);
}

/* Nothing was left for it. Other hosts may have passed it over meanwhile. */
static void put_back(struct leg *leg)
{
    struct key_wait *wait = leg->wait;

    for (uint32_t i = 0; i < wait->leg_count; i++) {
        struct leg *other = &wait->legs[i];

        if (atomic_exchange(&other->retrying, true))
            continue;
        atomic_fetch_add(&wait->retries, 1);
        other->retry.run = run_retry;
        worker_send(node_host(wait->origin->node, other->partition)->worker, &other->retry);
    }
}

static void give(struct leg *leg, struct span reply, int rc, const struct err *err)
{
    struct key_wait *wait = leg->wait;
    bool nothing = rc == 0 && (reply.data[0] == REPLY_NULL || reply.data[0] == REPLY_NULL_ARRAY ||
                               reply.size == 1 + sizeof(uint32_t));

    if (nothing && !atomic_load(&wait->given_up)) {
        atomic_store(&wait->state, WAITING);
        if (!atomic_load(&wait->given_up)) {
            put_back(leg);
            return;
        }
        int expected = WAITING; /* given up in between, and told that it will be served */

        if (!atomic_compare_exchange_strong(&wait->state, &expected, CLAIMED))
            return;
    }
    atomic_store(&wait->state, OVER);
    wait->served_leg = leg;
    wait->rc = rc;
    if (rc < 0)
        wait->err = *err;
    else if (nothing)
        reply_null_array(&wait->reply);
    else
        bytes_put(&wait->reply, reply.data, reply.size);
    wait->message.run = run_served;
    worker_send(wait->origin, &wait->message);
}

static void on_popped(struct submission *submission, struct worker *origin)
{
    struct pops *pops = (struct pops *)submission;
    struct pops **at = &pops->host->waits->under_way;
    size_t begin = 0;

    (void)origin;
    while (*at != pops)
        at = &(*at)->next;
    *at = pops->next;
    for (uint32_t i = 0; i < pops->count; i++) {
        struct span reply = {0};

        if (submission->rc == 0)
            reply = (struct span){pops->replies.data + begin, pops->ends[i] - begin};
        begin = submission->rc == 0 ? pops->ends[i] : 0;
        give(pops->legs[i], reply, submission->rc, &submission->err);
    }
    command_list_done(&pops->list);
    bytes_done(&pops->replies);
    free(pops);
}

static uint32_t members_of(struct host *host, struct span key)
{
    struct command_list list = {0};
    struct bytes reply = {0};
    struct reply_token token;
    size_t ends;
    size_t at = 0;

    command_list_add(&list, COMMAND_ZCARD, 0);
    command_list_key(&list, key);
    partition_execute(host->partition, &list, INT64_MIN, &reply, &ends);
    reply_next(bytes_span(&reply), &at, &token);
    command_list_done(&list);
    bytes_done(&reply);
    return token.kind == REPLY_INT ? (uint32_t)token.i : 0;
}

/* What pops of this key that are under way will take. */
static uint64_t promised_of(const struct host *host, uint64_t hash)
{
    uint64_t promised = 0;

    for (const struct pops *pops = host->waits->under_way; pops != NULL; pops = pops->next)
        if (pops->hash == hash)
            promised += pops->promised;
    return promised;
}

static struct pops *new_pops(struct host *host, uint64_t hash)
{
    struct pops *pops = bytes_alloc_zero(1, sizeof(*pops));

    pops->host = host;
    pops->hash = hash;
    pops->next = host->waits->under_way;
    host->waits->under_way = pops;
    return pops;
}

/* Adds the pop of a wait, which takes at most `left`; how many it will take. */
static uint64_t add_pop(struct pops *pops, struct leg *leg, uint64_t left)
{
    const struct key_wait *wait = leg->wait;
    uint64_t takes = (uint64_t)wait->count < left ? (uint64_t)wait->count : left;

    command_list_add(&pops->list, COMMAND_ZPOP, wait->flags);
    command_list_key(&pops->list, leg->key);
    command_list_int(&pops->list, wait->count);
    pops->legs[pops->count++] = leg;
    pops->promised += takes;
    return takes;
}

static void submit(struct host *host, struct pops *pops)
{
    pops->submission = (struct submission){
        .origin = host->worker,
        .partition = host->number,
        .type = JOURNAL_COMMANDS,
        .commands = &pops->list,
        .command_replies = &pops->replies,
        .command_ends = pops->ends,
        .returned = on_popped,
    };
    worker_submit(host->worker, &pops->submission);
}

/* Pops a key for as many as it has members for, those who came first. */
static void serve(struct host *host, struct span key, uint64_t hash)
{
    uint64_t promised = promised_of(host, hash);
    struct pops *pops = NULL;
    uint64_t left;

    if (bucket_of(host, hash)->first == NULL)
        return;
    left = members_of(host, key);
    left = left > promised ? left - promised : 0;
    for (struct leg *leg = bucket_of(host, hash)->first; leg != NULL && left > 0; leg = leg->next) {
        int expected = WAITING;

        if (leg->hash != hash || !span_equal(leg->key, key) ||
            !atomic_compare_exchange_strong(&leg->wait->state, &expected, CLAIMED))
            continue;
        if (pops == NULL)
            pops = new_pops(host, hash);
        left -= add_pop(pops, leg, left);
        if (pops->count == POPS_MAX) {
            submit(host, pops);
            pops = NULL;
        }
    }
    if (pops != NULL)
        submit(host, pops);
}

static void on_executed(struct host *host)
{
    const struct keyspace *keyspace = partition_keyspace(host->partition);
    struct bytes keys = {0};
    size_t at = 0;
    struct span key;

    if (host->waits->leg_count == 0)
        return;
    /* Copied first: serving executes, which forgets what the last list has done. */
    for (uint32_t i = 0; keyspace_gained(keyspace, i, &key); i++) {
        uint32_t size = (uint32_t)key.size;

        bytes_put(&keys, &size, sizeof(size));
        bytes_put(&keys, key.data, key.size);
    }
    while (at < keys.size) {
        uint32_t size;

        memcpy(&size, keys.data + at, sizeof(size));
        key = (struct span){keys.data + at + sizeof(size), size};
        at += sizeof(size) + size;
        serve(host, key, hash_bytes(key.data, key.size));
    }
    bytes_done(&keys);
}

/* ---- beginning and giving up ---- */

static void run_enter(struct message *message, struct worker *receiver)
{
    struct leg *leg = (struct leg *)message; /* enter is first */
    struct key_wait *wait = leg->wait;
    struct host *host = node_host(receiver->node, leg->partition);
    struct bucket *bucket = bucket_of(host, leg->hash);

    leg->previous = bucket->last;
    if (bucket->last != NULL)
        bucket->last->next = leg;
    else
        bucket->first = leg;
    bucket->last = leg;
    host->waits->leg_count++;
    if (atomic_fetch_sub(&wait->entering, 1) == 1) {
        int expected = COUNTED_NOT;

        atomic_fetch_add(&waiting_count, 1);
        if (!atomic_compare_exchange_strong(&wait->counted, &expected, COUNTED))
            atomic_fetch_sub(&waiting_count, 1); /* it is over already */
    }
    serve(host, leg->key, leg->hash);
}

struct key_wait *waits_begin(struct worker *worker, const struct span *keys, uint32_t key_count,
                             uint32_t flags, int64_t count, key_served_fn *served, void *context)
{
    size_t size = sizeof(struct key_wait) + key_count * sizeof(struct leg);
    struct key_wait *wait;
    char *text;

    for (uint32_t i = 0; i < key_count; i++)
        size += keys[i].size;
    wait = bytes_alloc_zero(1, size);
    wait->origin = worker;
    wait->flags = flags;
    wait->count = count;
    wait->served = served;
    wait->context = context;
    wait->leg_count = wait->out = key_count;
    atomic_store(&wait->entering, key_count);
    text = (char *)&wait->legs[key_count];
    for (uint32_t i = 0; i < key_count; i++) {
        struct leg *leg = &wait->legs[i];

        memcpy(text, keys[i].data, keys[i].size);
        leg->wait = wait;
        leg->key = (struct span){text, keys[i].size};
        leg->hash = hash_bytes(text, keys[i].size);
        leg->partition = keys_partition(worker->node, leg->key);
        leg->enter.run = run_enter;
        text += keys[i].size;
    }
    for (uint32_t i = 0; i < key_count; i++) {
        worker_begin(worker);
        worker_send(node_host(worker->node, wait->legs[i].partition)->worker, &wait->legs[i].enter);
    }
    return wait;
}

void *waits_context(const struct key_wait *wait)
{
    return wait->context;
}

bool waits_cancel(struct key_wait *wait)
{
    int expected = WAITING;

    if (atomic_compare_exchange_strong(&wait->state, &expected, OVER)) {
        end(wait);
        return true;
    }
    atomic_store(&wait->given_up, true);
    /* The host may have put it back in between without having seen that. */
    expected = WAITING;
    if (!atomic_compare_exchange_strong(&wait->state, &expected, OVER))
        return false;
    end(wait);
    return true;
}

void waits_host_open(struct host *host)
{
    host->waits = bytes_alloc_zero(1, sizeof(*host->waits));
    host->executed = on_executed;
}

void waits_host_close(struct host *host)
{
    free(host->waits);
    host->waits = NULL;
    host->executed = NULL;
}
