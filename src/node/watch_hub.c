// SPDX-License-Identifier: Apache-2.0
/*
 * watch_hub.c - the topics that are watched, and the tick; see watch.h.
 *
 * Thread: worker 0.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/hash.h"
#include "base/json.h"
#include "node/ask.h"
#include "node/node_private.h"
#include "node/watch_private.h"
#include "query/answer.h"
#include "query/read.h"

#define RECENT_MAX 64           /* messages that a topic keeps for who comes back */
#define UNWATCHED_TICKS_MAX 600 /* how long a topic is kept that nobody watches */
#define QUIET_TICKS 10          /* a topic is asked this often although nothing was folded */

struct recent {
    uint64_t sequence;
    struct watch_shared *shared;
};

struct joiner {
    struct joiner *next;
    struct watch_note note;
};

struct watch_topic {
    struct watch_topic *next;
    struct watch_hub *hub;
    char *path;
    struct read *read;             /* NULL until it could be parsed */
    struct answer answer;          /* as of the last time it was asked */
    struct watch_shared *snapshot; /* of the answer, once somebody began with it; or NULL */
    bool answered;
    bool asking;
    struct err failure; /* why it has no answer; told once */
    uint64_t folded;    /* sum of the hosts' counters when it was last asked */
    uint64_t asked_tick;
    int64_t asked_ms; /* by the wall clock */
    uint64_t unwatched_since;
    struct watch_room *rooms;
    struct joiner *joiners;                          /* those that wait for a snapshot */
    const struct watch_format *formats[WATCH_SLOTS]; /* that somebody watched in */
    struct recent recent[RECENT_MAX];
    uint32_t recent_count;
    uint64_t forgotten; /* the greatest sequence that `recent` no longer holds */
};

static void ask_topic(struct watch_topic *topic);
static void forget_snapshot(struct watch_topic *topic);

void watch_hub_init(struct watch_hub *hub, struct node *node)
{
    *hub = (struct watch_hub){.node = node};
    hub->boot = hash_mix((uint64_t)node->start_ms, node->start_ns) >> 16;
}

static void forget_recent(struct watch_topic *topic)
{
    for (uint32_t i = 0; i < topic->recent_count; i++) {
        topic->forgotten = topic->recent[i].sequence;
        watch_shared_unref(topic->recent[i].shared);
    }
    topic->recent_count = 0;
}

static void free_topic(struct watch_topic *topic)
{
    forget_recent(topic);
    forget_snapshot(topic);
    while (topic->joiners != NULL) {
        struct joiner *joiner = topic->joiners;

        topic->joiners = joiner->next;
        free(joiner);
    }
    if (topic->read != NULL)
        read_free(topic->read);
    answer_done(&topic->answer);
    free(topic->path);
    free(topic);
}

void watch_hub_done(struct watch_hub *hub)
{
    while (hub->topics != NULL) {
        struct watch_topic *topic = hub->topics;

        hub->topics = topic->next;
        free_topic(topic);
    }
}

/* ---- messages ---- */

static const char *const event_texts[] = {
    [WATCH_SNAPSHOT] = "snapshot",
    [WATCH_CHANGE] = "change",
    [WATCH_GAP] = "gap",
    [WATCH_ERROR] = "error",
};

/* {"event":…,"topic":…,"at":…,<members>}; `at` where the message says how things stand. */
static void put_message(const struct watch_topic *topic, enum watch_event event,
                        struct span members, struct bytes *out)
{
    struct json_out json;

    json_out_init(&json, out);
    json_out_object(&json);
    json_out_key(&json, "event");
    json_out_text(&json, event_texts[event]);
    json_out_key(&json, "topic");
    json_out_text(&json, topic->path);
    if (event == WATCH_SNAPSHOT || event == WATCH_CHANGE) {
        json_out_key(&json, "at");
        json_out_int(&json, topic->asked_ms);
    }
    json_out_object_end(&json);
    out->data[out->size - 1] = ',';
    bytes_put(out, members.data, members.size);
    bytes_put_char(out, '}');
}

/* With an id; takes the next number if it `counts`. */
static struct watch_shared *make_message(struct watch_topic *topic, enum watch_event event,
                                         bool counts, struct span members)
{
    struct watch_hub *hub = topic->hub;
    struct watch_shared *shared;
    struct bytes text = {0};
    char id[64];

    if (counts)
        hub->sequence++;
    snprintf(id, sizeof(id), "%llx-%llu", (unsigned long long)hub->boot,
             (unsigned long long)hub->sequence);
    put_message(topic, event, members, &text);
    shared = watch_shared_new(&(struct watch_message){.event = event,
                                                      .event_text = span_of(event_texts[event]),
                                                      .topic = span_of(topic->path),
                                                      .id = span_of(id),
                                                      .json = bytes_span(&text)});
    bytes_done(&text);
    return shared;
}

static void tell_room(struct watch_room *room, uint64_t watch_number, enum watch_event event,
                      struct watch_shared *shared)
{
    struct watch_note *note = watch_note_new(WATCH_TELL, room);

    note->watch_number = watch_number;
    note->event = event;
    note->shared = shared != NULL ? watch_shared_ref(shared) : NULL;
    note->message.run = watch_room_receive;
    worker_send(room->worker, &note->message);
}

/* To all who watch, each in its format. */
static void tell_all(struct watch_topic *topic, enum watch_event event, struct watch_shared *shared)
{
    for (uint32_t i = 0; i < WATCH_SLOTS; i++)
        if (topic->formats[i] != NULL)
            watch_shared_encode(shared, topic->formats[i]);
    for (struct watch_room *room = topic->rooms; room != NULL; room = room->hub_next)
        tell_room(room, 0, event, shared);
}

static void tell_one(struct watch_topic *topic, const struct watch_note *to, enum watch_event event,
                     struct span members)
{
    struct watch_shared *shared = make_message(topic, event, false, members);

    watch_shared_encode(shared, to->format);
    tell_room(to->room, to->watch_number, event, shared);
    watch_shared_unref(shared);
}

static void tell_gap(struct watch_topic *topic, const struct watch_note *to, const char *reason)
{
    struct bytes members = {0};

    bytes_put_text(&members, "\"reason\":");
    json_put_string(&members, span_of(reason));
    tell_one(topic, to, WATCH_GAP, bytes_span(&members));
    bytes_done(&members);
}

/* Made once for all who begin with this answer. */
static struct watch_shared *get_snapshot(struct watch_topic *topic)
{
    struct bytes members = {0};

    if (topic->snapshot != NULL)
        return topic->snapshot;
    bytes_put_text(&members, "\"answer\":");
    answer_print(&topic->answer, &members);
    topic->snapshot = make_message(topic, WATCH_SNAPSHOT, false, bytes_span(&members));
    bytes_done(&members);
    return topic->snapshot;
}

static void forget_snapshot(struct watch_topic *topic)
{
    watch_shared_unref(topic->snapshot);
    topic->snapshot = NULL;
}

static void put_error(const struct err *err, struct bytes *members)
{
    struct json_out json;

    bytes_put_text(members, "\"error\":");
    json_out_init(&json, members);
    json_out_object(&json);
    json_out_key(&json, "code");
    json_out_text(&json, err_code_text(err->code));
    json_out_key(&json, "message");
    json_out_text(&json, err->text);
    json_out_object_end(&json);
}

/* What the client missed, if the topic still has it all; or a snapshot. */
static void welcome(struct watch_topic *topic, const struct watch_note *note)
{
    if (note->resumes && note->last_sequence >= topic->forgotten &&
        note->last_sequence <= topic->hub->sequence) {
        for (uint32_t i = 0; i < topic->recent_count; i++) {
            if (topic->recent[i].sequence <= note->last_sequence)
                continue;
            watch_shared_encode(topic->recent[i].shared, note->format);
            tell_room(note->room, note->watch_number, WATCH_CHANGE, topic->recent[i].shared);
        }
        return;
    }
    if (note->resumes || note->resync)
        tell_gap(topic, note,
                 note->resumes ? "more was missed than the server keeps"
                               : "the connection was too slow, or the server was restarted");
    watch_shared_encode(get_snapshot(topic), note->format);
    tell_room(note->room, note->watch_number, WATCH_SNAPSHOT, topic->snapshot);
}

static void tell_ready(const struct watch_note *to)
{
    tell_room(to->room, to->watch_number, WATCH_READY, NULL);
}

static void welcome_joiners(struct watch_topic *topic)
{
    while (topic->joiners != NULL) {
        struct joiner *joiner = topic->joiners;

        topic->joiners = joiner->next;
        welcome(topic, &joiner->note);
        tell_ready(&joiner->note);
        free(joiner);
    }
}

static void keep_recent(struct watch_topic *topic, struct watch_shared *shared)
{
    if (topic->recent_count == RECENT_MAX) {
        topic->forgotten = topic->recent[0].sequence;
        watch_shared_unref(topic->recent[0].shared);
        memmove(&topic->recent[0], &topic->recent[1], (RECENT_MAX - 1) * sizeof(topic->recent[0]));
        topic->recent_count--;
    }
    topic->recent[topic->recent_count++] = (struct recent){topic->hub->sequence, shared};
}

static void tell_change(struct watch_topic *topic, struct span members)
{
    struct watch_shared *shared = make_message(topic, WATCH_CHANGE, true, members);

    tell_all(topic, WATCH_CHANGE, shared);
    keep_recent(topic, shared);
}

/* Tells everybody, once, that the topic has no answer any more; and each that joins since. */
static void fail_topic(struct watch_topic *topic, const struct err *err)
{
    struct bytes members = {0};

    answer_done(&topic->answer);
    topic->answered = false;
    forget_snapshot(topic);
    forget_recent(topic);
    put_error(err, &members);
    if (topic->failure.code == 0) {
        struct watch_shared *shared = make_message(topic, WATCH_ERROR, true, bytes_span(&members));

        tell_all(topic, WATCH_ERROR, shared);
        watch_shared_unref(shared);
    }
    topic->failure = *err;
    while (topic->joiners != NULL) {
        struct joiner *joiner = topic->joiners;

        topic->joiners = joiner->next;
        tell_one(topic, &joiner->note, WATCH_ERROR, bytes_span(&members));
        tell_ready(&joiner->note);
        free(joiner);
    }
    bytes_done(&members);
}

/* ---- asking ---- */

static void take_answer(struct watch_topic *topic, struct answer *fresh)
{
    struct bytes members = {0};

    if (topic->answered && answer_diff(&topic->answer, fresh, &members))
        tell_change(topic, bytes_span(&members));
    bytes_done(&members);
    answer_done(&topic->answer);
    topic->answer = *fresh;
    forget_snapshot(topic);
    if (!topic->answered)
        topic->forgotten = ++topic->hub->sequence; /* what was seen before this leads nowhere */
    if (!topic->answered && topic->failure.code != 0)
        tell_all(topic, WATCH_SNAPSHOT, get_snapshot(topic)); /* it has come back */
    topic->answered = true;
    topic->failure.code = 0;
}

static void on_asked(void *context, struct read *read, int rc, const struct err *err)
{
    struct watch_topic *topic = context;
    struct answer fresh = {0};

    topic->asking = false;
    if (rc < 0) {
        read_free(topic->read);
        topic->read = NULL; /* parsed anew: what it names may be defined again */
        fail_topic(topic, err);
        return;
    }
    read->ops->print(read, &fresh);
    read->ops->reset(read);
    take_answer(topic, &fresh);
    welcome_joiners(topic);
}

static void ask_topic(struct watch_topic *topic)
{
    struct watch_hub *hub = topic->hub;
    struct worker *worker = &hub->node->workers[0];
    struct err err = {0};

    topic->asked_tick = hub->tick_count;
    if (topic->read == NULL && ask_parse(&topic->read, worker, span_of(topic->path), &err) < 0) {
        fail_topic(topic, &err);
        return;
    }
    topic->read->watched = true;
    topic->asking = true;
    topic->folded = node_folded(hub->node);
    ask_read(worker, topic->read, on_asked, topic);
    topic->asked_ms = topic->read->now_ms;
}

static bool is_due(const struct watch_topic *topic)
{
    if (topic->asking || topic->rooms == NULL)
        return false;
    if (topic->joiners != NULL || topic->folded != node_folded(topic->hub->node))
        return true;
    return topic->hub->tick_count - topic->asked_tick >= QUIET_TICKS;
}

static void on_tick(uv_timer_t *timer)
{
    struct watch_hub *hub = timer->data;
    struct watch_topic **at = &hub->topics;

    hub->tick_count++;
    sampler_tick(&hub->node->sampler, hub->node);
    while (*at != NULL) {
        struct watch_topic *topic = *at;

        if (topic->rooms == NULL && !topic->asking &&
            hub->tick_count - topic->unwatched_since > UNWATCHED_TICKS_MAX) {
            *at = topic->next;
            hub->topic_count--;
            free_topic(topic);
            continue;
        }
        at = &topic->next;
        if (is_due(topic))
            ask_topic(topic);
    }
}

void watch_hub_start(struct watch_hub *hub)
{
    uint64_t tick_ms = (uint64_t)hub->node->conf->tick;

    hub->timer.data = hub;
    uv_timer_init(&hub->node->workers[0].loop, &hub->timer);
    uv_timer_start(&hub->timer, on_tick, tick_ms, tick_ms);
    hub->timer_open = true;
}

void watch_hub_stop(struct watch_hub *hub)
{
    if (hub->timer_open)
        uv_close((uv_handle_t *)&hub->timer, NULL);
    hub->timer_open = false;
}

/* ---- rooms ---- */

static struct watch_topic *get_topic(struct watch_hub *hub, const char *path)
{
    struct watch_topic *topic;

    for (topic = hub->topics; topic != NULL; topic = topic->next)
        if (strcmp(topic->path, path) == 0)
            return topic;
    topic = bytes_alloc_zero(1, sizeof(*topic));
    topic->hub = hub;
    topic->path = bytes_dup(span_of(path));
    topic->forgotten = hub->sequence;
    topic->next = hub->topics;
    hub->topics = topic;
    hub->topic_count++;
    return topic;
}

static void join(struct watch_hub *hub, struct watch_note *note)
{
    struct watch_topic *topic = get_topic(hub, note->room->topic);
    struct watch_room *room = topic->rooms;
    struct joiner *joiner;

    while (room != NULL && room != note->room)
        room = room->hub_next;
    if (room == NULL) {
        note->room->hub_next = topic->rooms;
        topic->rooms = note->room;
    }
    topic->formats[note->format->slot] = note->format;
    joiner = bytes_alloc_zero(1, sizeof(*joiner));
    joiner->note = *note;
    joiner->next = topic->joiners;
    topic->joiners = joiner;
    if (!topic->asking && hub->timer_open)
        ask_topic(topic);
}

static void leave(struct watch_hub *hub, struct watch_room *room)
{
    struct watch_topic *topic = get_topic(hub, room->topic);
    struct watch_room **at = &topic->rooms;
    struct joiner **waiting = &topic->joiners;

    while (*at != NULL && *at != room)
        at = &(*at)->hub_next;
    if (*at != NULL)
        *at = room->hub_next;
    while (*waiting != NULL) {
        struct joiner *joiner = *waiting;

        if (joiner->note.room != room) {
            waiting = &joiner->next;
            continue;
        }
        *waiting = joiner->next;
        free(joiner);
    }
    if (topic->rooms == NULL)
        topic->unwatched_since = hub->tick_count;
}

void watch_hub_receive(struct message *message, struct worker *receiver)
{
    struct watch_hub *hub = &receiver->node->hub;
    struct watch_note *note = (struct watch_note *)message;

    if (note->kind == WATCH_JOIN) {
        join(hub, note);
        free(note);
        return;
    }
    leave(hub, note->room);
    note->kind = WATCH_LEFT;
    note->message.run = watch_room_receive;
    worker_send(note->room->worker, &note->message);
}
