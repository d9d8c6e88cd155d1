// SPDX-License-Identifier: Apache-2.0
/* watch.c - a worker's side of live subscriptions, and the messages they share; see watch.h. */
#include "node/watch.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/conf.h"
#include "node/node_private.h"
#include "node/watch_private.h"

void watch_local_init(struct watch_local *local, struct worker *worker)
{
    *local = (struct watch_local){.worker = worker, .number_next = 1};
}

void watch_local_done(struct watch_local *local)
{
    while (local->rooms != NULL) {
        struct watch_room *room = local->rooms;

        local->rooms = room->next;
        free(room->topic);
        free(room);
    }
}

/* ---- messages ---- */

static struct span put_text(char **at, struct span text)
{
    char *start = *at;

    memcpy(start, text.data, text.size);
    *at += text.size;
    return (struct span){start, text.size};
}

struct watch_shared *watch_shared_new(const struct watch_message *message)
{
    struct watch_shared *shared =
        bytes_alloc(sizeof(*shared) + message->topic.size + message->id.size + message->json.size);
    char *at = shared->texts;

    *shared = (struct watch_shared){.message = *message};
    atomic_init(&shared->references, 1);
    shared->message.topic = put_text(&at, message->topic);
    shared->message.id = put_text(&at, message->id);
    shared->message.json = put_text(&at, message->json);
    return shared;
}

void watch_shared_encode(struct watch_shared *shared, const struct watch_format *format)
{
    assert(shared->formats[format->slot] == NULL || shared->formats[format->slot] == format);
    if (shared->formats[format->slot] != NULL)
        return;
    shared->encoded[format->slot] = format->encode(&shared->message);
    shared->formats[format->slot] = format;
}

struct watch_shared *watch_shared_ref(struct watch_shared *shared)
{
    atomic_fetch_add_explicit(&shared->references, 1, memory_order_relaxed);
    return shared;
}

void watch_shared_unref(struct watch_shared *shared)
{
    if (shared == NULL ||
        atomic_fetch_sub_explicit(&shared->references, 1, memory_order_acq_rel) > 1)
        return;
    for (uint32_t i = 0; i < WATCH_SLOTS; i++)
        if (shared->formats[i] != NULL)
            shared->formats[i]->release(shared->encoded[i]);
    free(shared);
}

/* ---- watches ---- */

struct watch_note *watch_note_new(enum watch_note_kind kind, struct watch_room *room)
{
    struct watch_note *note = bytes_alloc_zero(1, sizeof(*note));

    note->kind = kind;
    note->room = room;
    return note;
}

static void to_hub(struct watch_note *note)
{
    if (note->kind == WATCH_JOIN && note->room->leaving)
        note->room->rejoined = true;
    note->message.run = watch_hub_receive;
    worker_send(&note->room->worker->node->workers[0], &note->message);
}

static struct watch_room *get_room(struct worker *worker, struct span topic)
{
    struct watch_local *local = &worker->watches;
    struct watch_room *room;

    for (room = local->rooms; room != NULL; room = room->next)
        if (span_equal(span_of(room->topic), topic))
            return room;
    room = bytes_alloc_zero(1, sizeof(*room));
    room->worker = worker;
    room->topic = bytes_dup(topic);
    room->next = local->rooms;
    local->rooms = room;
    return room;
}

static void remove_room(struct watch_room *room)
{
    struct watch_room **at = &room->worker->watches.rooms;

    while (*at != room)
        at = &(*at)->next;
    *at = room->next;
    free(room->topic);
    free(room);
}

/* "<boot>-<sequence>" of this very start; anything else has been seen elsewhere. */
static bool parse_id(const struct watch_hub *hub, struct span id, uint64_t *out_sequence)
{
    char text[64];
    unsigned long long boot;
    unsigned long long sequence;

    if (id.size == 0 || id.size >= sizeof(text))
        return false;
    memcpy(text, id.data, id.size);
    text[id.size] = '\0';
    if (sscanf(text, "%llx-%llu", &boot, &sequence) != 2 || boot != hub->boot)
        return false;
    *out_sequence = sequence;
    return true;
}

int watch_open(struct watch **out_watch, struct worker *worker, struct span topic,
               struct span last_id, const struct watch_format *format, void *context,
               struct err *err)
{
    struct watch_hub *hub = &worker->node->hub;
    int64_t limit = worker->node->conf->limits.watches;
    struct watch *watch;
    struct watch_note *note;

    if (atomic_fetch_add(&hub->watch_count, 1) >= (uint64_t)limit) {
        atomic_fetch_sub(&hub->watch_count, 1);
        return err_set(err, ERR_LIMIT, "%lld topics are watched already, the limit `watches`",
                       (long long)limit);
    }
    watch = bytes_alloc_zero(1, sizeof(*watch));
    watch->worker = worker;
    watch->room = get_room(worker, topic);
    watch->number = worker->watches.number_next++;
    watch->format = format;
    watch->context = context;
    watch->next = watch->room->watches;
    watch->room->watches = watch;
    note = watch_note_new(WATCH_JOIN, watch->room);
    note->format = format;
    note->watch_number = watch->number;
    note->resumes = parse_id(hub, last_id, &note->last_sequence);
    note->resync = last_id.size > 0 && !note->resumes; /* it saw another start: a gap */
    to_hub(note);
    *out_watch = watch;
    return 0;
}

static void send_leave(struct watch_room *room)
{
    room->leaving = true;
    room->rejoined = false;
    worker_begin(room->worker);
    to_hub(watch_note_new(WATCH_LEAVE, room));
}

void watch_close(struct watch *watch)
{
    struct watch_room *room;
    struct watch **at;

    if (watch == NULL)
        return;
    room = watch->room;
    at = &room->watches;
    while (*at != watch)
        at = &(*at)->next;
    *at = watch->next;
    atomic_fetch_sub(&room->worker->node->hub.watch_count, 1);
    free(watch);
    if (room->watches == NULL && !room->leaving)
        send_leave(room);
}

void watch_resync(struct watch *watch)
{
    struct watch_note *note = watch_note_new(WATCH_JOIN, watch->room);

    watch->number = watch->worker->watches.number_next++;
    watch->joined = false;
    watch->behind = false;
    note->format = watch->format;
    note->watch_number = watch->number;
    note->resync = true;
    to_hub(note);
}

static void tell(struct watch_room *room, const struct watch_note *note)
{
    struct watch *next;

    for (struct watch *watch = room->watches; watch != NULL; watch = next) {
        next = watch->next; /* a push may close the watch */
        if (note->watch_number != 0 ? note->watch_number != watch->number : !watch->joined)
            continue;
        if (note->event == WATCH_READY) {
            watch->joined = true;
            watch->format->push(watch, WATCH_READY, NULL);
            continue;
        }
        if (watch->behind) {
            stats_add(&room->worker->stats.gaps, 1);
            continue;
        }
        stats_add(&room->worker->stats.pushes, 1);
        if (!watch->format->push(watch, note->event, note->shared->encoded[watch->format->slot]))
            watch->behind = true;
    }
}

/*
 * The hub has forgotten the room. But watches may have joined since the leave was sent: their
 * joins came to the hub after it, so the hub has taken the room in anew.
 */
static void left(struct watch_room *room)
{
    struct worker *worker = room->worker;

    room->leaving = false;
    if (room->watches == NULL && room->rejoined)
        send_leave(room);
    else if (room->watches == NULL)
        remove_room(room);
    worker_end(worker);
}

void watch_room_receive(struct message *message, struct worker *receiver)
{
    struct watch_note *note = (struct watch_note *)message;

    (void)receiver;
    if (note->kind == WATCH_TELL) {
        tell(note->room, note);
        watch_shared_unref(note->shared);
    } else {
        left(note->room);
    }
    free(note);
}
