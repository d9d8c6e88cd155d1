// SPDX-License-Identifier: Apache-2.0
/* strategy_count.c - how many rows, or how many rows that have the field. */
#include "strategy/strategy.h"

struct count_state {
    uint64_t count;
};

static void count_fold(const struct strategy_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++)
        ((struct count_state *)rows->states[i])->count++;
}

static void count_merge(void *into, const void *from)
{
    ((struct count_state *)into)->count += ((const struct count_state *)from)->count;
}

static struct value count_read(const void *state)
{
    return (struct value){VALUE_INT, {.i = (int64_t)((const struct count_state *)state)->count}};
}

const struct strategy_ops strategy_count = {
    "count", sizeof(struct count_state), count_fold, count_merge, count_read,
};
