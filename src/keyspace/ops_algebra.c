// SPDX-License-Identifier: Apache-2.0
/*
 * ops_algebra.c - several keys of this partition put together, and the two commands that a
 * coordinator over several partitions needs: ZDUMP gives it a key, ZSTORE takes its result.
 *
 * Only what algebra_driver asks for is copied out of the board; the other keys are asked member
 * by member. So an intersection with a large key costs as much as the smallest.
 */
#include <stdlib.h>

#include "keyspace/keyspace_private.h"

#define UNION_ELEMENTS_MAX (1u << 28)

struct operand {
    const struct board *board;
    uint32_t segment;
    struct elements elements;
};

static bool find_in_operand(const void *context, struct span member, double *out_score)
{
    const struct operand *operand = context;
    struct board_entry entry;

    if (!board_find(operand->board, operand->segment, member, &entry))
        return false;
    *out_score = entry.score.f;
    return true;
}

static enum algebra_kind kind_of(const struct operation *call)
{
    if (call_has(call, COMMAND_UNION))
        return ALGEBRA_UNION;
    return call_has(call, COMMAND_INTER) ? ALGEBRA_INTER : ALGEBRA_DIFF;
}

static enum algebra_aggregate aggregate_of(const struct operation *call)
{
    if (call_has(call, COMMAND_AGGREGATE_MIN))
        return ALGEBRA_MIN;
    return call_has(call, COMMAND_AGGREGATE_MAX) ? ALGEBRA_MAX : ALGEBRA_SUM;
}

/* The sources of a call, whose keys begin at argument `first`, weights behind the keys. */
struct operands {
    uint32_t count;
    struct operand *operands;
    struct algebra_source *sources;
};

/* False, with an error reply: a union copies all that its sources hold. */
static bool check_sizes(const struct operation *call, uint32_t first)
{
    uint64_t sum = 0;

    for (uint32_t i = first; i < call->command->key_count; i++) {
        uint32_t id = key_table_of(call, i);

        sum += id != KEY_NONE ? key_at(call->keyspace, id)->member_count : 0;
    }
    if (sum <= UNION_ELEMENTS_MAX || kind_of(call) != ALGEBRA_UNION)
        return true;
    reply_error(call->out, "ERR the sets have more than %u members together",
                (unsigned)UNION_ELEMENTS_MAX);
    return false;
}

static void operands_init(struct operands *operands, const struct operation *call, uint32_t first)
{
    struct keyspace *keyspace = call->keyspace;
    uint32_t count = call->command->key_count - first;
    uint32_t driver;

    operands->count = count;
    operands->operands = bytes_alloc_zero(count, sizeof(operands->operands[0]));
    operands->sources = bytes_alloc_zero(count, sizeof(operands->sources[0]));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t id = key_table_of(call, first + i);
        struct operand *operand = &operands->operands[i];

        operand->board = keyspace->board;
        operand->segment = id != KEY_NONE ? key_at(keyspace, id)->segment : BOARD_SEGMENT_NONE;
        operands->sources[i] = (struct algebra_source){
            .count = id != KEY_NONE ? key_at(keyspace, id)->member_count : 0,
            .weight = call_score(call, call->command->key_count + i),
            .find = find_in_operand,
            .context = operand,
        };
    }
    driver = algebra_driver(kind_of(call), operands->sources, count);
    for (uint32_t i = 0; i < count; i++) {
        struct operand *operand = &operands->operands[i];
        struct rank_range all = {0, operands->sources[i].count};

        if ((driver != ALGEBRA_ALL && driver != i) || all.to == 0)
            continue;
        elements_collect(keyspace, operand->segment, all, &operand->elements);
        operands->sources[i].elements = operand->elements.items;
    }
}

static void operands_done(struct operands *operands)
{
    for (uint32_t i = 0; i < operands->count; i++)
        elements_done(&operands->operands[i].elements);
    free(operands->operands);
    free(operands->sources);
}

static void reply_elements(const struct operation *call, const struct algebra_element *elements,
                           uint32_t count)
{
    bool with_scores = call_has(call, COMMAND_WITHSCORES);
    struct bytes *out = call->out;
    size_t begin = out->size;

    reply_aggregate(out, with_scores ? REPLY_PAIRS : REPLY_ARRAY, count);
    for (uint32_t i = 0; i < count; i++) {
        reply_bulk(out, elements[i].member);
        if (with_scores)
            reply_double(out, elements[i].score);
        if (keyspace_reply_overflows(call->keyspace, out, begin))
            return;
    }
}

void ops_algebra_zalgebra(const struct operation *call)
{
    struct operands operands;
    struct algebra_result result = {0};

    if (!check_sizes(call, 0))
        return;
    operands_init(&operands, call, 0);
    if (call_has(call, COMMAND_CARD)) {
        int64_t limit = call_int(call, call->command->arg_count - 1);

        reply_int(call->out,
                  algebra_inter_count(operands.sources, operands.count,
                                      limit < 0 || limit > UINT32_MAX ? 0 : (uint32_t)limit));
    } else {
        algebra_compute(kind_of(call), aggregate_of(call), operands.sources, operands.count,
                        &result);
        reply_elements(call, result.elements, result.count);
        free(result.elements);
    }
    operands_done(&operands);
}

void ops_algebra_zalgebrastore(const struct operation *call)
{
    struct operands operands;
    struct algebra_result result;
    struct elements elements = {0};

    if (!check_sizes(call, 1))
        return;
    operands_init(&operands, call, 1);
    algebra_compute(kind_of(call), aggregate_of(call), operands.sources, operands.count, &result);
    operands_done(&operands);
    elements.items = result.elements;
    elements.count = elements.capacity = result.count;
    elements_own(call->keyspace, &elements);
    elements_store(call->keyspace, call_arg(call, 0), &elements, call->out);
    elements_done(&elements);
}

void ops_algebra_zstore(const struct operation *call)
{
    struct elements elements = {0};
    uint32_t id;

    for (uint32_t i = 1; i + 1 < call->command->arg_count; i += 2)
        elements_add(&elements, call_arg(call, i + 1), call_score(call, i));
    id = elements_store(call->keyspace, call_arg(call, 0), &elements, call->out);
    if (id != KEY_NONE && call_has(call, COMMAND_GREW))
        key_at(call->keyspace, id)->flags |= KEY_GREW;
    elements_done(&elements);
}

void ops_algebra_zdump(const struct operation *call)
{
    struct keyspace *keyspace = call->keyspace;
    uint32_t id = key_table_of(call, 0);
    size_t begin = call->out->size;
    const struct key *key;

    if (id == KEY_NONE) {
        reply_null(call->out);
        return;
    }
    key = key_at(keyspace, id);
    reply_aggregate(call->out, REPLY_ARRAY, 2);
    reply_int(call->out, key->deadline != DEADLINE_NONE ? expire_at(keyspace, key) : 0);
    if (!elements_reply(keyspace, key->segment, (struct rank_range){0, key->member_count}, false,
                        true, call->out)) {
        call->out->size = begin; /* an error is the whole reply, not a part of it */
        keyspace_reply_refuse(keyspace, call->out);
    }
}
