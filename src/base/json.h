// SPDX-License-Identifier: Apache-2.0
/*
 * json.h - writes JSON text onto a byte buffer.
 *
 * The writer puts commas itself: call json_out_key before each value inside an object. Nesting is
 * at most JSON_DEPTH_MAX. Strings are expected to be UTF-8 (which ingest checks) and are escaped.
 * (json_object and the like are functions of jansson, which reads JSON.)
 *
 * Thread: one owner at a time.
 */
#ifndef TALLYWHEEL_BASE_JSON_H
#define TALLYWHEEL_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define JSON_DEPTH_MAX 32

struct json_out {
    struct bytes *bytes;
    uint32_t depth;
    bool comma[JSON_DEPTH_MAX]; /* a value stands before, at this depth */
};

void json_out_init(struct json_out *out, struct bytes *bytes);

void json_out_object(struct json_out *out);
void json_out_object_end(struct json_out *out);
void json_out_array(struct json_out *out);
void json_out_array_end(struct json_out *out);
void json_out_key(struct json_out *out, const char *key);
void json_out_key_span(struct json_out *out, struct span key);
void json_out_string(struct json_out *out, struct span text);
void json_out_text(struct json_out *out, const char *text);
void json_out_int(struct json_out *out, int64_t value);
void json_out_uint(struct json_out *out, uint64_t value);
void json_out_bool(struct json_out *out, bool value);
void json_out_null(struct json_out *out);

/* The shortest text that reads back as the same double; null for NaN and infinities. */
void json_out_double(struct json_out *out, double value);

/* A value that is JSON already. */
void json_out_raw(struct json_out *out, struct span json);

/* The bare pieces, without commas. */
void json_put_string(struct bytes *bytes, struct span text);
void json_put_int(struct bytes *bytes, int64_t value);
void json_put_double(struct bytes *bytes, double value);

#endif
