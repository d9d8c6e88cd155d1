// SPDX-License-Identifier: Apache-2.0
/* catalog.c - see catalog.h. */
#include "engine/catalog.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/catalog_private.h"
#include "period/period_zone.h"

#define KIND_COUNT 3

struct catalog *catalog_new(void)
{
    struct catalog *catalog = bytes_alloc_zero(1, sizeof(*catalog));

    catalog->id_next = 1;
    return catalog;
}

/* What a board owns beside itself. */
static void board_done(struct catalog_board *board)
{
    catalog_files_done(&board->files);
    period_zone_free(board->zone);
    board->zone = NULL;
}

static void free_board(struct catalog_board *board)
{
    board_done(board);
    free(board);
}

void catalog_free(struct catalog *catalog)
{
    if (catalog == NULL)
        return;
    for (uint32_t i = 0; i < catalog->stream_count; i++)
        free(catalog->streams[i]);
    for (uint32_t i = 0; i < catalog->metric_count; i++)
        free(catalog->metrics[i]);
    for (uint32_t i = 0; i < catalog->board_count; i++)
        free_board(catalog->boards[i]);
    free(catalog->streams);
    free(catalog->metrics);
    free(catalog->boards);
    free(catalog);
}

const struct catalog_stream *catalog_find_stream(const struct catalog *catalog, struct span name)
{
    for (uint32_t i = 0; i < catalog->stream_count; i++)
        if (span_equal(span_of(catalog->streams[i]->def.name), name))
            return catalog->streams[i];
    return NULL;
}

const struct catalog_metric *catalog_find_metric(const struct catalog *catalog, struct span name)
{
    for (uint32_t i = 0; i < catalog->metric_count; i++)
        if (span_equal(span_of(catalog->metrics[i]->def.name), name))
            return catalog->metrics[i];
    return NULL;
}

const struct catalog_board *catalog_find_board(const struct catalog *catalog, struct span name)
{
    for (uint32_t i = 0; i < catalog->board_count; i++)
        if (span_equal(span_of(catalog->boards[i]->def.name), name))
            return catalog->boards[i];
    return NULL;
}

const struct catalog_stream *catalog_stream_by_id(const struct catalog *catalog, uint32_t id)
{
    for (uint32_t i = 0; i < catalog->stream_count; i++)
        if (catalog->streams[i]->id == id)
            return catalog->streams[i];
    return NULL;
}

/* A parsed definition of any kind. */
struct any_def {
    struct stream_def stream;
    struct metric_def metric;
    struct board_def board;
    struct catalog_files files; /* of the board */
};

static void any_free(struct any_def *def)
{
    catalog_files_done(&def->files);
    free(def);
}

static int parse_any(enum definition_kind kind, const char *name, const json_t *tree,
                     struct any_def *out_def, struct err *err)
{
    switch (kind) {
    case DEFINITION_STREAM:
        return stream_def_parse(&out_def->stream, name, tree, err);
    case DEFINITION_METRIC:
        return metric_def_parse(&out_def->metric, name, tree, err);
    case DEFINITION_BOARD:
        return board_def_parse(&out_def->board, name, tree, err);
    }
    return err_set(err, ERR_INTERNAL, "unknown kind of definition");
}

static void print_any(enum definition_kind kind, const struct any_def *def, struct bytes *out)
{
    switch (kind) {
    case DEFINITION_STREAM:
        stream_def_print(&def->stream, out);
        break;
    case DEFINITION_METRIC:
        metric_def_print(&def->metric, out);
        break;
    case DEFINITION_BOARD:
        board_def_print(&def->board, out);
        break;
    }
}

/* What is defined under that name now: its version and id (0 if nothing), and its text. */
static void current(const struct catalog *catalog, enum definition_kind kind, struct span name,
                    uint32_t *out_id, uint32_t *out_version, struct bytes *out_text)
{
    const struct catalog_stream *stream = catalog_find_stream(catalog, name);
    const struct catalog_metric *metric = catalog_find_metric(catalog, name);
    const struct catalog_board *board = catalog_find_board(catalog, name);

    *out_id = 0;
    *out_version = 0;
    if (kind == DEFINITION_STREAM && stream != NULL && !stream->of_board) {
        *out_id = stream->id;
        *out_version = stream->def.version;
        stream_def_print(&stream->def, out_text);
    } else if (kind == DEFINITION_METRIC && metric != NULL) {
        *out_id = metric->id;
        *out_version = metric->def.version;
        metric_def_print(&metric->def, out_text);
    } else if (kind == DEFINITION_BOARD && board != NULL) {
        *out_id = board->id;
        *out_version = board->def.version;
        board_def_print(&board->def, out_text);
    }
}

uint32_t catalog_version(const struct catalog *catalog, enum definition_kind kind, struct span name)
{
    struct bytes text = {0};
    uint32_t id;
    uint32_t version;

    current(catalog, kind, name, &id, &version, &text);
    bytes_done(&text);
    return version;
}

static int check_drop(const struct catalog *catalog, enum definition_kind kind, struct span name,
                      uint32_t id, struct err *err)
{
    if (id == 0)
        return err_set(err, ERR_NOT_FOUND, "%s.%.*s is not defined", definition_kind_text(kind),
                       (int)name.size, name.data);
    if (kind != DEFINITION_STREAM)
        return 0;
    for (uint32_t i = 0; i < catalog->metric_count; i++)
        if (catalog->metrics[i]->stream_id == id)
            return err_set(err, ERR_CONFLICT,
                           "streams.%.*s: metric \"%s\" uses it; drop that first", (int)name.size,
                           name.data, catalog->metrics[i]->def.name);
    for (uint32_t i = 0; i < catalog->board_count; i++)
        if (catalog->boards[i]->stream_id == id)
            return err_set(err, ERR_CONFLICT, "streams.%.*s: board \"%s\" uses it; drop that first",
                           (int)name.size, name.data, catalog->boards[i]->def.name);
    return 0;
}

static int check_put(const struct catalog *catalog, enum definition_kind kind, const char *name,
                     struct any_def *def, struct err *err)
{
    struct catalog_metric metric;
    struct catalog_board board;
    const struct catalog_stream *old;
    const struct catalog_board *old_board;
    int rc;

    switch (kind) {
    case DEFINITION_STREAM:
        old = catalog_find_stream(catalog, span_of(name));
        return old == NULL ? 0 : catalog_extend_stream(&old->def, &def->stream, err);
    case DEFINITION_METRIC:
        return catalog_bind_metric(catalog, &def->metric, &metric, err);
    case DEFINITION_BOARD:
        old_board = catalog_find_board(catalog, span_of(name));
        rc =
            catalog_files_load(&def->files, &def->board,
                               old_board != NULL ? &old_board->files : NULL, &catalog->loader, err);
        if (rc == 0)
            rc = catalog_bind_board(catalog, &def->board, &def->files, &board, err);
        if (rc == 0)
            period_zone_free(board.zone);
        return rc;
    }
    return 0;
}

/* Are the files of a board still the same? */
static bool same_files(const struct catalog *catalog, enum definition_kind kind, const char *name,
                       const struct any_def *def)
{
    const struct catalog_board *old = catalog_find_board(catalog, span_of(name));

    return kind != DEFINITION_BOARD || old == NULL || catalog_files_equal(&old->files, &def->files);
}

static void put_record_head(struct json_out *json, const char *op, enum definition_kind kind,
                            struct span name, uint32_t id, uint32_t version, int64_t wall_ms,
                            const char *author)
{
    json_out_object(json);
    json_out_key(json, "op");
    json_out_text(json, op);
    json_out_key(json, "kind");
    json_out_text(json, definition_kind_text(kind));
    json_out_key(json, "name");
    json_out_string(json, name);
    json_out_key(json, "id");
    json_out_uint(json, id);
    json_out_key(json, "version");
    json_out_uint(json, version);
    json_out_key(json, "wall_ms");
    json_out_int(json, wall_ms);
    json_out_key(json, "author");
    json_out_text(json, author);
}

int catalog_prepare(const struct catalog *catalog, enum definition_kind kind, const char *name,
                    const struct json_t *tree, int64_t wall_ms, const char *author,
                    struct bytes *out_record, bool *out_unchanged, struct err *err)
{
    struct any_def *def = bytes_alloc_zero(1, sizeof(*def));
    struct bytes old_text = {0};
    struct bytes text = {0};
    struct json_out json;
    uint32_t id;
    uint32_t version;
    int rc;

    *out_unchanged = false;
    current(catalog, kind, span_of(name), &id, &version, &old_text);
    if (tree == NULL) {
        rc = check_drop(catalog, kind, span_of(name), id, err);
    } else {
        rc = parse_any(kind, name, tree, def, err);
        if (rc == 0)
            rc = check_put(catalog, kind, name, def, err);
        if (rc == 0)
            print_any(kind, def, &text);
    }
    if (rc < 0)
        goto done;
    *out_unchanged = tree != NULL && id != 0 &&
                     span_equal(bytes_span(&text), bytes_span(&old_text)) &&
                     same_files(catalog, kind, name, def);
    if (*out_unchanged)
        goto done;
    json_out_init(&json, out_record);
    put_record_head(&json, tree == NULL ? "drop" : "put", kind, span_of(name),
                    id != 0 ? id : catalog->id_next, version + 1, wall_ms, author);
    if (tree != NULL) {
        json_out_key(&json, "definition");
        json_out_raw(&json, bytes_span(&text));
        catalog_files_print(&def->files, &json);
    }
    json_out_object_end(&json);
done:
    bytes_done(&old_text);
    bytes_done(&text);
    any_free(def);
    return rc;
}

/* Appends `entry` to one of the catalog's lists. */
static void *list_add(void *list, uint32_t *count, void *entry)
{
    void **grown = bytes_realloc(list, (*count + 1) * sizeof(void *));

    grown[(*count)++] = entry;
    return grown;
}

static void list_remove(void *list, uint32_t *count, uint32_t index)
{
    void **entries = list;

    free(entries[index]);
    memmove(entries + index, entries + index + 1, (*count - index - 1) * sizeof(void *));
    (*count)--;
}

static struct catalog_stream *put_stream(struct catalog *catalog, uint32_t id,
                                         const struct stream_def *def, bool of_board)
{
    struct catalog_stream *stream = NULL;

    for (uint32_t i = 0; i < catalog->stream_count; i++)
        if (catalog->streams[i]->id == id)
            stream = catalog->streams[i];
    if (stream == NULL) {
        stream = bytes_alloc_zero(1, sizeof(*stream));
        catalog->streams = list_add(catalog->streams, &catalog->stream_count, stream);
    }
    stream->id = id;
    stream->def = *def;
    stream->of_board = of_board;
    return stream;
}

static void drop_stream(struct catalog *catalog, uint32_t id)
{
    for (uint32_t i = 0; i < catalog->stream_count; i++)
        if (catalog->streams[i]->id == id) {
            list_remove(catalog->streams, &catalog->stream_count, i);
            return;
        }
}

static void apply_stream(struct catalog *catalog, const struct stream_def *def,
                         struct catalog_change *change)
{
    const struct catalog_stream *old = catalog_find_stream(catalog, span_of(def->name));
    struct stream_def extended = *def;

    /* The order of fields is the order in which they were added, not the one of the text. */
    if (old != NULL && catalog_extend_stream(&old->def, &extended, NULL) < 0)
        extended = *def;
    change->restarted = false;
    change->stream = put_stream(catalog, change->id, &extended, false);
}

static int apply_metric(struct catalog *catalog, const struct metric_def *def,
                        struct catalog_change *change, struct err *err)
{
    struct catalog_metric bound;
    struct catalog_metric *metric = NULL;
    int rc = catalog_bind_metric(catalog, def, &bound, err);

    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < catalog->metric_count; i++)
        if (catalog->metrics[i]->id == change->id)
            metric = catalog->metrics[i];
    change->restarted = metric != NULL;
    if (metric == NULL) {
        metric = bytes_alloc_zero(1, sizeof(*metric));
        catalog->metrics = list_add(catalog->metrics, &catalog->metric_count, metric);
    }
    bound.id = change->id;
    *metric = bound;
    change->metric = metric;
    return 0;
}

/* Takes the files over. */
static int apply_board(struct catalog *catalog, const struct board_def *def,
                       struct catalog_files *files, struct catalog_change *change, struct err *err)
{
    struct catalog_board bound;
    struct catalog_board *board = NULL;
    struct stream_def own;
    int rc = catalog_bind_board(catalog, def, files, &bound, err);

    if (rc < 0)
        return rc;
    bound.files = *files;
    files->count = 0;
    for (uint32_t i = 0; i < catalog->board_count; i++)
        if (catalog->boards[i]->id == change->id)
            board = catalog->boards[i];
    change->restarted = board != NULL;
    if (board != NULL && board->def.stream[0] == '\0') {
        change->dropped_stream_id = board->stream_id;
        drop_stream(catalog, board->stream_id);
    }
    if (board == NULL) {
        board = bytes_alloc_zero(1, sizeof(*board));
        catalog->boards = list_add(catalog->boards, &catalog->board_count, board);
    }
    bound.id = change->id;
    board_done(board);
    *board = bound;
    if (def->stream[0] == '\0') {
        board_def_stream(def, &own);
        own.version = 1;
        board->stream_id = catalog->id_next++;
        change->stream = put_stream(catalog, board->stream_id, &own, true);
    }
    change->board = board;
    return 0;
}

static void apply_drop(struct catalog *catalog, struct catalog_change *change)
{
    change->dropped = true;
    if (change->kind == DEFINITION_STREAM)
        drop_stream(catalog, change->id);
    for (uint32_t i = 0; change->kind == DEFINITION_METRIC && i < catalog->metric_count; i++)
        if (catalog->metrics[i]->id == change->id)
            list_remove(catalog->metrics, &catalog->metric_count, i);
    for (uint32_t i = 0; change->kind == DEFINITION_BOARD && i < catalog->board_count; i++) {
        if (catalog->boards[i]->id != change->id)
            continue;
        if (catalog->boards[i]->def.stream[0] == '\0') {
            change->dropped_stream_id = catalog->boards[i]->stream_id;
            drop_stream(catalog, change->dropped_stream_id);
        }
        board_done(catalog->boards[i]);
        list_remove(catalog->boards, &catalog->board_count, i);
    }
}

bool catalog_kind_by_text(const char *text, enum definition_kind *out_kind)
{
    for (int kind = 0; text != NULL && kind < KIND_COUNT; kind++)
        if (strcmp(text, definition_kind_text((enum definition_kind)kind)) == 0) {
            *out_kind = (enum definition_kind)kind;
            return true;
        }
    return false;
}

static int apply_put(struct catalog *catalog, const char *name, const json_t *root,
                     struct catalog_change *change, struct err *err)
{
    struct any_def *def = bytes_alloc_zero(1, sizeof(*def));
    uint32_t version = (uint32_t)json_integer_value(json_object_get(root, "version"));
    int rc = parse_any(change->kind, name, json_object_get(root, "definition"), def, err);

    if (rc < 0)
        goto done;
    switch (change->kind) {
    case DEFINITION_STREAM:
        def->stream.version = version;
        apply_stream(catalog, &def->stream, change);
        break;
    case DEFINITION_METRIC:
        def->metric.version = version;
        rc = apply_metric(catalog, &def->metric, change, err);
        break;
    case DEFINITION_BOARD:
        def->board.version = version;
        rc = catalog_files_parse(&def->files, json_object_get(root, "files"), err);
        if (rc == 0)
            rc = apply_board(catalog, &def->board, &def->files, change, err);
        break;
    }
done:
    any_free(def);
    return rc;
}

int catalog_apply(struct catalog *catalog, struct span record, struct catalog_change *out_change,
                  struct err *err)
{
    struct catalog_change change = {.dropped_stream_id = UINT32_MAX};
    json_error_t error;
    json_t *root = json_loadb(record.data, record.size, 0, &error);
    const char *op = json_string_value(json_object_get(root, "op"));
    const char *name = json_string_value(json_object_get(root, "name"));
    int rc = 0;

    if (op == NULL || name == NULL || strlen(name) >= NAME_BYTES_MAX ||
        !catalog_kind_by_text(json_string_value(json_object_get(root, "kind")), &change.kind)) {
        rc = err_set(err, ERR_CORRUPT, "a definition in the journal is not one: %.*s",
                     (int)(record.size < 200 ? record.size : 200), record.data);
        goto done;
    }
    change.id = (uint32_t)json_integer_value(json_object_get(root, "id"));
    if (change.id >= catalog->id_next)
        catalog->id_next = change.id + 1;
    if (strcmp(op, "drop") == 0)
        apply_drop(catalog, &change);
    else
        rc = apply_put(catalog, name, root, &change, err);
    if (rc == 0)
        *out_change = change;
done:
    json_decref(root);
    return rc;
}

static void print_one(const char *name, uint32_t version, struct span definition, struct bytes *out)
{
    struct json_out json;

    json_out_init(&json, out);
    json_out_object(&json);
    json_out_key(&json, "name");
    json_out_text(&json, name);
    json_out_key(&json, "version");
    json_out_uint(&json, version);
    json_out_object_end(&json);
    assert(definition.size > 2 && definition.data[0] == '{');
    out->data[out->size - 1] = ','; /* the definition's members follow inside the same object */
    bytes_put(out, definition.data + 1, definition.size - 1);
}

int catalog_print(const struct catalog *catalog, enum definition_kind kind, struct span name,
                  struct bytes *out, struct err *err)
{
    struct bytes text = {0};
    uint32_t id;
    uint32_t version;
    char *zero_terminated;

    current(catalog, kind, name, &id, &version, &text);
    if (id == 0) {
        bytes_done(&text);
        return err_set(err, ERR_NOT_FOUND, "%s \"%.*s\" is not defined; GET /v1/%s lists what is",
                       kind == DEFINITION_STREAM   ? "stream"
                       : kind == DEFINITION_METRIC ? "metric"
                                                   : "board",
                       (int)name.size, name.data, definition_kind_text(kind));
    }
    zero_terminated = bytes_dup(name);
    print_one(zero_terminated, version, bytes_span(&text), out);
    free(zero_terminated);
    bytes_done(&text);
    return 0;
}

static const char *name_at(const struct catalog *catalog, enum definition_kind kind, uint32_t i)
{
    switch (kind) {
    case DEFINITION_STREAM:
        return i >= catalog->stream_count      ? NULL
               : catalog->streams[i]->of_board ? ""
                                               : catalog->streams[i]->def.name;
    case DEFINITION_METRIC:
        return i < catalog->metric_count ? catalog->metrics[i]->def.name : NULL;
    case DEFINITION_BOARD:
        return i < catalog->board_count ? catalog->boards[i]->def.name : NULL;
    }
    return NULL;
}

void catalog_print_all(const struct catalog *catalog, enum definition_kind kind, struct bytes *out)
{
    const char *name;
    bool comma = false;

    bytes_put_char(out, '[');
    for (uint32_t i = 0; (name = name_at(catalog, kind, i)) != NULL; i++) {
        if (name[0] == '\0')
            continue;
        if (comma)
            bytes_put_char(out, ',');
        comma = true;
        (void)catalog_print(catalog, kind, span_of(name), out, NULL);
    }
    bytes_put_char(out, ']');
}
