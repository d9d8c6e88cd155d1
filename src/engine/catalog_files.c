// SPDX-License-Identifier: Apache-2.0
/* catalog_files.c - see catalog_files.h. */
#include "engine/catalog_files.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/catalog.h"
#include "score/score.h"

static const char *const kind_texts[] = {[CATALOG_ZONE] = "zone", [CATALOG_SCRIPT] = "script"};

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void catalog_files_done(struct catalog_files *files)
{
    if (files == NULL)
        return;
    for (uint32_t i = 0; i < files->count; i++)
        bytes_done(&files->items[i].bytes);
    files->count = 0;
}

const struct catalog_file *catalog_files_find(const struct catalog_files *files,
                                              enum catalog_file_kind kind, const char *name)
{
    for (uint32_t i = 0; i < files->count; i++)
        if (files->items[i].kind == kind && strcmp(files->items[i].name, name) == 0)
            return &files->items[i];
    return NULL;
}

static struct catalog_file *add(struct catalog_files *files, enum catalog_file_kind kind,
                                const char *name)
{
    struct catalog_file *file = &files->items[files->count];

    assert(files->count < CATALOG_FILES_MAX);
    *file = (struct catalog_file){.kind = kind};
    snprintf(file->name, sizeof(file->name), "%s", name);
    files->count++;
    return file;
}

static int load(struct catalog_files *files, enum catalog_file_kind kind, const char *name,
                const struct catalog_files *old, const struct catalog_loader *loader,
                struct err *err)
{
    const struct catalog_file *known = NULL;
    struct catalog_file *file;

    if (catalog_files_find(files, kind, name) != NULL)
        return 0;
    if (old != NULL && kind == CATALOG_ZONE)
        known = catalog_files_find(old, kind, name);
    file = add(files, kind, name);
    if (known != NULL) {
        bytes_put(&file->bytes, known->bytes.data, known->bytes.size);
        return 0;
    }
    if (loader->load == NULL)
        return err_set(err, ERR_UNSUPPORTED, "%s \"%s\" can not be read here", kind_texts[kind],
                       name);
    return loader->load(loader->context, kind, name, &file->bytes, err);
}

static int load_script(struct catalog_files *files, const struct call *call,
                       const struct catalog_loader *loader, struct err *err)
{
    const char *name = score_call_file(call);

    return name != NULL ? load(files, CATALOG_SCRIPT, name, NULL, loader, err) : 0;
}

int catalog_files_load(struct catalog_files *out_files, const struct board_def *def,
                       const struct catalog_files *old, const struct catalog_loader *loader,
                       struct err *err)
{
    struct catalog_files files = {0};
    int rc = 0;

    if (def->period.time_zone[0] != '\0') {
        rc = load(&files, CATALOG_ZONE, def->period.time_zone, old, loader, err);
        if (rc < 0)
            err_prefix(err, "boards.%s.time_zone", def->name);
    }
    if (rc == 0) {
        rc = load_script(&files, &def->score, loader, err);
        if (rc < 0)
            err_prefix(err, "boards.%s.score", def->name);
    }
    for (uint32_t i = 0; i < def->subscore_count && rc == 0; i++) {
        rc = load_script(&files, &def->subscores[i].score, loader, err);
        if (rc < 0)
            err_prefix(err, "boards.%s.subscores[%u].score", def->name, i);
    }
    if (rc == 0)
        *out_files = files;
    else
        catalog_files_done(&files);
    return rc;
}

bool catalog_files_equal(const struct catalog_files *a, const struct catalog_files *b)
{
    for (uint32_t i = 0; i < a->count; i++) {
        const struct catalog_file *other =
            catalog_files_find(b, a->items[i].kind, a->items[i].name);

        if (other == NULL || !span_equal(bytes_span(&a->items[i].bytes), bytes_span(&other->bytes)))
            return false;
    }
    return a->count == b->count;
}

/* ---- base64 (RFC 4648), with padding ---- */

static void put_base64(struct span data, struct bytes *out)
{
    const uint8_t *bytes = (const uint8_t *)data.data;

    for (size_t i = 0; i < data.size; i += 3) {
        size_t left = data.size - i;
        uint32_t word = (uint32_t)bytes[i] << 16;

        word |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        word |= left > 2 ? bytes[i + 2] : 0;
        bytes_put_char(out, digits[word >> 18]);
        bytes_put_char(out, digits[word >> 12 & 63]);
        bytes_put_char(out, left > 1 ? digits[word >> 6 & 63] : '=');
        bytes_put_char(out, left > 2 ? digits[word & 63] : '=');
    }
}

static bool take_base64(const char *text, struct bytes *out)
{
    size_t size = strlen(text);

    if (size % 4 != 0)
        return false;
    for (size_t i = 0; i < size; i += 4) {
        bool is_last = i + 4 == size;
        uint32_t padding = is_last ? (text[i + 3] == '=') + (text[i + 2] == '=') : 0;
        uint32_t word = 0;

        for (uint32_t j = 0; j < 4; j++) {
            const char *digit = strchr(digits, text[i + j]);

            if (j >= 4 - padding)
                word <<= 6;
            else if (digit == NULL)
                return false;
            else
                word = word << 6 | (uint32_t)(digit - digits);
        }
        for (uint32_t j = 0; j < 3 - padding; j++)
            bytes_put_char(out, (char)(word >> (16 - 8 * j)));
    }
    return true;
}

void catalog_files_print(const struct catalog_files *files, struct json_out *out)
{
    struct bytes text = {0};

    if (files->count == 0)
        return;
    json_out_key(out, "files");
    json_out_array(out);
    for (uint32_t i = 0; i < files->count; i++) {
        const struct catalog_file *file = &files->items[i];

        bytes_clear(&text);
        put_base64(bytes_span(&file->bytes), &text);
        json_out_object(out);
        json_out_key(out, "kind");
        json_out_text(out, kind_texts[file->kind]);
        json_out_key(out, "name");
        json_out_text(out, file->name);
        json_out_key(out, "base64");
        json_out_string(out, bytes_span(&text));
        json_out_object_end(out);
    }
    json_out_array_end(out);
    bytes_done(&text);
}

static bool parse_file(struct catalog_files *files, const json_t *tree)
{
    const char *kind = json_string_value(json_object_get(tree, "kind"));
    const char *name = json_string_value(json_object_get(tree, "name"));
    const char *text = json_string_value(json_object_get(tree, "base64"));
    bool is_zone = kind != NULL && strcmp(kind, kind_texts[CATALOG_ZONE]) == 0;

    if (kind == NULL || name == NULL || text == NULL || files->count == CATALOG_FILES_MAX ||
        strlen(name) >= NAME_BYTES_MAX ||
        (!is_zone && strcmp(kind, kind_texts[CATALOG_SCRIPT]) != 0))
        return false;
    return take_base64(text, &add(files, is_zone ? CATALOG_ZONE : CATALOG_SCRIPT, name)->bytes);
}

int catalog_files_parse(struct catalog_files *out_files, const struct json_t *tree, struct err *err)
{
    struct catalog_files files = {0};

    for (size_t i = 0; i < json_array_size(tree); i++) {
        if (!parse_file(&files, json_array_get(tree, i))) {
            catalog_files_done(&files);
            return err_set(err, ERR_CORRUPT, "a definition in the journal has a damaged file");
        }
    }
    *out_files = files;
    return 0;
}
