// SPDX-License-Identifier: Apache-2.0
/*
 * zset_model.h - plain keys as simply as they can be written: the oracle of src/keyspace/.
 *
 * Arrays, sorted anew whenever they change; names of at most ZSET_NAME_MAX bytes. It executes the
 * same lists of commands (model/command.h) and writes the same replies, and shares no code with
 * what it checks but the formats of both. Random replies and walks are not modelled.
 */
#ifndef TALLYWHEEL_TESTS_ZSET_MODEL_H
#define TALLYWHEEL_TESTS_ZSET_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define ZSET_NAME_MAX 100

struct command_list;

struct zset_name {
    uint32_t size;
    char data[ZSET_NAME_MAX];
};

struct zset_member {
    struct zset_name name;
    double score;
};

struct zset_key {
    struct zset_name name;
    struct zset_member *members; /* by score, then name */
    uint32_t count;
    int64_t deadline_ms; /* 0: none */
    int64_t version;
};

/* A name whose key is gone, and the version that it had. */
struct zset_removed {
    struct zset_name name;
    int64_t version;
};

struct zset_model {
    struct zset_key *keys; /* by name */
    uint32_t count;
    struct zset_removed *removed;
    uint32_t removed_count;
    int64_t version;
    int64_t now_ms;
};

void zset_model_done(struct zset_model *model);

/* As keyspace_execute; `out_ends` has room for all commands of the list. */
void zset_model_execute(struct zset_model *model, const struct command_list *list, int64_t wall_ms,
                        struct bytes *replies, size_t *out_ends);

#endif
