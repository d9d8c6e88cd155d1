// SPDX-License-Identifier: Apache-2.0
/*
 * command_docs.c - COMMAND: the table of commands, told to clients.
 *
 * Thread: the worker's.
 */
#include <ctype.h>
#include <string.h>

#include "command/answer.h"
#include "command/command_private.h"
#include "model/reply.h"

static bool is_top(const struct spec *spec)
{
    return memchr(spec->name, '|', spec->name_size) == NULL;
}

/* "client|id" is inside "client". */
static bool is_inside(const struct spec *spec, const struct spec *container)
{
    return spec->name_size > container->name_size && spec->name[container->name_size] == '|' &&
           memcmp(spec->name, container->name, container->name_size) == 0;
}

static void put_flags(struct bytes *out, const struct spec *spec)
{
    size_t at = reply_aggregate_begin(out, REPLY_SET);
    uint32_t count = 0;

    for (uint32_t bit = 0; bit < SPEC_FLAG_COUNT; bit++) {
        const char *text = command_table_flag_text(bit);

        if ((spec->flags >> bit & 1) == 0 || text[0] == '\0')
            continue;
        reply_status(out, text);
        count++;
    }
    reply_aggregate_end(out, at, count);
}

static void put_categories(struct bytes *out, const struct spec *spec)
{
    size_t at = reply_aggregate_begin(out, REPLY_SET);
    uint32_t count = 1;

    reply_status(out, (spec->flags & SPEC_FAST) != 0 ? "@fast" : "@slow");
    if ((spec->flags & SPEC_READONLY) != 0 && ++count > 0)
        reply_status(out, "@read");
    if ((spec->flags & SPEC_WRITE) != 0 && ++count > 0)
        reply_status(out, "@write");
    if ((spec->flags & SPEC_BLOCKING) != 0 && ++count > 0)
        reply_status(out, "@blocking");
    if ((spec->flags & SPEC_ADMIN) != 0 && (count += 2) > 0) {
        reply_status(out, "@admin");
        reply_status(out, "@dangerous");
    }
    if (spec->group == SPEC_SORTED_SET && ++count > 0)
        reply_status(out, "@sortedset");
    if (spec->group == SPEC_STREAM && ++count > 0)
        reply_status(out, "@stream");
    if (spec->group == SPEC_PUBSUB_GROUP && ++count > 0)
        reply_status(out, "@pubsub");
    if (spec->group == SPEC_CONNECTION && ++count > 0)
        reply_status(out, "@connection");
    if (spec->group == SPEC_TRANSACTIONS && ++count > 0)
        reply_status(out, "@transaction");
    reply_aggregate_end(out, at, count);
}

static void put_pair(struct bytes *out, const char *name, const char *value)
{
    reply_bulk(out, span_of(name));
    reply_bulk(out, span_of(value));
}

static void put_number(struct bytes *out, const char *name, int64_t value)
{
    reply_bulk(out, span_of(name));
    reply_int(out, value);
}

static void put_key_flags(struct bytes *out, const struct spec *spec)
{
    reply_bulk(out, SPAN_LITERAL("flags"));
    reply_aggregate(out, REPLY_SET, 1);
    reply_status(out, (spec->flags & SPEC_WRITE) != 0 ? "RW" : "RO");
}

/* The beginning of one way to find keys: by the word at an index, then as `find` says. */
static void put_search(struct bytes *out, const struct spec *spec, int64_t index, const char *find)
{
    reply_aggregate(out, REPLY_MAP, 3);
    put_key_flags(out, spec);
    reply_bulk(out, SPAN_LITERAL("begin_search"));
    reply_aggregate(out, REPLY_MAP, 2);
    put_pair(out, "type", "index");
    reply_bulk(out, SPAN_LITERAL("spec"));
    reply_aggregate(out, REPLY_MAP, 1);
    put_number(out, "index", index);
    reply_bulk(out, SPAN_LITERAL("find_keys"));
    reply_aggregate(out, REPLY_MAP, 2);
    put_pair(out, "type", find);
    reply_bulk(out, SPAN_LITERAL("spec"));
}

/* Where the keys are, as Redis 7 tells it beside first, last and step. */
static void put_key_specs(struct bytes *out, const struct spec *spec)
{
    reply_aggregate(out, REPLY_SET, (spec->first_key > 0) + (spec->numkeys > 0));
    if (spec->first_key > 0) {
        put_search(out, spec, spec->first_key, "range");
        reply_aggregate(out, REPLY_MAP, 3);
        put_number(out, "lastkey",
                   spec->last_key < 0 ? spec->last_key : spec->last_key - spec->first_key);
        put_number(out, "keystep", spec->key_step);
        put_number(out, "limit", 0);
    }
    if (spec->numkeys > 0) {
        put_search(out, spec, spec->numkeys, "keynum");
        reply_aggregate(out, REPLY_MAP, 3);
        put_number(out, "keynumidx", 0);
        put_number(out, "firstkey", 1);
        put_number(out, "keystep", 1);
    }
}

static void put_info(struct bytes *out, const struct spec *spec)
{
    uint32_t spec_count;
    const struct spec *specs = command_table_all(&spec_count);
    uint32_t inside = 0;
    size_t at;

    reply_aggregate(out, REPLY_ARRAY, 10);
    reply_bulk(out, span_of(spec->name));
    reply_int(out, spec->arity);
    put_flags(out, spec);
    reply_int(out, spec->first_key);
    reply_int(out, spec->first_key > 0 ? spec->last_key : 0);
    reply_int(out, spec->first_key > 0 ? spec->key_step : 0);
    put_categories(out, spec);
    reply_aggregate(out, REPLY_SET, 0); /* tips */
    put_key_specs(out, spec);
    at = reply_aggregate_begin(out, REPLY_ARRAY);
    for (uint32_t i = 0; i < spec_count && (spec->flags & SPEC_CONTAINER) != 0; i++)
        if (is_inside(&specs[i], spec)) {
            put_info(out, &specs[i]);
            inside++;
        }
    reply_aggregate_end(out, at, inside);
}

/* For all commands that are not inside others. */
static uint32_t each_top(struct bytes *out, void (*put)(struct bytes *out, const struct spec *spec))
{
    uint32_t spec_count;
    const struct spec *specs = command_table_all(&spec_count);
    uint32_t count = 0;

    for (uint32_t i = 0; i < spec_count; i++) {
        if (!is_top(&specs[i]))
            continue;
        count++;
        if (put != NULL)
            put(out, &specs[i]);
    }
    return count;
}

void command_docs_all(struct invocation *invocation)
{
    reply_aggregate(invocation->out, REPLY_ARRAY, each_top(NULL, NULL));
    each_top(invocation->out, put_info);
}

void command_docs_count(struct invocation *invocation)
{
    reply_int(invocation->out, each_top(NULL, NULL));
}

void command_docs_info(struct invocation *invocation)
{
    if (invocation->count == 2) {
        command_docs_all(invocation);
        return;
    }
    reply_aggregate(invocation->out, REPLY_ARRAY, invocation->count - 2);
    for (uint32_t i = 2; i < invocation->count; i++) {
        const struct spec *spec = command_table_find(invocation->args[i]);

        if (spec != NULL)
            put_info(invocation->out, spec);
        else
            reply_null_array(invocation->out);
    }
}

static void put_docs(struct bytes *out, const struct spec *spec)
{
    uint32_t spec_count;
    const struct spec *specs = command_table_all(&spec_count);
    uint32_t inside = 0;
    bool container = (spec->flags & SPEC_CONTAINER) != 0;
    size_t at;

    reply_bulk(out, span_of(spec->name));
    reply_aggregate(out, REPLY_MAP, container ? 4 : 3);
    put_pair(out, "summary", spec->summary);
    put_pair(out, "since", spec->since);
    put_pair(out, "group", command_table_group_text((enum spec_group)spec->group));
    if (!container)
        return;
    reply_bulk(out, SPAN_LITERAL("subcommands"));
    at = reply_aggregate_begin(out, REPLY_MAP);
    for (uint32_t i = 0; i < spec_count; i++)
        if (is_inside(&specs[i], spec)) {
            put_docs(out, &specs[i]);
            inside++;
        }
    reply_aggregate_end(out, at, inside);
}

void command_docs_docs(struct invocation *invocation)
{
    uint32_t count = 0;
    size_t at;

    if (invocation->count == 2) {
        reply_aggregate(invocation->out, REPLY_MAP, each_top(NULL, NULL));
        each_top(invocation->out, put_docs);
        return;
    }
    at = reply_aggregate_begin(invocation->out, REPLY_MAP);
    for (uint32_t i = 2; i < invocation->count; i++) {
        const struct spec *spec = command_table_find(invocation->args[i]);

        if (spec == NULL)
            continue;
        put_docs(invocation->out, spec);
        count++;
    }
    reply_aggregate_end(invocation->out, at, count);
}

/* ---- COMMAND LIST ---- */

static bool has_category(const struct spec *spec, struct span category)
{
    struct bytes tokens = {0};
    struct reply_token token;
    bool found = false;
    size_t at = 0;

    put_categories(&tokens, spec);
    reply_next(bytes_span(&tokens), &at, &token);
    while (!found && reply_next(bytes_span(&tokens), &at, &token))
        found = token.text.size == category.size + 1 &&
                memcmp(token.text.data + 1, category.data, category.size) == 0;
    bytes_done(&tokens);
    return found;
}

void command_docs_list(struct invocation *invocation)
{
    const struct span *args = invocation->args;
    uint32_t spec_count;
    const struct spec *specs = command_table_all(&spec_count);
    bool filtered = invocation->count > 2;
    bool by_pattern = false;
    uint32_t count = 0;
    size_t at;

    if (filtered) {
        by_pattern = invocation->count == 5 && grammar_is(args[3], "pattern");
        if (invocation->count != 5 || !grammar_is(args[2], "filterby") ||
            (!by_pattern && !grammar_is(args[3], "aclcat") && !grammar_is(args[3], "module"))) {
            reply_error(invocation->out, "ERR syntax error");
            return;
        }
    }
    at = reply_aggregate_begin(invocation->out, REPLY_SET);
    for (uint32_t i = 0; i < spec_count; i++) {
        struct span name = {specs[i].name, specs[i].name_size};

        if (filtered
                ? (by_pattern ? !pubsub_match(args[4], name) : !has_category(&specs[i], args[4]))
                : !is_top(&specs[i]))
            continue;
        reply_bulk(invocation->out, name);
        count++;
    }
    reply_aggregate_end(invocation->out, at, count);
}

/* ---- COMMAND GETKEYS ---- */

struct key_listing {
    struct bytes *out;
    uint32_t count;
};

static void list_key(void *context, struct span key)
{
    struct key_listing *listing = context;

    reply_bulk(listing->out, key);
    listing->count++;
}

void command_docs_getkeys(struct invocation *invocation)
{
    const struct span *args = invocation->args + 2;
    uint32_t count = invocation->count - 2;
    const struct spec *spec = command_table_find(args[0]);
    struct key_listing listing = {.out = invocation->out};
    size_t begin = invocation->out->size;
    bool known;
    size_t at;

    if (spec != NULL && (spec->flags & SPEC_CONTAINER) != 0 && count > 1)
        spec = command_table_inside(spec, args[1]);
    if (spec == NULL) {
        reply_error(invocation->out, "ERR Invalid command specified");
        return;
    }
    if (spec->first_key == 0 && spec->numkeys == 0) {
        reply_error(invocation->out, "ERR The command has no key arguments");
        return;
    }
    if (spec->arity >= 0 ? count != (uint32_t)spec->arity : count < (uint32_t)-spec->arity) {
        reply_error(invocation->out, "ERR Invalid number of arguments specified for command");
        return;
    }
    at = reply_aggregate_begin(invocation->out, REPLY_ARRAY);
    known = command_table_keys(spec, args, count, list_key, &listing);
    if (!known) {
        invocation->out->size = begin;
        reply_error(invocation->out, "ERR Invalid arguments specified for command");
        return;
    }
    reply_aggregate_end(invocation->out, at, listing.count);
}

/* ---- docs/reference/resp.md ---- */

void command_docs_print(struct bytes *out)
{
    static const enum spec_group groups[] = {
        SPEC_SORTED_SET,   SPEC_BOARD,      SPEC_STREAM, SPEC_GENERIC, SPEC_TRANSACTIONS,
        SPEC_PUBSUB_GROUP, SPEC_CONNECTION, SPEC_SERVER, SPEC_CLUSTER, SPEC_SCRIPTING,
    };
    uint32_t spec_count;
    const struct spec *specs = command_table_all(&spec_count);

    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        bytes_format(out, "\n### %s\n\n| command | role | what it does |\n|---|---|---|\n",
                     command_table_group_text(groups[g]));
        for (uint32_t i = 0; i < spec_count; i++) {
            const struct spec *spec = &specs[i];

            if (spec->group != groups[g] || (spec->flags & SPEC_CONTAINER) != 0 ||
                strstr(spec->name, "|help") != NULL)
                continue;
            bytes_put_text(out, "| `");
            for (const char *c = spec->name; *c != '\0'; c++)
                bytes_put_char(out, *c == '|' ? ' ' : (char)toupper((unsigned char)*c));
            bytes_format(out, "` | %s | %s |\n",
                         command_table_role_text((enum spec_role)spec->role), spec->summary);
        }
    }
}
