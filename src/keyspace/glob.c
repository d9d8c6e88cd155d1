// SPDX-License-Identifier: Apache-2.0
/*
 * glob.c - the patterns of KEYS, SCAN and ZSCAN: * ? [a-z] [^a-z] and \ before a byte.
 *
 * Over bytes, as Redis matches them, down to patterns that are not well formed: a class that is
 * not closed ends with the pattern, a \ at the end stands for itself, and [] matches nothing.
 * Whenever the text does not go on as the pattern does, the last * takes one byte more, which is
 * enough; so the time is the product of both sizes at most.
 */
#include "keyspace/keyspace_private.h"

/* Whether the class whose [ is before `*at` has the byte; moves `*at` behind its ]. */
static bool class_has(struct span pattern, size_t *at, uint8_t byte)
{
    const uint8_t *p = (const uint8_t *)pattern.data;
    size_t i = *at;
    bool negated = i < pattern.size && p[i] == '^';
    bool found = false;

    if (negated)
        i++;
    for (; i < pattern.size && p[i] != ']'; i++) {
        if (p[i] == '\\' && i + 1 < pattern.size) {
            found |= p[++i] == byte;
        } else if (i + 2 < pattern.size && p[i + 1] == '-') {
            uint8_t low = p[i] < p[i + 2] ? p[i] : p[i + 2];
            uint8_t high = p[i] < p[i + 2] ? p[i + 2] : p[i];

            found |= byte >= low && byte <= high;
            i += 2;
        } else {
            found |= p[i] == byte;
        }
    }
    *at = i < pattern.size ? i + 1 : i;
    return found != negated;
}

/* Whether the pattern at `*at` (no *) begins with something that matches the byte; moves on. */
static bool match_byte(struct span pattern, size_t *at, uint8_t byte)
{
    char c = pattern.data[(*at)++];

    if (c == '?')
        return true;
    if (c == '[')
        return class_has(pattern, at, byte);
    if (c == '\\' && *at < pattern.size)
        c = pattern.data[(*at)++];
    return (uint8_t)c == byte;
}

bool glob_match(struct span pattern, struct span text)
{
    size_t at = 0;
    size_t i = 0;
    size_t star_at = SIZE_MAX; /* behind the last *, and the text that it has left */
    size_t star_i = 0;

    while (i < text.size) {
        if (at < pattern.size && pattern.data[at] == '*') {
            star_at = ++at;
            star_i = i;
        } else if (at < pattern.size && match_byte(pattern, &at, (uint8_t)text.data[i])) {
            i++;
        } else if (star_at != SIZE_MAX) {
            at = star_at;
            i = ++star_i;
        } else {
            return false;
        }
    }
    while (at < pattern.size && pattern.data[at] == '*')
        at++;
    return at == pattern.size;
}

bool glob_is_literal(struct span pattern)
{
    for (size_t i = 0; i < pattern.size; i++)
        if (memchr("*?[\\", pattern.data[i], 4) != NULL)
            return false;
    return true;
}
