// SPDX-License-Identifier: Apache-2.0
/*
 * send_report.h - what became of the events that `tallywheel send` sent, and how it is told: one
 * line redrawn in place on a terminal, a plain line every few seconds in a pipe, a summary at the
 * end, and a file of all rejects.
 *
 * Thread: the main thread.
 */
#ifndef TALLYWHEEL_MAIN_SEND_REPORT_H
#define TALLYWHEEL_MAIN_SEND_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/bytes.h"

struct err;

#define SEND_REJECTS_SHOWN 10

struct send_tally {
    uint64_t lines; /* sent and answered, or refused here: what progress and rate count */
    uint64_t accepted, duplicates, late, rejected;
    uint64_t unlisted; /* rejected, but without line and reason in the server's answer */
    uint64_t requests, retries;
    uint64_t input_bytes; /* of the input, answered */

    uint32_t shown_count;
    uint64_t shown_lines[SEND_REJECTS_SHOWN];
    char *shown_reasons[SEND_REJECTS_SHOWN];

    FILE *rejects; /* NULL: not wanted */

    /* What is going wrong right now, "" if nothing; and when the next try begins. */
    char trouble[256];
    uint64_t retry_at_ns;
    uint64_t attempt, attempt_max;
};

/* `rejects_path` may be NULL. */
int send_report_open(struct send_tally *tally, const char *rejects_path, struct err *err);
/* ERR_IO if the file of rejects could not be written to its end. */
int send_report_close(struct send_tally *tally, struct err *err);

/* One line of the input was refused. `row` is what was sent, empty if nothing was. */
void send_report_reject(struct send_tally *tally, uint64_t line, struct span reason,
                        struct span row);

struct send_progress {
    const char *stream;
    uint64_t lines_total; /* 0: not known */
    uint64_t bytes_total; /* of the input; 0: not known */
    bool bar;             /* stderr is a terminal */
    bool colour;
    uint64_t started_ns;
    uint64_t drawn_ns;
    uint64_t sampled_ns; /* when `rate` was last brought up to date, and the lines then */
    uint64_t sampled_lines;
    double rate; /* lines a second, smoothed */
};

void send_report_start(struct send_progress *progress, uint64_t now_ns);

/* Draws if it is time to. */
void send_report_tick(struct send_progress *progress, const struct send_tally *tally,
                      uint64_t now_ns);

/* Takes the bar away. */
void send_report_end(struct send_progress *progress);

/* Between 0 and 1, or negative if nobody knows. */
double send_report_fraction(const struct send_progress *progress, const struct send_tally *tally);

/* The line for a terminal `columns` wide, and the one for a pipe; no line end. */
void send_report_put_bar(const struct send_progress *progress, const struct send_tally *tally,
                         uint64_t now_ns, uint32_t columns, struct bytes *out);
void send_report_put_plain(const struct send_progress *progress, const struct send_tally *tally,
                           uint64_t now_ns, struct bytes *out);

/* What happened in all; lines. */
void send_report_put_summary(const struct send_progress *progress, const struct send_tally *tally,
                             uint64_t now_ns, struct bytes *out);

#endif
