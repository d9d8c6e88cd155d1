// SPDX-License-Identifier: Apache-2.0
/*
 * yaml.h - YAML text to the JSON tree that definitions and settings are read from.
 *
 * The config is YAML, PUT takes JSON, and both become the same tree, so that there is one reader
 * and one set of errors for either. Plain scalars follow the core schema of YAML 1.2 (`no` is a
 * string, not false); quoted and block scalars are strings. Refused, with line and column: a key
 * that stands twice, anchors and aliases, tags other than !!str, a second document, numbers that
 * JSON cannot hold, and whatever exceeds the bounds below. No text reads as null.
 *
 * A tree has no places. yaml_locate finds the place of a path such as "streams.plays.fields" by
 * reading the text once more, which happens only when there is an error to report.
 *
 * Thread: any; no state between calls.
 */
#ifndef TALLYWHEEL_BASE_YAML_H
#define TALLYWHEEL_BASE_YAML_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct err;
struct json_t;

#define YAML_TEXT_BYTES_MAX (16 * 1024 * 1024)
#define YAML_DEPTH_MAX 32
#define YAML_NODES_MAX (1024 * 1024)

/*
 * Errors begin "source:line:column: ", both counted from 1. The caller gives the tree back with
 * json_decref.
 */
int yaml_read(struct json_t **out_tree, const char *source, struct span text, struct err *err);

/* The same tree from JSON text, as strict about keys that stand twice. */
int yaml_read_json(struct json_t **out_tree, const char *source, struct span text, struct err *err);

/*
 * Where in YAML text the node of a path stands. `path` may go on after the path itself, as the
 * text of an error does ("boards.season.by[1]: …"); the deepest node that it leads to is taken.
 * False if there is none.
 */
bool yaml_locate(struct span text, const char *path, uint32_t *out_line, uint32_t *out_column);

#endif
