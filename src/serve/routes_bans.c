// SPDX-License-Identifier: Apache-2.0
/*
 * routes_bans.c - GET /v1/boards/B/bans: who is banned from a board, in the order of their names.
 *
 * Every partition gives all of its own; there are few.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/catalog.h"
#include "engine/partition.h"
#include "node/ask.h"
#include "node/node.h"
#include "node/worker.h"
#include "query/read.h"
#include "http/http.h"
#include "serve/serve_private.h"

#define LIMIT_DEFAULT 1000
#define LIMIT_MAX 100000

struct bans_slot {
    struct bytes text; /* of each: u32 size, bytes */
    uint32_t count;
};

struct bans_call {
    struct read read; /* first */
    struct http_request *request;
    char board_name[NAME_BYTES_MAX];
    uint32_t board_id;
    uint64_t offset;
    uint64_t limit;
    struct bans_slot slots[]; /* by partition */
};

static void bans_collect(struct read *read, const struct partition *partition, uint32_t slot)
{
    struct bans_call *call = (struct bans_call *)read;
    struct span member;

    for (uint32_t i = 0; partition_ban_at(partition, call->board_id, i, &member); i++) {
        uint32_t size = (uint32_t)member.size;

        bytes_put(&call->slots[slot].text, &size, sizeof(size));
        bytes_put(&call->slots[slot].text, member.data, member.size);
        call->slots[slot].count++;
    }
}

static int bans_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    (void)read;
    (void)err;
    *out_step = READ_DONE;
    return 0;
}

static const struct read_ops bans_ops = {
    .name = "bans", .collect = bans_collect, .merge = bans_merge};

static int compare_names(const void *a, const void *b)
{
    return span_compare(*(const struct span *)a, *(const struct span *)b);
}

static struct span *sort_names(const struct bans_call *call, uint64_t *out_count)
{
    uint64_t count = 0;
    struct span *names;

    for (uint32_t i = 0; i < call->read.partition_count; i++)
        count += call->slots[i].count;
    names = bytes_alloc((count + 1) * sizeof(*names));
    *out_count = count;
    count = 0;
    for (uint32_t i = 0; i < call->read.partition_count; i++) {
        const char *at = call->slots[i].text.data;

        for (uint32_t j = 0; j < call->slots[i].count; j++) {
            uint32_t size;

            memcpy(&size, at, sizeof(size));
            names[count++] = (struct span){at + sizeof(size), size};
            at += sizeof(size) + size;
        }
    }
    qsort(names, count, sizeof(*names), compare_names);
    return names;
}

static void reply(struct bans_call *call)
{
    uint64_t count;
    struct span *names = sort_names(call, &count);
    struct bytes text = {0};
    struct json_out json;

    json_out_init(&json, &text);
    json_out_object(&json);
    json_out_key(&json, "board");
    json_out_text(&json, call->board_name);
    json_out_key(&json, "count");
    json_out_uint(&json, count);
    json_out_key(&json, "banned");
    json_out_array(&json);
    for (uint64_t i = call->offset; i < count && i - call->offset < call->limit; i++)
        json_out_string(&json, names[i]);
    json_out_array_end(&json);
    json_out_object_end(&json);
    http_reply_bytes(call->request, 200, "application/json", &text);
    bytes_done(&text);
    free(names);
}

static void on_answered(void *context, struct read *read, int rc, const struct err *err)
{
    struct bans_call *call = context;

    if (call->request != NULL) {
        http_request_set_state(call->request, NULL);
        if (rc < 0)
            http_reply_err(call->request, err);
        else
            reply(call);
    }
    for (uint32_t i = 0; i < read->partition_count; i++)
        bytes_done(&call->slots[i].text);
    free(call);
}

/* A whole number up to `max`; `otherwise` if it was not given. */
static int read_number(const struct http_request *request, const char *name, uint64_t otherwise,
                       uint64_t max, uint64_t *out_value, struct err *err)
{
    struct span text = http_request_query(request, name); /* zero-terminated */
    char *end;

    *out_value = otherwise;
    if (text.data == NULL)
        return 0;
    *out_value = strtoull(text.data, &end, 10);
    if (text.size == 0 || text.size > 10 || *end != '\0' || text.data[0] < '0' ||
        text.data[0] > '9' || *out_value > max)
        return err_set(err, ERR_INVALID, "%s: expected a whole number of at most %llu", name,
                       (unsigned long long)max);
    return 0;
}

static void on_request(struct http_request *request)
{
    struct serve_worker *served = serve_of(request);
    struct span name = http_request_param(request, "name");
    uint32_t partition_count = node_partition_count(served->node);
    const struct catalog_board *board;
    struct bans_call *call;
    uint64_t offset = 0;
    uint64_t limit = 0;
    struct err err = {0};
    int rc;

    if (!serve_ready(request))
        return;
    board = catalog_find_board(served->worker->catalog, name);
    rc = read_number(request, "offset", 0, UINT32_MAX, &offset, &err);
    if (rc == 0)
        rc = read_number(request, "limit", LIMIT_DEFAULT, LIMIT_MAX, &limit, &err);
    if (rc == 0 && board == NULL)
        rc = err_set(&err, ERR_NOT_FOUND,
                     "board \"%.100s\" is not defined; GET /v1/boards lists what is", name.data);
    if (rc < 0) {
        http_reply_err(request, &err);
        return;
    }
    call = bytes_alloc_zero(1, sizeof(*call) + partition_count * sizeof(call->slots[0]));
    call->read.ops = &bans_ops;
    call->read.partition_count = partition_count;
    call->request = request;
    memcpy(call->board_name, board->def.name, sizeof(call->board_name));
    call->board_id = board->id;
    call->offset = offset;
    call->limit = limit;
    http_request_set_state(request, call);
    ask_read(served->worker, &call->read, on_answered, call);
}

static void on_gone(struct http_request *request)
{
    struct bans_call *call = http_request_state(request);

    if (call != NULL)
        call->request = NULL;
}

const struct route_ops routes_bans_get = {.on_request = on_request, .on_gone = on_gone};
