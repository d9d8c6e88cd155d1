// SPDX-License-Identifier: Apache-2.0
/*
 * route.c - which handler answers; see route.h.
 *
 * Routes of one path pattern share a `struct pattern`. Patterns are sorted so that the first that
 * fits is the one that wins; a look-up walks them, and most fail at their segment count. There are
 * a few dozen patterns, so a walk costs less than a tree would.
 */
#include "http/route.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "http/http_parse.h"

#define SEGMENTS_MAX 16
#define METHODS_MAX 8

/* In the order in which they win. */
enum segment_kind { SEGMENT_LITERAL, SEGMENT_ONE, SEGMENT_REST };

struct segment {
    enum segment_kind kind;
    struct span text; /* the literal, or the name (zero-terminated) */
};

struct pattern {
    const char *path; /* as in the table */
    uint32_t segment_count;
    struct segment segments[SEGMENTS_MAX];
    uint32_t method_count;
    const struct route *methods[METHODS_MAX];
    char allow[128];
};

struct route_table {
    size_t pattern_count;
    struct pattern *patterns;
    struct bytes names; /* what the names of segments point into */
};

const char *route_role_text(enum role role)
{
    static const char *const texts[] = {"none", "read", "write", "admin"};

    assert((size_t)role < sizeof(texts) / sizeof(texts[0]));
    return texts[role];
}

/* "{name}" and "{name*}" have their braces cut off and get a copy in `name`. */
static int segment_parse(struct segment *segment, struct span text, char *name)
{
    segment->kind = SEGMENT_LITERAL;
    segment->text = text;
    if (text.size == 0 || text.data[0] != '{')
        return memchr(text.data, '{', text.size) ? -1 : 0;
    if (text.size < 3 || text.data[text.size - 1] != '}')
        return -1;
    segment->kind = SEGMENT_ONE;
    segment->text = (struct span){text.data + 1, text.size - 2};
    if (segment->text.data[segment->text.size - 1] == '*') {
        segment->kind = SEGMENT_REST;
        segment->text.size--;
    }
    memcpy(name, segment->text.data, segment->text.size);
    name[segment->text.size] = 0;
    segment->text.data = name;
    return segment->text.size > 0 ? 0 : -1;
}

static int pattern_parse(struct pattern *pattern, const char *path, char *names, struct err *err)
{
    uint32_t param_count = 0;
    const char *at = path;

    pattern->path = path;
    if (*at != '/')
        return err_set(err, ERR_INVALID, "route %s: must begin with a slash", path);
    while (*at == '/') {
        const char *end = strchrnul(++at, '/');
        struct segment *segment = &pattern->segments[pattern->segment_count];

        if (pattern->segment_count > 0 && segment[-1].kind == SEGMENT_REST)
            return err_set(err, ERR_INVALID, "route %s: {…*} must be the last segment", path);
        if (segment_parse(segment, (struct span){at, (size_t)(end - at)}, names + (at - path)) < 0)
            return err_set(err, ERR_INVALID, "route %s: malformed segment", path);
        param_count += segment->kind != SEGMENT_LITERAL;
        pattern->segment_count++;
        if (pattern->segment_count == SEGMENTS_MAX || param_count > ROUTE_PARAMS_MAX)
            return err_set(err, ERR_INVALID, "route %s: too many segments", path);
        at = end;
    }
    return 0;
}

static bool pattern_has_method(const struct pattern *pattern, const char *method)
{
    for (uint32_t i = 0; i < pattern->method_count; i++) {
        if (strcmp(pattern->methods[i]->method, method) == 0)
            return true;
    }
    return false;
}

static void pattern_write_allow(struct pattern *pattern)
{
    size_t size = 0;

    for (uint32_t i = 0; i < pattern->method_count; i++) {
        const char *method = pattern->methods[i]->method;
        bool adds_head = strcmp(method, "GET") == 0 && !pattern_has_method(pattern, "HEAD");
        size += (size_t)snprintf(pattern->allow + size, sizeof(pattern->allow) - size, "%s%s, ",
                                 method, adds_head ? ", HEAD" : "");
        assert(size < sizeof(pattern->allow) - sizeof("OPTIONS"));
    }
    if (!pattern_has_method(pattern, "OPTIONS"))
        memcpy(pattern->allow + size, "OPTIONS", sizeof("OPTIONS"));
    else
        pattern->allow[size - 2] = 0;
}

static bool pattern_same(const struct pattern *a, const struct pattern *b)
{
    if (a->segment_count != b->segment_count)
        return false;
    for (uint32_t i = 0; i < a->segment_count; i++) {
        if (a->segments[i].kind != b->segments[i].kind ||
            !span_equal(a->segments[i].text, b->segments[i].text))
            return false;
    }
    return true;
}

static int pattern_order(const void *left, const void *right)
{
    const struct pattern *a = left, *b = right;

    for (uint32_t i = 0; i < a->segment_count && i < b->segment_count; i++) {
        if (a->segments[i].kind != b->segments[i].kind)
            return a->segments[i].kind < b->segments[i].kind ? -1 : 1;
    }
    return a->segment_count > b->segment_count   ? -1
           : a->segment_count < b->segment_count ? 1
                                                 : strcmp(a->path, b->path);
}

static int table_add(struct route_table *table, const struct route *route, char *names,
                     struct err *err)
{
    struct pattern *pattern = &table->patterns[table->pattern_count];

    *pattern = (struct pattern){0};
    if (pattern_parse(pattern, route->path, names, err) < 0)
        return ERR_INVALID;
    for (size_t i = 0; i < table->pattern_count; i++) {
        if (pattern_same(&table->patterns[i], pattern))
            pattern = &table->patterns[i];
    }
    if (pattern == &table->patterns[table->pattern_count])
        table->pattern_count++;
    if (pattern_has_method(pattern, route->method))
        return err_set(err, ERR_INVALID, "route %s %s: listed twice", route->method, route->path);
    if (pattern->method_count == METHODS_MAX)
        return err_set(err, ERR_INVALID, "route %s: too many methods", route->path);
    pattern->methods[pattern->method_count++] = route;
    return 0;
}

int route_table_new(struct route_table **out_table, const struct route *routes, size_t count,
                    struct err *err)
{
    struct route_table *table = bytes_alloc_zero(1, sizeof(*table));
    size_t names_size = 0, at = 0;

    table->patterns = bytes_alloc_zero(count + 1, sizeof(*table->patterns));
    for (size_t i = 0; i < count; i++)
        names_size += strlen(routes[i].path) + 1;
    char *names = bytes_reserve(&table->names, names_size + 1);
    for (size_t i = 0; i < count; i++) {
        if (table_add(table, &routes[i], names + at, err) < 0) {
            route_table_free(table);
            return ERR_INVALID;
        }
        at += strlen(routes[i].path) + 1;
    }
    for (size_t i = 0; i < table->pattern_count; i++)
        pattern_write_allow(&table->patterns[i]);
    qsort(table->patterns, table->pattern_count, sizeof(*table->patterns), pattern_order);
    *out_table = table;
    return 0;
}

void route_table_free(struct route_table *table)
{
    if (!table)
        return;
    bytes_done(&table->names);
    free(table->patterns);
    free(table);
}

static bool literal_fits(struct span literal, struct span raw)
{
    char decoded[128];

    if (!memchr(raw.data, '%', raw.size))
        return span_equal(literal, raw);
    if (raw.size >= sizeof(decoded))
        return false;
    ptrdiff_t size = http_percent_decode(raw, false, decoded);
    return size >= 0 && span_equal(literal, (struct span){decoded, (size_t)size});
}

static bool pattern_fits(const struct pattern *pattern, const struct span *segments, uint32_t count,
                         struct span path, struct route_match *match)
{
    const struct segment *last = &pattern->segments[pattern->segment_count - 1];

    if (last->kind == SEGMENT_REST ? count < pattern->segment_count
                                   : count != pattern->segment_count)
        return false;
    match->param_count = 0;
    for (uint32_t i = 0; i < pattern->segment_count; i++) {
        const struct segment *segment = &pattern->segments[i];
        struct span raw = segments[i];

        if (segment->kind == SEGMENT_LITERAL) {
            if (!literal_fits(segment->text, raw))
                return false;
            continue;
        }
        if (segment->kind == SEGMENT_REST)
            raw.size = (size_t)(path.data + path.size - raw.data);
        else if (raw.size == 0)
            return false;
        match->params[match->param_count++] = (struct route_param){segment->text.data, raw};
    }
    return true;
}

static const struct route *pattern_method(const struct pattern *pattern, struct span method)
{
    const struct route *get = NULL;

    for (uint32_t i = 0; i < pattern->method_count; i++) {
        const struct route *route = pattern->methods[i];
        if (span_equal(span_of(route->method), method))
            return route;
        if (strcmp(route->method, "GET") == 0)
            get = route;
    }
    return span_equal(method, SPAN_LITERAL("HEAD")) ? get : NULL;
}

enum route_result route_table_find(const struct route_table *table, struct span method,
                                   struct span path, struct route_match *out_match)
{
    /* One more than patterns have: a longer path looks the same from there on. */
    struct span segments[SEGMENTS_MAX + 1];
    uint32_t count = 0;
    const char *end = path.data + path.size;
    const char *at = path.data;

    *out_match = (struct route_match){0};
    while (at < end && *at == '/' && count <= SEGMENTS_MAX) {
        const char *slash = memchr(at + 1, '/', (size_t)(end - at - 1));
        slash = slash ? slash : end;
        segments[count++] = (struct span){at + 1, (size_t)(slash - at - 1)};
        at = slash;
    }
    for (size_t i = 0; i < table->pattern_count; i++) {
        const struct pattern *pattern = &table->patterns[i];
        if (!pattern_fits(pattern, segments, count, path, out_match))
            continue;
        out_match->allow = pattern->allow;
        out_match->route = pattern_method(pattern, method);
        return out_match->route ? ROUTE_FOUND : ROUTE_METHOD;
    }
    return ROUTE_UNKNOWN;
}
