// SPDX-License-Identifier: Apache-2.0
/*
 * lookup.c - scores and ranks of members: ZSCORE, ZMSCORE and ZRANK, many together.
 *
 * What costs is memory that is not in the cache, as in run.c. So commands that stand next to each
 * other are one list of members: their keys, then their entries, then their ranks are looked up for
 * all of them, with the misses of each overlapping; replies are written afterwards, in order.
 */
#include <stdlib.h>

#include "keyspace/keyspace_private.h"

#define LOOKED_UP_MAX 1024u

struct lookup {
    uint32_t count;                 /* of members */
    uint64_t hashes[LOOKED_UP_MAX]; /* by command */
    uint32_t keys[LOOKED_UP_MAX];
    struct board_name names[LOOKED_UP_MAX]; /* by member */
    uint32_t entries[LOOKED_UP_MAX];
    uint32_t ranked[LOOKED_UP_MAX]; /* those of ZRANK that are there */
    uint32_t ranks[LOOKED_UP_MAX];
};

struct lookup *lookup_new(void)
{
    return bytes_alloc_zero(1, sizeof(struct lookup));
}

void lookup_free(struct lookup *lookup)
{
    free(lookup);
}

uint64_t lookup_bytes(void)
{
    return sizeof(struct lookup);
}

/* How many commands go together, from `first` on: at least one, which may have more members. */
static uint32_t together(const struct command_list *list, uint32_t first)
{
    uint32_t members = 0;
    uint32_t i = first;

    for (; i < list->count; i++) {
        const struct command *command = &list->commands[i];

        if (command->op != COMMAND_ZSCORE && command->op != COMMAND_ZRANK)
            break;
        members += command->arg_count - 1;
        if (members > LOOKED_UP_MAX && i > first)
            break;
        if (members >= LOOKED_UP_MAX || i - first + 1 == LOOKED_UP_MAX)
            return i - first + 1;
    }
    return i - first;
}

static void find_keys(struct lookup *lookup, const struct operation *first, uint32_t count)
{
    struct operation call = *first;

    for (uint32_t i = 0; i < count; i++, call.command++) {
        struct span name = call_arg(&call, 0);

        if (i > 0 && lookup->hashes[i] == lookup->hashes[i - 1] &&
            span_equal(name, command_arg(call.list, call.command - 1, 0)))
            lookup->keys[i] = lookup->keys[i - 1];
        else
            lookup->keys[i] = key_table_find_hashed(call.keyspace, name, lookup->hashes[i]);
    }
}

/* Appends the members of arguments [from, to) of a command. */
static void add_members(struct lookup *lookup, const struct operation *call, uint32_t key,
                        uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        struct board_name *name = &lookup->names[lookup->count++];

        *name = (struct board_name){BOARD_SEGMENT_NONE, SPAN_LITERAL("")};
        if (key != KEY_NONE && call_arg(call, i).size <= KEYSPACE_NAME_BYTES_MAX)
            *name = (struct board_name){key_at(call->keyspace, key)->segment, call_arg(call, i)};
    }
}

static void reply_score(const struct operation *call, uint32_t entry)
{
    struct board_entry found;

    if (entry == BOARD_ENTRY_NONE) {
        reply_null(call->out);
        return;
    }
    board_get(call->keyspace->board, entry, &found);
    reply_double(call->out, found.score.f);
}

static void reply_rank(const struct operation *call, uint32_t key, uint32_t entry, uint32_t rank)
{
    bool with_score = call_has(call, COMMAND_WITHSCORES);

    if (entry == BOARD_ENTRY_NONE) {
        if (with_score)
            reply_null_array(call->out);
        else
            reply_null(call->out);
        return;
    }
    if (call_has(call, COMMAND_REV))
        rank = key_at(call->keyspace, key)->member_count - 1 - rank;
    if (with_score)
        reply_aggregate(call->out, REPLY_ARRAY, 2);
    reply_int(call->out, rank);
    if (with_score)
        reply_score(call, entry);
}

/* The ranks of those of ZRANK, in order. */
static void find_ranks(struct lookup *lookup, const struct operation *first, uint32_t count)
{
    struct board *board = first->keyspace->board;
    uint32_t ranked = 0;
    uint32_t at = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct command *command = first->command + i;

        if (command->op == COMMAND_ZRANK && lookup->entries[at] != BOARD_ENTRY_NONE)
            lookup->ranked[ranked++] = lookup->entries[at];
        at += command->arg_count - 1;
    }
    if (ranked == 0)
        return;
    board_settle(board);
    board_rank_many(board, lookup->ranked, ranked, lookup->ranks);
}

/* All members of `count` commands. */
static void look_up(struct lookup *lookup, const struct operation *first, uint32_t count,
                    size_t *out_ends)
{
    struct operation call = *first;
    uint32_t ranked = 0;
    uint32_t at = 0;

    lookup->count = 0;
    for (uint32_t i = 0; i < count; i++, call.command++)
        add_members(lookup, &call, lookup->keys[i], 1, call.command->arg_count);
    board_find_many(call.keyspace->board, lookup->names, lookup->count, lookup->entries);
    find_ranks(lookup, first, count);
    call.command = first->command;
    for (uint32_t i = 0; i < count; i++, call.command++) {
        uint32_t member_count = call.command->arg_count - 1;

        if (call.command->op == COMMAND_ZRANK) {
            bool is_there = lookup->entries[at] != BOARD_ENTRY_NONE;

            reply_rank(&call, lookup->keys[i], lookup->entries[at++],
                       is_there ? lookup->ranks[ranked++] : 0);
        } else {
            if (call_has(&call, COMMAND_COUNTED))
                reply_aggregate(call.out, REPLY_ARRAY, member_count);
            for (uint32_t member = 0; member < member_count; member++)
                reply_score(&call, lookup->entries[at++]);
        }
        out_ends[i] = call.out->size;
    }
}

/* One ZMSCORE of more members than fit, in parts. */
static void look_up_parts(struct lookup *lookup, const struct operation *call, size_t *out_end)
{
    uint32_t end = call->command->arg_count;

    reply_aggregate(call->out, REPLY_ARRAY, end - 1);
    for (uint32_t from = 1; from < end; from += LOOKED_UP_MAX) {
        lookup->count = 0;
        add_members(lookup, call, lookup->keys[0], from,
                    end - from < LOOKED_UP_MAX ? end : from + LOOKED_UP_MAX);
        board_find_many(call->keyspace->board, lookup->names, lookup->count, lookup->entries);
        for (uint32_t i = 0; i < lookup->count; i++)
            reply_score(call, lookup->entries[i]);
    }
    *out_end = call->out->size;
}

uint32_t lookup_execute(struct keyspace *keyspace, const struct command_list *list, uint32_t first,
                        struct bytes *out, size_t *out_ends)
{
    struct lookup *lookup = keyspace->lookup;
    struct operation call = {keyspace, list, &list->commands[first], out};
    uint32_t count = together(list, first);

    key_table_look_ahead(keyspace, list, first, count, lookup->hashes);
    find_keys(lookup, &call, count);
    if (call.command->arg_count - 1 > LOOKED_UP_MAX)
        look_up_parts(lookup, &call, out_ends);
    else
        look_up(lookup, &call, count, out_ends);
    return first + count;
}
