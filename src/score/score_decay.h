// SPDX-License-Identifier: Apache-2.0
/*
 * score_decay.h - what decayed_sum works out of its half-life; see score_decayed_sum.c.
 *
 * Thread: pure functions; any.
 */
#ifndef TALLYWHEEL_SCORE_SCORE_DECAY_H
#define TALLYWHEEL_SCORE_SCORE_DECAY_H

#include <stdint.h>

#include "score/score.h"

struct err;

#define SCORE_HALF_LIFE_MS_MIN 1000
#define SCORE_HALF_LIFE_MS_MAX (INT64_C(100) * 365 * 86400000)

/* ERR_INVALID if the half-life is out of its range. */
int score_decay_init(struct score_decay *out_decay, int64_t half_life_ms, struct err *err);

#endif
