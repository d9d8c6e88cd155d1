// SPDX-License-Identifier: Apache-2.0
/* score.c - the registry of score strategies; see score.h. */
#include "score/score.h"

#include <stddef.h>

static const struct score_strategy *const strategies[] = {
    &score_last, &score_sum, &score_max, &score_min, &score_count,
};

const struct score_strategy *score_find(struct span name)
{
    for (size_t i = 0; i < sizeof(strategies) / sizeof(strategies[0]); i++)
        if (span_equal(name, span_of(strategies[i]->name)))
            return strategies[i];
    return NULL;
}

const char *score_names(void)
{
    return "last, sum, max, min, count";
}
