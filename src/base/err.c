// SPDX-License-Identifier: Apache-2.0
/* err.c - see err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, int code, const char *format, ...)
{
    va_list args;

    if (err == NULL)
        return code;
    err->code = code;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return code;
}

int err_set_errno(struct err *err, int errno_value, const char *format, ...)
{
    int code = errno_value == ENOSPC || errno_value == EDQUOT ? ERR_FULL : ERR_IO;
    char reason[128];
    size_t used;
    va_list args;

    if (err == NULL)
        return code;
    err->code = code;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s",
             strerror_r(errno_value, reason, sizeof(reason)));
    return code;
}

void err_prefix(struct err *err, const char *format, ...)
{
    char prefix[256];
    char rest[sizeof(err->text)];
    va_list args;

    if (err == NULL)
        return;
    va_start(args, format);
    vsnprintf(prefix, sizeof(prefix), format, args);
    va_end(args);
    memcpy(rest, err->text, sizeof(rest));
    /* What does not fit is cut: the place matters more than the end of the sentence. */
    if (snprintf(err->text, sizeof(err->text), "%s: %.250s", prefix, rest) < 0)
        err->text[0] = '\0';
}

const char *err_code_text(int code)
{
    switch (code) {
#define ERR_TEXT(name, text, status)                                                               \
    case name:                                                                                     \
        return text;
        ERR_CODES(ERR_TEXT)
#undef ERR_TEXT
    default:
        return "internal";
    }
}

int err_code_status(int code)
{
    switch (code) {
#define ERR_STATUS(name, text, status)                                                             \
    case name:                                                                                     \
        return status;
        ERR_CODES(ERR_STATUS)
#undef ERR_STATUS
    default:
        return 500;
    }
}
