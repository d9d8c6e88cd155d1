// SPDX-License-Identifier: Apache-2.0
/*
 * figures.h - what every driver does alike: its clock, its figures, its way to fail.
 *
 * A figure is one line of stdout, "figure<TAB>name<TAB>value<TAB>unit", which scripts/bench
 * collects; everything else that a driver prints is for people.
 */
#ifndef TALLYWHEEL_BENCH_SUPPORT_FIGURES_H
#define TALLYWHEEL_BENCH_SUPPORT_FIGURES_H

#include <stdint.h>

struct histogram;

uint64_t figures_now_ns(void);    /* the monotonic clock */
uint64_t figures_cpu_ns(void);    /* processor time of this process */
uint64_t figures_thread_ns(void); /* processor time of this thread */

void figures_print(const char *name, double value, const char *unit);

/* name.p50, .p99 and .p999 in milliseconds. */
void figures_print_latency(const char *name, const struct histogram *histogram);

double figures_median(double *values, uint32_t count);

/* Says why, and ends the process (and with it what it started) with 1. */
void figures_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/*
 * The value of `--name value` (or `--name=value`) in the arguments; the default if it is not there.
 * Whoever reads all its options calls figures_end_options, which fails on what nobody asked for.
 */
const char *figures_option(int argc, char **argv, const char *name, const char *default_value);
double figures_option_number(int argc, char **argv, const char *name, double default_value);
void figures_end_options(int argc, char **argv, const char *usage);

#endif
