// SPDX-License-Identifier: Apache-2.0
/*
 * grammar.c - what the grammars of all commands are made of; see grammar.h.
 *
 * Thread: plain functions; any.
 */
#include "grammar/grammar.h"

#include "grammar/grammar_private.h"
#include "model/reply.h"

bool grammar_fail(struct grammar *grammar, const char *text)
{
    reply_error(grammar->error, "ERR %s", text);
    return false;
}

bool grammar_fail_syntax(struct grammar *grammar)
{
    return grammar_fail(grammar, "syntax error");
}

bool grammar_fail_arity(struct grammar *grammar)
{
    reply_error(grammar->error, "ERR wrong number of arguments for '%s' command", grammar->name);
    return false;
}

bool grammar_check_keys(struct grammar *grammar, uint64_t count)
{
    if (count <= UINT16_MAX)
        return true;
    return grammar_fail(grammar, "more than 65535 keys in one command");
}

bool grammar_int(struct grammar *grammar, uint32_t at, int64_t *out_value)
{
    return grammar_int_read(grammar->args[at], out_value) ||
           grammar_fail(grammar, "value is not an integer or out of range");
}

bool grammar_int_between(struct grammar *grammar, uint32_t at, int64_t least, int64_t most,
                         const char *text, int64_t *out_value)
{
    int64_t value;

    if (!grammar_int_read(grammar->args[at], &value) || value < least || value > most)
        return grammar_fail(grammar, text);
    *out_value = value;
    return true;
}

bool grammar_score(struct grammar *grammar, uint32_t at, const char *text, double *out_value)
{
    return grammar_score_read(grammar->args[at], out_value) ||
           grammar_fail(grammar, text != NULL ? text : "value is not a valid float");
}

void grammar_put_keys(struct grammar *grammar, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        command_list_key(grammar->list, grammar->args[i]);
}

void grammar_put_args(struct grammar *grammar, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        command_list_arg(grammar->list, grammar->args[i]);
}

void grammar_put(struct grammar *grammar, enum command_op op, uint32_t flags)
{
    command_list_add(grammar->list, op, flags);
    command_list_key(grammar->list, grammar->args[1]);
}

static void put_bound_kind(struct grammar *grammar, enum command_bound kind)
{
    char byte = (char)kind;

    command_list_arg(grammar->list, (struct span){&byte, 1});
}

void grammar_put_score_bound(struct grammar *grammar, const struct grammar_bound *bound)
{
    put_bound_kind(grammar, bound->kind);
    command_list_score(grammar->list, bound->score);
}

void grammar_put_lex_bound(struct grammar *grammar, const struct grammar_bound *bound)
{
    put_bound_kind(grammar, bound->kind);
    command_list_arg(grammar->list, bound->lex);
}

void grammar_put_rank_bound(struct grammar *grammar, int64_t rank)
{
    put_bound_kind(grammar, COMMAND_BOUND_INCLUSIVE);
    command_list_int(grammar->list, rank);
}

bool grammar_scan_options(struct grammar *grammar, uint32_t at, int64_t *out_count,
                          struct span *out_pattern, struct span *out_type)
{
    for (; at < grammar->count; at += 2) {
        bool more = at + 1 < grammar->count;

        if (more && grammar_at(grammar, at, "count")) {
            if (!grammar_int(grammar, at + 1, out_count))
                return false;
            if (*out_count < 1)
                return grammar_fail_syntax(grammar);
        } else if (more && grammar_at(grammar, at, "match")) {
            *out_pattern = grammar->args[at + 1];
        } else if (more && out_type != NULL && grammar_at(grammar, at, "type")) {
            *out_type = grammar->args[at + 1];
        } else {
            return grammar_fail_syntax(grammar);
        }
    }
    return true;
}
