// SPDX-License-Identifier: Apache-2.0
/* read.c - see read.h. */
#include "query/read.h"

#include <stddef.h>

void read_free(struct read *read)
{
    if (read != NULL)
        read->ops->free(read);
}
