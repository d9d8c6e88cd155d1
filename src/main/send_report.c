// SPDX-License-Identifier: Apache-2.0
/* send_report.c - see send_report.h. */
#include "main/send_report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/json.h"
#include "main/text.h"

#define DRAW_NS 100000000ull
#define PLAIN_NS 5000000000ull
#define SMOOTH_S 1.5
#define BAR_COLUMNS_MAX 24

int send_report_open(struct send_tally *tally, const char *rejects_path, struct err *err)
{
    *tally = (struct send_tally){0};
    if (rejects_path == NULL)
        return 0;
    tally->rejects = fopen(rejects_path, "we");
    if (tally->rejects == NULL)
        return err_set_errno(err, errno, "cannot write %s", rejects_path);
    return 0;
}

int send_report_close(struct send_tally *tally, struct err *err)
{
    int rc = 0;

    for (uint32_t i = 0; i < tally->shown_count; i++)
        free(tally->shown_reasons[i]);
    tally->shown_count = 0;
    if (tally->rejects != NULL) {
        bool failed = ferror(tally->rejects) != 0;
        if (fclose(tally->rejects) != 0 || failed)
            rc = err_set_errno(err, errno, "cannot write the file of rejects");
    }
    tally->rejects = NULL;
    return rc;
}

void send_report_reject(struct send_tally *tally, uint64_t line, struct span reason,
                        struct span row)
{
    struct bytes text = {0};
    struct json_out out;

    tally->rejected++;
    if (tally->shown_count < SEND_REJECTS_SHOWN) {
        tally->shown_lines[tally->shown_count] = line;
        tally->shown_reasons[tally->shown_count++] = bytes_dup(reason);
    }
    if (tally->rejects == NULL)
        return;
    json_out_init(&out, &text);
    json_out_object(&out);
    json_out_key(&out, "line");
    json_out_uint(&out, line);
    json_out_key(&out, "reason");
    json_out_string(&out, reason);
    if (row.size > 0) {
        json_out_key(&out, "row");
        json_out_string(&out, row);
    }
    json_out_object_end(&out);
    bytes_put_char(&text, '\n');
    /* A failure is seen by ferror() at the end. */
    (void)!fwrite(text.data, 1, text.size, tally->rejects);
    bytes_done(&text);
}

void send_report_start(struct send_progress *progress, uint64_t now_ns)
{
    progress->bar = text_is_terminal(STDERR_FILENO);
    progress->colour = text_has_colour(STDERR_FILENO);
    progress->started_ns = progress->drawn_ns = progress->sampled_ns = now_ns;
}

static void sample_rate(struct send_progress *progress, const struct send_tally *tally,
                        uint64_t now_ns)
{
    double passed_s = (double)(now_ns - progress->sampled_ns) / 1e9;
    double rate = (double)(tally->lines - progress->sampled_lines) / passed_s;
    double weight = 1 - exp(-passed_s / SMOOTH_S);

    if (progress->sampled_lines == 0)
        weight = 1; /* the first sample stands for itself */
    progress->rate += weight * (rate - progress->rate);
    progress->sampled_ns = now_ns;
    progress->sampled_lines = tally->lines;
}

double send_report_fraction(const struct send_progress *progress, const struct send_tally *tally)
{
    double done = -1;

    if (progress->lines_total > 0)
        done = (double)tally->lines / (double)progress->lines_total;
    else if (progress->bytes_total > 0)
        done = (double)tally->input_bytes / (double)progress->bytes_total;
    return done > 1 ? 1 : done;
}

/* Seconds that are left if it goes on as it did; negative if nobody knows. */
static double left_s(const struct send_progress *progress, const struct send_tally *tally,
                     uint64_t now_ns)
{
    double done = send_report_fraction(progress, tally);
    double passed_s = (double)(now_ns - progress->started_ns) / 1e9;

    return done > 0 && passed_s > 0.5 ? passed_s * (1 - done) / done : -1;
}

static void put_count(struct bytes *out, const char *name, uint64_t count, const char *colour)
{
    bool coloured = colour != NULL && count > 0;

    bytes_format(out, "  %s %s", name, coloured ? colour : "");
    text_put_grouped(out, (int64_t)count);
    if (coloured)
        bytes_put_text(out, "\033[0m");
}

/* Eighths of a column make it move smoothly. */
static void put_gauge(struct bytes *out, double done, uint32_t columns)
{
    static const char *const eighths[] = {
        "",
        "\xe2\x96\x8f",
        "\xe2\x96\x8e",
        "\xe2\x96\x8d",
        "\xe2\x96\x8c",
        "\xe2\x96\x8b",
        "\xe2\x96\x8a",
        "\xe2\x96\x89",
    };
    uint32_t filled = (uint32_t)(done * columns * 8);
    uint32_t used = filled / 8 + (filled % 8 > 0);

    bytes_put_text(out, "\xe2\x96\x95"); /* a thin line at the edge */
    for (uint32_t i = 0; i < filled / 8; i++)
        bytes_put_text(out, "\xe2\x96\x88");
    bytes_put_text(out, eighths[filled % 8]);
    bytes_format(out, "%*s\xe2\x96\x8f", (int)(columns - used), "");
}

static void put_trouble(const struct send_progress *progress, const struct send_tally *tally,
                        uint64_t now_ns, struct bytes *out)
{
    double wait_s = tally->retry_at_ns > now_ns ? (double)(tally->retry_at_ns - now_ns) / 1e9 : 0;

    bytes_format(out, "%s", progress->bar && progress->colour ? "\033[33m" : "");
    bytes_format(out, "retry %llu of %llu in %.1f s%s: ", (unsigned long long)tally->attempt,
                 (unsigned long long)tally->attempt_max, wait_s,
                 progress->bar && progress->colour ? "\033[0m" : "");
    text_put_clean(out, span_of(tally->trouble));
}

/* Appends `part` if the line then still fits; parts that matter most come first. */
static void put_if_fits(struct bytes *line, struct bytes *part, uint32_t columns)
{
    if (text_width(bytes_span(line)) + text_width(bytes_span(part)) <= columns)
        bytes_put(line, part->data, part->size);
    bytes_clear(part);
}

/* The trouble behind `line`, without colour and cut where that does not fit. */
static void put_trouble_fitting(const struct send_progress *progress,
                                const struct send_tally *tally, uint64_t now_ns, uint32_t columns,
                                struct bytes *line)
{
    static const struct send_progress plain = {0};
    uint32_t used = text_width(bytes_span(line)) + 2;
    struct bytes part = {0};

    if (used < columns) {
        bytes_put_text(line, "  ");
        put_trouble(progress, tally, now_ns, &part);
        if (used + text_width(bytes_span(&part)) > columns) {
            bytes_clear(&part);
            put_trouble(&plain, tally, now_ns, &part);
            text_put_cut(line, bytes_span(&part), columns - used);
        } else {
            bytes_put(line, part.data, part.size);
        }
    }
    bytes_done(&part);
}

void send_report_put_bar(const struct send_progress *progress, const struct send_tally *tally,
                         uint64_t now_ns, uint32_t columns, struct bytes *out)
{
    double done = send_report_fraction(progress, tally);
    double left = left_s(progress, tally, now_ns);
    struct bytes line = {0}, part = {0};

    columns = columns > 1 ? columns - 1 : 1; /* the last column makes some terminals wrap */
    text_put_cut(&line, span_of(progress->stream), columns < 48 ? columns / 3 : 24);
    if (done >= 0) {
        bytes_put_char(&part, ' ');
        put_gauge(&part, done, columns < 100 ? 10 : BAR_COLUMNS_MAX);
        put_if_fits(&line, &part, columns);
        bytes_format(&part, " %3.0f%%", floor(done * 100));
        put_if_fits(&line, &part, columns);
    }
    if (tally->trouble[0] != '\0') {
        put_trouble_fitting(progress, tally, now_ns, columns, &line);
    } else {
        bytes_put_text(&part, "  ");
        text_put_short(&part, progress->rate);
        bytes_put_text(&part, "/s");
        put_if_fits(&line, &part, columns);
        if (left >= 0) {
            bytes_put_text(&part, "  ");
            text_put_clock(&part, left);
            bytes_put_text(&part, " left");
            put_if_fits(&line, &part, columns);
        }
        put_count(&part, "accepted", tally->accepted, NULL);
        put_if_fits(&line, &part, columns);
        put_count(&part, "rejected", tally->rejected, progress->colour ? "\033[31m" : NULL);
        put_if_fits(&line, &part, columns);
        put_count(&part, "duplicates", tally->duplicates, NULL);
        put_if_fits(&line, &part, columns);
        put_count(&part, "late", tally->late, progress->colour ? "\033[33m" : NULL);
        put_if_fits(&line, &part, columns);
    }
    bytes_put(out, line.data, line.size);
    bytes_done(&line);
    bytes_done(&part);
}

void send_report_put_plain(const struct send_progress *progress, const struct send_tally *tally,
                           uint64_t now_ns, struct bytes *out)
{
    double done = send_report_fraction(progress, tally);
    double left = left_s(progress, tally, now_ns);

    bytes_format(out, "send: %llu accepted, %llu duplicates, %llu late, %llu rejected, ",
                 (unsigned long long)tally->accepted, (unsigned long long)tally->duplicates,
                 (unsigned long long)tally->late, (unsigned long long)tally->rejected);
    text_put_short(out, progress->rate);
    bytes_put_text(out, "/s");
    if (done >= 0)
        bytes_format(out, ", %.0f%%", floor(done * 100));
    if (left >= 0) {
        bytes_put_text(out, ", ");
        text_put_clock(out, left);
        bytes_put_text(out, " left");
    }
    if (tally->trouble[0] != '\0') {
        bytes_put_text(out, "; ");
        put_trouble(progress, tally, now_ns, out);
    }
}

void send_report_tick(struct send_progress *progress, const struct send_tally *tally,
                      uint64_t now_ns)
{
    struct bytes text = {0};
    uint32_t columns, rows;

    if (now_ns - progress->drawn_ns < (progress->bar ? DRAW_NS : PLAIN_NS))
        return;
    sample_rate(progress, tally, now_ns);
    progress->drawn_ns = now_ns;
    if (progress->bar) {
        text_terminal_size(STDERR_FILENO, &columns, &rows);
        bytes_put_char(&text, '\r');
        send_report_put_bar(progress, tally, now_ns, columns, &text);
        bytes_put_text(&text, "\033[K");
    } else {
        send_report_put_plain(progress, tally, now_ns, &text);
        bytes_put_char(&text, '\n');
    }
    (void)!write(STDERR_FILENO, text.data, text.size);
    bytes_done(&text);
}

void send_report_end(struct send_progress *progress)
{
    if (progress->bar)
        (void)!write(STDERR_FILENO, "\r\033[K", 4);
}

static void put_row(struct text_table *table, const char *name, uint64_t count)
{
    text_table_add(table, span_of(name));
    text_put_grouped(&table->text, (int64_t)count);
    text_table_end_cell(table);
}

void send_report_put_summary(const struct send_progress *progress, const struct send_tally *tally,
                             uint64_t now_ns, struct bytes *out)
{
    double passed_s = (double)(now_ns - progress->started_ns) / 1e9;
    struct text_table table = {.column_count = 2, .right = {false, true}};

    bytes_put_text(out, "sent ");
    text_put_grouped(out, (int64_t)tally->lines);
    bytes_format(out, " line%s to %s in %.1f s", tally->lines == 1 ? "" : "s", progress->stream,
                 passed_s);
    if (passed_s > 0 && tally->lines > 0) {
        bytes_put_text(out, " (");
        text_put_short(out, (double)tally->lines / passed_s);
        bytes_put_text(out, "/s)");
    }
    bytes_put_char(out, '\n');
    put_row(&table, "  accepted", tally->accepted);
    put_row(&table, "  duplicates", tally->duplicates);
    put_row(&table, "  late", tally->late);
    put_row(&table, "  rejected", tally->rejected);
    text_table_print(&table, false, out);
    text_table_done(&table);
    for (uint32_t i = 0; i < tally->shown_count; i++) {
        bytes_format(out, "    line %llu: ", (unsigned long long)tally->shown_lines[i]);
        text_put_clean(out, span_of(tally->shown_reasons[i]));
        bytes_put_char(out, '\n');
    }
    if (tally->rejected > tally->shown_count) {
        bytes_put_text(out, "    and ");
        text_put_grouped(out, (int64_t)(tally->rejected - tally->shown_count));
        bytes_put_text(out, tally->rejects != NULL ? " more\n"
                                                   : " more; --rejects FILE keeps "
                                                     "them\n");
    }
    if (tally->rejects != NULL && tally->unlisted > 0) {
        bytes_put_text(out, "    ");
        text_put_grouped(out, (int64_t)tally->unlisted);
        bytes_put_text(out, " of them are not in the file: the server did not list them; a "
                            "smaller --batch-bytes shows more\n");
    }
}
