// SPDX-License-Identifier: Apache-2.0
/*
 * top.c - see top.h.
 *
 * Watches the board's topic on /v1/live as server-sent events and redraws the alternate screen
 * when something changed, at most ten times a second. A lost connection keeps the rows, dimmed,
 * and comes back by itself with the id of the last event, so that nothing is missed.
 */
#include "main/top.h"

#include <curl/curl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "main/cli_args.h"
#include "main/text.h"
#include "main/client.h"
#include "main/top_view.h"

#define DRAW_NS 100000000ull
#define RETRY_S_MAX 10
#define SILENT_S_MAX 40L /* the server says something every 15 s */
#define SEGMENT_BYTES_MAX 256
#define KEY_BYTES_MAX 128

struct top_options {
    const char *url;
    const char *ranks;
    const char *season;
    uint64_t n;
    bool once;
    bool json;
    struct cli_list by;
    struct cli_list board;
};

#define OPTION(name, kind, field, value, help)                                                     \
    {                                                                                              \
        name, kind, offsetof(struct top_options, field), value, help                               \
    }

static const struct cli_option top_options[] = {
    OPTION("n", CLI_COUNT, n, "N", "how many rows (what fits; 20 outside a terminal)"),
    OPTION("by", CLI_LIST, by, "LABEL=VALUE",
           "which segment of a board that is split; once for each of its labels"),
    OPTION("ranks", CLI_TEXT, ranks, "HOW",
           "what equal scores get: ordinal 1234, competition 1224, dense 1223 (ordinal)"),
    OPTION("season", CLI_TEXT, season, "START",
           "the season that begins then, as 2026-11-01 or in ms (the current one)"),
    OPTION("once", CLI_FLAG, once, NULL, "print the table once and end"),
    OPTION("json", CLI_FLAG, json, NULL, "the server's answer as JSON, once"),
    OPTION("url", CLI_TEXT, url, "URL", "the server (" CLIENT_URL_DEFAULT ")"),
};

static int top_run(int argc, char **argv);

const struct cli_command top_command = {
    .name = "top",
    .summary = "watch a board live, or print it once",
    .arguments = "BOARD",
    .about =
        "Shows the best of a board and redraws it in place as it changes: arrows show ranks won "
        "and lost, signed numbers show what scores gained, both for five seconds. q or Ctrl-C "
        "leaves. A lost connection is said below the rows and comes back by itself. Outside a "
        "terminal, or with --once, it prints a plain table.",
    .examples = "tallywheel top season\n"
                "tallywheel top federations --by federation=NOR --n 10\n"
                "tallywheel top season --once --n 100 > top.txt",
    .options = top_options,
    .option_count = sizeof(top_options) / sizeof(top_options[0]),
    .arguments_min = 1,
    .arguments_max = 1,
    .arguments_offset = offsetof(struct top_options, board),
    .run = top_run,
};

void top_sse_done(struct top_sse *sse)
{
    bytes_done(&sse->line);
    bytes_done(&sse->data);
    bytes_done(&sse->id);
}

void top_sse_restart(struct top_sse *sse)
{
    bytes_clear(&sse->line);
    bytes_clear(&sse->data);
    sse->has_data = false;
    sse->after_cr = false;
}

static void on_field(struct top_sse *sse, struct span name, struct span value)
{
    if (span_equal(name, SPAN_LITERAL("data"))) {
        if (sse->has_data)
            bytes_put_char(&sse->data, '\n');
        bytes_put(&sse->data, value.data, value.size);
        sse->has_data = true;
    } else if (span_equal(name, SPAN_LITERAL("id")) &&
               (value.size == 0 || memchr(value.data, '\0', value.size) == NULL)) {
        bytes_clear(&sse->id);
        bytes_put(&sse->id, value.data, value.size);
    }
}

static void on_line(struct top_sse *sse)
{
    struct span line = bytes_span(&sse->line);
    struct span value = SPAN_LITERAL("");
    const char *colon;

    if (line.size == 0) {
        if (sse->has_data)
            sse->on_event(sse->context, bytes_span(&sse->data));
        bytes_clear(&sse->data);
        sse->has_data = false;
        return;
    }
    colon = memchr(line.data, ':', line.size);
    if (colon == line.data)
        return; /* a comment */
    if (colon != NULL) {
        value = (struct span){colon + 1, line.size - (size_t)(colon + 1 - line.data)};
        line.size = (size_t)(colon - line.data);
        if (value.size > 0 && value.data[0] == ' ') {
            value.data++;
            value.size--;
        }
    }
    on_field(sse, line, value);
}

bool top_sse_feed(struct top_sse *sse, struct span bytes)
{
    const char *at = bytes.data, *end = at + bytes.size;

    while (at < end) {
        const char *stop = at;

        if (sse->after_cr && *at == '\n') {
            sse->after_cr = false;
            at++;
            continue;
        }
        sse->after_cr = false;
        while (stop < end && *stop != '\n' && *stop != '\r')
            stop++;
        bytes_put(&sse->line, at, (size_t)(stop - at));
        if (sse->line.size + sse->data.size > TOP_SSE_BYTES_MAX)
            return false;
        if (stop < end) {
            sse->after_cr = *stop == '\r';
            on_line(sse);
            bytes_clear(&sse->line);
            stop++;
        }
        at = stop;
    }
    return true;
}

/* Everything that a live board holds. */
struct top {
    struct client client;
    struct bytes url; /* of /v1/live with the topic */
    char segment[SEGMENT_BYTES_MAX];
    struct top_view view;
    struct top_sse sse;
    CURLM *multi;
    CURL *curl; /* NULL: no connection */
    struct curl_slist *headers;
    struct bytes error_body; /* of an answer that is no event stream */
    uint32_t attempt;        /* tries that failed in a row */
    bool changed;            /* since the last drawing */
    uint64_t drawn_ns;
    struct err fatal; /* code 0: none */
};

static volatile sig_atomic_t leave, resized;
static struct termios terminal_before;

static void on_leave(int number)
{
    (void)number;
    leave = 1;
}

static void on_resize(int number)
{
    (void)number;
    resized = 1;
}

static uint64_t now_ns(void)
{
    return clock_mono_ns(&clock_system);
}

/* "boards/B/top?n=20&by.region=EU", and the segment as words for the title. */
static int build_topic(const struct top_options *options, uint64_t n, struct bytes *topic,
                       char *out_segment, struct err *err)
{
    size_t used = 0;

    bytes_put_text(topic, "boards/");
    client_put_escaped(topic, options->board.items[0]);
    bytes_format(topic, "/top?n=%llu", (unsigned long long)n);
    if (options->ranks != NULL) {
        bytes_put_text(topic, "&ranks=");
        client_put_escaped(topic, options->ranks);
    }
    if (options->season != NULL) {
        bytes_put_text(topic, "&season=");
        client_put_escaped(topic, options->season);
    }
    out_segment[0] = '\0';
    for (uint32_t i = 0; i < options->by.count; i++) {
        char key[KEY_BYTES_MAX];
        const char *value;

        if (!cli_args_pair(options->by.items[i], key, sizeof(key), &value))
            return err_set(err, ERR_INVALID, "--by %s: expected LABEL=VALUE", options->by.items[i]);
        bytes_put_text(topic, "&by.");
        client_put_escaped(topic, key);
        bytes_put_char(topic, '=');
        client_put_escaped(topic, value);
        if (used < SEGMENT_BYTES_MAX)
            used += (size_t)snprintf(out_segment + used, SEGMENT_BYTES_MAX - used, "%s%s",
                                     i > 0 ? "  " : "", options->by.items[i]);
    }
    return 0;
}

static void put_heading(const struct top_options *options, const char *segment,
                        const json_t *answer, struct bytes *out)
{
    text_put_clean(out, span_of(options->board.items[0]));
    if (segment[0] != '\0') {
        bytes_put_text(out, "  ");
        text_put_clean(out, span_of(segment));
    }
    bytes_put_text(out, "  (");
    text_put_grouped(out, json_integer_value(json_object_get(answer, "size")));
    bytes_put_text(out, " members)\n");
}

static int print_once(struct top *top, const struct top_options *options, const char *topic)
{
    struct bytes path = {0}, body = {0}, out = {0};
    struct err err = {0};
    json_t *answer = NULL;
    int rc;

    bytes_format(&path, "/v1/%s", topic);
    rc = client_get(&top->client, bytes_text(&path), &body, &err);
    if (rc == 0) {
        answer = json_loadb(body.size > 0 ? body.data : "", body.size, 0, NULL);
        if (!json_is_array(json_object_get(answer, "entries")))
            rc = err_set(&err, ERR_INTERNAL, "the answer is no board; is %s a Tallywheel server?",
                         top->client.url.data);
    }
    if (rc < 0) {
        fprintf(stderr, "tallywheel top: %s\n", err.text);
        rc = client_exit(&err);
    } else if (options->json) {
        text_put_json(&out, bytes_span(&body));
    } else {
        put_heading(options, top->segment, answer, &out);
        top_view_put_table(answer, text_has_colour(STDOUT_FILENO), &out);
    }
    text_print(&out);
    json_decref(answer);
    bytes_done(&path);
    bytes_done(&body);
    bytes_done(&out);
    return rc;
}

static void on_event(void *context, struct span data)
{
    struct top *top = context;
    json_t *message = json_loadb(data.data != NULL ? data.data : "", data.size, 0, NULL);

    top->attempt = 0;
    top->view.state = TOP_LIVE;
    top->changed = true;
    if (top->fatal.code == 0)
        (void)top_view_apply(&top->view, message, now_ns(), &top->fatal);
    json_decref(message);
}

static size_t on_bytes(char *data, size_t size, size_t count, void *context)
{
    struct top *top = context;
    struct span span = {data, size * count};
    long status = 0;

    curl_easy_getinfo(top->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return client_collect(data, size, count, &top->error_body);
    return top_sse_feed(&top->sse, span) ? span.size : 0;
}

static void disconnect(struct top *top)
{
    if (top->curl != NULL) {
        curl_multi_remove_handle(top->multi, top->curl);
        curl_easy_cleanup(top->curl);
    }
    curl_slist_free_all(top->headers);
    top->curl = NULL;
    top->headers = NULL;
}

static void connect_live(struct top *top)
{
    struct bytes header = {0};

    disconnect(top);
    top_sse_restart(&top->sse);
    bytes_clear(&top->error_body);
    top->headers = curl_slist_append(NULL, "Accept: text/event-stream");
    if (top->sse.id.size > 0) {
        bytes_format(&header, "Last-Event-ID: %s", bytes_text(&top->sse.id));
        top->headers = curl_slist_append(top->headers, bytes_text(&header));
        bytes_done(&header);
    }
    top->curl = curl_easy_init();
    if (top->curl == NULL) {
        err_set(&top->fatal, ERR_MEMORY, "cannot set up the HTTP client");
        return;
    }
    client_set_common(top->curl, bytes_text(&top->url));
    curl_easy_setopt(top->curl, CURLOPT_HTTPHEADER, top->headers);
    curl_easy_setopt(top->curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(top->curl, CURLOPT_WRITEDATA, top);
    curl_easy_setopt(top->curl, CURLOPT_LOW_SPEED_TIME, SILENT_S_MAX);
    curl_multi_add_handle(top->multi, top->curl);
    top->changed = true;
}

/* The stream ended: for good if the request makes no sense, else until the next try. */
static void on_ended(struct top *top, CURLcode code)
{
    struct err err = {0};
    long status = 0, os_errno = 0;
    uint64_t now = now_ns(), wait_s;

    curl_easy_getinfo(top->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(top->curl, CURLINFO_OS_ERRNO, &os_errno);
    if (code == CURLE_OK && status != 200)
        client_error_answer(status, bytes_span(&top->error_body), &err);
    else if (code == CURLE_OK)
        err_set(&err, ERR_UNAVAILABLE, "the server ended the connection");
    else
        client_explain(top->client.url.data, (int)code, (int)os_errno, &err);
    disconnect(top);
    if (err.code != ERR_UNAVAILABLE && err.code != ERR_LIMIT) {
        top->fatal = err;
        return;
    }
    if (top->view.state == TOP_LIVE || !top->view.filled) {
        /* The first time that it fails there is nothing to keep on screen. */
        if (!top->view.filled && top->attempt == 0 && code == CURLE_COULDNT_CONNECT) {
            top->fatal = err;
            return;
        }
        top->view.lost_ns = now;
    }
    wait_s = 1u << (top->attempt < 4 ? top->attempt : 4);
    top->attempt++;
    top->view.retry_at_ns = now + (wait_s < RETRY_S_MAX ? wait_s : RETRY_S_MAX) * 1000000000;
    top->view.state = TOP_LOST;
    snprintf(top->view.trouble, sizeof(top->view.trouble), "%.250s", err.text);
    top->changed = true;
}

static void read_keys(void)
{
    char keys[64];
    ssize_t got = read(STDIN_FILENO, keys, sizeof(keys));

    for (ssize_t i = 0; i < got; i++) {
        if (keys[i] == 'q' || keys[i] == 'Q' || keys[i] == 3)
            leave = 1;
        if (keys[i] == 12) /* Ctrl-L */
            resized = 1;
        if (keys[i] == 27) /* an arrow or the like: not for us, nor is what follows */
            break;
    }
    if (got == 0)
        leave = 1;
}

static void draw(struct top *top)
{
    struct bytes out = {0};
    uint32_t columns, rows;

    text_terminal_size(STDOUT_FILENO, &columns, &rows);
    if (resized)
        bytes_put_text(&out, "\033[2J");
    resized = 0;
    top_view_draw(&top->view, columns, rows, text_has_colour(STDOUT_FILENO), now_ns(), &out);
    for (size_t done = 0; done < out.size;) {
        ssize_t put = write(STDOUT_FILENO, out.data + done, out.size - done);
        if (put < 0) {
            leave = 1;
            break;
        }
        done += (size_t)put;
    }
    bytes_done(&out);
    top->changed = false;
    top->drawn_ns = now_ns();
}

static void step(struct top *top)
{
    struct curl_waitfd keys = {.fd = STDIN_FILENO, .events = CURL_WAIT_POLLIN};
    uint64_t now = now_ns();
    CURLMsg *message;
    int running, left;

    if (top->curl == NULL && now >= top->view.retry_at_ns)
        connect_live(top);
    /* Countdowns and fading changes need a new picture now and then also without news. */
    if (resized || now - top->drawn_ns >= 5 * DRAW_NS ||
        (top->changed && now - top->drawn_ns >= DRAW_NS))
        draw(top);
    curl_multi_poll(top->multi, &keys, 1, (int)(DRAW_NS / 1000000), NULL);
    if (keys.revents != 0)
        read_keys();
    curl_multi_perform(top->multi, &running);
    while ((message = curl_multi_info_read(top->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE)
            on_ended(top, message->data.result);
    }
}

static void restore_terminal(void)
{
    static const char back[] = "\033[?25h\033[?1049l";

    (void)!write(STDOUT_FILENO, back, sizeof(back) - 1);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal_before);
}

/* Keys come one by one and unseen; the screen is another one, without a cursor. */
static void take_terminal(void)
{
    static const char begin[] = "\033[?1049h\033[?25l\033[2J";
    struct sigaction leaving = {.sa_handler = on_leave}, resizing = {.sa_handler = on_resize};
    struct sigaction ignoring = {.sa_handler = SIG_IGN};
    struct termios raw;

    leave = 0;
    sigaction(SIGINT, &leaving, NULL);
    sigaction(SIGTERM, &leaving, NULL);
    sigaction(SIGHUP, &leaving, NULL);
    sigaction(SIGWINCH, &resizing, NULL);
    sigaction(SIGPIPE, &ignoring, NULL);
    tcgetattr(STDIN_FILENO, &terminal_before);
    raw = terminal_before;
    raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* stopped here, the shell would have our screen */
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    (void)!write(STDOUT_FILENO, begin, sizeof(begin) - 1);
}

static int watch(struct top *top, const char *topic)
{
    bytes_format(&top->url, "%s/v1/live?topic=", top->client.url.data);
    client_put_escaped(&top->url, topic);
    top->sse = (struct top_sse){.on_event = on_event, .context = top};
    top->multi = curl_multi_init();
    take_terminal();
    while (!leave && top->fatal.code == 0)
        step(top);
    restore_terminal();
    disconnect(top);
    curl_multi_cleanup(top->multi);
    top_sse_done(&top->sse);
    top_view_done(&top->view);
    bytes_done(&top->error_body);
    if (top->fatal.code == 0)
        return CLI_DONE;
    fprintf(stderr, "tallywheel top: %s\n", top->fatal.text);
    return client_exit(&top->fatal);
}

static bool is_ranks(const char *text)
{
    return strcmp(text, "ordinal") == 0 || strcmp(text, "competition") == 0 ||
           strcmp(text, "dense") == 0;
}

static int top_run(int argc, char **argv)
{
    struct top_options options = {0};
    struct top top = {0};
    struct bytes topic = {0};
    struct err err = {0};
    bool live;
    int rc = cli_args_parse(&top_command, argc, argv, &options, &err);

    live = !options.once && !options.json && text_is_terminal(STDOUT_FILENO) &&
           isatty(STDIN_FILENO) == 1;
    if (rc == 0 && options.ranks != NULL && !is_ranks(options.ranks))
        rc = err_set(&err, ERR_INVALID, "--ranks %s: expected ordinal, competition or dense",
                     options.ranks);
    if (options.n == 0)
        options.n = live ? TOP_ROWS_MAX / 2 : 20;
    if (live && options.n > TOP_ROWS_MAX)
        options.n = TOP_ROWS_MAX;
    if (rc == 0)
        rc = build_topic(&options, options.n, &topic, top.segment, &err);
    if (rc == 0)
        rc = client_open(&top.client, options.url, &err);
    if (rc < 0) {
        rc = cli_args_fail(&top_command, &err);
    } else if (live) {
        top.view.board = options.board.items[0];
        top.view.segment = top.segment;
        top.view.rows_max = (uint32_t)options.n;
        rc = watch(&top, bytes_text(&topic));
    } else {
        rc = print_once(&top, &options, bytes_text(&topic));
    }
    client_close(&top.client);
    bytes_done(&top.url);
    bytes_done(&topic);
    return rc;
}
