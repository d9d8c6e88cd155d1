// SPDX-License-Identifier: Apache-2.0
/* keys.c - see keys.h: lists of commands, from the worker to the partition and back. */
#include "keys/keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/err.h"
#include "base/hash.h"
#include "model/command.h"
#include "node/node.h"
#include "node/submission.h"
#include "node/worker.h"

#define POOL_MAX 64u
#define POOLED_BYTES_MAX (1u << 20) /* a list that grew beyond gives its memory back */

/* The commands of one call, in a list. */
struct key_part {
    struct key_call *call;
    uint32_t count; /* commands */
};

/* An open list, then a submission. */
struct key_batch {
    struct submission submission; /* first */
    struct command_list list;
    struct bytes replies;
    size_t *ends;
    uint32_t end_capacity;
    struct key_part *parts;
    uint32_t part_count;
    uint32_t part_capacity;
    uint32_t begun;         /* commands of the list when the open part began */
    struct key_batch *next; /* in the pool */
};

struct keys {
    struct worker *worker;
    struct key_batch **open; /* by partition; NULL where nothing is open */
    uint32_t *writing;       /* lists with writes that are under way, by partition */
    uint32_t open_count;
    uint32_t partition_count;
    struct key_batch *pool;
    uint32_t pool_count;
    uv_check_t check;
    uv_prepare_t prepare;
};

static void on_check(uv_check_t *check)
{
    keys_flush(((struct keys *)check->data)->worker);
}

/* What timers and messages have added is not left until the next event. */
static void on_prepare(uv_prepare_t *prepare)
{
    keys_flush(((struct keys *)prepare->data)->worker);
}

void keys_open(struct worker *worker)
{
    struct keys *keys = bytes_alloc_zero(1, sizeof(*keys));

    keys->worker = worker;
    keys->partition_count = node_partition_count(worker->node);
    keys->open = bytes_alloc_zero(keys->partition_count, sizeof(keys->open[0]));
    keys->writing = bytes_alloc_zero(keys->partition_count, sizeof(keys->writing[0]));
    keys->check.data = keys;
    keys->prepare.data = keys;
    uv_check_init(&worker->loop, &keys->check);
    uv_check_start(&keys->check, on_check);
    uv_prepare_init(&worker->loop, &keys->prepare);
    uv_prepare_start(&keys->prepare, on_prepare);
    worker->keys = keys;
    worker->flush = keys_flush;
}

static void free_batch(struct key_batch *batch)
{
    command_list_done(&batch->list);
    bytes_done(&batch->replies);
    free(batch->ends);
    free(batch->parts);
    free(batch);
}

static void on_prepare_closed(uv_handle_t *handle)
{
    struct keys *keys = handle->data;

    while (keys->pool != NULL) {
        struct key_batch *batch = keys->pool;

        keys->pool = batch->next;
        free_batch(batch);
    }
    free(keys->open);
    free(keys->writing);
    free(keys);
}

static void on_check_closed(uv_handle_t *handle)
{
    struct keys *keys = handle->data;

    uv_close((uv_handle_t *)&keys->prepare, on_prepare_closed);
}

void keys_close(struct worker *worker)
{
    struct keys *keys = worker->keys;

    if (keys == NULL)
        return;
    assert(keys->open_count == 0);
    worker->keys = NULL;
    worker->flush = NULL;
    uv_close((uv_handle_t *)&keys->check, on_check_closed);
}

/* ---- where ---- */

static struct span hash_tag(struct span key)
{
    const char *open = memchr(key.data, '{', key.size);
    const char *close;
    size_t left;

    if (open == NULL)
        return key;
    left = key.size - (size_t)(open + 1 - key.data);
    close = memchr(open + 1, '}', left);
    if (close == NULL || close == open + 1)
        return key;
    return (struct span){open + 1, (size_t)(close - open - 1)};
}

uint32_t keys_partition(const struct node *node, struct span key)
{
    struct span tag = hash_tag(key);

    return (uint32_t)(((hash_bytes(tag.data, tag.size) >> 32) * node_partition_count(node)) >> 32);
}

/* ---- lists ---- */

static struct key_batch *take(struct keys *keys, uint32_t partition)
{
    struct key_batch *batch = keys->pool;

    if (batch != NULL) {
        keys->pool = batch->next;
        keys->pool_count--;
        command_list_clear(&batch->list);
        bytes_clear(&batch->replies);
        batch->part_count = 0;
    } else {
        batch = bytes_alloc_zero(1, sizeof(*batch));
    }
    batch->submission = (struct submission){
        .origin = keys->worker,
        .partition = partition,
        .type = JOURNAL_COMMANDS,
        .commands = &batch->list,
        .command_replies = &batch->replies,
    };
    return batch;
}

static void recycle(struct keys *keys, struct key_batch *batch)
{
    if (keys->pool_count >= POOL_MAX || batch->list.data.capacity > POOLED_BYTES_MAX ||
        batch->replies.capacity > POOLED_BYTES_MAX) {
        free_batch(batch);
        return;
    }
    batch->next = keys->pool;
    keys->pool = batch;
    keys->pool_count++;
}

static void on_returned(struct submission *submission, struct worker *origin)
{
    struct key_batch *batch = (struct key_batch *)submission;
    struct keys *keys = origin->keys;
    uint32_t command = 0;
    size_t begin = 0;

    if (batch->list.write_count > 0)
        keys->writing[submission->partition]--;
    for (uint32_t i = 0; i < batch->part_count; i++) {
        struct key_part part = batch->parts[i];
        struct span replies = {0};

        command += part.count;
        if (submission->rc == 0) {
            size_t end = batch->ends[command - 1];

            replies = (struct span){batch->replies.data + begin, end - begin};
            begin = end;
        }
        part.call->done(part.call, replies, submission->rc, &submission->err);
    }
    recycle(keys, batch);
}

static void send_list(struct keys *keys, uint32_t partition)
{
    struct key_batch *batch = keys->open[partition];
    struct submission *submission = &batch->submission;

    keys->open[partition] = NULL;
    keys->open_count--;
    if (batch->list.count > batch->end_capacity) {
        batch->end_capacity = batch->list.count;
        batch->ends = bytes_realloc(batch->ends, batch->end_capacity * sizeof(batch->ends[0]));
    }
    submission->command_ends = batch->ends;
    submission->returned = on_returned;
    submission->at_once = batch->list.write_count == 0 && keys->writing[partition] == 0;
    if (batch->list.write_count > 0)
        keys->writing[partition]++;
    submission->bytes = batch->list.data.size;
    worker_submit(keys->worker, submission);
}

void keys_flush(struct worker *worker)
{
    struct keys *keys = worker->keys;

    for (uint32_t i = 0; keys->open_count > 0 && i < keys->partition_count; i++) {
        struct key_batch *batch = keys->open[i];

        if (batch != NULL && batch->part_count > 0) {
            send_list(keys, i);
        } else if (batch != NULL) { /* what was begun came to nothing */
            keys->open[i] = NULL;
            keys->open_count--;
            recycle(keys, batch);
        }
    }
}

struct command_list *keys_begin(struct worker *worker, uint32_t partition)
{
    struct keys *keys = worker->keys;
    struct key_batch *batch = keys->open[partition];

    if (batch == NULL) {
        batch = keys->open[partition] = take(keys, partition);
        keys->open_count++;
    }
    batch->begun = batch->list.count;
    return &batch->list;
}

void keys_end(struct worker *worker, uint32_t partition, struct key_call *call)
{
    struct keys *keys = worker->keys;
    struct key_batch *batch = keys->open[partition];

    assert(batch->list.count > batch->begun);
    if (batch->part_count == batch->part_capacity) {
        batch->part_capacity = batch->part_capacity > 0 ? 2 * batch->part_capacity : 16;
        batch->parts = bytes_realloc(batch->parts, batch->part_capacity * sizeof(batch->parts[0]));
    }
    batch->parts[batch->part_count++] = (struct key_part){call, batch->list.count - batch->begun};
    if (batch->list.data.size >= KEYS_LIST_BYTES)
        send_list(keys, partition);
}
