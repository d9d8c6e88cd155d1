// SPDX-License-Identifier: Apache-2.0
/*
 * read_board_milestones.c - boards/B/milestones: who has reached a milestone of the board since
 * it was last asked.
 *
 * Partitions keep what fired last, with numbers (engine/milestones.h): each gives what is newer
 * than the number that it gave before. What was overwritten meanwhile is counted as omitted. The
 * answer itself shows the newest `n` of all.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/board_seasons.h"
#include "engine/partition.h"
#include "query/answer.h"
#include "query_board/board_read.h"
#include "query/read_request.h"
#include "query_board/read_board.h"

#define N_DEFAULT 10
#define EVENTS_STEP 64u

/* One that fired, printed; its text lies in a buffer. */
struct fired {
    int64_t event_ms;
    size_t start;
    size_t size;
};

struct fired_list {
    struct fired *items;
    uint32_t count;
    uint32_t capacity;
    struct bytes text;
};

struct milestones_slot {
    bool here;
    uint64_t seen; /* the number of the newest that was given */
    uint64_t omitted;
    struct fired_list fresh;
};

struct milestones_read {
    struct board_read base; /* first */
    uint32_t n;
    bool began; /* there is a last time */
    struct milestones_slot *slots;
    struct fired_list fresh;  /* of all partitions, oldest first */
    struct fired_list recent; /* the newest n, oldest first */
    uint64_t omitted;
};

static void fired_clear(struct fired_list *list)
{
    list->count = 0;
    bytes_clear(&list->text);
}

static void fired_done(struct fired_list *list)
{
    free(list->items);
    bytes_done(&list->text);
}

/* Adds one whose text has been appended from `start` on. */
static void fired_add(struct fired_list *list, int64_t event_ms, size_t start)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity > 0 ? 2 * list->capacity : 16;
        list->items = bytes_realloc(list->items, list->capacity * sizeof(list->items[0]));
    }
    list->items[list->count++] = (struct fired){event_ms, start, list->text.size - start};
}

static void fired_copy(struct fired_list *list, const struct fired_list *from, uint32_t i)
{
    size_t start = list->text.size;

    bytes_put(&list->text, from->text.data + from->items[i].start, from->items[i].size);
    fired_add(list, from->items[i].event_ms, start);
}

static void milestones_reset(struct read *read)
{
    struct milestones_read *milestones = (struct milestones_read *)read;

    fired_clear(&milestones->fresh);
    milestones->omitted = 0;
}

static void milestones_free(struct read *read)
{
    struct milestones_read *milestones = (struct milestones_read *)read;

    for (uint32_t i = 0; milestones->slots != NULL && i < read->partition_count; i++)
        fired_done(&milestones->slots[i].fresh);
    free(milestones->slots);
    fired_done(&milestones->fresh);
    fired_done(&milestones->recent);
    board_read_done(&milestones->base);
    free(milestones);
}

/* ---- collect ---- */

static bool matches(const struct milestones_read *milestones, const struct milestone_event *event)
{
    if (milestones->base.season_given && milestones->base.season_ms != event->season_ms)
        return false;
    for (uint32_t i = 0; i < milestones->base.by_count; i++)
        if (milestones->base.by_values[i].data != NULL &&
            !span_equal(milestones->base.by_values[i], event->labels[i]))
            return false;
    return true;
}

static void print_event(const struct milestones_read *milestones, const struct board_def *def,
                        const struct milestone_event *event, struct bytes *out)
{
    struct json_out json;

    json_out_init(&json, out);
    json_out_object(&json);
    json_out_key(&json, "milestone");
    json_out_double(&json, def->milestones[event->milestone]);
    json_out_key(&json, "member");
    json_out_string(&json, event->member);
    if (milestones->base.by_given < milestones->base.by_count) {
        json_out_key(&json, "by");
        board_read_print_labels(&milestones->base, event->labels, &json);
    }
    json_out_key(&json, "score");
    value_print(event->score, &json);
    json_out_key(&json, "reached_at");
    json_out_int(&json, event->event_ms);
    if (event->season_ms != INT64_MIN) {
        json_out_key(&json, "season");
        json_out_int(&json, event->season_ms);
    }
    json_out_object_end(&json);
}

static void collect_events(const struct milestones_read *milestones, struct milestones_slot *slot,
                           const struct board_seasons *seasons, const struct board_def *def)
{
    struct milestone_event events[EVENTS_STEP];
    uint32_t count;

    while ((count = board_seasons_milestones(seasons, slot->seen, events, EVENTS_STEP)) > 0)
        for (uint32_t i = 0; i < count; i++) {
            size_t start = slot->fresh.text.size;

            slot->omitted += events[i].number - slot->seen - 1;
            slot->seen = events[i].number;
            if (!matches(milestones, &events[i]))
                continue;
            print_event(milestones, def, &events[i], &slot->fresh.text);
            fired_add(&slot->fresh, events[i].event_ms, start);
        }
}

static void milestones_collect(struct read *read, const struct partition *partition,
                               uint32_t number)
{
    struct milestones_read *milestones = (struct milestones_read *)read;
    struct milestones_slot *slot = &milestones->slots[number];
    const struct board_seasons *seasons = partition_seasons(partition, milestones->base.id);
    const struct board_def *def = NULL;

    fired_clear(&slot->fresh);
    slot->omitted = 0;
    if (seasons != NULL) /* of all seasons: a late event may fire in an older one */
        def = board_definition(board_seasons_current(seasons));
    slot->here = def != NULL && def->version == milestones->base.version;
    if (slot->here)
        collect_events(milestones, slot, seasons, def);
}

/* ---- merge ---- */

/* The next one of all partitions, or UINT32_MAX; `next` is how many were taken of each. */
static uint32_t oldest(const struct milestones_read *milestones, const uint32_t *next)
{
    uint32_t found = UINT32_MAX;

    for (uint32_t p = 0; p < milestones->base.read.partition_count; p++) {
        const struct fired_list *list = &milestones->slots[p].fresh;

        if (next[p] == list->count)
            continue;
        if (found == UINT32_MAX || list->items[next[p]].event_ms <
                                       milestones->slots[found].fresh.items[next[found]].event_ms)
            found = p;
    }
    return found;
}

/* In the order of time, as far as each partition's own order is that. */
static void unite(struct milestones_read *milestones)
{
    uint32_t *next = bytes_alloc_zero(milestones->base.read.partition_count, sizeof(*next));
    uint32_t p;

    fired_clear(&milestones->fresh);
    while ((p = oldest(milestones, next)) != UINT32_MAX)
        fired_copy(&milestones->fresh, &milestones->slots[p].fresh, next[p]++);
    free(next);
}

static void keep_recent(struct milestones_read *milestones)
{
    struct fired_list recent = {0};
    uint32_t total = milestones->recent.count + milestones->fresh.count;
    uint32_t skip = total > milestones->n ? total - milestones->n : 0;

    for (uint32_t i = skip; i < total; i++) {
        if (i < milestones->recent.count)
            fired_copy(&recent, &milestones->recent, i);
        else
            fired_copy(&recent, &milestones->fresh, i - milestones->recent.count);
    }
    fired_done(&milestones->recent);
    milestones->recent = recent;
}

static int milestones_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    struct milestones_read *milestones = (struct milestones_read *)read;
    bool here = false;

    milestones->omitted = 0;
    for (uint32_t i = 0; i < read->partition_count; i++) {
        here = here || milestones->slots[i].here;
        milestones->omitted += milestones->slots[i].omitted;
    }
    if (!here)
        return board_read_gone(&milestones->base, err);
    unite(milestones);
    if (milestones->fresh.count > 0)
        keep_recent(milestones);
    if (!milestones->began) { /* what fired before is no news */
        fired_clear(&milestones->fresh);
        milestones->omitted = 0;
    }
    milestones->began = true;
    *out_step = READ_DONE;
    return 0;
}

/* ---- print ---- */

static void print_told(const struct milestones_read *milestones, struct bytes *out)
{
    struct json_out json;

    json_out_init(&json, out);
    json_out_key(&json, "milestones");
    json_out_array(&json);
    for (uint32_t i = 0; i < milestones->fresh.count; i++) {
        const struct fired *fired = &milestones->fresh.items[i];

        json_out_raw(&json, (struct span){milestones->fresh.text.data + fired->start, fired->size});
    }
    json_out_array_end(&json);
    json_out_key(&json, "omitted");
    json_out_uint(&json, milestones->omitted);
}

static void milestones_print(struct read *read, struct answer *out_answer)
{
    struct milestones_read *milestones = (struct milestones_read *)read;
    struct json_out json;

    json_out_init(&json, &out_answer->head);
    board_read_print_head(&milestones->base, &json);
    out_answer->rows_name = "milestones";
    for (uint32_t i = milestones->recent.count; i-- > 0;) {
        const struct fired *fired = &milestones->recent.items[i];

        answer_row_begin(out_answer, (struct span){"", 0}, (struct span){"", 0});
        bytes_put(&out_answer->text, milestones->recent.text.data + fired->start, fired->size);
        answer_row_end(out_answer);
    }
    out_answer->tells = true;
    if (milestones->fresh.count > 0 || milestones->omitted > 0)
        print_told(milestones, &out_answer->told);
}

static const struct read_ops milestones_ops = {
    "board_milestones", milestones_collect, milestones_merge,
    milestones_print,   milestones_reset,   milestones_free,
};

int read_board_milestones_parse(struct read **out_read, const struct read_request *request,
                                struct err *err)
{
    static const char *const names[] = {"n", NULL};
    struct milestones_read *milestones = bytes_alloc_zero(1, sizeof(*milestones));
    uint64_t n;
    int rc;

    milestones->base.read.ops = &milestones_ops;
    milestones->base.read.partition_count = request->partition_count;
    milestones->slots = bytes_alloc_zero(request->partition_count, sizeof(milestones->slots[0]));
    rc = board_read_init(&milestones->base, request, names, BOARD_READ_BY_ANY, err);
    if (rc == 0)
        rc = read_params_uint(request, "n", N_DEFAULT, 0, MILESTONES_KEPT, NULL, &n, err);
    if (rc < 0) {
        milestones_free(&milestones->base.read);
        return rc;
    }
    milestones->n = (uint32_t)n;
    *out_read = &milestones->base.read;
    return 0;
}
