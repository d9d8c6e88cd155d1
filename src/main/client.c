// SPDX-License-Identifier: Apache-2.0
/* client.c - see client.h. */
#include "main/client.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "main/cli_args.h"

#define ANSWER_BYTES_MAX (1u << 30)
#define CONNECT_MS_MAX 5000L
#define SILENT_S_MAX 60L

int client_open(struct client *client, const char *url, struct err *err)
{
    size_t size;

    *client = (struct client){0};
    if (url == NULL)
        url = getenv("TALLYWHEEL_URL");
    if (url == NULL || url[0] == '\0')
        url = CLIENT_URL_DEFAULT;
    if (strstr(url, "://") == NULL)
        bytes_put_text(&client->url, "http://");
    else if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return err_set(err, ERR_INVALID, "\"%s\" is not an http:// or https:// address", url);
    bytes_put_text(&client->url, url);
    for (size = client->url.size; size > 0 && client->url.data[size - 1] == '/'; size--)
        ;
    client->url.size = size;
    bytes_text(&client->url);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    client->opened = true;
    client->curl = curl_easy_init();
    if (client->curl == NULL)
        return err_set(err, ERR_MEMORY, "cannot set up the HTTP client");
    return 0;
}

void client_close(struct client *client)
{
    if (client == NULL)
        return;
    if (client->curl != NULL)
        curl_easy_cleanup(client->curl);
    if (client->opened)
        curl_global_cleanup();
    bytes_done(&client->url);
    *client = (struct client){0};
}

size_t client_collect(char *data, size_t size, size_t count, void *bytes)
{
    struct bytes *body = bytes;

    if (body->size + size * count > ANSWER_BYTES_MAX)
        return 0; /* curl ends the request with a write error */
    bytes_put(body, data, size * count);
    return size * count;
}

void client_set_common(void *curl, const char *url)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "tallywheel/" TALLYWHEEL_VERSION);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS_MAX);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    /* A server that says nothing for this long is gone. */
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, SILENT_S_MAX);
    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
}

static bool is_broken_connection(int curl_code)
{
    return curl_code == CURLE_SEND_ERROR || curl_code == CURLE_RECV_ERROR ||
           curl_code == CURLE_GOT_NOTHING || curl_code == CURLE_PARTIAL_FILE ||
           curl_code == CURLE_SEND_FAIL_REWIND;
}

int client_explain(const char *url, int curl_code, int os_errno, struct err *err)
{
    if (curl_code == CURLE_COULDNT_CONNECT && os_errno != 0) {
        err_set_errno(err, os_errno, "cannot reach %s", url);
        if (os_errno == ECONNREFUSED)
            err_set(err, ERR_UNAVAILABLE,
                    "cannot reach %s: connection refused; is the server running? start it with "
                    "`tallywheel serve`, or name another with --url",
                    url);
    } else if (curl_code == CURLE_WRITE_ERROR) {
        err_set(err, ERR_TOO_LARGE, "the answer is larger than %u MiB", ANSWER_BYTES_MAX >> 20);
        return ERR_TOO_LARGE;
    } else if (is_broken_connection(curl_code)) {
        err_set(err, ERR_UNAVAILABLE, "the connection to %s broke", url);
    } else {
        err_set(err, ERR_UNAVAILABLE, "cannot reach %s: %s", url,
                curl_easy_strerror((CURLcode)curl_code));
    }
    if (err != NULL)
        err->code = ERR_UNAVAILABLE;
    return ERR_UNAVAILABLE;
}

static int code_of_status(long status)
{
    switch (status) {
    case 404:
        return ERR_NOT_FOUND;
    case 409:
        return ERR_CONFLICT;
    case 413:
        return ERR_TOO_LARGE;
    case 415:
        return ERR_UNSUPPORTED;
    case 429:
        return ERR_LIMIT;
    case 502:
    case 503:
    case 504:
        return ERR_UNAVAILABLE;
    default:
        return status >= 500 ? ERR_INTERNAL : ERR_INVALID;
    }
}

int client_error_answer(long status, struct span body, struct err *err)
{
    json_t *tree = json_loadb(body.data != NULL ? body.data : "", body.size, 0, NULL);
    const char *message =
        json_string_value(json_object_get(json_object_get(tree, "error"), "message"));
    int code = code_of_status(status);

    if (message != NULL)
        err_set(err, code, "%s", message);
    else
        err_set(err, code, "the server answered with status %ld", status);
    json_decref(tree);
    return code;
}

int client_get(struct client *client, const char *path, struct bytes *out_body, struct err *err)
{
    struct bytes url = {0};
    size_t before = out_body->size;
    long status = 0, os_errno = 0;
    CURLcode code;

    assert(path[0] == '/');
    bytes_format(&url, "%s%s", client->url.data, path);
    curl_easy_reset(client->curl);
    client_set_common(client->curl, bytes_text(&url));
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, client_collect);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, out_body);
    curl_easy_setopt(client->curl, CURLOPT_ACCEPT_ENCODING, "");
    code = curl_easy_perform(client->curl);
    bytes_done(&url);
    if (code != CURLE_OK) {
        curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &os_errno);
        return client_explain(client->url.data, (int)code, (int)os_errno, err);
    }
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || status > 299)
        return client_error_answer(
            status,
            (struct span){out_body->size > before ? out_body->data + before : "",
                          out_body->size - before},
            err);
    return 0;
}

int client_get_json(struct client *client, const char *path, struct json_t **out_tree,
                    struct err *err)
{
    struct bytes body = {0};
    json_error_t where;
    int rc = client_get(client, path, &body, err);

    if (rc == 0) {
        *out_tree = json_loadb(body.data != NULL ? body.data : "", body.size, 0, &where);
        if (*out_tree == NULL)
            rc = err_set(err, ERR_INTERNAL,
                         "%s%s answered with something that is no JSON: %s; "
                         "is it a Tallywheel server?",
                         client->url.data, path, where.text);
    }
    bytes_done(&body);
    return rc;
}

int client_exit(const struct err *err)
{
    return err->code == ERR_UNAVAILABLE ? CLI_UNREACHABLE : CLI_REFUSED;
}

void client_put_escaped(struct bytes *out, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '.' || c == '_' || c == '~') {
            bytes_put_char(out, (char)c);
        } else {
            bytes_put_char(out, '%');
            bytes_put_char(out, hex[c >> 4]);
            bytes_put_char(out, hex[c & 15]);
        }
    }
}
