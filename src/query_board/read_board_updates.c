// SPDX-License-Identifier: Apache-2.0
/*
 * read_board_updates.c - boards/B/updates: whose score or place changed since it was last asked,
 * each with its old and its new rank.
 *
 * It takes two rounds. In the first, every partition lists what changed since the last time
 * (board/board_changes.h), and moves its place in the history: call the state before S0, and the
 * one now S1. The merge picks those that are or were nearest to the top, at most `limit`.
 *
 * In the second, every partition counts how many are better than the old and the new key of
 * each. Events go on being folded between the rounds, so what it counts is some later state S2.
 * But what changed from S1 to S2 has been noted too, and a count can be taken back over changes:
 *
 *     better in S1 = better in S2 + changes whose key in S1 is better - those whose key in S2 is
 *
 * and once more with the list of the first round for S0. So new ranks are those of S1, old ranks
 * those of S0, exactly, and an old rank is what was the new rank at the last time. To take many
 * counts back at once, they are sorted, and each change adds to all counts of worse keys by one
 * binary search.
 *
 * If a partition had to give up noting (too much changed), or has another board now (the next
 * season), old ranks can not be known. Then nothing is listed this time, what is known of the
 * number is in `omitted`, and it is said that this was `lost`.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/partition.h"
#include "query/answer.h"
#include "query_board/board_read.h"
#include "query/label_set.h"
#include "query/read_request.h"
#include "query_board/read_board.h"
#include "board/board.h"
#include "board/board_changes.h"

#define LIMIT_DEFAULT 1000

enum updates_phase { UPDATES_LIST, UPDATES_COUNT };

struct updates_slot {
    uint64_t follower; /* 0: the partition does not have the board yet */
    bool here;
    bool lost;
    uint64_t missed;
    uint64_t size;
    struct board_change_list list;  /* from S0 to S1 */
    struct board_change_list later; /* from S1 to S2 */
    uint32_t *nearest;              /* the changes that are nearest to the top, best first */
    uint32_t *nearest_labels;       /* the segments of those, among `labels` */
    uint32_t nearest_count;
    struct label_set labels;
    uint64_t *better; /* for each of the read's counts */
};

/* One member that is told about. */
struct updates_row {
    const struct board_change *change;
    struct span labels;
    uint64_t old_rank;
    uint64_t rank;
};

/* A count of who is better than a key: for a rank in S0 or in S1. */
struct updates_count {
    uint32_t row;
    bool is_old;
};

struct updates_read {
    struct board_read base; /* first */
    uint32_t limit;
    enum updates_phase phase;
    bool began; /* there is a last time */
    struct updates_slot *slots;
    struct updates_row *rows;
    uint32_t row_count;
    uint64_t omitted;
    bool lost;
    uint64_t size;
    struct updates_count *counts;
    uint32_t count_count;
};

static void updates_reset(struct read *read)
{
    struct updates_read *updates = (struct updates_read *)read;

    updates->phase = UPDATES_LIST;
    updates->row_count = 0;
    updates->count_count = 0;
    updates->omitted = 0;
    updates->lost = false;
}

static void updates_free(struct read *read)
{
    struct updates_read *updates = (struct updates_read *)read;

    for (uint32_t i = 0; updates->slots != NULL && i < read->partition_count; i++) {
        struct updates_slot *slot = &updates->slots[i];

        board_changes_list_done(&slot->list);
        board_changes_list_done(&slot->later);
        label_set_done(&slot->labels);
        free(slot->nearest);
        free(slot->nearest_labels);
        free(slot->better);
    }
    free(updates->slots);
    free(updates->rows);
    free(updates->counts);
    board_read_done(&updates->base);
    free(updates);
}

/* ---- which changes are told ---- */

/* The better one of where it stands and where it stood. */
static const struct rank_key *nearest_key(const struct board_change *change)
{
    if (!change->exists)
        return &change->old_key;
    if (!change->existed || rank_key_compare(&change->key, &change->old_key) < 0)
        return &change->key;
    return &change->old_key;
}

static bool is_nearer(const struct board_change *changes, uint32_t a, uint32_t b)
{
    return rank_key_compare(nearest_key(&changes[a]), nearest_key(&changes[b])) < 0;
}

/* Puts heap[at] where it belongs: the farthest is on top. */
static void sift_down(uint32_t *heap, uint32_t count, uint32_t at,
                      const struct board_change *changes)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        uint32_t moved = heap[at];

        if (child >= count)
            return;
        if (child + 1 < count && is_nearer(changes, heap[child], heap[child + 1]))
            child++;
        if (!is_nearer(changes, moved, heap[child]))
            return;
        heap[at] = heap[child];
        heap[child] = moved;
        at = child;
    }
}

/* Fills `nearest` with at most `limit` of the list, best first, by a heap of the best so far. */
static void pick_nearest(struct updates_slot *slot, uint32_t limit)
{
    const struct board_change *changes = slot->list.changes;
    uint32_t count = slot->list.count < limit ? slot->list.count : limit;

    slot->nearest = bytes_realloc(slot->nearest, (count + 1) * sizeof(slot->nearest[0]));
    slot->nearest_count = count;
    for (uint32_t i = 0; i < count; i++)
        slot->nearest[i] = i;
    for (uint32_t i = count / 2; i-- > 0;)
        sift_down(slot->nearest, count, i, changes);
    for (uint32_t i = count; i < slot->list.count; i++) {
        if (!is_nearer(changes, i, slot->nearest[0]))
            continue;
        slot->nearest[0] = i;
        sift_down(slot->nearest, count, 0, changes);
    }
    for (uint32_t left = count; left > 1; left--) {
        uint32_t farthest = slot->nearest[0];

        slot->nearest[0] = slot->nearest[left - 1];
        slot->nearest[left - 1] = farthest;
        sift_down(slot->nearest, left - 1, 0, changes);
    }
}

static bool matches(const struct updates_read *updates, const struct span *labels)
{
    for (uint32_t i = 0; i < updates->base.by_count; i++)
        if (updates->base.by_values[i].data != NULL &&
            !span_equal(updates->base.by_values[i], labels[i]))
            return false;
    return true;
}

/* Drops changes of segments that the question is not about. */
static void keep_matching(const struct updates_read *updates, const struct board *board,
                          struct board_change_list *list)
{
    uint32_t kept = 0;

    if (updates->base.by_given == 0)
        return;
    for (uint32_t i = 0; i < list->count; i++) {
        struct span labels[BY_FIELDS_MAX];

        board_segment_labels(board, list->changes[i].segment, labels);
        if (matches(updates, labels))
            list->changes[kept++] = list->changes[i];
    }
    list->count = kept;
}

/* ---- first round ---- */

static void list_changes(struct updates_read *updates, struct updates_slot *slot,
                         const struct board *board)
{
    slot->missed = 0;
    slot->lost = false;
    if (slot->follower == 0) {
        slot->follower = board_changes_follow(board);
        slot->lost = updates->began; /* how it stood at the last time is not known */
        return;
    }
    slot->lost = !board_changes_list(board, slot->follower, &slot->list);
    slot->missed = board_changes_take(board, slot->follower);
    if (slot->lost && slot->missed == 0) /* forgotten, or another board */
        slot->follower = board_changes_follow(board);
}

static bool is_one_segment(const struct updates_read *updates)
{
    return updates->base.by_given == updates->base.by_count;
}

/* Segment ids mean something in this partition only; labels mean the same everywhere. */
static void keep_labels(const struct updates_read *updates, struct updates_slot *slot,
                        const struct board *board)
{
    struct bytes tuple = {0};

    slot->nearest_labels =
        bytes_realloc(slot->nearest_labels, (slot->nearest_count + 1) * sizeof(uint32_t));
    label_set_clear(&slot->labels);
    for (uint32_t i = 0; i < slot->nearest_count; i++) {
        struct span labels[BY_FIELDS_MAX];

        bytes_clear(&tuple);
        board_segment_labels(board, slot->list.changes[slot->nearest[i]].segment, labels);
        label_set_encode(&tuple, labels, updates->base.by_count);
        slot->nearest_labels[i] = label_set_put(&slot->labels, bytes_span(&tuple));
    }
    bytes_done(&tuple);
}

static void collect_list(struct updates_read *updates, struct updates_slot *slot,
                         const struct board *board)
{
    slot->list.count = 0;
    list_changes(updates, slot, board);
    keep_matching(updates, board, &slot->list);
    pick_nearest(slot, updates->limit);
    keep_labels(updates, slot, board);
    if (is_one_segment(updates))
        slot->size = board_segment_size(board, board_segment_find(board, updates->base.by_values));
}

/* ---- second round ---- */

/* A count as a partition sees it. */
struct sorted_count {
    struct rank_key key;
    uint32_t segment;
    uint32_t index;
    int64_t back; /* what changes add to it, and to all worse ones of the segment */
};

static int compare_places(uint32_t segment_a, const struct rank_key *a, uint32_t segment_b,
                          const struct rank_key *b)
{
    if (segment_a != segment_b)
        return segment_a < segment_b ? -1 : 1;
    return rank_key_compare(a, b);
}

static int compare_counts(const void *a, const void *b)
{
    const struct sorted_count *left = a;
    const struct sorted_count *right = b;

    return compare_places(left->segment, &left->key, right->segment, &right->key);
}

/* Adds `delta` to the first count of the segment whose key is worse than `key`. */
static void put_back(struct sorted_count *counts, uint32_t count, uint32_t segment,
                     const struct rank_key *key, int64_t delta)
{
    uint32_t low = 0;
    uint32_t high = count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (compare_places(segment, key, counts[middle].segment, &counts[middle].key) < 0)
            high = middle;
        else
            low = middle + 1;
    }
    if (low < count && counts[low].segment == segment)
        counts[low].back += delta;
}

/* Takes sorted counts back over the changes of a list, into `better`. */
static void take_back(struct sorted_count *counts, uint32_t count,
                      const struct board_change_list *list, bool only_old,
                      const struct updates_read *updates, uint64_t *better)
{
    int64_t sum = 0;

    for (uint32_t i = 0; i < count; i++)
        counts[i].back = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct board_change *change = &list->changes[i];

        if (change->existed)
            put_back(counts, count, change->segment, &change->old_key, 1);
        if (change->exists)
            put_back(counts, count, change->segment, &change->key, -1);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 && counts[i].segment != counts[i - 1].segment)
            sum = 0;
        sum += counts[i].back;
        if (!only_old || updates->counts[counts[i].index].is_old)
            better[counts[i].index] += (uint64_t)sum;
    }
}

static uint32_t segment_of_row(const struct updates_read *updates, const struct board *board,
                               const struct updates_row *row)
{
    struct span labels[BY_FIELDS_MAX];

    label_set_decode(row->labels, labels, updates->base.by_count);
    return board_segment_find(board, labels);
}

static void collect_counts(struct updates_read *updates, struct updates_slot *slot,
                           const struct board *board)
{
    uint32_t count = updates->count_count;
    struct sorted_count *sorted = bytes_alloc((count + 1) * sizeof(*sorted));

    slot->better = bytes_realloc(slot->better, (count + 1) * sizeof(slot->better[0]));
    for (uint32_t i = 0; i < count; i++) {
        const struct updates_row *row = &updates->rows[updates->counts[i].row];

        sorted[i] = (struct sorted_count){
            .key = updates->counts[i].is_old ? row->change->old_key : row->change->key,
            .segment = segment_of_row(updates, board, row),
            .index = i,
        };
    }
    qsort(sorted, count, sizeof(sorted[0]), compare_counts);
    for (uint32_t i = 0; i < count; i++) /* in order: the way down the tree stays in the cache */
        slot->better[sorted[i].index] =
            board_count_better(board, sorted[i].segment, &sorted[i].key);
    if (board_changes_list(board, slot->follower, &slot->later))
        take_back(sorted, count, &slot->later, false, updates, slot->better);
    take_back(sorted, count, &slot->list, true, updates, slot->better);
    free(sorted);
}

static void updates_collect(struct read *read, const struct partition *partition, uint32_t number)
{
    struct updates_read *updates = (struct updates_read *)read;
    struct updates_slot *slot = &updates->slots[number];
    const struct board *board = board_read_board(&updates->base, partition);

    slot->here = board != NULL;
    if (board == NULL) {
        slot->list.count = slot->nearest_count = 0;
        slot->lost = false;
        slot->missed = slot->size = 0;
    } else if (updates->phase == UPDATES_LIST) {
        collect_list(updates, slot, board);
    } else {
        collect_counts(updates, slot, board);
    }
}

/* ---- merge ---- */

static int compare_rows(const void *a, const void *b)
{
    return rank_key_compare(nearest_key(((const struct updates_row *)a)->change),
                            nearest_key(((const struct updates_row *)b)->change));
}

/* Puts the partitions' rows together; false if old ranks can not be known. */
static bool pick_rows(struct updates_read *updates)
{
    uint32_t total = 0;

    for (uint32_t i = 0; i < updates->base.read.partition_count; i++) {
        struct updates_slot *slot = &updates->slots[i];

        total += slot->nearest_count;
        updates->omitted += slot->list.count + slot->missed;
        updates->lost = updates->lost || slot->lost;
    }
    if (updates->lost)
        return false;
    updates->rows = bytes_realloc(updates->rows, (total + 1) * sizeof(updates->rows[0]));
    for (uint32_t i = 0; i < updates->base.read.partition_count; i++) {
        struct updates_slot *slot = &updates->slots[i];

        for (uint32_t j = 0; j < slot->nearest_count; j++)
            updates->rows[updates->row_count++] = (struct updates_row){
                .change = &slot->list.changes[slot->nearest[j]],
                .labels = label_set_get(&slot->labels, slot->nearest_labels[j]),
            };
    }
    qsort(updates->rows, updates->row_count, sizeof(updates->rows[0]), compare_rows);
    if (updates->row_count > updates->limit)
        updates->row_count = updates->limit;
    updates->omitted -= updates->row_count;
    return updates->row_count > 0;
}

static void list_counts(struct updates_read *updates)
{
    updates->counts = bytes_realloc(updates->counts,
                                    (2 * (size_t)updates->row_count) * sizeof(updates->counts[0]));
    updates->count_count = 0;
    for (uint32_t i = 0; i < updates->row_count; i++) {
        if (updates->rows[i].change->existed)
            updates->counts[updates->count_count++] = (struct updates_count){i, true};
        if (updates->rows[i].change->exists)
            updates->counts[updates->count_count++] = (struct updates_count){i, false};
    }
}

static void sum_counts(struct updates_read *updates)
{
    for (uint32_t i = 0; i < updates->count_count; i++) {
        struct updates_row *row = &updates->rows[updates->counts[i].row];
        uint64_t *rank = updates->counts[i].is_old ? &row->old_rank : &row->rank;

        *rank = 1;
        for (uint32_t p = 0; p < updates->base.read.partition_count; p++)
            if (updates->slots[p].here)
                *rank += updates->slots[p].better[i];
    }
}

static int updates_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    struct updates_read *updates = (struct updates_read *)read;
    bool here = false;

    updates->size = 0;
    for (uint32_t i = 0; i < read->partition_count; i++) {
        here = here || updates->slots[i].here;
        updates->size += updates->slots[i].size;
    }
    if (!here)
        return board_read_gone(&updates->base, err);
    *out_step = READ_DONE;
    if (updates->phase == UPDATES_COUNT) {
        sum_counts(updates);
        return 0;
    }
    updates->began = true;
    if (pick_rows(updates)) {
        list_counts(updates);
        updates->phase = UPDATES_COUNT;
        *out_step = READ_AGAIN;
    }
    return 0;
}

/* ---- print ---- */

static void print_rank(struct json_out *json, const char *name, bool known, uint64_t rank)
{
    json_out_key(json, name);
    if (known)
        json_out_uint(json, rank);
    else
        json_out_null(json);
}

static void print_row(const struct updates_read *updates, const struct updates_row *row,
                      struct json_out *json)
{
    static const char *const old_names[] = {"old_score", "old_subscores"};
    const struct board_change *change = row->change;

    json_out_object(json);
    json_out_key(json, "member");
    json_out_string(json, change->key.member);
    if (!is_one_segment(updates)) {
        struct span labels[BY_FIELDS_MAX];

        label_set_decode(row->labels, labels, updates->base.by_count);
        json_out_key(json, "by");
        board_read_print_labels(&updates->base, labels, json);
    }
    board_read_print_score_as(&updates->base, old_names, change->old_score, &change->old_key, json);
    board_read_print_score(&updates->base, change->score, &change->key, json);
    print_rank(json, "old_rank", change->existed, row->old_rank);
    print_rank(json, "rank", change->exists, row->rank);
    json_out_key(json, "reached_at");
    if (change->exists)
        json_out_int(json, change->reached_ms);
    else
        json_out_null(json);
    json_out_object_end(json);
}

static void print_size(const struct updates_read *updates, struct json_out *json)
{
    if (!is_one_segment(updates))
        return;
    json_out_key(json, "size");
    json_out_uint(json, updates->size);
}

static void updates_print(struct read *read, struct answer *out_answer)
{
    struct updates_read *updates = (struct updates_read *)read;
    struct json_out json;

    json_out_init(&json, &out_answer->head);
    board_read_print_head(&updates->base, &json);
    print_size(updates, &json);
    out_answer->tells = true;
    if (updates->row_count == 0 && updates->omitted == 0 && !updates->lost)
        return;
    json_out_init(&json, &out_answer->told);
    if (updates->base.seasonal) {
        json_out_key(&json, "season");
        json_out_int(&json, updates->base.season_ms);
    }
    json_out_key(&json, "updates");
    json_out_array(&json);
    for (uint32_t i = 0; i < updates->row_count; i++)
        print_row(updates, &updates->rows[i], &json);
    json_out_array_end(&json);
    json_out_key(&json, "omitted");
    json_out_uint(&json, updates->omitted);
    json_out_key(&json, "lost");
    json_out_bool(&json, updates->lost);
    print_size(updates, &json);
}

static const struct read_ops updates_ops = {
    "board_updates", updates_collect, updates_merge, updates_print, updates_reset, updates_free,
};

int read_board_updates_parse(struct read **out_read, const struct read_request *request,
                             struct err *err)
{
    static const char *const names[] = {"limit", NULL};
    struct updates_read *updates = bytes_alloc_zero(1, sizeof(*updates));
    uint64_t limit;
    int rc;

    updates->base.read.ops = &updates_ops;
    updates->base.read.partition_count = request->partition_count;
    updates->slots = bytes_alloc_zero(request->partition_count, sizeof(updates->slots[0]));
    rc = board_read_init(&updates->base, request, names, BOARD_READ_BY_ANY, err);
    if (rc == 0)
        rc = read_params_uint(request, "limit", LIMIT_DEFAULT, 1, request->limits->page_entries_max,
                              "page_entries", &limit, err);
    if (rc < 0) {
        updates_free(&updates->base.read);
        return rc;
    }
    updates->limit = (uint32_t)limit;
    *out_read = &updates->base.read;
    return 0;
}
