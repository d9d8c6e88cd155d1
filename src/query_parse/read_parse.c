// SPDX-License-Identifier: Apache-2.0
/* read_parse.c - see read_parse.h: paths are taken apart here, and the kinds of read are listed. */
#include "query_parse/read_parse.h"

#include <assert.h>

#include "base/err.h"
#include "query/read.h"
#include "query/read_request.h"
#include "query_board/board_read.h"
#include "query_board/read_board.h"
#include "query_metric/read_metric.h"

#define PARTS_MAX 8
#define PARAMS_MAX 256
#define KIND_PARTS_MAX 5

/* A kind of read: the words of its path, "*" for a name. */
struct read_kind {
    const char *parts[KIND_PARTS_MAX];
    read_parse_fn *parse;
};

static const struct read_kind kinds[] = {
    {{"boards", "*", "top"}, read_board_top_parse},
    {{"boards", "*", "members", "*"}, read_board_member_parse},
    {{"boards", "*", "members", "*", "history"}, read_board_history_parse},
    {{"boards", "*", "around", "*"}, read_board_around_parse},
    {{"boards", "*", "members"}, read_board_members_parse},
    {{"boards", "*", "among"}, read_board_among_parse},
    {{"boards", "*", "count"}, read_board_count_parse},
    {{"boards", "*", "segments"}, read_board_segments_parse},
    {{"boards", "*", "seasons"}, read_board_seasons_parse},
    {{"boards", "*", "changes"}, read_board_changes_parse},
    {{"boards", "*", "updates"}, read_board_updates_parse},
    {{"boards", "*", "milestones"}, read_board_milestones_parse},
    {{"metrics", "*", "labels"}, read_metric_labels_parse},
    {{"metrics", "*"}, read_metric_range_parse},
};

static bool kind_matches(const struct read_kind *kind, const struct span *parts,
                         uint32_t part_count)
{
    if (part_count > KIND_PARTS_MAX ||
        (part_count < KIND_PARTS_MAX && kind->parts[part_count] != NULL))
        return false;
    for (uint32_t i = 0; i < part_count; i++) {
        if (kind->parts[i] == NULL)
            return false;
        if (strcmp(kind->parts[i], "*") != 0 && !span_equal(span_of(kind->parts[i]), parts[i]))
            return false;
    }
    return true;
}

int read_parse_parts(struct read **out_read, const struct span *parts, uint32_t part_count,
                     const struct read_param *params, uint32_t param_count,
                     const struct catalog *catalog, uint32_t partition_count,
                     const struct read_limits *limits, int64_t now_ms, struct err *err)
{
    struct read_request request = {parts,   part_count,      params, param_count,
                                   catalog, partition_count, limits, now_ms};

    assert(partition_count > 0);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        int rc;

        if (!kind_matches(&kinds[i], parts, part_count))
            continue;
        rc = kinds[i].parse(out_read, &request, err);
        if (rc < 0)
            return rc;
        if (span_equal(parts[0], SPAN_LITERAL("boards")))
            *out_read = board_read_seasoned(*out_read);
        (*out_read)->partition_count = partition_count;
        (*out_read)->now_ms = now_ms;
        return 0;
    }
    return err_set(err, ERR_NOT_FOUND,
                   "there is no such read; there are boards/NAME/top, boards/NAME/members, "
                   "boards/NAME/members/MEMBER, boards/NAME/members/MEMBER/history, "
                   "boards/NAME/around/MEMBER, boards/NAME/among, boards/NAME/count, "
                   "boards/NAME/segments, boards/NAME/seasons, boards/NAME/changes, "
                   "boards/NAME/updates, boards/NAME/milestones, metrics/NAME and "
                   "metrics/NAME/labels");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Undoes %xx, and in a query + too. `out` has room for the span; returns what was written. */
static int decode(struct span *out, struct span text, bool is_query, char **at, struct err *err)
{
    char *start = *at;

    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if (c == '%') {
            int high = i + 2 < text.size ? hex_digit(text.data[i + 1]) : -1;
            int low = i + 2 < text.size ? hex_digit(text.data[i + 2]) : -1;

            if (high < 0 || low < 0)
                return err_set(err, ERR_INVALID,
                               "\"%.*s\": a %% must be followed by two hexadecimal digits "
                               "(a %% itself is %%25)",
                               (int)(text.size < 200 ? text.size : 200), text.data);
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && is_query) {
            c = ' ';
        }
        *(*at)++ = c;
    }
    *out = (struct span){start, (size_t)(*at - start)};
    return 0;
}

/* Takes what stands before the first `separator` away from `rest`. */
static struct span split(struct span *rest, char separator)
{
    const char *found = rest->size > 0 ? memchr(rest->data, separator, rest->size) : NULL;
    struct span first = *rest;

    if (found == NULL) {
        *rest = (struct span){rest->data + rest->size, 0};
        return first;
    }
    first.size = (size_t)(found - rest->data);
    *rest = (struct span){found + 1, rest->size - first.size - 1};
    return first;
}

struct decoded_path {
    struct span parts[PARTS_MAX];
    uint32_t part_count;
    struct read_param params[PARAMS_MAX];
    uint32_t param_count;
};

static int decode_path(struct decoded_path *out, struct span path, char *text, struct err *err)
{
    struct span query = path;
    struct span rest = split(&query, '?');
    int rc = 0;

    while (rc == 0 && rest.size > 0) {
        if (out->part_count == PARTS_MAX)
            return err_set(err, ERR_NOT_FOUND, "there is no read with so many \"/\" in its path");
        rc = decode(&out->parts[out->part_count++], split(&rest, '/'), false, &text, err);
    }
    while (rc == 0 && query.size > 0) {
        struct span value = split(&query, '&');
        struct span name = split(&value, '=');
        struct read_param *param = &out->params[out->param_count];

        if (name.size == 0 && value.size == 0)
            continue;
        if (out->param_count++ == PARAMS_MAX)
            return err_set(err, ERR_INVALID, "more than %d parameters", PARAMS_MAX);
        rc = decode(&param->name, name, true, &text, err);
        if (rc == 0)
            rc = decode(&param->value, value, true, &text, err);
    }
    return rc;
}

int read_parse(struct read **out_read, struct span path, const struct catalog *catalog,
               uint32_t partition_count, const struct read_limits *limits, int64_t now_ms,
               struct err *err)
{
    struct decoded_path decoded = {.part_count = 0};
    struct bytes text = {0};
    int rc = decode_path(&decoded, path, bytes_reserve(&text, path.size + 1), err);

    if (rc == 0)
        rc = read_parse_parts(out_read, decoded.parts, decoded.part_count, decoded.params,
                              decoded.param_count, catalog, partition_count, limits, now_ms, err);
    bytes_done(&text);
    return rc;
}
