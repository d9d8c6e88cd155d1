// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_command.c - any bytes as a journal payload of commands.
 *
 * What is read is written the same again, and can be executed: with replies and without it leads
 * to the same keys.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "keyspace/keyspace.h"
#include "model/command.h"
#include "model/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WALL_MS 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct keyspace_limits limits = {.keys_max = 50, .members_max = 500};
    struct keyspace *live;
    struct keyspace *replayed;
    struct command_list list = {0};
    struct bytes again = {0};
    struct bytes replies = {0};
    size_t *ends;
    struct err err;
    size_t at = 0;

    if (command_list_decode(&list, (struct span){(const char *)data, size}, &err) < 0) {
        command_list_done(&list);
        return 0;
    }
    command_list_encode(&list, &again);
    assert(again.size == size && memcmp(again.data, data, size) == 0);

    live = keyspace_new(limits);
    replayed = keyspace_new(limits);
    ends = bytes_alloc(list.count * sizeof(ends[0]));
    keyspace_execute(live, &list, WALL_MS, &replies, ends);
    keyspace_execute(replayed, &list, WALL_MS, NULL, NULL);
    assert(keyspace_hash(live) == keyspace_hash(replayed));
    for (uint32_t i = 0; i < list.count; i++) { /* a reply each, or none if it was left out */
        if (ends[i] > at)
            reply_skip(bytes_span(&replies), &at);
        assert(at == ends[i]);
    }
    keyspace_free(live);
    keyspace_free(replayed);
    free(ends);
    bytes_done(&again);
    bytes_done(&replies);
    command_list_done(&list);
    return 0;
}
