// SPDX-License-Identifier: Apache-2.0
/*
 * json_simd.cpp - see json_simd.h. The one C++ file: simdjson has no C ABI.
 *
 * Nothing here throws: allocation failures end the process as they do in base/bytes.c.
 */
#include "wire/json_simd.h"

#include <cassert>
#include <memory>

#include <simdjson.h>

namespace numbers = simdjson::SIMDJSON_BUILTIN_IMPLEMENTATION::numberparsing;

/* Enough for the blocks that ndjson.c makes; a longer line makes it grow. */
static const size_t capacity_min = 64 * 1024;
static const size_t capacity_keep_max = 256 * 1024;
static const size_t depth_max = 1; /* of simdjson's second stage, which is not used */

struct json_simd {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
};

struct json_simd *json_simd_new(void)
{
    json_simd *simd = new json_simd();
    simdjson::error_code error =
        simdjson::get_active_implementation()->create_dom_parser_implementation(
            capacity_min, depth_max, simd->parser);

    assert(error == simdjson::SUCCESS);
    (void)error;
    return simd;
}

void json_simd_free(struct json_simd *simd)
{
    delete simd;
}

static void set_capacity(struct json_simd *simd, size_t capacity)
{
    simdjson::error_code error = simd->parser->set_capacity(capacity);

    assert(error == simdjson::SUCCESS);
    (void)error;
}

void json_simd_trim(struct json_simd *simd)
{
    if (simd->parser->capacity() > capacity_keep_max)
        set_capacity(simd, capacity_min);
}

static void grow(struct json_simd *simd, size_t size)
{
    size_t capacity = simd->parser->capacity();

    while (capacity < size)
        capacity *= 2;
    set_capacity(simd, capacity);
}

enum json_simd_result json_simd_tokens(struct json_simd *simd, const char *data, size_t size,
                                       const uint32_t **out_tokens, uint32_t *out_count)
{
    simdjson::internal::dom_parser_implementation &parser = *simd->parser;
    simdjson::error_code error;

    if (size == 0)
        return JSON_SIMD_BLANK;
    if (size > parser.capacity())
        grow(simd, size);
    error = parser.stage1(reinterpret_cast<const uint8_t *>(data), size,
                          simdjson::stage1_mode::regular);
    switch (error) {
    case simdjson::SUCCESS:
        *out_tokens = parser.structural_indexes.get();
        *out_count = parser.n_structural_indexes;
        assert((*out_tokens)[*out_count] == size);
        return JSON_SIMD_OK;
    case simdjson::EMPTY:
        return JSON_SIMD_BLANK;
    case simdjson::UNCLOSED_STRING:
        return JSON_SIMD_UNCLOSED;
    case simdjson::UNESCAPED_CHARS:
        return JSON_SIMD_CONTROL;
    default:
        assert(error == simdjson::UTF8_ERROR);
        return JSON_SIMD_UTF8;
    }
}

bool json_simd_unescape(const struct json_simd *simd, const char *data, char *out, size_t *out_size)
{
    uint8_t *start = reinterpret_cast<uint8_t *>(out);
    uint8_t *end = simd->parser->parse_string(reinterpret_cast<const uint8_t *>(data), start);

    if (end == nullptr)
        return false;
    *out_size = static_cast<size_t>(end - start);
    /* A low surrogate alone passes simdjson 3.0 and gives bytes that are no UTF-8. */
    return simdjson::validate_utf8(out, *out_size);
}

bool json_simd_double(const char *data, size_t size, double *out_value)
{
    const uint8_t *start = reinterpret_cast<const uint8_t *>(data);

    return numbers::parse_double(start, start + size).get(*out_value) == simdjson::SUCCESS;
}
