// SPDX-License-Identifier: Apache-2.0
/*
 * transaction.c - MULTI, EXEC, DISCARD, WATCH, UNWATCH.
 *
 * What is queued is kept as words. EXEC parses it and gives each partition its commands between
 * one keys_begin and keys_end, so what concerns one partition is executed as a whole, with nothing
 * in between. Over several partitions an EXEC goes by stages: consecutive commands that stay in one
 * partition each are a stage, a command over several partitions is one of its own, and each stage
 * waits for the one before. So what the client sees is what one after the other would have given;
 * what others see is several wholes.
 *
 * Commands on what a key names that is defined (named/named.h) are steps of their own too, so an
 * EXEC with them is not isolated.
 *
 * WATCH notes the versions of keys. If all that is watched and all that is queued is in one
 * partition, the versions are compared there, by IF_WATCHED in front of the commands. Else they
 * are asked for before anything is sent.
 *
 * What has nothing to do with keys (PING, PUBLISH) runs when its place in the reply is filled, so
 * nothing of it happens if a watched key has changed.
 *
 * Thread: the worker's.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "base/hash.h"
#include "command/answer.h"
#include "command/command_private.h"
#include "command/task.h"
#include "model/reply.h"
#include "named/named.h"
#include "node/worker.h"
#include "resp/resp_connection.h"

struct queued {
    const struct spec *spec;
    uint32_t word; /* the first of its words */
    uint32_t count;
    uint64_t partitions; /* while it is executed: a bit for each that has a part of it */
    uint32_t partition;  /* the only one */
    uint8_t shape;
    uint8_t how; /* an enum queued_how */
};

enum queued_how {
    QUEUED_LATER,   /* not looked at, or to be answered here */
    QUEUED_REFUSED, /* its words are wrong */
    QUEUED_SENT,
    QUEUED_SPREAD, /* sent to several partitions: replies that add up */
    QUEUED_LARGE,  /* not executed: there are too many replies already */
};

/* Replies of one EXEC, beyond which nothing is executed that only reads. */
#define REPLIES_BYTES_MAX ((size_t)1 << 30)
#define BUCKETS_MIN 64u /* of the watched keys */

struct watched {
    char *key;
    uint64_t hash;
    uint32_t size;
    uint32_t partition;
    int64_t version;
};

struct transaction {
    bool open;    /* MULTI; else there are only watched keys */
    bool spoiled; /* something could not be queued */
    struct queued *queue;
    uint32_t count;
    uint32_t capacity;
    struct bytes words;
    size_t *word_ends;
    uint32_t word_count;
    uint32_t word_capacity;
    struct watched *watched;
    uint32_t watched_count;
    uint32_t *buckets; /* of a hash table: an index of `watched` and 1, or 0 */
    uint32_t bucket_count;
    /* of EXEC */
    struct span *args;          /* of the command at hand */
    struct command_list *lists; /* for each partition, of the stage at hand */
    uint32_t *places;           /* for each partition: its call in the stage */
    size_t *cursors;            /* for each partition: what was read of its replies */
    uint32_t partition_count;
    uint32_t next; /* the first command that is not done */
    uint32_t end;  /* of the stage at hand */
    bool guarded;  /* IF_WATCHED stands in front */
    bool starting; /* the command over several partitions is being started */
    bool started;  /* and has its reply already */
};

void transaction_free(struct transaction *transaction)
{
    if (transaction == NULL)
        return;
    for (uint32_t i = 0; i < transaction->watched_count; i++)
        free(transaction->watched[i].key);
    for (uint32_t i = 0; i < transaction->partition_count; i++)
        command_list_done(&transaction->lists[i]);
    bytes_done(&transaction->words);
    free(transaction->queue);
    free(transaction->word_ends);
    free(transaction->watched);
    free(transaction->buckets);
    free(transaction->args);
    free(transaction->lists);
    free(transaction->places);
    free(transaction->cursors);
    free(transaction);
}

static struct transaction *transaction_of(struct session *session)
{
    if (session->transaction == NULL)
        session->transaction = bytes_alloc_zero(1, sizeof(*session->transaction));
    return session->transaction;
}

bool transaction_is_open(const struct session *session)
{
    return session->transaction != NULL && session->transaction->open;
}

int transaction_size(const struct session *session)
{
    return transaction_is_open(session) ? (int)session->transaction->count : -1;
}

uint32_t transaction_watched(const struct session *session)
{
    return session->transaction != NULL ? session->transaction->watched_count : 0;
}

void transaction_spoil(struct session *session)
{
    if (transaction_is_open(session))
        session->transaction->spoiled = true;
}

void transaction_multi(struct invocation *invocation)
{
    if (transaction_is_open(invocation->session)) {
        reply_error(invocation->out, "ERR MULTI calls can not be nested");
        return;
    }
    transaction_of(invocation->session)->open = true;
    reply_status(invocation->out, "OK");
}

static void forget(struct session *session)
{
    transaction_free(session->transaction);
    session->transaction = NULL;
}

void transaction_abort(struct session *session, struct bytes *out)
{
    struct reply_token token = {0};
    struct bytes text = {0};
    size_t at = 0;

    forget(session);
    reply_next(bytes_span(out), &at, &token);
    bytes_put(&text, token.text.data, token.text.size);
    bytes_clear(out);
    reply_error(out, "EXECABORT Transaction discarded because of: %s",
                bytes_text(&text) + (strncmp(text.data, "ERR ", 4) == 0 ? 4 : 0));
    bytes_done(&text);
}

void transaction_discard(struct invocation *invocation)
{
    if (!transaction_is_open(invocation->session)) {
        reply_error(invocation->out, "ERR DISCARD without MULTI");
        return;
    }
    forget(invocation->session);
    reply_status(invocation->out, "OK");
}

/* Inside MULTI it is queued, and does nothing then: EXEC has forgotten all by itself. */
void transaction_unwatch(struct invocation *invocation)
{
    if (!transaction_is_open(invocation->session))
        forget(invocation->session);
    reply_status(invocation->out, "OK");
}

/* ---- the queue ---- */

static void add_word(struct transaction *transaction, struct span word)
{
    if (transaction->word_count == transaction->word_capacity) {
        transaction->word_capacity = transaction->word_capacity * 2 + 16;
        transaction->word_ends = bytes_realloc(
            transaction->word_ends, transaction->word_capacity * sizeof(transaction->word_ends[0]));
    }
    bytes_put(&transaction->words, word.data, word.size);
    transaction->word_ends[transaction->word_count++] = transaction->words.size;
}

bool transaction_queue(struct session *session, const struct invocation *invocation)
{
    struct transaction *transaction = session->transaction;
    size_t bytes_max = (size_t)session->owner->server->conf->limits.multi_bytes;
    size_t size = transaction->words.size;

    for (uint32_t i = 0; i < invocation->count; i++)
        size += invocation->args[i].size;
    if (size + transaction->word_count * sizeof(size_t) > bytes_max) {
        transaction->spoiled = true;
        reply_error(invocation->out, "ERR MULTI has queued too much (limits.multi_bytes)");
        return false;
    }
    if (transaction->count == transaction->capacity) {
        transaction->capacity = transaction->capacity * 2 + 8;
        transaction->queue = bytes_realloc(transaction->queue,
                                           transaction->capacity * sizeof(transaction->queue[0]));
    }
    transaction->queue[transaction->count++] = (struct queued){
        .spec = invocation->spec, .word = transaction->word_count, .count = invocation->count};
    for (uint32_t i = 0; i < invocation->count; i++)
        add_word(transaction, invocation->args[i]);
    return true;
}

/* The words stand in `transaction->args` until the next call. */
static struct invocation invocation_of(struct task *task, struct transaction *transaction,
                                       uint32_t index, struct bytes *out)
{
    const struct queued *queued = &transaction->queue[index];

    for (uint32_t i = 0; i < queued->count; i++) {
        uint32_t word = queued->word + i;
        size_t begin = word == 0 ? 0 : transaction->word_ends[word - 1];

        transaction->args[i] =
            (struct span){transaction->words.data + begin, transaction->word_ends[word] - begin};
    }
    return (struct invocation){.session = task->session,
                               .spec = queued->spec,
                               .args = transaction->args,
                               .count = queued->count,
                               .out = out,
                               .queued = true};
}

/* ---- WATCH ---- */

/* Where a key is, or would be, among the buckets. */
static uint32_t *bucket_of(const struct transaction *transaction, struct span key, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & (transaction->bucket_count - 1);

    for (;; at = (at + 1) & (transaction->bucket_count - 1)) {
        uint32_t *bucket = &transaction->buckets[at];
        const struct watched *watched = &transaction->watched[*bucket - (*bucket > 0)];

        if (*bucket == 0 ||
            (watched->hash == hash && span_equal((struct span){watched->key, watched->size}, key)))
            return bucket;
    }
}

/* Room for `extra` more keys. */
static void reserve_watched(struct transaction *transaction, uint32_t extra)
{
    uint32_t wanted = transaction->watched_count + extra;

    transaction->watched =
        bytes_realloc(transaction->watched, wanted * sizeof(transaction->watched[0]));
    if (transaction->bucket_count >= 2 * wanted)
        return;
    free(transaction->buckets);
    transaction->bucket_count = BUCKETS_MIN;
    while (transaction->bucket_count < 2 * wanted)
        transaction->bucket_count *= 2;
    transaction->buckets =
        bytes_alloc_zero(transaction->bucket_count, sizeof(transaction->buckets[0]));
    for (uint32_t i = 0; i < transaction->watched_count; i++) {
        const struct watched *watched = &transaction->watched[i];

        *bucket_of(transaction, (struct span){watched->key, watched->size}, watched->hash) = i + 1;
    }
}

/* As many versions as keys were asked for: the last ones that are watched. */
static void step_watched(struct task *task)
{
    struct transaction *transaction = transaction_of(task->session);
    uint32_t count = task_replies(task);

    assert(count <= transaction->watched_count);
    for (uint32_t i = 0; i < count; i++) {
        struct reply_token token = {0};
        size_t at = 0;

        reply_next(task_reply(task, i), &at, &token);
        transaction->watched[transaction->watched_count - count + i].version = token.i;
    }
    reply_status(&task->out, "OK");
    task_finish(task);
}

static void ask_version(struct task *task, const struct watched *watched)
{
    struct command_list *list = task_open(task, watched->partition);

    command_list_add(list, COMMAND_VERSION, 0);
    command_list_key(list, (struct span){watched->key, watched->size});
    task_close(task);
}

/* Names count against the same limit as what is queued. */
static bool has_room_to_watch(const struct task *task, const struct transaction *transaction,
                              const struct invocation *invocation)
{
    uint64_t size = 0;

    for (uint32_t i = 0; i < transaction->watched_count; i++)
        size += sizeof(transaction->watched[i]) + transaction->watched[i].size;
    for (uint32_t i = 1; i < invocation->count; i++)
        size += sizeof(transaction->watched[0]) + invocation->args[i].size;
    return size <= (uint64_t)task->owner->server->conf->limits.multi_bytes;
}

void transaction_watch_begin(struct task *task, const struct invocation *invocation)
{
    struct transaction *transaction = transaction_of(task->session);

    if (transaction->open) {
        reply_error(&task->out, "ERR WATCH inside MULTI is not allowed");
        task_finish(task);
        return;
    }
    if (transaction->watched_count + invocation->count > UINT16_MAX ||
        !has_room_to_watch(task, transaction, invocation)) {
        reply_error(&task->out, "ERR more keys are watched than limits.multi_bytes allows");
        task_finish(task);
        return;
    }
    reserve_watched(transaction, invocation->count - 1);
    for (uint32_t i = 1; i < invocation->count; i++) {
        if (!named_is(task->owner->worker, invocation->args[i]))
            continue;
        reply_error(&task->out,
                    "ERR \"%.*s\" is defined, and can not be watched by WATCH; see "
                    "SUBSCRIBE",
                    (int)(invocation->args[i].size < 100 ? invocation->args[i].size : 100),
                    invocation->args[i].data);
        task_finish(task);
        return;
    }
    for (uint32_t i = 1; i < invocation->count; i++) {
        struct span key = invocation->args[i];
        uint64_t hash = hash_bytes(key.data, key.size);
        uint32_t *bucket = bucket_of(transaction, key, hash);
        struct watched *watched;

        if (*bucket != 0)
            continue;
        watched = &transaction->watched[transaction->watched_count++];
        *bucket = transaction->watched_count;
        *watched = (struct watched){.key = bytes_dup(key),
                                    .hash = hash,
                                    .size = (uint32_t)key.size,
                                    .partition = dispatch_partition(task->owner, key)};
        ask_version(task, watched);
    }
    task_wait(task, step_watched);
}

/* ---- EXEC ---- */

/* Where an EXEC goes on. */
enum stage { STAGE_PLAN, STAGE_SEND, STAGE_COLLECT };

static void go_on(struct task *task, enum stage stage);

static void finish_aborted(struct task *task)
{
    bytes_clear(&task->out);
    reply_null_array(&task->out);
    task_finish(task);
}

static void on_sub_done(void *context, struct span tokens)
{
    struct task *task = context;
    struct transaction *transaction = task->state;

    session_shape(&task->out, tokens,
                  (enum grammar_shape)transaction->queue[transaction->next].shape, 0,
                  transaction->partition_count);
    transaction->next++;
    if (transaction->starting)
        transaction->started = true;
    else
        go_on(task, STAGE_PLAN);
}

static void step_alone(struct task *sub)
{
    struct span reply = task_reply(sub, 0);

    bytes_put(&sub->out, reply.data, reply.size);
    task_finish(sub);
}

/* A command that is a step of its own. */
static void begin_sub(struct task *task)
{
    struct transaction *transaction = task->state;
    struct queued *queued = &transaction->queue[transaction->next];
    struct bytes none = {0};
    struct invocation invocation = invocation_of(task, transaction, transaction->next, &none);
    struct task *sub = task_new(task->session, on_sub_done, task);

    if (queued->spec->route == SPEC_TASK) {
        queued->spec->begin(sub, &invocation);
    } else {
        struct grammar grammar;
        uint32_t partition;
        enum dispatch_plan plan = dispatch_plan_of(&invocation, &grammar, &partition);

        queued->shape = (uint8_t)grammar.shape;
        if (plan == DISPATCH_REFUSED) {
            bytes_put(&sub->out, none.data, none.size);
            task_finish(sub);
        } else if (plan == DISPATCH_ONE) { /* what its key named was dropped meanwhile */
            command_list_copy(task_open(sub, partition), grammar.list, 0);
            task_close(sub);
            task_wait(sub, step_alone);
        } else {
            dispatch_begin(sub, &grammar);
        }
    }
    bytes_done(&none);
}

static void put_answer(struct task *task, struct transaction *transaction, uint32_t index)
{
    struct invocation invocation = invocation_of(task, transaction, index, &task->out);

    if (task->session->connection != NULL)
        invocation.spec->answer(&invocation);
    else
        reply_null(&task->out); /* nobody is there to read it */
}

static void put_refusal(struct task *task, struct transaction *transaction, uint32_t index)
{
    struct invocation invocation = invocation_of(task, transaction, index, &task->out);
    struct grammar grammar;
    uint32_t partition;

    dispatch_plan_of(&invocation, &grammar, &partition); /* says again what is wrong */
}

/* The next reply of a partition. */
static struct span take_reply(struct task *task, struct transaction *transaction,
                              uint32_t partition)
{
    struct span replies = task_reply(task, transaction->places[partition]);
    size_t *cursor = &transaction->cursors[partition];
    size_t begin = *cursor;

    reply_skip(replies, cursor);
    return (struct span){replies.data + begin, *cursor - begin};
}

/* Integers are added, names put together; FLUSHALL is OK everywhere. */
static void put_spread(struct task *task, struct transaction *transaction,
                       const struct queued *queued)
{
    size_t begin = task->out.size;
    size_t head = reply_aggregate_begin(&task->out, REPLY_ARRAY);
    struct reply_token token = {0};
    struct span reply = {0};
    struct span refusal = {0};
    uint64_t count = 0;
    int64_t sum = 0;

    for (uint64_t left = queued->partitions; left != 0; left &= left - 1) {
        size_t at = 0;

        reply = take_reply(task, transaction, (uint32_t)__builtin_ctzll(left));
        reply_next(reply, &at, &token);
        if (token.kind == REPLY_ERROR)
            refusal = reply;
        sum += token.i;
        count += token.count;
        if (token.kind == REPLY_ARRAY)
            bytes_put(&task->out, reply.data + at, reply.size - at);
    }
    if (refusal.size == 0 && token.kind == REPLY_ARRAY) {
        reply_aggregate_end(&task->out, head, (uint32_t)count);
        return;
    }
    task->out.size = begin;
    if (refusal.size > 0)
        bytes_put(&task->out, refusal.data, refusal.size);
    else if (token.kind == REPLY_INT)
        reply_int(&task->out, sum);
    else
        bytes_put(&task->out, reply.data, reply.size);
}

/* The commands of the stage have their replies. False: a watched key has changed. */
static bool collect(struct task *task)
{
    struct transaction *transaction = task->state;

    for (uint32_t p = 0; p < transaction->partition_count; p++)
        transaction->cursors[p] = 0;
    if (transaction->guarded) {
        uint32_t partition = transaction->watched[0].partition;
        struct reply_token token = {0};

        transaction->guarded = false;
        reply_next(task_reply(task, 0), &transaction->cursors[partition], &token);
        if (token.i == 0)
            return false;
    }
    for (; transaction->next < transaction->end; transaction->next++) {
        const struct queued *queued = &transaction->queue[transaction->next];

        if (queued->how == QUEUED_SENT)
            session_shape(&task->out, take_reply(task, transaction, queued->partition),
                          (enum grammar_shape)queued->shape, queued->partition,
                          transaction->partition_count);
        else if (queued->how == QUEUED_SPREAD)
            put_spread(task, transaction, queued);
        else if (queued->how == QUEUED_REFUSED)
            put_refusal(task, transaction, transaction->next);
        else if (queued->how == QUEUED_LARGE)
            reply_error(&task->out, "ERR the replies to one EXEC are larger than %zu bytes",
                        REPLIES_BYTES_MAX);
        else
            put_answer(task, transaction, transaction->next);
    }
    task_forget(task);
    return true;
}

/*
 * A command over several partitions whose replies add up is no stage of its own: each partition
 * gets its part in its place among the other commands.
 */
static bool spread(struct task *task, struct transaction *transaction, struct queued *queued,
                   const struct command_list *from)
{
    const struct command *command = &from->commands[0];
    bool all = command->op == COMMAND_FLUSH || command->op == COMMAND_DBSIZE ||
               command->op == COMMAND_KEYS;

    if (!all && command->op != COMMAND_DEL && command->op != COMMAND_EXISTS)
        return false;
    for (uint32_t i = 0; i < command->key_count; i++)
        if (named_is(task->owner->worker, command_arg(from, command, i)))
            return false;
    queued->how = QUEUED_SPREAD;
    queued->partitions = 0;
    for (uint32_t p = 0; all && p < transaction->partition_count; p++) {
        command_list_copy(&transaction->lists[p], from, 0);
        queued->partitions |= UINT64_C(1) << p;
    }
    for (uint32_t i = 0; i < command->key_count; i++) {
        struct span key = command_arg(from, command, i);
        uint32_t p = dispatch_partition(task->owner, key);

        if ((queued->partitions >> p & 1) == 0)
            command_list_add(&transaction->lists[p], (enum command_op)command->op, 0);
        queued->partitions |= UINT64_C(1) << p;
        command_list_key(&transaction->lists[p], key);
    }
    return true;
}

/* Parses up to the first command that is a stage of its own, into the lists of the partitions. */
static void plan_stage(struct task *task)
{
    struct transaction *transaction = task->state;
    bool is_large = task->out.size > REPLIES_BYTES_MAX;
    struct bytes refusal = {0};

    for (uint32_t p = 0; p < transaction->partition_count; p++)
        command_list_clear(&transaction->lists[p]);
    for (transaction->end = transaction->next; transaction->end < transaction->count;
         transaction->end++) {
        struct queued *queued = &transaction->queue[transaction->end];
        struct invocation invocation = invocation_of(task, transaction, transaction->end, &refusal);
        struct grammar grammar;
        enum dispatch_plan plan;

        if (is_large && (queued->spec->flags & SPEC_WRITE) == 0) {
            queued->how = QUEUED_LARGE;
            continue;
        }
        if (queued->spec->route == SPEC_TASK)
            break;
        if (queued->spec->route == SPEC_ANSWER)
            continue;
        plan = dispatch_plan_of(&invocation, &grammar, &queued->partition);
        if (plan == DISPATCH_SEVERAL) {
            if (!spread(task, transaction, queued, grammar.list))
                break;
            continue;
        }
        queued->how = plan == DISPATCH_ONE ? QUEUED_SENT : QUEUED_REFUSED;
        queued->shape = (uint8_t)grammar.shape;
        if (plan == DISPATCH_ONE)
            command_list_copy(&transaction->lists[queued->partition], grammar.list, 0);
    }
    bytes_done(&refusal);
}

static void add_guard(const struct transaction *transaction, struct command_list *list,
                      uint32_t count)
{
    command_list_add(list, COMMAND_IF_WATCHED, 0);
    for (uint32_t i = 0; i < transaction->watched_count; i++)
        command_list_key(list,
                         (struct span){transaction->watched[i].key, transaction->watched[i].size});
    for (uint32_t i = 0; i < transaction->watched_count; i++)
        command_list_int(list, transaction->watched[i].version);
    command_list_int(list, count);
}

/* Sends what plan_stage has made. */
static void send_stage(struct task *task)
{
    struct transaction *transaction = task->state;
    uint32_t place = 0;

    for (uint32_t p = 0; p < transaction->partition_count; p++) {
        const struct command_list *from = &transaction->lists[p];
        struct command_list *list;

        transaction->places[p] = place;
        if (from->count == 0)
            continue;
        list = task_open(task, p);
        if (transaction->guarded)
            add_guard(transaction, list, from->count);
        for (uint32_t i = 0; i < from->count; i++)
            command_list_copy(list, from, i);
        task_close(task);
        place++;
    }
}

static void step_collect(struct task *task)
{
    go_on(task, STAGE_COLLECT);
}

/* Stages that need not wait follow each other here, so that many of them are no deep recursion. */
static void go_on(struct task *task, enum stage stage)
{
    struct transaction *transaction = task->state;

    for (;; stage = STAGE_PLAN) {
        if (stage == STAGE_PLAN)
            plan_stage(task);
        if (stage != STAGE_COLLECT) {
            send_stage(task);
            if (task->waiting > 0 || task->err.code != 0) {
                task_wait(task, step_collect);
                return;
            }
        }
        if (!collect(task)) {
            finish_aborted(task);
            return;
        }
        if (transaction->next == transaction->count) {
            task_finish(task);
            return;
        }
        transaction->starting = true;
        transaction->started = false;
        begin_sub(task);
        transaction->starting = false;
        if (!transaction->started)
            return;
    }
}

/* The versions that the watched keys have now. */
static void step_compare(struct task *task)
{
    struct transaction *transaction = task->state;

    for (uint32_t i = 0; i < transaction->watched_count; i++) {
        struct reply_token token = {0};
        size_t at = 0;

        reply_next(task_reply(task, i), &at, &token);
        if (token.i != transaction->watched[i].version) {
            finish_aborted(task);
            return;
        }
    }
    task_forget(task);
    go_on(task, STAGE_PLAN);
}

/* Whether all that is watched and all that was planned, which is everything, is in one place. */
static bool can_guard(const struct transaction *transaction)
{
    uint32_t partition = transaction->watched[0].partition;

    if (transaction->end < transaction->count || transaction->lists[partition].count == 0)
        return false;
    for (uint32_t p = 0; p < transaction->partition_count; p++)
        if (p != partition && transaction->lists[p].count > 0)
            return false;
    for (uint32_t i = 1; i < transaction->watched_count; i++)
        if (transaction->watched[i].partition != partition)
            return false;
    return true;
}

static void state_free(void *state)
{
    transaction_free(state);
}

static void execute(struct task *task)
{
    struct transaction *transaction = task->state;
    uint32_t words_max = 1;

    for (uint32_t i = 0; i < transaction->count; i++)
        if (transaction->queue[i].count > words_max)
            words_max = transaction->queue[i].count;
    transaction->args = bytes_alloc(words_max * sizeof(transaction->args[0]));
    transaction->partition_count = task->owner->partition_count;
    transaction->lists =
        bytes_alloc_zero(transaction->partition_count, sizeof(transaction->lists[0]));
    transaction->places =
        bytes_alloc_zero(transaction->partition_count, sizeof(transaction->places[0]));
    transaction->cursors =
        bytes_alloc_zero(transaction->partition_count, sizeof(transaction->cursors[0]));
    reply_aggregate(&task->out, REPLY_ARRAY, transaction->count);
    plan_stage(task);
    if (transaction->watched_count == 0) {
        go_on(task, STAGE_SEND);
    } else if (can_guard(transaction)) {
        transaction->guarded = true;
        go_on(task, STAGE_SEND);
    } else {
        for (uint32_t i = 0; i < transaction->watched_count; i++)
            ask_version(task, &transaction->watched[i]);
        task_wait(task, step_compare);
    }
}

void transaction_exec_begin(struct task *task, const struct invocation *invocation)
{
    struct session *session = invocation->session;

    if (!transaction_is_open(session)) {
        reply_error(&task->out, "ERR EXEC without MULTI");
        task_finish(task);
    } else if (session->transaction->spoiled) {
        forget(session);
        reply_error(&task->out, "EXECABORT Transaction discarded because of previous errors.");
        task_finish(task);
    } else {
        task->state = session->transaction;
        task->state_free = state_free;
        session->transaction = NULL;
        execute(task);
    }
}
