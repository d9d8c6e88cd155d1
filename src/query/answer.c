// SPDX-License-Identifier: Apache-2.0
/*
 * answer.c - see answer.h.
 *
 * The difference of two answers is taken by walking both at once: rows mostly keep their order, so
 * most of them meet their older selves without being looked up. Only what lies between the common
 * beginning and the common end goes through a hash table of the old rows.
 */
#include "query/answer.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/json.h"

void answer_done(struct answer *answer)
{
    if (answer == NULL)
        return;
    bytes_done(&answer->head);
    bytes_done(&answer->text);
    bytes_done(&answer->told);
    free(answer->rows);
    *answer = (struct answer){0};
}

static struct span row_group(const struct answer *answer, uint32_t i)
{
    const struct answer_row *row = &answer->rows[i];

    return (struct span){answer->text.data + row->group_start, row->group_size};
}

static struct span row_key(const struct answer *answer, uint32_t i)
{
    const struct answer_row *row = &answer->rows[i];

    return (struct span){answer->text.data + row->key_start, row->key_size};
}

static struct span row_json(const struct answer *answer, uint32_t i)
{
    const struct answer_row *row = &answer->rows[i];

    return (struct span){answer->text.data + row->json_start, row->json_size};
}

void answer_row_begin(struct answer *answer, struct span group, struct span key)
{
    struct answer_row row = {.group_size = (uint32_t)group.size, .key_size = (uint32_t)key.size};

    if (answer->row_count == answer->row_capacity) {
        answer->row_capacity = answer->row_capacity > 0 ? answer->row_capacity * 2 : 32;
        answer->rows = bytes_realloc(answer->rows, answer->row_capacity * sizeof(answer->rows[0]));
    }
    if (answer->row_count > 0 && span_equal(row_group(answer, answer->row_count - 1), group)) {
        row.group_start = answer->rows[answer->row_count - 1].group_start;
    } else {
        row.group_start = answer->text.size;
        bytes_put(&answer->text, group.data, group.size);
    }
    row.key_start = answer->text.size;
    bytes_put(&answer->text, key.data, key.size);
    row.json_start = answer->text.size;
    answer->rows[answer->row_count] = row;
}

void answer_row_end(struct answer *answer)
{
    struct answer_row *row = &answer->rows[answer->row_count];
    uint64_t size = answer->text.size - row->json_start;

    assert(size > 0 && size <= UINT32_MAX);
    row->json_size = (uint32_t)size;
    answer->row_count++;
}

/* ---- printing ---- */

static void put_span(struct bytes *out, struct span span)
{
    bytes_put(out, span.data, span.size);
}

/* Writes rows as `[…]`, or `[{"labels":…,"points":[…]}]` as groups change. */
struct row_list {
    struct bytes *out;
    const struct answer *answer;
    uint32_t count;
    uint32_t last; /* the row that was written last */
};

static void row_list_put(struct row_list *list, uint32_t i)
{
    const struct answer *answer = list->answer;
    bool grouped = answer->rows[i].group_size > 0;
    bool same =
        list->count > 0 && answer->rows[i].group_start == answer->rows[list->last].group_start;

    if (grouped && !same) {
        bytes_put_text(list->out, list->count > 0 ? "]},{\"labels\":" : "{\"labels\":");
        put_span(list->out, row_group(answer, i));
        bytes_put_text(list->out, ",\"points\":[");
    } else if (list->count > 0) {
        bytes_put_char(list->out, ',');
    }
    put_span(list->out, row_json(answer, i));
    list->last = i;
    list->count++;
}

static void row_list_end(struct row_list *list)
{
    if (list->count > 0 && list->answer->rows[list->last].group_size > 0)
        bytes_put_text(list->out, "]}");
}

void answer_print(const struct answer *answer, struct bytes *out)
{
    struct row_list list = {.out = out, .answer = answer};

    bytes_reserve(out, answer->head.size + answer->text.size + answer->row_count + 64);
    bytes_put_char(out, '{');
    put_span(out, bytes_span(&answer->head));
    if (answer->rows_name != NULL) {
        if (answer->head.size > 0)
            bytes_put_char(out, ',');
        json_put_string(out, span_of(answer->rows_name));
        bytes_put_text(out, ":[");
        for (uint32_t i = 0; i < answer->row_count; i++)
            row_list_put(&list, i);
        row_list_end(&list);
        bytes_put_char(out, ']');
    }
    bytes_put_char(out, '}');
}

void answer_print_ndjson(const struct answer *answer, struct bytes *out)
{
    if (answer->rows_name == NULL) {
        answer_print(answer, out);
        bytes_put_char(out, '\n');
        return;
    }
    for (uint32_t i = 0; i < answer->row_count; i++) {
        if (answer->rows[i].group_size == 0) {
            put_span(out, row_json(answer, i));
        } else {
            bytes_put_text(out, "{\"labels\":");
            put_span(out, row_group(answer, i));
            bytes_put_text(out, ",\"point\":");
            put_span(out, row_json(answer, i));
            bytes_put_char(out, '}');
        }
        bytes_put_char(out, '\n');
    }
}

/* ---- differences ---- */

static bool same_row(const struct answer *a, uint32_t i, const struct answer *b, uint32_t j)
{
    return span_equal(row_key(a, i), row_key(b, j)) && span_equal(row_group(a, i), row_group(b, j));
}

/* The rows [start, end) of an answer, found by group and key. */
struct row_index {
    const struct answer *answer;
    uint32_t *slots; /* row + 1; 0 is free */
    uint32_t mask;
};

static uint64_t row_hash(const struct answer *answer, uint32_t i)
{
    struct span group = row_group(answer, i);
    struct span key = row_key(answer, i);
    uint64_t hash = hash_bytes(key.data, key.size);

    return group.size > 0 ? hash_mix(hash, hash_bytes(group.data, group.size)) : hash;
}

static void row_index_init(struct row_index *index, const struct answer *answer, uint32_t start,
                           uint32_t end)
{
    uint32_t slot_count = 16;

    while (slot_count < (end - start) * UINT64_C(2))
        slot_count *= 2;
    *index =
        (struct row_index){answer, bytes_alloc_zero(slot_count, sizeof(uint32_t)), slot_count - 1};
    for (uint32_t i = start; i < end; i++) {
        uint32_t at = (uint32_t)row_hash(answer, i) & index->mask;

        while (index->slots[at] != 0)
            at = (at + 1) & index->mask;
        index->slots[at] = i + 1;
    }
}

/* The row of the index that is the older self of row `i`, or UINT32_MAX. */
static uint32_t row_index_find(const struct row_index *index, const struct answer *answer,
                               uint32_t i)
{
    uint32_t at = (uint32_t)row_hash(answer, i) & index->mask;

    for (; index->slots[at] != 0; at = (at + 1) & index->mask)
        if (same_row(index->answer, index->slots[at] - 1, answer, i))
            return index->slots[at] - 1;
    return UINT32_MAX;
}

struct row_diff {
    const struct answer *before;
    const struct answer *after;
    struct row_list changed;
    struct bytes removed; /* `"a","b"` */
};

static void compare_pair(struct row_diff *diff, uint32_t before, uint32_t after)
{
    if (!span_equal(row_json(diff->before, before), row_json(diff->after, after)))
        row_list_put(&diff->changed, after);
}

/* Rows [start, …_end) of both, whose order differs. */
static void compare_middle(struct row_diff *diff, uint32_t start, uint32_t before_end,
                           uint32_t after_end)
{
    bool *kept = bytes_alloc_zero((size_t)(before_end - start) + 1, sizeof(bool));
    struct row_index index;

    row_index_init(&index, diff->before, start, before_end);
    for (uint32_t i = start; i < after_end; i++) {
        uint32_t found = row_index_find(&index, diff->after, i);

        if (found == UINT32_MAX) {
            row_list_put(&diff->changed, i);
        } else {
            kept[found - start] = true;
            compare_pair(diff, found, i);
        }
    }
    for (uint32_t i = start; i < before_end; i++) {
        if (kept[i - start] || diff->before->rows[i].group_size > 0)
            continue;
        if (diff->removed.size > 0)
            bytes_put_char(&diff->removed, ',');
        json_put_string(&diff->removed, row_key(diff->before, i));
    }
    free(index.slots);
    free(kept);
}

static void compare_rows(struct row_diff *diff)
{
    uint32_t before_end = diff->before->row_count;
    uint32_t after_end = diff->after->row_count;
    uint32_t start = 0;
    uint32_t tail = 0;

    while (start < before_end && start < after_end &&
           same_row(diff->before, start, diff->after, start)) {
        compare_pair(diff, start, start);
        start++;
    }
    while (tail < before_end - start && tail < after_end - start &&
           same_row(diff->before, before_end - tail - 1, diff->after, after_end - tail - 1))
        tail++;
    if (before_end - tail > start || after_end - tail > start)
        compare_middle(diff, start, before_end - tail, after_end - tail);
    for (; tail > 0; tail--)
        compare_pair(diff, before_end - tail, after_end - tail);
}

static bool is_grouped(const struct answer *answer)
{
    return answer->row_count > 0 && answer->rows[0].group_size > 0;
}

bool answer_diff(const struct answer *old_answer, const struct answer *new_answer,
                 struct bytes *out)
{
    bool head_same = span_equal(bytes_span(&old_answer->head), bytes_span(&new_answer->head));
    struct row_diff diff = {.before = old_answer, .after = new_answer};
    size_t start = out->size;
    bool changed;

    if (new_answer->tells) {
        put_span(out, bytes_span(&new_answer->told));
        return new_answer->told.size > 0;
    }
    if (new_answer->rows_name == NULL) {
        if (head_same)
            return false;
        bytes_put_text(out, "\"answer\":");
        answer_print(new_answer, out);
        return true;
    }
    diff.changed = (struct row_list){.out = out, .answer = new_answer};
    bytes_put_text(out, "\"changed\":[");
    compare_rows(&diff);
    row_list_end(&diff.changed);
    bytes_put_char(out, ']');
    changed = !head_same || diff.changed.count > 0 || diff.removed.size > 0;
    if (!changed) {
        out->size = start;
        return false;
    }
    if (!is_grouped(old_answer) && !is_grouped(new_answer)) {
        bytes_put_text(out, ",\"removed\":[");
        put_span(out, bytes_span(&diff.removed));
        bytes_put_char(out, ']');
    }
    if (!head_same && new_answer->head.size > 0) {
        bytes_put_char(out, ',');
        put_span(out, bytes_span(&new_answer->head));
    }
    bytes_done(&diff.removed);
    return true;
}
