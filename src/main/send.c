// SPDX-License-Identifier: Apache-2.0
/*
 * send.c - see send.h.
 *
 * One thread: while requests are on their way (send_flight.h) the next body is cut from the
 * input (send_input.h), so that a connection that becomes free never waits for the disk. With one
 * connection, which is the default, events arrive in the order of the input.
 */
#include "main/send.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "main/cli_args.h"
#include "main/client.h"
#include "main/send_csv.h"
#include "main/send_flight.h"
#include "main/send_input.h"
#include "main/send_report.h"
#include "main/text.h"

#define BATCH_BYTES_MAX (64u << 20)
#define WAIT_MS_MAX 100
/* How many batches a second --rate aims at, so that it flows and does not gush. */
#define RATE_BATCHES_PER_S 20

struct send_options {
    const char *url;
    const char *stream;
    const char *format;
    const char *rejects;
    uint64_t batch_bytes;
    uint64_t connections;
    uint64_t rate;
    uint64_t total;
    uint64_t retries;
    bool quiet;
    struct cli_list file;
};

#define OPTION(name, kind, field, value, help)                                                     \
    {                                                                                              \
        name, kind, offsetof(struct send_options, field), value, help                              \
    }

static const struct cli_option send_options[] = {
    OPTION("stream", CLI_TEXT, stream, "NAME", "the stream to send to (needed)"),
    OPTION("format", CLI_TEXT, format, "FORMAT",
           "ndjson, csv or auto, which goes by the file's ending, then by its first byte (auto)"),
    OPTION("batch-bytes", CLI_BYTES, batch_bytes, "SIZE", "about this much in a request (1MiB)"),
    OPTION("connections", CLI_COUNT, connections, "N",
           "requests at once; more than one does not keep the order of events (1)"),
    OPTION("rate", CLI_COUNT, rate, "N", "at most N events a second"),
    OPTION("total", CLI_COUNT, total, "N",
           "how many events there will be, for the bar, where the input is a pipe"),
    OPTION("retries", CLI_COUNT, retries, "N", "tries after a failed one before giving up (10)"),
    OPTION("rejects", CLI_TEXT, rejects, "FILE",
           "write every rejected row as {\"line\", \"reason\", \"row\"}, one a line"),
    OPTION("quiet", CLI_FLAG, quiet, NULL, "no progress, only the summary"),
    OPTION("url", CLI_TEXT, url, "URL", "the server (" CLIENT_URL_DEFAULT ")"),
};

static int send_run(int argc, char **argv);

const struct cli_command send_command = {
    .name = "send",
    .summary = "send events from a file or a pipe to a stream",
    .arguments = "FILE|-",
    .about =
        "Sends NDJSON (one JSON object a line) or CSV to a stream. CSV begins with a header line "
        "that names fields; cells are typed by the stream's definition, and an empty cell is a "
        "field that is not there. Progress goes to stderr: a bar on a terminal, a line every few "
        "seconds otherwise. The summary on stdout tells what was accepted and why rows were "
        "rejected, with their lines in the input.\n"
        "What fails on the way (no connection, a broken one, 429, 503) is tried again with "
        "growing pauses. Batches are numbered (Tallywheel-Producer, Tallywheel-Sequence), so one "
        "that is sent again, because its connection broke before the answer came, counts once: "
        "what the server had taken of it is among the duplicates.",
    .examples = "tallywheel send --stream plays plays.ndjson\n"
                "zcat plays.csv.gz | tallywheel send --stream plays --format csv -\n"
                "tail -f plays.ndjson | tallywheel send --stream plays -\n"
                "tallywheel send --stream plays --rate 10k --rejects bad.ndjson plays.ndjson",
    .options = send_options,
    .option_count = sizeof(send_options) / sizeof(send_options[0]),
    .arguments_min = 1,
    .arguments_max = 1,
    .arguments_offset = offsetof(struct send_options, file),
    .run = send_run,
};

/* Everything that one run of the command holds. */
struct send {
    struct send_options options;
    enum send_format format;
    struct client client;
    struct send_fields fields;
    struct send_input input;
    struct send_tally tally;
    struct send_flight *flight;
    struct send_progress progress;
    struct send_batch batch; /* the next one */
    bool batch_full;
    uint64_t next_ns; /* with --rate: not before this */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static uint64_t now_ns(void)
{
    return clock_mono_ns(&clock_system);
}

static int check_options(struct send *send, struct err *err)
{
    const struct send_options *options = &send->options;

    if (options->stream == NULL)
        return err_set(err, ERR_INVALID,
                       "--stream NAME is missing; `tallywheel get streams` "
                       "lists them");
    if (options->format == NULL || strcmp(options->format, "auto") == 0)
        send->format = SEND_AUTO;
    else if (strcmp(options->format, "ndjson") == 0)
        send->format = SEND_NDJSON;
    else if (strcmp(options->format, "csv") == 0)
        send->format = SEND_CSV;
    else
        return err_set(err, ERR_INVALID, "--format %s: expected ndjson, csv or auto",
                       options->format);
    if (options->connections < 1 || options->connections > SEND_CONNECTIONS_MAX)
        return err_set(err, ERR_INVALID, "--connections: expected 1 to %d", SEND_CONNECTIONS_MAX);
    if (options->batch_bytes < 1 || options->batch_bytes > BATCH_BYTES_MAX)
        return err_set(err, ERR_INVALID, "--batch-bytes: expected at most %u MiB",
                       BATCH_BYTES_MAX >> 20);
    return 0;
}

static enum field_type type_of(const char *text)
{
    static const struct {
        const char *text;
        enum field_type type;
    } types[] = {
        {"int", FIELD_INT}, {"float", FIELD_FLOAT}, {"bool", FIELD_BOOL}, {"time", FIELD_TIME}};

    for (size_t i = 0; text != NULL && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(text, types[i].text) == 0)
            return types[i].type;
    }
    return FIELD_STRING;
}

static void read_fields(struct send *send, const json_t *definition)
{
    json_t *fields = json_object_get(definition, "fields"), *type;
    const char *name;

    json_object_foreach(fields, name, type)
    {
        struct field *field = &send->fields.items[send->fields.count];

        if (send->fields.count == STREAM_FIELDS_MAX)
            break;
        snprintf(field->name, sizeof(field->name), "%s", name);
        field->type = type_of(json_string_value(type));
        send->fields.count++;
    }
}

/* Asks for the stream's definition; waits for a server that is not up yet. */
static int find_stream(struct send *send, struct err *err)
{
    struct bytes path = {0};
    json_t *definition = NULL;
    int rc;

    bytes_put_text(&path, "/v1/streams/");
    client_put_escaped(&path, send->options.stream);
    for (uint64_t attempt = 0;; attempt++) {
        uint64_t wait_ms = send_flight_backoff_ms(attempt, (uint32_t)now_ns());

        rc = client_get_json(&send->client, bytes_text(&path), &definition, err);
        if (rc != ERR_UNAVAILABLE || attempt >= send->options.retries || interrupted)
            break;
        fprintf(stderr, "tallywheel send: %s (retry %llu of %llu in %.1f s)\n", err->text,
                (unsigned long long)attempt + 1, (unsigned long long)send->options.retries,
                (double)wait_ms / 1000);
        usleep((useconds_t)wait_ms * 1000);
    }
    bytes_done(&path);
    if (rc < 0)
        return rc;
    read_fields(send, definition);
    json_decref(definition);
    return 0;
}

static int open_csv(struct send *send, struct err *err)
{
    struct send_input *input = &send->input;
    struct bytes unknown = {0};
    struct span data = {input->buffer.data + input->begin, input->buffer.size - input->begin};
    size_t taken = 0;
    int rc = send_csv_open(&input->csv, data, input->ended, &send->fields, &taken, &input->line,
                           &unknown, err);

    input->begin += taken;
    input->long_line = rc == 0 && input->csv == NULL && data.size >= input->batch_bytes;
    if (rc == 0 && input->long_line && data.size > SEND_LINE_BYTES_MAX)
        rc = err_set(err, ERR_INVALID, "the header line is longer than %u MiB",
                     SEND_LINE_BYTES_MAX >> 20);
    bytes_reserve(&unknown, 1); /* also an empty list begins somewhere */
    for (char *name = unknown.data, *end; rc == 0 && name < unknown.data + unknown.size;
         name = end + 1) {
        end = memchr(name, '\n', (size_t)(unknown.data + unknown.size - name));
        fprintf(stderr,
                "tallywheel send: column \"%.*s\" is no field of stream %s and is not "
                "sent\n",
                (int)(end - name), name, send->options.stream);
    }
    bytes_done(&unknown);
    return rc;
}

static uint32_t lines_at_once(const struct send *send)
{
    uint64_t lines = send->options.rate / RATE_BATCHES_PER_S;

    if (send->options.rate == 0 || lines > UINT32_MAX)
        return UINT32_MAX;
    return lines > 0 ? (uint32_t)lines : 1;
}

/*
 * Reads on and, if a body is full, or the input has paused and a connection is free, cuts it.
 */
static int prepare(struct send *send, struct err *err)
{
    struct send_input *input = &send->input;
    bool csv_header;
    int rc = 1;

    while (send_input_wants(input) && send_input_readable(input)) {
        rc = send_input_read(input, err);
        if (rc < 0)
            return rc;
    }
    if (!input->ended && send_input_wants(input) && !send_flight_ready(send->flight))
        return 0;
    csv_header = input->started && input->format == SEND_CSV && input->csv == NULL;
    if (csv_header) {
        rc = open_csv(send, err);
        if (rc < 0 || input->csv == NULL)
            return rc;
    }
    rc = send_input_take(input, lines_at_once(send), &send->batch, &send->tally, err);
    if (rc <= 0)
        return rc;
    send->batch_full = send->batch.line_count > 0;
    if (!send->batch_full) /* only blank or senseless records */
        send->tally.input_bytes += send->batch.input_bytes;
    return 0;
}

static bool input_is_done(const struct send *send)
{
    return !send->batch_full &&
           (interrupted || (send->input.ended && send->input.begin == send->input.buffer.size));
}

/* Starts what may be started; the milliseconds that the next poll may take. */
static uint32_t start_batch(struct send *send)
{
    uint64_t now = now_ns();
    uint64_t lines = send->batch.line_count;

    if (!send->batch_full || !send_flight_ready(send->flight))
        return WAIT_MS_MAX;
    if (send->options.rate > 0) {
        if (now < send->next_ns) {
            uint64_t wait_ms = (send->next_ns - now) / 1000000 + 1;
            return wait_ms < WAIT_MS_MAX ? (uint32_t)wait_ms : WAIT_MS_MAX;
        }
        /* Time lost to a slow server is not caught up with in one gush. */
        if (now - send->next_ns > 200000000)
            send->next_ns = now;
        send->next_ns += lines * 1000000000 / send->options.rate;
    }
    send->batch_full = false;
    send_flight_start(send->flight, &send->batch);
    return 0;
}

/* The loop: until all was answered, or something stops it. */
static int pump(struct send *send, struct err *err)
{
    struct err failure = {0};
    int rc;

    for (;;) {
        bool failed = failure.code != 0;
        uint32_t wait_ms = WAIT_MS_MAX;
        int input_fd = -1;

        if (!failed && !send->batch_full && !input_is_done(send)) {
            rc = prepare(send, &failure);
            failed = rc < 0;
        }
        if (interrupted)
            send_flight_give_up(send->flight);
        if (!failed && !interrupted)
            wait_ms = start_batch(send);
        if ((failed || interrupted || input_is_done(send)) && send_flight_busy(send->flight) == 0)
            break;
        if (!failed && !send->batch_full && !input_is_done(send)) {
            if (!send_input_wants(&send->input) || send->input.regular)
                wait_ms = 0;
            else if (!send->input.ended)
                input_fd = send->input.fd;
        }
        rc = send_flight_poll(send->flight, input_fd, wait_ms, err);
        if (rc < 0 && !failed)
            failure = *err;
        if (!send->options.quiet)
            send_report_tick(&send->progress, &send->tally, now_ns());
    }
    *err = failure;
    return failure.code;
}

/* The line of the input from which on, at the latest, nothing was sent. */
static unsigned long long unsent_line(const struct send *send)
{
    uint64_t failed = send_flight_failed_line(send->flight);

    if (failed > 0)
        return failed;
    return send->batch_full ? send->batch.first_line : send->input.line;
}

static void print_summary(struct send *send, int rc, const struct err *err)
{
    struct bytes text = {0};

    if (!send->options.quiet)
        send_report_end(&send->progress);
    if (rc == 0 || send->tally.lines > 0) {
        send_report_put_summary(&send->progress, &send->tally, now_ns(), &text);
        text_print(&text);
        fflush(stdout);
    }
    bytes_done(&text);
    if (rc < 0 && unsent_line(send) > 1)
        fprintf(stderr, "tallywheel send: %s; not sent: line %llu of the input and on\n", err->text,
                unsent_line(send));
    else if (rc < 0)
        fprintf(stderr, "tallywheel send: %s\n", err->text);
    else if (interrupted)
        fprintf(stderr, "tallywheel send: interrupted; not sent: line %llu of the input and on\n",
                unsent_line(send));
}

static void catch_signals(void)
{
    /* The second Ctrl-C ends it at once. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    struct sigaction ignoring = {.sa_handler = SIG_IGN};

    interrupted = 0;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGPIPE, &ignoring, NULL);
}

/* Opens all parts; negative with everything still to be closed. */
static int open_parts(struct send *send, struct bytes *url, struct err *err)
{
    struct send_flight_options flight = {0};
    int rc = send_input_open(&send->input, send->options.file.items[0], send->format,
                             (size_t)send->options.batch_bytes, err);

    if (rc == 0)
        rc = send_report_open(&send->tally, send->options.rejects, err);
    if (rc == 0)
        rc = find_stream(send, err);
    if (rc < 0)
        return rc;
    bytes_format(url, "%s/v1/streams/", send->client.url.data);
    client_put_escaped(url, send->options.stream);
    bytes_put_text(url, "/events");
    flight.server = send->client.url.data;
    flight.url = bytes_text(url);
    flight.connections = (uint32_t)send->options.connections;
    flight.retries = send->options.retries;
    return send_flight_open(&send->flight, &flight, &send->tally, err);
}

static int exit_code(const struct send *send, int rc)
{
    if (interrupted)
        return CLI_INTERRUPTED;
    if (rc < 0)
        return CLI_UNREACHABLE;
    return send->tally.rejected > 0 ? CLI_REFUSED : CLI_DONE;
}

static int run_parts(struct send *send)
{
    struct bytes url = {0};
    struct err err = {0}, late_err = {0};
    int rc, code;

    catch_signals();
    rc = open_parts(send, &url, &err);
    if (rc < 0) {
        fprintf(stderr, "tallywheel send: %s\n", err.text);
    } else {
        send->progress.stream = send->options.stream;
        send->progress.lines_total = send->options.total;
        send->progress.bytes_total = send->input.size;
        send_report_start(&send->progress, now_ns());
        rc = pump(send, &err);
        print_summary(send, rc, &err);
    }
    code = exit_code(send, rc);
    send_flight_close(send->flight);
    send_batch_done(&send->batch);
    send_input_close(&send->input);
    if (send_report_close(&send->tally, &late_err) < 0) {
        fprintf(stderr, "tallywheel send: %s\n", late_err.text);
        code = CLI_UNREACHABLE;
    }
    bytes_done(&url);
    return code;
}

static int send_run(int argc, char **argv)
{
    struct send send = {
        .options = {.batch_bytes = 1 << 20, .connections = 1, .retries = 10},
        .input = {.fd = -1},
    };
    struct err err = {0};
    int rc = cli_args_parse(&send_command, argc, argv, &send.options, &err);

    if (rc == 0)
        rc = check_options(&send, &err);
    if (rc == 0)
        rc = client_open(&send.client, send.options.url, &err);
    rc = rc < 0 ? cli_args_fail(&send_command, &err) : run_parts(&send);
    client_close(&send.client);
    return rc;
}
