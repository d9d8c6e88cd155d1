// SPDX-License-Identifier: Apache-2.0
/*
 * command.h - commands on plain keys, checked and typed: what is journaled and folded of RESP.
 *
 * A plain key is a board that no definition made: it lives in the partition of its name, its
 * scores are doubles, and its order is Redis's (score, then member bytes, ascending). A command
 * comes here after its grammar has been checked: an operation, flags, and arguments, of which the
 * first `key_count` are keys. Numbers among the arguments are 8 bytes (i64 or f64, native order;
 * the journal is little-endian like everything else of it). The table below says what each
 * operation takes.
 *
 * A command_list is what one submission carries: reads and writes in the order in which they must
 * be seen. Only the writes are encoded for the journal (JOURNAL_COMMANDS):
 *
 *     u8 version (1), then for each write: varint op, varint flags, varint key_count,
 *     varint arg_count, and for each argument: varint size, bytes
 *
 * Thread: the owner of the list.
 */
#ifndef TALLYWHEEL_MODEL_COMMAND_H
#define TALLYWHEEL_MODEL_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct err;

/*
 * X(name, number, is_write). Numbers are in journals: never reuse one. "s" is a score (f64), "m" a
 * member, "n" an i64, "..." repeats. Bounds are two arguments each, see command_bound.
 */
#define COMMAND_OPS(X)                                                                             \
    /* writes */                                                                                   \
    X(ZADD, 1, true)          /* key, (s, m)...; COMMAND_NX.. COMMAND_INCR COMMAND_CH */           \
    X(ZREM, 2, true)          /* key, m... */                                                      \
    X(ZREMRANGE, 3, true)     /* key, low, high; COMMAND_BY_* */                                   \
    X(ZPOP, 4, true)          /* key..., n; COMMAND_MAX, COMMAND_COUNTED, COMMAND_MPOP */          \
    X(ZSTORE, 5, true)        /* dest, (s, m)...: replaces the key; replies the count; */          \
                              /* COMMAND_GREW */                                                   \
    X(ZRANGESTORE, 6, true)   /* dest, source, low, high, n offset, n limit; COMMAND_BY_* */       \
    X(ZALGEBRASTORE, 7, true) /* dest, key..., s weight for each key; COMMAND_UNION.. */           \
    X(DEL, 8, true)           /* key... */                                                         \
    X(EXPIREAT, 9, true)      /* key, n at_ms; COMMAND_NX XX GT LT */                              \
    X(PERSIST, 10, true)      /* key */                                                            \
    X(RENAME, 11, true)       /* key, new key; COMMAND_NX */                                       \
    X(FLUSH, 12, true)        /* nothing: all keys */                                              \
    X(IF_WATCHED, 13, true)   /* key..., n version for each, n how many commands: skips them */    \
                              /* (no reply of theirs) unless all versions still hold */            \
    X(TW_UPDATE, 14, true)    /* as ZADD of one pair: old and new score and rank, passed; */       \
                              /* COMMAND_REV: ranks from the greatest */                           \
    X(COPY, 15, true)         /* key, new key; COMMAND_REPLACE */                                  \
    /* reads */                                                                                    \
    X(ZSCORE, 64, false)      /* key, m...; COMMAND_COUNTED: many (ZMSCORE) */                     \
    X(ZRANK, 65, false)       /* key, m; COMMAND_REV COMMAND_WITHSCORES */                         \
    X(ZCARD, 66, false)       /* key */                                                            \
    X(ZCOUNT, 67, false)      /* key, low, high; COMMAND_BY_SCORE or COMMAND_BY_LEX */             \
    X(ZRANGE, 68, false)      /* key, low, high, n offset, n limit (-1: all) */                    \
                              /* COMMAND_BY_* COMMAND_REV COMMAND_WITHSCORES */                    \
    X(ZRANDMEMBER, 69, false) /* key, n count; COMMAND_COUNTED COMMAND_WITHSCORES */               \
    X(ZSCAN, 70, false)       /* key, n cursor, n count, pattern (empty: all) */                   \
    X(ZALGEBRA, 71, false)    /* key..., s weight for each key, n limit; COMMAND_UNION.. */        \
                              /* COMMAND_CARD: only how many, up to limit (ZINTERCARD) */          \
    X(ZDUMP, 72, false)       /* key: REPLY_PAIRS of all, and its deadline: for commands */        \
                              /* over several partitions */                                        \
    X(EXISTS, 73, false)      /* key... */                                                         \
    X(TYPE, 74, false)        /* key */                                                            \
    X(EXPIRY, 75, false)      /* key; COMMAND_MS: in ms; COMMAND_ABSOLUTE: EXPIRETIME */           \
    X(KEYS, 76, false)        /* pattern */                                                        \
    X(SCAN, 77, false)        /* n cursor, n count, pattern (empty: all) */                        \
    X(DBSIZE, 78, false)      /* nothing */                                                        \
    X(RANDOMKEY, 79, false)   /* nothing */                                                        \
    X(VERSION, 80, false)     /* key: changes whenever the key does; 0: not there */               \
    X(TW_AROUND, 81, false)   /* key, m, n above and below; COMMAND_REV */                         \
    X(TW_AMONG, 82, false)    /* key, m...: ranks among these; COMMAND_REV */                      \
    X(ENCODING, 83, false)    /* key: OBJECT ENCODING */

enum command_op {
#define X(name, number, is_write) COMMAND_##name = (number),
    COMMAND_OPS(X)
#undef X
};

enum command_flag {
    COMMAND_NX = 1 << 0,
    COMMAND_XX = 1 << 1,
    COMMAND_GT = 1 << 2,
    COMMAND_LT = 1 << 3,
    COMMAND_CH = 1 << 4,
    COMMAND_INCR = 1 << 5,
    COMMAND_BY_RANK = 1 << 6,
    COMMAND_BY_SCORE = 1 << 7,
    COMMAND_BY_LEX = 1 << 8,
    COMMAND_REV = 1 << 9,
    COMMAND_WITHSCORES = 1 << 10,
    COMMAND_MAX = 1 << 11,     /* the greatest, not the least */
    COMMAND_COUNTED = 1 << 12, /* a count was given: the shape of the reply differs */
    COMMAND_MPOP = 1 << 13,    /* ZMPOP's reply: the key and its elements */
    COMMAND_UNION = 1 << 14,
    COMMAND_INTER = 1 << 15,
    COMMAND_DIFF = 1 << 16,
    COMMAND_AGGREGATE_MIN = 1 << 17, /* else the sum */
    COMMAND_AGGREGATE_MAX = 1 << 18,
    COMMAND_CARD = 1 << 19,
    COMMAND_MS = 1 << 20,
    COMMAND_ABSOLUTE = 1 << 21,
    COMMAND_REPLACE = 1 << 22,
    COMMAND_GREW = 1 << 23, /* what ENCODING remembers of the key it comes from */
};

/*
 * A bound of a range takes two arguments: a byte of enum command_bound, and a value: f64 by score,
 * the bytes by lex, i64 by rank (which may be negative: from the end; always inclusive). No value
 * (size 0) with COMMAND_BOUND_LEAST and _GREATEST: "-" and "+".
 *
 * By score and by lex, low is the lower bound also with COMMAND_REV. By rank, low is where the
 * range begins in the order asked for: with COMMAND_REV, 0 is the greatest.
 */
enum command_bound {
    COMMAND_BOUND_INCLUSIVE,
    COMMAND_BOUND_EXCLUSIVE,
    COMMAND_BOUND_LEAST,
    COMMAND_BOUND_GREATEST,
};

struct command_arg {
    uint32_t at; /* in the list's data */
    uint32_t size;
};

struct command {
    uint16_t op;
    uint16_t key_count;
    uint32_t flags;
    uint32_t arg_begin; /* among the list's args */
    uint32_t arg_count;
};

/* All zero is empty. */
struct command_list {
    struct bytes data;
    struct command_arg *args;
    uint32_t arg_count;
    uint32_t arg_capacity;
    struct command *commands;
    uint32_t count;
    uint32_t capacity;
    uint32_t write_count;
};

void command_list_done(struct command_list *list);
void command_list_clear(struct command_list *list); /* keeps its memory */

/* Adds a command without arguments; the functions below add to the last one. */
void command_list_add(struct command_list *list, enum command_op op, uint32_t flags);
void command_list_key(struct command_list *list, struct span key); /* before other arguments */
void command_list_arg(struct command_list *list, struct span arg);
void command_list_int(struct command_list *list, int64_t value);
void command_list_score(struct command_list *list, double value);

/* Takes the last command back. */
void command_list_drop(struct command_list *list);

/* Appends command `index` of `from`, as it is. */
void command_list_copy(struct command_list *list, const struct command_list *from, uint32_t index);

static inline struct span command_arg(const struct command_list *list,
                                      const struct command *command, uint32_t index)
{
    struct command_arg arg = list->args[command->arg_begin + index];

    /* A list of nothing but arguments of no bytes has no data. */
    return (struct span){list->data.data != NULL ? list->data.data + arg.at : "", arg.size};
}

/* The argument must be 8 bytes. */
int64_t command_arg_int(const struct command_list *list, const struct command *command,
                        uint32_t index);
double command_arg_score(const struct command_list *list, const struct command *command,
                         uint32_t index);

bool command_is_write(enum command_op op);
const char *command_op_text(enum command_op op);

/* Appends the writes of a list as a journal payload. */
void command_list_encode(const struct command_list *list, struct bytes *out);

/*
 * Adds the commands of a payload to a list. Checks all that can be checked without keys: sizes,
 * known operations, the number and the sizes of arguments. ERR_CORRUPT, the list is then cleared.
 */
int command_list_decode(struct command_list *list, struct span payload, struct err *err);

#endif
