// SPDX-License-Identifier: Apache-2.0
/* value.c - see value.h. */
#include "model/value.h"

#include "base/json.h"

void value_print(struct value value, struct json_out *out)
{
    switch (value.type) {
    case VALUE_INT:
        json_out_int(out, value.i);
        break;
    case VALUE_FLOAT:
        json_out_double(out, value.f);
        break;
    case VALUE_NONE:
        json_out_null(out);
        break;
    }
}
