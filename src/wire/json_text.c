// SPDX-License-Identifier: Apache-2.0
/* json_text.c - see json_text.h. */
#include "wire/json_text.h"

/* Where the JSON number at `at` ends, or NULL if it is none. */
const char *json_text_number_end(const char *at)
{
    at += *at == '-';
    if (!json_text_is_digit(*at))
        return NULL;
    if (*at == '0')
        at++;
    else
        while (json_text_is_digit(*at))
            at++;
    if (*at == '.') {
        if (!json_text_is_digit(*++at))
            return NULL;
        while (json_text_is_digit(*at))
            at++;
    }
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '+' || *at == '-';
        if (!json_text_is_digit(*at))
            return NULL;
        while (json_text_is_digit(*at))
            at++;
    }
    return json_text_ends(*at) ? at : NULL;
}

static bool is_hex(char c)
{
    return json_text_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool json_text_escapes_are_valid(struct span text)
{
    const char *at = text.data;
    const char *end = text.data + text.size;

    while ((at = memchr(at, '\\', (size_t)(end - at))) != NULL) {
        if (at[1] == 'u') {
            for (int i = 2; i < 6; i++)
                if (!is_hex(at[i]))
                    return false;
            at += 6;
        } else if (memchr("\"\\/bfnrt", at[1], 8) != NULL) {
            at += 2;
        } else {
            return false;
        }
    }
    return true;
}
