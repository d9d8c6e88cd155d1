// SPDX-License-Identifier: Apache-2.0
/* score_script_private.h - what a script is made of. Private to score_script*.c. */
#ifndef TALLYWHEEL_SCORE_SCORE_SCRIPT_PRIVATE_H
#define TALLYWHEEL_SCORE_SCORE_SCRIPT_PRIVATE_H

#include <stddef.h>

#include "score/score_script.h"

struct lua_State;

#define SCRIPT_CAPTURED_MAX 64
#define SCRIPT_MESSAGE_BYTES 200

/* What stands on the stack of a loaded script, from the bottom. Missing functions are nil. */
enum script_slot {
    SCRIPT_INIT = 1,
    SCRIPT_FOLD,
    SCRIPT_MERGE,
    SCRIPT_STATE, /* the tables that are passed as s and t, used again and again */
    SCRIPT_OTHER,
    SCRIPT_CAPTURED, /* a function and the value of one of its captured locals, in pairs */
    SCRIPT_TOP = SCRIPT_CAPTURED
};

struct score_script {
    struct lua_State *lua;
    bool has_init;
    bool has_merge;
    bool limited;        /* a call runs: beyond the limit, its allocations fail */
    bool over_steps;     /* of the call that runs or ran last */
    size_t used;         /* bytes, as counted by the allocator */
    size_t used_at_rest; /* after the last collection */
    uint32_t captured_count;
    int captured[SCRIPT_CAPTURED_MAX]; /* which upvalue of its function */
    struct score_script_stat stat;     /* without the message */
    char message[SCRIPT_MESSAGE_BYTES];
};

void *score_script_allocate(void *context, void *old, size_t old_size, size_t size);
int score_script_call(struct score_script *script, int arg_count, int result_count);

#endif
