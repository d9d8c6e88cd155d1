// SPDX-License-Identifier: Apache-2.0
/* text_row.c - see text_row.h. */
#include "wire/text_row.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "base/err.h"
#include "model/batch.h"
#include "wire/timestamp.h"

#define NUMBER_BYTES_MAX 64
#define SHOWN_BYTES_MAX 60

bool text_row_is_utf8(struct span text)
{
    /* How many bytes follow, and from which to which the first of them may be. */
    for (size_t i = 0; i < text.size;) {
        uint8_t lead = (uint8_t)text.data[i++];
        uint8_t low = 0x80;
        uint8_t high = 0xbf;
        uint32_t more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;

        if (more > 0 && (lead < 0xc2 || lead > 0xf4))
            return false;
        if (lead == 0xe0)
            low = 0xa0; /* else it would be longer than it needs to be */
        else if (lead == 0xed)
            high = 0x9f; /* halves of UTF-16 pairs are no characters */
        else if (lead == 0xf0)
            low = 0x90;
        else if (lead == 0xf4)
            high = 0x8f; /* beyond U+10FFFF */
        for (; more > 0; more--, i++, low = 0x80, high = 0xbf)
            if (i == text.size || (uint8_t)text.data[i] < low || (uint8_t)text.data[i] > high)
                return false;
    }
    return true;
}

static struct span trimmed(struct span text)
{
    while (text.size > 0 && (*text.data == ' ' || *text.data == '\t')) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

static bool read_int(struct span text, int64_t *out_value)
{
    char digits[NUMBER_BYTES_MAX];
    char *end;

    if (text.size == 0 || text.size >= sizeof(digits))
        return false;
    memcpy(digits, text.data, text.size);
    digits[text.size] = '\0';
    if (strspn(digits, "+-0123456789") != text.size)
        return false;
    errno = 0;
    *out_value = strtoll(digits, &end, 10);
    return end != digits && *end == '\0' && errno == 0 && *out_value != BATCH_INT_NONE;
}

static bool read_float(struct span text, double *out_value)
{
    char digits[NUMBER_BYTES_MAX * 8];
    char *end;

    if (text.size == 0 || text.size >= sizeof(digits))
        return false;
    memcpy(digits, text.data, text.size);
    digits[text.size] = '\0';
    if (strspn(digits, "+-.0123456789eE") != text.size) /* no "inf", no hexadecimal */
        return false;
    *out_value = strtod(digits, &end);
    return end != digits && *end == '\0' && isfinite(*out_value);
}

static bool read_bool(struct span text, int64_t *out_value)
{
    static const char *const words[] = {"false", "0", "no", "f", "n", "true", "1", "yes", "t", "y"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i]) == text.size && strncasecmp(text.data, words[i], text.size) == 0) {
            *out_value = i >= sizeof(words) / sizeof(words[0]) / 2;
            return true;
        }
    return false;
}

static int wrong(const struct field *field, struct span text, const char *what, struct err *err)
{
    return err_set(err, ERR_INVALID, "field \"%s\": '%.*s' %s", field->name,
                   (int)(text.size < SHOWN_BYTES_MAX ? text.size : SHOWN_BYTES_MAX), text.data,
                   what);
}

static int read_string(const struct field *field, struct span text, size_t bytes_max,
                       struct cell *cell, struct err *err)
{
    if (text.size > bytes_max)
        return err_set(err, ERR_INVALID,
                       "field \"%s\": longer than %zu bytes, the limit `string_bytes`", field->name,
                       bytes_max);
    if (!text_row_is_utf8(text))
        return err_set(err, ERR_INVALID, "field \"%s\": not valid UTF-8", field->name);
    *cell = (struct cell){.present = true, .text = text};
    return 0;
}

static int read_value(const struct field *field, struct span text, size_t string_bytes_max,
                      struct cell *cell, struct err *err)
{
    const char *reason = NULL;
    int64_t ms;

    if (field->type == FIELD_STRING)
        return read_string(field, text, string_bytes_max, cell, err);
    text = trimmed(text);
    *cell = (struct cell){.present = text.size > 0};
    if (text.size == 0)
        return 0;
    if (field->type == FIELD_INT && !read_int(text, &cell->i)) {
        reason = "is no whole number of 64 bits";
    } else if (field->type == FIELD_FLOAT && !read_float(text, &cell->f)) {
        reason = "is no number";
    } else if (field->type == FIELD_BOOL && !read_bool(text, &cell->i)) {
        reason = "is neither true nor false";
    } else if (field->type == FIELD_TIME) {
        reason = timestamp_from_text(text, &ms);
        cell->i = reason == NULL ? ms : 0;
    }
    return reason != NULL ? wrong(field, text, reason, err) : 0;
}

static int check_required(const struct stream_def *def, const struct cell *cells, struct err *err)
{
    const int32_t required[] = {def->key_field, def->time_field, def->id_field};

    for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
        if (required[i] >= 0 && !cells[required[i]].present)
            return err_set(err, ERR_INVALID, "missing field \"%s\"", def->fields[required[i]].name);
    return 0;
}

int text_row_read(const struct stream_def *def, const struct span *words, uint32_t count,
                  size_t string_bytes_max, struct cell *out_cells, struct err *err)
{
    uint64_t seen = 0;

    for (uint32_t i = 0; i < def->field_count; i++)
        out_cells[i] = (struct cell){.present = false};
    for (uint32_t i = 0; i + 1 < count; i += 2) {
        int32_t field = stream_def_field(def, words[i]);
        size_t shown = words[i].size < SHOWN_BYTES_MAX ? words[i].size : SHOWN_BYTES_MAX;
        int rc;

        if (field < 0)
            return err_set(err, ERR_INVALID, "stream \"%s\" has no field \"%.*s\"", def->name,
                           (int)shown, words[i].data);
        if ((seen >> field & 1) != 0)
            return err_set(err, ERR_INVALID, "field \"%s\" is given twice",
                           def->fields[field].name);
        seen |= UINT64_C(1) << field;
        rc =
            read_value(&def->fields[field], words[i + 1], string_bytes_max, &out_cells[field], err);
        if (rc < 0)
            return rc;
    }
    return check_required(def, out_cells, err);
}
