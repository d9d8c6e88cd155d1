// SPDX-License-Identifier: Apache-2.0
/*
 * read_board_top.c - boards/B/top: a page of a board, from any depth, exact over all partitions;
 * and boards/B/count: how many entries there are in a range of scores.
 *
 * Near the top every partition gives its first offset + n entries, and the page is cut out of
 * their merge. Deeper, that would copy everything above the page, so first the place is found in
 * every partition where the page begins (its "start": how many of its entries are among the first
 * `offset` of all):
 *
 *   - A partition's start lies within [low, high). In each round it gives SAMPLES keys, evenly
 *     spaced over that range, with their local ranks.
 *   - For any key x, the samples bound how many entries of a partition are better than x: more
 *     than the rank of its last sample that is better, no more than the rank of its next one. The
 *     sums over partitions bound x's own rank.
 *   - The worst sample that is surely within the first `offset` gives the new lows, the best one
 *     that is surely not the new highs. So ranges shrink to about 6 / SAMPLES of what they were.
 *
 * When all ranges together are small, every partition gives its range and n more.
 *
 * A page within a range of scores begins with a round in which all count how many entries are
 * better than the range, and how many are in it; then its place is known, and the rest is as above.
 */
#include "query_board/read_board_top.h"

#include <assert.h>
#include <stdlib.h>

#include "base/json.h"
#include "engine/partition.h"
#include "query/answer.h"
#include "query_board/board_read.h"
#include "query_board/rank_style.h"
#include "query/read_request.h"
#include "query_board/read_board.h"
#include "board/board.h"

#define SAMPLES 128u
#define NARROW_MIN 1024u /* ranges that are smaller together are read at once */
#define SELECT_ROUNDS_MAX 16
#define PAGE_DEFAULT 10

enum top_phase { TOP_RANGE, TOP_SELECT, TOP_FETCH, TOP_RANK };

struct top_slot {
    struct entry_list list; /* samples, or entries */
    uint64_t low;
    uint64_t high;
    uint64_t better; /* than the range of scores */
    uint64_t within;
    uint32_t size;
    bool here;
};

/* A bound of the search: a key, copied. */
struct top_bound {
    bool set;
    struct rank_key key;
    struct bytes member;
};

struct top_read {
    struct board_read base; /* first */
    uint64_t offset;
    uint32_t n;
    bool is_count; /* no page, only how many are in the range */
    struct board_range range;
    enum rank_style style;
    bool percentile;
    enum top_phase phase;
    uint32_t select_rounds;
    struct top_slot *slots;
    struct top_bound inside;  /* among the first `offset`, or the first of the page */
    struct top_bound outside; /* the first of the page, or worse */
    struct rank_style_count count;
    uint64_t size;
    uint64_t within;          /* entries in the range */
    uint64_t start;           /* how many stand before the page */
    uint32_t room;            /* how many the page may have */
    struct entry_item *items; /* the page */
    uint32_t item_count;
};

/*
 * Where the page begins is known: after `better` entries and `offset` more, of which there are
 * `within`.
 */
static void find_start(struct top_read *top)
{
    uint32_t slot_count = top->base.read.partition_count;
    uint64_t better = 0;

    for (uint32_t i = 0; i < slot_count; i++) {
        struct top_slot *slot = &top->slots[i];
        uint64_t skipped = top->offset < slot->within ? top->offset : slot->within;

        better += slot->better;
        slot->high = slot->better + skipped;
        /* Ranges of one partition need no search: its start is the offset itself. */
        slot->low = slot_count == 1 ? slot->high : slot->better;
    }
    top->start = better + top->offset;
    top->phase = top->offset <= NARROW_MIN + top->n || slot_count == 1 ? TOP_FETCH : TOP_SELECT;
}

static void top_reset(struct read *read)
{
    struct top_read *top = (struct top_read *)read;

    for (uint32_t i = 0; i < read->partition_count; i++) {
        top->slots[i].better = 0;
        top->slots[i].within = UINT64_MAX;
    }
    top->room = top->n;
    find_start(top);
    if (top->range.given || top->is_count)
        top->phase = TOP_RANGE;
    top->select_rounds = 0;
    top->inside.set = false;
    top->outside.set = false;
    free(top->items);
    top->items = NULL;
    top->item_count = 0;
}

static void top_free(struct read *read)
{
    struct top_read *top = (struct top_read *)read;

    for (uint32_t i = 0; top->slots != NULL && i < read->partition_count; i++)
        entry_list_done(&top->slots[i].list);
    free(top->slots);
    free(top->items);
    bytes_done(&top->inside.member);
    bytes_done(&top->outside.member);
    rank_style_count_done(&top->count);
    board_read_done(&top->base);
    free(top);
}

/* ---- collect ---- */

static void collect_samples(struct top_slot *slot, const struct board *board, uint32_t segment)
{
    uint64_t width = slot->high - slot->low;
    uint64_t count = width < SAMPLES ? width : SAMPLES;

    for (uint64_t i = 0; i < count; i++) {
        uint64_t rank = slot->low + width * i / count;
        struct board_entry entry;

        if (board_run(board, segment, (uint32_t)rank, 1, &entry) == 1)
            entry_list_add(&slot->list, &entry)->rank = rank;
    }
}

static void collect_entries(struct top_slot *slot, const struct board *board, uint32_t segment,
                            uint32_t n)
{
    uint64_t left = slot->size - slot->low;
    uint64_t wanted = slot->high - slot->low + n;
    uint32_t count = (uint32_t)(wanted < left ? wanted : left);
    struct board_entry *entries = bytes_alloc((count + 1) * sizeof(*entries));

    count = board_run(board, segment, (uint32_t)slot->low, count, entries);
    for (uint32_t i = 0; i < count; i++)
        entry_list_add(&slot->list, &entries[i]);
    free(entries);
}

static void top_collect(struct read *read, const struct partition *partition, uint32_t number)
{
    struct top_read *top = (struct top_read *)read;
    struct top_slot *slot = &top->slots[number];
    uint32_t segment;
    const struct board *board = board_read_segment(&top->base, partition, &segment);

    if (top->phase == TOP_RANK) {
        rank_style_count_collect(&top->count, number, board, segment);
        return;
    }
    entry_list_clear(&slot->list);
    slot->here = board != NULL;
    slot->size = board != NULL ? board_segment_size(board, segment) : 0;
    if (top->phase == TOP_RANGE) {
        slot->better = slot->within = 0;
        if (board != NULL) {
            struct board_range_keys keys = board_range_keys(&top->range, &top->base);

            board_range_count(&keys, board, segment, &slot->better, &slot->within);
        }
        return;
    }
    if (slot->high > slot->size)
        slot->high = slot->size;
    if (slot->low > slot->high)
        slot->low = slot->high;
    if (slot->size == 0)
        return;
    if (top->phase == TOP_SELECT)
        collect_samples(slot, board, segment);
    else
        collect_entries(slot, board, segment, top->n);
    entry_list_seal(&slot->list);
}

/* ---- merge: narrowing ---- */

/* For every partition, how many of its entries are better than a key, at least and at most. */
struct top_bounds {
    uint64_t *low;
    uint64_t *high;
};

static void set_bound(struct top_bound *bound, const struct rank_key *key)
{
    bound->set = true;
    bound->key = *key;
    bytes_clear(&bound->member);
    bytes_put(&bound->member, key->member.data, key->member.size);
    bound->key.member = bytes_span(&bound->member);
}

static bool within_bounds(const struct top_read *top, const struct rank_key *key)
{
    return (!top->inside.set || rank_key_compare(key, &top->inside.key) >= 0) &&
           (!top->outside.set || rank_key_compare(key, &top->outside.key) <= 0);
}

/* The worst sample whose rank is surely `start` or less; its lower bounds are the new lows. */
static void raise_lows(struct top_read *top, const struct entry_item *samples, uint32_t count,
                       uint64_t *next)
{
    uint32_t slot_count = top->base.read.partition_count;
    uint64_t at_most = 0;
    uint32_t found = UINT32_MAX;

    /* From the worst to the best: next[p] is the rank of p's next sample that is not better. */
    for (uint32_t p = 0; p < slot_count; p++) {
        next[p] = top->slots[p].high;
        at_most += next[p];
    }
    for (uint32_t i = count; i-- > 0 && found == UINT32_MAX;) {
        const struct entry_item *sample = &samples[i];

        at_most = at_most - next[sample->slot] + sample->rank;
        next[sample->slot] = sample->rank;
        if (at_most <= top->start && within_bounds(top, &sample->key))
            found = i;
    }
    if (found == UINT32_MAX)
        return;
    for (uint32_t i = 0; i < found; i++)
        if (samples[i].rank + 1 > top->slots[samples[i].slot].low)
            top->slots[samples[i].slot].low = samples[i].rank + 1;
    if (samples[found].rank > top->slots[samples[found].slot].low)
        top->slots[samples[found].slot].low = samples[found].rank;
    set_bound(&top->inside, &samples[found].key);
}

/* The best sample whose rank is surely `start` or more; its upper bounds are the new highs. */
static void lower_highs(struct top_read *top, const struct entry_item *samples, uint32_t count,
                        uint64_t *seen)
{
    uint32_t slot_count = top->base.read.partition_count;
    uint64_t at_least = 0;
    uint32_t found = UINT32_MAX;

    for (uint32_t p = 0; p < slot_count; p++) {
        seen[p] = top->slots[p].low;
        at_least += seen[p];
    }
    for (uint32_t i = 0; i < count && found == UINT32_MAX; i++) {
        const struct entry_item *sample = &samples[i];

        /* The sample itself is not better than itself. */
        if (sample->rank > seen[sample->slot]) {
            at_least += sample->rank - seen[sample->slot];
            seen[sample->slot] = sample->rank;
        }
        if (at_least >= top->start && within_bounds(top, &sample->key))
            found = i;
        if (sample->rank + 1 > seen[sample->slot]) {
            at_least += sample->rank + 1 - seen[sample->slot];
            seen[sample->slot] = sample->rank + 1;
        }
    }
    if (found == UINT32_MAX)
        return;
    for (uint32_t i = count; i-- > found;)
        if (samples[i].rank < top->slots[samples[i].slot].high)
            top->slots[samples[i].slot].high = samples[i].rank;
    set_bound(&top->outside, &samples[found].key);
}

static uint64_t ranges_total(const struct top_read *top)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < top->base.read.partition_count; i++)
        if (top->slots[i].high > top->slots[i].low)
            total += top->slots[i].high - top->slots[i].low;
    return total;
}

static void narrow(struct top_read *top)
{
    uint32_t slot_count = top->base.read.partition_count;
    uint64_t before = ranges_total(top);
    uint64_t *scratch = bytes_alloc(slot_count * sizeof(*scratch));
    struct entry_item *samples;
    uint32_t count;

    for (uint32_t i = 0; i < slot_count; i++)
        for (uint32_t j = 0; j < top->slots[i].list.count; j++)
            top->slots[i].list.items[j].slot = i;
    samples = entry_list_merge(&top->slots[0].list, sizeof(top->slots[0]), slot_count, &count);
    raise_lows(top, samples, count, scratch);
    lower_highs(top, samples, count, scratch);
    free(samples);
    free(scratch);
    if (ranges_total(top) <= NARROW_MIN + 16 * slot_count + top->n)
        top->phase = TOP_FETCH;
    else if (++top->select_rounds >= SELECT_ROUNDS_MAX || ranges_total(top) >= before)
        top->phase = TOP_FETCH; /* what is folded meanwhile moves faster than we narrow */
}

/* ---- merge: the page ---- */

/* Returns whether ranks stand already. */
static bool cut_page(struct top_read *top)
{
    uint32_t slot_count = top->base.read.partition_count;
    struct board_range_keys keys = board_range_keys(&top->range, &top->base);
    uint64_t before = 0;
    uint64_t skip;
    uint32_t count;

    for (uint32_t i = 0; i < slot_count; i++)
        before += top->slots[i].low;
    skip = top->start > before ? top->start - before : 0;
    top->items = entry_list_merge(&top->slots[0].list, sizeof(top->slots[0]), slot_count, &count);
    /* What was folded since the range was counted may have come in between. */
    while (skip < count && top->items[skip].key.score < keys.from)
        skip++;
    if (skip >= count) {
        top->item_count = 0;
        return true;
    }
    top->item_count = count - (uint32_t)skip;
    if (top->item_count > top->room)
        top->item_count = top->room;
    memmove(top->items, top->items + skip, top->item_count * sizeof(top->items[0]));
    while (top->item_count > 0 && !keys.open &&
           top->items[top->item_count - 1].key.score >= keys.end)
        top->item_count--;
    return top->item_count == 0 ||
           rank_style_count_begin(&top->count, &top->items[0].key, top->start);
}

/* Returns whether that is all: a count, or a page behind the end of the range. */
static bool take_range(struct top_read *top)
{
    top->within = 0;
    for (uint32_t i = 0; i < top->base.read.partition_count; i++)
        top->within += top->slots[i].within;
    if (top->is_count || top->offset >= top->within)
        return true;
    if (top->within - top->offset < top->room)
        top->room = (uint32_t)(top->within - top->offset);
    find_start(top);
    return false;
}

static int top_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    struct top_read *top = (struct top_read *)read;
    bool here = false;

    *out_step = READ_AGAIN;
    if (top->phase == TOP_RANK) {
        if (rank_style_count_merge(&top->count))
            *out_step = READ_DONE;
        return 0;
    }
    top->size = 0;
    for (uint32_t i = 0; i < read->partition_count; i++) {
        here = here || top->slots[i].here;
        top->size += top->slots[i].size;
    }
    if (!here)
        return board_read_gone(&top->base, err);
    if (top->phase == TOP_RANGE) {
        if (take_range(top))
            *out_step = READ_DONE;
        return 0;
    }
    if (top->start >= top->size) {
        *out_step = READ_DONE; /* the page is behind the end */
        return 0;
    }
    if (top->phase == TOP_SELECT) {
        narrow(top);
        return 0;
    }
    if (cut_page(top))
        *out_step = READ_DONE;
    else
        top->phase = TOP_RANK;
    return 0;
}

static void top_print(struct read *read, struct answer *out_answer)
{
    struct top_read *top = (struct top_read *)read;
    struct json_out json;

    json_out_init(&json, &out_answer->head);
    board_read_print_head(&top->base, &json);
    json_out_key(&json, "size");
    json_out_uint(&json, top->size);
    if (top->range.given || top->is_count) {
        json_out_key(&json, "count");
        json_out_uint(&json, top->within);
    }
    if (top->is_count)
        return;
    json_out_key(&json, "ranks");
    json_out_text(&json, rank_style_text(top->style));
    out_answer->rows_name = "entries";
    rank_style_print(&top->count, &top->base, top->items, top->item_count, top->start,
                     top->percentile ? top->size : 0, out_answer);
}

static const struct read_ops top_ops = {
    "board_top", top_collect, top_merge, top_print, top_reset, top_free,
};

static int parse_page(struct top_read *top, const struct read_request *request, struct err *err)
{
    uint64_t n;
    int rc = read_params_uint(request, "n", PAGE_DEFAULT, 1, request->limits->page_entries_max,
                              "page_entries", &n, err);

    if (rc == 0)
        rc = read_params_uint(request, "offset", 0, 0, UINT32_MAX, NULL, &top->offset, err);
    if (rc == 0)
        rc = rank_style_parse(request, top->base.style, &top->style, err);
    if (rc == 0)
        rc = read_params_bool(request, "percentile", &top->percentile, err);
    if (rc == 0)
        top->n = (uint32_t)n;
    return rc;
}

static int parse(struct read **out_read, const struct read_request *request, bool is_count,
                 struct err *err)
{
    static const char *const page_names[] = {"n",   "offset", "ranks", "percentile", "min",
                                             "max", "above",  "below", NULL};
    static const char *const count_names[] = {"min", "max", "above", "below", NULL};
    struct top_read *top = bytes_alloc_zero(1, sizeof(*top));
    int rc;

    top->base.read.ops = &top_ops;
    top->base.read.partition_count = request->partition_count;
    top->is_count = is_count;
    top->slots = bytes_alloc_zero(request->partition_count, sizeof(top->slots[0]));
    rc = board_read_init(&top->base, request, is_count ? count_names : page_names,
                         BOARD_READ_BY_ALL, err);
    if (rc == 0)
        rc = board_read_range(&top->base, request, &top->range, err);
    if (rc == 0 && !is_count)
        rc = parse_page(top, request, err);
    if (rc < 0) {
        top_free(&top->base.read);
        return rc;
    }
    rank_style_count_init(&top->count, top->style, top->base.subscore_count,
                          request->partition_count, request->limits->scan_entries_max);
    top_reset(&top->base.read);
    *out_read = &top->base.read;
    return 0;
}

int read_board_top_parse(struct read **out_read, const struct read_request *request,
                         struct err *err)
{
    return parse(out_read, request, false, err);
}

int read_board_count_parse(struct read **out_read, const struct read_request *request,
                           struct err *err)
{
    return parse(out_read, request, true, err);
}

/* ---- read_board_top.h ---- */

struct read *read_board_top_new(const struct board_place *place, const struct board_range *range,
                                uint64_t offset, uint32_t n)
{
    struct top_read *top = bytes_alloc_zero(1, sizeof(*top));

    top->base.read.ops = &top_ops;
    board_read_place(&top->base, place);
    top->is_count = n == 0;
    top->slots = bytes_alloc_zero(place->partition_count, sizeof(top->slots[0]));
    top->offset = offset;
    top->n = n;
    top->style = RANK_ORDINAL; /* so no scores have to be counted */
    if (range != NULL)
        top->range = *range;
    rank_style_count_init(&top->count, top->style, top->base.subscore_count, place->partition_count,
                          1);
    top_reset(&top->base.read);
    return board_read_seasoned(&top->base.read);
}

void read_board_top_get(struct read *read, struct board_page *out_page)
{
    const struct top_read *top = (const struct top_read *)board_read_inner(read);

    assert(top->base.read.ops == &top_ops);
    *out_page = (struct board_page){
        .size = top->size,
        .within = top->within,
        .items = top->items,
        .count = top->item_count,
    };
}
