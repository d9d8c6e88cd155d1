// SPDX-License-Identifier: Apache-2.0
/*
 * gather.c - commands whose keys are in several partitions.
 *
 * Such a command is not isolated: others may come between its parts. What adds up (DEL, EXISTS,
 * DBSIZE) is asked of each partition and added. What computes fetches the keys with ZDUMP, computes
 * here, and stores the result with ZSTORE, which is what the journal then holds. A rename writes
 * the new key before it deletes the old one, so that it is at no time gone.
 *
 * A key that names a defined board can be a source, like one of another partition.
 *
 * Thread: the worker's.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "command/command_private.h"
#include "command/task.h"
#include "keyspace/algebra.h"
#include "model/reply.h"
#include "named/named.h"
#include "node/worker.h"

#define NO_PARTITION UINT8_MAX /* there are 64 at most */

#define STORE_BYTES_MAX (UINT64_C(1) << 30)

static uint32_t partition_of(const struct task *task, uint32_t arg)
{
    return dispatch_partition(task->owner, task_arg(task, arg));
}

/* The first token of a reply. */
static struct reply_token head_of(struct span tokens)
{
    struct reply_token token = {0};
    size_t at = 0;

    reply_next(tokens, &at, &token);
    return token;
}

/* Ends the task with the first reply that is an error, if there is one. */
static bool stop_at_error(struct task *task)
{
    for (uint32_t i = 0; i < task_replies(task); i++) {
        struct span reply = task_reply(task, i);

        if (reply.size > 0 && head_of(reply).kind == REPLY_ERROR) {
            bytes_put(&task->out, reply.data, reply.size);
            task_finish(task);
            return true;
        }
    }
    return false;
}

/* ---- DEL, EXISTS, DBSIZE: integers that add up ---- */

static void step_sum(struct task *task)
{
    int64_t sum = 0;

    if (stop_at_error(task))
        return;
    for (uint32_t i = 0; i < task_replies(task); i++)
        sum += head_of(task_reply(task, i)).i;
    reply_int(&task->out, sum);
    task_finish(task);
}

static bool is_named(const struct task *task, struct span key)
{
    return named_is(task->owner->worker, key);
}

/* EXISTS of a key that names something. */
static void ask_named(struct task *task, struct span key)
{
    struct command_list list = {0};

    command_list_add(&list, COMMAND_EXISTS, 0);
    command_list_key(&list, key);
    task_named(task, &list);
    command_list_done(&list);
}

/* Each partition gets its own keys, in their order. */
static void split_keys(struct task *task)
{
    const struct command *command = task_command(task);
    uint8_t *partitions = bytes_alloc(command->key_count);

    for (uint32_t i = 0; i < command->key_count; i++) {
        if (is_named(task, task_arg(task, i))) {
            partitions[i] = NO_PARTITION;
            ask_named(task, task_arg(task, i));
        } else {
            partitions[i] = (uint8_t)partition_of(task, i);
        }
    }
    for (uint32_t p = 0; p < task->owner->partition_count; p++) {
        struct command_list *list = NULL;

        for (uint32_t i = 0; i < command->key_count; i++) {
            if (partitions[i] != p)
                continue;
            if (list == NULL) {
                list = task_open(task, p);
                command_list_add(list, (enum command_op)command->op, command->flags);
            }
            command_list_key(list, task_arg(task, i));
        }
        if (list != NULL)
            task_close(task);
    }
    free(partitions);
    task_wait(task, step_sum);
}

/* ---- KEYS, FLUSH, RANDOMKEY: all partitions ---- */

static void step_concat(struct task *task)
{
    uint64_t count = 0;

    if (stop_at_error(task))
        return;
    for (uint32_t i = 0; i < task_replies(task); i++)
        count += head_of(task_reply(task, i)).count;
    reply_aggregate(&task->out, REPLY_ARRAY, (uint32_t)count);
    for (uint32_t i = 0; i < task_replies(task); i++) {
        struct span reply = task_reply(task, i);
        struct reply_token token;
        size_t at = 0;

        reply_next(reply, &at, &token);
        bytes_put(&task->out, reply.data + at, reply.size - at);
    }
    task_finish(task);
}

static void step_ok(struct task *task)
{
    if (stop_at_error(task))
        return;
    reply_status(&task->out, "OK");
    task_finish(task);
}

/* Each partition has said how many keys it has, and named one: a key of a large one is likelier. */
static void step_random(struct task *task)
{
    uint64_t total = 0;
    uint64_t pick;

    if (stop_at_error(task))
        return;
    for (uint32_t i = 0; i < task_replies(task); i++)
        total += (uint64_t)head_of(task_reply(task, i)).i;
    pick = total > 0 ? (task->owner->random = hash_u64(task->owner->random + total)) % total : 0;
    for (uint32_t i = 0; i < task_replies(task) && total > 0; i++) {
        struct span reply = task_reply(task, i);
        uint64_t count = (uint64_t)head_of(reply).i;
        size_t at = 0;

        if (pick >= count) {
            pick -= count;
            continue;
        }
        reply_skip(reply, &at);
        bytes_put(&task->out, reply.data + at, reply.size - at);
        break;
    }
    if (task->out.size == 0)
        reply_null(&task->out);
    task_finish(task);
}

static void ask_all(struct task *task)
{
    enum command_op op = (enum command_op)task_command(task)->op;

    for (uint32_t p = 0; p < task->owner->partition_count; p++) {
        struct command_list *list = task_open(task, p);

        if (op == COMMAND_RANDOMKEY)
            command_list_add(list, COMMAND_DBSIZE, 0);
        command_list_copy(list, &task->list, 0);
        task_close(task);
    }
    task_wait(task, op == COMMAND_DBSIZE  ? step_sum
                    : op == COMMAND_KEYS  ? step_concat
                    : op == COMMAND_FLUSH ? step_ok
                                          : step_random);
}

/* ---- dumps ---- */

/* A key's members and deadline (0: none), as ZDUMP or ZRANGE gave them. To free(elements). */
struct dump {
    struct algebra_element *elements;
    uint32_t count;
    int64_t deadline_ms;
};

/* [deadline, pairs], or pairs alone; no value is an empty dump. */
static void read_dump(struct span reply, struct dump *out_dump)
{
    struct reply_token token;
    size_t at = 0;

    *out_dump = (struct dump){0};
    reply_next(reply, &at, &token);
    if (token.kind == REPLY_ARRAY) {
        reply_next(reply, &at, &token);
        out_dump->deadline_ms = token.i;
        reply_next(reply, &at, &token);
    }
    if (token.kind != REPLY_PAIRS)
        return;
    out_dump->elements = bytes_alloc((token.count + 1) * sizeof(out_dump->elements[0]));
    out_dump->count = token.count;
    for (uint32_t i = 0; i < out_dump->count; i++) {
        reply_next(reply, &at, &token);
        out_dump->elements[i].member = token.text;
        reply_next(reply, &at, &token);
        out_dump->elements[i].score = token.f;
    }
}

static void ask_dump(struct task *task, struct span key)
{
    struct command_list own = {0};
    bool named = is_named(task, key);
    struct command_list *list =
        named ? &own : task_open(task, dispatch_partition(task->owner, key));

    command_list_add(list, COMMAND_ZDUMP, 0);
    command_list_key(list, key);
    if (named)
        task_named(task, list);
    else
        task_close(task);
    command_list_done(&own);
}

static void add_store(struct command_list *list, uint32_t flags, struct span key,
                      const struct algebra_element *elements, uint32_t count)
{
    command_list_add(list, COMMAND_ZSTORE, flags);
    command_list_key(list, key);
    for (uint32_t i = 0; i < count; i++) {
        command_list_score(list, elements[i].score);
        command_list_arg(list, elements[i].member);
    }
}

/* The reply of the last call is the task's. */
static void step_pass(struct task *task)
{
    struct span reply = task_reply(task, task_replies(task) - 1);

    bytes_put(&task->out, reply.data, reply.size);
    task_finish(task);
}

/* False, and the error is in `out`: it would not fit into one list. */
static bool fits_list(struct task *task, const struct algebra_element *elements, uint32_t count)
{
    uint64_t size = 0;

    for (uint32_t i = 0; i < count; i++)
        size += sizeof(double) + elements[i].member.size;
    if (size <= STORE_BYTES_MAX)
        return true;
    reply_error(&task->out, "ERR the result is too large to be moved to another partition; use "
                            "hash tags to keep these keys together");
    return false;
}

/* Stores, and passes the reply on. */
static void store(struct task *task, struct span key, const struct algebra_element *elements,
                  uint32_t count)
{
    if (fits_list(task, elements, count)) {
        add_store(task_open(task, dispatch_partition(task->owner, key)), 0, key, elements, count);
        task_close(task);
    }
}

static void wait_for_store(struct task *task)
{
    if (task->out.size > 0)
        task_finish(task);
    else
        task_wait(task, step_pass);
}

/* ---- unions, intersections, differences ---- */

static void put_elements(struct bytes *out, const struct algebra_result *result, bool scores)
{
    reply_aggregate(out, scores ? REPLY_PAIRS : REPLY_ARRAY, result->count);
    for (uint32_t i = 0; i < result->count; i++) {
        reply_bulk(out, result->elements[i].member);
        if (scores)
            reply_double(out, result->elements[i].score);
    }
}

static void compute(struct task *task, const struct algebra_source *sources, uint32_t count)
{
    const struct command *command = task_command(task);
    uint32_t flags = command->flags;
    enum algebra_kind kind = (flags & COMMAND_UNION) != 0   ? ALGEBRA_UNION
                             : (flags & COMMAND_INTER) != 0 ? ALGEBRA_INTER
                                                            : ALGEBRA_DIFF;
    enum algebra_aggregate aggregate = (flags & COMMAND_AGGREGATE_MIN) != 0   ? ALGEBRA_MIN
                                       : (flags & COMMAND_AGGREGATE_MAX) != 0 ? ALGEBRA_MAX
                                                                              : ALGEBRA_SUM;
    struct algebra_result result;

    if ((flags & COMMAND_CARD) != 0) {
        int64_t limit = command_arg_int(&task->list, command, command->arg_count - 1);

        reply_int(&task->out,
                  algebra_inter_count(sources, count, limit < UINT32_MAX ? (uint32_t)limit : 0));
        task_finish(task);
        return;
    }
    algebra_compute(kind, aggregate, sources, count, &result);
    if (command->op == COMMAND_ZALGEBRASTORE) {
        store(task, task_arg(task, 0), result.elements, result.count);
        free(result.elements);
        wait_for_store(task);
        return;
    }
    put_elements(&task->out, &result, (flags & COMMAND_WITHSCORES) != 0);
    free(result.elements);
    task_finish(task);
}

static void step_algebra(struct task *task)
{
    const struct command *command = task_command(task);
    uint32_t count = task_replies(task);
    struct algebra_source *sources;
    struct dump *dumps;

    if (stop_at_error(task))
        return;
    sources = bytes_alloc_zero(count, sizeof(sources[0]));
    dumps = bytes_alloc_zero(count, sizeof(dumps[0]));
    for (uint32_t i = 0; i < count; i++) {
        read_dump(task_reply(task, i), &dumps[i]);
        sources[i].elements = dumps[i].elements;
        sources[i].count = dumps[i].count;
        sources[i].weight = command_arg_score(&task->list, command, command->key_count + i);
    }
    compute(task, sources, count); /* `task` may be gone */
    for (uint32_t i = 0; i < count; i++)
        free(dumps[i].elements);
    free(dumps);
    free(sources);
}

static void begin_algebra(struct task *task)
{
    const struct command *command = task_command(task);

    for (uint32_t i = command->op == COMMAND_ZALGEBRASTORE; i < command->key_count; i++)
        ask_dump(task, task_arg(task, i));
    task_wait(task, step_algebra);
}

/* ---- ZRANGESTORE ---- */

static void step_range_stored(struct task *task)
{
    struct dump dump;

    if (stop_at_error(task))
        return;
    read_dump(task_reply(task, 0), &dump);
    store(task, task_arg(task, 0), dump.elements, dump.count);
    free(dump.elements);
    wait_for_store(task);
}

static void begin_range_store(struct task *task)
{
    const struct command *command = task_command(task);
    struct command_list own = {0};
    bool named = is_named(task, task_arg(task, 1));
    struct command_list *list = named ? &own : task_open(task, partition_of(task, 1));

    command_list_add(list, COMMAND_ZRANGE, command->flags | COMMAND_WITHSCORES);
    command_list_key(list, task_arg(task, 1));
    for (uint32_t i = 2; i < command->arg_count; i++)
        command_list_arg(list, task_arg(task, i));
    if (named)
        task_named(task, list);
    else
        task_close(task);
    command_list_done(&own);
    task_wait(task, step_range_stored);
}

/* ---- RENAME, COPY ---- */

static void step_renamed(struct task *task)
{
    if (stop_at_error(task))
        return;
    if (task_command(task)->op == COMMAND_COPY || (task_command(task)->flags & COMMAND_NX) != 0)
        reply_int(&task->out, 1);
    else
        reply_status(&task->out, "OK");
    task_finish(task);
}

/* The new key is there: now the old one may go. */
static void step_delete_old(struct task *task)
{
    struct command_list *list;

    if (stop_at_error(task))
        return;
    if (task_command(task)->op == COMMAND_RENAME) {
        list = task_open(task, partition_of(task, 0));
        command_list_add(list, COMMAND_DEL, 0);
        command_list_key(list, task_arg(task, 0));
        task_close(task);
    }
    task_wait(task, step_renamed);
}

/* Whether ENCODING, if it is behind a dump, says that the key has been large. */
static uint32_t read_grew(struct span reply)
{
    struct reply_token token = {0};
    size_t at = 0;

    reply_skip(reply, &at);
    reply_next(reply, &at, &token);
    return token.kind == REPLY_BULK && span_equal(token.text, SPAN_LITERAL("skiplist"))
               ? COMMAND_GREW
               : 0;
}

/* The replies: the old key, then whether the new one exists. */
static void step_write_new(struct task *task)
{
    uint32_t flags = task_command(task)->flags;
    bool copies = task_command(task)->op == COMMAND_COPY;
    struct command_list *list;
    struct dump dump;

    if (stop_at_error(task))
        return;
    read_dump(task_reply(task, 0), &dump);
    if (dump.count == 0 && !copies) {
        reply_error(&task->out, "ERR no such key");
    } else if (dump.count == 0) {
        reply_int(&task->out, 0);
    } else if (head_of(task_reply(task, 1)).i > 0 &&
               (copies ? (flags & COMMAND_REPLACE) == 0 : (flags & COMMAND_NX) != 0)) {
        reply_int(&task->out, 0);
    } else if (fits_list(task, dump.elements, dump.count)) {
        list = task_open(task, partition_of(task, 1));
        add_store(list, read_grew(task_reply(task, 0)), task_arg(task, 1), dump.elements,
                  dump.count);
        if (dump.deadline_ms > 0) {
            command_list_add(list, COMMAND_EXPIREAT, 0);
            command_list_key(list, task_arg(task, 1));
            command_list_int(list, dump.deadline_ms);
        }
        task_close(task);
    }
    free(dump.elements);
    if (task->out.size > 0)
        task_finish(task);
    else
        task_wait(task, step_delete_old);
}

static void begin_rename(struct task *task)
{
    struct command_list *list;

    if (is_named(task, task_arg(task, 0))) { /* only COPY: what is defined can not be renamed */
        ask_dump(task, task_arg(task, 0));
    } else {
        list = task_open(task, partition_of(task, 0));
        command_list_add(list, COMMAND_ZDUMP, 0);
        command_list_key(list, task_arg(task, 0));
        command_list_add(list, COMMAND_ENCODING, 0);
        command_list_key(list, task_arg(task, 0));
        task_close(task);
    }
    list = task_open(task, partition_of(task, 1));
    command_list_add(list, COMMAND_EXISTS, 0);
    command_list_key(list, task_arg(task, 1));
    task_close(task);
    task_wait(task, step_write_new);
}

/* ---- pops: the first key that has something ---- */

static void step_popped(struct task *task)
{
    const struct command *command = task_command(task);
    struct command_list *list;
    uint32_t partition;

    if (task_replies(task) > 0) {
        struct reply_token token = head_of(task_reply(task, 0));

        if ((token.kind != REPLY_NULL && token.kind != REPLY_NULL_ARRAY) ||
            task->at == command->key_count) {
            step_pass(task);
            return;
        }
        task_forget(task);
    }
    partition = partition_of(task, task->at);
    list = task_open(task, partition);
    command_list_add(list, COMMAND_ZPOP, command->flags);
    do
        command_list_key(list, task_arg(task, task->at++));
    while (task->at < command->key_count && partition_of(task, task->at) == partition);
    command_list_arg(list, task_arg(task, command->key_count)); /* how many */
    task_close(task);
    task_wait(task, step_popped);
}

void gather_begin(struct task *task)
{
    if (task_command(task)->key_count == 1 && task_command(task)->op != COMMAND_ZALGEBRA &&
        is_named(task, task_arg(task, 0))) {
        task_named(task, &task->list);
        task_wait(task, step_pass);
        return;
    }
    switch ((enum command_op)task_command(task)->op) {
    case COMMAND_DEL:
    case COMMAND_EXISTS:
        split_keys(task);
        break;
    case COMMAND_DBSIZE:
    case COMMAND_KEYS:
    case COMMAND_FLUSH:
    case COMMAND_RANDOMKEY:
        ask_all(task);
        break;
    case COMMAND_ZALGEBRA:
    case COMMAND_ZALGEBRASTORE:
        begin_algebra(task);
        break;
    case COMMAND_ZRANGESTORE:
        begin_range_store(task);
        break;
    case COMMAND_RENAME:
    case COMMAND_COPY:
        begin_rename(task);
        break;
    case COMMAND_ZPOP:
        step_popped(task);
        break;
    default:
        assert(!"a command over several partitions");
    }
}
