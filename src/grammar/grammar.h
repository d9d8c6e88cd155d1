// SPDX-License-Identifier: Apache-2.0
/*
 * grammar.h - the words of a command, checked and turned into a typed command (model/command.h).
 *
 * Everything that can be checked without looking at a key is checked here, in the order in which
 * Redis 7.2 checks it and with its texts. What is wrong never reaches a journal.
 *
 * A function either adds exactly one command to `list` and returns true, or leaves `list` as it
 * was, puts one REPLY_ERROR into `error`, and returns false. The number of words has been checked
 * against the arity in the table of commands before.
 *
 * Thread: plain functions over what is passed in; any.
 */
#ifndef TALLYWHEEL_GRAMMAR_GRAMMAR_H
#define TALLYWHEEL_GRAMMAR_GRAMMAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct command_list;

/* How the reply of the typed command has to be changed to be that of the words. */
enum grammar_shape {
    GRAMMAR_AS_IS,
    GRAMMAR_POPPED,       /* key and pairs (ZMPOP's) to key, member, score (BZPOPMIN's) */
    GRAMMAR_IDLE,         /* an encoding to 0, no value as it is: OBJECT IDLETIME */
    GRAMMAR_REFERENCES,   /* an encoding to 1, no value as it is: OBJECT REFCOUNT */
    GRAMMAR_FREQUENCY,    /* an encoding to Redis's error, no value as it is: OBJECT FREQ */
    GRAMMAR_MEMORY,       /* how many members to an estimate of bytes, 0 to no value */
    GRAMMAR_SCAN,         /* the cursor of a partition to one of all of them */
    GRAMMAR_SCAN_NOTHING, /* the same, and no keys: another type was asked for */
    GRAMMAR_ZSCAN_SYNTAX, /* how many members to a syntax error, 0 to an empty scan */
    GRAMMAR_ZSCAN_NUMBER, /* the same, to the error of a number */
};

struct grammar {
    const struct span *args; /* the whole command, with its name */
    uint32_t count;
    const char *name; /* in lower case, "object|encoding": for texts */
    int64_t now_ms;   /* the wall clock, for times that are given as durations */
    struct command_list *list;
    struct bytes *error;

    /* What some commands say beyond the typed command. */
    enum grammar_shape shape;
    uint64_t cursor;    /* SCAN: of all partitions; the command's own is still 0 */
    int64_t timeout_ms; /* BZPOPMIN and others: 0 is for ever */
};

typedef bool grammar_fn(struct grammar *grammar);

/* ---- numbers: grammar_number.c ---- */

/* A decimal i64 without leading zeros, "+" or blanks, as Redis takes integers. */
bool grammar_int_read(struct span text, int64_t *out_value);

/* An unsigned one: a cursor. */
bool grammar_cursor_read(struct span text, uint64_t *out_value);

/* What strtod takes, all of it, without blanks in front, not NaN and not out of range. */
bool grammar_score_read(struct span text, double *out_value);

/* Whether `text` is `word` (in lower case), in any case. */
bool grammar_is(struct span text, const char *word);

/* ---- sorted sets: grammar_write.c, grammar_range.c, grammar_read.c, grammar_algebra.c ---- */

grammar_fn grammar_zadd;
grammar_fn grammar_zincrby;
grammar_fn grammar_zrem;
grammar_fn grammar_zpopmin;
grammar_fn grammar_zpopmax;
grammar_fn grammar_zmpop;
grammar_fn grammar_bzpopmin;
grammar_fn grammar_bzpopmax;
grammar_fn grammar_bzmpop;
grammar_fn grammar_tw_update;

grammar_fn grammar_zrange;
grammar_fn grammar_zrangebylex;
grammar_fn grammar_zrangebyscore;
grammar_fn grammar_zrangestore;
grammar_fn grammar_zrevrange;
grammar_fn grammar_zrevrangebylex;
grammar_fn grammar_zrevrangebyscore;
grammar_fn grammar_zcount;
grammar_fn grammar_zlexcount;
grammar_fn grammar_zremrangebylex;
grammar_fn grammar_zremrangebyrank;
grammar_fn grammar_zremrangebyscore;

grammar_fn grammar_zcard;
grammar_fn grammar_zscore;
grammar_fn grammar_zmscore;
grammar_fn grammar_zrank;
grammar_fn grammar_zrevrank;
grammar_fn grammar_zrandmember;
grammar_fn grammar_zscan;
grammar_fn grammar_tw_among;
grammar_fn grammar_tw_around;

grammar_fn grammar_zdiff;
grammar_fn grammar_zdiffstore;
grammar_fn grammar_zinter;
grammar_fn grammar_zintercard;
grammar_fn grammar_zinterstore;
grammar_fn grammar_zunion;
grammar_fn grammar_zunionstore;

/* ---- keys of any kind: grammar_generic.c ---- */

grammar_fn grammar_copy;
grammar_fn grammar_dbsize;
grammar_fn grammar_del;
grammar_fn grammar_exists;
grammar_fn grammar_expire;
grammar_fn grammar_expireat;
grammar_fn grammar_expiretime;
grammar_fn grammar_flush;
grammar_fn grammar_keys;
grammar_fn grammar_memory_usage;
grammar_fn grammar_object_encoding;
grammar_fn grammar_object_freq;
grammar_fn grammar_object_idletime;
grammar_fn grammar_object_refcount;
grammar_fn grammar_persist;
grammar_fn grammar_pexpire;
grammar_fn grammar_pexpireat;
grammar_fn grammar_pexpiretime;
grammar_fn grammar_pttl;
grammar_fn grammar_randomkey;
grammar_fn grammar_rename;
grammar_fn grammar_renamenx;
grammar_fn grammar_scan;
grammar_fn grammar_ttl;
grammar_fn grammar_type;

#endif
