// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_board_change.c - any bytes as a change of a member.
 *
 * What is read is written the same again; its entries can be walked with any number of labels; and
 * a partition folds it, whatever it says.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "engine/partition.h"
#include "model/board_change.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char stream[] =
    "{\"op\":\"put\",\"kind\":\"streams\",\"name\":\"s\",\"id\":1,\"version\":1,\"wall_ms\":1,"
    "\"author\":\"a\",\"definition\":{\"fields\":{\"m\":\"string\",\"n\":\"int\",\"r\":\"string\"},"
    "\"key\":\"m\"}}";
static const char board[] =
    "{\"op\":\"put\",\"kind\":\"boards\",\"name\":\"b\",\"id\":2,\"version\":1,\"wall_ms\":1,"
    "\"author\":\"a\",\"definition\":{\"stream\":\"s\",\"member\":\"m\",\"score\":\"last(n)\","
    "\"by\":[\"r\"]}}";

static struct partition *partition_with_board(void)
{
    struct partition_limits limits = {.board_members_max = 100,
                                      .board_segments_max = 100,
                                      .ids_max = 100,
                                      .keys_max = 10,
                                      .key_members_max = 10};
    struct partition *partition = partition_new(0, &limits);
    struct err err = {0};
    int rc = partition_define(partition, SPAN_LITERAL(stream), &err);

    if (rc == 0)
        rc = partition_define(partition, SPAN_LITERAL(board), &err);
    assert(rc == 0);
    return partition;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct partition *partition;
    struct span record = {(const char *)data, size};
    struct board_change change;
    struct bytes again = {0};
    struct err err = {0};

    if (board_change_decode(&change, record, &err) < 0) {
        assert(err.code == ERR_CORRUPT);
        return 0;
    }
    board_change_encode(&change, &again);
    /* A label that is not given may have bytes, which mean nothing. */
    assert(again.size <= size);
    bytes_done(&again);
    for (uint32_t labels = 0; labels <= BY_FIELDS_MAX; labels++) {
        struct span rest = change.entries;
        struct span found[BY_FIELDS_MAX];
        struct span state;

        while (board_change_next_entry(&rest, found, labels, &state))
            assert(state.data + state.size <= record.data + size);
    }
    if (partition == NULL)
        partition = partition_with_board();
    assert(partition_change(partition, record, NULL, &err) == 0);
    return 0;
}
