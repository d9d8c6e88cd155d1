// SPDX-License-Identifier: Apache-2.0
/*
 * client.h - asks a Tallywheel server over HTTP and turns every failure into one sentence.
 *
 * Failures to reach the server are ERR_UNAVAILABLE, answers that are errors carry the code of the
 * answer, and the text says what to do next where that is known.
 *
 * Thread: one owner. Calls block.
 */
#ifndef TALLYWHEEL_MAIN_CLIENT_H
#define TALLYWHEEL_MAIN_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct err;
struct json_t;

#define CLIENT_URL_DEFAULT "http://127.0.0.1:7411"

struct client {
    void *curl;       /* CURL *, keeps its connection between requests */
    struct bytes url; /* "http://127.0.0.1:7411", no slash at the end */
    bool opened;
};

/*
 * `url` may be NULL (then TALLYWHEEL_URL or the default), and "http://" may be missing.
 * 0 or ERR_INVALID.
 */
int client_open(struct client *client, const char *url, struct err *err);
void client_close(struct client *client);

/* GETs a path that begins with '/', body appended to out_body. */
int client_get(struct client *client, const char *path, struct bytes *out_body, struct err *err);

/* The same, parsed; json_decref() what comes out. */
int client_get_json(struct client *client, const char *path, struct json_t **out_tree,
                    struct err *err);

/* The enum cli_exit that fits an error of this client. */
int client_exit(const struct err *err);

/* Says why curl could not do a request to `url`; returns ERR_UNAVAILABLE. */
int client_explain(const char *url, int curl_code, int os_errno, struct err *err);

/* Puts an error answer into err: its message if it has one, else the bare status. */
int client_error_answer(long status, struct span body, struct err *err);

/* For curl's WRITEFUNCTION with a struct bytes as WRITEDATA. */
size_t client_collect(char *data, size_t size, size_t count, void *bytes);

/* What every request of this program has in common: timeouts, agent, no signals. */
void client_set_common(void *curl, const char *url);

/* Appends `text` with everything but letters, digits and "-._~" as %XX. */
void client_put_escaped(struct bytes *out, const char *text);

#endif
