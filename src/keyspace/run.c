// SPDX-License-Identifier: Apache-2.0
/*
 * run.c - runs of ZADD and ZREM, executed together.
 *
 * Commands that stand next to each other become one list of ops for the board, whatever their
 * keys, since what costs is memory that is not in the cache: of all keys of a run first the
 * buckets of the table are asked for, then the records, then they are looked up; board_apply does
 * the same for the members. Replies are written afterwards, in order, from the results.
 *
 * What is seen is what one after the other would have given. Three things need care:
 *
 *   - A key that a run makes exists without members until its first is added, and one that is
 *     emptied stays until the end of the run. Emptying ends what belongs to the key beside its
 *     members (its deadline) where it happens, when the results are read.
 *   - ZADD XX does not make a key. ZREM neither.
 *   - Keys that are empty count for the limit of keys. Where it is near, a run is one command.
 *
 * A command with more than APPLY_OPS members is a run of its own, in several parts.
 */
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "keyspace/keyspace_private.h"

enum trouble { TROUBLE_NONE, TROUBLE_KEY, TROUBLE_MEMBER, TROUBLE_NAN };

/* What a command of a run has done. */
struct step {
    uint32_t key; /* KEY_NONE: there is none, and no ops */
    uint32_t op_count;
    uint32_t added;
    uint32_t updated;
    uint32_t removed;
    uint8_t trouble; /* enum trouble */
    bool is_remove;
    bool refused;
    const struct board_op_result *last; /* NULL: no ops */
};

struct run {
    uint32_t step_count;
    uint32_t op_count;
    uint64_t hashes[APPLY_OPS]; /* of the names of the steps' keys */
    struct step steps[APPLY_OPS];
    struct board_op ops[APPLY_OPS];
    struct board_op_result results[APPLY_OPS];
};

struct run *run_new(void)
{
    return bytes_alloc_zero(1, sizeof(struct run));
}

void run_free(struct run *run)
{
    free(run);
}

uint64_t run_bytes(void)
{
    return sizeof(struct run);
}

void run_refuse(struct bytes *out, const struct board_op_result *result)
{
    if (result->is_nan)
        reply_error(out, "ERR resulting score is not a number (NaN)");
    else
        reply_error(out, "ERR the limit of members is reached (limits.members)");
}

bool run_check_member(struct span member, struct bytes *out)
{
    if (member.size <= KEYSPACE_NAME_BYTES_MAX)
        return true;
    reply_error(out, "ERR a member is longer than %u bytes", (unsigned)KEYSPACE_NAME_BYTES_MAX);
    return false;
}

/* ---- from commands to ops ---- */

static uint32_t ops_of(const struct command *command)
{
    uint32_t arg_count = command->arg_count - 1;

    return command->op == COMMAND_ZADD ? arg_count / 2 : arg_count;
}

/* How many commands the run takes, of those in [first, end): at least one. */
static uint32_t run_length(const struct keyspace *keyspace, const struct command_list *list,
                           uint32_t first, uint32_t end)
{
    uint32_t keys_left = keyspace->limits.keys_max - keyspace->keys.count;
    uint32_t ops = 0;
    uint32_t i = first;

    for (; i < end && i - first < APPLY_OPS; i++) {
        const struct command *command = &list->commands[i];

        if (command->op != COMMAND_ZADD && command->op != COMMAND_ZREM)
            break;
        if (i > first && (ops_of(command) > APPLY_OPS - ops || i - first >= keys_left))
            break;
        ops += ops_of(command);
        if (ops >= APPLY_OPS)
            return i - first + 1;
    }
    return i - first;
}

static enum trouble trouble_of(const struct operation *call)
{
    bool is_add = call->command->op == COMMAND_ZADD;

    for (uint32_t i = 1; i < call->command->arg_count; i++) {
        if (is_add && i % 2 == 1) {
            if (isnan(call_score(call, i)))
                return TROUBLE_NAN;
        } else if (call_arg(call, i).size > KEYSPACE_NAME_BYTES_MAX && is_add) {
            return TROUBLE_MEMBER;
        }
    }
    return TROUBLE_NONE;
}

/* Finds or makes the key of a step; KEY_NONE: it does nothing, or cannot. */
static void find_key(struct run *run, uint32_t index, const struct operation *call)
{
    struct step *step = &run->steps[index];
    struct span name = call_arg(call, 0);
    uint64_t hash = run->hashes[index];

    *step = (struct step){
        .key = KEY_NONE,
        .is_remove = call->command->op == COMMAND_ZREM,
        .trouble = (uint8_t)trouble_of(call),
    };
    if (index > 0 && hash == run->hashes[index - 1] &&
        span_equal(name, command_arg(call->list, call->command - 1, 0)))
        step->key = run->steps[index - 1].key;
    if (step->key == KEY_NONE)
        step->key = key_table_find_hashed(call->keyspace, name, hash);
    if (step->trouble != TROUBLE_NONE || step->key != KEY_NONE || step->is_remove ||
        call_has(call, COMMAND_XX))
        return;
    step->key = key_table_make(call->keyspace, name, hash);
    if (step->key == KEY_NONE)
        step->trouble = TROUBLE_KEY;
}

uint8_t run_conditions(uint32_t flags)
{
    return (uint8_t)((flags & COMMAND_NX ? BOARD_IF_ABSENT : 0) |
                     (flags & COMMAND_XX ? BOARD_IF_PRESENT : 0) |
                     (flags & COMMAND_GT ? BOARD_IF_GREATER : 0) |
                     (flags & COMMAND_LT ? BOARD_IF_LESS : 0));
}

/* Appends ops `from` to `to` of the call's command. */
static void add_ops(struct run *run, struct step *step, const struct operation *call, uint32_t from,
                    uint32_t to)
{
    uint32_t segment = key_at(call->keyspace, step->key)->segment;
    uint32_t flags = call->command->flags;
    struct board_op op = {
        .segment = segment,
        .kind = flags & COMMAND_INCR ? BOARD_OP_ADD : BOARD_OP_SET,
        .conditions = run_conditions(flags),
    };

    if (step->is_remove)
        op = (struct board_op){.segment = segment, .kind = BOARD_OP_REMOVE};
    for (uint32_t i = from; i < to; i++) {
        op.member = call_arg(call, step->is_remove ? 1 + i : 2 + 2 * i);
        if (op.member.size > KEYSPACE_NAME_BYTES_MAX) /* to be removed: it cannot be there */
            continue;
        if (!step->is_remove)
            op.score = run_score(call_score(call, 1 + 2 * i));
        assert(run->op_count < APPLY_OPS);
        run->ops[run->op_count++] = op;
        step->op_count++;
    }
}

/* ---- from results to replies ---- */

/* A key has lost its last member: what comes after is another key of this name. */
static void emptied(struct keyspace *keyspace, uint32_t id)
{
    expire_clear(keyspace, id);
    key_table_ended(keyspace, id);
    key_at(keyspace, id)->flags &= KEY_GAINED;
}

/* Counts what `step->op_count` ops from `at` have done. */
static void take_results(struct run *run, struct step *step, struct keyspace *keyspace, uint32_t at)
{
    struct key *key = key_at(keyspace, step->key);

    for (uint32_t i = at; i < at + step->op_count; i++) {
        const struct board_op_result *result = &run->results[i];

        step->last = result;
        step->refused |= result->refused;
        if (!result->changed)
            continue;
        if (!result->existed) {
            step->added++;
            key->member_count++;
            key_table_grew(keyspace, key, run->ops[i].member.size);
        } else if (result->exists) {
            step->updated++;
        } else {
            step->removed++;
            if (--key->member_count == 0)
                emptied(keyspace, step->key);
        }
    }
}

static void finish_step(struct keyspace *keyspace, const struct step *step)
{
    if (step->key == KEY_NONE || key_at(keyspace, step->key)->member_count == 0)
        return;
    if (step->added + step->updated + step->removed > 0)
        key_table_changed(keyspace, step->key);
    if (step->added > 0)
        key_table_gained(keyspace, step->key);
}

static void reply_step(const struct step *step, const struct operation *call)
{
    struct bytes *out = call->out;

    if (step->trouble == TROUBLE_KEY)
        key_table_refuse(call->keyspace, call_arg(call, 0), out);
    else if (step->trouble == TROUBLE_MEMBER)
        run_check_member((struct span){NULL, KEYSPACE_NAME_BYTES_MAX + 1}, out);
    else if (step->trouble == TROUBLE_NAN || (step->last != NULL && step->last->is_nan))
        run_refuse(out, &(struct board_op_result){.is_nan = true});
    else if (step->refused)
        run_refuse(out, &(struct board_op_result){.refused = true});
    else if (step->is_remove)
        reply_int(out, step->removed);
    else if (!call_has(call, COMMAND_INCR))
        reply_int(out, step->added + (call_has(call, COMMAND_CH) ? step->updated : 0));
    else if (step->last != NULL && step->last->held)
        reply_double(out, step->last->score);
    else
        reply_null(out);
}

static void remove_empty(struct run *run, struct keyspace *keyspace)
{
    for (uint32_t i = 0; i < run->step_count; i++) {
        uint32_t id = run->steps[i].key;

        if (id == KEY_NONE || (i > 0 && id == run->steps[i - 1].key))
            continue;
        if (!key_is_removed(keyspace, id) && key_at(keyspace, id)->member_count == 0)
            key_table_drop(keyspace, id);
    }
}

/* The only command of a run, in parts that fit. */
static void execute_parts(struct run *run, const struct operation *call)
{
    struct step *step = &run->steps[0];
    uint32_t count = ops_of(call->command);

    for (uint32_t from = 0; from < count; from += APPLY_OPS) {
        run->op_count = step->op_count = 0;
        add_ops(run, step, call, from, count - from < APPLY_OPS ? count : from + APPLY_OPS);
        board_apply(call->keyspace->board, run->ops, run->op_count, call->keyspace->now_ms,
                    run->results);
        take_results(run, step, call->keyspace, 0);
    }
}

/* All commands of a run. */
static void execute_together(struct run *run, const struct operation *first)
{
    struct operation call = *first;

    for (uint32_t i = 0; i < run->step_count; i++, call.command++)
        if (run->steps[i].key != KEY_NONE && run->steps[i].trouble == TROUBLE_NONE)
            add_ops(run, &run->steps[i], &call, 0, ops_of(call.command));
    board_apply(call.keyspace->board, run->ops, run->op_count, call.keyspace->now_ms, run->results);
}

uint32_t run_execute(struct keyspace *keyspace, const struct command_list *list, uint32_t first,
                     uint32_t end, struct bytes *out, size_t *out_ends)
{
    struct run *run = keyspace->run;
    struct operation call = {keyspace, list, &list->commands[first], out};
    uint32_t at = 0;
    bool in_parts;

    run->op_count = 0;
    run->step_count = run_length(keyspace, list, first, end);
    key_table_look_ahead(keyspace, list, first, run->step_count, run->hashes);
    for (uint32_t i = 0; i < run->step_count; i++, call.command++)
        find_key(run, i, &call);

    call.command = &list->commands[first];
    in_parts = ops_of(call.command) > APPLY_OPS;
    if (!in_parts)
        execute_together(run, &call);
    else if (run->steps[0].key != KEY_NONE && run->steps[0].trouble == TROUBLE_NONE)
        execute_parts(run, &call);
    for (uint32_t i = 0; i < run->step_count; i++, call.command++) {
        struct step *step = &run->steps[i];

        if (step->key != KEY_NONE && !in_parts)
            take_results(run, step, keyspace, at);
        at += step->op_count;
        finish_step(keyspace, step);
        reply_step(step, &call);
        if (out_ends != NULL)
            out_ends[i] = out->size;
    }
    remove_empty(run, keyspace);
    return first + run->step_count;
}
