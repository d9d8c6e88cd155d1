// SPDX-License-Identifier: Apache-2.0
/*
 * read_board_search.c - boards/B/members?search=carls: the best ranked members whose name has it.
 *
 * Every partition looks through all its entries, no more than a bounded number in each round so
 * that others get their turn, and keeps its n best hits. When all are through, the best n of all
 * are chosen, and one more round counts their ranks.
 *
 * A board that is split by other fields may be searched in one segment or in all; a rank is always
 * the one within the hit's own segment.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/partition.h"
#include "query/answer.h"
#include "query_board/board_read.h"
#include "query/label_set.h"
#include "query_board/rank_style.h"
#include "query/read_request.h"
#include "query_board/read_board.h"
#include "board/board.h"

#define HITS_DEFAULT 20
#define NEEDLE_BYTES_MAX 1024
#define SCAN_STEP 1024u /* entries that are looked at in one go */

enum search_phase { SEARCH_SCAN, SEARCH_COUNT };

struct search_slot {
    uint32_t next; /* cursor; BOARD_ENTRY_NONE: through */
    bool here;
    struct entry_list list;  /* the best hits so far; twice n at most */
    struct label_set labels; /* tuples of segments that have hits */
    uint64_t *better;        /* for each of the chosen hits */
};

struct search_read {
    struct board_read base; /* first */
    struct bytes needle;
    uint32_t n;
    enum rank_style style; /* not dense */
    enum search_phase phase;
    struct search_slot *slots;
    struct entry_item *hits; /* chosen; they refer to the slots' text */
    uint32_t hit_count;
};

static void search_reset(struct read *read)
{
    struct search_read *search = (struct search_read *)read;

    search->phase = SEARCH_SCAN;
    free(search->hits);
    search->hits = NULL;
    search->hit_count = 0;
    for (uint32_t i = 0; i < read->partition_count; i++) {
        search->slots[i].next = 0;
        search->slots[i].here = false;
        entry_list_clear(&search->slots[i].list);
        label_set_clear(&search->slots[i].labels);
        free(search->slots[i].better);
        search->slots[i].better = NULL;
    }
}

static void search_free(struct read *read)
{
    struct search_read *search = (struct search_read *)read;

    for (uint32_t i = 0; search->slots != NULL && i < read->partition_count; i++) {
        entry_list_done(&search->slots[i].list);
        label_set_done(&search->slots[i].labels);
        free(search->slots[i].better);
    }
    free(search->slots);
    free(search->hits);
    bytes_done(&search->needle);
    board_read_done(&search->base);
    free(search);
}

/* ---- collect ---- */

/* Drops all but the n best, when there are twice as many. */
static void prune(struct entry_list *list, uint32_t n)
{
    struct bytes text = {0};

    entry_list_seal(list);
    qsort(list->items, list->count, sizeof(list->items[0]), entry_item_compare);
    list->count = n;
    for (uint32_t i = 0; i < n; i++) {
        struct entry_item *item = &list->items[i];

        item->member_start = text.size;
        bytes_put(&text, item->key.member.data, item->key.member.size);
    }
    bytes_done(&list->text);
    list->text = text;
}

/* `rank` holds the id of the segment's labels for now. */
static void add_hits(struct search_read *search, struct search_slot *slot,
                     const struct board *board, const struct board_entry *entries, uint32_t count)
{
    struct bytes tuple = {0};

    for (uint32_t i = 0; i < count; i++) {
        struct span labels[BY_FIELDS_MAX];

        board_segment_labels(board, entries[i].segment, labels);
        bytes_clear(&tuple);
        label_set_encode(&tuple, labels, search->base.by_count);
        entry_list_add(&slot->list, &entries[i])->rank =
            label_set_put(&slot->labels, bytes_span(&tuple));
        if (slot->list.count >= 2 * search->n)
            prune(&slot->list, search->n);
    }
    bytes_done(&tuple);
}

static void scan(struct search_read *search, struct search_slot *slot, const struct board *board,
                 uint32_t segment)
{
    struct board_entry *entries = bytes_alloc(SCAN_STEP * sizeof(*entries));
    uint32_t looked = 0;

    while (slot->next != BOARD_ENTRY_NONE && looked < search->base.limits.scan_entries_max) {
        uint32_t count = board_search(board, segment, bytes_span(&search->needle), slot->next,
                                      SCAN_STEP, entries, SCAN_STEP, &slot->next);

        add_hits(search, slot, board, entries, count);
        looked += SCAN_STEP;
    }
    free(entries);
}

static void count_better(struct search_read *search, struct search_slot *slot,
                         const struct board *board)
{
    if (slot->better == NULL)
        slot->better = bytes_alloc((search->hit_count + 1) * sizeof(slot->better[0]));
    for (uint32_t i = 0; i < search->hit_count; i++) {
        const struct entry_item *hit = &search->hits[i];
        struct span labels[BY_FIELDS_MAX];
        uint32_t segment;

        label_set_decode(hit->labels, labels, search->base.by_count);
        segment = board_segment_find(board, labels);
        slot->better[i] = search->style == RANK_COMPETITION
                              ? board_count_better_level(board, segment, &hit->key)
                              : board_count_better(board, segment, &hit->key);
    }
}

static void search_collect(struct read *read, const struct partition *partition, uint32_t number)
{
    struct search_read *search = (struct search_read *)read;
    struct search_slot *slot = &search->slots[number];
    const struct board *board = board_read_board(&search->base, partition);
    uint32_t segment = BOARD_SEGMENT_ANY;

    slot->here = board != NULL;
    if (board == NULL) {
        slot->next = BOARD_ENTRY_NONE;
        free(slot->better);
        slot->better = NULL;
        return;
    }
    if (search->phase == SEARCH_COUNT) {
        count_better(search, slot, board);
        return;
    }
    if (search->base.by_count > 0 && search->base.by_given > 0)
        segment = board_segment_find(board, search->base.by_values);
    if (segment == BOARD_SEGMENT_NONE && search->base.by_given > 0)
        slot->next = BOARD_ENTRY_NONE;
    else
        scan(search, slot, board, segment);
    entry_list_seal(&slot->list);
}

/* ---- merge ---- */

static void choose(struct search_read *search)
{
    uint32_t slot_count = search->base.read.partition_count;

    for (uint32_t i = 0; i < slot_count; i++) {
        struct search_slot *slot = &search->slots[i];

        for (uint32_t j = 0; j < slot->list.count; j++)
            slot->list.items[j].labels =
                label_set_get(&slot->labels, (uint32_t)slot->list.items[j].rank);
    }
    search->hits = entry_list_merge(&search->slots[0].list, sizeof(search->slots[0]), slot_count,
                                    &search->hit_count);
    /* A single list comes unsorted. */
    qsort(search->hits, search->hit_count, sizeof(search->hits[0]), entry_item_compare);
    if (search->hit_count > search->n)
        search->hit_count = search->n;
}

static void sum_ranks(struct search_read *search)
{
    for (uint32_t i = 0; i < search->hit_count; i++) {
        search->hits[i].rank = 1;
        for (uint32_t p = 0; p < search->base.read.partition_count; p++)
            if (search->slots[p].better != NULL)
                search->hits[i].rank += search->slots[p].better[i];
    }
}

static int search_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    struct search_read *search = (struct search_read *)read;
    bool here = false;
    bool through = true;

    for (uint32_t i = 0; i < read->partition_count; i++) {
        here = here || search->slots[i].here;
        through = through && search->slots[i].next == BOARD_ENTRY_NONE;
    }
    if (!here)
        return board_read_gone(&search->base, err);
    *out_step = READ_AGAIN;
    if (search->phase == SEARCH_COUNT) {
        sum_ranks(search);
        *out_step = READ_DONE;
    } else if (through) {
        choose(search);
        search->phase = SEARCH_COUNT;
        if (search->hit_count == 0)
            *out_step = READ_DONE;
    }
    return 0;
}

/* A member stands in several segments: the key of a row holds its labels too then. */
static void print_hit(const struct search_read *search, const struct entry_item *hit,
                      struct bytes *key, struct answer *out_answer)
{
    bool all = search->base.by_given < search->base.by_count;
    struct span labels[BY_FIELDS_MAX];
    struct json_out json;

    bytes_clear(key);
    bytes_put(key, hit->key.member.data, hit->key.member.size);
    label_set_decode(hit->labels, labels, search->base.by_count);
    for (uint32_t i = 0; all && i < search->base.by_count; i++) {
        bytes_put_char(key, '\n');
        bytes_put(key, labels[i].data, labels[i].size);
    }
    answer_row_begin(out_answer, (struct span){"", 0}, bytes_span(key));
    json_out_init(&json, &out_answer->text);
    json_out_object(&json);
    json_out_key(&json, "member");
    json_out_string(&json, hit->key.member);
    if (all) {
        json_out_key(&json, "by");
        board_read_print_labels(&search->base, labels, &json);
    }
    board_read_print_score(&search->base, hit->score, &hit->key, &json);
    json_out_key(&json, "rank");
    json_out_uint(&json, hit->rank);
    json_out_object_end(&json);
    answer_row_end(out_answer);
}

static void search_print(struct read *read, struct answer *out_answer)
{
    struct search_read *search = (struct search_read *)read;
    struct bytes key = {0};
    struct json_out json;

    json_out_init(&json, &out_answer->head);
    board_read_print_head(&search->base, &json);
    json_out_key(&json, "search");
    json_out_string(&json, bytes_span(&search->needle));
    json_out_key(&json, "ranks");
    json_out_text(&json, rank_style_text(search->style));
    out_answer->rows_name = "members";
    for (uint32_t i = 0; i < search->hit_count; i++)
        print_hit(search, &search->hits[i], &key, out_answer);
    bytes_done(&key);
}

static const struct read_ops search_ops = {
    "board_search", search_collect, search_merge, search_print, search_reset, search_free,
};

static int parse_needle(struct search_read *search, const struct read_request *request,
                        struct err *err)
{
    struct span needle;

    if (!read_params_find(request, "search", &needle))
        return err_set(err, ERR_INVALID,
                       "say what to look for, as in boards/%s/members?search=ann; or name one "
                       "member, as in boards/%s/members/Ann",
                       search->base.name, search->base.name);
    if (needle.size > NEEDLE_BYTES_MAX)
        return err_set(err, ERR_INVALID, "search: longer than %d bytes", NEEDLE_BYTES_MAX);
    bytes_reserve(&search->needle, needle.size + 1);
    bytes_put(&search->needle, needle.data, needle.size);
    return 0;
}

int read_board_search_parse(struct read **out_read, const struct read_request *request,
                            struct err *err)
{
    static const char *const names[] = {"search", "n", "ranks", NULL};
    struct search_read *search = bytes_alloc_zero(1, sizeof(*search));
    uint64_t n;
    int rc;

    search->base.read.ops = &search_ops;
    search->base.read.partition_count = request->partition_count;
    search->slots = bytes_alloc_zero(request->partition_count, sizeof(search->slots[0]));
    rc = board_read_init(&search->base, request, names, BOARD_READ_BY_ALL_OR_NONE, err);
    if (rc == 0)
        rc = parse_needle(search, request, err);
    if (rc == 0)
        rc = rank_style_parse_counted(request, search->base.style, &search->style, err);
    if (rc == 0)
        rc = read_params_uint(request, "n", HITS_DEFAULT, 1, request->limits->search_results_max,
                              "search_results", &n, err);
    if (rc < 0) {
        search_free(&search->base.read);
        return rc;
    }
    search->n = (uint32_t)n;
    search_reset(&search->base.read);
    *out_read = &search->base.read;
    return 0;
}
