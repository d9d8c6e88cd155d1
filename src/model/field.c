// SPDX-License-Identifier: Apache-2.0
/* field.c - the words for the types of fields. */
#include "model/definition.h"

#include <assert.h>

static const char *const type_texts[] = {
    [FIELD_INT] = "int",   [FIELD_FLOAT] = "float", [FIELD_STRING] = "string",
    [FIELD_BOOL] = "bool", [FIELD_TIME] = "time",
};

const char *field_type_text(enum field_type type)
{
    assert(type <= FIELD_TIME);
    return type_texts[type];
}
