// SPDX-License-Identifier: Apache-2.0
/*
 * score_script.h - a Lua script that computes a score, in a cage.
 *
 * A script defines functions:
 *
 *     function init(s)                              optional: sets the state of a new member
 *     function fold(s, event_ms, v1, v2, v3)        an event: changes s, returns the score
 *     function merge(s, t)                          optional: adds the state t of another span of
 *                                                   time to s, returns the score; rolling periods
 *
 * `s` is all that is remembered of a member: the numbers s[1] to s[4], 0 at first. To return
 * nothing leaves the score as it is.
 *
 * What holds the cage together:
 *   - There are assert, error, ipairs, select, tonumber, type, unpack and, of math, what gives the
 *     same bits on every machine (exp2, log2 and pow are our own). No files, no clock, no random
 *     numbers, no order of pairs, no strings but literals and `..`, no way to load or to catch.
 *   - `x ^ y` is refused when the script is loaded: it is the C library's. math.pow is not.
 *   - Nothing but `s` outlives a call: globals can not be written, no global or captured local may
 *     be a table, and captured locals get their values back after every call.
 *   - A call may execute SCORE_SCRIPT_STEPS instructions of the interpreter; the script with all
 *     that it holds may take SCORE_SCRIPT_BYTES. Instructions are counted, not time, so that a
 *     replay stops where the first run did; the JIT compiler is off, as what it compiles is not
 *     counted.
 *   - A call that is stopped, fails, or returns no number is counted and changes nothing.
 *
 * Thread: one owner; each board of each partition has a script of its own.
 */
#ifndef TALLYWHEEL_SCORE_SCORE_SCRIPT_H
#define TALLYWHEEL_SCORE_SCORE_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct err;
struct score_script;

#define SCORE_SCRIPT_NUMBERS 4
#define SCORE_SCRIPT_STEPS 10000
#define SCORE_SCRIPT_BYTES (1u << 20)
#define SCORE_SCRIPT_TEXT_BYTES_MAX (256u << 10)

struct score_script_stat {
    uint64_t over_steps;  /* calls that were stopped */
    uint64_t over_memory; /* calls that were stopped */
    uint64_t failed;      /* calls that raised an error or returned no number */
    const char *message;  /* of the last of them; "" if there was none */
};

/* `name` is for messages. ERR_INVALID if it is no script or breaks a rule; the text says where. */
int score_script_new(struct score_script **out_script, struct span text, const char *name,
                     struct err *err);
void score_script_free(struct score_script *script);

bool score_script_can_merge(const struct score_script *script);
struct score_script_stat score_script_stat(const struct score_script *script);
uint64_t score_script_bytes(const struct score_script *script);

/* What a call gave. */
enum score_script_outcome {
    SCORE_SCRIPT_SCORE,   /* the state changed and there is a score */
    SCORE_SCRIPT_NOTHING, /* the state changed; the score stays */
    SCORE_SCRIPT_STOPPED, /* nothing changed */
};

/* Each changes `numbers` (of SCORE_SCRIPT_NUMBERS) only if it was not stopped. */
enum score_script_outcome score_script_init(struct score_script *script, double *numbers);
enum score_script_outcome score_script_fold(struct score_script *script, double *numbers,
                                            int64_t event_ms, const double *values,
                                            uint32_t value_count, double *out_score);
enum score_script_outcome score_script_merge(struct score_script *script, double *numbers,
                                             const double *others, double *out_score);

#endif
