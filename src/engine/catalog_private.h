// SPDX-License-Identifier: Apache-2.0
/* catalog_private.h - what catalog.c and catalog_check.c share. */
#ifndef TALLYWHEEL_ENGINE_CATALOG_PRIVATE_H
#define TALLYWHEEL_ENGINE_CATALOG_PRIVATE_H

#include "engine/catalog.h"

/*
 * Fill in what a definition means on the streams of `catalog`: ids, columns, strategy. ERR_INVALID
 * with the path of what does not fit.
 */
int catalog_bind_metric(const struct catalog *catalog, const struct metric_def *def,
                        struct catalog_metric *out_metric, struct err *err);

/* `files` holds what the definition names. The zone of the board is the caller's to free. */
int catalog_bind_board(const struct catalog *catalog, const struct board_def *def,
                       const struct catalog_files *files, struct catalog_board *out_board,
                       struct err *err);

/*
 * The definition of a stream that has rows already: the old one's fields, then the new ones.
 * ERR_CONFLICT where a field changed its type or is gone, or key, time or id changed.
 */
int catalog_extend_stream(const struct stream_def *old, struct stream_def *def, struct err *err);

#endif
