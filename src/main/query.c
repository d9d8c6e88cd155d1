// SPDX-License-Identifier: Apache-2.0
/*
 * query.c - see query.h.
 */
#include "main/query.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "main/cli_args.h"
#include "main/client.h"
#include "main/text.h"

#define KEY_BYTES_MAX 128

struct query_options {
    const char *url;
    const char *start, *end, *step, *latest;
    struct cli_list by, where;
    bool json, csv;
    struct cli_list metric;
};

#define OPTION(name, kind, field, value, help)                                                     \
    {                                                                                              \
        name, kind, offsetof(struct query_options, field), value, help                             \
    }

static const struct cli_option query_options[] = {
    OPTION("start", CLI_TEXT, start, "TIME",
           "from here on: RFC 3339, milliseconds since 1970, or relative such as -5m"),
    OPTION("end", CLI_TEXT, end, "TIME", "up to here (now)"),
    OPTION("step", CLI_TEXT, step, "DURATION",
           "one point for this much time, such as 1m (the metric's own `every`)"),
    OPTION("latest", CLI_TEXT, latest, "N", "the newest N steps that hold data (60)"),
    OPTION("by", CLI_LIST, by, "LABELS", "one series for each value of these labels: region,mode"),
    OPTION("where", CLI_LIST, where, "LABEL=VALUE", "only with this label; may be repeated"),
    OPTION("json", CLI_FLAG, json, NULL, "the server's answer as JSON"),
    OPTION("csv", CLI_FLAG, csv, NULL, "time, labels, value and state as CSV"),
    OPTION("url", CLI_TEXT, url, "URL", "the server (" CLIENT_URL_DEFAULT ")"),
};

static int query_run(int argc, char **argv);
static int get_run(int argc, char **argv);

const struct cli_command query_command = {
    .name = "query",
    .summary = "print a metric as a table, JSON or CSV",
    .arguments = "METRIC",
    .about = "Prints the points of a metric, one row a point, oldest first. A value that can still "
             "change is marked with ~. Steps without data are no rows; a row with … says how many "
             "are missing between two points.",
    .examples = "tallywheel query plays_by_region --by region --latest 10\n"
                "tallywheel query plays_by_region --start -1h --step 5m --where region=EU\n"
                "tallywheel query plays_by_region --start 2026-01-01T00:00:00Z --csv > plays.csv",
    .options = query_options,
    .option_count = sizeof(query_options) / sizeof(query_options[0]),
    .arguments_min = 1,
    .arguments_max = 1,
    .arguments_offset = offsetof(struct query_options, metric),
    .run = query_run,
};

static void put_parameter(struct bytes *path, const char *name, const char *value)
{
    if (value == NULL)
        return;
    bytes_put_char(path, memchr(path->data, '?', path->size) == NULL ? '?' : '&');
    bytes_put_text(path, name);
    bytes_put_char(path, '=');
    client_put_escaped(path, value);
}

static int build_path(const struct query_options *options, struct bytes *path, struct err *err)
{
    struct bytes by = {0};

    bytes_put_text(path, "/v1/metrics/");
    client_put_escaped(path, options->metric.items[0]);
    put_parameter(path, "start", options->start);
    put_parameter(path, "end", options->end);
    put_parameter(path, "step", options->step);
    put_parameter(path, "latest", options->latest);
    for (uint32_t i = 0; i < options->by.count; i++)
        bytes_format(&by, "%s%s", i > 0 ? "," : "", options->by.items[i]);
    if (by.size > 0)
        put_parameter(path, "by", bytes_text(&by));
    bytes_done(&by);
    for (uint32_t i = 0; i < options->where.count; i++) {
        char key[KEY_BYTES_MAX];
        struct bytes name = {0};
        const char *value;

        if (!cli_args_pair(options->where.items[i], key, sizeof(key), &value))
            return err_set(err, ERR_INVALID, "--where %s: expected LABEL=VALUE",
                           options->where.items[i]);
        bytes_put_text(&name, "where.");
        client_put_escaped(&name, key);
        put_parameter(path, bytes_text(&name), value);
        bytes_done(&name);
    }
    return 0;
}

/* The names of the labels that the series have: those of the first. */
static uint32_t label_names(const json_t *series, const char **out_names)
{
    json_t *labels = json_object_get(json_array_get(series, 0), "labels");
    const char *name;
    json_t *value;
    uint32_t count = 0;

    json_object_foreach(labels, name, value)
    {
        if (count == TEXT_COLUMNS_MAX - 3)
            break;
        out_names[count++] = name;
    }
    return count;
}

static struct span label_value(const json_t *one, const char *name)
{
    const json_t *value = json_object_get(json_object_get(one, "labels"), name);

    if (!json_is_string(value))
        return SPAN_LITERAL("");
    return (struct span){json_string_value(value), json_string_length(value)};
}

/* A row that says that steps are missing: "… 3 steps without data". */
static void put_gap_row(struct text_table *table, int64_t missing, bool colour)
{
    bytes_format(&table->text, "%s\xe2\x80\xa6 %lld step%s without data%s", colour ? "\033[2m" : "",
                 (long long)missing, missing == 1 ? "" : "s", colour ? "\033[0m" : "");
    text_table_end_cell(table);
    for (uint32_t i = 1; i < table->column_count; i++)
        text_table_end_cell(table);
}

static void put_series_rows(struct text_table *table, const json_t *one, const char **names,
                            uint32_t label_count, int64_t step_ms, bool colour)
{
    const json_t *points = json_object_get(one, "points");
    int64_t before_ms = 0;

    for (size_t i = 0; i < json_array_size(points); i++) {
        const json_t *point = json_array_get(points, i);
        int64_t ms = json_integer_value(json_array_get(point, 0));
        const char *state = json_string_value(json_array_get(point, 2));

        if (i > 0 && step_ms > 0 && ms - before_ms > step_ms)
            put_gap_row(table, (ms - before_ms) / step_ms - 1, colour);
        before_ms = ms;
        text_put_time(&table->text, ms, step_ms, ' ');
        text_table_end_cell(table);
        for (uint32_t k = 0; k < label_count; k++)
            text_table_add(table, label_value(one, names[k]));
        text_put_number_short(&table->text, json_array_get(point, 1));
        text_table_end_cell(table);
        if (state != NULL && strcmp(state, "provisional") == 0)
            bytes_put_char(&table->text, '~');
        text_table_end_cell(table);
    }
}

void query_put_table(const struct json_t *answer, bool colour, struct bytes *out)
{
    const json_t *series = json_object_get(answer, "series");
    const char *names[TEXT_COLUMNS_MAX];
    uint32_t label_count = label_names(series, names);
    struct text_table table = {.column_count = label_count + 3};
    const char *metric = json_string_value(json_object_get(answer, "metric"));
    int64_t step_ms = json_integer_value(json_object_get(answer, "step_ms"));

    table.right[label_count + 1] = true;
    text_table_add(&table, SPAN_LITERAL("time (UTC)"));
    for (uint32_t i = 0; i < label_count; i++)
        text_table_add(&table, span_of(names[i]));
    text_table_add(&table, span_of(metric != NULL ? metric : "value"));
    text_table_add(&table, SPAN_LITERAL(""));
    for (size_t i = 0; i < json_array_size(series); i++)
        put_series_rows(&table, json_array_get(series, i), names, label_count, step_ms, colour);
    text_table_print(&table, colour, out);
    text_table_done(&table);
}

void query_put_csv(const struct json_t *answer, struct bytes *out)
{
    const json_t *series = json_object_get(answer, "series");
    const char *names[TEXT_COLUMNS_MAX];
    uint32_t label_count = label_names(series, names);

    bytes_put_text(out, "time");
    for (uint32_t i = 0; i < label_count; i++) {
        bytes_put_char(out, ',');
        text_put_csv(out, span_of(names[i]));
    }
    bytes_put_text(out, ",value,state\r\n");
    for (size_t i = 0; i < json_array_size(series); i++) {
        const json_t *one = json_array_get(series, i);
        const json_t *points = json_object_get(one, "points");

        for (size_t k = 0; k < json_array_size(points); k++) {
            const json_t *point = json_array_get(points, k);
            const char *state = json_string_value(json_array_get(point, 2));

            text_put_time(out, json_integer_value(json_array_get(point, 0)), 0, 'T');
            for (uint32_t j = 0; j < label_count; j++) {
                bytes_put_char(out, ',');
                text_put_csv(out, label_value(one, names[j]));
            }
            bytes_put_char(out, ',');
            text_put_number(out, json_array_get(point, 1));
            bytes_format(out, ",%s\r\n", state != NULL ? state : "");
        }
    }
}

static void print_answer(const struct query_options *options, const json_t *answer)
{
    struct bytes out = {0};

    if (options->csv) {
        query_put_csv(answer, &out);
    } else if (json_array_size(json_object_get(answer, "series")) == 0) {
        fprintf(stderr, "tallywheel query: %s holds no data in this range; try --latest 60\n",
                options->metric.items[0]);
    } else {
        query_put_table(answer, text_has_colour(STDOUT_FILENO), &out);
    }
    text_print(&out);
    bytes_done(&out);
}

/* GETs and prints a path: JSON laid out, anything else as it is. */
static int print_path(struct client *client, const char *command, const char *path)
{
    struct bytes body = {0}, out = {0};
    struct err err = {0};
    json_t *tree;
    int rc = client_get(client, path, &body, &err);

    if (rc < 0) {
        fprintf(stderr, "tallywheel %s: %s\n", command, err.text);
        rc = client_exit(&err);
    } else {
        tree = json_loadb(body.data != NULL ? body.data : "", body.size, 0, NULL);
        if (tree != NULL)
            text_put_json(&out, bytes_span(&body));
        else
            bytes_put(&out, body.data, body.size);
        text_print(&out);
        json_decref(tree);
    }
    bytes_done(&body);
    bytes_done(&out);
    return rc;
}

static int query_run(int argc, char **argv)
{
    struct query_options options = {0};
    struct bytes path = {0};
    struct client client = {0};
    struct err err = {0};
    json_t *answer = NULL;
    int rc = cli_args_parse(&query_command, argc, argv, &options, &err);

    if (rc == 0 && options.json && options.csv)
        rc = err_set(&err, ERR_INVALID, "--json and --csv exclude each other");
    if (rc == 0)
        rc = build_path(&options, &path, &err);
    if (rc == 0)
        rc = client_open(&client, options.url, &err);
    if (rc < 0) {
        rc = cli_args_fail(&query_command, &err);
        goto done;
    }
    if (options.json) {
        rc = print_path(&client, "query", bytes_text(&path));
        goto done;
    }
    rc = client_get_json(&client, bytes_text(&path), &answer, &err);
    if (rc < 0) {
        fprintf(stderr, "tallywheel query: %s\n", err.text);
        rc = client_exit(&err);
        goto done;
    }
    print_answer(&options, answer);
    json_decref(answer);
done:
    client_close(&client);
    bytes_done(&path);
    return rc;
}

struct get_options {
    const char *url;
    struct cli_list path;
};

static const struct cli_option get_options[] = {
    {"url", CLI_TEXT, offsetof(struct get_options, url), "URL",
     "the server (" CLIENT_URL_DEFAULT ")"},
};

const struct cli_command query_get_command = {
    .name = "get",
    .summary = "print any read route",
    .arguments = "PATH",
    .about = "GETs a path and prints the answer; JSON is laid out for reading. \"/v1/\" may be "
             "left out in front of what lives there.",
    .examples = "tallywheel get boards\n"
                "tallywheel get 'boards/season/around/ada?n=3'\n"
                "tallywheel get /metrics",
    .options = get_options,
    .option_count = 1,
    .arguments_min = 1,
    .arguments_max = 1,
    .arguments_offset = offsetof(struct get_options, path),
    .run = get_run,
};

static int get_run(int argc, char **argv)
{
    struct get_options options = {0};
    struct client client = {0};
    struct bytes path = {0};
    struct err err = {0};
    int rc = cli_args_parse(&query_get_command, argc, argv, &options, &err);

    if (rc == 0)
        rc = client_open(&client, options.url, &err);
    if (rc < 0) {
        rc = cli_args_fail(&query_get_command, &err);
        goto done;
    }
    bytes_format(&path, "%s%s", options.path.items[0][0] == '/' ? "" : "/v1/",
                 options.path.items[0]);
    rc = print_path(&client, "get", bytes_text(&path));
done:
    client_close(&client);
    bytes_done(&path);
    return rc;
}

struct status_options {
    const char *url;
    bool json;
};

static const struct cli_option status_options[] = {
    {"json", CLI_FLAG, offsetof(struct status_options, json), NULL, "the server's answer as JSON"},
    {"url", CLI_TEXT, offsetof(struct status_options, url), "URL",
     "the server (" CLIENT_URL_DEFAULT ")"},
};

static int status_run(int argc, char **argv);

const struct cli_command query_status_command = {
    .name = "status",
    .summary = "print how the server is",
    .arguments = "",
    .about = "Prints the state of the server, its streams, boards, metrics and partitions. The "
             "exit code is 0 only if the server is ready.",
    .examples = "tallywheel status\n"
                "tallywheel status --json",
    .options = status_options,
    .option_count = sizeof(status_options) / sizeof(status_options[0]),
    .run = status_run,
};

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "?";
}

static void put_summary(const json_t *status, struct bytes *out)
{
    const json_t *ingest = json_object_get(status, "ingest");
    const json_t *ack = json_object_get(ingest, "ack_ms");
    const json_t *recovery = json_object_get(status, "recovery");

    bytes_put_text(out, "tallywheel ");
    text_put_clean(out, span_of(text_of(status, "version")));
    bytes_put_text(out, ", ");
    text_put_clean(out, span_of(text_of(status, "state")));
    bytes_put_text(out, ", up ");
    text_put_clock(out, number(status, "uptime_ms") / 1000);
    bytes_put_text(out, ", durability ");
    text_put_clean(out, span_of(text_of(status, "durability")));
    bytes_put_text(out, ", memory ");
    text_put_size(out, number(status, "memory_bytes"));
    if (strcmp(text_of(status, "state"), "recovering") == 0) {
        bytes_put_text(out, "\nrecovered ");
        text_put_size(out, number(recovery, "done_bytes"));
        bytes_put_text(out, " of ");
        text_put_size(out, number(recovery, "total_bytes"));
    }
    bytes_put_text(out, "\nevents ");
    text_put_grouped(out, (int64_t)number(ingest, "events"));
    bytes_put_text(out, ", now ");
    text_put_short(out, number(ingest, "events_per_s"));
    bytes_format(out, "/s, acknowledged in %.1f ms (p50), %.1f ms (p99)\n", number(ack, "p50"),
                 number(ack, "p99"));
    bytes_put_text(out, "rejected ");
    text_put_grouped(out, (int64_t)number(ingest, "rejected"));
    bytes_put_text(out, ", late ");
    text_put_grouped(out, (int64_t)number(ingest, "late"));
    bytes_put_text(out, ", duplicates ");
    text_put_grouped(out, (int64_t)number(ingest, "duplicates"));
    bytes_format(out, ", connections %.0f, watches %.0f\n", number(status, "connections"),
                 number(status, "watches"));
}

enum shape { SHAPE_TEXT, SHAPE_COUNT, SHAPE_SIZE, SHAPE_RATE, SHAPE_TIME, SHAPE_PERIOD };

struct column {
    const char *key; /* in the object of a row */
    const char *title;
    enum shape shape;
};

/* "30 d", "5 m", "250 ms": the largest unit that divides it. */
static void put_period(struct bytes *out, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (ms > 0 && ms % units[i].ms == 0) {
            bytes_format(out, "%lld %s", (long long)(ms / units[i].ms), units[i].unit);
            return;
        }
    }
    bytes_put_text(out, "-");
}

static void put_cell(struct text_table *table, const json_t *row, const struct column *column)
{
    const json_t *cell = json_object_get(row, column->key);
    double value = json_number_value(cell);
    struct bytes *out = &table->text;

    if (cell == NULL || json_is_null(cell)) {
        bytes_put_char(out, '-');
    } else if (column->shape == SHAPE_TEXT) {
        text_put_clean(out, span_of(json_is_string(cell) ? json_string_value(cell) : "-"));
    } else if (column->shape == SHAPE_COUNT) {
        text_put_number_grouped(out, cell);
    } else if (column->shape == SHAPE_SIZE) {
        text_put_size(out, value);
    } else if (column->shape == SHAPE_RATE) {
        text_put_short(out, value);
    } else if (column->shape == SHAPE_PERIOD) {
        put_period(out, (int64_t)value);
    } else if (value <= 0) {
        bytes_put_char(out, '-');
    } else {
        text_put_time(out, (int64_t)value / 1000 * 1000, 0, ' ');
    }
    text_table_end_cell(table);
}

static void put_part(const json_t *status, const char *key, const struct column *columns,
                     uint32_t column_count, bool colour, struct bytes *out)
{
    const json_t *rows = json_object_get(status, key);
    struct text_table table = {.column_count = column_count};

    if (json_array_size(rows) == 0)
        return;
    for (uint32_t i = 0; i < column_count; i++) {
        table.right[i] = columns[i].shape != SHAPE_TEXT;
        text_table_add(&table, span_of(columns[i].title));
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        for (uint32_t k = 0; k < column_count; k++)
            put_cell(&table, json_array_get(rows, i), &columns[k]);
    }
    bytes_put_char(out, '\n');
    text_table_print(&table, colour, out);
    text_table_done(&table);
}

void query_put_status(const struct json_t *status, bool colour, struct bytes *out)
{
    static const struct column streams[] = {
        {"name", "stream", SHAPE_TEXT},
        {"events", "events", SHAPE_COUNT},
        {"events_per_s", "per s", SHAPE_RATE},
        {"late", "late", SHAPE_COUNT},
        {"duplicates", "duplicates", SHAPE_COUNT},
        {"rejected", "rejected", SHAPE_COUNT},
        {"watermark_ms", "watermark (UTC)", SHAPE_TIME},
    };
    static const struct column boards[] = {
        {"name", "board", SHAPE_TEXT},          {"stream", "stream", SHAPE_TEXT},
        {"members", "members", SHAPE_COUNT},    {"segments", "segments", SHAPE_COUNT},
        {"moves_per_s", "moves/s", SHAPE_RATE},
    };
    static const struct column metrics[] = {
        {"name", "metric", SHAPE_TEXT},      {"stream", "stream", SHAPE_TEXT},
        {"series", "series", SHAPE_COUNT},   {"panes", "panes", SHAPE_COUNT},
        {"every_ms", "every", SHAPE_PERIOD},
    };
    static const struct column partitions[] = {
        {"partition", "partition", SHAPE_COUNT},  {"worker", "worker", SHAPE_COUNT},
        {"offset", "offset", SHAPE_COUNT},        {"events", "events", SHAPE_COUNT},
        {"journal_bytes", "journal", SHAPE_SIZE}, {"segments", "segments", SHAPE_COUNT},
        {"memory_bytes", "memory", SHAPE_SIZE},
    };

    put_summary(status, out);
    put_part(status, "streams", streams, 7, colour, out);
    put_part(status, "boards", boards, 5, colour, out);
    put_part(status, "metrics", metrics, 5, colour, out);
    put_part(status, "partitions", partitions, 7, colour, out);
}

static int status_run(int argc, char **argv)
{
    struct status_options options = {0};
    struct client client = {0};
    struct bytes body = {0}, out = {0};
    struct err err = {0};
    json_t *status = NULL;
    int rc = cli_args_parse(&query_status_command, argc, argv, &options, &err);

    if (rc == 0)
        rc = client_open(&client, options.url, &err);
    if (rc < 0) {
        rc = cli_args_fail(&query_status_command, &err);
        goto done;
    }
    rc = client_get(&client, "/v1/status", &body, &err);
    if (rc == 0) {
        status = json_loadb(body.data != NULL ? body.data : "", body.size, 0, NULL);
        if (!json_is_object(status))
            rc = err_set(&err, ERR_INTERNAL, "/v1/status is no JSON; is it a Tallywheel server?");
    }
    if (rc < 0) {
        fprintf(stderr, "tallywheel status: %s\n", err.text);
        rc = client_exit(&err);
        goto done;
    }
    if (options.json) {
        text_put_json(&out, bytes_span(&body));
    } else {
        query_put_status(status, text_has_colour(STDOUT_FILENO), &out);
    }
    text_print(&out);
    rc = strcmp(text_of(status, "state"), "ready") == 0 ? CLI_DONE : CLI_REFUSED;
done:
    json_decref(status);
    client_close(&client);
    bytes_done(&body);
    bytes_done(&out);
    return rc;
}
