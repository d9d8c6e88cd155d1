// SPDX-License-Identifier: Apache-2.0
/*
 * ndjson.c - see ndjson.h: pieces of a body to lines, and blocks of lines to rows.
 *
 * Lines are read where they lie, in blocks of BLOCK_BYTES that end at a line feed: the tokens of
 * all lines of a block are found in one pass of simdjson, which is what makes a line of 100 bytes
 * cheap. A reader may look JSON_SIMD_PADDING bytes past its text, so the last bytes of a piece,
 * and a line that a piece ends in, go through a buffer of our own (`carry`), which is padded.
 *
 * When a block is refused as a whole (a byte that is no UTF-8, a string that does not end, or
 * holds a control character) its lines are looked at one by one, so that only the bad ones are
 * lost. What becomes of a line depends on its bytes alone, never on its block.
 *
 * Arrays and objects over several lines are first made into lines (array_splitter.c, json_scan.c).
 */
#include "wire/ndjson.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/array_splitter.h"
#include "wire/json_scan.h"
#include "wire/json_simd.h"
#include "wire/row_reader.h"
#include "wire/row_sink.h"

/* With the offsets of its tokens a block fits the second level of cache. */
#define BLOCK_BYTES 32768

/* A pooled decoder gives back buffers that one long line made larger than this. */
#define KEEP_BYTES_MAX 262144

enum ndjson_state {
    NDJSON_START,      /* before the first byte that counts */
    NDJSON_FIRST_LINE, /* in the first line, which begins with { */
    NDJSON_IN_LINES,
    NDJSON_IN_OBJECT, /* the first line ended inside of its object: `carry` holds all so far */
    NDJSON_IN_ARRAY,
    NDJSON_IGNORE, /* the rest cannot be read; that has been said */
};

struct ndjson {
    struct ndjson_limits limits;
    const struct row_sink *sink;
    enum ndjson_form form;
    enum ndjson_state state;
    int stopped;        /* what the sink stopped us with, or 0 */
    uint64_t line;      /* the number of the line, or element, that is next */
    uint32_t mark_size; /* how much of a byte order mark has come; 3: no more of it is expected */
    bool skipping;      /* in a line that is too long and has been rejected */
    struct bytes carry; /* IN_LINES: the begin of a line. IN_ARRAY: whole elements, then a begin */
    size_t element_start; /* IN_ARRAY: where the element at hand begins in `carry` */
    struct array_splitter splitter;
    struct json_simd *simd;
    struct row_reader reader;
};

static const char byte_order_mark[3] = {'\xef', '\xbb', '\xbf'};

/* ---- blocks of lines ---- */

static void reject(struct ndjson *ndjson, const char *reason)
{
    ndjson->sink->reject(ndjson->sink->ctx, ndjson->line, reason);
}

static void reject_long(struct ndjson *ndjson)
{
    char reason[96];

    snprintf(reason, sizeof(reason), "%s longer than %zu bytes",
             ndjson->state == NDJSON_IN_ARRAY    ? "element"
             : ndjson->state == NDJSON_IN_OBJECT ? "object"
                                                 : "line",
             ndjson->limits.line_bytes_max);
    reject(ndjson, reason);
}

static const char *simd_problem(enum json_simd_result result)
{
    switch (result) {
    case JSON_SIMD_UTF8:
        return "not valid UTF-8";
    case JSON_SIMD_UNCLOSED:
        return "not valid JSON: a string does not end";
    case JSON_SIMD_CONTROL:
        return "not valid JSON: a control character in a string (it must be escaped)";
    case JSON_SIMD_OK:
    case JSON_SIMD_BLANK:
        break;
    }
    return NULL;
}

static int emit_row(struct ndjson *ndjson)
{
    int rc = ndjson->sink->row(ndjson->sink->ctx, ndjson->reader.cells, ndjson->line);

    if (rc < 0)
        ndjson->stopped = rc;
    return ndjson->stopped;
}

/* The tokens of all lines are known. */
static int read_lines(struct ndjson *ndjson, const char *data, size_t size, const uint32_t *tokens)
{
    struct row_reader *reader = &ndjson->reader;
    size_t start = 0;

    reader->base = data;
    reader->token = tokens;
    reader->may_escape = memchr(data, '\\', size) != NULL;
    while (start <= size) {
        const char *feed = memchr(data + start, '\n', size - start);
        size_t end = feed != NULL ? (size_t)(feed - data) : size;

        reader->row_start = (uint32_t)start;
        if (end - start > ndjson->limits.line_bytes_max) {
            reject_long(ndjson);
        } else if (*reader->token < end) {
            if (row_reader_read(reader, (uint32_t)end) != ROW_GOOD)
                reject(ndjson, reader->reason);
            else if (emit_row(ndjson) < 0)
                return ndjson->stopped;
        }
        while (*reader->token < end)
            reader->token++;
        ndjson->line++;
        start = end + 1;
    }
    return 0;
}

/* One line, or a block that holds a bad one. */
static int read_one_by_one(struct ndjson *ndjson, const char *data, size_t size)
{
    size_t start = 0;
    int rc = 0;

    while (start <= size && rc == 0) {
        const char *feed = memchr(data + start, '\n', size - start);
        size_t end = feed != NULL ? (size_t)(feed - data) : size;
        const uint32_t *tokens;
        uint32_t token_count;
        enum json_simd_result result;

        if (end - start > ndjson->limits.line_bytes_max) {
            reject_long(ndjson);
            ndjson->line++;
        } else {
            result =
                json_simd_tokens(ndjson->simd, data + start, end - start, &tokens, &token_count);
            if (result == JSON_SIMD_OK) {
                rc = read_lines(ndjson, data + start, end - start, tokens);
            } else {
                if (result != JSON_SIMD_BLANK)
                    reject(ndjson, simd_problem(result));
                ndjson->line++;
            }
        }
        start = end + 1;
    }
    return rc;
}

/* Lines, the last one without its line feed, which is at data[size]; padding follows. */
static int read_block(struct ndjson *ndjson, const char *data, size_t size)
{
    const uint32_t *tokens;
    uint32_t token_count;

    assert(data[size] == '\n');
    if (json_simd_tokens(ndjson->simd, data, size, &tokens, &token_count) == JSON_SIMD_OK)
        return read_lines(ndjson, data, size, tokens);
    return read_one_by_one(ndjson, data, size);
}

/* The lines in `carry`, without the last line feed. */
static int read_carry(struct ndjson *ndjson)
{
    struct bytes *carry = &ndjson->carry;
    size_t size = carry->size;
    char *padding = bytes_reserve(carry, JSON_SIMD_PADDING + 1);

    memset(padding, 0, JSON_SIMD_PADDING + 1);
    padding[0] = '\n';
    bytes_clear(carry);
    return read_block(ndjson, carry->data, size);
}

/* ---- a body of lines ---- */

/* More of the line that `carry` begins; no line feed in it. */
static void carry_line(struct ndjson *ndjson, const char *data, size_t size)
{
    if (ndjson->skipping)
        return;
    if (size > ndjson->limits.line_bytes_max - ndjson->carry.size) {
        reject_long(ndjson);
        bytes_clear(&ndjson->carry);
        ndjson->skipping = true;
        return;
    }
    bytes_put(&ndjson->carry, data, size);
}

/* The line that was begun ended. */
static int end_carried_line(struct ndjson *ndjson)
{
    if (!ndjson->skipping)
        return read_carry(ndjson);
    ndjson->skipping = false;
    ndjson->line++;
    return 0;
}

/*
 * The end of the next block at `at`: a line feed with padding behind it. NULL: there is none
 * before `end`, or it is too near to the end of the piece.
 */
static const char *block_end(const char *at, const char *end)
{
    const char *limit;
    const char *stop;
    const char *feed;

    if (end - at <= JSON_SIMD_PADDING)
        return NULL;
    limit = end - JSON_SIMD_PADDING;
    stop = limit - at > BLOCK_BYTES ? at + BLOCK_BYTES : limit;
    feed = memrchr(at, '\n', (size_t)(stop - at));
    return feed != NULL ? feed : memchr(stop, '\n', (size_t)(limit - stop));
}

static int feed_lines(struct ndjson *ndjson, const char *data, size_t size)
{
    const char *at = data;
    const char *end = data + size;
    const char *feed;

    assert(size > 0);
    if (ndjson->carry.size > 0 || ndjson->skipping) {
        feed = memchr(at, '\n', size);
        carry_line(ndjson, at, (size_t)((feed != NULL ? feed : end) - at));
        if (feed == NULL)
            return 0;
        if (end_carried_line(ndjson) < 0)
            return ndjson->stopped;
        at = feed + 1;
    }
    while ((feed = block_end(at, end)) != NULL) {
        size_t block_size = (size_t)(feed - at);

        if (block_size > BLOCK_BYTES && block_size > ndjson->limits.line_bytes_max) {
            reject_long(ndjson); /* one line, which is not worth looking into */
            ndjson->line++;
        } else if (read_block(ndjson, at, block_size) < 0) {
            return ndjson->stopped;
        }
        at = feed + 1;
    }
    while (at < end && (feed = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        /* One very long line, or short ones within the padding. */
        if (feed - at <= JSON_SIMD_PADDING)
            feed = memrchr(at, '\n', (size_t)(end - at));
        carry_line(ndjson, at, (size_t)(feed - at));
        if (end_carried_line(ndjson) < 0)
            return ndjson->stopped;
        at = feed + 1;
    }
    if (at < end)
        carry_line(ndjson, at, (size_t)(end - at));
    return 0;
}

/* ---- an array ---- */

/* Whole elements are read; the begin of one stays. */
static int flush_elements(struct ndjson *ndjson)
{
    struct bytes *carry = &ndjson->carry;
    size_t begun = carry->size - ndjson->element_start;
    int rc;

    if (ndjson->element_start == 0)
        return 0;
    assert(begun == 0);
    carry->size--; /* the last line feed */
    rc = read_carry(ndjson);
    ndjson->element_start = 0;
    return rc;
}

/* Elements before are read, what was begun is dropped, and the reason is told for the next one. */
static int break_array(struct ndjson *ndjson, const char *reason)
{
    ndjson->carry.size = ndjson->element_start;
    ndjson->state = NDJSON_IGNORE;
    if (flush_elements(ndjson) < 0)
        return ndjson->stopped;
    reject(ndjson, reason);
    return 0;
}

static int end_element(struct ndjson *ndjson)
{
    if (ndjson->splitter.size > ndjson->limits.line_bytes_max) {
        ndjson->carry.size = ndjson->element_start;
        if (flush_elements(ndjson) < 0)
            return ndjson->stopped;
        reject_long(ndjson);
        ndjson->line++;
        return 0;
    }
    bytes_put_char(&ndjson->carry, '\n');
    ndjson->element_start = ndjson->carry.size;
    return ndjson->carry.size >= BLOCK_BYTES ? flush_elements(ndjson) : 0;
}

static int feed_array(struct ndjson *ndjson, const char *data, size_t size)
{
    while (size > 0) {
        bool ended;
        size_t taken = array_splitter_take(&ndjson->splitter, data, size,
                                           ndjson->limits.line_bytes_max, &ndjson->carry, &ended);

        if (ended && end_element(ndjson) < 0)
            return ndjson->stopped;
        if (ndjson->splitter.state == ARRAY_BROKEN)
            return break_array(ndjson, ndjson->splitter.problem);
        data += taken;
        size -= taken;
    }
    return 0;
}

/* ---- one object over several lines ---- */

/* It is none: what `carry` holds is lines after all. */
static int object_to_lines(struct ndjson *ndjson)
{
    struct bytes body = ndjson->carry;
    int rc;

    ndjson->carry = (struct bytes){0};
    ndjson->state = NDJSON_IN_LINES;
    rc = body.size > 0 ? feed_lines(ndjson, body.data, body.size) : 0;
    bytes_done(&body);
    return rc;
}

static int feed_object(struct ndjson *ndjson, const char *data, size_t size)
{
    size_t room = ndjson->limits.line_bytes_max - ndjson->carry.size;
    int rc;

    if (size <= room) {
        bytes_put(&ndjson->carry, data, size);
        return 0;
    }
    if (ndjson->form == NDJSON_JSON) {
        reject_long(ndjson);
        ndjson->state = NDJSON_IGNORE;
        return 0;
    }
    rc = object_to_lines(ndjson);
    return rc < 0 ? rc : feed_lines(ndjson, data, size);
}

static int finish_object(struct ndjson *ndjson)
{
    struct row_reader *reader = &ndjson->reader;
    struct bytes flat = {0};
    enum row_verdict verdict = ROW_BROKEN;
    enum json_simd_result result;
    const uint32_t *tokens;
    uint32_t token_count;
    const char *problem;
    int rc = 0;

    json_scan_flatten((struct json_scan){0}, ndjson->carry.data, ndjson->carry.size, &flat);
    memset(bytes_reserve(&flat, JSON_SIMD_PADDING + 1), '\n', JSON_SIMD_PADDING + 1);
    result = json_simd_tokens(ndjson->simd, flat.data, flat.size, &tokens, &token_count);
    problem = simd_problem(result);
    if (result == JSON_SIMD_OK) {
        reader->base = flat.data;
        reader->token = tokens;
        reader->row_start = 0;
        reader->may_escape = true;
        verdict = row_reader_read(reader, (uint32_t)flat.size);
        problem = reader->reason;
    }
    if (verdict == ROW_GOOD) {
        rc = emit_row(ndjson);
    } else if (verdict == ROW_WRONG || ndjson->form == NDJSON_JSON) {
        reject(ndjson, problem);
    } else {
        rc = object_to_lines(ndjson);
        if (rc == 0 && (ndjson->carry.size > 0 || ndjson->skipping))
            rc = end_carried_line(ndjson);
    }
    bytes_done(&flat);
    return rc;
}

/* ---- which of them it is ---- */

/* Whether the first line, `carry` and then `data`, ends between the tokens of an object. */
static bool ends_inside(const struct ndjson *ndjson, const char *data, size_t size)
{
    struct json_scan scan = {0};
    size_t at = 0;

    while (at < ndjson->carry.size)
        at += json_scan_move(&scan, ndjson->carry.data + at, ndjson->carry.size - at);
    at = 0;
    while (at < size)
        at += json_scan_move(&scan, data + at, size - at);
    return scan.depth > 0 && !scan.in_string;
}

static int feed_first_line(struct ndjson *ndjson, const char *data, size_t size)
{
    const char *feed = memchr(data, '\n', size);
    size_t line_size = feed != NULL ? (size_t)(feed - data) : size;

    if (line_size > ndjson->limits.line_bytes_max - ndjson->carry.size) {
        ndjson->state = NDJSON_IN_LINES; /* which rejects it */
        return feed_lines(ndjson, data, size);
    }
    if (feed == NULL) {
        bytes_put(&ndjson->carry, data, size);
        return 0;
    }
    if (ends_inside(ndjson, data, line_size)) {
        ndjson->state = NDJSON_IN_OBJECT;
        return feed_object(ndjson, data, size);
    }
    ndjson->state = NDJSON_IN_LINES;
    return feed_lines(ndjson, data, size);
}

/* Takes a byte order mark; false when a byte comes that is none of it. */
static bool take_mark(struct ndjson *ndjson, char c)
{
    if (ndjson->mark_size < 3 && c == byte_order_mark[ndjson->mark_size]) {
        ndjson->mark_size++;
        return true;
    }
    if (ndjson->mark_size < 3) {
        /* What looked like a mark is the begin of a line, and no UTF-8. */
        bytes_put(&ndjson->carry, byte_order_mark, ndjson->mark_size);
        ndjson->mark_size = 3;
    }
    return false;
}

static int feed_start(struct ndjson *ndjson, const char *data, size_t size)
{
    size_t at = 0;

    while (at < size && take_mark(ndjson, data[at]))
        at++;
    if (at == size)
        return 0;
    if (ndjson->form == NDJSON_LINES || ndjson->carry.size > 0) {
        ndjson->state = NDJSON_IN_LINES;
        return feed_lines(ndjson, data + at, size - at);
    }
    for (; at < size; at++) {
        switch (data[at]) {
        case '\n':
            ndjson->line++;
            break;
        case ' ':
        case '\t':
        case '\r':
            break;
        case '[':
            ndjson->state = NDJSON_IN_ARRAY;
            ndjson->line = 1;
            return feed_array(ndjson, data + at + 1, size - at - 1);
        case '{':
            ndjson->state = NDJSON_FIRST_LINE;
            return feed_first_line(ndjson, data + at, size - at);
        default:
            ndjson->state = NDJSON_IN_LINES;
            return feed_lines(ndjson, data + at, size - at);
        }
    }
    return 0;
}

/* ---- the decoder ---- */

struct ndjson *ndjson_new(const struct stream_def *def, const struct ndjson_limits *limits,
                          const struct row_sink *sink)
{
    struct ndjson *ndjson = bytes_alloc_zero(1, sizeof(*ndjson));

    assert(limits->line_bytes_max >= NDJSON_LINE_BYTES_MIN);
    assert(limits->line_bytes_max <= NDJSON_LINE_BYTES_MAX);
    ndjson->limits = *limits;
    ndjson->simd = json_simd_new();
    row_reader_init(&ndjson->reader, ndjson->simd, limits->string_bytes_max);
    ndjson_reset(ndjson, def, NDJSON_AUTO, sink);
    return ndjson;
}

void ndjson_free(struct ndjson *ndjson)
{
    if (ndjson == NULL)
        return;
    row_reader_done(&ndjson->reader);
    json_simd_free(ndjson->simd);
    bytes_done(&ndjson->carry);
    free(ndjson);
}

void ndjson_reset(struct ndjson *ndjson, const struct stream_def *def, enum ndjson_form form,
                  const struct row_sink *sink)
{
    ndjson->sink = sink;
    ndjson->form = form;
    ndjson->state = NDJSON_START;
    ndjson->stopped = 0;
    ndjson->line = 1;
    ndjson->mark_size = 0;
    ndjson->skipping = false;
    ndjson->element_start = 0;
    ndjson->splitter = (struct array_splitter){.state = ARRAY_OPEN};
    bytes_clear(&ndjson->carry);
    if (ndjson->carry.capacity > KEEP_BYTES_MAX)
        bytes_done(&ndjson->carry);
    if (ndjson->reader.unescaped.capacity > KEEP_BYTES_MAX)
        bytes_done(&ndjson->reader.unescaped);
    json_simd_trim(ndjson->simd);
    row_reader_reset(&ndjson->reader, def);
}

int ndjson_feed(struct ndjson *ndjson, const char *data, size_t size)
{
    if (ndjson->stopped != 0 || size == 0)
        return ndjson->stopped;
    switch (ndjson->state) {
    case NDJSON_START:
        return feed_start(ndjson, data, size);
    case NDJSON_FIRST_LINE:
        return feed_first_line(ndjson, data, size);
    case NDJSON_IN_LINES:
        return feed_lines(ndjson, data, size);
    case NDJSON_IN_OBJECT:
        return feed_object(ndjson, data, size);
    case NDJSON_IN_ARRAY:
        return feed_array(ndjson, data, size);
    case NDJSON_IGNORE:
        break;
    }
    return 0;
}

int ndjson_finish(struct ndjson *ndjson)
{
    if (ndjson->stopped != 0)
        return ndjson->stopped;
    switch (ndjson->state) {
    case NDJSON_START:
        if (ndjson->mark_size < 3)
            bytes_put(&ndjson->carry, byte_order_mark, ndjson->mark_size);
        break;
    case NDJSON_FIRST_LINE:
    case NDJSON_IN_LINES:
        break;
    case NDJSON_IN_OBJECT:
        return finish_object(ndjson);
    case NDJSON_IN_ARRAY:
        if (ndjson->splitter.state != ARRAY_DONE)
            return break_array(ndjson, "not valid JSON: the array does not end");
        return flush_elements(ndjson);
    case NDJSON_IGNORE:
        return 0;
    }
    if (ndjson->carry.size > 0 || ndjson->skipping)
        return end_carried_line(ndjson);
    return 0;
}
