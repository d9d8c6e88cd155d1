// SPDX-License-Identifier: Apache-2.0
/*
 * score_key.h - a score as a u64 whose order is the board's: smaller is better.
 *
 * Integers are exact over all of int64. Doubles are in total order; -0.0 is 0.0, NaN never gets
 * this far. The mapping is a bijection, so the score can be read back from its key.
 *
 * Thread: plain values; any.
 */
#ifndef TALLYWHEEL_SCORE_SCORE_KEY_H
#define TALLYWHEEL_SCORE_SCORE_KEY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "model/definition.h"
#include "model/value.h"

#define SCORE_KEY_SIGN ((uint64_t)1 << 63)

/* `bits` is the int64, or the double, as it lies in memory. */
static inline uint64_t score_key_of_bits(uint64_t bits, bool is_int, enum board_order order)
{
    uint64_t key;

    if (is_int)
        key = bits ^ SCORE_KEY_SIGN;
    else if (bits & SCORE_KEY_SIGN)
        key = bits == SCORE_KEY_SIGN ? SCORE_KEY_SIGN : ~bits; /* -0.0 is 0.0 */
    else
        key = bits | SCORE_KEY_SIGN;
    return order == BOARD_DESC ? ~key : key;
}

static inline uint64_t score_key_of(struct value score, enum board_order order)
{
    uint64_t bits;

    if (score.type == VALUE_INT)
        bits = (uint64_t)score.i;
    else
        memcpy(&bits, &score.f, sizeof(bits));
    return score_key_of_bits(bits, score.type == VALUE_INT, order);
}

static inline struct value score_key_value(uint64_t key, bool is_int, enum board_order order)
{
    struct value value = {.type = is_int ? VALUE_INT : VALUE_FLOAT};
    uint64_t up = order == BOARD_DESC ? ~key : key;

    if (is_int) {
        value.i = (int64_t)(up ^ SCORE_KEY_SIGN);
    } else {
        up = up & SCORE_KEY_SIGN ? up ^ SCORE_KEY_SIGN : ~up;
        memcpy(&value.f, &up, sizeof(up));
    }
    return value;
}

#endif
