// SPDX-License-Identifier: Apache-2.0
/* board_change.c - see board_change.h. */
#include "model/board_change.h"

#include <assert.h>

#include "base/err.h"

#define VERSION 1

static void put_u8(struct bytes *out, uint8_t value)
{
    bytes_put(out, &value, sizeof(value));
}

static void put_u32(struct bytes *out, uint32_t value)
{
    bytes_put(out, &value, sizeof(value));
}

static void put_span(struct bytes *out, struct span span)
{
    assert(span.size <= UINT32_MAX);
    put_u32(out, (uint32_t)span.size);
    bytes_put(out, span.data, span.size);
}

static bool take(struct span *rest, void *out, size_t size)
{
    if (rest->size < size)
        return false;
    memcpy(out, rest->data, size);
    *rest = (struct span){rest->data + size, rest->size - size};
    return true;
}

static bool take_span(struct span *rest, struct span *out)
{
    uint32_t size;

    if (!take(rest, &size, sizeof(size)) || rest->size < size)
        return false;
    *out = (struct span){rest->data, size};
    *rest = (struct span){rest->data + size, rest->size - size};
    return true;
}

void board_change_encode(const struct board_change *change, struct bytes *out)
{
    put_u8(out, VERSION);
    put_u8(out, (uint8_t)change->op);
    put_u32(out, change->board_id);
    put_u32(out, change->board_version);
    put_u8(out, change->in_season);
    bytes_put(out, &change->season_ms, sizeof(change->season_ms));
    put_u8(out, (uint8_t)change->by_count);
    for (uint32_t i = 0; i < change->by_count; i++) {
        put_u8(out, change->by[i].data != NULL);
        put_span(out, change->by[i]);
    }
    put_span(out, change->member);
    put_span(out, change->to);
    put_span(out, change->entries);
    put_span(out, change->replaced);
}

static bool decode(struct board_change *change, struct span rest)
{
    uint8_t version;
    uint8_t op;
    uint8_t in_season;
    uint8_t by_count;

    if (!take(&rest, &version, 1) || version != VERSION || !take(&rest, &op, 1) ||
        op < BOARD_CHANGE_REMOVE || op > BOARD_CHANGE_TAKE)
        return false;
    change->op = (enum board_change_op)op;
    if (!take(&rest, &change->board_id, sizeof(change->board_id)) ||
        !take(&rest, &change->board_version, sizeof(change->board_version)) ||
        !take(&rest, &in_season, 1) || in_season > 1 ||
        !take(&rest, &change->season_ms, sizeof(change->season_ms)) || !take(&rest, &by_count, 1) ||
        by_count > BY_FIELDS_MAX)
        return false;
    change->in_season = in_season;
    change->by_count = by_count;
    for (uint32_t i = 0; i < by_count; i++) {
        uint8_t given;

        if (!take(&rest, &given, 1) || given > 1 || !take_span(&rest, &change->by[i]))
            return false;
        if (!given)
            change->by[i] = (struct span){NULL, 0};
    }
    return take_span(&rest, &change->member) && change->member.size > 0 &&
           take_span(&rest, &change->to) && take_span(&rest, &change->entries) &&
           take_span(&rest, &change->replaced) && rest.size == 0;
}

int board_change_decode(struct board_change *out_change, struct span record, struct err *err)
{
    struct board_change change = {.by_count = 0};

    if (!decode(&change, record))
        return err_set(err, ERR_CORRUPT, "not a change of a member of a board");
    *out_change = change;
    return 0;
}

void board_change_put_entry(struct bytes *entries, const struct span *labels, uint32_t label_count,
                            struct span state)
{
    put_u8(entries, (uint8_t)label_count);
    for (uint32_t i = 0; i < label_count; i++)
        put_span(entries, labels[i]);
    put_span(entries, state);
}

bool board_change_next_entry(struct span *rest, struct span *out_labels, uint32_t label_count,
                             struct span *out_state)
{
    uint8_t count;

    if (!take(rest, &count, 1) || count != label_count)
        return false;
    for (uint32_t i = 0; i < label_count; i++)
        if (!take_span(rest, &out_labels[i]))
            return false;
    return take_span(rest, out_state);
}
