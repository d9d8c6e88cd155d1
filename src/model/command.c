// SPDX-License-Identifier: Apache-2.0
/*
 * command.c - see command.h: making lists of commands.
 *
 * A list is three arrays that grow and are kept: commands, their arguments, and the bytes that the
 * arguments stand in. Positions are indexes, so growing moves nothing that anybody holds but spans.
 */
#include "model/command.h"

#include <assert.h>
#include <stdlib.h>

#define COMMANDS_MIN 16u
#define ARGS_MIN 64u

void command_list_done(struct command_list *list)
{
    if (list == NULL)
        return;
    bytes_done(&list->data);
    free(list->args);
    free(list->commands);
    *list = (struct command_list){0};
}

void command_list_clear(struct command_list *list)
{
    bytes_clear(&list->data);
    list->arg_count = 0;
    list->count = 0;
    list->write_count = 0;
}

void command_list_add(struct command_list *list, enum command_op op, uint32_t flags)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity > 0 ? 2 * list->capacity : COMMANDS_MIN;
        list->commands = bytes_realloc(list->commands, list->capacity * sizeof(list->commands[0]));
    }
    list->commands[list->count++] = (struct command){
        .op = (uint16_t)op,
        .flags = flags,
        .arg_begin = list->arg_count,
    };
    list->write_count += command_is_write(op);
}

static struct command *last(struct command_list *list)
{
    assert(list->count > 0);
    return &list->commands[list->count - 1];
}

void command_list_arg(struct command_list *list, struct span arg)
{
    assert(arg.size < UINT32_MAX - list->data.size);
    if (list->arg_count == list->arg_capacity) {
        list->arg_capacity = list->arg_capacity > 0 ? 2 * list->arg_capacity : ARGS_MIN;
        list->args = bytes_realloc(list->args, list->arg_capacity * sizeof(list->args[0]));
    }
    list->args[list->arg_count++] =
        (struct command_arg){(uint32_t)list->data.size, (uint32_t)arg.size};
    bytes_reserve(&list->data,
                  arg.size); /* so that there is somewhere for no bytes to stand, too */
    bytes_put(&list->data, arg.data, arg.size);
    last(list)->arg_count++;
}

void command_list_key(struct command_list *list, struct span key)
{
    struct command *command = last(list);

    assert(command->key_count == command->arg_count && command->key_count < UINT16_MAX);
    command->key_count++;
    command_list_arg(list, key);
}

void command_list_int(struct command_list *list, int64_t value)
{
    command_list_arg(list, (struct span){(const char *)&value, sizeof(value)});
}

void command_list_score(struct command_list *list, double value)
{
    command_list_arg(list, (struct span){(const char *)&value, sizeof(value)});
}

void command_list_drop(struct command_list *list)
{
    struct command *command = last(list);

    if (command->arg_count > 0)
        list->data.size = list->args[command->arg_begin].at;
    list->arg_count = command->arg_begin;
    list->write_count -= command_is_write((enum command_op)command->op);
    list->count--;
}

void command_list_copy(struct command_list *list, const struct command_list *from, uint32_t index)
{
    const struct command *command = &from->commands[index];

    assert(index < from->count && list != from);
    command_list_add(list, (enum command_op)command->op, command->flags);
    for (uint32_t i = 0; i < command->arg_count; i++)
        command_list_arg(list, command_arg(from, command, i));
    last(list)->key_count = command->key_count;
}

int64_t command_arg_int(const struct command_list *list, const struct command *command,
                        uint32_t index)
{
    struct span arg = command_arg(list, command, index);
    int64_t value;

    assert(index < command->arg_count && arg.size == sizeof(value));
    memcpy(&value, arg.data, sizeof(value));
    return value;
}

double command_arg_score(const struct command_list *list, const struct command *command,
                         uint32_t index)
{
    struct span arg = command_arg(list, command, index);
    double value;

    assert(index < command->arg_count && arg.size == sizeof(value));
    memcpy(&value, arg.data, sizeof(value));
    return value;
}

bool command_is_write(enum command_op op)
{
    switch (op) {
#define X(name, number, is_write)                                                                  \
    case COMMAND_##name:                                                                           \
        return is_write;
        COMMAND_OPS(X)
#undef X
    }
    return false;
}

const char *command_op_text(enum command_op op)
{
    switch (op) {
#define X(name, number, is_write)                                                                  \
    case COMMAND_##name:                                                                           \
        return #name;
        COMMAND_OPS(X)
#undef X
    }
    return "unknown";
}
