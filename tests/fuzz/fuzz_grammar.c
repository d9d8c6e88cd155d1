// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_grammar.c - any words as a command on keys.
 *
 * Words are separated by line ends; the first is the name. Whatever the words are, a command is
 * either refused with one error and leaves the list as it was, or adds one command that the journal
 * gives back as it is.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "command/command_table.h"
#include "model/command.h"
#include "model/reply.h"

#define WORDS_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t split(struct span text, struct span *words)
{
    uint32_t count = 0;

    while (count < WORDS_MAX) {
        const char *end = memchr(text.data, '\n', text.size);
        size_t word = end != NULL ? (size_t)(end - text.data) : text.size;

        words[count++] = (struct span){text.data, word};
        if (end == NULL)
            break;
        text.data += word + 1;
        text.size -= word + 1;
    }
    return count;
}

static bool same_command(const struct command_list *a, uint32_t a_index,
                         const struct command_list *b, uint32_t b_index)
{
    const struct command *one = &a->commands[a_index];
    const struct command *other = &b->commands[b_index];

    if (one->op != other->op || one->flags != other->flags || one->key_count != other->key_count ||
        one->arg_count != other->arg_count)
        return false;
    for (uint32_t i = 0; i < one->arg_count; i++)
        if (!span_equal(command_arg(a, one, i), command_arg(b, other, i)))
            return false;
    return true;
}

static void check_journal(const struct command_list *list)
{
    struct command_list again = {0};
    struct bytes payload = {0};
    struct err err;
    uint32_t at = 0;

    command_list_encode(list, &payload);
    assert(command_list_decode(&again, bytes_span(&payload), &err) == 0);
    for (uint32_t i = 0; i < list->count; i++)
        if (command_is_write((enum command_op)list->commands[i].op))
            assert(same_command(list, i, &again, at++));
    assert(at == again.count);
    command_list_done(&again);
    bytes_done(&payload);
}

static void ignore_key(void *context, struct span key)
{
    *(size_t *)context += key.size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct span words[WORDS_MAX];
    struct command_list list = {0};
    struct bytes error = {0};
    struct grammar grammar;
    const struct spec *spec;
    size_t key_bytes = 0;
    uint32_t count;
    bool ok;

    if (size == 0)
        return 0;
    command_table_init();
    count = split((struct span){(const char *)data, size}, words);
    spec = command_table_find(words[0]);
    if (spec == NULL || spec->grammar == NULL ||
        (spec->arity >= 0 ? count != (uint32_t)spec->arity : count < (uint32_t)-spec->arity))
        return 0;
    command_table_keys(spec, words, count, ignore_key, &key_bytes);
    grammar = (struct grammar){.args = words,
                               .count = count,
                               .name = spec->name,
                               .now_ms = INT64_C(1700000000000),
                               .list = &list,
                               .error = &error};
    command_list_add(&list, COMMAND_FLUSH, 0);
    ok = spec->grammar(&grammar);
    assert(list.count == (ok ? 2u : 1u));
    assert((error.size == 0) == ok);
    if (!ok) {
        struct reply_token token;
        size_t at = 0;

        assert(reply_next(bytes_span(&error), &at, &token) && token.kind == REPLY_ERROR);
        assert(at == error.size && list.arg_count == 0 && list.data.size == 0);
    }
    assert(grammar.timeout_ms >= 0);
    check_journal(&list);
    command_list_done(&list);
    bytes_done(&error);
    return 0;
}
