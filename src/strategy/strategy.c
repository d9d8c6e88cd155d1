// SPDX-License-Identifier: Apache-2.0
/* strategy.c - the registry of strategies by name; see strategy.h. */
#include "strategy/strategy.h"

#include <string.h>

#include "base/err.h"

#define STRATEGY_NAMES "count, sum, avg, min, max, last"

enum takes { TAKES_FIELD, TAKES_FIELD_OR_NONE };

struct strategy_entry {
    const char *name;
    enum takes takes;
    const struct strategy_ops *ints;
    const struct strategy_ops *floats;
};

/* Sorted by name. */
static const struct strategy_entry entries[] = {
    {"avg", TAKES_FIELD, &strategy_avg_int, &strategy_avg_float},
    {"count", TAKES_FIELD_OR_NONE, &strategy_count, &strategy_count},
    {"last", TAKES_FIELD, &strategy_last_int, &strategy_last_float},
    {"max", TAKES_FIELD, &strategy_max_int, &strategy_max_float},
    {"min", TAKES_FIELD, &strategy_min_int, &strategy_min_float},
    {"sum", TAKES_FIELD, &strategy_sum_int, &strategy_sum_float},
};

static const struct strategy_entry *find(const char *name)
{
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
        if (strcmp(entries[i].name, name) == 0)
            return &entries[i];
    return NULL;
}

int strategy_resolve(struct strategy *out_strategy, const struct call *call,
                     const struct stream_def *stream, struct err *err)
{
    const struct strategy_entry *entry = find(call->name);
    enum field_type type;
    int32_t field;

    if (entry == NULL)
        return err_set(err, ERR_INVALID, "unknown strategy \"%s\", expected one of %s", call->name,
                       STRATEGY_NAMES);
    if (call->arg_count == 0 && entry->takes == TAKES_FIELD_OR_NONE) {
        *out_strategy = (struct strategy){entry->ints, -1, FIELD_INT};
        return 0;
    }
    if (call->arg_count != 1)
        return err_set(err, ERR_INVALID, "%s takes one field, such as %s(points), got %u arguments",
                       call->name, call->name, call->arg_count);
    field = stream_def_field(stream, span_of(call->args[0]));
    if (field < 0)
        return err_set(err, ERR_INVALID, "%s(%s): stream \"%s\" has no field \"%s\"", call->name,
                       call->args[0], stream->name, call->args[0]);
    type = stream->fields[field].type;
    if (entry->ints != &strategy_count && type != FIELD_INT && type != FIELD_FLOAT)
        return err_set(err, ERR_INVALID, "%s(%s): the field is of type %s, expected int or float",
                       call->name, call->args[0], field_type_text(type));
    *out_strategy =
        (struct strategy){type == FIELD_FLOAT ? entry->floats : entry->ints, field, type};
    return 0;
}
