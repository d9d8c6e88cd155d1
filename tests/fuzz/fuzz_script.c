// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_script.c - scripts from strangers: whatever loads may be called, ends, stays within its
 * memory, and leaves a state of numbers.
 */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "score/score_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    struct score_script *script;

    if (score_script_new(&script, text, "f.lua", NULL) < 0)
        return 0;
    for (int i = 0; i < 3; i++) {
        double numbers[SCORE_SCRIPT_NUMBERS] = {i, -1};
        double others[SCORE_SCRIPT_NUMBERS] = {1, 2, 3, 4};
        double values[3] = {i, 1e300, -0.5};
        double score = 0;

        (void)score_script_init(script, numbers);
        (void)score_script_fold(script, numbers, i, values, (uint32_t)i + 1, &score);
        if (score_script_can_merge(script))
            (void)score_script_merge(script, numbers, others, &score);
        assert(isfinite(score));
        for (int j = 0; j < SCORE_SCRIPT_NUMBERS; j++)
            assert(!isnan(numbers[j]));
        assert(score_script_bytes(script) < 2 * SCORE_SCRIPT_BYTES);
    }
    score_script_free(script);
    return 0;
}
