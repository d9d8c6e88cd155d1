// SPDX-License-Identifier: Apache-2.0
/* zset_model.c - see zset_model.h: keys, and lists of commands. */
#include "support/zset_model.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "model/command.h"
#include "model/reply.h"
#include "support/zset_model_ops.h"

static struct zset_name name_of(struct span span)
{
    struct zset_name name = {.size = (uint32_t)span.size};

    assert(span.size <= ZSET_NAME_MAX);
    if (span.size > 0)
        memcpy(name.data, span.data, span.size);
    return name;
}

int zset_compare_names(const struct zset_name *a, const struct zset_name *b)
{
    for (uint32_t i = 0; i < a->size && i < b->size; i++)
        if (a->data[i] != b->data[i])
            return (unsigned char)a->data[i] < (unsigned char)b->data[i] ? -1 : 1;
    return (int)a->size - (int)b->size;
}

static int compare_keys(const void *a, const void *b)
{
    return zset_compare_names(&((const struct zset_key *)a)->name,
                              &((const struct zset_key *)b)->name);
}

static int compare_members(const void *a, const void *b)
{
    const struct zset_member *x = a;
    const struct zset_member *y = b;

    if (x->score < y->score)
        return -1;
    return x->score > y->score ? 1 : zset_compare_names(&x->name, &y->name);
}

void zset_sort(struct zset_key *key)
{
    qsort(key->members, key->count, sizeof(key->members[0]), compare_members);
}

struct zset_key *zset_key_find(struct zset_model *model, struct span name)
{
    for (uint32_t i = 0; i < model->count; i++) {
        struct zset_key *key = &model->keys[i];

        if (key->name.size == name.size && memcmp(key->name.data, name.data, name.size) == 0)
            return key->deadline_ms != 0 && key->deadline_ms <= model->now_ms ? NULL : key;
    }
    return NULL;
}

struct zset_key *zset_key_make(struct zset_model *model, struct span name)
{
    assert(zset_key_find(model, name) == NULL);
    model->keys = bytes_realloc(model->keys, (model->count + 1) * sizeof(model->keys[0]));
    model->keys[model->count++] = (struct zset_key){.name = name_of(name)};
    qsort(model->keys, model->count, sizeof(model->keys[0]), compare_keys);
    return zset_key_find(model, name);
}

static struct zset_removed *find_removed(struct zset_model *model, const struct zset_name *name)
{
    for (uint32_t i = 0; i < model->removed_count; i++)
        if (zset_compare_names(&model->removed[i].name, name) == 0)
            return &model->removed[i];
    return NULL;
}

static void note_removed(struct zset_model *model, const struct zset_key *key)
{
    struct zset_removed *removed = find_removed(model, &key->name);

    if (removed == NULL) {
        model->removed =
            bytes_realloc(model->removed, (model->removed_count + 1) * sizeof(model->removed[0]));
        removed = &model->removed[model->removed_count++];
        removed->name = key->name;
    }
    removed->version = key->version + ((int64_t)1 << 62);
}

/* Of a key that is gone, or past its deadline: the version that it had, far away from others. */
int64_t zset_version(struct zset_model *model, struct span name)
{
    struct zset_key *key = zset_key_find(model, name);
    struct zset_name copy = name_of(name);
    struct zset_removed *removed = find_removed(model, &copy);

    if (key != NULL)
        return key->version;
    for (uint32_t i = 0; i < model->count; i++)
        if (zset_compare_names(&model->keys[i].name, &copy) == 0)
            return model->keys[i].version + ((int64_t)1 << 62);
    return removed != NULL ? removed->version : 0;
}

void zset_key_remove(struct zset_model *model, struct zset_key *key)
{
    size_t at = (size_t)(key - model->keys);

    if (key->version != 0)
        note_removed(model, key);
    free(key->members);
    memmove(key, key + 1, (model->count - at - 1) * sizeof(*key));
    model->count--;
}

struct zset_member *zset_find(struct zset_key *key, struct span name)
{
    for (uint32_t i = 0; key != NULL && i < key->count; i++)
        if (key->members[i].name.size == name.size &&
            memcmp(key->members[i].name.data, name.data, name.size) == 0)
            return &key->members[i];
    return NULL;
}

void zset_put(struct zset_key *key, struct span name, double score)
{
    struct zset_member *member = zset_find(key, name);

    if (member == NULL) {
        key->members = bytes_realloc(key->members, (key->count + 1) * sizeof(key->members[0]));
        member = &key->members[key->count++];
        *member = (struct zset_member){.name = name_of(name)};
    }
    member->score = score == 0 ? 0 : score; /* -0 is 0 */
    zset_sort(key);
}

void zset_take(struct zset_key *key, uint32_t from, uint32_t to)
{
    memmove(&key->members[from], &key->members[to], (key->count - to) * sizeof(key->members[0]));
    key->count -= to - from;
}

void zset_changed(struct zset_model *model, struct zset_key *key)
{
    if (key->count == 0)
        zset_key_remove(model, key);
    else
        key->version = ++model->version;
}

void zset_model_done(struct zset_model *model)
{
    while (model->count > 0)
        zset_key_remove(model, &model->keys[0]);
    free(model->keys);
    free(model->removed);
    *model = (struct zset_model){0};
}

static bool watch_holds(struct zset_model *model, const struct command_list *list,
                        const struct command *command)
{
    for (uint32_t i = 0; i < command->key_count; i++) {
        if (command_arg_int(list, command, command->key_count + i) !=
            zset_version(model, command_arg(list, command, i)))
            return false;
    }
    return true;
}

void zset_model_execute(struct zset_model *model, const struct command_list *list, int64_t wall_ms,
                        struct bytes *replies, size_t *out_ends)
{
    model->now_ms = wall_ms;
    for (uint32_t i = model->count; list->write_count > 0 && i-- > 0;)
        if (model->keys[i].deadline_ms != 0 && model->keys[i].deadline_ms <= wall_ms)
            zset_key_remove(model, &model->keys[i]);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct command *command = &list->commands[i];
        int64_t skipped = 0;

        if (command->op == COMMAND_IF_WATCHED) {
            bool holds = watch_holds(model, list, command);

            reply_bool(replies, holds);
            if (!holds)
                skipped = command_arg_int(list, command, command->arg_count - 1);
        } else {
            zset_model_operate(model, list, command, replies);
        }
        out_ends[i] = replies->size;
        for (; skipped > 0 && i + 1 < list->count; skipped--)
            out_ends[++i] = replies->size;
    }
}
