// SPDX-License-Identifier: Apache-2.0
/* top_view.c - see top_view.h. */
#include "main/top_view.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "main/text.h"

/* How long a change stays on screen after a row last moved. */
#define MOVE_NS 5000000000ull

#define UP "\xe2\x96\xb2"   /* a triangle up */
#define DOWN "\xe2\x96\xbc" /* a triangle down */

static void free_row(struct top_row *row)
{
    free(row->member);
    free(row->score);
    *row = (struct top_row){0};
}

void top_view_done(struct top_view *view)
{
    for (uint32_t i = 0; i < view->row_count; i++)
        free_row(&view->rows[i]);
    view->row_count = 0;
}

static struct top_row *find_row(struct top_view *view, const char *member)
{
    for (uint32_t i = 0; i < view->row_count; i++) {
        if (strcmp(view->rows[i].member, member) == 0)
            return &view->rows[i];
    }
    return NULL;
}

static void remove_row(struct top_view *view, struct top_row *row)
{
    size_t behind = (size_t)(&view->rows[view->row_count] - (row + 1));

    free_row(row);
    memmove(row, row + 1, behind * sizeof(*row));
    view->row_count--;
}

static void set_row(struct top_row *row, const json_t *entry, uint64_t now_ns)
{
    const json_t *score = json_object_get(entry, "score");
    double value = json_number_value(score);
    int64_t rank = json_integer_value(json_object_get(entry, "rank"));
    struct bytes text = {0};

    if (row->rank != 0 && (row->rank != rank || row->value != value)) {
        /* What happens in one go adds up: +3, then +2 shows as +5 until it stands still. */
        if (row->moved_ns == 0 || now_ns - row->moved_ns > MOVE_NS) {
            row->rank_move = 0;
            row->score_move = 0;
            row->entered = false;
        }
        row->rank_move += row->rank - rank;
        row->score_move += value - row->value;
        row->moved_ns = now_ns;
    }
    row->rank = rank;
    row->value = value;
    text_put_number_grouped(&text, score);
    free(row->score);
    row->score = bytes_dup(bytes_span(&text));
    bytes_done(&text);
}

static void put_entry(struct top_view *view, const json_t *entry, bool known, uint64_t now_ns)
{
    const char *member = json_string_value(json_object_get(entry, "member"));
    struct top_row *row;

    if (member == NULL)
        return;
    row = find_row(view, member);
    if (row == NULL) {
        if (view->row_count == TOP_ROWS_MAX)
            return;
        row = &view->rows[view->row_count++];
        *row = (struct top_row){.member = bytes_dup(span_of(member))};
        if (known) {
            row->entered = true;
            row->moved_ns = now_ns;
        }
    }
    set_row(row, entry, now_ns);
}

static int by_rank(const void *a, const void *b)
{
    const struct top_row *left = a, *right = b;

    if (left->rank != right->rank)
        return left->rank < right->rank ? -1 : 1;
    return strcmp(left->member, right->member);
}

static void sort_rows(struct top_view *view)
{
    qsort(view->rows, view->row_count, sizeof(view->rows[0]), by_rank);
    while (view->row_count > view->rows_max)
        remove_row(view, &view->rows[view->row_count - 1]);
}

static bool lists_member(const json_t *entries, const char *member)
{
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const char *other =
            json_string_value(json_object_get(json_array_get(entries, i), "member"));
        if (other != NULL && strcmp(other, member) == 0)
            return true;
    }
    return false;
}

/* Rows that were there before keep their movement, so that a reconnect shows what was missed. */
static void apply_snapshot(struct top_view *view, const json_t *answer, uint64_t now_ns)
{
    const json_t *entries = json_object_get(answer, "entries");

    for (uint32_t i = view->row_count; i-- > 0;) {
        if (!lists_member(entries, view->rows[i].member))
            remove_row(view, &view->rows[i]);
    }
    for (size_t i = 0; i < json_array_size(entries); i++)
        put_entry(view, json_array_get(entries, i), view->filled, now_ns);
    view->size = json_integer_value(json_object_get(answer, "size"));
    view->filled = true;
    sort_rows(view);
}

static void apply_change(struct top_view *view, const json_t *message, uint64_t now_ns)
{
    const json_t *changed = json_object_get(message, "changed");
    const json_t *removed = json_object_get(message, "removed");
    const json_t *size = json_object_get(message, "size");

    for (size_t i = 0; i < json_array_size(removed); i++) {
        const char *member = json_string_value(json_array_get(removed, i));
        struct top_row *row = member != NULL ? find_row(view, member) : NULL;
        if (row != NULL)
            remove_row(view, row);
    }
    for (size_t i = 0; i < json_array_size(changed); i++)
        put_entry(view, json_array_get(changed, i), true, now_ns);
    if (json_is_integer(size))
        view->size = json_integer_value(size);
    sort_rows(view);
}

int top_view_apply(struct top_view *view, const struct json_t *message, uint64_t now_ns,
                   struct err *err)
{
    const char *event = json_string_value(json_object_get(message, "event"));
    const json_t *error = json_object_get(message, "error");

    assert(view->rows_max > 0 && view->rows_max <= TOP_ROWS_MAX);
    if (event == NULL)
        return 0;
    if (strcmp(event, "snapshot") == 0) {
        apply_snapshot(view, json_object_get(message, "answer"), now_ns);
    } else if (strcmp(event, "change") == 0) {
        apply_change(view, message, now_ns);
    } else if (strcmp(event, "error") == 0) {
        const char *code = json_string_value(json_object_get(error, "code"));
        const char *text = json_string_value(json_object_get(error, "message"));

        return err_set(err,
                       code != NULL && strcmp(code, "not_found") == 0 ? ERR_NOT_FOUND : ERR_INVALID,
                       "%s", text != NULL ? text : "the server refuses this board");
    }
    return 0; /* a gap: a snapshot follows */
}

struct pen {
    struct bytes *out;
    bool colour;
};

static void pen_set(struct pen pen, const char *code)
{
    if (pen.colour)
        bytes_format(pen.out, "\033[%sm", code);
}

static void put_padded(struct bytes *out, struct span text, uint32_t width, bool right)
{
    uint32_t used = text_width(text);
    int pad = used < width ? (int)(width - used) : 0;

    if (right)
        bytes_format(out, "%*s", pad, "");
    bytes_put(out, text.data, text.size);
    if (!right)
        bytes_format(out, "%*s", pad, "");
}

/* "▲3", "▼2", "new", or nothing. */
static void draw_move(const struct top_row *row, bool moving, uint32_t width, struct pen pen)
{
    char text[32] = "";
    const char *code = NULL;

    if (moving && row->entered) {
        snprintf(text, sizeof(text), "new");
        code = "36";
    } else if (moving && row->rank_move != 0) {
        snprintf(text, sizeof(text), "%s%" PRId64, row->rank_move > 0 ? UP : DOWN,
                 row->rank_move > 0 ? row->rank_move : -row->rank_move);
        code = row->rank_move > 0 ? "32" : "31";
    }
    if (code != NULL)
        pen_set(pen, code);
    put_padded(pen.out, span_of(text), width, false);
    if (code != NULL)
        pen_set(pen, "39");
}

static void draw_score_move(const struct top_row *row, bool moving, struct pen pen)
{
    char text[48];

    if (!moving || row->score_move == 0)
        return;
    snprintf(text, sizeof(text), "%+.10g", row->score_move);
    pen_set(pen, row->score_move > 0 ? "32" : "31");
    bytes_format(pen.out, "  %s", text);
    pen_set(pen, "39");
}

struct widths {
    uint32_t rank, move, member, score, score_move;
};

static struct widths find_widths(const struct top_view *view, uint32_t columns)
{
    struct widths widths = {.rank = 3, .move = 5, .score = 5, .score_move = 10};
    uint32_t fixed, longest = 6;

    for (uint32_t i = 0; i < view->row_count; i++) {
        uint32_t score = text_width(span_of(view->rows[i].score));
        uint32_t member = text_width(span_of(view->rows[i].member));
        char rank[24];
        uint32_t rank_size = (uint32_t)snprintf(rank, sizeof(rank), "%" PRId64, view->rows[i].rank);

        widths.score = score > widths.score ? score : widths.score;
        widths.rank = rank_size > widths.rank ? rank_size : widths.rank;
        longest = member > longest ? member : longest;
    }
    if (columns < 44)
        widths.score_move = 0;
    fixed = widths.rank + 1 + widths.move + widths.score + 2 + widths.score_move;
    widths.member = columns > fixed + 4 ? columns - fixed - 1 : 4;
    if (widths.member > longest)
        widths.member = longest;
    return widths;
}

static void draw_row(const struct top_row *row, struct widths widths, uint64_t now_ns,
                     struct pen pen)
{
    bool moving = row->moved_ns != 0 && now_ns - row->moved_ns < MOVE_NS;
    struct bytes member = {0};
    char rank[24];

    snprintf(rank, sizeof(rank), "%" PRId64, row->rank);
    put_padded(pen.out, span_of(rank), widths.rank, true);
    bytes_put_char(pen.out, ' ');
    draw_move(row, moving, widths.move, pen);
    text_put_cut(&member, span_of(row->member), widths.member);
    put_padded(pen.out, bytes_span(&member), widths.member, false);
    bytes_put_text(pen.out, "  ");
    put_padded(pen.out, span_of(row->score), widths.score, true);
    if (widths.score_move > 0)
        draw_score_move(row, moving, pen);
    bytes_done(&member);
}

static void put_line_end(struct bytes *out)
{
    bytes_put_text(out, "\033[K\r\n");
}

static void draw_title(const struct top_view *view, uint32_t columns, struct pen pen)
{
    struct bytes title = {0}, right = {0};
    uint32_t used;

    if (view->filled)
        text_put_grouped(&right, view->size);
    bytes_put_text(&right, view->filled ? " members  " : "");
    bytes_put_text(&right, view->state == TOP_LIVE         ? "\xe2\x97\x8f live"
                           : view->state == TOP_CONNECTING ? "\xe2\x97\x8b connecting"
                                                           : "\xe2\x97\x8b lost");
    bytes_put_text(&title, view->board);
    if (view->segment[0] != '\0')
        bytes_format(&title, "  %s", view->segment);
    used = text_width(bytes_span(&right));
    pen_set(pen, "1");
    if (columns > used + 4) {
        struct bytes cut = {0};
        text_put_cut(&cut, bytes_span(&title), columns - used - 3);
        put_padded(pen.out, bytes_span(&cut), columns - used - 1, false);
        bytes_done(&cut);
        pen_set(pen, "0");
        pen_set(pen, view->state == TOP_LIVE ? "0" : "33");
        bytes_put(pen.out, right.data, right.size);
    } else {
        text_put_cut(pen.out, bytes_span(&title), columns);
    }
    pen_set(pen, "0");
    bytes_done(&title);
    bytes_done(&right);
}

static void draw_foot(const struct top_view *view, uint32_t columns, uint64_t now_ns,
                      struct pen pen)
{
    struct bytes text = {0};

    if (view->state == TOP_LOST) {
        double since_s = (double)(now_ns - view->lost_ns) / 1e9;
        double wait_s = view->retry_at_ns > now_ns ? (double)(view->retry_at_ns - now_ns) / 1e9 : 0;

        bytes_format(&text, "as of %.0f s ago; trying again in %.0f s; %s", since_s, ceil(wait_s),
                     view->trouble);
        pen_set(pen, "33");
    } else {
        bytes_put_text(&text, "q quit");
        pen_set(pen, "2");
    }
    text_put_cut(pen.out, bytes_span(&text), columns > 1 ? columns - 1 : 1);
    pen_set(pen, "0");
    bytes_put_text(pen.out, "\033[J");
    bytes_done(&text);
}

void top_view_draw(const struct top_view *view, uint32_t columns, uint32_t rows, bool colour,
                   uint64_t now_ns, struct bytes *out)
{
    struct pen pen = {out, colour};
    struct widths widths = find_widths(view, columns);
    uint32_t room = rows > 4 ? rows - 4 : 1;

    bytes_put_text(out, "\033[H");
    draw_title(view, columns, pen);
    put_line_end(out);
    pen_set(pen, "2");
    bytes_format(out, "%*s %*s%-*s  %*s", (int)widths.rank, "#", (int)widths.move, "",
                 (int)widths.member, "member", (int)widths.score, "score");
    pen_set(pen, "0");
    put_line_end(out);
    for (uint32_t i = 0; i < view->row_count && i < room; i++) {
        if (view->state == TOP_LOST)
            pen_set(pen, "2");
        draw_row(&view->rows[i], widths, now_ns, pen);
        pen_set(pen, "0");
        put_line_end(out);
    }
    if (view->filled && view->row_count == 0) {
        bytes_put_text(out, "nobody is on this board yet");
        put_line_end(out);
    }
    put_line_end(out);
    draw_foot(view, columns, now_ns, pen);
}

static size_t subscore_count_of(const json_t *entries)
{
    size_t count = json_array_size(json_object_get(json_array_get(entries, 0), "subscores"));

    return count < TEXT_COLUMNS_MAX - 3 ? count : TEXT_COLUMNS_MAX - 3;
}

void top_view_put_table(const struct json_t *answer, bool colour, struct bytes *out)
{
    const json_t *entries = json_object_get(answer, "entries");
    size_t subscore_count = subscore_count_of(entries);
    struct text_table table = {.column_count = 3 + (uint32_t)subscore_count,
                               .right = {true, false, true}};

    text_table_add(&table, SPAN_LITERAL("#"));
    text_table_add(&table, SPAN_LITERAL("member"));
    text_table_add(&table, SPAN_LITERAL("score"));
    for (size_t k = 0; k < subscore_count; k++) {
        table.right[3 + k] = true;
        text_table_add(&table, k == 0 ? SPAN_LITERAL("subscores") : SPAN_LITERAL(""));
    }
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        const json_t *member = json_object_get(entry, "member");
        const json_t *subscores = json_object_get(entry, "subscores");

        text_put_number(&table.text, json_object_get(entry, "rank"));
        text_table_end_cell(&table);
        text_table_add(&table, json_is_string(member) ? (struct span){json_string_value(member),
                                                                      json_string_length(member)}
                                                      : SPAN_LITERAL("?"));
        text_put_number_grouped(&table.text, json_object_get(entry, "score"));
        text_table_end_cell(&table);
        for (size_t k = 0; k < subscore_count; k++) {
            if (json_is_number(json_array_get(subscores, k)))
                text_put_number_grouped(&table.text, json_array_get(subscores, k));
            text_table_end_cell(&table);
        }
    }
    text_table_print(&table, colour, out);
    text_table_done(&table);
}
