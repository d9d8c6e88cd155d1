// SPDX-License-Identifier: Apache-2.0
/* duration.c - durations in definitions are written as those in settings are. */
#include "model/definition.h"

#include "base/conf_units.h"

int duration_parse(struct span text, int64_t *out_ms, struct err *err)
{
    return conf_duration_parse(text, out_ms, err);
}

void duration_print(int64_t ms, struct bytes *out)
{
    conf_duration_print(ms, out);
}
