// SPDX-License-Identifier: Apache-2.0
/*
 * test_algebra.c - unions, intersections and differences over arrays, against counting by hand:
 * members are numbers here, so a source is a table of scores.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "keyspace/algebra.h"

#define SOURCES_MAX 4
#define MEMBERS 40

static uint64_t random_state = 11;

static uint32_t random_below(uint32_t limit)
{
    random_state += 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash_u64(random_state) % limit);
}

static char names[MEMBERS][8];

struct source_table {
    bool has[MEMBERS];
    double score[MEMBERS];
    struct algebra_element elements[MEMBERS];
};

static bool find_in_table(const void *context, struct span member, double *out_score)
{
    const struct source_table *table = context;
    uint32_t i = (uint32_t)strtoul(member.data + 1, NULL, 10);

    *out_score = table->score[i];
    return table->has[i];
}

static double random_score(void)
{
    static const double scores[] = {0, 1, -2.5, 1e300, INFINITY, -INFINITY, 0.1};

    return scores[random_below(7)];
}

static struct algebra_source random_source(struct source_table *table)
{
    struct algebra_source source = {.elements = table->elements, .weight = 1, .context = table};
    uint32_t first = random_below(MEMBERS);
    uint32_t share = random_below(5);

    if (random_below(2) == 0)
        source.weight = random_score();
    for (uint32_t n = 0; n < MEMBERS; n++) { /* in no order */
        uint32_t i = (first + n * 7) % MEMBERS;

        table->has[i] = random_below(4) < share;
        table->score[i] = random_score();
        if (table->has[i])
            table->elements[source.count++] =
                (struct algebra_element){span_of(names[i]), table->score[i]};
    }
    return source;
}

static double joined(enum algebra_aggregate aggregate, double a, double b)
{
    if (aggregate == ALGEBRA_MIN)
        return b < a ? b : a;
    if (aggregate == ALGEBRA_MAX)
        return b > a ? b : a;
    return isnan(a + b) ? 0 : a + b;
}

/* The score of a member, or false. */
static bool recount(enum algebra_kind kind, enum algebra_aggregate aggregate,
                    const struct algebra_source *sources, uint32_t count, uint32_t member,
                    double *out_score)
{
    bool used[SOURCES_MAX] = {false};
    uint32_t in = 0;

    for (uint32_t step = 0; step < count; step++) {
        uint32_t next = SOURCES_MAX;
        const struct source_table *table;
        double score;

        for (uint32_t i = 0; i < count; i++) /* the smallest left, the first of equal ones */
            if (!used[i] && (next == SOURCES_MAX || sources[i].count < sources[next].count))
                next = i;
        used[next] = true;
        table = sources[next].context;
        if (!table->has[member])
            continue;
        score = table->score[member] * sources[next].weight;
        if (isnan(score) && (in == 0 || kind == ALGEBRA_UNION))
            score = 0;
        *out_score = in == 0 ? score : joined(aggregate, *out_score, score);
        in++;
    }
    if (kind == ALGEBRA_DIFF) {
        const struct source_table *first = sources[0].context;

        *out_score = first->score[member];
        return first->has[member] && in == 1;
    }
    return kind == ALGEBRA_UNION ? in > 0 : in == count;
}

static void compare(enum algebra_kind kind, enum algebra_aggregate aggregate,
                    const struct algebra_source *sources, uint32_t count)
{
    struct algebra_result result;
    uint32_t expected = 0;

    algebra_compute(kind, aggregate, sources, count, &result);
    for (uint32_t i = 0; i + 1 < result.count; i++)
        assert_true(algebra_compare(&result.elements[i], &result.elements[i + 1]) < 0);
    for (uint32_t member = 0; member < MEMBERS; member++) {
        double score = 0;

        if (!recount(kind, aggregate, sources, count, member, &score))
            continue;
        expected++;
        for (uint32_t i = 0;; i++) {
            assert_true(i < result.count);
            if (!span_equal(result.elements[i].member, span_of(names[member])))
                continue;
            assert_true(result.elements[i].score == score);
            break;
        }
    }
    assert_int_equal(result.count, expected);
    if (kind == ALGEBRA_INTER) {
        assert_int_equal(algebra_inter_count(sources, count, 0), expected);
        assert_int_equal(algebra_inter_count(sources, count, 3), expected < 3 ? expected : 3);
    }
    free(result.elements);
}

static void test_random(void **state)
{
    struct source_table tables[SOURCES_MAX];
    struct algebra_source sources[SOURCES_MAX];

    (void)state;
    for (uint32_t round = 0; round < 20000; round++) {
        enum algebra_kind kind = (enum algebra_kind)random_below(3);
        enum algebra_aggregate aggregate = (enum algebra_aggregate)random_below(3);
        uint32_t count = 1 + random_below(SOURCES_MAX);
        uint32_t driver;

        for (uint32_t i = 0; i < count; i++)
            sources[i] = random_source(&tables[i]);
        compare(kind, aggregate, sources, count);
        driver = algebra_driver(kind, sources, count); /* the others are only asked */
        for (uint32_t i = 0; driver != ALGEBRA_ALL && i < count; i++) {
            sources[i].find = find_in_table;
            if (i != driver)
                sources[i].elements = NULL;
        }
        compare(kind, aggregate, sources, count);
    }
}

/* Sums are made from the smallest source to the largest. */
static void test_order_of_sums(void **state)
{
    struct algebra_element big[] = {
        {SPAN_LITERAL("x"), 1e300}, {SPAN_LITERAL("y"), 1}, {SPAN_LITERAL("z"), 1}};
    struct algebra_element one[] = {{SPAN_LITERAL("x"), 1}};
    struct algebra_element two[] = {{SPAN_LITERAL("x"), -1e300}, {SPAN_LITERAL("y"), 1}};
    struct algebra_source sources[] = {
        {.elements = big, .count = 3, .weight = 1},
        {.elements = one, .count = 1, .weight = 1},
        {.elements = two, .count = 2, .weight = 1},
    };
    struct algebra_result result;

    (void)state;
    algebra_compute(ALGEBRA_UNION, ALGEBRA_SUM, sources, 3, &result);
    assert_int_equal(result.count, 3);
    assert_true(result.elements[0].score == 0); /* (1 - 1e300) + 1e300 */
    free(result.elements);
    sources[1].count = 0;
    algebra_compute(ALGEBRA_INTER, ALGEBRA_SUM, sources, 3, &result);
    assert_int_equal(result.count, 0);
    free(result.elements);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_order_of_sums),
    };

    for (uint32_t i = 0; i < MEMBERS; i++)
        snprintf(names[i], sizeof(names[i]), "m%u", i);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
