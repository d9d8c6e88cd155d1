// SPDX-License-Identifier: Apache-2.0
/*
 * stream_read.c - XRANGE, XREVRANGE and XREAD.
 *
 * XREAD asks all partitions first up to which time everything is committed, then reads each stream
 * up to that in a disk thread. If there is nothing, and it may wait, it looks every POLL_MS whether
 * anything has been folded anywhere, which is one load a partition, and only then tries again. If
 * something was there that was not settled yet, it tries again in a moment, waiting or not.
 *
 * Thread: the worker's; collect the partition's.
 */
#include <stdlib.h>

#include "engine/catalog.h"
#include "grammar/grammar.h"
#include "journal/journal.h"
#include "model/reply.h"
#include "named/named_private.h"
#include "named/named_stream.h"
#include "named/stream_private.h"
#include "node/ask.h"
#include "node/host.h"
#include "node/node.h"
#include "node/worker.h"
#include "query/read.h"

#define POLL_MS 5
#define SETTLE_MS 1
#define SETTLE_TRIES 1000
#define STREAMS_MAX 64

/* ---- what is settled ---- */

struct settled_read {
    struct read read; /* first */
    struct node *node;
    uint64_t *ms; /* by partition */
    void (*done)(void *context, uint64_t ms);
    void *context;
};

static void settled_collect(struct read *read, const struct partition *partition, uint32_t slot)
{
    struct settled_read *settled = (struct settled_read *)read;

    (void)partition;
    settled->ms[slot] = (uint64_t)host_settled_ms(node_host(settled->node, slot));
}

static int settled_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    (void)read;
    (void)err;
    *out_step = READ_DONE;
    return 0;
}

static const struct read_ops settled_ops = {
    .name = "named_settled", .collect = settled_collect, .merge = settled_merge};

static void on_settled(void *context, struct read *read, int rc, const struct err *err)
{
    struct settled_read *settled = context;
    uint64_t least = UINT64_MAX;

    (void)rc;
    (void)err;
    for (uint32_t i = 0; i < read->partition_count; i++)
        if (settled->ms[i] < least)
            least = settled->ms[i];
    settled->done(settled->context, least);
    free(settled->ms);
    free(settled);
}

void stream_settled(struct worker *worker, void (*done)(void *context, uint64_t ms), void *context)
{
    struct settled_read *settled = bytes_alloc_zero(1, sizeof(*settled));

    settled->read.ops = &settled_ops;
    settled->read.partition_count = node_partition_count(worker->node);
    settled->node = worker->node;
    settled->ms = bytes_alloc_zero(settled->read.partition_count, sizeof(settled->ms[0]));
    settled->done = done;
    settled->context = context;
    ask_read(worker, &settled->read, on_settled, settled);
}

/* ---- XRANGE ---- */

struct range_call {
    named_done_fn *done;
    void *context;
};

static void on_range(struct stream_scan *scan)
{
    struct range_call *call = scan->context;
    struct bytes out = {0};

    if (scan->rc < 0) {
        reply_error(&out, "ERR %s", scan->err.text);
    } else {
        stream_scan_put(scan, &out);
        if (!scan->reversed && scan->to.ms == UINT64_MAX) /* nothing was passed over */
            stream_cursors_note(scan->worker->named, scan);
    }
    stream_scan_free(scan);
    stream_reply(&out, call->done, call->context);
    free(call);
}

/* "-", "+", an id, "(" and an id. */
static bool read_bound(struct span text, bool is_low, struct stream_id *out_id)
{
    bool excluded = text.size > 1 && text.data[0] == '(';

    if (span_equal(text, SPAN_LITERAL("-"))) {
        *out_id = (struct stream_id){0, 0};
        return true;
    }
    if (span_equal(text, SPAN_LITERAL("+"))) {
        *out_id = (struct stream_id){UINT64_MAX, UINT64_MAX};
        return true;
    }
    if (excluded)
        text = (struct span){text.data + 1, text.size - 1};
    if (!stream_id_read(text, is_low ? 0 : UINT64_MAX, out_id))
        return false;
    if (!excluded)
        return true;
    if (is_low)
        out_id->ms += ++out_id->n == 0;
    else
        out_id->ms -= out_id->n-- == 0;
    return true;
}

static bool read_count(struct span text, uint32_t *out_count, bool *out_none)
{
    int64_t count;

    if (!grammar_int_read(text, &count))
        return false;
    *out_none = count <= 0;
    *out_count = count > STREAM_ROWS_MAX ? STREAM_ROWS_MAX : (uint32_t)(count < 0 ? 0 : count);
    return true;
}

/* The words of XRANGE after the key; false with an error reply. */
static bool read_range(const struct span *words, uint32_t count, bool reversed,
                       struct stream_id *out_from, struct stream_id *out_to, uint32_t *out_limit,
                       bool *out_none, struct bytes *out)
{
    *out_limit = STREAM_ROWS_MAX;
    *out_none = false;
    if (count != 4 && (count != 6 || !grammar_is(words[4], "count"))) {
        reply_error(out, "ERR syntax error");
        return false;
    }
    if (!read_bound(words[reversed ? 3 : 2], true, out_from) ||
        !read_bound(words[reversed ? 2 : 3], false, out_to)) {
        reply_error(out, "ERR Invalid stream ID specified as stream command argument");
        return false;
    }
    if (count == 6 && !read_count(words[5], out_limit, out_none)) {
        reply_error(out, "ERR value is not an integer or out of range");
        return false;
    }
    return true;
}

void stream_range(struct worker *worker, const struct span *words, uint32_t count, bool reversed,
                  named_done_fn *done, void *context)
{
    const struct catalog_stream *stream = NULL;
    struct stream_id from, to;
    struct bytes out = {0};
    struct stream_scan *scan;
    struct range_call *call;
    uint32_t limit;
    bool none = false;

    if (read_range(words, count, reversed, &from, &to, &limit, &none, &out))
        stream = stream_find(worker, words[1], true, &out);
    if (out.size == 0 && (stream == NULL || none || stream_id_compare(from, to) > 0))
        reply_aggregate(&out, REPLY_ARRAY, 0);
    if (out.size > 0) {
        stream_reply(&out, done, context);
        return;
    }
    call = bytes_alloc(sizeof(*call));
    *call = (struct range_call){done, context};
    scan = stream_scan_new(worker, &stream->def, stream->id);
    scan->reversed = reversed;
    scan->from = from;
    scan->to = to;
    scan->limit = limit;
    scan->done = on_range;
    scan->context = call;
    stream_scan_begin(scan, worker);
}

/* ---- XREAD ---- */

uint32_t stream_waiting(const struct worker *worker)
{
    return worker->named != NULL ? worker->named->waiting : 0;
}

struct wait_stream {
    char name[NAME_BYTES_MAX];
    struct stream_id from; /* included */
    struct stream_id last; /* the one that was named, before it */
    uint64_t *starts;      /* of "$": behind what there is; or NULL */
};

struct stream_wait {
    struct worker *worker;
    named_done_fn *done;
    void *context;
    struct stream_wait **out_wait; /* cleared at the end */
    struct wait_stream *streams;
    uint32_t stream_count;
    uint32_t limit;
    bool blocks;
    bool counted; /* in named->waiting */
    bool polling; /* the timer looks whether there is anything new */
    bool trying;  /* a try is under way, which looks at `ended` when it is back */
    bool ended;
    bool with_error;
    uint64_t deadline_ms; /* uv_now; 0: for ever */
    uint64_t folded;      /* of the last try */
    uint64_t settled_ms;
    uint32_t tries;
    uint32_t next;  /* the stream to scan */
    uint32_t given; /* streams that had something */
    bool held_back;
    struct bytes found;
    uv_timer_t timer;
};

static void try_read(struct stream_wait *wait);

static void on_timer_closed(uv_handle_t *handle)
{
    struct stream_wait *wait = handle->data;

    for (uint32_t i = 0; i < wait->stream_count; i++)
        free(wait->streams[i].starts);
    free(wait->streams);
    bytes_done(&wait->found);
    free(wait);
}

static void finish(struct stream_wait *wait, struct bytes *out)
{
    *wait->out_wait = NULL;
    if (wait->counted && wait->worker->named != NULL)
        wait->worker->named->waiting--;
    uv_close((uv_handle_t *)&wait->timer, on_timer_closed);
    stream_reply(out, wait->done, wait->context);
}

static void finish_empty(struct stream_wait *wait)
{
    struct bytes out = {0};

    if (wait->with_error)
        reply_error(&out, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
    else
        reply_null_array(&out);
    finish(wait, &out);
}

void stream_read_end(struct stream_wait *wait, bool with_error)
{
    wait->ended = true;
    wait->with_error = with_error;
    if (!wait->trying)
        finish_empty(wait);
}

static bool is_over(const struct stream_wait *wait)
{
    return wait->deadline_ms > 0 && uv_now(&wait->worker->loop) >= wait->deadline_ms;
}

static void on_timer(uv_timer_t *timer)
{
    struct stream_wait *wait = timer->data;

    if (wait->trying ||
        (wait->polling && !is_over(wait) && node_folded(wait->worker->node) == wait->folded))
        return;
    uv_timer_stop(&wait->timer);
    if (wait->polling && is_over(wait)) {
        finish_empty(wait);
        return;
    }
    try_read(wait);
}

/* All streams have been looked at, and there was nothing. */
static void found_nothing(struct stream_wait *wait)
{
    if (wait->ended) {
        finish_empty(wait);
    } else if (wait->held_back && wait->tries++ < SETTLE_TRIES) {
        wait->polling = false;
        uv_timer_start(&wait->timer, on_timer, SETTLE_MS, 0);
    } else if (!wait->blocks || is_over(wait)) {
        finish_empty(wait);
    } else {
        wait->polling = true;
        wait->tries = 0;
        uv_timer_start(&wait->timer, on_timer, POLL_MS, POLL_MS);
    }
}

static void scan_next(struct stream_wait *wait);

static void on_scan(struct stream_scan *scan)
{
    struct stream_wait *wait = scan->context;
    struct wait_stream *stream = &wait->streams[wait->next];
    struct bytes out = {0};

    if (scan->rc < 0) {
        reply_error(&out, "ERR %s", scan->err.text);
        stream_scan_free(scan);
        wait->trying = false;
        finish(wait, &out);
        return;
    }
    wait->held_back = wait->held_back || scan->held_back;
    if (scan->row_count > 0) {
        reply_bulk(&wait->found, span_of(stream->name));
        stream_scan_put(scan, &wait->found);
        stream_cursors_note(wait->worker->named, scan);
        wait->given++;
    } else if (stream->starts != NULL) {
        memcpy(stream->starts, scan->nexts, scan->partition_count * sizeof(scan->nexts[0]));
    }
    stream_scan_free(scan);
    wait->next++;
    scan_next(wait);
}

static void found(struct stream_wait *wait)
{
    struct bytes out = {0};

    reply_aggregate(&out, REPLY_TABLE, wait->given);
    bytes_put(&out, wait->found.data, wait->found.size);
    finish(wait, &out);
}

static void scan_next(struct stream_wait *wait)
{
    struct wait_stream *at = &wait->streams[wait->next];
    const struct catalog_stream *stream = NULL;
    struct stream_scan *scan;

    while (wait->next < wait->stream_count && stream == NULL) {
        at = &wait->streams[wait->next];
        stream = catalog_find_stream(wait->worker->catalog, span_of(at->name));
        wait->next += stream == NULL; /* it has been dropped */
    }
    if (stream == NULL) {
        wait->trying = false;
        if (wait->given > 0)
            found(wait);
        else
            found_nothing(wait);
        return;
    }
    scan = stream_scan_new(wait->worker, &stream->def, stream->id);
    scan->from = at->from;
    scan->limit = wait->limit;
    scan->settled_ms = wait->settled_ms;
    scan->done = on_scan;
    scan->context = wait;
    if (at->starts != NULL)
        memcpy(scan->starts, at->starts, scan->partition_count * sizeof(scan->starts[0]));
    else
        stream_cursors_find(wait->worker->named, stream->id, at->last, scan->starts,
                            scan->partition_count);
    stream_scan_begin(scan, wait->worker);
}

static void on_settled_known(void *context, uint64_t ms)
{
    struct stream_wait *wait = context;

    wait->settled_ms = ms;
    scan_next(wait);
}

static void try_read(struct stream_wait *wait)
{
    wait->trying = true;
    wait->next = 0;
    wait->given = 0;
    wait->held_back = false;
    wait->folded = node_folded(wait->worker->node);
    bytes_clear(&wait->found);
    stream_settled(wait->worker, on_settled_known, wait);
}

/* Behind all that is committed. */
static void take_end(struct stream_wait *wait, struct wait_stream *stream)
{
    uint32_t count = node_partition_count(wait->worker->node);

    stream->starts = bytes_alloc(count * sizeof(stream->starts[0]));
    for (uint32_t i = 0; i < count; i++) {
        struct journal *journal = node_journal(wait->worker->node, i);
        struct journal_stat stat;

        journal->ops->stat(journal, &stat);
        stream->starts[i] = stat.offset_end;
    }
}

/* The keys and ids from word `at` on. */
static bool read_streams(struct stream_wait *wait, const struct span *words, uint32_t count,
                         struct bytes *out)
{
    uint32_t half = count / 2;

    if (count == 0 || count % 2 != 0 || half > STREAMS_MAX) {
        reply_error(out, "ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', "
                         "or '$' must be specified.");
        return false;
    }
    wait->streams = bytes_alloc_zero(half, sizeof(wait->streams[0]));
    for (uint32_t i = 0; i < half; i++) {
        struct wait_stream *stream = &wait->streams[wait->stream_count];
        struct span id = words[half + i];
        bool at_end = span_equal(id, SPAN_LITERAL("$"));
        const struct catalog_stream *found;

        if (!at_end && !stream_id_read(id, 0, &stream->last)) {
            reply_error(out, "ERR Invalid stream ID specified as stream command argument");
            return false;
        }
        found = stream_find(wait->worker, words[i], true, out);
        if (out->size > 0)
            return false;
        if (found == NULL)
            continue;
        memcpy(stream->name, found->def.name, sizeof(stream->name));
        stream->from = (struct stream_id){stream->last.ms, stream->last.n + 1};
        stream->from.ms += stream->from.n == 0;
        wait->stream_count++;
        if (at_end) {
            stream->from = (struct stream_id){0, 0};
            take_end(wait, stream);
        }
    }
    return true;
}

static bool read_words(struct stream_wait *wait, const struct span *words, uint32_t count,
                       struct bytes *out)
{
    int64_t block_ms;
    bool none;

    for (uint32_t i = 1; i < count; i++) {
        if (grammar_is(words[i], "streams"))
            return read_streams(wait, words + i + 1, count - i - 1, out);
        if (grammar_is(words[i], "count") && i + 1 < count) {
            if (!read_count(words[++i], &wait->limit, &none)) {
                reply_error(out, "ERR value is not an integer or out of range");
                return false;
            }
            if (none)
                wait->limit = STREAM_ROWS_MAX;
        } else if (grammar_is(words[i], "block") && i + 1 < count) {
            if (!grammar_int_read(words[++i], &block_ms)) {
                reply_error(out, "ERR timeout is not an integer or out of range");
                return false;
            }
            if (block_ms < 0) {
                reply_error(out, "ERR timeout is negative");
                return false;
            }
            wait->blocks = true;
            wait->deadline_ms = block_ms > 0 ? uv_now(&wait->worker->loop) + (uint64_t)block_ms : 0;
        } else {
            break;
        }
    }
    reply_error(out, "ERR syntax error");
    return false;
}

void stream_read(struct worker *worker, const struct span *words, uint32_t count, bool may_wait,
                 struct stream_wait **out_wait, named_done_fn *done, void *context)
{
    struct stream_wait *wait = bytes_alloc_zero(1, sizeof(*wait));
    struct bytes out = {0};

    wait->worker = worker;
    wait->done = done;
    wait->context = context;
    wait->out_wait = out_wait;
    wait->limit = STREAM_ROWS_MAX;
    wait->timer.data = wait;
    uv_timer_init(&worker->loop, &wait->timer);
    *out_wait = wait;
    if (!read_words(wait, words, count, &out)) {
        finish(wait, &out);
        return;
    }
    wait->blocks = wait->blocks && may_wait;
    worker->named->waiting += wait->blocks;
    wait->counted = wait->blocks;
    try_read(wait);
}
