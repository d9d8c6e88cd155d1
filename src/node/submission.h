// SPDX-License-Identifier: Apache-2.0
/*
 * submission.h - what travels to a partition to be journaled, and comes back when it is folded.
 *
 * A batch of rows, a definition, a list of commands, or a change of a member of a board. It is made
 * by a worker (the origin), belongs to the host of the partition until it is committed and folded
 * (or has failed), and then returns.
 */
#ifndef TALLYWHEEL_NODE_SUBMISSION_H
#define TALLYWHEEL_NODE_SUBMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "journal/journal.h"
#include "model/board_change.h"
#include "node/mailbox.h"

struct batch;
struct board_reply;
struct command_list;
struct ingest_request;

/* Consecutive rows of a batch that one request brought. */
struct submission_part {
    struct ingest_request *request;
    uint32_t first_row;
    uint32_t row_count;
};

struct submission {
    struct message message;
    struct submission *next; /* in the host's queue, in the origin's pool */
    struct worker *origin;
    uint32_t partition;
    enum journal_record_type type;
    struct batch *batch;               /* JOURNAL_BATCH */
    struct board_reply *replies;       /* NULL, or one a row, filled by the fold */
    struct bytes record;               /* JOURNAL_DEFINITION, JOURNAL_BOARD_CHANGE */
    struct board_change_result change; /* JOURNAL_BOARD_CHANGE: filled by the fold */
    struct command_list *commands;     /* JOURNAL_COMMANDS */
    struct bytes *command_replies;     /* filled by the fold, as command_ends is */
    size_t *command_ends;              /* one for each command */
    int64_t wall_ms;                   /* of the record, or of the reading */
    bool at_once;                  /* nothing is written, and nothing of the origin is before it */
    struct submission_part *parts; /* who brought the rows */
    uint32_t part_count;
    uint32_t part_capacity;
    uint64_t bytes;     /* what it counts against limits.ingest_bytes */
    uint64_t opened_ns; /* when its first row came */
    int rc;             /* 0, or why it was not committed or not folded */
    struct err err;
    void *context; /* the origin's */
    void (*returned)(struct submission *submission, struct worker *origin);
};

#endif
