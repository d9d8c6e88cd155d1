// SPDX-License-Identifier: Apache-2.0
/* status_private.h - what a status read holds, for those that print it. */
#ifndef TALLYWHEEL_NODE_STATUS_PRIVATE_H
#define TALLYWHEEL_NODE_STATUS_PRIVATE_H

#include "engine/partition.h"
#include "journal/journal.h"
#include "model/definition.h"
#include "node/stats.h"
#include "node/status.h"
#include "query/read.h"
#include "board/board.h"
#include "score/score_script.h"

struct answer;

#define SCRIPT_MESSAGE_BYTES 200

enum thing_kind { THING_STREAM, THING_METRIC, THING_BOARD };

/* A stream, metric or board, as one partition has it, or summed over all. */
struct thing {
    enum thing_kind kind;
    uint32_t id;
    char name[NAME_BYTES_MAX];
    char stream[NAME_BYTES_MAX];
    struct partition_stream_stat stat; /* stream */
    int64_t every_ms;                  /* metric */
    uint64_t series;
    uint64_t panes;
    uint64_t overflow_rows;
    struct board_counts board;
    uint64_t left_out; /* board */
    bool scripted;     /* board: and the next two mean something */
    struct score_script_stat script;
    char script_message[SCRIPT_MESSAGE_BYTES]; /* of the last failure; "": none */
};

struct status_slot {
    uint32_t worker;
    int failed;
    uint64_t memory_bytes;
    uint64_t rows;
    struct journal_stat journal;
    struct thing *things;
    uint32_t thing_count;
};

struct status_read {
    struct read read; /* first */
    struct node *node;
    struct status_slot *slots;
    struct thing *things; /* merged */
    uint32_t thing_count;
};

/* The counters of all workers. */
struct status_totals {
#define TOTAL_MEMBER(name, help) uint64_t name;
    STATS_COUNTERS(TOTAL_MEMBER)
#undef TOTAL_MEMBER
    uint64_t ack_us[STATS_BUCKETS];
    uint64_t ack_us_total;
    uint64_t connections;
};

void status_add_up(const struct node *node, struct status_totals *out_totals);

/* Fills the answer; status_print.c. */
void status_print(struct read *read, struct answer *out_answer);

#endif
