// SPDX-License-Identifier: Apache-2.0
/*
 * serve.c - see serve.h.
 *
 * The main thread starts everything, then waits on a loop of its own for signals and for the end.
 */
#include "main/serve.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/say.h"
#include "command/command_server.h"
#include "command/command_table.h"
#include "engine/catalog.h"
#include "main/backends.h"
#include "main/cli.h"
#include "node/data_folder.h"
#include "node/node.h"
#include "serve/serve.h"

struct run {
    struct conf conf;
    struct serve *serve;
    struct command_server *commands;
    struct node_hooks hooks; /* of both */
    struct node *node;
    uv_loop_t loop;
    uv_signal_t term;
    uv_signal_t interrupt;
    uv_async_t state;
};

static int read_conf(struct conf *conf, const struct cli_serve_options *options, struct err *err)
{
    char assignment[4200];
    int rc = options->config != NULL ? conf_load(conf, options->config, err) : 0;

    if (rc == 0 && options->data != NULL) {
        snprintf(assignment, sizeof(assignment), "data=%s", options->data);
        rc = conf_set(conf, assignment, err);
    }
    if (rc == 0 && options->http != NULL) {
        snprintf(assignment, sizeof(assignment), "http=%s", options->http);
        rc = conf_set(conf, assignment, err);
    }
    if (rc == 0 && options->resp != NULL) {
        snprintf(assignment, sizeof(assignment), "resp=%s", options->resp);
        rc = conf_set(conf, assignment, err);
    }
    for (uint32_t i = 0; rc == 0 && i < options->set.count; i++)
        rc = conf_set(conf, options->set.items[i], err);
    return rc == 0 ? conf_check(conf, err) : rc;
}

static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "localhost") == 0;
}

static void put_address(struct bytes *out, const char *scheme, const char *host, uint16_t port)
{
    bool any = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
    bool brackets = strchr(host, ':') != NULL && !any;

    bytes_format(out, "%s://%s%s%s:%u/", scheme, brackets ? "[" : "", any ? "127.0.0.1" : host,
                 brackets ? "]" : "", port);
}

/* Where to look, and what is not safe about it. */
static void print_addresses(const struct run *run)
{
    const struct conf *conf = &run->conf;
    struct bytes http = {0};
    struct bytes resp = {0};

    put_address(&http, "http", conf->http.host, serve_port(run->serve));
    put_address(&resp, "redis", conf->resp.host, command_server_port(run->commands));
    printf("Tallywheel %s is ready\n"
           "  page and API  %s\n"
           "  Redis clients %s\n"
           "  data          %s (%u partition%s, durability %s)\n",
           TALLYWHEEL_VERSION, bytes_text(&http), bytes_text(&resp), conf->data,
           node_partition_count(run->node), node_partition_count(run->node) == 1 ? "" : "s",
           conf_durability_text(conf->durability));
    bytes_done(&http);
    bytes_done(&resp);
    if (!is_loopback(conf->http.host) || !is_loopback(conf->resp.host))
        printf("  insecure      anybody who reaches this machine can read and write: there is no "
               "access control yet\n");
    if (conf->durability != CONF_FSYNC)
        printf("  insecure      durability %s: acknowledged events may be lost in a %s\n",
               conf_durability_text(conf->durability),
               conf->durability == CONF_WRITTEN ? "power cut" : "crash");
    fflush(stdout);
}

/* Some worker's thread. */
static void on_state(void *context, enum node_state state)
{
    struct run *run = context;

    (void)state;
    uv_async_send(&run->state);
}

static void stop_loop(struct run *run)
{
    uv_close((uv_handle_t *)&run->term, NULL);
    uv_close((uv_handle_t *)&run->interrupt, NULL);
    uv_close((uv_handle_t *)&run->state, NULL);
}

static void on_state_changed(uv_async_t *async)
{
    struct run *run = async->data;

    switch (node_state(run->node)) {
    case NODE_READY:
        print_addresses(run);
        break;
    case NODE_DRAINING:
    case NODE_FAILED:
        stop_loop(run);
        break;
    case NODE_RECOVERING:
        break;
    }
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct run *run = signal->data;

    say_info("serve", "%s: finishing what was taken, then stopping",
             number == SIGTERM ? "SIGTERM" : "SIGINT");
    node_stop(run->node);
}

static void watch_signals(struct run *run)
{
    uv_loop_init(&run->loop);
    run->term.data = run->interrupt.data = run->state.data = run;
    uv_signal_init(&run->loop, &run->term);
    uv_signal_init(&run->loop, &run->interrupt);
    uv_signal_start(&run->term, on_signal, SIGTERM);
    uv_signal_start(&run->interrupt, on_signal, SIGINT);
    uv_async_init(&run->loop, &run->state, on_state_changed);
    node_on_state(run->node, on_state, run);
}

/* One disk thread for each partition, and some for reads of the journal. */
static void size_thread_pool(const struct node *node)
{
    uint32_t partitions = node_partition_count(node);
    char text[16];

    snprintf(text, sizeof(text), "%u", partitions + 2 < 4 ? 4 : partitions + 2);
    setenv("UV_THREADPOOL_SIZE", text, 0);
}

/* A client that leaves is an error of a write, not the end of the server. */
static void ignore_broken_pipes(void)
{
    struct sigaction action = {.sa_handler = SIG_IGN};

    sigaction(SIGPIPE, &action, NULL);
}

/* ---- the hooks of both servers ---- */

static int on_start(void *context, struct worker *worker, struct err *err)
{
    struct run *run = context;
    const struct node_hooks *http = serve_hooks(run->serve);
    int rc = http->start(http->context, worker, err);

    return rc < 0 ? rc : command_server_start(run->commands, worker, err);
}

static void on_commands_drained(void *context, struct worker *worker)
{
    const struct node_hooks *http = serve_hooks(((struct run *)context)->serve);

    http->drain(http->context, worker);
}

static void on_drain(void *context, struct worker *worker)
{
    struct run *run = context;

    command_server_drain(run->commands, worker, on_commands_drained, run);
}

static void on_close(void *context, struct worker *worker)
{
    struct run *run = context;
    const struct node_hooks *http = serve_hooks(run->serve);

    command_server_close(run->commands, worker);
    http->close(http->context, worker);
}

static int run_server(struct run *run, struct err *err)
{
    int rc = serve_new(&run->serve, &run->conf, err);

    if (rc == 0)
        rc = command_server_new(&run->commands, &run->conf, err);
    if (rc < 0)
        return rc;
    run->hooks = *serve_hooks(run->serve); /* pushes are its own */
    run->hooks.context = run;
    run->hooks.start = on_start;
    run->hooks.drain = on_drain;
    run->hooks.close = on_close;
    rc = node_new(&run->node, &run->conf, &clock_system, backends_journal(run->conf.durability),
                  &run->hooks, err);
    if (rc < 0)
        return rc;
    command_server_attach(run->commands, run->node);
    size_thread_pool(run->node);
    watch_signals(run);
    rc = node_start(run->node, err);
    if (rc < 0)
        return rc;
    uv_run(&run->loop, UV_RUN_DEFAULT);
    rc = node_join(run->node, err);
    uv_loop_close(&run->loop);
    return rc;
}

struct config_options {
    struct cli_serve_options serve;
    bool commands;
    bool reference;
};

static const struct cli_option config_cli_options[] = {
    {"commands", CLI_FLAG, offsetof(struct config_options, commands), NULL,
     "prints the table of all commands of the RESP port as Markdown instead"},
    {"config", CLI_TEXT, offsetof(struct config_options, serve.config), "FILE",
     "the YAML file of the server"},
    {"data", CLI_TEXT, offsetof(struct config_options, serve.data), "DIR",
     "overrides the setting `data`"},
    {"http", CLI_TEXT, offsetof(struct config_options, serve.http), "ADDRESS",
     "overrides the setting `http`"},
    {"reference", CLI_FLAG, offsetof(struct config_options, reference), NULL,
     "prints the table of all settings as Markdown instead"},
    {"resp", CLI_TEXT, offsetof(struct config_options, serve.resp), "ADDRESS",
     "overrides the setting `resp`"},
    {"set", CLI_LIST, offsetof(struct config_options, serve.set), "NAME=VALUE",
     "overrides one setting; may be repeated"},
};

/* As a server with an empty data folder would take them. */
static int check_definitions(const struct conf *conf, struct err *err)
{
    struct catalog *catalog = catalog_new();
    int rc = 0;

    catalog->loader = (struct catalog_loader){conf->data, data_folder_load};
    for (uint32_t i = 0; rc == 0 && i < conf->definition_count; i++) {
        const struct conf_definition *definition = &conf->definitions[i];
        struct catalog_change change;
        struct bytes record = {0};
        enum definition_kind kind;
        bool unchanged;

        if (!catalog_kind_by_text(definition->kind, &kind))
            continue;
        rc = catalog_prepare(catalog, kind, definition->name, definition->tree, 0, "config",
                             &record, &unchanged, err);
        if (rc == 0 && !unchanged)
            rc = catalog_apply(catalog, bytes_span(&record), &change, err);
        bytes_done(&record);
    }
    if (rc < 0)
        conf_locate(conf, err);
    catalog_free(catalog);
    return rc;
}

/* What a server would run with, checked, and where each value comes from. */
static int config_main(int argc, char **argv)
{
    struct config_options options = {0};
    struct conf conf;
    struct bytes text = {0};
    struct err err = {0};
    int rc = cli_args_parse(&serve_config_command, argc, argv, &options, &err);

    if (rc < 0)
        return cli_args_fail(&serve_config_command, &err);
    conf_init(&conf);
    rc = read_conf(&conf, &options.serve, &err);
    if (rc == 0)
        rc = check_definitions(&conf, &err);
    if (rc == 0 && options.commands)
        command_docs_print(&text);
    else if (rc == 0 && options.reference)
        conf_reference_print(&text);
    else if (rc == 0)
        conf_print(&conf, &text);
    conf_done(&conf);
    if (rc < 0)
        return cli_args_fail(&serve_config_command, &err);
    fwrite(text.data, 1, text.size, stdout);
    bytes_done(&text);
    return CLI_DONE;
}

const struct cli_command serve_config_command = {
    .name = "config",
    .summary = "check a config and print all settings",
    .arguments = "",
    .about = "Reads a config as `tallywheel serve` would, and prints every setting with its value "
             "and where it comes from. An error names file, line and column.",
    .examples = "tallywheel config --config tallywheel.yaml\n"
                "tallywheel config --set durability=written",
    .options = config_cli_options,
    .option_count = sizeof(config_cli_options) / sizeof(config_cli_options[0]),
    .run = config_main,
};

int serve_main(int argc, char **argv)
{
    struct cli_serve_options options = {0};
    struct run run = {0};
    struct err err = {0};
    int rc = cli_args_parse(&cli_serve, argc, argv, &options, &err);

    if (rc < 0)
        return cli_args_fail(&cli_serve, &err);
    ignore_broken_pipes();
    conf_init(&run.conf);
    rc = read_conf(&run.conf, &options, &err);
    if (rc < 0) {
        rc = cli_args_fail(&cli_serve, &err);
        conf_done(&run.conf);
        return rc;
    }
    say_set_level((enum say_level)run.conf.say);
    rc = run_server(&run, &err);
    if (rc < 0)
        fprintf(stderr, "tallywheel serve: %s\n", err.text);
    command_server_detach(run.commands);
    node_free(run.node);
    command_server_free(run.commands);
    serve_free(run.serve);
    conf_done(&run.conf);
    return rc < 0 ? CLI_REFUSED : CLI_DONE;
}
