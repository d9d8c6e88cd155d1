// SPDX-License-Identifier: Apache-2.0
/*
 * value.h - one number of an answer: an exact integer, a double, or nothing.
 *
 * Thread: plain values; any.
 */
#ifndef TALLYWHEEL_MODEL_VALUE_H
#define TALLYWHEEL_MODEL_VALUE_H

#include <stdint.h>

enum value_type { VALUE_NONE, VALUE_INT, VALUE_FLOAT };

struct value {
    enum value_type type;
    union {
        int64_t i;
        double f;
    };
};

struct json_out;

/* As a JSON number, or null. */
void value_print(struct value value, struct json_out *out);

#endif
