// SPDX-License-Identifier: Apache-2.0
/* zset_model_ops.h - what the files of the model share. */
#ifndef TALLYWHEEL_TESTS_ZSET_MODEL_OPS_H
#define TALLYWHEEL_TESTS_ZSET_MODEL_OPS_H

#include "model/command.h"
#include "model/reply.h"
#include "support/zset_model.h"

int zset_compare_names(const struct zset_name *a, const struct zset_name *b);
void zset_sort(struct zset_key *key);

/* NULL: not there, or past its deadline. Pointers are good until a key is made or removed. */
struct zset_key *zset_key_find(struct zset_model *model, struct span name);
struct zset_key *zset_key_make(struct zset_model *model, struct span name);
void zset_key_remove(struct zset_model *model, struct zset_key *key);

/* What VERSION replies. */
int64_t zset_version(struct zset_model *model, struct span name);

struct zset_member *zset_find(struct zset_key *key, struct span name);
void zset_put(struct zset_key *key, struct span name, double score);
void zset_take(struct zset_key *key, uint32_t from, uint32_t to); /* removes [from, to) */

/* A version for the key, or its end if it has no members. */
void zset_changed(struct zset_model *model, struct zset_key *key);

void zset_model_operate(struct zset_model *model, const struct command_list *list,
                        const struct command *command, struct bytes *out);

/* An operation on its way. */
struct op {
    struct zset_model *model;
    const struct command_list *list;
    const struct command *command;
    struct bytes *out;
};

static inline struct span arg(const struct op *op, uint32_t i)
{
    return command_arg(op->list, op->command, i);
}

static inline int64_t arg_int(const struct op *op, uint32_t i)
{
    return command_arg_int(op->list, op->command, i);
}

static inline double arg_score(const struct op *op, uint32_t i)
{
    return command_arg_score(op->list, op->command, i);
}

static inline bool has(const struct op *op, uint32_t flags)
{
    return (op->command->flags & flags) != 0;
}

static inline struct zset_key *key_of(const struct op *op, uint32_t i)
{
    return zset_key_find(op->model, arg(op, i));
}

static inline uint32_t size_of(const struct zset_key *key)
{
    return key != NULL ? key->count : 0;
}

static inline struct span span_of_name(const struct zset_name *name)
{
    return (struct span){name->data, name->size};
}

static inline void reply_name(struct bytes *out, const struct zset_name *name)
{
    reply_bulk(out, span_of_name(name));
}

/* The members of the bounds at argument `i`, then of offset and limit, ascending. */
void zset_model_ops_range(const struct op *op, const struct zset_key *key, uint32_t i,
                          int64_t offset, int64_t limit, uint32_t *out_from, uint32_t *out_to);

/* An array of members, or pairs of them and their scores. */
void zset_model_ops_reply(const struct op *op, const struct zset_key *key, uint32_t from,
                          uint32_t to, bool reversed, enum reply_kind kind);

void zset_model_keys_zstore(const struct op *op);
void zset_model_keys_zrangestore(const struct op *op);
void zset_model_keys_zalgebra(const struct op *op);
void zset_model_keys_zalgebrastore(const struct op *op);
void zset_model_keys_zdump(const struct op *op);
void zset_model_keys_rename(const struct op *op);
void zset_model_keys_copy(const struct op *op);
void zset_model_keys_del(const struct op *op);
void zset_model_keys_exists(const struct op *op);
void zset_model_keys_expireat(const struct op *op);
void zset_model_keys_persist(const struct op *op);
void zset_model_keys_expiry(const struct op *op);

#endif
