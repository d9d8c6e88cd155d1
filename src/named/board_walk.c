// SPDX-License-Identifier: Apache-2.0
/*
 * board_walk.c - ZSCAN and ZRANDMEMBER on a defined board.
 *
 * A walk goes through the partitions one after the other, in each through the entries in the order
 * of their hashes (board_scan), which nothing that happens meanwhile changes. The lower 6 bits of a
 * cursor are the partition, the others the cursor there; the lower 16 bits of that are always 0
 * and left out.
 *
 * Random members are random ranks: all partitions count, then each gives what lies at the ranks
 * that fell on it.
 *
 * Thread: the worker's; collect the partition's.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "board/board.h"
#include "engine/catalog.h"
#include "model/reply.h"
#include "named/named_private.h"
#include "node/worker.h"
#include "pubsub/pubsub.h"
#include "query_board/read_board_top.h"
#include "query/read.h"
#include "resp/resp_print.h"

#define CURSOR_SHIFT 16
#define LOOKED_AT_MAX 32768u
#define PAGE 1024u /* what board_scan fills at most, at least */

/* ---- ZSCAN ---- */

struct walk_read {
    struct board_read base; /* first */
    uint32_t partition;
    uint64_t cursor;
    uint32_t looked_at;
    bool here;
    struct entry_list list;
    uint64_t next;
};

static void walk_collect(struct read *read, const struct partition *partition, uint32_t number)
{
    struct walk_read *walk = (struct walk_read *)read;
    struct board_entry *entries;
    const struct board *board;
    uint32_t segment;

    if (number != walk->partition)
        return;
    entry_list_clear(&walk->list);
    walk->next = 0;
    board = board_read_segment(&walk->base, partition, &segment);
    if (board == NULL || segment == BOARD_SEGMENT_NONE)
        return;
    entries = bytes_alloc(PAGE * sizeof(*entries));
    walk->next = walk->cursor;
    for (uint32_t seen = 0; seen < walk->looked_at; seen += PAGE) {
        uint32_t wanted = walk->looked_at < PAGE ? walk->looked_at : PAGE;
        uint32_t count = board_scan(board, segment, walk->next, wanted, entries, PAGE, &walk->next);

        for (uint32_t i = 0; i < count; i++)
            entry_list_add(&walk->list, &entries[i]);
        if (walk->next == 0)
            break;
    }
    free(entries);
    entry_list_seal(&walk->list);
}

static int walk_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    (void)read;
    (void)err;
    *out_step = READ_DONE;
    return 0;
}

static void walk_free(struct read *read)
{
    struct walk_read *walk = (struct walk_read *)read;

    entry_list_done(&walk->list);
    board_read_done(&walk->base);
    free(walk);
}

static const struct read_ops walk_ops = {
    .name = "named_walk", .collect = walk_collect, .merge = walk_merge, .free = walk_free};

/* Scores are text here, whatever the protocol. */
static void put_text_score(struct bytes *out, struct value score)
{
    struct bytes text = {0};

    if (score.type == VALUE_INT)
        resp_int_put(&text, score.i);
    else
        resp_double_put(&text, score.f);
    reply_bulk(out, bytes_span(&text));
    bytes_done(&text);
}

static void on_walked(struct named_call *call, struct read *read)
{
    const struct walk_read *walk = (const struct walk_read *)board_read_inner(read);
    struct span pattern = call_arg(call, 3);
    uint64_t cursor = 0;
    uint32_t count = 0;
    struct bytes rows = {0};
    struct bytes text = {0};

    if (walk->next != 0)
        cursor = (walk->next >> CURSOR_SHIFT) << 6 | walk->partition;
    else if (walk->partition + 1 < call->place.partition_count)
        cursor = walk->partition + 1;
    for (uint32_t i = 0; i < walk->list.count; i++) {
        const struct entry_item *item = &walk->list.items[i];

        if (pattern.size > 0 && !pubsub_match(pattern, item->key.member))
            continue;
        reply_bulk(&rows, item->key.member);
        put_text_score(&rows, named_shown(read, item->score));
        count += 2;
    }
    bytes_format(&text, "%llu", (unsigned long long)cursor);
    reply_aggregate(&call->out, REPLY_ARRAY, 2);
    reply_bulk(&call->out, bytes_span(&text));
    reply_aggregate(&call->out, REPLY_ARRAY, count);
    bytes_put(&call->out, rows.data, rows.size);
    bytes_done(&rows);
    bytes_done(&text);
    read_free(read);
    named_finish(call);
}

void board_walk_zscan(struct named_call *call)
{
    struct walk_read *walk = bytes_alloc_zero(1, sizeof(*walk));
    uint64_t cursor = (uint64_t)call_int(call, 1);
    int64_t count = call_int(call, 2);

    walk->base.read.ops = &walk_ops;
    board_read_place(&walk->base, &call->place);
    walk->partition = (uint32_t)(cursor & 63);
    walk->cursor = (cursor >> 6) << CURSOR_SHIFT;
    if (walk->partition >= call->place.partition_count)
        walk->partition = call->place.partition_count - 1;
    walk->looked_at = count < 1 ? 1 : count > LOOKED_AT_MAX ? LOOKED_AT_MAX : (uint32_t)count;
    if (call->place.board->def.by_count > 0 && walk->looked_at < PAGE)
        walk->looked_at = PAGE; /* others of other segments are looked at as well */
    named_ask(call, board_read_seasoned(&walk->base.read), on_walked);
}

/* ---- ZRANDMEMBER ---- */

struct pick_slot {
    uint64_t size;
    uint32_t *ranks;  /* local ones that were picked */
    uint32_t *places; /* of each in the reply */
    uint32_t count;
    struct entry_list list; /* `rank` is the place */
};

struct pick_read {
    struct board_read base; /* first */
    uint64_t random;
    uint64_t wanted;
    bool distinct;
    bool picking; /* the second round */
    struct pick_slot *slots;
    struct entry_item *items; /* in the order of the reply; without a member: gone meanwhile */
    uint32_t item_count;
};

static void pick_collect(struct read *read, const struct partition *partition, uint32_t number)
{
    struct pick_read *pick = (struct pick_read *)read;
    struct pick_slot *slot = &pick->slots[number];
    uint32_t segment;
    const struct board *board = board_read_segment(&pick->base, partition, &segment);

    if (!pick->picking) {
        slot->size = board != NULL ? board_segment_size(board, segment) : 0;
        return;
    }
    for (uint32_t i = 0; i < slot->count && board != NULL; i++) {
        struct board_entry entry;

        if (board_run(board, segment, slot->ranks[i], 1, &entry) == 1)
            entry_list_add(&slot->list, &entry)->rank = slot->places[i];
    }
    entry_list_seal(&slot->list);
}

static uint64_t next_random(struct pick_read *pick, uint64_t limit)
{
    pick->random = hash_u64(pick->random + UINT64_C(0x9e3779b97f4a7c15));
    return (uint64_t)(((__uint128_t)pick->random * limit) >> 64);
}

static void give_rank(struct pick_read *pick, uint64_t rank, uint32_t place)
{
    struct pick_slot *slot = pick->slots;

    while (rank >= slot->size) {
        rank -= slot->size;
        slot++;
    }
    slot->ranks[slot->count] = (uint32_t)rank;
    slot->places[slot->count++] = place;
}

/* Distinct ranks by Floyd's way: for each of the last `count` numbers, itself or a smaller one. */
static void pick_distinct(struct pick_read *pick, uint64_t total)
{
    uint32_t mask = 15;
    uint64_t *table;

    while (mask < 2 * (uint64_t)pick->item_count)
        mask = 2 * mask + 1;
    table = bytes_alloc_zero((size_t)mask + 1, sizeof(table[0])); /* ranks + 1 */
    for (uint32_t i = 0; i < pick->item_count; i++) {
        uint64_t top = total - pick->item_count + i;
        uint64_t rank = next_random(pick, top + 1);
        uint32_t at = (uint32_t)hash_u64(rank) & mask;

        while (table[at] != 0 && table[at] != rank + 1)
            at = (at + 1) & mask;
        if (table[at] == rank + 1) {
            rank = top;
            for (at = (uint32_t)hash_u64(rank) & mask; table[at] != 0;)
                at = (at + 1) & mask;
        }
        table[at] = rank + 1;
        give_rank(pick, rank, i);
    }
    free(table);
}

static int pick_merge(struct read *read, enum read_step *out_step, struct err *err)
{
    struct pick_read *pick = (struct pick_read *)read;
    uint64_t total = 0;

    (void)err;
    *out_step = READ_DONE;
    if (pick->picking) {
        for (uint32_t p = 0; p < read->partition_count; p++)
            for (uint32_t i = 0; i < pick->slots[p].list.count; i++)
                pick->items[pick->slots[p].list.items[i].rank] = pick->slots[p].list.items[i];
        return 0;
    }
    for (uint32_t p = 0; p < read->partition_count; p++)
        total += pick->slots[p].size;
    if (total == 0 || pick->wanted == 0)
        return 0;
    pick->item_count = (uint32_t)(pick->distinct && pick->wanted > total ? total : pick->wanted);
    pick->items = bytes_alloc_zero(pick->item_count, sizeof(pick->items[0]));
    for (uint32_t p = 0; p < read->partition_count; p++) {
        pick->slots[p].ranks = bytes_alloc(pick->item_count * sizeof(uint32_t));
        pick->slots[p].places = bytes_alloc(pick->item_count * sizeof(uint32_t));
    }
    if (pick->distinct)
        pick_distinct(pick, total);
    for (uint32_t i = 0; i < pick->item_count && !pick->distinct; i++)
        give_rank(pick, next_random(pick, total), i);
    pick->picking = true;
    *out_step = READ_AGAIN;
    return 0;
}

static void pick_free(struct read *read)
{
    struct pick_read *pick = (struct pick_read *)read;

    for (uint32_t p = 0; p < read->partition_count; p++) {
        free(pick->slots[p].ranks);
        free(pick->slots[p].places);
        entry_list_done(&pick->slots[p].list);
    }
    free(pick->slots);
    free(pick->items);
    board_read_done(&pick->base);
    free(pick);
}

static const struct read_ops pick_ops = {
    .name = "named_pick", .collect = pick_collect, .merge = pick_merge, .free = pick_free};

static void on_picked(struct named_call *call, struct read *read)
{
    const struct pick_read *pick = (const struct pick_read *)board_read_inner(read);
    bool scores = call_has(call, COMMAND_WITHSCORES);
    uint32_t count = 0;

    for (uint32_t i = 0; i < pick->item_count; i++)
        count += pick->items[i].key.member.data != NULL;
    if (!call_has(call, COMMAND_COUNTED) && count == 0)
        reply_null(&call->out);
    else if (call_has(call, COMMAND_COUNTED))
        reply_aggregate(&call->out, scores ? REPLY_PAIRS : REPLY_ARRAY, count);
    for (uint32_t i = 0; i < pick->item_count; i++) {
        if (pick->items[i].key.member.data == NULL)
            continue;
        reply_bulk(&call->out, pick->items[i].key.member);
        if (scores)
            named_put_score(&call->out, named_shown(read, pick->items[i].score));
    }
    read_free(read);
    named_finish(call);
}

#define PICKED_MAX (1u << 20)

void board_walk_zrandmember(struct named_call *call)
{
    struct pick_read *pick;
    int64_t count = call_int(call, 1);
    uint64_t wanted = !call_has(call, COMMAND_COUNTED) ? 1
                      : count < 0                      ? -(uint64_t)count
                                                       : (uint64_t)count;
    struct err err = {0};

    if (count < 0 && call_has(call, COMMAND_COUNTED) && wanted > PICKED_MAX) {
        err_set(&err, ERR_LIMIT, "at most %u members of a defined board at random", PICKED_MAX);
        named_fail(call, &err);
        return;
    }
    pick = bytes_alloc_zero(1, sizeof(*pick));
    pick->base.read.ops = &pick_ops;
    board_read_place(&pick->base, &call->place);
    pick->random = call->worker->named->random = hash_u64(call->worker->named->random + 1);
    pick->wanted = wanted;
    pick->distinct = !call_has(call, COMMAND_COUNTED) || count >= 0;
    pick->slots = bytes_alloc_zero(call->place.partition_count, sizeof(pick->slots[0]));
    named_ask(call, board_read_seasoned(&pick->base.read), on_picked);
}
