// SPDX-License-Identifier: Apache-2.0
/*
 * row_reader.c - one JSON object to the cells of a row.
 *
 * json_simd.h has found where the tokens are; this walks over them and checks the grammar as it
 * goes. Rows of one stream look alike, so a key is first compared with the one that stood at the
 * same place in the row before: two masked words, no hash, no search. Strings without escapes stay
 * where they are. Numbers of the usual sizes are read here, exactly; the others by simdjson.
 *
 * A field that does not fit makes the row wrong, but the walk goes on: whether a text is JSON at
 * all is known only at its end, and a broken row is reported as broken.
 *
 * Bounds: the last token of a block is the offset of a line feed, which is no part of any JSON
 * value, so every walk stops there at the latest. The end of the row itself is compared once, at
 * the end: tokens only go up.
 */
#include "wire/row_reader.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "wire/json_simd.h"
#include "wire/json_text.h"
#include "wire/timestamp.h"

#define EXCERPT_BYTES_MAX 40

/* ---- what went wrong ---- */

void row_reader_wrong(struct row_reader *reader, const char *format, ...)
{
    va_list args;

    if (reader->wrong)
        return;
    reader->wrong = true;
    va_start(args, format);
    vsnprintf(reader->reason, sizeof(reader->reason), format, args);
    va_end(args);
}

const uint32_t *row_reader_broken(struct row_reader *reader, const uint32_t *token,
                                  const char *format, ...)
{
    char what[ROW_REASON_BYTES_MAX / 2];
    va_list args;

    if (*token >= reader->row_end) {
        snprintf(reader->reason, sizeof(reader->reason),
                 "not valid JSON: ends before its object does");
        return NULL;
    }
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    snprintf(reader->reason, sizeof(reader->reason), "not valid JSON: %s at byte %u", what,
             *token - reader->row_start + 1);
    return NULL;
}

/* For "%.*s": not more than EXCERPT_BYTES_MAX, and not half of a character. */
static int excerpt_size(struct span text)
{
    size_t size = text.size;

    if (size <= EXCERPT_BYTES_MAX)
        return (int)size;
    size = EXCERPT_BYTES_MAX;
    while (size > 0 && ((unsigned char)text.data[size] & 0xc0) == 0x80)
        size--;
    return (int)size;
}

static const char *excerpt_dots(struct span text)
{
    return text.size > EXCERPT_BYTES_MAX ? "…" : "";
}

static const char *kind_text(char first)
{
    switch (first) {
    case '"':
        return "string";
    case '{':
        return "object";
    case '[':
        return "array";
    case 't':
    case 'f':
        return "bool";
    case 'n':
        return "null";
    default:
        return "number";
    }
}

/* ---- strings ---- */

enum text_result { TEXT_GOOD, TEXT_BROKEN, TEXT_NO_UNICODE };

/* Undoes the escapes in `text`. What comes out is valid as long as the row. */
static enum text_result text_unescape(struct row_reader *reader, struct span *text)
{
    struct bytes *unescaped = &reader->unescaped;
    size_t size;
    char *out;

    /* No string of the row gets longer, so once is enough and nothing moves after. */
    if (unescaped->size == 0)
        bytes_reserve(unescaped, reader->row_end - reader->row_start + JSON_SIMD_PADDING);
    /* On a later line there may be more than there is room for; the row is broken anyway. */
    if (text->data >= reader->base + reader->row_end || !json_text_escapes_are_valid(*text))
        return TEXT_BROKEN;
    out = unescaped->data + unescaped->size;
    if (!json_simd_unescape(reader->simd, text->data, out, &size))
        return TEXT_NO_UNICODE;
    unescaped->size += size;
    *text = (struct span){out, size};
    return TEXT_GOOD;
}

/* ---- fields ---- */

static const uint32_t *wrong_type(struct row_reader *reader, const uint32_t *token, int32_t field)
{
    const uint32_t *next = row_skip_value(reader, token);

    if (next != NULL)
        row_reader_wrong(reader, "field \"%s\": expected %s, got %s", reader->names[field],
                         field_type_text(reader->types[field]), kind_text(reader->base[*token]));
    return next;
}

/* The number at `token` as it stands; NULL data if it is not JSON. */
static struct span number_text(const struct row_reader *reader, const uint32_t *token)
{
    const char *start = reader->base + *token;
    const char *end = json_text_number_end(start);

    if (end == NULL)
        return (struct span){NULL, 0};
    return (struct span){start, (size_t)(end - start)};
}

static bool is_number(char first)
{
    return json_text_is_digit(first) || first == '-';
}

/* Longer than 18 digits, or with a point or an exponent. */
static const uint32_t *long_int(struct row_reader *reader, const uint32_t *token, int32_t field)
{
    struct span text = number_text(reader, token);
    const char *name = reader->names[field];
    struct cell *cell = &reader->cells[field];
    double value = INFINITY;
    uint64_t digits = 0;
    bool negative;

    if (text.data == NULL)
        return row_reader_broken(reader, token, "expected a value");
    negative = text.data[0] == '-';
    if (memchr(text.data, '.', text.size) == NULL && memchr(text.data, 'e', text.size) == NULL &&
        memchr(text.data, 'E', text.size) == NULL) {
        /* 19 digits never overflow 64 bits. INT64_MIN stands for "none". */
        if (text.size - negative == 19)
            json_text_digits(text.data + negative, &digits);
        if (digits == 0 || digits > INT64_MAX)
            row_reader_wrong(reader, "field \"%s\": %.*s%s is out of range for int", name,
                             excerpt_size(text), text.data, excerpt_dots(text));
        else
            cell->i = negative ? -(int64_t)digits : (int64_t)digits;
        return token + 1;
    }
    if (!json_simd_double(text.data, text.size, &value) || value != floor(value) ||
        fabs(value) > JSON_TEXT_MANTISSA_MAX)
        row_reader_wrong(reader, "field \"%s\": %.*s%s is not an integer%s", name,
                         excerpt_size(text), text.data, excerpt_dots(text),
                         fabs(value) > JSON_TEXT_MANTISSA_MAX ? " that can be held exactly" : "");
    else
        cell->i = (int64_t)value;
    return token + 1;
}

static inline const uint32_t *int_cell(struct row_reader *reader, const uint32_t *token,
                                       int32_t field)
{
    if (__builtin_expect(json_text_int(reader->base + *token, &reader->cells[field].i), true))
        return token + 1;
    if (is_number(reader->base[*token]))
        return long_int(reader, token, field);
    return wrong_type(reader, token, field);
}

static const uint32_t *long_float(struct row_reader *reader, const uint32_t *token, int32_t field)
{
    struct span text = number_text(reader, token);

    if (text.data == NULL)
        return row_reader_broken(reader, token, "expected a value");
    if (!json_simd_double(text.data, text.size, &reader->cells[field].f))
        row_reader_wrong(reader, "field \"%s\": %.*s%s is out of range for float",
                         reader->names[field], excerpt_size(text), text.data, excerpt_dots(text));
    return token + 1;
}

static inline const uint32_t *float_cell(struct row_reader *reader, const uint32_t *token,
                                         int32_t field)
{
    if (__builtin_expect(json_text_plain_double(reader->base + *token, &reader->cells[field].f),
                         true))
        return token + 1;
    if (is_number(reader->base[*token]))
        return long_float(reader, token, field);
    return wrong_type(reader, token, field);
}

/* False: the row is broken, or wrong; in both cases `*next` says where to go on. */
__attribute__((noinline)) static bool unescape_cell(struct row_reader *reader,
                                                    const uint32_t *token, int32_t field,
                                                    struct span *text, const uint32_t **out_next)
{
    *out_next = token + 1;
    switch (text_unescape(reader, text)) {
    case TEXT_GOOD:
        return true;
    case TEXT_BROKEN:
        *out_next = row_reader_broken(reader, token, "a wrong escape in the string");
        return false;
    case TEXT_NO_UNICODE:
        row_reader_wrong(reader, "field \"%s\": half of a surrogate pair stands alone",
                         reader->names[field]);
        return false;
    }
    return false;
}

static inline const uint32_t *string_cell(struct row_reader *reader, const uint32_t *token,
                                          int32_t field)
{
    const uint32_t *next = token + 1;
    struct span text;

    if (reader->base[*token] != '"')
        return wrong_type(reader, token, field);
    text = row_reader_string(reader, token);
    if (row_reader_has_escape(reader, text) && !unescape_cell(reader, token, field, &text, &next))
        return next;
    if (text.size > reader->string_bytes_max)
        row_reader_wrong(reader, "field \"%s\": string of %zu bytes, at most %zu are allowed",
                         reader->names[field], text.size, reader->string_bytes_max);
    reader->cells[field].text = text;
    return next;
}

static const uint32_t *bool_cell(struct row_reader *reader, const uint32_t *token, int32_t field)
{
    const char *at = reader->base + *token;

    if (json_text_is_word(at, "true", 4))
        reader->cells[field].i = 1;
    else if (json_text_is_word(at, "false", 5))
        reader->cells[field].i = 0;
    else
        return wrong_type(reader, token, field);
    return token + 1;
}

static const uint32_t *time_cell(struct row_reader *reader, const uint32_t *token, int32_t field)
{
    const uint32_t *next = token + 1;
    const char *at = reader->base + *token;
    int64_t *out_ms = &reader->cells[field].i;
    struct span text;
    const char *problem;
    int64_t number;

    if (json_text_int(at, &number)) {
        problem = timestamp_from_int(number, out_ms);
        if (problem == NULL)
            return next;
        text = number_text(reader, token);
    } else if (is_number(*at)) {
        text = number_text(reader, token);
        if (text.data == NULL)
            return row_reader_broken(reader, token, "expected a value");
        problem = timestamp_from_number(text, out_ms);
    } else if (*at == '"') {
        text = row_reader_string(reader, token);
        if (row_reader_has_escape(reader, text) &&
            !unescape_cell(reader, token, field, &text, &next))
            return next;
        problem = timestamp_from_text(text, out_ms);
    } else {
        return wrong_type(reader, token, field);
    }
    if (problem != NULL)
        row_reader_wrong(reader, "field \"%s\": %s%.*s%s%s %s", reader->names[field],
                         *at == '"' ? "\"" : "", excerpt_size(text), text.data, excerpt_dots(text),
                         *at == '"' ? "\"" : "", problem);
    return next;
}

static inline const uint32_t *field_cell(struct row_reader *reader, const uint32_t *token,
                                         int32_t field)
{
    const char *at = reader->base + *token;

    if (__builtin_expect(*at == 'n', false) && json_text_is_word(at, "null", 4)) {
        reader->cells[field].present = false;
        return token + 1;
    }
    reader->cells[field].present = true;
    switch (reader->types[field]) {
    case FIELD_INT:
        return int_cell(reader, token, field);
    case FIELD_FLOAT:
        return float_cell(reader, token, field);
    case FIELD_STRING:
        return string_cell(reader, token, field);
    case FIELD_BOOL:
        return bool_cell(reader, token, field);
    case FIELD_TIME:
        return time_cell(reader, token, field);
    }
    return NULL;
}

/* ---- keys ---- */

/* Whether the name stands in JSON as it is; if not, it is always looked for the long way. */
static bool is_plain(struct span name)
{
    for (size_t i = 0; i < name.size; i++)
        if ((unsigned char)name.data[i] < 0x20 || name.data[i] == '"' || name.data[i] == '\\')
            return false;
    return true;
}

static void row_key_set(struct row_key *key, struct span name, int32_t field)
{
    uint32_t size = (uint32_t)name.size + 1;

    memset(key, 0, sizeof(*key));
    key->field = field;
    key->masks[0] = key->masks[1] = UINT64_MAX;
    if (name.size >= NAME_BYTES_MAX || !is_plain(name))
        return;
    memcpy(key->quoted, name.data, name.size);
    key->quoted[name.size] = '"';
    key->size = size;
    if (size < 8)
        key->masks[0] = UINT64_MAX >> (64 - 8 * size);
    if (size <= 8)
        key->masks[1] = 0;
    else if (size < 16)
        key->masks[1] = UINT64_MAX >> (128 - 8 * size);
}

static inline bool row_key_is(const struct row_key *key, const char *text)
{
    uint64_t differs =
        ((json_text_load(text) ^ json_text_load(key->quoted)) & key->masks[0]) |
        ((json_text_load(text + 8) ^ json_text_load(key->quoted + 8)) & key->masks[1]);

    if (differs != 0)
        return false;
    return key->size <= 16 || memcmp(text + 16, key->quoted + 16, key->size - 16) == 0;
}

static int32_t field_by_name(const struct row_reader *reader, struct span name)
{
    for (uint32_t i = 0; i < reader->field_count; i++)
        if (strlen(reader->names[i]) == name.size &&
            memcmp(reader->names[i], name.data, name.size) == 0)
            return (int32_t)i;
    return FIELD_UNKNOWN;
}

/* The key is not where it was expected. False: it is not JSON. */
__attribute__((noinline)) static bool find_field(struct row_reader *reader, const uint32_t *token,
                                                 uint32_t position, int32_t *out_field)
{
    struct span raw = row_reader_string(reader, token);
    struct span name = raw;
    size_t unescaped_size = reader->unescaped.size;

    if (row_reader_has_escape(reader, raw)) {
        switch (text_unescape(reader, &name)) {
        case TEXT_GOOD:
            *out_field = field_by_name(reader, name);
            reader->unescaped.size = unescaped_size;
            return true;
        case TEXT_BROKEN:
            row_reader_broken(reader, token, "a wrong escape in the field's name");
            return false;
        case TEXT_NO_UNICODE:
            *out_field = FIELD_UNKNOWN;
            return true;
        }
    }
    *out_field = field_by_name(reader, raw);
    if (position < ROW_KEYS_EXPECTED && position <= reader->expected_count) {
        row_key_set(&reader->expected[position], raw, *out_field);
        if (position == reader->expected_count)
            reader->expected_count++;
    }
    return true;
}

/* ---- rows ---- */

void row_reader_init(struct row_reader *reader, struct json_simd *simd, size_t string_bytes_max)
{
    memset(reader, 0, sizeof(*reader));
    reader->simd = simd;
    reader->string_bytes_max = string_bytes_max;
}

void row_reader_done(struct row_reader *reader)
{
    bytes_done(&reader->unescaped);
}

void row_reader_reset(struct row_reader *reader, const struct stream_def *def)
{
    assert(def->field_count <= STREAM_FIELDS_MAX);
    reader->field_count = def->field_count;
    reader->required = 0;
    for (uint32_t i = 0; i < def->field_count; i++) {
        reader->types[i] = def->fields[i].type;
        memcpy(reader->names[i], def->fields[i].name, NAME_BYTES_MAX);
        row_key_set(&reader->expected[i], span_of(def->fields[i].name), (int32_t)i);
    }
    reader->expected_count = def->field_count;
    if (def->key_field >= 0)
        reader->required |= UINT64_C(1) << def->key_field;
    if (def->time_field >= 0)
        reader->required |= UINT64_C(1) << def->time_field;
    if (def->id_field >= 0)
        reader->required |= UINT64_C(1) << def->id_field;
}

/* Of the fields that the row did not have, and of those that it must have. */
static inline void settle_fields(struct row_reader *reader, uint64_t seen)
{
    uint64_t all = reader->field_count > 0 ? UINT64_MAX >> (64 - reader->field_count) : 0;

    for (uint64_t absent = all & ~seen; absent != 0; absent &= absent - 1)
        reader->cells[__builtin_ctzll(absent)].present = false;
    for (uint64_t required = reader->required; required != 0; required &= required - 1) {
        int field = __builtin_ctzll(required);

        if (__builtin_expect(reader->cells[field].present, true))
            continue;
        if (seen >> field & 1)
            row_reader_wrong(reader, "field \"%s\": null, but it is required",
                             reader->names[field]);
        else
            row_reader_wrong(reader, "missing field \"%s\"", reader->names[field]);
        return;
    }
}

/* The fields up to the closing brace; the token behind it, or NULL. */
static inline const uint32_t *read_fields(struct row_reader *reader, const uint32_t *token,
                                          uint64_t *out_seen)
{
    const char *base = reader->base;
    uint64_t seen = 0;

    for (uint32_t position = 0;; position++) {
        const char *key = base + *token + 1;
        int32_t field;

        if (__builtin_expect(key[-1] != '"', false))
            return row_reader_broken(reader, token, "expected a field's name in quotes");
        if (__builtin_expect(position < reader->expected_count &&
                                 row_key_is(&reader->expected[position], key),
                             true))
            field = reader->expected[position].field;
        else if (!find_field(reader, token, position, &field))
            return NULL;
        token++;
        if (__builtin_expect(base[*token] != ':', false))
            return row_reader_broken(reader, token, "expected \":\"");
        token++;
        if (field == FIELD_UNKNOWN) {
            token = row_skip_value(reader, token);
        } else {
            seen |= UINT64_C(1) << field;
            token = field_cell(reader, token, field);
        }
        if (__builtin_expect(token == NULL, false))
            return NULL;
        if (base[*token] == ',') {
            token++;
            continue;
        }
        if (__builtin_expect(base[*token] != '}', false))
            return row_reader_broken(reader, token, "expected \",\" or \"}\"");
        *out_seen = seen;
        return token + 1;
    }
}

enum row_verdict row_reader_read(struct row_reader *reader, uint32_t row_end)
{
    const uint32_t *token = reader->token;
    uint64_t seen = 0;

    reader->row_end = row_end;
    reader->wrong = false;
    reader->unescaped.size = 0;
    if (reader->base[*token] != '{') {
        token = row_skip_value(reader, token);
        if (token == NULL)
            return ROW_BROKEN;
        row_reader_wrong(reader, "expected an object, got %s",
                         kind_text(reader->base[*reader->token]));
    } else if (reader->base[token[1]] == '}') {
        token += 2;
    } else {
        token = read_fields(reader, token + 1, &seen);
        if (token == NULL)
            return ROW_BROKEN;
    }
    if (token[-1] >= row_end) {
        row_reader_broken(reader, token - 1, "ends early");
        return ROW_BROKEN;
    }
    if (*token < row_end) {
        row_reader_broken(reader, token, "something stands behind the object");
        return ROW_BROKEN;
    }
    reader->token = token;
    settle_fields(reader, seen);
    return reader->wrong ? ROW_WRONG : ROW_GOOD;
}
