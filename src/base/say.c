// SPDX-License-Identifier: Apache-2.0
/* say.c - see say.h. */
#include "base/say.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic int level_min = SAY_INFO;

static const char *const level_names[] = {"debug", "info ", "warn ", "error"};

void say_set_level(enum say_level level)
{
    atomic_store(&level_min, (int)level);
}

void say(enum say_level level, const char *who, const char *format, ...)
{
    char line[1024];
    struct timespec now;
    struct tm calendar;
    size_t used;
    va_list args;

    if ((int)level < atomic_load(&level_min))
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &calendar);
    used = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &calendar);
    used += (size_t)snprintf(line + used, sizeof(line) - used,
                             ".%03ldZ %s %s: ", now.tv_nsec / 1000000, level_names[level], who);
    va_start(args, format);
    vsnprintf(line + used, sizeof(line) - used - 1, format, args);
    va_end(args);
    used = strlen(line);
    line[used++] = '\n';
    /* If stderr is gone there is nobody left to tell. */
    (void)!write(STDERR_FILENO, line, used);
}
