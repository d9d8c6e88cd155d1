// SPDX-License-Identifier: Apache-2.0
/*
 * backends.h - the one list of what is compiled in.
 *
 * Thread: any; the tables are constant.
 */
#ifndef TALLYWHEEL_MAIN_BACKENDS_H
#define TALLYWHEEL_MAIN_BACKENDS_H

#include "base/conf.h"

struct journal_ops;

/* The journal for a durability: in memory, or in files. */
const struct journal_ops *backends_journal(enum conf_durability durability);

#endif
