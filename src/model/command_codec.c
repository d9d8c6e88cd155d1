// SPDX-License-Identifier: Apache-2.0
/*
 * command_codec.c - see command.h: the writes of a list as a journal payload, and back.
 *
 * A varint is 7 bits a byte, the lowest first, the top bit set on all but the last byte; the
 * shortest form only, so that what was read is written the same again.
 *
 * Reading trusts nothing: after it, whoever executes may take arguments by index and by size
 * without asking. What a list holds is at most some 25 times the payload (an argument of no bytes
 * is one byte there, and 8 here).
 */
#include "model/command.h"

#include <assert.h>
#include <math.h>

#include "base/err.h"

#define FORMAT 1
#define VARINT_BYTES_MAX 5
#define KEYS_ANY UINT32_MAX

static void put_varint(struct bytes *out, uint32_t value)
{
    while (value >= 0x80) {
        bytes_put_char(out, (char)(value | 0x80));
        value >>= 7;
    }
    bytes_put_char(out, (char)value);
}

static void put_arg(struct bytes *out, struct span arg)
{
    put_varint(out, (uint32_t)arg.size);
    bytes_put(out, arg.data, arg.size);
}

/*
 * IF_WATCHED counts the commands that it decides on. Those that only read are not written, so the
 * count that is written is without them.
 */
static int64_t watched_writes(const struct command_list *list, uint32_t index)
{
    const struct command *command = &list->commands[index];
    int64_t claimed = command_arg_int(list, command, command->arg_count - 1);
    int64_t count = 0;

    for (uint32_t i = index + 1; i < list->count && i - index <= claimed; i++)
        count += command_is_write((enum command_op)list->commands[i].op);
    return count;
}

void command_list_encode(const struct command_list *list, struct bytes *out)
{
    bytes_put_char(out, FORMAT);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct command *command = &list->commands[i];
        uint32_t arg_count = command->arg_count;

        if (!command_is_write((enum command_op)command->op))
            continue;
        put_varint(out, command->op);
        put_varint(out, command->flags);
        put_varint(out, command->key_count);
        put_varint(out, arg_count);
        if (command->op == COMMAND_IF_WATCHED)
            arg_count--;
        for (uint32_t arg = 0; arg < arg_count; arg++)
            put_arg(out, command_arg(list, command, arg));
        if (command->op == COMMAND_IF_WATCHED) {
            int64_t count = watched_writes(list, i);

            put_arg(out, (struct span){(const char *)&count, sizeof(count)});
        }
    }
}

/* ---- what the arguments of a write must be ---- */

#define FLAGS_IF (COMMAND_NX | COMMAND_XX | COMMAND_GT | COMMAND_LT)
#define FLAGS_BY (COMMAND_BY_RANK | COMMAND_BY_SCORE | COMMAND_BY_LEX)
#define FLAGS_ALGEBRA (COMMAND_UNION | COMMAND_INTER | COMMAND_DIFF)
#define FLAGS_AGGREGATE (COMMAND_AGGREGATE_MIN | COMMAND_AGGREGATE_MAX)

struct shape {
    uint32_t op;
    uint32_t key_count_min;
    uint32_t key_count_max;
    uint32_t flags;  /* those that it may have */
    uint32_t one_of; /* exactly one of these, unless 0 */
};

static const struct shape shapes[] = {
    {COMMAND_ZADD, 1, 1, FLAGS_IF | COMMAND_CH | COMMAND_INCR, 0},
    {COMMAND_ZREM, 1, 1, 0, 0},
    {COMMAND_ZREMRANGE, 1, 1, FLAGS_BY, FLAGS_BY},
    {COMMAND_ZPOP, 1, KEYS_ANY, COMMAND_MAX | COMMAND_COUNTED | COMMAND_MPOP, 0},
    {COMMAND_ZSTORE, 1, 1, COMMAND_GREW, 0},
    {COMMAND_ZRANGESTORE, 2, 2, FLAGS_BY | COMMAND_REV, FLAGS_BY},
    {COMMAND_ZALGEBRASTORE, 2, KEYS_ANY, FLAGS_ALGEBRA | FLAGS_AGGREGATE, FLAGS_ALGEBRA},
    {COMMAND_DEL, 1, KEYS_ANY, 0, 0},
    {COMMAND_EXPIREAT, 1, 1, FLAGS_IF, 0},
    {COMMAND_PERSIST, 1, 1, 0, 0},
    {COMMAND_RENAME, 2, 2, COMMAND_NX, 0},
    {COMMAND_FLUSH, 0, 0, 0, 0},
    {COMMAND_IF_WATCHED, 1, KEYS_ANY, 0, 0},
    {COMMAND_TW_UPDATE, 1, 1, FLAGS_IF | COMMAND_INCR | COMMAND_REV, 0},
    {COMMAND_COPY, 2, 2, COMMAND_REPLACE, 0},
};

static const struct shape *shape_of(uint32_t op)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        if (shapes[i].op == op)
            return &shapes[i];
    return NULL;
}

static bool is_number(const struct command_list *list, const struct command *command,
                      uint32_t index)
{
    return command_arg(list, command, index).size == sizeof(int64_t);
}

static bool is_score(const struct command_list *list, const struct command *command, uint32_t index)
{
    return is_number(list, command, index) && !isnan(command_arg_score(list, command, index));
}

/* All arguments from `index` on are a score and a member, in turn. */
static bool are_pairs(const struct command_list *list, const struct command *command,
                      uint32_t index)
{
    if ((command->arg_count - index) % 2 != 0)
        return false;
    for (; index < command->arg_count; index += 2)
        if (!is_score(list, command, index))
            return false;
    return true;
}

static bool is_bound(const struct command_list *list, const struct command *command, uint32_t index)
{
    struct span kind = command_arg(list, command, index);
    struct span value = command_arg(list, command, index + 1);

    if (kind.size != 1 || (uint8_t)kind.data[0] > COMMAND_BOUND_GREATEST)
        return false;
    if (kind.data[0] == COMMAND_BOUND_LEAST || kind.data[0] == COMMAND_BOUND_GREATEST)
        return value.size == 0 && !(command->flags & COMMAND_BY_RANK);
    if (command->flags & COMMAND_BY_SCORE)
        return is_score(list, command, index + 1);
    if (command->flags & COMMAND_BY_RANK)
        return kind.data[0] == COMMAND_BOUND_INCLUSIVE && is_number(list, command, index + 1);
    return true;
}

static bool are_numbers(const struct command_list *list, const struct command *command,
                        uint32_t index, uint32_t count)
{
    if (command->arg_count != index + count)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!is_number(list, command, index + i))
            return false;
    return true;
}

static bool are_weights(const struct command_list *list, const struct command *command)
{
    if (!are_numbers(list, command, command->key_count, command->key_count - 1u))
        return false;
    for (uint32_t i = command->key_count; i < command->arg_count; i++)
        if (!is_score(list, command, i))
            return false;
    return (command->flags & FLAGS_AGGREGATE) != FLAGS_AGGREGATE;
}

static bool are_args(const struct command_list *list, const struct command *command)
{
    uint32_t keys = command->key_count;
    uint32_t count = command->arg_count;

    switch (command->op) {
    case COMMAND_ZADD:
    case COMMAND_TW_UPDATE:
        if (command->flags & COMMAND_INCR || command->op == COMMAND_TW_UPDATE)
            return count == 3 && are_pairs(list, command, 1);
        return count >= 3 && are_pairs(list, command, 1);
    case COMMAND_ZREM:
        return count >= 2;
    case COMMAND_ZREMRANGE:
        return count == 5 && is_bound(list, command, 1) && is_bound(list, command, 3);
    case COMMAND_ZPOP:
        return are_numbers(list, command, keys, 1) && command_arg_int(list, command, keys) >= 0;
    case COMMAND_ZSTORE:
        return are_pairs(list, command, 1);
    case COMMAND_ZRANGESTORE:
        return count == 8 && is_bound(list, command, 2) && is_bound(list, command, 4) &&
               are_numbers(list, command, 6, 2);
    case COMMAND_ZALGEBRASTORE:
        return are_weights(list, command);
    case COMMAND_EXPIREAT:
        return are_numbers(list, command, 1, 1);
    case COMMAND_IF_WATCHED:
        return are_numbers(list, command, keys, keys + 1);
    default:
        return count == keys;
    }
}

static bool is_valid(const struct command_list *list, const struct command *command)
{
    const struct shape *shape = shape_of(command->op);
    uint32_t one = command->flags & shape->one_of;

    return command->key_count >= shape->key_count_min &&
           command->key_count <= shape->key_count_max && command->key_count <= command->arg_count &&
           (command->flags & ~shape->flags) == 0 &&
           (shape->one_of == 0 || (one != 0 && (one & (one - 1)) == 0)) && are_args(list, command);
}

/* No more than the commands that follow. */
static bool are_watched_counts(const struct command_list *list, uint32_t first)
{
    for (uint32_t i = first; i < list->count; i++) {
        const struct command *command = &list->commands[i];
        int64_t claimed;

        if (command->op != COMMAND_IF_WATCHED)
            continue;
        claimed = command_arg_int(list, command, command->arg_count - 1);
        if (claimed < 0 || claimed > list->count - i - 1)
            return false;
    }
    return true;
}

/* ---- reading ---- */

static bool take_varint(struct span payload, size_t *at, uint32_t *out_value)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < VARINT_BYTES_MAX && *at < payload.size; i++) {
        uint8_t byte = (uint8_t)payload.data[(*at)++];

        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *out_value = (uint32_t)value;
            return value <= UINT32_MAX && (byte != 0 || i == 0);
        }
    }
    return false;
}

static bool take_command(struct command_list *list, struct span payload, size_t *at)
{
    uint32_t op, flags, key_count, arg_count, size;
    struct command *command;

    if (!take_varint(payload, at, &op) || shape_of(op) == NULL ||
        !take_varint(payload, at, &flags) || !take_varint(payload, at, &key_count) ||
        !take_varint(payload, at, &arg_count))
        return false;
    if (arg_count > payload.size - *at || key_count > arg_count || key_count > UINT16_MAX)
        return false;
    command_list_add(list, (enum command_op)op, flags);
    for (uint32_t i = 0; i < arg_count; i++) {
        if (!take_varint(payload, at, &size) || size > payload.size - *at)
            return false;
        command_list_arg(list, (struct span){payload.data + *at, size});
        *at += size;
    }
    command = &list->commands[list->count - 1];
    command->key_count = (uint16_t)key_count;
    return is_valid(list, command);
}

int command_list_decode(struct command_list *list, struct span payload, struct err *err)
{
    uint32_t first = list->count;
    size_t at = 1;

    if (payload.size == 0 || payload.data[0] != FORMAT || payload.size >= UINT32_MAX / 2) {
        command_list_clear(list);
        return err_set(err, ERR_CORRUPT, "commands: %s",
                       payload.size == 0 ? "no bytes at all" : "an unknown format");
    }
    while (at < payload.size) {
        size_t begin = at;

        if (!take_command(list, payload, &at)) {
            command_list_clear(list);
            return err_set(err, ERR_CORRUPT, "commands: the one at byte %zu is damaged", begin);
        }
    }
    if (!are_watched_counts(list, first)) {
        command_list_clear(list);
        return err_set(err, ERR_CORRUPT, "commands: a condition on commands that are not there");
    }
    return 0;
}
