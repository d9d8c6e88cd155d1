// SPDX-License-Identifier: Apache-2.0
/*
 * board_changes.c - see board_changes.h.
 *
 * A note holds the member's bytes and not the entry's id: ids are given to others once an entry has
 * been removed. Within an epoch notes are found by the hash that the board finds entries by.
 */
#include "board/board_changes.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/hash.h"
#include "board/board.h"
#include "board/board_private.h"

#define CAPACITY_MIN 256u
#define PREFETCH_AHEAD 16u
#define SLOT_FREE UINT32_MAX

/* How an entry stood when its epoch began. */
struct note {
    uint64_t hash; /* of board_entries_hash */
    uint64_t old_bits;
    int64_t old_reached_ms;
    uint32_t segment;
    uint32_t text_at; /* of the member; the keys of its subscores stand before it */
    uint16_t text_size;
    bool existed;
};

struct epoch {
    struct epoch *next;
    uint64_t number;
    struct note *notes;
    uint32_t count;
    uint32_t capacity;
    struct bytes text;
};

struct follower {
    uint64_t id;
    uint64_t epoch; /* the first that it has not seen */
    uint64_t used;  /* when it last came, in takes of all */
    uint64_t seen;  /* board_changes.seen when it last came */
};

struct board_changes {
    bool noting; /* some follower is not lost */
    struct epoch *first;
    struct epoch *last; /* the one that is written; NULL unless noting */
    struct epoch *spare;
    uint32_t note_count; /* in all epochs */
    uint64_t epoch_next;
    uint32_t *slots; /* notes of the last epoch: open addressing, 2 a note or more */
    uint32_t slot_mask;
    uint64_t seen; /* changes, while anybody followed */
    uint64_t uses;
    uint32_t follower_count;
    struct follower followers[BOARD_FOLLOWERS_MAX];
};

/* ---- epochs ---- */

static void epoch_free(struct epoch *epoch)
{
    if (epoch == NULL)
        return;
    free(epoch->notes);
    bytes_done(&epoch->text);
    free(epoch);
}

static void clear_slots(struct board_changes *changes)
{
    if (changes->slots != NULL)
        memset(changes->slots, 0xff, ((size_t)changes->slot_mask + 1) * sizeof(uint32_t));
}

static void drop_first(struct board_changes *changes)
{
    struct epoch *epoch = changes->first;

    changes->first = epoch->next;
    changes->note_count -= epoch->count;
    if (changes->first == NULL)
        changes->last = NULL;
    epoch_free(changes->spare);
    changes->spare = epoch;
}

/* Nobody needs notes any more. */
static void stop_noting(struct board_changes *changes)
{
    while (changes->first != NULL)
        drop_first(changes);
    epoch_free(changes->spare);
    changes->spare = NULL;
    free(changes->slots);
    changes->slots = NULL;
    changes->slot_mask = 0;
    changes->noting = false;
}

/* From here on notes are of another epoch. Returns its number. */
static uint64_t begin_epoch(struct board_changes *changes)
{
    struct epoch *epoch = changes->spare;

    if (changes->last != NULL && changes->last->count == 0)
        return changes->last->number;
    changes->spare = NULL;
    if (epoch == NULL)
        epoch = bytes_alloc_zero(1, sizeof(*epoch));
    bytes_clear(&epoch->text);
    epoch->count = 0;
    epoch->next = NULL;
    epoch->number = changes->epoch_next++;
    if (changes->last != NULL)
        changes->last->next = epoch;
    else
        changes->first = epoch;
    changes->last = epoch;
    changes->noting = true;
    clear_slots(changes);
    return epoch->number;
}

static bool is_lost(const struct board_changes *changes, const struct follower *follower)
{
    return changes->first == NULL || follower->epoch < changes->first->number;
}

/* Drops what all have seen. */
static void drop_seen(struct board_changes *changes)
{
    uint64_t needed = changes->epoch_next;

    for (uint32_t i = 0; i < changes->follower_count; i++)
        if (!is_lost(changes, &changes->followers[i]) && changes->followers[i].epoch < needed)
            needed = changes->followers[i].epoch;
    while (changes->first != NULL && changes->first->number < needed)
        drop_first(changes);
}

/* ---- noting ---- */

struct board_changes *board_changes_new(void)
{
    return bytes_alloc_zero(1, sizeof(struct board_changes));
}

void board_changes_free(struct board_changes *changes)
{
    if (changes == NULL)
        return;
    stop_noting(changes);
    free(changes);
}

static uint64_t epoch_bytes(const struct epoch *epoch)
{
    return sizeof(*epoch) + epoch->capacity * sizeof(struct note) + epoch->text.capacity;
}

uint64_t board_changes_bytes(const struct board_changes *changes)
{
    uint64_t sum = sizeof(*changes);

    for (const struct epoch *epoch = changes->first; epoch != NULL; epoch = epoch->next)
        sum += epoch_bytes(epoch);
    if (changes->spare != NULL)
        sum += epoch_bytes(changes->spare);
    return sum +
           (changes->slots != NULL ? (changes->slot_mask + UINT64_C(1)) * sizeof(uint32_t) : 0);
}

static struct span text_of(const struct epoch *epoch, const struct note *note)
{
    return (struct span){epoch->text.data + note->text_at, note->text_size};
}

/* Makes room for the whole list: the oldest epochs go, and with them those who need them. */
static bool make_room(struct board_changes *changes)
{
    while (changes->note_count >= BOARD_CHANGES_MAX && changes->first != changes->last)
        drop_first(changes);
    if (changes->note_count < BOARD_CHANGES_MAX)
        return true;
    stop_noting(changes);
    return false;
}

static void grow(struct board_changes *changes, struct epoch *epoch)
{
    uint32_t n = epoch->capacity > 0 ? 2 * epoch->capacity : CAPACITY_MIN;

    if (epoch->count == epoch->capacity) {
        epoch->notes = bytes_realloc(epoch->notes, n * sizeof(epoch->notes[0]));
        epoch->capacity = n;
    }
    if (changes->slots != NULL && changes->slot_mask + 1 >= 2 * (epoch->count + 1))
        return;
    changes->slots = bytes_realloc(changes->slots, 2 * (size_t)epoch->capacity * sizeof(uint32_t));
    changes->slot_mask = 2 * epoch->capacity - 1;
    clear_slots(changes);
    for (uint32_t i = 0; i < epoch->count; i++) {
        uint32_t at = (uint32_t)epoch->notes[i].hash & changes->slot_mask;

        while (changes->slots[at] != SLOT_FREE)
            at = (at + 1) & changes->slot_mask;
        changes->slots[at] = i;
    }
}

/* `old` NULL: room for them, as all notes of a board have. */
static void put_subscores(const struct board *board, uint32_t id, const struct standing *old,
                          struct bytes *out)
{
    for (uint32_t i = 0; i < board->subs.count; i++) {
        uint64_t key = 0;

        if (old != NULL)
            key = old->subs != NULL ? old->subs[i] : entry_sub(&board->entries, id, i);
        bytes_put(out, &key, sizeof(key));
    }
}

void board_changes_note(struct board *board, uint32_t id, uint32_t segment,
                        const struct standing *old)
{
    struct board_changes *changes = board->changes;
    struct epoch *epoch = changes->last;
    struct span member;
    uint64_t hash;
    uint32_t at;

    if (changes->follower_count == 0)
        return;
    if (!changes->noting) {
        changes->seen++;
        return;
    }
    grow(changes, epoch);
    member = entry_member(&board->entries, id);
    hash = board_entries_hash(&board->entries, hash_bytes(member.data, member.size), segment);
    for (at = (uint32_t)hash & changes->slot_mask; changes->slots[at] != SLOT_FREE;
         at = (at + 1) & changes->slot_mask) {
        const struct note *note = &epoch->notes[changes->slots[at]];

        if (note->hash == hash && note->segment == segment &&
            span_equal(text_of(epoch, note), member))
            return; /* as it stood first is what counts */
    }
    changes->seen++;
    if (!make_room(changes))
        return;
    changes->slots[at] = epoch->count;
    put_subscores(board, id, old, &epoch->text);
    epoch->notes[epoch->count++] = (struct note){
        .hash = hash,
        .old_bits = old != NULL ? old->bits : 0,
        .old_reached_ms = old != NULL ? old->reached_ms : 0,
        .segment = segment,
        .text_at = (uint32_t)epoch->text.size,
        .text_size = (uint16_t)member.size,
        .existed = old != NULL,
    };
    bytes_put(&epoch->text, member.data, member.size);
    changes->note_count++;
}

/* ---- following ---- */

static struct follower *find_follower(struct board_changes *changes, uint64_t id)
{
    for (uint32_t i = 0; i < changes->follower_count; i++)
        if (changes->followers[i].id == id)
            return &changes->followers[i];
    return NULL;
}

static void set_place(struct board_changes *changes, struct follower *follower)
{
    follower->epoch = begin_epoch(changes);
    follower->used = changes->uses++;
    follower->seen = changes->seen;
    drop_seen(changes);
}

/* Of all boards: a board that takes another's place must not know its followers. */
static _Atomic uint64_t follower_next = 1;

uint64_t board_changes_follow(const struct board *board)
{
    struct board_changes *changes = board->changes;
    struct follower *follower = &changes->followers[0];

    if (changes->follower_count < BOARD_FOLLOWERS_MAX) {
        follower = &changes->followers[changes->follower_count++];
    } else {
        for (uint32_t i = 1; i < BOARD_FOLLOWERS_MAX; i++)
            if (changes->followers[i].used < follower->used)
                follower = &changes->followers[i];
    }
    follower->id = atomic_fetch_add_explicit(&follower_next, 1, memory_order_relaxed);
    set_place(changes, follower);
    return follower->id;
}

uint64_t board_changes_take(const struct board *board, uint64_t id)
{
    struct board_changes *changes = board->changes;
    struct follower *follower = find_follower(changes, id);
    uint64_t missed = 0;

    if (follower == NULL)
        return 0;
    if (is_lost(changes, follower))
        missed = changes->seen - follower->seen;
    set_place(changes, follower);
    return missed;
}

/* ---- listing ---- */

/* The notes of several epochs, each entry once: by its first note. */
struct distinct {
    const struct note **notes;
    const struct epoch **epochs; /* of each note */
    uint32_t count;
    uint32_t *slots; /* NULL: a single epoch, whose notes are distinct */
    uint32_t slot_mask;
};

static void distinct_init(struct distinct *distinct, const struct epoch *from)
{
    uint32_t total = 0;
    uint32_t slot_count = 16;

    *distinct = (struct distinct){0};
    for (const struct epoch *epoch = from; epoch != NULL; epoch = epoch->next)
        total += epoch->count;
    distinct->notes = bytes_alloc((total + 1) * sizeof(distinct->notes[0]));
    distinct->epochs = bytes_alloc((total + 1) * sizeof(distinct->epochs[0]));
    if (from->count == total || from->next == NULL)
        return;
    while (slot_count < 2 * total)
        slot_count *= 2;
    distinct->slots = bytes_alloc(slot_count * sizeof(uint32_t));
    memset(distinct->slots, 0xff, slot_count * sizeof(uint32_t));
    distinct->slot_mask = slot_count - 1;
}

static void distinct_done(struct distinct *distinct)
{
    free(distinct->notes);
    free(distinct->epochs);
    free(distinct->slots);
}

static void distinct_add(struct distinct *distinct, const struct epoch *epoch,
                         const struct note *note)
{
    if (distinct->slots != NULL) {
        uint32_t at = (uint32_t)note->hash & distinct->slot_mask;

        for (; distinct->slots[at] != SLOT_FREE; at = (at + 1) & distinct->slot_mask) {
            uint32_t other = distinct->slots[at];

            if (distinct->notes[other]->hash == note->hash &&
                distinct->notes[other]->segment == note->segment &&
                span_equal(text_of(distinct->epochs[other], distinct->notes[other]),
                           text_of(epoch, note)))
                return;
        }
        distinct->slots[at] = distinct->count;
    }
    distinct->notes[distinct->count] = note;
    distinct->epochs[distinct->count++] = epoch;
}

static struct rank_key old_key(const struct board *board, const struct note *note,
                               struct span member)
{
    struct rank_key key = {.score = board_score_key(board, note->old_bits)};
    size_t subs_size = board->subs.count * sizeof(uint64_t);

    memcpy(key.ties, member.data - subs_size, subs_size);
    key.ties[board->subs.count] = ranktree_tie(board->def.ties, note->old_reached_ms);
    return key;
}

/* Adds a change, unless the entry stands where it stood. `list` has room for it. */
static void list_add(const struct board *board, const struct note *note, struct span member,
                     struct board_change_list *list)
{
    const struct entry_key found = {note->hash, member, note->segment};
    uint32_t id = board_entries_find(&board->entries, &found);
    struct board_change *change = &list->changes[list->count];
    struct board_entry entry;

    *change = (struct board_change){
        .segment = note->segment, .existed = note->existed, .exists = id != ENTRY_NONE};
    if (change->existed) {
        change->old_score = board_value(board, note->old_bits);
        change->old_key = old_key(board, note, member);
    }
    if (change->exists) {
        board_get(board, id, &entry);
        change->score = entry.score;
        change->reached_ms = entry.reached_ms;
        change->key = entry.key;
    }
    change->key.member = (struct span){list->text.data + list->text.size, member.size};
    change->old_key.member = change->key.member;
    bytes_put(&list->text, member.data, member.size);
    if (change->existed != change->exists ||
        (change->exists && rank_key_compare(&change->old_key, &change->key) != 0))
        list->count++;
}

static void list_room(struct board_change_list *list, const struct distinct *distinct)
{
    size_t text_size = 0;

    for (uint32_t i = 0; i < distinct->count; i++)
        text_size += distinct->notes[i]->text_size;
    list->count = 0;
    bytes_clear(&list->text);
    bytes_reserve(&list->text, text_size + 1); /* so that it stays where it is */
    if (distinct->count <= list->capacity)
        return;
    list->changes = bytes_realloc(list->changes, distinct->count * sizeof(list->changes[0]));
    list->capacity = distinct->count;
}

bool board_changes_list(const struct board *board, uint64_t id, struct board_change_list *out_list)
{
    struct board_changes *changes = board->changes;
    const struct follower *follower = find_follower(changes, id);
    const struct epoch *from = changes->first;
    struct distinct distinct;

    out_list->count = 0;
    if (follower == NULL || is_lost(changes, follower))
        return false;
    while (from->number < follower->epoch)
        from = from->next;
    distinct_init(&distinct, from);
    for (const struct epoch *epoch = from; epoch != NULL; epoch = epoch->next)
        for (uint32_t i = 0; i < epoch->count; i++)
            distinct_add(&distinct, epoch, &epoch->notes[i]);
    list_room(out_list, &distinct);
    for (uint32_t i = 0; i < distinct.count; i++) {
        if (i + 2 * PREFETCH_AHEAD < distinct.count)
            board_entries_prefetch(&board->entries, distinct.notes[i + 2 * PREFETCH_AHEAD]->hash);
        if (i + PREFETCH_AHEAD < distinct.count)
            board_entries_prefetch_record(&board->entries,
                                          distinct.notes[i + PREFETCH_AHEAD]->hash);
        list_add(board, distinct.notes[i], text_of(distinct.epochs[i], distinct.notes[i]),
                 out_list);
    }
    distinct_done(&distinct);
    return true;
}

void board_changes_list_done(struct board_change_list *list)
{
    free(list->changes);
    bytes_done(&list->text);
    *list = (struct board_change_list){0};
}
