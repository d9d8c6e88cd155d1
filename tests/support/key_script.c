// SPDX-License-Identifier: Apache-2.0
/* key_script.c - see key_script.h. */
#include "support/key_script.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "model/command.h"
#include "model/reply.h"

/* What stands behind the keys, in turn: s score, m member, b bound, n number. */
static const struct {
    enum command_op op;
    const char *types;
} shapes[] = {
    {COMMAND_ZADD, "sm"},      {COMMAND_ZREM, "m"},          {COMMAND_ZREMRANGE, "bb"},
    {COMMAND_ZPOP, "n"},       {COMMAND_ZSTORE, "sm"},       {COMMAND_ZRANGESTORE, "bbnn"},
    {COMMAND_DEL, ""},         {COMMAND_ZALGEBRASTORE, "s"}, {COMMAND_EXPIREAT, "n"},
    {COMMAND_PERSIST, ""},     {COMMAND_RENAME, ""},         {COMMAND_FLUSH, ""},
    {COMMAND_IF_WATCHED, "n"}, {COMMAND_TW_UPDATE, "sm"},    {COMMAND_COPY, ""},
    {COMMAND_ZSCORE, "m"},     {COMMAND_ZRANK, "m"},         {COMMAND_ZCARD, ""},
    {COMMAND_ZCOUNT, "bb"},    {COMMAND_ZRANGE, "bbnn"},     {COMMAND_ZRANDMEMBER, "n"},
    {COMMAND_ZSCAN, "nnm"},    {COMMAND_ZALGEBRA, "s"},      {COMMAND_ZDUMP, ""},
    {COMMAND_EXISTS, ""},      {COMMAND_TYPE, ""},           {COMMAND_EXPIRY, ""},
    {COMMAND_KEYS, "m"},       {COMMAND_SCAN, "nnm"},        {COMMAND_DBSIZE, ""},
    {COMMAND_RANDOMKEY, ""},   {COMMAND_VERSION, ""},        {COMMAND_TW_AROUND, "mn"},
    {COMMAND_TW_AMONG, "m"},   {COMMAND_ENCODING, ""},
};

static const struct {
    const char *name;
    uint32_t flag;
} flag_names[] = {
    {"NX", COMMAND_NX},
    {"XX", COMMAND_XX},
    {"GT", COMMAND_GT},
    {"LT", COMMAND_LT},
    {"CH", COMMAND_CH},
    {"INCR", COMMAND_INCR},
    {"BY_RANK", COMMAND_BY_RANK},
    {"BY_SCORE", COMMAND_BY_SCORE},
    {"BY_LEX", COMMAND_BY_LEX},
    {"REV", COMMAND_REV},
    {"WITHSCORES", COMMAND_WITHSCORES},
    {"MAX", COMMAND_MAX},
    {"COUNTED", COMMAND_COUNTED},
    {"MPOP", COMMAND_MPOP},
    {"UNION", COMMAND_UNION},
    {"INTER", COMMAND_INTER},
    {"DIFF", COMMAND_DIFF},
    {"AGGREGATE_MIN", COMMAND_AGGREGATE_MIN},
    {"AGGREGATE_MAX", COMMAND_AGGREGATE_MAX},
    {"CARD", COMMAND_CARD},
    {"MS", COMMAND_MS},
    {"ABSOLUTE", COMMAND_ABSOLUTE},
    {"REPLACE", COMMAND_REPLACE},
};

/* Takes the text up to `end`, or all, off the front. */
static struct span take(struct span *rest, char end)
{
    const char *at = rest->size > 0 ? memchr(rest->data, end, rest->size) : NULL;
    size_t size = at != NULL ? (size_t)(at - rest->data) : rest->size;
    struct span word = {rest->data, size};

    rest->data += at != NULL ? size + 1 : size;
    rest->size -= at != NULL ? size + 1 : size;
    return word;
}

static uint32_t flag_of(struct span name)
{
    for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++)
        if (span_equal(name, span_of(flag_names[i].name)))
            return flag_names[i].flag;
    assert(!"a flag that there is not");
    return 0;
}

static const char *types_of(struct span name, enum command_op *out_op)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        *out_op = shapes[i].op;
        if (span_equal(name, span_of(command_op_text(shapes[i].op))))
            return shapes[i].types;
    }
    assert(!"an operation that there is not");
    return NULL;
}

static int64_t number(struct span word)
{
    char text[32] = {0};

    assert(word.size < sizeof(text));
    memcpy(text, word.data, word.size);
    return strtoll(text, NULL, 10);
}

static double score(struct span word)
{
    char text[32] = {0};

    assert(word.size < sizeof(text));
    memcpy(text, word.data, word.size);
    return strtod(text, NULL);
}

static void add_bound(struct command_list *list, struct span word, uint32_t flags)
{
    struct span value = {word.data + 1, word.size - 1};
    char kind = COMMAND_BOUND_INCLUSIVE;

    if (word.data[0] == '(')
        kind = COMMAND_BOUND_EXCLUSIVE;
    if (word.size == 1 && word.data[0] != '[' && word.data[0] != '(')
        kind = word.data[0] == '-' ? COMMAND_BOUND_LEAST : COMMAND_BOUND_GREATEST;
    command_list_arg(list, (struct span){&kind, 1});
    if (kind == COMMAND_BOUND_LEAST || kind == COMMAND_BOUND_GREATEST)
        command_list_arg(list, (struct span){NULL, 0});
    else if (flags & COMMAND_BY_RANK)
        command_list_int(list, number(value));
    else if (flags & COMMAND_BY_SCORE)
        command_list_score(list, score(value));
    else
        command_list_arg(list, value);
}

static void add_arg(struct command_list *list, struct span word, char type, uint32_t flags)
{
    if (word.data[0] == '#')
        command_list_int(list, number((struct span){word.data + 1, word.size - 1}));
    else if (type == 'n')
        command_list_int(list, number(word));
    else if (type == 's')
        command_list_score(list, score(word));
    else if (type == 'b')
        add_bound(list, word, flags);
    else
        command_list_arg(list, span_equal(word, SPAN_LITERAL("''")) ? SPAN_LITERAL("") : word);
}

void key_script_add(struct command_list *list, const char *text)
{
    struct span rest = span_of(text);
    struct span head = take(&rest, ' ');
    struct span name = take(&head, '.');
    enum command_op op;
    const char *types = types_of(name, &op);
    bool behind_keys = false;
    uint32_t flags = 0;
    size_t at = 0;

    while (head.size > 0)
        flags |= flag_of(take(&head, '.'));
    command_list_add(list, op, flags);
    while (rest.size > 0) {
        struct span word = take(&rest, ' ');

        if (!behind_keys && span_equal(word, SPAN_LITERAL("|"))) {
            behind_keys = true;
        } else if (!behind_keys) {
            command_list_key(list, span_equal(word, SPAN_LITERAL("''")) ? SPAN_LITERAL("") : word);
        } else {
            add_arg(list, word, types[at], flags);
            at = types[at + 1] != '\0' ? at + 1 : 0;
        }
    }
}

/* ---- replies ---- */

static void print_value(struct span replies, size_t *at, struct bytes *out);

static void print_elements(struct span replies, size_t *at, uint64_t count, const char *brackets,
                           struct bytes *out)
{
    bytes_put_char(out, brackets[0]);
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0)
            bytes_put_char(out, ' ');
        print_value(replies, at, out);
    }
    bytes_put_char(out, brackets[1]);
}

static void print_value(struct span replies, size_t *at, struct bytes *out)
{
    struct reply_token token = {0};
    bool there = reply_next(replies, at, &token);

    assert(there);
    switch (token.kind) {
    case REPLY_NULL:
        bytes_put_text(out, "nil");
        break;
    case REPLY_NULL_ARRAY:
        bytes_put_text(out, "nil-array");
        break;
    case REPLY_INT:
        bytes_format(out, "%" PRId64, token.i);
        break;
    case REPLY_DOUBLE:
        bytes_format(out, "%.17g", token.f);
        break;
    case REPLY_BOOL:
        bytes_put_text(out, token.i != 0 ? "true" : "false");
        break;
    case REPLY_STATUS:
    case REPLY_ERROR:
        bytes_put_char(out, token.kind == REPLY_STATUS ? '+' : '-');
        bytes_put(out, token.text.data, token.text.size);
        break;
    case REPLY_BULK:
    case REPLY_TEXT:
        bytes_put(out, token.text.data, token.text.size);
        if (token.text.size == 0)
            bytes_put_text(out, "''");
        break;
    case REPLY_ARRAY:
    case REPLY_SET:
    case REPLY_PUSH:
        print_elements(replies, at, token.count, "[]", out);
        break;
    case REPLY_PAIRS:
        print_elements(replies, at, 2 * (uint64_t)token.count, "<>", out);
        break;
    case REPLY_MAP:
    case REPLY_TABLE:
        print_elements(replies, at, 2 * (uint64_t)token.count, "{}", out);
        break;
    }
}

void key_script_print(struct span replies, struct bytes *out)
{
    size_t at = 0;

    while (at < replies.size) {
        if (at > 0)
            bytes_put_char(out, ' ');
        print_value(replies, &at, out);
    }
}
