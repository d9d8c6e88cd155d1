// SPDX-License-Identifier: Apache-2.0
/*
 * row_skip.c - walks over a value that nobody wants, but that must be JSON.
 *
 * The kind of every open bracket is a bit, so depth costs no stack, and is bounded.
 */
#include "wire/row_reader.h"

#include "wire/json_text.h"

static const uint32_t *skip_scalar(struct row_reader *reader, const uint32_t *token)
{
    const char *at = reader->base + *token;

    switch (*at) {
    case '"': {
        struct span text = row_reader_string(reader, token);

        if (row_reader_has_escape(reader, text) && !json_text_escapes_are_valid(text))
            return row_reader_broken(reader, token, "a wrong escape in the string");
        return token + 1;
    }
    case 't':
        if (json_text_is_word(at, "true", 4))
            return token + 1;
        break;
    case 'f':
        if (json_text_is_word(at, "false", 5))
            return token + 1;
        break;
    case 'n':
        if (json_text_is_word(at, "null", 4))
            return token + 1;
        break;
    default:
        if (json_text_number_end(at) != NULL)
            return token + 1;
        break;
    }
    return row_reader_broken(reader, token, "expected a value");
}

/* The brackets that are open, outermost first: a bit each, set for an object. */
struct nesting {
    uint64_t objects[ROW_DEPTH_MAX / 64];
    uint32_t depth;
};

static bool nesting_is_object(const struct nesting *nesting)
{
    uint32_t top = nesting->depth - 1;

    return nesting->objects[top / 64] >> (top % 64) & 1;
}

static void nesting_push(struct nesting *nesting, bool is_object)
{
    uint64_t *word = &nesting->objects[nesting->depth / 64];
    uint64_t bit = UINT64_C(1) << (nesting->depth % 64);

    *word = is_object ? *word | bit : *word & ~bit;
    nesting->depth++;
}

/* A key and its colon. */
static const uint32_t *skip_key(struct row_reader *reader, const uint32_t *token)
{
    if (reader->base[*token] != '"')
        return row_reader_broken(reader, token, "expected a field's name in quotes");
    token = skip_scalar(reader, token);
    if (token == NULL)
        return NULL;
    if (reader->base[*token] != ':')
        return row_reader_broken(reader, token, "expected \":\"");
    return token + 1;
}

/* After a value: closes what ends there. Then either depth is 0, or another value follows. */
static const uint32_t *skip_to_next(struct row_reader *reader, const uint32_t *token,
                                    struct nesting *nesting)
{
    while (nesting->depth > 0) {
        bool is_object = nesting_is_object(nesting);
        char c = reader->base[*token];

        if (c == ',') {
            token++;
            return is_object ? skip_key(reader, token) : token;
        }
        if (c != (is_object ? '}' : ']'))
            return row_reader_broken(reader, token, "expected \",\" or \"%c\"",
                                     is_object ? '}' : ']');
        nesting->depth--;
        token++;
    }
    return token;
}

const uint32_t *row_skip_value(struct row_reader *reader, const uint32_t *token)
{
    struct nesting nesting = {0};

    do {
        char c = reader->base[*token];

        /* Not into the next rows: each of them would be walked again and again. */
        if (*token >= reader->row_end)
            return row_reader_broken(reader, token, "expected a value");
        if (c == '{' || c == '[') {
            bool is_object = c == '{';

            if (nesting.depth == ROW_DEPTH_MAX)
                return row_reader_broken(reader, token, "nested deeper than %d", ROW_DEPTH_MAX);
            nesting_push(&nesting, is_object);
            token++;
            if (reader->base[*token] != (is_object ? '}' : ']')) {
                token = is_object ? skip_key(reader, token) : token;
                if (token == NULL)
                    return NULL;
                continue;
            }
        } else {
            token = skip_scalar(reader, token);
            if (token == NULL)
                return NULL;
        }
        token = skip_to_next(reader, token, &nesting);
    } while (token != NULL && nesting.depth > 0);
    return token;
}
