// SPDX-License-Identifier: Apache-2.0
/*
 * say.h - diagnostics for the operator, one line each on stderr.
 *
 * A line is "2026-01-31T12:00:00.123Z warn  journal: text". Only main, node and serve say things;
 * libraries return errors. Never one line per event.
 *
 * Thread: any; a line is written with one write(2).
 */
#ifndef TALLYWHEEL_BASE_SAY_H
#define TALLYWHEEL_BASE_SAY_H

enum say_level { SAY_DEBUG, SAY_INFO, SAY_WARN, SAY_ERROR };

/* Lines below `level` are dropped. The default is SAY_INFO. */
void say_set_level(enum say_level level);

void say(enum say_level level, const char *who, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define say_debug(who, ...) say(SAY_DEBUG, who, __VA_ARGS__)
#define say_info(who, ...) say(SAY_INFO, who, __VA_ARGS__)
#define say_warn(who, ...) say(SAY_WARN, who, __VA_ARGS__)
#define say_error(who, ...) say(SAY_ERROR, who, __VA_ARGS__)

#endif
