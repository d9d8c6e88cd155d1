// SPDX-License-Identifier: Apache-2.0
/*
 * errand.h - a question that every worker answers in its own thread, one after the other: CLIENT
 * LIST, CLIENT KILL, INFO.
 *
 * Thread: begun and done on the origin's; each visit on the visited worker's.
 */
#ifndef TALLYWHEEL_COMMAND_ERRAND_H
#define TALLYWHEEL_COMMAND_ERRAND_H

#include <stdint.h>

#include "node/mailbox.h"

struct command_server;
struct command_worker;
struct errand;

/* Embedded first in what is collected. */
struct errand {
    struct message message;
    struct command_server *server;
    struct command_worker *origin;
    uint32_t next; /* the worker to visit */
    void (*visit)(struct errand *errand, struct command_worker *here);
    void (*done)(struct errand *errand); /* back at the origin; owns the errand */
};

/* Visits the workers in their order, always through the loop. */
void errand_begin(struct errand *errand, struct command_worker *origin,
                  void (*visit)(struct errand *errand, struct command_worker *here),
                  void (*done)(struct errand *errand));

#endif
