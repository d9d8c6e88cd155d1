// SPDX-License-Identifier: Apache-2.0
/*
 * http_parse.c - bytes to requests; see http_parse.h.
 *
 * The head is found first (a search for the blank line) and parsed when it is complete, so that the
 * parser is a plain walk over lines and never has to stop in the middle.
 */
#include "http/http_parse.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"

#define CHUNK_NOISE_BYTES_MAX 8192

enum chunk_state {
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER,      /* at the start of a trailer line */
    CHUNK_TRAILER_LINE, /* inside one */
    CHUNK_TRAILER_LF,
    CHUNK_LAST_LF,
    CHUNK_OVER
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* RFC 9110, section 5.6.2. */
static bool is_token_char(char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return true;
    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t http_parse_head_size(const char *data, size_t size, size_t from)
{
    size_t start = 0;

    /* A client may send an empty line after the body that it announced. */
    while (start + 1 < size && start < 8 && data[start] == '\r' && data[start + 1] == '\n')
        start += 2;
    from = from > start + 3 ? from - 3 : start;
    if (from >= size)
        return 0;
    const char *found = memmem(data + from, size - from, "\r\n\r\n", 4);
    return found ? (size_t)(found - data) + 4 : 0;
}

static bool scheme_is_http(struct span target, size_t *out_skip)
{
    static const struct span schemes[] = {{"http://", 7}, {"https://", 8}};

    for (size_t i = 0; i < 2; i++) {
        struct span s = schemes[i];
        if (target.size >= s.size && http_equal_nocase((struct span){target.data, s.size}, s)) {
            *out_skip = s.size;
            return true;
        }
    }
    return false;
}

/* Splits the request's target into path and query; `target` is zero-terminated and writable. */
static int parse_target(char *target, size_t size, struct http_head *head, struct err *err)
{
    size_t skip;

    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)target[i] <= ' ' || target[i] == 0x7f)
            return err_set(err, ERR_INVALID, "the address holds a control character"), 400;
    }
    if (scheme_is_http((struct span){target, size}, &skip)) {
        /* A proxy's form. What stands before the path is the Host, which we have. */
        target += skip;
        size -= skip;
        char *slash = memchr(target, '/', size);
        if (!slash)
            return err_set(err, ERR_INVALID, "the address has no path"), 400;
        size -= (size_t)(slash - target);
        target = slash;
    }
    if (size == 0 || (target[0] != '/' && !(size == 1 && target[0] == '*')))
        return err_set(err, ERR_INVALID, "the address does not begin with a slash"), 400;
    char *hash = memchr(target, '#', size);
    if (hash) {
        *hash = 0;
        size = (size_t)(hash - target);
    }
    char *question = memchr(target, '?', size);
    head->path = (struct span){target, size};
    if (question) {
        head->path.size = (size_t)(question - target);
        head->query = (struct span){question + 1, size - head->path.size - 1};
        *question = 0;
    }
    return 0;
}

static int parse_request_line(char *line, size_t size, struct http_head *head, struct err *err)
{
    size_t method_size = 0;

    while (method_size < size && is_token_char(line[method_size]))
        method_size++;
    if (method_size == 0 || method_size == size || line[method_size] != ' ')
        return err_set(err, ERR_INVALID, "this is not an HTTP request"), 400;
    head->method = (struct span){line, method_size};
    line[method_size] = 0;

    char *target = line + method_size + 1;
    size_t rest = size - method_size - 1;
    char *space = memchr(target, ' ', rest);
    if (!space)
        return err_set(err, ERR_INVALID, "the request line has no HTTP version"), 400;
    size_t target_size = (size_t)(space - target);
    struct span version = {space + 1, rest - target_size - 1};
    *space = 0;
    if (span_equal(version, SPAN_LITERAL("HTTP/1.1")))
        head->http_1_1 = true;
    else if (version.size == 8 && memcmp(version.data, "HTTP/", 5) == 0 && version.data[6] == '.' &&
             !span_equal(version, SPAN_LITERAL("HTTP/1.0")))
        return err_set(err, ERR_UNSUPPORTED, "only HTTP/1.1 is spoken here"), 505;
    else if (!span_equal(version, SPAN_LITERAL("HTTP/1.0")))
        return err_set(err, ERR_INVALID, "the request line has no HTTP version"), 400;
    return parse_target(target, target_size, head, err);
}

static int parse_header_line(char *line, size_t size, struct http_head *head, struct err *err)
{
    size_t name_size = 0;

    if (head->header_count == HTTP_HEADERS_MAX)
        return err_set(err, ERR_TOO_LARGE, "more than %d headers", HTTP_HEADERS_MAX), 431;
    while (name_size < size && is_token_char(line[name_size])) {
        line[name_size] = lower(line[name_size]);
        name_size++;
    }
    if (name_size == 0 || name_size == size || line[name_size] != ':')
        return err_set(err, ERR_INVALID, "malformed header line"), 400;
    line[name_size] = 0;
    size_t start = name_size + 1;
    while (start < size && (line[start] == ' ' || line[start] == '\t'))
        start++;
    while (size > start && (line[size - 1] == ' ' || line[size - 1] == '\t'))
        size--;
    for (size_t i = start; i < size; i++) {
        unsigned char c = (unsigned char)line[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return err_set(err, ERR_INVALID, "header %s holds a control character", line), 400;
    }
    line[size] = 0; /* over a blank or the CR */
    head->headers[head->header_count++] =
        (struct http_header){.name = {line, name_size}, .value = {line + start, size - start}};
    return 0;
}

static int parse_length(struct span value, struct http_head *head, struct err *err)
{
    uint64_t length = 0;

    if (head->has_length)
        return err_set(err, ERR_INVALID, "more than one Content-Length"), 400;
    if (value.size == 0 || value.size > 18)
        return err_set(err, ERR_INVALID, "malformed Content-Length"), 400;
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return err_set(err, ERR_INVALID, "malformed Content-Length"), 400;
        length = length * 10 + (uint64_t)(value.data[i] - '0');
    }
    head->has_length = true;
    head->length_bytes = length;
    return 0;
}

/* What the headers mean for the connection and the body. */
static int parse_meaning(struct http_head *head, struct err *err)
{
    bool connection_upgrade = false;
    bool wants_websocket = false;
    uint32_t host_count = 0;
    int status;

    head->keep_alive = head->http_1_1;
    for (uint32_t i = 0; i < head->header_count; i++) {
        struct span name = head->headers[i].name;
        struct span value = head->headers[i].value;

        if (span_equal(name, SPAN_LITERAL("content-length"))) {
            status = parse_length(value, head, err);
            if (status)
                return status;
        } else if (span_equal(name, SPAN_LITERAL("transfer-encoding"))) {
            if (head->chunked || !http_equal_nocase(value, SPAN_LITERAL("chunked")))
                return err_set(err, ERR_UNSUPPORTED, "Transfer-Encoding other than chunked"), 501;
            head->chunked = true;
        } else if (span_equal(name, SPAN_LITERAL("connection"))) {
            if (http_token_listed(value, "close"))
                head->keep_alive = false;
            else if (http_token_listed(value, "keep-alive"))
                head->keep_alive = true;
            connection_upgrade |= http_token_listed(value, "upgrade");
        } else if (span_equal(name, SPAN_LITERAL("upgrade"))) {
            wants_websocket |= http_token_listed(value, "websocket");
        } else if (span_equal(name, SPAN_LITERAL("expect"))) {
            if (!http_equal_nocase(value, SPAN_LITERAL("100-continue")))
                return err_set(err, ERR_UNSUPPORTED, "Expect other than 100-continue"), 417;
            head->expect_continue = head->http_1_1;
        } else if (span_equal(name, SPAN_LITERAL("host"))) {
            head->host = value;
            host_count++;
        }
    }
    if (head->chunked && (head->has_length || !head->http_1_1))
        return err_set(err, ERR_INVALID, "Transfer-Encoding contradicts the rest of the head"), 400;
    if (host_count > 1 || (host_count == 0 && head->http_1_1))
        return err_set(err, ERR_INVALID, "HTTP/1.1 needs exactly one Host header"), 400;
    head->upgrade_websocket = connection_upgrade && wants_websocket && head->http_1_1;
    return 0;
}

int http_parse_head(char *data, size_t size, struct http_head *out_head, struct err *err)
{
    char *end = data + size;
    bool first = true;

    /* Not the whole struct: the headers' array is large and filled as far as it is counted. */
    memset(out_head, 0, offsetof(struct http_head, headers));
    while (size >= 2 && data[0] == '\r' && data[1] == '\n') {
        data += 2;
        size -= 2;
    }
    while (data < end) {
        char *cr = memchr(data, '\r', (size_t)(end - data));
        if (!cr || cr + 1 == end || cr[1] != '\n')
            return err_set(err, ERR_INVALID, "a line does not end with CR LF"), 400;
        size_t line_size = (size_t)(cr - data);
        if (line_size == 0)
            break;
        if (memchr(data, '\n', line_size))
            return err_set(err, ERR_INVALID, "a line does not end with CR LF"), 400;
        int status = first ? parse_request_line(data, line_size, out_head, err)
                           : parse_header_line(data, line_size, out_head, err);
        if (status)
            return status;
        first = false;
        data = cr + 2;
    }
    if (first)
        return err_set(err, ERR_INVALID, "an empty request"), 400;
    return parse_meaning(out_head, err);
}

struct span http_head_find(const struct http_head *head, const char *name)
{
    struct span wanted = span_of(name);

    for (uint32_t i = 0; i < head->header_count; i++) {
        if (span_equal(head->headers[i].name, wanted))
            return head->headers[i].value;
    }
    return (struct span){NULL, 0};
}

bool http_equal_nocase(struct span a, struct span b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++) {
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    }
    return true;
}

bool http_token_listed(struct span value, const char *token)
{
    struct span wanted = span_of(token);
    size_t at = 0;

    while (at < value.size) {
        const char *comma = memchr(value.data + at, ',', value.size - at);
        size_t end = comma ? (size_t)(comma - value.data) : value.size;
        size_t from = at, to = end;
        const char *parameter = memchr(value.data + at, ';', end - at);
        if (parameter)
            to = (size_t)(parameter - value.data);
        while (from < to && (value.data[from] == ' ' || value.data[from] == '\t'))
            from++;
        while (to > from && (value.data[to - 1] == ' ' || value.data[to - 1] == '\t'))
            to--;
        if (http_equal_nocase((struct span){value.data + from, to - from}, wanted))
            return true;
        at = end + 1;
    }
    return false;
}

ptrdiff_t http_percent_decode(struct span raw, bool plus_is_space, char *out)
{
    size_t size = 0;

    for (size_t i = 0; i < raw.size; i++) {
        char c = raw.data[i];
        if (c == '%') {
            int high = raw.size - i > 2 ? hex_value(raw.data[i + 1]) : -1;
            int low = raw.size - i > 2 ? hex_value(raw.data[i + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return -1;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        out[size++] = c;
    }
    out[size] = 0;
    return (ptrdiff_t)size;
}

/* One character of a chunk's size line; false if it cannot stand there. */
static bool chunk_size_char(struct http_chunks *chunks, char c)
{
    int digit = hex_value(c);

    if (digit >= 0) {
        if (chunks->left_bytes >> 56)
            return false;
        chunks->left_bytes = chunks->left_bytes * 16 + (uint64_t)digit;
        chunks->digit_seen = true;
        return true;
    }
    if (!chunks->digit_seen)
        return false;
    if (c == '\r')
        chunks->state = CHUNK_SIZE_LF;
    else if (c == ';' || c == ' ' || c == '\t')
        chunks->state = CHUNK_EXTENSION;
    else
        return false;
    return true;
}

/* Everything that is not data, a character at a time. */
static bool chunk_char(struct http_chunks *chunks, char c)
{
    switch ((enum chunk_state)chunks->state) {
    case CHUNK_SIZE:
        return chunk_size_char(chunks, c);
    case CHUNK_EXTENSION:
        if (c == '\r')
            chunks->state = CHUNK_SIZE_LF;
        return c != '\n' && ++chunks->noise_bytes <= CHUNK_NOISE_BYTES_MAX;
    case CHUNK_SIZE_LF:
        chunks->state = chunks->left_bytes > 0 ? CHUNK_DATA : CHUNK_TRAILER;
        return c == '\n';
    case CHUNK_DATA_CR:
        chunks->state = CHUNK_DATA_LF;
        return c == '\r';
    case CHUNK_DATA_LF:
        chunks->state = CHUNK_SIZE;
        chunks->digit_seen = false;
        return c == '\n';
    case CHUNK_TRAILER:
        chunks->state = c == '\r' ? CHUNK_LAST_LF : CHUNK_TRAILER_LINE;
        return c != '\n' && ++chunks->noise_bytes <= CHUNK_NOISE_BYTES_MAX;
    case CHUNK_TRAILER_LINE:
        if (c == '\r')
            chunks->state = CHUNK_TRAILER_LF;
        return c != '\n' && ++chunks->noise_bytes <= CHUNK_NOISE_BYTES_MAX;
    case CHUNK_TRAILER_LF:
        chunks->state = CHUNK_TRAILER;
        return c == '\n';
    case CHUNK_LAST_LF:
        chunks->state = CHUNK_OVER;
        return c == '\n';
    case CHUNK_DATA:
    case CHUNK_OVER:
        break;
    }
    return false;
}

enum http_chunk http_chunks_next(struct http_chunks *chunks, const char **cursor, const char *end,
                                 struct span *out_data)
{
    while (*cursor < end) {
        if (chunks->state == CHUNK_DATA) {
            size_t size = (size_t)(end - *cursor);
            if (size > chunks->left_bytes)
                size = (size_t)chunks->left_bytes;
            *out_data = (struct span){*cursor, size};
            *cursor += size;
            chunks->left_bytes -= size;
            if (chunks->left_bytes == 0)
                chunks->state = CHUNK_DATA_CR;
            return HTTP_CHUNK_DATA;
        }
        if (!chunk_char(chunks, *(*cursor)++))
            return HTTP_CHUNK_BAD;
        if (chunks->state == CHUNK_OVER)
            return HTTP_CHUNK_END;
    }
    return HTTP_CHUNK_MORE;
}
