// SPDX-License-Identifier: Apache-2.0
/*
 * definition_private.h - how the three kinds of definition read their objects.
 *
 * A kind is a table of keys, each with a function that reads its value into the kind's own state;
 * definition_read_keys walks an object by such a table, so that the list of known keys in an error
 * can not differ from what is read. Every error begins with the path of the value that is wrong.
 *
 * Thread: any; no state.
 */
#ifndef TALLYWHEEL_MODEL_DEFINITION_PRIVATE_H
#define TALLYWHEEL_MODEL_DEFINITION_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "model/definition.h"

struct err;
struct json_out;
struct json_t;

#define DEFINITION_PATH_BYTES 256
#define DEFINITION_MS_MAX (INT64_C(100) * 365 * 86400000) /* a hundred years */
#define DEFINITION_EVERY_MS_MIN 100
#define DEFINITION_EVERY_MS_MAX (INT64_C(10) * 365 * 86400000)

/* "streams.plays.fields": where a value stands. */
struct definition_path {
    char text[DEFINITION_PATH_BYTES];
};

struct definition_key {
    const char *name;
    /* Reads the value of this key into `state`. */
    int (*read)(void *state, const struct definition_path *path, const struct json_t *value,
                struct err *err);
};

struct definition_path definition_path_key(const struct definition_path *parent, const char *key);
struct definition_path definition_path_index(const struct definition_path *parent, size_t index);

/* Checks the name of a definition, copies it, and says where its object stands. */
int definition_start(enum definition_kind kind, const char *name, char out_name[NAME_BYTES_MAX],
                     struct definition_path *out_path, struct err *err);

/* Reads an object key by key; an unknown key is an error that lists those of the table. */
int definition_read_keys(void *state, const struct definition_key *keys, size_t key_count,
                         const struct definition_path *path, const struct json_t *tree,
                         struct err *err);

/* A name of something: letters, digits, _ . - and no digit first. `what` is "a field", … */
int definition_read_name(char out_name[NAME_BYTES_MAX], const char *what,
                         const struct definition_path *path, const struct json_t *value,
                         struct err *err);

/* The same for text that is a key of an object. `path` is that of the object. */
int definition_check_name(const char *name, const struct definition_path *path, struct err *err);

/* A list of names, none twice. */
int definition_read_by(char out_by[BY_FIELDS_MAX][NAME_BYTES_MAX], uint32_t *out_count,
                       const struct definition_path *path, const struct json_t *value,
                       struct err *err);

int definition_read_duration(int64_t *out_ms, int64_t min_ms, int64_t max_ms,
                             const struct definition_path *path, const struct json_t *value,
                             struct err *err);

/* One of `count` words; `what` is how such a word is called in errors. */
int definition_read_word(uint32_t *out_index, const char *what, const char *const *words,
                         uint32_t count, const struct definition_path *path,
                         const struct json_t *value, struct err *err);

/* "sum(points)" */
int definition_read_call(struct call *out_call, const char *example,
                         const struct definition_path *path, const struct json_t *value,
                         struct err *err);

/* "weekly", {cron: "0 6 * * 1"} or {rolling: 7d}; and the name of a zone. */
int period_def_read(struct period_def *period, const struct definition_path *path,
                    const struct json_t *value, struct err *err);
int period_def_read_zone(struct period_def *period, const struct definition_path *path,
                         const struct json_t *value, struct err *err);

/* The members "period" and "time_zone", where they are not the default. */
void period_def_print(const struct period_def *period, struct json_out *out);

void definition_print_call(const struct call *call, const char *key, struct json_out *out);
void definition_print_by(const char by[BY_FIELDS_MAX][NAME_BYTES_MAX], uint32_t count,
                         struct json_out *out);
void definition_print_duration(const char *key, int64_t ms, struct json_out *out);

#endif
