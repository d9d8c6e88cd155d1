// SPDX-License-Identifier: Apache-2.0
/*
 * read_board_member.c - boards/B/members/M: score, rank and percentile of one member.
 *
 * First the partition that holds the member is found, then all count how many are better.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/partition.h"
#include "query/answer.h"
#include "query/board_read.h"
#include "query/read_private.h"
#include "rank/board.h"

struct member_slot {
    struct entry_list list; /* the entry, if it is here */
    uint64_t better;
    uint32_t size;
    bool here;
};

struct member_read {
    struct board_read base; /* first */
    struct bytes member;
    struct member_slot *slots;
    bool found;
    struct entry_item item; /* its key's member is `member` */
    uint64_t rank;
    uint64_t size;
};

static void member_reset(struct read *read)
{
    ((struct member_read *)read)->found = false;
}

static void member_free(struct read *read)
{
    struct member_read *member = (struct member_read *)read;

    for (uint32_t i = 0; member->slots != NULL && i < read->partition_count; i++)
        entry_list_done(&member->slots[i].list);
    free(member->slots);
    bytes_done(&member->member);
    board_read_done(&member->base);
    free(member);
}

static void member_collect(struct read *read, const struct partition *partition, uint32_t number)
{
    struct member_read *member = (struct member_read *)read;
    struct member_slot *slot = &member->slots[number];
    uint32_t segment;
    const struct board *board = board_read_segment(&member->base, partition, &segment);
    struct board_entry entry;
    bool holds;

    entry_list_clear(&slot->list);
    slot->better = 0;
    slot->size = 0;
    slot->here = board != NULL;
    if (board == NULL)
        return;
    slot->size = board_segment_size(board, segment);
    holds = board_find(board, segment, bytes_span(&member->member), &entry);
    if (!member->found) {
        if (holds)
            entry_list_add(&slot->list, &entry);
        entry_list_seal(&slot->list);
        return;
    }
    slot->better = board_count_better(board, segment, &member->item.key);
    /* It may have risen since the first round: it is not better than itself. */
    if (holds && rank_key_compare(&entry.key, &member->item.key) < 0)
        slot->better--;
}

static int not_found(const struct member_read *member, struct err *err)
{
    size_t size = member->member.size < 200 ? member->member.size : 200;

    return err_set(err, ERR_NOT_FOUND, "\"%.*s\" is not on board \"%s\"%s", (int)size,
                   member->member.data, member->base.name,
                   member->base.by_count > 0 ? " in this segment" : "");
}

static int member_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    struct member_read *member = (struct member_read *)read;
    uint64_t better = 0;
    bool here = false;

    member->size = 0;
    for (uint32_t i = 0; i < read->partition_count; i++) {
        struct member_slot *slot = &member->slots[i];

        here = here || slot->here;
        better += slot->better;
        member->size += slot->size;
    }
    if (!here)
        return board_read_gone(&member->base, err);
    if (member->found) {
        member->rank = better < member->size ? better + 1 : member->size;
        *out_step = READ_DONE;
        return 0;
    }
    for (uint32_t i = 0; i < read->partition_count && !member->found; i++)
        if (member->slots[i].list.count > 0) {
            member->item = member->slots[i].list.items[0];
            member->item.key.member = bytes_span(&member->member);
            member->found = true;
        }
    if (!member->found)
        return not_found(member, err);
    *out_step = READ_AGAIN;
    return 0;
}

static double percentile(uint64_t rank, uint64_t size)
{
    if (size < 2)
        return 100;
    return round(1e6 * (double)(size - rank) / (double)(size - 1)) / 1e4;
}

static void member_print(struct read *read, struct answer *out_answer)
{
    struct member_read *member = (struct member_read *)read;
    struct json_out json;

    json_out_init(&json, &out_answer->head);
    board_read_print_head(&member->base, &json);
    json_out_key(&json, "size");
    json_out_uint(&json, member->size);
    json_out_key(&json, "member");
    json_out_string(&json, bytes_span(&member->member));
    json_out_key(&json, "score");
    value_print(member->item.score, &json);
    json_out_key(&json, "rank");
    json_out_uint(&json, member->rank);
    json_out_key(&json, "percentile");
    json_out_double(&json, percentile(member->rank, member->size));
    json_out_key(&json, "reached_at");
    json_out_int(&json, member->item.reached_ms);
}

static const struct read_ops member_ops = {
    "board_member", member_collect, member_merge, member_print, member_reset, member_free,
};

int read_board_member_parse(struct read **out_read, const struct read_request *request,
                            struct err *err)
{
    static const char *const names[] = {NULL};
    struct member_read *member = bytes_alloc_zero(1, sizeof(*member));
    int rc;

    member->base.read.ops = &member_ops;
    member->base.read.partition_count = request->partition_count;
    member->slots = bytes_alloc_zero(request->partition_count, sizeof(member->slots[0]));
    rc = board_read_init(&member->base, request, names, BOARD_READ_BY_ALL, err);
    if (rc == 0)
        rc = board_read_member(request, &member->member, err);
    if (rc < 0) {
        member_free(&member->base.read);
        return rc;
    }
    *out_read = &member->base.read;
    return 0;
}
