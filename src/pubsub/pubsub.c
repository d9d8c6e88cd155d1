// SPDX-License-Identifier: Apache-2.0
/*
 * pubsub.c - the counts that all workers share; see pubsub.h.
 *
 * A table for each kind, of names with a count for each worker. A name without subscribers is
 * removed, so the table is as large as what is subscribed to, which the limits bound.
 *
 * Thread: any; one lock.
 */
#include "pubsub/pubsub.h"

#include <assert.h>
#include <stdlib.h>
#include <uv.h>

#include "base/hash.h"
#include "pubsub/pubsub_private.h"

#define SLOTS_FIRST 64

struct pubsub *pubsub_new(uint32_t worker_count)
{
    struct pubsub *pubsub = bytes_alloc_zero(1, sizeof(*pubsub));

    assert(worker_count > 0 && worker_count <= PUBSUB_WORKERS_MAX);
    pubsub->worker_count = worker_count;
    uv_rwlock_init(&pubsub->lock);
    return pubsub;
}

void pubsub_free(struct pubsub *pubsub)
{
    if (pubsub == NULL)
        return;
    for (int kind = 0; kind < PUBSUB_KIND_COUNT; kind++) {
        struct pubsub_names *names = &pubsub->names[kind];

        for (uint32_t i = 0; i < names->slot_count; i++)
            while (names->slots[i] != NULL) {
                struct pubsub_name *name = names->slots[i];

                names->slots[i] = name->next;
                free(name);
            }
        free(names->slots);
    }
    uv_rwlock_destroy(&pubsub->lock);
    free(pubsub);
}

static struct pubsub_name **find(struct pubsub_names *names, struct span text, uint64_t hash)
{
    struct pubsub_name **at;

    if (names->slot_count == 0)
        return NULL;
    at = &names->slots[hash & (names->slot_count - 1)];
    while (*at != NULL &&
           ((*at)->hash != hash || !span_equal((struct span){(*at)->text, (*at)->size}, text)))
        at = &(*at)->next;
    return at;
}

static void grow(struct pubsub_names *names)
{
    uint32_t slot_count = names->slot_count == 0 ? SLOTS_FIRST : names->slot_count * 2;
    struct pubsub_name **slots = bytes_alloc_zero(slot_count, sizeof(slots[0]));

    for (uint32_t i = 0; i < names->slot_count; i++)
        while (names->slots[i] != NULL) {
            struct pubsub_name *name = names->slots[i];

            names->slots[i] = name->next;
            name->next = slots[name->hash & (slot_count - 1)];
            slots[name->hash & (slot_count - 1)] = name;
        }
    free(names->slots);
    names->slots = slots;
    names->slot_count = slot_count;
}

static struct pubsub_name *add(struct pubsub *pubsub, struct pubsub_names *names, struct span text,
                               uint64_t hash)
{
    size_t counts_bytes = pubsub->worker_count * sizeof(uint32_t);
    struct pubsub_name *name;
    struct pubsub_name **slot;

    if (names->count >= names->slot_count)
        grow(names);
    name = bytes_alloc_zero(1, sizeof(*name) + counts_bytes + text.size);
    name->hash = hash;
    name->counts = (uint32_t *)(void *)(name + 1);
    name->text = (char *)(name + 1) + counts_bytes;
    name->size = text.size;
    if (text.size > 0)
        memcpy(name->text, text.data, text.size);
    slot = &names->slots[hash & (names->slot_count - 1)];
    name->next = *slot;
    *slot = name;
    names->count++;
    return name;
}

void pubsub_change(struct pubsub *pubsub, enum pubsub_kind kind, struct span text, uint32_t worker,
                   int change)
{
    struct pubsub_names *names = &pubsub->names[kind];
    uint64_t hash = hash_bytes(text.data, text.size);
    struct pubsub_name **at;
    struct pubsub_name *name;

    uv_rwlock_wrlock(&pubsub->lock);
    at = find(names, text, hash);
    name = at != NULL && *at != NULL ? *at : add(pubsub, names, text, hash);
    assert(change > 0 || name->counts[worker] > 0);
    name->counts[worker] += (uint32_t)change;
    name->total += (uint32_t)change;
    if (name->total == 0) {
        at = find(names, text, hash);
        *at = name->next;
        names->count--;
        free(name);
    }
    uv_rwlock_wrunlock(&pubsub->lock);
}

uint32_t pubsub_count(struct pubsub *pubsub, enum pubsub_kind kind, struct span name)
{
    struct pubsub_name **at;
    uint32_t count;

    uv_rwlock_rdlock(&pubsub->lock);
    at = find(&pubsub->names[kind], name, hash_bytes(name.data, name.size));
    count = at != NULL && *at != NULL ? (*at)->total : 0;
    uv_rwlock_rdunlock(&pubsub->lock);
    return count;
}

uint32_t pubsub_names(struct pubsub *pubsub, enum pubsub_kind kind)
{
    uint32_t count;

    uv_rwlock_rdlock(&pubsub->lock);
    count = pubsub->names[kind].count;
    uv_rwlock_rdunlock(&pubsub->lock);
    return count;
}

static void each(struct pubsub_names *names, const struct span *pattern,
                 void (*found)(void *context, struct span name), void *context)
{
    for (uint32_t i = 0; i < names->slot_count; i++)
        for (struct pubsub_name *name = names->slots[i]; name != NULL; name = name->next) {
            struct span text = {name->text, name->size};

            if (pattern == NULL || pubsub_match(*pattern, text))
                found(context, text);
        }
}

void pubsub_each(struct pubsub *pubsub, enum pubsub_kind kind, const struct span *pattern,
                 void (*found)(void *context, struct span name), void *context)
{
    uv_rwlock_rdlock(&pubsub->lock);
    each(&pubsub->names[kind], pattern, found, context);
    uv_rwlock_rdunlock(&pubsub->lock);
}

static uint32_t add_targets(const struct pubsub *pubsub, const struct pubsub_name *name,
                            uint64_t *targets)
{
    for (uint32_t i = 0; i < pubsub->worker_count; i++)
        if (name->counts[i] > 0)
            *targets |= UINT64_C(1) << i;
    return name->total;
}

uint32_t pubsub_targets(struct pubsub *pubsub, enum pubsub_kind kind, struct span channel,
                        uint64_t *out_targets)
{
    struct pubsub_names *patterns = &pubsub->names[PUBSUB_PATTERN];
    struct pubsub_name **at;
    uint32_t count = 0;

    *out_targets = 0;
    uv_rwlock_rdlock(&pubsub->lock);
    at = find(&pubsub->names[kind], channel, hash_bytes(channel.data, channel.size));
    if (at != NULL && *at != NULL)
        count += add_targets(pubsub, *at, out_targets);
    for (uint32_t i = 0; kind == PUBSUB_CHANNEL && patterns->count > 0 && i < patterns->slot_count;
         i++)
        for (struct pubsub_name *name = patterns->slots[i]; name != NULL; name = name->next)
            if (pubsub_match((struct span){name->text, name->size}, channel))
                count += add_targets(pubsub, name, out_targets);
    uv_rwlock_rdunlock(&pubsub->lock);
    return count;
}

/* ---- patterns ---- */

/* A class behind its "[": whether `c` is in it; `*at` moves behind the "]". */
static bool match_class(struct span pattern, size_t *at, unsigned char c)
{
    bool inverted = *at < pattern.size && pattern.data[*at] == '^';
    bool found = false;

    *at += inverted;
    for (; *at < pattern.size && pattern.data[*at] != ']'; ++*at) {
        unsigned char low = (unsigned char)pattern.data[*at];

        if (low == '\\' && *at + 1 < pattern.size) {
            low = (unsigned char)pattern.data[++*at];
            found = found || low == c;
        } else if (*at + 2 < pattern.size && pattern.data[*at + 1] == '-') {
            unsigned char high = (unsigned char)pattern.data[*at + 2];

            found = found || (c >= (low < high ? low : high) && c <= (low < high ? high : low));
            *at += 2;
        } else {
            found = found || low == c;
        }
    }
    *at += *at < pattern.size; /* without a "]" the class ends with the pattern */
    return found != inverted;
}

/*
 * Only the last star can still be given more, so a pattern costs at most its size times that of
 * the text, whatever it is.
 */
bool pubsub_match(struct span pattern, struct span text)
{
    size_t star = SIZE_MAX; /* behind the last star */
    size_t star_text = 0;
    size_t p = 0;
    size_t t = 0;

    if (text.size == 0)
        return pattern.size == 0; /* as Redis has it, stars or not */
    for (;;) {
        bool ok = false;

        if (p < pattern.size && pattern.data[p] == '*') {
            star = ++p;
            star_text = t;
            continue;
        }
        if (t == text.size && p == pattern.size)
            return true;
        if (t < text.size && p < pattern.size) {
            if (pattern.data[p] == '?') {
                ok = true;
                p++;
            } else if (pattern.data[p] == '[') {
                p++;
                ok = match_class(pattern, &p, (unsigned char)text.data[t]);
            } else {
                if (pattern.data[p] == '\\' && p + 1 < pattern.size)
                    p++;
                ok = pattern.data[p] == text.data[t];
                p++;
            }
        }
        if (ok) {
            t++;
        } else {
            if (star == SIZE_MAX || star_text >= text.size)
                return false;
            p = star;
            t = ++star_text;
        }
    }
}
