// SPDX-License-Identifier: Apache-2.0
/*
 * board_members.c - what is known of given members of a defined board: ZSCORE, ZMSCORE, ZRANK,
 * TW.AROUND, TW.AMONG.
 *
 * One read: first every partition looks for the members that it has; then, if ranks are wanted,
 * all count how many are better than each that was found.
 *
 * Thread: the worker's; collect the partition's.
 */
#include <stdlib.h>

#include "board/board.h"
#include "model/reply.h"
#include "named/named_private.h"
#include "query_board/read_board_top.h"
#include "query/read.h"

struct members_slot {
    struct entry_list list; /* those that are here; `rank` is the index of the member */
    uint64_t *better;       /* for each item that was found anywhere: how many here are better */
    uint32_t size;
    bool here;
};

struct members_read {
    struct board_read base; /* first */
    bool ranked;
    bool counting; /* the second round */
    struct span *members;
    uint32_t member_count;
    struct members_slot *slots;
    uint64_t size;
    struct entry_item *items; /* of those that were found, by member: `rank` counts the better */
    bool *found;
};

static void collect(struct read *read, const struct partition *partition, uint32_t number)
{
    struct members_read *members = (struct members_read *)read;
    struct members_slot *slot = &members->slots[number];
    uint32_t segment;
    const struct board *board = board_read_segment(&members->base, partition, &segment);
    struct board_entry entry;

    slot->here = board != NULL;
    if (!members->counting)
        entry_list_clear(&slot->list);
    for (uint32_t i = 0; i < members->member_count; i++) {
        if (members->counting) {
            bool same = board != NULL && board_find(board, segment, members->members[i], &entry);
            const struct rank_key *key = &members->items[i].key;

            slot->better[i] = 0;
            if (board == NULL || !members->found[i])
                continue;
            /* It may have risen since the first round: it is not better than itself. */
            slot->better[i] = board_count_better(board, segment, key) -
                              (same && rank_key_compare(&entry.key, key) < 0);
        } else if (board != NULL && board_find(board, segment, members->members[i], &entry)) {
            entry_list_add(&slot->list, &entry)->rank = i;
        }
    }
    slot->size = board != NULL ? board_segment_size(board, segment) : 0;
    if (!members->counting)
        entry_list_seal(&slot->list);
}

static void take_found(struct members_read *members)
{
    uint32_t slots = members->base.read.partition_count;

    for (uint32_t p = 0; p < slots; p++)
        for (uint32_t j = 0; j < members->slots[p].list.count; j++) {
            const struct entry_item *item = &members->slots[p].list.items[j];
            uint32_t index = (uint32_t)item->rank;

            members->found[index] = true;
            members->items[index] = *item;
            members->items[index].rank = 0;
            members->items[index].key.member = members->members[index];
        }
}

static int merge(struct read *read, enum read_step *out_step, struct err *err)
{
    struct members_read *members = (struct members_read *)read;
    bool here = false;

    members->size = 0;
    for (uint32_t p = 0; p < read->partition_count; p++) {
        here = here || members->slots[p].here;
        members->size += members->slots[p].size;
    }
    if (!here)
        return board_read_gone(&members->base, err);
    *out_step = READ_DONE;
    if (members->counting) {
        for (uint32_t p = 0; p < read->partition_count; p++)
            for (uint32_t i = 0; i < members->member_count; i++)
                members->items[i].rank += members->slots[p].better[i];
        return 0;
    }
    take_found(members);
    members->counting = members->ranked;
    if (members->ranked)
        *out_step = READ_AGAIN;
    return 0;
}

static void free_read(struct read *read)
{
    struct members_read *members = (struct members_read *)read;

    for (uint32_t p = 0; p < read->partition_count; p++) {
        entry_list_done(&members->slots[p].list);
        free(members->slots[p].better);
    }
    free(members->slots);
    free(members->members);
    free(members->items);
    free(members->found);
    board_read_done(&members->base);
    free(members);
}

static const struct read_ops ops = {
    .name = "named_members", .collect = collect, .merge = merge, .free = free_read};

/* The members of `count` arguments from `first` on. */
static void ask(struct named_call *call, uint32_t first, uint32_t count, bool ranked,
                void (*done)(struct named_call *call, struct read *read))
{
    struct members_read *members = bytes_alloc_zero(1, sizeof(*members));

    members->base.read.ops = &ops;
    board_read_place(&members->base, &call->place);
    members->ranked = ranked;
    members->member_count = count;
    members->members = bytes_alloc(count * sizeof(members->members[0]));
    for (uint32_t i = 0; i < count; i++)
        members->members[i] = call_arg(call, first + i);
    members->items = bytes_alloc_zero(count, sizeof(members->items[0]));
    members->found = bytes_alloc_zero(count, sizeof(members->found[0]));
    members->slots = bytes_alloc_zero(call->place.partition_count, sizeof(members->slots[0]));
    for (uint32_t p = 0; p < call->place.partition_count; p++)
        members->slots[p].better = bytes_alloc_zero(count, sizeof(uint64_t));
    named_ask(call, board_read_seasoned(&members->base.read), done);
}

static const struct members_read *members_of(struct read *read)
{
    return (const struct members_read *)board_read_inner(read);
}

/* ---- scores ---- */

static void on_scores(struct named_call *call, struct read *read)
{
    const struct members_read *members = members_of(read);

    if (call_has(call, COMMAND_COUNTED))
        reply_aggregate(&call->out, REPLY_ARRAY, members->member_count);
    for (uint32_t i = 0; i < members->member_count; i++)
        if (members->found[i])
            named_put_score(&call->out, named_shown(read, members->items[i].score));
        else
            reply_null(&call->out);
    read_free(read);
    named_finish(call);
}

void board_members_zscore(struct named_call *call)
{
    ask(call, 1, call_command(call)->arg_count - 1, false, on_scores);
}

/* ---- ranks ---- */

/* The rank in the order asked for of an entry that has `better` better ones. */
static int64_t turned(const struct named_call *call, uint64_t better, uint64_t size)
{
    if (call_is_forward(call))
        return (int64_t)better;
    return size > better ? (int64_t)(size - 1 - better) : 0;
}

static void on_rank(struct named_call *call, struct read *read)
{
    const struct members_read *members = members_of(read);
    bool scores = call_has(call, COMMAND_WITHSCORES);

    if (!members->found[0]) {
        if (scores)
            reply_null_array(&call->out);
        else
            reply_null(&call->out);
    } else {
        if (scores)
            reply_aggregate(&call->out, REPLY_ARRAY, 2);
        reply_int(&call->out, turned(call, members->items[0].rank, members->size));
        if (scores)
            named_put_score(&call->out, named_shown(read, members->items[0].score));
    }
    read_free(read);
    named_finish(call);
}

void board_members_zrank(struct named_call *call)
{
    ask(call, 1, 1, true, on_rank);
}

/* ---- TW.AMONG ---- */

static int compare_items(const void *a, const void *b)
{
    return entry_item_compare(*(const struct entry_item *const *)a,
                              *(const struct entry_item *const *)b);
}

static void on_among(struct named_call *call, struct read *read)
{
    const struct members_read *members = members_of(read);
    const struct entry_item **sorted = bytes_alloc(members->member_count * sizeof(sorted[0]));
    uint32_t count = 0;
    uint32_t distinct = 0;

    for (uint32_t i = 0; i < members->member_count; i++)
        if (members->found[i])
            sorted[count++] = &members->items[i];
    qsort(sorted, count, sizeof(sorted[0]), compare_items);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || !span_equal(sorted[i]->key.member, sorted[i - 1]->key.member))
            sorted[distinct++] = sorted[i];
    reply_aggregate(&call->out, REPLY_ARRAY, distinct);
    for (uint32_t i = 0; i < distinct; i++) {
        const struct entry_item *item = sorted[call_is_forward(call) ? i : distinct - 1 - i];

        reply_aggregate(&call->out, REPLY_ARRAY, 4);
        reply_int(&call->out, i);
        reply_bulk(&call->out, item->key.member);
        named_put_score(&call->out, named_shown(read, item->score));
        reply_int(&call->out, turned(call, item->rank, members->size));
    }
    free(sorted);
    read_free(read);
    named_finish(call);
}

void board_members_tw_among(struct named_call *call)
{
    ask(call, 1, call_command(call)->arg_count - 1, true, on_among);
}

/* ---- TW.AROUND ---- */

/* The page around the member's place. */
static void on_around(struct named_call *call, struct read *read)
{
    bool forward = call_is_forward(call);
    struct board_page page;

    read_board_top_get(read, &page);
    reply_aggregate(&call->out, REPLY_ARRAY, page.count);
    for (uint32_t i = 0; i < page.count; i++) {
        uint32_t at = forward ? i : page.count - 1 - i;

        reply_aggregate(&call->out, REPLY_ARRAY, 3);
        reply_int(&call->out, turned(call, call->from + at, page.size));
        reply_bulk(&call->out, page.items[at].key.member);
        named_put_score(&call->out, named_shown(read, page.items[at].score));
    }
    read_free(read);
    named_finish(call);
}

static void on_center(struct named_call *call, struct read *read)
{
    const struct members_read *members = members_of(read);
    bool found = members->found[0];
    uint64_t better = members->items[0].rank;
    int64_t wanted = call_int(call, 2);
    uint64_t reach = wanted < 0                        ? 0
                     : wanted < READ_BOARD_TOP_ALL / 4 ? (uint64_t)wanted
                                                       : READ_BOARD_TOP_ALL / 4;

    read_free(read);
    if (!found) {
        reply_null_array(&call->out);
        named_finish(call);
        return;
    }
    call->from = better > reach ? better - reach : 0;
    if (named_again(call))
        named_ask(call,
                  read_board_top_new(&call->place, NULL, call->from,
                                     (uint32_t)(better - call->from + 1 + reach)),
                  on_around);
}

void board_members_tw_around(struct named_call *call)
{
    ask(call, 1, 1, true, on_center);
}
