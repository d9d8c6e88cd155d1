// SPDX-License-Identifier: Apache-2.0
/* test_watch.c - live subscriptions: a snapshot, then changes, then what was missed or a gap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "journal/journal.h"
#include "node/watch.h"
#include "support/node/node_client.h"
#include "support/node/node_harness.h"

#define MESSAGES_MAX 512
#define TOPIC "boards/season/top?n=5"
#define FAST "workers: 2\npartitions: 3\ntick: 10ms\n"

struct heard {
    enum watch_event event;
    const void *encoded; /* never looked into: it may be gone */
    char id[64];
    char *json; /* NULL for ready */
};

/* Somebody who watches; `messages` under the lock of `count`. */
struct viewer {
    struct node_harness *harness;
    uint32_t worker;
    const char *topic;
    const struct watch_format *format;
    char last_id[64];
    struct watch *watch;
    int rc;
    struct err err;
    _Atomic int refuses; /* pushes that it still refuses */
    struct heard messages[MESSAGES_MAX];
    struct tally count;
};

static bool on_push(struct watch *watch, enum watch_event event, void *context)
{
    struct viewer *viewer = watch->context;
    const struct node_push *push = context;
    struct heard *heard;

    if (event != WATCH_READY && atomic_load(&viewer->refuses) > 0) {
        atomic_fetch_sub(&viewer->refuses, 1);
        return false;
    }
    pthread_mutex_lock(&viewer->count.lock);
    if (viewer->count.value == MESSAGES_MAX)
        abort();
    heard = &viewer->messages[viewer->count.value];
    heard->event = event;
    heard->encoded = push;
    if (push != NULL) {
        heard->json = bytes_dup(span_of(push->json));
        snprintf(heard->id, sizeof(heard->id), "%s", push->id);
    }
    pthread_mutex_unlock(&viewer->count.lock);
    tally_add(&viewer->count, 1);
    return true;
}

static const struct watch_format format = {WATCH_SLOT_HTTP, node_push_encode, node_push_release,
                                           on_push};

static void do_open(void *context, struct worker *worker)
{
    struct viewer *viewer = context;

    viewer->rc =
        watch_open(&viewer->watch, worker, span_of(viewer->topic), span_of(viewer->last_id),
                   viewer->format != NULL ? viewer->format : &format, viewer, &viewer->err);
}

static void do_close(void *context, struct worker *worker)
{
    struct viewer *viewer = context;

    (void)worker;
    watch_close(viewer->watch);
    viewer->watch = NULL;
}

static void do_resync(void *context, struct worker *worker)
{
    struct viewer *viewer = context;

    (void)worker;
    if (viewer->watch->behind)
        watch_resync(viewer->watch);
}

static struct viewer *viewer_new(struct node_harness *harness, uint32_t worker, const char *topic,
                                 const char *last_id)
{
    struct viewer *viewer = calloc(1, sizeof(*viewer));

    *viewer =
        (struct viewer){.harness = harness, .worker = worker, .topic = topic, .count = TALLY_INIT};
    snprintf(viewer->last_id, sizeof(viewer->last_id), "%s", last_id);
    node_harness_run(harness, worker, do_open, viewer);
    return viewer;
}

static void viewer_free(struct viewer *viewer)
{
    node_harness_run(viewer->harness, viewer->worker, do_close, viewer);
    for (uint64_t i = 0; i < viewer->count.value; i++)
        free(viewer->messages[i].json);
    free(viewer);
}

/* Waits for the message at `index` and wants it to be that, and to contain `part`. */
static const char *expect(struct viewer *viewer, uint64_t index, enum watch_event event,
                          const char *part)
{
    static const char *const events[] = {"snapshot", "change", "gap", "error"};
    const struct heard *heard = &viewer->messages[index];

    tally_wait(&viewer->count, index + 1);
    if (heard->event != event || (part != NULL && strstr(heard->json, part) == NULL))
        fail_msg("message %llu is a %d, %s; expected a %d with %s", (unsigned long long)index,
                 (int)heard->event, heard->json, (int)event, part);
    if (heard->json != NULL) {
        json_t *tree = json_loads(heard->json, JSON_REJECT_DUPLICATES, NULL);

        assert_non_null(tree);
        assert_string_equal(json_string_value(json_object_get(tree, "event")), events[event]);
        assert_string_equal(json_string_value(json_object_get(tree, "topic")), viewer->topic);
        json_decref(tree);
    }
    return heard->id;
}

/* Of one player, so all in one batch: one change. */
static void feed(struct node_harness *harness, uint32_t first, uint32_t count)
{
    struct node_feed rows = {.stream = "plays", .first = first, .count = count, .players = 1};

    node_feed_run(harness, first % 2, &rows);
    assert_int_equal(rows.accepted, count);
}

static struct node_harness *ready(const char *settings)
{
    struct node_harness *harness = node_harness_new(settings, NULL, &journal_memory);

    node_harness_ready(harness);
    return harness;
}

static void test_snapshot_then_changes(void **state)
{
    struct node_harness *harness = ready(FAST);

    (void)state;
    feed(harness, 0, 30);
    for (uint32_t i = 0; i < 2; i++) {
        struct viewer *viewer = viewer_new(harness, i, TOPIC, "");

        assert_int_equal(viewer->rc, 0);
        expect(viewer, 0, WATCH_SNAPSHOT, i == 0 ? "\"score\":30" : "\"score\":33");
        expect(viewer, 1, WATCH_READY, NULL);
        feed(harness, 30 + i * 3, 3);
        expect(viewer, 2, WATCH_CHANGE, i == 0 ? "\"score\":33" : "\"score\":36");
        viewer_free(viewer);
    }
    node_harness_free(harness);
}

/* All that watch a topic get the same; who joins gets no change before its snapshot. */
static void test_many_watch_one_topic(void **state)
{
    struct node_harness *harness = ready(FAST);
    struct viewer *viewers[20];
    uint32_t fed = 3;

    (void)state;
    feed(harness, 0, 3);
    for (uint32_t i = 0; i < 20; i++) {
        viewers[i] = viewer_new(harness, i % 2, TOPIC, "");
        feed(harness, fed, 3);
        fed += 3;
    }
    for (uint32_t i = 0; i < 20; i++) {
        expect(viewers[i], 0, WATCH_SNAPSHOT, NULL);
        expect(viewers[i], 1, WATCH_READY, NULL);
    }
    feed(harness, fed, 3);
    for (uint32_t i = 0; i < 20; i++) {
        char part[32];
        uint64_t at = 2;

        snprintf(part, sizeof(part), "\"score\":%u", fed + 3);
        expect(viewers[i], at, WATCH_CHANGE, NULL);
        while (strstr(viewers[i]->messages[at].json, part) == NULL)
            expect(viewers[i], ++at, WATCH_CHANGE, NULL);
        assert_string_equal(viewers[i]->messages[at].id,
                            viewers[0]->messages[tally_get(&viewers[0]->count) - 1].id);
    }
    for (uint32_t i = 0; i < 20; i++)
        viewer_free(viewers[i]);
    assert_int_equal(atomic_load(&harness->node->hub.watch_count), 0);
    node_harness_free(harness);
}

static void *encode_other(const struct watch_message *message)
{
    return node_push_encode(&(struct watch_message){.id = message->topic, .json = message->json});
}

static const struct watch_format format_other = {WATCH_SLOT_RESP, encode_other, node_push_release,
                                                 on_push};

static struct viewer *viewer_new_other(struct node_harness *harness, uint32_t worker)
{
    struct viewer *viewer = calloc(1, sizeof(*viewer));

    *viewer = (struct viewer){.harness = harness,
                              .worker = worker,
                              .topic = TOPIC,
                              .format = &format_other,
                              .count = TALLY_INIT};
    node_harness_run(harness, worker, do_open, viewer);
    return viewer;
}

/* A change is encoded once for each format that somebody watches in, and shared by all of them. */
static void test_formats(void **state)
{
    struct node_harness *harness = ready(FAST);
    struct viewer *viewers[12];
    uint32_t total;

    (void)state;
    for (uint32_t i = 0; i < 12; i++)
        viewers[i] =
            i < 6 ? viewer_new(harness, i % 2, TOPIC, "") : viewer_new_other(harness, i % 2);
    for (uint32_t i = 0; i < 12; i++) {
        expect(viewers[i], 0, WATCH_SNAPSHOT, "\"at\":");
        expect(viewers[i], 1, WATCH_READY, NULL);
    }
    total = node_push_total();
    feed(harness, 0, 3);
    for (uint32_t i = 0; i < 12; i++) {
        expect(viewers[i], 2, WATCH_CHANGE, "\"score\":3");
        assert_ptr_equal(viewers[i]->messages[2].encoded,
                         viewers[i < 6 ? 0 : 6]->messages[2].encoded);
    }
    assert_string_equal(viewers[6]->messages[2].id, TOPIC); /* what that format makes of it */
    assert_int_equal(node_push_total(), total + 2);
    viewer_free(viewers[0]);
    /* One that comes back in a format gets what was encoded before it came. */
    viewers[0] = viewer_new(harness, 1, TOPIC, viewers[1]->messages[2].id);
    expect(viewers[0], 0, WATCH_READY, NULL);
    for (uint32_t i = 0; i < 12; i++)
        viewer_free(viewers[i]);
    node_harness_free(harness);
}

/* What was missed by who watches in a format that nobody watched in meanwhile. */
static void test_formats_resume(void **state)
{
    struct node_harness *harness = ready(FAST);
    struct viewer *keeps = viewer_new_other(harness, 0);
    struct viewer *leaves = viewer_new(harness, 1, TOPIC, "");
    struct viewer *returns;
    char last_id[64];

    (void)state;
    expect(keeps, 1, WATCH_READY, NULL);
    snprintf(last_id, sizeof(last_id), "%s", expect(leaves, 0, WATCH_SNAPSHOT, NULL));
    viewer_free(leaves);
    for (uint32_t i = 0; i < 3; i++) {
        feed(harness, i * 3, 3);
        expect(keeps, 2 + i, WATCH_CHANGE, NULL);
    }
    returns = viewer_new(harness, 1, TOPIC, last_id);
    for (uint32_t i = 0; i < 3; i++)
        expect(returns, i, WATCH_CHANGE, NULL);
    expect(returns, 3, WATCH_READY, NULL);
    viewer_free(returns);
    viewer_free(keeps);
    node_harness_free(harness);
}

/* What happens is told once to all, and what happened while nobody looked, to who comes back. */
static void test_updates(void **state)
{
    struct node_harness *harness = ready(FAST);
    struct viewer *viewers[3];
    char last_id[64];

    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        viewers[i] = viewer_new(harness, i % 2,
                                i < 2 ? "boards/season/updates" : "boards/season/changes?n=1", "");
    for (uint32_t i = 0; i < 3; i++) {
        expect(viewers[i], 0, WATCH_SNAPSHOT, "\"size\":0");
        expect(viewers[i], 1, WATCH_READY, NULL);
    }
    feed(harness, 0, 3);
    expect(viewers[2], 2, WATCH_CHANGE, "\"entered\":[{\"rank\":1,");
    for (uint32_t i = 0; i < 2; i++)
        expect(viewers[i], 2, WATCH_CHANGE,
               "\"old_score\":null,\"score\":3,\"old_rank\":null,"
               "\"rank\":1");
    feed(harness, 3, 3);
    for (uint32_t i = 0; i < 2; i++)
        expect(viewers[i], 3, WATCH_CHANGE,
               "\"old_score\":3,\"score\":6,\"old_rank\":1,\"rank\":1");
    snprintf(last_id, sizeof(last_id), "%s", viewers[0]->messages[3].id);
    viewer_free(viewers[0]);
    viewer_free(viewers[1]);
    feed(harness, 6, 6);
    viewers[0] = viewer_new(harness, 1, "boards/season/updates", last_id);
    expect(viewers[0], 0, WATCH_CHANGE, "\"old_score\":6,\"score\":12,");
    expect(viewers[0], 1, WATCH_READY, NULL);
    viewers[1] = viewer_new(harness, 0, "boards/season/updates", "");
    expect(viewers[1], 0, WATCH_SNAPSHOT, "\"answer\":{\"board\":\"season\",\"by\":{},\"size\":1}");
    for (uint32_t i = 0; i < 3; i++)
        viewer_free(viewers[i]);
    node_harness_free(harness);
}

static void test_resume_without_loss(void **state)
{
    struct node_harness *harness = ready(FAST);
    struct viewer *keeps = viewer_new(harness, 0, TOPIC, "");
    struct viewer *leaves = viewer_new(harness, 1, TOPIC, "");
    struct viewer *returns;
    char last_id[64];

    (void)state;
    expect(keeps, 1, WATCH_READY, NULL);
    snprintf(last_id, sizeof(last_id), "%s", expect(leaves, 0, WATCH_SNAPSHOT, NULL));
    viewer_free(leaves);
    for (uint32_t i = 0; i < 3; i++) {
        feed(harness, i * 3, 3);
        expect(keeps, 2 + i, WATCH_CHANGE, NULL);
    }
    returns = viewer_new(harness, 1, TOPIC, last_id);
    for (uint32_t i = 0; i < 3; i++)
        assert_string_equal(expect(returns, i, WATCH_CHANGE, NULL), keeps->messages[2 + i].id);
    expect(returns, 3, WATCH_READY, NULL);
    viewer_free(returns);
    /* Nothing missed: nothing told but that it is ready. */
    returns = viewer_new(harness, 1, TOPIC, keeps->messages[4].id);
    expect(returns, 0, WATCH_READY, NULL);
    viewer_free(returns);
    viewer_free(keeps);
    node_harness_free(harness);
}

/* What changed while nobody watched is one change, told once to whoever comes back. */
static void test_resume_of_a_topic_nobody_watched(void **state)
{
    struct node_harness *harness = ready(FAST);
    struct viewer *viewer = viewer_new(harness, 1, TOPIC, "");
    char last_id[64];

    (void)state;
    expect(viewer, 1, WATCH_READY, NULL);
    snprintf(last_id, sizeof(last_id), "%s", viewer->messages[0].id);
    viewer_free(viewer);
    feed(harness, 0, 9);
    viewer = viewer_new(harness, 1, TOPIC, last_id);
    expect(viewer, 0, WATCH_CHANGE, "\"score\":9");
    expect(viewer, 1, WATCH_READY, NULL);
    viewer_free(viewer);
    node_harness_free(harness);
}

static void test_resume_with_loss(void **state)
{
    struct node_harness *harness = ready(FAST);
    struct viewer *keeps = viewer_new(harness, 0, TOPIC, "");
    struct viewer *returns;

    (void)state;
    expect(keeps, 1, WATCH_READY, NULL);
    for (uint32_t i = 0; i < 70; i++) { /* more than a topic keeps */
        feed(harness, i * 3, 3);
        expect(keeps, 2 + i, WATCH_CHANGE, NULL);
    }
    returns = viewer_new(harness, 1, TOPIC, keeps->messages[0].id);
    expect(returns, 0, WATCH_GAP, "more was missed");
    expect(returns, 1, WATCH_SNAPSHOT, "\"score\":210");
    expect(returns, 2, WATCH_READY, NULL);
    viewer_free(returns);
    returns = viewer_new(harness, 1, TOPIC, "abc-17"); /* of another start */
    expect(returns, 0, WATCH_GAP, "restarted");
    expect(returns, 1, WATCH_SNAPSHOT, "\"score\":210");
    viewer_free(returns);
    viewer_free(keeps);
    node_harness_free(harness);
}

/* An id from before the topic was known says nothing about the topic. */
static void test_resume_of_another_topic(void **state)
{
    struct node_harness *harness = ready(FAST);
    struct viewer *keeps = viewer_new(harness, 0, TOPIC, "");
    struct viewer *other;

    (void)state;
    expect(keeps, 1, WATCH_READY, NULL);
    feed(harness, 0, 3);
    expect(keeps, 2, WATCH_CHANGE, NULL);
    other = viewer_new(harness, 1, "boards/season/top?n=2", keeps->messages[2].id);
    expect(other, 0, WATCH_GAP, NULL);
    expect(other, 1, WATCH_SNAPSHOT, "\"score\":3");
    viewer_free(other);
    viewer_free(keeps);
    node_harness_free(harness);
}

static void test_refused_push(void **state)
{
    struct node_harness *harness = ready(FAST);
    struct viewer *slow = viewer_new(harness, 1, TOPIC, "");
    struct viewer *other = viewer_new(harness, 1, TOPIC, "");
    uint64_t gaps;

    (void)state;
    expect(slow, 1, WATCH_READY, NULL);
    expect(other, 1, WATCH_READY, NULL);
    atomic_store(&slow->refuses, 1);
    for (uint32_t i = 0; i < 3; i++) {
        feed(harness, i * 3, 3);
        expect(other, 2 + i, WATCH_CHANGE, NULL); /* the slow one holds up nobody */
    }
    assert_int_equal(tally_get(&slow->count), 2);
    node_harness_run(harness, 1, do_resync, slow);
    expect(slow, 2, WATCH_GAP, "too slow");
    expect(slow, 3, WATCH_SNAPSHOT, "\"score\":9");
    expect(slow, 4, WATCH_READY, NULL);
    feed(harness, 9, 3);
    expect(slow, 5, WATCH_CHANGE, "\"score\":12");
    gaps = atomic_load(&harness->node->workers[1].stats.gaps);
    assert_int_equal(gaps, 2);
    viewer_free(other);
    viewer_free(slow);
    node_harness_free(harness);
}

static void test_topic_that_comes_and_goes(void **state)
{
    struct node_harness *harness = ready(FAST);
    struct viewer *viewer = viewer_new(harness, 1, "boards/later/top?n=5", "");
    struct viewer *second;
    struct err err = {0};
    char error_id[64];

    (void)state;
    assert_int_equal(viewer->rc, 0);
    expect(viewer, 0, WATCH_ERROR, "\"code\":\"not_found\"");
    expect(viewer, 1, WATCH_READY, NULL);
    second = viewer_new(harness, 1, "boards/later/top?n=5", "");
    snprintf(error_id, sizeof(error_id), "%s", expect(second, 0, WATCH_ERROR, "not_found"));
    expect(second, 1, WATCH_READY, NULL);
    viewer_free(second);
    assert_int_equal(node_client_define(harness, 0, DEFINITION_BOARD, "later",
                                        "{'stream':'plays','member':'player','score':'count()'}", 0,
                                        &err),
                     0);
    /* The second error was not for this one. */
    expect(viewer, 2, WATCH_SNAPSHOT, "\"entries\":[]");
    feed(harness, 0, 6);
    expect(viewer, 3, WATCH_CHANGE, "\"score\":6");
    second = viewer_new(harness, 0, "boards/later/top?n=5", error_id);
    expect(second, 0, WATCH_GAP, NULL); /* it saw the error, and nothing since */
    expect(second, 1, WATCH_SNAPSHOT, "\"score\":6");
    viewer_free(second);
    assert_int_equal(node_client_define(harness, 1, DEFINITION_BOARD, "later", NULL, 0, &err), 0);
    expect(viewer, 4, WATCH_ERROR, "not_found");
    viewer_free(viewer);
    node_harness_free(harness);
}

static void test_bad_topics(void **state)
{
    static const char *const topics[] = {"",
                                         "nope",
                                         "boards/season/top?n=x",
                                         "boards/season",
                                         "boards//top",
                                         "\"\\\x01",
                                         "status?x=1/../.."};
    struct node_harness *harness = ready(FAST);

    (void)state;
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        struct viewer *viewer = viewer_new(harness, i % 2, topics[i], "");

        assert_int_equal(viewer->rc, 0);
        expect(viewer, 0, WATCH_ERROR, "\"error\":{\"code\":");
        viewer_free(viewer);
    }
    node_harness_free(harness);
}

static void test_status_topic(void **state)
{
    struct node_harness *harness = ready(FAST);
    struct viewer *viewer = viewer_new(harness, 1, "status", "");

    (void)state;
    expect(viewer, 0, WATCH_SNAPSHOT, "\"state\":\"ready\"");
    feed(harness, 0, 3);
    expect(viewer, 2, WATCH_CHANGE, "\"answer\":{");
    viewer_free(viewer);
    node_harness_free(harness);
}

static void test_limit(void **state)
{
    struct node_harness *harness = ready(FAST "limits: {watches: 3}\n");
    struct viewer *viewers[4];

    (void)state;
    for (uint32_t i = 0; i < 4; i++)
        viewers[i] = viewer_new(harness, i % 2, TOPIC, "");
    assert_int_equal(viewers[2]->rc, 0);
    assert_int_equal(viewers[3]->rc, ERR_LIMIT);
    assert_non_null(strstr(viewers[3]->err.text, "the limit `watches`"));
    viewer_free(viewers[3]);
    viewer_free(viewers[0]);
    viewers[0] = viewer_new(harness, 1, "status", "");
    assert_int_equal(viewers[0]->rc, 0);
    for (uint32_t i = 0; i < 3; i++)
        viewer_free(viewers[i]);
    node_harness_free(harness);
}

/* ---- joining and leaving ---- */

#define CHURNS 300

struct churn {
    struct viewer *viewer;
    uint32_t left;
    struct tally done;
};

/* Opens and closes, also several times before the hub can have heard of it. */
static void churn_once(void *context, struct worker *worker)
{
    struct churn *churn = context;

    if (churn->left-- == 0) {
        tally_add(&churn->done, 1);
        return;
    }
    for (uint32_t i = 0; i <= churn->left % 3; i++) {
        do_open(churn->viewer, worker);
        assert_int_equal(churn->viewer->rc, 0);
        do_close(churn->viewer, worker);
    }
    node_harness_post(churn->viewer->harness, worker->number, churn_once, churn);
}

static void test_rooms_that_come_and_go(void **state)
{
    struct node_harness *harness = ready(FAST);
    struct churn churns[4];
    struct viewer *viewer;

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        viewer = viewer_new(harness, i % 2, i < 2 ? TOPIC : "status", "");
        node_harness_run(harness, i % 2, do_close, viewer);
        churns[i] = (struct churn){viewer, CHURNS, TALLY_INIT};
        node_harness_post(harness, i % 2, churn_once, &churns[i]);
    }
    for (uint32_t i = 0; i < 30; i++)
        feed(harness, i * 3, 3);
    for (uint32_t i = 0; i < 4; i++)
        tally_wait(&churns[i].done, 1);
    for (uint32_t i = 0; i < 4; i++)
        viewer_free(churns[i].viewer);
    for (uint32_t i = 0; i < 2; i++) { /* and after all that it works */
        viewer = viewer_new(harness, i, TOPIC, "");
        expect(viewer, 0, WATCH_SNAPSHOT, "\"score\":90");
        viewer_free(viewer);
    }
    node_harness_free(harness);
}

/* Closed on drain, as connections are: rooms end, and nothing that was pushed is left. */
struct audience {
    struct viewer *viewers[40];
};

static void close_audience(void *context, struct worker *worker)
{
    struct audience *audience = context;

    for (uint32_t i = 0; i < 40; i++)
        if (audience->viewers[i]->worker == worker->number)
            do_close(audience->viewers[i], worker);
}

static void test_stop_with_watches(void **state)
{
    struct node_harness *harness = ready(FAST);
    struct audience audience;
    struct node_feed rows[20] = {{0}};
    struct tally done = TALLY_INIT;
    struct err err = {0};

    (void)state;
    harness->context = &audience;
    harness->at_drain = close_audience;
    for (uint32_t i = 0; i < 40; i++)
        audience.viewers[i] = viewer_new(harness, i % 2, i % 3 == 0 ? "status" : TOPIC, "");
    for (uint32_t i = 0; i < 20; i++) {
        rows[i] = (struct node_feed){
            .stream = "plays", .first = i * 10, .count = 10, .players = 3, .done = &done};
        node_feed_post(harness, i % 2, &rows[i]);
    }
    assert_int_equal(node_harness_stop(harness, &err), 0);
    assert_int_equal(tally_get(&done), 20);
    for (uint32_t i = 0; i < 2; i++)
        assert_null(harness->node->workers[i].watches.rooms);
    for (uint32_t i = 0; i < 40; i++) {
        for (uint64_t j = 0; j < audience.viewers[i]->count.value; j++)
            free(audience.viewers[i]->messages[j].json);
        free(audience.viewers[i]);
    }
    node_harness_free(harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snapshot_then_changes),
        cmocka_unit_test(test_many_watch_one_topic),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_formats_resume),
        cmocka_unit_test(test_updates),
        cmocka_unit_test(test_resume_without_loss),
        cmocka_unit_test(test_resume_of_a_topic_nobody_watched),
        cmocka_unit_test(test_resume_with_loss),
        cmocka_unit_test(test_resume_of_another_topic),
        cmocka_unit_test(test_refused_push),
        cmocka_unit_test(test_topic_that_comes_and_goes),
        cmocka_unit_test(test_bad_topics),
        cmocka_unit_test(test_status_topic),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_rooms_that_come_and_go),
        cmocka_unit_test(test_stop_with_watches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
