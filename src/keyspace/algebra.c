// SPDX-License-Identifier: Apache-2.0
/* algebra.c - see algebra.h. */
#include "keyspace/algebra.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"

#define NOWHERE UINT32_MAX

struct slot {
    uint32_t hash;
    uint32_t index; /* of an element; NOWHERE: free */
};

/* Members to the indexes of elements: open addressing, at most half full. */
struct table {
    struct slot *slots;
    uint32_t mask;
};

static void table_init(struct table *table, uint32_t count)
{
    uint32_t capacity = 16;

    assert(count < UINT32_MAX / 4);
    while (capacity < 2 * count)
        capacity *= 2;
    table->slots = bytes_alloc(capacity * sizeof(table->slots[0]));
    memset(table->slots, 0xff, capacity * sizeof(table->slots[0]));
    table->mask = capacity - 1;
}

/* The slot of a member, or the free one where it belongs. */
static struct slot *table_slot(const struct table *table, const struct algebra_element *elements,
                               struct span member, uint32_t hash)
{
    for (uint32_t at = hash;; at++) {
        struct slot *slot = &table->slots[at & table->mask];

        if (slot->index == NOWHERE ||
            (slot->hash == hash && span_equal(elements[slot->index].member, member)))
            return slot;
    }
}

static uint32_t hash_of(struct span member)
{
    return (uint32_t)hash_bytes(member.data, member.size);
}

static void table_fill(struct table *table, const struct algebra_source *source)
{
    table_init(table, source->count);
    for (uint32_t i = 0; i < source->count; i++) {
        uint32_t hash = hash_of(source->elements[i].member);
        struct slot *slot = table_slot(table, source->elements, source->elements[i].member, hash);

        *slot = (struct slot){hash, i};
    }
}

/* ---- sources ---- */

/* The sources in the order in which their scores are put together, and how to find in them. */
struct plan {
    uint32_t count;
    uint32_t *order;
    const struct algebra_source *sources;
    struct table *tables; /* of those without a find, but for the first of the order */
};

static void plan_init(struct plan *plan, const struct algebra_source *sources, uint32_t count,
                      bool is_sorted)
{
    *plan = (struct plan){
        .count = count,
        .order = bytes_alloc(count * sizeof(plan->order[0])),
        .sources = sources,
        .tables = bytes_alloc_zero(count, sizeof(plan->tables[0])),
    };
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;

        for (; is_sorted && at > 0 && sources[plan->order[at - 1]].count > sources[i].count; at--)
            plan->order[at] = plan->order[at - 1];
        plan->order[at] = i;
    }
}

static void plan_tables(struct plan *plan)
{
    for (uint32_t i = 1; i < plan->count; i++)
        if (plan->sources[plan->order[i]].find == NULL)
            table_fill(&plan->tables[plan->order[i]], &plan->sources[plan->order[i]]);
}

static void plan_done(struct plan *plan)
{
    for (uint32_t i = 0; i < plan->count; i++)
        free(plan->tables[i].slots);
    free(plan->tables);
    free(plan->order);
}

/* In the source that is the at-th of the order. */
static bool plan_find(const struct plan *plan, uint32_t at, struct span member, double *out_score)
{
    uint32_t index = plan->order[at];
    const struct algebra_source *source = &plan->sources[index];
    const struct slot *slot;

    if (source->find != NULL)
        return source->find(source->context, member, out_score);
    slot = table_slot(&plan->tables[index], source->elements, member, hash_of(member));
    if (slot->index == NOWHERE)
        return false;
    *out_score = source->elements[slot->index].score;
    return true;
}

/* ---- scores ---- */

static double number(double score)
{
    return isnan(score) ? 0 : score;
}

static double put_together(enum algebra_aggregate aggregate, double a, double b)
{
    switch (aggregate) {
    case ALGEBRA_MIN:
        return b < a ? b : a;
    case ALGEBRA_MAX:
        return b > a ? b : a;
    case ALGEBRA_SUM:
        break;
    }
    return number(a + b);
}

int algebra_compare(const struct algebra_element *a, const struct algebra_element *b)
{
    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    return span_compare(a->member, b->member);
}

static int compare(const void *a, const void *b)
{
    return algebra_compare(a, b);
}

/* ---- the operations ---- */

static void unite(const struct plan *plan, enum algebra_aggregate aggregate,
                  struct algebra_element *elements, uint32_t *out_count, uint32_t total)
{
    struct table table;
    uint32_t count = 0;

    table_init(&table, total);
    for (uint32_t at = 0; at < plan->count; at++) {
        const struct algebra_source *source = &plan->sources[plan->order[at]];

        for (uint32_t i = 0; i < source->count; i++) {
            struct span member = source->elements[i].member;
            double score = number(source->weight * source->elements[i].score);
            uint32_t hash = hash_of(member);
            struct slot *slot = table_slot(&table, elements, member, hash);

            if (slot->index == NOWHERE) {
                *slot = (struct slot){hash, count};
                elements[count++] = (struct algebra_element){member, score};
            } else {
                double *sum = &elements[slot->index].score;

                *sum = put_together(aggregate, *sum, score);
            }
        }
    }
    free(table.slots);
    *out_count = count;
}

/* Whether all sources but the first have the member; puts their scores into `score`. */
static bool intersect_one(const struct plan *plan, enum algebra_aggregate aggregate,
                          struct span member, double *score)
{
    for (uint32_t at = 1; at < plan->count; at++) {
        double found;

        if (!plan_find(plan, at, member, &found))
            return false;
        *score = put_together(aggregate, *score, found * plan->sources[plan->order[at]].weight);
    }
    return true;
}

static bool is_in_another(const struct plan *plan, struct span member)
{
    double score;

    for (uint32_t at = 1; at < plan->count; at++)
        if (plan_find(plan, at, member, &score))
            return true;
    return false;
}

uint32_t algebra_driver(enum algebra_kind kind, const struct algebra_source *sources,
                        uint32_t source_count)
{
    uint32_t driver = 0;

    if (kind == ALGEBRA_UNION)
        return ALGEBRA_ALL;
    for (uint32_t i = 1; kind == ALGEBRA_INTER && i < source_count; i++)
        if (sources[i].count < sources[driver].count)
            driver = i;
    return sources[driver].count > 0 ? driver : ALGEBRA_NOTHING;
}

static void filter(const struct plan *plan, enum algebra_kind kind,
                   enum algebra_aggregate aggregate, struct algebra_element *elements,
                   uint32_t *out_count)
{
    const struct algebra_source *first = &plan->sources[plan->order[0]];
    uint32_t count = 0;

    for (uint32_t i = 0; i < first->count; i++) {
        struct algebra_element element = first->elements[i];

        if (kind == ALGEBRA_INTER) {
            element.score = number(first->weight * element.score);
            if (!intersect_one(plan, aggregate, element.member, &element.score))
                continue;
        } else if (is_in_another(plan, element.member)) {
            continue;
        }
        elements[count++] = element;
    }
    *out_count = count;
}

void algebra_compute(enum algebra_kind kind, enum algebra_aggregate aggregate,
                     const struct algebra_source *sources, uint32_t source_count,
                     struct algebra_result *out_result)
{
    uint32_t driver = algebra_driver(kind, sources, source_count);
    uint64_t total = 0;
    struct plan plan;

    *out_result = (struct algebra_result){0};
    if (driver == ALGEBRA_NOTHING)
        return;
    plan_init(&plan, sources, source_count, kind != ALGEBRA_DIFF);
    for (uint32_t i = 0; i < source_count; i++)
        total += driver == ALGEBRA_ALL || i == driver ? sources[i].count : 0;
    assert(total < UINT32_MAX / 4);
    out_result->elements = bytes_alloc(total * sizeof(out_result->elements[0]));
    if (kind == ALGEBRA_UNION) {
        unite(&plan, aggregate, out_result->elements, &out_result->count, (uint32_t)total);
    } else {
        plan_tables(&plan);
        filter(&plan, kind, aggregate, out_result->elements, &out_result->count);
    }
    plan_done(&plan);
    qsort(out_result->elements, out_result->count, sizeof(out_result->elements[0]), compare);
}

uint32_t algebra_inter_count(const struct algebra_source *sources, uint32_t source_count,
                             uint32_t limit)
{
    const struct algebra_source *first;
    struct plan plan;
    uint32_t count = 0;

    if (algebra_driver(ALGEBRA_INTER, sources, source_count) == ALGEBRA_NOTHING)
        return 0;
    plan_init(&plan, sources, source_count, true);
    plan_tables(&plan);
    first = &sources[plan.order[0]];
    for (uint32_t i = 0; i < first->count && (limit == 0 || count < limit); i++) {
        double score = 0;

        count += intersect_one(&plan, ALGEBRA_SUM, first->elements[i].member, &score);
    }
    plan_done(&plan);
    return count;
}
