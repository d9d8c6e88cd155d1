// SPDX-License-Identifier: Apache-2.0
/*
 * batch_codec.c - a batch as bytes, as the journal holds it.
 *
 * All integers are little-endian. A batch is a head, its columns in order, in format 2 the parts
 * that producers brought, and padding:
 *
 *    at  size
 *     0     1  format: 1, or 2 if any row was brought by a producer
 *     1     1  0
 *     2     2  column count, 1 to STREAM_FIELDS_MAX
 *     4     4  row count
 *     8     4  stream id
 *    12     4  stream version
 *    16     8  wall_ms
 *    24     2  which column is the event time; 0xffff: none, and all rows are at wall_ms
 *    26     2  0
 *    28     4  padding: how many zero bytes end the batch
 *    32        the columns
 *
 * A column begins with four bytes: type (enum field_type), form, width, scale. "Packed" below is
 * row count * width bytes, width 0, 1, 2, 4 or 8: the smallest value is the base, and each value
 * is stored as what it is above the base. With width 0 there are no bytes: all are the base.
 *
 *    int, time   base (8), packed.
 *                form 0: plain. form 1: some are "none": stored 0 is none, the others one higher.
 *    float       form 0, 1: every value is a decimal number with at most SCALE_MAX digits after
 *                the point, and stands as value * 10^scale, packed as an int.
 *                form 2: row count * 8 bytes of IEEE 754; no base; width is 8.
 *    string      count of distinct strings (4), bytes of text (4), length base (4), code base (4),
 *                length width (1), 0 (3); the lengths, packed as unsigned; the text; then
 *                form 0: the codes (first string is 1, none is 0), packed as unsigned.
 *                form 1: nothing: every row has its own string, row 0 the first.
 *    bool        form 0: all are the same: width is that value. form 1: 2 bits a row, the lowest
 *                bits first; width is 0.
 *
 * The parts, in order of rows: how many (4), bytes of names (4), line base (4), line width (4); for
 * each the sequence (8), first row (4), row count (4), line before it (4), bytes of its name (4);
 * the names; the lines, packed as unsigned, one for each row of a part.
 *
 * The forms are chosen by the values alone, so equal batches give equal bytes, and what was read
 * is written the same again. Padding makes up at least a bit a value, which is what lets the
 * reader refuse a few bytes that claim billions of rows: what it allocates is within 150 times of
 * the input.
 */
#include "model/batch.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "model/batch_pack.h"

#define FORMAT 1
#define FORMAT_WITH_PARTS 2
#define PART_BYTES 24
#define HEAD_BYTES 32
#define TIME_COLUMN_NONE 0xffff
#define SCALE_MAX 4

enum int_form { INT_PLAIN = 0, INT_WITH_NONE = 1 };
enum float_form { FLOAT_DECIMAL = 0, FLOAT_DECIMAL_WITH_NONE = 1, FLOAT_RAW = 2 };
enum string_form { STRING_CODES = 0, STRING_ROWS = 1 };
enum bool_form { BOOL_SAME = 0, BOOL_BITS = 1 };

static const double powers_of_ten[SCALE_MAX + 1] = {1, 10, 100, 1000, 10000};

/* Adding and taking away this rounds a double below 2^51 to an integer. */
#define ROUND_MAGIC 0x1.8p52
#define DECIMAL_LIMIT 0x1p51

static void put_u16(char *at, uint16_t value)
{
    memcpy(at, &value, sizeof(value));
}

static void put_u32(char *at, uint32_t value)
{
    memcpy(at, &value, sizeof(value));
}

static void put_u64(char *at, uint64_t value)
{
    memcpy(at, &value, sizeof(value));
}

static void put_column_head(char *at, enum field_type type, uint32_t form, uint32_t width,
                            uint32_t scale)
{
    at[0] = (char)type;
    at[1] = (char)form;
    at[2] = (char)width;
    at[3] = (char)scale;
}

static void encode_ints(enum field_type type, uint32_t scale, const int64_t *values,
                        uint32_t row_count, struct bytes *out)
{
    struct pack pack = pack_plan_i64(values, row_count);
    size_t size = 12 + (size_t)row_count * pack.width;
    char *at = bytes_reserve(out, size);

    put_column_head(at, type, pack.has_none ? INT_WITH_NONE : INT_PLAIN, pack.width, scale);
    put_u64(at + 4, pack.base);
    pack_write_i64(pack, values, row_count, at + 12);
    out->size += size;
}

static inline double decimal_round(double value, double power)
{
    return value * power + ROUND_MAGIC - ROUND_MAGIC;
}

/* Whether the value comes back bit for bit from round(value * power) / power. NaN does not. */
static inline bool is_decimal(double value, double power)
{
    double back = decimal_round(value, power) / power;
    uint64_t bits[2];

    memcpy(&bits[0], &value, 8);
    memcpy(&bits[1], &back, 8);
    return bits[0] == bits[1] && fabs(value * power) < DECIMAL_LIMIT;
}

/*
 * Values as integers times 10^-scale; false if some value is no such number. What fits a scale
 * fits a larger one too, but for its size: so one pass finds the scale, a second checks it.
 */
static bool floats_to_decimals(const double *values, uint32_t count, int64_t *out_values,
                               uint32_t *out_scale)
{
    uint32_t scale = 0;
    double power;
    bool exact = true;

    for (uint32_t i = 0; i < count; i++)
        while (values[i] == values[i] && !is_decimal(values[i], powers_of_ten[scale]))
            if (++scale > SCALE_MAX)
                return false;
    power = powers_of_ten[scale];
    for (uint32_t i = 0; i < count; i++) {
        bool is_none = values[i] != values[i];
        double rounded = decimal_round(is_none ? 0 : values[i], power);

        exact &= is_none | is_decimal(values[i], power);
        out_values[i] = is_none ? BATCH_INT_NONE : (int64_t)rounded;
    }
    *out_scale = scale;
    return exact;
}

static void encode_floats(const double *values, uint32_t row_count, struct bytes *out)
{
    int64_t *decimals = bytes_alloc(row_count * sizeof(*decimals));
    uint32_t scale = 0;

    if (floats_to_decimals(values, row_count, decimals, &scale)) {
        encode_ints(FIELD_FLOAT, scale, decimals, row_count, out);
    } else {
        put_column_head(bytes_reserve(out, 4), FIELD_FLOAT, FLOAT_RAW, 8, 0);
        out->size += 4;
        bytes_put(out, values, row_count * sizeof(*values));
    }
    free(decimals);
}

/* Codes are handed out in order of arrival, so distinct strings everywhere means 1, 2, 3, ... */
static bool codes_are_rows(const uint32_t *codes, uint32_t row_count, uint32_t string_count)
{
    if (string_count != row_count)
        return false;
    for (uint32_t row = 0; row < row_count; row++)
        if (codes[row] != row + 1)
            return false;
    return true;
}

static void encode_strings(const struct column *column, uint32_t row_count, struct bytes *out)
{
    const struct dictionary *dictionary = &column->dictionary;
    uint32_t string_count = dictionary->count - 1;
    bool by_row = codes_are_rows(column->codes, row_count, string_count);
    struct pack codes = {0};
    struct pack lengths;
    uint32_t *length_values = bytes_alloc(string_count * sizeof(*length_values));
    size_t lengths_bytes;
    size_t size;
    char *at;

    for (uint32_t i = 0; i < string_count; i++)
        length_values[i] = dictionary->starts[i + 2] - dictionary->starts[i + 1];
    lengths = pack_plan_u32(length_values, string_count);
    if (!by_row)
        codes = pack_plan_u32(column->codes, row_count);
    lengths_bytes = (size_t)string_count * lengths.width;
    size = 24 + lengths_bytes + dictionary->text.size + (size_t)row_count * codes.width;
    at = bytes_reserve(out, size);
    put_column_head(at, FIELD_STRING, by_row ? STRING_ROWS : STRING_CODES, codes.width, 0);
    put_u32(at + 4, string_count);
    put_u32(at + 8, (uint32_t)dictionary->text.size);
    put_u32(at + 12, (uint32_t)lengths.base);
    put_u32(at + 16, (uint32_t)codes.base);
    put_u32(at + 20, lengths.width);
    at += 24;
    pack_write_u32(lengths, length_values, string_count, at);
    at += lengths_bytes;
    if (dictionary->text.size > 0)
        memcpy(at, dictionary->text.data, dictionary->text.size);
    if (!by_row)
        pack_write_u32(codes, column->codes, row_count, at + dictionary->text.size);
    out->size += size;
    free(length_values);
}

static void encode_bools(const uint8_t *values, uint32_t row_count, struct bytes *out)
{
    uint8_t differs = 0;
    size_t size = (row_count + 3) / 4;
    char *at;

    for (uint32_t row = 0; row < row_count; row++)
        differs |= values[row] ^ values[0];
    at = bytes_reserve(out, 4 + size);
    out->size += 4;
    if (!differs) {
        put_column_head(at, FIELD_BOOL, BOOL_SAME, row_count > 0 ? values[0] : 0, 0);
        return;
    }
    put_column_head(at, FIELD_BOOL, BOOL_BITS, 0, 0);
    memset(at + 4, 0, size);
    for (uint32_t row = 0; row < row_count; row++)
        at[4 + row / 4] |= (char)(values[row] << (row % 4 * 2));
    out->size += size;
}

static void encode_parts(const struct batch *batch, struct bytes *out)
{
    struct pack lines = pack_plan_u32(batch->lines, batch->line_count);
    size_t size = 16 + (size_t)batch->part_count * PART_BYTES + batch->producers.size +
                  (size_t)batch->line_count * lines.width;
    char *at = bytes_reserve(out, size);

    put_u32(at, batch->part_count);
    put_u32(at + 4, (uint32_t)batch->producers.size);
    put_u32(at + 8, (uint32_t)lines.base);
    put_u32(at + 12, lines.width);
    at += 16;
    for (uint32_t i = 0; i < batch->part_count; i++, at += PART_BYTES) {
        const struct batch_part *part = &batch->parts[i];

        put_u64(at, part->sequence);
        put_u32(at + 8, part->first_row);
        put_u32(at + 12, part->row_count);
        put_u32(at + 16, part->previous);
        put_u32(at + 20, part->name_size);
    }
    memcpy(at, batch->producers.data, batch->producers.size);
    pack_write_u32(lines, batch->lines, batch->line_count, at + batch->producers.size);
    out->size += size;
}

/* What batch_codec.c asks of every batch: a bit a value. */
static uint64_t size_min(uint64_t row_count, uint64_t column_count)
{
    return row_count * column_count / 8;
}

void batch_encode(const struct batch *batch, struct bytes *out)
{
    size_t start = out->size;
    uint16_t time_column = TIME_COLUMN_NONE;
    uint64_t wanted = size_min(batch->row_count, batch->column_count);
    uint32_t padding;
    char *head;

    assert(batch->column_count > 0 && batch->column_count <= STREAM_FIELDS_MAX);
    bytes_reserve(out, batch_bytes(batch) + HEAD_BYTES);
    out->size += HEAD_BYTES;
    for (uint32_t i = 0; i < batch->column_count; i++) {
        const struct column *column = &batch->columns[i];

        switch (column->type) {
        case FIELD_TIME:
            if (column->ints == batch->event_ms)
                time_column = (uint16_t)i;
            encode_ints(FIELD_TIME, 0, column->ints, batch->row_count, out);
            break;
        case FIELD_INT:
            encode_ints(FIELD_INT, 0, column->ints, batch->row_count, out);
            break;
        case FIELD_FLOAT:
            encode_floats(column->floats, batch->row_count, out);
            break;
        case FIELD_STRING:
            encode_strings(column, batch->row_count, out);
            break;
        case FIELD_BOOL:
            encode_bools(column->bools, batch->row_count, out);
            break;
        }
    }
    assert((time_column == TIME_COLUMN_NONE) == batch->event_ms_owned);
    if (batch->part_count > 0)
        encode_parts(batch, out);
    padding = out->size - start < wanted ? (uint32_t)(wanted - (out->size - start)) : 0;
    memset(bytes_reserve(out, padding), 0, padding);
    out->size += padding;

    head = out->data + start;
    memset(head, 0, HEAD_BYTES);
    head[0] = batch->part_count > 0 ? FORMAT_WITH_PARTS : FORMAT;
    put_u16(head + 2, (uint16_t)batch->column_count);
    put_u32(head + 4, batch->row_count);
    put_u32(head + 8, batch->stream_id);
    put_u32(head + 12, batch->stream_version);
    put_u64(head + 16, (uint64_t)batch->wall_ms);
    put_u16(head + 24, time_column);
    put_u32(head + 28, padding);
}

/* ---- reading ---- */

struct reader {
    const char *at;
    const char *end;
};

static uint16_t get_u16(const char *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static uint32_t get_u32(const char *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static uint64_t get_u64(const char *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

/* The next `size` bytes, or NULL if there are fewer. */
static const char *take(struct reader *reader, uint64_t size)
{
    const char *at = reader->at;

    if (size > (uint64_t)(reader->end - at))
        return NULL;
    reader->at += size;
    return at;
}

static bool width_is_valid(uint32_t width)
{
    return width <= 2 || width == 4 || width == 8;
}

/* Each decode_* returns what is wrong, or NULL. */
static const char *decode_ints(struct reader *reader, uint32_t form, uint32_t width,
                               uint32_t row_count, int64_t *out_values)
{
    struct pack pack = {.width = width, .has_none = form == INT_WITH_NONE};
    const char *base = take(reader, 8);
    const char *data = take(reader, (uint64_t)row_count * width);

    if (form > INT_WITH_NONE || !width_is_valid(width))
        return "unknown form";
    if (base == NULL || data == NULL)
        return "ends early";
    pack.base = get_u64(base);
    pack_read_i64(pack, data, row_count, out_values);
    return NULL;
}

static const char *decode_floats(struct reader *reader, const char *head, uint32_t row_count,
                                 struct column *column)
{
    uint32_t scale = (uint8_t)head[3];
    const char *wrong;
    const char *data;
    double power;

    if (head[1] == FLOAT_RAW) {
        data = take(reader, (uint64_t)row_count * 8);
        if (data == NULL)
            return "ends early";
        memcpy(column->floats, data, (size_t)row_count * 8);
        return NULL;
    }
    if (scale > SCALE_MAX)
        return "unknown scale";
    wrong = decode_ints(reader, (uint8_t)head[1], (uint8_t)head[2], row_count, column->ints);
    if (wrong != NULL)
        return wrong;
    power = powers_of_ten[scale];
    for (uint32_t row = 0; row < row_count; row++) {
        int64_t value = column->ints[row];

        column->floats[row] = value == BATCH_INT_NONE ? NAN : (double)value / power;
    }
    return NULL;
}

/* The strings are known: `lengths` holds how long they are, from code 1 on. */
static const char *fill_dictionary(struct dictionary *dictionary, const char *text,
                                   uint32_t text_bytes)
{
    uint64_t start = 0;

    /* starts[code] holds the length of `code` at first. */
    for (uint32_t code = 1; code < dictionary->count; code++) {
        uint32_t length = dictionary->starts[code];

        dictionary->starts[code] = (uint32_t)start;
        start += length;
        if (start > text_bytes)
            return "strings are longer than their text";
        dictionary->hashes[code] = hash_bytes(text + dictionary->starts[code], length);
    }
    if (start != text_bytes)
        return "strings are shorter than their text";
    dictionary->starts[dictionary->count] = (uint32_t)start;
    bytes_reserve(&dictionary->text, 1); /* batch_string points into it, also for an empty string */
    bytes_put(&dictionary->text, text, text_bytes);
    return NULL;
}

static const char *decode_dictionary(struct reader *reader, const char *head,
                                     struct dictionary *dictionary)
{
    uint32_t string_count = get_u32(head);
    uint32_t text_bytes = get_u32(head + 4);
    struct pack lengths = {.base = get_u32(head + 8), .width = get_u32(head + 16)};
    const char *length_data;
    const char *text;

    if (lengths.width > 4 || !width_is_valid(lengths.width))
        return "unknown width of lengths";
    /* Distinct strings have text, but for one that may be empty. */
    if (string_count > (uint64_t)text_bytes + 1)
        return "more strings than text";
    length_data = take(reader, (uint64_t)string_count * lengths.width);
    text = length_data == NULL ? NULL : take(reader, text_bytes);
    if (text == NULL)
        return "ends early";
    dictionary->count = string_count + 1;
    dictionary->capacity = string_count + 1;
    dictionary->starts = bytes_alloc_zero((size_t)string_count + 2, sizeof(uint32_t));
    dictionary->hashes = bytes_alloc_zero((size_t)string_count + 1, sizeof(uint64_t));
    if (pack_read_u32(lengths, length_data, string_count, dictionary->starts + 1) > text_bytes &&
        string_count > 0)
        return "a string is longer than the text";
    return fill_dictionary(dictionary, text, text_bytes);
}

static const char *decode_strings(struct reader *reader, const char *head, uint32_t row_count,
                                  struct column *column)
{
    const char *string_head = take(reader, 20);
    struct pack codes = {.width = (uint8_t)head[2]};
    const char *wrong;
    const char *data;

    if (string_head == NULL)
        return "ends early";
    wrong = decode_dictionary(reader, string_head, &column->dictionary);
    if (wrong != NULL)
        return wrong;
    if (head[1] == STRING_ROWS) {
        if (column->dictionary.count - 1 != row_count)
            return "not a string for every row";
        for (uint32_t row = 0; row < row_count; row++)
            column->codes[row] = row + 1;
        return NULL;
    }
    if (head[1] != STRING_CODES || codes.width > 4 || !width_is_valid(codes.width))
        return "unknown form";
    codes.base = get_u32(string_head + 12);
    data = take(reader, (uint64_t)row_count * codes.width);
    if (data == NULL)
        return "ends early";
    if (pack_read_u32(codes, data, row_count, column->codes) >= column->dictionary.count &&
        row_count > 0)
        return "a code without a string";
    return NULL;
}

static const char *decode_bools(struct reader *reader, const char *head, uint32_t row_count,
                                uint8_t *out_values)
{
    const char *data;
    uint8_t high = 0;

    if (head[1] == BOOL_SAME) {
        if ((uint8_t)head[2] > BATCH_BOOL_NONE)
            return "unknown value";
        memset(out_values, head[2], row_count);
        return NULL;
    }
    if (head[1] != BOOL_BITS)
        return "unknown form";
    data = take(reader, ((uint64_t)row_count + 3) / 4);
    if (data == NULL)
        return "ends early";
    for (uint32_t row = 0; row < row_count; row++) {
        uint8_t value = (uint8_t)data[row / 4] >> (row % 4 * 2) & 3;

        high = value > high ? value : high;
        out_values[row] = value;
    }
    return high > BATCH_BOOL_NONE ? "unknown value" : NULL;
}

static const char *decode_column(struct reader *reader, uint32_t row_count,
                                 struct column *out_column)
{
    const char *head = take(reader, 4);

    if (head == NULL)
        return "ends early";
    if ((uint8_t)head[0] > FIELD_TIME)
        return "unknown type";
    out_column->type = (enum field_type)head[0];
    switch (out_column->type) {
    case FIELD_INT:
    case FIELD_TIME:
        out_column->ints = bytes_alloc(row_count * sizeof(int64_t));
        return decode_ints(reader, (uint8_t)head[1], (uint8_t)head[2], row_count, out_column->ints);
    case FIELD_FLOAT:
        out_column->floats = bytes_alloc(row_count * sizeof(double));
        return decode_floats(reader, head, row_count, out_column);
    case FIELD_STRING:
        out_column->codes = bytes_alloc(row_count * sizeof(uint32_t));
        return decode_strings(reader, head, row_count, out_column);
    case FIELD_BOOL:
        out_column->bools = bytes_alloc(row_count);
        return decode_bools(reader, head, row_count, out_column->bools);
    }
    return "unknown type";
}

/* One part, which begins with row `row` or behind it; its name and its lines are checked later. */
static const char *decode_part(const char *at, uint32_t row, const struct batch *batch,
                               uint32_t text_bytes, struct batch_part *out_part)
{
    *out_part = (struct batch_part){
        .sequence = get_u64(at),
        .first_row = get_u32(at + 8),
        .row_count = get_u32(at + 12),
        .first_line = batch->line_count,
        .previous = get_u32(at + 16),
        .name_start = (uint32_t)batch->producers.size,
        .name_size = get_u32(at + 20),
    };
    if (out_part->row_count == 0 || out_part->first_row < row ||
        out_part->first_row > batch->row_count ||
        out_part->row_count > batch->row_count - out_part->first_row)
        return "a part with impossible rows";
    if (out_part->name_size == 0 || out_part->name_size > PRODUCER_NAME_BYTES_MAX ||
        out_part->name_size > text_bytes - batch->producers.size)
        return "a producer with an impossible name";
    return NULL;
}

static bool lines_ascend(const struct batch *batch, const struct batch_part *part)
{
    uint32_t line = part->previous;

    for (uint32_t i = 0; i < part->row_count; i++) {
        if (batch->lines[part->first_line + i] <= line)
            return false;
        line = batch->lines[part->first_line + i];
    }
    return true;
}

static const char *decode_lines(struct reader *reader, struct pack lines, struct batch *batch)
{
    const char *data = take(reader, (uint64_t)batch->line_count * lines.width);

    if (data == NULL)
        return "ends early";
    batch->lines = bytes_alloc(batch->line_count * sizeof(uint32_t));
    batch->line_capacity = batch->line_count;
    if (pack_read_u32(lines, data, batch->line_count, batch->lines) > UINT32_MAX)
        return "a line that is too large";
    for (uint32_t i = 0; i < batch->part_count; i++)
        if (!lines_ascend(batch, &batch->parts[i]))
            return "lines out of order";
    return NULL;
}

static const char *decode_parts(struct reader *reader, struct batch *batch)
{
    const char *head = take(reader, 16);
    uint32_t part_count = head != NULL ? get_u32(head) : 0;
    uint32_t text_bytes = head != NULL ? get_u32(head + 4) : 0;
    const char *parts = take(reader, (uint64_t)part_count * PART_BYTES);
    const char *names = parts != NULL ? take(reader, text_bytes) : NULL;
    struct pack lines = {0};
    uint32_t row = 0;

    if (names == NULL || part_count == 0)
        return "no parts, or not all of them";
    lines = (struct pack){.base = get_u32(head + 8), .width = get_u32(head + 12)};
    if (lines.width > 4 || !width_is_valid(lines.width))
        return "unknown width of lines";
    batch->parts = bytes_alloc_zero(part_count, sizeof(batch->parts[0]));
    batch->part_capacity = part_count;
    for (uint32_t i = 0; i < part_count; i++) {
        struct batch_part *part = &batch->parts[i];
        const char *wrong =
            decode_part(parts + (size_t)i * PART_BYTES, row, batch, text_bytes, part);

        if (wrong != NULL)
            return wrong;
        batch->part_count++;
        bytes_put(&batch->producers, names + part->name_start, part->name_size);
        batch->line_count += part->row_count;
        row = part->first_row + part->row_count;
    }
    if (batch->producers.size != text_bytes)
        return "names are shorter than their text";
    /* Lines differ, so each takes room; a row of its own part has that. */
    if (lines.width == 0 && batch->line_count > part_count)
        return "lines out of order";
    return decode_lines(reader, lines, batch);
}

/* The columns are read: what hangs on which of them is the time. */
static const char *decode_event_times(struct batch *batch, uint32_t time_column)
{
    if (time_column == TIME_COLUMN_NONE) {
        batch->event_ms = bytes_alloc(batch->row_count * sizeof(int64_t));
        batch->event_ms_owned = true;
        batch_stamp(batch, batch->wall_ms);
        return NULL;
    }
    if (time_column >= batch->column_count || batch->columns[time_column].type != FIELD_TIME)
        return "the event time is no time column";
    batch->event_ms = batch->columns[time_column].ints;
    return NULL;
}

static const char *decode_head(const char *data, size_t size)
{
    uint32_t column_count;

    if (size < HEAD_BYTES)
        return "shorter than its head";
    if (data[0] != FORMAT && data[0] != FORMAT_WITH_PARTS)
        return "unknown format";
    column_count = get_u16(data + 2);
    if (column_count == 0 || column_count > STREAM_FIELDS_MAX)
        return "impossible number of columns";
    if (size_min(get_u32(data + 4), column_count) > size)
        return "more rows than bytes for them";
    if (get_u32(data + 28) > size - HEAD_BYTES)
        return "more padding than bytes";
    return NULL;
}

int batch_decode(struct batch **out_batch, const void *data, size_t size, struct err *err)
{
    const char *head = data;
    const char *wrong = decode_head(head, size);
    struct reader reader;
    struct batch *batch;

    if (wrong != NULL)
        return err_set(err, ERR_CORRUPT, "batch of %zu bytes: %s", size, wrong);
    reader = (struct reader){head + HEAD_BYTES, head + size - get_u32(head + 28)};
    batch = bytes_alloc_zero(1, sizeof(*batch));
    batch->column_count = get_u16(head + 2);
    batch->row_count = get_u32(head + 4);
    batch->row_capacity = batch->row_count;
    batch->stream_id = get_u32(head + 8);
    batch->stream_version = get_u32(head + 12);
    batch->wall_ms = (int64_t)get_u64(head + 16);
    batch->columns = bytes_alloc_zero(batch->column_count, sizeof(*batch->columns));
    batch->outcomes = bytes_alloc_zero(batch->row_count, 1);
    for (uint32_t i = 0; i < batch->column_count && wrong == NULL; i++) {
        wrong = decode_column(&reader, batch->row_count, &batch->columns[i]);
        if (wrong != NULL)
            err_set(err, ERR_CORRUPT, "batch of %zu bytes, column %u: %s", size, i, wrong);
    }
    if (wrong == NULL) {
        wrong = decode_event_times(batch, get_u16(head + 24));
        if (wrong == NULL && head[0] == FORMAT_WITH_PARTS)
            wrong = decode_parts(&reader, batch);
        if (wrong == NULL && reader.at != reader.end)
            wrong = "bytes after the last column";
        if (wrong != NULL)
            err_set(err, ERR_CORRUPT, "batch of %zu bytes: %s", size, wrong);
    }
    if (wrong != NULL) {
        batch_free(batch);
        return ERR_CORRUPT;
    }
    *out_batch = batch;
    return 0;
}
