// SPDX-License-Identifier: Apache-2.0
/*
 * conf_text.h - what error texts about names and values are made of.
 *
 * Thread: any; no state.
 */
#ifndef TALLYWHEEL_BASE_CONF_TEXT_H
#define TALLYWHEEL_BASE_CONF_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct json_t;

#define CONF_QUOTE_BYTES 72

/* A piece of somebody else's text that is safe to show: `"…"`, cut to fit, nothing unprintable. */
struct conf_quote {
    char text[CONF_QUOTE_BYTES];
};

struct conf_quote conf_quote(struct span text);

/* What a value of a tree looks like: `"abc"`, `12`, `true`, `null`, `a list`, `an object`. */
struct conf_quote conf_quote_value(const struct json_t *value);

/* The candidate that `word` is most likely a slip of, or NULL if none is near. */
const char *conf_nearest(struct span word, const char *const *candidates, size_t count);

/* Puts "a, b, c" into `out`, cut at a whole word (then "…") when it does not fit. */
void conf_join(char *out, size_t out_bytes, const char *const *words, size_t count);

#endif
