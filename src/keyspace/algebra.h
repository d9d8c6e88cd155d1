// SPDX-License-Identifier: Apache-2.0
/*
 * algebra.h - unions, intersections and differences of sorted sets, over plain arrays.
 *
 * Pure: the sources are arrays of members and scores, or can be asked for a member, and may come
 * from anywhere; the result is an array in the order of sorted sets (score, then member bytes,
 * ascending), whose members are spans of the sources. What is computed is what Redis computes, to
 * the order in which scores are summed: sources from the smallest to the largest, equal ones as
 * they stand.
 *
 *     score of a member   weight * score of each source that has it, put together by the aggregate;
 *                         0 where that is not a number (inf * 0, inf - inf). A difference has the
 *                         scores of the first source, and knows no weights.
 *
 * Memory: for a union a table of all elements; else one of each source but the first that has
 * no `find`; and the result. No more than some 40 bytes an element of the sources.
 *
 * Thread: any; nothing is kept.
 */
#ifndef TALLYWHEEL_KEYSPACE_ALGEBRA_H
#define TALLYWHEEL_KEYSPACE_ALGEBRA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum algebra_kind { ALGEBRA_UNION, ALGEBRA_INTER, ALGEBRA_DIFF };
enum algebra_aggregate { ALGEBRA_SUM, ALGEBRA_MIN, ALGEBRA_MAX };

struct algebra_element {
    struct span member;
    double score; /* not NaN */
};

/* Whether a source has a member, and with which score. */
typedef bool algebra_find_fn(const void *context, struct span member, double *out_score);

struct algebra_source {
    const struct algebra_element *elements; /* distinct members, in any order */
    uint32_t count;                         /* of the source, also where elements is NULL */
    double weight;
    algebra_find_fn *find; /* NULL: by the elements */
    const void *context;
};

/* To free(elements). */
struct algebra_result {
    struct algebra_element *elements;
    uint32_t count;
};

#define ALGEBRA_ALL UINT32_MAX
#define ALGEBRA_NOTHING (UINT32_MAX - 1)

/*
 * Which source must have its elements, where all others have a `find`: ALGEBRA_ALL for a union,
 * ALGEBRA_NOTHING if the result is empty anyway.
 */
uint32_t algebra_driver(enum algebra_kind kind, const struct algebra_source *sources,
                        uint32_t source_count);

void algebra_compute(enum algebra_kind kind, enum algebra_aggregate aggregate,
                     const struct algebra_source *sources, uint32_t source_count,
                     struct algebra_result *out_result);

/* How many members an intersection has, counted up to `limit` (0: all). */
uint32_t algebra_inter_count(const struct algebra_source *sources, uint32_t source_count,
                             uint32_t limit);

/* The order of the result. */
int algebra_compare(const struct algebra_element *a, const struct algebra_element *b);

#endif
