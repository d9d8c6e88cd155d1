// SPDX-License-Identifier: Apache-2.0
/* send_input.c - see send_input.h. */
#include "main/send_input.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "main/send_csv.h"
#include "main/send_report.h"

void send_batch_done(struct send_batch *batch)
{
    bytes_done(&batch->body);
    bytes_done(&batch->lines);
    *batch = (struct send_batch){0};
}

uint64_t send_batch_line(const struct send_batch *batch, uint64_t n, struct span *out_text)
{
    const char *at = batch->body.data, *end = at + batch->body.size, *stop;
    uint32_t delta = (uint32_t)(n - 1);

    *out_text = SPAN_LITERAL("");
    if (n == 0 || n > batch->line_count)
        return batch->first_line;
    for (uint64_t i = 1; i < n; i++)
        at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
    stop = memchr(at, '\n', (size_t)(end - at));
    *out_text = (struct span){at, (size_t)(stop - at)};
    if (batch->lines.size > 0)
        memcpy(&delta, batch->lines.data + (n - 1) * sizeof(delta), sizeof(delta));
    return batch->first_line + delta;
}

static enum send_format format_of_name(const char *path)
{
    const char *dot = strrchr(path, '.');

    if (dot == NULL)
        return SEND_AUTO;
    if (strcasecmp(dot, ".csv") == 0 || strcasecmp(dot, ".tsv") == 0)
        return SEND_CSV;
    if (strcasecmp(dot, ".ndjson") == 0 || strcasecmp(dot, ".jsonl") == 0)
        return SEND_NDJSON;
    return SEND_AUTO;
}

int send_input_open(struct send_input *input, const char *path, enum send_format format,
                    size_t batch_bytes, struct err *err)
{
    struct stat stat;
    bool standard = strcmp(path, "-") == 0;

    *input = (struct send_input){.fd = -1, .batch_bytes = batch_bytes, .line = 1};
    input->format = format == SEND_AUTO && !standard ? format_of_name(path) : format;
    input->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (input->fd < 0 || fstat(input->fd, &stat) != 0)
        return err_set_errno(err, errno, "cannot read %s", path);
    if (S_ISDIR(stat.st_mode))
        return err_set(err, ERR_IO, "cannot read %s: it is a folder", path);
    input->regular = S_ISREG(stat.st_mode);
    if (input->regular) {
        off_t at = lseek(input->fd, 0, SEEK_CUR);
        input->size = (uint64_t)(stat.st_size > at && at > 0 ? stat.st_size - at : stat.st_size);
        (void)posix_fadvise(input->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    return 0;
}

void send_input_close(struct send_input *input)
{
    if (input->fd > STDIN_FILENO)
        close(input->fd);
    input->fd = -1;
    bytes_done(&input->buffer);
    send_csv_free(input->csv);
    input->csv = NULL;
}

bool send_input_readable(const struct send_input *input)
{
    struct pollfd wait = {.fd = input->fd, .events = POLLIN};

    return input->regular || poll(&wait, 1, 0) > 0;
}

bool send_input_wants(const struct send_input *input)
{
    size_t held = input->buffer.size - input->begin;

    return !input->ended && (held < input->batch_bytes || input->long_line);
}

/* Skips a byte order mark, tells CSV from NDJSON, refuses what is neither. */
static int look_at_start(struct send_input *input, struct err *err)
{
    const char *data = input->buffer.data;
    size_t size = input->buffer.size, at;

    if (size < 3 && !input->ended)
        return 0;
    input->started = true;
    if (size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
        input->begin = 3;
    if (size >= 2 && memcmp(data, "\x1f\x8b", 2) == 0)
        return err_set(err, ERR_INVALID,
                       "the input is compressed; use `zcat FILE | tallywheel "
                       "send ... -`");
    for (at = input->begin; at < size && strchr(" \t\r\n", data[at]) != NULL; at++)
        ;
    if (at < size && data[at] == '[' && input->format != SEND_CSV)
        return err_set(err, ERR_INVALID,
                       "the input is one JSON array, and send wants one object a "
                       "line; use `jq -c '.[]' FILE | tallywheel send ... -`");
    if (input->format == SEND_AUTO)
        input->format = at < size && data[at] != '{' ? SEND_CSV : SEND_NDJSON;
    return 0;
}

int send_input_read(struct send_input *input, struct err *err)
{
    struct bytes *buffer = &input->buffer;
    size_t held = buffer->size - input->begin;
    size_t want = held < input->batch_bytes ? 2 * input->batch_bytes - held : held;
    ssize_t got;

    if (input->begin > 0) {
        memmove(buffer->data, buffer->data + input->begin, held);
        buffer->size = held;
        input->begin = 0;
    }
    do {
        got = read(input->fd, bytes_reserve(buffer, want + 1), want);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_set_errno(err, errno, "cannot read the input");
    buffer->size += (size_t)got;
    if (got == 0) {
        input->ended = true;
        /* So that every line ends the same way; bytes_reserve left room for it. */
        if (buffer->size > 0 && buffer->data[buffer->size - 1] != '\n')
            bytes_put_char(buffer, '\n');
    }
    if (!input->started && look_at_start(input, err) < 0)
        return ERR_INVALID;
    return got > 0;
}

static uint32_t count_lines(const char *data, size_t size)
{
    uint32_t count = 0;

    for (size_t i = 0; i < size; i++)
        count += data[i] == '\n';
    return count;
}

/* Where the whole lines end that fit, 0 if there is none. */
static size_t whole_lines(const char *data, size_t held, size_t batch_bytes)
{
    const char *end = memrchr(data, '\n', held < batch_bytes ? held : batch_bytes);

    if (end == NULL && held > batch_bytes)
        end = memchr(data + batch_bytes, '\n', held - batch_bytes);
    return end != NULL ? (size_t)(end + 1 - data) : 0;
}

static size_t take_ndjson(struct send_input *input, uint32_t lines_max, struct send_batch *batch)
{
    const char *data = input->buffer.data + input->begin;
    size_t size = whole_lines(data, input->buffer.size - input->begin, input->batch_bytes);
    uint32_t count = count_lines(data, size);

    if (count > lines_max) {
        const char *at = data;
        for (uint32_t i = 0; i < lines_max; i++)
            at = (const char *)memchr(at, '\n', size) + 1;
        size = (size_t)(at - data);
        count = lines_max;
    }
    bytes_put(&batch->body, data, size);
    batch->first_line = input->line;
    batch->line_count = count;
    input->line += count;
    return size;
}

int send_input_take(struct send_input *input, uint32_t lines_max, struct send_batch *batch,
                    struct send_tally *tally, struct err *err)
{
    size_t held = input->buffer.size - input->begin;
    size_t taken = 0;

    bytes_clear(&batch->body);
    bytes_clear(&batch->lines);
    batch->line_count = 0;
    batch->first_line = input->line;
    if (held > 0 && input->started) {
        if (input->format == SEND_CSV) {
            struct span whole = {input->buffer.data + input->begin, held};
            taken = send_csv_take(input->csv, whole, input->ended, input->batch_bytes, lines_max,
                                  &input->line, batch, tally);
        } else {
            taken = take_ndjson(input, lines_max, batch);
        }
    }
    input->begin += taken;
    batch->input_bytes = taken;
    input->long_line = taken == 0 && held >= input->batch_bytes;
    if (input->long_line && held > SEND_LINE_BYTES_MAX)
        return err_set(err, ERR_TOO_LARGE, "line %llu of the input is longer than %u MiB",
                       (unsigned long long)input->line, SEND_LINE_BYTES_MAX >> 20);
    return taken > 0;
}
