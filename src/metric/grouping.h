// SPDX-License-Identifier: Apache-2.0
/*
 * grouping.h - from the `by` fields of a row to the id of a series.
 *
 * A grouping is a list of fields of one stream; all metrics with the same list share it, so that
 * a row's labels are looked up once however many metrics it feeds. Each distinct tuple of labels
 * is a series and gets a dense id, in order of arrival.
 *
 * When `series_max` series exist, rows with further labels go to series 0, whose labels are all
 * "__other__"; the rows that did are counted.
 *
 * A label is text: strings as they are, ints in decimal, bools as true and false, floats in the
 * shortest form, a missing field as "". A tuple is stored as each label's 2-byte length and its
 * bytes; with a single string field the label alone, so that the hashes of the batch's dictionary
 * serve again.
 *
 * Thread: the partition's.
 */
#ifndef TALLYWHEEL_METRIC_GROUPING_H
#define TALLYWHEEL_METRIC_GROUPING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/intern.h"
#include "model/definition.h"

struct batch;

#define GROUPING_OTHER 0u /* the series of what is over the limit */
#define GROUPING_OTHER_LABEL "__other__"

struct grouping {
    uint32_t by_count;
    uint32_t by[BY_FIELDS_MAX]; /* columns of the stream */
    bool plain;                 /* one string field: the tuple is the label */
    struct intern tuples;
    uint64_t overflow_rows;
    uint32_t users; /* metrics that share it */
    /* Scratch of grouping_fold. */
    uint32_t *ids_by_code;
    uint32_t code_capacity;
    struct span *keys;
    uint64_t *hashes;
    uint32_t *ids;
    uint32_t *codes;
    uint32_t key_capacity;
    struct bytes text;
};

void grouping_init(struct grouping *grouping, const uint32_t *by, uint32_t by_count, bool plain,
                   uint32_t series_max);
void grouping_done(struct grouping *grouping);

/* Writes the series of each of the `row_count` rows of `batch` that `rows` lists. */
void grouping_fold(struct grouping *grouping, const struct batch *batch, const uint32_t *rows,
                   uint32_t row_count, uint32_t *out_series);

/* The labels of a series, `by_count` of them; valid as long as the grouping. */
void grouping_labels(const struct grouping *grouping, uint32_t series, struct span *out_labels);

/* Series ids are 0..count-1; 0 is GROUPING_OTHER. */
static inline uint32_t grouping_count(const struct grouping *grouping)
{
    return grouping->tuples.count;
}

uint64_t grouping_bytes(const struct grouping *grouping);

#endif
